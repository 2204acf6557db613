//! Whose token it is, and until when: as the tables say at that moment, or said at most five seconds before.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use auth::Role;
use harness::upstream::FakeUpstream;
use harness::{Answer, Client, TestApp, build};
use serde_json::json;
use sourcegate_core::OrgId;
use store::Admin;

use super::items::{ACCESS, Item, Items, REGISTRY, number, string, text};

/// How long an entry may be remembered, and some time for a busy machine.
const BOUND: Duration = Duration::from_secs(5 + 15);

/// A gateway with a data source, and a viewer whose items are changed behind its back.
struct Fixture {
    app: TestApp,
    items: Items,
    upstream: FakeUpstream,
    viewer: Client,
    /// The viewer's service account.
    account: String,
    proxy: String,
}

async fn fixture() -> Fixture {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let proxy = app.as_admin().create_proxied(&build::plain("a", &upstream.url())).await;
    let (items, viewer) = (Items::of(&app), app.as_viewer().await);
    let accounts = items.partition(ACCESS, "SA#1").await;
    let account = accounts.iter().find(|item| string(item, "role") == "Viewer");
    let account = string(account.expect("the viewer's account"), "sk");
    Fixture { app, items, upstream, viewer, account, proxy }
}

impl Fixture {
    async fn token_key(&self) -> String {
        let listed = ("SATOKEN#1", &*format!("{}#0000000001", self.account));
        string(&self.items.get(ACCESS, listed).await, "token")
    }

    /// Checks that the registry refuses at once and the proxy within the bound, with the same words.
    async fn is_refused(&self, message: &str) {
        let listed = self.viewer.get("/api/datasources").await;
        assert_eq!((listed.status.as_u16(), &*listed.message()), (401, message));
        let started = Instant::now();
        let proxied = loop {
            let before = self.upstream.requests().len();
            let proxied = self.viewer.get(&self.proxy).await;
            if proxied.status != 200 {
                assert_eq!(self.upstream.requests().len(), before, "nothing is sent");
                break proxied;
            }
            assert!(started.elapsed() < BOUND, "still let through");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!((proxied.status.as_u16(), &*proxied.message()), (401, message));
    }
}

#[tokio::test]
async fn a05_a_revoked_token_is_refused_within_the_bound() {
    let f = fixture().await;
    assert_eq!(f.viewer.get(&f.proxy).await.status, 200);
    f.items.delete(ACCESS, (&f.token_key().await, "-")).await;
    f.is_refused("Invalid API key").await;
}

#[tokio::test]
async fn a05_a_disabled_or_deleted_account_is_refused() {
    let f = fixture().await;
    let account = ("SA#1", &*f.account);
    let disable = |item: &mut Item| {
        item.insert("disabled".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    };
    let was = f.items.change(ACCESS, account, disable).await;
    f.is_refused("Invalid API key").await;
    f.items.put(ACCESS, was).await;
    assert_eq!(f.viewer.get("/api/datasources").await.status, 200);
    assert_eq!(f.viewer.get(&f.proxy).await.status, 200, "a refusal is not remembered");
    f.items.delete(ACCESS, account).await;
    f.is_refused("Invalid API key").await;
}

#[tokio::test]
async fn a05_d20_an_expired_token_is_refused_while_it_is_still_in_the_table() {
    let f = fixture().await;
    let key = f.token_key().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let now = i64::try_from(now).expect("a time");
    let expires = async |at: i64| {
        let set = |item: &mut Item| {
            item.insert("expires".to_owned(), number(at));
        };
        f.items.change(ACCESS, (&key, "-"), set).await;
    };
    expires(now + 3_600).await;
    assert_eq!(f.viewer.get("/api/datasources").await.status, 200);
    for at in [now, now - 1, 1] {
        expires(at).await;
        f.is_refused("Expired API key").await;
    }
}

#[tokio::test]
async fn an_organisation_that_is_being_deleted_refuses_all() {
    let f = fixture().await;
    let root = f.app.as_admin_user();
    let one = json!({ "login": "one", "password": "a long password" });
    assert_eq!(root.post("/api/admin/users", &one).await.status, 200);
    let member = Client::basic(f.app.address(), "one", "a long password");
    assert_eq!(member.get("/api/org").await.status, 200);
    let delete = |item: &mut Item| {
        item.insert("deleting".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    };
    f.items.change(ACCESS, ("ORG#1", "META"), delete).await;
    f.is_refused("Invalid API key").await;
    let user = member.get("/api/org").await;
    assert_eq!((user.status.as_u16(), &*user.message()), (401, "Unauthorized"));
    // The server's administrator keeps the server, and has no role in what is going.
    assert_eq!(root.get("/api/users").await.status, 200);
    assert_eq!(root.get("/api/datasources").await.status, 403);
}

#[tokio::test]
async fn d17_a_damaged_token_is_a_bad_record_and_not_in_the_answer() {
    let f = fixture().await;
    let key = f.token_key().await;
    let damage = |item: &mut Item| {
        item.insert("owner".to_owned(), text("x"));
    };
    f.items.change(ACCESS, (&key, "-"), damage).await;
    let listed = f.viewer.get("/api/datasources").await;
    assert_eq!((listed.status.as_u16(), &*listed.cause()), (500, "bad_record"));
    assert!(!listed.text().contains("TOKEN"), "{}", listed.text());
    assert_eq!(f.app.as_admin().get("/api/datasources").await.status, 200);
}

#[tokio::test]
async fn a10_no_login_reaches_another_item_or_breaks_a_key() {
    let app = TestApp::start().await;
    let long = "x".repeat(3_000);
    for login in ["", "#", "admin#", "a\u{0}b", "é", "../admin", "api_key ", &long] {
        let answer = Client::basic(app.address(), login, "x").get("/api/datasources").await;
        let told = (answer.status.as_u16(), answer.message());
        assert_eq!(told, (401, "Invalid username or password".to_owned()), "{login:?}");
    }
}

/// A second organisation, which nothing makes yet, with a token of a role.
async fn second_org(app: &TestApp, role: Role) -> Client {
    use secrecy::ExposeSecret;
    let items = Items::of(app);
    let mut meta = items.get(ACCESS, ("ORG#1", "META")).await;
    meta.insert("pk".to_owned(), text("ORG#2"));
    items.put(ACCESS, meta).await;
    let org = OrgId::new(2).expect("an organisation");
    let made = Admin::new(app.store().clone()).create_token(org, role).await.expect("a token");
    Client::new(app.address(), Some(format!("Bearer {}", made.text.expose_secret())))
}

/// What an answer says, without what differs in every answer.
fn said(answer: &Answer) -> serde_json::Value {
    let mut body = answer.json();
    body["traceID"] = json!("…");
    body["status"] = json!(answer.status.as_u16());
    body
}

#[tokio::test]
async fn a08_another_organisations_data_source_is_as_absent_on_every_route() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let source = build::with(build::plain("a", &upstream.url()), json!({ "uid": "a" }));
    let made = app.as_admin().create(&source).await;
    let other = second_org(&app, Role::Admin).await;
    assert_eq!(other.get("/api/datasources").await.json(), json!([]));
    let change = build::with(source.clone(), json!({ "uid": "" }));
    let (theirs, absent) = (made["id"].to_string(), "4711".to_owned());
    for (wanted, nobodys) in [
        ("/api/datasources/uid/a".to_owned(), "/api/datasources/uid/b".to_owned()),
        (format!("/api/datasources/{theirs}"), format!("/api/datasources/{absent}")),
        ("/api/datasources/proxy/uid/a/x".to_owned(), "/api/datasources/proxy/uid/b/x".to_owned()),
        (
            format!("/api/datasources/proxy/{theirs}/x"),
            format!("/api/datasources/proxy/{absent}/x"),
        ),
    ] {
        let (found, unknown) = (other.get(&wanted).await, other.get(&nobodys).await);
        assert_eq!(found.status, 404, "{wanted}: {}", found.text());
        assert_eq!(said(&found), said(&unknown), "{wanted}");
    }
    let path = |uid: &str| format!("/api/datasources/uid/{uid}");
    let put = [other.put(&path("a"), &change).await, other.put(&path("b"), &change).await];
    assert_eq!((put[0].status.as_u16(), said(&put[0])), (404, said(&put[1])));
    let deleted = [other.delete(&path("a")).await, other.delete(&path("b")).await];
    assert_eq!((deleted[0].status.as_u16(), said(&deleted[0])), (404, said(&deleted[1])));
    assert!(upstream.requests().is_empty());
    assert_eq!(app.as_admin().get(&path("a")).await.json()["version"], 1);
}

#[tokio::test]
async fn a09_numbers_names_uids_and_defaults_are_each_organisations_own() {
    let app = TestApp::start().await;
    let (one, two) = (app.as_admin(), second_org(&app, Role::Admin).await);
    let source = |url: &str| build::with(build::plain("a", url), json!({ "uid": "a" }));
    let first = one.create(&source("http://127.0.0.1:1")).await;
    let second = two.create(&source("http://127.0.0.1:2")).await;
    for made in [&first, &second] {
        assert_eq!((&made["id"], &made["isDefault"]), (&json!(1), &json!(true)));
    }
    assert_eq!((&first["orgId"], &second["orgId"]), (&json!(1), &json!(2)));
    assert_eq!(two.delete("/api/datasources/uid/a").await.status, 200);
    let read = one.get("/api/datasources/uid/a").await.json();
    assert_eq!((&read["url"], &read["isDefault"]), (&json!("http://127.0.0.1:1"), &json!(true)));
    assert!(Items::of(&app).partition(REGISTRY, "DS#2").await.is_empty());
}

#[tokio::test]
async fn a_caller_is_in_his_own_organisation_only() {
    let app = TestApp::start().await;
    second_org(&app, Role::Viewer).await;
    let asked = async |client: &Client| {
        let request = client.request(http::Method::GET, "/api/datasources");
        let answer = client.send(request.header("x-grafana-org-id", "2")).await;
        (answer.status.as_u16(), answer.message())
    };
    let mismatch = "API key does not belong to the requested organization".to_owned();
    assert_eq!(asked(&app.as_admin()).await, (401, mismatch));
    assert_eq!(asked(&app.as_admin_user()).await, (401, "Unauthorized".to_owned()));
}

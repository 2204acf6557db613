//! The end of an organisation: nothing of it is left, wherever whoever deletes it is stopped.

use std::time::{SystemTime, UNIX_EPOCH};

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use harness::app::PASSWORD;
use harness::{Client, Faults, TestApp, build};
use http::Method;
use serde_json::json;
use sourcegate_core::OrgId;

use super::items::{ACCESS, Item, Items, REGISTRY, string};

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time")
}

/// Lists every item that has to do with an organisation, as `pk sk`. The tables cannot be scanned, so that this is a list
/// of its own of where such items are.
async fn left(app: &TestApp, org: OrgId) -> Vec<String> {
    let (items, id) = (Items::of(app), org.to_string());
    let padded = format!("{:010}", org.get());
    let number = |item: &Item| item.get("id").and_then(|value| value.as_n().ok()) == Some(&id);
    let mut found = Vec::new();
    for (table, kinds) in [
        (ACCESS, &["ORG", "KEY", "SA", "SATOKEN", "MEMBER"][..]),
        (REGISTRY, &["DS", "SEC", "NAME", "ID", "CORR"][..]),
    ] {
        for kind in kinds {
            found.extend(items.partition(table, &format!("{kind}#{id}")).await);
        }
        let counters = items.partition(table, "COUNTER").await;
        found.extend(
            counters.into_iter().filter(|item| string(item, "sk").starts_with(&format!("{id}#"))),
        );
    }
    found.extend(items.find(REGISTRY, ("DEFAULT", &id)).await);
    for pk in ["ORGS", "SWEEP"] {
        found.extend(items.find(ACCESS, (pk, &padded)).await);
    }
    found.extend(items.partition(ACCESS, "ORGNAME").await.into_iter().filter(number));
    for login in ["admin", "bob", "carol"] {
        let user = items.get(ACCESS, (&format!("USER#{login}"), "-")).await;
        let is_in = user["orgs"].as_m().expect("roles").contains_key(&id);
        found.extend(is_in.then_some(user));
    }
    let mut found: Vec<_> =
        found.iter().map(|item| format!("{} {}", string(item, "pk"), string(item, "sk"))).collect();
    found.sort();
    found
}

/// An organisation with some of everything in it: data sources, secrets, a default, members, a token.
struct Filled {
    org: OrgId,
    token: Client,
    /// Where the token is stored.
    stored: String,
}

impl Filled {
    async fn new(app: &TestApp, name: &str) -> Self {
        let org = app.create_org(name).await;
        let token = app.as_role_in(org, Role::Admin).await;
        for uid in ["a", "b"] {
            let fields = json!({ "uid": uid, "secureJsonData": { "s": "canary" } });
            token.create(&build::with(build::plain(uid, "http://h"), fields)).await;
        }
        let correlation = json!({ "targetUID": "b", "label": "l", "type": "query", "config": { "field": "f", "target": {} } });
        let path = "/api/datasources/uid/a/correlations";
        let correlated = token.post(path, &correlation).await;
        assert_eq!(correlated.status, 200, "{}", correlated.text());
        for login in ["bob", "carol"] {
            let joining = json!({ "loginOrEmail": login, "role": "Editor" });
            let joined = token.post("/api/org/users", &joining).await;
            assert_eq!(joined.status, 200, "{}", joined.text());
        }
        let tokens = Items::of(app).partition(ACCESS, &format!("SATOKEN#{org}")).await;
        Self { org, token, stored: string(&tokens[0], "token") }
    }
}

/// A gateway with two users who are in the main organisation too.
async fn app() -> TestApp {
    let app = TestApp::start().await;
    for login in ["bob", "carol"] {
        app.create_user(login, OrgId::MAIN, "Viewer").await;
    }
    app
}

async fn delete(app: &TestApp, org: OrgId) -> u16 {
    app.as_admin_user().delete(&format!("/api/orgs/{org}")).await.status.as_u16()
}

/// Deletes an organisation, stopped as soon as it is closed, before anything is swept.
async fn closed(app: &TestApp, org: OrgId) {
    for calls in 1..20 {
        app.tables().kill_after(calls);
        assert!(delete(app, org).await >= 500);
        app.tables().revive();
        if left(app, org).await.contains(&waiting(org)) {
            return;
        }
    }
    panic!("it was not closed");
}

fn tombstone(org: OrgId) -> String {
    format!("ORG#{org} META")
}

fn waiting(org: OrgId) -> String {
    format!("SWEEP {:010}", org.get())
}

#[tokio::test]
async fn of_a_deleted_organisation_only_its_tombstone_is_left() {
    let app = app().await;
    let Filled { org, token, stored } = Filled::new(&app, "Second").await;
    assert!(Items::of(&app).find(ACCESS, (&stored, "-")).await.is_some());
    let third = Filled::new(&app, "Third").await;
    let others = left(&app, third.org).await;
    assert!(others.len() > 15 && left(&app, org).await.len() == others.len(), "{others:?}");
    assert_eq!(delete(&app, org).await, 200);
    assert_eq!(left(&app, org).await, [tombstone(org), waiting(org)]);
    assert!(Items::of(&app).find(ACCESS, (&stored, "-")).await.is_none());
    assert_eq!(token.get("/api/datasources").await.status, 401);
    assert_eq!(delete(&app, org).await, 404);
    // What somebody wrote who was let in before is swept a minute later.
    let late = app.dynamodb().put_item().table_name(REGISTRY);
    let late = late.item("pk", super::items::text(format!("DS#{org}")));
    late.item("sk", super::items::text("late")).send().await.expect("a write");
    app.store().sweep_due(seconds_now() + 50).await.expect("a sweep");
    assert_eq!(left(&app, org).await.len(), 3, "not yet");
    app.store().sweep_due(seconds_now() + 61).await.expect("a sweep");
    assert_eq!(left(&app, org).await, [tombstone(org)]);
    assert_eq!(left(&app, third.org).await, others, "others stay as they are");
    assert_eq!(third.token.get("/api/datasources").await.json().as_array().map(Vec::len), Some(2));
    let meta = Items::of(&app).get(ACCESS, (&format!("ORG#{org}"), "META")).await;
    assert!(!meta.contains_key("name") && meta["deleting"] == AttributeValue::Bool(true));
}

#[tokio::test]
async fn while_it_is_swept_nothing_of_it_is_served() {
    let app = app().await;
    let Filled { org, token, .. } = Filled::new(&app, "Second").await;
    let admin = app.as_admin_user();
    let bob = Client::basic(app.address(), "bob", PASSWORD);
    let in_second = |method: Method, path: &str| {
        bob.request(method, path).header("x-grafana-org-id", org.to_string())
    };
    assert_eq!(bob.send(in_second(Method::GET, "/api/org")).await.status, 200);
    closed(&app, org).await;
    assert!(left(&app, org).await.len() > 15, "nothing was swept");
    assert_eq!(token.get("/api/datasources").await.status, 401);
    assert_eq!(bob.send(in_second(Method::GET, "/api/org")).await.status, 401);
    assert_eq!(
        bob.send_text(Method::POST, &format!("/api/user/using/{org}"), "").await.status,
        401
    );
    let path = format!("/api/orgs/{org}");
    for gone in [
        admin.get(&path).await,
        admin.get(&format!("{path}/users")).await,
        admin.get("/api/orgs/name/Second").await,
    ] {
        assert_eq!((gone.status.as_u16(), &*gone.message()), (404, "Organization not found"));
    }
    let named = json!({ "name": "x" });
    assert_eq!(admin.put(&path, &named).await.status, 404);
    let joining = json!({ "loginOrEmail": "admin", "role": "Viewer" });
    assert_eq!(admin.post(&format!("{path}/users"), &joining).await.status, 404);
    let user = json!({ "login": "new", "password": PASSWORD, "OrgId": org.get() });
    assert_eq!(admin.post("/api/admin/users", &user).await.status, 400);
    assert_eq!(admin.get("/api/user/orgs").await.json().as_array().map(Vec::len), Some(1));
    assert_eq!(
        admin.post("/api/orgs", &json!({ "name": "Second" })).await.status,
        200,
        "the name is free"
    );
    assert_eq!(delete(&app, org).await, 200, "who asks again goes on");
    assert_eq!(left(&app, org).await, [tombstone(org), waiting(org)]);
}

/// Deletes an organisation, stopped after so many calls, and goes on from there; tells whether it was stopped at all.
async fn killed_after(app: &TestApp, calls: i64) -> bool {
    let name = format!("killed after {calls}");
    let Filled { org, token, stored } = Filled::new(app, &name).await;
    app.tables().kill_after(calls);
    let status = delete(app, org).await;
    app.tables().revive();
    if status == 200 {
        assert_eq!(left(app, org).await, [tombstone(org), waiting(org)], "{calls}");
        return false;
    }
    let closed = token.get("/api/datasources").await.status == 401;
    if closed && calls % 2 == 0 {
        app.store().sweep_due(seconds_now()).await.expect("a sweep");
    } else {
        assert_eq!(delete(app, org).await, 200, "{calls}: {closed}");
    }
    assert_eq!(left(app, org).await, [tombstone(org), waiting(org)], "{calls}");
    assert!(Items::of(app).find(ACCESS, (&stored, "-")).await.is_none(), "{calls}");
    app.store().sweep_due(seconds_now() + 61).await.expect("a sweep");
    assert_eq!(left(app, org).await, [tombstone(org)], "{calls}");
    true
}

async fn killed(step: usize) {
    let app = app().await;
    for calls in (0..400).step_by(step) {
        if !killed_after(&app, calls).await {
            assert!(calls > 40, "it took {calls} calls only");
            let users = app.store().users().await.expect("users");
            assert_eq!(users.len(), 3);
            return;
        }
    }
    panic!("it never came to its end");
}

#[tokio::test]
async fn a_deletion_that_was_killed_goes_on() {
    killed(7).await;
}

#[tokio::test]
#[ignore = "seven times as long: make soak"]
async fn soak_a_deletion_that_was_killed_after_any_call_goes_on() {
    killed(1).await;
}

#[tokio::test]
async fn a_deletion_over_tables_at_their_worst_leaves_nothing() {
    let app = app().await;
    let Filled { org, .. } = Filled::new(&app, "Second").await;
    app.tables().set(Faults::worst());
    let mut statuses = Vec::new();
    while statuses.last() != Some(&200) && statuses.len() < 10 {
        statuses.push(delete(&app, org).await);
    }
    app.tables().set(Faults::default());
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    assert_eq!(app.tables().stale_reads(), 0);
    assert_eq!(left(&app, org).await, [tombstone(org), waiting(org)]);
}

#[tokio::test]
async fn d17_damaged_items_stand_in_the_way_of_no_deletion() {
    let app = app().await;
    let items = Items::of(&app);
    let orgs = [Filled::new(&app, "Second").await.org, Filled::new(&app, "Third").await.org];
    let broken = |item: &mut Item| drop(item.insert("id".to_owned(), AttributeValue::Null(true)));
    items.change(ACCESS, (&format!("MEMBER#{}", orgs[0]), "bob"), broken).await;
    let broken = |item: &mut Item| drop(item.remove("org"));
    let was = items.change(ACCESS, ("USER#carol", "-"), broken).await;
    assert_eq!(delete(&app, orgs[0]).await, 200);
    items.put(ACCESS, was).await;
    assert_eq!(delete(&app, orgs[1]).await, 200);
    app.store().sweep_due(seconds_now() + 61).await.expect("a sweep");
    // Whom it could not change still has it in his own item, where it opens nothing.
    let expected = ["ORG#2 META", "USER#bob -", "USER#carol -"];
    assert_eq!(left(&app, orgs[0]).await, expected);
    assert_eq!(left(&app, orgs[1]).await, [tombstone(orgs[1])]);
    let bob = Client::basic(app.address(), "bob", PASSWORD);
    let asked = bob.request(Method::GET, "/api/org").header("x-grafana-org-id", "2");
    assert_eq!(bob.send(asked).await.status, 401);
    assert_eq!(bob.get("/api/user/orgs").await.json().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn members_who_come_while_it_ends_are_not_in_it() {
    let app = app().await;
    let admin = app.as_admin_user();
    for round in 0..5 {
        let org = app.create_org(&format!("n{round}")).await;
        let path = format!("/api/orgs/{org}");
        let joining: Vec<_> =
            ["bob", "carol"].map(|who| json!({ "loginOrEmail": who, "role": "Admin" })).into();
        let users = format!("{path}/users");
        let joins =
            futures_util::future::join_all(joining.iter().map(|body| admin.post(&users, body)));
        let (deleted, joined) = tokio::join!(admin.delete(&path), joins);
        assert_eq!(deleted.status, 200, "{}", deleted.text());
        assert!(
            joined.iter().all(|answer| [200, 404].contains(&answer.status.as_u16())),
            "{joined:?}"
        );
        app.store().sweep_due(seconds_now() + 61).await.expect("a sweep");
        assert_eq!(left(&app, org).await, [tombstone(org)]);
    }
}

#[tokio::test]
async fn the_next_start_goes_on_with_what_was_left() {
    let app = app().await;
    let Filled { org, .. } = Filled::new(&app, "Second").await;
    closed(&app, org).await;
    let data = app.stop().await;
    let app = TestApp::with(|setup| setup.data = data.path().to_owned()).await;
    assert_eq!(left(&app, org).await, [tombstone(org), waiting(org)]);
}

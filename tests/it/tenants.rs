//! Every route, asked with a credential of one organisation for what another has: answered as if there were no such thing,
//! to the byte.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use auth::Role;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use harness::upstream::{self, FakeUpstream};
use harness::{Answer, Client, TestApp, build};
use http::Method;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

use crate::openapi::{Operation, document, operations};

/// What a path's parameter stands for in the other organisation, and what of the same length stands for nothing.
struct Place {
    parameter: &'static str,
    /// Which paths it is the parameter of.
    below: &'static str,
    theirs: String,
    nothing: String,
}

/// An organisation with something of everything, and another that has less of everything.
struct Tenants {
    app: TestApp,
    theirs: OrgId,
    places: Vec<Place>,
}

impl Tenants {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let theirs = app.create_org("their org").await;
        let admin = app.as_role_in(theirs, Role::Admin).await;
        for name in ["one", "two", "their"] {
            let source = build::plain(name, "http://one.example");
            let source = build::with(source, json!({ "uid": format!("uid-of-{name}") }));
            assert_eq!(admin.create(&source).await["uid"], format!("uid-of-{name}"));
        }
        let source = admin.get("/api/datasources/name/their").await.json();
        let correlation = json!({ "targetUID": "uid-of-one", "label": "x", "type": "query",
            "config": { "field": "x", "target": {} } });
        let path = "/api/datasources/uid/uid-of-their/correlations";
        let correlation = admin.post(path, &correlation).await.json()["result"]["uid"].clone();
        let account = json!({ "name": "robot", "role": "Viewer" });
        let account = admin.post("/api/serviceaccounts", &account).await.json()["id"].clone();
        let path = format!("/api/serviceaccounts/{account}/tokens");
        let token = admin.post(&path, &json!({ "name": "key" })).await.json()["id"].clone();
        app.create_user("theirs", theirs, "Editor").await;
        let user = app.as_admin_user().get("/api/users/lookup?loginOrEmail=theirs").await.json();
        let place = |parameter, below, theirs: &Value, nothing: &str| {
            let theirs = theirs.as_str().map_or_else(|| theirs.to_string(), str::to_owned);
            let nothing = nothing.chars().cycle().take(theirs.len()).collect();
            assert_ne!(theirs, "null", "{parameter}");
            Place { parameter, below, theirs, nothing }
        };
        let places = vec![
            place("{uid}", "/api/", &json!("uid-of-their"), "no-such-uid-"),
            place("{id}", "/api/datasources", &source["id"], "9"),
            place("{name}", "/api/datasources", &json!("their"), "nobody"),
            place("{name}", "/api/orgs", &json!("their org"), "no such org"),
            place("{correlation}", "/api/datasources", &correlation, "abcdefghijklmn"),
            place("{org}", "/api/", &json!(theirs.get()), "9"),
            place("{account}", "/api/", &account, "9"),
            place("{token}", "/api/", &token, "9"),
            place("{user}", "/api/", &user["id"], "9"),
        ];
        Self { app, theirs, places }
    }

    /// The paths of an operation: to theirs, and to nothing.
    fn paths(&self, operation: &Operation) -> [String; 2] {
        [true, false].map(|is_theirs| {
            let segment = |segment: &str| {
                let fits = |place: &&Place| {
                    place.parameter == segment && operation.path.starts_with(place.below)
                };
                match self.places.iter().find(fits) {
                    Some(place) if is_theirs => place.theirs.clone(),
                    Some(place) => place.nothing.clone(),
                    None => match segment {
                        "{path}" => "api/v1/query".to_owned(),
                        "{role}" => "Viewer".to_owned(),
                        "{team}" | "{key}" => "1".to_owned(),
                        literal => {
                            assert!(!literal.starts_with('{'), "{literal} of {}", operation.path);
                            literal.to_owned()
                        }
                    },
                }
            };
            operation.path.split('/').map(segment).collect::<Vec<_>>().join("/").replace(' ', "%20")
        })
    }

    /// What an answer tells, whichever thing was asked for.
    fn told(&self, answer: &Answer) -> (u16, Vec<(String, String)>, String) {
        let mut text = answer.text();
        for place in &self.places {
            for own in [&place.theirs, &place.nothing] {
                text = text.replace(&format!("`{own}`"), "`…`");
            }
        }
        for drawn in ["traceID", "accessErrorId"] {
            if let Some(drawn) = answer.json()[drawn].as_str() {
                text = text.replace(drawn, "…");
            }
        }
        let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
        let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
        (answer.status.as_u16(), headers.collect(), text)
    }

    /// Everything that they have, as they see it.
    async fn state(&self) -> Vec<String> {
        let admin = self.app.as_role_in(self.theirs, Role::Admin).await;
        let account = self.places.iter().find(|place| place.parameter == "{account}");
        let account = &account.expect("an account").theirs;
        let mut state = Vec::new();
        for path in [
            "/api/datasources".to_owned(),
            "/api/datasources/correlations".to_owned(),
            "/api/access-control/datasources/uid-of-their".to_owned(),
            "/api/org".to_owned(),
            "/api/org/users?perpage=9".to_owned(),
            format!("/api/serviceaccounts/{account}"),
            format!("/api/serviceaccounts/{account}/tokens"),
        ] {
            let answer = admin.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            state.push(answer.text());
        }
        state
    }
}

/// Carries what any route needs, as far as it ignores what it does not know.
fn body() -> Value {
    json!({
        "name": "taken over", "type": "prometheus", "access": "proxy", "url": "http://two.example",
        "role": "Viewer", "permission": "Query", "label": "taken over", "targetUID": "uid-of-one",
        "loginOrEmail": "admin", "login": "taken-over", "email": "taken@over.example",
        "password": "taken-over-password", "oldPassword": "x", "newPassword": "taken-over",
        "isGrafanaAdmin": false, "config": { "field": "taken over", "target": {} },
    })
}

async fn ask(client: &Client, operation: &Operation, path: &str, org: Option<&str>) -> Answer {
    let method: Method = operation.method.parse().expect("a method");
    let mut request = client.request(method, path);
    if operation.definition["requestBody"].is_object() {
        request = request.json(&body());
    }
    if let Some(org) = org {
        request = request.header("X-Grafana-Org-Id", org);
    }
    client.send(request).await
}

/// Those that ask who is there.
async fn guarded(app: &TestApp) -> Vec<Operation> {
    let mut guarded = operations(&document(app).await);
    guarded.retain(|operation| !operation.is_public());
    assert!(guarded.len() > 80, "{}", guarded.len());
    guarded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a08_what_another_organisation_has_is_as_absent_as_what_nobody_has() {
    let tenants = Tenants::start().await;
    let before = tenants.state().await;
    let mut asked = 0;
    for role in [Role::Admin, Role::Editor, Role::Viewer, Role::None] {
        let caller = tenants.app.as_role(role).await;
        for operation in guarded(&tenants.app).await {
            let [theirs, nothing] = tenants.paths(&operation);
            if theirs == nothing {
                continue;
            }
            let [theirs, nothing] = [
                ask(&caller, &operation, &theirs, None).await,
                ask(&caller, &operation, &nothing, None).await,
            ];
            let what = format!("{role} {} {}", operation.method, operation.path);
            // Who lists the tokens of nobody is shown none, as in Grafana.
            let told_nothing = theirs.status.as_u16() >= 400 || theirs.text() == "[]";
            assert!(told_nothing, "{what}: {}", theirs.text());
            assert_eq!(tenants.told(&theirs), tenants.told(&nothing), "{what}");
            asked += 1;
        }
    }
    assert!(asked > 4 * 40, "{asked}");
    assert_eq!(tenants.state().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a08_a_token_that_asks_for_another_organisation_is_told_nothing_of_it() {
    let tenants = Tenants::start().await;
    let before = tenants.state().await;
    let caller = tenants.app.as_role(Role::Admin).await;
    let theirs = tenants.theirs.to_string();
    for operation in guarded(&tenants.app).await {
        let [path, _] = tenants.paths(&operation);
        let what = format!("{} {}", operation.method, operation.path);
        let [theirs, nobodys] = [
            ask(&caller, &operation, &path, Some(&theirs)).await,
            ask(&caller, &operation, &path, Some("77")).await,
        ];
        assert_eq!(theirs.status, 401, "{what}: {}", theirs.text());
        assert_eq!(tenants.told(&theirs), tenants.told(&nobodys), "{what}");
    }
    assert_eq!(tenants.state().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a11_the_same_path_through_the_same_uid_reaches_each_organisation_s_own() {
    const CALLERS: usize = 8;
    const ROUNDS: usize = 125;
    let app = TestApp::start().await;
    let orgs = [OrgId::MAIN, app.create_org("other").await];
    let mut tenants = Vec::new();
    for org in orgs {
        let (upstream, name) = (FakeUpstream::start().await, format!("of organisation {org}"));
        upstream.answer(upstream::Answer::ok(name.clone()));
        let source = build::with(
            build::plain("same", &upstream.url()),
            json!({ "uid": "same", "basicAuth": true, "basicAuthUser": name,
                "secureJsonData": { "basicAuthPassword": "x" } }),
        );
        let proxy = app.as_role_in(org, Role::Admin).await.create_proxied(&source).await;
        tenants.push((upstream, app.as_role_in(org, Role::Viewer).await, proxy, name));
    }
    assert_eq!(tenants[0].2, tenants[1].2, "one path for both");
    let caller = async |first: usize| {
        for round in first..first + ROUNDS {
            let (_, client, proxy, name) = &tenants[round % tenants.len()];
            let answer = client.get(proxy).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (200, name.clone()));
        }
    };
    join_all((0..CALLERS).map(caller)).await;
    for (upstream, _, _, name) in &tenants {
        let expected = format!("Basic {}", STANDARD.encode(format!("{name}:x")));
        let requests = upstream.requests();
        assert_eq!(requests.len(), CALLERS * ROUNDS / tenants.len());
        for request in requests {
            assert_eq!(request.header("authorization"), Some(expected.as_str()));
        }
    }
}

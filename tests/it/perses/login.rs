//! Native logins: contract/perses.md 4.2 and 7.1, cases 27 to 30 and 34.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use harness::app::PASSWORD;
use harness::{Answer, Client, Faults, TestApp};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sourcegate_core::OrgId;

use super::{check, made, source};

const LOGIN: &str = "/api/auth/providers/native/login";
const REFRESH: &str = "/api/auth/refresh";
const WHOAMI: &str = "/api/v1/user/whoami";

async fn log_in(app: &TestApp, login: &str, password: &str) -> Answer {
    app.anonymous().post(LOGIN, &json!({ "login": login, "password": password })).await
}

async fn renew(app: &TestApp, token: &str) -> Answer {
    app.anonymous().post(REFRESH, &json!({ "refresh_token": token })).await
}

fn text<'a>(pair: &'a Value, name: &str) -> &'a str {
    pair[name].as_str().expect("a token")
}

/// A client with the token of a pair.
fn client(app: &TestApp, pair: &Value) -> Client {
    Client::new(app.address(), Some(format!("Bearer {}", text(pair, "access_token"))))
}

async fn bob(app: &TestApp, role: &str) -> (Client, Value) {
    app.create_user("bob", OrgId::MAIN, role).await;
    let pair = log_in(app, "bob", PASSWORD).await;
    assert_eq!(pair.status, 200, "{}", pair.text());
    (client(app, &pair.json()), pair.json())
}

async fn id_of(app: &TestApp, login: &str) -> Value {
    let path = format!("/api/users/lookup?loginOrEmail={login}");
    app.as_admin_user().get(&path).await.json()["id"].clone()
}

const WRONG: &str = "bad request: wrong login or password ";
const NO_REFRESH: &str = "bad request: the refresh token is invalid or expired; log in again";
const NO_TOKEN: &str = "invalid or expired jwt";

#[tokio::test]
async fn perses_cases_27_and_29_a_login_gives_a_pair_of_tokens() {
    let app = TestApp::start().await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    let answer = log_in(&app, "BOB", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert!(answer.headers.get("set-cookie").is_none());
    let pair = answer.json();
    let keys: Vec<_> = pair.as_object().expect("an object").keys().cloned().collect();
    assert_eq!(keys, ["access_token", "expires_in", "expiry", "refresh_token", "token_type"]);
    let rest = ["expires_in", "expiry", "token_type"].map(|name| pair[name].clone());
    assert_eq!(rest, [json!(900), json!("0001-01-01T00:00:00Z"), json!("Bearer")]);
    let bob = client(&app, &pair);
    assert_eq!(bob.get(WHOAMI).await.json()["metadata"]["name"], "bob");
    assert_eq!(bob.get("/api/datasources").await.status, 200, "it is a credential everywhere");
    assert_eq!(bob.post("/api/datasources", &json!({})).await.status, 403);
}

#[tokio::test]
async fn perses_case_28_wrong_logins_are_refused_in_its_words() {
    let app = TestApp::start().await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    for (login, password) in [("bob", "wrong"), ("nobody", "wrong"), ("nobody@x.test", "wrong")] {
        check(&log_in(&app, login, password).await, 400, WRONG);
    }
    let twice = |said: &str| format!("bad request: code=400, message={said}, internal={said}");
    check(&log_in(&app, "bob", "").await, 400, &twice("password cannot be empty"));
    check(&log_in(&app, "", "x").await, 400, &twice("login cannot be empty"));
    check(&app.anonymous().post(LOGIN, &json!({})).await, 400, &twice("login cannot be empty"));
    check(&renew(&app, "").await, 400, &twice("refreshToken cannot be empty"));
    let text = app.anonymous().request(Method::POST, LOGIN).header("content-type", "text/plain");
    check(&app.anonymous().send(text.body("{}")).await, 415, "unsupported media type");
}

#[tokio::test]
async fn perses_case_30_what_is_said_of_logins_is_so() {
    let app = TestApp::start().await;
    let security = app.anonymous().get("/api/config").await.json()["security"].clone();
    assert_eq!(security["enable_auth"], true);
    let authentication = &security["authentication"];
    assert_eq!(authentication["providers"], json!({ "enable_native": true }));
    assert_eq!(authentication["disable_sign_up"], true);
}

#[tokio::test]
async fn perses_case_34_other_ways_in_are_not_there() {
    let app = TestApp::start().await;
    let other = app.anonymous().post("/api/auth/providers/oidc/x/device/code", &json!({})).await;
    // Without its user interface, which is served elsewhere, Perses says the same.
    assert_eq!(other.status, 404);
    check(&app.anonymous().get(LOGIN).await, 405, "Method Not Allowed");
    check(&app.anonymous().get("/api/auth/logout").await, 401, "missing or malformed jwt");
}

#[tokio::test]
async fn perses_4_2_a_refresh_token_is_good_for_one_exchange() {
    let app = TestApp::start().await;
    let (bob, first) = bob(&app, "Viewer").await;
    let answer = renew(&app, text(&first, "refresh_token")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let second = answer.json();
    for name in ["access_token", "refresh_token"] {
        assert_ne!(first[name], second[name]);
    }
    // What was begun with the earlier token goes on with it.
    assert_eq!(bob.get(WHOAMI).await.status, 200);
    assert_eq!(client(&app, &second).get(WHOAMI).await.status, 200);
    check(&renew(&app, text(&first, "refresh_token")).await, 400, NO_REFRESH);
    assert_eq!(renew(&app, text(&second, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_later_ends_the_login() {
    let app = TestApp::start().await;
    let (bob, first) = bob(&app, "Viewer").await;
    let second = renew(&app, text(&first, "refresh_token")).await.json();
    // As if it had been exchanged a while ago.
    set(&app, "renewed", AttributeValue::N("1000".to_owned())).await;
    check(&renew(&app, text(&first, "refresh_token")).await, 400, NO_REFRESH);
    check(&renew(&app, text(&second, "refresh_token")).await, 400, NO_REFRESH);
    for client in [bob, client(&app, &second)] {
        check(&client.get(WHOAMI).await, 401, NO_TOKEN);
    }
}

/// Changes the only session behind everybody's back.
async fn set(app: &TestApp, name: &str, value: AttributeValue) {
    let table = store::Config::read(|_| None).tables.access;
    let id = id_of(app, "bob").await.as_u64().expect("a number");
    let pk = AttributeValue::S(format!("SESSION#{id:010}"));
    let asked = app.dynamodb().query().table_name(&table).key_condition_expression("pk = :pk");
    let found = asked.expression_attribute_values(":pk", pk).send().await.expect("the table");
    let mut item = found.items()[0].clone();
    item.insert(name.to_owned(), value);
    let put = app.dynamodb().put_item().table_name(&table).set_item(Some(item));
    put.send().await.expect("the table");
}

#[tokio::test]
async fn perses_4_2_logging_out_ends_all_tokens_of_the_login() {
    let app = TestApp::start().await;
    let (bob, first) = bob(&app, "Viewer").await;
    let other = log_in(&app, "bob", PASSWORD).await.json();
    let out = bob.get("/api/auth/logout").await;
    assert_eq!((out.status.as_u16(), out.header("location")), (302, "/"));
    check(&bob.get(WHOAMI).await, 401, NO_TOKEN);
    check(&renew(&app, text(&first, "refresh_token")).await, 400, NO_REFRESH);
    assert_eq!(client(&app, &other).get(WHOAMI).await.status, 200, "another login of his");
    assert_eq!(app.as_admin().get("/api/auth/logout").await.status, 302);
    assert_eq!(app.as_admin().get(WHOAMI).await.status, 200);
}

#[tokio::test]
async fn a_login_ends_with_its_password_and_its_user() {
    let app = TestApp::start().await;
    let root = app.as_admin_user();
    let (bob, pair) = bob(&app, "Viewer").await;
    let path = format!("/api/admin/users/{}", id_of(&app, "bob").await);
    assert_eq!(root.post(&format!("{path}/disable"), &json!({})).await.status, 200);
    check(&bob.get(WHOAMI).await, 401, NO_TOKEN);
    check(&renew(&app, text(&pair, "refresh_token")).await, 400, NO_REFRESH);
    check(&log_in(&app, "bob", PASSWORD).await, 400, WRONG);
    assert_eq!(root.post(&format!("{path}/enable"), &json!({})).await.status, 200);
    assert_eq!(bob.get(WHOAMI).await.status, 200);
    let other = json!({ "password": "another one" });
    assert_eq!(root.put(&format!("{path}/password"), &other).await.status, 200);
    check(&bob.get(WHOAMI).await, 401, NO_TOKEN);
    check(&renew(&app, text(&pair, "refresh_token")).await, 400, NO_REFRESH);
    check(&log_in(&app, "bob", PASSWORD).await, 400, WRONG);
    let pair = log_in(&app, "bob", "another one").await.json();
    assert_eq!(client(&app, &pair).get(WHOAMI).await.status, 200);
    assert_eq!(root.delete(&path).await.status, 200);
    check(&client(&app, &pair).get(WHOAMI).await, 401, NO_TOKEN);
    // Nor is it that of who is called so next.
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    check(&client(&app, &pair).get(WHOAMI).await, 401, NO_TOKEN);
    check(&renew(&app, text(&pair, "refresh_token")).await, 400, NO_REFRESH);
}

#[tokio::test]
async fn perses_case_32_forged_and_expired_tokens_are_nobodys() {
    let app = TestApp::start().await;
    let (_, pair) = bob(&app, "Admin").await;
    let stranger = TestApp::start().await;
    let (_, theirs) = self::bob(&stranger, "Admin").await;
    let owner = auth::SessionToken::parse(auth::SessionUse::Access, text(&pair, "access_token"));
    let owner = owner.expect("a token").owner().clone();
    let forged = |owner, expires| {
        let (text, _) = auth::SessionToken::generate(auth::SessionUse::Access, owner, expires);
        text.expose_secret().to_owned()
    };
    let never = i64::MAX;
    let other = auth::SessionOwner { user: 1, login: "admin".to_owned(), ..owner.clone() };
    let changed = text(&pair, "access_token").replacen("sgat_A", "sgat_B", 1);
    for token in [
        text(&theirs, "access_token"),
        // His own session, a token that was never given; the same for somebody else.
        &forged(&owner, never),
        &forged(&other, never),
        &forged(&owner, 1_000),
        &changed,
        text(&pair, "refresh_token"),
        "sgat_",
    ] {
        let client = Client::new(app.address(), Some(format!("Bearer {token}")));
        let sent = json!({ "kind": "Project", "metadata": { "name": "p" }, "spec": {} });
        check(&client.post("/api/v1/projects", &sent).await, 401, NO_TOKEN);
    }
    check(&renew(&app, text(&pair, "access_token")).await, 400, NO_REFRESH);
    check(&renew(&app, text(&theirs, "refresh_token")).await, 400, NO_REFRESH);
}

#[tokio::test]
async fn a07_a_login_is_about_its_user_s_organisations_alone() {
    let app = TestApp::start().await;
    let theirs = app.create_org("theirs").await;
    let (bob, _) = bob(&app, "Admin").await;
    let there =
        || bob.request(Method::GET, "/api/v1/projects").header("X-Grafana-Org-Id", theirs.get());
    check(&bob.send(there()).await, 401, NO_TOKEN);
    let joins = json!({ "loginOrEmail": "bob", "role": "Viewer" });
    let joined = app.as_admin_user().post(&format!("/api/orgs/{theirs}/users"), &joins).await;
    assert_eq!(joined.status, 200);
    assert_eq!(bob.send(there()).await.status, 200);
    let path = format!("/api/orgs/1/users/{}", id_of(&app, "bob").await);
    assert_eq!(app.as_admin_user().delete(&path).await.status, 200);
    // He is where he still is: a reader there, and no administrator anywhere.
    let sent = json!({ "kind": "Project", "metadata": { "name": "p" }, "spec": {} });
    assert_eq!(bob.post("/api/v1/projects", &sent).await.status, 403);
}

#[tokio::test]
async fn a07_failed_logins_count_with_all_others() {
    let app = TestApp::start().await;
    app.create_user("bob", OrgId::MAIN, "Viewer").await;
    for guess in 0..5 {
        check(&log_in(&app, "bob", &guess.to_string()).await, 400, WRONG);
        let basic = Client::basic(app.address(), "bob", &format!("basic {guess}"));
        assert_eq!(basic.get("/api/user").await.status, 401);
    }
    let refused = log_in(&app, "bob", "one more").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
}

#[tokio::test]
async fn t89_a_login_that_ends_elsewhere_ends_here_within_five_seconds() {
    let app = TestApp::start().await;
    let upstream = harness::upstream::FakeUpstream::start().await;
    made(&app.as_admin(), "/api/v1/globaldatasources", &source("g", &upstream.url())).await;
    let (bob, _) = bob(&app, "Viewer").await;
    let path = "/proxy/globaldatasources/g/api";
    assert_eq!(bob.get(path).await.text(), "ok");
    // Ended by another process: this one does not know that anything was written.
    set(&app, "access", AttributeValue::L(Vec::new())).await;
    let begun = std::time::Instant::now();
    while bob.get(path).await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(6));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn one_exchange(faults: Faults) {
    let app = TestApp::start().await;
    let (_, pair) = bob(&app, "Viewer").await;
    app.tables().set(faults);
    let token = text(&pair, "refresh_token").to_owned();
    let answers = join_all((0..20).map(|_| renew(&app, &token))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    // One whose answer said 503 may have been written.
    assert!(good.len() == 1 || (good.is_empty() && busy > 0), "{}, {busy}", good.len());
    let late = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!(good.len() + busy + late, answers.len());
    app.tables().set(Faults::default());
    if let Some(answer) = good.first() {
        // Those who came too late ended nothing.
        let next = answer.json();
        assert_eq!(renew(&app, text(&next, "refresh_token")).await.status, 200);
    }
}

#[tokio::test]
async fn d05_of_many_exchanges_of_one_token_one_counts() {
    one_exchange(Faults::default()).await;
}

#[tokio::test]
async fn d05_so_it_is_over_the_worst_tables() {
    one_exchange(Faults::worst()).await;
}

#[tokio::test]
async fn a_user_has_twenty_logins_at_most_and_the_oldest_makes_room() {
    let app = TestApp::start().await;
    let (first, _) = bob(&app, "Viewer").await;
    set(&app, "renewed", AttributeValue::N("1000".to_owned())).await;
    for _ in 0..19 {
        assert_eq!(log_in(&app, "bob", PASSWORD).await.status, 200);
    }
    assert_eq!(first.get(WHOAMI).await.status, 200);
    let last = log_in(&app, "bob", PASSWORD).await.json();
    check(&first.get(WHOAMI).await, 401, NO_TOKEN);
    assert_eq!(client(&app, &last).get(WHOAMI).await.status, 200);
}

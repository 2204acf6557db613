//! Tokens of service accounts (contract 6.3): shown once, valid at once, revoked at once, ended in time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use harness::upstream::FakeUpstream;
use harness::{Faults, TestApp, build};
use serde_json::{Value, json};

use super::accounts::{PATH, account, is_refused, token, with_token};
use crate::store::items::{ACCESS, Items};

/// The tokens of a service account as its list shows them.
async fn listed(app: &TestApp, account: u64) -> Vec<Value> {
    let listed = app.as_admin().get(&format!("{PATH}/{account}/tokens")).await;
    assert_eq!(listed.status, 200, "{}", listed.text());
    listed.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_by_nobody() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let made = token(&admin, id, &json!({ "name": "ci", "role": "Admin" })).await;
    assert_eq!(made.status, 200);
    let body = made.json();
    let named = (&body["id"], &body["name"], body.as_object().unwrap().len());
    assert_eq!(named, (&json!(1), &json!("ci"), 3));
    let key = body["key"].as_str().unwrap();
    assert!(key.starts_with("glsa_") && key.len() == 46, "{key}");
    let all = listed(&app, id).await;
    let shown = all[0].as_object().unwrap();
    let expected = json!({
        "id": 1, "name": "ci", "created": shown["created"], "lastUsedAt": null, "expiration": null,
        "secondsUntilExpiration": 0, "hasExpired": false, "isRevoked": false,
    });
    assert_eq!(json!(all), json!([expected]));
    assert_eq!(admin.get(&format!("{PATH}/{id}")).await.json()["tokens"], 1);
    let items = Items::of(&app);
    for pk in ["SA#1", "SANAME#1", "SATOKEN#1", "TOKENNAME#1"] {
        let kept = format!("{:?}", items.partition(ACCESS, pk).await);
        assert!(!kept.contains(key) && !kept.contains(&key[5..37]), "{pk}");
    }
    let file = std::fs::read(app.data().join("store.sqlite")).unwrap();
    assert!(!file.windows(32).any(|part| part == &key.as_bytes()[5..37]));
}

#[tokio::test]
async fn a05_a_revoked_token_is_refused_at_once_everywhere_in_this_process() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("p", &upstream.url())).await;
    let id = account(&admin, "a", "Viewer").await;
    let (kept, revoked) = (
        with_token(&app, &admin, id, &json!({ "name": "kept" })).await,
        with_token(&app, &admin, id, &json!({ "name": "revoked" })).await,
    );
    for robot in [&kept, &revoked] {
        assert_eq!(robot.get(&proxy).await.status, 200);
    }
    let deleted = admin.delete(&format!("{PATH}/{id}/tokens/2")).await;
    let told = (deleted.status.as_u16(), deleted.text());
    assert_eq!(told, (200, r#"{"message":"Service account token deleted"}"#.to_owned()));
    for path in [&*proxy, "/api/datasources"] {
        assert_eq!(revoked.get(path).await.message(), "Invalid API key", "{path}");
        assert_eq!(kept.get(path).await.status, 200, "{path}");
    }
    assert_eq!(listed(&app, id).await.len(), 1);
    let again = admin.delete(&format!("{PATH}/{id}/tokens/2")).await;
    is_refused(&again, 404, "serviceaccounts.ErrTokenNotFound", "service account token not found");
    // The token of one account is not another's.
    let other = account(&admin, "b", "Viewer").await;
    let answer = admin.delete(&format!("{PATH}/{other}/tokens/1")).await;
    is_refused(&answer, 404, "serviceaccounts.ErrTokenNotFound", "service account token not found");
    assert_eq!(kept.get("/api/datasources").await.status, 200);
    assert_eq!(admin.get(&format!("{PATH}/{id}")).await.json()["tokens"], 1);
}

#[tokio::test]
async fn names_of_tokens_are_one_in_their_organisation() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let (a, b) = (account(&admin, "a", "Viewer").await, account(&admin, "b", "Viewer").await);
    let named = |name: &str| json!({ "name": name });
    assert_eq!(token(&admin, a, &named("t")).await.status, 200);
    for account in [a, b] {
        let answer = token(&admin, account, &named("t")).await;
        let message = "service account token with given name already exists in the organization";
        is_refused(&answer, 400, "serviceaccounts.ErrTokenAlreadyExists", message);
    }
    assert_eq!(token(&admin, b, &named("T")).await.json()["id"], 1);
    assert_eq!(token(&admin, a, &named("a")).await.json()["id"], 2);
    let all = listed(&app, a).await;
    let order: Vec<_> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(order, ["a", "t"], "by name");
    // Revoked, the name is free, and the number never again.
    assert_eq!(admin.delete(&format!("{PATH}/{a}/tokens/2")).await.status, 200);
    assert_eq!(token(&admin, b, &named("a")).await.status, 200);
    assert_eq!(token(&admin, a, &named("c")).await.json()["id"], 3);
}

#[tokio::test]
async fn t54_d20_a_token_ends_in_time_even_where_it_is_remembered() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("p", &upstream.url())).await;
    let id = account(&admin, "a", "Viewer").await;
    let brief = json!({ "name": "brief", "secondsToLive": 2 });
    let robot = with_token(&app, &admin, id, &brief).await;
    let started = Instant::now();
    assert_eq!(robot.get(&proxy).await.status, 200);
    let shown = &listed(&app, id).await[0];
    assert!(shown["expiration"].is_string() && shown["hasExpired"] == false, "{shown}");
    assert!((0..=2).contains(&shown["secondsUntilExpiration"].as_i64().unwrap()), "{shown}");
    // Remembered for five seconds, and refused after two.
    let refused = loop {
        let answer = robot.get(&proxy).await;
        if answer.status != 200 {
            break answer;
        }
        assert!(started.elapsed() < Duration::from_secs(4), "still let through");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    is_refused(&refused, 401, "api-key.expired", "Expired API key");
    let sent = upstream.requests().len();
    for path in [&*proxy, "/api/datasources"] {
        is_refused(&robot.get(path).await, 401, "api-key.expired", "Expired API key");
    }
    assert_eq!(upstream.requests().len(), sent, "nothing is sent");
    let shown = &listed(&app, id).await[0];
    let told = (&shown["hasExpired"], &shown["secondsUntilExpiration"], &shown["isRevoked"]);
    assert_eq!(told, (&json!(true), &json!(0), &json!(false)));
}

/// Waits until a list shows that a token was used.
async fn used(app: &TestApp, account: u64) -> String {
    let started = Instant::now();
    loop {
        if let Some(at) = listed(app, account).await[0]["lastUsedAt"].as_str() {
            return at.to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "never noted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_last_use_is_noted_once_a_minute_by_whichever_route() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("p", &upstream.url())).await;
    for (at, path) in [&*proxy, "/api/datasources", "/api/user"].into_iter().enumerate() {
        let id = account(&admin, &format!("a{at}"), "Viewer").await;
        let robot = with_token(&app, &admin, id, &json!({ "name": format!("t{at}") })).await;
        assert_eq!(listed(&app, id).await[0]["lastUsedAt"], Value::Null);
        let before = app.calls();
        for _ in 0..20 {
            assert_eq!(robot.get(path).await.status, 200, "{path}");
        }
        let noted = used(&app, id).await;
        assert!(noted.starts_with("20") && noted.ends_with('Z'), "{noted}");
        assert_eq!(app.calls().since(&before).of("UpdateItem"), 1, "{path}");
    }
    // Who is refused used nothing.
    let id = account(&admin, "late", "Viewer").await;
    let robot = with_token(&app, &admin, id, &json!({ "name": "late" })).await;
    let elsewhere = robot.request(http::Method::GET, "/api/user").header("x-grafana-org-id", "2");
    assert_eq!(robot.send(elsewhere).await.status, 401);
    assert_eq!(listed(&app, id).await[0]["lastUsedAt"], Value::Null);
}

#[tokio::test]
async fn a_note_that_cannot_be_made_fails_no_request() {
    let (app, upstream) = (TestApp::start().await, FakeUpstream::start().await);
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("p", &upstream.url())).await;
    let id = account(&admin, "a", "Viewer").await;
    let robot = with_token(&app, &admin, id, &json!({ "name": "t" })).await;
    app.tables().set(Faults { no_scratch: true, ..Faults::default() });
    for path in [&*proxy, "/api/datasources"] {
        let started = Instant::now();
        assert_eq!(robot.get(path).await.status, 200, "{path}");
        // The SDK tries six times, over more than half a second: nobody waits for it.
        assert!(started.elapsed() < Duration::from_millis(500), "{path}: {:?}", started.elapsed());
    }
    app.tables().set(Faults::default());
    assert_eq!(listed(&app, id).await.len(), 1);
}

//! The issuer's keys: how often they are fetched, how long they hold, and what is no answer.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::TestApp;
use harness::signer::{Signer, accepting, claims, key_set, publishing, verifier};
use harness::upstream::{Answer, FakeUpstream};
use serde_json::{Value, json};
use web::KeyTimes;

use super::bearer;

const PATH: &str = "/api/datasources";

/// A time that no test lives to see.
const NEVER: Duration = Duration::from_secs(3_600);

fn everybody() -> Value {
    json!([{ "org": 1, "role": "Viewer" }])
}

/// A gateway that takes its keys from `place`, with these times.
async fn gate(place: &FakeUpstream, change: impl FnOnce(&mut KeyTimes)) -> TestApp {
    let mut config = accepting(place, &everybody());
    change(&mut config.times);
    let jwt = verifier(config);
    TestApp::with(|setup| setup.jwt = jwt).await
}

/// Fetches whenever it may: nothing is believed, and nobody waits for the next fetch.
fn eager(times: &mut KeyTimes) {
    times.believed = Duration::ZERO;
    times.pause = Duration::ZERO;
}

/// A token whose key nobody has.
fn invented(signer: &Signer, number: usize) -> String {
    signer.sign(json!({ "kid": format!("invented-{number}") }), &claims())
}

async fn status(app: &TestApp, token: &str) -> u16 {
    bearer(app, token).get(PATH).await.status.as_u16()
}

#[tokio::test]
async fn cold_callers_share_one_fetch_and_warm_ones_cause_none() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    place.answer(key_set(&[&signer]).after(Duration::from_millis(200)));
    let app = gate(&place, |_| {}).await;
    assert_eq!(place.requests().len(), 0, "nobody needed a key yet");
    let tokens: Vec<_> = (0..30).map(|_| signer.token(json!({}))).collect();
    let all = join_all(tokens.iter().map(|token| status(&app, token))).await;
    assert_eq!(all, [200; 30]);
    assert_eq!(place.requests().len(), 1);
    let asked = place.only_request();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/keys"));
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test]
async fn a07_invented_kids_do_not_hammer_the_issuer() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = gate(&place, |_| {}).await;
    let tokens: Vec<_> = (0..100).map(|number| invented(&signer, number)).collect();
    let all = join_all(tokens.iter().map(|token| status(&app, token))).await;
    assert_eq!(all, [401; 100]);
    assert_eq!(status(&app, &signer.token(json!({}))).await, 200, "honest callers go on");
    assert_eq!(place.requests().len(), 1);
}

#[tokio::test]
async fn an_unknown_kid_causes_one_fetch_when_the_last_is_old_enough() {
    let pause = Duration::from_millis(700);
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = gate(&place, |times| times.pause = pause).await;
    assert_eq!(status(&app, &signer.token(json!({}))).await, 200);
    let first = Instant::now();
    let mut sent = 0;
    while place.requests().len() < 3 {
        let tokens: Vec<_> = (0..10).map(|number| invented(&signer, sent + number)).collect();
        let all = join_all(tokens.iter().map(|token| status(&app, token))).await;
        assert_eq!(all, [401; 10]);
        sent += 10;
        assert!(first.elapsed() < Duration::from_secs(60), "no fetch for {sent} unknown kids");
    }
    assert!(first.elapsed() > pause, "{sent} tokens caused two fetches in {:?}", first.elapsed());
    assert_eq!(place.requests().len(), 3);
}

#[tokio::test]
async fn a_new_key_is_learned_from_its_first_token() {
    let (old, new) = (Signer::elliptic("old"), Signer::rsa("new"));
    let place = publishing(&[&old]).await;
    let app = gate(&place, |times| times.pause = Duration::ZERO).await;
    let (of_old, of_new) = (old.token(json!({})), new.token(json!({})));
    assert_eq!(status(&app, &of_old).await, 200);
    assert_eq!(status(&app, &of_new).await, 401);
    place.answer(key_set(&[&old, &new]));
    assert_eq!((status(&app, &of_new).await, status(&app, &of_old).await), (200, 200));
}

#[tokio::test]
async fn a_key_that_was_taken_back_ends_with_the_next_fetch() {
    let (old, new) = (Signer::elliptic("old"), Signer::elliptic("new"));
    let place = publishing(&[&old]).await;
    let app = gate(&place, |times| times.pause = Duration::ZERO).await;
    let of_old = old.token(json!({}));
    assert_eq!(status(&app, &of_old).await, 200);
    place.answer(key_set(&[&new]));
    assert_eq!(status(&app, &of_old).await, 200, "nobody looked since");
    assert_eq!(status(&app, &new.token(json!({}))).await, 200);
    assert_eq!(status(&app, &of_old).await, 401);
    // The same name for another key: the new one counts.
    let renamed = Signer::elliptic("new");
    place.answer(key_set(&[&renamed]));
    assert_eq!(status(&app, &invented(&new, 0)).await, 401);
    assert_eq!(status(&app, &new.token(json!({}))).await, 401);
    assert_eq!(status(&app, &renamed.token(json!({}))).await, 200);
}

#[tokio::test]
async fn keys_are_renewed_behind_the_requests_that_use_them() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let renewing = |times: &mut KeyTimes| {
        times.renewed = Duration::ZERO;
        times.pause = Duration::ZERO;
        times.deadline = NEVER;
    };
    let app = gate(&place, renewing).await;
    let token = signer.token(json!({}));
    assert_eq!(status(&app, &token).await, 200);
    place.answer(key_set(&[&signer]).after(NEVER));
    for _ in 0..10 {
        assert_eq!(status(&app, &token).await, 200);
    }
    let seen = place.wait_for(|seen| seen.requests.len() == 2).await;
    assert_eq!(seen.requests.len(), 2, "one fetch at a time");
}

#[tokio::test]
async fn old_keys_hold_while_the_issuer_is_down_and_not_for_ever() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = gate(&place, eager).await;
    let kept = Duration::from_millis(600);
    let brief = gate(&place, |times| {
        eager(times);
        times.kept = kept;
    });
    let brief = brief.await;
    let token = signer.token(json!({}));
    assert_eq!(status(&app, &token).await, 200);
    let fetched = Instant::now();
    assert_eq!(status(&brief, &token).await, 200);
    let address = place.address();
    drop(place);
    assert_eq!(status(&app, &token).await, 200);
    assert_eq!(status(&app, &invented(&signer, 0)).await, 401, "no newer key can be had");
    while status(&brief, &token).await == 200 {
        assert!(fetched.elapsed() < Duration::from_secs(30), "they hold for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(fetched.elapsed() > kept, "{:?}", fetched.elapsed());
    check_unavailable(&brief, &token).await;
    let back = FakeUpstream::start_at(address).await;
    back.answer(key_set(&[&signer]));
    assert_eq!(status(&brief, &token).await, 200);
}

#[tokio::test]
async fn callers_wait_for_an_issuer_that_hangs_once_and_not_each() {
    let deadline = Duration::from_secs(4);
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = gate(&place, |times| {
        eager(times);
        times.deadline = deadline;
    });
    let app = app.await;
    let token = signer.token(json!({}));
    assert_eq!(status(&app, &token).await, 200);
    place.answer(key_set(&[&signer]).after(NEVER));
    assert_eq!(status(&app, &token).await, 200);
    let waited = Instant::now();
    for _ in 0..10 {
        assert_eq!(status(&app, &token).await, 200);
    }
    assert!(waited.elapsed() < deadline, "{:?}", waited.elapsed());
}

/// Checks that a token can neither be accepted nor refused, which is our fault and says nothing of where we asked.
async fn check_unavailable(app: &TestApp, token: &str) {
    for (path, message) in [
        (PATH, "Failed to query datasources"),
        ("/api/datasources/proxy/uid/u/x", "Unable to load datasource meta data"),
        ("/api/user", "Internal Server Error"),
    ] {
        let answer = bearer(app, token).get(path).await;
        let found = (answer.status.as_u16(), answer.cause(), answer.message());
        assert_eq!(found, (503, "jwks".to_owned(), message.to_owned()));
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    }
    assert_eq!(app.as_admin().get(PATH).await.status, 200, "others go on");
}

#[tokio::test]
async fn without_any_keys_tokens_are_unavailable_and_the_issuer_is_not_asked_at_once_again() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    place.answer(Answer::status(500));
    let app = gate(&place, |_| {}).await;
    let token = signer.token(json!({}));
    check_unavailable(&app, &token).await;
    check_unavailable(&app, &token).await;
    assert_eq!(place.requests().len(), 1);
    // What needs no key is refused all the same.
    let unsigned = format!("{}.e30.", harness::signer::encoded(&json!({ "alg": "none" })));
    assert_eq!(status(&app, &unsigned).await, 401);
}

#[tokio::test]
async fn a13_a_redirect_from_the_key_set_is_not_followed() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let elsewhere = publishing(&[&signer]).await;
    let app = gate(&place, eager).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/keys", elsewhere.url());
        place.answer(Answer::status(status).header("location", &target).body("{}"));
        check_unavailable(&app, &signer.token(json!({}))).await;
    }
    assert_eq!(elsewhere.seen().accepted, 0);
}

#[tokio::test]
async fn what_is_no_key_set_is_none() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    let app = gate(&place, |times| {
        eager(times);
        times.deadline = Duration::from_millis(500);
    });
    let app = app.await;
    let set = json!({ "keys": [signer.jwk()] }).to_string();
    let padded = |bytes: usize| format!("{set}{}", " ".repeat(bytes - set.len()));
    for wrong in [
        Answer::ok(padded((256 << 10) + 1)),
        Answer::status(200).endless(" ".repeat(1_000)),
        Answer::ok(set.clone()).after(NEVER),
        Answer::status(200).cut_after([set.clone()]),
        Answer::status(404).body(set.clone()),
        Answer::status(201).body(set.clone()),
        Answer::ok("<html>"),
        Answer::ok(""),
        Answer::json(&signer.jwk()),
        Answer::json(&json!({ "keys": { "k": signer.jwk() } })),
    ] {
        place.answer(wrong);
        check_unavailable(&app, &signer.token(json!({}))).await;
    }
    place.answer(Answer::ok(padded(256 << 10)));
    assert_eq!(status(&app, &signer.token(json!({}))).await, 200);
}

#[tokio::test]
async fn symmetric_keys_in_the_set_do_not_count() {
    let secret = Signer::shared("k", b"a secret that everybody can read");
    let place = FakeUpstream::start().await;
    let app = gate(&place, eager).await;
    for kind in [
        json!({ "kty": "oct", "k": "YSBzZWNyZXQgdGhhdCBldmVyeWJvZHkgY2FuIHJlYWQ", "kid": "k" }),
        json!({ "kty": "oct", "k": "YSBzZWNyZXQgdGhhdCBldmVyeWJvZHkgY2FuIHJlYWQ", "kid": "k", "alg": "HS256" }),
    ] {
        place.answer(Answer::json(&json!({ "keys": [kind] })));
        assert_eq!(status(&app, &secret.token(json!({}))).await, 401);
        let named = secret.sign(json!({ "alg": "RS256" }), &claims());
        let answer = bearer(&app, &named).get(PATH).await;
        assert_eq!(answer.message(), "Failed to verify JWT: its key is none of the issuer's");
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_end_what_others_wait_for() {
    let signer = Signer::elliptic("k");
    let place = publishing(&[&signer]).await;
    place.answer(key_set(&[&signer]).after(Duration::from_millis(300)));
    let app = gate(&place, |_| {}).await;
    let token = signer.token(json!({}));
    let impatient = bearer(&app, &token);
    let request = impatient.request(http::Method::GET, PATH).timeout(Duration::from_millis(50));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(status(&app, &token).await, 200);
    assert_eq!(place.requests().len(), 1);
}

//! Service accounts and tokens that cannot be: every field at its limit, one over, and of another type.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{Answer, TestApp};
use http::Method;
use serde_json::{Value, json};

use super::accounts::{PATH, account, is_refused, patch, token};

#[track_caller]
fn is_bad_body(answer: &Answer, detail: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["message"].as_str());
    assert_eq!(told, (400, Some("Bad request data")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains(detail), "{body}");
}

#[track_caller]
fn is_bad(answer: &Answer, cause: &str, message: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["cause"].as_str(), body["message"].as_str());
    assert_eq!(told, (400, Some(cause), Some(message)), "{body}");
}

#[tokio::test]
async fn fields_of_another_type_are_refused_and_nothing_is_written() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let before = admin.get(&format!("{PATH}/search")).await.text();
    let odd = [json!(5), json!(true), json!([]), json!({ "x": 1 }), json!(1.5)];
    for value in &odd {
        for (field, expected) in [("name", "a string"), ("role", "a string")] {
            let mut body = json!({ "name": "b" });
            body[field] = value.clone();
            is_bad_body(&admin.post(PATH, &body).await, expected);
            is_bad_body(&patch(&admin, id, &body).await, expected);
        }
        let body = json!({ "name": value });
        is_bad_body(&token(&admin, id, &body).await, "a string");
    }
    for value in [json!("true"), json!(1), json!([true])] {
        let body = json!({ "name": "b", "isDisabled": value });
        is_bad_body(&admin.post(PATH, &body).await, "a boolean");
        is_bad_body(&patch(&admin, id, &body).await, "a boolean");
    }
    for value in
        [json!("60"), json!(1.5), json!(true), json!([60]), json!(9_223_372_036_854_775_808_u64)]
    {
        let body = json!({ "name": "b", "secondsToLive": value });
        is_bad_body(&token(&admin, id, &body).await, "i64");
    }
    for text in
        ["not json", "[1]", "5", "\"a\"", "{\"name\":\"b\"", "{\"name\":\"b\",\"name\":\"c\"}"]
    {
        for (method, path) in [
            (Method::POST, PATH.to_owned()),
            (Method::PATCH, format!("{PATH}/{id}")),
            (Method::POST, format!("{PATH}/{id}/tokens")),
        ] {
            is_bad_body(&admin.send_text(method, &path, text).await, "");
        }
    }
    let plain = admin.request(Method::POST, PATH).header("content-type", "text/plain");
    assert_eq!(admin.send(plain.body("{\"name\":\"b\"}")).await.status, 415);
    assert_eq!(admin.get(&format!("{PATH}/search")).await.text(), before);
    assert_eq!(admin.get(&format!("{PATH}/{id}/tokens")).await.json(), json!([]));
}

#[tokio::test]
async fn a_name_is_there_fits_and_can_be_read() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    for missing in
        [json!({}), json!({ "name": "" }), json!({ "name": null }), json!({ "Name": "b" })]
    {
        is_bad_body(&admin.post(PATH, &missing).await, "required value Name must not be empty");
        is_bad_body(&token(&admin, id, &missing).await, "required value Name must not be empty");
    }
    is_bad_body(&admin.send_text(Method::POST, PATH, "").await, "required value Name");
    is_bad_body(&patch(&admin, id, &json!({ "name": "" })).await, "required value Name");
    for over in ["x".repeat(191), "é".repeat(96)] {
        let told = |what: &str| format!("{what} name of {} bytes must have 1 to 190", over.len());
        let body = json!({ "name": over });
        is_bad(&admin.post(PATH, &body).await, "limit_bytes", &told("service account"));
        is_bad(&patch(&admin, id, &body).await, "limit_bytes", &told("service account"));
        is_bad(&token(&admin, id, &body).await, "limit_bytes", &told("token"));
    }
    for odd in ["a\nb", "\u{0}", "a\u{7f}", "\u{9b}31m"] {
        let body = json!({ "name": odd });
        let told = "service account name has a control character";
        is_bad(&admin.post(PATH, &body).await, "bad_text", told);
        is_bad(&patch(&admin, id, &body).await, "bad_text", told);
        is_bad(&token(&admin, id, &body).await, "bad_text", "token name has a control character");
    }
    // Names that a key of the table could be mistaken for, and the longest ones.
    let fine = [
        "#",
        "a#b",
        "a%23b",
        "/",
        "--",
        " ",
        "SA#1",
        "İ",
        "<script>",
        "\"",
        &"İ".repeat(95),
        &"y".repeat(190),
    ];
    for name in fine {
        let made = admin.post(PATH, &json!({ "name": name })).await;
        assert_eq!(
            (made.status.as_u16(), &made.json()["name"]),
            (201, &json!(name)),
            "{}",
            made.text()
        );
        let made = token(&admin, id, &json!({ "name": name })).await;
        assert_eq!(
            (made.status.as_u16(), &made.json()["name"]),
            (200, &json!(name)),
            "{}",
            made.text()
        );
    }
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await;
    let names =
        listed.json().as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert!(fine.iter().all(|name| names.contains(&json!(name))) && names.len() == fine.len());
    assert!(!listed.text().contains("<script>"), "safe to stand inside HTML");
}

#[tokio::test]
async fn p25_numbers_in_paths_are_numbers() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let invalid = async |method: Method, path: String, message: &str| {
        let answer = admin.send_text(method.clone(), &path, "{\"name\":\"x\"}").await;
        let told = (answer.status.as_u16(), answer.message());
        assert_eq!(told, (400, message.to_owned()), "{method} {path}");
    };
    for bad in ["abc", "1e3", "1.0", "0x1", "%201", "9223372036854775808", "sa", "１"] {
        for (method, rest) in [
            (Method::GET, ""),
            (Method::PATCH, ""),
            (Method::DELETE, ""),
            (Method::GET, "/tokens"),
            (Method::POST, "/tokens"),
            (Method::DELETE, "/tokens/1"),
        ] {
            invalid(method, format!("{PATH}/{bad}{rest}"), "Service Account ID is invalid").await;
        }
        if bad != "sa" {
            let path = format!("{PATH}/{id}/tokens/{bad}");
            invalid(Method::DELETE, path, "Token ID is invalid").await;
        }
    }
    for (path, message_id, message) in [
        (format!("{PATH}/0"), "ErrInvalidId", "invalid service account id specified"),
        (
            format!("{PATH}/{id}/tokens/0"),
            "ErrInvalidTokenId",
            "invalid service account token id specified",
        ),
    ] {
        let answer = admin.delete(&path).await;
        is_refused(&answer, 400, &format!("serviceaccounts.{message_id}"), message);
    }
    for absent in ["2147483647", "2147483648", "9223372036854775807", "-1", "sa999"] {
        let answer = admin.get(&format!("{PATH}/{absent}")).await;
        is_refused(&answer, 404, "serviceaccounts.ErrNotFound", "service account not found");
        if absent != "sa999" {
            let answer = admin.delete(&format!("{PATH}/{id}/tokens/{absent}")).await;
            let message = "service account token not found";
            is_refused(&answer, 404, "serviceaccounts.ErrTokenNotFound", message);
        }
    }
}

#[tokio::test]
async fn a_token_lives_for_ever_or_for_a_time_that_can_be_written() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    for bad in [-1_i64, i64::MIN, i64::MAX, 253_402_300_800] {
        let answer = token(&admin, id, &json!({ "name": "t", "secondsToLive": bad })).await;
        is_refused(&answer, 400, "serviceaccounts.ErrInvalidInput", "invalid SecondsToLive value");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&bad.to_string()) && detail.contains("for ever"), "{detail}");
    }
    for (at, fine) in
        [json!(0), Value::Null, json!(1), json!(200_000_000_000_i64)].iter().enumerate()
    {
        let body = json!({ "name": format!("t{at}"), "secondsToLive": fine });
        assert_eq!(token(&admin, id, &body).await.status, 200, "{fine}");
    }
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    let ends: Vec<_> =
        listed.as_array().unwrap().iter().map(|one| one["expiration"].clone()).collect();
    assert_eq!(ends[..2], [Value::Null, Value::Null]);
    assert!(ends[3].as_str().unwrap().starts_with("83"), "{ends:?}");
}

#[tokio::test]
async fn an_account_has_at_most_a_thousand_tokens() {
    use crate::store::items::{ACCESS, Items, number};
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let id = account(&admin, "a", "Viewer").await;
    let key = format!("{id:010}");
    let full = |count: i64| {
        move |item: &mut crate::store::items::Item| {
            item.insert("tokens".to_owned(), number(count));
        }
    };
    let items = Items::of(&app);
    items.change(ACCESS, ("SA#1", &key), full(1_000)).await;
    let answer = token(&admin, id, &json!({ "name": "t" })).await;
    let told = "service account 3 has 1000 tokens, and more it cannot have; revoke some";
    is_bad(&answer, "limit_count", told);
    items.change(ACCESS, ("SA#1", &key), full(999)).await;
    assert_eq!(token(&admin, id, &json!({ "name": "t" })).await.status, 200);
    assert_eq!(token(&admin, id, &json!({ "name": "u" })).await.status, 400);
}

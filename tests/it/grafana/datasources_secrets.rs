//! Secrets of data sources: merged by key, shown to nobody, and bound to where they were meant to go.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{Answer, Client, TestApp, build};
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";
const ONE: &str = "/api/datasources/uid/a";

/// The data source `a`, with other fields over it.
fn source(fields: Value) -> Value {
    let all = json!({
        "uid": "a",
        "name": "a",
        "type": "prometheus",
        "access": "proxy",
        "url": "https://h.example/base",
        "jsonData": { "httpHeaderName1": "X-Key" },
    });
    build::with(all, fields)
}

fn secrets() -> Value {
    json!({ "secureJsonData": { "basicAuthPassword": "canary-1", "httpHeaderValue1": "canary-2" } })
}

#[tokio::test]
async fn t21_k01_k02_secrets_are_named_and_never_shown() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let kept = json!({ "secureJsonData": {
        "password": "canary-p", "basicAuthPassword": "canary-b", "empty": "", "key \"x\"<": "canary-k",
    }});
    let named = json!({ "basicAuthPassword": true, "key \"x\"<": true, "password": true });
    let created = admin.post(PATH, &source(kept.clone())).await;
    let updated = admin.put(ONE, &source(kept.clone())).await;
    let read = admin.get(ONE).await;
    assert_eq!(created.json()["datasource"]["secureJsonFields"], named);
    assert_eq!(updated.json()["datasource"]["secureJsonFields"], named);
    assert_eq!(read.json()["secureJsonFields"], named);
    let refused = build::with(source(kept), json!({ "url": "https://elsewhere", "type": 1 }));
    let answers = [
        created,
        updated,
        read,
        admin.get(PATH).await,
        admin.get("/api/datasources/1?accesscontrol=true").await,
        app.as_viewer().await.get(ONE).await,
        admin.post(PATH, &refused).await,
        admin.put(ONE, &refused).await,
        admin.delete(ONE).await,
    ];
    for answer in answers {
        assert!(!answer.text().contains("canary"), "{}", answer.text());
        assert!(!format!("{:?}", answer.headers).contains("canary"));
    }
}

#[tokio::test]
async fn t36_t37_t38_k03_secrets_are_merged_by_key() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(json!({ "secureJsonData": { "a": "1" } }))).await;
    for (sent, named) in [
        (None, json!({ "a": true })),
        (Some(json!(null)), json!({ "a": true })),
        (Some(json!({})), json!({ "a": true })),
        (Some(json!({ "b": "2" })), json!({ "a": true, "b": true })),
        (Some(json!({ "c": "3" })), json!({ "a": true, "b": true, "c": true })),
        (Some(json!({ "a": "" })), json!({ "b": true, "c": true })),
        (Some(json!({ "absent": "" })), json!({ "b": true, "c": true })),
        (Some(json!({ "b": "", "c": "", "d": "4" })), json!({ "d": true })),
        (Some(json!({ "d": "" })), json!({})),
        (Some(json!({ "a": "5" })), json!({ "a": true })),
    ] {
        let mut body = source(json!({ "secureJsonFields": { "a": false } }));
        if let Some(sent) = &sent {
            body["secureJsonData"] = sent.clone();
        }
        let answer = admin.put(ONE, &body).await;
        assert_eq!(answer.json()["datasource"]["secureJsonFields"], named, "{sent:?}");
        assert_eq!(admin.get(ONE).await.json()["secureJsonFields"], named, "{sent:?}");
    }
}

#[track_caller]
fn check_refused(answer: &Answer, keys: &str) {
    let message = format!(
        "the secrets {keys} were saved for another destination; send them again in secureJsonData, \
         or remove them with an empty text"
    );
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!((answer.cause(), answer.message()), ("secret_must_be_resent".to_owned(), message));
}

/// Moves `a` elsewhere: refused with its secrets kept, done with them sent again or removed.
async fn check_move(app: &TestApp, elsewhere: Value, keys: &str) {
    let admin = app.as_admin();
    admin.delete(ONE).await;
    admin.create(&source(secrets())).await;
    let before = admin.get(ONE).await.text();
    check_refused(&admin.put(ONE, &source(elsewhere.clone())).await, keys);
    assert_eq!(admin.get(ONE).await.text(), before, "nothing is changed by {elsewhere}");
    for (way, named) in [("canary-3", keys.split(", ").count()), ("", 0)] {
        let sent: Value = keys.split(", ").map(|key| (key.to_owned(), json!(way))).collect();
        let body = build::with(source(elsewhere.clone()), json!({ "secureJsonData": sent }));
        let answer = admin.put(ONE, &body).await;
        assert_eq!(answer.status, 200, "{elsewhere}: {}", answer.text());
        let kept = answer.json()["datasource"]["secureJsonFields"].as_object().unwrap().len();
        let others = 2 - keys.split(", ").count();
        assert_eq!(kept, named + others, "{elsewhere}");
    }
}

#[tokio::test]
async fn k04_k05_secrets_do_not_follow_to_another_destination() {
    let app = TestApp::start().await;
    let all = "basicAuthPassword, httpHeaderValue1";
    let headers = |name: &str| json!({ "jsonData": { "httpHeaderName1": name } });
    for elsewhere in [
        json!({ "url": "https://evil.example/base" }),
        json!({ "url": "https://h.example.evil.example/base" }),
        json!({ "url": "https://sub.h.example/base" }),
        json!({ "url": "https://h.example:8443/base" }),
        json!({ "url": "http://h.example:443/base" }),
        json!({ "url": "http://h.example/base" }),
        json!({ "url": "https://10.0.0.1/base" }),
        json!({ "type": "loki" }),
        json!({ "jsonData": { "httpHeaderName1": "X-Key", "tlsSkipVerify": true } }),
    ] {
        check_move(&app, elsewhere, all).await;
    }
    check_move(&app, headers("X-Other"), "httpHeaderValue1").await;
    check_move(&app, json!({ "jsonData": {} }), "httpHeaderValue1").await;
    check_move(&app, json!({ "jsonData": { "httpHeaderName2": "X-Key" } }), "httpHeaderValue1")
        .await;
}

#[tokio::test]
async fn k04_what_is_the_same_destination_keeps_secrets() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(secrets())).await;
    for same in [
        json!({ "url": "https://h.example/other?x=1" }),
        json!({ "url": "https://H.EXAMPLE.:443" }),
        json!({ "name": "renamed", "basicAuth": true, "basicAuthUser": "u", "database": "d", "isDefault": true }),
        json!({ "jsonData": { "httpHeaderName1": "x-key", "timeout": 5, "tlsSkipVerify": false } }),
        json!({ "access": "direct" }),
    ] {
        let answer = admin.put(ONE, &source(same.clone())).await;
        assert_eq!(answer.status, 200, "{same}: {}", answer.text());
        let named = json!({ "basicAuthPassword": true, "httpHeaderValue1": true });
        assert_eq!(answer.json()["datasource"]["secureJsonFields"], named, "{same}");
    }
}

#[tokio::test]
async fn k04_a_part_of_the_secrets_is_not_all_of_them() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(secrets())).await;
    let elsewhere = async |sent: Value| {
        let fields = json!({ "url": "https://evil.example", "secureJsonData": sent });
        admin.put(ONE, &source(fields)).await
    };
    check_refused(&elsewhere(json!({ "basicAuthPassword": "new" })).await, "httpHeaderValue1");
    check_refused(
        &elsewhere(json!({ "another": "new" })).await,
        "basicAuthPassword, httpHeaderValue1",
    );
    check_refused(&elsewhere(json!({ "httpHeaderValue1": "" })).await, "basicAuthPassword");
    assert_eq!(admin.get(ONE).await.json()["secureJsonFields"].as_object().unwrap().len(), 2);
    let all = json!({ "basicAuthPassword": "", "httpHeaderValue1": "new" });
    assert_eq!(
        elsewhere(all).await.json()["datasource"]["secureJsonFields"],
        json!({ "httpHeaderValue1": true })
    );
}

/// What was sealed before can be refused, but is not there after.
#[tokio::test]
async fn k04_a_data_source_that_is_made_again_has_none_of_the_old_secrets() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&source(secrets())).await;
    admin.delete(ONE).await;
    let again = admin.create(&source(json!({}))).await;
    assert_eq!(again["secureJsonFields"], json!({}));
    assert_eq!(admin.put(ONE, &source(json!({ "url": "https://evil.example" }))).await.status, 200);
}

async fn shown_to(client: &Client, path: &str) -> Value {
    let mut shown = client.get(path).await.json();
    if let Some(list) = shown.as_array_mut() {
        shown = list.remove(0);
    }
    json!([shown["url"], shown["jsonData"]])
}

#[tokio::test]
async fn what_looks_like_a_secret_is_masked_for_who_may_not_write() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.as_admin(), app.as_viewer().await);
    let editor = app.as_role(auth::Role::Editor).await;
    let url = "https://h.example/x?token=canary&b&c=d=e";
    let json_data = json!({ "httpHeaderName1": "X-Key", "httpHeaderValue1": "canary", "n": 1 });
    admin.create(&source(json!({ "url": url, "jsonData": json_data }))).await;
    let masked = json!({ "httpHeaderName1": "X-Key", "httpHeaderValue1": "***", "n": 1 });
    for path in [ONE, PATH, "/api/datasources/1"] {
        assert_eq!(shown_to(&admin, path).await, json!([url, json_data]));
        for reader in [&viewer, &editor] {
            let expected = json!(["https://h.example/x?token=***&***&c=***", masked]);
            assert_eq!(shown_to(reader, path).await, expected, "{path}");
        }
    }
}

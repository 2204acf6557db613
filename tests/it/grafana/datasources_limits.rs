//! Every field of a data source at its limit and one over, and of every wrong kind (contract 1.5; bad input class B).

use harness::{Answer, TestApp, build};
use serde_json::{Value, json};

const PATH: &str = "/api/datasources";

fn body(fields: Value) -> Value {
    build::with(build::plain("n", "http://h"), fields)
}

/// A field at its limit, and one byte over it.
fn text(field: &str, limit: usize) -> [Value; 2] {
    [limit, limit + 1].map(|bytes| json!({ field: "x".repeat(bytes) }))
}

#[track_caller]
fn check_refused(answer: &Answer, expected: (&str, &str)) {
    let json = answer.json();
    let id = json["messageId"].as_str().or(json["cause"].as_str()).unwrap_or_default();
    assert_eq!(answer.status, 400, "{expected:?}: {}", answer.text());
    assert_eq!((id, &*answer.message()), expected);
}

#[tokio::test]
async fn t12_to_t16_every_text_has_a_limit_that_both_puts_and_post_keep() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let url = |bytes: usize| json!({ "url": format!("http://h/{}", "x".repeat(bytes - 9)) });
    let name = |bytes: usize| json!({ "secureJsonData": { "k".repeat(bytes): "x" } });
    let secret = |bytes: usize| json!({ "secureJsonData": { "k": "x".repeat(bytes) } });
    let data = |bytes: usize| json!({ "jsonData": { "x": "x".repeat(bytes - 8) } });
    let over = |field: &str, limit: usize| {
        (
            "limit_bytes".to_owned(),
            format!("{field} has {} bytes; at most {limit} are saved", limit + 1),
        )
    };
    let typed = |id: &str, message: &str| (format!("datasource.{id}"), message.to_owned());
    let two = |make: &dyn Fn(usize) -> Value, limit: usize| [make(limit), make(limit + 1)];
    let api = [format!("v{}", "1".repeat(62)), format!("v{}", "1".repeat(63))];
    let rows = [
        (text("name", 190), typed("nameInvalid", "Invalid datasource name.")),
        (text("uid", 40), typed("uidInvalid", "Invalid datasource UID.")),
        (two(&url, 255), typed("urlInvalid", "Invalid datasource url.")),
        (
            api.map(|v| json!({ "apiVersion": v })),
            typed("apiVersionInvalid", "Invalid datasource apiVersion."),
        ),
        (text("type", 255), over("type", 255)),
        (text("access", 255), over("access", 255)),
        (text("user", 255), over("user", 255)),
        (text("database", 255), over("database", 255)),
        (text("basicAuthUser", 255), over("basicAuthUser", 255)),
        (two(&data, 262_144), over("jsonData", 262_144)),
        (two(&name, 255), over("a name in secureJsonData", 255)),
        (two(&secret, 65_536), over("secureJsonData.k", 65_536)),
    ];
    for ([at_limit, over], (id, message)) in rows {
        let made = admin.post(PATH, &body(at_limit.clone())).await;
        assert_eq!(made.status, 200, "{message}: {}", made.text());
        let made = made.json()["datasource"].clone();
        let (number, uid) = (&made["id"], made["uid"].as_str().unwrap_or_default());
        let ways = [format!("{PATH}/{number}"), format!("{PATH}/uid/{uid}")];
        for way in &ways {
            let kept = admin.put(way, &body(at_limit.clone())).await;
            assert_eq!(kept.status, 200, "{message}: {}", kept.text());
        }
        let before = admin.get(&ways[0]).await.text();
        for way in &ways {
            check_refused(&admin.put(way, &body(over.clone())).await, (&id, &message));
        }
        check_refused(&admin.post(PATH, &body(over)).await, (&id, &message));
        assert_eq!(admin.get(&ways[0]).await.text(), before);
        assert_eq!(admin.delete(&ways[0]).await.status, 200);
    }
    assert_eq!(admin.get(PATH).await.text(), "[]");
}

#[tokio::test]
async fn t22_a_field_of_the_wrong_kind_is_refused_by_both_puts_and_post() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    admin.create(&body(json!({ "uid": "a" }))).await;
    let before = admin.get("/api/datasources/1").await.text();
    let kinds = [json!(1), json!("x"), json!(true), json!([]), json!({}), json!(1.5)];
    let fields = [
        ("name", "string"),
        ("type", "string"),
        ("access", "string"),
        ("url", "string"),
        ("user", "string"),
        ("database", "string"),
        ("basicAuthUser", "string"),
        ("uid", "string"),
        ("apiVersion", "string"),
        ("basicAuth", "boolean"),
        ("withCredentials", "boolean"),
        ("isDefault", "boolean"),
        ("version", "integer"),
        ("jsonData", "object"),
        ("secureJsonData", "object"),
    ];
    for (field, right) in fields {
        for kind in &kinds {
            let is_right = match right {
                "string" => kind.is_string(),
                "boolean" => kind.is_boolean(),
                "integer" => kind.is_i64(),
                _ => kind.is_object(),
            };
            if is_right {
                continue;
            }
            let body = body(json!({ field: kind }));
            for answer in [
                admin.post(PATH, &body).await,
                admin.put("/api/datasources/1", &body).await,
                admin.put("/api/datasources/uid/a", &body).await,
            ] {
                let found = (answer.status.as_u16(), answer.message());
                assert_eq!(found, (400, "bad request data".to_owned()), "{field}: {kind}");
            }
        }
    }
    for version in ["9223372036854775808", "-9223372036854775809", "1e3"] {
        let body = body(json!({ "version": 4711 })).to_string().replace("4711", version);
        let answer = admin.send_text(http::Method::PUT, "/api/datasources/1", body).await;
        assert_eq!((answer.status.as_u16(), &*answer.message()), (400, "bad request data"));
    }
    assert_eq!(admin.get("/api/datasources/1").await.text(), before);
}

#[tokio::test]
async fn t25_without_an_authenticating_proxy_every_header_is_a_header() {
    let app = TestApp::start().await;
    let header = json!({ "jsonData": { "httpHeaderName1": "x-auth-user" } });
    let made = app.as_admin().post(PATH, &body(header)).await;
    assert_eq!((made.status.as_u16(), &*made.message()), (200, "Datasource added"));
}

//! How limited tokens are made, shown and handed on: no token makes one that is stronger than itself.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::{Answer, Client, TestApp, build};
use serde_json::{Value, json};

use super::accounts::{PATH, account, said, token, with_token};

async fn fixture() -> (TestApp, Client, u64) {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for (uid, name) in [("a", "A source: with a name"), ("b", "b")] {
        let source = build::with(build::plain(name, "http://h"), json!({ "uid": uid }));
        admin.create(&source).await;
    }
    let account = account(&admin, "robot", "Admin").await;
    (app, admin, account)
}

async fn make(client: &Client, account: u64, name: &str, limits: Value) -> Answer {
    token(client, account, &json!({ "name": name, "limits": limits })).await
}

fn query(scope: &str) -> Value {
    json!({ "permissions": [{ "action": "datasources:query", "scope": scope }] })
}

#[track_caller]
fn is_bad(answer: &Answer, start: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["cause"].as_str());
    assert_eq!(told, (400, Some("bad_limits")), "{body}");
    assert!(body["message"].as_str().unwrap().starts_with(start), "{body}");
}

#[track_caller]
fn exceeds(answer: &Answer, message: &str) {
    let body = answer.json();
    let told = (answer.status.as_u16(), body["cause"].as_str(), body["message"].as_str());
    assert_eq!(told, (403, Some("token_limits"), Some(message)), "{body}");
}

fn beyond(what: &str) -> String {
    format!("{what} goes beyond this token's own; ask for less, or make the token as a user")
}

#[tokio::test]
async fn limits_are_shown_in_the_words_in_which_they_were_asked_for() {
    let (_app, admin, id) = fixture().await;
    let asked = json!({
        "permissions": [
            { "action": "datasources:query", "scope": "datasources:uid:a" },
            { "action": "datasources:read", "scope": "datasources:name:A source: with a name" },
            { "action": "datasources:write", "scope": "datasources:id:2" },
            { "action": "datasources:delete", "scope": "datasources:uid:*" },
            { "action": "datasources:create", "scope": "datasources:*" },
            { "action": "serviceaccounts:write" },
            { "action": "serviceaccounts:read", "scope": "*" },
        ],
        "networks": ["10.0.0.0/8", "fd00::/8"],
        "readOnly": true,
    });
    let made = make(&admin, id, "all", asked.clone()).await;
    assert_eq!((made.status.as_u16(), &made.json()["limits"]), (200, &asked));
    for (name, none) in [
        ("n", json!({})),
        ("o", Value::Null),
        ("p", json!({ "permissions": null, "networks": null, "readOnly": null })),
        ("q", json!({ "readOnly": false })),
    ] {
        let made = make(&admin, id, name, none).await;
        assert_eq!((made.status.as_u16(), made.json().get("limits")), (200, None));
    }
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    let limits: Vec<_> = listed.as_array().unwrap().iter().map(|one| one.get("limits")).collect();
    assert_eq!(limits, [Some(&asked), None, None, None, None]);
}

#[tokio::test]
async fn limits_that_cannot_be_read_are_refused_with_what_is_accepted() {
    let (_app, admin, id) = fixture().await;
    let bad =
        async |limits: Value, start: &str| is_bad(&make(&admin, id, "t", limits).await, start);
    let permission = |action: &str, scope: &str| json!({ "permissions": [{ "action": "datasources:read", "scope": "*" }, { "action": action, "scope": scope }] });
    bad(permission("datasources:qery", "*"), "limits.permissions[1].action `datasources:qery` is unknown; accepted are datasources:read, datasources:query, ").await;
    bad(json!({ "permissions": [{ "scope": "*" }] }), "limits.permissions[0].action `` is unknown")
        .await;
    bad(permission("datasources:query", "datasources:type:x"), "limits.permissions[1].scope `datasources:type:x` is unknown; accepted are datasources:uid:<uid>, ").await;
    bad(
        permission("datasources:query", ""),
        "limits.permissions[1].scope `` does not go with datasources:query; accepted are ",
    )
    .await;
    bad(
        json!({ "permissions": [{ "action": "datasources:query" }] }),
        "limits.permissions[0].scope `` does not go with",
    )
    .await;
    bad(permission("serviceaccounts:read", "datasources:uid:a"), "limits.permissions[1].scope `datasources:uid:a` does not go with serviceaccounts:read; accepted is none, or *").await;
    bad(json!({ "permissions": [] }), "limits.permissions must not be empty; leave it out").await;
    bad(json!({ "networks": [] }), "limits.networks must not be empty; leave it out").await;
    bad(
        json!({ "networks": ["10.0.0.0/8", "x"] }),
        "limits.networks[1]: `x` is no network; write 10.1.0.0/16",
    )
    .await;
    bad(
        json!({ "networks": ["10.0.0.1/8"] }),
        "limits.networks[0]: `10.0.0.1/8` names an address inside",
    )
    .await;
    bad(json!({ "networks": ["10.0.0.0/33"] }), "limits.networks[0]: `10.0.0.0/33` is no network")
        .await;
    let many = |count: usize| json!({ "permissions": vec![json!({ "action": "datasources:read", "scope": "*" }); count] });
    assert_eq!(make(&admin, id, "hundred", many(100)).await.status, 200);
    bad(many(101), "limits.permissions has 101 entries; at most 100 are kept").await;
    let many = |count: usize| json!({ "networks": vec!["10.0.0.0/8"; count] });
    assert_eq!(make(&admin, id, "fifty", many(50)).await.status, 200);
    bad(many(51), "limits.networks has 51 entries; at most 50 are kept").await;
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "nothing half written");
}

#[tokio::test]
async fn limits_of_another_shape_are_refused_and_so_are_misspelt_ones() {
    let (_app, admin, id) = fixture().await;
    for (limits, detail) in [
        (json!([]), "expected"),
        (json!("x"), "expected"),
        (
            json!({ "network": ["10.0.0.0/8"] }),
            "expected one of `permissions`, `networks`, `readOnly`",
        ),
        (
            json!({ "permissions": [{ "action": "datasources:read", "scopes": "*" }] }),
            "expected `action` or `scope`",
        ),
        (json!({ "permissions": {} }), "an array"),
        (json!({ "permissions": ["datasources:read"] }), "expected"),
        (json!({ "permissions": [{ "action": 5 }] }), "a string"),
        (json!({ "permissions": [{ "action": "datasources:read", "scope": ["*"] }] }), "a string"),
        (json!({ "networks": "10.0.0.0/8" }), "an array"),
        (json!({ "networks": [10] }), "a string"),
        (json!({ "readOnly": "yes" }), "a boolean"),
    ] {
        let answer = make(&admin, id, "t", limits.clone()).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &body["message"]),
            (400, &json!("Bad request data")),
            "{limits}: {body}"
        );
        assert!(body["detail"].as_str().unwrap().contains(detail), "{limits}: {body}");
    }
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    assert_eq!(listed, json!([]), "nothing half written");
}

#[tokio::test]
async fn t20_a_source_that_is_absent_or_unseen_is_named_in_the_same_words() {
    let (app, admin, id) = fixture().await;
    let text = |scope: &str| {
        format!("limits.permissions[0].scope `{scope}` names no data source that you can see")
    };
    for scope in [
        "datasources:uid:none",
        "datasources:id:4711",
        "datasources:name:none",
        "datasources:name:B",
    ] {
        is_bad(&make(&admin, id, "t", query(scope)).await, &text(scope));
    }
    // A token that sees one source only.
    let permissions = json!([
        { "action": "serviceaccounts:write" },
        { "action": "datasources:query", "scope": "datasources:uid:a" },
    ]);
    let limits = json!({ "permissions": permissions });
    let robot = with_token(&app, &admin, id, &json!({ "name": "r", "limits": limits })).await;
    for (unseen, absent) in [
        ("datasources:uid:b", "datasources:uid:c"),
        ("datasources:id:2", "datasources:id:3"),
        ("datasources:name:b", "datasources:name:c"),
    ] {
        let [unseen_said, absent_said] = [
            make(&robot, id, "t", query(unseen)).await,
            make(&robot, id, "t", query(absent)).await,
        ];
        is_bad(&unseen_said, &text(unseen));
        let expected = said(&absent_said).to_string().replace(absent, unseen);
        assert_eq!(said(&unseen_said).to_string(), expected);
    }
    assert_eq!(make(&robot, id, "t", query("datasources:uid:a")).await.status, 200);
}

#[tokio::test]
async fn a_token_makes_tokens_that_are_weaker_than_itself_and_no_others() {
    let (app, admin, id) = fixture().await;
    let limits = json!({
        "permissions": [
            { "action": "serviceaccounts:write", "scope": "*" },
            { "action": "serviceaccounts:read", "scope": "*" },
            { "action": "datasources:read", "scope": "datasources:*" },
            { "action": "datasources:query", "scope": "datasources:uid:a" },
        ],
        "networks": ["127.0.0.0/8", "10.0.0.0/8"],
    });
    let body = json!({ "name": "parent", "secondsToLive": 3600, "limits": limits });
    let parent = with_token(&app, &admin, id, &body).await;
    let grant = beyond("permission `datasources:query`");
    exceeds(&make(&parent, id, "t", query("datasources:uid:b")).await, &grant);
    exceeds(&make(&parent, id, "t", query("datasources:*")).await, &grant);
    exceeds(&make(&parent, id, "t", query("*")).await, &grant);
    let write =
        json!({ "permissions": [{ "action": "datasources:write", "scope": "datasources:uid:a" }] });
    exceeds(&make(&parent, id, "t", write).await, &beyond("permission `datasources:write`"));
    let network = beyond("network 0.0.0.0/0");
    exceeds(
        &make(&parent, id, "t", json!({ "networks": ["10.1.0.0/16", "0.0.0.0/0"] })).await,
        &network,
    );
    let longer = token(&parent, id, &json!({ "name": "t", "secondsToLive": 3602 })).await;
    assert!(
        longer
            .message()
            .starts_with("this token ends before the one that it would make; ask for at most 3"),
        "{}",
        longer.text()
    );
    assert_eq!((longer.status.as_u16(), &*longer.cause()), (403, "token_limits"));
    // What is left open is as with the parent, its words and its end too.
    let child = token(&parent, id, &json!({ "name": "child" })).await;
    let shown = |mut limits: Value| {
        limits["readOnly"] = json!(false);
        limits
    };
    assert_eq!(child.json()["limits"], shown(limits.clone()));
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    let ends: Vec<_> =
        listed.as_array().unwrap().iter().map(|one| one["expiration"].clone()).collect();
    assert_eq!(ends[0], ends[1], "{listed}");
}

#[tokio::test]
async fn a_grandchild_is_no_stronger_than_its_own_parent() {
    let (app, admin, id) = fixture().await;
    let limits = json!({
        "permissions": [
            { "action": "serviceaccounts:write", "scope": "*" },
            { "action": "datasources:read", "scope": "datasources:*" },
            { "action": "datasources:query", "scope": "datasources:uid:a" },
        ],
        "networks": ["127.0.0.0/8", "10.0.0.0/8"],
    });
    let parent = json!({ "name": "parent", "secondsToLive": 3600, "limits": limits });
    let parent = with_token(&app, &admin, id, &parent).await;
    let less = json!({
        "permissions": [
            { "action": "serviceaccounts:write", "scope": "*" },
            { "action": "datasources:query", "scope": "datasources:name:A source: with a name" },
        ],
        "networks": ["127.0.0.1"],
    });
    let less = json!({ "name": "less", "secondsToLive": 60, "limits": less });
    let less = with_token(&app, &parent, id, &less).await;
    let read =
        json!({ "permissions": [{ "action": "datasources:read", "scope": "datasources:*" }] });
    exceeds(&make(&less, id, "t", read).await, &beyond("permission `datasources:read`"));
    let grandchild =
        token(&less, id, &json!({ "name": "grandchild", "limits": { "readOnly": true } })).await;
    let shown = grandchild.json()["limits"].clone();
    assert_eq!((&shown["networks"], &shown["readOnly"]), (&json!(["127.0.0.1/32"]), &json!(true)));
    assert_eq!(shown["permissions"][1]["scope"], "datasources:name:A source: with a name");
}

#[tokio::test]
async fn t54_a_token_that_ends_makes_none_that_lasts() {
    let (app, admin, id) = fixture().await;
    let body = json!({ "name": "brief", "secondsToLive": 600 });
    let brief = with_token(&app, &admin, id, &body).await;
    for (at, body) in
        [json!({}), json!({ "secondsToLive": 0 }), json!({ "secondsToLive": 1 })].iter().enumerate()
    {
        let body = build::with(body.clone(), json!({ "name": format!("t{at}") }));
        let made = token(&brief, id, &body).await;
        assert_eq!((made.status.as_u16(), made.json().get("limits")), (200, None));
    }
    let listed = admin.get(&format!("{PATH}/{id}/tokens")).await.json();
    let listed = listed.as_array().unwrap();
    let left: Vec<_> =
        listed.iter().map(|one| one["secondsUntilExpiration"].as_i64().unwrap()).collect();
    assert!(left.iter().all(|left| (0..=600).contains(left)) && left[3] <= 1, "{left:?}");
    assert_eq!(listed[0]["expiration"], listed[1]["expiration"]);
}

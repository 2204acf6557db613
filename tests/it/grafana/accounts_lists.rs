//! Lists of service accounts, and the lists of what is no more.

use harness::TestApp;
use serde_json::{Value, json};

use super::accounts::{PATH, account, token};

#[tokio::test]
async fn lists_are_filtered_paged_and_counted() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for n in 0..25 {
        let body = json!({ "name": format!("Robot {n:02}"), "isDisabled": n % 5 == 0 });
        assert_eq!(admin.post(PATH, &body).await.status, 201);
    }
    let page = async |query: &str| admin.get(&format!("{PATH}/search?{query}")).await.json();
    let names = |page: &Value| -> Vec<String> {
        let all = page["serviceAccounts"].as_array().into_iter().flatten();
        all.map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let (mut seen, mut number) = (Vec::new(), 1);
    loop {
        let page = page(&format!("query=robot&perpage=10&page={number}")).await;
        assert_eq!(
            (&page["totalCount"], &page["page"], &page["perPage"]),
            (&json!(25), &json!(number), &json!(10))
        );
        let names = names(&page);
        if names.is_empty() {
            break;
        }
        seen.extend(names);
        number += 1;
    }
    let expected: Vec<_> = (0..25).map(|n| format!("Robot {n:02}")).collect();
    assert_eq!((seen, number), (expected, 4));
    assert_eq!(page("disabled=true").await["totalCount"], 5);
    assert_eq!(page("query=robot-1").await["totalCount"], 10, "logins are looked through too");
    assert_eq!(page("query=%25").await["totalCount"], 0, "no wildcards");
    for empty in ["page=2", "page=18446744073709551615&perpage=18446744073709551615"] {
        let page = page(&format!("query=robot&{empty}")).await;
        assert_eq!((names(&page).len(), &page["totalCount"]), (0, &json!(25)), "{empty}");
    }
    for ignored in ["page=x", "page=-1&perpage=0", "page=&perpage=", "unknown=1"] {
        assert_eq!(names(&page(&format!("query=robot&{ignored}")).await).len(), 25, "{ignored}");
    }
    let id = account(&admin, "with an old token", "None").await;
    let brief = token(&admin, id, &json!({ "name": "brief", "secondsToLive": 1 })).await;
    assert_eq!(brief.status, 200);
    let started = std::time::Instant::now();
    while page("expiredTokens=true").await["totalCount"] != 1 {
        assert!(started.elapsed().as_secs() < 20, "the token ends");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_is_no_more_answers_as_clients_expect_it() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for path in ["/api/auth/keys", "/api/auth/keys?includeExpired=true"] {
        let keys = admin.get(path).await;
        assert_eq!((keys.status.as_u16(), &*keys.text()), (200, "[]"), "{path}");
    }
    let gone = admin.post("/api/auth/keys", &json!({ "name": "a", "role": "Viewer" })).await;
    assert_eq!(gone.status, 410);
    assert!(gone.message().contains("please use POST /api/serviceaccounts and"), "{}", gone.text());
    let deleted = admin.delete("/api/auth/keys/1").await;
    assert_eq!((deleted.status.as_u16(), &*deleted.message()), (404, "Failed to delete API key"));
    let bad = admin.delete("/api/auth/keys/x").await;
    assert_eq!((bad.status.as_u16(), &*bad.message()), (400, "id is invalid"));
    for path in
        ["/api/search", "/api/search/?type=dash-db&limit=1&page=1", "/api/search?limit=5000"]
    {
        let found = app.as_viewer().await.get(path).await;
        assert_eq!((found.status.as_u16(), &*found.text()), (200, "[]"), "{path}");
        assert_eq!(app.anonymous().get(path).await.status, 401);
    }
}

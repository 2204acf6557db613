//! Who may see and change correlations: those who may read both ends, and write the first.

use auth::Role;
use harness::{Answer, Client, TestApp};
use http::Method;
use serde_json::json;

use super::access::check_lacks;
use super::correlations::{ALL, check, link, path, to};
use super::permissions::{account, create, give};
use super::permissions_rights::seen;

/// Every route of a correlation of a data source.
fn routes(source: &str, uid: &str) -> Vec<(Method, String, &'static str)> {
    let one = path(source, &format!("/{uid}"));
    vec![
        (Method::GET, path(source, ""), "datasources:read"),
        (Method::GET, one.clone(), "datasources:read"),
        (Method::POST, path(source, ""), "datasources:write"),
        (Method::PATCH, one.clone(), "datasources:write"),
        (Method::DELETE, one, "datasources:write"),
    ]
}

async fn ask(client: &Client, method: &Method, path: &str) -> Answer {
    let request = client.request(method.clone(), path);
    client.send(if *method == Method::GET { request } else { request.json(&to("a")) }).await
}

#[tokio::test]
async fn viewers_and_editors_read_and_do_not_write() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let uid = link(&app, "a", &to("a")).await;
    for role in [Role::Viewer, Role::Editor] {
        let caller = app.as_role(role).await;
        assert_eq!(caller.get(ALL).await.json()["totalCount"], 1);
        for (method, path, action) in routes("a", &uid) {
            let answer = ask(&caller, &method, &path).await;
            if method == Method::GET {
                assert_eq!(answer.status, 200, "{path}");
            } else {
                check_lacks(&answer, action);
                let bad = caller.send_text(method, &path, "not json").await;
                assert_eq!(seen(&bad), seen(&answer));
            }
        }
    }
    for (method, path, _) in routes("a", &uid) {
        check(&ask(&app.anonymous(), &method, &path).await, 401, "Unauthorized");
    }
    check(&app.anonymous().get(ALL).await, 401, "Unauthorized");
}

#[tokio::test]
async fn t20_who_may_read_nothing_learns_nothing() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let uid = link(&app, "a", &to("a")).await;
    let (nobody, id) = account(&app, Role::None).await;
    for query in ["", "?limit=x", "?sourceUID=a"] {
        check_lacks(&nobody.get(&format!("{ALL}{query}")).await, "datasources:read");
    }
    let others = routes("none", "none").into_iter().zip(routes("b%20b", "x"));
    for ((method, theirs, action), ((_, absent, _), (_, odd, _))) in
        routes("a", &uid).into_iter().zip(others)
    {
        let answer = ask(&nobody, &method, &theirs).await;
        check_lacks(&answer, action);
        assert_eq!(seen(&answer), seen(&ask(&nobody, &method, &absent).await), "{method} {absent}");
        assert_eq!(seen(&answer), seen(&ask(&nobody, &method, &odd).await), "{method} {odd}");
    }
    give(&app, "a", &format!("/users/{id}"), "Query").await;
    assert_eq!(nobody.get(ALL).await.json()["totalCount"], 1);
    assert_eq!(nobody.get(&path("a", &format!("/{uid}"))).await.status, 200);
}

#[tokio::test]
async fn a_target_that_one_may_not_read_is_not_told() {
    let app = TestApp::start().await;
    for uid in ["a", "b", "hidden"] {
        create(&app, uid).await;
    }
    let open = link(&app, "a", &to("b")).await;
    let closed = link(&app, "a", &to("hidden")).await;
    link(&app, "hidden", &to("b")).await;
    let (robot, id) = account(&app, Role::Viewer).await;
    give(&app, "a", &format!("/users/{id}"), "Edit").await;
    give(&app, "hidden", "/builtInRoles/Viewer", "").await;
    let listed = robot.get(ALL).await;
    assert_eq!(listed.json()["totalCount"], 1, "{}", listed.text());
    assert_eq!(listed.json()["correlations"][0]["uid"], open);
    assert!(!listed.text().contains("hidden") && !listed.text().contains(&closed));
    assert_eq!(robot.get(&path("a", "")).await.json().as_array().unwrap().len(), 1);
    // He may write the source, and what he does not see is not there all the same.
    let absent = path("a", "/none");
    let one = path("a", &format!("/{closed}"));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let answer = ask(&robot, &method, &one).await;
        assert_eq!(seen(&answer), seen(&ask(&robot, &method, &absent).await), "{method}");
        check(&answer, 404, "Correlation not found");
    }
    let to_hidden = robot.post(&path("a", ""), &to("hidden")).await;
    assert_eq!(seen(&to_hidden), seen(&robot.post(&path("a", ""), &to("none")).await));
    check(&to_hidden, 404, "Data source not found");
    // The same without a right to read others.
    let (scoped, id) = account(&app, Role::None).await;
    give(&app, "a", &format!("/users/{id}"), "Edit").await;
    let to_hidden = scoped.post(&path("a", ""), &to("hidden")).await;
    check_lacks(&to_hidden, "datasources:read");
    assert_eq!(seen(&to_hidden), seen(&scoped.post(&path("a", ""), &to("none")).await));
    assert_eq!(scoped.post(&path("a", ""), &to("a")).await.status, 200);
    assert_eq!(app.as_admin().get(ALL).await.json()["totalCount"], 4);
}

#[tokio::test]
async fn t81_a_right_to_one_source_writes_no_other_s_correlations() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    create(&app, "b").await;
    let uid = link(&app, "b", &to("a")).await;
    let (robot, id) = account(&app, Role::Viewer).await;
    give(&app, "a", &format!("/users/{id}"), "Edit").await;
    for (method, path, action) in routes("b", &uid).into_iter().skip(2) {
        check_lacks(&ask(&robot, &method, &path).await, action);
    }
    // Nor does the uid of one lead to it from another source.
    let through = path("a", &format!("/{uid}"));
    check(&robot.delete(&through).await, 404, "Correlation not found");
    assert_eq!(robot.post(&path("a", ""), &to("b")).await.status, 200);
}

#[tokio::test]
async fn a08_a09_another_organisation_s_callers_find_nothing() {
    let app = TestApp::start().await;
    create(&app, "a").await;
    let uid = link(&app, "a", &to("a")).await;
    let org = app.create_org("Second Org.").await;
    let second = app.as_role_in(org, Role::Admin).await;
    let before = app.as_admin().get(ALL).await.text();
    check(&second.get(ALL).await, 404, "No correlation found");
    for ((method, theirs, _), (_, absent, _)) in
        routes("a", &uid).into_iter().zip(routes("none", &uid))
    {
        let answer = ask(&second, &method, &theirs).await;
        assert_eq!(answer.status, 404, "{method} {theirs}");
        assert_eq!(seen(&answer), seen(&ask(&second, &method, &absent).await), "{method} {theirs}");
    }
    let own =
        harness::build::with(harness::build::plain("own", "http://h"), json!({ "uid": "own" }));
    second.create(&own).await;
    check(&second.post(&path("own", ""), &to("a")).await, 404, "Data source not found");
    let uid = second.post(&path("own", ""), &to("own")).await.json()["result"]["uid"].clone();
    assert_eq!(second.get(ALL).await.json()["totalCount"], 1);
    let through = path("a", &format!("/{}", uid.as_str().unwrap()));
    check(&app.as_admin().get(&through).await, 404, "Correlation not found");
    assert_eq!(app.as_admin().get(ALL).await.text(), before);
}

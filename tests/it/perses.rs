//! The Perses dialect as its clients see it: one file per group of rules.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod bounds;
mod documents;
mod login;
mod oauth;
mod projects;
mod proxy;
mod races;
mod roles;
mod secrets;
mod shapes;
mod sql;
mod unsaved;
mod users;

use harness::{Answer, Client};
use serde_json::{Value, json};

/// A data source that is reached over HTTP.
fn source(name: &str, url: &str) -> Value {
    with_proxy(name, &json!({ "url": url }))
}

/// The same with all that its proxy says.
fn with_proxy(name: &str, spec: &Value) -> Value {
    json!({
        "kind": "GlobalDatasource",
        "metadata": { "name": name },
        "spec": {
            "default": false,
            "plugin": {
                "kind": "PrometheusDatasource",
                "spec": { "proxy": { "kind": "HTTPProxy", "spec": spec } },
            },
        },
    })
}

/// The same document in a project.
fn in_project(mut document: Value, project: &str) -> Value {
    document["kind"] =
        document["kind"].as_str().expect("a kind").trim_start_matches("Global").into();
    document["metadata"]["project"] = project.into();
    document
}

fn basic_auth(name: &str) -> Value {
    json!({
        "kind": "GlobalSecret",
        "metadata": { "name": name },
        "spec": { "basicAuth": { "username": "Basil", "password": "Detective" } },
    })
}

async fn made(admin: &Client, path: &str, document: &Value) -> Value {
    let answer = admin.post(path, document).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn project(admin: &Client, name: &str) {
    let project = json!({ "kind": "Project", "metadata": { "name": name }, "spec": {} });
    made(admin, "/api/v1/projects", &project).await;
}

#[track_caller]
fn check(answer: &Answer, status: u16, message: &str) {
    assert_eq!((answer.status.as_u16(), &*answer.message()), (status, message));
}

//! Documents of the Perses dialect, out of one folder and into another.

use std::fs;
use std::path::Path;

use harness::Client;
use harness::upstream::FakeUpstream;
use serde_json::{Value, json};

use super::super::binary::{Binary, text};
use super::{EXPORT, IMPORT, admin, folder};

/// Every kind, by the paths of their lists.
const LISTS: [&str; 10] = [
    "projects",
    "globalsecrets",
    "secrets",
    "globaldatasources",
    "datasources",
    "dashboards",
    "globalroles",
    "roles",
    "globalrolebindings",
    "rolebindings",
];

fn document(kind: &str, name: &str, spec: &Value) -> Value {
    let mut metadata = json!({ "name": name, "tags": ["kept"] });
    if !kind.starts_with("Global") && kind != "Project" {
        metadata["project"] = "p".into();
    }
    json!({ "kind": kind, "metadata": metadata, "spec": spec })
}

fn source(url: &str) -> Value {
    let proxy = json!({ "kind": "HTTPProxy", "spec": { "url": url, "secret": "s" } });
    json!({ "default": true, "plugin": { "kind": "P", "spec": { "proxy": proxy } } })
}

/// One document of each kind, and two bindings more; some of those who have rights are not there elsewhere.
fn all(url: &str) -> Vec<(&'static str, Value)> {
    let secret = |word: &str| json!({ "basicAuth": { "username": "u", "password": format!("canary-{word}") } });
    let dashboard =
        json!({ "duration": "1h", "n": 1.50, "datasources": { "Own one": source(url) } });
    let role = json!({ "permissions": [{ "actions": ["read"], "scopes": ["*"] }] });
    let binding = |users: &[&str]| {
        let subject = |user: &&str| json!({ "kind": "User", "name": user });
        json!({ "role": "r", "subjects": users.iter().map(subject).collect::<Vec<_>>() })
    };
    vec![
        ("projects", document("Project", "p", &json!({ "display": { "name": "P" } }))),
        // Data sources before their secrets.
        ("globaldatasources", document("GlobalDatasource", "g", &source(url))),
        ("datasources", document("Datasource", "x", &source(url))),
        ("globalsecrets", document("GlobalSecret", "s", &secret("global"))),
        ("secrets", document("Secret", "s", &secret("own"))),
        ("dashboards", document("Dashboard", "d", &dashboard)),
        ("globalroles", document("GlobalRole", "r", &role)),
        ("roles", document("Role", "r", &role)),
        ("globalrolebindings", document("GlobalRoleBinding", "b", &binding(&["bob"]))),
        ("rolebindings", document("RoleBinding", "b", &binding(&["bob", "eve"]))),
        ("rolebindings", document("RoleBinding", "theirs", &binding(&["eve"]))),
    ]
}

async fn user(folder: &Path, login: &str) {
    let made = admin(folder, &["user", "create", login, "--role", "viewer", "--generate"]).await;
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
}

/// Takes somebody out of the organisation.
pub(super) async fn expelled(client: &Client, login: &str) {
    let users = client.get("/api/org/users").await.json();
    let mut users = users.as_array().expect("a list").iter();
    let user = users.find(|user| user["login"] == login).expect("the user");
    let expelled = client.delete(&format!("/api/org/users/{}", user["userId"])).await;
    assert_eq!(expelled.status, 200, "{}", expelled.text());
}

/// Lets somebody in under the password that is drawn for him.
async fn login(server: &Binary, folder: &Path, login: &str) -> Client {
    let set = admin(folder, &["password", login, "--generate", "--json"]).await;
    let set: Value = serde_json::from_slice(&set.stdout).expect("what was drawn");
    Client::basic(server.address, login, set["password"].as_str().expect("a password"))
}

async fn made(client: &Client, url: &str) {
    for (path, sent) in all(url) {
        let answer = client.post(&format!("/api/v1/{path}"), &sent).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

/// What there is of every kind, but for what is drawn at each save.
async fn seen(client: &Client) -> Vec<Value> {
    let mut seen = Vec::new();
    for list in LISTS {
        let mut documents = client.get(&format!("/api/v1/{list}")).await.json();
        for one in documents.as_array_mut().expect("a list") {
            let metadata = one["metadata"].as_object_mut().expect("metadata");
            metadata.retain(|name, _| ["name", "project", "tags"].contains(&name.as_str()));
        }
        seen.push(documents);
    }
    seen
}

const PATHS: [(&str, &str); 3] = [
    ("/proxy/globaldatasources/g/api", "canary-global"),
    ("/proxy/projects/p/datasources/x/api", "canary-own"),
    ("/proxy/projects/p/dashboards/d/datasources/Own%20one/api", "canary-own"),
];

/// A gateway whose users bob and eve are.
async fn with_users(folder: &Path) -> Binary {
    let server = Binary::start(folder, &[]).await;
    for login in ["bob", "eve"] {
        user(folder, login).await;
    }
    server
}

#[tokio::test]
async fn documents_are_there_as_they_were_and_their_secrets_go_where_they_went() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let server = with_users(here.path()).await;
    let client = server.admin(&here.path().join(".sourcegate"));
    made(&client, &upstream.url()).await;
    let before = seen(&client).await;
    let exported = admin(here.path(), EXPORT).await;
    let said = "exported 0 data sources and 11 documents with their secrets to all.age\n";
    assert_eq!(text(&exported.stdout), said, "{}", text(&exported.stderr));
    let file = fs::read(here.path().join("all.age")).unwrap();
    assert!(!file.windows(6).any(|six| six == b"canary"), "nothing in it is readable");
    drop(server);

    fs::write(there.path().join("all.age"), &file).unwrap();
    let other = Binary::start(there.path(), &[]).await;
    user(there.path(), "bob").await;
    let imported = admin(there.path(), IMPORT).await;
    assert_eq!(
        text(&imported.stdout),
        "organisation 1, RoleBinding `p/b`: subjects left out, since nobody here is user eve\n\
         organisation 1, RoleBinding `p/theirs`: left out, it names nobody else: nobody here is user eve\n\
         10 created, 0 replaced, 0 skipped, 1 left out\n",
        "{}",
        text(&imported.stderr)
    );
    assert_eq!(imported.status.code(), Some(3), "not all of it is in");
    let client = other.admin(&there.path().join(".sourcegate"));
    let mut expected = before;
    let bindings = expected[9].as_array_mut().expect("a list");
    bindings.retain(|binding| binding["metadata"]["name"] == "b");
    bindings[0]["spec"]["subjects"].as_array_mut().expect("subjects").truncate(1);
    assert_eq!(seen(&client).await, expected);
    for (path, password) in PATHS {
        assert_eq!(client.get(path).await.text(), "ok", "{path}");
        let sent = upstream.requests().pop().unwrap();
        let expected = Client::basic(upstream.address(), "u", password);
        assert_eq!(sent.header("authorization"), Some(expected.authorization()), "{path}");
    }
    let checked = admin(there.path(), &["fsck"]).await;
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    // Once more: nothing is doubled, and nothing changes.
    let stopped = admin(there.path(), IMPORT).await;
    assert_eq!(stopped.status.code(), Some(1));
    let said = text(&stopped.stderr);
    assert!(said.contains("organisation 1: Datasource `p/x` is there already"), "{said}");
    for (conflicts, done) in [
        ("skip", "0 created, 0 replaced, 10 skipped, 1 left out\n"),
        ("replace", "0 created, 10 replaced, 0 skipped, 1 left out\n"),
    ] {
        let again = admin(there.path(), &[IMPORT, &["--on-conflict", conflicts]].concat()).await;
        let said = text(&again.stdout);
        assert!(said.ends_with(done), "{conflicts}: {said}{}", text(&again.stderr));
        assert_eq!(seen(&client).await, expected);
    }
    assert_eq!(client.get(PATHS[0].0).await.text(), "ok");
}

#[tokio::test]
async fn what_stands_in_the_way_of_one_document_is_told_and_the_others_are_made() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let server = with_users(here.path()).await;
    made(&server.admin(&here.path().join(".sourcegate")), &upstream.url()).await;
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let other = with_users(there.path()).await;
    let client = other.admin(&there.path().join(".sourcegate"));
    // Another default of its kind, and a binding of that name to another role.
    let taken = document("GlobalDatasource", "taken", &source(&upstream.url()));
    assert_eq!(client.post("/api/v1/globaldatasources", &taken).await.status, 200);
    let bound = json!({ "role": "another", "subjects": [{ "kind": "User", "name": "bob" }] });
    let bound = document("GlobalRoleBinding", "b", &bound);
    assert_eq!(client.post("/api/v1/globalrolebindings", &bound).await.status, 200);
    let wrong = admin(there.path(), &["import", "all.age", "--passphrase-file", "wrong"]).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(client.get("/api/v1/projects").await.json(), json!([]));
    let imported = admin(there.path(), &[IMPORT, &["--on-conflict", "replace"]].concat()).await;
    assert_eq!(
        text(&imported.stdout),
        "organisation 1, GlobalDatasource `g`: left out, datasource \"g\" cannot be a default \"P\" because there is already one defined named \"taken\"\n\
         organisation 1, GlobalRoleBinding `b`: left out, spec.role can't be updated\n\
         9 created, 0 replaced, 0 skipped, 2 left out\n",
        "{}",
        text(&imported.stderr)
    );
    for (path, _) in &PATHS[1..] {
        assert_eq!(client.get(path).await.text(), "ok", "{path}");
    }
}

#[tokio::test]
async fn who_owns_a_project_owns_it_there_if_he_is_there() {
    let (here, there, elsewhere) = (folder(), folder(), folder());
    let server = Binary::start(here.path(), &[]).await;
    user(here.path(), "bob").await;
    let client = server.admin(&here.path().join(".sourcegate"));
    let role = json!({ "permissions": [{ "actions": ["create"], "scopes": ["Project"] }] });
    let bound = json!({ "role": "makers", "subjects": [{ "kind": "User", "name": "bob" }] });
    for (path, sent) in [
        ("/api/v1/globalroles", document("GlobalRole", "makers", &role)),
        ("/api/v1/globalrolebindings", document("GlobalRoleBinding", "makers", &bound)),
    ] {
        assert_eq!(client.post(path, &sent).await.status, 200);
    }
    let project = document("Project", "p", &json!({}));
    let made = login(&server, here.path(), "bob").await.post("/api/v1/projects", &project).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    for folder in [&there, &elsewhere] {
        fs::copy(here.path().join("all.age"), folder.path().join("all.age")).unwrap();
    }
    let server = Binary::start(there.path(), &[]).await;
    user(there.path(), "eve").await;
    user(there.path(), "bob").await;
    let imported = admin(there.path(), IMPORT).await;
    assert_eq!(text(&imported.stdout), "3 created, 0 replaced, 0 skipped\n");
    let bob = login(&server, there.path(), "bob").await;
    let secret = json!({ "basicAuth": { "username": "u", "password": "p" } });
    let made = bob.post("/api/v1/secrets", &document("Secret", "s", &secret)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    // A project that is replaced keeps its owner, which is told if the file has another.
    let replaced = admin(there.path(), &[IMPORT, &["--on-conflict", "replace"]].concat()).await;
    assert_eq!(text(&replaced.stdout), "0 created, 3 replaced, 0 skipped\n");
    let client = server.admin(&there.path().join(".sourcegate"));
    expelled(&client, "bob").await;
    let replaced = admin(there.path(), &[IMPORT, &["--on-conflict", "replace"]].concat()).await;
    let stays = "organisation 1, Project `p`: its owner stays as it is here\n";
    assert!(text(&replaced.stdout).starts_with(stays), "{}", text(&replaced.stdout));
    drop(server);
    let _server = Binary::start(elsewhere.path(), &[]).await;
    let imported = admin(elsewhere.path(), IMPORT).await;
    let said = text(&imported.stdout);
    let lost = "organisation 1, Project `p`: nobody owns it, since nobody here is user bob\n";
    assert!(
        said.starts_with(lost) && said.ends_with("2 created, 0 replaced, 0 skipped, 1 left out\n"),
        "{said}"
    );
}

#[tokio::test]
async fn who_has_left_is_named_by_the_export_and_a_binding_to_nobody_stops_no_import() {
    let (here, there, upstream) = (folder(), folder(), FakeUpstream::start().await);
    let server = with_users(here.path()).await;
    let client = server.admin(&here.path().join(".sourcegate"));
    made(&client, &upstream.url()).await;
    expelled(&client, "eve").await;
    let exported = admin(here.path(), EXPORT).await;
    assert_eq!(
        text(&exported.stdout),
        "organisation 1, RoleBinding `p/b`: subjects left out, since nobody here is user eve any more\n\
         organisation 1, RoleBinding `p/theirs`: left out, since nobody here is user eve any more\n\
         exported 0 data sources and 10 documents with their secrets to all.age\n",
        "{}",
        text(&exported.stderr)
    );
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let _server = Binary::start(there.path(), &[]).await;
    user(there.path(), "bob").await;
    let imported = admin(there.path(), IMPORT).await;
    let said = text(&imported.stdout);
    assert_eq!(said, "10 created, 0 replaced, 0 skipped\n", "{}", text(&imported.stderr));
}

#[tokio::test]
async fn k04_an_import_binds_no_secret_to_where_its_document_had_not_bound_it() {
    let (here, there) = (folder(), folder());
    let (upstream, evil) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let server = with_users(here.path()).await;
    let client = server.admin(&here.path().join(".sourcegate"));
    made(&client, &upstream.url()).await;
    let role = json!({ "permissions": [{ "actions": ["*"], "scopes": ["Dashboard"] }] });
    let bound = json!({ "role": "w", "subjects": [{ "kind": "User", "name": "bob" }] });
    for (path, sent) in [
        ("/api/v1/globalroles", document("GlobalRole", "w", &role)),
        ("/api/v1/globalrolebindings", document("GlobalRoleBinding", "w", &bound)),
    ] {
        assert_eq!(client.post(path, &sent).await.status, 200);
    }
    let theirs = json!({ "duration": "1h", "datasources": { "x": source(&evil.url()) } });
    let bob = login(&server, here.path(), "bob").await;
    let saved = bob.post("/api/v1/dashboards", &document("Dashboard", "theirs", &theirs)).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let through = "/proxy/projects/p/dashboards/theirs/datasources/x/api";
    assert_eq!(bob.get(through).await.cause(), "secret_not_bound");
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let server = with_users(there.path()).await;
    let client = server.admin(&there.path().join(".sourcegate"));
    for conflicts in ["fail", "replace"] {
        let import = [IMPORT, &["--on-conflict", conflicts]].concat();
        let imported = admin(there.path(), &import).await;
        let told = format!(
            "organisation 1, Dashboard `p/theirs`: left unbound: secret `s` to {} (as in the file)\n",
            evil.url()
        );
        let said = text(&imported.stdout);
        assert!(said.starts_with(&told), "{said}{}", text(&imported.stderr));
        assert_eq!(client.get(through).await.cause(), "secret_not_bound");
        for (path, _) in PATHS {
            assert_eq!(client.get(path).await.text(), "ok", "{path}");
        }
    }
    assert!(evil.requests().is_empty());
}

#[tokio::test]
async fn k04_an_import_binds_no_secret_of_another_s_that_it_skips() {
    let (here, there, evil) = (folder(), folder(), FakeUpstream::start().await);
    let server = with_users(here.path()).await;
    made(&server.admin(&here.path().join(".sourcegate")), &evil.url()).await;
    assert_eq!(admin(here.path(), EXPORT).await.status.code(), Some(0));
    drop(server);
    fs::copy(here.path().join("all.age"), there.path().join("all.age")).unwrap();
    let server = Binary::start(there.path(), &[]).await;
    let client = server.admin(&there.path().join(".sourcegate"));
    let own = json!({ "basicAuth": { "username": "u", "password": "canary-local" } });
    let saved = client.post("/api/v1/globalsecrets", &document("GlobalSecret", "s", &own)).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let imported = admin(there.path(), &[IMPORT, &["--on-conflict", "skip"]].concat()).await;
    let said = text(&imported.stdout);
    let told = format!(
        "organisation 1, GlobalSecret `s`: skipped, it is there already\n\
         organisation 1, GlobalDatasource `g`: left unbound: secret `s` to {} (the secret here is not the file's)\n",
        evil.url()
    );
    assert!(said.starts_with(&told), "{said}{}", text(&imported.stderr));
    assert_eq!(client.get(PATHS[0].0).await.cause(), "secret_not_bound");
    assert!(evil.requests().is_empty());
    // The project's own secret is the file's.
    assert_eq!(client.get(PATHS[1].0).await.text(), "ok");
}

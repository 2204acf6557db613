//! Data sources from files: what they become, who may read them again, what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use harness::upstream::FakeUpstream;
use harness::{Answer, Client, Faults, TestApp};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const RELOAD: &str = "/api/admin/provisioning/datasources/reload";

/// Writes a file of the folder.
fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder.join("datasources")).unwrap();
    std::fs::write(folder.join("datasources").join(name), text).unwrap();
}

/// A gateway with a folder of files, one of them there already.
async fn provisioned(text: &str) -> (TestApp, TempDir) {
    let folder = tempdir().unwrap();
    write(folder.path(), "a.yaml", text);
    let path = folder.path().to_owned();
    (TestApp::with(|setup| setup.provisioning = Some(path)).await, folder)
}

async fn reload(app: &TestApp) -> Answer {
    app.as_admin_user().post(RELOAD, &json!({})).await
}

#[track_caller]
fn check_reloaded(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), answer.message().as_str()),
        (200, "Datasources config reloaded")
    );
}

/// The problems of an answer, with the folder taken out of them.
fn problems(answer: &Answer, folder: &Path) -> Vec<String> {
    let folder = format!("{}/datasources/", folder.display());
    let all = answer.json()["problems"].as_array().unwrap().clone();
    all.iter().map(|problem| problem.as_str().unwrap().replace(&folder, "")).collect()
}

async fn by_name(client: &Client, name: &str) -> Option<Value> {
    let listed = client.get("/api/datasources").await.json();
    let listed = listed.as_array().unwrap().iter().find(|item| item["name"] == name)?.clone();
    let uid = listed["uid"].as_str().unwrap().to_owned();
    Some(client.get(&format!("/api/datasources/uid/{uid}")).await.json())
}

const ONE: &str =
    "apiVersion: 1\ndatasources:\n  - {name: gdev-testdata, type: x, url: 'http://127.0.0.1:1'}\n";

#[tokio::test]
async fn p30_t42_t50_what_a_file_made_the_api_does_not_change() {
    let (app, _folder) = provisioned(ONE).await;
    let admin = app.as_admin();
    let found = by_name(&admin, "gdev-testdata").await.unwrap();
    assert_eq!(found["uid"], "PD8C576611E62080A");
    assert_eq!((&found["readOnly"], &found["version"]), (&json!(true), &json!(1)));
    let path = "/api/datasources/uid/PD8C576611E62080A";
    let refused = admin.put(path, &found).await;
    assert_eq!(
        (refused.status.as_u16(), refused.message().as_str()),
        (403, "Cannot update read-only data source")
    );
    let refused = admin.delete(path).await;
    assert_eq!(
        (refused.status.as_u16(), refused.message().as_str()),
        (403, "Cannot delete read-only data source")
    );
    assert_eq!(admin.get(path).await.json(), found);
}

#[tokio::test]
async fn only_administrators_of_the_server_read_files_again() {
    let (app, _folder) = provisioned(ONE).await;
    assert_eq!(app.anonymous().post(RELOAD, &json!({})).await.status, 401);
    for client in [app.as_viewer().await, app.as_admin()] {
        let refused = client.post(RELOAD, &json!({})).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(refused.message().ends_with("provisioning:reload"), "{}", refused.text());
    }
    check_reloaded(&reload(&app).await);
    check_reloaded(&app.as_admin_user().send_text(http::Method::POST, RELOAD, "").await);
    assert_eq!(app.as_admin_user().get(RELOAD).await.status, 404);
}

#[tokio::test]
async fn without_a_folder_there_is_nothing_to_read() {
    let app = TestApp::start().await;
    check_reloaded(&reload(&app).await);
}

#[tokio::test]
async fn what_is_unchanged_is_not_written_and_what_has_changed_is_sealed_anew() {
    let (first, second) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let text = |url: &str, password: &str| {
        format!(
            "apiVersion: 1\ndatasources:\n  - {{name: a, uid: a, type: x, url: '{url}', basicAuth: true, basicAuthUser: u, secureJsonData: {{basicAuthPassword: {password}}}}}\n"
        )
    };
    let (app, folder) = provisioned(&text(&first.url(), "one")).await;
    let id = by_name(&app.as_admin(), "a").await.unwrap()["id"].clone();
    let before = app.calls();
    check_reloaded(&reload(&app).await);
    assert_eq!(app.calls().since(&before).of("TransactWriteItems"), 0);

    let sent = async |upstream: &FakeUpstream, expected: &str| {
        let answer = app.as_viewer().await.get("/api/datasources/proxy/uid/a/x").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let sent = upstream.requests().pop().unwrap();
        let expected = Client::basic(app.address(), "u", expected);
        assert_eq!(sent.header("authorization"), Some(expected.authorization()));
    };
    sent(&first, "one").await;
    for (upstream, password) in [(&first, "two"), (&second, "two"), (&second, "one")] {
        write(folder.path(), "a.yaml", &text(&upstream.url(), password));
        check_reloaded(&reload(&app).await);
        sent(upstream, password).await;
    }
    let path = folder.path().to_owned();
    let data = app.stop().await;
    let again = TestApp::with(|setup| {
        setup.data = data.path().to_owned();
        setup.provisioning = Some(path);
    });
    let again = again.await;
    assert_eq!(again.calls().of("TransactWriteItems"), 0, "a second start writes nothing");
    let viewer = again.token(auth::Role::Viewer).await;
    let viewer = Client::new(again.address(), Some(format!("Bearer {viewer}")));
    assert_eq!(viewer.get("/api/datasources/uid/a").await.json()["id"], id);
}

#[tokio::test]
async fn bad_files_are_refused_with_line_and_reason_and_the_others_stay() {
    let (app, folder) = provisioned(ONE).await;
    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndatasources:\n  - name: b\n    type: x\n    url: http://u:canary@h\n    orgId: x\n",
    );
    write(
        folder.path(),
        "c.yml",
        "apiVersion: 1\ndatasources:\n  - name: c\n    type: x\n  - name: d\n    type: x\n    orgId: 7\n",
    );
    write(
        folder.path(),
        "d.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: e, type: x}\n  - {name: f, type: x}",
    );
    write(folder.path(), "e.yaml", "apiVersion: [1\n");
    write(folder.path(), "ignored.txt", "[");
    let answer = reload(&app).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(
        problems(&answer, folder.path()),
        [
            "b.yaml:6: `orgId` must be a whole number",
            "e.yaml:2: not YAML: while parsing a flow sequence, expected ',' or ']'",
            "c.yml:5: organisation 7 does not exist",
        ]
    );
    assert_eq!(
        answer.message(),
        "3 of the provisioning files' parts were refused, the rest is in force"
    );
    assert!(!answer.text().contains("canary"));
    let admin = app.as_admin();
    for (name, there) in [("b", false), ("c", false), ("d", false), ("e", true), ("f", true)] {
        assert_eq!(by_name(&admin, name).await.is_some(), there, "{name}");
    }
}

#[tokio::test]
async fn two_defaults_and_two_of_a_name_are_refused_naming_both() {
    let (app, folder) = provisioned(ONE).await;
    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: b, type: x, isDefault: true}\n",
    );
    write(
        folder.path(),
        "c.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: x, type: x}\n  - {name: c, type: x, isDefault: true}\n",
    );
    write(
        folder.path(),
        "d.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: d, type: x, uid: one}\n",
    );
    write(
        folder.path(),
        "e.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: d, type: x}\n  - {name: e, type: x, uid: one}\n",
    );
    let answer = reload(&app).await;
    let told = problems(&answer, folder.path())
        .join("\n")
        .replace(&format!("{}/datasources/", folder.path().display()), "");
    insta::assert_snapshot!(told, @r"
    d.yaml:3: the name `d` of organisation 1 is in e.yaml:3 too
    e.yaml:3: the name `d` of organisation 1 is in d.yaml:3 too
    d.yaml:3: the uid `one` of organisation 1 is in e.yaml:4 too
    e.yaml:4: the uid `one` of organisation 1 is in d.yaml:3 too
    b.yaml:3: the default of organisation 1 is in c.yaml:4 too
    c.yaml:4: the default of organisation 1 is in b.yaml:3 too
    ");
    let admin = app.as_admin();
    for name in ["b", "c", "d", "e", "x"] {
        assert!(by_name(&admin, name).await.is_none(), "{name}");
    }
    assert!(by_name(&admin, "gdev-testdata").await.is_some());
}

#[tokio::test]
async fn what_no_file_names_any_more_goes_if_it_may_be_pruned_and_stays_else() {
    let both = "apiVersion: 1\nprune: true\ndatasources:\n  - {name: a, type: x}\n  - {name: b, type: x}\n";
    let (app, folder) = provisioned(both).await;
    write(folder.path(), "stay.yaml", "apiVersion: 1\ndatasources:\n  - {name: c, type: x}\n");
    check_reloaded(&reload(&app).await);
    let admin = app.as_admin();
    admin.create(&json!({"name": "mine", "type": "x", "access": "proxy"})).await;

    write(
        folder.path(),
        "a.yaml",
        "apiVersion: 1\nprune: true\ndatasources:\n  - {name: a, type: x}\n",
    );
    write(folder.path(), "bad.yaml", "[");
    assert_eq!(reload(&app).await.status, 400);
    assert!(by_name(&admin, "b").await.is_some(), "the bad file may name it");
    std::fs::remove_file(folder.path().join("datasources/bad.yaml")).unwrap();
    std::fs::remove_file(folder.path().join("datasources/stay.yaml")).unwrap();
    check_reloaded(&reload(&app).await);
    for (name, there) in [("a", true), ("b", false), ("c", true), ("mine", true)] {
        assert_eq!(by_name(&admin, name).await.is_some(), there, "{name}");
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
    let answer = reload(&app).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(by_name(&admin, "a").await.is_some(), "a folder that is gone says nothing");
}

#[tokio::test]
async fn delete_datasources_goes_first_and_what_is_named_again_keeps_its_number() {
    let (app, folder) = provisioned(ONE).await;
    let admin = app.as_admin();
    let mine =
        admin.create(&json!({"name": "mine", "type": "x", "access": "proxy", "uid": "u"})).await;
    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndeleteDatasources:\n  - {name: mine}\n  - {name: absent, orgId: 1}\ndatasources:\n  - {name: other, type: x, uid: u}\n",
    );
    check_reloaded(&reload(&app).await);
    assert!(by_name(&admin, "mine").await.is_none());
    let other = by_name(&admin, "other").await.unwrap();
    assert_eq!((&other["uid"], other["id"] == mine["id"]), (&json!("u"), false));

    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndeleteDatasources: [{name: other}]\ndatasources:\n  - {name: other, type: x, uid: v}\n",
    );
    check_reloaded(&reload(&app).await);
    let moved = by_name(&admin, "other").await.unwrap();
    assert_eq!((&moved["uid"], &moved["id"]), (&json!("v"), &other["id"]));
    assert_eq!(admin.get("/api/datasources/uid/u").await.status, 404);
    let by_id = admin.get(&format!("/api/datasources/{}", other["id"])).await.json();
    assert_eq!(by_id["uid"], "v");
}

#[tokio::test]
async fn a_uid_of_another_is_refused_with_its_line_and_the_rest_of_the_file_is_in_force() {
    let (app, folder) = provisioned(ONE).await;
    app.as_admin()
        .create(&json!({"name": "mine", "type": "x", "access": "proxy", "uid": "u"}))
        .await;
    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: b, type: x, uid: u}\n  - {name: c, type: x}\n",
    );
    let answer = reload(&app).await;
    assert_eq!(
        problems(&answer, folder.path()),
        ["b.yaml:3: data source with the same uid already exists: `u`"]
    );
    assert!(by_name(&app.as_admin(), "c").await.is_some());
}

#[tokio::test]
async fn what_the_api_changed_in_an_editable_one_the_next_reading_takes_back() {
    let text = ONE.replace("type: x", "type: x, editable: true, secureJsonData: {password: one}");
    let (app, _folder) = provisioned(&text).await;
    let admin = app.as_admin();
    let found = by_name(&admin, "gdev-testdata").await.unwrap();
    assert_eq!(found["readOnly"], false);
    let path = "/api/datasources/uid/PD8C576611E62080A";
    for changed in [
        json!({"url": "http://127.0.0.1:2", "secureJsonData": {"password": "one"}}),
        json!({"secureJsonData": {"password": "two"}}),
        json!({"secureJsonData": {"password": "", "token": "x"}}),
        json!({"isDefault": true}),
    ] {
        let change = harness::build::with(found.clone(), changed.clone());
        assert_eq!(admin.put(path, &change).await.status, 200);
        let before = app.calls();
        check_reloaded(&reload(&app).await);
        assert!(app.calls().since(&before).of("TransactWriteItems") > 0, "{changed}");
        let again = by_name(&admin, "gdev-testdata").await.unwrap();
        assert_eq!(again, found, "{changed}");
    }
}

#[tokio::test]
async fn an_own_data_source_of_the_name_is_taken_over() {
    let (app, folder) = provisioned(ONE).await;
    let admin = app.as_admin();
    let mine = json!({"name": "b", "type": "x", "access": "proxy", "uid": "mine", "secureJsonData": {"old": "x"}});
    let mine = admin.create(&mine).await;
    write(
        folder.path(),
        "b.yaml",
        "apiVersion: 1\ndatasources:\n  - {name: b, type: y, isDefault: true}\n",
    );
    check_reloaded(&reload(&app).await);
    let found = by_name(&admin, "b").await.unwrap();
    assert_eq!((&found["id"], &found["uid"]), (&mine["id"], &json!("mine")));
    assert_eq!(
        (&found["readOnly"], &found["isDefault"], &found["type"]),
        (&json!(true), &json!(true), &json!("y"))
    );
    assert_eq!(found["secureJsonFields"], json!({}), "all of it is the file's");
}

#[tokio::test]
async fn files_are_put_in_force_over_the_worst_tables_too() {
    let many: String = (0..30)
        .map(|n| format!("  - {{name: n{n}, type: x, uid: u{n}, secureJsonData: {{p: s{n}}}}}\n"))
        .collect();
    let (app, folder) = provisioned(ONE).await;
    write(folder.path(), "many.yaml", &format!("apiVersion: 1\nprune: true\ndatasources:\n{many}"));
    app.tables().set(Faults { failing: 0, ..Faults::worst() });
    // Throttling may outlast the retries; what was not written then is written the next time.
    for _ in 0..50 {
        if reload(&app).await.status == 200 {
            break;
        }
    }
    app.tables().set(Faults::default());
    check_reloaded(&reload(&app).await);
    let listed = app.as_admin().get("/api/datasources").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 31);
    let ids: std::collections::BTreeSet<_> =
        listed.as_array().unwrap().iter().map(|item| item["id"].as_u64()).collect();
    assert_eq!(ids.len(), 31);
    std::fs::remove_file(folder.path().join("datasources/many.yaml")).unwrap();
    app.tables().set(Faults { failing: 0, ..Faults::worst() });
    for _ in 0..50 {
        if reload(&app).await.status == 200 {
            break;
        }
    }
    app.tables().set(Faults::default());
    check_reloaded(&reload(&app).await);
    assert_eq!(app.as_admin().get("/api/datasources").await.json().as_array().unwrap().len(), 1);
}

//! Data sources from files at the start: variables, bad files, secrets that nobody is told.

use std::fs;
use std::path::Path;

use harness::Client;
use http::Method;
use tempfile::tempdir;

use super::binary::{Binary, credential};

fn write(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join("provisioning/datasources")).unwrap();
    fs::write(folder.join("provisioning/datasources").join(name), text).unwrap();
}

#[tokio::test]
async fn a_start_puts_good_files_in_force_and_says_loudly_what_it_refused() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("password"), "canary-file\n").unwrap();
    let good = r"apiVersion: 1
datasources:
  - name: $NAME
    type: x
    url: http://127.0.0.1:${PORT}/$NOBODY
    secureJsonData:
      a: $__file{password}
      b: $SECRET
      c: canary$x
";
    write(folder.path(), "good.yaml", good);
    write(folder.path(), "bad.yaml", "apiVersion: 1\ndatasources:\n  - type: x\n");
    let variables = [("NAME", "from a file"), ("PORT", "9"), ("SECRET", "canary-variable")];
    let server = Binary::with(folder.path(), &["--provisioning", "provisioning"], &variables).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    let listed = client.get("/api/datasources").await.json();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["url"]),
        (&"from a file".into(), &"http://127.0.0.1:9/".into())
    );
    let uid = listed[0]["uid"].as_str().unwrap();
    let one = client.get(&format!("/api/datasources/uid/{uid}")).await.json();
    assert_eq!(one["secureJsonFields"], serde_json::json!({"a": true, "b": true, "c": true}));

    let said = server.process.log();
    assert!(said.contains("data sources from provisioning: 1 created, 0 updated, 0 unchanged, 0 removed, 1 REFUSED\n"), "{said}");
    let refused = "provisioning/datasources/bad.yaml:3: name of 0 bytes must have 1 to 190";
    assert!(said.contains(&format!("REFUSED {refused}\n")), "{said}");
    let line = said.lines().find(|line| line.contains(&format!("provisioning: refused {refused}")));
    assert!(line.is_some_and(|line| line.contains("ERROR")), "{said}");
    assert!(
        said.contains("good.yaml:5: `url` names a variable `NOBODY` that is not set"),
        "{said}"
    );
    assert!(!said.contains("canary"), "{said}");

    write(folder.path(), "bad.yaml", "apiVersion: 1\ndatasources:\n  - {type: x, name: better}\n");
    let password = credential(&folder.path().join(".sourcegate"), "SOURCEGATE_ADMIN_PASSWORD");
    let user = Client::basic(server.address, "admin", &password);
    let reload = "/api/admin/provisioning/datasources/reload";
    let answer = user.send(user.request(Method::POST, reload)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.message().as_str()),
        (200, "Datasources config reloaded")
    );
    assert_eq!(client.get("/api/datasources").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_folder_of_files_without_grafana_s_folder_below_it_is_read_too() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("one.yml"), "apiVersion: 1\ndatasources: [{name: a, type: x}]")
        .unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let variables = [("SOURCEGATE_PROVISIONING", path.as_str())];
    let server = Binary::with(folder.path(), &[], &variables).await;
    let said = server.greeting();
    assert!(said.contains(": 1 created, 0 updated, 0 unchanged, 0 removed\n"), "{said}");
    server.end("TERM").await;
    let again = Binary::with(folder.path(), &[], &variables).await;
    let said = again.greeting();
    assert!(said.contains(": 0 created, 0 updated, 1 unchanged, 0 removed\n"), "{said}");
}

#[tokio::test]
async fn a_variable_set_to_nothing_names_no_folder() {
    let folder = tempdir().unwrap();
    let server = Binary::with(folder.path(), &[], &[("SOURCEGATE_PROVISIONING", "")]).await;
    let said = server.greeting();
    assert!(!said.contains("created") && !said.contains("REFUSED"), "{said}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_and_the_server_serves() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--provisioning", "absent"]).await;
    let said = server.greeting();
    assert!(said.contains("REFUSED absent: the folder cannot be read: No such file"), "{said}");
    assert_eq!(server.admin(&folder.path().join(".sourcegate")).get("/api/org").await.status, 200);
}

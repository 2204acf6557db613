//! `--demo`: its commands as they are printed.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::tempdir;
use tokio::time::{sleep, timeout};

use super::binary::{Binary, shell, text};

/// The commands that a start prints.
fn commands(greeting: &str) -> Vec<String> {
    greeting.lines().filter(|line| line.contains("curl ")).map(str::to_owned).collect()
}

async fn json(folder: &Path, command: &str) -> Value {
    let output = shell(folder, command).await;
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command}\n{said}\n{error}");
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{command}\n{said}\n{error}"))
}

#[tokio::test]
async fn its_commands_work_as_printed() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--demo"]).await;
    let commands = commands(&server.greeting());
    let [list, query, one, sql] = &commands[..] else { panic!("four commands: {commands:?}") };

    let list = json(folder.path(), list).await;
    let names: Vec<_> = list.as_array().unwrap().iter().map(|source| &source["name"]).collect();
    assert_eq!(names, ["Demo Prometheus", "Demo SQL", "Demo TestData"]);
    let query = json(folder.path(), query).await;
    assert_eq!(query["data"]["result"][0]["value"][1], "1", "{query}");
    let one = json(folder.path(), one).await;
    assert_eq!(one["secureJsonFields"], serde_json::json!({ "basicAuthPassword": true }));
    let answer = text(&shell(folder.path(), sql).await.stdout);
    let lines: Vec<_> = answer.lines().collect();
    assert!(lines.len() == 4 && lines[0] == "host,avg" && lines[1].starts_with("web-"), "{answer}");
    for answer in [list, query, one] {
        assert!(!answer.to_string().contains("\"basicAuthPassword\":\""), "{answer}");
    }
}

#[tokio::test]
async fn its_upstream_asks_for_the_password_that_only_the_gateway_knows() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--demo"]).await;
    let greeting = server.greeting();
    let (_, rest) = greeting.split_once("upstream on http://").expect("the upstream's address");
    let (address, _) = rest.split_once(',').expect("more follows");
    let client = harness::Client::new(address.parse().unwrap(), None);
    assert_eq!(client.get("/api/v1/query?query=up").await.status, 401);
}

#[tokio::test]
async fn a_second_start_registers_it_anew() {
    let folder = tempdir().unwrap();
    assert_eq!(Binary::start(folder.path(), &["--demo"]).await.end("TERM").await, Some(0));
    let server = Binary::start(folder.path(), &["--demo"]).await;
    for command in commands(&server.greeting()).into_iter().take(3) {
        let answer = json(folder.path(), &command).await;
        assert!(answer.get("message").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn its_database_ends_with_it_however_that_ends() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--demo"]).await;
    let greeting = server.greeting();
    let (_, rest) = greeting.split_once("a PostgreSQL on ").expect("the database's address");
    let (address, _) = rest.split_once(',').expect("more follows");
    let address: SocketAddr = address.parse().unwrap();
    assert!(TcpStream::connect(address).is_ok());
    // Killed, not asked.
    drop(server);
    let ends = async {
        while TcpStream::connect(address).is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), ends).await.expect("the database ends");
}

#[tokio::test]
async fn commands_work_whatever_the_data_folder_is_called() {
    let folder = tempdir().unwrap();
    for data in ["plain", "a folder's $HOME; &"] {
        let server = Binary::start(folder.path(), &["--data", data]).await;
        let commands = commands(&server.greeting());
        assert_eq!(json(folder.path(), &commands[0]).await, serde_json::json!([]), "{data}");
    }
}

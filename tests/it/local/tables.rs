//! `--dynamodb-listen`: the tables for other processes on this machine, and for nobody else.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use harness::Client;
use harness::build::plain;
use http::Method;
use serde_json::json;
use tempfile::tempdir;

use super::binary::Binary;

#[tokio::test]
async fn the_listener_is_announced_keyed_and_gone_with_the_server() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--dynamodb-listen", "127.0.0.1:0"]).await;
    let greeting = server.greeting();
    let (_, rest) = greeting.split_once("offers its tables on http://").expect("the address");
    let (address, rest) = rest.split_once("; ").expect("more follows");
    assert!(rest.starts_with("access in ./.sourcegate/dynamodb\n"), "{greeting}");
    let address: SocketAddr = address.parse().unwrap();

    let file = folder.path().join(".sourcegate/dynamodb");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let lines = std::fs::read_to_string(&file).unwrap();
    assert!(lines.contains(&format!("AWS_ENDPOINT_URL_DYNAMODB=http://{address}\n")), "{lines}");
    let key = lines.lines().find_map(|line| line.strip_prefix("AWS_ACCESS_KEY_ID=")).unwrap();
    assert!(!greeting.contains(key), "{greeting}");

    let right =
        format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/dynamodb/aws4_request");
    let wrong = right.replace(key, "SGLOCALAAAAAAAAAAAAA");
    let own = None;
    let page = Some("http://127.0.0.1:3000");
    for (credential, origin, status) in [
        (Some(&right), own, 200),
        (Some(&wrong), own, 403),
        (None, own, 403),
        (Some(&right), page, 403),
    ] {
        let client = Client::new(address, credential.cloned());
        let mut request = client.request(Method::POST, "/").json(&json!({}));
        request = request.header("x-amz-target", "DynamoDB_20120810.ListTables");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "{credential:?} {origin:?}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    assert_eq!(server.end("TERM").await, Some(0));
    assert!(!file.exists(), "it names a key that nothing takes any more");
}

#[tokio::test]
async fn the_listener_is_no_data_source_whatever_port_it_got() {
    let folder = tempdir().unwrap();
    let server = Binary::start(folder.path(), &["--dynamodb-listen", "127.0.0.1:0"]).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    let lines = std::fs::read_to_string(folder.path().join(".sourcegate/dynamodb")).unwrap();
    let url = lines.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL_DYNAMODB="));
    let own = format!("http://{}", server.address);
    for url in [url.unwrap(), &own] {
        let answer = client.post("/api/datasources", &plain("inside", url)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.cause().as_str()),
            (400, "denied_egress"),
            "{url}"
        );
    }
}

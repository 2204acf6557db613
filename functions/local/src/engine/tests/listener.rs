//! The listener: who is answered, and what is left when it stops.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{config, open_with_table, put, value};
use crate::engine::{Engine, Error, Listener, access};

/// An open listener; it stops when `stop` is dropped.
struct Open {
    data: TempDir,
    engine: Engine,
    listener: Listener,
    stop: oneshot::Sender<()>,
    /// What a shell would read from the key's file.
    lines: HashMap<String, String>,
}

impl Open {
    async fn start() -> Self {
        let data = TempDir::new().unwrap();
        let (engine, _client) = open_with_table(data.path()).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let listener = engine.listen("127.0.0.1:0".parse().unwrap(), stopped).await.unwrap();
        let lines = lines(data.path());
        Self { data, engine, listener, stop, lines }
    }

    fn key(&self) -> &str {
        &self.lines["AWS_ACCESS_KEY_ID"]
    }

    fn client(&self, key: &str) -> Client {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let endpoint = &self.lines["AWS_ENDPOINT_URL_DYNAMODB"];
        Client::from_conf(config(http, key).endpoint_url(endpoint).build())
    }

    /// Sends a `ListTables` with the given head before its own, and tells status and body.
    fn send(&self, head: &str) -> (u16, String) {
        let request = format!(
            "{head}Host: localhost\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n\
             Connection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        exchange(self.listener.address(), &request)
    }
}

fn lines(data: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(data.join("dynamodb")).unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

fn exchange(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(!head.to_lowercase().contains("access-control"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn authorization(key: &str) -> String {
    format!(
        "Authorization: AWS4-HMAC-SHA256 Credential={key}/20261123/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00\r\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_signed_posts_with_the_key_of_this_start_are_answered() {
    let open = Open::start().await;
    let right = authorization(open.key());
    let check = |head: String, expected: (u16, &str)| {
        let (status, body) = open.send(&head);
        assert_eq!(status, expected.0, "{head} {body}");
        assert!(body.contains(expected.1), "{head} {body}");
    };
    check(format!("POST / HTTP/1.1\r\n{right}"), (200, "registry"));
    check("POST / HTTP/1.1\r\n".to_owned(), (403, "MissingAuthenticationTokenException"));
    for wrong in
        ["SGLOCALAAAAAAAAAAAAA", "", "SGLOCAL", &open.key()[..19], &format!("{}A", open.key())]
    {
        let head = format!("POST / HTTP/1.1\r\n{}", authorization(wrong));
        check(head, (403, "UnrecognizedClientException"));
    }
    for other in [format!("Bearer {}", open.key()), "AWS4-HMAC-SHA256 Signature=00".to_owned()] {
        let head = format!("POST / HTTP/1.1\r\nAuthorization: {other}\r\n");
        check(head, (403, "MissingAuthenticationTokenException"));
    }
    let twice = format!("POST / HTTP/1.1\r\n{right}{right}");
    check(twice, (403, "MissingAuthenticationTokenException"));
    let page = format!("POST / HTTP/1.1\r\nOrigin: http://localhost\r\n{right}");
    check(page, (403, "AccessDeniedException"));
    let preflight = "OPTIONS / HTTP/1.1\r\nOrigin: http://localhost\r\n".to_owned();
    check(preflight, (403, "AccessDeniedException"));
    check(format!("GET / HTTP/1.1\r\n{right}"), (400, "UnknownOperationException"));
    check(format!("POST /shell HTTP/1.1\r\n{right}"), (400, "UnknownOperationException"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_16_mib_is_refused() {
    let open = Open::start().await;
    let key = authorization(open.key());
    let head =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{key}Content-Length: 16777217\r\n\r\n");
    let (status, body) = exchange(open.listener.address(), &head);
    assert_eq!(status, 413);
    assert!(body.contains("RequestEntityTooLargeException"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_works_through_it_with_the_key_of_the_file() {
    let open = Open::start().await;
    let client = open.client(open.key());
    put(&client, "a", "1").send().await.unwrap();
    assert_eq!(value(&client, "a").await.as_deref(), Some("1"));
    let refused = put(&open.client("AKIAIOSFODNN7EXAMPLE"), "a", "2").send().await.unwrap_err();
    assert_eq!(refused.into_service_error().meta().code(), Some("UnrecognizedClientException"));
    assert_eq!(open.engine.calls().of("PutItem"), 1);
}

#[tokio::test]
async fn the_keys_file_is_private_and_goes_with_the_listener() {
    let open = Open::start().await;
    let file = open.data.path().join("dynamodb");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((open.key().len(), &open.key()[..7]), (20, "SGLOCAL"));
    assert_eq!(open.lines["AWS_SECRET_ACCESS_KEY"].len(), 40);
    assert_eq!(open.lines["AWS_REGION"], "us-east-1");
    let endpoint = format!("http://{}", open.listener.address());
    assert_eq!(open.lines["AWS_ENDPOINT_URL_DYNAMODB"], endpoint);
    let idle = open.client(open.key());
    assert_eq!(value(&idle, "a").await, None);
    drop(open.stop);
    open.listener.stopped().await.unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn each_start_has_a_key_of_its_own() {
    let (first, second) = (Open::start().await, Open::start().await);
    assert_ne!(first.key(), second.key());
}

#[test]
fn the_key_of_a_killed_process_goes_at_the_next_start() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("dynamodb");
    fs::write(&file, "AWS_ACCESS_KEY_ID=SGLOCALOLD\n").unwrap();
    let _engine = Engine::open(data.path()).unwrap();
    assert!(!file.exists());
}

#[test]
fn only_loopback_and_private_addresses_are_listened_on() {
    #[track_caller]
    fn check(address: &str, expected: bool) {
        assert_eq!(access::is_private(address.parse().unwrap()), expected, "{address}");
    }
    check("127.0.0.1", true);
    check("127.255.255.254", true);
    check("::1", true);
    check("172.17.0.1", true);
    check("172.31.255.255", true);
    check("10.0.0.1", true);
    check("192.168.1.2", true);
    check("fd00::1", true);
    check("::ffff:127.0.0.1", true);
    check("0.0.0.0", false);
    check("::", false);
    check("172.32.0.1", false);
    check("169.254.169.254", false);
    check("100.64.0.1", false);
    check("8.8.8.8", false);
    check("::ffff:8.8.8.8", false);
    check("fe80::1", false);
    check("2001:db8::1", false);
}

#[tokio::test]
async fn a_public_address_is_refused_by_name() {
    let data = TempDir::new().unwrap();
    let engine = Engine::open(data.path()).unwrap();
    let everywhere = "0.0.0.0:8000".parse().unwrap();
    let refused = engine.listen(everywhere, std::future::pending()).await.unwrap_err();
    assert!(matches!(refused, Error::PublicAddress(_)), "{refused:?}");
    assert!(refused.to_string().starts_with("0.0.0.0:8000 is neither"), "{refused}");
    assert!(!data.path().join("dynamodb").exists());
}

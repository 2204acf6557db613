//! Which addresses a data source may be at when it is dialled (bad input class S).

use std::net::Ipv4Addr;

use harness::upstream::{FakeUpstream, RawUpstream, Script};
use harness::{Answer, Client, TestApp, build};
use http::StatusCode;
use insta::assert_json_snapshot;
use serde_json::json;
use tempfile::TempDir;

use crate::local::binary::Binary;

#[tokio::test]
async fn s27_a_denied_port_is_saved_and_never_dialled() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for port in [22, 25, 2375, 6379, 9001, 11211] {
        let source = build::plain("", &format!("http://127.0.0.1:{port}"));
        let proxy = admin.create_proxied(&source).await;
        let answer = admin.get(&proxy).await;
        assert_eq!((answer.status.as_u16(), &*answer.cause()), (502, "denied_egress"), "{port}");
    }
}

/// A gateway over the data of another that was stopped, with the other's administrator.
struct Restarted {
    app: TestApp,
    client: Client,
    _data: TempDir,
}

/// Creates data sources in one gateway and starts another, with other settings, over the same data.
async fn restarted(
    urls: &[String],
    change: impl FnOnce(&mut local::Setup),
) -> (Restarted, Vec<String>) {
    let first = TestApp::start().await;
    let admin = first.as_admin();
    let mut proxies = Vec::new();
    for url in urls {
        proxies.push(admin.create_proxied(&build::plain("", url)).await);
    }
    let credential = admin.authorization().to_owned();
    let data = first.stop().await;
    let app = TestApp::with(|setup| {
        setup.data = data.path().to_owned();
        change(setup);
    })
    .await;
    let client = Client::new(app.address(), Some(credential));
    (Restarted { app, client, _data: data }, proxies)
}

fn is_denied(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_GATEWAY && answer.cause() == "denied_egress"
}

#[tokio::test]
async fn the_gateways_own_listener_is_neither_saved_nor_dialled() {
    // Held until the gateway takes it, so that no other test does.
    let held = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = held.local_addr().unwrap();
    let port = listen.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.0.0.2",
        "127.255.255.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ];
    let urls: Vec<String> =
        hosts.iter().map(|host| format!("http://{host}:{port}/api/health")).collect();
    let change = |setup: &mut local::Setup| {
        drop(held);
        setup.listen = listen;
    };
    let (restarted, proxies) = restarted(&urls, change).await;
    assert_eq!(restarted.app.address(), listen);
    for (url, proxy) in urls.iter().zip(&proxies) {
        let answer = restarted.client.get(proxy).await;
        assert!(is_denied(&answer), "{url}: {}", answer.text());
        assert!(!answer.text().contains("127.0.0"), "{}", answer.text());
        let saved = restarted.client.post("/api/datasources", &build::plain("", url)).await;
        assert_eq!((saved.status.as_u16(), &*saved.cause()), (400, "denied_egress"), "{url}");
    }
    let answer = restarted.client.get(&proxies[0]).await;
    assert_json_snapshot!(answer.json(), { ".traceID" => "[trace]" }, @r#"
    {
      "cause": "denied_egress",
      "message": "the data source is at an address that must not be reached",
      "traceID": "[trace]"
    }
    "#);
}

#[tokio::test]
async fn egress_allow_takes_the_place_of_the_private_networks() {
    let upstream = FakeUpstream::start().await;
    let port = upstream.address().port();
    let urls: Vec<String> = ["127.0.0.1", "localhost", "10.1.2.3", "[::1]"]
        .iter()
        .map(|host| format!("http://{host}:{port}"))
        .collect();
    let allow = |cidr: &str| Some(vec![cidr.parse().unwrap()]);
    let (other, proxies) =
        restarted(&urls, |setup| setup.egress_allow = allow("192.0.2.0/24")).await;
    for (url, proxy) in urls.iter().zip(&proxies) {
        assert!(is_denied(&other.client.get(proxy).await), "{url}");
        let saved = other.client.post("/api/datasources", &build::plain("", url)).await;
        assert_eq!((saved.status.as_u16(), &*saved.cause()), (400, "denied_egress"), "{url}");
    }
    assert_eq!(upstream.seen().accepted, 0);

    let app = TestApp::with(|setup| setup.egress_allow = allow("127.0.0.1/32")).await;
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&build::plain("", &urls[0])).await;
    assert_eq!(admin.get(&proxy).await.text(), "ok");
    for url in [&format!("http://127.0.0.2:{port}"), &urls[2], &urls[3]] {
        let saved = admin.post("/api/datasources", &build::plain("", url)).await;
        assert_eq!((saved.status.as_u16(), &*saved.cause()), (400, "denied_egress"), "{url}");
    }
}

#[tokio::test]
async fn s43_closed_ports_read_alike() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    let mut said = Vec::new();
    for host in ["127.0.0.1", "127.0.0.9", "localhost", "[::1]"] {
        let port = harness::process::free_address().port();
        let proxy = admin.create_proxied(&build::plain("", &format!("http://{host}:{port}"))).await;
        let answer = admin.get(&proxy).await;
        said.push((answer.status.as_u16(), answer.cause(), answer.message()));
        assert!(!answer.text().contains(&port.to_string()), "{}", answer.text());
    }
    said.dedup();
    let expected = (502, "connect".to_owned(), "cannot connect to the data source".to_owned());
    assert_eq!(said, [expected]);
}

/// A server whose environment names an address, in variables of these names.
async fn with_environment(folder: &TempDir, address: &str, names: &[&str]) -> (Binary, Client) {
    let variables: Vec<_> = names.iter().map(|name| (*name, address)).collect();
    let server = Binary::with(folder.path(), &["--demo"], &variables).await;
    let client = server.admin(&folder.path().join(".sourcegate"));
    (server, client)
}

#[tokio::test]
async fn s41_the_proxies_of_the_environment_are_not_asked() {
    let proxy = RawUpstream::start([Script::answer("HTTP/1.1 502 Bad Gateway\r\n\r\n")]).await;
    let folder = TempDir::new().unwrap();
    let names =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let (_server, client) = with_environment(&folder, &proxy.url(), &names).await;
    let list = client.get("/api/datasources").await.json();
    let mut sources = list.as_array().unwrap().iter();
    let demo = sources.find(|source| source["type"] == "prometheus").unwrap();
    let uid = demo["uid"].as_str().unwrap();
    let answer =
        client.get(&format!("/api/datasources/proxy/uid/{uid}/api/v1/query?query=up")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("success")));
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn s05_what_the_gateway_itself_depends_on_is_neither_saved_nor_dialled() {
    let runtime = FakeUpstream::start().await;
    let address = runtime.address().to_string();
    let folder = TempDir::new().unwrap();
    let (server, client) = with_environment(&folder, "", &[]).await;
    let port = runtime.address().port();
    let urls = [format!("http://127.0.0.1:{port}/2018-06-01/"), format!("http://localhost:{port}")];
    let mut proxies = Vec::new();
    for url in &urls {
        proxies.push(client.create_proxied(&build::plain("", url)).await);
        assert_eq!(client.get(proxies.last().unwrap()).await.text(), "ok", "{url}");
    }
    let dialled = runtime.seen().accepted;
    server.end("TERM").await;
    let (_server, client) = with_environment(&folder, &address, &["AWS_LAMBDA_RUNTIME_API"]).await;
    for (url, proxy) in urls.iter().zip(&proxies) {
        assert!(is_denied(&client.get(proxy).await), "{url}");
        let saved = client.post("/api/datasources", &build::plain("", url)).await;
        assert_eq!((saved.status.as_u16(), &*saved.cause()), (400, "denied_egress"), "{url}");
    }
    assert_eq!(runtime.seen().accepted, dialled);
}

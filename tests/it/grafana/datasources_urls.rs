//! Where a data source may be, judged when it is saved (contract 1.7; bad input class S).

use harness::{TestApp, build};
use serde_json::{Value, json};
use sourcegate_core::Cidr;

const PATH: &str = "/api/datasources";
const ONE: &str = "/api/datasources/uid/a";

/// Saves urls by POST and PUT: each is refused for a cause, with Grafana's text, and nothing changes.
async fn check_refused(app: &TestApp, cause: &str, urls: &[&str]) {
    let admin = app.as_admin();
    admin.delete(ONE).await;
    admin.create(&build::with(build::prometheus("a", "http://h"), json!({ "uid": "a" }))).await;
    let before = admin.get(PATH).await.text();
    for url in urls {
        let body = build::prometheus("n", url);
        for answer in [admin.post(PATH, &body).await, admin.put(ONE, &body).await] {
            let found = (answer.status.as_u16(), answer.message(), answer.cause());
            let expected = (400, "Validation error, invalid URL".to_owned(), cause.to_owned());
            assert_eq!(found, expected, "{url:?}: {}", answer.text());
        }
    }
    assert_eq!(admin.get(PATH).await.text(), before);
}

/// Saves urls, which come back as they were sent.
async fn check_saved(app: &TestApp, type_text: &str, urls: &[&str]) {
    let admin = app.as_admin();
    for url in urls {
        let name = format!("{type_text} {url}");
        let body = build::with(build::plain(&name, url), json!({ "type": type_text }));
        let answer = admin.post(PATH, &body).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(answer.json()["datasource"]["url"], **url);
        let path = format!("/api/datasources/{}", answer.json()["id"]);
        assert_eq!(admin.get(&path).await.json()["url"], **url);
    }
}

#[tokio::test]
async fn s01_to_s15_addresses_that_are_never_dialled_are_not_saved() {
    let app = TestApp::start().await;
    let clouds = [
        "http://169.254.169.254/",
        "169.254.169.254",
        "https://169.254.169.254:443/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://169.254.170.2",
        "http://169.254.170.23:80",
        "http://169.254.100.1:9001",
        "http://169.254.79.129:2000",
        "http://sandbox.localdomain:8080",
        "http://SANDBOX.localdomain./",
        "http://metadata.google.internal/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
    ];
    check_refused(&app, "denied_egress", &clouds).await;
    let spellings = [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://1.2.3/",
        "http://1.2.3.256/",
        "http://0.0.0.0",
        "http://0.0.0.0:9090",
        "http://[::]:80",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::a9fe:a9fe]/",
        "http://[2002:7f00:1::1]/",
        "http://[2001:0:1::1]/",
        "http://[fe80::1]/",
        "http://[ff02::1]/",
        "http://[fec0::1]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ];
    check_refused(&app, "denied_egress", &spellings).await;
}

#[tokio::test]
async fn s05_our_own_listener_is_no_data_source() {
    let app = TestApp::start().await;
    let port = app.address().port();
    let own: Vec<_> = [
        "127.0.0.1",
        "127.0.0.2",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ]
    .map(|host| format!("http://{host}:{port}/api"))
    .into();
    check_refused(&app, "denied_egress", &own.iter().map(String::as_str).collect::<Vec<_>>()).await;
    check_saved(
        &app,
        "x",
        &["http://127.0.0.1:9090", "http://localhost:9090", "http://[::1]:9090"],
    )
    .await;
}

#[tokio::test]
async fn s05_a_list_of_networks_replaces_the_private_ones_and_never_opens_metadata() {
    let networks = ["10.1.0.0/16", "169.254.0.0/16", "fd00::/8"];
    let networks: Vec<Cidr> = networks.map(|text| text.parse().unwrap()).into();
    let app = TestApp::with(|setup| setup.egress_allow = Some(networks)).await;
    let outside = [
        "http://127.0.0.1:9090",
        "http://localhost:9090",
        "http://[::1]:9090",
        "http://10.2.0.1",
        "http://192.168.0.1",
        "http://100.64.0.1",
        "http://169.254.169.254",
        "http://169.254.1.1",
        "http://[fd00:ec2::254]",
    ];
    check_refused(&app, "denied_egress", &outside).await;
    check_saved(
        &app,
        "x",
        &["http://10.1.255.255", "http://[fd01::1]", "http://1.1.1.1", "http://h.example"],
    )
    .await;
}

#[tokio::test]
async fn s17_to_s26_what_parsers_read_differently_is_no_url() {
    let app = TestApp::start().await;
    let odd = [
        "http://①②⑦.⓪.⓪.①/",
        "http://１２７.0.0.1",
        "http://127。0。0。1",
        "http://ex\u{e4}mple.test/",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http:\\\\169.254.169.254\\x",
        "http://good.example\\@169.254.169.254/",
        "http:169.254.169.254",
        "http:///169.254.169.254/",
        "//169.254.169.254",
        "ht\ttp://h/",
        "http://h\t/",
        "http://h\n/",
        "http://h/\r",
        "http://h/\0",
        "http://h/a b",
        " http://h",
        "http://h ",
        "http://h/%0d%0aX",
        "http://h/%00",
        "http://good.example/#@169.254.169.254/",
        "http://good.example#x",
        "http://h:0/",
        "http://h:65536/",
        "http://h:80:80/",
        "http://h:/",
        "http://h:+80/",
        "http://h:-1/",
        "http://h:８０/",
        "http://h:8o/",
    ];
    check_refused(&app, "bad_url", &odd).await;
}

#[tokio::test]
async fn t18_what_is_no_url_is_refused() {
    let app = TestApp::start().await;
    let none = [
        "invalid:url",
        "://host",
        "http://",
        "http://[::1",
        "http://[::1]x",
        "http://h/%zz",
        "http://h/%",
        "http://-/..",
        "http://h/a/../b",
        "http://h/%2e%2e/b",
        "http://a..b/",
        "file:///etc/passwd",
        "gopher://h/",
        "javascript:alert(1)",
        "data://x",
        "ftp://h/",
    ];
    check_refused(&app, "bad_url", &none).await;
}

#[tokio::test]
async fn s21_userinfo_in_a_url_is_refused_and_not_repeated() {
    let app = TestApp::start().await;
    let urls = [
        "http://user:canary@h/",
        "http://canary@h/",
        "http://:canary@h/",
        "http://user:canary@169.254.169.254/",
        "user:canary@h",
        "postgres://user:canary@h:5432/db",
    ];
    check_refused(&app, "bad_url", &urls).await;
    let admin = app.as_admin();
    for url in urls {
        let text = admin.post(PATH, &build::prometheus("n", url)).await.text();
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn t19_t20_s27_urls_are_stored_unchanged() {
    let app = TestApp::start().await;
    check_saved(&app, "prometheus", &["", "http://Prometheus.Example.:9090/base/?x=%2F&y", "h"])
        .await;
    check_saved(
        &app,
        "postgres",
        &["localhost:5432", "db.example.com", "postgres://db.example:5432/x"],
    )
    .await;
    check_saved(&app, "mssql", &["h", "h:1433", r"h\instance", r"h\instance:1433"]).await;
    // A port that speaks no HTTP is found out when it is used.
    check_saved(&app, "redis-datasource", &["redis://cache:6379", "http://h:22"]).await;
}

#[tokio::test]
async fn t41_a_put_needs_a_url_where_the_type_does() {
    let app = TestApp::start().await;
    let admin = app.as_admin();
    for kind in
        ["prometheus", "loki", "influxdb_08", "postgres", "grafana-postgresql-datasource", "mssql"]
    {
        let source = build::with(build::plain(kind, ""), json!({ "type": kind, "uid": kind }));
        admin.create(&source).await;
        for url in [json!(""), json!(null)] {
            let body = build::with(source.clone(), json!({ "url": url }));
            let answer = admin.put(&format!("/api/datasources/uid/{kind}"), &body).await;
            let found = (answer.status.as_u16(), answer.message());
            assert_eq!(found, (400, "Validation error, invalid URL".to_owned()), "{kind} {url}");
        }
    }
    for kind in ["testdata", "cloudwatch", "no-such-plugin"] {
        let source: Value =
            build::with(build::plain(kind, ""), json!({ "type": kind, "uid": kind }));
        admin.create(&source).await;
        assert_eq!(admin.put(&format!("/api/datasources/uid/{kind}"), &source).await.status, 200);
    }
}

//! `sourcegate verify`: everything holds for the gateway as it is, and each broken promise is told by its name.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod leaky;

use std::net::SocketAddr;
use std::process::Output;

use harness::Client;
use harness::process::free_address;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::local::binary::{Binary, credential, run, text};
use leaky::{Leak, Leaky};

/// A gateway with two organisations, and a token of each.
struct Gateway {
    folder: TempDir,
    binary: Binary,
    admin: String,
    other: String,
}

impl Gateway {
    async fn start(arguments: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let binary = Binary::start(folder.path(), arguments).await;
        let data = folder.path().join(".sourcegate");
        let password = credential(&data, "SOURCEGATE_ADMIN_PASSWORD");
        let login = Client::basic(binary.address, "admin", &password);
        let made = login.post("/api/orgs", &json!({ "name": "other" })).await.json();
        let org = made["orgId"].to_string();
        let arguments = ["admin", "token", "--role", "admin", "--org", &org];
        let made = run(folder.path(), &arguments, &[]).await;
        let other = text(&made.stdout).trim().to_owned();
        let admin = credential(&data, "SOURCEGATE_ADMIN_TOKEN");
        Self { folder, binary, admin, other }
    }

    async fn verify(&self, url: &str, arguments: &[&str]) -> Output {
        let arguments = [&["verify", url][..], arguments].concat();
        run(self.folder.path(), &arguments, &[("SOURCEGATE_ADMIN_TOKEN", &self.admin)]).await
    }

    fn url(&self) -> String {
        format!("http://{}", self.binary.address)
    }

    /// No data source of a run is left.
    async fn is_clean(&self) -> bool {
        let admin = self.binary.admin(&self.folder.path().join(".sourcegate"));
        admin.get("/api/datasources").await.json() == json!([])
    }
}

fn outcomes(report: &Value, outcome: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap().iter();
    let checks = checks.filter(|check| check["outcome"] == outcome);
    checks.map(|check| check["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_gateway_as_it_is_keeps_every_promise_and_no_data_source() {
    let gateway = Gateway::start(&[]).await;
    let answer = gateway.verify(&gateway.url(), &["--other-token", &gateway.other]).await;
    let said = text(&answer.stdout);
    assert_eq!(answer.status.code(), Some(0), "{said}{}", text(&answer.stderr));
    assert!(said.contains("13 held, 0 broken, 0 not run"), "{said}");
    assert!(said.contains("none left"), "{said}");
    assert!(gateway.is_clean().await);
}

#[tokio::test]
async fn what_cannot_be_tried_is_named_and_not_counted_as_held() {
    let gateway = Gateway::start(&["--egress-allow", "192.0.2.0/24"]).await;
    let answer = gateway.verify(&gateway.url(), &["--json"]).await;
    let report: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(answer.status.code(), Some(3), "{report}");
    let missing = ["tenants", "injected", "stripped", "answers", "paths", "redirects"];
    assert_eq!(outcomes(&report, "not run"), missing, "{report}");
    let advice = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        check["detail"].as_str().unwrap().to_owned()
    };
    assert!(advice("tenants").contains("--other-token"));
    assert!(advice("paths").contains("--echo-url"));
    assert!(gateway.is_clean().await);
}

#[tokio::test]
async fn nothing_is_tried_without_a_gateway_or_a_good_token() {
    let gateway = Gateway::start(&[]).await;
    let viewer = ["admin", "token", "--role", "viewer"];
    let viewer = text(&run(gateway.folder.path(), &viewer, &[]).await.stdout).trim().to_owned();
    let nowhere = format!("http://{}", free_address());
    for (url, token, expected) in [
        (gateway.url(), "glsa_no", "the token is of no use: 401"),
        (gateway.url(), &*viewer, "the token cannot create data sources: 403"),
        (nowhere, "glsa_no", "GET /api/org: no answer"),
        ("ftp://localhost".to_owned(), "glsa_no", "`ftp://localhost` is not http://"),
    ] {
        let answer = gateway.verify(&url, &["--token", token]).await;
        assert_eq!(answer.status.code(), Some(2), "{url}");
        let said = text(&answer.stderr);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(token), "{said}");
    }
}

async fn check(gateway: &Gateway, leak: Leak, expected: &[&str]) {
    let upstream: SocketAddr = free_address();
    let places = (gateway.binary.address, upstream);
    let leaky = Leaky::start(leak, places, (&gateway.admin, &gateway.other)).await;
    let listen = upstream.to_string();
    let (url, back) = (format!("http://{}", leaky.front), format!("http://{}", leaky.back));
    let arguments = ["--json", "--other-token", &gateway.other];
    let arguments = [&arguments[..], &["--echo-listen", &listen, "--echo-url", &back]].concat();
    let answer = gateway.verify(&url, &arguments).await;
    let report: Value = serde_json::from_slice(&answer.stdout)
        .unwrap_or_else(|_| panic!("{leak:?}: {}", text(&answer.stderr)));
    assert_eq!(outcomes(&report, "BROKEN"), expected, "{leak:?}: {report}");
    assert_eq!(outcomes(&report, "not run"), [""; 0], "{leak:?}");
    let code = i32::from(!expected.is_empty());
    assert_eq!(answer.status.code(), Some(code), "{leak:?}");
    assert!(gateway.is_clean().await, "{leak:?}");
}

#[tokio::test]
async fn each_broken_promise_is_told_by_its_name() {
    let gateway = Gateway::start(&[]).await;
    check(&gateway, Leak::Nothing, &[]).await;
    check(&gateway, Leak::LetsIn, &["anonymous"]).await;
    check(&gateway, Leak::ShowsSecrets, &["secrets", "canaries"]).await;
    check(&gateway, Leak::QuotesSecrets, &["canaries"]).await;
    check(&gateway, Leak::KeepsSecrets, &["moved-secret"]).await;
    check(&gateway, Leak::Dials("http://169.254.170.2/v2/credentials/"), &["addresses"]).await;
    check(&gateway, Leak::Dials("http://0xa9fea9fe/"), &["addresses"]).await;
    check(&gateway, Leak::DialsItself, &["own-url"]).await;
    check(&gateway, Leak::Traces, &["trace"]).await;
    check(&gateway, Leak::MixesTenants, &["tenants"]).await;
    check(&gateway, Leak::AddsCredential, &["injected"]).await;
    check(&gateway, Leak::PassesCookie, &["stripped"]).await;
    check(&gateway, Leak::SetsCookie, &["answers"]).await;
    check(&gateway, Leak::Climbs, &["paths"]).await;
    check(&gateway, Leak::Unescapes, &["paths"]).await;
    check(&gateway, Leak::Follows, &["redirects"]).await;
    check(&gateway, Leak::Doubles, &["injected", "stripped", "answers"]).await;
}

//! TLS towards data sources, to a real nginx with an authority of its own (contract 2.8).
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness::nginx::{NAME, Nginx, PASSWORD, USER, echoed};
use harness::{Answer, TestApp, build};
use serde_json::{Value, json};

/// Creates a data source with these settings and asks once through it.
async fn asked(app: &TestApp, url: &str, json_data: Value, secrets: Value) -> Answer {
    let mut all = json!({ "basicAuthPassword": PASSWORD });
    all.as_object_mut().unwrap().extend(secrets.as_object().unwrap().clone());
    let source = build::with(
        build::plain("", url),
        json!({
            "basicAuth": true,
            "basicAuthUser": USER,
            "jsonData": json_data,
            "secureJsonData": all,
        }),
    );
    let admin = app.as_admin();
    let proxy = admin.create_proxied(&source).await;
    admin.get(&format!("{proxy}/a%2Fb?c=%20")).await
}

#[track_caller]
fn passed(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(echoed(&answer.text(), "uri"), Some("/a%2Fb?c=%20"));
    // base64 of `reader:nginx-password`
    assert_eq!(echoed(&answer.text(), "authorization"), Some("Basic cmVhZGVyOm5naW54LXBhc3N3b3Jk"));
}

#[track_caller]
fn failed(answer: &Answer, status: u16, message: &str) {
    let got = (answer.status.as_u16(), answer.cause(), answer.message());
    assert_eq!(got, (status, "tls".to_owned(), message.to_owned()));
}

const NO_TLS: &str = "cannot establish TLS with the data source";

#[tokio::test]
async fn a_configured_authority_is_trusted_and_no_other() {
    let nginx = Nginx::shared().await;
    let app = TestApp::start().await;
    let ca = json!({ "tlsCACert": nginx.authority() });
    let on = json!({ "tlsAuthWithCACert": true });
    passed(&asked(&app, &nginx.secure_url(), on.clone(), ca.clone()).await);
    passed(&asked(&app, &nginx.secure_url_by_name(), on.clone(), ca.clone()).await);
    passed(&asked(&app, &nginx.url(), on.clone(), ca.clone()).await);
    failed(&asked(&app, &nginx.secure_url(), json!({}), json!({})).await, 502, NO_TLS);
    let switched_off = json!({ "tlsAuthWithCACert": false });
    failed(&asked(&app, &nginx.secure_url(), switched_off, ca).await, 502, NO_TLS);
    failed(&asked(&app, &nginx.secure_url(), on, json!({ "tlsCACert": "" })).await, 502, NO_TLS);
}

#[tokio::test]
async fn the_name_in_the_certificate_counts() {
    let nginx = Nginx::shared().await;
    let app = TestApp::start().await;
    let ca = json!({ "tlsCACert": nginx.authority() });
    let named = |name: &str| json!({ "tlsAuthWithCACert": true, "serverName": name });
    passed(&asked(&app, &nginx.secure_url(), named(NAME), ca.clone()).await);
    let by_other_address = nginx.secure_url().replace("127.0.0.1", "127.0.0.2");
    for (url, name) in
        [(nginx.secure_url(), "other.test"), (nginx.secure_url_by_name(), "other.test")]
    {
        failed(&asked(&app, &url, named(name), ca.clone()).await, 502, NO_TLS);
    }
    // Nothing listens there: it is the address that is dialled, whatever the name.
    let answer = asked(&app, &by_other_address, named(NAME), ca).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (502, "connect"));
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let nginx = Nginx::shared().await;
    let app = TestApp::start().await;
    for more in [json!({}), json!({ "serverName": "other.test" })] {
        let skip = build::with(json!({ "tlsSkipVerify": true }), more);
        passed(&asked(&app, &nginx.secure_url(), skip, json!({})).await);
    }
    // Plain HTTP where TLS is expected is no TLS, verified or not.
    let plain = nginx.url().replace("http://", "https://");
    failed(&asked(&app, &plain, json!({ "tlsSkipVerify": true }), json!({})).await, 502, NO_TLS);
}

#[tokio::test]
async fn h33_a_wrong_password_over_tls_is_a_400_too() {
    let nginx = Nginx::shared().await;
    let app = TestApp::start().await;
    let ca = json!({ "tlsCACert": nginx.authority(), "basicAuthPassword": "wrong" });
    let answer = asked(&app, &nginx.secure_url(), json!({ "tlsAuthWithCACert": true }), ca).await;
    assert_eq!((answer.status.as_u16(), &*answer.cause()), (400, "auth_upstream"));
    assert!(!answer.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn k24_pem_junk_is_saved_and_fails_when_it_is_used() {
    let nginx = Nginx::shared().await;
    let app = TestApp::start().await;
    let certificate = nginx.authority();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    let two = key.repeat(2);
    let cut = &certificate[..certificate.len() / 2];
    for junk in
        ["canary", "/etc/ssl/certs/canary.pem", key, cut, "-----BEGIN CERTIFICATE-----\ncanary"]
    {
        let answer = asked(
            &app,
            &nginx.secure_url(),
            json!({ "tlsAuthWithCACert": true }),
            json!({ "tlsCACert": junk }),
        )
        .await;
        failed(&answer, 400, "Unable to load TLS certificate");
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    for (chain, key) in [
        (certificate, encrypted),
        (certificate, &two),
        (certificate, key),
        (certificate, certificate),
        (key, key),
        ("canary", "canary"),
    ] {
        let answer = asked(
            &app,
            &nginx.secure_url(),
            json!({ "tlsSkipVerify": true, "tlsAuth": true }),
            json!({ "tlsClientCert": chain, "tlsClientKey": key }),
        )
        .await;
        failed(&answer, 400, "Unable to load TLS certificate");
        assert!(!answer.text().contains("Y2FuYXJ5"), "{}", answer.text());
    }
    let windows = certificate.replace('\n', "\r\n");
    let answer = asked(
        &app,
        &nginx.secure_url(),
        json!({ "tlsAuthWithCACert": true }),
        json!({ "tlsCACert": windows }),
    )
    .await;
    passed(&answer);
}

//! The same for what a token endpoint is sent and what it gives: a client's secret, and tokens.

use harness::Client;
use harness::upstream::{Answer, FakeUpstream};
use serde_json::{Value, json};

use super::canaries::Canaries;
use super::server::Server;

/// A secret and a data source that names it.
async fn registered(server: &Server, admin: &Client, name: &str, oauth: Value, url: &str) {
    let secret = json!({ "kind": "GlobalSecret", "metadata": { "name": name },
        "spec": { "oauth": oauth } });
    let proxy = json!({ "kind": "HTTPProxy", "spec": { "url": url, "secret": name } });
    let source = json!({ "kind": "GlobalDatasource", "metadata": { "name": name },
        "spec": { "plugin": { "kind": "PrometheusDatasource", "spec": { "proxy": proxy } } } });
    for (path, sent) in [("/api/v1/globalsecrets", secret), ("/api/v1/globaldatasources", source)] {
        let made = server.keep(admin.post(path, &sent).await);
        assert_eq!(made.status, 200, "{}", made.text());
    }
}

/// Asks through data sources whose tokens are got, and refused by an endpoint that repeats what it was sent.
pub(super) async fn ask(server: &Server, admin: &Client, canaries: &Canaries) {
    let (endpoint, upstream) = (FakeUpstream::start().await, FakeUpstream::start().await);
    let Canaries { sealed, in_query, .. } = canaries;
    let token = |token: &str| Answer::json(&json!({ "access_token": token, "expires_in": 3600 }));
    for (name, answer, status) in [
        ("given", token(sealed), 200),
        ("refused", Answer::status(400).body(format!(r#"{{"error":"{sealed}"}}"#)), 502),
        ("garbled", token(&format!("{sealed}\n{sealed}")), 502),
        ("moved", Answer::status(302).header("location", &format!("/{sealed}")), 502),
        ("cut", Answer::status(200).cut_after([format!("{{\"access_token\":\"{sealed}\"")]), 502),
    ] {
        endpoint.when("POST", &format!("/{name}"), answer);
        let url = format!("{}/{name}", endpoint.url());
        let oauth = json!({ "clientID": sealed, "clientSecret": sealed, "tokenURL": url });
        registered(server, admin, name, oauth, &upstream.url()).await;
        let path = format!("/proxy/globaldatasources/{name}/q?secret={in_query}");
        let answer = server.keep_failed(admin.get(&path).await);
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }
    let arrived = upstream.only_request();
    assert_eq!(arrived.header("authorization"), Some(&*format!("Bearer {sealed}")));
    server.keep(admin.get("/api/v1/globalsecrets").await);
}

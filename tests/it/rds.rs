//! Databases that are logged in to with tokens of RDS: what the database sees, and who is refused.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod granted;
mod refused;

use harness::rds::{ACCESS_KEY, HOST};
use harness::{Answer, Client};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::local::binary::Binary;

const SOURCES: &str = "/api/v1/globaldatasources";

/// The built binary with rules of its operator's, and its administrator.
struct Gateway {
    admin: Client,
    binary: Binary,
    data: TempDir,
}

impl Gateway {
    /// Starts one with credentials of AWS.
    async fn start(rules: &Value) -> Self {
        let [id, secret] = ACCESS_KEY;
        Self::with(rules, &[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]).await
    }

    async fn with(rules: &Value, variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let rules = rules.to_string();
        // Of another region than the databases.
        let usual = [
            ("SOURCEGATE_RDS_IAM", &*rules),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let variables = [&usual, variables].concat();
        let binary = Binary::with(data.path(), &[], &variables).await;
        let admin = binary.admin(&data.path().join(".sourcegate"));
        Self { admin, binary, data }
    }

    async fn made(&self, path: &str, document: &Value) {
        let answer = self.admin.post(path, document).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// Saves a secret: a user with a password that nobody has, and an authority.
    async fn secret(&self, user: &str, authority: &str) {
        let secret = json!({
            "kind": "GlobalSecret",
            "metadata": { "name": "login" },
            "spec": {
                "basicAuth": { "username": user, "password": "unused" },
                "tlsConfig": { "ca": authority },
            },
        });
        self.made("/api/v1/globalsecrets", &secret).await;
    }

    /// Saves a database that names the secret, under a name.
    async fn database(&self, name: &str, spec: &Value) {
        self.made(SOURCES, &database(name, spec)).await;
    }

    async fn ask(&self, name: &str, query: &str) -> Answer {
        ask(&self.admin, name, query).await
    }
}

/// A database, logged in to with a token unless `spec` says otherwise.
fn database(name: &str, spec: &Value) -> Value {
    let mut all = json!({ "secret": "login", "database": "shop", "rds_iam": true });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    json!({
        "kind": "GlobalDatasource",
        "metadata": { "name": name },
        "spec": {
            "default": false,
            "plugin": { "kind": "Database", "spec": { "proxy": { "kind": "SQLProxy", "spec": all } } },
        },
    })
}

async fn ask(client: &Client, name: &str, query: &str) -> Answer {
    let path = format!("/proxy/globaldatasources/{name}");
    let request = client.request(Method::POST, &path).header("accept", "text/csv");
    client.send(request.body(json!({ "query": query }).to_string())).await
}

fn rule(user: &str, port: u16) -> Value {
    json!({ "org": 1, "host": HOST, "port": port, "user": user, "region": harness::rds::REGION })
}

/// The status, the cause and the text of a refusal.
fn said(answer: &Answer) -> (u16, String, String) {
    (answer.status.as_u16(), answer.cause(), answer.message())
}

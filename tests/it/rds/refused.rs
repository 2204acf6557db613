//! Logins that are refused, most of them before anything is dialled.

use harness::mariadb::Mariadb;
use harness::postgres::Postgres;
use harness::rds::{ACCESS_KEY, Directory, HOST, MysqlDoor};
use harness::{Client, TestApp, build};
use serde_json::{Value, json};
use sourcegate_core::{OrgId, RdsRules};
use store::{Aws, RdsTokens};
use tokio::net::TcpListener;

use super::{Gateway, ask, database, rule, said};
use crate::local::binary::{run, text};

/// A port on which nobody may call.
struct Silent {
    listener: TcpListener,
    port: u16,
}

impl Silent {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    /// The kernel takes connections by itself, so that one that was made waits here.
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its server")]
    async fn expect_no_call(self) {
        let calling = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (_, first) = self.listener.accept().await.unwrap();
        assert_eq!(first, calling.local_addr().unwrap(), "somebody has called before");
    }
}

fn not_granted(org: u32, user: &str, host: &str, port: u16) -> (u16, String, String) {
    let said = format!(
        "forbidden access: organisation {org} may not log in with an RDS token as \"{user}\" at {host}:{port}; whoever runs the gateway can \
         grant that in SOURCEGATE_RDS_IAM, and without rds_iam the password is used"
    );
    (403, "rds_not_granted".to_owned(), said)
}

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----";

#[tokio::test]
async fn what_no_rule_names_is_not_logged_in_to() {
    let silent = Silent::start().await;
    let port = silent.port;
    let other_org =
        json!({ "org": 2, "host": HOST, "port": port, "user": "else", "region": "eu-west-1" });
    let gateway = Gateway::start(&json!([rule("reader", port), other_org])).await;
    gateway.secret("reader", AUTHORITY).await;
    let at = |host: String| json!({ "driver": "postgres", "host": host });
    gateway.database("address", &at(format!("127.0.0.1:{port}"))).await;
    gateway.database("port", &at(format!("{HOST}:{}", port ^ 1))).await;
    gateway.database("usual-port", &json!({ "driver": "mysql", "host": HOST })).await;
    let answer = gateway.ask("address", "SELECT 1").await;
    assert_eq!(said(&answer), not_granted(1, "reader", "127.0.0.1", port));
    let answer = gateway.ask("port", "SELECT 1").await;
    assert_eq!(said(&answer), not_granted(1, "reader", HOST, port ^ 1));
    let answer = gateway.ask("usual-port", "SELECT 1").await;
    assert_eq!(said(&answer), not_granted(1, "reader", HOST, 3306));
    for user in ["else", "Reader", "postgres"] {
        let source = build::with(
            build::plain(user, &format!("{HOST}:{port}")),
            json!({
                "type": "postgres", "user": user, "database": "shop",
                "jsonData": { "rdsIam": true }, "secureJsonData": { "password": "unused" },
            }),
        );
        gateway.admin.create(&source).await;
        let answer = gateway.ask(user, "SELECT 1").await;
        assert_eq!(said(&answer), not_granted(1, user, HOST, port));
    }
    silent.expect_no_call().await;
}

#[tokio::test]
async fn another_organisation_has_nothing_of_a_rule() {
    let silent = Silent::start().await;
    let port = silent.port;
    let gateway = Gateway::start(&json!([rule("reader", port)])).await;
    let data = gateway.data.path().join(".sourcegate");
    let basic = |name: &str| crate::local::binary::credential(&data, name);
    let root = Client::basic(gateway.binary.address, "admin", &basic("SOURCEGATE_ADMIN_PASSWORD"));
    let made = root.post("/api/orgs", &json!({ "name": "second" })).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let source = build::with(
        build::plain("db", &format!("{HOST}:{port}")),
        json!({ "type": "postgres", "user": "reader", "database": "shop", "jsonData": { "rdsIam": true } }),
    );
    let request = root.request(http::Method::POST, "/api/datasources");
    let request = request.header("x-grafana-org-id", "2").json(&source);
    let answer = root.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let request = root.request(http::Method::POST, "/proxy/globaldatasources/db");
    let request = request.header("x-grafana-org-id", "2").body(r#"{"query":"SELECT 1"}"#);
    assert_eq!(said(&root.send(request).await), not_granted(2, "reader", HOST, port));
    silent.expect_no_call().await;
}

#[tokio::test]
async fn q43_less_than_tls_that_verifies_the_name_is_refused() {
    let silent = Silent::start().await;
    let port = silent.port;
    let gateway = Gateway::start(&json!([rule("reader", port)])).await;
    gateway.secret("reader", AUTHORITY).await;
    let weak: [(&str, &str, Value); 9] = [
        ("postgres", "disable", json!({ "ssl_mode": "disable" })),
        ("postgres", "allow", json!({ "ssl_mode": "allow" })),
        ("postgres", "prefer", json!({ "ssl_mode": "prefer" })),
        ("postgres", "require", json!({ "ssl_mode": "require" })),
        ("postgres", "verify-ca", json!({ "ssl_mode": "verify-ca" })),
        ("mysql", "false", json!({ "params": { "tls": "false" } })),
        ("mysql", "preferred", json!({ "params": { "tls": "preferred" } })),
        ("mysql", "skip-verify", json!({ "params": { "tls": "skip-verify" } })),
        ("mariadb", "skip", json!({ "params": { "tls": "skip-verify" } })),
    ];
    let expected = (
        400,
        "bad_settings".to_owned(),
        "bad request: an RDS token goes only where TLS verifies the server by the host's own name; set ssl mode verify-full (for MySQL \
         tls true), and no other server name"
            .to_owned(),
    );
    for (driver, name, block) in weak {
        let host = format!("{HOST}:{port}");
        let spec = json!({ "driver": driver, "host": host, (driver): block });
        gateway.database(name, &spec).await;
        assert_eq!(said(&gateway.ask(name, "SELECT 1").await), expected, "{driver} {name}");
    }
    let json_data = json!({ "rdsIam": true, "serverName": "another.test" });
    let source = build::with(
        build::plain("named", &format!("{HOST}:{port}")),
        json!({ "type": "postgres", "user": "reader", "database": "shop", "jsonData": json_data }),
    );
    gateway.admin.create(&source).await;
    assert_eq!(said(&gateway.ask("named", "SELECT 1").await), expected);
    silent.expect_no_call().await;
}

#[tokio::test]
async fn q41_a_token_that_a_database_does_not_take_is_a_502_that_shows_nothing() {
    let mariadb = Mariadb::shared().await;
    let (postgres, mysql) = (Directory::start().await, MysqlDoor::start(mariadb).await);
    postgres.postgres().sql("shop", "CREATE ROLE tokened LOGIN");
    let ports = [postgres.address().port(), mysql.address().port()];
    let keys = [("AWS_ACCESS_KEY_ID", ACCESS_KEY[0]), ("AWS_SECRET_ACCESS_KEY", "another")];
    let gateway = Gateway::with(&json!(ports.map(|port| rule("tokened", port))), &keys).await;
    let authorities = format!("{}{}", postgres.postgres().authority(), mysql.authority());
    gateway.secret("tokened", &authorities).await;
    for (driver, port) in ["postgres", "mysql"].into_iter().zip(ports) {
        let spec = json!({ "driver": driver, "host": format!("{HOST}:{port}") });
        gateway.database(driver, &spec).await;
        let text = "data source did not accept its credentials".to_owned();
        let answer = gateway.ask(driver, "SELECT 1").await;
        assert_eq!(said(&answer), (502, "auth_upstream".to_owned(), text), "{driver}");
    }
    let logins = [postgres.judge().logins(), mysql.judge().logins()].concat();
    assert_eq!(logins.len(), 2, "{logins:?}");
    let log = gateway.binary.process.log();
    assert!(!log.contains("X-Amz-Signature"), "{log}");
}

#[tokio::test]
async fn without_credentials_of_aws_there_is_no_token() {
    let silent = Silent::start().await;
    let port = silent.port;
    let gateway = Gateway::with(&json!([rule("reader", port)]), &[]).await;
    let source = build::with(
        build::plain("db", &format!("{HOST}:{port}")),
        json!({ "type": "postgres", "user": "reader", "database": "shop", "jsonData": { "rdsIam": true } }),
    );
    gateway.admin.create(&source).await;
    let expected = (503, "rds_token".to_owned(), "internal server error".to_owned());
    assert_eq!(said(&gateway.ask("db", "SELECT 1").await), expected);
    let log = gateway.binary.process.log();
    assert!(log.contains("no credentials found in chain"), "{log}");
    silent.expect_no_call().await;
}

/// A user who may write dashboards of the project `p` and nothing else.
async fn editor_of_dashboards(app: &TestApp) -> Client {
    let admin = app.as_admin();
    let bob = app.create_user("bob", OrgId::MAIN, "None").await;
    let place = json!({ "name": "editor", "project": "p" });
    let permissions = json!([{ "actions": ["*"], "scopes": ["Dashboard"] }, { "actions": ["read"], "scopes": ["*"] }]);
    let role = json!({ "kind": "Role", "metadata": place, "spec": { "permissions": permissions } });
    let subjects = json!([{ "kind": "User", "name": "bob" }]);
    let spec = json!({ "role": "editor", "subjects": subjects });
    let binding = json!({ "kind": "RoleBinding", "metadata": place, "spec": spec });
    for (path, document) in [("/api/v1/roles", role), ("/api/v1/rolebindings", binding)] {
        let answer = admin.post(path, &document).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    bob
}

#[tokio::test]
async fn k04_who_edits_dashboards_takes_no_secret_to_a_database_that_is_granted() {
    let silent = Silent::start().await;
    let port = silent.port;
    let rules = RdsRules::parse(&json!([rule("reader", port)]).to_string()).unwrap();
    let aws = Aws::read(|_| None).unwrap();
    let app = TestApp::with(|setup| setup.rds = Some(RdsTokens::new(rules, aws))).await;
    let admin = app.as_admin();
    let project = json!({ "kind": "Project", "metadata": { "name": "p" }, "spec": {} });
    let basic = json!({ "username": "reader", "password": "unused" });
    let secret = json!({
        "kind": "Secret", "metadata": { "name": "login", "project": "p" }, "spec": { "basicAuth": basic },
    });
    for (path, document) in [("/api/v1/projects", project), ("/api/v1/secrets", secret)] {
        let answer = admin.post(path, &document).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let bob = editor_of_dashboards(&app).await;
    let block = json!({ "ssl_mode": "verify-full" });
    let host = format!("{HOST}:{port}");
    let named = json!({ "driver": "postgres", "host": host, "postgres": block });
    let nameless = json!({ "driver": "postgres", "host": host, "postgres": block, "secret": null });
    let sources = json!({
        "named": database("named", &named)["spec"], "nameless": database("nameless", &nameless)["spec"],
    });
    let dashboard = json!({
        "kind": "Dashboard", "metadata": { "name": "d", "project": "p" }, "spec": { "datasources": sources },
    });
    let answer = bob.post("/api/v1/dashboards", &dashboard).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (name, expected) in
        [("named", (403, "secret_not_bound")), ("nameless", (400, "bad_settings"))]
    {
        let path = format!("/proxy/projects/p/dashboards/d/datasources/{name}");
        let answer = bob.post(&path, &json!({ "query": "SELECT 1" })).await;
        let (status, cause, text) = said(&answer);
        assert_eq!((status, &*cause), expected, "{text}");
    }
    silent.expect_no_call().await;
}

#[tokio::test]
async fn without_the_wish_a_password_is_a_password() {
    let postgres = Postgres::shared().await;
    let gateway = Gateway::start(&json!([rule("reader", postgres.address().port())])).await;
    let source = build::with(
        build::plain("db", &postgres.address().to_string()),
        json!({
            "type": "postgres", "user": "reader", "database": "shop", "jsonData": { "sslmode": "disable" },
            "secureJsonData": { "password": harness::postgres::PASSWORD },
        }),
    );
    gateway.admin.create(&source).await;
    assert_eq!(ask(&gateway.admin, "db", "SELECT 1 AS a").await.text(), "a\n1\n");
}

#[tokio::test]
async fn a_misspelt_rule_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (rules, expected) in [
        ("[]", "SOURCEGATE_RDS_IAM is a list without a rule; write one, or unset it"),
        (r#"[{"org":1,"host":"localhost","user":"u"}]"#, "names no region; add \"region\""),
        (r#"[{"org":1,"host":"localhost","users":"u"}]"#, "unknown field `users`"),
    ] {
        let variables = [("SOURCEGATE_RDS_IAM", rules)];
        let ended = run(folder.path(), &["--listen", "127.0.0.1:0"], &variables).await;
        let said = text(&ended.stderr);
        assert!(!ended.status.success() && said.contains(expected), "{rules}: {said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

//! Logins that an operator has granted, seen from the database.

use std::time::{Duration, Instant};

use harness::build;
use harness::mariadb::Mariadb;
use harness::process::{root, venv};
use harness::rds::{ACCESS_KEY, Directory, HOST, Login, MysqlDoor, REGION};
use http::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::{Gateway, rule};
use crate::fleet::Deployed;

/// Names that a url, a query or a directory could take for something else.
const ODD: &str = "Ü r&e+a=d/%er~-_.";

/// A session token as AWS has them: long, and not fit for a url.
fn session() -> String {
    format!("IQoJb3JpZ2lu{}==", "aB+/".repeat(250))
}

#[tokio::test]
async fn postgresql_is_given_a_token_for_each_connection() {
    let database = Directory::start().await;
    database.postgres().sql("shop", "CREATE ROLE tokened LOGIN");
    let port = database.address().port();
    let gateway = Gateway::start(&json!([rule("tokened", port)])).await;
    gateway.secret("tokened", database.postgres().authority()).await;
    let spec = json!({ "driver": "postgres", "host": format!("{HOST}:{port}") });
    gateway.database("db", &spec).await;
    let query = "SELECT current_user AS u, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for _ in 0..2 {
        let answer = gateway.ask("db", query).await;
        assert_eq!(answer.text(), "u,ssl\ntokened,t\n", "{}", gateway.binary.process.log());
    }
    assert_eq!(database.judge().logins().len(), 1, "the session is kept");
    gateway.database("other", &spec).await;
    assert_eq!(gateway.ask("other", "SELECT 1 AS a").await.text(), "a\n1\n");
    let logins = database.judge().logins();
    assert_eq!(logins.iter().map(|login| &*login.user).collect::<Vec<_>>(), ["tokened", "tokened"]);
    is_botocores(&logins, None).await;
    let log = gateway.binary.process.log();
    assert!(!log.contains("X-Amz-Signature") && !log.contains(ACCESS_KEY[1]), "{log}");
}

#[tokio::test]
async fn an_odd_user_and_a_session_token_are_signed_too() {
    let database = Directory::start().await;
    database.postgres().sql("shop", &format!("CREATE ROLE \"{ODD}\" LOGIN"));
    let port = database.address().port();
    let ([id, secret], session) = (ACCESS_KEY, session());
    let credentials = [
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_SESSION_TOKEN", &session),
    ];
    let gateway = Gateway::with(&json!([rule(ODD, port)]), &credentials).await;
    gateway.secret(ODD, database.postgres().authority()).await;
    let host = format!("LOCALHOST:{port}");
    gateway.database("db", &json!({ "driver": "postgres", "host": host })).await;
    let answer = gateway.ask("db", "SELECT current_user AS u").await;
    assert_eq!(answer.text(), format!("u\n{ODD}\n"), "{}", gateway.binary.process.log());
    let logins = database.judge().logins();
    assert!(logins[0].given.len() > 1000 && logins[0].user == ODD, "{logins:?}");
    is_botocores(&logins, Some(&session)).await;
}

#[tokio::test]
async fn a_data_source_of_grafanas_kind_is_logged_in_to_too() {
    let database = Directory::start().await;
    database.postgres().sql("shop", "CREATE ROLE tokened LOGIN");
    let port = database.address().port();
    let gateway = Gateway::start(&json!([rule("tokened", port)])).await;
    let source = build::with(
        build::plain("db", &format!("{HOST}:{port}")),
        json!({
            "type": "postgres", "user": "tokened", "database": "shop",
            "jsonData": { "rdsIam": true, "tlsConfigurationMethod": "file-content" },
            "secureJsonData": { "tlsCACert": database.postgres().authority() },
        }),
    );
    gateway.admin.create(&source).await;
    let answer = gateway.ask("db", "SELECT current_user AS u").await;
    assert_eq!(answer.text(), "u\ntokened\n", "{}", gateway.binary.process.log());
    is_botocores(&database.judge().logins(), None).await;
}

#[tokio::test]
async fn the_function_signs_with_the_credentials_of_its_role() {
    let deployed = Deployed::start().await;
    let database = Directory::with(deployed.fleet.credentials()).await;
    database.postgres().sql("shop", "CREATE ROLE tokened LOGIN");
    let port = database.address().port();
    let source = json!({
        "name": "shop", "type": "postgres", "access": "proxy", "user": "tokened", "database": "shop",
        "url": format!("{HOST}:{port}"),
        "jsonData": { "rdsIam": true, "tlsConfigurationMethod": "file-content" },
        "secureJsonData": { "tlsCACert": database.postgres().authority() },
    });
    deployed.create(&source).await;
    let rules = json!([rule("tokened", port)]).to_string();
    let settings =
        [("SOURCEGATE_RDS_IAM", &*rules), ("SOURCEGATE_EGRESS_ALLOW", "127.0.0.0/8,::1/128")];
    let function = deployed.fleet.member_with("sql-proxy", &settings).await;
    let call = deployed.fleet.call("POST", "/proxy/globaldatasources/shop");
    let statement = json!({ "query": "SELECT current_user AS u" });
    let answer = function.invoke(&call.json(&statement)).await;
    assert_eq!(answer.text(), "u\ntokened\n", "{}", function.process.log());
    assert_eq!(database.judge().logins().len(), 1);
}

/// A MariaDB behind a door that asks for tokens, and a gateway that may log in there.
async fn with_mariadb() -> (Mariadb, MysqlDoor, Gateway) {
    let mariadb = Mariadb::start(&[]).await;
    mariadb.sql("shop", "CREATE USER tokened; GRANT SELECT ON shop.* TO tokened");
    let database = MysqlDoor::start(&mariadb).await;
    let gateway = Gateway::start(&json!([rule("tokened", database.address().port())])).await;
    gateway.secret("tokened", database.authority()).await;
    (mariadb, database, gateway)
}

#[tokio::test]
async fn mariadb_is_given_the_token_as_it_is_when_it_asks_for_that() {
    let (_mariadb, database, gateway) = with_mariadb().await;
    let port = database.address().port();
    for driver in ["mysql", "mariadb"] {
        let spec = json!({ "driver": driver, "host": format!("{HOST}:{port}") });
        gateway.database(driver, &spec).await;
        let query = "SELECT CURRENT_USER() AS u, name FROM goods WHERE id = 1";
        let answer = gateway.ask(driver, query).await;
        assert_eq!(answer.text(), "u,name\ntokened@%,tea\n", "{}", gateway.binary.process.log());
    }
    let logins = database.judge().logins();
    assert_eq!(logins.len(), 2);
    is_botocores(&logins, None).await;
}

#[tokio::test]
async fn a_statement_whose_caller_leaves_is_stopped_with_the_same_token() {
    let (mariadb, database, gateway) = with_mariadb().await;
    let port = database.address().port();
    let spec = json!({ "driver": "mariadb", "host": format!("{HOST}:{port}") });
    gateway.database("db", &spec).await;
    let request = gateway.admin.request(Method::POST, "/proxy/globaldatasources/db");
    let request = request.body(json!({ "query": "SELECT SLEEP(25)" }).to_string());
    assert!(request.timeout(Duration::from_secs(2)).send().await.unwrap_err().is_timeout());
    let left = Instant::now();
    let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'tokened'";
    while mariadb.sql("shop", running) != "0" {
        assert!(left.elapsed() < Duration::from_secs(10), "{:?}", database.judge().logins());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let logins = database.judge().logins();
    assert!(logins.len() == 2 && logins[0] == logins[1], "{logins:?}");
}

/// Compares with what botocore makes for the same login at the same second.
async fn is_botocores(logins: &[Login], session: Option<&str>) {
    let [id, secret] = ACCESS_KEY;
    assert!(!logins.is_empty());
    let mut command = tokio::process::Command::new(venv("python"));
    command.arg(root().join("tests/rds_tokens.py")).args([id, secret, REGION]);
    command.args(session).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let given: String = logins.iter().map(|login| format!("{}\n", login.given)).collect();
    let mut input = child.stdin.take().unwrap();
    input.write_all(given.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await;
    let output = output.expect("it ends").unwrap();
    assert!(output.status.success());
    let made = String::from_utf8(output.stdout).unwrap();
    let sorted = |tokens: &str| {
        let one = |token: &str| {
            let (place, query) = token.split_once('?').unwrap();
            let mut fields: Vec<_> = query.split('&').map(str::to_owned).collect();
            fields.sort();
            (place.to_owned(), fields)
        };
        tokens.lines().map(one).collect::<Vec<_>>()
    };
    assert_eq!(sorted(&given), sorted(&made));
}

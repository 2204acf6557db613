//! Who may connect to MariaDB, over what, and what the caller hears if not.

use std::net::SocketAddr;
use std::time::Duration;

use harness::mariadb::{Mariadb, PASSWORD, SERVER_NAME};
use sourcegate_core::{Classify as _, Kind, Rev, Secrets, SqlDriver, SqlParams, SqlTls, SslMode};
use sql::Format::Csv;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::asking::Source;
use super::both::{is_refused, modes, set_password};

const CIPHER: &str = "SELECT VARIABLE_VALUE AS x FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'";

/// What a connection comes to: whether it is encrypted, or the cause of its failure.
async fn comes_to(source: &Source) -> String {
    match source.whole(Csv, CIPHER, &[]).await {
        Ok(whole) if whole.text == "x\n\"\"\n" => "plain".to_owned(),
        Ok(whole) if whole.text.starts_with("x\nTLS_") => "encrypted".to_owned(),
        Ok(whole) => panic!("{whole:?}"),
        Err(error) => error.cause().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn q42_each_mode_means_what_postgresql_means_by_it() {
    for (user, tls, expected) in modes(SERVER_NAME) {
        let mut source = Source::of(Mariadb::shared().await, user);
        source.target.tls = tls.clone();
        assert_eq!(comes_to(&source).await, expected, "{user} {tls:?}");
    }
}

#[tokio::test]
async fn q42_a_server_without_tls_is_not_spoken_to_where_it_is_required() {
    let mariadb = Mariadb::start(&["--skip-ssl"]).await;
    let mut source = Source::of(&mariadb, "reader");
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        source.target.tls = SqlTls::of(mode);
        source.rev = Rev::new();
        assert_eq!(comes_to(&source).await, "tls", "{mode:?}");
    }
    source.target.tls = SqlTls::of(SslMode::Prefer);
    source.rev = Rev::new();
    assert_eq!(comes_to(&source).await, "plain");
}

#[tokio::test]
async fn q42_a_server_that_wants_tls_says_so() {
    let mariadb = Mariadb::start(&[]).await;
    mariadb.sql("shop", "SET GLOBAL require_secure_transport = 1");
    let mut source = Source::of(&mariadb, "reader");
    assert_eq!(comes_to(&source).await, "auth_upstream");
    source.target.tls = SqlTls::of(SslMode::Allow);
    assert_eq!(comes_to(&source).await, "encrypted");
}

#[tokio::test]
async fn q41_refused_credentials_are_a_502_that_shows_nothing() {
    let mariadb = Mariadb::shared().await;
    for (user, password) in [
        ("reader", "wrong-password-0815"),
        ("nobody", PASSWORD),
        ("absent", PASSWORD),
        // Into the server, but not into the database.
        ("elsewhere", PASSWORD),
    ] {
        let mut source = Source::of(mariadb, user);
        set_password(&mut source, password);
        let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
        is_refused(&error, user, password);
    }
    let mut source = Source::of(mariadb, "reader");
    source.secrets = Secrets::default();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "bad_settings".to_owned()));
    let mut source = Source::of(mariadb, "everywhere");
    source.target.database = "absent".to_owned();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "database".to_owned()));
}

#[tokio::test]
async fn q43_older_proofs_are_given_only_as_the_settings_say() {
    let mariadb = Mariadb::shared().await;
    let mut source = Source::of(mariadb, "reader");
    let native = |value| SqlParams::new(SqlDriver::Mariadb, [("allowNativePasswords", value)]);
    source.target.params = native("true").unwrap();
    assert_eq!(comes_to(&source).await, "plain");
    source.target.params = native("false").unwrap();
    source.rev = Rev::new();
    let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
    assert!(error.public().contains("allowNativePasswords=false"), "{error:?}");
}

#[tokio::test]
async fn an_account_that_may_more_than_tables_is_refused_at_connect() {
    let mariadb = Mariadb::shared().await;
    for user in ["super", "files", "shuts_down", "replica", "become"] {
        let mut source = Source::of(mariadb, user);
        let expected = (Kind::Upstream, "dangerous_role".to_owned());
        assert_eq!(source.fails(Csv, "SELECT 1").await, expected, "{user}");
        source.target.allow_dangerous_role = true;
        assert_eq!(source.text(Csv, "SELECT 1 AS a").await, "a\n1\n", "{user}");
    }
    for user in ["writer", "everywhere", "staffed"] {
        assert_eq!(Source::of(mariadb, user).text(Csv, "SELECT 1 AS a").await, "a\n1\n", "{user}");
    }
}

#[tokio::test]
async fn settings_that_no_session_takes_are_named() {
    let mariadb = Mariadb::shared().await;
    for zone in ["Nowhere/Land", "UTC' , SESSION sql_mode = '"] {
        let mut source = Source::of(mariadb, "reader");
        source.target.params = SqlParams::new(SqlDriver::Mariadb, [("time_zone", zone)]).unwrap();
        let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
        let found = (error.kind(), error.cause(), error.public());
        let text = "parameter \"time_zone\" does not take this value".to_owned();
        assert_eq!(found, (Kind::Invalid, Some("bad_settings"), text), "{zone}");
    }
}

/// A server that writes these bytes in turn: at once, and each time that it has heard something.
async fn saying(said: &'static [&'static [u8]]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            for bytes in said {
                stream.write_all(bytes).await.ok();
                if !stream.read(&mut heard).await.is_ok_and(|count| count > 0) {
                    break;
                }
            }
            // Until the client hangs up.
            while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {}
        }
    });
    address
}

/// A greeting of MySQL 8 without TLS, whose usual proof is `caching_sha2_password`.
const GREETING: &[u8] =
    b"\x4a\0\0\0\x0a8.0.36\0\x07\0\0\0challeng\0\xff\xf7\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\
e of twelve\0\0caching_sha2_password\0";

/// It knows the password's hash from before, and is content.
const TAKEN_IN: &[u8] = b"\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0";

/// A command is done, and there is no transaction.
const DONE: &[u8] = b"\x07\0\0\x01\0\0\0\x02\0\0\0";

/// It has no such table.
const NO_TABLE: &[u8] = b"\x0b\0\0\x01\xff\x7a\x04#42S02no";

/// What servers say that are none, or none that can be used; and the cause.
const NONSENSE: &[(&[&[u8]], &str)] = &[
    (&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], "upstream_protocol"),
    (&[b"\0\0\0\0"], "upstream_protocol"),
    (&[b"\x01\0\0\0\x0a"], "upstream_protocol"),
    (&[b"\x05\0\0\0\x0a8.0\0"], "upstream_protocol"),
    (&[b"\xff\xff\xff\0"], "upstream_protocol"),
    (&[b"\x17\0\0\0\xff\x10\x04Too many connections"], "connections"),
    (&[b"\x0e\0\0\0\xff\x6a\x04Host 'x' is"], "auth_upstream"),
    // After the greeting: the password in clear text, an older proof, another plugin, nonsense, a wish for a file.
    (&[GREETING, b"\x02\0\0\x02\x01\x04"], "auth_upstream"),
    (&[GREETING, b"\x01\0\0\x02\xfe"], "auth_upstream"),
    (&[GREETING, b"\x16\0\0\x02\xfemysql_clear_password\0"], "auth_upstream"),
    (&[GREETING, b"\x01\0\0\x02\x2a"], "upstream_protocol"),
    (&[GREETING, b"\x0c\0\0\x02\xfb/etc/passwd"], "upstream_protocol"),
    // One that takes the words of a read-only transaction and does nothing.
    (&[GREETING, TAKEN_IN, DONE, NO_TABLE, DONE], "read_only"),
];

#[tokio::test]
async fn what_is_no_mysql_fails_with_a_cause() {
    for (said, expected) in NONSENSE {
        let mut source = Source::of(Mariadb::shared().await, "reader");
        source.target.allow_dangerous_role = true;
        source.target.place.port = saying(said).await.port();
        source.target.connect_timeout = Duration::from_secs(2);
        assert_eq!(source.fails(Csv, "SELECT 1").await.1, *expected, "{said:?}");
    }
    let mut source = Source::of(Mariadb::shared().await, "reader");
    source.target.connect_timeout = Duration::from_millis(200);
    for said in [&[] as &[&[u8]], &[GREETING]] {
        source.target.place.port = saying(said).await.port();
        let expected = (Kind::UpstreamTimeout, "timeout_sql".to_owned());
        assert_eq!(source.fails(Csv, "SELECT 1").await, expected, "{said:?}");
    }
    source.target.place.port = harness::process::free_address().port();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "connect".to_owned()));
    source.target.place.host = "169.254.169.254".to_owned();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "denied_egress".to_owned()));
}

#[tokio::test]
async fn q43_no_password_and_no_login_goes_out_where_tls_is_required_and_not_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut source = Source::of(Mariadb::shared().await, "reader");
    source.target.place.port = listener.local_addr().unwrap().port();
    source.target.tls = SqlTls::of(SslMode::Require);
    let serving = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(GREETING).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let (heard, failed) = tokio::join!(serving, source.fails(Csv, "SELECT 1"));
    assert_eq!((heard, failed), (Vec::new(), (Kind::Upstream, "tls".to_owned())));
}

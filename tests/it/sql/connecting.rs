//! Who may connect, over what, and what the caller hears if not.

use std::net::SocketAddr;
use std::time::Duration;

use harness::postgres::{PASSWORD, Postgres, SERVER_NAME};
use sourcegate_core::{Classify as _, Kind, Rev, Secrets, SqlTls, SslMode};
use sql::Format::Csv;
use sql::Token;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::asking::Source;
use super::both::{is_refused, modes, set_password};

const ENCRYPTED: &str = "SELECT ssl AS x FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// What a connection comes to: whether it is encrypted, or the cause of its failure.
async fn comes_to(user: &str, tls: SqlTls) -> String {
    let mut source = Source::of(Postgres::shared().await, user);
    source.target.tls = tls;
    match source.whole(Csv, ENCRYPTED, &[]).await {
        Ok(whole) if whole.text == "x\nt\n" => "encrypted".to_owned(),
        Ok(whole) if whole.text == "x\nf\n" => "plain".to_owned(),
        Ok(whole) => panic!("{whole:?}"),
        Err(error) => error.cause().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn q42_each_mode_means_what_postgresql_means_by_it() {
    let no_tls = ("no_tls", SqlTls::of(SslMode::Require), "auth_upstream");
    for (user, tls, expected) in modes(SERVER_NAME).into_iter().chain([no_tls]) {
        assert_eq!(comes_to(user, tls.clone()).await, expected, "{user} {tls:?}");
    }
}

#[tokio::test]
async fn q42_a_server_without_tls_is_not_spoken_to_where_it_is_required() {
    let postgres = Postgres::start(&["ssl=off"]).await;
    let mut source = Source::of(&postgres, "reader");
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        source.target.tls = SqlTls::of(mode);
        source.rev = sourcegate_core::Rev::new();
        assert_eq!(
            source.fails(Csv, "SELECT 1").await,
            (Kind::Upstream, "tls".to_owned()),
            "{mode:?}"
        );
    }
    source.target.tls = SqlTls::of(SslMode::Prefer);
    source.rev = sourcegate_core::Rev::new();
    assert_eq!(source.text(Csv, "SELECT 1 AS a").await, "a\n1\n");
}

#[tokio::test]
async fn q41_refused_credentials_are_a_502_that_shows_nothing() {
    let postgres = Postgres::shared().await;
    let wrong = "wrong-password-0815";
    for (user, password, database) in
        [("reader", wrong, "shop"), ("nobody", PASSWORD, "shop"), ("absent", PASSWORD, "shop")]
    {
        let mut source = Source::of(postgres, user);
        source.target.database = database.to_owned();
        set_password(&mut source, password);
        let error = source.whole(Csv, "SELECT 1", &[]).await.unwrap_err();
        is_refused(&error, user, password);
    }
    let mut source = Source::of(postgres, "reader");
    source.secrets = Secrets::default();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "bad_settings".to_owned()));
    let mut source = Source::of(postgres, "reader");
    source.target.database = "absent".to_owned();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "database".to_owned()));
}

#[tokio::test]
async fn q43_a_password_is_not_given_away() {
    let named = SqlTls {
        authorities: Some("ca".into()),
        server_name: Some(SERVER_NAME.into()),
        ..SqlTls::of(SslMode::VerifyFull)
    };
    assert_eq!(comes_to("clear", SqlTls::of(SslMode::Disable)).await, "auth_upstream");
    assert_eq!(comes_to("clear", SqlTls::of(SslMode::Require)).await, "auth_upstream");
    assert_eq!(comes_to("clear", named).await, "encrypted");
    assert_eq!(comes_to("weak", SqlTls::of(SslMode::Disable)).await, "auth_upstream");
    assert_eq!(comes_to("weak", SqlTls::of(SslMode::Require)).await, "encrypted");
}

#[tokio::test]
async fn a_session_that_a_token_has_begun_ends_before_it() {
    let mut source = Source::of(Postgres::shared().await, "clear");
    (source.target.rds_iam, source.target.password) = (true, None);
    source.target.statement_timeout = Duration::from_secs(5);
    source.target.tls = SqlTls {
        authorities: Some("ca".into()),
        server_name: Some(SERVER_NAME.into()),
        ..SqlTls::of(SslMode::VerifyFull)
    };
    let session = "SELECT pg_backend_pid() AS p";
    for (holds, is_kept) in [(900, true), (9, false)] {
        let ends = Instant::now() + Duration::from_secs(holds);
        source.token = Some(Token { text: PASSWORD.into(), ends });
        source.rev = Rev::new();
        let sessions = [source.text(Csv, session).await, source.text(Csv, session).await];
        assert_eq!(sessions[0] == sessions[1], is_kept, "{holds} s");
    }
    source.token = None;
    source.rev = Rev::new();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "bad_settings".to_owned()));
}

/// A server that writes these bytes to whoever connects, once it has heard something.
async fn saying(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = [0; 1024];
            if !stream.read(&mut heard).await.is_ok_and(|count| count > 0) {
                continue;
            }
            stream.write_all(bytes).await.ok();
            // Until the client hangs up.
            while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {}
        }
    });
    address
}

#[tokio::test]
async fn what_is_no_postgresql_fails_with_a_cause() {
    for (bytes, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "upstream_protocol"),
        (b"R\0\0\0\x08\0\0\0\x03", "auth_upstream"),
        (b"R\0\0\0\x08\0\0\0\x07", "auth_upstream"),
        (b"R\x7f\xff\xff\xff", "upstream_protocol"),
        (b"Z\0\0\0\x05I", "upstream_protocol"),
    ] {
        let mut source = Source::of(Postgres::shared().await, "reader");
        source.target.place.port = saying(bytes).await.port();
        let (kind, cause) = source.fails(Csv, "SELECT 1").await;
        assert_eq!((kind, &*cause), (Kind::Upstream, expected), "{bytes:?}");
    }
    let mut source = Source::of(Postgres::shared().await, "reader");
    source.target.place.port = saying(b"").await.port();
    source.target.connect_timeout = Duration::from_millis(200);
    assert_eq!(
        source.fails(Csv, "SELECT 1").await,
        (Kind::UpstreamTimeout, "timeout_sql".to_owned())
    );
    source.target.place.port = harness::process::free_address().port();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "connect".to_owned()));
    source.target.place.host = "169.254.169.254".to_owned();
    assert_eq!(source.fails(Csv, "SELECT 1").await, (Kind::Upstream, "denied_egress".to_owned()));
}

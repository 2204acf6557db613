//! What holds of either database.

use std::time::Duration;

use secrecy::SecretString;
use sourcegate_core::{Classify as _, Kind, SqlTls, SslMode};
use sql::Format::{Csv, Json};

use super::asking::Source;

/// What a connection comes to, by account and mode: whether it is encrypted, or the cause of its failure.
pub(super) fn modes(server_name: &str) -> Vec<(&'static str, SqlTls, &'static str)> {
    use SslMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    let of = SqlTls::of;
    let with_ca = |mode| SqlTls { authorities: Some("ca".into()), ..of(mode) };
    let named = |mode, name: &str| SqlTls { server_name: Some(name.into()), ..with_ca(mode) };
    vec![
        ("reader", of(Disable), "plain"),
        ("reader", of(Allow), "plain"),
        ("reader", of(Prefer), "encrypted"),
        ("reader", of(Require), "encrypted"),
        ("tls_only", of(Disable), "auth_upstream"),
        ("tls_only", of(Allow), "encrypted"),
        ("tls_only", of(Prefer), "encrypted"),
        ("reader", with_ca(Require), "encrypted"),
        ("reader", with_ca(VerifyCa), "encrypted"),
        ("reader", named(VerifyCa, "another.test"), "encrypted"),
        ("reader", named(VerifyFull, server_name), "encrypted"),
        ("reader", named(VerifyFull, "another.test"), "tls"),
        ("reader", with_ca(VerifyFull), "tls"),
        ("reader", of(VerifyCa), "tls"),
        ("reader", of(VerifyFull), "tls"),
    ]
}

/// Checks that a password is refused with a text that shows nothing.
#[track_caller]
pub(super) fn is_refused(error: &sql::Error, user: &str, password: &str) {
    let found = (error.kind(), error.cause(), error.public());
    let text = "data source did not accept its credentials".to_owned();
    assert_eq!(found, (Kind::Upstream, Some("auth_upstream"), text), "{user}");
    let printed = format!("{error:?} {error}");
    assert!(!printed.contains(password), "{printed}");
}

/// Puts a password in the place of the one that is right.
pub(super) fn set_password(source: &mut Source, text: &str) {
    let others = source.secrets.iter().filter(|(name, _)| *name != "password");
    let others = others.map(|(name, text)| (name.to_owned(), text.clone()));
    let password = ("password".to_owned(), SecretString::from(text));
    source.secrets = others.chain([password]).collect();
}

/// Holds a lock of a row of `goods` without a session.
pub(super) const HELD: &str =
    "XA START 'held'; UPDATE goods SET price = 1 WHERE id = 1; XA END 'held'; XA PREPARE 'held'";

/// Checks what is said of waiting for that lock, on a server that waits for a second or somewhat more.
pub(super) async fn waits_for_a_lock(source: &Source) {
    for format in [Csv, Json] {
        let error = source.whole(format, "SELECT * FROM goods", &[]).await.unwrap_err();
        let found = (error.kind(), error.cause());
        assert_eq!(found, (Kind::UpstreamTimeout, Some("timeout_lock")), "{error:?}");
        let text = error.public();
        let after = text.strip_prefix("statement waited ");
        let after = after.and_then(|rest| rest.split_once(' ')).map(|(_, rest)| rest);
        assert_eq!(
            after,
            Some("s for a lock that another session of the database holds"),
            "{text}"
        );
    }
}

/// Callers leave at any moment of a short statement, and no cancel ever hits the next one, which has this text.
pub(super) async fn race(source: &Source, short: &str, (next, text): (&str, &str), runs: u64) {
    for run in 0..runs {
        let moment = Duration::from_micros(run * 37 % 4000);
        tokio::time::timeout(moment, source.whole(Json, short, &[])).await.ok();
        let whole = source.whole(Csv, next, &[]).await.expect("the next statement");
        assert_eq!(whole.text, text, "run {run}");
    }
}

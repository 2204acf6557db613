//! What holds of either database.

use std::time::Duration;

use secrecy::SecretString;
use sourcegate_core::{Classify as _, Kind, SqlTls, SslMode};
use sql::Format::{Csv, Json, JsonArrays};

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

/// Numbers that a column fills up, fixes the digits of, or does neither with.
pub(super) const FILLED: &str = "SET sql_mode = '';
CREATE TABLE filled (
  y year, z int(4) zerofill, zb bigint(20) zerofill, zt tinyint(3) zerofill, zf float zerofill, zd double(10, 3) zerofill,
  zn decimal(6, 2) zerofill, f float(7, 2), d double(10, 2), dl double(60, 30), f0 float(5, 0), g double, i int(9)
);
INSERT INTO filled VALUES (0, 7, 7, 7, 1.5, 1.5, 1.5, 1.5, 1.5, 0.1, 2.5, 1.5, 7),
  (1901, 12345, 18446744073709551615, 255, 2.5, 1234567.8915, 1, -1.005, -1.005, 1e20, 99999, 1e20, -7),
  (2024, 0, 0, 0, 0, 0, 0, -0.001, 99999999.99, 1e-30, -0.4, 0, 0),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);";

/// Checks that CSV has of them what the server's own client, asked by `theirs`, gets.
pub(super) async fn fills_numbers_up(source: &Source, theirs: impl Fn(&str) -> String) {
    let mut others = Vec::new();
    for query in [
        "SELECT * FROM filled",
        "SELECT MAX(y), MAX(z), MAX(zf), MAX(zd), MAX(f), MAX(d), MAX(dl), MAX(f0) FROM filled",
        "SELECT y, z, zd, f, COUNT(*) FROM filled GROUP BY y, z, zd, f ORDER BY y, z, zd, f",
        "SELECT COALESCE(y, 1), COALESCE(z, 1), IF(1, z, 0), COALESCE(zd, 1), COALESCE(f, 1), y + 0, z + 0 FROM filled",
        "SELECT z, f FROM filled UNION ALL SELECT z, f FROM filled",
        "SELECT AVG(f), SUM(d), AVG(d), SUM(dl), AVG(f0), SUM(zd), SUM(z), AVG(z) FROM filled",
        "SELECT f * 2, d / 3, ROUND(d, 1), ROUND(g, 1), g + d, -f, ABS(zd) FROM filled",
        "SELECT y, z, d FROM (SELECT DISTINCT y, z, d FROM filled) s ORDER BY z",
    ] {
        let ours = source.text(Csv, query).await;
        let ours: Vec<_> = ours.lines().skip(1).map(|line| line.replace('"', "")).collect();
        let theirs = theirs(query).replace("NULL", "").replace(',', "").replace('\t', ",");
        let ours = ours.iter().map(|line| line.as_str());
        let both = (ours.collect::<Vec<_>>().join("\n"), theirs);
        others.extend((both.0 != both.1).then_some((query, both)));
    }
    assert_eq!(others, []);
    let json = source.text(JsonArrays, "SELECT y, z, zd, f, d, dl FROM filled").await;
    assert!(json.contains("\"rows\":[[0,7,1.5,1.5,1.5,0.1],[1901,12345,"), "{json}");
    let bytes = "SELECT bin, vb, lb, bit4, POINT(1, 2), tx, CAST('a' AS BINARY), CAST(vb AS CHAR(1)), X'' FROM types";
    let point = "\\x000000000101000000000000000000f03f0000000000000040";
    let expected = format!("\\x616200,\\x6162ff,\\x00ff,\\x05,{point},\"a,b\",\\x61,a,\\x");
    assert_eq!(source.text(Csv, bytes).await.lines().nth(1), Some(&*expected));
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

use std::time::Duration;

use super::*;

fn target() -> SqlTarget {
    SqlTarget {
        driver: SqlDriver::Postgres,
        place: SqlPlace { host: "db.example".into(), port: 5432 },
        database: "shop".into(),
        user: "reader".into(),
        password: Some("password".into()),
        tls: SqlTls::of(SslMode::VerifyFull),
        connect_timeout: SQL_CONNECT_TIMEOUT,
        statement_timeout: SQL_STATEMENT_TIMEOUT,
        params: SqlParams::default(),
        rds_iam: false,
        allow_dangerous_role: false,
        most_connections: None,
        most_row_bytes: None,
        most_rows: None,
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut SqlTarget), expected: &Result<(), BadSqlTarget>) {
    let mut changed = target();
    change(&mut changed);
    assert_eq!(changed.check(), *expected);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    check(|_| {}, &Ok(()));
    check(|t| t.tls.skip_verify = true, &Err(BadSqlTarget::VerifyAndSkip("verify-full")));
    check(
        |t| t.tls = SqlTls { authorities: Some("ca".into()), ..SqlTls::of(SslMode::Disable) },
        &Err(BadSqlTarget::TlsUnused),
    );
    check(|t| t.database.clear(), &Err(BadSqlTarget::NoDatabase));
    check(|t| t.user = "a\0b".into(), &Err(BadSqlTarget::Control("user")));
    check(|t| t.database = "d".repeat(1001), &Err(BadSqlTarget::TooLong("database")));
    check(|t| t.connect_timeout = Duration::ZERO, &Err(BadSqlTarget::Timeout("connect_timeout")));
}

#[test]
fn only_secrets_that_are_needed_are_named() {
    let mut target = target();
    target.tls.authorities = Some("ca".into());
    target.tls.client = Some(("cert".into(), "key".into()));
    assert_eq!(target.secrets().collect::<Vec<_>>(), ["password", "ca", "cert", "key"]);
    target.tls.mode = SslMode::Disable;
    assert_eq!(target.secrets().collect::<Vec<_>>(), ["password"]);
}

#[track_caller]
fn check_place(text: &str, expected: Option<(&str, u16)>) {
    let read = SqlPlace::parse(text, SqlDriver::Postgres).ok();
    let read = read.as_ref().map(|place| (place.host.as_str(), place.port));
    assert_eq!(read, expected, "{text:?}");
}

#[test]
fn a_place_is_one_host_and_one_port() {
    check_place("db", Some(("db", 5432)));
    check_place("db.example:6432", Some(("db.example", 6432)));
    check_place("[::1]:6432", Some(("::1", 6432)));
    check_place("::1", Some(("::1", 5432)));
    check_place("[::1]", Some(("::1", 5432)));
    for bad in [
        "",
        ":5432",
        "db:",
        "db:0",
        "db:65536",
        "db:+1",
        "a,b",
        "/run/postgresql",
        "u@db",
        "[db]x",
        "db:1:2",
        "a b",
    ] {
        check_place(bad, None);
    }
}

#[track_caller]
fn check_param(driver: SqlDriver, name: &str, value: &str, expected: Option<&str>) {
    let read = SqlParams::new(driver, [(name, value)]).ok();
    let read = read.as_ref().and_then(|params| params.iter().next().map(|(_, value)| value));
    assert_eq!(read, expected, "{name}={value}");
}

#[test]
fn only_safe_parameters_are_taken() {
    use SqlDriver::{Mariadb, Mysql, Postgres};
    check_param(Postgres, "TimeZone", "Europe/Berlin", Some("Europe/Berlin"));
    check_param(Postgres, "statement_timeout", "100", Some("100"));
    check_param(Postgres, "statement_timeout", "0", Some("0"));
    check_param(Postgres, "statement_timeout", "1 day", None);
    for (limit, expected) in [("0", None), ("999us", None), ("1000us", Some("1000us"))] {
        check_param(Postgres, "lock_timeout", limit, expected);
    }
    check_param(Postgres, "default_transaction_read_only", "off", None);
    check_param(Postgres, "session_preload_libraries", "x", None);
    check_param(Postgres, "role", "postgres", None);
    check_param(Postgres, "search_path", "a\nb", None);
    check_param(Mysql, "parseTime", "true", Some("true"));
    check_param(Mysql, "multiStatements", "true", None);
    check_param(Mysql, "allowAllFiles", "true", None);
    check_param(Mariadb, "tls", "false", None);
    check_param(Mariadb, "allowNativePasswords", "true", Some("true"));
    check_param(Mariadb, "charset", "utf8mb4,utf8", None);
}

#[track_caller]
fn check_options(text: &str, expected: Option<&[(&str, &str)]>) {
    let read = SqlParams::from_options(text).ok();
    let read: Option<Vec<_>> = read.as_ref().map(|params| params.iter().collect());
    assert_eq!(read.as_deref(), expected, "{text:?}");
}

#[test]
fn options_are_a_list_of_parameters() {
    check_options("", Some(&[]));
    check_options("-c statement_timeout=100", Some(&[("statement_timeout", "100")]));
    check_options(
        "-cstatement_timeout=1s --search_path=a,b",
        Some(&[("statement_timeout", "1s"), ("search_path", "a,b")]),
    );
    check_options(r"-c search_path=my\ schema", Some(&[("search_path", "my schema")]));
    check_options("-c default_transaction_read_only=on", Some(&[]));
    for bad in [
        "-c",
        "-c x",
        "-B 4",
        "-c work_mem=1GB",
        "statement_timeout=1",
        "-c default_transaction_read_only=off",
    ] {
        check_options(bad, None);
    }
}

#[test]
fn words_of_modes_and_drivers_read_as_they_print() {
    for mode in SslMode::ALL {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    assert_eq!("postgres".parse(), Ok(SqlDriver::Postgres));
    assert_eq!("verify_full".parse::<SslMode>(), Err(BadSqlTarget::SslMode("verify_full".into())));
    assert_eq!("sqlite".parse::<SqlDriver>(), Err(BadSqlTarget::Driver("sqlite".into())));
}

#[test]
fn times_with_an_offset_need_a_zone_with_one() {
    let refused = |zone: &str| Err(BadSqlTarget::NamedZone(zone.to_owned()));
    for (zone, offset) in [
        ("+00:00", Some(0)),
        ("'+05:30'", Some(330)),
        ("-9:30", Some(-570)),
        ("+14:00", Some(840)),
        ("'utc'", Some(0)),
        ("Etc/UTC", Some(0)),
        ("Europe/Berlin", None),
        ("'SYSTEM'", None),
        ("GMT+2", None),
        ("+15:00", None),
        ("+05:60", None),
        ("+005:30", None),
        ("++5:30", None),
        ("+0530", None),
        ("é", None),
    ] {
        let of = |times: &str| {
            let params = [("time_zone", zone), ("parseTime", times)];
            SqlParams::new(SqlDriver::Mysql, params).unwrap()
        };
        assert_eq!(of("true").offset(), offset, "{zone}");
        let expected = if offset.is_some() { Ok(()) } else { refused(zone) };
        check(|t| (t.driver, t.params) = (SqlDriver::Mysql, of("true")), &expected);
        check(|t| (t.driver, t.params) = (SqlDriver::Mysql, of("false")), &Ok(()));
    }
    assert_eq!(SqlParams::default().offset(), Some(0));
}

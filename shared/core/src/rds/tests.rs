//! Rules and databases on the left, logins on the right.

use super::*;
use crate::{SqlDriver, SqlPlace, SqlTls, SslMode};

const HOST: &str = "db.abc123.eu-west-1.rds.amazonaws.com";

/// A database over TLS that verifies its name.
fn target(host: &str) -> SqlTarget {
    SqlTarget {
        driver: SqlDriver::Postgres,
        place: SqlPlace { host: host.to_owned(), port: 5432 },
        database: "shop".to_owned(),
        user: "reader".to_owned(),
        password: None,
        tls: SqlTls::of(SslMode::VerifyFull),
        connect_timeout: crate::SQL_CONNECT_TIMEOUT,
        statement_timeout: crate::SQL_STATEMENT_TIMEOUT,
        params: crate::SqlParams::default(),
        rds_iam: true,
        allow_dangerous_role: false,
        most_connections: None,
        most_row_bytes: None,
        most_rows: None,
    }
}

fn rule(host: &str, more: &str) -> RdsRules {
    let text = format!(r#"[{{"org":1,"host":"{host}","user":"reader"{more}}}]"#);
    RdsRules::parse(&text).unwrap()
}

fn logged_in(rules: &RdsRules, target: &SqlTarget) -> Option<RdsLogin> {
    rules.login(OrgId::MAIN, target).ok()
}

#[test]
fn a_rule_grants_one_login() {
    let login = logged_in(&rule(HOST, ""), &target(HOST)).unwrap();
    let expected = RdsLogin {
        host: HOST.to_owned(),
        port: 5432,
        user: "reader".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    assert_eq!(login, expected);
}

#[track_caller]
fn check_denied(change: impl FnOnce(&mut SqlTarget)) {
    let mut other = target(HOST);
    change(&mut other);
    let refused = rule(HOST, "").login(OrgId::MAIN, &other);
    assert!(matches!(refused, Err(RdsRefusal::NotGranted { .. })), "{refused:?}");
}

#[test]
fn whatever_it_does_not_name_it_does_not_grant() {
    check_denied(|t| t.user = "Reader".into());
    check_denied(|t| t.user = "reader ".into());
    check_denied(|t| t.user = String::new());
    check_denied(|t| t.place.port = 5433);
    check_denied(|t| t.place.host = "127.0.0.1".into());
    check_denied(|t| t.place.host = format!("x{HOST}"));
    check_denied(|t| t.place.host = format!("x.{HOST}"));
    check_denied(|t| t.place.host = format!("{HOST}.evil.test"));
    check_denied(|t| t.place.host = format!("{HOST}.."));
    let other = OrgId::new(2).unwrap();
    let refused = rule(HOST, "").login(other, &target(HOST)).unwrap_err();
    let said = "organisation 2 may not log in with an RDS token as \"reader\" at \
                db.abc123.eu-west-1.rds.amazonaws.com:5432; whoever runs the gateway can grant that in SOURCEGATE_RDS_IAM, \
                and without rds_iam the password is used";
    assert_eq!(refused.to_string(), said);
}

#[test]
fn names_of_one_host_are_one_host() {
    let login = |written: &str, asked: &str| logged_in(&rule(written, ""), &target(asked));
    let (upper, dotted) = (HOST.to_uppercase(), format!("{HOST}."));
    for (written, asked) in [(HOST, &*upper), (&upper, HOST), (HOST, &dotted), (&dotted, HOST)] {
        assert_eq!(login(written, asked).unwrap().host, HOST, "{written} {asked}");
    }
}

#[test]
fn a_star_is_one_label_of_one_account_and_region() {
    let rules = rule("*.abc123.eu-west-1.rds.amazonaws.com", "");
    let may = |host: &str| logged_in(&rules, &target(host)).is_some();
    assert!(may(HOST) && may("OTHER.abc123.eu-west-1.rds.amazonaws.com."));
    for host in [
        "abc123.eu-west-1.rds.amazonaws.com",
        ".abc123.eu-west-1.rds.amazonaws.com",
        "a.b.abc123.eu-west-1.rds.amazonaws.com",
        "db.xyz789.eu-west-1.rds.amazonaws.com",
        "db.xabc123.eu-west-1.rds.amazonaws.com",
        "db.abc123.eu-west-2.rds.amazonaws.com",
        "db.abc123.eu-west-1.rds.amazonaws.com.cn",
        "*.abc123.eu-west-1.rds.amazonaws.com",
    ] {
        assert!(!may(host), "{host}");
    }
}

#[test]
fn the_port_is_the_drivers_where_none_is_said() {
    let at = |driver, port| {
        let place = SqlPlace { host: HOST.to_owned(), port };
        SqlTarget { driver, place, ..target(HOST) }
    };
    for (more, driver, port, may) in [
        ("", SqlDriver::Postgres, 5432, true),
        ("", SqlDriver::Mysql, 3306, true),
        ("", SqlDriver::Mariadb, 3306, true),
        ("", SqlDriver::Mysql, 5432, false),
        ("", SqlDriver::Postgres, 3306, false),
        (r#","port":5433"#, SqlDriver::Postgres, 5433, true),
        (r#","port":5433"#, SqlDriver::Mysql, 5433, true),
        (r#","port":5433"#, SqlDriver::Postgres, 5432, false),
    ] {
        let login = logged_in(&rule(HOST, more), &at(driver, port));
        assert_eq!(login.map(|login| login.port), may.then_some(port), "{more} {driver:?} {port}");
    }
}

#[test]
fn the_region_is_the_endpoints_or_is_said() {
    let region =
        |host: &str, more: &str| logged_in(&rule(host, more), &target(host)).unwrap().region;
    assert_eq!(region("db.abc.cn-north-1.rds.amazonaws.com.cn", ""), "cn-north-1");
    assert_eq!(region("db.cluster-ro-abc.us-gov-west-1.rds.amazonaws.com", ""), "us-gov-west-1");
    assert_eq!(region("db.test", r#","region":"eu-west-1""#), "eu-west-1");
    assert_eq!(region(HOST, r#","region":"eu-west-1""#), "eu-west-1");
}

#[test]
fn q43_a_login_needs_tls_that_verifies_the_servers_own_name() {
    let with = |change: &dyn Fn(&mut SqlTls)| {
        let mut target = target(HOST);
        change(&mut target.tls);
        rule(HOST, "").login(OrgId::MAIN, &target).map(drop)
    };
    assert_eq!(with(&|tls| tls.authorities = Some("ca".into())), Ok(()));
    assert_eq!(with(&|tls| tls.server_name = Some(HOST.to_uppercase())), Ok(()));
    let refused = Err(RdsRefusal::Tls);
    assert_eq!(with(&|tls| tls.server_name = Some("evil.test".into())), refused);
    assert_eq!(with(&|tls| tls.skip_verify = true), refused);
    use SslMode::{Allow, Disable, Prefer, Require, VerifyCa};
    for mode in [Disable, Allow, Prefer, Require, VerifyCa] {
        let weak = |tls: &mut SqlTls| {
            *tls = SqlTls { authorities: Some("ca".into()), ..SqlTls::of(mode) };
        };
        assert_eq!(with(&weak), refused, "{mode:?}");
    }
}

#[track_caller]
fn check_refusal(text: &str, expected: &str) {
    let refused = RdsRules::parse(text).unwrap_err().to_string();
    assert!(refused.starts_with("SOURCEGATE_RDS_IAM"), "{refused}");
    assert!(refused.contains(expected), "{text}: {refused}");
}

#[test]
fn rules_that_cannot_be_followed_are_refused() {
    check_refusal("", "not a JSON list");
    check_refusal("{}", "not a JSON list");
    check_refusal("[]", "list without a rule");
    let of = |fields: &str| format!(r#"[{{"org":1,"host":"{HOST}","user":"u"}},{{{fields}}}]"#);
    check_refusal(&of(r#""org":1,"host":"h""#), "missing field `user`");
    check_refusal(
        &of(r#""org":1,"host":"h","user":"u","username":"u""#),
        "unknown field `username`",
    );
    check_refusal(&of(r#""org":"1","host":"h","user":"u""#), "invalid type: string \"1\"");
    check_refusal(&of(r#""org":1,"host":"h","user":"u","port":70000"#), "integer `70000`");
    for (org, host, user, more, expected) in [
        (0, HOST, "u", "", "rule 2: org 0 is no number"),
        (1, HOST, "u", r#","port":0"#, "rule 2: port 0 cannot be dialled"),
        (1, HOST, "", "", "rule 2: user \"\" is no name"),
        (1, HOST, "*", "", "rule 2: user \"*\" is no name"),
        (1, HOST, r"a\u0000b", "", "rule 2: user \"a\\0b\" is no name"),
        (1, "db.test", "u", "", "rule 2: host \"db.test\" names no region"),
        (1, "db.rds.amazonaws.com", "u", "", "names no region"),
        (1, "db.test", "u", r#","region":"eu west""#, "rule 2: region \"eu west\" is no name"),
        (
            1,
            HOST,
            "u",
            r#","region":"us-east-1""#,
            "rule 2: region \"us-east-1\" is not that of host",
        ),
    ] {
        let fields = format!(r#""org":{org},"host":"{host}","user":"{user}"{more}"#);
        check_refusal(&of(&fields), expected);
    }
}

#[test]
fn hosts_that_would_be_anybodys_are_refused() {
    for host in [
        "",
        "*",
        "*.",
        "*.com",
        "*.rds.amazonaws.com",
        "*.eu-west-1.rds.amazonaws.com",
        "*.a.abc123.eu-west-1.rds.amazonaws.com",
        "*abc123.eu-west-1.rds.amazonaws.com",
        "*.*.eu-west-1.rds.amazonaws.com",
        "db.*.eu-west-1.rds.amazonaws.com",
        "*.abc123.eu-west-1.rds.amazonaws.com.evil.test",
        "*.db.test",
        "db.test:5432",
        "postgres://db.test",
        "db.test/",
        "a..b",
        "a b",
        "ä.test",
        "[::1]",
    ] {
        let text = format!(r#"[{{"org":1,"host":"{host}","user":"u","region":"eu-west-1"}}]"#);
        check_refusal(&text, "is no endpoint");
    }
}

#[test]
fn without_the_setting_there_are_no_rules() {
    assert_eq!(RdsRules::read(|_| None), Ok(None));
    let get = |name: &str| (name == "SOURCEGATE_RDS_IAM").then(|| "[]".to_owned());
    assert_eq!(RdsRules::read(get), Err(BadRdsRules::None));
}

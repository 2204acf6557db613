use serde_json::json;

use super::*;

fn values(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn secret(spec: &Value) -> SecretSpec {
    Deserialize::deserialize(spec).unwrap()
}

fn basic() -> SecretSpec {
    secret(&json!({ "basicAuth": { "username": "u" } }))
}

fn target(proxy: &Value, spec: &SecretSpec, names: &[&str]) -> SqlTarget {
    SqlProxy::read(proxy).unwrap().target(Some((spec, &values(names)))).unwrap()
}

#[track_caller]
fn refuses(change: &Value, expected: &str) {
    let mut spec = json!({ "driver": "postgres", "host": "h:5432", "database": "d" });
    for (name, value) in change.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let refusal = SqlProxy::read(&spec).unwrap_err().to_string();
    assert!(refusal.starts_with(expected), "{spec}: {refusal}");
}

#[test]
fn perses_case_46_what_is_missing_or_unknown_is_refused() {
    refuses(&json!({ "driver": "" }), "driver is required");
    refuses(&json!({ "driver": "oracle" }), "driver \"oracle\" is not supported");
    refuses(&json!({ "host": "" }), "host cannot be empty");
    refuses(&json!({ "database": "" }), "database cannot be empty");
    refuses(&json!({ "postgres": { "ssl_mode": "notreal" } }), "unknown ssl mode \"notreal\"");
    refuses(&json!({ "host": "u:p@h" }), "host \"…@h\" is not HOST or HOST:PORT");
    refuses(&json!({ "mysql": {} }), "driver postgres and block mysql exclude each other");
    refuses(&json!({ "postgres": {}, "mariadb": {} }), "driver postgres and block mariadb");
    refuses(&json!({ "driver": 1 }), "expected a string");
    let session = json!({ "postgres": { "options": "-c default_transaction_read_only=off" } });
    refuses(&session, "parameter \"default_transaction_read_only\" does not take this value");
}

#[test]
fn a_token_goes_in_the_place_of_a_password() {
    for name in ["rds_iam", "rdsIam"] {
        let spec = json!({ "driver": "postgres", "host": "h", "database": "d", (name): true });
        let found = target(&spec, &basic(), &["basicAuth.password", "tlsConfig.ca"]);
        assert_eq!((found.rds_iam, &found.password), (true, &None), "{name}");
        assert_eq!(found.secrets().collect::<Vec<_>>(), ["tlsConfig.ca"], "{name}");
    }
    refuses(&json!({ "rds_iam": "yes" }), "expected a boolean");
}

#[test]
fn perses_case_47_blocks_of_every_driver_are_accepted() {
    let block = json!({
        "max_conns": 7, "connect_timeout": "5m", "prepare_threshold": 5, "ssl_mode": "require",
        "options": "-c statement_timeout=100",
    });
    let spec = json!({ "host": "h", "database": "d", "postgres": block });
    let found = target(&spec, &basic(), &["basicAuth.password"]);
    assert_eq!((found.driver, found.place.port), (SqlDriver::Postgres, 5432));
    assert_eq!(found.connect_timeout, Duration::from_secs(300));
    assert_eq!((found.most_connections, found.tls.mode), (Some(7), SslMode::Require));
    assert_eq!(found.statement_timeout, Duration::from_millis(100));
    assert_eq!((&*found.user, found.password.as_deref()), ("u", Some("basicAuth.password")));
    for name in ["mysql", "mariadb"] {
        let block = json!({
            "params": { "parseTime": "true", "tls": "preferred" }, "maxAllowedPacket": 4096,
            "timeout": "3s", "readTimeout": 4, "writeTimeout": "5s",
        });
        let spec = json!({ "host": "h", "database": "d", name: block });
        let found = target(&spec, &basic(), &[]);
        assert_eq!((found.driver.as_str(), found.place.port), (name, 3306));
        let times = (found.connect_timeout.as_secs(), found.statement_timeout.as_secs());
        assert_eq!((times, found.most_row_bytes), ((3, 4), Some(4096)));
        assert_eq!((found.tls.mode, found.password), (SslMode::Prefer, None));
    }
}

#[track_caller]
fn check_limit(options: &str, expected: Duration) {
    let block = json!({ "options": options });
    let spec = json!({ "host": "h", "database": "d", "postgres": block });
    let found = target(&spec, &basic(), &[]);
    assert_eq!(found.statement_timeout, expected, "{options}");
    assert_eq!(found.params.get("statement_timeout"), None, "{options}");
}

#[test]
fn the_limit_of_a_statement_is_that_of_the_options() {
    check_limit("", SQL_STATEMENT_TIMEOUT);
    check_limit("-c lock_timeout=5s", SQL_STATEMENT_TIMEOUT);
    check_limit("-c statement_timeout=2500", Duration::from_millis(2500));
    check_limit("-c statement_timeout=500us", Duration::from_micros(500));
    check_limit("-c statement_timeout=700ms", Duration::from_millis(700));
    check_limit("--STATEMENT_TIMEOUT=2s", Duration::from_secs(2));
    check_limit(r"-c statement_timeout=10\ min", Duration::from_secs(600));
    check_limit("-c statement_timeout=1s -c statement_timeout=3s", Duration::from_secs(3));
    for longer in ["0", "0s", "1h", "1d", "901s"] {
        check_limit(&format!("-c statement_timeout={longer}"), LONGEST);
    }
    for bad in ["", "x", "1y", "-1", "1.5s", "1 s s", "25d", "4294967296"] {
        let options = format!("-c statement_timeout={}", bad.replace(' ', "\\ "));
        let value = "parameter \"statement_timeout\" does not take this value";
        refuses(&json!({ "postgres": { "options": options } }), value);
    }
    let value = "parameter \"lock_timeout\" does not take this value";
    refuses(&json!({ "postgres": { "options": "-c lock_timeout=0" } }), value);
}

#[test]
fn perses_2_3_params_that_would_open_the_database_are_refused() {
    for param in ["multiStatements", "allowAllFiles", "allowFallbackToPlaintext"] {
        let block = json!({ "params": { param: "true" } });
        let spec = json!({ "driver": "mysql", "host": "h", "database": "d", "mysql": block });
        let refusal = SqlProxy::read(&spec).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("parameter {param:?} is not offered")), "{refusal}");
    }
    let block = json!({ "params": { "tls": "custom" } });
    let spec = json!({ "driver": "mysql", "host": "h", "database": "d", "mysql": block });
    let refusal = SqlProxy::read(&spec).unwrap_err().to_string();
    assert_eq!(refusal, "parameter \"tls\" does not take this value");
}

#[test]
fn tls_without_a_word_is_what_the_secret_means() {
    let postgres = json!({ "driver": "postgres", "host": "h", "database": "d" });
    let mysql = json!({ "driver": "mysql", "host": "h", "database": "d" });
    let tls = |said: Value| secret(&json!({ "basicAuth": { "username": "u" }, "tlsConfig": said }));
    for (spec, secret, mode) in [
        (&postgres, basic(), SslMode::Prefer),
        (&mysql, basic(), SslMode::VerifyFull),
        (&postgres, tls(json!({})), SslMode::VerifyFull),
        (&postgres, tls(json!({ "insecureSkipVerify": true })), SslMode::Require),
        (&mysql, tls(json!({ "insecureSkipVerify": true })), SslMode::Require),
    ] {
        assert_eq!(target(spec, &secret, &[]).tls.mode, mode, "{spec}");
    }
    let newest = tls(json!({ "minVersion": "TLS13" }));
    assert_eq!(target(&postgres, &newest, &[]).tls.versions.min, crate::TlsVersion::V13);
    let own = tls(json!({ "serverName": "db" }));
    let all = ["tlsConfig.ca", "tlsConfig.cert", "tlsConfig.key", "basicAuth.password"];
    let found = target(&postgres, &own, &all);
    assert_eq!(found.tls.server_name.as_deref(), Some("db"));
    let needed: Vec<_> = found.secrets().collect();
    assert_eq!(needed, ["basicAuth.password", "tlsConfig.ca", "tlsConfig.cert", "tlsConfig.key"]);
}

#[test]
fn perses_2_3_nobody_connects_as_the_user_of_the_process() {
    let spec = json!({ "driver": "postgres", "host": "h", "database": "d" });
    let proxy = SqlProxy::read(&spec).unwrap();
    assert_eq!(proxy.target(None), Err(BadSqlProxy::NoUser));
    let bearer = secret(&json!({ "authorization": {} }));
    assert_eq!(proxy.target(Some((&bearer, &values(&[])))), Err(BadSqlProxy::NoUser));
}

#[test]
fn a_secret_is_bound_to_protocol_host_and_port() {
    let of = |driver: &str, host: &str| {
        let spec = json!({ "driver": driver, "host": host, "database": "d" });
        SqlProxy::read(&spec).unwrap().destination().unwrap()
    };
    assert_eq!(of("postgres", "DB.example."), "postgres://db.example:5432?tls=unsaid");
    assert_eq!(of("mysql", "h:1"), "mysql://h:1");
    assert_eq!(of("mariadb", "h:1"), of("mysql", "h:1"));
    assert_eq!(of("postgres", "[::1]:7"), "postgres://[::1]:7?tls=unsaid");
}

#[test]
fn k05_whoever_asks_for_less_tls_names_another_place() {
    let of = |block: &Value| {
        let mut spec = json!({ "host": "h:1", "database": "d" });
        spec.as_object_mut().unwrap().extend(block.as_object().unwrap().clone());
        SqlProxy::read(&spec).unwrap().destination().unwrap()
    };
    let postgres = |mode: &str| of(&json!({ "postgres": { "ssl_mode": mode } }));
    for (mode, expected) in [("", "?tls=unsaid"), ("verify-full", ""), ("verify-ca", "?tls=ca")] {
        assert_eq!(postgres(mode), format!("postgres://h:1{expected}"));
    }
    for mode in ["require", "prefer", "allow", "disable"] {
        assert_eq!(postgres(mode), "postgres://h:1?tls=any");
    }
    assert_eq!(of(&json!({ "mysql": { "params": { "tls": "true" } } })), "mysql://h:1");
    let weak = of(&json!({ "mariadb": { "params": { "tls": "preferred" } } }));
    assert_eq!(weak, "mysql://h:1?tls=any");
}

#[test]
fn times_and_numbers_are_read_in_every_form() {
    let times = [json!(null), json!(0), json!("0"), json!(""), json!(3), json!("3"), json!("3s")];
    let read = times.map(|value| time("f", &value).unwrap().map_or(0, |time| time.as_secs()));
    assert_eq!(read, [0, 0, 0, 0, 3, 3, 3]);
    assert_eq!(time("f", &json!(u64::MAX)), Ok(Some(LONGEST)));
    assert_eq!(time("f", &json!("1y")), Ok(Some(LONGEST)));
    assert_eq!(time("f", &json!(-1)), Err(BadSqlProxy::Number("f")));
    assert_eq!(number("f", &json!(1.5)), Err(BadSqlProxy::Number("f")));
    assert!(matches!(time("f", &json!("3 seconds")), Err(BadSqlProxy::Duration("f", _))));
}

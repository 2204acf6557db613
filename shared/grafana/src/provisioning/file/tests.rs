//! What a file says, and what is said of one that is bad.

use std::io;

use secrecy::ExposeSecret;

use super::*;

fn parsed(text: &str) -> Result<Config, Vec<Fault>> {
    let env = |name: &str| match name {
        "PORT" => Some("9090".to_owned()),
        "ORG" => Some("7".to_owned()),
        "YES" => Some("true".to_owned()),
        "PASSWORD" => Some("pa$$word".to_owned()),
        _ => None,
    };
    let file = |path: &str| match path {
        "/secret" => Ok("from a file\n".to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    read(text, Outside { env: &env, file: &file }, &Policy::local(None))
}

fn accepted(text: &str) -> Config {
    parsed(text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let faults = parsed(text).map(|_| ()).unwrap_err();
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, expected);
}

/// A file with one data source: these fields, each on a line of its own from line 4 on.
fn with(fields: &str) -> String {
    let fields = fields.replace('\n', "\n    ");
    format!("apiVersion: 1\ndatasources:\n  - name: a\n    type: x\n    {fields}\n")
}

#[test]
fn everything_that_grafana_reads_is_read() {
    let config = accepted(
        r#"
apiVersion: 1
prune: true
deleteDatasources:
  - name: old
    orgId: 2
datasources:
  - name: Metrics
    type: prometheus
    access: direct
    orgId: $ORG
    uid: metrics
    url: http://localhost:${PORT}
    user: u
    database: d
    basicAuth: $YES
    basicAuthUser: bob
    withCredentials: true
    isDefault: true
    jsonData:
      timeInterval: 15s
      keepCookies: [a, $PORT]
      depth: {n: 1.50, on: yes}
    secureJsonData:
      basicAuthPassword: $PASSWORD
      token: $__file{/secret}
      pin: 0012
    version: 3
    editable: true
"#,
    );
    let (removal, entry) = (&config.removals[0], &config.sources[0]);
    assert_eq!((removal.name.as_str(), removal.org.get()), ("old", 2));
    let from = &entry.from;
    assert_eq!((entry.line, from.org.get(), from.prunable, from.editable), (8, 7, true, true));
    assert_eq!(from.uid.as_ref().map(Uid::as_str), Some("metrics"));
    let settings = &from.settings;
    assert_eq!(
        (settings.url.as_str(), settings.access.as_str()),
        ("http://localhost:9090", "direct")
    );
    assert!(settings.basic_auth && settings.with_credentials && from.is_default);
    let json = r#"{"timeInterval":"15s","keepCookies":["a","9090"],"depth":{"n":1.50,"on":true}}"#;
    assert_eq!(settings.json_data.as_str(), json);
    let secrets: Vec<_> = from.secrets.iter().map(|(n, t)| (n, t.expose_secret())).collect();
    let expected = [("basicAuthPassword", "pa$$word"), ("pin", "0012"), ("token", "from a file")];
    assert_eq!(secrets, expected);
    assert_eq!(config.warnings, []);
}

#[test]
fn what_is_left_out_has_grafana_s_defaults() {
    let config = accepted(&with(""));
    let from = &config.sources[0].from;
    assert_eq!((from.org, from.uid.as_ref(), from.editable), (OrgId::MAIN, None, false));
    assert_eq!(from.settings.access, "proxy");
    assert!(!from.is_default && !from.prunable && from.secrets.is_empty());
    assert_eq!(accepted("").sources.len(), 0);
    assert_eq!(accepted("# nothing\n").sources.len(), 0);
    assert_eq!(accepted("apiVersion: 1\ndatasources:\n").sources.len(), 0);
}

#[test]
fn a_uid_is_made_of_the_name_as_contract_1_6_has_it() {
    for (name, uid) in
        [("gdev-testdata", "PD8C576611E62080A"), ("gdev-cloudwatch", "P8045C56BDA891CB2")]
    {
        assert_eq!(uid_of(&SourceName::parse(name).unwrap()).as_str(), uid);
    }
}

#[test]
fn fields_of_the_wrong_kind_are_refused_with_their_lines_all_at_once() {
    refused(
        &with("orgId: one\nbasicAuth: perhaps\njsonData: text\nsecureJsonData: [a]\nurl: {a: 1}"),
        &[
            "line 5: `orgId` must be a whole number",
            "line 9: `url` must be a text",
            "line 6: `basicAuth` must be true or false",
            "line 7: `jsonData` must be a mapping",
            "line 8: `secureJsonData` must be a mapping",
        ],
    );
    refused(&with("editable: ''"), &["line 5: `editable` must be true or false"]);
    refused("apiVersion: 1\ndatasources: {a: 1}", &["line 2: `datasources` must be a list"]);
    refused("[]", &["line 1: `the file` must be a mapping"]);
    refused(
        "datasources: []",
        &["line 1: `apiVersion` must be 1; no other form of this file is read"],
    );
    refused(
        "a: 1\napiVersion: 2",
        &["line 2: `apiVersion` must be 1; no other form of this file is read"],
    );
}

#[test]
fn the_rules_of_the_api_hold_here_too() {
    refused(
        &with("url: http://u:p@h"),
        &["line 5: url has a user or password in it; use basicAuthUser and secureJsonData instead"],
    );
    refused(
        &with("url: http://169.254.169.254"),
        &["line 5: data sources must not be at an address that is link-local"],
    );
    refused(
        &with("uid: a b"),
        &["line 5: uid `a b` must be 1 to 40 characters of a-z, A-Z, 0-9, `_` and `-`"],
    );
    refused(
        "apiVersion: 1\ndatasources:\n  - name: a",
        &["line 3: required value Type must not be empty"],
    );
    refused(
        "apiVersion: 1\ndatasources:\n  - type: a",
        &["line 3: name of 0 bytes must have 1 to 190"],
    );
    refused(
        &with("orgId: 4294967296"),
        &["line 5: organisation `4294967296` is not a number between 1 and 2147483647"],
    );
    refused(
        "apiVersion: 1\ndeleteDatasources:\n  - orgId: 1",
        &["line 3: name of 0 bytes must have 1 to 190"],
    );
}

#[test]
fn no_text_of_a_bad_file_tells_a_secret() {
    for fields in [
        "secureJsonData:\n  password: canary${",
        "secureJsonData:\n  password: $__vault{canary}",
        "secureJsonData:\n  basicAuthPassword: \"canary\\n\"",
        "secureJsonData:\n  password: canary\n  password: canary",
        "secureJsonData:\n  password: [canary]",
        "secureJsonData:\n  password: \"canary",
        "secureJsonData:\n  password: !mine canary",
        "secureJsonData:\n  password: *canary",
    ] {
        let faults = parsed(&with(fields)).map(|_| ()).unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(
            told.iter().all(|told| told.starts_with("line ") && !told.contains("canary")),
            "{told:?}"
        );
    }
}

#[test]
fn what_is_odd_is_warned_of_and_a_secret_s_variable_is_not_named() {
    let config = accepted(&with(
        "basicauth: true\naccess: server\nuser: $NOBODY\nsecureJsonData:\n  password: pa$word",
    ));
    let told: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "line 5: `basicauth` is not read");
    assert_eq!(told[1], "line 6: `access` is neither proxy nor direct, and is taken for proxy");
    assert!(
        told[2].starts_with("line 7: `user` names a variable `NOBODY` that is not set"),
        "{told:?}"
    );
    assert!(
        told[3].starts_with("line 9: `secureJsonData.password` names a variable that is not set"),
        "{told:?}"
    );
    assert_eq!(told.len(), 4);
}

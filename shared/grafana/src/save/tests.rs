//! What may be saved, and what is said of the rest.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sourcegate_core::{Cidr, Classify, Incarnation, LegacyId, OrgId, Rev};

use super::*;

/// A command with the required fields, and others over them.
fn command(fields: &Value) -> Command {
    let mut all = json!({"name": "n", "type": "prometheus", "access": "proxy"});
    let (target, fields) = (all.as_object_mut().unwrap(), fields.as_object().unwrap());
    target.extend(fields.clone());
    serde_json::from_str(&all.to_string()).unwrap()
}

fn saved(fields: &Value, saving: Saving) -> Result<(Draft, Naming), Error> {
    let bound = Bound::of(command(fields))?;
    bound.check_url(&Policy::local(None), saving)?;
    bound.into_draft()
}

fn accepted(fields: &Value) -> Draft {
    saved(fields, Saving::New).unwrap_or_else(|error| panic!("{fields}: {error}")).0
}

#[track_caller]
fn check(fields: &Value, message: &str) -> Error {
    let error = saved(fields, Saving::New).map(drop).unwrap_err();
    assert_eq!(error.words().message, message, "{fields}");
    error
}

#[track_caller]
fn check_typed(fields: &Value, message_id: &str) {
    let error = saved(fields, Saving::New).map(drop).unwrap_err();
    assert_eq!(error.words().message_id, Some(message_id), "{fields}");
    assert_eq!(error.kind(), sourcegate_core::Kind::Invalid);
}

#[test]
fn t06_t07_type_and_access_are_required() {
    for missing in [json!(null), json!("")] {
        check(&json!({"type": missing}), "bad request data");
        check(&json!({"access": missing}), "bad request data");
    }
}

#[test]
fn t12_t13_names_have_at_most_190_bytes() {
    check_typed(&json!({"name": "x".repeat(191)}), "datasource.nameInvalid");
    check_typed(&json!({"name": "é".repeat(100)}), "datasource.nameInvalid");
    check_typed(&json!({"name": "a\0b"}), "datasource.nameInvalid");
    accepted(&json!({"name": "x".repeat(190)}));
}

#[test]
fn p26_odd_names_are_kept_exactly() {
    for name in ["..", "a/b", "%", " leading", "é", "e\u{301}", "😀"] {
        assert_eq!(accepted(&json!({"name": name})).settings.name.as_str(), name);
    }
}

#[test]
fn a_blank_name_asks_for_a_free_one() {
    for blank in [json!(null), json!(""), json!("  ")] {
        let (draft, naming) = saved(&json!({"name": blank}), Saving::New).unwrap();
        assert_eq!((draft.settings.name.as_str(), naming), ("prometheus", Naming::Free));
    }
}

#[test]
fn t14_urls_have_at_most_255_bytes() {
    let url =
        |bytes: usize| json!({"type": "x", "url": format!("http://h/{}", "x".repeat(bytes - 9))});
    check_typed(&url(256), "datasource.urlInvalid");
    accepted(&url(255));
}

#[test]
fn t15_t16_uids_are_forty_plain_characters() {
    for uid in ["a b", "a/b", "*", &"u".repeat(41)] {
        check_typed(&json!({"uid": uid}), "datasource.uidInvalid");
    }
    for uid in ["A-z_09", &"u".repeat(40)] {
        assert_eq!(accepted(&json!({"uid": uid})).uid.unwrap().as_str(), uid);
    }
    assert_eq!(accepted(&json!({"uid": ""})).uid, None);
}

#[track_caller]
fn check_url(type_text: &str, url: &str, cause: Option<&str>) {
    let found = saved(&json!({"type": type_text, "url": url}), Saving::New).map(drop);
    let found = found.err().map(|error| {
        assert_eq!(error.words().message, "Validation error, invalid URL", "{url}");
        error.cause().unwrap()
    });
    assert_eq!(found, cause, "{type_text} {url}");
}

#[test]
fn t18_to_t20_urls_are_judged_when_they_are_there() {
    check_url("prometheus", "invalid:url", Some("bad_url"));
    check_url("prometheus", "://host", Some("bad_url"));
    check_url("prometheus", "http://[::1", Some("bad_url"));
    check_url("prometheus", "http://u:p@h", Some("bad_url"));
    check_url("prometheus", "", None);
    check_url("postgres", "localhost:5432", None);
    check_url("x", "redis://h:6379", None);
    check_url("x", "file:///etc/passwd", Some("bad_url"));
}

#[test]
fn mssql_names_an_instance_with_a_backslash() {
    for url in ["h", "h:1433", r"h\i", r"h\i:1433", r"h\SQL_2$x-1"] {
        check_url("mssql", url, None);
    }
    for url in [r"h\", r"h\i:x", r"h\i\j", r"h\i:", "sqlserver://h", "h/x", r"\i", r"u@h\i"] {
        check_url("mssql", url, Some("bad_url"));
    }
    check_url("mysql", r"h\i", Some("bad_url"));
    check_url("mssql", r"169.254.169.254\i", Some("denied_egress"));
}

#[test]
fn s01_s02_s03_s07_s09_s10_addresses_that_are_never_dialled_are_not_saved() {
    for url in [
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "169.254.170.2",
        "http://169.254.170.23:80",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://1.2.3/",
        "http://0.0.0.0",
        "http://[::]:80",
    ] {
        check_url("prometheus", url, Some("denied_egress"));
    }
}

#[test]
fn s17_s18_s19_s21_s22_s23_s25_s26_what_parsers_read_differently_is_no_url() {
    for url in [
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/",
        r"http:\\169.254.169.254\x",
        r"http://good.example\@169.254.169.254/",
        "http:169.254.169.254",
        "http:///169.254.169.254/",
        "//169.254.169.254",
        "http://h\tx/",
        "http://h/\0",
        "http://good.example/#@169.254.169.254/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:80:80/",
        "http://h:/",
        "http://h:+80/",
    ] {
        check_url("prometheus", url, Some("bad_url"));
    }
}

#[test]
fn the_policy_decides_on_private_addresses() {
    let bound = |url: &str| Bound::of(command(&json!({"url": url}))).unwrap();
    let on_aws = Policy::aws(Vec::<Cidr>::new());
    assert!(matches!(
        bound("http://10.0.0.1").check_url(&on_aws, Saving::New),
        Err(Error::Address(_))
    ));
    assert!(bound("http://10.0.0.1").check_url(&Policy::local(None), Saving::New).is_ok());
    assert!(bound("http://h.example").check_url(&on_aws, Saving::New).is_ok());
}

#[test]
fn t41_an_update_needs_a_url_where_the_type_does() {
    for type_text in ["prometheus", "postgres", "influxdb_08", "mssql"] {
        let error = saved(&json!({"type": type_text}), Saving::Again).map(drop).unwrap_err();
        assert_eq!(error.words().message, "Validation error, invalid URL", "{type_text}");
    }
    for type_text in ["testdata", "cloudwatch", "no-such-plugin"] {
        assert!(saved(&json!({"type": type_text}), Saving::Again).is_ok(), "{type_text}");
    }
}

#[test]
fn t24_team_headers_are_set_elsewhere() {
    let error = check(
        &json!({"jsonData": {"teamHttpHeaders": {}}}),
        "Cannot create datasource with team HTTP headers, need to use updateDatasourceLBACRules API",
    );
    assert_eq!(error.kind(), sourcegate_core::Kind::Forbidden);
    accepted(&json!({"jsonData": {"x": {"teamHttpHeaders": {}}}}));
}

#[test]
fn json_data_is_an_object_and_kept_as_it_came() {
    for bad in [json!([]), json!(1), json!("x"), json!(true)] {
        check(&json!({"jsonData": bad}), "bad request data");
    }
    let text = r#"{"type":"x","access":"proxy","jsonData":{"n" : 12345678901234567890123456789012345678901, "f":1.0}}"#;
    let bound = Bound::of(serde_json::from_str(text).unwrap()).unwrap();
    let kept = r#"{"n" : 12345678901234567890123456789012345678901, "f":1.0}"#;
    assert_eq!(bound.json_data.as_str(), kept);
    assert_eq!(accepted(&json!({})).settings.json_data.as_str(), "{}");
}

#[test]
fn h09_control_characters_in_header_values_are_refused_without_being_told() {
    for value in ["a\r\nX: 1", "a\nb", "a\0", "a\u{7f}", "a\tb"] {
        let error = check(
            &json!({"secureJsonData": {"httpHeaderValue1": value}}),
            "secureJsonData.httpHeaderValue1 has a control character",
        );
        assert_eq!(error.cause(), Some("bad_text"));
    }
    accepted(&json!({"secureJsonData": {"httpHeaderValue1": "Bearer é "}}));
    accepted(&json!({"secureJsonData": {"tlsCACert": "-----BEGIN\n"}}));
}

#[test]
fn users_and_passwords_of_basic_authentication_fit_into_it() {
    let colon = "basicAuthUser has a colon, which no user of basic authentication can have";
    check(&json!({"basicAuthUser": "a:b"}), colon);
    check(&json!({"basicAuthUser": "a\n"}), "basicAuthUser has a control character");
    check(&json!({"user": "a\0"}), "user has a control character");
    check(
        &json!({"secureJsonData": {"basicAuthPassword": "a\n"}}),
        "secureJsonData.basicAuthPassword has a control character",
    );
    accepted(&json!({"secureJsonData": {"basicAuthPassword": "a:b"}}));
}

#[test]
fn h10_headers_that_are_not_the_callers_to_set_are_refused() {
    for name in
        ["Host", "Content-Length", "Transfer-Encoding", "Connection", "", " ", ":path", "X Foo"]
    {
        let error =
            saved(&json!({"url": "http://h", "jsonData": {"httpHeaderName1": name}}), Saving::New);
        let error = error.map(drop).unwrap_err();
        assert!(matches!(error, Error::Header(_)), "{name}: {error}");
        assert_eq!(error.cause(), Some("bad_header"));
    }
    accepted(&json!({"url": "http://h", "jsonData": {"httpHeaderName1": "X-Scope-OrgID"}}));
}

#[test]
fn h11_at_most_a_hundred_headers_are_configured_with_gaps_or_without() {
    let names = |count: usize| -> Value {
        (1..=count).map(|n| (format!("httpHeaderName{n}"), json!("X-A"))).collect()
    };
    accepted(&json!({"url": "http://h", "jsonData": names(100)}));
    let many = json!({"url": "http://h", "jsonData": names(101)});
    assert!(matches!(saved(&many, Saving::New), Err(Error::Header(_))));
    let gap = json!({"httpHeaderName1": "X-A", "httpHeaderName3": "X-B"});
    accepted(&json!({"url": "http://h", "jsonData": gap}));
}

#[test]
fn k23_secrets_and_settings_have_a_largest_size() {
    let message = "secureJsonData.tlsCACert has 65537 bytes; at most 65536 are saved";
    check(&json!({"secureJsonData": {"tlsCACert": "x".repeat(65537)}}), message);
    accepted(&json!({"secureJsonData": {"tlsCACert": "x".repeat(65536)}}));
    let padded = |bytes: usize| json!({"jsonData": {"x": "x".repeat(bytes - 8)}});
    check(&padded(262_145), "jsonData has 262145 bytes; at most 262144 are saved");
    accepted(&padded(262_144));
}

#[test]
fn api_versions_are_versions() {
    for good in ["", "v1", "v0alpha1", "v2beta3"] {
        accepted(&json!({"apiVersion": good}));
    }
    for bad in ["1", "v", "valpha1", "v1alpha", "v1gamma1", "v1 ", "V1"] {
        check_typed(&json!({"apiVersion": bad}), "datasource.apiVersionInvalid");
    }
}

#[test]
fn p27_nobody_chooses_ids_versions_or_who_may_write() {
    let draft = accepted(&json!({"id": 5, "orgId": 2, "version": 99, "readOnly": true}));
    assert_eq!(draft.uid, None);
    assert!(!draft.make_default);
}

fn current() -> Datasource {
    Datasource {
        org: OrgId::MAIN,
        id: LegacyId::new(7).unwrap(),
        uid: Uid::parse("a").unwrap(),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 3,
        read_only: false,
        permissions: None,
        secret_names: std::collections::BTreeSet::new(),
        settings: accepted(&json!({"name": "as it was"})).settings,
    }
}

fn change(fields: &Value) -> Result<Change, Error> {
    Bound::of(command(fields)).unwrap().into_change(&current())
}

#[test]
fn t44_an_update_may_change_the_uid() {
    let uid = |sent: Value| change(&json!({"uid": sent})).unwrap().uid;
    assert_eq!(uid(json!("b")).unwrap().as_str(), "b");
    for same in [json!("a"), json!(""), json!(null)] {
        assert_eq!(uid(same), None);
    }
    for bad in ["a b", "*", &"u".repeat(41)] {
        assert!(matches!(change(&json!({"uid": bad})), Err(Error::Uid(_))), "{bad}");
    }
}

#[test]
fn t36_to_t39_an_update_replaces_all_but_secrets() {
    let changed = change(&json!({"secureJsonData": {"b": "2", "a": ""}, "version": 9})).unwrap();
    assert_eq!(changed.version, Some(9));
    assert!(!changed.make_default);
    assert_eq!(changed.settings.json_data.as_str(), "{}");
    let texts: Vec<_> = changed.secrets.iter().map(|(n, t)| (n, t.expose_secret())).collect();
    assert_eq!(texts, [("a", ""), ("b", "2")]);
    assert!(change(&json!({"secureJsonData": null})).unwrap().secrets.is_empty());
}

#[test]
fn an_update_without_a_name_keeps_it() {
    assert_eq!(change(&json!({"name": ""})).unwrap().settings.name.as_str(), "as it was");
    assert_eq!(change(&json!({"name": "new"})).unwrap().settings.name.as_str(), "new");
}

//! Exact bodies, key order included.

use std::sync::Arc;

use auth::{Identity, Role};
use secrecy::ExposeSecret;
use serde::Serialize;
use sourcegate_core::{Datasource, Incarnation, OrgId, Rev, Settings, SourceName, Uid};

use super::*;

fn stored(type_text: &str, secrets: &[&str]) -> Stored {
    let settings = Settings {
        name: SourceName::parse("a <b> & c").unwrap(),
        type_text: type_text.to_owned(),
        access: "proxy".to_owned(),
        url: "http://h/?a=1&b=2".to_owned(),
        user: "u".to_owned(),
        database: "d".to_owned(),
        basic_auth: true,
        basic_auth_user: "bu".to_owned(),
        with_credentials: true,
        json_data: JsonText::object(r#"{"esVersion":56,"f":1.0,"a":"<"}"#.to_owned()).unwrap(),
        api_version: String::new(),
    };
    let source = Datasource {
        org: OrgId::MAIN,
        id: LegacyId::new(7).unwrap(),
        uid: Uid::parse("u-1").unwrap(),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: None,
        version: 3,
        read_only: false,
        permissions: None,
        secret_names: secrets.iter().map(|name| (*name).to_owned()).collect(),
        settings,
    };
    Stored { source: Arc::new(source), is_default: true }
}

#[track_caller]
fn check(value: &impl Serialize, expected: &str) {
    let text = String::from_utf8(crate::answer::write(value).unwrap()).unwrap();
    assert_eq!(text, expected.replace("\n        ", ""));
}

#[test]
fn list_items_have_the_fields_of_contract_1_2() {
    check(
        &Listed::new(&stored("testdata", &["password"]), Compat::V13),
        r#"{"id":7,"uid":"u-1","orgId":1,"name":"a \u003cb\u003e \u0026 c","type":"grafana-testdata-datasource",
        "typeName":"TestData","typeLogoUrl":"public/app/plugins/datasource/grafana-testdata-datasource/img/testdata.svg",
        "access":"proxy","url":"http://h/?a=1\u0026b=2","user":"u","database":"d","basicAuth":true,"isDefault":true,
        "jsonData":{"esVersion":56,"f":1.0,"a":"\u003c"},"readOnly":false}"#,
    );
}

#[test]
fn t09_an_unknown_type_is_listed_with_the_common_logo() {
    let stored = stored("no-such-plugin", &[]);
    let listed = serde_json::to_value(Listed::new(&stored, Compat::V13)).unwrap();
    assert_eq!(listed["type"], "no-such-plugin");
    assert_eq!(listed["typeName"], "no-such-plugin");
    assert_eq!(listed["typeLogoUrl"], UNKNOWN_LOGO);
    assert_eq!(
        serde_json::to_value(Single::new(&stored, Compat::V13).with_logo()).unwrap()["typeLogoUrl"],
        ""
    );
}

#[test]
fn answers_to_writes_have_the_fields_of_contract_1_3() {
    check(
        &Saved::new(&stored("testdata", &["password", "a"]), "Datasource added", Compat::V13),
        r#"{"datasource":{"id":7,"uid":"u-1","orgId":1,"name":"a \u003cb\u003e \u0026 c","type":"testdata",
        "typeLogoUrl":"","access":"proxy","url":"http://h/?a=1\u0026b=2","user":"u","database":"d","basicAuth":true,
        "basicAuthUser":"bu","withCredentials":true,"isDefault":true,
        "jsonData":{"esVersion":56,"f":1.0,"a":"\u003c"},"secureJsonFields":{"a":true,"password":true},
        "version":3,"readOnly":false,"apiVersion":""},
        "id":7,"message":"Datasource added","name":"a \u003cb\u003e \u0026 c"}"#,
    );
}

#[test]
fn t46_t47_answers_to_delete_have_the_id_or_not() {
    check(&Deleted::new(LegacyId::new(7)), r#"{"id":7,"message":"Data source deleted"}"#);
    check(&Deleted::new(None), r#"{"message":"Data source deleted"}"#);
}

#[test]
fn t30_a_number_stands_alone() {
    check(&Numbered::from(LegacyId::FIRST), r#"{"id":1}"#);
}

#[test]
fn the_older_forms_have_empty_passwords_and_no_api_version() {
    for compat in [Compat::V9, Compat::Amg] {
        check(
            &Single::new(&stored("loki", &[]), compat),
            r#"{"id":7,"uid":"u-1","orgId":1,"name":"a \u003cb\u003e \u0026 c","type":"loki",
        "typeLogoUrl":"","access":"proxy","url":"http://h/?a=1\u0026b=2","password":"","user":"u","database":"d",
        "basicAuth":true,"basicAuthUser":"bu","basicAuthPassword":"","withCredentials":true,"isDefault":true,
        "jsonData":{"esVersion":56,"f":1.0,"a":"\u003c"},"secureJsonFields":{},"version":3,"readOnly":false}"#,
        );
        let listed = serde_json::to_value(Listed::new(&stored("loki", &[]), compat)).unwrap();
        assert_eq!(listed["password"], "");
        assert_eq!(listed.get("basicAuthPassword"), None);
    }
}

#[test]
fn t31_access_is_shown_only_when_asked_for() {
    let stored = stored("loki", &[]);
    let shown = serde_json::to_value(Single::new(&stored, Compat::V13).with_logo()).unwrap();
    assert_eq!(shown.get("accessControl"), None);
    let viewer = Identity::User { id: 3, stay: 0, login: "bob".to_owned() };
    let viewer = Caller::new(viewer, OrgId::MAIN, Role::Viewer);
    let shown = Single::new(&stored, Compat::V13).with_logo().with_access(&viewer, &stored.source);
    let shown = serde_json::to_value(shown).unwrap();
    let expected = serde_json::json!({
        "datasources:query": true, "datasources:read": true, "datasources.id:read": true
    });
    assert_eq!(shown["accessControl"], expected);
}

#[test]
fn absent_and_null_are_the_zero_value_and_unknown_fields_are_ignored() {
    let command: Command = serde_json::from_str(
        r#"{"name":null,"basicAuth":null,"jsonData":null,"secureJsonData":null,"version":null,
            "id":5,"orgId":2,"readOnly":true,"typeName":"x","password":"p","uid":null,"x":{"y":[]}}"#,
    )
    .unwrap();
    assert!(command.name.is_none() && command.json_data.is_none() && command.uid.is_none());
    assert!(command.secure_json_data.is_none() && command.version.is_none());
}

#[test]
fn t22_secrets_are_texts() {
    for bad in ["5", "null", "true", "{}", "[]"] {
        let text = format!(r#"{{"secureJsonData":{{"password":{bad}}}}}"#);
        assert!(serde_json::from_str::<Command>(&text).is_err(), "{bad}");
    }
    let text = r#"{"secureJsonData":{"password":"p\u0041\"","a":""}}"#;
    let secrets = serde_json::from_str::<Command>(text).unwrap().secure_json_data.unwrap();
    assert_eq!(secrets["password"].0.expose_secret(), "pA\"");
    assert_eq!(secrets["a"].0.expose_secret(), "");
}

#[test]
fn k22_a_secret_of_the_wrong_type_is_not_quoted() {
    let error = serde_json::from_str::<SecretText>("[\"canary-4711\"]").err().unwrap();
    assert!(!error.to_string().contains("canary"), "{error}");
}

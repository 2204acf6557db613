//! What is written is read back, and what is damaged is said to be.

use super::*;

pub(crate) fn source() -> Datasource {
    Datasource {
        org: OrgId::MAIN,
        id: LegacyId::new(7).unwrap(),
        uid: Uid::parse("u-1").unwrap(),
        incarnation: Incarnation::new(),
        rev: Rev::new(),
        sec_rev: Some(Rev::new()),
        version: 3,
        read_only: false,
        permissions: Some(Permissions::from_iter([
            (Assignee::Editors, Level::Edit),
            (Assignee::account(7), Level::Admin),
            (Assignee::Account { id: 8, stay: 2 }, Level::Query),
        ])),
        secret_names: BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        settings: Settings {
            name: SourceName::parse("a name").unwrap(),
            type_text: "prometheus".to_owned(),
            access: "proxy".to_owned(),
            url: "http://h".to_owned(),
            user: String::new(),
            database: String::new(),
            basic_auth: true,
            basic_auth_user: "u".to_owned(),
            with_credentials: false,
            json_data: JsonText::object(r#"{"n":1.0,"s":""}"#.to_owned()).unwrap(),
            api_version: String::new(),
        },
    }
}

#[test]
fn a_data_source_is_read_as_it_was_written() {
    let source = source();
    assert_eq!(datasource_of(OrgId::MAIN, &datasource_item(&source)).unwrap(), source);
}

#[test]
fn d17_every_missing_or_mistyped_attribute_is_a_bad_record() {
    let whole = datasource_item(&source());
    let optional = ["secRev", "permissions"];
    for name in whole.keys().filter(|name| *name != "pk") {
        let mut missing = whole.clone();
        missing.remove(name);
        match datasource_of(OrgId::MAIN, &missing) {
            Ok(_) => assert!(optional.contains(&name.as_str()), "{name}"),
            Err(error) => assert!(matches!(error, Error::BadRecord { .. }), "{name}: {error}"),
        }
        let mut mistyped = whole.clone();
        mistyped.insert(name.clone(), AttributeValue::Null(true));
        let error = datasource_of(OrgId::MAIN, &mistyped).unwrap_err();
        assert!(matches!(error, Error::BadRecord { .. }), "{name} mistyped: {error}");
    }
}

#[test]
fn d17_a_later_shape_is_not_read_and_an_extra_attribute_is_no_harm() {
    let mut item = datasource_item(&source());
    item.insert("extra".to_owned(), text("x"));
    assert!(datasource_of(OrgId::MAIN, &item).is_ok());
    item.insert("v".to_owned(), number(2));
    assert!(datasource_of(OrgId::MAIN, &item).is_err());
}

#[test]
fn d18_an_item_over_the_limit_is_refused() {
    let mut item = datasource_item(&source());
    assert!(check_size(&item).is_ok());
    item.insert("jsonData".to_owned(), text("x".repeat(LARGEST_ITEM_BYTES)));
    assert!(matches!(check_size(&item), Err(Error::TooLarge { .. })));
}

//! Data sources, their pointers, sealed values and numbers.

use super::*;
use crate::table::ids_of;

#[test]
fn a_data_source_is_found_by_its_name_and_its_number() {
    let (name, id) = (
        |w: &Whole| Key::name(org(), &w.source.settings.name),
        |w: &Whole| Key::id(org(), w.source.id),
    );
    check_repaired(|w| w.remove(&name(w)), "DS#1 u-1: is not found by its name");
    check_repaired(|w| w.remove(&id(w)), "DS#1 u-1: is not found by its number");
    check_repaired(
        |w| w.set(&name(w), "uid", text("x")),
        "DS#1 u-1: is not found by its name, which leads to `x`",
    );
    let mut whole = Whole::new();
    let damaged = name(&whole);
    whole.set(&damaged, "uid", AttributeValue::Bool(true));
    assert_eq!(whole.told()[0], "NAME#1 a name#a name: is damaged: uid");
    // Removed first, then made again.
    while whole.repair() > 0 {}
    assert_eq!(whole.told(), Vec::<String>::new());
}

#[test]
fn no_pointer_is_without_its_data_source() {
    let stray = Key { table: Table::Registry, pk: ids_of(org()), sk: format!("{:019}", 3) };
    let at = |uid: &'static str| {
        move |w: &mut Whole| w.put(Table::Registry, item(&stray, [("uid", text(uid))]))
    };
    check_repaired(at("gone"), "ID#1 0000000000000000003: leads to `gone`, which is not there");
    let stray = Key { table: Table::Registry, pk: "NAME#1".to_owned(), sk: "z#z".to_owned() };
    let at = |uid: &'static str| {
        move |w: &mut Whole| w.put(Table::Registry, item(&stray, [("uid", text(uid))]))
    };
    check_repaired(at("u-1"), "NAME#1 z#z: leads to `u-1`, which has another name");
}

#[test]
fn two_of_one_name_or_number_are_for_a_person_to_judge() {
    let second = |w: &mut Whole| {
        let uid = sourcegate_core::Uid::parse("u-2").unwrap();
        let other = Datasource {
            uid,
            sec_rev: None,
            secret_names: [].into(),
            incarnation: Incarnation::new(),
            ..w.source.clone()
        };
        w.put(Table::Registry, datasource_item(&other));
    };
    check_told(
        second,
        &[
            "DS#1 u-2: has the name of `u-1` too; change or delete one of them",
            "DS#1 u-2: has the number of `u-1` too; change or delete one of them",
        ],
    );
}

#[test]
fn sealed_values_are_those_that_their_source_names() {
    let sealed = |w: &Whole| Key::sealed(org(), &w.source.uid);
    let whole = check_repaired(
        |w| w.remove(&sealed(w)),
        "DS#1 u-1: names sealed values that are not there",
    );
    let (item, _) = (&whole.items[&Key::datasource(org(), &whole.source.uid)], ());
    let after = crate::item::datasource_of(org(), item).unwrap();
    assert!(
        after.sec_rev.is_none() && after.secret_names.is_empty() && after.rev != whole.source.rev
    );
    check_repaired(
        |w| w.set(&sealed(w), "rev", text(Rev::new())),
        "DS#1 u-1: names another revision of its sealed values than the one that is there",
    );
    check_repaired(
        |w| w.put(Table::Registry, sealed_item(&w.source, &["a"])),
        "DS#1 u-1: names other secrets than those that are sealed",
    );
    check_repaired(
        |w| {
            let key = Key::datasource(org(), &w.source.uid);
            let without = Datasource { sec_rev: None, secret_names: [].into(), ..w.source.clone() };
            w.remove(&key);
            w.put(Table::Registry, datasource_item(&without));
        },
        "SEC#1 DS#u-1: are sealed values of no data source",
    );
    check_told(
        |w| {
            let value = crate::item::bytes(&[&[1][..], &9_u32.to_be_bytes()].concat());
            let values = AttributeValue::M(
                [("a".to_owned(), value.clone()), ("b".to_owned(), value)].into(),
            );
            w.set(&sealed(w), "values", values);
        },
        &[
            "SEC#1 DS#u-1: has a secret `a` that is sealed to no key that is there",
            "SEC#1 DS#u-1: has a secret `b` that is sealed to no key that is there",
        ],
    );
}

#[test]
fn defaults_correlations_and_counters_are_of_what_is_there() {
    check_repaired(
        |w| w.set(&Key::default_source(org()), "id", number(9)),
        "DEFAULT 1: names 9, which no data source has",
    );
    check_repaired(
        |w| {
            let key = Key::correlations(org(), Incarnation::parse(&"a".repeat(32)).unwrap());
            w.put(Table::Registry, item(&key, [("rev", text(Rev::new()))]));
        },
        "CORR#1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: are correlations of no data source",
    );
    check_repaired(
        |w| w.set(&Key::counter(org(), "ds"), "next", number(6)),
        "COUNTER 1#ds: counts 6, and 7 is in use",
    );
    check_repaired(
        |w| w.remove(&Key::counter(org(), "ds")),
        "COUNTER 1#ds: is not there, and 7 is in use",
    );
    check_repaired(
        |w| w.set(&Key::access_counter("account"), "next", number(1)),
        "COUNTER account: counts 1, and 2 is in use",
    );
    check_repaired(
        |w| w.remove(&Key::access_counter("org")),
        "COUNTER org: is not there, and 1 is in use",
    );
}

#[test]
fn a_seal_of_nothing_is_written_as_no_values() {
    // What an update that removes the last secret leaves behind is whole.
    let mut whole = Whole::new();
    let (source, key) = (whole.source.clone(), Key::datasource(org(), &whole.source.uid));
    let without = Datasource { secret_names: [].into(), ..source.clone() };
    whole.remove(&key);
    whole.put(Table::Registry, datasource_item(&without));
    whole.put(Table::Registry, sealed_item(&source, &[]));
    assert_eq!(whole.told(), Vec::<String>::new());
    assert!(Secrets::default().is_empty() && Sealed::of(&sealed_item(&source, &[])).is_ok());
}

#[test]
fn nothing_goes_that_is_of_a_data_source_which_cannot_be_read() {
    let mut whole = Whole::new();
    let key = Key::datasource(org(), &whole.source.uid);
    whole.set(&key, "inc", text("later"));
    let correlations = Key::correlations(org(), whole.source.incarnation);
    assert_eq!(
        whole.told(),
        [
            "DS#1 u-1: is damaged: inc".to_owned(),
            format!("DEFAULT 1: names {}, which no data source has", whole.source.id),
            format!("CORR#1 {}: are correlations of no data source", correlations.sk),
        ]
    );
    assert_eq!(whole.repair(), 0);
    // Its values alone: it does not forget them.
    let mut whole = Whole::new();
    whole.set(&Key::sealed(org(), &whole.source.uid.clone()), "values", text("later"));
    let told = whole.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(whole.repair(), 0);
}

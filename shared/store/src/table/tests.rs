//! Keys: that none reaches another item, that their order is what it should be.

use super::*;

fn name(text: &str) -> Key {
    Key::name(OrgId::MAIN, &SourceName::parse(text).unwrap())
}

#[test]
fn a10_no_name_reaches_another_item() {
    let tricky = ["a", "A", "a#a", "a#A", "A#a", "a%23a", "#", "##", "%", "a#a#a", "İ", "i̇"];
    for (at, one) in tricky.iter().enumerate() {
        for other in &tricky[at + 1..] {
            assert_ne!(name(one), name(other), "{one} {other}");
        }
    }
    assert_ne!(Key::user("a#b").pk, Key::user("a%23b").pk);
}

#[test]
fn names_are_ordered_without_regard_to_case() {
    let mut names = ["ZZZ", "mmm", "BBB", "aaa"].map(name);
    names.sort_by(|one, other| one.sk.cmp(&other.sk));
    assert_eq!(names.map(|key| key.sk), ["aaa#aaa", "bbb#BBB", "mmm#mmm", "zzz#ZZZ"]);
}

#[test]
fn the_longest_name_fits_into_a_sort_key() {
    for text in ["#".repeat(190), "%".repeat(190), "İ".repeat(95)] {
        assert!(name(&text).sk.len() <= 1024, "{}", name(&text).sk.len());
    }
}

#[test]
fn ids_are_ordered_as_numbers() {
    let id = |n| Key::id(OrgId::MAIN, LegacyId::new(n).unwrap()).sk;
    assert!(id(9) < id(10));
    assert!(id(10) < id(i64::MAX));
}

#[test]
fn an_organisation_s_spans_hold_its_items_and_no_other_s() {
    let (ours, others) = (OrgId::new(2).unwrap(), OrgId::new(20).unwrap());
    let uid = Uid::parse("u").unwrap();
    let keys = |org: OrgId| {
        let owner = OwnerId::new(2).unwrap();
        [
            Key::current_key(org),
            Key::numbered_key(org, 1),
            Key::account_token(org, owner, 1),
            Key::service_account(org, owner),
            Key::member(org, "bob"),
            Key::sealed(org, &uid),
            Key::name(org, &SourceName::parse("n").unwrap()),
            Key::id(org, LegacyId::FIRST),
            Key::correlations(org, Incarnation::new()),
            Key::datasource(org, &uid),
            Key::counter(org, "ds"),
        ]
    };
    let spans = spans_of(ours);
    let holds = |key: &Key| {
        let inside = |span: &&Span| {
            span.table == key.table && span.pk == key.pk && key.sk.starts_with(&span.start)
        };
        spans.iter().filter(inside).count()
    };
    assert!(keys(ours).iter().all(|key| holds(key) == 1));
    assert!(keys(others).iter().all(|key| holds(key) == 0));
    let name = OrgName::parse("2#").unwrap();
    let shared = [
        Key::org(ours),
        Key::listed_org(ours),
        Key::org_name(&name),
        Key::sweep(ours),
        Key::default_source(ours),
        Key::user("2"),
        Key::email("2"),
        Key::listed_user(2),
        Key::account_number(2),
        Key::access_counter("org"),
        Key::access_counter("account"),
    ];
    assert!(shared.iter().all(|key| holds(key) == 0), "they go one by one, or stay");
}

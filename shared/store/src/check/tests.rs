//! Tables that hold together, and every way in which they may not.

mod access;
mod documents;
mod registry;

use std::collections::BTreeMap;

use auth::{OwnerId, Role, Token};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Datasource, Incarnation, OrgId, OrgName, Rev, Secrets};

use super::*;
use crate::AccountToken;
use crate::item::tests::source;
use crate::item::{datasource_item, item, number, text};
use crate::keyring::Pair;
use crate::keys::WrappedKey;
use crate::secrets::Sealed;
use crate::users::User;

/// Tables in a folder: one organisation, a user, a service account with a token, a data source with a secret.
struct Whole {
    items: BTreeMap<Key, Item>,
    source: Datasource,
    user: User,
    token: Token,
}

fn org() -> OrgId {
    OrgId::MAIN
}

/// A point of the curve: the generator, uncompressed.
fn point() -> Vec<u8> {
    let hex = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn user() -> User {
    User {
        id: 1,
        login: "Bob".to_owned(),
        name: "Bob".to_owned(),
        email: "Bob@h.test".to_owned(),
        disabled: false,
        is_server_admin: true,
        orgs: [(org(), Role::Editor)].into(),
        org: org(),
        left: BTreeMap::new(),
        created: 1,
        updated: 1,
        rev: Rev::new(),
    }
}

/// Sealed values under names, as an item has them.
fn sealed_item(source: &Datasource, names: &[&str]) -> Item {
    let sealed = [&[1][..], &1_u32.to_be_bytes(), &[0; 70]].concat();
    let value = || crate::item::bytes(&sealed);
    let values = names.iter().map(|name| ((*name).to_owned(), value())).collect();
    let rev = source.sec_rev.map_or_else(String::new, |rev| rev.to_string());
    item(
        &Key::sealed(org(), &source.uid),
        [("rev", text(rev)), ("values", AttributeValue::M(values))],
    )
}

/// A service account and its one token, with the names of both.
fn robot(owner: OwnerId, token: &Token) -> Vec<Item> {
    let account = [
        ("name", text("ci")),
        ("role", text(Role::Viewer)),
        ("disabled", AttributeValue::Bool(false)),
        ("tokens", number(1)),
        ("created", number(1)),
        ("updated", number(1)),
        ("nextToken", number(2)),
        ("deleting", AttributeValue::Bool(false)),
        ("rev", text(Rev::new())),
    ];
    let limits = auth::Limits::default();
    let one =
        AccountToken { number: 1, name: "one".to_owned(), created: 1, limits, last_used: None };
    let mut items = vec![
        item(&Key::service_account(org(), owner), account),
        item(&Key::account_name(org(), "ci"), [("owner", number(owner))]),
        item(&Key::account_number(2), []),
    ];
    items.extend(one.items(token));
    items
}

/// The pointer of an organisation's name.
fn org_name(name: &str) -> Key {
    Key::org_name(&OrgName::parse(name).unwrap())
}

impl Whole {
    fn new() -> Self {
        let source = Datasource { org: org(), ..source() };
        let user = user();
        let owner = OwnerId::new(2).unwrap();
        let (_, token) = Token::generate(org(), owner);
        let mut whole = Self { items: BTreeMap::new(), source: source.clone(), user, token };
        let pair = Pair { public: point(), wrapped: vec![1, 2, 3] };
        let meta = [
            ("name", text("Main Org.")),
            ("deleting", AttributeValue::Bool(false)),
            ("rev", text(Rev::new())),
        ];
        let uid = || [("uid", text(&source.uid))];
        let access = [
            item(&Key::org(org()), meta),
            item(&Key::listed_org(org()), [("name", text("Main Org."))]),
            item(&org_name("Main Org."), [("id", number(1))]),
            item(&Key::access_counter("org"), [("next", number(1))]),
            item(&Key::access_counter("account"), [("next", number(2))]),
            whole.user.item("hash"),
            whole.user.member_item(org(), Role::Editor),
            whole.user.listed_item(),
            item(&Key::email("bob@h.test"), [("login", text("bob"))]),
        ];
        let access = access.into_iter().chain(WrappedKey::items(org(), 1, &pair));
        let access = access.chain(robot(owner, &token));
        let registry = [
            datasource_item(&source),
            item(&Key::name(org(), &source.settings.name), uid()),
            item(&Key::id(org(), source.id), uid()),
            item(&Key::default_source(org()), [("id", number(source.id))]),
            item(&Key::counter(org(), "ds"), [("next", number(source.id))]),
            item(&Key::correlations(org(), source.incarnation), [("rev", text(Rev::new()))]),
            sealed_item(&source, &["a", "b"]),
        ];
        access.for_each(|item| whole.put(Table::Access, item));
        registry.into_iter().for_each(|item| whole.put(Table::Registry, item));
        whole
    }

    fn put(&mut self, table: Table, item: Item) {
        self.items.insert(Key::of(table, &item).unwrap(), item);
    }

    fn remove(&mut self, key: &Key) {
        assert!(self.items.remove(key).is_some(), "{key:?}");
    }

    fn set(&mut self, key: &Key, name: &str, value: AttributeValue) {
        self.items.get_mut(key).unwrap().insert(name.to_owned(), value);
    }

    fn findings(&self) -> Vec<Finding> {
        let items = self.items.iter().map(|(key, item)| (key.table, item.clone())).collect();
        check(&Snapshot { items })
    }

    fn told(&self) -> Vec<String> {
        self.findings().iter().map(ToString::to_string).collect()
    }

    /// Does what the repairs say, as a table would: each only if its conditions hold.
    fn repair(&mut self) -> usize {
        let findings = self.findings();
        let all = findings.iter().filter_map(Finding::writes);
        all.filter(|writes| crate::write::tests::apply(&mut self.items, writes)).count()
    }
}

/// Damages whole tables, and expects one finding; a repair leaves none.
#[track_caller]
fn check_repaired(damage: impl FnOnce(&mut Whole), expected: &str) -> Whole {
    let mut whole = Whole::new();
    damage(&mut whole);
    assert_eq!(whole.told(), [expected]);
    assert_eq!(whole.repair(), 1);
    assert_eq!(whole.told(), Vec::<String>::new(), "after the repair");
    whole
}

/// The same where only a person can tell what to do.
#[track_caller]
fn check_told(damage: impl FnOnce(&mut Whole), expected: &[&str]) {
    let mut whole = Whole::new();
    damage(&mut whole);
    assert_eq!(whole.told(), expected);
    assert_eq!(whole.repair(), 0);
}

#[test]
fn whole_tables_are_found_whole() {
    assert_eq!(Whole::new().told(), Vec::<String>::new());
    assert!(check(&Snapshot::default()).is_empty());
}

#[test]
fn what_is_damaged_or_unknown_is_named_and_no_hash_is_told() {
    check_told(|w| w.set(&Key::datasource(org(), &w.source.uid.clone()), "later", text("x")), &[]);
    let unknown = Key { table: Table::Access, pk: "NEW#1".to_owned(), sk: "x".to_owned() };
    check_told(
        |w| w.put(Table::Access, item(&unknown, [])),
        &["NEW#1 x: is of a kind that this version does not know"],
    );
    let odd = Key { table: Table::Registry, pk: "DS#one".to_owned(), sk: "x".to_owned() };
    check_told(
        |w| w.put(Table::Registry, item(&odd, [])),
        &["DS#one x: is damaged: organisation in its key"],
    );
    let mut whole = Whole::new();
    whole.set(&Key::token(&whole.token.clone()), "owner", text("x"));
    let told = whole.told();
    assert_eq!(told[0], "TOKEN#… -: is damaged: owner");
}

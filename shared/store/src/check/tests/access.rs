//! Users, tokens, keys and organisations.

use super::*;

#[test]
fn users_and_their_lists_say_the_same() {
    check_repaired(
        |w| w.remove(&Key::listed_user(1)),
        "USER#bob -: does not stand as he is in the list of users under 1",
    );
    check_repaired(
        |w| w.remove(&Key::member(org(), "bob")),
        "USER#bob -: does not stand as Editor in the list of organisation 1",
    );
    check_repaired(
        |w| w.set(&Key::member(org(), "bob"), "role", text("Admin")),
        "USER#bob -: does not stand as Editor in the list of organisation 1",
    );
    check_repaired(
        |w| w.put(Table::Access, item(&Key::member(org(), "eve"), [("id", number(9))])),
        "MEMBER#1 eve: names user 9, who does not belong to organisation 1",
    );
    check_repaired(
        |w| w.put(Table::Access, item(&Key::listed_user(9), [("login", text("eve"))])),
        "USERS 0000000009: names `eve`, who has not this number or is not there",
    );
    check_told(
        |w| {
            let twin =
                User { login: "twin".to_owned(), email: String::new(), orgs: [].into(), ..user() };
            w.put(Table::Access, twin.item("hash"));
        },
        &["USER#twin -: has a number, 1, that another has"],
    );
}

#[test]
fn emails_lead_to_their_users() {
    let email = Key::email("bob@h.test");
    check_repaired(|w| w.remove(&email), "USER#bob -: is not found by his email");
    check_repaired(
        |w| w.set(&email, "login", text("eve")),
        "USER#bob -: is not found by his email",
    );
    check_repaired(
        |w| w.put(Table::Access, item(&Key::email("old@h.test"), [("login", text("bob"))])),
        "EMAIL#old@h.test -: leads to `bob`, who has not this email",
    );
}

#[test]
fn service_accounts_have_their_names_and_count_their_tokens() {
    let account = Key::service_account(org(), OwnerId::new(2).unwrap());
    let name = Key::account_name(org(), "ci");
    check_repaired(|w| w.remove(&name), "SA#1 0000000002: has not its name");
    check_repaired(|w| w.set(&name, "owner", number(9)), "SA#1 0000000002: has not its name");
    check_repaired(
        |w| w.put(Table::Access, item(&Key::account_name(org(), "x"), [("owner", number(2))])),
        "SANAME#1 x: is taken by service account 2, which has it not",
    );
    check_repaired(
        |w| w.set(&account, "tokens", number(7)),
        "SA#1 0000000002: counts 7 tokens and has 1",
    );
    check_repaired(
        |w| w.set(&account, "nextToken", number(1)),
        "SA#1 0000000002: counts 1 tokens and has 1",
    );
    let token_name = Key::token_name(org(), "one");
    check_repaired(|w| w.remove(&token_name), "TOKEN#… -: has not its name");
    check_repaired(
        |w| {
            let stray = [("token", text("TOKEN#x")), ("owner", number(2))];
            w.put(Table::Access, item(&Key::token_name(org(), "x"), stray));
        },
        "TOKENNAME#1 x: is the name of no token",
    );
}

/// Repairs until nothing is left to do, and expects whole tables.
#[track_caller]
fn check_mended(damage: impl FnOnce(&mut Whole), expected: &str) {
    let mut whole = Whole::new();
    damage(&mut whole);
    assert!(whole.told().contains(&expected.to_owned()), "{:?}", whole.told());
    while whole.repair() > 0 {}
    assert_eq!(whole.told(), Vec::<String>::new());
}

#[test]
fn tokens_stand_in_the_list_of_their_service_account() {
    let owner = OwnerId::new(2).unwrap();
    let listed = Key::account_token(org(), owner, 1);
    check_mended(
        |w| w.remove(&listed),
        "TOKEN#… -: does not stand in the list of service account 2",
    );
    check_mended(
        |w| w.remove(&Key::token(&w.token.clone())),
        "SATOKEN#1 0000000002#0000000001: names a token that is not there, or is another's",
    );
    check_mended(
        |w| w.remove(&Key::service_account(org(), owner)),
        "TOKEN#… -: is of service account 2, which is not there",
    );
}

#[test]
fn key_pairs_are_there_under_both_names_and_have_a_point() {
    check_repaired(
        |w| w.remove(&Key::current_key(org())),
        "KEY#1 current: is not there: no secret can be saved",
    );
    let numbered = Key::numbered_key(org(), 1);
    let mut whole = Whole::new();
    whole.remove(&numbered);
    assert!(whole.told().contains(&"KEY#1 1: is the current pair's and not there".to_owned()));
    assert_eq!(whole.repair(), 1);
    assert_eq!(whole.told(), Vec::<String>::new());
    check_told(
        |w| w.set(&numbered, "wrapped", crate::item::bytes(&[9])),
        &["KEY#1 current: is another pair than number 1"],
    );
    check_told(
        |w| {
            for key in [&numbered, &Key::current_key(org())] {
                w.set(key, "public", crate::item::bytes(&[4; 65]));
            }
        },
        &["KEY#1 current: has a public key that is none", "KEY#1 1: has a public key that is none"],
    );
}

#[test]
fn organisations_and_their_lists_say_the_same() {
    check_repaired(
        |w| w.set(&Key::listed_org(org()), "name", text("old")),
        "ORG#1 META: does not stand in the list of organisations with its name",
    );
    check_repaired(
        |w| w.remove(&org_name("Main Org.")),
        "ORG#1 META: is not found by its name `Main Org.`",
    );
    check_repaired(
        |w| w.put(Table::Access, item(&org_name("old"), [("id", number(1))])),
        "ORGNAME old: leads to organisation 1, which is not called so",
    );
    check_repaired(
        |w| w.remove(&Key::org(org())),
        "ORG#1 META: is not there, but listed; nobody gets into the organisation",
    );
}

#[test]
fn nothing_is_of_an_organisation_that_is_not_there() {
    let two = OrgId::new(2).unwrap();
    let counter = Key::counter(two, "ds");
    check_repaired(
        |w| w.put(Table::Registry, item(&counter, [("next", number(5))])),
        "COUNTER 2#ds: is of organisation 2, which is not there",
    );
    // One that still has a key has lost more than it should have.
    let pair = Pair { public: point(), wrapped: vec![1] };
    check_told(
        |w| {
            w.put(Table::Registry, item(&counter, [("next", number(5))]));
            WrappedKey::items(two, 1, &pair)
                .into_iter()
                .for_each(|item| w.put(Table::Access, item));
        },
        &[
            "KEY#2 1: is of organisation 2, which is not there",
            "KEY#2 current: is of organisation 2, which is not there",
            "COUNTER 2#ds: is of organisation 2, which is not there",
        ],
    );
    // What is left of one that is being deleted is swept in time, and afterwards there is nothing.
    let deleted = |w: &mut Whole| {
        w.put(Table::Access, item(&Key::org(two), [("deleting", AttributeValue::Bool(true))]));
        w.put(Table::Access, item(&Key::access_counter("org"), [("next", number(2))]));
        w.put(Table::Registry, item(&counter, [("next", number(5))]));
        let mut bob = w.user.clone();
        bob.orgs.insert(two, Role::Viewer);
        w.put(Table::Access, bob.item("hash"));
    };
    let mut whole = Whole::new();
    deleted(&mut whole);
    assert_eq!(
        whole.told(),
        [
            "USER#bob -: belongs to organisation 2, which is not there",
            "COUNTER 2#ds: is of organisation 2, which was deleted",
        ]
    );
    assert_eq!(whole.repair(), 2);
    assert_eq!(whole.told(), Vec::<String>::new());
    let mut whole = Whole::new();
    deleted(&mut whole);
    let sweep = [("round", number(1)), ("due", number(1))];
    whole.put(Table::Access, item(&Key::sweep(two), sweep));
    assert_eq!(whole.told(), Vec::<String>::new());
}

#[test]
fn no_token_goes_that_is_of_a_service_account_which_cannot_be_read() {
    let mut whole = Whole::new();
    whole.set(&Key::service_account(org(), OwnerId::new(2).unwrap()), "role", text("later"));
    let token = Key::token(&whole.token);
    while whole.repair() > 0 {}
    assert!(whole.items.contains_key(&token));
    let mut whole = Whole::new();
    let token = Key::token(&whole.token);
    whole.set(&token, "number", text("later"));
    let listed = |w: &Whole| w.items.keys().filter(|key| key.pk == "SATOKEN#1").count();
    assert_eq!(listed(&whole), 1);
    while whole.repair() > 0 {}
    assert_eq!(listed(&whole), 1);
}

//! Sessions as items, and what becomes of their tokens.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;
use crate::User;

fn session(now: i64) -> (Session, Tokens) {
    let owner = SessionOwner { session: SessionId::new(), user: 7, login: "bob".to_owned() };
    let none = Known { hash: [0; 32], expires: now };
    let new = Session {
        owner,
        password: password_mark("hash"),
        access: Vec::new(),
        refresh: none,
        renewed: now,
        rev: Rev::new(),
    };
    new.renewed(now)
}

fn kept() -> Kept {
    let user = User {
        id: 7,
        login: "bob".to_owned(),
        name: String::new(),
        email: String::new(),
        disabled: false,
        is_server_admin: false,
        orgs: BTreeMap::new(),
        org: OrgId::MAIN,
        left: BTreeMap::new(),
        created: 1,
        updated: 1,
        rev: Rev::new(),
    };
    Kept { user, hash: "hash".to_owned() }
}

#[test]
fn a_session_is_read_as_it_was_written_and_no_token_stands_in_it() {
    let (session, tokens) = session(1_000);
    let item = session.item();
    assert_eq!(Session::of(&item).unwrap(), session);
    let shown = format!("{item:?}");
    for text in [&tokens.access, &tokens.refresh] {
        assert!(!shown.contains(text.expose_secret()));
    }
}

#[test]
fn d17_a_damaged_session_is_a_damaged_record() {
    for name in ["login", "password", "access", "refresh", "expires", "renewed", "rev"] {
        let mut item = session(1_000).0.item();
        item.insert(name.to_owned(), AttributeValue::Bool(true));
        assert!(Session::of(&item).is_err(), "{name}");
    }
}

#[test]
fn earlier_tokens_for_requests_last_till_their_end_and_are_few() {
    let (first, _) = session(1_000);
    let (second, _) = first.renewed(1_000 + ACCESS_SECONDS - 1);
    assert_eq!(second.access.len(), 2);
    assert_ne!(first.refresh.hash, second.refresh.hash);
    let (third, _) = second.renewed(1_000 + ACCESS_SECONDS);
    assert_eq!(third.access[..1], second.access[1..]);
    let many = (0..20).fold(third, |session, _| session.renewed(2_000).0);
    assert_eq!(many.access.len(), MOST_ACCESS);
}

#[test]
fn a_session_ends_with_the_password_the_user_and_his_being_let_in() {
    let (session, _) = session(1_000);
    assert!(session.is_of(&kept()));
    let other = |change: fn(&mut Kept)| {
        let mut kept = kept();
        change(&mut kept);
        session.is_of(&kept)
    };
    assert!(!other(|kept| kept.hash = "another".to_owned()));
    assert!(!other(|kept| kept.user.disabled = true));
    assert!(!other(|kept| kept.user.id = 8));
    assert!(other(|kept| kept.user.name = "Bob".to_owned()));
}

//! What is written when a user changes, comes or goes: every item that names him, in one transaction.

use std::collections::BTreeSet;

use sourcegate_core::OrgId;

use super::{Kept, User};
use crate::item::{Item, item, text};
use crate::table::{Key, Table, folded};
use crate::write::{Condition, Write};

/// What a part of a transaction is there for: it tells what a failed condition means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The user is as he was read.
    User,
    /// Nobody else has his login.
    Login,
    /// Nobody else has his email.
    Email,
    /// His number is new.
    Number,
    /// The organisation is there, and stays.
    Open(OrgId),
    /// Somebody else is administrator.
    Witness,
    /// Nothing can be in the way.
    Plain,
}

/// Lists what is to be written so that a user who was `before` is `after`. None is a user who does not exist.
pub(crate) fn changes(before: Option<&Kept>, after: Option<&Kept>) -> Vec<(Part, Write)> {
    let (old, new) = (before.map(|kept| &kept.user), after.map(|kept| &kept.user));
    let mut writes = own_items(before, after);
    writes.extend(emails(old, new));
    match (old, new) {
        (Some(old), Some(new)) if old.listed_item() == new.listed_item() => {}
        (Some(_), Some(new)) => writes.push((Part::Plain, put(new.listed_item()))),
        (None, Some(new)) => writes.push((Part::Number, made(new.listed_item()))),
        (Some(old), None) => {
            writes.push((Part::Plain, Write::delete(Key::listed_user(old.id))));
        }
        (None, None) => {}
    }
    writes.extend(memberships(old, new));
    writes
}

/// The user's item, which moves with his login.
fn own_items(before: Option<&Kept>, after: Option<&Kept>) -> Vec<(Part, Write)> {
    let key = |kept: &Kept| Key::user(&kept.user.login);
    let unchanged = |kept: &Kept| Condition::Equals("rev", text(kept.user.rev));
    let stays = before.zip(after).is_some_and(|(before, after)| key(before) == key(after));
    let mut writes = Vec::new();
    if let Some(before) = before.filter(|_| !stays) {
        writes.push((Part::User, Write::delete(key(before)).only_if(unchanged(before))));
    }
    if let Some(after) = after {
        let item = after.user.item(&after.hash);
        writes.push(match before.filter(|_| stays) {
            Some(before) => (Part::User, put(item).only_if(unchanged(before))),
            None => (Part::Login, made(item)),
        });
    }
    writes
}

/// The pointer from his email, and the checks that nobody's login is another's email.
fn emails(old: Option<&User>, new: Option<&User>) -> Vec<(Part, Write)> {
    let email = |user: Option<&User>| user.map(|user| folded(&user.email)).unwrap_or_default();
    let login = |user: Option<&User>| user.map(|user| folded(&user.login)).unwrap_or_default();
    let (old_email, new_email) = (email(old), email(new));
    let (old_login, new_login) = (login(old), login(new));
    let ours = |login: &str| Condition::AbsentOrEquals("login", text(login));
    let pointer = || item(&Key::email(&new_email), [("login", text(&new_login))]);
    let mut writes = Vec::new();
    if old_email != new_email {
        if !old_email.is_empty() {
            let gone = Write::delete(Key::email(&old_email)).only_if(ours(&old_login));
            writes.push((Part::User, gone));
        }
        if !new_email.is_empty() {
            writes.push((Part::Email, made(pointer())));
        }
        if ![&String::new(), &old_login, &new_login].contains(&&new_email) {
            let free = Write::check(Key::user(&new_email), Condition::Absent);
            writes.push((Part::Email, free));
        }
    } else if old_login != new_login && !new_email.is_empty() {
        writes.push((Part::User, put(pointer()).only_if(ours(&old_login))));
    }
    let is_new = new.is_some() && old_login != new_login;
    if is_new && ![&old_email, &new_email].contains(&&new_login) {
        writes.push((Part::Login, Write::check(Key::email(&new_login), Condition::Absent)));
    }
    writes
}

/// What the lists of his organisations show, as far as it changes.
fn memberships(old: Option<&User>, new: Option<&User>) -> Vec<(Part, Write)> {
    let orgs = |user: Option<&User>| user.map(|user| user.orgs.clone()).unwrap_or_default();
    let (old_orgs, new_orgs) = (orgs(old), orgs(new));
    let moves = old.zip(new).is_some_and(|(old, new)| folded(&old.login) != folded(&new.login));
    let all: BTreeSet<_> = old_orgs.keys().chain(new_orgs.keys()).copied().collect();
    let mut writes = Vec::new();
    for org in all {
        let (was, is) = (old_orgs.get(&org), new_orgs.get(&org));
        if let Some(old) = old.filter(|_| was.is_some() && (is.is_none() || moves)) {
            writes.push((Part::Plain, Write::delete(Key::member(org, &old.login))));
        }
        if let (Some(new), Some(role)) = (new, is)
            && (was != is || moves)
        {
            writes.push((Part::Plain, put(new.member_item(org, *role))));
        }
    }
    writes
}

fn put(item: Item) -> Write {
    Write::put(Table::Access, item)
}

fn made(item: Item) -> Write {
    put(item).only_if(Condition::Absent)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use std::collections::HashSet;

    use auth::Role;
    use sourcegate_core::Rev;

    use super::*;

    fn kept(login: &str, email: &str, orgs: u32) -> Kept {
        let org = |id: u32| OrgId::new(i64::from(id)).unwrap();
        let user = User {
            id: 7,
            login: login.to_owned(),
            name: String::new(),
            email: email.to_owned(),
            disabled: false,
            is_server_admin: false,
            orgs: (1..=orgs).map(|id| (org(id), Role::Viewer)).collect(),
            org: OrgId::MAIN,
            left: BTreeMap::new(),
            created: 1,
            updated: 1,
            rev: Rev::new(),
        };
        Kept { user, hash: "hash".to_owned() }
    }

    #[test]
    fn no_item_is_written_twice_in_a_transaction() {
        let names = ["a", "A", "b", "a@x", "A@X", "b@x"];
        let emails = ["", "a", "b", "a@x", "b@x"];
        let both = |login| emails.map(|email| kept(login, email, 2));
        let all: Vec<_> = names.into_iter().flat_map(both).map(Some).chain([None]).collect();
        for before in &all {
            for after in &all {
                let writes = changes(before.as_ref(), after.as_ref());
                let places: HashSet<_> = writes.iter().map(|(_, write)| write.place()).collect();
                assert_eq!(places.len(), writes.len(), "{before:?} {after:?}");
            }
        }
    }

    #[track_caller]
    fn check(before: Option<&Kept>, after: Option<&Kept>, most: usize) {
        let count = changes(before, after).len();
        assert!(count <= most, "{count}");
    }

    #[test]
    fn what_changes_fits_into_a_transaction() {
        // One part more is a guard.
        check(Some(&kept("a", "a@x", 45)), Some(&kept("b", "b@x", 45)), 99);
        check(Some(&kept("a", "a@x", 90)), None, 99);
        let many = kept("a", "a@x", 5_000);
        let mut one_less = many.clone();
        one_less.user.orgs.pop_first();
        check(Some(&many), Some(&one_less), 2);
        let mut renamed = many.clone();
        renamed.user.name = "A".to_owned();
        check(Some(&many), Some(&renamed), 2);
    }

    #[test]
    fn a_pointer_from_an_email_follows_the_login() {
        let parts = |before: &Kept, after: &Kept| -> Vec<_> {
            let writes = changes(Some(before), Some(after));
            let places = writes.into_iter().map(|(part, write)| (part, write.place().1));
            places.filter(|(_, pk)| pk.starts_with("EMAIL") || pk.starts_with("USER#")).collect()
        };
        let named = |part, pk: &str| (part, pk.to_owned());
        let (a, b) = (kept("a", "a@x", 0), kept("b", "a@x", 0));
        assert_eq!(
            parts(&a, &b),
            [
                named(Part::User, "USER#a"),
                named(Part::Login, "USER#b"),
                named(Part::User, "EMAIL#a@x"),
                named(Part::Login, "EMAIL#b"),
            ]
        );
        let other = kept("a", "c@x", 0);
        assert_eq!(
            parts(&a, &other),
            [
                named(Part::User, "USER#a"),
                named(Part::User, "EMAIL#a@x"),
                named(Part::Email, "EMAIL#c@x"),
                named(Part::Email, "USER#c@x"),
            ]
        );
    }
}

//! What must hold of users and of organisations' keys.

use std::collections::BTreeSet;

use sourcegate_core::{OrgId, Rev};

use super::facts::Facts;
use super::finding::{Finding, Repair};
use crate::item::{Item, item, number, text};
use crate::seal::PublicKey;
use crate::table::{Key, Table, folded};
use crate::users::{Kept, User};
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[users, emails, members, listed_users, keys];

/// Each user stands in the list of users and in those of his organisations.
fn users(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, (user, _)) in &facts.users {
        if *key != Key::user(&user.login) {
            found.push(Finding::new(key.clone(), "is not where its login says", None));
            continue;
        }
        let listed = facts.listed_users.get(&user.id).copied();
        let login_there = listed.and_then(login_of);
        // Two of one number are another rule's.
        let is_twins = |login: &str| {
            let other = facts.users.get(&Key::user(login));
            login != user.login && other.is_some_and(|(other, _)| other.id == user.id)
        };
        if listed != Some(&user.listed_item()) && !login_there.is_some_and(is_twins) {
            let told = format!("does not stand as he is in the list of users under {}", user.id);
            let before = login_there.map(|login| ("login", text(login)));
            found.push(missing(key, told, (user, user.listed_item(), before)));
        }
        for (org, role) in &user.orgs {
            let there = facts.members.get(&(*org, Key::member(*org, &user.login).sk));
            let item = user.member_item(*org, *role);
            if !facts.is_open(*org) {
                found.extend(expelled(facts, key, *org));
                continue;
            }
            if there.is_some_and(|(_, there)| **there == item) {
                continue;
            }
            let told = format!("does not stand as {role} in the list of organisation {org}");
            let before = there.map(|(id, _)| ("id", number(id)));
            found.push(missing(key, told, (user, item, before)));
        }
    }
}

/// A user of an organisation that is gone. One that is being swept takes its members out of it in time.
fn expelled(facts: &Facts<'_>, key: &Key, org: OrgId) -> Option<Finding> {
    if facts.sweeps.contains(&org) || facts.listed_orgs.contains_key(&org) {
        return None;
    }
    let mut kept = Kept::of(facts.users.get(key)?.1).ok()?;
    let ours = Condition::Equals("rev", text(kept.user.rev));
    kept.user.orgs.remove(&org);
    kept.user.rev = Rev::new();
    let out = Write::put(Table::Access, kept.user.item(&kept.hash)).only_if(ours);
    let told = format!("belongs to organisation {org}, which is not there");
    Some(Finding::new(key.clone(), told, Some(Repair::new("takes him out of it", vec![out]))))
}

fn login_of(item: &Item) -> Option<&str> {
    item.get("login")?.as_s().ok().map(String::as_str)
}

/// Each email leads to its user, and each user is found by his.
fn emails(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let with_one = || facts.users.iter().filter(|(_, (user, _))| !user.email.is_empty());
    for (key, (user, _)) in with_one() {
        let pointer = Key::email(&user.email);
        let there = facts.emails.get(&pointer);
        if there.is_some_and(|login| Key::user(login) == *key) {
            continue;
        }
        let told = "is not found by his email".to_owned();
        let item = item(&pointer, [("login", text(folded(&user.login)))]);
        let before = there.map(|login| ("login", text(login)));
        found.push(missing(key, told, (user, item, before)));
    }
    let wanted: BTreeSet<_> = with_one().map(|(_, (user, _))| Key::email(&user.email)).collect();
    for (key, login) in facts.emails.iter().filter(|(key, _)| !wanted.contains(key)) {
        let told = format!("leads to `{login}`, who has not this email");
        found.push(stray(key.clone(), told, ("login", text(login))));
    }
}

/// A list's entry that follows from a user, and what stands in its place.
type Entry<'a> = (&'a User, Item, Option<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>);

fn missing(key: &Key, told: String, (user, item, before): Entry<'_>) -> Finding {
    let entry = Write::put(Table::Access, item).only_if(match before {
        Some((name, value)) => Condition::Equals(name, value),
        None => Condition::Absent,
    });
    let same = Write::check(key.clone(), Condition::Equals("rev", text(user.rev)));
    let repair = Repair::new("writes the entry", vec![entry, same]);
    Finding::new(key.clone(), told, Some(repair))
}

/// Each member of an organisation is a user who says so.
fn members(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let there: BTreeSet<_> = facts
        .users
        .values()
        .flat_map(|(user, _)| user.orgs.keys().map(|org| (*org, Key::member(*org, &user.login).sk)))
        .collect();
    for (place, (id, _)) in facts.members.iter().filter(|(place, _)| !there.contains(*place)) {
        let key = Key::member(place.0, &place.1);
        let told = format!("names user {id}, who does not belong to organisation {}", place.0);
        found.push(stray(key, told, ("id", number(id))));
    }
}

/// Each entry of the list of users is of a user.
fn listed_users(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let there: BTreeSet<_> = facts.users.values().map(|(user, _)| user.id).collect();
    for (id, item) in facts.listed_users.iter().filter(|(id, _)| !there.contains(id)) {
        let login = login_of(item).unwrap_or_default();
        let told = format!("names `{login}`, who has not this number or is not there");
        found.push(stray(Key::listed_user(*id), told, ("login", text(login))));
    }
}

pub(super) fn stray(
    key: Key,
    told: impl Into<String>,
    (name, value): (&'static str, aws_sdk_dynamodb::types::AttributeValue),
) -> Finding {
    let gone = Write::delete(key.clone()).only_if(Condition::Equals(name, value));
    Finding::new(key, told, Some(Repair::new("removes it", vec![gone])))
}

/// Each organisation has a current key pair that stands under its number, too, and whose public half is one.
fn keys(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (org, _) in facts.orgs.iter().filter(|(_, (org, _))| !org.deleting) {
        let key = Key::current_key(*org);
        let Some((current, item)) = facts.keys.get(&(*org, None)) else {
            let newest = facts.keys.range((*org, Some(0))..=(*org, Some(u32::MAX))).next_back();
            let repair = newest.map(|(_, (_, item))| {
                let mut item = Item::clone(item);
                item.extend(key.attributes());
                let current = Write::put(Table::Access, item).only_if(Condition::Absent);
                Repair::new("makes the newest one current", vec![current])
            });
            found.push(Finding::new(key, "is not there: no secret can be saved", repair));
            continue;
        };
        let numbered_key = Key::numbered_key(*org, current.number);
        match facts.keys.get(&(*org, Some(current.number))) {
            Some((numbered, _)) if same(numbered, current) => {}
            Some(_) => {
                let told = format!("is another pair than number {}", current.number);
                found.push(Finding::new(key, told, None));
            }
            None => {
                let mut item = Item::clone(item);
                item.extend(numbered_key.attributes());
                let numbered = Write::put(Table::Access, item).only_if(Condition::Absent);
                let repair = Repair::new("writes it", vec![numbered]);
                let told = "is the current pair's and not there";
                found.push(Finding::new(numbered_key, told, Some(repair)));
            }
        }
    }
    for ((org, number), (pair, _)) in &facts.keys {
        if PublicKey::parse(pair.number, &pair.public).is_none() {
            let key = match number {
                Some(number) => Key::numbered_key(*org, *number),
                None => Key::current_key(*org),
            };
            found.push(Finding::new(key, "has a public key that is none", None));
        }
    }
}

fn same(one: &crate::WrappedKey, other: &crate::WrappedKey) -> bool {
    one.number == other.number && one.public == other.public && one.wrapped == other.wrapped
}

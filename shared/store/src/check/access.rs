//! What must hold of users, service accounts, tokens and organisations.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::finding::{Finding, Repair};
use super::registry::behind;
use crate::item::{Item, number, text};
use crate::seal::PublicKey;
use crate::table::{Key, Table};
use crate::users::User;
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[users, members, listed_users, account_numbers, tokens, listed_tokens, keys];

/// Each user stands in the list of users and in those of his organisations.
fn users(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (key, (user, _)) in &facts.users {
        if *key != Key::user(&user.login) {
            found.push(Finding::new(key.clone(), "is not where its login says", None));
            continue;
        }
        let listed = facts.listed_users.get(&user.id);
        // Two of one number are another rule's.
        let is_twins = |login: &String| {
            let other = facts.users.get(&Key::user(login));
            login != &user.login && other.is_some_and(|(other, _)| other.id == user.id)
        };
        if listed != Some(&user.login) && !listed.is_some_and(is_twins) {
            let told = format!("does not stand in the list of users under {}", user.id);
            let before = listed.map(|login| ("login", text(login)));
            found.push(missing(key, told, (user, user.listed_item(), before)));
        }
        for (org, role) in &user.orgs {
            let there = facts.members.get(&(*org, Key::member(*org, &user.login).sk));
            let item = user.member_item(*org, *role);
            if there.is_some_and(|(_, there)| **there == item) || !facts.is_open(*org) {
                continue;
            }
            let told = format!("does not stand as {role} in the list of organisation {org}");
            let before = there.map(|(id, _)| ("id", number(id)));
            found.push(missing(key, told, (user, item, before)));
        }
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
    for (id, login) in facts.listed_users.iter().filter(|(id, _)| !there.contains(id)) {
        let told = format!("names `{login}`, who has not this number or is not there");
        found.push(stray(Key::listed_user(*id), told, ("login", text(login))));
    }
}

fn stray(
    key: Key,
    told: impl Into<String>,
    (name, value): (&'static str, aws_sdk_dynamodb::types::AttributeValue),
) -> Finding {
    let gone = Write::delete(key.clone()).only_if(Condition::Equals(name, value));
    Finding::new(key, told, Some(Repair::new("removes it", vec![gone])))
}

/// Users and service accounts share their numbers; each is given once, and the counter is beyond them.
fn account_numbers(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut taken = BTreeSet::new();
    for (key, (user, _)) in &facts.users {
        if !taken.insert(user.id) {
            found.push(Finding::new(
                key.clone(),
                format!("has a number, {}, that another has", user.id),
                None,
            ));
        }
    }
    for ((org, id), (_, item)) in &facts.accounts {
        if !taken.insert(*id) {
            let key = Key::of(Table::Access, item);
            let told = format!("of organisation {org} has a number, {id}, that another has");
            found.extend(key.map(|key| Finding::new(key, told, None)));
        }
    }
    if let Some(largest) = taken.last() {
        found.extend(behind(facts, Key::access_counter("account"), i64::from(*largest)));
    }
}

/// Each token is of a service account and stands in its list: one that nobody sees, nobody revokes.
fn tokens(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pk, token) in &facts.tokens {
        let key = Key { table: Table::Access, pk: pk.clone(), sk: "-".to_owned() };
        let place = (token.org, (token.owner, token.number));
        let told = if !facts.accounts.contains_key(&(token.org, token.owner)) {
            format!("is of service account {}, which is not there", token.owner)
        } else if facts.listed_tokens.get(&place).is_none_or(|(listed, _)| listed != pk) {
            format!("does not stand in the list of service account {}", token.owner)
        } else {
            continue;
        };
        found.push(stray(key, told, ("owner", number(token.owner))));
    }
}

/// Each entry in the lists of tokens is of a token of that place.
fn listed_tokens(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, (owner, serial)), (pk, item)) in &facts.listed_tokens {
        let there = facts.tokens.get(pk);
        if there.is_some_and(|t| (t.org, t.owner, t.number) == (*org, *owner, *serial)) {
            continue;
        }
        let key = Key::of(Table::Access, item);
        let told = "names a token that is not there, or is another's";
        found.extend(key.map(|key| stray(key, told, ("token", text(pk)))));
    }
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

//! What must hold of service accounts and their tokens, and of the numbers that they share with users.

use std::collections::BTreeSet;

use auth::OwnerId;
use sourcegate_core::Rev;

use super::access::stray;
use super::facts::Facts;
use super::finding::{Finding, Repair};
use super::registry::behind;
use crate::ServiceAccount;
use crate::item::{item, number, text};
use crate::table::{Key, Table, account_names_of, token_names_of};
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[numbers, names, stray_names, counts, tokens, listed_tokens, token_names];

/// Each number is given once, and the counter is beyond all.
fn numbers(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut taken = BTreeSet::new();
    let told = |id: u32| format!("has a number, {id}, that another has");
    for (key, (user, _)) in &facts.users {
        if !taken.insert(user.id) {
            found.push(Finding::new(key.clone(), told(user.id), None));
        }
    }
    for ((_, id), (account, _)) in &facts.accounts {
        if !taken.insert(*id) {
            found.push(Finding::new(key(account), told(*id), None));
        }
    }
    taken.extend(&facts.given);
    if let Some(largest) = taken.last() {
        found.extend(behind(facts, Key::access_counter("account"), i64::from(*largest)));
    }
}

fn key(account: &ServiceAccount) -> Key {
    Key::service_account(account.org, account.id)
}

fn unchanged(account: &ServiceAccount) -> Write {
    Write::check(key(account), Condition::Equals("rev", text(account.rev)))
}

/// Each service account has its name.
fn names(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, id), (account, _)) in &facts.accounts {
        let name = account.name_key();
        let there = facts.account_names.get(&(*org, name.sk.clone())).map(|(owner, _)| *owner);
        if there == Some(*id) {
            continue;
        }
        let others = there.and_then(|other| facts.accounts.get(&(*org, other)));
        if others.is_some_and(|(other, _)| other.name_key() == name) {
            let told = format!("has the name of service account {} too", there.unwrap_or_default());
            found.push(Finding::new(key(account), told, None));
            continue;
        }
        let named = Write::put(Table::Access, item(&name, [("owner", number(id))]));
        let named = named.only_if(match there {
            Some(other) => Condition::Equals("owner", number(other)),
            None => Condition::Absent,
        });
        let repair = Repair::new("takes it", vec![named, unchanged(account)]);
        found.push(Finding::new(key(account), "has not its name", Some(repair)));
    }
}

/// Each name is a service account's.
fn stray_names(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let wanted: BTreeSet<_> =
        facts.accounts.values().map(|(account, _)| (account.org, account.name_key().sk)).collect();
    for (place, (owner, _)) in facts.account_names.iter().filter(|(at, _)| !wanted.contains(at)) {
        let pk = account_names_of(place.0);
        let key = Key { table: Table::Access, pk, sk: place.1.clone() };
        let told = format!("is taken by service account {owner}, which has it not");
        found.push(stray(key, told, ("owner", number(owner))));
    }
}

/// Each service account knows how many tokens it has, and gives no number twice.
fn counts(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, id), (account, _)) in &facts.accounts {
        let own = facts.listed_tokens.range((*org, (*id, 0))..=(*org, (*id, u32::MAX)));
        let (mut there, mut next) = (0, account.next_token);
        for ((_, (_, serial)), _) in own {
            there += 1;
            next = next.max(serial.saturating_add(1));
        }
        // One that is being deleted loses them a few at a time.
        if account.deleting || (there, next) == (account.tokens, account.next_token) {
            continue;
        }
        let told = format!("counts {} tokens and has {there}", account.tokens);
        let right =
            ServiceAccount { tokens: there, next_token: next, rev: Rev::new(), ..account.clone() };
        let ours = Condition::Equals("rev", text(account.rev));
        let right = Write::put(Table::Access, right.item()).only_if(ours);
        found.push(Finding::new(key(account), told, Some(Repair::new("counts them", vec![right]))));
    }
}

/// Each token is of a service account and stands in its list: one that nobody sees, nobody revokes.
fn tokens(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (pk, token) in &facts.tokens {
        let place = (token.org, (token.owner, token.number));
        let owner = OwnerId::new(token.owner).map(|id| Key::service_account(token.org, id));
        if owner.is_some_and(|owner| facts.damaged.contains(&owner)) {
            continue;
        }
        let told = if !facts.accounts.contains_key(&(token.org, token.owner)) {
            format!("is of service account {}, which is not there", token.owner)
        } else if facts.listed_tokens.get(&place).is_none_or(|(listed, _)| listed != pk) {
            format!("does not stand in the list of service account {}", token.owner)
        } else {
            continue;
        };
        found.push(stray(Key::stored_token(pk.clone()), told, ("owner", number(token.owner))));
    }
}

/// Each entry in the lists of tokens is of a token of that place.
fn listed_tokens(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, (owner, serial)), (pk, item)) in &facts.listed_tokens {
        let there = facts.tokens.get(pk);
        if there.is_some_and(|t| (t.org, t.owner, t.number) == (*org, *owner, *serial))
            || facts.damaged.contains(&Key::stored_token(pk.clone()))
        {
            continue;
        }
        let key = Key::of(Table::Access, item);
        let told = "names a token that is not there, or is another's";
        found.extend(key.map(|key| stray(key, told, ("token", text(pk)))));
    }
}

/// Each token has its name, and each name is a token's.
fn token_names(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut wanted = BTreeSet::new();
    for (pk, token) in &facts.tokens {
        let place = (token.org, token.name.clone());
        let there = facts.token_names.get(&place).map(|(pk, _)| pk);
        wanted.insert(place);
        let others = there.and_then(|pk| facts.tokens.get(pk));
        if there == Some(pk) || others.is_some_and(|other| other.name == token.name) {
            continue;
        }
        let name = Key::token_name(token.org, &token.name);
        let named = item(&name, [("token", text(pk)), ("owner", number(token.owner))]);
        let named = Write::put(Table::Access, named).only_if(match there {
            Some(other) => Condition::Equals("token", text(other)),
            None => Condition::Absent,
        });
        let same = Key::stored_token(pk.clone());
        let same = Write::check(same.clone(), Condition::Equals("owner", number(token.owner)));
        let repair = Repair::new("takes it", vec![named, same]);
        found.push(Finding::new(Key::stored_token(pk.clone()), "has not its name", Some(repair)));
    }
    for (place, (pk, _)) in facts.token_names.iter().filter(|(at, _)| !wanted.contains(at)) {
        let key = Key { table: Table::Access, pk: token_names_of(place.0), sk: place.1.clone() };
        found.push(stray(key, "is the name of no token", ("token", text(pk))));
    }
}

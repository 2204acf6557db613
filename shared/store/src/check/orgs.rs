//! What must hold of organisations: their lists, and that nothing is of one that is not there.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{OrgId, Rev};

use super::facts::Facts;
use super::finding::{Finding, Repair};
use super::registry::behind;
use crate::entry::seconds_now;
use crate::item::{Record, item, number, text};
use crate::table::{Key, Table};
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[lists, listed, names, numbers, metas, leftovers];

/// The pointer of a name, whatever it is: what is stored is not parsed here.
fn org_name(name: &str) -> Key {
    Key { table: Table::Access, pk: "ORGNAME".to_owned(), sk: name.to_owned() }
}

/// Each organisation stands in the list and is found by its name.
fn lists(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (id, (org, meta)) in &facts.orgs {
        let (key, Some(name)) = (Key::org(*id), &org.name) else { continue };
        let mut missing = |told: String, entry: Write| {
            let mut writes = vec![entry];
            if let Ok(rev) = Record(meta).text("rev") {
                writes.push(Write::check(key.clone(), Condition::Equals("rev", text(rev))));
            }
            let repair = Repair::new("writes the entry", writes);
            found.push(Finding::new(key.clone(), told, Some(repair)));
        };
        let listed = facts.listed_orgs.get(id);
        if listed != Some(name) {
            let entry = item(&Key::listed_org(*id), [("name", text(name))]);
            let entry = Write::put(Table::Access, entry).only_if(match listed {
                Some(listed) => Condition::Equals("name", text(listed)),
                None => Condition::Absent,
            });
            missing("does not stand in the list of organisations with its name".to_owned(), entry);
        }
        match facts.org_names.get(name) {
            Some(there) if there == id => {}
            Some(there)
                if facts.orgs.get(there).is_some_and(|(o, _)| o.name.as_ref() == Some(name)) =>
            {
                let told = format!("has the name of organisation {there} too; rename one of them");
                found.push(Finding::new(key.clone(), told, None));
            }
            there => {
                let entry = item(&org_name(name), [("id", number(id))]);
                let entry = Write::put(Table::Access, entry).only_if(match there {
                    Some(there) => Condition::Equals("id", number(there)),
                    None => Condition::Absent,
                });
                missing(format!("is not found by its name `{name}`"), entry);
            }
        }
    }
}

/// The list names organisations that are there.
fn listed(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (id, name) in &facts.listed_orgs {
        // One without `META` is another rule's.
        if facts.orgs.get(id).is_some_and(|(org, _)| org.deleting) {
            let key = Key::listed_org(*id);
            let gone = Write::delete(key.clone()).only_if(Condition::Equals("name", text(name)));
            let repair = Repair::new("removes it", vec![gone]);
            found.push(Finding::new(key, "is listed and being deleted", Some(repair)));
        }
    }
}

/// Names lead to the organisations that have them.
fn names(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (name, id) in &facts.org_names {
        let has_it = |other: &str| other == name;
        let org = facts.orgs.get(id);
        let is_its = match org {
            Some((org, _)) => org.name.as_deref().is_some_and(has_it),
            None => facts.listed_orgs.get(id).is_some_and(|name| has_it(name)),
        };
        let is_anothers =
            facts.orgs.values().any(|(org, _)| org.name.as_deref().is_some_and(has_it));
        if is_its || is_anothers {
            continue;
        }
        let key = org_name(name);
        let gone = Write::delete(key.clone()).only_if(Condition::Equals("id", number(id)));
        let told = format!("leads to organisation {id}, which is not called so");
        found.push(Finding::new(key, told, Some(Repair::new("removes it", vec![gone]))));
    }
}

/// The counter is beyond all numbers that were given.
fn numbers(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    if let Some((largest, _)) = facts.orgs.last_key_value() {
        found.extend(behind(facts, Key::access_counter("org"), i64::from(largest.get())));
    }
}

/// An organisation that is listed is there.
fn metas(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for (id, name) in facts.listed_orgs.iter().filter(|(id, _)| !facts.orgs.contains_key(id)) {
        let key = Key::org(*id);
        let meta = item(
            &key,
            [
                ("name", text(name)),
                ("deleting", AttributeValue::Bool(false)),
                ("created", number(seconds_now())),
                ("rev", text(Rev::new())),
            ],
        );
        let meta = Write::put(Table::Access, meta).only_if(Condition::Absent);
        let repair = Repair::new(format!("makes it anew as `{name}`"), vec![meta]);
        let told = "is not there, but listed; nobody gets into the organisation";
        found.push(Finding::new(key, told, Some(repair)));
    }
}

/// Nothing is of an organisation that is not there. What is left of one that is being deleted is swept in time.
fn leftovers(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let listed: BTreeSet<OrgId> = facts.listed_orgs.keys().copied().collect();
    for (org, key) in &facts.owners {
        let deleted = facts.orgs.get(org).is_some_and(|(org, _)| org.deleting);
        if deleted && *key != Key::org(*org) && !facts.sweeps.contains(org) {
            let told = format!("is of organisation {org}, which was deleted");
            let repair = Repair::new("removes it", vec![Write::delete(key.clone())]);
            found.push(Finding::new(key.clone(), told, Some(repair)));
            continue;
        }
        if facts.orgs.contains_key(org) || listed.contains(org) {
            continue;
        }
        let has_key = facts.keys.range((*org, None)..=(*org, Some(u32::MAX))).next().is_some();
        // One that still has a key may have lost more than it should have: that is for a person to judge.
        let repair =
            (!has_key).then(|| Repair::new("removes it", vec![Write::delete(key.clone())]));
        let told = format!("is of organisation {org}, which is not there");
        found.push(Finding::new(key.clone(), told, repair));
    }
}

//! What must hold of data sources: their pointers, their sealed values, their default, their numbers.

use std::collections::{BTreeMap, BTreeSet};

use sourcegate_core::{Datasource, OrgId, Rev, Uid};

use super::facts::{Facts, Of};
use super::finding::{Finding, Repair};
use crate::item::{datasource_item, item, number, text};
use crate::table::{Key, Table, ids_of, names_of};
use crate::write::{Condition, Write};

/// Every rule.
pub(super) const RULES: &[fn(&Facts<'_>, &mut Vec<Finding>)] =
    &[names, ids, sealed, defaults, correlations, counters];

fn names(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let key = |source: &Datasource| Key::name(source.org, &source.settings.name);
    pointers(facts, &Pointers { what: "name", pk: names_of, key: &key, all: &facts.names }, found);
}

fn ids(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let key = |source: &Datasource| Key::id(source.org, source.id);
    pointers(facts, &Pointers { what: "number", pk: ids_of, key: &key, all: &facts.ids }, found);
}

/// One of the two families of pointers.
struct Pointers<'f, 'a> {
    what: &'static str,
    pk: fn(OrgId) -> String,
    key: &'f dyn Fn(&Datasource) -> Key,
    all: &'f Of<'a, String, Uid>,
}

/// Each data source is found by its pointer, and each pointer finds the one that it is of.
fn pointers(facts: &Facts<'_>, kind: &Pointers<'_, '_>, found: &mut Vec<Finding>) {
    let what = kind.what;
    for ((org, uid), (source, _)) in &facts.sources {
        let key = (kind.key)(source);
        let there = kind.all.get(&(*org, key.sk.clone())).map(|(uid, _)| uid);
        if there == Some(uid) {
            continue;
        }
        let of = Key::datasource(*org, uid);
        let owner = there.and_then(|other| facts.sources.get(&(*org, other.clone())));
        if let Some((other, _)) = owner.filter(|(other, _)| (kind.key)(other) == key) {
            let told =
                format!("has the {what} of `{}` too; change or delete one of them", other.uid);
            found.push(Finding::new(of, told, None));
            continue;
        }
        let pointer = Write::put(Table::Registry, item(&key, [("uid", text(uid))]));
        let pointer = pointer.only_if(match there {
            Some(other) => Condition::Equals("uid", text(other)),
            None => Condition::Absent,
        });
        let repair = Repair::new("writes the pointer", vec![pointer, unchanged(source)]);
        let told = match there {
            Some(other) => format!("is not found by its {what}, which leads to `{other}`"),
            None => format!("is not found by its {what}"),
        };
        found.push(Finding::new(of, told, Some(repair)));
    }
    let wanted: BTreeSet<_> =
        facts.sources.values().map(|(source, _)| (source.org, (kind.key)(source).sk)).collect();
    for (place, (uid, _)) in kind.all.iter().filter(|(place, _)| !wanted.contains(*place)) {
        if facts.damaged.contains(&Key::datasource(place.0, uid)) {
            continue;
        }
        let key = Key { table: Table::Registry, pk: (kind.pk)(place.0), sk: place.1.clone() };
        let told = if facts.sources.contains_key(&(place.0, uid.clone())) {
            format!("leads to `{uid}`, which has another {what}")
        } else {
            format!("leads to `{uid}`, which is not there")
        };
        let gone = Write::delete(key.clone()).only_if(Condition::Equals("uid", text(uid)));
        found.push(Finding::new(key, told, Some(Repair::new("removes the pointer", vec![gone]))));
    }
}

/// The sealed values of each data source are there, of the revision and the names that it says, to a key that is there.
fn sealed(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, uid), (source, _)) in &facts.sources {
        let values = facts.sealed.get(&(*org, uid.clone())).map(|(sealed, _)| sealed);
        let key = Key::datasource(*org, uid);
        if facts.damaged.contains(&Key::sealed(*org, uid)) {
            continue;
        }
        let (Some(rev), Some(values)) = (source.sec_rev, values) else {
            if source.sec_rev.is_some() {
                let told = "names sealed values that are not there";
                found.push(Finding::new(key, told, Some(forgotten(source, None))));
            } else if !source.secret_names.is_empty() {
                let told = "names secrets and no sealed values";
                found.push(Finding::new(key, told, Some(forgotten(source, None))));
            }
            continue;
        };
        if values.rev != rev {
            let told = "names another revision of its sealed values than the one that is there";
            found.push(Finding::new(key, told, Some(forgotten(source, Some(values.rev)))));
            continue;
        }
        if !values.names().eq(source.secret_names.iter()) {
            let names = values.names().cloned().collect();
            let named = Datasource { rev: Rev::new(), secret_names: names, ..source.clone() };
            let writes = vec![replaced(source, &named)];
            let told = "names other secrets than those that are sealed";
            let repair = Repair::new("names those that are sealed", writes);
            found.push(Finding::new(key.clone(), told, Some(repair)));
        }
        for name in values.names() {
            let pair = values.key_number(name);
            if pair.is_none_or(|pair| !facts.keys.contains_key(&(*org, Some(pair)))) {
                let told = format!("has a secret `{name}` that is sealed to no key that is there");
                found.push(Finding::new(Key::sealed(*org, uid), told, None));
            }
        }
    }
    for ((org, uid), (values, _)) in &facts.sealed {
        let owner = facts.sources.get(&(*org, uid.clone()));
        if owner.is_some_and(|(source, _)| source.sec_rev.is_some())
            || facts.damaged.contains(&Key::datasource(*org, uid))
        {
            continue;
        }
        let key = Key::sealed(*org, uid);
        let ours = Condition::Equals("rev", text(values.rev));
        let repair = Repair::new("removes them", vec![Write::delete(key.clone()).only_if(ours)]);
        found.push(Finding::new(key, "are sealed values of no data source", Some(repair)));
    }
}

/// What is left to do where secrets are lost.
fn forgotten(source: &Datasource, sealed: Option<Rev>) -> Repair {
    let without = Datasource {
        rev: Rev::new(),
        sec_rev: None,
        secret_names: BTreeSet::new(),
        ..source.clone()
    };
    let mut writes = vec![replaced(source, &without)];
    if let Some(rev) = sealed {
        let values = Write::delete(Key::sealed(source.org, &source.uid));
        writes.push(values.only_if(Condition::Equals("rev", text(rev))));
    }
    Repair::new("forgets its secrets, so that they can be sent again", writes)
}

/// The default of an organisation is one of its data sources.
fn defaults(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    for ((org, ()), (id, _)) in &facts.defaults {
        if facts.sources.values().any(|(source, _)| source.org == *org && source.id == *id) {
            continue;
        }
        let key = Key::default_source(*org);
        let ours = Condition::Equals("id", number(id));
        let repair = Repair::new("removes it", vec![Write::delete(key.clone()).only_if(ours)]);
        let repair = Some(repair).filter(|_| !facts.has_damaged_source(*org));
        found.push(Finding::new(key, format!("names {id}, which no data source has"), repair));
    }
}

/// Correlations start from a data source that is there.
fn correlations(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let there: BTreeSet<_> =
        facts.sources.values().map(|(source, _)| (source.org, source.incarnation)).collect();
    for (place, (rev, _)) in facts.correlations.iter().filter(|(place, _)| !there.contains(*place))
    {
        let key = Key::correlations(place.0, place.1);
        let ours = Condition::Equals("rev", text(rev));
        let repair = Repair::new("removes them", vec![Write::delete(key.clone()).only_if(ours)]);
        let repair = Some(repair).filter(|_| !facts.has_damaged_source(place.0));
        found.push(Finding::new(key, "are correlations of no data source", repair));
    }
}

/// No number is given twice: counters are beyond those that are in use.
fn counters(facts: &Facts<'_>, found: &mut Vec<Finding>) {
    let mut largest: BTreeMap<OrgId, i64> = BTreeMap::new();
    for (source, _) in facts.sources.values() {
        let known = largest.entry(source.org).or_default();
        *known = source.id.get().max(*known);
    }
    for (org, largest) in largest {
        found.extend(behind(facts, Key::counter(org, "ds"), largest));
    }
}

/// Tells whether a counter is behind a number that is in use.
pub(super) fn behind(facts: &Facts<'_>, key: Key, largest: i64) -> Option<Finding> {
    let last = facts.counters.get(&key).copied();
    if last.is_some_and(|last| last >= largest) {
        return None;
    }
    let counter = Write::put(key.table, item(&key, [("next", number(largest))]));
    let counter = counter.only_if(match last {
        Some(last) => Condition::Equals("next", number(last)),
        None => Condition::Absent,
    });
    let told = match last {
        Some(last) => format!("counts {last}, and {largest} is in use"),
        None => format!("is not there, and {largest} is in use"),
    };
    Some(Finding::new(key, told, Some(Repair::new("counts on from there", vec![counter]))))
}

fn unchanged(source: &Datasource) -> Write {
    let key = Key::datasource(source.org, &source.uid);
    Write::check(key, Condition::Equals("rev", text(source.rev)))
}

fn replaced(before: &Datasource, after: &Datasource) -> Write {
    let ours = Condition::Equals("rev", text(before.rev));
    Write::put(Table::Registry, datasource_item(after)).only_if(ours)
}

//! A token's limits as its items hold them. What cannot be read limits to nothing: the item is damaged.

use std::collections::HashMap;
use std::sync::Arc;

use auth::{Action, Grant, Limits, Scope};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Cidr, Incarnation};

use crate::Error;
use crate::item::{Item, Record, number, text};

/// Writes limits into an item: nothing for a token that has none.
pub(crate) fn write(limits: &Limits, item: &mut Item) {
    if let Some(expires) = limits.expires {
        item.insert("expires".to_owned(), number(expires));
    }
    if !limits.are_any() {
        return;
    }
    let grants = limits.grants.as_ref().map(|all| all.iter().map(grant_value).collect());
    let networks = limits.networks.as_ref().map(|all| all.iter().map(text).collect());
    let lists = [("grants", grants), ("networks", networks)];
    let lists = lists.into_iter().filter_map(|(name, list)| Some((name, list?)));
    let lists = lists.map(|(name, list)| (name, AttributeValue::L(list)));
    let all = lists.chain([("readOnly", AttributeValue::Bool(limits.read_only))]);
    let all = all.map(|(name, value)| (name.to_owned(), value)).collect();
    item.insert("limits".to_owned(), AttributeValue::M(all));
}

fn grant_value(grant: &Grant) -> AttributeValue {
    let source = match grant.scope {
        Scope::All => None,
        Scope::Source(incarnation) => Some(("inc", text(incarnation))),
    };
    let words = [("action", text(grant.action)), ("words", text(&grant.words))];
    let all = words.into_iter().chain(source).map(|(name, value)| (name.to_owned(), value));
    AttributeValue::M(all.collect())
}

/// Reads what [`write`] wrote.
pub(crate) fn read(record: &Record<'_>) -> Result<Limits, Error> {
    let expires = record.optional_number("expires")?;
    let Some(value) = record.0.get("limits") else {
        return Ok(Limits { expires, ..Limits::default() });
    };
    let read = || {
        let all = value.as_m().ok()?;
        let grants = optional_list(all, "grants", grant_of)?;
        let networks = optional_list(all, "networks", network_of)?;
        let read_only = *all.get("readOnly")?.as_bool().ok()?;
        Some(Limits { grants, networks, read_only, expires })
    };
    read().ok_or_else(|| record.bad("limits"))
}

type Map = HashMap<String, AttributeValue>;

/// Reads a list that may be absent; none if it is there and damaged.
fn optional_list<T>(
    all: &Map,
    name: &str,
    one: fn(&AttributeValue) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    match all.get(name) {
        None => Some(None),
        Some(value) => value.as_l().ok()?.iter().map(one).collect::<Option<_>>().map(Some),
    }
}

fn grant_of(value: &AttributeValue) -> Option<Grant> {
    let all = value.as_m().ok()?;
    let part = |name: &str| all.get(name)?.as_s().ok();
    let scope = match all.get("inc") {
        None => Scope::All,
        Some(_) => Scope::Source(Incarnation::parse(part("inc")?)?),
    };
    let words = Arc::from(part("words")?.as_str());
    Some(Grant { action: Action::parse(part("action")?)?, scope, words })
}

fn network_of(value: &AttributeValue) -> Option<Cidr> {
    value.as_s().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let (one, words) = (Scope::Source(Incarnation::new()), Arc::from("datasources:name:ä#b"));
        let query = Grant { action: Action::Query, scope: one, words };
        let orgs = Grant { action: Action::ReadMembers, scope: Scope::All, words: Arc::from("") };
        Limits {
            grants: Some(vec![query, orgs]),
            networks: Some(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]),
            read_only: true,
            expires: Some(17),
        }
    }

    fn written(limits: &Limits) -> Item {
        let mut item = Item::new();
        write(limits, &mut item);
        item
    }

    #[test]
    fn what_is_written_is_read_back() {
        let all = limits();
        for limits in [
            Limits::default(),
            Limits { expires: Some(9), ..Limits::default() },
            Limits { grants: Some(Vec::new()), ..Limits::default() },
            Limits { networks: None, ..all.clone() },
            Limits { grants: None, read_only: false, ..all.clone() },
            all,
        ] {
            assert_eq!(read(&Record(&written(&limits))).unwrap(), limits);
        }
        assert!(written(&Limits::default()).is_empty());
    }

    #[test]
    fn d17_damaged_limits_are_a_damaged_record_and_not_none() {
        let damages: [fn(&mut Map); 7] = [
            |all| drop(all.remove("readOnly")),
            |all| drop(all.insert("readOnly".to_owned(), text("true"))),
            |all| drop(all.insert("grants".to_owned(), text("all"))),
            |all| drop(all.insert("grants".to_owned(), AttributeValue::L(vec![text("all")]))),
            |all| drop(all.insert("networks".to_owned(), AttributeValue::L(vec![text("x")]))),
            |all| first_grant(all, "action", "datasources:*"),
            |all| first_grant(all, "inc", "0"),
        ];
        for (at, damage) in damages.into_iter().enumerate() {
            let mut item = written(&limits());
            let Some(AttributeValue::M(all)) = item.get_mut("limits") else { panic!("no limits") };
            damage(all);
            assert!(read(&Record(&item)).is_err(), "{at}");
        }
        let mut item = written(&limits());
        item.insert("limits".to_owned(), AttributeValue::Bool(false));
        assert!(read(&Record(&item)).is_err());
    }

    fn first_grant(all: &mut Map, name: &str, value: &str) {
        let Some(AttributeValue::L(grants)) = all.get_mut("grants") else { panic!("no grants") };
        let Some(AttributeValue::M(grant)) = grants.first_mut() else { panic!("no grant") };
        grant.insert(name.to_owned(), text(value));
    }
}

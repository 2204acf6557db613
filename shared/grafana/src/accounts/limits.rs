//! From the limits that a token is asked to have, in Grafana's language of actions and scopes (contract 6.1), to those that
//! are kept with it.

use std::collections::HashMap;
use std::sync::Arc;

use auth::{Action, Caller, Grant, Limits, Scope};
use sourcegate_core::{Cidr, LegacyId, Reference, SourceName, Uid};
use store::{Store, Stored};

use super::error::{BadLimits, Error, is_grantable};
use crate::wire::token::{AskedLimits, AskedPermission};

/// How many permissions a token can have.
const MOST_PERMISSIONS: usize = 100;

/// How many networks a token can be used from.
const MOST_NETWORKS: usize = 50;

/// What a scope means, before it is known whether it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meant {
    Nothing,
    All,
    Source(Reference),
}

/// One permission that can be read.
struct Permission {
    action: Action,
    meant: Meant,
    words: Arc<str>,
}

/// Reads limits. A data source is found now, and its incarnation kept: one that is made later under its uid, name or number
/// is another one (`faults.md` P31).
pub(super) async fn read(
    store: &Store,
    caller: &Caller,
    asked: AskedLimits,
) -> Result<Limits, web::Error> {
    let permissions = asked.permissions.map(permissions).transpose()?;
    let networks = asked.networks.map(|all| networks(&all)).transpose()?;
    let grants = match permissions {
        Some(all) => Some(grants(store, caller, all).await?),
        None => None,
    };
    let read_only = asked.read_only.unwrap_or_default();
    Ok(Limits { grants, networks, read_only, expires: None })
}

fn permissions(asked: Vec<AskedPermission>) -> Result<Vec<Permission>, Error> {
    count("permissions", asked.len(), MOST_PERMISSIONS)?;
    Ok(asked.into_iter().enumerate().map(permission).collect::<Result<_, _>>()?)
}

fn permission((at, asked): (usize, AskedPermission)) -> Result<Permission, BadLimits> {
    let value = asked.action.unwrap_or_default();
    let action = Action::parse(&value).filter(|action| is_grantable(*action));
    let action = action.ok_or(BadLimits::Action { at, value })?;
    let value = asked.scope.unwrap_or_default();
    let Some(meant) = meant(&value) else { return Err(BadLimits::Scope { at, value }) };
    let goes_together = match &meant {
        Meant::Nothing => !action.is_of_source(),
        Meant::All if value == "*" => true,
        Meant::All => action.is_about_sources(),
        Meant::Source(_) => action.is_of_source(),
    };
    if !goes_together {
        return Err(BadLimits::ScopeOfAction { at, value, action });
    }
    Ok(Permission { action, meant, words: value.into() })
}

fn meant(scope: &str) -> Option<Meant> {
    match scope {
        "" => return Some(Meant::Nothing),
        "*" | "datasources:*" => return Some(Meant::All),
        _ => {}
    }
    let (kind, value) = scope.strip_prefix("datasources:")?.split_once(':')?;
    let reference = match (kind, value) {
        ("uid" | "id" | "name", "*") => return Some(Meant::All),
        ("uid", uid) => Uid::parse(uid).ok().map(Reference::Uid),
        ("id", id) => LegacyId::parse(id).ok().map(Reference::Id),
        ("name", name) => SourceName::parse(name).ok().map(Reference::Name),
        _ => None,
    };
    reference.map(Meant::Source)
}

fn networks(asked: &[String]) -> Result<Vec<Cidr>, Error> {
    count("networks", asked.len(), MOST_NETWORKS)?;
    let one = |(at, text): (usize, &String)| {
        text.parse().map_err(|fault| BadLimits::Network { at, fault })
    };
    Ok(asked.iter().enumerate().map(one).collect::<Result<_, _>>()?)
}

fn count(what: &'static str, count: usize, limit: usize) -> Result<(), BadLimits> {
    match count {
        0 => Err(BadLimits::Empty(what)),
        _ if count > limit => Err(BadLimits::TooMany { what, count, limit }),
        _ => Ok(()),
    }
}

async fn grants(
    store: &Store,
    caller: &Caller,
    all: Vec<Permission>,
) -> Result<Vec<Grant>, web::Error> {
    let mut found: HashMap<Reference, Option<Stored>> = HashMap::new();
    let mut grants = Vec::with_capacity(all.len());
    for (at, Permission { action, meant, words }) in all.into_iter().enumerate() {
        let scope = match meant {
            Meant::Nothing | Meant::All => Scope::All,
            Meant::Source(wanted) => {
                if !found.contains_key(&wanted) {
                    found.insert(wanted.clone(), store.find(caller.org(), &wanted).await?);
                }
                let source = found.get(&wanted).and_then(Option::as_ref).map(|one| &one.source);
                // Who may do it knows of it, though he may not read it.
                let seen = source.filter(|source| {
                    caller.may(Action::Read, source) || caller.may(action, source)
                });
                let value = || words.to_string();
                let seen = seen.ok_or_else(|| BadLimits::NoSource { at, value: value() });
                Scope::Source(seen.map_err(Error::Limits)?.incarnation)
            }
        };
        grants.push(Grant { action, scope, words });
    }
    Ok(grants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(action: &str, scope: &str) -> AskedPermission {
        AskedPermission { action: Some(action.to_owned()), scope: Some(scope.to_owned()) }
    }

    #[track_caller]
    fn check(action: &str, scope: &str, expected: &str) {
        let read = permission((3, asked(action, scope)));
        let found = read.map_or_else(|error| error.to_string(), |one| format!("{:?}", one.meant));
        assert!(found.starts_with(expected), "{action} {scope}: {found}");
    }

    #[test]
    fn scopes_are_read_as_contract_6_1_has_them() {
        let query = "datasources:query";
        check(query, "datasources:uid:abc", r#"Source(Uid(Uid("abc")))"#);
        check(query, "datasources:id:7", "Source(Id(LegacyId(7)))");
        check(query, "datasources:name:a: b/*", r#"Source(Name(SourceName("a: b/*")))"#);
        for all in
            ["*", "datasources:*", "datasources:uid:*", "datasources:id:*", "datasources:name:*"]
        {
            check(query, all, "All");
        }
        check("datasources:create", "", "Nothing");
        check("datasources:create", "datasources:*", "All");
        check("serviceaccounts:write", "", "Nothing");
        check("serviceaccounts:write", "*", "All");
    }

    #[test]
    fn what_is_unknown_is_told_with_what_is_accepted() {
        let action = "limits.permissions[3].action `datasources:qery` is unknown; accepted are datasources:read, datasources:query, ";
        check("datasources:qery", "*", action);
        check("", "*", "limits.permissions[3].action `` is unknown");
        // What no role gives, and what gives others rights, no limited token may ever do.
        for action in ["users:create", "serviceaccounts:create", "datasources.permissions:write"] {
            check(action, "*", &format!("limits.permissions[3].action `{action}` is unknown"));
        }
        for scope in [
            "datasources",
            "datasources:",
            "datasources:uid",
            "datasources:uid:",
            "datasources:uid:a b",
            "datasources:uid:**",
            "datasources:id:0",
            "datasources:id:-1",
            "datasources:name:",
            "datasources:type:x",
            "dashboards:*",
            "Datasources:*",
            " ",
        ] {
            let told = format!(
                "limits.permissions[3].scope `{scope}` is unknown; accepted are datasources:uid:<uid>"
            );
            check("datasources:query", scope, &told);
        }
    }

    #[test]
    fn a_scope_goes_with_its_action() {
        let told =
            "limits.permissions[3].scope `` does not go with datasources:query; accepted are";
        check("datasources:query", "", told);
        for (action, scope) in [
            ("datasources:create", "datasources:uid:a"),
            ("serviceaccounts:write", "datasources:*"),
            ("org.users:read", "datasources:uid:a"),
        ] {
            let told = format!("limits.permissions[3].scope `{scope}` does not go with {action}");
            check(action, scope, &told);
        }
    }

    #[test]
    fn lists_have_one_entry_at_least_and_not_too_many() {
        let many = |count: usize| (0..count).map(|_| asked("datasources:read", "*")).collect();
        assert!(permissions(many(1)).is_ok() && permissions(many(MOST_PERMISSIONS)).is_ok());
        for (count, told) in [(0, "must not be empty"), (101, "has 101 entries; at most 100")] {
            let error = permissions(many(count)).err().unwrap().to_string();
            assert!(error.contains(told), "{error}");
        }
        let some = |count: usize| vec!["10.0.0.1".to_owned(); count];
        assert!(networks(&some(MOST_NETWORKS)).is_ok());
        for (count, told) in [(0, "must not be empty"), (51, "has 51 entries; at most 50")] {
            let error = networks(&some(count)).err().unwrap().to_string();
            assert!(error.contains(told), "{error}");
        }
        let error = networks(&["10.0.0.0/8".to_owned(), "10.0.0.1/8".to_owned()]).err().unwrap();
        let told = "limits.networks[1]: `10.0.0.1/8` names an address inside a network";
        assert!(error.to_string().starts_with(told), "{error}");
    }
}

//! The families of items, one row each: where they are, and how their items are read.
//!
//! A new kind of item is a row here and, if others have to agree with it, a rule.

use sourcegate_core::{
    DocumentId, DocumentKind, DocumentName, Incarnation, LegacyId, OrgId, Rev, Uid,
};

use super::documents::Bound;
use super::facts::{Facts, Org, Token};
use crate::Error;
use crate::ServiceAccount;
use crate::documents::{document_of, local_of};
use crate::item::{Item, Record, datasource_of};
use crate::keys::WrappedKey;
use crate::orgs::Sweep;
use crate::secrets::Sealed;
use crate::sessions::Session;
use crate::table::{Key, Table, bound_of, dashboard_of, default_of, kind_of, prefix_of, secret_of};
use crate::users::User;

/// A family of items.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) table: Table,
    /// The partition key up to its first `#`.
    pub(super) name: &'static str,
    /// Where its organisation stands.
    pub(super) org: Where,
    /// Whether everything in it follows from other items, so that a damaged one may be removed and is made again.
    pub(super) follows: bool,
    read: Read,
}

/// Where in its key an item names its organisation.
#[derive(Clone, Copy)]
pub(super) enum Where {
    Partition,
    /// The sort key, up to its first `#`.
    Sort,
    Nowhere,
}

type Read = for<'a> fn(&mut Facts<'a>, &Row<'a>) -> Result<(), Error>;

/// An item on its way into the facts.
pub(super) struct Row<'a> {
    pub(super) key: Key,
    pub(super) item: &'a Item,
    org: OrgId,
}

impl<'a> Row<'a> {
    fn record(&self) -> Record<'a> {
        Record(self.item)
    }

    fn sk(&self) -> String {
        self.key.sk.clone()
    }
}

const fn row(table: Table, name: &'static str, org: Where, read: Read) -> Family {
    Family { table, name, org, follows: false, read }
}

const fn following(family: Family) -> Family {
    Family { follows: true, ..family }
}

use Table::{Access, Registry, Scratch};
use Where::{Nowhere, Partition, Sort};

/// All that there are.
pub(super) const FAMILIES: &[Family] = &[
    row(Registry, "DS", Partition, |facts, row| {
        let source = datasource_of(row.org, row.item)?;
        facts.sources.insert((row.org, source.uid.clone()), (source, row.item));
        Ok(())
    }),
    row(Registry, "PERSES", Partition, |facts, row| match kind_of(Registry, &row.key.sk) {
        Some(kind) => document(facts, row, kind),
        None => beside_document(facts, row),
    }),
    row(Registry, "SEC", Partition, |facts, row| {
        if let Some(id) = secret_of(&row.key.sk) {
            let values = (row.org, id, Sealed::of(row.item)?);
            facts.documents.values.insert(row.key.clone(), values);
            return Ok(());
        }
        let uid = row.key.sk.strip_prefix("DS#").and_then(|uid| Uid::parse(uid).ok());
        let uid = uid.ok_or_else(|| row.record().bad("sk"))?;
        facts.sealed.insert((row.org, uid), (Sealed::of(row.item)?, row.item));
        Ok(())
    }),
    following(row(Registry, "NAME", Partition, |facts, row| {
        facts.names.insert((row.org, row.sk()), (uid_of(row)?, row.item));
        Ok(())
    })),
    following(row(Registry, "ID", Partition, |facts, row| {
        facts.ids.insert((row.org, row.sk()), (uid_of(row)?, row.item));
        Ok(())
    })),
    row(Registry, "DEFAULT", Sort, |facts, row| {
        let id = LegacyId::new(row.record().number("id")?);
        let id = id.ok_or_else(|| row.record().bad("id"))?;
        facts.defaults.insert((row.org, ()), (id, row.item));
        Ok(())
    }),
    row(Registry, "CORR", Partition, |facts, row| {
        let source = Incarnation::parse(&row.key.sk).ok_or_else(|| row.record().bad("sk"))?;
        let rev = Rev::parse(row.record().text("rev")?).ok_or_else(|| row.record().bad("rev"))?;
        facts.correlations.insert((row.org, source), (rev, row.item));
        Ok(())
    }),
    following(row(Registry, "COUNTER", Sort, counter)),
    // Left behind where an editable source is deleted over the API; the next reading of files removes it.
    row(Registry, "PROVISIONED", Sort, |_, row| row.record().flag("prunable").map(drop)),
    row(Access, "ORG", Partition, |facts, row| {
        let (record, deleting) = (row.record(), row.record().flag("deleting")?);
        let name = if deleting { None } else { Some(record.text("name")?.to_owned()) };
        facts.orgs.insert(row.org, (Org { name, deleting }, row.item));
        Ok(())
    }),
    following(row(Access, "ORGS", Sort, |facts, row| {
        facts.listed_orgs.insert(row.org, row.record().text("name")?.to_owned());
        Ok(())
    })),
    following(row(Access, "ORGNAME", Nowhere, |facts, row| {
        let bad = || row.record().bad("id");
        let org = OrgId::new(row.record().number("id")?).map_err(|_| bad())?;
        facts.org_names.insert(row.sk(), org);
        Ok(())
    })),
    // Those of a project that is gone are no fault: whoever makes the next one sweeps them, and till then they give nothing.
    row(Access, "ROLE", Partition, |facts, row| {
        let kind = kind_of(Access, &row.key.sk).ok_or_else(|| row.record().bad("sk"))?;
        document(facts, row, kind)
    }),
    row(Access, "USER", Nowhere, |facts, row| {
        let user = User::of(row.item)?;
        facts.users.insert(row.key.clone(), (user, row.item));
        Ok(())
    }),
    // One that has ended goes at its user's next login.
    row(Access, "SESSION", Nowhere, |_, row| Session::of(row.item).map(drop)),
    following(row(Access, "USERS", Nowhere, |facts, row| {
        facts.listed_users.insert(number_of(row)?, row.item);
        Ok(())
    })),
    following(row(Access, "EMAIL", Nowhere, |facts, row| {
        facts.emails.insert(row.key.clone(), row.record().text("login")?.to_owned());
        Ok(())
    })),
    row(Access, "ACCOUNT", Nowhere, |facts, row| {
        facts.given.push(number_of(row)?);
        Ok(())
    }),
    following(row(Access, "MEMBER", Partition, |facts, row| {
        let id = row.record().number("id")?;
        facts.members.insert((row.org, row.sk()), (id, row.item));
        Ok(())
    })),
    row(Access, "SA", Partition, |facts, row| {
        let account = ServiceAccount::of(row.org, row.item)?;
        facts.accounts.insert((row.org, account.id.get()), (account, row.item));
        Ok(())
    }),
    following(row(Access, "SANAME", Partition, |facts, row| {
        let owner = row.record().number("owner")?;
        facts.account_names.insert((row.org, row.sk()), (owner, row.item));
        Ok(())
    })),
    following(row(Access, "TOKENNAME", Partition, |facts, row| {
        let token = row.record().text("token")?.to_owned();
        facts.token_names.insert((row.org, row.sk()), (token, row.item));
        Ok(())
    })),
    row(Access, "SWEEP", Nowhere, |facts, row| {
        facts.sweeps.insert(Sweep::of(row.item)?.org);
        Ok(())
    }),
    row(Access, "TOKEN", Nowhere, |facts, row| {
        let record = row.record();
        let org = OrgId::new(record.number("org")?).map_err(|_| record.bad("org"))?;
        let (owner, number) = (record.number("owner")?, record.number("number")?);
        let token = Token { org, owner, number, name: record.text("name")?.to_owned() };
        facts.owners.push((org, row.key.clone()));
        facts.tokens.insert(row.key.pk.clone(), token);
        Ok(())
    }),
    row(Access, "SATOKEN", Partition, |facts, row| {
        let parts = row.key.sk.split_once('#');
        let parts = parts.and_then(|(owner, n)| Some((owner.parse().ok()?, n.parse().ok()?)));
        let place = parts.ok_or_else(|| row.record().bad("sk"))?;
        let token = row.record().text("token")?.to_owned();
        facts.listed_tokens.insert((row.org, place), (token, row.item));
        Ok(())
    }),
    row(Access, "KEY", Partition, |facts, row| {
        let number = match row.key.sk.as_str() {
            "current" => None,
            number => Some(number.parse().map_err(|_| row.record().bad("sk"))?),
        };
        facts.keys.insert((row.org, number), (WrappedKey::of(row.item)?, row.item));
        Ok(())
    }),
    following(row(Access, "COUNTER", Nowhere, counter)),
    // What expires is of nobody's concern but its time.
    row(Scratch, "USED", Nowhere, |_, row| row.record().number::<i64>("expires").map(drop)),
    row(Scratch, "STRANGER", Nowhere, |_, row| row.record().number::<i64>("expires").map(drop)),
    row(Scratch, "FAILED", Nowhere, |_, row| row.record().number::<i64>("expires").map(drop)),
];

fn document(facts: &mut Facts<'_>, row: &Row<'_>, kind: DocumentKind) -> Result<(), Error> {
    let documents = &mut facts.documents;
    match document_of(row.org, kind, row.item)? {
        Some(document) => drop(documents.all.insert(row.key.clone(), document)),
        None => {
            let name = row.key.sk.strip_prefix(&*prefix_of(kind, None));
            let name = name.and_then(|name| DocumentName::parse(name).ok());
            documents.closing.insert((row.org, name.ok_or_else(|| row.record().bad("sk"))?));
        }
    }
    Ok(())
}

/// What stands beside documents and follows from them.
fn beside_document(facts: &mut Facts<'_>, row: &Row<'_>) -> Result<(), Error> {
    let (record, key, documents) = (row.record(), row.key.clone(), &mut facts.documents);
    let sk = row.key.sk.as_str();
    if let Some(dashboard) = dashboard_of(sk) {
        let (_, incarnation) = local_of(row.item)?;
        documents.locals.insert(key, (row.org, dashboard, incarnation));
    } else if let Some((kind, project)) = default_of(sk) {
        let name = DocumentName::parse(record.text("name")?).map_err(|_| record.bad("name"))?;
        documents.defaults.insert(key, (row.org, DocumentId { kind, project, name }));
    } else if let Some(bound) = bound_of(sk) {
        let of = record.text("inc")?;
        let of = (!of.is_empty()).then(|| Incarnation::parse(of).ok_or_else(|| record.bad("inc")));
        let made = record.0.contains_key("made").then(|| record.number("made")).transpose()?;
        let bound = Bound { org: row.org, key: bound, of: of.transpose()?, made };
        documents.bounds.insert(key, bound);
    } else {
        return Err(record.bad("sk"));
    }
    Ok(())
}

fn number_of(row: &Row<'_>) -> Result<u32, Error> {
    row.key.sk.parse().map_err(|_| row.record().bad("sk"))
}

fn uid_of(row: &Row<'_>) -> Result<Uid, Error> {
    Uid::parse(row.record().text("uid")?).map_err(|_| row.record().bad("uid"))
}

fn counter(facts: &mut Facts<'_>, row: &Row<'_>) -> Result<(), Error> {
    facts.counters.insert(row.key.clone(), row.record().number("next")?);
    Ok(())
}

/// Finds the family of an item.
pub(super) fn of(key: &Key) -> Option<&'static Family> {
    let name = key.pk.split_once('#').map_or(key.pk.as_str(), |(name, _)| name);
    FAMILIES.iter().find(|family| family.table == key.table && family.name == name)
}

impl Family {
    /// Reads an item into the facts.
    pub(super) fn take<'a>(
        &self,
        facts: &mut Facts<'a>,
        key: Key,
        item: &'a Item,
    ) -> Result<(), Error> {
        let digits = |text: &str| text.parse().ok().and_then(|id| OrgId::new(id).ok());
        let org = match self.org {
            Partition => key.pk.split_once('#').and_then(|(_, org)| digits(org)),
            Sort => digits(key.sk.split('#').next().unwrap_or_default()),
            Nowhere => Some(OrgId::MAIN),
        };
        let org = org.ok_or_else(|| Record(item).bad("organisation in its key"))?;
        if !matches!(self.org, Nowhere) {
            facts.owners.push((org, key.clone()));
        }
        (self.read)(facts, &Row { key, item, org })
    }
}

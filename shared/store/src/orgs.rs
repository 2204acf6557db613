//! Organisations: found, listed, made, renamed and deleted; who belongs to them.

mod create;
mod delete;
mod members;
mod rename;
mod sweep;

use auth::{Permit, Role};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{OrgId, OrgName, Rev};

use crate::datasources::logged;
use crate::item::{Item, Record, item, number, text};
use crate::read::{BATCH, Partition};
use crate::table::{self, Key, Table};
use crate::{Error, Store, User};

pub(crate) use create::founding;
pub(crate) use sweep::Sweeps;

/// An organisation that is not being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Its number, never given again.
    pub id: OrgId,
    /// What it is called.
    pub name: OrgName,
    /// When it was made, in seconds since 1970.
    created: i64,
    rev: Rev,
}

/// What a user is in one of his organisations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgRole {
    /// The organisation's number.
    pub org: OrgId,
    /// What it is called.
    pub name: OrgName,
    /// His role.
    pub role: Role,
}

impl Org {
    /// Reads an organisation's `META`; none if it is being deleted.
    fn of(id: OrgId, item: &Item) -> Result<Option<Self>, Error> {
        let record = Record(item);
        if record.flag("deleting")? {
            return Ok(None);
        }
        let rev = Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?;
        Ok(Some(Self { id, name: name_of(&record)?, created: record.number("created")?, rev }))
    }

    fn item(&self) -> Item {
        item(
            &Key::org(self.id),
            [
                ("name", text(&self.name)),
                ("deleting", AttributeValue::Bool(false)),
                ("created", number(self.created)),
                ("rev", text(self.rev)),
            ],
        )
    }

    /// What stays when it goes, so that its number is never given again and nothing of it is served.
    fn tombstone(&self) -> Item {
        item(
            &Key::org(self.id),
            [("deleting", AttributeValue::Bool(true)), ("created", number(self.created))],
        )
    }

    /// What the list of organisations shows of it.
    fn listed_item(&self) -> Item {
        item(&Key::listed_org(self.id), [("name", text(&self.name))])
    }

    /// What it is found by.
    fn name_item(&self) -> Item {
        item(&Key::org_name(&self.name), [("id", number(self.id))])
    }
}

fn name_of(record: &Record<'_>) -> Result<OrgName, Error> {
    OrgName::parse(record.text("name")?).map_err(|_| record.bad("name"))
}

fn id_of(item: &Item) -> Result<OrgId, Error> {
    let record = Record(item);
    OrgId::new(record.number("id")?).map_err(|_| record.bad("id"))
}

impl Store {
    /// Finds an organisation; none if it is being deleted.
    ///
    /// # Errors
    /// What the table says.
    pub async fn org(&self, id: OrgId) -> Result<Option<Org>, Error> {
        let item = self.get(&Key::org(id)).await?;
        Ok(item.map(|item| Org::of(id, &item)).transpose()?.flatten())
    }

    /// Finds an organisation by its name, compared exactly.
    ///
    /// # Errors
    /// What the table says.
    pub async fn org_named(&self, name: &OrgName) -> Result<Option<Org>, Error> {
        let Some(pointer) = self.get(&Key::org_name(name)).await? else { return Ok(None) };
        let found = self.org(id_of(&pointer)?).await?;
        // Between the two reads it may have been renamed.
        Ok(found.filter(|org| org.name == *name))
    }

    /// Lists numbers and names of all organisations in the order of their numbers. A damaged one is left out and logged.
    ///
    /// # Errors
    /// What the table says.
    pub async fn orgs(&self, _permit: &Permit) -> Result<Vec<(OrgId, OrgName)>, Error> {
        let partition = Partition { table: Table::Access, pk: table::ORGS, backwards: false };
        let one = |item: &Item| -> Result<_, Error> {
            let record = Record(item);
            let id = record.text("sk")?.parse().ok().and_then(|id| OrgId::new(id).ok());
            Ok((id.ok_or_else(|| record.bad("sk"))?, name_of(&record)?))
        };
        let items = self.query(&partition, usize::MAX).await?;
        Ok(items.iter().filter_map(|item| logged(one(item))).collect())
    }

    /// Lists what a user is where, in the order of names. Organisations that are being deleted are left out.
    ///
    /// # Errors
    /// What the table says.
    pub async fn orgs_of(&self, user: &User) -> Result<Vec<OrgRole>, Error> {
        let all: Vec<_> = user.orgs.iter().map(|(org, role)| (*org, *role)).collect();
        let mut roles = Vec::with_capacity(all.len());
        for some in all.chunks(BATCH) {
            let keys: Vec<_> = some.iter().map(|(org, _)| Key::org(*org)).collect();
            let mut batch = self.batch(&keys).await?;
            for ((org, role), key) in some.iter().zip(&keys) {
                let found = batch.take(key).and_then(|item| logged(Org::of(*org, &item)).flatten());
                roles.extend(found.map(|found| OrgRole {
                    org: *org,
                    name: found.name,
                    role: *role,
                }));
            }
        }
        roles.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        Ok(roles)
    }
}

//! Renaming an organisation.

use auth::Permit;
use sourcegate_core::{OrgId, OrgName, Rev};

use super::Org;
use crate::item::{Item, Record, number, text};
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Refused, Store};

/// How often it is renamed again after somebody else changed it.
const MOST_TRIES: u32 = 32;

impl Store {
    /// Renames an organisation: at every time it has one name.
    ///
    /// # Errors
    /// [`Refused::OrgName`], [`Refused::NoOrg`].
    pub async fn rename_org(
        &self,
        _permit: &Permit,
        id: OrgId,
        name: &OrgName,
    ) -> Result<(), Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let old = self.org(id).await?.ok_or(Refused::NoOrg(id))?;
            if old.name == *name {
                return Ok(());
            }
            let new = Org { name: name.clone(), rev: Rev::new(), ..old.clone() };
            let unchanged = Condition::Equals("rev", text(old.rev));
            let ours = Condition::AbsentOrEquals("id", number(id));
            let writes = [
                Write::put(Table::Access, new.item()).only_if(unchanged),
                Write::put(Table::Access, new.name_item()).only_if(Condition::Absent),
                Write::delete(Key::org_name(&old.name)).only_if(ours),
                Write::put(Table::Access, new.listed_item()),
            ];
            let found = match self.transact(&writes).await? {
                Outcome::Written => return Ok(()),
                Outcome::Refused(found) => found,
            };
            let ours =
                |item: &Item| Record(item).text("rev").is_ok_and(|rev| rev == new.rev.to_string());
            match found.as_slice() {
                [Some(item), ..] if ours(item) => return Ok(()),
                [None, Some(_), ..] => return Err(Refused::OrgName(name.clone()).into()),
                _ => {}
            }
        }
        Err(Error::Busy)
    }
}

//! What an operator does with users and organisations that are there.

use auth::password;
use secrecy::SecretString;
use sourcegate_core::{OrgId, Rev};

use crate::entry::seconds_now;
use crate::item::{Record, text};
use crate::read::{BATCH, Partition, pause};
use crate::table::{Key, ORGS, Table, USERS, accounts_of};
use crate::users::Kept;
use crate::write::{Condition, Outcome, Write};
use crate::{Admin, Error, User, tokens};

/// How often a change is made again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// An organisation as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownOrg {
    /// Its number.
    pub id: OrgId,
    /// What it is called.
    pub name: String,
}

impl Admin {
    /// Lists all organisations, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::BadRecord`]; what the table says.
    pub async fn orgs(&self) -> Result<Vec<KnownOrg>, Error> {
        let partition = Partition { table: Table::Access, pk: ORGS, backwards: false };
        let items = self.store().query(&partition, usize::MAX).await?;
        let one = |item| {
            let record = Record(item);
            let id = record.text("sk")?.parse().ok().and_then(|id| OrgId::new(id).ok());
            let id = id.ok_or_else(|| record.bad("sk"))?;
            Ok(KnownOrg { id, name: record.text("name")?.to_owned() })
        };
        items.iter().map(one).collect()
    }

    /// Tells whether an organisation is there and not being deleted.
    ///
    /// # Errors
    /// What the table says.
    pub async fn has_org(&self, org: OrgId) -> Result<bool, Error> {
        tokens::is_open(self.store().get(&Key::org(org)).await?.as_ref())
    }

    /// Lists all users, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::BadRecord`]; what the table says.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let partition = Partition { table: Table::Access, pk: USERS, backwards: false };
        let items = self.store().query(&partition, usize::MAX).await?;
        let login = |item| Record(item).text("login").map(Key::user);
        let keys: Vec<_> = items.iter().map(login).collect::<Result<_, Error>>()?;
        let mut users = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            let mut batch = self.store().batch(keys).await?;
            for item in keys.iter().filter_map(|key| batch.take(key)) {
                users.push(User::of(&item)?);
            }
        }
        Ok(users)
    }

    /// Lists the numbers and names of an organisation's service accounts.
    ///
    /// # Errors
    /// [`Error::BadRecord`]; what the table says.
    pub async fn service_accounts(&self, org: OrgId) -> Result<Vec<(u32, String)>, Error> {
        let pk = accounts_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let items = self.store().query(&partition, usize::MAX).await?;
        let one = |item| {
            let record = Record(item);
            let id = record.text("sk")?.parse().map_err(|_| record.bad("sk"))?;
            Ok((id, record.text("name")?.to_owned()))
        };
        items.iter().map(one).collect()
    }

    /// Gives a user another password. Tells whether there is one of that login.
    ///
    /// # Errors
    /// What hashing and the table say.
    pub async fn set_password(&self, login: &str, new: &SecretString) -> Result<bool, Error> {
        let hash = password::hash(new)?;
        self.change_user(login, |kept| kept.hash.clone_from(&hash)).await
    }

    /// Shuts a user out everywhere, or lets him in again. Tells whether there is one of that login.
    ///
    /// # Errors
    /// What the table says.
    pub async fn set_disabled(&self, login: &str, disabled: bool) -> Result<bool, Error> {
        self.change_user(login, |kept| kept.user.disabled = disabled).await
    }

    async fn change_user(&self, login: &str, change: impl Fn(&mut Kept)) -> Result<bool, Error> {
        let key = Key::user(login);
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let Some(item) = self.store().get(&key).await? else { return Ok(false) };
            let mut kept = Kept::of(&item)?;
            let unchanged = Condition::Equals("rev", text(kept.user.rev));
            change(&mut kept);
            (kept.user.rev, kept.user.updated) = (Rev::new(), seconds_now());
            let writes = [
                Write::put(Table::Access, kept.user.item(&kept.hash)).only_if(unchanged),
                Write::put(Table::Access, kept.user.listed_item()),
            ];
            if matches!(self.store().transact(&writes).await?, Outcome::Written) {
                return Ok(true);
            }
        }
        Err(Error::Busy)
    }
}

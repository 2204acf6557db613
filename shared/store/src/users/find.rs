//! Users read: one by number, login or email; all of them; those of an organisation.

use auth::Role;
use sourcegate_core::OrgId;

use super::verify::{is_email_of, login_of};
use super::{Kept, User};
use crate::datasources::logged;
use crate::item::{Item, Record};
use crate::read::{BATCH, Partition};
use crate::table::{self, Key, Table};
use crate::{Error, Store};

/// How often a user is looked for again who was called otherwise in between.
const MOST_LOOKS: u32 = 16;

/// A user as the list of all shows him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// His number.
    pub id: u32,
    /// What he logs in as.
    pub login: String,
    /// What he is called.
    pub name: String,
    /// Where mail reaches him.
    pub email: String,
    /// Whether he is shut out.
    pub disabled: bool,
    /// Whether he administers the whole server.
    pub is_server_admin: bool,
}

impl Listed {
    fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let owned = |name| record.text(name).map(str::to_owned);
        Ok(Self {
            id: record.text("sk")?.parse().map_err(|_| record.bad("sk"))?,
            login: owned("login")?,
            name: owned("name")?,
            email: owned("email")?,
            disabled: record.flag("disabled")?,
            is_server_admin: record.flag("serverAdmin")?,
        })
    }
}

impl Store {
    /// Finds a user by his number.
    ///
    /// # Errors
    /// What the table says.
    pub async fn user(&self, id: u32) -> Result<Option<User>, Error> {
        Ok(self.kept(id).await?.map(|kept| kept.user))
    }

    /// Finds a user by his login, else by his email; both without regard to case.
    ///
    /// # Errors
    /// What the table says.
    pub async fn user_named(&self, login_or_email: &str) -> Result<Option<User>, Error> {
        if super::is_no_login(login_or_email) {
            return Ok(None);
        }
        let keys = [Key::user(login_or_email), Key::email(login_or_email)];
        for _ in 0..MOST_LOOKS {
            let mut batch = self.batch(&keys).await?;
            if let Some(item) = batch.take(&keys[0]) {
                return User::of(&item).map(Some);
            }
            let Some(pointer) = batch.take(&keys[1]) else { return Ok(None) };
            let item = self.get(&Key::user(login_of(&pointer)?)).await?;
            // Between the two reads he may have got another login or email.
            if let Some(item) = item.filter(|item| is_email_of(login_or_email, item)) {
                return User::of(&item).map(Some);
            }
        }
        Err(Error::Busy)
    }

    /// Lists all users in the order of their numbers. A damaged one is left out and logged.
    ///
    /// # Errors
    /// What the table says.
    pub async fn users(&self) -> Result<Vec<Listed>, Error> {
        let partition = Partition { table: Table::Access, pk: table::USERS, backwards: false };
        let items = self.query(&partition, usize::MAX).await?;
        Ok(items.iter().filter_map(|item| logged(Listed::of(item))).collect())
    }

    /// Lists the members of an organisation with their roles, in the order of their logins. A damaged one is left out
    /// and logged.
    ///
    /// # Errors
    /// What the table says.
    pub async fn members(&self, org: OrgId) -> Result<Vec<(User, Role)>, Error> {
        let pk = table::members_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let items = self.query(&partition, usize::MAX).await?;
        let key = |item: &Item| Record(item).text("sk").map(Key::user);
        let keys: Vec<_> = items.iter().filter_map(|item| logged(key(item))).collect();
        let mut members = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            let mut batch = self.batch(keys).await?;
            let users = keys.iter().filter_map(|key| logged(User::of(&batch.take(key)?)));
            // What he is stands in his own item; who left since the list was read is in it no more.
            members.extend(users.filter_map(|user| {
                let role = *user.orgs.get(&org)?;
                Some((user, role))
            }));
        }
        Ok(members)
    }

    /// Reads a user with his password's hash.
    pub(crate) async fn kept(&self, id: u32) -> Result<Option<Kept>, Error> {
        for _ in 0..MOST_LOOKS {
            let Some(listed) = self.get(&Key::listed_user(id)).await? else { return Ok(None) };
            let item = self.get(&Key::user(Record(&listed).text("login")?)).await?;
            let kept = item.map(|item| Kept::of(&item)).transpose()?;
            // Between the two reads his login may have become another one, and his old one somebody else's.
            if let Some(kept) = kept.filter(|kept| kept.user.id == id) {
                return Ok(Some(kept));
            }
        }
        Err(Error::Busy)
    }
}

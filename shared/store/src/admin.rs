//! What an operator does against the tables themselves: set up, make users and tokens.

use auth::{OwnerId, Role, Token, password};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use secrecy::SecretString;
use sourcegate_core::{OrgId, Rev};

use crate::entry::seconds_now;
use crate::item::{Item, item, number, text};
use crate::keys::WrappedKey;
use crate::seal::KeyContext;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Keyring, Store, User};

/// The number of an organisation's first key pair.
const FIRST_KEY: u32 = 1;

/// An operator's way to the access table.
pub struct Admin {
    store: Store,
}

/// What a new user may do.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// His role in his organisation.
    pub role: Role,
    /// Whether he administers the whole server.
    pub is_server_admin: bool,
}

impl From<Role> for Rights {
    /// Gives a role and nothing else.
    fn from(role: Role) -> Self {
        Self { role, is_server_admin: false }
    }
}

/// A token that was just made: the only time that its text exists.
pub struct NewToken {
    /// What operators call its service account.
    pub name: String,
    /// `glsa_…`.
    pub text: SecretString,
}

impl Admin {
    /// Makes one for a store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Gives the store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Creates the three tables where they do not exist, as the template creates them on AWS.
    ///
    /// # Errors
    /// What the table service says.
    pub async fn create_tables(&self) -> Result<(), Error> {
        for table in [Table::Access, Table::Registry, Table::Scratch] {
            self.create_table(table).await?;
        }
        Ok(())
    }

    async fn create_table(&self, table: Table) -> Result<(), Error> {
        let inner = &self.store.0;
        let mut asked = inner
            .client
            .create_table()
            .table_name(inner.config.tables.name(table))
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let text = ScalarAttributeType::S;
            let attribute =
                AttributeDefinition::builder().attribute_name(name).attribute_type(text);
            let element = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            let built = attribute.build().and_then(|attribute| Ok((attribute, element.build()?)));
            let (attribute, element) = built.map_err(|error| Error::Table(Box::new(error)))?;
            asked = asked.attribute_definitions(attribute).key_schema(element);
        }
        match asked.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(Error::table(error)),
        }
    }

    /// Makes the first organisation with its key pair, if it does not exist. Tells whether it was made now.
    ///
    /// # Errors
    /// What the keyring and the table say.
    pub async fn bootstrap(&self, keyring: &Keyring) -> Result<bool, Error> {
        let org = OrgId::MAIN;
        if self.store.get(&Key::org(org)).await?.is_some() {
            return Ok(false);
        }
        let deployment = self.store.deployment().to_owned();
        let pair = keyring.make_pair(&KeyContext { deployment, org, number: FIRST_KEY }).await?;
        let name = "Main Org.";
        let meta = item(
            &Key::org(org),
            [
                ("name", text(name)),
                ("deleting", AttributeValue::Bool(false)),
                ("created", number(seconds_now())),
                ("rev", text(Rev::new())),
            ],
        );
        let listed = item(&Key::listed_org(org), [("name", text(name))]);
        let by_name = item(&Key::org_name(name), [("id", number(org))]);
        let counter = item(&Key::access_counter("org"), [("next", number(org))]);
        let [numbered, current] = WrappedKey::items(org, FIRST_KEY, &pair);
        let writes = [meta, listed, by_name, counter, numbered, current].map(new_item);
        Ok(matches!(self.store.transact(&writes).await?, Outcome::Written))
    }

    /// Makes a user of one organisation. Tells whether he was made; false if the login is taken.
    ///
    /// # Errors
    /// What hashing and the table say.
    pub async fn create_user(
        &self,
        org: OrgId,
        login: &str,
        new_password: &SecretString,
        rights: Rights,
    ) -> Result<bool, Error> {
        let hash = password::hash(new_password)?;
        let now = seconds_now();
        let user = User {
            id: self.next("account").await?,
            login: login.to_owned(),
            name: login.to_owned(),
            email: String::new(),
            disabled: false,
            is_server_admin: rights.is_server_admin,
            orgs: [(org, rights.role)].into(),
            org,
            created: now,
            updated: now,
            rev: Rev::new(),
        };
        let items = [user.item(&hash), user.member_item(org, rights.role), user.listed_item()];
        let writes = items.map(new_item);
        Ok(matches!(self.store.transact(&writes).await?, Outcome::Written))
    }

    /// Tells whether a login exists.
    ///
    /// # Errors
    /// What the table says.
    pub async fn has_user(&self, login: &str) -> Result<bool, Error> {
        Ok(self.store.get(&Key::user(login)).await?.is_some())
    }

    /// Makes a service account of an organisation with one token that does not expire.
    ///
    /// # Errors
    /// What the table says.
    pub async fn create_token(&self, org: OrgId, role: Role) -> Result<NewToken, Error> {
        self.create_named_token(org, role, None, None).await
    }

    /// The same with a name of one's own for both, and an end in seconds since 1970.
    ///
    /// # Errors
    /// What the table says.
    pub async fn create_named_token(
        &self,
        org: OrgId,
        role: Role,
        name: Option<&str>,
        expires: Option<i64>,
    ) -> Result<NewToken, Error> {
        let serial = self.next("account").await?;
        let owner = OwnerId::new(serial).ok_or(Error::Busy)?;
        let drawn = || format!("{}-{serial}", role.as_str().to_lowercase());
        let name = name.map_or_else(drawn, str::to_owned);
        let (token_text, token) = Token::generate(org, owner);
        let [account, mut stored, listed] = crate::tokens::items(org, owner, &name, role, &token);
        if let Some(expires) = expires {
            stored.insert("expires".to_owned(), number(expires));
        }
        match self.store.transact(&[account, stored, listed].map(new_item)).await? {
            Outcome::Written => Ok(NewToken { name, text: token_text }),
            // A number that was given before: the counter was lost.
            Outcome::Refused(_) => Err(Error::Busy),
        }
    }

    async fn next(&self, what: &str) -> Result<u32, Error> {
        let next = self.store.next(&Key::access_counter(what)).await?;
        u32::try_from(next).map_err(|_| Error::Busy)
    }
}

fn new_item(item: Item) -> Write {
    Write::put(Table::Access, item).only_if(Condition::Absent)
}

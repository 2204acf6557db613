//! What an operator does against the tables themselves: set up, make users and tokens.

use auth::{Limits, Role, password};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use secrecy::SecretString;
use sourcegate_core::{Label, Login, OrgId, OrgName};

use crate::item::{Item, item, number};
use crate::orgs::founding;
use crate::table::{Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{AccountDraft, Error, Keyring, NewUser, Refused, Store, TokenDraft};

/// What the organisation is called that every deployment starts with, as Grafana's is.
const MAIN_NAME: &str = "Main Org.";

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
        let client = self.store.client().await;
        let mut asked = client
            .create_table()
            .table_name(self.store.0.config.tables.name(table))
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
        let name = OrgName::parse(MAIN_NAME).map_err(Refused::from)?;
        let mut writes = founding(&self.store, keyring, org, &name).await?.writes();
        writes.push(new_item(item(&Key::access_counter("org"), [("next", number(org))])));
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
        let login = Login::parse(login).map_err(Refused::from)?;
        let name = Label::parse("name", login.as_str()).map_err(Refused::from)?;
        let new = NewUser { login, email: Label::default(), name, org, rights };
        match self.store.insert_user(&new, password::hash(new_password)?).await {
            Ok(_) => Ok(true),
            Err(Error::Refused(Refused::UserTaken)) => Ok(false),
            Err(error) => Err(error),
        }
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
    /// [`Error::Refused`] if the name is taken; what the table says.
    pub async fn create_named_token(
        &self,
        org: OrgId,
        role: Role,
        name: Option<&str>,
        expires: Option<i64>,
    ) -> Result<NewToken, Error> {
        let drawn = |id| format!("{}-{id}", role.as_str().to_lowercase());
        let named = |id| name.map_or_else(|| drawn(id), str::to_owned);
        let draft = |id| AccountDraft { name: named(id), role, disabled: false };
        let account = self.store.make_account(org, draft).await?;
        let limits = Limits { expires, ..Limits::default() };
        let token = TokenDraft { name: account.name.clone(), limits };
        let made = self.store.make_token(org, account.id, token).await?;
        Ok(NewToken { name: account.name, text: made.text })
    }
}

fn new_item(item: Item) -> Write {
    Write::put(Table::Access, item).only_if(Condition::Absent)
}

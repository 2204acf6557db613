//! Upstream tokens that processes share, sealed: who asks an endpoint holds a lease, and the others wait for what he writes.
//!
//! They stand in the scratch table under the revision of their secret, so that a secret that is changed has none. Times are
//! compared here; that the table removes what has ended only cleans.

use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::SecretString;
use sourcegate_core::Rev;

use crate::item::{Item, Record, bytes, item, number, text};
use crate::seal::{self, Binding, PublicKey};
use crate::table::Key;
use crate::{Error, LocatedSecret, Store, condition};

/// How long a lease lasts, in seconds: longer than asking an endpoint may take.
const LEASE: i64 = 12;

/// The name that a token is sealed under.
pub(crate) const FIELD: &str = "access_token";

/// A token that some process got, as it is kept.
#[derive(Clone)]
pub struct KeptToken {
    /// Which one it is, among those of its secret.
    pub id: Rev,
    /// Until when it is to be used, in seconds since 1970.
    pub used_until: i64,
    /// When it ends, likewise.
    pub ends: i64,
    /// Whether the endpoint took the client's credentials in the form.
    pub by_form: bool,
    pub(crate) sealed: Vec<u8>,
}

/// A token that is to be kept; the fields are those of [`KeptToken`].
pub struct FetchedToken {
    /// Which one it is.
    pub id: Rev,
    /// Its text.
    pub text: SecretString,
    /// Until when it is to be used.
    pub used_until: i64,
    /// When it ends.
    pub ends: i64,
    /// How the endpoint took the credentials.
    pub by_form: bool,
}

impl KeptToken {
    /// Tells which key it was sealed to.
    #[must_use]
    pub fn key_number(&self) -> Option<u32> {
        seal::key_number(&self.sealed)
    }

    /// Reads it; none where there is a lease alone.
    fn of(item: &Item) -> Result<Option<Self>, Error> {
        let record = Record(item);
        if !item.contains_key("id") {
            return Ok(None);
        }
        Ok(Some(Self {
            id: record.parsed("id", Rev::parse)?,
            used_until: record.number("used_until")?,
            ends: record.number("ends")?,
            by_form: record.flag("by_form")?,
            sealed: record.bytes("token")?.to_vec(),
        }))
    }
}

fn key_of(secret: &LocatedSecret) -> Key {
    Key::upstream_token(secret.document.org, secret.document.rev)
}

/// None of these is a write in the sense of [`Store::writes`]: nobody remembers what it changes.
impl Store {
    /// Reads the token that was got with a secret as it is.
    ///
    /// # Errors
    /// [`Error::BadRecord`]; the table fails.
    pub async fn kept_token(&self, secret: &LocatedSecret) -> Result<Option<KeptToken>, Error> {
        match self.get(&key_of(secret)).await? {
            Some(item) => KeptToken::of(&item),
            None => Ok(None),
        }
    }

    /// Takes the lease to ask for a token, at a time in seconds since 1970; tells whether it is the owner's now. It is not if
    /// somebody else has it, or if the token is another one by now than was seen.
    ///
    /// # Errors
    /// The table fails.
    pub async fn lease_token(
        &self,
        secret: &LocatedSecret,
        seen: Option<Rev>,
        owner: Rev,
        now: i64,
    ) -> Result<bool, Error> {
        let free = "(attribute_not_exists(#leased) OR #leased < :now OR #owner = :owner)";
        let asked = self.token_update(secret).await;
        let asked = match seen {
            None => asked.condition_expression(format!("{free} AND attribute_not_exists(#id)")),
            Some(seen) => asked
                .condition_expression(format!("{free} AND #id = :seen"))
                .expression_attribute_values(":seen", text(seen)),
        };
        let asked = asked
            .update_expression("SET #owner = :owner, #leased = :until, #expires = :until")
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":until", number(now + LEASE))
            .expression_attribute_values(":now", number(now));
        let asked = asked.expression_attribute_values(":owner", text(owner));
        condition::held(asked.send().await)
    }

    /// Gives a lease back, so that another one may ask at once.
    ///
    /// # Errors
    /// The table fails.
    pub async fn release_token(&self, secret: &LocatedSecret, owner: Rev) -> Result<(), Error> {
        let asked = self.token_update(secret).await.condition_expression("#owner = :owner");
        let asked = asked.update_expression("REMOVE #owner, #leased");
        let asked = asked.expression_attribute_values(":owner", text(owner));
        condition::held(asked.send().await).map(drop)
    }

    /// Keeps a token for all processes, in place of the lease.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::CannotSeal`]; the table fails.
    pub async fn keep_token(
        &self,
        secret: &LocatedSecret,
        token: &FetchedToken,
    ) -> Result<(), Error> {
        let org = secret.document.org;
        let current = secret.key.as_ref().ok_or(Error::NoKey(org))?;
        let what = "the public key is no point of P-256";
        let key = PublicKey::parse(current.number, &current.public);
        let key = key.ok_or(Error::Key { org, what })?;
        let binding = Binding::of_token(self.deployment(), &secret.document);
        let sealed = seal::seal(&key, &binding, FIELD, &token.text);
        let sealed = sealed.ok_or_else(|| Error::CannotSeal(FIELD.to_owned()))?;
        let key = key_of(secret);
        let attributes = [
            ("id", text(token.id)),
            ("used_until", number(token.used_until)),
            ("ends", number(token.ends)),
            ("expires", number(token.ends)),
            ("by_form", AttributeValue::Bool(token.by_form)),
            ("token", bytes(&sealed)),
        ];
        let put = self.client().await.put_item().table_name(self.0.config.tables.name(key.table));
        let put = put.set_item(Some(item(&key, attributes))).send().await;
        put.map(drop).map_err(Error::table)
    }

    /// Begins to change what is kept for a secret, or its lease.
    async fn token_update(
        &self,
        secret: &LocatedSecret,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let key = key_of(secret);
        let asked =
            self.client().await.update_item().table_name(self.0.config.tables.name(key.table));
        let asked = asked.set_key(Some(key.attributes()));
        asked
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#leased", "leased")
    }
}

//! The organisations' key pairs as the access table holds them.

use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::OrgId;

use crate::item::{Item, Record, bytes, item, number};
use crate::keyring::Pair;
use crate::seal::PublicKey;
use crate::table::Key;
use crate::{Error, Store};

/// An organisation's key pair: the public half, and the private half as the keyring wrapped it.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    pub(crate) number: u32,
    pub(crate) public: Vec<u8>,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Gives the pair's number, which travels with each value that was sealed to it.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        Ok(Self {
            number: record.number("number")?,
            public: record.bytes("public")?.to_vec(),
            wrapped: record.bytes("wrapped")?.to_vec(),
        })
    }

    /// The items that a pair is written as: under its number for ever, and as the current one.
    pub(crate) fn items(org: OrgId, serial: u32, pair: &Pair) -> [Item; 2] {
        let attributes = || -> [(&str, AttributeValue); 3] {
            [
                ("number", number(serial)),
                ("public", bytes(&pair.public)),
                ("wrapped", bytes(&pair.wrapped)),
            ]
        };
        [
            item(&Key::numbered_key(org, serial), attributes()),
            item(&Key::current_key(org), attributes()),
        ]
    }
}

impl Store {
    /// Reads one key pair of an organisation by its number: needed for values that were sealed before a rotation.
    ///
    /// # Errors
    /// [`Error::NoKey`] if there is none of that number.
    pub async fn key(&self, org: OrgId, number: u32) -> Result<WrappedKey, Error> {
        let key = Key::numbered_key(org, number);
        let item = self.get(&key).await?.ok_or(Error::NoKey(org))?;
        WrappedKey::of(&item)
    }

    /// Reads the public key that the organisation's secrets are sealed to now.
    pub(crate) async fn public_key(&self, org: OrgId) -> Result<PublicKey, Error> {
        let key = Key::current_key(org);
        let item = self.get(&key).await?.ok_or(Error::NoKey(org))?;
        let current = WrappedKey::of(&item)?;
        let what = "the public key is no point of P-256";
        PublicKey::parse(current.number, &current.public).ok_or(Error::Key { org, what })
    }
}

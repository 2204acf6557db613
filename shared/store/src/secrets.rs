//! Sealed values: put, merged and read beside their source, never opened here.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::ExposeSecret;
use sourcegate_core::{Datasource, Destination, Rev, Secrets};

use crate::item::{Item, Record, bytes, item, text};
use crate::seal::{self, Binding, PublicKey};
use crate::table::Key;
use crate::{Error, Store};

/// The sealed values of one data source, by the names that `secureJsonData` gives them.
#[derive(Clone)]
pub struct Sealed {
    pub(crate) rev: Rev,
    values: BTreeMap<String, Vec<u8>>,
}

impl Sealed {
    /// Makes a revision of values that were sealed one by one.
    pub(crate) fn new(values: BTreeMap<String, Vec<u8>>) -> Self {
        Self { rev: Rev::new(), values }
    }

    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let rev = Rev::parse(record.text("rev")?).ok_or_else(|| record.bad("rev"))?;
        let values = item.get("values").and_then(|value| value.as_m().ok());
        let values = values.ok_or_else(|| record.bad("values"))?;
        let value = |(name, value): (&String, &AttributeValue)| {
            let blob = value.as_b().map_err(|_| record.bad("values"))?;
            Ok((name.clone(), blob.as_ref().to_vec()))
        };
        Ok(Self { rev, values: values.iter().map(value).collect::<Result<_, Error>>()? })
    }

    /// Gives the same values but for some, as a revision of its own.
    pub(crate) fn with(&self, others: BTreeMap<String, Vec<u8>>) -> Self {
        let mut values = self.values.clone();
        values.extend(others);
        Self { rev: Rev::new(), values }
    }

    /// Gives one sealed value.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// Tells which key a named value was sealed to; none if there is no such value.
    #[must_use]
    pub fn key_number(&self, name: &str) -> Option<u32> {
        self.value(name).and_then(seal::key_number)
    }

    /// Writes the item of these values beside their source.
    pub(crate) fn item(&self, source: &Datasource) -> Item {
        self.item_at(&Key::sealed(source.org, &source.uid))
    }

    /// Writes the item of these values under a key.
    pub(crate) fn item_at(&self, key: &Key) -> Item {
        let values = self.values.iter().map(|(name, value)| (name.clone(), bytes(value)));
        let values: HashMap<_, _> = values.collect();
        item(key, [("rev", text(self.rev)), ("values", AttributeValue::M(values))])
    }
}

impl Store {
    /// Merges new texts into what is sealed already: an empty text removes, what is not named stays as it is.
    ///
    /// `before` is the source as it was, `after` as it is to be; values that stay must be bound to the same destination.
    ///
    /// # Errors
    /// [`Error::MustResend`] naming the values that would have to stay and may not.
    pub(crate) async fn merged(
        &self,
        before: Option<(&Datasource, Option<Sealed>)>,
        after: &Datasource,
        new: &Secrets,
    ) -> Result<Sealed, Error> {
        let destination = Destination::of(&after.settings);
        let mut values = BTreeMap::new();
        if let Some((before, Some(sealed))) = before {
            let was = Destination::of(&before.settings);
            let kept = sealed.values.into_iter().filter(|(name, _)| new.get(name).is_none());
            let (kept, moved): (BTreeMap<_, _>, _) =
                kept.partition(|(name, _)| was.text_for(name) == destination.text_for(name));
            if !moved.is_empty() {
                return Err(Error::MustResend(moved.into_keys().collect()));
            }
            values = kept;
        }
        let fresh = || new.iter().filter(|(_, text)| !text.expose_secret().is_empty());
        if fresh().next().is_some() {
            let key: PublicKey = self.public_key(after.org).await?;
            let binding = Binding::new(self.deployment(), after, &destination);
            for (name, text) in fresh() {
                let sealed = seal::seal(&key, &binding, name, text);
                let sealed = sealed.ok_or_else(|| Error::CannotSeal(name.to_owned()))?;
                values.insert(name.to_owned(), sealed);
            }
        }
        Ok(Sealed { rev: Rev::new(), values })
    }
}

impl Sealed {
    /// Lists the names of the values.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }
}

//! Rotating an organisation's key pair: a new one becomes current, what older ones sealed is sealed anew, and a number that
//! nothing names any more retires.
//!
//! Each step leaves everything openable, so that a rotation may break off anywhere and be begun again.

mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use sourcegate_core::{Datasource, Destination, OrgId, Rev, Uid};

use crate::item::{Item, Record, datasource_item, datasource_of, number, text};
use crate::read::{Partition, pause};
use crate::seal::{self, Binding, KeyContext, PublicKey};
use crate::secrets::Sealed;
use crate::table::{Key, Table, keys_of, sealed_of, secret_of};
use crate::write::{Condition, Outcome, Write};
use crate::{Admin, Error, Keyring, Vault, WrappedKey};

/// How often something is tried again on what somebody else wrote meanwhile.
const MOST_TRIES: u32 = 32;

/// What one pass over an organisation's sealed values came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many values were sealed to the current key.
    pub resealed: usize,
    /// The values that stay as they are.
    pub left: Vec<Left>,
    /// The older numbers that are still named, by what is left.
    pub numbers: BTreeSet<u32>,
}

/// A sealed value that could not be sealed anew. It is lost unless its key or its data source comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The uid of its data source.
    pub uid: String,
    /// Its name; none where all values of the data source are meant.
    pub name: Option<String>,
    /// Why.
    pub why: String,
}

/// The sealed values of one record.
struct Values<'a> {
    org: OrgId,
    /// What it is called where something is left.
    place: &'a str,
    sealed: &'a Sealed,
    binding: &'a Binding<'a>,
}

impl Pass {
    fn leave(&mut self, uid: &str, name: Option<&str>, why: &dyn ToString) {
        let name = name.map(str::to_owned);
        self.left.push(Left { uid: uid.to_owned(), name, why: why.to_string() });
    }
}

impl Admin {
    /// Makes a new key pair and has secrets sealed to it from now on. What was sealed before still opens. Gives its number.
    ///
    /// # Errors
    /// [`Error::NoKey`] where the organisation has none; what the keyring says.
    pub async fn rotate(&self, org: OrgId, keyring: &Keyring) -> Result<u32, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let current = self.current_key(org).await?;
            let newest = self.numbered_keys(org).await?.pop_last().unwrap_or(current.number);
            let what = "there is no number after the last";
            let next = newest.max(current.number).checked_add(1);
            let next = next.ok_or(Error::Key { org, what })?;
            let deployment = self.store().deployment().to_owned();
            let pair = keyring.make_pair(&KeyContext { deployment, org, number: next }).await?;
            let [numbered, now] = WrappedKey::items(org, next, &pair);
            let unchanged = Condition::Equals("number", number(current.number));
            let writes = [
                Write::put(Table::Access, numbered).only_if(Condition::Absent),
                Write::put(Table::Access, now).only_if(unchanged),
            ];
            match self.store().transact(&writes).await? {
                Outcome::Written => return Ok(next),
                Outcome::Refused(found) => {
                    // The answer of an earlier try was lost.
                    let first = found.into_iter().next().flatten();
                    let there = first.as_ref().and_then(|item| WrappedKey::of(item).ok());
                    if there.is_some_and(|there| there.public == pair.public) {
                        return Ok(next);
                    }
                }
            }
        }
        Err(Error::Busy)
    }

    /// Gives the numbers that the organisation's keys have beside the current one.
    ///
    /// # Errors
    /// What the table says; [`Error::BadRecord`].
    pub async fn older_keys(&self, org: OrgId) -> Result<BTreeSet<u32>, Error> {
        let current = self.current_key(org).await?.number;
        let mut numbers = self.numbered_keys(org).await?;
        numbers.remove(&current);
        Ok(numbers)
    }

    /// Seals to the current key whatever an organisation has sealed to another. `done` hears after each data source how many
    /// there have been. What does not open is left as it is and told.
    ///
    /// # Errors
    /// What the tables and the keyring say. What was sealed anew before stays so.
    pub async fn reseal(
        &self,
        org: OrgId,
        vault: &Vault,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<Pass, Error> {
        let pk = sealed_of(org);
        let partition = Partition { table: Table::Registry, pk: &pk, backwards: false };
        let items = self.store().query(&partition, usize::MAX).await?;
        let mut pass = Pass::default();
        for (count, item) in items.iter().enumerate() {
            let record = Record(item);
            let sk = record.text("sk")?;
            match sk.strip_prefix("DS#").map(Uid::parse) {
                Some(Ok(uid)) => self.reseal_one(org, &uid, vault, &mut pass).await?,
                _ => match secret_of(sk) {
                    Some(id) => self.reseal_secret(org, &id, vault, &mut pass).await?,
                    None => {
                        pass.numbers.extend(numbers_of(item, u32::MAX));
                        pass.leave(sk, None, &"is of no kind that is known");
                    }
                },
            }
            done(count + 1);
        }
        Ok(pass)
    }

    async fn reseal_one(
        &self,
        org: OrgId,
        uid: &Uid,
        vault: &Vault,
        pass: &mut Pass,
    ) -> Result<(), Error> {
        let key = self.store().public_key(org).await?;
        for round in 0..MOST_TRIES {
            if round > 0 {
                pause(round.min(4)).await;
            }
            let keys = [Key::datasource(org, uid), Key::sealed(org, uid)];
            let mut batch = self.store().batch(&keys).await?;
            let [source, sealed] = keys.map(|key| batch.take(&key));
            // Deleted since.
            let Some(sealed) = sealed else { return Ok(()) };
            let (source, sealed) = match read(org, source, &sealed) {
                Ok(Some(both)) => both,
                Ok(None) if round + 1 < MOST_TRIES => continue,
                Ok(None) => return Err(Error::Torn(uid.clone())),
                Err(why) => {
                    pass.numbers.extend(numbers_of(&sealed, key.number));
                    pass.leave(uid.as_str(), None, &why);
                    return Ok(());
                }
            };
            let mut tried = Pass::default();
            let destination = Destination::of(&source.settings);
            let binding = Binding::new(self.store().deployment(), &source, &destination);
            let values = Values { org, place: uid.as_str(), sealed: &sealed, binding: &binding };
            let anew = self.anew(&values, (&key, vault), &mut tried).await?;
            let written = match anew {
                Some(anew) => self.write_resealed(&source, &anew).await?,
                None => true,
            };
            if written {
                pass.resealed += tried.resealed;
                pass.left.append(&mut tried.left);
                pass.numbers.append(&mut tried.numbers);
                return Ok(());
            }
        }
        Err(Error::Busy)
    }

    /// Seals anew what is sealed to another key; none if there is nothing of that kind that opens.
    async fn anew(
        &self,
        values: &Values<'_>,
        (key, vault): (&PublicKey, &Vault),
        pass: &mut Pass,
    ) -> Result<Option<Sealed>, Error> {
        let &Values { org, place, sealed, binding } = values;
        let mut anew = BTreeMap::new();
        for name in sealed.names() {
            let old = match sealed.key_number(name) {
                Some(number) if number == key.number => continue,
                Some(number) => number,
                None => {
                    pass.leave(place, Some(name), &"is damaged");
                    continue;
                }
            };
            let name_alone = std::iter::once(&**name);
            let opened = match self.store().key(org, old).await {
                Ok(old) => vault.open_bound(binding, (org, sealed), &old, name_alone).await,
                Err(error) => Err(error),
            };
            match opened {
                Ok(opened) => {
                    let text = opened.iter().next().map(|(_, text)| text);
                    let text = text.ok_or_else(|| Error::DoesNotOpen(name.clone()))?;
                    let value = seal::seal(key, binding, name, text);
                    anew.insert(
                        name.clone(),
                        value.ok_or_else(|| Error::CannotSeal(name.clone()))?,
                    );
                }
                Err(error @ (Error::DoesNotOpen(_) | Error::NoKey(_))) => {
                    pass.numbers.insert(old);
                    pass.leave(place, Some(name), &error);
                }
                // A key service that cannot be asked says nothing about the value.
                Err(error) => return Err(error),
            }
        }
        pass.resealed = anew.len();
        Ok((!anew.is_empty()).then(|| sealed.with(anew)))
    }

    /// Writes them beside their source if that is as it was; false if somebody was faster.
    async fn write_resealed(&self, source: &Datasource, sealed: &Sealed) -> Result<bool, Error> {
        let after = Datasource { rev: Rev::new(), sec_rev: Some(sealed.rev), ..source.clone() };
        let unchanged = Condition::Equals("rev", text(source.rev));
        let writes = [
            Write::put(Table::Registry, datasource_item(&after)).only_if(unchanged),
            Write::put(Table::Registry, sealed.item(&after)),
        ];
        writes.iter().try_for_each(Write::check_size)?;
        match self.store().transact(&writes).await? {
            Outcome::Written => Ok(true),
            Outcome::Refused(found) => {
                let there = found.first().and_then(Option::as_ref);
                let is_ours = |item: &Item| {
                    Record(item).text("rev").is_ok_and(|rev| rev == after.rev.to_string())
                };
                // The answer of an earlier try was lost.
                Ok(there.is_some_and(is_ours))
            }
        }
    }

    /// Removes the older keys whose numbers are not among those still named. Gives the removed ones.
    ///
    /// `named` must come from a pass that began later than any save could still go on that had read an older current key.
    ///
    /// # Errors
    /// What the table says.
    pub async fn retire(&self, org: OrgId, named: &BTreeSet<u32>) -> Result<Vec<u32>, Error> {
        let mut retired = Vec::new();
        for old in self.older_keys(org).await?.into_iter().filter(|old| !named.contains(old)) {
            let still = Condition::Equals("number", number(old));
            let gone = Write::delete(Key::numbered_key(org, old)).only_if(still);
            if matches!(self.store().transact(&[gone]).await?, Outcome::Written) {
                retired.push(old);
            }
        }
        Ok(retired)
    }

    async fn current_key(&self, org: OrgId) -> Result<WrappedKey, Error> {
        let item = self.store().get(&Key::current_key(org)).await?;
        WrappedKey::of(&item.ok_or(Error::NoKey(org))?)
    }

    async fn numbered_keys(&self, org: OrgId) -> Result<BTreeSet<u32>, Error> {
        let pk = keys_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let items = self.store().query(&partition, usize::MAX).await?;
        let mut numbers = BTreeSet::new();
        for item in &items {
            let record = Record(item);
            match record.text("sk")? {
                "current" => {}
                number => {
                    numbers.insert(number.parse().map_err(|_| record.bad("sk"))?);
                }
            }
        }
        Ok(numbers)
    }
}

/// Reads a source with its sealed values; none if they are of different writes, as a batch is no snapshot.
fn read(
    org: OrgId,
    source: Option<Item>,
    sealed: &Item,
) -> Result<Option<(Datasource, Sealed)>, Error> {
    let source = source.ok_or_else(|| Record(sealed).bad("data source"))?;
    let source = datasource_of(org, &source)?;
    let sealed = Sealed::of(sealed)?;
    Ok((source.sec_rev == Some(sealed.rev)).then_some((source, sealed)))
}

/// The numbers other than the current one that damaged values may name.
fn numbers_of(sealed: &Item, current: u32) -> BTreeSet<u32> {
    let values = sealed.get("values").and_then(|value| value.as_m().ok());
    let blobs = values.into_iter().flat_map(|values| values.values());
    let numbers = blobs.filter_map(|value| seal::key_number(value.as_b().ok()?.as_ref()));
    numbers.filter(|number| *number != current).collect()
}

//! Making an organisation: itself, its first key pair and its founder's membership, all at once.

use auth::{Identity, Permit, Role};
use sourcegate_core::{OrgId, OrgName, Rev};

use super::Org;
use crate::entry::seconds_now;
use crate::item::{Item, Record};
use crate::keyring::Pair;
use crate::keys::WrappedKey;
use crate::seal::KeyContext;
use crate::table::{Key, Table};
use crate::users::{Edit, Part, changes};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Keyring, Refused, Store};

/// The number of an organisation's first key pair.
const FIRST_KEY: u32 = 1;

/// How often another number is drawn before giving up.
const MOST_DRAWS: u32 = 4;

/// How often the founder is read again, whom somebody else changes meanwhile.
const MOST_TRIES: u32 = 32;

/// A new organisation with its key pair, not yet written.
pub(crate) struct Founding {
    org: Org,
    pair: Pair,
}

/// Draws the key pair of a new organisation.
pub(crate) async fn founding(
    store: &Store,
    keyring: &Keyring,
    id: OrgId,
    name: &OrgName,
) -> Result<Founding, Error> {
    let deployment = store.deployment().to_owned();
    let pair = keyring.make_pair(&KeyContext { deployment, org: id, number: FIRST_KEY }).await?;
    let org = Org { id, name: name.clone(), created: seconds_now(), rev: Rev::new() };
    Ok(Founding { org, pair })
}

impl Founding {
    /// The parts whose order [`Founding::taken`] knows: the organisation, its name; then what follows from the two.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let [numbered, current] = WrappedKey::items(self.org.id, FIRST_KEY, &self.pair);
        let (org, name, listed) = (self.org.item(), self.org.name_item(), self.org.listed_item());
        let items = [org, name, listed, numbered, current];
        items.map(|item| Write::put(Table::Access, item).only_if(Condition::Absent)).into()
    }

    fn taken(&self, found: &[Option<Item>]) -> Taken {
        let there = |at: usize| found.get(at).and_then(Option::as_ref);
        let ours =
            |item: &Item| Record(item).text("rev").is_ok_and(|rev| rev == self.org.rev.to_string());
        match (there(0), there(1)) {
            (Some(item), _) if ours(item) => Taken::Ourselves,
            (_, Some(_)) => Taken::Name,
            (Some(_), None) => Taken::Number,
            (None, None) => Taken::Else,
        }
    }
}

/// What was in the way.
enum Taken {
    Ourselves,
    Name,
    Number,
    /// The founder was changed, or something stands where nothing should.
    Else,
}

impl Store {
    /// Makes an organisation. Its maker, if he is a user, becomes its administrator.
    ///
    /// # Errors
    /// [`Refused::OrgName`]; what the keyring says.
    pub async fn create_org(
        &self,
        permit: &Permit,
        keyring: &Keyring,
        name: &OrgName,
    ) -> Result<Org, Error> {
        let taken = || Refused::OrgName(name.clone());
        // Spares the keyring a pair for nothing; what decides is the condition.
        if self.get(&Key::org_name(name)).await?.is_some() {
            return Err(taken().into());
        }
        for _ in 0..MOST_DRAWS {
            let id = self.draw_org().await?;
            let founding = founding(self, keyring, id, name).await?;
            match self.found(&founding, permit.caller().identity()).await? {
                Taken::Ourselves => return Ok(founding.org),
                Taken::Name => return Err(taken().into()),
                Taken::Number | Taken::Else => self.mend_orgs(id).await?,
            }
        }
        Err(Error::Busy)
    }

    async fn found(&self, founding: &Founding, founder: &Identity) -> Result<Taken, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let mut writes = founding.writes();
            let own = writes.len();
            match self.founder(founder, founding.org.id).await {
                Ok(membership) => writes.extend(membership),
                // He is in it already, so that its number was given before.
                Err(Error::Refused(Refused::Member(_))) => return Ok(Taken::Number),
                Err(error) => return Err(error),
            }
            let found = match self.transact(&writes).await? {
                Outcome::Written => return Ok(Taken::Ourselves),
                Outcome::Refused(found) => found,
            };
            let (organisation, founder) = found.split_at(own.min(found.len()));
            match founding.taken(organisation) {
                Taken::Else if founder.iter().any(Option::is_some) => {}
                taken => return Ok(taken),
            }
        }
        Err(Error::Busy)
    }

    /// What makes the founder a member. A program or somebody whom only a token vouches for becomes none.
    async fn founder(&self, founder: &Identity, org: OrgId) -> Result<Vec<Write>, Error> {
        let Identity::User { id, .. } = founder else { return Ok(Vec::new()) };
        let Some(before) = self.kept(*id).await? else { return Ok(Vec::new()) };
        let after = Edit::Join(org, Role::Admin).apply(&before)?;
        let writes = changes(Some(&before), Some(&after));
        Ok(writes.into_iter().map(|(_, write): (Part, Write)| write).collect())
    }
}

//! Tokens as the access table holds them, and from a token's hash to its caller.

use auth::{Caller, Identity, Limits, OwnerId, Role, Token, Unauthenticated};
use sourcegate_core::OrgId;

use crate::item::{Item, Record, item, number, text};
use crate::read::Batch;
use crate::table::Key;
use crate::{Error, limits};

/// A token of a service account as lists show it. Its text was shown once and is kept by nobody here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountToken {
    /// Its number among the tokens of its service account, never given again.
    pub number: u32,
    /// What operators call it; unique within the organisation.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// What it is limited to, its end included.
    pub limits: Limits,
    /// When it was used last, in seconds since 1970 and to the minute.
    pub last_used: Option<i64>,
}

impl AccountToken {
    /// The items of a token: under its hash, where requests find it, and among the tokens of its owner. Who has the name
    /// is written beside them.
    pub(crate) fn items(&self, token: &Token) -> [Item; 3] {
        let (org, owner) = (token.org(), token.owner());
        let stored = [("org", number(org)), ("owner", number(owner))];
        let found = || text(Key::token(token).pk);
        let by_name = [("token", found()), ("owner", number(owner))];
        let entry = Key::account_token(org, owner, self.number);
        [
            self.described(item(&Key::token(token), stored)),
            self.described(item(&entry, [("token", found())])),
            item(&Key::token_name(org, &self.name), by_name),
        ]
    }

    fn described(&self, mut item: Item) -> Item {
        let all = [
            ("name", text(&self.name)),
            ("number", number(self.number)),
            ("created", number(self.created)),
        ];
        item.extend(all.map(|(name, value)| (name.to_owned(), value)));
        limits::write(&self.limits, &mut item);
        item
    }

    /// Reads an entry among the tokens of a service account.
    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        Ok(Self {
            number: record.number("number")?,
            name: record.text("name")?.to_owned(),
            created: record.number("created")?,
            limits: limits::read(&record)?,
            last_used: None,
        })
    }
}

/// The keys that tell whether a token is valid and whose it is.
pub(crate) fn keys(token: &Token) -> Vec<Key> {
    vec![Key::token(token), Key::service_account(token.org(), token.owner()), Key::org(token.org())]
}

/// A token that turned out to be valid.
pub(crate) struct Valid {
    /// Whose it is.
    pub(crate) caller: Caller,
    /// Its number among the tokens of its service account.
    pub(crate) number: u32,
}

/// Decides what the items of [`keys`] say at a time (seconds since 1970).
///
/// # Errors
/// [`Unauthenticated::InvalidToken`] unless token, owner and organisation are there and go together;
/// [`Unauthenticated::ExpiredToken`]; [`Unauthenticated::OrgMismatch`] if another organisation was asked for.
pub(crate) fn verify(
    token: &Token,
    wanted_org: Option<i64>,
    batch: &mut Batch,
    now: i64,
) -> Result<Valid, Error> {
    let invalid = Unauthenticated::InvalidToken;
    let [stored, owner, org] = [
        Key::token(token),
        Key::service_account(token.org(), token.owner()),
        Key::org(token.org()),
    ]
    .map(|key| batch.take(&key));
    let (stored, owner) = (stored.ok_or(invalid)?, owner.ok_or(invalid)?);
    let (stored, owner) = (Record(&stored), Record(&owner));
    let belongs = stored.number::<u32>("org")? == token.org().get()
        && stored.number::<u32>("owner")? == token.owner().get();
    if !belongs || !is_open(org.as_ref())? || owner.flag("disabled")? {
        return Err(invalid.into());
    }
    // Expiry is compared here: the table forgets expired items days later (`faults.md` D20).
    let limits = limits::read(&stored)?;
    if limits.have_ended(now) {
        return Err(Unauthenticated::ExpiredToken.into());
    }
    if wanted_org.is_some_and(|wanted| wanted != i64::from(token.org().get())) {
        return Err(Unauthenticated::OrgMismatch.into());
    }
    let role = Role::parse(owner.text("role")?).ok_or_else(|| owner.bad("role"))?;
    let identity =
        Identity::ServiceAccount { id: token.owner(), name: owner.text("name")?.to_owned() };
    let caller = Caller::new(identity, token.org(), role).limited(limits);
    Ok(Valid { caller, number: stored.number("number")? })
}

/// Tells whether an organisation exists and is not being deleted.
pub(crate) fn is_open(org: Option<&Item>) -> Result<bool, Error> {
    match org {
        Some(item) => Ok(!Record(item).flag("deleting")?),
        None => Ok(false),
    }
}

/// The keys under which a token is stored, as its entry among the tokens of its owner tells them.
pub(crate) struct Stored {
    /// The partition key of the token itself.
    pub(crate) pk: String,
    /// All its keys: the token, its entry, its name.
    pub(crate) keys: [Key; 3],
}

impl Stored {
    pub(crate) fn of(org: OrgId, owner: OwnerId, entry: &Item) -> Result<Self, Error> {
        let record = Record(entry);
        let pk = record.text("token")?.to_owned();
        let listed = Key::account_token(org, owner, record.number("number")?);
        let named = Key::token_name(org, record.text("name")?);
        Ok(Self { keys: [Key::stored_token(pk.clone()), listed, named], pk })
    }
}

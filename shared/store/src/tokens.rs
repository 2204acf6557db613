//! Service accounts and their tokens: from a token's hash to its caller.

use auth::{Caller, Identity, OwnerId, Role, Token, Unauthenticated};
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::OrgId;

use crate::Error;
use crate::item::{Item, Record, item, number, text};
use crate::read::Batch;
use crate::table::Key;

/// The keys that tell whether a token is valid and whose it is.
pub(crate) fn keys(token: &Token) -> Vec<Key> {
    vec![Key::token(token), Key::service_account(token.org(), token.owner()), Key::org(token.org())]
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
) -> Result<Caller, Error> {
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
    if stored.optional_number::<i64>("expires")?.is_some_and(|expires| expires <= now) {
        return Err(Unauthenticated::ExpiredToken.into());
    }
    if wanted_org.is_some_and(|wanted| wanted != i64::from(token.org().get())) {
        return Err(Unauthenticated::OrgMismatch.into());
    }
    let role = Role::parse(owner.text("role")?).ok_or_else(|| owner.bad("role"))?;
    let identity =
        Identity::ServiceAccount { id: token.owner(), name: owner.text("name")?.to_owned() };
    Ok(Caller::new(identity, token.org(), role))
}

/// Tells whether an organisation exists and is not being deleted.
pub(crate) fn is_open(org: Option<&Item>) -> Result<bool, Error> {
    match org {
        Some(item) => Ok(!Record(item).flag("deleting")?),
        None => Ok(false),
    }
}

/// The items of a new service account with its first token.
pub(crate) fn items(
    org: OrgId,
    owner: OwnerId,
    name: &str,
    role: Role,
    token: &Token,
) -> [Item; 3] {
    let account = item(
        &Key::service_account(org, owner),
        [("name", text(name)), ("role", text(role)), ("disabled", AttributeValue::Bool(false))],
    );
    let stored = item(
        &Key::token(token),
        [
            ("org", number(org)),
            ("owner", number(owner)),
            ("name", text(name)),
            ("number", number(1)),
        ],
    );
    let Key { pk, .. } = Key::token(token);
    let listed =
        item(&Key::account_token(org, owner, 1), [("token", text(pk)), ("name", text(name))]);
    [account, stored, listed]
}

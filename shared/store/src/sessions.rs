//! Logins: what their tokens are good for, and until when.
//!
//! A session stands beside its user's others and knows the hashes of its tokens alone. It is his as long as he has the
//! password that he logged in with: another one, or being shut out or deleted, ends it without a write.

mod begin;
mod renew;

use auth::{SessionId, SessionOwner, SessionToken, SessionUse, Unauthenticated};
use aws_sdk_dynamodb::types::AttributeValue;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sourcegate_core::{OrgId, Rev};

use crate::item::{Item, Record, bytes, item, number, text};
use crate::read::Batch;
use crate::table::Key;
use crate::users::{Kept, Place, Verified};
use crate::{Error, Store};

/// How long a token for requests lasts, in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// How long a token for the next pair lasts, in seconds.
const REFRESH_SECONDS: i64 = 24 * 60 * 60;

/// How many tokens for requests one session has at once: what was begun with an earlier one is ended with it.
const MOST_ACCESS: usize = 8;

/// The tokens that a login gives: the only time that their texts exist.
#[derive(Debug)]
pub struct Tokens {
    /// `sgat_…`, for requests.
    pub access: SecretString,
    /// `sgrt_…`, for the next pair.
    pub refresh: SecretString,
}

/// The hash of a token and its end in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    hash: [u8; 32],
    expires: i64,
}

impl Known {
    fn new(token: &SessionToken, expires: i64) -> Self {
        Self { hash: *token.hash(), expires }
    }
}

/// One login of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    owner: SessionOwner,
    /// What stands for the password that he logged in with.
    password: [u8; 32],
    access: Vec<Known>,
    refresh: Known,
    /// When the token for the next pair was last exchanged, in seconds since 1970.
    renewed: i64,
    rev: Rev,
}

/// What stands for a password in a session: another one for each that is set, the same one again included.
fn password_mark(hash: &str) -> [u8; 32] {
    Sha256::digest(hash).into()
}

impl Session {
    fn key(&self) -> Key {
        Key::session(self.owner.user, self.owner.session)
    }

    fn item(&self) -> Item {
        let access = self.access.iter().map(|known| {
            let parts = [("hash", bytes(&known.hash)), ("expires", number(known.expires))];
            AttributeValue::M(parts.map(|(name, value)| (name.to_owned(), value)).into())
        });
        item(
            &self.key(),
            [
                ("login", text(&self.owner.login)),
                ("password", bytes(&self.password)),
                ("access", AttributeValue::L(access.collect())),
                ("refresh", bytes(&self.refresh.hash)),
                ("expires", number(self.refresh.expires)),
                ("renewed", number(self.renewed)),
                ("rev", text(self.rev)),
            ],
        )
    }

    pub(crate) fn of(item: &Item) -> Result<Self, Error> {
        let record = Record(item);
        let hash = |value: Option<&AttributeValue>| -> Option<[u8; 32]> {
            value?.as_b().ok()?.as_ref().try_into().ok()
        };
        let known = |value: &AttributeValue| {
            let parts = value.as_m().ok()?;
            let expires = parts.get("expires")?.as_n().ok()?.parse().ok()?;
            Some(Known { hash: hash(parts.get("hash"))?, expires })
        };
        let access = record.0.get("access").and_then(|value| value.as_l().ok());
        let access = access.and_then(|all| all.iter().map(known).collect());
        let user = record.text("pk")?.strip_prefix("SESSION#").and_then(|id| id.parse().ok());
        let session = SessionId::parse(record.text("sk")?);
        Ok(Self {
            owner: SessionOwner {
                session: session.ok_or_else(|| record.bad("sk"))?,
                user: user.ok_or_else(|| record.bad("pk"))?,
                login: record.text("login")?.to_owned(),
            },
            password: hash(item.get("password")).ok_or_else(|| record.bad("password"))?,
            access: access.ok_or_else(|| record.bad("access"))?,
            refresh: Known {
                hash: hash(item.get("refresh")).ok_or_else(|| record.bad("refresh"))?,
                expires: record.number("expires")?,
            },
            renewed: record.number("renewed")?,
            rev: record.parsed("rev", Rev::parse)?,
        })
    }

    /// Draws the next pair of tokens, at a time in seconds since 1970. Earlier ones for requests last till their end, the
    /// earlier one for the next pair ends now.
    fn renewed(&self, now: i64) -> (Self, Tokens) {
        let (access_end, refresh_end) = (now + ACCESS_SECONDS, now + REFRESH_SECONDS);
        let (access_text, access) =
            SessionToken::generate(SessionUse::Access, &self.owner, access_end);
        let (refresh_text, refresh) =
            SessionToken::generate(SessionUse::Refresh, &self.owner, refresh_end);
        let mut all: Vec<_> =
            self.access.iter().filter(|known| known.expires > now).cloned().collect();
        all.push(Known::new(&access, access_end));
        let spare = all.len().saturating_sub(MOST_ACCESS);
        let after = Self {
            access: all.split_off(spare),
            refresh: Known::new(&refresh, refresh_end),
            renewed: now,
            rev: Rev::new(),
            ..self.clone()
        };
        (after, Tokens { access: access_text, refresh: refresh_text })
    }

    /// Tells whether it is still its user's, as he is now.
    fn is_of(&self, kept: &Kept) -> bool {
        kept.user.id == self.owner.user
            && !kept.user.disabled
            && password_mark(&kept.hash) == self.password
    }
}

/// The keys that tell whether a token of a login is valid and whose it is.
pub(crate) fn keys(token: &SessionToken, org: OrgId) -> Vec<Key> {
    let SessionOwner { session, user, login } = token.owner();
    let mut keys = vec![Key::session(*user, *session), Key::org(org)];
    // A login that makes no key is nobody's, and so is its token.
    if !crate::users::is_no_login(login) {
        keys.push(Key::user(login));
    }
    keys
}

impl Store {
    /// Decides what the items of [`keys`] say.
    pub(crate) fn verify_session(
        &self,
        token: &SessionToken,
        place: &mut Place,
        batch: &mut Batch,
    ) -> Result<Verified, Error> {
        let invalid = Unauthenticated::InvalidToken;
        let SessionOwner { session, user, login } = token.owner();
        let session = batch.take(&Key::session(*user, *session)).ok_or(invalid)?;
        let session = Session::of(&session)?;
        if !session.access.iter().any(|known| known.hash == *token.hash()) {
            return Err(invalid.into());
        }
        // Now all that the token says of itself is known to be true.
        token.check(crate::seconds_now())?;
        let kept = batch.take(&Key::user(login)).ok_or(invalid)?;
        let kept = Kept::of(&kept)?;
        if !session.is_of(&kept) {
            return Err(invalid.into());
        }
        let meta = batch.take(&Key::org(place.org()));
        self.settle(login, kept.user, place, meta.as_ref())
    }
}

#[cfg(test)]
mod tests;

//! Exchanging a token for the next pair.

use std::net::IpAddr;

use auth::{SessionOwner, SessionToken, Unauthenticated};
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Session, Tokens};
use crate::entry::seconds_now;
use crate::item::{Item, Record, text};
use crate::table::{Key, Table};
use crate::users::Kept;
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// For how long, in seconds, a token that was exchanged is a retry and no theft: its answer may have been lost.
const RETRIED: i64 = 10;

impl Store {
    /// Exchanges a token for the next pair: it is good for one exchange. One that comes again later ends the whole session,
    /// since somebody else has it.
    ///
    /// # Errors
    /// [`Unauthenticated::InvalidToken`]; [`Unauthenticated::ExpiredToken`].
    pub async fn renew(&self, token: &SessionToken, peer: Option<IpAddr>) -> Result<Tokens, Error> {
        let renewed = self.renewed(token).await;
        if matches!(renewed, Err(Error::Unauthenticated(Unauthenticated::InvalidToken))) {
            self.note_unknown_token(peer);
        }
        renewed
    }

    async fn renewed(&self, token: &SessionToken) -> Result<Tokens, Error> {
        let invalid = Unauthenticated::InvalidToken;
        let SessionOwner { session, user, login } = token.owner();
        if crate::users::is_no_login(login) {
            return Err(invalid.into());
        }
        let keys = [Key::session(*user, *session), Key::user(login)];
        let mut batch = self.batch(&keys).await?;
        let [session, kept] = keys.each_ref().map(|key| batch.take(key));
        let session = Session::of(&session.ok_or(invalid)?)?;
        let now = seconds_now();
        if session.refresh.hash != *token.hash() {
            if now - session.renewed > RETRIED {
                tracing::warn!(user, "a token was exchanged twice; its session ends");
                self.remove(&keys[0]).await?;
            }
            return Err(invalid.into());
        }
        token.check(now)?;
        let kept = Kept::of(&kept.ok_or(invalid)?)?;
        if !session.is_of(&kept) {
            return Err(invalid.into());
        }
        let (after, tokens) = session.renewed(now);
        let unchanged = Condition::Equals("rev", text(session.rev));
        let write = Write::put(Table::Access, after.item()).only_if(unchanged);
        match self.transact(&[write]).await? {
            Outcome::Written => Ok(tokens),
            Outcome::Refused(found) if is_written(&after, &found) => Ok(tokens),
            // Somebody was faster with the same token.
            Outcome::Refused(_) => Err(invalid.into()),
        }
    }
}

fn is_written(after: &Session, found: &[Option<Item>]) -> bool {
    let there = found.first().and_then(Option::as_ref);
    let rev: AttributeValue = text(after.rev);
    there.is_some_and(|item| Record(item).0.get("rev") == Some(&rev))
}

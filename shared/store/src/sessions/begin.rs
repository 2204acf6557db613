//! Logging in and out.

use auth::{Credential, Identity, SessionId, SessionOwner, SessionToken, Unauthenticated};
use secrecy::SecretString;
use sourcegate_core::Rev;

use super::{Known, Session, Tokens, password_mark};
use crate::datasources::logged;
use crate::entry::{Claim, seconds_now};
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::users::Kept;
use crate::write::{Condition, Write};
use crate::{Error, Store};

/// How many logins a user has at once; the one that was used least recently makes room.
const MOST_SESSIONS: usize = 20;

impl Store {
    /// Lets a user in by the login and the password of a claim, and gives him tokens. Failures are counted as everywhere.
    ///
    /// # Errors
    /// [`Unauthenticated`], as for a request with these.
    pub async fn log_in(&self, claim: Claim<'_>) -> Result<Tokens, Error> {
        let wrong = Unauthenticated::WrongPassword;
        let Credential::Password { login, password } = claim.credential else {
            return Err(wrong.into());
        };
        let caller = self.caller(claim).await?;
        let Identity::User { id, login: own, .. } = caller.identity() else {
            return Err(wrong.into());
        };
        let kept = self.get(&Key::user(own)).await?.ok_or(wrong)?;
        let kept = Kept::of(&kept)?;
        // The session is bound to the password that is his now, which may be another one than a moment ago.
        let is_right = kept.user.id == *id && self.still_right(login, password, &kept.hash).await?;
        if !is_right {
            return Err(wrong.into());
        }
        self.begin_session(&kept).await
    }

    async fn still_right(
        &self,
        login: &str,
        password: &SecretString,
        hash: &str,
    ) -> Result<bool, Error> {
        Ok(self.0.passwords.check((login, password), hash, None).await?)
    }

    async fn begin_session(&self, kept: &Kept) -> Result<Tokens, Error> {
        let (user, login) = (kept.user.id, kept.user.login.clone());
        let now = seconds_now();
        let none = Known { hash: [0; 32], expires: now };
        let new = Session {
            owner: SessionOwner { session: SessionId::new(), user, login },
            password: password_mark(&kept.hash),
            access: Vec::new(),
            refresh: none,
            renewed: now,
            rev: Rev::new(),
        };
        let (session, tokens) = new.renewed(now);
        let put = Write::put(Table::Access, session.item()).only_if(Condition::Absent);
        let mut writes = vec![put];
        writes.extend(self.spare_sessions(user, now).await?.into_iter().map(Write::delete));
        // Nobody else draws its number: where it is there already, the answer of an earlier try was lost.
        self.transact(&writes).await?;
        Ok(tokens)
    }

    /// Lists the logins of a user that have ended, and those that are too many beside a new one.
    async fn spare_sessions(&self, user: u32, now: i64) -> Result<Vec<Key>, Error> {
        let mut sessions = self.sessions_of(user).await?;
        let is_over = |session: &Session| session.refresh.expires <= now;
        sessions.sort_by_key(|session| (!is_over(session), session.renewed));
        let over = sessions.iter().filter(|session| is_over(session)).count();
        let spare = over.max((sessions.len() + 1).saturating_sub(MOST_SESSIONS));
        // More than fit into the transaction go at the next login.
        Ok(sessions.iter().take(spare.min(90)).map(Session::key).collect())
    }

    async fn sessions_of(&self, user: u32) -> Result<Vec<Session>, Error> {
        let pk = table::sessions_of(user);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let items = self.query(&partition, usize::MAX).await?;
        Ok(items.iter().filter_map(|item| logged(Session::of(item))).collect())
    }

    /// Ends the login that a token is of, which was found to be valid. Its tokens end here at once, elsewhere within five
    /// seconds.
    ///
    /// # Errors
    /// What the table says.
    pub async fn log_out(&self, token: &SessionToken) -> Result<(), Error> {
        let SessionOwner { session, user, .. } = token.owner();
        self.remove(&Key::session(*user, *session)).await
    }

    /// Removes the logins of a user who is gone, which are good for nothing since.
    pub(crate) async fn end_sessions(&self, user: u32) -> Result<(), Error> {
        for session in self.sessions_of(user).await? {
            self.remove(&session.key()).await?;
        }
        Ok(())
    }
}

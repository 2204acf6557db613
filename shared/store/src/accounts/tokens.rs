//! The tokens of a service account: made, listed, revoked.

use auth::{Limits, OwnerId, Permit, Token};
use secrecy::SecretString;
use sourcegate_core::{OrgId, Rev};

use super::create::owner_of;
use super::delete::ended;
use super::{MOST_TOKENS, MOST_TRIES, ServiceAccount};
use crate::datasources::logged;
use crate::entry::seconds_now;
use crate::read::Partition;
use crate::table::{self, Key, Table};
use crate::tokens::{AccountToken, Stored};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Store};

/// What a new token is made of.
#[derive(Clone, Debug, Default)]
pub struct TokenDraft {
    /// Its name.
    pub name: String,
    /// What it is limited to, its end included.
    pub limits: Limits,
}

/// A token that was just made: the only time that its text exists.
#[derive(Debug)]
pub struct MadeToken {
    /// Its number among the tokens of its service account.
    pub number: u32,
    /// `glsa_…`.
    pub text: SecretString,
}

impl Store {
    /// Makes a token for a service account of the caller's organisation.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; [`Error::TokenTaken`]; [`Error::TooManyTokens`].
    pub async fn create_token(
        &self,
        permit: &Permit,
        id: OwnerId,
        draft: TokenDraft,
    ) -> Result<MadeToken, Error> {
        self.make_token(permit.caller().org(), id, draft).await
    }

    /// The same for an operator.
    pub(crate) async fn make_token(
        &self,
        org: OrgId,
        id: OwnerId,
        draft: TokenDraft,
    ) -> Result<MadeToken, Error> {
        let (text, token) = Token::generate(org, id);
        let TokenDraft { name, limits } = draft;
        let made =
            AccountToken { number: 0, name, created: seconds_now(), limits, last_used: None };
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let stored = self.account(org, id).await?;
            if stored.tokens >= MOST_TOKENS {
                return Err(Error::TooManyTokens { account: id, limit: MOST_TOKENS });
            }
            let number = stored.next_token;
            let account = ServiceAccount {
                tokens: stored.tokens + 1,
                next_token: number.checked_add(1).ok_or(Error::Busy)?,
                rev: Rev::new(),
                ..stored.clone()
            };
            let made = AccountToken { number, ..made.clone() };
            let writes = addition(&stored, &account, made.items(&token).map(new));
            let found = match self.transact(&writes).await? {
                Outcome::Written => return Ok(MadeToken { number, text }),
                Outcome::Refused(found) => found,
            };
            let there = |at: usize| found.get(at).and_then(Option::as_ref);
            if account.is_written(there(0)) {
                return Ok(MadeToken { number, text });
            }
            if let Some(name) = there(3)
                && !self.finish_deletion(org, owner_of(name)?).await?
            {
                return Err(Error::TokenTaken(made.name));
            }
        }
        Err(Error::Busy)
    }

    /// Lists the tokens of a service account in the order of their names; none if there is no such account. A damaged one
    /// is left out and logged.
    ///
    /// # Errors
    /// What the table says.
    pub async fn tokens(&self, permit: &Permit, id: OwnerId) -> Result<Vec<AccountToken>, Error> {
        let org = permit.caller().org();
        let pk = table::account_tokens_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let beginning = table::account_tokens_from(id);
        let entries = self.query_from(&partition, &beginning, usize::MAX).await?;
        let used = self.last_uses(org, id).await?;
        let all = entries.iter().filter_map(|entry| logged(AccountToken::of(entry)));
        let mut all: Vec<_> = all
            .map(|token| AccountToken { last_used: used.get(&token.number).copied(), ..token })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Revokes a token: this process refuses it at once, others within five seconds.
    ///
    /// # Errors
    /// [`Error::NoAccount`]; [`Error::NoToken`].
    pub async fn revoke_token(
        &self,
        permit: &Permit,
        id: OwnerId,
        number: u32,
    ) -> Result<(), Error> {
        let org = permit.caller().org();
        let entry_key = Key::account_token(org, id, number);
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let stored = self.account(org, id).await?;
            let entry = self.get(&entry_key).await?.ok_or(Error::NoToken(number))?;
            let account = ServiceAccount {
                tokens: stored.tokens.saturating_sub(1),
                rev: Rev::new(),
                ..stored.clone()
            };
            let unchanged = Condition::Equals("rev", stored.rev_value());
            let mut writes = vec![Write::put(Table::Access, account.item()).only_if(unchanged)];
            writes.extend(ended(Stored::of(org, id, &entry)?));
            match self.transact(&writes).await? {
                Outcome::Written => return Ok(()),
                Outcome::Refused(found)
                    if account.is_written(found.first().and_then(Option::as_ref)) =>
                {
                    return Ok(());
                }
                Outcome::Refused(_) => {}
            }
        }
        Err(Error::Busy)
    }
}

fn new(item: crate::item::Item) -> Write {
    Write::put(Table::Access, item).only_if(Condition::Absent)
}

/// The account with one token more, and the token, its entry and its name, in this order.
fn addition(stored: &ServiceAccount, account: &ServiceAccount, token: [Write; 3]) -> Vec<Write> {
    let unchanged = Condition::Equals("rev", stored.rev_value());
    let mut writes = vec![Write::put(Table::Access, account.item()).only_if(unchanged)];
    writes.extend(token);
    writes
}

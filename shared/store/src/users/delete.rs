//! Deleting a user.

use auth::Permit;

use super::Kept;
use super::changes::changes;
use super::edit::{Edit, MOST_TRIES};
use crate::{Error, Refused, Store};

/// How many memberships go in one transaction, beside the user's own items: a hundred parts are the most.
const MOST_AT_ONCE: usize = 90;

impl Store {
    /// Deletes a user with all his memberships. One of more organisations than fit into a transaction is shut out first and
    /// leaves them some at a time: whoever is interrupted there deletes him again.
    ///
    /// # Errors
    /// [`Refused::NoUser`], [`Refused::LastServerAdmin`].
    pub async fn delete_user(&self, _permit: &Permit, id: u32) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let before = self.kept(id).await?.ok_or(Refused::NoUser)?;
            let after = without_some(&before)?;
            let mut writes = changes(Some(&before), after.as_ref());
            if before.user.runs_server() {
                writes.push(self.another_server_admin(&before.user).await?);
            }
            let written = self.written(&writes, after.as_ref().map(|kept| &kept.user)).await?;
            match (written, after) {
                (true, None) => {
                    // They are good for nothing since.
                    if let Err(error) = self.end_sessions(id).await {
                        tracing::warn!(%error, "logins of a user who is gone are left behind");
                    }
                    return Ok(());
                }
                (true, Some(_)) => tries = 0,
                (false, _) if tries == MOST_TRIES => return Err(Error::Busy),
                (false, _) => {
                    tries += 1;
                    crate::read::pause(tries.min(4)).await;
                }
            }
        }
    }
}

/// Gives a user of too many organisations as he is on the way; none if all of him can go at once.
fn without_some(before: &Kept) -> Result<Option<Kept>, Refused> {
    if before.user.orgs.len() <= MOST_AT_ONCE {
        return Ok(None);
    }
    let mut kept = Edit::Disabled(true).apply(before)?;
    let some: Vec<_> = kept.user.orgs.keys().copied().take(MOST_AT_ONCE).collect();
    for org in some {
        kept = Edit::Leave(org).apply(&kept)?;
    }
    Ok(Some(kept))
}

#[cfg(test)]
mod tests {
    use sourcegate_core::OrgId;

    use super::*;
    use crate::users::tests::{org, user};

    #[test]
    fn who_is_on_the_way_out_has_left_where_he_is_no_more() {
        let ids: Vec<_> = (1..=100).collect();
        let mut user = user(1, &ids);
        user.left.insert(org(1), 2);
        let before = Kept { user, hash: "hash".to_owned() };
        let after = without_some(&before).unwrap().unwrap().user;
        assert!(after.disabled);
        assert_eq!(
            after.orgs.keys().copied().collect::<Vec<_>>(),
            (91..=100).map(org).collect::<Vec<OrgId>>()
        );
        assert_eq!((after.stay(org(1)), after.stay(org(90)), after.stay(org(91))), (3, 1, 0));
    }

    #[test]
    fn who_is_in_few_goes_at_once() {
        let before = Kept { user: user(1, &[1, 2]), hash: "hash".to_owned() };
        assert_eq!(without_some(&before).unwrap(), None);
    }
}

//! One change of a user: decided on what is there, written if nobody was faster, else decided again.

use auth::Role;
use aws_sdk_dynamodb::types::AttributeValue;
use sourcegate_core::{Label, Login, OrgId, Rev};

use super::changes::{Part, changes};
use super::{Kept, User};
use crate::datasources::logged;
use crate::entry::seconds_now;
use crate::item::{Item, Record, text};
use crate::read::{BATCH, Partition};
use crate::table::{self, Key, Table};
use crate::write::{Condition, Outcome, Write};
use crate::{Error, Refused, Store};

/// How often a change is made again on what somebody else wrote meanwhile.
pub(crate) const MOST_TRIES: u32 = 32;

/// How many organisations a user may be in: all of them stand in his item, which every login reads.
const MOST_ORGS: usize = 5_000;

/// In how many he may be to change his login: each membership is deleted and put, in one transaction of a hundred parts.
const MOST_ORGS_OF_MOVED: usize = 45;

/// What a user is called; none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// What he logs in as.
    pub login: Option<Login>,
    /// Where mail reaches him.
    pub email: Option<Label>,
    /// What he is called.
    pub name: Option<Label>,
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Edit<'a> {
    /// Call him otherwise.
    Profile(&'a Profile),
    /// Let another password be his: only instead of one with a certain hash, where there is one.
    Password {
        /// The hash that must still be his.
        from: Option<&'a str>,
        /// The new one.
        to: &'a str,
    },
    /// Make him administrator of the server, or make him none.
    ServerAdmin(bool),
    /// Shut him out, or let him in again.
    Disabled(bool),
    /// Let him into an organisation.
    Join(OrgId, Role),
    /// Give him another role in it.
    Role(OrgId, Role),
    /// Put him out, so that nothing he was given in it is his when he comes again.
    Leave(OrgId),
    /// Put him out of one that ends, administrator or not.
    Expel(OrgId),
    /// Let his requests be about it.
    Use(OrgId),
}

impl Edit<'_> {
    /// Decides what he is afterwards.
    pub(crate) fn apply(&self, before: &Kept) -> Result<Kept, Refused> {
        let mut after = before.clone();
        let user = &mut after.user;
        match *self {
            Self::Profile(profile) => call(user, profile)?,
            Self::Password { from, to } => {
                if from.is_some_and(|from| from != before.hash) {
                    return Err(Refused::OldPassword);
                }
                to.clone_into(&mut after.hash);
            }
            Self::ServerAdmin(is) => user.is_server_admin = is,
            Self::Disabled(is) => user.disabled = is,
            Self::Join(org, role) => join(user, org, role)?,
            Self::Role(org, role) => match user.orgs.get_mut(&org) {
                Some(own) => *own = role,
                None => return Err(Refused::NotAMember(org)),
            },
            Self::Leave(org) => {
                leave(user, org)?;
                let times = user.left.entry(org).or_default();
                *times = times.saturating_add(1);
            }
            Self::Expel(org) => {
                leave(user, org)?;
                // Its number is never given again.
                user.left.remove(&org);
            }
            Self::Use(org) if user.orgs.contains_key(&org) => user.org = org,
            Self::Use(org) => return Err(Refused::NotAMember(org)),
        }
        if after != *before {
            after.user.updated = seconds_now();
            after.user.rev = Rev::new();
        }
        Ok(after)
    }
}

fn call(user: &mut User, profile: &Profile) -> Result<(), Refused> {
    if let Some(login) = &profile.login {
        let moves = table::folded(login.as_str()) != table::folded(&user.login);
        if moves && user.orgs.len() > MOST_ORGS_OF_MOVED {
            let what = "change his login";
            return Err(Refused::TooManyOrgs { limit: MOST_ORGS_OF_MOVED, what });
        }
        login.as_str().clone_into(&mut user.login);
    }
    if let Some(email) = &profile.email {
        email.as_str().clone_into(&mut user.email);
    }
    if let Some(name) = &profile.name {
        name.as_str().clone_into(&mut user.name);
    }
    Ok(())
}

fn join(user: &mut User, org: OrgId, role: Role) -> Result<(), Refused> {
    if user.orgs.contains_key(&org) {
        return Err(Refused::Member(org));
    }
    if user.orgs.len() >= MOST_ORGS {
        return Err(Refused::TooManyOrgs { limit: MOST_ORGS, what: "join another" });
    }
    if !user.orgs.contains_key(&user.org) {
        user.org = org;
    }
    user.orgs.insert(org, role);
    Ok(())
}

fn leave(user: &mut User, org: OrgId) -> Result<(), Refused> {
    if user.orgs.remove(&org).is_none() {
        return Err(Refused::NotAMember(org));
    }
    if user.org == org {
        user.org = user.orgs.keys().next().copied().unwrap_or(org);
    }
    Ok(())
}

impl Store {
    /// Changes a user by his number; gives him as he is then.
    ///
    /// # Errors
    /// [`Refused`]: nothing was written.
    pub(crate) async fn edit(&self, id: u32, edit: &Edit<'_>) -> Result<User, Error> {
        for round in 0..MOST_TRIES {
            if round > 0 {
                crate::read::pause(round.min(4)).await;
            }
            let before = self.kept(id).await?.ok_or(Refused::NoUser)?;
            let after = edit.apply(&before)?;
            if after == before {
                return Ok(after.user);
            }
            let mut writes = changes(Some(&before), Some(&after));
            writes.extend(self.guards(edit, &before.user).await?);
            if self.written(&writes, Some(&after.user)).await? {
                return Ok(after.user);
            }
        }
        Err(Error::Busy)
    }

    /// Writes the parts; false if somebody was faster and it must be decided again. `after` tells our own writing from
    /// another's where its answer was lost.
    pub(crate) async fn written(
        &self,
        writes: &[(Part, Write)],
        after: Option<&User>,
    ) -> Result<bool, Error> {
        let parts: Vec<_> = writes.iter().map(|(_, write)| write.clone()).collect();
        let found = match self.transact(&parts).await? {
            Outcome::Written => return Ok(true),
            Outcome::Refused(found) => found,
        };
        let ours = |item: &Item| {
            let rev = after.map(|user| user.rev.to_string());
            rev.is_some_and(|own| Record(item).text("rev").is_ok_and(|rev| rev == own))
        };
        if found.iter().flatten().any(ours) {
            return Ok(true);
        }
        let failed = writes.iter().zip(&found).filter(|(_, found)| found.is_some());
        let failed: Vec<_> = failed.map(|((part, _), _)| *part).collect();
        // Who was changed meanwhile may be somebody else now: that is seen first.
        if failed.contains(&Part::User) || failed.contains(&Part::Witness) {
            return Ok(false);
        }
        match failed.first() {
            Some(Part::Login | Part::Email) => Err(Refused::UserTaken.into()),
            Some(Part::Open(org)) => Err(Refused::NoOrg(*org).into()),
            _ => Ok(false),
        }
    }

    /// Lists what must hold beside the user's own items.
    async fn guards(&self, edit: &Edit<'_>, before: &User) -> Result<Vec<(Part, Write)>, Error> {
        // Who is shut out administers nothing: nobody is missed when he goes.
        let is_admin_of =
            |org: &OrgId| !before.disabled && before.orgs.get(org) == Some(&Role::Admin);
        Ok(match edit {
            Edit::Join(org, _) | Edit::Use(org) => vec![open(*org)],
            Edit::Role(org, _) | Edit::Leave(org) if is_admin_of(org) => {
                self.another_admin(*org, before).await?.into()
            }
            Edit::ServerAdmin(false) | Edit::Disabled(true) if before.runs_server() => {
                vec![self.another_server_admin(before).await?]
            }
            _ => Vec::new(),
        })
    }

    /// Finds somebody else who is administrator of an organisation and not shut out, and sees to it that he still is when
    /// it is written: of two who put each other out, one is too late.
    async fn another_admin(&self, org: OrgId, user: &User) -> Result<[(Part, Write); 2], Error> {
        let pk = table::members_of(org);
        let partition = Partition { table: Table::Access, pk: &pk, backwards: false };
        let own = table::folded(&user.login);
        let members = self.query(&partition, usize::MAX).await?;
        let others = members.iter().map(Record).filter(|member| {
            member.text("role").is_ok_and(|role| role == Role::Admin.as_str())
                && member.text("sk").is_ok_and(|login| login != own)
        });
        let others: Vec<_> =
            others.map(|member| member.text("sk").map(Key::user)).collect::<Result<_, _>>()?;
        for keys in others.chunks(BATCH) {
            let mut batch = self.batch(keys).await?;
            let other = keys.iter().find_map(|key| {
                let user = logged(User::of(&batch.take(key)?))?;
                (!user.disabled).then(|| (key.clone(), Key::member(org, &user.login)))
            });
            if let Some((user, member)) = other {
                let stays = Condition::Equals("role", text(Role::Admin));
                let is_in = Condition::Equals("disabled", AttributeValue::Bool(false));
                let checks = [Write::check(member, stays), Write::check(user, is_in)];
                return Ok(checks.map(|check| (Part::Witness, check)));
            }
        }
        Err(Refused::LastAdmin(org).into())
    }

    /// Finds somebody else who administers the server, in the same way.
    pub(crate) async fn another_server_admin(&self, user: &User) -> Result<(Part, Write), Error> {
        let all = self.users().await?;
        let other =
            all.iter().find(|one| one.id != user.id && one.is_server_admin && !one.disabled);
        let other = other.ok_or(Refused::LastServerAdmin)?;
        let stays = Condition::Both([
            ("serverAdmin", AttributeValue::Bool(true)),
            ("disabled", AttributeValue::Bool(false)),
        ]);
        Ok((Part::Witness, Write::check(Key::listed_user(other.id), stays)))
    }
}

/// Lets nothing be written unless an organisation is there and is not being deleted.
pub(crate) fn open(org: OrgId) -> (Part, Write) {
    let stays = Condition::Equals("deleting", AttributeValue::Bool(false));
    (Part::Open(org), Write::check(Key::org(org), stays))
}

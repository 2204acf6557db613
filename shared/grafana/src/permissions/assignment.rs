//! What a body asks to be given to whom. The texts are Grafana's `resourcepermissions` errors.

use auth::Role;
use sourcegate_core::{Assignee, LegacyId, Level};
use store::Assignment;

use crate::Error;
use crate::error::Words;
use crate::wire::permission::{Accounts, Entry};

/// How many changes one request may make.
const MOST_CHANGES: usize = 1_000;

/// The longest text of a caller that an answer repeats, in characters.
const LONGEST_ECHO: usize = 100;

/// Says what is wrong with an assignment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAssignment {
    /// No level is called so.
    #[error("Permission [{0}] is invalid for this resource type")]
    Level(String),
    /// No role is called so.
    #[error("built-in role [{0}] is not valid")]
    Role(String),
    /// The role that nothing can be given to.
    #[error("none role cannot receive permissions")]
    NoneRole,
    /// The role that nothing can be taken from.
    #[error("built-in role [Admin] always has permission [Admin]; set it to nothing else")]
    AdminRole,
    /// A number in the path is none.
    #[error("Param [{0}] is invalid")]
    Param(&'static str),
    /// No user or service account of the organisation has the number.
    #[error("user not found")]
    NoUser(i64),
    /// There are no teams.
    #[error("team not found")]
    NoTeam(i64),
    /// An entry says more than one thing.
    #[error("permissions[{0}] must name one of userId, teamId and builtInRole")]
    Several(usize),
    /// There are more than one request may make.
    #[error("permissions has {0} entries; at most {MOST_CHANGES} are changed at once")]
    TooMany(usize),
}

impl BadAssignment {
    /// Tells whether somebody is not there, and not whether the request is wrong.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NoUser(_) | Self::NoTeam(_))
    }

    /// Gives the text, Grafana's id of it, and what it does not tell.
    pub(crate) fn words(&self) -> Words {
        let message_id = match self {
            Self::Level(_) => Some("resourcePermissions.invalidPermission"),
            Self::Param(_) => Some("resourcePermissions.invalidParam"),
            Self::Role(_) => Some("accesscontrol.invalidBuiltInRole"),
            Self::NoneRole => Some("accesscontrol.noneRoleAssignment"),
            Self::NoUser(_) | Self::NoTeam(_) => Some("accesscontrol.assignmentEntityNotFound"),
            Self::AdminRole | Self::Several(_) | Self::TooMany(_) => None,
        };
        let detail = match self {
            Self::NoUser(id) => {
                Some(format!("no user or service account {id} is in this organization"))
            }
            Self::NoTeam(id) => {
                Some(format!("there is no team {id}; give permissions to users and roles"))
            }
            _ => None,
        };
        Words { message: self.to_string().into(), message_id, detail }
    }
}

impl From<BadAssignment> for Error {
    fn from(bad: BadAssignment) -> Self {
        Self::Assignment(bad)
    }
}

/// Who something is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Those who have it already.
    Admins,
    /// Everybody of a role.
    Role(Assignee),
    /// A user or a service account, or nobody.
    User(i64),
    /// Nobody.
    Team(i64),
}

impl To {
    /// Reads a user's number of a path.
    pub(super) fn user(text: &str) -> Result<Self, Error> {
        let id = LegacyId::parse(text).map_err(|_| BadAssignment::Param("userID"))?;
        Ok(Self::User(id.get()))
    }

    /// Reads a team's number of a path.
    pub(super) fn team(text: &str) -> Result<Self, Error> {
        let id = LegacyId::parse(text).map_err(|_| BadAssignment::Param("teamID"))?;
        Ok(Self::Team(id.get()))
    }

    /// Reads a role, in Grafana's spelling.
    pub(super) fn role(text: &str) -> Result<Self, Error> {
        match Role::parse(text).filter(|role| role.as_str() == text) {
            Some(Role::Viewer) => Ok(Self::Role(Assignee::Viewers)),
            Some(Role::Editor) => Ok(Self::Role(Assignee::Editors)),
            Some(Role::Admin) => Ok(Self::Admins),
            Some(Role::None) => Err(BadAssignment::NoneRole.into()),
            None => Err(BadAssignment::Role(echo(text)).into()),
        }
    }

    /// Decides what is to be written; none if that is so already.
    pub(super) fn given(self, level: Option<Level>) -> Result<Option<Assignment>, Error> {
        match (self, level) {
            (Self::Admins, Some(Level::Admin)) => Ok(None),
            (Self::Admins, _) => Err(BadAssignment::AdminRole.into()),
            (Self::Role(role), level) => Ok(Some((role, level))),
            (Self::Team(id), _) => Err(BadAssignment::NoTeam(id).into()),
            (Self::User(id), level) => match u32::try_from(id) {
                Ok(id) => Ok(Some((Assignee::account(id), level))),
                Err(_) if level.is_none() => Ok(None),
                Err(_) => Err(BadAssignment::NoUser(id).into()),
            },
        }
    }
}

/// Makes changes be about those who are there: who is named and is there no more, or came again, is named no more. Whose
/// item is damaged is there and stays as he is named.
pub(super) fn among(
    accounts: &Accounts,
    named: &[Assignee],
    changes: &[Assignment],
) -> Result<Vec<Assignment>, BadAssignment> {
    let is_named = |id| named.iter().copied().find(|named| account(*named) == Some(id));
    let now = |assignee: Assignee| match account(assignee) {
        None => Some(assignee),
        Some(id) => match accounts.get(&id)? {
            Ok(account) => Some(account.assignee),
            Err(_) => is_named(id),
        },
    };
    let gone = named.iter().filter(|assignee| now(**assignee) != Some(**assignee));
    let mut all: Vec<_> = gone.map(|assignee| (*assignee, None)).collect();
    for (assignee, level) in changes {
        match (now(*assignee), assignee) {
            (Some(assignee), _) => all.push((assignee, *level)),
            (None, Assignee::Account { id, .. }) if level.is_some() => {
                return Err(BadAssignment::NoUser(i64::from(*id)));
            }
            (None, _) => {}
        }
    }
    Ok(all)
}

/// Gives the number that an assignee has who is no role.
pub(super) fn account(assignee: Assignee) -> Option<u32> {
    match assignee {
        Assignee::Account { id, .. } => Some(id),
        Assignee::Viewers | Assignee::Editors => None,
    }
}

/// Reads a level; nothing and the empty text take away.
pub(super) fn level(text: Option<&str>) -> Result<Option<Level>, Error> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => {
            let level = Level::parse(text).ok_or_else(|| BadAssignment::Level(echo(text)))?;
            Ok(Some(level))
        }
    }
}

/// Reads the entries of a request. Where two are about the same, the later one holds.
pub(super) fn all(entries: Vec<Entry>) -> Result<Vec<Assignment>, Error> {
    if entries.len() > MOST_CHANGES {
        return Err(BadAssignment::TooMany(entries.len()).into());
    }
    let one = |(at, entry): (usize, Entry)| {
        let level = level(entry.permission.as_deref())?;
        to(at, &entry)?.given(level)
    };
    entries.into_iter().enumerate().filter_map(|entry| one(entry).transpose()).collect()
}

fn to(at: usize, entry: &Entry) -> Result<To, Error> {
    let user = entry.user_id.filter(|id| *id != 0);
    let team = entry.team_id.filter(|id| *id != 0);
    let role = entry.built_in_role.as_deref().filter(|role| !role.is_empty());
    match (user, team, role) {
        (Some(user), None, None) => Ok(To::User(user)),
        (None, Some(team), None) => Ok(To::Team(team)),
        (None, None, role) => To::role(role.unwrap_or_default()),
        _ => Err(BadAssignment::Several(at).into()),
    }
}

fn echo(text: &str) -> String {
    text.chars().take(LONGEST_ECHO).collect()
}

#[cfg(test)]
mod tests {
    use store::Account;

    use super::*;

    fn entry(user: i64, team: i64, role: &str, permission: &str) -> Entry {
        Entry {
            user_id: Some(user),
            team_id: Some(team),
            built_in_role: Some(role.to_owned()),
            permission: Some(permission.to_owned()),
        }
    }

    #[track_caller]
    fn check(entries: Vec<Entry>, expected: &[Assignment]) {
        assert_eq!(all(entries).unwrap(), expected);
    }

    #[track_caller]
    fn check_refused(entry: Entry, expected: &str) {
        assert_eq!(all(vec![entry]).unwrap_err().words().message, expected);
    }

    #[test]
    fn zero_and_the_empty_text_are_nothing() {
        let viewers = Assignee::Viewers;
        check(vec![], &[]);
        check(vec![entry(0, 0, "Viewer", "Query")], &[(viewers, Some(Level::Query))]);
        check(vec![entry(0, 0, "Viewer", "")], &[(viewers, None)]);
        check(vec![entry(7, 0, "", "Edit")], &[(Assignee::account(7), Some(Level::Edit))]);
    }

    #[test]
    fn who_is_gone_or_came_again_is_named_no_more() {
        let again = Assignee::Account { id: 7, stay: 1 };
        let account = |id, assignee| {
            (id, Ok(Account { login: "x".to_owned(), is_service_account: false, assignee }))
        };
        let eight = Assignee::account(8);
        let accounts = [account(7, again), account(8, eight)].into();
        let [seven, nine] = [7, 9].map(Assignee::account);
        let named = [Assignee::Viewers, seven, eight, nine];
        let edit = Some(Level::Edit);
        let made = |changes: &[Assignment]| among(&accounts, &named, changes);
        let gone = [(seven, None), (nine, None)];
        assert_eq!(made(&[]), Ok(gone.to_vec()));
        let given = [(Assignee::Viewers, edit), (seven, edit), (eight, None), (nine, None)];
        let last = [(Assignee::Viewers, edit), (again, edit), (eight, None)];
        assert_eq!(made(&given), Ok([&gone[..], &last].concat()));
        assert_eq!(made(&[(nine, edit)]), Err(BadAssignment::NoUser(9)));
    }

    #[test]
    fn who_is_damaged_is_named_until_he_is_named_no_more() {
        let [seven, again] = [0, 1].map(|stay| Assignee::Account { id: 7, stay });
        let accounts = [(7, Err(store::Error::Busy))].into();
        let made = |changes: &[Assignment]| among(&accounts, &[again], changes);
        assert_eq!(made(&[]), Ok(vec![]));
        assert_eq!(made(&[(seven, None)]), Ok(vec![(again, None)]));
    }

    #[test]
    fn administrators_have_everything_and_keep_it() {
        check(vec![entry(0, 0, "Admin", "Admin")], &[]);
        let text = "built-in role [Admin] always has permission [Admin]; set it to nothing else";
        for permission in ["", "Query", "Edit"] {
            check_refused(entry(0, 0, "Admin", permission), text);
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_grafana_s_words() {
        check_refused(
            entry(7, 0, "", "View"),
            "Permission [View] is invalid for this resource type",
        );
        check_refused(
            entry(7, 0, "", "edit"),
            "Permission [edit] is invalid for this resource type",
        );
        check_refused(entry(0, 0, "viewer", "Edit"), "built-in role [viewer] is not valid");
        check_refused(entry(0, 0, "", "Edit"), "built-in role [] is not valid");
        check_refused(entry(0, 0, "None", "Edit"), "none role cannot receive permissions");
        check_refused(entry(0, 3, "", "Edit"), "team not found");
        check_refused(entry(-7, 0, "", "Edit"), "user not found");
        check_refused(entry(1 << 32, 0, "", "Edit"), "user not found");
        let several = "permissions[0] must name one of userId, teamId and builtInRole";
        check_refused(entry(7, 0, "Viewer", "Edit"), several);
        check_refused(entry(7, 7, "", ""), several);
    }

    #[test]
    fn a_long_text_is_not_repeated_whole() {
        let refused = all(vec![entry(7, 0, "", &"x".repeat(1 << 20))]).unwrap_err();
        assert!(refused.words().message.len() < 200);
    }

    #[test]
    fn one_request_changes_1000_at_most() {
        let many = |count: usize| (0..count).map(|_| entry(0, 0, "Viewer", "")).collect();
        assert_eq!(all(many(1_000)).unwrap().len(), 1_000);
        let text = "permissions has 1001 entries; at most 1000 are changed at once";
        assert_eq!(all(many(1_001)).unwrap_err().words().message, text);
    }
}

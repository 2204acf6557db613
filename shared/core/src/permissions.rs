//! Who may do what with one data source, where its operators have said more than roles do.

use std::collections::BTreeMap;

/// How much is allowed; each level includes the ones before it. The names are Grafana's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// See it and send requests through it.
    Query,
    /// Change and remove it too.
    Edit,
    /// Give and take permissions too.
    Admin,
}

impl Level {
    /// Reads a level as Grafana writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Query, Self::Edit, Self::Admin].into_iter().find(|level| level.as_str() == text)
    }

    /// Gives Grafana's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Edit => "Edit",
            Self::Admin => "Admin",
        }
    }
}

/// Who a permission is given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignee {
    /// Everybody whose role is Viewer, and so every Editor.
    Viewers,
    /// Everybody whose role is Editor.
    Editors,
    /// One user or service account. The two share their numbers.
    Account {
        /// The number.
        id: u32,
        /// How often the user had left the organisation when it was given to him: who leaves and comes again starts anew.
        /// A service account never leaves.
        stay: u32,
    },
}

impl Assignee {
    /// Names a service account, or a user who has never left the organisation.
    #[must_use]
    pub fn account(id: u32) -> Self {
        Self::Account { id, stay: 0 }
    }

    fn is_same_account(self, other: Self) -> bool {
        match (self, other) {
            (Self::Account { id, .. }, Self::Account { id: other, .. }) => id == other,
            _ => false,
        }
    }
}

/// The permissions of one data source. They take the place of what the roles Viewer and Editor may do by themselves;
/// administrators may always do everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions(BTreeMap<Assignee, Level>);

impl Default for Permissions {
    /// What a data source starts from (contract 1.5): viewers and editors may query.
    fn default() -> Self {
        Self([(Assignee::Viewers, Level::Query), (Assignee::Editors, Level::Query)].into())
    }
}

impl FromIterator<(Assignee, Level)> for Permissions {
    fn from_iter<I: IntoIterator<Item = (Assignee, Level)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Permissions {
    /// Tells what somebody was given, by himself.
    #[must_use]
    pub fn get(&self, assignee: Assignee) -> Option<Level> {
        self.0.get(&assignee).copied()
    }

    /// Gives somebody a level instead of the one he had, in this stay or an earlier one, or takes it away. What he was
    /// given in a later stay is what he has.
    pub fn set(&mut self, assignee: Assignee, level: Option<Level>) {
        let Some(level) = level else {
            self.0.remove(&assignee);
            return;
        };
        // Of one account, the order is that of its stays.
        if !self.0.keys().any(|other| other.is_same_account(assignee) && *other > assignee) {
            self.0.retain(|other, _| !other.is_same_account(assignee));
            self.0.insert(assignee, level);
        }
    }

    /// Lists what was given to whom, roles first.
    pub fn iter(&self) -> impl Iterator<Item = (Assignee, Level)> {
        self.0.iter().map(|(assignee, level)| (*assignee, *level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_spelled_as_grafana_does() {
        assert!(Level::Query < Level::Edit && Level::Edit < Level::Admin);
        for level in [Level::Query, Level::Edit, Level::Admin] {
            assert_eq!(Level::parse(level.as_str()), Some(level));
        }
        assert_eq!(Level::parse("query"), None);
    }

    #[test]
    fn an_assignee_has_one_level_or_none() {
        let mut permissions = Permissions::default();
        let bob = Assignee::account(7);
        permissions.set(bob, Some(Level::Edit));
        permissions.set(bob, Some(Level::Query));
        permissions.set(Assignee::Viewers, None);
        let all: Vec<_> = permissions.iter().collect();
        assert_eq!(all, [(Assignee::Editors, Level::Query), (bob, Level::Query)]);
    }

    #[test]
    fn who_came_again_has_what_he_was_given_since() {
        let [first, second] = [0, 1].map(|stay| Assignee::Account { id: 7, stay });
        let mut permissions: Permissions = [(first, Level::Admin)].into_iter().collect();
        assert_eq!(permissions.get(second), None);
        permissions.set(second, None);
        assert_eq!(permissions.get(first), Some(Level::Admin));
        permissions.set(second, Some(Level::Query));
        let all: Vec<_> = permissions.iter().collect();
        assert_eq!(all, [(second, Level::Query)]);
        // A slow writer gave it to him before he left.
        permissions.set(first, Some(Level::Admin));
        assert_eq!(permissions.iter().collect::<Vec<_>>(), all);
    }
}

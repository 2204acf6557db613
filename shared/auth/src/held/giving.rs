//! Nobody gives more than he holds: what a role may come to give, by who writes it or binds somebody to it. Perses lets
//! whoever writes roles widen his own; this is the rule of Kubernetes (RBAC, "privilege escalation prevention").

use sourcegate_core::{DocumentName, RoleAction, RolePermission, RoleScope};

use crate::{Caller, NotAllowed, Role};

/// What `*` stands for among actions.
const ACTIONS: [RoleAction; 4] =
    [RoleAction::Read, RoleAction::Create, RoleAction::Update, RoleAction::Delete];

impl Caller {
    /// Tells whether there is nothing that he could not give.
    #[must_use]
    pub fn holds_everything(&self) -> bool {
        self.role() == Role::Admin
    }

    /// Decides whether he may let others have what a role gives in a project, or, without one, in the whole organisation: he
    /// must hold it there himself, by his role in the organisation or by roles of this dialect. Of a role whose permissions
    /// are not known, as it is not there yet, that is everything: else whoever binds himself beforehand would have what others
    /// put into it.
    ///
    /// # Errors
    /// [`NotAllowed::Beyond`] naming what he lacks first; [`NotAllowed::UnknownRole`].
    pub fn check_giving(
        &self,
        permissions: Option<&[RolePermission]>,
        project: Option<&DocumentName>,
    ) -> Result<(), NotAllowed> {
        if self.holds_everything() {
            return Ok(());
        }
        let Some(permissions) = permissions else {
            let mut all = ACTIONS.into_iter();
            let has_all = all.all(|action| self.holds(action, RoleScope::All, project));
            return if has_all { Ok(()) } else { Err(NotAllowed::UnknownRole) };
        };
        for (action, scope) in permissions.iter().flat_map(pairs) {
            if !self.holds(action, scope, project) {
                return Err(NotAllowed::Beyond { action, scope, project: project.cloned() });
            }
        }
        Ok(())
    }

    /// Tells whether he holds one action on one scope. All kinds are held by who holds them as such, since there may be more
    /// of them one day.
    fn holds(&self, action: RoleAction, scope: RoleScope, project: Option<&DocumentName>) -> bool {
        // Whoever reads an organisation's documents reads those that are to come, but not its users.
        let is_read = match scope {
            RoleScope::Kind(_) | RoleScope::Elsewhere(_) => true,
            RoleScope::All => project.is_some(),
            RoleScope::User => false,
        };
        if is_read && action == RoleAction::Read && self.role() >= Role::Viewer {
            return true;
        }
        let held = self.held();
        let own = project.and_then(|project| held.in_projects.get(project));
        own.into_iter().flatten().chain(&held.everywhere).any(
            |RolePermission { actions, scopes }| {
                (actions.contains(&action) || actions.contains(&RoleAction::All))
                    && (scopes.contains(&scope) || scopes.contains(&RoleScope::All))
            },
        )
    }
}

/// Each action on each scope.
fn pairs(permission: &RolePermission) -> impl Iterator<Item = (RoleAction, RoleScope)> {
    let single = |action: &RoleAction| match action {
        RoleAction::All => ACTIONS.to_vec(),
        one => vec![*one],
    };
    let actions: Vec<_> = permission.actions.iter().flat_map(single).collect();
    let of = move |scope: &RoleScope| {
        let scope = *scope;
        actions.clone().into_iter().map(move |action| (action, scope))
    };
    permission.scopes.iter().flat_map(of)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sourcegate_core::{DocumentKind, OrgId, RoleSpec};

    use super::*;
    use crate::{Held, Identity};

    /// A role's permissions from lines such as `read update: Dashboard Folder`.
    fn permissions(lines: &[&str]) -> Vec<RolePermission> {
        let line = |line: &&str| {
            let (actions, scopes) = line.split_once(": ").unwrap();
            let list = |words: &str| format!("{:?}", words.split(' ').collect::<Vec<_>>());
            format!(r#"{{"actions":{},"scopes":{}}}"#, list(actions), list(scopes))
        };
        let all: Vec<_> = lines.iter().map(line).collect();
        let spec = format!(r#"{{"permissions":[{}]}}"#, all.join(","));
        RoleSpec::parse(DocumentKind::GlobalRole, &spec).unwrap().permissions
    }

    fn name(text: &str) -> DocumentName {
        DocumentName::parse(text).unwrap()
    }

    /// Somebody who holds this in the whole organisation, and that in project `p`.
    fn author(role: Role, everywhere: &[&str], in_p: &[&str]) -> Caller {
        let identity = Identity::User { id: 7, stay: 0, login: "bob".to_owned() };
        let in_projects = BTreeMap::from([(name("p"), permissions(in_p))]);
        let held = Held { everywhere: permissions(everywhere), in_projects };
        Caller::new(identity, OrgId::MAIN, role).holding(held)
    }

    /// Whether somebody may give this in a project: what he lacks first, if anything.
    #[track_caller]
    fn check(author: &Caller, project: Option<&str>, given: &[&str], lacks: Option<&str>) {
        let project = project.map(name);
        let found = author.check_giving(Some(&permissions(given)), project.as_ref());
        let found = found.err().map(|error| match error {
            NotAllowed::Beyond { action, scope, .. } => {
                format!("{} {}", action.as_str(), scope.as_str())
            }
            other => other.to_string(),
        });
        assert_eq!(found.as_deref(), lacks, "{given:?} in {project:?}");
    }

    #[test]
    fn who_administers_the_organisation_holds_everything() {
        let admin = author(Role::Admin, &[], &[]);
        for project in [None, Some("p"), Some("q")] {
            check(&admin, project, &["*: *", "delete: User GlobalSecret Folder"], None);
        }
        assert!(admin.check_giving(None, None).is_ok());
    }

    #[test]
    fn who_holds_nothing_gives_nothing() {
        let none = author(Role::None, &[], &[]);
        check(&none, Some("p"), &["read: Dashboard"], Some("read Dashboard"));
        check(&none, None, &["*: *"], Some("read *"));
        // What is not served yet would give something the day it is.
        check(&none, Some("p"), &["read: Folder"], Some("read Folder"));
        check(&none, Some("p"), &[], None);
    }

    #[test]
    fn readers_let_others_read() {
        for role in [Role::Viewer, Role::Editor] {
            let reader = author(role, &[], &[]);
            check(&reader, Some("p"), &["read: *", "read: Folder Secret"], None);
            check(&reader, None, &["read: GlobalSecret Project Variable"], None);
            check(&reader, None, &["read: User"], Some("read User"));
            check(&reader, None, &["read: *"], Some("read *"));
            check(&reader, Some("p"), &["*: Dashboard"], Some("create Dashboard"));
        }
    }

    #[test]
    fn what_is_held_in_a_project_is_given_there_and_nowhere_else() {
        let owner = author(Role::None, &[], &["*: *"]);
        check(&owner, Some("p"), &["*: *", "read: Folder"], None);
        check(&owner, Some("q"), &["read: Dashboard"], Some("read Dashboard"));
        check(&owner, None, &["read: Dashboard"], Some("read Dashboard"));
        let editor = author(Role::None, &["*: Role"], &["read update: Dashboard", "create: Role"]);
        check(&editor, Some("p"), &["read: Dashboard", "update: Dashboard", "*: Role"], None);
        check(&editor, Some("p"), &["read update: Dashboard Secret"], Some("read Secret"));
        check(&editor, Some("p"), &["*: Dashboard"], Some("create Dashboard"));
        check(&editor, Some("q"), &["*: Role"], None);
    }

    #[test]
    fn wildcards_are_held_as_such_or_by_all_their_actions() {
        let by_actions = author(Role::None, &["read create: *", "update delete: *"], &[]);
        for project in [None, Some("p")] {
            check(&by_actions, project, &["*: *", "delete: GlobalRole User"], None);
        }
        assert!(by_actions.check_giving(None, None).is_ok());
        let one_lacks = author(Role::None, &["read create update: *"], &[]);
        check(&one_lacks, None, &["*: Dashboard"], Some("delete Dashboard"));
        // All the kinds that there are, one by one, are not those that are to come.
        let kinds: Vec<_> = DocumentKind::ALL.into_iter().map(DocumentKind::as_str).collect();
        let by_kinds = author(Role::None, &[&format!("*: {} User", kinds.join(" "))], &[]);
        check(&by_kinds, None, &["*: Dashboard GlobalRole User"], None);
        check(&by_kinds, None, &["read: *"], Some("read *"));
    }

    #[test]
    fn a_role_that_is_not_there_may_come_to_give_everything() {
        let p = name("p");
        let owner = author(Role::None, &[], &["*: *"]);
        assert!(owner.check_giving(None, Some(&p)).is_ok());
        assert_eq!(owner.check_giving(None, None), Err(NotAllowed::UnknownRole));
        for less in [author(Role::Viewer, &[], &[]), author(Role::None, &["read: *"], &["*: Role"])]
        {
            assert_eq!(less.check_giving(None, Some(&p)), Err(NotAllowed::UnknownRole));
        }
    }

    #[test]
    fn what_lacks_is_named() {
        let none = author(Role::None, &[], &[]);
        let said = |project: Option<DocumentName>| {
            let given = permissions(&["*: Secret"]);
            none.check_giving(Some(&given), project.as_ref()).unwrap_err().to_string()
        };
        let rest = "which its author does not hold himself; leave it out, or let somebody do it who holds it";
        assert_eq!(
            said(Some(name("p"))),
            format!("this would give 'read' permission in 'p' project for 'Secret' kind, {rest}")
        );
        assert_eq!(
            said(None),
            format!("this would give 'read' global permission for 'Secret' kind, {rest}")
        );
    }
}

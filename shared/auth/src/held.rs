//! What roles of the Perses dialect give users beyond what they are in their organisation (contract/perses.md 4.3).
//!
//! They only ever add. Only users who log in here can be bound: whom an issuer vouches for may have anybody's login, and
//! service accounts have the role that they were made with.

mod giving;

use std::collections::{BTreeMap, HashMap};

use sourcegate_core::{
    Assignee, BindingSpec, Document, DocumentKind, DocumentName, Incarnation, RoleAction,
    RolePermission, RoleScope, RoleSpec,
};

use crate::{Caller, Identity, Role, Verb};

/// A project as it is now.
#[derive(Clone, Debug)]
pub struct LiveProject {
    /// Its name.
    pub name: DocumentName,
    /// Which of those that were ever called so it is.
    pub incarnation: Incarnation,
    /// Who made it: its owner, as long as he stays.
    pub maker: Option<Assignee>,
}

/// Where a role holds: everywhere, or in one project of all that are ever called so.
type Realm = Option<(DocumentName, Incarnation)>;

/// All roles and bindings of an organisation.
#[derive(Clone, Debug, Default)]
pub struct Rolebook {
    roles: HashMap<(Realm, DocumentName), Vec<RolePermission>>,
    bindings: Vec<Binding>,
}

#[derive(Clone, Debug)]
struct Binding {
    realm: Realm,
    role: DocumentName,
    subjects: BTreeMap<String, Assignee>,
}

impl Rolebook {
    /// Enters a role or a binding. One that says nothing that can be read gives nothing.
    pub fn enter(&mut self, document: Document) {
        let Document { id, spec, ties, .. } = document;
        let realm = match (id.project, ties.project) {
            (None, None) => None,
            (Some(project), Some(incarnation)) => Some((project, incarnation)),
            // Of a project that is not said which one it is.
            _ => return,
        };
        if id.kind.is_role()
            && let Ok(read) = RoleSpec::parse(id.kind, spec.as_str())
        {
            self.roles.insert((realm, id.name), read.permissions);
        } else if id.kind.is_binding()
            && let Ok(read) = BindingSpec::parse(spec.as_str())
        {
            self.bindings.push(Binding { realm, role: read.role, subjects: ties.subjects });
        }
    }

    /// Finds what a caller holds everywhere and in some projects. What was given in an earlier project of the same name, or
    /// to somebody who had his login before him, is not his.
    #[must_use]
    pub fn held_by(&self, caller: &Caller, projects: &[LiveProject]) -> Held {
        let Identity::User { login, .. } = caller.identity() else { return Held::default() };
        let (login, himself) = (login.to_lowercase(), caller.assignee());
        let mut held = Held::default();
        for binding in &self.bindings {
            let is_bound = himself.is_some() && binding.subjects.get(&login).copied() == himself;
            let role = self.roles.get(&(binding.realm.clone(), binding.role.clone()));
            let Some(permissions) = role.filter(|_| is_bound) else { continue };
            let own = match &binding.realm {
                None => &mut held.everywhere,
                Some((name, incarnation)) => {
                    let is_it = |project: &LiveProject| {
                        project.name == *name && project.incarnation == *incarnation
                    };
                    if !projects.iter().any(is_it) {
                        continue;
                    }
                    held.in_projects.entry(name.clone()).or_default()
                }
            };
            own.extend(permissions.iter().cloned());
        }
        for project in projects.iter().filter(|project| project.maker.is_some()) {
            if project.maker == himself {
                held.in_projects.entry(project.name.clone()).or_default().push(everything());
            }
        }
        held
    }
}

fn everything() -> RolePermission {
    RolePermission { actions: vec![RoleAction::All], scopes: vec![RoleScope::All] }
}

/// What somebody holds by roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    everywhere: Vec<RolePermission>,
    in_projects: BTreeMap<DocumentName, Vec<RolePermission>>,
}

impl Held {
    /// Gives what is held in the whole organisation, all its projects included.
    #[must_use]
    pub fn everywhere(&self) -> &[RolePermission] {
        &self.everywhere
    }

    /// Gives what is held in which project beside that.
    #[must_use]
    pub fn in_projects(&self) -> &BTreeMap<DocumentName, Vec<RolePermission>> {
        &self.in_projects
    }

    /// Tells whether it gives this in a project, or, without one, in the whole organisation.
    pub(crate) fn allows(
        &self,
        verb: Verb,
        kind: DocumentKind,
        project: Option<&DocumentName>,
    ) -> bool {
        let own = project.filter(|_| kind.is_within_project());
        let own = own.and_then(|project| self.in_projects.get(project));
        let all = own.into_iter().flatten().chain(&self.everywhere);
        gives(all, verb, RoleScope::Kind(kind))
    }

    /// Tells whether it gives this in any project.
    pub(crate) fn allows_somewhere(&self, verb: Verb, kind: DocumentKind) -> bool {
        let any = |project| self.allows(verb, kind, Some(project));
        self.allows(verb, kind, None) || self.in_projects.keys().any(any)
    }

    /// Tells whether it lets users be seen.
    pub(crate) fn shows_users(&self) -> bool {
        gives(self.everywhere.iter(), Verb::Read, RoleScope::User)
    }
}

fn gives<'a>(
    mut all: impl Iterator<Item = &'a RolePermission>,
    verb: Verb,
    scope: RoleScope,
) -> bool {
    let action = match verb {
        Verb::Read => RoleAction::Read,
        Verb::Create => RoleAction::Create,
        Verb::Update => RoleAction::Update,
        Verb::Delete => RoleAction::Delete,
    };
    all.any(|RolePermission { actions, scopes }| {
        (actions.contains(&action) || actions.contains(&RoleAction::All))
            && (scopes.contains(&scope) || scopes.contains(&RoleScope::All))
    })
}

impl Caller {
    /// Tells whether roles can add to what he may do: he logs in here, and is no administrator already.
    #[must_use]
    pub fn may_hold_roles(&self) -> bool {
        matches!(self.identity(), Identity::User { .. }) && self.role() < Role::Admin
    }
}

#[cfg(test)]
mod tests;

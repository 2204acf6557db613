//! Roles and bindings as documents: whom they name, of which project they are, and what is left of them when that is gone.
//!
//! Who deletes a project may not write where they stand. So each says which project it is of, and counts for no other:
//! from the project's end on it is as if it were not there, and whoever makes the next role sweeps it away.

use std::collections::BTreeMap;

use auth::{Caller, Identity, LiveProject};
use sourcegate_core::{
    Assignee, BindingSpec, Document, DocumentId, DocumentKind, OrgId, RoleSpec, Ties,
};

use super::save::DocumentDraft;
use crate::datasources::logged;
use crate::item::text;
use crate::table::{self, Key};
use crate::users::{User, is_no_login};
use crate::write::{Condition, Write};
use crate::{Error, Store};

/// How many roles and bindings an organisation has at most.
const MOST_RIGHTS: usize = 1000;

/// Gives who owns what somebody makes: a user who logs in here.
pub(super) fn maker(caller: &Caller) -> Option<Assignee> {
    caller.assignee().filter(|_| matches!(caller.identity(), Identity::User { .. }))
}

/// Tells whether a document belongs to one of these projects as they are now, or to none.
pub(crate) fn is_of(document: &Document, projects: &[LiveProject]) -> bool {
    let Some(name) = document.id.project.as_ref().filter(|_| document.id.kind.gives_rights())
    else {
        return true;
    };
    let is_it = |project: &LiveProject| {
        project.name == *name && document.ties.project == Some(project.incarnation)
    };
    projects.iter().any(is_it)
}

impl Store {
    /// Refuses a role that gives more than its author holds, and a binding to one. What a role comes to give after somebody was
    /// bound to it is for its own author to hold, so that the order in which the two are written does not matter.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub(super) async fn check_giving(
        &self,
        caller: &Caller,
        draft: &DocumentDraft,
    ) -> Result<(), Error> {
        let DocumentId { kind, project, .. } = &draft.id;
        if !kind.gives_rights() || caller.holds_everything() {
            return Ok(());
        }
        let given = if kind.is_role() {
            RoleSpec::parse(*kind, draft.spec.as_str()).ok()
        } else {
            self.bound_role(caller.org(), draft).await?
        };
        let given = given.as_ref().map(|role| role.permissions.as_slice());
        Ok(caller.check_giving(given, project.as_ref())?)
    }

    /// Reads the role that a binding is to; none if there is none that can be read.
    async fn bound_role(
        &self,
        org: OrgId,
        binding: &DocumentDraft,
    ) -> Result<Option<RoleSpec>, Error> {
        let Ok(BindingSpec { role: name, .. }) = BindingSpec::parse(binding.spec.as_str()) else {
            return Ok(None);
        };
        let project = binding.id.project.clone();
        let kind = if project.is_some() { DocumentKind::Role } else { DocumentKind::GlobalRole };
        let role = self.document(org, &DocumentId { kind, project, name }).await?;
        Ok(role.and_then(|role| RoleSpec::parse(kind, role.spec.as_str()).ok()))
    }

    /// Finds what a new document is tied to.
    ///
    /// # Errors
    /// [`Error::NoProject`]; [`Error::NoSubject`].
    pub(super) async fn ties(
        &self,
        org: OrgId,
        maker: Option<Assignee>,
        draft: &DocumentDraft,
    ) -> Result<Ties, Error> {
        let mut ties = Ties::default();
        if draft.id.kind == DocumentKind::Project {
            ties.maker = maker;
        }
        if draft.id.kind.gives_rights()
            && let Some(project) = &draft.id.project
        {
            let live = self.live_project(org, project).await?;
            let live = live.ok_or_else(|| Error::NoProject(project.clone()))?;
            ties.project = Some(live.incarnation);
        }
        ties.subjects = self.subjects(org, &draft.subjects).await?;
        Ok(ties)
    }

    /// Finds out who the users are whom a binding names: they must be there, so that nobody who comes later under such a
    /// name has what was meant for another.
    ///
    /// # Errors
    /// [`Error::NoSubject`].
    pub(super) async fn subjects(
        &self,
        org: OrgId,
        names: &[String],
    ) -> Result<BTreeMap<String, Assignee>, Error> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let absent = |name: &String| Error::NoSubject(name.clone());
        if let Some(none) = names.iter().find(|name| is_no_login(name)) {
            return Err(absent(none));
        }
        let logins: BTreeMap<_, _> = names.iter().map(|name| (table::folded(name), name)).collect();
        let keys: Vec<_> = logins.keys().map(|login| Key::user(login)).collect();
        let mut batch = self.batch(&keys).await?;
        let found = logins.into_iter().zip(&keys).map(|((login, name), key)| {
            let user = batch.take(key).map(|item| User::of(&item)).transpose()?;
            let who = user.and_then(|user| user.assignee(org)).ok_or_else(|| absent(name))?;
            Ok((login, who))
        });
        found.collect()
    }

    /// Refuses one more role or binding where there are as many as there may be: a request of who is let in by them alone reads
    /// them all. Some that are made at once may be beyond that.
    ///
    /// # Errors
    /// [`Error::TooManyRights`].
    pub(super) async fn make_room(&self, org: OrgId) -> Result<(), Error> {
        if self.sweep_roles(org).await? < MOST_RIGHTS {
            return Ok(());
        }
        Err(Error::TooManyRights { limit: MOST_RIGHTS })
    }

    /// Removes roles and bindings of projects that are gone. What is left is swept the next time. Tells how many of all stay.
    pub(super) async fn sweep_roles(&self, org: OrgId) -> Result<usize, Error> {
        // Read before the projects: what was made in a project that is there now is not taken for one that is gone.
        let all = self.rights_documents(org).await?;
        if all.iter().all(|document| document.id.project.is_none()) {
            return Ok(all.len());
        }
        let projects = self.live_projects(org).await?;
        let (stay, gone): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|document| is_of(document, &projects));
        for gone in gone {
            let unchanged = Condition::Equals("rev", text(gone.rev));
            let write = Write::delete(Key::document(org, &gone.id)).only_if(unchanged);
            // Whoever was faster swept it too.
            self.transact(&[write]).await?;
        }
        Ok(stay.len())
    }

    /// Reads all roles and bindings of an organisation, those of projects that are gone too. A damaged one gives nothing
    /// and is logged.
    pub(crate) async fn rights_documents(&self, org: OrgId) -> Result<Vec<Document>, Error> {
        let pk = table::roles_of(org);
        let partition =
            crate::read::Partition { table: table::Table::Access, pk: &pk, backwards: false };
        let items = self.query(&partition, usize::MAX).await?;
        let read = |item: &crate::item::Item| {
            let sk = item.get("sk")?.as_s().ok()?;
            let kind = table::kind_of(table::Table::Access, sk)?;
            logged(super::document_of(org, kind, item)).flatten()
        };
        Ok(items.iter().filter_map(read).collect())
    }
}

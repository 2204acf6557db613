//! `admin import`.

mod documents;
mod done;
mod sources;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::Context as _;
use sourcegate_core::{Assignee, Cidr, Level, OrgId, Permissions, Policy, Uid};
use store::{Admin, Conflicts, User};

use super::archive::{Assigned, DocumentLine, Line, Permission, Reader};
use super::password::passphrase;
use super::progress::Bars;
use super::said::Said;
use super::target::Target;
use super::{OnConflict, Passphrase};
use done::Done;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) file: &'a Path,
    pub(crate) org: Option<OrgId>,
    pub(crate) on_conflict: OnConflict,
}

/// Reads a file whole before anything is written: it is decrypted and judged to its last line first.
pub(crate) async fn run(
    target: &Target,
    wanted: &Wanted<'_>,
    (from, networks): (&Passphrase, Option<Vec<Cidr>>),
    bars: &Bars,
) -> anyhow::Result<Said> {
    let (mut file, head) = Reader::open(wanted.file, passphrase(from)?)?;
    let policy = match target.data() {
        Some(_) => Policy::local(networks),
        None => Policy::read(web::env)?,
    };
    let mut all = Vec::new();
    let mut known = Known::default();
    let mut documents = Vec::new();
    while all.len() < head.sources {
        let Some(line) = file.line::<Line>()? else { break };
        let numbered = (all.len() + 1, &line);
        all.push(sources::judged(target, wanted, &mut known, (numbered, &policy)).await?);
    }
    while let Some(line) = file.line::<DocumentLine>()? {
        let numbered = (documents.len() + 1, &line);
        documents.push(documents::judged(target, wanted, &mut known, numbered).await?);
    }
    let (said, holds) = ((head.sources, head.documents), (all.len(), documents.len()));
    anyhow::ensure!(
        holds == said,
        "the file says {} data sources and {} documents, and holds {} and {}",
        said.0,
        said.1,
        holds.0,
        holds.1
    );
    one_organisation(wanted, &all, &documents)?;
    if wanted.on_conflict == OnConflict::Fail {
        nothing_there(target.admin(), &all, &documents).await?;
    }
    let bar = bars.of(all.len() + documents.len(), "importing");
    let done = write(target.admin(), wanted, (&all, &documents), &bar).await?;
    bar.finish_and_clear();
    Ok(done.said())
}

async fn write(
    admin: &Admin,
    wanted: &Wanted<'_>,
    (all, documents): (&[sources::Judged], &[documents::Judged]),
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Done> {
    let (conflicts, again) = match wanted.on_conflict {
        OnConflict::Replace => (Conflicts::Replaced, "replace"),
        OnConflict::Skip => (Conflicts::Kept, "skip"),
        // All that is in by then is the file's own, and what binds a secret that was skipped would not bind it.
        OnConflict::Fail => (Conflicts::Kept, "replace"),
    };
    let go_on = format!("what came before it is in, go on with --on-conflict {again}");
    let (mut done, mut written) = (Done::new(wanted.on_conflict), documents::Written::default());
    for one in all {
        let restored = one.restore(admin, conflicts).await;
        let restored = restored.with_context(|| format!("{}; {go_on}", one.called))?;
        if let Some(what) = done.count(restored) {
            done.notes.source(one.org, (&one.called, one.uid.as_ref()), &what);
        }
        bar.inc(1);
    }
    for one in documents {
        let restored = one.restore(admin, conflicts, &mut written).await;
        let restored = restored.with_context(|| format!("{}; {go_on}", one.called))?;
        if let Some(what) = done.count(restored) {
            done.notes.document(one.org, &one.called, &what);
        }
        bar.inc(1);
    }
    Ok(done)
}

/// Several organisations cannot go into one: their uids and names may be the same.
fn one_organisation(
    wanted: &Wanted<'_>,
    all: &[sources::Judged],
    documents: &[documents::Judged],
) -> anyhow::Result<()> {
    if wanted.org.is_none() {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    let names = all.iter().filter_map(|one| one.archived.as_ref().ok()).flat_map(|archived| {
        [format!("uid {}", archived.uid), format!("name {}", archived.settings.name)]
    });
    for name in names.chain(documents.iter().map(|one| one.called.clone())) {
        let is_new = seen.insert(name.clone());
        anyhow::ensure!(
            is_new,
            "{name} is in the file twice: export one organisation, or leave --org out"
        );
    }
    Ok(())
}

async fn nothing_there(
    admin: &Admin,
    all: &[sources::Judged],
    documents: &[documents::Judged],
) -> anyhow::Result<()> {
    let mut conflicts = Vec::new();
    for archived in all.iter().filter_map(|one| one.archived.as_ref().ok()) {
        if let Some(reason) = admin.conflict(archived).await? {
            conflicts.push(format!("organisation {}: {reason}", archived.org));
        }
    }
    for one in documents {
        if one.is_there(admin).await? {
            conflicts.push(format!("organisation {}: {} is there already", one.org, one.called));
        }
    }
    anyhow::ensure!(
        conflicts.is_empty(),
        "nothing was imported, since some is there already; choose --on-conflict skip or replace: {}",
        conflicts.join("; ")
    );
    Ok(())
}

/// What is known of the organisations here.
#[derive(Default)]
struct Known {
    users: Option<HashMap<String, User>>,
    orgs: HashMap<OrgId, Org>,
}

struct Org {
    accounts: HashMap<String, u32>,
    default: Option<Uid>,
}

impl Known {
    async fn read(&mut self, target: &Target, org: OrgId) -> anyhow::Result<()> {
        let admin = target.admin();
        if self.users.is_none() {
            let users = admin.users().await?;
            self.users = Some(users.into_iter().map(|user| (user.login.clone(), user)).collect());
        }
        if let Entry::Vacant(place) = self.orgs.entry(org) {
            target.expect_org(org).await?;
            let accounts = admin.service_accounts(org).await?;
            let accounts = accounts.into_iter().map(|(id, name)| (name, id)).collect();
            let sources = admin.sources(org).await?;
            let default = sources.iter().find(|stored| stored.is_default);
            let default = default.map(|stored| stored.source.uid.clone());
            place.insert(Org { accounts, default });
        }
        Ok(())
    }

    /// Finds a member of an organisation by his login.
    fn user(&self, org: OrgId, login: &str) -> Option<Assignee> {
        let login = login.to_lowercase();
        let mut users = self.users.iter().flat_map(HashMap::values);
        users.find(|user| user.login.to_lowercase() == login)?.assignee(org)
    }

    /// Gives the default of an organisation as it was before.
    fn default_of(&self, org: OrgId) -> Option<&Uid> {
        self.orgs.get(&org)?.default.as_ref()
    }

    /// Finds everybody by name. Whoever is not here gets nothing, since a number is somebody else's elsewhere.
    fn permissions(&self, org: OrgId, all: &[Permission]) -> (Permissions, Vec<String>) {
        let (mut found, mut unknown) = (Permissions::from_iter([]), Vec::new());
        for Permission { to, level } in all {
            let assignee = match to {
                Assigned::Role(role) if role == "Viewer" => Some(Assignee::Viewers),
                Assigned::Role(role) if role == "Editor" => Some(Assignee::Editors),
                Assigned::Role(_) => None,
                Assigned::User(login) => {
                    let user = self.users.as_ref().and_then(|users| users.get(login));
                    user.and_then(|user| user.assignee(org))
                }
                Assigned::ServiceAccount(name) => {
                    let id = self.orgs.get(&org).and_then(|org| org.accounts.get(name));
                    id.copied().map(Assignee::account)
                }
            };
            match (assignee, Level::parse(level)) {
                (Some(assignee), Some(level)) => found.set(assignee, Some(level)),
                _ => unknown.push(match to {
                    Assigned::Role(name) => format!("role {name}"),
                    Assigned::User(name) => format!("user {name}"),
                    Assigned::ServiceAccount(name) => format!("service account {name}"),
                }),
            }
        }
        (found, unknown)
    }
}

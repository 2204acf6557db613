//! `admin export`.

pub(super) mod documents;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde_json::json;
use sourcegate_core::{Assignee, Datasource, OrgId, Permissions};
use store::{Admin, User};

use super::Passphrase;
use super::archive::{Assigned, Head, Line, Permission, Writer, body};
use super::notes::Notes;
use super::password::new_passphrase;
use super::progress::Bars;
use super::said::Said;
use super::target::Target;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) file: &'a Path,
    pub(crate) org: Option<OrgId>,
    pub(crate) force: bool,
}

/// Writes data sources with their secrets. The file appears when it is whole.
pub(crate) async fn run(
    target: &Target,
    wanted: &Wanted<'_>,
    passphrase: &Passphrase,
    bars: &Bars,
) -> anyhow::Result<Said> {
    let admin = target.admin();
    let orgs: Vec<_> = match wanted.org {
        Some(org) => {
            target.expect_org(org).await?;
            vec![org]
        }
        None => admin.orgs().await?.into_iter().map(|org| org.id).collect(),
    };
    let vault = target.vault().await?;
    let (mut all, mut documents) = (Vec::new(), Vec::new());
    for org in orgs {
        all.extend(admin.sources(org).await?);
        documents.extend(documents::read((admin, &vault), org).await?);
    }
    let (mut names, mut notes) = (Names::default(), Notes::default());
    let lines = documents::lines(admin, documents, (&mut names, &mut notes)).await?;
    let passphrase = new_passphrase(passphrase)?;
    let mut file = Writer::create(wanted.file, &passphrase, wanted.force)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    file.line(&Head::new(admin.store().deployment(), now.as_secs(), (all.len(), lines.len())))?;
    let bar = bars.of(all.len() + lines.len(), "exporting");
    for stored in &all {
        let source = &stored.source;
        let opened = admin.opened(&vault, source).await;
        let secrets = opened.with_context(|| format!("data source `{}`", source.uid))?;
        let permissions = match &source.permissions {
            Some(permissions) => {
                names.read(admin, source.org).await?;
                let (named, gone) = names.named(source.org, permissions);
                noted(&mut notes, source, gone);
                Some(named)
            }
            None => None,
        };
        file.line(&Line {
            org: i64::from(source.org.get()),
            is_default: stored.is_default,
            permissions,
            source: body(source, &secrets)?,
        })?;
        bar.inc(1);
    }
    for line in &lines {
        file.line(line)?;
        bar.inc(1);
    }
    file.finish()?;
    bar.finish_and_clear();
    let (sources, documents, shown) = (all.len(), lines.len(), wanted.file.display());
    let text = format!(
        "{}exported {sources} data sources and {documents} documents with their secrets to {shown}\n",
        notes.text
    );
    let json = json!({
        "file": wanted.file, "sources": sources, "documents": documents, "notes": notes.json,
    });
    Ok(Said::new(text, json))
}

/// Notes how many of its permissions are nobody's any more.
fn noted(notes: &mut Notes, source: &Datasource, gone: usize) {
    let what = match gone {
        0 => return,
        1 => "1 permission left out, since who had it is not here any more".to_owned(),
        _ => format!("{gone} permissions left out, since who had them is not here any more"),
    };
    notes.source(source.org, (&format!("data source `{}`", source.uid), Some(&source.uid)), &what);
}

/// What accounts are called, by organisation and number.
#[derive(Default)]
struct Names {
    users: Option<HashMap<u32, User>>,
    accounts: HashMap<OrgId, HashMap<u32, String>>,
}

impl Names {
    async fn read(&mut self, admin: &Admin, org: OrgId) -> anyhow::Result<()> {
        if self.users.is_none() {
            let users = admin.users().await?;
            self.users = Some(users.into_iter().map(|user| (user.id, user)).collect());
        }
        if let Entry::Vacant(place) = self.accounts.entry(org) {
            place.insert(admin.service_accounts(org).await?.into_iter().collect());
        }
        Ok(())
    }

    /// Names a user as he is now; none if he is not there any more.
    fn login(&self, org: OrgId, who: Assignee) -> Option<&str> {
        let Assignee::Account { id, .. } = who else { return None };
        let user = self.users.as_ref()?.get(&id)?;
        (user.assignee(org) == Some(who)).then_some(user.login.as_str())
    }

    /// Names everybody. What is given to somebody who is not there any more is left out, and counted.
    fn named(&self, org: OrgId, permissions: &Permissions) -> (Vec<Permission>, usize) {
        let to = |assignee| match assignee {
            Assignee::Viewers => Some(Assigned::Role("Viewer".to_owned())),
            Assignee::Editors => Some(Assigned::Role("Editor".to_owned())),
            Assignee::Account { id, .. } => {
                let user = self.users.as_ref().and_then(|users| users.get(&id));
                let user = user.filter(|user| user.assignee(org) == Some(assignee));
                let account = self.accounts.get(&org).and_then(|accounts| accounts.get(&id));
                user.map(|user| Assigned::User(user.login.clone()))
                    .or_else(|| account.cloned().map(Assigned::ServiceAccount))
            }
        };
        let named = permissions.iter().filter_map(|(assignee, level)| {
            Some(Permission { to: to(assignee)?, level: level.as_str().to_owned() })
        });
        let named: Vec<_> = named.collect();
        let gone = permissions.iter().count() - named.len();
        (named, gone)
    }
}

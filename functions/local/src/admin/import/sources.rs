//! The data sources in an import.

use serde::Deserialize;
use sourcegate_core::{OrgId, Policy, Uid};
use store::{Admin, Archived, Conflicts, Restored};

use super::{Known, Outcome, Wanted, left_out};
use crate::admin::archive::Line;
use crate::admin::target::Target;

/// A data source of the file, judged.
pub(super) struct Judged {
    pub(super) org: OrgId,
    /// Names it to people.
    pub(super) called: String,
    /// Names it to scripts, if it says so itself.
    pub(super) uid: Option<Uid>,
    /// What would be written; else why nothing is.
    pub(super) archived: Result<Archived, String>,
    /// Who of its permissions is unknown here.
    unknown: Vec<String>,
}

impl Judged {
    /// Writes it, unless it would be refused.
    pub(super) async fn restore(
        &self,
        admin: &Admin,
        conflicts: Conflicts,
    ) -> Result<Outcome, store::Error> {
        let archived = match &self.archived {
            Ok(archived) => archived,
            Err(why) => return Ok(left_out(why.clone())),
        };
        Ok(match admin.restore(archived, conflicts).await? {
            Restored::Refused(why) => left_out(why),
            Restored::Kept(why) => {
                let note = format!("skipped, {why}");
                (Restored::Kept(why), Some(note), false)
            }
            restored if self.unknown.is_empty() => (restored, None, false),
            restored => {
                let unknown = self.unknown.join(", ");
                let note = format!("permissions left out, since nobody here is {unknown}");
                (restored, Some(note), true)
            }
        })
    }
}

/// As much of a data source that would be refused as it takes to name it.
#[derive(Deserialize)]
struct Sent {
    uid: String,
}

/// Judges the data source of a line, which is counted from 1.
pub(super) async fn judged(
    target: &Target,
    wanted: &Wanted<'_>,
    known: &mut Known,
    ((number, line), policy): ((usize, &Line), &Policy),
) -> anyhow::Result<Judged> {
    let org = match wanted.org {
        Some(org) => org,
        None => OrgId::new(line.org)?,
    };
    known.expect(target, org).await?;
    let unnamed = || format!("data source {number} of the file");
    let refused = |uid: Option<Uid>, why: String| {
        let called = uid.as_ref().map_or_else(unnamed, |uid| format!("`{uid}`"));
        Ok(Judged { org, called, uid, archived: Err(why), unknown: Vec::new() })
    };
    let draft = match grafana::draft(line.source.get(), policy) {
        Ok(draft) => draft,
        Err(error) => {
            let sent = serde_json::from_str::<Sent>(line.source.get()).ok();
            let uid = sent.and_then(|sent| Uid::parse(&sent.uid).ok());
            return refused(uid, format!("it would be refused: {error}"));
        }
    };
    let Some(uid) = draft.uid else { return refused(None, "it has no uid".to_owned()) };
    let (permissions, unknown) = match &line.permissions {
        Some(all) => {
            let (permissions, unknown) = known.permissions(org, all);
            (Some(permissions), unknown)
        }
        None => (None, Vec::new()),
    };
    let archived = Archived {
        org,
        uid: uid.clone(),
        settings: draft.settings,
        secrets: draft.secrets,
        permissions,
        is_default: line.is_default && !known.has_default(org),
    };
    Ok(Judged { org, called: format!("`{uid}`"), uid: Some(uid), archived: Ok(archived), unknown })
}

//! The data sources in an import.

use serde::Deserialize;
use sourcegate_core::{OrgId, Policy, Uid};
use store::{Admin, Archived, Conflicts, Restored};

use super::done::Outcome;
use super::{Known, Wanted};
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
    /// What of it cannot be in.
    lacks: Vec<String>,
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
            Err(why) => return Ok(Outcome::left_out(why.clone())),
        };
        Ok(match admin.restore(archived, conflicts).await? {
            Restored::Refused(why) => Outcome::left_out(why),
            Restored::Kept(why) => Outcome::kept(why),
            restored => Outcome { restored, lacks: self.lacks.clone(), note: None },
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
    known.read(target, org).await?;
    let named = |uid: &Uid| format!("data source `{uid}`");
    let unnamed = || format!("data source {number} of the file");
    let refused = |uid: Option<Uid>, why: String| {
        let called = uid.as_ref().map_or_else(unnamed, named);
        Ok(Judged { org, called, uid, archived: Err(why), lacks: Vec::new() })
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
    let mut lacks = Vec::new();
    let permissions = line.permissions.as_ref().map(|all| {
        let (permissions, unknown) = known.permissions(org, all);
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            lacks.push(format!("permissions left out, since nobody here is {unknown}"));
        }
        permissions
    });
    let other = known.default_of(org).filter(|other| line.is_default && **other != uid);
    lacks.extend(other.map(|other| format!("not the default, since `{other}` is")));
    let archived = Archived {
        org,
        uid: uid.clone(),
        settings: draft.settings,
        secrets: draft.secrets,
        permissions,
        is_default: line.is_default && other.is_none(),
    };
    Ok(Judged { org, called: named(&uid), uid: Some(uid), archived: Ok(archived), lacks })
}

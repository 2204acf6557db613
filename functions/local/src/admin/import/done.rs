//! What an import has done, and what it says of that.

use std::fmt::Write as _;

use serde_json::json;
use store::Restored;

use crate::admin::OnConflict;
use crate::admin::notes::Notes;
use crate::admin::said::Said;

/// The exit code when something of the file is not in, and nobody asked for that.
const NOT_ALL: u8 = 3;

/// What became of a line of the file.
pub(super) struct Outcome {
    pub(super) restored: Restored,
    /// What of it is not in, and nobody asked for that.
    pub(super) lacks: Vec<String>,
    /// What else is to be told.
    pub(super) note: Option<String>,
}

impl Outcome {
    /// It was not written: what is there stays.
    pub(super) fn kept(why: String) -> Self {
        let note = Some(format!("skipped, {why}"));
        Self { restored: Restored::Kept(why), lacks: Vec::new(), note }
    }

    /// It was not written, for this reason.
    pub(super) fn left_out(why: String) -> Self {
        let lacks = vec![format!("left out, {why}")];
        Self { restored: Restored::Refused(why), lacks, note: None }
    }
}

/// What was done.
pub(super) struct Done {
    on_conflict: OnConflict,
    created: usize,
    replaced: usize,
    skipped: usize,
    left_out: usize,
    /// How many are not in as the file has them, and nobody asked for that.
    lacking: usize,
    pub(super) notes: Notes,
}

impl Done {
    pub(super) fn new(on_conflict: OnConflict) -> Self {
        let notes = Notes::default();
        Self { on_conflict, created: 0, replaced: 0, skipped: 0, left_out: 0, lacking: 0, notes }
    }

    /// Counts it, and gives what is to be told of it.
    pub(super) fn count(&mut self, outcome: Outcome) -> Option<String> {
        let Outcome { restored, lacks, note } = outcome;
        let is_asked = match restored {
            Restored::Created => {
                self.created += 1;
                true
            }
            Restored::Replaced => {
                self.replaced += 1;
                true
            }
            Restored::Kept(_) => {
                self.skipped += 1;
                // Else somebody has made it while the import ran.
                matches!(self.on_conflict, OnConflict::Skip)
            }
            Restored::Refused(_) => {
                self.left_out += 1;
                false
            }
        };
        self.lacking += usize::from(!is_asked || !lacks.is_empty());
        let told: Vec<_> = lacks.into_iter().chain(note).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    pub(super) fn said(self) -> Said {
        let Self { created, replaced, skipped, left_out, lacking, notes, .. } = self;
        let Notes { mut text, json: notes } = notes;
        // Writing to a string does not fail.
        let _ = write!(text, "{created} created, {replaced} replaced, {skipped} skipped");
        let _ = match left_out {
            0 => writeln!(text),
            _ => writeln!(text, ", {left_out} left out"),
        };
        let json = json!({
            "created": created, "replaced": replaced, "skipped": skipped, "leftOut": left_out,
            "notes": notes,
        });
        Said::new(text, json).ending_with(if lacking > 0 { NOT_ALL } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(on_conflict: OnConflict, outcome: Outcome, told: Option<&str>, lacking: usize) {
        let mut done = Done::new(on_conflict);
        assert_eq!(done.count(outcome).as_deref(), told);
        assert_eq!(done.lacking, lacking);
    }

    #[test]
    fn what_is_kept_is_asked_for_by_skip_alone() {
        let kept = || Outcome::kept("it is there".to_owned());
        check(OnConflict::Skip, kept(), Some("skipped, it is there"), 0);
        check(OnConflict::Fail, kept(), Some("skipped, it is there"), 1);
        for on_conflict in [OnConflict::Skip, OnConflict::Replace] {
            let refused = Outcome::left_out("it is none".to_owned());
            check(on_conflict, refused, Some("left out, it is none"), 1);
            let written = |lacks: &[&str], note: Option<&str>| Outcome {
                restored: Restored::Created,
                lacks: lacks.iter().map(|text| (*text).to_owned()).collect(),
                note: note.map(str::to_owned),
            };
            check(on_conflict, written(&[], None), None, 0);
            check(on_conflict, written(&[], Some("a")), Some("a"), 0);
            check(on_conflict, written(&["a", "b"], Some("c")), Some("a; b; c"), 1);
        }
    }
}

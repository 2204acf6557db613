//! What became of the files: for the log, for the operator's screen and for who asked to read them again.

use std::fmt;
use std::path::{Path, PathBuf};

use sourcegate_core::{Classify, Fault as Whose, Kind};

/// Says what is wrong with a file or a part of it. Never a value that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: PathBuf,
    line: Option<usize>,
    reason: String,
    kind: Kind,
}

impl Problem {
    /// A line that is refused.
    pub(super) fn refused(file: &Path, line: usize, reason: impl Into<String>) -> Self {
        let (file, line, kind) = (file.to_owned(), Some(line), Kind::Invalid);
        Self { file, line, reason: reason.into(), kind }
    }

    /// A file or folder that is refused as a whole.
    pub(super) fn of_file(file: &Path, reason: impl Into<String>) -> Self {
        Self { line: None, ..Self::refused(file, 0, reason) }
    }

    /// What the tables have against a line.
    pub(super) fn stored(file: &Path, line: usize, error: &store::Error) -> Self {
        match error.kind().fault() {
            Whose::Ours => Self { line: Some(line), ..Self::unwritten(file, error) },
            _ => Self::refused(file, line, error.public()),
        }
    }

    /// What could not even be read, through no fault of the files.
    pub(super) fn unread(folder: &Path, error: &web::Refusal) -> Self {
        Self { kind: error.kind(), ..Self::of_file(folder, format!("cannot be read: {error}")) }
    }

    /// What could not be done, through no fault of the files.
    pub(super) fn unwritten(file: &Path, error: &store::Error) -> Self {
        tracing::error!(error = %web::Chain(error), "cannot provision");
        let refused = Self::of_file(file, "could not be written; the log says why");
        Self { kind: error.kind(), ..refused }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.reason),
            None => write!(f, "{}: {}", self.file.display(), self.reason),
        }
    }
}

/// What one round did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many data sources were made.
    pub created: usize,
    /// How many were changed.
    pub updated: usize,
    /// How many were as their files have them.
    pub unchanged: usize,
    /// How many were removed.
    pub removed: usize,
    /// What was refused. Everything else is in force.
    pub problems: Vec<Problem>,
    /// What is odd and no reason to refuse it.
    pub warnings: Vec<Problem>,
}

impl Report {
    /// Writes it to the log, refusals as errors.
    pub fn log(&self) {
        for problem in &self.problems {
            tracing::error!("provisioning: refused {problem}");
        }
        for warning in &self.warnings {
            tracing::warn!("provisioning: {warning}");
        }
        tracing::info!(
            provisioned.created = self.created,
            provisioned.updated = self.updated,
            provisioned.unchanged = self.unchanged,
            provisioned.removed = self.removed,
            "provisioned: {self}"
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, updated, unchanged, removed, problems, .. } = self;
        write!(
            f,
            "{created} created, {updated} updated, {unchanged} unchanged, {removed} removed"
        )?;
        match problems.len() {
            0 => Ok(()),
            refused => write!(f, ", {refused} REFUSED"),
        }
    }
}

/// The report of a round in which something was refused.
#[derive(Debug, thiserror::Error)]
#[error("{} of the provisioning files' parts were refused, the rest is in force", .0.problems.len())]
pub(super) struct Refused(pub(super) Report);

impl Classify for Refused {
    fn kind(&self) -> Kind {
        let ours = |problem: &&Problem| problem.kind.fault() == Whose::Ours;
        self.0.problems.iter().find(ours).map_or(Kind::Invalid, |problem| problem.kind)
    }

    fn cause(&self) -> Option<&'static str> {
        Some("provisioning")
    }
}

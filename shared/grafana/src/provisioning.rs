//! Data sources from Grafana's provisioning files: read at the start and when an administrator of the server asks.
//!
//! A bad file is refused as a whole, with its line and the reason; the others are put in force.

mod expand;
mod fields;
mod file;
mod folder;
mod json;
mod report;
mod together;
mod yaml;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auth::Action;
use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Serialize;
use sourcegate_core::Policy;
use store::{Placed, Provisioner, Round, Store};
use web::{TraceId, envelope};

use crate::answer::{Answer, ok};
use crate::envelope::{Doing, render};
use crate::wire::account::Message;

use expand::Outside;
use report::Refused;
use together::Readable;

pub use report::{Problem, Report};

/// What provisioning needs: the files' folder, their way to the registry, and where data sources may be.
#[derive(Clone)]
pub struct Provisioning(Arc<Inner>);

struct Inner {
    folder: Option<PathBuf>,
    provisioner: Provisioner,
    policy: Arc<Policy>,
}

/// What is wrong, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    reason: String,
}

impl Fault {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }

    /// Names the field that a reason is of.
    fn within(self, field: &str) -> Self {
        Self { reason: format!("`{field}` {}", self.reason), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl FromRef<Provisioning> for Store {
    fn from_ref(provisioning: &Provisioning) -> Self {
        provisioning.0.provisioner.store().clone()
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(reload))]
pub(crate) struct Paths;

/// Makes the route.
pub fn router(provisioning: Provisioning) -> Router {
    let told = envelope(|error, trace| match error.downcast_ref::<Refused>() {
        Some(refused) => refusal(refused, error, trace),
        None => render(Doing::Account, error, trace),
    });
    let path = "/api/admin/provisioning/datasources/reload";
    crate::route(Router::new(), path, post(reload).layer(told)).with_state(provisioning)
}

/// Reads data sources from provisioning files again.
///
/// Only administrators of the whole server may. What is sound is put in force, also where something is refused.
#[utoipa::path(
    post,
    path = "/api/admin/provisioning/datasources/reload",
    tag = "provisioning",
    operation_id = "reloadProvisioning",
    responses(
        (status = 200, description = "`Datasources config reloaded`", body = Message),
        (status = 400, description = "Files or lines that were refused are in `problems`", body = Body),
    ),
)]
async fn reload(
    State(provisioning): State<Provisioning>,
    web::Caller(caller): web::Caller,
) -> Result<Response, web::Error> {
    caller.allow(Action::Reload)?;
    let report = provisioning.apply().await;
    if !report.problems.is_empty() {
        return Err(Refused(report).into());
    }
    Ok(ok(Message::from("Datasources config reloaded")).into_response())
}

/// The answer where something was refused.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RefusedFiles)]
struct Body {
    message: String,
    cause: Option<&'static str>,
    /// File, line and reason of each.
    problems: Vec<String>,
    #[serde(rename = "traceID")]
    trace: String,
}

fn refusal(Refused(report): &Refused, error: &web::Error, trace: TraceId) -> Response {
    let body = Body {
        message: Refused(report.clone()).to_string(),
        cause: error.cause(),
        problems: report.problems.iter().map(Problem::to_string).collect(),
        trace: trace.to_string(),
    };
    Answer(web::status(error.kind()), body).into_response()
}

impl Provisioning {
    /// Makes it of a folder in Grafana's layout; without one there is nothing to read. The policy judges urls; it must be
    /// the one that dials.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, provisioner: Provisioner, policy: Policy) -> Self {
        Self(Arc::new(Inner { folder, provisioner, policy: Arc::new(policy) }))
    }

    /// Reads all files and puts them in force: first what may be pruned, then what is to be deleted, then what is to be
    /// there. The report is in the log, too.
    pub async fn apply(&self) -> Report {
        let Some(folder) = self.0.folder.clone() else { return Report::default() };
        let (policy, place) = (Arc::clone(&self.0.policy), folder.clone());
        let (files, mut report) = match web::off_thread(move || read(&place, &policy)).await {
            Ok(read) => read,
            Err(error) => {
                let report = Report {
                    problems: vec![Problem::unread(&folder, &error)],
                    ..Report::default()
                };
                report.log();
                return report;
            }
        };
        match self.0.provisioner.begin().await {
            Ok(round) => self.enforce(&round, files, &mut report).await,
            Err(error) => report.problems.push(Problem::unwritten(&folder, &error)),
        }
        report.log();
        report
    }

    async fn enforce(&self, round: &Round<'_>, files: Vec<Readable>, report: &mut Report) {
        let files = self.of_known_orgs(files, report).await;
        let named = together::named(&files);
        // What a refused file would have said is not known, so nothing is taken for left out.
        if report.problems.is_empty() {
            match round.prune(&named).await {
                Ok(pruned) => report.removed += pruned.len(),
                Err(error) => {
                    let folder = self.0.folder.as_deref().unwrap_or(Path::new("."));
                    report.problems.push(Problem::unwritten(folder, &error));
                }
            }
        }
        for Readable { path, config } in &files {
            for removal in &config.removals {
                // What is to be there again is replaced where it is, and keeps its number and permissions.
                if named.contains(&(removal.org, removal.name.clone())) {
                    continue;
                }
                match round.remove(removal.org, &removal.name).await {
                    Ok(was_there) => report.removed += usize::from(was_there),
                    Err(error) => report.problems.push(Problem::stored(path, removal.line, &error)),
                }
            }
        }
        for Readable { path, config } in &files {
            for entry in &config.sources {
                match round.put(&entry.from).await {
                    Ok(Placed::Created) => report.created += 1,
                    Ok(Placed::Updated) => report.updated += 1,
                    Ok(Placed::Unchanged) => report.unchanged += 1,
                    Err(error) => report.problems.push(Problem::stored(path, entry.line, &error)),
                }
            }
        }
    }

    /// Refuses files that speak of organisations that are not there.
    async fn of_known_orgs(&self, files: Vec<Readable>, report: &mut Report) -> Vec<Readable> {
        let mut known = Vec::with_capacity(files.len());
        for file in files {
            let before = report.problems.len();
            for entry in &file.config.sources {
                let org = entry.from.org;
                match self.0.provisioner.has_org(org).await {
                    Ok(true) => {}
                    Ok(false) => {
                        let reason = format!("organisation {org} does not exist");
                        report.problems.push(Problem::refused(&file.path, entry.line, reason));
                    }
                    Err(error) => {
                        report.problems.push(Problem::stored(&file.path, entry.line, &error));
                    }
                }
            }
            if report.problems.len() == before {
                known.push(file);
            }
        }
        known
    }
}

/// Reads the folder, and what of it is sound and goes together.
fn read(folder: &Path, policy: &Policy) -> (Vec<Readable>, Report) {
    let mut report = Report::default();
    let files = match folder::read(folder) {
        Ok(files) => files,
        Err(error) => {
            let reason = format!("the folder cannot be read: {error}");
            report.problems.push(Problem::of_file(folder, reason));
            return (Vec::new(), report);
        }
    };
    let outside = Outside { env: &web::env, file: &|path| folder::text(Path::new(path)) };
    let mut readable = Vec::new();
    for folder::File { path, text } in files {
        let read = match text {
            Ok(text) => file::read(&text, outside, policy),
            Err(error) => {
                report.problems.push(Problem::of_file(&path, format!("cannot be read: {error}")));
                continue;
            }
        };
        match read {
            Ok(config) => {
                let warned = config.warnings.iter();
                let warned = warned.map(|w| Problem::refused(&path, w.line, w.reason.clone()));
                report.warnings.extend(warned);
                readable.push(Readable { path, config });
            }
            Err(faults) => {
                let told = faults.into_iter().map(|f| Problem::refused(&path, f.line, f.reason));
                report.problems.extend(told);
            }
        }
    }
    (together::agreeing(readable, &mut report.problems), report)
}

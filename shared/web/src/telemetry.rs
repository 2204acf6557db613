//! The log: one line per event, on one stream, with dotted field names.
//!
//! Each request has one line, target `request`, written when its answer has ended:
//!
//! | field | meaning |
//! |---|---|
//! | `method` | how it was asked; the query is never logged |
//! | `path`, `route` | for what, unless a data source answered |
//! | `status`, `bytes` | what was answered; 499 if the caller went first |
//! | `duration_ms` | from the request's head to the answer's last byte |
//! | `trace_id` | the same as `traceID` in an error's body |
//! | `org`, `user` | who asked |
//! | `datasource.uid` | for which data source |
//! | `upstream.path` | what it was asked for, where it answered |
//! | `upstream.ms` | how soon its answer's head came |
//! | `upstream.status` | what it answered, where the caller got another one |
//! | `error.kind`, `error.cause`, `error.chain` | why it failed, with all causes beneath |
//! | `cold_start` | on Lambda: 1 in the line of a process's first request |
//!
//! On Lambda the line of a request that failed is a set of metrics too, see [`NAMESPACE`]. Names are short, and nothing is said
//! twice, because the platform keeps logs by the byte: of what a request costs there, a quarter is its line.
//!
//! The level follows from the fault: the caller's is `info`, the data source's `warn`, ours `error`.

mod emf;
mod json;
mod one_line;
mod unblocked;

use std::{
    panic::PanicHookInfo,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt};

use emf::Metrics;
use json::JsonLines;
use one_line::OneLine;
use unblocked::{Losses, Unblocked};

pub use emf::NAMESPACE;

/// How events are written, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line on standard output, which is what Lambda collects.
    Json,
    /// Text on standard error, so that standard output stays free for what a command prints.
    Text,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BadLog {
    /// The format has another name.
    #[error("log format `{0}` is neither json nor text")]
    Format(String),
    /// The filter, as in `SOURCEGATE_LOG`, does not parse.
    #[error("log filter `{filter}` does not parse")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
}

impl FromStr for Format {
    type Err = BadLog;

    fn from_str(name: &str) -> Result<Self, BadLog> {
        match name {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(BadLog::Format(other.to_owned())),
        }
    }
}

/// What was lost of the local log.
static LOST: Losses = Losses::none();

/// Sets up the log of the process and its panic hook. A log that is not read in time loses lines and says how many, so that
/// no request waits for its reader. `filter` is the value of `SOURCEGATE_LOG`
/// in tracing's syntax (`info,store=debug`); default `info`. A second call changes nothing.
///
/// # Errors
///
/// Refuses a filter that does not parse.
pub fn init(format: Format, filter: Option<&str>) -> Result<(), BadLog> {
    install(format, filter, None)
}

/// The same for a function of Lambda, of that name: in JSON, each request's line with its metrics. Reads `SOURCEGATE_LOG`
/// and `SOURCEGATE_DEPLOYMENT`, default `local`.
///
/// # Errors
///
/// Refuses a filter that does not parse.
pub fn init_function(name: &str, get: impl Fn(&str) -> Option<String>) -> Result<(), BadLog> {
    let deployment = get("SOURCEGATE_DEPLOYMENT").unwrap_or_else(|| "local".to_owned());
    let metrics = Metrics::new(&deployment, name);
    install(Format::Json, get("SOURCEGATE_LOG").as_deref(), Some(metrics))
}

fn install(format: Format, filter: Option<&str>, metrics: Option<Metrics>) -> Result<(), BadLog> {
    let filter = filter.unwrap_or("info");
    let parsed = EnvFilter::try_new(filter)
        .map_err(|source| BadLog::Filter { filter: filter.to_owned(), source })?;
    // What cannot be logged could only be told where nobody reads either.
    let lines = fmt().with_env_filter(parsed).with_ansi(false).log_internal_errors(false);
    // Refused only if a subscriber is there already, as in a test.
    let _already = match format {
        // Lambda takes every line before an answer's end, and metrics are not to be lost.
        Format::Json if metrics.is_some() => {
            lines.event_format(JsonLines(metrics)).with_writer(std::io::stdout).try_init()
        }
        Format::Json => {
            let stdout = move || Unblocked { stream: std::io::stdout(), format, losses: &LOST };
            lines.event_format(JsonLines(None)).with_writer(stdout).try_init()
        }
        Format::Text => {
            let stderr = move || Unblocked { stream: std::io::stderr(), format, losses: &LOST };
            lines.with_writer(move || OneLine(stderr())).try_init()
        }
    };
    std::panic::set_hook(Box::new(log_place));
    Ok(())
}

/// That something has panicked since [`init`], wherever: what it was changing may be half changed.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Tells whether anything in this process has panicked.
pub(crate) fn has_panicked() -> bool {
    PANICKED.load(Ordering::Relaxed)
}

/// Logs where a panic was, and not what it said: a payload may quote a value, and so a secret.
fn log_place(panic: &PanicHookInfo<'_>) {
    PANICKED.store(true, Ordering::Relaxed);
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.location = place, "panicked");
}

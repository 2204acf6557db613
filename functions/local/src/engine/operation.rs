//! DynamoDB's operations, as far as the gateway needs them: what each runs, and how often it was called.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What `x-amz-target` puts before the operation: DynamoDB's API version.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// DynamoDB's answer to an operation that it does not know, which has no message.
const UNKNOWN: &[u8] = br#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

type Run = fn(&Database, &[u8]) -> Result<Vec<u8>, DynoxideError>;

/// All that is answered, `Scan` to operators' commands only. No PartiQL: nothing of ours may need it.
const OPERATIONS: [(&str, Run); 15] = [
    ("BatchGetItem", |db, body| answer(body, |request| db.batch_get_item(request))),
    ("BatchWriteItem", |db, body| answer(body, |request| db.batch_write_item(request))),
    ("CreateTable", |db, body| answer(body, |request| db.create_table(request))),
    ("DeleteItem", |db, body| answer(body, |request| db.delete_item(request))),
    ("DescribeTable", |db, body| answer(body, |request| db.describe_table(request))),
    ("DescribeTimeToLive", |db, body| answer(body, |request| db.describe_time_to_live(request))),
    ("GetItem", |db, body| answer(body, |request| db.get_item(request))),
    ("ListTables", |db, body| answer(body, |request| db.list_tables(request))),
    ("PutItem", |db, body| answer(body, |request| db.put_item(request))),
    ("Query", |db, body| answer(body, |request| db.query(request))),
    (SCAN, |db, body| answer(body, |request| db.scan(request))),
    ("TransactGetItems", |db, body| answer(body, |request| db.transact_get_items(request))),
    ("TransactWriteItems", |db, body| answer(body, |request| db.transact_write_items(request))),
    ("UpdateItem", |db, body| answer(body, |request| db.update_item(request))),
    ("UpdateTimeToLive", |db, body| answer(body, |request| db.update_time_to_live(request))),
];

/// What reads a whole table: nothing that serves may need it, and what it takes grows with all tenants.
const SCAN: &str = "Scan";

/// Whether whole tables may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scans {
    /// By an operator's command.
    Allowed,
    /// By the server and whom it offers its tables to.
    Refused,
}

/// Status and JSON body, as DynamoDB's HTTP interface would give them.
pub(super) type Answer = (u16, Bytes);

/// Runs the operation that `target`, the value of `x-amz-target`, names. Blocks for as long as the disk does.
pub(super) fn dispatch(database: &Database, target: &str, body: &[u8], scans: Scans) -> Answer {
    let Some(operation) = served(target, scans) else {
        return (400, Bytes::from_static(UNKNOWN));
    };
    match OPERATIONS[operation].1(database, body) {
        Ok(answer) => (200, answer.into()),
        Err(error) => (error.status_code(), error.to_json().into()),
    }
}

fn served(target: &str, scans: Scans) -> Option<usize> {
    let name = target.strip_prefix(TARGET_PREFIX)?;
    let known = OPERATIONS.iter().position(|(known, _)| *known == name);
    known.filter(|at| scans == Scans::Allowed || OPERATIONS[*at].0 != SCAN)
}

fn answer<Request: DeserializeOwned, Response: Serialize>(
    body: &[u8],
    run: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    let response = run(request)?;
    serde_json::to_vec(&response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// dynoxide's types put the class of their refusal before its text (its `serde_errors` module, which only its own
/// HTTP server can call).
fn unreadable(text: &str) -> DynoxideError {
    match text.split_once(':') {
        Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", message)) => {
            DynoxideError::ValidationException(message.to_owned())
        }
        Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", message)) => {
            DynoxideError::SerializationException(message.to_owned())
        }
        _ => DynoxideError::SerializationException(text.to_owned()),
    }
}

/// How often each operation was called, while it goes on.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; OPERATIONS.len()]);

impl Counters {
    pub(super) fn count(&self, target: &str, scans: Scans) {
        if let Some(operation) = served(target, scans) {
            self.0[operation].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn snapshot(&self) -> Calls {
        let counts = OPERATIONS.iter().zip(&self.0);
        Calls(counts.map(|((name, _), count)| (*name, count.load(Ordering::Relaxed))).collect())
    }
}

/// How often each operation had been called at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(BTreeMap<&'static str, u64>);

impl Calls {
    /// Tells how often the operation of that name (`GetItem`, …) was called; 0 for one that is not served.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.0.get(operation).copied().unwrap_or(0)
    }

    /// Tells how many calls there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Tells how many calls read: what a request waits for. That a token was used is noted beside it.
    #[must_use]
    pub fn reads(&self) -> u64 {
        ["GetItem", "BatchGetItem", "Query"].iter().map(|operation| self.of(operation)).sum()
    }

    /// Tells what was called after `earlier`, a snapshot of the same engine; operations without a call are left
    /// out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let more =
            |(name, count): (&&'static str, &u64)| (*name, count.saturating_sub(earlier.of(name)));
        Self(self.0.iter().map(more).filter(|(_, count)| *count > 0).collect())
    }
}

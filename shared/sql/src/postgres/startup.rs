//! What a session starts with: `DISCARD ALL` comes back to it, and to nothing else.

use std::time::Duration;

use sourcegate_core::SqlTarget;

/// How long a statement waits for a lock.
const LOCK: Duration = Duration::from_secs(10);

/// How long a transaction may stand still. We wait for nobody in one but the database.
const STILL: Duration = Duration::from_secs(30);

/// The limits that a session has in the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Within {
    pub(super) statement: Duration,
    pub(super) lock: Duration,
}

impl Within {
    pub(super) fn of(target: &SqlTarget) -> Self {
        let limit = |name: &str| target.params.limit(name).filter(|limit| !limit.is_zero());
        let statement = limit("statement_timeout").unwrap_or(target.statement_timeout);
        let lock = limit("lock_timeout").unwrap_or(LOCK.min(target.statement_timeout));
        Self { statement, lock }
    }
}

/// Writes `options` of the start-up message. The data source's own parameters come last, and so count.
pub(super) fn options(target: &SqlTarget, idle: Option<Duration>) -> String {
    let statement = target.statement_timeout;
    let mut all = vec![
        ("default_transaction_read_only", "on".to_owned()),
        ("statement_timeout", milliseconds(statement)),
        ("lock_timeout", milliseconds(LOCK.min(statement))),
        ("idle_in_transaction_session_timeout", milliseconds(STILL)),
        // What answers look like: whatever the role or the database has set, one form is read here.
        ("datestyle", "ISO, YMD".to_owned()),
        ("intervalstyle", "postgres".to_owned()),
        ("bytea_output", "hex".to_owned()),
        ("extra_float_digits", "1".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("standard_conforming_strings", "on".to_owned()),
    ];
    all.extend(idle.map(|idle| ("idle_session_timeout", milliseconds(idle))));
    let own = target.params.iter().filter(|(name, _)| *name != "application_name");
    all.extend(own.map(|(name, value)| (name, value.to_owned())));
    let words = all.iter().map(|(name, value)| format!("-c {name}={}", escaped(value)));
    words.collect::<Vec<_>>().join(" ")
}

/// Rounds up: zero would mean no limit.
fn milliseconds(limit: Duration) -> String {
    let most = i32::MAX.unsigned_abs();
    limit.as_micros().div_ceil(1000).clamp(1, most.into()).to_string()
}

fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if c == '\\' || c.is_whitespace() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_none() {
        assert_eq!(milliseconds(Duration::from_micros(1)), "1");
        assert_eq!(milliseconds(Duration::from_millis(1500)), "1500");
        assert_eq!(milliseconds(Duration::MAX), "2147483647");
    }

    #[test]
    fn a_value_cannot_begin_another_option() {
        assert_eq!(escaped(r"a -c b=c\"), r"a\ -c\ b=c\\");
    }
}

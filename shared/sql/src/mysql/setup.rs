//! What a session is set to, at its start and again after each statement: a reset leaves the server's own settings.

use std::time::Duration;

use sourcegate_core::{BadSqlTarget, SqlTarget};

/// How long a statement waits for a lock.
const LOCK: Duration = Duration::from_secs(10);

/// How long the server waits for a caller who does not read, at least: its own usual limit.
const UNREAD: Duration = Duration::from_secs(60);

/// The longest that the servers take, in seconds.
const YEAR: u64 = 31_536_000;

/// Which texts mean what, whatever the server's setting is. Our own reading of statements follows it.
const MODE: &str = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/// Writes the one statement that sets everything.
pub(super) fn setup(
    target: &SqlTarget,
    idle: Duration,
    is_mariadb: bool,
) -> Result<String, BadSqlTarget> {
    let limit = target.statement_timeout;
    let lock = seconds(LOCK.min(limit));
    let zone = target.params.get("time_zone").map_or(Ok("+00:00"), zone)?;
    // The two have other names for what means the same.
    let (read_only, ends) = match is_mariadb {
        true => {
            let limit = f64::from(milliseconds(limit)) / 1000.0;
            ("tx_read_only", format!("max_statement_time = {limit:.3}"))
        }
        false => ("transaction_read_only", format!("max_execution_time = {}", milliseconds(limit))),
    };
    Ok(format!(
        "SET NAMES utf8mb4, SESSION sql_mode = '{MODE}', SESSION time_zone = '{zone}', SESSION {read_only} = 1, \
         SESSION autocommit = 1, SESSION {ends}, SESSION lock_wait_timeout = {lock}, \
         SESSION net_write_timeout = {unread}, SESSION wait_timeout = {idle}",
        unread = seconds(UNREAD.max(limit)),
        idle = seconds(idle),
    ))
}

/// A zone of the settings, in quotes as the driver of Perses wants it, or without.
fn zone(value: &str) -> Result<&str, BadSqlTarget> {
    let bare = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value);
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-_/:".contains(c);
    if !bare.is_empty() && bare.chars().all(fits) {
        Ok(bare)
    } else {
        Err(BadSqlTarget::ParamValue("time_zone".to_owned()))
    }
}

/// Rounds up: zero would mean no limit.
fn milliseconds(limit: Duration) -> u32 {
    let rounded = limit.as_micros().div_ceil(1000).max(1);
    u32::try_from(rounded).unwrap_or(i32::MAX.unsigned_abs()).min(i32::MAX.unsigned_abs())
}

fn seconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis().div_ceil(1000)).unwrap_or(YEAR).clamp(1, YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_none() {
        assert_eq!(milliseconds(Duration::from_micros(1)), 1);
        assert_eq!(milliseconds(Duration::from_millis(1500)), 1500);
        assert_eq!(milliseconds(Duration::MAX), 2_147_483_647);
        assert_eq!(seconds(Duration::from_micros(1)), 1);
        assert_eq!(seconds(Duration::from_millis(1500)), 2);
        assert_eq!(seconds(Duration::MAX), YEAR);
    }

    #[test]
    fn a_zone_cannot_set_anything_else() {
        assert_eq!(zone("'Europe/Berlin'").unwrap(), "Europe/Berlin");
        assert_eq!(zone("+05:30").unwrap(), "+05:30");
        for bad in ["", "''", "'", "UTC', SESSION x = '1", "a b", "\\"] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }
}

//! Times as Grafana writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last second that RFC 3339 can write: the end of the year 9999.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;

/// Writes a time in seconds since 1970 in UTC. One that has no such form is Go's zero time, which clients know.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    let written = time.and_then(|time| time.format(&Rfc3339).ok());
    written.unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(rfc3339(LAST_SECOND), "9999-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MAX), "0001-01-01T00:00:00Z");
    }
}

//! Durations as Perses and Prometheus write them: `1d12h`, `500ms` (contract/perses.md 3.5).

use std::time::Duration;

use crate::quoted;

/// The units, largest first, and how many milliseconds one has.
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Says why a text is no duration, in Perses' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// It has no number where one must be, its units are in disorder, or it is too long.
    #[error("not a valid duration string: {}", quoted(.0))]
    Form(String),
    /// It has another unit.
    #[error("unknown unit {} in duration {}", quoted(unit), quoted(text))]
    Unit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Reads a duration: numbers with units from years to milliseconds, each unit at most once and in this order, or `0`.
///
/// # Errors
/// [`BadDuration`].
pub fn duration(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration::Form(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(bad());
    }
    let (mut rest, mut total, mut units) = (text, 0_u64, &UNITS[..]);
    while !rest.is_empty() {
        let (digits, after) = split(rest, |b| b.is_ascii_digit());
        let (unit, after) = split(after, |b| !b.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| bad())?;
        let Some(at) = units.iter().position(|(name, _)| *name == unit) else {
            let known = UNITS.iter().any(|(name, _)| *name == unit);
            let unknown = || BadDuration::Unit { unit: unit.to_owned(), text: text.to_owned() };
            return Err(if known || unit.is_empty() { bad() } else { unknown() });
        };
        let (_, factor) = units[at];
        let part = number.checked_mul(factor).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        units = &units[at + 1..];
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

fn split(text: &str, belongs: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !belongs(b)).unwrap_or(text.len());
    // A byte that does not belong begins a character, since digits are characters of one byte.
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        let found = duration(text).map(|found| found.as_millis() as u64);
        let found = found.map_err(|error| error.to_string());
        assert_eq!(found.as_ref().map(|ms| *ms).map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn durations_are_those_of_prometheus() {
        check("0", Ok(0));
        check("15s", Ok(15_000));
        check("1d12h", Ok(129_600_000));
        check("1m500ms", Ok(60_500));
        check("5m", Ok(300_000));
    }

    #[test]
    fn perses_case_51_others_are_refused_in_its_words() {
        check("30 seconds", Err("unknown unit \" seconds\" in duration \"30 seconds\""));
        check("", Err("not a valid duration string: \"\""));
        check("s", Err("not a valid duration string: \"s\""));
        check("5", Err("not a valid duration string: \"5\""));
        check("1s1m", Err("not a valid duration string: \"1s1m\""));
        check("1s1s", Err("not a valid duration string: \"1s1s\""));
        check("9999999999999y", Err("not a valid duration string: \"9999999999999y\""));
        check("5µs", Err("unknown unit \"µs\" in duration \"5µs\""));
    }
}

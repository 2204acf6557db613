//! What of a session a data source may set: what changes how answers look, and nothing that changes what is allowed.

use std::time::Duration;

use super::{BadSqlTarget, SqlDriver};

/// Parameters of PostgreSQL that may be set.
const POSTGRES: &str = "application_name, lock_timeout, search_path, statement_timeout, timezone";

/// Parameters of MySQL and MariaDB that may be set, in the words of Perses' driver.
const MYSQL: &str = "allowNativePasswords, charset, parseTime, time_zone";

/// Parameters of a session, checked and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlParams(Vec<(String, String)>);

impl SqlParams {
    /// Takes parameters by name; names are compared without case.
    ///
    /// # Errors
    /// A name that is not offered, or a value that does not fit.
    pub fn new<'a>(
        driver: SqlDriver,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadSqlTarget> {
        let params = params.into_iter().map(|(name, value)| read(driver, name, value));
        params.filter_map(Result::transpose).collect::<Result<_, _>>().map(Self)
    }

    /// Reads PostgreSQL's `options`: `-c name=value` or `--name=value`, with backslashes before blanks.
    ///
    /// # Errors
    /// Another form, a name that is not offered, or a value that does not fit.
    pub fn from_options(options: &str) -> Result<Self, BadSqlTarget> {
        let words = words(options);
        let mut words = words.iter();
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            let pair = match word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
                Some("") => words.next().ok_or(BadSqlTarget::Options)?,
                Some(pair) => pair,
                None => return Err(BadSqlTarget::Options),
            };
            let (name, value) = pair.split_once('=').ok_or(BadSqlTarget::Options)?;
            found.extend(read(SqlDriver::Postgres, name, value)?);
        }
        Ok(Self(found))
    }

    /// Puts others after these; a later one of the same name counts.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Finds the value that counts.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Finds a time limit of PostgreSQL's that counts, in its own units; zero means none.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<Duration> {
        self.get(name).and_then(limit)
    }

    /// Tells how many minutes the session's `time_zone` of MySQL's is before UTC; none where it is one with a name.
    #[must_use]
    pub fn offset(&self) -> Option<i16> {
        self.get("time_zone").map_or(Some(0), offset)
    }

    /// The same without one of a name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }

    /// Iterates over names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Splits at blanks that no backslash stands before, as PostgreSQL does.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => words.last_mut().into_iter().for_each(|word| word.extend(chars.next())),
            c if c.is_ascii_whitespace() => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Reads one; none where it only asks for what is always so.
fn read(
    driver: SqlDriver,
    name: &str,
    value: &str,
) -> Result<Option<(String, String)>, BadSqlTarget> {
    let offered = match driver {
        SqlDriver::Postgres => POSTGRES,
        SqlDriver::Mysql | SqlDriver::Mariadb => MYSQL,
    };
    let short: String = name.chars().take(64).collect();
    if driver == SqlDriver::Postgres && name.eq_ignore_ascii_case("default_transaction_read_only") {
        let on = ["on", "true", "yes", "1"].iter().any(|word| value.eq_ignore_ascii_case(word));
        return if on { Ok(None) } else { Err(BadSqlTarget::ParamValue(short)) };
    }
    let known = offered.split(", ").find(|known| known.eq_ignore_ascii_case(name));
    let known = known.ok_or(BadSqlTarget::Param { name: short.clone(), offered })?;
    let fits = match known {
        // None means the longest that is offered.
        "statement_timeout" => limit(value).is_some(),
        // None would hold a session for as long. What is less than the server counts is none for it.
        "lock_timeout" => limit(value).is_some_and(|limit| limit >= Duration::from_millis(1)),
        "allowNativePasswords" | "parseTime" => ["true", "false"].contains(&value),
        // The answers are read as UTF-8.
        "charset" => value.split(',').all(|charset| charset == "utf8mb4"),
        _ => !value.is_empty() && value.len() <= 200 && !value.chars().any(char::is_control),
    };
    if fits {
        Ok(Some((known.to_owned(), value.to_owned())))
    } else {
        Err(BadSqlTarget::ParamValue(short))
    }
}

/// The units of PostgreSQL's times, and how many microseconds one has; without one it is milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("", 1_000),
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

/// Reads digits and a unit, with blanks between them or without.
fn limit(value: &str) -> Option<Duration> {
    let value = value.trim_matches(' ');
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u32 = value[..value.len() - unit.len()].parse().ok()?;
    let (_, micros) = UNITS.into_iter().find(|(name, _)| *name == unit.trim_start_matches(' '))?;
    // The server counts milliseconds in 31 bits.
    let limit = Duration::from_micros(u64::from(number) * micros);
    (limit.as_millis() <= i32::MAX.unsigned_abs().into()).then_some(limit)
}

/// Reads `+05:30` or `UTC`, in quotes as the driver of Perses wants them or without.
fn offset(zone: &str) -> Option<i16> {
    let bare = zone.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(zone);
    if ["UTC", "Etc/UTC"].iter().any(|name| name.eq_ignore_ascii_case(bare)) {
        return Some(0);
    }
    let (sign, digits): (i16, _) = match bare.as_bytes().first()? {
        b'+' => (1, &bare[1..]),
        b'-' => (-1, &bare[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let part = |digits: &str, most: i16| {
        let fits = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<i16>().ok().filter(|number| fits && *number <= most)
    };
    Some(sign * (part(hours, 14)? * 60 + part(minutes, 59)?))
}

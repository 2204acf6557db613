//! What a statement must be before a database sees it: an extra wall, never the only one.

mod forbidden;

use sourcegate_core::SqlDriver;

use crate::param::Param;

/// The longest statement, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// The most parameters, which the protocols count in 16 bits.
const MOST_PARAMS: usize = 65_535;

/// One statement with its parameters, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text, which the database gets as it stands.
    pub text: String,
    /// Values for `$1`, `$2`, … (PostgreSQL) or the `?` in order (MySQL, MariaDB).
    pub params: Vec<Param>,
}

/// Why a statement is refused. The texts are for callers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// Nothing, or comments alone.
    #[error("query is empty")]
    Empty,
    /// It begins with another word.
    #[error("only statements that read are allowed: SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN")]
    NotReading,
    /// It is none that has rows.
    #[error("only statements that return columns are allowed")]
    NoColumns,
    /// Longer than the limit, in bytes.
    #[error("query is longer than {0} bytes")]
    TooLong(usize),
    /// A NUL character, which no protocol carries: in the query, or in a parameter, counted from 1.
    #[error("{} holds a NUL character", place(*.0))]
    Nul(Option<usize>),
    /// Another number of parameters than the statement takes.
    #[error("query takes {wanted} parameters and got {given}")]
    ParamCount {
        /// How many it takes.
        wanted: usize,
        /// How many came.
        given: usize,
    },
    /// A value that the type of the parameter does not take; counted from 1.
    #[error("parameter {0} is of a type that this query does not take")]
    Param(usize),
    /// A number that the database does not have; counted from 1.
    #[error(
        "parameter {0} is a number that the database does not have exactly: at most 65 digits, 30 of them behind the point"
    )]
    Number(usize),
    /// A function or clause that reaches beyond the database.
    #[error("{0} is not allowed in a query")]
    Forbidden(&'static str),
}

fn place(parameter: Option<usize>) -> String {
    parameter.map_or_else(|| "query".to_owned(), |place| format!("parameter {place}"))
}

impl BadStatement {
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Empty => "empty_query",
            Self::NotReading | Self::NoColumns | Self::Forbidden(_) => "not_reading",
            Self::TooLong(_) => "limit_bytes",
            Self::Nul(_) => "nul",
            Self::ParamCount { .. } | Self::Param(_) | Self::Number(_) => "parameters",
        }
    }
}

/// The first word of a statement that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Select,
    With,
    Values,
    Table,
    Show,
    Explain,
}

impl Keyword {
    const ALL: [(&'static str, Self); 6] = [
        ("SELECT", Self::Select),
        ("WITH", Self::With),
        ("VALUES", Self::Values),
        ("TABLE", Self::Table),
        ("SHOW", Self::Show),
        ("EXPLAIN", Self::Explain),
    ];

    /// Tells whether it is a query in the narrow sense, which can stand in `COPY (…) TO`.
    pub(crate) fn is_query(self) -> bool {
        !matches!(self, Self::Show | Self::Explain)
    }
}

/// Whose comments are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Mysql,
}

impl Dialect {
    pub(crate) const fn of(driver: SqlDriver) -> Self {
        match driver {
            SqlDriver::Postgres => Self::Postgres,
            SqlDriver::Mysql | SqlDriver::Mariadb => Self::Mysql,
        }
    }
}

/// Checks what the text alone shows, and finds its first word.
pub(crate) fn check(statement: &Statement, dialect: Dialect) -> Result<Keyword, BadStatement> {
    let text = statement.text.as_str();
    if text.len() > MOST_BYTES {
        return Err(BadStatement::TooLong(MOST_BYTES));
    }
    if text.contains('\0') {
        return Err(BadStatement::Nul(None));
    }
    let given = statement.params.len();
    if given > MOST_PARAMS {
        return Err(BadStatement::ParamCount { wanted: MOST_PARAMS, given });
    }
    let keyword = keyword(text, dialect)?;
    if dialect == Dialect::Mysql {
        forbidden::check(text)?;
    }
    Ok(keyword)
}

/// Finds the first word, behind blanks, comments and opening parentheses.
fn keyword(text: &str, dialect: Dialect) -> Result<Keyword, BadStatement> {
    let mut rest = text;
    loop {
        rest = after_blanks(rest, dialect);
        match rest.strip_prefix('(') {
            Some(inner) => rest = inner,
            None => break,
        }
    }
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
    let word = &rest[..end.unwrap_or(rest.len())];
    if word.is_empty() {
        let empty =
            after_blanks(text, dialect).chars().all(|c| c == ';' || c.is_ascii_whitespace());
        return Err(if empty { BadStatement::Empty } else { BadStatement::NotReading });
    }
    let found = Keyword::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    found.map(|(_, keyword)| *keyword).ok_or(BadStatement::NotReading)
}

/// Skips blanks and comments. A comment that MySQL would run is none, and neither is one with hints.
fn after_blanks(text: &str, dialect: Dialect) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
        let comment = match dialect {
            Dialect::Postgres => postgres_comment(rest),
            Dialect::Mysql => mysql_comment(rest),
        };
        match comment {
            Some(after) => rest = after,
            None => return rest,
        }
    }
}

fn line(text: &str) -> &str {
    text.find('\n').map_or("", |end| &text[end..])
}

fn postgres_comment(text: &str) -> Option<&str> {
    if text.starts_with("--") {
        // The server ends a line at either of the two.
        return Some(text.find(['\n', '\r']).map_or("", |end| &text[end..]));
    }
    let mut rest = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let at = rest.find(['*', '/']);
        rest = &rest[at.unwrap_or(rest.len())..];
        if rest.starts_with("*/") || rest.starts_with("/*") {
            depth = if rest.starts_with('*') { depth - 1 } else { depth + 1 };
            rest = &rest[2..];
        } else if rest.is_empty() {
            // Unclosed: the server refuses it, and nothing is behind it.
            return Some("");
        } else {
            rest = &rest[1..];
        }
    }
    Some(rest)
}

fn mysql_comment(text: &str) -> Option<&str> {
    if text.starts_with('#') {
        return Some(line(text));
    }
    if let Some(rest) = text.strip_prefix("--") {
        // The server looks at one byte: what else is a control character to Unicode begins a name there.
        let is_comment =
            rest.bytes().next().is_none_or(|b| b.is_ascii_whitespace() || b.is_ascii_control());
        return is_comment.then(|| line(rest));
    }
    let rest = text.strip_prefix("/*")?;
    if rest.starts_with('!') || rest.starts_with("M!") || rest.starts_with('+') {
        return None;
    }
    Some(rest.find("*/").map_or("", |end| &rest[end + 2..]))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

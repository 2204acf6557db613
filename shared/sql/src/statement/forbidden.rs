//! What of MySQL's language reaches beyond tables, found word by word: an extra wall, like the first word.
//!
//! The session's `sql_mode` is fixed to what is read here: a backslash escapes, and `"` begins a text.

use super::{BadStatement, after_blanks};
use crate::statement::Dialect;

/// Words that no reading statement needs.
const WORDS: [&str; 2] = ["INTO", OTHERS];

/// What shows an account the statements of all its sessions, without any right: a word of SHOW, and the name of a table.
const OTHERS: &str = "PROCESSLIST";

/// Functions that reach files, keys, programs, other servers or other sessions; those of libraries ask for no right of their own.
const FUNCTIONS: [&str; 22] = [
    "LOAD_FILE",
    "GEN_DICTIONARY_LOAD",
    "GEN_DICTIONARY_DROP",
    "GET_LOCK",
    "SERVICE_GET_READ_LOCKS",
    "SERVICE_GET_WRITE_LOCKS",
    "SERVICE_RELEASE_LOCKS",
    "KEYRING_KEY_FETCH",
    "KEYRING_KEY_LENGTH_FETCH",
    "KEYRING_KEY_TYPE_FETCH",
    "KEYRING_KEY_STORE",
    "KEYRING_KEY_GENERATE",
    "KEYRING_KEY_REMOVE",
    "SYS_EXEC",
    "SYS_EVAL",
    "SYS_BINEVAL",
    "SYS_GET",
    "SYS_SET",
    "SPIDER_DIRECT_SQL",
    "SPIDER_BG_DIRECT_SQL",
    "SPIDER_COPY_TABLES",
    "MROONGA_COMMAND",
];

/// Hints that take the server's own limit away.
const HINTS: [&str; 2] = ["MAX_EXECUTION_TIME", "SET_VAR"];

/// Words that mean something beside each other: rows that are locked, hashes of passwords, and what other sessions run.
const PAIRS: [(&str, &str, &str); 8] = [
    ("FOR", "UPDATE", "FOR UPDATE"),
    ("FOR", "SHARE", "FOR SHARE"),
    ("LOCK", "IN", "LOCK IN SHARE MODE"),
    ("SHOW", "GRANTS", "SHOW GRANTS"),
    ("CREATE", "USER", "SHOW CREATE USER"),
    ("SHOW", "EXPLAIN", "SHOW EXPLAIN"),
    ("SHOW", "ANALYZE", "SHOW ANALYZE"),
    ("FOR", "CONNECTION", "FOR CONNECTION"),
];

/// A piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Word(&'a str),
    /// A name in backticks.
    Name(&'a str),
    Open,
    Other,
}

/// Refuses what reaches beyond tables.
pub(super) fn check(text: &str) -> Result<(), BadStatement> {
    let mut rest = text;
    let mut before = Piece::Other;
    while let Some((piece, after)) = next(rest)? {
        if let Some(found) = forbidden(before, piece) {
            return Err(BadStatement::Forbidden(found));
        }
        (before, rest) = (piece, after);
    }
    Ok(())
}

fn forbidden(before: Piece<'_>, piece: Piece<'_>) -> Option<&'static str> {
    match (before, piece) {
        (Piece::Word(name) | Piece::Name(name), Piece::Open) => {
            FUNCTIONS.into_iter().find(|known| is(name, known))
        }
        (Piece::Word(first), Piece::Word(second)) => PAIRS
            .into_iter()
            .find(|(one, other, _)| is(first, one) && is(second, other))
            .map(|(_, _, name)| name)
            .or_else(|| word(second)),
        (_, Piece::Word(only)) => word(only),
        (_, Piece::Name(name)) => is(name, OTHERS).then_some(OTHERS),
        _ => None,
    }
}

fn word(found: &str) -> Option<&'static str> {
    WORDS.into_iter().find(|known| is(found, known))
}

/// Compares without case. A number may stand right before a word: `1e5INTO` is two of them.
///
/// A letter that is not ASCII is taken for any: the servers fold some of them, as `ı` and `ſ`, each in its own way.
fn is(found: &str, known: &str) -> bool {
    let mut letters = found.chars().rev();
    let (mut same, mut unknown) = (0, 0);
    for letter in known.chars().rev() {
        match letters.next() {
            Some(other) if other.eq_ignore_ascii_case(&letter) => same += 1,
            Some(other) if !other.is_ascii() => unknown += 1,
            _ => return false,
        }
    }
    let is_whole = letters.next().is_none() || found.starts_with(|c: char| c.is_ascii_digit());
    is_whole && same >= unknown
}

/// Takes the next piece; none at the end.
fn next(text: &str) -> Result<Option<(Piece<'_>, &str)>, BadStatement> {
    let mut text = after_blanks(text, Dialect::Mysql);
    while text.starts_with("/*+") {
        text = after_blanks(after_hints(text)?, Dialect::Mysql);
    }
    if text.starts_with("/*") {
        return Err(BadStatement::Forbidden("a comment that the server runs"));
    }
    let Some(first) = text.chars().next() else { return Ok(None) };
    let (piece, length) = match first {
        '\'' | '"' => (Piece::Other, quoted(text, first)),
        '`' => {
            let end = quoted(text, first);
            (Piece::Name(text[1..end].trim_end_matches('`')), end)
        }
        '(' => (Piece::Open, 1),
        c if is_of_word(c) => {
            let end = text.find(|c| !is_of_word(c)).unwrap_or(text.len());
            (Piece::Word(&text[..end]), end)
        }
        other => (Piece::Other, other.len_utf8()),
    };
    Ok(Some((piece, &text[length..])))
}

/// Skips hints, which are a comment to servers that do not know them; all if they are unclosed, which the server refuses.
fn after_hints(text: &str) -> Result<&str, BadStatement> {
    let end = text.find("*/").map_or(text.len(), |end| end + 2);
    let folded = text[..end].to_ascii_uppercase();
    match HINTS.into_iter().find(|hint| folded.contains(hint)) {
        Some(hint) => Err(BadStatement::Forbidden(hint)),
        None => Ok(&text[end..]),
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of a text or a name in quotes; of all if it is unclosed, which the server refuses. A quote that is doubled
/// begins another, which comes to the same.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        if c == '\\' && quote != '`' {
            chars.next();
        } else if c == quote {
            return place + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, expected: &'static str) {
        assert_eq!(check(text), Err(BadStatement::Forbidden(expected)), "{text}");
    }

    #[test]
    fn what_reaches_beyond_tables_is_refused_however_it_is_written() {
        for text in [
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "SELECT 1 INTO @x",
            "SELECT 1 into/**/DUMPFILE 'x'",
            "SELECT 'a'INTO @x",
            "SELECT 1.5INTO @x",
            "SELECT 1e5INTO @x",
            "SELECT `a``b`INTO @x",
            "SELECT 'it''s' 'a\\'' INTO @x",
            "SELECT \"\\\"\" INTO @x",
            "SELECT 1 -- '\n INTO @x",
            "SELECT 1 # '\n INTO @x",
            "SELECT 1 /* ' */ INTO @x",
            "SELECT 1 --\u{85}x INTO @y",
        ] {
            check_refused(text, "INTO");
        }
        for text in [
            "SELECT load_file('/etc/passwd')",
            "SELECT LOAD_FILE ('x')",
            "SELECT LOAD_FILE/**/('x')",
            "SELECT `Load_File`('x')",
            "SELECT LOAD_F\u{130}LE('x')",
            "SELECT 1+LOAD_FILE('x')",
        ] {
            check_refused(text, "LOAD_FILE");
        }
        check_refused("SELECT GET_LOCK('a', 1)", "GET_LOCK");
        check_refused("SELECT service_get_write_locks('a', 'b', 1)", "SERVICE_GET_WRITE_LOCKS");
        check_refused("SELECT keyring_key_remove('a')", "KEYRING_KEY_REMOVE");
        check_refused("SELECT gen_dictionary_load('/etc/x', 'x')", "GEN_DICTIONARY_LOAD");
        check_refused("SELECT sys_bineval(1)", "SYS_BINEVAL");
        check_refused("SELECT /*+ max_execution_time(0) */ 1", "MAX_EXECUTION_TIME");
        check_refused("SELECT /*+ SET_VAR(max_execution_time = 0) */ 1", "MAX_EXECUTION_TIME");
        check_refused("SELECT /*+ SET_VAR(sql_mode = '') */ 1", "SET_VAR");
        check_refused("SELECT * FROM t FOR  update", "FOR UPDATE");
        check_refused("SELECT * FROM t FOR /*+ x */ /* y */ UPDATE", "FOR UPDATE");
        check_refused("SELECT * FROM t FOR SHARE SKIP LOCKED", "FOR SHARE");
        check_refused("SELECT * FROM t LOCK IN SHARE MODE", "LOCK IN SHARE MODE");
        check_refused("SHOW /* x */ GRANTS FOR CURRENT_USER", "SHOW GRANTS");
        check_refused("show create user", "SHOW CREATE USER");
        for text in [
            "SHOW PROCESSLIST",
            "show full/**/processlist",
            "SELECT * FROM information_schema.processlist",
            "SELECT * FROM `information_schema` . `ProcessList`",
            "SELECT a.* FROM performance_schema.processlist a",
            "SELECT info FROM information_schema.PROCESSL\u{130}ST",
            "SELECT info FROM information_schema.`processl\u{131}st`",
            "SELECT info FROM information_schema.proce\u{17f}\u{17f}list",
        ] {
            check_refused(text, "PROCESSLIST");
        }
        check_refused("SHOW EXPLAIN FORMAT=JSON FOR 7", "SHOW EXPLAIN");
        check_refused("show /* x */ analyze for 7", "SHOW ANALYZE");
        check_refused("EXPLAIN FORMAT = JSON FOR CONNECTION 7", "FOR CONNECTION");
        for text in ["SELECT /*! 1 */", "SELECT /*!99999 ' */ 1", "SELECT 1 /*M! + 1 */"] {
            check_refused(text, "a comment that the server runs");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_left_alone() {
        for text in [
            "SELECT 'INTO', \"INTO OUTFILE\", `into` FROM t -- INTO\n",
            "SELECT into_x, x_into, `x`.`load_file`, load_file FROM t",
            "SELECT 'LOAD_FILE(' /* LOAD_FILE(1) */ # LOAD_FILE(1)",
            "SELECT 'a--b', '/*x*/', \"/*!x\"",
            "SELECT 'processlist', processlist_id, \"PROCESSLIST\" FROM t",
            "EXPLAIN SELECT explain_, connection FROM t",
            "SELECT grants, `show`, user FROM t WHERE a = 'for update'",
            "SELECT /*+ NO_INDEX_MERGE(t) */ 1",
            "SELECT '/*+ SET_VAR(a = 1) */', set_var /* MAX_EXECUTION_TIME */ FROM t",
            "SELECT /*+ open",
            "SELECT SUBSTRING(a FOR 2), b FROM t FORCE INDEX FOR JOIN (i)",
            "SELECT 'é\\é' AS é",
            "SELECT '",
            "SELECT `",
            "SELECT '\\",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }
}

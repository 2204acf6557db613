//! Statements put together at random from what has ever fooled a check of keywords, for a minute: `make fuzz`.

use arbtest::{arbitrary, arbtest};

use super::*;

/// What stands before or within statements.
const PIECES: [&str; 41] = [
    " ",
    "\t",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\u{a0}",
    "\u{feff}",
    "(",
    ")",
    ";",
    "--",
    "-- x\n",
    "--x\r",
    "#",
    "# x\n",
    "/*",
    "*/",
    "/* x */",
    "/*! x */",
    "/*M! x */",
    "/*+ x */",
    "/* /* */",
    "*/*",
    "'",
    "\"",
    "`",
    "$$",
    "$a$",
    "\\",
    "SELECT",
    "select",
    "WITH",
    "VALUES",
    "INSERT",
    "DELETE",
    "DO",
    "x",
    "1",
    "ſelect",
    "\u{85}",
];

/// Blanks and comments of the server's own grammar, read in another way than the check does: with a regular scan for what
/// begins next, from left to right.
fn first_word(text: &str, dialect: Dialect) -> Option<String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | b'(' => at += 1,
            b'#' if dialect == Dialect::Mysql => at = line_end(bytes, at, b"\n")?,
            b'-' if bytes[at..].starts_with(b"--") => match dialect {
                Dialect::Postgres => at = line_end(bytes, at, b"\n\r")?,
                Dialect::Mysql => match bytes.get(at + 2) {
                    Some(after) if !after.is_ascii_whitespace() && !after.is_ascii_control() => {
                        return None;
                    }
                    _ => at = line_end(bytes, at, b"\n")?,
                },
            },
            b'/' if bytes[at..].starts_with(b"/*") => at = comment_end(bytes, at, dialect)?,
            _ => break,
        }
    }
    let word: String = text[at..].chars().take_while(char::is_ascii_alphabetic).collect();
    Some(word.to_ascii_uppercase())
}

fn line_end(bytes: &[u8], from: usize, ends: &[u8]) -> Option<usize> {
    bytes[from..].iter().position(|byte| ends.contains(byte)).map(|length| from + length)
}

fn comment_end(bytes: &[u8], from: usize, dialect: Dialect) -> Option<usize> {
    if dialect == Dialect::Mysql {
        let inner = &bytes[from + 2..];
        if inner.starts_with(b"!") || inner.starts_with(b"M!") {
            // The server runs what is in it.
            return None;
        }
        return inner.windows(2).position(|two| two == b"*/").map(|at| from + 2 + at + 2);
    }
    let (mut depth, mut at) = (0, from);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn any_text(pieces: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<String> {
    let mut text = String::new();
    for _ in 0..pieces.int_in_range(0..=8)? {
        text.push_str(pieces.choose(&PIECES)?);
    }
    Ok(text)
}

fn what_passes_begins_with_a_word_that_reads(budget_ms: u64) {
    const READING: [&str; 6] = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"];
    arbtest(|pieces| {
        let text = any_text(pieces)?;
        for dialect in [Dialect::Postgres, Dialect::Mysql] {
            if keyword(&text, dialect).is_ok() {
                let word = first_word(&text, dialect);
                let reads = word.as_deref().is_some_and(|word| READING.contains(&word));
                assert!(reads, "{dialect:?} {text:?}: {word:?}");
            }
        }
        Ok(())
    })
    .budget_ms(budget_ms);
}

#[test]
fn q03_a_second_of_random_statements() {
    what_passes_begins_with_a_word_that_reads(1_000);
}

#[test]
#[ignore = "takes a minute: make fuzz"]
fn fuzz_q03_random_statements() {
    what_passes_begins_with_a_word_that_reads(60_000);
}

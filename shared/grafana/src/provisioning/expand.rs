//! Variables in values, by Grafana's rules: `$NAME`, `${NAME}`, `$__env{NAME}`, `$__file{/path}`, and `$$` for a dollar
//! sign. Unlike Grafana's, what comes in is not expanded again, so that a password from a variable may hold a dollar sign.

use std::io;

/// Where variables and files come from.
#[derive(Clone, Copy)]
pub(super) struct Outside<'a> {
    /// Reads a variable; one that is not set is none.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a whole file.
    pub(super) file: &'a dyn Fn(&str) -> io::Result<String>,
}

/// A text after expansion, and the names of variables that are not set: nothing stands in their place.
pub(super) struct Expanded {
    pub(super) text: String,
    pub(super) unset: Vec<String>,
}

/// Expands a text.
///
/// # Errors
/// The reason, without any of the text but the name of a file.
pub(super) fn expand(text: &str, outside: Outside<'_>) -> Result<Expanded, String> {
    let mut expanded = Expanded { text: String::with_capacity(text.len()), unset: Vec::new() };
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        expanded.text.push_str(before);
        let (variable, tail) = variable(&after[1..])?;
        match variable {
            Variable::Dollar => expanded.text.push('$'),
            Variable::Env(name) => match (outside.env)(name) {
                Some(value) => expanded.text.push_str(&value),
                None => expanded.unset.push(name.to_owned()),
            },
            Variable::File(path) => {
                let read = (outside.file)(path);
                let read = read.map_err(|error| {
                    format!("names the file {path}, which cannot be read: {error}")
                })?;
                expanded.text.push_str(read.trim());
            }
        }
        rest = tail;
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

/// What stands behind a dollar sign.
enum Variable<'a> {
    /// Nothing that names anything: the sign itself.
    Dollar,
    Env(&'a str),
    File(&'a str),
}

/// Reads it, and what follows. Names are as `os.ExpandEnv` of Go reads them: digits and signs of the shell are names of
/// one character.
fn variable(text: &str) -> Result<(Variable<'_>, &str), String> {
    const BRACES: &str = "has `${` without a name and `}`; write `$$` for a dollar sign";
    if let Some(tail) = text.strip_prefix('$') {
        return Ok((Variable::Dollar, tail));
    }
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, tail) = text.split_at(word);
    if let Some(inner) = tail.strip_prefix('{')
        && (word.is_empty() || word.starts_with("__"))
    {
        let (inner, tail) = inner.split_once('}').ok_or(BRACES)?;
        return match word {
            _ if inner.is_empty() => Err(BRACES.to_owned()),
            "" | "__env" => Ok((Variable::Env(inner), tail)),
            "__file" => Ok((Variable::File(inner), tail)),
            _ => Err(
                "names a provider of values that is not offered; `$__env{…}` and `$__file{…}` are"
                    .to_owned(),
            ),
        };
    }
    let is_sign = |c: char| c.is_ascii_digit() || "*#@!?-".contains(c);
    match text.chars().next() {
        Some(first) if is_sign(first) => {
            let (name, tail) = text.split_at(1);
            Ok((Variable::Env(name), tail))
        }
        _ if word.is_empty() => Ok((Variable::Dollar, text)),
        _ => Ok((Variable::Env(word), tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<(String, Vec<String>), String> {
        let env = |name: &str| match name {
            "A" => Some("a value".to_owned()),
            "DOLLAR" => Some("p$A$$".to_owned()),
            _ => None,
        };
        let file = |path: &str| match path {
            "/secret" => Ok(" from a file $A\n".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let expanded = expand(text, Outside { env: &env, file: &file })?;
        Ok((expanded.text, expanded.unset))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(expanded(text), Ok((expected.to_owned(), Vec::new())), "{text}");
    }

    #[test]
    fn variables_have_four_spellings() {
        check("x $A y", "x a value y");
        check("x${A}y", "xa valuey");
        check("$__env{A}$A", "a valuea value");
        check("<$__file{/secret}>", "<from a file $A>");
        check("nothing", "nothing");
    }

    #[test]
    fn two_dollar_signs_are_one_and_a_lonely_one_is_itself() {
        check("a$$A", "a$A");
        check("$$$A", "$a value");
        check("$$$$", "$$");
        check("a$", "a$");
        check("$ A $/ $.", "$ A $/ $.");
        check("a$é", "a$é");
    }

    #[test]
    fn t01_what_comes_in_is_not_expanded_again() {
        check("$DOLLAR", "p$A$$");
    }

    #[test]
    fn what_is_not_set_is_nothing_and_said() {
        let unset = |text: &str| expanded(text).unwrap();
        assert_eq!(unset("a${B}c$D.e"), ("ac.e".to_owned(), vec!["B".to_owned(), "D".to_owned()]));
        assert_eq!(unset("p$1x"), ("px".to_owned(), vec!["1".to_owned()]));
        assert_eq!(unset("p$!x"), ("px".to_owned(), vec!["!".to_owned()]));
    }

    #[test]
    fn what_is_no_variable_is_refused_without_a_word_of_it() {
        for text in ["canary${A", "canary${}", "canary$__env{A", "$__vault{canary}"] {
            let reason = expanded(text).unwrap_err();
            assert!(!reason.contains("canary"), "{reason}");
        }
        let reason = expanded("canary$__file{/absent}").unwrap_err();
        assert!(reason.starts_with("names the file /absent, which cannot be read: "), "{reason}");
    }
}

//! A YAML mapping as the JSON text that `jsonData` is kept as.

use super::Fault;
use super::yaml::{Node, What};

/// Expands a text of a node.
pub(super) type Expand<'a> = dyn FnMut(&Node, &str) -> Result<String, Fault> + 'a;

/// Writes a node as JSON, keys in their order and numbers of any size as they stand. Texts are expanded.
///
/// # Errors
/// [`Fault`] at what JSON cannot hold, and at what readers of YAML disagree about.
pub(super) fn of(node: &Node, expand: &mut Expand<'_>) -> Result<String, Fault> {
    let mut json = String::new();
    write(node, expand, &mut json)?;
    Ok(json)
}

fn write(node: &Node, expand: &mut Expand<'_>, json: &mut String) -> Result<(), Fault> {
    match &node.what {
        What::Scalar { text, is_plain } => {
            let read = if *is_plain { scalar(text) } else { Ok(None) };
            match read.map_err(|reason| Fault::new(node.line, reason))? {
                Some(written) => json.push_str(&written),
                None => json.push_str(&quoted(&expand(node, text)?)),
            }
        }
        What::List(list) => {
            json.push('[');
            for (at, node) in list.iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                write(node, expand, json)?;
            }
            json.push(']');
        }
        What::Map(map) => {
            json.push('{');
            for (at, (key, node)) in map.iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                json.push_str(&quoted(&key.text));
                json.push(':');
                write(node, expand, json)?;
            }
            json.push('}');
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Reads a scalar without quotes as Grafana's reader does, and gives it as JSON; none if it is a text.
fn scalar(text: &str) -> Result<Option<String>, &'static str> {
    let written = match text {
        "" | "~" | "null" | "Null" | "NULL" => "null",
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => "true",
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => "false",
        _ => return number(text),
    };
    Ok(Some(written.to_owned()))
}

fn number(text: &str) -> Result<Option<String>, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !is_number || !digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b)) {
        return Ok(None);
    }
    if [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&digits) {
        return Err("is a number that JSON does not have");
    }
    if digits.len() > 1 && digits.bytes().all(|b| b.is_ascii_digit()) && digits.starts_with('0') {
        return Err(
            "is a number with a zero before it, which readers of YAML disagree about; quote it",
        );
    }
    let written = text.strip_prefix('+').unwrap_or(text);
    if serde_json::from_str::<serde_json::Number>(written).is_ok() {
        return Ok(Some(written.to_owned()));
    }
    let based = |prefix: &str, base| {
        digits.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, base).ok())
    };
    if let Some(value) = based("0x", 16).or_else(|| based("0o", 8)).or_else(|| based("0b", 2)) {
        let sign = if text.starts_with('-') { "-" } else { "" };
        return Ok(Some(format!("{sign}{value}")));
    }
    let float = text.parse::<f64>().ok().filter(|float| float.is_finite());
    Ok(float.map(|float| float.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let node = parse(yaml).unwrap_or_else(|fault| panic!("{fault}")).unwrap();
        let mut expand = |_: &Node, text: &str| Ok(text.replace("$X", "5"));
        let json = of(&node, &mut expand).unwrap_or_else(|fault| fault.to_string());
        assert_eq!(json, expected, "{yaml}");
    }

    #[test]
    fn scalars_are_what_grafana_reads() {
        check("[null, ~, true, yes, Off, y, nope]", r#"[null,null,true,true,false,"y","nope"]"#);
        check("[1, -2, +3, 1.5, 1e3, .5, 0x1F, 0o17]", "[1,-2,3,1.5,1e3,0.5,31,15]");
        check("[123456789012345678901234567890, 1.0]", "[123456789012345678901234567890,1.0]");
        check(
            "[0, 0.5, 15s, 1.2.3.4, 10:30, '5', 2026-01-01, 1-2]",
            r#"[0,0.5,"15s","1.2.3.4","10:30","5","2026-01-01","1-2"]"#,
        );
    }

    #[test]
    fn only_texts_are_expanded_and_stay_texts() {
        check("{a: $X, b: '$X', $X: 1}", r#"{"a":"5","b":"5","$X":1}"#);
    }

    #[test]
    fn keys_stay_in_their_order() {
        check("{b: 1, a: {d: [], c: {}}}", r#"{"b":1,"a":{"d":[],"c":{}}}"#);
    }

    #[test]
    fn what_is_unclear_is_refused_with_its_line() {
        check(
            "a: 1\nb: 0123",
            "line 2: is a number with a zero before it, which readers of YAML disagree about; quote it",
        );
        check("a: .inf", "line 1: is a number that JSON does not have");
    }
}

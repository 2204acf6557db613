//! JSON exactly as Perses from 0.53 on writes it: contract/perses.md 2.6.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::ops::RangeFrom;

use crate::Column;
use crate::column::Shape;

pub(super) fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    write_text(&mut key, name);
    key.push(b':');
    key
}

/// Gives a name that comes again the first number that no column has: `a`, `a_2`, `a_3`.
pub(super) fn number_duplicates(columns: &mut [Column]) {
    let mut taken: HashSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    // Each name's own numbers go on where they ended: thousands of columns may have one name.
    let mut numbers: HashMap<String, RangeFrom<u32>> = HashMap::new();
    for column in columns {
        let Some(numbers) = numbers.get_mut(&column.name) else {
            numbers.insert(column.name.clone(), 2..);
            continue;
        };
        let mut names = numbers.map(|n| format!("{}_{n}", column.name));
        let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(free.clone());
        column.name = free;
    }
}

pub(super) fn write_columns(out: &mut Vec<u8>, columns: &[Column]) {
    out.extend_from_slice(b"{\"columns\":[");
    for (place, column) in columns.iter().enumerate() {
        out.extend_from_slice(if place > 0 { b",{\"name\":" } else { b"{\"name\":" });
        write_text(out, &column.name);
        out.extend_from_slice(b",\"type\":");
        write_text(out, &column.type_name);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"rows\":[");
}

/// Writes a value that is not NULL. What its type's JSON cannot say, such as `NaN` or `infinity`, is a string.
pub(super) fn write_value(out: &mut Vec<u8>, shape: Shape, bytes: &[u8]) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => return write_text(out, &String::from_utf8_lossy(bytes)),
    };
    match shape {
        Shape::Integer if is_integer(text) => out.extend_from_slice(text.as_bytes()),
        Shape::Boolean if text == "t" => out.extend_from_slice(b"true"),
        Shape::Boolean if text == "f" => out.extend_from_slice(b"false"),
        Shape::Single => write_number(out, text.parse::<f32>().ok().map(f64::from), text),
        Shape::Double => write_number(out, text.parse().ok(), text),
        Shape::Date(zone) if is_date(text) => {
            write_time(out, text, "00:00:00", [zone.as_str(), ""])
        }
        Shape::Timestamp(zone) => match timestamp(text) {
            Some((date, time, "")) => write_time(out, date, time, [zone.as_str(), ""]),
            _ => write_text(out, text),
        },
        Shape::TimestampTz => {
            match timestamp(text).and_then(|(date, time, zone)| Some((date, time, offset(zone)?))) {
                Some((date, time, offset)) => write_time(out, date, time, offset),
                None => write_text(out, text),
            }
        }
        Shape::Hex => match unhex(text) {
            Some(bytes) => write_text(out, &String::from_utf8_lossy(&bytes)),
            None => write_text(out, text),
        },
        Shape::Text | Shape::Integer | Shape::Boolean | Shape::Date(_) => write_text(out, text),
    }
}

/// Writes a time as RFC 3339 has it, whose parts have nothing to escape.
fn write_time(out: &mut Vec<u8>, date: &str, time: &str, [zone, minutes]: [&str; 2]) {
    for part in ["\"", date, "T", time, zone, minutes, "\""] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // A text always has a form in JSON, and a vector takes all.
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok());
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// As Go's encoder: without an exponent from 1e-6 up to 1e21, and with a sign in it beyond.
fn write_number(out: &mut Vec<u8>, number: Option<f64>, text: &str) {
    let Some(number) = number.filter(|number| number.is_finite()) else {
        return write_text(out, text);
    };
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        // A vector takes all.
        write!(out, "{number}").ok();
        return;
    }
    let exponential = format!("{number:e}");
    let signed = exponential.contains("e-");
    let written = if signed { exponential } else { exponential.replace('e', "e+") };
    out.extend_from_slice(written.as_bytes());
}

/// MySQL's days without a month or a day of it are none.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes[5..7] != *b"00"
        && bytes[8..] != *b"00"
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Splits `2024-01-02 03:04:05.6+07` into a day, a time and what follows.
fn timestamp(text: &str) -> Option<(&str, &str, &str)> {
    let (date, time) = text.split_once(' ')?;
    let end = time.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.'));
    let (time, zone) = time.split_at(end.unwrap_or(time.len()));
    (is_date(date) && time.len() >= 8).then_some((date, time, zone))
}

/// Gives PostgreSQL's offset as RFC 3339 has it, in two parts; one with seconds has no form there.
fn offset(zone: &str) -> Option<[&str; 2]> {
    let digits = zone.strip_prefix(['+', '-'])?;
    let fits = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    match digits.len() {
        _ if !fits => None,
        2 | 5 if digits.bytes().all(|byte| byte == b'0' || byte == b':') => Some(["Z", ""]),
        2 => Some([zone, ":00"]),
        5 => Some([zone, ""]),
        _ => None,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

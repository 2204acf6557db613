//! Numbers and times as the servers write them. Most of a row is digits, and the standard formatter takes longer than all else.

use std::fmt::{Display, LowerExp};
use std::io::Write;

pub(super) fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes the shortest digits that mean this number, with an exponent where the servers write one.
pub(super) fn float(out: &mut Vec<u8>, size: f64, number: impl Display + LowerExp) {
    let written = if size == 0.0 || (1e-15..1e15).contains(&size.abs()) {
        write!(out, "{number}")
    } else {
        write!(out, "{number:e}")
    };
    // A vector takes all.
    debug_assert!(written.is_ok());
}

/// Writes a number with so many digits behind its point: its shortest digits, with zeros behind them or rounded.
pub(super) fn fixed(out: &mut Vec<u8>, number: f64, decimals: u8) {
    let begin = out.len();
    // A vector takes all.
    write!(out, "{number}").ok();
    let point = out[begin..].iter().position(|byte| *byte == b'.');
    let (found, wanted) = (point.map_or(0, |at| out.len() - begin - at - 1), decimals.into());
    if found > wanted {
        out.truncate(begin);
        write!(out, "{number:.wanted$}").ok();
    } else if found < wanted {
        out.extend(point.is_none().then_some(b'.'));
        out.resize(out.len() + wanted - found, b'0');
    }
}

/// Puts zeros before the number that begins here, up to a width.
pub(super) fn fill(out: &mut Vec<u8>, begin: usize, width: usize) {
    let missing = width.saturating_sub(out.len() - begin);
    out.splice(begin..begin, std::iter::repeat_n(b'0', missing));
}

/// Writes bytes as PostgreSQL does.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + 2 * bytes.len());
    out.extend_from_slice(b"\\x");
    for byte in bytes {
        out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Writes a year, a month and a day.
pub(super) fn date(out: &mut Vec<u8>, [year, month, day, ..]: &[u32; 7]) {
    padded(out, *year, 4);
    for part in [month, day] {
        out.push(b'-');
        padded(out, *part, 2);
    }
}

/// Writes hours, minutes, seconds and microseconds, of which as many digits as the type has; where nothing is fixed, that is
/// more than six, all of them or none.
pub(super) fn time(out: &mut Vec<u8>, parts: &[u32], decimals: u8) {
    let [hours, minute, second, micros] = *parts else { return };
    padded(out, hours, 2);
    for part in [minute, second] {
        out.push(b':');
        padded(out, part, 2);
    }
    let digits = match decimals {
        0 => return,
        1..=6 => decimals,
        _ if micros == 0 => return,
        _ => 6,
    };
    out.push(b'.');
    padded(out, micros / 10_u32.pow(6 - u32::from(digits)), usize::from(digits));
}

/// Writes a number with zeros before it, up to a width; more where it has more digits.
fn padded(out: &mut Vec<u8>, number: u32, width: usize) {
    let (mut digits, mut place, mut rest) = ([b'0'; 10], 10, number);
    while rest > 0 {
        place -= 1;
        digits[place] = b"0123456789"[rest as usize % 10];
        rest /= 10;
    }
    out.extend_from_slice(&digits[place.min(digits.len().saturating_sub(width))..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn q39_parts_of_times_have_all_their_digits() {
        check(|out| date(out, &[0; 7]), "0000-00-00");
        check(|out| date(out, &[65_535, 255, 255, 0, 0, 0, 0]), "65535-255-255");
        check(|out| time(out, &[838, 59, 59, 0], 0), "838:59:59");
        check(|out| time(out, &[u32::MAX, 0, 9, 0], 0), "4294967295:00:09");
        for (decimals, expected) in [(1, ".0"), (3, ".001"), (6, ".001234"), (31, ".001234")] {
            check(|out| time(out, &[3, 4, 5, 1_234], decimals), &format!("03:04:05{expected}"));
        }
        check(|out| time(out, &[3, 4, 5, 0], 31), "03:04:05");
        check(|out| time(out, &[3, 4, 5, u32::MAX], 6), "03:04:05.4294967295");
    }

    #[test]
    fn q39_fixed_digits_are_rounded_and_filled_up() {
        for (number, decimals, expected) in [
            (1.5, 2, "1.50"),
            (1.0, 0, "1"),
            (1.0, 3, "1.000"),
            (-0.0, 1, "-0.0"),
            (0.456, 2, "0.46"),
            (-0.001, 2, "-0.00"),
            (9.999, 2, "10.00"),
            (1e20, 1, "100000000000000000000.0"),
        ] {
            check(|out| fixed(out, number, decimals), expected);
        }
        check(|out| fixed(out, 1e200, 2), &format!("1{}.00", "0".repeat(200)));
    }

    #[test]
    fn q39_bytes_have_two_digits_each() {
        check(|out| hex(out, b""), "\\x");
        check(|out| hex(out, &[0, 0x7f, 0xff]), "\\x007fff");
    }

    #[test]
    fn q39_integers_have_all_their_digits() {
        check(|out| integer(out, i64::MIN), "-9223372036854775808");
        check(|out| integer(out, u64::MAX), "18446744073709551615");
        check(|out| integer(out, 0_i8), "0");
    }
}

//! A number of JSON as a number of the protocol that is the same, to the last digit.

/// The most digits of a decimal number, and of those behind its point (MySQL's; MariaDB takes 38 there).
const MOST_DIGITS: usize = 65;
const MOST_SCALE: usize = 30;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    Signed(i64),
    Unsigned(u64),
    /// Where its shortest digits are those that were written.
    Double(f64),
    /// Digits with a point among them or without.
    Decimal(String),
}

impl Number {
    /// None for one that the servers do not have.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(signed) = text.parse() {
            return Some(Self::Signed(signed));
        }
        if let Ok(unsigned) = text.parse() {
            return Some(Self::Unsigned(unsigned));
        }
        let digits = Digits::read(text)?;
        let double: f64 = text.parse().ok()?;
        if double.is_finite() && Digits::read(&format!("{double:e}")).as_ref() == Some(&digits) {
            return Some(Self::Double(double));
        }
        digits.decimal().map(Self::Decimal)
    }
}

/// The digits of a number without zeros at their ends, and the power of ten of the last one.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    is_negative: bool,
    digits: String,
    power: i64,
}

impl Digits {
    fn read(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let begun = all.trim_start_matches('0');
        let digits = begun.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { is_negative, digits: String::new(), power: 0 });
        }
        let moved = i64::try_from(begun.len() - digits.len()).ok()?;
        let moved = moved - i64::try_from(fraction.len()).ok()?;
        let power = exponent.parse::<i64>().ok()?.checked_add(moved)?;
        Some(Self { is_negative, digits: digits.to_owned(), power })
    }

    fn decimal(&self) -> Option<String> {
        let Self { is_negative, digits, power } = self;
        let sign = if *is_negative { "-" } else { "" };
        let places = usize::try_from(power.unsigned_abs()).ok()?;
        if *power >= 0 {
            let fits = places <= MOST_DIGITS && digits.len() + places <= MOST_DIGITS;
            return fits.then(|| format!("{sign}{digits}{}", "0".repeat(places)));
        }
        if places > MOST_SCALE || digits.len() > MOST_DIGITS {
            return None;
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        Some(format!("{sign}{whole}.{fraction}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Number) {
        assert_eq!(Number::read(text), Some(expected), "{text}");
    }

    #[test]
    fn a_number_is_never_another_one() {
        let decimal = |text: &str| Number::Decimal(text.to_owned());
        check("-0", Number::Signed(0));
        check("-9223372036854775808", Number::Signed(i64::MIN));
        check("9223372036854775808", Number::Unsigned(1 << 63));
        check("18446744073709551615", Number::Unsigned(u64::MAX));
        check("18446744073709551616", decimal("18446744073709551616"));
        check("-9223372036854775809", decimal("-9223372036854775809"));
        check("1.5", Number::Double(1.5));
        check("0.1", Number::Double(0.1));
        check("1.50", Number::Double(1.5));
        check("1.0", Number::Double(1.0));
        check("-0.0", Number::Double(-0.0));
        check("0e99999", Number::Double(0.0));
        check("1e2", Number::Double(100.0));
        check("1E+300", Number::Double(1e300));
        check("5e-324", Number::Double(5e-324));
        check("0.1234567890123456789012", decimal("0.1234567890123456789012"));
        check("-1234567890.123456789012", decimal("-1234567890.123456789012"));
        check("9007199254740993.0", decimal("9007199254740993"));
        check("1.2345678901234567890e25", decimal("12345678901234567890000000"));
        check("12345678901234567891e-30", decimal("0.000000000012345678901234567891"));
        let most = "123456789".repeat(7) + "12";
        check(&most, decimal(&most));
        check(&format!("{most}.0"), decimal(&most));
    }

    #[test]
    fn what_the_servers_do_not_have_is_none() {
        let long = "123456789".repeat(8);
        let scale = "0.1234567890123456789012345678901";
        for text in [&long, scale, "1e400", "-1e400", "1e-400", "4e-324", "1e99999999999999999999"]
        {
            assert_eq!(Number::read(text), None, "{text}");
        }
        assert_eq!(Number::read(&format!("0.{long}")), None);
        assert_eq!(Number::read("12345678901234567890e50"), None);
    }
}

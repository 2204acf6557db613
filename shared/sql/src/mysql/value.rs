//! Rows in binary form as texts, in the forms that the servers themselves write.

use std::ops::Range;

use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column as Definition;

use super::column;
use super::command::protocol;
use super::digits::{date, fill, fixed, float, hex, integer, time};
use crate::{Error, Format};

/// More decimals than a number of floating point can have fixed.
const NOT_FIXED: u8 = 31;

/// The widest that a number is filled up with zeros: the servers' own limit.
const MOST_WIDTH: u32 = 255;

/// What values are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// The texts of the servers' own protocol stay as they are; bytes are in hexadecimal, as PostgreSQL's are.
    Csv,
    /// Numbers are JSON's, and bytes that are no text become one (contract/perses.md 2.6).
    Json,
}

impl For {
    pub(super) fn of(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Json | Format::JsonArrays | Format::Ndjson => Self::Json,
        }
    }
}

/// How values of one column are read and written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    of: ColumnType,
    is_unsigned: bool,
    /// Digits behind the second, more than six where nothing is fixed; behind the point, more than 30 where nothing is.
    decimals: u8,
    /// Digits of a number that has zeros before it up to this width.
    width: usize,
    /// Whether it is bytes to be written in hexadecimal.
    is_hex: bool,
}

impl Kind {
    pub(super) fn of(definition: &Definition, what_for: For) -> Self {
        use ColumnType as C;
        let (of, flags, decimals) =
            (definition.column_type(), definition.flags(), definition.decimals());
        let is_unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
        if what_for == For::Json {
            let decimals = if is_float(of) { NOT_FIXED } else { decimals };
            return Self { of, is_unsigned, decimals, width: 0, is_hex: false };
        }
        let is_filled =
            flags.contains(ColumnFlags::ZEROFILL_FLAG) && of != C::MYSQL_TYPE_NEWDECIMAL;
        let width = if is_filled { definition.column_length().min(MOST_WIDTH) } else { 0 };
        let is_hex = column::is_binary(definition);
        Self { of, is_unsigned, decimals, width: width as usize, is_hex }
    }
}

fn is_float(of: ColumnType) -> bool {
    matches!(of, ColumnType::MYSQL_TYPE_FLOAT | ColumnType::MYSQL_TYPE_DOUBLE)
}

/// The texts of one row; used again for the next.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: Vec<u8>,
    cells: Vec<Option<Range<usize>>>,
}

impl Row {
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        self.cells.get(place)?.clone().map(|cell| &self.text[cell])
    }

    /// Reads a packet that is a row: a zero, a bit for each NULL, the other values.
    pub(super) fn read(&mut self, packet: &[u8], kinds: &[Kind]) -> Result<(), Error> {
        self.text.clear();
        self.cells.clear();
        let mut rest = ParseBuf(packet);
        let is_row = rest.checked_eat_u8() == Some(0);
        // The first two bits are reserved.
        let nulls = rest.checked_eat((kinds.len() + 2).div_ceil(8)).filter(|_| is_row);
        let nulls = nulls.ok_or_else(|| protocol("a row"))?;
        for (place, kind) in kinds.iter().enumerate() {
            let bit = place + 2;
            if nulls[bit / 8] & (1 << (bit % 8)) != 0 {
                self.cells.push(None);
                continue;
            }
            let begin = self.text.len();
            write(&mut self.text, *kind, &mut rest).ok_or_else(|| protocol("a value"))?;
            if kind.width > 0 {
                fill(&mut self.text, begin, kind.width);
            }
            self.cells.push(Some(begin..self.text.len()));
        }
        if rest.is_empty() { Ok(()) } else { Err(protocol("bytes behind a row")) }
    }
}

/// Writes one value; nothing if it is cut off or of a type that no answer has.
fn write(out: &mut Vec<u8>, kind: Kind, rest: &mut ParseBuf<'_>) -> Option<()> {
    use ColumnType as C;
    match (kind.of, kind.is_unsigned) {
        (C::MYSQL_TYPE_TINY, true) => integer(out, rest.checked_eat_u8()?),
        (C::MYSQL_TYPE_TINY, false) => integer(out, rest.checked_eat_i8()?),
        (C::MYSQL_TYPE_SHORT | C::MYSQL_TYPE_YEAR, true) => {
            integer(out, rest.checked_eat_u16_le()?);
        }
        (C::MYSQL_TYPE_SHORT | C::MYSQL_TYPE_YEAR, false) => {
            integer(out, rest.checked_eat_i16_le()?);
        }
        (C::MYSQL_TYPE_LONG | C::MYSQL_TYPE_INT24, true) => {
            integer(out, rest.checked_eat_u32_le()?);
        }
        (C::MYSQL_TYPE_LONG | C::MYSQL_TYPE_INT24, false) => {
            integer(out, rest.checked_eat_i32_le()?);
        }
        (C::MYSQL_TYPE_LONGLONG, true) => integer(out, rest.checked_eat_u64_le()?),
        (C::MYSQL_TYPE_LONGLONG, false) => integer(out, rest.checked_eat_i64_le()?),
        (C::MYSQL_TYPE_FLOAT, _) => {
            let number = rest.checked_eat_f32_le()?;
            match kind.decimals {
                0..NOT_FIXED => fixed(out, f64::from(number), kind.decimals),
                _ => float(out, f64::from(number), number),
            }
        }
        (C::MYSQL_TYPE_DOUBLE, _) => {
            let number = rest.checked_eat_f64_le()?;
            match kind.decimals {
                0..NOT_FIXED => fixed(out, number, kind.decimals),
                _ => float(out, number, number),
            }
        }
        (C::MYSQL_TYPE_DATE | C::MYSQL_TYPE_NEWDATE, _) => date(out, &moment(rest)?),
        (C::MYSQL_TYPE_DATETIME | C::MYSQL_TYPE_TIMESTAMP, _) => {
            let moment = moment(rest)?;
            date(out, &moment);
            out.push(b' ');
            time(out, &moment[3..], kind.decimals);
        }
        (C::MYSQL_TYPE_TIME, _) => {
            let (sign, duration) = duration(rest)?;
            out.extend_from_slice(sign.as_bytes());
            time(out, &duration, kind.decimals);
        }
        (
            C::MYSQL_TYPE_NULL
            | C::MYSQL_TYPE_TIMESTAMP2
            | C::MYSQL_TYPE_DATETIME2
            | C::MYSQL_TYPE_TIME2
            | C::MYSQL_TYPE_TYPED_ARRAY
            | C::MYSQL_TYPE_UNKNOWN,
            _,
        ) => return None,
        _ if kind.is_hex => hex(out, rest.checked_eat_lenenc_str()?),
        _ => out
            .extend_from_slice(String::from_utf8_lossy(rest.checked_eat_lenenc_str()?).as_bytes()),
    }
    Some(())
}

/// Year, month, day, hour, minute, second, microseconds; what is left out is zero.
fn moment(rest: &mut ParseBuf<'_>) -> Option<[u32; 7]> {
    let length = usize::from(rest.checked_eat_u8()?);
    let mut bytes = rest.checked_eat_buf(length)?;
    let mut read = [0; 7];
    if !matches!(length, 0 | 4 | 7 | 11) {
        return None;
    }
    if length >= 4 {
        read[0] = bytes.eat_u16_le().into();
        read[1] = bytes.eat_u8().into();
        read[2] = bytes.eat_u8().into();
    }
    if length >= 7 {
        read[3..6].fill_with(|| bytes.eat_u8().into());
    }
    if length >= 11 {
        read[6] = bytes.eat_u32_le();
    }
    Some(read)
}

/// A sign, and hours, minutes, seconds, microseconds; what is left out is zero.
fn duration(rest: &mut ParseBuf<'_>) -> Option<(&'static str, [u32; 4])> {
    let length = usize::from(rest.checked_eat_u8()?);
    let mut bytes = rest.checked_eat_buf(length)?;
    if !matches!(length, 0 | 8 | 12) {
        return None;
    }
    let (mut sign, mut read) = ("", [0; 4]);
    if length >= 8 {
        sign = if bytes.eat_u8() == 1 { "-" } else { "" };
        let days = bytes.eat_u32_le();
        let hours = u32::from(bytes.eat_u8());
        read[0] = days.checked_mul(24)?.checked_add(hours)?;
        read[1] = bytes.eat_u8().into();
        read[2] = bytes.eat_u8().into();
    }
    if length >= 12 {
        read[3] = bytes.eat_u32_le();
    }
    Some((sign, read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnType as C;

    #[track_caller]
    fn check(of: ColumnType, decimals: u8, bytes: &[u8], expected: Option<&str>) {
        let kind = Kind { of, is_unsigned: false, decimals, width: 0, is_hex: false };
        let mut row = Row::default();
        let read = row.read(&[&[0, 0], bytes].concat(), &[kind]);
        let text = read.is_ok().then(|| row.get(0).unwrap().to_vec());
        assert_eq!(text.as_deref(), expected.map(str::as_bytes), "{of:?} {bytes:?}");
    }

    #[test]
    fn q39_numbers_have_their_shortest_digits() {
        check(C::MYSQL_TYPE_FLOAT, 31, &1.1_f32.to_le_bytes(), Some("1.1"));
        check(C::MYSQL_TYPE_FLOAT, 31, &16_777_216_f32.to_le_bytes(), Some("16777216"));
        for (number, expected) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (-0.1, "-0.1"),
            (1e300, "1e300"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1.5e-300, "1.5e-300"),
        ] {
            check(C::MYSQL_TYPE_DOUBLE, 31, &f64::to_le_bytes(number), Some(expected));
        }
    }

    #[test]
    fn q39_numbers_have_the_digits_that_their_column_has() {
        check(C::MYSQL_TYPE_FLOAT, 2, &1.5_f32.to_le_bytes(), Some("1.50"));
        check(C::MYSQL_TYPE_FLOAT, 10, &1.1_f32.to_le_bytes(), Some("1.1000000238"));
        check(C::MYSQL_TYPE_DOUBLE, 0, &2.0_f64.to_le_bytes(), Some("2"));
        check(
            C::MYSQL_TYPE_DOUBLE,
            30,
            &0.1_f64.to_le_bytes(),
            Some(&format!("0.1{}", "0".repeat(29))),
        );
        let of = |of: ColumnType, flags: ColumnFlags, length, decimals, what_for| {
            let definition = Definition::new(of).with_flags(flags).with_column_length(length);
            Kind::of(&definition.with_decimals(decimals), what_for)
        };
        let filled = ColumnFlags::ZEROFILL_FLAG | ColumnFlags::UNSIGNED_FLAG;
        for (kind, bytes, expected) in [
            (of(C::MYSQL_TYPE_LONG, filled, 4, 0, For::Csv), &7_u32.to_le_bytes()[..], "0007"),
            (of(C::MYSQL_TYPE_LONG, filled, 4, 0, For::Csv), &12_345_u32.to_le_bytes(), "12345"),
            (of(C::MYSQL_TYPE_LONG, filled, 4, 0, For::Json), &7_u32.to_le_bytes(), "7"),
            (of(C::MYSQL_TYPE_YEAR, filled, 4, 0, For::Csv), &[0, 0], "0000"),
            (of(C::MYSQL_TYPE_DOUBLE, filled, 8, 2, For::Csv), &1.5_f64.to_le_bytes(), "00001.50"),
            (of(C::MYSQL_TYPE_DOUBLE, filled, 8, 2, For::Json), &1.5_f64.to_le_bytes(), "1.5"),
            // No server has a wider one.
            (of(C::MYSQL_TYPE_TINY, filled, u32::MAX, 0, For::Csv), &[1], &format!("{:0>255}", 1)),
        ] {
            let mut row = Row::default();
            row.read(&[&[0, 0], bytes].concat(), &[kind]).unwrap();
            assert_eq!(row.get(0), Some(expected.as_bytes()), "{kind:?}");
        }
    }

    #[test]
    fn q39_bytes_are_told_from_each_other() {
        let of = |of: ColumnType, set: u16, what_for| {
            let mut kind = Kind::of(&Definition::new(of).with_character_set(set), what_for);
            kind.decimals = 0;
            let mut row = Row::default();
            row.read(&[0, 0, 2, 0xff, b'a'], &[kind]).unwrap();
            String::from_utf8(row.get(0).unwrap().to_vec()).unwrap()
        };
        for bytes in
            [C::MYSQL_TYPE_BLOB, C::MYSQL_TYPE_STRING, C::MYSQL_TYPE_BIT, C::MYSQL_TYPE_GEOMETRY]
        {
            assert_eq!(of(bytes, 63, For::Csv), "\\xff61", "{bytes:?}");
            assert_eq!(of(bytes, 63, For::Json), "\u{fffd}a", "{bytes:?}");
        }
        for (text, set) in
            [(C::MYSQL_TYPE_BLOB, 45), (C::MYSQL_TYPE_JSON, 63), (C::MYSQL_TYPE_NEWDECIMAL, 63)]
        {
            assert_eq!(of(text, set, For::Csv), "\u{fffd}a", "{text:?}");
        }
    }

    #[test]
    fn q39_times_are_written_as_the_servers_do() {
        check(C::MYSQL_TYPE_DATE, 0, &[4, 0xe8, 7, 1, 2], Some("2024-01-02"));
        check(C::MYSQL_TYPE_DATE, 0, &[0], Some("0000-00-00"));
        check(C::MYSQL_TYPE_DATETIME, 0, &[0], Some("0000-00-00 00:00:00"));
        check(C::MYSQL_TYPE_DATETIME, 0, &[4, 0xe8, 7, 1, 2], Some("2024-01-02 00:00:00"));
        let full = [11, 0xe8, 7, 1, 2, 3, 4, 5, 0x40, 0xe2, 1, 0];
        check(C::MYSQL_TYPE_TIMESTAMP, 6, &full, Some("2024-01-02 03:04:05.123456"));
        check(C::MYSQL_TYPE_TIMESTAMP, 3, &full, Some("2024-01-02 03:04:05.123"));
        check(C::MYSQL_TYPE_TIMESTAMP, 39, &full, Some("2024-01-02 03:04:05.123456"));
        check(C::MYSQL_TYPE_TIMESTAMP, 6, &full[..11], None);
        check(C::MYSQL_TYPE_TIME, 0, &[0], Some("00:00:00"));
        check(C::MYSQL_TYPE_TIME, 2, &[0], Some("00:00:00.00"));
        let longest = [8, 1, 34, 0, 0, 0, 22, 59, 59];
        check(C::MYSQL_TYPE_TIME, 0, &longest, Some("-838:59:59"));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        check(C::MYSQL_TYPE_LONG, 0, &[1, 2, 3], None);
        check(C::MYSQL_TYPE_LONG, 0, &[1, 2, 3, 4, 5], None);
        check(C::MYSQL_TYPE_VAR_STRING, 0, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], None);
        check(C::MYSQL_TYPE_DATE, 0, &[5, 1, 1, 1, 1, 1], None);
        check(C::MYSQL_TYPE_TIME, 0, &[8, 0, 0xff, 0xff, 0xff, 0xff, 1, 1, 1], None);
        check(C::MYSQL_TYPE_TYPED_ARRAY, 0, &[0], None);
        let of = C::MYSQL_TYPE_TINY;
        let kinds = [Kind { of, is_unsigned: true, decimals: 0, width: 0, is_hex: false }; 7];
        let mut row = Row::default();
        row.read(&[0, 0b1111_1000, 1, 255], &kinds).unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(6)), (Some(&b"255"[..]), None, None));
        for bad in [&[][..], &[0], &[0, 0], &[1, 0xff, 1]] {
            assert!(row.read(bad, &kinds).is_err(), "{bad:?}");
        }
    }
}

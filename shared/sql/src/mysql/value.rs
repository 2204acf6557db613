//! Rows in binary form as texts, in the forms that the servers themselves write.

use std::ops::Range;

use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column as Definition;

use super::command::protocol;
use super::digits::{date, float, integer, time};
use crate::Error;

/// How values of one column are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    of: ColumnType,
    is_unsigned: bool,
    /// Digits behind the second; more than six where nothing is fixed.
    decimals: u8,
}

impl Kind {
    pub(super) fn of(definition: &Definition) -> Self {
        Self {
            of: definition.column_type(),
            is_unsigned: definition.flags().contains(ColumnFlags::UNSIGNED_FLAG),
            decimals: definition.decimals(),
        }
    }
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
            float(out, f64::from(number), number);
        }
        (C::MYSQL_TYPE_DOUBLE, _) => {
            let number = rest.checked_eat_f64_le()?;
            float(out, number, number);
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
        // Perses gives bytes that are no text as one (contract/perses.md 2.6).
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
        let kind = Kind { of, is_unsigned: false, decimals };
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
        let kinds = [Kind { of: C::MYSQL_TYPE_TINY, is_unsigned: true, decimals: 0 }; 7];
        let mut row = Row::default();
        row.read(&[0, 0b1111_1000, 1, 255], &kinds).unwrap();
        assert_eq!((row.get(0), row.get(1), row.get(6)), (Some(&b"255"[..]), None, None));
        for bad in [&[][..], &[0], &[0, 0], &[1, 0xff, 1]] {
            assert!(row.read(bad, &kinds).is_err(), "{bad:?}");
        }
    }
}

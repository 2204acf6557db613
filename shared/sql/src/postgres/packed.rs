//! Rows of `COPY`, many in one message: its data is the messages of the server, each a row, with their headers.

use bytes::{BufMut, Bytes, BytesMut};

use crate::Error;

/// The tag of a message with a row: `CopyData`.
pub(super) const ROW: u8 = b'd';

/// What a message begins with: its tag and its length, which counts itself and not the tag.
pub(super) const HEADER_BYTES: usize = 5;

/// The header of a message that packs so many bytes of rows; none if no message can.
pub(super) fn header(bytes: usize) -> Option<Bytes> {
    let length = i32::try_from(bytes.checked_add(4)?).ok()?;
    let mut header = BytesMut::with_capacity(HEADER_BYTES);
    header.put_u8(ROW);
    header.put_i32(length);
    Some(header.freeze())
}

/// Takes the next row out of a message; none when there is none left.
pub(super) fn next<'a>(packed: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
    if packed.is_empty() {
        return Ok(None);
    }
    let row = packed.split_first_chunk::<HEADER_BYTES>().and_then(|([tag, length @ ..], rest)| {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?.checked_sub(4)?;
        (*tag == ROW).then(|| rest.split_at_checked(length))?
    });
    let (row, rest) = row.ok_or_else(|| Error::Protocol("a row that is not whole".into()))?;
    *packed = rest;
    Ok(Some(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &[u8]) -> Vec<u8> {
        [&header(text.len()).unwrap(), text].concat()
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let packed = [row(b"1\n"), row(b""), row(b"d\0\0\0\x04\n")].concat();
        let mut rest = &packed[..];
        for expected in [&b"1\n"[..], b"", b"d\0\0\0\x04\n"] {
            assert_eq!(next(&mut rest).unwrap(), Some(expected));
        }
        assert_eq!(next(&mut rest).unwrap(), None);
    }

    #[test]
    fn what_is_not_packed_is_an_error_and_no_row() {
        let cut = &row(b"12\n")[..7];
        for mut packed in
            [&b"1\n"[..], b"d", cut, b"d\0\0\0\x03", b"d\xff\xff\xff\xff", b"D\0\0\0\x04"]
        {
            assert!(next(&mut packed).is_err(), "{packed:?}");
        }
        assert_eq!(header(usize::MAX), None);
        assert_eq!(header(i32::MAX as usize - 3), None);
    }
}

//! CSV exactly as PostgreSQL's `COPY … (FORMAT csv)` writes it.

/// Writes one line. A line of a single cell also quotes `\.`, which would end the data for a reader of PostgreSQL's.
pub(crate) fn write_line<'a>(
    out: &mut Vec<u8>,
    cells: impl Iterator<Item = Option<&'a [u8]>>,
    single: bool,
) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let Some(text) = cell else { continue };
        if is_quoted(text) || (single && text == b"\\.") {
            out.push(b'"');
            for byte in text {
                if *byte == b'"' {
                    out.push(b'"');
                }
                out.push(*byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(text);
        }
    }
    out.push(b'\n');
}

fn is_quoted(text: &[u8]) -> bool {
    // All of them are looked at, since that can be done with many at once.
    let is_special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    text.is_empty() || text.iter().fold(false, |found, byte| found | is_special(byte))
}

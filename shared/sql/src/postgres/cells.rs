//! A line of `COPY … TO STDOUT (FORMAT text)` as the texts of its cells.

use std::ops::Range;

use super::rows::of_another_length;
use crate::Error;

/// Room for the cells of one line; used again for the next.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    cells: Vec<Option<Range<usize>>>,
}

/// The cells of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    text: &'a [u8],
    cells: &'a [Option<Range<usize>>],
}

impl<'a> Row<'a> {
    /// The text of a cell; none for NULL.
    pub(super) fn get(self, place: usize) -> Option<&'a [u8]> {
        self.cells.get(place)?.clone().map(|cell| &self.text[cell])
    }
}

impl Cells {
    /// Reads a line, which has as many cells as there are columns.
    pub(super) fn read<'a>(&'a mut self, line: &'a [u8], columns: usize) -> Result<Row<'a>, Error> {
        self.text.clear();
        self.cells.clear();
        let line = line.strip_suffix(b"\n").filter(|line| !line.contains(&b'\n'));
        let line = line.ok_or_else(|| Error::Protocol("a line without its end".into()))?;
        let is_escaped = line.contains(&b'\\');
        let mut begin = 0;
        for cell in line.split(|byte| *byte == b'\t') {
            if !is_escaped {
                let end = begin + cell.len();
                self.cells.push(Some(begin..end));
                begin = end + 1;
            } else if cell == b"\\N" {
                self.cells.push(None);
            } else {
                let begin = self.text.len();
                unescape(&mut self.text, cell);
                self.cells.push(Some(begin..self.text.len()));
            }
        }
        match self.cells.len() {
            cells if cells == columns => {
                let text = if is_escaped { &self.text } else { line };
                Ok(Row { text, cells: &self.cells })
            }
            cells => Err(of_another_length(cells, columns)),
        }
    }
}

/// Writes a cell without its escapes. Of those, the server writes the ones that are here.
fn unescape(out: &mut Vec<u8>, cell: &[u8]) {
    let mut rest = cell;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        out.extend_from_slice(&rest[..place]);
        let Some((escaped, behind)) = rest[place + 1..].split_first() else { return };
        out.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => *other,
        });
        rest = behind;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[Option<&str>]) {
        let mut cells = Cells::default();
        let row = cells.read(line.as_bytes(), expected.len()).unwrap();
        let read: Vec<_> = (0..expected.len()).map(|place| row.get(place)).collect();
        let expected: Vec<_> = expected.iter().map(|text| text.map(str::as_bytes)).collect();
        assert_eq!(read, expected, "{line:?}");
    }

    #[test]
    fn q39_cells_are_those_that_were_written() {
        check("1\tname\t1.5\n", &[Some("1"), Some("name"), Some("1.5")]);
        check("\n", &[Some("")]);
        check("\t\n", &[Some(""), Some("")]);
        check("\\N\t\\\\N\tN\n", &[None, Some("\\N"), Some("N")]);
        check("a\\tb\\nc\\rd\\\\e\n", &[Some("a\tb\nc\rd\\e")]);
        check("\\b\\f\\v\\\\x41\n", &[Some("\u{8}\u{c}\u{b}\\x41")]);
        check("\\\\.\n", &[Some("\\.")]);
    }

    #[test]
    fn what_is_no_line_of_these_columns_is_refused() {
        let mut cells = Cells::default();
        for (line, columns) in [("1", 1), ("", 1), ("1\n", 2), ("1\t2\n", 1), ("1\n2\n", 1)] {
            assert!(cells.read(line.as_bytes(), columns).is_err(), "{line:?}");
        }
    }
}

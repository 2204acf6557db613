//! How rows are written.

mod csv;
mod json;

use crate::Column;

pub(crate) use csv::write_line;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As `psql` writes it: `COPY … TO STDOUT (FORMAT csv, HEADER)`. NULL is nothing, an empty text is `""`.
    Csv,
    /// One object with `columns` and `rows`, rows as objects with sorted keys, as Perses from 0.53 on (contract/perses.md
    /// 2.6); a name that comes again gets a number, so that no value is lost. `truncated` and `rowCount` if it was cut.
    Json,
    /// The same with rows as arrays, in order of the columns.
    JsonArrays,
    /// An object for each row, in order of the columns, and a last record with `rowCount` and `truncated`, or with
    /// `rowCount` and `error`. Without that record the answer is not whole.
    Ndjson,
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json | Self::JsonArrays => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Writes the rows of one answer.
#[derive(Debug)]
pub(crate) struct Writer {
    format: Format,
    columns: Vec<Column>,
    /// `"name":` of each column.
    keys: Vec<Vec<u8>>,
    /// The columns in the order in which a row has them.
    order: Vec<usize>,
}

impl Writer {
    pub(crate) fn new(format: Format, mut columns: Vec<Column>) -> Self {
        if matches!(format, Format::Json | Format::Ndjson) {
            json::number_duplicates(&mut columns);
        }
        let keys = columns.iter().map(|column| json::key(&column.name)).collect();
        let mut order: Vec<_> = (0..columns.len()).collect();
        if format == Format::Json {
            order.sort_by(|a, b| columns[*a].name.cmp(&columns[*b].name));
        }
        Self { format, columns, keys, order }
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Writes what stands before the first row.
    pub(crate) fn head(&self, out: &mut Vec<u8>) {
        match self.format {
            Format::Csv => {
                let names = self.columns.iter().map(|column| Some(column.name.as_bytes()));
                write_line(out, names, self.columns.len() == 1);
            }
            Format::Json | Format::JsonArrays => json::write_columns(out, &self.columns),
            Format::Ndjson => {}
        }
    }

    /// Writes one row, whose cells are in order of the columns; `nth` counts from 0.
    pub(crate) fn row<'a>(
        &self,
        out: &mut Vec<u8>,
        nth: u64,
        cell: impl Fn(usize) -> Option<&'a [u8]>,
    ) {
        let (open, close): (_, &[u8]) = match self.format {
            Format::Csv => {
                let cells = (0..self.columns.len()).map(cell);
                return write_line(out, cells, self.columns.len() == 1);
            }
            Format::Json => (b'{', b"}"),
            Format::JsonArrays => (b'[', b"]"),
            Format::Ndjson => (b'{', b"}\n"),
        };
        if nth > 0 && self.format != Format::Ndjson {
            out.push(b',');
        }
        out.push(open);
        for (place, column) in self.order.iter().copied().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if self.format != Format::JsonArrays {
                out.extend_from_slice(&self.keys[column]);
            }
            match cell(column) {
                None => out.extend_from_slice(b"null"),
                Some(text) => json::write_value(out, self.columns[column].shape, text),
            }
        }
        out.extend_from_slice(close);
    }

    /// Writes what stands behind the last row.
    pub(crate) fn tail(&self, out: &mut Vec<u8>, rows: u64, truncated: bool) {
        match self.format {
            Format::Csv => {}
            Format::Json | Format::JsonArrays => {
                out.push(b']');
                if truncated {
                    out.extend_from_slice(
                        format!(",\"truncated\":true,\"rowCount\":{rows}").as_bytes(),
                    );
                }
                out.extend_from_slice(b"}\n");
            }
            Format::Ndjson => {
                let record = format!("{{\"rowCount\":{rows},\"truncated\":{truncated}}}\n");
                out.extend_from_slice(record.as_bytes());
            }
        }
    }

    /// Writes what tells the caller that the rest is missing, where the format has a place for it.
    pub(crate) fn failure(&self, out: &mut Vec<u8>, rows: u64, message: &str) {
        if self.format == Format::Ndjson {
            let record = serde_json::json!({"rowCount": rows, "error": message});
            out.extend_from_slice(format!("{record}\n").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;

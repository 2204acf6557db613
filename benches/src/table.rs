//! Columns of text.

use std::io::{self, Write};

/// Prints one row, the first three cells to the left and the rest to the right.
pub(crate) fn row(out: &mut impl Write, cells: &[&str]) -> io::Result<()> {
    for (at, cell) in cells.iter().enumerate() {
        match at {
            0 => write!(out, "{cell:<16}")?,
            1 | 2 => write!(out, " {cell:<12}")?,
            _ => write!(out, " {cell:>12}")?,
        }
    }
    writeln!(out)?;
    out.flush()
}

/// A number with as many digits as it deserves.
pub(crate) fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

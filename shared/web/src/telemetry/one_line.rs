//! A writer that keeps each event on one line.

use std::io::{self, Write};

/// Escapes control characters, so that no logged value can begin a line or drive a terminal. Each
/// write is one event, ended by the line feed that stays.
pub(super) struct OneLine<W>(pub(super) W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = event.strip_suffix(b"\n").unwrap_or(event);
        // C1 controls are two bytes in UTF-8: 0xc2 and one of 0x80 to 0x9f.
        let is_control = |at: usize| match text[at] {
            b'\t' => false,
            0x80..=0x9f => at > 0 && text[at - 1] == 0xc2,
            byte => byte.is_ascii_control(),
        };
        if !(0..text.len()).any(is_control) {
            self.0.write_all(event)?;
            return Ok(event.len());
        }
        let mut escaped = Vec::with_capacity(event.len() + 32);
        for (at, &byte) in text.iter().enumerate() {
            if !is_control(at) {
                escaped.push(byte);
                continue;
            }
            if byte >= 0x80 {
                escaped.pop();
            }
            escaped.extend_from_slice(format!("\\u{{{byte:x}}}").as_bytes());
        }
        escaped.push(b'\n');
        self.0.write_all(&escaped)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: &str, expected: &str) {
        let mut out = Vec::new();
        OneLine(&mut out).write_all(event.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn t16_a_logged_value_stays_on_its_line() {
        check("plain\n", "plain\n");
        check("a\nINFO forged\n", "a\\u{a}INFO forged\n");
        check("red \u{1b}[31m\r\n", "red \\u{1b}[31m\\u{d}\n");
        check("c1 \u{9b}31m, é and à stay\n", "c1 \\u{9b}31m, é and à stay\n");
        check("del \u{7f}\n", "del \\u{7f}\n");
    }
}

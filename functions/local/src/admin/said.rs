//! What a command has to say: as text for people, or as one JSON document for scripts.

use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The end of a command that did what it could.
pub(crate) struct Said {
    /// Ends with a line break. May hold a secret that is told once.
    text: Zeroizing<String>,
    json: Value,
    code: u8,
}

impl Said {
    /// Makes it of both forms.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: Zeroizing::new(text.into()), json, code: 0 }
    }

    /// Ends with another code than 0.
    pub(crate) fn ending_with(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Writes it to standard output, and nothing else.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        let mut output = std::io::stdout().lock();
        match as_json {
            true => writeln!(output, "{}", self.json)?,
            false => output.write_all(self.text.as_bytes())?,
        }
        output.flush()?;
        Ok(ExitCode::from(self.code))
    }
}

/// Writes an error with its causes to standard error, on one line. Nobody is left to tell if even that cannot be written.
pub(crate) fn complain(error: &anyhow::Error, as_json: bool) {
    let line = match as_json {
        true => json!({ "error": format!("{error:#}") }).to_string(),
        false => format!("Error: {error:#}"),
    };
    writeln!(std::io::stderr(), "{line}").ok();
}

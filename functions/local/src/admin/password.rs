//! Passwords and passphrases: asked for without an echo, or read from where no other process looks.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{NewPassword, Passphrase};
use crate::first_start::new_password;

/// The longest line that is read.
const LONGEST: u64 = 4 << 10;
/// The shortest passphrase that a file is encrypted with.
const SHORTEST: usize = 10;

/// A new password, and whether it is to be told because nobody chose it.
pub(crate) struct Chosen {
    pub(crate) password: SecretString,
    pub(crate) was_drawn: bool,
}

/// Gets a new password as the flags say.
pub(crate) fn chosen(new: &NewPassword) -> anyhow::Result<Chosen> {
    if new.generate {
        return Ok(Chosen { password: new_password()?, was_drawn: true });
    }
    let password = match io::stdin().is_terminal() {
        true => asked_twice("New password: ", "The same again: ")?,
        false => line_of(io::stdin().lock()).context("cannot read standard input")?,
    };
    anyhow::ensure!(
        !password.expose_secret().is_empty(),
        "the password is empty; type one, pipe one in, or give --generate"
    );
    Ok(Chosen { password, was_drawn: false })
}

/// Gets a passphrase for a file that is to be written.
pub(crate) fn new_passphrase(from: &Passphrase) -> anyhow::Result<SecretString> {
    let passphrase = match &from.passphrase_file {
        Some(file) => of_file(file)?,
        None => {
            at_terminal()?;
            asked_twice("Passphrase for the file: ", "The same again: ")?
        }
    };
    anyhow::ensure!(
        passphrase.expose_secret().chars().count() >= SHORTEST,
        "the passphrase must have at least {SHORTEST} characters"
    );
    Ok(passphrase)
}

/// Gets the passphrase of a file that is to be read.
pub(crate) fn passphrase(from: &Passphrase) -> anyhow::Result<SecretString> {
    match &from.passphrase_file {
        Some(file) => of_file(file),
        None => {
            at_terminal()?;
            asked("Passphrase of the file: ")
        }
    }
}

fn at_terminal() -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "there is no terminal to ask at; give --passphrase-file, or `--passphrase-file -` for standard input"
    );
    Ok(())
}

fn of_file(file: &Path) -> anyhow::Result<SecretString> {
    if file == Path::new("-") {
        return line_of(io::stdin().lock()).context("cannot read standard input");
    }
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|opened| line_of(io::BufReader::new(opened)));
    read.with_context(|| format!("cannot read {}", file.display()))
}

fn line_of(from: impl io::BufRead) -> io::Result<SecretString> {
    let mut line = Zeroizing::new(String::new());
    from.take(LONGEST).read_line(&mut line)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

fn asked(question: &str) -> anyhow::Result<SecretString> {
    let typed = rpassword::prompt_password(question).context("cannot ask at the terminal")?;
    Ok(SecretString::from(typed))
}

fn asked_twice(question: &str, again: &str) -> anyhow::Result<SecretString> {
    let (first, second) = (asked(question)?, asked(again)?);
    let are_same = first.expose_secret() == second.expose_secret();
    anyhow::ensure!(are_same, "the two differ; nothing was done");
    Ok(first)
}

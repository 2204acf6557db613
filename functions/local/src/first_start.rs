//! The first start on a data folder: a key, an organisation, an administrator.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use auth::Role;
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::OrgId;
use store::{Admin, Keyring, Rights};

use crate::engine::replace_private_file;

/// The login of the administrator whom the first start makes.
pub const ADMIN: &str = "admin";

/// Where the administrator's credentials are, and whether they were made just now.
pub struct Administrator {
    /// Shell lines, mode 0600.
    pub file: PathBuf,
    /// Made by this start.
    pub is_new: bool,
}

/// Reads the key file, or makes it: 64 hexadecimal digits, mode 0600.
///
/// # Errors
/// The file cannot be read or written, or holds something else.
pub fn keyring(data: &Path) -> anyhow::Result<Keyring> {
    let path = data.join("key");
    if let Err(error) = path.metadata()
        && error.kind() == io::ErrorKind::NotFound
    {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).context("the system has no randomness to give")?;
        replace_private_file(&path, &format!("{}\n", hex(&bytes)))?;
    }
    let mut text = String::new();
    let read = OpenOptions::new()
        .read(true)
        .open(&path)
        .and_then(|mut file| file.read_to_string(&mut text));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Keyring::local(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Sets the tables up and makes the administrator, as far as that has not been done.
///
/// `chosen` is the password that the environment names; it counts here and never again.
///
/// # Errors
/// What the store says, or a file that cannot be written.
pub async fn administrator(
    admin: &Admin,
    keyring: &Keyring,
    data: &Path,
    chosen: Option<String>,
) -> anyhow::Result<Administrator> {
    admin.create_tables().await.context("cannot create the tables")?;
    admin.bootstrap(keyring).await.context("cannot set up the first organisation")?;
    let file = data.join("admin");
    if admin.has_user(ADMIN).await? {
        return Ok(Administrator { file, is_new: false });
    }
    let password = match chosen {
        Some(chosen) => SecretString::from(chosen),
        None => new_password()?,
    };
    let token = admin.create_token(OrgId::MAIN, Role::Admin).await?;
    let lines = shell_lines(&password, &token.text)?;
    // The user comes last: a start that dies before has no administrator yet, and the next one makes another.
    replace_private_file(&file, lines.expose_secret())?;
    let rights = Rights { role: Role::Admin, is_server_admin: true };
    admin.create_user(OrgId::MAIN, ADMIN, &password, rights).await?;
    Ok(Administrator { file, is_new: true })
}

/// Writes an administrator's new password where the first start wrote the old one. Tells whether it is there now: it is
/// not if there is no such file, or if no shell line holds the password.
pub(crate) fn note_password(data: &Path, new: &SecretString) -> anyhow::Result<bool> {
    const NAME: &str = "SOURCEGATE_ADMIN_PASSWORD=";
    let (file, quoted) = (data.join("admin"), new.expose_secret());
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(false) };
    if !text.lines().any(|line| line.starts_with(NAME)) || !fits_a_line(quoted) {
        return Ok(false);
    }
    let lines = text.lines().map(|line| match line.starts_with(NAME) {
        true => format!("{NAME}'{quoted}'\n"),
        false => format!("{line}\n"),
    });
    replace_private_file(&file, SecretString::from(lines.collect::<String>()).expose_secret())?;
    Ok(true)
}

/// Within single quotes a shell reads everything but a single quote as it stands.
fn fits_a_line(password: &str) -> bool {
    !password.is_empty() && !password.contains(['\'', '\n', '\r', '\0'])
}

fn shell_lines(password: &SecretString, token: &SecretString) -> anyhow::Result<SecretString> {
    let quoted = password.expose_secret();
    anyhow::ensure!(
        fits_a_line(quoted),
        "SOURCEGATE_ADMIN_PASSWORD must not be empty and must not contain quotes or line breaks"
    );
    let token = token.expose_secret();
    let lines = format!("SOURCEGATE_ADMIN_PASSWORD='{quoted}'\nSOURCEGATE_ADMIN_TOKEN='{token}'\n");
    Ok(SecretString::from(lines))
}

/// Draws a password of 32 hexadecimal digits: 128 bits.
pub(crate) fn new_password() -> anyhow::Result<SecretString> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).context("the system has no randomness to give")?;
    Ok(SecretString::from(hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! What texts may hold that end up in a header or in a handshake. No error says what they do hold.

use secrecy::ExposeSecret;
use sourcegate_core::{Secrets, Settings};

use crate::Error;

/// The largest secret that is kept, in bytes (`faults.md` K23).
const LARGEST_SECRET: usize = 64 << 10;

/// The longest name of a secret, in bytes.
const LONGEST_SECRET_NAME: usize = 255;

/// The longest text that has no limit of its own, in bytes: what Grafana's columns hold.
const LONGEST: usize = 255;

const CONTROL: &str = "has a control character";

/// Refuses control characters and too much everywhere, and a colon where it would end the user early (RFC 7617).
pub(super) fn check_settings(settings: &Settings) -> Result<(), Error> {
    let texts = [
        ("type", &settings.type_text),
        ("access", &settings.access),
        ("user", &settings.user),
        ("database", &settings.database),
        ("basicAuthUser", &settings.basic_auth_user),
    ];
    for (field, text) in texts {
        if text.contains(char::is_control) {
            return Err(Error::Text { field: field.into(), what: CONTROL });
        }
        check_length(field, text, LONGEST)?;
    }
    if settings.basic_auth_user.contains(':') {
        let what = "has a colon, which no user of basic authentication can have";
        return Err(Error::Text { field: "basicAuthUser".into(), what });
    }
    Ok(())
}

/// Judges secrets by where they are sent. Blanks around a header's value are left to the protocol, which ignores them.
pub(super) fn check_secrets(secrets: &Secrets) -> Result<(), Error> {
    for (name, text) in secrets.iter() {
        if name.is_empty() || name.contains(char::is_control) {
            let what = "has a name that is empty or has a control character";
            return Err(Error::Text { field: "secureJsonData".into(), what });
        }
        check_length("a name in secureJsonData", name, LONGEST_SECRET_NAME)?;
        let text = text.expose_secret();
        let field = || format!("secureJsonData.{name}");
        if text.len() > LARGEST_SECRET {
            check_length(&field(), text, LARGEST_SECRET)?;
        }
        let sent_in_a_header = name == "basicAuthPassword" || name.starts_with("httpHeaderValue");
        if sent_in_a_header && text.contains(char::is_control) {
            return Err(Error::Text { field: field().into(), what: CONTROL });
        }
    }
    Ok(())
}

/// Refuses a text that is longer than its limit in bytes.
pub(super) fn check_length(field: &str, text: &str, limit: usize) -> Result<(), Error> {
    if text.len() > limit {
        return Err(Error::TooLong { field: field.to_owned(), bytes: text.len(), limit });
    }
    Ok(())
}

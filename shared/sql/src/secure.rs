//! From the TLS words of a target to settings of egress.

use egress::{Names, Stream, Tls, TlsOptions};
use secrecy::ExposeSecret;
use sourcegate_core::{Secrets, SqlTarget, SslMode};

use crate::{Error, Token};

/// What a connection does about TLS, decided from the mode.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Never,
    /// Only where the server refuses a connection without.
    IfRefused(Tls),
    /// Where the server offers it.
    IfOffered(Tls),
    Always(Tls),
}

impl Wanted {
    /// Reads the mode and the secrets that it needs.
    pub(crate) fn of(target: &SqlTarget, secrets: &Secrets) -> Result<Self, Error> {
        let settings = &target.tls;
        if settings.mode == SslMode::Disable {
            return Ok(Self::Never);
        }
        let pem = |name: &String| secret(secrets, name).map(str::as_bytes);
        let client = settings.client.as_ref();
        let client =
            client.map(|(chain, key)| Ok::<_, Error>((pem(chain)?, pem(key)?))).transpose()?;
        let options = TlsOptions {
            verify: verifies(target),
            server_name: settings.server_name.as_deref(),
            ca_pem: settings.authorities.as_ref().map(pem).transpose()?,
            client,
            versions: settings.versions,
        };
        let names = match settings.mode {
            SslMode::VerifyFull => Names::Verified,
            _ => Names::Any,
        };
        let tls = Tls::for_database(&options, names).map_err(Error::Connect)?;
        Ok(match settings.mode {
            SslMode::Disable => Self::Never,
            SslMode::Allow => Self::IfRefused(tls),
            SslMode::Prefer => Self::IfOffered(tls),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Self::Always(tls),
        })
    }
}

/// Whether a server without TLS will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    Yes,
    No,
}

/// How much a stream can be trusted with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Everybody on the way reads it.
    Plain,
    /// Nobody on the way reads it, but the other end may be anybody.
    Encrypted,
    /// The other end is who it should be.
    Verified,
}

impl Trust {
    pub(crate) fn of(stream: &Stream, target: &SqlTarget) -> Self {
        match stream {
            Stream::Plain(_) => Self::Plain,
            Stream::Tls(_) => Self::in_tls(target),
        }
    }

    /// What TLS is worth with these settings.
    pub(crate) fn in_tls(target: &SqlTarget) -> Self {
        if verifies(target) { Self::Verified } else { Self::Encrypted }
    }
}

/// Tells whether the server's certificate is verified if TLS is spoken.
fn verifies(target: &SqlTarget) -> bool {
    match target.tls.mode {
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => false,
        SslMode::Require => target.tls.authorities.is_some() && !target.tls.skip_verify,
        SslMode::VerifyCa | SslMode::VerifyFull => true,
    }
}

/// What a session is begun with.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) secrets: &'a Secrets,
    pub(crate) token: Option<&'a Token>,
}

/// What proves who connects.
#[derive(Clone, Copy)]
pub(crate) enum Password<'a> {
    None,
    Secret(&'a str),
    Token(&'a str),
}

impl<'a> Password<'a> {
    pub(crate) fn of(target: &SqlTarget, given: Given<'a>) -> Result<Self, Error> {
        match (&target.password, given.token) {
            (None, Some(token)) if target.rds_iam => Ok(Self::Token(token.text.expose_secret())),
            _ if target.rds_iam => Err(Error::NoSecret("rds_iam".to_owned())),
            (Some(name), _) => secret(given.secrets, name).map(Self::Secret),
            (None, _) => Ok(Self::None),
        }
    }

    pub(crate) fn text(self) -> Option<&'a str> {
        match self {
            Self::None => None,
            Self::Secret(text) | Self::Token(text) => Some(text),
        }
    }
}

/// Finds a secret that the target names.
fn secret<'a>(secrets: &'a Secrets, name: &str) -> Result<&'a str, Error> {
    secrets.get(name).ok_or_else(|| Error::NoSecret(name.to_owned()))
}

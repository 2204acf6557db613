//! Who may use the listener: the access key of one start, and the requests that bring it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use http::HeaderMap;
use http::header::{AUTHORIZATION, ORIGIN};
use subtle::ConstantTimeEq;

use super::{Error, files};

/// What an access key id starts with, of its 20 characters; the other 13 hold 65 random bits.
const PREFIX: &str = "SGLOCAL";
const KEY_ID_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 40;

/// 32 characters, so that five bits of a random byte choose one without bias.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The access key id of one start. The engine verifies no signature: the id itself is what must not be known, and
/// the secret that goes with it is there because the SDKs want one.
pub(super) struct AccessKey {
    id: String,
}

/// Why a request is not for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It comes from a web page.
    Origin,
    /// It brings no SigV4 credential, or more than one `Authorization`.
    NoKey,
    /// It brings another key than this start's.
    WrongKey,
}

impl AccessKey {
    /// Makes a key and writes it to `<data>/dynamodb`, with the address, as shell lines.
    pub(super) fn create(data: &Path, address: SocketAddr) -> Result<Self, Error> {
        let id = format!("{PREFIX}{}", random(KEY_ID_LENGTH - PREFIX.len())?);
        let secret = random(SECRET_LENGTH)?;
        let lines = format!(
            "AWS_ACCESS_KEY_ID={id}\n\
             AWS_SECRET_ACCESS_KEY={secret}\n\
             AWS_ENDPOINT_URL_DYNAMODB=http://{address}\n\
             AWS_REGION=us-east-1\n"
        );
        files::replace(&path(data), &lines)?;
        Ok(Self { id })
    }

    /// Decides on a request by its headers alone.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if headers.contains_key(ORIGIN) {
            return Err(Refused::Origin);
        }
        let sent = credential(headers).ok_or(Refused::NoKey)?;
        let same: bool = sent.as_bytes().ct_eq(self.id.as_bytes()).into();
        if same { Ok(()) } else { Err(Refused::WrongKey) }
    }
}

/// Removes the key's file: at an orderly stop, and at a start, since a killed process leaves its own.
pub(super) fn remove(data: &Path) -> Result<(), Error> {
    files::remove(&path(data))
}

fn path(data: &Path) -> PathBuf {
    data.join("dynamodb")
}

fn random(length: usize) -> Result<String, Error> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// The access key id of a SigV4 header (`AWS4-HMAC-SHA256 Credential=<id>/<scope>, SignedHeaders=…, Signature=…`).
fn credential(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let fields = only.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let scope = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
    scope.split_once('/').map(|(id, _)| id)
}

/// Tells whether only this machine, its containers or its own network can reach an address.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

//! What RDS does with a token: it takes whoever's signature is good, by the rules of AWS' Signature Version 4 and without the
//! code that signs here. Behind it are a real PostgreSQL and a real MariaDB.
#![expect(clippy::expect_used, reason = "a harness fails its test by panicking")]

mod directory;
mod mysql_door;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_lc_rs::{digest, hmac};
use aws_smithy_types::DateTime;
use percent_encoding::percent_decode_str;

use crate::fleet::signed_at;

pub use directory::Directory;
pub use mysql_door::MysqlDoor;

/// The name that certificates of these databases have, and that they are dialled by.
pub const HOST: &str = "localhost";

/// Where RDS takes them to be.
pub const REGION: &str = "eu-west-1";

/// An access key: its id and its secret.
pub const ACCESS_KEY: [&str; 2] = ["AKIDRDSEXAMPLE", "rds-secret-canary-4711"];

/// Judges what is given for a password, and keeps it.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The access key whose signatures it takes.
    key: [String; 2],
    logins: Arc<Mutex<Vec<Login>>>,
}

/// Who came, and what he gave for a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The database user.
    pub user: String,
    /// The token.
    pub given: String,
}

impl Judge {
    /// Who came so far.
    ///
    /// # Panics
    ///
    /// When a thread that noted one has panicked.
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        self.logins.lock().expect("no thread panics while it notes").clone()
    }

    fn of(key: [String; 2]) -> Self {
        Self { key, logins: Arc::default() }
    }

    fn takes(&self, port: u16, login: Login) -> bool {
        let judged = judged(&self.key, port, &login);
        self.logins.lock().expect("no thread panics while it notes").push(login);
        judged.is_some()
    }
}

/// None for what is no good token for that user.
fn judged([id, secret]: &[String; 2], port: u16, login: &Login) -> Option<()> {
    let endpoint = format!("{HOST}:{port}");
    let query = login.given.strip_prefix(&format!("{endpoint}/?"))?;
    let pairs: Vec<_> = query.split('&').map(|pair| pair.split_once('=')).collect::<Option<_>>()?;
    let fields: BTreeMap<_, _> = pairs.iter().copied().collect();
    let field = |name: &str| fields.get(name).copied();
    let date = field("X-Amz-Date")?;
    let day = date.get(..8)?;
    let scope = format!("{day}/{REGION}/rds-db/aws4_request");
    let credential = format!("{id}/{scope}").replace('/', "%2F");
    let now = DateTime::from(SystemTime::now()).secs();
    let user = percent_decode_str(field("DBUser")?).decode_utf8().ok()?;
    let is_meant = field("Action") == Some("connect")
        && user == login.user
        && field("X-Amz-Algorithm") == Some("AWS4-HMAC-SHA256")
        && field("X-Amz-Credential") == Some(&credential)
        && field("X-Amz-Expires") == Some("900")
        && field("X-Amz-SignedHeaders") == Some("host")
        && (0..900).contains(&(now - signed_at(date)?))
        && fields.len() == pairs.len();
    let signed: Vec<_> = fields.iter().filter(|(name, _)| **name != "X-Amz-Signature").collect();
    let signed: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = format!("GET\n/\n{}\nhost:{endpoint}\n\nhost\n{}", signed.join("&"), hash(""));
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(&request));
    let key = [day, REGION, "rds-db", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| code(&key, part));
    (is_meant && field("X-Amz-Signature") == Some(&hex(&code(&key, &text)))).then_some(())
}

fn hash(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn code(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text takes all");
        text
    })
}

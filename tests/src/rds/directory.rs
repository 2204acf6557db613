//! A directory that PostgreSQL asks by LDAP whether a password is good: it gives it what the client has sent, as it is.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{ACCESS_KEY, HOST, Judge, Login};
use crate::postgres::Postgres;

/// A PostgreSQL that takes tokens of RDS, and what judges them.
#[derive(Debug)]
pub struct Directory {
    postgres: Postgres,
    judge: Judge,
    serving: JoinHandle<()>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Directory {
    /// Starts both. Everybody but the superuser needs TLS and a token.
    ///
    /// # Panics
    ///
    /// When something of it does not come up.
    pub async fn start() -> Self {
        Self::with(ACCESS_KEY.map(str::to_owned)).await
    }

    /// The same for signatures of another access key.
    ///
    /// # Panics
    ///
    /// When something of it does not come up.
    pub async fn with(key: [String; 2]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let asked = listener.local_addr().expect("its address").port();
        let access = format!(
            "host all postgres 127.0.0.1/32 trust\n\
             hostssl all all 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={asked} ldapprefix=\"cn=\"\n"
        );
        let postgres = Postgres::with(HOST, &access, &[]).await;
        let judge = Judge::of(key);
        let serving = tokio::spawn(serve(listener, postgres.address().port(), judge.clone()));
        Self { postgres, judge, serving }
    }

    /// The database.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.postgres.address()
    }

    /// What has judged.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        &self.judge
    }
}

async fn serve(listener: TcpListener, database: u16, judge: Judge) {
    while let Ok((stream, _)) = listener.accept().await {
        let judge = judge.clone();
        tokio::spawn(async move { answer(stream, database, &judge).await });
    }
}

/// Answers a simple bind (RFC 4511, 4.2); whatever else comes ends the connection.
async fn answer(mut stream: TcpStream, database: u16, judge: &Judge) -> Option<()> {
    let mut heard = Vec::new();
    loop {
        let (id, login) = loop {
            if let Some(bind) = bind(&heard) {
                break bind;
            }
            if stream.read_buf(&mut heard).await.ok()? == 0 {
                return None;
            }
        };
        heard.clear();
        let code = if judge.takes(database, login) { 0 } else { 49 };
        let said = [0x30, 0x0c, 2, 1, id, 0x61, 7, 0x0a, 1, code, 4, 0, 4, 0];
        stream.write_all(&said).await.ok()?;
    }
}

/// The number of a whole message that is a bind, and who binds; none for half of one, and for what is none.
fn bind(bytes: &[u8]) -> Option<(u8, Login)> {
    let (message, _) = element(0x30, bytes)?;
    let (id, rest) = element(0x02, message)?;
    let (bind, _) = element(0x60, rest)?;
    let (_version, rest) = element(0x02, bind)?;
    let (name, rest) = element(0x04, rest)?;
    let (given, _) = element(0x80, rest)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let user = text(name)?.strip_prefix("cn=")?.to_owned();
    Some((*id.first()?, Login { user, given: text(given)? }))
}

/// One element of BER with this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

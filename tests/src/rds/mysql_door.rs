//! What RDS puts before MySQL and MariaDB: it asks for the token as it is, over TLS, and lets in whose token is good. All after the
//! login is a real MariaDB's.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{ACCESS_KEY, HOST, Judge, Login};
use crate::certificates::certificates;
use crate::mariadb::Mariadb;

/// `CLIENT_SSL` in the second byte of the capabilities.
const SSL: u8 = 0x08;

/// Asks for the password as it is.
const SWITCH: &[u8] = b"\xfemysql_clear_password\0";

/// `ER_ACCESS_DENIED_ERROR`.
const DENIED: &[u8] = b"\xff\x15\x04#28000Access denied";

/// A door to a MariaDB, for its accounts without a password.
#[derive(Debug)]
pub struct MysqlDoor {
    address: SocketAddr,
    authority: String,
    judge: Judge,
    serving: JoinHandle<()>,
}

impl Drop for MysqlDoor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Clone)]
struct Door {
    tls: TlsAcceptor,
    port: u16,
    behind: SocketAddr,
    judge: Judge,
}

impl MysqlDoor {
    /// Opens one.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub async fn start(behind: &Mariadb) -> Self {
        let (authority, chain, key) = certificates(HOST);
        let chain =
            CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<std::result::Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth();
        let config = config.with_single_cert(chain.expect("a chain"), key).expect("its key");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (judge, tls) =
            (Judge::of(ACCESS_KEY.map(str::to_owned)), TlsAcceptor::from(Arc::new(config)));
        let door =
            Door { tls, port: address.port(), behind: behind.address(), judge: judge.clone() };
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let door = door.clone();
                tokio::spawn(async move { door.let_in(client).await });
            }
        });
        Self { address, authority, judge, serving }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed its certificate, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What has judged.
    #[must_use]
    pub fn judge(&self) -> &Judge {
        &self.judge
    }
}

impl Door {
    #[expect(clippy::disallowed_methods, reason = "a test's own connection to its server")]
    async fn let_in(self, mut client: TcpStream) -> Result<()> {
        let mut server = TcpStream::connect(self.behind).await?;
        send(&mut client, 0, &receive(&mut server).await?).await?;
        let wish = receive(&mut client).await?;
        if wish.len() != 32 {
            return send(&mut client, 2, DENIED).await;
        }
        let mut client = self.tls.accept(client).await?;
        let response = receive(&mut client).await?;
        send(&mut client, 3, SWITCH).await?;
        let given = receive(&mut client).await?;
        let Response { user, anonymous } =
            Response::read(&response).ok_or(ErrorKind::InvalidData)?;
        let given = given.strip_suffix(&[0]).ok_or(ErrorKind::InvalidData)?;
        let given = String::from_utf8(given.to_vec()).map_err(Error::other)?;
        if !self.judge.takes(self.port, Login { user, given }) {
            return send(&mut client, 5, DENIED).await;
        }
        send(&mut server, 1, &anonymous).await?;
        send(&mut client, 5, &receive(&mut server).await?).await?;
        copy_bidirectional(&mut client, &mut server).await.map(drop)
    }
}

/// What a client says of itself.
struct Response {
    user: String,
    /// The same without TLS and without a proof.
    anonymous: Vec<u8>,
}

impl Response {
    fn read(response: &[u8]) -> Option<Self> {
        let (fixed, rest) = response.split_at_checked(32)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (user, rest) = rest.split_at_checked(end + 1)?;
        let (length, rest) = rest.split_first()?;
        let rest = rest.get(usize::from(*length)..)?;
        let mut anonymous = [fixed, user, &[0], rest].concat();
        *anonymous.get_mut(1)? &= !SSL;
        let user = String::from_utf8(user.strip_suffix(&[0])?.to_vec()).ok()?;
        Some(Self { user, anonymous })
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let length = stream.read_u32_le().await? & 0x00ff_ffff;
    let mut packet = vec![0; usize::try_from(length).map_err(Error::other)?];
    stream.read_exact(&mut packet).await?;
    Ok(packet)
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), number: u8, packet: &[u8]) -> Result<()> {
    let length = u32::try_from(packet.len()).map_err(Error::other)?;
    stream.write_u32_le(length | u32::from(number) << 24).await?;
    stream.write_all(packet).await?;
    stream.flush().await
}

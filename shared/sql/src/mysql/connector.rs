//! The way to a server: dialled, greeted, in TLS or not, and taken in.

use std::net::SocketAddr;

use egress::{Egress, Stream, Tls};
use mysql_common::constants::{CapabilityFlags, UTF8MB4_GENERAL_CI};
use mysql_common::packets::{HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;

use super::auth::{Login, Proof, prove};
use super::command::{Failed, parse, protocol};
use super::identity::Identity;
use super::refusal::Refused;
use super::wire::Channel;
use crate::Error;
use crate::secure::{Required, Trust};

/// Without these the protocol is another one.
const NEEDED: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH);

/// What is used where the server has it. Neither several statements in one text, nor files of ours, nor compression.
const USED: CapabilityFlags = NEEDED
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA);

/// The longest packet that is said to be read; what is read is bounded by the limit of a row.
const MOST_SAID: u32 = 1 << 30;

/// Where, over what, and as whom.
pub(super) struct Connector {
    pub(super) egress: Egress,
    /// What is dialled.
    pub(super) host: String,
    pub(super) port: u16,
    /// The name to verify.
    pub(super) name: String,
    pub(super) tls: Option<Tls>,
    pub(super) required: Required,
    /// What TLS is worth, if it is spoken.
    pub(super) in_tls: Trust,
    pub(super) login: Login,
}

/// A server that has taken the client in.
pub(super) struct Server {
    pub(super) channel: Channel,
    pub(super) address: SocketAddr,
    /// What the server calls the session.
    pub(super) id: u32,
    pub(super) is_mariadb: bool,
    pub(super) is_secure: bool,
}

impl Connector {
    /// Connects. Nothing of the login is sent before TLS, if there is any.
    pub(super) async fn connect(&self) -> Result<Server, Error> {
        let plain = self.egress.dial(&self.host, self.port).await.map_err(Error::Connect)?;
        let address = plain.peer_addr().map_err(|error| Error::Closed(error.into()))?;
        let mut channel = Channel::new(Stream::Plain(plain));
        let greeting = greeting(channel.receive().await?)?;
        let offered = greeting.capabilities();
        if !offered.contains(NEEDED) {
            return Err(protocol("a server before MySQL 5.6"));
        }
        let used = offered & USED;
        if let Some(tls) = &self.tls {
            if offered.contains(CapabilityFlags::CLIENT_SSL) {
                let wish = used | CapabilityFlags::CLIENT_SSL;
                let wish = SslRequest::new(wish, MOST_SAID, UTF8MB4_GENERAL_CI as u8);
                channel.answer(&written(&wish)).await?;
                channel = channel.secure(&self.egress, tls.clone(), &self.name).await?;
            } else if self.required == Required::Yes {
                return Err(Error::NoTls);
            }
        }
        self.log_in(&mut channel, &greeting, used).await?;
        let is_secure = matches!(channel.stream(), Stream::Tls(_));
        let is_mariadb = greeting.server_version_str().contains("MariaDB");
        Ok(Server { channel, address, id: greeting.connection_id(), is_mariadb, is_secure })
    }

    async fn log_in(
        &self,
        channel: &mut Channel,
        greeting: &HandshakePacket<'_>,
        used: CapabilityFlags,
    ) -> Result<(), Error> {
        let login = &self.login;
        let (trust, capabilities) = match channel.stream() {
            Stream::Plain(_) => (Trust::Plain, used),
            Stream::Tls(_) => (self.in_tls, used | CapabilityFlags::CLIENT_SSL),
        };
        let proof = Proof::first(greeting.auth_plugin().as_ref(), login);
        let proved = proof.of(login, &greeting.nonce(), trust)?;
        let response = HandshakeResponse::new(
            Some(proved.as_slice()),
            // Any that knows the four-byte UTF-8.
            (8, 0, 0),
            Some(login.user.as_bytes()),
            Some(login.database.as_bytes()),
            Some(proof.plugin()),
            capabilities,
            None,
            MOST_SAID,
        );
        channel.answer(&written(&response)).await?;
        prove(channel, login, proof, trust).await
    }

    /// Has the server stop what the session runs, over a connection of its own; false where that leads to another server, as it
    /// may behind a balancer, or the session is no more.
    pub(super) async fn kill(&self, session: &Identity) -> Result<bool, Error> {
        let mut server = self.connect().await?;
        let killed = session.kill(&mut server.channel).await;
        server.channel.leave();
        killed.map_err(|failed| match failed {
            Failed::Refused(refused) => refused.of_connection(),
            Failed::Broken(error) => error,
        })
    }
}

/// Reads the first packet, which may be a refusal.
fn greeting(packet: &[u8]) -> Result<HandshakePacket<'static>, Error> {
    match packet {
        [0xff, ..] => Err(Refused::read(packet)?.of_connection()),
        [10, rest @ ..] => {
            // The library takes the length of a challenge for a signed number.
            let end = rest.iter().position(|byte| *byte == 0);
            let length = end.and_then(|end| rest.get(end + 21));
            if length.is_none_or(|length| *length > 127) {
                return Err(protocol("a greeting"));
            }
            Ok(parse::<HandshakePacket<'_>>(packet, ())?.into_owned())
        }
        _ => Err(protocol("a greeting")),
    }
}

fn written(packet: &impl MySerialize) -> Vec<u8> {
    let mut written = Vec::new();
    packet.serialize(&mut written);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A greeting of MySQL's, with a length of its challenge.
    fn of(length: u8) -> Vec<u8> {
        let fixed = b"\x0a8.0.36\0\x07\0\0\0challeng\0\xff\xf7\xff\x02\0\xff\xdf";
        [&fixed[..], &[length], &[0; 10], b"e of twelve\0\0", b"caching_sha2_password\0"].concat()
    }

    #[test]
    fn what_is_no_greeting_is_told_from_one() {
        let read = greeting(&of(21)).unwrap();
        assert_eq!((read.connection_id(), read.nonce().len()), (7, 20));
        assert!(matches!(greeting(b"\xff\x10\x04Too many connections"), Err(Error::Full(_))));
        for length in 0..of(21).len() - 25 {
            assert!(matches!(greeting(&of(21)[..length]), Err(Error::Protocol(_))), "{length}");
        }
        for (length, bytes) in [(128, of(128)), (255, of(255)), (9, vec![9; 80])] {
            assert!(matches!(greeting(&bytes), Err(Error::Protocol(_))), "{length}");
        }
    }
}

//! From a target to a session.

use egress::{Egress, Stream, Tls};
use sourcegate_core::SqlTarget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use super::role::Powers;
use super::wire::Guarded;
use super::{Session, WayBack, refusal, startup};
use crate::error::BoxError;
use crate::secure::{Given, Password, Required, Trust, Wanted};
use crate::{Error, Limits};

/// Asks for TLS, in the form of a start-up message.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Connects, and refuses a role that may do more than read tables.
pub(crate) async fn connect(
    egress: &Egress,
    target: &SqlTarget,
    given: Given<'_>,
    limits: &Limits,
) -> Result<Session, Error> {
    let connecting = Connecting { egress, target, limits };
    let password = Password::of(target, given)?.text();
    let mut session = match Wanted::of(target, given.secrets)? {
        Wanted::Never => connecting.with(None, Required::No, password).await,
        Wanted::IfOffered(tls) => connecting.with(Some(tls), Required::No, password).await,
        Wanted::Always(tls) => connecting.with(Some(tls), Required::Yes, password).await,
        Wanted::IfRefused(tls) => match connecting.with(None, Required::No, password).await {
            Err(Error::Authentication(_)) => {
                connecting.with(Some(tls), Required::Yes, password).await
            }
            other => other,
        },
    }?;
    let powers = Powers::of(&session.client).await;
    if target.allow_dangerous_role {
        // What a caller may have left outside the transaction is not there for the next.
        session.lasting &= powers.is_ok_and(|powers| !powers.leave_traces());
        return Ok(session);
    }
    match powers.and_then(Powers::check) {
        Ok(()) => Ok(session),
        Err(error) => {
            session.ended().await;
            Err(error)
        }
    }
}

struct Connecting<'a> {
    egress: &'a Egress,
    target: &'a SqlTarget,
    limits: &'a Limits,
}

impl Connecting<'_> {
    /// Connects; once more, without a limit for idle sessions, to a server before PostgreSQL 14, which has none.
    async fn with(
        &self,
        tls: Option<Tls>,
        required: Required,
        password: Option<&str>,
    ) -> Result<Session, Error> {
        let idle = Some(self.limits.idle_in_server());
        match self.start(tls.clone(), required, password, idle).await {
            Err(Error::Server { code, .. }) if code == "42704" => {
                self.start(tls, required, password, None).await
            }
            other => other,
        }
    }

    async fn start(
        &self,
        tls: Option<Tls>,
        required: Required,
        password: Option<&str>,
        idle: Option<std::time::Duration>,
    ) -> Result<Session, Error> {
        let Self { egress, target, limits } = *self;
        let place = &target.place;
        let plain = egress.dial(&place.host, place.port).await.map_err(Error::Connect)?;
        let address = plain.peer_addr().map_err(|error| Error::Closed(error.into()))?;
        let (stream, tls) = match tls {
            None => (Stream::Plain(plain), None),
            Some(tls) => match negotiate(egress, plain, tls.clone(), &place.host).await? {
                stream @ Stream::Tls(_) => (stream, Some(tls)),
                Stream::Plain(_) if required == Required::Yes => return Err(Error::NoTls),
                stream @ Stream::Plain(_) => (stream, None),
            },
        };
        let trust = Trust::of(&stream, target);
        let mut config = Config::new();
        config.user(&target.user).dbname(&target.database).ssl_mode(SslMode::Disable);
        config.application_name(target.params.get("application_name").unwrap_or("sourcegate"));
        config.options(startup::options(target, idle));
        config.password(password.unwrap_or_default());
        let stream = Guarded::new(stream, trust, limits.row_bytes_of(target));
        let ended = stream.why_ended();
        let (client, connection) =
            config.connect_raw(stream, NoTls).await.map_err(refusal::of_connection)?;
        let token = client.cancel_token();
        let way_back =
            WayBack { egress: egress.clone(), token, address, host: place.host.clone(), tls };
        let driving = async move {
            // Whoever waits for an answer hears of it by its own error.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a data source ended");
            }
        };
        let connection = JoinSet::from_iter([driving]);
        let limits = startup::Within::of(target);
        let lasting = idle.is_some();
        Ok(Session { client, connection, way_back, ended, lasting, limits, opened: None })
    }
}

/// Asks the server for TLS and speaks it if it is offered; else the stream is plain still.
async fn negotiate(
    egress: &Egress,
    mut plain: TcpStream,
    tls: Tls,
    host: &str,
) -> Result<Stream, Error> {
    let closed = |error: std::io::Error| Error::Closed(error.into());
    plain.write_all(&SSL_REQUEST).await.map_err(closed)?;
    // One byte and no more: what follows it must be TLS.
    match plain.read_u8().await.map_err(closed)? {
        b'S' => egress.secure(plain, tls, host).await.map_err(Error::Connect),
        b'N' => Ok(Stream::Plain(plain)),
        other => Err(Error::Protocol(format!("answer {other:#04x} to a request for TLS").into())),
    }
}

/// Speaks TLS with a server that is known to offer it.
pub(super) async fn secure(
    egress: &Egress,
    plain: TcpStream,
    tls: Tls,
    host: &str,
) -> Result<Stream, BoxError> {
    match negotiate(egress, plain, tls, host).await? {
        stream @ Stream::Tls(_) => Ok(stream),
        Stream::Plain(_) => Err(Error::NoTls.into()),
    }
}

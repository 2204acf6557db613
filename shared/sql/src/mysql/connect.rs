//! From a target to a session.

use egress::{Egress, Tls};
use secrecy::SecretString;
use sourcegate_core::SqlTarget;
use tokio::time::Instant;

use super::Session;
use super::auth::Login;
use super::column::Times;
use super::command::{Failed, run};
use super::connector::{Connector, Server};
use super::identity::Identity;
use super::privileges::is_dangerous;
use super::refusal::Clock;
use super::setup::setup;
use crate::column::Offset;
use crate::secure::{Given, Password, Required, Trust, Wanted};
use crate::{Error, Limits};

/// Connects, and refuses an account that may do more than read and write tables.
pub(crate) async fn connect(
    egress: &Egress,
    target: &SqlTarget,
    given: Given<'_>,
    limits: &Limits,
) -> Result<Session, Error> {
    let password = Password::of(target, given)?;
    let login = Login {
        user: target.user.clone(),
        database: target.database.clone(),
        password: password.text().map(SecretString::from),
        is_token: matches!(password, Password::Token(_)),
        native: target.params.get("allowNativePasswords") != Some("false"),
    };
    let connector = |tls: Option<Tls>, required| Connector {
        egress: egress.clone(),
        host: target.place.host.clone(),
        port: target.place.port,
        name: target.place.host.clone(),
        tls,
        required,
        in_tls: Trust::in_tls(target),
        login: login.clone(),
    };
    let (connector, server) = match Wanted::of(target, given.secrets)? {
        Wanted::Never => open(connector(None, Required::No)).await,
        Wanted::IfOffered(tls) => open(connector(Some(tls), Required::No)).await,
        Wanted::Always(tls) => open(connector(Some(tls), Required::Yes)).await,
        Wanted::IfRefused(tls) => match open(connector(None, Required::No)).await {
            Err(Error::Authentication(_)) => open(connector(Some(tls), Required::Yes)).await,
            other => other,
        },
    }?;
    begin(connector, server, target, limits).await
}

async fn open(connector: Connector) -> Result<(Connector, Server), Error> {
    let server = connector.connect().await?;
    Ok((connector, server))
}

async fn begin(
    connector: Connector,
    server: Server,
    target: &SqlTarget,
    limits: &Limits,
) -> Result<Session, Error> {
    let Server { mut channel, address, id, is_mariadb, is_secure } = server;
    let setup = setup(target, limits.idle_in_server(), is_mariadb).map_err(Error::Target)?;
    run(&mut channel, &setup).await.map_err(|failed| match failed {
        Failed::Refused(refused) => refused.of_setup(),
        Failed::Broken(error) => error,
    })?;
    if !target.allow_dangerous_role && is_dangerous(&mut channel, is_mariadb).await? {
        return Err(Error::DangerousRole);
    }
    let identity = Identity::of(&mut channel, id).await?;
    channel.take_in(limits.row_bytes_of(target));
    let way_back = Connector {
        host: address.ip().to_string(),
        port: address.port(),
        tls: connector.tls.filter(|_| is_secure),
        required: if is_secure { Required::Yes } else { Required::No },
        ..connector
    };
    let times = match target.params.get("parseTime") {
        // A zone with a name is refused beside it.
        Some("true") => target
            .params
            .offset()
            .map_or(Times::AsTexts, |minutes| Times::Rfc3339(Offset::of(minutes))),
        _ => Times::AsTexts,
    };
    let clock = Clock { limit: target.statement_timeout, began: Instant::now() };
    Ok(Session { channel, way_back, identity, setup, clock, times, opened: None })
}

//! From a target to a session.

use egress::{Egress, Tls};
use secrecy::SecretString;
use sourcegate_core::{Secrets, SqlTarget};

use super::Session;
use super::auth::Login;
use super::command::{Failed, run};
use super::identity::Identity;
use super::privileges::is_dangerous;
use super::setup::setup;
use super::types::Times;
use super::way::{Server, Way};
use crate::secure::{Required, Trust, Wanted, secret};
use crate::{Error, Limits};

/// Connects, and refuses an account that may do more than read and write tables.
pub(crate) async fn connect(
    egress: &Egress,
    target: &SqlTarget,
    secrets: &Secrets,
    limits: &Limits,
) -> Result<Session, Error> {
    let password = target.password.as_deref().map(|name| secret(secrets, name)).transpose()?;
    let login = Login {
        user: target.user.clone(),
        database: target.database.clone(),
        password: password.map(SecretString::from),
        native: target.params.get("allowNativePasswords") != Some("false"),
    };
    let way = |tls: Option<Tls>, required| Way {
        egress: egress.clone(),
        host: target.place.host.clone(),
        port: target.place.port,
        name: target.place.host.clone(),
        tls,
        required,
        in_tls: Trust::in_tls(target),
        login: login.clone(),
    };
    let (way, server) = match Wanted::of(target, secrets)? {
        Wanted::Never => open(way(None, Required::No)).await,
        Wanted::IfOffered(tls) => open(way(Some(tls), Required::No)).await,
        Wanted::Always(tls) => open(way(Some(tls), Required::Yes)).await,
        Wanted::IfRefused(tls) => match open(way(None, Required::No)).await {
            Err(Error::Authentication(_)) => open(way(Some(tls), Required::Yes)).await,
            other => other,
        },
    }?;
    begin(way, server, target, limits).await
}

async fn open(way: Way) -> Result<(Way, Server), Error> {
    let server = way.connect().await?;
    Ok((way, server))
}

async fn begin(
    way: Way,
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
    channel.take_in(limits.row_bytes);
    let way_back = Way {
        host: address.ip().to_string(),
        port: address.port(),
        tls: way.tls.filter(|_| is_secure),
        required: if is_secure { Required::Yes } else { Required::No },
        ..way
    };
    let times = match target.params.get("parseTime") {
        Some("true") => Times::Rfc3339,
        _ => Times::AsTexts,
    };
    let limit = target.statement_timeout;
    Ok(Session { channel, way_back, identity, setup, limit, times, opened: None })
}

//! Which session it is, of which server: ids are each server's own, and it counts them from 1 again when it starts.

use super::command::{Failed, ask, run};
use super::wire::Channel;
use crate::Error;

/// What no other session is called that has the same id, whichever server has it: the server, and the client's end of the connection
/// as the server sees it. Every account may read it of its own sessions.
const SEEN: &str = "SELECT CONCAT_WS(' ', @@hostname, @@server_id, HOST) FROM information_schema.PROCESSLIST WHERE ID = ";

/// A session, as its server knows it.
#[derive(Debug)]
pub(super) struct Identity {
    id: u32,
    seen: String,
}

impl Identity {
    /// Asks in a session what it is; none where the server has it under another id than it greeted with, as behind a proxy that
    /// shares sessions out.
    pub(super) async fn of(channel: &mut Channel, id: u32) -> Result<Option<Self>, Error> {
        let seen = match ask(channel, &format!("{SEEN}{id} AND ID = CONNECTION_ID()")).await {
            Ok(lines) => lines.into_iter().next(),
            Err(Failed::Refused(_)) => None,
            Err(Failed::Broken(error)) => return Err(error),
        };
        Ok(seen.map(|seen| Self { id, seen }))
    }

    /// Has a server stop what the session runs, asked in another session; false where the server does not have it.
    pub(super) async fn kill(&self, channel: &mut Channel) -> Result<bool, Failed> {
        let Self { id, seen } = self;
        let is_here = ask(channel, &format!("{SEEN}{id}")).await?.contains(seen);
        if is_here {
            run(channel, &format!("KILL QUERY {id}")).await?;
        }
        Ok(is_here)
    }
}

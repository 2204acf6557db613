//! What is a password for a while.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::session::HOUSEKEEPING;

/// What goes in the place of a password and holds for a while. A server gets it as it is, over TLS that verifies who it is.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub text: SecretString,
    /// Until when it is taken.
    pub ends: Instant,
}

impl Token {
    /// From when on a session that it began runs no other statement. Stopping one may take a login of its own.
    pub(crate) fn last_use(&self, statement_timeout: Duration) -> Instant {
        let before = statement_timeout + HOUSEKEEPING;
        self.ends.checked_sub(before).unwrap_or_else(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_runs_can_be_stopped_while_the_token_holds() {
        let now = Instant::now();
        let token = Token { text: "t".into(), ends: now + Duration::from_secs(900) };
        let last_use = |seconds| token.last_use(Duration::from_secs(seconds)) - now;
        assert_eq!(last_use(30), Duration::from_secs(865));
        // A statement that takes longer than any token has a session of its own.
        assert_eq!(last_use(900), Duration::ZERO);
    }
}

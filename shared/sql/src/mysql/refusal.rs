//! What the server's refusals mean: whose fault, and what the caller may read.

use std::time::Duration;

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::ErrPacket;
use sourcegate_core::BadSqlTarget;
use tokio::time::Instant;

use crate::Error;

/// What the server says against a command, or against the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (error {number}, SQLSTATE {state})")]
pub(super) struct Refused {
    number: u16,
    state: String,
    message: String,
}

/// The limit of a statement in the server, and when it began there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) limit: Duration,
    pub(super) began: Instant,
}

impl Clock {
    /// For how long, to a tenth of a second. Limits of locks are of several kinds, some of them the server's own.
    fn rounded(self) -> Duration {
        let tenth = Duration::from_millis(100);
        let tenths = self.began.elapsed().as_millis() / tenth.as_millis();
        tenth.saturating_mul(u32::try_from(tenths).unwrap_or(u32::MAX))
    }
}

/// Characters of a message that are kept: the server itself has no longer ones.
const MOST_MESSAGE: usize = 1024;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Caller,
    Credentials,
    /// No room for another connection.
    Room,
    /// The server's limit of a statement.
    Time,
    /// The server's limit of waiting for a lock.
    Lock,
    /// Somebody else.
    Other,
    /// The session has ended.
    Ended,
    Server,
}

impl Refused {
    /// Reads an error packet; one that comes before the greeting has no SQLSTATE.
    pub(super) fn read(packet: &[u8]) -> Result<Self, Error> {
        let has_state = packet.get(3) == Some(&b'#');
        let capabilities =
            if has_state { CapabilityFlags::CLIENT_PROTOCOL_41 } else { CapabilityFlags::empty() };
        let read = ParseBuf(packet).parse::<ErrPacket<'_>>(capabilities);
        match read.map_err(|error| Error::Protocol(error.into()))? {
            ErrPacket::Error(said) => Ok(Self {
                number: said.error_code(),
                state: said.sql_state_ref().map_or("HY000".into(), |state| state.as_str()).into(),
                message: said.message_str().chars().take(MOST_MESSAGE).collect(),
            }),
            ErrPacket::Progress(_) => Err(Error::Protocol("a report of progress".into())),
        }
    }

    /// What a refused statement comes to.
    pub(super) fn of_statement(self, clock: Clock) -> Error {
        match self.whose() {
            Whose::Caller => {
                Error::Statement { message: without_account(&self.message), code: self.state }
            }
            Whose::Time => Error::Timeout(clock.limit),
            Whose::Lock => Error::Locked(clock.rounded()),
            Whose::Other => Error::Cancelled(self.into()),
            Whose::Room => Error::Full(self.into()),
            Whose::Ended => Error::Closed(self.into()),
            Whose::Credentials | Whose::Server => {
                Error::Server { code: self.state.clone(), source: self.into() }
            }
        }
    }

    /// What a refused connection comes to.
    pub(super) fn of_connection(self) -> Error {
        match self.whose() {
            Whose::Credentials => Error::Authentication(self.into()),
            // The right to the database.
            _ if self.number == 1044 => Error::Authentication(self.into()),
            Whose::Room => Error::Full(self.into()),
            Whose::Ended => Error::Closed(self.into()),
            Whose::Caller | Whose::Time | Whose::Lock | Whose::Other | Whose::Server => {
                Error::Server { code: self.state.clone(), source: self.into() }
            }
        }
    }

    /// What it comes to that a session cannot be set up.
    pub(super) fn of_setup(self) -> Error {
        match self.number {
            1298 => Error::Target(BadSqlTarget::ParamValue("time_zone".to_owned())),
            _ => self.of_connection(),
        }
    }

    /// Judges by number, since most numbers share the SQLSTATE HY000, and else by that.
    fn whose(&self) -> Whose {
        match self.number {
            // Raised by a function, whatever its SQLSTATE.
            1642..=1644 => return Whose::Caller,
            // The server's own limit of MariaDB and of MySQL.
            1969 | 3024 => return Whose::Time,
            1205 => return Whose::Lock,
            1317 => return Whose::Other,
            // Connections of the server, of the user, per hour; threads for them.
            1040 | 1203 | 1226 | 1135 => return Whose::Room,
            // Memory for sorting, of which each statement has so much.
            1038 => return Whose::Caller,
            // Disk and memory of the server; tables that are full, by their files; temporary files.
            1021 | 1037 | 1041 | 1114 | 1878 => return Whose::Server,
            // Shut down, killed, idle for too long.
            1053 | 1152 | 1184 | 1927 | 4031 => return Whose::Ended,
            // A host that may not connect or is blocked, an account that is locked or has expired, a server or an account
            // that wants TLS, another way to prove a password.
            1129 | 1130 | 1251 | 1275 | 1698 | 1820 | 1862 | 3118 | 3159 | 4151 => {
                return Whose::Credentials;
            }
            // Storage that fails, tables that are broken, deadlocks.
            1023..=1030 | 1033..=1036 | 1105 | 1194 | 1195 | 1213 | 1429..=1431 => {
                return Whose::Server;
            }
            _ => {}
        }
        match self.state.get(..2).unwrap_or_default() {
            "28" => Whose::Credentials,
            "08" | "3D" | "40" | "53" | "57" | "58" | "70" | "XX" => Whose::Server,
            // A function may raise any other, with a message that quotes data: it is for the caller alone.
            _ => Whose::Caller,
        }
    }
}

/// Takes the account and the address that it comes from out of a message: they are the data source's, not the caller's.
fn without_account(message: &str) -> String {
    let shortened = message.split_once("'@'").and_then(|(before, after)| {
        let (before, _) = before.rsplit_once('\'')?;
        let (_, after) = after.split_once('\'')?;
        Some(format!("{before}of the data source{after}"))
    });
    shortened.unwrap_or_else(|| message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, numbers: &[u16], expected: Whose) {
        for number in numbers {
            let refused = Refused { number: *number, state: state.into(), message: String::new() };
            assert_eq!(refused.whose(), expected, "{number} {state}");
        }
    }

    #[test]
    fn a_number_and_an_sqlstate_tell_whose_fault_it_is() {
        check("42000", &[1064, 1142, 1305], Whose::Caller);
        check("25006", &[1792], Whose::Caller);
        check("22012", &[1365], Whose::Caller);
        check("42S02", &[1146], Whose::Caller);
        check("HY000", &[1210, 1267, 1295, 1356], Whose::Caller);
        check("45000", &[1644], Whose::Caller);
        check("77777", &[1644], Whose::Caller);
        check("28000", &[1045, 1698], Whose::Credentials);
        check("HY000", &[1130, 3118, 3159], Whose::Credentials);
        check("08004", &[1040], Whose::Room);
        check("42000", &[1203, 1226], Whose::Room);
        check("HY000", &[1135], Whose::Room);
        check("70100", &[1969], Whose::Time);
        check("HY000", &[3024], Whose::Time);
        check("HY000", &[1205], Whose::Lock);
        check("70100", &[1317], Whose::Other);
        check("HY001", &[1038], Whose::Caller);
        check("HY001", &[1037, 1041], Whose::Server);
        check("HY000", &[1021, 1114, 1878], Whose::Server);
        check("08S01", &[1053, 1184], Whose::Ended);
        check("70100", &[1927], Whose::Ended);
        check("40001", &[1213], Whose::Server);
        check("3D000", &[1049], Whose::Server);
    }

    #[test]
    fn a_message_names_no_account() {
        let message = "SELECT command denied to user 'reader'@'10.0.0.5' for table `shop`.`log`";
        let expected = "SELECT command denied to user of the data source for table `shop`.`log`";
        assert_eq!(without_account(message), expected);
        for other in ["You have an error near 'x'", "'@'", "a'@'b"] {
            assert_eq!(without_account(other), other);
        }
    }

    #[test]
    fn an_error_is_read_with_an_sqlstate_and_without() {
        let read = |packet: &[u8]| Refused::read(packet).map(|refused| refused.to_string());
        let full = read(b"\xff\x10\x04#08004Too many connections").unwrap();
        assert_eq!(full, "Too many connections (error 1040, SQLSTATE 08004)");
        let early = read(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!(early, "Too many connections (error 1040, SQLSTATE HY000)");
        for bad in [&b"\xff"[..], b"\xff\x10", b"\xff\x10\x04#08"] {
            assert!(matches!(Refused::read(bad), Err(Error::Protocol(_))), "{bad:?}");
        }
    }
}

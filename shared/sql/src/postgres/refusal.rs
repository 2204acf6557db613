//! What the driver's errors mean: whose fault, and what the caller may read.

use std::error::Error as StdError;
use std::io;

use tokio_postgres::Error as PgError;

use super::startup::Within;
use super::wire::Ended;
use crate::Error;

/// Whose fault an SQLSTATE is.
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
    Server,
}

/// Judges what ended a statement: by its SQLSTATE, and where several have one, by the message of a server that speaks English.
fn whose(code: &str, message: &str) -> Whose {
    match code {
        // Our own limit begins earlier than the server's, which says so.
        "57014" if message.contains("statement timeout") => return Whose::Time,
        "57014" => return Whose::Other,
        // Whoever says NOWAIT has not waited.
        "55P03" if message.starts_with("could not obtain lock") => return Whose::Caller,
        "55P03" => return Whose::Lock,
        "53300" => return Whose::Room,
        // A limit of the server's for what one statement may take, as of temporary files.
        "53400" => return Whose::Caller,
        // A transaction that stood still for too long, and a server that gives up its own session.
        "25P03" | "25P04" | "57P05" => return Whose::Server,
        _ => {}
    }
    match code.get(..2).unwrap_or_default() {
        "02" | "09" | "0A" | "0L" | "0P" | "20" | "21" | "22" | "23" | "24" | "25" | "26"
        | "2B" | "2F" | "34" | "38" | "39" | "3B" | "3F" | "42" | "44" | "54" | "55" | "HV"
        | "P0" => Whose::Caller,
        "28" => Whose::Credentials,
        _ => Whose::Server,
    }
}

pub(super) fn of_statement(error: PgError, limits: Within) -> Error {
    let Some(said) = error.as_db_error() else { return without_word(error) };
    let code = said.code().code().to_owned();
    match whose(&code, said.message()) {
        Whose::Caller => Error::Statement { code, message: said.message().to_owned() },
        Whose::Time => Error::Timeout(limits.statement),
        Whose::Lock => Error::Locked(limits.lock),
        Whose::Other => Error::Cancelled(error.into()),
        Whose::Room => Error::Full(error.into()),
        Whose::Credentials | Whose::Server => Error::Server { code, source: error.into() },
    }
}

pub(super) fn of_connection(error: PgError) -> Error {
    let Some(said) = error.as_db_error() else { return without_word(error) };
    let code = said.code().code().to_owned();
    match whose(&code, said.message()) {
        Whose::Credentials => Error::Authentication(error.into()),
        // The right to connect to the database.
        _ if code == "42501" => Error::Authentication(error.into()),
        Whose::Room => Error::Full(error.into()),
        _ => Error::Server { code, source: error.into() },
    }
}

/// An error that the server said nothing about.
fn without_word(error: PgError) -> Error {
    if let Some(ended) = ended(&error) {
        return of_ended(ended);
    }
    let text = error.to_string();
    if error.is_closed() || io_error(&error).is_some() {
        Error::Closed(error.into())
    } else if text.starts_with("authentication error") || text.starts_with("invalid configuration")
    {
        // The driver tells these by their texts alone.
        Error::Authentication(error.into())
    } else {
        Error::Protocol(error.into())
    }
}

/// What our own end of a stream means.
pub(super) fn of_ended(ended: Ended) -> Error {
    match ended {
        Ended::Policy(policy) => Error::Policy(policy),
        Ended::TooLong(most) => Error::RowTooLarge(most),
        Ended::Length => Error::Protocol(ended.into()),
    }
}

/// Everything beneath an error, itself first.
fn causes(error: &PgError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source())
}

fn io_error(error: &PgError) -> Option<&io::Error> {
    let mut found = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    // The driver's own reader complains of messages that it cannot read in the same words.
    found.find(|error| {
        !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
    })
}

fn ended(error: &PgError) -> Option<Ended> {
    let found = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>())?;
    found.get_ref()?.downcast_ref().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codes: &[&str], expected: Whose) {
        for code in codes {
            assert_eq!(whose(code, "said"), expected, "{code}");
        }
    }

    #[test]
    fn an_sqlstate_tells_whose_fault_it_is() {
        check(
            &[
                "22012", "42601", "42501", "25006", "0A000", "54001", "P0001", "23505", "55000",
                "53400",
            ],
            Whose::Caller,
        );
        check(&["28P01", "28000"], Whose::Credentials);
        check(&["53300"], Whose::Room);
        check(&["55P03"], Whose::Lock);
        check(
            &[
                "57P01", "57P03", "57P05", "25P03", "XX000", "58030", "40001", "08006", "3D000",
                "53000", "53100", "53200", "",
            ],
            Whose::Server,
        );
    }

    #[test]
    fn a_message_tells_who_has_ended_a_statement() {
        for (code, message, expected) in [
            ("57014", "canceling statement due to statement timeout", Whose::Time),
            ("57014", "canceling statement due to user request", Whose::Other),
            ("57014", "storniere Anfrage wegen Benutzeraufforderung", Whose::Other),
            ("55P03", "canceling statement due to lock timeout", Whose::Lock),
            ("55P03", "storniere Anfrage wegen Zeitüberschreitung einer Sperre", Whose::Lock),
            ("55P03", "could not obtain lock on relation \"goods\"", Whose::Caller),
        ] {
            assert_eq!(whose(code, message), expected, "{message}");
        }
    }
}

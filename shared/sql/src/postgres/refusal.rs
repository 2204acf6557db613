//! What the driver's errors mean: whose fault, and what the caller may read.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use tokio_postgres::Error as PgError;

use super::wire::Ended;
use crate::Error;

/// Whose fault an SQLSTATE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Caller,
    Credentials,
    /// No room for another connection, or for the statement.
    Room,
    Time,
    Server,
}

/// Judges an SQLSTATE that ended a statement.
fn whose(code: &str) -> Whose {
    match code {
        "57014" | "55P03" => return Whose::Time,
        // A transaction that stood still for too long, and a server that gives up its own session.
        "25P03" | "25P04" | "57P05" => return Whose::Server,
        _ => {}
    }
    match code.get(..2).unwrap_or_default() {
        "02" | "09" | "0A" | "0L" | "0P" | "20" | "21" | "22" | "23" | "24" | "25" | "26"
        | "2B" | "2F" | "34" | "38" | "39" | "3B" | "3F" | "42" | "44" | "54" | "55" | "HV"
        | "P0" => Whose::Caller,
        "28" => Whose::Credentials,
        "53" => Whose::Room,
        _ => Whose::Server,
    }
}

pub(super) fn of_statement(error: PgError, limit: Duration) -> Error {
    let Some(said) = error.as_db_error() else { return without_word(error) };
    let code = said.code().code().to_owned();
    match whose(&code) {
        Whose::Caller => Error::Statement { code, message: said.message().to_owned() },
        Whose::Time => Error::Timeout(limit),
        Whose::Room => Error::Full(error.into()),
        Whose::Credentials | Whose::Server => Error::Server { code, source: error.into() },
    }
}

pub(super) fn of_connection(error: PgError) -> Error {
    let Some(said) = error.as_db_error() else { return without_word(error) };
    let code = said.code().code().to_owned();
    match whose(&code) {
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
            assert_eq!(whose(code), expected, "{code}");
        }
    }

    #[test]
    fn an_sqlstate_tells_whose_fault_it_is() {
        check(
            &["22012", "42601", "42501", "25006", "0A000", "54001", "P0001", "23505", "55000"],
            Whose::Caller,
        );
        check(&["28P01", "28000"], Whose::Credentials);
        check(&["53300", "53200"], Whose::Room);
        check(&["57014", "55P03"], Whose::Time);
        check(
            &["57P01", "57P03", "57P05", "25P03", "XX000", "58030", "40001", "08006", "3D000", ""],
            Whose::Server,
        );
    }
}

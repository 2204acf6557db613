//! What an end, good or bad, leaves in a session.

use crate::Error;
use crate::sink::Stop;

/// In what state a session is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// The database has answered, and is well.
    Answered,
    /// It was refused, or has ended.
    Ended,
    /// What was asked may run still.
    Running,
}

impl Left {
    /// Judges how a statement ended.
    pub(crate) fn by(ended: &Result<(), Stop>) -> Self {
        match ended {
            Ok(()) => Self::Answered,
            Err(Stop::Full | Stop::Gone) => Self::Running,
            Err(Stop::Failed(error)) if error.leaves_session() => Self::Answered,
            Err(Stop::Failed(
                Error::Timeout(_)
                | Error::RowTooLarge(_)
                | Error::TooLarge { .. }
                | Error::Protocol(_)
                | Error::GivenUp,
            )) => Self::Running,
            Err(Stop::Failed(_)) => Self::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::BadStatement;

    #[test]
    fn what_may_run_still_is_told_from_what_has_ended() {
        let server = || Error::Server { code: "XX000".to_owned(), source: "x".into() };
        let statement = || Error::Statement { code: "42601".to_owned(), message: String::new() };
        for (ended, expected) in [
            (Ok(()), Left::Answered),
            (Err(Stop::Failed(statement())), Left::Answered),
            (Err(Stop::Failed(Error::Refused(BadStatement::NoColumns))), Left::Answered),
            (Err(Stop::Failed(server())), Left::Ended),
            (Err(Stop::Failed(Error::Closed("x".into()))), Left::Ended),
            (Err(Stop::Failed(Error::Authentication("x".into()))), Left::Ended),
            (Err(Stop::Failed(Error::Cold)), Left::Ended),
            (Err(Stop::Failed(Error::Timeout(Duration::ZERO))), Left::Running),
            (Err(Stop::Failed(Error::RowTooLarge(1))), Left::Running),
            (Err(Stop::Failed(Error::Protocol("x".into()))), Left::Running),
            (Err(Stop::Full), Left::Running),
            (Err(Stop::Gone), Left::Running),
        ] {
            assert_eq!(Left::by(&ended), expected, "{ended:?}");
        }
    }
}

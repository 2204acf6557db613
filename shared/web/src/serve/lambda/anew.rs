//! The same process from its beginning.

use std::{io, os::unix::process::CommandExt, process::Command};

/// Replaces this process by one of the same program, arguments and variables: what a panic left half changed is gone, and
/// the platform, which would have to make a new environment for one that ended, notices nothing. Gives the reason if it
/// cannot be done.
pub(super) fn begin() -> io::Error {
    tracing::warn!("beginning anew after a panic");
    match std::env::current_exe() {
        Ok(program) => Command::new(program).args(std::env::args_os().skip(1)).exec(),
        Err(error) => error,
    }
}

//! How large the functions are that Lambda is given.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::FUNCTIONS;

/// Prints the size of each function's archive, as it is uploaded: what `make build` made, if it did.
pub(crate) fn print(out: &mut impl Write) -> anyhow::Result<()> {
    for (name, _) in FUNCTIONS {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lambda").join(name);
        let built = built.join("bootstrap");
        match zipped(&built)? {
            Some(bytes) => writeln!(out, "{name}: an archive of {:.1} MB", bytes as f64 / 1e6)?,
            None => writeln!(out, "{name}: `make build` has made no archive")?,
        }
    }
    Ok(())
}

/// The archive's size, by Python's own module: each machine that runs the tests has it.
fn zipped(binary: &PathBuf) -> anyhow::Result<Option<u64>> {
    if !binary.exists() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("function.zip");
    let mut command = Command::new("python3");
    command.args(["-m", "zipfile", "-c"]).arg(&archive).arg(binary);
    anyhow::ensure!(command.status()?.success(), "cannot make an archive of {}", binary.display());
    Ok(Some(std::fs::metadata(&archive)?.len()))
}

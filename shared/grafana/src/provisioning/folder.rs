//! The folder of files, as Grafana lays it out.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, of YAML or of a value.
const LARGEST: u64 = 1 << 20;
/// How many files a folder may have.
const MOST_FILES: usize = 1_000;

/// A file of the folder and what is in it.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: io::Result<String>,
}

/// Reads `datasources/*.yaml` and `*.yml`, or those of the folder itself if it has no folder of that name, in the order
/// of their names.
///
/// # Errors
/// The folder cannot be read, or has too many files.
pub(super) fn read(folder: &Path) -> io::Result<Vec<File>> {
    let below = folder.join("datasources");
    let folder = if below.is_dir() { &below } else { folder };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml && !path.is_dir() {
            paths.push(path);
        }
    }
    if paths.len() > MOST_FILES {
        let reason = format!("more than {MOST_FILES} files");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    paths.sort();
    Ok(paths.into_iter().map(|path| File { text: text(&path), path }).collect())
}

/// Reads a file that is one, and not too large.
pub(super) fn text(path: &Path) -> io::Result<String> {
    let odd = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(odd("it is no plain file".to_owned()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(odd(format!("it has more than {LARGEST} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| odd("it is not UTF-8".to_owned()))
}

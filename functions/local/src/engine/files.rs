//! The engine's files in the data folder: the lock and the database, readable by their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Error;

/// Makes the data folder, with mode 0700. One that exists keeps its mode.
pub(super) fn create_folder(data: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed(data))
}

/// Takes the server's lock and writes our process id into it, for the refusal of the next one. The system releases
/// it when the process dies, however it dies.
pub(super) fn lock(data: &Path) -> Result<File, Error> {
    let path = data.join("lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::InUse { pid: holder(&mut file), data: data.to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(Error::File { path, source }),
    }
    let pid = format!("{}\n", std::process::id());
    // Written before it is cut, so that a reader always finds a whole first line.
    file.write_all_at(pid.as_bytes(), 0).map_err(failed(&path))?;
    file.set_len(pid.len() as u64).map_err(failed(&path))?;
    Ok(file)
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.lines().next()?.parse().ok()
}

/// Makes the database's file private before SQLite opens it, which gives its log the same mode, and tells its path.
/// It is absolute, since SQLite would take one that starts with `file:` for a URI.
pub(super) fn database(data: &Path) -> Result<String, Error> {
    let path = std::path::absolute(data).map_err(failed(data))?.join("store.sqlite");
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            for suffix in ["sqlite", "sqlite-wal", "sqlite-shm"] {
                let file = path.with_extension(suffix);
                close_to_others(&file).map_err(failed(&file))?;
            }
        }
        made => drop(made.map_err(failed(&path))?),
    }
    path.into_os_string().into_string().map_err(|path| Error::Path(PathBuf::from(path)))
}

/// Sets the mode by the path: to close a descriptor of the database would end the locks that this process may
/// hold on it through another (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
fn close_to_others(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o777 != 0o600 => {
            fs::set_permissions(path, Permissions::from_mode(0o600))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts a new file of mode 0600 in the place of an old one at once; a reader sees either, also after a power cut.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let new = path.with_extension("new");
    remove(&new)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed(&new))?;
    file.write_all(text.as_bytes()).map_err(failed(&new))?;
    // On the disk before what depends on it: a store that outlives its key in a power cut is lost.
    file.sync_all().map_err(failed(&new))?;
    fs::rename(&new, path).map_err(failed(path))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(failed(folder))
}

/// Removes a file that may be absent.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path: path.clone(), source }
}

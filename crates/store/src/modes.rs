//! Who can read the files of the embedded store. They hold personal data, so their owner alone.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const PRIVATE: u32 = 0o600;
/// What everybody on the machine may do.
const OTHERS: u32 = 0o007;

/// A file that everybody on the machine could use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tightened {
    /// The file whose mode was changed.
    pub path: PathBuf,
    /// Its mode before. Now it is 0600.
    pub mode: u32,
}

/// Takes the files of the embedded store at `path` from everybody but their owner, if they were open to everybody on the
/// machine, as earlier builds made them. A group that was given access keeps it.
///
/// # Errors
/// Which file cannot be changed, and why.
pub fn tighten(path: &Path) -> Result<Vec<Tightened>, (PathBuf, io::Error)> {
    let mut tightened = Vec::new();
    let path = &without_link(path);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        let mode = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.permissions().mode() & 0o7777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err((path, error)),
        };
        if mode & OTHERS == 0 {
            continue;
        }
        match std::fs::set_permissions(&path, Permissions::from_mode(PRIVATE)) {
            Ok(()) => tightened.push(Tightened { path, mode }),
            // The log goes when the last connection of another process ends.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err((path, error)),
        }
    }
    Ok(tightened)
}

/// The file that a link leads to, else the path as it is.
pub fn without_link(path: &Path) -> PathBuf {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|file| file.is_symlink());
    // One that leads nowhere is reported by whoever opens it.
    if is_link { path.canonicalize().unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

/// Makes an empty file for a database unless there is one: SQLite would make it with whatever the process allows, and gives
/// its log the mode of the database.
pub(crate) fn create(path: &Path) {
    // What stands in the way, SQLite meets next and says.
    drop(OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path));
}

//! Backups of the embedded store, made while it is in use, and their return.
//!
//! Both write a new file beside the one that is meant, look whether it is whole, make it durable, and only then give it
//! its name: whatever happens, under a name is either a whole store or what was there before.

use crate::db::sqlite::PAGE_BYTES;
use crate::migrate::{MigrationState, state_of};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may hold the database for a moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What SQLite keeps beside a database: what it finds there it plays into the file of that name, whosever it was.
const LEFTOVERS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why a backup was not made or not brought back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store does not exist.
    #[error("there is no store at {}", .0.display())]
    Missing(PathBuf),
    /// The file is there already.
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    /// A server or another command has the store open.
    #[error("{} is in use: stop the server first", .0.display())]
    InUse(PathBuf),
    /// The file is not a whole store.
    #[error("{} is not a complete store: {what}", path.display())]
    Damaged {
        /// The file that is not a complete store.
        path: PathBuf,
        /// The problem that SQLite reports.
        what: String,
    },
    /// The file was written by a newer or an altered build.
    #[error("this build cannot read the schema of {}: {state:?}", path.display())]
    Schema {
        /// The file with another schema.
        path: PathBuf,
        /// The state of its schema.
        state: MigrationState,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file that could not be read or written.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// SQLite failed on a file.
    #[error("{}: {what}", path.display())]
    Database {
        /// The file that SQLite failed on.
        path: PathBuf,
        /// The problem that SQLite reports.
        what: String,
    },
}

/// Writes the state that the store at `store` has at this moment to the new file `to`, without stopping whoever uses it.
/// Gives its size in bytes. Blocks.
///
/// # Errors
/// [`BackupError`].
pub fn backup(store: &Path, to: &Path) -> Result<u64, BackupError> {
    if !store.exists() {
        return Err(BackupError::Missing(store.to_owned()));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let folder = folder_of(to);
    let partial = partial_in(folder)?;
    let source = open(store, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let name = partial.path().to_str().ok_or_else(|| BackupError::Database {
        path: partial.path().to_owned(),
        what: "the name is not in UTF-8".to_owned(),
    })?;
    // One read transaction, from which readers and writers go on undisturbed. The file comes out without its gaps.
    // A database of an earlier version comes out with pages of today's size.
    source.pragma_update(None, "page_size", PAGE_BYTES).map_err(|error| database(store, &error))?;
    source.execute("VACUUM INTO ?1", [name]).map_err(|error| database(store, &error))?;
    drop(source);
    check(partial.path())?;
    let bytes = partial.as_file().metadata().map_err(|error| file(to, error))?.len();
    make_durable(partial.path())?;
    partial.persist_noclobber(to).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => file(to, error.error),
    })?;
    make_durable(folder)?;
    Ok(bytes)
}

/// Brings the backup `from` back as the store at `store`, which nobody may use. Gives how its schema stands to this build:
/// an older one needs a migration. Blocks.
///
/// # Errors
/// [`BackupError::Exists`] if there is a store already, unless `overwrite`; the others.
pub fn restore(from: &Path, store: &Path, overwrite: bool) -> Result<MigrationState, BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    let leftovers = LEFTOVERS.map(|suffix| with_suffix(store, suffix));
    if !overwrite
        && let Some(there) =
            [store].into_iter().chain(leftovers.iter().map(PathBuf::as_path)).find(|path| path.exists())
    {
        return Err(BackupError::Exists(there.to_owned()));
    }
    // A file with a log beside it is half of a store that is in use, not a backup.
    let has_log = |suffix| with_suffix(from, suffix).metadata().is_ok_and(|log| log.len() > 0);
    if ["-wal", "-journal"].into_iter().any(has_log) {
        return Err(BackupError::InUse(from.to_owned()));
    }
    let folder = folder_of(store);
    let mut partial = partial_in(folder)?;
    // Not the mode of the backup, which may have been on another machine since.
    File::open(from)
        .and_then(|mut backup| io::copy(&mut backup, partial.as_file_mut()))
        .map_err(|error| file(from, error))?;
    // What was written is what is looked at.
    let state = check(partial.path()).map_err(|error| renamed(error, from))?;
    make_durable(partial.path())?;
    let is_there = store.exists();
    if is_there {
        leave(store)?;
    }
    // Else they would be played into the new store, even if of the old one nothing else is left. They are gone for good
    // before it has its name, so that no power cut brings them back beside it.
    for path in &leftovers {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file(path, error)),
            _ => {}
        }
    }
    make_durable(folder)?;
    if is_there {
        partial.persist(store).map_err(|error| file(store, error.error))?;
    } else {
        partial.persist_noclobber(store).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(store.to_owned()),
            _ => file(store, error.error),
        })?;
    }
    make_durable(folder)?;
    Ok(state)
}

/// Makes sure that nobody has the store open, and puts its log into it. A store that is not readable any more is let go.
fn leave(store: &Path) -> Result<(), BackupError> {
    let old = open(store, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Leaving the log takes the whole database, which SQLite gives to nobody while another has it open.
    match old.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0)) {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(BackupError::InUse(store.to_owned())),
        Err(error) => match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => Ok(()),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Err(BackupError::InUse(store.to_owned()))
            }
            _ => Err(database(store, &error)),
        },
    }
}

/// Looks through all of a file, and at its schema.
fn check(path: &Path) -> Result<MigrationState, BackupError> {
    let damaged = |what: String| BackupError::Damaged { path: path.to_owned(), what };
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let said: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(error.to_string()))?;
    if said != "ok" {
        return Err(damaged(said));
    }
    let applied = connection
        .prepare("SELECT version, checksum FROM schema_migrations ORDER BY version")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(|error| damaged(error.to_string()))?;
    match state_of(&applied) {
        MigrationState::Behind { version: 0 } => Err(damaged("it has no schema".to_owned())),
        state @ (MigrationState::Current | MigrationState::Behind { .. }) => Ok(state),
        state => Err(BackupError::Schema { path: path.to_owned(), state }),
    }
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, BackupError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| database(path, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| database(path, &error))?;
    Ok(connection)
}

/// A new file that only its owner can read, and that is gone unless it gets a name.
fn partial_in(folder: &Path) -> Result<tempfile::NamedTempFile, BackupError> {
    tempfile::Builder::new()
        .prefix(".verger-")
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(|error| file(folder, error))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A file, or the names in a folder.
fn make_durable(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|opened| opened.sync_all()).map_err(|error| file(path, error))
}

fn renamed(error: BackupError, name: &Path) -> BackupError {
    let path = name.to_owned();
    match error {
        BackupError::Damaged { what, .. } => BackupError::Damaged { path, what },
        BackupError::Schema { state, .. } => BackupError::Schema { path, state },
        BackupError::Database { what, .. } => BackupError::Database { path, what },
        other => other,
    }
}

fn file(path: &Path, error: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), error }
}

fn database(path: &Path, error: &rusqlite::Error) -> BackupError {
    BackupError::Database { path: path.to_owned(), what: error.to_string() }
}

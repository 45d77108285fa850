//! Opening connections: what each kind is set to, and how a log that an earlier process left is made durable.

use super::super::health::Health;
use super::errors::classify;
use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How long another process may hold the database before a call gives up.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The writer's page cache, in KiB.
pub(super) const WRITER_CACHE_KIB: i64 = 16_384;
/// The page cache of each reader, in KiB.
pub(super) const READER_CACHE_KIB: i64 = 2_048;
/// What the file of the log keeps of its size when it is begun anew, 32 MiB. To write over what is there takes half the
/// time of appending.
pub(super) const LOG_BYTES_KEPT: i64 = 33_554_432;
/// The size of a page of a new database, in bytes; one that is there keeps its own. Most writes change a few hundred bytes in
/// each of several tables, and each of these goes to the log as a whole page. See docs/adr/0014.
pub(crate) const PAGE_BYTES: i64 = 2_048;
/// How many steps of SQLite's machine a long query takes between two looks at its deadline: well under a millisecond.
pub(super) const SCAN_STEPS: i32 = 1_000;

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, so SQLite's own mutexes are not needed.
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    connection.set_prepared_statement_cache_capacity(128);
    set(&connection, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// The writer's connection, and how many bytes its log had after the last commit that wrote to it.
pub(super) fn open_writer(
    path: &Path,
    synchronous: &str,
) -> Result<(Connection, Arc<AtomicI64>), StoreError> {
    let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    set(&writer, "page_size", PAGE_BYTES)?;
    keep_log(&writer)?;
    keep_plans(&writer)?;
    set(&writer, "synchronous", synchronous)?;
    set(&writer, "cache_size", -WRITER_CACHE_KIB)?;
    // To this the log shrinks when it is begun anew after a long reader had let it grow.
    set(&writer, "journal_size_limit", LOG_BYTES_KEPT)?;
    let frame = frame_bytes(&writer).map_err(classify)?;
    let log_bytes = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&log_bytes);
    // This also replaces SQLite's own automatic checkpoints, whose failures are not reported.
    let hook = move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
        counted.store(i64::from(pages) * frame, Ordering::Relaxed);
        Ok(())
    };
    writer.wal_hook(Some(hook)).map_err(classify)?;
    Ok((writer, log_bytes))
}

/// What a page takes in the log, with its head.
pub(super) fn frame_bytes(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0)).map(|page| page + 24)
}

pub(super) fn open_checkpointer(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The checkpointer syncs the database file before the log is reused.
    set(&connection, "synchronous", synchronous)?;
    // It never waits: while it waits for a reader to end it would hold the writer up.
    connection.busy_timeout(Duration::ZERO).map_err(classify)?;
    Ok(connection)
}

/// Waits until the disk has everything that was written to the database file.
///
/// SQLite has no statement for that. It is done with SQLite's own descriptor: had we one of our own, closing it would drop
/// the locks that this process holds on the file (POSIX).
#[expect(unsafe_code, reason = "there is no safe way to the file of a connection")]
pub(super) fn sync_database(connection: &Connection) -> rusqlite::Result<()> {
    let failed = |code| Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    // SAFETY: the connection is open and used by this thread alone; the code writes a pointer to where it is told. The file
    // and its methods live as long as the connection.
    let code = unsafe {
        let code = ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        );
        match file.as_ref().and_then(|file| file.pMethods.as_ref()).and_then(|methods| methods.xSync) {
            Some(sync) if code == ffi::SQLITE_OK => sync(file, ffi::SQLITE_SYNC_NORMAL),
            _ if code == ffi::SQLITE_OK => ffi::SQLITE_MISUSE,
            _ => code,
        }
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { failed(code) }
}

pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    // Not opened read-only: the first reader after a crash may have to recover the log's index.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set(&connection, "query_only", true)?;
    set(&connection, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

pub(super) fn point_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = reader(path)?;
    keep_plans(&connection)?;
    Ok(connection)
}

pub(super) fn set(connection: &Connection, pragma: &str, value: impl ToSql) -> Result<(), StoreError> {
    connection.pragma_update(None, pragma, value).map_err(classify)
}

/// Keeps the plans of prepared statements. Otherwise each new value of a parameter makes SQLite plan anew, in case the
/// value makes another plan better: for lookups by key that was half of their time.
pub(super) fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(classify)
}

/// Turns the write-ahead log on. That takes the whole database for a moment, for which SQLite does not wait by itself:
/// of two processes that open a new database at once, one would be refused.
#[expect(
    clippy::disallowed_methods,
    reason = "another process has the lock: there is nothing here to wait on"
)]
pub(super) fn keep_log(connection: &Connection) -> Result<(), StoreError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>("journal_mode"));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(StoreError::Unavailable(format!(
                    "the database cannot have a write-ahead log here, only {mode}: is it on a network file system?"
                )));
            }
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(classify(error)),
        }
    }
}

/// Writes the log over with what it has, and waits for the disk.
///
/// A process before this one may have stopped because an `fsync` of the log failed. Then what can be read of it may be in
/// memory only, marked clean, so that nothing would ever write it; and whatever is committed behind it would be lost with
/// it at a power cut.
pub(super) fn rewrite_log(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let log_path = with_suffix(path, "-wal");
    if std::fs::metadata(&log_path).map_or(0, |log| log.len()) == 0 {
        return Ok(());
    }
    let unwritable = |error: std::io::Error| {
        StoreError::Unavailable(format!("the log {} cannot be made durable: {error}", log_path.display()))
    };
    // No other process appends meanwhile. One that holds this lock for longer than a moment is alive, and owns the log.
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => Ok(()),
            _ => Err(classify(error)),
        };
    }
    let rewritten = std::fs::OpenOptions::new().read(true).write(true).open(&log_path).and_then(|log| {
        let mut part = vec![0; 1 << 20];
        let mut at = 0;
        loop {
            let count = log.read_at(&mut part, at)?;
            if count == 0 {
                return log.sync_all();
            }
            log.write_all_at(&part[..count], at)?;
            at += count as u64;
        }
    });
    let ended = connection.execute_batch("ROLLBACK").map_err(classify);
    rewritten.map_err(unwritable).and(ended)
}

/// The last connection that is closed copies the log back and removes it by its name. Not after a failed `fsync`, of which
/// only the whole log can make up for, nor where the name is somebody else's by now.
pub(super) fn leave_log_if_needed(connection: &Connection, health: &Health) {
    if !health.is_failed() && health.why_misplaced().is_none() {
        return;
    }
    if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(%error, "the write-ahead log of a failed store cannot be kept as it is");
    }
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

//! What an error of SQLite means.

use super::super::with_tables;
use crate::StoreError;
use rusqlite::{ErrorCode, ffi};

/// What another attempt later can cure is `Unavailable`, and what no attempt can is `Damaged`; everything else is our own
/// mistake.
pub(super) fn classify(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(text),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Bug(text),
    }
}

/// The same, and of what is damaged the tables among which it is.
pub(super) fn classify_of(error: rusqlite::Error, sql: &str) -> StoreError {
    match classify(error) {
        StoreError::Damaged(what) => StoreError::Damaged(with_tables(&what, sql)),
        other => other,
    }
}

/// For batches that were not done whatever is the matter.
pub(super) fn unavailable_or_damaged(error: &rusqlite::Error, why: &str) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(why.to_owned()),
        _ => StoreError::Unavailable(why.to_owned()),
    }
}

/// Whether after this error of COMMIT nothing of the transaction can be found, neither now nor by recovery.
///
/// The frames of a transaction are written to the log, the one that marks its end last; then the log is synced; then the
/// index of the log is brought up. Who waits for a lock, breaks a constraint or may not write has not begun with that. A full
/// disk is an error of writing a frame, after which none follows; what lies behind the last whole commit is written over by
/// the next. Of everything else it cannot be told whether it came before or after the end mark: that may be in the log, on the
/// disk or only in memory, and recovery then takes it for committed.
pub(super) fn is_undone_by_commit(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ConstraintViolation
                | ErrorCode::ReadOnly
                | ErrorCode::DiskFull
        )
    )
}

/// Whether an `fsync` failed, an error that the operating system reports only once.
pub(super) fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_extended_error_code(), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(extended_code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None)
    }

    #[test]
    fn commit_that_fails_is_undone_only_before_its_end_mark_is_written() {
        let undone = [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY,
            ffi::SQLITE_CONSTRAINT_COMMITHOOK,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_FULL,
        ];
        let unknown = [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_SHMMAP,
            ffi::SQLITE_IOERR_SHMSIZE,
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_PROTOCOL,
            ffi::SQLITE_INTERRUPT,
            ffi::SQLITE_ERROR,
            ffi::SQLITE_INTERNAL,
        ];
        for code in undone {
            assert!(is_undone_by_commit(&failure(code)), "{code}");
        }
        for code in unknown {
            assert!(!is_undone_by_commit(&failure(code)), "{code}");
        }
    }

    #[test]
    fn only_a_failed_sync_is_one() {
        assert!(is_failed_sync(&failure(ffi::SQLITE_IOERR_FSYNC)));
        assert!(is_failed_sync(&failure(ffi::SQLITE_IOERR_DIR_FSYNC)));
        for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
            assert!(!is_failed_sync(&failure(code)), "{code}");
        }
    }
}

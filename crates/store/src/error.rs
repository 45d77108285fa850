//! What can go wrong in the store.

use verger_core::IdentifierKind;

/// Why a read or a write did not happen. After any of these nothing was written, with one exception: if the database is
/// lost or its disk fails while it commits, or it does not end with it, nobody knows, and [`StoreError::OutcomeUnknown`] says so. Who needs to
/// know loads what it wanted to change: a user's version tells, and so does a stored answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another write was there first, in a way that the statement foresaw.
    #[error("conflict: {0:?}")]
    Conflict(Conflict),
    /// A row makes no sense: it was damaged or written by something else.
    #[error("row {id} of table {table} is damaged: {what}")]
    Corrupt {
        /// The table that the damaged row is in.
        table: &'static str,
        /// The row's own key, within its instance.
        id: String,
        /// The column, or the rule that the row breaks.
        what: String,
    },
    /// The database as such is damaged: pages or indexes that make no sense. Trying again does not help.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The database is away, busy, full or read-only. Trying again later can help.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The database was lost or its disk failed while it committed, or it did not end with it in time.
    #[error("it is not known whether the write was done: {0}")]
    OutcomeUnknown(String),
    /// A statement that the database does not take.
    #[error("bug: {0}")]
    Bug(String),
}

/// What a statement says about its own failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The row is no longer as it was loaded.
    Stale,
    /// Another user has claimed the identifier.
    Taken(IdentifierKind),
    /// A request with the same Idempotency-Key was answered meanwhile.
    IdempotencyKeyUsed,
    /// A period has no room left under a limit.
    LimitReached(&'static str),
    /// The secret key exists already.
    KeyExists,
    /// The instance exists already.
    InstanceExists,
    /// The host belongs to an instance already.
    HostExists,
    /// There is one like it already.
    Duplicate,
    /// There is nothing to change.
    NotFound,
    /// Another process applied the migration.
    MigrationApplied,
}

//! What a migration is told and what it tells: limits, progress, and why it stopped.

use crate::StoreError;
use std::time::{Duration, Instant};

/// For how long making an index may keep others from writing to the embedded store: they wait for two seconds at most.
pub(super) const INDEX_LOCK_MAX: Duration = Duration::from_millis(500);

/// What a migration may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct MigrationLimits {
    /// When it has to stop. What is done by then stays done.
    pub until: Option<Instant>,
    /// Nobody else uses the store, so that nobody has to be let through.
    pub is_alone: bool,
}

/// The kind of work of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationWork {
    /// Creates tables and columns.
    Schema,
    /// Creates an index.
    Index,
    /// Fills in values of existing rows.
    Rows,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug)]
pub struct MigrationProgress {
    /// The schema version that it leads to.
    pub version: i64,
    /// Name of the migration.
    pub title: &'static str,
    /// Which of its steps, from 1.
    pub step: usize,
    /// Number of steps of the migration.
    pub steps: usize,
    /// The kind of work of the step.
    pub work: MigrationWork,
    /// The table or the index.
    pub name: &'static str,
    /// Rows, or blocks of a table that is read for an index, that the step has processed.
    pub done: u64,
    /// Of how many; 0 if that is not known.
    pub total: u64,
    /// Somebody else is in the way, or the database is away. It will be tried again.
    pub is_waiting: bool,
}

/// Why a migration did not come to its end. Whatever it was, the same call goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database does not answer, or was migrated by a newer or an altered build.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// [`MigrationLimits::until`] has come.
    #[error("the timeout expired before the migration was complete: the same command resumes")]
    TimeOver,
    /// Nobody could write for as long as the index takes.
    #[error(
        "the index {index} takes longer than {} ms to make, and meanwhile nobody could write to the embedded store: stop \
         the servers, run `verger migrate --offline`, which resumes, and start them again",
        INDEX_LOCK_MAX.as_millis()
    )]
    OthersWouldWait {
        /// The index that takes too long.
        index: &'static str,
    },
}

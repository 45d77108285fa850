//! The checkpointer: copies the log back into the database beside the writer, and checks that both files are still the
//! ones that were opened.

use super::super::health::Health;
use super::connection::{BUSY_TIMEOUT, leave_log_if_needed, open_checkpointer, with_suffix};
use super::errors::{classify, is_failed_sync};
use super::files::Files;
use super::threads::Shared;
use crate::panic_text;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the log is copied back.
pub(super) const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// Without a commit for this long, the log is emptied.
pub(super) const IDLE_AFTER: Duration = Duration::from_secs(2);
/// How often the checkpointer checks that the files are still where they were.
pub(super) const FILES_EVERY: Duration = Duration::from_secs(1);

/// The checkpointer with everything that it needs to begin again.
pub(super) struct Checkpointing {
    pub(super) path: PathBuf,
    pub(super) synchronous: &'static str,
    pub(super) connection: Connection,
    pub(super) files: Option<Files>,
    pub(super) shared: Arc<Shared>,
    pub(super) health: Arc<Health>,
}

impl Checkpointing {
    pub(super) fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.check_point_all())) {
            let pause = self.health.deaths.record("store_checkpointer", panic_text(&*panic), Instant::now());
            self.shared.pause(pause);
            match open_checkpointer(&self.path, self.synchronous) {
                Ok(connection) => self.connection = connection,
                Err(error) => tracing::error!(%error, "the checkpointer cannot reopen the store"),
            }
        }
        leave_log_if_needed(&self.connection, &self.health);
    }

    fn check_point_all(&mut self) {
        let log_path = with_suffix(&self.path, "-wal");
        let log_bytes = metrics::gauge!("verger_store_wal_bytes");
        let mut seen = 0;
        let mut last_commit = Instant::now();
        let mut files_checked = Instant::now();
        let mut is_empty = false;
        loop {
            let stop = self.shared.pause(CHECKPOINT_EVERY);
            if files_checked.elapsed() >= FILES_EVERY {
                files_checked = Instant::now();
                if let Some(why) = self.files.as_mut().and_then(Files::why_moved) {
                    self.health.misplaced(&why);
                }
            }
            if self.health.is_failed() {
                if stop {
                    return;
                }
                continue;
            }
            // At the end there is time to wait for other processes.
            if stop && let Err(error) = self.connection.busy_timeout(BUSY_TIMEOUT) {
                tracing::warn!(%error, "the last checkpoint cannot wait for readers");
            }
            let commits = self.shared.commits.load(Ordering::Acquire);
            let mode = if stop {
                "PRAGMA wal_checkpoint(TRUNCATE)"
            } else if commits != seen {
                last_commit = Instant::now();
                is_empty = false;
                "PRAGMA wal_checkpoint(PASSIVE)"
            } else if !is_empty && last_commit.elapsed() > IDLE_AFTER {
                is_empty = true;
                "PRAGMA wal_checkpoint(TRUNCATE)"
            } else {
                continue;
            };
            seen = commits;
            is_empty &= checkpoint(&self.connection, mode, &self.health);
            // The file is there from the first commit on.
            log_bytes.set(std::fs::metadata(&log_path).map_or(0.0, |log| log.len() as f64));
            if stop {
                return;
            }
        }
    }
}

/// Copies the log back; `false` if not all of it could be, or another is at it.
///
/// A failed `fsync` of the database file is the end: some pages were given to it by earlier checkpoints that counted as
/// done, and only the whole log, played back from its beginning by recovery, has them again.
pub(super) fn checkpoint(connection: &Connection, mode: &str, health: &Health) -> bool {
    match connection.query_row(mode, [], |row| row.get::<_, i64>("busy")) {
        Ok(busy) => busy == 0,
        Err(error) if is_failed_sync(&error) => {
            health.fail(&format!("the log could not be copied back: {error}"));
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be checkpointed; will retry");
            health.learn(&Err::<(), _>(classify(error)));
            false
        }
    }
}

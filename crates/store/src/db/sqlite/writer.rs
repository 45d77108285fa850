//! The writer: takes what is waiting, commits it together, and tells the callers.

use super::super::health::Health;
use super::checkpointer::tend_log;
use super::commit::{End, Group, commit_group};
use super::connection::{leave_log_if_needed, open_writer};
use super::job::{Job, TAKEN, WAITING, Work};
use super::threads::Shared;
use crate::changes::Numbering;
use crate::{StoreError, panic_text};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;

/// Maximum number of batches in one commit.
pub(super) const GROUP_BATCHES_MAX: usize = 256;

/// The writer with everything that it needs to begin again.
pub(super) struct Writing {
    pub(super) path: PathBuf,
    pub(super) synchronous: &'static str,
    pub(super) connection: Connection,
    pub(super) log_bytes: Arc<AtomicI64>,
    pub(super) shared: Arc<Shared>,
    pub(super) numbering: Arc<Numbering>,
    pub(super) health: Arc<Health>,
}

impl Writing {
    /// Writes until nobody can send any more.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.write(&mut jobs))) {
            // The callers in the group learn that the outcome is unknown: their channels are closed.
            let pause = self.health.deaths.record("store_writer", panic_text(&*panic), Instant::now());
            self.shared.pause(pause);
            // What was begun is rolled back by closing.
            match open_writer(&self.path, self.synchronous) {
                Ok((connection, log_bytes)) => (self.connection, self.log_bytes) = (connection, log_bytes),
                Err(error) => self.health.fail(&format!("the writer cannot begin again: {error}")),
            }
        }
        leave_log_if_needed(&self.connection, &self.health);
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the writer's connection did not close");
        }
    }

    fn write(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        let group_size = metrics::histogram!("verger_store_commit_batches");
        let commit_seconds = metrics::histogram!("verger_store_commit_seconds");
        let mut group = Vec::with_capacity(GROUP_BATCHES_MAX);
        while let Some(first) = jobs.blocking_recv() {
            group.push(first);
            while group.len() < GROUP_BATCHES_MAX
                && let Ok(next) = jobs.try_recv()
            {
                group.push(next);
            }
            if let Err(refused) = self.may_write() {
                for job in group.drain(..) {
                    drop(job.answer.send(Err(refused.clone())));
                }
                continue;
            }
            let now = Instant::now();
            group.retain(|job| {
                job.deadline > now
                    && job.state.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
            });
            if group.is_empty() {
                continue;
            }
            let batches = group.iter().filter(|job| matches!(job.work, Work::Batch(_))).count();
            let Group { answers, end } = commit_group(&self.connection, &self.numbering, &group);
            if batches > 0 {
                group_size.record(u32::try_from(batches).unwrap_or(u32::MAX));
                commit_seconds.record(now.elapsed());
            }
            // A commit that had nothing to write proves nothing.
            let log_bytes = self.log_bytes.swap(0, Ordering::Relaxed);
            self.note(&answers, &end, log_bytes > 0);
            for (job, answer) in group.drain(..).zip(answers) {
                // The caller was cancelled: drop the result.
                drop(job.answer.send(answer));
            }
            if log_bytes > 0 && !self.health.is_failed() {
                tend_log(&self.connection, log_bytes, &self.shared, &self.health);
            }
        }
    }

    /// An error for everybody if what would be written now could be lost.
    fn may_write(&self) -> Result<(), StoreError> {
        self.health.refuse_failed()?;
        self.health.why_misplaced().map_or(Ok(()), |why| Err(StoreError::Unavailable(why)))
    }

    /// What the end of a group says about the database. It is known before anybody has an answer.
    fn note(&self, answers: &[Result<(), StoreError>], end: &End, wrote: bool) {
        answers.iter().for_each(|answer| self.health.learn(answer));
        let failed = answers.iter().find_map(|answer| match answer {
            Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => Some(error.to_string()),
            _ => None,
        });
        match end {
            End::Committed => {
                if wrote {
                    self.shared.commits.fetch_add(1, Ordering::Release);
                }
                if let Some(why) = failed {
                    self.health.committed(Err(why));
                } else if wrote {
                    self.health.committed(Ok(()));
                }
            }
            End::Undone(why) => self.health.committed(Err(why.clone())),
            End::Fatal(why) => {
                self.health.committed(Err(why.clone()));
                self.health.fail(why);
            }
        }
    }
}

//! A batch on its way to the writer, and how its caller waits for the outcome.

use super::super::Stmt;
use crate::StoreError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long past its deadline a caller waits for a batch that the writer has taken: longer than another process may hold
/// the database, plus a commit.
pub(super) const OUTCOME_GRACE: Duration = Duration::from_secs(5);
pub(super) const WAITING: u8 = 0;
pub(super) const TAKEN: u8 = 1;
pub(super) const ABANDONED: u8 = 2;

/// What the writer is asked for.
pub(super) enum Work {
    Batch(Vec<Stmt>),
    /// A write that changes nothing that is ever read, as durable as every other.
    Proof,
}

/// Work on its way to the writer.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) deadline: Instant,
    /// `WAITING`, then either `TAKEN` by the writer or `ABANDONED` by the caller, never both.
    pub(super) state: Arc<AtomicU8>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The outcome of a queued batch. Once the writer has taken it, the caller waits until `grace` after the deadline.
pub(super) async fn outcome(
    mut answered: oneshot::Receiver<Result<(), StoreError>>,
    state: &AtomicU8,
    deadline: Instant,
    grace: Duration,
) -> Result<(), StoreError> {
    let late = || StoreError::Unavailable("the write did not begin in time".to_owned());
    let unknown = |why: &str| StoreError::OutcomeUnknown(why.to_owned());
    let gone = || match state.load(Ordering::Acquire) {
        TAKEN => unknown("the writer stopped during the write"),
        // The writer lets go of a batch whose time is over, else only when it stops.
        _ if Instant::now() >= deadline => late(),
        _ => StoreError::Unavailable("the writer has stopped".to_owned()),
    };
    if let Ok(answer) = tokio::time::timeout_at(deadline.into(), &mut answered).await {
        return answer.unwrap_or_else(|_| Err(gone()));
    }
    if state.compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        return Err(late());
    }
    // The writer has it: only its answer tells whether it was committed.
    match tokio::time::timeout(grace, answered).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(gone())),
        Err(_) => Err(unknown("the write was begun and has not ended")),
    }
}

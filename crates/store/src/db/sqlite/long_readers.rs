//! Readers for long queries, on threads of their own, and how much such a query may read.

use super::super::health::Health;
use super::super::{Query, Row};
use super::connection::{SCAN_STEPS, leave_log_if_needed, reader};
use super::errors::classify;
use super::statement::run_snapshot;
use super::threads::lock;
use crate::StoreError;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Readers for queries of any length.
pub(super) const SCAN_READERS: usize = 2;
/// Readers for jobs: one that sweeps, and one for the others meanwhile.
pub(super) const JOB_READERS: usize = 2;
/// Readers for lists of some hundred rows that an index bounds.
pub(super) const LIST_READERS: usize = 2;
/// How many times that a query that an index bounds may take: a millisecond or two.
pub(super) const QUICK_LOOKS: i64 = 100;
/// And as many more for each row that it gives: a user with a hundred columns of its own and of its identifications.
pub(super) const QUICK_LOOKS_PER_ROW: i64 = 2;

/// Readers for long queries, which run on threads of their own.
pub(super) struct LongReaders {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// Prepared statements are kept: there are few of them.
    keeps: bool,
    health: Arc<Health>,
}

impl LongReaders {
    pub(super) fn open(
        path: &Path,
        count: usize,
        keeps: bool,
        health: &Arc<Health>,
    ) -> Result<Arc<Self>, StoreError> {
        let idle: Result<Vec<_>, _> = (0..count).map(|_| reader(path)).collect();
        let (permits, health) = (Arc::new(Semaphore::new(count)), Arc::clone(health));
        Ok(Arc::new(Self { permits, idle: Mutex::new(idle?), keeps, health }))
    }
}

impl Drop for LongReaders {
    fn drop(&mut self) {
        lock(&self.idle).iter().for_each(|reader| leave_log_if_needed(reader, &self.health));
    }
}

/// A reader on loan to a long query. It is returned before its permit, even if the caller was cancelled or the query
/// panicked: whoever has a permit finds a reader.
pub(super) struct LongLease {
    connection: Option<Connection>,
    readers: Arc<LongReaders>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for LongLease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.readers.idle).push(connection);
        }
    }
}

/// Stops a long query whose caller was cancelled.
pub(super) struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How much a query may read, in looks at it. (SQLite counts the steps of a kept statement on from one use to the next, so
/// they are counted here.)
#[derive(Clone)]
pub(super) struct Budget(Arc<AtomicI64>);

impl Budget {
    pub(super) fn of(rows: i64) -> Self {
        let looks = QUICK_LOOKS.saturating_add(rows.saturating_mul(QUICK_LOOKS_PER_ROW));
        Self(Arc::new(AtomicI64::new(looks)))
    }

    /// Counts one poll; whether the limit is used up.
    pub(super) fn is_used_up(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }
}

/// As many as leave a core to everybody else: a search takes one whole.
pub(crate) fn long_reads_max() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    (cores - 1).clamp(1, SCAN_READERS)
}

/// Runs queries that may take long on a thread where they hold nobody up.
pub(super) async fn run_long(
    readers: &Arc<LongReaders>,
    queries: Vec<Query>,
    deadline: Instant,
    budget: Option<Budget>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let busy = || StoreError::Unavailable("too many long queries are running".to_owned());
    let readers = Arc::clone(readers);
    let permit = tokio::time::timeout_at(deadline.into(), Arc::clone(&readers.permits).acquire_owned())
        .await
        .map_err(|_| busy())?
        .map_err(|_| busy())?;
    let connection = lock(&readers.idle).pop();
    let keeps = readers.keeps;
    let mut lease = LongLease { connection, readers, _permit: permit };
    let stop = StopOnDrop(Arc::default());
    let stopped = Arc::clone(&stop.0);
    let running = tokio::task::spawn_blocking(move || {
        let Some(connection) = &mut lease.connection else {
            return Err(StoreError::Bug("a permit without a reader".to_owned()));
        };
        // The query looks at its deadline itself. To interrupt it from outside would miss it when it has not
        // begun yet, and hit the reader's next query when it has just ended.
        let is_over = move || stopped.load(Ordering::Relaxed) || Instant::now() >= deadline;
        if is_over() {
            return Err(late_query());
        }
        let is_over = move || is_over() || budget.as_ref().is_some_and(Budget::is_used_up);
        connection.progress_handler(SCAN_STEPS, Some(is_over)).map_err(classify)?;
        let rows = run_snapshot(connection, &queries, keeps);
        connection.progress_handler(0, None::<fn() -> bool>).map_err(classify)?;
        rows
    });
    // It may be that no thread is free to begin it, or that the disk does not answer: then it ends without us, and the
    // reader comes back by itself.
    let finished = tokio::time::timeout_at(deadline.into(), running).await;
    drop(stop);
    match finished {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => Err(StoreError::Bug(format!("a query panicked: {error}"))),
        Err(_) => Err(StoreError::Unavailable("the query did not end in time".to_owned())),
    }
}

pub(super) fn late_query() -> StoreError {
    StoreError::Unavailable("the query did not begin in time".to_owned())
}

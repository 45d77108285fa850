//! SQLite: one writer that commits the batches of many callers together, readers beside it, and a checkpointer on a
//! connection of its own.
//!
//! A commit costs one fsync however many batches it holds, so under load the writer takes what is waiting and commits
//! once. Each batch runs in a savepoint: one that is refused takes no neighbour with it. Copying pages from the log
//! back into the database happens beside the writer, because there it would stop every caller for its time.
//!
//! A failed `fsync` cannot be repeated: the operating system may have marked the pages clean that it could not write. So
//! after one nothing is read or written any more ([`Health::fail`]), and the log stays as it is, for recovery.

mod appending;
mod checkpointer;
mod commit;
mod connection;
mod errors;
mod files;
mod inspection;
mod job;
mod long_readers;
mod schema;
mod statement;
#[cfg(test)]
mod tests;
mod threads;
mod writer;

use self::checkpointer::Checkpointing;
pub(crate) use self::connection::PAGE_BYTES;
use self::connection::{
    SCAN_STEPS, leave_log_if_needed, open_checkpointer, open_writer, point_reader, reader, rewrite_log,
};
use self::errors::classify;
use self::files::Files;
use self::job::{Job, OUTCOME_GRACE, WAITING, Work, outcome};
pub(crate) use self::long_readers::long_reads_max;
use self::long_readers::{
    Budget, JOB_READERS, LIST_READERS, LongReaders, SCAN_READERS, late_query, run_long,
};
use self::statement::{run_query, run_snapshot};
use self::threads::{Shared, lock, spawn};
use self::writer::Writing;
use super::health::Health;
use super::{Query, Reach, Row, Stmt};
use crate::changes::Numbering;
use crate::{Inspection, StoreError};
use rusqlite::Connection;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Batches that may wait for the writer. One more is refused as busy.
const QUEUE_BATCHES_MAX: usize = 4096;
/// A query that gives more rows than this has a thread of its own.
const INLINE_ROWS_MAX: i64 = 100;

/// An open SQLite database.
pub(crate) struct Sqlite {
    path: PathBuf,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    point_readers: Box<[Mutex<Connection>]>,
    next_point_reader: AtomicUsize,
    list_readers: Arc<LongReaders>,
    scan_readers: Arc<LongReaders>,
    job_readers: Arc<LongReaders>,
    writer: Mutex<Option<JoinHandle<()>>>,
    checkpointer: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    numbering: Arc<Numbering>,
    health: Arc<Health>,
    pub(super) reads: AtomicU64,
    /// Removes the files of an ephemeral store; after everything above was closed.
    _ephemeral: Option<tempfile::TempDir>,
}

impl Sqlite {
    /// Opens or creates a database file.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path.to_owned(), "FULL", None)
    }

    /// A database that is gone when it is closed. Commits do not wait for the disk.
    pub(crate) fn ephemeral() -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("verger-")
            .tempdir()
            .map_err(|error| StoreError::Unavailable(format!("no temporary folder: {error}")))?;
        Self::open_with(folder.path().join("verger.db"), "OFF", Some(folder))
    }

    fn open_with(
        path: PathBuf,
        synchronous: &'static str,
        ephemeral: Option<tempfile::TempDir>,
    ) -> Result<Self, StoreError> {
        crate::modes::create(&path);
        // SQLite keeps its log beside the file itself, not beside a link to it.
        let named = path;
        let path = crate::modes::without_link(&named);
        let health = Arc::new(Health::default());
        let (writer, log_bytes) = open_writer(&path, synchronous)?;
        if ephemeral.is_none() {
            rewrite_log(&writer, &path)?;
        }
        let shared = Arc::new(Shared::default());
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let point_readers: Result<Vec<_>, _> =
            (0..cores.clamp(2, 8)).map(|_| point_reader(&path).map(Mutex::new)).collect();
        let list_readers = LongReaders::open(&path, LIST_READERS, true, &health)?;
        // The text of a list depends on its filters: keeping each would push out the others.
        let scan_readers = LongReaders::open(&path, SCAN_READERS, false, &health)?;
        let job_readers = LongReaders::open(&path, JOB_READERS, true, &health)?;

        let numbering = Arc::<Numbering>::default();
        let (queue, jobs) = mpsc::channel(QUEUE_BATCHES_MAX);
        let writing = Writing {
            path: path.clone(),
            synchronous,
            connection: writer,
            log_bytes,
            shared: Arc::clone(&shared),
            numbering: Arc::clone(&numbering),
            health: Arc::clone(&health),
        };
        let writer = spawn("verger-writer", move || writing.run(jobs))?;
        let checkpointing = Checkpointing {
            connection: open_checkpointer(&path, synchronous)?,
            // What is gone with the process cannot be lost.
            files: ephemeral.is_none().then(|| Files::of(&named, &path)),
            path: path.clone(),
            synchronous,
            shared: Arc::clone(&shared),
            health: Arc::clone(&health),
        };
        let checkpointer = spawn("verger-checkpoint", move || checkpointing.run())?;
        Ok(Self {
            path,
            queue: Mutex::new(Some(queue)),
            point_readers: point_readers?.into_boxed_slice(),
            next_point_reader: AtomicUsize::new(0),
            list_readers,
            scan_readers,
            job_readers,
            writer: Mutex::new(Some(writer)),
            checkpointer: Mutex::new(Some(checkpointer)),
            shared,
            numbering,
            health,
            reads: AtomicU64::new(0),
            _ephemeral: ephemeral,
        })
    }

    /// Whether it is gone when it is closed.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self._ephemeral.is_some()
    }

    /// Where the database file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the writer knows of numbers.
    pub(crate) fn numbering(&self) -> &Arc<Numbering> {
        &self.numbering
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) async fn snapshot(
        &self,
        reach: Reach,
        queries: Vec<Query>,
        deadline: Instant,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        // After a failed commit, what is read here and what recovery will find may be two things.
        self.health.refuse_failed()?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        let rows = match reach {
            // A lookup by key takes microseconds: less than handing it to another thread and back.
            Reach::Point if Instant::now() >= deadline => Err(late_query()),
            Reach::Point => run_snapshot(&self.point_reader(), &queries, true),
            Reach::Quick(_) => run_long(&self.list_readers, queries, deadline, None).await,
            Reach::Scan => run_long(&self.scan_readers, queries, deadline, None).await,
            Reach::Job => run_long(&self.job_readers, queries, deadline, None).await,
        };
        self.health.learn(&rows);
        rows
    }

    pub(crate) async fn quick(
        &self,
        query: Query,
        rows: i64,
        deadline: Instant,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        self.health.refuse_failed()?;
        self.reads.fetch_add(1, Ordering::Relaxed);
        let budget = Budget::of(rows);
        let answer = if rows > INLINE_ROWS_MAX {
            run_long(&self.list_readers, vec![query], deadline, Some(budget.clone()))
                .await
                .map(|mut answers| answers.pop().unwrap_or_default())
        } else if Instant::now() >= deadline {
            Err(late_query())
        } else {
            let mut reader = self.point_reader();
            let looks = budget.clone();
            reader.progress_handler(SCAN_STEPS, Some(move || looks.is_used_up())).map_err(classify)?;
            // A text that was put together would push out those that are written down.
            let rows = run_query(&reader, &query, matches!(query.sql, Cow::Borrowed(_)));
            reader.progress_handler(0, None::<fn() -> bool>).map_err(classify)?;
            rows
        };
        self.health.learn(&answer);
        match answer {
            Err(_) if budget.is_over() => Ok(None),
            answer => answer.map(Some),
        }
    }

    pub(crate) async fn batch(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<(), StoreError> {
        self.work(Work::Batch(statements), deadline).await
    }

    pub(crate) async fn prove_writable(&self, deadline: Instant) -> Result<(), StoreError> {
        self.work(Work::Proof, deadline).await
    }

    async fn work(&self, work: Work, deadline: Instant) -> Result<(), StoreError> {
        let state = Arc::new(AtomicU8::new(WAITING));
        let (answer, answered) = oneshot::channel();
        let job = Job { work, deadline, state: Arc::clone(&state), answer };
        self.enqueue(job)?;
        outcome(answered, &state, deadline, OUTCOME_GRACE).await
    }

    /// Queues a batch for the writer. The sender is not kept while the caller waits: the writer stops when the last sender
    /// is dropped, and a caller that is never polled again would block [`Sqlite::close`] for ever.
    fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        let Some(queue) = lock(&self.queue).clone() else {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        };
        queue.try_send(job).map_err(|error| {
            StoreError::Unavailable(match error {
                mpsc::error::TrySendError::Full(_) => "too many writes are waiting".to_owned(),
                mpsc::error::TrySendError::Closed(_) => "the writer has stopped".to_owned(),
            })
        })
    }

    /// Checks for damage, table by table, until the deadline.
    pub(crate) async fn look_through(&self, deadline: Instant) -> Result<Inspection, StoreError> {
        let path = self.path.clone();
        let looking =
            tokio::task::spawn_blocking(move || inspection::look_through(&mut reader(&path)?, deadline));
        looking.await.map_err(|error| StoreError::Bug(format!("looking for damage panicked: {error}")))?
    }

    /// Finishes what is waiting, empties the log and closes. Later writes are refused.
    pub(crate) fn close(&self) {
        drop(lock(&self.queue).take());
        if let Some(writer) = lock(&self.writer).take()
            && writer.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
        self.shared.stop();
        if let Some(checkpointer) = lock(&self.checkpointer).take()
            && checkpointer.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }

    /// An idle reader, else the next in turn.
    fn point_reader(&self) -> MutexGuard<'_, Connection> {
        let start = self.next_point_reader.fetch_add(1, Ordering::Relaxed);
        let count = self.point_readers.len();
        for step in 0..count {
            match self.point_readers[(start + step) % count].try_lock() {
                Ok(reader) => return reader,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        lock(&self.point_readers[start % count])
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
        for reader in &self.point_readers {
            leave_log_if_needed(&lock(reader), &self.health);
        }
    }
}

/// The migrations are one text for both databases. Here they say a little more about how rows are kept, so that a write
/// changes fewer pages.
pub(crate) fn dialect(sql: Cow<'static, str>) -> Cow<'static, str> {
    // A key that is one whole number is the number of the row itself, so that the table is in its order.
    const KEY: &str = "BIGINT NOT NULL PRIMARY KEY /* rowid */";
    // The number of the row ends every entry of an index: this would keep it twice.
    const BY_USER: &str = "CREATE INDEX changes_by_user ON changes (user_id, place)";
    // Nearly all of a claim is its key. A database of an earlier version keeps the key and the row.
    const CLAIMS: &str = "CREATE TABLE claims (";
    if sql.contains(KEY) {
        Cow::Owned(sql.replace(KEY, "INTEGER NOT NULL PRIMARY KEY"))
    } else if sql == BY_USER {
        Cow::Borrowed("CREATE INDEX changes_by_user ON changes (user_id)")
    } else if sql.starts_with(CLAIMS) {
        Cow::Owned(format!("{sql} WITHOUT ROWID"))
    } else {
        sql
    }
}

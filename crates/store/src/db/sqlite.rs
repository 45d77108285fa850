//! SQLite: one writer that commits the batches of many callers together, readers beside it, and a checkpointer on a
//! connection of its own.
//!
//! A commit costs one fsync however many batches it holds, so under load the writer takes what is waiting and commits
//! once. Each batch runs in a savepoint: one that is refused takes no neighbour with it. Copying pages from the log
//! back into the database happens beside the writer, because there it would stop every caller for its time.
//!
//! A failed `fsync` cannot be repeated: the operating system may have marked the pages clean that it could not write. So
//! after one nothing is read or written any more ([`Health::fail`]), and the log stays as it is, for recovery.

mod schema;

use super::health::Health;
use super::{Query, Reach, Row, Stmt, Value};
use crate::{Inspection, StoreError, panic_text};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi};
use std::borrow::Cow;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Batches that may wait for the writer. One more is refused as busy.
const QUEUE_BATCHES_MAX: usize = 4096;
/// Batches in one commit.
const GROUP_BATCHES_MAX: usize = 256;
/// How long another process may hold the database before a call gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a batch that the writer has taken is waited for beyond its deadline: longer than another process may hold the
/// database, and a commit.
const OUTCOME_GRACE: Duration = Duration::from_secs(5);
/// How often the log is copied back.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// Without a commit for this long, the log is emptied.
const IDLE_AFTER: Duration = Duration::from_secs(2);
/// How often it is looked whether the files are still where they were.
const PLACE_EVERY: Duration = Duration::from_secs(1);
/// The writer copies the log back itself from this size on: 32768 pages of 4 KiB. Only for when the checkpointer falls
/// behind.
const BACKSTOP_PAGES: i64 = 32_768;
/// The writer's page cache, in KiB.
const WRITER_CACHE_KIB: i64 = 16_384;
/// The page cache of each reader, in KiB.
const READER_CACHE_KIB: i64 = 2_048;
/// Readers for queries of any length.
const SCAN_READERS: usize = 2;
/// Readers for jobs: one that sweeps, and one for the others meanwhile.
const JOB_READERS: usize = 2;
/// Readers for lists of some hundred rows that an index bounds.
const LIST_READERS: usize = 2;
/// How many steps of SQLite's machine a long query takes between two looks at its deadline: well under a millisecond.
const SCAN_STEPS: i32 = 1_000;
/// How many times that a query that an index bounds may take: a millisecond or two.
const QUICK_LOOKS: i64 = 100;
/// And as many more for each row that it gives: a user with a hundred columns of its own and of its identifications.
const QUICK_LOOKS_PER_ROW: i64 = 2;
/// A query that gives more rows than this has a thread of its own.
const INLINE_ROWS_MAX: i64 = 100;

/// What is told of the damage of one table.
const DAMAGE_MAX: usize = 3;

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

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
    health: Arc<Health>,
    pub(super) reads: AtomicU64,
    /// Removes the files of an ephemeral store; after everything above was closed.
    _ephemeral: Option<tempfile::TempDir>,
}

/// Readers for long queries, which run on threads of their own.
struct LongReaders {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// Prepared statements are kept: there are few of them.
    keeps: bool,
    health: Arc<Health>,
}

/// A reader on loan to a long query. It comes back before its permit does, even if the caller went away or the query
/// panicked: who has a permit finds a reader.
struct LongLease {
    connection: Option<Connection>,
    readers: Arc<LongReaders>,
    _permit: OwnedSemaphorePermit,
}

/// Tells a long query that nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

/// What the threads share.
struct Shared {
    commits: AtomicU64,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl Shared {
    /// Waits this long, or until the database is closed; `true` if it is.
    fn pause(&self, time: Duration) -> bool {
        let stop = lock(&self.stop);
        let waited = self.stopped.wait_timeout_while(stop, time, |stop| !*stop);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// What the writer is asked for.
enum Work {
    Batch(Vec<Stmt>),
    /// A write that changes nothing that anybody reads, and is durable as every other.
    Proof,
}

/// What became of a group.
struct Group {
    /// One for each batch.
    answers: Vec<Result<(), StoreError>>,
    end: End,
}

/// How the commit of a group ended.
enum End {
    Committed,
    /// Nothing of it is in the database, for certain.
    Undone(String),
    /// The writer cannot go on. Whether something of it will be found, the answers say.
    Fatal(String),
}

/// Why a batch is not in the transaction of its group.
enum Refused {
    /// It left nothing.
    Alone(StoreError),
    /// Part of it may still be in the transaction, which must not be committed.
    WithItsGroup(StoreError),
    /// The disk did not keep what it was given, which was no commit.
    DiskFailed(StoreError),
}

/// Work on its way to the writer.
struct Job {
    work: Work,
    deadline: Instant,
    /// `WAITING`, then either `TAKEN` by the writer or `ABANDONED` by the caller, never both.
    state: Arc<AtomicU8>,
    answer: oneshot::Sender<Result<(), StoreError>>,
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
        let (writer, log_pages) = open_writer(&path, synchronous)?;
        if ephemeral.is_none() {
            rewrite_log(&writer, &path)?;
        }
        let shared =
            Arc::new(Shared { commits: AtomicU64::new(0), stop: Mutex::new(false), stopped: Condvar::new() });
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let point_readers: Result<Vec<_>, _> =
            (0..cores.clamp(2, 8)).map(|_| point_reader(&path).map(Mutex::new)).collect();
        let list_readers = LongReaders::open(&path, LIST_READERS, true, &health)?;
        // The text of a list depends on its filters: keeping each would push out the others.
        let scan_readers = LongReaders::open(&path, SCAN_READERS, false, &health)?;
        let job_readers = LongReaders::open(&path, JOB_READERS, true, &health)?;

        let (queue, jobs) = mpsc::channel(QUEUE_BATCHES_MAX);
        let writing = Writing {
            path: path.clone(),
            synchronous,
            connection: writer,
            log_pages,
            shared: Arc::clone(&shared),
            health: Arc::clone(&health),
        };
        let writer = spawn("verger-writer", move || writing.run(jobs))?;
        let checkpointing = Checkpointing {
            connection: open_checkpointer(&path, synchronous)?,
            // What is gone with the process cannot be lost.
            place: ephemeral.is_none().then(|| Place::of(&named, &path)),
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
            health,
            reads: AtomicU64::new(0),
            _ephemeral: ephemeral,
        })
    }

    /// Where the database file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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
            // A look-up by key takes microseconds: less than handing it to another thread and back.
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

    /// Hands a batch to the writer. The queue's handle is not kept while the caller waits: the writer stops when the
    /// last one is gone, and a caller that is not polled any more would hold up [`Sqlite::close`] for ever.
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

    /// Looks for damage, table by table, for as long as there is time.
    pub(crate) async fn look_through(&self, deadline: Instant) -> Result<Inspection, StoreError> {
        let path = self.path.clone();
        let looking = tokio::task::spawn_blocking(move || look_through(&mut reader(&path)?, deadline));
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
        *lock(&self.shared.stop) = true;
        self.shared.stopped.notify_all();
        if let Some(checkpointer) = lock(&self.checkpointer).take()
            && checkpointer.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }

    /// A reader that nobody uses, else the next in turn.
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

impl LongReaders {
    fn open(path: &Path, count: usize, keeps: bool, health: &Arc<Health>) -> Result<Arc<Self>, StoreError> {
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

/// How much a query may read, in looks at it. (SQLite counts the steps of a kept statement on from one use to the next, so
/// they are counted here.)
#[derive(Clone)]
struct Budget(Arc<AtomicI64>);

impl Budget {
    fn of(rows: i64) -> Self {
        let looks = QUICK_LOOKS.saturating_add(rows.saturating_mul(QUICK_LOOKS_PER_ROW));
        Self(Arc::new(AtomicI64::new(looks)))
    }

    /// Counts one look.
    fn is_used_up(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 0
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }
}

/// As many as leave a core to everybody else: a search takes one whole.
pub(crate) fn long_reads_max() -> usize {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    (cores - 1).clamp(1, SCAN_READERS)
}

/// Runs queries that may take long on a thread where they hold nobody up.
async fn run_long(
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

impl Drop for LongLease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.readers.idle).push(connection);
        }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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

/// The last connection that is closed copies the log back and removes it by its name. Not after a failed `fsync`, of which
/// only the whole log can make up for, nor where the name is somebody else's by now.
fn leave_log_if_needed(connection: &Connection, health: &Health) {
    if !health.is_failed() && health.why_misplaced().is_none() {
        return;
    }
    if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(%error, "the log of a failed store may not stay as it is");
    }
}

/// What became of a batch in the queue. Once the writer has it, it is waited for until `grace` after the deadline.
async fn outcome(
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

fn late_query() -> StoreError {
    StoreError::Unavailable("the query did not begin in time".to_owned())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| StoreError::Unavailable(format!("no thread: {error}")))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time, so SQLite's own mutexes are not needed.
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(classify)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(classify)?;
    connection.set_prepared_statement_cache_capacity(128);
    set(&connection, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// The writer's connection, and how many pages its log had after the last commit that wrote to it.
fn open_writer(path: &Path, synchronous: &str) -> Result<(Connection, Arc<AtomicI64>), StoreError> {
    let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    keep_log(&writer)?;
    keep_plans(&writer)?;
    set(&writer, "synchronous", synchronous)?;
    set(&writer, "cache_size", -WRITER_CACHE_KIB)?;
    let log_pages = Arc::new(AtomicI64::new(0));
    let counted = Arc::clone(&log_pages);
    // This also takes the place of SQLite's own automatic checkpoints, whose failures nobody is told of.
    let hook = move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
        counted.store(pages.into(), Ordering::Relaxed);
        Ok(())
    };
    writer.wal_hook(Some(hook)).map_err(classify)?;
    Ok((writer, log_pages))
}

fn open_checkpointer(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The checkpointer syncs the database file before the log is reused.
    set(&connection, "synchronous", synchronous)?;
    // It never waits: while it waits for a reader to end it would hold the writer up.
    connection.busy_timeout(Duration::ZERO).map_err(classify)?;
    Ok(connection)
}

/// Writes the log over with what it has, and waits for the disk.
///
/// A process before this one may have stopped because an `fsync` of the log failed. Then what can be read of it may be in
/// memory only, marked clean, so that nothing would ever write it; and whatever is committed behind it would be lost with
/// it at a power cut.
fn rewrite_log(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let log_path = with_suffix(path, "-wal");
    if std::fs::metadata(&log_path).map_or(0, |log| log.len()) == 0 {
        return Ok(());
    }
    let unwritable = |error: std::io::Error| {
        StoreError::Unavailable(format!("the log {} cannot be made durable: {error}", log_path.display()))
    };
    // Nobody else appends meanwhile. Who has this lock for longer than a moment is alive, and the log is in its care.
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

/// Keeps the plans of prepared statements. Otherwise each new value of a parameter makes SQLite plan anew, in case the
/// value makes another plan better: for look-ups by key that was half of their time.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop).map_err(classify)
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    // Not opened read-only: the first reader after a crash may have to recover the log's index.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set(&connection, "query_only", true)?;
    set(&connection, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

fn point_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = reader(path)?;
    keep_plans(&connection)?;
    Ok(connection)
}

fn set(connection: &Connection, pragma: &str, value: impl ToSql) -> Result<(), StoreError> {
    connection.pragma_update(None, pragma, value).map_err(classify)
}

/// Turns the write-ahead log on. That takes the whole database for a moment, for which SQLite does not wait by itself:
/// of two processes that open a new database at once, one would be refused.
#[expect(
    clippy::disallowed_methods,
    reason = "another process has the lock: there is nothing here to wait on"
)]
fn keep_log(connection: &Connection) -> Result<(), StoreError> {
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

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A poisoned lock is taken as it is: what it guards is replaced whole, never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_snapshot(connection: &Connection, queries: &[Query], keep: bool) -> Result<Vec<Vec<Row>>, StoreError> {
    // One statement is a snapshot by itself.
    if let [query] = queries {
        return Ok(vec![run_query(connection, query, keep)?]);
    }
    connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(classify)?;
    let rows = queries.iter().map(|query| run_query(connection, query, keep)).collect();
    let ended =
        connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).map_err(classify);
    match rows {
        Ok(rows) => ended.map(|_| rows),
        Err(error) => Err(error),
    }
}

fn look_through(connection: &mut Connection, deadline: Instant) -> Result<Inspection, StoreError> {
    // The schema itself may be what cannot be read: then there is nothing to name.
    let names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .and_then(|mut names| {
            names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()
        })
        .map_err(classify)?;
    let mut found = Inspection { tables: names.len(), ..Inspection::default() };
    let is_over = move || Instant::now() >= deadline;
    connection.progress_handler(SCAN_STEPS, Some(is_over)).map_err(classify)?;
    for name in names {
        let check = format!("PRAGMA quick_check(\"{}\")", name.replace('"', "\"\""));
        let said = connection.prepare(&check).and_then(|mut check| {
            check
                .query_map([], |row| row.get::<_, String>(0))?
                .take(DAMAGE_MAX)
                .collect::<Result<Vec<_>, _>>()
        });
        let damage = match said {
            Ok(said) => said.into_iter().filter(|line| line != "ok").collect(),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => break,
            Err(error) => vec![error.to_string()],
        };
        found.damage.extend(damage.into_iter().map(|what| format!("table {name}: {what}")));
        found.looked_at += 1;
    }
    connection.progress_handler(0, None::<fn() -> bool>).map_err(classify)?;
    Ok(found)
}

fn run_query(connection: &Connection, query: &Query, keep: bool) -> Result<Vec<Row>, StoreError> {
    let classify = |error| classify_of(error, &query.sql);
    let (mut kept, mut own);
    let statement: &mut rusqlite::Statement<'_> = if keep {
        kept = connection.prepare_cached(&query.sql).map_err(classify)?;
        &mut kept
    } else {
        own = connection.prepare(&query.sql).map_err(classify)?;
        &mut own
    };
    let columns = statement.column_count();
    let mut found = Vec::new();
    {
        bind(statement, &query.params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(classify)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(classify)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Int(number),
                    ValueRef::Text(text) => {
                        std::str::from_utf8(text).map_or(Value::Foreign, |text| Value::Text(text.to_owned()))
                    }
                    ValueRef::Real(_) | ValueRef::Blob(_) => Value::Foreign,
                });
            }
            found.push(values);
        }
    }
    Ok(found)
}

/// The writer with everything that it needs to begin again.
struct Writing {
    path: PathBuf,
    synchronous: &'static str,
    connection: Connection,
    log_pages: Arc<AtomicI64>,
    shared: Arc<Shared>,
    health: Arc<Health>,
}

impl Writing {
    /// Writes until nobody can send any more.
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.write(&mut jobs))) {
            // Whoever was in the group learns that its outcome is unknown: its end of the channel is gone.
            let pause = self.health.deaths.record("store_writer", panic_text(&*panic), Instant::now());
            self.shared.pause(pause);
            // What was begun is rolled back by closing.
            match open_writer(&self.path, self.synchronous) {
                Ok((connection, log_pages)) => (self.connection, self.log_pages) = (connection, log_pages),
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
            let Group { answers, end } = commit_group(&self.connection, &group);
            if batches > 0 {
                group_size.record(u32::try_from(batches).unwrap_or(u32::MAX));
                commit_seconds.record(now.elapsed());
            }
            // A commit that had nothing to write proves nothing.
            let log_pages = self.log_pages.swap(0, Ordering::Relaxed);
            self.note(&answers, &end, log_pages > 0);
            for (job, answer) in group.drain(..).zip(answers) {
                // A caller that went away has nobody left to tell.
                drop(job.answer.send(answer));
            }
            // The checkpointer does not get to its end; here nobody appends meanwhile.
            if log_pages > BACKSTOP_PAGES && !self.health.is_failed() {
                checkpoint(&self.connection, "PRAGMA wal_checkpoint(PASSIVE)", &self.health);
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
                self.shared.commits.fetch_add(1, Ordering::Release);
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

/// Runs each batch in a savepoint and commits them together; gives each its own answer.
fn commit_group(connection: &Connection, group: &[Job]) -> Group {
    let undone = |error: &rusqlite::Error| {
        let why = error.to_string();
        let answers = group.iter().map(|_| Err(unavailable_or_damaged(error, &why))).collect();
        // The disk did not keep what it was given; nothing of it was a commit.
        let end = if is_failed_sync(error) { End::Fatal(why) } else { End::Undone(why) };
        Group { answers, end }
    };
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        return undone(&error);
    }
    let mut answers = Vec::with_capacity(group.len());
    for (at, job) in group.iter().enumerate() {
        match run_work(connection, &job.work) {
            Ok(()) => answers.push(Ok(())),
            Err(Refused::Alone(error @ StoreError::Damaged(_))) if group.len() > 1 => {
                return without_damaged(connection, group, at, error);
            }
            Err(Refused::Alone(error))
                if !connection.is_autocommit() && !matches!(error, StoreError::Damaged(_)) =>
            {
                answers.push(Err(error));
            }
            // Some failures, such as a full disk, make SQLite roll the whole transaction back.
            Err(Refused::Alone(error) | Refused::WithItsGroup(error)) => {
                return give_up(connection, group, error);
            }
            Err(Refused::DiskFailed(error)) => {
                let group = give_up(connection, group, error.clone());
                return Group { end: End::Fatal(error.to_string()), ..group };
            }
        }
    }
    let Err(error) = execute(connection, "COMMIT") else { return Group { answers, end: End::Committed } };
    if !is_undone_by_commit(&error) {
        let why = format!("the commit failed: {error}");
        // What was refused before was not in it.
        let unknown = |answer: Result<(), StoreError>| match answer {
            Ok(()) => Err(StoreError::OutcomeUnknown(why.clone())),
            Err(_) => Err(StoreError::Unavailable(why.clone())),
        };
        return Group { answers: answers.into_iter().map(unknown).collect(), end: End::Fatal(why) };
    }
    let undone = undone(&error);
    if connection.is_autocommit() {
        return undone;
    }
    match execute(connection, "ROLLBACK") {
        Ok(()) => undone,
        Err(error) => Group { end: cannot_roll_back(&error), ..undone },
    }
}

/// Commits the others one by one: once a transaction has met damage, SQLite no longer commits it.
fn without_damaged(connection: &Connection, group: &[Job], damaged: usize, error: StoreError) -> Group {
    let Group { mut answers, mut end } = give_up(connection, group, error);
    for (at, job) in group.iter().enumerate().filter(|(at, _)| *at != damaged) {
        if matches!(end, End::Fatal(_)) {
            break;
        }
        let alone = commit_group(connection, std::slice::from_ref(job));
        if let (Some(answer), Some(told)) = (answers.get_mut(at), alone.answers.into_iter().next()) {
            *answer = told;
        }
        if !matches!(alone.end, End::Undone(_)) {
            end = alone.end;
        }
    }
    Group { answers, end }
}

/// Nothing of the group is committed, because of this error of one of its batches.
fn give_up(connection: &Connection, group: &[Job], error: StoreError) -> Group {
    let why = error.to_string();
    let answer = || match &error {
        StoreError::Damaged(what) => StoreError::Damaged(what.clone()),
        _ => StoreError::Unavailable(why.clone()),
    };
    let answers = group.iter().map(|_| Err(answer())).collect();
    let end = if connection.is_autocommit() {
        End::Undone(why)
    } else {
        execute(connection, "ROLLBACK").map_or_else(|error| cannot_roll_back(&error), |()| End::Undone(why))
    };
    Group { answers, end }
}

/// What is still in the transaction is never committed, but nothing else can be begun either.
fn cannot_roll_back(error: &rusqlite::Error) -> End {
    End::Fatal(format!("a transaction could not be rolled back: {error}"))
}

/// Whether after this error of COMMIT nothing of the transaction can be found, neither now nor by recovery.
///
/// The frames of a transaction are written to the log, the one that marks its end last; then the log is synced; then the
/// index of the log is brought up. Who waits for a lock, breaks a constraint or may not write has not begun with that. A full
/// disk is an error of writing a frame, after which none follows; what lies behind the last whole commit is written over by
/// the next. Of everything else it cannot be told whether it came before or after the end mark: that may be in the log, on the
/// disk or only in memory, and recovery then takes it for committed.
fn is_undone_by_commit(error: &rusqlite::Error) -> bool {
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

/// The operating system could not write something down, and will not say so again.
fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_extended_error_code(), Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC))
}

fn run_work(connection: &Connection, work: &Work) -> Result<(), Refused> {
    let whole = |error| Refused::WithItsGroup(classify(error));
    execute(connection, "SAVEPOINT batch").map_err(|error| Refused::Alone(classify(error)))?;
    let ran = match work {
        Work::Batch(statements) => {
            statements.iter().try_for_each(|statement| run_statement(connection, statement))
        }
        Work::Proof => prove(connection),
    };
    let Err(refused) = ran else { return execute(connection, "RELEASE batch").map_err(whole) };
    if !connection.is_autocommit() {
        // Part of a refused batch must not be committed with its neighbours.
        execute(connection, "ROLLBACK TO batch").map_err(whole)?;
        execute(connection, "RELEASE batch").map_err(whole)?;
    }
    Err(refused)
}

/// Counts up a number in the database's header that means nothing.
fn prove(connection: &Connection) -> Result<(), Refused> {
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i32>(0);
    let number = connection.query_row("PRAGMA user_version", [], read);
    let next = number.map(|number| number.wrapping_add(1) & i32::MAX);
    next.and_then(|next| connection.pragma_update(None, "user_version", next))
        .map_err(|error| refused(error, "user_version"))
}

fn refused(error: rusqlite::Error, sql: &str) -> Refused {
    let is_failed_sync = is_failed_sync(&error);
    let error = classify_of(error, sql);
    if is_failed_sync { Refused::DiskFailed(error) } else { Refused::Alone(error) }
}

fn run_statement(connection: &Connection, statement: &Stmt) -> Result<(), Refused> {
    #[cfg(test)]
    assert!(statement.sql != tests::PANIC, "a statement panics");
    let classify = |error| refused(error, &statement.sql);
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(classify)?;
    bind(&mut prepared, &statement.params).map_err(Refused::Alone)?;
    match prepared.raw_execute() {
        Ok(changed) => match statement.expect {
            Some((rows, conflict)) if changed as u64 != rows => {
                Err(Refused::Alone(StoreError::Conflict(conflict)))
            }
            _ => Ok(()),
        },
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if matches!(
                failure.extended_code,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            let unforeseen = || {
                let why = "a unique key stood in the way of a statement that did not foresee it";
                StoreError::Bug(why.to_owned())
            };
            Err(Refused::Alone(statement.on_unique.map_or_else(unforeseen, StoreError::Conflict)))
        }
        Err(error) => Err(classify(error)),
    }
}

/// Binds `$n` to the n-th parameter. SQLite counts such names in the order in which they first appear, so it must be
/// told.
fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<(), StoreError> {
    for index in 1..=statement.parameter_count() {
        let number =
            statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let Some(value) = value else {
            return Err(StoreError::Bug(format!("parameter {index} of a statement has no value")));
        };
        statement.raw_bind_parameter(index, value).map_err(classify)?;
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop)
}

/// Copies the log back; `false` if not all of it could be, or another is at it.
///
/// A failed `fsync` of the database file is the end: some pages were given to it by earlier checkpoints that counted as
/// done, and only the whole log, played back from its beginning by recovery, has them again.
fn checkpoint(connection: &Connection, mode: &str, health: &Health) -> bool {
    match connection.query_row(mode, [], |row| row.get::<_, i64>("busy")) {
        Ok(busy) => busy == 0,
        Err(error) if is_failed_sync(&error) => {
            health.fail(&format!("the log could not be copied back: {error}"));
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the log could not be copied back; it will be tried again");
            health.learn(&Err::<(), _>(classify(error)));
            false
        }
    }
}

/// The checkpointer with everything that it needs to begin again.
struct Checkpointing {
    path: PathBuf,
    synchronous: &'static str,
    connection: Connection,
    place: Option<Place>,
    shared: Arc<Shared>,
    health: Arc<Health>,
}

impl Checkpointing {
    fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.check_point_all())) {
            let pause = self.health.deaths.record("store_checkpointer", panic_text(&*panic), Instant::now());
            self.shared.pause(pause);
            match open_checkpointer(&self.path, self.synchronous) {
                Ok(connection) => self.connection = connection,
                Err(error) => tracing::error!(%error, "the checkpointer cannot open the store anew"),
            }
        }
        leave_log_if_needed(&self.connection, &self.health);
    }

    fn check_point_all(&mut self) {
        let log_path = with_suffix(&self.path, "-wal");
        let log_bytes = metrics::gauge!("verger_store_wal_bytes");
        let mut seen = 0;
        let mut last_commit = Instant::now();
        let mut looked_at_place = Instant::now();
        let mut is_empty = false;
        loop {
            let stop = self.shared.pause(CHECKPOINT_EVERY);
            if looked_at_place.elapsed() >= PLACE_EVERY {
                looked_at_place = Instant::now();
                if let Some(why) = self.place.as_mut().and_then(Place::why_moved) {
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
                tracing::warn!(%error, "the last checkpoint will not wait");
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

/// The files of the database, each with the device and the number that it has there.
struct Place(Vec<(PathBuf, Option<(u64, u64)>)>);

impl Place {
    fn of(named: &Path, path: &Path) -> Self {
        let files = ["", "-wal", "-shm"].map(|suffix| with_suffix(path, suffix));
        // A link can come to lead elsewhere.
        let link = (named != path).then(|| named.to_owned());
        let mut place = Self(files.into_iter().chain(link).map(|file| (file, None)).collect());
        // The first look is what later ones are compared with.
        place.why_moved();
        place
    }

    /// Why what is written now would not be found after a restart, in words.
    fn why_moved(&mut self) -> Option<String> {
        for (path, known) in &mut self.0 {
            let found = match std::fs::metadata(&*path) {
                Ok(file) => Some((file.dev(), file.ino())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                // A disk that does not answer says nothing about where a file is.
                Err(_) => continue,
            };
            match (*known, found) {
                (None, found) => *known = found,
                (Some(_), None) => return Some(format!("{} was removed or renamed", path.display())),
                (Some(known), Some(found)) if known != found => {
                    return Some(format!("{} was replaced by another file", path.display()));
                }
                _ => {}
            }
        }
        None
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            // Never written; a row that has one is damaged and matches nothing.
            Self::Null | Self::Foreign => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// What another attempt later can cure is `Unavailable`, and what no attempt can is `Damaged`; everything else is our own
/// mistake.
fn classify(error: rusqlite::Error) -> StoreError {
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
fn classify_of(error: rusqlite::Error, sql: &str) -> StoreError {
    match classify(error) {
        StoreError::Damaged(what) => StoreError::Damaged(super::with_tables(&what, sql)),
        other => other,
    }
}

/// For batches that were not done whatever is the matter.
fn unavailable_or_damaged(error: &rusqlite::Error, why: &str) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(why.to_owned()),
        _ => StoreError::Unavailable(why.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conflict, Trouble};

    /// A statement at which the writer panics.
    pub(super) const PANIC: &str = "PANIC";

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    async fn counter() -> Sqlite {
        let db = Sqlite::ephemeral().expect("opens");
        let create =
            Stmt::new("CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)", vec![]);
        db.batch(vec![create], far()).await.expect("created");
        db
    }

    fn insert(id: &str) -> Stmt {
        Stmt::new("INSERT INTO counter (id, n) VALUES ($1, $2)", vec![id.into(), 1.into()])
            .on_unique(Conflict::KeyExists)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refused_batch_leaves_nothing_and_spoils_no_neighbour() {
        let db = Arc::new(counter().await);
        let mut tasks = Vec::new();
        for round in 0..200 {
            let db = Arc::clone(&db);
            tasks.push(tokio::spawn(async move {
                // Every fourth batch writes one good row and then one that is taken.
                let second = if round % 4 == 0 { "taken".to_owned() } else { format!("b{round}") };
                (round, db.batch(vec![insert(&format!("a{round}")), insert(&second)], far()).await)
            }));
        }
        db.batch(vec![insert("taken")], far()).await.ok();
        let mut accepted = Vec::new();
        for task in tasks {
            let (round, answer) = task.await.expect("no panic");
            match answer {
                Ok(()) => accepted.push(round),
                Err(StoreError::Conflict(Conflict::KeyExists)) => assert_eq!(round % 4, 0),
                Err(other) => panic!("{other}"),
            }
        }
        let count = Query::new("SELECT id FROM counter WHERE id LIKE 'a%'", vec![]);
        let rows = db.snapshot(Reach::Point, vec![count], far()).await.expect("reads").remove(0);
        assert_eq!(rows.len(), accepted.len());
    }

    #[tokio::test]
    async fn batch_past_its_deadline_never_begins() {
        let db = counter().await;
        let past = Instant::now() - Duration::from_millis(1);
        let answer = db.batch(vec![insert("late")], past).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        db.batch(vec![insert("next")], far()).await.expect("written");
        let rows = db.snapshot(Reach::Point, vec![Query::new("SELECT id FROM counter", vec![])], far()).await;
        assert_eq!(rows.expect("reads").remove(0), vec![vec![Value::from("next")]]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn long_query_ends_at_its_deadline() {
        let db = counter().await;
        let endless = Query::new(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n",
            vec![],
        );
        let soon = Instant::now() + Duration::from_millis(50);
        let answer = db.snapshot(Reach::Scan, vec![endless], soon).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        let again = db.snapshot(Reach::Scan, vec![Query::new("SELECT 1", vec![])], far()).await;
        assert_eq!(again.expect("the reader is whole").remove(0), vec![vec![Value::Int(1)]]);
    }

    #[tokio::test]
    async fn look_up_past_its_deadline_never_begins() {
        let db = counter().await;
        let one = || vec![Query::new("SELECT 1", vec![])];
        let past = Instant::now() - Duration::from_millis(1);
        let answer = db.snapshot(Reach::Point, one(), past).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        db.snapshot(Reach::Point, one(), far()).await.expect("reads");
    }

    #[test]
    fn long_query_that_finds_no_thread_ends_at_its_deadline() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
        let (go_on, is_held) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            let db = counter().await;
            let one = || vec![Query::new("SELECT 1", vec![])];
            let held = tokio::task::spawn_blocking(move || is_held.recv());
            let waiting = tokio::time::timeout(
                Duration::from_secs(20),
                db.snapshot(Reach::Scan, one(), Instant::now() + Duration::from_millis(50)),
            );
            let answer = waiting.await.expect("it ends by itself");
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
            drop(go_on);
            held.await.expect("no panic").expect_err("nothing was sent");
            for _ in 0..=SCAN_READERS {
                db.snapshot(Reach::Scan, one(), far()).await.expect("the readers are whole");
            }
        });
    }

    #[tokio::test]
    async fn batch_that_the_writer_took_and_never_ends_has_an_unknown_outcome() {
        let soon = || Instant::now() + Duration::from_millis(5);
        let (short, long) = (Duration::from_millis(5), Duration::from_secs(30));
        let is_unknown = |answer| matches!(answer, Err(StoreError::OutcomeUnknown(_)));
        let taken = AtomicU8::new(TAKEN);
        // The writer hangs.
        let (_sender, answered) = oneshot::channel();
        let waiting = tokio::time::timeout(long, outcome(answered, &taken, soon(), short));
        assert!(is_unknown(waiting.await.expect("it ends by itself")));
        // The writer is gone, with the batch.
        let (sender, answered) = oneshot::channel();
        drop(sender);
        assert!(is_unknown(outcome(answered, &taken, far(), long).await));
        // The writer is late, and says it.
        let (sender, answered) = oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            sender.send(Ok(())).expect("somebody waits");
        });
        outcome(answered, &taken, soon(), long).await.expect("it was written");
        // The writer never took it.
        let (_sender, answered) = oneshot::channel();
        let answer = outcome(answered, &AtomicU8::new(WAITING), soon(), long).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }

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

    fn group(batches: Vec<Vec<Stmt>>) -> Vec<Job> {
        let job = |statements| Job {
            work: Work::Batch(statements),
            deadline: far(),
            state: Arc::default(),
            answer: oneshot::channel().0,
        };
        batches.into_iter().map(job).collect()
    }

    /// A connection with a table, and the rows that it has.
    fn table() -> Connection {
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch("CREATE TABLE counter (id TEXT PRIMARY KEY, n BIGINT)").expect("created");
        connection
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT COUNT(*) FROM counter", [], |row| row.get(0)).expect("counted")
    }

    #[test]
    fn commit_that_is_refused_leaves_nothing_and_the_writer_goes_on() {
        let mut connection = table();
        connection.commit_hook(Some(|| true)).expect("hooked");
        let refused = commit_group(&connection, &group(vec![vec![insert("a")], vec![insert("b")]]));
        assert!(matches!(refused.end, End::Undone(_)));
        assert!(refused.answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
        connection.commit_hook(None::<fn() -> bool>).expect("unhooked");
        assert_eq!(count(&connection), 0);
        let committed = commit_group(&connection, &group(vec![vec![insert("a")]]));
        assert!(matches!(committed.end, End::Committed));
        assert_eq!(count(&connection), 1);
    }

    #[test]
    fn batch_whose_statement_rolls_everything_back_takes_its_group_with_it() {
        let connection = table();
        connection
            .execute_batch(
                "CREATE TRIGGER stop BEFORE INSERT ON counter WHEN NEW.id = 'stop' BEGIN SELECT RAISE(ROLLBACK, 'stop'); END",
            )
            .expect("created");
        let ended = commit_group(&connection, &group(vec![vec![insert("a")], vec![insert("stop")]]));
        assert!(matches!(ended.end, End::Undone(_)));
        assert!(ended.answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))));
        assert_eq!((ended.answers.len(), count(&connection)), (2, 0));
    }

    #[test]
    fn part_of_a_refused_batch_is_not_committed_with_its_neighbours() {
        let connection = table();
        // The batch ends its own savepoint, so that it can neither be rolled back to nor released.
        let broken = vec![insert("half"), Stmt::new("RELEASE batch", vec![])];
        let ended = commit_group(&connection, &group(vec![vec![insert("a")], broken, vec![insert("b")]]));
        assert!(matches!(ended.end, End::Undone(_)));
        assert!(ended.answers.iter().all(Result::is_err));
        assert_eq!((ended.answers.len(), count(&connection)), (3, 0));
        assert!(connection.is_autocommit());
    }

    #[test]
    fn batch_that_meets_damage_takes_no_neighbour_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let connection = Connection::open(&path).expect("opens");
        connection
            .execute_batch(
                "CREATE TABLE counter (id TEXT PRIMARY KEY, n BIGINT); CREATE TABLE bad (id TEXT); INSERT INTO bad VALUES ('a')",
            )
            .expect("created");
        let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'bad'";
        let page: u32 = connection.query_row(root, [], |row| row.get(0)).expect("a page");
        drop(connection);
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
        file.write_all_at(&[0xa5; 4096], u64::from(page - 1) * 4096).expect("written over");
        let connection = Connection::open(&path).expect("opens");
        let damaged = vec![insert("half"), Stmt::new("UPDATE bad SET id = 'b'", vec![])];
        let ended = commit_group(&connection, &group(vec![vec![insert("a")], damaged, vec![insert("b")]]));
        assert!(matches!(ended.end, End::Committed));
        let [Ok(()), Err(StoreError::Damaged(what)), Ok(())] = ended.answers.as_slice() else {
            panic!("{:?}", ended.answers)
        };
        assert!(what.ends_with("in table bad"), "{what}");
        assert_eq!(count(&connection), 2);
    }

    #[tokio::test]
    async fn only_a_commit_that_wrote_counts_as_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Sqlite::open(&folder.path().join("t.db")).expect("opens");
        let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
        db.batch(vec![Stmt::new(create, vec![])], far()).await.expect("created");
        let (first, outcome) = db.health().last_commit().expect("it wrote");
        outcome.expect("well");
        db.batch(vec![Stmt::new("DELETE FROM counter WHERE id = 'x'", vec![])], far())
            .await
            .expect("nothing");
        assert_eq!(db.health().last_commit().expect("known").0, first);
        db.prove_writable(far()).await.expect("it can be written");
        let (second, outcome) = db.health().last_commit().expect("it wrote");
        outcome.expect("well");
        assert!(second > first);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn writer_that_panics_begins_again_and_three_times_are_trouble() {
        let db = counter().await;
        for death in 1..=3 {
            let answer = db.batch(vec![insert("lost"), Stmt::new(PANIC, vec![])], far()).await;
            assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
            db.batch(vec![insert(&format!("next{death}"))], far()).await.expect("written");
            assert_eq!(db.health().trouble().is_some(), death == 3, "{death}");
        }
        let rows = db.snapshot(Reach::Point, vec![Query::new("SELECT id FROM counter", vec![])], far()).await;
        assert_eq!(rows.expect("reads").remove(0).len(), 3);
        let trouble = db.health().trouble().expect("trouble").words();
        assert!(trouble.contains("store_writer died 3 times"), "{trouble}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failed_store_refuses_everything_and_leaves_its_log_to_recovery() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let db = Sqlite::open(&path).expect("opens");
        let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
        db.batch(vec![Stmt::new(create, vec![]), insert("a")], far()).await.expect("written");
        db.health().fail("a test");
        let one = || vec![Query::new("SELECT id FROM counter", vec![])];
        for reach in [Reach::Point, Reach::Scan, Reach::Job] {
            let answer = db.snapshot(reach, one(), far()).await;
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        }
        let answer = db.batch(vec![insert("b")], far()).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert_eq!(db.health().failure().await, "a test");
        assert_eq!(db.health().trouble(), Some(Trouble::Failed("a test".to_owned())));
        drop(db);
        let log = std::fs::read(with_suffix(&path, "-wal")).expect("the log is there");
        assert!(!log.is_empty());
        let again = Sqlite::open(&path).expect("opens");
        assert_eq!(std::fs::read(with_suffix(&path, "-wal")).expect("the log"), log, "as it was");
        let rows = again.snapshot(Reach::Point, one(), far()).await.expect("reads").remove(0);
        assert_eq!(rows, vec![vec![Value::from("a")]]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn damaged_database_is_told_with_its_table_and_not_as_something_that_passes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let db = Sqlite::open(&path).expect("opens");
        let create = |name| Stmt::new(format!("CREATE TABLE {name} (id TEXT NOT NULL PRIMARY KEY)"), vec![]);
        let fill = |name| {
            let numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)";
            Stmt::new(format!("INSERT INTO {name} {numbers} SELECT printf('%040d', x) FROM n"), vec![])
        };
        let all = vec![create("good"), create("bad"), fill("good"), fill("bad")];
        db.batch(all, far()).await.expect("written");
        drop(db);
        let pages = {
            let connection = Connection::open(&path).expect("opens");
            let mut found =
                connection.prepare("SELECT pageno FROM dbstat WHERE name = 'bad'").expect("prepared");
            let pages = found.query_map([], |row| row.get::<_, u32>(0)).expect("queried");
            pages.collect::<Result<Vec<_>, _>>().expect("pages")
        };
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
        for page in pages {
            file.write_all_at(&[0xa5; 4096], u64::from(page - 1) * 4096).expect("written over");
        }
        let db = Sqlite::open(&path).expect("opens");
        let read = |name| vec![Query::new(format!("SELECT COUNT(id) FROM {name} NOT INDEXED"), vec![])];
        db.snapshot(Reach::Scan, read("good"), far()).await.expect("the other table is whole");
        assert_eq!(db.health().trouble(), None);
        for reach in [Reach::Scan, Reach::Point] {
            match db.snapshot(reach, read("bad"), far()).await {
                Err(StoreError::Damaged(what)) => assert!(what.ends_with("in table bad"), "{what}"),
                other => panic!("{other:?}"),
            }
        }
        let Some(Trouble::Damaged(what)) = db.health().trouble() else { panic!("it is not what it was") };
        assert!(what.ends_with("in table bad"), "{what}");
        let write = || Stmt::new("UPDATE bad SET id = id || 'x'", vec![]);
        let answer = db.batch(vec![write()], far()).await;
        assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
        db.batch(vec![Stmt::new("DELETE FROM good", vec![])], far()).await.expect("what is whole is written");
        let found = db.look_through(far()).await.expect("looked through");
        assert_eq!((found.looked_at, found.tables), (2, 2));
        assert!(found.damage.iter().all(|line| line.starts_with("table bad: ")), "{:?}", found.damage);
        assert!(!found.damage.is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn store_whose_file_is_gone_or_another_takes_no_writes() {
        let changes = ["-wal removed", "removed", "replaced"];
        for (change, is_link) in changes.iter().flat_map(|change| [(*change, false), (*change, true)]) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("t.db");
            let file = if is_link { folder.path().join("elsewhere.db") } else { path.clone() };
            if is_link {
                std::fs::write(&file, "")
                    .and_then(|()| std::os::unix::fs::symlink(&file, &path))
                    .expect("a link");
            }
            let db = Sqlite::open(&path).expect("opens");
            let create = "CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)";
            db.batch(vec![Stmt::new(create, vec![])], far()).await.expect("created");
            let mine = folder.path().join("mine");
            match change {
                "-wal removed" => std::fs::remove_file(with_suffix(&file, "-wal")),
                "removed" => std::fs::remove_file(&path),
                _ => std::fs::write(&mine, "another").and_then(|()| std::fs::rename(&mine, &path)),
            }
            .expect("changed");
            let noticed = Instant::now();
            while db.health().trouble().is_none() {
                assert!(noticed.elapsed() < Duration::from_secs(10), "{change}, {is_link}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let answer = db.batch(vec![insert("lost")], far()).await;
            assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{change}, {is_link}: {answer:?}");
            db.prove_writable(far()).await.expect_err("nor is it said to take them");
            let read = vec![Query::new("SELECT id FROM counter", vec![])];
            db.snapshot(Reach::Point, read, far()).await.expect("what was answered is still true");
            drop(db);
            if change == "replaced" {
                assert_eq!(std::fs::read(&path).expect("there"), b"another", "nothing was done to it");
            }
        }
    }

    #[tokio::test]
    async fn close_finishes_and_empties_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.db");
        let db = Sqlite::open(&path).expect("opens");
        db.batch(vec![Stmt::new("CREATE TABLE t (id TEXT)", vec![])], far()).await.expect("created");
        db.close();
        assert_eq!(std::fs::metadata(with_suffix(&path, "-wal")).map_or(0, |log| log.len()), 0);
        assert!(matches!(db.batch(vec![], far()).await, Err(StoreError::Unavailable(_))));
    }
}

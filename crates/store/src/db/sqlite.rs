//! SQLite: one writer that commits the batches of many callers together, readers beside it, and a checkpointer on a
//! connection of its own.
//!
//! A commit costs one fsync however many batches it holds, so under load the writer takes what is waiting and commits
//! once. Each batch runs in a savepoint: one that is refused takes no neighbour with it. Copying pages from the log
//! back into the database happens beside the writer, because there it would stop every caller for its time.

use super::{Query, Reach, Row, Stmt, Value};
use crate::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
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
/// How many steps of SQLite's machine a long query takes between two looks at its deadline: well under a millisecond.
const SCAN_STEPS: i32 = 1_000;

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

/// An open SQLite database.
pub(crate) struct Sqlite {
    path: PathBuf,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    point_readers: Box<[Mutex<Connection>]>,
    next_point_reader: AtomicUsize,
    scan_readers: Arc<LongReaders>,
    job_readers: Arc<LongReaders>,
    writer: Mutex<Option<JoinHandle<()>>>,
    checkpointer: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    /// Removes the files of an ephemeral store; after everything above was closed.
    _ephemeral: Option<tempfile::TempDir>,
}

/// Readers for long queries, which run on threads of their own.
struct LongReaders {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    /// Prepared statements are kept: there are few of them.
    keeps: bool,
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

/// A batch on its way to the writer.
struct Job {
    statements: Vec<Stmt>,
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
        synchronous: &str,
        ephemeral: Option<tempfile::TempDir>,
    ) -> Result<Self, StoreError> {
        crate::modes::create(&path);
        let writer = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        keep_log(&writer)?;
        keep_plans(&writer)?;
        set(&writer, "synchronous", synchronous)?;
        set(&writer, "cache_size", -WRITER_CACHE_KIB)?;
        set(&writer, "wal_autocheckpoint", BACKSTOP_PAGES)?;
        let shared =
            Arc::new(Shared { commits: AtomicU64::new(0), stop: Mutex::new(false), stopped: Condvar::new() });
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let point_readers: Result<Vec<_>, _> =
            (0..cores.clamp(2, 8)).map(|_| point_reader(&path).map(Mutex::new)).collect();
        // The text of a list depends on its filters: keeping each would push out the others.
        let scan_readers = LongReaders::open(&path, SCAN_READERS, false)?;
        let job_readers = LongReaders::open(&path, JOB_READERS, true)?;

        let (queue, jobs) = mpsc::channel(QUEUE_BATCHES_MAX);
        let writer_shared = Arc::clone(&shared);
        let writer = spawn("verger-writer", move || write_loop(writer, jobs, &writer_shared))?;
        let checkpoint_connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // The checkpointer syncs the database file before the log is reused.
        set(&checkpoint_connection, "synchronous", synchronous)?;
        // It never waits: while it waits for a reader to end it would hold the writer up.
        checkpoint_connection.busy_timeout(Duration::ZERO).map_err(classify)?;
        let checkpoint_shared = Arc::clone(&shared);
        let log_path = with_suffix(&path, "-wal");
        let checkpointer = spawn("verger-checkpoint", move || {
            checkpoint_loop(&checkpoint_connection, &log_path, &checkpoint_shared);
        })?;
        Ok(Self {
            path,
            queue: Mutex::new(Some(queue)),
            point_readers: point_readers?.into_boxed_slice(),
            next_point_reader: AtomicUsize::new(0),
            scan_readers,
            job_readers,
            writer: Mutex::new(Some(writer)),
            checkpointer: Mutex::new(Some(checkpointer)),
            shared,
            _ephemeral: ephemeral,
        })
    }

    /// Where the database file is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn snapshot(
        &self,
        reach: Reach,
        queries: Vec<Query>,
        deadline: Instant,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        match reach {
            // A look-up by key takes microseconds: less than handing it to another thread and back.
            Reach::Point if Instant::now() >= deadline => Err(late_query()),
            Reach::Point => run_snapshot(&self.point_reader(), &queries, true),
            Reach::Scan => run_long(&self.scan_readers, queries, deadline).await,
            Reach::Job => run_long(&self.job_readers, queries, deadline).await,
        }
    }

    pub(crate) async fn batch(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<(), StoreError> {
        let state = Arc::new(AtomicU8::new(WAITING));
        let (answer, answered) = oneshot::channel();
        let job = Job { statements, deadline, state: Arc::clone(&state), answer };
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
    fn open(path: &Path, count: usize, keeps: bool) -> Result<Arc<Self>, StoreError> {
        let idle: Result<Vec<_>, _> = (0..count).map(|_| reader(path)).collect();
        Ok(Arc::new(Self { permits: Arc::new(Semaphore::new(count)), idle: Mutex::new(idle?), keeps }))
    }
}

/// Runs queries that may take long on a thread where they hold nobody up.
async fn run_long(
    readers: &Arc<LongReaders>,
    queries: Vec<Query>,
    deadline: Instant,
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

fn run_query(connection: &Connection, query: &Query, keep: bool) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(&query.sql).map_err(classify)?;
    let columns = statement.column_count();
    let mut found = Vec::new();
    {
        bind(&mut statement, &query.params)?;
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
    if !keep {
        statement.discard();
    }
    Ok(found)
}

fn write_loop(mut connection: Connection, mut jobs: mpsc::Receiver<Job>, shared: &Shared) {
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
        let now = Instant::now();
        group.retain(|job| {
            job.deadline > now
                && job.state.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
        });
        if group.is_empty() {
            continue;
        }
        group_size.record(u32::try_from(group.len()).unwrap_or(u32::MAX));
        let answers = commit_group(&mut connection, &group);
        commit_seconds.record(now.elapsed());
        shared.commits.fetch_add(1, Ordering::Release);
        for (job, answer) in group.drain(..).zip(answers) {
            // A caller that went away has nobody left to tell.
            drop(job.answer.send(answer));
        }
    }
    if let Err(error) = connection.close() {
        tracing::warn!(error = %error.1, "the writer's connection did not close");
    }
}

/// Runs each batch in a savepoint and commits them together; gives each its own answer.
fn commit_group(connection: &mut Connection, group: &[Job]) -> Vec<Result<(), StoreError>> {
    let all = |error: &dyn Fn() -> StoreError| group.iter().map(|_| Err(error())).collect();
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        let why = error.to_string();
        return all(&|| StoreError::Unavailable(why.clone()));
    }
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        let answer = run_batch(connection, &job.statements);
        // Some failures, such as a full disk, make SQLite roll the whole transaction back.
        if connection.is_autocommit() {
            let why = answer.err().map_or_else(|| "rolled back".to_owned(), |error| error.to_string());
            return all(&|| StoreError::Unavailable(why.clone()));
        }
        answers.push(answer);
    }
    if let Err(error) = execute(connection, "COMMIT") {
        let why = error.to_string();
        if !connection.is_autocommit()
            && let Err(error) = execute(connection, "ROLLBACK")
        {
            tracing::error!(%error, "a failed commit could not be rolled back");
        }
        return all(&|| StoreError::Unavailable(why.clone()));
    }
    answers
}

fn run_batch(connection: &Connection, statements: &[Stmt]) -> Result<(), StoreError> {
    execute(connection, "SAVEPOINT batch")?;
    for statement in statements {
        if let Err(error) = run_statement(connection, statement) {
            if !connection.is_autocommit()
                && let Err(failure) = execute(connection, "ROLLBACK TO batch")
                    .and_then(|()| execute(connection, "RELEASE batch"))
            {
                // Part of a refused batch must not be committed with its neighbours: give all of them up.
                execute(connection, "ROLLBACK")?;
                return Err(failure);
            }
            return Err(error);
        }
    }
    execute(connection, "RELEASE batch")
}

fn run_statement(connection: &Connection, statement: &Stmt) -> Result<(), StoreError> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(classify)?;
    bind(&mut prepared, &statement.params)?;
    match prepared.raw_execute() {
        Ok(changed) => match statement.expect {
            Some((rows, conflict)) if changed as u64 != rows => Err(StoreError::Conflict(conflict)),
            _ => Ok(()),
        },
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if matches!(
                failure.extended_code,
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            Err(statement.on_unique.map_or_else(
                || {
                    StoreError::Bug(
                        "a unique key stood in the way of a statement that did not foresee it".to_owned(),
                    )
                },
                StoreError::Conflict,
            ))
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

fn execute(connection: &Connection, sql: &'static str) -> Result<(), StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).map_err(classify)
}

fn checkpoint_loop(connection: &Connection, log_path: &Path, shared: &Shared) {
    let log_bytes = metrics::gauge!("verger_store_wal_bytes");
    let mut seen = 0;
    let mut last_commit = Instant::now();
    let mut is_empty = false;
    loop {
        let stop = {
            let guard = lock(&shared.stop);
            let (guard, _) = shared
                .stopped
                .wait_timeout_while(guard, CHECKPOINT_EVERY, |stop| !*stop)
                .unwrap_or_else(PoisonError::into_inner);
            *guard
        };
        // At the end there is time to wait for other processes.
        if stop && let Err(error) = connection.busy_timeout(BUSY_TIMEOUT) {
            tracing::warn!(%error, "the last checkpoint will not wait");
        }
        let commits = shared.commits.load(Ordering::Acquire);
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
        match connection.query_row(mode, [], |row| row.get::<_, i64>("busy")) {
            Ok(0) => {}
            Ok(_) => is_empty = false,
            Err(error) => {
                tracing::warn!(%error, "the log could not be copied back; it will be tried again");
                is_empty = false;
            }
        }
        // The file is there from the first commit on.
        log_bytes.set(std::fs::metadata(log_path).map_or(0.0, |log| log.len() as f64));
        if stop {
            return;
        }
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

/// What another attempt later can cure is `Unavailable`; everything else is our own mistake.
fn classify(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::OperationInterrupted
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Bug(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conflict;

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

//! PostgreSQL: reads on connections of their own, writes on two lanes that commit the batches of many callers together.
//!
//! Nothing relies on the state of a session, so that a pooler in transaction mode can stand in between; see `lanes` for
//! the writes.

mod lanes;
mod link;
mod merge;
mod primary;
mod schema;
mod tls;
mod wire;

#[cfg(test)]
mod tests;

use super::health::Health;
use super::{Query, Reach, Row, Stmt};
use crate::StoreError;
use lanes::{Job, Taken};
use link::{Lease, Link};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Batches that may wait for the lanes. One more is refused as busy.
const QUEUE_BATCHES_MAX: usize = 4096;
/// Connections for queries of any length.
pub(crate) const SCAN_CONNECTIONS: usize = 2;
/// How long a query that an index bounds may take. It takes some milliseconds; a busy machine is given time.
const QUICK_MAX: Duration = Duration::from_secs(1);
/// How long one may take of which nobody knows.
const TRY_MAX: Duration = Duration::from_millis(200);
/// Without statistics PostgreSQL takes a page of users for longer than it is, and would rather walk through a whole table.
const BY_INDEX: &str = "; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";
/// Our statements are short. With the other ways of running them disabled, PostgreSQL takes a plan for expensive enough to be
/// compiled, which takes longer than running it, and cannot be cancelled meanwhile.
const NO_JIT: &str = "; SET LOCAL jit = off";
/// Says that it took longer.
const NOT_QUICK: &str = "the query read more than an index bounds";
/// Connections for jobs: one that sweeps, and one for the others meanwhile.
const JOB_CONNECTIONS: usize = 2;
/// Attempts of a read whose connection is lost or cannot be made.
const READ_ATTEMPTS_MAX: u32 = 3;
/// The first pause between two of them.
const READ_PAUSE: Duration = Duration::from_millis(10);
/// How long after its deadline a write that is being committed is waited for: its answer is better than none.
const COMMIT_GRACE: Duration = Duration::from_millis(250);

/// An open PostgreSQL database.
pub(crate) struct Postgres {
    link: Arc<Link>,
    point: primary::Pool,
    scan: primary::Pool,
    job: primary::Pool,
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    pub(super) reads: AtomicU64,
}

impl Postgres {
    /// Reads the URL. Connections are made when they are needed.
    pub(crate) fn open(url: &str) -> Result<Self, StoreError> {
        let link = Arc::new(Link::parse(url)?);
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let (queue, jobs) = mpsc::channel(QUEUE_BATCHES_MAX);
        // The lanes have a thread and a runtime of their own: they finish what is waiting whatever becomes of the
        // caller's runtime.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable(format!("no runtime: {error}")))?;
        let writing = lanes::Lanes::new(Arc::clone(&link), jobs)?;
        let writer = std::thread::Builder::new()
            .name("verger-writer".to_owned())
            .spawn(move || runtime.block_on(writing.run()))
            .map_err(|error| StoreError::Unavailable(format!("no thread: {error}")))?;
        Ok(Self {
            point: link.pool(cores.clamp(2, 8) * 2)?,
            scan: link.pool(SCAN_CONNECTIONS)?,
            job: link.pool(JOB_CONNECTIONS)?,
            link,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
            reads: AtomicU64::new(0),
        })
    }

    /// Refuses a database that does not keep every text as it is.
    pub(crate) async fn check_encoding(&self, deadline: Instant) -> Result<(), StoreError> {
        let query = Query::new("SELECT CAST(current_setting('server_encoding') AS TEXT)", vec![]);
        let rows = self.snapshot(Reach::Point, vec![query], deadline).await?;
        match rows.first().and_then(|rows| rows.first()?.first()) {
            Some(super::Value::Text(encoding)) if encoding == "UTF8" => Ok(()),
            other => Err(StoreError::Unavailable(format!(
                "the database is in {other:?}: make one with ENCODING 'UTF8' TEMPLATE template0"
            ))),
        }
    }

    pub(crate) fn health(&self) -> &Health {
        &self.link.health
    }

    /// Where the database is, without the password.
    pub(crate) fn location(&self) -> &str {
        &self.link.location
    }

    #[cfg(test)]
    pub(crate) fn url(&self) -> &str {
        &self.link.url
    }

    pub(crate) async fn snapshot(
        &self,
        reach: Reach,
        queries: Vec<Query>,
        deadline: Instant,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut attempts = 1;
        loop {
            let failure = match self.try_snapshot(reach, &queries, deadline).await {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            if let StoreError::Damaged(what) = &failure.error {
                let texts: Vec<_> = queries.iter().map(|query| query.sql.as_ref()).collect();
                let damaged = Err(StoreError::Damaged(super::with_tables(what, &texts.join(" "))));
                self.link.health.learn(&damaged);
                return damaged;
            }
            if !failure.can_help_again || attempts == READ_ATTEMPTS_MAX {
                return Err(failure.error);
            }
            let pause = READ_PAUSE * 4_u32.pow(attempts - 1);
            if Instant::now() + pause >= deadline {
                return Err(failure.error);
            }
            tokio::time::sleep(pause).await;
            attempts += 1;
        }
    }

    async fn try_snapshot(
        &self,
        reach: Reach,
        queries: &[Query],
        deadline: Instant,
    ) -> Result<Vec<Vec<Row>>, wire::Failure> {
        let late = || StoreError::Unavailable("the query did not end in time".to_owned());
        if Instant::now() >= deadline {
            return Err(late().into());
        }
        let pool = match reach {
            Reach::Point | Reach::Quick(_) => &self.point,
            Reach::Scan => &self.scan,
            Reach::Job => &self.job,
        };
        let mut lease = Lease::take(pool, &self.link, deadline).await?;
        lease.begin();
        let rows =
            match tokio::time::timeout_at(deadline.into(), read(&lease, reach, queries, deadline)).await {
                Ok(rows) => rows,
                Err(_) => return Err(late().into()),
            };
        let is_stopped = |error: &Error| error.code() == Some(&SqlState::QUERY_CANCELED);
        let rows = match rows {
            Ok(rows) => Ok(rows),
            Err(ReadError::Postgres(error)) if matches!(reach, Reach::Quick(_)) && is_stopped(&error) => {
                Err(wire::Failure {
                    error: StoreError::Unavailable(NOT_QUICK.to_owned()),
                    is_connection_bad: false,
                    can_help_again: false,
                })
            }
            Err(ReadError::Postgres(error)) => {
                lease.learn(&error);
                Err(wire::Failure::of(&error))
            }
            Err(ReadError::AnotherServer) => Err(wire::Failure {
                error: StoreError::Unavailable("it is not the primary any more that answers".to_owned()),
                is_connection_bad: true,
                can_help_again: true,
            }),
        };
        if rows.as_ref().err().is_none_or(|failure| !failure.is_connection_bad) {
            lease.end();
        }
        rows
    }

    pub(crate) async fn quick(
        &self,
        query: Query,
        rows: i64,
        deadline: Instant,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        match self.snapshot(Reach::Quick(rows), vec![query], deadline).await {
            Ok(mut answers) => Ok(Some(answers.pop().unwrap_or_default())),
            Err(StoreError::Unavailable(why)) if why == NOT_QUICK && Instant::now() < deadline => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn batch(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<(), StoreError> {
        self.write(statements, false, deadline).await
    }

    /// Writes a row as it is, which takes a commit and the right to write.
    pub(crate) async fn prove_writable(&self, deadline: Instant) -> Result<(), StoreError> {
        let same =
            Stmt::new("UPDATE schema_migrations SET applied_at = applied_at WHERE version = 1", vec![]);
        self.write(vec![same], true, deadline).await
    }

    async fn write(
        &self,
        statements: Vec<Stmt>,
        is_proof: bool,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        if statements.iter().any(|statement| statement.params.iter().any(wire::has_nul)) {
            // Core refuses such texts, so this one was put together here.
            return Err(StoreError::Bug("a text with the character U+0000 cannot be stored".to_owned()));
        }
        let statements = statements
            .into_iter()
            .map(|statement| Stmt { sql: dialect(statement.sql), ..statement })
            .collect();
        let state = Arc::new(Taken::default());
        let (answer, mut answered) = oneshot::channel();
        self.enqueue(Job { statements, deadline, state: Arc::clone(&state), answer, is_proof })?;
        let late = || StoreError::Unavailable("the write did not end in time, and was not done".to_owned());
        let gone = || {
            if state.is_committing() {
                return wire::outcome_unknown("the writer stopped during COMMIT");
            }
            // The lanes let go of a batch whose time is over, else only when they stop.
            if Instant::now() >= deadline {
                return late();
            }
            StoreError::Unavailable("the writer has stopped".to_owned())
        };
        if let Ok(answer) = tokio::time::timeout_at(deadline.into(), &mut answered).await {
            return answer.unwrap_or_else(|_| Err(gone()));
        }
        if state.abandon() {
            return Err(late());
        }
        // It is being committed: only the answer tells whether it was.
        match tokio::time::timeout(COMMIT_GRACE, answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(wire::outcome_unknown("no answer to COMMIT"))),
            Err(_) => Err(wire::outcome_unknown("no answer to COMMIT in time")),
        }
    }

    /// Hands a batch to the lanes. The queue's handle is not kept while the caller waits: the lanes stop when the last
    /// one is gone.
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

    /// Finishes what is waiting and closes. Later writes are refused.
    pub(crate) fn close(&self) {
        drop(lock(&self.queue).take());
        if let Some(writer) = lock(&self.writer).take()
            && writer.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a read returned nothing.
enum ReadError {
    Postgres(Error),
    /// The rows are those of a server that is no longer the primary.
    AnotherServer,
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Postgres(error)
    }
}

/// Runs the queries on one state of the database. All of it goes out at once and takes one round trip.
async fn read(
    lease: &Lease,
    reach: Reach,
    queries: &[Query],
    deadline: Instant,
) -> Result<Vec<Vec<Row>>, ReadError> {
    // Behind a pooler each transaction may meet another session, also one from before the primary was another.
    let must_be = lease.must_be();
    let mut statements = Vec::with_capacity(queries.len());
    for query in queries {
        statements.push(lease.prepare(&query.sql).await?);
    }
    if let ([query], [statement], Reach::Point, None) = (queries, statements.as_slice(), reach, &must_be)
        && matches!(query.sql, Cow::Borrowed(_))
    {
        // One statement is a snapshot by itself, and one that is written down looks up a row or two.
        return Ok(vec![wire::rows(lease, statement.as_ref(), query).await?]);
    }
    let mut begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{NO_JIT}");
    if reach != Reach::Point {
        // Should the cancellation at the deadline get lost, the server still stops by itself.
        let remaining = wire::remaining_ms(deadline);
        let most = match reach {
            Reach::Quick(0) => remaining.min(TRY_MAX.as_millis()),
            Reach::Quick(_) => remaining.min(QUICK_MAX.as_millis()),
            _ => remaining,
        };
        begin += &format!("; SET LOCAL statement_timeout = {most}");
        if matches!(reach, Reach::Quick(_)) {
            begin += BY_INDEX;
        }
    }
    let which = Query::new(primary::WHICH, vec![]);
    let mut requests: Vec<wire::Request<'_, Vec<Row>>> = Vec::with_capacity(queries.len() + 3);
    requests.push(Box::pin(async { lease.batch_execute(&begin).await.map(|()| Vec::new()) }));
    for (query, statement) in queries.iter().zip(&statements) {
        requests.push(Box::pin(wire::rows(lease, statement.as_ref(), query)));
    }
    if must_be.is_some() {
        requests.push(Box::pin(wire::rows(lease, None, &which)));
    }
    requests.push(Box::pin(async { lease.batch_execute("COMMIT").await.map(|()| Vec::new()) }));
    let mut answers = wire::in_order(requests).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    answers.pop();
    if let Some(server) = must_be {
        let answered = answers.pop();
        let answered = answered.as_ref().and_then(|rows| rows.first()?.first());
        if answered != Some(&super::Value::Text(server)) {
            return Err(ReadError::AnotherServer);
        }
    }
    answers.remove(0);
    Ok(answers)
}

/// Texts are compared byte by byte, as in SQLite, so that keys are in the order of their making and a list is in the
/// same order on every database. The migrations are one text for both, so PostgreSQL is told here.
fn dialect(sql: Cow<'static, str>) -> Cow<'static, str> {
    const TYPE: &str = " TEXT";
    if !sql.starts_with("CREATE TABLE ") && !sql.starts_with("ALTER TABLE ") {
        return sql;
    }
    let mut parts = sql.split(TYPE);
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        told.push_str(TYPE);
        if !part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
            told.push_str(" COLLATE \"C\"");
        }
        told.push_str(part);
    }
    Cow::Owned(told)
}

/// Held by whoever migrates, so that of many servers that start at once one does it and the others find it done.
pub(crate) fn migration_lock() -> Stmt {
    // Any number will do as long as it is always the same.
    Stmt::new("SELECT pg_advisory_xact_lock(8241932770126137)", vec![])
}

/// Ignores poisoning: what the lock guards is replaced whole, never left half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

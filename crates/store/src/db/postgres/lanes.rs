//! The writes: two lanes, each of which commits what is waiting in one transaction.
//!
//! A lane sends the statements of all batches at once, reads the answers, and commits: two round trips and one wait for
//! the disk, however many batches there are. If one of them is refused, nothing is committed; the lane sends the others
//! again without it, and the refused one is tried alone, beside the lanes, where its answer is exact. There it may also
//! wait for a lock, for which a lane has no time: everybody behind it would wait too.
//!
//! Batches go in the order of the users that they change, so that two transactions rarely meet in opposite order.
//!
//! Batches with the same statements are [merged](merge) at first. If that does not go through as a whole, the group is
//! sent again one by one, and what is said above is true of it.

use super::super::{Stmt, Value};
use super::link::{Lease, Link};
use super::merge::{self, List};
use super::primary::{self, Pool};
use super::{NO_JIT, wire};
use crate::{StoreError, panic_text};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

/// Transactions under way at a time. More are slower: they wait for each other's commits.
const LANES: usize = 2;
/// Batches in one transaction of a lane.
const GROUP_BATCHES_MAX: usize = 128;
/// How long a lane waits for a lock before it leaves the batch to be tried alone. Well below the second after which
/// PostgreSQL looks for deadlocks.
const LANE_LOCK_TIMEOUT: Duration = Duration::from_millis(100);
/// How often a lane sends a group again without those that were refused. What is left then is tried batch by batch.
const GROUP_ROUNDS_MAX: u32 = 4;
/// A merged statement looks up each of its rows by its key. PostgreSQL takes the lists for longer than they are, and would
/// rather walk through a small table, of which it then keeps all rows from everybody else.
const BY_KEY: &str =
    "; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";
/// What was answered must survive a power cut, and be on the standby that is waited for, whatever the server, the database
/// or the role has as its setting. Looked at in each transaction, on the way: behind a pooler the next one may meet another
/// session, and settings change.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', true) \
                       WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
/// How often the lanes check that the server still takes writes.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// Attempts of a batch whose connection is lost before it is committed.
const LOST_MAX: u32 = 3;
/// Connections for batches that are tried alone.
const ALONE_CONNECTIONS: usize = 4;
/// Batches that may be tried alone or wait for it. One more is refused as busy.
const ALONE_BATCHES_MAX: usize = 512;
/// How long a batch alone waits for a lock at first, and then twice as long every time: who lets go early is out of a
/// deadlock before PostgreSQL looks for it.
const ALONE_LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// The first pause before a batch that met a deadlock is tried again.
const CONFLICT_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause after a conflict.
const CONFLICT_PAUSE_MAX: Duration = Duration::from_millis(100);

/// A batch on its way to the database.
pub(super) struct Job {
    pub(super) statements: Vec<Stmt>,
    pub(super) deadline: Instant,
    pub(super) state: Arc<Taken>,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
    /// Not a caller's write, so that it is not measured as one.
    pub(super) is_proof: bool,
}

/// How far a batch is: its caller can take it back until it is being committed.
#[derive(Default)]
pub(super) struct Taken(AtomicU8);

const OPEN: u8 = 0;
const COMMITTING: u8 = 1;
const ABANDONED: u8 = 2;

impl Taken {
    /// Takes the batch back. If that is still possible, it is not committed.
    pub(super) fn abandon(&self) -> bool {
        self.0.compare_exchange(OPEN, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn commit(&self) -> bool {
        self.0.compare_exchange(OPEN, COMMITTING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn reopen(&self) {
        self.0.store(OPEN, Ordering::Release);
    }

    /// Whether only the answer to COMMIT tells what became of it.
    pub(super) fn is_committing(&self) -> bool {
        self.0.load(Ordering::Acquire) == COMMITTING
    }

    fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == ABANDONED
    }
}

/// How the batches of a group are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Merged,
    OneByOne,
}

/// What became of a transaction.
enum Outcome {
    Committed,
    /// Nothing was committed, and only sending them one by one tells why.
    Unclear,
    /// Nothing was committed, because of these batches.
    Refused(Vec<(usize, Refusal)>),
    /// Nothing was committed, because the callers of some batches had taken them back.
    Withdrawn,
    /// Nothing was committed: the connection was lost before.
    Lost(StoreError),
    /// Nothing was committed: the time was over before. It may have waited for somebody's lock.
    Late(StoreError),
    /// The connection was lost while it was committed.
    Unknown(StoreError),
}

enum Refusal {
    /// What the batch's own transaction would have answered.
    Answer(StoreError),
    /// It was stopped: its time was over, or somebody did it.
    Stopped(StoreError),
    /// Others were in its way.
    Again,
    /// It would have to wait for a lock.
    Locked(StoreError),
}

pub(super) struct Lanes {
    link: Arc<Link>,
    lane_pool: Pool,
    alone_pool: Pool,
    alone: Mutex<JoinSet<()>>,
    alone_permits: Arc<Semaphore>,
    jobs: Mutex<mpsc::Receiver<Job>>,
    group_size: metrics::Histogram,
    commit_seconds: metrics::Histogram,
}

impl Lanes {
    pub(super) fn new(link: Arc<Link>, jobs: mpsc::Receiver<Job>) -> Result<Self, StoreError> {
        Ok(Self {
            lane_pool: link.pool(LANES)?,
            alone_pool: link.pool(ALONE_CONNECTIONS)?,
            link,
            alone: Mutex::default(),
            alone_permits: Arc::new(Semaphore::new(ALONE_BATCHES_MAX)),
            jobs: Mutex::new(jobs),
            group_size: metrics::histogram!("verger_store_commit_batches"),
            commit_seconds: metrics::histogram!("verger_store_commit_seconds"),
        })
    }

    /// Writes until nobody can send any more, and everything that was sent has its answer.
    pub(super) async fn run(self) {
        let lanes = Arc::new(self);
        let mut running = JoinSet::new();
        for _ in 0..LANES {
            running.spawn(Arc::clone(&lanes).lane(Duration::ZERO));
        }
        let watching = tokio::spawn(Arc::clone(&lanes).watch());
        while let Some(ended) = running.join_next().await {
            let Err(error) = ended else { continue };
            let why = panic_of(error);
            let pause = lanes.link.health.deaths.record("store_writer", &why, Instant::now());
            running.spawn(Arc::clone(&lanes).lane(pause));
        }
        watching.abort();
        let mut alone = lanes.alone.lock().await;
        while let Some(ended) = alone.join_next().await {
            log_panic(ended);
        }
    }

    /// Writes what is waiting, after a pause, until nobody can send any more.
    async fn lane(self: Arc<Self>, pause: Duration) {
        tokio::time::sleep(pause).await;
        while let Some(group) = self.next_group().await {
            self.write(group).await;
        }
    }

    /// Checks now and then that the server still takes writes: without writes, nothing else would notice.
    async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let deadline = Instant::now() + WATCH_EVERY;
            // An error is met by the others too.
            let Ok(mut lease) = Lease::take(&self.alone_pool, &self.link, deadline).await else { continue };
            lease.begin();
            match tokio::time::timeout_at(deadline.into(), primary::who(&lease)).await {
                Ok(Ok((_, is_writable))) => {
                    lease.end();
                    if !is_writable {
                        self.link.primary.doubt();
                    }
                }
                Ok(Err(error)) => lease.learn(&error),
                Err(_) => {}
            }
        }
    }

    /// What is waiting; `None` at the end.
    async fn next_group(&self) -> Option<Vec<Job>> {
        let mut jobs = self.jobs.lock().await;
        let mut group = vec![jobs.recv().await?];
        while group.len() < GROUP_BATCHES_MAX
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        drop(jobs);
        Some(group)
    }

    async fn write(self: &Arc<Self>, mut group: Vec<Job>) {
        // Statements that are put together at run time are rare and can be anything, also changes of the schema.
        let is_own = |statement: &Stmt| matches!(statement.sql, Cow::Owned(_));
        for job in group.extract_if(.., |job| job.statements.iter().any(is_own)).collect::<Vec<_>>() {
            self.try_alone(job).await;
        }
        group.sort_by(|one, other| first_key(one).cmp(&first_key(other)));
        // A pooler would have to take every merged text as it is, which costs more than it spares.
        let mut sending = if self.link.is_pooled { Sending::OneByOne } else { Sending::Merged };
        let mut rounds = 0;
        let mut lost = 0;
        loop {
            let now = Instant::now();
            group.retain(|job| job.deadline > now && !job.state.is_abandoned());
            let Some(latest) = group.iter().map(|job| job.deadline).max() else { return };
            let is_measured = group.iter().any(|job| !job.is_proof);
            if is_measured {
                self.group_size.record(u32::try_from(group.len()).unwrap_or(u32::MAX));
            }
            let outcome = self.transact(&self.lane_pool, &group, sending, LANE_LOCK_TIMEOUT, latest).await;
            if is_measured {
                self.commit_seconds.record(now.elapsed());
            }
            match outcome {
                Outcome::Committed => {
                    group.drain(..).for_each(|job| tell(job, Ok(())));
                }
                Outcome::Withdrawn => {}
                Outcome::Unclear => sending = Sending::OneByOne,
                Outcome::Refused(refused) => {
                    rounds += 1;
                    let is_only = group.len() == 1;
                    // From the back, so that the indexes of the others stay.
                    for (at, refusal) in refused.into_iter().rev() {
                        let job = group.remove(at);
                        match refusal {
                            // Nobody else was in its transaction.
                            Refusal::Answer(answer) | Refusal::Stopped(answer) if is_only => {
                                tell(job, Err(answer))
                            }
                            _ => self.try_alone(job).await,
                        }
                    }
                    if rounds == GROUP_ROUNDS_MAX {
                        for job in group.drain(..) {
                            self.try_alone(job).await;
                        }
                    }
                }
                Outcome::Lost(error) | Outcome::Late(error) => {
                    lost += 1;
                    if lost == LOST_MAX {
                        group.drain(..).for_each(|job| tell(job, Err(error.clone())));
                    } else {
                        tokio::time::sleep(CONFLICT_PAUSE * 5_u32.pow(lost)).await;
                    }
                }
                Outcome::Unknown(error) => {
                    group.drain(..).for_each(|job| tell(job, Err(error.clone())));
                }
            }
        }
    }

    /// Tries a batch beside the lanes.
    async fn try_alone(self: &Arc<Self>, job: Job) {
        let Ok(permit) = Arc::clone(&self.alone_permits).try_acquire_owned() else {
            tell(job, Err(StoreError::Unavailable("too many writes wait for locks".to_owned())));
            return;
        };
        let lanes = Arc::clone(self);
        let mut alone = self.alone.lock().await;
        while let Some(ended) = alone.try_join_next() {
            log_panic(ended);
        }
        alone.spawn(async move {
            let answer = lanes.alone(&job).await;
            tell(job, answer);
            drop(permit);
        });
    }

    async fn alone(&self, job: &Job) -> Result<(), StoreError> {
        let group = std::slice::from_ref(job);
        let late = || StoreError::Unavailable("the write did not end in time, and was not done".to_owned());
        let mut lost = 0;
        let mut pause = CONFLICT_PAUSE;
        let mut lock_timeout = ALONE_LOCK_TIMEOUT;
        loop {
            let remaining = job.deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() || job.state.is_abandoned() {
                return Err(late());
            }
            let limit = lock_timeout.min(remaining);
            match self.transact(&self.alone_pool, group, Sending::OneByOne, limit, job.deadline).await {
                Outcome::Committed => return Ok(()),
                Outcome::Withdrawn => return Err(late()),
                Outcome::Refused(refused) => match refused.into_iter().next() {
                    Some((_, Refusal::Answer(error) | Refusal::Stopped(error))) => return Err(error),
                    Some((_, Refusal::Locked(error))) if lock_timeout >= remaining => return Err(error),
                    Some((_, Refusal::Locked(_))) => lock_timeout *= 2,
                    Some((_, Refusal::Again)) | None => {}
                },
                Outcome::Unclear => return Err(StoreError::Bug("a batch alone was merged".to_owned())),
                Outcome::Lost(error) | Outcome::Late(error) => {
                    lost += 1;
                    if lost == LOST_MAX {
                        return Err(error);
                    }
                }
                Outcome::Unknown(error) => return Err(error),
            }
            tokio::time::sleep(pause.min(remaining)).await;
            pause = (pause * 2).min(CONFLICT_PAUSE_MAX);
        }
    }

    /// What the end of a transaction says about the database.
    fn note(&self, outcome: &Outcome, rows_changed: u64, is_proof: bool) {
        let health = &self.link.health;
        match outcome {
            // Nobody's lock is in the way of an empty write for long.
            Outcome::Late(error) if is_proof => health.committed(Err(error.to_string())),
            // One locked row is not the whole database: an empty write tells.
            Outcome::Late(_) => health.doubt_commit(),
            // A commit that had nothing to write proves nothing.
            Outcome::Committed if rows_changed > 0 => health.committed(Ok(())),
            Outcome::Lost(error) | Outcome::Unknown(error) => health.committed(Err(error.to_string())),
            Outcome::Refused(refused) => {
                for (_, refusal) in refused {
                    match refusal {
                        Refusal::Answer(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) => {
                            health.committed(Err(error.to_string()));
                            health.learn(&Err::<(), _>(error.clone()));
                        }
                        Refusal::Stopped(error) if is_proof => health.committed(Err(error.to_string())),
                        Refusal::Stopped(_) | Refusal::Locked(_) => health.doubt_commit(),
                        Refusal::Answer(_) | Refusal::Again => {}
                    }
                }
            }
            Outcome::Committed | Outcome::Unclear | Outcome::Withdrawn => {}
        }
    }

    /// Runs the batches in one transaction.
    async fn transact(
        &self,
        pool: &Pool,
        group: &[Job],
        sending: Sending,
        lock_timeout: Duration,
        deadline: Instant,
    ) -> Outcome {
        #[cfg(test)]
        for statement in group.iter().flat_map(|job| &job.statements) {
            assert!(statement.sql != super::tests::PANIC, "a statement panics");
        }
        let is_proof = group.iter().any(|job| job.is_proof);
        let mut lease = match Lease::take(pool, &self.link, deadline).await {
            Ok(lease) => lease,
            Err(failure) => {
                // Those that wait for locks may have all connections.
                let is_late = !failure.can_help_again;
                let outcome =
                    if is_late { Outcome::Late(failure.error) } else { Outcome::Lost(failure.error) };
                self.note(&outcome, 0, is_proof);
                return outcome;
            }
        };
        lease.begin();
        let names_keys = group.iter().any(|job| job.statements.iter().any(|statement| statement.names_keys));
        let by_key = if sending == Sending::Merged || names_keys { BY_KEY } else { "" };
        let limits = format!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}{NO_JIT}{by_key}; {DURABLE}",
            lock_timeout.as_millis().max(1),
            wire::remaining_ms(deadline)
        );
        let running = async {
            match sending {
                Sending::Merged => run_merged(&lease, group, &limits).await,
                Sending::OneByOne => run(&lease, group, &limits).await,
            }
        };
        let ran = tokio::time::timeout_at(deadline.into(), running).await;
        let mut rows_changed = 0;
        let outcome = match ran {
            Ok(Ok(changed)) => {
                rows_changed = changed;
                commit(&lease, group, deadline).await
            }
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::Late(StoreError::Unavailable("the database took too long".to_owned())),
        };
        self.note(&outcome, rows_changed, is_proof);
        match &outcome {
            Outcome::Committed => lease.end(),
            Outcome::Refused(_) | Outcome::Withdrawn | Outcome::Unclear => {
                let rolled_back = tokio::time::timeout_at(deadline.into(), lease.batch_execute("ROLLBACK"));
                // Else the connection is dropped, which comes to the same.
                if matches!(rolled_back.await, Ok(Ok(()))) {
                    lease.end();
                }
            }
            Outcome::Late(error) => tracing::warn!(%error, "a connection for writes is dropped"),
            Outcome::Lost(error) | Outcome::Unknown(error) => {
                tracing::warn!(%error, "a connection for writes was lost");
            }
        }
        outcome
    }
}

/// Sends everything and reads the answers; how many rows it changed if all of it can be committed.
async fn run(lease: &Lease, group: &[Job], limits: &str) -> Result<u64, Outcome> {
    let mut refused: Vec<(usize, Refusal)> = Vec::new();
    let mut prepared = Vec::with_capacity(group.len());
    for (at, job) in group.iter().enumerate() {
        let mut statements = Vec::with_capacity(job.statements.len());
        for statement in &job.statements {
            match lease.prepare(&statement.sql).await {
                Ok(statement) => statements.push(statement),
                Err(error) if wire::is_lost(&error) => return Err(lost(lease, &error)),
                Err(error) => {
                    let why = wire::classify(&error);
                    let is_stopped = error.code() == Some(&SqlState::QUERY_CANCELED);
                    refused.push((at, if is_stopped { Refusal::Stopped(why) } else { Refusal::Answer(why) }));
                    break;
                }
            }
        }
        prepared.push(statements);
    }
    if !refused.is_empty() {
        return Err(Outcome::Refused(refused));
    }
    let mut requests: Vec<wire::Request<'_, u64>> = Vec::new();
    requests.push(Box::pin(async { lease.batch_execute(limits).await.map(|()| 0) }));
    for (job, statements) in group.iter().zip(&prepared) {
        for (written, statement) in job.statements.iter().zip(statements) {
            requests.push(Box::pin(wire::changed(lease, statement.as_ref(), written)));
        }
    }
    let mut answers = wire::in_order(requests).await.into_iter();
    if let Some(Err(error)) = answers.next() {
        // Whatever it was doing, it is not a connection to begin with.
        return Err(lost(lease, &error));
    }
    let mut is_aborted = false;
    let mut rows_changed = 0;
    for (at, job) in group.iter().enumerate() {
        let mut refusal = None;
        for (written, answer) in job.statements.iter().zip(answers.by_ref()) {
            let why = match answer {
                Ok(changed) => {
                    // Rows of a SELECT are none that were written.
                    rows_changed += if written.sql.starts_with("SELECT") { 0 } else { changed };
                    match written.expect {
                        Some((rows, conflict)) if changed != rows => {
                            Some(Refusal::Answer(StoreError::Conflict(conflict)))
                        }
                        _ => None,
                    }
                }
                Err(error) if wire::is_lost(&error) => return Err(lost(lease, &error)),
                // Only because of one before.
                Err(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => {
                    is_aborted = true;
                    None
                }
                Err(error) => Some(refusal_of(written, &error)),
            };
            // The first counts: what comes after it may follow from it.
            refusal = refusal.or(why);
        }
        refused.extend(refusal.map(|refusal| (at, refusal)));
    }
    if refused.is_empty() && !is_aborted {
        return Ok(rows_changed);
    }
    if refused.is_empty() {
        let why = "a transaction failed without a failed statement".to_owned();
        return Err(Outcome::Lost(StoreError::Bug(why)));
    }
    Err(Outcome::Refused(refused))
}

/// Sends everything, batches with the same statements as one, and reads the answers; how many rows it changed if all of it
/// can be committed.
async fn run_merged(lease: &Lease, group: &[Job], limits: &str) -> Result<u64, Outcome> {
    let lost_or_unclear = |error: &tokio_postgres::Error| {
        if wire::is_lost(error) { lost(lease, error) } else { Outcome::Unclear }
    };
    let mut prepared = Vec::new();
    for class in merge::classes(group) {
        match prepare_class(lease, group, &class).await {
            Ok(statements) => prepared.extend(statements),
            Err(error) => return Err(lost_or_unclear(&error)),
        }
    }
    let mut expected = Vec::with_capacity(prepared.len());
    let mut requests: Vec<wire::Request<'_, u64>> = Vec::with_capacity(prepared.len() + 1);
    requests.push(Box::pin(async { lease.batch_execute(limits).await.map(|()| 0) }));
    for request in prepared {
        match request {
            Prepared::One(written, statement) => {
                expected.push(written.expect.map(|(rows, _)| rows));
                requests
                    .push(Box::pin(async move { wire::changed(lease, statement.as_ref(), written).await }));
            }
            Prepared::Many(rows, statement, lists) => {
                expected.push(rows);
                requests.push(Box::pin(async move { lease.execute_raw(&statement, lists).await }));
            }
        }
    }
    let mut answers = wire::in_order(requests).await.into_iter();
    if let Some(Err(error)) = answers.next() {
        // Whatever it was doing, it is not a connection to begin with.
        return Err(lost(lease, &error));
    }
    let mut is_clear = true;
    let mut rows_changed = 0;
    for (rows, answer) in expected.into_iter().zip(answers) {
        match answer {
            Ok(changed) => {
                rows_changed += changed;
                is_clear &= rows.is_none_or(|rows| rows == changed);
            }
            Err(error) if wire::is_lost(&error) => return Err(lost(lease, &error)),
            Err(_) => is_clear = false,
        }
    }
    if is_clear { Ok(rows_changed) } else { Err(Outcome::Unclear) }
}

/// A request of a merged group.
enum Prepared<'a> {
    One(&'a Stmt, Option<Statement>),
    /// How many rows must change in all, the statement, and its lists.
    Many(Option<u64>, Statement, Vec<List<'a>>),
}

/// The requests of batches with the same statements, which are merged if each of these can be.
async fn prepare_class<'a>(
    lease: &Lease,
    group: &'a [Job],
    class: &[usize],
) -> Result<Vec<Prepared<'a>>, tokio_postgres::Error> {
    let jobs: Vec<&Job> = class.iter().filter_map(|at| group.get(*at)).collect();
    let mut merged = Vec::new();
    let mut is_merged = jobs.len() > 1;
    let mut at = 0;
    while is_merged && let Some(first) = jobs.first().and_then(|job| job.statements.get(at)) {
        let equal: Vec<&Stmt> = jobs.iter().filter_map(|job| job.statements.get(at)).collect();
        let rows = equal.iter().map(|written| written.expect.map(|(rows, _)| rows)).sum();
        match lease.prepare_merged(first).await? {
            Some((statement, types)) => match List::of(&equal, &types) {
                Some(lists) => merged.push(Prepared::Many(rows, statement, lists)),
                None => is_merged = false,
            },
            None => is_merged = false,
        }
        at += 1;
    }
    if is_merged {
        return Ok(merged);
    }
    let mut single = Vec::new();
    for written in jobs.into_iter().flat_map(|job| &job.statements) {
        single.push(Prepared::One(written, lease.prepare(&written.sql).await?));
    }
    Ok(single)
}

fn refusal_of(written: &Stmt, error: &tokio_postgres::Error) -> Refusal {
    let code = error.code();
    if code == Some(&SqlState::UNIQUE_VIOLATION) {
        return Refusal::Answer(written.on_unique.map_or_else(
            || {
                StoreError::Bug(
                    "a unique key stood in the way of a statement that did not foresee it".to_owned(),
                )
            },
            StoreError::Conflict,
        ));
    }
    let why = wire::classify_of(error, &written.sql);
    if wire::is_serialization(error) {
        Refusal::Again
    } else if code == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        Refusal::Locked(why)
    } else if code == Some(&SqlState::QUERY_CANCELED) {
        Refusal::Stopped(why)
    } else {
        Refusal::Answer(why)
    }
}

/// Commits, unless a caller has taken its batch back. From here on nobody can.
async fn commit(lease: &Lease, group: &[Job], deadline: Instant) -> Outcome {
    for (at, job) in group.iter().enumerate() {
        if !job.state.commit() {
            group[..at].iter().for_each(|job| job.state.reopen());
            return Outcome::Withdrawn;
        }
    }
    let unknown = |why: &str| Outcome::Unknown(wire::outcome_unknown(why));
    let warnings = lease.warnings();
    let error = match tokio::time::timeout_at(deadline.into(), lease.batch_execute("COMMIT")).await {
        // A wait for a standby that was cancelled ends as if it had come to its end, with a warning.
        Ok(Ok(())) if lease.warnings() != warnings => return unknown("PostgreSQL warned during COMMIT"),
        Ok(Ok(())) => return Outcome::Committed,
        Ok(Err(error)) => error,
        Err(_) => return unknown("the deadline passed during COMMIT"),
    };
    lease.learn(&error);
    if !wire::is_undone_by_commit(&error) {
        return unknown(&wire::describe(&error));
    }
    group.iter().for_each(|job| job.state.reopen());
    let refusal = |error: &tokio_postgres::Error| {
        let why = wire::classify(error);
        if wire::is_serialization(error) {
            Refusal::Again
        } else if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
            Refusal::Locked(why)
        } else {
            Refusal::Answer(why)
        }
    };
    Outcome::Refused(group.iter().enumerate().map(|(at, _)| (at, refusal(&error))).collect())
}

/// The connection was lost before anything was committed.
fn lost(lease: &Lease, error: &tokio_postgres::Error) -> Outcome {
    lease.learn(error);
    Outcome::Lost(wire::classify(error))
}

/// Instance and user of the row that a batch changes first.
fn first_key(job: &Job) -> [&str; 2] {
    let params = job.statements.first().map_or(&[][..], |statement| &statement.params);
    [0, 1].map(|at| match params.get(at) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    })
}

fn tell(job: Job, answer: Result<(), StoreError>) {
    // The caller was cancelled: drop the result.
    drop(job.answer.send(answer));
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(why = panic_of(error), "a task of the writer panicked");
    }
}

fn panic_of(error: tokio::task::JoinError) -> String {
    error.try_into_panic().map_or_else(|error| error.to_string(), |panic| panic_text(&*panic).to_owned())
}

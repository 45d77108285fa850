//! What is removed because of its age.
//!
//! A sweep goes on until nothing is left, however much is written meanwhile. It takes one step of a few hundred rows of each
//! kind and each instance in turn, so that none waits for another's millions. A step chooses its keys with a reader that is
//! nobody else's, in a bounded range of an index, and removes by key: the writer never searches. How long to rest between two
//! steps is up to whoever takes them.

use crate::db::{Columns, Query, Reach, Row, Stmt, Value, by_keys};
use crate::webhooks::Removal;
use crate::{Conflict, Scoped, Store, StoreError};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use verger_wire::{InstanceId, UnixMillis};

/// Rows that a step looks at.
pub(crate) const STEP_ROWS: usize = 500;
/// The same as a statement parameter.
pub(crate) const STEP_ROWS_MAX: i64 = 500;
/// For how long one of several servers sweeps, in milliseconds.
pub const RETENTION_LEASE_MS: i64 = 60_000;
/// How long it is remembered who swept, in milliseconds. Clocks of servers differ less.
const LEASES_KEPT_MS: i64 = 600_000;
const LEASE_SCOPE: &str = "retention";

/// Until when what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The time of this sweep: rows dated after it were written by a clock that was ahead.
    pub now: UnixMillis,
    /// Answers to an `Idempotency-Key` from before go.
    pub answers: UnixMillis,
    /// Codes, counters, messages and what is remembered of numbers from before go.
    pub codes: UnixMillis,
    /// Codes in events from before go, delivered or not.
    pub sealed: UnixMillis,
    /// Events from before this time are deleted.
    pub events: UnixMillis,
    /// Rows of the audit trail from before go; `None` for none.
    pub audit: Option<UnixMillis>,
}

/// What is kept for a while, and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retained {
    /// Answers to an `Idempotency-Key`.
    Answers,
    /// Codes other than the newest of each identification.
    Codes,
    /// Counters of the limits on sending.
    Counters,
    /// What is remembered of numbers, and of the factors of users.
    Windows,
    /// Messages in a final state.
    Messages,
    /// Sealed texts of codes in events.
    SealedEvents,
    /// Endpoints that were removed while something waited for them.
    RemovedEndpoints,
    /// Events with their texts and deliveries.
    Events,
    /// Rows of the audit trail.
    AuditLog,
}

/// Which of some rows, in the order in which they were written, go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) before: UnixMillis,
    pub(crate) now: UnixMillis,
}

/// How far a walk over rows in the order in which they were written has come, to remove the first of them.
#[derive(Clone, Debug)]
pub(crate) struct CutCursor {
    /// Everything up to here was removed, or is still of use.
    after: i64,
    /// Everything up to here goes.
    until: i64,
    /// Between `after` and here are rows from the future alone.
    looked: i64,
}

/// How far a walk over rows by age has come.
#[derive(Clone, Debug)]
pub(crate) struct AgeCursor {
    at: i64,
    instance: String,
    id: String,
    /// The first row of the walk that is to go.
    oldest: Option<UnixMillis>,
}

/// How far the three walks over the changes of an instance have come; `None` for one that is at its end.
#[derive(Clone, Debug)]
struct ChangesCursor {
    events: Option<CutCursor>,
    trail: Option<CutCursor>,
    removed: Option<i64>,
}

/// The progress of a sweep.
#[derive(Debug, Default)]
pub struct Sweep {
    tasks: VecDeque<Task>,
}

/// Why a step of a sweep was not taken. The others go on.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct RetentionError {
    /// What was to be removed.
    pub what: &'static str,
    /// Of which instance, if it is of one.
    pub instance: Option<InstanceId>,
    source: StoreError,
}

/// The kinds of work of a sweep, in turn.
#[derive(Debug)]
enum Task {
    Answers,
    Codes(AgeCursor),
    Counters,
    Windows,
    Messages(AgeCursor),
    Sealed,
    Events { instance: InstanceId, after: CutCursor },
    Audit { instance: InstanceId, after: CutCursor },
    Changes { instance: InstanceId, at: ChangesCursor },
    Deliveries { instance: InstanceId, endpoint: String, after: i64 },
    Removal(Removal),
    Orphans { instance: InstanceId, endpoint: String, after: (i64, i64) },
}

impl Retained {
    /// All kinds, in the order in which they are swept.
    pub const ALL: [Self; 9] = [
        Self::Answers,
        Self::Codes,
        Self::Counters,
        Self::Windows,
        Self::Messages,
        Self::SealedEvents,
        Self::RemovedEndpoints,
        Self::Events,
        Self::AuditLog,
    ];

    /// What it is called in metrics and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Codes => "codes",
            Self::Counters => "counters",
            Self::Windows => "windows",
            Self::Messages => "messages",
            Self::SealedEvents => "sealed_events",
            Self::RemovedEndpoints => "removed_endpoints",
            Self::Events => "events",
            Self::AuditLog => "audit_log",
        }
    }
}

impl Cut {
    /// How many of the first rows go, and whether those behind them can tell of more. A row from the future counts as one of
    /// the moment at which the next one was written: a clock that was wrong for an hour must not keep everything behind it
    /// for ever.
    fn count_old(self, moments: impl Iterator<Item = UnixMillis>) -> (usize, bool) {
        let mut old = 0;
        for (at, moment) in moments.enumerate() {
            if moment < self.before {
                old = at + 1;
            } else if moment <= self.now {
                return (old, false);
            }
        }
        (old, true)
    }
}

impl Default for CutCursor {
    fn default() -> Self {
        Self { after: i64::MIN, until: i64::MIN, looked: i64::MIN }
    }
}

impl CutCursor {
    /// After which number the next rows are to be read, and up to which.
    pub(crate) fn range(&self) -> (i64, i64) {
        if self.until > self.after { (self.after, self.until) } else { (self.looked, i64::MAX) }
    }

    /// Moves behind rows, of which moment and number are given; gives how many of the first of them go, and whether there may
    /// be more. However many rows from the future there are, they are removed in steps, once an old one is found behind them.
    pub(crate) fn advance(&mut self, cut: Cut, rows: &[(UnixMillis, i64)]) -> (usize, bool) {
        let is_full = rows.len() == STEP_ROWS;
        let last = rows.last().map(|(_, number)| *number);
        if self.until > self.after {
            self.after = last.filter(|_| is_full).unwrap_or(self.until);
            return (rows.len(), true);
        }
        let (old, is_open) = cut.count_old(rows.iter().map(|(moment, _)| *moment));
        let Some((_, last_old)) = rows[..old].last() else {
            self.looked = last.unwrap_or(self.looked);
            return (0, is_full && is_open);
        };
        let is_in_front = self.looked > self.after;
        self.looked = *last_old;
        if is_in_front {
            self.until = *last_old;
            return (0, true);
        }
        self.after = *last_old;
        (old, is_full && is_open)
    }
}

impl Default for AgeCursor {
    fn default() -> Self {
        Self { at: i64::MIN, instance: String::new(), id: String::new(), oldest: None }
    }
}

impl AgeCursor {
    fn params(&self, before: UnixMillis) -> Vec<Value> {
        vec![
            before.into(),
            self.at.into(),
            self.instance.as_str().into(),
            self.id.as_str().into(),
            STEP_ROWS_MAX.into(),
        ]
    }

    /// Moves behind rows of id, instance, moment, and whether they go; gives the keys of those that do, instance first, and
    /// whether there may be more rows.
    fn advance(&mut self, table: &'static str, rows: Vec<Row>) -> Result<(Vec<Row>, bool), StoreError> {
        let is_more = rows.len() == STEP_ROWS;
        let mut keys = Vec::new();
        for row in rows {
            let mut columns = Columns::new(table, row);
            self.id = columns.id("id")?;
            self.instance = columns.text("instance_id")?;
            self.at = columns.int("moment")?;
            if columns.flag("state")? {
                self.oldest.get_or_insert(UnixMillis(self.at));
                keys.push(vec![self.instance.as_str().into(), self.id.as_str().into()]);
            }
        }
        Ok((keys, is_more))
    }
}

impl ChangesCursor {
    fn new(kept: &Kept) -> Self {
        Self {
            events: Some(CutCursor::default()),
            trail: kept.audit.map(|_| CutCursor::default()),
            removed: Some(0),
        }
    }

    /// A step of each walk; `false` once all are at their ends. A row that both others pass is removed by the same sweep.
    async fn step(&mut self, scoped: Scoped<'_>, kept: &Kept, deadline: Instant) -> Result<bool, StoreError> {
        let now = kept.now;
        if let Some(after) = &mut self.events
            && !scoped.sweep_events_of_changes(Cut { before: kept.events, now }, after, deadline).await?
        {
            self.events = None;
        }
        if let (Some(after), Some(before)) = (&mut self.trail, kept.audit)
            && !scoped.sweep_trail_of_changes(Cut { before, now }, after, deadline).await?
        {
            self.trail = None;
        }
        let is_passing = self.events.is_some() || self.trail.is_some();
        if let Some(after) = &mut self.removed
            && !scoped.sweep_changes(after, deadline).await?
            && !is_passing
        {
            self.removed = None;
        }
        Ok(self.removed.is_some())
    }
}

impl Sweep {
    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.tasks.is_empty()
    }
}

impl Task {
    fn what(&self) -> &'static str {
        let retained = match self {
            Self::Answers => Retained::Answers,
            Self::Codes(_) => Retained::Codes,
            Self::Counters => Retained::Counters,
            Self::Windows => Retained::Windows,
            Self::Messages(_) => Retained::Messages,
            Self::Sealed => Retained::SealedEvents,
            Self::Events { .. } => Retained::Events,
            Self::Audit { .. } => Retained::AuditLog,
            Self::Changes { .. } => return "changes",
            Self::Deliveries { .. } => return "deliveries",
            Self::Removal(_) => Retained::RemovedEndpoints,
            Self::Orphans { .. } => return "deliveries",
        };
        retained.name()
    }

    fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Events { instance, .. }
            | Self::Audit { instance, .. }
            | Self::Changes { instance, .. }
            | Self::Deliveries { instance, .. }
            | Self::Orphans { instance, .. } => Some(instance),
            Self::Removal(removal) => Some(&removal.instance),
            _ => None,
        }
    }

    /// One step; `false` once nothing is left of it.
    async fn step(&mut self, store: &Store, kept: &Kept, deadline: Instant) -> Result<bool, StoreError> {
        let now = kept.now;
        match self {
            Self::Answers => store.sweep_answers(kept.answers, deadline).await,
            Self::Codes(after) => store.sweep_codes(kept.codes, after, deadline).await,
            Self::Counters => store.sweep_counters(kept.codes, deadline).await,
            Self::Windows => {
                let of_numbers = store.sweep_windows(kept.codes, deadline).await?;
                Ok(store.sweep_guesses(kept.codes, deadline).await? || of_numbers)
            }
            Self::Messages(after) => store.sweep_messages(kept.codes, after, deadline).await,
            Self::Sealed => store.erase_sealed_events(kept.sealed, deadline).await,
            Self::Events { instance, after } => {
                let cut = Cut { before: kept.events, now };
                store.instance(instance).sweep_events(cut, after, deadline).await
            }
            Self::Audit { instance, after } => {
                let Some(before) = kept.audit else { return Ok(false) };
                store.instance(instance).sweep_audit_log(Cut { before, now }, after, deadline).await
            }
            Self::Changes { instance, at } => at.step(store.instance(instance), kept, deadline).await,
            Self::Deliveries { instance, endpoint, after } => {
                store.instance(instance).sweep_deliveries(endpoint, after, deadline).await
            }
            Self::Removal(removal) => {
                store.instance(&removal.instance).sweep_removal(removal, now, deadline).await
            }
            Self::Orphans { instance, endpoint, after } => {
                store.instance(instance).sweep_orphans(endpoint, after, deadline).await
            }
        }
    }
}

impl Store {
    /// Whether this server is the one that sweeps in the minute of `now`: the first that asks is. Of servers whose clocks
    /// differ two may sweep for a while, which does no harm.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_retention(&self, now: UnixMillis, deadline: Instant) -> Result<bool, StoreError> {
        // A counter of no instance. A table of its own would say more, and need a migration.
        let minute = now.0 - now.0.rem_euclid(RETENTION_LEASE_MS);
        let key: [Value; 3] = ["".into(), LEASE_SCOPE.into(), "".into()];
        let with_key = |rest: Vec<Value>| key.iter().cloned().chain(rest).collect::<Vec<_>>();
        let claim = Stmt::new(
            "INSERT INTO send_counters (instance_id, scope, subject, period_start, amount)
             VALUES ($1, $2, $3, $4, 1) ON CONFLICT (instance_id, scope, subject, period_start) DO NOTHING",
            with_key(vec![minute.into()]),
        )
        .expect(1, Conflict::Stale);
        // Also what a clock that was wrong left in the future.
        let forget = Stmt::new(
            "DELETE FROM send_counters WHERE instance_id = $1 AND scope = $2 AND subject = $3
                AND (period_start < $4 OR period_start > $5)",
            with_key(vec![(minute - LEASES_KEPT_MS).into(), (minute + LEASES_KEPT_MS).into()]),
        );
        self.batch_unless_stale(vec![claim, forget], deadline).await
    }

    /// Begins a sweep of everything that may have something to remove. With `walks` also what has to be looked at row by
    /// row, to find what is of no use any more.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn begin_sweep(
        &self,
        kept: &Kept,
        walks: bool,
        deadline: Instant,
    ) -> Result<Sweep, StoreError> {
        let mut tasks: VecDeque<Task> = [Task::Answers, Task::Counters, Task::Windows, Task::Sealed].into();
        tasks.extend(self.removals(deadline).await?.into_iter().map(Task::Removal));
        tasks.extend(self.tasks_of_instances(kept, walks, deadline).await?);
        if walks {
            tasks.push_back(Task::Codes(AgeCursor::default()));
            tasks.push_back(Task::Messages(AgeCursor::default()));
        }
        let endpoints = Query::new("SELECT id, instance_id FROM webhook_endpoints", vec![]);
        for row in self.rows(Reach::Job, endpoints, deadline).await? {
            let mut columns = Columns::new("webhook_endpoints", row);
            let endpoint = columns.id("id")?;
            let instance = InstanceId::from(columns.text("instance_id")?);
            let (of, to) = (instance.clone(), endpoint.clone());
            tasks.push_back(Task::Deliveries { instance: of, endpoint: to, after: 0 });
            if walks {
                tasks.push_back(Task::Orphans { instance, endpoint, after: (i64::MIN, i64::MIN) });
            }
        }
        Ok(Sweep { tasks })
    }

    /// What there is to do about events and trails, of each instance that has something old.
    async fn tasks_of_instances(
        &self,
        kept: &Kept,
        walks: bool,
        deadline: Instant,
    ) -> Result<Vec<Task>, StoreError> {
        let mut tasks = Vec::new();
        let oldest = [OLDEST_EVENTS, OLDEST_AUDIT, OLDEST_EVENTS_OF_CHANGES, OLDEST_AUDIT_OF_CHANGES];
        let queries = oldest.map(|sql| Query::new(sql, vec![])).into();
        let of_instances = self.db.snapshot(Reach::Job, queries, deadline).await?;
        let befores = [Some(kept.events), kept.audit, Some(kept.events), kept.audit];
        let mut with_changes: Vec<InstanceId> = Vec::new();
        for (at, (rows, before)) in of_instances.into_iter().zip(befores).enumerate() {
            for row in rows {
                let mut columns = Columns::new("instances", row);
                let instance = InstanceId::from(columns.id("id")?);
                let Some(oldest) = columns.optional_int("oldest")? else { continue };
                // One from the future says nothing of what is behind it, which has to be looked at.
                let is_wanted =
                    before.is_some_and(|before| oldest < before.0 || (walks && oldest > kept.now.0));
                if !is_wanted {
                    continue;
                }
                let after = CutCursor::default();
                match at {
                    0 => tasks.push(Task::Events { instance, after }),
                    1 => tasks.push(Task::Audit { instance, after }),
                    _ if with_changes.contains(&instance) => {}
                    _ => with_changes.push(instance),
                }
            }
        }
        let changes = |instance| Task::Changes { instance, at: ChangesCursor::new(kept) };
        tasks.extend(with_changes.into_iter().map(changes));
        Ok(tasks)
    }

    /// Takes the next step. What fails is left for the next sweep.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn continue_sweep(
        &self,
        sweep: &mut Sweep,
        kept: &Kept,
        deadline: Instant,
    ) -> Result<(), RetentionError> {
        let Some(mut task) = sweep.tasks.pop_front() else { return Ok(()) };
        match task.step(self, kept, deadline).await {
            Ok(true) => {
                sweep.tasks.push_back(task);
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(source) => {
                Err(RetentionError { what: task.what(), instance: task.instance().cloned(), source })
            }
        }
    }

    /// The moment of the oldest row that is kept of a kind; `None` if there is none. Of former codes the newest of every
    /// number is kept for ever and does not count.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn oldest_kept(
        &self,
        of: Retained,
        kept: &Kept,
        deadline: Instant,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let all = |sql: &'static str| Query::new(sql, vec![]);
        let query = match of {
            Retained::Answers => all("SELECT 'answers', MIN(created_at) FROM idempotency_keys"),
            Retained::Codes => Query::new(
                "SELECT 'codes', MIN(created_at) FROM verifications WHERE created_at >= $1",
                vec![kept.codes.into()],
            ),
            Retained::Counters => all("SELECT 'counters', MIN(period_start) FROM send_counters"),
            Retained::Windows => all("SELECT 'windows', MIN(sent_at) FROM verification_windows"),
            Retained::Messages => all("SELECT 'messages', MIN(updated_at) FROM messages"),
            Retained::SealedEvents => {
                all("SELECT 'sealed_events', MIN(created_at) FROM outbox WHERE sealed <> ''
                 UNION ALL SELECT 'sealed_events', MIN(created_at) FROM changes WHERE sealed <> ''")
            }
            Retained::RemovedEndpoints => {
                all("SELECT 'removed_endpoints', MIN(removed_at) FROM webhook_removals")
            }
            Retained::Events => all(OLDEST_EVENTS),
            Retained::AuditLog => all(OLDEST_AUDIT),
        };
        let of_changes = match of {
            Retained::Events => Some(all(OLDEST_EVENTS_OF_CHANGES)),
            Retained::AuditLog => Some(all(OLDEST_AUDIT_OF_CHANGES)),
            _ => None,
        };
        let mut oldest: Option<i64> = None;
        let queries = std::iter::once(query).chain(of_changes).collect();
        for row in self.db.snapshot(Reach::Job, queries, deadline).await?.into_iter().flatten() {
            let mut columns = Columns::new(of.name(), row);
            columns.id("name")?;
            oldest = [oldest, columns.optional_int("oldest")?].into_iter().flatten().min();
        }
        Ok(oldest.map(UnixMillis))
    }

    /// Removes from a table with a key of instance and id what `oldest` finds and says may go: it gives id, instance, moment
    /// and that, for rows from before `before` and behind `after`, which moves. `false` at the end.
    pub(crate) async fn sweep_by_age(
        &self,
        table: &'static str,
        oldest: &'static str,
        before: UnixMillis,
        after: &mut AgeCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let rows = self.rows(Reach::Job, Query::new(oldest, after.params(before)), deadline).await?;
        let (keys, is_more) = after.advance(table, rows)?;
        let delete = format!("DELETE FROM {table} WHERE instance_id = $1 AND id");
        self.change_by_keys(keys, &[&delete], &[], deadline).await?;
        Ok(is_more)
    }

    /// Changes rows by their keys, instance first, with each of `heads`, which end with the column of the key; `more` are
    /// their parameters behind the instance.
    pub(crate) async fn change_by_keys(
        &self,
        keys: Vec<Row>,
        heads: &[&str],
        more: &[Value],
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let mut of_instances: HashMap<String, Vec<Value>> = HashMap::new();
        for mut key in keys {
            if let (Some(id), Some(Value::Text(instance))) = (key.pop(), key.pop()) {
                of_instances.entry(instance).or_default().push(id);
            }
        }
        let mut statements = Vec::new();
        for (instance, ids) in of_instances {
            let first: Vec<Value> = [Value::from(instance)].into_iter().chain(more.iter().cloned()).collect();
            for head in heads {
                statements.extend(by_keys(head, &first, &ids));
            }
        }
        if statements.is_empty() {
            return Ok(());
        }
        self.batch(statements, deadline).await
    }
}

/// The moment of the first event of each instance: one look at an index each.
const OLDEST_EVENTS: &str = "SELECT i.id, (SELECT o.created_at FROM outbox o
        WHERE o.instance_id = i.id AND o.sequence_number IS NOT NULL ORDER BY o.sequence_number LIMIT 1)
     FROM instances i";
/// The same for the first row of its trail.
const OLDEST_AUDIT: &str = "SELECT i.id, (SELECT a.created_at FROM audit_log a
        WHERE a.instance_id = i.id ORDER BY a.sequence_number LIMIT 1)
     FROM instances i";
/// The moment of the first change of each instance whose events are told.
const OLDEST_EVENTS_OF_CHANGES: &str = "SELECT e.instance_id, (SELECT c.created_at FROM changes c
        WHERE c.place >= e.base + COALESCE(k.first_number, 1) AND c.place < e.base + 1099511627776
        ORDER BY c.place LIMIT 1)
     FROM audit_ends e LEFT JOIN event_cursors k ON k.instance_id = e.instance_id";
/// The same for the first change of its trail.
const OLDEST_AUDIT_OF_CHANGES: &str = "SELECT e.instance_id, (SELECT c.created_at FROM changes c
        WHERE c.place >= e.base + e.first_number AND c.place < e.base + 1099511627776 ORDER BY c.place LIMIT 1)
     FROM audit_ends e";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_from_the_future_go_with_what_was_written_after_them() {
        let cut = Cut { before: UnixMillis(100), now: UnixMillis(200) };
        let count = |moments: &[i64]| cut.count_old(moments.iter().copied().map(UnixMillis));
        for (moments, old) in [
            (&[][..], (0, true)),
            (&[1, 99], (2, true)),
            (&[1, 100, 99], (1, false)),
            (&[150], (0, false)),
            (&[900, 1, 800, 700, 2, 3], (6, true)),
            (&[1, 900], (1, true)),
            (&[900, 150, 1], (0, false)),
        ] {
            assert_eq!(count(moments), old, "{moments:?}");
        }
    }
}

//! The schema and its versions.
//!
//! A migration is a list of steps. One that is a single text, as all are so far, is applied in one transaction with the row
//! that records it. With more steps each is recorded when it is done, and a backfill after every chunk, so that a
//! migration that was killed goes on where it stopped; the migration counts as applied when its last step is. What was
//! applied is compared by checksum, so that an edited migration is noticed. See docs/adr/0009.

use crate::db::{Applied, Columns, Db, Query, Reach, Stmt, Value};
use crate::schema::Kind;
use crate::{Conflict, Store, StoreError};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use verger_wire::UnixMillis;

/// How long one call of the database may take; what does not end in time is undone and begun again.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long rows may be counted, which says no more than how far a step is.
const COUNT_TIMEOUT: Duration = Duration::from_secs(3);
/// For how long the database may be away, full or locked before a migration without a deadline gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first pause after something was in the way: longer than the lock was waited for, so that whoever stands behind has
/// its turn.
const RETRY_PAUSE: Duration = Duration::from_millis(400);
/// The longest.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// For how long making an index may keep others from writing to the embedded store: they wait for two seconds at most.
const INDEX_LOCK_MAX: Duration = Duration::from_millis(500);
/// The first chunk of a backfill. Then as many rows as take the time that a chunk may take.
const CHUNK_ROWS: u64 = 500;
const CHUNK_ROWS_MIN: u64 = 50;
const CHUNK_ROWS_MAX: u64 = 10_000;
/// The shortest pause between two chunks, in which others get the only writer of the embedded store.
const CHUNK_PAUSE: Duration = Duration::from_millis(20);
/// The longest: something else is slow then.
const CHUNK_PAUSE_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) title: &'static str,
    pub(crate) steps: &'static [Step],
    /// The oldest build, by its `SCHEMA_VERSION`, that can go on with what this one leaves behind. One that only adds
    /// (expand) names an earlier version, so that old and new servers run side by side; one that takes away what an old
    /// build uses (contract) names its own.
    pub(crate) serves_from: i64,
}

/// A part of a migration that is done as a whole or not at all, but for backfills.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Statements that are done in a moment, whatever the tables hold: new tables, new columns without a value, indexes
    /// of new tables. In one transaction.
    Sql(&'static str),
    /// An index over a table that can be large. PostgreSQL makes it beside the writers. SQLite cannot: there it is made
    /// only if that takes a moment, or if nobody else is there.
    #[cfg_attr(not(test), expect(dead_code, reason = "no migration needs one so far"))]
    Index {
        name: &'static str,
        /// `CREATE INDEX name ON …`
        sql: &'static str,
    },
    /// Values for the rows that are there when it begins, a chunk at a time in the order of the primary key.
    #[cfg_attr(not(test), expect(dead_code, reason = "no migration needs one so far"))]
    Backfill {
        table: &'static str,
        key: &'static [(&'static str, Kind)],
        /// Each statement has `{range}` where it says which rows: `UPDATE … WHERE {range}`.
        sql: &'static str,
    },
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        title: "initial",
        steps: &[Step::Sql(include_str!("migrations/0001_initial.sql"))],
        serves_from: 1,
    },
    Migration {
        version: 2,
        title: "codes",
        steps: &[Step::Sql(include_str!("migrations/0002_codes.sql"))],
        serves_from: 2,
    },
    Migration {
        version: 3,
        title: "events",
        steps: &[Step::Sql(include_str!("migrations/0003_events.sql"))],
        serves_from: 3,
    },
];

/// The schema version that this build reads and writes.
pub const SCHEMA_VERSION: i64 = 3;

/// How the schema of a database stands to this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// As this build needs it.
    Current,
    /// Older: `verger migrate` brings it up.
    Behind {
        /// What the database has; 0 for an empty one.
        version: i64,
    },
    /// Migrated by a newer build in a way that this one can serve beside it.
    Expanded {
        /// What the database has.
        version: i64,
    },
    /// Migrated by a newer build, and no longer for this one.
    Ahead {
        /// What the database has.
        version: i64,
    },
    /// A migration was applied whose text is not the one of this build.
    Altered {
        /// Which.
        version: i64,
    },
}

/// What a migration may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct MigrationLimits {
    /// When it has to stop. What is done by then stays done.
    pub until: Option<Instant>,
    /// Nobody else uses the store, so that nobody has to be let through.
    pub is_alone: bool,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationWork {
    /// Tables and columns.
    Schema,
    /// An index.
    Index,
    /// Values for rows.
    Rows,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug)]
pub struct MigrationProgress {
    /// The schema version that it leads to.
    pub version: i64,
    /// Its name.
    pub title: &'static str,
    /// Which of its steps, from 1.
    pub step: usize,
    /// How many there are.
    pub steps: usize,
    /// What the step does.
    pub work: MigrationWork,
    /// The table or the index.
    pub name: &'static str,
    /// Rows, or blocks of a table that is read for an index, that the step is through with.
    pub done: u64,
    /// Of how many; 0 if that is not known.
    pub total: u64,
    /// Somebody else is in the way, or the database is away. It will be tried again.
    pub is_waiting: bool,
}

/// Why a migration did not come to its end. Whatever it was, the same call goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database does not answer, or was migrated by a newer or an altered build.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// [`MigrationLimits::until`] has come.
    #[error("the time was over before the migration was: the same command resumes")]
    TimeOver,
    /// Nobody could write for as long as the index takes.
    #[error(
        "the index {index} takes longer than {} ms to make, and meanwhile nobody could write to the embedded store: stop \
         the servers, run `verger migrate --offline`, which resumes, and start them again",
        INDEX_LOCK_MAX.as_millis()
    )]
    OthersWouldWait {
        /// Which.
        index: &'static str,
    },
}

/// How far a step is, as the database has it.
#[derive(Clone, Debug, Default)]
struct StepRecord {
    checksum: String,
    /// The key of the last row that a backfill is through with.
    after_key: String,
    /// The key of the last row there was when it began.
    until_key: String,
    rows: u64,
    rows_total: u64,
    is_done: bool,
}

impl Migration {
    fn checksum(&self) -> String {
        match self.steps {
            [Step::Sql(sql)] => checksum_of(sql),
            steps => checksum_of(&steps.iter().map(Step::checksum).collect::<Vec<_>>().join("\n")),
        }
    }
}

impl Step {
    fn checksum(&self) -> String {
        match self {
            Self::Sql(sql) => checksum_of(sql),
            Self::Index { name, sql } => checksum_of(&format!("index {name}\n{sql}")),
            Self::Backfill { table, key, sql } => checksum_of(&format!("backfill {table} {key:?}\n{sql}")),
        }
    }

    fn work(&self) -> MigrationWork {
        match self {
            Self::Sql(_) => MigrationWork::Schema,
            Self::Index { .. } => MigrationWork::Index,
            Self::Backfill { .. } => MigrationWork::Rows,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sql(_) => "",
            Self::Index { name, .. } => name,
            Self::Backfill { table, .. } => table,
        }
    }
}

impl Store {
    /// Compares the database's schema with what this build needs. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn migration_state(&self, deadline: Instant) -> Result<MigrationState, StoreError> {
        self.state_in(MIGRATIONS, deadline).await
    }

    pub(crate) async fn state_in(
        &self,
        migrations: &[Migration],
        deadline: Instant,
    ) -> Result<MigrationState, StoreError> {
        let applied = self.applied_migrations(deadline).await?;
        let version_of_build = last_version(migrations);
        match state_among(migrations, &applied) {
            MigrationState::Ahead { version } if self.oldest_served(deadline).await? <= version_of_build => {
                Ok(MigrationState::Expanded { version })
            }
            state => Ok(state),
        }
    }

    /// The oldest build that can serve what was migrated, by its schema version.
    async fn oldest_served(&self, deadline: Instant) -> Result<i64, StoreError> {
        let query = Query::new("SELECT MAX(serves_from) FROM schema_migrations", vec![]);
        let rows = self.rows(Reach::Point, query, deadline).await?;
        rows.into_iter().next().map_or(Ok(0), |row| Columns::new("schema_migrations", row).int("serves_from"))
    }

    /// Applies what is missing to a store that nobody else uses yet, and gives the versions that it applied. Safe to call
    /// from many processes at once.
    ///
    /// # Errors
    /// The database does not answer, or it was migrated by a newer or an altered build ([`StoreError::Bug`]).
    pub async fn migrate(&self, now: UnixMillis, deadline: Instant) -> Result<Vec<i64>, StoreError> {
        let limits = MigrationLimits { until: Some(deadline), is_alone: true };
        match self.migrate_with(now, limits, |_| {}).await {
            Ok(applied) => Ok(applied),
            Err(MigrateError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }

    /// Applies what is missing while others use the store, says how far it is, and gives the versions that it applied.
    /// Safe to call from many processes at once. What was killed goes on where it stopped.
    ///
    /// # Errors
    /// [`MigrateError`]
    pub async fn migrate_with(
        &self,
        now: UnixMillis,
        limits: MigrationLimits,
        report: impl FnMut(&MigrationProgress),
    ) -> Result<Vec<i64>, MigrateError> {
        // In a box: its futures nest deeper than the compiler follows in a program that starts a server inside.
        Box::pin(self.migrate_among(MIGRATIONS, now, limits, report)).await
    }

    pub(crate) async fn migrate_among(
        &self,
        migrations: &'static [Migration],
        now: UnixMillis,
        limits: MigrationLimits,
        mut report: impl FnMut(&MigrationProgress),
    ) -> Result<Vec<i64>, MigrateError> {
        let state = self.state_in(migrations, call_deadline(limits)?).await?;
        let version = match state {
            MigrationState::Current | MigrationState::Expanded { .. } => return Ok(Vec::new()),
            MigrationState::Behind { version } => version,
            state => {
                let why = format!("this build cannot migrate such a schema: {state:?}");
                return Err(StoreError::Bug(why).into());
            }
        };
        let mut applied = Vec::new();
        for migration in migrations.iter().filter(|migration| migration.version > version) {
            let progress = MigrationProgress {
                version: migration.version,
                title: migration.title,
                step: 1,
                steps: migration.steps.len(),
                work: MigrationWork::Schema,
                name: "",
                done: 0,
                total: 0,
                is_waiting: false,
            };
            let mut run = Run { store: self, migration, now, limits, progress, report: &mut report };
            if run.migrate().await? {
                applied.push(migration.version);
            }
        }
        Ok(applied)
    }

    /// What a batch that changes the schema begins with. SQLite has one writer anyway.
    fn migration_lock(&self) -> Vec<Stmt> {
        match &self.db {
            Db::Sqlite(_) => Vec::new(),
            Db::Postgres(_) => vec![crate::db::postgres::migration_lock()],
        }
    }

    pub(crate) async fn applied_migrations(
        &self,
        deadline: Instant,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let query = Query::new("SELECT version, checksum FROM schema_migrations ORDER BY version", vec![]);
        let rows = match self.rows(Reach::Point, query, deadline).await {
            Ok(rows) => rows,
            // The one statement that may meet an empty database.
            Err(StoreError::Bug(why)) if why.contains("schema_migrations") => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("schema_migrations", row);
                Ok((columns.int("version")?, columns.text("checksum")?))
            })
            .collect()
    }
}

/// One migration under way.
struct Run<'a, F> {
    store: &'a Store,
    migration: &'static Migration,
    now: UnixMillis,
    limits: MigrationLimits,
    progress: MigrationProgress,
    report: &'a mut F,
}

impl<F: FnMut(&MigrationProgress)> Run<'_, F> {
    /// Whether it was applied here, and not by somebody else at the same time.
    async fn migrate(&mut self) -> Result<bool, MigrateError> {
        let table = Stmt::new(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version    BIGINT NOT NULL PRIMARY KEY,
                title      TEXT   NOT NULL,
                checksum   TEXT   NOT NULL,
                applied_at BIGINT NOT NULL,
                serves_from BIGINT NOT NULL
            )",
            vec![],
        );
        self.tell();
        if self.migration.version == 1 {
            self.transaction(vec![table]).await?;
        }
        // The record comes first: a process that lost the race is stopped by its key before it changes anything.
        let mut last = vec![
            Stmt::new(
                "INSERT INTO schema_migrations (version, title, checksum, applied_at, serves_from)
                 VALUES ($1, $2, $3, $4, $5)",
                vec![
                    self.migration.version.into(),
                    self.migration.title.into(),
                    self.migration.checksum().into(),
                    self.now.into(),
                    self.migration.serves_from.into(),
                ],
            )
            .on_unique(Conflict::MigrationApplied),
        ];
        match self.migration.steps {
            [Step::Sql(sql)] => last.extend(split(sql).into_iter().map(|sql| Stmt::new(sql, vec![]))),
            _ => self.steps().await?,
        }
        match self.transaction(last).await {
            Ok(()) => Ok(true),
            Err(MigrateError::Store(StoreError::Conflict(Conflict::MigrationApplied))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn steps(&mut self) -> Result<(), MigrateError> {
        // Builds that know nothing of it do not look at it.
        let table = "CREATE TABLE IF NOT EXISTS schema_steps (
            version    BIGINT NOT NULL,
            step       BIGINT NOT NULL,
            checksum   TEXT   NOT NULL,
            after_key  TEXT   NOT NULL,
            until_key  TEXT   NOT NULL,
            row_count  BIGINT NOT NULL,
            rows_total BIGINT NOT NULL,
            began_at   BIGINT NOT NULL,
            done_at    BIGINT,
            PRIMARY KEY (version, step)
        )";
        self.transaction(vec![Stmt::new(table, vec![])]).await?;
        let migration = self.migration;
        for (at, step) in migration.steps.iter().enumerate() {
            self.progress = MigrationProgress {
                step: at + 1,
                work: step.work(),
                name: step.name(),
                done: 0,
                total: 0,
                ..self.progress
            };
            let record = self.record(step).await?;
            if record.as_ref().is_some_and(|record| record.is_done) {
                continue;
            }
            self.tell();
            match step {
                Step::Sql(sql) => {
                    let mut statements = vec![self.done(step)];
                    statements.extend(split(sql).into_iter().map(|sql| Stmt::new(sql, vec![])));
                    self.by_whomever(statements).await?;
                }
                Step::Index { name, sql } => self.index(step, name, sql).await?,
                Step::Backfill { table, key, sql } => {
                    let backfill = Backfill { table, key, sql };
                    self.backfill(step, &backfill, record).await?;
                }
            }
        }
        Ok(())
    }

    fn tell(&mut self) {
        (self.report)(&self.progress);
    }

    fn number(&self) -> i64 {
        i64::try_from(self.progress.step).unwrap_or(i64::MAX)
    }

    /// How far the step is.
    async fn record(&mut self, step: &Step) -> Result<Option<StepRecord>, MigrateError> {
        let sql = "SELECT checksum, after_key, until_key, row_count, rows_total,
                CASE WHEN done_at IS NULL THEN 0 ELSE 1 END
             FROM schema_steps WHERE version = $1 AND step = $2";
        let query = Query::new(sql, vec![self.migration.version.into(), self.number().into()]);
        let Some(row) = self.rows(query).await?.pop() else { return Ok(None) };
        let mut columns = Columns::new("schema_steps", row);
        let record = StepRecord {
            checksum: columns.text("checksum")?,
            after_key: columns.text("after_key")?,
            until_key: columns.text("until_key")?,
            rows: u64::try_from(columns.int("row_count")?).unwrap_or(0),
            rows_total: u64::try_from(columns.int("rows_total")?).unwrap_or(0),
            is_done: columns.flag("done_at")?,
        };
        if record.checksum != step.checksum() {
            let why = format!(
                "migration {} was begun by another build: let that one end it",
                self.migration.version
            );
            return Err(StoreError::Bug(why).into());
        }
        Ok(Some(record))
    }

    fn insert(&self, step: &Step, record: &StepRecord) -> Stmt {
        let count = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Stmt::new(
            "INSERT INTO schema_steps (version, step, checksum, after_key, until_key, row_count, rows_total, began_at,
                done_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CAST($9 AS BIGINT))",
            vec![
                self.migration.version.into(),
                self.number().into(),
                step.checksum().into(),
                record.after_key.as_str().into(),
                record.until_key.as_str().into(),
                count(record.rows),
                count(record.rows_total),
                self.now.into(),
                record.is_done.then_some(self.now).into(),
            ],
        )
        .on_unique(Conflict::MigrationApplied)
    }

    /// The record of a step that is done in one go.
    fn done(&self, step: &Step) -> Stmt {
        self.insert(step, &StepRecord { is_done: true, ..StepRecord::default() })
    }

    /// Runs the statements, of which the first fails if somebody else did the same.
    async fn by_whomever(&mut self, statements: Vec<Stmt>) -> Result<(), MigrateError> {
        match self.transaction(statements).await {
            Err(MigrateError::Store(StoreError::Conflict(Conflict::MigrationApplied | Conflict::Stale))) => {
                Ok(())
            }
            other => other,
        }
    }

    /// Runs the statements as one transaction, again and again until nobody is in the way.
    async fn transaction(&mut self, statements: Vec<Stmt>) -> Result<(), MigrateError> {
        let mut all = self.store.migration_lock();
        all.extend(statements);
        let mut waiting = Waiting::default();
        loop {
            let deadline = call_deadline(self.limits)?;
            let outcome = self.store.db.apply(all.clone(), deadline).await;
            match self.outcome(outcome, &mut waiting).await? {
                Some(Applied::Done) => return Ok(()),
                Some(Applied::TooLong) => {
                    return Err(
                        StoreError::Bug("a transaction without a limit was too long".to_owned()).into()
                    );
                }
                Some(Applied::Locked) | None => {}
            }
        }
    }

    async fn rows(&mut self, query: Query) -> Result<Vec<crate::db::Row>, MigrateError> {
        let mut waiting = Waiting::default();
        loop {
            let deadline = call_deadline(self.limits)?;
            match self.store.rows(Reach::Job, query.clone(), deadline).await {
                Ok(rows) => return Ok(rows),
                Err(error) => drop(self.outcome(Err(error), &mut waiting).await?),
            }
        }
    }

    /// What is to be done after a call: `None` to try again, after the pause that was made here.
    async fn outcome(
        &mut self,
        outcome: Result<Applied, StoreError>,
        waiting: &mut Waiting,
    ) -> Result<Option<Applied>, MigrateError> {
        match outcome {
            Ok(Applied::Locked) => waiting.failing_since = None,
            Ok(applied) => {
                self.progress.is_waiting = false;
                return Ok(Some(applied));
            }
            // If it was done after all, the record of it stands in the way of the next try.
            Err(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => {
                let since = *waiting.failing_since.get_or_insert_with(Instant::now);
                if self.limits.until.is_some_and(|until| Instant::now() >= until) {
                    return Err(MigrateError::TimeOver);
                }
                if since.elapsed() >= PATIENCE {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.progress.is_waiting = true;
        self.tell();
        let pause = waiting.pause.map_or(RETRY_PAUSE, |pause| (pause * 2).min(RETRY_PAUSE_MAX));
        waiting.pause = Some(pause);
        let left = self.limits.until.map(|until| until.saturating_duration_since(Instant::now()));
        tokio::time::sleep(left.map_or(pause, |left| left.min(pause))).await;
        Ok(None)
    }

    async fn index(
        &mut self,
        step: &Step,
        name: &'static str,
        sql: &'static str,
    ) -> Result<(), MigrateError> {
        let store = self.store;
        let mut waiting = Waiting::default();
        loop {
            call_deadline(self.limits)?;
            match &store.db {
                Db::Sqlite(db) => {
                    let statements = vec![self.done(step), Stmt::new(sql, vec![])];
                    let limit = (!self.limits.is_alone).then_some(INDEX_LOCK_MAX);
                    let outcome = match db.apply_alone(statements, limit).await {
                        Err(StoreError::Conflict(Conflict::MigrationApplied)) => return Ok(()),
                        outcome => outcome,
                    };
                    match self.outcome(outcome, &mut waiting).await? {
                        Some(Applied::Done) => return Ok(()),
                        Some(Applied::TooLong) => return Err(MigrateError::OthersWouldWait { index: name }),
                        Some(Applied::Locked) | None => {}
                    }
                }
                Db::Postgres(db) => {
                    let (progress, report) = (&mut self.progress, &mut *self.report);
                    let outcome = db
                        .make_index(name, sql, self.limits.until, |index| {
                            progress.done = u64::try_from(index.done).unwrap_or(0);
                            progress.total = u64::try_from(index.total).unwrap_or(0);
                            report(progress);
                        })
                        .await;
                    if self.outcome(outcome, &mut waiting).await? == Some(Applied::Done) {
                        let done = self.done(step);
                        return self.by_whomever(vec![done]).await;
                    }
                }
            }
        }
    }

    async fn backfill(
        &mut self,
        step: &Step,
        backfill: &Backfill,
        record: Option<StepRecord>,
    ) -> Result<(), MigrateError> {
        let mut record = match record {
            Some(record) => record,
            None => {
                let until = self.last_key(backfill).await?;
                let Some(until) = until else {
                    let done = self.done(step);
                    return self.by_whomever(vec![done]).await;
                };
                let soon = call_deadline(self.limits)?.min(Instant::now() + COUNT_TIMEOUT);
                let rows_total = self.store.count_rows(backfill.table, soon).await?.unwrap_or(0);
                let begun = StepRecord {
                    after_key: String::new(),
                    until_key: backfill.encode(&until),
                    rows_total,
                    ..StepRecord::default()
                };
                let begin = self.insert(step, &begun);
                self.by_whomever(vec![begin]).await?;
                // As somebody else may have begun it.
                self.begun(step).await?
            }
        };
        let until = backfill.decode(&record.until_key)?;
        let is_embedded = matches!(self.store.db, Db::Sqlite(_));
        if !is_embedded {
            // Without statistics every index that knows one column of the key is as good as the key.
            let analyze = Stmt::new(format!("ANALYZE {}", backfill.table), vec![]);
            let analyzed = self.store.db.apply(vec![analyze], call_deadline(self.limits)?).await;
            if !matches!(analyzed, Ok(Applied::Done)) {
                tracing::debug!(?analyzed, "no new statistics for a backfill, which can be slow without");
            }
        }
        let chunk_time = Duration::from_millis(if is_embedded { 20 } else { 100 });
        let mut chunk_rows = CHUNK_ROWS;
        let mut chunks = 0;
        while !record.is_done {
            self.progress.done = record.rows;
            self.progress.total = record.known_total();
            self.tell();
            let after = if record.after_key.is_empty() {
                backfill.lowest()
            } else {
                backfill.decode(&record.after_key)?
            };
            let (last, rows, is_end) = self.chunk(backfill, &after, &until, chunk_rows).await?;
            let moved = StepRecord {
                after_key: backfill.encode(&last),
                rows: record.rows + rows,
                is_done: is_end,
                ..record.clone()
            };
            let began = Instant::now();
            let mut statements = vec![self.advance(&record, &moved)];
            statements.extend(backfill.statements(&after, &last, is_embedded));
            match self.transaction(statements).await {
                Ok(()) => record = moved,
                // Somebody else was faster; or this was done after all, and the answer lost.
                Err(MigrateError::Store(StoreError::Conflict(Conflict::Stale))) => {
                    record = self.begun(step).await?;
                }
                Err(error) => return Err(error),
            }
            let took = began.elapsed();
            let ratio = chunk_time.as_secs_f64() / took.as_secs_f64().max(0.000_1);
            // Never much more than before: the first rows can be the short ones.
            let next = chunk_rows as f64 * ratio.clamp(0.25, 2.0);
            chunk_rows = (next as u64).clamp(CHUNK_ROWS_MIN, CHUNK_ROWS_MAX);
            chunks += 1;
            if !record.is_done && !self.limits.is_alone {
                let others =
                    if is_embedded { took.max(CHUNK_PAUSE / 2).mul_f64(uneven(chunks)) } else { took };
                tokio::time::sleep(others.clamp(CHUNK_PAUSE, CHUNK_PAUSE_MAX)).await;
            }
        }
        self.progress.done = record.rows;
        Ok(())
    }

    async fn begun(&mut self, step: &Step) -> Result<StepRecord, MigrateError> {
        let lost = || StoreError::Bug("the record of a backfill is gone".to_owned());
        Ok(self.record(step).await?.ok_or_else(lost)?)
    }

    /// Moves the position, unless somebody else did.
    fn advance(&self, from: &StepRecord, to: &StepRecord) -> Stmt {
        Stmt::new(
            "UPDATE schema_steps SET after_key = $3, row_count = $4, done_at = CAST($5 AS BIGINT)
             WHERE version = $1 AND step = $2 AND after_key = $6 AND done_at IS NULL",
            vec![
                self.migration.version.into(),
                self.number().into(),
                to.after_key.as_str().into(),
                Value::Int(i64::try_from(to.rows).unwrap_or(i64::MAX)),
                to.is_done.then_some(self.now).into(),
                from.after_key.as_str().into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }

    async fn last_key(&mut self, backfill: &Backfill) -> Result<Option<Vec<Value>>, MigrateError> {
        let columns = backfill.columns();
        let descending: Vec<_> = backfill.key.iter().map(|(name, _)| format!("{name} DESC")).collect();
        let sql =
            format!("SELECT {columns} FROM {} ORDER BY {} LIMIT 1", backfill.table, descending.join(", "));
        Ok(self.rows(Query::new(sql, vec![])).await?.pop())
    }

    /// The last key of the next chunk, about how many rows it has, and whether it is the last one.
    async fn chunk(
        &mut self,
        backfill: &Backfill,
        after: &[Value],
        until: &[Value],
        rows: u64,
    ) -> Result<(Vec<Value>, u64, bool), MigrateError> {
        let (table, columns) = (backfill.table, backfill.columns());
        let mut params: Vec<Value> = after.iter().chain(until).cloned().collect();
        let range = backfill.range();
        params.push(Value::Int(i64::try_from(rows.saturating_sub(1)).unwrap_or(i64::MAX)));
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE {range} ORDER BY {columns} LIMIT 1 OFFSET ${}",
            params.len()
        );
        if let Some(last) = self.rows(Query::new(sql, params.clone())).await?.pop() {
            let is_end = last == until;
            return Ok((last, rows, is_end));
        }
        params.pop();
        let left = format!("SELECT 1 FROM {table} WHERE {range} ORDER BY {columns} LIMIT {CHUNK_ROWS_MAX}");
        let count = Query::new(format!("SELECT COUNT(*) FROM ({left}) in_range"), params);
        let left = match self.rows(count).await?.pop().as_deref() {
            Some([Value::Int(left)]) => u64::try_from(*left).unwrap_or(0),
            other => return Err(StoreError::Bug(format!("COUNT(*) gave {other:?}")).into()),
        };
        Ok((until.to_vec(), left, true))
    }
}

impl StepRecord {
    /// Of how many rows; 0 if that is not known.
    fn known_total(&self) -> u64 {
        if self.rows_total == 0 { 0 } else { self.rows_total.max(self.rows) }
    }
}

impl Store {
    /// How many rows a table has; `None` if they cannot be counted by then.
    pub(crate) async fn count_rows(&self, table: &str, deadline: Instant) -> Result<Option<u64>, StoreError> {
        let count = Query::new(format!("SELECT COUNT(*) FROM {table}"), vec![]);
        match self.rows(Reach::Job, count, deadline).await {
            Ok(mut rows) => match rows.pop().as_deref() {
                Some([Value::Int(count)]) => Ok(u64::try_from(*count).ok()),
                other => Err(StoreError::Bug(format!("COUNT(*) gave {other:?}"))),
            },
            // If the database is away, the next call finds out.
            Err(StoreError::Unavailable(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What happened to one call so far.
#[derive(Default)]
struct Waiting {
    failing_since: Option<Instant>,
    pause: Option<Duration>,
}

/// How much longer than a chunk the pause after it is: from 1.5 to 3 times, never twice the same. Who waits for the only
/// writer of the embedded store looks at it in regular steps, and must not meet a chunk in each of them.
fn uneven(chunk: u32) -> f64 {
    1.5 + 1.5 * (f64::from(chunk) * 0.618_034).fract()
}

/// When the next call has to be over.
fn call_deadline(limits: MigrationLimits) -> Result<Instant, MigrateError> {
    let now = Instant::now();
    match limits.until {
        Some(until) if now >= until => Err(MigrateError::TimeOver),
        Some(until) => Ok(until.min(now + CALL_TIMEOUT)),
        None => Ok(now + CALL_TIMEOUT),
    }
}

/// A [`Step::Backfill`].
struct Backfill {
    table: &'static str,
    key: &'static [(&'static str, Kind)],
    sql: &'static str,
}

impl Backfill {
    fn columns(&self) -> String {
        self.key.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// After the first parameters, up to the next ones.
    fn range(&self) -> String {
        let columns = self.columns();
        let places = |from: usize| {
            (from..from + self.key.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
        };
        format!("({columns}) > ({}) AND ({columns}) <= ({})", places(1), places(1 + self.key.len()))
    }

    fn statements(&self, after: &[Value], until: &[Value], is_embedded: bool) -> Vec<Stmt> {
        let (range, params) = if is_embedded {
            (self.range(), after.iter().chain(until).cloned().collect())
        } else {
            self.tight_range(after, until)
        };
        split(self.sql)
            .into_iter()
            .map(|sql| Stmt::new(sql.replace("{range}", &range), params.clone()))
            .collect()
    }

    /// The same for PostgreSQL, with its parameters. A scan by a condition on several columns at once ends by the first one
    /// alone, and would read on to the end of the instance for every chunk: so each part of the range is bounded by one
    /// column, and there is no other condition.
    fn tight_range(&self, after: &[Value], until: &[Value]) -> (String, Vec<Value>) {
        let columns = self.key.len();
        // Of two equal keys nothing is between.
        let at = (0..columns).find(|at| after.get(*at) != until.get(*at)).unwrap_or(columns - 1);
        let params = after.iter().chain(until.iter().skip(at)).cloned().collect();
        let name = |column: usize| self.key[column].0;
        let (low, high) = (|column: usize| column + 1, |column: usize| columns + column - at + 1);
        let equal: String =
            (0..at).map(|column| format!("{} = ${} AND ", name(column), low(column))).collect();
        let (here, from, to) = (name(at), low(at), high(at));
        if at + 1 == columns {
            return (format!("({equal}{here} > ${from} AND {here} <= ${to})"), params);
        }
        let list = |of: &dyn Fn(usize) -> String| (at + 1..columns).map(of).collect::<Vec<_>>().join(", ");
        let rest = list(&|column| name(column).to_owned());
        let rest_low = list(&|column| format!("${}", low(column)));
        let rest_high = list(&|column| format!("${}", high(column)));
        let range = format!(
            "(({equal}{here} = ${from} AND ({rest}) > ({rest_low})) OR ({equal}{here} > ${from} AND {here} < ${to})
             OR ({equal}{here} = ${to} AND ({rest}) <= ({rest_high})))"
        );
        (range, params)
    }

    /// Before every key.
    fn lowest(&self) -> Vec<Value> {
        let of = |kind: &Kind| match kind {
            Kind::Text => Value::Text(String::new()),
            Kind::Int => Value::Int(i64::MIN),
        };
        self.key.iter().map(|(_, kind)| of(kind)).collect()
    }

    fn encode(&self, key: &[Value]) -> String {
        let values = key.iter().map(|value| match value {
            Value::Text(text) => serde_json::Value::from(text.as_str()),
            Value::Int(number) => serde_json::Value::from(*number),
            Value::Null | Value::Foreign => serde_json::Value::Null,
        });
        serde_json::Value::from_iter(values).to_string()
    }

    fn decode(&self, text: &str) -> Result<Vec<Value>, StoreError> {
        let damaged = || StoreError::Corrupt {
            table: "schema_steps",
            id: self.table.to_owned(),
            what: "a key".to_owned(),
        };
        let values: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|_| damaged())?;
        if values.len() != self.key.len() {
            return Err(damaged());
        }
        values
            .into_iter()
            .zip(self.key)
            .map(|(value, (_, kind))| match (value, kind) {
                (serde_json::Value::String(text), Kind::Text) => Ok(Value::Text(text)),
                (serde_json::Value::Number(number), Kind::Int) => {
                    number.as_i64().map(Value::Int).ok_or_else(damaged)
                }
                _ => Err(damaged()),
            })
            .collect()
    }
}

/// How a schema stands to this build to which these versions were applied, with their checksums.
pub(crate) fn state_of(applied: &[(i64, String)]) -> MigrationState {
    state_among(MIGRATIONS, applied)
}

fn state_among(migrations: &[Migration], applied: &[(i64, String)]) -> MigrationState {
    let version = applied.last().map_or(0, |(version, _)| *version);
    for (migration, (applied_version, checksum)) in migrations.iter().zip(applied) {
        if migration.version != *applied_version || migration.checksum() != *checksum {
            return MigrationState::Altered { version: *applied_version };
        }
    }
    match version.cmp(&last_version(migrations)) {
        std::cmp::Ordering::Less => MigrationState::Behind { version },
        std::cmp::Ordering::Equal => MigrationState::Current,
        std::cmp::Ordering::Greater => MigrationState::Ahead { version },
    }
}

fn last_version(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The statements of all migrations that change the schema, in order.
pub(crate) fn statements() -> impl Iterator<Item = String> {
    MIGRATIONS.iter().flat_map(|migration| migration.steps).flat_map(|step| match step {
        Step::Sql(sql) | Step::Index { sql, .. } => split(sql),
        Step::Backfill { .. } => Vec::new(),
    })
}

fn checksum_of(sql: &str) -> String {
    hex(&Sha256::digest(sql.as_bytes()))
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The statements of a migration. Its texts have no semicolon but those that end a statement.
fn split(sql: &'static str) -> Vec<String> {
    let without_comments: String =
        sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    without_comments.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The tables that there are, for tests that look at all of them.
#[cfg(test)]
pub(crate) fn table_names() -> Vec<String> {
    let created = statements().filter_map(|statement| {
        Some(statement.strip_prefix("CREATE TABLE ")?.split_whitespace().next()?.to_owned())
    });
    created.chain(["schema_migrations".to_owned()]).collect()
}

/// The migrations of this build and then others, for tests of the machinery.
#[cfg(test)]
pub(crate) fn with_more(more: impl IntoIterator<Item = Migration>) -> &'static [Migration] {
    let mut all: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| Migration {
            version: migration.version,
            title: migration.title,
            steps: migration.steps,
            serves_from: migration.serves_from,
        })
        .collect();
    all.extend(more);
    Vec::leak(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap_up_to_the_schema_version() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    }

    #[test]
    fn no_migration_serves_a_build_that_is_newer_than_it() {
        assert!(MIGRATIONS.iter().all(|migration| (1..=migration.version).contains(&migration.serves_from)));
    }

    #[test]
    fn checksums_of_what_was_released_never_change() {
        let known: Vec<_> =
            MIGRATIONS.iter().map(|migration| migration.checksum()[..16].to_owned()).collect();
        assert_eq!(known, ["2619789bbb2955f7", "4817420c2ee05097", "5734a792befd36cf"]);
    }

    #[test]
    fn migrations_use_the_portable_types_only() {
        for migration in MIGRATIONS {
            for statement in migration.steps.iter().flat_map(|step| match step {
                Step::Sql(sql) | Step::Index { sql, .. } | Step::Backfill { sql, .. } => split(sql),
            }) {
                for word in
                    ["INTEGER", "BOOLEAN", "BLOB", "REAL", "AUTOINCREMENT", "SERIAL", "TIMESTAMP", "JSON"]
                {
                    assert!(!statement.to_uppercase().contains(word), "{}: {word}", migration.title);
                }
            }
        }
    }

    #[test]
    fn total_that_could_not_be_counted_stays_unknown() {
        let of = |rows, rows_total| StepRecord { rows, rows_total, ..StepRecord::default() }.known_total();
        assert_eq!((of(500, 0), of(500, 700), of(800, 700)), (0, 700, 800));
    }

    #[test]
    fn part_of_a_range_is_bounded_by_one_column() {
        let key = &[("a", Kind::Text), ("b", Kind::Int)];
        let backfill = Backfill { table: "t", key, sql: "" };
        let key = |a: &str, b: i64| vec![Value::from(a), Value::from(b)];
        let (range, params) = backfill.tight_range(&key("x", 1), &key("x", 2));
        assert_eq!(range, "(a = $1 AND b > $2 AND b <= $3)");
        assert_eq!(params, [Value::from("x"), Value::from(1), Value::from(2)]);
        let (range, params) = backfill.tight_range(&key("x", 1), &key("y", 1));
        assert_eq!(
            range.split_whitespace().collect::<Vec<_>>().join(" "),
            "((a = $1 AND (b) > ($2)) OR (a > $1 AND a < $3) OR (a = $3 AND (b) <= ($4)))"
        );
        assert_eq!(params.len(), 4);
    }

    #[test]
    fn every_statement_of_a_backfill_is_bounded() {
        for step in MIGRATIONS.iter().flat_map(|migration| migration.steps) {
            if let Step::Backfill { table, sql, .. } = step {
                assert!(split(sql).iter().all(|statement| statement.contains("{range}")), "{table}: {sql}");
            }
        }
    }
}

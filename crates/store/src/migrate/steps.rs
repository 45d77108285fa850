//! Runs the steps of one migration in order.

use super::backfill::Backfill;
use super::progress::{INDEX_LOCK_MAX, MigrateError, MigrationProgress};
use super::run::{Run, Waiting, call_deadline};
use super::step::{Step, split};
use crate::db::{Applied, Db, Stmt};
use crate::{Conflict, StoreError};

impl<F: FnMut(&MigrationProgress)> Run<'_, F> {
    /// Whether it was applied here, and not by somebody else at the same time.
    pub(super) async fn migrate(&mut self) -> Result<bool, MigrateError> {
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
}

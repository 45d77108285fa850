//! One migration under way: its calls of the database, each repeated until nobody is in the way.

use super::progress::{MigrateError, MigrationLimits, MigrationProgress};
use super::step::Migration;
use crate::db::{Applied, Db, Query, Reach, Stmt};
use crate::{Conflict, Store, StoreError};
use std::time::{Duration, Instant};
use verger_wire::UnixMillis;

/// How long one call of the database may take; a call that times out is rolled back and retried.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// For how long the database may be away, full or locked before a migration without a deadline gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first pause after something was in the way: longer than the lock was waited for, so that whoever stands behind has
/// its turn.
const RETRY_PAUSE: Duration = Duration::from_millis(400);
/// The longest pause between two attempts.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// One migration under way.
pub(super) struct Run<'a, F> {
    pub(super) store: &'a Store,
    pub(super) migration: &'static Migration,
    pub(super) now: UnixMillis,
    pub(super) limits: MigrationLimits,
    pub(super) progress: MigrationProgress,
    pub(super) report: &'a mut F,
}

/// What happened to one call so far.
#[derive(Default)]
pub(super) struct Waiting {
    failing_since: Option<Instant>,
    pause: Option<Duration>,
}

impl<F: FnMut(&MigrationProgress)> Run<'_, F> {
    pub(super) fn tell(&mut self) {
        (self.report)(&self.progress);
    }

    pub(super) fn number(&self) -> i64 {
        i64::try_from(self.progress.step).unwrap_or(i64::MAX)
    }

    /// Runs the statements as one transaction, again and again until nobody is in the way.
    pub(super) async fn transaction(&mut self, statements: Vec<Stmt>) -> Result<(), MigrateError> {
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

    /// Runs the statements, of which the first fails if somebody else did the same.
    pub(super) async fn by_whomever(&mut self, statements: Vec<Stmt>) -> Result<(), MigrateError> {
        match self.transaction(statements).await {
            Err(MigrateError::Store(StoreError::Conflict(Conflict::MigrationApplied | Conflict::Stale))) => {
                Ok(())
            }
            other => other,
        }
    }

    pub(super) async fn rows(&mut self, query: Query) -> Result<Vec<crate::db::Row>, MigrateError> {
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
    pub(super) async fn outcome(
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
}

impl Store {
    /// What a batch that changes the schema begins with. SQLite has one writer anyway.
    fn migration_lock(&self) -> Vec<Stmt> {
        match &self.db {
            Db::Sqlite(_) => Vec::new(),
            Db::Postgres(_) => vec![crate::db::postgres::migration_lock()],
        }
    }
}

/// When the next call has to be over.
pub(super) fn call_deadline(limits: MigrationLimits) -> Result<Instant, MigrateError> {
    let now = Instant::now();
    match limits.until {
        Some(until) if now >= until => Err(MigrateError::TimeOver),
        Some(until) => Ok(until.min(now + CALL_TIMEOUT)),
        None => Ok(now + CALL_TIMEOUT),
    }
}

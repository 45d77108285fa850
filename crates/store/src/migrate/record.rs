//! What the database remembers of the steps of a migration, so that a killed one resumes.

use super::progress::{MigrateError, MigrationProgress};
use super::run::Run;
use super::step::Step;
use crate::db::{Columns, Query, Stmt, Value};
use crate::{Conflict, StoreError};

/// How far a step is, as the database has it.
#[derive(Clone, Debug, Default)]
pub(super) struct StepRecord {
    pub(super) checksum: String,
    /// The key of the last row that a backfill has processed.
    pub(super) after_key: String,
    /// The key of the last row there was when it began.
    pub(super) until_key: String,
    pub(super) rows: u64,
    pub(super) rows_total: u64,
    pub(super) is_done: bool,
}

impl StepRecord {
    /// Of how many rows; 0 if that is not known.
    pub(super) fn known_total(&self) -> u64 {
        if self.rows_total == 0 { 0 } else { self.rows_total.max(self.rows) }
    }
}

impl<F: FnMut(&MigrationProgress)> Run<'_, F> {
    /// Reads the recorded progress of a step.
    pub(super) async fn record(&mut self, step: &Step) -> Result<Option<StepRecord>, MigrateError> {
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

    pub(super) fn insert(&self, step: &Step, record: &StepRecord) -> Stmt {
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
    pub(super) fn done(&self, step: &Step) -> Stmt {
        self.insert(step, &StepRecord { is_done: true, ..StepRecord::default() })
    }

    pub(super) async fn begun(&mut self, step: &Step) -> Result<StepRecord, MigrateError> {
        let lost = || StoreError::Bug("the record of a backfill is gone".to_owned());
        Ok(self.record(step).await?.ok_or_else(lost)?)
    }

    /// Moves the position, unless somebody else did.
    pub(super) fn advance(&self, from: &StepRecord, to: &StepRecord) -> Stmt {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_that_could_not_be_counted_stays_unknown() {
        let of = |rows, rows_total| StepRecord { rows, rows_total, ..StepRecord::default() }.known_total();
        assert_eq!((of(500, 0), of(500, 700), of(800, 700)), (0, 700, 800));
    }
}

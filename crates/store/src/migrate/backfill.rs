//! Backfills: values for the rows that are there, a chunk at a time.

use super::progress::{MigrateError, MigrationProgress};
use super::record::StepRecord;
use super::run::{Run, call_deadline};
use super::step::{Step, split};
use crate::db::{Applied, Db, Query, Reach, Stmt, Value};
use crate::schema::Kind;
use crate::{Conflict, Store, StoreError};
use std::time::{Duration, Instant};

/// How long rows may be counted, which says no more than how far a step is.
const COUNT_TIMEOUT: Duration = Duration::from_secs(3);

/// The first chunk of a backfill. Then as many rows as take the time that a chunk may take.
const CHUNK_ROWS: u64 = 500;
const CHUNK_ROWS_MIN: u64 = 50;
const CHUNK_ROWS_MAX: u64 = 10_000;

/// The shortest pause between two chunks, in which others get the only writer of the embedded store.
const CHUNK_PAUSE: Duration = Duration::from_millis(20);
/// The longest: something else is slow then.
const CHUNK_PAUSE_MAX: Duration = Duration::from_secs(1);

/// The work of a [`Step::Backfill`].
pub(super) struct Backfill {
    pub(super) table: &'static str,
    pub(super) key: &'static [(&'static str, Kind)],
    pub(super) sql: &'static str,
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

    /// A key that sorts before every other.
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

impl<F: FnMut(&MigrationProgress)> Run<'_, F> {
    pub(super) async fn backfill(
        &mut self,
        step: &Step,
        backfill: &Backfill,
        record: Option<StepRecord>,
    ) -> Result<(), MigrateError> {
        let begun = match record {
            Some(record) => Some(record),
            None => self.begin(step, backfill).await?,
        };
        let Some(mut record) = begun else { return Ok(()) };
        let until = backfill.decode(&record.until_key)?;
        let is_embedded = matches!(self.store.db, Db::Sqlite(_));
        if !is_embedded {
            self.refresh_statistics(backfill).await?;
        }
        let chunk_time = Duration::from_millis(if is_embedded { 20 } else { 100 });
        let mut chunk_rows = CHUNK_ROWS;
        let mut chunks = 0;
        while !record.is_done {
            self.progress.done = record.rows;
            self.progress.total = record.known_total();
            self.tell();
            let (next, took) = self.fill_chunk(step, backfill, record, &until, chunk_rows).await?;
            record = next;
            chunk_rows = rows_for(chunk_time, chunk_rows, took);
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

    /// Records that the backfill began and at which row it ends. `None` if there is no row: the step is done.
    async fn begin(&mut self, step: &Step, backfill: &Backfill) -> Result<Option<StepRecord>, MigrateError> {
        let Some(until) = self.last_key(backfill).await? else {
            let done = self.done(step);
            self.by_whomever(vec![done]).await?;
            return Ok(None);
        };
        let soon = call_deadline(self.limits)?.min(Instant::now() + COUNT_TIMEOUT);
        let rows_total = self.store.count_rows(backfill.table, soon).await?.unwrap_or(0);
        let begun = StepRecord { until_key: backfill.encode(&until), rows_total, ..StepRecord::default() };
        let begin = self.insert(step, &begun);
        self.by_whomever(vec![begin]).await?;
        // Another process may have begun it.
        self.begun(step).await.map(Some)
    }

    /// Without statistics PostgreSQL takes any index that knows one column of the key for as good as the key.
    async fn refresh_statistics(&self, backfill: &Backfill) -> Result<(), MigrateError> {
        let analyze = Stmt::new(format!("ANALYZE {}", backfill.table), vec![]);
        let analyzed = self.store.db.apply(vec![analyze], call_deadline(self.limits)?).await;
        if !matches!(analyzed, Ok(Applied::Done)) {
            tracing::debug!(
                ?analyzed,
                "statistics could not be renewed for a backfill, which can be slow without them"
            );
        }
        Ok(())
    }

    /// Fills about `rows` rows after those of the record. Gives the record after it, and how long the write took.
    async fn fill_chunk(
        &mut self,
        step: &Step,
        backfill: &Backfill,
        record: StepRecord,
        until: &[Value],
        rows: u64,
    ) -> Result<(StepRecord, Duration), MigrateError> {
        let is_embedded = matches!(self.store.db, Db::Sqlite(_));
        let after = if record.after_key.is_empty() {
            backfill.lowest()
        } else {
            backfill.decode(&record.after_key)?
        };
        let (last, rows, is_end) = self.chunk(backfill, &after, until, rows).await?;
        let moved = StepRecord {
            after_key: backfill.encode(&last),
            rows: record.rows + rows,
            is_done: is_end,
            ..record.clone()
        };
        let began = Instant::now();
        let mut statements = vec![self.advance(&record, &moved)];
        statements.extend(backfill.statements(&after, &last, is_embedded));
        let next = match self.transaction(statements).await {
            Ok(()) => moved,
            // Another process was faster; or this was committed after all, and the answer lost.
            Err(MigrateError::Store(StoreError::Conflict(Conflict::Stale))) => self.begun(step).await?,
            Err(error) => return Err(error),
        };
        Ok((next, began.elapsed()))
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

/// How much longer than a chunk the pause after it is: from 1.5 to 3 times, never twice the same. Who waits for the only
/// writer of the embedded store looks at it in regular steps, and must not meet a chunk in each of them.
fn uneven(chunk: u32) -> f64 {
    1.5 + 1.5 * (f64::from(chunk) * 0.618_034).fract()
}

/// How many rows take about `chunk_time`, after so many took so long. Never much more than before: the first rows can be
/// the short ones.
fn rows_for(chunk_time: Duration, rows: u64, took: Duration) -> u64 {
    let ratio = chunk_time.as_secs_f64() / took.as_secs_f64().max(0.000_1);
    let next = rows as f64 * ratio.clamp(0.25, 2.0);
    (next as u64).clamp(CHUNK_ROWS_MIN, CHUNK_ROWS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}

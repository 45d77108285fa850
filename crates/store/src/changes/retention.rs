//! What is removed of changes because of its age: ranges at the front of the table.
//!
//! Two numbers of an instance move over its changes: the first one whose events are still told (`event_cursors`), and the
//! first one of its trail (`audit_ends`). A row goes once both are behind it and none of its events waits to be delivered.

use super::PLACES_OF_INSTANCE;
use crate::audit::{ends_from, two};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value, by_keys};
use crate::retention::{Cut, CutCursor, STEP_ROWS, STEP_ROWS_MAX};
use crate::trail::Hash;
use crate::{Conflict, Scoped, Store, StoreError};
use std::time::Instant;
use verger_wire::UnixMillis;

/// Number, moment and hash of the rows of an instance between two numbers, for whose columns `$1` is the instance.
const ROWS_BETWEEN: &str = "SELECT c.hash, c.place - e.base, c.created_at, c.event_count
     FROM audit_ends e JOIN changes c ON c.place > e.base + $2 AND c.place <= e.base + $3
     WHERE e.instance_id = $1 ORDER BY c.place LIMIT $4";

/// A row, as far as retention looks at it.
struct Aged {
    number: i64,
    moment: UnixMillis,
    event_count: i64,
    hash: String,
}

impl Scoped<'_> {
    /// Moves the first number that the feed tells behind the events that `cut` lets go, a few hundred rows at a time, from
    /// `after` on, which moves. `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_events_of_changes(
        &self,
        cut: Cut,
        after: &mut CutCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let first = Query::new(
            "SELECT e.instance_id, COALESCE(k.first_number, 1) FROM audit_ends e
             LEFT JOIN event_cursors k ON k.instance_id = e.instance_id WHERE e.instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let Some(row) = self.store.rows(Reach::Job, first, deadline).await?.pop() else { return Ok(false) };
        let mut columns = Columns::new("event_cursors", row);
        columns.id("instance_id")?;
        let first_number = columns.int("first_number")?;
        let (from, to) = after.range();
        let rows = self.aged(from.max(first_number - 1), to, deadline).await?;
        let (old, is_more) = after.advance(cut, &moments(&rows));
        let Some(last) = rows[..old].last() else { return Ok(is_more) };
        // What endpoints were not told of yet is still on its way to them.
        let forward = Stmt::new(
            "INSERT INTO event_cursors (instance_id, first_number, fanned_out)
             SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($2 AS BIGINT) - 1
             WHERE (SELECT id FROM webhook_endpoints WHERE instance_id = $1 AND disabled_at IS NULL LIMIT 1) IS NULL
                OR (SELECT fanned_out FROM event_cursors WHERE instance_id = $1) >= CAST($2 AS BIGINT) - 1
             ON CONFLICT (instance_id) DO UPDATE SET first_number = excluded.first_number,
                fanned_out = CASE WHEN event_cursors.fanned_out > excluded.fanned_out THEN event_cursors.fanned_out
                    ELSE excluded.fanned_out END
             WHERE event_cursors.first_number < excluded.first_number",
            vec![self.instance.as_str().into(), (last.number + 1).into()],
        );
        // Stale if another server sweeps, or deliveries are behind.
        let forward = forward.expect(1, Conflict::Stale);
        Ok(self.store.batch_unless_stale(vec![forward], deadline).await? && is_more)
    }

    /// Moves the beginning of the trail behind the changes that `cut` lets go, a few hundred at a time, from `after` on, which
    /// moves. `false` once nothing is left, or the trail does not begin with a change.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_trail_of_changes(
        &self,
        cut: Cut,
        after: &mut CutCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT MIN(sequence_number) FROM audit_log WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let answers = self.store.db.snapshot(Reach::Job, vec![self.ends_query(), oldest], deadline).await?;
        let (ends, oldest) = two(answers);
        let Some(ends) = ends_from(ends)? else { return Ok(false) };
        // Rows from before there were changes go first, with the sweep of their table.
        let oldest = match oldest.into_iter().next() {
            Some(row) => Columns::new("audit_log", row).optional_int("sequence_number")?,
            None => None,
        };
        let (from, to) = after.range();
        let until = to.min(oldest.unwrap_or(i64::MAX).saturating_sub(1));
        let rows = self.aged(from.max(ends.first_number - 1), until, deadline).await?;
        let (old, is_more) = after.advance(cut, &moments(&rows));
        let Some(last) = rows[..old].last() else { return Ok(is_more) };
        let Some(hash) = Hash::from_base64(&last.hash) else {
            let (id, what) = (last.number.to_string(), "hash".to_owned());
            return Err(StoreError::Corrupt { table: "changes", id, what });
        };
        let keys = self.store.keys_for_seals(deadline).await?;
        let forward = self.move_beginning(&ends, keys, last.number + 1, hash.to_hex())?;
        // Stale if another server sweeps.
        Ok(self.store.batch_unless_stale(vec![forward], deadline).await? && is_more)
    }

    /// Removes rows that neither the feed nor the trail tells any more and that nobody waits for, a few hundred at a time, from
    /// the number `after` on, which moves. `false` at the end.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_changes(&self, after: &mut i64, deadline: Instant) -> Result<bool, StoreError> {
        let told = Query::new(
            "SELECT e.instance_id, e.first_number, k.first_number FROM audit_ends e
             JOIN event_cursors k ON k.instance_id = e.instance_id WHERE e.instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let Some(row) = self.store.rows(Reach::Job, told, deadline).await?.pop() else { return Ok(false) };
        let mut columns = Columns::new("audit_ends", row);
        columns.id("instance_id")?;
        let until = columns.int("first_number")?.min(columns.int("first_number")?) - 1;
        let rows = self.aged(*after, until, deadline).await?;
        let Some(last) = rows.last().map(|row| row.number) else { return Ok(false) };
        let waiting = self.waiting_between(*after, last, deadline).await?;
        let mut statements = Vec::new();
        let mut range: Option<(i64, i64)> = None;
        for row in &rows {
            let first = row.number - row.event_count + 1;
            let at = waiting.partition_point(|number| *number < first);
            if waiting.get(at).is_some_and(|number| *number <= row.number) {
                statements.extend(range.take().map(|range| self.remove_changes(range)));
                continue;
            }
            range = Some((range.map_or(row.number, |(first, _)| first), row.number));
        }
        statements.extend(range.map(|range| self.remove_changes(range)));
        if !statements.is_empty() {
            self.store.batch(statements, deadline).await?;
        }
        *after = last;
        Ok(rows.len() == STEP_ROWS)
    }

    /// Removes the rows from the one with the first of two numbers to that with the second.
    fn remove_changes(&self, (first, last): (i64, i64)) -> Stmt {
        // Put together here, so that on PostgreSQL nobody waits for it.
        Stmt::new(
            "DELETE FROM changes WHERE place >= (SELECT base FROM audit_ends WHERE instance_id = $1) + $2
                AND place <= (SELECT base FROM audit_ends WHERE instance_id = $1) + $3"
                .to_owned(),
            vec![self.instance.as_str().into(), first.into(), last.into()],
        )
    }

    /// The numbers of events that wait to be delivered, in order.
    async fn waiting_between(
        &self,
        after: i64,
        last: i64,
        deadline: Instant,
    ) -> Result<Vec<i64>, StoreError> {
        let waiting = Query::new(
            "SELECT d.sequence_number FROM webhook_endpoints w JOIN webhook_deliveries d
                ON d.instance_id || d.endpoint_id = w.instance_id || w.id
                AND d.sequence_number > $2 AND d.sequence_number <= $3
             WHERE w.instance_id = $1 AND d.state IN ('queued', 'sending') ORDER BY d.sequence_number",
            vec![self.instance.as_str().into(), after.into(), last.into()],
        );
        let rows = self.store.rows(Reach::Job, waiting, deadline).await?;
        rows.into_iter().map(|row| Columns::new("webhook_deliveries", row).int("sequence_number")).collect()
    }

    /// Removes what is known of deliveries of events that the feed does not tell any more and that have ended, for one
    /// endpoint, a few hundred at a time, from the number `after` on, which moves. `false` at the end.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_deliveries(
        &self,
        endpoint: &str,
        after: &mut i64,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let ended = Query::new(
            "SELECT d.event_id, d.sequence_number, CASE WHEN d.state IN ('queued', 'sending') THEN 1 ELSE 0 END
             FROM webhook_deliveries d WHERE d.instance_id || d.endpoint_id = $1 AND d.sequence_number > $2
                AND d.sequence_number < (SELECT first_number FROM event_cursors WHERE instance_id = $3)
             ORDER BY d.sequence_number LIMIT $4",
            vec![
                format!("{}{endpoint}", self.instance).into(),
                (*after).into(),
                self.instance.as_str().into(),
                STEP_ROWS_MAX.into(),
            ],
        );
        let rows = self.store.rows(Reach::Job, ended, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        let mut ended: Vec<Value> = Vec::new();
        for row in rows {
            let mut columns = Columns::new("webhook_deliveries", row);
            let event = columns.id("event_id")?;
            *after = columns.int("sequence_number")?;
            if !columns.flag("state")? {
                ended.push(event.into());
            }
        }
        let first: [Value; 2] = [self.instance.as_str().into(), endpoint.into()];
        let mut statements = Vec::new();
        for head in [
            "DELETE FROM webhook_attempts WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND endpoint_id = $2
                AND state NOT IN ('queued', 'sending') AND event_id",
        ] {
            statements.extend(by_keys(head, &first, &ended));
        }
        if !statements.is_empty() {
            self.store.batch(statements, deadline).await?;
        }
        Ok(is_more)
    }

    /// The rows behind the number `after`, up to `until`, as many as a step looks at.
    async fn aged(&self, after: i64, until: i64, deadline: Instant) -> Result<Vec<Aged>, StoreError> {
        // The places of other instances are on both sides.
        let (after, until) = (after.clamp(0, PLACES_OF_INSTANCE), until.clamp(0, PLACES_OF_INSTANCE - 1));
        let params = vec![self.instance.as_str().into(), after.into(), until.into(), STEP_ROWS_MAX.into()];
        let rows = self.store.rows(Reach::Job, Query::new(ROWS_BETWEEN, params), deadline).await?;
        rows.into_iter().map(aged_from).collect()
    }
}

impl Store {
    /// The same for changes as [`Store::erase_sealed_events`].
    pub(crate) async fn erase_sealed_changes(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT place FROM changes WHERE sealed <> '' AND created_at < $1 ORDER BY created_at LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        let rows = self.rows(Reach::Job, oldest, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        let places: Vec<Value> = rows.into_iter().flatten().collect();
        let statements = by_keys("UPDATE changes SET sealed = '' WHERE sealed <> '' AND place", &[], &places);
        if !statements.is_empty() {
            self.batch(statements, deadline).await?;
        }
        Ok(is_more)
    }
}

fn moments(rows: &[Aged]) -> Vec<(UnixMillis, i64)> {
    rows.iter().map(|row| (row.moment, row.number)).collect()
}

fn aged_from(row: Row) -> Result<Aged, StoreError> {
    let mut columns = Columns::new("changes", row);
    let hash = columns.text("hash")?;
    Ok(Aged {
        hash,
        number: columns.int("sequence_number")?,
        moment: UnixMillis(columns.int("created_at")?),
        event_count: columns.int("event_count")?,
    })
}

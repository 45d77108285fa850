//! Codes, what is remembered of a number across them, and how much of each limit is used up.

use crate::db::{Columns, Query, Reach, Row, Stmt};
use crate::retention::{AgeCursor, STEP_ROWS, STEP_ROWS_MAX};
use crate::users::{loaded_for, pending_code_from};
use crate::{Conflict, Loaded, Scoped, Store, StoreError};
use std::time::Instant;
use verger_core::{IdentifierKind, PendingCode, VerificationWindow};
use verger_wire::{IdentificationId, UnixMillis, VerificationId};

/// A user and everything that decides about codes of one of its identifications.
#[derive(Clone, Debug)]
pub struct LoadedForCode {
    /// The user, with whether another holds the same text.
    pub loaded: Loaded,
    /// What is remembered of the number or address.
    pub window: VerificationWindow,
    /// The code that is tried, if it is one of this identification: also one that is no longer the newest.
    pub tried: Option<PendingCode>,
}

/// A window before and after.
#[derive(Clone, Debug)]
pub struct WindowWrite {
    /// The kind of identifier.
    pub kind: IdentifierKind,
    /// Of which number or address.
    pub identifier: String,
    /// The window as it was loaded.
    pub before: VerificationWindow,
    /// The window to store.
    pub after: VerificationWindow,
}

/// Something to count, which is refused if it does not fit under its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The limit that is counted.
    pub scope: &'static str,
    /// Of whom: a number, a user, a country; empty for the whole instance.
    pub subject: String,
    /// Start of the period, in Unix milliseconds.
    pub period_start: UnixMillis,
    /// The amount to add.
    pub add: i64,
    /// The most that the period may have, at least `add`; `None` only counts.
    pub limit: Option<i64>,
}

impl Scoped<'_> {
    fn code_queries(&self, id: &IdentificationId) -> Vec<Query> {
        let window = Query::new(
            "SELECT w.version, w.failures, w.sent_at FROM identifications i
             JOIN verification_windows w
               ON w.instance_id = i.instance_id AND w.kind = i.kind AND w.identifier = i.identifier
             WHERE i.instance_id = $1 AND i.id = $2",
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        vec![self.identification_change_query(id), window]
    }

    /// The user who has this identification, with what decides about its codes, in one state of the database.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_code(
        &self,
        id: &IdentificationId,
        deadline: Instant,
    ) -> Result<Option<LoadedForCode>, StoreError> {
        let queries = self.code_queries(id);
        let answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        loaded_for_code(id, answers)
    }

    /// As [`Scoped::load_for_code`], with the code that is tried.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_attempt(
        &self,
        id: &IdentificationId,
        tried: &VerificationId,
        deadline: Instant,
    ) -> Result<Option<LoadedForCode>, StoreError> {
        let mut queries = self.code_queries(id);
        queries.push(self.verification_query(id, tried));
        let mut answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        let tried = answers.pop().and_then(|mut rows| rows.pop());
        let Some(found) = loaded_for_code(id, answers)? else { return Ok(None) };
        let tried = tried.map(pending_code_from).transpose()?.flatten();
        Ok(Some(LoadedForCode { tried, ..found }))
    }

    /// A code of an identification by its id, also one that is no longer the newest.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn load_verification(
        &self,
        identification: &IdentificationId,
        id: &VerificationId,
        deadline: Instant,
    ) -> Result<Option<PendingCode>, StoreError> {
        let query = self.verification_query(identification, id);
        let row = self.store.rows(Reach::Point, query, deadline).await?.pop();
        Ok(row.map(pending_code_from).transpose()?.flatten())
    }

    fn verification_query(&self, identification: &IdentificationId, id: &VerificationId) -> Query {
        Query::new(
            "SELECT id, key_id, digest, attempts, verified_at, created_at, expire_at FROM verifications
             WHERE instance_id = $1 AND id = $2 AND identification_id = $3",
            vec![self.instance.as_str().into(), id.as_str().into(), identification.as_str().into()],
        )
    }

    /// What was counted of one scope and subject from `since` on.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn counted_since(
        &self,
        scope: &str,
        subject: &str,
        since: UnixMillis,
        deadline: Instant,
    ) -> Result<i64, StoreError> {
        let query = Query::new(
            "SELECT amount FROM send_counters
             WHERE instance_id = $1 AND scope = $2 AND subject = $3 AND period_start >= $4",
            vec![self.instance.as_str().into(), scope.into(), subject.into(), since.into()],
        );
        let rows = self.store.rows(Reach::Point, query, deadline).await?;
        rows.into_iter().try_fold(0_i64, |sum, row| {
            Ok(sum.saturating_add(Columns::new("send_counters", row).int("amount")?))
        })
    }

    pub(crate) fn write_window(&self, write: &WindowWrite) -> Stmt {
        let failures: Vec<String> = write.after.failures.iter().map(|at| at.0.to_string()).collect();
        let mut params = vec![
            self.instance.as_str().into(),
            write.kind.as_str().into(),
            write.identifier.as_str().into(),
            write.after.version.into(),
            failures.join(" ").into(),
            write.after.sent_at.into(),
        ];
        if write.before.version == 0 {
            return Stmt::new(
                "INSERT INTO verification_windows (instance_id, kind, identifier, version, failures, sent_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                params,
            )
            .on_unique(Conflict::Stale);
        }
        params.push(write.before.version.into());
        Stmt::new(
            "UPDATE verification_windows SET version = $4, failures = $5, sent_at = $6
             WHERE instance_id = $1 AND kind = $2 AND identifier = $3 AND version = $7",
            params,
        )
        .expect(1, Conflict::Stale)
    }

    pub(crate) fn count(&self, counted: &Counted) -> Stmt {
        let mut params = vec![
            self.instance.as_str().into(),
            counted.scope.into(),
            counted.subject.as_str().into(),
            counted.period_start.into(),
            counted.add.into(),
        ];
        let Some(limit) = counted.limit else {
            return Stmt::new(
                "INSERT INTO send_counters (instance_id, scope, subject, period_start, amount)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (instance_id, scope, subject, period_start)
                 DO UPDATE SET amount = send_counters.amount + excluded.amount",
                params,
            );
        };
        params.push(limit.saturating_sub(counted.add).into());
        // What a clock that was ahead counted in a later period counts now: a clock that was set back gives nothing back.
        Stmt::new(
            "INSERT INTO send_counters (instance_id, scope, subject, period_start, amount)
             SELECT $1, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
             WHERE (SELECT COALESCE(SUM(s.amount), 0) FROM send_counters s
                WHERE s.instance_id = $1 AND s.scope = $2 AND s.subject = $3 AND s.period_start >= $4) <= $6
             ON CONFLICT (instance_id, scope, subject, period_start)
             DO UPDATE SET amount = send_counters.amount + excluded.amount
             WHERE send_counters.amount <= $6",
            params,
        )
        .expect(1, Conflict::LimitReached(counted.scope))
    }
}

impl Store {
    /// Removes former codes from before `before`, which must be longer ago than a code lives; the newest of a number or
    /// address stays, however old. Looks at a few hundred, from `after` on, which moves. `false` at the end.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_codes(
        &self,
        before: UnixMillis,
        after: &mut AgeCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = "SELECT v.id, v.instance_id, v.created_at,
                CASE WHEN (SELECT i.id FROM identifications i WHERE i.instance_id = v.instance_id
                    AND i.id = v.identification_id AND i.verification_id = v.id) IS NULL THEN 1 ELSE 0 END
             FROM verifications v
             WHERE v.created_at < $1 AND (v.created_at, v.instance_id, v.id) > ($2, $3, $4)
             ORDER BY v.created_at, v.instance_id, v.id LIMIT $5";
        self.sweep_by_age("verifications", oldest, before, after, deadline).await
    }

    /// Removes counters of periods from before `before`, which must be longer ago than any that is looked at. A few hundred
    /// at a time; `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn sweep_counters(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT instance_id, scope, subject, period_start FROM send_counters WHERE period_start < $1
             ORDER BY period_start LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        let delete = "DELETE FROM send_counters
             WHERE instance_id = $1 AND scope = $2 AND subject = $3 AND period_start = $4";
        self.change_each(oldest, delete, deadline).await
    }

    /// Removes what is remembered of numbers that were sent nothing since `before`, which must be longer ago than failures
    /// count. A few hundred at a time; `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn sweep_windows(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT instance_id, kind, identifier, version FROM verification_windows WHERE sent_at < $1
             ORDER BY sent_at LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        // A window that was written meanwhile stays.
        let delete = "DELETE FROM verification_windows
             WHERE instance_id = $1 AND kind = $2 AND identifier = $3 AND version = $4";
        self.change_each(oldest, delete, deadline).await
    }

    pub(crate) async fn change_each(
        &self,
        oldest: Query,
        statement: &str,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let rows = self.rows(Reach::Job, oldest, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        // Put together here, so that on PostgreSQL nobody waits for them.
        let statements: Vec<_> = rows.into_iter().map(|key| Stmt::new(statement.to_owned(), key)).collect();
        if !statements.is_empty() {
            self.batch(statements, deadline).await?;
        }
        Ok(is_more)
    }
}

fn loaded_for_code(
    id: &IdentificationId,
    mut answers: Vec<Vec<Row>>,
) -> Result<Option<LoadedForCode>, StoreError> {
    let window = answers.pop().and_then(|mut rows| rows.pop());
    let Some(loaded) = loaded_for(id, answers.pop().unwrap_or_default())? else { return Ok(None) };
    let window = window.map(window_from).transpose()?.unwrap_or_default();
    Ok(Some(LoadedForCode { loaded, window, tried: None }))
}

pub(crate) fn window_from(row: Row) -> Result<VerificationWindow, StoreError> {
    let mut columns = Columns::new("verification_windows", row);
    let version = columns.int("version")?;
    let failures = columns.text("failures")?;
    let failures: Result<Vec<_>, _> =
        failures.split_whitespace().map(|at| at.parse().map(UnixMillis)).collect();
    Ok(VerificationWindow {
        version,
        failures: failures.map_err(|_| columns.corrupt("failures"))?,
        sent_at: columns.optional_int("sent_at")?.map(UnixMillis),
    })
}

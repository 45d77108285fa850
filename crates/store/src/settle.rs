//! What a clock that was ahead wrote. Until the time of such a row comes it would never be due, never end and never be
//! removed; here it gets the time that it is. Where a row decides something it is not taken at its word either, so that
//! nothing relies on when this runs.

use crate::credentials::guess_window_from;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::verifications::window_from;
use crate::{Scoped, Store, StoreError};
use std::collections::BTreeSet;
use std::time::Instant;
use verger_core::time::CLOCKS_DIFFER_MS;
use verger_core::verification::CODE_LIFETIME_MS;
use verger_wire::{InstanceId, UnixMillis};

/// Rows of one table that are looked for at a time.
const ROWS_MAX: i64 = 500;

/// Rows to be found, and what is written of each: `$n` of the statement are `values`, and then the columns that were found.
struct Repair {
    find: Query,
    sql: &'static str,
    values: Vec<Value>,
}

/// Codes: the instance, the moment and the rest of the key; each instance has a time of its own.
const CODES_AHEAD: &str = "SELECT instance_id, created_at, id FROM verifications WHERE created_at > $1 ORDER BY created_at DESC LIMIT $2";
/// Events with codes.
const SEALED_AHEAD: &str =
    "SELECT instance_id, created_at, id FROM outbox WHERE sealed <> '' AND created_at > $1
    ORDER BY created_at DESC LIMIT $2";
/// Messages that nobody is sending.
const MESSAGES_AHEAD: &str =
    "SELECT instance_id, updated_at, id FROM messages WHERE updated_at > $1 AND state <> 'sending'
    ORDER BY updated_at DESC LIMIT $2";
/// What is remembered of numbers.
const WINDOWS_AHEAD: &str =
    "SELECT instance_id, sent_at, kind, identifier, version, failures, sent_at AS again
    FROM verification_windows WHERE sent_at > $1 ORDER BY sent_at DESC LIMIT $2";
/// What is remembered of the factors of users.
const GUESSES_AHEAD: &str =
    "SELECT instance_id, changed_at, user_id, factor, client_id, user_id AS again, version, failures
    FROM guess_windows WHERE changed_at > $1 ORDER BY changed_at DESC LIMIT $2";

impl Store {
    /// Settles codes, what is remembered of numbers, messages, and events with codes, that lie in the future. `now_of` is
    /// the time of an instance, `real_now` that of the machine, by which messages go. A few hundred rows at a time; `true`
    /// if there may be more.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn settle_codes(
        &self,
        now_of: impl Fn(&InstanceId) -> UnixMillis + Send + Sync,
        real_now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let is_ahead = |instance: &InstanceId, at: i64| at > now_of(instance).plus_ms(CLOCKS_DIFFER_MS).0;
        let ahead = |sql: &'static str| {
            Query::new(sql, vec![real_now.plus_ms(CLOCKS_DIFFER_MS).into(), ROWS_MAX.into()])
        };
        let queries = [CODES_AHEAD, SEALED_AHEAD, MESSAGES_AHEAD, WINDOWS_AHEAD].map(ahead).to_vec();
        let mut answers = self.db.snapshot(Reach::Job, queries, deadline).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let (codes, sealed, messages, windows) = (next(), next(), next(), next());
        let mut statements = Vec::new();
        let mut settle = |sql: &'static str, rows: Vec<Row>, values: &dyn Fn(UnixMillis) -> Vec<Value>| {
            for row in rows {
                let (instance, at, key) = split(row)?;
                if is_ahead(&instance, at) {
                    let mut params = values(now_of(&instance));
                    params.push(instance.as_str().into());
                    params.extend(key);
                    statements.push(Stmt::new(sql, params));
                }
            }
            Ok::<(), StoreError>(())
        };
        settle(
            "UPDATE verifications SET created_at = $1, expire_at = CASE WHEN expire_at > $2 THEN $2 ELSE expire_at END
             WHERE instance_id = $3 AND id = $4",
            codes,
            &|now| vec![now.into(), now.plus_ms(CODE_LIFETIME_MS).into()],
        )?;
        settle("UPDATE outbox SET created_at = $1 WHERE instance_id = $2 AND id = $3", sealed, &|now| {
            vec![now.into()]
        })?;
        settle(
            "UPDATE messages SET updated_at = $1, created_at = CASE WHEN created_at > $1 THEN $1 ELSE created_at END,
                due_at = CASE WHEN due_at > $2 THEN $2 ELSE due_at END,
                give_up_at = CASE WHEN give_up_at > $3 THEN $3 ELSE give_up_at END
             WHERE instance_id = $4 AND id = $5 AND state <> 'sending'",
            messages,
            &|now| vec![now.into(), real_now.into(), real_now.plus_ms(CODE_LIFETIME_MS).into()],
        )?;
        for row in windows {
            let (instance, at, mut key) = split(row)?;
            let window = window_from(key.split_off(2.min(key.len())))?;
            let now = now_of(&instance);
            let Some(settled) = window.settled(now).filter(|_| is_ahead(&instance, at)) else { continue };
            let failures: Vec<String> = settled.failures.iter().map(|at| at.0.to_string()).collect();
            let mut values: Vec<Value> = vec![
                settled.version.into(),
                failures.join(" ").into(),
                settled.sent_at.into(),
                window.version.into(),
                instance.as_str().into(),
            ];
            values.extend(key);
            // One that was written meanwhile has been settled.
            statements.push(Stmt::new(
                "UPDATE verification_windows SET version = $1, failures = $2, sent_at = $3
                 WHERE version = $4 AND instance_id = $5 AND kind = $6 AND identifier = $7",
                values,
            ));
        }
        let found = !statements.is_empty();
        if found {
            self.batch(statements, deadline).await?;
        }
        Ok(found)
    }

    /// Settles failed tries of factors that lie in the future, and the locks that the last of them led to. A few hundred rows
    /// at a time; `true` if there may be more.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn settle_guesses(
        &self,
        now_of: impl Fn(&InstanceId) -> UnixMillis + Send + Sync,
        real_now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let ahead =
            Query::new(GUESSES_AHEAD, vec![real_now.plus_ms(CLOCKS_DIFFER_MS).into(), ROWS_MAX.into()]);
        let (mut statements, mut users) = (Vec::new(), BTreeSet::new());
        for row in self.rows(Reach::Job, ahead, deadline).await? {
            let (instance, at, mut key) = split(row)?;
            let now = now_of(&instance);
            if at <= now.plus_ms(CLOCKS_DIFFER_MS).0 {
                continue;
            }
            let window = guess_window_from(key.split_off(3.min(key.len())))?;
            let settled = window.settled(now);
            let failures: Vec<String> = settled.failures.iter().map(|at| at.0.to_string()).collect();
            let mut columns = Columns::new("guess_windows", key);
            let user = columns.id("user_id")?;
            let one: Vec<Value> = vec![
                instance.as_str().into(),
                user.as_str().into(),
                columns.text("factor")?.into(),
                columns.text("client_id")?.into(),
                window.version.into(),
            ];
            // The latest failure of a user is the one that locked it, if one did. One that was written meanwhile was settled.
            if users.insert((instance, user)) {
                statements.push(Stmt::new(
                    "UPDATE credentials SET lockout_until = lockout_until - $6
                     WHERE instance_id = $1 AND id = $2 AND lockout_until > $7 AND EXISTS (SELECT 1 FROM guess_windows
                        WHERE instance_id = $1 AND user_id = $2 AND factor = $3 AND client_id = $4 AND version = $5)",
                    [one.clone(), vec![(at - now.0).into(), at.into()]].concat(),
                ));
            }
            let values: Vec<Value> = vec![settled.version.into(), failures.join(" ").into(), now.into()];
            statements.push(Stmt::new(
                "UPDATE guess_windows SET version = $6, failures = $7, changed_at = $8
                 WHERE instance_id = $1 AND user_id = $2 AND factor = $3 AND client_id = $4 AND version = $5",
                [one, values].concat(),
            ));
        }
        let found = !statements.is_empty();
        if found {
            self.batch(statements, deadline).await?;
        }
        Ok(found)
    }

    /// Instances with counters of periods in the future of `now`.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn instances_with_future_counters(
        &self,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<Vec<InstanceId>, StoreError> {
        let query = Query::new(
            "SELECT DISTINCT instance_id FROM send_counters WHERE period_start > $1 AND instance_id <> ''",
            vec![now.plus_ms(CLOCKS_DIFFER_MS).into()],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        rows.into_iter().map(|row| Ok(Columns::new("send_counters", row).id("instance_id")?.into())).collect()
    }
}

impl Scoped<'_> {
    /// Counts in the period in which `now` is what was counted in periods of the future. `period_start` says when the
    /// period of a limit began. `true` if there may be more.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn settle_counters(
        &self,
        now: UnixMillis,
        period_start: impl Fn(&str) -> UnixMillis + Send,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let ahead = Query::new(
            "SELECT scope, subject, period_start, amount FROM send_counters
             WHERE instance_id = $1 AND period_start > $2 ORDER BY period_start DESC LIMIT $3",
            vec![self.instance.as_str().into(), now.plus_ms(CLOCKS_DIFFER_MS).into(), ROWS_MAX.into()],
        );
        let mut found = false;
        for row in self.store.rows(Reach::Job, ahead, deadline).await? {
            let mut columns = Columns::new("send_counters", row);
            let (scope, subject) = (columns.text("scope")?, columns.text("subject")?);
            let (at, amount) = (columns.int("period_start")?, columns.int("amount")?);
            let key: Vec<Value> = vec![self.instance.as_str().into(), scope.as_str().into(), subject.into()];
            let with = |rest: [Value; 2]| key.iter().cloned().chain(rest).collect::<Vec<_>>();
            let statements = vec![
                // Whoever counts meanwhile is not lost: the next look finds it.
                Stmt::new(
                    "DELETE FROM send_counters
                     WHERE instance_id = $1 AND scope = $2 AND subject = $3 AND period_start = $4 AND amount = $5",
                    with([at.into(), amount.into()]),
                )
                .expect(1, crate::Conflict::Stale),
                Stmt::new(
                    "INSERT INTO send_counters (instance_id, scope, subject, period_start, amount)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (instance_id, scope, subject, period_start)
                     DO UPDATE SET amount = send_counters.amount + excluded.amount",
                    with([period_start(&scope).into(), amount.into()]),
                ),
            ];
            match self.store.batch(statements, deadline).await {
                Ok(()) | Err(StoreError::Conflict(crate::Conflict::Stale)) => found = true,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

impl Store {
    /// Settles deliveries, kept answers and what is known of endpoints that lie in the future, of all instances: a delivery
    /// waits for `longest_wait_ms` at most, and a former secret signs for `former_longest_ms` at most. A few hundred rows at
    /// a time; `true` if there may be more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn settle_deliveries(
        &self,
        now: UnixMillis,
        longest_wait_ms: i64,
        former_longest_ms: i64,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let ahead = now.plus_ms(CLOCKS_DIFFER_MS);
        let repairs = vec![
            Repair {
                find: Query::new(
                    "SELECT instance_id || endpoint_id || user_id FROM webhook_deliveries
                     WHERE state = 'queued' AND due_at > $1 AND (updated_at > $2 OR due_at > $3 OR give_up_at > $4)
                     LIMIT $5",
                    vec![
                        now.into(),
                        ahead.into(),
                        ahead.plus_ms(longest_wait_ms).into(),
                        ahead.plus_ms(CODE_LIFETIME_MS).into(),
                        ROWS_MAX.into(),
                    ],
                ),
                // With those behind it, which wait as long as it did.
                sql: "UPDATE webhook_deliveries SET due_at = $1, updated_at = $1,
                        give_up_at = CASE WHEN give_up_at > $2 THEN $2 ELSE give_up_at END
                      WHERE instance_id || endpoint_id || user_id = $3 AND state IN ('queued', 'sending')
                        AND state = 'queued' AND due_at > $1",
                values: vec![now.into(), now.plus_ms(CODE_LIFETIME_MS).into()],
            },
            Repair {
                find: Query::new(
                    "SELECT instance_id, idempotency_key FROM idempotency_keys WHERE created_at > $1
                     ORDER BY created_at DESC LIMIT $2",
                    vec![ahead.into(), ROWS_MAX.into()],
                ),
                sql: "UPDATE idempotency_keys SET created_at = $1 WHERE instance_id = $2 AND idempotency_key = $3",
                values: vec![now.into()],
            },
            Repair {
                find: Query::new(
                    "SELECT instance_id, endpoint_id FROM webhook_removals WHERE removed_at > $1 LIMIT $2",
                    vec![ahead.into(), ROWS_MAX.into()],
                ),
                sql: "UPDATE webhook_removals SET removed_at = $1 WHERE instance_id = $2 AND endpoint_id = $3",
                values: vec![now.into()],
            },
            Repair {
                find: Query::new(
                    "SELECT instance_id, id FROM webhook_endpoints
                     WHERE failing_since > $1 OR last_failed_at > $1 OR former_expires_at > $2 LIMIT $3",
                    vec![ahead.into(), ahead.plus_ms(former_longest_ms).into(), ROWS_MAX.into()],
                ),
                sql: "UPDATE webhook_endpoints SET
                        failing_since = CASE WHEN failing_since > $1 THEN $1 ELSE failing_since END,
                        last_failed_at = CASE WHEN last_failed_at > $1 THEN $1 ELSE last_failed_at END,
                        former_expires_at = CASE WHEN former_expires_at > $2 THEN $2 ELSE former_expires_at END
                      WHERE instance_id = $3 AND id = $4",
                values: vec![now.into(), now.plus_ms(former_longest_ms).into()],
            },
        ];
        let (queries, writes): (Vec<_>, Vec<_>) =
            repairs.into_iter().map(|repair| (repair.find, (repair.sql, repair.values))).unzip();
        let answers: Vec<Vec<Row>> = self.db.snapshot(Reach::Job, queries, deadline).await?;
        let mut statements = Vec::new();
        for ((sql, values), rows) in writes.into_iter().zip(answers) {
            statements.extend(
                rows.into_iter().map(|key| Stmt::new(sql, values.iter().cloned().chain(key).collect())),
            );
        }
        let found = !statements.is_empty();
        if found {
            self.batch(statements, deadline).await?;
        }
        Ok(found)
    }
}

/// The instance, the moment, and the rest of the key.
fn split(mut row: Row) -> Result<(InstanceId, i64, Row), StoreError> {
    let key = row.split_off(2.min(row.len()));
    let mut columns = Columns::new("the future", row);
    Ok((columns.id("instance_id")?.into(), columns.int("moment")?, key))
}

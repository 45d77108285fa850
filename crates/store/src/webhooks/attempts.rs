//! Tries at deliveries, and what they say of how long an endpoint has failed.

use super::{DeliveryState, DueDelivery, DueEvent};
use crate::changes::base;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::{Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_wire::{EventId, UnixMillis, WebhookEndpointId};

/// The record of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Number of the attempt, from 1.
    pub try_number: i64,
    /// HTTP status of the answer; `None` if there was none.
    pub status: Option<i64>,
    /// Why there was no good answer.
    pub reason: Option<String>,
    /// From the first lookup of the name to the end of the answer, in milliseconds.
    pub latency_ms: i64,
    /// The first KiB of the answer.
    pub answer: String,
    /// When the attempt ended, in Unix milliseconds.
    pub created_at: UnixMillis,
}

/// What follows from a try.
#[derive(Clone, Debug)]
pub struct DeliveryOutcome {
    /// The state after the attempt.
    pub state: DeliveryState,
    /// When the next attempt is due, in Unix milliseconds.
    pub due_at: UnixMillis,
    /// The record of the attempt.
    pub attempt: AttemptRecord,
    /// What it says of the endpoint.
    pub streak: Streak,
}

/// What a try says of how long its endpoint has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streak {
    /// The endpoint does not fail any more.
    Ends,
    /// The endpoint failed.
    GoesOn {
        /// Since now, if the failure before was before this moment: nobody knows how it was in between.
        anew_before: UnixMillis,
    },
    /// Nothing: it was not asked.
    Unknown,
}

/// So many tries of a delivery are kept, about.
pub(super) const ATTEMPTS_ABOUT: i64 = 10;

/// How exactly the last failure of an endpoint is written down: not every one needs its row.
const LAST_FAILED_WITHIN_MS: i64 = 60_000;

impl Scoped<'_> {
    /// Writes what became of the try that [`Scoped::claim_delivery`] began; `false` if its lease had expired.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn finish_delivery(
        &self,
        endpoint: &WebhookEndpoint,
        due: &DueDelivery,
        outcome: &DeliveryOutcome,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let attempt = &outcome.attempt;
        let event = due.delivery.event_id.as_str();
        let key: Vec<Value> = vec![self.instance.as_str().into(), endpoint.id.as_str().into(), event.into()];
        let with_key = |rest: Vec<Value>| key.iter().cloned().chain(rest).collect::<Vec<_>>();
        let mut statements = vec![
            Stmt::new(
                "UPDATE webhook_deliveries SET state = $5, due_at = $6, updated_at = $7
                 WHERE instance_id = $1 AND endpoint_id = $2 AND event_id = $3 AND tries = $4 AND state = 'sending'",
                with_key(vec![
                    attempt.try_number.into(),
                    outcome.state.as_str().into(),
                    outcome.due_at.into(),
                    attempt.created_at.into(),
                ]),
            )
            .expect(1, Conflict::Stale),
            Stmt::new(
                "INSERT INTO webhook_attempts (instance_id, endpoint_id, event_id, try_number, status, reason, latency_ms,
                    answer, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                with_key(vec![
                    attempt.try_number.into(),
                    attempt.status.into(),
                    attempt.reason.as_deref().into(),
                    attempt.latency_ms.into(),
                    attempt.answer.as_str().into(),
                    attempt.created_at.into(),
                ]),
            )
            .on_unique(Conflict::Stale),
        ];
        // The endpoint as it was loaded may be long out of date: the row decides.
        match outcome.streak {
            Streak::Ends => statements.push(self.end_streak(&endpoint.id)),
            Streak::GoesOn { anew_before } => {
                statements.push(self.go_on_with_streak(&endpoint.id, attempt.created_at, anew_before));
            }
            Streak::Unknown => {}
        }
        if outcome.state == DeliveryState::Queued && due.delivery.give_up_at.is_none() {
            // What comes after it waits as long: until then it cannot be told anyway, and looking at it would find nothing.
            statements.push(Stmt::new(
                "UPDATE webhook_deliveries SET due_at = $2
                 WHERE instance_id || endpoint_id || user_id = $1 AND state IN ('queued', 'sending')
                    AND sequence_number > $3 AND due_at < $2 AND state <> 'sending' AND give_up_at IS NULL",
                vec![
                    self.with_instance(&[endpoint.id.as_str(), due.delivery.user_id.as_str()]),
                    outcome.due_at.into(),
                    due.delivery.sequence_number.into(),
                ],
            ));
        } else if due.sealed().is_some() {
            // A code is not kept for longer than somebody still has to hear of it.
            statements.push(match &due.event {
                DueEvent::Change(change) => Stmt::new(
                concat!("UPDATE changes SET sealed = '' WHERE place = ", base!(), " + $3 AND sealed <> ''
                    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.instance_id = $1 AND d.event_id = $2
                        AND d.state IN ('queued', 'sending'))"),
                vec![key[0].clone(), key[2].clone(), change.sequence_number.into()],
            ),
                DueEvent::Outbox { .. } => Stmt::new(
                "UPDATE outbox SET sealed = '' WHERE instance_id = $1 AND id = $2 AND sealed <> ''
                    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.instance_id = $1 AND d.event_id = $2
                        AND d.state IN ('queued', 'sending'))",
                vec![key[0].clone(), key[2].clone()],
            ),
            });
        }
        self.store.batch_unless_stale(statements, deadline).await
    }

    pub(super) fn end_streak(&self, id: &WebhookEndpointId) -> Stmt {
        Stmt::new(
            "UPDATE webhook_endpoints SET failing_since = NULL, last_failed_at = NULL
             WHERE instance_id = $1 AND id = $2 AND failing_since IS NOT NULL",
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    fn go_on_with_streak(&self, id: &WebhookEndpointId, now: UnixMillis, anew_before: UnixMillis) -> Stmt {
        Stmt::new(
            "UPDATE webhook_endpoints SET last_failed_at = $3,
                failing_since = CASE WHEN COALESCE(last_failed_at, 0) < $4 OR COALESCE(failing_since, $3) > $3 THEN $3
                    ELSE COALESCE(failing_since, $3) END
             WHERE instance_id = $1 AND id = $2
                AND (failing_since IS NULL OR COALESCE(last_failed_at, 0) < $5 OR last_failed_at > $3)",
            vec![
                self.instance.as_str().into(),
                id.as_str().into(),
                now.into(),
                anew_before.into(),
                now.plus_ms(-LAST_FAILED_WITHIN_MS).into(),
            ],
        )
    }

    /// When a try ended, if anything was written down of it.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn attempt_at(
        &self,
        endpoint: &WebhookEndpointId,
        event: &EventId,
        try_number: i64,
        deadline: Instant,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let query = Query::new(
            "SELECT created_at FROM webhook_attempts
             WHERE instance_id = $1 AND event_id = $2 AND endpoint_id = $3 AND try_number = $4",
            vec![
                self.instance.as_str().into(),
                event.as_str().into(),
                endpoint.as_str().into(),
                try_number.into(),
            ],
        );
        let row = self.store.rows(Reach::Point, query, deadline).await?.pop();
        row.map(|row| Ok(UnixMillis(Columns::new("webhook_attempts", row).int("created_at")?))).transpose()
    }
}

/// With the event that it was of.
pub(super) fn attempt_from(row: Row) -> Result<(String, AttemptRecord), StoreError> {
    let mut columns = Columns::new("webhook_attempts", row);
    let event = columns.id("event_id")?;
    let attempt = AttemptRecord {
        try_number: columns.int("try_number")?,
        status: columns.optional_int("status")?,
        reason: columns.optional_text("reason")?,
        latency_ms: columns.int("latency_ms")?,
        answer: columns.text("answer")?,
        created_at: UnixMillis(columns.int("created_at")?),
    };
    Ok((event, attempt))
}

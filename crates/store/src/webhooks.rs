//! Webhook endpoints, and one row for every event on its way to one of them.

use crate::audit::two;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value, by_keys};
use crate::events::{JOIN_PAYLOAD, PAYLOAD_OF_EVENT};
use crate::long_reads::Bound;
use crate::retention::STEP_ROWS_MAX;
use crate::{Conflict, OutboxEvent, Scoped, Store, StoreError, StoredAnswer};
use std::collections::HashMap;
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::{DisabledReason, Disabling};
use verger_wire::{EventId, InstanceId, UnixMillis, UserId, WebhookEndpointId};

/// Where a delivery is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for its first try, the next one, or an earlier event of the same user.
    Queued,
    /// Somebody tries.
    Sending,
    /// The endpoint took it.
    Delivered,
    /// No more tries.
    Failed,
}

/// A delivery to be made.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// To whom.
    pub endpoint_id: WebhookEndpointId,
    /// From when on it is of no use.
    pub give_up_at: Option<UnixMillis>,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Of which event; the same in every try.
    pub event_id: EventId,
    /// Its `type`.
    pub kind: String,
    /// Whose it is; empty for events of no user.
    pub user_id: UserId,
    /// The place of the event.
    pub sequence_number: i64,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: i64,
    /// How many of these were before it was last replayed.
    pub tries_before: i64,
    /// When it is tried next; while somebody tries, when it is taken for dead.
    pub due_at: UnixMillis,
    /// From when on it is of no use.
    pub give_up_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When its state last changed.
    pub updated_at: UnixMillis,
}

/// A delivery that can be tried now.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// Which.
    pub delivery: WebhookDelivery,
    /// The event as JSON.
    pub payload: String,
    /// What takes its place, sealed; `None` once it was erased.
    pub sealed: Option<String>,
}

/// What a delivery tells of.
pub(crate) struct DeliveredEvent<'a> {
    pub(crate) event_id: &'a EventId,
    pub(crate) kind: &'a str,
    pub(crate) user_id: &'a UserId,
    pub(crate) sequence_number: i64,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// From 1.
    pub try_number: i64,
    /// Of the answer.
    pub status: Option<i64>,
    /// Why there was no good answer.
    pub reason: Option<String>,
    /// From the first look-up of the name to the end of the answer, in milliseconds.
    pub latency_ms: i64,
    /// The first KiB of the answer.
    pub answer: String,
    /// When it ended.
    pub created_at: UnixMillis,
}

/// What follows from a try.
#[derive(Clone, Debug)]
pub struct DeliveryOutcome {
    /// The next state.
    pub state: DeliveryState,
    /// When it is tried next.
    pub due_at: UnixMillis,
    /// To be kept.
    pub attempt: AttemptRecord,
    /// What it says of the endpoint.
    pub streak: Streak,
}

/// What a try says of how long its endpoint has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streak {
    /// It does not fail.
    Ends,
    /// It fails.
    GoesOn {
        /// Since now, if the failure before was before this moment: nobody knows how it was in between.
        anew_before: UnixMillis,
    },
    /// Nothing: it was not asked.
    Unknown,
}

/// Of what is due, so much is looked at before all of it: only of it a user's oldest open event is sought.
const DUE_AMONG_FIRST: i64 = 500;

/// How long it is remembered at least that an endpoint was removed, in milliseconds.
const REMOVAL_KEPT_MS: i64 = 60_000;
/// So many endpoints an instance can have, about.
const ENDPOINTS_ABOUT: i64 = 200;
/// So many tries of a delivery are kept, about.
const ATTEMPTS_ABOUT: i64 = 10;
/// How exactly the last failure of an endpoint is written down: not every one needs its row.
const LAST_FAILED_WITHIN_MS: i64 = 60_000;

const ENDPOINT_COLUMNS: &str =
    "id, url, events, secret, former_secret, former_expires_at, failing_since, last_failed_at, disabled_at,
     disabled_reason, created_at, updated_at";
const DELIVERY_COLUMNS: &str =
    "d.event_id, d.kind, d.user_id, d.sequence_number, d.state, d.tries, d.tries_before, d.due_at, d.give_up_at,
     d.created_at, d.updated_at";

impl DeliveryState {
    /// The name in answers and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Queued, Self::Sending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

fn values_of(endpoint: &WebhookEndpoint, instance: &InstanceId) -> Vec<Value> {
    vec![
        instance.as_str().into(),
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        serde_json::Value::from(endpoint.events.clone()).to_string().into(),
        endpoint.secret.as_str().into(),
        endpoint.former_secret.as_deref().into(),
        endpoint.former_expires_at.into(),
        endpoint.failing_since.into(),
        endpoint.last_failed_at.into(),
        endpoint.disabled_at.into(),
        endpoint.disabled_reason.map(DisabledReason::as_str).into(),
        endpoint.created_at.into(),
        endpoint.updated_at.into(),
    ]
}

impl Store {
    /// Endpoints for which something is due by `now`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn due_endpoints(
        &self,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<Vec<(InstanceId, WebhookEndpointId)>, StoreError> {
        let query = Query::new(
            "SELECT e.id, e.instance_id FROM webhook_endpoints e WHERE
                (SELECT d.due_at FROM webhook_deliveries d WHERE d.instance_id || d.endpoint_id = e.instance_id || e.id
                    AND d.state = 'queued' ORDER BY d.due_at LIMIT 1) <= $1",
            vec![now.into()],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("webhook_endpoints", row);
                let endpoint = columns.id("id")?.into();
                Ok((columns.text("instance_id")?.into(), endpoint))
            })
            .collect()
    }

    /// Puts back what was being tried by somebody who never said what became of it. A claim that would end in more than
    /// `longest_ms` was made by a clock that was ahead, and has ended too.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn release_lost_deliveries(
        &self,
        now: UnixMillis,
        longest_ms: i64,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let release = Stmt::new(
            "UPDATE webhook_deliveries SET state = 'queued', due_at = $1
             WHERE state = 'sending' AND (due_at <= $1 OR due_at > $2)",
            vec![now.into(), now.plus_ms(longest_ms).into()],
        );
        self.batch(vec![release], deadline).await
    }

    /// Removes deliveries to endpoints that were removed, a few hundred at a time. Call it until nothing is left.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sweep_removed_endpoints(
        &self,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        for removal in self.removals(deadline).await? {
            let scoped = self.instance(&removal.instance);
            if scoped.sweep_removal(&removal, now, deadline).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Some hundred endpoints that were removed, the longest ago first.
    pub(crate) async fn removals(&self, deadline: Instant) -> Result<Vec<Removal>, StoreError> {
        let removals = Query::new(
            "SELECT endpoint_id, instance_id, removed_at FROM webhook_removals ORDER BY removed_at LIMIT $1",
            vec![STEP_ROWS_MAX.into()],
        );
        let rows = self.rows(Reach::Job, removals, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("webhook_removals", row);
                let endpoint = columns.id("endpoint_id")?;
                let instance = InstanceId::from(columns.text("instance_id")?);
                Ok(Removal { instance, endpoint, removed_at: UnixMillis(columns.int("removed_at")?) })
            })
            .collect()
    }
}

/// An endpoint that was removed, and of which something may be left.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) instance: InstanceId,
    pub(crate) endpoint: String,
    pub(crate) removed_at: UnixMillis,
}

impl Scoped<'_> {
    /// Adds an endpoint unless the instance has `most` already, and keeps the answer to the request that asked for it.
    ///
    /// # Errors
    /// [`Conflict::LimitReached`], [`Conflict::IdempotencyKeyUsed`], or the database does not answer.
    pub async fn create_webhook_endpoint(
        &self,
        endpoint: &WebhookEndpoint,
        most: usize,
        answer: Option<&StoredAnswer>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let mut params = values_of(endpoint, self.instance);
        params.push(i64::try_from(most).unwrap_or(i64::MAX).into());
        let mut statements = vec![
            // Only one at a time counts and adds.
            Stmt::new(
                "UPDATE instances SET name = name WHERE id = $1",
                vec![self.instance.as_str().into()],
            )
            .expect(1, Conflict::NotFound),
            Stmt::new(
                "INSERT INTO webhook_endpoints (instance_id, id, url, events, secret, former_secret, former_expires_at,
                    failing_since, last_failed_at, disabled_at, disabled_reason, created_at, updated_at)
                 SELECT $1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT),
                    CAST($10 AS BIGINT), $11, CAST($12 AS BIGINT), CAST($13 AS BIGINT)
                 WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE instance_id = $1) < $14",
                params,
            )
            .expect(1, Conflict::LimitReached("webhook endpoints")),
        ];
        statements.extend(answer.map(|answer| self.insert_answer(answer)));
        self.store.batch(statements, deadline).await
    }

    /// All endpoints, oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn webhook_endpoints(&self, deadline: Instant) -> Result<Vec<WebhookEndpoint>, StoreError> {
        endpoints_from(self.read(Bound::Rows(ENDPOINTS_ABOUT), self.endpoints_query(), deadline).await?)
    }

    pub(crate) fn endpoints_query(&self) -> Query {
        Query::new(
            format!(
                "SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints WHERE instance_id = $1 ORDER BY created_at, id"
            ),
            vec![self.instance.as_str().into()],
        )
    }

    /// An endpoint.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        deadline: Instant,
    ) -> Result<Option<WebhookEndpoint>, StoreError> {
        Ok(endpoints_from(self.store.rows(Reach::Point, self.endpoint_query(id), deadline).await?)?.pop())
    }

    pub(crate) fn endpoint_query(&self, id: &WebhookEndpointId) -> Query {
        Query::new(
            format!("SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints WHERE instance_id = $1 AND id = $2"),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    /// Writes what somebody changed of an endpoint, with the answer to be kept; `false` if it is gone, or was changed
    /// or disabled since `before` was loaded. Whoever enables it ends its streak of failures.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKeyUsed`], or the database does not answer.
    pub async fn update_webhook_endpoint(
        &self,
        before: &WebhookEndpoint,
        after: &WebhookEndpoint,
        answer: Option<&StoredAnswer>,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let mut params = values_of(after, self.instance);
        // Neither its age changes nor how long it has failed: of that tries tell, at any time.
        params.drain(7..9);
        params.remove(9);
        params.push(before.updated_at.into());
        params.push(before.secret.as_str().into());
        params.push(before.disabled_at.map_or(0, |at| at.0).into());
        let mut statements = vec![
            Stmt::new(
                "UPDATE webhook_endpoints SET url = $3, events = $4, secret = $5, former_secret = $6,
                    former_expires_at = $7, disabled_at = $8, disabled_reason = $9, updated_at = $10
                 WHERE instance_id = $1 AND id = $2 AND updated_at = $11 AND secret = $12
                    AND COALESCE(disabled_at, 0) = $13",
                params,
            )
            .expect(1, Conflict::Stale),
        ];
        let is_enabled = before.disabled_at.is_some() && after.disabled_at.is_none();
        if is_enabled || (before.failing_since.is_some() && after.failing_since.is_none()) {
            statements.push(self.end_streak(&after.id));
        }
        if after.disabled_at.is_some() && before.disabled_at.is_none() {
            statements.push(self.fail_waiting(&after.id, after.updated_at));
        }
        statements.extend(answer.map(|answer| self.insert_answer(answer)));
        self.happened(statements, deadline).await
    }

    /// Stops sending to an endpoint and tells of it; `false` if it is stopped already or removed, or if the reason no longer
    /// holds.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn disable_webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        because: Disabling<'_>,
        now: UnixMillis,
        told: &OutboxEvent,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let (sql, still): (_, Value) = match because {
            Disabling::Failing { since } => (
                "UPDATE webhook_endpoints SET disabled_at = $3, disabled_reason = $4
                 WHERE instance_id = $1 AND id = $2 AND disabled_at IS NULL AND failing_since = $5",
                since.into(),
            ),
            // What one address answered says nothing of another.
            Disabling::Gone { url } => (
                "UPDATE webhook_endpoints SET disabled_at = $3, disabled_reason = $4
                 WHERE instance_id = $1 AND id = $2 AND disabled_at IS NULL AND url = $5",
                url.into(),
            ),
        };
        let params = vec![
            self.instance.as_str().into(),
            id.as_str().into(),
            now.into(),
            because.reason().as_str().into(),
            still,
        ];
        let mut statements =
            vec![Stmt::new(sql, params).expect(1, Conflict::Stale), self.fail_waiting(id, now)];
        statements.extend(self.insert_event(told));
        self.happened(statements, deadline).await
    }

    /// Gives up what waits for an endpoint.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn fail_waiting_deliveries(
        &self,
        id: &WebhookEndpointId,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        self.store.batch(vec![self.fail_waiting(id, now)], deadline).await
    }

    fn fail_waiting(&self, id: &WebhookEndpointId, now: UnixMillis) -> Stmt {
        Stmt::new(
            "UPDATE webhook_deliveries SET state = 'failed', updated_at = $2
             WHERE instance_id || endpoint_id = $1 AND state = 'queued'",
            vec![self.with_instance(&[id.as_str()]), now.into()],
        )
    }

    /// Removes an endpoint, and keeps the answer; `false` if there is none. Nothing is sent any more from then on;
    /// [`Store::sweep_removed_endpoints`] removes what is known of its deliveries.
    ///
    /// # Errors
    /// [`Conflict::IdempotencyKeyUsed`], or the database does not answer.
    pub async fn delete_webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        now: UnixMillis,
        answer: Option<&StoredAnswer>,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let key: Vec<Value> = vec![self.instance.as_str().into(), id.as_str().into()];
        let mut statements = vec![
            Stmt::new("DELETE FROM webhook_endpoints WHERE instance_id = $1 AND id = $2", key.clone())
                .expect(1, Conflict::Stale),
            Stmt::new(
                "INSERT INTO webhook_removals (instance_id, endpoint_id, removed_at) VALUES ($1, $2, $3)",
                key.into_iter().chain([now.into()]).collect(),
            )
            .on_unique(Conflict::Stale),
        ];
        statements.extend(answer.map(|answer| self.insert_answer(answer)));
        self.happened(statements, deadline).await
    }

    /// Removes the first few hundred deliveries to an endpoint that was removed, or the record of that. `false` if there is
    /// nothing to do now.
    pub(crate) async fn sweep_removal(
        &self,
        removal: &Removal,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let mut statements = self.delete_some_deliveries(&removal.endpoint, deadline).await?;
        // An event may be on its way to the endpoint that got its place before the endpoint was removed. A moment that
        // has not come counts as long ago: a clock was moved.
        let age = now.0.saturating_sub(removal.removed_at.0);
        if statements.is_empty() && !(0..=REMOVAL_KEPT_MS).contains(&age) {
            statements.push(Stmt::new(
                "DELETE FROM webhook_removals WHERE instance_id = $1 AND endpoint_id = $2",
                vec![self.instance.as_str().into(), removal.endpoint.as_str().into()],
            ));
        }
        let found = !statements.is_empty();
        if found {
            self.store.batch(statements, deadline).await?;
        }
        Ok(found)
    }

    /// What removes the first few hundred deliveries to an endpoint.
    async fn delete_some_deliveries(&self, id: &str, deadline: Instant) -> Result<Vec<Stmt>, StoreError> {
        let first = Query::new(
            "SELECT event_id FROM webhook_deliveries WHERE instance_id || endpoint_id = $1
             ORDER BY sequence_number LIMIT $2",
            vec![self.with_instance(&[id]), STEP_ROWS_MAX.into()],
        );
        let mut events: Vec<Value> = Vec::new();
        for row in self.store.rows(Reach::Job, first, deadline).await? {
            events.push(Columns::new("webhook_deliveries", row).id("event_id")?.into());
        }
        let key: [Value; 2] = [self.instance.as_str().into(), id.into()];
        let mut statements = Vec::new();
        // In this order: no try can be written down any more once its delivery is gone.
        for head in [
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
            "DELETE FROM webhook_attempts WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
        ] {
            statements.extend(by_keys(head, &key, &events));
        }
        Ok(statements)
    }

    /// Queues an event for an endpoint. Behind one of the same user that waits for its next try it waits as long: until
    /// then it cannot be told anyway, and is not looked at in vain. Of two replays at once one inserts.
    pub(crate) fn insert_delivery(
        &self,
        event: &DeliveredEvent<'_>,
        delivery: &NewDelivery,
        now: UnixMillis,
    ) -> Stmt {
        let mut params: Vec<Value> = vec![
            self.instance.as_str().into(),
            delivery.endpoint_id.as_str().into(),
            event.event_id.as_str().into(),
            event.kind.into(),
            event.user_id.as_str().into(),
            event.sequence_number.into(),
            now.into(),
        ];
        if let Some(give_up_at) = delivery.give_up_at {
            // A code neither waits for other events of its user nor holds them up: it is of use for minutes.
            params.push(give_up_at.into());
            return Stmt::new(
                "INSERT INTO webhook_deliveries (instance_id, endpoint_id, event_id, kind, user_id, sequence_number,
                    state, tries, tries_before, due_at, give_up_at, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, 0, $7, $8, $7, $7)
                 ON CONFLICT (instance_id, event_id, endpoint_id) DO NOTHING",
                params,
            );
        }
        params.push(self.with_instance(&[delivery.endpoint_id.as_str(), event.user_id.as_str()]));
        Stmt::new(
            "INSERT INTO webhook_deliveries (instance_id, endpoint_id, event_id, kind, user_id, sequence_number, state,
                tries, tries_before, due_at, give_up_at, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'queued', 0, 0,
                COALESCE((SELECT CASE WHEN e.state = 'queued' THEN e.due_at END FROM webhook_deliveries e
                    WHERE e.instance_id || e.endpoint_id || e.user_id = $8 AND e.state IN ('queued', 'sending')
                        AND e.give_up_at IS NULL AND e.sequence_number < $6
                    ORDER BY e.sequence_number LIMIT 1), $7),
                NULL, $7, $7)
             ON CONFLICT (instance_id, event_id, endpoint_id) DO NOTHING",
            params,
        )
    }

    /// What the indexes of deliveries are over.
    fn with_instance(&self, rest: &[&str]) -> Value {
        format!("{}{}", self.instance, rest.concat()).into()
    }

    /// An endpoint, and what can be tried for it now: of each user the oldest event that is still open, if it is due.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn due_deliveries(
        &self,
        endpoint: &WebhookEndpointId,
        now: UnixMillis,
        limit: i64,
        deadline: Instant,
    ) -> Result<(Option<WebhookEndpoint>, Vec<DueDelivery>), StoreError> {
        // A user with thousands of events must not make every look a long one.
        for among in [DUE_AMONG_FIRST, i64::MAX] {
            let due_query = Query::new(
                format!(
                    "SELECT {DELIVERY_COLUMNS}, {PAYLOAD_OF_EVENT}, o.sealed FROM
                        (SELECT * FROM webhook_deliveries WHERE instance_id || endpoint_id = $1 AND state = 'queued'
                            AND due_at <= $2 ORDER BY due_at, sequence_number LIMIT $3) d
                     JOIN outbox o ON o.instance_id = d.instance_id AND o.id = d.event_id {JOIN_PAYLOAD}
                     WHERE d.give_up_at IS NOT NULL OR (SELECT e.due_at FROM webhook_deliveries e
                        WHERE e.instance_id || e.endpoint_id || e.user_id = d.instance_id || d.endpoint_id || d.user_id
                            AND e.sequence_number < d.sequence_number AND e.state IN ('queued', 'sending')
                            AND e.give_up_at IS NULL
                        LIMIT 1) IS NULL
                     ORDER BY d.due_at, d.sequence_number LIMIT $4"
                ),
                vec![self.with_instance(&[endpoint.as_str()]), now.into(), among.into(), limit.into()],
            );
            let queries = vec![self.endpoint_query(endpoint), due_query];
            let (endpoint, due) = two(self.store.db.snapshot(Reach::Job, queries, deadline).await?);
            if due.is_empty() && among < i64::MAX {
                continue;
            }
            let due = due.into_iter().map(|mut row| {
                let mut event = Columns::new("outbox", row.split_off(row.len().saturating_sub(2)));
                Ok(DueDelivery {
                    delivery: delivery_from(row)?,
                    payload: event.text("payload")?,
                    sealed: event.optional_text("sealed")?.filter(|sealed| !sealed.is_empty()),
                })
            });
            return Ok((endpoints_from(endpoint)?.pop(), due.collect::<Result<_, StoreError>>()?));
        }
        Ok((None, Vec::new()))
    }

    /// Leaves deliveries with codes for later, so that others have their turn; each until the time comes to give it up, at
    /// most. They have no place among those of their user.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn postpone_codes(
        &self,
        endpoint: &WebhookEndpointId,
        deliveries: &[DueDelivery],
        until: UnixMillis,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let postpone = |due: &DueDelivery| {
            let give_up_at = due.delivery.give_up_at?;
            Some(Stmt::new(
                "UPDATE webhook_deliveries SET due_at = $5
                 WHERE instance_id = $1 AND endpoint_id = $2 AND event_id = $3 AND tries = $4 AND state = 'queued'",
                vec![
                    self.instance.as_str().into(),
                    endpoint.as_str().into(),
                    due.delivery.event_id.as_str().into(),
                    due.delivery.tries.into(),
                    until.min(give_up_at).into(),
                ],
            ))
        };
        self.store.batch(deliveries.iter().filter_map(postpone).collect(), deadline).await
    }

    /// Begins a try, for as long as until `lease_until`; `false` if somebody else was first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_delivery(
        &self,
        endpoint: &WebhookEndpointId,
        delivery: &WebhookDelivery,
        now: UnixMillis,
        lease_until: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let claim = Stmt::new(
            "UPDATE webhook_deliveries SET state = 'sending', tries = tries + 1, due_at = $5, updated_at = $6
             WHERE instance_id = $1 AND endpoint_id = $2 AND event_id = $3 AND tries = $4 AND state = 'queued'",
            vec![
                self.instance.as_str().into(),
                endpoint.as_str().into(),
                delivery.event_id.as_str().into(),
                delivery.tries.into(),
                lease_until.into(),
                now.into(),
            ],
        )
        .expect(1, Conflict::Stale);
        self.happened(vec![claim], deadline).await
    }

    /// Writes what became of the try that [`Scoped::claim_delivery`] began; `false` if its lease was over.
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
            // What comes after it waits as long: until then it cannot be told anyway, and is not looked at in vain.
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
        } else if due.sealed.is_some() {
            // A code is not kept for longer than somebody still has to hear of it.
            statements.push(Stmt::new(
                "UPDATE outbox SET sealed = '' WHERE instance_id = $1 AND id = $2 AND sealed <> ''
                    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.instance_id = $1 AND d.event_id = $2
                        AND d.state IN ('queued', 'sending'))",
                vec![key[0].clone(), key[2].clone()],
            ));
        }
        self.happened(statements, deadline).await
    }

    fn end_streak(&self, id: &WebhookEndpointId) -> Stmt {
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

    /// Deliveries to an endpoint with their tries, the newest event first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn webhook_deliveries(
        &self,
        endpoint: &WebhookEndpointId,
        before: Option<i64>,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<(WebhookDelivery, Vec<AttemptRecord>)>, StoreError> {
        let query = Query::new(
            format!(
                "SELECT {DELIVERY_COLUMNS} FROM webhook_deliveries d
                 WHERE d.instance_id || d.endpoint_id = $1 AND d.sequence_number < $2
                 ORDER BY d.sequence_number DESC LIMIT $3"
            ),
            vec![self.with_instance(&[endpoint.as_str()]), before.unwrap_or(i64::MAX).into(), limit.into()],
        );
        let rows = self.read(Bound::Rows(limit), query, deadline).await?;
        let deliveries = rows.into_iter().map(delivery_from).collect::<Result<Vec<_>, _>>()?;
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let mut params: Vec<Value> = vec![self.instance.as_str().into(), endpoint.as_str().into()];
        let places: Vec<_> = (3..deliveries.len() + 3).map(|at| format!("${at}")).collect();
        params.extend(deliveries.iter().map(|delivery| Value::from(delivery.event_id.as_str())));
        let attempts = Query::new(
            format!(
                "SELECT event_id, try_number, status, reason, latency_ms, answer, created_at FROM webhook_attempts
                 WHERE instance_id = $1 AND endpoint_id = $2 AND event_id IN ({}) ORDER BY try_number",
                places.join(", ")
            ),
            params,
        );
        let mut of_event: HashMap<String, Vec<AttemptRecord>> = HashMap::new();
        let bound = Bound::Rows(limit.saturating_mul(ATTEMPTS_ABOUT));
        for row in self.read(bound, attempts, deadline).await? {
            let (event, attempt) = attempt_from(row)?;
            of_event.entry(event).or_default().push(attempt);
        }
        let with_attempts = |delivery: WebhookDelivery| {
            let attempts = of_event.remove(delivery.event_id.as_str()).unwrap_or_default();
            (delivery, attempts)
        };
        Ok(deliveries.into_iter().map(with_attempts).collect())
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

    /// A batch whose statements may come too late.
    async fn happened(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<bool, StoreError> {
        match self.store.batch(statements, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::Stale)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn endpoints_from(rows: Vec<Row>) -> Result<Vec<WebhookEndpoint>, StoreError> {
    rows.into_iter().map(endpoint_from).collect()
}

fn endpoint_from(row: Row) -> Result<WebhookEndpoint, StoreError> {
    let mut columns = Columns::new("webhook_endpoints", row);
    let endpoint = WebhookEndpoint {
        id: columns.id("id")?.into(),
        url: columns.text("url")?,
        events: {
            let events = columns.text("events")?;
            serde_json::from_str(&events).map_err(|_| columns.corrupt("events"))?
        },
        secret: columns.text("secret")?,
        former_secret: columns.optional_text("former_secret")?,
        former_expires_at: columns.optional_int("former_expires_at")?.map(UnixMillis),
        failing_since: columns.optional_int("failing_since")?.map(UnixMillis),
        last_failed_at: columns.optional_int("last_failed_at")?.map(UnixMillis),
        disabled_at: columns.optional_int("disabled_at")?.map(UnixMillis),
        disabled_reason: {
            let reason = columns.optional_text("disabled_reason")?;
            let known = |reason: String| {
                DisabledReason::parse(&reason).ok_or_else(|| columns.corrupt("disabled_reason"))
            };
            reason.map(known).transpose()?
        },
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    endpoint.check().map_err(|broken| StoreError::Corrupt {
        table: "webhook_endpoints",
        id: endpoint.id.to_string(),
        what: format!("it breaks the rule {broken:?}"),
    })?;
    Ok(endpoint)
}

fn delivery_from(row: Row) -> Result<WebhookDelivery, StoreError> {
    let mut columns = Columns::new("webhook_deliveries", row);
    Ok(WebhookDelivery {
        event_id: columns.id("event_id")?.into(),
        kind: columns.text("kind")?,
        user_id: columns.text("user_id")?.into(),
        sequence_number: columns.int("sequence_number")?,
        state: {
            let state = columns.text("state")?;
            DeliveryState::parse(&state).ok_or_else(|| columns.corrupt("state"))?
        },
        tries: columns.int("tries")?,
        tries_before: columns.int("tries_before")?,
        due_at: UnixMillis(columns.int("due_at")?),
        give_up_at: columns.optional_int("give_up_at")?.map(UnixMillis),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    })
}

/// With the event that it was of.
fn attempt_from(row: Row) -> Result<(String, AttemptRecord), StoreError> {
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

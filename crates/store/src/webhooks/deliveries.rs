//! Deliveries: one for every event and endpoint.

use super::AttemptRecord;
use super::attempts::{ATTEMPTS_ABOUT, attempt_from};
use crate::db::{Columns, Query, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::{Scoped, StoreError};
use std::collections::HashMap;
use std::time::Instant;
use verger_wire::{EventId, UnixMillis, UserId, WebhookEndpointId};

/// Where a delivery is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for its first try, the next one, or an earlier event of the same user.
    Queued,
    /// A server has the lease and attempts it.
    Sending,
    /// The endpoint answered with 2xx.
    Delivered,
    /// It will not be attempted again.
    Failed,
}

/// A delivery to queue.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// The endpoint that receives it.
    pub endpoint_id: WebhookEndpointId,
    /// From when on it is of no use.
    pub give_up_at: Option<UnixMillis>,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Of which event; the same in every try.
    pub event_id: EventId,
    /// The `type` of the event, such as `user.updated`.
    pub kind: String,
    /// Whose it is; empty for events of no user.
    pub user_id: UserId,
    /// The event's sequence number.
    pub sequence_number: i64,
    /// The state of the delivery.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: i64,
    /// How many of these were before it was last replayed.
    pub tries_before: i64,
    /// When it is tried next; while somebody tries, when it is taken for dead.
    pub due_at: UnixMillis,
    /// From when on it is of no use.
    pub give_up_at: Option<UnixMillis>,
    /// When it was queued, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When its state last changed.
    pub updated_at: UnixMillis,
}

/// What a delivery tells of.
pub(crate) struct DeliveredEvent<'a> {
    pub(crate) event_id: &'a EventId,
    pub(crate) kind: &'a str,
    pub(crate) user_id: &'a UserId,
    pub(crate) sequence_number: i64,
}

pub(super) const DELIVERY_COLUMNS: &str =
    "d.event_id, d.kind, d.user_id, d.sequence_number, d.state, d.tries, d.tries_before, d.due_at, d.give_up_at,
     d.created_at, d.updated_at";
pub(super) const DELIVERY_COLUMNS_COUNT: usize = 11;

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

impl Scoped<'_> {
    /// Queues an event for an endpoint. Behind one of the same user that waits for its next try it waits as long: until
    /// then it cannot be told anyway, and looking at it would find nothing. Of two replays at once one inserts.
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
            let mut attempts = of_event.remove(delivery.event_id.as_str()).unwrap_or_default();
            // Both are read one after the other: an attempt that ended in between is not what this state came of.
            let is_under_way = delivery.state == DeliveryState::Sending;
            let finished = delivery.tries - i64::from(is_under_way);
            attempts.retain(|attempt| attempt.try_number <= finished);
            (delivery, attempts)
        };
        Ok(deliveries.into_iter().map(with_attempts).collect())
    }
}

pub(super) fn delivery_from(row: Row) -> Result<WebhookDelivery, StoreError> {
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

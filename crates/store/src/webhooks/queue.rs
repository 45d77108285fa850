//! What is due, and who tries it.

use super::deliveries::{DELIVERY_COLUMNS, DELIVERY_COLUMNS_COUNT, WebhookDelivery, delivery_from};
use super::endpoints::endpoints_from;
use crate::audit::two;
use crate::changes::{CHANGE_COLUMNS, CHANGE_OF_DELIVERY, change_from};
use crate::db::{Columns, Query, Reach, Row, Stmt};
use crate::events::{JOIN_PAYLOAD, PAYLOAD_OF_EVENT};
use crate::{Conflict, Scoped, Store, StoreError, StoredChange};
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_wire::{InstanceId, UnixMillis, WebhookEndpointId};

/// A delivery that can be tried now.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// The delivery that is due.
    pub delivery: WebhookDelivery,
    /// What it tells of.
    pub event: DueEvent,
}

/// What a delivery tells of.
#[derive(Clone, Debug)]
pub enum DueEvent {
    /// An event of before there were changes.
    Outbox {
        /// The event as JSON.
        payload: String,
        /// What takes its place, sealed; `None` once it was erased.
        sealed: Option<String>,
    },
    /// A change with this one of its events, to be rendered.
    Change(Box<StoredChange>),
}

impl DueDelivery {
    /// The event with its code, sealed; `None` if it has none or once it was erased.
    pub fn sealed(&self) -> Option<&str> {
        let sealed = match &self.event {
            DueEvent::Outbox { sealed, .. } => sealed.as_deref(),
            DueEvent::Change(change) => change.sealed.as_deref(),
        };
        sealed.filter(|sealed| !sealed.is_empty())
    }
}

/// Of what is due, so much is looked at before all of it: only of it a user's oldest open event is sought.
const DUE_AMONG_FIRST: i64 = 500;

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

    /// Releases the leases that expired without an outcome. One that would expire in more than `longest_ms` was made by a
    /// clock that was ahead, and counts as expired too.
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
}

impl Scoped<'_> {
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
                    "SELECT {DELIVERY_COLUMNS}, {PAYLOAD_OF_EVENT}, o.sealed, {CHANGE_COLUMNS} FROM
                        (SELECT * FROM webhook_deliveries WHERE instance_id || endpoint_id = $1 AND state = 'queued'
                            AND due_at <= $2 ORDER BY due_at, sequence_number LIMIT $3) d
                     LEFT JOIN outbox o ON o.instance_id = d.instance_id AND o.id = d.event_id {JOIN_PAYLOAD}
                     LEFT JOIN changes c ON {CHANGE_OF_DELIVERY}
                     WHERE (o.id IS NOT NULL OR c.place IS NOT NULL) AND (d.give_up_at IS NOT NULL OR (SELECT e.due_at FROM webhook_deliveries e
                        WHERE e.instance_id || e.endpoint_id || e.user_id = d.instance_id || d.endpoint_id || d.user_id
                            AND e.sequence_number < d.sequence_number AND e.state IN ('queued', 'sending')
                            AND e.give_up_at IS NULL
                        LIMIT 1) IS NULL)
                     ORDER BY d.due_at, d.sequence_number LIMIT $4"
                ),
                vec![self.with_instance(&[endpoint.as_str()]), now.into(), among.into(), limit.into()],
            );
            let queries = vec![self.endpoint_query(endpoint), due_query];
            let (endpoint, due) = two(self.store.db.snapshot(Reach::Job, queries, deadline).await?);
            if due.is_empty() && among < i64::MAX {
                continue;
            }
            let due = due.into_iter().map(|row| self.due_from(row)).collect::<Result<Vec<_>, _>>()?;
            return Ok((endpoints_from(endpoint)?.pop(), due.into_iter().flatten().collect()));
        }
        Ok((None, Vec::new()))
    }

    /// Reads a delivery and what it tells of; `None` if the event with its number is another one, so that
    /// nobody is told of what did not happen.
    fn due_from(&self, mut row: Row) -> Result<Option<DueDelivery>, StoreError> {
        let mut change = row.split_off(DELIVERY_COLUMNS_COUNT.min(row.len()));
        let of_change = change.split_off(2.min(change.len()));
        let delivery = delivery_from(row)?;
        let mut event = Columns::new("outbox", change);
        if let Some(payload) = event.optional_text("payload")? {
            let sealed = event.optional_text("sealed")?.filter(|sealed| !sealed.is_empty());
            return Ok(Some(DueDelivery { delivery, event: DueEvent::Outbox { payload, sealed } }));
        }
        let mut change = change_from(self.instance, of_change)?;
        change.events.retain(|event| event.id == delivery.event_id);
        let is_its_event = !change.events.is_empty();
        Ok(is_its_event.then(|| DueDelivery { delivery, event: DueEvent::Change(Box::new(change)) }))
    }

    /// Leaves deliveries with codes for later, so that others have their turn; each until the time comes to give it up, at
    /// most. They have no place in the order of their user's.
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
        self.store.batch_unless_stale(vec![claim], deadline).await
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

    pub(super) fn fail_waiting(&self, id: &WebhookEndpointId, now: UnixMillis) -> Stmt {
        Stmt::new(
            "UPDATE webhook_deliveries SET state = 'failed', updated_at = $2
             WHERE instance_id || endpoint_id = $1 AND state = 'queued'",
            vec![self.with_instance(&[id.as_str()]), now.into()],
        )
    }
}

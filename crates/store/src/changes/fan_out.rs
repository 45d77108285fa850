//! From changes to the queues of webhook endpoints: a cursor for each instance says how far they are filled. Instances
//! without enabled endpoints have none that moves, and cost nothing.

use super::read::{base, end_of_places};
use super::rows::{CHANGE_COLUMNS, change_from};
use super::{PLACES_OF_INSTANCE, StoredChange};
use crate::audit::ends_from;
use crate::db::{Columns, Query, Reach, Stmt, Value};
use crate::webhooks::{DeliveredEvent, endpoints_from};
use crate::{Conflict, NewDelivery, Scoped, Store, StoreError};
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_core::event::is_told;
use verger_core::verification::CODE_LIFETIME_MS;
use verger_wire::{InstanceId, UnixMillis, WebhookEndpointId};

/// Deliveries that are queued in one batch, about.
const DELIVERIES_MAX: usize = 2_000;

/// What became of a look for changes whose deliveries are not queued yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FannedOut {
    /// There was none.
    Nothing,
    /// The next changes have their deliveries.
    Some {
        /// How many deliveries were queued.
        deliveries: usize,
        /// There may be more changes behind these.
        is_more: bool,
    },
    /// Another server was first, and nothing was written.
    Overtaken,
}

impl Store {
    /// Instances with an enabled endpoint and changes of which no delivery is queued yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn instances_to_fan_out(&self, deadline: Instant) -> Result<Vec<InstanceId>, StoreError> {
        let query = Query::new(
            "SELECT DISTINCT e.instance_id FROM webhook_endpoints e
             JOIN audit_ends a ON a.instance_id = e.instance_id
             LEFT JOIN event_cursors k ON k.instance_id = e.instance_id
             WHERE e.disabled_at IS NULL AND a.base IS NOT NULL AND a.last_number > COALESCE(k.fanned_out, 0)",
            vec![],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        rows.into_iter()
            .map(|row| Ok(Columns::new("webhook_endpoints", row).id("instance_id")?.into()))
            .collect()
    }
}

impl Scoped<'_> {
    /// Queues what the next changes have for the endpoints of the instance, at most `limit` of them: all of it or nothing,
    /// together with the cursor.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn fan_out_changes(
        &self,
        limit: i64,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<FannedOut, StoreError> {
        let instance: Value = self.instance.as_str().into();
        let cursor = Query::new(
            "SELECT instance_id, fanned_out FROM event_cursors WHERE instance_id = $1",
            vec![instance.clone()],
        );
        let next = Query::new(
            format!(
                "SELECT {CHANGE_COLUMNS} FROM changes c
                 WHERE c.place > {} + COALESCE((SELECT k.fanned_out FROM event_cursors k WHERE k.instance_id = $1), 0)
                    AND c.place < {} ORDER BY c.place LIMIT $2",
                base!(),
                end_of_places!(),
            ),
            vec![instance, limit.into()],
        );
        let queries = vec![cursor, self.ends_query(), self.endpoints_query(), next];
        let mut answers = self.store.db.snapshot(Reach::Job, queries, deadline).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let cursor = match next().pop() {
            Some(row) => {
                let mut columns = Columns::new("event_cursors", row);
                columns.id("instance_id")?;
                Some(columns.int("fanned_out")?)
            }
            None => None,
        };
        let last_number = ends_from(next())?.map_or(0, |ends| ends.last_number);
        let endpoints = endpoints_from(next())?;
        let changes: Vec<_> =
            next().into_iter().map(|row| change_from(self.instance, row)).collect::<Result<_, _>>()?;
        if last_number <= cursor.unwrap_or(0) {
            return Ok(FannedOut::Nothing);
        }
        let mut deliveries = Vec::new();
        let mut reached = None;
        for change in &changes {
            deliveries.extend(self.deliveries_of(change, &endpoints, now));
            reached = Some(change.sequence_number);
            if deliveries.len() >= DELIVERIES_MAX {
                break;
            }
        }
        // Without changes behind the cursor, what is there are events that another build fanned out.
        let queued = deliveries.len();
        let mut statements = vec![self.move_cursor(cursor, reached.unwrap_or(last_number))];
        statements.extend(deliveries);
        let is_first = self.store.batch_unless_stale(statements, deadline).await?;
        Ok(match is_first {
            true => {
                FannedOut::Some { deliveries: queued, is_more: reached.is_some_and(|to| to < last_number) }
            }
            false => FannedOut::Overtaken,
        })
    }

    /// What each endpoint is to be told of a change.
    fn deliveries_of(
        &self,
        change: &StoredChange,
        endpoints: &[WebhookEndpoint],
        now: UnixMillis,
    ) -> Vec<Stmt> {
        // A code is of use for minutes, and then of none.
        let code_ends_at = change.created_at.min(now).plus_ms(CODE_LIFETIME_MS);
        let give_up_at = change.sealed.is_some().then_some(code_ends_at);
        let mut deliveries = Vec::new();
        for event in change.events.iter().filter(|event| is_told(&event.kind)) {
            let delivered = DeliveredEvent {
                event_id: &event.id,
                kind: &event.kind,
                user_id: &change.user_id,
                sequence_number: event.sequence_number,
            };
            let listening = endpoints.iter().filter(|endpoint| endpoint.disabled_at.is_none());
            deliveries.extend(listening.filter(|endpoint| endpoint.wants(&event.kind)).map(|endpoint| {
                let delivery = NewDelivery { endpoint_id: endpoint.id.clone(), give_up_at };
                self.insert_delivery(&delivered, &delivery, now)
            }));
        }
        deliveries
    }

    fn move_cursor(&self, from: Option<i64>, to: i64) -> Stmt {
        let instance: Value = self.instance.as_str().into();
        match from {
            Some(from) => Stmt::new(
                "UPDATE event_cursors SET fanned_out = $2 WHERE instance_id = $1 AND fanned_out = $3",
                vec![instance, to.into(), from.into()],
            )
            .expect(1, Conflict::Stale),
            None => Stmt::new(
                "INSERT INTO event_cursors (instance_id, first_number, fanned_out) VALUES ($1, 1, $2)",
                vec![instance, to.into()],
            )
            .on_unique(Conflict::Stale),
        }
    }

    /// Begins to fan out with what happens from now on, if no other endpoint listens than the one that is added or enabled:
    /// nobody moved the cursor meanwhile.
    pub(crate) fn begin_fan_out(&self, endpoint: &WebhookEndpointId) -> Stmt {
        Stmt::new(
            "INSERT INTO event_cursors (instance_id, first_number, fanned_out)
             SELECT a.instance_id, 1, a.last_number FROM audit_ends a
             WHERE a.instance_id = $1 AND NOT EXISTS (SELECT 1 FROM webhook_endpoints e
                WHERE e.instance_id = $1 AND e.disabled_at IS NULL AND e.id <> $2)
             ON CONFLICT (instance_id) DO UPDATE SET fanned_out = excluded.fanned_out",
            vec![self.instance.as_str().into(), endpoint.as_str().into()],
        )
    }
}

/// A change that has the number of `d`, a delivery of the instance `$1`, is the first one with a place as high.
pub(crate) const CHANGE_OF_DELIVERY: &str = "c.place = (SELECT x.place FROM changes x
    WHERE x.place >= (SELECT b.base FROM audit_ends b WHERE b.instance_id = d.instance_id) + d.sequence_number
        AND x.place < (SELECT b.base FROM audit_ends b WHERE b.instance_id = d.instance_id) + 1099511627776
    ORDER BY x.place LIMIT 1)
    AND c.place - c.event_count < (SELECT b.base FROM audit_ends b WHERE b.instance_id = d.instance_id) + d.sequence_number";

const _: () = assert!(PLACES_OF_INSTANCE == 1_099_511_627_776, "SQL says it as well");

//! The readers' side of the outbox: events get their sequence numbers in one order per instance, once, together with everything
//! that is made of them.

use crate::audit::{Ends, ends_from};
use crate::changes::CHANGE_OF_DELIVERY;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value, by_keys};
use crate::long_reads::Bound;
use crate::retention::{Cut, CutCursor, STEP_ROWS, STEP_ROWS_MAX};
use crate::webhooks::DeliveredEvent;
use crate::{Conflict, NewAuditEntry, NewDelivery, Scoped, Store, StoreError, webhooks};
use std::collections::BTreeSet;
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_wire::{EventId, InstanceId, UnixMillis, UserId};

/// An event on its way into the outbox.
#[derive(Clone, Debug)]
pub struct OutboxEvent {
    /// Id of the event, `evt_…`.
    pub id: EventId,
    /// For example `phone_number.updated`.
    pub kind: String,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// The version of the user that it brought: events of one user are in this order.
    pub user_version: i64,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// The event as JSON, without its code.
    pub payload: String,
    /// The event as webhooks carry it, sealed, where `payload` leaves a code out.
    pub sealed: Option<String>,
}

/// The text of the event `o`, with [`join_payload`].
macro_rules! payload_of_event {
    () => {
        "CASE WHEN o.payload = '' THEN p.payload ELSE o.payload END"
    };
}

/// Where the text of the event `o` is.
macro_rules! join_payload {
    () => {
        "LEFT JOIN outbox_payloads p ON p.instance_id = o.instance_id AND p.event_id = o.id"
    };
}

pub(crate) use {join_payload, payload_of_event};

pub(crate) const PAYLOAD_OF_EVENT: &str = payload_of_event!();
pub(crate) const JOIN_PAYLOAD: &str = join_payload!();

/// An event without a sequence number yet.
#[derive(Clone, Debug)]
pub struct UnreadEvent {
    /// Id of the event, `evt_…`.
    pub id: EventId,
    /// The `type` of the event, such as `user.updated`.
    pub kind: String,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// The event as JSON.
    pub payload: String,
    /// It has a sealed form, which expires with its code.
    pub is_sealed: bool,
}

/// The input of a fan-out, from one snapshot of the database.
#[derive(Clone, Debug)]
pub struct Unread {
    ends: Option<Ends>,
    /// In the order of delivery, which is that of the writes per user.
    pub events: Vec<UnreadEvent>,
    /// All endpoints of the instance.
    pub endpoints: Vec<WebhookEndpoint>,
}

/// Everything that is derived from an event.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// Its row in the audit trail.
    pub entry: NewAuditEntry,
    /// The deliveries to queue.
    pub deliveries: Vec<NewDelivery>,
}

/// An event with its sequence number.
#[derive(Clone, Debug)]
pub struct FeedEvent {
    /// Id of the event, `evt_…`.
    pub id: EventId,
    /// Its position in the order of the instance.
    pub sequence_number: i64,
    /// The `type` of the event, such as `user.updated`.
    pub kind: String,
    /// The event as JSON.
    pub payload: String,
}

impl Store {
    /// The sequence number of the newest row of the trail of each of these instances that has one; events are rows of it.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn last_event_places(
        &self,
        instances: &BTreeSet<InstanceId>,
        deadline: Instant,
    ) -> Result<Vec<(InstanceId, i64)>, StoreError> {
        if instances.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (1..=instances.len()).map(|at| format!("${at}")).collect();
        let query = Query::new(
            format!(
                "SELECT instance_id, last_number FROM audit_ends WHERE instance_id IN ({})",
                places.join(", ")
            ),
            instances.iter().map(|instance| instance.as_str().into()).collect(),
        );
        let rows = self.rows(Reach::Point, query, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("audit_ends", row);
                let instance = columns.id("instance_id")?.into();
                Ok((instance, columns.int("last_number")?))
            })
            .collect()
    }

    /// Erases what was sealed before `before`, whether it was delivered or not, a few hundred at a time. `false` once nothing
    /// is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn erase_sealed_events(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT instance_id, id FROM outbox WHERE sealed <> '' AND created_at < $1
             ORDER BY created_at LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        let rows = self.rows(Reach::Job, oldest, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        let erase = "UPDATE outbox SET sealed = '' WHERE instance_id = $1 AND sealed <> '' AND id";
        self.change_by_keys(rows, &[erase], &[], deadline).await?;
        Ok(self.erase_sealed_changes(before, deadline).await? || is_more)
    }
}

impl Scoped<'_> {
    pub(crate) fn insert_event(&self, event: &OutboxEvent) -> [Stmt; 2] {
        let payload = Stmt::new(
            "INSERT INTO outbox_payloads (instance_id, event_id, payload) VALUES ($1, $2, $3)",
            vec![self.instance.as_str().into(), event.id.as_str().into(), event.payload.as_str().into()],
        );
        let row = Stmt::new(
            "INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, '', $7)",
            vec![
                self.instance.as_str().into(),
                event.id.as_str().into(),
                event.kind.as_str().into(),
                event.user_id.as_str().into(),
                event.user_version.into(),
                event.created_at.into(),
                event.sealed.as_deref().into(),
            ],
        );
        [payload, row]
    }

    /// The next events without a sequence number, at most `limit`.
    ///
    /// They come in the order of their moments. Clocks of servers differ, so one that would come before an earlier event
    /// of the same user is left for later.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn unread_events(&self, limit: i64, deadline: Instant) -> Result<Unread, StoreError> {
        let instance: Value = self.instance.as_str().into();
        let events = Query::new(
            concat!(
                "SELECT o.id, o.kind, o.user_id, o.created_at, ",
                payload_of_event!(),
                ", CASE WHEN o.sealed IS NULL THEN 0 ELSE 1 END
             FROM outbox o ",
                join_payload!(),
                " WHERE o.instance_id || '' = $1 AND o.sequence_number IS NULL AND
                (SELECT e.id FROM outbox e WHERE e.instance_id || e.user_id = o.instance_id || o.user_id
                    AND e.sequence_number IS NULL AND e.user_version < o.user_version
                    AND (e.created_at > o.created_at OR (e.created_at = o.created_at AND e.id > o.id))
                    LIMIT 1) IS NULL
                AND (SELECT u.id FROM changes_unread u WHERE u.instance_id || u.user_id = o.instance_id || o.user_id
                    AND u.user_version < o.user_version AND u.user_id <> '' LIMIT 1) IS NULL
             ORDER BY o.created_at, o.id LIMIT $2"
            ),
            vec![instance, limit.into()],
        );
        let queries = vec![self.ends_query(), events, self.endpoints_query()];
        let mut answers = self.store.db.snapshot(Reach::Job, queries, deadline).await?.into_iter();
        let ends = ends_from(answers.next().unwrap_or_default())?;
        let events =
            answers.next().unwrap_or_default().into_iter().map(unread_from).collect::<Result<_, _>>()?;
        let endpoints = webhooks::endpoints_from(answers.next().unwrap_or_default())?;
        Ok(Unread { ends, events, endpoints })
    }

    /// Assigns events their sequence numbers, with everything that is made of them: all of it or nothing. `false` if
    /// another server was first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn fan_out(
        &self,
        unread: &Unread,
        told: Vec<FanOut>,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        if told.is_empty() {
            return Ok(true);
        }
        let (entries, deliveries): (Vec<_>, Vec<_>) =
            told.into_iter().map(|told| (told.entry, told.deliveries)).unzip();
        let keys = self.store.keys_for_seals(deadline).await?;
        let (entries, mut statements) = self.append_audit(unread.ends.as_ref(), keys, entries)?;
        for (entry, deliveries) in entries.iter().zip(deliveries) {
            statements.push(
                Stmt::new(
                    "UPDATE outbox SET sequence_number = $3
                     WHERE instance_id = $1 AND id = $2 AND sequence_number IS NULL",
                    vec![
                        self.instance.as_str().into(),
                        entry.event_id.as_str().into(),
                        entry.sequence_number.into(),
                    ],
                )
                .expect(1, Conflict::Stale),
            );
            let event = DeliveredEvent {
                event_id: &entry.event_id,
                kind: &entry.kind,
                user_id: &entry.user_id,
                sequence_number: entry.sequence_number,
            };
            statements.extend(deliveries.iter().map(|delivery| self.insert_delivery(&event, delivery, now)));
        }
        self.store.batch_unless_stale(statements, deadline).await
    }

    /// Events after a sequence number, in order.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn events_after(
        &self,
        sequence_number: i64,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<FeedEvent>, StoreError> {
        let query = Query::new(
            concat!(
                "SELECT o.id, o.sequence_number, o.kind, ",
                payload_of_event!(),
                " FROM outbox o ",
                join_payload!(),
                " WHERE o.instance_id = $1 AND o.sequence_number IS NOT NULL AND o.sequence_number > $2
             ORDER BY o.sequence_number LIMIT $3"
            ),
            vec![self.instance.as_str().into(), sequence_number.into(), limit.into()],
        );
        let rows = self.read(Bound::Rows(limit), query, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("outbox", row);
                Ok(FeedEvent {
                    id: columns.id("id")?.into(),
                    sequence_number: columns.int("sequence_number")?,
                    kind: columns.text("kind")?,
                    payload: columns.text("payload")?,
                })
            })
            .collect()
    }

    /// The sequence number of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_event_place(&self, deadline: Instant) -> Result<i64, StoreError> {
        let rows = self.store.rows(Reach::Point, self.ends_query(), deadline).await?;
        Ok(ends_from(rows)?.map_or(0, |ends| ends.last_number))
    }

    /// The sequence number of an event of the outbox.
    pub(crate) async fn outbox_place(
        &self,
        id: &EventId,
        deadline: Instant,
    ) -> Result<Option<i64>, StoreError> {
        let query = Query::new(
            "SELECT id, sequence_number FROM outbox
             WHERE instance_id = $1 AND id = $2 AND sequence_number IS NOT NULL",
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        let Some(row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else { return Ok(None) };
        let mut columns = Columns::new("outbox", row);
        columns.id("id")?;
        Ok(Some(columns.int("sequence_number")?))
    }

    /// Removes the oldest events that `cut` lets go and that nobody waits for, with what is known of their deliveries, a few
    /// hundred at a time, from `after` on, which moves. `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_events(
        &self,
        cut: Cut,
        after: &mut CutCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let (from, to) = after.range();
        let oldest = Query::new(
            "SELECT o.id, o.sequence_number, o.created_at,
                CASE WHEN (SELECT d.endpoint_id FROM webhook_deliveries d
                    WHERE d.instance_id = o.instance_id AND d.event_id = o.id AND d.state IN ('queued', 'sending')
                        AND (SELECT e.id FROM webhook_endpoints e
                            WHERE e.instance_id = d.instance_id AND e.id = d.endpoint_id) IS NOT NULL
                    LIMIT 1) IS NULL THEN 0 ELSE 1 END
             FROM outbox o
             WHERE o.instance_id = $1 AND o.sequence_number IS NOT NULL AND o.sequence_number > $2
                AND o.sequence_number <= $3
             ORDER BY o.sequence_number LIMIT $4",
            vec![self.instance.as_str().into(), from.into(), to.into(), STEP_ROWS_MAX.into()],
        );
        let (mut places, mut events) = (Vec::new(), Vec::new());
        for row in self.store.rows(Reach::Job, oldest, deadline).await? {
            let mut columns = Columns::new("outbox", row);
            let id = columns.id("id")?;
            let number = columns.int("sequence_number")?;
            places.push((UnixMillis(columns.int("created_at")?), number));
            events.push((id, columns.flag("state")?));
        }
        let (old, is_more) = after.advance(cut, &places);
        let going = events.into_iter().take(old);
        let keys: Vec<Value> =
            going.filter(|(_, is_waited_for)| !is_waited_for).map(|(id, _)| id.into()).collect();
        let instance: [Value; 1] = [self.instance.as_str().into()];
        let mut statements = Vec::new();
        for head in [
            "DELETE FROM webhook_attempts WHERE instance_id = $1 AND event_id",
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND event_id",
            "DELETE FROM outbox_payloads WHERE instance_id = $1 AND event_id",
            "DELETE FROM outbox WHERE instance_id = $1 AND id",
        ] {
            statements.extend(by_keys(head, &instance, &keys));
        }
        if !statements.is_empty() {
            self.store.batch(statements, deadline).await?;
        }
        Ok(is_more)
    }

    /// Removes what waits for an endpoint though its event is gone: a replay may have queued it in the very moment in which
    /// it was removed, and it would hold up its user for ever. Looks at a few hundred of what waits, from `after` on, which
    /// moves. `false` at the end.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_orphans(
        &self,
        endpoint: &str,
        after: &mut (i64, i64),
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let waiting = Query::new(
            format!("SELECT d.event_id, d.due_at, d.sequence_number,
                CASE WHEN (SELECT o.id FROM outbox o WHERE o.instance_id = d.instance_id AND o.id = d.event_id)
                    IS NULL AND c.place IS NULL THEN 1 ELSE 0 END
             FROM webhook_deliveries d LEFT JOIN changes c ON {CHANGE_OF_DELIVERY}
             WHERE d.instance_id || d.endpoint_id = $1 AND d.state = 'queued'
                AND (d.due_at, d.sequence_number) > ($2, $3)
             ORDER BY d.due_at, d.sequence_number LIMIT $4"),
            vec![
                format!("{}{endpoint}", self.instance).into(),
                after.0.into(),
                after.1.into(),
                STEP_ROWS_MAX.into(),
            ],
        );
        let rows = self.store.rows(Reach::Job, waiting, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        let mut orphans: Vec<Value> = Vec::new();
        for row in rows {
            let mut columns = Columns::new("webhook_deliveries", row);
            let event = columns.id("event_id")?;
            *after = (columns.int("due_at")?, columns.int("sequence_number")?);
            if columns.flag("event")? {
                orphans.push(event.into());
            }
        }
        let first: [Value; 2] = [self.instance.as_str().into(), endpoint.into()];
        let mut statements = Vec::new();
        for head in [
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
            "DELETE FROM webhook_attempts WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
        ] {
            statements.extend(by_keys(head, &first, &orphans));
        }
        if !statements.is_empty() {
            self.store.batch(statements, deadline).await?;
        }
        Ok(is_more)
    }
}

fn unread_from(row: Row) -> Result<UnreadEvent, StoreError> {
    let mut columns = Columns::new("outbox", row);
    Ok(UnreadEvent {
        id: columns.id("id")?.into(),
        kind: columns.text("kind")?,
        user_id: columns.text("user_id")?.into(),
        created_at: UnixMillis(columns.int("created_at")?),
        payload: columns.text("payload")?,
        is_sealed: columns.flag("sealed")?,
    })
}

//! The readers' side of the outbox: events get their place in one order per instance, once, together with everything
//! that is made of them.

use crate::audit::{Ends, ends_from};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::webhooks::DeliveredEvent;
use crate::{
    Conflict, NewAuditEntry, NewDelivery, OutboxEvent, Scoped, Store, StoreError, WebhookEndpoint, webhooks,
};
use std::time::Instant;
use verger_wire::{EventId, InstanceId, UnixMillis, UserId};

/// Events that are removed at a time.
const SWEEP_ROWS_MAX: i64 = 500;

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

pub(crate) const PAYLOAD_OF_EVENT: &str = payload_of_event!();
pub(crate) const JOIN_PAYLOAD: &str = join_payload!();

/// An event without a place in the order yet.
#[derive(Clone, Debug)]
pub struct UnreadEvent {
    /// `evt_…`.
    pub id: EventId,
    /// Its `type`.
    pub kind: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When.
    pub created_at: UnixMillis,
    /// The event as JSON.
    pub payload: String,
    /// It has a sealed form, which is of use for a short time only.
    pub is_sealed: bool,
}

/// What a fan-out looks at: one state of the database.
#[derive(Clone, Debug)]
pub struct Unread {
    ends: Option<Ends>,
    /// In the order in which they are told: that of the writes, for each user.
    pub events: Vec<UnreadEvent>,
    /// All of the instance.
    pub endpoints: Vec<WebhookEndpoint>,
}

/// What is made of an event.
#[derive(Clone, Debug)]
pub struct FanOut {
    /// What the trail keeps of it.
    pub entry: NewAuditEntry,
    /// To whom it goes.
    pub deliveries: Vec<NewDelivery>,
}

/// An event with its place.
#[derive(Clone, Debug)]
pub struct FeedEvent {
    /// `evt_…`.
    pub id: EventId,
    /// Its place.
    pub sequence_number: i64,
    /// Its `type`.
    pub kind: String,
    /// The event as JSON.
    pub payload: String,
}

impl Store {
    /// Instances with events that have no place yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn instances_with_unread_events(
        &self,
        deadline: Instant,
    ) -> Result<Vec<InstanceId>, StoreError> {
        let query = Query::new(
            "SELECT i.id FROM instances i WHERE
                (SELECT o.id FROM outbox o WHERE o.instance_id || '' = i.id || '' AND o.sequence_number IS NULL
                    LIMIT 1) IS NOT NULL",
            vec![],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        rows.into_iter().map(|row| Ok(Columns::new("instances", row).id("id")?.into())).collect()
    }

    /// Erases what was sealed before `before`, whether it was delivered or not.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn erase_sealed_events(&self, before: UnixMillis, deadline: Instant) -> Result<(), StoreError> {
        let erase = Stmt::new(
            "UPDATE outbox SET sealed = '' WHERE sealed <> '' AND created_at < $1",
            vec![before.into()],
        );
        self.batch(vec![erase], deadline).await
    }
}

impl Scoped<'_> {
    /// The next events that have no place yet, at most `limit`.
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

    /// Gives events their places, with everything that is made of them: all of it or nothing. `false` if another server
    /// was first.
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
        let (entries, mut statements) = self.append_audit(unread.ends.as_ref(), entries);
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
        match self.store.batch(statements, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::Stale)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes an event that tells of no user.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn write_event(&self, event: &OutboxEvent, deadline: Instant) -> Result<(), StoreError> {
        self.store.batch(self.insert_event(event).into(), deadline).await
    }

    /// Events after a place, in order.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn events_after(
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
        let rows = self.store.rows(Reach::Scan, query, deadline).await?;
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

    /// The place of the newest event; 0 if there is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn last_event_place(&self, deadline: Instant) -> Result<i64, StoreError> {
        let rows = self.store.rows(Reach::Point, self.ends_query(), deadline).await?;
        Ok(ends_from(rows)?.map_or(0, |ends| ends.last_number))
    }

    /// The place of an event that is still kept.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn event_place(&self, id: &EventId, deadline: Instant) -> Result<Option<i64>, StoreError> {
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

    /// Removes the oldest events from before `before` that nobody waits for, with what is known of their deliveries, a
    /// few hundred at a time. Call it until nothing is left.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sweep_events(&self, before: UnixMillis, deadline: Instant) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT id, created_at FROM outbox o WHERE instance_id = $1 AND sequence_number IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d
                    JOIN webhook_endpoints e ON e.instance_id = d.instance_id AND e.id = d.endpoint_id
                    WHERE d.instance_id = $1 AND d.event_id = o.id AND d.state IN ('queued', 'sending'))
             ORDER BY sequence_number LIMIT $2",
            vec![self.instance.as_str().into(), SWEEP_ROWS_MAX.into()],
        );
        let mut statements = Vec::new();
        for row in self.store.rows(Reach::Job, oldest, deadline).await? {
            let mut columns = Columns::new("outbox", row);
            let id = columns.id("id")?;
            if columns.int("created_at")? >= before.0 {
                break;
            }
            let key: Vec<Value> = vec![self.instance.as_str().into(), id.into()];
            for sql in [
                "DELETE FROM webhook_attempts WHERE instance_id = $1 AND event_id = $2",
                "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND event_id = $2",
                "DELETE FROM outbox_payloads WHERE instance_id = $1 AND event_id = $2",
                "DELETE FROM outbox WHERE instance_id = $1 AND id = $2",
            ] {
                statements.push(Stmt::new(sql, key.clone()));
            }
        }
        let found = !statements.is_empty();
        // A replay may have queued an event in the very moment in which it was removed: what is queued without an event
        // would hold up its user for ever.
        statements.push(Stmt::new(
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND state = 'queued' AND NOT EXISTS (SELECT 1 FROM
                outbox o WHERE o.instance_id = webhook_deliveries.instance_id AND o.id = webhook_deliveries.event_id)",
            vec![self.instance.as_str().into()],
        ));
        self.store.batch(statements, deadline).await?;
        Ok(found)
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

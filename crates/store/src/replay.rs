//! Replays: an endpoint is told again of what it missed, a few hundred events at a time.

use crate::audit::ends_from;
use crate::changes::{CHANGE_COLUMNS, PLACES_OF_INSTANCE, base, change_from, told_after};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::webhooks::{DeliveredEvent, endpoints_from};
use crate::{DeliveryState, NewDelivery, Scoped, StoreError};
use std::collections::HashMap;
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_core::event::is_told;
use verger_core::verification::CODE_LIFETIME_MS;
use verger_wire::{EventId, UnixMillis, UserId, WebhookEndpointId};

/// Events that are looked at in one step.
const STEP_EVENTS_MAX: i64 = 500;
/// Clocks of servers differ, so events are only about in the order of their moments: a replay begins this much earlier.
const CLOCKS_DIFFER_MS: i64 = 60 * 60 * 1000;

/// A replay under way. Every step is a write of its own: one that was cut off is safe to begin again.
#[derive(Clone, Debug)]
pub struct Replay {
    endpoint_id: WebhookEndpointId,
    since: UnixMillis,
    is_all: bool,
    after: i64,
    last: i64,
    /// Deliveries that were queued so far.
    pub queued: usize,
    /// Events with a code that has ended or was erased, which nobody can be told of any more.
    pub left_out: usize,
}

/// An event as a replay sees it.
struct Seen {
    event_id: EventId,
    kind: String,
    user_id: UserId,
    sequence_number: i64,
    created_at: UnixMillis,
    code: Code,
    /// Of its delivery to the endpoint, if there is one.
    state: Option<DeliveryState>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    None,
    Sealed,
    Erased,
}

impl Scoped<'_> {
    /// Begins to queue again what happened since a moment, and after a sequence number if there is one, and failed at an
    /// endpoint, or was never on its way to it because the endpoint was disabled; with `is_all` what arrived too. What is
    /// still on its way is left alone.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin_replay(
        &self,
        endpoint_id: &WebhookEndpointId,
        since: UnixMillis,
        is_all: bool,
        after: Option<i64>,
        deadline: Instant,
    ) -> Result<Replay, StoreError> {
        let ends = self.store.rows(Reach::Point, self.ends_query(), deadline).await?;
        let last = ends_from(ends)?.map_or(0, |ends| ends.last_number);
        let begins_after = self.last_place_before(since.plus_ms(-CLOCKS_DIFFER_MS), last, deadline).await?;
        let after = begins_after.max(after.unwrap_or(0).min(PLACES_OF_INSTANCE));
        let endpoint_id = endpoint_id.clone();
        Ok(Replay { endpoint_id, since, is_all, after, last, queued: 0, left_out: 0 })
    }

    /// Halves the trail again and again: no index has the moments of events.
    async fn last_place_before(
        &self,
        moment: UnixMillis,
        last: i64,
        deadline: Instant,
    ) -> Result<i64, StoreError> {
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = low + (high - low) / 2;
            let params: Vec<Value> = vec![self.instance.as_str().into(), middle.into()];
            let event = Query::new(
                "SELECT sequence_number, created_at FROM outbox
                 WHERE instance_id = $1 AND sequence_number IS NOT NULL AND sequence_number > $2
                 ORDER BY sequence_number LIMIT 1",
                params.clone(),
            );
            let change = Query::new(
                concat!(
                    "SELECT c.place - ",
                    base!(),
                    ", c.created_at FROM changes c WHERE ",
                    told_after!(),
                    " ORDER BY c.place LIMIT 1"
                ),
                params,
            );
            let answers = self.store.db.snapshot(Reach::Point, vec![event, change], deadline).await?;
            let mut next = None;
            for row in answers.into_iter().flatten() {
                let mut columns = Columns::new("outbox", row);
                let found = (columns.int("sequence_number")?, columns.int("created_at")?);
                next = Some(next.map_or(found, |next: (i64, i64)| next.min(found)));
            }
            match next {
                Some((_, at)) if at < moment.0 => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// Queues what the next few hundred events have for the endpoint; `false` at the end, or if the endpoint is gone.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn continue_replay(
        &self,
        replay: &mut Replay,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let events = Query::new(
            "SELECT o.id, o.kind, o.user_id, o.sequence_number, o.created_at,
                CASE WHEN o.sealed IS NULL THEN 0 WHEN o.sealed = '' THEN 2 ELSE 1 END, d.state
             FROM outbox o LEFT JOIN webhook_deliveries d
                ON d.instance_id = o.instance_id AND d.event_id = o.id AND d.endpoint_id = $2
             WHERE o.instance_id = $1 AND o.sequence_number IS NOT NULL AND o.sequence_number > $3
                AND o.sequence_number <= $4
             ORDER BY o.sequence_number LIMIT $5",
            vec![
                self.instance.as_str().into(),
                replay.endpoint_id.as_str().into(),
                replay.after.into(),
                replay.last.into(),
                STEP_EVENTS_MAX.into(),
            ],
        );
        let endpoint = self.endpoint_query(&replay.endpoint_id);
        let endpoint = endpoints_from(self.store.rows(Reach::Point, endpoint, deadline).await?)?.pop();
        let Some(endpoint) = endpoint else { return Ok(false) };
        let events = self.read(Bound::Rows(STEP_EVENTS_MAX), events, deadline).await?;
        let mut events = events.into_iter().map(seen_from).collect::<Result<Vec<_>, _>>()?;
        events.extend(self.changes_seen(replay, deadline).await?);
        events.sort_by_key(|event| event.sequence_number);
        // Behind the last one that was read of one table there may be more of it before what was read of the other.
        events.truncate(usize::try_from(STEP_EVENTS_MAX).unwrap_or(0));
        let Some(last) = events.last().map(|event| event.sequence_number) else { return Ok(false) };
        let wanted: Vec<_> = events.iter().filter(|event| replay.wants(event, &endpoint)).collect();
        let statements: Vec<_> =
            wanted.iter().filter_map(|event| self.queue_again(event, &endpoint.id, now)).collect();
        let queued = statements.len();
        if queued > 0 {
            self.store.batch(statements, deadline).await?;
        }
        replay.queued += queued;
        replay.left_out += wanted.len() - queued;
        replay.after = last;
        Ok(last < replay.last)
    }

    /// The next events of changes, with the states of their deliveries.
    async fn changes_seen(&self, replay: &Replay, deadline: Instant) -> Result<Vec<Seen>, StoreError> {
        let changes = Query::new(
            format!(
                "SELECT {CHANGE_COLUMNS} FROM changes c WHERE {} AND c.place - c.event_count < {} + $3
                 ORDER BY c.place LIMIT $4",
                told_after!(),
                base!(),
            ),
            vec![
                self.instance.as_str().into(),
                replay.after.into(),
                replay.last.into(),
                STEP_EVENTS_MAX.into(),
            ],
        );
        let changes = self.read(Bound::Rows(STEP_EVENTS_MAX), changes, deadline).await?;
        let changes =
            changes.into_iter().map(|row| change_from(self.instance, row)).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = changes.last().map(|change| change.sequence_number) else { return Ok(Vec::new()) };
        let deliveries = Query::new(
            "SELECT event_id, state FROM webhook_deliveries
             WHERE instance_id || endpoint_id = $1 AND sequence_number > $2 AND sequence_number <= $3",
            vec![self.with_instance(&[replay.endpoint_id.as_str()]), replay.after.into(), last.into()],
        );
        let mut states = HashMap::new();
        for row in self.read(Bound::Rows(STEP_EVENTS_MAX), deliveries, deadline).await? {
            let mut columns = Columns::new("webhook_deliveries", row);
            let event = columns.id("event_id")?;
            states.insert(event, state_from(&mut columns)?);
        }
        let mut seen = Vec::new();
        for change in changes {
            let code = match change.sealed.as_deref() {
                None => Code::None,
                Some("") => Code::Erased,
                Some(_) => Code::Sealed,
            };
            let is_wanted = |number: i64| number > replay.after && number <= replay.last;
            for event in change.events.into_iter().filter(|event| is_wanted(event.sequence_number)) {
                seen.push(Seen {
                    state: states.remove(event.id.as_str()).flatten(),
                    event_id: event.id,
                    kind: event.kind,
                    user_id: change.user_id.clone(),
                    sequence_number: event.sequence_number,
                    created_at: change.created_at,
                    code,
                });
            }
        }
        Ok(seen)
    }

    /// `None` for a code that is of no use any more.
    fn queue_again(&self, event: &Seen, endpoint_id: &WebhookEndpointId, now: UnixMillis) -> Option<Stmt> {
        let code_ends_at = event.created_at.min(now).plus_ms(CODE_LIFETIME_MS);
        if event.code == Code::Erased || (event.code == Code::Sealed && code_ends_at <= now) {
            return None;
        }
        let Some(state) = event.state else {
            let give_up_at = (event.code == Code::Sealed).then_some(code_ends_at);
            let delivery = NewDelivery { endpoint_id: endpoint_id.clone(), give_up_at };
            let event = DeliveredEvent {
                event_id: &event.event_id,
                kind: &event.kind,
                user_id: &event.user_id,
                sequence_number: event.sequence_number,
            };
            return Some(self.insert_delivery(&event, &delivery, now));
        };
        let params: Vec<Value> = vec![
            self.instance.as_str().into(),
            event.event_id.as_str().into(),
            endpoint_id.as_str().into(),
            state.as_str().into(),
            now.into(),
        ];
        Some(Stmt::new(
            "UPDATE webhook_deliveries SET state = 'queued', tries_before = tries, due_at = $5, updated_at = $5
             WHERE instance_id = $1 AND event_id = $2 AND endpoint_id = $3 AND state = $4",
            params,
        ))
    }
}

impl Replay {
    /// The sequence number of the last event that was looked at.
    pub fn after(&self) -> i64 {
        self.after
    }

    fn wants(&self, event: &Seen, endpoint: &WebhookEndpoint) -> bool {
        event.created_at >= self.since
            && match event.state {
                None => is_told(&event.kind) && endpoint.wants(&event.kind),
                Some(DeliveryState::Failed) => true,
                Some(DeliveryState::Delivered) => self.is_all,
                Some(DeliveryState::Queued | DeliveryState::Sending) => false,
            }
    }
}

fn seen_from(row: Row) -> Result<Seen, StoreError> {
    let mut columns = Columns::new("outbox", row);
    Ok(Seen {
        event_id: columns.id("id")?.into(),
        kind: columns.text("kind")?,
        user_id: columns.text("user_id")?.into(),
        sequence_number: columns.int("sequence_number")?,
        created_at: UnixMillis(columns.int("created_at")?),
        code: match columns.int("sealed")? {
            0 => Code::None,
            1 => Code::Sealed,
            _ => Code::Erased,
        },
        state: state_from(&mut columns)?,
    })
}

fn state_from(columns: &mut Columns) -> Result<Option<DeliveryState>, StoreError> {
    let state = columns.optional_text("state")?;
    let parsed = state.as_deref().map(|state| DeliveryState::parse(state).ok_or(state));
    parsed.transpose().map_err(|_| columns.corrupt("state"))
}

//! Events, endpoints and deliveries for the cases about them.

use super::support::*;
use crate::retention::Cut;
use crate::{
    AttemptRecord, DeliveryOutcome, DeliveryState, FanOut, NewAuditEntry, NewChange, NewDelivery, NewEvent,
    Numbered, OutboxEvent, Scoped, Store, Streak, Unread, Write,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use verger_core::WebhookEndpoint;
use verger_wire::{InstanceId, UnixMillis, WebhookEndpointId};

pub(super) fn event(n: i64, user: &str, version: i64, created_at: i64) -> OutboxEvent {
    OutboxEvent {
        id: format!("evt_{n:04}").into(),
        kind: "user.updated".to_owned(),
        user_id: user.into(),
        user_version: version,
        created_at: UnixMillis(created_at),
        payload: format!("{{\"n\":{n}}}"),
        sealed: None,
    }
}

/// A change of a user that tells of these events, each `type` or `type:subject`.
pub(super) fn change(user: &str, version: i64, created_at: i64, events: &[&str]) -> NewChange {
    let event = |text: &&str| match text.split_once(':') {
        Some((kind, subject)) => NewEvent { kind: kind.to_owned(), subject: Some(subject.to_owned()) },
        None => NewEvent { kind: (*text).to_owned(), subject: None },
    };
    NewChange {
        kind: "user",
        created_at: UnixMillis(created_at),
        user_id: user.into(),
        user_version: version,
        events: events.iter().map(event).collect(),
        who: "{\"v\":1}".to_owned(),
        personal: format!("{{\"of\":\"{user}\",\"version\":{version}}}"),
        salt: StdRng::seed_from_u64(fresh_seed()).random(),
        sealed: None,
    }
}

/// A write of changes alone.
pub(super) fn telling(told: Vec<NewChange>) -> Write {
    Write { told, ..Write::at(NOW) }
}

/// The instances with events, or with changes, that wait for numbers.
pub(super) async fn with_events(store: &Store) -> Vec<InstanceId> {
    let backlogs = store.backlogs(far()).await.unwrap();
    backlogs.into_iter().filter(|found| found.has_events).map(|found| found.instance).collect()
}

pub(super) async fn to_number(store: &Store) -> Vec<InstanceId> {
    let backlogs = store.backlogs(far()).await.unwrap();
    backlogs.into_iter().filter(|found| found.has_changes).map(|found| found.instance).collect()
}

/// Gives every change its number that has none, which on SQLite it has already.
pub(super) async fn number_all(scoped: Scoped<'_>, limit: i64) {
    while scoped.number_changes(limit, far()).await.unwrap() != Numbered::Nothing {}
}

pub(super) fn cut(before: i64) -> Cut {
    Cut { before: UnixMillis(before), now: NOW }
}

pub(super) async fn write_events(scoped: Scoped<'_>, events: Vec<OutboxEvent>) {
    scoped.save(&Write { events, ..Write::at(NOW) }, far()).await.unwrap();
}

pub(super) fn endpoint(id: &str) -> WebhookEndpoint {
    WebhookEndpoint {
        id: id.into(),
        url: "https://example.com/".to_owned(),
        events: vec!["user.*".to_owned()],
        secret: "sealed".to_owned(),
        former_secret: None,
        former_expires_at: None,
        failing_since: None,
        last_failed_at: None,
        disabled_at: None,
        disabled_reason: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Every event that was not read yet, for every endpoint; what has a code is given up after ten minutes.
pub(super) fn told(unread: &Unread) -> Vec<FanOut> {
    told_until(unread, |kind| (kind == "sms.created").then_some(UnixMillis(NOW.0 + 600_000)))
}

pub(super) fn told_until(unread: &Unread, give_up_at: impl Fn(&str) -> Option<UnixMillis>) -> Vec<FanOut> {
    let of = |event: &crate::UnreadEvent| FanOut {
        entry: NewAuditEntry {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            user_id: event.user_id.clone(),
            created_at: event.created_at,
            entry: event.payload.clone(),
        },
        deliveries: unread
            .endpoints
            .iter()
            .map(|endpoint| NewDelivery {
                endpoint_id: endpoint.id.clone(),
                give_up_at: give_up_at(&event.kind),
            })
            .collect(),
    };
    unread.events.iter().map(of).collect()
}

/// Assigns sequence numbers until every event has one.
pub(super) async fn fan_out_all(scoped: Scoped<'_>, limit: i64) {
    loop {
        let unread = scoped.unread_events(limit, far()).await.unwrap();
        if unread.events.is_empty() {
            return;
        }
        scoped.fan_out(&unread, told(&unread), NOW, far()).await.unwrap();
    }
}

pub(super) fn outcome(state: DeliveryState, try_number: i64, due_at: i64, streak: Streak) -> DeliveryOutcome {
    DeliveryOutcome {
        state,
        due_at: UnixMillis(due_at),
        attempt: AttemptRecord {
            try_number,
            status: Some(500),
            reason: Some("HTTP 500".to_owned()),
            latency_ms: 5,
            answer: "no".to_owned(),
            created_at: NOW,
        },
        streak,
    }
}

/// How many were queued, and how many left out.
pub(super) async fn replay(
    scoped: Scoped<'_>,
    id: &WebhookEndpointId,
    since: UnixMillis,
    is_all: bool,
) -> (usize, usize) {
    let mut replay = scoped.begin_replay(id, since, is_all, None, far()).await.unwrap();
    while scoped.continue_replay(&mut replay, NOW, far()).await.unwrap() {}
    (replay.queued, replay.left_out)
}

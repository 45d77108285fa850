//! The outbox is read once and in order, deliveries are made once, and the trail tells what was done to it.

use super::another_handle;
use super::support::*;
use crate::retention::{Cut, CutCursor};
use crate::{
    AttemptRecord, AuditFilter, AuditVerdict, Conflict, Counted, DeliveryOutcome, DeliveryState, DueDelivery,
    FanOut, NewAuditEntry, NewDelivery, OutboxEvent, Scoped, Store, Streak, Unread, Write,
};
use std::time::{Duration, Instant};
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::{DisabledReason, Disabling};
use verger_wire::{UnixMillis, UserId, WebhookEndpointId};

/// The longest claim of a server.
const LEASE_MS_MAX: i64 = 1_000_000_000_000_000;

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

pub(super) fn cut(before: i64) -> Cut {
    Cut { before: UnixMillis(before), now: NOW }
}

pub(super) async fn write_events(scoped: Scoped<'_>, events: Vec<OutboxEvent>) {
    scoped.save(&Write { events, ..Write::default() }, far()).await.unwrap();
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

fn told(unread: &Unread) -> Vec<FanOut> {
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
                give_up_at: (event.kind == "sms.created").then_some(UnixMillis(NOW.0 + 600_000)),
            })
            .collect(),
    };
    unread.events.iter().map(of).collect()
}

/// Gives places until nothing is left.
pub(super) async fn fan_out_all(scoped: Scoped<'_>, limit: i64) {
    loop {
        let unread = scoped.unread_events(limit, far()).await.unwrap();
        if unread.events.is_empty() {
            return;
        }
        scoped.fan_out(&unread, told(&unread), NOW, far()).await.unwrap();
    }
}

pub(super) async fn events_of_a_user_are_read_in_the_order_of_its_versions(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    // Written by servers whose clocks differ: version 2 is dated after version 3, and 4 and 5 share a moment.
    let events = vec![
        event(1, "user_a", 1, 100),
        event(2, "user_a", 2, 900),
        event(3, "user_a", 3, 200),
        event(5, "user_a", 4, 950),
        event(4, "user_a", 5, 950),
        event(6, "user_b", 1, 300),
    ];
    write_events(scoped, events).await;
    write_events(store.instance(&theirs), vec![event(1, "user_a", 1, 1)]).await;
    assert_eq!(store.instances_with_unread_events(far()).await.unwrap().len(), 2);
    for limit in [1, 2, 3, 500] {
        fan_out_all(scoped, limit).await;
    }
    let feed = scoped.events_after(0, 100, far()).await.unwrap();
    assert_eq!(feed.iter().map(|event| event.sequence_number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let order: Vec<_> = feed.iter().map(|event| event.id.as_str()).filter(|id| *id != "evt_0006").collect();
    assert_eq!(order, ["evt_0001", "evt_0002", "evt_0003", "evt_0005", "evt_0004"]);
    assert_eq!(store.instances_with_unread_events(far()).await.unwrap(), std::slice::from_ref(&theirs));
    assert_eq!(scoped.event_place(&"evt_0001".into(), far()).await.unwrap(), Some(1));
    assert_eq!(scoped.event_place(&"evt_none".into(), far()).await.unwrap(), None);
    assert_eq!(scoped.last_event_place(far()).await.unwrap(), 6);
    assert_eq!(store.instance(&theirs).last_event_place(far()).await.unwrap(), 0);
}

pub(super) async fn each_event_gets_one_place_whoever_reads_at_the_same_time(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    scoped.create_webhook_endpoint(&endpoint("whe_1"), 200, None, far()).await.unwrap();
    let events = (1..=120).map(|n| event(n, &format!("user_{}", n % 7), n, n)).collect();
    write_events(scoped, events).await;
    futures_util::future::join_all((0..4).map(|_| fan_out_all(scoped, 10))).await;
    let feed = scoped.events_after(0, 500, far()).await.unwrap();
    let places: Vec<_> = feed.iter().map(|event| event.sequence_number).collect();
    assert_eq!(places, (1..=120).collect::<Vec<_>>());
    let deliveries = scoped.webhook_deliveries(&"whe_1".into(), None, 500, far()).await.unwrap();
    assert_eq!(deliveries.len(), 120);
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { rows: 120, .. }), "{verdict:?}");
}

fn outcome(state: DeliveryState, try_number: i64, due_at: i64, streak: Streak) -> DeliveryOutcome {
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

pub(super) async fn delivery_is_tried_by_one_at_a_time_and_in_order(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    scoped.create_webhook_endpoint(&endpoint, 200, None, far()).await.unwrap();
    let events = vec![event(1, "user_a", 1, 1), event(2, "user_a", 2, 2), event(3, "user_b", 1, 3)];
    write_events(scoped, events).await;
    fan_out_all(scoped, 10).await;
    let due =
        async |now: i64| scoped.due_deliveries(&endpoint.id, UnixMillis(now), 10, far()).await.unwrap().1;
    let ids =
        |due: &[DueDelivery]| due.iter().map(|due| due.delivery.event_id.to_string()).collect::<Vec<_>>();
    assert_eq!(store.due_endpoints(NOW, far()).await.unwrap(), [(ours.clone(), endpoint.id.clone())]);
    let first = due(NOW.0).await;
    assert_eq!(ids(&first), ["evt_0001", "evt_0003"]);
    // Two servers reach for the same one.
    let lease = NOW.plus_ms(1_000);
    let claims = [
        scoped.claim_delivery(&endpoint.id, &first[0].delivery, NOW, lease, far()).await.unwrap(),
        scoped.claim_delivery(&endpoint.id, &first[0].delivery, NOW, lease, far()).await.unwrap(),
    ];
    assert_eq!(claims, [true, false]);
    assert_eq!(ids(&due(NOW.0).await), ["evt_0003"]);
    // It fails, and is tried again later; the next event of the user waits.
    let failed =
        outcome(DeliveryState::Queued, 1, NOW.0 + 5_000, Streak::GoesOn { anew_before: UnixMillis(0) });
    assert!(scoped.finish_delivery(&endpoint, &first[0], &failed, far()).await.unwrap());
    assert!(!scoped.finish_delivery(&endpoint, &first[0], &failed, far()).await.unwrap());
    let kept = scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();
    assert_eq!(kept.failing_since, Some(NOW));
    assert_eq!(ids(&due(NOW.0 + 4_999).await), ["evt_0003"]);
    let again = due(NOW.0 + 5_000).await;
    assert_eq!(ids(&again), ["evt_0003", "evt_0001"]);
    // Whoever tries dies: it is put back when its time is over.
    assert!(scoped.claim_delivery(&endpoint.id, &again[1].delivery, NOW, lease, far()).await.unwrap());
    store.release_lost_deliveries(NOW, LEASE_MS_MAX, far()).await.unwrap();
    assert_eq!(ids(&due(NOW.0 + 9_000).await), ["evt_0003"]);
    store.release_lost_deliveries(lease, LEASE_MS_MAX, far()).await.unwrap();
    let again = due(NOW.0 + 9_000).await;
    assert_eq!(ids(&again), ["evt_0003", "evt_0001"]);
    assert_eq!(again[1].delivery.tries, 2);
    assert!(scoped.claim_delivery(&endpoint.id, &again[1].delivery, NOW, lease, far()).await.unwrap());
    let done = outcome(DeliveryState::Delivered, 3, NOW.0, Streak::Ends);
    assert!(scoped.finish_delivery(&kept, &first[0], &done, far()).await.unwrap());
    assert_eq!(scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap().failing_since, None);
    // It waited as long as the one before it.
    assert_eq!(ids(&due(NOW.0 + 4_999).await), ["evt_0003"]);
    assert_eq!(ids(&due(NOW.0 + 9_000).await), ["evt_0003", "evt_0002"]);
    let listed = scoped.webhook_deliveries(&endpoint.id, None, 10, far()).await.unwrap();
    assert_eq!(listed[2].1.iter().map(|attempt| attempt.try_number).collect::<Vec<_>>(), [1, 3]);
    // Stopped: nothing waits any more, it is told of once, and a replay brings it back.
    let of_endpoint = event(9, "", 0, 9);
    execute(store, &format!("UPDATE webhook_endpoints SET failing_since = {}", NOW.0)).await;
    let disable = || {
        scoped.disable_webhook_endpoint(
            &endpoint.id,
            Disabling::Failing { since: NOW },
            NOW,
            &of_endpoint,
            far(),
        )
    };
    assert!(disable().await.unwrap());
    assert!(!disable().await.unwrap());
    assert_eq!(ids(&due(NOW.0 + 9_000).await), [""; 0]);
    assert_eq!(replay(scoped, &endpoint.id, UnixMillis(0), false).await, (2, 0));
    assert_eq!(ids(&due(NOW.0).await), ["evt_0002", "evt_0003"]);
    assert_eq!(replay(scoped, &endpoint.id, UnixMillis(0), true).await, (1, 0));
    assert_eq!(ids(&due(NOW.0).await), ["evt_0001", "evt_0003"]);
    assert!(scoped.delete_webhook_endpoint(&endpoint.id, NOW, None, far()).await.unwrap());
    assert!(!scoped.delete_webhook_endpoint(&endpoint.id, NOW, None, far()).await.unwrap());
    assert_eq!(scoped.due_deliveries(&endpoint.id, NOW, 10, far()).await.unwrap().0, None);
}

pub(super) async fn streak_of_failures_ends_with_any_success_and_spans_no_pause(store: &Store) {
    const HOUR: i64 = 3_600_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    scoped.create_webhook_endpoint(&endpoint, 200, None, far()).await.unwrap();
    write_events(scoped, vec![event(1, "user_a", 1, 1)]).await;
    fan_out_all(scoped, 10).await;
    let loaded = async || scoped.webhook_endpoint(&endpoint.id, far()).await.unwrap().unwrap();
    // Tries whose servers loaded the endpoint before any of this happened.
    let mut tries = 0;
    let mut tried = async |hours: i64, is_good: bool| {
        let now = UnixMillis(NOW.0 + hours * HOUR);
        let due = scoped.due_deliveries(&endpoint.id, now, 1, far()).await.unwrap().1.remove(0);
        assert!(scoped.claim_delivery(&endpoint.id, &due.delivery, now, now, far()).await.unwrap());
        tries += 1;
        let anew_before = now.plus_ms(-12 * HOUR);
        let streak = if is_good { Streak::Ends } else { Streak::GoesOn { anew_before } };
        let mut outcome = outcome(DeliveryState::Queued, tries, now.0, streak);
        outcome.attempt.created_at = now;
        assert!(scoped.finish_delivery(&endpoint, &due, &outcome, far()).await.unwrap());
        let kept = loaded().await;
        let hours = |at: Option<UnixMillis>| at.map(|at| (at.0 - NOW.0) / HOUR);
        (hours(kept.failing_since), hours(kept.last_failed_at))
    };
    assert_eq!(tried(0, false).await, (Some(0), Some(0)));
    assert_eq!(tried(12, false).await, (Some(0), Some(12)));
    assert_eq!(tried(13, true).await, (None, None));
    assert_eq!(tried(14, false).await, (Some(14), Some(14)));
    assert_eq!(tried(26, false).await, (Some(14), Some(26)));
    // Nobody tried for longer than a try waits.
    assert_eq!(tried(39, false).await, (Some(39), Some(39)));
    // What was seen as a streak is none any more.
    let told = event(9, "", 0, 9);
    let disable = |since| {
        scoped.disable_webhook_endpoint(&endpoint.id, Disabling::Failing { since }, NOW, &told, far())
    };
    assert!(!disable(UnixMillis(NOW.0 + 14 * HOUR)).await.unwrap());
    // Changed by somebody who saw it fail, after it has taken something.
    let before = loaded().await;
    assert_eq!(tried(40, true).await, (None, None));
    let after = WebhookEndpoint { url: "https://example.org/".to_owned(), ..before.clone() };
    assert!(scoped.update_webhook_endpoint(&before, &after, None, far()).await.unwrap());
    assert_eq!(loaded().await.failing_since, None);
    // Nor does such a change enable what was disabled meanwhile.
    assert_eq!(tried(41, false).await, (Some(41), Some(41)));
    let before = loaded().await;
    assert!(disable(UnixMillis(NOW.0 + 41 * HOUR)).await.unwrap());
    assert!(!scoped.update_webhook_endpoint(&before, &before, None, far()).await.unwrap());
    let before = loaded().await;
    assert_eq!(before.disabled_reason, Some(DisabledReason::Failing));
    let enabled = WebhookEndpoint { disabled_at: None, disabled_reason: None, ..before.clone() };
    assert!(scoped.update_webhook_endpoint(&before, &enabled, None, far()).await.unwrap());
    assert_eq!(loaded().await.failing_since, None);
}

pub(super) async fn code_neither_waits_for_events_of_its_user_nor_holds_them_up(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    scoped.create_webhook_endpoint(&endpoint, 200, None, far()).await.unwrap();
    let code = |n| OutboxEvent { kind: "sms.created".to_owned(), ..event(n, "user_a", n, n) };
    write_events(scoped, vec![code(1), event(2, "user_a", 2, 2), code(3)]).await;
    fan_out_all(scoped, 10).await;
    let due = async || scoped.due_deliveries(&endpoint.id, NOW, 10, far()).await.unwrap().1;
    let ids =
        |due: &[DueDelivery]| due.iter().map(|due| due.delivery.event_id.to_string()).collect::<Vec<_>>();
    let all = due().await;
    assert_eq!(ids(&all), ["evt_0001", "evt_0002", "evt_0003"]);
    // The one in the middle fails, and what comes after it, too, has to wait; codes do not.
    assert!(scoped.claim_delivery(&endpoint.id, &all[1].delivery, NOW, NOW.plus_ms(1), far()).await.unwrap());
    assert_eq!(ids(&due().await), ["evt_0001", "evt_0003"]);
    let failed = outcome(DeliveryState::Queued, 1, NOW.0 + 5_000, Streak::Unknown);
    assert!(scoped.finish_delivery(&endpoint, &all[1], &failed, far()).await.unwrap());
    write_events(scoped, vec![event(4, "user_a", 4, 4), code(5)]).await;
    fan_out_all(scoped, 10).await;
    assert_eq!(ids(&due().await), ["evt_0001", "evt_0003", "evt_0005"]);
    // A code that fails holds up nobody.
    let first = &due().await[0];
    assert!(scoped.claim_delivery(&endpoint.id, &first.delivery, NOW, NOW.plus_ms(1), far()).await.unwrap());
    assert!(scoped.finish_delivery(&endpoint, first, &failed, far()).await.unwrap());
    assert_eq!(ids(&due().await), ["evt_0003", "evt_0005"]);
}

/// Rows by the thousand, without statistics: PostgreSQL plans with what it guesses.
pub(super) async fn looks_at_the_queue_take_no_longer_for_what_waits_or_was_delivered(store: &Store) {
    const LOOKS: u32 = 2;
    // On a busy machine a look takes milliseconds; one that walks through everything takes ten seconds.
    const ALLOWED: Duration = Duration::from_millis(500);
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    // Of each: delivered long ago; behind one that is tried later; of one user, behind one that is being tried.
    for (id, count, user, state, due_at) in [
        ("whe_1", 100_000, "'u' || CAST(i % 5000 AS TEXT)", "'delivered'", NOW.0),
        ("whe_1", 10_000, "'u' || CAST(i % 5000 AS TEXT)", "'queued'", NOW.0 + 1),
        ("whe_2", 10_000, "'u' || CAST(i AS TEXT)", "'queued'", NOW.0),
        ("whe_3", 2_000, "'u'", "CASE WHEN i = 1 THEN 'sending' ELSE 'queued' END", NOW.0),
    ] {
        let first = if id == "whe_1" && count == 10_000 { 100_000 } else { 0 };
        execute(
            store,
            &format!(
                "INSERT INTO webhook_deliveries SELECT 'ins_ours', '{id}', 'evt_' || CAST(i + {first} AS TEXT), 'user.updated',
                    {user}, i + {first}, {state}, 0, 0, {due_at}, NULL, 1, 1
                 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) rows"
            ),
        )
        .await;
    }
    execute(
        store,
        "INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload, sequence_number)
         SELECT instance_id, event_id, kind, user_id, 1, 1, '{}', sequence_number FROM webhook_deliveries WHERE endpoint_id = 'whe_1'",
    )
    .await;
    for id in ["whe_1", "whe_2", "whe_3"] {
        scoped.create_webhook_endpoint(&endpoint(id), 200, None, far()).await.unwrap();
    }
    // All of one user's are looked through when nobody else has anything.
    for (id, found, allowed) in [("whe_1", 0, ALLOWED), ("whe_2", 64, ALLOWED), ("whe_3", 0, ALLOWED)] {
        let started = Instant::now();
        for _ in 0..LOOKS {
            let (_, due) = scoped.due_deliveries(&id.into(), NOW, 64, far()).await.unwrap();
            assert_eq!(due.len(), found, "{id}");
        }
        let took = started.elapsed() / LOOKS;
        assert!(took < allowed, "{id}: a look took {took:?}");
    }
    let started = Instant::now();
    for _ in 0..LOOKS {
        assert_eq!(store.due_endpoints(NOW, far()).await.unwrap().len(), 2);
        assert!(scoped.unread_events(200, far()).await.unwrap().events.is_empty());
        store.release_lost_deliveries(UnixMillis(1), LEASE_MS_MAX, far()).await.unwrap();
    }
    let took = started.elapsed() / LOOKS;
    assert!(took < ALLOWED, "a round took {took:?}");
    // Claims, what follows from them, and new events.
    let (whe_2, due) = scoped.due_deliveries(&"whe_2".into(), NOW, 64, far()).await.unwrap();
    let whe_2 = whe_2.unwrap();
    let started = Instant::now();
    for due in &due {
        assert!(scoped.claim_delivery(&whe_2.id, &due.delivery, NOW, NOW, far()).await.unwrap());
        let failed = outcome(DeliveryState::Queued, 1, NOW.0 + 5_000, Streak::Unknown);
        assert!(scoped.finish_delivery(&whe_2, due, &failed, far()).await.unwrap());
    }
    write_events(scoped, (1..=64).map(|n| event(n, &format!("u{n}"), n, n)).collect()).await;
    fan_out_all(scoped, 200).await;
    let took = started.elapsed() / 64;
    assert!(took < ALLOWED, "a delivery took {took:?}");
}

pub(super) async fn sealed_event_is_erased_once_everybody_heard_of_it(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoints = [endpoint("whe_1"), endpoint("whe_2")];
    for endpoint in &endpoints {
        scoped.create_webhook_endpoint(endpoint, 200, None, far()).await.unwrap();
    }
    let sealed = OutboxEvent { sealed: Some("sealed".to_owned()), ..event(1, "user_a", 1, 1) };
    let old = OutboxEvent { sealed: Some("old".to_owned()), ..event(2, "user_b", 1, 2) };
    write_events(scoped, vec![sealed, old]).await;
    fan_out_all(scoped, 10).await;
    let mut seen = Vec::new();
    for endpoint in &endpoints {
        let due = scoped.due_deliveries(&endpoint.id, NOW, 1, far()).await.unwrap().1.remove(0);
        seen.push(due.sealed.clone());
        assert!(scoped.claim_delivery(&endpoint.id, &due.delivery, NOW, NOW, far()).await.unwrap());
        let done = outcome(DeliveryState::Delivered, 1, NOW.0, Streak::Ends);
        scoped.finish_delivery(endpoint, &due, &done, far()).await.unwrap();
    }
    assert_eq!(seen, [Some("sealed".to_owned()), Some("sealed".to_owned())]);
    let all = WebhookEndpointId::from("whe_1");
    // What was erased cannot be told again.
    assert_eq!(replay(scoped, &all, UnixMillis(0), true).await, (0, 1));
    execute(store, "UPDATE webhook_deliveries SET state = 'queued'").await;
    let due = scoped.due_deliveries(&all, NOW, 10, far()).await.unwrap().1;
    let sealed: Vec<_> = due.iter().map(|due| due.sealed.as_deref()).collect();
    assert_eq!(sealed, [None, Some("old")]);
    store.erase_sealed_events(UnixMillis(2), far()).await.unwrap();
    assert_eq!(
        scoped.due_deliveries(&all, NOW, 10, far()).await.unwrap().1[1].sealed.as_deref(),
        Some("old")
    );
    store.erase_sealed_events(UnixMillis(3), far()).await.unwrap();
    assert_eq!(scoped.due_deliveries(&all, NOW, 10, far()).await.unwrap().1[1].sealed, None);
}

pub(super) async fn instance_has_no_more_endpoints_than_it_may_under_races(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let made = in_parallel(16, |n| {
        let (ours, endpoint) = (ours.clone(), endpoint(&format!("whe_{n}")));
        async move { store.instance(&ours).create_webhook_endpoint(&endpoint, 5, None, far()).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    for refused in refused {
        assert_eq!(conflict(refused), Conflict::LimitReached("webhook endpoints"));
    }
    assert_eq!(made.len(), 5);
    assert_eq!(store.instance(&ours).webhook_endpoints(far()).await.unwrap().len(), 5);
    // Of another instance there can be as many.
    store.instance(&theirs).create_webhook_endpoint(&endpoint("whe_0"), 5, None, far()).await.unwrap();
}

/// How many were queued, and how many left out.
async fn replay(
    scoped: Scoped<'_>,
    id: &WebhookEndpointId,
    since: UnixMillis,
    is_all: bool,
) -> (usize, usize) {
    let mut replay = scoped.begin_replay(id, since, is_all, None, far()).await.unwrap();
    while scoped.continue_replay(&mut replay, NOW, far()).await.unwrap() {}
    (replay.queued, replay.left_out)
}

pub(super) async fn replay_queues_what_was_never_on_its_way_and_can_be_repeated(store: &Store) {
    const HOUR: i64 = 3_600_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    // Many events an hour ago and many now, while nobody is told.
    let of = |n: i64, at: i64| event(n, &format!("user_{}", n % 3), n, at + n);
    let start = NOW.0 - 10_000;
    let before = (1..=700).map(|n| of(n, start - 3 * HOUR));
    write_events(scoped, before.chain((701..=2_000).map(|n| of(n, start))).collect()).await;
    let sms = |n: i64, at: i64, sealed: &str| OutboxEvent {
        kind: "sms.created".to_owned(),
        sealed: Some(sealed.to_owned()),
        ..event(n, "user_1", n, at)
    };
    let codes = vec![sms(2_001, NOW.0 - 600_000, "ended"), sms(2_002, NOW.0, "lives"), sms(2_003, NOW.0, "")];
    write_events(scoped, codes).await;
    let email = OutboxEvent { kind: "email.created".to_owned(), ..event(2_004, "user_1", 2_004, NOW.0) };
    write_events(scoped, vec![email]).await;
    fan_out_all(scoped, 500).await;
    let id = WebhookEndpointId::from("whe_1");
    let events = vec!["user.*".to_owned(), "sms.created".to_owned()];
    let endpoint = WebhookEndpoint { events, ..endpoint(id.as_str()) };
    scoped.create_webhook_endpoint(&endpoint, 200, None, far()).await.unwrap();
    let replayed = || replay(scoped, &id, UnixMillis(NOW.0 - HOUR), false);
    let (one, other) = tokio::join!(replayed(), replayed());
    // Each looked before or after the other wrote.
    assert!((1_301..=2_602).contains(&(one.0 + other.0)), "{one:?} {other:?}");
    assert_eq!((one.1, other.1), (2, 2));
    assert_eq!(replayed().await, (0, 2));
    let listed = scoped.webhook_deliveries(&id, None, 5_000, far()).await.unwrap();
    assert_eq!(listed.len(), 1_301);
    assert_eq!(listed.iter().filter(|(delivery, _)| delivery.give_up_at.is_some()).count(), 1);
    // What is older is asked for later, and comes first all the same.
    let (_, due) = scoped.due_deliveries(&id, NOW, 64, far()).await.unwrap();
    let ids = |due: &[DueDelivery]| {
        let mut ids: Vec<_> = due.iter().map(|due| due.delivery.event_id.to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&due), ["evt_0701", "evt_0702", "evt_0703"]);
    assert_eq!(replay(scoped, &id, UnixMillis(0), true).await, (700, 2));
    let (_, due) = scoped.due_deliveries(&id, NOW, 64, far()).await.unwrap();
    assert_eq!(ids(&due), ["evt_0001", "evt_0002", "evt_0003"]);
    // Of an endpoint that is gone nothing is queued.
    assert!(scoped.delete_webhook_endpoint(&id, NOW, None, far()).await.unwrap());
    assert_eq!(replayed().await, (0, 0));
}

pub(super) async fn removed_endpoint_gets_nothing_and_its_deliveries_go_in_bounded_steps(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (gone, kept) = (endpoint("whe_1"), endpoint("whe_2"));
    for endpoint in [&gone, &kept] {
        scoped.create_webhook_endpoint(endpoint, 200, None, far()).await.unwrap();
    }
    write_events(scoped, (1..=1_100).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 500).await;
    execute(
        store,
        "INSERT INTO webhook_attempts SELECT instance_id, endpoint_id, event_id, 1, 500, 'no', 1, '', 1 FROM webhook_deliveries",
    )
    .await;
    let unread = vec![event(2_000, "user_b", 1, 2_000)];
    write_events(scoped, unread).await;
    // It gets its place while the endpoint is removed.
    let unread = scoped.unread_events(10, far()).await.unwrap();
    assert!(scoped.delete_webhook_endpoint(&gone.id, NOW, None, far()).await.unwrap());
    assert_eq!(scoped.webhook_endpoint(&gone.id, far()).await.unwrap(), None);
    assert_eq!(store.due_endpoints(NOW, far()).await.unwrap(), [(ours.clone(), kept.id.clone())]);
    let left = async || {
        let count = async |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE endpoint_id = '{}'", gone.id);
            int(&select(store, &sql).await[0][0])
        };
        (count("webhook_deliveries").await, count("webhook_attempts").await)
    };
    for expected in [(1_100, 1_100), (600, 600), (100, 100), (0, 0)] {
        assert_eq!(left().await, expected);
        assert_eq!(store.sweep_removed_endpoints(NOW, far()).await.unwrap(), expected.0 > 0);
    }
    assert!(scoped.fan_out(&unread, told(&unread), NOW, far()).await.unwrap());
    assert_eq!(left().await, (1, 0));
    let later = NOW.plus_ms(60_001);
    for is_more in [true, true, false] {
        assert_eq!(store.sweep_removed_endpoints(later, far()).await.unwrap(), is_more);
    }
    assert_eq!(left().await, (0, 0));
    assert!(select(store, "SELECT * FROM webhook_removals").await.is_empty());
    assert_eq!(scoped.webhook_deliveries(&kept.id, None, 5_000, far()).await.unwrap().len(), 1_101);
}

pub(super) async fn sweeps_remove_what_is_old_and_nobody_waits_for(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    write_events(scoped, vec![event(1, "user_a", 1, 1), event(2, "user_a", 2, 50)]).await;
    fan_out_all(scoped, 10).await;
    scoped.create_webhook_endpoint(&endpoint("whe_1"), 200, None, far()).await.unwrap();
    write_events(scoped, vec![event(3, "user_a", 3, 60)]).await;
    fan_out_all(scoped, 10).await;
    write_events(scoped, vec![event(4, "user_a", 4, 61)]).await;
    let ids = async || {
        let feed = scoped.events_after(0, 10, far()).await.unwrap();
        feed.into_iter().map(|event| event.id.to_string()).collect::<Vec<_>>()
    };
    let sweep_events = async |before| {
        assert!(!scoped.sweep_events(cut(before), &mut CutCursor::default(), far()).await.unwrap())
    };
    let sweep_audit_log =
        async |before| scoped.sweep_audit_log(cut(before), &mut CutCursor::default(), far()).await.unwrap();
    sweep_events(50).await;
    assert_eq!(ids().await, ["evt_0002", "evt_0003"]);
    // The third is still on its way, the fourth was never read.
    sweep_events(1_000).await;
    assert_eq!(ids().await, ["evt_0003"]);
    assert_eq!(store.instances_with_unread_events(far()).await.unwrap(), std::slice::from_ref(&ours));
    let whole = |rows| move |verdict| matches!(verdict, AuditVerdict::Whole { rows: n, .. } if n == rows);
    assert!(whole(3)(scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap()));
    assert!(!sweep_audit_log(60).await);
    assert!(whole(1)(scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap()));
    fan_out_all(scoped, 10).await;
    assert!(!sweep_audit_log(1_000).await);
    assert!(whole(0)(scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap()));
    write_events(scoped, vec![event(5, "user_a", 5, 70)]).await;
    fan_out_all(scoped, 10).await;
    assert!(whole(1)(scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap()));
    assert_eq!(scoped.audit_log_after(0, far()).await.unwrap()[0].sequence_number, 5);
    // What a replay queued while its event was removed does not hold up its user for ever.
    execute(
        store,
        "INSERT INTO webhook_deliveries (instance_id, endpoint_id, event_id, kind, user_id, sequence_number, state, tries,
            tries_before, due_at, created_at, updated_at)
         SELECT instance_id, endpoint_id, 'evt_gone', kind, user_id, 0, 'queued', 0, 0, 1, 1, 1 FROM webhook_deliveries
         WHERE event_id = 'evt_0003'",
    )
    .await;
    let waiting =
        async || select(store, "SELECT event_id FROM webhook_deliveries ORDER BY event_id").await.len();
    let before = waiting().await;
    let mut after = (i64::MIN, i64::MIN);
    assert!(!scoped.sweep_orphans("whe_1", &mut after, far()).await.unwrap());
    assert_eq!(waiting().await, before - 1);
    // An endpoint that was removed while events got their places for it holds none of them back.
    execute(store, "DELETE FROM webhook_endpoints").await;
    sweep_events(1_000).await;
    assert_eq!(ids().await, [""; 0]);
}

pub(super) async fn audit_log_is_filtered_and_walked_from_new_to_old(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    write_events(scoped, (1..=9).map(|n| event(n, &format!("user_{}", n % 2), n, n * 10)).collect()).await;
    fan_out_all(scoped, 4).await;
    let numbers = async |filter: AuditFilter, limit| {
        let found = scoped.audit_log(&filter, limit, far()).await.unwrap();
        found.into_iter().map(|entry| entry.sequence_number).collect::<Vec<_>>()
    };
    let none = AuditFilter::default;
    assert_eq!(numbers(none(), 3).await, [9, 8, 7]);
    assert_eq!(numbers(AuditFilter { before: Some(3), ..none() }, 3).await, [2, 1]);
    let user_id = Some(UserId::from("user_0"));
    assert_eq!(numbers(AuditFilter { user_id, ..none() }, 9).await, [8, 6, 4, 2]);
    let between = AuditFilter { since: Some(UnixMillis(30)), until: Some(UnixMillis(50)), ..none() };
    assert_eq!(numbers(between, 9).await, [4, 3]);
    assert_eq!(numbers(AuditFilter { kind: Some("user.created".to_owned()), ..none() }, 9).await, [0; 0]);
    assert!(store.instance(&theirs).audit_log(&none(), 9, far()).await.unwrap().is_empty());
}

pub(super) async fn trail_that_is_swept_while_it_is_verified_is_whole(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let rows = 1_200;
    write_events(scoped, (1..=rows).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 400).await;
    let limit = Duration::from_secs(60);
    let beginning = scoped.audit_beginning(limit).await.unwrap();
    let mut after = CutCursor::default();
    while scoped.sweep_audit_log(cut(1_001), &mut after, far()).await.unwrap() {}
    let verdict = scoped.verify_from(beginning, limit).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { rows: 200, .. }), "{verdict:?}");
    // What is broken beside it is found all the same.
    execute(store, "DELETE FROM audit_log WHERE sequence_number = 1100").await;
    let verdict = scoped.verify_audit_log(limit).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Broken { sequence_number: 1_100, .. }), "{verdict:?}");
}

/// Rows that belong to no event stand between those that do; nobody but the trail tells of them.
pub(super) async fn notes_are_in_the_trail_alone_and_within_their_limits(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    scoped.create_webhook_endpoint(&endpoint("whe_1"), 200, None, far()).await.unwrap();
    write_events(scoped, (1..=40).map(|n| event(n, &format!("user_{}", n % 3), n, n)).collect()).await;
    let note = |n: usize| NewAuditEntry {
        event_id: format!("evt_note_{n}").into(),
        kind: "sms.refused".to_owned(),
        user_id: "user_0".into(),
        created_at: NOW,
        entry: "{}".to_owned(),
    };
    let limit = |subject: String, most| Counted {
        scope: "note",
        subject,
        period_start: NOW,
        add: 1,
        limit: Some(most),
    };
    // Four of each number at once, and ten numbers where there is room for six.
    let other = another_handle(store).unwrap();
    let append = async |at: usize| {
        let scoped = [store, &other][at % 2].instance(&ours);
        let limits = [limit(format!("+{}", at / 4), 1), limit(String::new(), 6)];
        loop {
            match scoped.append_note(&note(at), &limits, far()).await {
                Err(crate::StoreError::Conflict(crate::Conflict::Stale)) => {}
                done => return done.unwrap(),
            }
        }
    };
    let (appended, ()) = futures_util::future::join(
        futures_util::future::join_all((0..40).map(append)),
        fan_out_all(scoped, 3),
    )
    .await;
    assert_eq!(appended.into_iter().filter(|appended| *appended).count(), 6);
    let verdict = scoped.verify_audit_log(Duration::from_secs(10)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { rows: 46, .. }), "{verdict:?}");
    let rows = scoped.audit_log(&AuditFilter::default(), 100, far()).await.unwrap();
    let notes: Vec<_> = rows.iter().filter(|row| row.kind == "sms.refused").collect();
    let mut numbers: Vec<_> = notes
        .iter()
        .map(|row| row.event_id.as_str()["evt_note_".len()..].parse::<usize>().unwrap() / 4)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!((notes.len(), numbers.len()), (6, 6), "one of each number");
    let feed = scoped.events_after(0, 100, far()).await.unwrap();
    assert_eq!(feed.len(), 40);
    assert!(feed.iter().all(|event| event.kind == "user.updated"));
    let delivered = format!(
        "SELECT kind FROM webhook_deliveries WHERE instance_id = '{ours}' AND kind <> 'user.updated'"
    );
    assert_eq!(select(store, &delivered).await.len(), 0);
    // The next minute has room again, and a trail may begin with such a row.
    let next = Counted { period_start: NOW.plus_ms(60_000), ..limit("+0".to_owned(), 1) };
    assert!(scoped.append_note(&note(99), std::slice::from_ref(&next), far()).await.unwrap());
    assert!(!scoped.append_note(&note(100), std::slice::from_ref(&next), far()).await.unwrap());
    let theirs = store.instance(&theirs);
    assert!(theirs.append_note(&note(1), &[next], far()).await.unwrap());
    let verdict = theirs.verify_audit_log(Duration::from_secs(10)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { rows: 1, .. }), "{verdict:?}");
}

pub(super) async fn every_change_of_a_row_of_the_trail_is_found(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let rows = 6;
    let planted = "INSERT INTO audit_log SELECT instance_id, 900, event_id, kind, user_id, created_at, entry,
        previous_hash, hash FROM audit_log WHERE sequence_number = 1";
    let changes: Vec<(String, i64)> = (1..=rows)
        .flat_map(|n| {
            let columns = ["event_id", "kind", "user_id", "entry", "previous_hash", "hash"];
            let text = columns.map(|column| {
                (format!("UPDATE audit_log SET {column} = {column} || 'x' WHERE sequence_number = {n}"), n)
            });
            let other = n % rows + 1;
            let rest = [
                (format!("UPDATE audit_log SET created_at = created_at + 1 WHERE sequence_number = {n}"), n),
                (format!("UPDATE audit_log SET sequence_number = 900 + {n} WHERE sequence_number = {n}"), n),
                (format!("UPDATE audit_log SET instance_id = 'ins_theirs' WHERE sequence_number = {n}"), n),
                (format!("DELETE FROM audit_log WHERE sequence_number = {n}"), n),
                // What two rows say is swapped; the numbers stay.
                (
                    format!(
                        "UPDATE audit_log SET sequence_number = CASE sequence_number WHEN {n} THEN -{other} ELSE -{n} END
                         WHERE sequence_number IN ({n}, {other});
                         UPDATE audit_log SET sequence_number = -sequence_number WHERE sequence_number < 0"
                    ),
                    n.min(other),
                ),
            ];
            text.into_iter().chain(rest)
        })
        .chain([(planted.to_owned(), 900)])
        .collect();
    let scoped = store.instance(&ours);
    for (change, at) in changes {
        for id in [&ours, &theirs] {
            store.instance(id).reset(far()).await.unwrap();
        }
        // Numbers would go on.
        execute(store, "DELETE FROM audit_ends").await;
        write_events(scoped, (1..=rows).map(|n| event(n, "user_a", n, n)).collect()).await;
        fan_out_all(scoped, 3).await;
        let verify = || scoped.verify_audit_log(Duration::from_secs(60));
        assert!(matches!(verify().await.unwrap(), AuditVerdict::Whole { rows: 6, .. }));
        let statements = change.split(';').map(|sql| crate::db::Stmt::new(sql.trim().to_owned(), vec![]));
        store.batch(statements.collect(), far()).await.unwrap();
        match verify().await.unwrap() {
            AuditVerdict::Broken { sequence_number, .. } => assert_eq!(sequence_number, at, "{change}"),
            whole => panic!("{change}: {whole:?}"),
        }
    }
}

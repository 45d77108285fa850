//! Endpoints, and the deliveries that wait for them.

use super::fixtures::*;
use super::support::*;
use crate::{Change, Conflict, DeliveryState, DueDelivery, OutboxEvent, Store, Streak, Write};
use std::time::{Duration, Instant};
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::{DisabledReason, Disabling, ENDPOINTS_MAX};
use verger_wire::{UnixMillis, WebhookEndpointId};

/// The longest claim of a server.
const LEASE_MS_MAX: i64 = 1_000_000_000_000_000;

pub(super) async fn delivery_is_tried_by_one_at_a_time_and_in_order(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
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
    let disable = || disable_endpoint(scoped, &endpoint.id, Disabling::Failing { since: NOW }, &of_endpoint);
    assert!(disable().await);
    assert!(!disable().await);
    assert_eq!(ids(&due(NOW.0 + 9_000).await), [""; 0]);
    assert_eq!(replay(scoped, &endpoint.id, UnixMillis(0), false).await, (2, 0));
    assert_eq!(ids(&due(NOW.0).await), ["evt_0002", "evt_0003"]);
    assert_eq!(replay(scoped, &endpoint.id, UnixMillis(0), true).await, (1, 0));
    assert_eq!(ids(&due(NOW.0).await), ["evt_0001", "evt_0003"]);
    assert!(remove_endpoint(scoped, &endpoint.id, NOW).await);
    assert!(!remove_endpoint(scoped, &endpoint.id, NOW).await);
    assert_eq!(scoped.due_deliveries(&endpoint.id, NOW, 10, far()).await.unwrap().0, None);
}

pub(super) async fn streak_of_failures_ends_with_any_success_and_spans_no_pause(store: &Store) {
    const HOUR: i64 = 3_600_000;
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
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
    let disable = |since| disable_endpoint(scoped, &endpoint.id, Disabling::Failing { since }, &told);
    assert!(!disable(UnixMillis(NOW.0 + 14 * HOUR)).await);
    // Changed by somebody who saw it fail, after it has taken something.
    let before = loaded().await;
    assert_eq!(tried(40, true).await, (None, None));
    let after = WebhookEndpoint { url: "https://example.org/".to_owned(), ..before.clone() };
    assert!(change_endpoint(scoped, &before, Some(&after)).await);
    assert_eq!(loaded().await.failing_since, None);
    // Nor does such a change enable what was disabled meanwhile.
    assert_eq!(tried(41, false).await, (Some(41), Some(41)));
    let before = loaded().await;
    assert!(disable(UnixMillis(NOW.0 + 41 * HOUR)).await);
    let after = WebhookEndpoint { url: "https://example.net/".to_owned(), ..before.clone() };
    assert!(!change_endpoint(scoped, &before, Some(&after)).await);
    let before = loaded().await;
    assert_eq!(before.disabled_reason, Some(DisabledReason::Failing));
    let enabled = WebhookEndpoint { disabled_at: None, disabled_reason: None, ..before.clone() };
    assert!(change_endpoint(scoped, &before, Some(&enabled)).await);
    assert_eq!(loaded().await.failing_since, None);
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
        add_endpoint(scoped, &endpoint(id)).await;
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

pub(super) async fn instance_has_no_more_endpoints_than_it_may_under_races(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let added = |id: String| Change { before: None, after: Some(endpoint(&id)) }.into();
    // In one write as well they are counted one by one.
    let changes = (0..ENDPOINTS_MAX - 5).map(|n| added(format!("whe_first_{n}"))).collect();
    store.instance(&ours).save(&Write { changes, ..Write::at(NOW) }, far()).await.unwrap();
    let made = in_parallel(16, |n| {
        let (ours, changes) = (ours.clone(), vec![added(format!("whe_{n}"))]);
        async move { store.instance(&ours).save(&Write { changes, ..Write::at(NOW) }, far()).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    for refused in refused {
        assert_eq!(conflict(refused), Conflict::LimitReached("webhook endpoints"));
    }
    assert_eq!(made.len(), 5);
    assert_eq!(store.instance(&ours).webhook_endpoints(far()).await.unwrap().len(), ENDPOINTS_MAX);
    // Of another instance there can be as many.
    add_endpoint(store.instance(&theirs), &endpoint("whe_0")).await;
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
    add_endpoint(scoped, &endpoint).await;
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
    assert!(remove_endpoint(scoped, &id, NOW).await);
    assert_eq!(replayed().await, (0, 0));
}

pub(super) async fn removed_endpoint_gets_nothing_and_its_deliveries_go_in_bounded_steps(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let (gone, kept) = (endpoint("whe_1"), endpoint("whe_2"));
    for endpoint in [&gone, &kept] {
        add_endpoint(scoped, endpoint).await;
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
    assert!(remove_endpoint(scoped, &gone.id, NOW).await);
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

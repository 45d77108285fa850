//! Events: their order, their sequence numbers, and how long they stay.

use super::fixtures::*;
use super::support::*;
use crate::retention::CutCursor;
use crate::{AuditVerdict, DeliveryState, DueDelivery, OutboxEvent, Store, Streak};
use std::time::Duration;
use verger_wire::{UnixMillis, WebhookEndpointId};

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
    assert_eq!(with_events(store).await.len(), 2);
    for limit in [1, 2, 3, 500] {
        fan_out_all(scoped, limit).await;
    }
    let feed = scoped.events_after(0, 100, far()).await.unwrap();
    assert_eq!(feed.iter().map(|event| event.sequence_number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let order: Vec<_> = feed.iter().map(|event| event.id.as_str()).filter(|id| *id != "evt_0006").collect();
    assert_eq!(order, ["evt_0001", "evt_0002", "evt_0003", "evt_0005", "evt_0004"]);
    assert_eq!(with_events(store).await, std::slice::from_ref(&theirs));
    assert_eq!(scoped.event_place(&"evt_0001".into(), far()).await.unwrap(), Some(1));
    assert_eq!(scoped.event_place(&"evt_none".into(), far()).await.unwrap(), None);
    assert_eq!(scoped.last_event_place(far()).await.unwrap(), 6);
    assert_eq!(store.instance(&theirs).last_event_place(far()).await.unwrap(), 0);
}

pub(super) async fn each_event_gets_one_place_whoever_reads_at_the_same_time(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    add_endpoint(scoped, &endpoint("whe_1")).await;
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

pub(super) async fn code_neither_waits_for_events_of_its_user_nor_holds_them_up(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoint = endpoint("whe_1");
    add_endpoint(scoped, &endpoint).await;
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

pub(super) async fn sealed_event_is_erased_once_everybody_heard_of_it(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let endpoints = [endpoint("whe_1"), endpoint("whe_2")];
    for endpoint in &endpoints {
        add_endpoint(scoped, endpoint).await;
    }
    let sealed = OutboxEvent { sealed: Some("sealed".to_owned()), ..event(1, "user_a", 1, 1) };
    let old = OutboxEvent { sealed: Some("old".to_owned()), ..event(2, "user_b", 1, 2) };
    write_events(scoped, vec![sealed, old]).await;
    fan_out_all(scoped, 10).await;
    let mut seen = Vec::new();
    for endpoint in &endpoints {
        let due = scoped.due_deliveries(&endpoint.id, NOW, 1, far()).await.unwrap().1.remove(0);
        seen.push(due.sealed().map(str::to_owned));
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
    let sealed: Vec<_> = due.iter().map(|due| due.sealed()).collect();
    assert_eq!(sealed, [None, Some("old")]);
    store.erase_sealed_events(UnixMillis(2), far()).await.unwrap();
    assert_eq!(scoped.due_deliveries(&all, NOW, 10, far()).await.unwrap().1[1].sealed(), Some("old"));
    store.erase_sealed_events(UnixMillis(3), far()).await.unwrap();
    assert_eq!(scoped.due_deliveries(&all, NOW, 10, far()).await.unwrap().1[1].sealed(), None);
}

pub(super) async fn sweeps_remove_what_is_old_and_nobody_waits_for(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    write_events(scoped, vec![event(1, "user_a", 1, 1), event(2, "user_a", 2, 50)]).await;
    fan_out_all(scoped, 10).await;
    add_endpoint(scoped, &endpoint("whe_1")).await;
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
    assert_eq!(with_events(store).await, std::slice::from_ref(&ours));
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

//! What is told of changes: the feed, the trail, webhooks and replays, together with what is told of events of before there
//! were changes.

use super::another_handle;
use super::fixtures::*;
use super::support::*;
use crate::changes::number_in;
use crate::{
    AuditFilter, DeliveryState, DueEvent, FannedOut, FeedItem, NewChange, OutboxEvent, Scoped, Store, Streak,
    TrailEntry,
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use verger_wire::{EventId, Ksuid, UnixMillis, UserId, WebhookEndpointId};

/// One entry, of whichever generation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    number: i64,
    id: EventId,
    kind: String,
    user: String,
    at: i64,
    previous_hash: String,
    hash: String,
}

fn seen(entry: TrailEntry) -> Seen {
    match entry {
        TrailEntry::Kept(entry) => Seen {
            number: entry.sequence_number,
            id: entry.event_id,
            kind: entry.kind,
            user: entry.user_id.to_string(),
            at: entry.created_at.0,
            previous_hash: entry.previous_hash,
            hash: entry.hash,
        },
        TrailEntry::Change { change, event, previous_hash, hash } => Seen {
            number: event.sequence_number,
            id: event.id,
            kind: event.kind,
            user: change.user_id.to_string(),
            at: change.created_at.0,
            previous_hash,
            hash,
        },
    }
}

/// Numbers, ids and types of what the feed tells, read in pages.
async fn feed(scoped: Scoped<'_>, limit: i64) -> Vec<(i64, EventId, String)> {
    let (mut told, mut after) = (Vec::new(), 0);
    loop {
        let items = scoped.feed_after(after, limit, far()).await.unwrap();
        let is_end = items.len() < usize::try_from(limit).unwrap();
        for item in items {
            assert!(item.sequence_number() > after, "{item:?}");
            after = item.sequence_number();
            match item {
                FeedItem::Event(event) => told.push((event.sequence_number, event.id, event.kind)),
                FeedItem::Change(change) => told.extend(
                    change.events.into_iter().map(|event| (event.sequence_number, event.id, event.kind)),
                ),
            }
        }
        if is_end {
            return told;
        }
    }
}

async fn whole_trail(scoped: Scoped<'_>) -> Vec<Seen> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let entries = scoped.trail_after(after, far()).await.unwrap();
        let Some(last) = entries.last() else { return all };
        after = last.sequence_number();
        all.extend(entries.into_iter().map(seen));
    }
}

/// The trail from new to old, in pages.
async fn pages(scoped: Scoped<'_>, filter: &AuditFilter, limit: i64) -> Vec<Seen> {
    let (mut all, mut filter) = (Vec::new(), filter.clone());
    loop {
        let page = scoped.trail(&filter, limit, far()).await.unwrap();
        let is_end = page.len() < usize::try_from(limit).unwrap();
        filter.before = page.last().map(TrailEntry::sequence_number).or(filter.before);
        all.extend(page.into_iter().map(seen));
        if is_end {
            return all;
        }
    }
}

/// Events of before, rows of the trail between them, and changes with one to four events each.
async fn history(scoped: Scoped<'_>, rng: &mut StdRng) {
    const KINDS: [&str; 5] = [
        "user.updated",
        "phone_number.updated:idn_1",
        "phone_number.verified:idn_1",
        "sms.refused:idn_1",
        "userXupdated",
    ];
    let events = (1..=13).map(|n| event(n, &format!("user_{}", n % 3), n, n * 10)).collect();
    write_events(scoped, events).await;
    fan_out_all(scoped, 5).await;
    for n in 14..60 {
        let first = rng.random_range(0..KINDS.len());
        let last = rng.random_range(first..KINDS.len());
        let change = change(&format!("user_{}", n % 3), n, n * 10, &KINDS[first..=last]);
        scoped.write_change(&change, far()).await.unwrap();
        number_all(scoped, 3).await;
        // An event of an old server that is still running.
        if n % 20 == 0 {
            write_events(scoped, vec![event(n, "user_old", n, n * 10)]).await;
            fan_out_all(scoped, 5).await;
        }
    }
}

pub(super) async fn feed_and_trail_tell_of_both_generations_in_one_order(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let rng = &mut StdRng::seed_from_u64(fresh_seed());
    history(scoped, rng).await;
    store.instance(&theirs).write_change(&change("user_1", 1, 1, &["user.created"]), far()).await.unwrap();
    number_all(store.instance(&theirs), 3).await;
    let trail = whole_trail(scoped).await;
    let numbers: Vec<_> = trail.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=scoped.last_event_place(far()).await.unwrap()).collect::<Vec<_>>());
    for (before, entry) in trail.iter().zip(&trail[1..]) {
        assert_eq!(entry.previous_hash, before.hash, "{entry:?}");
    }
    assert_eq!(trail[0].previous_hash, "");
    assert_eq!(whole_trail(scoped).await, trail, "ids are the same whenever they are read");
    let told: Vec<_> = trail
        .iter()
        .filter(|entry| verger_core::event::is_told(&entry.kind))
        .map(|entry| (entry.number, entry.id.clone(), entry.kind.clone()))
        .collect();
    assert!(told.len() < trail.len());
    for limit in [1, 2, 7, 500] {
        assert_eq!(feed(scoped, limit).await, told, "{limit}");
    }
    for (number, id, _) in &told {
        assert_eq!(scoped.event_place(id, far()).await.unwrap(), Some(*number), "{id}");
        assert_eq!(store.instance(&theirs).event_place(id, far()).await.unwrap(), None);
    }
    for entry in trail.iter().filter(|entry| !verger_core::event::is_told(&entry.kind)) {
        assert_eq!(scoped.event_place(&entry.id, far()).await.unwrap(), None, "the feed does not tell of it");
    }
    assert_eq!(whole_trail(store.instance(&theirs)).await.len(), 1);
    // What was let go is not told any more, and its ids lead nowhere.
    let items = scoped.feed_after(0, 500, far()).await.unwrap();
    let floors = items.iter().filter_map(|item| match item {
        FeedItem::Change(change) => Some(change.first_number()),
        FeedItem::Event(_) => None,
    });
    let floor = floors.clone().nth(floors.count() / 2).unwrap();
    execute(store, &format!("INSERT INTO event_cursors VALUES ('{ours}', {floor}, 0)")).await;
    let kept: Vec<_> =
        feed(scoped, 500).await.into_iter().filter(|(_, id, _)| number_in(id).is_some()).collect();
    assert!(!kept.is_empty() && kept.iter().all(|(number, ..)| *number >= floor));
    for (number, id, _) in told.iter().filter(|(_, id, _)| number_in(id).is_some()) {
        let place = scoped.event_place(id, far()).await.unwrap();
        assert_eq!(place, Some(*number).filter(|number| *number >= floor));
    }
}

/// Callers choose the number in an event's id and in the page of the trail that they ask for.
pub(super) async fn number_beyond_every_place_is_behind_everything(store: &Store) {
    let (ours, theirs) = ready(store).await;
    for id in [&ours, &theirs] {
        tell(store.instance(id), change("user_a", 1, 1, &["user.updated", "phone_number.updated:idn_1"]))
            .await;
    }
    for id in [&ours, &theirs] {
        let scoped = store.instance(id);
        for number in [3, 1 << 40, 1 << 41, i64::MAX] {
            let mut payload = [7; 16];
            payload[..8].copy_from_slice(&i64::to_be_bytes(number));
            let event = EventId::from_ksuid(Ksuid::with_payload(UnixMillis(1), payload));
            assert_eq!(scoped.event_place(&event, far()).await.unwrap(), None, "{number}");
            let filter = AuditFilter { before: Some(number), ..AuditFilter::default() };
            assert_eq!(scoped.trail(&filter, 10, far()).await.unwrap().len(), 2, "{number}");
            let endpoint = "whe_1".into();
            let replay = scoped.begin_replay(&endpoint, UnixMillis(0), true, Some(number), far()).await;
            let mut replay = replay.unwrap();
            assert!(!scoped.continue_replay(&mut replay, NOW, far()).await.unwrap(), "{number}");
            assert_eq!(replay.queued, 0);
        }
    }
}

pub(super) async fn trail_is_filtered_as_if_every_event_were_a_row(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let rng = &mut StdRng::seed_from_u64(fresh_seed());
    history(scoped, rng).await;
    let mut trail = whole_trail(scoped).await;
    trail.reverse();
    for round in 0..60 {
        let kinds =
            ["user.updated", "phone_number.verified", "sms.refused", "userXupdated", "user", "none.such"];
        let filter = AuditFilter {
            user_id: rng.random_bool(0.4).then(|| UserId::from(["user_1", "user_old", "user_x"][round % 3])),
            kind: rng.random_bool(0.4).then(|| kinds[round % kinds.len()].to_owned()),
            since: rng.random_bool(0.3).then(|| UnixMillis(rng.random_range(0..600))),
            until: rng.random_bool(0.3).then(|| UnixMillis(rng.random_range(0..600))),
            before: rng.random_bool(0.5).then(|| rng.random_range(-1..150)),
        };
        let expected: Vec<_> = trail
            .iter()
            .filter(|entry| filter.user_id.as_ref().is_none_or(|user| entry.user == user.as_str()))
            .filter(|entry| filter.kind.as_ref().is_none_or(|kind| entry.kind == *kind))
            .filter(|entry| filter.since.is_none_or(|since| entry.at >= since.0))
            .filter(|entry| filter.until.is_none_or(|until| entry.at < until.0))
            .filter(|entry| filter.before.is_none_or(|before| entry.number < before))
            .cloned()
            .collect();
        for limit in [1, 4, 500] {
            assert_eq!(pages(scoped, &filter, limit).await, expected, "{filter:?} {limit}");
        }
    }
}

/// Fans out until nothing is left, and gives how many deliveries were queued.
async fn fan_out_changes(scoped: Scoped<'_>, limit: i64) -> usize {
    let mut queued = 0;
    loop {
        match scoped.fan_out_changes(limit, NOW, far()).await.unwrap() {
            FannedOut::Nothing => return queued,
            FannedOut::Some { deliveries, .. } => queued += deliveries,
            FannedOut::Overtaken => {}
        }
    }
}

async fn tell(scoped: Scoped<'_>, change: NewChange) {
    scoped.write_change(&change, far()).await.unwrap();
    number_all(scoped, 100).await;
}

/// What is due for an endpoint, as user and number; everything of it is delivered.
async fn deliver_all(scoped: Scoped<'_>, id: &str) -> Vec<(String, i64)> {
    let mut delivered = Vec::new();
    loop {
        let (endpoint, due) = scoped.due_deliveries(&id.into(), NOW, 64, far()).await.unwrap();
        if due.is_empty() {
            return delivered;
        }
        for due in due {
            let DueEvent::Change(change) = &due.event else { panic!("{due:?}") };
            let [event] = change.events.as_slice() else { panic!("{change:?}") };
            assert_eq!((&event.id, &event.kind), (&due.delivery.event_id, &due.delivery.kind));
            assert_eq!(event.sequence_number, due.delivery.sequence_number);
            assert_eq!(change.user_id, due.delivery.user_id);
            assert!(scoped.claim_delivery(&id.into(), &due.delivery, NOW, NOW, far()).await.unwrap());
            let done = outcome(DeliveryState::Delivered, due.delivery.tries + 1, NOW.0, Streak::Ends);
            let endpoint = endpoint.as_ref().unwrap();
            assert!(scoped.finish_delivery(endpoint, &due, &done, far()).await.unwrap());
            delivered.push((change.user_id.to_string(), event.sequence_number));
        }
    }
}

pub(super) async fn endpoint_is_told_of_what_comes_after_it_was_added_or_enabled(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let all = ["user.updated", "sms.refused:idn_1", "phone_number.updated:idn_1", "user.x"];
    tell(scoped, change("user_a", 1, 1, &all)).await;
    tell(store.instance(&theirs), change("user_a", 1, 1, &all)).await;
    // Nobody listens, so nothing is to do.
    assert!(store.instances_to_fan_out(far()).await.unwrap().is_empty());
    let first = endpoint("whe_1");
    add_endpoint(scoped, &first).await;
    assert!(store.instances_to_fan_out(far()).await.unwrap().is_empty());
    tell(scoped, change("user_a", 2, 2, &all)).await;
    assert_eq!(store.instances_to_fan_out(far()).await.unwrap(), std::slice::from_ref(&ours));
    // It wants `user.*` alone, and a type that is not known is told to nobody.
    assert_eq!(fan_out_changes(scoped, 1).await, 1);
    assert!(store.instances_to_fan_out(far()).await.unwrap().is_empty());
    assert_eq!(deliver_all(scoped, "whe_1").await, [("user_a".to_owned(), 5)]);
    // A second endpoint does not move the cursor away from what the first one has not heard of yet.
    tell(scoped, change("user_a", 3, 3, &all)).await;
    add_endpoint(scoped, &endpoint("whe_2")).await;
    assert_eq!(fan_out_changes(scoped, 1).await, 2);
    assert_eq!(deliver_all(scoped, "whe_1").await, [("user_a".to_owned(), 9)]);
    assert_eq!(deliver_all(scoped, "whe_2").await, [("user_a".to_owned(), 9)]);
    assert!(remove_endpoint(scoped, &"whe_2".into(), NOW).await);
    let disabled = crate::Change::update(
        first.clone(),
        verger_core::WebhookEndpoint {
            disabled_at: Some(NOW),
            disabled_reason: Some(verger_core::webhook_endpoint::DisabledReason::Failing),
            ..first.clone()
        },
    );
    let (before, after) = (disabled.after.clone().unwrap(), first.clone());
    assert!(change_endpoint(scoped, &first, disabled.after.as_ref()).await);
    tell(scoped, change("user_a", 4, 4, &all)).await;
    assert!(store.instances_to_fan_out(far()).await.unwrap().is_empty());
    assert!(change_endpoint(scoped, &before, Some(&after)).await);
    assert_eq!(fan_out_changes(scoped, 1).await, 0);
    tell(scoped, change("user_a", 5, 5, &all)).await;
    assert_eq!(fan_out_changes(scoped, 10).await, 1);
    assert_eq!(deliver_all(scoped, "whe_1").await, [("user_a".to_owned(), 17)]);
    // What was never on its way can be asked for, once.
    let id = WebhookEndpointId::from("whe_1");
    assert_eq!(replay(scoped, &id, UnixMillis(4), false).await, (1, 0));
    assert_eq!(replay(scoped, &id, UnixMillis(4), false).await, (0, 0));
    assert_eq!(deliver_all(scoped, "whe_1").await, [("user_a".to_owned(), 13)]);
    assert_eq!(replay(scoped, &id, UnixMillis(0), true).await, (5, 0));
    assert_eq!(deliver_all(scoped, "whe_1").await.len(), 5);
}

/// Endpoints of a store that comes from the version before have no cursor, and hear of every change.
pub(super) async fn servers_that_fan_out_at_once_queue_each_delivery_once_and_in_order(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    write_events(scoped, (1..=3).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 10).await;
    for n in 1..=60 {
        scoped
            .write_change(&change(&format!("user_{}", n % 5), n, n, &["user.updated", "user.x"]), far())
            .await
            .unwrap();
    }
    number_all(scoped, 7).await;
    for id in ["whe_1", "whe_2"] {
        add_endpoint(scoped, &endpoint(id)).await;
    }
    execute(store, "DELETE FROM event_cursors").await;
    let others = [another_handle(store).unwrap(), another_handle(store).unwrap()];
    let stores = [store, &others[0], &others[1]];
    let ours = &ours;
    let queued = in_parallel(3, |at| async move { fan_out_changes(stores[at].instance(ours), 4).await });
    assert_eq!(queued.iter().sum::<usize>(), 120);
    for id in ["whe_1", "whe_2"] {
        let mut of_user: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (user, number) in deliver_all(scoped, id).await {
            of_user.entry(user).or_default().push(number);
        }
        assert_eq!(of_user.values().map(Vec::len).sum::<usize>(), 60);
        assert!(of_user.values().all(|numbers| numbers.is_sorted()), "{of_user:?}");
    }
    assert!(store.instances_to_fan_out(far()).await.unwrap().is_empty());
}

pub(super) async fn sealed_change_is_erased_once_everybody_heard_of_it(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let all = verger_core::WebhookEndpoint { events: vec!["*".to_owned()], ..endpoint("whe_1") };
    add_endpoint(scoped, &all).await;
    let other = verger_core::WebhookEndpoint { id: "whe_2".into(), ..all.clone() };
    add_endpoint(scoped, &other).await;
    let sealed = |user: &str, at: i64, text: &str| NewChange {
        kind: "message",
        sealed: Some(text.to_owned()),
        ..change(user, 1, at, &["sms.created:sms_1"])
    };
    let now = NOW.0;
    tell(scoped, sealed("user_a", now, "secret")).await;
    tell(scoped, sealed("user_b", now + 1, "old")).await;
    assert_eq!(fan_out_changes(scoped, 10).await, 4);
    let due = scoped.due_deliveries(&all.id, NOW, 10, far()).await.unwrap().1;
    assert_eq!(due[0].sealed(), Some("secret"));
    assert!(due.iter().all(|due| due.delivery.give_up_at.is_some()));
    let sealed_texts = async || {
        let rows = select(store, "SELECT sealed FROM changes ORDER BY place").await;
        rows.iter().map(|row| text(&row[0]).to_owned()).collect::<Vec<_>>()
    };
    for endpoint in [&all, &other] {
        let due = scoped.due_deliveries(&endpoint.id, NOW, 1, far()).await.unwrap().1.remove(0);
        assert_eq!(sealed_texts().await, ["secret", "old"]);
        assert!(scoped.claim_delivery(&endpoint.id, &due.delivery, NOW, NOW, far()).await.unwrap());
        let done = outcome(DeliveryState::Delivered, 1, NOW.0, Streak::Ends);
        assert!(scoped.finish_delivery(endpoint, &due, &done, far()).await.unwrap());
    }
    assert_eq!(sealed_texts().await, ["", "old"]);
    // What was erased cannot be told again.
    assert_eq!(replay(scoped, &all.id, UnixMillis(0), true).await, (0, 1));
    store.erase_sealed_events(UnixMillis(now + 1), far()).await.unwrap();
    assert_eq!(sealed_texts().await, ["", "old"]);
    store.erase_sealed_events(UnixMillis(now + 2), far()).await.unwrap();
    assert_eq!(sealed_texts().await, ["", ""]);
    assert_eq!(scoped.due_deliveries(&all.id, NOW, 10, far()).await.unwrap().1[0].sealed(), None);
}

/// A delivery whose change is gone, or whose number is that of another, holds up nobody and tells nobody.
pub(super) async fn delivery_without_its_change_is_not_tried_and_goes(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    add_endpoint(scoped, &endpoint("whe_1")).await;
    for n in 1..=3 {
        tell(scoped, change(&format!("user_{n}"), 1, n, &["user.x", "user.updated"])).await;
    }
    // Places of another instance come behind these.
    tell(store.instance(&theirs), change("user_a", 1, 1, &["user.updated"; 9])).await;
    assert_eq!(fan_out_changes(scoped, 10).await, 3);
    execute(store, "DELETE FROM changes WHERE user_id = 'user_1' OR user_id = 'user_3'").await;
    execute(store, "UPDATE webhook_deliveries SET sequence_number = 3 WHERE user_id = 'user_1'").await;
    let due = scoped.due_deliveries(&"whe_1".into(), NOW, 10, far()).await.unwrap().1;
    let users: Vec<_> = due.iter().map(|due| due.delivery.user_id.as_str()).collect();
    assert_eq!(users, ["user_2"]);
    let mut after = (0, 0);
    while scoped.sweep_orphans("whe_1", &mut after, far()).await.unwrap() {}
    let left = select(store, "SELECT user_id FROM webhook_deliveries ORDER BY user_id").await;
    let left: Vec<_> = left.iter().map(|row| text(&row[0])).collect();
    assert_eq!(left, ["user_1", "user_2"], "what has a change with its number is left for whoever sends it");
}

/// Events of old servers and changes in one replay.
pub(super) async fn replay_goes_over_both_generations_in_bounded_steps(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let events: Vec<OutboxEvent> = (1..=520).map(|n| event(n, "user_a", n, n)).collect();
    write_events(scoped, events).await;
    fan_out_all(scoped, 1_000).await;
    let told =
        (521..=1_300).map(|n| change("user_b", n, n, &["user.updated", "sms.refused:idn_1"])).collect();
    scoped.save(&telling(told), far()).await.unwrap();
    number_all(scoped, 1_000).await;
    add_endpoint(scoped, &endpoint("whe_1")).await;
    let id = WebhookEndpointId::from("whe_1");
    // Moments are taken with an hour's grain, so everything is looked at; only what is late enough is queued.
    assert_eq!(replay(scoped, &id, UnixMillis(511), false).await, (10 + 780, 0));
    let numbers =
        select(store, "SELECT sequence_number FROM webhook_deliveries ORDER BY sequence_number").await;
    let numbers: Vec<_> = numbers.iter().map(|row| int(&row[0])).collect();
    let expected: Vec<_> = (511..=520).chain((0..780).map(|n| 521 + 2 * n)).collect();
    assert_eq!(numbers, expected);
}

/// Rows by the thousand, without statistics: PostgreSQL plans with what it guesses.
pub(super) async fn looks_at_changes_take_no_longer_for_what_was_told_before(store: &Store) {
    const ROWS: i64 = 100_000;
    // On a busy machine a look takes milliseconds; one that walks through everything takes longer than that.
    const ALLOWED: Duration = Duration::from_millis(500);
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    for instance in [&ours, &theirs] {
        tell(store.instance(instance), change("user_1", 1, 1, &["user.updated"])).await;
    }
    add_endpoint(scoped, &endpoint("whe_1")).await;
    let hash = "A".repeat(43);
    for base in [0, crate::changes::PLACES_OF_INSTANCE] {
        execute(
            store,
            &format!(
                "INSERT INTO changes SELECT {base} + 2 * i + 1, 2, 'user', 'user.updated phone_number.updated:idn_' || CAST(i AS TEXT),
                    'user_' || CAST(i % 5000 AS TEXT), i, i, '{{}}', '{{}}', 's', 'd', NULL, 'key_new', '{hash}'
                 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT i FROM n) rows"
            ),
        )
        .await;
    }
    let last = 2 * ROWS + 1;
    execute(store, &format!("UPDATE audit_ends SET last_number = {last}")).await;
    execute(
        store,
        &format!("UPDATE event_cursors SET fanned_out = {} WHERE instance_id = '{ours}'", last - 40),
    )
    .await;
    let id = WebhookEndpointId::from("whe_1");
    let mut started = Instant::now();
    let mut looked = |what: &str| {
        let took = started.elapsed();
        assert!(took < ALLOWED, "{what} took {took:?}");
        started = Instant::now();
    };
    for after in [0, ROWS, last - 10] {
        assert!(!scoped.feed_after(after, 20, far()).await.unwrap().is_empty());
        looked("a page of the feed");
        assert!(!scoped.trail_after(after, far()).await.unwrap().is_empty());
        looked("five hundred rows of the trail");
        let before = AuditFilter { before: Some(after + 9), ..AuditFilter::default() };
        assert!(!scoped.trail(&before, 20, far()).await.unwrap().is_empty());
        looked("a page of the trail");
        let user = AuditFilter {
            user_id: Some("user_7".into()),
            before: Some(after + 99),
            ..AuditFilter::default()
        };
        scoped.trail(&user, 20, far()).await.unwrap();
        looked("a page of a user");
        let change = scoped.told_change(after + 2, far()).await.unwrap().unwrap();
        scoped.event_place(&change.events[0].id, far()).await.unwrap().unwrap();
        looked("the place of an event");
    }
    assert_eq!(scoped.trail(&AuditFilter::default(), 20, far()).await.unwrap().len(), 20);
    looked("the newest of the trail");
    assert_eq!(store.instances_to_fan_out(far()).await.unwrap().len(), 1);
    assert_eq!(fan_out_changes(scoped, 200).await, 20);
    looked("a fan-out");
    assert_eq!(scoped.due_deliveries(&id, NOW, 64, far()).await.unwrap().1.len(), 20);
    looked("what is due");
    let mut after = (0, 0);
    assert!(!scoped.sweep_orphans("whe_1", &mut after, far()).await.unwrap());
    looked("a look for orphans");
    let mut replay =
        scoped.begin_replay(&id, UnixMillis(3_600_000 + ROWS / 2), false, None, far()).await.unwrap();
    looked("the beginning of a replay");
    scoped.continue_replay(&mut replay, NOW, far()).await.unwrap();
    looked("a step of a replay");
    store.erase_sealed_events(NOW, far()).await.unwrap();
    looked("a look for what is sealed");
    for n in 0..10 {
        scoped.write_change(&change(&format!("user_{n}"), n, NOW.0, &["user.updated"]), far()).await.unwrap();
    }
    number_all(scoped, 1_000).await;
    looked("ten changes");
}

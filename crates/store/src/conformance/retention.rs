//! A sweep goes on until nothing is left, of everybody in turn, and takes from nobody what is still of use.

use super::another_handle;
use super::fixtures::{endpoint, event, fan_out_all, write_events};
use super::support::*;
use crate::{Kept, NewAuditEntry, RETENTION_LEASE_MS, Retained, Store, Sweep};
use std::time::{Duration, Instant};
use verger_wire::UnixMillis;

const MINUTE: i64 = 60_000;
const NUMBERS: &str =
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $) SELECT i FROM n)";

/// A text of SQL with the numbers from 1 to `count`.
fn numbers(count: i64) -> String {
    format!("{} numbers", NUMBERS.replace('$', &count.to_string()))
}

/// Events with places from `first` on, all of one moment, delivered to nobody.
async fn told_events(store: &Store, instance: &str, first: i64, count: i64, at: i64) {
    for sql in [
        format!(
            "INSERT INTO outbox (instance_id, id, kind, user_id, user_version, created_at, payload, sequence_number)
             SELECT '{instance}', 'evt_' || CAST(i + {first} AS TEXT), 'user.updated', 'user_1', 1, {at}, '', i + {first}
             FROM {}",
            numbers(count)
        ),
        format!(
            "INSERT INTO outbox_payloads (instance_id, event_id, payload)
             SELECT '{instance}', 'evt_' || CAST(i + {first} AS TEXT), '{{}}' FROM {}",
            numbers(count)
        ),
    ] {
        execute(store, &sql).await;
    }
}

async fn count(store: &Store, from: &str) -> i64 {
    int(&select(store, &format!("SELECT COUNT(*) FROM {from}")).await[0][0])
}

/// Everything is kept for ten minutes.
fn kept(now: i64) -> Kept {
    let before = UnixMillis(now - 10 * MINUTE);
    Kept {
        now: UnixMillis(now),
        answers: before,
        codes: before,
        sealed: before,
        events: before,
        audit: Some(before),
    }
}

/// Sweeps until nothing is left; gives the number of steps.
async fn sweep(store: &Store, kept: &Kept) -> usize {
    let mut sweep = store.begin_sweep(kept, true, far()).await.unwrap();
    let mut steps = 0;
    while !sweep.is_done() {
        store.continue_sweep(&mut sweep, kept, far()).await.unwrap();
        steps += 1;
        assert!(steps < 10_000, "it has no end");
    }
    steps
}

/// Ten minutes with 84 events a second, and again: what was removed before was 83 a second at most. How many steps a sweep
/// takes is decided outside of the database, so the other engines get a quarter of them.
#[expect(clippy::print_stdout, reason = "what it measured, with --nocapture")]
pub(super) async fn sustained_writes_reach_a_steady_size(store: &Store) {
    ready(store).await;
    let events = i64::try_from(share(store, 50_500)).unwrap();
    let mut sizes = Vec::new();
    for round in 0..2 {
        let now = NOW.0 + round * 10 * MINUTE;
        told_events(store, "ins_ours", round * events, events, now - 1).await;
        let started = Instant::now();
        let steps = sweep(store, &kept(now)).await;
        println!("{}: round {round}: {steps} steps in {:?}", store.location(), started.elapsed());
        sizes.push((count(store, "outbox").await, count(store, "outbox_payloads").await));
    }
    assert_eq!(sizes, [(events, events); 2]);
}

pub(super) async fn every_instance_and_kind_has_its_turn(store: &Store) {
    ready(store).await;
    told_events(store, "ins_ours", 0, 6_000, 1).await;
    told_events(store, "ins_theirs", 0, 600, 1).await;
    execute(
        store,
        &format!(
            "INSERT INTO idempotency_keys (instance_id, idempotency_key, fingerprint, response, created_at)
             SELECT 'ins_theirs', CAST(i AS TEXT), '', '', 1 FROM {}",
            numbers(700)
        ),
    )
    .await;
    let kept = kept(NOW.0);
    let mut under_way = store.begin_sweep(&kept, false, far()).await.unwrap();
    while count(store, "outbox WHERE instance_id = 'ins_theirs'").await > 0 {
        store.continue_sweep(&mut under_way, &kept, far()).await.unwrap();
    }
    // Two steps of the one are two of the other, not twelve.
    assert!(count(store, "outbox").await >= 4_500);
    assert_eq!(count(store, "idempotency_keys").await, 0);
    while !under_way.is_done() {
        store.continue_sweep(&mut under_way, &kept, far()).await.unwrap();
    }
    assert_eq!(count(store, "outbox").await, 0);
}

/// More of it than a step looks at stands in front of what goes.
pub(super) async fn what_is_still_of_use_stops_no_sweep(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    add_endpoint(scoped, &endpoint("whe_1")).await;
    told_events(store, "ins_ours", 0, 1_500, 1).await;
    // The first 1,200 wait for their endpoint; two of the others were delivered, after a failure.
    for (from, state) in [("i <= 1200", "queued"), ("i > 1498", "delivered")] {
        execute(
            store,
            &format!(
                "INSERT INTO webhook_deliveries SELECT 'ins_ours', 'whe_1', 'evt_' || CAST(i AS TEXT), 'k', 'u', i,
                    '{state}', 1, 0, 1, NULL, 1, 1 FROM {} WHERE {from}",
                numbers(1_500)
            ),
        )
        .await;
    }
    execute(
        store,
        "INSERT INTO webhook_attempts SELECT instance_id, endpoint_id, event_id, 1, 500, 'no', 1, '', 1
         FROM webhook_deliveries WHERE state = 'delivered'",
    )
    .await;
    // The newest code of each of 1,200 numbers is kept for ever; the former ones behind them are not.
    execute(
        store,
        &format!(
            "INSERT INTO verifications SELECT 'ins_ours', 'ver_' || CAST(i AS TEXT), 'idn_' || CAST(i % 1200 AS TEXT), 'k',
                'd', 0, NULL, i / 7, i FROM {}",
            numbers(1_900)
        ),
    )
    .await;
    execute(
        store,
        "INSERT INTO identifications (instance_id, id, user_id, kind, identifier, typed, standing, second_factor,
            created_at, updated_at, verification_id)
         SELECT instance_id, identification_id, 'u', 'phone_number', id, '', 'unverified', 'no', 1, 1, id
         FROM verifications WHERE created_at < 1200 / 7",
    )
    .await;
    let newest = count(store, "identifications").await;
    // So do messages that wait.
    execute(
        store,
        &format!(
            "INSERT INTO messages SELECT 'ins_ours', 'sms_' || CAST(i AS TEXT), 'sms', 'u', 'idn', 'ver', 'r', NULL,
                CASE WHEN i <= 1200 THEN 'queued' ELSE 'accepted' END, 1, 1, 1, NULL, NULL, NULL, 1, i / 7 FROM {}",
            numbers(1_900)
        ),
    )
    .await;
    sweep(store, &kept(NOW.0)).await;
    assert_eq!(count(store, "outbox").await, 1_200);
    assert_eq!(count(store, "outbox_payloads").await, 1_200);
    assert_eq!(count(store, "webhook_deliveries").await, 1_200);
    assert_eq!(count(store, "webhook_attempts").await, 0);
    assert!(newest > 1_000);
    assert_eq!(count(store, "verifications").await, newest);
    assert_eq!(count(store, "messages").await, 1_200);
}

/// A clock was an hour ahead for a moment, in which one event was written.
pub(super) async fn event_from_the_future_keeps_nothing_behind_it(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let events = vec![
        event(1, "user_a", 1, NOW.0 + 365 * 24 * 60 * MINUTE),
        event(2, "user_b", 1, 1),
        event(3, "user_c", 1, NOW.0),
    ];
    for event in events {
        write_events(scoped, vec![event]).await;
        fan_out_all(scoped, 10).await;
    }
    sweep(store, &kept(NOW.0)).await;
    let left = scoped.events_after(0, 10, far()).await.unwrap();
    assert_eq!(left.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_0003"]);
    let left = scoped.audit_log_after(0, far()).await.unwrap();
    assert_eq!(left.iter().map(|entry| entry.event_id.as_str()).collect::<Vec<_>>(), ["evt_0003"]);
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, crate::AuditVerdict::Whole { rows: 1, .. }), "{verdict:?}");
}

/// A clock was a year ahead for longer than a step looks, twice.
pub(super) async fn many_rows_from_the_future_keep_nothing_behind_them(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let ahead = NOW.0 + 365 * 24 * 60 * MINUTE;
    for (numbers, at) in [
        (1..=1_200, ahead),
        (1_201..=1_400, 1),
        (1_401..=2_600, ahead),
        (2_601..=3_100, 1),
        (3_101..=3_900, ahead),
        (3_901..=3_901, NOW.0),
    ] {
        write_events(scoped, numbers.map(|n| event(n, "user_a", n, at)).collect()).await;
        fan_out_all(scoped, 500).await;
    }
    sweep(store, &kept(NOW.0)).await;
    // What is written after the last ones is not old yet.
    let left = async |table: &str| {
        let sql = format!("SELECT COUNT(*), MIN(sequence_number) FROM {table}");
        let row = select(store, &sql).await.remove(0);
        (int(&row[0]), int(&row[1]))
    };
    assert_eq!(left("outbox").await, (801, 3_101));
    assert_eq!(left("audit_log").await, (801, 3_101));
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, crate::AuditVerdict::Whole { rows: 801, .. }), "{verdict:?}");
    sweep(store, &kept(NOW.0 + 20 * MINUTE)).await;
    assert_eq!((count(store, "outbox").await, count(store, "audit_log").await), (0, 0));
}

pub(super) async fn sealed_texts_are_erased_in_bounded_steps(store: &Store) {
    let (ours, theirs) = ready(store).await;
    told_events(store, ours.as_str(), 0, 800, 5).await;
    told_events(store, theirs.as_str(), 0, 800, 5).await;
    execute(store, "UPDATE outbox SET sealed = 'x'").await;
    let left = async || count(store, "outbox WHERE sealed <> ''").await;
    for (is_more, expected) in [(true, 1_100), (true, 600), (true, 100), (false, 0)] {
        assert_eq!(store.erase_sealed_events(UnixMillis(6), far()).await.unwrap(), is_more);
        assert_eq!(left().await, expected);
    }
    // It tells what had a code from what never did.
    assert_eq!(count(store, "outbox WHERE sealed IS NULL").await, 0);
}

pub(super) async fn one_of_many_servers_sweeps_at_a_time(store: &Store) {
    ready(store).await;
    let other = another_handle(store).unwrap();
    for minute in 0..3 {
        let now = NOW.plus_ms(minute * RETENTION_LEASE_MS);
        let claims = futures_util::future::join_all(
            (0..8).map(|at| [store, &other][at % 2].claim_retention(now.plus_ms(7), far())),
        )
        .await;
        assert_eq!(claims.into_iter().filter(|claim| *claim.as_ref().unwrap()).count(), 1);
    }
    // A clock that was wrong for a day holds nobody up, before or behind.
    let day = 24 * 60 * MINUTE;
    assert!(store.claim_retention(NOW.plus_ms(day), far()).await.unwrap());
    assert!(store.claim_retention(NOW.plus_ms(10 * MINUTE), far()).await.unwrap());
    assert!(store.claim_retention(NOW.plus_ms(day), far()).await.unwrap());
    assert_eq!(count(store, "send_counters").await, 1);
}

pub(super) async fn two_sweeps_at_once_do_no_harm(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    write_events(scoped, (1..=1_300).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 500).await;
    write_events(scoped, vec![event(2_000, "user_a", 2_000, NOW.0)]).await;
    fan_out_all(scoped, 500).await;
    let other = another_handle(store).unwrap();
    let kept = kept(NOW.0);
    futures_util::future::join(sweep(store, &kept), sweep(&other, &kept)).await;
    // Whoever was overtaken at the trail left it to the other, or to the next sweep.
    sweep(store, &kept).await;
    assert_eq!((count(store, "outbox").await, count(store, "audit_log").await), (1, 1));
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, crate::AuditVerdict::Whole { rows: 1, .. }), "{verdict:?}");
}

/// What is damaged in one instance is its own affair.
pub(super) async fn failed_step_leaves_the_others(store: &Store) {
    let (ours, theirs) = ready(store).await;
    for instance in [&ours, &theirs] {
        let note = NewAuditEntry {
            event_id: "evt_note".into(),
            kind: "sms.refused".to_owned(),
            user_id: "user_1".into(),
            created_at: UnixMillis(1),
            entry: "{}".to_owned(),
        };
        assert!(store.instance(instance).append_note(&note, &[], far()).await.unwrap());
    }
    // Its trail cannot be cut: no row of it may be removed without the record of where it begins.
    execute(store, "UPDATE audit_ends SET first_number = first_number + 1 WHERE instance_id = 'ins_ours'")
        .await;
    told_events(store, "ins_theirs", 0, 10, 1).await;
    sweep(store, &kept(NOW.0)).await;
    assert_eq!(count(store, "audit_log WHERE instance_id = 'ins_theirs'").await, 0);
    assert_eq!(count(store, "outbox").await, 0);
    let closed = another_handle(store).unwrap();
    told_events(store, "ins_theirs", 0, 10, 1).await;
    let mut failing: Sweep = closed.begin_sweep(&kept(NOW.0), true, far()).await.unwrap();
    closed.close();
    let mut failed = Vec::new();
    while !failing.is_done() {
        if let Err(error) = closed.continue_sweep(&mut failing, &kept(NOW.0), far()).await {
            failed.push((error.what, error.instance));
        }
    }
    assert!(failed.contains(&("events", Some(theirs))), "{failed:?}");
}

pub(super) async fn oldest_rows_are_known_for_each_kind(store: &Store) {
    ready(store).await;
    let kept = kept(NOW.0);
    let oldest = async |of: Retained| store.oldest_kept(of, &kept, far()).await;
    for of in Retained::ALL {
        assert_eq!(oldest(of).await.unwrap(), None, "{of:?}");
    }
    told_events(store, "ins_ours", 0, 3, 70).await;
    told_events(store, "ins_theirs", 0, 3, 60).await;
    let recent = NOW.0 - MINUTE;
    for sql in [
        "INSERT INTO idempotency_keys VALUES ('ins_ours', 'a', '', '', 10)",
        "INSERT INTO send_counters VALUES ('ins_ours', 's', '', 20, 1)",
        "INSERT INTO verification_windows VALUES ('ins_ours', 'k', 'i', 1, '', 30)",
        "INSERT INTO webhook_removals VALUES ('ins_ours', 'whe_1', 40)",
        "UPDATE outbox SET sealed = 'x' WHERE created_at = 70",
        "INSERT INTO verifications VALUES ('ins_ours', 'ver_1', 'idn_1', 'k', 'd', 0, NULL, 1, 1)",
        &format!("INSERT INTO verifications VALUES ('ins_ours', 'ver_2', 'idn_1', 'k', 'd', 0, NULL, {recent}, 1)"),
        "INSERT INTO messages VALUES ('ins_ours', 'sms_1', 'sms', 'u', 'i', 'v', 'r', NULL, 'accepted', 1, 1, 1,
            NULL, NULL, NULL, 1, 50)",
        "INSERT INTO audit_log VALUES ('ins_ours', 1, 'evt_1', 'k', 'u', 80, '{}', 'a', 'b')",
    ] {
        execute(store, sql).await;
    }
    let expected = [
        ("answers", 10),
        ("codes", recent),
        ("counters", 20),
        ("windows", 30),
        ("messages", 50),
        ("sealed_events", 70),
        ("removed_endpoints", 40),
        ("events", 60),
        ("audit_log", 80),
    ];
    for (of, (name, at)) in Retained::ALL.into_iter().zip(expected) {
        assert_eq!((of.name(), oldest(of).await.unwrap()), (name, Some(UnixMillis(at))));
    }
    // A table that cannot be read hides no other one.
    execute(store, "ALTER TABLE messages RENAME TO elsewhere").await;
    assert!(oldest(Retained::Messages).await.is_err());
    assert_eq!(oldest(Retained::Events).await.unwrap(), Some(UnixMillis(60)));
}

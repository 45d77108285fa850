//! Changes go in ranges from the front, once neither the feed nor the trail tells of them and nobody waits for them.

use super::fixtures::endpoint;
use super::support::*;
use super::trail::{change, tell};
use crate::{AuditVerdict, Kept, Retained, Store};
use std::time::{Duration, Instant};
use verger_wire::UnixMillis;

const MINUTE: i64 = 60_000;

fn kept(now: i64, audit: Option<i64>) -> Kept {
    let before = UnixMillis(now - 10 * MINUTE);
    let audit = audit.map(UnixMillis);
    Kept { now: UnixMillis(now), answers: before, codes: before, sealed: before, events: before, audit }
}

/// Sweeps until nothing is left; gives the number of steps.
async fn sweep(store: &Store, kept: &Kept) -> usize {
    let mut sweep = store.begin_sweep(kept, false, far()).await.unwrap();
    let mut steps = 0;
    while !sweep.is_done() {
        store.continue_sweep(&mut sweep, kept, far()).await.unwrap();
        steps += 1;
        assert!(steps < 20_000, "it has no end");
    }
    steps
}

async fn count(store: &Store, from: &str) -> i64 {
    int(&select(store, &format!("SELECT COUNT(*) FROM {from}")).await[0][0])
}

/// The numbers of the changes of the instance that has the first places.
async fn numbers(store: &Store) -> Vec<i64> {
    let rows = select(store, "SELECT place FROM changes WHERE place < 1000000 ORDER BY place").await;
    rows.iter().map(|row| int(&row[0])).collect()
}

/// Rows with one event each behind those that are there, all of one moment, bound by nothing.
async fn told_changes(store: &Store, count: i64, at: i64) {
    let last = int(&select(store, "SELECT last_number FROM audit_ends").await[0][0]);
    let numbers = format!(
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) numbers"
    );
    for sql in [
        format!(
            "INSERT INTO changes (place, event_count, kind, events, user_id, user_version, created_at, who, personal, salt,
                personal_digest, key_id, hash)
             SELECT {last} + i, 1, 'user', 'user.updated', 'user_' || CAST(i AS TEXT), 1, {at}, '{{}}', '{{}}', 's',
                'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'key_new', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
             FROM {numbers}"
        ),
        format!("UPDATE audit_ends SET last_number = {last} + {count}"),
    ] {
        execute(store, &sql).await;
    }
}

/// Rounds of ten minutes: after each as many rows are left as were written in one. How many steps a sweep takes is decided
/// outside of the database, so the other engines get a quarter of them.
#[expect(clippy::print_stdout, reason = "what it measured, with --nocapture")]
pub(super) async fn sustained_changes_reach_a_steady_size(store: &Store) {
    let (ours, _) = ready(store).await;
    tell(store.instance(&ours), vec![change("user_a", 1, NOW.0 - 1)]).await;
    // 1200000 for ten minutes with 2,000 changes a second.
    let asked = std::env::var("VERGER_RETENTION_CHANGES").ok();
    let rows = asked.map_or(share(store, 20_000), |asked| asked.parse().unwrap());
    let rows = i64::try_from(rows).unwrap();
    let mut sizes = Vec::new();
    for round in 1..=3 {
        let now = NOW.0 + round * 10 * MINUTE;
        told_changes(store, rows, now - 1).await;
        let started = Instant::now();
        let kept = kept(now, Some(now - 10 * MINUTE));
        let steps = sweep(store, &kept).await;
        println!("{}: round {round}: {steps} steps in {:?}", store.location(), started.elapsed());
        sizes.push(count(store, "changes").await);
        for of in [Retained::Events, Retained::AuditLog] {
            assert_eq!(store.oldest_kept(of, &kept, far()).await.unwrap(), Some(UnixMillis(now - 1)));
        }
    }
    assert_eq!(sizes, [rows; 3]);
}

pub(super) async fn trail_that_was_swept_still_verifies(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    tell(scoped, (1..=60).map(|n| change("user_a", n, NOW.0 + n)).collect()).await;
    // The events go first, the rows stay for the trail.
    let at = NOW.0 + 10 * MINUTE + 31;
    sweep(store, &kept(at, None)).await;
    assert_eq!(numbers(store).await.len(), 60);
    let floor = select(store, "SELECT first_number FROM event_cursors").await;
    assert_eq!(int(&floor[0][0]), 61);
    for (audit, rows) in [(NOW.0 + 11, 100), (NOW.0 + 51, 20)] {
        sweep(store, &kept(at, Some(audit))).await;
        let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
        let AuditVerdict::Whole { rows: found, is_sealed: true, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(found, rows);
    }
    // Rows that the feed still tells stay, though they are no part of the trail any more.
    assert_eq!(numbers(store).await.len(), 30);
    execute(store, "UPDATE audit_ends SET first_seal = NULL").await;
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Broken { .. }), "{verdict:?}");
}

pub(super) async fn change_that_an_endpoint_waits_for_stays(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    add_endpoint(scoped, &endpoint("whe_1")).await;
    tell(scoped, (1..=20).map(|n| change("user_a", n, NOW.0 + n)).collect()).await;
    let kept = kept(NOW.0 + 10 * MINUTE + 100, Some(NOW.0 + 100));
    sweep(store, &kept).await;
    assert_eq!(numbers(store).await.len(), 20, "no endpoint was told of them yet");
    execute(store, "DELETE FROM event_cursors").await;
    execute(store, "INSERT INTO event_cursors VALUES ('ins_ours', 1, 40)").await;
    for (number, state) in
        [(3, "queued"), (4, "delivered"), (12, "sending"), (13, "failed"), (40, "delivered")]
    {
        let delivery = format!(
            "INSERT INTO webhook_deliveries VALUES ('ins_ours', 'whe_1', 'evt_{number}', 'user.updated', 'user_a', {number},
                '{state}', 1, 0, 1, NULL, 1, 1)"
        );
        execute(store, &delivery).await;
        let attempt = format!(
            "INSERT INTO webhook_attempts VALUES ('ins_ours', 'whe_1', 'evt_{number}', 1, 500, 'no', 1, '', 1)"
        );
        execute(store, &attempt).await;
    }
    sweep(store, &kept).await;
    assert_eq!(numbers(store).await, [4, 12]);
    for table in ["webhook_deliveries", "webhook_attempts"] {
        let left = select(store, &format!("SELECT event_id FROM {table} ORDER BY event_id")).await;
        assert_eq!(left.iter().map(|row| text(&row[0])).collect::<Vec<_>>(), ["evt_12", "evt_3"]);
    }
    let verdict = scoped.verify_audit_log(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Whole { rows: 0, .. }), "{verdict:?}");
    // Once they are delivered, they go.
    execute(store, "UPDATE webhook_deliveries SET state = 'delivered'").await;
    tell(scoped, vec![change("user_a", 21, NOW.0 + 21)]).await;
    sweep(store, &kept).await;
    assert_eq!(count(store, "webhook_deliveries").await, 0);
    assert_eq!(numbers(store).await, [42], "the newest waits to be told");
}

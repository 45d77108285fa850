//! The audit trail.

use super::another_handle;
use super::fixtures::*;
use super::support::*;
use crate::retention::CutCursor;
use crate::{AuditFilter, AuditVerdict, Counted, NewAuditEntry, Store};
use std::time::Duration;
use verger_wire::{UnixMillis, UserId};

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
    let verdict = scoped.verify_from(beginning, limit, &mut |_| {}).await.unwrap();
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
    add_endpoint(scoped, &endpoint("whe_1")).await;
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

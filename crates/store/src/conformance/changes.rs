//! Changes: their numbers, and the chain that binds them.

use super::fixtures::*;
use super::support::*;
use super::{another_handle, handle_without_keys};
use crate::changes::PLACES_OF_INSTANCE;
use crate::trail::{Content, End, Hash, Place, Proof, Seal, personal_digest};
use crate::{Conflict, Environment, Instance, NewAuditEntry, NewEvent, Store, StoreError, Write};
use std::collections::{BTreeMap, BTreeSet};
use verger_wire::{InstanceId, UnixMillis};

const TASKS: usize = 8;

/// A row of the trail: the change, or the id of an entry of before there were changes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Change { user: String, version: i64, events: String },
    Entry(String),
}

/// Looks at everything that numbers are made of: none is missing or there twice, every row is bound to the one before it,
/// and the record of the end is sealed and says the same. Gives what was told, in order.
async fn numbered(store: &Store, instance: &InstanceId) -> Vec<Told> {
    let ends = select(
        store,
        &format!(
            "SELECT last_number, last_hash, last_seal, base FROM audit_ends WHERE instance_id = '{instance}'"
        ),
    )
    .await;
    let Some(ends) = ends.first() else { return Vec::new() };
    let base = int(&ends[3]);
    let mut rows: BTreeMap<i64, (i64, Told, Vec<crate::db::Value>)> = BTreeMap::new();
    let changes = format!(
        "SELECT place, event_count, kind, events, user_id, user_version, created_at, who, personal, salt, personal_digest,
            key_id, hash FROM changes WHERE place > {base} AND place < {base} + {PLACES_OF_INSTANCE}"
    );
    for row in select(store, &changes).await {
        let (user, events) = (text(&row[4]).to_owned(), text(&row[3]).to_owned());
        let told = Told::Change { user, version: int(&row[5]), events };
        assert!(rows.insert(int(&row[0]) - base, (int(&row[1]), told, row)).is_none());
    }
    let entries = format!(
        "SELECT sequence_number, event_id, previous_hash, hash FROM audit_log WHERE instance_id = '{instance}'"
    );
    for row in select(store, &entries).await {
        let told = Told::Entry(text(&row[1]).to_owned());
        assert!(rows.insert(int(&row[0]), (1, told, row)).is_none(), "a number is there twice");
    }
    let mut end = Place { number: 0, hash: None };
    let keys = trail_keys();
    for (number, (count, told, row)) in &rows {
        assert_eq!(end.number + count, *number, "{told:?}");
        let hash = match told {
            Told::Entry(_) => {
                assert_eq!(text(&row[2]), end.hash.map(Hash::to_hex).unwrap_or_default());
                Hash::from_hex(text(&row[3]))
            }
            Told::Change { .. } => {
                assert_eq!(text(&row[10]), personal_digest(text(&row[9]), text(&row[8])));
                assert_eq!(text(&row[3]).split(' ').count(), usize::try_from(*count).unwrap());
                let content = Content {
                    instance,
                    event_count: *count,
                    kind: text(&row[2]),
                    events: text(&row[3]),
                    user_id: &text(&row[4]).into(),
                    user_version: int(&row[5]),
                    created_at: UnixMillis(int(&row[6])),
                    who: text(&row[7]),
                    personal_digest: text(&row[10]),
                };
                let key = keys.by_id(text(&row[11])).unwrap();
                let hash = key.link(end.hash, *number, content.digest());
                assert_eq!(text(&row[12]), hash.to_base64());
                Some(hash)
            }
        };
        end = Place { number: *number, hash };
    }
    assert_eq!(int(&ends[0]), end.number);
    assert_eq!(text(&ends[1]), end.hash.map(Hash::to_hex).unwrap_or_default());
    if rows.values().all(|(_, told, _)| matches!(told, Told::Change { .. })) {
        let seal: Seal = text(&ends[2]).parse().unwrap();
        assert_eq!(End::Last.proof(&keys, instance, &seal), Proof::Genuine);
        assert_eq!(seal.place, end);
    }
    rows.into_values().map(|(_, told, _)| told).collect()
}

/// The versions of each user, in the order in which they are told.
fn versions(told: &[Told]) -> BTreeMap<&str, Vec<i64>> {
    let mut versions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for told in told {
        if let Told::Change { user, version, .. } = told {
            versions.entry(user.as_str()).or_default().push(*version);
        }
    }
    versions
}

pub(super) async fn numbers_follow_the_versions_of_each_user_without_gaps(store: &Store) {
    let (ours, theirs) = ready(store).await;
    let scoped = store.instance(&ours);
    let identification = ["user.updated", "phone_number.updated:idn_1", "phone_number.verified:idn_1"];
    // Written by servers whose clocks differ: version 2 is dated after version 3, and 4 and 5 share a moment.
    for (user, version, created_at, events) in [
        ("user_a", 1, 100, &identification[..1]),
        ("user_a", 2, 900, &identification),
        ("user_a", 3, 200, &identification[..2]),
        ("user_b", 1, 300, &identification[..1]),
        ("user_a", 4, 950, &identification[..1]),
        ("user_a", 5, 950, &identification[..1]),
    ] {
        scoped.save(&telling(vec![change(user, version, created_at, events)]), far()).await.unwrap();
    }
    // Two of one batch, and one that tells of nothing.
    let batch = vec![
        change("user_a", 6, 960, &["sms.created:sms_1"]),
        change("user_a", 6, 960, &[]),
        change("user_a", 6, 960, &["user.updated"]),
    ];
    scoped.save(&telling(batch), far()).await.unwrap();
    store.instance(&theirs).write_change(&change("user_a", 1, 1, &["user.created"]), far()).await.unwrap();
    assert_eq!(numbered(store, &ours).await.is_empty(), !store.numbers_at_commit());
    for limit in [1, 2, 3] {
        scoped.number_changes(limit, far()).await.unwrap();
    }
    number_all(scoped, 1_000).await;
    let told = numbered(store, &ours).await;
    let expected = [("user_a", vec![1, 2, 3, 4, 5, 6, 6]), ("user_b", vec![1])];
    assert_eq!(versions(&told), expected.into());
    let last = |told: &Told| match told {
        Told::Change { events, .. } => events.clone(),
        Told::Entry(_) => String::new(),
    };
    let ends: Vec<_> = told.iter().rev().take(2).map(last).collect();
    assert_eq!(ends, ["user.updated", "sms.created:sms_1"]);
    let waiting = to_number(store).await;
    assert_eq!(waiting, if store.numbers_at_commit() { vec![] } else { vec![theirs.clone()] });
    number_all(store.instance(&theirs), 1).await;
    assert_eq!(numbered(store, &theirs).await.len(), 1);
    assert!(to_number(store).await.is_empty());
}

/// Groups of the writer have some that are accepted, some that are refused after their change was appended, and some that
/// read the end of the trail themselves.
pub(super) async fn refused_batches_give_their_numbers_back(store: &Store) {
    const WRITES: i64 = 24;
    let (ours, theirs) = ready(store).await;
    let other = another_handle(store).unwrap();
    other.set_trail_keys(trail_keys());
    let stores = [store, &other];
    store
        .instance(&ours)
        .save(&Write { answer: Some(answer("used")), ..Write::at(NOW) }, far())
        .await
        .unwrap();
    let (ours, theirs) = (&ours, &theirs);
    let noted = in_parallel(TASKS, |at| async move {
        let scoped = stores[at % 2].instance(ours);
        let mut notes = 0;
        for n in 1..=WRITES {
            let user = format!("user_{at}");
            let events = &["user.updated", "phone_number.updated:idn_1", "user.x"]
                [..1 + (at + usize::try_from(n).unwrap()) % 3];
            let mut write = telling(vec![change(&user, n, n, events)]);
            scoped.save(&write, far()).await.unwrap();
            write.told = vec![change("user_refused", n, n, events), change("user_refused", n + 1, n, events)];
            write.answer = Some(answer("used"));
            assert_eq!(conflict(scoped.save(&write, far()).await), Conflict::IdempotencyKeyUsed);
            let elsewhere = telling(vec![change(&user, n, n, &["user.updated"])]);
            stores[at % 2].instance(theirs).save(&elsewhere, far()).await.unwrap();
            if at < 2 && n % 4 == 0 {
                let note = NewAuditEntry {
                    event_id: format!("evt_note_{at}_{n}").into(),
                    kind: "sms.refused".to_owned(),
                    user_id: "user_0".into(),
                    created_at: NOW,
                    entry: "{}".to_owned(),
                };
                match scoped.append_note(&note, &[], far()).await {
                    Ok(is_noted) => notes += usize::from(is_noted),
                    // Others appended all the time.
                    Err(error) => assert!(matches!(error, StoreError::Conflict(Conflict::Stale)), "{error}"),
                }
            }
        }
        notes
    });
    number_all(store.instance(ours), 100).await;
    number_all(store.instance(theirs), 100).await;
    let told = numbered(store, ours).await;
    let entries = told.iter().filter(|told| matches!(told, Told::Entry(_))).count();
    assert_eq!(entries, noted.iter().sum::<usize>());
    let users: BTreeSet<String> = (0..TASKS).map(|at| format!("user_{at}")).collect();
    let told = versions(&told);
    assert_eq!(told.keys().map(|user| (*user).to_owned()).collect::<BTreeSet<_>>(), users);
    for (user, versions) in &told {
        assert_eq!(*versions, (1..=WRITES).collect::<Vec<_>>(), "{user}");
    }
    assert_eq!(versions(&numbered(store, theirs).await).values().map(Vec::len).sum::<usize>(), 24 * TASKS);
}

/// Without keys nothing is numbered with the commit on SQLite either, so that every database has something to do.
pub(super) async fn servers_that_number_at_once_give_each_number_once(store: &Store) {
    let (ours, _) = ready(store).await;
    let keyless = handle_without_keys(store).unwrap();
    let handles = [another_handle(store).unwrap(), another_handle(store).unwrap()];
    for handle in &handles {
        handle.set_trail_keys(trail_keys());
    }
    let stores = [store, &handles[0], &handles[1]];
    let (keyless, ours) = (&keyless, &ours);
    let numbered_by = in_parallel(4, |at| async move {
        let mut events = 0;
        let mut last = std::time::Instant::now();
        for n in 1..=60 {
            if at == 3 {
                // The writer, whose clock goes back now and then.
                let moment = if n % 10 == 0 { n - 5 } else { n };
                let write = telling(vec![change(
                    &format!("user_{}", n % 5),
                    n,
                    moment,
                    &["user.updated", "email_address.updated:idn_2"],
                )]);
                keyless.instance(ours).save(&write, far()).await.unwrap();
            }
        }
        while at < 3 && last.elapsed() < std::time::Duration::from_millis(400) {
            match stores[at].instance(ours).number_changes(7, far()).await.unwrap() {
                crate::Numbered::Some { events: more, .. } => events += more,
                crate::Numbered::Nothing => continue,
                crate::Numbered::Overtaken => {}
            }
            last = std::time::Instant::now();
        }
        events
    });
    number_all(store.instance(ours), 1_000).await;
    let told = numbered(store, ours).await;
    assert_eq!(told.len(), 60);
    assert!(numbered_by.iter().sum::<usize>() > 0, "nobody numbered anything meanwhile");
    for (user, versions) in versions(&told) {
        assert!(versions.is_sorted(), "{user}: {versions:?}");
    }
}

pub(super) async fn instances_that_begin_at_once_share_no_place(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    store.set_trail_keys(trail_keys());
    let ids: Vec<_> = (0..TASKS).map(|at| InstanceId::from(format!("ins_{at}").as_str())).collect();
    for id in &ids {
        let instance = Instance {
            id: id.clone(),
            name: "some".to_owned(),
            environment: Environment::Development,
            created_at: NOW,
        };
        store.create_instance(&instance, far()).await.unwrap();
    }
    let other = another_handle(store).unwrap();
    other.set_trail_keys(trail_keys());
    let (stores, ids) = ([store, &other], &ids);
    in_parallel(TASKS, |at| async move {
        let scoped = stores[at % 2].instance(&ids[at]);
        for n in 1..=3 {
            scoped.write_change(&change("user_a", n, n, &["user.updated"]), far()).await.unwrap();
            number_all(scoped, 10).await;
        }
    });
    for id in ids {
        assert_eq!(versions(&numbered(store, id).await), [("user_a", vec![1, 2, 3])].into(), "{id}");
    }
}

/// A store that was of the version before for a while may be served by builds of that version, which know no changes.
pub(super) async fn changes_wait_for_servers_that_cannot_read_them(store: &Store) {
    let (ours, _) = ready(store).await;
    execute(store, "UPDATE schema_migrations SET applied_at = applied_at - 120000 WHERE version = 3").await;
    let scoped = store.instance(&ours);
    scoped.write_change(&change("user_a", 1, 1, &["user.created"]), far()).await.unwrap();
    assert!(!store.numbers_at_commit());
    assert!(to_number(store).await.is_empty());
    assert_eq!(numbered(store, &ours).await, []);
    store.numbering.end_window();
    // What comes after one that waits does not overtake it.
    scoped.write_change(&change("user_a", 2, 2, &["user.updated"]), far()).await.unwrap();
    assert_eq!(to_number(store).await, std::slice::from_ref(&ours));
    number_all(scoped, 10).await;
    scoped.write_change(&change("user_a", 3, 3, &["user.updated"]), far()).await.unwrap();
    number_all(scoped, 10).await;
    assert_eq!(versions(&numbered(store, &ours).await), [("user_a", vec![1, 2, 3])].into());
}

pub(super) async fn name_that_would_be_two_is_refused(store: &Store) {
    let (ours, _) = ready(store).await;
    let named = |kind: &str, subject: Option<&str>| NewEvent {
        kind: kind.to_owned(),
        subject: subject.map(str::to_owned),
    };
    let before = dump(store).await;
    for event in [
        named("", None),
        named("a b", None),
        named("a:b", None),
        named("a", Some("b c")),
        named("a", Some("")),
    ] {
        let mut wrong = change("user_a", 1, 1, &["user.updated"]);
        wrong.events.push(event);
        let scoped = store.instance(&ours);
        let saved = scoped.save(&telling(vec![wrong.clone()]), far()).await;
        assert!(matches!(saved, Err(StoreError::Bug(_))), "{saved:?}");
        assert!(matches!(scoped.write_change(&wrong, far()).await, Err(StoreError::Bug(_))));
        assert!(matches!(scoped.append_note_change(&wrong, &[], far()).await, Err(StoreError::Bug(_))));
    }
    assert_eq!(dump(store).await, before);
}

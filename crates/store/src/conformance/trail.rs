//! The trail of changes: what is found of what was done to it, and what may be done to it.

use super::fixtures::{event, fan_out_all, write_events};
use super::support::*;
use super::{another_handle, handle_without_keys};
use crate::db::Stmt;
use crate::{
    AuditVerdict, BOTH_VERSIONS_MS, NewChange, NewEvent, Numbered, Scoped, Sealed, SealedIn, Store,
    StoreError, TrailKey, TrailKeys, TrailPart, Write,
};
use std::time::Duration;
use verger_wire::UnixMillis;

const LIMIT: Duration = Duration::from_secs(60);

/// A change of a user with two events.
pub(super) fn change(user: &str, version: i64, at: i64) -> NewChange {
    let event = |kind: &str, subject: Option<&str>| NewEvent {
        kind: kind.to_owned(),
        subject: subject.map(str::to_owned),
    };
    let mut salt = [7; 16];
    salt[..8].copy_from_slice(&fresh_seed().to_be_bytes());
    NewChange {
        kind: "user",
        created_at: UnixMillis(at),
        user_id: user.into(),
        user_version: version,
        events: vec![event("user.updated", None), event("phone_number.updated", Some("idn_1"))],
        who: r#"{"v":1}"#.to_owned(),
        personal: format!(r#"{{"v":1,"n":{version}}}"#),
        salt,
        sealed: None,
    }
}

/// What is appended when a user is erased.
fn user_erased(user: &str, at: i64) -> NewChange {
    let events = vec![NewEvent { kind: "user.erased".to_owned(), subject: None }];
    NewChange { events, personal: String::new(), ..change(user, i64::MAX, at) }
}

/// Writes changes, each for itself, and sees to it that they have numbers.
pub(super) async fn tell(scoped: Scoped<'_>, changes: Vec<NewChange>) {
    for change in changes {
        scoped.save(&Write { told: vec![change], ..Write::at(NOW) }, far()).await.unwrap();
    }
    number_all(scoped).await;
}

async fn number_all(scoped: Scoped<'_>) {
    loop {
        match scoped.number_changes(3, far()).await.unwrap() {
            Numbered::Nothing => return,
            Numbered::Some { events, .. } => assert!(events > 0),
            Numbered::Overtaken => panic!("nobody else gives numbers"),
        }
    }
}

/// Two old rows, then six changes of three users with the numbers 3 to 14.
async fn fill(scoped: Scoped<'_>) {
    write_events(scoped, (1..=2).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 10).await;
    tell(scoped, (3..=8).map(|n| change(&format!("user_{}", n % 3), n, n)).collect()).await;
}

async fn whole(scoped: Scoped<'_>) -> (i64, Vec<TrailPart>, i64, bool) {
    match scoped.verify_audit_log(LIMIT).await.unwrap() {
        AuditVerdict::Whole { rows, parts, erased, is_sealed, .. } => (rows, parts, erased, is_sealed),
        broken => panic!("{broken:?}"),
    }
}

async fn broken_at(scoped: Scoped<'_>, at: i64, what: &str) {
    match scoped.verify_audit_log(LIMIT).await.unwrap() {
        AuditVerdict::Broken { sequence_number, why } => {
            assert_eq!(sequence_number, at, "{what}: {why}");
        }
        whole => panic!("{what}: {whole:?}"),
    }
}

/// Runs statements, puts everything back afterwards.
async fn with_damage(store: &Store, sql: &str, saved: &[String], look: impl AsyncFnOnce()) {
    let statements = sql.split(';').map(|sql| Stmt::new(sql.trim().to_owned(), vec![]));
    store.batch(statements.collect(), far()).await.unwrap();
    look().await;
    for table in ["changes", "audit_ends"] {
        execute(store, &format!("DELETE FROM {table}")).await;
    }
    for sql in saved {
        execute(store, sql).await;
    }
}

/// Statements that make the rows of the trail as they are.
async fn saved(store: &Store) -> Vec<String> {
    let mut statements = Vec::new();
    for table in crate::schema::tables().unwrap() {
        if !["changes", "audit_ends"].contains(&table.name.as_str()) {
            continue;
        }
        for row in select(store, &format!("SELECT {} FROM {}", table.column_list(), table.name)).await {
            let values: Vec<String> = row
                .iter()
                .map(|value| match value {
                    crate::db::Value::Int(number) => number.to_string(),
                    crate::db::Value::Text(text) => format!("'{text}'"),
                    _ => "NULL".to_owned(),
                })
                .collect();
            let columns = table.column_list();
            statements.push(format!("INSERT INTO {} ({columns}) VALUES ({})", table.name, values.join(", ")));
        }
    }
    statements
}

pub(super) async fn every_change_of_a_row_of_changes_is_found(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped).await;
    assert_eq!(whole(scoped).await.0, 14);
    let saved = saved(store).await;
    let base = int(&select(store, "SELECT base FROM audit_ends").await[0][0]);
    for n in [4, 8, 14_i64] {
        let place = base + n;
        let other = base + if n == 4 { 6 } else { 4 };
        let texts =
            ["kind", "events", "user_id", "who", "personal", "salt", "personal_digest", "key_id", "hash"];
        let texts = texts
            .map(|column| format!("UPDATE changes SET {column} = {column} || 'x' WHERE place = {place}"));
        let numbers = ["user_version", "created_at"]
            .map(|column| format!("UPDATE changes SET {column} = {column} + 1 WHERE place = {place}"));
        let rest = [
            format!("UPDATE changes SET personal = NULL WHERE place = {place}"),
            format!("UPDATE changes SET personal = NULL, salt = NULL WHERE place = {place}"),
            format!("UPDATE changes SET key_id = 'key_old' WHERE place = {place}"),
        ];
        for sql in texts.into_iter().chain(numbers).chain(rest) {
            with_damage(store, &sql, &saved, async || broken_at(scoped, n, &sql).await).await;
        }
        // Nobody is told of a row that is gone by another number than that of its first event.
        let gone = format!("DELETE FROM changes WHERE place = {place}");
        with_damage(store, &gone, &saved, async || broken_at(scoped, n - 1, &gone).await).await;
        let swapped = format!(
            "UPDATE changes SET place = CASE place WHEN {place} THEN -{other} ELSE -{place} END
             WHERE place IN ({place}, {other}); UPDATE changes SET place = -place WHERE place < 0"
        );
        with_damage(store, &swapped, &saved, async || broken_at(scoped, n.min(other - base), &swapped).await)
            .await;
    }
    let planted = format!(
        "INSERT INTO changes SELECT {base} + 90, event_count, kind, events, user_id, user_version, created_at, who,
            personal, salt, personal_digest, sealed, key_id, hash FROM changes WHERE place = {base} + 4"
    );
    with_damage(store, &planted, &saved, async || broken_at(scoped, 90, &planted).await).await;
}

pub(super) async fn end_that_was_cut_off_stays_visible_whatever_is_appended(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped).await;
    let saved = saved(store).await;
    let before = select(store, "SELECT hash FROM changes ORDER BY place DESC LIMIT 1 OFFSET 1").await;
    let hash = crate::trail::Hash::from_base64(text(&before[0][0])).unwrap().to_hex();
    let cut = format!(
        "DELETE FROM changes WHERE place = (SELECT base + 14 FROM audit_ends);
         UPDATE audit_ends SET last_number = 12, last_hash = '{hash}'"
    );
    with_damage(store, &cut, &saved, async || {
        broken_at(scoped, 12, "the record of the end was moved").await;
        tell(scoped, vec![change("user_9", 1, 50)]).await;
        assert!(matches!(scoped.verify_audit_log(LIMIT).await.unwrap(), AuditVerdict::Broken { .. }));
    })
    .await;
    // With an older seal that somebody kept.
    let of_before = text(&select(store, "SELECT last_seal FROM audit_ends").await[0][0]).to_owned();
    tell(scoped, vec![change("user_8", 1, 51), change("user_8", 2, 52)]).await;
    let longer = self::saved(store).await;
    let before = select(store, "SELECT hash FROM changes ORDER BY place DESC LIMIT 1 OFFSET 1").await;
    let hash = crate::trail::Hash::from_base64(text(&before[0][0])).unwrap().to_hex();
    let cut = format!(
        "DELETE FROM changes WHERE place = (SELECT base + 18 FROM audit_ends);
         UPDATE audit_ends SET last_number = 16, last_hash = '{hash}', last_seal = '{of_before}'"
    );
    with_damage(store, &cut, &longer, async || {
        for _ in 0..2 {
            let verdict = scoped.verify_audit_log(LIMIT).await.unwrap();
            assert!(matches!(verdict, AuditVerdict::Unsealed { sequence_number: 15, .. }), "{verdict:?}");
            tell(scoped, vec![change("user_9", 1, 60)]).await;
        }
    })
    .await;
    let undo = "DELETE FROM changes WHERE place > (SELECT base + 14 FROM audit_ends)";
    with_damage(store, undo, &saved, async || {}).await;
    let unsealed = "UPDATE audit_ends SET last_seal = NULL";
    with_damage(store, unsealed, &saved, async || {
        // The server does what it does every minute.
        assert!(store.end_time_of_both_versions(NOW, far()).await.unwrap());
        broken_at(scoped, 14, "the seal was removed").await;
    })
    .await;
    let first = "DELETE FROM audit_log WHERE sequence_number = 1;
         UPDATE audit_ends SET first_number = 2, first_previous_hash = (SELECT previous_hash FROM audit_log)";
    with_damage(store, first, &saved, async || broken_at(scoped, 2, "the first row was cut off").await).await;
}

/// With every right to the database: all but the keys.
pub(super) async fn trail_that_was_rewritten_without_the_key_is_found(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped).await;
    assert!(store.end_time_of_both_versions(NOW, far()).await.unwrap());
    // Another trail of other changes, from a build of this version, with keys of the same names.
    for table in ["changes", "audit_ends", "audit_log", "outbox", "outbox_payloads"] {
        execute(store, &format!("DELETE FROM {table}")).await;
    }
    let forger = handle_without_keys(store).unwrap();
    let forged = ["key_new", "key_old"].map(|id| TrailKey::new(id.to_owned(), [9; 32]));
    assert!(forger.set_trail_keys(TrailKeys::new(forged)));
    tell(forger.instance(&ours), (1..=8).map(|n| change("user_a", n, n)).collect()).await;
    assert!(matches!(
        forger.instance(&ours).verify_audit_log(LIMIT).await.unwrap(),
        AuditVerdict::Whole { .. }
    ));
    broken_at(scoped, 16, "the seal is not ours").await;
    execute(store, "UPDATE audit_ends SET last_seal = NULL").await;
    broken_at(scoped, 2, "the first row is not bound with our key").await;
    // As rows of the version before, which nothing binds: then there is no proof, and that is what it says.
    for table in ["changes", "audit_ends"] {
        execute(store, &format!("DELETE FROM {table}")).await;
    }
    write_events(scoped, (1..=4).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 10).await;
    execute(store, "UPDATE audit_ends SET last_seal = NULL").await;
    assert!(store.end_time_of_both_versions(NOW, far()).await.unwrap());
    let (rows, parts, _, is_sealed) = whole(scoped).await;
    assert!(rows == 4 && !is_sealed && parts.iter().all(|part| part.key_id.is_none()));
}

pub(super) async fn trail_says_which_key_made_which_rows(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped).await;
    // Another server has another newest key for a while.
    let other = handle_without_keys(store).unwrap();
    let turned = [("key_newer", 3), ("key_new", 1), ("key_old", 2)];
    let turned = turned.map(|(id, byte)| TrailKey::new(id.to_owned(), [byte; 32]));
    other.set_trail_keys(TrailKeys::new(turned));
    tell(other.instance(&ours), vec![change("user_4", 1, 60)]).await;
    tell(scoped, vec![change("user_4", 2, 61)]).await;
    tell(other.instance(&ours), vec![change("user_4", 3, 62)]).await;
    let part = |key: Option<&str>, first_number, last_number, rows| TrailPart {
        key_id: key.map(str::to_owned),
        first_number,
        last_number,
        rows,
    };
    // The server that lacks the newest key could not move the seal: what is behind it is told, and sealed on demand alone.
    let verdict = other.instance(&ours).verify_audit_log(LIMIT).await.unwrap();
    let AuditVerdict::Unsealed { sequence_number: 17, last_number: 20, last_hash } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(scoped.store.trails_of_unknown_keys(far()).await.unwrap().len(), 1);
    assert_eq!(other.trails_of_unknown_keys(far()).await.unwrap(), []);
    assert!(!other.instance(&ours).seal_audit_end(18, &last_hash, far()).await.unwrap());
    assert!(other.instance(&ours).seal_audit_end(20, &last_hash, far()).await.unwrap());
    let (rows, parts, erased, is_sealed) = whole(other.instance(&ours)).await;
    assert_eq!((rows, erased, is_sealed), (20, 0, true));
    assert_eq!(
        parts,
        [part(None, 1, 2, 2), part(Some("key_new"), 3, 18, 14), part(Some("key_newer"), 15, 20, 4)]
    );
    broken_at(scoped, 20, "its keys lack the newest").await;
}

pub(super) async fn erased_person_is_gone_and_the_trail_verifies(store: &Store) {
    let (ours, theirs) = ready(store).await;
    for id in [&ours, &theirs] {
        let sealed = Some("key:code".to_owned());
        let changes = (1..=1_200).map(|n| NewChange { sealed: sealed.clone(), ..change("user_gone", n, n) });
        let write = Write { told: changes.collect(), ..Write::at(NOW) };
        store.instance(id).save(&write, far()).await.unwrap();
        store.instance(id).number_changes(1_000, far()).await.unwrap();
        tell(store.instance(id), vec![change("user_b", 1, 1_300)]).await;
    }
    let scoped = store.instance(&ours);
    // One of them has no number yet when the person is erased, where numbers are given later.
    scoped
        .save(&Write { told: vec![change("user_gone", 1_201, 1_301)], ..Write::at(NOW) }, far())
        .await
        .unwrap();
    assert_eq!(scoped.erasable_changes_of(&"user_gone".into(), far()).await.unwrap(), 1_201);
    assert_eq!(scoped.erase_changes_of(&user_erased("user_gone", 1_302), far()).await.unwrap(), 1_201);
    number_all(scoped).await;
    let (rows, _, erased, _) = whole(scoped).await;
    assert_eq!((rows, erased), (2 * 1_202 + 1, 1_201));
    assert_eq!(scoped.erasable_changes_of(&"user_gone".into(), far()).await.unwrap(), 0);
    let left = "SELECT place FROM changes WHERE user_id = 'user_gone' AND place > (SELECT base FROM audit_ends
        WHERE instance_id = 'ins_ours') AND place < (SELECT base FROM audit_ends WHERE instance_id = 'ins_ours') + 99999
        AND (personal IS NOT NULL OR salt IS NOT NULL OR sealed <> '')";
    assert_eq!(select(store, left).await.len(), 0);
    // The same id of another instance is another person.
    let (_, _, erased, _) = whole(store.instance(&theirs)).await;
    assert_eq!(erased, 0);
    // Once more does no harm.
    assert_eq!(scoped.erase_changes_of(&user_erased("user_gone", 1_303), far()).await.unwrap(), 0);
    number_all(scoped).await;
    assert_eq!(whole(scoped).await.2, 1_201);
    // Without the rows that say so it is not an erasure.
    let unsaid = "UPDATE changes SET personal = NULL, salt = NULL WHERE user_id = 'user_b'";
    execute(store, unsaid).await;
    broken_at(scoped, 2 * 1_201, "nobody erased this user").await;
}

/// Whoever can write the database can leave a row to be numbered, which a server then binds with its key.
pub(super) async fn erasure_that_nobody_with_a_key_made_explains_nothing(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    fill(scoped).await;
    execute(store, "UPDATE changes SET personal = NULL, salt = NULL WHERE user_id = 'user_1'").await;
    let forger = handle_without_keys(store).unwrap();
    let forged = user_erased("user_1", 60);
    let refused = forger.instance(&ours).erase_changes_of(&forged, far()).await;
    assert!(matches!(refused, Err(StoreError::Bug(_))), "{refused:?}");
    forger.instance(&ours).write_change(&forged, far()).await.unwrap();
    broken_at(scoped, 12, "what waits for its number proves nothing").await;
    number_all(scoped).await;
    broken_at(scoped, 12, "nor does it afterwards").await;
    scoped.erase_changes_of(&user_erased("user_1", 61), far()).await.unwrap();
    number_all(scoped).await;
    assert_eq!(whole(scoped).await.2, 2);
}

/// A row that is numbered between the look for it and its erasure is neither where it was nor left out.
pub(super) async fn person_is_erased_while_changes_get_their_numbers(store: &Store) {
    let (ours, _) = ready(store).await;
    let (scoped, keyless) = (store.instance(&ours), handle_without_keys(store).unwrap());
    for round in 0..4 {
        let user = format!("user_{round}");
        let changes = (1..=400).map(|n| change(&user, n, n)).collect();
        let write = Write { told: changes, ..Write::at(NOW) };
        keyless.instance(&ours).save(&write, far()).await.unwrap();
        let told = user_erased(&user, 500);
        let number = async {
            while scoped.number_changes(7, far()).await.unwrap() != Numbered::Nothing {
                tokio::task::yield_now().await;
            }
        };
        let ((), erased) = tokio::join!(number, scoped.erase_changes_of(&told, far()));
        erased.unwrap();
        number_all(scoped).await;
        let left = "SELECT place FROM changes WHERE personal IS NOT NULL OR salt IS NOT NULL";
        assert_eq!(select(store, left).await.len(), 0, "{round}");
        assert_eq!(whole(scoped).await.2, 400 * (round + 1));
    }
}

pub(super) async fn time_of_both_versions_ends_once_and_then_trails_are_sealed(store: &Store) {
    let (ours, theirs) = ready(store).await;
    // Applied a day after the one before, as to a store that others serve.
    let day = BOTH_VERSIONS_MS;
    execute(store, &format!("UPDATE schema_migrations SET applied_at = {} WHERE version < 4", NOW.0 - day))
        .await;
    let (store, until) = (&another_handle(store).unwrap(), NOW.plus_ms(day));
    let scoped = store.instance(&ours);
    write_events(scoped, (1..=3).map(|n| event(n, "user_a", n, n)).collect()).await;
    fan_out_all(scoped, 10).await;
    assert!(!store.end_time_of_both_versions(until.plus_ms(-1), far()).await.unwrap());
    assert_eq!(store.both_versions_until(far()).await.unwrap(), Some(until));
    assert!(!store.serves_this_version_alone());
    let (_, _, _, is_sealed) = whole(scoped).await;
    assert!(!is_sealed, "servers of the version before move the end without a seal");
    // Changes wait until it is over.
    scoped.save(&Write { told: vec![change("user_b", 1, 4)], ..Write::at(NOW) }, far()).await.unwrap();
    assert_eq!(super::fixtures::to_number(store).await, []);
    assert!(store.end_time_of_both_versions(until, far()).await.unwrap());
    assert!(store.serves_this_version_alone());
    assert_eq!(store.both_versions_until(far()).await.unwrap(), None);
    let served = select(store, "SELECT serves_from FROM schema_migrations WHERE version = 4").await;
    assert_eq!(int(&served[0][0]), 4, "no server of the version before can start");
    // Events that were on their way are in the trail all the same, and its end stays sealed.
    write_events(scoped, vec![event(5, "user_a", 5, 5)]).await;
    fan_out_all(scoped, 10).await;
    number_all(scoped).await;
    let (rows, parts, _, is_sealed) = whole(scoped).await;
    assert!(is_sealed && rows == 6, "{parts:?}");
    tell(store.instance(&theirs), vec![change("user_c", 1, 6)]).await;
    assert!(whole(store.instance(&theirs)).await.3);
    // What a server of the version before writes that was not stopped is found.
    let (ended, mut old) = (
        select(store, "SELECT last_seal FROM audit_ends WHERE instance_id = 'ins_ours'").await,
        event(7, "user_a", 7, 7),
    );
    old.id = "evt_old".into();
    write_events(scoped, vec![old]).await;
    fan_out_all(scoped, 10).await;
    let unsealed =
        format!("UPDATE audit_ends SET last_seal = '{}' WHERE instance_id = 'ins_ours'", text(&ended[0][0]));
    execute(store, &unsealed).await;
    broken_at(scoped, 7, "it has no keys").await;
}

pub(super) async fn codes_in_changes_are_sealed_anew(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let key = |n: char| n.to_string().repeat(16);
    let sealed = |n: i64| {
        let event = NewEvent { kind: "sms.created".to_owned(), subject: Some(format!("sms_{n}")) };
        let sealed = Some(format!("{}:{n}", key('a')));
        NewChange { kind: "message", events: vec![event], sealed, ..change("user_a", 0, n) }
    };
    let changes: Vec<_> = (1..=5).map(sealed).chain([change("user_a", 1, 9)]).collect();
    scoped.save(&Write { told: changes, ..Write::at(NOW) }, far()).await.unwrap();
    let found = async |limit| {
        let (mut all, mut last): (Vec<Sealed>, Option<Sealed>) = (Vec::new(), None);
        for place in [SealedIn::UnreadChanges, SealedIn::Changes] {
            last.take();
            loop {
                let newest = key('b');
                let step = store.sealed_with_others(place, &newest, last.as_ref(), limit, NOW, far());
                let step = step.await.unwrap();
                let Some(end) = step.last() else { break };
                last = Some(end.clone());
                all.extend(step);
            }
        }
        all
    };
    for is_numbered in [false, true] {
        if is_numbered {
            number_all(scoped).await;
        }
        let all = found(2).await;
        let subjects: Vec<_> = all.iter().map(|sealed| sealed.subject.as_str()).collect();
        assert_eq!(subjects, ["sms_1", "sms_2", "sms_3", "sms_4", "sms_5"]);
        assert!(all.iter().all(|sealed| sealed.instance_id == ours));
    }
    let uses = store.key_uses(NOW, far()).await.unwrap();
    assert!(uses.iter().any(|used| used.what == "events" && used.key_id == key('a') && used.count == 5));
    let anew = |sealed: Sealed| {
        let text = sealed.text.replace(&key('a'), &key('b'));
        (sealed, text)
    };
    let step: Vec<_> = found(100).await.into_iter().map(anew).collect();
    store.erase_sealed_events(UnixMillis(2), far()).await.unwrap();
    store.reseal(step, far()).await.unwrap();
    assert_eq!(found(100).await, []);
    let rows = select(store, "SELECT sealed FROM changes WHERE sealed IS NOT NULL ORDER BY place").await;
    let rows: Vec<_> = rows.iter().map(|row| text(&row[0]).to_owned()).collect();
    assert_eq!(rows[0], "", "what was erased meanwhile stays erased");
    assert_eq!(rows[1], format!("{}:2", key('b')));
    assert!(whole(scoped).await.3, "no hash covers it");
}

pub(super) async fn keys_of_the_trail_are_kept_once_and_sealed_anew(store: &Store) {
    ready(store).await;
    let key = |id: &str, sealed: &str| crate::StoredTrailKey {
        key_id: id.to_owned(),
        sealed: sealed.to_owned(),
        created_at: NOW,
    };
    store.keep_trail_keys(vec![key("a", "one"), key("b", "two")], far()).await.unwrap();
    store.keep_trail_keys(vec![key("a", "other")], far()).await.unwrap();
    assert_eq!(store.stored_trail_keys(far()).await.unwrap(), [key("a", "one"), key("b", "two")]);
    store.reseal_trail_key(&key("a", "one"), "anew".to_owned(), far()).await.unwrap();
    store.reseal_trail_key(&key("a", "one"), "late".to_owned(), far()).await.unwrap();
    assert_eq!(store.stored_trail_keys(far()).await.unwrap()[0], key("a", "anew"));
    // Without keys nothing can be sealed.
    let without = handle_without_keys(store).unwrap();
    assert!(matches!(without.end_time_of_both_versions(NOW, far()).await, Err(StoreError::Bug(_))));
}

/// One server has not learned yet that the time of both versions is over: its events and the changes of the other are of the
/// same users.
pub(super) async fn servers_that_learn_of_the_end_one_after_the_other_keep_the_order_of_each_user(
    store: &Store,
) {
    const WRITES: i64 = 60;
    let (ours, _) = ready(store).await;
    let day = BOTH_VERSIONS_MS;
    execute(store, &format!("UPDATE schema_migrations SET applied_at = {} WHERE version < 4", NOW.0 - day))
        .await;
    let handles = [another_handle(store).unwrap(), another_handle(store).unwrap()];
    write_events(handles[0].instance(&ours), vec![event(1_000, "user_0", 0, 0)]).await;
    assert!(handles[1].end_time_of_both_versions(NOW.plus_ms(day), far()).await.unwrap());
    let (handles, ours) = (&handles, &ours);
    in_parallel(3, |at| async move {
        let until = std::time::Instant::now() + Duration::from_secs(20);
        for n in 1..=WRITES {
            if at > 0 {
                break;
            }
            // Whoever has the turn at the user writes; their clocks differ.
            let (user, version, ahead) = (format!("user_{}", n % 4), n, if n % 5 == 0 { 7 } else { 0 });
            match n % 3 {
                0 => write_events(handles[0].instance(ours), vec![event(n, &user, version, n + ahead)]).await,
                _ => {
                    let told = vec![change(&user, version, n)];
                    handles[1].instance(ours).save(&Write { told, ..Write::at(NOW) }, far()).await.unwrap();
                }
            }
        }
        while at > 0 && std::time::Instant::now() < until {
            let scoped = handles[at % 2].instance(ours);
            match at {
                1 => drop(scoped.number_changes(7, far()).await.unwrap()),
                _ => {
                    let unread = scoped.unread_events(5, far()).await.unwrap();
                    scoped.fan_out(&unread, super::fixtures::told(&unread), NOW, far()).await.unwrap();
                }
            }
            let ends = handles[0].instance(ours).last_event_place(far()).await.unwrap();
            if ends == 1 + WRITES / 3 + 2 * (WRITES - WRITES / 3) {
                return;
            }
        }
        assert_eq!(at, 0, "some have no numbers");
    });
    assert!(whole(store.instance(ours)).await.3);
    let told = select(
        store,
        "SELECT user_id, user_version, place FROM changes UNION ALL
         SELECT o.user_id, o.user_version, o.sequence_number FROM outbox o ORDER BY 3",
    )
    .await;
    assert_eq!(told.len(), 61);
    for user in 0..4 {
        let versions: Vec<_> = told
            .iter()
            .filter(|row| text(&row[0]) == format!("user_{user}"))
            .map(|row| int(&row[1]))
            .collect();
        let is_rising = versions.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(is_rising && versions.len() >= 15, "{user}: {versions:?}");
    }
}

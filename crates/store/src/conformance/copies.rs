//! Copies between databases, and backups of the embedded one.

use super::support::*;
use super::{Engine, another_handle, durable_sqlite, postgres};
use crate::backup::{BackupError, backup, restore};
use crate::copy::{CopyError, CopyStage, copy};
use crate::schema::{self, Kind};
use crate::{MigrationState, Store};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use std::path::{Path, PathBuf};
use verger_core::user::IdentificationStatus;

/// Quotes are doubled already.
const TEXTS: [&str; 9] = ["", "é", "漢字 ✓", "a''b", "\u{10FFFF}", "Z", "z", "_", "\\"];
const NUMBERS: [i64; 4] = [0, -1, i64::MAX, i64::MIN];

/// Puts rows into every table of the schema, so also into one that is new: with odd texts, nulls and the ends of numbers.
async fn fill(store: &Store, rows: usize) {
    ready(store).await;
    let rng = &mut StdRng::seed_from_u64(fresh_seed());
    for table in schema::tables().unwrap() {
        let mut all = Vec::with_capacity(rows);
        for row in 0..rows {
            let values: Vec<String> = table
                .columns
                .iter()
                .enumerate()
                .map(|(at, column)| match column.kind {
                    Kind::Text => format!("'{}{row}'", TEXTS[rng.random_range(0..TEXTS.len())]),
                    // What is unique.
                    Kind::Int if table.key.contains(&at) || column.name == "base" => row.to_string(),
                    Kind::Int => NUMBERS[rng.random_range(0..NUMBERS.len())].to_string(),
                })
                .collect();
            all.push(format!("({})", values.join(", ")));
        }
        let sql = format!("INSERT INTO {} ({}) VALUES {}", table.name, table.column_list(), all.join(", "));
        execute(store, &sql).await;
    }
    // Some columns may be null, in rows that were not.
    execute(store, "UPDATE users SET external_id = NULL, locked_at = NULL WHERE id LIKE '%3%'").await;
}

/// What has to be the same; the time at which the schema was made is not.
async fn content(store: &Store) -> std::collections::BTreeMap<String, Vec<crate::db::Row>> {
    let mut tables = dump(store).await;
    tables.remove("schema_migrations");
    tables
}

async fn stores() -> Option<[Engine; 3]> {
    Some([durable_sqlite().await?, postgres().await?, durable_sqlite().await?])
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_that_is_read_is_the_one_that_databases_have() {
    let Some([sqlite, postgres, _]) = stores().await else { return };
    let known = schema::tables().unwrap();
    let lines = |rows: Vec<crate::db::Row>| -> Vec<String> {
        let mut lines: Vec<_> =
            rows.iter().map(|row| format!("{} {}", text(&row[0]), text(&row[1]))).collect();
        lines.sort();
        lines
    };
    for (store, tables, columns, key) in [
        (
            &sqlite.store,
            "SELECT name, 'table' FROM sqlite_master WHERE type = 'table'",
            "SELECT name, type FROM pragma_table_info('TABLE')",
            "SELECT name, 'key' FROM pragma_table_info('TABLE') WHERE pk > 0 ORDER BY pk",
        ),
        (
            &postgres.store,
            "SELECT CAST(tablename AS TEXT), 'table' FROM pg_tables WHERE schemaname = 'public'",
            "SELECT CAST(column_name AS TEXT), UPPER(CAST(data_type AS TEXT)) FROM information_schema.columns WHERE \
             table_name = 'TABLE' AND table_schema = 'public'",
            "SELECT CAST(a.attname AS TEXT), 'key' FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), \
             pg_attribute a WHERE i.indisprimary AND i.indrelid = 'TABLE'::regclass AND a.attrelid = i.indrelid AND \
             a.attnum = k.number ORDER BY k.place",
        ),
    ] {
        store.migrate(NOW, far()).await.unwrap();
        let mut expected: Vec<_> = known.iter().map(|table| format!("{} table", table.name)).collect();
        expected.push("schema_migrations table".to_owned());
        expected.sort();
        assert_eq!(lines(select(store, tables).await), expected);
        for table in &known {
            let kind = |kind| if kind == Kind::Text { "TEXT" } else { "BIGINT" };
            let mut expected: Vec<_> =
                table.columns.iter().map(|column| format!("{} {}", column.name, kind(column.kind))).collect();
            expected.sort();
            // A key that is one whole number is the number of the row itself in SQLite.
            let found = lines(select(store, &columns.replace("TABLE", &table.name)).await);
            let found: Vec<_> = found.iter().map(|line| line.replace(" INTEGER", " BIGINT")).collect();
            assert_eq!(found, expected);
            let found = select(store, &key.replace("TABLE", &table.name)).await;
            let found: Vec<_> = found.iter().map(|row| text(&row[0])).collect();
            assert_eq!(found.join(", "), table.key_list(), "{}", table.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_there_and_back_is_the_same() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 1_203).await;
    let ours = "ins_ours".into();
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env());
    create_all(first.store.instance(&ours), std::slice::from_ref(&user)).await;
    let mut stages = Vec::new();
    let there = copy(&first.store, &second.store, NOW, |progress| {
        assert!(progress.rows <= progress.rows_total);
        stages.push((progress.stage, progress.rows == progress.rows_total));
    })
    .await
    .unwrap();
    assert!(stages.contains(&(CopyStage::Copying, true)) && stages.contains(&(CopyStage::Comparing, true)));
    assert!(there.tables.iter().all(|table| table.rows >= 1_203), "{there:?}");
    assert_eq!(there.tables.len(), schema::tables().unwrap().len());
    let back = copy(&second.store, &third.store, NOW, |_| {}).await.unwrap();
    assert_eq!(there, back);
    assert_eq!(content(&first.store).await, content(&third.store).await);
    assert_eq!(content(&first.store).await, content(&second.store).await);
    let loaded = third.store.instance(&ours).load_user(&user.id, far()).await.unwrap().unwrap();
    assert_eq!(sorted(loaded), sorted(user));
    assert!(!third.store.is_unfinished_copy(far()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_that_is_cut_off_at_random_goes_on_and_is_the_same() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 2_001).await;
    let rng = &mut StdRng::seed_from_u64(fresh_seed());
    let mut hashes = Vec::new();
    for (from, to) in [(&first.store, &second.store), (&second.store, &third.store)] {
        let mut cuts = 0;
        let copied = loop {
            // Other handles, as another process would have, and a copy that just stops at some row.
            let (source, target) = (another_handle(from).unwrap(), another_handle(to).unwrap());
            let reports = rng.random_range(8..40);
            let mut seen = 0;
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let mut stop = Some(stop);
            let copying = copy(&source, &target, NOW, |_| {
                seen += 1;
                if seen == reports && cuts < 15 {
                    drop(stop.take());
                }
            });
            tokio::select! {
                biased;
                _ = stopped => {}
                copied = copying => match copied {
                    Ok(copied) => break copied,
                    // The last chunk of the attempt before was being committed when this one began.
                    Err(CopyError::Overtaken) => {}
                    Err(error) => panic!("{error}"),
                },
            }
            cuts += 1;
            assert!(target.is_unfinished_copy(far()).await.unwrap());
            assert!(matches!(copy(&target, &source, NOW, |_| {}).await, Err(CopyError::SourceUnfinished)));
        };
        assert!(copied.rows_resumed > 0, "it went on");
        assert_eq!(cuts, 15);
        hashes.push(copied.hash);
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(content(&first.store).await, content(&third.store).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn target_of_something_else_is_refused_and_stays_as_it_is() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 3).await;
    for target in [&second.store, &third.store] {
        ready(target).await;
        let before = dump(target).await;
        let refused = copy(&first.store, target, NOW, |_| {}).await;
        assert!(
            matches!(&refused, Err(CopyError::NotEmpty { table }) if table == "instances"),
            "{refused:?}"
        );
        assert_eq!(dump(target).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_copy_of_another_source_is_refused() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 1_100).await;
    let mut reports = 0;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut stop = Some(stop);
    tokio::select! {
        biased;
        _ = stopped => {}
        copied = copy(&first.store, &second.store, NOW, |_| {
            reports += 1;
            if reports == 3 {
                drop(stop.take());
            }
        }) => panic!("{copied:?}"),
    }
    third.store.migrate(verger_wire::UnixMillis(5), far()).await.unwrap();
    let refused = copy(&third.store, &second.store, NOW, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::OtherSource)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_schema_version_is_refused() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 2).await;
    for store in [&second.store, &third.store] {
        store.migrate(NOW, far()).await.unwrap();
        execute(store, "DELETE FROM schema_migrations WHERE version > 1").await;
        let refused = copy(&first.store, store, NOW, |_| {}).await;
        assert!(matches!(refused, Err(CopyError::Schema { store: "target", .. })), "{refused:?}");
        let refused = copy(store, &first.store, NOW, |_| {}).await;
        assert!(matches!(refused, Err(CopyError::Schema { store: "source", .. })), "{refused:?}");
    }
    let empty = durable_sqlite().await.unwrap();
    let refused = copy(&empty.store, &third.store, NOW, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::Schema { store: "source", .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn source_that_is_written_to_meanwhile_is_noticed() {
    let Some([first, second, third]) = stores().await else { return };
    fill(&first.store, 700).await;
    copy(&first.store, &second.store, NOW, |_| {}).await.unwrap();
    // A change of a row that was copied already, and a row that is new behind the place that was reached; then what leaves no
    // row among the changes.
    for (source, at, sql) in [
        (&first.store, "instances", "UPDATE users SET version = version - 1 WHERE version > 0"),
        (&second.store, "instances", "DELETE FROM outbox WHERE id LIKE '%7%'"),
        (&first.store, "audit_ends", "UPDATE guess_windows SET failures = failures || '1'"),
        (&second.store, "audit_ends", "UPDATE tickets SET status = status || 'x'"),
        (&first.store, "audit_ends", "UPDATE jwt_templates SET claims = claims || ' '"),
    ] {
        let target = durable_sqlite().await.unwrap();
        let handle = another_handle(source).unwrap();
        let changed = std::sync::Mutex::new(false);
        let copying = copy(source, &target.store, NOW, |progress| {
            let is_time = progress.stage == CopyStage::Comparing && progress.table == at;
            if is_time && !*changed.lock().unwrap() {
                // On a thread of its own: on this one it would use up what should wake the copy.
                let runtime = tokio::runtime::Handle::current();
                std::thread::scope(|scope| {
                    scope.spawn(|| runtime.block_on(execute(&handle, sql))).join().unwrap();
                });
                *changed.lock().unwrap() = true;
            }
        });
        let refused = copying.await;
        assert!(*changed.lock().unwrap());
        assert!(matches!(refused, Err(CopyError::Differs { .. })), "{refused:?}");
        assert!(target.store.is_unfinished_copy(far()).await.unwrap());
    }
    drop(third);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_row_of_the_source_is_named() {
    let (first, second) = (durable_sqlite().await.unwrap(), durable_sqlite().await.unwrap());
    fill(&first.store, 3).await;
    execute(&first.store, "UPDATE outbox SET user_version = 'many' WHERE id LIKE '%2'").await;
    let refused = copy(&first.store, &second.store, NOW, |_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("outbox.user_version"), "{refused}");
}

fn path_of(engine: &Engine) -> PathBuf {
    match &engine.store.db {
        crate::db::Db::Sqlite(db) => db.path().to_owned(),
        crate::db::Db::Postgres(_) => panic!("it has no file"),
    }
}

async fn users_in(path: &Path) -> usize {
    let store = Store::open(path).unwrap();
    let count = select(&store, "SELECT id FROM users").await.len();
    store.close();
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_under_load_is_whole_and_has_every_acknowledged_write() {
    let engine = durable_sqlite().await.unwrap();
    let (ours, _) = ready(&engine.store).await;
    let folder = tempfile::tempdir().unwrap();
    let path = path_of(&engine);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    let (store, ours, done, is_over, folder, path) =
        (&engine.store, &ours, &done, &is_over, folder.path(), &path);
    let _ = in_parallel(2, |at| async move {
        if at == 0 {
            let env = &mut env();
            for round in 0.. {
                if is_over.load(order) {
                    break;
                }
                let user = new_user(vec![(phone(round % 80_000), IdentificationStatus::Reserved)], env);
                create_all(store.instance(ours), &[user]).await;
                done.fetch_add(1, order);
            }
            return;
        }
        for round in 0..5 {
            while done.load(order) < 30 * (round + 1) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let before = done.load(order);
            let to = folder.join(format!("backup-{round}"));
            assert_eq!(backup(path, &to).unwrap(), to.metadata().unwrap().len());
            let after = done.load(order);
            // One may be written and not yet counted.
            let count = users_in(&to).await;
            assert!((before..=after + 1).contains(&count), "{before} {count} {after}");
        }
        is_over.store(true, order);
    });
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_comes_back_as_it_was_and_overwrites_nothing_unasked() {
    let engine = durable_sqlite().await.unwrap();
    fill(&engine.store, 40).await;
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    backup(&path_of(&engine), &saved).unwrap();
    let before = content(&engine.store).await;
    assert!(matches!(backup(&path_of(&engine), &saved), Err(BackupError::Exists(_))));
    assert!(matches!(backup(&folder.path().join("none"), &saved), Err(BackupError::Missing(_))));

    let place = folder.path().join("verger.db");
    assert_eq!(restore(&saved, &place, false).unwrap(), MigrationState::Current);
    let restored = Store::open(&place).unwrap();
    assert_eq!(content(&restored).await, before);
    execute(&restored, "DELETE FROM users").await;
    assert!(matches!(restore(&saved, &place, false), Err(BackupError::Exists(_))));
    assert!(matches!(restore(&saved, &place, true), Err(BackupError::InUse(_))), "somebody has it open");
    assert!(select(&restored, "SELECT id FROM users").await.is_empty(), "it is as it was");
    restored.close();
    drop(restored);
    restore(&saved, &place, true).unwrap();
    let restored = Store::open(&place).unwrap();
    assert_eq!(content(&restored).await, before);
    drop(restored);

    // An old store that cannot be read any more, with a log that must not be played into the new one.
    std::fs::write(&place, vec![7; 8192]).unwrap();
    std::fs::write(folder.path().join("verger.db-wal"), vec![7; 8192]).unwrap();
    restore(&saved, &place, true).unwrap();
    let restored = Store::open(&place).unwrap();
    assert_eq!(content(&restored).await, before);
}

/// What SQLite kept beside the old store is played into no new one, whether the old one is still there or not.
#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_an_old_store_are_not_played_into_the_restored_one() {
    let engine = durable_sqlite().await.unwrap();
    fill(&engine.store, 40).await;
    let before = content(&engine.store).await;
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    backup(&path_of(&engine), &saved).unwrap();
    // Made from the backup itself, so that they fit to it: only then does SQLite take them.
    for (journal_mode, suffix) in [("WAL", "-wal"), ("DELETE", "-journal")] {
        let old = folder.path().join(format!("old{suffix}"));
        std::fs::copy(&saved, &old).unwrap();
        let connection = rusqlite::Connection::open(&old).unwrap();
        let change =
            format!("PRAGMA journal_mode = {journal_mode}; BEGIN; DELETE FROM claims; DELETE FROM users;");
        connection.execute_batch(&change).unwrap();
        if journal_mode == "WAL" {
            connection.execute_batch("COMMIT").unwrap();
        }
        let leftover = std::fs::read(old.with_file_name(format!("old{suffix}{suffix}"))).unwrap();
        assert!(leftover.len() > 4096, "{suffix}");
        for is_there in [false, true] {
            let place = folder.path().join(format!("verger{suffix}-{is_there}"));
            if is_there {
                // Not readable any more: nobody can put the log into it.
                std::fs::write(&place, vec![7; 8192]).unwrap();
            }
            let beside = place.with_file_name(format!("verger{suffix}-{is_there}{suffix}"));
            std::fs::write(&beside, &leftover).unwrap();
            assert!(matches!(restore(&saved, &place, false), Err(BackupError::Exists(_))), "{suffix}");
            restore(&saved, &place, true).unwrap();
            assert!(!beside.exists(), "{suffix} {is_there}");
            let restored = Store::open(&place).unwrap();
            assert_eq!(content(&restored).await, before, "{suffix} {is_there}");
        }
        // Half of a store that somebody uses is no backup.
        std::fs::write(folder.path().join(format!("saved{suffix}")), &leftover).unwrap();
        let place = folder.path().join(format!("none{suffix}"));
        assert!(matches!(restore(&saved, &place, false), Err(BackupError::InUse(_))), "{suffix}");
        std::fs::remove_file(folder.path().join(format!("saved{suffix}"))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_whole_store_is_not_brought_back() {
    let engine = durable_sqlite().await.unwrap();
    fill(&engine.store, 300).await;
    let folder = tempfile::tempdir().unwrap();
    let (saved, place) = (folder.path().join("saved"), folder.path().join("verger.db"));
    backup(&path_of(&engine), &saved).unwrap();
    let whole = std::fs::read(&saved).unwrap();
    let bad = folder.path().join("bad");
    let mut overwritten = whole.clone();
    let middle = whole.len() / 2;
    overwritten[middle - 2048..middle + 2048].fill(0xA5);
    for bytes in [&b"no database at all"[..], &[], &whole[..whole.len() - 4096], &overwritten] {
        std::fs::write(&bad, bytes).unwrap();
        let refused = restore(&bad, &place, true);
        assert!(
            matches!(refused, Err(BackupError::Damaged { .. } | BackupError::Database { .. })),
            "{refused:?}"
        );
        assert!(!place.exists());
    }
    for (sql, expected) in [
        ("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 1, 999)", Some("Ahead")),
        ("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1", Some("Altered")),
        ("DELETE FROM schema_migrations WHERE version > 1", None),
    ] {
        std::fs::write(&bad, &whole).unwrap();
        rusqlite::Connection::open(&bad).unwrap().execute_batch(sql).unwrap();
        match (restore(&bad, &place, false), expected) {
            (Err(error @ BackupError::Schema { .. }), Some(word)) => {
                assert!(error.to_string().contains(word), "{error}");
                assert!(!place.exists());
            }
            (Ok(MigrationState::Behind { version: 1 }), None) => assert!(place.exists()),
            other => panic!("{other:?}"),
        }
    }
}

/// The ids of events are made of what is compared here.
#[tokio::test(flavor = "multi_thread")]
async fn trail_of_changes_is_the_same_after_a_copy_to_the_other_database_and_back() {
    let Some(engines) = stores().await else { return };
    let [first, second, third] = engines.each_ref().map(|engine| &engine.store);
    let (ours, theirs) = ready(first).await;
    for (instance, users) in [(&ours, 40), (&theirs, 3)] {
        let changes = (1..=users).map(|n| super::trail::change(&format!("user_{n}"), 1, n)).collect();
        super::trail::tell(first.instance(instance), changes).await;
    }
    copy(first, second, NOW, |_| {}).await.unwrap();
    copy(second, third, NOW, |_| {}).await.unwrap();
    let (before, after) = (content(first).await, content(third).await);
    for table in ["changes", "audit_ends"] {
        assert!(!before[table].is_empty());
        assert_eq!(before[table], after[table], "{table}");
    }
    for store in [second, third] {
        store.set_trail_keys(trail_keys());
        for (instance, rows) in [(&ours, 80), (&theirs, 6)] {
            super::trail::tell(store.instance(instance), vec![super::trail::change("user_1", 2, 50)]).await;
            let limit = std::time::Duration::from_secs(60);
            let verdict = store.instance(instance).verify_audit_log(limit).await.unwrap();
            let crate::AuditVerdict::Whole { rows: found, is_sealed: true, .. } = verdict else {
                panic!("{verdict:?}")
            };
            assert_eq!(found, rows + 2, "it goes on behind the last row");
        }
    }
}

//! What only a database in files can show.

use super::support::*;
use crate::db::Db;
use crate::{KeyDigest, SecretKey, Store, UserFilter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use verger_core::User;
use verger_core::user::{IdentificationStatus, ProfileChange};
use verger_wire::{InstanceId, Patch, UserId};

fn file_of(store: &Store) -> &Path {
    match &store.db {
        Db::Sqlite(db) => db.path(),
        Db::Postgres(_) => panic!("it has no file of its own"),
    }
}

fn log_of(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", file.display()))
}

pub(super) async fn secret_is_in_no_file(store: &Store) {
    let (ours, _) = ready(store).await;
    let secret = "sk_test_aVeryRememberableSecretOfThisTest";
    let key = SecretKey {
        id: "key_rememberable".into(),
        instance_id: ours,
        name: "Key".to_owned(),
        hint: "Test".to_owned(),
        created_at: NOW,
        revoked_at: None,
    };
    store.create_key(&key, &KeyDigest::of(secret), far()).await.unwrap();
    assert!(store.find_key(&KeyDigest::of(secret), far()).await.unwrap().is_some());
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(file_of(store).parent().unwrap()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("key_rememberable"), "the files were read");
    for part in [secret, &secret[8..], "Rememberable"] {
        assert!(!has(part), "{part}");
    }
}

/// What a process that is killed leaves behind is what the files hold at that moment.
pub(super) async fn copy_under_load_has_every_acknowledged_write(store: &Store) {
    const WRITERS: usize = 4;
    const COPIES: usize = 6;
    let (ours, _) = ready(store).await;
    let acknowledged: Mutex<BTreeMap<UserId, Option<i64>>> = Mutex::default();
    let is_over = AtomicBool::new(false);
    let (acknowledged, is_over, ours) = (&acknowledged, &is_over, &ours);
    let done = in_parallel(WRITERS + 1, |at| async move {
        if at < WRITERS {
            write_until(store, ours, at, acknowledged, is_over).await;
            return 0;
        }
        let _end = SetOnDrop(is_over);
        let mut seen = 0;
        for _ in 0..COPIES {
            // So much new that it is in the log, and some of it in the database already.
            while acknowledged.lock().unwrap().len() < seen + 40 {
                assert!(!is_over.load(Ordering::Relaxed), "a writer failed");
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let before = acknowledged.lock().unwrap().clone();
            seen = before.len();
            let folder = copy(file_of(store));
            assert_holds(folder.path(), ours, &before).await;
        }
        COPIES
    });
    assert_eq!(done[WRITERS], COPIES);
}

/// Tells the others to end when one of them does, if only because it panics.
pub(super) struct SetOnDrop<'a>(pub(super) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Creates users, changes them and deletes every fourth, and notes what was answered: the version, or that it is gone.
async fn write_until(
    store: &Store,
    instance: &InstanceId,
    writer: usize,
    acknowledged: &Mutex<BTreeMap<UserId, Option<i64>>>,
    is_over: &AtomicBool,
) {
    let _end = SetOnDrop(is_over);
    let scoped = store.instance(instance);
    let env = &mut env();
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let held = vec![(phone((round * 4 + writer) % 80_000), IdentificationStatus::Verified)];
        let mut user = new_user(held, env);
        scoped.save(&write(None, Some(&user), env), far()).await.unwrap();
        acknowledged.lock().unwrap().insert(user.id.clone(), Some(1));
        for _ in 0..2 {
            let next = renamed(&user, env);
            scoped.save(&write(Some(&user), Some(&next), env), far()).await.unwrap();
            acknowledged.lock().unwrap().insert(next.id.clone(), Some(next.version));
            user = next;
        }
        if round % 4 == 0 {
            scoped.save(&write(Some(&user), None, env), far()).await.unwrap();
            acknowledged.lock().unwrap().insert(user.id.clone(), None);
        }
    }
}

pub(super) fn renamed(user: &User, env: &mut verger_core::Env) -> User {
    let first_name = Patch::Set(format!("Version {}", user.version + 1));
    let change = ProfileChange { first_name, ..ProfileChange::default() };
    user.update(change, &verger_core::Claims::default(), env).unwrap().user
}

/// Copies the files. A reader holds the log's start meanwhile: copying takes time, and a crash takes none.
fn copy(file: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let reader = rusqlite::Connection::open(file).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let tables: i64 = reader.query_row("SELECT COUNT(*) FROM users", [], |row| row.get(0)).unwrap();
    assert!(tables > 0);
    let target = folder.path().join("verger.db");
    std::fs::copy(file, &target).unwrap();
    std::fs::copy(log_of(file), log_of(&target)).unwrap();
    reader.execute_batch("COMMIT").unwrap();
    folder
}

async fn assert_holds(folder: &Path, instance: &InstanceId, acknowledged: &BTreeMap<UserId, Option<i64>>) {
    let store = Store::open(&folder.join("verger.db")).unwrap();
    let scoped = store.instance(instance);
    let users = list(scoped, &UserFilter::default(), &page(1_000_000)).await;
    let versions: BTreeMap<_, _> = users.iter().map(|user| (&user.id, user.version)).collect();
    for (id, version) in acknowledged {
        match (version, versions.get(id)) {
            (Some(acknowledged), Some(stored)) => assert!(stored >= acknowledged, "{id} went back"),
            // It may have been deleted while the copy was made, which its last event says.
            (Some(_), None) => {
                let deleted =
                    format!("SELECT id FROM outbox WHERE user_id = '{id}' AND kind = 'user.deleted'");
                assert_eq!(select(&store, &deleted).await.len(), 1, "{id} is lost");
            }
            (None, stored) => assert_eq!(stored, None, "{id} is back"),
        }
    }
    // A write is in the copy whole or not at all.
    assert_eq!(claims(&store, instance).await, claims_of(&users));
    let mut told: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let events = "SELECT user_id, user_version FROM outbox WHERE kind LIKE 'user.%' ORDER BY user_version";
    for row in select(&store, events).await {
        told.entry(text(&row[0]).to_owned()).or_default().push(int(&row[1]));
    }
    for user in &users {
        assert_eq!(told[user.id.as_str()], (1..=user.version).collect::<Vec<_>>(), "{}", user.id);
        if user.version > 1 {
            assert_eq!(user.first_name, Some(format!("Version {}", user.version)));
        }
    }
    let whole = select(&store, "PRAGMA integrity_check").await;
    assert_eq!(whole, [[crate::db::Value::from("ok")]]);
}

pub(super) async fn opening_from_many_threads_at_once_succeeds(store: &Store) {
    for round in 0..10 {
        let path = file_of(store).with_file_name(format!("new-{round}.db"));
        let path = &path;
        let opened = in_parallel(4, |_| async move {
            let store = Store::open(path)?;
            store.migrate(NOW, far()).await?;
            store.ping(far()).await
        });
        for opened in opened {
            opened.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
}

pub(super) async fn ephemeral_files_are_removed(_: &Store) {
    let store = Store::ephemeral().unwrap();
    ready(&store).await;
    let file = file_of(&store).to_owned();
    assert!(file.exists());
    drop(store);
    assert!(!file.parent().unwrap().exists());
}

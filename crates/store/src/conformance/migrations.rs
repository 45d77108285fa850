use super::another_handle;
use super::support::*;
use crate::{MigrationState, SCHEMA_VERSION, Store, StoreError};
use verger_core::user::IdentificationStatus;

pub(super) async fn migrate_applies_each_version_once(store: &Store) {
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Behind { version: 0 });
    let versions: Vec<_> = (1..=SCHEMA_VERSION).collect();
    assert_eq!(store.migrate(NOW, far()).await.unwrap(), versions);
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Current);
    let before = dump(store).await;
    assert_eq!(store.migrate(NOW.plus_ms(1), far()).await.unwrap(), [0_i64; 0]);
    assert_eq!(dump(store).await, before);
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Current);
}

pub(super) async fn migrate_from_many_handles_at_once_succeeds_on_each(store: &Store) {
    let other = another_handle(store).unwrap();
    let handles = [store, &other];
    let applied = in_parallel(6, |at| async move { handles[at % 2].migrate(NOW, far()).await });
    let mut applied: Vec<_> = applied.into_iter().flat_map(Result::unwrap).collect();
    applied.sort_unstable();
    assert_eq!(applied, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    for handle in handles {
        assert_eq!(handle.migration_state(far()).await.unwrap(), MigrationState::Current);
    }
}

pub(super) async fn failed_migration_leaves_neither_a_table_nor_a_record(store: &Store) {
    // The first migration makes other tables before it meets this one.
    execute(store, "CREATE TABLE idempotency_keys (id TEXT)").await;
    assert!(matches!(store.migrate(NOW, far()).await, Err(StoreError::Bug(_))));
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Behind { version: 0 });
    execute(store, "DROP TABLE idempotency_keys").await;
    assert_eq!(store.migrate(NOW, far()).await.unwrap(), (1..=SCHEMA_VERSION).collect::<Vec<_>>());
}

pub(super) async fn altered_migration_is_recognised_and_refused(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    execute(store, "UPDATE schema_migrations SET checksum = 'other' WHERE version = 1").await;
    assert_refused(store, &MigrationState::Altered { version: 1 }).await;
}

pub(super) async fn newer_schema_is_recognised_and_refused(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    let version = SCHEMA_VERSION + 1;
    let insert = |version, serves_from| {
        format!("INSERT INTO schema_migrations VALUES ({version}, 'newer', 'its checksum', 1, {serves_from})")
    };
    execute(store, &insert(version, version)).await;
    assert_refused(store, &MigrationState::Ahead { version }).await;
    // What came after it takes nothing away, but it itself did.
    execute(store, &insert(version + 1, 1)).await;
    assert_refused(store, &MigrationState::Ahead { version: version + 1 }).await;
}

/// An old and a new server side by side: the new one has added a column, a table and an index, and both write.
pub(super) async fn schema_that_a_newer_build_expanded_is_served(store: &Store) {
    let (ours, _) = ready(store).await;
    let scoped = store.instance(&ours);
    let version = SCHEMA_VERSION + 1;
    for sql in [
        "ALTER TABLE users ADD COLUMN nickname TEXT",
        "ALTER TABLE identifications ADD COLUMN carrier BIGINT",
        "CREATE TABLE nicknames (instance_id TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (instance_id, id))",
        "CREATE INDEX users_by_nickname ON users (instance_id, nickname)",
        &format!(
            "INSERT INTO schema_migrations VALUES ({version}, 'newer', 'its checksum', 1, {SCHEMA_VERSION})"
        ),
    ] {
        execute(store, sql).await;
    }
    assert_eq!(store.migration_state(far()).await.unwrap(), MigrationState::Expanded { version });
    assert_eq!(store.migrate(NOW, far()).await.unwrap(), [0_i64; 0]);
    let user = new_user(vec![(phone(1), IdentificationStatus::Verified)], &mut env());
    create_all(scoped, std::slice::from_ref(&user)).await;
    execute(store, "UPDATE users SET nickname = 'new'").await;
    let loaded = scoped.load_user(&user.id, far()).await.unwrap().unwrap();
    assert_eq!(loaded, user);
    let changed = super::files::renamed(&loaded, &mut env());
    scoped.save(&write(Some(&loaded), Some(&changed), &mut env()), far()).await.unwrap();
    assert_eq!(scoped.load_user(&user.id, far()).await.unwrap().unwrap(), changed);
    let kept = select(store, "SELECT nickname FROM users").await;
    assert_eq!(kept, [[crate::db::Value::from("new")]], "what an old build does not know stays");
}

pub(super) async fn damaged_record_of_a_migration_is_an_error(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    let version = SCHEMA_VERSION + 5;
    let update = format!("UPDATE schema_migrations SET version = {version} WHERE version = {SCHEMA_VERSION}");
    execute(store, &update).await;
    assert_refused(store, &MigrationState::Altered { version }).await;
}

async fn assert_refused(store: &Store, state: &MigrationState) {
    let before = dump(store).await;
    assert_eq!(store.migration_state(far()).await.unwrap(), *state);
    assert!(matches!(store.migrate(NOW, far()).await, Err(StoreError::Bug(_))));
    assert_eq!(dump(store).await, before);
}

use super::another_handle;
use super::support::*;
use crate::{MigrationState, SCHEMA_VERSION, Store, StoreError};

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
    execute(store, &format!("INSERT INTO schema_migrations VALUES ({version}, 'newer', 'its checksum', 1)"))
        .await;
    assert_refused(store, &MigrationState::Ahead { version }).await;
}

pub(super) async fn damaged_record_of_a_migration_is_an_error(store: &Store) {
    store.migrate(NOW, far()).await.unwrap();
    execute(store, "UPDATE schema_migrations SET version = 7 WHERE version = 1").await;
    assert_refused(store, &MigrationState::Altered { version: 7 }).await;
}

async fn assert_refused(store: &Store, state: &MigrationState) {
    let before = dump(store).await;
    assert_eq!(store.migration_state(far()).await.unwrap(), *state);
    assert!(matches!(store.migrate(NOW, far()).await, Err(StoreError::Bug(_))));
    assert_eq!(dump(store).await, before);
}

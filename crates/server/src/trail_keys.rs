//! The keys of the trail: derived from `code_keys`, handed to the store when it is opened, and kept there sealed, so that
//! what was bound with a key can be verified after that key was retired.

use crate::codes::Keyring;
use std::time::Instant;
use verger_store::{Store, StoreError, StoredTrailKey, TrailKey, TrailKeys};
use verger_wire::UnixMillis;

/// Gives a store with the current schema all keys that are known. Whatever is appended to the trail is bound with the first of
/// them. Writes nothing: a server whose disk is full starts, and keeps the keys as soon as it can.
///
/// # Errors
/// The database does not answer.
pub async fn hand_over(store: &Store, keyring: &Keyring, deadline: Instant) -> Result<(), StoreError> {
    let stored = store.stored_trail_keys(deadline).await?;
    store.set_trail_keys(known(keyring, &stored));
    for (instance_id, key_id) in store.trails_of_unknown_keys(deadline).await? {
        tracing::warn!(%instance_id, key_id, "the audit trail is sealed with a key that is not in code_keys");
    }
    Ok(())
}

/// Keeps the keys of `code_keys` that the store lacks, sealed with the first of them. An empty store stays empty, so that
/// it can be the target of a copy.
pub(crate) async fn keep(
    store: &Store,
    keyring: &Keyring,
    now: UnixMillis,
    deadline: Instant,
) -> Result<(), StoreError> {
    let stored = store.stored_trail_keys(deadline).await?;
    let is_missing = |id: &str| stored.iter().all(|stored| stored.key_id != id);
    let missing: Vec<_> = keyring
        .trail_keys()
        .filter(|(id, _)| is_missing(id))
        .filter_map(|(id, key)| {
            let sealed = keyring.seal_trail_key(id, key)?;
            Some(StoredTrailKey { key_id: id.to_owned(), sealed, created_at: now })
        })
        .collect();
    if missing.is_empty() || store.instances(deadline).await?.is_empty() {
        return Ok(());
    }
    store.keep_trail_keys(missing, deadline).await
}

/// The keys of `code_keys`, and those of retired ones. Of keys that are sealed with a missing key `verger check` tells.
pub(crate) fn known(keyring: &Keyring, stored: &[StoredTrailKey]) -> TrailKeys {
    let retired = stored.iter().filter_map(|stored| {
        Some((stored.key_id.as_str(), keyring.open_trail_key(&stored.key_id, &stored.sealed)?))
    });
    TrailKeys::new(keyring.trail_keys().chain(retired).map(|(id, key)| TrailKey::new(id.to_owned(), key)))
}

//! Creates what an instance needs before its first request: the instance, and a secret key.

use std::time::Instant;
use verger_core::Env;
use verger_store::{Conflict, Environment, Instance, KeyDigest, SecretKey, Store, StoreError};
use verger_wire::{InstanceId, KeyId};

/// 43 characters of base 62: 256 random bits.
pub(crate) fn new_secret(prefix: &str, env: &mut Env) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut secret = prefix.to_owned();
    while secret.len() < prefix.len() + 43 {
        let byte = usize::from((env.rng().next_u32() >> 24) as u8);
        // 248 is the greatest multiple of 62 below 256: without the rest, every character is as likely.
        if byte < 248 {
            secret.push(char::from(ALPHABET[byte % 62]));
        }
    }
    secret
}

/// Stores a secret key of an instance; returns false if it was stored already.
pub(crate) async fn keep_key(
    store: &Store,
    instance: &InstanceId,
    name: &str,
    secret: &str,
    env: &mut Env,
    deadline: Instant,
) -> Result<(KeyId, bool), StoreError> {
    let hint: String = secret.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let key = SecretKey {
        id: env.key_id(),
        instance_id: instance.clone(),
        name: name.to_owned(),
        hint,
        created_at: env.now,
        revoked_at: None,
    };
    match store.create_key(&key, &KeyDigest::of(secret), deadline).await {
        Ok(()) => Ok((key.id, true)),
        Err(StoreError::Conflict(Conflict::KeyExists)) => Ok((key.id, false)),
        Err(error) => Err(error),
    }
}

/// The development instance of the store, created if there is none.
pub(crate) async fn development_instance(
    store: &Store,
    env: &mut Env,
    deadline: Instant,
) -> Result<InstanceId, StoreError> {
    let instances = store.instances(deadline).await?;
    if let Some(instance) =
        instances.into_iter().find(|instance| instance.environment == Environment::Development)
    {
        return Ok(instance.id);
    }
    let instance = Instance {
        id: env.instance_id(),
        name: "development".to_owned(),
        environment: Environment::Development,
        created_at: env.now,
    };
    store.create_instance(&instance, deadline).await?;
    Ok(instance.id)
}

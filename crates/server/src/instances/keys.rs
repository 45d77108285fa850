//! Keys that sign tokens, opened: the private half stays in memory while the key may sign.

use crate::codes::Keyring;
use crate::error::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use std::collections::HashMap;
use std::sync::Arc;
use verger_core::{SigningKey, SigningKeys};
use verger_jwt::{Algorithm, Jwk, Jwks, VerifyingKey};
use verger_store::{KeySet, StoredSigningKey};
use verger_wire::{SigningKeyId, UnixMillis};

/// A key that signs.
#[derive(Debug)]
pub(crate) struct Signer {
    /// What the header of a token names it with.
    pub(crate) kid: SigningKeyId,
    /// The key.
    pub(crate) key: verger_jwt::SigningKey,
}

/// The keys of an instance as they were read.
pub(super) struct Keys {
    core: SigningKeys,
    /// `None`: the private half cannot be opened here.
    signers: HashMap<SigningKeyId, Option<Arc<Signer>>>,
}

impl Keys {
    /// Opens what `known` does not have: an id never stands for another key.
    pub(super) fn open(keyring: &Keyring, set: KeySet, known: Option<&Self>) -> Self {
        let core = set.to_core();
        let signers = set
            .keys
            .into_iter()
            .filter(|stored| !stored.private_key.is_empty())
            .map(|stored| {
                let id = stored.key.id.clone();
                let known = known.and_then(|known| known.signers.get(&id)?.clone());
                (id, known.or_else(|| opened(keyring, &stored).map(Arc::new)))
            })
            .collect();
        Self { core, signers }
    }

    /// The key that signs now; `None` if there is none yet.
    pub(super) fn signer_at(&self, now: UnixMillis) -> Option<Result<Arc<Signer>, Failure>> {
        let key = self.core.signer_at(now)?;
        let signer = self.signers.get(&key.id).cloned().flatten();
        Some(signer.ok_or_else(|| {
            Failure::Bug(format!("signing key {} was sealed with a key that is not in code_keys", key.id))
        }))
    }
}

/// The associated data of the sealed private half, so that it opens only in its own row.
pub(crate) fn seal_name(id: &SigningKeyId) -> String {
    format!("signing key {id}")
}

/// A key with its private half; `None` if that is erased, or sealed with a key that is not there.
fn opened(keyring: &Keyring, stored: &StoredSigningKey) -> Option<Signer> {
    let text = keyring.open(&seal_name(&stored.key.id), &stored.private_key)?;
    let pkcs8 = STANDARD.decode(text).ok()?;
    let key = verger_jwt::SigningKey::from_pkcs8(Algorithm::Rs256, &pkcs8).ok()?;
    Some(Signer { kid: stored.key.id.clone(), key })
}

/// A new pair of halves for this key, the private one sealed.
///
/// # Errors
/// The machine has no randomness.
pub(crate) async fn sealed(keyring: &Keyring, key: SigningKey) -> Result<StoredSigningKey, Failure> {
    // It takes up to half a second of computing.
    let pair = tokio::task::spawn_blocking(verger_jwt::SigningKey::generate_rs256).await;
    let pair = pair.map_err(|error| Failure::Bug(error.to_string()))?.map_err(unusable)?;
    let pkcs8 = pair.to_pkcs8().map_err(unusable)?;
    let text = STANDARD.encode(pkcs8.expose_secret());
    let private_key = keyring
        .seal(&seal_name(&key.id), &text)
        .ok_or_else(|| Failure::Bug("a signing key could not be sealed".to_owned()))?;
    let public_key =
        pair.verifying_key().to_pem().ok_or_else(|| Failure::Bug("a signing key has no PEM".to_owned()))?;
    Ok(StoredSigningKey { key, public_key, private_key })
}

fn unusable(error: verger_jwt::KeyError) -> Failure {
    Failure::Bug(error.to_string())
}

/// What verifiers are told at this moment.
pub(crate) fn published(set: &KeySet, now: UnixMillis) -> Result<Jwks, Failure> {
    let core = set.to_core();
    let keys: Result<Vec<Jwk>, Failure> = core
        .published_at(now)
        .filter_map(|key| set.keys.iter().find(|stored| stored.key.id == key.id))
        .map(|stored| {
            let key = VerifyingKey::from_pem(Algorithm::Rs256, &stored.public_key).map_err(unusable)?;
            key.to_jwk(stored.key.id.as_str())
                .ok_or_else(|| Failure::Bug("a signing key is no RSA key".to_owned()))
        })
        .collect();
    Ok(Jwks { keys: keys? })
}

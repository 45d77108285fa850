//! The keys of the chain, which the store is given when it is opened and never writes anywhere.

use crate::StoreError;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A key that rows of the trail are bound with: derived from one of `code_keys`, and as secret as that.
#[derive(Clone)]
pub struct TrailKey {
    id: String,
    /// With the key already taken in, which is half of the work for a short text.
    mac: Hmac<Sha256>,
}

/// All keys that are known, newest first: the first one binds, all of them verify.
#[derive(Clone, Debug, Default)]
pub struct TrailKeys(Vec<TrailKey>);

/// A place for the keys, which are known only after the store was opened. They are set once.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrailKeySlot(Arc<OnceLock<TrailKeys>>);

impl TrailKey {
    /// A key of 32 bytes. `id` is that of the key of `code_keys` that it was derived from.
    pub fn new(id: String, secret: [u8; 32]) -> Self {
        // A block of the hash: that is what HMAC makes of a shorter key.
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(&secret);
        Self { id, mac: Hmac::new(&block.into()) }
    }

    /// The id of the key of `code_keys` that it was derived from.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// HMAC-SHA-256 over the name of the key and `parts`, each with its length.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        for part in [self.id.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for TrailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TrailKey").field(&self.id).finish()
    }
}

impl TrailKeys {
    /// Keys, newest first. Of two with one id the first counts.
    pub fn new(keys: impl IntoIterator<Item = TrailKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The key that binds new rows.
    pub(crate) fn newest(&self) -> Result<&TrailKey, StoreError> {
        self.0.first().ok_or_else(|| StoreError::Bug("the store was given no keys for its trail".to_owned()))
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&TrailKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl TrailKeySlot {
    /// Sets the keys; `false` if they are set already, and nothing changes.
    pub(crate) fn set(&self, keys: TrailKeys) -> bool {
        self.0.set(keys).is_ok()
    }

    /// The keys; none before they are set.
    pub(crate) fn get(&self) -> Option<&TrailKeys> {
        self.0.get()
    }

    /// The keys, which must have been set.
    pub(crate) fn known(&self) -> Result<&TrailKeys, StoreError> {
        self.0.get().ok_or_else(|| StoreError::Bug("the store was given no keys for its trail".to_owned()))
    }

    /// The key that binds new rows.
    pub(crate) fn newest(&self) -> Result<&TrailKey, StoreError> {
        self.known()?.newest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_key_binds_and_all_are_found_by_their_ids() {
        let slot = TrailKeySlot::default();
        assert!(matches!(slot.newest(), Err(StoreError::Bug(_))));
        let keys =
            [("new", 1), ("old", 2), ("old", 3)].map(|(id, byte)| TrailKey::new(id.to_owned(), [byte; 32]));
        assert!(slot.set(TrailKeys::new(keys.clone())));
        assert!(!slot.set(TrailKeys::default()), "they are set once");
        assert_eq!(slot.newest().unwrap().id(), "new");
        let found = slot.get().unwrap().by_id("old").unwrap();
        assert_eq!(found.mac(&[b"x"]), keys[1].mac(&[b"x"]));
        assert!(slot.get().unwrap().by_id("gone").is_none());
        assert!(matches!(TrailKeys::default().newest(), Err(StoreError::Bug(_))));
    }

    #[test]
    fn secret_is_not_in_what_is_printed() {
        let text = format!("{:?}", TrailKeys::new([TrailKey::new("id".to_owned(), [0xab; 32])]));
        assert_eq!(text, r#"TrailKeys([TrailKey("id")])"#);
    }
}

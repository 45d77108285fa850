//! The keys that codes are digested with and messages are sealed with. They are never in the database, so that a copy
//! of it gives no code away (contract section 8).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use std::fmt;
use verger_core::CodeDigest;
use verger_core::verification::KEY_ID_CHARACTERS;

/// The fewest bytes of a key: as many as the digests have.
const KEY_BYTES_MIN: usize = 32;
const NONCE_BYTES: usize = 12;
const TRAIL_KEY_BYTES: usize = 32;
/// What fingerprints of requests are bound to; what a code is bound to never looks like it.
const FINGERPRINT: &str = "fingerprint";

/// All keys in use: the first one signs and seals, all of them verify and open.
pub struct Keyring(Vec<Key>);

struct Key {
    id: String,
    digest: hmac::Key,
    seal: RandomizedNonceKey,
    trail: [u8; TRAIL_KEY_BYTES],
}

/// What is wrong with the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// `code_keys` is not set.
    #[error(
        "code_keys is missing: set VERGER_CODE_KEYS to a secret that you create once with `openssl rand -base64 32` and keep like a password"
    )]
    Missing,
    /// Not base64, or too short.
    #[error(
        "key {0} of code_keys must be base64 of at least 32 random bytes, as `openssl rand -base64 32` prints them"
    )]
    Malformed(usize),
    /// The operating system has no randomness to give.
    #[error("no randomness from the operating system")]
    NoRandomness,
}

impl Keyring {
    /// Parses keys, newest first: base64, separated by commas or whitespace.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let parts = text.split([',', ' ', '\n', '\r', '\t']).filter(|part| !part.is_empty());
        let keys: Result<Vec<_>, _> = parts
            .enumerate()
            .map(|(at, part)| {
                let bytes = STANDARD.decode(part).map_err(|_| KeyringError::Malformed(at + 1))?;
                if bytes.len() < KEY_BYTES_MIN {
                    return Err(KeyringError::Malformed(at + 1));
                }
                Key::derive(&bytes).ok_or(KeyringError::Malformed(at + 1))
            })
            .collect();
        let keys = keys?;
        if keys.is_empty() {
            return Err(KeyringError::Missing);
        }
        Ok(Self(keys))
    }

    /// A new random key, in the form that [`Keyring::parse`] reads.
    ///
    /// # Errors
    /// [`KeyringError::NoRandomness`]
    pub fn generate() -> Result<String, KeyringError> {
        let mut bytes = [0; KEY_BYTES_MIN];
        // Directly from the operating system: the generator of the library takes tens of milliseconds to initialise.
        SysRng.try_fill_bytes(&mut bytes).map_err(|_| KeyringError::NoRandomness)?;
        Ok(STANDARD.encode(bytes))
    }

    fn newest(&self) -> &Key {
        // There is one: `parse` gives no empty keyring.
        &self.0[0]
    }

    fn by_id(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The ids of all keys, newest first. They reveal nothing about the keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// The id of the key that a text was sealed with.
    pub(crate) fn key_of(sealed: &str) -> &str {
        sealed.split_once(':').map_or("", |(id, _)| id)
    }

    /// The keys that rows of the trail are bound with, newest first, with the ids of those that they are derived from.
    pub(crate) fn trail_keys(&self) -> impl Iterator<Item = (&str, [u8; TRAIL_KEY_BYTES])> {
        self.0.iter().map(|key| (key.id.as_str(), key.trail))
    }

    /// A key of the trail, sealed, so that rows can still be verified once the key that it is derived from is retired.
    pub(crate) fn seal_trail_key(&self, key_id: &str, key: [u8; TRAIL_KEY_BYTES]) -> Option<String> {
        self.seal(&trail_key_name(key_id), &STANDARD.encode(key))
    }

    /// Opens a key that [`Keyring::seal_trail_key`] sealed; `None` if the key that sealed it is missing or it was altered.
    pub(crate) fn open_trail_key(&self, key_id: &str, sealed: &str) -> Option<[u8; TRAIL_KEY_BYTES]> {
        STANDARD.decode(self.open(&trail_key_name(key_id), sealed)?).ok()?.try_into().ok()
    }

    /// The stored form of a code that is bound to `binding`.
    pub(crate) fn digest(&self, instance: &str, binding: &str, code: &str) -> CodeDigest {
        let key = self.newest();
        CodeDigest { key_id: key.id.clone(), digest: hex(key.sign(instance, binding, code).as_ref()) }
    }

    /// Compares a code in constant time. `None` if the key that it was digested with is missing.
    pub(crate) fn matches(
        &self,
        instance: &str,
        binding: &str,
        code: &str,
        stored: &CodeDigest,
    ) -> Option<bool> {
        let key = self.by_id(&stored.key_id)?;
        let tag = hex(key.sign(instance, binding, code).as_ref());
        let is_same =
            aws_lc_rs::constant_time::verify_slices_are_equal(tag.as_bytes(), stored.digest.as_bytes());
        Some(is_same.is_ok())
    }

    /// The stored form of the fingerprint of a request. A bare digest of a request that tries a code would give the code
    /// away: there are only a million of them.
    pub(crate) fn sign_fingerprint(&self, instance: &str, fingerprint: &str) -> String {
        let CodeDigest { key_id, digest } = self.digest(instance, FINGERPRINT, fingerprint);
        format!("{key_id}:{digest}")
    }

    /// Whether it is the stored form of this fingerprint; not if the key is gone.
    pub(crate) fn is_fingerprint(&self, instance: &str, fingerprint: &str, stored: &str) -> bool {
        let Some((key_id, digest)) = stored.split_once(':') else { return false };
        let stored = CodeDigest { key_id: key_id.to_owned(), digest: digest.to_owned() };
        self.matches(instance, FINGERPRINT, fingerprint, &stored) == Some(true)
    }

    /// Seals a text; `of` names what it belongs to, so that it cannot be moved to another row.
    pub(crate) fn seal(&self, of: &str, text: &str) -> Option<String> {
        let key = self.newest();
        let mut bytes = text.as_bytes().to_vec();
        let nonce = key.seal.seal_in_place_append_tag(Aad::from(of.as_bytes()), &mut bytes).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut bytes);
        Some(format!("{}:{}", key.id, STANDARD.encode(sealed)))
    }

    /// Opens a sealed text; `None` if its key is missing or it was altered.
    pub(crate) fn open(&self, of: &str, sealed: &str) -> Option<String> {
        let (id, text) = sealed.split_once(':')?;
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let opened = self.by_id(id)?.seal.open_in_place(nonce, Aad::from(of.as_bytes()), &mut rest).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    /// Seals again with the newest key what another key sealed; `None` if that key is missing or the text was altered.
    pub(crate) fn reseal(&self, of: &str, sealed: &str) -> Option<String> {
        self.seal(of, &self.open(of, sealed)?)
    }
}

/// The associated data of a sealed key of the trail, so that it opens only as the key that it is.
fn trail_key_name(key_id: &str) -> String {
    format!("trail key {key_id}")
}

impl Key {
    fn derive(bytes: &[u8]) -> Option<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let derived = |purpose: &[u8]| hmac::sign(&root, purpose);
        let mut trail = [0; TRAIL_KEY_BYTES];
        trail.copy_from_slice(derived(b"verger: trail").as_ref());
        Some(Self {
            trail,
            id: hex(&derived(b"verger: key id").as_ref()[..KEY_ID_CHARACTERS / 2]),
            digest: hmac::Key::new(hmac::HMAC_SHA256, derived(b"verger: codes").as_ref()),
            seal: RandomizedNonceKey::new(&AES_256_GCM, derived(b"verger: messages").as_ref()).ok()?,
        })
    }

    fn sign(&self, instance: &str, binding: &str, code: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.digest);
        for part in [instance, binding, code] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(count: u8) -> Keyring {
        let keys: Vec<_> = (0..count).rev().map(|n| STANDARD.encode([n; 32])).collect();
        Keyring::parse(&keys.join(",")).unwrap()
    }

    #[test]
    fn code_matches_itself_alone() {
        let keys = keyring(1);
        let stored = keys.digest("ins_1", "a\nb", "123456");
        assert_eq!(keys.matches("ins_1", "a\nb", "123456", &stored), Some(true));
        for (instance, binding, code) in [
            ("ins_2", "a\nb", "123456"),
            ("ins_1", "a\nc", "123456"),
            ("ins_1", "a\nb", "123457"),
            ("ins_1", "a\nb1", "23456"),
        ] {
            assert_eq!(keys.matches(instance, binding, code, &stored), Some(false));
        }
    }

    #[test]
    fn former_keys_verify_and_open_and_the_newest_signs() {
        let (old, both) = (keyring(1), keyring(2));
        let (stored, sealed) = (old.digest("i", "b", "1"), old.seal("m", "text").unwrap());
        assert_eq!(both.matches("i", "b", "1", &stored), Some(true));
        assert_eq!(both.open("m", &sealed).as_deref(), Some("text"));
        let newer = both.digest("i", "b", "1");
        assert_ne!(newer.key_id, stored.key_id);
        assert_eq!(old.matches("i", "b", "1", &newer), None);
        assert_eq!(old.open("m", &both.seal("m", "text").unwrap()), None);
    }

    #[test]
    fn text_that_a_former_key_sealed_is_sealed_with_the_newest_and_stays_bound() {
        let (old, both) = (keyring(1), keyring(2));
        let resealed = both.reseal("m", &old.seal("m", "text").unwrap()).unwrap();
        let newest = Keyring(both.0.into_iter().take(1).collect());
        assert_eq!(newest.open("m", &resealed).as_deref(), Some("text"));
        assert_eq!(newest.open("n", &resealed), None);
        assert_eq!(newest.reseal("m", &old.seal("m", "text").unwrap()), None, "its key is gone");
    }

    #[test]
    fn sealed_text_cannot_be_read_changed_or_moved() {
        let keys = keyring(1);
        let sealed = keys.seal("sms_1", "Your code is 123456").unwrap();
        assert!(!sealed.contains("123456"));
        assert_ne!(sealed, keys.seal("sms_1", "Your code is 123456").unwrap());
        assert_eq!(keys.open("sms_2", &sealed), None);
        assert_eq!(keys.open("sms_1", &sealed[..sealed.len() - 4]), None);
    }

    #[test]
    fn key_of_the_trail_is_derived_and_opens_as_itself_alone() {
        let (old, both) = (keyring(1), keyring(2));
        let of = |keys: &Keyring| keys.trail_keys().map(|(id, key)| (id.to_owned(), key)).collect::<Vec<_>>();
        let (kept, all) = (of(&old), of(&both));
        assert_eq!(all[1], kept[0], "the same from the same key");
        assert_ne!(all[0].1, all[1].1);
        let (id, key) = &kept[0];
        let sealed = both.seal_trail_key(id, *key).unwrap();
        assert_eq!(both.open_trail_key(id, &sealed), Some(*key));
        assert_eq!(both.open_trail_key(&all[0].0, &sealed), None, "it is another's");
        assert_eq!(old.open_trail_key(id, &sealed), None, "the newest sealed it");
    }

    #[test]
    fn bad_keys_are_refused_by_their_place() {
        assert_eq!(Keyring::parse(" ").unwrap_err(), KeyringError::Missing);
        let short = STANDARD.encode([1; 31]);
        let good = Keyring::generate().unwrap();
        assert_eq!(Keyring::parse(&format!("{good},{short}")).unwrap_err(), KeyringError::Malformed(2));
        assert_eq!(Keyring::parse("###").unwrap_err(), KeyringError::Malformed(1));
    }
}

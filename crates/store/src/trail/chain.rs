//! The chain: what a row's hash covers.

use super::TrailKey;
use crate::hex::hex;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use verger_wire::{InstanceId, UnixMillis, UserId};

/// What keeps each kind of input from being taken for another.
const CONTENT: &str = "verger: change";
const PERSONAL: &str = "verger: personal";
const LINK: &str = "verger: link";

/// The hash of a row of the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

/// Everything that a row says, apart from its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) instance: &'a InstanceId,
    pub(crate) event_count: i64,
    pub(crate) kind: &'a str,
    pub(crate) events: &'a str,
    pub(crate) user_id: &'a UserId,
    pub(crate) user_version: i64,
    pub(crate) created_at: UnixMillis,
    pub(crate) who: &'a str,
    /// See [`personal_digest`]; empty if nothing about the row is personal.
    pub(crate) personal_digest: &'a str,
}

/// SHA-256 of a [`Content`]: whoever appends the row only has to bind it to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentDigest([u8; 32]);

impl Content<'_> {
    pub(crate) fn digest(&self) -> ContentDigest {
        let [count, version, at] =
            [self.event_count, self.user_version, self.created_at.0].map(i64::to_be_bytes);
        ContentDigest(digest(&[
            CONTENT.as_bytes(),
            self.instance.as_str().as_bytes(),
            &count,
            self.kind.as_bytes(),
            self.events.as_bytes(),
            self.user_id.as_str().as_bytes(),
            &version,
            &at,
            self.who.as_bytes(),
            self.personal_digest.as_bytes(),
        ]))
    }
}

/// What stays of the personal part of a row when it is erased, in base64. The salt goes with that part, so that nobody can
/// find out by trying what it said.
pub(crate) fn personal_digest(salt: &str, personal: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&[PERSONAL.as_bytes(), salt.as_bytes(), personal.as_bytes()]))
}

/// Every part goes with its length, so that nothing can move from one to the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

impl TrailKey {
    /// The hash of the row with this number and content behind one with the hash `previous`, which is none for the first.
    pub(crate) fn link(&self, previous: Option<Hash>, number: i64, content: ContentDigest) -> Hash {
        let previous = previous.as_ref().map_or(&[][..], |hash| &hash.0);
        Hash(self.mac(&[LINK.as_bytes(), previous, &number.to_be_bytes(), &content.0]))
    }
}

impl Hash {
    /// From 64 hexadecimal digits, as the ends of a trail and the wire have it.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            // Not `from_str_radix`, which takes signs and capitals: one hash has one text.
            let digit = |at: usize| b"0123456789abcdef".iter().position(|digit| *digit == pair[at]);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(bytes))
    }

    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// From 43 characters, as a row has it: shorter than in hexadecimal.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    pub(crate) fn to_base64(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash of the entry of an event of a row that has more events behind it: SHA-256 of the hash of the entry before
    /// and the event's id, so that neighbours are bound to each other. The last entry of a row has the hash of the row.
    pub(crate) fn of_entry(previous: Option<Self>, event_id: &str) -> Self {
        let previous = previous.as_ref().map_or(&[][..], |hash| &hash.0);
        Self(digest(&[previous, event_id.as_bytes()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content<'a>(instance: &'a InstanceId, user: &'a UserId) -> Content<'a> {
        Content {
            instance,
            event_count: 2,
            kind: "user",
            events: "user.updated phone_number.updated:idn_1",
            user_id: user,
            user_version: 7,
            created_at: UnixMillis(1_800_000_000_000),
            who: r#"{"c":"key"}"#,
            personal_digest: "digest",
        }
    }

    /// Computed with another program (see docs/adr/0013), so that a trail can be verified without this one.
    #[test]
    fn hashes_are_those_that_are_written_down() {
        let (instance, user) = (InstanceId::from("ins_1"), UserId::from("user_1"));
        let key = TrailKey::new("0123456789abcdef".to_owned(), [7; 32]);
        let digest = content(&instance, &user).digest();
        assert_eq!(hex(&digest.0), "a9d6c3960e681b3e73248d00ddb9911e63aff0077f4c5f9dc0d35cca52820ee4");
        let first = key.link(None, 2, digest);
        assert_eq!(first.to_hex(), "edbea5dad79d3945d6ea831bc8f7d0f940d309bc1c46b11acd75ea8b2b7b0005");
        assert_eq!(
            key.link(Some(first), 4, digest).to_hex(),
            "e02c10f4bc6b8b0e039566a7b1b4588747fe7959888875b4719febace0c58118"
        );
        assert_eq!(personal_digest("salt", r#"{"a":1}"#), "anLkPq5JaVs49OZ8v1c2aPYxUn2pYw1PXr_56PKl3Go");
        assert_eq!(
            Hash::of_entry(Some(first), "evt_1").to_hex(),
            "f45b788ad37d455478bab0ad4015ea5a320a7ec3334261ca33350535bb2bb8b1"
        );
    }

    #[test]
    fn hash_covers_every_part_and_none_can_move_to_another() {
        let (instance, user) = (InstanceId::from("ins_1"), UserId::from("user_1"));
        let (other_instance, other_user) = (InstanceId::from("ins_1u"), UserId::from("ser_1"));
        let plain = content(&instance, &user);
        let others = [
            Content { instance: &other_instance, ..plain },
            Content { user_id: &other_user, ..plain },
            Content { event_count: 3, ..plain },
            Content { kind: "users", events: &plain.events[1..], ..plain },
            Content { events: "", ..plain },
            Content { user_version: 8, ..plain },
            Content { created_at: UnixMillis(7), ..plain },
            Content { who: r#"{"c":"key"}d"#, personal_digest: "igest", ..plain },
            Content { personal_digest: "", ..plain },
        ];
        let digest = plain.digest();
        for other in others {
            assert_ne!(other.digest(), digest, "{other:?}");
        }
        let (key, other) = (TrailKey::new("a".to_owned(), [1; 32]), TrailKey::new("a".to_owned(), [2; 32]));
        let link = key.link(None, 1, digest);
        assert_ne!(other.link(None, 1, digest), link);
        assert_ne!(key.link(None, 2, digest), link);
        assert_ne!(key.link(Some(link), 1, digest), link);
        assert_ne!(key.link(None, 1, others[0].digest()), link);
        // A key that has another name is another key.
        assert_ne!(TrailKey::new("b".to_owned(), [1; 32]).link(None, 1, digest), link);
    }

    #[test]
    fn personal_part_that_is_the_same_has_another_digest_with_another_salt() {
        assert_ne!(personal_digest("a", "{}"), personal_digest("b", "{}"));
        assert_ne!(personal_digest("a", "b{}"), personal_digest("ab", "{}"));
        assert_eq!(personal_digest("a", "{}").len(), 43);
    }

    #[test]
    fn hash_has_one_text_of_each_form() {
        let key = TrailKey::new("a".to_owned(), [1; 32]);
        let (instance, user) = (InstanceId::from("i"), UserId::from("u"));
        let hash = key.link(None, 1, content(&instance, &user).digest());
        assert_eq!(Hash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(Hash::from_base64(&hash.to_base64()), Some(hash));
        let hex = hash.to_hex();
        for wrong in
            ["", &hex[1..], &hex.to_uppercase(), &hex.replacen(&hex[..2], "+1", 1), &format!("{hex}00")]
        {
            assert_eq!(Hash::from_hex(wrong), None, "{wrong}");
        }
        for wrong in ["", &hash.to_base64()[1..], &format!("{}=", hash.to_base64())] {
            assert_eq!(Hash::from_base64(wrong), None, "{wrong}");
        }
    }
}

//! Ids: a prefix and a 27-character KSUID.

use crate::UnixMillis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The KSUID epoch, 2014-05-13T16:53:20Z, in Unix seconds.
const EPOCH_SECONDS: i64 = 1_400_000_000;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const TEXT_LENGTH: usize = 27;

/// A sortable 160-bit id: 4 bytes of seconds, 2 of milliseconds, 4 of counter, 10 random.
///
/// Sortable ids keep the indexes of a growing table dense; random ones cost SQLite an order of magnitude of its
/// insert rate once an index outgrows the cache. To everyone else the text is opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ksuid([u8; 20]);

impl Ksuid {
    /// The earliest moment of an id: 2014-05-13T16:53:20Z.
    pub const EPOCH: UnixMillis = UnixMillis(EPOCH_SECONDS * 1000);

    /// Puts an id together. Moments before the epoch count as the epoch.
    pub fn new(now: UnixMillis, counter: u32, random: [u8; 10]) -> Self {
        let since_epoch_ms = now.0.saturating_sub(EPOCH_SECONDS * 1000).max(0);
        let seconds = u32::try_from(since_epoch_ms / 1000).unwrap_or(u32::MAX);
        let millis = u16::try_from(since_epoch_ms % 1000).unwrap_or(0);
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..6].copy_from_slice(&millis.to_be_bytes());
        bytes[6..10].copy_from_slice(&counter.to_be_bytes());
        bytes[10..].copy_from_slice(&random);
        Self(bytes)
    }

    /// Seconds and 16 bytes of any meaning. If the first two of these are zero, [`moment_of`] gives the second.
    pub fn with_payload(now: UnixMillis, payload: [u8; 16]) -> Self {
        let mut ksuid = Self::new(now, 0, [0; 10]);
        ksuid.0[4..].copy_from_slice(&payload);
        ksuid
    }

    /// Reads the text of an id, without its prefix.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let mut bytes = [0_u8; 20];
        for letter in text.bytes() {
            let mut carry = u32::try_from(ALPHABET.iter().position(|digit| *digit == letter)?).ok()?;
            for byte in bytes.iter_mut().rev() {
                carry += u32::from(*byte) * 62;
                *byte = carry.to_be_bytes()[3];
                carry >>= 8;
            }
            // More than 160 bits.
            if carry > 0 {
                return None;
            }
        }
        Some(Self(bytes))
    }

    /// The 20 bytes, which sort as the text does.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Ksuid {
    /// Base 62, most significant digit first, padded to 27 characters: text sorts as the bytes do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = [0_u32; 5];
        for (limb, chunk) in limbs.iter_mut().zip(self.0.as_chunks::<4>().0) {
            *limb = u32::from_be_bytes(*chunk);
        }
        let mut text = [b'0'; TEXT_LENGTH];
        for digit in text.iter_mut().rev() {
            let mut remainder = 0_u64;
            for limb in &mut limbs {
                let value = (remainder << 32) | u64::from(*limb);
                *limb = u32::try_from(value / 62).unwrap_or(0);
                remainder = value % 62;
            }
            *digit = ALPHABET[usize::try_from(remainder).unwrap_or(0)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// The moment at which an id was made, if the text is one that [`Ksuid::new`] makes.
pub fn moment_of(id: &str) -> Option<UnixMillis> {
    let (_, text) = id.rsplit_once('_')?;
    let [a, b, c, d, e, f, ..] = Ksuid::parse(text)?.0;
    let (seconds, millis) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
    Some(UnixMillis((EPOCH_SECONDS + i64::from(seconds)) * 1000 + i64::from(millis.min(999))))
}

/// One type for each kind of id, so that a user's id cannot be passed where an identification's belongs.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &str = $prefix;

            /// The id of this kind with this KSUID.
            pub fn from_ksuid(ksuid: Ksuid) -> Self {
                Self(format!(concat!($prefix, "{}"), ksuid))
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text of the id, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl From<String> for $name {
            /// Takes any text: ids are opaque, and one that was never given out simply finds nothing.
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// The id of an instance: the tenant.
    InstanceId = "ins_";
    /// The id of a user, unique across instances.
    UserId = "user_";
    /// The id of a phone number or an email address.
    IdentificationId = "idn_";
    /// The id of an event, the same in every delivery.
    EventId = "evt_";
    /// The id of a verification by code.
    VerificationId = "ver_";
    /// The id of a message, text or email.
    MessageId = "sms_";
    /// The id of a secret key; not the key.
    KeyId = "key_";
    /// The id of a webhook endpoint.
    WebhookEndpointId = "whe_";
    /// The `kid` of a key that signs tokens. The first one of an instance has the id of the instance.
    SigningKeyId = "ins_";
    /// The id of an entry of the allow-list.
    AllowlistIdentifierId = "alid_";
    /// The id of an entry of the block-list.
    BlocklistIdentifierId = "blid_";
    /// The id of a redirect URL.
    RedirectUrlId = "ru_";
    /// The id of an invitation.
    InvitationId = "inv_";
    /// The id of a domain.
    DomainId = "dmn_";
    /// The id of a session.
    SessionId = "sess_";
    /// The id of a client: a browser or a device.
    ClientId = "client_";
    /// The id of a JWT template.
    JwtTemplateId = "jtmp_";
    /// The id of a sign-in token.
    SignInTokenId = "sit_";
    /// The id of an actor token.
    ActorTokenId = "act_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;
    use svix_ksuid::KsuidLike;

    #[test]
    fn text_agrees_with_another_implementation() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..2_000 {
            let mut bytes = [0_u8; 20];
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 56) as u8;
            }
            let oracle = svix_ksuid::Ksuid::from_bytes(bytes);
            assert_eq!(Ksuid(bytes).to_string(), oracle.to_string());
            assert_eq!(
                svix_ksuid::Ksuid::from_str(&Ksuid(bytes).to_string()).expect("parses").bytes(),
                &bytes
            );
            assert_eq!(Ksuid::parse(&Ksuid(bytes).to_string()), Some(Ksuid(bytes)));
        }
        assert_eq!(Ksuid([0; 20]).to_string(), "000000000000000000000000000");
        assert_eq!(Ksuid([255; 20]).to_string(), "aWgEPTl1tmebfsQzFP4bxwgy80V");
    }

    #[test]
    fn moment_is_read_back() {
        for ms in [EPOCH_SECONDS * 1000, 1_800_000_000_000, 1_800_000_000_999, 5_694_967_295_123] {
            let id = UserId::from_ksuid(Ksuid::new(UnixMillis(ms), u32::MAX, [255; 10]));
            assert_eq!(moment_of(id.as_str()), Some(UnixMillis(ms)), "{id}");
        }
        let last = format!("user_{}", Ksuid([255; 20]));
        assert_eq!(moment_of(&last), Some(UnixMillis((EPOCH_SECONDS + i64::from(u32::MAX)) * 1000 + 999)));
        for text in ["", "user_", "user_x", "0ujtsYcgvSTl8PAuAdqWYSMnLOv", "user_0ujtsYcgvSTl8PAuAdqWYSMnLO-"]
        {
            assert_eq!(moment_of(text), None, "{text}");
        }
        assert_eq!(moment_of("user_zzzzzzzzzzzzzzzzzzzzzzzzzzz"), None);
    }

    #[test]
    fn text_sorts_as_time_then_counter() {
        let id = |ms, counter, random| Ksuid::new(UnixMillis(ms), counter, [random; 10]).to_string();
        let start = 1_800_000_000_000;
        let sorted = [
            id(start, 0, 9),
            id(start, 1, 0),
            id(start, u32::MAX, 0),
            id(start + 1, 0, 0),
            id(start + 1000, 0, 0),
        ];
        assert!(sorted.is_sorted(), "{sorted:?}");
    }
}

//! PBKDF2 (RFC 8018), as five systems write it: name, iterations, salt and hash, with `$` between them.

use super::{Cost, Hasher, InvalidDigest, number};
use crate::is_equal;
use aws_lc_rs::pbkdf2::{Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512, derive};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use std::num::NonZeroU32;

/// The most iterations that are accepted.
pub(super) const ITERATIONS_MAX: u64 = 2_000_000;
/// The most bytes of a salt.
const SALT_BYTES_MAX: usize = 256;
/// The fewest and the most bytes of a hash.
const HASH_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// The bytes of the hash where the digest does not say.
const SHA1_KEY_BYTES: u64 = 32;

pub(super) const TOO_MANY: InvalidDigest =
    InvalidDigest("needs too much work: there can be at most 2000000 iterations");
const FORM: InvalidDigest = InvalidDigest(
    "must be the name of its hasher, the iterations, the salt and the hash, with `$` between them",
);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pbkdf2 {
    hasher: Hasher,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// How a field is written.
enum Encoding {
    Hex,
    HexOrLiteral,
    Base64,
    Literal,
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        let literal = || (!text.is_empty()).then(|| text.as_bytes().to_vec());
        let hex = || HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().filter(|bytes| !bytes.is_empty());
        match self {
            Self::Hex => hex(),
            Self::HexOrLiteral => hex().or_else(literal),
            Self::Base64 => base64(text),
            Self::Literal => literal(),
        }
    }
}

/// Base64, with its padding or without.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes())).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

impl Pbkdf2 {
    pub(super) fn parse(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        let (name, salt_in, hash_in) = match hasher {
            Hasher::Pbkdf2Sha1 => ("pbkdf2_sha1", Encoding::HexOrLiteral, Encoding::Hex),
            Hasher::Pbkdf2Sha256 => ("pbkdf2_sha256", Encoding::Base64, Encoding::Base64),
            Hasher::Pbkdf2Sha256Django => ("pbkdf2_sha256", Encoding::Literal, Encoding::Base64),
            Hasher::Pbkdf2Sha512 => ("pbkdf2_sha512", Encoding::Literal, Encoding::Hex),
            _ => ("pbkdf2_sha512_hex", Encoding::Hex, Encoding::Hex),
        };
        let fields: Vec<&str> = text.split('$').collect();
        let (found, iterations, salt, hash, length) = match fields.as_slice() {
            [found, iterations, salt, hash] => (found, iterations, salt, hash, None),
            [found, iterations, salt, hash, length] if hasher == Hasher::Pbkdf2Sha1 => {
                (found, iterations, salt, hash, Some(number(length).ok_or(FORM)?))
            }
            _ => return Err(FORM),
        };
        if *found != name {
            return Err(FORM);
        }
        let iterations = number(iterations).ok_or(FORM)?;
        if iterations > ITERATIONS_MAX {
            return Err(TOO_MANY);
        }
        let iterations = u32::try_from(iterations).ok().and_then(NonZeroU32::new).ok_or(FORM)?;
        let salt = salt_in.decode(salt).filter(|salt| salt.len() <= SALT_BYTES_MAX).ok_or(FORM)?;
        let hash = hash_in.decode(hash).filter(|hash| HASH_BYTES.contains(&hash.len())).ok_or(FORM)?;
        if hasher == Hasher::Pbkdf2Sha1 && hash.len() as u64 != length.unwrap_or(SHA1_KEY_BYTES) {
            return Err(InvalidDigest(
                "has a hash of another length than it says; without a length, of 32 bytes",
            ));
        }
        Ok(Self { hasher, iterations, salt, hash })
    }

    fn algorithm(&self) -> Algorithm {
        match self.hasher {
            Hasher::Pbkdf2Sha1 => PBKDF2_HMAC_SHA1,
            Hasher::Pbkdf2Sha256 | Hasher::Pbkdf2Sha256Django => PBKDF2_HMAC_SHA256,
            _ => PBKDF2_HMAC_SHA512,
        }
    }

    pub(super) fn verify(&self, password: &str) -> bool {
        let mut out = vec![0; self.hash.len()];
        derive(self.algorithm(), self.iterations, &self.salt, password.as_bytes(), &mut out);
        is_equal(&out, &self.hash)
    }

    pub(super) fn cost(&self) -> Cost {
        // How many bytes an iteration gives, and how many iterations take as long as our own digest.
        let (bytes, own) = match self.hasher {
            Hasher::Pbkdf2Sha1 => (20, 60_000),
            Hasher::Pbkdf2Sha256 | Hasher::Pbkdf2Sha256Django => (32, 52_000),
            _ => (64, 27_000),
        };
        Cost::of(u64::from(self.iterations.get()) * (self.hash.len() as u64).div_ceil(bytes), own)
    }
}

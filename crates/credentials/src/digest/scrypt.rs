//! scrypt (RFC 7914), as Werkzeug and Firebase use it.

use super::argon::OWN_MEMORY_KIB;
use super::pbkdf2::base64;
use super::{Cost, InvalidDigest, number};
use crate::is_equal;
use ::scrypt::{Params, scrypt};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use data_encoding::{BASE64URL, HEXLOWER_PERMISSIVE};

/// The most memory that is accepted, as N × r: 256 MiB.
const MEMORY_MAX: u64 = 1 << 21;
/// The most lanes that are accepted.
const LANES_MAX: u64 = 16;
/// N × r × p that take as long as our own digest.
const OWN_WORK: u64 = 75_000;
/// The most bytes of a salt, a hash and a key.
const FIELD_BYTES_MAX: usize = 256;
/// What Firebase's scrypt gives, and how much of it is the key of AES.
const FIREBASE_BYTES: usize = 64;
const FIREBASE_KEY_BYTES: usize = 32;

const TOO_MUCH: InvalidDigest =
    InvalidDigest("needs too much work: N × r can be at most 2097152, and p at most 16");
const WERKZEUG_FORM: InvalidDigest =
    InvalidDigest("must be `scrypt:N:r:p$salt$hash`, the hash in hexadecimal digits");
const FIREBASE_FORM: InvalidDigest = InvalidDigest(
    "must be the hash, salt, signer key and salt separator in base64, the rounds and the memory cost, with `$` between \
     them",
);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Scrypt {
    log_n: u8,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
    /// What the result encrypts, with Firebase.
    signer_key: Option<Vec<u8>>,
}

/// The parameters, within the caps.
fn parameters(log_n: u64, r: u64, p: u64, form: InvalidDigest) -> Result<(u8, u32, u32), InvalidDigest> {
    if log_n == 0 || r == 0 || p == 0 {
        return Err(form);
    }
    let n = u32::try_from(log_n).ok().and_then(|log_n| 1_u64.checked_shl(log_n)).ok_or(TOO_MUCH)?;
    if n.checked_mul(r).is_none_or(|memory| memory > MEMORY_MAX) || p > LANES_MAX {
        return Err(TOO_MUCH);
    }
    let narrow = |number: u64| u32::try_from(number).map_err(|_| form);
    Ok((u8::try_from(log_n).map_err(|_| form)?, narrow(r)?, narrow(p)?))
}

impl Scrypt {
    pub(super) fn parse_werkzeug(text: &str) -> Result<Self, InvalidDigest> {
        let fields: Vec<&str> = text.split('$').collect();
        let [arguments, salt, hash] = fields.as_slice() else { return Err(WERKZEUG_FORM) };
        let arguments: Vec<&str> = arguments.split(':').collect();
        let ["scrypt", n, r, p] = arguments.as_slice() else { return Err(WERKZEUG_FORM) };
        let value = |text: &str| number(text).ok_or(WERKZEUG_FORM);
        let n = value(n)?;
        if !n.is_power_of_two() {
            return Err(WERKZEUG_FORM);
        }
        let (log_n, r, p) = parameters(u64::from(n.trailing_zeros()), value(r)?, value(p)?, WERKZEUG_FORM)?;
        let hash = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| WERKZEUG_FORM)?;
        let is_of_length = (16..=FIREBASE_BYTES).contains(&hash.len());
        if !is_of_length || salt.is_empty() || salt.len() > FIELD_BYTES_MAX {
            return Err(WERKZEUG_FORM);
        }
        Ok(Self { log_n, r, p, salt: salt.as_bytes().to_vec(), hash, signer_key: None })
    }

    pub(super) fn parse_firebase(text: &str) -> Result<Self, InvalidDigest> {
        let fields: Vec<&str> = text.split('$').collect();
        let [hash, salt, signer_key, separator, rounds, memory_cost] = fields.as_slice() else {
            return Err(FIREBASE_FORM);
        };
        // Some of Firebase's tools write the alphabet for URLs.
        let field = |text: &str| {
            let bytes = base64(text).or_else(|| BASE64URL.decode(text.as_bytes()).ok());
            bytes.filter(|bytes| bytes.len() <= FIELD_BYTES_MAX).ok_or(FIREBASE_FORM)
        };
        let value = |text: &str| number(text).ok_or(FIREBASE_FORM);
        let (log_n, r, p) = parameters(value(memory_cost)?, value(rounds)?, 1, FIREBASE_FORM)?;
        let (hash, signer_key) = (field(hash)?, field(signer_key)?);
        if hash.len() != signer_key.len() || hash.len() < 16 {
            return Err(FIREBASE_FORM);
        }
        let separator = if separator.is_empty() { Vec::new() } else { field(separator)? };
        let salt = [field(salt)?, separator].concat();
        Ok(Self { log_n, r, p, salt, hash, signer_key: Some(signer_key) })
    }

    pub(super) fn verify(&self, password: &str) -> bool {
        let Ok(params) = Params::new(self.log_n, self.r, self.p) else { return false };
        let length = if self.signer_key.is_some() { FIREBASE_BYTES } else { self.hash.len() };
        let mut out = vec![0; length];
        if scrypt(password.as_bytes(), &self.salt, &params, &mut out).is_err() {
            return false;
        }
        let found = match &self.signer_key {
            None => Some(out),
            Some(signer_key) => encrypted(&out[..FIREBASE_KEY_BYTES], signer_key),
        };
        found.is_some_and(|found| is_equal(&found, &self.hash))
    }

    /// scrypt takes 128 × N × r bytes.
    pub(super) fn is_large(&self) -> bool {
        (u64::from(self.r) << self.log_n) / 8 > u64::from(OWN_MEMORY_KIB)
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of((u64::from(self.r) * u64::from(self.p)) << self.log_n, OWN_WORK)
    }
}

/// AES-256 in counter mode from zero: the key is good for this text alone.
fn encrypted(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key).ok()?).ok()?;
    let mut out = text.to_vec();
    key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(FixedLength::from([0; 16]))).ok()?;
    Some(out)
}

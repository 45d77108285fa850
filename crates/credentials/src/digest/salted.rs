//! Digests of plain hash functions, once or many times: MD5, SHA-1, SHA-256 and SHA-512 with a salt or without.

use super::pbkdf2::{ITERATIONS_MAX, TOO_MANY, base64};
use super::{Cost, Hasher, InvalidDigest, number};
use crate::is_equal;
use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// The most bytes of a salt.
const SALT_BYTES_MAX: usize = 256;
const MD5_BYTES: usize = 16;
const SHA1_BYTES: usize = 20;
const SHA256_BYTES: usize = 32;
const SHA512_BYTES: usize = 64;
/// phpass: the rounds are a power of two, from 7 on.
const PHPASS_LOG_MIN: usize = 7;
/// The greatest power that is accepted: a million rounds, half a second.
const PHPASS_LOG_MAX: usize = 20;
/// The 64 digits of phpass.
const PHPASS_DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Rounds of MD5, and of SHA-512, that take as long as our own digest.
const OWN_MD5: u64 = 34_000;
const OWN_SHA512: u64 = 40_000;

const HEX_FORM: InvalidDigest = InvalidDigest("must be 32 hexadecimal digits of MD5, or 64 of SHA-256");
const SALTED_FORM: InvalidDigest = InvalidDigest("must be `salt$hash`, the hash in hexadecimal digits");
const PHPASS_FORM: InvalidDigest =
    InvalidDigest("must be `$P$`, a character for the rounds, 8 of salt and 22 of hash");
const LDAP_FORM: InvalidDigest = InvalidDigest("must be `{SSHA}` and base64 of the SHA-1 and a salt");
const SYMFONY_FORM: InvalidDigest =
    InvalidDigest("must be `sha512_symfony$iterations$salt$hash`, the hash in base64");

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Salted {
    form: Form,
    hash: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Md5,
    Sha256,
    /// Nothing published says whether the salt is before or after the password.
    Md5Salted(String),
    Sha256Salted(String),
    Phpass {
        rounds: u64,
        salt: Vec<u8>,
        of_md5: bool,
    },
    Ssha(Vec<u8>),
    Symfony {
        iterations: u64,
        salt: String,
    },
}

impl Salted {
    pub(super) fn parse(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        match hasher {
            Hasher::Md5 => Ok(Self { form: Form::Md5, hash: hex(text, MD5_BYTES).ok_or(HEX_FORM)? }),
            Hasher::Sha256 => Ok(Self { form: Form::Sha256, hash: hex(text, SHA256_BYTES).ok_or(HEX_FORM)? }),
            Hasher::Md5Salted => {
                let (salt, hash) = salted(text, MD5_BYTES)?;
                Ok(Self { form: Form::Md5Salted(salt), hash })
            }
            Hasher::Sha256Salted => {
                let (salt, hash) = salted(text, SHA256_BYTES)?;
                Ok(Self { form: Form::Sha256Salted(salt), hash })
            }
            Hasher::LdapSsha => ssha(text),
            Hasher::Sha512Symfony => symfony(text),
            _ => phpass(text, hasher == Hasher::Md5Phpass),
        }
    }

    pub(super) fn verify(&self, password: &str) -> bool {
        let is_hash = |found: &[u8]| is_equal(found, &self.hash);
        let sha256 = |parts: [&str; 2]| digest::digest(&SHA256, Zeroizing::new(parts.concat()).as_bytes());
        match &self.form {
            Form::Md5 => is_hash(&Md5::digest(password)),
            Form::Sha256 => is_hash(digest::digest(&SHA256, password.as_bytes()).as_ref()),
            Form::Md5Salted(salt) => {
                let md5 =
                    |one: &str, other: &str| Md5::new().chain_update(one).chain_update(other).finalize();
                // Both are compared, whichever is right.
                is_hash(&md5(salt, password)) | is_hash(&md5(password, salt))
            }
            Form::Sha256Salted(salt) => {
                is_hash(sha256([salt, password]).as_ref()) | is_hash(sha256([password, salt]).as_ref())
            }
            Form::Phpass { rounds, salt, of_md5 } => {
                let text = Zeroizing::new(if *of_md5 {
                    HEXLOWER.encode(&Md5::digest(password))
                } else {
                    password.to_owned()
                });
                let mut hash = Md5::new().chain_update(salt).chain_update(&*text).finalize();
                for _ in 0..*rounds {
                    hash = Md5::new().chain_update(hash).chain_update(&*text).finalize();
                }
                is_hash(&hash)
            }
            Form::Ssha(salt) => {
                let mut context = digest::Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(password.as_bytes());
                context.update(salt);
                is_hash(context.finish().as_ref())
            }
            Form::Symfony { iterations, salt } => {
                let text = Zeroizing::new(format!("{password}{{{salt}}}"));
                let mut hash = digest::digest(&SHA512, text.as_bytes());
                for _ in 1..*iterations {
                    let mut context = digest::Context::new(&SHA512);
                    context.update(hash.as_ref());
                    context.update(text.as_bytes());
                    hash = context.finish();
                }
                is_hash(hash.as_ref())
            }
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match &self.form {
            Form::Phpass { rounds, .. } => Cost::of(*rounds, OWN_MD5),
            Form::Symfony { iterations, .. } => Cost::of(*iterations, OWN_SHA512),
            Form::Md5 | Form::Sha256 | Form::Md5Salted(_) | Form::Sha256Salted(_) | Form::Ssha(_) => Cost(0),
        }
    }
}

fn hex(text: &str, bytes: usize) -> Option<Vec<u8>> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().filter(|hash| hash.len() == bytes)
}

/// Salt and hash, in the order of today; else in that of older documentation.
fn salted(text: &str, bytes: usize) -> Result<(String, Vec<u8>), InvalidDigest> {
    let now = text.rsplit_once('$').and_then(|(salt, hash)| Some((salt, hex(hash, bytes)?)));
    let before = || text.split_once('$').and_then(|(hash, salt)| Some((salt, hex(hash, bytes)?)));
    let (salt, hash) = now.or_else(before).ok_or(SALTED_FORM)?;
    if salt.is_empty() || salt.len() > SALT_BYTES_MAX {
        return Err(SALTED_FORM);
    }
    Ok((salt.to_owned(), hash))
}

fn ssha(text: &str) -> Result<Salted, InvalidDigest> {
    let mut bytes = text.strip_prefix("{SSHA}").and_then(base64).ok_or(LDAP_FORM)?;
    if bytes.len() <= SHA1_BYTES || bytes.len() > SHA1_BYTES + SALT_BYTES_MAX {
        return Err(LDAP_FORM);
    }
    let salt = bytes.split_off(SHA1_BYTES);
    Ok(Salted { form: Form::Ssha(salt), hash: bytes })
}

fn symfony(text: &str) -> Result<Salted, InvalidDigest> {
    let fields: Vec<&str> = text.split('$').collect();
    let ["sha512_symfony", iterations, salt, hash] = fields.as_slice() else { return Err(SYMFONY_FORM) };
    let iterations = number(iterations).filter(|iterations| *iterations > 0).ok_or(SYMFONY_FORM)?;
    if iterations > ITERATIONS_MAX {
        return Err(TOO_MANY);
    }
    let hash = base64(hash).filter(|hash| hash.len() == SHA512_BYTES).ok_or(SYMFONY_FORM)?;
    // Symfony itself refuses braces in a salt.
    if salt.is_empty() || salt.len() > SALT_BYTES_MAX || salt.contains(['{', '}']) {
        return Err(SYMFONY_FORM);
    }
    Ok(Salted { form: Form::Symfony { iterations, salt: (*salt).to_owned() }, hash })
}

fn phpass(text: &str, of_md5: bool) -> Result<Salted, InvalidDigest> {
    let rest =
        text.strip_prefix("$P$").filter(|rest| rest.len() == 31 && rest.is_ascii()).ok_or(PHPASS_FORM)?;
    let digit = |byte: u8| PHPASS_DIGITS.iter().position(|digit| *digit == byte);
    let values: Option<Vec<usize>> = rest.bytes().map(digit).collect();
    let values = values.ok_or(PHPASS_FORM)?;
    let (log, salt, hash) = (values[0], &rest.as_bytes()[1..9], &values[9..]);
    if log < PHPASS_LOG_MIN {
        return Err(PHPASS_FORM);
    }
    if log > PHPASS_LOG_MAX {
        return Err(InvalidDigest("needs too much work: phpass can have at most 2^20 rounds"));
    }
    let hash = phpass_bytes(hash).ok_or(PHPASS_FORM)?;
    Ok(Salted { form: Form::Phpass { rounds: 1 << log, salt: salt.to_vec(), of_md5 }, hash })
}

/// 22 digits of 6 bits, the lowest first: 16 bytes, and 4 bits that must be zero.
fn phpass_bytes(digits: &[usize]) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0, 0_usize, Vec::with_capacity(MD5_BYTES));
    for digit in digits {
        held |= digit << bits;
        bits += 6;
        if bits >= 8 {
            bytes.push(u8::try_from(held & 0xff).ok()?);
            held >>= 8;
            bits -= 8;
        }
    }
    (held == 0 && bytes.len() == MD5_BYTES).then_some(bytes)
}

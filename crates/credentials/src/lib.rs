//! Passwords, digests of other systems, TOTP, backup codes and opaque tokens: pure, without I/O, a clock or randomness of
//! its own.
//!
//! Nothing here knows users or a store. What is secret is compared in constant time, and no error repeats it.

pub mod backup_code;
pub mod breached;
mod common;
pub mod digest;
pub mod password;
mod stored;
pub mod token;
pub mod totp;

pub use backup_code::BackupCode;
pub use digest::{Cost, Digest, Hasher, InvalidDigest, Workspace};
pub use password::{Password, PasswordFault, PasswordRules};
pub use stored::StoredDigest;
pub use totp::{TotpCode, TotpSecret};

use aws_lc_rs::digest::{SHA256, digest as hash};
use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq as _;

/// The SHA-256 of a text, in lower-case hexadecimal digits.
fn sha256_hex(text: &str) -> String {
    HEXLOWER.encode(hash(&SHA256, text.as_bytes()).as_ref())
}

/// Compares in a time that depends on the lengths alone.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

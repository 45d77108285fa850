//! Digests of passwords: our own, and those of other systems that are imported.
//!
//! A digest is judged when it is read: what [`Digest::parse`] accepts can be compared with, within the caps of contract
//! section 3. It is compared on a pool of its own, whose queue counts the expected work ([`Digest::cost`]).

mod argon;
mod bcrypt;
mod pbkdf2;
mod salted;
mod scrypt;

use crate::Password;
use aws_lc_rs::digest::{SHA256, digest as hash};
use data_encoding::HEXLOWER;
use std::fmt;

pub use argon::{SALT_BYTES, Workspace};

/// The most bytes of an imported digest.
pub const DIGEST_BYTES_MAX: usize = 1_024;

/// The system that a digest is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hasher {
    /// Made here: argon2id with the parameters of contract section 3, of a password in NFKC.
    Own,
    /// Argon2id of any parameters below the caps.
    Argon2id,
    /// Argon2i of any parameters below the caps.
    Argon2i,
    /// bcrypt, which looks at the first 72 bytes only.
    Bcrypt,
    /// bcrypt of the password and a pepper, which follows the digest.
    BcryptPeppered,
    /// bcrypt of the hexadecimal SHA-256.
    BcryptSha256Django,
    /// MD5.
    Md5,
    /// MD5 of password and salt, in either order.
    Md5Salted,
    /// SHA-256.
    Sha256,
    /// SHA-256 of password and salt, in either order.
    Sha256Salted,
    /// PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1,
    /// PBKDF2 with HMAC-SHA-256, salt and digest in base64.
    Pbkdf2Sha256,
    /// PBKDF2 with HMAC-SHA-256, the salt as it stands.
    Pbkdf2Sha256Django,
    /// PBKDF2 with HMAC-SHA-512, the salt as it stands.
    Pbkdf2Sha512,
    /// PBKDF2 with HMAC-SHA-512, salt and digest in hexadecimal digits.
    Pbkdf2Sha512Hex,
    /// The portable hash of phpass.
    Phpass,
    /// phpass of the hexadecimal MD5.
    Md5Phpass,
    /// Firebase's own: scrypt, whose output encrypts a key.
    ScryptFirebase,
    /// scrypt as Werkzeug writes it.
    ScryptWerkzeug,
    /// Salted SHA-1 of LDAP.
    LdapSsha,
    /// Iterated SHA-512 of Symfony.
    Sha512Symfony,
}

/// Why a digest is refused; the words complete a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDigest(pub &'static str);

/// The expected work of comparing with a digest, in thousandths of that of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(pub u64);

/// A digest that a password can be compared with. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    hasher: Hasher,
    form: Form,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Argon(argon::Argon),
    Bcrypt(bcrypt::Bcrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
    Salted(salted::Salted),
    Scrypt(scrypt::Scrypt),
}

impl Hasher {
    /// Every system whose digests can be imported.
    pub const IMPORTED: [Self; 20] = [
        Self::Argon2i,
        Self::Argon2id,
        Self::Bcrypt,
        Self::BcryptPeppered,
        Self::BcryptSha256Django,
        Self::LdapSsha,
        Self::Md5,
        Self::Md5Phpass,
        Self::Md5Salted,
        Self::Pbkdf2Sha1,
        Self::Pbkdf2Sha256,
        Self::Pbkdf2Sha256Django,
        Self::Pbkdf2Sha512,
        Self::Pbkdf2Sha512Hex,
        Self::Phpass,
        Self::ScryptFirebase,
        Self::ScryptWerkzeug,
        Self::Sha256,
        Self::Sha256Salted,
        Self::Sha512Symfony,
    ];

    /// The name in requests, and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Bcrypt => "bcrypt",
            Self::BcryptPeppered => "bcrypt_peppered",
            Self::BcryptSha256Django => "bcrypt_sha256_django",
            Self::Md5 => "md5",
            Self::Md5Salted => "md5_salted",
            Self::Sha256 => "sha256",
            Self::Sha256Salted => "sha256_salted",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
            Self::Pbkdf2Sha256Django => "pbkdf2_sha256_django",
            Self::Pbkdf2Sha512 => "pbkdf2_sha512",
            Self::Pbkdf2Sha512Hex => "pbkdf2_sha512_hex",
            Self::Phpass => "phpass",
            Self::Md5Phpass => "md5_phpass",
            Self::ScryptFirebase => "scrypt_firebase",
            Self::ScryptWerkzeug => "scrypt_werkzeug",
            Self::LdapSsha => "ldap_ssha",
            Self::Sha512Symfony => "sha512_symfony",
        }
    }

    /// A hasher that a request names; `None` if its digests cannot be imported.
    pub fn imported(name: &str) -> Option<Self> {
        Self::IMPORTED.into_iter().find(|hasher| hasher.as_str() == name)
    }

    /// A hasher that the store names.
    pub fn stored(name: &str) -> Option<Self> {
        if name == Self::Own.as_str() { Some(Self::Own) } else { Self::imported(name) }
    }
}

impl Cost {
    /// That of our own digest.
    pub const OWN: Self = Self(1_000);

    /// The cost of so many units of work, of which our own digest is worth `own`.
    fn of(units: u64, own: u64) -> Self {
        Self(units.saturating_mul(Self::OWN.0) / own)
    }
}

impl Digest {
    /// Reads a digest.
    ///
    /// # Errors
    /// It does not have the form of this hasher, or comparing with it would cost more than the caps allow.
    pub fn parse(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        if text.len() > DIGEST_BYTES_MAX {
            return Err(InvalidDigest("is too long: a digest has at most 1024 bytes"));
        }
        let form = match hasher {
            Hasher::Own | Hasher::Argon2id | Hasher::Argon2i => {
                Form::Argon(argon::Argon::parse(hasher, text)?)
            }
            Hasher::Bcrypt | Hasher::BcryptPeppered | Hasher::BcryptSha256Django => {
                Form::Bcrypt(bcrypt::Bcrypt::parse(hasher, text)?)
            }
            Hasher::Pbkdf2Sha1
            | Hasher::Pbkdf2Sha256
            | Hasher::Pbkdf2Sha256Django
            | Hasher::Pbkdf2Sha512
            | Hasher::Pbkdf2Sha512Hex => Form::Pbkdf2(pbkdf2::Pbkdf2::parse(hasher, text)?),
            Hasher::ScryptFirebase => Form::Scrypt(scrypt::Scrypt::parse_firebase(text)?),
            Hasher::ScryptWerkzeug => Form::Scrypt(scrypt::Scrypt::parse_werkzeug(text)?),
            Hasher::Md5
            | Hasher::Md5Salted
            | Hasher::Sha256
            | Hasher::Sha256Salted
            | Hasher::Phpass
            | Hasher::Md5Phpass
            | Hasher::LdapSsha
            | Hasher::Sha512Symfony => Form::Salted(salted::Salted::parse(hasher, text)?),
        };
        Ok(Self { hasher, form })
    }

    /// A new digest of our own: its text, which [`Digest::parse`] reads as [`Hasher::Own`].
    pub fn own(password: &Password, salt: [u8; SALT_BYTES], workspace: &mut Workspace) -> String {
        argon::own(password.normalized(), salt, workspace)
    }

    /// The system that it is of.
    pub fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// Whether this is the password. Takes the time of [`Digest::cost`].
    pub fn verify(&self, password: &Password, workspace: &mut Workspace) -> bool {
        let typed = password.as_typed();
        match &self.form {
            Form::Argon(argon) => {
                let text = if self.hasher == Hasher::Own { password.normalized() } else { typed };
                argon.verify(text, workspace)
            }
            Form::Bcrypt(bcrypt) => bcrypt.verify(typed),
            Form::Pbkdf2(pbkdf2) => pbkdf2.verify(typed),
            Form::Salted(salted) => salted.verify(typed),
            Form::Scrypt(scrypt) => scrypt.verify(typed),
        }
    }

    /// Whether comparing takes more memory than our own digest: up to 256 MiB.
    pub fn is_large(&self) -> bool {
        match &self.form {
            Form::Argon(argon) => argon.is_large(),
            Form::Scrypt(scrypt) => scrypt.is_large(),
            Form::Bcrypt(_) | Form::Pbkdf2(_) | Form::Salted(_) => false,
        }
    }

    /// The expected work of [`Digest::verify`].
    pub fn cost(&self) -> Cost {
        match &self.form {
            Form::Argon(argon) => argon.cost(),
            Form::Bcrypt(bcrypt) => bcrypt.cost(),
            Form::Pbkdf2(pbkdf2) => pbkdf2.cost(),
            Form::Salted(salted) => salted.cost(),
            Form::Scrypt(scrypt) => scrypt.cost(),
        }
    }
}

/// Works for as long as `spent` falls short of our own digest, so that a cheaper digest, or none, takes the same time.
pub fn spend_the_rest(spent: Cost, workspace: &mut Workspace) {
    argon::spend(Cost::OWN.0.saturating_sub(spent.0), workspace);
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.hasher.as_str())
    }
}

/// A decimal number without sign and leading zeros.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_number { text.parse().ok() } else { None }
}

/// The hexadecimal SHA-256 of a text.
fn sha256_hex_of(text: &str) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(HEXLOWER.encode(hash(&SHA256, text.as_bytes()).as_ref()))
}

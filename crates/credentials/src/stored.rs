//! A digest of a password as it is stored, with the name of its hasher.

use crate::Password;
use crate::digest::{Digest, Hasher, InvalidDigest, SALT_BYTES, Workspace};
use std::fmt;
use zeroize::Zeroizing;

/// The text of a digest that a password can be compared with. Never shown by `Debug`: whoever has it can guess.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredDigest {
    hasher: Hasher,
    text: Zeroizing<String>,
}

impl StoredDigest {
    /// A new one of our own.
    pub fn own(password: &Password, salt: [u8; SALT_BYTES], workspace: &mut Workspace) -> Self {
        Self { hasher: Hasher::Own, text: Zeroizing::new(Digest::own(password, salt, workspace)) }
    }

    /// One of another system.
    ///
    /// # Errors
    /// As [`Digest::parse`].
    pub fn imported(hasher: Hasher, text: &str) -> Result<Self, InvalidDigest> {
        Digest::parse(hasher, text)?;
        Ok(Self { hasher, text: Zeroizing::new(text.to_owned()) })
    }

    /// Whether a right password is to be hashed anew: another system made it.
    pub fn is_imported(&self) -> bool {
        self.hasher != Hasher::Own
    }

    /// What a password is compared with.
    ///
    /// # Errors
    /// The text was damaged, or the caps became lower.
    pub fn digest(&self) -> Result<Digest, InvalidDigest> {
        Digest::parse(self.hasher, &self.text)
    }

    /// The text to store: the name of the hasher, a blank, and the digest.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{} {}", self.hasher.as_str(), &*self.text))
    }

    /// Reads what [`StoredDigest::to_text`] wrote; `None` if it is damaged.
    pub fn from_text(text: &str) -> Option<Self> {
        let (hasher, text) = text.split_once(' ')?;
        Some(Self { hasher: Hasher::stored(hasher)?, text: Zeroizing::new(text.to_owned()) })
    }
}

impl fmt::Debug for StoredDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredDigest({})", self.hasher.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_digest_is_read_as_it_was_written() {
        let password = Password::typed("a password of mine").unwrap();
        let mut workspace = Workspace::default();
        let own = StoredDigest::own(&password, [3; SALT_BYTES], &mut workspace);
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO";
        let imported = StoredDigest::imported(Hasher::Bcrypt, bcrypt).unwrap();
        assert!(own.to_text().starts_with("own $argon2id$"));
        for (stored, is_imported) in [(&own, false), (&imported, true)] {
            assert_eq!(StoredDigest::from_text(&stored.to_text()).as_ref(), Some(stored));
            assert_eq!(stored.is_imported(), is_imported);
            assert_eq!(stored.digest().unwrap().verify(&password, &mut workspace), !is_imported);
        }
        assert_eq!(format!("{imported:?}"), "StoredDigest(bcrypt)");
        assert!(StoredDigest::imported(Hasher::Bcrypt, "nothing").is_err());
        assert_eq!(StoredDigest::from_text("nothing"), None);
        assert_eq!(StoredDigest::from_text("awscognito x"), None);
        // A blank belongs to the digest, not to the name.
        assert!(StoredDigest::from_text("md5 a b").unwrap().digest().is_err());
    }
}

//! Backup codes: ten of 65 random bits, shown once, each good once.

use crate::digest::{Digest, Workspace};
use crate::totp::TotpCode;
use crate::{Cost, Hasher, InvalidDigest, Password, is_equal, sha256_hex};
use std::fmt;
use zeroize::Zeroizing;

/// How many codes a user has at most.
pub const CODES_MAX: usize = 10;
/// The characters of a code that is made here, without its dashes: 5 bits each.
pub const CHARACTERS: usize = 13;
/// The most characters of a code that is imported or typed.
pub const CHARACTERS_MAX: usize = 64;
/// The fewest letters and digits of a code that is imported as plain text.
const IMPORTED_CHARACTERS_MIN: usize = 6;
/// The greatest cost of one that is imported as a bcrypt digest, 12: a wrong code is compared with all ten.
const BCRYPT_COST_MAX: Cost = Cost(16_000);
/// Base32 in Crockford's alphabet, which has none of the letters that are mistaken for digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code that a user can still use, as it is stored. Never shown by `Debug`: an imported one may be short enough to be
/// guessed from its digest.
#[derive(Clone, PartialEq, Eq)]
pub enum BackupCode {
    /// SHA-256 of the normalized code, in hexadecimal digits.
    Sha256(String),
    /// Imported as a bcrypt digest, of the code as it was issued.
    Bcrypt(String),
}

/// A new code from random bytes, as it is shown: `xxxx-xxxxx-xxxx`.
pub fn generate(random: [u8; CHARACTERS]) -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(CHARACTERS + 2));
    for (at, byte) in random.into_iter().enumerate() {
        if at == 4 || at == 9 {
            code.push('-');
        }
        // 32 divides 256: each character is as likely as any other.
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

/// A code without dashes and blanks, in lower case, with the digits that its letters were mistaken for.
fn normalize(code: &str) -> Zeroizing<String> {
    let kept = code.chars().filter(|character| !matches!(character, '-' | ' '));
    Zeroizing::new(
        kept.flat_map(char::to_lowercase)
            .map(|character| match character {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            })
            .collect(),
    )
}

impl BackupCode {
    /// A code that was generated here.
    pub fn of(code: &str) -> Self {
        Self::Sha256(sha256_hex(&normalize(code)))
    }

    /// A code of another system: a bcrypt digest, or else the code itself.
    ///
    /// # Errors
    /// A bcrypt digest of a wrong form or of a cost above 12; a code of fewer than 6 letters and digits or more than 64
    /// characters, or of six digits.
    pub fn import(text: &str) -> Result<Self, InvalidDigest> {
        if text.starts_with("$2") {
            if Digest::parse(Hasher::Bcrypt, text)?.cost() > BCRYPT_COST_MAX {
                return Err(InvalidDigest("needs too much work: the cost of bcrypt can be at most 12"));
            }
            return Ok(Self::Bcrypt(text.to_owned()));
        }
        let length = normalize(text).chars().count();
        if length < IMPORTED_CHARACTERS_MIN || text.chars().count() > CHARACTERS_MAX {
            return Err(InvalidDigest("must have 6 to 64 characters, or be a bcrypt digest"));
        }
        // Whoever types it would be understood to type the code of an authenticator.
        if TotpCode::parse(&normalize(text)).is_ok() {
            return Err(InvalidDigest("must not be six digits, because codes of authenticators are"));
        }
        Ok(Self::of(text))
    }

    /// The work of comparing with it.
    pub fn cost(&self) -> Cost {
        match self {
            Self::Sha256(_) => Cost(0),
            Self::Bcrypt(digest) => {
                Digest::parse(Hasher::Bcrypt, digest).map_or(Cost(0), |digest| digest.cost())
            }
        }
    }

    /// Whether a code that was typed is this one. Takes the time of [`BackupCode::cost`].
    pub fn matches(&self, typed: &str, workspace: &mut Workspace) -> bool {
        if typed.chars().count() > CHARACTERS_MAX {
            return false;
        }
        match self {
            Self::Sha256(digest) => is_equal(digest.as_bytes(), sha256_hex(&normalize(typed)).as_bytes()),
            Self::Bcrypt(digest) => {
                let digest = Digest::parse(Hasher::Bcrypt, digest);
                let typed = Password::typed(typed.trim_matches(' '));
                digest.ok().zip(typed).is_some_and(|(digest, typed)| digest.verify(&typed, workspace))
            }
        }
    }

    /// The codes in one text, one a line.
    pub fn to_text(codes: &[Self]) -> String {
        let lines: Vec<&str> = codes
            .iter()
            .map(|code| match code {
                Self::Sha256(digest) | Self::Bcrypt(digest) => digest.as_str(),
            })
            .collect();
        lines.join("\n")
    }

    /// Reads what [`BackupCode::to_text`] wrote; `None` if it is damaged.
    pub fn from_text(text: &str) -> Option<Vec<Self>> {
        text.lines()
            .map(|line| {
                if line.starts_with("$2") {
                    return Digest::parse(Hasher::Bcrypt, line)
                        .is_ok()
                        .then(|| Self::Bcrypt(line.to_owned()));
                }
                let is_digest = line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_digest.then(|| Self::Sha256(line.to_owned()))
            })
            .collect()
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_shown_with_dashes_and_typed_as_people_type() {
        let code = generate([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 31, 255]);
        assert_eq!(*code, "0123-45678-9azz");
        let stored = BackupCode::of(&code);
        let mut workspace = Workspace::default();
        for typed in
            ["0123-45678-9azz", "0123456789AZZ", "O123 45678 9Azz", "oi23-4-5678-9azz", " 0l2345678-9AZZ "]
        {
            assert!(stored.matches(typed, &mut workspace), "{typed}");
        }
        let long = "0".repeat(1_000);
        for wrong in ["", "0123-45678-9az", "0123-45678-9azy", "0123456789azz0", "0123_45678_9azz", &long] {
            assert!(!stored.matches(wrong, &mut workspace), "{wrong}");
        }
    }

    #[test]
    fn imported_code_is_plain_or_bcrypt() {
        let mut workspace = Workspace::default();
        let plain = BackupCode::import("ABC-12345").unwrap();
        assert!(plain.matches("abc12345", &mut workspace));
        assert_eq!(plain.cost(), Cost(0));
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO";
        let imported = BackupCode::import(bcrypt).unwrap();
        assert_eq!(imported, BackupCode::Bcrypt(bcrypt.to_owned()));
        assert!(imported.matches("Verger-test-1!", &mut workspace));
        assert!(!imported.matches("verger-test-1!", &mut workspace));
        assert!(imported.cost() > Cost(0));
        assert!(BackupCode::import(&bcrypt.replace("04", "12")).is_ok());
        assert_eq!(format!("{imported:?}"), "BackupCode(…)");
        for wrong in [
            "",
            "12-3-45",
            &"1".repeat(65),
            "$2b$04$short",
            &bcrypt.replace("04", "13"),
            "123456",
            "12 34-56",
            "oi2345",
        ] {
            assert!(BackupCode::import(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn codes_are_read_as_they_were_written() {
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO";
        let codes = vec![BackupCode::of("0123-45678-9azz"), BackupCode::import(bcrypt).unwrap()];
        let text = BackupCode::to_text(&codes);
        assert_eq!(BackupCode::from_text(&text), Some(codes));
        assert_eq!(BackupCode::from_text(""), Some(Vec::new()));
        assert_eq!(BackupCode::from_text("0123-45678-9azz"), None);
    }
}

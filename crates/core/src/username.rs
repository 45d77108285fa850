//! What counts as a username.

use crate::Malformed;

/// 4 to 64 of `A–Z a–z 0–9 _ -`. Kept as typed; two that differ only in case are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Judges a text.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, Malformed> {
        if !(4..=64).contains(&typed.len()) {
            return Err(Malformed("must have 4 to 64 characters"));
        }
        if !typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            return Err(Malformed("may contain only the letters A to Z, digits, underscores and hyphens"));
        }
        Ok(Self(typed.to_owned()))
    }

    /// Takes a username back from the store, where only judged ones are.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The username as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique: the username in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_alphabet_are_held() {
        for good in ["abcd", "A_b-9", &"x".repeat(64)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "abc", "ab cd", "abcdé", "ab.cd", "a@bcd", &"x".repeat(65)] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Username::parse("Ada_L").expect("good").key(), "ada_l");
    }
}

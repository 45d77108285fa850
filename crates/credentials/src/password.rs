//! What may be a password (contract section 3).

use crate::common;
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The fewest characters that rules can ask for (NIST SP 800-63B-4, 3.1.1.2).
pub const CHARACTERS_MIN: usize = 8;
/// The most characters of a password.
pub const CHARACTERS_MAX: usize = 72;
/// The most bytes of a password in UTF-8: what [`CHARACTERS_MAX`] characters can have.
pub const BYTES_MAX: usize = 4 * CHARACTERS_MAX;
/// The most bytes of what is typed. An imported digest may be of a longer password than a new one can be.
pub const TYPED_BYTES_MAX: usize = 1_024;

/// A text that was typed as a password. Erased from memory when it goes; never shown, also not by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    typed: Zeroizing<String>,
    /// In NFKC, so that the same password from another keyboard is the same.
    normalized: Zeroizing<String>,
}

/// The rules for a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest characters, from [`CHARACTERS_MIN`] to [`CHARACTERS_MAX`].
    pub characters_min: usize,
    /// The most characters, at most [`CHARACTERS_MAX`].
    pub characters_max: usize,
    /// There must be a lower-case letter.
    pub require_lowercase: bool,
    /// There must be an upper-case letter.
    pub require_uppercase: bool,
    /// There must be a digit.
    pub require_number: bool,
    /// There must be a character that is neither a letter nor a digit.
    pub require_special_character: bool,
}

/// A rule that a password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// It has fewer characters than this.
    TooShort {
        /// The fewest that the rules allow.
        characters_min: usize,
    },
    /// It has more characters than this.
    TooLong {
        /// The most that the rules allow.
        characters_max: usize,
    },
    /// It has no lower-case letter.
    NoLowercase,
    /// It has no upper-case letter.
    NoUppercase,
    /// It has no digit.
    NoNumber,
    /// It has nothing but letters and digits.
    NoSpecialCharacter,
    /// It is an identifier of the user.
    MatchesIdentifier,
    /// It is one of the most common ones.
    Common,
}

impl Default for PasswordRules {
    /// Eight characters of any kind: composition rules make passwords worse (NIST SP 800-63B-4).
    fn default() -> Self {
        Self {
            characters_min: CHARACTERS_MIN,
            characters_max: CHARACTERS_MAX,
            require_lowercase: false,
            require_uppercase: false,
            require_number: false,
            require_special_character: false,
        }
    }
}

impl Password {
    /// A password as it was typed; `None` if it is longer than any that is compared.
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > TYPED_BYTES_MAX {
            return None;
        }
        let normalized = Zeroizing::new(text.nfkc().collect());
        Some(Self { typed: Zeroizing::new(text.to_owned()), normalized })
    }

    /// As it was typed: other systems did not normalize what they hashed.
    pub(crate) fn as_typed(&self) -> &str {
        &self.typed
    }

    /// In NFKC: what our own digests are of.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// Judges a new password; `identifiers` are the user's own. Gives every rule that it breaks.
    pub fn judge<'a>(
        &self,
        rules: &PasswordRules,
        identifiers: impl IntoIterator<Item = &'a str>,
    ) -> Vec<PasswordFault> {
        let text = self.normalized();
        let characters = text.chars().count();
        let mut faults = Vec::new();
        let mut note = |broken: bool, fault| {
            if broken {
                faults.push(fault);
            }
        };
        let (characters_min, characters_max) =
            (rules.characters_min, rules.characters_max.min(CHARACTERS_MAX));
        note(characters < characters_min, PasswordFault::TooShort { characters_min });
        note(characters > characters_max, PasswordFault::TooLong { characters_max });
        let has = |of_kind: fn(char) -> bool| text.chars().any(of_kind);
        note(rules.require_lowercase && !has(char::is_lowercase), PasswordFault::NoLowercase);
        note(rules.require_uppercase && !has(char::is_uppercase), PasswordFault::NoUppercase);
        note(rules.require_number && !has(char::is_numeric), PasswordFault::NoNumber);
        let is_special = |character: char| !character.is_alphanumeric();
        note(rules.require_special_character && !has(is_special), PasswordFault::NoSpecialCharacter);
        let lower = Zeroizing::new(text.to_lowercase());
        let is_same = |identifier: &str| identifier.nfkc().flat_map(char::to_lowercase).eq(lower.chars());
        note(identifiers.into_iter().any(is_same), PasswordFault::MatchesIdentifier);
        note(common::is_common(text), PasswordFault::Common);
        faults
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PasswordFault::*;

    fn faults(text: &str, rules: &PasswordRules) -> Vec<PasswordFault> {
        Password::typed(text).unwrap().judge(rules, ["ana.pop", "ana@example.com", "+40712345678"])
    }

    #[test]
    fn characters_are_code_points_after_nfkc() {
        let rules = PasswordRules::default();
        assert_eq!(faults("sieben7", &rules), [TooShort { characters_min: 8 }]);
        assert_eq!(faults("achtacht", &rules), []);
        assert_eq!(faults("", &rules), [TooShort { characters_min: 8 }]);
        // Four bytes each: a limit in bytes would refuse them.
        assert_eq!(faults(&"🦀".repeat(72), &rules), []);
        assert_eq!(faults(&"🦀".repeat(73), &rules), [TooLong { characters_max: 72 }]);
        // One ligature is three letters; six letters and an accent of their own are six.
        assert_eq!(faults("ﬃxyzab", &rules), []);
        assert_eq!(faults("e\u{301}e\u{301}e\u{301}e\u{301}", &rules), [TooShort { characters_min: 8 }]);
        // U+FDFA becomes 18 characters.
        assert_eq!(faults("\u{fdfa}\u{fdfa}\u{fdfa}\u{fdfa}", &rules), []);
        assert_eq!(faults(&"\u{fdfa}".repeat(5), &rules), [TooLong { characters_max: 72 }]);
        assert!(Password::typed(&"x".repeat(TYPED_BYTES_MAX + 1)).is_none());
        assert!("🦀".repeat(CHARACTERS_MAX).len() <= BYTES_MAX);
    }

    #[test]
    fn same_password_from_another_keyboard_is_the_same() {
        let [composed, decomposed, wide] =
            ["caf\u{e9} caf\u{e9}", "cafe\u{301} cafe\u{301}", "ｃａｆé\u{a0}ｃａｆé"]
                .map(|text| Password::typed(text).unwrap());
        assert_eq!(composed.normalized(), decomposed.normalized());
        assert_eq!(composed.normalized(), wide.normalized());
        assert_ne!(composed.as_typed(), decomposed.as_typed());
        assert_eq!(format!("{composed:?}"), "Password(…)");
    }

    #[test]
    fn composition_is_asked_for_only_where_it_is_set() {
        let none = PasswordRules::default();
        let all = PasswordRules {
            require_lowercase: true,
            require_uppercase: true,
            require_number: true,
            require_special_character: true,
            ..none
        };
        assert_eq!(faults("        ", &none), []);
        assert_eq!(faults("        ", &all), [NoLowercase, NoUppercase, NoNumber]);
        assert_eq!(faults("kurzeworte", &all), [NoUppercase, NoNumber, NoSpecialCharacter]);
        assert_eq!(faults("Ölkanne 7 ÄÖ", &all), []);
        let longer = PasswordRules { characters_min: 15, characters_max: 20, ..none };
        assert_eq!(faults("fourteen chars", &longer), [TooShort { characters_min: 15 }]);
        assert_eq!(faults("twenty one characters", &longer), [TooLong { characters_max: 20 }]);
    }

    #[test]
    fn identifiers_of_the_user_and_common_passwords_are_refused() {
        let rules = PasswordRules::default();
        assert_eq!(faults("ANA@example.com", &rules), [MatchesIdentifier]);
        assert_eq!(faults("+40712345678", &rules), [MatchesIdentifier]);
        assert_eq!(faults("ana.pop", &rules), [TooShort { characters_min: 8 }, MatchesIdentifier]);
        assert_eq!(faults("ana@example.com!", &rules), []);
        assert_eq!(faults("Password1", &rules), [Common]);
        assert_eq!(faults("ｐａｓｓｗｏｒｄ１", &rules), [Common]);
    }
}

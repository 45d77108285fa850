//! What counts as a username.

use crate::Malformed;
use crate::reasons::USERNAME_LENGTH;
use verger_wire::Refused;
use verger_wire::settings::SettingsDocument;

/// The fewest characters of a username.
pub const CHARACTERS_MIN: usize = 4;
/// The most characters of a username.
pub const CHARACTERS_MAX: usize = 64;

/// 4 to 64 of `A–Z a–z 0–9 _ -`, not all of them digits. Kept as typed; two that differ only in case are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Judges a text, which must have no blanks around it.
    ///
    /// # Errors
    /// The first of these that it breaks: the length, the characters, and that one of them is no digit.
    pub fn parse(typed: &str) -> Result<Self, Malformed> {
        let length = typed.chars().count();
        if !(CHARACTERS_MIN..=CHARACTERS_MAX).contains(&length) {
            return Err(Malformed::UsernameLength { length });
        }
        if !typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            return Err(Malformed::UsernameCharacter);
        }
        if typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed::UsernameAllDigits);
        }
        Ok(Self(typed.to_owned()))
    }

    /// Judges a new username by the settings of its instance, which can ask for more than [`CHARACTERS_MIN`] characters, and
    /// allow fewer than [`CHARACTERS_MAX`].
    ///
    /// # Errors
    /// It is too short or too long for them.
    pub fn judge_length(&self, settings: &SettingsDocument) -> Result<(), Refused> {
        let (min, max) = (settings.username.min_length, settings.username.max_length);
        let length = i64::try_from(self.0.len()).unwrap_or(i64::MAX);
        if (min..=max).contains(&length) {
            return Ok(());
        }
        let refused =
            Refused::new(&USERNAME_LENGTH).with("min", min.to_string()).with("max", max.to_string());
        Err(refused.with("length", length.to_string()))
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
    fn length_alphabet_and_a_character_that_is_no_digit_are_held() {
        for good in ["abcd", "A_b-9", "123x", "1234-5678", "____", &"x".repeat(64)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        let length = |length| Malformed::UsernameLength { length };
        for (bad, why) in [
            ("", length(0)),
            ("abc", length(3)),
            ("123", length(3)),
            // Counted in characters, so that a name that is long enough is told of its characters.
            ("é é", length(3)),
            ("éàüö", Malformed::UsernameCharacter),
            (&"é".repeat(64), Malformed::UsernameCharacter),
            (&"x".repeat(65), length(65)),
            ("ab cd", Malformed::UsernameCharacter),
            ("abcdé", Malformed::UsernameCharacter),
            ("ab.cd", Malformed::UsernameCharacter),
            ("a@bcd", Malformed::UsernameCharacter),
            ("+41791234567", Malformed::UsernameCharacter),
            ("١٢٣٤٥", Malformed::UsernameCharacter),
            ("ab\0cd", Malformed::UsernameCharacter),
            ("1234", Malformed::UsernameAllDigits),
            ("41791234567", Malformed::UsernameAllDigits),
        ] {
            assert_eq!(Username::parse(bad), Err(why), "{bad}");
        }
        assert_eq!(Username::parse("Ada_L").expect("good").key(), "ada_l");
    }
}

//! What all sections of the configuration have in common.

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use std::fmt;
use std::time::Duration;

/// Default of `attempt_timeout_ms`.
const ATTEMPT_TIMEOUT_MS: u64 = 10_000;
const ATTEMPT_TIMEOUT_MS_MIN: u64 = 100;
const ATTEMPT_TIMEOUT_MS_MAX: u64 = 60_000;

/// What is wrong in a section, and what to do about it, in one line. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{section}] {problem}")]
pub struct ConfigError {
    section: String,
    problem: String,
}

/// A text that is nobody's business: neither `Debug` nor an error shows it.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

/// A text that says something. An empty one is neither a value nor the absence of one.
pub(crate) fn given<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(text)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("must not be empty: take the key out instead"));
    }
    Ok(Some(text))
}

impl ConfigError {
    /// `section` is named as in the file, without brackets; `problem` begins with the key.
    pub fn new(section: &str, problem: impl Into<String>) -> Self {
        Self { section: section.to_owned(), problem: problem.into() }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        /// The derived error would show the value: a secret of digits whose quotes were forgotten.
        fn refuse<E: serde::de::Error, T>() -> Result<T, E> {
            Err(E::custom("a secret must be text in quotes"))
        }
        impl Visitor<'_> for Text {
            type Value = Secret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                if text.is_empty() {
                    return Err(E::custom("a secret must not be empty"));
                }
                Ok(Secret::from(text))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Secret, E> {
                refuse()
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
                refuse()
            }
        }
        deserializer.deserialize_any(Text).map_err(D::Error::custom)
    }
}

impl Secret {
    /// Exposed only to be put on the wire.
    pub(crate) fn expose(&self) -> &str {
        use secrecy::ExposeSecret as _;
        self.0.expose_secret()
    }
}

/// How long one attempt may take.
///
/// # Errors
/// It is out of range.
pub(crate) fn attempt_timeout(section: &str, configured_ms: Option<u64>) -> Result<Duration, ConfigError> {
    let ms = configured_ms.unwrap_or(ATTEMPT_TIMEOUT_MS);
    if !(ATTEMPT_TIMEOUT_MS_MIN..=ATTEMPT_TIMEOUT_MS_MAX).contains(&ms) {
        let range = format!("{ATTEMPT_TIMEOUT_MS_MIN} to {ATTEMPT_TIMEOUT_MS_MAX}");
        return Err(ConfigError::new(section, format!("attempt_timeout_ms must be from {range}")));
    }
    Ok(Duration::from_millis(ms))
}

/// A secret of the environment takes the place of one of the file.
pub(crate) fn override_secret(
    secret: &mut Option<Secret>,
    variable: &str,
    get: &impl Fn(&str) -> Option<String>,
) {
    if let Some(value) = get(variable).filter(|value| !value.is_empty()) {
        *secret = Some(value.into());
    }
}

//! What counts as an email address.
//!
//! The `addr-spec` of RFC 5322 section 3.4.1 in its dot-atom form, with the lengths of RFC 5321 section 4.5.3.1.
//! Quoted local parts, comments, address literals and non-ASCII addresses (RFC 6531) are refused.

use crate::{Malformed, Unit};
use std::fmt;

/// RFC 5321 section 4.5.3.1.3, less the angle brackets.
const BYTES_MAX: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;
/// RFC 1035 section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;

/// A well-formed email address in lower case. Two addresses that differ only in case are the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    typed: String,
}

impl Email {
    /// Judges a text, which must have no blanks around it.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(typed: &str) -> Result<Self, Malformed> {
        if !typed.is_ascii() {
            return Err(Malformed::Form(
                "may contain only ASCII characters; write an international domain in its xn-- form",
            ));
        }
        if typed.len() > BYTES_MAX {
            return Err(Malformed::TooLong { max: BYTES_MAX, length: typed.len(), unit: Unit::Characters });
        }
        let Some((local, domain)) = typed.rsplit_once('@') else {
            return Err(Malformed::Form("must have the form name@domain; there is no @"));
        };
        if local.len() > LOCAL_BYTES_MAX {
            return Err(Malformed::TooLong {
                max: LOCAL_BYTES_MAX,
                length: local.len(),
                unit: Unit::BeforeAt,
            });
        }
        if !local.split('.').all(is_atom) {
            return Err(Malformed::Form("has a character or an empty part before the @ that is not allowed"));
        }
        if let Some(label) = domain.split('.').find(|label| label.len() > LABEL_BYTES_MAX) {
            return Err(Malformed::TooLong { max: LABEL_BYTES_MAX, length: label.len(), unit: Unit::Label });
        }
        if !domain.contains('.') || !domain.split('.').all(is_label) {
            return Err(Malformed::Form(
                "must have a domain of letters, digits and hyphens with a dot in it after the @",
            ));
        }
        Ok(Self { address: typed.to_ascii_lowercase(), typed: typed.to_owned() })
    }

    /// Takes an address back from the store, where only judged ones are.
    pub fn from_stored(address: String, typed: String) -> Self {
        Self { address, typed }
    }

    /// The address in lower case.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The text as a person typed it.
    pub fn typed(&self) -> &str {
        &self.typed
    }
}

impl fmt::Debug for Email {
    /// Masked: an address must not reach a log by way of a debug print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.address.split_once('@').unwrap_or(("", ""));
        write!(f, "{}***@{domain}", local.get(..1).unwrap_or(""))
    }
}

/// RFC 5322 section 3.2.3.
fn is_atom(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

/// Letters, digits and hyphens, none at an end (RFC 1123 section 2.1).
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_addresses_are_kept_in_lower_case() {
        for (typed, kept) in [
            ("Ada@Example.com", "ada@example.com"),
            ("a.b+tag@sub.example.co", "a.b+tag@sub.example.co"),
            ("o'neil@xn--bcher-kva.example", "o'neil@xn--bcher-kva.example"),
        ] {
            let email = Email::parse(typed).expect("good");
            assert_eq!((email.as_str(), email.typed()), (kept, typed));
        }
    }

    #[test]
    fn parts_of_the_greatest_length_are_accepted() {
        for typed in [
            format!("{}@example.com", "a".repeat(64)),
            format!("a@{}.example", "b".repeat(63)),
            format!("aa@{}example", "b.".repeat(122)),
        ] {
            assert!(Email::parse(&typed).is_ok(), "{typed}: {}", typed.len());
        }
    }

    #[test]
    fn debug_output_is_masked() {
        let email = Email::parse("Ada@example.com").expect("good");
        assert_eq!(format!("{email:?}"), "a***@example.com");
    }

    #[test]
    fn bad_addresses_are_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "a.".repeat(126));
        for typed in [
            "",
            "@",
            "a",
            "a@",
            "@example.com",
            "a@b",
            "a b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a.@example.com",
            "a@-example.com",
            "a@example-.com",
            "a@example..com",
            "a@.com",
            "a@example.com.",
            "\"a\"@example.com",
            "a@[127.0.0.1]",
            "a@exa_mple.com",
            "ä@example.com",
            "a@example.com\0",
            "a@b@example.com",
            "a\n@example.com",
            " a@example.com",
            &long_local,
            &long,
        ] {
            assert!(Email::parse(typed).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn a_part_that_is_too_long_is_told_with_its_length() {
        let long_label = format!("a@{}.example", "b".repeat(64));
        for (typed, max, length, unit) in [
            (format!("{}@example.com", "a".repeat(65)), 64, 65, Unit::BeforeAt),
            (long_label, 63, 64, Unit::Label),
            (format!("a@{}example", "b.".repeat(125)), 254, 259, Unit::Characters),
        ] {
            let why = Email::parse(&typed).unwrap_err();
            assert_eq!(why, Malformed::TooLong { max, length, unit }, "{typed}");
        }
        assert_eq!(Unit::BeforeAt.as_str(), "characters before the @");
        assert_eq!(Unit::Label.as_str(), "characters between two dots of its domain");
    }
}

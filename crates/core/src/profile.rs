//! The value rules of a user's profile: names, external id, locale and dates.

use crate::{Malformed, Unit};
use jiff::Timestamp;
use verger_wire::UnixMillis;

/// The most characters of a name or an external id.
pub const TEXT_CHARACTERS_MAX: usize = 256;
/// The most characters of a language tag.
const LOCALE_CHARACTERS_MAX: usize = 35;

/// Judges a name or an external id.
///
/// # Errors
/// Too long, or it has a NUL character, which no database keeps.
pub fn check_text(text: &str) -> Result<(), Malformed> {
    check_length(text, TEXT_CHARACTERS_MAX)?;
    if text.contains('\0') {
        return Err(Malformed::Form("may not contain the character U+0000"));
    }
    Ok(())
}

/// Holds a text to so many characters.
///
/// # Errors
/// Too long.
pub fn check_length(text: &str, max: usize) -> Result<(), Malformed> {
    let length = text.chars().count();
    if length > max {
        return Err(Malformed::TooLong { max, length, unit: Unit::Characters });
    }
    Ok(())
}

/// Judges an external id: as [`check_text`], and not empty.
///
/// # Errors
/// As [`check_text`], or empty.
pub fn check_external_id(text: &str) -> Result<(), Malformed> {
    if text.is_empty() {
        return Err(Malformed::TooShort("may not be empty; send null to remove it"));
    }
    check_text(text)
}

/// Judges a BCP 47 language tag by its shape: subtags of 1 to 8 letters and digits, at most 35 characters.
///
/// # Errors
/// It does not have that shape.
pub fn check_locale(text: &str) -> Result<(), Malformed> {
    check_length(text, LOCALE_CHARACTERS_MAX)?;
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if text.split(['-', '_']).all(is_subtag) {
        Ok(())
    } else {
        Err(Malformed::Form("must be a BCP 47 language tag such as en-US"))
    }
}

/// Reads an RFC 3339 date and time.
///
/// # Errors
/// It is not one.
pub fn parse_date(text: &str) -> Result<UnixMillis, Malformed> {
    text.parse::<Timestamp>().map(|moment| UnixMillis(moment.as_millisecond())).map_err(|_| Malformed::Time)
}

/// The moment as RFC 3339, for people.
pub fn format_date(moment: UnixMillis) -> String {
    Timestamp::from_millisecond(moment.0).map_or_else(|_| moment.0.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_to_the_millisecond() {
        assert_eq!(parse_date("2012-10-20T07:15:20.902Z"), Ok(UnixMillis(1_350_717_320_902)));
        assert_eq!(parse_date("2012-10-20T09:15:20.902+02:00"), Ok(UnixMillis(1_350_717_320_902)));
        for bad in ["", "yesterday", "2012-10-20", "2012-13-01T00:00:00Z", "1350717320902"] {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn locales_have_the_shape_of_a_language_tag() {
        for good in ["en", "en-US", "fr_FR", "zh-Hant-TW", "de-CH-1996"] {
            assert_eq!(check_locale(good), Ok(()), "{good}");
        }
        for bad in ["", "-", "en-", "en US", "ünïcode", "en-abcdefghi"] {
            assert!(check_locale(bad).is_err(), "{bad}");
        }
    }
}

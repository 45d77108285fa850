//! The value rules of a user's profile: names, external id, locale and dates.

use crate::{Malformed, Unit};
use jiff::{SignedDuration, Timestamp, civil};
use verger_wire::UnixMillis;

/// The most characters of a name or an external id.
pub const TEXT_CHARACTERS_MAX: usize = 256;
/// The most characters of a language tag.
const LOCALE_CHARACTERS_MAX: usize = 35;

/// 0000-01-01T00:00:00Z, the first moment of RFC 3339.
const DATE_MIN_MS: i64 = -62_167_219_200_000;
/// 9999-12-30T22:00:00Z: later moments have a year of five digits in some time zone.
const DATE_MAX_MS: i64 = 253_402_207_200_000;

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
/// How long it is, if it is too long.
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

/// Reads an RFC 3339 date and time, to the millisecond: further digits are cut off. A leap second, which ends a day in
/// UTC, is the beginning of the next second.
///
/// # Errors
/// It is not one, or not from the years 0000 to 9999.
pub fn parse_date(text: &str) -> Result<UnixMillis, Malformed> {
    let written = Written::read(text).ok_or(Malformed::Time)?;
    let is_leap = written.second == 60;
    let second = if is_leap { 59 } else { written.second };
    let local = civil::DateTime::new(
        written.year,
        written.month,
        written.day,
        written.hour,
        written.minute,
        second,
        0,
    );
    let since_1970 =
        local.map_err(|_| Malformed::Time)?.duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0));
    let mut moment = since_1970 - SignedDuration::from_mins(written.offset_minutes);
    if is_leap {
        moment += SignedDuration::from_secs(1);
        if moment.as_secs() % (24 * 60 * 60) != 0 {
            return Err(Malformed::Time);
        }
    } else {
        moment += SignedDuration::from_millis(written.millis);
    }
    let moment = i64::try_from(moment.as_millis()).map_err(|_| Malformed::TimeRange)?;
    if (DATE_MIN_MS..=DATE_MAX_MS).contains(&moment) {
        Ok(UnixMillis(moment))
    } else {
        Err(Malformed::TimeRange)
    }
}

/// The parts of a date and time as they are written.
struct Written {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    millis: i64,
    offset_minutes: i64,
}

impl Written {
    /// The form of RFC 3339 section 5.6, with the blank that it allows in place of the T.
    fn read(text: &str) -> Option<Self> {
        // Also makes every byte a character.
        let (moment, rest) = text.is_ascii().then(|| text.split_at_checked(19))??;
        let has_marks = moment.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => matches!(byte, b'T' | b't' | b' '),
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
        if !has_marks {
            return None;
        }
        let part = |from: usize| moment.get(from..from + 2)?.parse::<i8>().ok();
        let (millis, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(rest) => {
                let end = rest.find(|character: char| !character.is_ascii_digit())?;
                let (digits, zone) = rest.split_at(end);
                let kept = digits.get(..3).unwrap_or(digits);
                ((!kept.is_empty()).then(|| format!("{kept:0<3}"))?.parse().ok()?, zone)
            }
        };
        Some(Self {
            year: moment.get(..4)?.parse().ok()?,
            month: part(5)?,
            day: part(8)?,
            hour: part(11)?,
            minute: part(14)?,
            second: part(17)?,
            millis,
            offset_minutes: offset_minutes(zone)?,
        })
    }
}

/// The minutes of `Z` or `±hh:mm`, at most 23:59 (RFC 3339 section 5.6).
fn offset_minutes(zone: &str) -> Option<i64> {
    let two = |high: u8, low: u8| {
        (high.is_ascii_digit() && low.is_ascii_digit())
            .then(|| i64::from(high - b'0') * 10 + i64::from(low - b'0'))
    };
    match *zone.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            let offset = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
            Some(if sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
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
        for (text, ms) in [
            ("2012-10-20t07:15:20.902z", 1_350_717_320_902),
            ("2012-10-20 07:15:20.902Z", 1_350_717_320_902),
            ("2012-10-20T07:15:20.902-00:00", 1_350_717_320_902),
            ("2012-10-20T07:15:20Z", 1_350_717_320_000),
            ("2012-10-20T07:15:20.9Z", 1_350_717_320_900),
            ("2012-10-20T07:15:20.90299999999999999999999999Z", 1_350_717_320_902),
            ("2012-10-20T07:15:20.123456789123Z", 1_350_717_320_123),
            ("2012-10-21T07:14:20.902+23:59", 1_350_717_320_902),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2012-02-29T00:00:00Z", 1_330_473_600_000),
            ("0000-01-01T00:00:00Z", DATE_MIN_MS),
            ("9999-12-30T22:00:00Z", DATE_MAX_MS),
        ] {
            assert_eq!(parse_date(text), Ok(UnixMillis(ms)), "{text}");
            assert!(format_date(UnixMillis(ms)).ends_with('Z'), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_beginning_of_the_next_second() {
        for (text, ms) in [
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2016-12-31T23:59:60.75Z", 1_483_228_800_000),
            ("2016-12-31T15:59:60-08:00", 1_483_228_800_000),
        ] {
            assert_eq!(parse_date(text), Ok(UnixMillis(ms)), "{text}");
        }
        for bad in ["2016-12-31T22:59:60Z", "2016-12-31T23:59:60-08:00", "2016-12-31T23:59:61Z"] {
            assert_eq!(parse_date(bad), Err(Malformed::Time), "{bad}");
        }
    }

    #[test]
    fn what_is_no_date_is_told_apart_from_one_out_of_range() {
        for bad in [
            "",
            "yesterday",
            "2012-10-20",
            "2012-13-01T00:00:00Z",
            "2013-02-29T00:00:00Z",
            "2012-10-20T24:00:00Z",
            "1350717320902",
            "2012-10-20T07:15:20",
            "2012-10-20T07:15Z",
            "2012-10-20T07:15:20,9Z",
            "2012-10-20T07:15:20.Z",
            "2012-10-20T07:15:20.9",
            "2012-10-20T07:15:20+25:00",
            "2012-10-20T07:15:20+24:00",
            "2012-10-20T07:15:20+01:60",
            "2012-10-20T07:15:20+0::00",
            "2012-10-20T07:15:20+:0:00",
            "2012-10-20T07:15:20+00:0:",
            "2012-10-20T07:15:20+0100",
            "2012-10-20T07:15:20+01",
            "2012-10-20T07:15:20Z[UTC]",
            "2012-10-20T07:15:20Z ",
            " 2012-10-20T07:15:20Z",
            "2012-10-20_07:15:20Z",
            "20121020T071520Z",
            "+002012-10-20T07:15:20Z",
            "-2012-10-20T07:15:20Z",
            "2012-10-+2T07:15:20Z",
            "2012-10-20T07:15:20.٣Z",
            "2012-10-20T07:15:2٣Z",
        ] {
            assert_eq!(parse_date(bad), Err(Malformed::Time), "{bad}");
        }
        for far in ["9999-12-31T23:59:59Z", "9999-12-30T22:00:00.001Z", "0000-01-01T00:00:00+00:01"] {
            assert_eq!(parse_date(far), Err(Malformed::TimeRange), "{far}");
        }
    }

    #[test]
    fn texts_are_counted_in_characters_and_have_no_nul() {
        let too_long = |max, length| Err(Malformed::TooLong { max, length, unit: Unit::Characters });
        for check in [check_text, check_external_id] {
            assert_eq!(check(&"é".repeat(256)), Ok(()));
            assert_eq!(check(&"é".repeat(257)), too_long(256, 257));
            assert!(matches!(check("a\0b"), Err(Malformed::Form(_))));
        }
        assert_eq!(check_text(""), Ok(()));
        assert!(matches!(check_external_id(""), Err(Malformed::TooShort(_))));
        assert_eq!(check_locale("en-12345678-12345678-12345678-12345"), Ok(()));
        assert_eq!(check_locale("en-12345678-12345678-12345678-123456"), too_long(35, 36));
    }

    #[test]
    fn moments_are_written_for_people_and_as_a_number_beyond_the_calendar() {
        assert_eq!(format_date(UnixMillis(1_350_717_320_902)), "2012-10-20T07:15:20.902Z");
        assert_eq!(format_date(UnixMillis(i64::MAX)), i64::MAX.to_string());
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

//! What counts as a phone number (contract section 5).

use crate::Malformed;
use rlibphonenumber::{
    PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationError,
};
use std::fmt;

/// The version of Google's numbering plan metadata that judges numbers. A test ties it to the library's version.
pub const METADATA_VERSION: &str = "9.0.42";

/// The longest text that is looked at, in bytes: 15 digits and generous separators.
const TEXT_BYTES_MAX: usize = 64;

const NOT_ASSIGNED: &str = "is not a number of any country's numbering plan";
const NO_COUNTRY_CODE: &str = "must begin with a country code that exists, such as +41 or +1";

/// Whether `+1 (XXX) 555-0100 … 555-0199` may be used: only in an instance in test mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestNumbers {
    /// The instance is in test mode.
    Accepted,
    /// The instance is a production one.
    Refused,
}

/// A phone number that was valid when it was added, with what was learnt about it then.
#[derive(Clone, PartialEq, Eq)]
pub struct E164 {
    number: String,
    typed: String,
    region: Option<String>,
    line_type: Option<String>,
    metadata_version: String,
}

impl E164 {
    /// Judges a text as the contract's section 5 says: ASCII and separators, then the E.164 shape, then the test
    /// range, then the numbering plan.
    ///
    /// # Errors
    /// A sentence that says what is wrong. It never repeats the number.
    pub fn parse(typed: &str, test_numbers: TestNumbers) -> Result<Self, Malformed> {
        let stripped = strip_separators(typed)?;
        check_e164_shape(&stripped)?;
        if is_test_number(&stripped) {
            return Self::test(stripped, typed, test_numbers);
        }
        let parsed = PHONE_NUMBER_UTIL.parse(&stripped, None).map_err(|why| {
            Malformed::Form(match why {
                ParseError::InvalidCountryCode => NO_COUNTRY_CODE,
                _ => NOT_ASSIGNED,
            })
        })?;
        if !parsed.is_valid() {
            return Err(Malformed::Form(why_invalid(&parsed)));
        }
        let number = parsed.format_as(PhoneNumberFormat::E164).into_owned();
        if !has_e164_shape(&number) {
            return Err(Malformed::Form(NOT_ASSIGNED));
        }
        // A trunk prefix hides the range until the plan has dropped it.
        if is_test_number(&number) {
            return Self::test(number, typed, test_numbers);
        }
        Ok(Self {
            number,
            typed: typed.to_owned(),
            region: parsed.get_region_code().map(|region| region.to_string()),
            line_type: Some(line_type(parsed.get_type()).to_owned()),
            metadata_version: METADATA_VERSION.to_owned(),
        })
    }

    fn test(number: String, typed: &str, test_numbers: TestNumbers) -> Result<Self, Malformed> {
        match test_numbers {
            TestNumbers::Accepted => Ok(Self {
                number,
                typed: typed.to_owned(),
                region: Some("US".to_owned()),
                line_type: Some("test".to_owned()),
                metadata_version: METADATA_VERSION.to_owned(),
            }),
            TestNumbers::Refused => {
                Err(Malformed::Form("is a reserved test number; this instance is not in test mode"))
            }
        }
    }

    /// Takes a number back from the store: it was judged when it was added and is never judged again.
    pub fn from_stored(
        number: String,
        typed: String,
        region: Option<String>,
        line_type: Option<String>,
        metadata_version: String,
    ) -> Self {
        Self { number, typed, region, line_type, metadata_version }
    }

    /// The number, `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.number
    }

    /// It is of the reserved test range: nothing is ever sent to it.
    pub fn is_test(&self) -> bool {
        is_test_number(&self.number)
    }

    /// The text as a person typed it.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The region that the plan names: ISO 3166-1 alpha-2, or `001` for numbers of no country.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The country calling code, for example 44.
    pub fn calling_code(&self) -> Option<i32> {
        PHONE_NUMBER_UTIL.parse(&self.number, None).ok().map(|number| number.country_code)
    }

    /// What kind of line the plan says it is, for example `mobile`; `test` for the test range.
    pub fn line_type(&self) -> Option<&str> {
        self.line_type.as_deref()
    }

    /// The version of the metadata that judged it.
    pub fn metadata_version(&self) -> &str {
        &self.metadata_version
    }
}

impl fmt::Debug for E164 {
    /// Masked: a number must not reach a log by way of a debug print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.number))
    }
}

/// A phone number for logs: the first two and last two characters, for example `+1********00`.
pub fn mask(number: &str) -> String {
    let length = number.chars().count();
    number
        .chars()
        .enumerate()
        .map(|(at, character)| if at < 2 || at + 2 >= length { character } else { '*' })
        .collect()
}

/// Reads the first numbering plan, so that the first request does not wait for it.
pub fn warm_up() {
    let warmed = E164::parse("+442079460000", TestNumbers::Refused);
    debug_assert!(warmed.is_ok());
}

/// The number as it would be stored, by its characters alone: for looking a number up, without judging it.
///
/// # Errors
/// The text has characters that no number has, or not the E.164 shape.
pub fn canonical(text: &str) -> Result<String, Malformed> {
    let stripped = strip_separators(text)?;
    check_e164_shape(&stripped)?;
    Ok(stripped)
}

/// Whether numbers can belong to this country: ISO 3166-1 alpha-2, capital letters.
pub fn is_region(alpha2: &str) -> bool {
    PHONE_NUMBER_UTIL.get_supported_regions().any(|region| region.to_string() == alpha2)
}

/// The forms in which a number can stand in the store for which somebody types this text: its characters as they are,
/// since stored numbers are never judged again, and without the trunk prefix that the plan drops. None for a text that is
/// no number.
pub fn stored_forms(text: &str) -> Vec<String> {
    let Ok(typed) = canonical(text) else { return Vec::new() };
    let parsed = E164::parse(&typed, TestNumbers::Accepted).ok().map(|parsed| parsed.number);
    let mut forms = vec![typed];
    forms.extend(parsed.filter(|parsed| *parsed != forms[0]));
    forms
}

fn strip_separators(text: &str) -> Result<String, Malformed> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Malformed::Form(
            "is too long: a phone number may have at most 64 characters with its separators",
        ));
    }
    let mut stripped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' => stripped.push(character),
            '+' if stripped.is_empty() => stripped.push('+'),
            '+' => return Err(Malformed::Form("may have one plus sign only, at the start")),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => {
                return Err(Malformed::Form(
                    "may contain only digits, one leading plus sign, and the separators space, hyphen, dot and parentheses",
                ));
            }
        }
    }
    Ok(stripped)
}

/// Says of a text of digits, perhaps with a plus, why it has not the shape of E.164.
fn check_e164_shape(stripped: &str) -> Result<(), Malformed> {
    if has_e164_shape(stripped) {
        return Ok(());
    }
    let Some(digits) = stripped.strip_prefix('+') else {
        return Err(Malformed::Form(if stripped.is_empty() {
            "must be an E.164 number such as +41791234567; it has no digits"
        } else {
            "must begin with a plus sign and the country code, such as +41791234567"
        }));
    };
    if digits.starts_with('0') {
        return Err(Malformed::Form("must have a country code after the plus sign, and none begins with 0"));
    }
    Err(Malformed::PhoneDigits { digits: digits.len() })
}

/// `^\+[1-9][0-9]{6,14}$`
fn has_e164_shape(text: &str) -> bool {
    match text.as_bytes() {
        [b'+', b'1'..=b'9', rest @ ..] => {
            (6..=14).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// `+1 (XXX) 555-0100 … 555-0199`, any area code.
pub fn is_test_number(e164: &str) -> bool {
    matches!(e164.as_bytes(), [b'+', b'1', _, _, _, b'5', b'5', b'5', b'0', b'1', _, _])
}

fn why_invalid(parsed: &PhoneNumber) -> &'static str {
    match parsed.is_possible_with_reason() {
        Err(ValidationError::InvalidCountryCode) => NO_COUNTRY_CODE,
        Err(ValidationError::TooShort) => "is too short for a number with its country code",
        Err(ValidationError::TooLong) => "is too long for a number with its country code",
        Err(ValidationError::InvalidLength) => {
            "has a number of digits that no number with its country code has"
        }
        Ok(_) => NOT_ASSIGNED,
    }
}

fn line_type(kind: PhoneNumberType) -> &'static str {
    match kind {
        PhoneNumberType::FixedLine => "fixed_line",
        PhoneNumberType::Mobile => "mobile",
        PhoneNumberType::FixedLineOrMobile => "fixed_line_or_mobile",
        PhoneNumberType::TollFree => "toll_free",
        PhoneNumberType::PremiumRate => "premium_rate",
        PhoneNumberType::SharedCost => "shared_cost",
        PhoneNumberType::VoIP => "voip",
        PhoneNumberType::PersonalNumber => "personal_number",
        PhoneNumberType::Pager => "pager",
        PhoneNumberType::UAN => "universal_access_number",
        PhoneNumberType::VoiceMail => "voicemail",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trunk_prefix_goes_where_the_plan_says_so() {
        for (typed, kept, region) in [
            ("+44 07400 123456", "+447400123456", "GB"),
            ("+39 06 1234 5678", "+390612345678", "IT"),
            ("+1 (202) 456-1111", "+12024561111", "US"),
            ("+7 701 234 5678", "+77012345678", "KZ"),
            ("+61 0412 345 678", "+61412345678", "AU"),
            ("+80012345678", "+80012345678", "001"),
        ] {
            let number =
                E164::parse(typed, TestNumbers::Refused).unwrap_or_else(|why| panic!("{typed}: {why:?}"));
            assert_eq!((number.as_str(), number.region(), number.typed()), (kept, Some(region), typed));
        }
    }

    #[test]
    fn only_ascii_digits_one_plus_and_separators_are_looked_at() {
        for typed in [
            "",
            "+",
            "12024561111",
            "+1202456111a",
            "+1 202 456 1111 ext 5",
            "+12024561111;ext=5",
            "++12024561111",
            "+1+2024561111",
            "+1\u{200b}2024561111",
            "+1２０２4561111",
            "+1\t2024561111",
            "+1\n2024561111",
            "tel:+12024561111",
            "+02024561111",
            "+123456",
            "+1234567890123456",
            "+1/202/456/1111",
            "+1 202 456 1111#",
            "00442079460000",
            "+12024561111,",
            "+1٢٠٢٤٥٦١١١١",
            "+1                                                                2024561111",
        ] {
            assert!(E164::parse(typed, TestNumbers::Accepted).is_err(), "{typed:?}");
        }
    }

    #[test]
    fn text_of_the_greatest_length_is_looked_at_and_a_second_plus_is_named() {
        let padded = |bytes: usize| format!("{:bytes$}", "+1 202 456 1111");
        assert!(E164::parse(&padded(64), TestNumbers::Refused).is_ok());
        let why_not = |typed: &str| match E164::parse(typed, TestNumbers::Refused) {
            Err(Malformed::Form(why)) => why,
            other => panic!("{typed:?}: {other:?}"),
        };
        assert!(why_not(&padded(65)).contains("64 characters"));
        for typed in ["++12024561111", "+1+2024561111", "12024561111+"] {
            assert!(why_not(typed).contains("one plus sign"), "{typed}");
        }
    }

    #[test]
    fn calling_code_region_and_kind_of_line_are_those_of_the_plan() {
        for (typed, calling_code, region, line_type) in [
            ("+442079460000", 44, "GB", "fixed_line"),
            ("+447400123456", 44, "GB", "mobile"),
            ("+12024561111", 1, "US", "fixed_line_or_mobile"),
            ("+18002345678", 1, "US", "toll_free"),
            ("+80012345678", 800, "001", "toll_free"),
        ] {
            let number = E164::parse(typed, TestNumbers::Refused).expect("in the plan");
            let learnt = (number.calling_code(), number.region(), number.line_type());
            assert_eq!(learnt, (Some(calling_code), Some(region), Some(line_type)), "{typed}");
        }
        for (alpha2, expected) in
            [("CH", true), ("US", true), ("ch", false), ("ZZ", false), ("001", false), ("", false)]
        {
            assert_eq!(is_region(alpha2), expected, "{alpha2}");
        }
    }

    #[test]
    fn numbers_outside_every_plan_are_refused() {
        for typed in ["+12001234567", "+19999999999", "+441234", "+999123456789", "+4420794600001234"] {
            assert!(E164::parse(typed, TestNumbers::Accepted).is_err(), "{typed}");
        }
    }

    #[test]
    fn too_short_too_long_and_no_such_country_are_told_apart() {
        for (typed, words) in [
            ("+4179123456", "too short"),
            ("+442079460000123", "too long"),
            // Some numbers of this country have two digits more.
            ("+417912345678", "number of digits"),
            ("+999123456789", "country code that exists"),
            ("+12001234567", "numbering plan"),
        ] {
            let Err(Malformed::Form(why)) = E164::parse(typed, TestNumbers::Accepted) else {
                panic!("{typed}");
            };
            assert!(why.contains(words), "{typed}: {why}");
        }
    }

    #[test]
    fn test_range_needs_an_instance_in_test_mode() {
        for (typed, is_test) in [
            ("+15555550100", true),
            ("+1 (999) 555-0199", true),
            ("+12025550100", true),
            ("+12025550200", false),
            ("+12025560100", false),
        ] {
            let stripped = canonical(typed).expect("shape");
            assert_eq!(is_test_number(&stripped), is_test, "{typed}");
            if is_test {
                assert_eq!(E164::parse(typed, TestNumbers::Accepted).expect("accepted").as_str(), stripped);
                assert!(E164::parse(typed, TestNumbers::Refused).is_err(), "{typed}");
            }
        }
    }

    #[test]
    fn test_range_behind_a_trunk_prefix_is_the_test_range() {
        for typed in ["+112025550100", "+1 1 (202) 555-0199", "+1-1-415-555-0123"] {
            assert!(E164::parse(typed, TestNumbers::Refused).is_err(), "{typed}");
            let number = E164::parse(typed, TestNumbers::Accepted).expect("accepted");
            assert!(number.is_test(), "{typed}");
            assert_eq!((number.as_str().len(), number.line_type()), (12, Some("test")), "{typed}");
        }
        let other = E164::parse("+1 1 (202) 456-1111", TestNumbers::Refused).expect("accepted");
        assert_eq!((other.as_str(), other.is_test()), ("+12024561111", false));
    }

    #[test]
    fn number_is_looked_up_by_every_text_that_is_stored_as_it() {
        for (text, wanted) in [
            ("+1 (202) 456-1111", &["+12024561111"][..]),
            ("+44 07400 123456", &["+4407400123456", "+447400123456"]),
            ("+112025550100", &["+112025550100", "+12025550100"]),
            ("+39 06 1234 5678", &["+390612345678"]),
            // No plan has it any more, and somebody may hold it all the same.
            ("+999123456789", &["+999123456789"]),
            ("12024561111", &[]),
            ("+1202456111a", &[]),
            ("", &[]),
        ] {
            assert_eq!(stored_forms(text), wanted, "{text}");
        }
    }

    #[test]
    fn debug_output_is_masked() {
        let number = E164::parse("+12025550123", TestNumbers::Accepted).expect("accepted");
        assert_eq!(format!("{number:?}"), "+1********23");
    }

    #[test]
    fn metadata_version_belongs_to_the_locked_library() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"))
            .expect("lock file");
        assert!(
            lock.contains("name = \"rlibphonenumber\"\nversion = \"2.2.15\""),
            "the library moved: read the metadata version in its read-me and change METADATA_VERSION and this test"
        );
        assert_eq!(METADATA_VERSION, "9.0.42");
    }
}

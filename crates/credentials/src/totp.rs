//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, 30 seconds, one step to either side.

use crate::is_equal;
use aws_lc_rs::hmac;
use data_encoding::{BASE32_NOPAD, DecodeError};
use std::fmt;
use zeroize::Zeroizing;

/// The digits of a code.
pub const DIGITS: usize = 6;
/// How long a code lasts, in milliseconds.
pub const STEP_MS: i64 = 30_000;
/// How many steps a clock may be off.
const DRIFT_STEPS: i64 = 1;
/// The bytes of a secret that is made here: 160 bits, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// The fewest bytes of an imported secret: 80 bits, the length of the oldest authenticators' secrets.
const IMPORTED_BYTES_MIN: usize = 10;
/// The most bytes of an imported secret: a block of SHA-1.
const IMPORTED_BYTES_MAX: usize = 64;

/// What codes are made from. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

/// A text is no secret of a length that is accepted, in base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTotpSecret;

/// A code does not have six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCodeLength;

/// A code as it was typed, without the blanks that authenticators show in the middle. Normalized here and nowhere else, so
/// that no second spelling of a code counts as another code.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpCode([u8; DIGITS]);

impl TotpCode {
    /// Reads a code.
    ///
    /// # Errors
    /// It does not consist of six digits.
    pub fn parse(typed: &str) -> Result<Self, InvalidCodeLength> {
        let mut digits = [0; DIGITS];
        let mut length = 0;
        for byte in typed.bytes().filter(|byte| *byte != b' ') {
            if !byte.is_ascii_digit() || length == DIGITS {
                return Err(InvalidCodeLength);
            }
            digits[length] = byte;
            length += 1;
        }
        if length == DIGITS { Ok(Self(digits)) } else { Err(InvalidCodeLength) }
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

impl TotpSecret {
    /// A new secret from random bytes.
    pub fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(random.to_vec()))
    }

    /// Reads a secret in base32 (RFC 4648), in either case, with or without padding and blanks.
    ///
    /// # Errors
    /// It is not base32, or has not 80 to 512 bits.
    pub fn parse(text: &str) -> Result<Self, InvalidTotpSecret> {
        let upper: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let upper = Zeroizing::new(upper);
        let decoded = BASE32_NOPAD.decode(upper.trim_end_matches('=').as_bytes());
        let bytes = Zeroizing::new(decoded.map_err(|_: DecodeError| InvalidTotpSecret)?);
        let is_of_length = (IMPORTED_BYTES_MIN..=IMPORTED_BYTES_MAX).contains(&bytes.len());
        if is_of_length { Ok(Self(bytes)) } else { Err(InvalidTotpSecret) }
    }

    /// The secret in base32, as authenticators take it and [`TotpSecret::parse`] reads it.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }

    /// The step of a code, if it is right at `now_ms` and later than the last one used. What is used is the step, so a code
    /// is good once however it is spelled; who stores it must compare it with the last one once more.
    pub fn step_of(&self, code: &TotpCode, now_ms: i64, last_step: Option<i64>) -> Option<i64> {
        let current = now_ms.div_euclid(STEP_MS);
        let mut found = None;
        // All of them are compared, whichever is right.
        for step in (current - DRIFT_STEPS..=current + DRIFT_STEPS).rev() {
            let is_right = is_equal(&self.code_of(step), &code.0);
            if is_right && last_step.is_none_or(|last| step > last) {
                found = Some(step);
            }
        }
        found
    }

    /// The code at a moment, as an authenticator shows it.
    pub fn code_at(&self, now_ms: i64) -> String {
        self.code_of(now_ms.div_euclid(STEP_MS)).iter().map(|digit| char::from(*digit)).collect()
    }

    fn code_of(&self, step: i64) -> [u8; DIGITS] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        // Dynamic truncation (RFC 4226, section 5.3): the tag has 20 bytes, and the offset is at most 15.
        let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
        let word = tag.iter().skip(offset).take(4).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let mut number = (word & 0x7fff_ffff) % 1_000_000;
        let mut digits = [b'0'; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        digits
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::new(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_secret().code_at(seconds * 1_000), code);
        }
    }

    #[test]
    fn code_is_right_for_one_step_to_either_side() {
        let (secret, now) = (rfc_secret(), 1_111_111_111_000_i64);
        let step = now / STEP_MS;
        for (off, is_right) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = TotpCode::parse(&secret.code_at(now + off * STEP_MS)).unwrap();
            assert_eq!(secret.step_of(&code, now, None), is_right.then_some(step + off), "{off}");
        }
    }

    #[test]
    fn s6_same_step_in_any_spelling_is_refused_the_second_time() {
        let (secret, now) = (rfc_secret(), 59_000);
        let used = secret.step_of(&TotpCode::parse("287082").unwrap(), now, None);
        assert_eq!(used, Some(1));
        for spelling in ["287082", "287 082", " 287082 ", "2 8 7 0 8 2"] {
            let code = TotpCode::parse(spelling).unwrap();
            assert_eq!(secret.step_of(&code, now, None), Some(1), "{spelling}");
            for later in [now, now + 1_000, now + STEP_MS] {
                assert_eq!(secret.step_of(&code, later, used), None, "{spelling}");
            }
        }
        // Neither does an older one count after a newer one.
        let before = TotpCode::parse(&secret.code_at(now - STEP_MS)).unwrap();
        assert_eq!(secret.step_of(&before, now, None), Some(0));
        assert_eq!(secret.step_of(&before, now, used), None);
    }

    #[test]
    fn code_has_six_ascii_digits() {
        for wrong in
            ["", "28708", "2870822", "28708x", "٢٨٧٠٨٢", "287-082", "287082\u{a0}", "+28708", "287082\n"]
        {
            assert_eq!(TotpCode::parse(wrong), Err(InvalidCodeLength), "{wrong:?}");
        }
    }

    #[test]
    fn secret_is_base32_of_eighty_bits_or_more() {
        let text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for same in [text, &text.to_lowercase(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"] {
            assert_eq!(TotpSecret::parse(same), Ok(rfc_secret()), "{same}");
        }
        assert_eq!(*rfc_secret().to_base32(), text);
        assert!(TotpSecret::parse("GEZDGNBVGY3TQOJQ").is_ok());
        assert!(TotpSecret::parse(&BASE32_NOPAD.encode(&[7; 33])).is_ok());
        for wrong in ["", "GEZDGNBV", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQA", &BASE32_NOPAD.encode(&[7; 65])]
        {
            assert_eq!(TotpSecret::parse(wrong), Err(InvalidTotpSecret), "{wrong}");
        }
        assert_eq!(
            format!("{:?} {:?}", rfc_secret(), TotpCode::parse("287082")),
            "TotpSecret(…) Ok(TotpCode(…))"
        );
    }
}

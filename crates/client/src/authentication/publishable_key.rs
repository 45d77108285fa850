//! Publishable keys: the host of the Frontend API, and what kind of instance it is.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding may be missing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// As much of the digest as cookies carry.
const SUFFIX_CHARACTERS: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct PublishableKey {
    pub(crate) is_production: bool,
    /// The host of the Frontend API.
    pub(crate) frontend_host: String,
    /// What the names of this instance's cookies end with, after an underscore.
    pub(crate) cookie_suffix: String,
}

impl PublishableKey {
    /// `pk_test_…` or `pk_live_…`: the host, then `$`, in base64.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_production, encoded) = match (text.strip_prefix("pk_live_"), text.strip_prefix("pk_test_")) {
            (Some(encoded), _) => (true, encoded),
            (_, Some(encoded)) => (false, encoded),
            _ => return None,
        };
        let host = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let host = host.strip_suffix('$')?;
        if host.contains('$') || !host.contains('.') {
            return None;
        }
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let mut cookie_suffix = URL_SAFE_NO_PAD.encode(digest);
        cookie_suffix.truncate(SUFFIX_CHARACTERS);
        Some(Self { is_production, frontend_host: host.to_owned(), cookie_suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_is_the_official_one() {
        for (key, suffix) in [
            ("pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA", "MqCvchyS"),
            ("pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA", "vWCgMp3A"),
            ("pk_test_MTI3LjAuMC4xOjQxMDAk", "vXNNTRtr"),
            ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "naoXFJnI"),
        ] {
            assert_eq!(PublishableKey::parse(key).unwrap().cookie_suffix, suffix, "{key}");
        }
    }

    #[test]
    fn what_is_no_publishable_key_is_refused() {
        let key = PublishableKey::parse("pk_test_MTI3LjAuMC4xOjQxMDAk").unwrap();
        assert_eq!((key.frontend_host.as_str(), key.is_production), ("127.0.0.1:4100", false));
        assert!(PublishableKey::parse("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k").unwrap().is_production);
        // Other prefixes, no `$` (example.com), two (a.b$$), no dot (localhost$), no base64, nothing.
        for key in [
            "sk_test_MTI3LjAuMC4xOjQxMDAk",
            "MTI3LjAuMC4xOjQxMDAk",
            "pk_test_ZXhhbXBsZS5jb20=",
            "pk_test_YS5iJCQ=",
            "pk_test_bG9jYWxob3N0JA==",
            "pk_test_*",
            "pk_test_",
        ] {
            assert!(PublishableKey::parse(key).is_none(), "{key}");
        }
    }
}

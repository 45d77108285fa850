//! Signatures of webhooks, by the Standard Webhooks specification: HMAC-SHA256 over id, moment and body.
//!
//! The same signature goes under two sets of header names: `webhook-*`, which the specification asks for, and `svix-*`,
//! which receivers that were written for the hosted service read.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::fmt;

/// Fewer bytes of a secret can be guessed, says the specification.
const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 64;
/// How far the clocks of sender and receiver may be apart, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Under which names a signature is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderNames {
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    #[default]
    Webhook,
    /// `svix-id`, `svix-timestamp`, `svix-signature`.
    Svix,
    /// Both sets of headers.
    Both,
}

/// A key that signs webhooks. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// Why something is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not base64, with or without the prefix.
    #[error("must be `whsec_` and base64")]
    Encoding,
    /// Too few or too many bytes.
    #[error("must be 24 to 64 bytes in base64")]
    Length,
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or not what it should be.
    #[error("the signature headers are missing or malformed")]
    Headers,
    /// Too long ago, or in the future.
    #[error("the timestamp is too far from now")]
    Timestamp,
    /// None of the signatures is by one of the secrets.
    #[error("no signature is right")]
    Mismatch,
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

impl HeaderNames {
    fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Webhook => &["webhook"],
            Self::Svix => &["svix"],
            Self::Both => &["webhook", "svix"],
        }
    }
}

impl SigningSecret {
    /// Reads `whsec_` and base64; the prefix may be left out.
    ///
    /// # Errors
    /// [`SecretError`]; it does not repeat the secret.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes =
            STANDARD.decode(text.trim().trim_start_matches("whsec_")).map_err(|_| SecretError::Encoding)?;
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// `v1,` and the signature in base64.
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&signed_head(id, timestamp_seconds));
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// Adds the headers of a signed webhook. While a secret is being replaced, both sign: the receiver takes either.
///
/// # Errors
/// The id does not fit into a header.
pub fn add_headers(
    headers: &mut HeaderMap,
    names: HeaderNames,
    secrets: &[SigningSecret],
    id: &str,
    timestamp_seconds: i64,
    body: &[u8],
) -> Result<(), hyper::http::Error> {
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, timestamp_seconds, body)).collect();
    let signatures = HeaderValue::try_from(signatures.join(" "))?;
    let id = HeaderValue::try_from(id)?;
    for prefix in names.prefixes() {
        let name = |part: &str| HeaderName::try_from(format!("{prefix}-{part}"));
        headers.insert(name("id")?, id.clone());
        headers.insert(name("timestamp")?, HeaderValue::from(timestamp_seconds));
        headers.insert(name("signature")?, signatures.clone());
    }
    Ok(())
}

/// Holds the headers of a webhook against its body, as a receiver does. Looks under `webhook-*` first, then `svix-*`.
///
/// # Errors
/// [`SignatureError`]. The comparison takes the same time wherever the difference is.
pub fn verify(
    headers: &HeaderMap,
    secrets: &[SigningSecret],
    now_seconds: i64,
    body: &[u8],
) -> Result<(), SignatureError> {
    let text = |part: &str| {
        ["webhook", "svix"].iter().find_map(|prefix| headers.get(format!("{prefix}-{part}"))?.to_str().ok())
    };
    let (Some(id), Some(timestamp), Some(signatures)) = (text("id"), text("timestamp"), text("signature"))
    else {
        return Err(SignatureError::Headers);
    };
    let timestamp: i64 = timestamp.parse().map_err(|_| SignatureError::Headers)?;
    if now_seconds.saturating_sub(timestamp).saturating_abs() > TOLERANCE_SECONDS {
        return Err(SignatureError::Timestamp);
    }
    let mut signed = signed_head(id, timestamp);
    signed.extend_from_slice(body);
    let is_right = signatures
        .split(' ')
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|tag| secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, &tag).is_ok()));
    if is_right { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn signed_head(id: &str, timestamp_seconds: i64) -> Vec<u8> {
    format!("{id}.{timestamp_seconds}.").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Computed with OpenSSL on the command line and with Python's hmac module; they agree.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER_SIGNATURE: &str = "v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI=";

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(text).unwrap()
    }

    fn signed(names: HeaderNames, secrets: &[SigningSecret]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        add_headers(&mut headers, names, secrets, ID, TIMESTAMP, BODY).unwrap();
        headers
    }

    #[test]
    fn signatures_are_those_of_other_implementations() {
        assert_eq!(secret(SECRET).sign(ID, TIMESTAMP, BODY), SIGNATURE);
        assert_eq!(secret(&SECRET[6..]).sign(ID, TIMESTAMP, BODY), SIGNATURE);
        assert_eq!(secret(OTHER_SECRET).sign(ID, TIMESTAMP, BODY), OTHER_SIGNATURE);
    }

    #[test]
    fn headers_go_under_the_names_that_were_asked_for() {
        let webhook = signed(HeaderNames::Webhook, &[secret(SECRET)]);
        assert_eq!(webhook.len(), 3);
        assert_eq!(webhook["webhook-id"], ID);
        assert_eq!(webhook["webhook-timestamp"], "1614265330");
        assert_eq!(webhook["webhook-signature"], SIGNATURE);
        let svix = signed(HeaderNames::Svix, &[secret(SECRET)]);
        assert_eq!(svix.len(), 3);
        assert_eq!(svix["svix-signature"], SIGNATURE);
        assert_eq!(signed(HeaderNames::Both, &[secret(SECRET)]).len(), 6);
    }

    #[test]
    fn while_a_secret_is_replaced_either_verifies() {
        let headers = signed(HeaderNames::Webhook, &[secret(SECRET), secret(OTHER_SECRET)]);
        assert_eq!(headers["webhook-signature"], format!("{SIGNATURE} {OTHER_SIGNATURE}"));
        for known in [SECRET, OTHER_SECRET] {
            assert_eq!(verify(&headers, &[secret(known)], TIMESTAMP, BODY), Ok(()));
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let headers = signed(HeaderNames::Svix, &[secret(SECRET)]);
        let check = |headers: &HeaderMap, now, body: &[u8]| verify(headers, &[secret(SECRET)], now, body);
        assert_eq!(check(&headers, TIMESTAMP, BODY), Ok(()));
        assert_eq!(check(&headers, TIMESTAMP + 300, BODY), Ok(()));
        assert_eq!(check(&headers, TIMESTAMP + 301, BODY), Err(SignatureError::Timestamp));
        assert_eq!(check(&headers, TIMESTAMP - 301, BODY), Err(SignatureError::Timestamp));
        assert_eq!(check(&headers, TIMESTAMP, b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(verify(&headers, &[secret(OTHER_SECRET)], TIMESTAMP, BODY), Err(SignatureError::Mismatch));
        let changed = |name: &'static str, value: &'static str| {
            let mut headers = headers.clone();
            headers.insert(name, HeaderValue::from_static(value));
            check(&headers, TIMESTAMP, BODY)
        };
        assert_eq!(changed("svix-id", "msg_other"), Err(SignatureError::Mismatch));
        assert_eq!(changed("svix-timestamp", "1614265331"), Err(SignatureError::Mismatch));
        assert_eq!(changed("svix-timestamp", "now"), Err(SignatureError::Headers));
        assert_eq!(changed("svix-signature", "v1,"), Err(SignatureError::Mismatch));
        assert_eq!(changed("svix-signature", "v2,AAAA v1,!"), Err(SignatureError::Mismatch));
        assert_eq!(check(&HeaderMap::new(), TIMESTAMP, BODY), Err(SignatureError::Headers));
    }

    #[test]
    fn a_secret_is_long_enough_and_never_shown() {
        assert_eq!(SigningSecret::parse("whsec_AAAA").unwrap_err(), SecretError::Length);
        assert_eq!(SigningSecret::parse("whsec_***").unwrap_err(), SecretError::Encoding);
        assert_eq!(SigningSecret::parse("").unwrap_err(), SecretError::Length);
        assert_eq!(format!("{:?}", secret(SECRET)), "SigningSecret(…)");
    }
}

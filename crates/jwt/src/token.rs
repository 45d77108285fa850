//! A token as it arrives.

use crate::algorithm::Algorithm;
use crate::checks::Checks;
use crate::claims::{HandshakeClaims, Reader, SessionClaims, TemplateClaims};
use crate::error::TokenError;
use crate::header::{CATEGORY_SESSION, CATEGORY_TEMPLATE, Header};
use crate::verifying_key::VerifyingKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use std::fmt;

/// The longest token that is decoded, in bytes. Browsers keep cookies of 4 KiB, and servers take headers of 8 to 16 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token that was decoded, and of which nothing is proved yet.
pub struct UnverifiedToken<'a> {
    header: Header,
    payload: Map<String, Value>,
    /// Header and payload as they were signed.
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedToken").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Decodes a token.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] for what is longer than [`TOKEN_BYTES_MAX`] (before anything is decoded), is not a compact JWS of
    /// two JSON objects, or whose header brings a key; [`TokenError::InvalidAlgorithm`] without an `alg`.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid("it is too long"));
        }
        let mut parts = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Invalid("it is not three parts"));
        };
        let signed = &token.as_bytes()[..header.len() + 1 + payload.len()];
        let header = Header::read(object(header)?)?;
        Ok(Self { header, payload: object(payload)?, signed, signature: decode(signature)? })
    }

    /// The header. Anybody may have written it.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The claims. Anybody may have written them: good for choosing a key, never for trusting somebody.
    #[must_use]
    pub fn unverified_claims(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// Verifies a session token.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`TokenError`]'s variants.
    pub fn verify_session(
        &self,
        key: &VerifyingKey,
        checks: &Checks<'_>,
    ) -> Result<SessionClaims, TokenError> {
        self.verify_signature(CATEGORY_SESSION, key, checks)?;
        let claims = SessionClaims::read(Reader::new(self.payload.clone()), checks)?;
        Ok(claims)
    }

    /// Verifies a token of a JWT template.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`TokenError`]'s variants.
    pub fn verify_template(
        &self,
        key: &VerifyingKey,
        checks: &Checks<'_>,
    ) -> Result<TemplateClaims, TokenError> {
        self.verify_signature(CATEGORY_TEMPLATE, key, checks)?;
        TemplateClaims::read(Reader::new(self.payload.clone()), checks)
    }

    /// Verifies a handshake token. Its times are not judged: it says itself that it has expired, so that nobody takes it for a
    /// session token, and the tokens inside have times of their own.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`TokenError`]'s variants.
    pub fn verify_handshake(&self, key: &VerifyingKey) -> Result<HandshakeClaims, TokenError> {
        self.verify_signature(CATEGORY_SESSION, key, &Checks::without_time())?;
        HandshakeClaims::read(Reader::new(self.payload.clone()))
    }

    fn verify_signature(
        &self,
        category: &str,
        key: &VerifyingKey,
        checks: &Checks<'_>,
    ) -> Result<(), TokenError> {
        if self.header.typ.as_deref().is_some_and(|typ| typ != "JWT") {
            return Err(TokenError::Invalid("its type is not JWT"));
        }
        // The list of the caller and the kind of the key both bind: a public key is never an HMAC secret.
        let algorithm = Algorithm::parse(&self.header.alg).ok_or(TokenError::InvalidAlgorithm)?;
        if !checks.accepts(algorithm) || algorithm != key.algorithm() {
            return Err(TokenError::InvalidAlgorithm);
        }
        if !self.header.is_of(category) {
            return Err(TokenError::TypeMismatch);
        }
        key.verify(self.signed, &self.signature)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    match serde_json::from_slice(&decode(part)?) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(TokenError::Invalid("a part is not a JSON object")),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Invalid("a part is not base64url"))
}

//! The handshake token.

use super::put;
use super::reader::Reader;
use crate::error::TokenError;
use serde_json::{Map, Value};

/// How long before it was issued a handshake token says that it expired, in seconds.
const EXPIRED_FOR_S: i64 = 3_600;

/// What a handshake token says: the cookies that the application sets.
///
/// It names neither a user nor a session, and has expired when it is issued: signed-out visitors get one too, and SDKs that look at
/// neither `typ` nor `cat` would take it for a session token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeClaims {
    /// The issuer: the URL of the Frontend API. Handshake tokens of other servers may have none.
    pub iss: Option<String>,
    /// When it was issued, in Unix seconds.
    pub iat: Option<i64>,
    /// Values of `Set-Cookie`.
    pub handshake: Vec<String>,
}

impl HandshakeClaims {
    /// The claims of a token that is issued now (Unix seconds).
    #[must_use]
    pub fn new(iss: impl Into<String>, iat: i64, handshake: Vec<String>) -> Self {
        Self { iss: Some(iss.into()), iat: Some(iat), handshake }
    }

    /// The claims as JSON, as they are signed.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        put(&mut claims, "exp", self.iat.map(|iat| iat.saturating_sub(EXPIRED_FOR_S)));
        put(&mut claims, "handshake", Some(self.handshake.clone()));
        put(&mut claims, "iat", self.iat);
        put(&mut claims, "iss", self.iss.as_deref());
        claims
    }

    pub(crate) fn read(mut reader: Reader) -> Result<Self, TokenError> {
        let claims = Self {
            iss: reader.optional_text("iss")?,
            iat: reader.optional_number("iat")?,
            handshake: reader
                .optional_texts("handshake")?
                .ok_or(TokenError::VerificationFailed("handshake"))?,
        };
        reader.optional_number("exp")?;
        // A token about somebody is no handshake, whatever else it says.
        if ["sub", "sid"].iter().any(|name| reader.has(name)) {
            return Err(TokenError::TypeMismatch);
        }
        Ok(claims)
    }
}

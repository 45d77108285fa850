//! The token of a JWT template.

use super::put;
use super::reader::Reader;
use crate::checks::{Checks, Registered};
use crate::error::TokenError;
use serde_json::{Map, Value};

/// What a token of a JWT template says. It names no session, so that it never passes for a session token. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TemplateClaims {
    /// The issuer: the URL of the Frontend API.
    pub iss: String,
    /// The user, `user_…`.
    pub sub: String,
    /// When it was issued.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
    /// An id of the token alone.
    pub jti: Option<String>,
    /// The origin that it was issued to.
    pub azp: Option<String>,
    /// The claims of the template.
    pub custom: Map<String, Value>,
}

impl TemplateClaims {
    /// The claims of a token that is issued now (Unix seconds), good for `life_s` seconds, and `skew_s` seconds before.
    #[must_use]
    pub fn new(iss: impl Into<String>, sub: impl Into<String>, iat: i64, life_s: i64, skew_s: i64) -> Self {
        Self {
            iss: iss.into(),
            sub: sub.into(),
            iat,
            nbf: iat.saturating_sub(skew_s),
            exp: iat.saturating_add(life_s),
            jti: None,
            azp: None,
            custom: Map::new(),
        }
    }

    /// The claims as JSON, as they are signed. A custom claim never takes the place of another.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut claims = self.custom.clone();
        claims.retain(|name, _| !super::is_reserved(name));
        put(&mut claims, "azp", self.azp.as_deref());
        put(&mut claims, "exp", Some(self.exp));
        put(&mut claims, "iat", Some(self.iat));
        put(&mut claims, "iss", Some(self.iss.as_str()));
        put(&mut claims, "jti", self.jti.as_deref());
        put(&mut claims, "nbf", Some(self.nbf));
        put(&mut claims, "sub", Some(self.sub.as_str()));
        claims
    }

    /// Types first, then what the checks say.
    pub(crate) fn read(mut reader: Reader, checks: &Checks<'_>) -> Result<Self, TokenError> {
        let aud = reader.audiences()?;
        let claims = Self {
            sub: reader.text("sub")?,
            iss: reader.text("iss")?,
            exp: reader.seconds("exp")?,
            nbf: reader.seconds("nbf")?,
            iat: reader.seconds("iat")?,
            jti: reader.optional_text("jti")?,
            azp: reader.optional_text("azp")?,
            custom: reader.rest(),
        };
        checks.judge(&Registered {
            iss: &claims.iss,
            aud,
            azp: claims.azp.as_deref(),
            exp: claims.exp,
            nbf: claims.nbf,
            iat: claims.iat,
        })?;
        Ok(claims)
    }
}

//! The header of a token (JOSE, RFC 7515 §4.1).

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use serde::Serialize;
use serde_json::{Map, Value};

/// `cat` of session tokens and handshake tokens.
pub const CATEGORY_SESSION: &str = "cl_B7d4PD111AAA";
/// `cat` of tokens of JWT templates.
pub const CATEGORY_TEMPLATE: &str = "cl_B7d4PD222AAA";
/// `cat` of tokens by which machines know each other. Verger issues none; the SDK refuses them as session tokens.
pub const CATEGORY_MACHINE: &str = "cl_B7d4PD333AAA";

/// Parameters by which a token could bring the key that it is verified with, or ask for rules that are not known here (`crit`).
const REFUSED: [&str; 6] = ["jwk", "jku", "x5u", "x5c", "crit", "b64"];

/// What the header of a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The algorithm, as text: what is not known is refused when the token is verified.
    pub alg: String,
    /// `JWT`, or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// The id of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The kind of token: [`CATEGORY_SESSION`], [`CATEGORY_TEMPLATE`], others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cat: Option<String>,
}

impl Header {
    pub(crate) fn new(algorithm: Algorithm, kid: Option<&str>, category: &str) -> Self {
        Self {
            alg: algorithm.as_str().to_owned(),
            typ: Some("JWT".to_owned()),
            kid: kid.map(str::to_owned),
            cat: Some(category.to_owned()),
        }
    }

    pub(crate) fn read(mut header: Map<String, Value>) -> Result<Self, TokenError> {
        if REFUSED.iter().any(|name| header.contains_key(*name)) {
            return Err(TokenError::Invalid("its header names a key or demands an extension"));
        }
        let Some(Value::String(alg)) = header.remove("alg") else {
            return Err(TokenError::InvalidAlgorithm);
        };
        let mut text = |name| match header.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenError::Invalid("a parameter of its header is not text")),
        };
        Ok(Self { alg, typ: text("typ")?, kid: text("kid")?, cat: text("cat")? })
    }

    /// Whether the kind of token is this one, or is not said: tokens were issued without `cat` once, and no SDK refuses them.
    pub(crate) fn is_of(&self, category: &str) -> bool {
        self.cat.as_deref().is_none_or(|cat| cat == category)
    }
}

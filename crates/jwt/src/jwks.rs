//! Sets of public keys (RFC 7517).

use crate::algorithm::Algorithm;
use crate::error::KeyError;
use crate::verifying_key::VerifyingKey;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// A public key of a set. It has no field for anything private.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `sig`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// `RSA`.
    pub kty: String,
    /// The id of the key, by which tokens name it.
    #[serde(default)]
    pub kid: String,
    /// The algorithm, for example `RS256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The modulus, big-endian in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent, big-endian in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

/// What `/.well-known/jwks.json` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// Every key whose tokens are accepted.
    pub keys: Vec<Jwk>,
}

impl Jwks {
    /// The key with this id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

impl Jwk {
    /// The key, parsed. Its algorithm is what `alg` says, RS256 where it says nothing.
    ///
    /// # Errors
    /// Another kind of key than RSA for signatures, or numbers that are not an RSA key of 2048 to 8192 bits.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let is_for_signatures = self.key_use.as_deref().is_none_or(|key_use| key_use == "sig");
        let algorithm = match &self.alg {
            None => Some(Algorithm::Rs256),
            Some(name) => Algorithm::parse(name),
        };
        let (Some(n), Some(e), Some(algorithm), true, "RSA") =
            (&self.n, &self.e, algorithm, is_for_signatures, self.kty.as_str())
        else {
            return Err(KeyError::NotAnRsaKey);
        };
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::NotAnRsaKey);
        let components = RsaPublicKeyComponents { n: number(n)?, e: number(e)? };
        let der = components.as_der().map_err(|_| KeyError::Rejected(algorithm.as_str()))?;
        VerifyingKey::from_der(algorithm, der.as_ref())
    }
}

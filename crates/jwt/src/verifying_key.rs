//! Keys that verify.

use crate::algorithm::{Algorithm, Family};
use crate::error::{KeyError, TokenError};
use crate::jwks::Jwk;
use crate::pem;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use std::fmt;
use std::sync::Arc;

/// A key that verifies signatures of one algorithm. Parsed once, cheap to clone.
///
/// An HMAC key is its own verifying key and as secret as the signing key; all others are public.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) material: Material,
}

#[derive(Clone)]
pub(crate) enum Material {
    /// The parsed key, and the same as modulus and exponent.
    Rsa(Arc<ParsedPublicKey>, Arc<RsaPublicKey>),
    Ecdsa(Arc<ParsedPublicKey>),
    Hmac(Arc<hmac::Key>),
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// The public key of an RSA or ECDSA algorithm, in PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`). Line breaks may be missing, or be
    /// written as `\n`, as environment variables have them.
    ///
    /// # Errors
    /// What is not PEM, or not a key for the algorithm.
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        Self::from_der(algorithm, pem::decode(text)?.expose_secret())
    }

    pub(crate) fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError::Rejected(algorithm.as_str());
        let material = match algorithm.family() {
            Family::Rsa(rsa) => {
                let public = RsaPublicKey::from_der(der).map_err(rejected)?;
                // `from_der` takes a key of any size; sizes are judged here.
                if !(2048 / 8..=8192 / 8).contains(&public.modulus_len()) {
                    return Err(KeyError::Rejected(algorithm.as_str()));
                }
                let parsed = ParsedPublicKey::new(rsa.verification, public.as_ref()).map_err(rejected)?;
                Material::Rsa(Arc::new(parsed), Arc::new(public))
            }
            Family::Ecdsa(ecdsa) => {
                Material::Ecdsa(Arc::new(ParsedPublicKey::new(ecdsa.verification, der).map_err(rejected)?))
            }
            Family::Hmac(_) => return Err(KeyError::Rejected(algorithm.as_str())),
        };
        Ok(Self { algorithm, material })
    }

    /// The algorithm that it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key in PEM; `None` for HMAC. For an RSA key of 2048 bits with e = 65537 it is the form of which the
    /// JavaScript SDK strips a fixed beginning and a fixed end.
    #[must_use]
    pub fn to_pem(&self) -> Option<String> {
        let (Material::Rsa(parsed, _) | Material::Ecdsa(parsed)) = &self.material else {
            return None;
        };
        let der = parsed.as_der().ok()?;
        Some(pem::encode_public(der.as_ref()))
    }

    /// The public key as an entry of a key set; `None` for algorithms other than RSA, which Verger never publishes.
    #[must_use]
    pub fn to_jwk(&self, kid: &str) -> Option<Jwk> {
        let Material::Rsa(_, public) = &self.material else {
            return None;
        };
        let base64url = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        Some(Jwk {
            key_use: Some("sig".to_owned()),
            kty: "RSA".to_owned(),
            kid: kid.to_owned(),
            alg: Some(self.algorithm.as_str().to_owned()),
            n: Some(base64url(public.modulus().big_endian_without_leading_zero())),
            e: Some(base64url(public.exponent().big_endian_without_leading_zero())),
        })
    }

    pub(crate) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), TokenError> {
        let outcome = match &self.material {
            Material::Rsa(parsed, _) | Material::Ecdsa(parsed) => parsed.verify_sig(signed, signature),
            Material::Hmac(key) => hmac::verify(key, signed, signature),
        };
        outcome.map_err(|_| TokenError::InvalidSignature)
    }
}

//! Keys that sign.

use crate::algorithm::{Algorithm, Family};
use crate::claims::{HandshakeClaims, SessionClaims, TemplateClaims};
use crate::error::KeyError;
use crate::header::{CATEGORY_SESSION, CATEGORY_TEMPLATE, Header};
use crate::pem;
use crate::verifying_key::{self, VerifyingKey};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// The most bytes of a key as text. The largest that is accepted, RSA with 8192 bits in PEM, has less than half of it.
pub const KEY_BYTES_MAX: usize = 16 * 1024;

/// A key that signs with one algorithm. Parsed once, cheap to clone; keep it: parsing costs as much as a signature.
///
/// A signature by an RSA key costs 0.2 to 0.7 ms of CPU time: sign off the threads that serve connections when there are many.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    material: Material,
    /// Derived once: `verifying_key` cannot fail.
    verifying_key: VerifyingKey,
}

#[derive(Clone)]
enum Material {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(Arc<EcdsaKeyPair>),
    Hmac(Arc<hmac::Key>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key of the only kind that every SDK verifies: RSA 2048, e = 65537, RS256. Its randomness is the system's, through the
    /// library; it takes about 100 ms of CPU time on average, and up to half a second.
    ///
    /// # Errors
    /// The library has no randomness.
    pub fn generate_rs256() -> Result<Self, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Failed("generation"))?;
        Self::from_rsa(Algorithm::Rs256, pair)
    }

    /// A key for RSA or ECDSA from PKCS#8 (DER, not encrypted), as [`to_pkcs8`](Self::to_pkcs8) exports it.
    ///
    /// # Errors
    /// A damaged key, or one that does not fit the algorithm; RSA keys have 2048 to 8192 bits.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let rejected = |_| KeyError::Rejected(algorithm.as_str());
        match algorithm.family() {
            Family::Rsa(_) => Self::from_rsa(algorithm, RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?),
            Family::Ecdsa(ecdsa) => {
                Self::from_ecdsa(algorithm, EcdsaKeyPair::from_pkcs8(ecdsa.signing, pkcs8).map_err(rejected)?)
            }
            Family::Hmac(_) => Err(KeyError::Rejected(algorithm.as_str())),
        }
    }

    /// The key of a JWT template as people paste it: for RSA and ECDSA a private key in PEM (`PRIVATE KEY`, `RSA PRIVATE KEY` or
    /// `EC PRIVATE KEY`), for HMAC the secret itself, of which every byte counts.
    ///
    /// # Errors
    /// What is not PEM, a key that does not fit the algorithm, a secret with fewer bytes than the digest of its algorithm (32, 48
    /// or 64: RFC 7518 §3.2), more than [`KEY_BYTES_MAX`].
    pub fn from_text(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        if text.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if let Family::Hmac(digest) = algorithm.family() {
            if text.is_empty() {
                return Err(KeyError::Empty);
            }
            let bytes_min = digest.tag_len();
            if text.len() < bytes_min {
                return Err(KeyError::TooShort { algorithm: algorithm.as_str(), bytes_min });
            }
            return Ok(Self::from_hmac(algorithm, hmac::Key::new(digest, text.as_bytes())));
        }
        let der = pem::decode(text)?;
        let der = der.expose_secret();
        if let Ok(key) = Self::from_pkcs8(algorithm, der) {
            return Ok(key);
        }
        let rejected = |_| KeyError::Rejected(algorithm.as_str());
        match algorithm.family() {
            Family::Rsa(_) => Self::from_rsa(algorithm, RsaKeyPair::from_der(der).map_err(rejected)?),
            Family::Ecdsa(ecdsa) => {
                let pair = EcdsaKeyPair::from_private_key_der(ecdsa.signing, der).map_err(rejected)?;
                Self::from_ecdsa(algorithm, pair)
            }
            Family::Hmac(_) => Err(KeyError::Rejected(algorithm.as_str())),
        }
    }

    fn from_rsa(algorithm: Algorithm, pair: RsaKeyPair) -> Result<Self, KeyError> {
        let verifying_key = VerifyingKey::from_der(algorithm, pair.public_key().as_ref())?;
        Ok(Self { algorithm, material: Material::Rsa(Arc::new(pair)), verifying_key })
    }

    fn from_ecdsa(algorithm: Algorithm, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let verifying_key = VerifyingKey::from_der(algorithm, pair.public_key().as_ref())?;
        Ok(Self { algorithm, material: Material::Ecdsa(Arc::new(pair)), verifying_key })
    }

    fn from_hmac(algorithm: Algorithm, key: hmac::Key) -> Self {
        let key = Arc::new(key);
        let material = verifying_key::Material::Hmac(Arc::clone(&key));
        Self { algorithm, material: Material::Hmac(key), verifying_key: VerifyingKey { algorithm, material } }
    }

    /// The private key as PKCS#8 (DER, not encrypted), to be sealed and stored.
    ///
    /// # Errors
    /// HMAC keys have no such form.
    pub fn to_pkcs8(&self) -> Result<SecretSlice<u8>, KeyError> {
        let failed = |_| KeyError::Failed("export");
        match &self.material {
            Material::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                Ok(SecretSlice::from(der.as_ref().to_vec()))
            }
            Material::Ecdsa(pair) => {
                Ok(SecretSlice::from(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec()))
            }
            Material::Hmac(_) => Err(KeyError::Rejected(self.algorithm.as_str())),
        }
    }

    /// The algorithm that it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying_key.clone()
    }

    /// A session token.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when the library refuses to sign.
    pub fn sign_session(&self, kid: &str, claims: &SessionClaims) -> Result<String, KeyError> {
        self.sign(&Header::new(self.algorithm, Some(kid), CATEGORY_SESSION), &claims.to_json())
    }

    /// A token of a JWT template. A key that belongs to the template has no `kid` of Verger's: give `None`.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when the library refuses to sign.
    pub fn sign_template(&self, kid: Option<&str>, claims: &TemplateClaims) -> Result<String, KeyError> {
        self.sign(&Header::new(self.algorithm, kid, CATEGORY_TEMPLATE), &claims.to_json())
    }

    /// A handshake token.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when the library refuses to sign.
    pub fn sign_handshake(&self, kid: &str, claims: &HandshakeClaims) -> Result<String, KeyError> {
        self.sign(&Header::new(self.algorithm, Some(kid), CATEGORY_SESSION), &claims.to_json())
    }

    /// A token whose claims were decided elsewhere, as the text of a JSON object. `category` is one of the constants of this crate; a
    /// key that belongs to a template has no `kid` of Verger's.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when the library refuses to sign, or the claims are no JSON.
    pub fn sign_claims(&self, kid: Option<&str>, category: &str, claims: &str) -> Result<String, KeyError> {
        let claims: &serde_json::value::RawValue =
            serde_json::from_str(claims).map_err(|_| KeyError::Failed("JSON"))?;
        self.sign(&Header::new(self.algorithm, kid, category), &claims)
    }

    /// How many bytes the token of [`sign_claims`](Self::sign_claims) has: one that is too long need not be signed to know.
    pub fn token_bytes(&self, kid: Option<&str>, category: &str, claims: &str) -> usize {
        let header = serde_json::to_vec(&Header::new(self.algorithm, kid, category));
        let parts = [header.map_or(0, |header| header.len()), claims.len(), self.signature_bytes()];
        // Base64 without padding, and a dot between two parts.
        parts.map(|bytes| (bytes * 4).div_ceil(3)).iter().sum::<usize>() + 2
    }

    /// RFC 7518 sections 3.2 to 3.4.
    fn signature_bytes(&self) -> usize {
        match (&self.material, self.algorithm) {
            (Material::Rsa(pair), _) => pair.public_modulus_len(),
            (_, Algorithm::Hs256 | Algorithm::Rs256) => 32,
            (_, Algorithm::Hs384 | Algorithm::Rs384) => 48,
            (_, Algorithm::Hs512 | Algorithm::Rs512 | Algorithm::Es256) => 64,
            (_, Algorithm::Es384) => 96,
            (_, Algorithm::Es512) => 132,
        }
    }

    /// A token with any header and payload, right or wrong: for tests of what verifies tokens.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when the library refuses to sign.
    #[doc(hidden)]
    pub fn sign_anything(&self, header: &Value, payload: &Value) -> Result<String, KeyError> {
        self.sign(header, payload)
    }

    fn sign(&self, header: &impl Serialize, payload: &impl Serialize) -> Result<String, KeyError> {
        let part = |part: Result<Vec<u8>, _>| part.map_err(|_: serde_json::Error| KeyError::Failed("JSON"));
        let mut token = URL_SAFE_NO_PAD.encode(part(serde_json::to_vec(header))?);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(part(serde_json::to_vec(payload))?, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, signed: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Failed("signature");
        match (&self.material, self.algorithm.family()) {
            (Material::Rsa(pair), Family::Rsa(rsa)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa.signing, &SystemRandom::new(), signed, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            (Material::Ecdsa(pair), _) => {
                Ok(pair.sign(&SystemRandom::new(), signed).map_err(failed)?.as_ref().to_vec())
            }
            (Material::Hmac(key), _) => Ok(hmac::sign(key, signed).as_ref().to_vec()),
            (Material::Rsa(_), _) => Err(KeyError::Rejected(self.algorithm.as_str())),
        }
    }
}

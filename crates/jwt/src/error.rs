//! Why a token or a key is refused.

use crate::signing_key::KEY_BYTES_MAX;
use thiserror::Error;

/// Why a token is refused. One check fails at a time: the first, in the order of the variants.
///
/// [`reason`](Self::reason) is the name that the official JavaScript SDK gives it. Nothing of the token is in here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is too long, is not three parts of base64url, or its header or payload is not a JSON object.
    #[error("the token is malformed: {0}")]
    Invalid(&'static str),
    /// It is signed with an algorithm that is not in the caller's list, or that does not fit the key.
    #[error("the token is signed with an algorithm that is not accepted")]
    InvalidAlgorithm,
    /// It is a token of another kind, such as one of a JWT template in place of a session token.
    #[error("the token is of another kind than the one expected")]
    TypeMismatch,
    /// No key of the set has its `kid`.
    #[error("the token is signed with a key that is not in the key set")]
    KidMismatch,
    /// The key of the set that has its `kid` cannot be used.
    #[error("the key that the token names cannot be used")]
    KeyInvalid,
    /// The signature does not fit.
    #[error("the signature of the token is wrong")]
    InvalidSignature,
    /// A claim, which is named here, is missing or has the wrong JSON type, or `aud` is another's.
    #[error("the claim `{0}` of the token is missing or wrong")]
    VerificationFailed(&'static str),
    /// `azp` is missing, or is none of the parties that may use the token.
    #[error("the token was issued to a party (`azp`) that is not authorized")]
    InvalidAuthorizedParties,
    /// `iss` is none of the issuers that are accepted.
    #[error("the token comes from another issuer (`iss`)")]
    InvalidIssuer,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not active yet (`nbf`)")]
    NotActiveYet,
    /// `iat` is still to come.
    #[error("the token was issued in the future (`iat`)")]
    IatInTheFuture,
}

impl TokenError {
    /// The reason as the official JavaScript SDK names it, for example `token-expired`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "token-invalid",
            Self::InvalidAlgorithm => "token-invalid-algorithm",
            Self::TypeMismatch => "token-type-mismatch",
            Self::KidMismatch => "jwk-kid-mismatch",
            Self::KeyInvalid => "jwk-failed-to-resolve",
            Self::InvalidSignature => "token-invalid-signature",
            Self::VerificationFailed(_) => "token-verification-failed",
            Self::InvalidAuthorizedParties => "token-invalid-authorized-parties",
            Self::InvalidIssuer => "token-invalid-issuer",
            Self::Expired => "token-expired",
            Self::NotActiveYet => "token-not-active-yet",
            Self::IatInTheFuture => "token-iat-in-the-future",
        }
    }
}

/// Why a key cannot be used. Nothing of the key is in here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither PEM nor base64 of it.
    #[error("the key is not in PEM")]
    NotPem,
    /// A key of another kind than the algorithm needs, damaged, or of a size that is not accepted (RSA: 2048 to 8192 bits).
    #[error("the key is damaged, or does not fit the algorithm {0}")]
    Rejected(&'static str),
    /// An empty HMAC secret.
    #[error("the key is empty")]
    Empty,
    /// An HMAC secret shorter than the digest of its algorithm, which makes it easier to guess than the algorithm promises (RFC
    /// 7518 §3.2).
    #[error("the key is too short: {algorithm} needs at least {bytes_min} bytes")]
    TooShort {
        /// The algorithm.
        algorithm: &'static str,
        /// The fewest bytes that it accepts.
        bytes_min: usize,
    },
    /// Longer than [`KEY_BYTES_MAX`](crate::KEY_BYTES_MAX).
    #[error("the key has more than {KEY_BYTES_MAX} bytes")]
    TooLong,
    /// The JWK is not an RSA key for signatures.
    #[error("the JWK is not an RSA key for signatures")]
    NotAnRsaKey,
    /// The library could not generate, export or use the key.
    #[error("the key could not be used: {0}")]
    Failed(&'static str),
}

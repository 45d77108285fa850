//! Algorithms of signatures (RFC 7518 §3.1).

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    self, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, RsaEncoding, RsaParameters,
};

/// How a token is signed. Verger's own keys use [`Rs256`](Self::Rs256); the others are for keys that belong to a JWT template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// What the material of a key looks like.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Rsa(Rsa),
    Ecdsa(Ecdsa),
    Hmac(hmac::Algorithm),
}

#[derive(Clone, Copy)]
pub(crate) struct Rsa {
    pub(crate) signing: &'static dyn RsaEncoding,
    pub(crate) verification: &'static RsaParameters,
}

#[derive(Clone, Copy)]
pub(crate) struct Ecdsa {
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
    pub(crate) verification: &'static EcdsaVerificationAlgorithm,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// As `alg` spells it, for example `RS256`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The algorithm with this name, in exactly this spelling; `None` for all others, `none` among them.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    pub(crate) fn family(self) -> Family {
        let rsa = |signing, verification| Family::Rsa(Rsa { signing, verification });
        let ecdsa = |signing, verification| Family::Ecdsa(Ecdsa { signing, verification });
        match self {
            Self::Rs256 => rsa(&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => rsa(&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => rsa(&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Es256 => {
                ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &signature::ECDSA_P256_SHA256_FIXED)
            }
            Self::Es384 => {
                ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, &signature::ECDSA_P384_SHA384_FIXED)
            }
            Self::Es512 => {
                ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, &signature::ECDSA_P521_SHA512_FIXED)
            }
            Self::Hs256 => Family::Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Family::Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Family::Hmac(hmac::HMAC_SHA512),
        }
    }
}

//! Why a token was not verified.

use crate::error::Error;
use thiserror::Error as ThisError;
use verger_jwt::TokenError;

/// Why a token was not verified.
#[derive(Clone, Debug, ThisError)]
#[non_exhaustive]
pub enum VerifyTokenError {
    /// The token is refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The keys could not be fetched: nothing is known about the token.
    #[error("the keys that verify tokens cannot be fetched: {0}")]
    Keys(Error),
}

impl VerifyTokenError {
    /// The reason as the official SDK names it, for example `token-expired` or `jwk-remote-failed-to-load`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::Keys(error) if error.code() == Some("clerk_key_invalid") => "secret-key-invalid",
            Self::Keys(_) => "jwk-remote-failed-to-load",
        }
    }
}

//! Signs and verifies the tokens of Verger: session tokens, tokens of JWT templates, handshake tokens.
//!
//! The server signs with it, and the Rust SDK verifies. It knows no store, no network and no clock: the time is an argument
//! ([`Checks::at`]), and where keys come from is the caller's business.
//!
//! ```
//! use verger_jwt::{Checks, SessionClaims, SigningKey, UnverifiedToken};
//!
//! let key = SigningKey::generate_rs256()?;
//! let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", 1_795_000_000);
//! let token = key.sign_session("ins_1", &claims)?;
//!
//! let checks = Checks::at(1_795_000_030_000);
//! let verified = UnverifiedToken::parse(&token)?.verify_session(&key.verifying_key(), &checks)?;
//! assert_eq!(verified.sub, "user_1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is refused
//!
//! A token is bounded before it is decoded ([`TOKEN_BYTES_MAX`]), its algorithm must be one of the caller's list and of the key's kind, and
//! the header may bring no key of its own. The signature comes before every claim; then each claim must have its JSON type,
//! and the mandatory ones must be there. [`TokenError`] says which check failed, in the words of the official JavaScript SDK
//! ([`TokenError::reason`]).
#![forbid(unsafe_code)]

mod algorithm;
mod checks;
mod claims;
mod error;
mod header;
mod jwks;
mod pem;
mod signing_key;
mod token;
mod verifying_key;

pub use algorithm::Algorithm;
pub use checks::{CLOCK_SKEW_MS_DEFAULT, Checks};
pub use claims::{
    HandshakeClaims, OrganizationClaims, RESERVED_CLAIMS, SESSION_TOKEN_LIFE_S, SessionClaims, SessionStatus,
    SessionVersion, TemplateClaims,
};
pub use error::{KeyError, TokenError};
pub use header::{CATEGORY_MACHINE, CATEGORY_SESSION, CATEGORY_TEMPLATE, Header};
pub use jwks::{Jwk, Jwks};
pub use signing_key::{KEY_BYTES_MAX, SigningKey};
pub use token::{TOKEN_BYTES_MAX, UnverifiedToken};
pub use verifying_key::VerifyingKey;

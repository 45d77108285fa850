//! Decisions about users and their identifiers: pure, without I/O, clock or randomness of its own.
//!
//! A command takes the user as it was, what the request asks, what others have claimed, and an [`Env`]; it gives
//! the next user with the consequences, or the reason it refuses. The rules that hold after each command are one
//! function, [`User::check`].

pub mod email;
pub mod env;
pub mod event;
pub mod metadata;
pub mod phone_number;
pub mod profile;
pub mod user;
pub mod username;
pub mod verification;

pub use email::Email;
pub use env::Env;
pub use phone_number::{E164, TestNumbers};
pub use user::{
    BrokenRule, Change, Claims, Consequence, Identification, Identifier, IdentifierKind, Refusal,
    SecondFactor, Standing, User,
};
pub use username::Username;
pub use verification::{CodeDigest, Verification, VerificationStatus, VerificationWindow};

/// Why a text is not what it should be: a sentence for the person who sent it. Never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

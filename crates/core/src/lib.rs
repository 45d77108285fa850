//! Decisions about users, their identifiers, webhook endpoints and what an instance is set to: pure, without I/O, clock or randomness of its own.
//!
//! A command takes the user as it was, what the request asks, what others have claimed, and an [`Env`]; it gives
//! the next user with the consequences, or the reason it refuses. The rules that hold after each command are one
//! function, [`User::check`].

pub mod access_list;
pub mod client;
pub mod credentials;
pub mod email;
pub mod env;
pub mod event;
pub mod guess;
pub mod instance;
pub mod invitation;
pub mod jwt_template;
pub mod metadata;
pub mod origin;
pub mod phone_number;
pub mod profile;
pub mod reasons;
pub mod redirect_url;
mod refusal;
pub mod session;
pub mod settings;
pub mod signing_key;
pub mod ticket;
pub mod time;
pub mod token;
pub mod user;
pub mod username;
pub mod verification;
pub mod webhook_endpoint;

pub use access_list::AccessEntry;
pub use client::Client;
pub use credentials::{Credentials, CredentialsChange, NewPassword, NewSecrets, PasswordState};
pub use email::Email;
pub use env::Env;
pub use guess::{GuessWindow, GuessedFactor, Guesses, Lockout, TypedCode};
pub use instance::{Environment, FrontendHost};
pub use invitation::Invitation;
pub use jwt_template::JwtTemplate;
pub use phone_number::{E164, TestNumbers};
pub use redirect_url::RedirectUrl;
pub use session::Session;
pub use settings::Settings;
pub use signing_key::{SigningKey, SigningKeys};
pub use ticket::Ticket;
pub use user::{
    BrokenRule, Change, Claims, Consequence, Identification, Identifier, IdentifierKind, Refusal,
    SecondFactor, User, Verification,
};
pub use username::Username;
pub use verification::{CodeDigest, PendingCode, VerificationStatus, VerificationWindow};
pub use webhook_endpoint::WebhookEndpoint;

/// Why a value is not what it should be. Never repeats the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It does not have the form of its field. The words complete a sentence that begins with the field.
    Form(&'static str),
    /// A text that is too long.
    TooLong {
        /// The greatest length, in `unit`.
        max: usize,
        /// The length that it has, in `unit`.
        length: usize,
        /// What both lengths count.
        unit: Unit,
    },
    /// A text that is too short. The words complete a sentence that begins with the field.
    TooShort(&'static str),
    /// An object that is too large as JSON.
    TooLarge {
        /// The most bytes of JSON.
        bytes_max: usize,
        /// The bytes of JSON that it has.
        bytes: usize,
    },
    /// A phone number with too few or too many digits.
    PhoneDigits {
        /// The digits after the plus sign; 7 to 15 are allowed.
        digits: usize,
    },
    /// It is no date and time.
    Time,
    /// It is a date and time, and beyond those that are kept.
    TimeRange,
    /// A username that is too short or too long.
    UsernameLength {
        /// How many characters it has.
        length: usize,
    },
    /// A username with a character that none has.
    UsernameCharacter,
    /// A username of nothing but digits, which could be taken for a phone number.
    UsernameAllDigits,
}

/// What the length of a text is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values, not bytes.
    Characters,
    /// Bytes of the text in UTF-8.
    Bytes,
    /// Characters of an email address before its @.
    BeforeAt,
    /// Characters of one label of the domain of an email address.
    Label,
}

impl Unit {
    /// The word, in the plural.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Bytes => "bytes",
            Self::BeforeAt => "characters before the @",
            Self::Label => "characters between two dots of its domain",
        }
    }
}

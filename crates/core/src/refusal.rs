//! From what the commands refuse with to the rows of [`reasons`].

use crate::credentials::reasons as of_credentials;
use crate::user::IDENTIFICATIONS_MAX;
use crate::verification::{FAILURES_MAX, RESEND_PAUSE_MS};
use crate::{IdentifierKind, Malformed, Refusal, reasons, username};
use verger_wire::{Reason, Refused};

impl Refusal {
    /// The row of the rule that refused.
    pub fn reason(self) -> &'static Reason {
        match self {
            Self::Taken(IdentifierKind::PhoneNumber) => &reasons::PHONE_NUMBER_TAKEN,
            Self::Taken(IdentifierKind::EmailAddress) => &reasons::EMAIL_ADDRESS_TAKEN,
            Self::Taken(IdentifierKind::Username) => &reasons::USERNAME_TAKEN,
            Self::Taken(IdentifierKind::ExternalId) => &reasons::EXTERNAL_ID_TAKEN,
            Self::NotFound => &reasons::NOT_FOUND,
            Self::NotTheUsers { .. } => &reasons::NOT_THE_USERS,
            Self::NeedsVerification { .. } => &reasons::NEEDS_VERIFICATION,
            Self::SecondFactorUnverified { on_create: true } => &reasons::SECOND_FACTOR_UNVERIFIED_ON_CREATE,
            Self::SecondFactorUnverified { on_create: false } => &reasons::SECOND_FACTOR_UNVERIFIED,
            Self::OnlySignInIdentification => &reasons::ONLY_SIGN_IN_IDENTIFICATION,
            Self::LastIdentification => &reasons::LAST_IDENTIFICATION,
            Self::IdentificationMissing => &reasons::IDENTIFICATION_MISSING,
            Self::TooMany(_) => &reasons::TOO_MANY_IDENTIFICATIONS,
            Self::CodeJustSent { .. } => &reasons::CODE_JUST_SENT,
            Self::VerificationClosed { .. } => &reasons::VERIFICATION_CLOSED,
            Self::AlreadyVerified => &reasons::ALREADY_VERIFIED,
            Self::Banned => &reasons::USER_BANNED,
            Self::Locked | Self::LockedOut { .. } => &reasons::USER_LOCKED,
            Self::FactorClosed { .. } => &of_credentials::FACTOR_CLOSED,
            Self::NoPassword => &of_credentials::NO_PASSWORD_SET,
            Self::TotpDisabled => &of_credentials::TOTP_DISABLED,
            Self::TotpLength => &of_credentials::TOTP_LENGTH,
            Self::PasswordMatchesIdentifier => &of_credentials::PASSWORD_MATCHES_IDENTIFIER,
            Self::PasswordMissing => &of_credentials::PASSWORD_MISSING,
            Self::PasswordIsOnlyWay => &of_credentials::PASSWORD_IS_ONLY_WAY,
            Self::PasswordDisabled => &of_credentials::PASSWORD_DISABLED,
            Self::CredentialDisabled { .. } => &of_credentials::CREDENTIAL_DISABLED,
            Self::Malformed { why, .. } => why.reason(),
        }
    }

    /// What stands in the places of its words.
    pub fn values(self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound => vec![("object", "identification".to_owned())],
            Self::TooMany(kind) => {
                vec![("kind", kind.as_str().to_owned()), ("max", IDENTIFICATIONS_MAX.to_string())]
            }
            Self::CodeJustSent { .. } => vec![("pause_seconds", (RESEND_PAUSE_MS / 1000).to_string())],
            Self::VerificationClosed { .. } | Self::FactorClosed { .. } => {
                vec![("failures_max", FAILURES_MAX.to_string())]
            }
            Self::Malformed { why, .. } => why.values(),
            _ => Vec::new(),
        }
    }

    /// The field to blame.
    fn param(self) -> Option<&'static str> {
        match self {
            Self::Taken(kind) | Self::TooMany(kind) => Some(kind.as_str()),
            Self::NotTheUsers { param }
            | Self::NeedsVerification { param }
            | Self::CredentialDisabled { param }
            | Self::Malformed { param, .. } => Some(param),
            Self::PasswordMatchesIdentifier | Self::PasswordMissing => Some("password"),
            Self::PasswordIsOnlyWay => Some("skip_password_requirement"),
            Self::SecondFactorUnverified { .. } | Self::OnlySignInIdentification => {
                Some("reserved_for_second_factor")
            }
            _ => None,
        }
    }

    /// At least one second, so that whoever waits for it does not come too early.
    fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::CodeJustSent { retry_after_ms }
            | Self::VerificationClosed { retry_after_ms }
            | Self::FactorClosed { retry_after_ms } => Some(seconds(retry_after_ms)),
            _ => None,
        }
    }
}

/// In whole seconds, none of them lost, and at least one.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let meta = match refusal {
            Refusal::LockedOut { expires_in_ms } => {
                vec![("lockout_expires_in_seconds", seconds(expires_in_ms).into())]
            }
            _ => Vec::new(),
        };
        Self {
            meta,
            values: refusal.values(),
            param_name: refusal.param().map(Into::into),
            retry_after_seconds: refusal.retry_after_seconds(),
            ..Self::new(refusal.reason())
        }
    }
}

impl Malformed {
    /// The row of what is wrong.
    pub fn reason(self) -> &'static Reason {
        match self {
            Self::Form(_) => &reasons::FORMAT_INVALID,
            Self::TooLong { .. } => &reasons::TOO_LONG,
            Self::TooShort(_) => &reasons::TOO_SHORT,
            Self::TooLarge { .. } => &reasons::METADATA_TOO_LARGE,
            Self::PhoneDigits { .. } => &reasons::PHONE_NUMBER_DIGITS,
            Self::Time => &reasons::TIME_INVALID,
            Self::TimeRange => &reasons::TIME_OUT_OF_RANGE,
            Self::UsernameLength { .. } => &reasons::USERNAME_LENGTH,
            Self::UsernameCharacter => &reasons::USERNAME_CHARACTER,
            Self::UsernameAllDigits => &reasons::USERNAME_ALL_DIGITS,
        }
    }

    /// What stands in the places of its words.
    pub fn values(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Form(why) | Self::TooShort(why) => vec![("why", why.to_owned())],
            Self::TooLong { max, length, unit } => vec![
                ("max", max.to_string()),
                ("length", length.to_string()),
                ("unit", unit.as_str().to_owned()),
            ],
            Self::TooLarge { bytes_max, bytes } => {
                vec![("bytes_max", bytes_max.to_string()), ("bytes", bytes.to_string())]
            }
            Self::PhoneDigits { digits } => vec![("digits", digits.to_string())],
            Self::UsernameLength { length } => vec![
                ("min", username::CHARACTERS_MIN.to_string()),
                ("max", username::CHARACTERS_MAX.to_string()),
                ("length", length.to_string()),
            ],
            Self::Time | Self::TimeRange | Self::UsernameCharacter | Self::UsernameAllDigits => Vec::new(),
        }
    }
}

impl From<Malformed> for Refused {
    /// Without the name of the field, which a value does not know.
    fn from(why: Malformed) -> Self {
        Self { values: why.values(), ..Self::new(why.reason()) }
    }
}

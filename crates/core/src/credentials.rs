//! What a user proves themselves with beside codes: the password, TOTP and backup codes (contract section 3).
//!
//! A user has only the state of them. A new secret travels beside the user in [`NewSecrets`], is sealed by who stores it, and
//! is never part of a user, of an event or of an answer.

pub mod reasons;

use crate::GuessedFactor;
use crate::user::Refusal;
use verger_credentials::{
    BackupCode, Password, PasswordFault, PasswordRules, StoredDigest, TotpSecret, backup_code,
};
use verger_wire::settings::SettingsDocument;
use verger_wire::{Refused, UnixMillis};

/// The state of a user's credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The password, if there is one.
    pub password: Option<PasswordState>,
    /// Since when there is the TOTP secret; `None`: there is none.
    pub totp_since: Option<UnixMillis>,
    /// How many backup codes can still be used: at most [`backup_code::CODES_MAX`].
    pub backup_codes_left: i64,
    /// Wrong tries of any factor in a row. They are counted without a new version of the user.
    pub failed_attempts: i64,
    /// Until when guesses have locked the user; it may have passed.
    pub lockout_until: Option<UnixMillis>,
}

/// The state of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordState {
    /// When it was set. That its digest was made anew is no change.
    pub updated_at: UnixMillis,
    /// Since when it opens nothing, because others know it.
    pub compromised_at: Option<UnixMillis>,
}

/// A password to set.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// As it was typed, to be compared with the identifiers of the user; `None` if it is not known or not to be judged.
    pub judged: Option<Password>,
    /// What is stored of it.
    pub digest: StoredDigest,
}

/// The credentials to set. `Default` leaves all as they are.
#[derive(Clone, Debug, Default)]
pub struct CredentialsChange {
    /// The password.
    pub password: Option<NewPassword>,
    /// The secret that codes of an authenticator are made from.
    pub totp_secret: Option<TotpSecret>,
    /// The backup codes, which take the place of all that there are.
    pub backup_codes: Option<Vec<BackupCode>>,
}

/// The secrets that a change brings, for who seals and stores them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewSecrets {
    /// The digest of the new password.
    pub password: Option<StoredDigest>,
    /// The new TOTP secret.
    pub totp_secret: Option<TotpSecret>,
    /// All backup codes.
    pub backup_codes: Option<Vec<BackupCode>>,
}

impl Credentials {
    /// Whether guesses lock the user at `now`.
    pub fn is_locked_out(&self, now: UnixMillis) -> bool {
        self.lockout_until.is_some_and(|until| until > now)
    }

    /// What can never be.
    pub(crate) fn is_broken(&self) -> bool {
        let codes_max = i64::try_from(backup_code::CODES_MAX).unwrap_or(i64::MAX);
        !(0..=codes_max).contains(&self.backup_codes_left) || self.failed_attempts < 0
    }

    /// The state after a change at `now`.
    pub(crate) fn apply(&mut self, change: &CredentialsChange, now: UnixMillis) {
        if change.password.is_some() {
            self.password = Some(PasswordState { updated_at: now, compromised_at: None });
        }
        if change.totp_secret.is_some() {
            self.totp_since = Some(now);
        }
        if let Some(codes) = &change.backup_codes {
            self.backup_codes_left = i64::try_from(codes.len()).unwrap_or(i64::MAX);
        }
    }
}

impl From<CredentialsChange> for NewSecrets {
    fn from(change: CredentialsChange) -> Self {
        Self {
            password: change.password.map(|password| password.digest),
            totp_secret: change.totp_secret,
            backup_codes: change.backup_codes,
        }
    }
}

impl NewSecrets {
    /// The factors that have another secret with these: wrong tries of the one before say nothing about it.
    pub fn factors(&self) -> Vec<GuessedFactor> {
        let brought = [
            (self.password.is_some(), GuessedFactor::Password),
            (self.totp_secret.is_some(), GuessedFactor::Totp),
            (self.backup_codes.is_some(), GuessedFactor::BackupCodes),
        ];
        brought.into_iter().filter_map(|(is_brought, factor)| is_brought.then_some(factor)).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The rules for a new password that an instance has.
pub fn password_rules(settings: &SettingsDocument) -> PasswordRules {
    let rules = &settings.password;
    let characters = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    PasswordRules {
        characters_min: characters(rules.min_length),
        characters_max: characters(rules.max_length),
        require_lowercase: rules.require_lowercase,
        require_uppercase: rules.require_uppercase,
        require_number: rules.require_numbers,
        require_special_character: rules.require_special_char,
    }
}

/// Everything that is wrong with a new password by itself; the identifiers of its user are compared in the commands.
pub fn judge_password(password: &Password, settings: &SettingsDocument) -> Vec<Refused> {
    password
        .judge(&password_rules(settings), [])
        .into_iter()
        .filter(|fault| settings.password.refuse_common || *fault != PasswordFault::Common)
        .map(refused)
        .collect()
}

/// A rule that a password breaks, as a reason.
pub fn refused(fault: PasswordFault) -> Refused {
    let refused = match fault {
        PasswordFault::TooShort { characters_min } => {
            Refused::new(&reasons::PASSWORD_TOO_SHORT).with("min", characters_min.to_string())
        }
        PasswordFault::TooLong { characters_max } => {
            Refused::new(&reasons::PASSWORD_TOO_LONG).with("max", characters_max.to_string())
        }
        PasswordFault::NoLowercase => Refused::new(&reasons::PASSWORD_NO_LOWERCASE),
        PasswordFault::NoUppercase => Refused::new(&reasons::PASSWORD_NO_UPPERCASE),
        PasswordFault::NoNumber => Refused::new(&reasons::PASSWORD_NO_NUMBER),
        PasswordFault::NoSpecialCharacter => Refused::new(&reasons::PASSWORD_NO_SPECIAL_CHARACTER),
        PasswordFault::MatchesIdentifier => Refused::new(&reasons::PASSWORD_MATCHES_IDENTIFIER),
        PasswordFault::Common => Refused::new(&reasons::PASSWORD_PWNED),
    };
    refused.param("password")
}

/// Whether a user can be created with these fields.
///
/// # Errors
/// The instance asks for a password, and there is none; or it is the only way to sign in, and cannot be left out.
pub fn judge_requirement(
    settings: &SettingsDocument,
    has_password: bool,
    skip_requirement: bool,
) -> Result<(), Refusal> {
    let first = &settings.first_factors;
    let is_only_way = first.password && !first.phone_code && !first.email_code;
    match skip_requirement {
        _ if has_password => Ok(()),
        true if is_only_way => Err(Refusal::PasswordIsOnlyWay),
        false if settings.attributes.password_required => Err(Refusal::PasswordMissing),
        _ => Ok(()),
    }
}

/// Whether the instance has the credentials that are to be set (contract section 8, rule 7).
///
/// # Errors
/// Passwords, TOTP or backup codes are off.
pub fn judge_enabled(settings: &SettingsDocument, change: &CredentialsChange) -> Result<(), Refusal> {
    let (first, second) = (&settings.first_factors, &settings.second_factors);
    let is_off = [
        (change.password.is_some() && !first.password, "password"),
        (change.totp_secret.is_some() && !second.totp, "totp_secret"),
        (change.backup_codes.is_some() && !second.backup_code, "backup_codes"),
    ];
    match is_off.into_iter().find(|(is_off, _)| *is_off) {
        None => Ok(()),
        Some((_, "password")) => Err(Refusal::PasswordDisabled),
        Some((_, param)) => Err(Refusal::CredentialDisabled { param }),
    }
}

//! The user and its identifiers: one aggregate, because the rules of the contract's section 4 span all of it.

mod credentials;
mod identifications;
mod primary;
mod profile;
mod rules;
mod second_factor;

pub use identifications::{IdentificationStatus, IdentificationUpdate, NewIdentification};
pub use profile::{MetadataChange, NewUser, ProfileChange};
pub use rules::BrokenRule;

use crate::{
    Credentials, E164, Email, Env, GuessedFactor, Malformed, NewSecrets, PendingCode, Username,
    metadata::Metadata,
};
use std::collections::BTreeSet;
use verger_wire::{IdentificationId, UnixMillis, UserId};

/// The most phone numbers, and the most email addresses, that one user can have.
pub const IDENTIFICATIONS_MAX: usize = 50;

/// A user with everything that the rules look at.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// `user_…`, given at creation and never to another user.
    pub id: UserId,
    /// Moves by one with every change to the user or to one of its identifications.
    pub version: i64,
    /// The application's own id of the user.
    pub external_id: Option<String>,
    /// Unique whatever its case.
    pub username: Option<Username>,
    /// Given name, at most 256 characters.
    pub first_name: Option<String>,
    /// Family name, at most 256 characters.
    pub last_name: Option<String>,
    /// BCP 47 language tag, at most 35 characters.
    pub locale: Option<String>,
    /// For the application's frontend and backend.
    pub public_metadata: Metadata,
    /// For the application's backend only.
    pub private_metadata: Metadata,
    /// Writable by the application's frontend.
    pub unsafe_metadata: Metadata,
    /// The user may delete their own account.
    pub delete_self_enabled: bool,
    /// The user may create organizations.
    pub create_organization_enabled: bool,
    /// How many organizations the user may create; `None`: no limit.
    pub create_organizations_limit: Option<i64>,
    /// Sign-in skips device trust checks.
    pub bypass_client_trust: bool,
    /// When the user accepted the legal requirements.
    pub legal_accepted_at: Option<UnixMillis>,
    /// Since when the user may not sign in.
    pub banned_at: Option<UnixMillis>,
    /// Since when the user is locked.
    pub locked_at: Option<UnixMillis>,
    /// When a first second factor last came.
    pub mfa_enabled_at: Option<UnixMillis>,
    /// When the last second factor last went.
    pub mfa_disabled_at: Option<UnixMillis>,
    /// When the user last signed in. Signing in is no change of the user: it makes no new version.
    pub last_sign_in_at: Option<UnixMillis>,
    /// When a session of the user was last used, as far as it is written down. No change either.
    pub last_active_at: Option<UnixMillis>,
    /// When the user signed up.
    pub created_at: UnixMillis,
    /// When the user or one of its identifications last changed.
    pub updated_at: UnixMillis,
    /// One of the user's own phone numbers.
    pub primary_phone_number_id: Option<IdentificationId>,
    /// One of the user's own email addresses.
    pub primary_email_address_id: Option<IdentificationId>,
    /// Phone numbers and email addresses, in no particular order.
    pub identifications: Vec<Identification>,
    /// The state of password, TOTP and backup codes; never the secrets.
    pub credentials: Credentials,
}

/// A phone number or email address of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification {
    /// `idn_…`, given when it was added and never to another one.
    pub id: IdentificationId,
    /// The number or address, which never changes.
    pub identifier: Identifier,
    /// How far it is proved, and whether it is claimed.
    pub verification: Verification,
    /// The newest code that was sent for it, until it is void: by an admin's verification, or its end, by a ban, or by the
    /// removal or replacement of another identification of the user.
    pub pending_code: Option<PendingCode>,
    /// Its role as a second factor; always `No` for an email address.
    pub second_factor: SecondFactor,
    /// When it was added; the oldest takes the place of a removed primary or default.
    pub created_at: UnixMillis,
    /// When it last changed, in its code too. Never moves back, even if the clock does.
    pub updated_at: UnixMillis,
}

/// What identifies a user.
#[derive(Clone, Debug, PartialEq)]
pub enum Identifier {
    /// A phone number, in E.164.
    Phone(E164),
    /// An email address, in lower case.
    Email(Email),
}

/// The kinds of text that belong to at most one user of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// Compared in E.164: `+` and digits.
    PhoneNumber,
    /// Compared in lower case.
    EmailAddress,
    /// Compared in lower case.
    Username,
    /// Compared as it was given.
    ExternalId,
}

/// How far an identification is proved, and whether its text is claimed for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Nothing is proved, and other users may hold the same.
    Unverified,
    /// Nothing is proved, yet it is claimed and usable for sign-in.
    Reserved,
    /// A holder of the secret key said that it is the user's.
    VerifiedByAdmin {
        /// When the request that says so was made.
        at: UnixMillis,
    },
    /// The code that was sent to it was tried and right.
    VerifiedByCode {
        /// When the right code was tried.
        at: UnixMillis,
        /// How many tries it took, the right one included.
        attempts: i64,
        /// When the code would have expired.
        expire_at: UnixMillis,
    },
}

/// The role of a phone number as a second factor. Default without reserved cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// It is no second factor.
    No,
    /// Usable as a second factor.
    Reserved,
    /// Usable as a second factor and asked for first.
    Default,
}

/// The texts that a request names and that other users of the instance have claimed.
///
/// It is what was true when the user was loaded; the store's unique key has the last word.
#[derive(Clone, Debug, Default)]
pub struct Claims(BTreeSet<(IdentifierKind, String)>);

/// What a command leads to. If nothing changed, `user` equals the user before.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The user after the command.
    pub user: User,
    /// Side effects beyond what the request named.
    pub consequences: Vec<Consequence>,
    /// The identification that the command was about, where it was about one.
    pub subject: Option<IdentificationId>,
    /// The secrets that the command brings.
    pub secrets: NewSecrets,
    /// The factors whose wrong tries no longer count: those that the command unlocks, and those whose secret is another now.
    pub reopened: Vec<GuessedFactor>,
}

/// A side effect beyond the field that a request names; sent in the header `Verger-Consequences`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The user's last second factor is gone.
    MfaDisabled,
    /// Another number is now the default second factor.
    DefaultSecondFactorMoved,
    /// Another number is now primary.
    PrimaryPhoneNumberMoved,
    /// No number is primary any more.
    PrimaryPhoneNumberCleared,
    /// Another email address is now primary.
    PrimaryEmailAddressMoved,
    /// No email address is primary any more.
    PrimaryEmailAddressCleared,
    /// Nothing is left that the user could sign in with.
    LastSignInIdentificationLost,
    /// The backup codes went with the last second factor.
    BackupCodesRemoved,
}

/// Why a command is refused. A refused command changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another user has claimed it, or this user already has it.
    Taken(IdentifierKind),
    /// The user has no such identification.
    NotFound,
    /// The user has no such identification; a field of the request named it.
    NotTheUsers {
        /// The field of the request.
        param: &'static str,
    },
    /// Only a verified or reserved identification can be primary.
    NeedsVerification {
        /// The field of the request.
        param: &'static str,
    },
    /// A second factor must be verified (contract section 3).
    SecondFactorUnverified {
        /// The number was just being created.
        on_create: bool,
    },
    /// The only identification that is usable for sign-in cannot become a second factor.
    OnlySignInIdentification,
    /// The user's last identification of any kind cannot go.
    LastIdentification,
    /// A user needs an identification, unless the request says that it does not.
    IdentificationMissing,
    /// More than a user can have.
    TooMany(IdentifierKind),
    /// A code was sent to this number or address a moment ago.
    CodeJustSent {
        /// How long to wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// Too many codes for this number or address failed.
    VerificationClosed {
        /// How long to wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// The code was accepted before.
    AlreadyVerified,
    /// The user is banned: no code is sent or tried.
    Banned,
    /// The user is locked: no code is sent or tried.
    Locked,
    /// Guesses have locked the user for a while.
    LockedOut {
        /// How long it lasts, in milliseconds.
        expires_in_ms: u64,
    },
    /// Too many tries of one factor failed.
    FactorClosed {
        /// How long to wait, in milliseconds.
        retry_after_ms: u64,
    },
    /// The user has no password.
    NoPassword,
    /// The user has neither TOTP nor backup codes.
    TotpDisabled,
    /// It can only be a code of an authenticator, and does not have six digits.
    TotpLength,
    /// The password is an identifier of the user.
    PasswordMatchesIdentifier,
    /// The instance asks for a password.
    PasswordMissing,
    /// The password is the only way to sign in.
    PasswordIsOnlyWay,
    /// The instance has no passwords.
    PasswordDisabled,
    /// The instance does not have this second factor.
    CredentialDisabled {
        /// The field of the request.
        param: &'static str,
    },
    /// A value that the rules of its field do not allow.
    Malformed {
        /// The field of the request.
        param: &'static str,
        /// The rule of the field that the value breaks.
        why: Malformed,
    },
}

impl Identifier {
    /// Its kind: `PhoneNumber` or `EmailAddress`.
    pub fn kind(&self) -> IdentifierKind {
        match self {
            Self::Phone(_) => IdentifierKind::PhoneNumber,
            Self::Email(_) => IdentifierKind::EmailAddress,
        }
    }

    /// The text that is unique among claims.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(number) => number.as_str(),
            Self::Email(address) => address.as_str(),
        }
    }
}

impl IdentifierKind {
    /// The name in requests, errors and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PhoneNumber => "phone_number",
            Self::EmailAddress => "email_address",
            Self::Username => "username",
            Self::ExternalId => "external_id",
        }
    }
}

impl Verification {
    /// Proved, by an admin's word or by a code. A reserved one is not.
    pub fn is_verified(self) -> bool {
        matches!(self, Self::VerifiedByAdmin { .. } | Self::VerifiedByCode { .. })
    }

    /// Verified or reserved: no other user can hold it, and it is usable for sign-in.
    pub fn is_claimed(self) -> bool {
        !matches!(self, Self::Unverified)
    }
}

impl Consequence {
    /// The code in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MfaDisabled => "mfa_disabled",
            Self::DefaultSecondFactorMoved => "default_second_factor_moved",
            Self::PrimaryPhoneNumberMoved => "primary_phone_number_moved",
            Self::PrimaryPhoneNumberCleared => "primary_phone_number_cleared",
            Self::PrimaryEmailAddressMoved => "primary_email_address_moved",
            Self::PrimaryEmailAddressCleared => "primary_email_address_cleared",
            Self::LastSignInIdentificationLost => "last_sign_in_identification_lost",
            Self::BackupCodesRemoved => "backup_codes_removed",
        }
    }
}

impl Claims {
    /// The texts that others have claimed.
    pub fn new(claims: impl IntoIterator<Item = (IdentifierKind, String)>) -> Self {
        Self(claims.into_iter().collect())
    }

    fn hold(&self, kind: IdentifierKind, text: &str) -> bool {
        // Claims are few: those that the request names.
        self.0.iter().any(|(held_kind, held)| *held_kind == kind && held == text)
    }

    pub(crate) fn refuse_taken(&self, kind: IdentifierKind, text: &str) -> Result<(), Refusal> {
        if self.hold(kind, text) { Err(Refusal::Taken(kind)) } else { Ok(()) }
    }
}

impl User {
    /// The identification with this id, if it is the user's.
    pub fn identification(&self, id: &IdentificationId) -> Option<&Identification> {
        self.identifications.iter().find(|identification| identification.id == *id)
    }

    /// The identifications of one kind, newest first, as the API shows them.
    pub fn newest_first(&self, kind: IdentifierKind) -> Vec<&Identification> {
        let mut found: Vec<_> = self.of_kind(kind).collect();
        found.sort_unstable_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        found
    }

    /// The id of the primary phone number or email address.
    pub fn primary(&self, kind: IdentifierKind) -> Option<&IdentificationId> {
        match kind {
            IdentifierKind::PhoneNumber => self.primary_phone_number_id.as_ref(),
            IdentifierKind::EmailAddress => self.primary_email_address_id.as_ref(),
            IdentifierKind::Username | IdentifierKind::ExternalId => None,
        }
    }

    /// Some second factor exists. Derived, never stored (contract section 4, rule 5). Backup codes alone are none.
    pub fn two_factor_enabled(&self) -> bool {
        self.totp_enabled()
            || self
                .identifications
                .iter()
                .any(|identification| identification.second_factor != SecondFactor::No)
    }

    /// The number that is asked for first as a second factor.
    pub fn default_second_factor(&self) -> Option<&IdentificationId> {
        self.identifications
            .iter()
            .find(|identification| identification.second_factor == SecondFactor::Default)
            .map(|identification| &identification.id)
    }

    /// How many identifications the user could sign in with: claimed numbers and addresses, and the username.
    pub fn sign_in_identifications(&self) -> usize {
        let claimed =
            self.identifications.iter().filter(|identification| identification.verification.is_claimed());
        claimed.count() + usize::from(self.username.is_some())
    }

    /// All texts that belong to this user alone, with the identification that holds each.
    pub fn claimed(&self) -> Vec<(IdentifierKind, String, Option<&IdentificationId>)> {
        let mut claimed: Vec<_> = self
            .identifications
            .iter()
            .filter(|identification| identification.verification.is_claimed())
            .map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned(), Some(&held.id)))
            .collect();
        if let Some(username) = &self.username {
            claimed.push((IdentifierKind::Username, username.key(), None));
        }
        if let Some(external_id) = &self.external_id {
            claimed.push((IdentifierKind::ExternalId, external_id.clone(), None));
        }
        claimed
    }

    fn of_kind(&self, kind: IdentifierKind) -> impl Iterator<Item = &Identification> {
        self.identifications.iter().filter(move |identification| identification.identifier.kind() == kind)
    }

    fn primary_mut(&mut self, kind: IdentifierKind) -> Option<&mut Option<IdentificationId>> {
        match kind {
            IdentifierKind::PhoneNumber => Some(&mut self.primary_phone_number_id),
            IdentifierKind::EmailAddress => Some(&mut self.primary_email_address_id),
            IdentifierKind::Username | IdentifierKind::ExternalId => None,
        }
    }

    /// Turns an edited copy into the next user: derived state follows, and whatever differs gets its time moved.
    ///
    /// `named` are the side effects that the request itself asked for; they are not reported.
    pub(crate) fn settle(
        &self,
        mut next: User,
        subject: Option<IdentificationId>,
        named: &[Consequence],
        env: &Env,
    ) -> Change {
        next.settle_default_second_factor();
        next.settle_backup_codes(self);
        for identification in &mut next.identifications {
            if let Some(before) = self.identification(&identification.id)
                && before != identification
            {
                // Whoever asks for what changed since the last look must find it, also after the clock was set back.
                identification.updated_at = env.now.max(before.updated_at);
            }
        }
        match (self.two_factor_enabled(), next.two_factor_enabled()) {
            (false, true) => next.mfa_enabled_at = Some(env.now),
            (true, false) => next.mfa_disabled_at = Some(env.now),
            _ => {}
        }
        if next != *self {
            next.updated_at = env.now.max(self.updated_at);
            next.version = self.version + 1;
        }
        debug_assert_eq!(next.check(), Ok(()));
        let mut consequences = self.consequences(&next);
        consequences.retain(|consequence| !named.contains(consequence));
        Change { user: next, consequences, subject, secrets: NewSecrets::default(), reopened: Vec::new() }
    }

    fn consequences(&self, next: &User) -> Vec<Consequence> {
        let mut found = Vec::new();
        if self.two_factor_enabled() && !next.two_factor_enabled() {
            found.push(Consequence::MfaDisabled);
        }
        let moved =
            |before: Option<&IdentificationId>, after: Option<&IdentificationId>| match (before, after) {
                (Some(before), Some(after)) => before != after,
                _ => false,
            };
        if moved(self.default_second_factor(), next.default_second_factor()) {
            found.push(Consequence::DefaultSecondFactorMoved);
        }
        for (kind, when_moved, when_cleared) in [
            (
                IdentifierKind::PhoneNumber,
                Consequence::PrimaryPhoneNumberMoved,
                Consequence::PrimaryPhoneNumberCleared,
            ),
            (
                IdentifierKind::EmailAddress,
                Consequence::PrimaryEmailAddressMoved,
                Consequence::PrimaryEmailAddressCleared,
            ),
        ] {
            let (before, after) = (self.primary(kind), next.primary(kind));
            if moved(before, after) {
                found.push(when_moved);
            } else if before.is_some() && after.is_none() {
                found.push(when_cleared);
            }
        }
        if self.sign_in_identifications() > 0 && next.sign_in_identifications() == 0 {
            found.push(Consequence::LastSignInIdentificationLost);
        }
        if self.backup_code_enabled() && !next.backup_code_enabled() {
            found.push(Consequence::BackupCodesRemoved);
        }
        found
    }
}

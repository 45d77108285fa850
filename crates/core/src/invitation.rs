//! Invitations: somebody whose email address an application knows may sign up with a ticket.

use crate::metadata::Metadata;
use verger_wire::{InvitationId, UnixMillis};

/// For how many days an invitation can be accepted, unless the request says otherwise.
pub const EXPIRES_IN_DAYS_DEFAULT: i64 = 30;
/// The most days.
pub const EXPIRES_IN_DAYS_MAX: i64 = 365;
/// The most invitations of an instance that were neither accepted nor revoked and have not expired.
pub const PENDING_MAX: i64 = 100_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An invitation.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// `inv_…`.
    pub id: InvitationId,
    /// Moves by one with every change.
    pub version: i64,
    /// Who is invited, in lower case.
    pub email_address: String,
    /// SHA-256 of the ticket, in hexadecimal: it has 256 random bits, so nobody finds it.
    pub digest: String,
    /// What the user's public metadata begins with.
    pub public_metadata: Metadata,
    /// Where the ticket leads to; `None`: to the page for signing up.
    pub redirect_url: Option<String>,
    /// What was done with it.
    pub outcome: InvitationOutcome,
    /// From when on it cannot be accepted.
    pub expires_at: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// What was done with an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationOutcome {
    /// Nothing yet.
    Open,
    /// A user signed up with it.
    Accepted,
    /// It was taken back.
    Revoked,
}

/// What an invitation is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// A user signed up with it.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// Why an invitation does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationClosed {
    /// A user signed up with it.
    Accepted,
    /// It was taken back before.
    Revoked,
    /// Its time is over.
    Expired,
}

/// A stored invitation that could never have been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenInvitation;

/// What an invitation is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct NewInvitation {
    /// Who is invited, in lower case.
    pub email_address: String,
    /// What the user's public metadata begins with.
    pub public_metadata: Metadata,
    /// Where the ticket leads to.
    pub redirect_url: Option<String>,
    /// For how many days it can be accepted.
    pub expires_in_days: i64,
}

impl Invitation {
    /// An invitation whose ticket has this digest.
    pub fn create(id: InvitationId, new: NewInvitation, digest: String, now: UnixMillis) -> Self {
        Self {
            id,
            version: 1,
            email_address: new.email_address,
            digest,
            public_metadata: new.public_metadata,
            redirect_url: new.redirect_url,
            outcome: InvitationOutcome::Open,
            expires_at: now.plus_ms(new.expires_in_days.saturating_mul(DAY_MS)),
            created_at: now,
            updated_at: now,
        }
    }

    /// What it is at this moment.
    pub fn status_at(&self, now: UnixMillis) -> InvitationStatus {
        match self.outcome {
            InvitationOutcome::Accepted => InvitationStatus::Accepted,
            InvitationOutcome::Revoked => InvitationStatus::Revoked,
            InvitationOutcome::Open if now >= self.expires_at => InvitationStatus::Expired,
            InvitationOutcome::Open => InvitationStatus::Pending,
        }
    }

    /// Takes it back, also after its time.
    ///
    /// # Errors
    /// It was accepted or taken back before.
    pub fn revoke(&self, now: UnixMillis) -> Result<Self, InvitationClosed> {
        match self.outcome {
            InvitationOutcome::Accepted => Err(InvitationClosed::Accepted),
            InvitationOutcome::Revoked => Err(InvitationClosed::Revoked),
            InvitationOutcome::Open => Ok(self.with(InvitationOutcome::Revoked, now)),
        }
    }

    /// Uses it, once.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn accept(&self, now: UnixMillis) -> Result<Self, InvitationClosed> {
        match self.status_at(now) {
            InvitationStatus::Accepted => Err(InvitationClosed::Accepted),
            InvitationStatus::Revoked => Err(InvitationClosed::Revoked),
            InvitationStatus::Expired => Err(InvitationClosed::Expired),
            InvitationStatus::Pending => Ok(self.with(InvitationOutcome::Accepted, now)),
        }
    }

    /// Looks at the rule of a single invitation. Runs after every load.
    ///
    /// # Errors
    /// It expired before it was made.
    pub fn check(&self) -> Result<(), BrokenInvitation> {
        if self.expires_at > self.created_at { Ok(()) } else { Err(BrokenInvitation) }
    }

    fn with(&self, outcome: InvitationOutcome, now: UnixMillis) -> Self {
        let updated_at = now.max(self.updated_at.plus_ms(1));
        Self { version: self.version + 1, outcome, updated_at, ..self.clone() }
    }
}

impl InvitationOutcome {
    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
        }
    }

    /// The outcome with this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Accepted, Self::Revoked].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl InvitationStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Revoked, Self::Expired];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The status with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

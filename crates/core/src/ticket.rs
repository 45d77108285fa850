//! Tickets: secrets that a backend makes and that sign a user in once.
//!
//! What is handed out is opaque; the row decides, found by the digest of it.

use crate::Malformed;
use verger_wire::json::{Json, Object};
use verger_wire::{UnixMillis, UserId};

/// How every ticket begins.
pub const TICKET_PREFIX: &str = "ticket_";
/// How long a sign-in token can be used unless the request says otherwise, in seconds.
pub const SIGN_IN_TOKEN_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long an actor token can be used unless the request says otherwise, in seconds.
pub const ACTOR_TOKEN_SECONDS: i64 = 60 * 60;
/// The longest that a ticket can be used or that its session lives, in seconds: ten years.
pub const TICKET_SECONDS_MAX: i64 = 10 * 365 * 24 * 60 * 60;

/// The most bytes of JSON that say who acts: they stand in every session token, which is a cookie.
pub const ACTOR_BYTES_MAX: usize = 1200;

/// A ticket, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// `sit_…` or `act_…`.
    pub id: String,
    /// Moves by one with every change.
    pub version: i64,
    /// What it is for.
    pub purpose: Purpose,
    /// Who it signs in.
    pub user_id: UserId,
    /// SHA-256 of the secret, in hexadecimal: it has 256 random bits, so nobody finds it.
    pub digest: String,
    /// What became of it.
    pub status: TicketStatus,
    /// From then on it opens nothing.
    pub expire_at: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// What a ticket is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// The user signs in.
    SignIn,
    /// Somebody acts as the user.
    Actor {
        /// Who; at least `sub`.
        actor: Object,
        /// The longest that the session lives, in seconds.
        session_seconds_max: i64,
    },
}

/// What became of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStatus {
    /// Nothing yet.
    Pending,
    /// It was used.
    Accepted,
    /// The backend took it back.
    Revoked,
}

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketClosed {
    /// It was used.
    Accepted,
    /// The backend took it back.
    Revoked,
    /// Its time was over.
    Expired,
}

/// A rule that a stored ticket breaks: the actor has no `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorWithoutSubject;

impl Ticket {
    /// A ticket for `seconds`.
    pub fn create(
        id: String,
        purpose: Purpose,
        user_id: UserId,
        digest: String,
        seconds: i64,
        now: UnixMillis,
    ) -> Self {
        Self {
            id,
            version: 1,
            purpose,
            user_id,
            digest,
            status: TicketStatus::Pending,
            expire_at: now.plus_ms(seconds.saturating_mul(1000)),
            created_at: now,
            updated_at: now,
        }
    }

    /// Takes it back.
    ///
    /// # Errors
    /// It was used or taken back before.
    pub fn revoke(&self, now: UnixMillis) -> Result<Self, TicketClosed> {
        self.pending()?;
        Ok(self.with(TicketStatus::Revoked, now))
    }

    /// Uses it, once.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn accept(&self, now: UnixMillis) -> Result<Self, TicketClosed> {
        self.pending()?;
        if now >= self.expire_at {
            return Err(TicketClosed::Expired);
        }
        Ok(self.with(TicketStatus::Accepted, now))
    }

    /// Looks at every rule that one ticket can break by itself. Runs after every load.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn check(&self) -> Result<(), ActorWithoutSubject> {
        match &self.purpose {
            Purpose::Actor { actor, .. } if subject_of(actor).is_none() => Err(ActorWithoutSubject),
            _ => Ok(()),
        }
    }

    fn pending(&self) -> Result<(), TicketClosed> {
        match self.status {
            TicketStatus::Pending => Ok(()),
            TicketStatus::Accepted => Err(TicketClosed::Accepted),
            TicketStatus::Revoked => Err(TicketClosed::Revoked),
        }
    }

    fn with(&self, status: TicketStatus, now: UnixMillis) -> Self {
        let updated_at = now.max(self.updated_at.plus_ms(1));
        Self { version: self.version + 1, status, updated_at, ..self.clone() }
    }
}

/// Judges the payload of a new actor token.
///
/// # Errors
/// It is larger than [`ACTOR_BYTES_MAX`].
pub fn judge_actor(actor: &Object) -> Result<(), Malformed> {
    let bytes = actor.to_text().len();
    let bytes_max = ACTOR_BYTES_MAX;
    if bytes > bytes_max { Err(Malformed::TooLarge { bytes_max, bytes }) } else { Ok(()) }
}

/// Who acts, by the payload of an actor token.
pub fn subject_of(actor: &Object) -> Option<&str> {
    match actor.get("sub") {
        Some(Json::Text(subject)) if !subject.is_empty() => Some(subject),
        _ => None,
    }
}

impl TicketStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Accepted, Self::Revoked];

    /// As it is on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
        }
    }

    /// The status with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

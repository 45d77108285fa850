//! A session: one user, signed in on one client, until it ends.
//!
//! What a session is at a moment is derived: whether it has expired from its life and from the settings, whether it is
//! pending from its tasks, and these from the user. Only an end is stored, and no end is ever taken back.

pub mod reasons;
mod rules;

pub use rules::SessionRules;

use crate::time::age_ms;
use verger_wire::json::Object;
use verger_wire::{ClientId, SessionId, UnixMillis, UserId};

/// How long after its creation a session counts as abandoned, in milliseconds; told, never acted on.
pub const ABANDON_AFTER_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How long a session lives that an actor token opened, unless the token says otherwise, in seconds.
pub const ACTOR_SESSION_SECONDS: i64 = 30 * 60;
/// The most characters that are kept of each text of an activity.
pub const ACTIVITY_CHARACTERS_MAX: usize = 100;

/// A session, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// `sess_…`, given at creation and never to another session.
    pub id: SessionId,
    /// Moves by one with every change; activity is no change.
    pub version: i64,
    /// Who is signed in.
    pub user_id: UserId,
    /// On which client.
    pub client_id: ClientId,
    /// What opened it.
    pub origin: Origin,
    /// Whether the user had a second factor when it began: then one was proved.
    pub second_factor_demanded: bool,
    /// When each factor was last proved.
    pub proofs: Proofs,
    /// How and when it ended.
    pub end: Option<End>,
    /// For organizations.
    pub last_active_organization_id: Option<String>,
    /// When it was last used, as far as it is written down.
    pub last_active_at: UnixMillis,
    /// Where it was last used.
    pub activity: Option<Activity>,
    /// When its life is over, by the settings of when it began.
    pub expire_at: UnixMillis,
    /// [`ABANDON_AFTER_MS`] after its creation.
    pub abandon_at: UnixMillis,
    /// When it began.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// What opened a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// The user signed in or up.
    SignIn,
    /// An actor token: somebody acts as the user.
    ActorToken {
        /// The payload of the token, which stands in the claim `act`.
        actor: Object,
    },
    /// `POST /v1/sessions`, in a development instance.
    BackendApi,
}

/// When the factors of a user were last proved in a session; `None`: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// The first factor.
    pub first: Option<UnixMillis>,
    /// The second factor.
    pub second: Option<UnixMillis>,
}

/// A factor that can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// A password, or a code that was sent to an identification.
    First,
    /// A code of a second factor.
    Second,
}

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What ended it.
    pub how: Ending,
    /// When it ended.
    pub at: UnixMillis,
}

/// What ends a session. `abandoned` and `replaced` are on the wire and never made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client ended it.
    Ended,
    /// The user signed out.
    Removed,
    /// The Backend API, the user elsewhere, or a change of the user took it away.
    Revoked,
    /// Its time was over.
    Expired,
}

/// What a session is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// The user is signed in.
    Active,
    /// The user is signed in, and must do something first.
    Pending,
    /// It is over.
    Over(Ending),
}

/// What a user must do in a session before it is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// The password is compromised.
    ResetPassword,
    /// A second factor is required, and the user has none.
    SetUpSecondFactor,
}

/// What is demanded of a user now, whichever session it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// The user has a password, and it is compromised.
    pub password_compromised: bool,
    /// The settings require a second factor, and the user has none.
    pub second_factor_missing: bool,
}

/// Where a session was last used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// For example `Macintosh`.
    pub device_type: Option<String>,
    /// Whether it is a mobile device.
    pub is_mobile: bool,
    /// For example `Firefox`.
    pub browser_name: Option<String>,
    /// For example `128.0`.
    pub browser_version: Option<String>,
    /// The address of the client.
    pub ip_address: Option<String>,
}

/// A session that is about to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Who is signed in.
    pub user_id: UserId,
    /// On which client.
    pub client_id: ClientId,
    /// What opens it.
    pub origin: Origin,
    /// Whether the user has a second factor.
    pub second_factor_demanded: bool,
    /// What was proved.
    pub proofs: Proofs,
    /// Where.
    pub activity: Option<Activity>,
    /// A life of its own in milliseconds, shorter than the settings'.
    pub life_ms_max: Option<i64>,
}

/// Why no session begins: a factor that is demanded was not proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unproved(pub Factor);

/// The session is over, and nothing leads out of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOver(pub Ending);

/// A rule that a stored session breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenSession {
    /// It began without a proof that was demanded.
    Unproved,
    /// It was used or changed before it began, or ended before it began.
    Moments,
}

impl Session {
    /// Begins a session.
    ///
    /// # Errors
    /// A factor that is demanded was not proved (contract section 8, rule 1).
    pub fn begin(new: NewSession, rules: &SessionRules, now: UnixMillis) -> Result<Self, Unproved> {
        if let Some(missing) = unproved(&new.origin, new.second_factor_demanded, new.proofs) {
            return Err(Unproved(missing));
        }
        let life_ms = new.life_ms_max.unwrap_or(i64::MAX).min(rules.lifetime_ms);
        Ok(Self {
            id: new.id,
            version: 1,
            user_id: new.user_id,
            client_id: new.client_id,
            origin: new.origin,
            second_factor_demanded: new.second_factor_demanded,
            proofs: new.proofs,
            end: None,
            last_active_organization_id: None,
            last_active_at: now,
            activity: new.activity,
            expire_at: now.plus_ms(life_ms),
            abandon_at: now.plus_ms(ABANDON_AFTER_MS),
            created_at: now,
            updated_at: now,
        })
    }

    /// What it is at a moment.
    pub fn status(&self, rules: &SessionRules, demands: Demands, now: UnixMillis) -> SessionStatus {
        match self.ending(rules, now) {
            Some(ending) => SessionStatus::Over(ending),
            None if self.tasks(demands).is_empty() => SessionStatus::Active,
            None => SessionStatus::Pending,
        }
    }

    /// How it has ended; `None` while it is active or pending.
    pub fn ending(&self, rules: &SessionRules, now: UnixMillis) -> Option<Ending> {
        match self.end {
            Some(end) => Some(end.how),
            None => rules.has_expired(self, now).then_some(Ending::Expired),
        }
    }

    /// What the user must do in it. Nobody demands anything of an actor or of a test (contract section 2).
    pub fn tasks(&self, demands: Demands) -> Vec<Task> {
        if !matches!(self.origin, Origin::SignIn) {
            return Vec::new();
        }
        let reset = demands.password_compromised.then_some(Task::ResetPassword);
        let set_up = demands.second_factor_missing.then_some(Task::SetUpSecondFactor);
        reset.into_iter().chain(set_up).collect()
    }

    /// Ends it.
    ///
    /// # Errors
    /// It is over already.
    pub fn end(&self, how: Ending, rules: &SessionRules, now: UnixMillis) -> Result<Self, SessionOver> {
        self.living(rules, now)?;
        let mut after = self.clone();
        after.end = Some(End { how, at: now.max(self.created_at) });
        Ok(after.touched(self, now))
    }

    /// Writes down that its time is over; `None` if it is not, or if an end is stored.
    pub fn expire(&self, rules: &SessionRules, now: UnixMillis) -> Option<Self> {
        if self.end.is_some() || !rules.has_expired(self, now) {
            return None;
        }
        let mut after = self.clone();
        after.end = Some(End { how: Ending::Expired, at: now.max(self.created_at) });
        Some(after.touched(self, now))
    }

    /// Notes that a factor was proved.
    ///
    /// # Errors
    /// It is over.
    pub fn prove(&self, factor: Factor, rules: &SessionRules, now: UnixMillis) -> Result<Self, SessionOver> {
        self.living(rules, now)?;
        let mut after = self.clone();
        match factor {
            Factor::First => after.proofs.first = Some(now),
            Factor::Second => after.proofs.second = Some(now),
        }
        Ok(after.touched(self, now))
    }

    /// Takes back the proofs that came after these: their answer was lost with the secret of the client.
    #[must_use]
    pub fn with_proofs(&self, proofs: Proofs, now: UnixMillis) -> Self {
        if self.proofs == proofs {
            return self.clone();
        }
        Self { proofs, ..self.clone() }.touched(self, now)
    }

    /// Sets the organization that is active in it.
    ///
    /// # Errors
    /// It is over.
    pub fn activate_organization(
        &self,
        organization: Option<String>,
        rules: &SessionRules,
        now: UnixMillis,
    ) -> Result<Self, SessionOver> {
        self.living(rules, now)?;
        if self.last_active_organization_id == organization {
            return Ok(self.clone());
        }
        Ok(Self { last_active_organization_id: organization, ..self.clone() }.touched(self, now))
    }

    /// Minutes since each factor was proved, as the claim `fva` has them: −1 if it never was.
    pub fn factor_ages(&self, now: UnixMillis) -> [i64; 2] {
        let minutes = |proved: Option<UnixMillis>| proved.map_or(-1, |at| age_ms(now, at) / 60_000);
        [minutes(self.proofs.first), minutes(self.proofs.second)]
    }

    /// When its life is over as the settings are now, without the limit on inactivity.
    pub fn expires_at(&self, rules: &SessionRules) -> UnixMillis {
        self.expire_at.min(self.created_at.plus_ms(rules.lifetime_ms))
    }

    /// The payload of the actor token that opened it.
    pub fn actor(&self) -> Option<&Object> {
        match &self.origin {
            Origin::ActorToken { actor } => Some(actor),
            Origin::SignIn | Origin::BackendApi => None,
        }
    }

    /// Looks at every rule that one session can break by itself. Runs after every load.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BrokenSession> {
        // A restored secret takes back proofs that came later, never those that it began with.
        if unproved(&self.origin, self.second_factor_demanded, self.proofs).is_some() {
            return Err(BrokenSession::Unproved);
        }
        let is_before = |moment: UnixMillis| moment < self.created_at;
        if is_before(self.updated_at) || self.end.is_some_and(|end| is_before(end.at)) {
            return Err(BrokenSession::Moments);
        }
        Ok(())
    }

    fn living(&self, rules: &SessionRules, now: UnixMillis) -> Result<(), SessionOver> {
        self.ending(rules, now).map_or(Ok(()), |ending| Err(SessionOver(ending)))
    }

    fn touched(mut self, before: &Self, now: UnixMillis) -> Self {
        self.version = before.version + 1;
        self.updated_at = now.max(before.updated_at.plus_ms(1));
        debug_assert_eq!(self.check(), Ok(()));
        self
    }
}

/// The factor that is demanded and was not proved.
fn unproved(origin: &Origin, second_factor_demanded: bool, proofs: Proofs) -> Option<Factor> {
    match origin {
        Origin::SignIn if proofs.first.is_none() => Some(Factor::First),
        Origin::SignIn if second_factor_demanded && proofs.second.is_none() => Some(Factor::Second),
        _ => None,
    }
}

/// The type of the event of a change; `None` if it has none. `status` is what the session is after it.
pub fn event_type(
    before: Option<&Session>,
    after: Option<&Session>,
    status: SessionStatus,
) -> Option<&'static str> {
    let has_ended = |session: Option<&Session>| session.is_some_and(|session| session.end.is_some());
    match (before, after?) {
        (None, _) if status == SessionStatus::Pending => Some("session.pending"),
        (None, after) if after.end.is_none() => Some("session.created"),
        (_, after) if !has_ended(before) => after.end.map(|end| end.how.event_type()),
        _ => None,
    }
}

impl Ending {
    /// The type of the event of a session that ends so.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Removed => "session.removed",
            Self::Revoked => "session.revoked",
            // There is none for a time that is over.
            Self::Ended | Self::Expired => "session.ended",
        }
    }

    /// Every ending.
    pub const ALL: [Self; 4] = [Self::Ended, Self::Removed, Self::Revoked, Self::Expired];

    /// As it is on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// The ending with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.as_str() == text)
    }
}

impl SessionStatus {
    /// As it is on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Over(ending) => ending.as_str(),
        }
    }
}

impl Task {
    /// The `key` on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset-password",
            Self::SetUpSecondFactor => "setup-mfa",
        }
    }
}

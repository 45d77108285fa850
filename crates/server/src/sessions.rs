//! Sessions as the server sees them: what the settings say of them, what their users must do, and when they were used.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use verger_core::session::{Demands, SessionRules, SessionStatus};
use verger_core::token::TokenVersion;
use verger_core::{Session, Settings, User};
use verger_wire::{InstanceId, SessionId, UnixMillis, UserId};

/// Sessions of an instance that are gathered. Of one more nothing is noted until these are written.
const SESSIONS_MAX: usize = 200_000;

/// When sessions were used, by instance and session, until it is written: it is no change, and a token must not cost a write.
#[derive(Default)]
pub(crate) struct Activities(Mutex<Gathered>);

type Gathered = HashMap<InstanceId, HashMap<SessionId, Used>>;

/// That a session was used; no more than that, because there are as many as sessions that are used within some seconds.
pub(crate) struct Used {
    pub(crate) user_id: UserId,
    pub(crate) at: UnixMillis,
}

/// How long the sessions of an instance live.
pub(crate) fn rules_of(settings: &Settings) -> SessionRules {
    SessionRules::of(settings)
}

/// What a user must do before a session is active.
pub(crate) fn demands_of(settings: &Settings, user: &User) -> Demands {
    Demands {
        password_compromised: user
            .credentials
            .password
            .is_some_and(|password| password.compromised_at.is_some()),
        second_factor_missing: settings.second_factors.required && !user.two_factor_enabled(),
    }
}

/// The version of the session tokens of an instance.
pub(crate) fn token_version_of(settings: &Settings) -> TokenVersion {
    if settings.sessions.token_version == 1 { TokenVersion::One } else { TokenVersion::Two }
}

/// What a session is now.
pub(crate) fn status_of(
    session: &Session,
    settings: &Settings,
    user: Option<&User>,
    now: UnixMillis,
) -> SessionStatus {
    let demands = user.map_or_else(Demands::default, |user| demands_of(settings, user));
    session.status(&rules_of(settings), demands, now)
}

impl Activities {
    /// Notes that a session was used.
    pub(crate) fn note(&self, instance: &InstanceId, session: &Session, at: UnixMillis) {
        let mut gathered = self.lock();
        let of_instance = match gathered.get_mut(instance) {
            Some(of_instance) => of_instance,
            None => gathered.entry(instance.clone()).or_default(),
        };
        if let Some(noted) = of_instance.get_mut(&session.id) {
            noted.at = noted.at.max(at);
        } else if of_instance.len() < SESSIONS_MAX {
            of_instance.insert(session.id.clone(), Used { user_id: session.user_id.clone(), at });
        }
    }

    /// What was gathered since it was last taken.
    pub(crate) fn take(&self) -> Gathered {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

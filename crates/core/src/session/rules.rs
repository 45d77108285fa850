//! How long sessions live, as the settings say.

use super::Session;
use verger_wire::UnixMillis;
use verger_wire::settings::SettingsDocument;

/// The settings that bind sessions, those that exist included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session lives, in milliseconds.
    pub lifetime_ms: i64,
    /// After how long without use a session is over, in milliseconds; `None`: never.
    pub inactivity_ms: Option<i64>,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self { lifetime_ms: Self::LIFETIME_MS_DEFAULT, inactivity_ms: None }
    }
}

impl SessionRules {
    /// Seven days.
    pub const LIFETIME_MS_DEFAULT: i64 = 7 * 24 * 60 * 60 * 1000;

    /// What an instance is set to.
    pub fn of(settings: &SettingsDocument) -> Self {
        let sessions = &settings.sessions;
        Self {
            lifetime_ms: sessions.lifetime_seconds.saturating_mul(1000),
            inactivity_ms: sessions.inactivity_timeout_seconds.map(|seconds| seconds.saturating_mul(1000)),
        }
    }

    /// Whether sessions that are over by these rules may not be over by others. Then their ends are written down before the
    /// others hold: a setting that is shortened and lengthened again brings no session back.
    pub fn are_outlived_by(&self, others: &Self) -> bool {
        let is_longer = match (self.inactivity_ms, others.inactivity_ms) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(limit_ms), Some(other_ms)) => limit_ms < other_ms,
        };
        self.lifetime_ms < others.lifetime_ms || is_longer
    }

    /// Whether the time of a session is over.
    pub(super) fn has_expired(&self, session: &Session, now: UnixMillis) -> bool {
        session.expire_at <= now
            || session.created_at.plus_ms(self.lifetime_ms) <= now
            || self.inactivity_ms.is_some_and(|limit_ms| session.last_active_at.plus_ms(limit_ms) <= now)
    }
}

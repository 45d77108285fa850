//! How long sessions live, as the settings say.

use super::Session;
use verger_wire::UnixMillis;

/// The settings that bind sessions, those that exist included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session lives, in milliseconds.
    pub lifetime_ms: i64,
    /// After how long without use a session is over, in milliseconds; `None`: never.
    pub inactivity_ms: Option<i64>,
    /// Shorter rules that were in force before, the oldest first: what was over by them stays over.
    pub former: Vec<FormerRules>,
}

/// Rules that were in force until a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerRules {
    /// As in [`SessionRules`].
    pub lifetime_ms: i64,
    /// As in [`SessionRules`].
    pub inactivity_ms: Option<i64>,
    /// Until when they were in force.
    pub until: UnixMillis,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self { lifetime_ms: Self::LIFETIME_MS_DEFAULT, inactivity_ms: None, former: Vec::new() }
    }
}

impl SessionRules {
    /// Seven days.
    pub const LIFETIME_MS_DEFAULT: i64 = 7 * 24 * 60 * 60 * 1000;

    /// The rules after a change of the settings. What is over by the rules until now stays over: else a setting that is
    /// shortened and lengthened again would bring sessions back.
    #[must_use]
    pub fn replaced_by(&self, lifetime_ms: i64, inactivity_ms: Option<i64>, now: UnixMillis) -> Self {
        if (self.lifetime_ms, self.inactivity_ms) == (lifetime_ms, inactivity_ms) {
            return self.clone();
        }
        let is_at_most = |of: Option<i64>, other: Option<i64>| match (of, other) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(of), Some(other)) => of <= other,
        };
        let mut former = self.former.clone();
        let is_shorter = lifetime_ms <= self.lifetime_ms && is_at_most(inactivity_ms, self.inactivity_ms);
        if !is_shorter {
            // Those that these include say nothing more.
            former.retain(|older| {
                older.lifetime_ms < self.lifetime_ms || !is_at_most(self.inactivity_ms, older.inactivity_ms)
            });
            former.push(FormerRules {
                lifetime_ms: self.lifetime_ms,
                inactivity_ms: self.inactivity_ms,
                until: now,
            });
        }
        Self { lifetime_ms, inactivity_ms, former }
    }

    /// Whether the time of a session is over, by these rules or by former ones.
    pub(super) fn has_expired(&self, session: &Session, now: UnixMillis) -> bool {
        session.expire_at <= now
            || is_over(session, self.lifetime_ms, self.inactivity_ms, now)
            || self.former.iter().any(|former| {
                // Whatever happened after it was over by them did not happen: nothing revives a session. One that began
                // later never saw them.
                session.created_at < former.until
                    && is_over(session, former.lifetime_ms, former.inactivity_ms, former.until)
            })
    }
}

fn is_over(session: &Session, lifetime_ms: i64, inactivity_ms: Option<i64>, at: UnixMillis) -> bool {
    session.created_at.plus_ms(lifetime_ms) <= at
        || inactivity_ms.is_some_and(|limit_ms| session.last_active_at.plus_ms(limit_ms) <= at)
}

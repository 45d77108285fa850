//! When sessions and their users were last active: gathered, and written many at a time.

use super::rows::activity_text;
use crate::db::Stmt;
use crate::{Scoped, StoreError};
use std::time::Instant;
use verger_core::session::Activity;
use verger_wire::{SessionId, UnixMillis, UserId};

/// That a session was used.
#[derive(Clone, Debug)]
pub struct SessionActivity {
    /// The session.
    pub session_id: SessionId,
    /// Its user.
    pub user_id: UserId,
    /// When it was last used.
    pub at: UnixMillis,
    /// Where from, if that is known.
    pub activity: Option<Activity>,
}

impl Scoped<'_> {
    /// Notes when sessions were last used. It is no change: no version moves, and no event tells of it. A session that is over
    /// by what is written down of it stays over: `idle_since` is the moment before which it must have been used last.
    ///
    /// # Errors
    /// The database does not answer; then nothing was noted.
    pub async fn note_activity(
        &self,
        used: &[SessionActivity],
        idle_since: Option<UnixMillis>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let mut statements = Vec::with_capacity(used.len() * 2);
        for session in used {
            statements.push(Stmt::new(
                "UPDATE sessions SET last_active_at = $3, activity = COALESCE($4, activity)
                 WHERE instance_id = $1 AND id = $2 AND ending IS NULL AND last_active_at < $3 AND last_active_at > $5",
                vec![
                    self.instance.as_str().into(),
                    session.session_id.as_str().into(),
                    session.at.into(),
                    session.activity.as_ref().map(activity_text).into(),
                    idle_since.map_or(i64::MIN, |at| at.0).into(),
                ],
            ));
            statements.push(Stmt::new(
                "UPDATE users SET last_active_at = $3
                 WHERE instance_id = $1 AND id = $2 AND COALESCE(last_active_at, 0) < $3",
                vec![self.instance.as_str().into(), session.user_id.as_str().into(), session.at.into()],
            ));
        }
        if statements.is_empty() { Ok(()) } else { self.store.batch(statements, deadline).await }
    }
}

//! Writes when sessions were used, every few seconds and many at a time, and what time does to sessions.

use crate::app::App;
use crate::engine::Engine;
use crate::error::Failure;
use crate::reasons::NOT_FOUND;
use crate::sessions::{Used, rules_of};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_store::{Instance, SessionActivity, StoreError};
use verger_wire::{InstanceId, SessionId};

/// How often it is written.
const WRITE_EVERY: Duration = Duration::from_secs(10);
/// How often sessions are looked for whose time is over. Nothing hangs on it: what a session is, is derived.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How often the server's closing is checked.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Sessions of one batch.
const BATCH_MAX: usize = 500;
/// Sessions that one step of the sweep ends.
const EXPIRED_MAX: i64 = 200;
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes what was gathered, and what time did to sessions, until the server closes.
pub(crate) async fn look_after_sessions(app: Arc<App>) {
    let (mut written, mut expired) = (Instant::now(), Instant::now());
    while !app.is_closing() {
        tokio::time::sleep(LOOK_EVERY).await;
        if written.elapsed() >= WRITE_EVERY {
            written = Instant::now();
            app.write_activities().await;
        }
        if expired.elapsed() >= EXPIRE_EVERY {
            expired = Instant::now();
            if let Err(failure) = expire(&app).await {
                warn_of(&failure);
            }
        }
    }
    app.write_activities().await;
}

impl App {
    /// Writes when sessions were last used. What cannot be written is forgotten: it is told again soon.
    pub async fn write_activities(&self) {
        for (instance, sessions) in self.activities.take() {
            if let Err(error) = self.write_activities_of(&instance, sessions).await {
                tracing::warn!(%error, "when sessions were last used could not be written");
            }
        }
    }

    async fn write_activities_of(
        &self,
        instance: &InstanceId,
        sessions: HashMap<SessionId, Used>,
    ) -> Result<(), StoreError> {
        let scoped = self.store.instance(instance);
        let rules = rules_of(&scoped.settings(Instant::now() + STORE_TIMEOUT).await?);
        // In an order, so that two servers do not wait for each other.
        let mut sessions: Vec<_> = sessions.into_iter().collect();
        sessions.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        // What is written of each takes more room than what is gathered: a batch at a time.
        let mut rest = sessions.into_iter().map(|(session_id, Used { user_id, at })| SessionActivity {
            session_id,
            user_id,
            at,
            activity: None,
        });
        loop {
            let batch: Vec<_> = rest.by_ref().take(BATCH_MAX).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let idle_since = rules.inactivity_ms.map(|limit_ms| self.now(instance).plus_ms(-limit_ms));
            scoped.note_activity(&batch, idle_since, Instant::now() + STORE_TIMEOUT).await?;
        }
    }
}

/// Writes down the ends of sessions whose time is over, with their events, and forgets what nobody can refresh any more.
async fn expire(app: &App) -> Result<(), Failure> {
    let deadline = || Instant::now() + STORE_TIMEOUT;
    for instance in app.store.instances(deadline()).await? {
        // What is wrong with one instance keeps no other from it.
        if let Err(failure) = expire_of(app, &instance).await {
            warn_of(&failure);
        }
    }
    while !app.is_closing() && app.store.forget_refreshed(app.clock.now(), deadline()).await? {}
    Ok(())
}

fn warn_of(failure: &Failure) {
    let cause = failure.cause().unwrap_or_default();
    tracing::warn!(error = cause, "sessions whose time is over could not be ended; will retry");
}

async fn expire_of(app: &App, instance: &Instance) -> Result<(), Failure> {
    while !app.is_closing() && expire_some(app, instance, Instant::now() + STORE_TIMEOUT).await? {}
    Ok(())
}

/// Ends some; whether there may be more.
async fn expire_some(app: &App, instance: &Instance, deadline: Instant) -> Result<bool, Failure> {
    let scoped = app.store.instance(&instance.id);
    let rules = rules_of(&scoped.settings(deadline).await?);
    let found = scoped.sessions_to_expire(&rules, app.now(&instance.id), EXPIRED_MAX, deadline).await?;
    let count = found.len();
    for session in found {
        let ended = Engine::of_job(app, &instance.id, deadline).expire_session(app, session.id, &rules).await;
        // It can have gone with its user since it was found.
        if let Err(failure) = ended
            && failure.reason() != Some(&NOT_FOUND)
        {
            return Err(failure);
        }
    }
    Ok(i64::try_from(count).unwrap_or(i64::MAX) >= EXPIRED_MAX)
}

//! The write of a request: its preconditions and preferences, and the events that it publishes.

use super::kept::Asked;
use super::run::Engine;
use crate::answer::Answer;
use crate::app::App;
use crate::call::KeyRequest;
use crate::context::Context;
use crate::error::Failure;
use crate::render;
use std::time::Instant;
use verger_core::{Consequence, Env, User, event};
use verger_store::{OutboxEvent, Scoped, Write};
use verger_wire::UnixMillis;

/// The write of a request.
pub(crate) struct Writing<'a> {
    pub(super) app: &'a App,
    pub(super) context: &'a Context,
    pub(super) engine: Engine<'a>,
}

impl<'a> Writing<'a> {
    pub(crate) fn of(call: &'a KeyRequest) -> Result<Self, Failure> {
        let headers = call.write_headers()?;
        let fingerprint = headers.idempotency_key.as_ref().map(|_| call.fingerprint());
        let (app, context) = (&*call.app, &call.context);
        let instance = &context.instance.id;
        let asked = Asked { headers, fingerprint, instance, keyring: &app.keyring, clock: &app.clock };
        let engine = Engine { asked: Some(asked), ..Engine::of_job(app, instance, context.deadline) };
        Ok(Self { app, context, engine })
    }

    /// Whether it is a dry run, which stores nothing.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.engine.is_dry_run()
    }

    /// Does `work` unless the same request was answered before, for what is no change of an aggregate.
    pub(crate) async fn replaying(
        &self,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        self.engine.replaying(work).await
    }

    /// Stores an answer without changes for its `Idempotency-Key`.
    pub(crate) async fn keep(&self, answer: Answer) -> Result<Answer, Failure> {
        self.engine.keep(answer, Write::at(self.app.clock.now())).await
    }

    pub(super) fn scoped(&self) -> Scoped<'_> {
        self.engine.scoped()
    }

    pub(super) fn deadline(&self) -> Instant {
        self.engine.deadline
    }

    /// The time of the instance.
    pub(super) fn now(&self) -> UnixMillis {
        self.app.now(&self.context.instance.id)
    }

    /// The events of a change of a user, rendered; none in a dry run.
    pub(super) fn events(
        &self,
        before: Option<&User>,
        after: Option<&User>,
        consequences: &[Consequence],
        env: &mut Env,
    ) -> Result<Vec<OutboxEvent>, Failure> {
        if self.is_dry_run() {
            return Ok(Vec::new());
        }
        let Some(user) = after.or(before) else { return Ok(Vec::new()) };
        // A deletion follows the last version.
        let user_version = if after.is_some() { user.version } else { user.version + 1 };
        event::between(before, after)
            .iter()
            .map(|event| {
                let id = env.event_id();
                let rendered = render::event(event, id.to_string(), env.now, consequences, self.context);
                let payload = rendered.and_then(|event| serde_json::to_string(&event));
                Ok(OutboxEvent {
                    id,
                    kind: event.kind.name().to_owned(),
                    user_id: user.id.clone(),
                    user_version,
                    created_at: env.now,
                    payload: payload.map_err(|error| Failure::Bug(error.to_string()))?,
                    sealed: None,
                })
            })
            .collect()
    }
}

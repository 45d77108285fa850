//! The write of a request: its preconditions and preferences, and the changes that it tells of.

use super::kept::Asked;
use super::run::Engine;
use crate::answer::Answer;
use crate::app::App;
use crate::call::KeyRequest;
use crate::changes::{Author, Stamp};
use crate::context::Context;
use crate::error::Failure;
use crate::instances::facts::InstanceFacts;
use std::sync::Arc;
use std::time::Instant;
use verger_core::{Consequence, Env, User};
use verger_store::{NewChange, Scoped, Write};
use verger_wire::UnixMillis;

/// The write of a request.
pub(crate) struct Writing<'a> {
    pub(super) app: &'a App,
    pub(super) context: &'a Context,
    pub(crate) engine: Engine<'a>,
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

    /// What there is to know of the instance.
    pub(super) async fn facts(&self) -> Result<Arc<InstanceFacts>, Failure> {
        self.app.instance_facts(&self.context.instance, self.deadline()).await
    }

    pub(super) fn scoped(&self) -> Scoped<'_> {
        self.engine.scoped()
    }

    pub(super) fn deadline(&self) -> Instant {
        self.engine.deadline
    }

    /// The time of the instance.
    pub(crate) fn now(&self) -> UnixMillis {
        self.app.now(&self.context.instance.id)
    }

    /// A stamp for one change that the request makes at `now`.
    pub(crate) fn stamp(&self, now: UnixMillis) -> Stamp {
        let mut env = self.app.env();
        env.now = now;
        Stamp::of(Author::of(self.context), &mut env)
    }

    /// The row of a change of a user; none in a dry run, or if there is nothing to tell of it.
    pub(super) fn told(
        &self,
        before: Option<&User>,
        after: Option<&User>,
        consequences: &[Consequence],
        env: &mut Env,
    ) -> Result<Option<NewChange>, Failure> {
        if self.is_dry_run() {
            return Ok(None);
        }
        let told = Stamp::of(Author::of(self.context), env).user(before, after, consequences);
        told.map_err(|error| Failure::Bug(error.to_string()))
    }
}

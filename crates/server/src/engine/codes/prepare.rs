//! Prepares a verification: creates a code, and queues the message that carries it.

use super::found::{code_write, of_kind};
use super::shown::Shown;
use crate::answer::Answer;
use crate::engine::precondition::Versions;
use crate::engine::run::{Command, Engine, Outcome};
use crate::engine::users::object_name;
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::limits::{self, SendingRefusal};
use crate::render;
use verger_core::verification::Prepared;
use verger_core::{IdentifierKind, Malformed, Refusal, TestNumbers};
use verger_store::{AggregateKey, Conflict, LoadedForCode, StoreError, Write};
use verger_wire::{IdentificationId, MessageId, UnixMillis};

struct PrepareCode<'a> {
    writing: &'a Writing<'a>,
    id: &'a IdentificationId,
    kind: IdentifierKind,
}

/// The answer, and what follows from a code once it is committed.
struct Queued {
    answer: Answer,
    shown: Option<Shown>,
}

impl Outcome for Queued {
    fn answer(&mut self) -> Option<&mut Answer> {
        Some(&mut self.answer)
    }

    fn replayed(answer: Answer) -> Self {
        Self { answer, shown: None }
    }
}

impl Writing<'_> {
    /// Creates a code and queues the message that carries it.
    pub(crate) async fn prepare_code(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
    ) -> Result<Answer, Failure> {
        let queued = self.engine.carry_out(&PrepareCode { writing: self, id, kind }).await?;
        if let Some(shown) = queued.shown.filter(|_| !queued.answer.is_dry_run) {
            metrics::counter!("verger_codes_prepared_total", "kind" => kind.as_str()).increment(1);
            self.hand_on(shown);
        }
        Ok(queued.answer)
    }
}

impl PrepareCode<'_> {
    fn prepare(&self, found: &LoadedForCode) -> (Result<Prepared, Refusal>, MessageId, UnixMillis) {
        let (app, instance) = (self.writing.app, &self.writing.context.instance.id);
        let mut env = app.env_of(instance);
        let digest = |binding: &str, code: &str| app.keyring.digest(instance.as_str(), binding, code);
        let user = &found.loaded.user;
        let prepared =
            user.prepare_verification(self.id, &found.window, &found.loaded.claims, digest, &mut env);
        (prepared, env.message_id(), env.now)
    }
}

impl Command for PrepareCode<'_> {
    type Found = LoadedForCode;
    type Outcome = Queued;

    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForCode, Failure> {
        let found = engine.scoped().load_for_code(self.id, engine.deadline).await?;
        of_kind(found, self.id, self.kind)
    }

    fn keys(&self, found: &LoadedForCode) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.loaded.user.id)]
    }

    fn versions(&self, found: &LoadedForCode) -> Versions {
        Versions::One(found.loaded.user.version)
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &LoadedForCode) -> Result<(Write, Queued), Failure> {
        let (prepared, message_id, now) = self.prepare(found);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => {
                self.writing.settle_window(found, self.id, now).await;
                return Err(refusal.into());
            }
        };
        let user = &prepared.change.user;
        let Some(held) = user.identification(self.id).cloned() else {
            return Err(Failure::not_found(object_name(self.kind)));
        };
        let mut write = code_write(found, &held, user.clone(), prepared.window.clone(), now);
        let mut letter = None;
        if prepared.is_test {
            if self.writing.context.test_numbers() == TestNumbers::Refused {
                let why = Malformed::Form("is a reserved test number; this instance is not in test mode");
                return Err(Refusal::Malformed { param: "phone_number", why }.into());
            }
        } else {
            let (message, made) = self.writing.message(&prepared, &held, message_id.clone(), now)?;
            write.counted = self.writing.charge(user, &held, &made, now).await?;
            let is_ours = message.is_some();
            write.messages.extend(message);
            let told = self.writing.message_told(&prepared, &held, &message_id, &made, is_ours, now)?;
            write.told.push(told);
            letter = Some(made);
        }
        let code = held.pending_code.as_ref().ok_or_else(|| Failure::Bug("no code was made".to_owned()))?;
        let answer = Answer::json(&render::verification_response(code, self.kind, code.status(now)))?;
        let shown = Some(Shown { prepared, held, id: message_id, letter, now });
        Ok((write, Queued { answer, shown }))
    }

    async fn refused(&self, _engine: &Engine<'_>, found: &LoadedForCode, failure: Failure) -> Failure {
        let now = self.writing.now();
        let refusal = match failure {
            Failure::Sending(refusal) => refusal,
            // Others were faster and used the limit up.
            Failure::Store(StoreError::Conflict(Conflict::LimitReached(scope))) => {
                let retry_after_seconds = limits::retry_after_seconds(scope, now);
                SendingRefusal::Limit { scope, retry_after_seconds }
            }
            failure => return failure,
        };
        let user = &found.loaded.user;
        if let Some(held) = user.identification(self.id) {
            self.writing.report_refusal(&refusal, user, held, now).await;
        }
        refusal.into()
    }
}

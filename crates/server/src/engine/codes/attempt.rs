//! Attempts a code: the attempt is counted and committed before the code is compared.

use super::found::{code_write, of_kind};
use crate::answer::Answer;
use crate::engine::precondition::Versions;
use crate::engine::run::{Begun, Command, Engine, Outcome};
use crate::engine::users::object_name;
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::render;
use verger_core::reasons::VERIFICATION_MISSING;
use verger_core::verification::Attempt;
use verger_core::{IdentifierKind, User, VerificationStatus, VerificationWindow};
use verger_http::reasons::malformed;
use verger_store::{AggregateKey, LoadedForCode, Write};
use verger_wire::{IdentificationId, VerificationId};

/// Which code is tried.
#[derive(Clone, Copy)]
struct Try<'a> {
    writing: &'a Writing<'a>,
    id: &'a IdentificationId,
    kind: IdentifierKind,
    tried: &'a VerificationId,
}

/// Counts a try.
struct CountTry<'a>(Try<'a>);

/// Accepts a right code whose try is counted.
struct AcceptCode<'a>(Try<'a>);

/// What comes of counting a try.
enum Counted {
    /// It is counted; this is what decides about the code now.
    Counts(Box<LoadedForCode>),
    /// There is nothing to count.
    Answered(Answer),
}

impl Outcome for Counted {
    fn answer(&mut self) -> Option<&mut Answer> {
        match self {
            Self::Counts(_) => None,
            Self::Answered(answer) => Some(answer),
        }
    }

    fn replayed(answer: Answer) -> Self {
        Self::Answered(answer)
    }
}

impl Writing<'_> {
    /// Attempts a code.
    pub(crate) async fn attempt_code(
        &self,
        id: &IdentificationId,
        kind: IdentifierKind,
        tried: &VerificationId,
        code: &str,
    ) -> Result<Answer, Failure> {
        if self.is_dry_run() {
            return Err(malformed(
                "A code cannot be tried without counting the try, so there is no dry run of it.",
            )
            .param("Prefer")
            .into());
        }
        let attempt = Try { writing: self, id, kind, tried };
        self.engine
            .replaying(async {
                let count = CountTry(attempt);
                // The turn is kept until the code is accepted.
                let (found, _turns) = match self.engine.begin(&count).await? {
                    Begun::Found(found, turns) => (found, turns),
                    Begun::Replayed(answer) => return Ok(answer),
                };
                let counted = match self.engine.decide(&count, found).await? {
                    Counted::Counts(counted) => *counted,
                    Counted::Answered(answer) => return Ok(answer),
                };
                self.try_counted(attempt, code, counted).await.map_err(Failure::after_counted_try)
            })
            .await
    }

    async fn try_counted(
        &self,
        attempt: Try<'_>,
        code: &str,
        counted: LoadedForCode,
    ) -> Result<Answer, Failure> {
        let (user, kind) = (&counted.loaded.user, attempt.kind);
        match self.matches(user, attempt.id, code) {
            Some(Some(true)) => {
                count_attempt(kind, "right");
                self.engine.decide(&AcceptCode(attempt), counted).await
            }
            matches => {
                count_attempt(kind, if matches == Some(None) { "lost_key" } else { "wrong" });
                self.refuse_code(user, attempt.id, kind, &counted.window).await
            }
        }
    }

    /// Whether it is the right code; `Some(None)` if the key it was digested with is lost, `None` if there is no code.
    fn matches(&self, user: &User, id: &IdentificationId, code: &str) -> Option<Option<bool>> {
        let (binding, stored) = user.code_binding(id)?;
        let matches = self.app.keyring.matches(self.context.instance.id.as_str(), &binding, code, stored);
        if matches.is_none() {
            tracing::error!(
                trace_id = &*self.context.trace_id.0,
                code_key_id = stored.key_id,
                "a code was digested with a key that is not in code_keys, and counts as wrong"
            );
        }
        Some(matches)
    }

    /// The attempt is already counted and stored; only metrics and log are left.
    async fn refuse_code(
        &self,
        user: &User,
        id: &IdentificationId,
        kind: IdentifierKind,
        window: &VerificationWindow,
    ) -> Result<Answer, Failure> {
        let now = self.app.now(&self.context.instance.id);
        let Some(verification) = user.identification(id).and_then(|held| held.pending_code.as_ref()) else {
            return Err(Failure::Bug("a counted code is gone".to_owned()));
        };
        let closed = window.closed_until(now).is_some();
        let status = if closed { VerificationStatus::Failed } else { verification.status(now) };
        if status == VerificationStatus::Failed {
            tracing::warn!(
                target: "verger::audit",
                trace_id = &*self.context.trace_id.0,
                instance_id = self.context.instance.id.as_str(),
                identification_id = id.as_str(),
                closed,
                "a verification failed after too many wrong codes"
            );
        }
        let answer = Answer::json(&render::verification_response(verification, kind, status))?;
        self.keep(answer).await
    }
}

impl Command for CountTry<'_> {
    type Found = LoadedForCode;
    type Outcome = Counted;

    /// Loads the user, with the verification that is attempted if it belongs to this identification.
    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForCode, Failure> {
        let Try { id, kind, tried, .. } = self.0;
        of_kind(engine.scoped().load_for_attempt(id, tried, engine.deadline).await?, id, kind)
    }

    fn keys(&self, found: &LoadedForCode) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.loaded.user.id)]
    }

    fn versions(&self, found: &LoadedForCode) -> Versions {
        Versions::One(found.loaded.user.version)
    }

    async fn decide(&self, engine: &Engine<'_>, found: &LoadedForCode) -> Result<(Write, Counted), Failure> {
        let Try { writing, id, kind, tried } = self.0;
        let verification = found.tried.as_ref().ok_or_else(|| Failure::from(&VERIFICATION_MISSING))?;
        let user = &found.loaded.user;
        let (attempt, now) = {
            let env = writing.app.env_of(engine.instance);
            let attempt = user.begin_attempt(id, verification, &found.window, &found.loaded.claims, &env)?;
            (attempt, env.now)
        };
        let (change, window) = match attempt {
            Attempt::Counted { change, window } => (change, window),
            Attempt::Ended(status) => {
                writing.settle_window(found, id, now).await;
                count_attempt(kind, "ended");
                let newest = user.identification(id).and_then(|held| held.pending_code.as_ref());
                let shown = newest.filter(|newest| newest.id == *tried).unwrap_or(verification);
                let answer = Answer::json(&render::verification_response(shown, kind, status))?;
                return Ok((Write::at(now), Counted::Answered(answer)));
            }
        };
        let Some(held) = change.user.identification(id) else {
            return Err(Failure::not_found(object_name(kind)));
        };
        let write = code_write(found, held, change.user.clone(), window.clone(), now);
        let mut counted = Box::new(found.clone());
        counted.loaded.user = change.user;
        counted.window = window;
        Ok((write, Counted::Counts(counted)))
    }
}

impl Command for AcceptCode<'_> {
    type Found = LoadedForCode;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<LoadedForCode, Failure> {
        let Try { id, kind, .. } = self.0;
        of_kind(engine.scoped().load_for_code(id, engine.deadline).await?, id, kind)
    }

    fn keys(&self, found: &LoadedForCode) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.loaded.user.id)]
    }

    /// It was compared when the try was counted, which moved the version.
    fn versions(&self, _found: &LoadedForCode) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &LoadedForCode) -> Result<(Write, Answer), Failure> {
        let Try { writing, id, kind, tried } = self.0;
        let user = &found.loaded.user;
        let newest = user.identification(id).and_then(|held| held.pending_code.as_ref());
        if newest.is_none_or(|newest| newest.id != *tried) {
            // The code was replaced or cancelled after the attempt was counted.
            let ended = engine.scoped().load_verification(id, tried, engine.deadline).await?;
            let ended = ended.ok_or_else(|| Failure::from(&VERIFICATION_MISSING))?;
            let shown = render::verification_response(&ended, kind, VerificationStatus::Expired);
            return Ok((Write::at(writing.app.clock.now()), Answer::json(&shown)?));
        }
        let mut env = writing.app.env_of(engine.instance);
        let (change, window) = user.accept_code(id, tried, &found.window, &found.loaded.claims, &env)?;
        let Some(held) = change.user.identification(id) else {
            return Err(Failure::not_found(object_name(kind)));
        };
        let mut write = code_write(found, held, change.user.clone(), window, env.now);
        write.counted.extend(writing.app.sending.verified(&held.identifier, env.now));
        write.told.extend(writing.told(Some(user), Some(&change.user), &change.consequences, &mut env)?);
        let Some(code) = &held.pending_code else {
            return Err(Failure::Bug("an accepted code is gone".to_owned()));
        };
        let mut answer =
            Answer::json(&render::verification_response(code, kind, VerificationStatus::Verified))?;
        answer.consequences = render::consequences(&change.consequences);
        Ok((write, answer))
    }
}

fn count_attempt(kind: IdentifierKind, result: &'static str) {
    metrics::counter!("verger_codes_tried_total", "kind" => kind.as_str(), "result" => result).increment(1);
}

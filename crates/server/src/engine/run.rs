//! The one loop of every write.

use super::kept::Asked;
use super::precondition::{self, Versions};
use crate::answer::Answer;
use crate::app::App;
use crate::changes::events_in_old_form;
use crate::error::Failure;
use crate::turns::{Queues, Turns};
use std::time::Instant;
use verger_core::event::is_told;
use verger_store::{AggregateKey, Conflict, Scoped, Store, StoreError, Write};
use verger_wire::InstanceId;

/// The surroundings of a write: store, instance and deadline, and the headers of its request.
pub(crate) struct Engine<'a> {
    pub(super) store: &'a Store,
    pub(super) instance: &'a InstanceId,
    pub(super) queues: &'a Queues,
    /// The server, which tells of changes; `None` on the command line.
    pub(super) app: Option<&'a App>,
    /// Until when a stale decision is made again.
    pub(super) deadline: Instant,
    /// `None` for jobs and the command line.
    pub(super) asked: Option<Asked<'a>>,
}

/// A decision about aggregates, from loading them to what is answered.
pub(super) trait Command: Sync {
    /// What it decides from.
    type Found: Send + Sync;
    /// What comes of it.
    type Outcome: Outcome;

    /// Loads what is decided about, in one state of the store.
    fn load(&self, engine: &Engine<'_>) -> impl Future<Output = Result<Self::Found, Failure>> + Send;

    /// The aggregates that it may change, in any order: their turns are waited for.
    fn keys(&self, found: &Self::Found) -> Vec<AggregateKey>;

    /// What the precondition of the request is compared with.
    fn versions(&self, found: &Self::Found) -> Versions;

    /// Decides: everything that there is to write, and what comes of it once it is written.
    fn decide(
        &self,
        engine: &Engine<'_>,
        found: &Self::Found,
    ) -> impl Future<Output = Result<(Write, Self::Outcome), Failure>> + Send;

    /// What a failure to decide or to save becomes.
    fn refused(
        &self,
        _engine: &Engine<'_>,
        _found: &Self::Found,
        failure: Failure,
    ) -> impl Future<Output = Failure> + Send {
        std::future::ready(failure)
    }
}

/// What comes of a write.
pub(crate) trait Outcome: Sized + Send {
    /// The answer to the request, if this is it: it is kept for the `Idempotency-Key`.
    fn answer(&mut self) -> Option<&mut Answer>;

    /// The outcome whose answer was given before, to a request with the same key.
    fn replayed(answer: Answer) -> Self;
}

impl Outcome for Answer {
    fn answer(&mut self) -> Option<&mut Answer> {
        Some(self)
    }

    fn replayed(answer: Answer) -> Self {
        answer
    }
}

/// Whether anything was changed. Of what no request asked for there is no answer to keep.
impl Outcome for bool {
    fn answer(&mut self) -> Option<&mut Answer> {
        None
    }

    fn replayed(_: Answer) -> Self {
        true
    }
}

/// A command that has its turn.
pub(super) enum Begun<'a, F> {
    /// What was found, as of when the turn came.
    Found(F, Turns<'a>),
    /// A request with the same key had the turn before: this is its answer.
    Replayed(Answer),
}

impl<'a> Engine<'a> {
    /// For what a running server does by itself.
    pub(crate) fn of_job(app: &'a App, instance: &'a InstanceId, deadline: Instant) -> Self {
        Self { store: &app.store, instance, queues: &app.queues, app: Some(app), deadline, asked: None }
    }

    /// For the command line, which is alone in its process.
    pub(crate) fn of_command(
        store: &'a Store,
        instance: &'a InstanceId,
        queues: &'a Queues,
        deadline: Instant,
    ) -> Self {
        Self { store, instance, queues, app: None, deadline, asked: None }
    }

    pub(super) fn scoped(&self) -> Scoped<'_> {
        self.store.instance(self.instance)
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.headers.dry_run)
    }

    /// Loads, waits for the turn, decides and saves.
    pub(super) async fn carry_out<C: Command>(&self, command: &C) -> Result<C::Outcome, Failure> {
        self.replaying(async {
            match self.begin(command).await? {
                Begun::Replayed(answer) => Ok(C::Outcome::replayed(answer)),
                Begun::Found(found, _turns) => self.decide(command, found).await,
            }
        })
        .await
    }

    /// Loads, and waits for the turn at everything that the command names.
    pub(super) async fn begin<C: Command>(&self, command: &C) -> Result<Begun<'_, C::Found>, Failure> {
        let found = command.load(self).await?;
        let turns = self.queues.turns(self.instance, command.keys(&found), self.deadline).await?;
        if !turns.waited() {
            return Ok(Begun::Found(found, turns));
        }
        match self.replay().await? {
            Some(answer) => Ok(Begun::Replayed(answer)),
            None => Ok(Begun::Found(command.load(self).await?, turns)),
        }
    }

    /// Decides and saves, again and again while what was found is stale.
    pub(super) async fn decide<C: Command>(
        &self,
        command: &C,
        mut found: C::Found,
    ) -> Result<C::Outcome, Failure> {
        loop {
            if let Some(asked) = &self.asked {
                precondition::check(&asked.headers, command.versions(&found))?;
            }
            let saved = match command.decide(self, &found).await {
                Ok((write, outcome)) => self.save(write, outcome).await,
                Err(failure) => Err(failure),
            };
            match saved {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(failure) => return Err(command.refused(self, &found, failure).await),
            }
            // The write that was first may be of a request with the same key: then its answer counts.
            if let Some(answer) = self.replay().await? {
                return Ok(C::Outcome::replayed(answer));
            }
            found = command.load(self).await?;
        }
    }

    /// Stores an answer without changes.
    pub(super) async fn keep(&self, answer: Answer, write: Write) -> Result<Answer, Failure> {
        let kept = self.save(write, answer).await?;
        kept.ok_or_else(|| Failure::Bug("an answer by itself was stale".to_owned()))
    }

    /// Saves a decision with its answer; `None` if an aggregate changed meanwhile and the decision must be made again.
    async fn save<T: Outcome>(&self, mut write: Write, mut outcome: T) -> Result<Option<T>, Failure> {
        if self.is_dry_run() {
            if let Some(answer) = outcome.answer() {
                answer.is_dry_run = true;
            }
            return Ok(Some(outcome));
        }
        if let (Some(asked), Some(answer)) = (&self.asked, outcome.answer()) {
            write.answer = asked.to_keep(answer)?;
        }
        if self.store.both_versions_until(self.deadline).await?.is_some() {
            self.tell_in_old_form(&mut write)?;
        }
        match self.scoped().save(&write, self.deadline).await {
            Ok(()) => {
                self.tell(&write);
                Ok(Some(outcome))
            }
            Err(StoreError::Conflict(Conflict::IdempotencyKeyUsed)) => {
                Ok(self.replay().await?.map(T::replayed))
            }
            Err(StoreError::Conflict(Conflict::Stale)) if Instant::now() < self.deadline => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes were committed: they are counted, and whoever reads them is told.
    fn tell(&self, write: &Write) {
        let Some(app) = self.app.filter(|_| !write.told.is_empty() || !write.events.is_empty()) else {
            return;
        };
        let told = write.told.iter().flat_map(|change| &change.events).filter(|event| is_told(&event.kind));
        metrics::counter!("verger_events_total").increment(u64::try_from(told.count()).unwrap_or(0));
        app.tell_of_changes(self.instance);
    }

    /// Tells of changes as the version before does, whose servers may serve the store beside this one.
    fn tell_in_old_form(&self, write: &mut Write) -> Result<(), Failure> {
        let told = std::mem::take(&mut write.told);
        // Commands change nothing that more than the trail is told of.
        let Some(app) = self.app else { return Ok(()) };
        let mut env = app.env();
        for change in &told {
            let events = events_in_old_form(&app.keyring, self.instance, change, &mut env);
            write
                .events
                .extend(events.ok_or_else(|| Failure::Bug("an event could not be sealed".to_owned()))?);
        }
        Ok(())
    }

    /// A request can be refused because of the changes of a concurrent one with the same key: then the answer of that one
    /// counts. It was stored in one transaction with its changes, so if the changes are visible the answer is too.
    pub(super) async fn replaying<T: Outcome>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if let Some(answer) = self.replay().await? {
            return Ok(T::replayed(answer));
        }
        match work.await {
            Ok(outcome) => Ok(outcome),
            Err(failure) => match self.replay().await {
                Ok(Some(answer)) => Ok(T::replayed(answer)),
                Ok(None) | Err(_) => Err(failure),
            },
        }
    }

    /// The stored answer to an earlier request with the same key.
    async fn replay(&self) -> Result<Option<Answer>, Failure> {
        let Some(asked) = &self.asked else { return Ok(None) };
        let Some((key, fingerprint)) = asked.replayable() else { return Ok(None) };
        let stored = self.scoped().stored_answer(key, self.deadline).await?;
        stored.map(|stored| asked.open(key, fingerprint, &stored)).transpose()
    }
}

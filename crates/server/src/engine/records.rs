//! Adding, changing and removing what an instance has a list of: entries of the allow-list and the block-list, redirect URLs,
//! invitations.

use super::precondition::Versions;
use super::run::{Command, Engine, Outcome};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use crate::reasons::{DUPLICATE_RECORD, INSTANCE_QUOTA};
use std::marker::PhantomData;
use std::time::Instant;
use verger_core::{AccessEntry, Invitation, RedirectUrl};
use verger_store::{
    AggregateKey, AggregateKind, AnyChange, Change, Conflict, Message, Scoped, StoreError, Write,
};
use verger_wire::{Refused, UnixMillis};

/// One of a list.
pub(crate) trait Record: Clone + Send + Sync {
    /// Its kind.
    const KIND: AggregateKind;
    /// What several of them are called.
    const NOUN: &'static str;
    /// The field that no two of them have in common.
    const UNIQUE: &'static str;
    /// How many there can be.
    const MAX: i64;

    /// The one with this id.
    fn find(
        scoped: Scoped<'_>,
        id: &str,
        deadline: Instant,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send;
}

impl Record for AccessEntry {
    const KIND: AggregateKind = AggregateKind::AccessEntry;
    const NOUN: &'static str = "entries of a list";
    const UNIQUE: &'static str = "identifier";
    const MAX: i64 = verger_core::access_list::ENTRIES_MAX;

    async fn find(scoped: Scoped<'_>, id: &str, deadline: Instant) -> Result<Option<Self>, StoreError> {
        scoped.access_entry(id, deadline).await
    }
}

impl Record for RedirectUrl {
    const KIND: AggregateKind = AggregateKind::RedirectUrl;
    const NOUN: &'static str = "redirect URLs";
    const UNIQUE: &'static str = "url";
    const MAX: i64 = verger_core::redirect_url::REDIRECT_URLS_MAX;

    async fn find(scoped: Scoped<'_>, id: &str, deadline: Instant) -> Result<Option<Self>, StoreError> {
        scoped.redirect_url(&id.into(), deadline).await
    }
}

impl Record for Invitation {
    const KIND: AggregateKind = AggregateKind::Invitation;
    const NOUN: &'static str = "open invitations";
    const UNIQUE: &'static str = "email_address";
    const MAX: i64 = verger_core::invitation::PENDING_MAX;

    async fn find(scoped: Scoped<'_>, id: &str, deadline: Instant) -> Result<Option<Self>, StoreError> {
        scoped.invitation(&id.into(), deadline).await
    }
}

/// What is added together, and what is said of it.
pub(crate) struct Addition {
    /// All of it or nothing.
    pub(crate) changes: Vec<AnyChange>,
    /// The emails of invitations, to queue with it.
    pub(crate) messages: Vec<Message>,
    /// The answer to the request.
    pub(crate) answer: Answer,
}

struct Add<'a, T> {
    addition: &'a Addition,
    now: UnixMillis,
    kind: PhantomData<fn() -> T>,
}

struct ChangeRecord<'a, D> {
    id: &'a str,
    now: UnixMillis,
    decide: D,
}

impl Writing<'_> {
    /// Adds something to a list of `T`.
    pub(crate) async fn add<T: Record>(&self, addition: &Addition) -> Result<Answer, Failure> {
        let now = self.now();
        let added = self.engine.carry_out(&Add::<T> { addition, now, kind: PhantomData }).await?;
        if added.is_new && !added.answer.is_dry_run {
            addition.messages.iter().try_for_each(|message| self.hand_on_invitation(message))?;
        }
        Ok(added.answer)
    }

    /// Changes or removes one of a list.
    pub(crate) async fn change_record<T: Record>(
        &self,
        id: &str,
        decide: impl Fn(&T, UnixMillis) -> Result<(Option<T>, Answer), Failure> + Send + Sync,
    ) -> Result<Answer, Failure>
    where
        Change<T>: Into<AnyChange>,
    {
        self.engine
            .carry_out(&ChangeRecord { id, now: self.now(), decide: Decide(decide, PhantomData) })
            .await
    }
}

/// A decision, with the type that it is about.
struct Decide<D, T>(D, PhantomData<fn(&T)>);

/// The answer to an addition.
struct Added {
    answer: Answer,
    /// It is not that of an earlier request with the same key.
    is_new: bool,
}

impl Outcome for Added {
    fn answer(&mut self) -> Option<&mut Answer> {
        Some(&mut self.answer)
    }

    fn replayed(answer: Answer) -> Self {
        Self { answer, is_new: false }
    }
}

impl<T: Record> Command for Add<'_, T> {
    type Found = ();
    type Outcome = Added;

    async fn load(&self, _engine: &Engine<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn keys(&self, _found: &()) -> Vec<AggregateKey> {
        Vec::new()
    }

    fn versions(&self, _found: &()) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, _found: &()) -> Result<(Write, Added), Failure> {
        let Addition { changes, messages, answer } = self.addition;
        let write = Write { changes: changes.clone(), messages: messages.clone(), ..Write::at(self.now) };
        Ok((write, Added { answer: answer.clone(), is_new: true }))
    }

    async fn refused(&self, _engine: &Engine<'_>, _found: &(), failure: Failure) -> Failure {
        match failure {
            Failure::Store(StoreError::Conflict(Conflict::Duplicate)) => {
                Refused::new(&DUPLICATE_RECORD).with("object", "an object").param(T::UNIQUE).into()
            }
            Failure::Store(StoreError::Conflict(Conflict::LimitReached(_))) => {
                Refused::new(&INSTANCE_QUOTA).with("max", T::MAX.to_string()).with("objects", T::NOUN).into()
            }
            failure => failure,
        }
    }
}

impl<T, D> Command for ChangeRecord<'_, Decide<D, T>>
where
    T: Record,
    Change<T>: Into<AnyChange>,
    D: Fn(&T, UnixMillis) -> Result<(Option<T>, Answer), Failure> + Send + Sync,
{
    type Found = T;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<T, Failure> {
        let found = T::find(engine.scoped(), self.id, engine.deadline).await?;
        found.ok_or_else(|| Failure::not_found(T::KIND.noun()))
    }

    fn keys(&self, _found: &T) -> Vec<AggregateKey> {
        vec![AggregateKey { kind: T::KIND, id: self.id.to_owned() }]
    }

    fn versions(&self, _found: &T) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &T) -> Result<(Write, Answer), Failure> {
        let (after, answer) = (self.decide.0)(found, self.now)?;
        let change = Change { before: Some(found.clone()), after };
        Ok((Write { changes: vec![change.into()], ..Write::at(self.now) }, answer))
    }
}

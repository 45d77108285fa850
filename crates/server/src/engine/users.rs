//! Changing one user, creating one, changing many.

use super::precondition::Versions;
use super::run::{Command, Engine};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use crate::instances::facts::InstanceFacts;
use crate::render;
use crate::secrets::seal_new;
use std::sync::Arc;
use verger_core::session::Ending;
use verger_core::user::NewUser;
use verger_core::{Change, Claims, Consequence, Env, IdentifierKind, Refusal, Session, User};
use verger_store::{AggregateKey, AnyChange, Loaded, Write};
use verger_wire::{IdentificationId, UnixMillis, UserId};

/// The user that a change is about, and which claims of others the decision needs.
pub(crate) enum Target<'a> {
    /// A user, with the claims of others on these identifiers.
    User(UserId, &'a [(IdentifierKind, String)]),
    /// The user who has this identification, with the claim of another user on the same identifier.
    Identification(IdentificationId, IdentifierKind),
}

/// The result of a command.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(crate) enum Decision {
    /// The next state of the user.
    Change(Change),
    /// The user is deleted.
    Deletion,
}

impl Writing<'_> {
    /// Loads one user, lets `decide` change it and saves it; again while the version is stale.
    pub(crate) async fn change(
        &self,
        target: Target<'_>,
        decide: impl Fn(&Loaded, &mut Env) -> Result<Decision, Refusal> + Send + Sync,
        render: impl Fn(&User, &Decision) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let never = None::<fn(&User) -> Option<Ending>>;
        self.change_signing_out(target, decide, never, render).await
    }

    /// Does the same, and ends all sessions of the user in the same write where `ending` is given and says so.
    pub(crate) async fn change_signing_out(
        &self,
        target: Target<'_>,
        decide: impl Fn(&Loaded, &mut Env) -> Result<Decision, Refusal> + Send + Sync,
        ending: Option<impl Fn(&User) -> Option<Ending> + Send + Sync>,
        render: impl Fn(&User, &Decision) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let signing_out = match ending {
            Some(ending) => Some((self.facts().await?, ending)),
            None => None,
        };
        self.engine.carry_out(&ChangeUser { writing: self, target, decide, signing_out, render }).await
    }

    /// Creates a user whose identifiers are not claimed by others.
    pub(crate) async fn create(
        &self,
        new: NewUser,
        texts: &[(IdentifierKind, String)],
        render: impl Fn(&User) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.carry_out(&CreateUser { writing: self, new, texts, render }).await
    }

    /// Changes several users atomically; where `ending` is given, their sessions end so.
    pub(crate) async fn change_many(
        &self,
        ids: &[UserId],
        ending: Option<Ending>,
        decide: impl Fn(&User, &mut Env) -> Change + Send + Sync,
        render: impl Fn(&[User]) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let signing_out = match ending {
            Some(ending) => Some((self.facts().await?, ending)),
            None => None,
        };
        self.engine.carry_out(&ChangeUsers { writing: self, ids, signing_out, decide, render }).await
    }
}

struct ChangeUser<'a, D, E, R> {
    writing: &'a Writing<'a>,
    target: Target<'a>,
    decide: D,
    signing_out: Option<(Arc<InstanceFacts>, E)>,
    render: R,
}

impl<D, E, R> Command for ChangeUser<'_, D, E, R>
where
    D: Fn(&Loaded, &mut Env) -> Result<Decision, Refusal> + Send + Sync,
    E: Fn(&User) -> Option<Ending> + Send + Sync,
    R: Fn(&User, &Decision) -> Result<Answer, Failure> + Send + Sync,
{
    /// The user, and its open sessions if they may end.
    type Found = (Loaded, Vec<Session>);
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<Self::Found, Failure> {
        let loaded = self.target.load(engine).await?;
        let sessions = match self.signing_out {
            Some(_) => {
                let users = std::slice::from_ref(&loaded.user.id);
                engine.scoped().open_sessions_of(users, engine.deadline).await?
            }
            None => Vec::new(),
        };
        Ok((loaded, sessions))
    }

    fn keys(&self, (found, _): &Self::Found) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.user.id)]
    }

    fn versions(&self, (found, _): &Self::Found) -> Versions {
        Versions::One(found.user.version)
    }

    async fn decide(&self, engine: &Engine<'_>, found: &Self::Found) -> Result<(Write, Answer), Failure> {
        let (mut write, answer, decision) = self.decide_alone(engine, found)?;
        if matches!(decision, Decision::Deletion) {
            write.changes.extend(forgetting(engine, &found.0.user.id, write.decided_at).await?);
        }
        Ok((write, answer))
    }
}

impl<D, E, R> ChangeUser<'_, D, E, R>
where
    D: Fn(&Loaded, &mut Env) -> Result<Decision, Refusal> + Send + Sync,
    E: Fn(&User) -> Option<Ending> + Send + Sync,
    R: Fn(&User, &Decision) -> Result<Answer, Failure> + Send + Sync,
{
    /// What follows from the user and its sessions alone.
    fn decide_alone(
        &self,
        engine: &Engine<'_>,
        (found, sessions): &(Loaded, Vec<Session>),
    ) -> Result<(Write, Answer, Decision), Failure> {
        let mut env = self.writing.app.env_of(engine.instance);
        let decision = (self.decide)(found, &mut env)?;
        let (after, consequences) = decision.outcome();
        let mut answer = (self.render)(&found.user, &decision)?;
        answer.consequences = render::consequences(consequences);
        let mut write = Write::at(env.now);
        write.told.extend(self.writing.told(Some(&found.user), after, consequences, &mut env)?);
        if let Decision::Change(change) = &decision {
            write.secrets.extend(seal_new(&self.writing.app.keyring, &change.user.id, &change.secrets)?);
            let reopened = change.reopened.iter();
            write.reopened.extend(reopened.map(|factor| (change.user.id.clone(), *factor)));
        }
        if let Some((facts, ending)) = &self.signing_out
            && let Some(ending) = ending(&found.user)
        {
            let user = after.unwrap_or(&found.user);
            self.writing.end_all(&mut write, sessions, user, (ending, &facts.settings), &mut env)?;
        }
        if after != Some(&found.user) {
            let (before, after) = (Some(found.user.clone()), after.cloned());
            write.changes.push(verger_store::Change { before, after }.into());
        }
        Ok((write, answer, decision))
    }
}

/// What it takes that no client remembers a session of a user who is deleted.
async fn forgetting(engine: &Engine<'_>, user: &UserId, now: UnixMillis) -> Result<Vec<AnyChange>, Failure> {
    let (clients, gone) = engine.scoped().clients_remembering(user, engine.deadline).await?;
    let changed = clients.into_iter().map(|before| {
        let after = before.forgetting(&gone, now);
        verger_store::Change::update(before, after)
    });
    Ok(changed.filter(|change| change.before != change.after).map(Into::into).collect())
}

struct CreateUser<'a, R> {
    writing: &'a Writing<'a>,
    new: NewUser,
    texts: &'a [(IdentifierKind, String)],
    render: R,
}

impl<R> Command for CreateUser<'_, R>
where
    R: Fn(&User) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = Claims;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<Claims, Failure> {
        Ok(engine.scoped().load_claims(self.texts, engine.deadline).await?)
    }

    fn keys(&self, _found: &Claims) -> Vec<AggregateKey> {
        Vec::new()
    }

    fn versions(&self, _found: &Claims) -> Versions {
        Versions::Nothing
    }

    async fn decide(&self, engine: &Engine<'_>, found: &Claims) -> Result<(Write, Answer), Failure> {
        let mut env = self.writing.app.env_of(engine.instance);
        let Change { user, secrets, .. } = User::create(self.new.clone(), found, &mut env)?;
        let mut write = Write::at(env.now);
        write.told.extend(self.writing.told(None, Some(&user), &[], &mut env)?);
        write.secrets.extend(seal_new(&self.writing.app.keyring, &user.id, &secrets)?);
        let answer = (self.render)(&user)?;
        write.changes.push(verger_store::Change { before: None, after: Some(user) }.into());
        Ok((write, answer))
    }
}

struct ChangeUsers<'a, D, R> {
    writing: &'a Writing<'a>,
    ids: &'a [UserId],
    signing_out: Option<(Arc<InstanceFacts>, Ending)>,
    decide: D,
    render: R,
}

impl<D, R> Command for ChangeUsers<'_, D, R>
where
    D: Fn(&User, &mut Env) -> Change + Send + Sync,
    R: Fn(&[User]) -> Result<Answer, Failure> + Send + Sync,
{
    /// The users, and their open sessions if those end.
    type Found = (Vec<User>, Vec<Session>);
    type Outcome = Answer;

    /// A request that names an unknown user must not wait for others: it is refused here.
    async fn load(&self, engine: &Engine<'_>) -> Result<Self::Found, Failure> {
        let users = engine.scoped().load_users(self.ids, engine.deadline).await?;
        if users.len() != self.ids.len() {
            return Err(Failure::not_found("user"));
        }
        let ids = if self.signing_out.is_some() { self.ids } else { &[] };
        Ok((users, engine.scoped().open_sessions_of(ids, engine.deadline).await?))
    }

    fn keys(&self, _found: &Self::Found) -> Vec<AggregateKey> {
        self.ids.iter().map(AggregateKey::user).collect()
    }

    fn versions(&self, _found: &Self::Found) -> Versions {
        Versions::Many
    }

    async fn decide(
        &self,
        engine: &Engine<'_>,
        (found, sessions): &Self::Found,
    ) -> Result<(Write, Answer), Failure> {
        let mut after = Vec::with_capacity(found.len());
        let mut env = self.writing.app.env_of(engine.instance);
        let mut write = Write::at(env.now);
        for user in found {
            let change = (self.decide)(user, &mut env);
            let consequences = &change.consequences;
            write.told.extend(self.writing.told(Some(user), Some(&change.user), consequences, &mut env)?);
            if let Some((facts, ending)) = &self.signing_out {
                let ending = (*ending, &facts.settings);
                self.writing.end_all(&mut write, sessions, &change.user, ending, &mut env)?;
            }
            after.push(change.user.clone());
            write.changes.push(verger_store::Change::update(user.clone(), change.user).into());
        }
        Ok((write, (self.render)(&after)?))
    }
}

impl Target<'_> {
    pub(super) async fn load(&self, engine: &Engine<'_>) -> Result<Loaded, Failure> {
        match self {
            Self::User(id, texts) => {
                let loaded = engine.scoped().load_for_change(id, texts, engine.deadline).await?;
                loaded.ok_or_else(|| Failure::not_found("user"))
            }
            Self::Identification(id, kind) => {
                let loaded = engine.scoped().load_for_identification_change(id, engine.deadline).await?;
                // An id of another kind does not exist here (contract section 2).
                let is_of_kind = |loaded: &Loaded| {
                    loaded.user.identification(id).is_some_and(|held| held.identifier.kind() == *kind)
                };
                loaded.filter(is_of_kind).ok_or_else(|| Failure::not_found(object_name(*kind)))
            }
        }
    }
}

impl Decision {
    pub(super) fn outcome(&self) -> (Option<&User>, &[Consequence]) {
        match self {
            Self::Change(change) => (Some(&change.user), &change.consequences),
            Self::Deletion => (None, &[]),
        }
    }
}

/// The name of an object in an error.
pub(crate) fn object_name(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::PhoneNumber => "phone number",
        IdentifierKind::EmailAddress => "email address",
        IdentifierKind::Username => "username",
        IdentifierKind::ExternalId => "external id",
    }
}

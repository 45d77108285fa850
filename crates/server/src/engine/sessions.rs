//! Beginning sessions and ending them, alone or with a change of their user.

use super::precondition::Versions;
use super::run::{Command, Engine};
use super::writing::Writing;
use crate::answer::Answer;
use crate::app::App;
use crate::changes::{Author, SessionChange, Stamp};
use crate::error::Failure;
use crate::instances::facts::InstanceFacts;
use crate::reasons::SESSION_USER_BANNED;
use crate::sessions::rules_of;
use std::sync::Arc;
use verger_core::client::{Clocks, SecretDigest};
use verger_core::session::{Ending, NewSession, Origin, Proofs, SessionRules};
use verger_core::{Client, Env, Session, Settings, User};
use verger_store::{AggregateKey, Change, NewChange, SignedIn, Write};
use verger_wire::{SessionId, UserId};

/// A session together with its user.
pub(super) struct Found {
    session: Session,
    /// `None`: deleted at this moment.
    user: Option<User>,
}

impl Writing<'_> {
    /// Begins a session of a user without a sign-in, on a client of its own. Nobody ever knows the secret of that client.
    pub(crate) async fn begin_session(
        &self,
        user_id: UserId,
        render: impl Fn(&Session, &User, &Settings) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let settings = self.facts().await?;
        self.engine.carry_out(&BeginSession { writing: self, user_id, settings, render }).await
    }

    /// Ends a session as revoked. One that is over stays as it is.
    pub(crate) async fn revoke_session(
        &self,
        id: SessionId,
        render: impl Fn(&Session, Option<&User>, &Settings) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let settings = self.facts().await?;
        self.engine.carry_out(&RevokeSession { writing: self, id, settings, render }).await
    }

    /// The row of a change of a session; none in a dry run, or if there is nothing to tell of it.
    fn told_of_session(
        &self,
        change: SessionChange<'_>,
        env: &mut Env,
    ) -> Result<Option<NewChange>, Failure> {
        if self.is_dry_run() {
            return Ok(None);
        }
        let told = Stamp::of(Author::of(self.context), env).session(change);
        told.map_err(|error| Failure::Bug(error.to_string()))
    }

    /// Adds to a write that the open sessions of a user end, with their events.
    pub(super) fn end_all(
        &self,
        write: &mut Write,
        sessions: &[Session],
        user: &User,
        (ending, settings): (Ending, &Settings),
        env: &mut Env,
    ) -> Result<(), Failure> {
        let rules = rules_of(settings);
        for before in sessions.iter().filter(|session| session.user_id == user.id) {
            // Of one whose time is over nobody wrote that down yet.
            let after = before.end(ending, &rules, env.now).ok().or_else(|| before.expire(&rules, env.now));
            let Some(after) = after else { continue };
            let change = SessionChange { before: Some(before), after: &after, user, settings };
            write.told.extend(self.told_of_session(change, env)?);
            write.changes.push(Change::update(before.clone(), after).into());
        }
        write.signed_out.push(user.id.clone());
        Ok(())
    }
}

impl Engine<'_> {
    /// Writes down that the time of a session is over; `false` if it is not.
    pub(crate) async fn expire_session(
        &self,
        app: &App,
        id: SessionId,
        rules: &SessionRules,
    ) -> Result<bool, Failure> {
        let settings = self.scoped().settings(self.deadline).await?;
        self.carry_out(&ExpireSession { app, id, rules, settings }).await
    }

    async fn session_with_user(&self, id: &SessionId) -> Result<Found, Failure> {
        let found = self.scoped().session(id, self.deadline).await?;
        let session = found.ok_or_else(|| Failure::not_found("session"))?;
        let user = self.scoped().load_user(&session.user_id, self.deadline).await?;
        Ok(Found { session, user })
    }
}

struct BeginSession<'a, R> {
    writing: &'a Writing<'a>,
    user_id: UserId,
    settings: Arc<InstanceFacts>,
    render: R,
}

impl<R> Command for BeginSession<'_, R>
where
    R: Fn(&Session, &User, &Settings) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = User;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<User, Failure> {
        let found = engine.scoped().load_user(&self.user_id, engine.deadline).await?;
        found.ok_or_else(|| Failure::not_found("user"))
    }

    fn keys(&self, found: &User) -> Vec<AggregateKey> {
        vec![AggregateKey::user(&found.id)]
    }

    fn versions(&self, _found: &User) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &User) -> Result<(Write, Answer), Failure> {
        if found.banned_at.is_some() {
            return Err((&SESSION_USER_BANNED).into());
        }
        let settings = &self.settings.settings;
        let mut env = self.writing.app.env_of(engine.instance);
        let clocks = Clocks { now: env.now, real: self.writing.app.clock.now() };
        let secret = verger_credentials::token::TokenKind::ClientSecret.token(env.bytes());
        let digest = verger_credentials::token::TokenKind::ClientSecret.lookup(&secret);
        let digest = digest.ok_or_else(|| Failure::Bug("a new secret has no digest".to_owned()))?;
        let client = Client::create(env.client_id(), SecretDigest(digest), clocks);
        let new = NewSession {
            id: env.session_id(),
            user_id: found.id.clone(),
            client_id: client.id.clone(),
            origin: Origin::BackendApi,
            second_factor_demanded: found.two_factor_enabled(),
            proofs: Proofs::default(),
            activity: None,
            life_ms_max: None,
        };
        let session = Session::begin(new, &rules_of(settings), env.now)
            .map_err(|unproved| Failure::Bug(format!("{unproved:?} without a sign-in")))?;
        let client = client.activated(session.id.clone(), env.now);
        let mut write = Write::at(env.now);
        // As the user is behind it.
        let user = User {
            last_sign_in_at: Some(env.now),
            last_active_at: found.last_active_at.max(Some(env.now)),
            ..found.clone()
        };
        let change = SessionChange { before: None, after: &session, user: &user, settings };
        write.told.extend(self.writing.told_of_session(change, &mut env)?);
        write.signed_in = Some(SignedIn { user_id: found.id.clone(), version: found.version, at: env.now });
        let answer = (self.render)(&session, found, settings)?;
        write.changes.push(Change { before: None, after: Some(client) }.into());
        write.changes.push(Change { before: None, after: Some(session) }.into());
        Ok((write, answer))
    }
}

struct RevokeSession<'a, R> {
    writing: &'a Writing<'a>,
    id: SessionId,
    settings: Arc<InstanceFacts>,
    render: R,
}

impl<R> Command for RevokeSession<'_, R>
where
    R: Fn(&Session, Option<&User>, &Settings) -> Result<Answer, Failure> + Send + Sync,
{
    type Found = Found;
    type Outcome = Answer;

    async fn load(&self, engine: &Engine<'_>) -> Result<Found, Failure> {
        engine.session_with_user(&self.id).await
    }

    fn keys(&self, found: &Found) -> Vec<AggregateKey> {
        vec![AggregateKey::session(&found.session.id)]
    }

    fn versions(&self, _found: &Found) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &Found) -> Result<(Write, Answer), Failure> {
        let Found { session: before, user } = found;
        let settings = &self.settings.settings;
        let rules = rules_of(settings);
        let mut env = self.writing.app.env_of(engine.instance);
        let mut write = Write::at(env.now);
        let ended = before.end(Ending::Revoked, &rules, env.now).ok();
        let Some(after) = ended.or_else(|| before.expire(&rules, env.now)) else {
            return Ok((write, (self.render)(before, user.as_ref(), settings)?));
        };
        if let Some(user) = user {
            let change = SessionChange { before: Some(before), after: &after, user, settings };
            write.told.extend(self.writing.told_of_session(change, &mut env)?);
        }
        let answer = (self.render)(&after, user.as_ref(), settings)?;
        write.changes.push(Change::update(before.clone(), after).into());
        Ok((write, answer))
    }
}

struct ExpireSession<'a> {
    app: &'a App,
    id: SessionId,
    rules: &'a SessionRules,
    settings: Settings,
}

impl Command for ExpireSession<'_> {
    type Found = Found;
    type Outcome = bool;

    async fn load(&self, engine: &Engine<'_>) -> Result<Found, Failure> {
        engine.session_with_user(&self.id).await
    }

    fn keys(&self, found: &Found) -> Vec<AggregateKey> {
        vec![AggregateKey::session(&found.session.id)]
    }

    fn versions(&self, _found: &Found) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, engine: &Engine<'_>, found: &Found) -> Result<(Write, bool), Failure> {
        let mut env = self.app.env_of(engine.instance);
        let mut write = Write::at(env.now);
        let before = &found.session;
        let Some(after) = before.expire(self.rules, env.now) else { return Ok((write, false)) };
        if let Some(user) = &found.user {
            let change =
                SessionChange { before: Some(before), after: &after, user, settings: &self.settings };
            let told = Stamp::of(Author::server(), &mut env).session(change);
            write.told.extend(told.map_err(|error| Failure::Bug(error.to_string()))?);
        }
        write.changes.push(Change::update(before.clone(), after).into());
        Ok((write, true))
    }
}

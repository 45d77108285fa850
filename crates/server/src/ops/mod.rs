//! Load, decide, save: no HTTP, no SQL.
//!
//! A decision that meets a newer version of its user is made again from what is there now, until the deadline; so that
//! of requests that arrive together each gets its own answer (contract section 4, rule 11).

mod codes;

pub(crate) use codes::Letter;

use crate::answer::Answer;
use crate::app::App;
use crate::call::KeyRequest;
use crate::context::Context;
use crate::error::Failure;
use crate::http_reasons::{IDEMPOTENCY_KEY_REUSED, PRECONDITION_FAILED};
use crate::limits;
use crate::limits::SendingRefusal;
use crate::render;
use std::time::Instant;
use verger_core::user::NewUser;
use verger_core::{Change, Claims, Consequence, Env, IdentifierKind, Refusal, User, event};
use verger_http::headers::{IfMatch, WriteHeaders, entity_tag};
use verger_store::Change as UserChange;
use verger_store::{AnyChange, Conflict, Loaded, OutboxEvent, Scoped, StoreError, StoredAnswer, Write};
use verger_wire::{IdentificationId, UserId};

/// Which user a change is about, and what must be known of others to decide.
pub(crate) enum Target<'a> {
    /// A user, with what others hold of these texts.
    User(UserId, &'a [(IdentifierKind, String)]),
    /// The user who has this identification, with whether another holds the same text.
    Identification(IdentificationId, IdentifierKind),
}

/// What a command leads to.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(crate) enum Decision {
    /// The next state of the user.
    Change(Change),
    /// The user is gone.
    Deletion,
}

/// How a request wants to be carried out.
pub(crate) struct Writing<'a> {
    app: &'a App,
    context: &'a Context,
    headers: WriteHeaders,
    fingerprint: Option<String>,
}

impl<'a> Writing<'a> {
    /// Whether nothing may be stored.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.headers.dry_run
    }

    pub(crate) fn of(call: &'a KeyRequest) -> Result<Self, Failure> {
        let headers = call.write_headers()?;
        let fingerprint = headers.idempotency_key.as_ref().map(|_| call.fingerprint());
        Ok(Self { app: &call.app, context: &call.context, headers, fingerprint })
    }

    fn scoped(&self) -> Scoped<'_> {
        self.app.store.instance(&self.context.instance.id)
    }

    fn deadline(&self) -> Instant {
        self.context.deadline
    }

    /// Changes one user.
    pub(crate) async fn change(
        &self,
        target: Target<'_>,
        decide: impl Fn(&Loaded, &mut Env) -> Result<Decision, Refusal>,
        render: impl Fn(&User, &Decision) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        self.replaying(async {
            let mut loaded = self.load(&target).await?;
            let turn = self.app.turn(&self.context.instance.id, &loaded.user.id, self.deadline()).await?;
            if turn.waited {
                loaded = self.load(&target).await?;
            }
            loop {
                self.check_precondition(Some(loaded.user.version))?;
                let (decision, events) = {
                    let mut env = self.app.env_of(&self.context.instance.id);
                    let decision = decide(&loaded, &mut env)?;
                    let (after, consequences) = decision.outcome();
                    let events = self.events(Some(&loaded.user), after, consequences, &mut env)?;
                    (decision, events)
                };
                let (after, consequences) = decision.outcome();
                let mut answer = render(&loaded.user, &decision)?;
                answer.consequences = render::consequences(consequences);
                if after == Some(&loaded.user) && self.headers.idempotency_key.is_none() {
                    answer.is_dry_run = self.headers.dry_run;
                    return Ok(answer);
                }
                let changes =
                    vec![UserChange { before: Some(loaded.user.clone()), after: after.cloned() }.into()];
                match self.save(changes, events, answer).await? {
                    Some(answer) => return Ok(answer),
                    None => loaded = self.load(&target).await?,
                }
            }
        })
        .await
    }

    /// Creates a user.
    pub(crate) async fn create(
        &self,
        new: NewUser,
        texts: &[(IdentifierKind, String)],
        render: impl Fn(&User) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        self.replaying(async {
            self.check_precondition(None)?;
            let claims: Claims = self.scoped().load_claims(texts, self.deadline()).await?;
            let (change, events) = {
                let mut env = self.app.env_of(&self.context.instance.id);
                let change = User::create(new, &claims, &mut env)?;
                let events = self.events(None, Some(&change.user), &[], &mut env)?;
                (change, events)
            };
            let answer = render(&change.user)?;
            let changes = vec![UserChange { before: None, after: Some(change.user) }.into()];
            self.save(changes, events, answer)
                .await?
                .ok_or_else(|| Failure::Bug("a new user was there already".to_owned()))
        })
        .await
    }

    /// Changes several users, all or none.
    pub(crate) async fn change_many(
        &self,
        ids: &[UserId],
        decide: impl Fn(&User, &mut Env) -> Change,
        render: impl Fn(&[User]) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        self.replaying(async {
            // Whoever names a user that does not exist waits for nobody.
            if self.scoped().load_users(ids, self.deadline()).await?.len() != ids.len() {
                return Err(Failure::not_found("user"));
            }
            // Many users have no one version; `*` asks for no more than that they exist.
            if self.headers.if_match.as_ref().is_some_and(|tags| !matches!(tags, IfMatch::Any)) {
                return Err((&PRECONDITION_FAILED).into());
            }
            if matches!(self.headers.if_none_match, Some(IfMatch::Any)) {
                return Err((&PRECONDITION_FAILED).into());
            }
            // In the order of their ids, so that two such requests never wait for each other.
            let mut in_order: Vec<&UserId> = ids.iter().collect();
            in_order.sort_unstable();
            let mut turns = Vec::with_capacity(ids.len());
            for id in in_order {
                turns.push(self.app.turn(&self.context.instance.id, id, self.deadline()).await?);
            }
            loop {
                let before = self.scoped().load_users(ids, self.deadline()).await?;
                if before.len() != ids.len() {
                    return Err(Failure::not_found("user"));
                }
                let mut writes = Vec::with_capacity(ids.len());
                let mut events = Vec::new();
                let mut after = Vec::with_capacity(ids.len());
                {
                    let mut env = self.app.env_of(&self.context.instance.id);
                    for user in before {
                        let change = decide(&user, &mut env);
                        events.extend(self.events(
                            Some(&user),
                            Some(&change.user),
                            &change.consequences,
                            &mut env,
                        )?);
                        after.push(change.user.clone());
                        writes.push(UserChange::update(user, change.user).into());
                    }
                }
                if let Some(answer) = self.save(writes, events, render(&after)?).await? {
                    return Ok(answer);
                }
            }
        })
        .await
    }

    async fn load(&self, target: &Target<'_>) -> Result<Loaded, Failure> {
        let loaded = match target {
            Target::User(id, texts) => self
                .scoped()
                .load_for_change(id, texts, self.deadline())
                .await?
                .ok_or_else(|| Failure::not_found("user"))?,
            Target::Identification(id, kind) => {
                let missing = || Failure::not_found(object_name(*kind));
                let loaded = self
                    .scoped()
                    .load_for_identification_change(id, self.deadline())
                    .await?
                    .ok_or_else(missing)?;
                // An id of another kind does not exist here (contract section 2).
                let held = loaded.user.identification(id).filter(|held| held.identifier.kind() == *kind);
                held.ok_or_else(missing)?;
                loaded
            }
        };
        Ok(loaded)
    }

    fn check_precondition(&self, version: Option<i64>) -> Result<(), Failure> {
        let tag = version.map(entity_tag);
        let refuses = |tags: &IfMatch| tag.as_deref().is_some_and(|tag| tags.matches_weakly(tag));
        if self.headers.if_none_match.as_ref().is_some_and(refuses) {
            return Err((&PRECONDITION_FAILED).into());
        }
        let Some(if_match) = &self.headers.if_match else { return Ok(()) };
        match version {
            Some(version) if if_match.matches(&entity_tag(version)) => Ok(()),
            _ => Err((&PRECONDITION_FAILED).into()),
        }
    }

    /// Writes a decision and gives its answer; `None` if a user changed meanwhile and it must be made again.
    async fn save(
        &self,
        changes: Vec<AnyChange>,
        events: Vec<OutboxEvent>,
        answer: Answer,
    ) -> Result<Option<Answer>, Failure> {
        let now = self.app.now(&self.context.instance.id);
        self.save_write(Write { changes, events, ..Write::at(now) }, answer).await
    }

    async fn save_write(&self, mut write: Write, mut answer: Answer) -> Result<Option<Answer>, Failure> {
        if self.headers.dry_run {
            answer.is_dry_run = true;
            return Ok(Some(answer));
        }
        write.answer = self.to_keep(&answer)?;
        match self.scoped().save(&write, self.deadline()).await {
            Ok(()) => {
                if !write.events.is_empty() {
                    self.app.new_event.notify_one();
                }
                Ok(Some(answer))
            }
            Err(StoreError::Conflict(Conflict::LimitReached(scope))) => {
                let now = self.app.now(&self.context.instance.id);
                let retry_after_seconds = limits::retry_after_seconds(scope, now);
                Err(SendingRefusal::Limit { scope, retry_after_seconds }.into())
            }
            Err(StoreError::Conflict(Conflict::IdempotencyKeyUsed)) => self.replay().await,
            Err(StoreError::Conflict(Conflict::Stale)) if Instant::now() < self.deadline() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is kept of an answer for the `Idempotency-Key` of its request; to be written in one batch with what it did.
    pub(crate) fn to_keep(&self, answer: &Answer) -> Result<Option<StoredAnswer>, Failure> {
        let (Some(key), Some(fingerprint)) = (&self.headers.idempotency_key, &self.fingerprint) else {
            return Ok(None);
        };
        let keyring = &self.app.keyring;
        let mut answer = answer.clone();
        if answer.is_sealed {
            let cannot = || Failure::Bug("an answer could not be sealed".to_owned());
            answer.body = keyring.seal(&self.seal_of(key), &answer.body).ok_or_else(cannot)?;
        }
        Ok(Some(StoredAnswer {
            idempotency_key: key.clone(),
            fingerprint: keyring.sign_fingerprint(self.context.instance.id.as_str(), fingerprint),
            response: serde_json::to_string(&answer).map_err(|error| Failure::Bug(error.to_string()))?,
            created_at: self.app.clock.now(),
        }))
    }

    fn seal_of(&self, key: &str) -> String {
        format!("answer in {} to {key}", self.context.instance.id)
    }

    /// Writes what comes before an answer; `false` if it must be decided again.
    async fn save_unanswered(&self, write: Write) -> Result<bool, Failure> {
        match self.scoped().save(&write, self.deadline()).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::Stale)) if Instant::now() < self.deadline() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A request can be refused because of what another with the same key did meanwhile: then the answer of that one
    /// counts. It was stored in one transaction with what it did, so whoever sees the one finds the other.
    pub(crate) async fn replaying(
        &self,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        if let Some(answer) = self.replay().await? {
            return Ok(answer);
        }
        match work.await {
            Ok(answer) => Ok(answer),
            Err(failure) => match self.replay().await {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) | Err(_) => Err(failure),
            },
        }
    }

    /// The answer that was given to the same key before.
    async fn replay(&self) -> Result<Option<Answer>, Failure> {
        let (Some(key), Some(fingerprint), false) =
            (&self.headers.idempotency_key, &self.fingerprint, self.headers.dry_run)
        else {
            return Ok(None);
        };
        let Some(stored) = self.scoped().stored_answer(key, self.deadline()).await? else { return Ok(None) };
        let instance = self.context.instance.id.as_str();
        if !self.app.keyring.is_fingerprint(instance, fingerprint, &stored.fingerprint) {
            return Err((&IDEMPOTENCY_KEY_REUSED).into());
        }
        let mut answer: Answer =
            serde_json::from_str(&stored.response).map_err(|error| Failure::Bug(error.to_string()))?;
        if answer.is_sealed {
            let cannot =
                || Failure::Bug("an answer was sealed with a key that is not in code_keys".to_owned());
            answer.body = self.app.keyring.open(&self.seal_of(key), &answer.body).ok_or_else(cannot)?;
        }
        answer.is_replayed = true;
        Ok(Some(answer))
    }

    fn events(
        &self,
        before: Option<&User>,
        after: Option<&User>,
        consequences: &[Consequence],
        env: &mut Env,
    ) -> Result<Vec<OutboxEvent>, Failure> {
        if self.headers.dry_run {
            return Ok(Vec::new());
        }
        let Some(user) = after.or(before) else { return Ok(Vec::new()) };
        // A deletion comes after the last version.
        let user_version = if after.is_some() { user.version } else { user.version + 1 };
        event::between(before, after)
            .iter()
            .map(|event| {
                let id = env.event_id();
                let rendered = render::event(event, id.to_string(), env.now, consequences, self.context);
                let payload = rendered.and_then(|event| serde_json::to_string(&event));
                Ok(OutboxEvent {
                    id,
                    kind: event.kind.name(),
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

impl Decision {
    fn outcome(&self) -> (Option<&User>, &[Consequence]) {
        match self {
            Self::Change(change) => (Some(&change.user), &change.consequences),
            Self::Deletion => (None, &[]),
        }
    }
}

/// What an object is called in an error.
pub(crate) fn object_name(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::PhoneNumber => "phone number",
        IdentifierKind::EmailAddress => "email address",
        IdentifierKind::Username => "username",
        IdentifierKind::ExternalId => "external id",
    }
}

//! Adding, changing and removing webhook endpoints: for requests, for the command line, and for the job that disables
//! those that fail.

use super::precondition::Versions;
use super::run::{Command, Engine, Outcome};
use super::writing::Writing;
use crate::answer::Answer;
use crate::error::Failure;
use verger_core::WebhookEndpoint;
use verger_core::reasons::WEBHOOK_ENDPOINTS_QUOTA;
use verger_core::webhook_endpoint::{Disabling, ENDPOINTS_MAX};
use verger_store::{AggregateKey, AggregateKind, Change, Conflict, OutboxEvent, StoreError, Write};
use verger_wire::{InstanceId, Refused, UnixMillis, WebhookEndpointId};

/// An endpoint to be added.
pub(crate) struct AddEndpoint {
    /// Its id, to which its secret is bound.
    pub(crate) id: WebhookEndpointId,
    /// Where events are posted to; judged.
    pub(crate) url: String,
    /// Types of events; judged.
    pub(crate) events: Vec<String>,
    /// Its secret, sealed.
    pub(crate) secret: String,
    /// When it is added.
    pub(crate) now: UnixMillis,
}

struct ChangeEndpoint<D> {
    id: WebhookEndpointId,
    /// What there is to write, and what comes of it.
    decide: D,
}

struct Adding<'a, R> {
    instance: &'a InstanceId,
    new: AddEndpoint,
    render: R,
}

impl Writing<'_> {
    /// Adds an endpoint.
    pub(crate) async fn add_endpoint(
        &self,
        new: AddEndpoint,
        render: impl Fn(&WebhookEndpoint) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        self.engine.add_endpoint(new, render).await
    }

    /// Changes an endpoint.
    pub(crate) async fn change_endpoint(
        &self,
        id: WebhookEndpointId,
        change: impl Fn(&WebhookEndpoint, UnixMillis) -> WebhookEndpoint + Send + Sync,
        render: impl Fn(&WebhookEndpoint) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let decide = |before: &WebhookEndpoint| {
            let now = self.app.clock.now();
            let after = change(before, now);
            let answer = render(&after)?;
            Ok((written(before, Some(after), now), answer))
        };
        self.engine.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Removes an endpoint.
    pub(crate) async fn remove_endpoint(
        &self,
        id: WebhookEndpointId,
        render: impl Fn(&WebhookEndpoint) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let decide =
            |before: &WebhookEndpoint| Ok((written(before, None, self.app.clock.now()), render(before)?));
        self.engine.carry_out(&ChangeEndpoint { id, decide }).await
    }
}

impl Engine<'_> {
    /// Adds an endpoint.
    pub(crate) async fn add_endpoint<T: Outcome>(
        &self,
        new: AddEndpoint,
        render: impl Fn(&WebhookEndpoint) -> Result<T, Failure> + Send + Sync,
    ) -> Result<T, Failure> {
        self.carry_out(&Adding { instance: self.instance, new, render }).await
    }

    /// Gives an endpoint a new secret, which is sealed.
    pub(crate) async fn rotate_secret(
        &self,
        id: WebhookEndpointId,
        secret: &str,
        former_lives_ms: i64,
        now: UnixMillis,
    ) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| {
            let after = before.rotate_secret(secret.to_owned(), former_lives_ms, now);
            Ok((written(before, Some(after), now), true))
        };
        self.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Removes an endpoint.
    pub(crate) async fn remove_endpoint(
        &self,
        id: WebhookEndpointId,
        now: UnixMillis,
    ) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| Ok((written(before, None, now), true));
        self.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Stops sending to an endpoint and tells of it; `false` if that was done before or the reason no longer holds.
    pub(crate) async fn disable_endpoint(
        &self,
        id: WebhookEndpointId,
        because: Disabling<'_>,
        told: &OutboxEvent,
        now: UnixMillis,
    ) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| {
            Ok(match before.disable(because, now) {
                None => (Write::at(now), false),
                Some(after) => {
                    let write = written(before, Some(after), now);
                    (Write { events: vec![told.clone()], ..write }, true)
                }
            })
        };
        self.carry_out(&ChangeEndpoint { id, decide }).await
    }
}

impl<R, T> Command for Adding<'_, R>
where
    R: Fn(&WebhookEndpoint) -> Result<T, Failure> + Send + Sync,
    T: Outcome,
{
    /// How many endpoints the instance has.
    type Found = usize;
    type Outcome = T;

    async fn load(&self, engine: &Engine<'_>) -> Result<usize, Failure> {
        Ok(engine.scoped().webhook_endpoints(engine.deadline).await?.len())
    }

    fn keys(&self, _found: &usize) -> Vec<AggregateKey> {
        vec![AggregateKey::instance(self.instance)]
    }

    fn versions(&self, _found: &usize) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &usize) -> Result<(Write, T), Failure> {
        let AddEndpoint { id, url, events, secret, now } = &self.new;
        let (id, url, events, secret) = (id.clone(), url.clone(), events.clone(), secret.clone());
        let endpoint =
            WebhookEndpoint::create(id, url, events, secret, *found, *now).map_err(|_| too_many())?;
        let outcome = (self.render)(&endpoint)?;
        let added = Change { before: None, after: Some(endpoint) };
        Ok((Write { changes: vec![added.into()], ..Write::at(*now) }, outcome))
    }

    /// Another server was faster.
    async fn refused(&self, _engine: &Engine<'_>, _found: &usize, failure: Failure) -> Failure {
        match failure {
            Failure::Store(StoreError::Conflict(Conflict::LimitReached(_))) => too_many(),
            failure => failure,
        }
    }
}

impl<D, T> Command for ChangeEndpoint<D>
where
    D: Fn(&WebhookEndpoint) -> Result<(Write, T), Failure> + Send + Sync,
    T: Outcome,
{
    type Found = WebhookEndpoint;
    type Outcome = T;

    async fn load(&self, engine: &Engine<'_>) -> Result<WebhookEndpoint, Failure> {
        let found = engine.scoped().webhook_endpoint(&self.id, engine.deadline).await?;
        found.ok_or_else(|| Failure::not_found(AggregateKind::WebhookEndpoint.noun()))
    }

    fn keys(&self, found: &WebhookEndpoint) -> Vec<AggregateKey> {
        vec![AggregateKey::webhook_endpoint(&found.id)]
    }

    fn versions(&self, _found: &WebhookEndpoint) -> Versions {
        Versions::Uncompared
    }

    async fn decide(&self, _engine: &Engine<'_>, found: &WebhookEndpoint) -> Result<(Write, T), Failure> {
        (self.decide)(found)
    }
}

fn written(before: &WebhookEndpoint, after: Option<WebhookEndpoint>, now: UnixMillis) -> Write {
    let change = Change { before: Some(before.clone()), after };
    Write { changes: vec![change.into()], ..Write::at(now) }
}

fn too_many() -> Failure {
    Refused::new(&WEBHOOK_ENDPOINTS_QUOTA).with("max", ENDPOINTS_MAX.to_string()).into()
}

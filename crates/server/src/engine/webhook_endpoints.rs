//! Adding, changing and removing webhook endpoints: for requests, for the command line, and for the job that disables
//! those that fail.

use super::precondition::Versions;
use super::run::{Command, Engine, Outcome};
use super::writing::Writing;
use crate::answer::Answer;
use crate::changes::Stamp;
use crate::error::Failure;
use verger_core::WebhookEndpoint;
use verger_core::reasons::WEBHOOK_ENDPOINTS_QUOTA;
use verger_core::webhook_endpoint::{Disabling, ENDPOINTS_MAX};
use verger_store::{AggregateKey, AggregateKind, Change, Conflict, StoreError, Write};
use verger_wire::{InstanceId, Refused, UnixMillis, WebhookEndpointId};

/// An endpoint to be added.
#[derive(Clone)]
pub(crate) struct AddEndpoint {
    /// Its id, to which its secret is bound.
    pub(crate) id: WebhookEndpointId,
    /// Where events are posted to; judged.
    pub(crate) url: String,
    /// Types of events; judged.
    pub(crate) events: Vec<String>,
    /// Its secret, sealed.
    pub(crate) secret: String,
    /// Who adds it, and when.
    pub(crate) stamp: Stamp,
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
            let stamp = self.stamp(self.app.clock.now());
            let after = change(before, stamp.at);
            let answer = render(&after)?;
            Ok((written(Some(before), Some(after), stamp)?, answer))
        };
        self.engine.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Removes an endpoint.
    pub(crate) async fn remove_endpoint(
        &self,
        id: WebhookEndpointId,
        render: impl Fn(&WebhookEndpoint) -> Result<Answer, Failure> + Send + Sync,
    ) -> Result<Answer, Failure> {
        let decide = |before: &WebhookEndpoint| {
            let stamp = self.stamp(self.app.clock.now());
            Ok((written(Some(before), None, stamp)?, render(before)?))
        };
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
        stamp: Stamp,
    ) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| {
            let after = before.rotate_secret(secret.to_owned(), former_lives_ms, stamp.at);
            Ok((written(Some(before), Some(after), stamp.clone())?, true))
        };
        self.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Removes an endpoint.
    pub(crate) async fn remove_endpoint(&self, id: WebhookEndpointId, stamp: Stamp) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| Ok((written(Some(before), None, stamp.clone())?, true));
        self.carry_out(&ChangeEndpoint { id, decide }).await
    }

    /// Stops sending to an endpoint and tells of it; `false` if that was done before or the reason no longer holds.
    pub(crate) async fn disable_endpoint(
        &self,
        id: WebhookEndpointId,
        because: Disabling<'_>,
        stamp: Stamp,
    ) -> Result<bool, Failure> {
        let decide = |before: &WebhookEndpoint| {
            Ok(match before.disable(because, stamp.at) {
                None => (Write::at(stamp.at), false),
                Some(after) => (written(Some(before), Some(after), stamp.clone())?, true),
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
        let AddEndpoint { id, url, events, secret, stamp } = self.new.clone();
        let endpoint =
            WebhookEndpoint::create(id, url, events, secret, *found, stamp.at).map_err(|_| too_many())?;
        let outcome = (self.render)(&endpoint)?;
        Ok((written(None, Some(endpoint), stamp)?, outcome))
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

fn written(
    before: Option<&WebhookEndpoint>,
    after: Option<WebhookEndpoint>,
    stamp: Stamp,
) -> Result<Write, Failure> {
    let mut write = Write::at(stamp.at);
    let told = stamp.endpoint(before, after.as_ref());
    write.told.extend(told.map_err(|error| Failure::Bug(error.to_string()))?);
    write.changes.push(Change { before: before.cloned(), after }.into());
    Ok(write)
}

fn too_many() -> Failure {
    Refused::new(&WEBHOOK_ENDPOINTS_QUOTA).with("max", ENDPOINTS_MAX.to_string()).into()
}

//! Webhook endpoints, which receive events.

use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::changes::{Author, Stamp};
use crate::engine::{AddEndpoint, Writing};
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::webhooks::{self, attempt};
use std::time::{Duration, Instant};
use verger_core::webhook_endpoint::{EndpointError, EndpointUpdate, FORMER_SECONDS_DEFAULT, check_events};
use verger_core::{Malformed, Unit, WebhookEndpoint};
use verger_http::input::Read;
use verger_store::{AttemptRecord, WebhookDelivery};
use verger_wire::Refused;
use verger_wire::input::{NoFields, NoParams};
use verger_wire::webhook_endpoint::{
    self as wire, CreateWebhookEndpointParams, DeliveryAttempt, ReplayOutcome, ReplayWebhooksParams,
    RotateWebhookSecretParams, UpdateWebhookEndpointParams, WebhookAttempt, WebhookDeliveryListParams,
    WebhookEndpointWithSecret, WebhookReplay,
};
use verger_wire::{DeletedObject, UnixMillis, WebhookEndpointId};

/// What is left of a request's time for the store when an endpoint is tested.
const TEST_MARGIN: Duration = Duration::from_millis(500);
/// How long before its deadline a replay stops, so that one more step and the answer have time.
const REPLAY_MARGIN: Duration = Duration::from_millis(1_500);
/// Deliveries of an answer unless the request says otherwise.
const DELIVERIES_DEFAULT: i64 = 20;

operations! {
    /// Create a webhook endpoint
    ///
    /// The answer contains the signing secret, which is otherwise shown only when it is rotated.
    VergerCreateWebhookEndpoint: POST "/verger/v1/webhook_endpoints" in "Webhook Endpoints" {
        caller: SecretKey,
        input: CreateWebhookEndpointParams,
        output: WebhookEndpointWithSecret, "The endpoint, with its secret.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [WEBHOOK_ENDPOINTS_QUOTA, INSECURE_URL, TOO_LONG],
        run: create,
    }

    /// List webhook endpoints
    ///
    /// All endpoints of the instance, without their secrets.
    VergerListWebhookEndpoints: GET "/verger/v1/webhook_endpoints" in "Webhook Endpoints" {
        caller: SecretKey,
        input: NoParams,
        output: Vec<wire::WebhookEndpoint>, "The endpoints.",
        run: list,
    }

    /// Get a webhook endpoint
    ///
    /// Without its secret.
    VergerGetWebhookEndpoint: GET "/verger/v1/webhook_endpoints/{webhook_endpoint_id}" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        output: wire::WebhookEndpoint, "The endpoint.",
        run: get,
    }

    /// Update a webhook endpoint
    ///
    /// Changes its URL and event types, and disables or enables it. Events that occur while it is disabled are not
    /// queued; a replay sends them.
    VergerUpdateWebhookEndpoint: PATCH "/verger/v1/webhook_endpoints/{webhook_endpoint_id}" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        input: UpdateWebhookEndpointParams,
        output: wire::WebhookEndpoint, "The updated endpoint.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [INSECURE_URL, TOO_LONG],
        run: update,
    }

    /// Delete a webhook endpoint
    ///
    /// Deletes the endpoint and its queued deliveries.
    VergerDeleteWebhookEndpoint: DELETE "/verger/v1/webhook_endpoints/{webhook_endpoint_id}" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        output: DeletedObject, "The endpoint was deleted.",
        headers: DRY_RUN | IDEMPOTENT,
        run: delete,
    }

    /// Rotate the signing secret
    ///
    /// Gives the endpoint a new secret. Until the previous secret expires, deliveries are signed with both, so that
    /// receivers can switch without a gap.
    VergerRotateWebhookSecret: POST "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        input: RotateWebhookSecretParams,
        output: WebhookEndpointWithSecret, "The endpoint, with its new secret.",
        headers: DRY_RUN | IDEMPOTENT,
        run: rotate_secret,
    }

    /// Send a test event
    ///
    /// Sends one event of type `webhook_endpoint.test` at once and returns the outcome. The event is not stored.
    VergerTestWebhookEndpoint: POST "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/test" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        input: NoFields,
        output: WebhookAttempt, "The outcome.",
        run: test,
    }

    /// Replay events
    ///
    /// Queues again the events since a given time whose delivery failed, or that were never queued because the endpoint
    /// was disabled or did not exist yet.
    VergerReplayWebhooks: POST "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        input: ReplayWebhooksParams,
        output: WebhookReplay, "The endpoint, and what was queued.",
        headers: DRY_RUN | IDEMPOTENT,
        run: replay,
    }

    /// List webhook deliveries
    ///
    /// Events for this endpoint with every attempt, newest first.
    VergerListWebhookDeliveries: GET "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries" in "Webhook Endpoints" {
        caller: SecretKey,
        path: WebhookEndpointId,
        input: WebhookDeliveryListParams,
        output: Vec<wire::WebhookDelivery>, "The deliveries.",
        run: deliveries,
    }
}

async fn create(call: Call<SecretKey, (), CreateWebhookEndpointParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge(&mut input, "url", |input| call.app.webhooks.check_url(&input.url));
    judge(&mut input, "events", |input| check_events(input.events.as_deref().unwrap_or_default()));
    let input = input.finish()?;
    let (url, events) = (input.url, input.events.unwrap_or_default());
    let writing = Writing::of(&call)?;
    let mut env = call.app.env();
    let (id, plain) = (env.webhook_endpoint_id(), new_secret()?);
    let secret = sealed(&call, &id, &plain)?;
    let stamp = Stamp::of(Author::of(&call.context), &mut env);
    let new = AddEndpoint { id, url, events, secret, stamp };
    writing.add_endpoint(new, |endpoint| with_secret(endpoint, &plain)).await
}

/// All endpoints of the instance.
async fn list(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let endpoints = scoped.webhook_endpoints(call.context.deadline).await?;
    Answer::json(&endpoints.iter().map(shown).collect::<Vec<_>>())
}

/// One endpoint.
async fn get(call: Call<SecretKey, WebhookEndpointId>) -> Result<Answer, Failure> {
    Answer::json(&shown(&load(&call, &call.path).await?))
}

/// Changes where an endpoint listens and to what, or whether it is told at all.
async fn update(
    call: Call<SecretKey, WebhookEndpointId, UpdateWebhookEndpointParams>,
) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge(&mut input, "url", |input| {
        input.url.as_deref().map_or(Ok(()), |url| call.app.webhooks.check_url(url))
    });
    judge(&mut input, "events", |input| input.events.as_deref().map_or(Ok(()), check_events));
    let UpdateWebhookEndpointParams { url, events, disabled } = input.finish()?;
    let update = EndpointUpdate { url, events, disabled };
    let change = |endpoint: &WebhookEndpoint, now| endpoint.update(update.clone(), now);
    let render = |endpoint: &WebhookEndpoint| Answer::json(&shown(endpoint));
    Writing::of(&call)?.change_endpoint(call.path.clone(), change, render).await
}

/// Removes an endpoint.
async fn delete(call: Call<SecretKey, WebhookEndpointId>) -> Result<Answer, Failure> {
    let render = |endpoint: &WebhookEndpoint| {
        Answer::json(&crate::render::deleted(endpoint.id.as_str(), "webhook_endpoint"))
    };
    Writing::of(&call)?.remove_endpoint(call.path.clone(), render).await
}

/// Gives an endpoint a new secret; the former one signs beside it for a while.
async fn rotate_secret(
    call: Call<SecretKey, WebhookEndpointId, RotateWebhookSecretParams>,
) -> Result<Answer, Failure> {
    let seconds = call.read()?.finish()?.former_lives_seconds.unwrap_or(FORMER_SECONDS_DEFAULT);
    let secret = new_secret()?;
    let sealed = sealed(&call, &call.path, &secret)?;
    let change =
        |endpoint: &WebhookEndpoint, now| endpoint.rotate_secret(sealed.clone(), seconds * 1000, now);
    let writing = Writing::of(&call)?;
    writing.change_endpoint(call.path.clone(), change, |endpoint| with_secret(endpoint, &secret)).await
}

/// Tells an endpoint of an event that is only a test, at once, and says what came of it.
async fn test(call: Call<SecretKey, WebhookEndpointId, NoFields>) -> Result<Answer, Failure> {
    call.write_headers()?;
    call.read()?.finish()?;
    let endpoint = load(&call, &call.path).await?;
    let now = call.app.clock.now();
    let secrets = webhooks::secrets_of(&call.app.keyring, &endpoint, now).ok_or_else(unsealable)?;
    let event_id = call.app.env().event_id();
    let body = attempt::test_event(event_id.as_str(), call.context.instance.id.as_str(), now);
    let left = call.context.deadline.saturating_duration_since(Instant::now()).saturating_sub(TEST_MARGIN);
    let timeout = call.app.webhooks.attempt_timeout().min(left);
    let trying = call.app.webhooks.attempt(&endpoint.url, &secrets, event_id.as_str(), body, now, timeout);
    let tried = webhooks::guard::asked_by(call.context.instance.id.as_str(), trying).await;
    Answer::json(&WebhookAttempt {
        object: "webhook_attempt".to_owned(),
        event_id: event_id.to_string(),
        delivered: tried.is_good(),
        status: tried.status.map(i64::from),
        reason: tried.reason,
        latency_ms: tried.latency_ms,
        answer: tried.answer,
    })
}

/// Queues again what an endpoint missed since a moment.
async fn replay(call: Call<SecretKey, WebhookEndpointId, ReplayWebhooksParams>) -> Result<Answer, Failure> {
    let ReplayWebhooksParams { since, all, after } = call.read()?.finish()?;
    let (since, all) = (UnixMillis(since), all.unwrap_or(false));
    let writing = Writing::of(&call)?;
    let work = async {
        let scoped = call.app.store.instance(&call.context.instance.id);
        let endpoint = load(&call, &call.path).await?;
        if writing.is_dry_run() {
            let answer = Answer::json(&shown(&endpoint))?;
            return Ok(Answer { is_dry_run: true, ..answer });
        }
        let deadline = call.context.deadline;
        let mut replay = scoped.begin_replay(&endpoint.id, since, all, after, deadline).await?;
        let stop = deadline.checked_sub(REPLAY_MARGIN).unwrap_or(deadline);
        let mut more = true;
        while more {
            more = scoped.continue_replay(&mut replay, call.app.clock.now(), deadline).await?;
            call.app.new_delivery.notify_one();
            // The answer says where it stopped: to begin again would queue with `all` what has arrived meanwhile.
            if Instant::now() >= stop {
                break;
            }
        }
        let after = more.then(|| replay.after());
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let outcome = ReplayOutcome { queued: count(replay.queued), left_out: count(replay.left_out), after };
        let answer = Answer::json(&WebhookReplay { endpoint: shown(&endpoint), replay: Some(outcome) })?;
        writing.keep(answer).await
    };
    writing.replaying(work).await
}

/// What became of events that an endpoint was to be told of, the newest first, with every try.
async fn deliveries(
    call: Call<SecretKey, WebhookEndpointId, WebhookDeliveryListParams>,
) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let (before, limit) = (input.before, input.limit.unwrap_or(DELIVERIES_DEFAULT));
    let scoped = call.app.store.instance(&call.context.instance.id);
    let endpoint = load(&call, &call.path).await?;
    let found = scoped.webhook_deliveries(&endpoint.id, before, limit, call.context.deadline).await?;
    let shown: Vec<_> = found.iter().map(|(delivery, attempts)| shown_delivery(delivery, attempts)).collect();
    Answer::json(&shown)
}

fn missing() -> Failure {
    Failure::not_found("webhook endpoint")
}

fn unsealable() -> Failure {
    Failure::Bug("the secret of a webhook endpoint was sealed with a key that is not in code_keys".to_owned())
}

fn new_secret() -> Result<String, Failure> {
    webhooks::new_secret().map_err(|error| Failure::Bug(error.to_string()))
}

fn sealed(call: &KeyRequest, id: &WebhookEndpointId, secret: &str) -> Result<String, Failure> {
    webhooks::seal_secret(&call.app.keyring, id, secret)
        .ok_or_else(|| Failure::Bug("a secret could not be sealed".to_owned()))
}

fn judge<T>(input: &mut Read<T>, param: &str, judge: impl FnOnce(&T) -> Result<(), EndpointError>) {
    if !input.is_good(param) {
        return;
    }
    let Err(error) = judge(input) else { return };
    input.problem(
        param,
        match error {
            EndpointError::Invalid(why) => value_invalid(why),
            EndpointError::Insecure(why) => Refused::new(&INSECURE_URL).with("why", why),
            EndpointError::TooLong { bytes_max, bytes } => {
                Malformed::TooLong { max: bytes_max, length: bytes, unit: Unit::Bytes }.into()
            }
        },
    );
}

async fn load(call: &KeyRequest, id: &WebhookEndpointId) -> Result<WebhookEndpoint, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    scoped.webhook_endpoint(id, call.context.deadline).await?.ok_or_else(missing)
}

/// Never the secret.
pub(crate) fn shown(endpoint: &WebhookEndpoint) -> wire::WebhookEndpoint {
    wire::WebhookEndpoint {
        id: endpoint.id.to_string(),
        object: "webhook_endpoint".to_owned(),
        url: endpoint.url.clone(),
        events: endpoint.events.clone(),
        failing_since: endpoint.failing_since,
        disabled_at: endpoint.disabled_at,
        disabled_reason: endpoint.disabled_reason.map(|reason| reason.as_str().to_owned()),
        former_secret_expires_at: endpoint.former_expires_at,
        created_at: endpoint.created_at,
        updated_at: endpoint.updated_at,
    }
}

fn with_secret(endpoint: &WebhookEndpoint, secret: &str) -> Result<Answer, Failure> {
    let body = WebhookEndpointWithSecret { endpoint: shown(endpoint), secret: secret.to_owned() };
    Ok(Answer { is_sealed: true, ..Answer::json(&body)? })
}

fn shown_delivery(delivery: &WebhookDelivery, attempts: &[AttemptRecord]) -> wire::WebhookDelivery {
    let attempts = attempts.iter().map(|attempt| DeliveryAttempt {
        number: attempt.try_number,
        status: attempt.status,
        reason: attempt.reason.clone(),
        latency_ms: attempt.latency_ms,
        answer: attempt.answer.clone(),
        created_at: attempt.created_at,
    });
    wire::WebhookDelivery {
        object: "webhook_delivery".to_owned(),
        event_id: delivery.event_id.to_string(),
        kind: delivery.kind.clone(),
        user_id: delivery.user_id.to_string(),
        sequence_number: delivery.sequence_number,
        status: delivery.state.as_str().to_owned(),
        due_at: delivery.due_at,
        attempts: attempts.collect(),
        created_at: delivery.created_at,
        updated_at: delivery.updated_at,
    }
}

//! Endpoints that are told of events.

use crate::answer::Answer;
use crate::error::Failure;
use crate::extract::UnknownFields;
use crate::http_reasons::{unavailable, value_invalid};
use crate::ops::Writing;
use crate::routes::call::Call;
use crate::webhooks::{self, attempt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use verger_core::reasons::{INSECURE_URL, WEBHOOK_ENDPOINTS_QUOTA};
use verger_core::webhook_endpoint::{
    DisabledReason, ENDPOINTS_MAX, EVENTS_MAX, EndpointError, EndpointUpdate, FORMER_SECONDS_DEFAULT,
    FORMER_SECONDS_MAX, check_events,
};
use verger_core::{Malformed, Unit, WebhookEndpoint};
use verger_store::{AttemptRecord, Change, Conflict, Scoped, StoreError, WebhookDelivery, Write};
use verger_wire::{Refused, UnixMillis, WebhookEndpointId};

/// What is left of a request's time for the store when an endpoint is tested.
const TEST_MARGIN: Duration = Duration::from_millis(500);
/// How long before its deadline a replay stops, so that one more step and the answer have time.
const REPLAY_MARGIN: Duration = Duration::from_millis(1_500);
const DELIVERIES_MAX: i64 = 100;

/// Makes an endpoint. Its secret is in this answer and in no other, but that of a rotation.
pub(crate) async fn create(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let url = fields.needed_text("url");
    let events = fields.texts("events", EVENTS_MAX).unwrap_or_default();
    judge(&mut fields, "url", url.as_deref().map_or(Ok(()), |url| call.app.webhooks.check_url(url)));
    judge(&mut fields, "events", check_events(&events));
    fields.finish(UnknownFields::Refused)?;
    let url = url.ok_or_else(|| Failure::Bug("a missing url was not reported".to_owned()))?;
    let writing = Writing::of_unversioned(&call)?;
    writing.replaying(add(&call, &writing, url, events)).await
}

async fn add(
    call: &Call,
    writing: &Writing<'_>,
    url: String,
    events: Vec<String>,
) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    let id = call.app.env().webhook_endpoint_id();
    let now = call.app.clock.now();
    let secret = new_secret()?;
    let too_many =
        || Failure::from(Refused::new(&WEBHOOK_ENDPOINTS_QUOTA).with("max", ENDPOINTS_MAX.to_string()));
    let existing = scoped.webhook_endpoints(call.context.deadline).await?.len();
    let sealed = sealed(call, &id, &secret)?;
    let endpoint = WebhookEndpoint::create(id, url, events, sealed, existing, now).map_err(|_| too_many())?;
    let mut answer = with_secret(&endpoint, &secret)?;
    answer.is_dry_run = writing.is_dry_run();
    let deadline = call.context.deadline;
    if answer.is_dry_run {
        return Ok(answer);
    }
    let added = Change { before: None, after: Some(endpoint) };
    let answer_kept = writing.to_keep(&answer)?;
    let write = Write { changes: vec![added.into()], answer: answer_kept, ..Write::at(now) };
    match scoped.save(&write, deadline).await {
        Err(StoreError::Conflict(Conflict::LimitReached(_))) => Err(too_many()),
        made => Ok(made.map(|()| answer)?),
    }
}

/// All endpoints of the instance.
pub(crate) async fn list(call: Call) -> Result<Answer, Failure> {
    call.query()?.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let endpoints = scoped.webhook_endpoints(call.context.deadline).await?;
    Answer::json(&endpoints.iter().map(endpoint_json).collect::<Vec<_>>())
}

/// Returns one endpoint, without its secret.
pub(crate) async fn get(call: Call) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    Answer::json(&endpoint_json(&load(&call, scoped).await?))
}

/// Changes where an endpoint listens and to what, or whether it is told at all.
pub(crate) async fn update(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let url = fields.text("url");
    let events = fields.texts("events", EVENTS_MAX);
    let disabled = fields.flag("disabled");
    judge(&mut fields, "url", url.as_deref().map_or(Ok(()), |url| call.app.webhooks.check_url(url)));
    judge(&mut fields, "events", events.as_deref().map_or(Ok(()), check_events));
    fields.finish(UnknownFields::Refused)?;
    let now = call.app.clock.now();
    let update = EndpointUpdate { url, events, disabled };
    let change = |endpoint: &WebhookEndpoint| endpoint.update(update.clone(), now);
    save(&call, change, |endpoint| Answer::json(&endpoint_json(endpoint))).await
}

/// Deletes an endpoint and its queued deliveries.
pub(crate) async fn delete(call: Call) -> Result<Answer, Failure> {
    let writing = Writing::of_unversioned(&call)?;
    let work = async {
        let scoped = call.app.store.instance(&call.context.instance.id);
        let endpoint = load(&call, scoped).await?;
        let mut answer = Answer::json(&crate::render::deleted(endpoint.id.as_str(), "webhook_endpoint"))?;
        answer.is_dry_run = writing.is_dry_run();
        if !answer.is_dry_run {
            let (now, kept) = (call.app.clock.now(), writing.to_keep(&answer)?);
            let deadline = call.context.deadline;
            let removed = Change { before: Some(endpoint), after: None };
            let write = Write { changes: vec![removed.into()], answer: kept, ..Write::at(now) };
            scoped.save(&write, deadline).await?;
        }
        Ok(answer)
    };
    writing.replaying(work).await
}

/// Gives an endpoint a new secret; the former one signs beside it for a while.
pub(crate) async fn rotate_secret(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let seconds = fields.patch_count_to("former_lives_seconds", FORMER_SECONDS_MAX).set();
    let seconds = seconds.unwrap_or(FORMER_SECONDS_DEFAULT);
    fields.finish(UnknownFields::Refused)?;
    let secret = new_secret()?;
    let sealed = sealed(&call, &WebhookEndpointId::from(call.id.as_str()), &secret)?;
    let now = call.app.clock.now();
    let change = |endpoint: &WebhookEndpoint| endpoint.rotate_secret(sealed.clone(), seconds * 1000, now);
    save(&call, change, |endpoint| with_secret(endpoint, &secret)).await
}

/// Tells an endpoint of an event that is only a test, at once, and says what came of it.
pub(crate) async fn test(call: Call) -> Result<Answer, Failure> {
    call.refuse_conditions()?;
    call.fields()?.finish(UnknownFields::Refused)?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let endpoint = load(&call, scoped).await?;
    let now = call.app.clock.now();
    let secrets = webhooks::secrets_of(&call.app.keyring, &endpoint, now).ok_or_else(unsealable)?;
    let event_id = call.app.env().event_id();
    let body = attempt::test_event(event_id.as_str(), call.context.instance.id.as_str(), now);
    let left = call.context.deadline.saturating_duration_since(Instant::now()).saturating_sub(TEST_MARGIN);
    let timeout = call.app.webhooks.attempt_timeout().min(left);
    let trying = call.app.webhooks.attempt(&endpoint.url, &secrets, event_id.as_str(), body, now, timeout);
    let tried = webhooks::guard::asked_by(call.context.instance.id.as_str(), trying).await;
    Answer::json(&json!({
        "object": "webhook_attempt",
        "event_id": event_id,
        "delivered": tried.is_good(),
        "status": tried.status,
        "reason": tried.reason,
        "latency_ms": tried.latency_ms,
        "answer": tried.answer,
    }))
}

/// Queues again what an endpoint missed since a moment.
pub(crate) async fn replay(call: Call) -> Result<Answer, Failure> {
    let mut fields = call.fields()?;
    let since = fields.patch_count("since");
    let since = UnixMillis(fields.needed("since", since).unwrap_or_default());
    let all = fields.flag("all").unwrap_or(false);
    let after = fields.patch_count("after").set();
    fields.finish(UnknownFields::Refused)?;
    let writing = Writing::of_unversioned(&call)?;
    let work = async {
        let scoped = call.app.store.instance(&call.context.instance.id);
        let endpoint = load(&call, scoped).await?;
        if writing.is_dry_run() {
            let answer = Answer::json(&endpoint_json(&endpoint))?;
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
        let mut body = endpoint_json(&endpoint);
        body["replay"] = json!({ "queued": replay.queued, "left_out": replay.left_out, "after": after });
        let answer = Answer::json(&body)?;
        let write = Write { answer: writing.to_keep(&answer)?, ..Write::at(call.app.clock.now()) };
        if write.answer.is_some() {
            scoped.save(&write, deadline).await?;
        }
        Ok(answer)
    };
    writing.replaying(work).await
}

/// What became of events that an endpoint was to be told of, the newest first, with every try.
pub(crate) async fn deliveries(call: Call) -> Result<Answer, Failure> {
    let mut query = call.query()?;
    let before = query.integer("before", 0, i64::MAX);
    let limit = query.integer("limit", 1, DELIVERIES_MAX).unwrap_or(20);
    query.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let endpoint = load(&call, scoped).await?;
    let found = scoped.webhook_deliveries(&endpoint.id, before, limit, call.context.deadline).await?;
    let shown: Vec<_> = found.iter().map(|(delivery, attempts)| delivery_json(delivery, attempts)).collect();
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

fn sealed(call: &Call, id: &WebhookEndpointId, secret: &str) -> Result<String, Failure> {
    webhooks::seal_secret(&call.app.keyring, id, secret)
        .ok_or_else(|| Failure::Bug("a secret could not be sealed".to_owned()))
}

fn judge(fields: &mut crate::extract::Fields, param: &str, judged: Result<(), EndpointError>) {
    let Err(error) = judged else { return };
    fields.problem(
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

async fn load(call: &Call, scoped: Scoped<'_>) -> Result<WebhookEndpoint, Failure> {
    let id = WebhookEndpointId::from(call.id.as_str());
    scoped.webhook_endpoint(&id, call.context.deadline).await?.ok_or_else(missing)
}

/// Loads, changes and writes, again and again while others change the same endpoint.
async fn save(
    call: &Call,
    change: impl Fn(&WebhookEndpoint) -> WebhookEndpoint,
    render: impl Fn(&WebhookEndpoint) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    let writing = Writing::of_unversioned(call)?;
    let work = async {
        let scoped = call.app.store.instance(&call.context.instance.id);
        loop {
            let before = load(call, scoped).await?;
            let after = change(&before);
            let mut answer = render(&after)?;
            answer.is_dry_run = writing.is_dry_run();
            if answer.is_dry_run {
                return Ok(answer);
            }
            let (kept, deadline) = (writing.to_keep(&answer)?, call.context.deadline);
            let changes = vec![Change::update(before, after).into()];
            let write = Write { changes, answer: kept, ..Write::at(call.app.clock.now()) };
            match scoped.save(&write, deadline).await {
                Err(StoreError::Conflict(Conflict::Stale)) => {}
                saved => return Ok(saved.map(|()| answer)?),
            }
            if Instant::now() >= deadline {
                return Err(unavailable("Too many requests change this endpoint.").into());
            }
        }
    };
    writing.replaying(work).await
}

/// An endpoint as JSON, never with its secret.
pub(crate) fn endpoint_json(endpoint: &WebhookEndpoint) -> Value {
    json!({
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "url": endpoint.url,
        "events": endpoint.events,
        "failing_since": endpoint.failing_since,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason.map(DisabledReason::as_str),
        "former_secret_expires_at": endpoint.former_expires_at,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    })
}

fn with_secret(endpoint: &WebhookEndpoint, secret: &str) -> Result<Answer, Failure> {
    let mut body = endpoint_json(endpoint);
    body["secret"] = secret.into();
    Ok(Answer { is_sealed: true, ..Answer::json(&body)? })
}

fn delivery_json(delivery: &WebhookDelivery, attempts: &[AttemptRecord]) -> Value {
    let attempts: Vec<_> = attempts
        .iter()
        .map(|attempt| {
            json!({
                "number": attempt.try_number,
                "status": attempt.status,
                "reason": attempt.reason,
                "latency_ms": attempt.latency_ms,
                "answer": attempt.answer,
                "created_at": attempt.created_at,
            })
        })
        .collect();
    json!({
        "object": "webhook_delivery",
        "event_id": delivery.event_id,
        "type": delivery.kind,
        "user_id": delivery.user_id,
        "sequence_number": delivery.sequence_number,
        "status": delivery.state.as_str(),
        "due_at": delivery.due_at,
        "attempts": attempts,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    })
}

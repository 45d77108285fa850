//! From the queue of deliveries to endpoints. Idempotent, and safe to run in many servers at once: a delivery is leased in the
//! store before it is attempted.

use super::attempt::{ANSWER_BYTES_KEPT, Tried};
use super::{guard, secrets_of};
use crate::app::App;
use crate::changes::{Author, Rendering, Stamp, Words, seal_name};
use crate::clocks::{Watch, settle};
use crate::codes::Keyring;
use crate::engine::Engine;
use crate::jobs::KEY_WAIT_MS;
use crate::supervise::panic_of;
use bytes::Bytes;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinError, JoinSet};
use verger_core::WebhookEndpoint;
use verger_core::time::CLOCKS_DIFFER_MS;
use verger_core::webhook_endpoint::Disabling;
use verger_store::{
    AttemptRecord, DeliveryOutcome, DeliveryState, DueDelivery, DueEvent, Scoped, StoreError, Streak,
};
use verger_wire::{EventId, InstanceId, UnixMillis, WebhookEndpointId};

/// Concurrent attempts: of all endpoints, of failing ones, of one endpoint, and of a failing one. An endpoint that hangs
/// takes no more than its own limit.
const IN_FLIGHT_FAILING_PART: usize = 5;
const IN_FLIGHT_OF_ENDPOINT_MAX: usize = 8;
const IN_FLIGHT_OF_FAILING_MAX: usize = 1;
/// Due deliveries of one endpoint that are read at a time.
const LOOKED_AT_MAX: i64 = 64;
/// How often the store is polled without a notification.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lease margin beyond the attempt timeout, in milliseconds.
const LEASE_BEYOND_TIMEOUT_MS: i64 = 10_000;
/// The longest lease of any server, in milliseconds: with the largest `attempt_timeout_ms`, and allowing for its clock.
const CLAIM_MS_MAX: i64 = 60_000 + LEASE_BEYOND_TIMEOUT_MS + CLOCKS_DIFFER_MS;
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// 410 Gone: the endpoint will never accept anything again.
const GONE: u16 = 410;

/// The queue of one endpoint: instance and endpoint id.
type Queue = (InstanceId, WebhookEndpointId);

/// Delivers to endpoints until the server closes; attempts in flight are then completed.
///
/// Every endpoint with due deliveries has its own task, so that none waits for another.
pub async fn deliver_webhooks(app: Arc<App>) {
    let budget = Arc::new(Budget::new(app.webhooks.in_flight_max));
    let mut serving: JoinSet<()> = JoinSet::new();
    let mut queues: HashMap<Queue, (tokio::task::Id, Arc<Notify>)> = HashMap::new();
    let mut looked_for_lost: Option<Instant> = None;
    let mut watch = Watch::default();
    while !app.is_closing() {
        while let Some(ended) = serving.try_join_next_with_id() {
            forget(&app, &mut queues, ended);
        }
        if looked_for_lost.is_none_or(|then| then.elapsed() > LOOK_EVERY) {
            looked_for_lost = Some(Instant::now());
            let now = app.clock.now();
            if watch.is_time(&app.clock) {
                // Runs in the background, because it can take a while.
                serving.spawn(settle(Arc::clone(&app)));
            }
            if let Err(error) =
                app.store.release_lost_deliveries(now, CLAIM_MS_MAX, Instant::now() + STORE_TIMEOUT).await
            {
                tracing::warn!(%error, "interrupted deliveries could not be read");
            }
        }
        let started = Instant::now();
        match app.store.due_endpoints(app.clock.now(), Instant::now() + STORE_TIMEOUT).await {
            Ok(due) => {
                for queue in due {
                    if let Some((_, told)) = queues.get(&queue) {
                        told.notify_one();
                        continue;
                    }
                    let told = Arc::new(Notify::new());
                    let task =
                        serve_queue(Arc::clone(&app), queue.clone(), Arc::clone(&told), Arc::clone(&budget));
                    queues.insert(queue, (serving.spawn(task).id(), told));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the queue of deliveries cannot be read; will retry");
            }
        }
        // With very many endpoints polling takes a while: at most half of the time is spent on it.
        let pause = started.elapsed().min(LOOK_EVERY);
        tokio::time::sleep(pause).await;
        tokio::select! {
            () = app.new_delivery.notified() => {}
            Some(ended) = serving.join_next_with_id() => {
                if !forget(&app, &mut queues, ended) {
                    // The cause of the panic persists.
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    for (_, told) in queues.values() {
        told.notify_one();
    }
    while serving.join_next().await.is_some() {}
}

/// Handles the end of an endpoint's task, or of one that corrects leases; `false` if it panicked.
fn forget(
    app: &App,
    queues: &mut HashMap<Queue, (tokio::task::Id, Arc<Notify>)>,
    ended: Result<(tokio::task::Id, ()), JoinError>,
) -> bool {
    let (id, is_well) = match ended {
        Ok((id, ())) => (id, true),
        Err(error) => {
            let id = error.id();
            app.deaths.record("webhook_endpoint", &panic_of(error), Instant::now());
            (id, false)
        }
    };
    queues.retain(|_, (task, _)| *task != id);
    is_well
}

/// The permits for concurrent attempts. Failing endpoints have a pool of their own, so that however many of them hang,
/// the others have room.
struct Budget {
    good: Arc<Semaphore>,
    failing: Arc<Semaphore>,
}

impl Budget {
    fn new(in_flight_max: usize) -> Self {
        let of = |tries| Arc::new(Semaphore::new(tries));
        let failing = (in_flight_max / IN_FLIGHT_FAILING_PART).max(1);
        Self { good: of(in_flight_max.saturating_sub(failing).max(1)), failing: of(failing) }
    }
}

/// Delivers to one endpoint as long as its queue has due deliveries, and a little longer.
async fn serve_queue(app: Arc<App>, queue: Queue, told: Arc<Notify>, budget: Arc<Budget>) {
    let mut running: JoinSet<EventId> = JoinSet::new();
    let mut under_way: HashSet<EventId> = HashSet::new();
    loop {
        while let Some(ended) = running.try_join_next() {
            forget_try(&mut under_way, ended);
        }
        if app.is_closing() {
            break;
        }
        if let Err(error) = start_due(&app, &queue, &mut running, &mut under_way, &budget, &told).await {
            tracing::warn!(%error, endpoint_id = queue.1.as_str(), "the queue of an endpoint cannot be read; will retry");
        }
        tokio::select! {
            () = told.notified() => {}
            Some(ended) = running.join_next() => forget_try(&mut under_way, ended),
            () = tokio::time::sleep(LOOK_EVERY) => {
                if running.is_empty() {
                    break;
                }
            }
        }
    }
    while running.join_next().await.is_some() {}
}

fn forget_try(under_way: &mut HashSet<EventId>, ended: Result<EventId, JoinError>) {
    match ended {
        Ok(event) => {
            under_way.remove(&event);
        }
        Err(error) => {
            tracing::error!(%error, "a delivery panicked");
            // It is unknown which one; the store knows which are leased.
            under_way.clear();
        }
    }
}

/// Starts as many attempts for one endpoint as the limits allow.
async fn start_due(
    app: &Arc<App>,
    queue: &Queue,
    running: &mut JoinSet<EventId>,
    under_way: &mut HashSet<EventId>,
    budget: &Budget,
    told: &Notify,
) -> Result<(), StoreError> {
    if running.len() >= IN_FLIGHT_OF_ENDPOINT_MAX {
        return Ok(());
    }
    let (instance, id) = queue;
    let scoped = app.store.instance(instance);
    let now = app.clock.now();
    let (endpoint, deliveries) =
        scoped.due_deliveries(id, now, LOOKED_AT_MAX, Instant::now() + STORE_TIMEOUT).await?;
    let Some(endpoint) = endpoint else { return Ok(()) };
    if endpoint.disabled_at.is_some() {
        // The endpoint was disabled while deliveries were queued.
        return scoped.fail_waiting_deliveries(id, now, Instant::now() + STORE_TIMEOUT).await;
    }
    let mut deliveries = without_stuck(app, instance, &endpoint, deliveries, told).await?;
    let (most, budget) = if endpoint.is_failing(now) {
        (IN_FLIGHT_OF_FAILING_MAX, &budget.failing)
    } else {
        (IN_FLIGHT_OF_ENDPOINT_MAX, &budget.good)
    };
    // Each is of a different user, so any may be first; servers that poll at the same time begin with different ones.
    let begin = usize::try_from(app.env().rng().next_u32()).unwrap_or(0) % deliveries.len().max(1);
    deliveries.rotate_left(begin);
    let endpoint = Arc::new(endpoint);
    for due in deliveries {
        let event = due.delivery.event_id.clone();
        if under_way.contains(&event) {
            continue;
        }
        if running.len() >= most {
            break;
        }
        let Ok(permit) = Arc::clone(budget).try_acquire_owned() else { break };
        under_way.insert(event.clone());
        let (app, instance, endpoint) = (Arc::clone(app), instance.clone(), Arc::clone(&endpoint));
        running.spawn(async move {
            deliver(&app, &instance, &endpoint, due).await;
            drop(permit);
            event
        });
    }
    Ok(())
}

/// Leases and attempts one delivery, unless another server has it.
async fn deliver(app: &App, instance: &InstanceId, endpoint: &WebhookEndpoint, mut due: DueDelivery) {
    let now = app.clock.now();
    let timeout = app.webhooks.attempt_timeout();
    let lease = i64::try_from(timeout.as_millis()).unwrap_or(0) + LEASE_BEYOND_TIMEOUT_MS;
    let scoped = app.store.instance(instance);
    let claimed = scoped
        .claim_delivery(&endpoint.id, &due.delivery, now, now.plus_ms(lease), Instant::now() + STORE_TIMEOUT)
        .await;
    match claimed {
        Ok(true) => due.delivery.tries += 1,
        Ok(false) => return,
        Err(error) => {
            tracing::warn!(%error, endpoint_id = endpoint.id.as_str(), "a delivery could not be leased; will retry");
            return;
        }
    }
    let event_id = due.delivery.event_id.as_str();
    let tried = match body_of(app, instance, &due) {
        _ if due.delivery.give_up_at.is_some_and(|end| now >= end) => {
            Err("it could not be delivered before its code ended")
        }
        // The other form has dots instead of the code, which must not be delivered.
        _ if due.delivery.give_up_at.is_some() && due.sealed().is_none() => Err("its code was erased"),
        None => Err("its sealed part is damaged"),
        Some(body) => match secrets_of(&app.keyring, endpoint, now) {
            None => Err("the sealed secret of the endpoint is damaged"),
            Some(secrets) => {
                let trying = app.webhooks.attempt(&endpoint.url, &secrets, event_id, body, now, timeout);
                Ok(guard::asked_by(instance.as_str(), trying).await)
            }
        },
    };
    // A delivery that cannot be attempted will not succeed the next time either.
    let (tried, is_final) = match tried {
        Ok(tried) => (tried, false),
        Err(reason) => (Tried::failed(reason), true),
    };
    finish(app, instance, endpoint, &due, tried, is_final).await;
}

/// The missing key that a delivery needs; `None` also for a delivery that has expired.
fn missing_key<'a>(app: &App, endpoint: &'a WebhookEndpoint, due: &'a DueDelivery) -> Option<&'a str> {
    if due.delivery.give_up_at.is_some_and(|end| app.clock.now() >= end) {
        return None;
    }
    let sealed = [Some(endpoint.secret.as_str()), due.sealed()];
    let mut needed = sealed.into_iter().flatten().map(Keyring::key_of);
    needed.find(|key_id| !app.keyring.ids().any(|id| id == *key_id))
}

/// Postpones deliveries that wait for a key, and returns those that can be attempted. A missing key is not the endpoint's
/// fault: they wait until the key is back, here or in another server.
async fn without_stuck(
    app: &App,
    instance: &InstanceId,
    endpoint: &WebhookEndpoint,
    deliveries: Vec<DueDelivery>,
    told: &Notify,
) -> Result<Vec<DueDelivery>, StoreError> {
    let (stuck, ready): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|due| missing_key(app, endpoint, due).is_some());
    let Some(key_id) = stuck.first().and_then(|due| missing_key(app, endpoint, due)) else {
        return Ok(ready);
    };
    let endpoint_id = endpoint.id.as_str();
    let count = stuck.len();
    tracing::warn!(endpoint_id, count, key_id, "deliveries wait for a key that is not in code_keys");
    let counted = u64::try_from(count).unwrap_or(0);
    metrics::counter!("verger_waiting_for_key_total", "what" => "deliveries").increment(counted);
    // Without the secret of the endpoint no delivery can be signed.
    let codes: Vec<_> = stuck.into_iter().filter(|due| due.sealed().is_some()).collect();
    if !codes.is_empty() {
        let until = app.clock.now().plus_ms(KEY_WAIT_MS);
        let deadline = Instant::now() + STORE_TIMEOUT;
        app.store.instance(instance).postpone_codes(&endpoint.id, &codes, until, deadline).await?;
        told.notify_one();
    }
    Ok(ready)
}

/// The event as it is sent; `None` if it cannot be opened.
fn body_of(app: &App, instance: &InstanceId, due: &DueDelivery) -> Option<Bytes> {
    let text = match (&due.event, due.sealed()) {
        (DueEvent::Outbox { payload, .. }, None) => payload.clone(),
        (DueEvent::Outbox { .. }, Some(sealed)) => {
            app.keyring.open(due.delivery.event_id.as_str(), sealed)?
        }
        (DueEvent::Change(change), sealed) => {
            let event = change.events.iter().find(|event| event.id == due.delivery.event_id)?;
            let rendering = Rendering::of(instance, &**change);
            match sealed {
                None => rendering.payload(event.into()),
                Some(sealed) => {
                    let words = app.keyring.open(&seal_name(event.subject.as_deref()?), sealed)?;
                    let words: Words = serde_json::from_str(&words).ok()?;
                    rendering.payload_with(event.into(), words)?
                }
            }
        }
    };
    Some(text.into())
}

/// Writes the outcome of an attempt, and disables the endpoint if it has failed for too long.
async fn finish(
    app: &App,
    instance: &InstanceId,
    endpoint: &WebhookEndpoint,
    due: &DueDelivery,
    tried: Tried,
    is_final: bool,
) {
    let now = app.clock.now();
    let is_good = tried.is_good();
    let is_gone = tried.status == Some(GONE);
    let (next_at, anew_before) = (
        next_try_at(app, instance, endpoint, due, &tried, now).await.filter(|_| !is_final),
        now.plus_ms(-app.webhooks.streak_pause_ms()),
    );
    let streak = match is_good {
        true => Streak::Ends,
        // Not the endpoint's fault.
        false if is_final => Streak::Unknown,
        false => Streak::GoesOn { anew_before },
    };
    let outcome = outcome_of(due, tried, next_at, streak, now);
    metrics::counter!("verger_webhook_attempts_total", "result" => if is_good { "good" } else { "bad" })
        .increment(1);
    write_outcome(app.store.instance(instance), endpoint, due, &outcome).await;
    if is_gone {
        return disable(app, instance, endpoint, Disabling::Gone { url: &endpoint.url }, now).await;
    }
    if matches!(streak, Streak::GoesOn { .. })
        && let Some(because) = endpoint.failed_for(app.webhooks.disable_after_ms(), anew_before, now)
    {
        disable(app, instance, endpoint, because, now).await;
    }
}

/// The time of the next attempt if this one failed; `None` if it was the last.
async fn next_try_at(
    app: &App,
    instance: &InstanceId,
    endpoint: &WebhookEndpoint,
    due: &DueDelivery,
    tried: &Tried,
    now: UnixMillis,
) -> Option<UnixMillis> {
    let delivery = &due.delivery;
    let draw = app.env().rng().next_u32();
    let wait_ms = app.webhooks.wait_ms(delivery.tries - delivery.tries_before + 1, draw)?;
    let by_schedule = now.plus_ms(wait_ms);
    let Some(retry_after) = tried.retry_after else { return Some(by_schedule) };
    let retry_after_ms = i64::try_from(retry_after.as_millis()).unwrap_or(i64::MAX);
    let began = first_try_at(app, instance, endpoint, due, now).await;
    let asked_for = app.webhooks.next_try_at(now, wait_ms, retry_after_ms, began);
    // Not beyond the expiry of the code.
    Some(if delivery.give_up_at.is_some_and(|end| asked_for >= end) { by_schedule } else { asked_for })
}

fn outcome_of(
    due: &DueDelivery,
    tried: Tried,
    next_at: Option<UnixMillis>,
    streak: Streak,
    now: UnixMillis,
) -> DeliveryOutcome {
    let delivery = &due.delivery;
    let state = match next_at {
        _ if tried.is_good() => DeliveryState::Delivered,
        Some(next_at) if delivery.give_up_at.is_none_or(|end| next_at < end) => DeliveryState::Queued,
        _ => DeliveryState::Failed,
    };
    // The answer to a message with a code might repeat the code.
    let answer = if due.sealed().is_some() { String::new() } else { tried.answer };
    debug_assert!(answer.len() <= 3 * ANSWER_BYTES_KEPT);
    let attempt = AttemptRecord {
        try_number: delivery.tries,
        status: tried.status.map(i64::from),
        reason: tried.reason,
        latency_ms: tried.latency_ms,
        answer,
        created_at: now,
    };
    DeliveryOutcome { state, due_at: next_at.unwrap_or(now), attempt, streak }
}

/// Retries a few times: without this the attempt would count as interrupted, and the event would be sent twice.
async fn write_outcome(
    scoped: Scoped<'_>,
    endpoint: &WebhookEndpoint,
    due: &DueDelivery,
    outcome: &DeliveryOutcome,
) {
    for pause_ms in [0, 100, 500, 2_000] {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let deadline = Instant::now() + STORE_TIMEOUT;
        match scoped.finish_delivery(endpoint, due, outcome, deadline).await {
            Ok(_) => break,
            Err(error) => {
                let event_id = due.delivery.event_id.as_str();
                tracing::warn!(%error, event_id, "the outcome of a delivery could not be written");
            }
        }
    }
}

/// Start of the schedule of a delivery: its first attempt, or the first one after a replay.
async fn first_try_at(
    app: &App,
    instance: &InstanceId,
    endpoint: &WebhookEndpoint,
    due: &DueDelivery,
    now: UnixMillis,
) -> UnixMillis {
    let delivery = &due.delivery;
    let first = delivery.tries_before + 1;
    if delivery.tries <= first {
        return now;
    }
    let deadline = Instant::now() + STORE_TIMEOUT;
    let scoped = app.store.instance(instance);
    match scoped.attempt_at(&endpoint.id, &delivery.event_id, first, deadline).await {
        // An interrupted attempt has no outcome.
        Ok(at) => at.unwrap_or(delivery.created_at),
        Err(error) => {
            tracing::warn!(%error, endpoint_id = endpoint.id.as_str(), "Retry-After is ignored: the first attempt cannot be read");
            delivery.created_at
        }
    }
}

async fn disable(
    app: &App,
    instance: &InstanceId,
    endpoint: &WebhookEndpoint,
    because: Disabling<'_>,
    now: UnixMillis,
) {
    let reason = because.reason().as_str();
    let mut env = app.env();
    env.now = now;
    let stamp = Stamp::of(Author::server(), &mut env);
    let engine = Engine::of_job(app, instance, Instant::now() + STORE_TIMEOUT);
    match engine.disable_endpoint(endpoint.id.clone(), because, stamp).await {
        Ok(true) => {
            tracing::warn!(
                target: "verger::audit",
                instance_id = instance.as_str(),
                endpoint_id = endpoint.id.as_str(),
                reason,
                "a webhook endpoint failed for days, or answered 410, and was disabled"
            );
        }
        Ok(false) => {}
        Err(failure) => {
            // Without a cause the endpoint no longer exists.
            if let Some(error) = failure.cause() {
                tracing::warn!(
                    error,
                    endpoint_id = endpoint.id.as_str(),
                    "an endpoint could not be disabled"
                );
            }
        }
    }
}

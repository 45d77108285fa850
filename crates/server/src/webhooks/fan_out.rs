//! From changes to endpoints. Idempotent, and safe to run in many servers at once: changes get their numbers, and deliveries
//! are queued, each in one batch that fails if another server was first.
//!
//! On SQLite a change has its numbers with the commit; what remains is to queue deliveries behind a cursor. Events that
//! servers of the version before write get their numbers here, together with their rows of the audit trail.

use crate::app::App;
use crate::changes::entry_of_text;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::verification::CODE_LIFETIME_MS;
use verger_store::{
    Backlog, FanOut, FannedOut, NewAuditEntry, NewDelivery, Numbered, StoreError, Unread, UnreadEvent,
};
use verger_wire::{InstanceId, UnixMillis};

/// Maximum number of changes that get their numbers, or are queued for endpoints, in one batch.
const CHANGES_MAX: i64 = 1_000;
/// Maximum number of events of the version before per batch.
const EVENTS_MAX: i64 = 200;
/// Approximate number of statements per batch of such events: with many endpoints a batch has fewer of them.
const STATEMENTS_MAX: usize = 2_000;
/// How often the store is polled without a notification, and for what other processes write.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After this many consecutive rounds in which another server was faster it is logged: some seconds.
const OVERTAKEN_ROUNDS_MAX: u32 = 200;
const OVERTAKEN_PAUSE: Duration = Duration::from_millis(50);
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// For how many rounds an instance has been overtaken.
type Late = HashMap<InstanceId, u32>;

/// The outcome of a batch of one instance.
enum Batch {
    /// There is nothing to do.
    Nothing,
    /// It is done, and there may be more. Whoever writes more later tells.
    Some { is_more: bool },
    /// Another server was first.
    Overtaken,
}

/// Numbers changes and queues their deliveries until the server closes.
pub async fn fan_out_events(app: Arc<App>) {
    let mut late = Late::new();
    let mut looked: Option<Instant> = None;
    while !app.is_closing() {
        let is_time = looked.is_none_or(|then| then.elapsed() >= LOOK_EVERY);
        if is_time {
            looked = Some(Instant::now());
        }
        let more = match round(&app, is_time, &mut late).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "new changes cannot be read; will retry");
                false
            }
        };
        if !more {
            tokio::select! {
                () = app.new_change.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// One round; `true` if there may be more. `is_time` to look also for what other processes write without telling anybody.
async fn round(app: &App, is_time: bool, late: &mut Late) -> Result<bool, StoreError> {
    let deadline = Instant::now() + STORE_TIMEOUT;
    let mut more = false;
    if !is_time && app.store.numbers_at_commit() {
        for instance in app.store.instances_to_fan_out(deadline).await? {
            more |= settle(&instance, queue_deliveries(app, &instance).await, late).await;
        }
        return Ok(more);
    }
    for Backlog { instance, has_events, has_changes, has_deliveries } in app.store.backlogs(deadline).await? {
        if has_events {
            more |= settle(&instance, number_events(app, &instance).await, late).await;
        }
        if has_changes {
            more |= settle(&instance, number_changes(app, &instance).await, late).await;
        }
        if has_deliveries {
            more |= settle(&instance, queue_deliveries(app, &instance).await, late).await;
        }
    }
    Ok(more)
}

/// Whether there may be more after a batch. A failing instance must not delay the others.
async fn settle(instance: &InstanceId, batch: Result<Batch, StoreError>, late: &mut Late) -> bool {
    match batch {
        Ok(Batch::Nothing) => false,
        Ok(Batch::Some { is_more }) => {
            late.remove(instance);
            is_more
        }
        Ok(Batch::Overtaken) => {
            let rounds = late.entry(instance.clone()).or_default();
            *rounds += 1;
            if rounds.is_multiple_of(OVERTAKEN_ROUNDS_MAX) {
                tracing::error!(
                    instance_id = instance.as_str(),
                    rounds,
                    "events get no sequence numbers; check the audit trail with `verger audit verify`"
                );
            }
            // Another server is at it; two that race all the time are slower than one.
            tokio::time::sleep(OVERTAKEN_PAUSE).await;
            true
        }
        Err(error) => {
            tracing::warn!(%error, instance_id = instance.as_str(), "new changes of an instance cannot be read; will retry");
            false
        }
    }
}

/// Gives changes that wait for a number theirs.
async fn number_changes(app: &App, instance: &InstanceId) -> Result<Batch, StoreError> {
    let numbered =
        app.store.instance(instance).number_changes(CHANGES_MAX, Instant::now() + STORE_TIMEOUT).await?;
    Ok(match numbered {
        Numbered::Nothing => Batch::Nothing,
        Numbered::Overtaken => Batch::Overtaken,
        Numbered::Some { is_more, .. } => {
            app.followers.tell(instance);
            Batch::Some { is_more }
        }
    })
}

/// Queues the deliveries of numbered changes.
async fn queue_deliveries(app: &App, instance: &InstanceId) -> Result<Batch, StoreError> {
    let (now, deadline) = (app.clock.now(), Instant::now() + STORE_TIMEOUT);
    Ok(match app.store.instance(instance).fan_out_changes(CHANGES_MAX, now, deadline).await? {
        FannedOut::Nothing => Batch::Nothing,
        FannedOut::Overtaken => Batch::Overtaken,
        FannedOut::Some { deliveries, is_more } => {
            if deliveries > 0 {
                app.new_delivery.notify_one();
            }
            Batch::Some { is_more }
        }
    })
}

/// Numbers events of the version before, with everything that is derived from them.
async fn number_events(app: &App, instance: &InstanceId) -> Result<Batch, StoreError> {
    let scoped = app.store.instance(instance);
    let unread = scoped.unread_events(EVENTS_MAX, Instant::now() + STORE_TIMEOUT).await?;
    if unread.events.is_empty() {
        return Ok(Batch::Nothing);
    }
    let told = told(&unread, app.clock.now());
    let deliveries: usize = told.iter().map(|told| told.deliveries.len()).sum();
    let count = u64::try_from(told.len()).unwrap_or(0);
    if !scoped.fan_out(&unread, told, app.clock.now(), Instant::now() + STORE_TIMEOUT).await? {
        return Ok(Batch::Overtaken);
    }
    metrics::counter!("verger_events_total").increment(count);
    app.followers.tell(instance);
    if deliveries > 0 {
        app.new_delivery.notify_one();
    }
    Ok(Batch::Some { is_more: true })
}

/// Derives the rows of the audit trail and the deliveries from events.
fn told(unread: &Unread, now: UnixMillis) -> Vec<FanOut> {
    let of = |event: &UnreadEvent| FanOut {
        entry: NewAuditEntry {
            event_id: event.id.clone(),
            kind: event.kind.clone(),
            user_id: event.user_id.clone(),
            created_at: event.created_at,
            entry: entry_of_text(&event.payload).to_string(),
        },
        deliveries: unread
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.disabled_at.is_none() && endpoint.wants(&event.kind))
            .map(|endpoint| NewDelivery {
                endpoint_id: endpoint.id.clone(),
                // An expired code is not delivered.
                give_up_at: event.is_sealed.then(|| event.created_at.min(now).plus_ms(CODE_LIFETIME_MS)),
            })
            .collect(),
    };
    let most = STATEMENTS_MAX / (unread.endpoints.len() + 2);
    unread.events.iter().take(most.max(1)).map(of).collect()
}

//! Sends queued messages. Idempotent, and safe to run in many servers at once: a message is leased in the store before
//! its sender is called, and after an interrupted attempt it is sent again only by a sender that recognises repetitions.

use crate::app::App;
use crate::codes::Keyring;
use crate::engine::Letter;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use verger_core::time::CLOCKS_DIFFER_MS;
use verger_core::verification::CODE_LIFETIME_MS;
use verger_deliver::{Accepted, Channel, Outgoing, SendError, Sender};
use verger_store::{Message, MessageOutcome, MessageState};
use verger_wire::{InstanceId, MessageId, UnixMillis};

/// Concurrent attempts per channel.
const IN_FLIGHT_MAX: usize = 64;
/// How often the queue is polled without a notification.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Upper bound of an attempt; senders time out sooner.
const ATTEMPT_MAX: Duration = Duration::from_secs(65);
/// The lease of a message, in milliseconds: a server that has not reported the outcome by then is considered dead.
const LEASE_MS: i64 = 90_000;
/// The wait before the next attempt, by the number of attempts so far, in milliseconds.
const BACKOFF_MS: [i64; 5] = [1_000, 5_000, 15_000, 60_000, 120_000];
/// For how long a message that waits for a missing key is postponed, in milliseconds, so that others have their turn.
pub(crate) const KEY_WAIT_MS: i64 = 15_000;
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers until the server closes, then finishes what is in flight. Each channel has a queue of its own, so that a
/// provider of text messages that hangs does not delay email.
pub async fn deliver_messages(app: Arc<App>) {
    tokio::join!(deliver_channel(&app, Channel::Sms), deliver_channel(&app, Channel::Email));
}

async fn deliver_channel(app: &Arc<App>, channel: Channel) {
    let mut running: JoinSet<MessageId> = JoinSet::new();
    let mut in_flight: HashSet<MessageId> = HashSet::new();
    let mut looked_for_lost = Instant::now();
    while !app.is_closing() {
        while let Some(finished) = running.try_join_next() {
            forget(&mut in_flight, finished);
        }
        let room = IN_FLIGHT_MAX.saturating_sub(running.len());
        let mut found = 0;
        if room > 0 {
            match due(app, channel, MessageState::Queued).await {
                Ok(messages) => {
                    let new = messages.into_iter().filter(|(_, message)| !in_flight.contains(&message.id));
                    let (stuck, mut new): (Vec<_>, Vec<_>) =
                        new.partition(|(_, message)| waits_for_key(app, message));
                    new.truncate(room);
                    found = new.len() + postpone(app, channel, &stuck).await;
                    for (instance, message) in new {
                        in_flight.insert(message.id.clone());
                        running.spawn(deliver(Arc::clone(app), instance, message));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the queue of messages cannot be read; will retry")
                }
            }
        }
        if looked_for_lost.elapsed() > 5 * LOOK_EVERY {
            looked_for_lost = Instant::now();
            settle_lost(app, channel, &in_flight).await;
        }
        if found == 0 || running.len() >= IN_FLIGHT_MAX {
            tokio::select! {
                () = app.new_message(channel).notified(), if running.len() < IN_FLIGHT_MAX => {}
                Some(finished) = running.join_next() => forget(&mut in_flight, finished),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
    while running.join_next().await.is_some() {}
}

fn forget(in_flight: &mut HashSet<MessageId>, finished: Result<MessageId, tokio::task::JoinError>) {
    match finished {
        Ok(id) => {
            in_flight.remove(&id);
        }
        Err(error) => {
            tracing::error!(%error, "a delivery panicked");
            // It is unknown which one; the store knows which are leased.
            in_flight.clear();
        }
    }
}

async fn due(
    app: &App,
    channel: Channel,
    state: MessageState,
) -> Result<Vec<(InstanceId, Message)>, verger_store::StoreError> {
    let limit = i64::try_from(2 * IN_FLIGHT_MAX).unwrap_or(i64::MAX);
    // No wait exceeds the lifetime of a code, and no lease exceeds its constant.
    let longest_ms =
        CLOCKS_DIFFER_MS + if state == MessageState::Sending { LEASE_MS } else { CODE_LIFETIME_MS };
    let (now, deadline) = (app.clock.now(), Instant::now() + STORE_TIMEOUT);
    app.store.due_messages(state, channel.name(), now, longest_ms, limit, deadline).await
}

/// Whether the code of a message has not expired, but cannot be opened here: another server may have the key, or this one
/// after its next start.
fn waits_for_key(app: &App, message: &Message) -> bool {
    let key_id = message.sealed.as_deref().map_or("", Keyring::key_of);
    app.clock.now() < message.give_up_at && !app.keyring.ids().any(|id| id == key_id)
}

/// Postpones messages that wait for a key; returns how many.
async fn postpone(app: &App, channel: Channel, stuck: &[(InstanceId, Message)]) -> usize {
    let Some((_, first)) = stuck.first() else { return 0 };
    tracing::warn!(
        channel = channel.name(),
        count = stuck.len(),
        key_id = first.sealed.as_deref().map_or("", Keyring::key_of),
        "messages wait for a key that is not in code_keys"
    );
    let count = u64::try_from(stuck.len()).unwrap_or(0);
    metrics::counter!("verger_waiting_for_key_total", "what" => "messages").increment(count);
    let until = app.clock.now().plus_ms(KEY_WAIT_MS);
    match app.store.postpone_messages(stuck, until, Instant::now() + STORE_TIMEOUT).await {
        Ok(()) => stuck.len(),
        Err(error) => {
            tracing::warn!(%error, "messages that wait for a key could not be postponed");
            0
        }
    }
}

/// Settles messages whose lease has expired without an outcome.
async fn settle_lost(app: &App, channel: Channel, in_flight: &HashSet<MessageId>) {
    let lost = match due(app, channel, MessageState::Sending).await {
        Ok(lost) => lost,
        Err(error) => return tracing::warn!(%error, "interrupted messages could not be read"),
    };
    for (instance, message) in lost {
        // Whatever the clock says: this server is sending it, and will report the outcome.
        if in_flight.contains(&message.id) {
            continue;
        }
        let sender = sender_of(app, &message);
        let result =
            Err(SendError::Unknown { reason: "the server stopped while it was being sent".to_owned() });
        let outcome = outcome(&message, &*sender, result, app.clock.now());
        finish(app, &instance, &message, outcome).await;
    }
}

fn sender_of(app: &App, message: &Message) -> Arc<dyn Sender> {
    Arc::clone(if message.channel == "email" { &app.delivery.email } else { &app.delivery.sms })
}

/// Leases and sends one message, unless another server has it.
async fn deliver(app: Arc<App>, instance: InstanceId, mut message: Message) -> MessageId {
    let id = message.id.clone();
    let now = app.clock.now();
    let key_id = message.sealed.as_deref().map_or("", Keyring::key_of).to_owned();
    let sender = sender_of(&app, &message);
    let scoped = app.store.instance(&instance);
    let lease = now.plus_ms(LEASE_MS);
    match scoped
        .claim_message(&message, sender.name(), app.now(&instance), lease, Instant::now() + STORE_TIMEOUT)
        .await
    {
        Ok(true) => {
            message.tries += 1;
            message.sender = Some(sender.name().to_owned());
        }
        Ok(false) => return id,
        Err(error) => {
            tracing::warn!(%error, message_id = id.as_str(), "a message could not be leased; will retry");
            return id;
        }
    }
    let refused = |reason: String| Err(SendError::Refused { reason });
    let wanted = scoped.is_code_wanted(&message, Instant::now() + STORE_TIMEOUT).await;
    let result = if now >= message.give_up_at {
        let missing = !app.keyring.ids().any(|id| id == key_id);
        refused(if missing {
            format!("it was sealed with key {key_id}, which is not in code_keys")
        } else {
            "it could not be sent before its code ended".to_owned()
        })
    } else if let Ok(false) = wanted {
        refused("its code was replaced or is no longer wanted".to_owned())
    } else if let Err(error) = wanted {
        Err(SendError::NotSent { reason: error.to_string(), retry_after: None })
    } else {
        match open(&app, &instance, &message) {
            Some(outgoing) => sender.send(&outgoing, Instant::now() + ATTEMPT_MAX).await,
            None => refused("its sealed text is damaged".to_owned()),
        }
    };
    let outcome = outcome(&message, &*sender, result, app.clock.now());
    finish(&app, &instance, &message, outcome).await;
    id
}

fn open(app: &App, instance: &InstanceId, message: &Message) -> Option<Outgoing> {
    let text = app.keyring.open(message.id.as_str(), message.sealed.as_deref()?)?;
    let letter: Letter = serde_json::from_str(&text).ok()?;
    let (channel, from) = if message.channel == "email" {
        (Channel::Email, app.delivery_from.1.get(instance.as_str()))
    } else {
        (Channel::Sms, app.delivery_from.0.get(instance.as_str()))
    };
    Some(Outgoing {
        id: message.id.to_string(),
        instance_id: instance.to_string(),
        channel,
        to: letter.to,
        subject: letter.subject,
        text: letter.text,
        from: from.cloned(),
    })
}

fn outcome(
    message: &Message,
    sender: &dyn Sender,
    result: Result<Accepted, SendError>,
    now: UnixMillis,
) -> MessageOutcome {
    let at = usize::try_from(message.tries.saturating_sub(1)).unwrap_or(0).min(BACKOFF_MS.len() - 1);
    let mut due_at = now.plus_ms(BACKOFF_MS[at]);
    let (state, provider_id, reason) = match result {
        Ok(Accepted { provider_id, delivered }) => {
            (if delivered { MessageState::Delivered } else { MessageState::Accepted }, provider_id, None)
        }
        Err(SendError::Refused { reason }) => (MessageState::Failed, None, Some(reason)),
        Err(SendError::NotSent { reason, retry_after }) => {
            let wait = retry_after.and_then(|wait| i64::try_from(wait.as_millis()).ok()).unwrap_or(0);
            due_at = due_at.max(now.plus_ms(wait));
            (MessageState::Queued, None, Some(reason))
        }
        // A different sender than the interrupted one cannot recognise the repetition.
        Err(SendError::Unknown { reason })
            if sender.is_idempotent() && message.sender.as_deref() == Some(sender.name()) =>
        {
            (MessageState::Queued, None, Some(reason))
        }
        Err(SendError::Unknown { reason }) => (MessageState::Unknown, None, Some(reason)),
    };
    let state = if state == MessageState::Queued && due_at >= message.give_up_at {
        MessageState::Failed
    } else {
        state
    };
    MessageOutcome { state, due_at, sender: sender.name().to_owned(), provider_id, reason }
}

async fn finish(app: &App, instance: &InstanceId, message: &Message, outcome: MessageOutcome) {
    // Without this the message would count as interrupted, so a few retries are worth it.
    for pause_ms in [0, 100, 500, 2_000] {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let deadline = Instant::now() + STORE_TIMEOUT;
        let scoped = app.store.instance(instance);
        match scoped.finish_message(&message.id, message.tries, &outcome, app.now(instance), deadline).await {
            Ok(true) => {
                tell(app, instance, message, &outcome);
                return;
            }
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, message_id = message.id.as_str(), "the outcome of a message could not be written");
            }
        }
    }
}

/// Counts the outcome of an attempt, shows it in the inbox, and logs it if it deserves attention.
pub(crate) fn tell(app: &App, instance: &InstanceId, message: &Message, outcome: &MessageOutcome) {
    let (channel, state) = (message.channel.clone(), outcome.state.as_str());
    metrics::counter!("verger_messages_total", "channel" => channel, "state" => state).increment(1);
    if let Some(dev) = &app.dev {
        dev.inbox.set_status(message.id.as_str(), state);
    }
    if matches!(outcome.state, MessageState::Failed | MessageState::Unknown) {
        tracing::warn!(
            target: "verger::audit",
            instance_id = instance.as_str(),
            message_id = message.id.as_str(),
            sender = outcome.sender,
            state,
            reason = outcome.reason.as_deref().unwrap_or("-"),
            "a message was not sent"
        );
    }
}

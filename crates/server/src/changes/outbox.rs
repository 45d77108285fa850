//! Changes in the form of before there were rows of changes: each event by itself, with its text. Servers of the version before
//! read no other.

use super::message::{Words, seal_name};
use super::rendering::{EventOf, Rendering};
use crate::codes::Keyring;
use verger_core::Env;
use verger_core::event::is_told;
use verger_store::{NewAuditEntry, NewChange, OutboxEvent};
use verger_wire::{EventId, InstanceId};

/// The events of a change that are told. What only the trail has is not among them: the version before keeps no such rows in
/// its outbox. `None` if a sealed code cannot be sealed again.
pub(crate) fn events_in_old_form(
    keyring: &Keyring,
    instance: &InstanceId,
    change: &NewChange,
    env: &mut Env,
) -> Option<Vec<OutboxEvent>> {
    let rendering = Rendering::of(instance, change);
    let told = change.events.iter().filter(|event| is_told(&event.kind));
    told.map(|event| {
        let id = env.event_id();
        let of = EventOf { id: id.as_str(), kind: &event.kind, subject: event.subject.as_deref() };
        let sealed = match (&change.sealed, &event.subject) {
            (Some(sealed), Some(message_id)) => {
                Some(sealed_event(keyring, &rendering, of, message_id, sealed, &id)?)
            }
            _ => None,
        };
        Some(OutboxEvent {
            kind: event.kind.clone(),
            user_id: change.user_id.clone(),
            user_version: change.user_version,
            created_at: change.created_at,
            payload: rendering.payload(of),
            sealed,
            id,
        })
    })
    .collect()
}

/// The row of the trail for a change of which only the trail is told; `None` if it has no event.
pub(crate) fn note_in_old_form(
    instance: &InstanceId,
    change: &NewChange,
    env: &mut Env,
) -> Option<NewAuditEntry> {
    let event = change.events.first()?;
    let event_id = env.event_id();
    let of = EventOf { id: event_id.as_str(), kind: &event.kind, subject: event.subject.as_deref() };
    let entry = Rendering::of(instance, change).entry(of).to_string();
    Some(NewAuditEntry {
        kind: event.kind.clone(),
        user_id: change.user_id.clone(),
        created_at: change.created_at,
        entry,
        event_id,
    })
}

/// The event with its code, sealed for its row.
fn sealed_event(
    keyring: &Keyring,
    rendering: &Rendering<'_>,
    of: EventOf<'_>,
    message_id: &str,
    sealed: &str,
    id: &EventId,
) -> Option<String> {
    let words: Words = serde_json::from_str(&keyring.open(&seal_name(message_id), sealed)?).ok()?;
    keyring.seal(id.as_str(), &rendering.payload_with(of, words)?)
}

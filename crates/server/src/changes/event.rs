//! One event of a user's change, as it is delivered.

use super::kept::{Author, Who};
use crate::render;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use verger_core::Identifier;
use verger_core::event::{Event, Resource};
use verger_wire as wire;

/// What every event says beside what it is about.
pub(super) struct Heading<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) instance_id: &'a str,
    pub(super) timestamp: wire::UnixMillis,
    pub(super) author: &'a Author,
    pub(super) consequences: &'a [String],
}

impl Heading<'_> {
    /// An event with this heading about `data`.
    pub(super) fn event(&self, data: Box<RawValue>) -> wire::Event {
        let origin = &self.author.origin;
        let http_request = wire::EventRequest {
            client_ip: origin.remote_address.clone().unwrap_or_default(),
            user_agent: origin.user_agent.clone().unwrap_or_default(),
        };
        let actor = actor(self.author);
        wire::Event {
            id: self.id.to_owned(),
            object: "event".to_owned(),
            kind: self.kind.to_owned(),
            instance_id: self.instance_id.to_owned(),
            event_attributes: wire::EventAttributes { http_request },
            timestamp: self.timestamp,
            data,
            before: None,
            changes: BTreeMap::new(),
            consequences: self.consequences.to_vec(),
            clerk_trace_id: actor.trace_id.clone(),
            actor,
        }
    }

    /// An event of a user's change: the resource afterwards, and the keys that differ.
    pub(super) fn event_of(&self, event: &Event<'_>) -> Result<wire::Event, serde_json::Error> {
        let before = event.before.map(|of| resource(of, self.timestamp)).transpose()?;
        let after = event.after.map(|of| resource(of, self.timestamp)).transpose()?;
        let changes = match (&before, &after) {
            (Some(before), Some(after)) => changes(before, after)?,
            _ => BTreeMap::new(),
        };
        let (data, before) = match (after, event.before) {
            (Some(after), _) => (after, None),
            (None, Some(gone)) => {
                let object = match gone {
                    Resource::User(_) => "user",
                    Resource::Identification(held) => held.identifier.kind().as_str(),
                };
                (to_raw_value(&render::deleted(event.subject_id(), object))?, before)
            }
            (None, None) => (to_raw_value(&())?, None),
        };
        Ok(wire::Event { before, changes, ..self.event(data) })
    }
}

/// Whoever holds the key that made a change, as events show it.
pub(super) fn actor(Author { who, origin }: &Author) -> wire::Actor {
    let Who { key_id, trace_id, .. } = who.clone();
    wire::Actor {
        key_id: key_id.unwrap_or_default(),
        trace_id: trace_id.unwrap_or_default(),
        remote_address: origin.remote_address.clone(),
    }
}

/// The keys that differ. The texts are compared as they are: both were written by the same code.
fn changes(
    before: &RawValue,
    after: &RawValue,
) -> Result<BTreeMap<String, wire::ValueChange>, serde_json::Error> {
    let before: BTreeMap<&str, &RawValue> = serde_json::from_str(before.get())?;
    let after: BTreeMap<&str, &RawValue> = serde_json::from_str(after.get())?;
    let mut changes = BTreeMap::new();
    for (key, after) in after {
        let before = before.get(key).copied();
        if before.map(RawValue::get) != Some(after.get()) {
            let change = wire::ValueChange { before: before.map(ToOwned::to_owned), after: after.to_owned() };
            changes.insert(key.to_owned(), change);
        }
    }
    Ok(changes)
}

fn resource(of: Resource<'_>, now: wire::UnixMillis) -> Result<Box<RawValue>, serde_json::Error> {
    match of {
        Resource::User(of) => to_raw_value(&render::user(of, now)),
        Resource::Identification(held) => match held.identifier {
            Identifier::Phone(_) => to_raw_value(&render::phone_number(held, now)),
            Identifier::Email(_) => to_raw_value(&render::email_address(held, now)),
        },
    }
}

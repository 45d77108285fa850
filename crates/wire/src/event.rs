//! What happened, as it will be told to whoever subscribes.

use crate::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One event. It is written in the same transaction as the change that it tells of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// `evt_…`; a repeated delivery carries the same id.
    pub id: String,
    /// Always `event`: tells its body from that of a resource.
    pub object: String,
    /// For example `phone_number.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ins_…`: the instance of the changed resource.
    pub instance_id: String,
    /// Where the request came from that made the change.
    #[serde(default)]
    pub event_attributes: EventAttributes,
    /// When the change was made, in Unix milliseconds.
    pub timestamp: UnixMillis,
    /// The resource as it is after the change; for a deletion the deleted object.
    pub data: Box<RawValue>,
    /// A deleted resource as it was. What an update changed is in `changes`.
    pub before: Option<Box<RawValue>>,
    /// The keys of an updated resource that differ.
    pub changes: BTreeMap<String, ValueChange>,
    /// Side effects beyond the field that the request named; the codes of `Verger-Consequences`.
    pub consequences: Vec<String>,
    /// The key and the request that made the change.
    #[serde(default)]
    pub actor: Actor,
    /// The trace id of the request that made the change.
    pub clerk_trace_id: String,
}

/// A key of a resource that differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ValueChange {
    /// Its value before the change; `None` if the resource did not have the key.
    pub before: Option<Box<RawValue>>,
    /// Its value after the change, as the resource shows it.
    pub after: Box<RawValue>,
}

/// Where a change came from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventAttributes {
    /// The request that made the change.
    pub http_request: EventRequest,
}

/// The request behind an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventRequest {
    /// Who was at the other end of the connection; empty if that is not known.
    pub client_ip: String,
    /// What the caller said it is; empty if it did not.
    pub user_agent: String,
}

/// The key and the request that made a change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Actor {
    /// Which secret key was used; not the key.
    pub key_id: String,
    /// The trace id of the request.
    pub trace_id: String,
    /// Who sent the request: who was at the other end of the connection, or whom a trusted proxy there named.
    pub remote_address: Option<String>,
}

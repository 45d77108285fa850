//! What happened, as it will be told to whoever subscribes.

use crate::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One event. It is written in the same transaction as the change that it tells of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `evt_…`; a repeated delivery carries the same id.
    pub id: String,
    /// Always `event`.
    pub object: String,
    /// For example `phone_number.updated`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `ins_…`.
    pub instance_id: String,
    /// Unix milliseconds.
    pub timestamp: UnixMillis,
    /// The resource as it is after the change; for a deletion the deleted object.
    pub data: Value,
    /// The resource as it was before; null for a creation.
    pub before: Option<Value>,
    /// The keys of the resource that differ, each with its value before and after.
    pub changes: Map<String, Value>,
    /// Side effects beyond the field that the request named; the codes of `Verger-Consequences`.
    pub consequences: Vec<String>,
    /// The trace id of the request that made the change.
    pub clerk_trace_id: String,
}

//! The audit trail and the feed of events.

use crate::UnixMillis;
use crate::input::Input;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A row of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct AuditEntry {
    /// Always `audit_entry`.
    #[wire(constant = "audit_entry")]
    pub object: String,
    /// Position in the trail, without gaps.
    #[wire(format = "int64", example = 42)]
    pub sequence_number: i64,
    /// `evt_…`.
    #[wire(example = "evt_3Dw7QGzscnGJl1VdOJbDs8fPBCo")]
    pub event_id: String,
    /// What happened, such as `phone_number.verified`.
    #[wire(example = "phone_number.verified")]
    #[serde(rename = "type")]
    pub kind: String,
    /// The user the event is about; empty if there is none.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// Actor, resource and what changed, with numbers and addresses masked.
    #[wire(example = {"type": "phone_number.verified", "timestamp": 1779181200000_i64, "resource": {"id": "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl", "object": "phone_number", "phone_number": "+4***67"}})]
    pub entry: Value,
    /// `hash` of the row before.
    #[wire(example = "5b2f000000000000000000000000000000000000000000000000000000000000")]
    pub previous_hash: String,
    /// SHA-256 of `previous_hash` and this row.
    #[wire(example = "9c41000000000000000000000000000000000000000000000000000000000000")]
    pub hash: String,
}

/// Rows of the audit trail, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct AuditLog {
    /// Always `list`.
    #[wire(constant = "list")]
    pub object: String,
    /// The rows.
    #[wire(example = [AuditEntry::example()])]
    pub data: Vec<AuditEntry>,
    /// `before` of the request for the next rows; null at the end.
    #[wire(nullable, format = "int64")]
    pub next_before: Option<i64>,
}

/// `GET /verger/v1/audit_log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct AuditLogParams {
    /// Only rows about this user.
    pub user_id: Option<String>,
    /// Only rows of this type, such as `phone_number.verified`.
    #[wire(name = "type")]
    pub kind: Option<String>,
    /// Only rows from this time on, in Unix milliseconds.
    #[wire(min = 0, format = "int64")]
    pub since: Option<i64>,
    /// Only rows before this time, in Unix milliseconds.
    #[wire(min = 0, format = "int64")]
    pub until: Option<i64>,
    /// Only rows before this `sequence_number`: `next_before` of the answer before.
    #[wire(min = 0, format = "int64")]
    pub before: Option<i64>,
    /// Maximum number of rows to return.
    #[wire(min = 1, max = 500, default = 100)]
    pub limit: Option<i64>,
}

/// `GET /verger/v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct FollowEventsParams {
    /// As the header `Last-Event-ID`, for clients that cannot send it.
    pub last_event_id: Option<String>,
}

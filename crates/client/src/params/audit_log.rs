//! Which rows of the audit trail are listed.

use serde::Serialize;
use verger_wire::{UnixMillis, setters};

/// Which rows of the audit trail, and how many. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListAuditLogParams {
    /// Only what is about this user.
    pub user_id: Option<String>,
    /// Only events of this type, for example `phone_number.updated`; `type` on the wire.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Not before this moment. Unix milliseconds.
    pub since: Option<UnixMillis>,
    /// Before this moment. Unix milliseconds.
    pub until: Option<UnixMillis>,
    /// Only rows before this place: [`next_before`](crate::AuditLogPage::next_before) of the page before.
    pub before: Option<i64>,
    /// Rows in the answer: 1 to 500. The service's default is 100.
    pub limit: Option<u32>,
}

setters! { ListAuditLogParams, new() {
    text user_id;
    text kind;
    value since: UnixMillis;
    value until: UnixMillis;
    value before: i64;
    value limit: u32;
} }

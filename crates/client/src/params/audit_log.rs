//! Which rows of the audit trail are listed.

use serde::Serialize;
use verger_wire::{UnixMillis, setters};

/// Which rows of the audit trail, and how many. All that is given must hold.
///
/// ```
/// # use verger_client::ListAuditLogParams;
/// # use verger_client::testing::{Answer, MockTransport};
/// # use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), verger_client::Error> {
/// # let mock = MockTransport::new();
/// # let row = |n: i64| json!({"sequence_number": n, "event_id": "evt_1", "type": "user.updated", "created_at": 1});
/// # mock.push(Answer::json(200, json!({"object": "list", "data": [row(2)], "next_before": 2})));
/// # mock.push(Answer::json(200, json!({"object": "list", "data": [row(1)], "next_before": null})));
/// # let client = mock.client();
/// let mut params = ListAuditLogParams::new().user_id("user_1");
/// let mut rows = Vec::new();
/// loop {
///     let page = client.audit_log().list_audit_log(params.clone()).await?;
///     rows.extend(page.data);
///     params.before = page.next_before;
///     if params.before.is_none() {
///         break;
///     }
/// }
/// # assert_eq!(rows.len(), 2);
/// # assert_eq!(mock.requests()[1].query_string(), "user_id=user_1&before=2");
/// # Ok(())
/// # }
/// ```
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

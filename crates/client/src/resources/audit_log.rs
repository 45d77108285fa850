//! The methods of `Client::audit_log`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::AuditLogPage;
use crate::operations::VERGER_LIST_AUDIT_LOG;
use crate::params::ListAuditLogParams;
use crate::request::Request;

resource! {
    /// Everything that happened, as a live feed and as a tamper-evident audit trail; from
    /// [`Client::audit_log`](crate::Client::audit_log). Verger only: other services answer 404.
    AuditLog
}

impl<R: Clone> AuditLog<R> {
    /// List the audit trail: `GET /verger/v1/audit_log`. Verger only.
    ///
    /// Newest row first. `verger audit verify` detects tampering.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// ```
    /// # use verger_client::ListAuditLogParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListAuditLogParams::new().limit(50);
    /// let request = client.audit_log().list_audit_log(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/audit_log"));
    /// assert_eq!(request.query_string(), "limit=50");
    /// ```
    #[doc(alias("get_audit_log", "list_audit_entries"))]
    pub fn list_audit_log(&self, params: ListAuditLogParams) -> Request<AuditLogPage, R> {
        self.request(&VERGER_LIST_AUDIT_LOG, &[]).params(&params)
    }
}

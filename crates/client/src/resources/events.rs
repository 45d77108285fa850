//! The feed of events, and the audit trail.

use crate::feed::EventStream;
use crate::model::AuditLogPage;
use crate::operations::{FOLLOW_EVENTS, LIST_AUDIT_LOG};
use crate::params::ListAuditLogParams;
use crate::request::Request;

resource! {
    /// Events as they happen; from [`Client::events`](crate::Client::events). Verger only: other services answer 404.
    Events
}

impl<R: Clone> Events<R> {
    /// Follows what happens in the instance: `GET /verger/v1/events`, server-sent events. Without `last_event_id` it begins
    /// with what happens from now on, else with what came after that event.
    ///
    /// `.await` gives an [`EventStream`] once the service has answered, `.send()` of `blocking` an iterator; the times of the
    /// client are for that answer, not for what follows. A stream is one connection and is not opened again by itself:
    /// keep [`last_event_id`](EventStream::last_event_id), and follow again behind it.
    ///
    /// # Errors
    /// 404 for an event that is no longer kept (30 days unless set otherwise): then read what there is now and follow
    /// without it. 503 if the server has as many followers already as it takes, of this instance or in all.
    ///
    /// ```
    /// # use verger_client::{Error, EventKind};
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let mock = MockTransport::new();
    /// # let event = r#"{"id":"evt_8","type":"user.created","timestamp":1,"data":{}}"#;
    /// # mock.push(Answer::text(200, "text/event-stream", &format!("id: evt_8\ndata: {event}\n\n")));
    /// # mock.push(Answer::error(401, "clerk_key_invalid", None));
    /// # let client = mock.client();
    /// let mut last: Option<String> = Some("evt_7".to_owned()); // as your program has kept it
    /// # let mut seen = 0;
    /// let error = loop {
    ///     let mut events = match client.events().follow_events(last.as_deref()).await {
    ///         Ok(events) => events,
    ///         Err(error) => break error,
    ///     };
    ///     // When the server goes away or the connection breaks, the next round follows; wait a moment before it.
    ///     while let Ok(Some(event)) = events.try_next().await {
    ///         assert_eq!(event.kind, EventKind::UserCreated);
    /// #       seen += 1;
    ///     }
    ///     last = events.last_event_id().map(str::to_owned);
    /// };
    /// assert!(error.is_unauthorized());
    /// # assert_eq!(seen, 1);
    /// # assert_eq!(mock.requests()[1].header("last-event-id"), Some("evt_8"));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("stream_events", "subscribe", "listen"))]
    pub fn follow_events(&self, last_event_id: Option<&str>) -> Request<EventStream, R> {
        let request = self.request(&FOLLOW_EVENTS, &[]).header("accept", "text/event-stream");
        match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    }
}

resource! {
    /// The audit trail; from [`Client::audit_log`](crate::Client::audit_log). Verger only: other services answer 404.
    AuditLog
}

impl<R: Clone> AuditLog<R> {
    /// A page of the audit trail, the newest row first: `GET /verger/v1/audit_log`. A change is in it a moment after it was
    /// answered.
    ///
    /// # Errors
    /// 422 for a limit, a moment or a place that makes no sense.
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
    #[doc(alias("get_audit_log", "list_audit_entries"))]
    pub fn list_audit_log(&self, params: ListAuditLogParams) -> Request<AuditLogPage, R> {
        self.request(&LIST_AUDIT_LOG, &[]).params(&params)
    }
}

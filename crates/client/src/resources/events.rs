//! The feed of events.

use crate::feed::EventStream;
use crate::operations::VERGER_FOLLOW_EVENTS;
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
        let request = self.request(&VERGER_FOLLOW_EVENTS, &[]).header("accept", "text/event-stream");
        match last_event_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    }
}

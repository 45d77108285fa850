//! What only development instances have: readable messages, a clock that can be moved, an instance that can be emptied.

use crate::model::{ClockState, InstanceReset, Message};
use crate::operations::{ADVANCE_CLOCK, LIST_MESSAGES, RESET_INSTANCE};
use crate::params::ListMessagesParams;
use crate::request::Request;
use serde_json::json;
use std::time::Duration;

resource! {
    /// Messages as people would get them, for tests; from [`Client::messages`](crate::Client::messages). Only development
    /// instances of `verger dev` and of `verger_server::testing` have them.
    Messages
}

impl<R: Clone> Messages<R> {
    /// The newest messages, with their codes: `GET /verger/v1/messages`. A message is there before the request that caused
    /// it is answered.
    ///
    /// # Errors
    /// 422 for a limit that makes no sense, 404 where messages are really sent.
    ///
    /// ```
    /// # use verger_client::ListMessagesParams;
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// # let mock = MockTransport::new();
    /// # mock.push(Answer::json(200, json!([{"id": "sms_1", "channel": "sms", "to": "+41791234567",
    /// #     "text": "218572 is your code.", "code": "218572", "status": "delivered", "created_at": 1}])));
    /// # let client = mock.client();
    /// let params = ListMessagesParams::new().phone_number("+41791234567");
    /// let messages = client.messages().list_messages(params).await?;
    /// assert_eq!(messages[0].code, "218572");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias("inbox", "get_messages", "read_code"))]
    pub fn list_messages(&self, params: ListMessagesParams) -> Request<Vec<Message>, R> {
        self.request(&LIST_MESSAGES, &[]).params(&params)
    }
}

resource! {
    /// The time of a development instance; from [`Client::clock`](crate::Client::clock). Only `verger dev` and
    /// `verger_server::testing` have it.
    Clock
}

impl<R: Clone> Clock<R> {
    /// Moves the time forward, up to ten years at once, so that tests need not wait for codes to expire:
    /// `POST /verger/v1/clock`. Less than a millisecond is left out.
    ///
    /// The service moves it anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// 422 for more than ten years, 404 where time cannot be moved.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.clock().advance_clock(Duration::from_secs(600));
    /// assert_eq!(request.body(), Some(r#"{"advance_ms":600000}"#));
    /// ```
    #[doc(alias("advance_time", "move_clock", "set_clock"))]
    pub fn advance_clock(&self, duration: Duration) -> Request<ClockState, R> {
        // What does not fit is far beyond what the service takes, and it says so.
        let advance_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.request(&ADVANCE_CLOCK, &[]).json(&json!({ "advance_ms": advance_ms }))
    }
}

resource! {
    /// The instance that the secret key belongs to; from [`Client::instances`](crate::Client::instances). Only development
    /// instances of `verger dev` and of `verger_server::testing` have it.
    Instances
}

impl<R: Clone> Instances<R> {
    /// **Deletes everything** in the instance but its keys, and sets its time back to now: `POST /verger/v1/reset`.
    ///
    /// It deletes anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// 404 for a production instance, and where instances cannot be emptied.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// assert_eq!(client.instances().reset().path(), "/verger/v1/reset");
    /// ```
    #[doc(alias("reset_instance", "empty"))]
    pub fn reset(&self) -> Request<InstanceReset, R> {
        self.request(&RESET_INSTANCE, &[])
    }
}

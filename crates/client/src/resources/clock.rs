//! The clock of a development instance.

use crate::model::ClockState;
use crate::operations::VERGER_ADVANCE_CLOCK;
use crate::request::Request;
use serde_json::json;
use std::time::Duration;

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
        self.request(&VERGER_ADVANCE_CLOCK, &[]).json(&json!({ "advance_ms": advance_ms }))
    }
}

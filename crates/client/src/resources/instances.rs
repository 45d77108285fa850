//! The methods of `Client::instances`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::InstanceReset;
use crate::operations::VERGER_RESET;
use crate::request::Request;

resource! {
    /// Available only with the key of a development instance, in `verger dev` or in a test server; otherwise 404. Read
    /// codes, move the clock forward, empty the instance. From [`Client::instances`](crate::Client::instances). Verger
    /// only: other services answer 404.
    Instances
}

impl<R: Clone> Instances<R> {
    /// Empty the instance: `POST /verger/v1/reset`. Verger only.
    ///
    /// Removes all users, messages, webhook endpoints and events of the instance, and sets its clock back. Secret keys
    /// stay. In `verger dev` the demo user is created again under the same ids; in a test server no user remains.
    ///
    /// The service acts anew each time, so the client sends no `Idempotency-Key` and does not repeat it.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): The API has no such path.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.instances().reset();
    /// assert_eq!((request.method().as_str(), request.path()), ("POST", "/verger/v1/reset"));
    /// ```
    #[doc(alias("reset_instance", "empty"))]
    pub fn reset(&self) -> Request<InstanceReset, R> {
        self.request(&VERGER_RESET, &[])
    }
}

//! For the tests of programs that use the client: answers without a network.
//!
//! ```
//! use serde_json::json;
//! use verger_client::testing::{Answer, MockTransport};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), verger_client::Error> {
//! let mock = MockTransport::new();
//! mock.push(Answer::json(200, json!({"id": "idn_1", "object": "phone_number", "deleted": true})));
//!
//! let deleted = mock.client().phone_numbers().delete_phone_number("idn_1").await?;
//! assert!(deleted.deleted);
//!
//! let sent = &mock.requests()[0];
//! assert_eq!((sent.method().as_str(), sent.path()), ("DELETE", "/v1/phone_numbers/idn_1"));
//! # Ok(())
//! # }
//! ```

pub use crate::mock::{Answer, MockTransport, SentRequest};

use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::retry::RetryPolicy;

impl MockTransport {
    /// A client on this mock, which sends every request once.
    #[expect(clippy::expect_used, reason = "everything that `build` checks stands in `builder`")]
    pub fn client(&self) -> Client {
        self.builder().retry(RetryPolicy::never()).build().expect("the mock's own settings are good")
    }

    /// A client in the making on this mock, with all defaults.
    ///
    /// ```
    /// # use verger_client::{RetryPolicy, testing::{Answer, MockTransport}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// let mock = MockTransport::new();
    /// mock.push(Answer::error(503, "service_unavailable", None));
    /// mock.push(Answer::json(200, serde_json::json!({"total_count": 3})));
    /// let client = mock.builder().retry(RetryPolicy::default().max_attempts(2)).build()?;
    /// assert_eq!(client.users().get_count(Default::default()).await?.total_count, 3);
    /// assert_eq!(mock.requests().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(&self) -> ClientBuilder {
        Client::builder().secret_key("sk_test_mock").transport(self.clone())
    }
}

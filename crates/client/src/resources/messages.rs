//! The methods of `Client::messages`.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::model::Message;
use crate::operations::{VERGER_GET_MESSAGE, VERGER_LIST_MESSAGES};
use crate::params::ListMessagesParams;
use crate::request::Request;

resource! {
    /// Available only with the key of a development instance, in `verger dev` or in a test server; otherwise 404. Read
    /// codes, move the clock forward, empty the instance. From [`Client::messages`](crate::Client::messages). Verger
    /// only: other services answer 404.
    Messages
}

impl<R: Clone> Messages<R> {
    /// Read messages: `GET /verger/v1/messages`. Verger only.
    ///
    /// The messages that would have been sent, with their codes, newest first. The newest 10,000 are kept, in memory.
    /// `/inbox` shows the same as a page.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): The API has no such path.
    ///
    /// ```
    /// # use verger_client::ListMessagesParams;
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let params = ListMessagesParams::new().phone_number("+41791234567");
    /// let request = client.messages().list_messages(params);
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/messages"));
    /// assert_eq!(request.query_string(), "phone_number=%2B41791234567");
    /// ```
    #[doc(alias("inbox", "get_messages", "read_code"))]
    pub fn list_messages(&self, params: ListMessagesParams) -> Request<Vec<Message>, R> {
        self.request(&VERGER_LIST_MESSAGES, &[]).params(&params)
    }

    /// Read a message: `GET /verger/v1/messages/{message_id}`. Verger only.
    ///
    /// The message with this id, as long as it is kept: a delivery and a webhook event have the same id.
    ///
    /// # Errors
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): The API has no such path.
    /// - 404 `resource_not_found` ([`is_not_found`](crate::Error::is_not_found)): This instance has no object with this
    ///   id.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.messages().get_message("sms_1");
    /// assert_eq!((request.method().as_str(), request.path()), ("GET", "/verger/v1/messages/sms_1"));
    /// ```
    pub fn get_message(&self, message_id: &str) -> Request<Message, R> {
        self.request(&VERGER_GET_MESSAGE, &[message_id])
    }
}

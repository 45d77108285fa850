//! Which messages of a development instance are listed.

use serde::Serialize;
use verger_wire::setters;

/// Which messages, and how many. All that is given must hold.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListMessagesParams {
    /// Only those to this number, written in any way that the service accepts.
    pub phone_number: Option<String>,
    /// Only those to this address.
    pub email_address: Option<String>,
    /// Only those for this phone number, `idn_…`.
    pub phone_number_id: Option<String>,
    /// Messages in the answer: 1 to 500. The service's default is 100.
    pub limit: Option<u32>,
}

setters! { ListMessagesParams, new() {
    text phone_number;
    text email_address;
    text phone_number_id;
    value limit: u32;
} }

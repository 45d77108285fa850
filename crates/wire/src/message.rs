//! Messages that carry codes or links of invitations, and their delivery status.

use crate::UnixMillis;
use crate::input::Input;
use crate::schema::Schema;
use serde::{Deserialize, Serialize};

/// The delivery of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct MessageDelivery {
    /// `sms_…`, of emails too; the same as in the event.
    #[wire(example = "sms_3Dw7QHk2vPpUZr0yXbT5cN8eLmA")]
    pub id: String,
    /// Always `delivery`.
    #[wire(constant = "delivery")]
    pub object: String,
    /// How it is sent.
    #[wire(one_of("sms", "email"), example = "sms")]
    pub channel: String,
    /// The user who is being verified; null for an invitation.
    #[wire(nullable, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: Option<String>,
    /// The phone number or email address: `idn_…`; null for an invitation.
    #[wire(nullable, example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub identification_id: Option<String>,
    /// The invitation whose link it carries: `inv_…`.
    #[wire(nullable)]
    pub invitation_id: Option<String>,
    /// The verification whose code it carries; null for an invitation.
    #[wire(nullable, example = "ver_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub verification_id: Option<String>,
    /// The number or address, masked.
    #[wire(example = "+4***67")]
    pub recipient: String,
    /// `queued` until a provider has taken it, then `accepted`; `delivered` and `failed` as the provider reports;
    /// `unknown` if the server died during the attempt.
    #[wire(one_of("queued", "accepted", "delivered", "failed", "unknown"), example = "delivered")]
    pub status: String,
    /// Number of attempts.
    #[wire(min = 0, example = 1)]
    pub attempts: i64,
    /// The sender, such as `twilio`; null before the first attempt.
    #[wire(nullable, example = "twilio")]
    pub sender: Option<String>,
    /// The provider's own id.
    #[wire(nullable, example = "SM0123456789abcdef0123456789abcdef")]
    pub provider_id: Option<String>,
    /// Why it failed.
    #[wire(nullable)]
    pub reason: Option<String>,
    /// When it was written, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When this last changed, in Unix milliseconds.
    #[wire(example = 1779181202100_i64)]
    pub updated_at: UnixMillis,
}

/// `GET /verger/v1/deliveries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct DeliveryListParams {
    /// Only messages to this phone number or email address, `idn_…`, or of this invitation, `inv_…`.
    pub identification_id: Option<String>,
    /// Maximum number of deliveries to return.
    #[wire(min = 1, max = 500, default = 100)]
    pub limit: Option<i64>,
}

/// A message as a person would have received it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct InboxMessage {
    /// `sms_…`, of emails too.
    #[wire(example = "sms_3Dw7QHk2vPpUZr0yXbT5cN8eLmA")]
    pub id: String,
    /// Always `message`.
    #[wire(constant = "message")]
    pub object: String,
    /// How it would be sent.
    #[wire(one_of("sms", "email"), example = "sms")]
    pub channel: String,
    /// The number or address.
    #[wire(example = "+41791234567")]
    pub to: String,
    /// Subject of an email.
    #[wire(nullable)]
    pub subject: Option<String>,
    /// Text of the message.
    #[wire(example = "218572 is your development code. It expires in 10 minutes. Do not share it.")]
    pub text: String,
    /// The code in it; null if it has none, as that of an invitation, whose link is in the text.
    #[wire(nullable, example = "218572")]
    pub code: Option<String>,
    /// The phone number it is for: `idn_…`.
    #[wire(nullable, example = "idn_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub phone_number_id: Option<String>,
    /// The email address it is for: `idn_…`.
    #[wire(nullable)]
    pub email_address_id: Option<String>,
    /// The invitation whose link it has: `inv_…`.
    #[wire(nullable)]
    pub invitation_id: Option<String>,
    /// The user it is for; null for an invitation.
    #[wire(nullable, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: Option<String>,
    /// The verification that the code belongs to: `ver_…`; null for an invitation.
    #[wire(nullable, example = "ver_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub verification_id: Option<String>,
    /// Status of the delivery; `not_sent` for a test number, to which nothing is ever sent and whose code is always
    /// `424242`.
    #[wire(
        one_of("queued", "accepted", "delivered", "failed", "unknown", "not_sent"),
        example = "delivered"
    )]
    pub status: String,
    /// When it was written, by the clock of the instance, in Unix milliseconds.
    pub created_at: UnixMillis,
}

/// `GET /verger/v1/messages`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct MessageListParams {
    /// Only messages to this number, in E.164. The plus sign may be written as it is or as `%2B`.
    #[wire(example = "+41791234567")]
    pub phone_number: Option<String>,
    /// Only messages to this address.
    pub email_address: Option<String>,
    /// Only messages to this phone number: `idn_…`.
    pub phone_number_id: Option<String>,
    /// Maximum number of messages to return.
    #[wire(min = 1, max = 500, default = 100)]
    pub limit: Option<i64>,
}

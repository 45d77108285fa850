//! Messages that Verger sends, and what became of them.

use super::tolerant::{Extra, open_enum, or_default};
use serde::{Deserialize, Serialize};
use std::fmt;
use verger_wire::UnixMillis;

open_enum! {
    /// What carries a message.
    ///
    /// ```
    /// # use verger_client::MessageChannel;
    /// assert_eq!(MessageChannel::from("sms"), MessageChannel::Sms);
    /// ```
    MessageChannel {
        /// A text message, to a phone number.
        Sms = "sms",
        /// An email, to an email address.
        Email = "email",
    }
}

open_enum! {
    /// What became of a message.
    ///
    /// ```
    /// # use verger_client::DeliveryStatus;
    /// assert_eq!(DeliveryStatus::from("accepted"), DeliveryStatus::Accepted);
    /// // The service's own `unknown` is no value of tomorrow.
    /// assert_eq!(DeliveryStatus::from("unknown"), DeliveryStatus::Uncertain);
    /// ```
    DeliveryStatus {
        /// It waits, or is being handed over.
        Queued = "queued",
        /// The provider took it; whether it arrived is not known yet.
        Accepted = "accepted",
        /// The provider says that it arrived.
        Delivered = "delivered",
        /// It will not arrive: the provider refused it, or gave up.
        Failed = "failed",
        /// It may or may not have been handed over, and is not tried again; `unknown` on the wire.
        Uncertain = "unknown",
        /// It is to a test number, to which nothing is ever sent.
        NotSent = "not_sent",
    }
}

/// What became of a message to a person; never what it says. Verger only.
///
/// ```
/// # use verger_client::{Delivery, DeliveryStatus};
/// let text = r#"{"id":"sms_1","channel":"sms","user_id":"user_1","identification_id":"idn_1","status":"failed",
///     "attempts":3,"reason":"the provider refused it","created_at":1,"updated_at":2}"#;
/// let delivery: Delivery = serde_json::from_str(text)?;
/// assert_eq!((delivery.status, delivery.attempts), (DeliveryStatus::Failed, 3));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// `sms_…`.
    pub id: String,
    /// Always `delivery`.
    #[serde(default)]
    pub object: String,
    /// A text message or an email.
    pub channel: MessageChannel,
    /// The user who was to get it, `user_…`; `None` for an invitation.
    pub user_id: Option<String>,
    /// For which phone number or email address; `None` for an invitation.
    pub identification_id: Option<String>,
    /// The invitation whose link it carries, `inv_…`.
    pub invitation_id: Option<String>,
    /// The verification whose code it carries; `None` for an invitation.
    pub verification_id: Option<String>,
    /// The number or address that it goes to, masked.
    #[serde(default)]
    pub recipient: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was handed to a provider.
    #[serde(default)]
    pub attempts: i64,
    /// Which sender had it last; `None` before the first try.
    pub sender: Option<String>,
    /// Its id at the provider.
    pub provider_id: Option<String>,
    /// Why it failed, or what is not known.
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Unix milliseconds; moves with the status.
    pub updated_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A message as a person would get it, with its code. Only a development instance of `verger dev` or of
/// `verger_server::testing` shows it. Its `Debug` shows neither text nor code.
///
/// ```
/// # use verger_client::Message;
/// let text = r#"{"id":"sms_1","channel":"sms","to":"+12025550100","text":"424242 is your code.","code":"424242",
///     "user_id":"user_1","verification_id":"ver_1","status":"delivered","created_at":1}"#;
/// let message: Message = serde_json::from_str(text)?;
/// assert_eq!(message.code, "424242");
/// assert!(!format!("{message:?}").contains("424242"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// `sms_…`.
    pub id: String,
    /// Always `message`.
    #[serde(default)]
    pub object: String,
    /// A text message or an email.
    pub channel: MessageChannel,
    /// The number or address that it goes to.
    pub to: String,
    /// The subject line of an email; `None` for a text message.
    pub subject: Option<String>,
    /// The whole text, as the person gets it.
    #[serde(default)]
    pub text: String,
    /// The code in it, six decimal digits; empty if it has none, as that of an invitation.
    #[serde(default, deserialize_with = "or_default")]
    pub code: String,
    /// For which phone number.
    pub phone_number_id: Option<String>,
    /// For which email address.
    pub email_address_id: Option<String>,
    /// The invitation whose link it has, `inv_…`.
    pub invitation_id: Option<String>,
    /// The user who was to get it, `user_…`; empty for an invitation.
    #[serde(default, deserialize_with = "or_default")]
    pub user_id: String,
    /// `ver_…`: what an attempt with the code names; empty for an invitation.
    #[serde(default, deserialize_with = "or_default")]
    pub verification_id: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("status", &self.status)
            .field("code", &"[redacted]")
            .finish_non_exhaustive()
    }
}

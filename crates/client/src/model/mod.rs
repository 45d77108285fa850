//! What the service answers. Readers are tolerant: unknown fields are kept in `extra`, unknown values of enumerations in
//! `Unknown`, and both are written back as they came.

mod development;
mod email_address;
mod event;
mod message;
mod phone_number;
mod user;
mod verification;
mod webhook;

pub use development::{ClockState, InstanceReset};
pub use email_address::EmailAddress;
pub use event::{
    AuditEntry, AuditLogPage, Event, EventActor, EventAttributes, EventKind, EventRequest, ValueChange,
};
pub use message::{Delivery, DeliveryStatus, Message, MessageChannel};
pub use phone_number::{PhoneNumber, PhoneNumberDetails};
pub use user::User;
pub use verification::{
    CodeVerification, Verification, VerificationChannel, VerificationStatus, VerificationStrategy,
};
pub use webhook::{
    WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint, WebhookReplay, WebhookTest,
};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Fields of an answer that this version of the client has no name for, as they came.
pub type Extra = Map<String, Value>;

/// An enumeration that can grow on the other side without breaking this one. One macro, so that none of them forgets a
/// part of it.
macro_rules! open_enum {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A value that this version of the client does not know, as it came. Compare [`as_str`](Self::as_str) where
            /// such a value matters: a later version may have a variant for it.
            Unknown(String),
        }

        impl $name {
            /// The value as it is on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown(text.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    };
}
use open_enum;

/// Null and absence read as nothing: some services send the one, some the other.
pub(crate) fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The answer to a deletion: which object is gone.
///
/// ```
/// # use verger_client::DeletedObject;
/// let text = r#"{"id":"idn_1","object":"phone_number","deleted":true}"#;
/// let deleted: DeletedObject = serde_json::from_str(text)?;
/// assert!(deleted.deleted);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeletedObject {
    /// The id that the object had.
    pub id: String,
    /// The kind of object, for example `phone_number`.
    #[serde(default)]
    pub object: String,
    /// True.
    #[serde(default)]
    pub deleted: bool,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`disable_user_mfa`](crate::Users::disable_user_mfa).
///
/// ```
/// # use verger_client::MfaDisabled;
/// let answer: MfaDisabled = serde_json::from_str(r#"{"user_id":"user_1"}"#)?;
/// assert_eq!(answer.user_id, "user_1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MfaDisabled {
    /// The user whose second factors are gone.
    pub user_id: String,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The answer to [`get_count`](crate::Users::get_count).
///
/// ```
/// # use verger_client::TotalCount;
/// let count: TotalCount = serde_json::from_str(r#"{"object":"total_count","total_count":7}"#)?;
/// assert_eq!(count.total_count, 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TotalCount {
    /// Always `total_count`.
    #[serde(default)]
    pub object: String,
    /// How many objects match.
    pub total_count: u64,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How an identification relates to another account of the same user, for example a connected one.
///
/// ```
/// # use verger_client::IdentificationLink;
/// let link: IdentificationLink = serde_json::from_str(r#"{"type":"oauth_google","id":"idn_2"}"#)?;
/// assert_eq!(link.kind, "oauth_google");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdentificationLink {
    /// The kind of the account, `type` on the wire: `oauth_…`, `saml`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the linked identification.
    pub id: String,
    /// What else came.
    #[serde(flatten)]
    pub extra: Extra,
}

//! What crosses the network: the resources, parameters, errors and ids of the API, as plain serde types.
//!
//! Nothing here decides or does anything. The shapes are those of the published Backend API document.

pub mod email_address;
pub mod error;
pub mod event;
pub mod id;
pub mod json;
pub mod page;
pub mod patch;
pub mod phone_number;
mod setters;
pub mod time;
pub mod user;
pub mod verification;

pub use email_address::EmailAddress;
pub use error::{ApiError, ErrorBody};
pub use event::{Actor, Event, EventAttributes, EventRequest, ValueChange};
pub use id::{
    EventId, IdentificationId, InstanceId, KeyId, Ksuid, MessageId, UserId, VerificationId,
    WebhookEndpointId, moment_of,
};
pub use page::TotalCount;
pub use patch::Patch;
pub use phone_number::PhoneNumber;
pub use time::UnixMillis;
pub use user::User;
pub use verification::{Verification, VerificationResponse};

use serde::{Deserialize, Serialize};

/// The answer to a deletion: which object is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedObject {
    /// The id that the object had.
    pub id: String,
    /// The kind of object, for example `phone_number`.
    pub object: String,
    /// Always true.
    pub deleted: bool,
}

/// The answer to `DELETE /v1/users/{user_id}/mfa`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaDisabled {
    /// The user whose second factors are gone.
    pub user_id: String,
}

/// How an identification relates to another account of the same user, for example a connected one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentificationLink {
    /// The kind of the account, `oauth_…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the linked identification.
    pub id: String,
}

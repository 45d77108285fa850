//! What crosses the network: the resources, parameters, errors and ids of the API, as plain serde types.
//!
//! Nothing here decides or does anything. The shapes are those of the published Backend API document.

extern crate self as verger_wire;

pub mod access;
pub mod audit;
pub mod client;
pub mod development;
pub mod email_address;
mod empty;
pub mod error;
pub mod event;
pub mod id;
pub mod input;
pub mod instance;
pub mod json;
pub mod jwt_template;
pub mod message;
pub mod page;
pub mod patch;
pub mod phone_number;
pub mod reason;
pub mod refused;
pub mod schema;
mod secret;
pub mod session;
mod setters;
pub mod settings;
pub mod ticket;
pub mod time;
pub mod user;
pub mod user_list;
pub mod verification;
pub mod webhook_endpoint;

pub use email_address::EmailAddress;
pub use empty::NoContent;
pub use error::{ApiError, ErrorBody};
pub use event::{Actor, Event, EventAttributes, EventRequest, ValueChange};
pub use id::{
    ActorTokenId, AllowlistIdentifierId, BlocklistIdentifierId, ClientId, DomainId, EventId,
    IdentificationId, InstanceId, InvitationId, JwtTemplateId, KeyId, Ksuid, MessageId, RedirectUrlId,
    SessionId, SignInTokenId, SigningKeyId, UserId, VerificationId, WebhookEndpointId, moment_of,
};
pub use page::TotalCount;
pub use patch::Patch;
pub use phone_number::PhoneNumber;
pub use reason::Reason;
pub use refused::Refused;
pub use time::UnixMillis;
pub use user::User;
pub use verification::{Verification, VerificationResponse};

use schema::Schema;
use serde::{Deserialize, Serialize};

/// Confirms a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct DeletedObject {
    /// The id of the deleted object.
    #[wire(example = "idn_3Dw7ImGIfXiFvAcVPyT0Siw87sn")]
    pub id: String,
    /// The type of the deleted object: `phone_number`, `email_address`, `user` or `webhook_endpoint`.
    #[wire(example = "email_address")]
    pub object: String,
    /// Always true.
    #[wire(example = true)]
    pub deleted: bool,
}

/// The answer to `DELETE /v1/users/{user_id}/mfa`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct MfaDisabled {
    /// The user whose second factors were removed.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
}

/// A connected account that an identification came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct IdentificationLink {
    /// The type of connected account, such as `oauth_google`.
    #[serde(rename = "type")]
    #[wire(pattern = "^oauth_[a-z]+$")]
    pub kind: String,
    /// The id of the connected account.
    pub id: String,
}

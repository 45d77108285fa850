//! What the service answers. Readers are tolerant: unknown fields are kept in `extra`, unknown values of enumerations in
//! `Unknown`, and both are written back as they came.

mod access;
mod deleted_object;
mod development;
mod email_address;
mod event;
mod identification;
mod instance;
mod jwt_template;
mod message;
mod page;
mod phone_number;
mod session;
pub mod settings;
mod ticket;
pub(crate) mod tolerant;
mod user;
mod verification;
mod webhook;

pub use access::{AllowlistIdentifier, BlocklistIdentifier, IdentifierType, RedirectUrl};
pub use deleted_object::DeletedObject;
pub use development::{ClockState, InstanceReset};
pub use email_address::EmailAddress;
pub use event::{
    AuditEntry, AuditLogPage, Event, EventActor, EventAttributes, EventKind, EventRequest, ValueChange,
};
pub use identification::IdentificationLink;
pub use instance::{
    BetaInstanceSettings, CnameTarget, Domain, FrontendHost, Instance, InstanceCommunication,
    InstanceDetails, InstanceRestrictions, JsonWebKey, JsonWebKeySet, SigningKey, SigningKeyState,
};
pub use jwt_template::JwtTemplate;
pub use message::{Delivery, DeliveryStatus, Message, MessageChannel};
pub use page::{NoContent, Page};
pub use phone_number::{PhoneNumber, PhoneNumberDetails};
pub use session::{
    SessionActivity, SessionRefresh, SessionTask, SessionToken, UserClient, UserSession, UserSessionStatus,
};
pub use settings::InstanceSettings;
pub use ticket::{ActorToken, Invitation, SignInToken, TestingToken, TicketStatus};
pub use tolerant::Extra;
pub use user::{CodeVerified, CredentialRemoved, MfaDisabled, PasswordVerified, TotalCount, User};
pub use verification::{
    CodeVerification, Verification, VerificationChannel, VerificationStatus, VerificationStrategy,
};
pub use webhook::{
    WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint, WebhookReplay, WebhookTest,
};

//! What the service answers. Readers are tolerant: unknown fields are kept in `extra`, unknown values of enumerations in
//! `Unknown`, and both are written back as they came.

mod deleted_object;
mod development;
mod email_address;
mod event;
mod identification;
mod message;
mod phone_number;
pub(crate) mod tolerant;
mod user;
mod verification;
mod webhook;

pub use deleted_object::DeletedObject;
pub use development::{ClockState, InstanceReset};
pub use email_address::EmailAddress;
pub use event::{
    AuditEntry, AuditLogPage, Event, EventActor, EventAttributes, EventKind, EventRequest, ValueChange,
};
pub use identification::IdentificationLink;
pub use message::{Delivery, DeliveryStatus, Message, MessageChannel};
pub use phone_number::{PhoneNumber, PhoneNumberDetails};
pub use tolerant::Extra;
pub use user::{CodeVerified, CredentialRemoved, MfaDisabled, PasswordVerified, TotalCount, User};
pub use verification::{
    CodeVerification, Verification, VerificationChannel, VerificationStatus, VerificationStrategy,
};
pub use webhook::{
    WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus, WebhookEndpoint, WebhookReplay, WebhookTest,
};

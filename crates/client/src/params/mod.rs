//! What operations are asked with: bodies and queries.

mod audit_log;
mod deliveries;
mod messages;
mod users;
mod verification;
mod webhook_endpoints;

pub use audit_log::ListAuditLogParams;
pub use deliveries::ListDeliveriesParams;
pub use messages::ListMessagesParams;
pub use users::GetUserListParams;
pub use verger_wire::email_address::{
    CreateEmailAddressParams, ReplaceEmailAddressParams, UpdateEmailAddressParams,
};
pub use verger_wire::phone_number::{
    CreatePhoneNumberParams, ReplacePhoneNumberParams, UpdatePhoneNumberParams,
};
pub use verger_wire::user::{
    CreateUserParams, MetadataParams, RemovePasswordParams, SetCompromisedParams, UpdateUserParams,
    VerifyPasswordParams, VerifyTotpParams,
};
pub use verification::AttemptVerificationParams;
pub use webhook_endpoints::{
    CreateWebhookEndpointParams, ListWebhookDeliveriesParams, ReplayWebhooksParams,
    RotateWebhookSecretParams, UpdateWebhookEndpointParams,
};

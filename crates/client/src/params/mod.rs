//! What operations are asked with: bodies and queries.

mod audit_log;
mod deliveries;
mod lists;
mod messages;
mod users;
mod verification;
mod webhook_endpoints;

pub use audit_log::ListAuditLogParams;
pub use deliveries::ListDeliveriesParams;
pub use lists::{GetSessionListParams, ListInvitationsParams, PageParams};
pub use messages::ListMessagesParams;
pub use users::GetUserListParams;
pub use verger_wire::access::{
    CreateAllowlistIdentifierParams, CreateBlocklistIdentifierParams, CreateInvitationParams,
    CreateRedirectUrlParams,
};
pub use verger_wire::client::VerifyClientParams;
pub use verger_wire::email_address::{
    CreateEmailAddressParams, ReplaceEmailAddressParams, UpdateEmailAddressParams,
};
pub use verger_wire::instance::{
    RetireSigningKeyParams, RotateSigningKeyParams, UpdateBetaInstanceSettingsParams,
    UpdateInstanceCommunicationParams, UpdateInstanceParams, UpdateInstanceRestrictionsParams,
};
pub use verger_wire::jwt_template::JwtTemplateParams;
pub use verger_wire::phone_number::{
    CreatePhoneNumberParams, ReplacePhoneNumberParams, UpdatePhoneNumberParams,
};
pub use verger_wire::session::{CreateSessionParams, CreateSessionTokenParams, RefreshSessionParams};
pub use verger_wire::settings::UpdateSettingsParams;
pub use verger_wire::ticket::{CreateActorTokenParams, CreateSignInTokenParams};
pub use verger_wire::user::{
    CreateUserParams, MetadataParams, RemovePasswordParams, SetCompromisedParams, UpdateUserParams,
    VerifyPasswordParams, VerifyTotpParams,
};
pub use verification::AttemptVerificationParams;
pub use webhook_endpoints::{
    CreateWebhookEndpointParams, ListWebhookDeliveriesParams, ReplayWebhooksParams,
    RotateWebhookSecretParams, UpdateWebhookEndpointParams,
};

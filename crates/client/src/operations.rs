//! Every operation that the client has a method for.
//!
//! Written by `cargo xtask generate` from the declared operations; do not edit.

use crate::operation::operations;

operations! {
    CREATE_PHONE_NUMBER = "CreatePhoneNumber", Post "/v1/phone_numbers";
    GET_PHONE_NUMBER = "GetPhoneNumber", Get "/v1/phone_numbers/{phone_number_id}";
    UPDATE_PHONE_NUMBER = "UpdatePhoneNumber", Patch "/v1/phone_numbers/{phone_number_id}";
    DELETE_PHONE_NUMBER = "DeletePhoneNumber", Delete "/v1/phone_numbers/{phone_number_id}";
    PREPARE_PHONE_NUMBER_VERIFICATION = "PreparePhoneNumberVerification",
        Post "/v1/phone_numbers/{phone_number_id}/prepare_verification";
    ATTEMPT_PHONE_NUMBER_VERIFICATION = "AttemptPhoneNumberVerification",
        Post "/v1/phone_numbers/{phone_number_id}/attempt_verification";
    REPLACE_USER_PHONE_NUMBER = "ReplaceUserPhoneNumber", Put "/v1/users/{user_id}/phone_number";
    CREATE_EMAIL_ADDRESS = "CreateEmailAddress", Post "/v1/email_addresses";
    GET_EMAIL_ADDRESS = "GetEmailAddress", Get "/v1/email_addresses/{email_address_id}";
    UPDATE_EMAIL_ADDRESS = "UpdateEmailAddress", Patch "/v1/email_addresses/{email_address_id}";
    DELETE_EMAIL_ADDRESS = "DeleteEmailAddress", Delete "/v1/email_addresses/{email_address_id}";
    PREPARE_EMAIL_ADDRESS_VERIFICATION = "PrepareEmailAddressVerification",
        Post "/v1/email_addresses/{email_address_id}/prepare_verification";
    ATTEMPT_EMAIL_ADDRESS_VERIFICATION = "AttemptEmailAddressVerification",
        Post "/v1/email_addresses/{email_address_id}/attempt_verification";
    REPLACE_USER_EMAIL_ADDRESS = "ReplaceUserEmailAddress", Put "/v1/users/{user_id}/email_address";
    GET_USER_LIST = "GetUserList", Get "/v1/users";
    CREATE_USER = "CreateUser", Post "/v1/users";
    GET_USERS_COUNT = "GetUsersCount", Get "/v1/users/count";
    GET_USER = "GetUser", Get "/v1/users/{user_id}";
    UPDATE_USER = "UpdateUser", Patch "/v1/users/{user_id}";
    DELETE_USER = "DeleteUser", Delete "/v1/users/{user_id}";
    UPDATE_USER_METADATA = "UpdateUserMetadata", Patch "/v1/users/{user_id}/metadata";
    REPLACE_USER_METADATA = "ReplaceUserMetadata", Put "/v1/users/{user_id}/metadata";
    BAN_USER = "BanUser", Post "/v1/users/{user_id}/ban";
    UNBAN_USER = "UnbanUser", Post "/v1/users/{user_id}/unban";
    LOCK_USER = "LockUser", Post "/v1/users/{user_id}/lock";
    UNLOCK_USER = "UnlockUser", Post "/v1/users/{user_id}/unlock";
    USERS_BAN = "UsersBan", Post "/v1/users/ban";
    USERS_UNBAN = "UsersUnban", Post "/v1/users/unban";
    DISABLE_MFA = "DisableMFA", Delete "/v1/users/{user_id}/mfa";
    VERIFY_PASSWORD = "VerifyPassword", Post "/v1/users/{user_id}/verify_password";
    VERIFY_TOTP = "VerifyTOTP", Post "/v1/users/{user_id}/verify_totp";
    REMOVE_USER_PASSWORD = "RemoveUserPassword", Post "/v1/users/{user_id}/remove_password";
    SET_USER_PASSWORD_COMPROMISED = "SetUserPasswordCompromised",
        Post "/v1/users/{user_id}/password/set_compromised";
    UNSET_USER_PASSWORD_COMPROMISED = "UnsetUserPasswordCompromised",
        Post "/v1/users/{user_id}/password/unset_compromised";
    DELETE_TOTP = "DeleteTOTP", Delete "/v1/users/{user_id}/totp";
    DELETE_BACKUP_CODE = "DeleteBackupCode", Delete "/v1/users/{user_id}/backup_code";
    GET_JWKS = "GetJWKS", Get "/v1/jwks";
    LIST_INVITATIONS = "ListInvitations", Get "/v1/invitations";
    CREATE_INVITATION = "CreateInvitation", Post "/v1/invitations";
    CREATE_BULK_INVITATIONS = "CreateBulkInvitations", Post "/v1/invitations/bulk";
    REVOKE_INVITATION = "RevokeInvitation", Post "/v1/invitations/{invitation_id}/revoke";
    LIST_ALLOWLIST_IDENTIFIERS = "ListAllowlistIdentifiers", Get "/v1/allowlist_identifiers";
    CREATE_ALLOWLIST_IDENTIFIER = "CreateAllowlistIdentifier", Post "/v1/allowlist_identifiers";
    DELETE_ALLOWLIST_IDENTIFIER = "DeleteAllowlistIdentifier",
        Delete "/v1/allowlist_identifiers/{identifier_id}";
    LIST_BLOCKLIST_IDENTIFIERS = "ListBlocklistIdentifiers", Get "/v1/blocklist_identifiers";
    CREATE_BLOCKLIST_IDENTIFIER = "CreateBlocklistIdentifier", Post "/v1/blocklist_identifiers";
    DELETE_BLOCKLIST_IDENTIFIER = "DeleteBlocklistIdentifier",
        Delete "/v1/blocklist_identifiers/{identifier_id}";
    LIST_REDIRECT_URLS = "ListRedirectURLs", Get "/v1/redirect_urls";
    CREATE_REDIRECT_URL = "CreateRedirectURL", Post "/v1/redirect_urls";
    GET_REDIRECT_URL = "GetRedirectURL", Get "/v1/redirect_urls/{id}";
    DELETE_REDIRECT_URL = "DeleteRedirectURL", Delete "/v1/redirect_urls/{id}";
    GET_INSTANCE = "GetInstance", Get "/v1/instance";
    UPDATE_INSTANCE = "UpdateInstance", Patch "/v1/instance";
    UPDATE_INSTANCE_RESTRICTIONS = "UpdateInstanceRestrictions", Patch "/v1/instance/restrictions";
    GET_INSTANCE_COMMUNICATION = "GetInstanceCommunication", Get "/v1/instance/communication";
    UPDATE_INSTANCE_COMMUNICATION = "UpdateInstanceCommunication", Patch "/v1/instance/communication";
    UPDATE_INSTANCE_AUTH_CONFIG = "UpdateInstanceAuthConfig", Patch "/v1/beta_features/instance_settings";
    LIST_DOMAINS = "ListDomains", Get "/v1/domains";
    CREATE_TESTING_TOKEN = "CreateTestingToken", Post "/v1/testing_tokens", without_idempotency_key;
    GET_SESSION_LIST = "GetSessionList", Get "/v1/sessions";
    CREATE_SESSION = "createSession", Post "/v1/sessions";
    GET_SESSION = "GetSession", Get "/v1/sessions/{session_id}";
    REFRESH_SESSION = "RefreshSession", Post "/v1/sessions/{session_id}/refresh", without_idempotency_key;
    REVOKE_SESSION = "RevokeSession", Post "/v1/sessions/{session_id}/revoke";
    CREATE_SESSION_TOKEN = "CreateSessionToken",
        Post "/v1/sessions/{session_id}/tokens", without_idempotency_key;
    CREATE_SESSION_TOKEN_FROM_TEMPLATE = "CreateSessionTokenFromTemplate",
        Post "/v1/sessions/{session_id}/tokens/{template_name}", without_idempotency_key;
    GET_CLIENT_LIST = "GetClientList", Get "/v1/clients";
    VERIFY_CLIENT = "VerifyClient", Post "/v1/clients/verify", without_idempotency_key;
    GET_CLIENT = "GetClient", Get "/v1/clients/{client_id}";
    LIST_JWT_TEMPLATES = "ListJWTTemplates", Get "/v1/jwt_templates";
    CREATE_JWT_TEMPLATE = "CreateJWTTemplate", Post "/v1/jwt_templates";
    GET_JWT_TEMPLATE = "GetJWTTemplate", Get "/v1/jwt_templates/{template_id}";
    UPDATE_JWT_TEMPLATE = "UpdateJWTTemplate", Patch "/v1/jwt_templates/{template_id}";
    DELETE_JWT_TEMPLATE = "DeleteJWTTemplate", Delete "/v1/jwt_templates/{template_id}";
    CREATE_SIGN_IN_TOKEN = "CreateSignInToken", Post "/v1/sign_in_tokens";
    REVOKE_SIGN_IN_TOKEN = "RevokeSignInToken", Post "/v1/sign_in_tokens/{sign_in_token_id}/revoke";
    CREATE_ACTOR_TOKEN = "CreateActorToken", Post "/v1/actor_tokens";
    REVOKE_ACTOR_TOKEN = "RevokeActorToken", Post "/v1/actor_tokens/{actor_token_id}/revoke";
    VERGER_GET_PHONE_NUMBER = "VergerGetPhoneNumber", Get "/verger/v1/phone_numbers/{phone_number_id}";
    VERGER_LIST_DELIVERIES = "VergerListDeliveries", Get "/verger/v1/deliveries";
    VERGER_GET_DELIVERY = "VergerGetDelivery", Get "/verger/v1/deliveries/{delivery_id}";
    VERGER_CREATE_WEBHOOK_ENDPOINT = "VergerCreateWebhookEndpoint", Post "/verger/v1/webhook_endpoints";
    VERGER_LIST_WEBHOOK_ENDPOINTS = "VergerListWebhookEndpoints", Get "/verger/v1/webhook_endpoints";
    VERGER_GET_WEBHOOK_ENDPOINT = "VergerGetWebhookEndpoint",
        Get "/verger/v1/webhook_endpoints/{webhook_endpoint_id}";
    VERGER_UPDATE_WEBHOOK_ENDPOINT = "VergerUpdateWebhookEndpoint",
        Patch "/verger/v1/webhook_endpoints/{webhook_endpoint_id}";
    VERGER_DELETE_WEBHOOK_ENDPOINT = "VergerDeleteWebhookEndpoint",
        Delete "/verger/v1/webhook_endpoints/{webhook_endpoint_id}";
    VERGER_ROTATE_WEBHOOK_SECRET = "VergerRotateWebhookSecret",
        Post "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret";
    VERGER_TEST_WEBHOOK_ENDPOINT = "VergerTestWebhookEndpoint",
        Post "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/test", without_idempotency_key;
    VERGER_REPLAY_WEBHOOKS = "VergerReplayWebhooks",
        Post "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay";
    VERGER_LIST_WEBHOOK_DELIVERIES = "VergerListWebhookDeliveries",
        Get "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries";
    VERGER_LIST_AUDIT_LOG = "VergerListAuditLog", Get "/verger/v1/audit_log";
    VERGER_FOLLOW_EVENTS = "VergerFollowEvents", Get "/verger/v1/events";
    VERGER_GET_INSTANCE = "VergerGetInstance", Get "/verger/v1/instance";
    VERGER_GET_SETTINGS = "VergerGetSettings", Get "/verger/v1/settings";
    VERGER_UPDATE_SETTINGS = "VergerUpdateSettings", Patch "/verger/v1/settings";
    VERGER_LIST_SIGNING_KEYS = "VergerListSigningKeys", Get "/verger/v1/signing_keys";
    VERGER_ROTATE_SIGNING_KEY = "VergerRotateSigningKey", Post "/verger/v1/signing_keys";
    VERGER_RETIRE_SIGNING_KEY = "VergerRetireSigningKey",
        Post "/verger/v1/signing_keys/{signing_key_id}/retire";
    VERGER_LIST_MESSAGES = "VergerListMessages", Get "/verger/v1/messages";
    VERGER_GET_MESSAGE = "VergerGetMessage", Get "/verger/v1/messages/{message_id}";
    VERGER_ADVANCE_CLOCK = "VergerAdvanceClock", Post "/verger/v1/clock", without_idempotency_key;
    VERGER_RESET = "VergerReset", Post "/verger/v1/reset", without_idempotency_key;
}

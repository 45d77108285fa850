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
    VERGER_LIST_MESSAGES = "VergerListMessages", Get "/verger/v1/messages";
    VERGER_GET_MESSAGE = "VergerGetMessage", Get "/verger/v1/messages/{message_id}";
    VERGER_ADVANCE_CLOCK = "VergerAdvanceClock", Post "/verger/v1/clock", without_idempotency_key;
    VERGER_RESET = "VergerReset", Post "/verger/v1/reset", without_idempotency_key;
}

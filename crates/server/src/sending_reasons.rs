//! The reasons not to send a message, and not to take what a provider says about one.

use verger_wire::reasons;

reasons! {
    NO_SENDER "NoSender" 400 "sms_send_error" {
        message: "No sender is configured",
        long_message: "The operator has to set `sender` in section [{channel}]. Nothing was changed.",
        when: "No sender is configured.",
        help: "Set `sender` in section `[sms]` or `[email]`; see docs/senders.md.",
        frontend: 400 "sms_send_error" {
            message: "No message can be sent",
            long_message: "Messages of this kind cannot be sent now. Try another way, or contact support.",
        },
    }
    COUNTRY_NOT_ALLOWED "CountryNotAllowed" 403 "unsupported_country_code" {
        message: "Messages to this country are not allowed",
        long_message: "The operator allows countries in `allowed_countries` of section [sending].",
        when: "Text messages to this country are not allowed.",
        help: "Add the country to `allowed_countries` in `[sending]`.",
        frontend: 403 "unsupported_country_code" {
            message: "Messages to this country are not allowed",
            long_message: "Text messages cannot be sent to phone numbers of this country. Try another way.",
        },
    }
    SENDING_LIMIT "SendingLimit" 429 "too_many_requests" {
        message: "Too many messages were sent",
        long_message: "The limit per {scope} is reached for this hour. The operator sets it in section [sending].",
        when: "A limit on sending is reached for this hour.",
        help: "Wait for `Retry-After`.",
        frontend: 429 "too_many_requests" {
            message: "Too many messages were sent",
            long_message: "Too many messages were sent. Try again later.",
        },
    }
    BUDGET_SPENT "BudgetSpent" 403 "sms_budget_exceeded" {
        message: "The day's budget for text messages is spent",
        long_message: "No more text messages are sent today. The operator sets `daily_budget` in section [sending].",
        when: "The day's budget for text messages is spent.",
        help: "Wait for `Retry-After` (midnight UTC), or raise `daily_budget` in `[sending]`.",
        frontend: 403 "sms_budget_exceeded" {
            message: "No more text messages are sent today",
            long_message: "No more text messages are sent today. Try another way, or tomorrow.",
        },
    }
    COUNTRY_SUSPENDED "CountrySuspended" 403 "sms_country_suspended" {
        message: "Too many codes sent to this country were never entered",
        long_message: "Text messages to this country are suspended for now. The operator sets `unverified` in section \
                       [sending].",
        when: "Too many codes sent to this country were never entered.",
        help: "Check for fraud; see `unverified` in `[sending]`.",
        frontend: 403 "sms_country_suspended" {
            message: "Messages to this country are suspended",
            long_message: "Text messages to this country are suspended for now. Try another way, or later.",
        },
    }
    CALLBACK_SIGNATURE_INVALID "CallbackSignatureInvalid" 403 "callback_signature_invalid" {
        message: "The callback is not signed by the provider",
        long_message: "It must be signed with the auth token of [sms.twilio], for the address in `status_callback_url`.",
        when: "A status callback without a valid signature of its provider.",
        help: "Check `auth_token` and `status_callback_url` in `[sms.twilio]`.",
    }
}

//! The codes of errors. Written by `cargo xtask generate` from the reasons of the server; do not edit.

use crate::model::tolerant::open_enum;

open_enum! {
    /// What went wrong, as a Verger server says it. docs/errors.md says what to do about each.
    ///
    /// ```
    /// # use verger_client::ErrorCode;
    /// assert_eq!(ErrorCode::from("form_identifier_exists"), ErrorCode::FormIdentifierExists);
    /// // Other services have more.
    /// assert_eq!(ErrorCode::from("organization_not_found").as_str(), "organization_not_found");
    /// ```
    ErrorCode {
        /// An actor token is revoked that was used or revoked before.
        ActorTokenCannotBeRevokedCode = "actor_token_cannot_be_revoked_code",
        /// The header `Clerk-API-Version` or the parameter `__clerk_api_version` names an unknown version, or both are sent.
        ApiVersionInvalid = "api_version_invalid",
        /// A token is asked for of a session that has ended, or whose user is banned.
        AuthenticationInvalid = "authentication_invalid",
        /// The header `Authorization: Bearer …` is missing or malformed, or was sent with different values.
        AuthorizationHeaderFormatInvalid = "authorization_header_format_invalid",
        /// A token of a JWT template is asked for of a pending session.
        AuthorizationInvalid = "authorization_invalid",
        /// One request names more objects than it may, as in `POST /v1/users/ban`.
        BulkSizeExceeded = "bulk_size_exceeded",
        /// A status callback without a valid signature of its provider.
        CallbackSignatureInvalid = "callback_signature_invalid",
        /// No instance has this key, or it was revoked.
        ClerkKeyInvalid = "clerk_key_invalid",
        /// The token of a client is unknown, replaced or of another instance.
        CookieInvalid = "cookie_invalid",
        /// The instance has an entry, a redirect URL or an open invitation like it already.
        DuplicateRecord = "duplicate_record",
        /// The token of a refresh was not signed as a session token by this instance.
        ExpiredSessionTokenInvalid = "expired_session_token_invalid",
        /// The token of a refresh was not minted for a page.
        ExpiredSessionTokenMissingAzp = "expired_session_token_missing_azp",
        /// The token of a refresh names no session.
        ExpiredSessionTokenMissingSid = "expired_session_token_missing_sid",
        /// The request sets a TOTP secret or backup codes, and the instance does not have them.
        /// The operation is documented but not implemented yet; the message names its method and path.
        /// A setting would switch on what Verger does not have yet.
        FeatureNotEnabled = "feature_not_enabled",
        /// A parameter cannot be combined with another: `starting_after` with `offset`, or with another order than `created_at`.
        FormConditionalParamDisallowed = "form_conditional_param_disallowed",
        /// The instance asks for a password, and the request creates a user without one.
        /// The request creates a user without any identification.
        FormDataMissing = "form_data_missing",
        /// Another user of the instance has claimed the phone number, or this user has it already.
        /// Another user of the instance has claimed the email address, or this user has it already.
        /// Another user of the instance has the username, in upper or lower case.
        /// Another user of the instance has the external id.
        /// The instance has a JWT template with this name.
        FormIdentifierExists = "form_identifier_exists",
        /// Two arrays that belong together differ in length.
        FormParamArrayLengthMismatch = "form_param_array_length_mismatch",
        /// The user has reached the limit of identifications of this type.
        /// A parameter has too many values.
        FormParamArraySizeExceeded = "form_param_array_size_exceeded",
        /// A metadata object would have more than 8192 bytes of JSON (after a merge, the merged one), or the `actor` of an actor token more than 1200.
        /// The claims of a JWT template have more than 1200 bytes of JSON without their shortcodes.
        FormParamExceedsAllowedSize = "form_param_exceeds_allowed_size",
        /// A value does not have the format of its field, such as a number outside every numbering plan.
        /// A phone number has fewer than 7 or more than 15 digits.
        FormParamFormatInvalid = "form_param_format_invalid",
        /// A date and time is not in RFC 3339.
        /// A date and time is not from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z.
        FormParamInvalidTime = "form_param_invalid_time",
        /// A text is longer than its field allows.
        /// A text to search for is longer than it may be.
        FormParamMaxLengthExceeded = "form_param_max_length_exceeded",
        /// A value is empty where an empty string is not allowed, such as `external_id`.
        FormParamMinLengthExceeded = "form_param_min_length_exceeded",
        /// The actor of an actor token does not say who acts.
        /// A required field is missing.
        FormParamMissing = "form_param_missing",
        /// A field that must not be null is null.
        FormParamNil = "form_param_nil",
        /// The field is unknown.
        /// The field is documented but not implemented yet.
        FormParamUnknown = "form_param_unknown",
        /// `skip_password_requirement` is sent to an instance whose only first factor is the password.
        /// The template of the session token has a custom signing key.
        /// The signing key of a JWT template does not fit its algorithm.
        /// A value has another type, is not one of those allowed, or is out of its range; a number in metadata is beyond ±1.8e308 or has more than 400 characters.
        FormParamValueInvalid = "form_param_value_invalid",
        /// A number exceeds its maximum, such as a `limit` over 500.
        FormParamValueTooLarge = "form_param_value_too_large",
        /// The right password was tried, and it was set compromised.
        FormPasswordCompromised = "form_password_compromised",
        /// A digest does not have the form of its hasher, needs more work than is accepted, or its hasher is not supported.
        FormPasswordDigestInvalidCode = "form_password_digest_invalid_code",
        /// A password has more characters than the instance allows.
        FormPasswordLengthTooLong = "form_password_length_too_long",
        /// A password has fewer characters than the instance asks for.
        FormPasswordLengthTooShort = "form_password_length_too_short",
        /// A password equals the username, a phone number or an email address of its user.
        FormPasswordMatchesIdentifier = "form_password_matches_identifier",
        /// The instance asks for a lower-case letter, and the password has none.
        FormPasswordNoLowercase = "form_password_no_lowercase",
        /// The instance asks for a digit, and the password has none.
        FormPasswordNoNumber = "form_password_no_number",
        /// The instance asks for a special character, and the password has none.
        FormPasswordNoSpecialChar = "form_password_no_special_char",
        /// The instance asks for an upper-case letter, and the password has none.
        FormPasswordNoUppercase = "form_password_no_uppercase",
        /// A password is one of the 10,000 most common ones, or on the operator's own list.
        FormPasswordPwned = "form_password_pwned",
        /// A password has more than 1024 bytes.
        FormPasswordSizeInBytesExceeded = "form_password_size_in_bytes_exceeded",
        /// A field names an identification that is not this user's.
        /// A field names an object that does not exist.
        FormResourceNotFound = "form_resource_not_found",
        /// A username has a character that is neither a letter A to Z, a digit, an underscore nor a hyphen.
        FormUsernameInvalidCharacter = "form_username_invalid_character",
        /// A username has fewer than 4 or more than 64 characters, or than the settings of the instance say.
        FormUsernameInvalidLength = "form_username_invalid_length",
        /// A username consists of digits only and could be mistaken for a phone number.
        FormUsernameNeedsNonNumberChar = "form_username_needs_non_number_char",
        /// The request makes an identification primary that is neither verified nor reserved.
        FormVerificationNeeded = "form_verification_needed",
        /// The Frontend API is asked under a host that is no instance's.
        HostInvalid = "host_invalid",
        /// The `Idempotency-Key` was used for another method, path, query or body.
        IdempotencyKeyReused = "idempotency_key_reused",
        /// The request adds a second factor that is not verified.
        IdentificationCreateSecondFactorUnverified = "identification_create_second_factor_unverified",
        /// The request deletes the user's last identification.
        IdentificationDeletionFailed = "identification_deletion_failed",
        /// The request makes the user's only identification for sign-in a second factor.
        IdentificationUpdateFailed = "identification_update_failed",
        /// The request makes an unverified phone number a second factor.
        IdentificationUpdateSecondFactorUnverified = "identification_update_second_factor_unverified",
        /// A wrong password was tried.
        IncorrectPassword = "incorrect_password",
        /// The URL of a webhook endpoint begins with `http://`.
        InsecureUrl = "insecure_url",
        /// A fault of the server, or a damaged row or table in its store.
        InternalClerkError = "internal_clerk_error",
        /// A TOTP secret is not base32, or has fewer than 80 or more than 512 bits.
        InvalidTotpSecretCode = "invalid_totp_secret_code",
        /// An invitation is to be revoked that a user has accepted.
        InvitationAlreadyAccepted = "invitation_already_accepted",
        /// An invitation is to be revoked that was revoked before.
        InvitationAlreadyRevoked = "invitation_already_revoked",
        /// A JWT template sets a claim that Verger sets, or that means something to an SDK.
        JwtTemplateReservedClaim = "jwt_template_reserved_claim",
        /// The path, the query or a header is malformed, or a header asks for something that the operation does not support.
        MalformedRequestParameters = "malformed_request_parameters",
        /// The path does not support this method.
        MethodNotAllowed = "method_not_allowed",
        /// A request has several values of `Origin`.
        MultipleOriginHeaderValuesForbidden = "multiple_origin_header_values_forbidden",
        /// The request is about the password of a user who has none.
        NoPasswordSet = "no_password_set",
        /// The `Origin` of a request is none that may call this instance.
        OriginInvalid = "origin_invalid",
        /// A request that changes something has no `Origin`.
        OriginMissing = "origin_missing",
        /// The request is about a password, and the instance has none.
        PasswordDisabled = "password_disabled",
        /// `If-Match` does not name the current version of the object.
        PreconditionFailed = "precondition_failed",
        /// The instance has reached its limit of 200 webhook endpoints.
        /// The instance has reached its limit of 100 JWT templates.
        /// The instance has reached its limit of entries of a list, redirect URLs or open invitations.
        QuotaExceeded = "quota_exceeded",
        /// The token of a refresh was minted for a page of another origin.
        RefreshRequestOriginAzpMismatch = "refresh_request_origin_azp_mismatch",
        /// A refresh names something else than an origin.
        RefreshRequestOriginInvalid = "refresh_request_origin_invalid",
        /// The token of a refresh belongs to another session.
        RefreshSidMismatch = "refresh_sid_mismatch",
        /// The refresh token is unknown, or belongs to another session or origin.
        RefreshTokenNotFound = "refresh_token_not_found",
        /// The body is not a JSON object in UTF-8, or is incomplete.
        /// The body is not well-formed JSON.
        /// A string in the body has an unpaired surrogate.
        /// The body has a duplicate key, at any depth.
        /// The body is nested more than 128 levels deep.
        RequestBodyInvalid = "request_body_invalid",
        /// The body has more than 1 MiB.
        /// The body of a callback has more than 16 KiB.
        RequestBodyTooLarge = "request_body_too_large",
        /// A session is created by the Backend API in a production instance.
        RequestInvalidForEnvironment = "request_invalid_for_environment",
        /// The answer would name a frontend host, and the instance has none.
        RequestInvalidForInstance = "request_invalid_for_instance",
        /// The body did not arrive within the request's time limit.
        RequestTimeout = "request_timeout",
        /// This instance has no object with this id.
        /// This identification has no verification with this id.
        /// This instance has no JWT template with this name. That of the session token, `__session`, counts as none here.
        /// The API has no such path.
        /// The API has no such path; with another API URL in the client it would.
        ResourceNotFound = "resource_not_found",
        /// Too many requests compete for the same object, or follow the feed.
        /// The store does not answer.
        /// The object is being changed by too many at once.
        /// The database connection was lost or its disk failed during the commit, so the outcome is unknown.
        /// The attempt was counted, but its outcome could not be stored.
        ServiceUnavailable = "service_unavailable",
        /// The token of a refresh was refreshed more than 10 seconds ago.
        SessionRefreshExpiredSessionTokenConsumed = "session_refresh_expired_session_token_consumed",
        /// The token of a refresh does not say when it was minted.
        SessionRefreshExpiredSessionTokenMissingIat = "session_refresh_expired_session_token_missing_iat",
        /// The token of a refresh expired more than 24 hours ago.
        SessionRefreshExpiredSessionTokenTooOld = "session_refresh_expired_session_token_too_old",
        /// The session of a refresh has ended.
        SessionRefreshInactiveSession = "session_refresh_inactive_session",
        /// The session of a refresh does not exist.
        SessionRefreshSessionNotFound = "session_refresh_session_not_found",
        /// The token of a refresh has not expired, or is one of a JWT template.
        SessionRefreshSessionTokenIneligible = "session_refresh_session_token_ineligible",
        /// The user of a refresh is gone or banned.
        SessionRefreshUserNotFound = "session_refresh_user_not_found",
        /// The template of the session token is deleted or renamed.
        SessionTokenJwtTemplate = "session_token_jwt_template",
        /// The session token would have more than 2800 bytes.
        /// A token of a JWT template would have more than 16384 bytes.
        SessionTokenTooLarge = "session_token_too_large",
        /// A sign-in token is revoked that was used or revoked before.
        SignInTokenCannotBeRevokedCode = "sign_in_token_cannot_be_revoked_code",
        /// A signing key is to be retired that signs, or that signed tokens which may still be valid.
        SigningKeyInUse = "signing_key_in_use",
        /// A signing key is to be retired that is no longer published.
        SigningKeyRetired = "signing_key_retired",
        /// A new signing key is asked for while one is published that does not sign yet.
        SigningKeyRotationPending = "signing_key_rotation_pending",
        /// The day's budget for text messages is spent.
        SmsBudgetExceeded = "sms_budget_exceeded",
        /// Too many codes sent to this country were never entered.
        SmsCountrySuspended = "sms_country_suspended",
        /// No sender is configured.
        SmsSendError = "sms_send_error",
        /// Ten wrong passwords, codes of an authenticator or backup codes of a user were tried within an hour.
        /// Too many wrong codes closed the verification of the number or address.
        /// More work on passwords waits than the server does in a second.
        /// A limit on sending is reached for this hour.
        TooManyRequests = "too_many_requests",
        /// A code is tried of a user who has neither TOTP nor backup codes, or whose instance does not have them.
        TotpDisabled = "totp_disabled",
        /// A wrong code of an authenticator, or a wrong backup code, was tried; or one that was used before.
        TotpIncorrectCode = "totp_incorrect_code",
        /// What is tried does not have six digits, and the user has no backup codes.
        TotpInvalidLength = "totp_invalid_length",
        /// The body is not declared as JSON.
        /// The body is compressed.
        UnsupportedContentType = "unsupported_content_type",
        /// Text messages to this country are not allowed.
        UnsupportedCountryCode = "unsupported_country_code",
        /// The user is banned.
        /// A session is created for a user who is banned.
        UserBanned = "user_banned",
        /// The user is locked.
        UserLocked = "user_locked",
        /// The code was already accepted.
        VerificationAlreadyVerified = "verification_already_verified",
        /// A code was sent to the same number or address less than 30 seconds ago.
        VerificationCodeTooManyRequests = "verification_code_too_many_requests",
    }
}

//! The reasons that sessions, tokens, JWT templates and tickets give, as rows.

use verger_wire::reasons;

reasons! {
    SESSION_OVER "SessionOver" 401 "authentication_invalid" {
        message: "The session is over",
        long_message: "Only an active or pending session of a user who may sign in has tokens.",
        when: "A token is asked for of a session that has ended, or whose user is banned.",
        help: "Let the user sign in again.",
        frontend: 401 "authentication_invalid" {
            message: "You are signed out",
            long_message: "You are signed out. Sign in again.",
        },
    }
    SESSION_PENDING "SessionPending" 403 "authorization_invalid" {
        message: "The session is pending",
        long_message: "A pending session has no tokens of JWT templates: they would not say that it is pending. Its tasks \
                       say what the user must do first.",
        when: "A token of a JWT template is asked for of a pending session.",
        help: "Let the user complete the tasks of the session.",
    }
    DEVELOPMENT_ONLY "DevelopmentOnly" 400 "request_invalid_for_environment" {
        message: "This works in development instances only",
        long_message: "Sessions without a sign-in are for tests. Create a sign-in token instead, and let the user sign in \
                       with it.",
        when: "A session is created by the Backend API in a production instance.",
        help: "Create a sign-in token instead.",
    }
    SESSION_USER_BANNED "SessionUserBanned" 403 "user_banned" {
        message: "The user is banned",
        long_message: "A banned user cannot sign in. Unban the user first.",
        when: "A session is created for a user who is banned.",
        help: "Unban the user first.",
    }
    SESSION_TOKEN_TOO_LARGE "SessionTokenTooLarge" 400 "session_token_too_large" {
        message: "The session token is too large",
        long_message: "The session token would have {bytes} bytes, and at most {bytes_max} are allowed: browsers drop longer \
                       cookies. The claim {claim} takes most of it.",
        when: "The session token would have more than 2800 bytes.",
        help: "Take the claim that the message names out of the session token's template, or store less in it.",
    }
    TEMPLATE_TOKEN_TOO_LARGE "TemplateTokenTooLarge" 400 "session_token_too_large" {
        message: "The token is too large",
        long_message: "The token of the JWT template would have {bytes} bytes, and at most {bytes_max} are allowed. The claim \
                       {claim} takes most of it.",
        when: "A token of a JWT template would have more than 16384 bytes.",
        help: "Take the claim that the message names out of the template, or store less in it.",
    }

    JWT_TEMPLATE_RESERVED_CLAIM "JwtTemplateReservedClaim" 400 "jwt_template_reserved_claim" {
        message: "The claim {claim} is reserved",
        long_message: "The claim {claim} is reserved; templates cannot set it.",
        when: "A JWT template sets a claim that Verger sets, or that means something to an SDK.",
        help: "Use another name for the claim.",
    }
    JWT_TEMPLATE_TOO_LARGE "JwtTemplateTooLarge" 422 "form_param_exceeds_allowed_size" {
        message: "{param} is too large: {bytes} bytes, and at most {bytes_max} are allowed",
        long_message: "{param} may have at most {bytes_max} bytes of JSON without its shortcodes; it has {bytes}.",
        when: "The claims of a JWT template have more than 1200 bytes of JSON without their shortcodes.",
        help: "Store less in it; the message states the size.",
    }
    JWT_TEMPLATE_NAME_TAKEN "JwtTemplateNameTaken" 422 "form_identifier_exists" {
        message: "There is a JWT template with this name",
        long_message: "The names of an instance's JWT templates are unique.",
        when: "The instance has a JWT template with this name.",
        help: "Choose another name.",
    }
    JWT_TEMPLATES_QUOTA "JwtTemplatesQuota" 403 "quota_exceeded" {
        message: "The instance has {max} JWT templates already",
        long_message: "An instance can have at most {max} JWT templates. Remove one first. Nothing was changed.",
        when: "The instance has reached its limit of 100 JWT templates.",
        help: "Remove one first.",
    }
    SESSION_TEMPLATE_FIXED "SessionTemplateFixed" 403 "session_token_jwt_template" {
        message: "This is the session token's template",
        long_message: "The template named `__session` has the claims of every session token. It can be neither deleted nor \
                       renamed; with empty claims it adds nothing.",
        when: "The template of the session token is deleted or renamed.",
        help: "Empty its claims instead.",
    }
    SESSION_TOKEN_KEY "SessionTokenKey" 422 "form_param_value_invalid" {
        message: "{param} cannot be set for the session token's template",
        long_message: "The session token is always signed with the instance's own key.",
        when: "The template of the session token has a custom signing key.",
        help: "Use another template for tokens that are signed with a key of your own.",
    }
    SIGNING_KEY_INVALID "SigningKeyInvalid" 422 "form_param_value_invalid" {
        message: "{param}: {why}",
        long_message: "{param}: {why}.",
        when: "The signing key of a JWT template does not fit its algorithm.",
        help: "Correct the value; the message says what is wrong with it.",
    }

    TEMPLATE_NAME_UNKNOWN "TemplateNameUnknown" 404 "resource_not_found" {
        message: "The JWT template does not exist",
        long_message: "This instance has no JWT template with this name from which tokens can be created.",
        when: "This instance has no JWT template with this name. That of the session token, `__session`, counts as none here.",
        help: "Ask for the template by its name, not by its id: `GET /v1/jwt_templates` lists both.",
    }

    SIGN_IN_TOKEN_CLOSED "SignInTokenClosed" 400 "sign_in_token_cannot_be_revoked_code" {
        message: "The sign-in token is {status} already",
        long_message: "Only a pending sign-in token can be revoked; this one is {status}.",
        when: "A sign-in token is revoked that was used or revoked before.",
        help: "Nothing to do: it signs nobody in.",
    }
    ACTOR_TOKEN_CLOSED "ActorTokenClosed" 400 "actor_token_cannot_be_revoked_code" {
        message: "The actor token is {status} already",
        long_message: "Only a pending actor token can be revoked; this one is {status}. To end what it opened, revoke the \
                       session.",
        when: "An actor token is revoked that was used or revoked before.",
        help: "Revoke the session that it opened.",
    }
    ACTOR_SUBJECT_MISSING "ActorSubjectMissing" 422 "form_param_missing" {
        message: "actor must have a sub",
        long_message: "actor must have a member `sub`, a text that says who acts.",
        when: "The actor of an actor token does not say who acts.",
        help: "Send the id of the acting user as `sub`.",
    }
    CLIENT_TOKEN_INVALID "ClientTokenInvalid" 400 "cookie_invalid" {
        message: "The token is not one of a client",
        long_message: "The token must be the value of the cookie `__client`, as this instance set it.",
        when: "The token of a client is unknown, replaced or of another instance.",
        help: "Send the value of the cookie `__client` of the request.",
    }

    REFRESH_ORIGIN_INVALID "RefreshOriginInvalid" 401 "refresh_request_origin_invalid" {
        message: "The origin of the request is not allowed",
        long_message: "request_origin must be an origin, such as https://example.com.",
        when: "A refresh names something else than an origin.",
        help: "Send the origin of the page.",
    }
    REFRESH_EXPIRED_TOKEN_INVALID "RefreshExpiredTokenInvalid" 401 "expired_session_token_invalid" {
        message: "The expired token is not valid",
        long_message: "expired_token must be a session token of this instance.",
        when: "The token of a refresh was not signed as a session token by this instance.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_AZP_MISSING "RefreshAzpMissing" 401 "expired_session_token_missing_azp" {
        message: "The expired token has no azp",
        long_message: "Only a token that a page asked for can be refreshed: it names the page's origin.",
        when: "The token of a refresh was not minted for a page.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_AZP_MISMATCH "RefreshAzpMismatch" 401 "refresh_request_origin_azp_mismatch" {
        message: "The expired token is another origin's",
        long_message: "The claim azp of the expired token must equal request_origin.",
        when: "The token of a refresh was minted for a page of another origin.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_SESSION_NOT_FOUND "RefreshSessionNotFound" 401 "session_refresh_session_not_found" {
        message: "The session does not exist",
        long_message: "This instance has no session with this id.",
        when: "The session of a refresh does not exist.",
        help: "Let the user sign in again.",
    }
    REFRESH_SESSION_INACTIVE "RefreshSessionInactive" 401 "session_refresh_inactive_session" {
        message: "The session is over",
        long_message: "Only an active or pending session is refreshed.",
        when: "The session of a refresh has ended.",
        help: "Let the user sign in again.",
    }
    REFRESH_SID_MISSING "RefreshSidMissing" 401 "expired_session_token_missing_sid" {
        message: "The expired token has no sid",
        long_message: "Only a session token can be refreshed: it names its session.",
        when: "The token of a refresh names no session.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_SID_MISMATCH "RefreshSidMismatch" 401 "refresh_sid_mismatch" {
        message: "The expired token is another session's",
        long_message: "The claim sid of the expired token must be the session of the path.",
        when: "The token of a refresh belongs to another session.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_TOKEN_NOT_FOUND "RefreshTokenNotFound" 401 "refresh_token_not_found" {
        message: "The refresh token does not exist",
        long_message: "refresh_token must be the value of the cookie `__refresh` that was set for this session and origin.",
        when: "The refresh token is unknown, or belongs to another session or origin.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_USER_NOT_FOUND "RefreshUserNotFound" 401 "session_refresh_user_not_found" {
        message: "The user cannot sign in",
        long_message: "The user of the session is gone or banned.",
        when: "The user of a refresh is gone or banned.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_TOKEN_TOO_OLD "RefreshTokenTooOld" 401 "session_refresh_expired_session_token_too_old" {
        message: "The expired token is too old",
        long_message: "A token can be refreshed for 24 hours after it expired.",
        when: "The token of a refresh expired more than 24 hours ago.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_IAT_MISSING "RefreshIatMissing" 401 "session_refresh_expired_session_token_missing_iat" {
        message: "The expired token has no iat",
        long_message: "Only a session token can be refreshed: it says when it was minted.",
        when: "The token of a refresh does not say when it was minted.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_TOKEN_CONSUMED "RefreshTokenConsumed" 401 "session_refresh_expired_session_token_consumed" {
        message: "The expired token was refreshed before",
        long_message: "One expired token gives one new token, and the same one for 10 seconds.",
        when: "The token of a refresh was refreshed more than 10 seconds ago.",
        help: "Let the SDK fall back to the handshake.",
    }
    REFRESH_TOKEN_INELIGIBLE "RefreshTokenIneligible" 401 "session_refresh_session_token_ineligible" {
        message: "The token cannot be refreshed",
        long_message: "Only a session token that has expired is refreshed, and none of a JWT template.",
        when: "The token of a refresh has not expired, or is one of a JWT template.",
        help: "Let the SDK fall back to the handshake.",
    }
}

//! What a client is told: the one place where a reason becomes a status, a code and words (contract section 7).

use crate::limits;
use axum::http::StatusCode;
use serde_json::{Map, json};
use verger_core::verification::{FAILURES_MAX, RESEND_PAUSE_MS};
use verger_core::{IdentifierKind, Malformed, Refusal, username};
use verger_store::{Conflict, StoreError};
use verger_wire::ApiError;
use verger_wire::json::{DEPTH_MAX, JsonError, JsonProblem, path_text};

/// Why a request is not answered with success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No `Authorization: Bearer …`.
    AuthorizationHeader,
    /// No instance has this key, or it was revoked.
    KeyInvalid,
    /// As above, in `verger dev`, where the key is at hand.
    KeyInvalidInDevelopment {
        /// Where, in words; never the key.
        key_hint: String,
    },
    /// An API version that does not exist, or two of them.
    ApiVersion(&'static str),
    /// The body is not what its content type says.
    BodyInvalid(&'static str),
    /// The body is not JSON that can be read.
    BodyUnreadable(JsonError),
    /// A header or the query cannot be read.
    RequestMalformed {
        /// The header or parameter, if one is to blame.
        param: Option<&'static str>,
        /// What is wrong.
        why: &'static str,
    },
    /// The body did not arrive in time.
    BodyTooSlow,
    /// More than this operation takes.
    BodyTooLarge {
        /// How much that is.
        bytes_max: usize,
    },
    /// Not JSON.
    ContentType,
    /// JSON, perhaps, but compressed.
    ContentEncoding {
        /// How.
        encoding: String,
    },
    /// No such path.
    UnknownPath,
    /// No such path, and the base URL of the client is to blame.
    NoPath(&'static str),
    /// The path has other methods.
    MethodNotAllowed {
        /// Which, as in the header `Allow`.
        allow: String,
    },
    /// Documented, but not built yet.
    NotBuilt {
        /// For example `GET`.
        method: &'static str,
        /// As in the document, without `/v1`.
        path: &'static str,
    },
    /// No such object in this instance.
    NotFound(&'static str),
    /// Fields or parameters that are not as they should be; never empty.
    Fields(Vec<Problem>),
    /// More objects at a time than one request may name.
    BulkTooLarge {
        /// The field that names them.
        param: &'static str,
        /// How many there may be.
        max: usize,
        /// How many there are.
        length: usize,
    },
    /// The instance has as many as it can have.
    QuotaExceeded {
        /// Of what, in the plural.
        objects: &'static str,
        /// How many it can have.
        max: usize,
    },
    /// The rules refuse it.
    Refused(Refusal),
    /// Text messages to this country are not allowed.
    Country {
        /// ISO 3166-1 alpha-2, or `001`.
        alpha2: String,
        /// For example 44.
        calling_code: Option<i32>,
    },
    /// A limit on sending is used up.
    SendingLimit {
        /// Which.
        scope: &'static str,
        /// When there is room again; 0: never with this configuration.
        retry_after_seconds: u32,
    },
    /// A status callback that its provider did not sign.
    CallbackSignature,
    /// Nobody is configured who could send.
    NoSender {
        /// `sms` or `email`.
        channel: &'static str,
    },
    /// `If-Match` names another version.
    PreconditionFailed,
    /// The same `Idempotency-Key` with another request.
    IdempotencyKeyReused,
    /// The deadline passed, or the server is closing.
    Unavailable(&'static str),
    /// As the one inside, which is one of those that pass, after a code was tried and the try counted.
    AfterCountedTry(Box<Self>),
    /// The store.
    Store(StoreError),
    /// Our own mistake.
    Bug(String),
}

/// What is wrong with one field or parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Its name.
    pub(crate) param: String,
    /// What is wrong.
    pub(crate) kind: ProblemKind,
}

/// The ways in which a field can be wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProblemKind {
    /// It must be there.
    Missing,
    /// It must be there, and is null.
    Null,
    /// There is no such field, or it is not built yet.
    Unknown {
        /// The document has it, this server not yet.
        is_documented: bool,
    },
    /// A value of another type, or not one of those allowed.
    Value(String),
    /// A number over its maximum.
    TooLarge(String),
    /// It does not go together with another.
    Conditional(String),
    /// A URL without encryption where it must have it.
    InsecureUrl(String),
    /// A value that does not have the form it should have.
    Format(Malformed),
    /// Too many values.
    ArraySize {
        /// How many there may be.
        max: usize,
        /// How many there are.
        length: usize,
    },
    /// Two arrays that belong together differ in length.
    ArrayLength {
        /// The other.
        other: &'static str,
        /// How many items this one has.
        length: usize,
        /// How many the other has.
        other_length: usize,
    },
    /// It names something that is not there.
    ResourceNotFound,
}

/// What a failure becomes on the wire.
pub(crate) struct FailureAnswer {
    /// The status.
    pub(crate) status: StatusCode,
    /// Never empty.
    pub(crate) errors: Vec<ApiError>,
    /// For the header `Retry-After`.
    pub(crate) retry_after_seconds: Option<u32>,
    /// For the header `Allow`.
    pub(crate) allow: Option<String>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Conflict::Taken(kind)) => Self::Refused(Refusal::Taken(kind)),
            other => Self::Store(other),
        }
    }
}

impl Failure {
    /// What becomes of it once a try of a code is committed: that stays, whatever follows.
    pub(crate) fn after_counted_try(self) -> Self {
        match self {
            Self::Unavailable(_)
            | Self::Store(StoreError::Unavailable(_) | StoreError::Conflict(Conflict::Stale)) => {
                Self::AfterCountedTry(Box::new(self))
            }
            other => other,
        }
    }

    /// Something to look at for whoever runs the server; `None` for what is the client's affair.
    pub(crate) fn cause(&self) -> Option<String> {
        match self {
            Self::Store(error) => Some(error.to_string()),
            Self::AfterCountedTry(failure) => failure.cause(),
            Self::Bug(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// The one exhaustive match.
    pub(crate) fn answer(&self) -> FailureAnswer {
        use StatusCode as S;
        let (status, error) = match self {
            Self::AuthorizationHeader => (
                S::UNAUTHORIZED,
                // Literal: clients compare it.
                error(
                    "authorization_header_format_invalid",
                    "Invalid Authorization header format",
                    "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'",
                ),
            ),
            Self::KeyInvalid => (
                S::UNAUTHORIZED,
                error(
                    "clerk_key_invalid",
                    "The secret key is not valid",
                    "No instance of this server has this secret key, or it was revoked. `verger keys list` shows which keys \
                     exist, but never the secrets.",
                ),
            ),
            Self::KeyInvalidInDevelopment { key_hint } => (
                S::UNAUTHORIZED,
                error(
                    "clerk_key_invalid",
                    "The secret key is not valid",
                    &format!(
                        "No instance of this server has this secret key. The secret key of this server {key_hint}."
                    ),
                ),
            ),
            Self::ApiVersion(why) => {
                (S::BAD_REQUEST, error("api_version_invalid", "The API version is not valid", why))
            }
            Self::BodyInvalid(why) => {
                (S::BAD_REQUEST, error("request_body_invalid", "The request body is not valid", why))
            }
            Self::BodyUnreadable(error) => (S::BAD_REQUEST, body_unreadable(error)),
            Self::RequestMalformed { param, why } => (
                S::BAD_REQUEST,
                with_param(error("malformed_request_parameters", first_sentence(why), why), *param),
            ),
            Self::BodyTooSlow => (
                S::REQUEST_TIMEOUT,
                error(
                    "request_timeout",
                    "The request body did not arrive in time",
                    "The whole body must arrive within the request's time limit. Nothing was changed.",
                ),
            ),
            Self::BodyTooLarge { bytes_max } => (
                S::PAYLOAD_TOO_LARGE,
                error(
                    "request_body_too_large",
                    "The request body is too large",
                    &match bytes_max / 1024 {
                        kib if kib < 1024 => format!("The body may have at most {kib} KiB."),
                        kib => format!("A body may have at most {} MiB.", kib / 1024),
                    },
                ),
            ),
            Self::ContentType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                error(
                    "unsupported_content_type",
                    "The content type is not supported",
                    "Send the body as JSON in UTF-8, with one header `Content-Type: application/json`.",
                ),
            ),
            Self::ContentEncoding { encoding } => (
                S::UNSUPPORTED_MEDIA_TYPE,
                error(
                    "unsupported_content_type",
                    "The content encoding is not supported",
                    &format!("Bodies encoded with `{encoding}` are not decoded. Send the body as it is."),
                ),
            ),
            Self::UnknownPath => (
                S::NOT_FOUND,
                error(
                    "resource_not_found",
                    "There is nothing at this path",
                    "The API has no such path. `/reference` lists those that exist.",
                ),
            ),
            Self::NoPath(hint) => {
                (S::NOT_FOUND, error("resource_not_found", "There is nothing at this path", hint))
            }
            Self::MethodNotAllowed { allow } => {
                return FailureAnswer {
                    status: S::METHOD_NOT_ALLOWED,
                    errors: vec![error(
                        "method_not_allowed",
                        "The path does not have this method",
                        &format!("This path can be called with: {allow}."),
                    )],
                    retry_after_seconds: None,
                    allow: Some(allow.clone()),
                };
            }
            Self::NotBuilt { method, path } => (
                S::FORBIDDEN,
                error(
                    "feature_not_enabled",
                    "This operation is not available",
                    &format!(
                        "`{method} /v1{path}` is part of the documented API, but this server does not have it yet."
                    ),
                ),
            ),
            Self::NotFound(object) => (S::NOT_FOUND, not_found(object)),
            Self::Fields(problems) => {
                return FailureAnswer {
                    status: S::UNPROCESSABLE_ENTITY,
                    errors: problems.iter().map(problem_error).collect(),
                    retry_after_seconds: None,
                    allow: None,
                };
            }
            Self::BulkTooLarge { param, max, length } => (
                S::BAD_REQUEST,
                with_param(
                    error(
                        "bulk_size_exceeded",
                        &format!("{param} has {length} items, and may have at most {max}"),
                        &format!(
                            "One request can name at most {max} in {param}; this one has {length}. Send them in several \
                             requests. Nothing was changed."
                        ),
                    ),
                    Some(param),
                ),
            ),
            Self::QuotaExceeded { objects, max } => (
                S::FORBIDDEN,
                error(
                    "quota_exceeded",
                    &format!("The instance has {max} {objects} already"),
                    &format!(
                        "An instance can have at most {max} {objects}. Remove one first. Nothing was changed."
                    ),
                ),
            ),
            Self::Refused(Refusal::CodeJustSent { retry_after_ms }) => {
                return too_many(
                    "verification_code_too_many_requests",
                    "A code was sent a moment ago",
                    &format!(
                        "A code can be sent to the same number or address once in {} seconds. `Retry-After` says how many \
                         are left.",
                        RESEND_PAUSE_MS / 1000
                    ),
                    seconds_up(*retry_after_ms),
                );
            }
            Self::Refused(Refusal::VerificationClosed { retry_after_ms }) => {
                return too_many(
                    "too_many_requests",
                    "Too many wrong codes were tried",
                    &format!(
                        "{FAILURES_MAX} wrong codes within an hour close the verification of this number or address. \
                         `Retry-After` says for how many seconds. Other ways to sign in are not closed."
                    ),
                    seconds_up(*retry_after_ms),
                );
            }
            Self::Refused(refusal) => refusal_answer(*refusal),
            Self::Country { alpha2, calling_code } => {
                let mut error = error(
                    "unsupported_country_code",
                    "Messages to this country are not allowed",
                    "The operator allows countries in `allowed_countries` of section [sending].",
                );
                error.meta.insert("alpha2".to_owned(), json!(alpha2));
                let calling_code = calling_code.map(|code| code.to_string()).unwrap_or_default();
                error.meta.insert("country_code".to_owned(), json!(calling_code));
                (S::FORBIDDEN, error)
            }
            Self::SendingLimit { scope, retry_after_seconds } => {
                return sending_limit(scope, *retry_after_seconds);
            }
            Self::CallbackSignature => (
                S::FORBIDDEN,
                error(
                    "callback_signature_invalid",
                    "The callback is not signed by the provider",
                    "It must be signed with the auth token of [sms.twilio], for the address in `status_callback_url`.",
                ),
            ),
            Self::NoSender { channel } => (
                S::BAD_REQUEST,
                error(
                    "sms_send_error",
                    "No sender is configured",
                    &format!("The operator has to set `sender` in section [{channel}]. Nothing was changed."),
                ),
            ),
            Self::PreconditionFailed => (
                S::PRECONDITION_FAILED,
                error(
                    "precondition_failed",
                    "The object is no longer the version that If-Match names",
                    "Read it again, look at what changed, and send its new ETag. Nothing was changed.",
                ),
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                error(
                    "idempotency_key_reused",
                    "The Idempotency-Key was used for another request",
                    "A key belongs to one method, path and body. Use a new key for a new request. Nothing was changed.",
                ),
            ),
            Self::Unavailable(why) => return unavailable(why),
            Self::AfterCountedTry(_) => return unavailable_after_try(),
            Self::Store(StoreError::OutcomeUnknown(_)) => return outcome_unknown(),
            Self::Store(StoreError::Unavailable(_)) => return unavailable("The store does not answer."),
            Self::Store(StoreError::Conflict(Conflict::Stale)) => {
                return unavailable("The object is being changed by many requests at once.");
            }
            Self::Store(_) | Self::Bug(_) => (
                S::INTERNAL_SERVER_ERROR,
                error(
                    "internal_clerk_error",
                    "Something went wrong in the server",
                    "The server's log has the cause under the trace id of this answer.",
                ),
            ),
        };
        FailureAnswer { status, errors: vec![error], retry_after_seconds: None, allow: None }
    }
}

/// Without its period.
fn first_sentence(text: &str) -> &str {
    text.split(". ").next().unwrap_or(text).trim_end_matches('.')
}

fn seconds_up(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX)
}

fn too_many(code: &str, message: &str, long_message: &str, retry_after_seconds: u32) -> FailureAnswer {
    FailureAnswer {
        status: StatusCode::TOO_MANY_REQUESTS,
        errors: vec![error(code, message, long_message)],
        retry_after_seconds: Some(retry_after_seconds.max(1)),
        allow: None,
    }
}

fn sending_limit(scope: &str, retry_after_seconds: u32) -> FailureAnswer {
    let forbidden = |code: &str, message: &str, long_message: &str| FailureAnswer {
        status: StatusCode::FORBIDDEN,
        errors: vec![error(code, message, long_message)],
        retry_after_seconds: (retry_after_seconds > 0).then_some(retry_after_seconds),
        allow: None,
    };
    match scope {
        limits::SPENT => forbidden(
            "sms_budget_exceeded",
            "The day's budget for text messages is spent",
            "No more text messages are sent today. The operator sets `daily_budget` in section [sending].",
        ),
        limits::UNVERIFIED => forbidden(
            "sms_country_suspended",
            "Too many codes sent to this country were never entered",
            "Text messages to this country are suspended for now. The operator sets `unverified` in section [sending].",
        ),
        _ => too_many(
            "too_many_requests",
            "Too many messages were sent",
            &format!(
                "The limit per {scope} is reached for this hour. The operator sets it in section [sending]."
            ),
            retry_after_seconds,
        ),
    }
}

fn outcome_unknown() -> FailureAnswer {
    let mut answer = unavailable("");
    answer.errors = vec![error(
        "service_unavailable",
        "The database did not say whether it stored the change",
        "It is not known whether the change was made. Read the object before you repeat the request, or repeat it with the \
         same Idempotency-Key.",
    )];
    answer
}

fn unavailable_after_try() -> FailureAnswer {
    unavailable_since(
        "The try of the code was counted, but what comes of it could not be stored. Nothing else was changed; try again in \
         a second, which counts as another try.",
    )
}

fn unavailable(why: &str) -> FailureAnswer {
    unavailable_since(&format!("{why} Nothing was changed; try again in a second."))
}

fn unavailable_since(long_message: &str) -> FailureAnswer {
    FailureAnswer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        errors: vec![error("service_unavailable", "The server cannot do this now", long_message)],
        retry_after_seconds: Some(1),
        allow: None,
    }
}

fn refusal_answer(refusal: Refusal) -> (StatusCode, ApiError) {
    use StatusCode as S;
    match refusal {
        Refusal::Taken(kind) => {
            let (message, long_message) = match kind {
                // Literal: clients compare it.
                IdentifierKind::PhoneNumber => (
                    "That phone number is taken. Please try another.",
                    "That phone number is taken. Please try another.",
                ),
                IdentifierKind::EmailAddress => (
                    "This email address is in use",
                    "A user of this instance has this email address already.",
                ),
                IdentifierKind::Username => (
                    "This username is in use",
                    "Usernames are case-insensitive, and a user of this instance has this one.",
                ),
                IdentifierKind::ExternalId => {
                    ("This external id is in use", "A user of this instance has this external id already.")
                }
            };
            (
                S::UNPROCESSABLE_ENTITY,
                with_param(error("form_identifier_exists", message, long_message), Some(kind.as_str())),
            )
        }
        Refusal::NotFound => (S::NOT_FOUND, not_found("identification")),
        Refusal::NotTheUsers { param } => (
            S::UNPROCESSABLE_ENTITY,
            with_param(
                error(
                    "form_resource_not_found",
                    "The user does not have this identification",
                    "The id must be that of one of the user's own identifications of this kind.",
                ),
                Some(param),
            ),
        ),
        Refusal::NeedsVerification { param } => (
            S::UNPROCESSABLE_ENTITY,
            with_param(
                error(
                    "form_verification_needed",
                    "Only a verified or reserved identification can be primary",
                    "Verify it first, for example with `verified: true` in the same request.",
                ),
                Some(param),
            ),
        ),
        Refusal::SecondFactorUnverified { on_create } => (
            S::BAD_REQUEST,
            with_param(
                error(
                    if on_create {
                        "identification_create_second_factor_unverified"
                    } else {
                        "identification_update_second_factor_unverified"
                    },
                    "A second factor must be verified",
                    "Verify the phone number first, for example with `verified: true` in the same request.",
                ),
                Some("reserved_for_second_factor"),
            ),
        ),
        Refusal::OnlySignInIdentification => (
            S::BAD_REQUEST,
            with_param(
                error(
                    "identification_update_failed",
                    "The user's only way to sign in cannot be a second factor",
                    "Give the user another verified or reserved identification first.",
                ),
                Some("reserved_for_second_factor"),
            ),
        ),
        Refusal::LastIdentification => (
            S::BAD_REQUEST,
            error(
                "identification_deletion_failed",
                "The user's last identification cannot be deleted",
                "Add another identification first, or delete the user.",
            ),
        ),
        Refusal::IdentificationMissing => (
            S::UNPROCESSABLE_ENTITY,
            error(
                "form_data_missing",
                "The user needs an identification",
                "Send a phone_number, an email_address or a username, or `skip_user_requirement: true`.",
            ),
        ),
        Refusal::AlreadyVerified => (
            S::BAD_REQUEST,
            error(
                "verification_already_verified",
                "This code was accepted before",
                "A code works once. Nothing was changed.",
            ),
        ),
        Refusal::Banned => (
            S::FORBIDDEN,
            error("user_banned", "The user is banned", "Unban the user before sending or trying codes."),
        ),
        Refusal::Locked => (
            S::FORBIDDEN,
            error("user_locked", "The user is locked", "Unlock the user before sending or trying codes."),
        ),
        // Answered before, with their waiting time.
        Refusal::CodeJustSent { .. } | Refusal::VerificationClosed { .. } => {
            (S::TOO_MANY_REQUESTS, error("too_many_requests", "Too many codes", "Wait before the next one."))
        }
        Refusal::TooMany(kind) => (
            S::UNPROCESSABLE_ENTITY,
            with_param(
                error(
                    "form_param_array_size_exceeded",
                    &format!("The user has too many of {}", kind.as_str()),
                    &format!(
                        "A user can have at most {} of {}. Delete one first.",
                        verger_core::user::IDENTIFICATIONS_MAX,
                        kind.as_str()
                    ),
                ),
                Some(kind.as_str()),
            ),
        ),
        Refusal::Malformed { param, why } => (
            S::UNPROCESSABLE_ENTITY,
            problem_error(&Problem { param: param.to_owned(), kind: ProblemKind::Format(why) }),
        ),
    }
}

fn problem_error(problem: &Problem) -> ApiError {
    let param = problem.param.as_str();
    let found = match &problem.kind {
        ProblemKind::Missing => error(
            "form_param_missing",
            &format!("{param} is missing"),
            &format!("The request must have {param}."),
        ),
        ProblemKind::Unknown { is_documented: true } => error(
            "form_param_unknown",
            &format!("{param} is not available"),
            &format!("{param} is part of the documented API, but this server does not have it yet."),
        ),
        ProblemKind::Unknown { is_documented: false } => error(
            "form_param_unknown",
            &format!("Unknown parameter {param}"),
            &format!("This operation has no parameter {param}. `/reference` lists those that it has."),
        ),
        ProblemKind::Null => error(
            "form_param_nil",
            &format!("{param} is null"),
            &format!("The request must have a value for {param}; null is none."),
        ),
        ProblemKind::Value(why) => said("form_param_value_invalid", param, why),
        ProblemKind::TooLarge(why) => said("form_param_value_too_large", param, why),
        ProblemKind::Conditional(why) => said("form_conditional_param_disallowed", param, why),
        ProblemKind::InsecureUrl(why) => said("insecure_url", param, why),
        ProblemKind::Format(why) => malformed(param, *why),
        ProblemKind::ArraySize { max, length } => error(
            "form_param_array_size_exceeded",
            &format!("{param} has {length} values, and may have at most {max}"),
            &format!("There may be at most {max} of {param}; the request has {length}."),
        ),
        ProblemKind::ArrayLength { other, length, other_length } => error(
            "form_param_array_length_mismatch",
            &format!("{param} has {length} items, and {other} has {other_length}"),
            &format!("{param} must have exactly one item for each item of {other}, or be left out."),
        ),
        ProblemKind::ResourceNotFound => error(
            "form_resource_not_found",
            &format!("{param} names nothing that exists"),
            &format!("{param} must be the id of an object of this instance."),
        ),
    };
    with_param(found, Some(param))
}

/// One sentence for both texts: it says all that there is to say.
fn said(code: &str, param: &str, why: &str) -> ApiError {
    error(code, &format!("{param} {why}"), &format!("{param} {why}."))
}

fn malformed(param: &str, why: Malformed) -> ApiError {
    match why {
        Malformed::Form(why) => said("form_param_format_invalid", param, why),
        Malformed::TooLong { max, length, unit } => {
            let unit = unit.as_str();
            said(
                "form_param_max_length_exceeded",
                param,
                &format!("may have at most {max} {unit}; it has {length}"),
            )
        }
        Malformed::TooShort(why) => said("form_param_min_length_exceeded", param, why),
        Malformed::TooLarge { bytes_max, bytes } => error(
            "form_param_exceeds_allowed_size",
            &format!("{param} is too large: {bytes} bytes, and at most {bytes_max} are allowed"),
            &format!(
                "{param} may have at most {bytes_max} bytes of JSON; after this request it would have {bytes}."
            ),
        ),
        Malformed::PhoneDigits { digits } => said(
            "form_param_format_invalid",
            param,
            &format!(
                "must be an E.164 number, which has 7 to 15 digits after the plus sign; it has {digits}"
            ),
        ),
        Malformed::Time => said(
            "form_param_invalid_time",
            param,
            "must be an RFC 3339 date and time such as 2012-10-20T07:15:20.902Z",
        ),
        Malformed::TimeRange => said(
            "form_param_invalid_time",
            param,
            "must be from 0000-01-01T00:00:00Z to 9999-12-30T22:00:00Z",
        ),
        Malformed::UsernameLength { length } => said(
            "form_username_invalid_length",
            param,
            &format!(
                "must have {} to {} characters; it has {length}",
                username::CHARACTERS_MIN,
                username::CHARACTERS_MAX
            ),
        ),
        Malformed::UsernameCharacter => said(
            "form_username_invalid_character",
            param,
            "may contain only the letters A to Z, digits, underscores and hyphens",
        ),
        Malformed::UsernameAllDigits => said(
            "form_username_needs_non_number_char",
            param,
            "must have at least one character that is not a digit",
        ),
    }
}

fn body_unreadable(unreadable: &JsonError) -> ApiError {
    let JsonError { problem, at, path } = unreadable;
    let (message, long_message) = match problem {
        JsonProblem::Syntax => (
            "The request body is not well-formed JSON",
            format!("The body is not well-formed JSON: it cannot be read from byte {at} on, counted from 0."),
        ),
        JsonProblem::HalfCharacter => (
            "The request body has half of a character",
            format!(
                "The text that has byte {at} in it has a \\u escape of one half of a surrogate pair without the other."
            ),
        ),
        JsonProblem::DuplicateKey => (
            "The request body has a key twice",
            format!("The key {} stands twice in its object. Send each key once.", path_text(path)),
        ),
        JsonProblem::TooDeep => (
            "The request body nests too deep",
            format!("The body nests arrays and objects deeper than {DEPTH_MAX} levels."),
        ),
    };
    error("request_body_invalid", message, &long_message)
}

fn not_found(object: &str) -> ApiError {
    error(
        "resource_not_found",
        &format!("The {object} does not exist"),
        &format!("This instance has no {object} with this id."),
    )
}

fn error(code: &str, message: &str, long_message: &str) -> ApiError {
    ApiError {
        message: message.to_owned(),
        long_message: long_message.to_owned(),
        code: code.to_owned(),
        meta: Map::new(),
    }
}

fn with_param(mut error: ApiError, param: Option<&str>) -> ApiError {
    if let Some(param) = param {
        error.meta.insert("param_name".to_owned(), json!(param));
    }
    error
}

#[cfg(test)]
mod tests;

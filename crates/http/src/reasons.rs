//! The reasons that HTTP gives: authentication, paths, headers, bodies and parameters. Nothing here knows of users.

use verger_wire::json::{DEPTH_MAX, JsonError, JsonProblem, path_text};
use verger_wire::{Refused, reasons};

reasons! {
    AUTHORIZATION_MISSING "AuthorizationMissing" 401 "authorization_header_format_invalid" {
        // Literal: clients compare it.
        message: "Invalid Authorization header format",
        long_message: "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'",
        when: "The header `Authorization: Bearer …` is missing or malformed, or was sent with different values.",
        help: "Send the secret key of the instance in this header.",
    }
    KEY_INVALID "KeyInvalid" 401 "clerk_key_invalid" {
        message: "The secret key is not valid",
        long_message: "No instance of this server has this secret key, or it was revoked. `verger keys list` shows which \
                       keys exist, but never the secrets.",
        when: "No instance has this key, or it was revoked.",
        help: "Use a key of this server: `verger keys create` creates one; in `verger dev` the message says where its \
               key is.",
        // A 401 would sign people out.
        frontend: 400 "clerk_key_invalid",
    }
    KEY_INVALID_IN_DEVELOPMENT "KeyInvalidInDevelopment" 401 "clerk_key_invalid" {
        message: "The secret key is not valid",
        long_message: "No instance of this server has this secret key. The secret key of this server {key_hint}.",
        when: "No instance has this key, or it was revoked.",
        help: "Use a key of this server: `verger keys create` creates one; in `verger dev` the message says where its \
               key is.",
        frontend: 400 "clerk_key_invalid",
    }
    API_VERSION_INVALID "ApiVersionInvalid" 400 "api_version_invalid" {
        message: "The API version is not valid",
        long_message: "{why}",
        when: "The header `Clerk-API-Version` or the parameter `__clerk_api_version` names an unknown version, or both \
               are sent.",
        help: "Send one of the versions that the message lists, in one place.",
    }

    UNKNOWN_PATH "UnknownPath" 404 "resource_not_found" {
        message: "There is nothing at this path",
        long_message: "The API has no such path. `/reference` lists those that exist.",
        when: "The API has no such path.",
        help: "Check the path.",
    }
    BASE_URL_WRONG "BaseUrlWrong" 404 "resource_not_found" {
        message: "There is nothing at this path",
        long_message: "{hint}",
        when: "The API has no such path; with another API URL in the client it would.",
        help: "The message says what is wrong with the API URL of your client, for example that it already ends in `/v1`.",
    }
    METHOD_NOT_ALLOWED "MethodNotAllowed" 405 "method_not_allowed" {
        message: "The path does not have this method",
        long_message: "This path can be called with: {allow}.",
        when: "The path does not support this method.",
        help: "Use a method that the header `Allow` lists.",
    }
    NOT_BUILT "NotBuilt" 403 "feature_not_enabled" {
        message: "This operation is not available",
        long_message: "`{method} /v1{path}` is part of the documented API, but this server does not have it yet.",
        when: "The operation is documented but not implemented yet; the message names its method and path.",
        help: "See docs/compatibility.md; do not retry.",
    }

    REQUEST_MALFORMED "RequestMalformed" 400 "malformed_request_parameters" {
        message: "{summary}",
        long_message: "{why}",
        when: "The path, the query or a header is malformed, or a header asks for something that the operation does \
               not support.",
        help: "Send percent-encoded UTF-8; the message says which part is at fault.",
    }
    PRECONDITION_FAILED "PreconditionFailed" 412 "precondition_failed" {
        message: "The object is no longer the version that If-Match names",
        long_message: "Read it again, look at what changed, and send its new ETag. Nothing was changed.",
        when: "`If-Match` does not name the current version of the object.",
        help: "Read the object again, look at what changed, and send its new `ETag`.",
    }
    IDEMPOTENCY_KEY_REUSED "IdempotencyKeyReused" 422 "idempotency_key_reused" {
        message: "The Idempotency-Key was used for another request",
        long_message: "A key belongs to one method, path and body. Use a new key for a new request. Nothing was changed.",
        when: "The `Idempotency-Key` was used for another method, path, query or body.",
        help: "Use a new key for a new request.",
    }

    CONTENT_TYPE_UNSUPPORTED "ContentTypeUnsupported" 415 "unsupported_content_type" {
        message: "The content type is not supported",
        long_message: "Send the body as JSON in UTF-8, with one header `Content-Type: application/json`.",
        when: "The body is not declared as JSON.",
        help: "Send `Content-Type: application/json`, and no `Content-Encoding`.",
    }
    CONTENT_ENCODING_UNSUPPORTED "ContentEncodingUnsupported" 415 "unsupported_content_type" {
        message: "The content encoding is not supported",
        long_message: "Bodies encoded with `{encoding}` are not decoded. Send the body as it is.",
        when: "The body is compressed.",
        help: "Send `Content-Type: application/json`, and no `Content-Encoding`.",
    }
    BODY_TOO_SLOW "BodyTooSlow" 408 "request_timeout" {
        message: "The request body did not arrive in time",
        long_message: "The whole body must arrive within the request's time limit. Nothing was changed.",
        when: "The body did not arrive within the request's time limit.",
        help: "Send it again faster; `--request-timeout-ms` sets the limit.",
    }
    BODY_TOO_LARGE "BodyTooLarge" 413 "request_body_too_large" {
        message: "The request body is too large",
        long_message: "A body may have at most {mib} MiB.",
        when: "The body has more than 1 MiB.",
        help: "Send less at a time.",
    }
    BODY_TOO_LARGE_HERE "BodyTooLargeHere" 413 "request_body_too_large" {
        message: "The request body is too large",
        long_message: "The body may have at most {kib} KiB.",
        when: "The body of a callback has more than 16 KiB.",
        help: "Send less at a time.",
    }
    BODY_INVALID "BodyInvalid" 400 "request_body_invalid" {
        message: "The request body is not valid",
        long_message: "{why}",
        when: "The body is not a JSON object in UTF-8, or is incomplete.",
        help: "Send one JSON object, without duplicate keys; the message says where the error is.",
    }
    BODY_NOT_JSON "BodyNotJson" 400 "request_body_invalid" {
        message: "The request body is not well-formed JSON",
        long_message: "The body is not well-formed JSON: it cannot be read from byte {at} on, counted from 0.",
        when: "The body is not well-formed JSON.",
        help: "Send one JSON object, without duplicate keys; the message says where the error is.",
    }
    BODY_HALF_CHARACTER "BodyHalfCharacter" 400 "request_body_invalid" {
        message: "The request body has half of a character",
        long_message: "The text that has byte {at} in it has a \\u escape of one half of a surrogate pair without the other.",
        when: "A string in the body has an unpaired surrogate.",
        help: "Send one JSON object, without duplicate keys; the message says where the error is.",
    }
    BODY_DUPLICATE_KEY "BodyDuplicateKey" 400 "request_body_invalid" {
        message: "The request body has a key twice",
        long_message: "The key {key} stands twice in its object. Send each key once.",
        when: "The body has a duplicate key, at any depth.",
        help: "Send one JSON object, without duplicate keys; the message says where the error is.",
    }
    BODY_TOO_DEEP "BodyTooDeep" 400 "request_body_invalid" {
        message: "The request body nests too deep",
        long_message: "The body nests arrays and objects deeper than {depth_max} levels.",
        when: "The body is nested more than 128 levels deep.",
        help: "Send one JSON object, without duplicate keys; the message says where the error is.",
    }

    PARAM_MISSING "ParamMissing" 422 "form_param_missing" {
        message: "{param} is missing",
        long_message: "The request must have {param}.",
        when: "A required field is missing.",
        help: "Send the field.",
    }
    PARAM_NULL "ParamNull" 422 "form_param_nil" {
        message: "{param} is null",
        long_message: "The request must have a value for {param}; null is none.",
        when: "A field that must not be null is null.",
        help: "Send a value.",
    }
    PARAM_UNKNOWN "ParamUnknown" 422 "form_param_unknown" {
        message: "Unknown parameter {param}",
        long_message: "This operation has no parameter {param}. `/reference` lists those that it has.",
        when: "The field is unknown.",
        help: "Leave it out, or see docs/compatibility.md. A few operations, such as `PATCH` of a phone number, ignore what the \
               API does not document, as Clerk does.",
    }
    PARAM_NOT_BUILT "ParamNotBuilt" 422 "form_param_unknown" {
        message: "{param} is not available",
        long_message: "{param} is part of the documented API, but this server does not have it yet.",
        when: "The field is documented but not implemented yet.",
        help: "Leave it out, or see docs/compatibility.md. A few operations, such as `PATCH` of a phone number, ignore what the \
               API does not document, as Clerk does.",
    }
    PARAM_VALUE_INVALID "ParamValueInvalid" 422 "form_param_value_invalid" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A value has another type, is not one of those allowed, or is out of its range; a number in metadata is beyond \
               ±1.8e308 or has more than 400 characters.",
        help: "Send a value of the type that `/reference` shows; the message says what is wrong and where.",
    }
    PARAM_VALUE_TOO_LARGE "ParamValueTooLarge" 422 "form_param_value_too_large" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A number exceeds its maximum, such as a `limit` over 500.",
        help: "Send a smaller one; the message says the range.",
    }
    PARAM_DISALLOWED "ParamDisallowed" 422 "form_conditional_param_disallowed" {
        message: "{param} {why}",
        long_message: "{param} {why}.",
        when: "A parameter cannot be combined with another: `starting_after` with `offset`, or with another order than \
               `created_at`.",
        help: "Leave one of them out.",
    }
    PARAM_TOO_LONG "ParamTooLong" 422 "form_param_max_length_exceeded" {
        message: "{param} may have at most {max} characters; it has {length}",
        long_message: "{param} may have at most {max} characters; it has {length}.",
        when: "A text to search for is longer than it may be.",
        help: "Send a shorter one; the message says both lengths.",
    }
    ARRAY_TOO_LONG "ArrayTooLong" 422 "form_param_array_size_exceeded" {
        message: "{param} has {length} values, and may have at most {max}",
        long_message: "There may be at most {max} of {param}; the request has {length}.",
        when: "A parameter has too many values.",
        help: "Send at most as many as the message says.",
    }
    ARRAY_LENGTH_MISMATCH "ArrayLengthMismatch" 422 "form_param_array_length_mismatch" {
        message: "{param} has {length} items, and {other} has {other_length}",
        long_message: "{param} must have exactly one item for each item of {other}, or be left out.",
        when: "Two arrays that belong together differ in length.",
        help: "Send both with the same number of items.",
    }
    PARAM_NAMES_NOTHING "ParamNamesNothing" 422 "form_resource_not_found" {
        message: "{param} names nothing that exists",
        long_message: "{param} must be the id of an object of this instance.",
        when: "A field names an object that does not exist.",
        help: "Send the id of an object of this instance, and of this user.",
    }
    BULK_TOO_LARGE "BulkTooLarge" 400 "bulk_size_exceeded" {
        message: "{param} has {length} items, and may have at most {max}",
        long_message: "One request can name at most {max} in {param}; this one has {length}. Send them in several requests. \
                       Nothing was changed.",
        when: "One request names more objects than it may, as in `POST /v1/users/ban`.",
        help: "Send them in several requests; the message says how many there may be.",
    }

    UNAVAILABLE "Unavailable" 503 "service_unavailable" {
        message: "The server cannot do this now",
        long_message: "{why} Nothing was changed; try again in a second.",
        when: "Too many requests compete for the same object, or follow the feed.",
        help: "Try again after `Retry-After`, which is one second.",
    }
    INTERNAL_ERROR "InternalError" 500 "internal_clerk_error" {
        message: "Something went wrong in the server",
        long_message: "The server's log has the cause under the trace id of this answer.",
        when: "A fault of the server, or a damaged row or table in its store.",
        help: "Look up the trace id in the server's log, which has the cause.",
    }
}

/// Seconds after which what passes by itself is worth another try.
pub const RETRY_AFTER_SECONDS: u32 = 1;

/// The path, the query or a header cannot be read; the first sentence of `why` is the short form.
pub fn malformed(why: &'static str) -> Refused {
    let summary = why.split(". ").next().unwrap_or(why).trim_end_matches('.');
    Refused::new(&REQUEST_MALFORMED).with("summary", summary).with("why", why)
}

/// The version that the request asks for is unknown, or not clear; `why` is a sentence.
pub fn api_version_invalid(why: &'static str) -> Refused {
    Refused::new(&API_VERSION_INVALID).with("why", why)
}

/// The path exists below another base URL; `hint` is a sentence.
pub fn base_url_wrong(hint: &'static str) -> Refused {
    Refused::new(&BASE_URL_WRONG).with("hint", hint)
}

/// The path has other methods; `allow` is the value of the header.
pub fn method_not_allowed(allow: &str) -> Refused {
    Refused { allow: Some(allow.to_owned()), ..Refused::new(&METHOD_NOT_ALLOWED).with("allow", allow) }
}

/// The body is not what it should be; `why` is a sentence.
pub fn body_invalid(why: &'static str) -> Refused {
    Refused::new(&BODY_INVALID).with("why", why)
}

/// The body is not JSON that can be read.
pub fn body_unreadable(JsonError { problem, at, path }: &JsonError) -> Refused {
    match problem {
        JsonProblem::Syntax => Refused::new(&BODY_NOT_JSON).with("at", at.to_string()),
        JsonProblem::HalfCharacter => Refused::new(&BODY_HALF_CHARACTER).with("at", at.to_string()),
        JsonProblem::DuplicateKey => Refused::new(&BODY_DUPLICATE_KEY).with("key", path_text(path)),
        JsonProblem::TooDeep => Refused::new(&BODY_TOO_DEEP).with("depth_max", DEPTH_MAX.to_string()),
    }
}

/// The body has more than `bytes_max`.
pub fn body_too_large(bytes_max: usize) -> Refused {
    match bytes_max / 1024 {
        kib if kib < 1024 => Refused::new(&BODY_TOO_LARGE_HERE).with("kib", kib.to_string()),
        kib => Refused::new(&BODY_TOO_LARGE).with("mib", (kib / 1024).to_string()),
    }
}

/// A value of another type, or not one of those allowed; `why` completes a sentence that begins with the parameter.
pub fn value_invalid(why: impl Into<String>) -> Refused {
    Refused::new(&PARAM_VALUE_INVALID).with("why", why)
}

/// A number over its maximum; `why` completes a sentence that begins with the parameter.
pub fn value_too_large(why: impl Into<String>) -> Refused {
    Refused::new(&PARAM_VALUE_TOO_LARGE).with("why", why)
}

/// A parameter that does not go together with another; `why` completes a sentence that begins with the parameter.
pub fn disallowed(why: impl Into<String>) -> Refused {
    Refused::new(&PARAM_DISALLOWED).with("why", why)
}

/// A list with more than `max` items.
pub fn array_too_long(length: usize, max: usize) -> Refused {
    Refused::new(&ARRAY_TOO_LONG).with("length", length.to_string()).with("max", max.to_string())
}

/// Too many want the same at once; `why` is a sentence.
pub fn unavailable(why: &'static str) -> Refused {
    Refused::new(&UNAVAILABLE).with("why", why).retry_after(RETRY_AFTER_SECONDS)
}

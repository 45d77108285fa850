//! A success on its way to the client.

use crate::context::TraceId;
use crate::error::Failure;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use verger_http::headers::entity_tag;
use verger_http::reasons::CONTENT_ENCODING_UNSUPPORTED;
use verger_http::version::ApiVersion;
use verger_store::KeyDigest;
use verger_wire::ErrorBody;
use verger_wire::reason::Api;

/// Exactly this, never with a charset: the official JavaScript SDK reads anything else as text (contract section 6).
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRACE_ID_HEADER: HeaderName = HeaderName::from_static("x-clerk-trace-id");
const CONSEQUENCES_HEADER: HeaderName = HeaderName::from_static("verger-consequences");
const PREFERENCE_APPLIED_HEADER: HeaderName = HeaderName::from_static("preference-applied");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A success. It is also what is kept for an `Idempotency-Key`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The body: JSON text.
    pub(crate) body: String,
    /// The version of the user, for the entity tag of a single object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i64>,
    /// The codes of `Verger-Consequences`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) consequences: Vec<String>,
    /// What is kept of it has the body sealed: there is a secret in it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_sealed: bool,
    /// Nothing was stored, because the request asked for that.
    #[serde(skip)]
    pub(crate) is_dry_run: bool,
    /// The answer was stored for an earlier request with the same `Idempotency-Key`.
    #[serde(skip)]
    pub(crate) is_replayed: bool,
    /// The client has this version already.
    #[serde(skip)]
    pub(crate) is_not_modified: bool,
    /// For how long a client may keep the answer, in seconds; `None`: it keeps nothing.
    #[serde(skip)]
    pub(crate) cache_seconds: Option<u32>,
    /// Another status than 200.
    #[serde(skip)]
    pub(crate) status: Option<StatusCode>,
    /// The answer is the feed of events.
    #[serde(skip)]
    pub(crate) feed: Option<Feed>,
}

/// Where a feed begins, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Events behind this place.
    pub(crate) after: i64,
    /// Of the key that opened it: whoever revokes it ends the feed.
    pub(crate) key: KeyDigest,
}

impl Answer {
    /// An answer with this body.
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_string(body).map_err(|error| Failure::Bug(error.to_string()))?;
        Ok(Self { body, ..Self::default() })
    }

    /// With the entity tag of this version.
    pub(crate) fn tagged(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = if self.is_not_modified {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else if self.status == Some(StatusCode::NO_CONTENT) {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        } else {
            json_response(self.status.unwrap_or(StatusCode::OK), self.body)
        };
        let headers = response.headers_mut();
        if let Some(seconds) = self.cache_seconds {
            // The key of the request is no part of what is kept: only the client itself keeps it.
            insert(headers, header::CACHE_CONTROL, &format!("private, max-age={seconds}"));
        }
        if let Some(version) = self.version {
            insert(headers, header::ETAG, &entity_tag(version));
        }
        if !self.consequences.is_empty() {
            insert(headers, CONSEQUENCES_HEADER, &self.consequences.join(", "));
        }
        if self.is_dry_run {
            headers.insert(PREFERENCE_APPLIED_HEADER, HeaderValue::from_static("dry-run"));
        }
        if self.is_replayed {
            headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
        }
        response
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A failure as a response of the Backend API.
pub(crate) fn failure_response(failure: &Failure, trace_id: &TraceId) -> Response<Body> {
    failure_response_of(Api::Backend, failure, trace_id)
}

/// A failure as a response of this API.
pub(crate) fn failure_response_of(api: Api, failure: &Failure, trace_id: &TraceId) -> Response<Body> {
    let answer = failure.answer(api);
    let body = ErrorBody { errors: answer.errors, clerk_trace_id: trace_id.0.to_string() };
    // The body is made of texts alone, so that this cannot fail; an empty object is still JSON.
    let body = serde_json::to_string(&body).unwrap_or_else(|_| "{}".to_owned());
    let mut response = json_response(answer.status, body);
    let headers = response.headers_mut();
    if let Some(seconds) = answer.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = answer.allow {
        insert(headers, header::ALLOW, &allow);
    }
    if failure.reason() == Some(&CONTENT_ENCODING_UNSUPPORTED) {
        // RFC 9110 section 12.5.3.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The headers that every answer of the API has.
pub(crate) fn add_common_headers(response: &mut Response<Body>, trace_id: &TraceId, version: ApiVersion) {
    add_trace_id(response, trace_id);
    let headers = response.headers_mut();
    headers.insert(verger_http::version::API_VERSION_HEADER, HeaderValue::from_static(version.as_str()));
    // Answers have personal data in them; one that has none says so.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The header that names the request, as the log does.
pub(crate) fn add_trace_id(response: &mut Response<Body>, trace_id: &TraceId) {
    insert(response.headers_mut(), TRACE_ID_HEADER, &trace_id.0);
}

pub(crate) fn json_response(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// All values are made of printable ASCII; one that is not would be left out rather than end the request.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

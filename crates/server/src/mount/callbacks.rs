//! Status callbacks of providers.

use super::log::{log_answer, log_cause, new_trace_id};
use crate::answer::{add_common_headers, failure_response, json_response};
use crate::app::App;
use crate::context::TraceId;
use crate::error::Failure;
use crate::own::callbacks;
use crate::sending_reasons::CALLBACK_SIGNATURE_INVALID;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use std::time::{Duration, Instant};
use verger_deliver::callback;
use verger_http::RemoteAddress;
use verger_http::body::{DRAIN_TIMES, drain, read_body};
use verger_http::reasons::{
    BODY_INVALID, BODY_TOO_LARGE, BODY_TOO_LARGE_HERE, BODY_TOO_SLOW, CONTENT_ENCODING_UNSUPPORTED,
    METHOD_NOT_ALLOWED, REQUEST_MALFORMED, UNKNOWN_PATH, method_not_allowed,
};
use verger_http::version::ApiVersion;
use verger_wire::Reason;

/// Status callbacks of Twilio, which come without a secret key.
pub(crate) const TWILIO_CALLBACK_PATH: &str = "/verger/v1/callbacks/twilio";

/// Why what came cannot be a callback of a provider.
const MALFORMED_CALLBACKS: &[&Reason] = &[
    &REQUEST_MALFORMED,
    &METHOD_NOT_ALLOWED,
    &CONTENT_ENCODING_UNSUPPORTED,
    &BODY_INVALID,
    &BODY_TOO_LARGE,
    &BODY_TOO_LARGE_HERE,
    &BODY_TOO_SLOW,
];

/// Answers one.
pub(crate) async fn handle(app: &App, request: Request<Body>, started: Instant) -> Response<Body> {
    let trace_id = new_trace_id(app);
    let deadline = started + Duration::from_millis(app.limits.request_timeout_ms);
    let (parts, body) = request.into_parts();
    let remote_address = parts.extensions.get::<RemoteAddress>().copied();
    let signature = parts.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
    let taken = async {
        if parts.method != Method::POST && app.twilio_callbacks.is_some() {
            drain(body, DRAIN_TIMES * callback::BODY_BYTES_MAX).await;
            return Err(method_not_allowed("POST").into());
        }
        let callback = match callbacks::TwilioCallback::of(app, parts.uri.query(), signature) {
            Ok(callback) => callback,
            Err(failure) => {
                drain(body, DRAIN_TIMES * callback::BODY_BYTES_MAX).await;
                return Err(failure);
            }
        };
        let body = read_body(&parts.headers, body, callback::BODY_BYTES_MAX, deadline).await?;
        callbacks::twilio_callback(app, callback, &body).await
    };
    let taken = taken.await;
    let mut response = match &taken {
        Ok(()) => json_response(StatusCode::OK, "{}".to_owned()),
        Err(failure) => {
            log_cause(failure, &trace_id);
            failure_response(failure, &trace_id)
        }
    };
    add_common_headers(&mut response, &trace_id, ApiVersion::DEFAULT);
    count_callback(taken.as_ref().err(), &trace_id, remote_address);
    log_answer(
        &trace_id,
        &parts.method,
        TWILIO_CALLBACK_PATH,
        response.status(),
        None,
        remote_address,
        started.elapsed(),
    );
    response
}

/// Counts a callback, and tells of one that is refused: it is forged, or something is set up wrongly.
fn count_callback(failure: Option<&Failure>, trace_id: &TraceId, remote_address: Option<RemoteAddress>) {
    let reason = failure.and_then(Failure::reason);
    let is_one_of = |reasons: &[&Reason]| reason.is_some_and(|reason| reasons.contains(&reason));
    let result = if failure.is_none() {
        "taken"
    } else if is_one_of(&[&UNKNOWN_PATH]) {
        "not_configured"
    } else if is_one_of(&[&CALLBACK_SIGNATURE_INVALID]) {
        "not_signed"
    } else if is_one_of(MALFORMED_CALLBACKS) {
        "malformed"
    } else {
        "failed"
    };
    metrics::counter!("verger_callbacks_total", "result" => result).increment(1);
    if !matches!(result, "taken" | "failed") {
        tracing::warn!(
            target: "verger::audit",
            trace_id = &*trace_id.0,
            reason = result,
            remote_address = remote_address.map(|remote| tracing::field::display(remote.0)),
            "a callback was refused"
        );
    }
}

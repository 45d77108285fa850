//! What the log says of a request.

use crate::app::App;
use crate::context::TraceId;
use crate::error::Failure;
use axum::http::{Method, StatusCode};
use std::time::Duration;
use verger_http::RemoteAddress;

pub(crate) fn new_trace_id(app: &App) -> TraceId {
    let mut bytes = [0_u8; 16];
    app.env().rng().fill_bytes(&mut bytes);
    TraceId(format!("{:032x}", u128::from_be_bytes(bytes)).into())
}

pub(crate) fn log_cause(failure: &Failure, trace_id: &TraceId) {
    if let Some(cause) = failure.cause() {
        tracing::error!(target: "verger::failure", trace_id = &*trace_id.0, cause, "a request failed");
    }
}

/// The line of a request; `ids` are of the instance and of the key.
pub(crate) fn log_answer(
    trace_id: &TraceId,
    method: &Method,
    route: &'static str,
    status: StatusCode,
    ids: Option<(&str, &str)>,
    remote_address: Option<RemoteAddress>,
    duration: Duration,
) {
    let (instance_id, key_id) = ids.unwrap_or(("-", "-"));
    tracing::info!(
        target: "verger::request",
        trace_id = &*trace_id.0,
        method = method.as_str(),
        route,
        status = status.as_u16(),
        instance_id,
        key_id,
        remote_address = remote_address.map(|remote| tracing::field::display(remote.0)),
        duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
    );
}

//! What differs by API is a layer on its mount, not an `if` in a handler.

pub(crate) mod callbacks;
pub(crate) mod frontend;
pub(crate) mod key_apis;
pub(crate) mod log;
pub(crate) mod pages;
pub(crate) mod unmatched;

use self::log::{log_cause, new_trace_id};
use crate::answer::failure_response_of;
use crate::app::App;
use crate::caller::Known;
use crate::error::Failure;
use crate::operation::{Incoming, Operation};
use crate::own::events;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;
use verger_http::body::{BODY_BYTES_MAX, DRAIN_BYTES_MAX, drain, read_body};
use verger_http::metrics::RouteMetrics;
use verger_http::reasons::{AUTHORIZATION_MISSING, malformed, method_not_allowed};
use verger_wire::reason::Api;

/// The counters of all operations.
pub(crate) struct Counters {
    pub(crate) operations: &'static [&'static Operation],
    pub(crate) metrics: RouteMetrics,
}

impl Counters {
    /// Counts one answer.
    pub(crate) fn record(&self, operation: Option<&'static Operation>, status: StatusCode, took: Duration) {
        let index =
            |operation: &Operation| self.operations.iter().position(|other| std::ptr::eq(*other, operation));
        self.metrics.record(operation.and_then(index), status.as_u16(), took);
    }
}

/// Which operation answered; for the log and the metrics.
#[derive(Clone, Copy)]
pub(crate) struct Answered(pub(crate) &'static Operation);

/// Gives a request to its operation. The layer of the mount has put what is [`Known`] of the caller beside it.
pub(crate) async fn dispatch(
    app: Arc<App>,
    api: Api,
    operation: &'static Operation,
    request: Request<Body>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let Some(known) = parts.extensions.remove::<Known>() else {
        // Only the layers lead here; without a caller nobody is let through.
        return failure_response_of(api, &(&AUTHORIZATION_MISSING).into(), &new_trace_id(&app));
    };
    let (trace_id, deadline) = (known.trace_id().clone(), known.occasion().deadline);
    let answer = async {
        let params = params_of(operation, &mut parts).await?;
        if parts.headers.contains_key(header::CONTENT_RANGE) {
            // RFC 9110 section 14.5: a part must not be taken for the whole.
            drain(body, DRAIN_BYTES_MAX).await;
            return Err(malformed(
                "A body is taken whole: send it without Content-Range. Nothing was changed.",
            )
            .param("Content-Range")
            .into());
        }
        let body = read_body(&parts.headers, body, BODY_BYTES_MAX, deadline).await?;
        let (instance, shared) = (known.instance(), Arc::clone(&app));
        let answer = (operation.run)(Incoming { app, operation, known, params, parts, body }).await?;
        match (&answer.feed, instance) {
            (Some(feed), Some(instance)) => events::feed_response(&shared, instance.id.clone(), feed.clone()),
            _ => Ok(answer.into_response()),
        }
    };
    let mut response = match answer.await {
        Ok(response) => response,
        Err(failure) => {
            log_cause(&failure, &trace_id);
            failure_response_of(api, &failure, &trace_id)
        }
    };
    response.extensions_mut().insert(Answered(operation));
    response
}

/// The parameters of the path, as the router found them.
async fn params_of(operation: &Operation, parts: &mut Parts) -> Result<Vec<String>, Failure> {
    if !operation.path.contains('{') {
        return Ok(Vec::new());
    }
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|_| malformed("The path is not UTF-8."))?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

/// For mounts whose paths have no parameters: the operation with this method and path.
pub(crate) async fn route_to(
    app: &Arc<App>,
    api: Api,
    operations: &'static [Operation],
    request: Request<Body>,
) -> Response<Body> {
    // HEAD is answered wherever GET is.
    let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let path = request.uri().path();
    let found = operations.iter().find(|operation| operation.path == path && operation.method == *method);
    match found {
        Some(operation) => dispatch(Arc::clone(app), api, operation, request).await,
        None => {
            let methods = operations.iter().filter(|operation| operation.path == path);
            let allow: Vec<_> = methods.map(|operation| operation.method).collect();
            let failure = match allow.is_empty() {
                true => unmatched::unknown_path(path),
                false => method_not_allowed(&allow.join(", ")).into(),
            };
            unmatched::refuse(request, failure).await
        }
    }
}

//! Paths and methods that are not there, and why.

use crate::answer::failure_response;
use crate::caller::Known;
use crate::context::TraceId;
use crate::error::Failure;
use crate::operation::Operation;
use crate::operations::OPERATIONS as PUBLISHED;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use std::sync::Arc;
use verger_http::body::{DRAIN_BYTES_MAX, drain};
use verger_http::reasons::{
    AUTHORIZATION_MISSING, NOT_BUILT, UNKNOWN_PATH, base_url_wrong, method_not_allowed,
};
use verger_wire::Refused;

/// A path that there is not. Most often the base URL of the client has a part of it already.
pub(crate) fn unknown_path(path: &str) -> Failure {
    let begins =
        |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if path.starts_with("//") {
        return base_url_wrong(
            "The path begins with two slashes: leave out the one at the end of the API URL.",
        )
        .into();
    }
    if begins("/v1/v1") {
        return base_url_wrong("The path begins with /v1 twice: leave it out of the API URL.").into();
    }
    if begins("/v1/verger/v1") || begins("/verger/v1/verger/v1") {
        return base_url_wrong("The path has more before /verger/v1: leave it out of the API URL.").into();
    }
    if begins("/verger/v1/v1") {
        return base_url_wrong("The path begins with /verger/v1/v1: leave /verger/v1 out of the API URL.")
            .into();
    }
    let is_operation = |path| PUBLISHED.iter().any(|operation| matches_template(operation.path, path));
    if is_operation(path) {
        return base_url_wrong("Begin the path with /v1: with this client it belongs into the API URL.")
            .into();
    }
    (&UNKNOWN_PATH).into()
}

/// The route of a request that nobody was let in with, for the log: as the router would have found it.
pub(crate) fn route_of(
    routes: &[&'static Operation],
    method: &Method,
    path: &str,
) -> Option<&'static Operation> {
    let candidates = routes.iter().copied().filter(|route| route.method == method.as_str());
    let matching = candidates.filter(|route| matches_template(route.path, path));
    // A literal part is preferred to a parameter.
    matching.min_by_key(|route| route.path.matches('{').count())
}

/// A path that exists, with a method that it does not have here.
pub(crate) async fn unmatched_method(
    routes: &'static [&'static Operation],
    request: Request<Body>,
) -> Response<Body> {
    let failure = why_unmatched(routes, request.method(), request.uri().path());
    refuse(request, failure).await
}

fn why_unmatched(routes: &[&'static Operation], method: &Method, path: &str) -> Failure {
    // HEAD is answered wherever GET is.
    let method = if *method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
    let built = routes
        .iter()
        .filter(|route| matches_template(route.path, path))
        .map(|route| (fixed_parts(route.path), route.method, route.path));
    let documented = PUBLISHED
        .iter()
        .filter(|operation| {
            path.strip_prefix("/v1").is_some_and(|path| matches_template(operation.path, path))
        })
        .map(|operation| {
            // The first part is the version.
            let fixed = [vec![true], fixed_parts(operation.path)].concat();
            (fixed, operation.method, operation.path)
        });
    let mut found: Vec<_> = documented.chain(built).collect();
    // `/v1/users/count` is a path of its own: the router does not take `count` for an id, so what can be done with users
    // cannot be done here.
    let most_fixed = found.iter().map(|(fixed, ..)| fixed.clone()).max();
    found.retain(|(fixed, ..)| Some(fixed) == most_fixed.as_ref());
    if let Some((_, method, path)) = found.iter().find(|(_, of, _)| *of == method) {
        return Refused::new(&NOT_BUILT).with("method", *method).with("path", *path).into();
    }
    let mut allow: Vec<_> = found.iter().map(|(_, method, _)| *method).collect();
    allow.sort_unstable();
    allow.dedup();
    method_not_allowed(&allow.join(", ")).into()
}

/// Which parts of a template are no ids. Of two that match the same path, the router takes the one that is greater here.
fn fixed_parts(template: &str) -> Vec<bool> {
    template.split('/').map(|part| !part.starts_with('{')).collect()
}

/// Why a method is none of a page.
pub(crate) fn not_to_be_read(method: &Method) -> Option<Failure> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    (!is_read).then(|| method_not_allowed("GET, HEAD").into())
}

/// Refuses a request whose body nobody will read.
pub(crate) async fn refuse(mut request: Request<Body>, failure: Failure) -> Response<Body> {
    let known = request.extensions_mut().remove::<Known>();
    drain(request.into_body(), DRAIN_BYTES_MAX).await;
    match known {
        Some(known) => failure_response(&failure, known.trace_id()),
        None => failure_response(&(&AUTHORIZATION_MISSING).into(), &TraceId(Arc::from(""))),
    }
}

/// `/users/{user_id}` matches `/users/user_1`. A literal part is preferred by the router, not here.
pub(crate) fn matches_template(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    template.split('/').all(|expected| {
        parts.next().is_some_and(|part| expected.starts_with('{') && !part.is_empty() || expected == part)
    }) && parts.next().is_none()
}

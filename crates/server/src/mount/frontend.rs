//! The layer of the Frontend API: which origins may call it, what browsers may read of its answers, methods in the query,
//! paths with a slash at their end.
//!
//! The check of `Origin` is the defence against forged requests: it holds for whatever changes something, with a key or
//! without.

use super::log::{log_answer, new_trace_id};
use super::{Answered, Counters, route_to};
use crate::answer::add_trace_id;
use crate::app::App;
use crate::caller::Known;
use crate::context::{Occasion, user_agent};
use crate::error::Failure;
use crate::frontend;
use crate::frontend::reasons::{ORIGIN_INVALID, ORIGIN_MISSING, ORIGINS_MULTIPLE};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_http::RemoteAddress;
use verger_http::body::{DRAIN_BYTES_MAX, drain};
use verger_http::headers::bearer;
use verger_http::version::ApiVersion;
use verger_wire::reason::Api;
use verger_wire::{Reason, Refused};

/// How long a browser may keep what a preflight said, in seconds: two hours, the most that Chromium takes.
const PREFLIGHT_SECONDS: &str = "7200";

/// The Frontend API.
#[derive(Clone)]
pub(crate) struct FrontendApi {
    app: Arc<App>,
    counters: Arc<Counters>,
}

/// Whether a request is for the Frontend API: a path that it has, and no secret key, with which the path is one of the
/// Backend API.
pub(crate) fn takes(request: &Request<Body>) -> bool {
    let path = request.uri().path().trim_end_matches('/');
    let is_there = frontend::OPERATIONS.iter().any(|operation| operation.path == path);
    // The Backend API has nothing there, and clients that always send their key look for keys.
    let is_well_known = path.starts_with("/.well-known/");
    is_there
        && (is_well_known
            || !request
                .headers()
                .get_all(header::AUTHORIZATION)
                .iter()
                .filter_map(|value| bearer(Some(value)))
                .any(|secret| secret.starts_with("sk_") || secret.starts_with("ak_")))
}

impl FrontendApi {
    pub(crate) fn new(app: Arc<App>, counters: Arc<Counters>) -> Self {
        Self { app, counters }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, mut request: Request<Body>, started: Instant) -> Response<Body> {
        let occasion = Occasion {
            version: ApiVersion::DEFAULT,
            trace_id: new_trace_id(&self.app),
            deadline: started + Duration::from_millis(self.app.limits.request_timeout_ms),
            remote_address: request.extensions().get::<RemoteAddress>().map(|remote| remote.0),
            user_agent: user_agent(request.headers()),
        };
        normalize(&mut request);
        let (trace_id, method) = (occasion.trace_id.clone(), request.method().clone());
        let remote_address = request.extensions().get::<RemoteAddress>().copied();
        let origin = origin_of(request.headers());
        let is_allowed = matches!(&origin, Origin::One(origin) if self.allows(origin, request.headers()));
        let mut response = match self.check_origin(&request, &origin, is_allowed) {
            Err(failure) => {
                drain(request.into_body(), DRAIN_BYTES_MAX).await;
                crate::answer::failure_response_of(Api::Frontend, &failure, &trace_id)
            }
            Ok(()) if method == Method::OPTIONS => preflight(),
            Ok(()) => {
                request.extensions_mut().insert(Known::Nobody(occasion));
                route_to(&self.app, Api::Frontend, frontend::OPERATIONS, request).await
            }
        };
        add_trace_id(&mut response, &trace_id);
        let headers = response.headers_mut();
        // Answers have personal data in them, and differ by origin.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let (Origin::One(origin), true) = (&origin, is_allowed) {
            share_with(headers, origin);
        }
        let operation = response.extensions().get::<Answered>().map(|answered| answered.0);
        let duration = started.elapsed();
        self.counters.record(operation, response.status(), duration);
        let route = operation.map_or("unmatched", |operation| operation.path);
        log_answer(&trace_id, &method, route, response.status(), None, remote_address, duration);
        response
    }

    /// What changes something needs one origin, which must be allowed; a preflight asks whether it is.
    fn check_origin(
        &self,
        request: &Request<Body>,
        origin: &Origin,
        is_allowed: bool,
    ) -> Result<(), Failure> {
        // A page can add `_is_native` to a request, but it cannot take its origin away.
        let is_native = matches!(origin, Origin::None) && is_native(request.uri());
        if is_native || matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(());
        }
        let refused = |reason: &'static Reason, origin: &str| {
            Err(Refused::new(reason).with("origin", origin.to_owned()).into())
        };
        match origin {
            Origin::None => refused(&ORIGIN_MISSING, ""),
            Origin::Several => refused(&ORIGINS_MULTIPLE, ""),
            Origin::One(_) if is_allowed => Ok(()),
            Origin::One(origin) => refused(&ORIGIN_INVALID, origin),
        }
    }

    /// In development pages on this machine, under any port; everywhere the server's own.
    fn allows(&self, origin: &str, headers: &HeaderMap) -> bool {
        let Ok(origin) = origin.parse::<Uri>() else { return false };
        let (Some(scheme), Some(host)) = (origin.scheme_str(), origin.host()) else { return false };
        if !matches!(scheme, "http" | "https") || !matches!(origin.path(), "" | "/") {
            return false;
        }
        // No browser sends a name and a password in it.
        if origin.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return false;
        }
        let is_own = headers.get(header::HOST).is_some_and(|asked| {
            origin.authority().is_some_and(|authority| authority.as_str().as_bytes() == asked.as_bytes())
        });
        is_own || (self.app.dev.is_some() && is_loopback(host))
    }
}

/// `localhost`, a name below it, or an address of the loopback interface.
fn is_loopback(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What a request says about where it comes from.
enum Origin {
    None,
    One(String),
    Several,
}

fn origin_of(headers: &HeaderMap) -> Origin {
    let mut values = headers.get_all(header::ORIGIN).iter();
    match (values.next(), values.next()) {
        (None, _) => Origin::None,
        (Some(origin), None) => Origin::One(String::from_utf8_lossy(origin.as_bytes()).into_owned()),
        (Some(_), Some(_)) => Origin::Several,
    }
}

fn query_has(uri: &Uri, wanted: &str) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == wanted))
}

/// A native application, which sends no origin, and no cookie is read of it.
fn is_native(uri: &Uri) -> bool {
    query_has(uri, "_is_native=1")
}

/// A path may end with a slash; a POST may stand for another method, which its query names.
fn normalize(request: &mut Request<Body>) {
    if *request.method() == Method::POST {
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            if query_has(request.uri(), &format!("_method={method}")) {
                *request.method_mut() = method;
                break;
            }
        }
    }
    let path = request.uri().path();
    let trimmed = path.trim_end_matches('/');
    if trimmed.len() < path.len() && !trimmed.is_empty() {
        let target = match request.uri().query() {
            Some(query) => format!("{trimmed}?{query}"),
            None => trimmed.to_owned(),
        };
        // A part of a URI is one.
        if let Ok(uri) = target.parse() {
            *request.uri_mut() = uri;
        }
    }
}

fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets pages of an origin read the answer, cookies and all.
fn share_with(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Authorization, Retry-After, X-Clerk-Trace-Id"),
    );
}

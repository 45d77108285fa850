//! The layer of the Backend API and of our own: a secret key, API versions, the common headers.

use super::log::{log_answer, log_cause, new_trace_id};
use super::unmatched::{refuse, route_of, unknown_path, unmatched_method};
use super::{Answered, Counters};
use crate::answer::{add_common_headers, failure_response};
use crate::app::App;
use crate::caller::Known;
use crate::context::{Context, Occasion, TraceId, user_agent};
use crate::error::Failure;
use crate::operation::Operation;
use crate::operations::OPERATIONS as PUBLISHED;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_service::Service;
use verger_http::RemoteAddress;
use verger_http::body::{DRAIN_BYTES_MAX, drain};
use verger_http::headers::{bearer, sent_with_different_values};
use verger_http::reasons::{AUTHORIZATION_MISSING, KEY_INVALID, KEY_INVALID_IN_DEVELOPMENT};
use verger_http::version::ApiVersion;
use verger_store::KeyDigest;
use verger_wire::Refused;
use verger_wire::reason::Api;

/// The APIs for whoever holds a secret key.
pub(crate) struct KeyApis {
    app: Arc<App>,
    router: Router,
    routes: &'static [&'static Operation],
    counters: Arc<Counters>,
}

impl KeyApis {
    pub(crate) fn new(app: Arc<App>, routes: &'static [&'static Operation], counters: Arc<Counters>) -> Self {
        let mut router = Router::new();
        let mut paths: Vec<&'static str> = routes.iter().map(|operation| operation.path).collect();
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let mut methods = MethodRouter::new();
            for operation in routes.iter().copied().filter(|operation| operation.path == path) {
                let app = Arc::clone(&app);
                let Some(filter) = method_filter(operation.method) else { continue };
                methods = methods.on(filter, move |request| {
                    super::dispatch(Arc::clone(&app), Api::Backend, operation, request)
                });
            }
            router = router.route(path, methods.fallback(move |request| unmatched_method(routes, request)));
        }
        // Documented paths of which nothing is built.
        let mut unbuilt: Vec<String> = PUBLISHED
            .iter()
            .map(|operation| format!("/v1{}", operation.path))
            .filter(|path| routes.iter().all(|operation| operation.path != path))
            .collect();
        unbuilt.sort_unstable();
        unbuilt.dedup();
        for path in unbuilt {
            router = router
                .route(&path, MethodRouter::new().fallback(move |request| unmatched_method(routes, request)));
        }
        let router = router.fallback(|request: Request<Body>| {
            let failure = unknown_path(request.uri().path());
            refuse(request, failure)
        });
        Self { app, router, routes, counters }
    }

    /// Authentication comes before routing, and both come before the body is read (contract section 6).
    pub(crate) async fn handle(&self, mut request: Request<Body>, started: Instant) -> Response<Body> {
        let trace_id = new_trace_id(&self.app);
        let deadline = started + Duration::from_millis(self.app.limits.request_timeout_ms);
        let method = request.method().clone();
        let asked = ApiVersion::of(request.headers(), request.uri().query());
        // Echoed on refusals too, as far as it can be told.
        let version = *asked.as_ref().unwrap_or(&ApiVersion::DEFAULT);
        let mut context_ids = None;
        let remote_address = request.extensions().get::<RemoteAddress>().copied();
        let mut route = None;
        let mut response = match self.authenticate(request.headers(), asked, &trace_id, deadline).await {
            Err(failure) => {
                log_cause(&failure, &trace_id);
                route = route_of(self.routes, &method, request.uri().path());
                let response = failure_response(&failure, &trace_id);
                drain(request.into_body(), DRAIN_BYTES_MAX).await;
                response
            }
            Ok(mut context) => {
                context.occasion.remote_address = remote_address.map(|remote| remote.0);
                context_ids = Some((Arc::clone(&context.instance), context.key_id.clone()));
                request.extensions_mut().insert(Known::SecretKey(context));
                match self.router.clone().call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        };
        if response.status() != StatusCode::METHOD_NOT_ALLOWED {
            // The router adds an empty one to whatever its fallback says.
            response.headers_mut().remove(header::ALLOW);
        }
        add_common_headers(&mut response, &trace_id, version);
        let operation = response.extensions().get::<Answered>().map(|answered| answered.0).or(route);
        let duration = started.elapsed();
        self.counters.record(operation, response.status(), duration);
        // The route and not the path: a path may have anything in it.
        let route = operation.map_or("unmatched", |operation| operation.path);
        let ids = context_ids.as_ref().map(|(instance, key)| (instance.id.as_str(), key.as_str()));
        log_answer(&trace_id, &method, route, response.status(), ids, remote_address, duration);
        response
    }

    async fn authenticate(
        &self,
        headers: &HeaderMap,
        asked: Result<ApiVersion, Refused>,
        trace_id: &TraceId,
        deadline: Instant,
    ) -> Result<Context, Failure> {
        if sent_with_different_values(headers, &header::AUTHORIZATION) {
            return Err((&AUTHORIZATION_MISSING).into());
        }
        let secret = bearer(headers.get(header::AUTHORIZATION))
            .ok_or_else(|| Failure::from(&AUTHORIZATION_MISSING))?;
        let found = self.app.authenticate(KeyDigest::of(secret), deadline).await;
        let (key_id, instance) = found.map_err(|failure| match (failure, self.app.verger_dev()) {
            (failure, Some(dev)) if failure.reason() == Some(&KEY_INVALID) => {
                Refused::new(&KEY_INVALID_IN_DEVELOPMENT).with("key_hint", dev.key_hint.clone()).into()
            }
            (failure, _) => failure,
        })?;
        // A bad key is told before a bad version.
        Ok(Context {
            instance,
            key_id,
            occasion: Occasion {
                version: asked?,
                trace_id: trace_id.clone(),
                deadline,
                remote_address: None,
                user_agent: user_agent(headers),
            },
        })
    }
}

fn method_filter(method: &str) -> Option<MethodFilter> {
    Method::from_bytes(method.as_bytes()).ok().and_then(|method| MethodFilter::try_from(method).ok())
}

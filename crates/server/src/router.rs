//! Every route in one list, and the way of a request through it.

use crate::answer::{add_common_headers, failure_response, json_response};
use crate::app::App;
use crate::context::{ApiVersion, Context, TraceId, sent_with_different_values, user_agent};
use crate::demo;
use crate::error::Failure;
use crate::http_reasons::{
    AUTHORIZATION_MISSING, BODY_INVALID, BODY_TOO_LARGE, BODY_TOO_LARGE_HERE, BODY_TOO_SLOW,
    CONTENT_ENCODING_UNSUPPORTED, KEY_INVALID, KEY_INVALID_IN_DEVELOPMENT, METHOD_NOT_ALLOWED, NOT_BUILT,
    REQUEST_MALFORMED, UNKNOWN_PATH, base_url_wrong, body_invalid, body_too_large, malformed,
    method_not_allowed,
};
use crate::operations::OPERATIONS;
use crate::routes::backend::{email_addresses, phone_numbers, users};
use crate::routes::call::{Call, Handler};
use crate::routes::{development, events, own, reference, webhooks};
use crate::sending_reasons::CALLBACK_SIGNATURE_INVALID;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use axum::routing::{MethodFilter, MethodRouter};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower_service::Service;
use verger_core::User;
use verger_deliver::callback;
use verger_http::RemoteAddress;
use verger_http::compress;
use verger_store::KeyDigest;
use verger_wire::{Reason, Refused};

/// A path and method of the API.
#[derive(Clone, Copy)]
pub struct Route {
    /// The HTTP method, for example `PATCH`.
    pub method: &'static str,
    /// For example `/v1/phone_numbers/{phone_number_id}`.
    pub path: &'static str,
    /// The documented name of the operation, or one of our own.
    pub operation_id: &'static str,
    handler: Handler,
}

const fn route(
    method: &'static str,
    path: &'static str,
    operation_id: &'static str,
    handler: Handler,
) -> Route {
    Route { method, path, operation_id, handler }
}

/// All routes that need a secret key. A path outside `/v1` is ours alone.
pub const ROUTES: &[Route] = &[
    route("POST", "/v1/phone_numbers", "CreatePhoneNumber", |call| Box::pin(phone_numbers::create(call))),
    route("GET", "/v1/phone_numbers/{phone_number_id}", "GetPhoneNumber", |call| {
        Box::pin(phone_numbers::get(call))
    }),
    route("PATCH", "/v1/phone_numbers/{phone_number_id}", "UpdatePhoneNumber", |call| {
        Box::pin(phone_numbers::update(call))
    }),
    route("DELETE", "/v1/phone_numbers/{phone_number_id}", "DeletePhoneNumber", |call| {
        Box::pin(phone_numbers::delete(call))
    }),
    route(
        "POST",
        "/v1/phone_numbers/{phone_number_id}/prepare_verification",
        "PreparePhoneNumberVerification",
        |call| Box::pin(phone_numbers::prepare(call)),
    ),
    route(
        "POST",
        "/v1/phone_numbers/{phone_number_id}/attempt_verification",
        "AttemptPhoneNumberVerification",
        |call| Box::pin(phone_numbers::attempt(call)),
    ),
    route("PUT", "/v1/users/{user_id}/phone_number", "ReplaceUserPhoneNumber", |call| {
        Box::pin(phone_numbers::replace(call))
    }),
    route("POST", "/v1/email_addresses", "CreateEmailAddress", |call| {
        Box::pin(email_addresses::create(call))
    }),
    route("GET", "/v1/email_addresses/{email_address_id}", "GetEmailAddress", |call| {
        Box::pin(email_addresses::get(call))
    }),
    route("PATCH", "/v1/email_addresses/{email_address_id}", "UpdateEmailAddress", |call| {
        Box::pin(email_addresses::update(call))
    }),
    route("DELETE", "/v1/email_addresses/{email_address_id}", "DeleteEmailAddress", |call| {
        Box::pin(email_addresses::delete(call))
    }),
    route(
        "POST",
        "/v1/email_addresses/{email_address_id}/prepare_verification",
        "PrepareEmailAddressVerification",
        |call| Box::pin(email_addresses::prepare(call)),
    ),
    route(
        "POST",
        "/v1/email_addresses/{email_address_id}/attempt_verification",
        "AttemptEmailAddressVerification",
        |call| Box::pin(email_addresses::attempt(call)),
    ),
    route("PUT", "/v1/users/{user_id}/email_address", "ReplaceUserEmailAddress", |call| {
        Box::pin(email_addresses::replace(call))
    }),
    route("GET", "/v1/users", "GetUserList", |call| Box::pin(users::list(call))),
    route("POST", "/v1/users", "CreateUser", |call| Box::pin(users::create(call))),
    route("GET", "/v1/users/count", "GetUsersCount", |call| Box::pin(users::count(call))),
    route("POST", "/v1/users/ban", "UsersBan", |call| Box::pin(users::ban_many(call))),
    route("POST", "/v1/users/unban", "UsersUnban", |call| Box::pin(users::unban_many(call))),
    route("GET", "/v1/users/{user_id}", "GetUser", |call| Box::pin(users::get(call))),
    route("PATCH", "/v1/users/{user_id}", "UpdateUser", |call| Box::pin(users::update(call))),
    route("DELETE", "/v1/users/{user_id}", "DeleteUser", |call| Box::pin(users::delete(call))),
    route("PATCH", "/v1/users/{user_id}/metadata", "UpdateUserMetadata", |call| {
        Box::pin(users::merge_metadata(call))
    }),
    route("PUT", "/v1/users/{user_id}/metadata", "ReplaceUserMetadata", |call| {
        Box::pin(users::replace_metadata(call))
    }),
    route("POST", "/v1/users/{user_id}/ban", "BanUser", |call| Box::pin(users::ban(call))),
    route("POST", "/v1/users/{user_id}/unban", "UnbanUser", |call| Box::pin(users::unban(call))),
    route("POST", "/v1/users/{user_id}/lock", "LockUser", |call| Box::pin(users::lock(call))),
    route("POST", "/v1/users/{user_id}/unlock", "UnlockUser", |call| Box::pin(users::unlock(call))),
    route("DELETE", "/v1/users/{user_id}/mfa", "DisableMFA", |call| Box::pin(users::disable_mfa(call))),
    route("GET", "/verger/v1/phone_numbers/{phone_number_id}", "VergerGetPhoneNumber", |call| {
        Box::pin(own::phone_number(call))
    }),
    route("GET", "/verger/v1/deliveries", "VergerListDeliveries", |call| Box::pin(own::deliveries(call))),
    route("GET", "/verger/v1/deliveries/{delivery_id}", "VergerGetDelivery", |call| {
        Box::pin(own::delivery(call))
    }),
    route("POST", "/verger/v1/webhook_endpoints", "VergerCreateWebhookEndpoint", |call| {
        Box::pin(webhooks::create(call))
    }),
    route("GET", "/verger/v1/webhook_endpoints", "VergerListWebhookEndpoints", |call| {
        Box::pin(webhooks::list(call))
    }),
    route("GET", "/verger/v1/webhook_endpoints/{webhook_endpoint_id}", "VergerGetWebhookEndpoint", |call| {
        Box::pin(webhooks::get(call))
    }),
    route(
        "PATCH",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}",
        "VergerUpdateWebhookEndpoint",
        |call| Box::pin(webhooks::update(call)),
    ),
    route(
        "DELETE",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}",
        "VergerDeleteWebhookEndpoint",
        |call| Box::pin(webhooks::delete(call)),
    ),
    route(
        "POST",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
        "VergerRotateWebhookSecret",
        |call| Box::pin(webhooks::rotate_secret(call)),
    ),
    route(
        "POST",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/test",
        "VergerTestWebhookEndpoint",
        |call| Box::pin(webhooks::test(call)),
    ),
    route(
        "POST",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/replay",
        "VergerReplayWebhooks",
        |call| Box::pin(webhooks::replay(call)),
    ),
    route(
        "GET",
        "/verger/v1/webhook_endpoints/{webhook_endpoint_id}/deliveries",
        "VergerListWebhookDeliveries",
        |call| Box::pin(webhooks::deliveries(call)),
    ),
    route("GET", "/verger/v1/audit_log", "VergerListAuditLog", |call| Box::pin(events::audit_log(call))),
    route("GET", "/verger/v1/events", "VergerFollowEvents", |call| Box::pin(events::feed(call))),
    route("GET", "/verger/v1/messages", "VergerListMessages", |call| Box::pin(development::messages(call))),
    route("POST", "/verger/v1/clock", "VergerAdvanceClock", |call| {
        Box::pin(development::advance_clock(call))
    }),
    route("POST", "/verger/v1/reset", "VergerReset", |call| Box::pin(development::reset(call))),
];

/// Pages and health, which need no key.
pub const PUBLIC_PATHS: &[&str] =
    &["/", "/favicon.ico", "/health/live", "/health/ready", "/openapi.json", "/reference"];

/// Status callbacks of Twilio, which come without a secret key.
const TWILIO_CALLBACK_PATH: &str = "/verger/v1/callbacks/twilio";

/// How long the pages of development wait for the store.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which route answered; for the log and the metrics.
#[derive(Clone, Copy)]
struct RouteIndex(usize);

/// The server as a function from request to response.
#[derive(Clone)]
pub struct Server {
    app: Arc<App>,
    router: Router,
}

/// Puts the routes together.
pub fn service(app: Arc<App>) -> Server {
    let mut router = Router::new();
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let mut methods = MethodRouter::new();
        for (index, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.path == path) {
            let app = Arc::clone(&app);
            let Some(filter) = method_filter(route.method) else { continue };
            methods = methods.on(filter, move |request| dispatch(Arc::clone(&app), index, request));
        }
        router = router.route(path, methods.fallback(unmatched_method));
    }
    // Documented paths of which nothing is built.
    let mut unbuilt: Vec<String> = OPERATIONS
        .iter()
        .map(|operation| format!("/v1{}", operation.path))
        .filter(|path| ROUTES.iter().all(|route| route.path != path))
        .collect();
    unbuilt.sort_unstable();
    unbuilt.dedup();
    for path in unbuilt {
        router = router.route(&path, MethodRouter::new().fallback(unmatched_method));
    }
    let router = router.fallback(|request: Request<Body>| {
        let refused = unknown_path(request.uri().path());
        refuse(request, refused.into())
    });
    Server { app, router }
}

impl Server {
    /// Answers one request: authenticates, then routes, then reads the body.
    pub async fn handle(self, request: Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let path = request.uri().path();
        if path == TWILIO_CALLBACK_PATH {
            return self.handle_callback(request, started).await;
        }
        if is_api(path) {
            // In a box, so that a connection that rests has no room for a request.
            return Box::pin(self.handle_api(request, started)).await;
        }
        if let (Some(dev), "/inbox" | "/inbox/list" | "/inbox/clear" | "/inbox.json") = (&self.app.dev, path)
        {
            let response = self.inbox(dev, request.method(), request.uri(), request.headers()).await;
            drain(request.into_body(), DRAIN_BYTES_MAX).await;
            return response;
        }
        self.handle_public(request.method(), request.uri(), request.headers()).await
    }

    /// Authentication comes before routing, and both come before the body is read (contract section 6).
    async fn handle_api(mut self, mut request: Request<Body>, started: Instant) -> Response<Body> {
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
                route = route_of(&method, request.uri().path());
                let response = failure_response(&failure, &trace_id);
                drain(request.into_body(), DRAIN_BYTES_MAX).await;
                response
            }
            Ok(mut context) => {
                context.remote_address = remote_address.map(|remote| remote.0);
                context_ids = Some((Arc::clone(&context.instance), context.key_id.clone()));
                request.extensions_mut().insert(context);
                match self.router.call(request).await {
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
        let route = response.extensions().get::<RouteIndex>().map(|index| index.0).or(route);
        let duration = started.elapsed();
        self.app.routes.record(route, response.status().as_u16(), duration);
        // The route and not the path: a path may have anything in it.
        let route = route.and_then(|at| ROUTES.get(at)).map_or("unmatched", |route| route.path);
        let ids = context_ids.as_ref().map(|(instance, key)| (instance.id.as_str(), key.as_str()));
        log_answer(&trace_id, &method, route, response.status(), ids, remote_address, duration);
        response
    }

    async fn authenticate(
        &self,
        headers: &HeaderMap,
        asked: Result<ApiVersion, Failure>,
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
            version: asked?,
            trace_id: trace_id.clone(),
            deadline,
            remote_address: None,
            user_agent: user_agent(headers),
        })
    }

    async fn handle_public(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let path = uri.path();
        if PUBLIC_PATHS.contains(&path)
            && let Some(failure) = not_to_be_read(method)
        {
            return failure_response(&failure, &new_trace_id(&self.app));
        }
        match path {
            "/" => self.start_page(headers).await,
            "/favicon.ico" => favicon(),
            "/health/live" => json_response(StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
            "/health/ready" => self.ready().await,
            "/openapi.json" => self.document(reference::Text::OpenApi, headers).await,
            "/reference" => self.document(reference::Text::Page, headers).await,
            _ => failure_response(&unknown_path(path).into(), &new_trace_id(&self.app)),
        }
    }

    fn key_for_shell(&self) -> String {
        match self.app.verger_dev() {
            Some(dev) => dev.key_for_shell.clone().unwrap_or_else(|| "sk_test_…".to_owned()),
            None => "sk_…".to_owned(),
        }
    }

    /// What is served about the API: with the address that was asked, and compressed for whoever takes that.
    async fn document(&self, text: reference::Text, headers: &HeaderMap) -> Response<Body> {
        let demo = self.demo_user(headers).await;
        let reader = reference::Reader {
            address: reference::address_of(headers),
            key_for_shell: self.key_for_shell(),
            user_id: demo.as_ref().map(|user| user.id.to_string()),
            phone_number_id: demo.as_ref().and_then(|user| demo::phone_number_ids(user).into_iter().next()),
        };
        let compressed =
            compress::prefers_gzip(headers).then(|| reference::gzip_for(text, &reader)).flatten();
        let is_compressed = compressed.is_some();
        let body = compressed.map_or_else(|| Body::from(reference::text_for(text, &reader)), Body::from);
        let mut response = match text {
            reference::Text::Page => html_with_policy(
                body,
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
            ),
            reference::Text::OpenApi => {
                let mut response = json_response(StatusCode::OK, String::new());
                *response.body_mut() = body;
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// The demo user of `verger dev`, for pages of this machine.
    async fn demo_user(&self, headers: &HeaderMap) -> Option<User> {
        let of = self.app.verger_dev().filter(|_| is_for_this_machine(headers))?;
        match demo::find(&self.app.store, &of.instance, Instant::now() + PAGE_TIMEOUT).await {
            Ok(user) => user,
            Err(error) => {
                // The page has placeholders in its place.
                tracing::warn!(%error, "the demo user could not be looked up");
                None
            }
        }
    }

    async fn start_page(&self, headers: &HeaderMap) -> Response<Body> {
        let Some(of) = self.app.verger_dev().filter(|_| is_for_this_machine(headers)) else {
            return redirect("/reference");
        };
        let demo = self.demo_user(headers).await;
        let address = reference::address_of(headers);
        let deadline = Instant::now() + PAGE_TIMEOUT;
        self.page(
            development::start_page(&self.app, of, demo.as_ref(), &address, deadline).await,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        )
    }

    /// A page that changes, or why there is none.
    fn page(&self, page: Result<String, Failure>, policy: &str) -> Response<Body> {
        match page {
            Ok(page) => {
                let mut response = html_with_policy(Body::from(page), policy);
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(failure) => {
                let trace_id = new_trace_id(&self.app);
                log_cause(&failure, &trace_id);
                failure_response(&failure, &trace_id)
            }
        }
    }

    async fn handle_callback(&self, request: Request<Body>, started: Instant) -> Response<Body> {
        let trace_id = new_trace_id(&self.app);
        let deadline = started + Duration::from_millis(self.app.limits.request_timeout_ms);
        let (parts, body) = request.into_parts();
        let remote_address = parts.extensions.get::<RemoteAddress>().copied();
        let signature = parts.headers.get("x-twilio-signature").and_then(|value| value.to_str().ok());
        let taken = async {
            if parts.method != Method::POST && self.app.twilio_callbacks.is_some() {
                drain(body, DRAIN_TIMES * callback::BODY_BYTES_MAX).await;
                return Err(method_not_allowed("POST").into());
            }
            let callback = match own::TwilioCallback::of(&self.app, parts.uri.query(), signature) {
                Ok(callback) => callback,
                Err(failure) => {
                    drain(body, DRAIN_TIMES * callback::BODY_BYTES_MAX).await;
                    return Err(failure);
                }
            };
            let body = read_body(&parts.headers, body, callback::BODY_BYTES_MAX, deadline).await?;
            own::twilio_callback(&self.app, callback, &body).await
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

    /// Codes are readable here without a key, so a page of somebody else's must not get at it: not by its name in the
    /// Host header (DNS rebinding), and not from another origin, which the browser itself refuses.
    async fn inbox(
        &self,
        dev: &crate::app::Dev,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let trace_id = new_trace_id(&self.app);
        if !is_for_this_machine(headers) {
            let why = "The inbox needs no key, so it is shown only under localhost or an IP address.";
            return failure_response(&base_url_wrong(why).into(), &trace_id);
        }
        let path = uri.path();
        if path == "/inbox/clear" {
            if method != Method::POST {
                return not_allowed("POST", &trace_id);
            }
            if !is_from_this_page(headers) {
                return failure_response(&(&UNKNOWN_PATH).into(), &trace_id);
            }
            dev.inbox.clear_all();
            return json_response(StatusCode::OK, "{}".to_owned());
        }
        if let Some(failure) = not_to_be_read(method) {
            return failure_response(&failure, &trace_id);
        }
        if path == "/inbox.json" {
            return match development::inbox_json(dev, uri.query()) {
                Ok(text) => {
                    let mut response = json_response(StatusCode::OK, text);
                    let headers = response.headers_mut();
                    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
                    response
                }
                Err(failure) => failure_response(&failure, &trace_id),
            };
        }
        let deadline = Instant::now() + PAGE_TIMEOUT;
        let page = if path == "/inbox" {
            let demo = self.demo_user(headers).await;
            let address = reference::address_of(headers);
            development::inbox_page(&self.app, dev, demo.as_ref(), &address, &trace_id.0, deadline).await
        } else {
            development::inbox_part(&self.app, dev, deadline).await
        };
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{}'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            trace_id.0
        );
        self.page(page, &policy)
    }

    async fn ready(&self) -> Response<Body> {
        let Some(why) = self.app.readiness.why_not(&self.app).await else {
            return json_response(StatusCode::OK, r#"{"status":"ok"}"#.to_owned());
        };
        let body = serde_json::json!({ "status": "unavailable", "reason": why }).to_string();
        let mut response = json_response(StatusCode::SERVICE_UNAVAILABLE, body);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

async fn dispatch(app: Arc<App>, index: usize, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let Some(context) = parts.extensions.remove::<Context>() else {
        // Only `handle_api` leads here; without a context nobody is let through.
        return failure_response(&(&AUTHORIZATION_MISSING).into(), &new_trace_id(&app));
    };
    let trace_id = context.trace_id.clone();
    let answer = async {
        let params = RawPathParams::from_request_parts(&mut parts, &())
            .await
            .map_err(|_| malformed("The path is not UTF-8."))?;
        let id = params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default();
        if parts.headers.contains_key(header::CONTENT_RANGE) {
            // RFC 9110 section 14.5: a part must not be taken for the whole.
            drain(body, DRAIN_BYTES_MAX).await;
            return Err(malformed(
                "A body is taken whole: send it without Content-Range. Nothing was changed.",
            )
            .param("Content-Range")
            .into());
        }
        let body = read_body(&parts.headers, body, BODY_BYTES_MAX, context.deadline).await?;
        let Some(route) = ROUTES.get(index) else { return Err((&UNKNOWN_PATH).into()) };
        let (instance, shared) = (context.instance.id.clone(), Arc::clone(&app));
        let answer = (route.handler)(Call { app, context, id, parts, body }).await?;
        match answer.feed {
            Some(feed) => events::feed_response(&shared, instance, feed),
            None => Ok(answer.into_response()),
        }
    };
    let mut response = match answer.await {
        Ok(response) => response,
        Err(failure) => {
            log_cause(&failure, &trace_id);
            failure_response(&failure, &trace_id)
        }
    };
    response.extensions_mut().insert(RouteIndex(index));
    response
}

/// A path that there is not. Most often the base URL of the client has a part of it already.
fn unknown_path(path: &str) -> Refused {
    let begins =
        |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if path.starts_with("//") {
        return base_url_wrong(
            "The path begins with two slashes: leave out the one at the end of the API URL.",
        );
    }
    if begins("/v1/v1") {
        return base_url_wrong("The path begins with /v1 twice: leave it out of the API URL.");
    }
    if begins("/v1/verger/v1") || begins("/verger/v1/verger/v1") {
        return base_url_wrong("The path has more before /verger/v1: leave it out of the API URL.");
    }
    if begins("/verger/v1/v1") {
        return base_url_wrong("The path begins with /verger/v1/v1: leave /verger/v1 out of the API URL.");
    }
    let is_operation = |path| OPERATIONS.iter().any(|operation| matches_template(operation.path, path));
    if is_operation(path) {
        return base_url_wrong("Begin the path with /v1: with this client it belongs into the API URL.");
    }
    (&UNKNOWN_PATH).into()
}

/// The route of a request that nobody was let in with, for the log: as the router would have found it.
fn route_of(method: &Method, path: &str) -> Option<usize> {
    let candidates = ROUTES.iter().enumerate().filter(|(_, route)| route.method == method.as_str());
    let matching = candidates.filter(|(_, route)| matches_template(route.path, path));
    // A literal part is preferred to a parameter.
    matching.min_by_key(|(_, route)| route.path.matches('{').count()).map(|(index, _)| index)
}

/// A path that exists, with a method that it does not have here.
async fn unmatched_method(request: Request<Body>) -> Response<Body> {
    let failure = why_unmatched(request.method(), request.uri().path());
    refuse(request, failure).await
}

fn why_unmatched(method: &Method, path: &str) -> Failure {
    // HEAD is answered wherever GET is.
    let method = if *method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
    let built = ROUTES
        .iter()
        .filter(|route| matches_template(route.path, path))
        .map(|route| (fixed_parts(route.path), route.method, route.path));
    let documented = OPERATIONS
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
fn not_to_be_read(method: &Method) -> Option<Failure> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    (!is_read).then(|| method_not_allowed("GET, HEAD").into())
}

/// Refuses a request whose body nobody will read.
async fn refuse(mut request: Request<Body>, failure: Failure) -> Response<Body> {
    let context = request.extensions_mut().remove::<Context>();
    drain(request.into_body(), DRAIN_BYTES_MAX).await;
    match context {
        Some(context) => failure_response(&failure, &context.trace_id),
        None => failure_response(&(&AUTHORIZATION_MISSING).into(), &TraceId(Arc::from(""))),
    }
}

/// `/users/{user_id}` matches `/users/user_1`. A literal part is preferred by the router, not here.
fn matches_template(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    template.split('/').all(|expected| {
        parts.next().is_some_and(|part| expected.starts_with('{') && !part.is_empty() || expected == part)
    }) && parts.next().is_none()
}

fn method_filter(method: &str) -> Option<MethodFilter> {
    Method::from_bytes(method.as_bytes()).ok().and_then(|method| MethodFilter::try_from(method).ok())
}

fn is_api(path: &str) -> bool {
    ["/v1", "/verger/v1"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

pub(crate) fn bearer(value: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, secret) = value?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

fn new_trace_id(app: &App) -> TraceId {
    let mut bytes = [0_u8; 16];
    app.env().rng().fill_bytes(&mut bytes);
    TraceId(format!("{:032x}", u128::from_be_bytes(bytes)).into())
}

fn log_cause(failure: &Failure, trace_id: &TraceId) {
    if let Some(cause) = failure.cause() {
        tracing::error!(target: "verger::failure", trace_id = &*trace_id.0, cause, "a request failed");
    }
}

/// The line of a request; `ids` are of the instance and of the key.
fn log_answer(
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

fn redirect(to: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}

fn favicon() -> Response<Body> {
    let mut response = Response::new(Body::from(include_bytes!("../templates/favicon.ico").as_slice()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/x-icon"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    response
}

fn not_allowed(allow: &str, trace_id: &TraceId) -> Response<Body> {
    failure_response(&method_not_allowed(allow).into(), trace_id)
}

/// Whether a page of development was asked for by the machine's own name or an address, and not by a name that anybody
/// can point at it.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    let name = name.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a browser says that our own page sends it. Others cannot make it say so.
fn is_from_this_page(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(&header::ORIGIN) {
        Some(origin) => text(&header::HOST).is_some_and(|host| origin == format!("http://{host}")),
        None => text(&SEC_FETCH_SITE) == Some("same-origin"),
    }
}

fn html_with_policy(page: Body, policy: &str) -> Response<Body> {
    let mut response = Response::new(page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // A policy of other characters than these would be our own mistake; none at all forbids everything.
    let policy = HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Of a body that is refused unread, this many times what it may have is read and thrown away, so that the client gets to
/// read the answer.
const DRAIN_TIMES: usize = 8;
const DRAIN_BYTES_MAX: usize = DRAIN_TIMES * BODY_BYTES_MAX;
const DRAIN_TIME_MAX: Duration = Duration::from_millis(500);
/// Characters of the name of a content coding that an answer repeats.
const ENCODING_CHARACTERS_MAX: usize = 32;

async fn read_body(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    deadline: Instant,
) -> Result<bytes::Bytes, Failure> {
    use http_body_util::BodyExt as _;
    use http_body_util::LengthLimitError;
    use http_body_util::Limited;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced == Some(0) || axum::body::HttpBody::is_end_stream(&body) {
        return Ok(bytes::Bytes::new());
    }
    if let Some(encoding) = encoding_of(headers) {
        drain(body, DRAIN_TIMES * bytes_max).await;
        return Err(Refused::new(&CONTENT_ENCODING_UNSUPPORTED).with("encoding", encoding).into());
    }
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        drain(body, DRAIN_TIMES * bytes_max).await;
        return Err(body_too_large(bytes_max).into());
    }
    let mut limited = Limited::new(body, bytes_max);
    match tokio::time::timeout_at(deadline.into(), (&mut limited).collect()).await {
        Err(_) => Err((&BODY_TOO_SLOW).into()),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            drain(limited, DRAIN_TIMES * bytes_max).await;
            Err(body_too_large(bytes_max).into())
        }
        Ok(Err(_)) => Err(body_invalid("The body ended before it was complete.").into()),
    }
}

/// The coding in which a body says that it comes and in which nobody here reads it (RFC 9110 section 8.4, RFC 9112
/// section 7).
fn encoding_of(headers: &HeaderMap) -> Option<String> {
    let codings = |name, plain: &'static str| {
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let codings = values.flat_map(|value| value.split(|byte| *byte == b','));
        codings
            .map(<[u8]>::trim_ascii)
            .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(plain.as_bytes()))
    };
    let coding = codings(header::CONTENT_ENCODING, "identity")
        .or_else(|| codings(header::TRANSFER_ENCODING, "chunked"))?;
    Some(String::from_utf8_lossy(coding).chars().take(ENCODING_CHARACTERS_MAX).collect())
}

/// Reads and forgets, within bounds.
async fn drain(body: impl axum::body::HttpBody<Data = bytes::Bytes> + Unpin, bytes_max: usize) {
    use http_body_util::BodyExt as _;
    let mut body = body;
    let mut left = bytes_max;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(more) = left.checked_sub(frame.data_ref().map_or(0, bytes::Bytes::len)) else { return };
            left = more;
        }
    };
    // Whatever comes later meets a closed connection.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, reading).await;
}

//! The pages, the health of the server and the document of its API, which need no key.

use super::log::{log_cause, new_trace_id};
use super::unmatched::{not_to_be_read, unknown_path};
use crate::answer::{failure_response, json_response};
use crate::app::{App, Dev};
use crate::caller::Known;
use crate::context::Occasion;
use crate::demo;
use crate::error::Failure;
use crate::pages::{self, development, reference};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::User;
use verger_http::body::{DRAIN_BYTES_MAX, drain};
use verger_http::compress;
use verger_http::reasons::{UNKNOWN_PATH, base_url_wrong, method_not_allowed};
use verger_http::version::ApiVersion;
use verger_wire::reason::Api;

/// Pages and health, which need no key.
pub const PUBLIC_PATHS: &[&str] =
    &["/", "/favicon.ico", "/health/live", "/health/ready", "/openapi.json", "/reference"];

/// How long the pages of development wait for the store.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The layer of pages.
#[derive(Clone)]
pub(crate) struct Pages {
    app: Arc<App>,
}

impl Pages {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// Answers a request for a page.
    pub(crate) async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        if let (Some(dev), "/inbox" | "/inbox/list" | "/inbox/clear" | "/inbox.json") = (&self.app.dev, path)
        {
            let response = self.inbox(dev, request.method(), request.uri(), request.headers()).await;
            drain(request.into_body(), DRAIN_BYTES_MAX).await;
            return response;
        }
        self.handle_public(request).await
    }

    async fn handle_public(&self, request: Request<Body>) -> Response<Body> {
        let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
        if PUBLIC_PATHS.contains(&path)
            && let Some(failure) = not_to_be_read(method)
        {
            return failure_response(&failure, &new_trace_id(&self.app));
        }
        match path {
            "/" => self.start_page(headers).await,
            "/favicon.ico" => favicon(),
            _ if pages::OPERATIONS.iter().any(|operation| operation.path == path) => {
                self.operation(request).await
            }
            "/health/ready" => self.ready().await,
            "/openapi.json" => self.document(reference::Text::OpenApi, headers).await,
            "/reference" => self.document(reference::Text::Page, headers).await,
            _ => failure_response(&unknown_path(path), &new_trace_id(&self.app)),
        }
    }

    /// An operation that is declared as one.
    async fn operation(&self, mut request: Request<Body>) -> Response<Body> {
        let occasion = Occasion {
            version: ApiVersion::DEFAULT,
            trace_id: new_trace_id(&self.app),
            deadline: Instant::now() + PAGE_TIMEOUT,
            remote_address: None,
            user_agent: None,
        };
        request.extensions_mut().insert(Known::Nobody(occasion));
        super::route_to(&self.app, Api::Backend, pages::OPERATIONS, request).await
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

    /// Codes are readable here without a key, so a page of somebody else's must not get at it: not by its name in the
    /// Host header (DNS rebinding), and not from another origin, which the browser itself refuses.
    async fn inbox(&self, dev: &Dev, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
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
        let Some(why) = self.app.why_not_ready().await else {
            return json_response(StatusCode::OK, r#"{"status":"ok"}"#.to_owned());
        };
        let body = serde_json::json!({ "status": "unavailable", "reason": why }).to_string();
        let mut response = json_response(StatusCode::SERVICE_UNAVAILABLE, body);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

fn redirect(to: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}

fn favicon() -> Response<Body> {
    let mut response = Response::new(Body::from(include_bytes!("../../templates/favicon.ico").as_slice()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/x-icon"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
    response
}

fn not_allowed(allow: &str, trace_id: &crate::context::TraceId) -> Response<Body> {
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

//! One attempt to deliver an event to an endpoint.

use super::guard::{Guard, NotPublic, Policy};
use crate::clock::system_time;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_deliver::ConfigError;
use verger_deliver::http;
use verger_deliver::signature::{self, HeaderNames, SigningSecret};
use verger_wire::UnixMillis;

/// How much of an answer is stored, in bytes.
pub(crate) const ANSWER_BYTES_KEPT: usize = 1024;
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const IDLE_CONNECTIONS_MAX: usize = 8;
const USER_AGENT: &str = concat!("verger/", env!("CARGO_PKG_VERSION"));

/// The HTTP client for endpoints: no redirects, no proxies.
pub(crate) struct Client {
    client: legacy::Client<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>,
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    /// HTTP status of the answer; `None` if there was none.
    pub(crate) status: Option<u16>,
    /// Why the attempt failed, in our own words.
    pub(crate) reason: Option<String>,
    /// Time to the end of the answer, in milliseconds.
    pub(crate) latency_ms: i64,
    /// The beginning of the answer's body.
    pub(crate) answer: String,
    /// The delay that the endpoint asks for in `Retry-After` of a temporary failure.
    pub(crate) retry_after: Option<Duration>,
}

impl Client {
    pub(crate) fn new(policy: &Arc<Policy>, ca_file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut connector = HttpConnector::new_with_resolver(Guard::new(Arc::clone(policy)));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(http::tls_of_machine(ca_file, "webhooks")?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { client })
    }
}

impl Tried {
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self {
            status: None,
            reason: Some(reason.into()),
            latency_ms: 0,
            answer: String::new(),
            retry_after: None,
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.reason.is_none()
    }
}

/// Who attempts: where events may go, and the client, if it could be made.
pub(super) struct Sender<'a> {
    pub(super) policy: &'a Policy,
    pub(super) client: Result<&'a Client, &'a ConfigError>,
}

impl Sender<'_> {
    /// Sends one event to one endpoint, once.
    pub(super) async fn attempt(
        &self,
        url: &str,
        secrets: &[SigningSecret],
        event_id: &str,
        body: Bytes,
        now: UnixMillis,
        timeout: Duration,
    ) -> Tried {
        let started = Instant::now();
        let mut tried = match self.try_once(url, secrets, event_id, body, now, timeout).await {
            Ok(tried) => tried,
            Err(reason) => Tried::failed(reason),
        };
        tried.latency_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        tried
    }

    async fn try_once(
        &self,
        url: &str,
        secrets: &[SigningSecret],
        event_id: &str,
        body: Bytes,
        now: UnixMillis,
        timeout: Duration,
    ) -> Result<Tried, String> {
        // Settings may have changed since the URL was stored.
        let uri: Uri = self.policy.parse(url).map_err(|error| format!("the url {error}"))?;
        let client = self.client.map_err(ToString::to_string)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        signature::add_headers(
            &mut headers,
            HeaderNames::Both,
            secrets,
            event_id,
            now.0.div_euclid(1000),
            &body,
        )
        .map_err(|_| "the id of the event does not fit into a header".to_owned())?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let end = tokio::time::Instant::now() + timeout;
        let answer = match tokio::time::timeout_at(end, client.client.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(why(&error)),
            Err(_) => return Err("no answer in time".to_owned()),
        };
        let status = answer.status();
        let retry_after = match status.as_u16() {
            429 | 502..=504 => http::retry_after(answer.headers(), Some(system_time(now))),
            _ => None,
        };
        let mut kept = Vec::new();
        let mut body = answer.into_body();
        let reading = async {
            while kept.len() < ANSWER_BYTES_KEPT {
                match body.frame().await {
                    None => return None,
                    Some(Ok(frame)) => kept.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
                    Some(Err(_)) => return Some("the answer ended in the middle"),
                }
            }
            None
        };
        let broken =
            tokio::time::timeout_at(end, reading).await.unwrap_or(Some("the answer did not end in time"));
        kept.truncate(ANSWER_BYTES_KEPT);
        let reason = match (status.as_u16(), broken) {
            (200..=299, None) => None,
            (200..=299, Some(broken)) => Some(broken.to_owned()),
            (number @ 300..=399, _) => Some(format!("HTTP {number}: redirects are not followed")),
            (number, _) => Some(format!("HTTP {number}")),
        };
        // The databases accept no text with NUL.
        let answer = String::from_utf8_lossy(&kept).replace('\0', "\u{fffd}");
        Ok(Tried { status: Some(status.as_u16()), reason, latency_ms: 0, answer, retry_after })
    }
}

/// Type of the test event, which is never stored.
pub(crate) const ENDPOINT_TEST: &str = "webhook_endpoint.test";

/// The test event.
pub(crate) fn test_event(id: &str, instance_id: &str, now: UnixMillis) -> Bytes {
    let event = serde_json::json!({
        "id": id,
        "object": "event",
        "type": ENDPOINT_TEST,
        "timestamp": now,
        "instance_id": instance_id,
        "data": { "object": "webhook_test" },
    });
    event.to_string().into()
}

/// Why there was no answer. The text of the error may contain the address, so it is not shown.
fn why(error: &legacy::Error) -> String {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(cause) = source {
        if cause.is::<NotPublic>() {
            return NotPublic.to_string();
        }
        if let Some(cause) = cause.downcast_ref::<std::io::Error>() {
            if cause.get_ref().is_some_and(|inner| inner.is::<NotPublic>()) {
                return NotPublic.to_string();
            }
            kind = Some(cause.kind());
        }
        source = cause.source();
    }
    match kind {
        Some(kind) if error.is_connect() => format!("no connection: {kind}"),
        _ if error.is_connect() => "no connection".to_owned(),
        _ => "the connection ended before the answer".to_owned(),
    }
}

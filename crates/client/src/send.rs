//! One call: its attempts, the delays between them, and its deadline.

use crate::call::{Call, Idempotency};
use crate::error::{ApiFailure, Error, Kind, read_errors, redact_key};
use crate::exchange::{Failure, Incoming, Outgoing};
use crate::operation::{Method, RAW};
use crate::response::{Head, Undecoded};
use crate::retry::RetryPolicy;
use crate::transport::Transport;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

const API_VERSION: HeaderName = HeaderName::from_static("clerk-api-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// More of an error's body is not read.
pub(crate) const ERROR_BYTES_MAX: usize = 1024 * 1024;

/// What all clones of a client share.
pub(crate) struct Inner {
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) settings: Settings,
    pub(crate) transport: Transport,
}

pub(crate) struct Settings {
    /// Marked as sensitive, so that `Debug` does not show it.
    pub(crate) authorization: HeaderValue,
    pub(crate) api_version: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) attempt_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) idempotency_keys: bool,
    pub(crate) max_response_bytes: usize,
}

/// How much of a success is waited for.
pub(crate) trait Receive {
    /// What there is of its body then.
    type Body;

    /// Makes one attempt. `success_bytes_max` limits the body of a success alone.
    fn receive(
        transport: &Transport,
        outgoing: &Outgoing,
        success_bytes_max: usize,
    ) -> impl Future<Output = Result<Received<Self::Body>, Failure>> + Send;
}

/// What one attempt brought.
pub(crate) enum Received<B> {
    /// `body` is `None` if it was larger than the limit.
    Success {
        status: u16,
        headers: HeaderMap,
        body: Option<B>,
    },
    Refusal(Incoming),
}

impl<B> Received<B> {
    /// Of an answer that has come to its end.
    pub(crate) fn of(incoming: Incoming, body_of: impl FnOnce(Bytes) -> B) -> Self {
        match incoming {
            Incoming { status: status @ 200..300, headers, body } => {
                Self::Success { status, headers, body: body.map(body_of) }
            }
            refusal => Self::Refusal(refusal),
        }
    }
}

/// The whole body of a success, within its limit.
struct Whole;

impl Receive for Whole {
    type Body = Bytes;

    async fn receive(
        transport: &Transport,
        outgoing: &Outgoing,
        success_bytes_max: usize,
    ) -> Result<Received<Bytes>, Failure> {
        let incoming = transport.send(outgoing, success_bytes_max, ERROR_BYTES_MAX).await?;
        Ok(Received::of(incoming, |body| body))
    }
}

impl Inner {
    /// Sends a call until it succeeds, cannot succeed, or has no time left.
    pub(crate) async fn send(self: Arc<Self>, call: Call) -> Result<Undecoded, Error> {
        self.send_for::<Whole>(call).await
    }

    /// The same, and waits for as much of the answer as `W` says.
    pub(crate) async fn send_for<W: Receive>(&self, call: Call) -> Result<Undecoded<W::Body>, Error> {
        let span = tracing::info_span!(
            target: "verger_client",
            "verger.request",
            operation = call.operation,
            http.request.method = call.method.as_str(),
            // The template: the path and the query may have a number in them.
            http.route = call.route,
            http.response.status_code = tracing::field::Empty,
            trace_id = tracing::field::Empty,
            attempts = tracing::field::Empty,
        );
        let sending = async {
            let result = self.attempts::<W>(call).await;
            let span = tracing::Span::current();
            let (status, trace_id, attempts) = match &result {
                Ok(answer) => {
                    (Some(answer.head.status), answer.head.text("x-clerk-trace-id"), answer.head.attempts)
                }
                Err(error) => (error.status(), error.trace_id(), error.attempts()),
            };
            span.record("attempts", attempts);
            if let Some(status) = status {
                span.record("http.response.status_code", status);
            }
            if let Some(trace_id) = trace_id {
                span.record("trace_id", redact_key(trace_id));
            }
            if let Err(error) = &result {
                tracing::debug!(target: "verger_client", %error, "the call failed");
            }
            result
        };
        sending.instrument(span).await
    }

    async fn attempts<W: Receive>(&self, call: Call) -> Result<Undecoded<W::Body>, Error> {
        let operation = match call.route {
            // Its path is the caller's and may have anything in it.
            RAW => format!("{} (raw request)", call.method),
            route => format!("{} {route}", call.method),
        };
        if let Some(why) = call.problem {
            return Err(Error::refused(why).of_call(&operation, 0, None));
        }
        let settings = &self.settings;
        let limit = call.timeout.unwrap_or(settings.total_timeout);
        let deadline = Instant::now() + limit;
        let key = idempotency_key(&call, settings.idempotency_keys)
            .map_err(|error| error.of_call(&operation, 0, None))?;
        let key_text = key.as_ref().and_then(|key| key.to_str().ok()).map(str::to_owned);
        let may_repeat = call.method == Method::Get || key.is_some();
        let outgoing = self.outgoing(call, key).map_err(|error| error.of_call(&operation, 0, None))?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = deadline.saturating_duration_since(Instant::now());
            let attempt_limit = settings.attempt_timeout.min(left);
            let incoming = tokio::time::timeout(
                attempt_limit,
                W::receive(&self.transport, &outgoing, settings.max_response_bytes),
            )
            .await;
            let error = match incoming {
                Ok(Ok(Received::Success { status, headers, body })) => {
                    let Some(body) = body else {
                        let kind = Kind::TooLarge { status, limit_bytes: settings.max_response_bytes };
                        return Err(Error::new(kind).of_call(&operation, attempts, key_text.as_deref()));
                    };
                    let head = Head { status, headers, attempts, idempotency_key: key_text, operation };
                    return Ok(Undecoded { head, body });
                }
                Ok(Ok(Received::Refusal(incoming))) => api_error(incoming),
                Ok(Err(Failure::Connect(cause))) => Error::caused_by(Kind::Connect, cause),
                Ok(Err(Failure::Interrupted(cause))) => Error::caused_by(Kind::Interrupted, cause),
                // What is told is the limit that was met.
                Err(_) if attempt_limit < left => Error::new(Kind::Timeout { limit: attempt_limit }),
                Err(_) => Error::new(Kind::Timeout { limit }),
            };
            let is_unsent = matches!(error.kind(), Kind::Connect);
            let left = deadline.saturating_duration_since(Instant::now());
            let delay = if error.is_retryable()
                && (may_repeat || is_unsent)
                && attempts < settings.retry.max_attempts
            {
                // Without randomness there is no jitter, and no repetition in step with everybody else.
                chance().ok().map(|chance| settings.retry.delay(attempts, chance, error.retry_after()))
            } else {
                None
            };
            let Some(delay) = delay.filter(|delay| *delay < left) else {
                return Err(error.of_call(&operation, attempts, key_text.as_deref()));
            };
            tracing::debug!(
                target: "verger_client",
                attempts,
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                %error,
                "an attempt failed and is repeated"
            );
            tokio::time::sleep(delay).await;
        }
    }

    fn outgoing(&self, call: Call, key: Option<HeaderValue>) -> Result<Outgoing, Error> {
        let separator = if call.query.is_empty() { "" } else { "?" };
        let uri = format!("{}{}{separator}{}", self.base_url, call.path, call.query).parse().map_err(
            |cause: http::uri::InvalidUri| {
                Error::caused_by(Kind::Refused("the path, or the query, is not one".to_owned()), cause)
            },
        )?;
        let mut headers = HeaderMap::with_capacity(8 + call.headers.len());
        headers.insert(header::AUTHORIZATION, self.settings.authorization.clone());
        headers.insert(header::ACCEPT, JSON);
        headers.insert(header::USER_AGENT, self.settings.user_agent.clone());
        headers.insert(API_VERSION, self.settings.api_version.clone());
        if call.body.is_some() {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        for (name, value) in call.headers {
            headers.insert(name, value);
        }
        if let Some(key) = key {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        Ok(Outgoing { method: call.method, uri, headers, body: call.body.unwrap_or_default() })
    }
}

fn idempotency_key(call: &Call, are_added: bool) -> Result<Option<HeaderValue>, Error> {
    match &call.idempotency {
        Idempotency::Key(key) => Ok(Some(key.clone())),
        Idempotency::Automatic if are_added && call.method != Method::Get => {
            let mut bytes = [0; 16];
            randomize(&mut bytes)?;
            let text = format!("{:032x}", u128::from_be_bytes(bytes));
            HeaderValue::from_str(&text)
                .map(Some)
                .map_err(|_| Error::refused("the idempotency key is no text"))
        }
        Idempotency::Automatic | Idempotency::None => Ok(None),
    }
}

fn chance() -> Result<u32, Error> {
    let mut bytes = [0; 4];
    randomize(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn randomize(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|cause| {
        Error::caused_by(Kind::Refused("the system has no randomness to give".to_owned()), cause)
    })
}

fn api_error(incoming: Incoming) -> Error {
    let Incoming { status, headers, body } = incoming;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (errors, trace_id) = read_errors(&body.unwrap_or_else(Bytes::new));
    let retry_after = text("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let trace_id = trace_id.or_else(|| text("x-clerk-trace-id").map(str::to_owned));
    Error::new(Kind::Api(ApiFailure { status, errors, trace_id, retry_after }))
}

//! How a client is put together.

use crate::client::{Client, Inner, Settings};
use crate::error::Error;
use crate::retry::RetryPolicy;
use crate::testing::MockTransport;
use crate::transport::Transport;
use http::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where the hosted service is.
pub const DEFAULT_BASE_URL: &str = "https://api.clerk.com";
/// The API version that requests ask for unless [`ClientBuilder::api_version`] says otherwise.
pub const DEFAULT_API_VERSION: &str = "2025-11-10";

const OWN_USER_AGENT: &str = concat!("verger-client/", env!("CARGO_PKG_VERSION"));
/// Times beyond this are as good as none, and arithmetic with them stays safe.
const TIMEOUT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Puts a [`Client`] together.
///
/// ```
/// # use std::time::Duration;
/// # use verger_client::Client;
/// let client = Client::builder()
///     .secret_key("sk_test_x")
///     .base_url("http://127.0.0.1:4010")
///     .total_timeout(Duration::from_secs(10))
///     .user_agent("shop/1.4")
///     .build()?;
/// # Ok::<(), verger_client::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is built before `build`"]
pub struct ClientBuilder {
    secret_key: SecretString,
    base_url: String,
    api_version: String,
    user_agent: Option<String>,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    total_timeout: Duration,
    retry: RetryPolicy,
    idempotency_keys: bool,
    max_response_bytes: usize,
    mock: Option<MockTransport>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            secret_key: SecretString::from(String::new()),
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_version: DEFAULT_API_VERSION.to_owned(),
            user_agent: None,
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            idempotency_keys: true,
            max_response_bytes: 32 * 1024 * 1024,
            mock: None,
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("secret_key", &"[redacted]").finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// The instance's secret key, `sk_test_…` or `sk_live_…`. Needed. It is sent as `Authorization: Bearer …` to the base
    /// URL and nowhere else, and never printed.
    pub fn secret_key(mut self, secret_key: impl Into<String>) -> Self {
        self.secret_key = SecretString::from(secret_key.into());
        self
    }

    /// Where the service is: scheme, host, and a path if it stands behind one; without `/v1`. Default
    /// [`DEFAULT_BASE_URL`]. Over `http` the key travels in clear: only for this machine or a private network.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// The API version, `YYYY-MM-DD`. Default [`DEFAULT_API_VERSION`].
    pub fn api_version(mut self, api_version: impl Into<String>) -> Self {
        self.api_version = api_version.into();
        self
    }

    /// The name of your program, for the service's log; the name of this client follows it.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// How long opening a TCP connection may take. Default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from connecting to the last byte of the answer. Default 10 s.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How long a call may take with all its attempts and delays. Default 30 s. A request can have
    /// [its own](crate::Request::timeout).
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// When requests are sent again. Default [`RetryPolicy::default`].
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Whether writes get an `Idempotency-Key` of their own, without which they are not repeated. Default true.
    pub fn idempotency_keys(mut self, are_added: bool) -> Self {
        self.idempotency_keys = are_added;
        self
    }

    /// The most bytes of an answer's body. Default 32 MiB.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Answers come from `mock` instead of a network.
    pub fn transport(mut self, mock: MockTransport) -> Self {
        self.mock = Some(mock);
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused): the key is missing or has characters that no key has, the base URL, the version,
    /// the user agent or a timeout makes no sense, or the system has no root certificates for `https`.
    pub fn build(self) -> Result<Client, Error> {
        Ok(Client { inner: Arc::new(self.build_inner()?) })
    }

    /// The client for programs without an async runtime.
    ///
    /// # Errors
    /// As [`build`](Self::build); also if the system gives no thread.
    #[cfg(feature = "blocking")]
    pub fn build_blocking(self) -> Result<crate::blocking::Client, Error> {
        crate::blocking::Client::of(self.build_inner()?)
    }

    fn build_inner(self) -> Result<Inner, Error> {
        let authorization = authorization(&self.secret_key)?;
        let base_url = check_base_url(&self.base_url)?;
        let is_https = base_url.starts_with("https:");
        let api_version = header_value("the API version", &self.api_version)?;
        let is_date = self.api_version.len() == 10
            && self
                .api_version
                .bytes()
                .enumerate()
                .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
        if !is_date {
            return Err(Error::refused("the API version must be a date, YYYY-MM-DD"));
        }
        let user_agent = match &self.user_agent {
            Some(program) => header_value("the user agent", &format!("{program} {OWN_USER_AGENT}"))?,
            None => HeaderValue::from_static(OWN_USER_AGENT),
        };
        for (name, timeout) in [
            ("connect_timeout", self.connect_timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("total_timeout", self.total_timeout),
        ] {
            if timeout.is_zero() {
                return Err(Error::refused(format!("{name} is 0: nothing could ever be sent")));
            }
        }
        let transport = match self.mock {
            Some(mock) => Transport::Mock(mock),
            None => Transport::http(is_https, self.connect_timeout.min(TIMEOUT_LIMIT))?,
        };
        if !is_https && !is_loopback(&base_url) {
            tracing::warn!(target: "verger_client", "the base URL is http: the secret key is sent in clear");
        }
        Ok(Inner {
            base_url,
            settings: Settings {
                authorization,
                api_version,
                user_agent,
                attempt_timeout: self.attempt_timeout.min(TIMEOUT_LIMIT),
                total_timeout: self.total_timeout.min(TIMEOUT_LIMIT),
                retry: self.retry,
                idempotency_keys: self.idempotency_keys,
                max_response_bytes: self.max_response_bytes,
            },
            transport,
        })
    }
}

pub(crate) fn limit_timeout(timeout: Duration) -> Duration {
    timeout.min(TIMEOUT_LIMIT)
}

fn authorization(secret_key: &SecretString) -> Result<HeaderValue, Error> {
    let key = secret_key.expose_secret();
    if key.is_empty() {
        return Err(Error::refused("there is no secret key: give one with `secret_key`"));
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::refused(
            "the secret key has a space, a line break or another character that no key has: was it read from a file \
             with its line break?",
        ));
    }
    let mut value = header_value("the secret key", &format!("Bearer {key}"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn header_value(what: &str, text: &str) -> Result<HeaderValue, Error> {
    // The text is not shown: it may be the key.
    HeaderValue::from_str(text)
        .map_err(|_| Error::refused(format!("{what} has a character that a header cannot have")))
}

/// The base URL without a slash at its end.
fn check_base_url(text: &str) -> Result<String, Error> {
    let refuse = |why: &str| Err(Error::refused(format!("the base URL {why}")));
    let Ok(uri) = text.parse::<http::Uri>() else {
        return refuse("is not a URL");
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("must begin with https:// or http://");
    }
    match uri.authority() {
        Some(authority) if !authority.host().is_empty() => {
            if authority.as_str().contains('@') {
                return refuse("must not have a user name in it");
            }
        }
        _ => return refuse("has no host"),
    }
    // What is no port would be taken for none, and the request go to the default one.
    if uri.authority().is_some_and(|authority| !has_no_port_or_a_good_one(authority)) {
        return refuse("must have a port from 1 to 65535 behind its host, or none and no colon");
    }
    if uri.query().is_some() || text.contains('#') {
        return refuse("must not have a query or a fragment");
    }
    let base = text.trim_end_matches('/');
    if base.ends_with("/v1") {
        return refuse("must not end with /v1: the client adds it");
    }
    Ok(base.to_owned())
}

fn has_no_port_or_a_good_one(authority: &http::uri::Authority) -> bool {
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let Some(digits) = port.strip_prefix(':') else { return port.is_empty() };
    // A parser of numbers takes a sign too.
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_loopback(base_url: &str) -> bool {
    let host = base_url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_the_header_hides_the_key() {
        let value = authorization(&SecretString::from("sk_test_x")).unwrap();
        assert_eq!(value, "Bearer sk_test_x");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}

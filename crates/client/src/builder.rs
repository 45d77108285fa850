//! How a client is put together.

use crate::call::limit_timeout;
use crate::client::Client;
use crate::error::Error;
use crate::mock::MockTransport;
use crate::retry::RetryPolicy;
use crate::send::{Inner, Settings};
use crate::transport::Transport;
use http::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where the hosted service is.
pub const DEFAULT_BASE_URL: &str = "https://api.clerk.com";
/// The API version that requests ask for unless [`ClientBuilder::api_version`] says otherwise.
pub const DEFAULT_API_VERSION: &str = "2025-11-10";

const OWN_USER_AGENT: &str = concat!("verger-client/", env!("CARGO_PKG_VERSION"));

/// Puts a [`Client`] together.
///
/// ```
/// # use std::time::Duration;
/// # use verger_client::Client;
/// let client = Client::builder()
///     .secret_key("sk_test_x")
///     .base_url("http://127.0.0.1:4100")
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

impl Client {
    /// A client of the hosted service, with all defaults.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    ///
    /// ```no_run
    /// # use verger_client::Client;
    /// let client = Client::new("sk_test_…")?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn new(secret_key: impl Into<String>) -> Result<Self, Error> {
        Self::builder().secret_key(secret_key).build()
    }

    /// A client with the secret key and the base URL of the environment; which variables those are says
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    /// As [`ClientBuilder::from_env`] and [`ClientBuilder::build`].
    ///
    /// ```no_run
    /// # use verger_client::Client;
    /// // VERGER_SECRET_KEY=sk_test_… VERGER_URL=http://127.0.0.1:4100
    /// let client = Client::from_env()?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Everything that can be chosen.
    ///
    /// ```
    /// # use verger_client::Client;
    /// let client = Client::builder().secret_key("sk_test_x").base_url("http://127.0.0.1:4100").build()?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

impl ClientBuilder {
    /// The instance's secret key, `sk_test_…` or `sk_live_…`. Needed. It is sent as `Authorization: Bearer …` to the base
    /// URL and nowhere else, and never printed.
    pub fn secret_key(mut self, secret_key: impl Into<String>) -> Self {
        self.secret_key = SecretString::from(secret_key.into());
        self
    }

    /// A builder with the secret key and the base URL of the environment: `VERGER_SECRET_KEY` and `VERGER_URL`, as `verger dev` prints them;
    /// where neither is set, `CLERK_SECRET_KEY` and `CLERK_API_URL`, as the official SDKs read them, the URL of which may be left
    /// out. The two pairs are never mixed, so that no key is sent to a service that it does not belong to.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused): a variable is missing, or is not text.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use verger_client::ClientBuilder;
    /// let client = ClientBuilder::from_env()?.total_timeout(Duration::from_secs(10)).build()?;
    /// # Ok::<(), verger_client::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let text = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            // The value is not shown: it may be the key.
            value
                .map(|value| value.into_string().map_err(|_| Error::refused(format!("{name} is not text"))))
                .transpose()
        };
        match (text("VERGER_SECRET_KEY")?, text("VERGER_URL")?) {
            (Some(key), Some(url)) => return Ok(Self::default().secret_key(key).base_url(url)),
            (Some(_), None) => return Err(Error::refused("VERGER_SECRET_KEY is set, and VERGER_URL is not")),
            (None, Some(_)) => return Err(Error::refused("VERGER_URL is set, and VERGER_SECRET_KEY is not")),
            (None, None) => {}
        }
        let Some(key) = text("CLERK_SECRET_KEY")? else {
            return Err(Error::refused(
                "there is no secret key in the environment: set VERGER_SECRET_KEY and VERGER_URL, or CLERK_SECRET_KEY",
            ));
        };
        let builder = Self::default().secret_key(key);
        Ok(match text("CLERK_API_URL")? {
            Some(url) => builder.base_url(url),
            None => builder,
        })
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

    pub(crate) fn build_inner(self) -> Result<Inner, Error> {
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
            None => Transport::http(is_https, limit_timeout(self.connect_timeout))?,
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
                attempt_timeout: limit_timeout(self.attempt_timeout),
                total_timeout: limit_timeout(self.total_timeout),
                retry: self.retry,
                idempotency_keys: self.idempotency_keys,
                max_response_bytes: self.max_response_bytes,
            },
            transport,
        })
    }
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
    fn pairs_of_variables_are_never_mixed() {
        let built = |variables: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| OsString::from(value))
            };
            ClientBuilder::from_variables(find)
                .map(|builder| (builder.secret_key.expose_secret().to_owned(), builder.base_url))
                .map_err(|error| error.to_string())
        };
        let good = |key: &str, url: &str| Ok((key.to_owned(), url.to_owned()));
        let verger = [("VERGER_SECRET_KEY", "sk_test_v"), ("VERGER_URL", "http://127.0.0.1:4100")];
        let clerk = [("CLERK_SECRET_KEY", "sk_test_c"), ("CLERK_API_URL", "http://127.0.0.1:4101")];
        assert_eq!(built(&verger), good("sk_test_v", "http://127.0.0.1:4100"));
        assert_eq!(built(&clerk), good("sk_test_c", "http://127.0.0.1:4101"));
        assert_eq!(built(&[verger, clerk].concat()), good("sk_test_v", "http://127.0.0.1:4100"));
        assert_eq!(built(&clerk[..1]), good("sk_test_c", DEFAULT_BASE_URL));
        // Set to nothing is not set, as in a `.env` file with empty lines.
        assert_eq!(built(&[("VERGER_SECRET_KEY", ""), clerk[0]]), good("sk_test_c", DEFAULT_BASE_URL));
        for (bad, named) in [
            (vec![], "VERGER_SECRET_KEY and VERGER_URL, or CLERK_SECRET_KEY"),
            (clerk[1..].to_vec(), "CLERK_SECRET_KEY"),
            (vec![verger[0]], "VERGER_URL is not"),
            (vec![verger[1]], "VERGER_SECRET_KEY is not"),
            (vec![verger[0], clerk[1]], "VERGER_URL is not"),
            (vec![verger[1], clerk[0]], "VERGER_SECRET_KEY is not"),
        ] {
            let error = built(&bad).unwrap_err();
            assert!(error.contains(named) && !error.contains("sk_"), "{bad:?}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn variable_that_is_not_text_is_refused_without_being_shown() {
        use std::os::unix::ffi::OsStringExt as _;
        let find =
            |name: &str| (name == "CLERK_SECRET_KEY").then(|| OsString::from_vec(vec![b's', b'k', 0xff]));
        let error = ClientBuilder::from_variables(find).unwrap_err();
        assert!(error.is_refused());
        assert_eq!(error.to_string(), "not sent: CLERK_SECRET_KEY is not text");
    }

    #[test]
    fn debug_of_the_header_hides_the_key() {
        let value = authorization(&SecretString::from("sk_test_x")).unwrap();
        assert_eq!(value, "Bearer sk_test_x");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}

//! The HTTP client of the senders: one request, one answer, and certainty about what left the machine.

use crate::message::SendError;
use crate::section::ConfigError;
use crate::urls;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

/// More of an answer is not read.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may take to be made, of the time that an attempt has.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than providers keep idle connections, so that a request rarely meets one that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const IDLE_CONNECTIONS_MAX: usize = 16;
/// A provider that asks for more patience than this is asked again anyway.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);
const USER_AGENT: &str = concat!("verger/", env!("CARGO_PKG_VERSION"));

/// A client with its pool of connections. It follows no redirect and knows no proxy.
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Once>,
    attempt_timeout: Duration,
}

/// An answer whose head has arrived.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The body, or why it could not be read.
    pub(crate) body: Result<Bytes, &'static str>,
}

/// The body of a request, which knows whether anybody took it, and can be taken back until then. A request that says
/// how long its body is has not been sent before somebody took it.
struct Once {
    data: Option<Bytes>,
    hold: Arc<Hold>,
}

/// Whether a body is still here, was taken, or may no longer be.
struct Hold(AtomicU8);

const HERE: u8 = 0;
const TAKEN: u8 = 1;
const REVOKED: u8 = 2;

/// A body was asked for after it had been taken back.
#[derive(Debug, thiserror::Error)]
#[error("the request was taken back")]
struct Revoked;

impl Hold {
    /// Whether the request has not been sent, and from now on cannot be.
    fn revoke(&self) -> bool {
        self.0.compare_exchange(HERE, REVOKED, Ordering::SeqCst, Ordering::SeqCst) != Err(TAKEN)
    }

    fn take(&self) -> bool {
        self.0.compare_exchange(HERE, TAKEN, Ordering::SeqCst, Ordering::SeqCst) != Err(REVOKED)
    }
}

impl Body for Once {
    type Data = Bytes;
    type Error = Revoked;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Revoked>>> {
        if !self.hold.take() {
            return Poll::Ready(Some(Err(Revoked)));
        }
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

impl Http {
    /// `ca_file` holds certificates to trust beside those of the machine, as PEM.
    pub(crate) fn new(
        attempt_timeout: Duration,
        uri: &Uri,
        ca_file: Option<&Path>,
        section: &str,
    ) -> Result<Self, ConfigError> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls(uri, ca_file, section)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { client, attempt_timeout })
    }

    /// Posts `body`, which must not be empty.
    ///
    /// # Errors
    /// [`SendError::NotSent`] when the body never began to leave, [`SendError::Unknown`] when it did and no head of an
    /// answer came back. Whatever the answer says is not an error here.
    pub(crate) async fn post(
        &self,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Answer, SendError> {
        let end = deadline.min(Instant::now() + self.attempt_timeout);
        if end <= Instant::now() {
            return Err(SendError::not_sent("no time left"));
        }
        let hold = Arc::new(Hold(AtomicU8::new(HERE)));
        let mut request = Request::new(Once { data: Some(body), hold: Arc::clone(&hold) });
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let answered = tokio::time::timeout_at(end.into(), self.client.request(request)).await;
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let was_not_sent = hold.revoke();
                // Says which host and which certificate; requests are not in it.
                tracing::debug!(error = %chain(&error), "a provider gave no answer");
                return Err(match (was_not_sent, io_kind(&error)) {
                    (false, _) => SendError::unknown("the connection ended before the answer"),
                    (true, Some(kind)) => SendError::not_sent(format!("no connection: {kind}")),
                    (true, None) => SendError::not_sent("no connection"),
                });
            }
            Err(_) if hold.revoke() => return Err(SendError::not_sent("no connection in time")),
            Err(_) => return Err(SendError::unknown("no answer in time")),
        };
        let (head, body) = answer.into_parts();
        let body = match tokio::time::timeout_at(end.into(), Limited::new(body, ANSWER_BYTES_MAX).collect())
            .await
        {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err("is longer than 64 KiB"),
            Ok(Err(_)) => Err("ended in the middle"),
            Err(_) => Err("did not end in time"),
        };
        let retry_after = retry_after(&head.headers, None).map(|wait| wait.min(RETRY_AFTER_MAX));
        Ok(Answer { status: head.status, retry_after, body })
    }
}

impl Answer {
    /// The body as JSON, or words that complete "the answer …".
    pub(crate) fn json(&self) -> Result<serde_json::Value, &'static str> {
        let body = self.body.as_ref().map_err(|problem| *problem)?;
        serde_json::from_slice(body).map_err(|_| "is not JSON")
    }

    /// What an answer other than a success means for a message. `code` is the provider's number for the problem,
    /// `says_not_sent` whether the provider promises that a 503 did nothing.
    pub(crate) fn failure(&self, code: Option<u64>, says_not_sent: bool) -> SendError {
        let status = self.status.as_u16();
        let reason = match code {
            Some(code) => format!("HTTP {status}, code {code}"),
            None => format!("HTTP {status}"),
        };
        let not_sent = |reason| SendError::NotSent { reason, retry_after: self.retry_after };
        match status {
            // The request was not read to its end, came too early, or was one too many.
            408 | 425 | 429 => not_sent(reason),
            503 if says_not_sent => not_sent(reason),
            301 | 302 | 307 | 308 => SendError::refused(format!(
                "{reason}: redirects are not followed, configure the final address"
            )),
            401 | 403 => SendError::refused(format!("{reason}: check the credentials")),
            400..=499 => SendError::refused(reason),
            _ => SendError::unknown(reason),
        }
    }
}

/// From seconds, or from a date against the `Date` of the same answer, so that our clock has no say; `now` takes the place
/// of a `Date` that is missing. What is neither says nothing. It is up to the caller to bound it.
pub fn retry_after(headers: &HeaderMap, now: Option<SystemTime>) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let then = date(value)?;
    let theirs = headers.get(header::DATE).and_then(|value| date(value.to_str().ok()?));
    Some(then.duration_since(theirs.or(now)?).unwrap_or_default())
}

fn tls(uri: &Uri, ca_file: Option<&Path>, section: &str) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore::empty();
    // Without TLS there is nobody to trust, and a machine without certificates is as good as any.
    if uri.scheme_str() == Some("https") {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
    }
    if let Some(path) = ca_file {
        for certificate in ca_certificates(path, section)? {
            roots.add(certificate).map_err(|_| {
                ConfigError::new(section, format!("ca_file {} holds a bad certificate", path.display()))
            })?;
        }
    }
    if uri.scheme_str() == Some("https") && roots.is_empty() {
        return Err(ConfigError::new(
            section,
            "this machine has no certificates to trust: install its ca-certificates package, or set SSL_CERT_FILE",
        ));
    }
    tls_with(roots, section)
}

/// The certificates of the machine and of a file. On a machine without any nobody is trusted, and every try says so.
pub fn tls_of_machine(ca_file: Option<&Path>, section: &str) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in ca_certificates(path, section)? {
            roots.add(certificate).map_err(|_| {
                ConfigError::new(section, format!("ca_file {} holds a bad certificate", path.display()))
            })?;
        }
    }
    tls_with(roots, section)
}

fn tls_with(roots: RootCertStore, section: &str) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new(section, format!("no TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The certificates of a PEM file.
fn ca_certificates(path: &Path, section: &str) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let bad = |problem: String| ConfigError::new(section, format!("ca_file {}: {problem}", path.display()));
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(bad("holds no certificate in PEM".to_owned())),
    }
}

/// The address of a provider, checked.
///
/// # Errors
/// It is no URL, holds credentials, or would carry secrets unencrypted over a network.
pub(crate) fn endpoint(
    section: &str,
    key: &str,
    url: &str,
    allow_plain_http: bool,
) -> Result<Uri, ConfigError> {
    // The value itself is not shown: people put credentials into URLs.
    let bad = |problem: &str| ConfigError::new(section, format!("{key} {problem}"));
    let uri = urls::parse(url).and_then(|uri| urls::check_fragment(url).map(|()| uri)).map_err(bad)?;
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if allow_plain_http || uri.host().is_some_and(is_loopback) => Ok(uri),
        Some("http") => Err(bad("must begin with https://, since codes and secrets travel on it")),
        _ => Err(bad("must begin with https://")),
    }
}

/// Whether a host is this machine by its name alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Bytes of `application/x-www-form-urlencoded`.
pub(crate) fn form(fields: &[(&str, &str)]) -> Bytes {
    const PLAIN: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.extend(percent_encoding::utf8_percent_encode(name, PLAIN));
        text.push('=');
        text.extend(percent_encoding::utf8_percent_encode(value, PLAIN));
    }
    text.into()
}

/// The headers of a request to a provider.
pub(crate) fn head(content_type: &'static str, authorization: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(value) = authorization {
        headers.insert(header::AUTHORIZATION, value.clone());
    }
    headers
}

/// HTTP basic authentication.
pub(crate) fn basic(section: &str, user: &str, password: &str) -> Result<HeaderValue, ConfigError> {
    use base64::Engine as _;
    if user.contains(':') {
        return Err(ConfigError::new(section, "the user of a basic authentication cannot hold a colon"));
    }
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {text}"))
        .map_err(|_| ConfigError::new(section, "the credentials do not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// What the operating system called the problem, if it was one of its own.
pub(crate) fn io_kind(error: &dyn Error) -> Option<std::io::ErrorKind> {
    let mut cause = error.source();
    while let Some(next) = cause {
        if let Some(error) = next.downcast_ref::<std::io::Error>() {
            // TLS and name resolution come dressed as these, and say nothing.
            let says_nothing = matches!(error.kind(), std::io::ErrorKind::Other);
            if !says_nothing {
                return Some(error.kind());
            }
        }
        cause = next.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_nonsense_is_ignored() {
        let read = |headers: &HeaderMap| retry_after(headers, None);
        let seconds = |value| read(&headers(&[(header::RETRY_AFTER, value)]));
        assert_eq!(seconds("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds("999999"), Some(Duration::from_secs(999_999)));
        assert_eq!(seconds("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for nonsense in ["-1", "+1", "1.5", "1e3", "", "7 s", "7, 8"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
        assert_eq!(seconds("soon"), None);
        assert_eq!(read(&HeaderMap::new()), None);
        let date = "Tue, 24 Nov 2026 00:00:30 GMT";
        let dated = headers(&[(header::RETRY_AFTER, date), (header::DATE, "Tue, 24 Nov 2026 00:00:00 GMT")]);
        assert_eq!(read(&dated), Some(Duration::from_secs(30)));
        let past = headers(&[(header::RETRY_AFTER, date), (header::DATE, "Tue, 24 Nov 2026 01:00:00 GMT")]);
        assert_eq!(read(&past), Some(Duration::ZERO));
        let undated = headers(&[(header::RETRY_AFTER, date)]);
        assert_eq!(read(&undated), None);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_478_410_000);
        assert_eq!(retry_after(&undated, Some(now)), Some(Duration::from_secs(20)));
    }

    #[tokio::test]
    async fn a_body_that_was_taken_back_cannot_be_sent_and_one_that_was_sent_cannot_be_taken_back() {
        let body =
            |hold: &Arc<Hold>| Once { data: Some(Bytes::from_static(b"code")), hold: Arc::clone(hold) };
        let hold = Arc::new(Hold(AtomicU8::new(HERE)));
        assert!(hold.revoke());
        assert!(body(&hold).collect().await.is_err());
        assert!(hold.revoke());
        let hold = Arc::new(Hold(AtomicU8::new(HERE)));
        assert_eq!(body(&hold).collect().await.unwrap().to_bytes(), "code");
        assert!(!hold.revoke());
    }

    #[test]
    fn a_form_is_encoded_so_that_nothing_runs_into_the_next_field() {
        let body = form(&[("To", "+15005550006"), ("Body", "a&b=c d\u{e9}\n#")]);
        assert_eq!(body, "To=%2B15005550006&Body=a%26b%3Dc%20d%C3%A9%0A%23");
    }

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        let check = |url| endpoint("sms.webhook", "url", url, false).map_err(|error| error.to_string());
        for good in
            ["https://sms.example.com/x", "http://127.0.0.1:9/x", "http://localhost/", "http://[::1]:80/"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://sms.example.com/",
            "http://localhost.example.com/",
            "ftp://example.com/",
            "/x",
            "sms",
            "",
            "https://sms.example.com:99999/",
            "https://sms.example.com:0/",
            "https://sms.example.com:/",
            "http://127.0.0.1:65616/",
            "https://sms.example.com/#x",
            " https://sms.example.com/",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let error = check("https://user:hunter2@example.com/").unwrap_err();
        assert!(error.contains("[sms.webhook] url must not hold credentials"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert!(endpoint("sms.webhook", "url", "http://sms.internal:80/", true).is_ok());
    }
}

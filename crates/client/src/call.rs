//! What a request says, whatever it is read as.

use crate::operation::{Method, Operation, RAW};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

/// Everything that RFC 3986 does not call unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Times beyond this are as good as none, and arithmetic with them stays safe.
const TIMEOUT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A request without its answer and its way.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// The template of the path; what is told in logs and errors.
    pub(crate) route: &'static str,
    pub(crate) path: String,
    /// Encoded as a form, without the question mark; empty if there is none.
    pub(crate) query: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) idempotency: Idempotency,
    pub(crate) timeout: Option<Duration>,
    /// Why it must not be sent.
    pub(crate) problem: Option<String>,
}

#[derive(Clone)]
pub(crate) enum Idempotency {
    /// A fresh key for each sending of a write, if the client adds keys.
    Automatic,
    None,
    Key(HeaderValue),
}

impl Call {
    /// A documented operation; `ids` fill the places of its path, in order.
    pub(crate) fn of(operation: &'static Operation, ids: &[&str]) -> Self {
        let (path, problem) = render_path(operation.route, ids);
        Self {
            operation: operation.id,
            method: operation.method,
            route: operation.route,
            path,
            query: String::new(),
            body: None,
            headers: Vec::new(),
            idempotency: match operation.takes_idempotency_key {
                true => Idempotency::Automatic,
                false => Idempotency::None,
            },
            timeout: None,
            problem,
        }
    }

    /// Whatever the caller asks for.
    pub(crate) fn raw(method: Method, path: &str) -> Self {
        Self {
            operation: RAW,
            method,
            route: RAW,
            path: path.to_owned(),
            query: String::new(),
            body: None,
            headers: Vec::new(),
            idempotency: Idempotency::Automatic,
            timeout: None,
            problem: check_path(path).err().map(str::to_owned),
        }
    }
}

pub(crate) fn limit_timeout(timeout: Duration) -> Duration {
    timeout.min(TIMEOUT_LIMIT)
}

/// Fills the places of a template, in order.
fn render_path(route: &'static str, ids: &[&str]) -> (String, Option<String>) {
    let mut path = String::with_capacity(route.len() + 16);
    let mut problem = None;
    let mut ids = ids.iter();
    for part in route.split('/').skip(1) {
        path.push('/');
        let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
            path.push_str(part);
            continue;
        };
        match ids.next().copied() {
            None | Some("") => problem = Some(format!("{name} is empty")),
            // These would name another path, whether they are encoded or not.
            Some("." | "..") => problem = Some(format!("{name} is not an id")),
            Some(id) => path.extend(utf8_percent_encode(id, ESCAPED)),
        }
    }
    (path, problem)
}

/// An id as a part of a path.
pub(crate) fn escaped(id: &str) -> String {
    utf8_percent_encode(id, ESCAPED).to_string()
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        return Err("a path begins with /");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\')) {
        return Err("a path is percent-encoded and has neither ? nor #; a query goes into `query`");
    }
    let is_bad = |part: &str| {
        let part = part.to_ascii_lowercase().replace("%2e", ".");
        part.is_empty() || part == "." || part == ".."
    };
    if path.split('/').skip(1).any(is_bad) {
        return Err("a path has no empty part, and no part that is . or ..");
    }
    Ok(())
}

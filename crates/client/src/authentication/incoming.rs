//! The request that is authenticated.

use std::fmt;

/// A request that somebody made to your application: its method, its URL, its headers.
///
/// ```
/// use verger_client::IncomingRequest;
///
/// let request = IncomingRequest::new("GET", "https://shop.example.com/orders?page=2")
///     .header("authorization", "Bearer eyJ…")
///     .header("accept", "application/json");
/// # let _ = request;
/// ```
///
/// Where only the path is known, as behind most servers, take `http` and the header `Host`: `X-Forwarded-Proto` and
/// `X-Forwarded-Host` are read here, and so must come from a proxy of your own, or not at all.
#[derive(Clone)]
pub struct IncomingRequest {
    method: String,
    url: String,
    /// Names in lower case, in the order in which they came.
    headers: Vec<(String, String)>,
}

impl fmt::Debug for IncomingRequest {
    /// Neither URL nor headers: tokens stand in both.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

impl IncomingRequest {
    /// A request with this method and absolute URL, without headers.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new() }
    }

    /// Adds a header. The same name may be added again.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    pub(crate) fn is_get(&self) -> bool {
        self.method.eq_ignore_ascii_case("GET")
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a header, as one; an empty one is none. `name` is in lower case.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let values: Vec<&str> =
            self.headers().filter(|(other, _)| *other == name).map(|(_, value)| value).collect();
        // What a list of cookies is joined with differs from all others.
        let value = values.join(if name == "cookie" { "; " } else { ", " });
        (!value.is_empty()).then_some(value)
    }
}

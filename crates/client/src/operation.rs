//! What an operation is, and the methods of HTTP.

use std::fmt;

/// An HTTP method of the API.
///
/// ```
/// # use verger_client::Method;
/// assert_eq!(Method::Patch.as_str(), "PATCH");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads, and changes nothing: sent again after any failure.
    Get,
    /// Creates an object, or acts on one.
    Post,
    /// Replaces an object, or a part of it, as a whole.
    Put,
    /// Changes the fields that are given.
    Patch,
    /// Deletes an object, or takes a part of it away.
    Delete,
}

impl Method {
    /// The method as it is on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    pub(crate) fn to_http(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Put => http::Method::PUT,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A documented operation: a row of [`operations`](crate::operations).
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    /// The template of the path.
    pub(crate) route: &'static str,
    /// Writes get an `Idempotency-Key`, and so may be sent again. False where the service acts anew each time.
    pub(crate) takes_idempotency_key: bool,
}

/// Makes a row of each line, and the list of all. A write without `Idempotency-Key` says so.
macro_rules! operations {
    ($($name:ident = $id:literal, $method:ident $route:literal $(, $without_key:ident)?;)*) => {
        $(pub(crate) static $name: $crate::operation::Operation = $crate::operation::Operation {
            id: $id,
            method: $crate::operation::Method::$method,
            route: $route,
            takes_idempotency_key: stringify!($($without_key)?).is_empty(),
        };)*

        /// All of them, in the order above.
        pub(crate) static ALL: &[&$crate::operation::Operation] = &[$(&$name),*];
    };
}

pub(crate) use operations;

/// What a raw request counts as: its path is the caller's and may have anything in it.
pub(crate) const RAW: &str = "request";

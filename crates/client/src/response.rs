//! An answer, with what came besides the object.

use crate::error::{Error, Kind, describe};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use std::fmt;

/// A success: the object, and what the headers say about it.
///
/// ```
/// # use verger_client::testing::{Answer, MockTransport};
/// # use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), verger_client::Error> {
/// # let mock = MockTransport::new();
/// # mock.push(Answer::json(200, json!({"user_id": "user_1"})).header("verger-consequences", "mfa_disabled"));
/// # let client = mock.client();
/// let response = client.users().disable_user_mfa("user_1").response().await?;
/// assert_eq!(response.value().user_id, "user_1");
/// assert_eq!(response.consequences().collect::<Vec<_>>(), ["mfa_disabled"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response<T> {
    value: T,
    head: Head,
}

#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) attempts: u32,
    pub(crate) idempotency_key: Option<String>,
    /// Method and template of the path; errors name it.
    pub(crate) operation: String,
}

/// A success that is not read yet.
pub(crate) struct Undecoded<B = Bytes> {
    pub(crate) head: Head,
    pub(crate) body: B,
}

impl Undecoded {
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<Response<T>, Error> {
        let Self { head, body } = self;
        // No content reads as null.
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        match serde_json::from_slice(text) {
            Ok(value) => Ok(Response { value, head }),
            Err(error) => {
                let kind = Kind::Decode {
                    status: head.status,
                    trace_id: head.text("x-clerk-trace-id").map(str::to_owned),
                    why: describe(&error),
                };
                Err(Error::new(kind).of_call(&head.operation, head.attempts, head.idempotency_key.as_deref()))
            }
        }
    }
}

impl Head {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl<T> Response<T> {
    /// What the service answered, decoded.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What the service answered, decoded, without what came besides.
    pub fn into_value(self) -> T {
        self.value
    }

    /// The HTTP status, from 200 to 299.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// A header of the answer, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.text(name)
    }

    /// The version of the object, for [`if_match`](crate::Request::if_match). Verger only.
    pub fn etag(&self) -> Option<&str> {
        self.header("etag")
    }

    /// The id under which the service has this request in its log.
    pub fn trace_id(&self) -> Option<&str> {
        self.header("x-clerk-trace-id")
    }

    /// The API version that the service used.
    pub fn api_version(&self) -> Option<&str> {
        self.header("clerk-api-version")
    }

    /// What happened besides what the request named, for example `mfa_disabled`. Verger only.
    pub fn consequences(&self) -> impl Iterator<Item = &str> {
        let text = self.header("verger-consequences").unwrap_or_default();
        text.split(',').map(str::trim).filter(|code| !code.is_empty())
    }

    /// Nothing was stored: it was a [dry run](crate::Request::dry_run), and the service knew what that is.
    pub fn is_dry_run(&self) -> bool {
        self.header("preference-applied").is_some_and(|applied| applied.eq_ignore_ascii_case("dry-run"))
    }

    /// It is the first answer again to a request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// How often the request was sent.
    pub fn attempts(&self) -> u32 {
        self.head.attempts
    }

    /// The `Idempotency-Key` that it carried.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.head.idempotency_key.as_deref()
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.head.status)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}

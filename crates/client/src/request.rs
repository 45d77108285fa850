//! A request as a value: built, looked at, sent now or later.

use crate::call::{Call, Idempotency, limit_timeout};
use crate::error::{Error, describe};
use crate::feed::EventStream;
use crate::operation::{Method, Operation};
use crate::response::Response;
use crate::send::Inner;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Headers that the client alone sets.
const OWN_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
];

/// How requests of [`Client`](crate::Client) are sent: with `.await`.
#[derive(Clone, Debug)]
pub struct Async(());

impl Async {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

/// A request that is not sent yet. `.await` (or `send().await`) sends it; a clone can be sent again.
///
/// `T` is what the answer is read as, `R` how it is sent: [`Async`], or `blocking::Blocking`. A mistake in what it
/// was built from, such as an empty id, is told when it is sent, before anything leaves the process.
///
/// Each sending of a write gets an `Idempotency-Key` of its own, which all of its retries carry; the few methods whose
/// writes get none say so.
///
/// ```
/// # use verger_client::{Method, UpdatePhoneNumberParams, testing::{Answer, MockTransport}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let mock = MockTransport::new();
/// # mock.push(Answer::error(404, "resource_not_found", None));
/// # let client = mock.client();
/// let params = UpdatePhoneNumberParams::new().verified(false);
/// let request = client.phone_numbers().update_phone_number("idn_1", params);
/// assert_eq!(request.method(), Method::Patch);
/// assert_eq!(request.path(), "/v1/phone_numbers/idn_1");
/// assert_eq!(request.body(), Some(r#"{"verified":false}"#));
/// let answer = request.idempotency_key("order-17").dry_run().await;
/// assert!(answer.unwrap_err().is_not_found());
/// # }
/// ```
#[must_use = "a request does nothing before it is sent"]
pub struct Request<T, R = Async> {
    client: Arc<Inner>,
    pub(crate) run: R,
    call: Call,
    output: PhantomData<fn() -> T>,
}

impl<T, R: Clone> Clone for Request<T, R> {
    fn clone(&self) -> Self {
        Self {
            client: Arc::clone(&self.client),
            run: self.run.clone(),
            call: self.call.clone(),
            output: PhantomData,
        }
    }
}

impl<T, R> fmt::Debug for Request<T, R> {
    /// Neither path nor query nor body: they may have numbers and codes in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.call.operation)
            .field("method", &self.call.method)
            .field("route", &self.call.route)
            .finish_non_exhaustive()
    }
}

impl<T, R> Request<T, R> {
    pub(crate) fn new(client: Arc<Inner>, run: R, operation: &'static Operation, ids: &[&str]) -> Self {
        Self { client, run, call: Call::of(operation, ids), output: PhantomData }
    }

    pub(crate) fn raw(client: Arc<Inner>, run: R, method: Method, path: &str) -> Self {
        Self { client, run, call: Call::raw(method, path), output: PhantomData }
    }

    /// The documented name of the operation, for example `UpdatePhoneNumber`; `request` for a raw one.
    pub fn operation(&self) -> &'static str {
        self.call.operation
    }

    /// The HTTP method that it will be sent with.
    pub fn method(&self) -> Method {
        self.call.method
    }

    /// The template of the path, for example `/v1/phone_numbers/{phone_number_id}`: without anything of anybody, so that it
    /// can be logged or counted. `request` for a raw one.
    pub fn route(&self) -> &'static str {
        self.call.route
    }

    /// The path, percent-encoded.
    pub fn path(&self) -> &str {
        &self.call.path
    }

    /// The query, encoded, without the question mark; empty if there is none.
    pub fn query_string(&self) -> &str {
        &self.call.query
    }

    /// The body as it will be sent, JSON; `None` if there is none.
    pub fn body(&self) -> Option<&str> {
        self.call.body.as_deref().and_then(|body| std::str::from_utf8(body).ok())
    }

    /// The `Idempotency-Key` that was chosen with [`idempotency_key`](Self::idempotency_key). One that the client adds by
    /// itself is made when the request is sent.
    pub fn chosen_idempotency_key(&self) -> Option<&str> {
        match &self.call.idempotency {
            Idempotency::Key(key) => key.to_str().ok(),
            Idempotency::Automatic | Idempotency::None => None,
        }
    }

    /// The service applies requests with the same key and body once and gives the first answer again (Verger: for at least
    /// 24 hours). Choose one to make sending the same request from two processes, or after a restart, safe: 1 to 255
    /// visible ASCII characters.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        let is_good = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        match HeaderValue::from_str(key) {
            Ok(value) if is_good => self.call.idempotency = Idempotency::Key(value),
            _ => self.refuse("an idempotency key has 1 to 255 visible ASCII characters"),
        }
        self
    }

    /// Sends no `Idempotency-Key`. A write is then repeated only if no connection could be made.
    pub fn without_idempotency_key(mut self) -> Self {
        self.call.idempotency = Idempotency::None;
        self
    }

    /// Refuses the write with 412 ([`Error::is_precondition_failed`]) unless the object still has this entity tag, which
    /// comes from [`Response::etag`]; `*` stands for any. Verger only: other services ignore it.
    pub fn if_match(self, etag: &str) -> Self {
        self.put_header(header::IF_MATCH, etag, "an entity tag")
    }

    /// The service decides and answers as if the request were real, with its consequences
    /// ([`Response::consequences`]), but stores nothing.
    ///
    /// Verger only: **a service that does not know `Prefer: dry-run` does what the request says.** Whether it was a dry
    /// run is told by [`Response::is_dry_run`].
    pub fn dry_run(self) -> Self {
        self.put_header(HeaderName::from_static("prefer"), "dry-run", "a preference")
    }

    /// How long this call may take with all its attempts and delays, instead of the client's total time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if timeout.is_zero() {
            self.refuse("the timeout is 0: nothing could ever be sent");
        }
        self.call.timeout = Some(limit_timeout(timeout));
        self
    }

    /// Adds a header. Those that the client sets by itself, such as `Authorization`, are refused.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match name.parse::<HeaderName>() {
            Ok(name) if OWN_HEADERS.contains(&name) => {
                self.refuse(&format!("the client sets the header {name} by itself"));
                self
            }
            Ok(name) if name == "idempotency-key" => self.idempotency_key(value),
            Ok(name) => self.put_header(name, value, "a header"),
            Err(_) => {
                self.refuse("a header has a name that no header can have");
                self
            }
        }
    }

    fn put_header(mut self, name: HeaderName, value: &str, what: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.call.headers.retain(|(other, _)| *other != name);
                self.call.headers.push((name, value));
            }
            Err(_) => self.refuse(&format!("{what} has a character that a header cannot have")),
        }
        self
    }

    /// Adds a parameter to the query; both are encoded here, as forms are (`application/x-www-form-urlencoded`). The same
    /// name may be added again for a list.
    ///
    /// ```
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// # use verger_client::Method;
    /// let request = client.request(Method::Get, "/v1/users").query("phone_number", "+12025550100");
    /// assert_eq!(request.query_string(), "phone_number=%2B12025550100");
    /// ```
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let query = std::mem::take(&mut self.call.query);
        self.call.query = form_urlencoded::Serializer::new(query).append_pair(name, value).finish();
        self
    }

    /// Adds to the query what is given of `params`, in the order of its fields; a list as often as it has entries.
    pub(crate) fn params<P: Serialize>(mut self, params: &P) -> Self {
        let Ok(Value::Object(fields)) = serde_json::to_value(params) else {
            self.refuse("the parameters cannot be written as a query");
            return self;
        };
        let mut query = form_urlencoded::Serializer::new(std::mem::take(&mut self.call.query));
        for (name, value) in fields {
            match value {
                Value::Null => {}
                Value::Array(values) => {
                    query.extend_pairs(values.iter().map(|value| (&name, text(value))));
                }
                value => {
                    query.append_pair(&name, &text(&value));
                }
            }
        }
        self.call.query = query.finish();
        self
    }

    /// Sends `body` as JSON, in place of a body that is there already.
    pub fn json<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.call.body = Some(Bytes::from(bytes)),
            Err(error) => self.refuse(&format!("the body cannot be written as JSON: {}", describe(&error))),
        }
        self
    }

    /// Reads the answer as another type.
    ///
    /// ```
    /// # use verger_client::{Method, User};
    /// # let client = verger_client::testing::MockTransport::new().client();
    /// let request = client.request(Method::Get, "/v1/users/user_1").decode::<User>();
    /// assert_eq!(request.path(), "/v1/users/user_1");
    /// ```
    pub fn decode<U: DeserializeOwned>(self) -> Request<U, R> {
        Request { client: self.client, run: self.run, call: self.call, output: PhantomData }
    }

    /// The first problem counts.
    fn refuse(&mut self, why: &str) {
        self.call.problem.get_or_insert_with(|| why.to_owned());
    }
}

impl<T: DeserializeOwned + Send + 'static, R> Request<T, R> {
    /// Sends it; with what came besides the object.
    pub(crate) fn start(self) -> Sending<Response<T>> {
        let Self { client, call, .. } = self;
        Sending::new(async move { client.send(call).await?.decode() })
    }
}

impl<T: DeserializeOwned + Send + 'static> Request<T, Async> {
    /// Sends it. The same as `.await` on the request.
    ///
    /// # Errors
    /// Whatever [`Error`] tells of.
    pub fn send(self) -> Sending<T> {
        let sending = self.start();
        Sending::new(async move { Ok(sending.await?.into_value()) })
    }

    /// Sends it, and gives what the answer says besides the object: entity tag, trace id, consequences.
    ///
    /// # Errors
    /// Whatever [`Error`] tells of.
    ///
    /// ```
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), verger_client::Error> {
    /// # let mock = MockTransport::new();
    /// # let number = json!({"id": "idn_1", "phone_number": "+12025550100", "created_at": 1, "updated_at": 1});
    /// # mock.push(Answer::json(200, number.clone()).header("etag", "\"3\""));
    /// # mock.push(Answer::json(200, number));
    /// # let client = mock.client();
    /// let read = client.phone_numbers().get_phone_number("idn_1").response().await?;
    /// if let Some(etag) = read.etag() {
    ///     client.phone_numbers().update_phone_number("idn_1", Default::default()).if_match(etag).await?;
    /// }
    /// # assert_eq!(mock.requests()[1].header("if-match"), Some("\"3\""));
    /// # Ok(())
    /// # }
    /// ```
    pub fn response(self) -> Sending<Response<T>> {
        self.start()
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for Request<T, Async> {
    type Output = Result<T, Error>;
    type IntoFuture = Sending<T>;

    fn into_future(self) -> Sending<T> {
        self.send()
    }
}

impl<R> Request<EventStream, R> {
    /// Sends it, and waits for the beginning of the answer.
    pub(crate) fn open(self) -> Sending<EventStream> {
        let Self { client, call, .. } = self;
        Sending::new(client.follow(call))
    }
}

impl Request<EventStream, Async> {
    /// Sends it. The same as `.await` on the request.
    ///
    /// # Errors
    /// Those of [`follow_events`](crate::Events::follow_events).
    pub fn send(self) -> Sending<EventStream> {
        self.open()
    }
}

impl IntoFuture for Request<EventStream, Async> {
    type Output = Result<EventStream, Error>;
    type IntoFuture = Sending<EventStream>;

    fn into_future(self) -> Sending<EventStream> {
        self.open()
    }
}

/// A request on its way. Dropping it gives up waiting; a write may be applied all the same.
#[must_use = "a future does nothing before it is awaited"]
pub struct Sending<T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>);

impl<T> Sending<T> {
    pub(crate) fn new(work: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        Self(Box::pin(work))
    }
}

impl<T> Future for Sending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Sending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

/// A value of a query: a text as it is, anything else as JSON writes it.
fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(value.to_string()),
    }
}

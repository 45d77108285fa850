//! A service that answers from a queue.

use crate::exchange::{Failure, Incoming, Outgoing};
use crate::operation::Method;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Answers requests from a queue, and remembers them. Clones are the same mock.
#[derive(Clone, Default)]
pub struct MockTransport {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    requests: Vec<SentRequest>,
}

impl fmt::Debug for MockTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MockTransport")
    }
}

impl MockTransport {
    /// A mock without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer to the end of the queue. A request that finds none fails as if there were no connection.
    pub fn push(&self, answer: Answer) {
        self.state().answers.push_back(answer);
    }

    /// Every request so far, each attempt for itself, oldest first.
    pub fn requests(&self) -> Vec<SentRequest> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn answer(
        &self,
        outgoing: &Outgoing,
        success_bytes_max: usize,
        error_bytes_max: usize,
    ) -> Result<Incoming, Failure> {
        let answer = {
            let mut state = self.state();
            state.requests.push(SentRequest {
                method: outgoing.method,
                path: outgoing.uri.path().to_owned(),
                query: outgoing.uri.query().unwrap_or_default().to_owned(),
                headers: outgoing.headers.clone(),
                body: outgoing.body.clone(),
            });
            state.answers.pop_front()
        };
        let Some(answer) = answer else {
            return Err(Failure::Connect("the mock has no answer left: push one for each request".into()));
        };
        match answer.kind {
            AnswerKind::NoConnection => Err(Failure::Connect("the mock refuses the connection".into())),
            AnswerKind::Interruption => Err(Failure::Interrupted("the mock breaks the connection".into())),
            AnswerKind::Silence => std::future::pending().await,
            AnswerKind::Whole { status, headers, body } => {
                let bytes_max =
                    if (200..300).contains(&status) { success_bytes_max } else { error_bytes_max };
                Ok(Incoming { status, headers, body: (body.len() <= bytes_max).then_some(body) })
            }
        }
    }
}

/// What a [`MockTransport`] answers.
///
/// ```
/// # use verger_client::testing::Answer;
/// let taken = Answer::error(422, "form_identifier_exists", Some("phone_number"));
/// let page = Answer::text(502, "text/html", "<h1>Bad gateway</h1>").header("retry-after", "1");
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    kind: AnswerKind,
}

#[derive(Clone, Debug)]
enum AnswerKind {
    Whole { status: u16, headers: HeaderMap, body: Bytes },
    NoConnection,
    Interruption,
    Silence,
}

impl Answer {
    /// An answer with this body, as `application/json`.
    pub fn json(status: u16, body: Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    /// An error as the service tells it; `param` is the field to blame.
    pub fn error(status: u16, code: &str, param: Option<&str>) -> Self {
        let mut error = json!({ "message": code, "long_message": code, "code": code });
        if let Some(param) = param {
            error["meta"] = json!({ "param_name": param });
        }
        Self::json(status, json!({ "errors": [error], "clerk_trace_id": "0".repeat(32) }))
    }

    /// An answer with this text as its body, whatever it is, and this `Content-Type`.
    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self::bytes(status, body).header("content-type", content_type)
    }

    /// Any answer, of any bytes, without a content type.
    pub fn bytes(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = Bytes::from(body.into());
        Self { kind: AnswerKind::Whole { status, headers: HeaderMap::new(), body } }
    }

    /// No connection can be made: nothing is sent.
    pub fn no_connection() -> Self {
        Self { kind: AnswerKind::NoConnection }
    }

    /// The connection breaks after the request was sent.
    pub fn interruption() -> Self {
        Self { kind: AnswerKind::Interruption }
    }

    /// No answer ever comes: the call ends when its time is over.
    pub fn silence() -> Self {
        Self { kind: AnswerKind::Silence }
    }

    /// Adds a header.
    ///
    /// # Panics
    /// If the name or the value cannot be a header's.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that is written wrongly should stop where it is wrong")]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let AnswerKind::Whole { headers, .. } = &mut self.kind {
            match (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
                (Ok(name), Ok(value)) => headers.insert(name, value),
                _ => panic!("{name:?}: {value:?} cannot be a header"),
            };
        }
        self
    }
}

/// A request that a [`MockTransport`] was sent.
#[derive(Clone)]
pub struct SentRequest {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl SentRequest {
    /// The HTTP method that it was sent with.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path, percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, percent-encoded, without the question mark.
    pub fn query_string(&self) -> &str {
        &self.query
    }

    /// A header of the request, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body; null if there was none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

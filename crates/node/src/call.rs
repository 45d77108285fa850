//! From the name of an operation to the request of the Rust SDK.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use verger_client::{ApiError, Client, Error, Request};

/// A call as JavaScript asks for it.
#[derive(Deserialize)]
pub(crate) struct Call<'a> {
    /// What its answer is told under.
    pub(crate) number: u32,
    operation: &'a str,
    /// What stands in the path, in order.
    #[serde(borrow, default)]
    ids: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Sent as it is: the service says what is wrong with it.
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// As much of a call as is needed to answer it.
#[derive(Deserialize)]
pub(crate) struct Numbered {
    pub(crate) number: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    message: String,
    kind: &'static str,
    status: Option<u16>,
    errors: &'a [ApiError],
    trace_id: Option<&'a str>,
    retry_after_seconds: Option<u64>,
    attempts: u32,
}

type Answer = Request<Box<RawValue>>;

impl Call<'_> {
    /// The request, or why there is none.
    pub(crate) fn request(&self, client: &Client) -> Result<Answer, String> {
        let ids: Vec<&str> = self.ids.iter().map(AsRef::as_ref).collect();
        let request = client
            .operation(self.operation, &ids)
            .ok_or_else(|| format!("there is no operation {:?} with {} ids", self.operation, ids.len()))?;
        let mut request = match self.body {
            Some(body) => request.json(body),
            None => request,
        };
        for (name, value) in &self.query {
            request = request.query(name, value);
        }
        Ok(request.decode())
    }
}

/// What goes back over the border.
pub(crate) fn outcome(result: Result<Box<RawValue>, Error>) -> String {
    match result {
        Ok(answer) => format!("{{\"ok\":{}}}", answer.get()),
        Err(error) => failed(&Failure {
            message: error.to_string(),
            kind: kind(&error),
            status: error.status(),
            errors: error.errors(),
            trace_id: error.trace_id(),
            retry_after_seconds: error.retry_after().map(|wait| wait.as_secs()),
            attempts: error.attempts(),
        }),
    }
}

/// A failure that no answer told of.
pub(crate) fn broken(message: String) -> String {
    failed(&Failure {
        message,
        kind: "refused",
        status: None,
        errors: &[],
        trace_id: None,
        retry_after_seconds: None,
        attempts: 0,
    })
}

fn failed(failure: &Failure<'_>) -> String {
    serde_json::to_string(failure).map_or_else(
        |_| r#"{"error":{"message":"an error that cannot be told","kind":"refused","errors":[]}}"#.to_owned(),
        |error| format!("{{\"error\":{error}}}"),
    )
}

fn kind(error: &Error) -> &'static str {
    match error {
        error if error.is_refused() => "refused",
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "connect",
        error if error.is_interrupted() => "interrupted",
        error if error.is_decode() => "decode",
        _ => "api",
    }
}

//! What can go wrong with a call.

use crate::error_code::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a call failed.
///
/// Opaque: ask it with its methods. Its texts (`Display` and `Debug`) say what happened and what to do next, and are safe
/// to log: they have neither the secret key, nor codes, nor phone numbers, nor email addresses in them. What the service
/// said, word for word, is in [`errors`](Self::errors).
///
/// ```
/// # use verger_client::testing::{Answer, MockTransport};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mock = MockTransport::new();
/// mock.push(Answer::error(422, "form_identifier_exists", Some("phone_number")));
/// let error = mock.client().phone_numbers().get_phone_number("idn_1").await.unwrap_err();
/// assert_eq!(error.status(), Some(422));
/// assert_eq!(error.code(), Some("form_identifier_exists"));
/// assert_eq!(error.param(), Some("phone_number"));
/// assert!(!error.is_retryable());
/// # }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    /// `PATCH /v1/phone_numbers/{phone_number_id}`: the template, since a path may have anything in it.
    operation: Option<String>,
    attempts: u32,
    idempotency_key: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// One kind for each thing that a caller may want to tell apart.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Never sent: the request or the client's configuration is wrong.
    Refused(String),
    /// The service answered with an error.
    Api(ApiFailure),
    /// No answer within the attempt's limit or the call's.
    Timeout { limit: Duration },
    /// No connection: nothing was sent.
    Connect,
    /// The connection broke before the answer was complete.
    Interrupted,
    /// The answer is larger than the client accepts.
    TooLarge { status: u16, limit_bytes: usize },
    /// A success that cannot be understood.
    Decode { status: u16, trace_id: Option<String>, why: String },
}

#[derive(Clone, Debug)]
pub(crate) struct ApiFailure {
    pub(crate) status: u16,
    pub(crate) errors: Vec<ApiError>,
    pub(crate) trace_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// One thing that the service found wrong.
///
/// `Debug` leaves out what may be a number, a code or a key.
///
/// ```
/// # use verger_client::ApiError;
/// let text = r#"{"code":"form_param_missing","message":"is missing","meta":{"param_name":"user_id"}}"#;
/// let error: ApiError = serde_json::from_str(text)?;
/// assert_eq!((error.code.as_str(), error.param()), ("form_param_missing", Some("user_id")));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiError {
    /// For programs.
    pub code: String,
    /// Short, for people; the service's own words, which may repeat what was sent.
    #[serde(default, deserialize_with = "crate::model::tolerant::or_default")]
    pub message: String,
    /// Longer, for people; the service's own words.
    #[serde(default, deserialize_with = "crate::model::tolerant::or_default")]
    pub long_message: String,
    /// Facts for programs, such as `param_name`.
    #[serde(
        default,
        deserialize_with = "crate::model::tolerant::or_default",
        skip_serializing_if = "Map::is_empty"
    )]
    pub meta: Map<String, Value>,
}

impl ApiError {
    /// The code as one of those that a Verger server has; others are kept as they came.
    ///
    /// ```
    /// # use verger_client::{ApiError, ErrorCode};
    /// let error: ApiError = serde_json::from_str(r#"{"code":"form_param_missing"}"#)?;
    /// assert_eq!(error.error_code(), ErrorCode::FormParamMissing);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn error_code(&self) -> ErrorCode {
        ErrorCode::from(self.code.as_str())
    }

    /// The field that is to blame, if one is.
    pub fn param(&self) -> Option<&str> {
        self.meta.get("param_name").and_then(Value::as_str)
    }

    /// The longer words, which say what would be right; the short ones where there are no others.
    fn words(&self) -> &str {
        if self.long_message.trim().is_empty() { self.message.trim() } else { self.long_message.trim() }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("code", &redact(&self.code))
            .field("message", &redact(self.words()))
            .field("param", &self.param().map(redact))
            .finish_non_exhaustive()
    }
}

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Arc::new(Inner { kind, operation: None, attempts: 0, idempotency_key: None, source: None }))
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::new(Kind::Refused(why.into()))
    }

    pub(crate) fn caused_by(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            operation: None,
            attempts: 0,
            idempotency_key: None,
            source: Some(source.into()),
        }))
    }

    /// Adds what only the one who sent it knows. An error that is shared already is left as it is.
    pub(crate) fn of_call(mut self, operation: &str, attempts: u32, idempotency_key: Option<&str>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.operation = Some(operation.to_owned());
            inner.attempts = attempts;
            inner.idempotency_key = idempotency_key.map(str::to_owned);
        }
        self
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    fn api(&self) -> Option<&ApiFailure> {
        match &self.0.kind {
            Kind::Api(failure) => Some(failure),
            _ => None,
        }
    }

    /// The HTTP status of the last answer; `None` if there was none.
    pub fn status(&self) -> Option<u16> {
        match &self.0.kind {
            Kind::Api(failure) => Some(failure.status),
            Kind::TooLarge { status, .. } | Kind::Decode { status, .. } => Some(*status),
            Kind::Refused(_) | Kind::Timeout { .. } | Kind::Connect | Kind::Interrupted => None,
        }
    }

    /// Everything that the service found wrong; more than one where several fields were bad, empty if it did not say in a
    /// form that can be read.
    pub fn errors(&self) -> &[ApiError] {
        self.api().map_or(&[], |failure| &failure.errors)
    }

    /// The code of the first of [`errors`](Self::errors), for example `form_identifier_exists`.
    pub fn code(&self) -> Option<&str> {
        self.errors().first().map(|error| error.code.as_str())
    }

    /// The code of the first of [`errors`](Self::errors), as one of those that a Verger server has.
    ///
    /// ```
    /// # use verger_client::ErrorCode;
    /// # use verger_client::testing::{Answer, MockTransport};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mock = MockTransport::new();
    /// mock.push(Answer::error(422, "form_identifier_exists", Some("phone_number")));
    /// let error = mock.client().phone_numbers().get_phone_number("idn_1").await.unwrap_err();
    /// assert_eq!(error.error_code(), Some(ErrorCode::FormIdentifierExists));
    /// # }
    /// ```
    pub fn error_code(&self) -> Option<ErrorCode> {
        self.errors().first().map(ApiError::error_code)
    }

    /// The field that the first of [`errors`](Self::errors) blames.
    pub fn param(&self) -> Option<&str> {
        self.errors().first().and_then(ApiError::param)
    }

    /// The id under which the service has this request in its log.
    pub fn trace_id(&self) -> Option<&str> {
        match &self.0.kind {
            Kind::Api(failure) => failure.trace_id.as_deref(),
            Kind::Decode { trace_id, .. } => trace_id.as_deref(),
            _ => None,
        }
    }

    /// How long the service asks to wait before the next try; whole seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.api().and_then(|failure| failure.retry_after)
    }

    /// How often the request was sent; 0 if never.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The `Idempotency-Key` that the request carried. After a failure that leaves open whether a write was applied
    /// ([`is_timeout`](Self::is_timeout), [`is_interrupted`](Self::is_interrupted)), the same request with the
    /// same key is applied once, however often it is sent.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }

    /// The request or the configuration was wrong, and nothing was sent.
    pub fn is_refused(&self) -> bool {
        matches!(self.0.kind, Kind::Refused(_))
    }

    /// 401: the secret key is missing, wrong or revoked.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// 404: there is no such object in the instance that the key belongs to.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// The phone number, email address, username or external id is taken (`form_identifier_exists`).
    pub fn is_taken(&self) -> bool {
        self.errors().iter().any(|error| error.code == "form_identifier_exists")
    }

    /// 412: the object changed since its entity tag was read.
    pub fn is_precondition_failed(&self) -> bool {
        self.status() == Some(412)
    }

    /// 429: too many requests; see [`retry_after`](Self::retry_after).
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(429)
    }

    /// 5xx: the service's own fault.
    pub fn is_server_error(&self) -> bool {
        self.status().is_some_and(|status| status >= 500)
    }

    /// Time ran out. Whether a write was applied is not known.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::Timeout { .. })
    }

    /// No connection could be made. Nothing was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect)
    }

    /// The connection broke before the answer was complete. Whether a write was applied is not known.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.0.kind, Kind::Interrupted)
    }

    /// The service accepted the request, but its answer could not be understood or is too large.
    pub fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode { .. } | Kind::TooLarge { .. })
    }

    /// The same request may succeed later: no connection, no time, 429, 500, 502, 503 or 504.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            Kind::Timeout { .. } | Kind::Connect | Kind::Interrupted => true,
            Kind::Api(failure) => matches!(failure.status, 429 | 500 | 502 | 503 | 504),
            Kind::Refused(_) | Kind::TooLarge { .. } | Kind::Decode { .. } => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = &self.0.operation {
            write!(f, "{operation}: ")?;
        }
        match &self.0.kind {
            Kind::Refused(why) => return write!(f, "not sent: {why}"),
            Kind::Api(failure) => write_api(f, failure)?,
            Kind::Timeout { limit } => write!(
                f,
                "no answer within {limit:?}. Whether a write was applied is not known: read the object, or send the \
                 request again with the same idempotency key"
            )?,
            Kind::Connect => {
                f.write_str("no connection; nothing was sent. Check the base URL, and that the service runs")?;
            }
            Kind::Interrupted => f.write_str(
                "the connection broke before the answer was complete. Whether a write was applied is not known: read the \
                 object, or send the request again with the same idempotency key",
            )?,
            Kind::TooLarge { status, limit_bytes } => write!(
                f,
                "the answer ({status}) has more than {limit_bytes} bytes. Ask for a smaller page, or raise \
                 `max_response_bytes`"
            )?,
            Kind::Decode { status, why, .. } => write!(
                f,
                "the service accepted the request ({status}), but its answer could not be understood: {why}. Check \
                 that the base URL leads to the Backend API, and whether there is a newer version of this client"
            )?,
        }
        if self.0.attempts > 1 {
            write!(f, "; sent {} times", self.0.attempts)?;
        }
        if let Some(trace_id) = self.trace_id() {
            write!(f, "; trace id {}", redact_key(trace_id))?;
        }
        Ok(())
    }
}

fn write_api(f: &mut fmt::Formatter<'_>, failure: &ApiFailure) -> fmt::Result {
    write!(f, "{}", failure.status)?;
    for (at, error) in failure.errors.iter().take(ERRORS_SHOWN_MAX).enumerate() {
        f.write_str(if at == 0 { " " } else { ", " })?;
        f.write_str(&redact(&error.code))?;
        if let Some(param) = error.param() {
            write!(f, " ({})", redact(param))?;
        }
        let words = error.words();
        if !words.is_empty() {
            // The advice behind it begins with a full stop.
            write!(f, ": {}", redact(words).trim_end_matches('.'))?;
        }
    }
    if failure.errors.is_empty() {
        f.write_str(", without an error that could be read")?;
    }
    let is_taken = failure.errors.iter().any(|error| error.code == "form_identifier_exists");
    f.write_str(match failure.status {
        401 => ". Check the secret key, and that it belongs to this service",
        403 => ". The instance does not allow this",
        404 => ". Check the id; what belongs to another instance is not found either",
        412 => ". The object has changed: read it again and decide again",
        422 if is_taken => ". Find the user who has it, or take another",
        429 => ". Wait before the next try",
        500..=599 => ". It may pass: try again later",
        300..=399 => ". Check the base URL: this client does not follow redirects",
        _ => ". Correct the request: the same one will be refused again",
    })?;
    if let Some(wait) = failure.retry_after {
        write!(f, " (after {} s)", wait.as_secs())?;
    }
    Ok(())
}

const ERRORS_SHOWN_MAX: usize = 5;

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self}")?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, "; caused by: {}", redact(&cause.to_string()))?;
            source = cause.source();
        }
        f.write_str(")")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

const TEXT_CHARACTERS_MAX: usize = 300;
const DIGITS_SHOWN_MAX: usize = 3;
const HIDDEN: &str = "[hidden]";

/// A text of others without what may be a phone number, a code, an email address or a key, and not too long.
pub(crate) fn redact(text: &str) -> String {
    let shortened = match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => &text[..end],
        None => text,
    };
    let mut words = String::with_capacity(shortened.len());
    for word in shortened.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if bare.contains('@') {
            words.push_str(HIDDEN);
            words.push_str(&word[bare.len()..]);
        } else {
            words.push_str(&redact_key(word));
        }
    }
    hide_digits(&words)
}

/// Hides what looks like a secret key (`sk_…`), up to the end of its word.
pub(crate) fn redact_key(text: &str) -> String {
    match text.find("sk_") {
        Some(at) => format!("{}{HIDDEN}{}", &text[..at], if text.ends_with(' ') { " " } else { "" }),
        None => text.to_owned(),
    }
}

/// Hides every run of digits, with the separators that people put between them, that has more than a few digits.
fn hide_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        let digits = run.chars().filter(|character| character.is_numeric()).count();
        if digits > DIGITS_SHOWN_MAX {
            out.push_str(HIDDEN);
            // The separators after the last digit belong to the text.
            let end = run.rfind(char::is_numeric).unwrap_or(0);
            out.extend(run[end..].chars().skip(1));
        } else {
            out.push_str(run);
        }
        run.clear();
    };
    for character in text.chars() {
        let is_separator = matches!(character, '+' | '-' | '.' | '(' | ')' | ' ');
        if character.is_numeric() || is_separator && (!run.is_empty() || character != ' ') {
            run.push(character);
        } else {
            flush(&mut run, &mut out);
            out.push(character);
        }
    }
    flush(&mut run, &mut out);
    out
}

/// The body of an error, as far as it can be read: it may be HTML, empty or cut off.
pub(crate) fn read_errors(body: &[u8]) -> (Vec<ApiError>, Option<String>) {
    const ERRORS_MAX: usize = 100;
    let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(body) else {
        return (Vec::new(), None);
    };
    let errors = match body.remove("errors") {
        Some(Value::Array(items)) => items
            .into_iter()
            .take(ERRORS_MAX)
            .filter_map(|item| serde_json::from_value::<ApiError>(item).ok())
            .collect(),
        _ => Vec::new(),
    };
    let trace_id = match body.remove("clerk_trace_id") {
        Some(Value::String(trace_id)) => Some(trace_id),
        _ => None,
    };
    (errors, trace_id)
}

/// Why an answer does not fit, without anything of what stands in it.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // serde shows values in double quotes or backticks; names of fields stand in backticks too, and those may be shown.
    let is_about_names = text.starts_with("missing field") || text.starts_with("duplicate field");
    let mut shown = String::new();
    let mut hidden_by = None;
    for character in text.chars() {
        match hidden_by {
            Some(quote) if character == quote => {
                hidden_by = None;
                shown.push('…');
            }
            Some(_) => continue,
            None if character == '"' || character == '`' && !is_about_names => hidden_by = Some(character),
            None => {}
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_codes_addresses_and_keys_are_hidden() {
        for (text, expected) in [
            ("+1 (202) 555-0100 is taken", "[hidden] is taken"),
            ("code 424242 is wrong", "code [hidden] is wrong"),
            ("ada@example.com is taken", "[hidden] is taken"),
            ("key sk_test_abc is bad", "key [hidden] is bad"),
            ("at most 100 values", "at most 100 values"),
            ("must be from 1 to 500", "must be from 1 to 500"),
            ("Please try another.", "Please try another."),
            ("٠١٢٣٤٥", "[hidden]"),
        ] {
            assert_eq!(redact(text), expected);
        }
        assert!(redact(&"a".repeat(10_000)).len() <= 300);
        assert!(redact(&"ä1 ".repeat(10_000)).len() <= 900);
    }

    #[test]
    fn what_does_not_fit_is_told_without_its_value() {
        #[derive(Debug, Deserialize)]
        struct Body {
            #[expect(dead_code, reason = "only its type matters")]
            flag: bool,
        }
        for (text, expected) in [
            (
                r#"{"flag":"+12025550100"}"#,
                "invalid type: string \"…\", expected a boolean at line 1 column 22",
            ),
            (r#"{"flag":12025550100}"#, "invalid type: integer `…`, expected a boolean at line 1 column 19"),
            ("{}", "missing field `flag` at line 1 column 2"),
        ] {
            assert_eq!(describe(&serde_json::from_str::<Body>(text).unwrap_err()), expected);
        }
    }

    #[test]
    fn text_says_what_would_be_right_and_hides_what_was_sent() {
        let shown = |errors: Value, status| {
            let body = serde_json::json!({ "errors": errors, "clerk_trace_id": "0af7" }).to_string();
            let (errors, trace_id) = read_errors(body.as_bytes());
            Error::new(Kind::Api(ApiFailure { status, errors, trace_id, retry_after: None })).to_string()
        };
        let long = "must be an E.164 number: a plus sign, the country code and digits.";
        let error = serde_json::json!([{ "code": "form_param_format_invalid", "message": "is not well-formed",
            "long_message": long, "meta": { "param_name": "phone_number" } }]);
        assert_eq!(
            shown(error, 422),
            "422 form_param_format_invalid (phone_number): must be an E.164 number: a plus sign, the country code and \
             digits. Correct the request: the same one will be refused again; trace id 0af7"
        );
        // No longer words, or the same, or empty ones.
        for long in [Value::Null, "is missing".into(), " ".into()] {
            let error = serde_json::json!([{ "code": "c", "message": "is missing", "long_message": long }]);
            assert!(shown(error, 422).starts_with("422 c: is missing. Correct"));
        }
        let error = serde_json::json!([{ "code": "c", "message": "m",
            "long_message": "+1 (202) 555-0100 or ada@example.com is taken by sk_test_x" }]);
        assert!(shown(error, 409).starts_with("409 c: [hidden] or [hidden] is taken by [hidden]. "));
    }

    #[test]
    fn error_bodies_of_every_kind_are_read_as_far_as_they_go() {
        for body in ["", "<html>", "null", "[]", "{", "{\"errors\":{}}", "{\"errors\":[1,{}]}", "\u{feff}"] {
            assert_eq!(read_errors(body.as_bytes()), (vec![], None), "{body}");
        }
        let (errors, trace_id) = read_errors(
            br#"{"errors":[{"code":"a","message":null},7,{"code":"b","new":1}],"clerk_trace_id":"t"}"#,
        );
        assert_eq!(errors.iter().map(|error| error.code.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(trace_id.as_deref(), Some("t"));
    }
}

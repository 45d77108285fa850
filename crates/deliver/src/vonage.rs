//! Text messages by the Messages API (v1) of Vonage.
//!
//! Not by its older SMS API: that one answers 200 to everything, wants its secret in the body beside the text, and has
//! no field that comes back with a status. The Messages API answers with HTTP statuses and numbered problems, takes the
//! credentials in a header, and repeats `client_ref`, our id, in its own records. It has no idempotency key.

use crate::http::{self, Answer, Http};
use crate::message::{Accepted, Channel, Outgoing, SendError, Sender, Sending};
use crate::section::{ConfigError, Secret, given};
use hyper::Uri;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SECTION: &str = "sms.vonage";
const BASE_URL: &str = "https://api.nexmo.com";

/// Section `[sms.vonage]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VonageConfig {
    /// Key of the account.
    #[serde(deserialize_with = "given")]
    pub api_key: Option<String>,
    /// Secret of the account.
    pub api_secret: Option<Secret>,
    /// A number, or a sender name where countries allow one.
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// Default: `https://api.nexmo.com`
    #[serde(deserialize_with = "given")]
    pub base_url: Option<String>,
}

/// Sends text messages through Vonage's Messages API.
pub struct VonageSender {
    http: Http,
    uri: Uri,
    authorization: HeaderValue,
    from: String,
}

impl VonageSender {
    /// # Errors
    /// What is missing or wrong in the configuration, and what to do about it.
    pub fn new(config: &VonageConfig, attempt_timeout: Duration) -> Result<Self, ConfigError> {
        let missing = |key: &str, hint: &str| ConfigError::new(SECTION, format!("{key} is missing: {hint}"));
        let api_key = config
            .api_key
            .as_deref()
            .ok_or_else(|| missing("api_key", "copy it from the settings of the Vonage dashboard"))?;
        let api_secret = config
            .api_secret
            .as_ref()
            .ok_or_else(|| missing("api_secret", "set it, or VERGER_SMS_VONAGE_API_SECRET"))?;
        let from = config
            .from
            .as_deref()
            .ok_or_else(|| missing("from", "set a number of yours, or a name of up to 11 letters"))?;
        let base = config.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
        let uri = http::endpoint(SECTION, "base_url", &format!("{base}/v1/messages"), false)?;
        Ok(Self {
            http: Http::new(attempt_timeout, &uri, None, SECTION)?,
            uri,
            authorization: http::basic(SECTION, api_key, api_secret.expose())?,
            from: from.to_owned(),
        })
    }

    async fn attempt(&self, message: &Outgoing, deadline: Instant) -> Result<Accepted, SendError> {
        if message.channel != Channel::Sms {
            return Err(SendError::refused("vonage is configured for text messages only"));
        }
        let from = message.from.as_ref().unwrap_or(&self.from);
        // It wants E.164 without the plus.
        let body = json!({
            "message_type": "text",
            "channel": "sms",
            "to": message.to.trim_start_matches('+'),
            "from": from.trim_start_matches('+'),
            "text": message.text,
            "client_ref": message.id,
        });
        let headers = http::head("application/json", Some(&self.authorization));
        let answer = self.http.post(&self.uri, headers, body.to_string().into(), deadline).await?;
        judge(&answer)
    }
}

fn judge(answer: &Answer) -> Result<Accepted, SendError> {
    if !answer.status.is_success() {
        let code = answer.json().ok().and_then(|body| problem_number(&body));
        return Err(answer.failure(code, false));
    }
    let status = answer.status.as_u16();
    let body = answer
        .json()
        .map_err(|problem| SendError::unknown(format!("HTTP {status}, but the answer {problem}")))?;
    let is_id = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match body["message_uuid"].as_str().filter(is_id) {
        Some(id) => Ok(Accepted { provider_id: Some(id.to_owned()), delivered: false }),
        None => Err(SendError::unknown(format!("HTTP {status}, but the answer names no message"))),
    }
}

/// A problem's `type` is a link into the documentation that ends with `#` and its number.
fn problem_number(body: &Value) -> Option<u64> {
    let (_, number) = body["type"].as_str()?.rsplit_once('#')?;
    if number.len() > 6 {
        return None;
    }
    number.parse().ok()
}

impl Sender for VonageSender {
    fn name(&self) -> &'static str {
        "vonage"
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, message: &'a Outgoing, deadline: Instant) -> Sending<'a> {
        Box::pin(self.attempt(message, deadline))
    }
}

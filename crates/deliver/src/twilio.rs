//! Text messages by Twilio Programmable Messaging.
//!
//! Creating a message has no idempotency key there, so what may have been sent is not sent again. The address for
//! status callbacks carries the id of our message: it tells what became of one whose answer was lost.

use crate::callback::{self, is_message_sid};
use crate::http::{self, Answer, Http};
use crate::message::{Accepted, Channel, Outgoing, SendError, Sender, Sending};
use crate::section::{ConfigError, Secret, given};
use hyper::Uri;
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// The name of [`TwilioSender`] in the configuration, in the store and in logs.
pub const TWILIO: &str = "twilio";
const SECTION: &str = "sms.twilio";
const BASE_URL: &str = "https://api.twilio.com";
/// States in the answer to a creation that are already the end.
const FAILED_STATES: [&str; 3] = ["failed", "undelivered", "canceled"];

/// Section `[sms.twilio]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TwilioConfig {
    /// Id of the account, `AC…`.
    #[serde(deserialize_with = "given")]
    pub account_sid: Option<String>,
    /// Authenticates requests unless there is an API key, and always checks status callbacks.
    pub auth_token: Option<Secret>,
    /// Id of an API key, `SK…`.
    #[serde(deserialize_with = "given")]
    pub api_key_sid: Option<String>,
    /// Belongs to the API key.
    pub api_key_secret: Option<Secret>,
    /// A number, or a sender name where countries allow one.
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// `MG…`, in place of `from`.
    #[serde(deserialize_with = "given")]
    pub messaging_service_sid: Option<String>,
    /// Default: `https://api.twilio.com`
    #[serde(deserialize_with = "given")]
    pub base_url: Option<String>,
    /// The public address at which this server takes status callbacks.
    #[serde(deserialize_with = "given")]
    pub status_callback_url: Option<String>,
}

/// Sends text messages through Twilio's Messages resource.
pub struct TwilioSender {
    http: Http,
    uri: Uri,
    authorization: HeaderValue,
    origin: Origin,
    status_callback_url: Option<String>,
}

/// Whom a message comes from.
enum Origin {
    Number(String),
    MessagingService(String),
}

impl TwilioSender {
    /// # Errors
    /// What is missing or wrong in the configuration, and what to do about it.
    pub fn new(config: &TwilioConfig, attempt_timeout: Duration) -> Result<Self, ConfigError> {
        let missing = |key: &str, hint: &str| ConfigError::new(SECTION, format!("{key} is missing: {hint}"));
        let account_sid = config
            .account_sid
            .as_deref()
            .ok_or_else(|| missing("account_sid", "copy it from the Twilio console; it begins with AC"))?;
        if !is_sid(account_sid, "AC") {
            return Err(ConfigError::new(SECTION, "account_sid must be AC and 32 hexadecimal digits"));
        }
        let authorization = match (&config.api_key_sid, &config.api_key_secret, &config.auth_token) {
            (Some(key), Some(secret), _) => http::basic(SECTION, key, secret.expose())?,
            (None, None, Some(token)) => http::basic(SECTION, account_sid, token.expose())?,
            (None, None, None) => {
                return Err(missing(
                    "auth_token",
                    "set it, or VERGER_SMS_TWILIO_AUTH_TOKEN, or use api_key_sid with api_key_secret",
                ));
            }
            (Some(_), None, _) => {
                return Err(missing(
                    "api_key_secret",
                    "set it, or VERGER_SMS_TWILIO_API_KEY_SECRET, or take api_key_sid out",
                ));
            }
            (None, Some(_), _) => {
                return Err(missing("api_key_sid", "it belongs to api_key_secret and begins with SK"));
            }
        };
        let origin = match (&config.from, &config.messaging_service_sid) {
            (Some(number), None) => Origin::Number(number.clone()),
            (None, Some(sid)) if is_sid(sid, "MG") => Origin::MessagingService(sid.clone()),
            (None, Some(_)) => {
                return Err(ConfigError::new(
                    SECTION,
                    "messaging_service_sid must be MG and 32 hexadecimal digits",
                ));
            }
            (None, None) => {
                return Err(missing(
                    "from",
                    "set a number or sender name of yours, or messaging_service_sid",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(ConfigError::new(SECTION, "has both from and messaging_service_sid: keep one"));
            }
        };
        if let Some(url) = &config.status_callback_url {
            http::endpoint(SECTION, "status_callback_url", url, false)?;
            if config.auth_token.is_none() {
                return Err(missing(
                    "auth_token",
                    "status callbacks are signed with it, also beside an API key",
                ));
            }
        }
        let base = config.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
        let url = format!("{base}/2010-04-01/Accounts/{account_sid}/Messages.json");
        let uri = http::endpoint(SECTION, "base_url", &url, false)?;
        Ok(Self {
            http: Http::new(attempt_timeout, &uri, None, SECTION)?,
            uri,
            authorization,
            origin,
            status_callback_url: config.status_callback_url.clone(),
        })
    }

    async fn attempt(&self, message: &Outgoing, deadline: Instant) -> Result<Accepted, SendError> {
        if message.channel != Channel::Sms {
            return Err(SendError::refused("twilio is configured for text messages only"));
        }
        let callback_url =
            self.status_callback_url.as_deref().map(|url| callback::url_for_message(url, &message.id));
        let mut fields = vec![("To", message.to.as_str()), ("Body", message.text.as_str())];
        fields.push(match (&message.from, &self.origin) {
            (Some(number), _) | (None, Origin::Number(number)) => ("From", number),
            (None, Origin::MessagingService(sid)) => ("MessagingServiceSid", sid),
        });
        if let Some(url) = &callback_url {
            fields.push(("StatusCallback", url));
        }
        let headers = http::head("application/x-www-form-urlencoded", Some(&self.authorization));
        let answer = self.http.post(&self.uri, headers, http::form(&fields), deadline).await?;
        judge(&answer)
    }
}

fn judge(answer: &Answer) -> Result<Accepted, SendError> {
    if !answer.status.is_success() {
        let code = answer.json().ok().and_then(|body| body["code"].as_u64());
        // Its documentation asks to try a 503 again, but does not say that nothing was done.
        return Err(answer.failure(code, false));
    }
    let status = answer.status.as_u16();
    let body = answer
        .json()
        .map_err(|problem| SendError::unknown(format!("HTTP {status}, but the answer {problem}")))?;
    let Some(sid) = body["sid"].as_str().filter(|sid| is_message_sid(sid)) else {
        return Err(SendError::unknown(format!("HTTP {status}, but the answer names no message")));
    };
    if body["status"].as_str().is_some_and(|status| FAILED_STATES.contains(&status)) {
        return Err(SendError::refused(match body["error_code"].as_u64() {
            Some(code) => format!("failed at once, code {code}"),
            None => "failed at once".to_owned(),
        }));
    }
    Ok(Accepted { provider_id: Some(sid.to_owned()), delivered: false })
}

/// A kind of object at Twilio, and 32 hexadecimal digits.
fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Sender for TwilioSender {
    fn name(&self) -> &'static str {
        TWILIO
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, message: &'a Outgoing, deadline: Instant) -> Sending<'a> {
        Box::pin(self.attempt(message, deadline))
    }
}

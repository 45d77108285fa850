//! Messages to the operator's own sender: a signed HTTP request for each.
//!
//! The body has the shape of the published `sms.created` and `email.created` events, so that a receiver which was
//! written for them needs no change. `webhook-id` is the id of the message in every attempt: a receiver that remembers
//! it sends nothing twice, and therefore this sender counts as idempotent.

use crate::http::{self, Answer, Http};
use crate::message::{Accepted, Channel, Outgoing, SendError, Sender, Sending, WallClock};
use crate::section::{ConfigError, Secret, given};
use crate::signature::{self, HeaderNames, SigningSecret};
use bytes::Bytes;
use hyper::Uri;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

const PROVIDER_ID_CHARACTERS_MAX: usize = 200;

/// Sections `[sms.webhook]` and `[email.webhook]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// Where messages are posted to.
    #[serde(deserialize_with = "given")]
    pub url: Option<String>,
    /// `whsec_` and base64: signs every request.
    pub secret: Option<Secret>,
    /// Signs as well while `secret` is being replaced.
    pub former_secret: Option<Secret>,
    /// Names of the signature's headers.
    pub header_names: HeaderNames,
    /// Repeated to the receiver as the sender of the message.
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// Certificates to trust beside those of the machine, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Lets `url` be unencrypted on a network that nobody else reads.
    pub allow_plain_http: bool,
}

/// Sends messages as signed requests to an HTTP service of the operator.
pub struct WebhookSender {
    http: Http,
    uri: Uri,
    secrets: Vec<SigningSecret>,
    header_names: HeaderNames,
    from: Option<String>,
    clock: WallClock,
}

impl WebhookSender {
    /// `section` is where the configuration stands, and `clock` says when an attempt was signed: it has to be the real
    /// time, since receivers refuse signatures of another.
    ///
    /// # Errors
    /// What is missing or wrong in the configuration, and what to do about it.
    pub fn new(
        section: &str,
        config: &WebhookConfig,
        attempt_timeout: Duration,
        clock: WallClock,
    ) -> Result<Self, ConfigError> {
        let missing = |key: &str, hint: &str| ConfigError::new(section, format!("{key} is missing: {hint}"));
        let url = config.url.as_deref().ok_or_else(|| missing("url", "the address of your own sender"))?;
        let uri = http::endpoint(section, "url", url, config.allow_plain_http)?;
        let variable = if section == "sms.webhook" { "SMS" } else { "EMAIL" };
        let secret = config.secret.as_ref().ok_or_else(|| {
            let hint = format!(
                "set it, or VERGER_{variable}_WEBHOOK_SECRET, to whsec_ and base64 of 24 to 64 random bytes; \
                 your sender checks signatures with it"
            );
            missing("secret", &hint)
        })?;
        let mut secrets = Vec::new();
        for (key, secret) in [("secret", Some(secret)), ("former_secret", config.former_secret.as_ref())] {
            if let Some(secret) = secret {
                let read = SigningSecret::parse(secret.expose());
                secrets.push(read.map_err(|error| ConfigError::new(section, format!("{key} {error}")))?);
            }
        }
        Ok(Self {
            http: Http::new(attempt_timeout, &uri, config.ca_file.as_deref(), section)?,
            uri,
            secrets,
            header_names: config.header_names,
            from: config.from.clone(),
            clock,
        })
    }

    async fn attempt(&self, message: &Outgoing, deadline: Instant) -> Result<Accepted, SendError> {
        let now = (self.clock)();
        let body = self.body(message, now);
        let mut headers = http::head("application/json", None);
        let seconds = unix_ms(now).div_euclid(1000);
        signature::add_headers(&mut headers, self.header_names, &self.secrets, &message.id, seconds, &body)
            .map_err(|_| SendError::refused("the id does not fit into a header"))?;
        let answer = self.http.post(&self.uri, headers, body, deadline).await?;
        judge(&answer)
    }

    fn body(&self, message: &Outgoing, now: SystemTime) -> Bytes {
        let now = unix_ms(now);
        let from = message.from.as_ref().or(self.from.as_ref());
        let data = match message.channel {
            Channel::Sms => json!({
                "object": "sms_message",
                "id": message.id,
                "slug": "verification_code",
                "from_phone_number": from.map_or("", String::as_str),
                "to_phone_number": message.to,
                "phone_number_id": null,
                "user_id": null,
                "message": message.text,
                "status": "queued",
                "data": {},
                "delivered_by_clerk": false,
                "created_at_ms": now,
            }),
            Channel::Email => json!({
                "object": "email",
                "id": message.id,
                "slug": "verification_code",
                "from_email_name": from.map_or("", String::as_str),
                "to_email_address": message.to,
                "email_address_id": null,
                "user_id": null,
                "subject": message.subject,
                "body_plain": message.text,
                "status": "queued",
                "data": {},
                "delivered_by_clerk": false,
            }),
        };
        let kind = match message.channel {
            Channel::Sms => "sms.created",
            Channel::Email => "email.created",
        };
        let event = json!({
            "object": "event",
            "type": kind,
            "timestamp": now,
            "instance_id": message.instance_id,
            "data": data,
        });
        event.to_string().into()
    }
}

/// Whole milliseconds since 1970.
fn unix_ms(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

fn judge(answer: &Answer) -> Result<Accepted, SendError> {
    if !answer.status.is_success() {
        // What a receiver's 503 means is ours to say: nothing was sent.
        return Err(answer.failure(None, true));
    }
    let provider_id = answer.json().ok().and_then(|body| {
        let id = body["provider_id"].as_str()?;
        let fits =
            (1..=PROVIDER_ID_CHARACTERS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| id.to_owned())
    });
    Ok(Accepted { provider_id, delivered: false })
}

impl Sender for WebhookSender {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Outgoing, deadline: Instant) -> Sending<'a> {
        Box::pin(self.attempt(message, deadline))
    }
}

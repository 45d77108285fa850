//! The sections `[sms]` and `[email]` of the configuration, and the senders that they make.

use crate::log::LogSender;
use crate::message::{Channel, Sender, WallClock};
use crate::nobody::{EventSender, NoSender};
use crate::section::{ConfigError, attempt_timeout, given, override_secret};
use crate::smtp::{SmtpConfig, SmtpSender};
use crate::twilio::{TwilioConfig, TwilioSender};
use crate::vonage::{VonageConfig, VonageSender};
use crate::webhook::{WebhookConfig, WebhookSender};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which sender delivers text messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsSenderName {
    /// Twilio Programmable Messaging.
    Twilio,
    /// The Messages API of Vonage.
    Vonage,
    /// An HTTP service of the operator.
    Webhook,
    /// The application, by the event that carries the message.
    Event,
    /// A line in the log, for development.
    Log,
    /// Nobody: every message is refused.
    #[default]
    None,
}

/// Which sender delivers email.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailSenderName {
    /// A mail server, over SMTP.
    Smtp,
    /// An HTTP service of the operator.
    Webhook,
    /// The application, by the event that carries the message.
    Event,
    /// A line in the log, for development.
    Log,
    /// Nobody: every message is refused.
    #[default]
    None,
}

/// Section `[sms]` of the configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsConfig {
    /// The sender of text messages.
    pub sender: SmsSenderName,
    /// How long one attempt may take, in milliseconds: 100 to 60000. Default: 10000.
    pub attempt_timeout_ms: Option<u64>,
    /// Language of users whose own has no template. Default: `en`.
    #[serde(deserialize_with = "given")]
    pub default_language: Option<String>,
    /// Host of the application, for the last line that lets phones fill in the code: `@host #code`.
    #[serde(deserialize_with = "given")]
    pub autofill_host: Option<String>,
    /// Text by language; takes the place of the built-in one.
    pub templates: BTreeMap<String, String>,
    /// What is different for an instance, by its id.
    pub instances: BTreeMap<String, SmsInstanceConfig>,
    /// Section `[sms.twilio]`.
    pub twilio: TwilioConfig,
    /// Section `[sms.vonage]`.
    pub vonage: VonageConfig,
    /// Section `[sms.webhook]`.
    pub webhook: WebhookConfig,
}

/// Subject and text of an email, with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailTemplate {
    /// The subject: one line, with placeholders.
    pub subject: String,
    /// The plain text, with placeholders.
    pub text: String,
}

/// Section `[sms.instances.ID]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsInstanceConfig {
    /// Takes the place of the sender's own `from`.
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// Takes the place of the one in `[sms]`.
    #[serde(deserialize_with = "given")]
    pub autofill_host: Option<String>,
    /// Takes the place of the ones in `[sms.templates]`.
    pub templates: BTreeMap<String, String>,
}

/// Section `[email]` of the configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailConfig {
    /// The sender of email.
    pub sender: EmailSenderName,
    /// How long one attempt may take, in milliseconds: 100 to 60000. Default: 10000.
    pub attempt_timeout_ms: Option<u64>,
    /// Language of users whose own has no template. Default: `en`.
    #[serde(deserialize_with = "given")]
    pub default_language: Option<String>,
    /// Subject and text by language; takes the place of the built-in ones.
    pub templates: BTreeMap<String, EmailTemplate>,
    /// What is different for an instance, by its id.
    pub instances: BTreeMap<String, EmailInstanceConfig>,
    /// Section `[email.smtp]`.
    pub smtp: SmtpConfig,
    /// Section `[email.webhook]`.
    pub webhook: WebhookConfig,
}

/// Section `[email.instances.ID]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailInstanceConfig {
    /// Takes the place of the sender's own `from`.
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// Takes the place of the ones in `[email.templates]`.
    pub templates: BTreeMap<String, EmailTemplate>,
}

impl SmsConfig {
    /// Secrets of the environment take the place of those of the file, so that the file can be shown around.
    #[must_use]
    pub fn with_env(mut self, get: impl Fn(&str) -> Option<String>) -> Self {
        override_secret(&mut self.twilio.auth_token, "VERGER_SMS_TWILIO_AUTH_TOKEN", &get);
        override_secret(&mut self.twilio.api_key_secret, "VERGER_SMS_TWILIO_API_KEY_SECRET", &get);
        override_secret(&mut self.vonage.api_secret, "VERGER_SMS_VONAGE_API_SECRET", &get);
        override_secret(&mut self.webhook.secret, "VERGER_SMS_WEBHOOK_SECRET", &get);
        override_secret(&mut self.webhook.former_secret, "VERGER_SMS_WEBHOOK_FORMER_SECRET", &get);
        self
    }

    /// The sender that is configured.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub fn build(&self, clock: WallClock) -> Result<Arc<dyn Sender>, ConfigError> {
        let attempt_timeout = attempt_timeout("sms", self.attempt_timeout_ms)?;
        Ok(match self.sender {
            SmsSenderName::Twilio => Arc::new(TwilioSender::new(&self.twilio, attempt_timeout)?),
            SmsSenderName::Vonage => Arc::new(VonageSender::new(&self.vonage, attempt_timeout)?),
            SmsSenderName::Webhook => {
                Arc::new(WebhookSender::new("sms.webhook", &self.webhook, attempt_timeout, clock)?)
            }
            SmsSenderName::Event => Arc::new(EventSender),
            SmsSenderName::Log => Arc::new(LogSender),
            SmsSenderName::None => Arc::new(NoSender(Channel::Sms)),
        })
    }

    /// The number or name that messages of an instance come from, where it has one of its own.
    pub fn from_of(&self, instance_id: &str) -> Option<&str> {
        self.instances.get(instance_id)?.from.as_deref()
    }
}

impl EmailConfig {
    /// Secrets of the environment take the place of those of the file, so that the file can be shown around.
    #[must_use]
    pub fn with_env(mut self, get: impl Fn(&str) -> Option<String>) -> Self {
        override_secret(&mut self.smtp.password, "VERGER_EMAIL_SMTP_PASSWORD", &get);
        override_secret(&mut self.webhook.secret, "VERGER_EMAIL_WEBHOOK_SECRET", &get);
        override_secret(&mut self.webhook.former_secret, "VERGER_EMAIL_WEBHOOK_FORMER_SECRET", &get);
        self
    }

    /// The sender that is configured.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub fn build(&self, clock: WallClock) -> Result<Arc<dyn Sender>, ConfigError> {
        let attempt_timeout = attempt_timeout("email", self.attempt_timeout_ms)?;
        Ok(match self.sender {
            EmailSenderName::Smtp => Arc::new(SmtpSender::new(&self.smtp, attempt_timeout, clock)?),
            EmailSenderName::Webhook => {
                Arc::new(WebhookSender::new("email.webhook", &self.webhook, attempt_timeout, clock)?)
            }
            EmailSenderName::Event => Arc::new(EventSender),
            EmailSenderName::Log => Arc::new(LogSender),
            EmailSenderName::None => Arc::new(NoSender(Channel::Email)),
        })
    }

    /// The address that messages of an instance come from, where it has one of its own.
    pub fn from_of(&self, instance_id: &str) -> Option<&str> {
        self.instances.get(instance_id)?.from.as_deref()
    }
}

#[cfg(test)]
mod tests;

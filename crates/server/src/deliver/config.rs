//! The sections `[sms]` and `[email]` of the configuration, and the senders that they make.

use super::signature::HeaderNames;
use super::template::{EmailTemplate, TemplateError, Templates};
use super::{
    Channel, EventSender, LogSender, NoSender, Sender, SmtpSender, TwilioSender, VonageSender, WebhookSender,
};
use crate::app::Clock;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Default of `attempt_timeout_ms`.
pub const ATTEMPT_TIMEOUT_MS: u64 = 10_000;
const ATTEMPT_TIMEOUT_MS_MIN: u64 = 100;
const ATTEMPT_TIMEOUT_MS_MAX: u64 = 60_000;

/// What is wrong in a section, and what to do about it, in one line. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{section}] {problem}")]
pub struct ConfigError {
    section: String,
    problem: String,
}

/// A text that is nobody's business: neither `Debug` nor an error shows it.
#[derive(Clone, Debug)]
pub struct Secret(pub(super) SecretString);

/// Which sender delivers text messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsSenderName {
    /// Twilio Programmable Messaging.
    Twilio,
    /// The Messages API of Vonage.
    Vonage,
    /// The operator's own.
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
    /// A mail server.
    Smtp,
    /// The operator's own.
    Webhook,
    /// The application, by the event that carries the message.
    Event,
    /// A line in the log, for development.
    Log,
    /// Nobody: every message is refused.
    #[default]
    None,
}

/// Section `[sms]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsConfig {
    /// Who delivers.
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

/// Section `[email]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmailConfig {
    /// Who delivers.
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

/// Section `[sms.twilio]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TwilioConfig {
    /// `AC…`
    #[serde(deserialize_with = "given")]
    pub account_sid: Option<String>,
    /// Authenticates requests unless there is an API key, and always checks status callbacks.
    pub auth_token: Option<Secret>,
    /// `SK…`
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

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// Begins in plain text and must become encrypted before anything is said. Port 587.
    #[default]
    Starttls,
    /// Encrypted from the start. Port 465.
    Tls,
    /// Not at all; for a mail server on this machine. Port 25.
    None,
}

/// Section `[email.smtp]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmtpConfig {
    /// Name of the mail server.
    #[serde(deserialize_with = "given")]
    pub host: Option<String>,
    /// Default: by `security`.
    pub port: Option<u16>,
    /// Default: `starttls`
    pub security: SmtpSecurity,
    /// To log in with.
    #[serde(deserialize_with = "given")]
    pub username: Option<String>,
    /// To log in with.
    pub password: Option<Secret>,
    /// `Acme <codes@example.com>`
    #[serde(deserialize_with = "given")]
    pub from: Option<String>,
    /// The name of this machine in `EHLO`. Default: its loopback address.
    #[serde(deserialize_with = "given")]
    pub hello_name: Option<String>,
    /// Certificates to trust beside those of the machine, as PEM.
    pub ca_file: Option<PathBuf>,
}

/// A text that says something. An empty one is neither a value nor the absence of one.
fn given<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(text)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("must not be empty: take the key out instead"));
    }
    Ok(Some(text))
}

impl ConfigError {
    pub(crate) fn new(section: &str, problem: impl Into<String>) -> Self {
        Self { section: section.to_owned(), problem: problem.into() }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        /// The derived error would show the value: a secret of digits whose quotes were forgotten.
        fn refuse<E: serde::de::Error, T>() -> Result<T, E> {
            Err(E::custom("a secret must be text in quotes"))
        }
        impl Visitor<'_> for Text {
            type Value = Secret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                if text.is_empty() {
                    return Err(E::custom("a secret must not be empty"));
                }
                Ok(Secret::from(text))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<Secret, E> {
                refuse()
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
                refuse()
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
                refuse()
            }
        }
        deserializer.deserialize_any(Text).map_err(D::Error::custom)
    }
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

    /// The sender that is configured. `clock` has to show the real time.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub fn build(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Sender>, ConfigError> {
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

    /// The sender that is configured. `clock` has to show the real time.
    ///
    /// # Errors
    /// What is missing or wrong, and what to do about it.
    pub fn build(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Sender>, ConfigError> {
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

/// Everything that messages need.
pub struct Delivery {
    /// Delivers text messages.
    pub sms: Arc<dyn Sender>,
    /// Delivers email.
    pub email: Arc<dyn Sender>,
    /// What they say.
    pub templates: Templates,
}

/// What both sections make together. `clock` has to show the real time.
///
/// # Errors
/// The first thing that is missing or wrong, and what to do about it.
pub fn build(sms: &SmsConfig, email: &EmailConfig, clock: &Arc<dyn Clock>) -> Result<Delivery, ConfigError> {
    Ok(Delivery {
        sms: sms.build(Arc::clone(clock))?,
        email: email.build(Arc::clone(clock))?,
        templates: build_templates(sms, email)?,
    })
}

/// The texts of all messages.
///
/// # Errors
/// The template that is wrong, where it stands, and why.
pub fn build_templates(sms: &SmsConfig, email: &EmailConfig) -> Result<Templates, ConfigError> {
    Templates::new(sms, email).map_err(|TemplateError { at, problem }| ConfigError::new(&at, problem))
}

fn attempt_timeout(section: &str, configured_ms: Option<u64>) -> Result<Duration, ConfigError> {
    let ms = configured_ms.unwrap_or(ATTEMPT_TIMEOUT_MS);
    if !(ATTEMPT_TIMEOUT_MS_MIN..=ATTEMPT_TIMEOUT_MS_MAX).contains(&ms) {
        let range = format!("{ATTEMPT_TIMEOUT_MS_MIN} to {ATTEMPT_TIMEOUT_MS_MAX}");
        return Err(ConfigError::new(section, format!("attempt_timeout_ms must be from {range}")));
    }
    Ok(Duration::from_millis(ms))
}

fn override_secret(secret: &mut Option<Secret>, variable: &str, get: &impl Fn(&str) -> Option<String>) {
    if let Some(value) = get(variable).filter(|value| !value.is_empty()) {
        *secret = Some(value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::SystemClock;

    const SID: &str = "AC0123456789abcdef0123456789abcdef";

    fn sms(text: &str) -> Result<Arc<dyn Sender>, String> {
        let config: SmsConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.build(Arc::new(SystemClock)).map_err(|error| error.to_string())
    }

    fn email(text: &str) -> Result<Arc<dyn Sender>, String> {
        let config: EmailConfig = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        config.build(Arc::new(SystemClock)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let twilio =
            |rest: &str| sms(&format!("sender = \"twilio\"\n[twilio]\n{rest}")).err().unwrap_or_default();
        for (rest, words) in [
            ("", "[sms.twilio] account_sid is missing: copy it from the Twilio console"),
            ("account_sid = \"AC1\"", "account_sid must be AC and 32 hexadecimal digits"),
            (
                &format!("account_sid = \"{SID}\""),
                "auth_token is missing: set it, or VERGER_SMS_TWILIO_AUTH_TOKEN",
            ),
            (&format!("account_sid = \"{SID}\"\nauth_token = \"t\""), "from is missing"),
            (&format!("account_sid = \"{SID}\"\napi_key_sid = \"SK1\""), "api_key_secret is missing"),
            (&format!("account_sid = \"{SID}\"\napi_key_secret = \"t\""), "api_key_sid is missing"),
            (
                &format!(
                    "account_sid = \"{SID}\"\nauth_token = \"t\"\nfrom = \"+1\"\nmessaging_service_sid = \"MG\""
                ),
                "has both from and messaging_service_sid",
            ),
            (
                &format!(
                    "account_sid = \"{SID}\"\napi_key_sid = \"SK1\"\napi_key_secret = \"t\"\nfrom = \"+1\"\n\
                     status_callback_url = \"https://id.example.com/x\""
                ),
                "auth_token is missing: status callbacks are signed with it",
            ),
            (
                &format!(
                    "account_sid = \"{SID}\"\nauth_token = \"t\"\nfrom = \"+1\"\nbase_url = \"http://example.com\""
                ),
                "base_url must begin with https://",
            ),
            (
                &format!(
                    "account_sid = \"{SID}\"\nauth_token = \"t\"\nfrom = \"+1\"\nbase_url = \"https://example.com:65616\""
                ),
                "base_url must have a port from 1 to 65535",
            ),
            (
                &format!(
                    "account_sid = \"{SID}\"\nauth_token = \"t\"\nfrom = \"+1\"\n\
                     status_callback_url = \"https://id.example.com:-1/x\""
                ),
                "status_callback_url must have a port from 1 to 65535",
            ),
        ] {
            let error = twilio(rest);
            assert!(error.contains(words), "{rest}: {error}");
        }
        for (text, words) in [
            ("sender = \"vonage\"", "[sms.vonage] api_key is missing"),
            ("sender = \"vonage\"\nvonage.api_key = \"k\"", "VERGER_SMS_VONAGE_API_SECRET"),
            ("sender = \"webhook\"", "[sms.webhook] url is missing"),
            ("sender = \"webhook\"\nwebhook.url = \"https://example.com\"", "VERGER_SMS_WEBHOOK_SECRET"),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com\"\nwebhook.secret = \"hunter2\"",
                "secret must be `whsec_` and base64",
            ),
            ("attempt_timeout_ms = 99", "[sms] attempt_timeout_ms must be from 100 to 60000"),
            ("sender = \"pigeon\"", "pigeon"),
            ("twilio.acount_sid = \"x\"", "acount_sid"),
            // An empty text is not the same as none.
            ("twilio.from = \"\"", "must not be empty"),
            ("twilio.status_callback_url = \"\"", "must not be empty"),
            ("vonage.api_key = \" \"", "must not be empty"),
            ("webhook.url = \"\"", "must not be empty"),
            ("webhook.from = \"\"", "must not be empty"),
            ("instances.ins_1.from = \"\"", "must not be empty"),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com:99999\"",
                "url must have a port from 1 to 65535",
            ),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com:0\"",
                "url must have a port from 1 to 65535",
            ),
            (
                "sender = \"webhook\"\nwebhook.url = \"https://example.com/#x\"",
                "url must not have a fragment",
            ),
        ] {
            let error = sms(text).err().unwrap_or_default();
            assert!(error.contains(words), "{text}: {error}");
        }
        for (text, words) in [
            ("sender = \"smtp\"", "[email.smtp] host is missing"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com\"", "from is missing"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com:25\"", "without port"),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com \"", "without port"),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.port = 0",
                "port must be from 1 to 65535",
            ),
            ("sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.port = 65536", "65536"),
            ("smtp.host = \"\"", "must not be empty"),
            ("smtp.username = \"\"", "must not be empty"),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.from = \"x\"",
                "from must be an address",
            ),
            (
                "sender = \"smtp\"\nsmtp.host = \"mail.example.com\"\nsmtp.security = \"none\"",
                "is for a mail server on this machine only",
            ),
            (
                "sender = \"smtp\"\nsmtp.host = \"localhost\"\nsmtp.from = \"a@example.com\"\nsmtp.username = \"a\"",
                "VERGER_EMAIL_SMTP_PASSWORD",
            ),
            ("sender = \"webhook\"\nwebhook.url = \"https://example.com\"", "VERGER_EMAIL_WEBHOOK_SECRET"),
        ] {
            let error = email(text).err().unwrap_or_default();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_configured_sends_nothing() {
        assert_eq!(sms("").unwrap().name(), "none");
        assert_eq!(email("").unwrap().name(), "none");
        assert_eq!(sms("sender = \"log\"").unwrap().name(), "log");
    }

    #[test]
    fn secrets_of_the_environment_win_and_are_never_shown() {
        let text = "twilio.auth_token = \"hunter2file\"\nwebhook.secret = \"hunter2webhook\"";
        let config: SmsConfig = toml::from_str(text).unwrap();
        assert_eq!(config.twilio.auth_token.as_ref().unwrap().expose(), "hunter2file");
        let config = config.with_env(|name| match name {
            "VERGER_SMS_TWILIO_AUTH_TOKEN" => Some("hunter2env".to_owned()),
            "VERGER_SMS_WEBHOOK_SECRET" => Some(String::new()),
            _ => None,
        });
        assert_eq!(config.twilio.auth_token.as_ref().unwrap().expose(), "hunter2env");
        assert_eq!(config.webhook.secret.as_ref().unwrap().expose(), "hunter2webhook");
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }

    #[test]
    fn a_secret_without_quotes_is_not_repeated_in_the_error() {
        for value in
            ["918273645", "-918273645", "918273645.5", "true", "[\"918273645\"]", "{ a = \"918273645\" }"]
        {
            let error = toml::from_str::<SmsConfig>(&format!("vonage.api_secret = {value}")).unwrap_err();
            assert!(!error.message().contains("918273645"), "{value}: {}", error.message());
        }
        let error = toml::from_str::<SmsConfig>("vonage.api_secret = 918273645").unwrap_err();
        assert!(error.message().contains("text in quotes"), "{}", error.message());
    }
}

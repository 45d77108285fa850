//! Email by SMTP.
//!
//! The conversation is led step by step rather than by the library's `send`, because the step decides what a failure
//! means: before the text is handed over nothing can have been sent; after it, only the server's answer says.

use super::config::{ConfigError, SmtpConfig, SmtpSecurity};
use super::http::{self, is_loopback};
use super::{Accepted, Channel, Outgoing, SendError, Sender, Sending};
use crate::app::Clock;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant, SystemTime};

const SECTION: &str = "email.smtp";
/// How long the farewell may take after the message was taken.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends by a mail server, with a connection for each message.
pub struct SmtpSender {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    attempt_timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// How far a conversation has come.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Step {
    Connecting,
    Talking,
    /// From here on the server may have the whole message.
    HandingOver,
}

impl SmtpSender {
    /// `clock` dates the letters.
    ///
    /// # Errors
    /// What is missing or wrong in the configuration, and what to do about it.
    pub fn new(
        config: &SmtpConfig,
        attempt_timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let bad = |problem: String| ConfigError::new(SECTION, problem);
        let host =
            config.host.clone().ok_or_else(|| bad("host is missing: the name of your mail server".into()))?;
        let has_more_than_a_name = |character: char| {
            matches!(character, ':' | '/' | '@') || character.is_whitespace() || character.is_control()
        };
        if host.is_empty()
            || host.contains(has_more_than_a_name) && host.parse::<std::net::Ipv6Addr>().is_err()
        {
            return Err(bad("host must be the name of a mail server, without port, scheme or blanks".into()));
        }
        if config.port == Some(0) {
            return Err(bad("port must be from 1 to 65535".into()));
        }
        if config.security == SmtpSecurity::None && !is_loopback(&host) {
            return Err(bad(
                "security = \"none\" is for a mail server on this machine only: use \"starttls\" or \"tls\""
                    .into(),
            ));
        }
        let port = config.port.unwrap_or(match config.security {
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::Tls => 465,
            SmtpSecurity::None => 25,
        });
        let from = config.from.as_deref().ok_or_else(|| {
            bad("from is missing: set it to an address such as \"Acme <codes@example.com>\"".into())
        })?;
        let from = from
            .parse()
            .map_err(|_| bad("from must be an address such as \"Acme <codes@example.com>\"".into()))?;
        let credentials = match (&config.username, &config.password) {
            (Some(name), Some(password)) => {
                Some(Credentials::new(name.clone(), password.expose().to_owned()))
            }
            (None, None) => None,
            (Some(_), None) => {
                return Err(bad(
                    "password is missing: set it, or VERGER_EMAIL_SMTP_PASSWORD, or take username out".into(),
                ));
            }
            (None, Some(_)) => return Err(bad("username is missing: it belongs to the password".into())),
        };
        let tls = match config.security {
            SmtpSecurity::None => None,
            SmtpSecurity::Starttls | SmtpSecurity::Tls => {
                let mut builder = TlsParameters::builder(host.clone());
                if let Some(path) = &config.ca_file {
                    let text = std::fs::read(path)
                        .map_err(|error| bad(format!("ca_file {}: {error}", path.display())))?;
                    let certificate = Certificate::from_pem(&text).map_err(|_| {
                        bad(format!("ca_file {} holds no certificate in PEM", path.display()))
                    })?;
                    builder = builder.add_root_certificate(certificate);
                }
                Some(
                    builder
                        .build_rustls()
                        .map_err(|error| bad(format!("no TLS: {}", http::chain(&error))))?,
                )
            }
        };
        let hello = match &config.hello_name {
            Some(name) => ClientId::Domain(name.clone()),
            None => ClientId::default(),
        };
        Ok(Self {
            host,
            port,
            security: config.security,
            tls,
            credentials,
            from,
            hello,
            attempt_timeout,
            clock,
        })
    }

    async fn attempt(&self, message: &Outgoing, deadline: Instant) -> Result<Accepted, SendError> {
        let letter = self.letter(message)?;
        let end = deadline.min(Instant::now() + self.attempt_timeout);
        if end <= Instant::now() {
            return Err(SendError::not_sent("no time left"));
        }
        let step = AtomicU8::new(Step::Connecting as u8);
        match tokio::time::timeout_at(end.into(), self.converse(&letter, end, &step)).await {
            Ok(result) => result,
            Err(_) if step.load(Ordering::SeqCst) == Step::HandingOver as u8 => {
                Err(SendError::unknown("no answer to the text in time"))
            }
            Err(_) if step.load(Ordering::SeqCst) == Step::Talking as u8 => {
                Err(SendError::not_sent("the mail server did not answer in time"))
            }
            Err(_) => Err(SendError::not_sent("no connection in time")),
        }
    }

    fn letter(&self, message: &Outgoing) -> Result<Message, SendError> {
        if message.channel != Channel::Email {
            return Err(SendError::refused("smtp is configured for email only"));
        }
        let from: Mailbox = match &message.from {
            Some(from) => {
                from.parse().map_err(|_| SendError::refused("the sender is not an email address"))?
            }
            None => self.from.clone(),
        };
        if !message.to.is_ascii() {
            // Few servers take them (SMTPUTF8), and some that do lose them at the next one.
            return Err(SendError::refused("addresses beyond ASCII are not supported"));
        }
        let address =
            message.to.parse().map_err(|_| SendError::refused("the recipient is not an email address"))?;
        let subject = message.subject.as_deref().unwrap_or_default();
        if subject.chars().any(char::is_control) {
            return Err(SendError::refused("the subject holds control characters"));
        }
        // The same id in every attempt, so that whoever collects the mail can see a repetition.
        let message_id = format!("<{}@{}>", message.id, from.email.domain());
        let date = SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(self.clock.now().0).unwrap_or_default());
        let builder: MessageBuilder = Message::builder()
            .from(from)
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date(date)
            .message_id(Some(message_id))
            .header(ContentType::TEXT_PLAIN)
            // So that no absence notice answers it (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        builder
            .body(message.text.clone())
            .map_err(|_| SendError::refused("it cannot be put together as an email"))
    }

    async fn converse(&self, letter: &Message, end: Instant, step: &AtomicU8) -> Result<Accepted, SendError> {
        let before = |error: smtp::Error| failed_before(&error);
        let implicit = if self.security == SmtpSecurity::Tls { self.tls.clone() } else { None };
        let left = end.saturating_duration_since(Instant::now());
        let server = (self.host.trim_start_matches('[').trim_end_matches(']'), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(left), &self.hello, implicit, None)
                .await
                .map_err(before)?;
        step.store(Step::Talking as u8, Ordering::SeqCst);
        if self.security == SmtpSecurity::Starttls
            && let Some(tls) = &self.tls
        {
            if !connection.can_starttls() {
                return Err(SendError::not_sent("the mail server offers no STARTTLS"));
            }
            connection.starttls(tls.clone(), &self.hello).await.map_err(before)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await.map_err(|error| {
                if error.is_client() {
                    SendError::refused("the mail server offers no way to log in")
                } else {
                    failed_before(&error)
                }
            })?;
        }
        let envelope = letter.envelope();
        connection.command(Mail::new(envelope.from().cloned(), vec![])).await.map_err(before)?;
        for recipient in envelope.to() {
            connection.command(Rcpt::new(recipient.clone(), vec![])).await.map_err(before)?;
        }
        connection.command(Data).await.map_err(before)?;
        step.store(Step::HandingOver as u8, Ordering::SeqCst);
        connection.message(&letter.formatted()).await.map_err(|error| {
            if error.is_permanent() || error.is_transient() {
                return failed_before(&error);
            }
            tracing::debug!(error = %http::chain(&error), "a mail server gave no answer to a text");
            SendError::unknown("the connection ended before the answer to the text")
        })?;
        // It has the message: nobody waits for the farewell, and how it goes changes nothing.
        tokio::spawn(async move {
            let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
        });
        Ok(Accepted { provider_id: None, delivered: false })
    }
}

/// A failure before the text was handed over, or the server's own word about it. Only its number is kept: its words may
/// repeat the address.
fn failed_before(error: &smtp::Error) -> SendError {
    if let Some(code) = error.status() {
        let reason = format!("SMTP {code}");
        return match (error.is_permanent(), reason.as_str()) {
            (true, "SMTP 530" | "SMTP 534" | "SMTP 535" | "SMTP 538") => {
                SendError::refused(format!("{reason}: check username and password"))
            }
            (true, _) => SendError::refused(reason),
            (false, _) => SendError::not_sent(reason),
        };
    }
    SendError::not_sent(if error.is_tls() {
        "TLS with the mail server failed".to_owned()
    } else if let Some(kind) = http::io_kind(error) {
        format!("no connection: {kind}")
    } else if error.is_response() {
        "the mail server answers something else than SMTP".to_owned()
    } else {
        "no connection".to_owned()
    })
}

impl Sender for SmtpSender {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn send<'a>(&'a self, message: &'a Outgoing, deadline: Instant) -> Sending<'a> {
        Box::pin(self.attempt(message, deadline))
    }
}

//! Email by SMTP.
//!
//! The conversation is led step by step rather than by the library's `send`, because the step decides what a failure
//! means: before the text is handed over nothing can have been sent; after it, only the server's answer says.
//!
//! What comes before the encryption is led without the library: its reader keeps what it has read ahead, and would take
//! words that somebody on the way put behind the answer to STARTTLS for the first of the encrypted conversation
//! (RFC 3207 section 6).

use crate::http::{self, is_loopback};
use crate::message::{Accepted, Channel, Outgoing, SendError, Sender, Sending, WallClock};
use crate::section::{ConfigError, Secret, given};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const SECTION: &str = "email.smtp";
/// How long the farewell may take after the message was taken.
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);
/// More of a reply before the encryption is not read.
const REPLY_BYTES_MAX: usize = 16 * 1024;
/// What a server says first; one that was greeted before the encryption does not say it again.
const GREETING: &[u8] = b"220 encrypted\r\n";

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
    /// How the connection is encrypted. Default: `starttls`
    pub security: SmtpSecurity,
    /// User name for PLAIN or LOGIN.
    #[serde(deserialize_with = "given")]
    pub username: Option<String>,
    /// Password for PLAIN or LOGIN.
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

/// Sends by a mail server, with a connection for each message.
pub struct SmtpSender {
    host: String,
    port: u16,
    security: SmtpSecurity,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    attempt_timeout: Duration,
    clock: WallClock,
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
        clock: WallClock,
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
                let name = ServerName::try_from(bare(&host).to_owned())
                    .map_err(|_| bad("host must be the name of a mail server".into()))?;
                let trusted = http::tls_of_machine(config.ca_file.as_deref(), SECTION)?;
                Some((TlsConnector::from(Arc::new(trusted)), name))
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
        match tokio::time::timeout_at(end.into(), self.converse(&letter, &step)).await {
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
        let builder: MessageBuilder = Message::builder()
            .from(from)
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date((self.clock)())
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

    /// A connection that is as secure as configured, and has not said anything that matters.
    async fn connect(&self, step: &AtomicU8) -> Result<AsyncSmtpConnection, SendError> {
        let mut stream =
            TcpStream::connect((bare(&self.host), self.port)).await.map_err(|error| no_connection(&error))?;
        step.store(Step::Talking as u8, Ordering::SeqCst);
        let stream: Box<dyn AsyncTokioStream> = match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => {
                let mut greeting: &'static [u8] = b"";
                if self.security == SmtpSecurity::Starttls {
                    ask_for_tls(&mut stream, &self.hello).await?;
                    greeting = GREETING;
                }
                let stream = connector.connect(name.clone(), stream).await.map_err(|error| {
                    tracing::debug!(%error, "no TLS with a mail server");
                    SendError::not_sent("TLS with the mail server failed")
                })?;
                Box::new(Encrypted { greeting, stream })
            }
        };
        AsyncSmtpConnection::connect_with_transport(stream, &self.hello)
            .await
            .map_err(|error| failed_before(&error))
    }

    async fn converse(&self, letter: &Message, step: &AtomicU8) -> Result<Accepted, SendError> {
        let before = |error: smtp::Error| failed_before(&error);
        let mut connection = self.connect(step).await?;
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
        return refused(&code.to_string(), error.is_permanent());
    }
    if let Some(kind) = http::io_kind(error) {
        return SendError::not_sent(format!("no connection: {kind}"));
    }
    if error.is_response() { not_smtp() } else { SendError::not_sent("no connection") }
}

/// What a reply means that is no success.
fn refused(code: &str, is_permanent: bool) -> SendError {
    let reason = format!("SMTP {code}");
    match (is_permanent, code) {
        (true, "530" | "534" | "535" | "538") => {
            SendError::refused(format!("{reason}: check username and password"))
        }
        (true, _) => SendError::refused(reason),
        (false, _) => SendError::not_sent(reason),
    }
}

fn not_smtp() -> SendError {
    SendError::not_sent("the mail server answers something else than SMTP")
}

fn no_connection(error: &io::Error) -> SendError {
    match error.kind() {
        // Name resolution comes dressed as this.
        io::ErrorKind::Other => SendError::not_sent("no connection"),
        kind => SendError::not_sent(format!("no connection: {kind}")),
    }
}

/// An address without the brackets that it has in URLs.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The part of a conversation before it is encrypted, to the end of the server's consent.
async fn ask_for_tls(stream: &mut TcpStream, hello: &ClientId) -> Result<(), SendError> {
    reply(stream).await?;
    let offered = ask(stream, &Ehlo::new(hello.clone()).to_string()).await?;
    let offered = ServerInfo::from_response(&offered).map_err(|_| not_smtp())?;
    if !offered.supports_feature(Extension::StartTls) {
        return Err(SendError::not_sent("the mail server offers no STARTTLS"));
    }
    ask(stream, &Starttls.to_string()).await.map(drop)
}

async fn ask(stream: &mut TcpStream, command: &str) -> Result<Response, SendError> {
    stream.write_all(command.as_bytes()).await.map_err(|error| no_connection(&error))?;
    reply(stream).await
}

/// A good reply, and nothing behind it: a server that was asked one thing gives one answer, so whatever else is there was
/// put there by somebody on the way. What comes later is read as TLS, and is none.
async fn reply(stream: &mut TcpStream) -> Result<Response, SendError> {
    let mut read = Vec::with_capacity(512);
    let end = loop {
        let more = stream.read_buf(&mut read).await.map_err(|error| no_connection(&error))?;
        if more == 0 {
            return Err(SendError::not_sent("the mail server ended the connection"));
        }
        match end_of_reply(&read) {
            Some(end) => break end,
            None if read.len() > REPLY_BYTES_MAX => return Err(not_smtp()),
            None => {}
        }
    };
    if end < read.len() {
        return Err(SendError::not_sent(
            "the mail server says more than it was asked before it is encrypted",
        ));
    }
    let text = String::from_utf8(read).map_err(|_| not_smtp())?;
    let response: Response = text.parse().map_err(|_| not_smtp())?;
    if response.is_positive() {
        return Ok(response);
    }
    let code = response.code();
    Err(refused(&code.to_string(), code.severity == Severity::PermanentNegativeCompletion))
}

/// Behind the first line that does not say that another follows.
fn end_of_reply(read: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in read.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if !line.ends_with(b"\n") {
            return None;
        }
        if line.get(3) != Some(&b'-') {
            return Some(end);
        }
    }
    None
}

/// An encrypted connection that begins with a greeting: if the server's own came before the encryption, with ours, which
/// the library waits for.
#[derive(Debug)]
struct Encrypted {
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let (now, rest) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.greeting = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
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

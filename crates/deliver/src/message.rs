//! What is handed over, and what may become of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The channel of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A text message to a phone number.
    Sms,
    /// A letter to an email address.
    Email,
}

/// One message on its way out.
///
/// Its `Debug` says neither who it is for nor what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// `sms_…` or `ema_…`. The same message has the same id however often it is tried: providers that can tell a
    /// repetition are told by it.
    pub id: String,
    /// The instance that sends the message.
    pub instance_id: String,
    /// The channel that it is sent on.
    pub channel: Channel,
    /// A phone number in E.164, or an email address.
    pub to: String,
    /// Of an email. Text messages have none.
    pub subject: Option<String>,
    /// What it says, as plain text.
    pub text: String,
    /// Takes the place of the configured sender.
    pub from: Option<String>,
}

/// A message was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Under which name the provider knows it.
    pub provider_id: Option<String>,
    /// It has arrived already: nothing more will be heard of it.
    pub delivered: bool,
}

/// Why a message was not taken over, told apart by what may be done next.
///
/// Reasons are short and our own words with the provider's numbers. They never hold the recipient, the text, or any
/// part of an answer that may repeat them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No, and it would be no again: the message has failed.
    #[error("refused: {reason}")]
    Refused {
        /// The reason, without recipient, text or words of the provider.
        reason: String,
    },
    /// It is certain that nothing was sent, so trying again cannot send it twice.
    #[error("not sent: {reason}")]
    NotSent {
        /// The reason, without recipient, text or words of the provider.
        reason: String,
        /// Not to be tried again before this time has passed, because the provider said so. At most an hour.
        retry_after: Option<Duration>,
    },
    /// It may have been sent. Only a sender that [`is_idempotent`](Sender::is_idempotent) may be given it again.
    #[error("may have been sent: {reason}")]
    Unknown {
        /// The reason, without recipient, text or words of the provider.
        reason: String,
    },
}

/// Says what time it really is: letters are dated with it, and receivers refuse signatures of another time.
pub type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An attempt that is under way. Dropping it leaves open whether the message was sent.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Accepted, SendError>> + Send + 'a>>;

/// Somebody who delivers messages.
pub trait Sender: Send + Sync {
    /// Its name in the configuration, in logs and in metrics.
    fn name(&self) -> &'static str;

    /// Whether the same message may be handed over twice without arriving twice.
    fn is_idempotent(&self) -> bool;

    /// Hands one message over, in one attempt that ends at `deadline` or after the configured time, whichever is
    /// sooner.
    fn send<'a>(&'a self, message: &'a Outgoing, deadline: Instant) -> Sending<'a>;
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("id", &self.id)
            .field("instance_id", &self.instance_id)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

impl SendError {
    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    pub(crate) fn not_sent(reason: impl Into<String>) -> Self {
        Self::NotSent { reason: reason.into(), retry_after: None }
    }

    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }

    /// The reason of any of the outcomes.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { reason } | Self::NotSent { reason, .. } | Self::Unknown { reason } => reason,
        }
    }
}

impl Channel {
    /// The name in the store and in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

/// A recipient as a log may show it: enough to recognise one's own, too little to write to.
pub fn masked(to: &str) -> String {
    if let Some((name, domain)) = to.rsplit_once('@') {
        let first: String = name.chars().take(1).collect();
        return format!("{first}***@{domain}");
    }
    let digits: Vec<char> = to.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 7 {
        return "***".to_owned();
    }
    let last: String = digits[digits.len() - 2..].iter().collect();
    format!("+{}***{last}", digits[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_recipient_cannot_be_written_to() {
        assert_eq!(masked("+15005550123"), "+1***23");
        assert_eq!(masked("+4915112345678"), "+4***78");
        assert_eq!(masked("jane.doe@example.com"), "j***@example.com");
        assert_eq!(masked("12345"), "***");
        assert_eq!(masked(""), "***");
    }

    #[test]
    fn debug_shows_neither_recipient_nor_text() {
        let message = Outgoing {
            id: "sms_1".to_owned(),
            instance_id: "ins_1".to_owned(),
            channel: Channel::Sms,
            to: "+15005550123".to_owned(),
            subject: Some("subject 918273".to_owned()),
            text: "text 918273".to_owned(),
            from: None,
        };
        let shown = format!("{message:?}");
        assert!(shown.contains("sms_1"), "{shown}");
        assert!(!shown.contains("918273") && !shown.contains("5550123"), "{shown}");
    }
}

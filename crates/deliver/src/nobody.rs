//! Senders that hand nothing over.

use crate::message::{Channel, Outgoing, SendError, Sender, Sending};
use std::time::Instant;

/// The name of [`EventSender`] in the configuration, in the store and in logs.
pub const EVENT_SENDER: &str = "event";

/// Stands for the application, which hears of messages by `sms.created` and `email.created` and sends them itself. There
/// is nothing to hand over.
#[derive(Clone, Copy, Debug)]
pub struct EventSender;

impl Sender for EventSender {
    fn name(&self) -> &'static str {
        EVENT_SENDER
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, _message: &'a Outgoing, _deadline: Instant) -> Sending<'a> {
        // A message that was queued under another sender.
        Box::pin(async { Err(SendError::refused("the application sends messages itself, by webhooks")) })
    }
}

/// The sender that is configured when none is: refuses everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSender(pub(crate) Channel);

impl Sender for NoSender {
    fn name(&self) -> &'static str {
        "none"
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, _message: &'a Outgoing, _deadline: Instant) -> Sending<'a> {
        let section = self.0.name();
        Box::pin(async move {
            Err(SendError::refused(format!("no sender is configured: set `sender` in [{section}]")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_sender_everything_is_refused_with_what_to_do() {
        let message = Outgoing {
            id: "ema_1".to_owned(),
            instance_id: "ins_1".to_owned(),
            channel: Channel::Email,
            to: "a@example.com".to_owned(),
            subject: None,
            text: "x".to_owned(),
            from: None,
        };
        let error = NoSender(Channel::Email).send(&message, Instant::now()).await.unwrap_err();
        assert_eq!(error, SendError::refused("no sender is configured: set `sender` in [email]"));
    }
}

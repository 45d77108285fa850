//! After a message is committed: the delivery job is woken, and the inbox of development has the code or the link.

use super::message::Letter;
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::inbox::{self, InboxMessage};
use verger_core::verification::Prepared;
use verger_core::{Identification, Identifier, PendingCode};
use verger_deliver::Channel;
use verger_store::Message;
use verger_wire::{MessageId, UnixMillis};

/// A prepared code, for the inbox of development.
pub(super) struct Shown {
    pub(super) prepared: Prepared,
    pub(super) held: Identification,
    pub(super) id: MessageId,
    /// `None` for a test number, to which nothing is sent.
    pub(super) letter: Option<Letter>,
    pub(super) now: UnixMillis,
}

impl Writing<'_> {
    /// The message is committed: wakes the delivery job, and adds the message to the inbox.
    pub(super) fn hand_on(&self, shown: Shown) {
        let channel = match shown.held.identifier {
            Identifier::Phone(_) => Channel::Sms,
            Identifier::Email(_) => Channel::Email,
        };
        let is_sent = shown.letter.is_some();
        self.show(shown);
        if is_sent {
            self.app.new_message(channel).notify_one();
        }
    }

    /// The email of an invitation is committed.
    pub(in crate::engine) fn hand_on_invitation(&self, message: &Message) -> Result<(), Failure> {
        self.show_invitation(message)?;
        self.app.new_message(Channel::Email).notify_one();
        Ok(())
    }

    /// Adds the email of an invitation to the inbox.
    fn show_invitation(&self, message: &Message) -> Result<(), Failure> {
        let Some(dev) = self.app.dev_of(&self.context.instance) else { return Ok(()) };
        let sealed = message.sealed.as_deref();
        let text = sealed.and_then(|sealed| self.app.keyring.open(message.id.as_str(), sealed));
        let text = text.ok_or_else(|| Failure::Bug("a message that was sealed does not open".to_owned()))?;
        let letter: Letter = serde_json::from_str(&text).map_err(|error| Failure::Bug(error.to_string()))?;
        dev.inbox.push(InboxMessage {
            id: message.id.to_string(),
            object: "message",
            channel: message.channel.to_string(),
            to: letter.to,
            subject: letter.subject,
            text: letter.text,
            code: String::new(),
            phone_number_id: None,
            email_address_id: None,
            invitation_id: Some(message.identification_id.to_string()),
            user_id: String::new(),
            verification_id: String::new(),
            status: message.state.as_str(),
            created_at: message.created_at,
            instance: Some(self.context.instance.id.clone()),
            end: None,
        });
        Ok(())
    }

    /// Adds a code to the inbox. Without a letter nothing is sent, and the entry says so.
    fn show(&self, shown: Shown) {
        let Shown { prepared, held, id, letter, now } = shown;
        let Some(dev) = self.app.dev_of(&self.context.instance) else { return };
        let (phone, email) = match held.identifier {
            Identifier::Phone(_) => (Some(held.id.to_string()), None),
            Identifier::Email(_) => (None, Some(held.id.to_string())),
        };
        let status = if letter.is_some() { "queued" } else { inbox::NOT_SENT };
        let letter = letter.unwrap_or_else(|| Letter {
            to: held.identifier.as_str().to_owned(),
            subject: None,
            text: format!("Nothing is sent to a test number. Its code is always {}.", prepared.code),
        });
        dev.inbox.push(InboxMessage {
            id: id.to_string(),
            object: "message",
            channel: if phone.is_some() { "sms" } else { "email" }.to_owned(),
            to: letter.to,
            subject: letter.subject,
            text: letter.text,
            code: prepared.code.clone(),
            phone_number_id: phone,
            email_address_id: email,
            invitation_id: None,
            user_id: prepared.change.user.id.to_string(),
            verification_id: held
                .pending_code
                .as_ref()
                .map(|code: &PendingCode| code.id.to_string())
                .unwrap_or_default(),
            status,
            created_at: now,
            instance: Some(self.context.instance.id.clone()),
            end: None,
        });
    }
}

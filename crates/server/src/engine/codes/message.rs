//! The message that carries a code, and the change that tells of it.

use crate::changes::{MessageForm, NewMessage, Words, seal_name};
use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::sending_reasons::NO_SENDER;
use serde::{Deserialize, Serialize};
use verger_core::verification::{CODE_LIFETIME_MS, Prepared};
use verger_core::{Identification, Identifier};
use verger_deliver::{Channel, EVENT_SENDER, masked, template::Values};
use verger_store::{Message, MessageState, NewChange};
use verger_wire::{MessageId, Refused, UnixMillis};

/// The part of a message that is sealed until it is sent.
#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
}

impl Writing<'_> {
    pub(super) fn message(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: MessageId,
        now: UnixMillis,
    ) -> Result<(Option<Message>, Letter), Failure> {
        let (instance, user) = (&self.context.instance, &prepared.change.user);
        let (channel, sender) = match &held.identifier {
            Identifier::Phone(_) => (Channel::Sms, &self.app.delivery.sms),
            Identifier::Email(_) => (Channel::Email, &self.app.delivery.email),
        };
        if sender.name() == "none" {
            return Err(Refused::new(&NO_SENDER).with("channel", channel.name()).into());
        }
        let minutes = u32::try_from(CODE_LIFETIME_MS / 60_000).unwrap_or(u32::MAX);
        let values = Values { code: &prepared.code, app_name: &instance.name, minutes };
        let (locale, templates) = (user.locale.as_deref(), &self.app.delivery.templates);
        let (subject, text) = match channel {
            Channel::Sms => (None, templates.sms(instance.id.as_str(), locale, &values)),
            Channel::Email => {
                let (subject, text) = templates.email(instance.id.as_str(), locale, &values);
                (Some(subject), text)
            }
        };
        let letter = Letter { to: held.identifier.as_str().to_owned(), subject, text };
        if sender.name() == EVENT_SENDER {
            // Only the event carries the code.
            return Ok((None, letter));
        }
        let plain = serde_json::to_string(&letter).map_err(|error| Failure::Bug(error.to_string()))?;
        let sealed = self.app.keyring.seal(id.as_str(), &plain);
        let real_now = self.app.clock.now();
        let verification =
            held.pending_code.as_ref().ok_or_else(|| Failure::Bug("no code was made".to_owned()))?;
        let message = Message {
            id,
            channel: channel.name().to_owned(),
            user_id: user.id.clone(),
            identification_id: held.id.clone(),
            verification_id: verification.id.clone(),
            recipient: masked(&letter.to),
            sealed: Some(sealed.ok_or_else(|| Failure::Bug("a message could not be sealed".to_owned()))?),
            state: MessageState::Queued,
            tries: 0,
            due_at: real_now,
            give_up_at: real_now.plus_ms(CODE_LIFETIME_MS),
            sender: None,
            provider_id: None,
            reason: None,
            created_at: now,
            updated_at: now,
        };
        Ok((Some(message), letter))
    }

    /// `sms.created` or `email.created`. It contains the code, sealed, only if the application delivers the message.
    pub(super) fn message_told(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: &MessageId,
        letter: &Letter,
        is_ours: bool,
        now: UnixMillis,
    ) -> Result<NewChange, Failure> {
        let bug = |error: serde_json::Error| Failure::Bug(error.to_string());
        let Letter { to, subject, text } = letter;
        let code = Some(prepared.code.clone());
        let words = Words { text: text.clone(), subject: subject.clone(), code };
        let sealed = if is_ours {
            None
        } else {
            let plain = serde_json::to_string(&words).map_err(bug)?;
            let sealed = self.app.keyring.seal(&seal_name(id.as_str()), &plain);
            Some(sealed.ok_or_else(|| Failure::Bug("an event could not be sealed".to_owned()))?)
        };
        let instance = &self.context.instance;
        let from = match held.identifier {
            Identifier::Phone(_) => self.app.delivery_from.0.get(instance.id.as_str()),
            Identifier::Email(_) => self.app.delivery_from.1.get(instance.id.as_str()),
        };
        let form = MessageForm {
            to: to.clone(),
            identification_id: held.id.to_string(),
            from: from.cloned().unwrap_or_default(),
            app_name: instance.name.clone(),
            is_ours,
            words: words.hidden(),
        };
        let message = NewMessage { id, user: &prepared.change.user, held, form, sealed };
        self.stamp(now).message(message).map_err(bug)
    }
}

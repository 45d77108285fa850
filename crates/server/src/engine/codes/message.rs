//! The message that carries a code, and the event that tells of it.

use crate::engine::writing::Writing;
use crate::error::Failure;
use crate::render;
use crate::sending_reasons::NO_SENDER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use verger_core::verification::{CODE_LIFETIME_MS, Prepared};
use verger_core::{Identification, Identifier};
use verger_deliver::{Channel, EVENT_SENDER, masked, template::Values};
use verger_store::{Message, MessageState, OutboxEvent};
use verger_wire::{MessageId, Refused, UnixMillis, UserId};

/// Replaces the code in events.
const HIDDEN_CODE: &str = "••••••";

/// The part of a message that is sealed until it is sent.
#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: Option<String>,
    pub(crate) text: String,
}

/// What an event tells of a message.
struct Told<'a> {
    id: &'a MessageId,
    held: &'a Identification,
    user_id: &'a UserId,
    to: &'a str,
    /// Emails alone have one.
    subject: Option<String>,
    text: String,
    /// `None` where the text has dots in its place.
    code: Option<&'a str>,
    /// Whether this server delivers it.
    is_ours: bool,
    now: UnixMillis,
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
    pub(super) fn message_event(
        &self,
        prepared: &Prepared,
        held: &Identification,
        id: &MessageId,
        letter: &Letter,
        is_ours: bool,
        now: UnixMillis,
    ) -> Result<OutboxEvent, Failure> {
        let bug = |error: serde_json::Error| Failure::Bug(error.to_string());
        let user = &prepared.change.user;
        let event_id = self.app.env().event_id();
        let render = |code: Option<&str>| {
            let text = match code {
                Some(_) => letter.text.clone(),
                None => letter.text.replace(&prepared.code, HIDDEN_CODE),
            };
            let subject = letter.subject.as_ref().map(|subject| match code {
                Some(_) => subject.clone(),
                None => subject.replace(&prepared.code, HIDDEN_CODE),
            });
            let to = &letter.to;
            let told = Told { id, held, user_id: &user.id, to, subject, text, code, is_ours, now };
            let (kind, data) = self.data_of(told);
            let event = verger_wire::Event {
                id: event_id.to_string(),
                object: "event".to_owned(),
                kind: kind.to_owned(),
                instance_id: self.context.instance.id.to_string(),
                event_attributes: render::event_attributes(self.context),
                timestamp: now,
                data: serde_json::value::to_raw_value(&data)?,
                before: None,
                changes: BTreeMap::new(),
                consequences: Vec::new(),
                actor: render::actor(self.context),
                clerk_trace_id: self.context.trace_id.0.to_string(),
            };
            Ok::<_, serde_json::Error>((kind, serde_json::to_string(&event)?))
        };
        let (kind, payload) = render(None).map_err(bug)?;
        let sealed = if is_ours {
            None
        } else {
            let (_, full) = render(Some(&prepared.code)).map_err(bug)?;
            let sealed = self.app.keyring.seal(event_id.as_str(), &full);
            Some(sealed.ok_or_else(|| Failure::Bug("an event could not be sealed".to_owned()))?)
        };
        Ok(OutboxEvent {
            id: event_id,
            kind: kind.to_owned(),
            user_id: user.id.clone(),
            user_version: user.version,
            created_at: now,
            payload,
            sealed,
        })
    }

    /// The type of the event, and its `data`.
    fn data_of(&self, told: Told<'_>) -> (&'static str, Value) {
        let instance = &self.context.instance;
        let (sms_from, email_from) = &self.app.delivery_from;
        let own = json!({ "otp_code": told.code, "app": { "name": instance.name } });
        match &told.held.identifier {
            Identifier::Phone(_) => (
                "sms.created",
                json!({
                    "object": "sms_message",
                    "id": told.id,
                    "slug": "verification_code",
                    "from_phone_number": sms_from.get(instance.id.as_str()).map_or("", String::as_str),
                    "to_phone_number": told.to,
                    "phone_number_id": told.held.id,
                    "user_id": told.user_id,
                    "message": told.text,
                    "status": "queued",
                    "data": own,
                    "delivered_by_clerk": told.is_ours,
                    "created_at_ms": told.now,
                }),
            ),
            Identifier::Email(_) => (
                "email.created",
                json!({
                    "object": "email",
                    "id": told.id,
                    "slug": "verification_code",
                    "from_email_name": email_from.get(instance.id.as_str()).map_or("", String::as_str),
                    "reply_to_email_name": null,
                    "to_email_address": told.to,
                    "email_address_id": told.held.id,
                    "user_id": told.user_id,
                    "subject": told.subject.unwrap_or_default(),
                    "body": "",
                    "body_plain": told.text,
                    "status": "queued",
                    "data": own,
                    "delivered_by_clerk": told.is_ours,
                }),
            ),
        }
    }
}

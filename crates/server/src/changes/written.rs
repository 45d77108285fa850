//! Changes on their way into the store.

use super::endpoint::EndpointStates;
use super::kept::{Author, encode};
use super::message::{MessageForm, RefusalForm, created, refused};
use super::session::SessionChange;
use super::user::{UserStates, version_of};
use serde::Serialize;
use verger_core::event::{ChangeKind, Resource, between};
use verger_core::webhook_endpoint::event_between;
use verger_core::{Consequence, Env, Identification, User, WebhookEndpoint};
use verger_store::{NewChange, NewEvent};
use verger_wire::{MessageId, UnixMillis, UserId};

/// Who makes a change, when, and what salts the digest of its personal part.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    pub(crate) author: Author,
    pub(crate) at: UnixMillis,
    pub(super) salt: [u8; 16],
}

/// A message that was written, for the change that tells of it.
pub(crate) struct NewMessage<'a> {
    pub(crate) id: &'a MessageId,
    pub(crate) user: &'a User,
    pub(crate) held: &'a Identification,
    /// Without its code.
    pub(crate) form: MessageForm,
    /// Its words with the code, sealed, if the application delivers it.
    pub(crate) sealed: Option<String>,
}

/// A message that a limit refused, for the row of the trail.
pub(crate) struct Refusal<'a> {
    pub(crate) user: &'a User,
    pub(crate) held: &'a Identification,
    /// To whom it would have gone, masked.
    pub(crate) to: String,
    /// The limit, as metrics name it.
    pub(crate) limit: &'a str,
}

impl Stamp {
    /// A stamp for one change, now.
    pub(crate) fn of(author: Author, env: &mut Env) -> Self {
        let mut salt = [0; 16];
        env.rng().fill_bytes(&mut salt);
        Self { author, at: env.now, salt }
    }

    /// The change of a user; `None` if there is nothing to tell of it.
    pub(crate) fn user(
        self,
        before: Option<&User>,
        after: Option<&User>,
        consequences: &[Consequence],
    ) -> Result<Option<NewChange>, serde_json::Error> {
        let Some(user) = after.or(before) else { return Ok(None) };
        let event = |event: &verger_core::event::Event<'_>| NewEvent {
            kind: event.kind.name().to_owned(),
            subject: match event.after.or(event.before) {
                Some(Resource::Identification(held)) => Some(held.id.to_string()),
                Some(Resource::User(_)) | None => None,
            },
        };
        let events: Vec<_> = between(before, after).iter().map(event).collect();
        if events.is_empty() {
            return Ok(None);
        }
        let states = UserStates::of(before, after, crate::render::consequences(consequences))?;
        let version = version_of(before, after);
        let of = Of { kind: ChangeKind::User, user_id: user.id.clone(), version, events };
        self.change(of, states, None).map(Some)
    }

    /// A message that was written.
    pub(crate) fn message(self, message: NewMessage<'_>) -> Result<NewChange, serde_json::Error> {
        let kind = created(message.held.identifier.kind());
        let event = NewEvent { kind: kind.to_owned(), subject: Some(message.id.to_string()) };
        let of = Of::message(message.user, event);
        self.change(of, message.form, message.sealed)
    }

    /// A message that was refused.
    pub(crate) fn refusal(self, refusal: Refusal<'_>) -> Result<NewChange, serde_json::Error> {
        let kind = refused(refusal.held.identifier.kind());
        let event = NewEvent { kind: kind.to_owned(), subject: Some(refusal.held.id.to_string()) };
        let of = Of::message(refusal.user, event);
        self.change(of, RefusalForm { to: refusal.to, reason: refusal.limit.to_owned() }, None)
    }

    /// The change of a session; `None` if there is nothing to tell of it.
    pub(crate) fn session(self, change: SessionChange<'_>) -> Result<Option<NewChange>, serde_json::Error> {
        let Some(kind) = change.event_type(self.at) else { return Ok(None) };
        let event = NewEvent { kind: kind.to_owned(), subject: Some(change.after.id.to_string()) };
        let (user_id, version) = (change.user.id.clone(), change.user.version);
        let of = Of { kind: ChangeKind::Session, user_id, version, events: vec![event] };
        let form = change.form(self.at)?;
        self.change(of, form, None).map(Some)
    }

    /// The change of a webhook endpoint; `None` if there is nothing to tell of it.
    pub(crate) fn endpoint(
        self,
        before: Option<&WebhookEndpoint>,
        after: Option<&WebhookEndpoint>,
    ) -> Result<Option<NewChange>, serde_json::Error> {
        let Some((endpoint, kind)) = after.or(before).zip(event_between(before, after)) else {
            return Ok(None);
        };
        let event = NewEvent { kind: kind.to_owned(), subject: Some(endpoint.id.to_string()) };
        // Every request moves it, and a removal follows the last one.
        let version = endpoint.updated_at.0.saturating_add(i64::from(after.is_none()));
        let of = Of { kind: ChangeKind::WebhookEndpoint, user_id: "".into(), version, events: vec![event] };
        self.change(of, EndpointStates::of(before, after), None).map(Some)
    }

    fn change(
        self,
        of: Of,
        data: impl Serialize,
        sealed: Option<String>,
    ) -> Result<NewChange, serde_json::Error> {
        Ok(NewChange {
            kind: of.kind.as_str(),
            created_at: self.at,
            user_id: of.user_id,
            user_version: of.version,
            events: of.events,
            who: self.author.who.encode()?,
            personal: encode(&self.author.origin, Some(data))?,
            salt: self.salt,
            sealed,
        })
    }
}

/// What a change is of.
struct Of {
    kind: ChangeKind,
    /// Empty if it is of no user.
    user_id: UserId,
    /// What orders the changes of one aggregate that are made at the same moment.
    version: i64,
    events: Vec<NewEvent>,
}

impl Of {
    fn message(user: &User, event: NewEvent) -> Self {
        Self {
            kind: ChangeKind::Message,
            user_id: user.id.clone(),
            version: user.version,
            events: vec![event],
        }
    }
}

//! Events and entries of the trail, rendered from a stored change whenever they are read.

use super::audit;
use super::endpoint::EndpointStates;
use super::event::{Heading, actor};
use super::instance::InstanceForm;
use super::kept::{Author, Origin, Undecodable, Who, decode};
use super::message::{MessageForm, RefusalForm, Words};
use super::session::SessionForm;
use super::user::UserStates;
use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use verger_core::User;
use verger_core::event::{ChangeKind, ENDPOINT_DISABLED, EventKind, event_type, is_told, of_subject};
use verger_store::{ChangeEvent, NewChange, StoredChange};
use verger_wire::{Event, InstanceId, UnixMillis, UserId};

/// What a stored change has, wherever it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChangeRow<'a> {
    /// The name of its [`ChangeKind`].
    pub(crate) kind: &'a str,
    /// The `type` of one of its events.
    pub(crate) event: &'a str,
    pub(crate) created_at: UnixMillis,
    /// Empty if it is of no user.
    pub(crate) user_id: &'a UserId,
    pub(crate) user_version: i64,
    pub(crate) who: &'a str,
    /// `None` once it was erased.
    pub(crate) personal: Option<&'a str>,
}

impl<'a> From<&'a NewChange> for ChangeRow<'a> {
    fn from(change: &'a NewChange) -> Self {
        Self {
            kind: change.kind,
            event: change.events.first().map_or("", |event| &event.kind),
            created_at: change.created_at,
            user_id: &change.user_id,
            user_version: change.user_version,
            who: &change.who,
            personal: Some(&change.personal),
        }
    }
}

impl<'a> From<&'a StoredChange> for ChangeRow<'a> {
    fn from(change: &'a StoredChange) -> Self {
        Self {
            kind: &change.kind,
            event: change.events.first().map_or("", |event| &event.kind),
            created_at: change.created_at,
            user_id: &change.user_id,
            user_version: change.user_version,
            who: &change.who,
            personal: change.personal.as_deref(),
        }
    }
}

/// One event of a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventOf<'a> {
    /// `evt_…`
    pub(crate) id: &'a str,
    /// Its `type`.
    pub(crate) kind: &'a str,
    /// What it is about; `None`: the user of the change.
    pub(crate) subject: Option<&'a str>,
}

impl<'a> From<&'a ChangeEvent> for EventOf<'a> {
    fn from(event: &'a ChangeEvent) -> Self {
        Self { id: event.id.as_str(), kind: &event.kind, subject: event.subject.as_deref() }
    }
}

/// A stored change that was read, once for all its events.
pub(crate) struct Rendering<'a> {
    instance: &'a InstanceId,
    row: ChangeRow<'a>,
    author: Author,
    content: Content,
}

enum Content {
    User {
        before: Option<Box<User>>,
        after: Option<Box<User>>,
        consequences: Vec<String>,
    },
    Message(MessageForm),
    Refusal(RefusalForm),
    Endpoint(EndpointStates),
    Instance(InstanceForm),
    Session(Box<SessionForm>),
    /// A person was erased.
    Erased,
    /// The row is damaged, or of a later version.
    Unreadable,
}

/// An event as it was rendered.
enum Rendered {
    Event(Box<Event>),
    /// An event without a request behind it.
    Json(Value),
}

impl<'a> Rendering<'a> {
    /// Reads a change. One that cannot be read is told of without what it has.
    pub(crate) fn of(instance: &'a InstanceId, change: impl Into<ChangeRow<'a>>) -> Self {
        let row = change.into();
        let read = read(&row);
        let (author, content) = read.unwrap_or_else(|error| {
            let instance_id = instance.as_str();
            tracing::error!(%error, instance_id, user_id = row.user_id.as_str(), "a change cannot be read");
            let who = Who::decode(row.who).unwrap_or_default();
            (Author { who, origin: Origin::default() }, Content::Unreadable)
        });
        Self { instance, row, author, content }
    }

    /// The event as the feed and webhooks carry it, without its code.
    pub(crate) fn payload(&self, event: EventOf<'_>) -> String {
        match self.rendered(event, None).unwrap_or_else(|| Rendered::Event(Box::new(self.bare(event)))) {
            Rendered::Event(event) => text(&event),
            Rendered::Json(value) => value.to_string(),
        }
    }

    /// The event with the words of its message in the place of those without the code; `None` if it is of no message.
    pub(crate) fn payload_with(&self, event: EventOf<'_>, words: Words) -> Option<String> {
        match self.rendered(event, Some(words))? {
            Rendered::Event(event) => Some(text(&event)),
            Rendered::Json(_) => None,
        }
    }

    /// The event as the trail shows it: who did what to which resource, and what changed, with masked values.
    pub(crate) fn entry(&self, event: EventOf<'_>) -> Value {
        if !is_told(event.kind)
            && let Some(note) = self.note(event)
        {
            return note;
        }
        match self.rendered(event, None) {
            Some(Rendered::Event(event)) => audit::entry_of(&event),
            Some(Rendered::Json(event)) => audit::entry_of_text(&event.to_string()),
            None => self.bare_note(event, Value::Object(self.bare_data(event))),
        }
    }

    fn subject<'b>(&'b self, event: EventOf<'b>) -> &'b str {
        event.subject.unwrap_or(self.row.user_id.as_str())
    }

    fn heading<'b>(&'b self, event: EventOf<'b>, consequences: &'b [String]) -> Heading<'b> {
        Heading {
            id: event.id,
            kind: event.kind,
            instance_id: self.instance.as_str(),
            timestamp: self.row.created_at,
            author: &self.author,
            consequences,
        }
    }

    /// `None` if the change does not have what the event is about.
    fn rendered(&self, event: EventOf<'_>, words: Option<Words>) -> Option<Rendered> {
        let (subject, at) = (self.subject(event), self.row.created_at);
        let rendered = match &self.content {
            Content::User { before, after, consequences } => {
                let kind = EventKind::parse(event.kind)?;
                let told = of_subject(kind, subject, before.as_deref(), after.as_deref())?;
                self.heading(event, consequences).event_of(&told).ok()?
            }
            Content::Message(form) => {
                let form = MessageForm { words: words.unwrap_or_else(|| form.words.clone()), ..form.clone() };
                let data = form.data(event.kind, subject, self.row.user_id, at);
                self.heading(event, &[]).event(to_raw_value(&data).ok()?)
            }
            Content::Session(form) => {
                let data = form.data(self.row.user_id, self.row.user_version, at).ok()?;
                self.heading(event, &[]).event(data)
            }
            Content::Endpoint(states) if event.kind == ENDPOINT_DISABLED => {
                return Some(Rendered::Json(json!({
                    "id": event.id,
                    "object": "event",
                    "type": event.kind,
                    "timestamp": at,
                    "instance_id": self.instance,
                    "data": states.disabled(subject),
                })));
            }
            Content::Instance(form) => {
                Event { changes: form.changes(), ..self.heading(event, &[]).event(form.data(subject)?) }
            }
            Content::Endpoint(_) | Content::Refusal(_) | Content::Erased | Content::Unreadable => {
                return None;
            }
        };
        Some(Rendered::Event(Box::new(rendered)))
    }

    /// What is left of an event whose change has nothing personal any more, or cannot be read.
    fn bare(&self, event: EventOf<'_>) -> Event {
        let data = to_raw_value(&self.bare_data(event)).unwrap_or_default();
        self.heading(event, &[]).event(data)
    }

    fn bare_data(&self, event: EventOf<'_>) -> Map<String, Value> {
        let object = match event.kind.split_once('.').map_or("", |(object, _)| object) {
            "sms" => "sms_message",
            object => object,
        };
        let mut data = Map::new();
        data.insert("id".to_owned(), self.subject(event).into());
        data.insert("object".to_owned(), object.into());
        let why = match &self.content {
            Content::Erased => "erased",
            _ => "unreadable",
        };
        data.insert(why.to_owned(), true.into());
        data
    }

    /// The entry of an event that only the trail has; `None` if the change does not have what it is about.
    fn note(&self, event: EventOf<'_>) -> Option<Value> {
        let subject = self.subject(event);
        match &self.content {
            Content::Refusal(form) => {
                Some(self.bare_note(event, form.resource(event.kind, subject, self.row.user_id)))
            }
            Content::Endpoint(states) => {
                let mut note = self.bare_note(event, states.resource(subject));
                note["changes"] = Value::Object(states.changes());
                Some(note)
            }
            Content::User { before: None, after: None, .. } => {
                Some(self.bare_note(event, json!({ "id": subject, "object": "user" })))
            }
            _ => None,
        }
    }

    fn bare_note(&self, event: EventOf<'_>, resource: Value) -> Value {
        let mut note = Map::new();
        note.insert("type".to_owned(), event.kind.into());
        note.insert("timestamp".to_owned(), json!(self.row.created_at));
        let who = &self.author.who;
        if who.key_id.is_some() {
            note.insert("actor".to_owned(), json!(actor(&self.author)));
            note.insert("clerk_trace_id".to_owned(), json!(who.trace_id));
        } else if let Some(command) = &who.command {
            note.insert("actor".to_owned(), json!({ "command": command }));
        }
        note.insert("resource".to_owned(), resource);
        Value::Object(note)
    }
}

fn text(of: &impl Serialize) -> String {
    // Numbers were read and keys are texts, so that nothing can fail.
    serde_json::to_string(of).unwrap_or_default()
}

fn read(row: &ChangeRow<'_>) -> Result<(Author, Content), Undecodable> {
    let who = Who::decode(row.who)?;
    let Some(personal) = row.personal else {
        return Ok((Author { who, origin: Origin::default() }, Content::Erased));
    };
    let missing = || Undecodable::Damaged("what it is of");
    let (origin, content) = match ChangeKind::parse(row.kind).ok_or(Undecodable::UnknownKind)? {
        ChangeKind::User => {
            let (origin, states) = decode::<UserStates>(personal)?;
            let mut states = states.unwrap_or_default();
            let consequences = std::mem::take(&mut states.consequences);
            let (before, after) = states.states(row.user_id, row.user_version)?;
            let (before, after) = (before.map(Box::new), after.map(Box::new));
            (origin, Content::User { before, after, consequences })
        }
        ChangeKind::Message if event_type(row.event).is_some_and(|of| !is_told(of.name)) => {
            let (origin, form) = decode(personal)?;
            (origin, Content::Refusal(form.ok_or_else(missing)?))
        }
        ChangeKind::Message => {
            let (origin, form) = decode(personal)?;
            (origin, Content::Message(form.ok_or_else(missing)?))
        }
        ChangeKind::WebhookEndpoint => {
            let (origin, states) = decode(personal)?;
            (origin, Content::Endpoint(states.ok_or_else(missing)?))
        }
        ChangeKind::Settings | ChangeKind::SigningKey => {
            let (origin, form) = decode(personal)?;
            (origin, Content::Instance(form.ok_or_else(missing)?))
        }
        ChangeKind::Session => {
            let (origin, form) = decode(personal)?;
            (origin, Content::Session(Box::new(form.ok_or_else(missing)?)))
        }
    };
    Ok((Author { who, origin }, content))
}

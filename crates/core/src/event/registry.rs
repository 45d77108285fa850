//! The one list of event types: what each is called, what it carries, which change makes it, and who is told.

/// An endpoint was added.
pub const ENDPOINT_CREATED: &str = "webhook_endpoint.created";
/// A request changed an endpoint.
pub const ENDPOINT_UPDATED: &str = "webhook_endpoint.updated";
/// An endpoint was removed.
pub const ENDPOINT_DELETED: &str = "webhook_endpoint.deleted";
/// An endpoint signs with a new secret.
pub const ENDPOINT_SECRET_ROTATED: &str = "webhook_endpoint.secret_rotated";
/// An endpoint failed for days or is gone, and nothing is sent to it any more.
pub const ENDPOINT_DISABLED: &str = "webhook_endpoint.disabled";
/// What an instance is set to was changed.
pub const SETTINGS_UPDATED: &str = "settings.updated";
/// A key for signing tokens was made and is published.
pub const SIGNING_KEY_CREATED: &str = "signing_key.created";
/// A key for signing tokens signs earlier than it was planned.
pub const SIGNING_KEY_UPDATED: &str = "signing_key.updated";
/// A key for signing tokens is published no more.
pub const SIGNING_KEY_RETIRED: &str = "signing_key.retired";
/// What the trail had of a person was erased; the rows themselves stay.
pub const USER_ERASED: &str = "user.erased";

/// One type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// The `type` of the event, such as `phone_number.verified`. Stored with every change, so it never changes.
    pub name: &'static str,
    /// What is in its `data`.
    pub payload: Payload,
    /// The kind of change that makes it.
    pub made_by: ChangeKind,
    /// Who is told of it.
    pub audience: Audience,
}

/// What is in the `data` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A user with all identifications.
    User,
    /// A phone number of a user.
    PhoneNumber,
    /// An email address of a user.
    EmailAddress,
    /// Of something that is gone: its id, and `deleted`.
    DeletedObject,
    /// A text message.
    Sms,
    /// An email.
    Email,
    /// A webhook endpoint, without its secret and without the path of its URL.
    WebhookEndpoint,
    /// The id of the instance and the version of its settings; what differs is in `changes`.
    Settings,
    /// A key for signing tokens, without either of its halves.
    SigningKey,
    /// A session, with its user.
    Session,
}

/// The kinds of changes that are kept as rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A user or its identifications.
    User,
    /// A message to a user: written, or refused by a limit.
    Message,
    /// A webhook endpoint.
    WebhookEndpoint,
    /// What an instance is set to.
    Settings,
    /// A key for signing tokens.
    SigningKey,
    /// A session.
    Session,
}

/// Who is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The feed, webhook endpoints and the audit trail.
    Feed,
    /// The audit trail alone.
    Trail,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::User, Self::Message, Self::WebhookEndpoint, Self::Settings, Self::SigningKey, Self::Session];

    /// The name in the store. Stored with every change, so it never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Message => "message",
            Self::WebhookEndpoint => "webhook_endpoint",
            Self::Settings => "settings",
            Self::SigningKey => "signing_key",
            Self::Session => "session",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

const fn fed(name: &'static str, payload: Payload, made_by: ChangeKind) -> EventType {
    EventType { name, payload, made_by, audience: Audience::Feed }
}

const fn kept(name: &'static str, payload: Payload, made_by: ChangeKind) -> EventType {
    EventType { name, payload, made_by, audience: Audience::Trail }
}

/// Every type of event. The order is that of documents and error texts.
pub const REGISTRY: &[EventType] = {
    use ChangeKind as Made;
    &[
        fed("user.created", Payload::User, Made::User),
        fed("user.updated", Payload::User, Made::User),
        fed("user.deleted", Payload::DeletedObject, Made::User),
        fed("phone_number.created", Payload::PhoneNumber, Made::User),
        fed("phone_number.updated", Payload::PhoneNumber, Made::User),
        fed("phone_number.verified", Payload::PhoneNumber, Made::User),
        fed("phone_number.deleted", Payload::DeletedObject, Made::User),
        fed("email_address.created", Payload::EmailAddress, Made::User),
        fed("email_address.updated", Payload::EmailAddress, Made::User),
        fed("email_address.verified", Payload::EmailAddress, Made::User),
        fed("email_address.deleted", Payload::DeletedObject, Made::User),
        fed("sms.created", Payload::Sms, Made::Message),
        fed("email.created", Payload::Email, Made::Message),
        fed(ENDPOINT_DISABLED, Payload::WebhookEndpoint, Made::WebhookEndpoint),
        fed("session.created", Payload::Session, Made::Session),
        fed("session.pending", Payload::Session, Made::Session),
        fed("session.ended", Payload::Session, Made::Session),
        fed("session.removed", Payload::Session, Made::Session),
        fed("session.revoked", Payload::Session, Made::Session),
        fed(SETTINGS_UPDATED, Payload::Settings, Made::Settings),
        fed(SIGNING_KEY_CREATED, Payload::SigningKey, Made::SigningKey),
        fed(SIGNING_KEY_UPDATED, Payload::SigningKey, Made::SigningKey),
        fed(SIGNING_KEY_RETIRED, Payload::SigningKey, Made::SigningKey),
        kept("sms.refused", Payload::Sms, Made::Message),
        kept("email.refused", Payload::Email, Made::Message),
        kept(ENDPOINT_CREATED, Payload::WebhookEndpoint, Made::WebhookEndpoint),
        kept(ENDPOINT_UPDATED, Payload::WebhookEndpoint, Made::WebhookEndpoint),
        kept(ENDPOINT_DELETED, Payload::WebhookEndpoint, Made::WebhookEndpoint),
        kept(ENDPOINT_SECRET_ROTATED, Payload::WebhookEndpoint, Made::WebhookEndpoint),
        kept(USER_ERASED, Payload::DeletedObject, Made::User),
    ]
};

/// The types that the feed and webhook endpoints are told of.
pub const EVENT_TYPES: &[&str] = &names::<{ count(true) }>(true);
/// The types of rows that only the audit trail has.
pub const NOTE_TYPES: &[&str] = &names::<{ count(false) }>(false);

const fn is_fed(of: &EventType) -> bool {
    matches!(of.audience, Audience::Feed)
}

const fn count(fed: bool) -> usize {
    let (mut at, mut found) = (0, 0);
    while at < REGISTRY.len() {
        if is_fed(&REGISTRY[at]) == fed {
            found += 1;
        }
        at += 1;
    }
    found
}

const fn names<const N: usize>(fed: bool) -> [&'static str; N] {
    let (mut at, mut found, mut names) = (0, 0, [""; N]);
    while at < REGISTRY.len() {
        if is_fed(&REGISTRY[at]) == fed {
            names[found] = REGISTRY[at].name;
            found += 1;
        }
        at += 1;
    }
    names
}

/// Whether the feed and webhook endpoints are told of events of this type. Not of one that a later version made: this version
/// has no words for it.
pub fn is_told(name: &str) -> bool {
    event_type(name).is_some_and(is_fed)
}

/// The type with this name; `None` for one of a later version.
pub fn event_type(name: &str) -> Option<&'static EventType> {
    REGISTRY.iter().find(|of| of.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_in_one_list_under_a_name_of_its_own() {
        let listed = [EVENT_TYPES, NOTE_TYPES].concat();
        assert_eq!(
            listed,
            REGISTRY.iter().map(|of| of.name).collect::<Vec<_>>(),
            "trail-only types come last"
        );
        for name in &listed {
            assert_eq!(listed.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert_eq!(event_type(name).map(|of| of.name), Some(*name));
            // Names are joined by blanks and colons where they are stored.
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)), "{name}");
        }
        assert!(EVENT_TYPES.contains(&ENDPOINT_DISABLED) && NOTE_TYPES.contains(&ENDPOINT_CREATED));
        assert_eq!(event_type("organization.created"), None);
        assert!(EVENT_TYPES.iter().all(|name| is_told(name)));
        assert!(!NOTE_TYPES.iter().any(|name| is_told(name)) && !is_told("organization.created"));
    }

    #[test]
    fn what_a_type_carries_follows_from_its_name() {
        for of in REGISTRY {
            let (object, verb) = of.name.split_once('.').unwrap();
            let expected = match (object, verb) {
                ("webhook_endpoint", _) => (Payload::WebhookEndpoint, ChangeKind::WebhookEndpoint),
                ("settings", _) => (Payload::Settings, ChangeKind::Settings),
                ("signing_key", _) => (Payload::SigningKey, ChangeKind::SigningKey),
                ("session", _) => (Payload::Session, ChangeKind::Session),
                ("sms", _) => (Payload::Sms, ChangeKind::Message),
                ("email", _) => (Payload::Email, ChangeKind::Message),
                (_, "deleted" | "erased") => (Payload::DeletedObject, ChangeKind::User),
                ("user", _) => (Payload::User, ChangeKind::User),
                ("phone_number", _) => (Payload::PhoneNumber, ChangeKind::User),
                ("email_address", _) => (Payload::EmailAddress, ChangeKind::User),
                _ => panic!("{}", of.name),
            };
            assert_eq!((of.payload, of.made_by), expected, "{}", of.name);
        }
        for kind in ChangeKind::ALL {
            assert_eq!(ChangeKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ChangeKind::parse("organization"), None);
    }
}

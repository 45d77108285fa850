//! The events of a change: derived from a user before and after, so that no change can forget its event. What is no change
//! of a user has none here: a code that is sent is told of by who sends it, one that is tried by nobody.

mod registry;

pub use registry::{
    Audience, ChangeKind, ENDPOINT_CREATED, ENDPOINT_DELETED, ENDPOINT_DISABLED, ENDPOINT_SECRET_ROTATED,
    ENDPOINT_UPDATED, EVENT_TYPES, EventType, NOTE_TYPES, Payload, REGISTRY, SETTINGS_UPDATED,
    SIGNING_KEY_CREATED, SIGNING_KEY_RETIRED, SIGNING_KEY_UPDATED, USER_ERASED, event_type, is_told,
};

use crate::{Credentials, Identification, IdentifierKind, User};
use verger_wire::IdentificationId;

/// What happened to one resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// What happened, and to which kind of resource.
    pub kind: EventKind,
    /// The resource before; `None` for a creation.
    pub before: Option<Resource<'a>>,
    /// The resource after; `None` for a deletion.
    pub after: Option<Resource<'a>>,
}

/// A resource that has events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resource<'a> {
    /// The whole user, with all identifications.
    User(&'a User),
    /// One of its phone numbers or email addresses.
    Identification(&'a Identification),
}

/// The types of events that a change of a user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `user.created`: the user with everything it was created with.
    UserCreated,
    /// `user.updated`: the user or one of its identifications changed.
    UserUpdated,
    /// `user.deleted`: its identifications have events of their own.
    UserDeleted,
    /// `phone_number.created` or `email_address.created`
    IdentificationCreated(IdentifierKind),
    /// `phone_number.updated` or `email_address.updated`
    IdentificationUpdated(IdentifierKind),
    /// `phone_number.verified` or `email_address.verified`: comes after the `updated` or `created` of the same change.
    IdentificationVerified(IdentifierKind),
    /// `phone_number.deleted` or `email_address.deleted`
    IdentificationDeleted(IdentifierKind),
}

impl EventKind {
    /// Every kind, with the `type` of its events. Usernames and external ids are fields of a user.
    const NAMES: [(Self, &'static str); 11] = {
        use IdentifierKind::{EmailAddress, PhoneNumber};
        [
            (Self::UserCreated, "user.created"),
            (Self::UserUpdated, "user.updated"),
            (Self::UserDeleted, "user.deleted"),
            (Self::IdentificationCreated(PhoneNumber), "phone_number.created"),
            (Self::IdentificationUpdated(PhoneNumber), "phone_number.updated"),
            (Self::IdentificationVerified(PhoneNumber), "phone_number.verified"),
            (Self::IdentificationDeleted(PhoneNumber), "phone_number.deleted"),
            (Self::IdentificationCreated(EmailAddress), "email_address.created"),
            (Self::IdentificationUpdated(EmailAddress), "email_address.updated"),
            (Self::IdentificationVerified(EmailAddress), "email_address.verified"),
            (Self::IdentificationDeleted(EmailAddress), "email_address.deleted"),
        ]
    };

    /// The `type` of the event.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of an event of a user's change by its `type`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl Event<'_> {
    /// The id of what it is about: of the user, or of one of its identifications.
    pub fn subject_id(&self) -> &str {
        match self.after.or(self.before) {
            Some(Resource::User(user)) => user.id.as_str(),
            Some(Resource::Identification(held)) => held.id.as_str(),
            None => "",
        }
    }
}

/// A code that is sent, tried in vain or ends makes no new user of anybody, though `pending_code` and `updated_at` move. The
/// right one does, unless what it proves was proved before: it changes the verification.
fn is_same_but_for_codes(a: &Identification, b: &Identification) -> bool {
    let Identification {
        id,
        identifier,
        verification,
        pending_code: _,
        second_factor,
        created_at,
        updated_at: _,
    } = a;
    *id == b.id
        && *identifier == b.identifier
        && *verification == b.verification
        && *second_factor == b.second_factor
        && *created_at == b.created_at
}

fn is_told_the_same(before: Option<&User>, after: Option<&User>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return before.is_none() && after.is_none() };
    if before.version == after.version {
        return before == after;
    }
    let same_identifications = before.identifications.len() == after.identifications.len()
        && before
            .identifications
            .iter()
            .zip(&after.identifications)
            .all(|(a, b)| is_same_but_for_codes(a, b));
    same_identifications
        && *after
            == User {
                version: after.version,
                updated_at: after.updated_at,
                identifications: after.identifications.clone(),
                // Only how often somebody guessed.
                credentials: Credentials {
                    failed_attempts: after.credentials.failed_attempts,
                    ..before.credentials.clone()
                },
                ..before.clone()
            }
}

/// The events of one change: none if nothing changed. `None` stands for a user who does not exist.
pub fn between<'a>(before: Option<&'a User>, after: Option<&'a User>) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    if is_told_the_same(before, after) {
        return events;
    }
    let user_kind = match (before, after) {
        (None, _) => EventKind::UserCreated,
        (Some(_), Some(_)) => EventKind::UserUpdated,
        (Some(_), None) => EventKind::UserDeleted,
    };
    events.push(Event {
        kind: user_kind,
        before: before.map(Resource::User),
        after: after.map(Resource::User),
    });
    let held_before = before.map_or(&[][..], |user| &user.identifications);
    let held_after = after.map_or(&[][..], |user| &user.identifications);
    for gone in held_before.iter().filter(|held| held_after.iter().all(|other| other.id != held.id)) {
        events.push(Event {
            kind: EventKind::IdentificationDeleted(gone.identifier.kind()),
            before: Some(Resource::Identification(gone)),
            after: None,
        });
    }
    for held in held_after {
        let previous = held_before.iter().find(|other| other.id == held.id);
        if previous.is_some_and(|previous| is_same_but_for_codes(previous, held)) {
            continue;
        }
        let kind = held.identifier.kind();
        let event = Event {
            kind: match previous {
                None => EventKind::IdentificationCreated(kind),
                Some(_) => EventKind::IdentificationUpdated(kind),
            },
            before: previous.map(Resource::Identification),
            after: Some(Resource::Identification(held)),
        };
        events.push(event);
        if held.verification.is_verified()
            && !previous.is_some_and(|previous| previous.verification.is_verified())
        {
            events.push(Event { kind: EventKind::IdentificationVerified(kind), ..event });
        }
    }
    events
}

/// One event of a change that is stored: [`between`] decided which ones there are when the change was made, and later versions
/// may decide otherwise. `None` if the change does not have what the event is about.
pub fn of_subject<'a>(
    kind: EventKind,
    subject_id: &str,
    before: Option<&'a User>,
    after: Option<&'a User>,
) -> Option<Event<'a>> {
    let is_of_user = matches!(kind, EventKind::UserCreated | EventKind::UserUpdated | EventKind::UserDeleted);
    let id = IdentificationId::from(subject_id);
    let find = |user: &'a User| match is_of_user {
        true => (user.id.as_str() == subject_id).then_some(Resource::User(user)),
        false => user.identification(&id).map(Resource::Identification),
    };
    let event = Event { kind, before: before.and_then(find), after: after.and_then(find) };
    (event.before.is_some() || event.after.is_some()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_has_a_type_of_the_list() {
        let of_users =
            REGISTRY.iter().filter(|of| of.made_by == ChangeKind::User && of.audience == Audience::Feed);
        let names: Vec<_> = of_users.map(|of| of.name).collect();
        assert_eq!(EventKind::NAMES.map(|(_, name)| name).as_slice(), names);
        for (kind, name) in EventKind::NAMES {
            assert_eq!((kind.name(), EventKind::parse(name)), (name, Some(kind)));
        }
        for kind in [IdentifierKind::PhoneNumber, IdentifierKind::EmailAddress] {
            let updated = EventKind::IdentificationUpdated(kind);
            assert_eq!(updated.name(), format!("{}.updated", kind.as_str()));
        }
        assert_eq!(EventKind::parse("sms.created"), None);
        let names = [IdentifierKind::Username, IdentifierKind::ExternalId].map(IdentifierKind::as_str);
        assert_eq!(names, ["username", "external_id"]);
    }
}

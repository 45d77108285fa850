//! The events of a change: derived from a user before and after, so that no change can forget its event. What is no change
//! of a user has none here: a code that is sent is told of by who sends it, one that is tried by nobody.

use crate::{Identification, IdentifierKind, User};

/// Every type of event that there is.
pub const EVENT_TYPES: &[&str] = &[
    "user.created",
    "user.updated",
    "user.deleted",
    "phone_number.created",
    "phone_number.updated",
    "phone_number.verified",
    "phone_number.deleted",
    "email_address.created",
    "email_address.updated",
    "email_address.verified",
    "email_address.deleted",
    "sms.created",
    "email.created",
    ENDPOINT_DISABLED,
];
/// Rows of the audit trail that are no events: messages that a limit refused.
pub const NOTE_TYPES: &[&str] = &["sms.refused", "email.refused"];
/// An endpoint failed for days or is gone, and nothing is sent to it any more.
pub const ENDPOINT_DISABLED: &str = "webhook_endpoint.disabled";

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
    /// The `type` of the event.
    pub fn name(self) -> String {
        match self {
            Self::UserCreated => "user.created".to_owned(),
            Self::UserUpdated => "user.updated".to_owned(),
            Self::UserDeleted => "user.deleted".to_owned(),
            Self::IdentificationCreated(kind) => format!("{}.created", kind.as_str()),
            Self::IdentificationUpdated(kind) => format!("{}.updated", kind.as_str()),
            Self::IdentificationVerified(kind) => format!("{}.verified", kind.as_str()),
            Self::IdentificationDeleted(kind) => format!("{}.deleted", kind.as_str()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_has_a_type_of_the_list() {
        use IdentifierKind::{EmailAddress, PhoneNumber};
        let kinds = [
            (EventKind::UserCreated, "user.created"),
            (EventKind::UserUpdated, "user.updated"),
            (EventKind::UserDeleted, "user.deleted"),
            (EventKind::IdentificationCreated(PhoneNumber), "phone_number.created"),
            (EventKind::IdentificationUpdated(PhoneNumber), "phone_number.updated"),
            (EventKind::IdentificationVerified(PhoneNumber), "phone_number.verified"),
            (EventKind::IdentificationDeleted(PhoneNumber), "phone_number.deleted"),
            (EventKind::IdentificationCreated(EmailAddress), "email_address.created"),
            (EventKind::IdentificationUpdated(EmailAddress), "email_address.updated"),
            (EventKind::IdentificationVerified(EmailAddress), "email_address.verified"),
            (EventKind::IdentificationDeleted(EmailAddress), "email_address.deleted"),
        ];
        for (kind, name) in kinds {
            assert_eq!(kind.name(), name);
            assert!(EVENT_TYPES.contains(&name), "{name}");
        }
        let names = [IdentifierKind::Username, IdentifierKind::ExternalId].map(IdentifierKind::as_str);
        assert_eq!(names, ["username", "external_id"]);
    }
}

//! Changes as rows.

use super::ids::event_id;
use super::{ChangeEvent, StoredChange};
use crate::StoreError;
use crate::db::{Columns, Row};
use crate::trail::{Content, Hash};
use verger_wire::{InstanceId, UnixMillis, UserId};

/// The places that an instance has.
pub(crate) const PLACES_OF_INSTANCE: i64 = 1 << 40;

pub(crate) const CHANGE_COLUMNS: &str =
    "c.place, c.event_count, c.kind, c.events, c.user_id, c.user_version, c.created_at, c.who, c.personal,
     c.personal_digest, c.sealed, c.key_id, c.hash";

/// Of a change without a number, everything that its hash covers.
pub(super) const UNREAD_COLUMNS: &str = "u.id, u.event_count, u.kind, u.events, u.user_id, u.user_version, u.created_at, u.who, u.personal_digest";

/// A change without a number.
#[derive(Clone, Debug)]
pub(super) struct UnreadChange {
    pub(super) id: String,
    pub(super) event_count: i64,
    kind: String,
    events: String,
    user_id: UserId,
    pub(super) user_version: i64,
    pub(super) created_at: UnixMillis,
    who: String,
    personal_digest: String,
}

impl UnreadChange {
    pub(super) fn content<'a>(&'a self, instance: &'a InstanceId) -> Content<'a> {
        Content {
            instance,
            event_count: self.event_count,
            kind: &self.kind,
            events: &self.events,
            user_id: &self.user_id,
            user_version: self.user_version,
            created_at: self.created_at,
            who: &self.who,
            personal_digest: &self.personal_digest,
        }
    }
}

/// Reads the columns of [`UNREAD_COLUMNS`].
pub(super) fn unread_from(row: Row) -> Result<UnreadChange, StoreError> {
    let mut columns = Columns::new("changes_unread", row);
    let change = UnreadChange {
        id: columns.id("id")?,
        event_count: columns.int("event_count")?,
        kind: columns.text("kind")?,
        events: columns.text("events")?,
        user_id: columns.text("user_id")?.into(),
        user_version: columns.int("user_version")?,
        created_at: UnixMillis(columns.int("created_at")?),
        who: columns.text("who")?,
        personal_digest: columns.text("personal_digest")?,
    };
    // Numbers are given by it.
    let is_count = i64::try_from(change.events.split(' ').count()) == Ok(change.event_count);
    if is_count { Ok(change) } else { Err(columns.corrupt("event_count")) }
}

/// Reads the columns of [`CHANGE_COLUMNS`].
pub(crate) fn change_from(instance: &InstanceId, row: Row) -> Result<StoredChange, StoreError> {
    let mut columns = Columns::new("changes", row);
    let place = columns.int("place")?;
    let sequence_number = place.rem_euclid(PLACES_OF_INSTANCE);
    columns.name(sequence_number.to_string());
    let event_count = columns.int("event_count")?;
    let kind = columns.text("kind")?;
    let events = columns.text("events")?;
    let user_id = columns.text("user_id")?.into();
    let user_version = columns.int("user_version")?;
    let created_at = UnixMillis(columns.int("created_at")?);
    let who = columns.text("who")?;
    let personal = columns.optional_text("personal")?;
    let digest = columns.text("personal_digest")?;
    let sealed = columns.optional_text("sealed")?;
    let key_id = columns.text("key_id")?;
    let hash = columns.text("hash")?;
    let hash = Hash::from_base64(&hash).ok_or_else(|| columns.corrupt("hash"))?.to_hex();
    // What has nothing personal was not erased.
    let personal = if digest.is_empty() { Some(personal.unwrap_or_default()) } else { personal };
    let events = events_of(instance, &events, sequence_number, created_at, &digest);
    if i64::try_from(events.len()) != Ok(event_count) {
        return Err(columns.corrupt("events"));
    }
    Ok(StoredChange {
        sequence_number,
        event_count,
        kind,
        events,
        user_id,
        user_version,
        created_at,
        who,
        personal,
        sealed,
        key_id,
        hash,
    })
}

/// The events that a text of types and subjects names, the last of which has the number `last`.
fn events_of(
    instance: &InstanceId,
    text: &str,
    last: i64,
    created_at: UnixMillis,
    personal_digest: &str,
) -> Vec<ChangeEvent> {
    let count = i64::try_from(text.split(' ').count()).unwrap_or(i64::MAX);
    let mut before = None;
    let named = text.split(' ').map(|event| match event.split_once(':') {
        Some((kind, "")) => (kind, before),
        Some((kind, subject)) => {
            before = Some(subject);
            (kind, before)
        }
        None => (event, None),
    });
    // Numbers begin with 1: a count of which some would be less is damaged, and the row has another.
    let numbers = (1 + last.saturating_sub(count)).max(1)..=last;
    named
        .zip(numbers)
        .map(|((kind, subject), sequence_number)| ChangeEvent {
            id: event_id(instance, created_at, sequence_number, personal_digest),
            sequence_number,
            kind: kind.to_owned(),
            subject: subject.map(str::to_owned),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, last: i64) -> Vec<(i64, String, Option<String>)> {
        let events = events_of(&"ins_1".into(), text, last, UnixMillis(1), "digest");
        events.into_iter().map(|event| (event.sequence_number, event.kind, event.subject)).collect()
    }

    #[test]
    fn subject_that_is_left_out_is_the_one_before() {
        let event =
            |number, kind: &str, subject: Option<&str>| (number, kind.to_owned(), subject.map(str::to_owned));
        assert_eq!(
            named("user.updated a.updated:idn_1 a.verified: b.updated:idn_2 user.banned b.verified:", 8),
            [
                event(3, "user.updated", None),
                event(4, "a.updated", Some("idn_1")),
                event(5, "a.verified", Some("idn_1")),
                event(6, "b.updated", Some("idn_2")),
                event(7, "user.banned", None),
                event(8, "b.verified", Some("idn_2")),
            ]
        );
        assert_eq!(named("a b c", 2).len(), 2, "not what the row counts");
    }
}

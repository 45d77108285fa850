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
    let mut events: Vec<_> = text
        .rsplit(' ')
        .zip((1..=last).rev())
        .map(|(event, sequence_number)| {
            let (kind, subject) = event.split_once(':').map_or((event, None), |(kind, of)| (kind, Some(of)));
            ChangeEvent {
                id: event_id(instance, created_at, sequence_number, personal_digest),
                sequence_number,
                kind: kind.to_owned(),
                subject: subject.map(str::to_owned),
            }
        })
        .collect();
    events.reverse();
    events
}

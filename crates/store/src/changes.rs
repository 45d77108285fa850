//! One row for every change, from which its events and its part of the audit trail are rendered when they are read.
//!
//! A row has numbers of its own in the order of its instance: one for each of its events, without gaps, of which the last is
//! its place. SQLite's writer gives them with the commit, because it knows the last one; on PostgreSQL the row waits in
//! `changes_unread` until a job moves it ([`Scoped::number_changes`](crate::Scoped::number_changes)). The hash of a row covers
//! the one before it, under a key that is not in the database ([`TrailKeys`](crate::TrailKeys)).

mod append;
mod backlog;
mod fan_out;
mod ids;
mod numbering;
mod read;
mod retention;
mod rows;

pub(crate) use append::{Append, INSERT_CHANGE};
pub use backlog::Backlog;
pub(crate) use fan_out::CHANGE_OF_DELIVERY;
pub use fan_out::FannedOut;
#[cfg(test)]
pub(crate) use ids::number_in;
pub use numbering::Numbered;
pub(crate) use numbering::{APPLIED_APART, LAST_END_COLUMNS, LastEnd, Numbering};
pub use read::{FeedItem, TrailEntry};
pub(crate) use read::{base, told_after};
pub(crate) use rows::{CHANGE_COLUMNS, PLACES_OF_INSTANCE, change_from};

use verger_wire::{EventId, UnixMillis, UserId};

/// A change on its way into the store.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// What changed: `user`, `webhook_endpoint`, `message`, `note`, ….
    pub kind: &'static str,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// The version of the user that it brought: changes of one user are in this order.
    pub user_version: i64,
    /// What there is to tell of it, in order. Without any the change has no row.
    pub events: Vec<NewEvent>,
    /// Who did it, as JSON. Nothing personal: it stays when the person is erased.
    pub who: String,
    /// The state before and after, and everything else that is personal, as JSON; empty if nothing is.
    pub personal: String,
    /// Random; what stays of `personal` when it is erased is a digest, which nobody must be able to guess at.
    pub salt: [u8; 16],
    /// The event as webhooks carry it, sealed, where `personal` leaves a code out.
    pub sealed: Option<String>,
}

/// An event of a change on its way into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The `type` of the event, such as `phone_number.updated`. Without spaces and colons.
    pub kind: String,
    /// The id of what it is about, without spaces; `None` for that of which the change is.
    pub subject: Option<String>,
}

/// A change with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChange {
    /// The number of its last event.
    pub sequence_number: i64,
    /// How many events it has, whichever of them were asked for.
    pub event_count: i64,
    /// What changed: `user`, `webhook_endpoint`, `message`, `note`, ….
    pub kind: String,
    /// Its events, in order; of a read that asks for some, these.
    pub events: Vec<ChangeEvent>,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// The version of the user that it brought.
    pub user_version: i64,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// Who did it, as JSON.
    pub who: String,
    /// The state before and after, as JSON; `None` once it was erased.
    pub personal: Option<String>,
    /// The event with its code, sealed; empty once it was erased, `None` if it has no code.
    pub sealed: Option<String>,
    /// The key of its hash.
    pub key_id: String,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

impl StoredChange {
    /// The number of its first event.
    pub fn first_number(&self) -> i64 {
        self.sequence_number - self.event_count + 1
    }
}

/// An event of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEvent {
    /// Always the same, however often it is read.
    pub id: EventId,
    /// Its position in the order of the instance.
    pub sequence_number: i64,
    /// The `type` of the event, such as `phone_number.updated`.
    pub kind: String,
    /// The id of what it is about; `None` for that of which the change is.
    pub subject: Option<String>,
}

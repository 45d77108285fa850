//! Events of both generations, merged by their numbers: `outbox` has those of builds before this table, `changes` the others.
//! A number is in one of them.

use super::ids::number_in;
use super::rows::{CHANGE_COLUMNS, change_from};
use super::{StoredChange, in_places};
use crate::audit::{ends_from, two};
use crate::db::{Columns, Query, Reach, Row, Value};
use crate::events::{EVENTS_AFTER, FeedEvent, feed_event_from};
use crate::long_reads::Bound;
use crate::{Scoped, StoreError};
use std::time::Instant;
use verger_core::event::is_told;
use verger_wire::EventId;

/// What the feed tells next.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a read has a few dozen, most of them changes")]
pub enum FeedItem {
    /// An event of before there were changes, as its text.
    Event(FeedEvent),
    /// Events of a change, to be rendered.
    Change(StoredChange),
}

impl FeedItem {
    /// The number of the last event.
    pub fn sequence_number(&self) -> i64 {
        match self {
            Self::Event(event) => event.sequence_number,
            Self::Change(change) => change.sequence_number,
        }
    }
}

impl Scoped<'_> {
    /// What there is to tell after a sequence number, in order; of a change what the feed tells of it, which may be nothing.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn feed_after(
        &self,
        sequence_number: i64,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<FeedItem>, StoreError> {
        let params: Vec<Value> = vec![self.instance.as_str().into(), sequence_number.into(), limit.into()];
        let changes = self.read(Bound::Rows(limit), Query::new(CHANGES_AFTER, params.clone()), deadline).await?;
        let events = self.read(Bound::Rows(limit), Query::new(EVENTS_AFTER, params), deadline).await?;
        let mut items = Vec::with_capacity(changes.len() + events.len());
        for row in changes {
            let mut change = change_from(self.instance, row)?;
            change.events.retain(|event| event.sequence_number > sequence_number && is_told(&event.kind));
            items.push(FeedItem::Change(change));
        }
        for row in events {
            items.push(FeedItem::Event(feed_event_from(row)?));
        }
        items.sort_by_key(FeedItem::sequence_number);
        items.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(items)
    }

    /// The sequence number of an event that is still retained.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn event_place(&self, id: &EventId, deadline: Instant) -> Result<Option<i64>, StoreError> {
        if let Some(number) = number_in(id)
            && let Some(change) = self.change_with(number, deadline).await?
            && change.events.iter().any(|event| event.id == *id && is_told(&event.kind))
        {
            let first = self.first_event_number(deadline).await?;
            return Ok(Some(number).filter(|number| *number >= first));
        }
        let query = Query::new(
            "SELECT id, sequence_number FROM outbox
             WHERE instance_id = $1 AND id = $2 AND sequence_number IS NOT NULL",
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        let Some(row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else { return Ok(None) };
        let mut columns = Columns::new("outbox", row);
        columns.id("id")?;
        Ok(Some(columns.int("sequence_number")?))
    }

    /// The change that one of these numbers belongs to.
    pub(crate) async fn change_with(
        &self,
        number: i64,
        deadline: Instant,
    ) -> Result<Option<StoredChange>, StoreError> {
        let params = vec![self.instance.as_str().into(), (number - 1).into(), 1.into()];
        let row = self.store.rows(Reach::Point, Query::new(CHANGES_AFTER, params), deadline).await?.pop();
        let change = row.map(|row| change_from(self.instance, row)).transpose()?;
        Ok(change.filter(|change| change.first_number() <= number))
    }

    /// The first number that the feed and replays still tell.
    async fn first_event_number(&self, deadline: Instant) -> Result<i64, StoreError> {
        let query = Query::new(
            "SELECT instance_id, first_number FROM event_cursors WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        let Some(row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else { return Ok(1) };
        let mut columns = Columns::new("event_cursors", row);
        columns.id("instance_id")?;
        columns.int("first_number")
    }
}

//! Events of both generations, merged by their numbers: `outbox` and `audit_log` have those of builds from before there were
//! changes, `changes` has the others. A number is in one of them.

use super::ids::number_in;
use super::rows::{CHANGE_COLUMNS, change_from};
use super::{ChangeEvent, PLACES_OF_INSTANCE, StoredChange};
use crate::db::{Query, Reach, Row, Value};
use crate::long_reads::Bound;
use crate::trail::Hash;
use crate::{AuditEntry, AuditFilter, FeedEvent, Scoped, StoreError};
use std::sync::Arc;
use std::time::Instant;
use verger_core::event::is_told;
use verger_wire::EventId;

/// Rows of the trail that are read at a time.
const TRAIL_ROWS_MAX: i64 = 500;

/// Where the places of the instance `$1` begin.
macro_rules! base {
    () => {
        "(SELECT b.base FROM audit_ends b WHERE b.instance_id = $1)"
    };
}

/// Where they end.
macro_rules! end_of_places {
    () => {
        "(SELECT b.base + 1099511627776 FROM audit_ends b WHERE b.instance_id = $1)"
    };
}

const _: () = assert!(PLACES_OF_INSTANCE == 1_099_511_627_776, "SQL says it as well");

/// Changes `c` of the instance `$1` with a number behind `$2` that the feed still tells. One bound below, so that an index
/// leads to it.
macro_rules! told_after {
    () => {
        "c.place > (SELECT a.base + CASE WHEN k.first_number > $2 THEN k.first_number - 1 ELSE $2 END
            FROM audit_ends a LEFT JOIN event_cursors k ON k.instance_id = a.instance_id
            WHERE a.instance_id = $1)
         AND c.place < (SELECT a.base + 1099511627776 FROM audit_ends a WHERE a.instance_id = $1)"
    };
}
pub(crate) use {base, end_of_places, told_after};

/// The hash of the row before the change `c` of the instance `$1`, wherever that is.
macro_rules! previous_hash {
    () => {
        "COALESCE(
            (SELECT p.hash FROM changes p WHERE p.place = c.place - c.event_count),
            (SELECT a.first_previous_hash FROM audit_ends a
                WHERE a.instance_id = $1 AND a.base + a.first_number = c.place - c.event_count + 1),
            (SELECT l.hash FROM audit_log l JOIN audit_ends a ON a.instance_id = l.instance_id
                WHERE l.instance_id = $1 AND l.sequence_number = c.place - c.event_count - a.base))"
    };
}

/// What the feed tells next.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// An event of before there were changes, as its text.
    Event(FeedEvent),
    /// Events of a change, to be rendered.
    Change(StoredChange),
}

/// An entry of the trail, from whichever table.
#[derive(Clone, Debug)]
pub enum TrailEntry {
    /// As it was written before there were changes.
    Kept(AuditEntry),
    /// One event of a change, to be rendered.
    Change {
        /// What it is of, with all events that were read of it.
        change: Arc<StoredChange>,
        /// The event.
        event: ChangeEvent,
        /// The hash of the entry before, in hexadecimal; empty for the very first.
        previous_hash: String,
        /// Of the last event of a change its hash, of another the SHA-256 of the hash before and the event's id.
        hash: String,
    },
}

/// Up to where rows of the trail are looked for.
#[derive(Clone, Copy)]
enum Below {
    Nothing,
    /// To the row that has the entry with this number: it may have earlier ones.
    Entry(i64),
    /// Below the row whose first entry this is.
    Row(i64),
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

impl TrailEntry {
    /// Its position in the trail.
    pub fn sequence_number(&self) -> i64 {
        match self {
            Self::Kept(entry) => entry.sequence_number,
            Self::Change { event, .. } => event.sequence_number,
        }
    }
}

impl Scoped<'_> {
    /// What there is to tell after a sequence number, in order; of a change what the feed tells of it, which may be nothing.
    /// Fewer than `limit` are all there are.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn feed_after(
        &self,
        sequence_number: i64,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<FeedItem>, StoreError> {
        let changes = Query::new(
            format!(
                "SELECT {CHANGE_COLUMNS} FROM changes c WHERE {} ORDER BY c.place LIMIT $3",
                told_after!()
            ),
            vec![self.instance.as_str().into(), sequence_number.into(), limit.into()],
        );
        let rows = self.read(Bound::Rows(limit), changes, deadline).await?;
        let changes =
            rows.into_iter().map(|row| change_from(self.instance, row)).collect::<Result<Vec<_>, _>>()?;
        let mut items: Vec<_> = Vec::with_capacity(changes.len());
        // A page without a gap in it has no room for events of the other generation.
        let is_whole = is_gapless(sequence_number, &changes) && is_full_page(changes.len(), limit);
        for mut change in changes {
            change.events.retain(|event| event.sequence_number > sequence_number && is_told(&event.kind));
            items.push(FeedItem::Change(change));
        }
        if !is_whole {
            let events = self.events_after(sequence_number, limit, deadline).await?;
            items.extend(events.into_iter().map(FeedItem::Event));
            items.sort_by_key(FeedItem::sequence_number);
            items.truncate(usize::try_from(limit).unwrap_or(0));
        }
        Ok(items)
    }

    /// The sequence number of an event that is still retained.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn event_place(&self, id: &EventId, deadline: Instant) -> Result<Option<i64>, StoreError> {
        if let Some(number) = number_in(id)
            && let Some(change) = self.told_change(number, deadline).await?
            && change.events.iter().any(|event| event.id == *id && is_told(&event.kind))
        {
            return Ok(Some(number));
        }
        self.outbox_place(id, deadline).await
    }

    /// The change that this number belongs to, if the feed still tells of it.
    pub(crate) async fn told_change(
        &self,
        number: i64,
        deadline: Instant,
    ) -> Result<Option<StoredChange>, StoreError> {
        let query = Query::new(
            format!(
                "SELECT {CHANGE_COLUMNS} FROM changes c WHERE {} ORDER BY c.place LIMIT 1",
                told_after!()
            ),
            vec![self.instance.as_str().into(), (number - 1).into()],
        );
        let row = self.store.rows(Reach::Point, query, deadline).await?.pop();
        let change = row.map(|row| change_from(self.instance, row)).transpose()?;
        Ok(change.filter(|change| change.first_number() <= number))
    }

    /// Entries of the trail, from new to old.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn trail(
        &self,
        filter: &AuditFilter,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<TrailEntry>, StoreError> {
        let wanted = usize::try_from(limit).unwrap_or(0);
        let mut entries: Vec<TrailEntry> = Vec::with_capacity(wanted);
        let mut below = filter.before.map_or(Below::Nothing, Below::Entry);
        // A row may have no entry that is asked for: names of types are patterns to the database.
        loop {
            let rows = self.changes_below(filter, below, limit, deadline).await?;
            let is_end = !is_full_page(rows.len(), limit);
            for row in rows {
                let of_row = self.entries_from(row)?;
                below = of_row.first().map_or(below, |entry| Below::Row(entry.sequence_number()));
                entries.extend(of_row.into_iter().rev().filter(|entry| is_asked_for(entry, filter)));
            }
            if is_end || entries.len() >= wanted {
                break;
            }
        }
        entries.truncate(wanted);
        let is_whole = entries.len() == wanted
            && filter.before.is_some_and(|before| {
                entries.iter().zip(1..).all(|(entry, behind)| entry.sequence_number() == before - behind)
            });
        // A page without a gap in it has no room for entries of the other generation.
        if !is_whole {
            let kept = self.audit_log(filter, limit, deadline).await?;
            entries.extend(kept.into_iter().map(TrailEntry::Kept));
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.sequence_number()));
            entries.truncate(wanted);
        }
        Ok(entries)
    }

    /// Rows with entries below a number, from new to old.
    async fn changes_below(
        &self,
        filter: &AuditFilter,
        below: Below,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<Row>, StoreError> {
        let mut sql = format!(
            "SELECT {CHANGE_COLUMNS}, {previous} FROM changes c
             WHERE c.place >= (SELECT a.base + a.first_number FROM audit_ends a WHERE a.instance_id = $1)",
            previous = previous_hash!(),
        );
        let mut conditions: Vec<(&str, Value)> = Vec::new();
        // The row that has this number may have earlier entries as well.
        let to_row_of_entry = concat!(
            "c.place <= COALESCE((SELECT x.place FROM changes x WHERE x.place >= ",
            base!(),
            " + ? AND x.place < ",
            end_of_places!(),
            " ORDER BY x.place LIMIT 1), ",
            end_of_places!(),
            ")"
        );
        conditions.push(match below {
            Below::Nothing => (concat!("c.place < ", base!(), " + ?"), PLACES_OF_INSTANCE.into()),
            // Further than the last place nothing is, and PostgreSQL has no whole number for the sum.
            Below::Entry(number) => (to_row_of_entry, number.clamp(0, PLACES_OF_INSTANCE).into()),
            Below::Row(first) => (concat!("c.place < ", base!(), " + ?"), first.into()),
        });
        if let Some(user) = &filter.user_id {
            conditions.push(("c.user_id = ?", user.as_str().into()));
        }
        if let Some(kind) = &filter.kind {
            conditions.push(("' ' || c.events || ' ' LIKE ?", format!("% {kind}_%").into()));
        }
        conditions.extend(filter.since.map(|since| ("c.created_at >= ?", since.into())));
        conditions.extend(filter.until.map(|until| ("c.created_at < ?", until.into())));
        let mut params: Vec<Value> = vec![self.instance.as_str().into()];
        for (condition, value) in conditions {
            params.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition.replace('?', &format!("${}", params.len())));
        }
        params.push(limit.into());
        sql.push_str(&format!(" ORDER BY c.place DESC LIMIT ${}", params.len()));
        // Of types and moments there is no index.
        let is_bounded = filter.kind.is_none() && filter.since.is_none() && filter.until.is_none();
        let bound = if is_bounded { Bound::Rows(limit) } else { Bound::None };
        self.read(bound, Query::new(sql, params), deadline).await
    }

    /// Entries of the trail after one, from old to new, a few hundred at a time.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn trail_after(
        &self,
        sequence_number: i64,
        deadline: Instant,
    ) -> Result<Vec<TrailEntry>, StoreError> {
        let changes = Query::new(
            format!(
                "SELECT {CHANGE_COLUMNS}, {previous} FROM changes c WHERE
                    c.place > (SELECT a.base + CASE WHEN a.first_number > $2 THEN a.first_number - 1 ELSE $2 END
                        FROM audit_ends a WHERE a.instance_id = $1)
                    AND c.place < {end}
                 ORDER BY c.place LIMIT $3",
                previous = previous_hash!(),
                end = end_of_places!(),
            ),
            vec![self.instance.as_str().into(), sequence_number.into(), TRAIL_ROWS_MAX.into()],
        );
        let rows = self.read(Bound::Rows(TRAIL_ROWS_MAX), changes, deadline).await?;
        let is_full = is_full_page(rows.len(), TRAIL_ROWS_MAX);
        let mut entries = Vec::with_capacity(rows.len() * 2);
        for row in rows {
            let of_row = self.entries_from(row)?;
            entries.extend(of_row.into_iter().filter(|entry| entry.sequence_number() > sequence_number));
        }
        let last_of_full = entries.last().filter(|_| is_full).map(TrailEntry::sequence_number);
        let kept = self.audit_log_after(sequence_number, deadline).await?;
        let last_kept = kept.last().map(|entry| entry.sequence_number);
        let kept_is_full = is_full_page(kept.len(), TRAIL_ROWS_MAX);
        entries.extend(kept.into_iter().map(TrailEntry::Kept));
        entries.sort_by_key(TrailEntry::sequence_number);
        // Behind the last one that was read of one table there may be more of it before what was read of the other.
        let until = [last_of_full, last_kept.filter(|_| kept_is_full)].into_iter().flatten().min();
        if let Some(until) = until {
            entries.retain(|entry| entry.sequence_number() <= until);
        }
        Ok(entries)
    }

    /// The entries of a row with the columns of [`CHANGE_COLUMNS`] and the hash before it, in order.
    fn entries_from(&self, mut row: Row) -> Result<Vec<TrailEntry>, StoreError> {
        let previous = row.pop();
        let change = Arc::new(change_from(self.instance, row)?);
        let damaged = || StoreError::Corrupt {
            table: "changes",
            id: change.sequence_number.to_string(),
            what: "the hash before it".to_owned(),
        };
        let previous = match previous {
            Some(Value::Text(text)) if text.is_empty() => None,
            Some(Value::Text(text)) => {
                let hash = Hash::from_base64(&text).or_else(|| Hash::from_hex(&text));
                Some(hash.ok_or_else(damaged)?)
            }
            // It is not there; verifying the trail tells.
            _ => None,
        };
        let mut hash = previous;
        let entries = change.events.iter().map(|event| {
            let previous_hash = hash.map(Hash::to_hex).unwrap_or_default();
            let is_last = event.sequence_number == change.sequence_number;
            let of_event = Hash::of_entry(hash, event.id.as_str());
            hash = Some(of_event);
            TrailEntry::Change {
                change: Arc::clone(&change),
                event: event.clone(),
                previous_hash,
                hash: if is_last { change.hash.clone() } else { of_event.to_hex() },
            }
        });
        Ok(entries.collect())
    }
}

pub(super) fn is_full_page(rows: usize, limit: i64) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= limit)
}

/// Whether no number is missing between `after` and the last of the changes.
fn is_gapless(after: i64, changes: &[StoredChange]) -> bool {
    let mut number = after;
    changes.iter().all(|change| {
        let is_next = change.first_number() <= number + 1;
        number = change.sequence_number;
        is_next
    })
}

fn is_asked_for(entry: &TrailEntry, filter: &AuditFilter) -> bool {
    let TrailEntry::Change { event, .. } = entry else { return true };
    filter.kind.as_ref().is_none_or(|kind| event.kind == *kind)
        && filter.before.is_none_or(|before| event.sequence_number < before)
}

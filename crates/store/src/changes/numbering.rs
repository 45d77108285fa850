//! Numbers for the changes that were written without one: always on PostgreSQL; on SQLite those of a process without the
//! keys of the trail, and those of the time in which servers of the version before may be running.

use super::read::{base, is_full_page};
use super::rows::{PLACES_OF_INSTANCE, UNREAD_COLUMNS, UnreadChange, unread_from};
use crate::db::{Columns, Query, Reach, Row, Stmt, Value, by_keys};
use crate::trail::{End, Hash, Place, TrailKeySlot};
use crate::{Conflict, Scoped, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use verger_wire::InstanceId;

/// Rows of one statement: it has three parameters for each, and a database takes some ten thousand.
const ROWS_OF_STATEMENT_MAX: usize = 1_000;

/// What numbering needs to know beside the database.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    pub(crate) keys: TrailKeySlot,
    is_window_over: AtomicBool,
}

/// What became of an attempt to number changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// None was waiting.
    Nothing,
    /// Changes with so many events have their numbers.
    Some {
        /// How many numbers were given.
        events: usize,
        /// There may be more that wait.
        is_more: bool,
    },
    /// Another server was first, and nothing was written.
    Overtaken,
}

/// The end of a trail, as whoever appends to it needs it.
#[derive(Clone, Debug)]
pub(crate) struct LastEnd {
    /// Before its first change an instance has no places.
    pub(crate) base: Option<i64>,
    pub(crate) place: Place,
    pub(crate) seal: Option<String>,
}

/// The columns of [`LastEnd`].
pub(crate) const LAST_END_COLUMNS: &str = "base, last_number, last_hash, last_seal";

/// How far apart the two migrations were applied between which servers of both versions may serve a store, in milliseconds;
/// zero once that is over.
pub(crate) const APPLIED_APART: &str = "SELECT CASE WHEN MAX(serves_from) >= 4 THEN 0 ELSE COALESCE(MAX(applied_at) - MIN(applied_at), 0) END AS apart
     FROM schema_migrations WHERE version IN (3, 4)";

impl Numbering {
    /// Whether servers of the version before no longer have to see what is written.
    pub(crate) fn is_window_over(&self) -> bool {
        self.is_window_over.load(Ordering::Relaxed)
    }

    pub(crate) fn end_window(&self) {
        self.is_window_over.store(true, Ordering::Relaxed);
    }

    /// Takes what [`APPLIED_APART`] says.
    pub(crate) fn learn_of_window(&self, apart_ms: i64) -> bool {
        // All migrations of one run have its moment: a store that had the one before is older.
        if apart_ms <= 0 {
            self.end_window();
        }
        self.is_window_over()
    }
}

impl LastEnd {
    /// Of a trail that has no row yet.
    pub(crate) fn beginning() -> Self {
        Self { base: None, place: Place { number: 0, hash: None }, seal: None }
    }

    /// What the columns of [`LAST_END_COLUMNS`] say; `None` if they are damaged.
    pub(crate) fn of(base: Option<i64>, number: i64, hash: &str, seal: Option<String>) -> Option<Self> {
        let hash = if hash.is_empty() { None } else { Some(Hash::from_hex(hash)?) };
        Some(Self { base, place: Place { number, hash }, seal })
    }

    fn from_row(row: Row) -> Result<Self, StoreError> {
        let mut columns = Columns::new("audit_ends", row);
        let base = columns.optional_int("base")?;
        let number = columns.int("last_number")?;
        let hash = columns.text("last_hash")?;
        let seal = columns.optional_text("last_seal")?;
        Self::of(base, number, &hash, seal).ok_or_else(|| columns.corrupt("last_hash"))
    }

    /// The seal of this trail when it ends with `to`.
    pub(crate) fn seal_of(
        &self,
        keys: &TrailKeySlot,
        instance: &InstanceId,
        to: Place,
    ) -> Result<Option<String>, StoreError> {
        let Some(keys) = keys.get() else { return Ok(self.seal.clone()) };
        let is_new = self.place.number == 0;
        let from = (!is_new).then_some((self.place, self.seal.as_deref()));
        End::Last.advance(keys, instance, from, to)
    }

    /// The error for a trail that cannot have another `more` numbers.
    pub(crate) fn check_room(&self, instance: &InstanceId, more: i64) -> Result<(), StoreError> {
        if self.place.number.saturating_add(more) < PLACES_OF_INSTANCE {
            return Ok(());
        }
        Err(StoreError::Bug(format!("the instance {instance} has no more numbers for its events")))
    }
}

impl Scoped<'_> {
    /// Gives the next changes without a number theirs, at most `limit` of them: all of it or nothing.
    ///
    /// They come in the order of their moments. Clocks of servers differ, so one that would come before an earlier version
    /// of the same user is left for later; so is one behind an event of the version before that waits.
    ///
    /// # Errors
    /// The database does not answer, a row is damaged, or the store has no keys for the trail.
    pub async fn number_changes(&self, limit: i64, deadline: Instant) -> Result<Numbered, StoreError> {
        let instance: Value = self.instance.as_str().into();
        let end = Query::new(
            format!("SELECT {LAST_END_COLUMNS} FROM audit_ends WHERE instance_id = $1"),
            vec![instance.clone()],
        );
        let next = Query::new(
            format!(
                "SELECT {UNREAD_COLUMNS} FROM changes_unread u
                 WHERE u.instance_id = $1 AND
                    (SELECT e.id FROM changes_unread e WHERE e.instance_id || e.user_id = u.instance_id || u.user_id
                        AND e.user_version < u.user_version AND e.id > u.id AND u.user_id <> ''
                        LIMIT 1) IS NULL
                    AND (SELECT o.id FROM outbox o WHERE o.instance_id || o.user_id = u.instance_id || u.user_id
                        AND o.sequence_number IS NULL AND o.user_version < u.user_version AND u.user_id <> ''
                        LIMIT 1) IS NULL
                 ORDER BY u.id LIMIT $2"
            ),
            vec![instance, limit.into()],
        );
        let mut answers = self.store.db.snapshot(Reach::Job, vec![end, next], deadline).await?.into_iter();
        let end = answers.next().unwrap_or_default().pop().map(LastEnd::from_row).transpose()?;
        let rows = answers.next().unwrap_or_default();
        if rows.is_empty() {
            return Ok(Numbered::Nothing);
        }
        let unread = rows.into_iter().map(unread_from).collect::<Result<Vec<_>, _>>()?;
        let events: usize =
            unread.iter().map(|change| usize::try_from(change.event_count).unwrap_or(0)).sum();
        let statements = self.give_numbers(end.as_ref(), &unread)?;
        let is_more = is_full_page(unread.len(), limit);
        let is_first = self.store.batch_unless_stale(statements, deadline).await?;
        Ok(if is_first { Numbered::Some { events, is_more } } else { Numbered::Overtaken })
    }

    fn give_numbers(&self, end: Option<&LastEnd>, unread: &[UnreadChange]) -> Result<Vec<Stmt>, StoreError> {
        let key = self.store.numbering.keys.newest()?;
        let from = end.cloned().unwrap_or_else(LastEnd::beginning);
        from.check_room(self.instance, unread.iter().map(|change| change.event_count).sum())?;
        let mut place = from.place;
        let numbered: Vec<(&UnreadChange, Place)> = unread
            .iter()
            .map(|change| {
                place.number += change.event_count;
                place.hash = Some(key.link(place.hash, place.number, change.content(self.instance).digest()));
                (change, place)
            })
            .collect();
        // First of all, so that whoever is late is stopped before it does anything.
        let mut statements =
            vec![self.move_end(end, place, from.seal_of(&self.store.numbering.keys, self.instance, place)?)];
        if from.base.is_none() {
            statements.push(self.give_base());
        }
        for rows in numbered.chunks(ROWS_OF_STATEMENT_MAX) {
            statements.extend(self.move_changes(key.id(), rows));
        }
        Ok(statements)
    }

    /// Moves the end of the trail, unless somebody else moved it.
    fn move_end(&self, from: Option<&LastEnd>, to: Place, seal: Option<String>) -> Stmt {
        let hash = to.hash.map(Hash::to_hex).unwrap_or_default();
        let mut params: Vec<Value> =
            vec![self.instance.as_str().into(), to.number.into(), hash.into(), seal.into()];
        let Some(from) = from else {
            return Stmt::new(
                "INSERT INTO audit_ends (instance_id, first_number, first_previous_hash, last_number, last_hash, last_seal)
                 VALUES ($1, 1, '', $2, $3, $4)",
                params,
            )
            .on_unique(Conflict::Stale);
        };
        params.push(from.place.number.into());
        Stmt::new(
            "UPDATE audit_ends SET last_number = $2, last_hash = $3, last_seal = $4
             WHERE instance_id = $1 AND last_number = $5",
            params,
        )
        .expect(1, Conflict::Stale)
    }

    /// Two instances that begin at the same time would get the same places, and one of them is stale.
    fn give_base(&self) -> Stmt {
        Stmt::new(
            "UPDATE audit_ends SET base = (SELECT COALESCE(MAX(e.base) + $2, 0) FROM audit_ends e)
             WHERE instance_id = $1 AND base IS NULL",
            vec![self.instance.as_str().into(), PLACES_OF_INSTANCE.into()],
        )
        .expect(1, Conflict::Stale)
        .on_unique(Conflict::Stale)
    }

    /// Moves rows into the table of those with numbers. What they say does not leave the database once more.
    fn move_changes(&self, key_id: &str, rows: &[(&UnreadChange, Place)]) -> Vec<Stmt> {
        let instance: Value = self.instance.as_str().into();
        let mut params: Vec<Value> = vec![instance.clone(), key_id.into()];
        let mut list = String::new();
        for (at, (change, place)) in rows.iter().enumerate() {
            let [id, number, hash] = [3, 4, 5].map(|first| at * 3 + first);
            // The first row says of what types the others are.
            list.push_str(&match at {
                0 => format!("(CAST(${id} AS TEXT), CAST(${number} AS BIGINT), CAST(${hash} AS TEXT))"),
                _ => format!(", (${id}, ${number}, ${hash})"),
            });
            params.extend([
                change.id.as_str().into(),
                place.number.into(),
                place.hash.map(Hash::to_base64).into(),
            ]);
        }
        let numbered = Stmt::new(
            format!(
                "INSERT INTO changes (place, event_count, kind, events, user_id, user_version, created_at, who,
                    personal, salt, personal_digest, sealed, key_id, hash)
                 WITH x (id, number, hash) AS (VALUES {list})
                 SELECT {} + x.number, u.event_count, u.kind, u.events, u.user_id, u.user_version, u.created_at,
                    u.who, u.personal, u.salt, u.personal_digest, u.sealed, $2, x.hash
                 FROM x JOIN changes_unread u ON u.instance_id = $1 AND u.id = x.id",
                base!(),
            ),
            params,
        )
        .expect(rows.len() as u64, Conflict::Stale);
        let ids: Vec<Value> = rows.iter().map(|(change, _)| change.id.as_str().into()).collect();
        let gone = by_keys("DELETE FROM changes_unread WHERE instance_id = $1 AND id", &[instance], &ids);
        std::iter::once(Stmt { names_keys: true, ..numbered }).chain(gone).collect()
    }
}

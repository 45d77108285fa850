//! The time in which servers of the version before may serve the store beside those of this one.
//!
//! They know neither `changes` nor seals of a trail. So for a day after migration 4 was applied to a store that others
//! serve, everything is written as they write it; then one server ends this, once, and from that moment no earlier version
//! can start (`serves_from`), rows go into `changes`, and the ends of every trail are sealed. See docs/adr/0013.

use crate::audit::{Ends, ends_from};
use crate::db::{Columns, Query, Reach, Stmt, Value};
use crate::trail::{End, Place, Seal, TrailKeys};
use crate::{Conflict, Store, StoreError};
use std::time::Instant;
use verger_wire::{InstanceId, UnixMillis};

/// For how long servers of both versions may serve a store, in milliseconds.
pub const BOTH_VERSIONS_MS: i64 = 24 * 60 * 60 * 1000;
/// The migration that begins it.
const VERSION: i64 = 4;
/// How often it is tried to seal the ends of trails to which others append all the time.
const ATTEMPTS_MAX: u32 = 20;

/// Which servers may serve the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    /// Those of this version and later, and that is recorded.
    ThisVersion,
    /// The same: no other version ever did.
    Fresh,
    /// Those of the version before too, until then.
    BothUntil(UnixMillis),
}

impl Store {
    /// Until when servers of the version before may serve the store, whatever time it is; `None` once they may not.
    ///
    /// # Errors
    /// The database does not answer, or the record of the migrations is damaged.
    pub async fn both_versions_until(&self, deadline: Instant) -> Result<Option<UnixMillis>, StoreError> {
        if self.numbering.is_window_over() {
            return Ok(None);
        }
        match self.serving(deadline).await? {
            Serving::BothUntil(until) => Ok(Some(until)),
            Serving::ThisVersion | Serving::Fresh => {
                self.numbering.end_window();
                Ok(None)
            }
        }
    }

    /// Whether only servers of this version may serve the store, as far as this handle has learned.
    pub fn serves_this_version_alone(&self) -> bool {
        self.numbering.is_window_over()
    }

    async fn serving(&self, deadline: Instant) -> Result<Serving, StoreError> {
        let query = Query::new(
            "SELECT MAX(serves_from), MAX(applied_at), MIN(applied_at) FROM schema_migrations
             WHERE version IN (3, 4)",
            vec![],
        );
        let rows = self.rows(Reach::Point, query, deadline).await?;
        let row = rows.into_iter().next().unwrap_or_default();
        let mut columns = Columns::new("schema_migrations", row);
        let serves_from = columns.int("serves_from")?;
        let (last, first) = (columns.int("applied_at")?, columns.int("applied_at")?);
        Ok(if serves_from >= VERSION {
            Serving::ThisVersion
        } else if last <= first {
            Serving::Fresh
        } else {
            Serving::BothUntil(UnixMillis(last).plus_ms(BOTH_VERSIONS_MS))
        })
    }

    /// Ends the time of both versions if it is over, and learns of it if another server did; `true` if it has ended. Seals
    /// what the trails have up to then: it is done once, so that a seal that somebody removes later does not come back.
    ///
    /// # Errors
    /// The database does not answer, a row is damaged, the store was given no keys, or others append to trails all the time.
    pub async fn end_time_of_both_versions(
        &self,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let serving = self.serving(deadline).await?;
            match serving {
                Serving::ThisVersion => {
                    self.numbering.end_window();
                    return Ok(true);
                }
                Serving::BothUntil(until) if now < until => return Ok(false),
                Serving::BothUntil(_) | Serving::Fresh => {}
            }
            let mut statements = vec![
                Stmt::new(
                    "UPDATE schema_migrations SET serves_from = $1 WHERE version = $1 AND serves_from < $1",
                    vec![VERSION.into()],
                )
                .expect(1, Conflict::Stale),
            ];
            let keys = self.numbering.keys.known()?;
            // A trail that was only ever this version's is sealed from its first row on.
            if serving != Serving::Fresh {
                for (instance, ends) in self.ends_of_trails(deadline).await? {
                    statements.extend(first_seals(keys, &instance, &ends)?);
                }
            }
            if self.batch_unless_stale(statements, deadline).await? {
                self.numbering.end_window();
                return Ok(true);
            }
        }
        Err(StoreError::Conflict(Conflict::Stale))
    }

    async fn ends_of_trails(&self, deadline: Instant) -> Result<Vec<(InstanceId, Ends)>, StoreError> {
        let query = Query::new(
            "SELECT instance_id, first_number, first_previous_hash, first_seal, last_number, last_hash, last_seal
             FROM audit_ends",
            vec![],
        );
        let mut found = Vec::new();
        for mut row in self.rows(Reach::Job, query, deadline).await? {
            let rest = row.split_off(1);
            let instance = InstanceId::from(Columns::new("audit_ends", row).id("instance_id")?);
            if let Some(ends) = ends_from(vec![rest])? {
                found.push((instance, ends));
            }
        }
        Ok(found)
    }

    /// The trails whose end is sealed with a key that is not known, and the id of that key. Whatever is appended to them now
    /// stays without a seal.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn trails_of_unknown_keys(
        &self,
        deadline: Instant,
    ) -> Result<Vec<(InstanceId, String)>, StoreError> {
        let none = TrailKeys::default();
        let keys = self.numbering.keys.get().unwrap_or(&none);
        let key_of = |ends: &Ends| ends.last_seal.as_deref()?.parse::<Seal>().ok().map(|seal| seal.key_id);
        let ends = self.ends_of_trails(deadline).await?.into_iter();
        Ok(ends
            .filter_map(|(instance, ends)| Some((instance, key_of(&ends)?)))
            .filter(|(_, key_id)| keys.by_id(key_id).is_none())
            .collect())
    }

    /// The keys to seal the end of a trail with that moves; none while servers of the version before may move it, which
    /// seal nothing, and in a process that was given none.
    pub(crate) async fn keys_for_seals(&self, deadline: Instant) -> Result<Option<&TrailKeys>, StoreError> {
        let is_over = self.both_versions_until(deadline).await?.is_none();
        Ok(self.numbering.keys.get().filter(|_| is_over))
    }
}

/// Seals the ends of a trail that were never sealed, as they are.
fn first_seals(keys: &TrailKeys, instance: &InstanceId, ends: &Ends) -> Result<Option<Stmt>, StoreError> {
    if ends.last_seal.is_some() {
        return Ok(None);
    }
    let key = keys.newest()?;
    let seal = |end: End, place: Place| end.seal(key, instance, place).to_string();
    let first = ends.first_place();
    let first_seal = (first != Place::BEGINNING).then(|| seal(End::First, first));
    let params: Vec<Value> = vec![
        instance.as_str().into(),
        first_seal.into(),
        seal(End::Last, ends.last_place()).into(),
        ends.first_number.into(),
        ends.last_number.into(),
    ];
    let seal = Stmt::new(
        "UPDATE audit_ends SET first_seal = $2, last_seal = $3
         WHERE instance_id = $1 AND first_number = $4 AND last_number = $5 AND last_seal IS NULL",
        params,
    );
    Ok(Some(seal.expect(1, Conflict::Stale)))
}

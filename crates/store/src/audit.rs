//! The audit trail: append only, each row bound by its hash to the one before it.

use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::hex::hex;
use crate::long_reads::Bound;
use crate::retention::{Cut, CutCursor, STEP_ROWS_MAX};
use crate::trail::{End, Hash, Place, TrailKeys};
use crate::{Conflict, Counted, Scoped, StoreError};
use sha2::{Digest, Sha256};
use std::time::Instant;
use verger_wire::{EventId, InstanceId, UnixMillis, UserId};

/// Rows that are read at a time.
const ROWS_MAX: i64 = 500;
/// What the first row of a trail is bound to.
const NO_HASH: &str = "";
/// How often a row is appended anew because another server appended one meanwhile.
const APPEND_ATTEMPTS_MAX: u32 = 5;

pub(crate) const COLUMNS: &str =
    "event_id, sequence_number, kind, user_id, created_at, entry, previous_hash, hash";

/// What is to be kept of an event. Numbers are masked, and there is no code and no secret in it: that is up to whoever
/// makes it.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    /// Of which event, or an id of its own.
    pub event_id: EventId,
    /// The `type` of the event, such as `user.updated`.
    pub kind: String,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// Actor, resource and changes with masked values, as JSON.
    pub entry: String,
}

/// A row of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub sequence_number: i64,
    /// The event that the row records.
    pub event_id: EventId,
    /// The `type` of the event, such as `user.updated`.
    pub kind: String,
    /// The user it is about; empty if there is none.
    pub user_id: UserId,
    /// When it happened, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// Actor, resource and changes with masked values, as JSON.
    pub entry: String,
    /// The hash of the row before; empty for the first.
    pub previous_hash: String,
    /// SHA-256 in hexadecimal, over everything above and the instance.
    pub hash: String,
}

/// Which rows of the trail. All that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only rows about this user.
    pub user_id: Option<UserId>,
    /// Only rows of this `type`.
    pub kind: Option<String>,
    /// Only rows from this time on.
    pub since: Option<UnixMillis>,
    /// Only rows before this time.
    pub until: Option<UnixMillis>,
    /// Only rows before this number: the cursor of a list that goes from new to old.
    pub before: Option<i64>,
}

/// The first and the last row of a trail, as stored separately, each with its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) first_number: i64,
    pub(crate) first_previous_hash: String,
    pub(crate) first_seal: Option<String>,
    pub(crate) last_number: i64,
    pub(crate) last_hash: String,
    pub(crate) last_seal: Option<String>,
}

impl Ends {
    /// Before the first row.
    pub(crate) fn first_place(&self) -> Place {
        Place { number: self.first_number, hash: Hash::from_hex(&self.first_previous_hash) }
    }

    /// The last row.
    pub(crate) fn last_place(&self) -> Place {
        Place { number: self.last_number, hash: Hash::from_hex(&self.last_hash) }
    }
}

impl AuditEntry {
    fn of(instance: &InstanceId, sequence_number: i64, previous_hash: &str, new: NewAuditEntry) -> Self {
        let mut entry = Self {
            sequence_number,
            event_id: new.event_id,
            kind: new.kind,
            user_id: new.user_id,
            created_at: new.created_at,
            entry: new.entry,
            previous_hash: previous_hash.to_owned(),
            hash: String::new(),
        };
        entry.hash = entry.hash_in(instance);
        entry
    }

    /// The hash that the row must have. Every part goes with its length, so that nothing can move from one to the next.
    pub(crate) fn hash_in(&self, instance: &InstanceId) -> String {
        let mut digest = Sha256::new();
        let (number, at) = (self.sequence_number.to_string(), self.created_at.0.to_string());
        for part in [
            self.previous_hash.as_str(),
            instance.as_str(),
            &number,
            self.event_id.as_str(),
            &self.kind,
            self.user_id.as_str(),
            &at,
            &self.entry,
        ] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        hex(&digest.finalize())
    }
}

impl Scoped<'_> {
    /// Rows of the trail, from new to old.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn audit_log(
        &self,
        filter: &AuditFilter,
        limit: i64,
        deadline: Instant,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM audit_log WHERE instance_id = $1");
        let mut params: Vec<Value> = vec![self.instance.as_str().into()];
        let mut add = |condition: &str, value: Option<Value>| {
            if let Some(value) = value {
                params.push(value);
                sql.push_str(&format!(" AND {condition} ${}", params.len()));
            }
        };
        add("user_id =", filter.user_id.as_ref().map(|id| id.as_str().into()));
        add("kind =", filter.kind.as_deref().map(Into::into));
        add("created_at >=", filter.since.map(Into::into));
        add("created_at <", filter.until.map(Into::into));
        add("sequence_number <", filter.before.map(Into::into));
        params.push(limit.into());
        sql.push_str(&format!(" ORDER BY sequence_number DESC LIMIT ${}", params.len()));
        // Of types and moments there is no index.
        let is_bounded = filter.kind.is_none() && filter.since.is_none() && filter.until.is_none();
        let bound = if is_bounded { Bound::Rows(limit) } else { Bound::None };
        let rows = self.read(bound, Query::new(sql, params), deadline).await?;
        rows.into_iter().map(entry_from).collect()
    }

    /// Rows of the trail after one, from old to new.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn audit_log_after(
        &self,
        sequence_number: i64,
        deadline: Instant,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = self.read(Bound::Rows(ROWS_MAX), self.rows_after(sequence_number), deadline).await?;
        rows.into_iter().map(entry_from).collect()
    }

    fn rows_after(&self, sequence_number: i64) -> Query {
        Query::new(
            format!(
                "SELECT {COLUMNS} FROM audit_log WHERE instance_id = $1 AND sequence_number > $2
                 ORDER BY sequence_number LIMIT $3"
            ),
            vec![self.instance.as_str().into(), sequence_number.into(), ROWS_MAX.into()],
        )
    }

    pub(crate) fn ends_query(&self) -> Query {
        Query::new(
            "SELECT first_number, first_previous_hash, first_seal, last_number, last_hash, last_seal
             FROM audit_ends WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        )
    }

    /// Appends rows behind `ends`. Whoever else appended meanwhile makes the batch stale. With `keys` the end stays sealed.
    pub(crate) fn append_audit(
        &self,
        ends: Option<&Ends>,
        keys: Option<&TrailKeys>,
        new: Vec<NewAuditEntry>,
    ) -> Result<(Vec<AuditEntry>, Vec<Stmt>), StoreError> {
        let (mut number, mut hash) =
            ends.map_or((0, NO_HASH.to_owned()), |ends| (ends.last_number, ends.last_hash.clone()));
        let instance: Value = self.instance.as_str().into();
        let mut entries = Vec::with_capacity(new.len());
        let mut statements = Vec::with_capacity(new.len() + 1);
        for new in new {
            number += 1;
            let entry = AuditEntry::of(self.instance, number, &hash, new);
            hash.clone_from(&entry.hash);
            statements.push(
                Stmt::new(
                    "INSERT INTO audit_log (instance_id, sequence_number, event_id, kind, user_id, created_at, entry,
                        previous_hash, hash)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    vec![
                        instance.clone(),
                        entry.sequence_number.into(),
                        entry.event_id.as_str().into(),
                        entry.kind.as_str().into(),
                        entry.user_id.as_str().into(),
                        entry.created_at.into(),
                        entry.entry.as_str().into(),
                        entry.previous_hash.as_str().into(),
                        entry.hash.as_str().into(),
                    ],
                )
                .on_unique(Conflict::Stale),
            );
            entries.push(entry);
        }
        let from = ends.map(|ends| (ends.last_place(), ends.last_seal.as_deref()));
        let to = Place { number, hash: Hash::from_hex(&hash) };
        let seal = match keys {
            Some(keys) => End::Last.advance(keys, self.instance, from, to)?,
            None if ends.is_some_and(|ends| ends.last_seal.is_some()) => return Err(no_keys()),
            None => None,
        };
        let mut params: Vec<Value> = vec![instance, number.into(), hash.into(), seal.into()];
        // First of all, so that whoever is late is stopped before it does anything.
        let guard = match ends {
            Some(ends) => {
                params.push(ends.last_number.into());
                Stmt::new(
                    "UPDATE audit_ends SET last_number = $2, last_hash = $3, last_seal = $4
                     WHERE instance_id = $1 AND last_number = $5",
                    params,
                )
                .expect(1, Conflict::Stale)
            }
            None => Stmt::new(
                "INSERT INTO audit_ends (instance_id, first_number, first_previous_hash, last_number, last_hash, last_seal)
                 VALUES ($1, 1, '', $2, $3, $4)",
                params,
            )
            .on_unique(Conflict::Stale),
        };
        statements.insert(0, guard);
        Ok((entries, statements))
    }

    /// Appends a row that belongs to no event, so that neither the feed nor a webhook tells of it. `false` if one of `limits`
    /// has no room for it: whoever causes such rows must not be able to fill the trail.
    ///
    /// # Errors
    /// The database does not answer, or others append all the time.
    pub async fn append_note(
        &self,
        note: &NewAuditEntry,
        limits: &[Counted],
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        // Most of a flood ends here and writes nothing.
        for counted in limits {
            let period = counted.period_start;
            let used = self.counted_since(counted.scope, &counted.subject, period, deadline).await?;
            if counted.limit.is_some_and(|limit| used.saturating_add(counted.add) > limit) {
                return Ok(false);
            }
        }
        let keys = self.store.keys_for_seals(deadline).await?;
        for _ in 0..APPEND_ATTEMPTS_MAX {
            let ends = ends_from(self.store.rows(Reach::Point, self.ends_query(), deadline).await?)?;
            let (_, mut statements) = self.append_audit(ends.as_ref(), keys, vec![note.clone()])?;
            statements.extend(limits.iter().map(|counted| self.count(counted)));
            match self.store.batch(statements, deadline).await {
                Ok(()) => return Ok(true),
                Err(StoreError::Conflict(Conflict::LimitReached(_))) => return Ok(false),
                Err(StoreError::Conflict(Conflict::Stale)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict(Conflict::Stale))
    }

    /// Moves the beginning of the trail to this row, before which one with this hash was, unless somebody else moved it. With
    /// `keys` it stays sealed.
    pub(crate) fn move_beginning(
        &self,
        ends: &Ends,
        keys: Option<&TrailKeys>,
        number: i64,
        previous_hash: String,
    ) -> Result<Stmt, StoreError> {
        let from = Some((ends.first_place(), ends.first_seal.as_deref()));
        let to = Place { number, hash: Hash::from_hex(&previous_hash) };
        let seal = match keys {
            Some(keys) => End::First.advance(keys, self.instance, from, to)?,
            None if ends.last_seal.is_some() => return Err(no_keys()),
            None => ends.first_seal.clone(),
        };
        let params: Vec<Value> = vec![
            self.instance.as_str().into(),
            number.into(),
            previous_hash.into(),
            seal.into(),
            ends.first_number.into(),
        ];
        let sql = "UPDATE audit_ends SET first_number = $2, first_previous_hash = $3, first_seal = $4
             WHERE instance_id = $1 AND first_number = $5";
        Ok(Stmt::new(sql, params).expect(1, Conflict::Stale))
    }

    /// Removes the oldest rows that `cut` lets go, a few hundred at a time, from `after` on, which moves. `false` once
    /// nothing is left. What is left is bound to what the record of the trail's beginning says, so it still proves itself.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub(crate) async fn sweep_audit_log(
        &self,
        cut: Cut,
        after: &mut CutCursor,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let (from, to) = after.range();
        let oldest = Query::new(
            "SELECT event_id, sequence_number, created_at, hash FROM audit_log
             WHERE instance_id = $1 AND sequence_number > $2 AND sequence_number <= $3
             ORDER BY sequence_number LIMIT $4",
            vec![self.instance.as_str().into(), from.into(), to.into(), STEP_ROWS_MAX.into()],
        );
        let answers = self.store.db.snapshot(Reach::Job, vec![self.ends_query(), oldest], deadline).await?;
        let (ends, rows) = two(answers);
        let Some(ends) = ends_from(ends)? else { return Ok(false) };
        let (mut places, mut hashes) = (Vec::new(), Vec::new());
        for row in rows {
            let mut columns = Columns::new("audit_log", row);
            columns.id("event_id")?;
            let number = columns.int("sequence_number")?;
            places.push((UnixMillis(columns.int("created_at")?), number));
            hashes.push((number, columns.text("hash")?));
        }
        let (old, is_more) = after.advance(cut, &places);
        hashes.truncate(old);
        let Some((last_number, last_hash)) = hashes.pop() else { return Ok(is_more) };
        let instance: Value = self.instance.as_str().into();
        let keys = self.store.keys_for_seals(deadline).await?;
        let statements = vec![
            self.move_beginning(&ends, keys, last_number + 1, last_hash)?,
            // Put together here, so that on PostgreSQL nobody waits for it.
            Stmt::new(
                "DELETE FROM audit_log WHERE instance_id = $1 AND sequence_number <= $2".to_owned(),
                vec![instance, last_number.into()],
            ),
        ];
        // Stale if another server sweeps.
        Ok(self.store.batch_unless_stale(statements, deadline).await? && is_more)
    }
}

/// A trail that is sealed moves with its seals, or not at all.
fn no_keys() -> StoreError {
    StoreError::Bug("the end of a sealed trail was moved without keys".to_owned())
}

pub(crate) fn two(mut answers: Vec<Vec<Row>>) -> (Vec<Row>, Vec<Row>) {
    let second = answers.pop().unwrap_or_default();
    (answers.pop().unwrap_or_default(), second)
}

pub(crate) fn ends_from(mut rows: Vec<Row>) -> Result<Option<Ends>, StoreError> {
    let Some(row) = rows.pop() else { return Ok(None) };
    let mut columns = Columns::new("audit_ends", row);
    Ok(Some(Ends {
        first_number: columns.int("first_number")?,
        first_previous_hash: columns.text("first_previous_hash")?,
        first_seal: columns.optional_text("first_seal")?,
        last_number: columns.int("last_number")?,
        last_hash: columns.text("last_hash")?,
        last_seal: columns.optional_text("last_seal")?,
    }))
}

pub(crate) fn entry_from(row: Row) -> Result<AuditEntry, StoreError> {
    let mut columns = Columns::new("audit_log", row);
    Ok(AuditEntry {
        event_id: columns.id("event_id")?.into(),
        sequence_number: columns.int("sequence_number")?,
        kind: columns.text("kind")?,
        user_id: columns.text("user_id")?.into(),
        created_at: UnixMillis(columns.int("created_at")?),
        entry: columns.text("entry")?,
        previous_hash: columns.text("previous_hash")?,
        hash: columns.text("hash")?,
    })
}

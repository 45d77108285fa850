//! Reads a whole trail and proves it.

use super::erase::Erasure;
use super::walk::{Broken, ChangeRow, Proven, TrailPart, TrailRow, Walk};
use super::{End, Hash, Place, TrailKeys};
use crate::audit::{self, Ends, ends_from};
use crate::changes::PLACES_OF_INSTANCE;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::{Conflict, Scoped, StoreError};
use std::time::{Duration, Instant};
use verger_wire::{UnixMillis, UserId};

/// Rows of each generation that are read at a time.
const ROWS_MAX: i64 = 500;
/// The rows of changes of an instance behind a number, with their numbers instead of places. Those before the beginning of
/// the trail are no part of it any more: they wait for their deliveries.
const CHANGES_AFTER: &str =
    "SELECT hash, place - (SELECT base FROM audit_ends WHERE instance_id = $1), event_count, kind,
        events, user_id, user_version, created_at, who, personal, salt, personal_digest, key_id
     FROM changes WHERE place > (SELECT base FROM audit_ends WHERE instance_id = $1) + $2
        AND place >= (SELECT base + first_number FROM audit_ends WHERE instance_id = $1)
        AND place < (SELECT base FROM audit_ends WHERE instance_id = $1) + $3
     ORDER BY place LIMIT $4";

/// What came out of looking at a whole trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Every row is what was written, and none is missing.
    Whole {
        /// How many rows there are.
        rows: i64,
        /// The hash of the last one, in hexadecimal: whoever keeps it elsewhere can tell a trail that was written anew.
        last_hash: String,
        /// Under which key which rows were made, in the order of the first of each.
        parts: Vec<TrailPart>,
        /// How many changes have no personal part any more.
        erased: i64,
        /// Whether a key proves that the trail ends with this row. Without it whoever can write the database could have
        /// written all of it: only a trail that no server of this version has served is like that.
        is_sealed: bool,
    },
    /// Every row is bound to the one before it, but the seal is of an earlier row than the last: the end was moved by somebody
    /// without the key, or by a server or a command that had other keys. Rows behind these may have been cut off.
    Unsealed {
        /// The number of the first row that no seal covers.
        sequence_number: i64,
        /// The number of the last row.
        last_number: i64,
        /// Its hash, in hexadecimal.
        last_hash: String,
    },
    /// A row was changed, removed, added or moved.
    Broken {
        /// The number of the first row that is not as it should be.
        sequence_number: i64,
        /// What is wrong with the row.
        why: &'static str,
    },
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// How many rows it has looked at.
    pub rows: i64,
    /// How many there are.
    pub rows_total: i64,
}

/// The first rows of a trail, and its ends when they were read.
pub(crate) struct Beginning {
    ends: Option<Ends>,
    rows: Vec<Found>,
}

/// A row of either generation with its number, or a row that cannot be read.
struct Found {
    number: i64,
    row: Option<TrailRow>,
}

impl Beginning {
    fn first_number(&self) -> Option<i64> {
        self.ends.as_ref().map(|ends| ends.first_number)
    }
}

impl From<Broken> for AuditVerdict {
    fn from(Broken { number, why }: Broken) -> Self {
        Self::Broken { sequence_number: number, why }
    }
}

impl Scoped<'_> {
    /// Looks at every row of the trail, and at both of its ends. `limit` is how long each read may take.
    ///
    /// # Errors
    /// The database does not answer. A row that cannot be read is a broken link, not an error.
    pub async fn verify_audit_log(&self, limit: Duration) -> Result<AuditVerdict, StoreError> {
        self.verify_audit_log_with(limit, |_| {}).await
    }

    /// The same, with reports of its progress.
    ///
    /// # Errors
    /// As [`Scoped::verify_audit_log`].
    pub async fn verify_audit_log_with(
        &self,
        limit: Duration,
        mut report: impl FnMut(VerifyProgress),
    ) -> Result<AuditVerdict, StoreError> {
        self.verify_from(self.audit_beginning(limit).await?, limit, &mut report).await
    }

    /// Seals the end of the trail anew that [`AuditVerdict::Unsealed`] tells of; `false` if it was moved since then.
    ///
    /// # Errors
    /// The database does not answer, or the store was given no keys.
    pub async fn seal_audit_end(
        &self,
        last_number: i64,
        last_hash: &str,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let key = self.store.numbering.keys.newest()?;
        let place = Place { number: last_number, hash: Hash::from_hex(last_hash) };
        let params = vec![
            self.instance.as_str().into(),
            End::Last.seal(key, self.instance, place).to_string().into(),
            last_number.into(),
            last_hash.into(),
        ];
        let seal = "UPDATE audit_ends SET last_seal = $2 WHERE instance_id = $1 AND last_number = $3 AND last_hash = $4";
        self.store
            .batch_unless_stale(vec![Stmt::new(seal, params).expect(1, Conflict::Stale)], deadline)
            .await
    }

    pub(crate) async fn audit_beginning(&self, limit: Duration) -> Result<Beginning, StoreError> {
        let mut queries = vec![self.ends_query()];
        queries.extend(self.trail_rows_after(i64::MIN));
        let mut answers =
            self.store.db.snapshot(Reach::Scan, queries, Instant::now() + limit).await?.into_iter();
        let ends = ends_from(answers.next().unwrap_or_default())?;
        Ok(Beginning { ends, rows: merged(answers.next(), answers.next()) })
    }

    pub(crate) async fn verify_from(
        &self,
        mut beginning: Beginning,
        limit: Duration,
        report: &mut impl FnMut(VerifyProgress),
    ) -> Result<AuditVerdict, StoreError> {
        loop {
            let first_number = beginning.first_number();
            let verdict = self.verify_rows(beginning, limit, report).await?;
            if matches!(verdict, AuditVerdict::Whole { .. }) {
                return Ok(verdict);
            }
            // Rows that were swept meanwhile are not missing: look at what is left.
            beginning = self.audit_beginning(limit).await?;
            if beginning.first_number() <= first_number {
                return Ok(verdict);
            }
        }
    }

    /// Looks at the first rows, and at those behind them.
    async fn verify_rows(
        &self,
        Beginning { ends, rows }: Beginning,
        limit: Duration,
        report: &mut impl FnMut(VerifyProgress),
    ) -> Result<AuditVerdict, StoreError> {
        let none = TrailKeys::default();
        let keys = self.store.numbering.keys.get().unwrap_or(&none);
        let Some(ends) = ends else { return self.verdict_without_ends(rows.is_empty(), limit).await };
        let walk = match Walk::begin(self.instance, keys, &ends) {
            Ok(walk) => walk,
            Err(broken) => return Ok(broken.into()),
        };
        let proven = match self.walk_to_the_end(walk, rows, &ends, limit, report).await? {
            Ok(proven) => proven,
            Err(broken) => return Ok(broken.into()),
        };
        if let Some(broken) = self.row_behind_the_end(limit).await? {
            return Ok(broken.into());
        }
        if let Some(broken) = self.unexplained(keys, &proven, ends.last_number, limit).await? {
            return Ok(broken.into());
        }
        let Proven { rows, last_hash, parts, erased, is_sealed, unsealed_from, .. } = proven;
        if let Some(sequence_number) = unsealed_from {
            return Ok(AuditVerdict::Unsealed { sequence_number, last_number: ends.last_number, last_hash });
        }
        Ok(AuditVerdict::Whole { rows, last_hash, parts, erased, is_sealed })
    }

    /// Without the record of its ends a trail has no row, and none that could be its.
    async fn verdict_without_ends(
        &self,
        is_empty: bool,
        limit: Duration,
    ) -> Result<AuditVerdict, StoreError> {
        // Nothing else says of which instance a change is.
        let lost = Query::new(
            "SELECT c.place FROM changes c WHERE
                (SELECT e.base FROM audit_ends e WHERE e.base = c.place - c.place % $1) IS NULL LIMIT 1",
            vec![PLACES_OF_INSTANCE.into()],
        );
        if is_empty && self.store.rows(Reach::Scan, lost, Instant::now() + limit).await?.is_empty() {
            return Ok(AuditVerdict::Whole {
                rows: 0,
                last_hash: String::new(),
                parts: Vec::new(),
                erased: 0,
                is_sealed: true,
            });
        }
        let why = "there are rows, but no record of where the trail begins and ends";
        Ok(AuditVerdict::Broken { sequence_number: 0, why })
    }

    async fn walk_to_the_end(
        &self,
        mut walk: Walk<'_>,
        mut rows: Vec<Found>,
        ends: &Ends,
        limit: Duration,
        report: &mut impl FnMut(VerifyProgress),
    ) -> Result<Result<Proven, Broken>, StoreError> {
        // Rows that are appended meanwhile are the next look's affair.
        while !rows.is_empty() && walk.number() <= ends.last_number {
            for Found { row, .. } in rows {
                if walk.number() > ends.last_number {
                    break;
                }
                let stepped = match row {
                    Some(row) => walk.step(&row),
                    None => Err(Broken { number: walk.number(), why: "the row cannot be read" }),
                };
                if let Err(broken) = stepped {
                    return Ok(Err(broken));
                }
            }
            report(VerifyProgress {
                rows: walk.number() - ends.first_number,
                rows_total: ends.last_number - ends.first_number + 1,
            });
            let next = self.trail_rows_after(walk.number() - 1).into();
            let answers = self.store.db.snapshot(Reach::Scan, next, Instant::now() + limit).await?;
            let mut answers = answers.into_iter();
            rows = merged(answers.next(), answers.next());
        }
        Ok(walk.end())
    }

    fn trail_rows_after(&self, number: i64) -> [Query; 2] {
        let instance: Value = self.instance.as_str().into();
        let old = format!(
            "SELECT {} FROM audit_log WHERE instance_id = $1 AND sequence_number > $2
             ORDER BY sequence_number LIMIT $3",
            audit::COLUMNS
        );
        // The places of other instances are on both sides.
        let changes =
            vec![instance.clone(), number.max(-1).into(), PLACES_OF_INSTANCE.into(), ROWS_MAX.into()];
        [Query::new(old, vec![instance, number.into(), ROWS_MAX.into()]), Query::new(CHANGES_AFTER, changes)]
    }

    /// One statement, so that a row that is appended meanwhile is not taken for one.
    async fn row_behind_the_end(&self, limit: Duration) -> Result<Option<Broken>, StoreError> {
        let beyond = Query::new(
            "SELECT (SELECT MIN(sequence_number) FROM audit_log WHERE instance_id = $1 AND sequence_number > e.last_number),
                (SELECT MIN(place) - e.base FROM changes WHERE place > e.base + e.last_number AND place < e.base + $2)
             FROM audit_ends e WHERE e.instance_id = $1",
            vec![self.instance.as_str().into(), PLACES_OF_INSTANCE.into()],
        );
        let why = "the row was added behind the end of the trail";
        for row in self.store.rows(Reach::Scan, beyond, Instant::now() + limit).await? {
            let mut columns = Columns::new("audit_ends", row);
            let found = [columns.optional_int("audit_log")?, columns.optional_int("changes")?];
            if let Some(number) = found.into_iter().flatten().min() {
                return Ok(Some(Broken { number, why }));
            }
        }
        Ok(None)
    }

    /// A row that was erased though nothing proves that its user was: neither a row behind it, nor one that was appended
    /// meanwhile or waits for its number.
    async fn unexplained(
        &self,
        keys: &TrailKeys,
        proven: &Proven,
        last_number: i64,
        limit: Duration,
    ) -> Result<Option<Broken>, StoreError> {
        let mut erased: Vec<(i64, &UserId)> =
            proven.unexplained.iter().map(|(user, number)| (*number, user)).collect();
        erased.sort_unstable();
        for (number, user) in erased {
            let params: Vec<Value> = vec![self.instance.as_str().into(), user.as_str().into()];
            let behind = Query::new(
                "SELECT events, who, created_at FROM changes WHERE user_id = $2
                    AND place > (SELECT base FROM audit_ends WHERE instance_id = $1) + $3
                    AND place < (SELECT base FROM audit_ends WHERE instance_id = $1) + $4",
                params.iter().cloned().chain([last_number.into(), PLACES_OF_INSTANCE.into()]).collect(),
            );
            let waiting = Query::new(
                "SELECT events, who, created_at FROM changes_unread WHERE instance_id = $1 AND user_id = $2",
                params,
            );
            let answers =
                self.store.db.snapshot(Reach::Scan, vec![behind, waiting], Instant::now() + limit).await?;
            let mut is_explained = false;
            for row in answers.into_iter().flatten() {
                let mut columns = Columns::new("changes", row);
                let (events, who) = (columns.text("events")?, columns.text("who")?);
                let at = UnixMillis(columns.int("created_at")?);
                let erasure = Erasure { instance: self.instance, user, at };
                is_explained |= erasure.is_proven(&events, &who, keys);
            }
            if !is_explained {
                return Ok(Some(Broken { number, why: "the personal part of the row was removed" }));
            }
        }
        Ok(None)
    }
}

/// Rows of both generations in order, as far as both lists reach.
fn merged(old: Option<Vec<Row>>, changes: Option<Vec<Row>>) -> Vec<Found> {
    let number_of = |row: &Row| match row.get(1) {
        Some(Value::Int(number)) => *number,
        _ => i64::MIN,
    };
    let (old, changes) = (old.unwrap_or_default(), changes.unwrap_or_default());
    let reach = [&old, &changes]
        .into_iter()
        .filter(|rows| rows.len() as i64 == ROWS_MAX)
        .filter_map(|rows| rows.last().map(number_of))
        .min()
        .unwrap_or(i64::MAX);
    let old = old
        .into_iter()
        .map(|row| Found { number: number_of(&row), row: audit::entry_from(row).ok().map(TrailRow::Old) });
    let changes = changes.into_iter().map(|row| Found {
        number: number_of(&row),
        row: change_from(row).ok().map(|change| TrailRow::Change(Box::new(change))),
    });
    let mut rows: Vec<_> = old.chain(changes).filter(|row| row.number <= reach).collect();
    rows.sort_by_key(|row| row.number);
    rows
}

fn change_from(row: Row) -> Result<ChangeRow, StoreError> {
    let mut columns = Columns::new("changes", row);
    Ok(ChangeRow {
        hash: columns.id("hash")?,
        number: columns.int("sequence_number")?,
        event_count: columns.int("event_count")?,
        kind: columns.text("kind")?,
        events: columns.text("events")?,
        user_id: columns.text("user_id")?.into(),
        user_version: columns.int("user_version")?,
        created_at: UnixMillis(columns.int("created_at")?),
        who: columns.text("who")?,
        personal: columns.optional_text("personal")?,
        salt: columns.optional_text("salt")?,
        personal_digest: columns.text("personal_digest")?,
        key_id: columns.text("key_id")?,
    })
}

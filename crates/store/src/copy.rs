//! Copies one store into another, whatever databases they are in.
//!
//! Table by table, in the order of the key, in chunks. Progress is stored in the target, in the same transaction as the
//! rows, so that a copy that was killed resumes where it stopped. At the end both sides are read and compared: that also
//! finds a source that was written to meanwhile.

use crate::db::{Query, Reach, Row, Stmt, Value};
use crate::hex::hex;
use crate::schema::{self, Kind, Table};
use crate::{Conflict, MigrationState, Store, StoreError};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use verger_wire::UnixMillis;

/// Rows per chunk.
const CHUNK_ROWS: usize = 500;
/// Parameters of one statement, about. SQLite looks each up by its name among all of them: the time for one statement grows
/// with the square of their number.
const PARAMS_MAX: usize = 500;
/// How long one statement may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Copied last: without keys nobody gets into an unfinished copy.
const LAST_COPIED: &str = "secret_keys";
/// Compared last, in this order: every change of a user or session leaves a row among the changes, with or without a number, or
/// in the outbox of an earlier version, so that changes are seen until the end; what changes without one is small, or changes
/// with something else of these: whoever uses up a secret leaves a window of guesses.
const LAST_COMPARED: [&str; 14] = [
    "outbox",
    "audit_log",
    "changes_unread",
    "changes",
    "audit_ends",
    "access_entries",
    "redirect_urls",
    "invitations",
    "jwt_templates",
    "tickets",
    "guess_windows",
    "verification_windows",
    "webhook_endpoints",
    "secret_keys",
];

/// A copy first writes all rows, then reads both stores again and compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyStage {
    /// Reading from the source and writing to the target.
    Copying,
    /// Reading both stores and comparing them.
    Comparing,
}

/// The progress of a copy.
#[derive(Clone, Copy, Debug)]
pub struct CopyProgress<'a> {
    /// Whether rows are being copied or compared.
    pub stage: CopyStage,
    /// The table that is being copied or compared.
    pub table: &'a str,
    /// Rows of all tables that this stage has processed.
    pub rows: u64,
    /// Rows of all tables when the copy began.
    pub rows_total: u64,
}

/// A table that is the same in both stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// Name of the table.
    pub name: String,
    /// Number of rows, the same in both stores.
    pub rows: u64,
    /// SHA-256 of its rows in the order of the key, in hexadecimal. The same on every database.
    pub hash: String,
}

/// The result of a completed copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Every table but the one that records the migrations.
    pub tables: Vec<CopiedTable>,
    /// One hash of all of them.
    pub hash: String,
    /// Rows that an earlier attempt had copied already.
    pub rows_resumed: u64,
}

/// Why a copy was not made. Except after [`CopyError::Differs`], the same call goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A database does not answer, or a row is damaged.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The schema of a store is not that of this build.
    #[error("the {store} is not at schema version {}: {state:?}", crate::SCHEMA_VERSION)]
    Schema {
        /// `source` or `target`.
        store: &'static str,
        /// The state of its schema.
        state: MigrationState,
    },
    /// The source is itself a copy that did not come to its end.
    #[error("the source is an unfinished copy")]
    SourceUnfinished,
    /// The target has rows that no unfinished copy of this source put there.
    #[error("the target has rows in {table} already: copy into an empty database")]
    NotEmpty {
        /// The first table that has some.
        table: String,
    },
    /// The target is an unfinished copy of another store.
    #[error("the target is an unfinished copy of another store: copy into an empty database")]
    OtherSource,
    /// Somebody else wrote to the target.
    #[error(
        "another process writes to the target, or an earlier attempt has only just ended: try again in a minute"
    )]
    Overtaken,
    /// The stores are not the same at the end.
    #[error(
        "{table} differs: {source_rows} rows with hash {source_hash} in the source, {target_rows} with {target_hash} in \
         the target. Something wrote to one of them meanwhile: stop the servers and copy into another empty database"
    )]
    Differs {
        /// The table that differs.
        table: String,
        /// Its rows in the source.
        source_rows: u64,
        /// SHA-256 of the source's rows.
        source_hash: String,
        /// Its rows in the target.
        target_rows: u64,
        /// SHA-256 of the target's rows.
        target_hash: String,
    },
}

/// The progress within one table.
#[derive(Clone, Debug, Default)]
struct Position {
    /// The key of the last row that is in the target.
    after: Option<Vec<Value>>,
    rows: u64,
}

impl Store {
    /// Whether this is the target of a copy that did not come to its end.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn is_unfinished_copy(&self, deadline: Instant) -> Result<bool, StoreError> {
        let query = Query::new("SELECT table_name FROM copy_progress LIMIT 1", vec![]);
        Ok(optional(self.rows(Reach::Point, query, deadline).await)?.is_some())
    }
}

/// Copies everything from one store into another, which must be empty or the target of the same copy before. An empty
/// one without a schema gets it. Nothing may write to either meanwhile; the comparison at the end finds it if something
/// does.
///
/// # Errors
/// [`CopyError`].
pub async fn copy(
    source: &Store,
    target: &Store,
    now: UnixMillis,
    mut report: impl FnMut(CopyProgress<'_>),
) -> Result<Copied, CopyError> {
    match source.migration_state(far()).await? {
        MigrationState::Current => {}
        state => return Err(CopyError::Schema { store: "source", state }),
    }
    if source.is_unfinished_copy(far()).await? {
        return Err(CopyError::SourceUnfinished);
    }
    match target.migration_state(far()).await? {
        MigrationState::Current => {}
        MigrationState::Behind { version: 0 } => {
            target.migrate(now, far()).await?;
        }
        state => return Err(CopyError::Schema { store: "target", state }),
    }
    let mut tables = schema::tables()?;
    tables.sort_by_key(|table| table.name == LAST_COPIED);
    let rows_resumed = begin(source, target, &tables).await?;
    let mut rows_total = 0;
    for table in &tables {
        rows_total += count(source, table).await?;
    }
    let mut rows = 0;
    for table in &tables {
        rows += copy_table(source, target, table, |done| {
            let rows = rows + done;
            report(CopyProgress { stage: CopyStage::Copying, table: &table.name, rows, rows_total });
        })
        .await?;
    }
    tables.sort_by_key(|table| LAST_COMPARED.iter().position(|name| table.name == *name));
    let mut copied = Vec::new();
    let mut rows = 0;
    for table in &tables {
        let (there, here) = tokio::join!(
            digest(source, table, |done| {
                let rows = rows + done;
                report(CopyProgress { stage: CopyStage::Comparing, table: &table.name, rows, rows_total });
            }),
            digest(target, table, |_| {})
        );
        let (there, here) = (there?, here?);
        if there != here {
            return Err(CopyError::Differs {
                table: table.name.clone(),
                source_rows: there.rows,
                source_hash: there.hash,
                target_rows: here.rows,
                target_hash: here.hash,
            });
        }
        rows += here.rows;
        copied.push(here);
    }
    let mut last = as_served(source).await?;
    last.push(Stmt::new("DROP TABLE copy_progress".to_owned(), vec![]));
    target.batch(last, far()).await?;
    copied.sort_by(|one, other| one.name.cmp(&other.name));
    let mut all = Sha256::new();
    for table in &copied {
        all.update(format!("{} {} {}\n", table.name, table.rows, table.hash));
    }
    Ok(Copied { hash: hex(&all.finalize()), tables: copied, rows_resumed })
}

/// Which servers may serve the copy: those that may serve the source. Until only servers of this version may, its trails have no
/// seals, and they get them when that time ends.
async fn as_served(source: &Store) -> Result<Vec<Stmt>, StoreError> {
    let query = Query::new(
        "SELECT applied_at, serves_from, version FROM schema_migrations WHERE version IN (3, 4)",
        vec![],
    );
    let rows = source.rows(Reach::Scan, query, far()).await?;
    let update = "UPDATE schema_migrations SET applied_at = $1, serves_from = $2 WHERE version = $3";
    Ok(rows.into_iter().map(|row| Stmt::new(update, row).expect(1, Conflict::Stale)).collect())
}

fn far() -> Instant {
    Instant::now() + CALL_TIMEOUT
}

/// Nothing if the table of positions is not there.
fn optional<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(StoreError::Bug(why)) if why.contains("copy_progress") => Ok(None),
        Err(error) => Err(error),
    }
}

/// What tells a source from another: when its schema was made, and its instances.
async fn identity(source: &Store) -> Result<String, StoreError> {
    let mut hash = Sha256::new();
    for sql in [
        "SELECT version, applied_at FROM schema_migrations ORDER BY version",
        "SELECT id, created_at FROM instances ORDER BY id",
    ] {
        for row in source.rows(Reach::Scan, Query::new(sql, vec![]), far()).await? {
            absorb(&mut hash, &row);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Makes the table of positions, or recognises it; gives how many rows are there already.
async fn begin(source: &Store, target: &Store, tables: &[Table]) -> Result<u64, CopyError> {
    let identity = identity(source).await?;
    let query = Query::new("SELECT source, row_count FROM copy_progress", vec![]);
    if let Some(rows) = optional(target.rows(Reach::Scan, query, far()).await)? {
        let mut resumed = 0;
        for row in rows {
            match row.as_slice() {
                [Value::Text(source), Value::Int(rows)] if *source == identity => {
                    resumed += u64::try_from(*rows).unwrap_or(0);
                }
                _ => return Err(CopyError::OtherSource),
            }
        }
        return Ok(resumed);
    }
    for table in tables {
        let any = Query::new(format!("SELECT 1 FROM {} LIMIT 1", table.name), vec![]);
        if !target.rows(Reach::Scan, any, far()).await?.is_empty() {
            return Err(CopyError::NotEmpty { table: table.name.clone() });
        }
    }
    let mut statements = vec![Stmt::new(
        "CREATE TABLE IF NOT EXISTS copy_progress (
            table_name TEXT   NOT NULL PRIMARY KEY,
            source     TEXT   NOT NULL,
            after_key  TEXT,
            row_count  BIGINT NOT NULL
        )"
        .to_owned(),
        vec![],
    )];
    statements.extend(tables.iter().map(|table| {
        let sql = "INSERT INTO copy_progress (table_name, source, row_count) VALUES ($1, $2, 0)";
        Stmt::new(sql.to_owned(), vec![table.name.as_str().into(), identity.as_str().into()])
            .on_unique(Conflict::Stale)
    }));
    written(target.batch(statements, far()).await)?;
    Ok(0)
}

fn written(answer: Result<(), StoreError>) -> Result<(), CopyError> {
    match answer {
        Err(StoreError::Conflict(_)) => Err(CopyError::Overtaken),
        other => Ok(other?),
    }
}

async fn count(store: &Store, table: &Table) -> Result<u64, StoreError> {
    let query = Query::new(format!("SELECT COUNT(*) FROM {}", table.name), vec![]);
    let rows = store.rows(Reach::Scan, query, far()).await?;
    match rows.first().map(Vec::as_slice) {
        Some([Value::Int(count)]) => Ok(u64::try_from(*count).unwrap_or(0)),
        other => Err(StoreError::Bug(format!("COUNT(*) gave {other:?}"))),
    }
}

/// Copies what is missing of a table and gives its rows in the target.
async fn copy_table(
    source: &Store,
    target: &Store,
    table: &Table,
    mut report: impl FnMut(u64),
) -> Result<u64, CopyError> {
    let mut position = position(target, table).await?;
    report(position.rows);
    let mut chunk = read(source, table, position.after.as_deref()).await?;
    while let Some(last) = chunk.last() {
        let next = Position { after: Some(key_of(table, last)), rows: position.rows + chunk.len() as u64 };
        // The next chunk is read while this one is written.
        let (wrote, read) = tokio::join!(
            write(target, table, &chunk, &position, &next),
            read(source, table, next.after.as_deref())
        );
        wrote?;
        position = next;
        report(position.rows);
        chunk = read?;
    }
    Ok(position.rows)
}

async fn position(target: &Store, table: &Table) -> Result<Position, CopyError> {
    let sql = "SELECT after_key, row_count FROM copy_progress WHERE table_name = $1";
    let query = Query::new(sql, vec![table.name.as_str().into()]);
    let rows = target.rows(Reach::Scan, query, far()).await?;
    let damaged = |what: &str| StoreError::Corrupt {
        table: "copy_progress",
        id: table.name.clone(),
        what: what.to_owned(),
    };
    match rows.first().map(Vec::as_slice) {
        Some([Value::Null, Value::Int(0)]) => Ok(Position::default()),
        Some([Value::Text(key), Value::Int(rows)]) => {
            let values: Vec<serde_json::Value> =
                serde_json::from_str(key).map_err(|_| damaged("after_key"))?;
            let key = values.into_iter().map(|value| match value {
                serde_json::Value::String(text) => Ok(Value::Text(text)),
                other => other.as_i64().map(Value::Int).ok_or_else(|| damaged("after_key")),
            });
            Ok(Position {
                after: Some(key.collect::<Result<_, _>>()?),
                rows: u64::try_from(*rows).map_err(|_| damaged("row_count"))?,
            })
        }
        // It was there when the copy began.
        None => Err(CopyError::Overtaken),
        _ => Err(damaged("after_key").into()),
    }
}

fn key_of(table: &Table, row: &Row) -> Vec<Value> {
    table.key.iter().map(|at| row[*at].clone()).collect()
}

/// The rows after a key, each with values of the types that the schema has.
async fn read(store: &Store, table: &Table, after: Option<&[Value]>) -> Result<Vec<Row>, StoreError> {
    let mut sql = format!("SELECT {} FROM {}", table.column_list(), table.name);
    let key = table.key_list();
    if let Some(after) = after {
        let places: Vec<_> = (1..=after.len()).map(|at| format!("${at}")).collect();
        // Writing to a string cannot fail.
        let _ = write!(sql, " WHERE ({key}) > ({})", places.join(", "));
    }
    let _ = write!(sql, " ORDER BY {key} LIMIT {CHUNK_ROWS}");
    let rows = store.rows(Reach::Scan, Query::new(sql, after.unwrap_or_default().to_vec()), far()).await?;
    for row in &rows {
        for (column, value) in table.columns.iter().zip(row) {
            let is_right = match value {
                Value::Null => true,
                Value::Text(text) => column.kind == Kind::Text && !text.contains('\0'),
                Value::Int(_) => column.kind == Kind::Int,
                Value::Foreign => false,
            };
            if !is_right {
                let what = format!("{}.{} has a value of another type", table.name, column.name);
                let id = format!("{:?}", key_of(table, row));
                return Err(StoreError::Corrupt { table: "of the source", id, what });
            }
        }
    }
    Ok(rows)
}

/// Writes a chunk and the new position, or neither. Nothing is written if the position is not the old one any more.
async fn write(
    target: &Store,
    table: &Table,
    chunk: &[Row],
    old: &Position,
    new: &Position,
) -> Result<(), CopyError> {
    let key = new.after.iter().flatten().map(|value| match value {
        Value::Text(text) => serde_json::Value::from(text.as_str()),
        Value::Int(number) => serde_json::Value::from(*number),
        Value::Null | Value::Foreign => serde_json::Value::Null,
    });
    let rows = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    // First the position: a second copy that runs at the same time is stopped before it writes rows.
    let moved = Stmt::new(
        "UPDATE copy_progress SET after_key = $1, row_count = $2 WHERE table_name = $3 AND row_count = $4",
        vec![
            serde_json::Value::from_iter(key).to_string().into(),
            rows(new.rows),
            table.name.as_str().into(),
            rows(old.rows),
        ],
    )
    .expect(1, Conflict::Stale);
    let mut statements = vec![moved];
    statements
        .extend(chunk.chunks((PARAMS_MAX / table.columns.len()).max(1)).map(|rows| insert(table, rows)));
    written(target.batch(statements, far()).await)
}

fn insert(table: &Table, rows: &[Row]) -> Stmt {
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
    let mut params = Vec::with_capacity(rows.len() * table.columns.len());
    for row in rows {
        sql.push_str(if params.is_empty() { "(" } else { ", (" });
        for (at, value) in row.iter().enumerate() {
            params.push(value.clone());
            let _ = write!(sql, "{}${}", if at == 0 { "" } else { ", " }, params.len());
        }
        sql.push(')');
    }
    Stmt::new(sql, params).on_unique(Conflict::Stale)
}

/// Counts and hashes the rows of a table.
async fn digest(
    store: &Store,
    table: &Table,
    mut report: impl FnMut(u64),
) -> Result<CopiedTable, StoreError> {
    let mut hash = Sha256::new();
    let mut rows = 0;
    let mut chunk = read(store, table, None).await?;
    while let Some(last) = chunk.last() {
        let after = key_of(table, last);
        let next = read(store, table, Some(&after));
        for row in &chunk {
            absorb(&mut hash, row);
        }
        rows += chunk.len() as u64;
        report(rows);
        chunk = next.await?;
    }
    Ok(CopiedTable { name: table.name.clone(), rows, hash: hex(&hash.finalize()) })
}

/// Each value with its type and length, so that no two rows look alike.
fn absorb(hash: &mut Sha256, row: &Row) {
    for value in row {
        match value {
            Value::Null | Value::Foreign => hash.update([0]),
            Value::Int(number) => {
                hash.update([1]);
                hash.update(number.to_be_bytes());
            }
            Value::Text(text) => {
                hash.update([2]);
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
}

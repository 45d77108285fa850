//! The seam between Verger and a database: two calls, values of three types.
//!
//! Decisions are pure, so nothing ever runs inside a write transaction. A driver is therefore free to commit the
//! batches of many callers together.

pub(crate) mod health;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::changes::{Append, Numbering};
use crate::{Conflict, StoreError};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A value of a column or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    /// Something that the schema does not have: a damaged row. No getter of [`Columns`] takes it.
    Foreign,
}

/// How much of the database a query can touch, and for whom. It decides where it runs, so that a long list never stands in
/// the way of a short lookup, and neither jobs nor requests in each other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// A few rows by key, on the calling thread.
    Point,
    /// About as many rows as this, to which an index leads, as far as one can tell; see [`Db::quick`].
    Quick(i64),
    /// Any number of rows, until the request's deadline.
    Scan,
    /// Any number of rows, for what the server does by itself: no request waits for it.
    Job,
}

/// A read: one statement with parameters `$1`, `$2`, ….
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) params: Vec<Value>,
}

/// A write, which says what its own failure means.
#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) params: Vec<Value>,
    /// How many rows must change, and what it means if another number does.
    pub(crate) expect: Option<(u64, Conflict)>,
    /// What it means if a unique key stands in the way.
    pub(crate) on_unique: Option<Conflict>,
    /// It names its rows by a list of keys ([`by_keys`]), so that only a plan that looks each of them up is good.
    pub(crate) names_keys: bool,
    /// It writes a change, which a driver with one writer gives its number at once.
    pub(crate) append: Option<Box<Append>>,
}

/// A row of a result, its columns in the order of the query.
pub(crate) type Row = Vec<Value>;

/// The driver of the database.
pub(crate) enum Db {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// What became of a change of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    Done,
    /// Nothing was done: somebody else was in the way for longer than others may be kept waiting.
    Locked,
    /// Nothing was done: it would have kept others from writing for too long.
    TooLong,
}

impl Query {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self { sql: sql.into(), params }
    }
}

impl Stmt {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Value>) -> Self {
        Self { sql: sql.into(), params, expect: None, on_unique: None, names_keys: false, append: None }
    }

    pub(crate) fn expect(mut self, rows: u64, otherwise: Conflict) -> Self {
        self.expect = Some((rows, otherwise));
        self
    }

    pub(crate) fn on_unique(mut self, conflict: Conflict) -> Self {
        self.on_unique = Some(conflict);
        self
    }
}

/// Maximum number of keys in one statement.
const KEYS_MAX: usize = 100;

/// Statements that do the same to many rows: `head` ends with the column that the keys are of, and `first` are its
/// parameters. Their texts are few, so SQLite keeps them prepared; they are put together at run time, so PostgreSQL runs
/// them beside the lanes, where nobody waits for them.
pub(crate) fn by_keys(head: &str, first: &[Value], keys: &[Value]) -> Vec<Stmt> {
    keys.chunks(KEYS_MAX)
        .map(|keys| {
            // Few lengths are few texts: a key may be named twice.
            let length = keys.len().next_power_of_two().min(KEYS_MAX);
            let last = keys.last().cloned().unwrap_or(Value::Null);
            let padded = keys.iter().cloned().chain(std::iter::repeat(last)).take(length);
            let params: Vec<Value> = first.iter().cloned().chain(padded).collect();
            let places: Vec<_> = (first.len() + 1..=params.len()).map(|at| format!("${at}")).collect();
            Stmt { names_keys: true, ..Stmt::new(format!("{head} IN ({})", places.join(", ")), params) }
        })
        .collect()
}

impl Db {
    pub(crate) fn health(&self) -> &health::Health {
        match self {
            Self::Sqlite(db) => db.health(),
            Self::Postgres(db) => db.health(),
        }
    }

    /// Runs the queries on one state of the database and gives the rows of each.
    pub(crate) async fn snapshot(
        &self,
        reach: Reach,
        queries: Vec<Query>,
        deadline: Instant,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        match self {
            Self::Sqlite(db) => db.snapshot(reach, queries, deadline).await,
            // In a box: else every caller's future, and the stack that makes it, has room for all of this.
            Self::Postgres(db) => Box::pin(db.snapshot(reach, queries, deadline)).await,
        }
    }

    /// Runs a query that gives about `rows` rows and that an index may bound. `None` if it turns out to read much more than
    /// that: what it has read then is thrown away.
    pub(crate) async fn quick(
        &self,
        query: Query,
        rows: i64,
        deadline: Instant,
    ) -> Result<Option<Vec<Row>>, StoreError> {
        match self {
            Self::Sqlite(db) => db.quick(query, rows, deadline).await,
            Self::Postgres(db) => Box::pin(db.quick(query, rows, deadline)).await,
        }
    }

    /// What the writer knows of numbers; `None` if it gives none.
    pub(crate) fn numbering(&self) -> Option<&Arc<Numbering>> {
        match self {
            Self::Sqlite(db) => Some(db.numbering()),
            Self::Postgres(_) => None,
        }
    }

    /// How many reads there were so far.
    pub(crate) fn reads(&self) -> u64 {
        match self {
            Self::Sqlite(db) => db.reads.load(Ordering::Relaxed),
            Self::Postgres(db) => db.reads.load(Ordering::Relaxed),
        }
    }

    /// How many long reads may run at a time.
    pub(crate) fn long_reads_max(&self) -> usize {
        match self {
            Self::Sqlite(_) => sqlite::long_reads_max(),
            Self::Postgres(_) => postgres::SCAN_CONNECTIONS,
        }
    }

    /// Runs the statements as one transaction, or none of them. Once it gives `Ok`, they survive a power cut.
    ///
    /// A batch that has not begun by the deadline never begins. Whether a batch was written whose database was lost or whose
    /// disk failed during the commit, or that had not ended some seconds after the deadline, is not known, and the error says
    /// so.
    pub(crate) async fn batch(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(db) => db.batch(statements, deadline).await,
            Self::Postgres(db) => Box::pin(db.batch(statements, deadline)).await,
        }
    }

    /// The same for a change of the schema or a part of one, which stands in nobody's way for longer than a moment.
    pub(crate) async fn apply(
        &self,
        statements: Vec<Stmt>,
        deadline: Instant,
    ) -> Result<Applied, StoreError> {
        match self {
            Self::Sqlite(db) => {
                let told = |statement: Stmt| Stmt { sql: sqlite::dialect(statement.sql), ..statement };
                let statements = statements.into_iter().map(told).collect();
                db.batch(statements, deadline).await.map(|()| Applied::Done)
            }
            Self::Postgres(db) => Box::pin(db.apply(&statements, deadline)).await,
        }
    }
}

/// What is damaged, with the tables that the statement names.
fn with_tables(what: &str, sql: &str) -> String {
    let mut tables: Vec<&str> = Vec::new();
    let mut words = sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let mut words = words.by_ref().filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        if ["FROM", "JOIN", "INTO", "UPDATE"].contains(&word)
            && let Some(table) = words.peek()
            && table.starts_with(|letter: char| letter.is_ascii_lowercase())
            && !tables.contains(table)
        {
            tables.push(table);
        }
    }
    match tables.as_slice() {
        [] => what.to_owned(),
        [table] => format!("{what}, in table {table}"),
        tables => format!("{what}, in one of the tables {}", tables.join(", ")),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<verger_wire::UnixMillis> for Value {
    fn from(moment: verger_wire::UnixMillis) -> Self {
        Self::Int(moment.0)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Reads the columns of a row from left to right. What is not as it should be is named in the error.
pub(crate) struct Columns {
    table: &'static str,
    id: String,
    values: std::vec::IntoIter<Value>,
}

impl Columns {
    pub(crate) fn new(table: &'static str, row: Row) -> Self {
        Self { table, id: String::new(), values: row.into_iter() }
    }

    /// Names the row in errors from here on.
    pub(crate) fn name(&mut self, id: String) {
        self.id = id;
    }

    /// The next column, which names the row in errors from here on.
    pub(crate) fn id(&mut self, column: &'static str) -> Result<String, StoreError> {
        let id = self.text(column)?;
        self.id.clone_from(&id);
        Ok(id)
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<String, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn int(&mut self, column: &'static str) -> Result<i64, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn optional_int(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn flag(&mut self, column: &'static str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn corrupt(&self, what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { table: self.table, id: self.id.clone(), what: what.into() }
    }
}

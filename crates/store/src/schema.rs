//! The tables as the migrations make them: for what must treat all of them alike, so that a new one cannot be forgotten.
//!
//! SQLite reads the migrations: they run in an empty database in memory, which then says what it has. So the answer is the
//! same for every store, and does not have the tables that somebody else keeps beside ours.

use crate::{StoreError, migrate};
use rusqlite::Connection;

/// A table of the current schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// The indexes of the primary key's columns, in its order. Never empty.
    pub(crate) key: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
}

impl Table {
    /// The columns as a list for SQL.
    pub(crate) fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The primary key as a list for SQL.
    pub(crate) fn key_list(&self) -> String {
        self.key.iter().map(|at| self.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Every table but the one that records the migrations, in the order in which they were created.
///
/// # Errors
/// [`StoreError::Bug`] if a migration makes a table that cannot be treated like the others: without a primary key, or with
/// a column that is neither TEXT nor BIGINT.
pub(crate) fn tables() -> Result<Vec<Table>, StoreError> {
    made_by(migrate::statements())
}

fn made_by(statements: impl IntoIterator<Item = String>) -> Result<Vec<Table>, StoreError> {
    let wrong = |error: rusqlite::Error| StoreError::Bug(format!("the migrations cannot be read: {error}"));
    let database = Connection::open_in_memory().map_err(wrong)?;
    for statement in statements {
        database
            .execute_batch(&statement)
            .map_err(|error| StoreError::Bug(format!("a migration cannot be read ({error}): {statement}")))?;
    }
    let mut found = database
        .prepare(
            "SELECT made.name, part.name, part.type, part.pk
             FROM sqlite_schema made JOIN pragma_table_info(made.name) part
             WHERE made.type = 'table' AND made.name NOT LIKE 'sqlite!_%' ESCAPE '!'
             ORDER BY made.rowid, part.cid",
        )
        .map_err(wrong)?;
    let mut rows = found.query([]).map_err(wrong)?;
    let mut tables: Vec<(Table, Vec<(i64, usize)>)> = Vec::new();
    while let Some(row) = rows.next().map_err(wrong)? {
        let name: String = row.get(0).map_err(wrong)?;
        if tables.last().is_none_or(|(table, _)| table.name != name) {
            tables.push((Table { name, columns: Vec::new(), key: Vec::new() }, Vec::new()));
        }
        let Some((table, key)) = tables.last_mut() else { continue };
        let column = Column {
            name: row.get(1).map_err(wrong)?,
            kind: kind_of(&table.name, &row.get::<_, String>(2).map_err(wrong)?)?,
        };
        // The position in the primary key, from 1; 0 for a column that is not part of it.
        match row.get(3).map_err(wrong)? {
            0 => {}
            position => key.push((position, table.columns.len())),
        }
        table.columns.push(column);
    }
    tables
        .into_iter()
        .map(|(mut table, mut key)| {
            key.sort_unstable();
            table.key = key.into_iter().map(|(_, at)| at).collect();
            if table.key.is_empty() {
                return Err(StoreError::Bug(format!("the table {} has no primary key", table.name)));
            }
            Ok(table)
        })
        .collect()
}

fn kind_of(table: &str, declared: &str) -> Result<Kind, StoreError> {
    match declared {
        "TEXT" => Ok(Kind::Text),
        "BIGINT" => Ok(Kind::Int),
        other => Err(StoreError::Bug(format!("the table {table} has a column of the type {other:?}"))),
    }
}

/// The tables that a migrated store has, for tests that look at all of them.
#[cfg(test)]
pub(crate) fn names_of_all() -> &'static [String] {
    static NAMES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let known = tables().expect("the migrations are read").into_iter().map(|table| table.name);
        known.chain(["schema_migrations".to_owned()]).collect()
    });
    &NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(statements: &[&str]) -> Result<Vec<Table>, StoreError> {
        made_by(statements.iter().map(|statement| (*statement).to_owned()))
    }

    #[test]
    fn table_that_a_migration_makes_is_known_with_its_columns_and_key() {
        let names: Vec<_> = tables().unwrap().into_iter().map(|table| table.name).collect();
        assert!(["instances", "users", "outbox"].iter().all(|name| names.contains(&(*name).to_owned())));
        let make =
            "CREATE TABLE t (a TEXT NOT NULL DEFAULT 'x, y)', b BIGINT, CHECK (b > 0), PRIMARY KEY (b, a))";
        let tables = made(&[
            make,
            "CREATE TABLE gone (id TEXT PRIMARY KEY)",
            "CREATE UNIQUE INDEX t_a ON t (a)",
            "ALTER TABLE t ADD COLUMN c TEXT",
            "DROP TABLE gone",
        ])
        .unwrap();
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].column_list(), "a, b, c");
        assert_eq!(tables[0].key_list(), "b, a");
        let kinds: Vec<_> = tables[0].columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, [Kind::Text, Kind::Int, Kind::Text]);
    }

    #[test]
    fn what_cannot_be_treated_like_the_other_tables_is_an_error() {
        for wrong in [
            "CREATE TABLE u (a TEXT)",
            "CREATE TABLE u (a REAL PRIMARY KEY)",
            "CREATE TABLE u (a PRIMARY KEY)",
            "ALTER TABLE u ADD COLUMN c TEXT",
            "nonsense",
        ] {
            let answer = made(&[wrong]);
            assert!(matches!(answer, Err(StoreError::Bug(_))), "{wrong}: {answer:?}");
        }
    }
}

//! Runs one statement: the values that it takes and gives, and why it was refused.

use super::super::{Query, Row, Stmt, Value};
use super::errors::{classify, classify_of, is_failed_sync};
use crate::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, ffi};

/// A statement at which the writer panics.
#[cfg(test)]
pub(super) const PANIC: &str = "PANIC";

/// Why a batch is not in the transaction of its group.
pub(super) enum Refused {
    /// The statement failed and left nothing behind.
    Alone(StoreError),
    /// Part of it may still be in the transaction, which must not be committed.
    WithItsGroup(StoreError),
    /// A sync failed before the commit.
    DiskFailed(StoreError),
}

impl Refused {
    /// Of a statement that was for the whole group.
    pub(super) fn with_its_group(self) -> Self {
        match self {
            Self::Alone(error) => Self::WithItsGroup(error),
            other => other,
        }
    }
}

pub(super) fn run_snapshot(
    connection: &Connection,
    queries: &[Query],
    keep: bool,
) -> Result<Vec<Vec<Row>>, StoreError> {
    // One statement is a snapshot by itself.
    if let [query] = queries {
        return Ok(vec![run_query(connection, query, keep)?]);
    }
    connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(classify)?;
    let rows = queries.iter().map(|query| run_query(connection, query, keep)).collect();
    let ended =
        connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).map_err(classify);
    match rows {
        Ok(rows) => ended.map(|_| rows),
        Err(error) => Err(error),
    }
}

pub(super) fn run_query(connection: &Connection, query: &Query, keep: bool) -> Result<Vec<Row>, StoreError> {
    let classify = |error| classify_of(error, &query.sql);
    let (mut kept, mut own);
    let statement: &mut rusqlite::Statement<'_> = if keep {
        kept = connection.prepare_cached(&query.sql).map_err(classify)?;
        &mut kept
    } else {
        own = connection.prepare(&query.sql).map_err(classify)?;
        &mut own
    };
    let columns = statement.column_count();
    let mut found = Vec::new();
    {
        bind(statement, &query.params)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(classify)? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(classify)? {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => Value::Int(number),
                    ValueRef::Text(text) => {
                        std::str::from_utf8(text).map_or(Value::Foreign, |text| Value::Text(text.to_owned()))
                    }
                    ValueRef::Real(_) | ValueRef::Blob(_) => Value::Foreign,
                });
            }
            found.push(values);
        }
    }
    Ok(found)
}

pub(super) fn run_statement(connection: &Connection, statement: &Stmt) -> Result<(), Refused> {
    run_as(connection, statement, &statement.sql, &[])
}

/// The same with another text, and more parameters behind those of the statement.
pub(super) fn run_as(
    connection: &Connection,
    statement: &Stmt,
    sql: &str,
    more: &[Value],
) -> Result<(), Refused> {
    #[cfg(test)]
    assert!(statement.sql != PANIC, "a statement panics");
    let classify = |error| refused(error, sql);
    let mut prepared = connection.prepare_cached(sql).map_err(classify)?;
    bind_all(&mut prepared, &statement.params, more).map_err(Refused::Alone)?;
    match prepared.raw_execute() {
        Ok(changed) => match statement.expect {
            Some((rows, conflict)) if changed as u64 != rows => {
                Err(Refused::Alone(StoreError::Conflict(conflict)))
            }
            _ => Ok(()),
        },
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if matches!(
                failure.extended_code,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            ) =>
        {
            let unforeseen = || {
                let why = "a unique key stood in the way of a statement that did not foresee it";
                StoreError::Bug(why.to_owned())
            };
            Err(Refused::Alone(statement.on_unique.map_or_else(unforeseen, StoreError::Conflict)))
        }
        Err(error) => Err(classify(error)),
    }
}

pub(super) fn refused(error: rusqlite::Error, sql: &str) -> Refused {
    let is_failed_sync = is_failed_sync(&error);
    let error = classify_of(error, sql);
    if is_failed_sync { Refused::DiskFailed(error) } else { Refused::Alone(error) }
}

/// Binds `$n` to the n-th parameter. SQLite counts such names in the order in which they first appear, so it must be
/// told.
pub(super) fn bind(statement: &mut rusqlite::Statement<'_>, params: &[Value]) -> Result<(), StoreError> {
    bind_all(statement, params, &[])
}

fn bind_all(
    statement: &mut rusqlite::Statement<'_>,
    params: &[Value],
    more: &[Value],
) -> Result<(), StoreError> {
    let nth = |number: usize| {
        let at = number.checked_sub(1)?;
        params.get(at).or_else(|| more.get(at.checked_sub(params.len())?))
    };
    for index in 1..=statement.parameter_count() {
        let number =
            statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(nth);
        let Some(value) = value else {
            return Err(StoreError::Bug(format!("parameter {index} of a statement has no value")));
        };
        statement.raw_bind_parameter(index, value).map_err(classify)?;
    }
    Ok(())
}

pub(super) fn execute(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            // Never written; a row that has one is damaged and matches nothing.
            Self::Null | Self::Foreign => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

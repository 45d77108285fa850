//! The tables as the migrations make them: for what must treat all of them alike, so that a new one cannot be forgotten.

use crate::{StoreError, migrate};

/// A table of the current schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// The places of the primary key's columns, in its order. Never empty.
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

/// Every table but the one that records the migrations, in the order of their making.
///
/// # Errors
/// [`StoreError::Bug`] if a migration does something that is not understood here.
pub(crate) fn tables() -> Result<Vec<Table>, StoreError> {
    let mut tables = Vec::new();
    for statement in migrate::statements() {
        apply(&mut tables, &statement)
            .map_err(|why| StoreError::Bug(format!("a migration cannot be read ({why}): {statement}")))?;
    }
    Ok(tables)
}

fn apply(tables: &mut Vec<Table>, statement: &str) -> Result<(), &'static str> {
    let mut words = statement.split_whitespace();
    match (words.next(), words.next()) {
        (Some("CREATE"), Some("TABLE")) => tables.push(created(statement)?),
        (Some("DROP"), Some("TABLE")) => {
            let name = words.next().ok_or("no name")?;
            tables.retain(|table| table.name != name);
        }
        (Some("ALTER"), Some("TABLE")) => {
            let name = words.next().ok_or("no name")?;
            let table = tables.iter_mut().find(|table| table.name == name).ok_or("no such table")?;
            if (words.next(), words.next()) != (Some("ADD"), Some("COLUMN")) {
                return Err("only columns can be added");
            }
            table.columns.push(column(&words.collect::<Vec<_>>())?);
        }
        _ => {}
    }
    Ok(())
}

fn created(statement: &str) -> Result<Table, &'static str> {
    let (head, body) = statement.split_once('(').ok_or("no columns")?;
    let name = head.split_whitespace().nth(2).ok_or("no name")?.to_owned();
    let body = body.trim_end().strip_suffix(')').ok_or("no end")?;
    let mut table = Table { name, columns: Vec::new(), key: Vec::new() };
    for part in parts(body) {
        let words: Vec<_> = part.split_whitespace().collect();
        match words.as_slice() {
            ["PRIMARY", "KEY", ..] => {
                let (_, list) = part.split_once('(').ok_or("no key")?;
                for name in list.trim_end().trim_end_matches(')').split(',') {
                    let place = table.columns.iter().position(|column| column.name == name.trim());
                    table.key.push(place.ok_or("no such column")?);
                }
            }
            ["UNIQUE" | "CHECK" | "CONSTRAINT" | "FOREIGN", ..] => {}
            words => {
                if words.windows(2).any(|pair| pair == ["PRIMARY", "KEY"]) {
                    table.key.push(table.columns.len());
                }
                table.columns.push(column(words)?);
            }
        }
    }
    if table.key.is_empty() { Err("no primary key") } else { Ok(table) }
}

fn column(words: &[&str]) -> Result<Column, &'static str> {
    let (name, kind) = match words {
        [name, "TEXT", ..] => (name, Kind::Text),
        [name, "BIGINT", ..] => (name, Kind::Int),
        _ => return Err("a column of another type"),
    };
    Ok(Column { name: (*name).to_owned(), kind })
}

/// Splits at the commas outside of parentheses.
fn parts(body: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in body.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_that_a_migration_names_is_known() {
        let known: Vec<_> = tables().unwrap().into_iter().map(|table| table.name).collect();
        let mut created = migrate::table_names();
        created.retain(|name| name != "schema_migrations");
        assert_eq!(known, created);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let make = "CREATE TABLE t (a TEXT NOT NULL, b BIGINT, PRIMARY KEY (b, a))";
        let mut tables = Vec::new();
        apply(&mut tables, make).unwrap();
        apply(&mut tables, "ALTER TABLE t ADD COLUMN c TEXT").unwrap();
        assert_eq!(tables[0].column_list(), "a, b, c");
        assert_eq!(tables[0].key_list(), "b, a");
        for wrong in [
            "CREATE TABLE u (a TEXT)",
            "CREATE TABLE u (a REAL PRIMARY KEY)",
            "ALTER TABLE t RENAME TO u",
            "ALTER TABLE t DROP COLUMN c",
            "ALTER TABLE u ADD COLUMN c TEXT",
        ] {
            assert!(apply(&mut tables, wrong).is_err(), "{wrong}");
        }
        apply(&mut tables, "DROP TABLE t").unwrap();
        assert!(tables.is_empty());
    }
}

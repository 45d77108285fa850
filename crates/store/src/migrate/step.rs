//! What a migration is made of.

use super::progress::MigrationWork;
use crate::hex::hex;
use crate::schema::Kind;
use sha2::{Digest, Sha256};

#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) title: &'static str,
    pub(crate) steps: &'static [Step],
    /// The oldest build, by its `SCHEMA_VERSION`, that can go on with what this one leaves behind. One that only adds
    /// (expand) names an earlier version, so that old and new servers run side by side; one that takes away what an old
    /// build uses (contract) names its own.
    pub(crate) serves_from: i64,
}

/// A part of a migration that is done as a whole or not at all, but for backfills.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Statements that are done in a moment, whatever the tables hold: new tables, new columns without a value, indexes
    /// of new tables. In one transaction.
    Sql(&'static str),
    /// An index over a table that can be large. PostgreSQL makes it beside the writers. SQLite cannot: there it is made
    /// only if that takes a moment, or if nobody else is there.
    #[cfg_attr(not(test), expect(dead_code, reason = "no migration needs one so far"))]
    Index {
        name: &'static str,
        /// `CREATE INDEX name ON …`
        sql: &'static str,
    },
    /// Values for the rows that are there when it begins, a chunk at a time in the order of the primary key.
    #[cfg_attr(not(test), expect(dead_code, reason = "no migration needs one so far"))]
    Backfill {
        table: &'static str,
        key: &'static [(&'static str, Kind)],
        /// Each statement has `{range}` where it says which rows: `UPDATE … WHERE {range}`.
        sql: &'static str,
    },
}

impl Migration {
    pub(crate) fn checksum(&self) -> String {
        match self.steps {
            [Step::Sql(sql)] => checksum_of(sql),
            steps => checksum_of(&steps.iter().map(Step::checksum).collect::<Vec<_>>().join("\n")),
        }
    }
}

impl Step {
    pub(super) fn checksum(&self) -> String {
        match self {
            Self::Sql(sql) => checksum_of(sql),
            Self::Index { name, sql } => checksum_of(&format!("index {name}\n{sql}")),
            Self::Backfill { table, key, sql } => checksum_of(&format!("backfill {table} {key:?}\n{sql}")),
        }
    }

    pub(super) fn work(&self) -> MigrationWork {
        match self {
            Self::Sql(_) => MigrationWork::Schema,
            Self::Index { .. } => MigrationWork::Index,
            Self::Backfill { .. } => MigrationWork::Rows,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sql(_) => "",
            Self::Index { name, .. } => name,
            Self::Backfill { table, .. } => table,
        }
    }
}

fn checksum_of(sql: &str) -> String {
    hex(&Sha256::digest(sql.as_bytes()))
}

/// The statements of a migration. Its texts have no semicolon but those that end a statement.
pub(super) fn split(sql: &'static str) -> Vec<String> {
    let without_comments: String =
        sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    without_comments.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

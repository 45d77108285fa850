//! The schema and its versions.
//!
//! Migrations are numbered files that are applied once, in order, each in one transaction with the row that records
//! it. What was applied is compared by checksum at every start, so that an edited migration is noticed.

use crate::db::{Columns, Db, Query, Reach, Stmt};
use crate::{Conflict, Store, StoreError};
use sha2::{Digest, Sha256};
use std::time::Instant;
use verger_wire::UnixMillis;

struct Migration {
    version: i64,
    title: &'static str,
    sql: &'static str,
    /// The oldest build, by its `SCHEMA_VERSION`, that can go on with what this one leaves behind. One that only adds
    /// (expand) names an earlier version, so that old and new servers run side by side; one that takes away what an old
    /// build uses (contract) names its own.
    serves_from: i64,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        title: "initial",
        sql: include_str!("migrations/0001_initial.sql"),
        serves_from: 1,
    },
    Migration { version: 2, title: "codes", sql: include_str!("migrations/0002_codes.sql"), serves_from: 2 },
    Migration {
        version: 3,
        title: "events",
        sql: include_str!("migrations/0003_events.sql"),
        serves_from: 3,
    },
];

/// The schema version that this build reads and writes.
pub const SCHEMA_VERSION: i64 = 3;

/// How the schema of a database stands to this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// As this build needs it.
    Current,
    /// Older: `verger migrate` brings it up.
    Behind {
        /// What the database has; 0 for an empty one.
        version: i64,
    },
    /// Migrated by a newer build in a way that this one can serve beside it.
    Expanded {
        /// What the database has.
        version: i64,
    },
    /// Migrated by a newer build, and no longer for this one.
    Ahead {
        /// What the database has.
        version: i64,
    },
    /// A migration was applied whose text is not the one of this build.
    Altered {
        /// Which.
        version: i64,
    },
}

impl Store {
    /// Compares the database's schema with what this build needs. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn migration_state(&self, deadline: Instant) -> Result<MigrationState, StoreError> {
        let applied = self.applied_migrations(deadline).await?;
        match state_of(&applied) {
            MigrationState::Ahead { version } if self.oldest_served(deadline).await? <= SCHEMA_VERSION => {
                Ok(MigrationState::Expanded { version })
            }
            state => Ok(state),
        }
    }

    /// The oldest build that can serve what was migrated, by its schema version.
    async fn oldest_served(&self, deadline: Instant) -> Result<i64, StoreError> {
        let query = Query::new("SELECT MAX(serves_from) FROM schema_migrations", vec![]);
        let rows = self.rows(Reach::Point, query, deadline).await?;
        rows.into_iter().next().map_or(Ok(0), |row| Columns::new("schema_migrations", row).int("serves_from"))
    }

    /// Applies what is missing and gives the versions that it applied. Safe to call from many processes at once.
    ///
    /// # Errors
    /// The database does not answer, or it was migrated by a newer or an altered build ([`StoreError::Bug`]).
    pub async fn migrate(&self, now: UnixMillis, deadline: Instant) -> Result<Vec<i64>, StoreError> {
        let version = match self.migration_state(deadline).await? {
            MigrationState::Current | MigrationState::Expanded { .. } => return Ok(Vec::new()),
            MigrationState::Behind { version } => version,
            state => {
                return Err(StoreError::Bug(format!("this build cannot migrate such a schema: {state:?}")));
            }
        };
        if version == 0 {
            let create = Stmt::new(
                "CREATE TABLE IF NOT EXISTS schema_migrations (
                    version    BIGINT NOT NULL PRIMARY KEY,
                    title      TEXT   NOT NULL,
                    checksum   TEXT   NOT NULL,
                    applied_at BIGINT NOT NULL,
                    serves_from BIGINT NOT NULL
                )",
                vec![],
            );
            let mut statements = self.migration_lock();
            statements.push(create);
            self.batch(statements, deadline).await?;
        }
        let mut applied = Vec::new();
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > version) {
            // The record comes first: a process that lost the race is stopped by its key before it changes anything.
            let mut statements = self.migration_lock();
            statements.push(
                Stmt::new(
                    "INSERT INTO schema_migrations (version, title, checksum, applied_at, serves_from)
                     VALUES ($1, $2, $3, $4, $5)",
                    vec![
                        migration.version.into(),
                        migration.title.into(),
                        checksum_of(migration.sql).into(),
                        now.into(),
                        migration.serves_from.into(),
                    ],
                )
                .on_unique(Conflict::MigrationApplied),
            );
            statements.extend(split(migration.sql).into_iter().map(|sql| Stmt::new(sql, vec![])));
            match self.batch(statements, deadline).await {
                Ok(()) => applied.push(migration.version),
                Err(StoreError::Conflict(Conflict::MigrationApplied)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// What a batch that changes the schema begins with. SQLite has one writer anyway.
    fn migration_lock(&self) -> Vec<Stmt> {
        match &self.db {
            Db::Sqlite(_) => Vec::new(),
            Db::Postgres(_) => vec![crate::db::postgres::migration_lock()],
        }
    }

    pub(crate) async fn applied_migrations(
        &self,
        deadline: Instant,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let query = Query::new("SELECT version, checksum FROM schema_migrations ORDER BY version", vec![]);
        let rows = match self.rows(Reach::Point, query, deadline).await {
            Ok(rows) => rows,
            // The one statement that may meet an empty database.
            Err(StoreError::Bug(why)) if why.contains("schema_migrations") => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("schema_migrations", row);
                Ok((columns.int("version")?, columns.text("checksum")?))
            })
            .collect()
    }
}

/// How a schema stands to this build to which these versions were applied, with their checksums.
pub(crate) fn state_of(applied: &[(i64, String)]) -> MigrationState {
    let version = applied.last().map_or(0, |(version, _)| *version);
    for (migration, (applied_version, checksum)) in MIGRATIONS.iter().zip(applied) {
        if migration.version != *applied_version || checksum_of(migration.sql) != *checksum {
            return MigrationState::Altered { version: *applied_version };
        }
    }
    match version.cmp(&SCHEMA_VERSION) {
        std::cmp::Ordering::Less => MigrationState::Behind { version },
        std::cmp::Ordering::Equal => MigrationState::Current,
        std::cmp::Ordering::Greater => MigrationState::Ahead { version },
    }
}

/// The statements of all migrations, in order.
pub(crate) fn statements() -> impl Iterator<Item = String> {
    MIGRATIONS.iter().flat_map(|migration| split(migration.sql))
}

fn checksum_of(sql: &str) -> String {
    hex(&Sha256::digest(sql.as_bytes()))
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The statements of a migration. Its texts have no semicolon but those that end a statement.
fn split(sql: &'static str) -> Vec<String> {
    let without_comments: String =
        sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    without_comments.split(';').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The tables that there are, for tests that look at all of them.
#[cfg(test)]
pub(crate) fn table_names() -> Vec<String> {
    let created = MIGRATIONS.iter().flat_map(|migration| split(migration.sql)).filter_map(|statement| {
        Some(statement.strip_prefix("CREATE TABLE ")?.split_whitespace().next()?.to_owned())
    });
    created.chain(["schema_migrations".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap_up_to_the_schema_version() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    }

    #[test]
    fn no_migration_serves_a_build_that_is_newer_than_it() {
        assert!(MIGRATIONS.iter().all(|migration| (1..=migration.version).contains(&migration.serves_from)));
    }

    #[test]
    fn migrations_use_the_portable_types_only() {
        for migration in MIGRATIONS {
            for statement in split(migration.sql) {
                for word in
                    ["INTEGER", "BOOLEAN", "BLOB", "REAL", "AUTOINCREMENT", "SERIAL", "TIMESTAMP", "JSON"]
                {
                    assert!(!statement.to_uppercase().contains(word), "{}: {word}", migration.title);
                }
            }
        }
    }
}

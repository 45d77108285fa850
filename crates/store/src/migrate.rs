//! The schema and its versions.
//!
//! A migration is a list of steps. One that is a single text, as all are so far, is applied in one transaction with the row
//! that records it. With more steps each is recorded when it is done, and a backfill after every chunk, so that a
//! migration that was killed resumes where it stopped; the migration counts as applied when its last step is. What was
//! applied is compared by checksum, so that an edited migration is noticed. See docs/adr/0009.

mod backfill;
mod progress;
mod record;
mod run;
mod step;
mod steps;

pub use self::progress::{MigrateError, MigrationLimits, MigrationProgress, MigrationWork};
use self::run::{Run, call_deadline};
use self::step::split;
pub(crate) use self::step::{Migration, Step};
use crate::db::{Columns, Query, Reach};
use crate::{Store, StoreError};
use std::time::Instant;
use verger_wire::UnixMillis;

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        title: "initial",
        steps: &[Step::Sql(include_str!("migrations/0001_initial.sql"))],
        serves_from: 1,
    },
    Migration {
        version: 2,
        title: "codes",
        steps: &[Step::Sql(include_str!("migrations/0002_codes.sql"))],
        serves_from: 2,
    },
    Migration {
        version: 3,
        title: "events",
        steps: &[Step::Sql(include_str!("migrations/0003_events.sql"))],
        serves_from: 3,
    },
    Migration {
        version: 4,
        title: "changes",
        steps: &[Step::Sql(include_str!("migrations/0004_changes.sql"))],
        serves_from: 3,
    },
    Migration {
        version: 5,
        title: "sign_in",
        steps: &[Step::Sql(include_str!("migrations/0005_sign_in.sql"))],
        serves_from: 3,
    },
];

/// The schema version that this build reads and writes.
pub const SCHEMA_VERSION: i64 = 5;

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
        /// The schema version of the database.
        version: i64,
    },
    /// Migrated by a newer build, and no longer for this one.
    Ahead {
        /// The schema version of the database.
        version: i64,
    },
    /// A migration was applied whose text is not the one of this build.
    Altered {
        /// The migration that differs.
        version: i64,
    },
}

impl Store {
    /// Compares the database's schema with what this build needs. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn migration_state(&self, deadline: Instant) -> Result<MigrationState, StoreError> {
        self.state_in(MIGRATIONS, deadline).await
    }

    pub(crate) async fn state_in(
        &self,
        migrations: &[Migration],
        deadline: Instant,
    ) -> Result<MigrationState, StoreError> {
        let applied = self.applied_migrations(deadline).await?;
        let version_of_build = last_version(migrations);
        match state_among(migrations, &applied) {
            MigrationState::Ahead { version } if self.oldest_served(deadline).await? <= version_of_build => {
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

    /// Applies what is missing to a store that nobody else uses yet, and gives the versions that it applied. Safe to call
    /// from many processes at once.
    ///
    /// # Errors
    /// The database does not answer, or it was migrated by a newer or an altered build ([`StoreError::Bug`]).
    pub async fn migrate(&self, now: UnixMillis, deadline: Instant) -> Result<Vec<i64>, StoreError> {
        let limits = MigrationLimits { until: Some(deadline), is_alone: true };
        match self.migrate_with(now, limits, |_| {}).await {
            Ok(applied) => Ok(applied),
            Err(MigrateError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }

    /// Applies what is missing while others use the store, reports progress, and gives the versions that it applied.
    /// Safe to call from many processes at once. A migration that was killed resumes.
    ///
    /// # Errors
    /// [`MigrateError`]
    pub async fn migrate_with(
        &self,
        now: UnixMillis,
        limits: MigrationLimits,
        report: impl FnMut(&MigrationProgress),
    ) -> Result<Vec<i64>, MigrateError> {
        // In a box: its futures nest deeper than the compiler follows in a program that starts a server inside.
        Box::pin(self.migrate_among(MIGRATIONS, now, limits, report)).await
    }

    pub(crate) async fn migrate_among(
        &self,
        migrations: &'static [Migration],
        now: UnixMillis,
        limits: MigrationLimits,
        mut report: impl FnMut(&MigrationProgress),
    ) -> Result<Vec<i64>, MigrateError> {
        let state = self.state_in(migrations, call_deadline(limits)?).await?;
        let version = match state {
            MigrationState::Current | MigrationState::Expanded { .. } => return Ok(Vec::new()),
            MigrationState::Behind { version } => version,
            state => {
                let why = format!("this build cannot migrate such a schema: {state:?}");
                return Err(StoreError::Bug(why).into());
            }
        };
        let mut applied = Vec::new();
        for migration in migrations.iter().filter(|migration| migration.version > version) {
            let progress = MigrationProgress {
                version: migration.version,
                title: migration.title,
                step: 1,
                steps: migration.steps.len(),
                work: MigrationWork::Schema,
                name: "",
                done: 0,
                total: 0,
                is_waiting: false,
            };
            let mut run = Run { store: self, migration, now, limits, progress, report: &mut report };
            if run.migrate().await? {
                applied.push(migration.version);
            }
        }
        Ok(applied)
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
    state_among(MIGRATIONS, applied)
}

fn state_among(migrations: &[Migration], applied: &[(i64, String)]) -> MigrationState {
    let version = applied.last().map_or(0, |(version, _)| *version);
    for (migration, (applied_version, checksum)) in migrations.iter().zip(applied) {
        if migration.version != *applied_version || migration.checksum() != *checksum {
            return MigrationState::Altered { version: *applied_version };
        }
    }
    match version.cmp(&last_version(migrations)) {
        std::cmp::Ordering::Less => MigrationState::Behind { version },
        std::cmp::Ordering::Equal => MigrationState::Current,
        std::cmp::Ordering::Greater => MigrationState::Ahead { version },
    }
}

fn last_version(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The statements of all migrations that change the schema, in order.
pub(crate) fn statements() -> impl Iterator<Item = String> {
    MIGRATIONS.iter().flat_map(|migration| migration.steps).flat_map(|step| match step {
        Step::Sql(sql) | Step::Index { sql, .. } => split(sql),
        Step::Backfill { .. } => Vec::new(),
    })
}

/// The migrations of this build and then others, for tests of the machinery.
#[cfg(test)]
pub(crate) fn with_more(more: impl IntoIterator<Item = Migration>) -> &'static [Migration] {
    let mut all: Vec<_> = MIGRATIONS
        .iter()
        .map(|migration| Migration {
            version: migration.version,
            title: migration.title,
            steps: migration.steps,
            serves_from: migration.serves_from,
        })
        .collect();
    all.extend(more);
    Vec::leak(all)
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
    fn checksums_of_what_was_released_never_change() {
        let known: Vec<_> =
            MIGRATIONS.iter().map(|migration| migration.checksum()[..16].to_owned()).collect();
        assert_eq!(
            known,
            [
                "2619789bbb2955f7",
                "4817420c2ee05097",
                "5734a792befd36cf",
                "b8eb1b4b8d60703f",
                "1a982788232de960"
            ]
        );
    }

    #[test]
    fn migrations_use_the_portable_types_only() {
        for migration in MIGRATIONS {
            for statement in migration.steps.iter().flat_map(|step| match step {
                Step::Sql(sql) | Step::Index { sql, .. } | Step::Backfill { sql, .. } => split(sql),
            }) {
                for word in
                    ["INTEGER", "BOOLEAN", "BLOB", "REAL", "AUTOINCREMENT", "SERIAL", "TIMESTAMP", "JSON"]
                {
                    assert!(!statement.to_uppercase().contains(word), "{}: {word}", migration.title);
                }
            }
        }
    }

    #[test]
    fn every_statement_of_a_backfill_is_bounded() {
        for step in MIGRATIONS.iter().flat_map(|migration| migration.steps) {
            if let Step::Backfill { table, sql, .. } = step {
                assert!(split(sql).iter().all(|statement| statement.contains("{range}")), "{table}: {sql}");
            }
        }
    }
}

//! Users, instances, keys and events in a database. The only crate that knows SQL.
//!
//! A [`Store`] is opened once. Everything that belongs to a tenant is reached through [`Store::instance`]: there is no
//! query that forgets which instance it is for. A write is one batch, all or nothing; see `db`.

mod access_entries;
mod aggregate;
mod audit;
mod backup;
mod changes;
mod clients;
mod copy;
mod credentials;
mod db;
mod deaths;
mod error;
mod events;
mod frontend_hosts;
mod hex;
mod idempotency;
mod instance_settings;
mod instances;
mod invitations;
mod jwt_templates;
mod keys;
mod list;
mod long_reads;
mod messages;
mod migrate;
mod modes;
mod redirect_urls;
mod refreshes;
mod replay;
mod retention;
mod schema;
mod sealing;
mod sessions;
mod settle;
mod signing_keys;
mod tickets;
#[allow(dead_code, unused_imports)]
mod trail;
mod turns;
mod users;
mod verifications;
mod webhooks;
mod window;
mod write;

#[cfg(test)]
mod conformance;

pub use aggregate::{AggregateKey, AggregateKind, AnyChange, Change};
pub use audit::{AuditEntry, AuditFilter, NewAuditEntry};
pub use backup::{BackupError, backup, restore};
pub use changes::{
    Backlog, ChangeEvent, FannedOut, FeedItem, NewChange, NewEvent, Numbered, StoredChange, TrailEntry,
};
pub use copy::{Copied, CopiedTable, CopyError, CopyProgress, CopyStage, copy};
pub use credentials::{GuessWrite, LoadedForGuess, SealedSecrets, SecretUse, SecretWrite};
pub use db::health::Trouble;
pub use deaths::{Deaths, panic_text};
pub use error::{Conflict, StoreError};
pub use events::{FanOut, FeedEvent, OutboxEvent, Unread, UnreadEvent};
pub use frontend_hosts::StoredHost;
pub use idempotency::StoredAnswer;
pub use instances::Instance;
pub use invitations::{InvitationFilter, InvitationOrder};
pub use keys::{KeyDigest, SecretKey};
pub use list::{Direction, OrderBy, Sign, Span, UserFilter, UserPage};
pub use messages::{Message, MessageOutcome, MessageState};
pub use migrate::{
    MigrateError, MigrationLimits, MigrationProgress, MigrationState, MigrationWork, SCHEMA_VERSION,
};
pub use modes::{Tightened, tighten, without_link};
pub use refreshes::{RefreshToken, Refreshed};
pub use replay::Replay;
pub use retention::{Kept, RETENTION_LEASE_MS, Retained, RetentionError, Sweep};
pub use sealing::{KeyUse, Sealed, SealedIn, TRAIL_KEYS};
pub use sessions::{LoadedForToken, SessionActivity, SessionFilter, SessionState, SignedIn};
pub use signing_keys::{BrokenKey, KeySet, StoredSigningKey};
pub use trail::{AuditVerdict, StoredTrailKey, TrailKey, TrailKeys, TrailPart, VerifyProgress};
pub use users::{HeldIdentification, Loaded};
pub use verger_core::Environment;
pub use verifications::{Counted, LoadedForCode, WindowWrite};
pub use webhooks::{
    AttemptRecord, DeliveryOutcome, DeliveryState, DueDelivery, DueEvent, NewDelivery, Streak,
    WebhookDelivery,
};
pub use window::BOTH_VERSIONS_MS;
pub use write::Write;

use changes::Numbering;
use db::{Columns, Db, Query, Reach, Row, Stmt, Value};
use long_reads::LongReads;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use verger_wire::InstanceId;

/// An open database, SQLite or PostgreSQL.
pub struct Store {
    db: Db,
    long_reads: LongReads,
    numbering: Arc<Numbering>,
}

/// What was found of damage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// How many tables there are.
    pub tables: usize,
    /// How many of them could be looked at in time.
    pub looked_at: usize,
    /// What is damaged, with the name of the table; a few lines of each.
    pub damage: Vec<String>,
}

/// The part of a store that belongs to one instance.
#[derive(Clone, Copy)]
pub struct Scoped<'a> {
    store: &'a Store,
    instance: &'a InstanceId,
}

impl Store {
    /// Opens the SQLite database at `path`, which is created if it is missing. It may still need [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened or is not a database.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(Db::Sqlite(db::sqlite::Sqlite::open(path)?)))
    }

    /// A store in temporary files that are removed when it is dropped. Its writes do not wait for the disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if there is no place for temporary files.
    pub fn ephemeral() -> Result<Self, StoreError> {
        Ok(Self::of(Db::Sqlite(db::sqlite::Sqlite::ephemeral()?)))
    }

    /// Opens the database that a URL names: `sqlite:PATH`, or `postgres://…` with the options of libpq. PostgreSQL must
    /// answer; it may still need [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URL cannot be read, the database does not answer or is not in UTF-8. The text
    /// has no password.
    pub async fn open_url(url: &str, deadline: Instant) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Self::open(Path::new(path));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::Unavailable(
                "a store is named by sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned(),
            ));
        }
        let db = db::postgres::Postgres::open(url)?;
        db.check_encoding(deadline).await?;
        Ok(Self::of(Db::Postgres(db)))
    }

    fn of(db: Db) -> Self {
        let numbering = db.numbering().map_or_else(Arc::default, Arc::clone);
        Self { long_reads: LongReads::new(db.long_reads_max()), numbering, db }
    }

    /// Whether a change has its numbers as soon as it is written, so that whoever wrote it can tell of them.
    pub fn numbers_at_commit(&self) -> bool {
        self.db
            .numbering()
            .is_some_and(|numbering| numbering.is_window_over() && numbering.keys.get().is_some())
    }

    /// The part of the store that belongs to `instance`.
    pub fn instance<'a>(&'a self, instance: &'a InstanceId) -> Scoped<'a> {
        Scoped { store: self, instance }
    }

    /// Where the data is, for people. Without the password.
    pub fn location(&self) -> String {
        match &self.db {
            Db::Sqlite(db) => format!("sqlite:{}", db.path().display()),
            Db::Postgres(db) => db.location().to_owned(),
        }
    }

    /// Gives the store the keys that it binds the rows of the trail with, once; `false` if it has some already. What is
    /// written without keys gets its numbers from a process that has some.
    pub fn set_trail_keys(&self, keys: TrailKeys) -> bool {
        self.numbering.keys.set(keys)
    }

    /// How many reads this handle made so far.
    pub fn reads(&self) -> u64 {
        self.db.reads()
    }

    /// Answers as soon as the database can be read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self, deadline: Instant) -> Result<(), StoreError> {
        self.rows(Reach::Point, Query::new("SELECT 1", vec![]), deadline).await.map(drop)
    }

    /// Writes nothing, durably: `Ok` means that a write of somebody's would have come through.
    ///
    /// # Errors
    /// What a write would have met, or [`StoreError::Unavailable`] if it did not end by the deadline.
    pub async fn prove_writable(&self, deadline: Instant) -> Result<(), StoreError> {
        match &self.db {
            Db::Sqlite(db) => db.prove_writable(deadline).await,
            Db::Postgres(db) => db.prove_writable(deadline).await,
        }
    }

    /// When the last commit that had something to write ended, and how.
    pub fn last_commit(&self) -> Option<(Instant, Result<(), String>)> {
        self.db.health().last_commit()
    }

    /// Why nobody should be sent to this store, as far as it knows by itself.
    pub fn trouble(&self) -> Option<Trouble> {
        self.db.health().trouble()
    }

    /// Done once the store can do nothing more until it is opened anew; gives why. Everything is refused from then on.
    pub async fn failure(&self) -> String {
        self.db.health().failure().await
    }

    /// Checks for damage, table by table, until the deadline. `None` for PostgreSQL, which has tools of its own.
    ///
    /// # Errors
    /// The database cannot be read at all.
    pub async fn look_through(&self, deadline: Instant) -> Result<Option<Inspection>, StoreError> {
        match &self.db {
            Db::Sqlite(db) => db.look_through(deadline).await.map(Some),
            Db::Postgres(_) => Ok(None),
        }
    }

    /// What PostgreSQL has for these settings, as far as it knows them; nothing for the embedded store.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn settings(
        &self,
        names: &[&str],
        deadline: Instant,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let Db::Postgres(_) = &self.db else { return Ok(Vec::new()) };
        let numbers: Vec<_> = (1..=names.len()).map(|number| format!("${number}")).collect();
        let query = Query::new(
            format!("SELECT name, setting FROM pg_settings WHERE name IN ({})", numbers.join(", ")),
            names.iter().map(|name| Value::from(*name)).collect(),
        );
        let setting = |row| {
            let mut columns = Columns::new("pg_settings", row);
            Ok((columns.text("name")?, columns.text("setting")?))
        };
        self.rows(Reach::Point, query, deadline).await?.into_iter().map(setting).collect()
    }

    /// Finishes what is waiting and closes. Later writes are refused. Blocks for as long as the last commit takes.
    pub fn close(&self) {
        match &self.db {
            Db::Sqlite(db) => db.close(),
            Db::Postgres(db) => db.close(),
        }
    }

    async fn rows(&self, reach: Reach, query: Query, deadline: Instant) -> Result<Vec<Row>, StoreError> {
        let mut answers = self.db.snapshot(reach, vec![query], deadline).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    async fn batch(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<(), StoreError> {
        self.db.batch(statements, deadline).await
    }

    /// The same for statements that others may have made stale: `false` if they have, and nothing was written.
    async fn batch_unless_stale(&self, statements: Vec<Stmt>, deadline: Instant) -> Result<bool, StoreError> {
        match self.batch(statements, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::Stale)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

//! Changes of the schema, while others write: transactions that hold a lock for a moment or not at all, and indexes that
//! are made beside the writers.

use super::super::{Applied, Query, Reach, Stmt, Value};
use super::link::Lease;
use super::{NO_JIT, Postgres, dialect, wire};
use crate::StoreError;
use std::time::{Duration, Instant};
use tokio_postgres::error::SqlState;

/// How long a change waits for a lock. Whoever asks for the same table later stands behind it for as long.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// Rows of a chunk are looked up by their keys, however large the table is.
const BY_KEY: &str =
    "; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";
/// How often an index that is being made is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The progress of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexProgress {
    /// Blocks of the table that were read. The server counts anew in each of its phases.
    pub(crate) done: i64,
    pub(crate) total: i64,
}

/// What there is under the name of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Whole,
    /// A session is making it.
    InWork,
    /// What a session left that did not come to its end. Nobody reads it, and every write keeps it up.
    Broken,
}

impl Postgres {
    /// Runs the statements as one transaction, unless it would have to wait for a lock.
    pub(crate) async fn apply(&self, statements: &[Stmt], deadline: Instant) -> Result<Applied, StoreError> {
        let late = || StoreError::Unavailable("the database took too long".to_owned());
        if Instant::now() >= deadline {
            return Err(late());
        }
        let mut lease =
            Lease::take(&self.job, &self.link, deadline).await.map_err(|failure| failure.error)?;
        lease.begin();
        // Dropped while it is busy, a connection is closed, and the server stops what it was doing for it.
        let ran = match tokio::time::timeout_at(deadline.into(), run(&lease, statements, deadline)).await {
            Ok(ran) => ran,
            Err(_) => return Err(late()),
        };
        match ran {
            Ok(None) => {
                let unknown = |why: &str| Err(wire::outcome_unknown(why));
                match tokio::time::timeout_at(deadline.into(), lease.batch_execute("COMMIT")).await {
                    Ok(Ok(())) => {
                        lease.end();
                        Ok(Applied::Done)
                    }
                    Ok(Err(error)) if wire::is_serialization(&error) => Ok(Applied::Locked),
                    Ok(Err(error)) => unknown(&wire::describe(&error)),
                    Err(_) => unknown("the deadline passed during COMMIT"),
                }
            }
            Ok(Some(refused)) => {
                let rolled_back = tokio::time::timeout_at(deadline.into(), lease.batch_execute("ROLLBACK"));
                if matches!(rolled_back.await, Ok(Ok(()))) {
                    lease.end();
                }
                refused
            }
            Err(error) => Err(wire::classify(&error)),
        }
    }

    /// Makes an index while others write. What a try before this one left under its name is taken away first.
    pub(crate) async fn make_index(
        &self,
        name: &str,
        sql: &str,
        deadline: Option<Instant>,
        mut report: impl FnMut(IndexProgress),
    ) -> Result<Applied, StoreError> {
        let concurrently = |sql: &str| sql.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
        let mut was_broken = false;
        loop {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(StoreError::Unavailable("the index was not ready in time".to_owned()));
            }
            match self.found(name).await? {
                Found::Whole => return Ok(Applied::Done),
                Found::InWork => {
                    was_broken = false;
                    report(self.index_progress(name).await?);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                // Between the two things that the server was asked it may have come to its end: so it is asked again.
                Found::Broken if !was_broken => {
                    was_broken = true;
                    tokio::time::sleep(LOOK_EVERY / 4).await;
                }
                Found::Broken => {
                    was_broken = false;
                    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
                    if self.outside_of_a_transaction(name, &drop, deadline, &mut report).await?.is_none() {
                        return Ok(Applied::Locked);
                    }
                }
                Found::Nothing => {
                    was_broken = false;
                    if self
                        .outside_of_a_transaction(name, &concurrently(sql), deadline, &mut report)
                        .await?
                        .is_none()
                    {
                        return Ok(Applied::Locked);
                    }
                }
            }
        }
    }

    async fn found(&self, name: &str) -> Result<Found, StoreError> {
        let query = Query::new(
            "SELECT CASE WHEN i.indisvalid THEN 1 ELSE 0 END,
                (SELECT COUNT(*) FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
             FROM pg_index i WHERE i.indexrelid = to_regclass($1)",
            vec![name.into()],
        );
        let rows = self.snapshot(Reach::Job, vec![query], Instant::now() + Duration::from_secs(10)).await?;
        match rows.first().and_then(|rows| rows.first()).map(Vec::as_slice) {
            None => Ok(Found::Nothing),
            Some([Value::Int(1), _]) => Ok(Found::Whole),
            Some([_, Value::Int(0)]) => Ok(Found::Broken),
            Some(_) => Ok(Found::InWork),
        }
    }

    async fn index_progress(&self, name: &str) -> Result<IndexProgress, StoreError> {
        let query = Query::new(
            "SELECT blocks_done, blocks_total FROM pg_stat_progress_create_index
             WHERE index_relid = to_regclass($1)",
            vec![name.into()],
        );
        let rows = self.snapshot(Reach::Job, vec![query], Instant::now() + Duration::from_secs(10)).await?;
        match rows.first().and_then(|rows| rows.first()).map(Vec::as_slice) {
            Some([Value::Int(done), Value::Int(total)]) => Ok(IndexProgress { done: *done, total: *total }),
            _ => Ok(IndexProgress { done: 0, total: 0 }),
        }
    }

    /// A statement that manages its own transactions. `None`: somebody was in its way.
    async fn outside_of_a_transaction(
        &self,
        name: &str,
        sql: &str,
        deadline: Option<Instant>,
        report: &mut impl FnMut(IndexProgress),
    ) -> Result<Option<()>, StoreError> {
        // A connection of its own: what is set for the session must meet nobody else.
        let pool = self.link.pool(1)?;
        let soon = Instant::now() + Duration::from_secs(10);
        let mut lease = Lease::take(&pool, &self.link, soon).await.map_err(|failure| failure.error)?;
        lease.begin();
        // It stands in nobody's way while it waits: no limit of the role or the database is meant for it. A pooler would
        // keep the setting for the next client.
        if !self.link.is_pooled {
            let set = lease.batch_execute("SET statement_timeout = 0; SET lock_timeout = 0");
            set.await.map_err(|error| wire::classify(&error))?;
        }
        let mut running = std::pin::pin!(lease.batch_execute(sql));
        let ended = loop {
            let look = tokio::time::sleep(LOOK_EVERY);
            tokio::select! {
                ended = &mut running => break ended,
                () = look => {}
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                // Dropping the connection asks the server to stop.
                return Err(StoreError::Unavailable("the index was not ready in time".to_owned()));
            }
            // How far it is, is worth no failure.
            if let Ok(progress) = self.index_progress(name).await {
                report(progress);
            }
        };
        match ended {
            Ok(()) => Ok(Some(())),
            Err(error) => {
                let code = error.code();
                let is_in_the_way = wire::is_serialization(&error)
                    || code == Some(&SqlState::LOCK_NOT_AVAILABLE)
                    // Another process made one of this name meanwhile: what it is, is looked at again.
                    || code == Some(&SqlState::DUPLICATE_TABLE)
                    || code == Some(&SqlState::UNDEFINED_OBJECT)
                    || (code == Some(&SqlState::UNIQUE_VIOLATION) && !sql.contains("UNIQUE"));
                if is_in_the_way { Ok(None) } else { Err(wire::classify(&error)) }
            }
        }
    }
}

/// Everything but the commit; `None` if all of it can be committed. An error is of the connection.
async fn run(
    lease: &Lease,
    statements: &[Stmt],
    deadline: Instant,
) -> Result<Option<Result<Applied, StoreError>>, tokio_postgres::Error> {
    lease
        .batch_execute(&format!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {}{NO_JIT}{BY_KEY}",
            LOCK_TIMEOUT.as_millis(),
            wire::remaining_ms(deadline)
        ))
        .await?;
    for written in statements {
        let told = Stmt { sql: dialect(written.sql.clone()), ..written.clone() };
        match wire::changed(lease, None, &told).await {
            Ok(changed) => match written.expect {
                Some((rows, conflict)) if changed != rows => {
                    return Ok(Some(Err(StoreError::Conflict(conflict))));
                }
                _ => {}
            },
            Err(error) if wire::is_lost(&error) => return Err(error),
            Err(error) => {
                let code = error.code();
                if wire::is_serialization(&error) || code == Some(&SqlState::LOCK_NOT_AVAILABLE) {
                    return Ok(Some(Ok(Applied::Locked)));
                }
                let why = match written.on_unique {
                    Some(conflict) if code == Some(&SqlState::UNIQUE_VIOLATION) => {
                        StoreError::Conflict(conflict)
                    }
                    _ => wire::classify(&error),
                };
                return Ok(Some(Err(why)));
            }
        }
    }
    Ok(None)
}

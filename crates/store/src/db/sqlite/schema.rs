//! Changes of the schema that cannot be made in short steps.

use super::super::{Applied, Stmt};
use super::Sqlite;
use super::connection::{SCAN_STEPS, connect, set};
use super::errors::{classify, is_undone_by_commit};
use super::statement::{Refused, execute, run_statement};
use crate::StoreError;
use rusqlite::OpenFlags;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Sqlite {
    /// Runs the statements as one transaction on a connection of their own, unless that keeps others from writing for
    /// longer than `limit`. What is sorted meanwhile is in a file: it can be of any size.
    pub(crate) async fn apply_alone(
        &self,
        statements: Vec<Stmt>,
        limit: Option<Duration>,
    ) -> Result<Applied, StoreError> {
        self.health.refuse_failed()?;
        let path = self.path.clone();
        let health = Arc::clone(&self.health);
        let synchronous = if self.is_ephemeral() { "OFF" } else { "FULL" };
        let running = tokio::task::spawn_blocking(move || {
            let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            set(&connection, "synchronous", synchronous)?;
            set(&connection, "temp_store", "FILE")?;
            execute(&connection, "BEGIN IMMEDIATE").map_err(classify)?;
            // From here on others wait.
            let end = limit.map(|limit| Instant::now() + limit);
            if let Some(end) = end {
                let is_over = move || Instant::now() >= end;
                connection.progress_handler(SCAN_STEPS, Some(is_over)).map_err(classify)?;
            }
            for statement in &statements {
                if let Err(refused) = run_statement(&connection, statement) {
                    let error = match refused {
                        Refused::Alone(error) | Refused::WithItsGroup(error) => error,
                        Refused::DiskFailed(error) => {
                            health.fail(&error.to_string());
                            error
                        }
                    };
                    let is_over = end.is_some_and(|end| Instant::now() >= end);
                    // Closing the connection undoes what was done.
                    return match error {
                        StoreError::Unavailable(_) if is_over => Ok(Applied::TooLong),
                        error => Err(error),
                    };
                }
            }
            connection.progress_handler(0, None::<fn() -> bool>).map_err(classify)?;
            match execute(&connection, "COMMIT") {
                Ok(()) => Ok(Applied::Done),
                Err(error) if is_undone_by_commit(&error) => Err(classify(error)),
                // As with the writer's: only recovery knows.
                Err(error) => {
                    let why = format!("the commit failed: {error}");
                    health.fail(&why);
                    Err(StoreError::OutcomeUnknown(why))
                }
            }
        });
        running.await.map_err(|error| StoreError::Bug(format!("a change of the schema panicked: {error}")))?
    }
}

//! The keys of the trail that the store keeps, sealed by the server: those of retired keys of `code_keys` too.

use crate::db::{Columns, Query, Reach, Stmt};
use crate::{Store, StoreError};
use std::time::Instant;
use verger_wire::UnixMillis;

/// A key of the trail, sealed with one of `code_keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTrailKey {
    /// The id of the key of `code_keys` that it is derived from.
    pub key_id: String,
    /// The sealed key.
    pub sealed: String,
    /// When it was first stored, in Unix milliseconds.
    pub created_at: UnixMillis,
}

impl Store {
    /// All keys of the trail that are kept, the oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn stored_trail_keys(&self, deadline: Instant) -> Result<Vec<StoredTrailKey>, StoreError> {
        let query = Query::new(
            "SELECT key_id, sealed, created_at FROM trail_keys ORDER BY created_at, key_id",
            vec![],
        );
        let rows = self.rows(Reach::Point, query, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("trail_keys", row);
                Ok(StoredTrailKey {
                    key_id: columns.id("key_id")?,
                    sealed: columns.text("sealed")?,
                    created_at: UnixMillis(columns.int("created_at")?),
                })
            })
            .collect()
    }

    /// Keeps these keys; one that is kept already stays as it is.
    ///
    /// # Errors
    /// The database does not answer; then none was kept.
    pub async fn keep_trail_keys(
        &self,
        keys: Vec<StoredTrailKey>,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let statements = keys.into_iter().map(|key| {
            Stmt::new(
                "INSERT INTO trail_keys (key_id, sealed, created_at) VALUES ($1, $2, $3)
                 ON CONFLICT (key_id) DO NOTHING",
                vec![key.key_id.into(), key.sealed.into(), key.created_at.into()],
            )
        });
        self.batch(statements.collect(), deadline).await
    }

    /// Replaces the sealed form of a key, unless another server did so meanwhile.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn reseal_trail_key(
        &self,
        key: &StoredTrailKey,
        sealed: String,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let update = Stmt::new(
            "UPDATE trail_keys SET sealed = $3 WHERE key_id = $1 AND sealed = $2",
            vec![key.key_id.as_str().into(), key.sealed.as_str().into(), sealed.into()],
        );
        self.batch(vec![update], deadline).await
    }
}

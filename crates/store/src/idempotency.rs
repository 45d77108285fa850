//! What was answered to a request with an `Idempotency-Key` (contract section 6).

use crate::db::{Columns, Query, Reach, Stmt};
use crate::retention::{STEP_ROWS, STEP_ROWS_MAX};
use crate::{Conflict, Scoped, Store, StoreError};
use std::time::Instant;
use verger_wire::UnixMillis;

/// The first answer to a key. Only what was accepted is kept: a refused request changes nothing, no row either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The key that the request sent.
    pub idempotency_key: String,
    /// A digest of method, path and body: the same key with another is a mistake of the caller.
    pub fingerprint: String,
    /// The answer, in the server's own form.
    pub response: String,
    /// When the answer was first given, in Unix milliseconds.
    pub created_at: UnixMillis,
}

impl Scoped<'_> {
    /// The answer that was given to a key.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn stored_answer(
        &self,
        idempotency_key: &str,
        deadline: Instant,
    ) -> Result<Option<StoredAnswer>, StoreError> {
        let query = Query::new(
            "SELECT idempotency_key, fingerprint, response, created_at FROM idempotency_keys
             WHERE instance_id = $1 AND idempotency_key = $2",
            vec![self.instance.as_str().into(), idempotency_key.into()],
        );
        let Some(row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else { return Ok(None) };
        let mut columns = Columns::new("idempotency_keys", row);
        Ok(Some(StoredAnswer {
            idempotency_key: columns.id("idempotency_key")?,
            fingerprint: columns.text("fingerprint")?,
            response: columns.text("response")?,
            created_at: UnixMillis(columns.int("created_at")?),
        }))
    }

    pub(crate) fn insert_answer(&self, answer: &StoredAnswer) -> Stmt {
        Stmt::new(
            "INSERT INTO idempotency_keys (instance_id, idempotency_key, fingerprint, response, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            vec![
                self.instance.as_str().into(),
                answer.idempotency_key.as_str().into(),
                answer.fingerprint.as_str().into(),
                answer.response.as_str().into(),
                answer.created_at.into(),
            ],
        )
        .on_unique(Conflict::IdempotencyKeyUsed)
    }
}

impl Store {
    /// Removes the oldest answers from before `before`, a few hundred at a time. `false` once nothing is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn sweep_answers(
        &self,
        before: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let oldest = Query::new(
            "SELECT instance_id, idempotency_key FROM idempotency_keys WHERE created_at < $1
             ORDER BY created_at LIMIT $2",
            vec![before.into(), STEP_ROWS_MAX.into()],
        );
        let rows = self.rows(Reach::Job, oldest, deadline).await?;
        let is_more = rows.len() == STEP_ROWS;
        // Another sweep may have been here first, and the key be in use again since.
        let delete =
            "DELETE FROM idempotency_keys WHERE instance_id = $1 AND created_at < $2 AND idempotency_key";
        self.change_by_keys(rows, &[delete], &[before.into()], deadline).await?;
        Ok(is_more)
    }
}

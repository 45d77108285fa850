//! What a browser refreshes an expired session token with, and what came of it.

use crate::db::{Columns, Query, Reach, Stmt};
use crate::{Conflict, Scoped, Store, StoreError};
use std::time::Instant;
use verger_wire::{SessionId, UnixMillis};

/// Rows that are forgotten at a time.
const FORGOTTEN_MAX: i64 = 1_000;

/// What a refresh token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token, which has 256 random bits.
    pub digest: String,
    /// The session that it was set for.
    pub session_id: SessionId,
    /// The origin of the pages that it was set for.
    pub origin: String,
    /// When it was set.
    pub created_at: UnixMillis,
}

/// What one expired token was refreshed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// SHA-256 of the expired token.
    pub digest: String,
    /// Its session.
    pub session_id: SessionId,
    /// The new token, sealed.
    pub sealed: String,
    /// When.
    pub created_at: UnixMillis,
    /// From when on the expired token is too old to be refreshed, whether it was or not.
    pub forget_at: UnixMillis,
}

impl Scoped<'_> {
    /// Keeps a refresh token.
    ///
    /// # Errors
    /// The database does not answer, or the session is over or gone ([`Conflict::NotFound`]).
    pub async fn add_refresh_token(&self, token: &RefreshToken, deadline: Instant) -> Result<(), StoreError> {
        let insert = Stmt::new(
            "INSERT INTO refresh_tokens (instance_id, digest, session_id, origin, created_at)
             VALUES ($1, $2, $3, $4, $5)",
            vec![
                self.instance.as_str().into(),
                token.digest.as_str().into(),
                token.session_id.as_str().into(),
                token.origin.as_str().into(),
                token.created_at.into(),
            ],
        );
        self.store.batch(vec![self.lock_open_session(&token.session_id), insert], deadline).await
    }

    /// Takes the lock of a session that is not over. Whoever ends or deletes it waits, and then finds what is written beside it.
    fn lock_open_session(&self, session: &SessionId) -> Stmt {
        Stmt::new(
            "UPDATE sessions SET version = version WHERE instance_id = $1 AND id = $2 AND ending IS NULL",
            vec![self.instance.as_str().into(), session.as_str().into()],
        )
        .expect(1, Conflict::NotFound)
    }

    /// A refresh token by its digest.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn refresh_token(
        &self,
        digest: &str,
        deadline: Instant,
    ) -> Result<Option<RefreshToken>, StoreError> {
        let query = Query::new(
            "SELECT digest, session_id, origin, created_at FROM refresh_tokens
             WHERE instance_id = $1 AND digest = $2",
            vec![self.instance.as_str().into(), digest.into()],
        );
        let row = self.store.rows(Reach::Point, query, deadline).await?.pop();
        row.map(|row| {
            let mut columns = Columns::new("refresh_tokens", row);
            Ok(RefreshToken {
                digest: columns.text("digest")?,
                session_id: columns.id("session_id")?.into(),
                origin: columns.text("origin")?,
                created_at: UnixMillis(columns.int("created_at")?),
            })
        })
        .transpose()
    }

    /// Notes what an expired token was refreshed into, unless somebody was faster or the session has ended; `false` then. Of
    /// many who ask at the same time one gets `true`, on every server.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn refresh_once(&self, refreshed: &Refreshed, deadline: Instant) -> Result<bool, StoreError> {
        let insert = Stmt::new(
            "INSERT INTO refreshed_tokens (instance_id, digest, session_id, sealed, created_at, forget_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                self.instance.as_str().into(),
                refreshed.digest.as_str().into(),
                refreshed.session_id.as_str().into(),
                refreshed.sealed.as_str().into(),
                refreshed.created_at.into(),
                refreshed.forget_at.into(),
            ],
        )
        .on_unique(Conflict::Stale);
        let lock = self.lock_open_session(&refreshed.session_id);
        match self.store.batch(vec![lock, insert], deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::Stale | Conflict::NotFound)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What an expired token was refreshed into.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn refreshed(&self, digest: &str, deadline: Instant) -> Result<Option<Refreshed>, StoreError> {
        let query = Query::new(
            "SELECT digest, session_id, sealed, created_at, forget_at FROM refreshed_tokens
             WHERE instance_id = $1 AND digest = $2",
            vec![self.instance.as_str().into(), digest.into()],
        );
        let row = self.store.rows(Reach::Point, query, deadline).await?.pop();
        row.map(|row| {
            let mut columns = Columns::new("refreshed_tokens", row);
            Ok(Refreshed {
                digest: columns.text("digest")?,
                session_id: columns.id("session_id")?.into(),
                sealed: columns.text("sealed")?,
                created_at: UnixMillis(columns.int("created_at")?),
                forget_at: UnixMillis(columns.int("forget_at")?),
            })
        })
        .transpose()
    }
}

impl Store {
    /// Forgets refreshed tokens that nobody could refresh again anyway, some at a time; whether there may be more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_refreshed(&self, now: UnixMillis, deadline: Instant) -> Result<bool, StoreError> {
        let query = Query::new(
            "SELECT instance_id, digest FROM refreshed_tokens WHERE forget_at <= $1 LIMIT $2",
            vec![now.into(), FORGOTTEN_MAX.into()],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        let more = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= FORGOTTEN_MAX;
        let delete =
            |row| Stmt::new("DELETE FROM refreshed_tokens WHERE instance_id = $1 AND digest = $2", row);
        let statements: Vec<_> = rows.into_iter().map(delete).collect();
        if !statements.is_empty() {
            self.batch(statements, deadline).await?;
        }
        Ok(more)
    }
}

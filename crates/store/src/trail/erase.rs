//! Erasing a person from the trail: what is personal goes, what proves the trail stays.

use crate::changes::{NewChange, PLACES_OF_INSTANCE};
use crate::db::{Columns, Query, Reach, Stmt, Value, by_keys};
use crate::{Scoped, StoreError};
use std::time::Instant;
use verger_wire::UserId;

/// Rows of each kind that are erased in one batch.
const STEP_ROWS: usize = 500;
const STEP_ROWS_MAX: i64 = 500;

impl Scoped<'_> {
    /// Erases what the changes of a user say of the person: state, differences, address and user agent, and codes. `told`,
    /// which must be of the user and say `user.erased`, is appended with the first of them, so that whoever verifies the trail
    /// knows why they are gone. Gives how many changes were erased; when it fails, call it again.
    ///
    /// Rows of the trail from before there were changes are masked, and stay until retention removes them.
    ///
    /// # Errors
    /// The database does not answer; some are erased by then, and the trail says so.
    pub async fn erase_changes_of(&self, told: &NewChange, deadline: Instant) -> Result<usize, StoreError> {
        let mut erased = 0;
        told.check()?;
        let mut first = Some(self.append_changes(std::slice::from_ref(told)).collect::<Vec<_>>());
        loop {
            let mut statements = first.take().unwrap_or_default();
            let (waiting, found) = self.erasures(&told.user_id, deadline).await?;
            let (count, is_last) = (waiting.len() + found.len(), waiting.len().max(found.len()) < STEP_ROWS);
            let ours: Vec<Value> = vec![self.instance.as_str().into(), told.user_id.as_str().into()];
            statements.extend(by_keys(
                "UPDATE changes_unread SET personal = NULL, salt = NULL,
                    sealed = CASE WHEN sealed IS NULL THEN NULL ELSE '' END
                 WHERE instance_id = $1 AND user_id = $2 AND id",
                &ours,
                &waiting,
            ));
            statements.extend(by_keys(
                "UPDATE changes SET personal = NULL, salt = NULL,
                    sealed = CASE WHEN sealed IS NULL THEN NULL ELSE '' END
                 WHERE user_id = $1 AND place",
                &ours[1..],
                &found,
            ));
            if !statements.is_empty() {
                self.store.batch(statements, deadline).await?;
            }
            erased += count;
            if is_last {
                return Ok(erased);
            }
        }
    }

    /// How many changes of a user say something personal.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn erasable_changes_of(&self, user: &UserId, deadline: Instant) -> Result<usize, StoreError> {
        let query = Query::new(
            "SELECT (SELECT COUNT(*) FROM changes_unread WHERE instance_id || user_id = $1 AND personal IS NOT NULL)
                + (SELECT COUNT(*) FROM changes WHERE user_id = $2 AND personal IS NOT NULL
                    AND place > (SELECT base FROM audit_ends WHERE instance_id = $3)
                    AND place < (SELECT base FROM audit_ends WHERE instance_id = $3) + $4)",
            vec![
                format!("{}{user}", self.instance).into(),
                user.as_str().into(),
                self.instance.as_str().into(),
                PLACES_OF_INSTANCE.into(),
            ],
        );
        let rows = self.store.rows(Reach::Scan, query, deadline).await?;
        let count =
            rows.into_iter().next().map(|row| Columns::new("changes", row).int("count")).transpose()?;
        Ok(usize::try_from(count.unwrap_or(0)).unwrap_or(0))
    }

    /// What of a user has something personal: ids of changes that have no number yet, and places of those that have.
    async fn erasures(
        &self,
        user: &UserId,
        deadline: Instant,
    ) -> Result<(Vec<Value>, Vec<Value>), StoreError> {
        let waiting = Query::new(
            "SELECT id FROM changes_unread WHERE instance_id || user_id = $1 AND personal_digest <> ''
                AND personal IS NOT NULL LIMIT $2",
            vec![format!("{}{user}", self.instance).into(), STEP_ROWS_MAX.into()],
        );
        let numbered = Query::new(
            "SELECT place FROM changes WHERE user_id = $2 AND personal IS NOT NULL AND personal_digest <> ''
                AND place > (SELECT base FROM audit_ends WHERE instance_id = $1)
                AND place < (SELECT base FROM audit_ends WHERE instance_id = $1) + $3 ORDER BY place LIMIT $4",
            vec![
                self.instance.as_str().into(),
                user.as_str().into(),
                PLACES_OF_INSTANCE.into(),
                STEP_ROWS_MAX.into(),
            ],
        );
        let answers = self.store.db.snapshot(Reach::Scan, vec![waiting, numbered], deadline).await?;
        let mut answers = answers.into_iter().map(|rows| rows.into_iter().flatten().collect());
        Ok((answers.next().unwrap_or_default(), answers.next().unwrap_or_default()))
    }
}

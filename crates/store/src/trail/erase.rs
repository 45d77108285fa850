//! Erasing a person from the trail: what is personal goes, what proves the trail stays.
//!
//! Whoever erases has the keys of the trail and proves it in the row that says so. Without that proof somebody who can write
//! the database could remove what is personal of any row and have a server number an erasure that never was: changes wait
//! for their numbers in a table that nothing binds.

use super::{TrailKey, TrailKeys};
use crate::changes::{NewChange, PLACES_OF_INSTANCE};
use crate::db::{Columns, Query, Reach, Stmt, Value, by_keys};
use crate::{Scoped, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Instant;
use subtle::ConstantTimeEq as _;
use verger_core::event::USER_ERASED;
use verger_wire::{InstanceId, UnixMillis, UserId};

const ERASURE: &str = "verger: erasure";
/// The field of `who` that has the proof: the id of a key, a colon, and 32 bytes in base64url.
const PROOF: &str = "p";

/// Rows of each kind that are erased in one batch.
const STEP_ROWS_MAX: i64 = 500;

/// What a row says that may be an erasure.
pub(super) struct Erasure<'a> {
    pub(super) instance: &'a InstanceId,
    pub(super) user: &'a UserId,
    pub(super) at: UnixMillis,
}

impl Erasure<'_> {
    fn mac(&self, key: &TrailKey) -> [u8; 32] {
        let (instance, user) = (self.instance.as_str().as_bytes(), self.user.as_str().as_bytes());
        key.mac(&[ERASURE.as_bytes(), instance, user, &self.at.0.to_be_bytes()])
    }

    /// The text `who` with the proof that somebody with this key erased the user.
    pub(super) fn signed(&self, who: &str, key: &TrailKey) -> Result<String, StoreError> {
        let mut who: serde_json::Map<String, serde_json::Value> = serde_json::from_str(who)
            .map_err(|error| StoreError::Bug(format!("who erases a user is no JSON object: {error}")))?;
        let proof = format!("{}:{}", key.id(), URL_SAFE_NO_PAD.encode(self.mac(key)));
        who.insert(PROOF.to_owned(), proof.into());
        Ok(serde_json::Value::Object(who).to_string())
    }

    /// Whether a row with these events and this `who` is one that somebody with a key wrote.
    pub(super) fn is_proven(&self, events: &str, who: &str, keys: &TrailKeys) -> bool {
        let is_said = events.split(' ').any(|event| event.split(':').next() == Some(USER_ERASED));
        is_said && self.is_signed(who, keys).unwrap_or(false)
    }

    fn is_signed(&self, who: &str, keys: &TrailKeys) -> Option<bool> {
        let who: serde_json::Value = serde_json::from_str(who).ok()?;
        let (key_id, mac) = who.get(PROOF)?.as_str()?.split_once(':')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        Some(self.mac(keys.by_id(key_id)?).ct_eq(mac.as_slice()).into())
    }
}

impl Scoped<'_> {
    /// Erases what the changes of a user say of the person: state, differences, address and user agent, and codes. `told`,
    /// which must be of the user and say `user.erased`, is appended with the first of them, so that whoever verifies the trail
    /// knows why they are gone. Gives how many changes were erased; when it fails, call it again.
    ///
    /// Rows of the trail from before there were changes are masked, and stay until retention removes them.
    ///
    /// # Errors
    /// The database does not answer, and some are erased by then, and the trail says so; or the store has no keys for it.
    pub async fn erase_changes_of(&self, told: &NewChange, deadline: Instant) -> Result<usize, StoreError> {
        let mut erased = 0;
        told.check()?;
        let erasure = Erasure { instance: self.instance, user: &told.user_id, at: told.created_at };
        let who = erasure.signed(&told.who, self.store.numbering.keys.newest()?)?;
        let told = &NewChange { who, ..told.clone() };
        let mut first = Some(self.append_changes(std::slice::from_ref(told)).collect::<Vec<_>>());
        loop {
            self.begin_trail(deadline).await?;
            let (waiting, found) = self.erasures(&told.user_id, deadline).await?;
            let count = waiting.len() + found.len();
            // Only when nothing was found is nothing left: a row may have got its number since it was looked for.
            if count == 0 && first.is_none() {
                return Ok(erased);
            }
            let mut statements = vec![self.hold_end()];
            statements.extend(first.take().unwrap_or_default());
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
            self.store.batch(statements, deadline).await?;
            erased += count;
        }
    }

    /// Gives the first numbers of a trail, if it has none: nobody can hold an end that somebody else is about to insert.
    async fn begin_trail(&self, deadline: Instant) -> Result<(), StoreError> {
        if self.store.both_versions_until(deadline).await?.is_some() {
            // Servers of the version before number nothing that is erased here, and this one waits.
            return Ok(());
        }
        let query = Query::new(
            "SELECT 1 FROM audit_ends WHERE instance_id = $1",
            vec![self.instance.as_str().into()],
        );
        if self.store.rows(Reach::Job, query, deadline).await?.is_empty() {
            // Whether it was this call or another, the end is there afterwards, or no change waits.
            self.number_changes(1, deadline).await?;
        }
        Ok(())
    }

    /// Nobody gives numbers meanwhile: whoever copied a row before it was erased has committed the copy, and it is found by
    /// the next look.
    fn hold_end(&self) -> Stmt {
        // Put together here, so that on PostgreSQL nobody waits for it.
        Stmt::new(
            "UPDATE audit_ends SET last_number = last_number WHERE instance_id = $1".to_owned(),
            vec![self.instance.as_str().into()],
        )
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

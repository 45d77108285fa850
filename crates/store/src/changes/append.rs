//! Writing a change.

use super::NewChange;
use crate::db::{Stmt, Value};
use crate::trail::{Content, ContentDigest, personal_digest};
use crate::{Conflict, Counted, Scoped, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Instant;
use verger_wire::InstanceId;

/// What a driver that gives numbers with the commit has to know of a statement that writes a change.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) instance: InstanceId,
    pub(crate) user_id: String,
    pub(crate) event_count: i64,
    /// Of everything that is known before the number is.
    pub(crate) digest: ContentDigest,
}

/// The same change with its place, key and hash behind the parameters of [`INSERT_UNREAD`].
pub(crate) const INSERT_CHANGE: &str =
    "INSERT INTO changes (event_count, kind, events, user_id, user_version, created_at,
        who, personal, salt, personal_digest, sealed, place, key_id, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $14, $15, $16)";

/// A change without a number.
const INSERT_UNREAD: &str =
    "INSERT INTO changes_unread (event_count, kind, events, user_id, user_version, created_at, who,
        personal, salt, personal_digest, sealed, instance_id, id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

impl NewChange {
    /// # Errors
    /// [`StoreError::Bug`] for a name that would be taken for two.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let is_name = |text: &str| !text.is_empty() && !text.contains([' ', ':']);
        for event in &self.events {
            if !is_name(&event.kind) || !event.subject.as_deref().is_none_or(is_name) {
                let what = format!("an event cannot be named {:?} {:?}", event.kind, event.subject);
                return Err(StoreError::Bug(what));
            }
        }
        Ok(())
    }

    /// Types and subjects of the events, a subject that is the one before left out:
    /// `user.updated phone_number.updated:idn_… phone_number.verified:`.
    fn events_text(&self) -> String {
        let mut text = String::new();
        let mut before = None;
        for event in &self.events {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&event.kind);
            if let Some(subject) = &event.subject {
                text.push(':');
                if before != Some(subject) {
                    text.push_str(subject);
                }
                before = Some(subject);
            }
        }
        text
    }
}

impl Scoped<'_> {
    /// Writes a change that comes with nothing else.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn write_change(&self, change: &NewChange, deadline: Instant) -> Result<(), StoreError> {
        change.check()?;
        let statements: Vec<_> = self.append_changes(std::slice::from_ref(change)).collect();
        if statements.is_empty() {
            return Ok(());
        }
        self.store.batch(statements, deadline).await
    }

    /// Writes a change that only the trail tells of. `false` if one of `limits` has no room for it: whoever causes such rows
    /// must not be able to fill the trail.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn append_note_change(
        &self,
        note: &NewChange,
        limits: &[Counted],
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        note.check()?;
        // Most of a flood ends here and writes nothing.
        for counted in limits {
            let period = counted.period_start;
            let used = self.counted_since(counted.scope, &counted.subject, period, deadline).await?;
            if counted.limit.is_some_and(|limit| used.saturating_add(counted.add) > limit) {
                return Ok(false);
            }
        }
        let mut statements: Vec<_> = limits.iter().map(|counted| self.count(counted)).collect();
        statements.extend(self.append_changes(std::slice::from_ref(note)));
        match self.store.batch(statements, deadline).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict(Conflict::LimitReached(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the changes of one batch, in their order. One without events has nothing to tell and no row.
    pub(crate) fn append_changes<'a>(&'a self, changes: &'a [NewChange]) -> impl Iterator<Item = Stmt> + 'a {
        let told = changes.iter().filter(|change| !change.events.is_empty());
        told.enumerate().map(|(at, change)| self.append_change(change, at))
    }

    /// Writes the change that is the `at`-th of its batch.
    fn append_change(&self, change: &NewChange, at: usize) -> Stmt {
        let events = change.events_text();
        let event_count = i64::try_from(change.events.len()).unwrap_or(i64::MAX);
        let random = URL_SAFE_NO_PAD.encode(change.salt);
        // In the order in which numbers are given: by moment, versions of a user and places in a batch.
        let (moment, version) = (change.created_at.0.max(0), change.user_version);
        let id = format!("{moment:014}{version:08}{at:03}{random}");
        let (personal, salt, digest): (Value, Value, _) = match change.personal.as_str() {
            "" => (Value::Null, Value::Null, String::new()),
            personal => {
                let digest = personal_digest(&random, personal);
                (personal.into(), random.into(), digest)
            }
        };
        let content = Content {
            instance: self.instance,
            event_count,
            kind: change.kind,
            events: &events,
            user_id: &change.user_id,
            user_version: change.user_version,
            created_at: change.created_at,
            who: &change.who,
            personal_digest: &digest,
        };
        let append = Append {
            instance: self.instance.clone(),
            user_id: change.user_id.to_string(),
            event_count,
            digest: content.digest(),
        };
        let params = vec![
            event_count.into(),
            change.kind.into(),
            events.into(),
            change.user_id.as_str().into(),
            change.user_version.into(),
            change.created_at.into(),
            change.who.as_str().into(),
            personal,
            salt,
            digest.into(),
            change.sealed.as_deref().into(),
            self.instance.as_str().into(),
            id.into(),
        ];
        Stmt { append: Some(Box::new(append)), ..Stmt::new(INSERT_UNREAD, params) }
    }
}

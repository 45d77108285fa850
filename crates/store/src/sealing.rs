//! Which keys outside of the database are still needed to read what is in it.

use crate::db::{Columns, Query, Reach};
use crate::{Store, StoreError};
use std::time::Instant;
use verger_core::verification::{CODE_LIFETIME_MS, KEY_ID_CHARACTERS};
use verger_wire::UnixMillis;

/// Something that nobody can use without a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyUse {
    /// The name of the key.
    pub key_id: String,
    /// What needs it: `codes`, `messages`, `events` or `webhook secrets`.
    pub what: &'static str,
    /// How many of them.
    pub count: i64,
}

impl Store {
    /// What waits in any instance for a key to be read with, by key. Codes count while they can be tried.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn key_uses(&self, now: UnixMillis, deadline: Instant) -> Result<Vec<KeyUse>, StoreError> {
        // A sealed text begins with the name of its key.
        let of_sealed = |column: &str, from: &str| {
            format!(
                "SELECT substr({column}, 1, {KEY_ID_CHARACTERS}) AS key_id, count(*) AS amount FROM {from}
                 GROUP BY substr({column}, 1, {KEY_ID_CHARACTERS})"
            )
        };
        let codes = "SELECT key_id, count(*) AS amount FROM verifications
             WHERE created_at > $1 AND expire_at > $2 AND verified_at IS NULL GROUP BY key_id";
        let queries = [
            ("codes", Query::new(codes, vec![now.plus_ms(-CODE_LIFETIME_MS).into(), now.into()])),
            (
                "messages",
                Query::new(
                    of_sealed(
                        "sealed",
                        "messages WHERE state IN ('queued', 'sending') AND sealed IS NOT NULL",
                    ),
                    vec![],
                ),
            ),
            ("events", Query::new(of_sealed("sealed", "outbox WHERE sealed <> ''"), vec![])),
            ("webhook secrets", Query::new(of_sealed("secret", "webhook_endpoints"), vec![])),
            (
                "webhook secrets",
                Query::new(
                    of_sealed(
                        "former_secret",
                        "webhook_endpoints WHERE former_secret IS NOT NULL AND former_expires_at > $1",
                    ),
                    vec![now.into()],
                ),
            ),
        ];
        let (names, queries): (Vec<_>, Vec<_>) = queries.into_iter().unzip();
        let answers = self.db.snapshot(Reach::Scan, queries, deadline).await?;
        let mut uses: Vec<KeyUse> = Vec::new();
        for (what, rows) in names.into_iter().zip(answers) {
            for row in rows {
                let mut columns = Columns::new("key_uses", row);
                let (key_id, count) = (columns.text("key_id")?, columns.int("amount")?);
                match uses.iter_mut().find(|other| other.what == what && other.key_id == key_id) {
                    Some(other) => other.count += count,
                    None => uses.push(KeyUse { key_id, what, count }),
                }
            }
        }
        uses.sort();
        Ok(uses)
    }
}

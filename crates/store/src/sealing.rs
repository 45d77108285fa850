//! Which keys outside of the database are still needed to read what is in it, and sealing with another.

use crate::changes::PLACES_OF_INSTANCE;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::{Store, StoreError};
use std::time::Instant;
use verger_core::verification::{CODE_LIFETIME_MS, KEY_ID_CHARACTERS};
use verger_wire::{InstanceId, UnixMillis};

/// Answers that are looked through, from the oldest on: those of a former key come before those of its successor, and
/// whoever asks does not wait for all that a busy day leaves.
const ANSWERS_MAX: i64 = 1_000_000;
/// For how long an answer is promised, in milliseconds.
const ANSWERS_KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// What [`KeyUse::what`] calls the sealed keys of the trail.
pub const TRAIL_KEYS: &str = "trail keys";

/// Something that nobody can use without a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyUse {
    /// The id of the key in the setting `code_keys`.
    pub key_id: String,
    /// What needs it: `codes`, `idempotency keys`, `trail keys`, or as [`SealedIn::what`] names it.
    pub what: &'static str,
    /// How many rows need the key.
    pub count: i64,
    /// Since when there is the oldest of them.
    pub oldest_at: UnixMillis,
    /// When the last of them expires, where the key is needed until then: a digest cannot be made again with another key.
    /// `None`: what is sealed can be sealed with another.
    pub ends_at: Option<UnixMillis>,
}

/// Where there are sealed texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedIn {
    /// Queued messages.
    Messages,
    /// Events whose text contains a code, from before there were changes.
    Events,
    /// Changes with an event whose text contains a code.
    Changes,
    /// The same while they have no number.
    UnreadChanges,
    /// What signs for endpoints.
    WebhookSecrets,
    /// What signs beside it for a while.
    FormerWebhookSecrets,
    /// The private halves of keys that sign tokens.
    SigningKeys,
    /// Keys of an application's own, which sign tokens of a JWT template.
    TemplateKeys,
    /// Digests of passwords.
    Passwords,
    /// What codes of authenticators are made from.
    TotpSecrets,
    /// Backup codes.
    BackupCodes,
}

/// A sealed text and the row that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The table and the column.
    pub place: SealedIn,
    /// The instance of the row.
    pub instance_id: InstanceId,
    /// The id of the row in its instance; the place of a change.
    pub id: String,
    /// The id of what it is about, to which the sealed text is bound.
    pub subject: String,
    /// When the row was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// The sealed text.
    pub text: String,
}

impl SealedIn {
    /// All places, in the order in which they are sealed again.
    pub const ALL: [Self; 11] = [
        Self::Messages,
        Self::Events,
        Self::UnreadChanges,
        Self::Changes,
        Self::WebhookSecrets,
        Self::FormerWebhookSecrets,
        Self::SigningKeys,
        Self::TemplateKeys,
        Self::Passwords,
        Self::TotpSecrets,
        Self::BackupCodes,
    ];

    /// As [`KeyUse::what`] names it.
    pub fn what(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Events | Self::Changes | Self::UnreadChanges => "events",
            Self::WebhookSecrets | Self::FormerWebhookSecrets => "webhook secrets",
            Self::SigningKeys => "signing keys",
            Self::TemplateKeys => "keys of JWT templates",
            Self::Passwords => "passwords",
            Self::TotpSecrets => "TOTP secrets",
            Self::BackupCodes => "backup codes",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Events => "outbox",
            Self::Changes => "changes",
            Self::UnreadChanges => "changes_unread",
            Self::WebhookSecrets | Self::FormerWebhookSecrets => "webhook_endpoints",
            Self::SigningKeys => "signing_keys",
            Self::TemplateKeys => "jwt_templates",
            Self::Passwords | Self::TotpSecrets | Self::BackupCodes => "credentials",
        }
    }

    fn column(self) -> &'static str {
        match self {
            Self::Messages | Self::Events | Self::Changes | Self::UnreadChanges => "sealed",
            Self::WebhookSecrets => "secret",
            Self::FormerWebhookSecrets => "former_secret",
            Self::SigningKeys => "private_key",
            Self::TemplateKeys => "signing_key",
            Self::Passwords => "password",
            Self::TotpSecrets => "totp_secret",
            Self::BackupCodes => "backup_codes",
        }
    }

    /// Which texts are still of use; with the time, where that is a matter of time, as another parameter.
    fn of_use(self, now: UnixMillis, params: &mut Vec<Value>) -> String {
        match self {
            Self::Messages => "state IN ('queued', 'sending') AND sealed IS NOT NULL".to_owned(),
            Self::Events | Self::Changes | Self::UnreadChanges => "sealed <> ''".to_owned(),
            Self::WebhookSecrets => "secret <> ''".to_owned(),
            Self::FormerWebhookSecrets => {
                params.push(now.into());
                format!("former_secret IS NOT NULL AND former_expires_at > ${}", params.len())
            }
            Self::SigningKeys => "private_key <> ''".to_owned(),
            Self::TemplateKeys => "signing_key <> ''".to_owned(),
            Self::Passwords | Self::TotpSecrets | Self::BackupCodes => {
                format!("{} IS NOT NULL", self.column())
            }
        }
    }

    /// Writes another text if the row still has this one: who changed or erased it meanwhile is right.
    fn update(self) -> &'static str {
        match self {
            Self::Messages => {
                "UPDATE messages SET sealed = $4 WHERE instance_id = $1 AND id = $2 AND sealed = $3"
            }
            Self::Events => {
                "UPDATE outbox SET sealed = $4 WHERE instance_id = $1 AND id = $2 AND sealed = $3"
            }
            Self::Changes => {
                "UPDATE changes SET sealed = $4 WHERE place = $2 AND sealed = $3
                    AND (SELECT base FROM audit_ends WHERE instance_id = $1) IS NOT NULL"
            }
            Self::UnreadChanges => {
                "UPDATE changes_unread SET sealed = $4 WHERE instance_id = $1 AND id = $2 AND sealed = $3"
            }
            Self::WebhookSecrets => {
                "UPDATE webhook_endpoints SET secret = $4 WHERE instance_id = $1 AND id = $2 AND secret = $3"
            }
            Self::FormerWebhookSecrets => {
                "UPDATE webhook_endpoints SET former_secret = $4
                 WHERE instance_id = $1 AND id = $2 AND former_secret = $3"
            }
            Self::SigningKeys => {
                "UPDATE signing_keys SET private_key = $4 WHERE instance_id = $1 AND id = $2 AND private_key = $3"
            }
            Self::TemplateKeys => {
                "UPDATE jwt_templates SET signing_key = $4 WHERE instance_id = $1 AND id = $2 AND signing_key = $3"
            }
            Self::Passwords => {
                "UPDATE credentials SET password = $4 WHERE instance_id = $1 AND id = $2 AND password = $3"
            }
            Self::TotpSecrets => {
                "UPDATE credentials SET totp_secret = $4 WHERE instance_id = $1 AND id = $2 AND totp_secret = $3"
            }
            Self::BackupCodes => {
                "UPDATE credentials SET backup_codes = $4 WHERE instance_id = $1 AND id = $2 AND backup_codes = $3"
            }
        }
    }
}

/// The name of the key that a sealed text begins with.
fn key_of(column: &str) -> String {
    format!("substr({column}, 1, {KEY_ID_CHARACTERS})")
}

impl Store {
    /// What waits in any instance for a key to be read with, by key. Codes count while they can be tried, and the
    /// fingerprints of requests with an `Idempotency-Key` for as long as their answers are promised.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn key_uses(&self, now: UnixMillis, deadline: Instant) -> Result<Vec<KeyUse>, StoreError> {
        let codes = "SELECT key_id, count(*) AS amount, MIN(created_at), MAX(expire_at) FROM verifications
             WHERE created_at > $1 AND expire_at > $2 AND verified_at IS NULL GROUP BY key_id";
        let key_of_answer = key_of("fingerprint");
        let answers = format!(
            "SELECT {key_of_answer}, count(*) AS amount, MIN(created_at), MAX(created_at) + $3 FROM
                (SELECT fingerprint, created_at FROM idempotency_keys WHERE created_at > $1
                 ORDER BY created_at LIMIT $2) answers
             GROUP BY {key_of_answer}"
        );
        let mut named = vec![
            ("codes", Query::new(codes, vec![now.plus_ms(-CODE_LIFETIME_MS).into(), now.into()])),
            (
                "idempotency keys",
                Query::new(
                    answers,
                    vec![now.plus_ms(-ANSWERS_KEPT_MS).into(), ANSWERS_MAX.into(), ANSWERS_KEPT_MS.into()],
                ),
            ),
        ];
        for place in SealedIn::ALL {
            let (key, mut params) = (key_of(place.column()), Vec::new());
            let sql = format!(
                "SELECT {key}, count(*) AS amount, MIN(created_at), CAST(NULL AS BIGINT) FROM {}
                 WHERE {} GROUP BY {key}",
                place.table(),
                place.of_use(now, &mut params)
            );
            named.push((place.what(), Query::new(sql, params)));
        }
        let key = key_of("sealed");
        let keys = format!(
            "SELECT {key}, count(*) AS amount, MIN(created_at), CAST(NULL AS BIGINT) FROM trail_keys GROUP BY {key}"
        );
        named.push((TRAIL_KEYS, Query::new(keys, vec![])));
        let (names, queries): (Vec<_>, Vec<_>) = named.into_iter().unzip();
        let answers = self.db.snapshot(Reach::Scan, queries, deadline).await?;
        let mut uses: Vec<KeyUse> = Vec::new();
        for (what, rows) in names.into_iter().zip(answers) {
            for row in rows {
                let mut columns = Columns::new("key_uses", row);
                let found = KeyUse {
                    key_id: columns.text("key_id")?,
                    what,
                    count: columns.int("amount")?,
                    oldest_at: UnixMillis(columns.int("created_at")?),
                    ends_at: columns.optional_int("ends_at")?.map(UnixMillis),
                };
                match uses.iter_mut().find(|other| other.what == what && other.key_id == found.key_id) {
                    Some(other) => {
                        other.count += found.count;
                        other.oldest_at = other.oldest_at.min(found.oldest_at);
                    }
                    None => uses.push(found),
                }
            }
        }
        uses.sort();
        Ok(uses)
    }

    /// Texts that another key than this one sealed and that are still of use, the oldest first, at most `limit` after
    /// `after`.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sealed_with_others(
        &self,
        place: SealedIn,
        key_id: &str,
        after: Option<&Sealed>,
        limit: usize,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<Vec<Sealed>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (table, column) = (place.table(), place.column());
        let mut params = vec![key_id.into(), limit.into()];
        let mut add = |value: Value| {
            params.push(value);
            format!("${}", params.len())
        };
        let at = add(after.map_or(i64::MIN, |last| last.created_at.0).into());
        // A change has its place for a key, which says of which instance it is.
        let (id, instance, events, from, order) = match place {
            SealedIn::Changes => {
                let place = after.and_then(|last| last.id.parse().ok()).unwrap_or(i64::MIN);
                let from = format!("(created_at, place) > ({at}, {})", add(place.into()));
                let instance = format!(
                    "(SELECT e.instance_id FROM audit_ends e WHERE e.base = place - place % {PLACES_OF_INSTANCE})"
                );
                ("CAST(place AS TEXT)", instance, "events", from, "created_at, place")
            }
            _ => {
                let instance = add(after.map_or("", |last| last.instance_id.as_str()).into());
                let id = add(after.map_or("", |last| last.id.as_str()).into());
                let from = format!("(created_at, instance_id, id) > ({at}, {instance}, {id})");
                let events = if place == SealedIn::UnreadChanges { "events" } else { "''" };
                ("id", "instance_id".to_owned(), events, from, "created_at, instance_id, id")
            }
        };
        // The first condition on the age is there for the index.
        let sql = format!(
            "SELECT {id}, {instance}, created_at, {column}, {events} FROM {table}
             WHERE {} AND {} <> $1 AND created_at >= {at} AND {from} ORDER BY {order} LIMIT $2",
            place.of_use(now, &mut params),
            key_of(column)
        );
        let rows = self.rows(Reach::Job, Query::new(sql, params), deadline).await?;
        rows.into_iter().map(|row| sealed_from(place, row)).collect()
    }

    /// Writes for each of these its new text, unless the row has another text by now, or none.
    ///
    /// # Errors
    /// The database does not answer; then nothing was written.
    pub async fn reseal(&self, resealed: Vec<(Sealed, String)>, deadline: Instant) -> Result<(), StoreError> {
        let statements = resealed.into_iter().map(|(sealed, text)| {
            let id = match (sealed.place, sealed.id.parse::<i64>()) {
                (SealedIn::Changes, Ok(place)) => place.into(),
                _ => sealed.id.into(),
            };
            let params = vec![sealed.instance_id.as_str().into(), id, sealed.text.into(), text.into()];
            Stmt::new(sealed.place.update(), params)
        });
        self.batch(statements.collect(), deadline).await
    }
}

fn sealed_from(place: SealedIn, row: Row) -> Result<Sealed, StoreError> {
    let mut columns = Columns::new(place.table(), row);
    let id = columns.id("id")?;
    let instance_id = columns.text("instance_id")?.into();
    let created_at = UnixMillis(columns.int("created_at")?);
    let text = columns.text(place.column())?;
    let events = columns.text("events")?;
    // The code of a change is that of its first event.
    let first = events.split(' ').next().and_then(|event| event.split_once(':'));
    let subject = first.map_or_else(|| id.clone(), |(_, subject)| subject.to_owned());
    Ok(Sealed { place, instance_id, id, subject, created_at, text })
}

//! Keys that sign tokens, as rows. They are read and written together: which one signs depends on all of them.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Row, Stmt};
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::{SigningKey, SigningKeys};
use verger_wire::{InstanceId, UnixMillis};

/// A key with both of its halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// Its id, and when it does what.
    pub key: SigningKey,
    /// The public half, as PEM.
    pub public_key: String,
    /// The private half, sealed; empty once it was erased.
    pub private_key: String,
}

/// All keys of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    /// The instance that they sign for.
    pub instance_id: InstanceId,
    /// In no particular order.
    pub keys: Vec<StoredSigningKey>,
}

/// A stored key begins to sign before it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenKey(pub SigningKey);

impl KeySet {
    /// What decides about them.
    pub fn to_core(&self) -> SigningKeys {
        SigningKeys::new(self.keys.iter().map(|stored| stored.key.clone()).collect())
    }

    /// How many there are, and a number that every change moves: keys are added and retired, and begin to sign earlier.
    fn version(&self) -> (i64, i64) {
        let number = |stored: &StoredSigningKey| {
            let erased = i64::from(stored.private_key.is_empty());
            stored.key.signs_at.0.saturating_sub(stored.key.retired_at.map_or(0, |at| at.0)) - erased
        };
        let sum = self.keys.iter().map(number).fold(0_i64, i64::wrapping_add);
        (i64::try_from(self.keys.len()).unwrap_or(i64::MAX), sum)
    }
}

impl Aggregate for KeySet {
    const KIND: AggregateKind = AggregateKind::SigningKeys;
    const TABLE: &'static str = "signing_keys";
    type Broken = BrokenKey;

    fn id(&self) -> &str {
        self.instance_id.as_str()
    }

    fn load(_scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![Query::new(
            "SELECT id, public_key, private_key, created_at, signs_at, retired_at, instance_id FROM signing_keys
             WHERE instance_id = $1 ORDER BY signs_at, id",
            vec![id.into()],
        )]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        let mut set: Option<Self> = None;
        for row in answers.into_iter().flatten() {
            let (instance_id, key) = key_from(row)?;
            set.get_or_insert(Self { instance_id, keys: Vec::new() }).keys.push(key);
        }
        set.map(Self::checked).transpose()
    }

    fn check(&self) -> Result<(), BrokenKey> {
        match self.keys.iter().find(|stored| stored.key.signs_at < stored.key.created_at) {
            Some(stored) => Err(BrokenKey(stored.key.clone())),
            None => Ok(()),
        }
    }

    /// Keys are never removed: an id that comes again would be taken for the key that clients know by it.
    fn save(scoped: &Scoped<'_>, change: &Change<Self>, _at: UnixMillis, statements: &mut Statements) {
        let Some(after) = &change.after else { return };
        let nothing = Self { instance_id: after.instance_id.clone(), keys: Vec::new() };
        let before = change.before.as_ref().unwrap_or(&nothing);
        // The row of the instance is the lock; what is compared is read by a statement of its own, after the lock is taken.
        statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
        statements.lock(AggregateKey::signing_keys(scoped.instance), scoped.compare_keys(before.version()));
        for stored in &after.keys {
            match before.keys.iter().find(|other| other.key.id == stored.key.id) {
                None => statements.push(scoped.insert_signing_key(stored)),
                Some(other) if other != stored => statements.push(scoped.update_signing_key(stored)),
                Some(_) => {}
            }
        }
    }
}

impl Scoped<'_> {
    /// The keys of the instance; none before its first one was made.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn signing_keys(&self, deadline: Instant) -> Result<KeySet, StoreError> {
        let found = self.load::<KeySet>(self.instance.as_str(), deadline).await?;
        Ok(found.unwrap_or_else(|| KeySet { instance_id: self.instance.clone(), keys: Vec::new() }))
    }

    fn compare_keys(&self, (count, sum): (i64, i64)) -> Stmt {
        Stmt::new(
            "UPDATE instances SET name = name WHERE id = $1
             AND (SELECT COUNT(*) FROM signing_keys WHERE instance_id = $1) = $2
             AND (SELECT CAST(COALESCE(SUM(signs_at - COALESCE(retired_at, 0)
                    - CASE WHEN private_key = '' THEN 1 ELSE 0 END), 0) AS BIGINT)
                  FROM signing_keys WHERE instance_id = $1) = $3",
            vec![self.instance.as_str().into(), count.into(), sum.into()],
        )
        .expect(1, Conflict::Stale)
    }

    fn insert_signing_key(&self, stored: &StoredSigningKey) -> Stmt {
        Stmt::new(
            "INSERT INTO signing_keys (id, instance_id, public_key, private_key, created_at, signs_at, retired_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            vec![
                stored.key.id.as_str().into(),
                self.instance.as_str().into(),
                stored.public_key.as_str().into(),
                stored.private_key.as_str().into(),
                stored.key.created_at.into(),
                stored.key.signs_at.into(),
                stored.key.retired_at.into(),
            ],
        )
        .on_unique(Conflict::Stale)
    }

    /// The private half changes only in being erased: it may have been sealed again meanwhile.
    fn update_signing_key(&self, stored: &StoredSigningKey) -> Stmt {
        let erase = if stored.private_key.is_empty() { ", private_key = ''" } else { "" };
        Stmt::new(
            format!("UPDATE signing_keys SET signs_at = $3, retired_at = $4{erase} WHERE instance_id = $1 AND id = $2"),
            vec![
                self.instance.as_str().into(),
                stored.key.id.as_str().into(),
                stored.key.signs_at.into(),
                stored.key.retired_at.into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }
}

fn key_from(row: Row) -> Result<(InstanceId, StoredSigningKey), StoreError> {
    let mut columns = Columns::new("signing_keys", row);
    let id = columns.id("id")?.into();
    let (public_key, private_key) = (columns.text("public_key")?, columns.text("private_key")?);
    let key = SigningKey {
        id,
        created_at: UnixMillis(columns.int("created_at")?),
        signs_at: UnixMillis(columns.int("signs_at")?),
        retired_at: columns.optional_int("retired_at")?.map(UnixMillis),
    };
    Ok((columns.text("instance_id")?.into(), StoredSigningKey { key, public_key, private_key }))
}

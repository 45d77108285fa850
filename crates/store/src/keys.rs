//! Secret keys. Only a hash of each is kept: whoever reads the database cannot use it to call the API.

use crate::db::{Columns, Query, Reach, Stmt};
use crate::hex::hex;
use crate::instances::instance_from;
use crate::{Conflict, Instance, Store, StoreError};
use sha2::{Digest, Sha256};
use std::time::Instant;
use subtle::ConstantTimeEq;
use verger_wire::{InstanceId, KeyId, UnixMillis};

/// The SHA-256 of a secret key. The keys that Verger makes have 256 random bits, so that a slow hash would add nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl std::fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// A secret key, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// `key_…`: names the key where the secret must not be shown.
    pub id: KeyId,
    /// The instance that the key belongs to.
    pub instance_id: InstanceId,
    /// Display name; may be empty.
    pub name: String,
    /// The last four characters of the secret.
    pub hint: String,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// Since when it is refused.
    pub revoked_at: Option<UnixMillis>,
}

impl KeyDigest {
    /// The digest of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

impl Store {
    /// Adds a key.
    ///
    /// # Errors
    /// The same secret is there already ([`Conflict::KeyExists`]), or the database does not answer.
    pub async fn create_key(
        &self,
        key: &SecretKey,
        digest: &KeyDigest,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let insert = Stmt::new(
            "INSERT INTO secret_keys (id, instance_id, name, hint, digest, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                key.id.as_str().into(),
                key.instance_id.as_str().into(),
                key.name.as_str().into(),
                key.hint.as_str().into(),
                hex(&digest.0).into(),
                key.created_at.into(),
            ],
        )
        .on_unique(Conflict::KeyExists);
        self.batch(vec![insert], deadline).await
    }

    /// The key with this secret and its instance, unless it is unknown or revoked.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn find_key(
        &self,
        digest: &KeyDigest,
        deadline: Instant,
    ) -> Result<Option<(KeyId, Instance)>, StoreError> {
        let wanted = hex(&digest.0);
        let query = Query::new(
            "SELECT k.id, k.digest, i.id, i.name, i.environment, i.created_at
             FROM secret_keys k JOIN instances i ON i.id = k.instance_id
             WHERE k.digest = $1 AND k.revoked_at IS NULL",
            vec![wanted.as_str().into()],
        );
        let Some(mut row) = self.rows(Reach::Point, query, deadline).await?.pop() else { return Ok(None) };
        let instance_row = row.split_off(2);
        let mut columns = Columns::new("secret_keys", row);
        let key_id = KeyId::from(columns.id("id")?);
        let digest = columns.text("digest")?;
        if !bool::from(digest.as_bytes().ct_eq(wanted.as_bytes())) {
            return Ok(None);
        }
        Ok(Some((key_id, instance_from(instance_row)?)))
    }

    /// Which of these secrets still open something.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn open_keys(
        &self,
        digests: &[KeyDigest],
        deadline: Instant,
    ) -> Result<Vec<KeyDigest>, StoreError> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let params: Vec<_> = digests.iter().map(|digest| hex(&digest.0).into()).collect();
        let places: Vec<_> = (1..=params.len()).map(|at| format!("${at}")).collect();
        let query = Query::new(
            format!(
                "SELECT k.id, k.digest FROM secret_keys k
                 WHERE k.digest IN ({}) AND k.revoked_at IS NULL",
                places.join(", ")
            ),
            params,
        );
        let mut open = Vec::new();
        for row in self.rows(Reach::Point, query, deadline).await? {
            let mut columns = Columns::new("secret_keys", row);
            columns.id("id")?;
            let digest = columns.text("digest")?;
            open.extend(digests.iter().copied().filter(|known| hex(&known.0) == digest));
        }
        Ok(open)
    }

    /// The keys of an instance, or of all, oldest first; revoked ones too.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn keys(
        &self,
        instance: Option<&InstanceId>,
        deadline: Instant,
    ) -> Result<Vec<SecretKey>, StoreError> {
        let query = match instance {
            Some(instance) => Query::new(
                "SELECT id, instance_id, name, hint, created_at, revoked_at FROM secret_keys
                 WHERE instance_id = $1 ORDER BY created_at, id",
                vec![instance.as_str().into()],
            ),
            None => Query::new(
                "SELECT id, instance_id, name, hint, created_at, revoked_at FROM secret_keys
                 ORDER BY created_at, id",
                vec![],
            ),
        };
        let rows = self.rows(Reach::Scan, query, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("secret_keys", row);
                Ok(SecretKey {
                    id: columns.id("id")?.into(),
                    instance_id: columns.text("instance_id")?.into(),
                    name: columns.text("name")?,
                    hint: columns.text("hint")?,
                    created_at: UnixMillis(columns.int("created_at")?),
                    revoked_at: columns.optional_int("revoked_at")?.map(UnixMillis),
                })
            })
            .collect()
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// There is no such key, or it is revoked already ([`Conflict::NotFound`]), or the database does not answer.
    pub async fn revoke_key(&self, id: &KeyId, now: UnixMillis, deadline: Instant) -> Result<(), StoreError> {
        let update = Stmt::new(
            "UPDATE secret_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL",
            vec![now.into(), id.as_str().into()],
        )
        .expect(1, Conflict::NotFound);
        self.batch(vec![update], deadline).await
    }
}

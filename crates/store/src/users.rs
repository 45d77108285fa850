//! Users: how they are loaded, alone or with what decides about them.

mod rows;
mod save;

pub(crate) use rows::{pending_code_from, users_from};

use crate::credentials::CREDENTIALS_COLUMN_COUNT;
use crate::db::{Columns, Query, Reach, Row, Value};
use crate::{Scoped, StoreError};
use rows::identification_from;
use std::time::Instant;
use verger_core::{Claims, Identification, IdentifierKind, User};
use verger_wire::{IdentificationId, UserId};

/// The columns of a user; those of one of its identifications follow. [`users_from`] reads them in this order.
macro_rules! user_columns {
    () => {
        "u.id, u.version, u.external_id, u.username, u.first_name, u.last_name, u.locale, u.public_metadata,
         u.private_metadata, u.unsafe_metadata, u.delete_self_enabled, u.create_organization_enabled,
         u.create_organizations_limit, u.bypass_client_trust, u.legal_accepted_at, u.banned_at, u.locked_at,
         u.mfa_enabled_at, u.mfa_disabled_at, u.last_sign_in_at, u.last_active_at, u.created_at, u.updated_at, u.primary_phone_number_id,
         u.primary_email_address_id,
         CASE WHEN c.password IS NULL THEN NULL ELSE c.password_updated_at END,
         CASE WHEN c.password IS NULL THEN NULL ELSE c.password_compromised_at END,
         CASE WHEN c.totp_secret IS NULL THEN NULL ELSE c.totp_since END,
         CASE WHEN c.backup_codes IS NULL THEN NULL ELSE c.backup_codes_left END,
         c.failed_attempts, c.lockout_until"
    };
}

/// The columns of an identification, in the order in which [`identification_from`] reads them.
macro_rules! identification_columns {
    () => {
        "i.id, i.kind, i.identifier, i.typed, i.region, i.line_type, i.metadata_version, i.standing, i.verified_at,
         i.second_factor, i.created_at, i.updated_at, i.code_attempts, i.code_expire_at, v.id, v.key_id, v.digest,
         v.attempts, v.verified_at, v.created_at, v.expire_at"
    };
}

/// The newest code of an identification; most have none.
macro_rules! join_codes {
    () => {
        " LEFT JOIN verifications v ON v.instance_id = i.instance_id AND v.id = i.verification_id"
    };
}

/// The state of a user's credentials; many have none.
macro_rules! join_credentials {
    () => {
        " LEFT JOIN credentials c ON c.instance_id = u.instance_id AND c.id = u.id"
    };
}

/// For statements that load a user beside something else.
pub(crate) use {identification_columns, join_codes, join_credentials, user_columns};

/// [`users_from`] reads the columns of a user and then these; for statements that are put together at run time.
pub(crate) const USER_COLUMNS: &str = user_columns!();
pub(crate) const IDENTIFICATION_COLUMNS: &str = identification_columns!();
pub(crate) const JOIN_CODES: &str = join_codes!();
pub(crate) const JOIN_CREDENTIALS: &str = join_credentials!();
pub(crate) const USER_COLUMN_COUNT: usize = 25 + CREDENTIALS_COLUMN_COUNT;
pub(crate) const IDENTIFICATION_COLUMN_COUNT: usize = 21;
/// Where the columns of the newest code begin among those of its identification.
const CODE_COLUMNS_AT: usize = 14;

/// A user as it was loaded, with what others hold of the texts that the request names.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The user as stored.
    pub user: User,
    /// The claims of others on the same identifiers.
    pub claims: Claims,
}

/// An identification by itself, with what an answer tells of its user.
#[derive(Clone, Debug)]
pub struct HeldIdentification {
    /// The user who has the identification.
    pub user_id: UserId,
    /// The version of the user.
    pub user_version: i64,
    /// The phone number or email address.
    pub identification: Identification,
}

impl Scoped<'_> {
    /// A user by its id.
    ///
    /// # Errors
    /// The database does not answer, or the stored user breaks a rule.
    pub async fn load_user(&self, id: &UserId, deadline: Instant) -> Result<Option<User>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    /// An identification by its id, to be read: much less work than the whole user.
    ///
    /// # Errors
    /// The database does not answer, or the stored identification cannot be read.
    pub async fn load_identification(
        &self,
        id: &IdentificationId,
        deadline: Instant,
    ) -> Result<Option<HeldIdentification>, StoreError> {
        let query = Query::new(
            concat!(
                "SELECT i.user_id, u.version, ",
                identification_columns!(),
                " FROM identifications i JOIN users u ON u.instance_id = i.instance_id AND u.id = i.user_id",
                join_codes!(),
                " WHERE i.instance_id = $1 AND i.id = $2"
            ),
            vec![self.instance.as_str().into(), id.as_str().into()],
        );
        let Some(mut row) = self.store.rows(Reach::Point, query, deadline).await?.pop() else {
            return Ok(None);
        };
        let identification = identification_from(row.split_off(2))?;
        let mut columns = Columns::new("identifications", row);
        let user_id = columns.id("user_id")?.into();
        let user_version = columns.int("version")?;
        let identification = identification.ok_or_else(|| columns.corrupt("id"))?;
        Ok(Some(HeldIdentification { user_id, user_version, identification }))
    }

    /// A user by its id, with what others hold of `texts`, in one state of the database.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_change(
        &self,
        id: &UserId,
        texts: &[(IdentifierKind, String)],
        deadline: Instant,
    ) -> Result<Option<Loaded>, StoreError> {
        let mut queries = vec![self.user_query(id)];
        queries.extend(texts.iter().map(|(kind, text)| self.claim_query(*kind, text)));
        let mut answers = self.store.db.snapshot(Reach::Point, queries, deadline).await?;
        let claim_rows = answers.drain(1..).flatten().collect();
        loaded(answers.pop().unwrap_or_default(), claim_rows)
    }

    /// A user by the id of one of its identifications, with whether another holds the same text.
    ///
    /// # Errors
    /// As [`Scoped::load_user`].
    pub async fn load_for_identification_change(
        &self,
        id: &IdentificationId,
        deadline: Instant,
    ) -> Result<Option<Loaded>, StoreError> {
        let query = self.identification_change_query(id);
        loaded_for(id, self.store.rows(Reach::Point, query, deadline).await?)
    }

    /// The user, with who holds the text of this identification in the last column: one statement, which needs no
    /// transaction to be of one state. [`loaded_for`] reads its rows.
    pub(crate) fn identification_change_query(&self, id: &IdentificationId) -> Query {
        Query::new(
            concat!(
                "SELECT ",
                user_columns!(),
                ", ",
                identification_columns!(),
                ", CASE WHEN i.id = $2 THEN (SELECT c.user_id FROM claims c WHERE c.instance_id = i.instance_id
                     AND c.kind = i.kind AND c.identifier = i.identifier) END
                 FROM users u",
                join_credentials!(),
                " LEFT JOIN identifications i ON i.instance_id = u.instance_id AND i.user_id = u.id",
                join_codes!(),
                " WHERE u.instance_id = $1
                    AND u.id = (SELECT o.user_id FROM identifications o WHERE o.instance_id = $1 AND o.id = $2)"
            ),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    /// What users of the instance hold of `texts`: for a user who does not exist yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load_claims(
        &self,
        texts: &[(IdentifierKind, String)],
        deadline: Instant,
    ) -> Result<Claims, StoreError> {
        let queries: Vec<_> = texts.iter().map(|(kind, text)| self.claim_query(*kind, text)).collect();
        if queries.is_empty() {
            return Ok(Claims::default());
        }
        let rows =
            self.store.db.snapshot(Reach::Point, queries, deadline).await?.into_iter().flatten().collect();
        claims_from(rows, None)
    }

    pub(crate) fn user_query(&self, id: &UserId) -> Query {
        // One statement: a snapshot by itself on every database.
        Query::new(
            concat!(
                "SELECT ",
                user_columns!(),
                ", ",
                identification_columns!(),
                " FROM users u",
                join_credentials!(),
                " LEFT JOIN identifications i ON i.instance_id = u.instance_id AND i.user_id = u.id",
                join_codes!(),
                " WHERE u.instance_id = $1 AND u.id = $2"
            ),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    fn claim_query(&self, kind: IdentifierKind, text: &str) -> Query {
        Query::new(
            "SELECT user_id, kind, identifier FROM claims
             WHERE instance_id = $1 AND kind = $2 AND identifier = $3",
            vec![self.instance.as_str().into(), kind.as_str().into(), text.into()],
        )
    }
}

fn loaded(user_rows: Vec<Row>, claim_rows: Vec<Row>) -> Result<Option<Loaded>, StoreError> {
    let Some(user) = users_from(user_rows)?.pop() else { return Ok(None) };
    let claims = claims_from(claim_rows, Some(&user.id))?;
    Ok(Some(Loaded { user, claims }))
}

/// Reads the rows of [`Scoped::identification_change_query`].
pub(crate) fn loaded_for(id: &IdentificationId, mut rows: Vec<Row>) -> Result<Option<Loaded>, StoreError> {
    let holders = rows.iter_mut().filter_map(Vec::pop);
    let holder = holders.fold(Value::Null, |found, holder| if found == Value::Null { holder } else { found });
    let Some(user) = users_from(rows)?.pop() else { return Ok(None) };
    let is_of_another = match holder {
        Value::Null => false,
        Value::Text(holder) => holder != user.id.as_str(),
        // The claim is named by the user who asks: its text must not reach a log.
        _ => {
            let (id, what) = (user.id.to_string(), "user_id".to_owned());
            return Err(StoreError::Corrupt { table: "claims", id, what });
        }
    };
    let asked = user.identifications.iter().find(|held| held.id == *id).filter(|_| is_of_another);
    let held = asked.map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned()));
    Ok(Some(Loaded { claims: Claims::new(held), user }))
}

/// The claims of everybody but `own`.
fn claims_from(rows: Vec<Row>, own: Option<&UserId>) -> Result<Claims, StoreError> {
    let mut held = Vec::with_capacity(rows.len());
    for row in rows {
        let mut columns = Columns::new("claims", row);
        // A damaged claim is named by its user: its text must not reach a log.
        let user_id = columns.id("user_id")?;
        let kind = columns.text("kind")?;
        let text = columns.text("identifier")?;
        if own.is_some_and(|own| own.as_str() == user_id) {
            continue;
        }
        let kind = match kind.as_str() {
            "phone_number" => IdentifierKind::PhoneNumber,
            "email_address" => IdentifierKind::EmailAddress,
            "username" => IdentifierKind::Username,
            "external_id" => IdentifierKind::ExternalId,
            _ => return Err(columns.corrupt("kind")),
        };
        held.push((kind, text));
    }
    Ok(Claims::new(held))
}

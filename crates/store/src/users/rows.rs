//! Users and identifications as they are read from rows.

use super::{CODE_COLUMNS_AT, USER_COLUMN_COUNT};
use crate::StoreError;
use crate::aggregate::Aggregate as _;
use crate::credentials::credentials_from;
use crate::db::{Columns, Row, Value};
use verger_core::metadata::Metadata;
use verger_core::{
    CodeDigest, E164, Email, Identification, Identifier, PendingCode, SecondFactor, User, Username,
    Verification,
};
use verger_wire::UnixMillis;
use verger_wire::json::Json;

/// Puts users together from rows of a user's and an identification's columns. The rows of one user stand together, and the
/// first of them has the user's.
pub(crate) fn users_from(rows: Vec<Row>) -> Result<Vec<User>, StoreError> {
    let mut users: Vec<User> = Vec::new();
    for mut row in rows {
        let identification = identification_from(row.split_off(USER_COLUMN_COUNT))?;
        let is_same = users
            .last()
            .is_some_and(|user| matches!(row.first(), Some(Value::Text(id)) if id == user.id.as_str()));
        if !is_same {
            users.push(user_from(row)?);
        }
        if let (Some(user), Some(identification)) = (users.last_mut(), identification) {
            user.identifications.push(identification);
        }
    }
    let in_order = |mut user: User| {
        // In the order of their making, which the order of the rows is not on every database.
        user.identifications.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        user.checked()
    };
    users.into_iter().map(in_order).collect()
}

fn user_from(row: Row) -> Result<User, StoreError> {
    let mut columns = Columns::new("users", row);
    Ok(User {
        id: columns.id("id")?.into(),
        version: columns.int("version")?,
        external_id: columns.optional_text("external_id")?,
        username: columns.optional_text("username")?.map(Username::from_stored),
        first_name: columns.optional_text("first_name")?,
        last_name: columns.optional_text("last_name")?,
        locale: columns.optional_text("locale")?,
        public_metadata: metadata_from(&mut columns, "public_metadata")?,
        private_metadata: metadata_from(&mut columns, "private_metadata")?,
        unsafe_metadata: metadata_from(&mut columns, "unsafe_metadata")?,
        delete_self_enabled: columns.flag("delete_self_enabled")?,
        create_organization_enabled: columns.flag("create_organization_enabled")?,
        create_organizations_limit: columns.optional_int("create_organizations_limit")?,
        bypass_client_trust: columns.flag("bypass_client_trust")?,
        legal_accepted_at: columns.optional_int("legal_accepted_at")?.map(UnixMillis),
        banned_at: columns.optional_int("banned_at")?.map(UnixMillis),
        locked_at: columns.optional_int("locked_at")?.map(UnixMillis),
        mfa_enabled_at: columns.optional_int("mfa_enabled_at")?.map(UnixMillis),
        mfa_disabled_at: columns.optional_int("mfa_disabled_at")?.map(UnixMillis),
        last_sign_in_at: columns.optional_int("last_sign_in_at")?.map(UnixMillis),
        last_active_at: columns.optional_int("last_active_at")?.map(UnixMillis),
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
        primary_phone_number_id: columns.optional_text("primary_phone_number_id")?.map(Into::into),
        primary_email_address_id: columns.optional_text("primary_email_address_id")?.map(Into::into),
        identifications: Vec::new(),
        credentials: credentials_from(&mut columns)?,
    })
}

fn metadata_from(columns: &mut Columns, column: &'static str) -> Result<Metadata, StoreError> {
    let text = columns.text(column)?;
    if text == "{}" {
        return Ok(Metadata::new());
    }
    match verger_wire::json::parse(&text) {
        Ok(Json::Object(metadata)) => Ok(metadata),
        _ => Err(columns.corrupt(column)),
    }
}

/// `None` for the row of a user without any: the outer join gives nulls.
pub(super) fn identification_from(row: Row) -> Result<Option<Identification>, StoreError> {
    if row.first() == Some(&Value::Null) {
        return Ok(None);
    }
    let mut row = row;
    let pending_code = pending_code_from(row.split_off(CODE_COLUMNS_AT))?;
    let mut columns = Columns::new("identifications", row);
    let id = columns.id("id")?.into();
    let kind = columns.text("kind")?;
    let text = columns.text("identifier")?;
    let typed = columns.text("typed")?;
    let region = columns.optional_text("region")?;
    let line_type = columns.optional_text("line_type")?;
    let metadata_version = columns.optional_text("metadata_version")?;
    let identifier = match (kind.as_str(), metadata_version) {
        ("phone_number", Some(version)) => {
            Identifier::Phone(E164::from_stored(text, typed, region, line_type, version))
        }
        ("email_address", _) => Identifier::Email(Email::from_stored(text, typed)),
        _ => return Err(columns.corrupt("kind")),
    };
    let name = columns.text("standing")?;
    let verified_at = columns.optional_int("verified_at")?.map(UnixMillis);
    let second_factor = match columns.text("second_factor")?.as_str() {
        "no" => SecondFactor::No,
        "reserved" => SecondFactor::Reserved,
        "default" => SecondFactor::Default,
        _ => return Err(columns.corrupt("second_factor")),
    };
    let created_at = UnixMillis(columns.int("created_at")?);
    let updated_at = UnixMillis(columns.int("updated_at")?);
    let code_attempts = columns.optional_int("code_attempts")?;
    let code_expire_at = columns.optional_int("code_expire_at")?.map(UnixMillis);
    let verification = match (name.as_str(), verified_at, code_attempts, code_expire_at) {
        ("unverified", None, None, None) => Verification::Unverified,
        ("reserved", None, None, None) => Verification::Reserved,
        ("verified_by_admin", Some(at), None, None) => Verification::VerifiedByAdmin { at },
        ("verified_by_code", Some(at), Some(attempts), Some(expire_at)) => {
            Verification::VerifiedByCode { at, attempts, expire_at }
        }
        _ => return Err(columns.corrupt("standing")),
    };
    Ok(Some(Identification {
        id,
        identifier,
        verification,
        pending_code,
        second_factor,
        created_at,
        updated_at,
    }))
}

/// `None` where the outer join found no code.
pub(crate) fn pending_code_from(row: Row) -> Result<Option<PendingCode>, StoreError> {
    if row.first() == Some(&Value::Null) {
        return Ok(None);
    }
    let mut columns = Columns::new("verifications", row);
    Ok(Some(PendingCode {
        id: columns.id("id")?.into(),
        code: CodeDigest { key_id: columns.text("key_id")?, digest: columns.text("digest")? },
        attempts: columns.int("attempts")?,
        verified_at: columns.optional_int("verified_at")?.map(UnixMillis),
        created_at: UnixMillis(columns.int("created_at")?),
        expire_at: UnixMillis(columns.int("expire_at")?),
    }))
}

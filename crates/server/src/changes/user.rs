//! What a change row keeps of a user: the state afterwards as a whole, the state before as a difference.
//!
//! Digests of codes are left out: whoever reads the trail has no use for them. Secrets of a user are never part of it. So is what the row has elsewhere: the id of the
//! user and its version.

use super::form::{Raw, after, form, since, unless};
use super::kept::Undecodable;
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use verger_core::metadata::Metadata;
use verger_core::{
    CodeDigest, Credentials, E164, Email, Identification, Identifier, PasswordState, PendingCode,
    SecondFactor, User, Username, Verification,
};
use verger_wire::json::{Json, parse};
use verger_wire::{IdentificationId, UnixMillis, UserId};

form! {
    /// A user. Moments are since its creation.
    UserForm {
        /// Unix milliseconds.
        created_at: i64 = "c",
        /// Absent: as old as the user.
        updated_at: i64 = "u",
        external_id: String = "x",
        username: String = "n",
        first_name: String = "f",
        last_name: String = "l",
        locale: String = "g",
        /// Absent: without keys.
        public_metadata: Raw = "pm",
        /// Absent: without keys.
        private_metadata: Raw = "rm",
        /// Absent: without keys.
        unsafe_metadata: Raw = "um",
        /// Absent: true.
        delete_self_enabled: bool = "ds",
        /// Absent: true.
        create_organization_enabled: bool = "co",
        create_organizations_limit: i64 = "cl",
        /// Absent: false.
        bypass_client_trust: bool = "bt",
        legal_accepted_at: i64 = "la",
        banned_at: i64 = "ba",
        locked_at: i64 = "lo",
        mfa_enabled_at: i64 = "me",
        mfa_disabled_at: i64 = "md",
        last_sign_in_at: i64 = "si",
        last_active_at: i64 = "sa",
        primary_phone_number_id: Ref = "pp",
        primary_email_address_id: Ref = "pe",
        /// The version of the numbering plans that phone numbers were judged by, unless one says otherwise.
        metadata_version: String = "v",
        held: Vec<HeldForm> = "i",
        /// Absent: there is no password.
        password_updated_at: i64 = "ps",
        password_compromised_at: i64 = "pc",
        totp_since: i64 = "ts",
        /// Absent: none.
        backup_codes_left: i64 = "bc",
        /// Absent: none.
        failed_attempts: i64 = "fa",
        lockout_until: i64 = "lu",
    }
}

form! {
    /// A phone number or email address. Moments are since the creation of the user.
    HeldForm {
        /// In a difference: the place of the same one in the state afterwards.
        of: usize = "o",
        /// Without the beginning that every id has.
        id: String = "i",
        /// There if it is a phone number.
        number: String = "p",
        /// There if it is an email address.
        address: String = "e",
        /// Absent: as it is kept.
        typed: String = "t",
        region: String = "r",
        line_type: String = "k",
        /// Absent: that of the user.
        metadata_version: String = "v",
        /// Absent: unverified.
        verification: Proof = "s",
        /// 1: reserved, 2: default.
        second_factor: u8 = "m",
        pending_code: CodeForm = "q",
        /// Absent: as old as the user.
        created_at: i64 = "c",
        /// Absent: as old as itself.
        updated_at: i64 = "u",
    }
}

/// One of the user's identifications: its place, or the id of one that the user does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Ref {
    /// Its place in the list.
    At(usize),
    /// Its id.
    Id(String),
}

/// How far an identification is proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Proof {
    /// `true`: it is reserved.
    Reserved(bool),
    /// When it was verified by an admin.
    Admin(i64),
    /// When it was verified by a code, after how many tries, and when the code would have expired.
    Code(i64, i64, i64),
}

/// A code that was sent, without the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CodeForm {
    #[serde(rename = "i")]
    id: String,
    #[serde(rename = "a")]
    attempts: i64,
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    verified_at: Option<i64>,
    #[serde(rename = "c")]
    created_at: i64,
    #[serde(rename = "e")]
    expire_at: i64,
}

/// A user before and after a change, in the form of the row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct UserStates {
    /// `None`: it was deleted.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    after: Option<UserForm>,
    /// A difference if there is a state afterwards. `None`: it was created.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    before: Option<UserForm>,
    /// The version before, unless it is the one before that of the row.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    version_before: Option<i64>,
    /// Side effects; the codes of `Verger-Consequences`.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) consequences: Vec<String>,
}

/// A user before and after a change.
pub(super) type States = (Option<User>, Option<User>);

/// The version that the row of a change has: that of the user afterwards; a deletion follows the last one.
pub(super) fn version_of(before: Option<&User>, after: Option<&User>) -> i64 {
    let last = before.map_or(0, |user| user.version.saturating_add(1));
    after.map_or(last, |user| user.version)
}

impl UserStates {
    /// The form of a change.
    pub(super) fn of(
        before: Option<&User>,
        after: Option<&User>,
        consequences: Vec<String>,
    ) -> Result<Self, serde_json::Error> {
        let expected = version_of(before, after).wrapping_sub(1);
        let version_before = before.map(|user| user.version).filter(|version| *version != expected);
        let before = before.map(form_of).transpose()?;
        let after = after.map(form_of).transpose()?;
        let before = match (before, &after) {
            (Some(before), Some(after)) => Some(difference(before, after)),
            (before, _) => before,
        };
        Ok(Self { after, before, version_before, consequences })
    }

    /// The change that it is of; `id` and `version` are what its row has.
    pub(super) fn states(self, id: &UserId, version: i64) -> Result<States, Undecodable> {
        let version_before = self.version_before.unwrap_or(version.wrapping_sub(1));
        let before = match (self.before, &self.after) {
            (Some(before), Some(after)) => Some(restored(before, after)?),
            (before, _) => before,
        };
        let user = |form: UserForm, version| user_of(form, id, version);
        let before = before.map(|form| user(form, version_before)).transpose()?;
        Ok((before, self.after.map(|form| user(form, version)).transpose()?))
    }
}

fn difference(before: UserForm, after: &UserForm) -> UserForm {
    let mut difference = before.unlike(after);
    let held_after = after.held.iter().flatten().flatten();
    for held in difference.held.iter_mut().flatten().flatten() {
        if let Some((at, same)) = held_after.clone().enumerate().find(|(_, same)| same.id == held.id) {
            *held = HeldForm { of: Some(Some(at)), ..std::mem::take(held).unlike(same) };
        }
    }
    difference
}

fn restored(mut difference: UserForm, after: &UserForm) -> Result<UserForm, Undecodable> {
    for held in difference.held.iter_mut().flatten().flatten() {
        if let Some(at) = held.of.take().flatten() {
            let same = after.held.iter().flatten().flatten().nth(at);
            *held = std::mem::take(held).like(same.ok_or(Undecodable::Damaged("an identification"))?);
        }
    }
    Ok(difference.like(after))
}

fn form_of(user: &User) -> Result<UserForm, serde_json::Error> {
    let base = user.created_at.0;
    let moment = |at: UnixMillis| since(base, at.0);
    let optional = |at: Option<UnixMillis>| at.map(|at| Some(moment(at)));
    let text = |text: &Option<String>| text.clone().map(Some);
    let metadata = |metadata: &Metadata| match metadata.is_empty() {
        true => Ok(None),
        false => to_raw_value(metadata).map(|text| Some(Some(Raw(text)))),
    };
    let reference = |id: &Option<IdentificationId>| {
        let id = id.as_ref()?;
        let at = user.identifications.iter().position(|held| held.id == *id);
        Some(Some(at.map_or_else(|| Ref::Id(id.to_string()), Ref::At)))
    };
    let metadata_version = user.identifications.iter().find_map(|held| match &held.identifier {
        Identifier::Phone(number) => Some(number.metadata_version()),
        Identifier::Email(_) => None,
    });
    let held = user.identifications.iter().map(|held| held_form(held, base, metadata_version));
    let credentials = &user.credentials;
    Ok(UserForm {
        created_at: Some(Some(base)),
        updated_at: unless(&0, moment(user.updated_at)),
        external_id: text(&user.external_id),
        username: user.username.as_ref().map(|username| Some(username.as_str().to_owned())),
        first_name: text(&user.first_name),
        last_name: text(&user.last_name),
        locale: text(&user.locale),
        public_metadata: metadata(&user.public_metadata)?,
        private_metadata: metadata(&user.private_metadata)?,
        unsafe_metadata: metadata(&user.unsafe_metadata)?,
        delete_self_enabled: unless(&true, user.delete_self_enabled),
        create_organization_enabled: unless(&true, user.create_organization_enabled),
        create_organizations_limit: user.create_organizations_limit.map(Some),
        bypass_client_trust: unless(&false, user.bypass_client_trust),
        legal_accepted_at: optional(user.legal_accepted_at),
        banned_at: optional(user.banned_at),
        locked_at: optional(user.locked_at),
        mfa_enabled_at: optional(user.mfa_enabled_at),
        mfa_disabled_at: optional(user.mfa_disabled_at),
        last_sign_in_at: optional(user.last_sign_in_at),
        last_active_at: optional(user.last_active_at),
        primary_phone_number_id: reference(&user.primary_phone_number_id),
        primary_email_address_id: reference(&user.primary_email_address_id),
        metadata_version: metadata_version.map(|version| Some(version.to_owned())),
        held: unless(&Vec::new(), held.collect()),
        password_updated_at: optional(credentials.password.map(|password| password.updated_at)),
        password_compromised_at: optional(credentials.password.and_then(|password| password.compromised_at)),
        totp_since: optional(credentials.totp_since),
        backup_codes_left: unless(&0, credentials.backup_codes_left),
        failed_attempts: unless(&0, credentials.failed_attempts),
        lockout_until: optional(credentials.lockout_until),
    })
}

fn held_form(held: &Identification, base: i64, metadata_version: Option<&str>) -> HeldForm {
    let moment = |at: UnixMillis| since(base, at.0);
    let text = |text: Option<&str>| text.map(|text| Some(text.to_owned()));
    let (kept, typed) = match &held.identifier {
        Identifier::Phone(number) => (number.as_str(), number.typed()),
        Identifier::Email(address) => (address.as_str(), address.typed()),
    };
    let mut form = HeldForm {
        id: Some(Some(short_id(&held.id))),
        typed: text((typed != kept).then_some(typed)),
        verification: match held.verification {
            Verification::Unverified => None,
            Verification::Reserved => Some(Some(Proof::Reserved(true))),
            Verification::VerifiedByAdmin { at } => Some(Some(Proof::Admin(moment(at)))),
            Verification::VerifiedByCode { at, attempts, expire_at } => {
                Some(Some(Proof::Code(moment(at), attempts, moment(expire_at))))
            }
        },
        second_factor: match held.second_factor {
            SecondFactor::No => None,
            SecondFactor::Reserved => Some(Some(1)),
            SecondFactor::Default => Some(Some(2)),
        },
        pending_code: held.pending_code.as_ref().map(|code| {
            Some(CodeForm {
                id: code.id.to_string(),
                attempts: code.attempts,
                verified_at: code.verified_at.map(moment),
                created_at: moment(code.created_at),
                expire_at: moment(code.expire_at),
            })
        }),
        created_at: unless(&0, moment(held.created_at)),
        updated_at: unless(&moment(held.created_at), moment(held.updated_at)),
        ..HeldForm::default()
    };
    match &held.identifier {
        Identifier::Phone(number) => {
            form.number = text(Some(kept));
            form.region = text(number.region());
            form.line_type = text(number.line_type());
            let version = number.metadata_version();
            form.metadata_version = text((Some(version) != metadata_version).then_some(version));
        }
        Identifier::Email(_) => form.address = text(Some(kept)),
    }
    form
}

/// What stands before an id that is not of the usual form.
const WHOLE_ID: char = '=';

fn short_id(id: &IdentificationId) -> String {
    let short = id.as_str().strip_prefix(IdentificationId::PREFIX);
    match short.filter(|short| !short.starts_with(WHOLE_ID)) {
        Some(short) => short.to_owned(),
        None => format!("{WHOLE_ID}{id}"),
    }
}

fn whole_id(short: String) -> IdentificationId {
    match short.strip_prefix(WHOLE_ID) {
        Some(whole) => whole.into(),
        None => format!("{}{short}", IdentificationId::PREFIX).into(),
    }
}

fn user_of(form: UserForm, id: &UserId, version: i64) -> Result<User, Undecodable> {
    let base = form.created_at.flatten().ok_or(Undecodable::Damaged("created_at"))?;
    let moment = |at: i64| UnixMillis(after(base, at));
    let optional = |at: Option<Option<i64>>| at.flatten().map(moment);
    let metadata_version = form.metadata_version.flatten().unwrap_or_default();
    let held = form.held.flatten().unwrap_or_default().into_iter();
    let identifications: Vec<_> =
        held.map(|held| held_of(held, base, &metadata_version)).collect::<Result<_, _>>()?;
    let reference = |of: Option<Option<Ref>>| match of.flatten() {
        None => Ok(None),
        Some(Ref::Id(id)) => Ok(Some(id.into())),
        Some(Ref::At(at)) => match identifications.get(at) {
            Some(held) => Ok(Some(held.id.clone())),
            None => Err(Undecodable::Damaged("a primary identification")),
        },
    };
    Ok(User {
        id: id.clone(),
        version,
        external_id: form.external_id.flatten(),
        username: form.username.flatten().map(Username::from_stored),
        first_name: form.first_name.flatten(),
        last_name: form.last_name.flatten(),
        locale: form.locale.flatten(),
        public_metadata: metadata_of(form.public_metadata.flatten())?,
        private_metadata: metadata_of(form.private_metadata.flatten())?,
        unsafe_metadata: metadata_of(form.unsafe_metadata.flatten())?,
        delete_self_enabled: form.delete_self_enabled.flatten().unwrap_or(true),
        create_organization_enabled: form.create_organization_enabled.flatten().unwrap_or(true),
        create_organizations_limit: form.create_organizations_limit.flatten(),
        bypass_client_trust: form.bypass_client_trust.flatten().unwrap_or(false),
        legal_accepted_at: optional(form.legal_accepted_at),
        banned_at: optional(form.banned_at),
        locked_at: optional(form.locked_at),
        mfa_enabled_at: optional(form.mfa_enabled_at),
        mfa_disabled_at: optional(form.mfa_disabled_at),
        last_sign_in_at: optional(form.last_sign_in_at),
        last_active_at: optional(form.last_active_at),
        created_at: UnixMillis(base),
        updated_at: moment(form.updated_at.flatten().unwrap_or(0)),
        primary_phone_number_id: reference(form.primary_phone_number_id)?,
        primary_email_address_id: reference(form.primary_email_address_id)?,
        identifications,
        credentials: Credentials {
            password: optional(form.password_updated_at).map(|updated_at| PasswordState {
                updated_at,
                compromised_at: optional(form.password_compromised_at),
            }),
            totp_since: optional(form.totp_since),
            backup_codes_left: form.backup_codes_left.flatten().unwrap_or(0),
            failed_attempts: form.failed_attempts.flatten().unwrap_or(0),
            lockout_until: optional(form.lockout_until),
        },
    })
}

fn metadata_of(raw: Option<Raw>) -> Result<Metadata, Undecodable> {
    let Some(Raw(raw)) = raw else { return Ok(Metadata::new()) };
    match parse(raw.get()) {
        Ok(Json::Object(metadata)) => Ok(metadata),
        _ => Err(Undecodable::Damaged("metadata")),
    }
}

fn held_of(form: HeldForm, base: i64, metadata_version: &str) -> Result<Identification, Undecodable> {
    let moment = |at: i64| UnixMillis(after(base, at));
    let typed = |kept: &str| form.typed.clone().flatten().unwrap_or_else(|| kept.to_owned());
    let identifier = match (form.number.flatten(), form.address.flatten()) {
        (Some(number), None) => {
            let version = form.metadata_version.flatten().unwrap_or_else(|| metadata_version.to_owned());
            let (typed, region, line_type) =
                (typed(&number), form.region.flatten(), form.line_type.flatten());
            Identifier::Phone(E164::from_stored(number, typed, region, line_type, version))
        }
        (None, Some(address)) => {
            let typed = typed(&address);
            Identifier::Email(Email::from_stored(address, typed))
        }
        _ => return Err(Undecodable::Damaged("an identifier")),
    };
    let created_at = form.created_at.flatten().unwrap_or(0);
    Ok(Identification {
        id: whole_id(form.id.flatten().ok_or(Undecodable::Damaged("an id"))?),
        identifier,
        verification: match form.verification.flatten() {
            None => Verification::Unverified,
            Some(Proof::Reserved(_)) => Verification::Reserved,
            Some(Proof::Admin(at)) => Verification::VerifiedByAdmin { at: moment(at) },
            Some(Proof::Code(at, attempts, expire_at)) => {
                Verification::VerifiedByCode { at: moment(at), attempts, expire_at: moment(expire_at) }
            }
        },
        pending_code: form.pending_code.flatten().map(|code| PendingCode {
            id: code.id.into(),
            code: CodeDigest { key_id: String::new(), digest: String::new() },
            attempts: code.attempts,
            verified_at: code.verified_at.map(moment),
            created_at: moment(code.created_at),
            expire_at: moment(code.expire_at),
        }),
        second_factor: match form.second_factor.flatten() {
            None => SecondFactor::No,
            Some(1) => SecondFactor::Reserved,
            Some(2) => SecondFactor::Default,
            Some(_) => return Err(Undecodable::Damaged("a second factor")),
        },
        created_at: moment(created_at),
        updated_at: moment(form.updated_at.flatten().unwrap_or(created_at)),
    })
}

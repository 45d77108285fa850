//! From the state of `core` to the resources of `wire`.

pub(crate) mod sessions;

use verger_core::{
    Consequence, Identification, IdentifierKind, Lockout, PendingCode, SecondFactor, User, Verification,
    VerificationStatus,
};
use verger_wire as wire;

/// A phone number as the API shows it.
pub(crate) fn phone_number(held: &Identification, now: wire::UnixMillis) -> wire::PhoneNumber {
    wire::PhoneNumber {
        id: held.id.to_string(),
        object: "phone_number".to_owned(),
        phone_number: held.identifier.as_str().to_owned(),
        reserved_for_second_factor: held.second_factor != SecondFactor::No,
        default_second_factor: held.second_factor == SecondFactor::Default,
        reserved: held.verification == Verification::Reserved,
        verification: verification(held, now),
        linked_to: Vec::new(),
        backup_codes: None,
        created_at: held.created_at,
        updated_at: held.updated_at,
    }
}

/// An email address as the API shows it.
pub(crate) fn email_address(held: &Identification, now: wire::UnixMillis) -> wire::EmailAddress {
    wire::EmailAddress {
        id: held.id.to_string(),
        object: "email_address".to_owned(),
        email_address: held.identifier.as_str().to_owned(),
        reserved: held.verification == Verification::Reserved,
        verification: verification(held, now),
        linked_to: Vec::new(),
        matches_sso_connection: false,
        created_at: held.created_at,
        updated_at: held.updated_at,
    }
}

fn verification(held: &Identification, now: wire::UnixMillis) -> Option<wire::Verification> {
    let kind = held.identifier.kind();
    let otp = |status: VerificationStatus, attempts, expire_at| wire::Verification::Otp {
        status: status.as_str().to_owned(),
        strategy: strategy(kind).to_owned(),
        channel: channel(kind),
        attempts: Some(attempts),
        expire_at: Some(expire_at),
    };
    match held.verification {
        Verification::Unverified | Verification::Reserved => {
            let code = held.pending_code.as_ref()?;
            Some(otp(code.status(now), code.attempts, code.settled(now).expire_at))
        }
        Verification::VerifiedByAdmin { .. } => Some(wire::Verification::admin()),
        Verification::VerifiedByCode { attempts, expire_at, .. } => {
            Some(otp(VerificationStatus::Verified, attempts, expire_at))
        }
    }
}

/// The answer of `prepare_verification` and `attempt_verification`.
pub(crate) fn verification_response(
    verification: &PendingCode,
    kind: IdentifierKind,
    status: VerificationStatus,
) -> wire::VerificationResponse {
    wire::VerificationResponse {
        object: "verification_otp".to_owned(),
        id: verification.id.to_string(),
        status: status.as_str().to_owned(),
        strategy: strategy(kind).to_owned(),
        attempts: Some(verification.attempts),
        expire_at: Some(verification.expire_at),
        channel: channel(kind),
    }
}

fn strategy(kind: IdentifierKind) -> &'static str {
    if kind == IdentifierKind::PhoneNumber { "phone_code" } else { "email_code" }
}

fn channel(kind: IdentifierKind) -> Option<String> {
    (kind == IdentifierKind::PhoneNumber).then(|| "sms".to_owned())
}

/// A user as the API shows it.
pub(crate) fn user(user: &User, now: wire::UnixMillis) -> wire::User {
    wire::User {
        id: user.id.to_string(),
        object: "user".to_owned(),
        external_id: user.external_id.clone(),
        primary_email_address_id: user.primary_email_address_id.as_ref().map(ToString::to_string),
        primary_phone_number_id: user.primary_phone_number_id.as_ref().map(ToString::to_string),
        primary_web3_wallet_id: None,
        username: user.username.as_ref().map(|username| username.as_str().to_owned()),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        locale: user.locale.clone(),
        profile_image_url: String::new(),
        image_url: String::new(),
        has_image: false,
        public_metadata: user.public_metadata.clone(),
        private_metadata: Some(user.private_metadata.clone()),
        unsafe_metadata: user.unsafe_metadata.clone(),
        email_addresses: user
            .newest_first(IdentifierKind::EmailAddress)
            .into_iter()
            .map(|held| email_address(held, now))
            .collect(),
        phone_numbers: user
            .newest_first(IdentifierKind::PhoneNumber)
            .into_iter()
            .map(|held| phone_number(held, now))
            .collect(),
        web3_wallets: Vec::new(),
        passkeys: Vec::new(),
        password_enabled: user.password_enabled(),
        two_factor_enabled: user.two_factor_enabled(),
        totp_enabled: user.totp_enabled(),
        backup_code_enabled: user.backup_code_enabled(),
        mfa_enabled_at: user.mfa_enabled_at,
        mfa_disabled_at: user.mfa_disabled_at,
        password_last_updated_at: user.credentials.password.map(|password| password.updated_at),
        external_accounts: Vec::new(),
        saml_accounts: Vec::new(),
        enterprise_accounts: Vec::new(),
        last_sign_in_at: user.last_sign_in_at,
        banned: user.banned_at.is_some(),
        locked: user.locked_at.is_some() || user.credentials.is_locked_out(now),
        lockout_expires_in_seconds: lockout_seconds(user, now),
        verification_attempts_remaining: None,
        updated_at: user.updated_at,
        created_at: user.created_at,
        delete_self_enabled: user.delete_self_enabled,
        create_organization_enabled: user.create_organization_enabled,
        create_organizations_limit: user.create_organizations_limit,
        last_active_at: user.last_active_at,
        legal_accepted_at: user.legal_accepted_at,
        bypass_client_trust: user.bypass_client_trust,
    }
}

/// As of when, and by which settings, a user is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) now: wire::UnixMillis,
    pub(crate) lockout: Option<Lockout>,
}

/// A user as an answer shows it: with how many wrong tries are left, which an event does not tell.
pub(crate) fn shown_user(user: &User, shown: Shown) -> wire::User {
    let remaining = shown.lockout.map(|lockout| lockout.attempts_remaining(user, shown.now));
    wire::User { verification_attempts_remaining: remaining, ..self::user(user, shown.now) }
}

/// For how long a lock that guesses caused still holds; `None` if the Backend API locked the user as well, for good.
fn lockout_seconds(user: &User, now: wire::UnixMillis) -> Option<i64> {
    let until = user.credentials.lockout_until.filter(|until| *until > now && user.locked_at.is_none())?;
    Some(until.0.saturating_sub(now.0).saturating_add(999) / 1_000)
}

/// The answer of a deletion.
pub(crate) fn deleted(id: &str, object: &str) -> wire::DeletedObject {
    wire::DeletedObject { id: id.to_owned(), object: object.to_owned(), deleted: true }
}

/// The codes of `Verger-Consequences`.
pub(crate) fn consequences(consequences: &[Consequence]) -> Vec<String> {
    consequences.iter().map(|consequence| consequence.as_str().to_owned()).collect()
}

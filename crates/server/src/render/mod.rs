//! From the state of `core` to the resources of `wire`.

use verger_core::event::{Event, Resource};
use verger_core::{Consequence, Identification, Identifier, IdentifierKind, SecondFactor, Standing, User};
use verger_wire as wire;

/// A phone number as the API shows it.
pub(crate) fn phone_number(held: &Identification) -> wire::PhoneNumber {
    wire::PhoneNumber {
        id: held.id.to_string(),
        object: "phone_number".to_owned(),
        phone_number: held.identifier.as_str().to_owned(),
        reserved_for_second_factor: held.second_factor != SecondFactor::No,
        default_second_factor: held.second_factor == SecondFactor::Default,
        reserved: held.standing == Standing::Reserved,
        verification: verification(held),
        linked_to: Vec::new(),
        backup_codes: None,
        created_at: held.created_at,
        updated_at: held.updated_at,
    }
}

/// An email address as the API shows it.
pub(crate) fn email_address(held: &Identification) -> wire::EmailAddress {
    wire::EmailAddress {
        id: held.id.to_string(),
        object: "email_address".to_owned(),
        email_address: held.identifier.as_str().to_owned(),
        reserved: held.standing == Standing::Reserved,
        verification: verification(held),
        linked_to: Vec::new(),
        matches_sso_connection: false,
        created_at: held.created_at,
        updated_at: held.updated_at,
    }
}

fn verification(held: &Identification) -> Option<wire::Verification> {
    match held.standing {
        Standing::Unverified | Standing::Reserved => None,
        Standing::VerifiedByAdmin { .. } => Some(wire::Verification::admin()),
    }
}

/// A user as the API shows it.
pub(crate) fn user(user: &User) -> wire::User {
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
            .map(email_address)
            .collect(),
        phone_numbers: user.newest_first(IdentifierKind::PhoneNumber).into_iter().map(phone_number).collect(),
        web3_wallets: Vec::new(),
        passkeys: Vec::new(),
        password_enabled: false,
        two_factor_enabled: user.two_factor_enabled(),
        totp_enabled: false,
        backup_code_enabled: false,
        mfa_enabled_at: user.mfa_enabled_at,
        mfa_disabled_at: user.mfa_disabled_at,
        password_last_updated_at: None,
        external_accounts: Vec::new(),
        saml_accounts: Vec::new(),
        enterprise_accounts: Vec::new(),
        last_sign_in_at: None,
        banned: user.banned_at.is_some(),
        locked: user.locked_at.is_some(),
        lockout_expires_in_seconds: None,
        verification_attempts_remaining: None,
        updated_at: user.updated_at,
        created_at: user.created_at,
        delete_self_enabled: user.delete_self_enabled,
        create_organization_enabled: user.create_organization_enabled,
        create_organizations_limit: user.create_organizations_limit,
        last_active_at: None,
        legal_accepted_at: user.legal_accepted_at,
        bypass_client_trust: user.bypass_client_trust,
    }
}

/// What is gone.
pub(crate) fn deleted(id: &str, object: &str) -> wire::DeletedObject {
    wire::DeletedObject { id: id.to_owned(), object: object.to_owned(), deleted: true }
}

/// The codes of `Verger-Consequences`.
pub(crate) fn consequences(consequences: &[Consequence]) -> Vec<String> {
    consequences.iter().map(|consequence| consequence.as_str().to_owned()).collect()
}

/// An event as it will be delivered: the resource after, the resource before, and the keys that differ.
pub(crate) fn event(
    event: &Event<'_>,
    id: String,
    instance_id: &wire::InstanceId,
    timestamp: wire::UnixMillis,
    consequences: &[Consequence],
    trace_id: &str,
) -> Result<wire::Event, serde_json::Error> {
    let before = event.before.map(resource).transpose()?;
    let after = event.after.map(resource).transpose()?;
    let changes = match (&before, &after) {
        (Some(serde_json::Value::Object(before)), Some(serde_json::Value::Object(after))) => after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(value))
            .map(|(key, value)| {
                (key.clone(), serde_json::json!({ "before": before.get(key), "after": value }))
            })
            .collect(),
        _ => serde_json::Map::new(),
    };
    let data = match (after, event.before) {
        (Some(after), _) => after,
        (None, Some(gone)) => {
            let (id, object) = match gone {
                Resource::User(user) => (user.id.as_str(), "user"),
                Resource::Identification(held) => (held.id.as_str(), held.identifier.kind().as_str()),
            };
            serde_json::to_value(deleted(id, object))?
        }
        (None, None) => serde_json::Value::Null,
    };
    Ok(wire::Event {
        id,
        object: "event".to_owned(),
        kind: event.kind.name(),
        instance_id: instance_id.to_string(),
        timestamp,
        data,
        before,
        changes,
        consequences: self::consequences(consequences),
        clerk_trace_id: trace_id.to_owned(),
    })
}

fn resource(of: Resource<'_>) -> Result<serde_json::Value, serde_json::Error> {
    match of {
        Resource::User(of) => serde_json::to_value(user(of)),
        Resource::Identification(held) => match held.identifier {
            Identifier::Phone(_) => serde_json::to_value(phone_number(held)),
            Identifier::Email(_) => serde_json::to_value(email_address(held)),
        },
    }
}

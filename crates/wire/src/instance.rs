//! An instance: what it is, the keys that sign for it, and what the documented API says of its settings.

use crate::input::Input;
use crate::schema::Schema;
use crate::settings::{COUNTRIES_MAX, ORIGINS_MAX};
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// An instance as its application is configured with it: `GET /verger/v1/instance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct VergerInstance {
    /// Always `instance`.
    #[wire(constant = "instance")]
    pub object: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// Display name.
    #[wire(example = "shop")]
    pub name: String,
    /// `development` or `production`.
    #[wire(one_of("development", "production"), example = "production")]
    pub environment: String,
    /// The hosts under which browsers reach its Frontend API, each with its publishable key. Tokens that are minted for a
    /// backend name the first one as their issuer.
    #[wire(example = [FrontendHost::example()])]
    pub frontend_hosts: Vec<FrontendHost>,
    /// What a client is configured with to find the first host; null without a host.
    #[wire(nullable, example = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")]
    pub publishable_key: Option<String>,
    /// The domain of the cookies that pages and the frontend host share; null if they share none.
    #[wire(nullable, example = "example.com")]
    pub cookie_domain: Option<String>,
    /// Origins that may use the Frontend API beside the host's own.
    #[wire(example = ["https://app.example.com"])]
    pub allowed_origins: Vec<String>,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
}

/// A host under which browsers reach an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(inline)]
pub struct FrontendHost {
    /// The host, with its port unless that is the scheme's own.
    #[wire(example = "clerk.example.com")]
    pub host: String,
    /// Where it is reached; the `iss` of tokens.
    #[wire(example = "https://clerk.example.com")]
    pub url: String,
    /// What a client is configured with to find it.
    #[wire(example = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")]
    pub publishable_key: String,
}

/// A key that signs tokens, without its private half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct SigningKey {
    /// Always `signing_key`.
    #[wire(constant = "signing_key")]
    pub object: String,
    /// The `kid` in the header of tokens. The first key of an instance has the id of the instance.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// `pending`: it is published and will sign; `signing`; `former`: another signs, and it is published for the tokens
    /// that it signed; `retired`: it is not published.
    #[wire(one_of("pending", "signing", "former", "retired"), example = "signing")]
    pub state: String,
    /// The public half in PEM, for `CLERK_JWT_KEY`. Programs that verify with it need it from `signs_at` on.
    #[wire(example = "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n")]
    pub public_key_pem: String,
    /// Since when it is published, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// From when on it signs, in Unix milliseconds.
    pub signs_at: UnixMillis,
    /// When it stops being published by itself, in Unix milliseconds; null while no other is to follow.
    #[wire(nullable)]
    pub published_until: Option<UnixMillis>,
    /// When it was retired, in Unix milliseconds; null if it was not.
    #[wire(nullable)]
    pub retired_at: Option<UnixMillis>,
    /// In the answer to a rotation alone: the JWT templates whose tokens live for more than 24 hours, and can be refused when
    /// the key before this one is not published any more. A dry run says so before it happens. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[wire(optional)]
    pub long_lived_templates: Vec<String>,
}

/// `POST /verger/v1/signing_keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct RotateSigningKeyParams {
    /// From when on the new key signs, in Unix milliseconds: at least 10 minutes and at most 90 days from now. Without it,
    /// an hour from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, format = "int64")]
    pub signs_at: Option<i64>,
}

/// `POST /verger/v1/signing_keys/{signing_key_id}/retire`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct RetireSigningKeyParams {
    /// Also a key that signs, or whose tokens may still be valid: whoever holds such a token is signed out. SDKs that have
    /// the key in their caches accept its tokens for up to an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, default = false)]
    pub now: Option<bool>,
}

/// A public key of a set (RFC 7517). It has no private field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(name = "JWKS.rsa.PublicKey", open)]
pub struct JsonWebKey {
    /// Always `sig`.
    #[serde(rename = "use")]
    #[wire(example = "sig")]
    pub key_use: String,
    /// Always `RSA`.
    #[wire(constant = "RSA")]
    pub kty: String,
    /// The id of the key, by which tokens name it.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub kid: String,
    /// Always `RS256`.
    #[wire(example = "RS256")]
    pub alg: String,
    /// The modulus, big-endian in base64url.
    #[wire(example = "0Q2m…")]
    pub n: String,
    /// The exponent, big-endian in base64url.
    #[wire(example = "AQAB")]
    pub e: String,
}

/// The keys whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(name = "JWKS")]
pub struct JsonWebKeySet {
    /// Never empty.
    #[wire(example = [JsonWebKey::example()])]
    pub keys: Vec<JsonWebKey>,
}

/// An instance as the documented API shows it: `GET /v1/instance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct Instance {
    /// Always `instance`.
    #[wire(constant = "instance")]
    pub object: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// `development` or `production`.
    #[wire(example = "development")]
    pub environment_type: String,
    /// Origins that may use the Frontend API.
    #[wire(nullable, example = ["https://app.example.com"])]
    pub allowed_origins: Option<Vec<String>>,
    /// Always null: instances have no owner.
    #[wire(nullable)]
    pub workspace_id: Option<String>,
}

/// `PATCH /v1/instance`. What is absent or null stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Input)]
#[wire(
    not_built("hibp", "url_based_session_syncing", "enhanced_email_deliverability"),
    ignored("cookieless_dev", "development_origin")
)]
pub struct UpdateInstanceParams {
    /// Whether test identifiers are accepted. Development instances accept them and production instances do not; anything
    /// else is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub test_mode: Option<bool>,
    /// Where users can write to; empty: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "help@example.com")]
    pub support_email: Option<String>,
    /// Version of the browser's script that pages load; empty: the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "5")]
    pub clerk_js_version: Option<String>,
    /// Origins that may use the Frontend API beside the host's own: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(items_max = ORIGINS_MAX, example = ["https://app.example.com"])]
    pub allowed_origins: Option<Vec<String>>,
    /// What sign-in asks for first, where a password is required; empty: the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, one_of("password", "otp", ""), example = "otp")]
    pub preferred_sign_in_strategy_when_password_required: Option<String>,
}

/// Who may not sign up: `PATCH /v1/instance/restrictions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct InstanceRestrictions {
    /// Always `instance_restrictions`.
    #[wire(constant = "instance_restrictions")]
    pub object: String,
    /// Only identifiers on the allow-list can sign up.
    #[wire(example = true)]
    pub allowlist: bool,
    /// Identifiers on the block-list cannot sign up or sign in.
    #[wire(example = false)]
    pub blocklist: bool,
    /// Both lists count at sign-up only.
    #[wire(example = false)]
    pub allowlist_blocklist_disabled_on_sign_in: bool,
    /// Email addresses with a `+` before the `@` cannot sign up.
    #[wire(example = false)]
    pub block_email_subaddresses: bool,
    /// Always false: not built.
    #[wire(example = false)]
    pub block_disposable_email_domains: bool,
}

/// `PATCH /v1/instance/restrictions`. What is absent or null stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(not_built("ignore_dots_for_gmail_addresses"))]
pub struct UpdateInstanceRestrictionsParams {
    /// Only identifiers on the allow-list can sign up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = true)]
    pub allowlist: Option<bool>,
    /// Identifiers on the block-list cannot sign up or sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub blocklist: Option<bool>,
    /// Both lists count at sign-up only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub allowlist_blocklist_disabled_on_sign_in: Option<bool>,
    /// Email addresses with a `+` before the `@` cannot sign up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub block_email_subaddresses: Option<bool>,
    /// Not built: true is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub block_disposable_email_domains: Option<bool>,
}

/// Where text messages go: `GET` and `PATCH /v1/instance/communication`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct InstanceCommunication {
    /// Always `instance_communication`.
    #[wire(constant = "instance_communication")]
    pub object: String,
    /// Countries to which no text message is sent: codes of ISO 3166-1 alpha-2.
    #[wire(example = ["NG"])]
    pub blocked_country_codes: Vec<String>,
}

/// `PATCH /v1/instance/communication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
pub struct UpdateInstanceCommunicationParams {
    /// All countries to which no text message is to be sent: codes of ISO 3166-1 alpha-2. Those of no country are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, items_max = COUNTRIES_MAX, example = ["NG"])]
    pub blocked_country_codes: Option<Vec<String>>,
}

/// `PATCH /v1/beta_features/instance_settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(inline, open)]
pub struct BetaInstanceSettings {
    /// Always `instance_settings`.
    #[wire(constant = "instance_settings")]
    pub object: String,
    /// `ins_…`.
    #[wire(example = "ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// Only those who were invited or are on the allow-list can sign up.
    #[wire(example = true)]
    pub restricted_to_allowlist: bool,
    /// Always empty: the configuration of the server says from whom email comes.
    #[wire(example = "")]
    pub from_email_address: String,
    /// Always true: a sign-up is made in steps.
    #[wire(example = true)]
    pub progressive_sign_up: bool,
    /// Always false.
    #[wire(deprecated, example = false)]
    pub enhanced_email_deliverability: bool,
}

/// `PATCH /v1/beta_features/instance_settings`. What is absent or null stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Input)]
#[wire(not_built("from_email_address"))]
pub struct UpdateBetaInstanceSettingsParams {
    /// Only those who were invited or are on the allow-list can sign up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, default = false, example = true)]
    pub restricted_to_allowlist: Option<bool>,
    /// A sign-up is made in steps: true changes nothing, false is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub progressive_sign_up: Option<bool>,
    /// As for `PATCH /v1/instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub test_mode: Option<bool>,
}

/// A testing token. Development instances accept it, but do not need it; production instances ignore it.
#[derive(Clone, PartialEq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct TestingToken {
    /// Always `testing_token`.
    #[wire(constant = "testing_token")]
    pub object: String,
    /// For the query parameter `__clerk_testing_token`.
    #[wire(example = "1713877200-c_2J2MvPu9PnXcuhbPZNao0LOXqK9")]
    pub token: String,
    /// When it expires, in Unix **seconds**.
    #[wire(format = "int64", example = 1713880800_i64)]
    pub expires_at: i64,
}

debug_without_secrets! { TestingToken { object, expires_at } without { token } }

/// A frontend host as the documented API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct Domain {
    /// Always `domain`.
    #[wire(constant = "domain")]
    pub object: String,
    /// `dmn_…`; of `verger dev` the id of the instance.
    #[wire(example = "dmn_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// The host.
    #[wire(example = "clerk.example.com")]
    pub name: String,
    /// Always false: there are no satellites.
    #[wire(example = false)]
    pub is_satellite: bool,
    /// Where the Frontend API is reached.
    #[wire(example = "https://clerk.example.com")]
    pub frontend_api_url: String,
    /// Where the server's own pages are.
    #[wire(optional, nullable, example = "https://clerk.example.com")]
    pub accounts_portal_url: Option<String>,
    /// Always null.
    #[wire(optional, nullable)]
    pub proxy_url: Option<String>,
    /// Always empty.
    #[wire(example = "")]
    pub development_origin: String,
    /// Always empty: the host's DNS record leads to the server itself.
    #[wire(optional, nullable)]
    pub cname_targets: Option<Vec<CNameTarget>>,
}

/// A DNS record that a domain would need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct CNameTarget {
    /// The name of the record.
    #[wire(example = "clerk.example.com")]
    pub host: String,
    /// Where it leads to.
    #[wire(example = "verger.example.com")]
    pub value: String,
    /// Whether nothing works without it.
    #[wire(example = true)]
    pub required: bool,
}

/// All domains of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Domains {
    /// The domains.
    #[wire(example = [Domain::example()])]
    pub data: Vec<Domain>,
    /// How many there are.
    #[wire(format = "int64", example = 1)]
    pub total_count: i64,
}

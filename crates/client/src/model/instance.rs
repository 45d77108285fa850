//! The instance, its hosts and its keys.

use super::tolerant::{Extra, open_enum, or_default};
use serde::{Deserialize, Serialize};
use verger_wire::UnixMillis;

/// The instance that the secret key belongs to.
///
/// ```
/// # use verger_client::Instance;
/// let text = r#"{"object":"instance","id":"ins_1","environment_type":"development","allowed_origins":null}"#;
/// let instance: Instance = serde_json::from_str(text)?;
/// assert_eq!(instance.environment_type, "development");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// `ins_…`.
    pub id: String,
    /// Always `instance`.
    #[serde(default)]
    pub object: String,
    /// `development` or `production`.
    pub environment_type: String,
    /// Origins that may use the Frontend API beside the host's own.
    pub allowed_origins: Option<Vec<String>>,
    /// Verger has none.
    pub workspace_id: Option<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Who may not sign up.
///
/// ```
/// # use verger_client::InstanceRestrictions;
/// let restrictions: InstanceRestrictions = serde_json::from_str(r#"{"allowlist":true,"blocklist":false}"#)?;
/// assert!(restrictions.allowlist && !restrictions.block_email_subaddresses);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceRestrictions {
    /// Always `instance_restrictions`.
    #[serde(default)]
    pub object: String,
    /// Only identifiers on the allow-list can sign up.
    pub allowlist: bool,
    /// Identifiers on the block-list cannot sign up or sign in.
    pub blocklist: bool,
    /// Both lists count at sign-up only.
    #[serde(default)]
    pub allowlist_blocklist_disabled_on_sign_in: bool,
    /// Email addresses with a `+` before the `@` cannot sign up.
    #[serde(default)]
    pub block_email_subaddresses: bool,
    /// Email addresses of services that give them away cannot sign up. Verger has no list of them.
    #[serde(default)]
    pub block_disposable_email_domains: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Where text messages are not sent.
///
/// ```
/// # use verger_client::InstanceCommunication;
/// let communication: InstanceCommunication = serde_json::from_str(r#"{"blocked_country_codes":["NG"]}"#)?;
/// assert_eq!(communication.blocked_country_codes, ["NG"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceCommunication {
    /// Always `instance_communication`.
    #[serde(default)]
    pub object: String,
    /// ISO 3166-1 alpha-2.
    #[serde(default, deserialize_with = "or_default")]
    pub blocked_country_codes: Vec<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Settings that the documented API has under `/v1/beta_features`.
///
/// ```
/// # use verger_client::BetaInstanceSettings;
/// let settings: BetaInstanceSettings = serde_json::from_str(r#"{"id":"ins_1","restricted_to_allowlist":true}"#)?;
/// assert!(settings.restricted_to_allowlist);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BetaInstanceSettings {
    /// Always `instance_settings`.
    #[serde(default)]
    pub object: String,
    /// `ins_…`.
    pub id: String,
    /// Only those who were invited or are on the allow-list can sign up.
    pub restricted_to_allowlist: bool,
    /// Verger: always empty.
    #[serde(default, deserialize_with = "or_default")]
    pub from_email_address: String,
    /// A sign-up is made in steps. Verger: always true.
    #[serde(default)]
    pub progressive_sign_up: bool,
    /// Verger: always false.
    #[serde(default)]
    pub enhanced_email_deliverability: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A frontend host of the instance.
///
/// ```
/// # use verger_client::Domain;
/// let text = r#"{"id":"dmn_1","name":"clerk.example.com","frontend_api_url":"https://clerk.example.com"}"#;
/// let domain: Domain = serde_json::from_str(text)?;
/// assert!(!domain.is_satellite && domain.cname_targets.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Domain {
    /// `dmn_…`.
    pub id: String,
    /// Always `domain`.
    #[serde(default)]
    pub object: String,
    /// The host.
    pub name: String,
    /// It belongs to another domain. Verger has no satellites of its own.
    #[serde(default)]
    pub is_satellite: bool,
    /// Where the Frontend API is reached.
    pub frontend_api_url: String,
    /// Where the service's own pages are.
    pub accounts_portal_url: Option<String>,
    /// Verger has none.
    pub proxy_url: Option<String>,
    /// Verger: always empty.
    #[serde(default, deserialize_with = "or_default")]
    pub development_origin: String,
    /// DNS records that it needs.
    #[serde(default, deserialize_with = "or_default")]
    pub cname_targets: Vec<CnameTarget>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A DNS record that a domain needs.
///
/// ```
/// # use verger_client::CnameTarget;
/// let text = r#"{"host":"clerk.example.com","value":"verger.example.com","required":true}"#;
/// let target: CnameTarget = serde_json::from_str(text)?;
/// assert!(target.required);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CnameTarget {
    /// The name of the record.
    pub host: String,
    /// Where it leads to.
    pub value: String,
    /// Nothing works without it.
    #[serde(default)]
    pub required: bool,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The public keys whose tokens are accepted (RFC 7517). An [`Authenticator`](crate::Authenticator) fetches them by itself.
///
/// ```
/// # use verger_client::JsonWebKeySet;
/// let text = r#"{"keys":[{"use":"sig","kty":"RSA","kid":"ins_1","alg":"RS256","n":"0Q2m","e":"AQAB"}]}"#;
/// let set: JsonWebKeySet = serde_json::from_str(text)?;
/// assert_eq!(set.keys[0].kid, "ins_1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JsonWebKeySet {
    /// Never empty.
    pub keys: Vec<JsonWebKey>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A public key of a set (RFC 7517). Parameters of other kinds than RSA are in `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JsonWebKey {
    /// `use` on the wire: `sig`.
    #[serde(rename = "use")]
    pub key_use: Option<String>,
    /// The kind of key: `RSA`.
    pub kty: String,
    /// The id by which tokens name the key.
    pub kid: String,
    /// For example `RS256`.
    pub alg: Option<String>,
    /// The modulus, big-endian in base64url.
    pub n: Option<String>,
    /// The exponent, big-endian in base64url.
    pub e: Option<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The instance, with what applications are configured with. Verger only.
///
/// ```
/// # use verger_client::InstanceDetails;
/// let text = r#"{"id":"ins_1","name":"shop","environment":"development","publishable_key":"pk_test_MTI","created_at":1}"#;
/// let instance: InstanceDetails = serde_json::from_str(text)?;
/// assert_eq!(instance.publishable_key.as_deref(), Some("pk_test_MTI"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceDetails {
    /// `ins_…`.
    pub id: String,
    /// Always `instance`.
    #[serde(default)]
    pub object: String,
    /// Display name.
    pub name: String,
    /// `development` or `production`.
    pub environment: String,
    /// The hosts under which browsers reach its Frontend API.
    #[serde(default, deserialize_with = "or_default")]
    pub frontend_hosts: Vec<FrontendHost>,
    /// What a client is configured with to find the first host; `None` without one.
    pub publishable_key: Option<String>,
    /// The domain of the cookies that pages and the frontend host share; `None` if they share none.
    pub cookie_domain: Option<String>,
    /// Origins that may use the Frontend API beside the host's own.
    #[serde(default, deserialize_with = "or_default")]
    pub allowed_origins: Vec<String>,
    /// Unix milliseconds.
    pub created_at: UnixMillis,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A host under which browsers reach the Frontend API. Verger only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FrontendHost {
    /// The host, with its port unless that is the scheme's own.
    pub host: String,
    /// Where it is reached; the `iss` of tokens.
    pub url: String,
    /// What a client is configured with to find it.
    pub publishable_key: String,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

open_enum! {
    /// What a signing key is now. Verger only.
    ///
    /// ```
    /// # use verger_client::SigningKeyState;
    /// assert_eq!(SigningKeyState::from("signing"), SigningKeyState::Signing);
    /// ```
    SigningKeyState {
        /// It is published, and will sign.
        Pending = "pending",
        /// It signs.
        Signing = "signing",
        /// Another signs; it is published for the tokens that it signed.
        Former = "former",
        /// It is not published.
        Retired = "retired",
    }
}

/// A key that signs the instance's tokens, without its private half. Verger only.
///
/// ```
/// # use verger_client::{SigningKey, SigningKeyState};
/// let text = r#"{"id":"ins_1","state":"signing","public_key_pem":"-----BEGIN PUBLIC KEY-----","created_at":1,"signs_at":1}"#;
/// let key: SigningKey = serde_json::from_str(text)?;
/// assert_eq!(key.state, SigningKeyState::Signing);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SigningKey {
    /// The `kid` in the header of tokens.
    pub id: String,
    /// Always `signing_key`.
    #[serde(default)]
    pub object: String,
    /// What it is now.
    pub state: SigningKeyState,
    /// The public half in PEM, for [`jwt_key`](crate::AuthenticatorBuilder::jwt_key).
    pub public_key_pem: String,
    /// Since when it is published. Unix milliseconds.
    pub created_at: UnixMillis,
    /// From when on it signs. Unix milliseconds.
    pub signs_at: UnixMillis,
    /// When it stops being published by itself; `None` while no other is to follow. Unix milliseconds.
    pub published_until: Option<UnixMillis>,
    /// When it was retired. Unix milliseconds.
    pub retired_at: Option<UnixMillis>,
    /// In the answer to a rotation alone: JWT templates whose tokens live for longer than the key before this one is published.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub long_lived_templates: Vec<String>,
    /// Fields that this version of the client has no name for.
    #[serde(flatten)]
    pub extra: Extra,
}

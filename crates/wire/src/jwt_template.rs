//! JWT templates: claims of an application's own.

use crate::input::Input;
use crate::json::Object;
use crate::schema::Schema;
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// Claims that no template sets at the top level: they are Verger's, or mean something to an SDK, which turns a `handshake` claim
/// into cookies.
pub const RESERVED_CLAIMS: [&str; 20] = [
    "iss",
    "sub",
    "sid",
    "iat",
    "nbf",
    "exp",
    "jti",
    "azp",
    "sts",
    "v",
    "fva",
    "pla",
    "fea",
    "o",
    "act",
    "org_id",
    "org_slug",
    "org_role",
    "org_permissions",
    "handshake",
];

/// A JWT template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[wire(name = "JWTTemplate")]
pub struct JwtTemplate {
    /// Always `jwt_template`.
    #[wire(constant = "jwt_template")]
    pub object: String,
    /// `jtmp_…`.
    #[wire(example = "jtmp_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// What its tokens are asked for by. Unique. `__session`: its claims stand in every session token.
    #[wire(example = "billing")]
    pub name: String,
    /// The claims, with shortcodes such as `{{user.primary_phone_number}}` in their texts.
    #[wire(example = {"phone": "{{user.primary_phone_number}}"})]
    pub claims: Object,
    /// How long its tokens live, in seconds.
    #[wire(example = 60)]
    pub lifetime: i64,
    /// How long before its minting a token is already valid, in seconds, for verifiers whose clocks are behind.
    #[wire(example = 5)]
    pub allowed_clock_skew: i64,
    /// Whether its tokens are signed with the application's own key, which is never shown.
    pub custom_signing_key: bool,
    /// The algorithm that its tokens are signed with.
    #[wire(example = "RS256")]
    pub signing_algorithm: String,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

/// `POST /v1/jwt_templates`, and `PATCH` of one: both take every field, and what is left out has its default, except for the
/// key.
#[derive(Clone, Default, PartialEq, Serialize, Input)]
#[wire(body_required, open)]
pub struct JwtTemplateParams {
    /// What its tokens are asked for by: letters, digits, spaces between them, and `_ - . :`. At most 128 characters.
    #[wire(required, example = "billing")]
    pub name: String,
    /// The claims. At most 1,200 bytes of JSON without its shortcodes.
    #[wire(required, example = {"phone": "{{user.primary_phone_number}}"})]
    pub claims: Object,
    /// How long its tokens live, in seconds; 60 if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = 30, max = 315_360_000, example = 60)]
    pub lifetime: Option<i64>,
    /// How long before its minting a token is already valid, in seconds, for verifiers whose clocks are behind; 5 if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = 0, max = 300, example = 5)]
    pub allowed_clock_skew: Option<i64>,
    /// Whether its tokens are signed with the application's own key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_signing_key: Option<bool>,
    /// The algorithm of the key: HS256, RS256, ES256 and their longer forms. Required with `custom_signing_key`; without it
    /// only RS256, that of the instance's key, is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "RS256")]
    pub signing_algorithm: Option<String>,
    /// The private key in PEM, or the secret of HS algorithms: at least 32 bytes for HS256, 48 for HS384, 64 for HS512.
    /// Required with `custom_signing_key`, unless the template has one for the same algorithm; refused without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub signing_key: Option<String>,
}

debug_without_secrets! {
    JwtTemplateParams {
        name, claims, lifetime, allowed_clock_skew, custom_signing_key, signing_algorithm,
    } without { signing_key }
}

//! Sign-in tokens and actor tokens.

use crate::input::Input;
use crate::json::Object;
use crate::schema::Schema;
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// A token that signs a user in once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct SignInToken {
    /// Always `sign_in_token`.
    #[wire(constant = "sign_in_token")]
    pub object: String,
    /// `sit_…`.
    #[wire(example = "sit_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// `pending` until it is used or revoked.
    #[wire(one_of("pending", "accepted", "revoked"), example = "pending")]
    pub status: String,
    /// Who it signs in.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// `ticket_…`. Only in the answer that creates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "ticket_WjZ3c0d1…")]
    pub token: Option<String>,
    /// A link that begins the sign-in. Only in the answer that creates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(
        optional,
        nullable,
        example = "https://clerk.example.com/v1/tickets/accept?ticket=ticket_WjZ3c0d1…"
    )]
    pub url: Option<String>,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

debug_without_secrets! {
    SignInToken {
        object, id, status, user_id, created_at, updated_at,
    } without { token, url }
}

/// `POST /v1/sign_in_tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Input)]
#[wire(body_required, open, not_built("org_id"))]
pub struct CreateSignInTokenParams {
    /// Who it signs in.
    #[wire(required, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// How long it can be used, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = 1, default = 2_592_000)]
    pub expires_in_seconds: Option<i64>,
}

/// A token with which somebody acts as a user.
#[derive(Clone, PartialEq, Serialize, Deserialize, Schema)]
pub struct ActorToken {
    /// Always `actor_token`.
    #[wire(constant = "actor_token")]
    pub object: String,
    /// `act_…`.
    #[wire(example = "act_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// `pending` until it is used or revoked.
    #[wire(one_of("pending", "accepted", "revoked"), example = "pending")]
    pub status: String,
    /// The user who is impersonated.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// Who acts.
    #[wire(example = {"sub": "user_3Dw7JOBTomM81IWXkXCZt7PRTFt"})]
    pub actor: Object,
    /// `ticket_…`. Only in the answer that creates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "ticket_WjZ3c0d1…")]
    pub token: Option<String>,
    /// A link that begins the sign-in. Only in the answer that creates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "https://clerk.example.com/v1/tickets/accept?ticket=ticket_WjZ3c0d1…")]
    pub url: Option<String>,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
}

debug_without_secrets! {
    ActorToken {
        object, id, status, user_id, actor, created_at, updated_at,
    } without { token, url }
}

/// `POST /v1/actor_tokens`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Input)]
#[wire(body_required)]
pub struct CreateActorTokenParams {
    /// The user who is impersonated.
    #[wire(required, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// Who acts: an object with at least `sub`, the id of the acting user. It stands as the claim `act` in every session
    /// token.
    #[wire(required, example = {"sub": "user_3Dw7JOBTomM81IWXkXCZt7PRTFt"})]
    pub actor: Object,
    /// How long it can be used, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(default = 3600)]
    pub expires_in_seconds: Option<i64>,
    /// How long the session lives at most that it opens, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(default = 1800)]
    pub session_max_duration_in_seconds: Option<i64>,
}

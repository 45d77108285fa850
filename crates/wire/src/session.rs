//! Sessions and their tokens.

use crate::input::Input;
use crate::json::Object;
use crate::page::PageParams;
use crate::schema::{Schema, Schemas, Value, json};
use crate::{UnixMillis, debug_without_secrets};
use serde::{Deserialize, Serialize};

/// The shortest that a token may be asked to live, in seconds.
pub const TOKEN_SECONDS_MIN: i64 = 30;
/// The longest, in seconds: ten years.
pub const TOKEN_SECONDS_MAX: i64 = 315_360_000;

/// One user, signed in on one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Session {
    /// Always `session`.
    #[wire(constant = "session")]
    pub object: String,
    /// `sess_…`.
    #[wire(example = "sess_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// Who is signed in.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
    /// On which client.
    #[wire(example = "client_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub client_id: String,
    /// Who acts as the user, by an actor token; null where the user acts.
    #[wire(optional, nullable)]
    pub actor: Option<Object>,
    /// `active`; `pending` while the user has a task; `ended` or `removed` by signing out, `revoked` by an operator or by a
    /// change of the user, `expired` by time. `abandoned` and `replaced` do not occur.
    #[wire(
        one_of("active", "revoked", "ended", "expired", "removed", "abandoned", "replaced", "pending"),
        example = "active"
    )]
    pub status: String,
    /// Always null: there are no organizations yet.
    #[wire(optional, nullable)]
    pub last_active_organization_id: Option<String>,
    /// When it was last used, in Unix milliseconds. Written every few seconds.
    #[wire(format = "", example = 1779181200000_i64)]
    pub last_active_at: UnixMillis,
    /// Where it was last used; null if that is not known.
    #[wire(optional, nullable)]
    pub latest_activity: Option<SessionActivity>,
    /// When it expires, in Unix milliseconds, unless inactivity or a shorter setting ends it earlier.
    #[wire(example = 1779786000000_i64)]
    pub expire_at: UnixMillis,
    /// 30 days after its creation, in Unix milliseconds; nothing happens then.
    #[wire(example = 1781773200000_i64)]
    pub abandon_at: UnixMillis,
    /// When it last changed, in Unix milliseconds.
    pub updated_at: UnixMillis,
    /// When it began, in Unix milliseconds.
    pub created_at: UnixMillis,
    /// What the user must do before it is active; null if there is nothing.
    #[wire(optional, nullable)]
    pub tasks: Option<Vec<SessionTask>>,
}

/// Where a session was last used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(name = "SessionActivityResponse", open, nullable)]
pub struct SessionActivity {
    /// Always `session_activity`.
    #[wire(example = "session_activity")]
    pub object: String,
    /// `sess_activity_…`.
    #[wire(example = "sess_activity_3Dw7JOBTomM81IWXkXCZt7PRTFt")]
    pub id: String,
    /// For example `Macintosh`. Absent if it is not known, as all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "Macintosh")]
    pub device_type: Option<String>,
    /// Whether it is a mobile device.
    pub is_mobile: bool,
    /// For example `Firefox`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "Firefox")]
    pub browser_name: Option<String>,
    /// For example `128.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "128.0")]
    pub browser_version: Option<String>,
    /// The address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[wire(optional, example = "192.0.2.7")]
    pub ip_address: Option<String>,
}

/// Something that a user must do before a session is active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(open)]
pub struct SessionTask {
    /// `reset-password` or `setup-mfa`.
    #[wire(example = "setup-mfa")]
    pub key: String,
}

/// `GET /v1/sessions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Input)]
#[wire(query)]
pub struct SessionListParams {
    /// Sessions on this client.
    #[wire(example = "client_3Dw7IkPZ9B5CmVCTr97vkpOFxVl")]
    pub client_id: Option<String>,
    /// Sessions of this user.
    #[wire(example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: Option<String>,
    /// Sessions in this state. `active` includes those that are pending.
    #[wire(
        one_of("abandoned", "active", "ended", "expired", "removed", "replaced", "revoked"),
        example = "active"
    )]
    pub status: Option<String>,
    /// Which part of them.
    #[wire(flatten)]
    pub page: PageParams,
}

/// `POST /v1/sessions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Input)]
#[wire(body_required, open, not_built("active_organization_id"))]
pub struct CreateSessionParams {
    /// Who is to be signed in.
    #[wire(required, example = "user_3Dw7IiS6fko9avCNGdolikmwFDN")]
    pub user_id: String,
}

/// `POST /v1/sessions/{session_id}/tokens`, and the same of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Input)]
#[wire(open)]
pub struct CreateSessionTokenParams {
    /// How long the token lives, in seconds; without it, as the settings or the template say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, min = TOKEN_SECONDS_MIN, max = TOKEN_SECONDS_MAX, example = 60)]
    pub expires_in_seconds: Option<i64>,
}

/// A token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
#[wire(inline, open)]
pub struct SessionToken {
    /// Always `token`.
    #[wire(optional, constant = "token")]
    pub object: String,
    /// The JWT.
    #[wire(optional, example = "eyJhbGciOiJSUzI1NiIs…")]
    pub jwt: String,
}

debug_without_secrets! { SessionToken { object } without { jwt } }

/// `POST /v1/sessions/{session_id}/refresh`.
#[derive(Clone, Default, PartialEq, Serialize, Input)]
#[wire(body_required)]
pub struct RefreshSessionParams {
    /// The expired session token.
    #[wire(required, example = "eyJhbGciOiJSUzI1NiIs…")]
    pub expired_token: String,
    /// The value of the cookie `__refresh`.
    #[wire(required, example = "refresh_WjZ3c0d1…")]
    pub refresh_token: String,
    /// The origin of the page that the browser asked for.
    #[wire(required, example = "https://shop.example.com")]
    pub request_origin: String,
    /// The headers of the browser's request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable)]
    pub request_headers: Option<Object>,
    /// `token`: the answer is the token. `cookie`: it is the cookies to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, one_of("token", "cookie"), default = "token")]
    pub format: Option<String>,
    /// The address of the browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[wire(nullable, example = "192.0.2.7")]
    pub request_originating_ip: Option<String>,
}

debug_without_secrets! {
    RefreshSessionParams {
        request_origin, format, request_originating_ip,
    } without { expired_token, refresh_token, request_headers }
}

/// What a refresh gives, in the format that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SessionRefresh {
    /// The token.
    Token(Token),
    /// Lines for `Set-Cookie`.
    Cookies(Cookies),
}

/// A session token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Token {
    /// Always `token`.
    #[wire(constant = "token")]
    pub object: String,
    /// The JWT.
    #[wire(example = "eyJhbGciOiJSUzI1NiIs…")]
    pub jwt: String,
}

debug_without_secrets! { Token { object } without { jwt } }

/// Cookies to set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Cookies {
    /// Always `cookies`.
    #[wire(constant = "cookies")]
    pub object: String,
    /// Lines for `Set-Cookie`.
    #[wire(example = ["__session=eyJhbGciOiJSUzI1NiIs…; Path=/; SameSite=Lax"])]
    pub cookies: Vec<String>,
}

debug_without_secrets! { Cookies { object } without { cookies } }

impl Schema for SessionRefresh {
    fn schema(schemas: &mut Schemas) -> Value {
        schemas.named(
            "SessionRefresh",
            |schemas| json!({ "oneOf": [Token::schema(schemas), Cookies::schema(schemas)] }),
        )
    }

    fn example() -> Value {
        Token::example()
    }
}

//! A key, tokens by it, and what they are checked against.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use verger_jwt::{
    Checks, OrganizationClaims, SessionClaims, SessionStatus, SigningKey, TokenError, UnverifiedToken,
};

pub(crate) const NOW_S: i64 = 1_795_000_000;
pub(crate) const NOW_MS: i64 = NOW_S * 1_000;
pub(crate) const KID: &str = "ins_2fVKj1HqzBPLiCZ9CkcSBVaVkTm";

pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rs256().unwrap());
pub(crate) static OTHER_KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rs256().unwrap());

pub(crate) fn session() -> SessionClaims {
    let mut claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", NOW_S);
    claims.jti = Some("0123456789abcdef0123".to_owned());
    claims.azp = Some("https://example.com".to_owned());
    claims.fva = Some([0, -1]);
    claims.sts = Some(SessionStatus::Active);
    claims.pla = Some("u:free".to_owned());
    claims.fea = Some("o:docs".to_owned());
    claims.organization = Some(OrganizationClaims {
        id: "org_1".to_owned(),
        slug: Some("acme".to_owned()),
        role: Some("editor".to_owned()),
        per: Some("read,write".to_owned()),
        fpm: Some("3".to_owned()),
        permissions: Vec::new(),
    });
    claims.act = Some(object(json!({"sub": "user_2"})));
    claims.custom = object(json!({"email": "ada@example.com", "metadata": {"tier": 3}, "aud": ["api"]}));
    claims
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(crate) fn header(category: &str) -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": KID, "cat": category})
}

/// A session token with this payload, signed as it should be.
pub(crate) fn signed(payload: &Value) -> String {
    KEY.sign_anything(&header(verger_jwt::CATEGORY_SESSION), payload).unwrap()
}

/// Verifies as the SDK does by default, at [`NOW_MS`].
pub(crate) fn verify(token: &str) -> Result<SessionClaims, TokenError> {
    UnverifiedToken::parse(token)?.verify_session(&KEY.verifying_key(), &Checks::at(NOW_MS))
}

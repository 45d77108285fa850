//! Which claims tokens have, and that none is taken for what it is not.

use crate::support::{KEY, KID, NOW_MS, NOW_S, header, object, session, signed, verify};
use proptest::prelude::*;
use serde_json::{Value, json};
use verger_jwt::{
    CATEGORY_SESSION, CATEGORY_TEMPLATE, Checks, HandshakeClaims, RESERVED_CLAIMS, SessionClaims,
    SessionVersion, TemplateClaims, TokenError, UnverifiedToken,
};

/// A value of each JSON type, and of numbers the kinds that are no Unix time.
fn values() -> [Value; 10] {
    [
        Value::Null,
        json!(true),
        json!(1_795_000_000),
        json!(1_795_000_000.5),
        json!(u64::MAX),
        json!("1795000000"),
        json!("text"),
        json!([]),
        json!([1, "2"]),
        json!({}),
    ]
}

fn is_text(value: &Value) -> bool {
    value.is_string()
}

fn is_seconds(value: &Value) -> bool {
    value.as_i64().is_some()
}

/// Every claim that is read, with the test of what is right for it.
type Row = (&'static str, fn(&Value) -> bool);
const SESSION_CLAIMS: [Row; 16] = [
    ("iss", is_text),
    ("sub", is_text),
    ("sid", is_text),
    ("iat", is_seconds),
    ("nbf", is_seconds),
    // A number is enough here: one that has passed is refused for another reason.
    ("exp", is_seconds),
    ("jti", is_text),
    ("azp", is_text),
    ("pla", is_text),
    ("fea", is_text),
    ("sts", |_| false),
    ("v", |_| false),
    ("fva", |_| false),
    ("o", |_| false),
    ("act", Value::is_object),
    ("aud", |value| is_text(value) || *value == json!([])),
];

#[test]
fn s27_a_claim_of_a_wrong_type_is_refused_by_name() {
    for (name, is_right) in SESSION_CLAIMS {
        for value in values() {
            let mut claims = session().to_json();
            claims.insert(name.to_owned(), value.clone());
            // Versions are numbers; the others that happen to be right are left to the checks of their values.
            let outcome = verify(&signed(&Value::Object(claims)));
            if !is_right(&value) {
                assert_eq!(outcome, Err(TokenError::VerificationFailed(name)), "{name}: {value}");
            } else {
                assert_ne!(outcome, Err(TokenError::VerificationFailed(name)), "{name}: {value}");
            }
        }
    }
}

#[test]
fn s27_a_member_of_the_organization_of_a_wrong_type_is_refused() {
    for name in ["id", "slg", "rol", "per", "fpm"] {
        for value in values().into_iter().filter(|value| !value.is_string()) {
            let mut claims = Value::Object(session().to_json());
            claims["o"][name] = value;
            assert_eq!(verify(&signed(&claims)), Err(TokenError::VerificationFailed("o")), "{claims}");
        }
    }
    for name in ["org_id", "org_slug", "org_role", "org_permissions"] {
        for value in values().into_iter().filter(|value| !value.is_string() && *value != json!([])) {
            let mut claims = session();
            claims.version = SessionVersion::V1;
            let mut claims = Value::Object(claims.to_json());
            claims[name] = value;
            assert_eq!(verify(&signed(&claims)), Err(TokenError::VerificationFailed(name)), "{claims}");
        }
    }
}

#[test]
fn s29_a_token_without_a_mandatory_claim_is_refused() {
    for name in ["iss", "sub", "sid", "iat", "nbf", "exp"] {
        let mut claims = session().to_json();
        claims.shift_remove(name);
        assert_eq!(
            verify(&signed(&Value::Object(claims))),
            Err(TokenError::VerificationFailed(name)),
            "{name}"
        );
    }
    for name in ["iss", "sub", "sid"] {
        let mut claims = session().to_json();
        claims.insert(name.to_owned(), json!(""));
        assert_eq!(
            verify(&signed(&Value::Object(claims))),
            Err(TokenError::VerificationFailed(name)),
            "{name}"
        );
    }
}

#[test]
fn both_versions_of_the_session_token_are_read_as_written() {
    for version in [SessionVersion::V1, SessionVersion::V2] {
        let mut claims = session();
        claims.version = version;
        if version == SessionVersion::V1 {
            let organization = claims.organization.as_mut().unwrap();
            (organization.per, organization.fpm) = (None, None);
            organization.permissions = vec!["org:docs:read".to_owned()];
        }
        let token = KEY.sign_session(KID, &claims).unwrap();
        assert_eq!(verify(&token).unwrap(), claims);
    }
}

#[test]
fn version_2_has_the_published_claims() {
    assert_eq!(
        Value::Object(session().to_json()),
        json!({
            "iss": "https://clerk.example.com", "sub": "user_1", "sid": "sess_1", "azp": "https://example.com",
            "iat": NOW_S, "nbf": NOW_S - 10, "exp": NOW_S + 60, "jti": "0123456789abcdef0123", "fva": [0, -1],
            "sts": "active", "v": 2, "pla": "u:free", "fea": "o:docs", "act": {"sub": "user_2"},
            "o": {"id": "org_1", "slg": "acme", "rol": "editor", "per": "read,write", "fpm": "3"},
            "email": "ada@example.com", "metadata": {"tier": 3}, "aud": ["api"],
        })
    );
}

#[test]
fn version_1_names_the_organization_in_claims_of_its_own() {
    let mut claims = session();
    claims.version = SessionVersion::V1;
    let claims = claims.to_json();
    assert!(!claims.contains_key("v") && !claims.contains_key("o"));
    assert_eq!((&claims["org_id"], &claims["org_role"]), (&json!("org_1"), &json!("org:editor")));
    assert_eq!(claims["org_permissions"], json!([]));
}

#[test]
fn a_custom_claim_takes_the_place_of_no_other() {
    let bare = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", NOW_S);
    let mut crowded = bare.clone();
    let mut template = TemplateClaims::new("https://clerk.example.com", "user_1", NOW_S, 60, 5);
    let template_bare = template.to_json();
    for name in RESERVED_CLAIMS {
        crowded.custom.insert(name.to_owned(), json!("forged"));
        template.custom.insert(name.to_owned(), json!("forged"));
    }
    assert_eq!(crowded.to_json(), bare.to_json());
    assert_eq!(template.to_json(), template_bare);
}

#[test]
fn a_template_token_is_no_session_token_and_the_reverse() {
    let checks = Checks::at(NOW_MS);
    let key = KEY.verifying_key();
    let mut claims = TemplateClaims::new("https://clerk.example.com", "user_1", NOW_S, 60, 5);
    claims.custom = object(json!({"aud": "hasura", "role": "editor"}));
    let token = KEY.sign_template(Some(KID), &claims).unwrap();
    let token = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(token.verify_template(&key, &checks).unwrap(), claims);
    assert_eq!(token.verify_session(&key, &checks), Err(TokenError::TypeMismatch));
    assert_eq!(token.verify_handshake(&key), Err(TokenError::TypeMismatch));

    let token = KEY.sign_session(KID, &session()).unwrap();
    let token = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(token.verify_template(&key, &checks), Err(TokenError::TypeMismatch));

    // Even with the category of the other, the session is missing.
    let token = KEY.sign_anything(&header(CATEGORY_SESSION), &Value::Object(claims.to_json())).unwrap();
    let token = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(token.verify_session(&key, &checks), Err(TokenError::VerificationFailed("sid")));
}

#[test]
fn s27_a_claim_of_a_template_token_of_a_wrong_type_is_refused_by_name() {
    let claims = TemplateClaims::new("https://clerk.example.com", "user_1", NOW_S, 60, 5).to_json();
    for (name, is_right) in SESSION_CLAIMS {
        if !["iss", "sub", "iat", "nbf", "exp", "jti", "azp", "aud"].contains(&name) {
            continue;
        }
        for value in values().into_iter().filter(|value| !is_right(value)) {
            let mut claims = claims.clone();
            claims.insert(name.to_owned(), value.clone());
            let token = KEY.sign_anything(&header(CATEGORY_TEMPLATE), &Value::Object(claims)).unwrap();
            let outcome = UnverifiedToken::parse(&token)
                .unwrap()
                .verify_template(&KEY.verifying_key(), &Checks::at(NOW_MS));
            assert_eq!(outcome, Err(TokenError::VerificationFailed(name)), "{name}: {value}");
        }
    }
}

#[test]
fn a_handshake_token_is_never_a_session_token() {
    let claims =
        HandshakeClaims::new("https://clerk.example.com", NOW_S, vec!["__session=x; Path=/".to_owned()]);
    assert_eq!(
        Value::Object(claims.to_json()),
        json!({"iss": "https://clerk.example.com", "iat": NOW_S, "exp": NOW_S - 3600, "handshake": ["__session=x; Path=/"]})
    );
    let token = KEY.sign_handshake(KID, &claims).unwrap();
    assert_eq!(verify(&token), Err(TokenError::VerificationFailed("sub")));
    let token = UnverifiedToken::parse(&token).unwrap();
    assert_eq!(token.verify_handshake(&KEY.verifying_key()).unwrap(), claims);
}

#[test]
fn what_is_no_handshake_is_refused_as_one() {
    let key = KEY.verifying_key();
    let outcome = |payload: Value| UnverifiedToken::parse(&signed(&payload)).unwrap().verify_handshake(&key);
    for value in values().into_iter().filter(|value| *value != json!([])) {
        assert_eq!(
            outcome(json!({"handshake": value})),
            Err(TokenError::VerificationFailed("handshake")),
            "{value}"
        );
    }
    assert_eq!(outcome(json!({})), Err(TokenError::VerificationFailed("handshake")));
    for name in ["sub", "sid"] {
        assert_eq!(outcome(json!({"handshake": [], name: "x"})), Err(TokenError::TypeMismatch));
    }
    for (name, value) in [("iss", json!(1)), ("iat", json!("1")), ("exp", json!("1"))] {
        assert_eq!(outcome(json!({"handshake": [], name: value})), Err(TokenError::VerificationFailed(name)));
    }
    // What other servers send.
    assert_eq!(outcome(json!({"handshake": ["a=b"]})).unwrap().handshake, ["a=b"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_of_a_claim_survives(sub in ".{1,40}", azp in proptest::option::of(".{0,40}"), key in "[a-z]{6,12}", value in ".{0,40}") {
        let mut claims = session();
        claims.sub = sub;
        claims.azp = azp;
        claims.custom.insert(key, json!(value));
        prop_assert_eq!(verify(&KEY.sign_session(KID, &claims).unwrap()).unwrap(), claims);
    }
}

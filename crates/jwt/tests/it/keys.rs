//! The forms in which public keys are handed out.

use crate::support::{KEY, KID, NOW_MS, OTHER_KEY, session};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use verger_jwt::{Algorithm, Checks, Jwk, Jwks, KeyError, UnverifiedToken, VerifyingKey};

/// What the JavaScript SDK strips from a public key in PEM to get at the modulus: the DER of "RSA, 2048 bits" before it, and the
/// exponent 65537 after it.
const JS_PREFIX: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";
const JS_SUFFIX: &str = "IDAQAB";

#[test]
fn the_pem_has_the_form_that_the_javascript_sdk_strips() {
    for key in [&*KEY, &*OTHER_KEY] {
        let pem = key.verifying_key().to_pem().unwrap();
        let lines: Vec<&str> = pem.lines().collect();
        assert_eq!(
            (lines[0], lines[lines.len() - 1]),
            ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
        );
        assert!(lines[1..lines.len() - 1].iter().all(|line| line.len() <= 64));
        let body = lines[1..lines.len() - 1].concat();
        let modulus = body.strip_prefix(JS_PREFIX).unwrap().strip_suffix(JS_SUFFIX).unwrap();
        let jwk = key.verifying_key().to_jwk(KID).unwrap();
        assert_eq!(jwk.n.unwrap(), modulus.replace('+', "-").replace('/', "_"));
    }
}

#[test]
fn the_jwk_has_all_published_fields_and_nothing_private() {
    let jwk = serde_json::to_value(KEY.verifying_key().to_jwk(KID).unwrap()).unwrap();
    let n = jwk["n"].as_str().unwrap().to_owned();
    assert_eq!(jwk, json!({"use": "sig", "kty": "RSA", "kid": KID, "alg": "RS256", "n": n, "e": "AQAB"}));
    assert_eq!(URL_SAFE_NO_PAD.decode(n).unwrap().len(), 256);
}

#[test]
fn a_key_set_verifies_what_its_key_signed() {
    let jwks = Jwks {
        keys: vec![
            OTHER_KEY.verifying_key().to_jwk("ins_other").unwrap(),
            KEY.verifying_key().to_jwk(KID).unwrap(),
        ],
    };
    let jwks: Jwks = serde_json::from_str(&serde_json::to_string(&jwks).unwrap()).unwrap();
    let token = KEY.sign_session(KID, &session()).unwrap();
    let token = UnverifiedToken::parse(&token).unwrap();
    let key = jwks.find(token.header().kid.as_deref().unwrap()).unwrap().verifying_key().unwrap();
    assert!(token.verify_session(&key, &Checks::at(NOW_MS)).is_ok());
    assert!(jwks.find("ins_none").is_none());
}

#[test]
fn a_set_with_keys_of_other_kinds_is_read() {
    let jwks: Jwks = serde_json::from_value(json!({"keys": [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ec"},
        {"kty": "RSA", "kid": "numbers", "n": "A*", "e": "AQAB"},
        {"kty": "RSA", "kid": "small", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"},
        {"kty": "RSA", "kid": "encryption", "use": "enc", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "kid": "algorithm", "alg": "PS256", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "kid": "incomplete"},
    ], "more": 1}))
    .unwrap();
    for (kid, expected) in [
        ("ec", KeyError::NotAnRsaKey),
        ("numbers", KeyError::NotAnRsaKey),
        ("small", KeyError::Rejected("RS256")),
        ("encryption", KeyError::NotAnRsaKey),
        ("algorithm", KeyError::NotAnRsaKey),
        ("incomplete", KeyError::NotAnRsaKey),
    ] {
        assert_eq!(jwks.find(kid).unwrap().verifying_key().unwrap_err(), expected, "{kid}");
    }
}

#[test]
fn a_jwk_of_another_algorithm_does_not_verify() {
    let mut jwk: Jwk = KEY.verifying_key().to_jwk(KID).unwrap();
    jwk.alg = Some("RS512".to_owned());
    let key = jwk.verifying_key().unwrap();
    assert_eq!(key.algorithm(), Algorithm::Rs512);
    let token = KEY.sign_session(KID, &session()).unwrap();
    assert!(UnverifiedToken::parse(&token).unwrap().verify_session(&key, &Checks::at(NOW_MS)).is_err());
    // Where it says nothing it is RS256, as everywhere.
    jwk.alg = None;
    assert_eq!(jwk.verifying_key().unwrap().algorithm(), Algorithm::Rs256);
}

#[test]
fn nothing_of_a_key_is_printed() {
    let pem = KEY.verifying_key().to_pem().unwrap();
    let public = VerifyingKey::from_pem(Algorithm::Rs256, &pem).unwrap();
    assert_eq!(format!("{:?}", *KEY), "SigningKey { algorithm: Rs256, .. }");
    assert_eq!(format!("{public:?}"), "VerifyingKey { algorithm: Rs256, .. }");
}

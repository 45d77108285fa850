//! Tokens that nobody issued.

use crate::support::{KEY, KID, NOW_MS, OTHER_KEY, header, session, signed, verify};
use proptest::prelude::*;
use serde_json::{Value, json};
use verger_jwt::{
    Algorithm, CATEGORY_MACHINE, CATEGORY_SESSION, Checks, SigningKey, TOKEN_BYTES_MAX, TokenError,
    UnverifiedToken,
};

fn token() -> String {
    KEY.sign_session(KID, &session()).unwrap()
}

#[test]
fn s22_no_prefix_and_no_suffix_of_a_token_is_a_token() {
    let token = token();
    for at in 0..token.len() {
        assert!(verify(&token[..at]).is_err(), "the first {at} bytes");
        assert!(at == 0 || verify(&token[at..]).is_err(), "without the first {at} bytes");
    }
    for longer in ["A", "AAAA", ".", "=", "==", " ", "\n", ".A"] {
        assert!(verify(&format!("{token}{longer}")).is_err(), "{longer:?} after it");
        assert!(verify(&format!("{longer}{token}")).is_err(), "{longer:?} before it");
    }
    assert!(verify(&token).is_ok());
}

#[test]
fn s22_no_bit_of_a_token_can_be_flipped() {
    let token = token().into_bytes();
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut flipped = token.clone();
            flipped[at] ^= 1 << bit;
            // Bytes that are no text never get here: a token is text.
            if let Ok(flipped) = String::from_utf8(flipped) {
                assert!(verify(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn s31_the_signature_is_judged_before_any_claim() {
    let mut claims = Value::Object(session().to_json());
    claims["exp"] = json!("never");
    let token = OTHER_KEY.sign_anything(&header(CATEGORY_SESSION), &claims).unwrap();
    assert_eq!(verify(&token), Err(TokenError::InvalidSignature));
}

#[test]
fn s28_no_algorithm_but_those_of_the_list_is_accepted() {
    let payload = Value::Object(session().to_json());
    for alg in [
        json!("none"),
        json!("None"),
        json!(""),
        json!("rs256"),
        json!("PS256"),
        json!("RS1"),
        json!("EdDSA"),
    ] {
        let mut header = header(CATEGORY_SESSION);
        header["alg"] = alg;
        let token = KEY.sign_anything(&header, &payload).unwrap();
        assert_eq!(verify(&token), Err(TokenError::InvalidAlgorithm), "{header}");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        assert_eq!(verify(&format!("{unsigned}.")), Err(TokenError::InvalidAlgorithm), "{header}");
    }
    for alg in [Value::Null, json!(1), json!(["RS256"]), json!({})] {
        let mut header = header(CATEGORY_SESSION);
        header["alg"] = alg;
        assert_eq!(verify(&KEY.sign_anything(&header, &payload).unwrap()), Err(TokenError::InvalidAlgorithm));
    }
}

#[test]
fn s28_the_public_key_is_no_hmac_secret() {
    let pem = KEY.verifying_key().to_pem().unwrap();
    let payload = Value::Object(session().to_json());
    for secret in [pem.as_str(), pem.trim(), &pem.replace('\n', "")] {
        for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            let forger = SigningKey::from_text(algorithm, secret).unwrap();
            let mut header = header(CATEGORY_SESSION);
            header["alg"] = json!(algorithm.as_str());
            let token = forger.sign_anything(&header, &payload).unwrap();
            assert_eq!(verify(&token), Err(TokenError::InvalidAlgorithm));
            // Even a caller who accepts every algorithm: the key decides.
            let checks = Checks::at(NOW_MS).algorithms(&Algorithm::ALL);
            let outcome =
                UnverifiedToken::parse(&token).unwrap().verify_session(&KEY.verifying_key(), &checks);
            assert_eq!(outcome, Err(TokenError::InvalidAlgorithm));
        }
    }
}

#[test]
fn s28_a_signature_of_another_rsa_kind_is_refused() {
    let pkcs8 = KEY.to_pkcs8().unwrap();
    for algorithm in [Algorithm::Rs384, Algorithm::Rs512] {
        let other = SigningKey::from_pkcs8(algorithm, secrecy::ExposeSecret::expose_secret(&pkcs8)).unwrap();
        assert_eq!(verify(&other.sign_session(KID, &session()).unwrap()), Err(TokenError::InvalidAlgorithm));
        // Said to be RS256.
        let token =
            other.sign_anything(&header(CATEGORY_SESSION), &Value::Object(session().to_json())).unwrap();
        assert_eq!(verify(&token), Err(TokenError::InvalidSignature));
    }
}

#[test]
fn s28_a_header_that_brings_a_key_or_an_extension_is_refused() {
    let jwk = serde_json::to_value(OTHER_KEY.verifying_key().to_jwk(KID)).unwrap();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://example.com/jwks.json")),
        ("x5u", json!("https://example.com/key.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jwk", Value::Null),
    ] {
        let mut header = header(CATEGORY_SESSION);
        header[name] = value;
        for key in [&*KEY, &*OTHER_KEY] {
            let token = key.sign_anything(&header, &Value::Object(session().to_json())).unwrap();
            assert!(matches!(verify(&token), Err(TokenError::Invalid(_))), "{header}");
        }
    }
}

#[test]
fn a_header_of_another_kind_is_refused() {
    let payload = Value::Object(session().to_json());
    for (name, value, expected) in [
        ("typ", json!("at+jwt"), "token-invalid"),
        ("typ", json!("jwt"), "token-invalid"),
        ("typ", json!(1), "token-invalid"),
        ("kid", json!(1), "token-invalid"),
        ("cat", json!(1), "token-invalid"),
        ("cat", Value::Null, "token-invalid"),
        ("cat", json!(CATEGORY_MACHINE), "token-type-mismatch"),
        ("cat", json!("cl_I7d4PD111III"), "token-type-mismatch"),
        ("cat", json!(""), "token-type-mismatch"),
    ] {
        let mut header = header(CATEGORY_SESSION);
        header[name] = value;
        let outcome = verify(&KEY.sign_anything(&header, &payload).unwrap());
        assert_eq!(outcome.map_err(|error| error.reason()), Err(expected), "{header}");
    }
    // Tokens from before there were types and categories.
    assert!(verify(&KEY.sign_anything(&json!({"alg": "RS256"}), &payload).unwrap()).is_ok());
}

#[test]
fn s30_what_is_no_token_is_refused_before_it_is_decoded() {
    let payload = "A".repeat(TOKEN_BYTES_MAX);
    for text in [
        ".".repeat(1024 * 1024),
        "A".repeat(1024 * 1024),
        format!("e30.{payload}.e30"),
        format!("{}{}", token(), ".".repeat(TOKEN_BYTES_MAX)),
    ] {
        assert_eq!(verify(&text), Err(TokenError::Invalid("it is too long")));
    }
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "e30.e30.",
        "W10.W10.W10",
        "bnVsbA.bnVsbA.",
        "é.é.é",
        "\0.\0.\0",
    ] {
        let error = verify(text).unwrap_err();
        assert!(matches!(error, TokenError::Invalid(_) | TokenError::InvalidAlgorithm), "{text}: {error}");
    }
    // As deep as it fits.
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep = signed(&Value::String(deep));
    assert!(verify(&deep).is_err());
}

#[test]
fn a_payload_that_is_not_an_object_is_refused() {
    for payload in [json!([]), json!(1), json!("text"), Value::Null, json!([{"sub": "user_1"}])] {
        assert!(matches!(verify(&signed(&payload)), Err(TokenError::Invalid(_))), "{payload}");
    }
}

#[test]
fn a_token_by_another_key_is_refused() {
    let token = OTHER_KEY.sign_session(KID, &session()).unwrap();
    assert_eq!(verify(&token), Err(TokenError::InvalidSignature));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_is_a_token_by_chance(text in "[A-Za-z0-9_.=-]{0,200}|.{0,200}") {
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn no_parts_of_two_tokens_make_a_third(first in 0_usize..3, second in 0_usize..3, third in 0_usize..3) {
        let mut other = session();
        other.sub = "user_2".to_owned();
        let (one, two) = (token(), KEY.sign_session(KID, &other).unwrap());
        let parts: Vec<Vec<&str>> = [&one, &two].map(|token| token.split('.').collect()).to_vec();
        for mask in 0..8_usize {
            let pick = |at: usize, which: usize| parts[mask >> at & 1][which];
            let mixed = [pick(0, first), pick(1, second), pick(2, third)].join(".");
            prop_assert_eq!(verify(&mixed).is_ok(), mixed == one || mixed == two);
        }
    }
}

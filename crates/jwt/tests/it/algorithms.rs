//! Keys of templates: every algorithm, and none in the place of another.

use crate::support::{KEY, NOW_MS, NOW_S, OTHER_KEY};
use aws_lc_rs::signature::{self, EcdsaKeyPair};
use secrecy::ExposeSecret as _;
use verger_jwt::{
    Algorithm, Checks, KeyError, SigningKey, TemplateClaims, TokenError, UnverifiedToken, VerifyingKey,
};

fn key(algorithm: Algorithm) -> SigningKey {
    let curve = match algorithm {
        Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => {
            return SigningKey::from_pkcs8(algorithm, KEY.to_pkcs8().unwrap().expose_secret()).unwrap();
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            return SigningKey::from_text(algorithm, &"a secret of sixty-four bytes or more. ".repeat(2))
                .unwrap();
        }
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let pkcs8 = EcdsaKeyPair::generate(curve).unwrap().to_pkcs8v1().unwrap();
    SigningKey::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap()
}

#[test]
fn each_algorithm_verifies_its_own_signatures_and_no_others() {
    let claims = TemplateClaims::new("https://clerk.example.com", "user_1", NOW_S, 60, 5);
    let keys = Algorithm::ALL.map(key);
    for signing in &keys {
        let token = signing.sign_template(None, &claims).unwrap();
        let token = UnverifiedToken::parse(&token).unwrap();
        assert_eq!(token.header().kid, None);
        for verifying in &keys {
            let checks = Checks::at(NOW_MS).algorithms(&Algorithm::ALL);
            let outcome = token.verify_template(&verifying.verifying_key(), &checks);
            if signing.algorithm() == verifying.algorithm() {
                assert_eq!(outcome.as_ref(), Ok(&claims));
            } else {
                assert_eq!(outcome, Err(TokenError::InvalidAlgorithm));
            }
        }
        // Another key of the same algorithm.
        let other = match signing.algorithm() {
            Algorithm::Rs256 => OTHER_KEY.verifying_key(),
            Algorithm::Hs256 => SigningKey::from_text(Algorithm::Hs256, "another secret of thirty-two bytes")
                .unwrap()
                .verifying_key(),
            algorithm @ (Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512) => {
                key(algorithm).verifying_key()
            }
            _ => continue,
        };
        let checks = Checks::at(NOW_MS).algorithms(&Algorithm::ALL);
        assert_eq!(token.verify_template(&other, &checks), Err(TokenError::InvalidSignature));
    }
}

#[test]
fn an_exported_key_signs_as_before() {
    let claims = TemplateClaims::new("https://clerk.example.com", "user_1", NOW_S, 60, 5);
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let Ok(pkcs8) = key.to_pkcs8() else {
            assert!(algorithm.as_str().starts_with("HS"));
            continue;
        };
        let again = SigningKey::from_pkcs8(algorithm, pkcs8.expose_secret()).unwrap();
        let token = again.sign_template(None, &claims).unwrap();
        let pem = key.verifying_key().to_pem().unwrap();
        let public = VerifyingKey::from_pem(algorithm, &pem).unwrap();
        let checks = Checks::at(NOW_MS).algorithms(&Algorithm::ALL);
        assert_eq!(
            UnverifiedToken::parse(&token).unwrap().verify_template(&public, &checks).as_ref(),
            Ok(&claims)
        );
    }
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    let p256 = key(Algorithm::Es256).to_pkcs8().unwrap();
    let rsa = KEY.to_pkcs8().unwrap();
    for (algorithm, pkcs8) in [
        (Algorithm::Rs256, &p256),
        (Algorithm::Es384, &p256),
        (Algorithm::Hs256, &p256),
        (Algorithm::Es256, &rsa),
        (Algorithm::Hs512, &rsa),
    ] {
        let outcome = SigningKey::from_pkcs8(algorithm, pkcs8.expose_secret());
        assert_eq!(outcome.unwrap_err(), KeyError::Rejected(algorithm.as_str()));
    }
    let pem = KEY.verifying_key().to_pem().unwrap();
    assert!(VerifyingKey::from_pem(Algorithm::Es256, &pem).is_err());
    assert!(VerifyingKey::from_pem(Algorithm::Hs256, &pem).is_err());
    assert_eq!(SigningKey::from_text(Algorithm::Rs256, &pem).unwrap_err(), KeyError::Rejected("RS256"));
    assert_eq!(SigningKey::from_text(Algorithm::Rs256, "no key").unwrap_err(), KeyError::NotPem);
    assert_eq!(SigningKey::from_text(Algorithm::Hs256, "").unwrap_err(), KeyError::Empty);
}

#[test]
fn length_of_a_token_is_known_before_it_is_signed() {
    for key in Algorithm::ALL.map(key) {
        for kid in [None, Some("ins_3Dw7JOBTomM81IWXkXCZt7PRTFt")] {
            for claims in ["{}", r#"{"a":1}"#, r#"{"a":12}"#, r#"{"a":"é"}"#] {
                let token = key.sign_claims(kid, verger_jwt::CATEGORY_TEMPLATE, claims).unwrap();
                let expected = key.token_bytes(kid, verger_jwt::CATEGORY_TEMPLATE, claims);
                assert_eq!(token.len(), expected, "{:?} {claims}", key.algorithm());
            }
        }
    }
}

#[test]
fn a_key_is_bounded() {
    for algorithm in Algorithm::ALL {
        let text = "x".repeat(verger_jwt::KEY_BYTES_MAX + 1);
        assert_eq!(SigningKey::from_text(algorithm, &text).unwrap_err(), KeyError::TooLong);
    }
    for (algorithm, bytes_min) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
        let refused = SigningKey::from_text(algorithm, &"x".repeat(bytes_min - 1)).unwrap_err();
        assert_eq!(refused, KeyError::TooShort { algorithm: algorithm.as_str(), bytes_min });
        assert!(SigningKey::from_text(algorithm, &"x".repeat(bytes_min)).is_ok());
    }
    let longest = "x".repeat(verger_jwt::KEY_BYTES_MAX);
    assert!(SigningKey::from_text(Algorithm::Hs256, &longest).is_ok());
}

#[test]
fn a_damaged_key_is_refused() {
    let pkcs8 = KEY.to_pkcs8().unwrap();
    let pkcs8 = pkcs8.expose_secret();
    for at in (0..pkcs8.len()).step_by(61) {
        assert!(SigningKey::from_pkcs8(Algorithm::Rs256, &pkcs8[..at]).is_err(), "the first {at} bytes");
    }
}

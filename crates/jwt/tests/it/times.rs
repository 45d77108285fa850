//! Clocks that differ, and who may use a token.

use crate::support::{KEY, KID, NOW_MS, NOW_S, session};
use verger_jwt::{Checks, SessionClaims, TokenError, UnverifiedToken};

fn check(claims: &SessionClaims, checks: &Checks<'_>) -> Result<(), TokenError> {
    let token = KEY.sign_session(KID, claims).unwrap();
    UnverifiedToken::parse(&token)?.verify_session(&KEY.verifying_key(), checks).map(drop)
}

#[test]
fn s32_a_clock_may_be_five_seconds_off_and_no_more() {
    let mut claims = session();
    // Nothing but `exp`, `nbf`, `iat` in turn decides.
    let far = 1_000_000;
    for (exp, nbf, iat, offset_ms, expected) in [
        (NOW_S, NOW_S - far, NOW_S - far, 4_999, Ok(())),
        (NOW_S, NOW_S - far, NOW_S - far, 5_000, Err(TokenError::Expired)),
        (NOW_S, NOW_S - far, NOW_S - far, 10_000, Err(TokenError::Expired)),
        (NOW_S + far, NOW_S, NOW_S - far, -5_000, Ok(())),
        (NOW_S + far, NOW_S, NOW_S - far, -5_001, Err(TokenError::NotActiveYet)),
        (NOW_S + far, NOW_S, NOW_S - far, -10_000, Err(TokenError::NotActiveYet)),
        (NOW_S + far, NOW_S - far, NOW_S, -5_000, Ok(())),
        (NOW_S + far, NOW_S - far, NOW_S, -5_001, Err(TokenError::IatInTheFuture)),
        (NOW_S + far, NOW_S - far, NOW_S, -10_000, Err(TokenError::IatInTheFuture)),
    ] {
        (claims.exp, claims.nbf, claims.iat) = (exp, nbf, iat);
        assert_eq!(check(&claims, &Checks::at(NOW_MS + offset_ms)), expected, "{offset_ms} ms");
    }
}

/// Clocks of applications that are ahead of or behind the server's, over a fresh token's life.
#[test]
fn s32_a_fresh_token_is_good_for_clocks_within_four_seconds() {
    let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", NOW_S);
    for offset_ms in (-4_000..=4_000).step_by(500) {
        for age_ms in (0..=60_000).step_by(5_000) {
            assert_eq!(
                check(&claims, &Checks::at(NOW_MS + age_ms + offset_ms)),
                Ok(()),
                "{offset_ms} {age_ms}"
            );
        }
    }
    assert_eq!(check(&claims, &Checks::at(NOW_MS - 10_000)), Err(TokenError::IatInTheFuture));
    assert_eq!(check(&claims, &Checks::at(NOW_MS + 60_000 + 10_000)), Err(TokenError::Expired));
}

#[test]
fn the_skew_is_the_callers() {
    let claims = session();
    let at_expiry = Checks::at((NOW_S + 60) * 1_000);
    assert_eq!(check(&claims, &at_expiry.clock_skew_ms(0)), Err(TokenError::Expired));
    assert_eq!(check(&claims, &at_expiry.clock_skew_ms(1)), Ok(()));
    assert_eq!(check(&claims, &Checks::at(NOW_MS).clock_skew_ms(0)), Ok(()));
    assert_eq!(check(&claims, &Checks::at(NOW_MS - 1).clock_skew_ms(0)), Err(TokenError::IatInTheFuture));
}

#[test]
fn times_at_the_end_of_numbers_do_not_wrap() {
    for (exp, nbf, iat, expected) in [
        (i64::MAX, i64::MIN, i64::MIN, Ok(())),
        (i64::MIN, i64::MIN, i64::MIN, Err(TokenError::Expired)),
        (i64::MAX, i64::MAX, i64::MIN, Err(TokenError::NotActiveYet)),
        (i64::MAX, i64::MIN, i64::MAX, Err(TokenError::IatInTheFuture)),
    ] {
        let mut claims = session();
        (claims.exp, claims.nbf, claims.iat) = (exp, nbf, iat);
        assert_eq!(check(&claims, &Checks::at(NOW_MS)), expected);
    }
    for now_ms in [i64::MIN, i64::MAX] {
        assert!(check(&session(), &Checks::at(now_ms)).is_err());
    }
}

#[test]
fn without_time_an_expired_token_is_good_and_a_forged_one_is_not() {
    let mut claims = session();
    claims.exp = 1;
    assert_eq!(check(&claims, &Checks::without_time()), Ok(()));
    let token = KEY.sign_session(KID, &claims).unwrap();
    let key = crate::support::OTHER_KEY.verifying_key();
    let outcome = UnverifiedToken::parse(&token).unwrap().verify_session(&key, &Checks::without_time());
    assert_eq!(outcome, Err(TokenError::InvalidSignature));
}

#[test]
fn s29_parties_issuers_and_audiences_must_be_named_when_asked_for() {
    let list = |text: &str| vec!["https://other.example".to_owned(), text.to_owned()];
    let (right, wrong) = (list("https://example.com"), list("https://example.com.evil.example"));
    let mut claims = session();
    let parties = |list| Checks::at(NOW_MS).authorized_parties(list);
    assert_eq!(check(&claims, &parties(&right)), Ok(()));
    assert_eq!(check(&claims, &parties(&wrong)), Err(TokenError::InvalidAuthorizedParties));
    claims.azp = None;
    assert_eq!(check(&claims, &parties(&right)), Err(TokenError::InvalidAuthorizedParties));

    let claims = session();
    let issuer = list("https://clerk.example.com");
    assert_eq!(check(&claims, &Checks::at(NOW_MS).issuers(&issuer)), Ok(()));
    assert_eq!(check(&claims, &Checks::at(NOW_MS).issuers(&right)), Err(TokenError::InvalidIssuer));

    let mut claims = session();
    let audience = list("api");
    assert_eq!(check(&claims, &Checks::at(NOW_MS).audiences(&audience)), Ok(()));
    assert_eq!(
        check(&claims, &Checks::at(NOW_MS).audiences(&right)),
        Err(TokenError::VerificationFailed("aud"))
    );
    claims.custom.shift_remove("aud");
    assert_eq!(
        check(&claims, &Checks::at(NOW_MS).audiences(&audience)),
        Err(TokenError::VerificationFailed("aud"))
    );
}

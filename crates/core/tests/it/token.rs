//! What stands in a token, by which of the two clocks, and for whom none is minted.

use crate::support::{NOW, bare_user, env_at};
use expect_test::expect;
use verger_core::client::Clocks;
use verger_core::jwt_template::TemplateFields;
use verger_core::session::{Ending, Origin, Proofs, SessionRules, SessionStatus};
use verger_core::token::{Minting, NotMinted, TokenVersion, judge, largest_claim};
use verger_core::{JwtTemplate, Session, User};
use verger_wire::UnixMillis;
use verger_wire::json::{Json, Object, parse};

/// The instance's clock was moved a day ahead.
const REAL: UnixMillis = UnixMillis(1_800_000_000_999);

struct World {
    user: User,
    session: Session,
    signed_at: UnixMillis,
}

fn object(text: &str) -> Object {
    let Ok(Json::Object(object)) = parse(text) else { panic!("{text}") };
    object
}

fn world(origin: Origin) -> World {
    let mut user = bare_user(&mut env_at(NOW));
    user.id = "user_1".into();
    let session = Session::begin(crate::session::new(origin), &SessionRules::default(), NOW).unwrap();
    World { user, session, signed_at: REAL.plus_ms(-10_000) }
}

impl World {
    fn minting(&self) -> Minting<'_> {
        Minting {
            issuer: "https://clerk.example.com",
            user: &self.user,
            session: &self.session,
            status: SessionStatus::Active,
            signed_at: self.signed_at,
            authorized_party: None,
            lifetime_seconds: None,
            token_id: [1; 10],
            clocks: Clocks { now: NOW.plus_ms(5 * 60_000), real: REAL },
        }
    }
}

fn template(claims: &str) -> JwtTemplate {
    let fields = TemplateFields {
        name: "t".to_owned(),
        claims: object(claims),
        lifetime_seconds: 90,
        clock_skew_seconds: 7,
        signing_key: None,
    };
    JwtTemplate::create("jtmp_1".into(), fields, NOW).unwrap()
}

#[test]
fn session_token_has_its_claims_in_both_versions() {
    let world = world(Origin::SignIn);
    let minting = Minting { authorized_party: Some("https://example.com"), ..world.minting() };
    expect![[r#"{"azp":"https://example.com","exp":1800000060,"fva":[5,-1],"iat":1800000000,"iss":"https://clerk.example.com","jti":"01010101010101010101","nbf":1799999990,"sid":"sess_1","sts":"active","sub":"user_1","v":2}"#]]
    .assert_eq(&minting.session_claims(TokenVersion::Two, 60, None).to_text());
    let pending = Minting { status: SessionStatus::Pending, ..world.minting() };
    expect![[r#"{"exp":1800000060,"fva":[5,-1],"iat":1800000000,"iss":"https://clerk.example.com","nbf":1799999990,"sid":"sess_1","sts":"pending","sub":"user_1"}"#]]
    .assert_eq(&pending.session_claims(TokenVersion::One, 60, None).to_text());
}

#[test]
fn custom_claims_follow_and_lifetimes_come_from_request_template_and_setting() {
    let world = world(Origin::ActorToken { actor: object(r#"{"sub":"user_2"}"#) });
    let custom = template(r#"{"who":"{{user.id}}"}"#);
    let claims = world.minting().session_claims(TokenVersion::Two, 60, Some(&custom));
    assert_eq!(claims.get("who"), Some(&Json::Text("user_1".to_owned())));
    assert_eq!(claims.get("act"), Some(&Json::Object(object(r#"{"sub":"user_2"}"#))));
    let lifetime = |minting: Minting<'_>, custom: Option<&JwtTemplate>| {
        let claims = minting.session_claims(TokenVersion::Two, 60, custom);
        let number = |name| match claims.get(name) {
            Some(Json::Number(number)) => number.as_i64().unwrap(),
            other => panic!("{name}: {other:?}"),
        };
        number("exp") - number("iat")
    };
    let asked = Minting { lifetime_seconds: Some(300), ..world.minting() };
    assert_eq!(lifetime(world.minting(), None), 60);
    assert_eq!(lifetime(world.minting(), Some(&custom)), 90);
    assert_eq!(lifetime(asked, Some(&custom)), 300);
}

#[test]
fn token_of_a_template_has_nothing_of_a_session_token() {
    let world = world(Origin::ActorToken { actor: object(r#"{"sub":"user_2"}"#) });
    let claims = world.minting().template_claims(&template(r#"{"aud":"x","who":"{{user.id}}"}"#));
    expect![[r#"{"aud":"x","who":"user_1","exp":1800000090,"iat":1800000000,"iss":"https://clerk.example.com","jti":"01010101010101010101","nbf":1799999993,"sub":"user_1"}"#]]
    .assert_eq(&claims.to_text());
}

#[test]
fn iat_is_real_time_rounded_down_and_never_before_the_last_sign_in() {
    let mut world = world(Origin::SignIn);
    let mut issued_at = |signed_at| {
        world.signed_at = signed_at;
        let claims = world.minting().session_claims(TokenVersion::Two, 60, None);
        claims.get("iat").cloned()
    };
    let seconds = |number: i64| Some(serde_json::Value::from(number).into());
    assert_eq!(issued_at(REAL), seconds(1_800_000_000));
    assert_eq!(issued_at(REAL.plus_ms(2000)), seconds(1_800_000_002));
    // A clock was wrong.
    assert_eq!(issued_at(UnixMillis(1_900_000_000_000)), seconds(1_800_000_060));
}

#[test]
fn no_token_for_a_session_that_is_over_or_a_user_who_is_banned() {
    let mut world = world(Origin::SignIn);
    let verdicts = |user: &User| {
        [SessionStatus::Active, SessionStatus::Pending, SessionStatus::Over(Ending::Revoked)]
            .map(|status| (judge(user, status, false), judge(user, status, true)))
    };
    let no = Err(NotMinted::NotSignedIn);
    assert_eq!(verdicts(&world.user), [(Ok(()), Ok(())), (Ok(()), Err(NotMinted::Pending)), (no, no)]);
    world.user.banned_at = Some(NOW);
    assert_eq!(verdicts(&world.user), [(no, no); 3]);
}

#[test]
fn largest_claim_is_named() {
    let claims = object(r#"{"a":"xxxx","b":{"c":"xxxxxxxx"},"d":1}"#);
    assert_eq!(largest_claim(&claims), Some("b"));
    assert_eq!(largest_claim(&Object::new()), None);
    let proofs = Proofs::default();
    assert_eq!((proofs.first, proofs.second), (None, None));
}

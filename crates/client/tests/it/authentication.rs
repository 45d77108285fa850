//! Keys out of a key set: when they are asked for, and what a service that cannot be reached means.

use serde_json::json;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    Authenticator, IncomingRequest, SessionClaims, TokenError, UnixMillis, VerifyTokenError,
};
use verger_jwt::SigningKey;

const START_S: i64 = 1_795_000_000;
static KEYS: LazyLock<[SigningKey; 2]> =
    LazyLock::new(|| [(); 2].map(|()| SigningKey::generate_rs256().unwrap()));
const KIDS: [&str; 2] = ["ins_old", "ins_new"];

/// The key set with these keys.
fn set(which: &[usize]) -> Answer {
    let keys: Vec<_> = which.iter().map(|at| KEYS[*at].verifying_key().to_jwk(KIDS[*at])).collect();
    Answer::json(200, json!({ "keys": keys }))
}

struct Bench {
    mock: MockTransport,
    now_s: Arc<AtomicI64>,
    authenticator: Authenticator,
}

impl Bench {
    fn new() -> Self {
        let mock = MockTransport::new();
        let now_s = Arc::new(AtomicI64::new(START_S));
        let clock = Arc::clone(&now_s);
        let authenticator = mock
            .client()
            .authenticator()
            .clock(move || UnixMillis(clock.load(Ordering::Relaxed) * 1_000))
            .build()
            .unwrap();
        Self { mock, now_s, authenticator }
    }

    /// Verifies a token that the key has signed now; tells the reason of a refusal.
    async fn verify(&self, which: usize) -> Result<(), &'static str> {
        let token = self.token(which);
        self.authenticator.verify_token(&token).await.map(drop).map_err(|error| error.reason())
    }

    fn token(&self, which: usize) -> String {
        let now_s = self.now_s.load(Ordering::Relaxed);
        let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", now_s);
        KEYS[which].sign_session(KIDS[which], &claims).unwrap()
    }

    fn pass_s(&self, seconds: i64) {
        self.now_s.fetch_add(seconds, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.mock.requests().len()
    }
}

#[tokio::test]
async fn a_key_set_is_asked_for_once_in_five_minutes() {
    let bench = Bench::new();
    bench.mock.push(set(&[0]));
    for _ in 0..3 {
        assert_eq!(bench.verify(0).await, Ok(()));
        bench.pass_s(99);
    }
    assert_eq!(bench.asked(), 1);
    let request = &bench.mock.requests()[0];
    assert_eq!((request.method().as_str(), request.path()), ("GET", "/v1/jwks"));
    bench.pass_s(3);
    bench.mock.push(set(&[0]));
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn many_requests_at_once_ask_once() {
    let bench = Bench::new();
    bench.mock.push(set(&[0]));
    let token = bench.token(0);
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (authenticator, token) = (bench.authenticator.clone(), token.clone());
            tokio::spawn(async move { authenticator.verify_token(&token).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(bench.asked(), 1);
}

#[tokio::test]
async fn a_key_that_is_published_in_advance_verifies_when_it_begins_to_sign() {
    let bench = Bench::new();
    bench.mock.push(set(&[0, 1]));
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.verify(1).await, Ok(()));
    assert_eq!(bench.asked(), 1);
}

#[tokio::test]
async fn an_unknown_key_asks_again_and_not_at_every_request() {
    let bench = Bench::new();
    bench.mock.push(set(&[0]));
    assert_eq!(bench.verify(0).await, Ok(()));
    // Anybody can make up a key id.
    for _ in 0..9 {
        assert_eq!(bench.verify(1).await, Err("jwk-kid-mismatch"));
        bench.pass_s(1);
    }
    assert_eq!(bench.asked(), 1);
    bench.pass_s(1);
    bench.mock.push(set(&[0, 1]));
    assert_eq!(bench.verify(1).await, Ok(()));
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_away_verifies_no_more() {
    let bench = Bench::new();
    bench.mock.push(set(&[0, 1]));
    assert_eq!(bench.verify(0).await, Ok(()));
    bench.pass_s(300);
    bench.mock.push(set(&[1]));
    assert_eq!(bench.verify(0).await, Err("jwk-kid-mismatch"));
    assert_eq!(bench.verify(1).await, Ok(()));
}

#[tokio::test]
async fn known_keys_are_good_for_an_hour_while_the_service_is_away() {
    let bench = Bench::new();
    bench.mock.push(set(&[0]));
    assert_eq!(bench.verify(0).await, Ok(()));
    bench.pass_s(3_500);
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.asked(), 2);
    bench.pass_s(29);
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.asked(), 2);
    bench.pass_s(70);
    assert_eq!(bench.verify(0).await, Ok(()));
    assert_eq!(bench.asked(), 3);
    // A key that was never seen is not waited for either.
    assert_eq!(bench.verify(1).await, Err("jwk-remote-failed-to-load"));
    assert_eq!(bench.asked(), 3);
    bench.pass_s(1);
    assert_eq!(bench.verify(0).await, Err("jwk-remote-failed-to-load"));
    assert_eq!(bench.asked(), 4);
}

#[tokio::test]
async fn without_a_key_set_nothing_is_known_about_a_token() {
    for (answer, reason) in [
        (Answer::error(503, "service_unavailable", None), "jwk-remote-failed-to-load"),
        (Answer::json(200, json!({"keys": []})), "jwk-remote-failed-to-load"),
        (Answer::error(401, "clerk_key_invalid", None), "secret-key-invalid"),
    ] {
        let bench = Bench::new();
        bench.mock.push(answer);
        assert_eq!(bench.verify(0).await, Err(reason));
        let request =
            IncomingRequest::new("GET", "https://app.example.com/").header("authorization", bench.token(0));
        let state = bench.authenticator.authenticate_request(&request).await.unwrap();
        assert_eq!(state.reason(), Some(reason));
        assert_eq!(bench.asked(), 1);
    }
}

#[tokio::test]
async fn a_token_of_a_template_is_verified_as_one_and_as_nothing_else() {
    let bench = Bench::new();
    bench.mock.push(set(&[0]));
    let claims = verger_client::TemplateClaims::new("https://clerk.example.com", "user_1", START_S, 60, 5);
    let token = KEYS[0].sign_template(Some(KIDS[0]), &claims).unwrap();
    assert_eq!(bench.authenticator.verify_template_token(&token).await.unwrap(), claims);
    assert_eq!(bench.authenticator.verify_token(&token).await.unwrap_err().reason(), "token-type-mismatch");
    let error = bench.authenticator.verify_template_token(&bench.token(0)).await.unwrap_err();
    assert_eq!(error.reason(), "token-type-mismatch");
    bench.pass_s(66);
    assert_eq!(
        bench.authenticator.verify_template_token(&token).await.unwrap_err().reason(),
        "token-expired"
    );
}

#[tokio::test]
async fn a_token_that_is_none_asks_for_no_keys() {
    let bench = Bench::new();
    for token in ["", "x", "a.b.c", &".".repeat(1 << 20)] {
        let error = bench.authenticator.verify_token(token).await.unwrap_err();
        assert!(matches!(error, VerifyTokenError::Token(TokenError::Invalid(_))), "{error}");
    }
    assert_eq!(bench.asked(), 0);
}

#[test]
fn an_authenticator_that_makes_no_sense_is_not_built() {
    use verger_client::{OrganizationSync, Satellite};
    let pem = KEYS[0].verifying_key().to_pem().unwrap();
    let builder = || Authenticator::builder().jwt_key(pem.as_str());
    assert!(builder().build().is_ok());
    let development = "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k";
    let satellite = |domain: Option<&str>, sign_in_url: Option<&str>| Satellite {
        domain: domain.map(str::to_owned),
        sign_in_url: sign_in_url.map(str::to_owned),
        auto_sync: false,
    };
    let patterns = OrganizationSync { organizations: vec!["orgs".to_owned()], ..OrganizationSync::default() };
    for builder in [
        Authenticator::builder(),
        Authenticator::builder().jwt_key("no key"),
        builder().publishable_key("pk_test_x"),
        builder().proxy_url("no url"),
        builder().publishable_key(development).satellite(satellite(Some("satellite.example"), None)),
        builder().satellite(satellite(Some("satellite.example"), Some("no url"))),
        builder().satellite(satellite(None, Some("https://example.com/sign-in"))),
        builder().organization_sync(patterns),
    ] {
        assert!(builder.build().unwrap_err().is_refused());
    }
}

#[tokio::test]
async fn cookies_cannot_be_read_without_a_publishable_key() {
    let bench = Bench::new();
    let request = IncomingRequest::new("GET", "https://app.example.com/");
    assert!(bench.authenticator.authenticate_request(&request).await.unwrap_err().is_refused());
    let request = IncomingRequest::new("GET", "/path").header("authorization", bench.token(0));
    assert!(bench.authenticator.authenticate_request(&request).await.unwrap_err().is_refused());
}

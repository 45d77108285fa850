//! Tokens of the server under test, in the community Rust client's authorizer, with the keys of the server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use clerk_rs::clerk::Clerk;
use clerk_rs::validators::authorizer::{
    ClerkAuthorizer, ClerkError, ClerkJwt, ClerkRequest, validate_jwt_with_key,
};
use clerk_rs::validators::jwks::{JwksKey, MemoryCacheJwksProvider};
use serde_json::{Value, json};
use verger_client::{Client, Method};
use verger_jwt::{SessionClaims, SigningKey};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A request with headers alone.
struct Incoming(HashMap<&'static str, String>);

impl ClerkRequest for Incoming {
    fn get_header(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn get_cookie(&self, _: &str) -> Option<String> {
        None
    }
}

fn with_token(token: &str) -> Incoming {
    Incoming(HashMap::from([("Authorization", format!("Bearer {token}"))]))
}

fn authorizer() -> ClerkAuthorizer<MemoryCacheJwksProvider> {
    match verger_interop_clerk_rs::configuration_from_env() {
        Ok(configuration) => {
            ClerkAuthorizer::new(MemoryCacheJwksProvider::new(Clerk::new(configuration)), true)
        }
        Err(sentence) => panic!("{sentence}"),
    }
}

fn client() -> Result<Client, verger_client::Error> {
    Client::from_env()
}

#[expect(clippy::disallowed_methods, reason = "the authorizer goes by the clock of the machine")]
fn now_s() -> Result<i64, Box<dyn std::error::Error>> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}

async fn post(client: &Client, path: &str, body: Value) -> Result<Value, verger_client::Error> {
    client.request(Method::Post, path).json(&body).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// User, session and token of somebody who signs in now.
async fn sign_in(client: &Client) -> Result<(String, String, String), verger_client::Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let address =
        format!("clerk-rs-token-{}-{}@example.com", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let user = post(client, "/v1/users", json!({ "email_address": [address] })).await?;
    let session = post(client, "/v1/sessions", json!({"user_id": user["id"]})).await?;
    let path = format!("/v1/sessions/{}/tokens", text(&session["id"]));
    let token = post(client, &path, json!({})).await?;
    Ok((text(&user["id"]), text(&session["id"]), text(&token["jwt"])))
}

async fn authorize(token: &str) -> Result<ClerkJwt, ClerkError> {
    authorizer().authorize(&with_token(token)).await
}

#[tokio::test]
async fn somebody_who_is_signed_in() -> TestResult {
    let (user, session, token) = sign_in(&client()?).await?;
    let claims = authorize(&token).await?;
    assert_eq!((claims.sub, claims.sid), (user, Some(session)));
    assert_eq!(claims.other.get("sts"), Some(&json!("active")));
    Ok(())
}

#[tokio::test]
async fn a_revoked_session_gives_no_more_tokens_and_its_last_one_runs_out() -> TestResult {
    let client = client()?;
    let (_, session, token) = sign_in(&client).await?;
    let revoked = post(&client, &format!("/v1/sessions/{session}/revoke"), json!({})).await?;
    assert_eq!(revoked["status"], "revoked");
    let refused = post(&client, &format!("/v1/sessions/{session}/tokens"), json!({})).await;
    let error = refused.err().ok_or("a revoked session gave a token")?;
    assert_eq!((error.status(), error.code()), (Some(401), Some("authentication_invalid")));
    assert!(authorize(&token).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_tampered_token() -> TestResult {
    let client = client()?;
    let (_, _, token) = sign_in(&client).await?;
    let (_, _, other) = sign_in(&client).await?;
    let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
    let (token, other) = (parts(&token), parts(&other));
    let mixed = format!("{}.{}.{}", token[0], other[1], token[2]);
    assert!(matches!(authorize(&mixed).await, Err(ClerkError::Unauthorized(_))));
    Ok(())
}

#[tokio::test]
async fn a_token_of_another_instance() -> TestResult {
    let key = SigningKey::generate_rs256()?;
    let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", now_s()?);
    let token = key.sign_session("ins_000000000000000000000000000", &claims)?;
    assert!(matches!(authorize(&token).await, Err(ClerkError::Unauthorized(_))));
    // And one that says the key of the server has signed it.
    let instance = client()?.request(Method::Get, "/v1/jwks").await?;
    let token = key.sign_session(&text(&instance["keys"][0]["kid"]), &claims)?;
    assert!(matches!(authorize(&token).await, Err(ClerkError::Unauthorized(_))));
    Ok(())
}

#[tokio::test]
async fn a_template_token_is_taken_for_a_session_token_by_this_client() -> TestResult {
    let client = client()?;
    let (user, session, _) = sign_in(&client).await?;
    let name = format!("clerk-rs-{}", now_s()?);
    let template =
        post(&client, "/v1/jwt_templates", json!({"name": name, "claims": {"role": "editor"}})).await?;
    let token = post(&client, &format!("/v1/sessions/{session}/tokens/{name}"), json!({})).await?;
    client.request(Method::Delete, &format!("/v1/jwt_templates/{}", text(&template["id"]))).await?;
    // It looks at neither `typ` nor `cat`; what it then lacks is the session.
    let claims = authorize(&text(&token["jwt"])).await?;
    assert_eq!((claims.sub, claims.sid), (user, None));
    assert_eq!(claims.other.get("role"), Some(&json!("editor")));
    Ok(())
}

/// The authorizer's clock cannot be moved, and its library waits another minute: the token is one that a key of this test signed.
#[tokio::test]
async fn an_expired_token() -> TestResult {
    let key = SigningKey::generate_rs256()?;
    let jwk = key.verifying_key().to_jwk("ins_1").ok_or("no RSA key")?;
    let jwk: JwksKey = serde_json::from_value(serde_json::to_value(jwk)?)?;
    for (age_s, is_good) in [(0, true), (60 + 50, true), (60 + 70, false), (86_400, false)] {
        let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", now_s()? - age_s);
        let outcome = validate_jwt_with_key(&key.sign_session("ins_1", &claims)?, &jwk);
        assert_eq!(outcome.is_ok(), is_good, "{age_s} s old: {outcome:?}");
    }
    Ok(())
}

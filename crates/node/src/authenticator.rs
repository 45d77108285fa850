//! Who made a request.

use crate::client::NativeClient;
use crate::runtime::{CLIENTS, promise};
use napi::Env;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use verger_client::{
    AuthState, Authenticator, IncomingRequest, OrganizationSync, Satellite, TokenError, UnixMillis,
    VerifyTokenError,
};

/// What JavaScript chose, as the official SDK names it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    publishable_key: Option<String>,
    jwt_key: Option<String>,
    proxy_url: Option<String>,
    domain: Option<String>,
    sign_in_url: Option<String>,
    is_satellite: bool,
    satellite_auto_sync: bool,
    authorized_parties: Vec<String>,
    audience: Vec<String>,
    clock_skew_in_ms: Option<u64>,
    organization_patterns: Vec<String>,
    personal_account_patterns: Vec<String>,
}

#[derive(Deserialize)]
struct Incoming {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

/// An authenticator; shared by all requests with the same options.
#[napi]
pub struct NativeAuthenticator {
    authenticator: Authenticator,
    /// What JavaScript takes for the time, at the latest request: tests move it.
    now_ms: Arc<AtomicI64>,
}

/// An authenticator, or why there is none. Without a client it needs a JWT key.
#[napi]
pub fn create_authenticator(
    client: Option<&NativeClient>,
    options: String,
) -> Either<NativeAuthenticator, String> {
    match build(client, &options) {
        Ok(authenticator) => Either::A(authenticator),
        Err(why) => Either::B(why),
    }
}

fn build(client: Option<&NativeClient>, options: &str) -> Result<NativeAuthenticator, String> {
    let options: Options =
        serde_json::from_str(options).map_err(|_| "the options have a field of a wrong type".to_owned())?;
    let now_ms = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&now_ms);
    let mut builder = match client {
        Some(client) => client.client.authenticator(),
        None => Authenticator::builder(),
    }
    .clock(move || UnixMillis(clock.load(Ordering::Relaxed)))
    .authorized_parties(options.authorized_parties)
    .audiences(options.audience)
    .organization_sync(OrganizationSync {
        organizations: options.organization_patterns,
        personal_accounts: options.personal_account_patterns,
    });
    if let Some(key) = options.publishable_key {
        builder = builder.publishable_key(key);
    }
    if let Some(pem) = options.jwt_key {
        builder = builder.jwt_key(pem);
    }
    if let Some(url) = options.proxy_url {
        builder = builder.proxy_url(url);
    }
    if let Some(skew_ms) = options.clock_skew_in_ms {
        builder = builder.clock_skew(Duration::from_millis(skew_ms));
    }
    if options.is_satellite {
        builder = builder.satellite(Satellite {
            domain: options.domain,
            sign_in_url: options.sign_in_url,
            auto_sync: options.satellite_auto_sync,
        });
    }
    let authenticator = builder.build().map_err(|error| error.to_string())?;
    Ok(NativeAuthenticator { authenticator, now_ms })
}

#[napi]
impl NativeAuthenticator {
    /// What is known about a request; a promise of `{"ok":…}` or `{"error":{"message":…}}`.
    #[napi]
    pub fn authenticate_request<'env>(
        &self,
        env: &'env Env,
        now_ms: i64,
        request: String,
    ) -> napi::Result<Object<'env>> {
        self.now_ms.store(now_ms, Ordering::Relaxed);
        let authenticator = self.authenticator.clone();
        let work = async move {
            let Ok(request) = serde_json::from_str::<Incoming>(&request) else {
                return failed("the request has half of a surrogate pair in it".to_owned());
            };
            let incoming = IncomingRequest::new(request.method, request.url);
            let incoming = request
                .headers
                .into_iter()
                .fold(incoming, |incoming, (name, value)| incoming.header(&name, value));
            match authenticator.authenticate_request(&incoming).await {
                Ok(state) => json!({ "ok": described(&state) }).to_string(),
                Err(error) => failed(error.to_string()),
            }
        };
        promise(env, &CLIENTS, work, failed)
    }

    /// Whether a token is good, of a session or of a JWT template; a promise of `{"ok":true}` or
    /// `{"error":{"message":…,"reason":…}}`.
    #[napi]
    pub fn verify_token<'env>(
        &self,
        env: &'env Env,
        now_ms: i64,
        token: String,
    ) -> napi::Result<Object<'env>> {
        self.now_ms.store(now_ms, Ordering::Relaxed);
        let authenticator = self.authenticator.clone();
        let work = async move {
            let outcome = match authenticator.verify_token(&token).await {
                Err(VerifyTokenError::Token(TokenError::TypeMismatch)) => {
                    authenticator.verify_template_token(&token).await.map(drop)
                }
                outcome => outcome.map(drop),
            };
            match outcome {
                Ok(()) => r#"{"ok":true}"#.to_owned(),
                Err(error) => {
                    json!({ "error": { "message": error.to_string(), "reason": error.reason() } }).to_string()
                }
            }
        };
        promise(env, &CLIENTS, work, failed)
    }
}

fn described(state: &AuthState) -> Value {
    let headers = state.headers();
    match state {
        AuthState::SignedIn(session) | AuthState::Pending(session) => {
            json!({ "status": "signed-in", "token": session.token, "headers": headers })
        }
        AuthState::SignedOut(out) => {
            json!({ "status": "signed-out", "reason": out.reason, "message": out.message, "headers": headers })
        }
        AuthState::Handshake(out) => {
            json!({ "status": "handshake", "reason": out.reason, "message": out.message, "headers": headers })
        }
        // There are no others yet.
        _ => {
            json!({ "status": "signed-out", "reason": "unexpected-error", "message": "", "headers": headers })
        }
    }
}

fn failed(message: String) -> String {
    json!({ "error": { "message": message } }).to_string()
}

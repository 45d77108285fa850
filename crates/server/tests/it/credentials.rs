//! Passwords, TOTP and backup codes over HTTP (contract sections 3 and 6).

mod guessing;
mod passwords;
mod second_factors;
mod secrets;

use crate::support::{Answer, TestApp};
use serde_json::{Value, json};
use verger_credentials::TotpSecret;

/// What every vector of the digests is of.
const PASSWORD: &str = "Verger-test-1!";
const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

impl TestApp {
    /// A user with these fields besides an email address.
    async fn user_with(&self, at: usize, fields: Value) -> String {
        let mut body = json!({ "email_address": [format!("user-{at}@example.com")] });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.user(body).await
    }

    async fn verify_password(&self, user: &str, password: &str) -> Answer {
        self.post(&format!("/v1/users/{user}/verify_password"), json!({ "password": password })).await
    }

    async fn verify_totp(&self, user: &str, code: &str) -> Answer {
        self.post(&format!("/v1/users/{user}/verify_totp"), json!({ "code": code })).await
    }

    async fn read(&self, user: &str) -> Value {
        self.get(&format!("/v1/users/{user}")).await.ok().clone()
    }
}

/// What the authenticator shows at this moment.
fn code_at(now_ms: i64) -> String {
    TotpSecret::parse(TOTP_SECRET).unwrap().code_at(now_ms)
}

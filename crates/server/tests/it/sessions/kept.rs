//! That no secret is where it could be found later: in what is kept of an answer, in the log, in the trail.

use super::tables::{Tables, tables_with};
use super::{mint, signed_in, text};
use crate::logged::Log;
use crate::support::TestApp;
use serde_json::{Value, json};

/// What is kept for an `Idempotency-Key` has neither a ticket nor a digest that a password could be guessed by.
#[tokio::test]
async fn s39_answers_that_are_kept_give_no_secret_away() {
    let (app, tables) = Tables::of_a_server().await;
    let keyed = async |key: &str, path: &str, body: Value| {
        let ask = || app.call("POST", path).header("idempotency-key", key).json(&body).send();
        let (first, again) = (ask().await, ask().await);
        assert_eq!(first.ok(), again.ok(), "{path}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{path}");
        first.body
    };
    let (password, totp, code) =
        ("a rare one of mine", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "0123-45678-9abc");
    let fields = json!({
        "skip_user_requirement": true, "password": password, "totp_secret": totp, "backup_codes": [code],
    });
    let user = text(&keyed("1", "/v1/users", fields.clone()).await["id"]);
    let right = json!({ "password": password });
    keyed("2", &format!("/v1/users/{user}/verify_password"), right.clone()).await;
    let typed = json!({ "code": code });
    keyed("3", &format!("/v1/users/{user}/verify_totp"), typed.clone()).await;
    let ticket = keyed("4", "/v1/sign_in_tokens", json!({ "user_id": user })).await;
    let actor = json!({ "user_id": user, "actor": { "sub": "user_1" } });
    let actor = keyed("5", "/v1/actor_tokens", actor).await;
    let invited = keyed("6", "/v1/invitations", json!({ "email_address": "eve@example.com" })).await;
    let many = json!([{ "email_address": "eva@example.com" }, { "email_address": "evi@example.com" }]);
    let many = keyed("7", "/v1/invitations/bulk", many).await;
    let template = json!({ "name": "own", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
        "signing_key": "a secret of a template of the application" });
    keyed("8", "/v1/jwt_templates", template).await;
    let endpoint = keyed("9", "/verger/v1/webhook_endpoints", json!({ "url": "https://example.com/" })).await;
    let mut secrets = vec![password.to_owned(), totp.to_owned(), code.to_owned(), code.replace('-', "")];
    secrets.push("a secret of a template".to_owned());
    secrets.extend([text(&ticket["token"]), text(&actor["token"])]);
    let of_url = |url: &Value| text(url).rsplit_once("ticket=").unwrap().1.to_owned();
    secrets.extend([of_url(&invited["url"]), of_url(&many[0]["url"]), of_url(&many[1]["url"])]);
    secrets.extend(endpoint["secret"].as_str().map(str::to_owned));
    // Nor what a guess could be compared with: plain digests of what was sent.
    let texts = [
        password.to_owned(),
        code.to_owned(),
        code.replace('-', ""),
        right.to_string(),
        typed.to_string(),
        fields.to_string(),
    ];
    for text in texts {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        secrets.push(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect());
    }
    let rows = tables.rows();
    for secret in secrets {
        assert_eq!(tables_with(&rows, std::slice::from_ref(&secret)), [""; 0], "{secret}");
    }
    for known in [user, "eve@example.com".to_owned()] {
        assert!(!tables_with(&rows, &[known]).is_empty(), "what is there is found");
    }
}

#[tokio::test]
async fn no_token_ticket_or_key_is_in_a_log_or_the_trail() {
    let log = Log::default();
    let _guard = log.listen(tracing::Level::TRACE);
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let key = "a secret of a template of the application";
    let own = json!({ "name": "own", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
        "signing_key": key });
    app.post("/v1/jwt_templates", own).await.ok();
    let mut secrets = vec![key.to_owned()];
    secrets.push(text(&mint(&app, &session).await.ok()["jwt"]));
    let of_template = app.post(&format!("/v1/sessions/{session}/tokens/own"), json!({})).await;
    secrets.push(text(&of_template.ok()["jwt"]));
    secrets.push(text(&app.post("/v1/sign_in_tokens", json!({ "user_id": user })).await.ok()["token"]));
    let actor = json!({ "user_id": user, "actor": { "sub": "user_1" } });
    secrets.push(text(&app.post("/v1/actor_tokens", actor).await.ok()["token"]));
    let invited = app.post("/v1/invitations", json!({ "email_address": "eve@example.com" })).await;
    secrets.push(text(&invited.ok()["url"]).rsplit_once("ticket=").unwrap().1.to_owned());
    secrets.push(text(&app.post("/v1/testing_tokens", json!({})).await.ok()["token"]));
    // Refused ones as well, wherever they stand.
    for secret in ["ticket_of_a_stranger", "client_secret_of_a_stranger", "refresh_of_a_stranger"] {
        app.post("/v1/clients/verify", json!({ "token": secret })).await;
        let refresh = json!({ "expired_token": secret, "refresh_token": secret, "request_origin": "https://example.com" });
        app.post(&format!("/v1/sessions/{session}/refresh"), refresh).await;
        let host = [("host", "clerk.development.example.com"), ("clerk-secret-key", secret)];
        app.page("GET", &format!("/.well-known/jwks.json?__session={secret}"), &host).await;
        app.get(&format!("/v1/sessions?__clerk_ticket={secret}")).await;
        secrets.push(secret.to_owned());
    }
    let seen =
        [log.text(), app.get("/verger/v1/audit_log").await.text, app.get("/verger/v1/messages").await.text];
    for (at, seen) in seen.iter().enumerate() {
        for secret in &secrets {
            let parts: Vec<_> = secret.split('.').collect();
            // The inbox of a development instance shows what a person would get by email.
            let is_in_a_letter = at == 2 && secret.starts_with("ticket_");
            let is_seen = seen.contains(secret.as_str()) || parts.len() == 3 && seen.contains(parts[2]);
            assert!(!is_seen || is_in_a_letter, "{secret} is in {seen}");
        }
    }
    assert!(!seen[0].is_empty(), "something was logged");
}

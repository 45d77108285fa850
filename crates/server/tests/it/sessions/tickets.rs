//! Sign-in tokens and actor tokens.

use crate::support::{START, TestApp};
use serde_json::{Value, json};

#[tokio::test]
async fn sign_in_token_is_shown_once_and_revoked_once() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let created = app.post("/v1/sign_in_tokens", json!({ "user_id": user })).await.ok().clone();
    let token = created["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("ticket_") && token.len() == 50, "{token}");
    let url = format!("https://clerk.development.example.com/v1/tickets/accept?ticket={token}");
    let expected = json!({
        "object": "sign_in_token", "id": created["id"], "status": "pending", "user_id": user, "token": token,
        "url": url, "created_at": START, "updated_at": START,
    });
    assert_eq!(created, expected);
    let path = format!("/v1/sign_in_tokens/{}/revoke", created["id"].as_str().unwrap());
    app.tick();
    let revoked = app.post(&path, json!({})).await.ok().clone();
    assert_eq!(
        (&revoked["status"], revoked.get("token"), revoked.get("url")),
        (&json!("revoked"), None, None)
    );
    assert_eq!(app.post(&path, json!({})).await.refusal(), (400, "sign_in_token_cannot_be_revoked_code"));
    for (body, refusal) in [
        (json!({ "user_id": "user_nobody" }), (404, "resource_not_found")),
        (json!({}), (422, "form_param_missing")),
        (json!({ "user_id": user, "org_id": "org_1" }), (422, "form_param_unknown")),
        (json!({ "user_id": user, "expires_in_seconds": 0 }), (422, "form_param_value_invalid")),
    ] {
        assert_eq!(app.post("/v1/sign_in_tokens", body.clone()).await.refusal(), refusal, "{body}");
    }
    // Null is the default; unknown fields are ignored, as the document leaves them open.
    let open = json!({ "user_id": user, "org_id": null, "expires_in_seconds": null, "more": 1 });
    app.post("/v1/sign_in_tokens", open).await.ok();
}

#[tokio::test]
async fn actor_token_says_who_acts() {
    let app = TestApp::new().await;
    let (user, actor) = (app.bare_user().await, app.bare_user().await);
    let body = json!({ "user_id": user, "actor": { "sub": actor, "reason": ["support", 7] } });
    let created = app.post("/v1/actor_tokens", body.clone()).await.ok().clone();
    assert_eq!((&created["actor"], &created["status"]), (&body["actor"], &json!("pending")));
    assert!(created["id"].as_str().unwrap().starts_with("act_") && created["url"].is_string());
    let path = format!("/v1/actor_tokens/{}/revoke", created["id"].as_str().unwrap());
    assert_eq!(app.post(&path, json!({})).await.ok()["status"], "revoked");
    assert_eq!(app.post(&path, json!({})).await.refusal(), (400, "actor_token_cannot_be_revoked_code"));
    for (actor, refusal) in [
        (json!({}), (422, "form_param_missing")),
        (json!({ "sub": "" }), (422, "form_param_missing")),
        (json!({ "sub": 7 }), (422, "form_param_missing")),
        (Value::Null, (422, "form_param_null")),
        // It stands in every session token, which is a cookie, for every reader of JSON.
        (json!({ "sub": "a", "more": "x".repeat(1_200) }), (422, "form_param_exceeds_allowed_size")),
        (json!({ "sub": "a", "$serde_json::private::Number": "1" }), (422, "form_param_value_invalid")),
    ] {
        let refused = app.post("/v1/actor_tokens", json!({ "user_id": user, "actor": actor })).await;
        assert_eq!(refused.status, refusal.0, "{actor}: {}", refused.text);
    }
    let nobody =
        app.post("/v1/actor_tokens", json!({ "user_id": "user_nobody", "actor": { "sub": "a" } })).await;
    assert_eq!(nobody.refusal(), (404, "resource_not_found"));
}

/// Contract section 6: what is kept for the key is sealed, for there is a secret in it.
#[tokio::test]
async fn repeated_request_gives_the_same_ticket() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let ask = async || {
        let call = app.call("POST", "/v1/sign_in_tokens").header("idempotency-key", "one");
        call.json(&json!({ "user_id": user })).send().await
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first.ok(), second.ok());
    let dry = app.call("POST", "/v1/sign_in_tokens").header("prefer", "dry-run");
    dry.json(&json!({ "user_id": user })).send().await.ok();
}

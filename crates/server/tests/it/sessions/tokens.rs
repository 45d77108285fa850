//! Session tokens.

use super::{begin, mint, set, signed_in, text, verified};
use crate::support::{START, TestApp};
use expect_test::expect;
use serde_json::{Value, json};

/// The claims, with what is random or an id in words.
fn readable(claims: &Value, user: &str, session: &str) -> String {
    let mut claims = claims.clone();
    if let Some(jti) = claims.get_mut("jti") {
        assert!(jti.as_str().is_some_and(|jti| jti.len() == 20), "{jti}");
        *jti = "random".into();
    }
    claims.to_string().replace(user, "USER").replace(session, "SESSION")
}

#[tokio::test]
async fn session_token_says_what_sdks_read() {
    let app = TestApp::new().await;
    app.advance_ms(999);
    let (user, session) = signed_in(&app).await;
    app.advance_ms(59_999);
    let answer = mint(&app, &session).await.ok().clone();
    assert_eq!(answer["object"], "token");
    let (header, claims) = verified(&app, &text(&answer["jwt"])).await;
    let instance = app.instance_id().await;
    let expected = json!({ "alg": "RS256", "typ": "JWT", "kid": instance, "cat": "cl_B7d4PD111AAA" });
    assert_eq!(header, expected);
    // `iat` is rounded down: 1,800,000,060.998.
    expect![[r#"{"exp":1800000120,"fva":[-1,-1],"iat":1800000060,"iss":"https://clerk.development.example.com","jti":"random","nbf":1800000050,"sid":"SESSION","sts":"active","sub":"USER","v":2}"#]]
        .assert_eq(&readable(&claims, &user, &session));
    // Two tokens are two.
    let other = verified(&app, &text(&mint(&app, &session).await.ok()["jwt"])).await.1;
    assert_ne!(claims["jti"], other["jti"]);
    let long =
        app.post(&format!("/v1/sessions/{session}/tokens"), json!({ "expires_in_seconds": 3600 })).await;
    let (_, long) = verified(&app, &text(&long.ok()["jwt"])).await;
    assert_eq!(long["exp"].as_i64().unwrap() - long["iat"].as_i64().unwrap(), 3600);
    for (seconds, code) in [
        (29, "form_param_value_invalid"),
        (-1, "form_param_value_invalid"),
        (315_360_001, "form_param_value_too_large"),
    ] {
        let refused = app
            .post(&format!("/v1/sessions/{session}/tokens"), json!({ "expires_in_seconds": seconds }))
            .await;
        assert_eq!(refused.refusal(), (422, code), "{seconds}");
    }
    // Without a body, and with null.
    app.call("POST", &format!("/v1/sessions/{session}/tokens")).send().await.ok();
    app.post(&format!("/v1/sessions/{session}/tokens"), json!({ "expires_in_seconds": null })).await.ok();
    set(&app, json!({ "sessions": { "token_version": 1, "token_lifetime_seconds": 30 } })).await;
    let (_, first_version) = verified(&app, &text(&mint(&app, &session).await.ok()["jwt"])).await;
    expect![[r#"{"exp":1800000090,"fva":[-1,-1],"iat":1800000060,"iss":"https://clerk.development.example.com","nbf":1800000050,"sid":"SESSION","sts":"active","sub":"USER"}"#]]
        .assert_eq(&readable(&first_version, &user, &session));
    assert_eq!(mint(&app, "sess_nobody").await.refusal(), (404, "resource_not_found"));
}

#[tokio::test]
async fn claims_of_the_session_template_stand_in_every_session_token() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let metadata = json!({ "public_metadata": { "plan": { "seats": 1.50 } } });
    app.patch(&format!("/v1/users/{user}/metadata"), metadata).await.ok();
    let claims = json!({
        "seats": "{{user.public_metadata.plan.seats}}", "hello": "I am {{user.id}}", "none": "{{user.first_name || 'x'}}",
    });
    let template = json!({ "name": "__session", "claims": claims, "lifetime": 120 });
    let template = app.post("/v1/jwt_templates", template).await.ok().clone();
    let jwt = text(&mint(&app, &session).await.ok()["jwt"]);
    let (_, minted) = verified(&app, &jwt).await;
    assert_eq!((&minted["seats"], &minted["none"]), (&json!(1.5), &json!("x")));
    assert_eq!(minted["hello"], format!("I am {user}"));
    assert_eq!(minted["exp"].as_i64().unwrap() - minted["iat"].as_i64().unwrap(), 120);
    // What is in the user is in the next token (contract section 2).
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    let (_, next) = verified(&app, &text(&mint(&app, &session).await.ok()["jwt"])).await;
    assert_eq!(next["none"], "Ada");
    // One that would be too long for a cookie is refused, and says what takes the room.
    let long = json!({ "public_metadata": { "plan": { "seats": "x".repeat(2_400) } } });
    app.patch(&format!("/v1/users/{user}/metadata"), long).await.ok();
    let refused = mint(&app, &session).await;
    assert_eq!(refused.refusal(), (400, "session_token_too_large"));
    assert!(refused.text.contains("seats"), "{}", refused.text);
    let empty = json!({ "name": "__session", "claims": {} });
    app.patch(&format!("/v1/jwt_templates/{}", text(&template["id"])), empty).await.ok();
    mint(&app, &session).await.ok();
    // It is no template to ask for.
    let asked = app.post(&format!("/v1/sessions/{session}/tokens/__session"), json!({})).await;
    assert_eq!(asked.refusal(), (404, "resource_not_found"));
}

#[tokio::test]
async fn use_of_a_session_is_written_later_and_is_no_change() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let later = app.tick();
    mint(&app, &session).await.ok();
    let shown = async || app.get(&format!("/v1/sessions/{session}")).await.ok().clone();
    assert_eq!(shown().await["last_active_at"], START);
    app.app.write_activities().await;
    let written = shown().await;
    assert_eq!((&written["last_active_at"], &written["updated_at"]), (&json!(later), &json!(START)));
    let user = app.get(&format!("/v1/users/{user}")).await.ok().clone();
    assert_eq!((&user["last_active_at"], &user["last_sign_in_at"]), (&json!(later), &json!(START)));
    assert_eq!(user["updated_at"], START);
    let other = begin(&app, &text(&user["id"])).await;
    assert_eq!(other["last_active_at"], later);
}

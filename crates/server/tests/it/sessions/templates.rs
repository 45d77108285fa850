//! JWT templates and their tokens.

use super::{decoded, signed_in, text, verified};
use crate::support::{START, TestApp};
use serde_json::{Value, json};
use verger_jwt::{Algorithm, Checks, SigningKey, UnverifiedToken};

const SECRET: &str = "a secret that is long enough for HS256";

#[tokio::test]
async fn templates_are_made_changed_listed_and_deleted() {
    let app = TestApp::new().await;
    let body = json!({ "name": "billing", "claims": { "a": "{{user.id}}" } });
    let created = app.post("/v1/jwt_templates", body.clone()).await.ok().clone();
    let id = text(&created["id"]);
    let expected = json!({
        "object": "jwt_template", "id": id, "name": "billing", "claims": { "a": "{{user.id}}" }, "lifetime": 60,
        "allowed_clock_skew": 5, "custom_signing_key": false, "signing_algorithm": "RS256", "created_at": START,
        "updated_at": START,
    });
    assert_eq!(created, expected);
    assert_eq!(*app.get(&format!("/v1/jwt_templates/{id}")).await.ok(), created);
    assert_eq!(*app.get("/v1/jwt_templates").await.ok(), json!([created]));
    let page = app.get("/v1/jwt_templates?paginated=true").await;
    assert_eq!(*page.ok(), json!({ "data": [created], "total_count": 1 }));
    let later = app.tick();
    let change = json!({ "name": "billing-2", "claims": {}, "lifetime": 30, "allowed_clock_skew": 0 });
    let changed = app.patch(&format!("/v1/jwt_templates/{id}"), change).await.ok().clone();
    assert_eq!((&changed["name"], &changed["lifetime"]), (&json!("billing-2"), &json!(30)));
    assert_eq!((&changed["updated_at"], &changed["created_at"]), (&json!(later), &json!(START)));
    app.post("/v1/jwt_templates", body.clone()).await.ok();
    let taken = app.patch(&format!("/v1/jwt_templates/{id}"), body).await;
    assert_eq!((taken.status, taken.param()), (422, "name"));
    let deleted = app.delete(&format!("/v1/jwt_templates/{id}")).await;
    assert_eq!(*deleted.ok(), json!({ "id": id, "object": "jwt_template", "deleted": true }));
    assert_eq!(app.delete(&format!("/v1/jwt_templates/{id}")).await.refusal(), (404, "resource_not_found"));
    let session = app.post("/v1/jwt_templates", json!({ "name": "__session", "claims": {} })).await;
    let path = format!("/v1/jwt_templates/{}", text(&session.ok()["id"]));
    assert_eq!(app.delete(&path).await.refusal(), (403, "session_token_jwt_template"));
    let renamed = app.patch(&path, json!({ "name": "other", "claims": {} })).await;
    assert_eq!(renamed.refusal(), (403, "session_token_jwt_template"));
}

#[tokio::test]
async fn templates_that_break_a_rule_are_refused() {
    let app = TestApp::new().await;
    let with = |fields: Value| {
        let mut body = json!({ "name": "one", "claims": {} });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    let key = |algorithm: &str, key: &str| {
        with(json!({ "custom_signing_key": true, "signing_algorithm": algorithm, "signing_key": key }))
    };
    for (body, refusal) in [
        (with(json!({ "claims": { "sub": "me" } })), (400, "jwt_template_reserved_claim")),
        (with(json!({ "claims": { "handshake": [] } })), (400, "jwt_template_reserved_claim")),
        (with(json!({ "claims": { "a": "x".repeat(1_200) } })), (422, "form_param_exceeds_allowed_size")),
        (with(json!({ "claims": "text" })), (422, "form_param_type_invalid")),
        (json!({ "name": "one" }), (422, "form_param_missing")),
        (json!({ "claims": {} }), (422, "form_param_missing")),
        (with(json!({ "name": "" })), (422, "form_param_min_length_exceeded")),
        (with(json!({ "name": "a/b" })), (422, "form_param_format_invalid")),
        (with(json!({ "lifetime": 29 })), (422, "form_param_value_invalid")),
        (with(json!({ "allowed_clock_skew": 301 })), (422, "form_param_value_too_large")),
        (with(json!({ "custom_signing_key": true })), (422, "form_param_missing")),
        (key("none", "x"), (422, "form_param_value_invalid")),
        (key("RS256", "no key"), (422, "form_param_value_invalid")),
        (key("HS256", &"x".repeat(31)), (422, "form_param_value_invalid")),
        (key("HS384", &"x".repeat(47)), (422, "form_param_value_invalid")),
        (key("HS512", &"x".repeat(63)), (422, "form_param_value_invalid")),
        // Nobody who sends a key may get tokens that another has signed.
        (
            with(json!({ "signing_algorithm": "HS256", "signing_key": SECRET })),
            (422, "form_param_value_invalid"),
        ),
        (with(json!({ "signing_key": SECRET })), (422, "form_param_value_invalid")),
        (with(json!({ "signing_algorithm": "HS256" })), (422, "form_param_value_invalid")),
        (
            with(json!({ "custom_signing_key": false, "signing_algorithm": "HS256" })),
            (422, "form_param_value_invalid"),
        ),
        (
            json!({ "name": "__session", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
                "signing_key": SECRET }),
            (422, "form_param_value_invalid"),
        ),
    ] {
        let answer = app.post("/v1/jwt_templates", body.clone()).await;
        assert_eq!(answer.status, refusal.0, "{body}: {}", answer.text);
        if !refusal.1.contains("format") && !refusal.1.contains("type") {
            assert_eq!(answer.code(), refusal.1, "{body}");
        }
    }
    assert_eq!(*app.get("/v1/jwt_templates").await.ok(), json!([]));
}

#[tokio::test]
async fn claims_are_what_every_reader_of_json_can_read() {
    let app = TestApp::new().await;
    for claims in [
        r#"{"a":1e999}"#.to_owned(),
        r#"{"a":[{"b":-1e999}]}"#.to_owned(),
        format!(r#"{{"a":{}}}"#, "1".repeat(401)),
        r#"{"$serde_json::private::Number":"1"}"#.to_owned(),
        r#"{"a":{"$serde_json::private::RawValue":"1"}}"#.to_owned(),
    ] {
        let body = format!(r#"{{"name":"one","claims":{claims}}}"#);
        let refused = app.call("POST", "/v1/jwt_templates").body(body).send().await;
        refused.refused(422, "form_param_value_invalid", "claims");
    }
    // However it is written, a reserved name is one; and one name twice is none.
    let escaped = r#"{"name":"one","claims":{"\u0069ss":"https://evil.example"}}"#;
    let refused = app.call("POST", "/v1/jwt_templates").body(escaped).send().await;
    refused.refused(400, "jwt_template_reserved_claim", "claims");
    let twice = r#"{"name":"one","claims":{"a":1,"a":2}}"#;
    let refused = app.call("POST", "/v1/jwt_templates").body(twice).send().await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let long_key = json!({ "name": "one", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
        "signing_key": "x".repeat(20_000) });
    let refused = app.post("/v1/jwt_templates", long_key).await;
    refused.refused(422, "form_param_value_invalid", "signing_key");
    assert_eq!(*app.get("/v1/jwt_templates").await.ok(), json!([]));
}

/// Shortcodes do not count when a template is saved: what comes of them is bounded where a token is minted.
#[tokio::test]
async fn templates_that_explode_are_refused_before_they_are_signed() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    // What a user writes is no template, in whichever place it stands.
    let metadata =
        json!({ "public_metadata": { "a": "x".repeat(4_000) }, "unsafe_metadata": { "b": "{{user.id}}" } });
    app.patch(&format!("/v1/users/{user}/metadata"), metadata).await.ok();
    let claims = |times: usize| json!({ "all": "{{user.public_metadata}}".repeat(times), "{{user.id}}": "{{user.unsafe_metadata.b}}" });
    let mut paths = Vec::new();
    for name in ["__session", "other"] {
        let template = json!({ "name": name, "claims": claims(300) });
        let made = app.post("/v1/jwt_templates", template).await.ok().clone();
        paths.push((name, format!("/v1/jwt_templates/{}", text(&made["id"]))));
    }
    for path in [format!("/v1/sessions/{session}/tokens"), format!("/v1/sessions/{session}/tokens/other")] {
        let refused = app.post(&path, json!({})).await;
        assert_eq!(refused.refusal(), (400, "session_token_too_large"), "{path}");
        assert!(refused.text.contains("claim all takes most"), "{}", refused.text);
    }
    // Two of them are 8 KB, which is too much for a cookie alone.
    for (name, path) in &paths {
        app.patch(path, json!({ "name": name, "claims": claims(2) })).await.ok();
    }
    let refused = app.post(&format!("/v1/sessions/{session}/tokens"), json!({})).await;
    assert_eq!(refused.refusal(), (400, "session_token_too_large"));
    let minted = app.post(&format!("/v1/sessions/{session}/tokens/other"), json!({})).await;
    let (_, claims) = verified(&app, &text(&minted.ok()["jwt"])).await;
    assert_eq!(claims["{{user.id}}"], "{{user.id}}", "neither a key nor a value of the user is one");
}

/// Contract section 1: a key stays published for 25 hours after another has begun to sign.
#[tokio::test]
async fn templates_that_outlive_a_key_are_named_before_it_is_rotated() {
    let app = TestApp::new().await;
    let own_key = json!({ "custom_signing_key": true, "signing_algorithm": "HS256", "signing_key": SECRET });
    for (name, lifetime, key) in [
        ("a day", 86_400, json!({})),
        ("longer", 86_401, json!({})),
        ("of another key", 315_360_000, own_key),
    ] {
        let mut template = json!({ "name": name, "claims": {}, "lifetime": lifetime });
        template.as_object_mut().unwrap().extend(key.as_object().unwrap().clone());
        app.post("/v1/jwt_templates", template).await.ok();
    }
    let dry = app.call("POST", "/verger/v1/signing_keys").header("prefer", "dry-run").json(&json!({}));
    assert_eq!(dry.send().await.ok()["long_lived_templates"], json!(["longer"]));
    let listed = app.get("/verger/v1/signing_keys").await.ok().clone();
    assert_eq!((listed.as_array().unwrap().len(), listed[0].get("long_lived_templates")), (1, None));
    let rotated = app.post("/verger/v1/signing_keys", json!({})).await;
    assert_eq!(rotated.ok()["long_lived_templates"], json!(["longer"]));
}

#[tokio::test]
async fn token_of_a_template_has_its_claims_and_passes_for_no_session_token() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let body = json!({ "name": "my billing", "claims": { "aud": "billing", "who": "{{user.id}}" }, "lifetime": 300,
        "allowed_clock_skew": 7 });
    app.post("/v1/jwt_templates", body).await.ok();
    let minted = app.post(&format!("/v1/sessions/{session}/tokens/my%20billing"), json!({})).await;
    let (header, claims) = verified(&app, &text(&minted.ok()["jwt"])).await;
    assert_eq!(header["cat"], "cl_B7d4PD222AAA");
    assert_eq!(
        (&claims["aud"], &claims["who"], &claims["sub"]),
        (&json!("billing"), &json!(user), &json!(user))
    );
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!((seconds("exp") - seconds("iat"), seconds("iat") - seconds("nbf")), (300, 7));
    for of_session in ["sid", "sts", "fva", "v", "azp"] {
        assert_eq!(claims.get(of_session), None, "{of_session}");
    }
    let unknown = app.post(&format!("/v1/sessions/{session}/tokens/none"), json!({})).await;
    assert_eq!(unknown.refusal(), (404, "resource_not_found"));
    app.post(&format!("/v1/sessions/{session}/revoke"), json!({})).await.ok();
    let over = app.post(&format!("/v1/sessions/{session}/tokens/my%20billing"), json!({})).await;
    assert_eq!(over.refusal(), (401, "authentication_invalid"));
}

#[tokio::test]
async fn template_with_a_key_of_its_own_never_signs_under_a_kid_of_ours() {
    let app = TestApp::new().await;
    let (_, session) = signed_in(&app).await;
    let body = |key: Option<&str>| {
        json!({ "name": "own", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
            "signing_key": key })
    };
    let created = app.post("/v1/jwt_templates", body(Some(SECRET))).await.ok().clone();
    assert_eq!(
        (&created["custom_signing_key"], &created["signing_algorithm"]),
        (&json!(true), &json!("HS256"))
    );
    assert!(!created.to_string().contains(SECRET));
    let check = async || {
        let minted = app.post(&format!("/v1/sessions/{session}/tokens/own"), json!({})).await;
        let jwt = text(&minted.ok()["jwt"]);
        let (header, _) = decoded(&jwt);
        assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT", "cat": "cl_B7d4PD222AAA" }));
        let key = SigningKey::from_text(Algorithm::Hs256, SECRET).unwrap().verifying_key();
        let checks = Checks::without_time().algorithms(&[Algorithm::Hs256]);
        UnverifiedToken::parse(&jwt).unwrap().verify_template(&key, &checks).unwrap();
    };
    check().await;
    // A change without the key keeps it; one to another algorithm needs another.
    let path = format!("/v1/jwt_templates/{}", text(&created["id"]));
    app.patch(&path, body(None)).await.ok();
    check().await;
    let mut other = body(None);
    other["signing_algorithm"] = "HS512".into();
    assert_eq!(app.patch(&path, other).await.refusal(), (422, "form_param_missing"));
    // Neither does a change drop it that names it but does not ask for it.
    let half = json!({ "name": "own", "claims": {}, "signing_algorithm": "HS256" });
    app.patch(&path, half).await.refused(422, "form_param_value_invalid", "signing_algorithm");
    check().await;
    // Without it the instance's signs again; what the answer says may be sent back.
    app.patch(&path, json!({ "name": "own", "claims": {} })).await.ok();
    let answered = json!({ "name": "own", "claims": {}, "custom_signing_key": false, "signing_algorithm": "RS256",
        "signing_key": "" });
    app.patch(&path, answered).await.ok();
    let other = format!("/v1/sessions/{session}/tokens/theirs");
    let missing = app.post(&other, json!({})).await;
    assert_eq!(missing.refusal(), (404, "resource_not_found"));
    assert!(missing.text.contains("with this name"), "{}", missing.text);
    let minted = app.post(&format!("/v1/sessions/{session}/tokens/own"), json!({})).await;
    verified(&app, &text(&minted.ok()["jwt"])).await;
}

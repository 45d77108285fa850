//! Sessions, their tokens, clients, JWT templates and tickets, by the Backend API.

mod attacks;
mod deletion;
mod events;
mod kept;
mod lists;
mod model;
mod secrets;
mod signing_out;
mod tables;
mod templates;
mod tickets;
mod tokens;

use crate::support::{Answer, PRODUCTION_KEY, START, TestApp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use verger_jwt::{Algorithm, VerifyingKey};
use verger_store::{Change, Write};

pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A session of this user.
pub(crate) async fn begin(app: &TestApp, user: &str) -> Value {
    app.post("/v1/sessions", json!({ "user_id": user })).await.ok().clone()
}

/// A new user with a session: the ids of both.
pub(crate) async fn signed_in(app: &TestApp) -> (String, String) {
    let user = app.bare_user().await;
    let session = begin(app, &user).await;
    (user, text(&session["id"]))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub(crate) async fn mint(app: &TestApp, session: &str) -> Answer {
    app.post(&format!("/v1/sessions/{session}/tokens"), json!({})).await
}

/// Header and claims of a token that one of the published keys signed.
pub(crate) async fn verified(app: &TestApp, jwt: &str) -> (Value, Value) {
    let (header, claims) = decoded(jwt);
    let instance = app.instance_id().await;
    let keys = app.store.instance(&instance).signing_keys(far()).await.unwrap().keys;
    let stored = keys.iter().find(|stored| stored.key.id.as_str() == header["kid"]).expect("a published key");
    let key = VerifyingKey::from_pem(Algorithm::Rs256, &stored.public_key).unwrap();
    let token = verger_jwt::UnverifiedToken::parse(jwt).unwrap();
    let checks = verger_jwt::Checks::without_time();
    match header["cat"].as_str() {
        Some("cl_B7d4PD111AAA") => drop(token.verify_session(&key, &checks).unwrap()),
        Some("cl_B7d4PD222AAA") => drop(token.verify_template(&key, &checks).unwrap()),
        other => panic!("{other:?}"),
    }
    (header, claims)
}

pub(crate) fn decoded(jwt: &str) -> (Value, Value) {
    let mut parts = jwt.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut next = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (next(), next())
}

/// Sets something of the development instance, for the requests that follow.
pub(crate) async fn set(app: &TestApp, patch: Value) {
    let instance = app.instance_id().await;
    let scoped = app.store.instance(&instance);
    let before = scoped.settings(far()).await.unwrap();
    let now = app.now();
    let after = before.patch(patch.as_object().unwrap(), now).unwrap();
    let write = Write { changes: vec![Change::update(before, after).into()], ..Write::at(now) };
    scoped.save(&write, far()).await.unwrap();
    app.app.forget_instance(&instance);
}

#[tokio::test]
async fn session_without_a_sign_in_is_for_tests() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "skip_user_requirement": true })).await;
    let session = begin(&app, &user).await;
    let instance = app.instance_id().await;
    assert!(text(&session["id"]).starts_with("sess_") && text(&session["client_id"]).starts_with("client_"));
    let expected = json!({
        "object": "session", "id": session["id"], "user_id": user, "client_id": session["client_id"], "actor": null,
        "status": "active", "last_active_organization_id": null, "last_active_at": START, "latest_activity": null,
        "expire_at": START + 7 * 86_400_000, "abandon_at": START + 30 * 86_400_000_i64, "updated_at": START,
        "created_at": START, "tasks": null,
    });
    assert_eq!(session, expected);
    assert_eq!(*app.get(&format!("/v1/sessions/{}", text(&session["id"]))).await.ok(), session);
    let shown = app.get(&format!("/v1/users/{user}")).await;
    assert_eq!(
        (&shown.ok()["last_sign_in_at"], &shown.body["last_active_at"]),
        (&json!(START), &json!(START))
    );
    // Of another instance it is unknown, and production has none.
    let foreign = app.call("GET", &format!("/v1/sessions/{}", text(&session["id"]))).key(PRODUCTION_KEY);
    assert_eq!(foreign.send().await.refusal(), (404, "resource_not_found"));
    let production = app.call("POST", "/v1/sessions").key(PRODUCTION_KEY).json(&json!({ "user_id": user }));
    assert_eq!(production.send().await.refusal(), (400, "request_invalid_for_environment"));
    for (body, expected) in [
        (json!({ "user_id": "user_nobody" }), (404, "resource_not_found")),
        (json!({}), (422, "form_param_missing")),
        (json!({ "user_id": user, "active_organization_id": "org_1" }), (422, "form_param_unknown")),
    ] {
        let answer = app.post("/v1/sessions", body.clone()).await;
        assert_eq!(answer.refusal(), expected, "{body}");
    }
    app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
    let banned = app.post("/v1/sessions", json!({ "user_id": user })).await;
    assert_eq!(banned.refusal(), (403, "user_banned"));
    // A dry run begins nothing.
    let other = app.bare_user().await;
    let dry = app.call("POST", "/v1/sessions").header("prefer", "dry-run").json(&json!({ "user_id": other }));
    dry.send().await.ok();
    let (_, total) = app
        .store
        .instance(&instance)
        .sessions(&Default::default(), &Default::default(), verger_wire::UnixMillis(START), (10, 0), far())
        .await
        .unwrap();
    assert_eq!(total, 1);
}

#[tokio::test]
async fn s20_nothing_leads_out_of_an_end_and_revoking_again_changes_nothing() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    app.tick();
    let path = format!("/v1/sessions/{session}");
    let revoked = app.post(&format!("{path}/revoke"), json!({})).await.ok().clone();
    assert_eq!(revoked["status"], "revoked");
    app.tick();
    assert_eq!(*app.post(&format!("{path}/revoke"), json!({})).await.ok(), revoked);
    app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
    app.post(&format!("/v1/users/{user}/unban"), json!({})).await.ok();
    assert_eq!(*app.get(&path).await.ok(), revoked);
    assert_eq!(mint(&app, &session).await.refusal(), (401, "authentication_invalid"));
    let unknown = app.post("/v1/sessions/sess_nobody/revoke", json!({})).await;
    assert_eq!(unknown.refusal(), (404, "resource_not_found"));
}

#[tokio::test]
async fn s14_ban_and_deletion_end_every_session_at_once_and_a_lock_ends_none() {
    let app = TestApp::new().await;
    let (user, first) = signed_in(&app).await;
    let second = text(&begin(&app, &user).await["id"]);
    let (other, of_other) = signed_in(&app).await;
    app.post(&format!("/v1/users/{user}/lock"), json!({})).await.ok();
    mint(&app, &first).await.ok();
    app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
    for session in [&first, &second] {
        assert_eq!(mint(&app, session).await.refusal(), (401, "authentication_invalid"));
        assert_eq!(app.get(&format!("/v1/sessions/{session}")).await.ok()["status"], "revoked");
    }
    app.post(&format!("/v1/users/{user}/unban"), json!({})).await.ok();
    assert_eq!(mint(&app, &first).await.status, 401);
    mint(&app, &of_other).await.ok();
    // Several at once.
    let third = text(&begin(&app, &user).await["id"]);
    app.post("/v1/users/ban", json!({ "user_ids": [user, other] })).await.ok();
    for session in [&third, &of_other] {
        assert_eq!(mint(&app, session).await.status, 401);
    }
    app.post("/v1/users/unban", json!({ "user_ids": [user, other] })).await.ok();
    let last = text(&begin(&app, &user).await["id"]);
    app.delete(&format!("/v1/users/{user}")).await.ok();
    for session in [&first, &third, &last] {
        assert_eq!(mint(&app, session).await.refusal(), (404, "resource_not_found"));
        assert_eq!(app.get(&format!("/v1/sessions/{session}")).await.status, 404);
    }
}

/// Contract section 8, rule 1: also when it was minted at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn s18_no_session_survives_a_ban_that_it_began_beside() {
    let app = TestApp::new().await;
    for _ in 0..20 {
        let user = app.bare_user().await;
        let beginnings = (0..8).map(|_| {
            let (app, body) = (app.clone(), json!({ "user_id": user }));
            tokio::spawn(async move { app.post("/v1/sessions", body).await })
        });
        let beginnings: Vec<_> = beginnings.collect();
        app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
        for beginning in beginnings {
            let answer = beginning.await.unwrap();
            if answer.status == 200 {
                assert_eq!(mint(&app, &text(&answer.body["id"])).await.status, 401);
            } else {
                assert_eq!(answer.refusal(), (403, "user_banned"));
            }
        }
        let open = app.get(&format!("/v1/sessions?user_id={user}&status=active")).await;
        assert_eq!(*open.ok(), json!([]));
    }
}

#[tokio::test]
async fn s19_shorter_life_binds_sessions_that_exist() {
    let app = TestApp::new().await;
    let (_, session) = signed_in(&app).await;
    app.advance_ms(2 * 3_600_000);
    mint(&app, &session).await.ok();
    set(&app, json!({ "sessions": { "lifetime_seconds": 3600 } })).await;
    assert_eq!(mint(&app, &session).await.refusal(), (401, "authentication_invalid"));
    assert_eq!(app.get(&format!("/v1/sessions/{session}")).await.ok()["status"], "expired");
    set(&app, json!({ "sessions": { "lifetime_seconds": 604_800 } })).await;
    // A setting that is lengthened again brings it not back.
    assert_eq!(mint(&app, &session).await.refusal(), (401, "authentication_invalid"));
    assert_eq!(app.get(&format!("/v1/sessions/{session}")).await.ok()["status"], "expired");
}

#[tokio::test]
async fn s43_user_of_a_session_comes_from_the_session_alone() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let other = app.bare_user().await;
    for path in
        [format!("/v1/sessions/{session}/tokens?user_id={other}"), format!("/v1/sessions/{session}/tokens")]
    {
        let body = json!({ "user_id": other, "sub": other, "sid": "sess_other", "session_id": "sess_other" });
        let minted = app.post(&path, body).await;
        let (_, claims) = verified(&app, &text(&minted.ok()["jwt"])).await;
        assert_eq!((&claims["sub"], &claims["sid"]), (&json!(user), &json!(session)));
    }
}

#[tokio::test]
async fn s25_sessions_tickets_and_templates_of_another_instance_are_unknown() {
    let app = TestApp::new().await;
    let (user, session) = signed_in(&app).await;
    let client = text(&app.get(&format!("/v1/sessions/{session}")).await.ok()["client_id"]);
    let template = app.post("/v1/jwt_templates", json!({ "name": "one", "claims": {} })).await;
    let template = text(&template.ok()["id"]);
    let ticket = text(&app.post("/v1/sign_in_tokens", json!({ "user_id": user })).await.ok()["id"]);
    for (method, path) in [
        ("GET", format!("/v1/sessions/{session}")),
        ("POST", format!("/v1/sessions/{session}/revoke")),
        ("POST", format!("/v1/sessions/{session}/tokens")),
        ("POST", format!("/v1/sessions/{session}/tokens/one")),
        ("GET", format!("/v1/clients/{client}")),
        ("GET", format!("/v1/jwt_templates/{template}")),
        ("DELETE", format!("/v1/jwt_templates/{template}")),
        ("POST", format!("/v1/sign_in_tokens/{ticket}/revoke")),
        ("POST", format!("/v1/actor_tokens/{ticket}/revoke")),
    ] {
        let answer = app.call(method, &path).key(PRODUCTION_KEY).send().await;
        assert_eq!(answer.refusal(), (404, "resource_not_found"), "{method} {path}");
        // A sign-in token is no actor token.
        let own = app.call(method, &path).send().await;
        assert_eq!(own.status == 404, path.starts_with("/v1/actor_tokens"), "{method} {path}");
    }
}

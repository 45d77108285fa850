//! Rows of the security requirements of sign-in that concern sessions, tokens and whose they are.

use super::{begin, far, mint, set, signed_in, text, verified};
use crate::access::body_for;
use crate::support::{PRODUCTION_KEY, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use verger_core::client::{Clocks, SecretDigest};
use verger_core::session::{NewSession, Origin, Proofs, SessionRules};
use verger_core::{Client, Session};
use verger_credentials::token::TokenKind;
use verger_server::CallerKind;
use verger_server::router::ROUTES;
use verger_store::{Change, Write};

/// A session that a sign-in began, which has tasks, unlike one of the Backend API.
async fn sign_in(app: &TestApp, user: &str) -> String {
    let instance = app.instance_id().await;
    let scoped = app.store.instance(&instance);
    let user = scoped.load_user(&user.into(), far()).await.unwrap().unwrap();
    let settings = scoped.settings(far()).await.unwrap();
    let now = app.now();
    let (session_id, client_id, random) = {
        let mut env = app.app.env();
        (env.session_id(), env.client_id(), env.bytes())
    };
    let digest = TokenKind::ClientSecret.lookup(&TokenKind::ClientSecret.token(random)).unwrap();
    let client = Client::create(client_id.clone(), SecretDigest(digest), Clocks { now, real: now });
    let new = NewSession {
        id: session_id.clone(),
        user_id: user.id.clone(),
        client_id,
        origin: Origin::SignIn,
        second_factor_demanded: user.two_factor_enabled(),
        proofs: Proofs { first: Some(now), second: user.two_factor_enabled().then_some(now) },
        activity: None,
        life_ms_max: None,
    };
    let session = Session::begin(new, &SessionRules::of(&settings), now).unwrap();
    let changes = vec![
        Change { before: None, after: Some(client) }.into(),
        Change { before: None, after: Some(session) }.into(),
    ];
    scoped.save(&Write { changes, ..Write::at(now) }, far()).await.unwrap();
    session_id.to_string()
}

/// The claims of the next token.
async fn next_token(app: &TestApp, session: &str) -> Value {
    let jwt = text(&mint(app, session).await.ok()["jwt"]);
    let claims = verified(app, &jwt).await.1;
    // However long a verifier believes an older one.
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 60, "{claims}");
    claims
}

#[tokio::test]
async fn s21_bans_roles_and_factors_are_in_the_next_token() {
    let app = TestApp::new().await;
    let fields = json!({ "email_address": ["ada@example.com"], "password": "a rare one of mine" });
    let user = app.user(fields).await;
    let path = format!("/v1/users/{user}");
    let claims = json!({ "mfa": "{{user.two_factor_enabled}}", "role": "{{user.public_metadata.role}}" });
    app.post("/v1/jwt_templates", json!({ "name": "__session", "claims": claims })).await.ok();
    app.post("/v1/jwt_templates", json!({ "name": "other", "claims": {} })).await.ok();
    let session = sign_in(&app, &user).await;
    let of_template = async || app.post(&format!("/v1/sessions/{session}/tokens/other"), json!({})).await;
    let expect = async |sts: &str, mfa: bool, role: Value| {
        let claims = next_token(&app, &session).await;
        assert_eq!(
            (&claims["sts"], &claims["mfa"], &claims["role"]),
            (&json!(sts), &json!(mfa), &role),
            "{claims}"
        );
        let shown = app.get(&format!("/v1/sessions/{session}")).await.ok().clone();
        assert_eq!((&shown["status"], shown["tasks"].is_null()), (&json!(sts), sts == "active"));
        let template_status = if sts == "active" { 200 } else { 403 };
        assert_eq!(of_template().await.status, template_status, "a pending session has none of a template");
    };
    expect("active", false, Value::Null).await;
    app.patch(&format!("{path}/metadata"), json!({ "public_metadata": { "role": "admin" } })).await.ok();
    expect("active", false, json!("admin")).await;
    app.patch(&format!("{path}/metadata"), json!({ "public_metadata": { "role": null } })).await.ok();
    app.patch(&path, json!({ "totp_secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" })).await.ok();
    expect("active", true, Value::Null).await;
    // A second factor is required from now on: whoever has none has a task.
    set(&app, json!({ "second_factors": { "required": true } })).await;
    expect("active", true, Value::Null).await;
    app.delete(&format!("{path}/totp")).await.ok();
    expect("pending", false, Value::Null).await;
    assert_eq!(of_template().await.refusal(), (403, "authorization_invalid"));
    set(&app, json!({ "second_factors": { "required": false } })).await;
    expect("active", false, Value::Null).await;
    app.post(&format!("{path}/password/set_compromised"), json!({})).await.ok();
    expect("pending", false, Value::Null).await;
    app.patch(&path, json!({ "password": "another rare one" })).await.ok();
    expect("active", false, Value::Null).await;
    app.post(&format!("{path}/ban"), json!({})).await.ok();
    assert_eq!(mint(&app, &session).await.refusal(), (401, "authentication_invalid"));
    assert_eq!(of_template().await.refusal(), (401, "authentication_invalid"));
}

/// Contract section 2: with a change of the password, and where it is known to others, the sessions end in the same batch.
#[tokio::test(flavor = "multi_thread")]
async fn s18_no_token_is_minted_behind_a_reset() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "email_address": ["ada@example.com"] })).await;
    let path = format!("/v1/users/{user}");
    let password =
        |at: usize| json!({ "password": format!("a rare one {at}"), "sign_out_of_other_sessions": true });
    app.patch(&path, password(0)).await.ok();
    let (_, of_other) = signed_in(&app).await;
    for round in 1..=6 {
        let sessions = [text(&begin(&app, &user).await["id"]), sign_in(&app, &user).await];
        let minting = sessions.clone().map(|session| {
            let app = app.clone();
            tokio::spawn(async move {
                let mut refused = 0;
                for _ in 0..10 {
                    let status = mint(&app, &session).await.status;
                    assert!(status == 401 || refused == 0, "a token behind a refusal");
                    refused += usize::from(status == 401);
                }
            })
        });
        let done = match round % 3 {
            0 => {
                app.post(&format!("{path}/remove_password"), json!({ "sign_out_of_other_sessions": true }))
                    .await
            }
            1 => app.patch(&path, password(round)).await,
            _ => {
                let all = json!({ "revoke_all_sessions": true });
                app.post(&format!("{path}/password/set_compromised"), all).await
            }
        };
        done.ok();
        for session in &sessions {
            assert_eq!(mint(&app, session).await.refusal(), (401, "authentication_invalid"), "round {round}");
            assert_eq!(app.get(&format!("/v1/sessions/{session}")).await.ok()["status"], "revoked");
        }
        for minting in minting {
            minting.await.unwrap();
        }
        app.patch(&path, password(round + 100)).await.ok();
    }
    // Without the word none ends.
    let kept = text(&begin(&app, &user).await["id"]);
    app.patch(&path, json!({ "password": "the last rare one" })).await.ok();
    app.post(&format!("{path}/remove_password"), json!({})).await.ok();
    mint(&app, &kept).await.ok();
    mint(&app, &of_other).await.ok();
}

/// One of everything that the development instance has: the placeholders of paths, and what stands there.
async fn one_of_each(app: &TestApp) -> Vec<(&'static str, String)> {
    let fields = json!({
        "email_address": ["ada@example.com"], "phone_number": ["+12015550100"], "password": "a rare one of mine",
        "totp_secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "backup_codes": ["wxyz-12345-mnop"],
    });
    let user = app.post("/v1/users", fields).await.ok().clone();
    let user_id = text(&user["id"]);
    let session = begin(app, &user_id).await;
    let id = async |path: &str, body: Value| text(&app.post(path, body).await.ok()["id"]);
    let of_user = json!({ "user_id": user_id });
    let actor = json!({ "user_id": user_id, "actor": { "sub": user_id } });
    let keys = app.get("/verger/v1/signing_keys").await.ok().clone();
    vec![
        ("{user_id}", user_id.clone()),
        ("{email_address_id}", text(&user["email_addresses"][0]["id"])),
        ("{phone_number_id}", text(&user["phone_numbers"][0]["id"])),
        ("{session_id}", text(&session["id"])),
        ("{client_id}", text(&session["client_id"])),
        ("{template_id}", id("/v1/jwt_templates", json!({ "name": "one", "claims": {} })).await),
        ("{template_name}", "one".to_owned()),
        ("{sign_in_token_id}", id("/v1/sign_in_tokens", of_user).await),
        ("{actor_token_id}", id("/v1/actor_tokens", actor).await),
        ("{invitation_id}", id("/v1/invitations", json!({ "email_address": "eve@example.com" })).await),
        (
            "/allowlist_identifiers/{identifier_id}",
            id("/v1/allowlist_identifiers", json!({ "identifier": "example.com" })).await,
        ),
        (
            "/blocklist_identifiers/{identifier_id}",
            id("/v1/blocklist_identifiers", json!({ "identifier": "example.net" })).await,
        ),
        ("/redirect_urls/{id}", id("/v1/redirect_urls", json!({ "url": "https://example.com/done" })).await),
        (
            "{webhook_endpoint_id}",
            id("/verger/v1/webhook_endpoints", json!({ "url": "https://example.com/" })).await,
        ),
        ("{signing_key_id}", text(&keys[0]["id"])),
    ]
}

/// The path with ids in the places of its names; `None` if it has another name.
fn filled(path: &str, ids: &[(&'static str, String)]) -> Option<String> {
    let mut filled = path.to_owned();
    for (name, id) in ids {
        if let Some(place) = filled.find(name) {
            let from = place + name.find('{').unwrap();
            filled.replace_range(from..place + name.len(), id);
        }
    }
    (!filled.contains('{')).then_some(filled)
}

/// What the instance shows of all that it has.
async fn everything(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for path in [
        "/v1/users",
        "/v1/sessions",
        "/v1/clients",
        "/v1/jwt_templates",
        "/v1/invitations",
        "/v1/allowlist_identifiers",
        "/v1/blocklist_identifiers",
        "/v1/redirect_urls",
        "/v1/instance",
        "/verger/v1/settings",
        "/verger/v1/signing_keys",
        "/verger/v1/webhook_endpoints",
    ] {
        all.push(app.get(path).await.ok().to_string());
    }
    all
}

#[tokio::test]
async fn s25_every_id_of_another_instance_is_unknown_to_every_operation() {
    let app = TestApp::new().await;
    let ids = one_of_each(&app).await;
    let user = ids[0].1.clone();
    let before = everything(&app).await;
    let mut tried = 0;
    // Deliveries and messages of the inbox are tried where there are some.
    let others = ["{delivery_id}", "{message_id}"];
    let routes =
        ROUTES.iter().filter(|route| route.path.contains('{') && route.caller == CallerKind::SecretKey);
    for route in routes.filter(|route| !others.iter().any(|other| route.path.contains(other))) {
        let path = filled(route.path, &ids).unwrap_or_else(|| panic!("no id for {}", route.path));
        let call = app.call(route.method, &path).key(PRODUCTION_KEY);
        let answer = match body_for(route, &user) {
            Value::Null => call.send().await,
            body => call.json(&body).send().await,
        };
        // SDKs fall back to the handshake on a 401.
        let expected = if route.operation_id == "RefreshSession" { 401 } else { 404 };
        assert_eq!(answer.status, expected, "{} {path}: {}", route.method, answer.text);
        tried += 1;
    }
    assert!(tried > 40, "{tried}");
    // And in bodies and filters.
    for (path, body) in [
        ("/v1/sign_in_tokens", json!({ "user_id": user })),
        ("/v1/actor_tokens", json!({ "user_id": user, "actor": { "sub": user } })),
        ("/v1/users/ban", json!({ "user_ids": [user] })),
    ] {
        let answer = app.call("POST", path).key(PRODUCTION_KEY).json(&body).send().await;
        assert_eq!(answer.refusal(), (404, "resource_not_found"), "{path}");
    }
    for path in [
        format!("/v1/sessions?user_id={user}"),
        format!("/v1/sessions?client_id={}", ids[4].1),
        format!("/v1/users?user_id={user}"),
        "/v1/clients".to_owned(),
        "/v1/invitations".to_owned(),
        "/v1/jwt_templates".to_owned(),
    ] {
        let answer = app.call("GET", &path).key(PRODUCTION_KEY).send().await;
        assert_eq!(*answer.ok(), json!([]), "{path}");
    }
    assert_eq!(everything(&app).await, before, "nothing changed where they belong");
}

#[tokio::test]
async fn s26_ids_are_random_and_none_comes_again_after_its_owner() {
    let app = TestApp::new().await;
    let mut seen = BTreeSet::new();
    let mut gone = Vec::new();
    for _ in 0..3 {
        let ids = one_of_each(&app).await;
        let user = &ids[0].1;
        let fresh = app.get(&format!("/v1/users/{user}")).await.ok().clone();
        assert_eq!(fresh["verification_attempts_remaining"], 100, "no tries of the one before");
        let wrong = json!({ "password": "wrong" });
        assert_eq!(app.post(&format!("/v1/users/{user}/verify_password"), wrong).await.status, 422);
        for (name, id) in &ids {
            // The keys stay, and names are the application's.
            if !["{signing_key_id}", "{template_name}"].contains(name) {
                assert!(seen.insert(id.clone()), "{name} {id} came again");
                let random = id.rsplit('_').next().unwrap();
                assert!(random.len() >= 27, "{name} {id}");
            }
        }
        for path in [
            format!("/v1/users/{user}"),
            format!("/v1/jwt_templates/{}", ids[5].1),
            format!("/v1/allowlist_identifiers/{}", ids[10].1),
            format!("/v1/blocklist_identifiers/{}", ids[11].1),
            format!("/v1/redirect_urls/{}", ids[12].1),
        ] {
            app.delete(&path).await.ok();
        }
        app.post(&format!("/v1/invitations/{}/revoke", ids[9].1), json!({})).await.ok();
        gone.push(ids);
    }
    // The next user with the same address has nothing of them.
    let last = app.user(json!({ "email_address": ["ada@example.com"] })).await;
    assert_eq!(*app.get(&format!("/v1/sessions?user_id={last}")).await.ok(), json!([]));
    for ids in &gone {
        for path in [
            format!("/v1/users/{}", ids[0].1),
            format!("/v1/email_addresses/{}", ids[1].1),
            format!("/v1/phone_numbers/{}", ids[2].1),
            format!("/v1/sessions/{}", ids[3].1),
        ] {
            assert_eq!(app.get(&path).await.refusal(), (404, "resource_not_found"), "{path}");
        }
        for path in [
            format!("/v1/sign_in_tokens/{}/revoke", ids[7].1),
            format!("/v1/actor_tokens/{}/revoke", ids[8].1),
            format!("/v1/sessions/{}/tokens", ids[3].1),
        ] {
            assert_eq!(app.post(&path, json!({})).await.refusal(), (404, "resource_not_found"), "{path}");
        }
        let client = app.get(&format!("/v1/clients/{}", ids[4].1)).await.ok().to_string();
        assert!(!client.contains(&ids[0].1) && !client.contains(&ids[3].1), "{client}");
    }
}

#[tokio::test]
async fn s44_owner_of_nothing_can_be_changed() {
    let app = TestApp::new().await;
    let ids = one_of_each(&app).await;
    let other = app.bare_user().await;
    let before = everything(&app).await;
    let foreign = app.call("GET", "/v1/instance").key(PRODUCTION_KEY).send().await;
    let instance = text(&foreign.ok()["id"]);
    let owners = [
        ("user_id", json!(other)),
        ("instance_id", json!(instance)),
        ("id", json!(other)),
        ("client_id", json!("client_of_nobody")),
        ("created_by", json!(other)),
    ];
    for route in ROUTES.iter().filter(|route| ["PATCH", "PUT"].contains(&route.method)) {
        if route.caller != CallerKind::SecretKey {
            continue;
        }
        let path = filled(route.path, &ids).unwrap_or_else(|| panic!("no id for {}", route.path));
        for (name, value) in &owners {
            let body = json!({ *name: value });
            let answer = app.call(route.method, &path).json(&body).send().await;
            // Refused, or read by nobody where the document leaves a body open.
            assert!(
                answer.status == 422 || [200, 204].contains(&answer.status),
                "{} {path} {body}: {}",
                route.method,
                answer.text
            );
        }
    }
    let template = json!({ "name": "one", "claims": {}, "id": "jtmp_1", "instance_id": instance });
    app.patch(&format!("/v1/jwt_templates/{}", ids[5].1), template).await.ok();
    assert_eq!(everything(&app).await, before);
}

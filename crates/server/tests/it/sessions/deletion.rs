//! Nothing is left of a user who was deleted (contract section 8, rule 9).

use super::tables::{Rows, Tables, tables_with};
use super::{begin, far, text};
use crate::support::TestApp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use verger_core::client::{Authenticated, Clocks, SecretDigest};
use verger_core::session::Proofs;
use verger_store::{Change, RefreshToken, Refreshed, Write};
use verger_wire::{SessionId, UnixMillis};

/// Where there is something of a user who has everything.
const TABLES: &[&str] = &[
    "claims",
    "clients",
    "credentials",
    "guess_windows",
    "identifications",
    "refresh_tokens",
    "refreshed_tokens",
    "sessions",
    "tickets",
    "users",
];

/// A user who has one of everything, with the texts by which something of the user is recognised.
struct Person {
    id: String,
    traces: Vec<String>,
}

async fn person(app: &TestApp, name: &str) -> Person {
    let body = json!({
        "email_address": [format!("{name}@example.com")], "first_name": format!("First{name}"),
        "password": "a rare one of mine", "totp_secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "backup_codes": ["wxyz-12345-mnop"],
    });
    let user = app.post("/v1/users", body).await.ok().clone();
    let id = text(&user["id"]);
    let mut traces = vec![id.clone(), text(&user["email_addresses"][0]["id"]), name.to_owned()];
    for (what, body) in [
        ("verify_password", json!({ "password": "wrong" })),
        ("verify_totp", json!({ "code": "wxyz-12345-wron" })),
    ] {
        assert_eq!(app.post(&format!("/v1/users/{id}/{what}"), body).await.status, 422);
    }
    for (path, body) in [
        ("/v1/sign_in_tokens", json!({ "user_id": id })),
        ("/v1/actor_tokens", json!({ "user_id": id, "actor": { "sub": "user_1" } })),
    ] {
        traces.push(text(&app.post(path, body).await.ok()["id"]));
    }
    let ended = begin(app, &id).await;
    app.post(&format!("/v1/sessions/{}/revoke", text(&ended["id"])), json!({})).await.ok();
    let open = begin(app, &id).await;
    traces.extend([text(&ended["id"]), text(&open["id"])]);
    remember(app, name, &open).await;
    Person { id, traces }
}

/// What the Frontend API keeps of a session: a refresh token, what a token was refreshed into, and a secret of the client that
/// was replaced.
async fn remember(app: &TestApp, name: &str, session: &Value) {
    let instance = app.instance_id().await;
    let scoped = app.store.instance(&instance);
    let (session_id, now) = (SessionId::from(text(&session["id"]).as_str()), app.now());
    let token = RefreshToken {
        digest: format!("refresh {name}"),
        session_id: session_id.clone(),
        origin: "https://shop.example.com".to_owned(),
        created_at: now,
    };
    scoped.add_refresh_token(&token, far()).await.unwrap();
    let refreshed = Refreshed {
        digest: format!("refreshed {name}"),
        session_id: session_id.clone(),
        sealed: "sealed".to_owned(),
        created_at: now,
        forget_at: UnixMillis(i64::MAX),
    };
    assert!(scoped.refresh_once(&refreshed, far()).await.unwrap());
    let client = text(&session["client_id"]).as_str().into();
    let client = scoped.client(&client, far()).await.unwrap().unwrap();
    let proofs = Proofs { first: Some(now), second: None };
    let authenticated = Authenticated {
        secret: SecretDigest(format!("{:0>64}", name.len())),
        sessions: BTreeMap::from([(session_id.clone(), proofs)]),
        session: session_id,
        strategy: "password".to_owned(),
    };
    let after = client.authenticated(authenticated, Clocks { now, real: now });
    let changes = vec![Change::update(client, after).into()];
    scoped.save(&Write { changes, ..Write::at(now) }, far()).await.unwrap();
}

#[tokio::test]
async fn rule_9_nothing_is_left_of_a_user_who_was_deleted() {
    let (app, tables) = Tables::of_a_server().await;
    let (gone, stays) = (person(&app, "vanished").await, person(&app, "remaining").await);
    let missing_of = |rows: &Rows, person: &Person| {
        let found = tables_with(rows, &person.traces);
        let missing = TABLES.iter().filter(|table| !found.contains(&(**table).to_owned()));
        missing.copied().collect::<Vec<_>>()
    };
    let before = tables.rows();
    for person in [&gone, &stays] {
        assert_eq!(missing_of(&before, person), Vec::<&str>::new());
    }
    app.delete(&format!("/v1/users/{}", gone.id)).await.ok();
    let rows = tables.rows();
    // The trail stays; whoever wants that gone as well erases it.
    let left = tables_with(&rows, &gone.traces);
    assert!(left.iter().all(|table| table.starts_with("changes")) && !left.is_empty(), "{left:?}");
    assert_eq!(missing_of(&rows, &stays), Vec::<&str>::new(), "of the other nothing is gone");
    for (path, body) in [
        ("verify_password", json!({ "password": "a rare one of mine" })),
        ("verify_totp", json!({ "code": "wxyz-12345-mnop" })),
        ("ban", json!({})),
    ] {
        let answer = app.post(&format!("/v1/users/{}/{path}", gone.id), body).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
}

//! Whoever has only a copy of the database (contract section 8, rule 6).

use super::{mint, signed_in, text};
use crate::support::TestApp;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use verger_server::Messaging;
use verger_store::Store;

/// Every value of every table.
fn dump(path: &Path) -> String {
    let database = rusqlite::Connection::open(path).unwrap();
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let mut tables = database.prepare(names).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut dump = String::new();
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM {}", table.unwrap())).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for at in 0..columns {
                writeln!(dump, "{:?}", row.get_ref(at).unwrap().as_str().unwrap_or_default()).unwrap();
            }
        }
    }
    dump
}

#[tokio::test]
async fn rule_6_copy_of_the_database_mints_no_token_and_gives_no_secret_away() {
    let folder = std::env::temp_dir().join(format!("verger-copy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("verger.db");
    let app = TestApp::on(Store::open(&path).unwrap(), Messaging::development().unwrap()).await;
    let (user, session) = signed_in(&app).await;
    let secret = "a secret of a template of the application";
    let own = json!({ "name": "own", "claims": {}, "custom_signing_key": true, "signing_algorithm": "HS256",
        "signing_key": secret });
    app.post("/v1/jwt_templates", own).await.ok();
    let jwt = text(&mint(&app, &session).await.ok()["jwt"]);
    app.post(&format!("/v1/sessions/{session}/tokens/own"), json!({})).await.ok();
    let ticket = text(&app.post("/v1/sign_in_tokens", json!({ "user_id": user })).await.ok()["token"]);
    let actor = json!({ "user_id": user, "actor": { "sub": "user_1" } });
    let actor_token = text(&app.post("/v1/actor_tokens", actor).await.ok()["token"]);
    // Its server reads all of it, and signs nothing.
    let thief = app.with_other_keys(Messaging::development().unwrap());
    assert_eq!(thief.get(&format!("/v1/sessions/{session}")).await.ok()["status"], "active");
    for path in [format!("/v1/sessions/{session}/tokens"), format!("/v1/sessions/{session}/tokens/own")] {
        let answer = thief.call("POST", &path).json(&json!({})).send_unchecked().await;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text);
    }
    // No table has a secret that opens something.
    let dump = dump(&path);
    for (what, secret) in [
        ("the key of a template", secret),
        ("a ticket", ticket.as_str()),
        ("an actor token", actor_token.as_str()),
        ("a session token", jwt.as_str()),
        ("a private key", "PRIVATE KEY"),
        ("a client's secret", "client_secret_"),
    ] {
        assert!(!dump.contains(secret), "{what} stands in the database");
        let body = secret.rsplit('_').next().unwrap();
        assert!(body.is_empty() || !dump.contains(body), "{what} stands in the database");
    }
    assert!(dump.contains(&session), "the dump has what is there");
    // And the server that has the keys goes on.
    mint(&app, &session).await.ok();
    std::fs::remove_dir_all(&folder).unwrap();
}

//! What is told of sessions.

use super::{begin, signed_in, text};
use crate::openapi_agreement::{published_document, violations};
use crate::support::{Stream, TestApp};
use serde_json::{Value, json};
use std::sync::Arc;
use verger_server::fan_out_events;

/// The next event of a session.
async fn next(feed: &mut Stream) -> Value {
    loop {
        let (_, event) = feed.next_event().await;
        if event["type"].as_str().unwrap().starts_with("session.") {
            return event;
        }
    }
}

/// `data` is the documented session, and the documented user in it.
fn assert_documented(event: &Value) {
    let mut session = event["data"].clone();
    let user = session.as_object_mut().unwrap().remove("user").expect("the user");
    assert!(session.get("tasks").is_none(), "no event has them");
    for (name, value) in [("Session", &session), ("User", &user)] {
        let schema = &published_document()["components"]["schemas"][name];
        let broken = violations(published_document(), schema, value);
        assert_eq!(broken, Vec::<String>::new(), "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_beginning_and_end_of_a_session_is_told_once_with_its_user() {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    let (user, session) = signed_in(&app).await;
    let created = next(&mut feed).await;
    assert_documented(&created);
    assert_eq!((&created["type"], &created["data"]["id"]), (&json!("session.created"), &json!(session)));
    assert_eq!(
        (&created["data"]["status"], &created["data"]["user"]["id"]),
        (&json!("active"), &json!(user))
    );
    assert_eq!(created["data"]["user"]["last_sign_in_at"], created["data"]["created_at"]);
    assert!(created["actor"]["key_id"].as_str().unwrap().starts_with("key_"));
    for _ in 0..2 {
        app.post(&format!("/v1/sessions/{session}/revoke"), json!({})).await.ok();
    }
    let revoked = next(&mut feed).await;
    assert_documented(&revoked);
    assert_eq!(
        (&revoked["type"], &revoked["data"]["status"]),
        (&json!("session.revoked"), &json!("revoked"))
    );
    // Those that end with a change of their user; the first one has ended already.
    let second = text(&begin(&app, &user).await["id"]);
    assert_eq!(next(&mut feed).await["data"]["id"], second);
    app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
    let of_ban = next(&mut feed).await;
    assert_documented(&of_ban);
    assert_eq!((&of_ban["type"], &of_ban["data"]["id"]), (&json!("session.revoked"), &json!(second)));
    assert_eq!(of_ban["data"]["user"]["banned"], true);
    app.post(&format!("/v1/users/{user}/unban"), json!({})).await.ok();
    let third = text(&begin(&app, &user).await["id"]);
    assert_eq!(next(&mut feed).await["type"], "session.created");
    app.delete(&format!("/v1/users/{user}")).await.ok();
    let removed = next(&mut feed).await;
    assert_documented(&removed);
    assert_eq!((&removed["type"], &removed["data"]["id"]), (&json!("session.removed"), &json!(third)));
    // The trail names it, and no person.
    let trail = app.get("/verger/v1/audit_log?limit=100").await.ok().clone();
    let entries: Vec<_> = trail["data"].as_array().or(trail.as_array()).unwrap().clone();
    let told = entries.iter().filter(|entry| entry["type"].as_str().unwrap_or("").starts_with("session."));
    let types: Vec<_> = told.map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "session.removed",
            "session.created",
            "session.revoked",
            "session.created",
            "session.revoked",
            "session.created"
        ]
    );
}

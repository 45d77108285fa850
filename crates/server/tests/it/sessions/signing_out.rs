//! Changes of a password that end the sessions of its user if they are asked to, each with its event.

use super::{begin, mint, signed_in, text};
use crate::support::{Answer, Stream, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use verger_server::fan_out_events;

/// A user with this password and two sessions.
async fn with_two_sessions(app: &TestApp) -> (String, [String; 2]) {
    let user = app.user(json!({ "skip_user_requirement": true, "password": "a rare one of mine" })).await;
    let sessions = [begin(app, &user).await, begin(app, &user).await].map(|session| text(&session["id"]));
    (user, sessions)
}

/// The types and sessions of the events up to that of a user who is created now, but for those of beginnings.
async fn told(app: &TestApp, feed: &mut Stream) -> Vec<(String, String, Value)> {
    // Later than everything else, so that its number is greater on every database.
    app.tick();
    let last = app.bare_user().await;
    let mut told = Vec::new();
    loop {
        let (_, event) = feed.next_event().await;
        let kind = text(&event["type"]);
        if kind == "user.created" && event["data"]["id"] == *last {
            return told;
        }
        if kind.starts_with("session.") && kind != "session.created" {
            told.push((kind, text(&event["data"]["id"]), event["data"].clone()));
        }
    }
}

async fn status(app: &TestApp, session: &str) -> String {
    text(&app.get(&format!("/v1/sessions/{session}")).await.ok()["status"])
}

/// What can be asked of a user with a password, and whether it ends the sessions.
fn changes() -> Vec<(&'static str, &'static str, Value, bool)> {
    let new = "another rare one of mine";
    vec![
        ("PATCH", "", json!({ "password": new }), false),
        ("PATCH", "", json!({ "password": new, "sign_out_of_other_sessions": null }), false),
        ("PATCH", "", json!({ "password": new, "sign_out_of_other_sessions": false }), false),
        ("PATCH", "", json!({ "password": new, "sign_out_of_other_sessions": true }), true),
        ("POST", "/remove_password", json!({}), false),
        ("POST", "/remove_password", json!({ "sign_out_of_other_sessions": false }), false),
        ("POST", "/remove_password", json!({ "sign_out_of_other_sessions": true }), true),
        ("POST", "/password/set_compromised", json!({}), false),
        ("POST", "/password/set_compromised", json!({ "revoke_all_sessions": false }), false),
        ("POST", "/password/set_compromised", json!({ "revoke_all_sessions": true }), true),
        ("POST", "/password/unset_compromised", json!({}), false),
        ("POST", "/lock", json!({}), false),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn password_changes_end_the_sessions_of_the_user_if_asked_to_and_only_then() {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    let (_, of_other) = signed_in(&app).await;
    for (method, path, body, ends) in changes() {
        let (user, sessions) = with_two_sessions(&app).await;
        let path = format!("/v1/users/{user}{path}");
        // Neither a rehearsal nor a request that comes too late does any of it.
        for (name, value, expected) in [("prefer", "dry-run", 200), ("if-match", "\"999\"", 412)] {
            let answer = app.call(method, &path).header(name, value).json(&body).send().await;
            assert_eq!(answer.status, expected, "{path} {body}: {}", answer.text);
        }
        assert_eq!(told(&app, &mut feed).await, vec![], "{path} {body}");
        app.call(method, &path).json(&body).send().await.ok();
        let mut expected = BTreeMap::new();
        for session in &sessions {
            let minted = mint(&app, session).await;
            if ends {
                assert_eq!(minted.refusal(), (401, "authentication_invalid"), "{path} {body}");
                expected.insert(session.clone(), "session.revoked".to_owned());
            } else {
                minted.ok();
            }
            assert_eq!(status(&app, session).await, if ends { "revoked" } else { "active" });
        }
        let events = told(&app, &mut feed).await;
        assert_eq!(events.len(), expected.len(), "{path} {body}: {events:?}");
        for (_, id, data) in &events {
            // As the user is behind the change.
            assert_eq!((&data["status"], &data["user"]["id"]), (&json!("revoked"), &json!(user)), "{id}");
            assert_eq!(data["user"]["password_enabled"], !path.ends_with("remove_password"));
        }
        let events: BTreeMap<_, _> = events.into_iter().map(|(kind, id, _)| (id, kind)).collect();
        assert_eq!(events, expected, "{path} {body}");
        mint(&app, &of_other).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_has_nothing_to_change_ends_no_session() {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    let (user, sessions) = with_two_sessions(&app).await;
    let (bare, of_bare) = signed_in(&app).await;
    let out = json!({ "sign_out_of_other_sessions": true });
    let weak = json!({ "password": "qwertyuiop", "sign_out_of_other_sessions": true });
    let alone = app.patch(&format!("/v1/users/{user}"), out.clone()).await;
    alone.refused(422, "form_param_value_invalid", "sign_out_of_other_sessions");
    app.patch(&format!("/v1/users/{user}"), weak).await.refused(422, "form_password_pwned", "password");
    // Without a password there is none to remove, and none that others know.
    app.post(&format!("/v1/users/{bare}/remove_password"), out).await.ok();
    let revoke = json!({ "revoke_all_sessions": true });
    let compromised = format!("/v1/users/{bare}/password/set_compromised");
    app.post(&compromised, revoke.clone()).await.refused(400, "no_password_set", "");
    assert_eq!(told(&app, &mut feed).await, vec![]);
    for session in sessions.iter().chain([&of_bare]) {
        mint(&app, session).await.ok();
    }
    // One that is compromised already changes nothing of the user; the sessions end all the same, and once.
    let compromised = format!("/v1/users/{user}/password/set_compromised");
    app.post(&compromised, json!({})).await.ok();
    assert_eq!(told(&app, &mut feed).await, vec![]);
    for expected in [2, 0] {
        app.post(&compromised, revoke.clone()).await.ok();
        let events = told(&app, &mut feed).await;
        assert_eq!(events.len(), expected, "{events:?}");
        assert!(events.iter().all(|(kind, ..)| kind == "session.revoked"), "{events:?}");
    }
    for session in &sessions {
        assert_eq!(status(&app, session).await, "revoked");
    }
}

/// Contract section 8: whoever comes at the same time, each session ends once and is told of once.
#[tokio::test(flavor = "multi_thread")]
async fn session_that_is_ended_from_all_sides_at_once_is_told_of_once() {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    for round in 0..6 {
        let (user, begun) = with_two_sessions(&app).await;
        let mut sessions = Vec::from(begun);
        let revoke = format!("/v1/sessions/{}/revoke", sessions[0]);
        let path = |rest: &str| format!("/v1/users/{user}{rest}");
        let password = json!({ "password": "another rare one of mine", "sign_out_of_other_sessions": true });
        let requests = [
            ("PATCH", path(""), password),
            ("POST", path("/password/set_compromised"), json!({ "revoke_all_sessions": true })),
            ("POST", path("/remove_password"), json!({ "sign_out_of_other_sessions": true })),
            ("POST", revoke, json!({})),
            ("POST", "/v1/sessions".to_owned(), json!({ "user_id": user })),
            ("POST", "/v1/sessions".to_owned(), json!({ "user_id": user })),
            ("POST", path("/ban"), json!({})),
        ];
        let running: Vec<_> = requests
            .into_iter()
            .map(|(method, path, body)| {
                let app = app.clone();
                tokio::spawn(async move { app.call(method, &path).json(&body).send().await })
            })
            .collect();
        for answer in running {
            let answer: Answer = answer.await.unwrap();
            // Without a password left, none can be compromised; a banned user begins no session.
            let is_refused = [(400, "no_password_set"), (403, "user_banned")];
            assert!(answer.status == 200 || is_refused.contains(&answer.refusal()), "{}", answer.text);
            if answer.body["object"] == "session" && !sessions.contains(&text(&answer.body["id"])) {
                sessions.push(text(&answer.body["id"]));
            }
        }
        let mut events: Vec<_> = told(&app, &mut feed).await;
        events.sort_by(|one, other| one.1.cmp(&other.1));
        sessions.sort();
        let ended: Vec<_> = events.iter().map(|(kind, id, _)| (kind.as_str(), id.as_str())).collect();
        let expected: Vec<_> = sessions.iter().map(|id| ("session.revoked", id.as_str())).collect();
        assert_eq!(ended, expected, "round {round}");
        for session in &sessions {
            assert_eq!(status(&app, session).await, "revoked");
            assert_eq!(mint(&app, session).await.status, 401);
        }
    }
}

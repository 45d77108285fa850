//! Lists of users by number, and in every documented order.

use crate::support::{PRODUCTION_KEY, TestApp, number};
use serde_json::{Value, json};

async fn page(app: &TestApp, query: &str) -> Vec<String> {
    let users = app.get(&format!("/v1/users?{query}")).await;
    let id = |user: &Value| user["id"].as_str().unwrap().to_owned();
    users.ok().as_array().unwrap().iter().map(id).collect()
}

/// A whole list, with its count.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let ids = page(app, query).await;
    let count = app.get(&format!("/v1/users/count?{query}")).await;
    assert_eq!(count.ok()["total_count"], ids.len(), "{query}");
    ids
}

#[tokio::test]
async fn a_number_is_found_by_every_text_that_it_can_be_created_with() {
    let app = TestApp::new().await;
    let british = app.user(json!({ "phone_number": ["+447400123456"] })).await;
    let american = app.user(json!({ "phone_number": ["+12024561111"] })).await;
    for (text, owner) in [
        ("+447400123456", &british),
        ("+44 7400 123456", &british),
        ("+44 (0) 7400-123-456", &british),
        (" +44.7400.123456 ", &british),
        ("(+44) 07400 123456", &british),
        ("+1 (202) 456-1111", &american),
        ("+1-1-202-456-1111", &american),
    ] {
        // It is what the number can be created with.
        let answer = app.post("/v1/users", json!({ "phone_number": [text] })).await;
        answer.refused(422, "form_identifier_exists", "phone_number");
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(
            found(&app, &format!("phone_number={encoded}")).await,
            std::slice::from_ref(owner),
            "{text}"
        );
        // A plus that is not percent-encoded comes as a space.
        let bare = text.replace(' ', "%20");
        assert_eq!(
            found(&app, &format!("phone_number[]={bare}")).await,
            std::slice::from_ref(owner),
            "{text}"
        );
    }
    let both = found(&app, "phone_number=%2B44+07400+123456&phone_number=+1+202+456+1111").await;
    assert_eq!(both, [american, british]);
    for nobodys in ["447400123456", "%2B447400123457", "x", "", "%20", "%2B", "%2B%2B447400123456"] {
        assert_eq!(found(&app, &format!("phone_number={nobodys}")).await, [""; 0], "{nobodys}");
    }
}

#[tokio::test]
async fn a_part_of_a_number_without_anything_in_it_matches_nobody() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": [number(0)] })).await;
    for part in ["%20", "-", "%28%29", "+", "+-+.", "%20&banned=false", "-&phone_number=%2B12005550100"] {
        assert_eq!(found(&app, &format!("phone_number_query={part}")).await, [""; 0], "{part}");
    }
    for part in ["555-01", "(200)%20555", "%2B1", "+1+200", ""] {
        assert_eq!(
            found(&app, &format!("phone_number_query={part}")).await,
            std::slice::from_ref(&user),
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_number_is_found_by_every_search_however_it_is_written() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": ["+41791234567"], "last_name": "4 Two" })).await;
    for name in ["query", "phone_number_query"] {
        for part in
            ["+41+79+123", "%2B41%2079%20123", "(+41)+79", "+41.79", "4179+123", "79-123", "%2B41791234567"]
        {
            assert_eq!(
                found(&app, &format!("{name}={part}")).await,
                std::slice::from_ref(&user),
                "{name}={part}"
            );
        }
        assert_eq!(found(&app, &format!("{name}=4179+124")).await, [""; 0]);
    }
    assert_eq!(found(&app, "query=4+two").await, std::slice::from_ref(&user));
    for written in ["%09%2B41791234567", "%C2%A0%2B41791234567", "%2B41791234567%0A", "+41+79+123+45+67"] {
        assert_eq!(
            found(&app, &format!("phone_number={written}")).await,
            std::slice::from_ref(&user),
            "{written}"
        );
    }
    assert_eq!(found(&app, "limit=+1&offset=+0").await, std::slice::from_ref(&user));
}

#[tokio::test]
async fn orders_by_what_nobody_has_are_by_the_id() {
    let app = TestApp::new().await;
    for _ in 0..5 {
        app.bare_user().await;
        app.tick();
    }
    let mut ids = found(&app, "").await;
    ids.sort();
    for name in ["web3wallet", "last_active_at", "last_sign_in_at"] {
        assert_eq!(found(&app, &format!("order_by=%2B{name}")).await, ids, "{name}");
        assert_eq!(found(&app, &format!("order_by={name}&order_by=created_at")).await, ids, "{name}");
        let middle = page(&app, &format!("order_by=-{name}&limit=2&offset=1")).await;
        assert_eq!(middle, [ids[3].clone(), ids[2].clone()], "{name}");
        let answer = app.get(&format!("/v1/users?order_by={name}&starting_after={}", ids[0])).await;
        answer.refused(422, "form_conditional_param_disallowed", "starting_after");
    }
}

/// Whoever walks through all users may be the one who deletes them, or somebody else does meanwhile.
#[tokio::test]
async fn list_goes_on_behind_a_user_that_was_deleted_meanwhile() {
    let app = TestApp::new().await;
    tokio::spawn(verger_server::fan_out_events(std::sync::Arc::clone(&app.app)));
    for direction in ["%2B", "-"] {
        let mut users = Vec::new();
        for day in 1..=20 {
            // Brought from elsewhere: they are not in the order of their ids.
            let day = (day * 7) % 20 + 1;
            let created_at = format!("2020-01-{day:02}T00:00:00Z");
            let body = json!({ "skip_user_requirement": true, "created_at": created_at });
            users.push((created_at, app.user(body).await));
        }
        users.sort();
        if direction == "-" {
            users.reverse();
        }
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().map(|id| format!("&starting_after={id}")).unwrap_or_default();
            let found = page(&app, &format!("order_by={direction}created_at&limit=3{after}")).await;
            let Some(last) = found.last().cloned() else { break };
            app.delete(&format!("/v1/users/{}", found[0])).await.ok();
            if last != found[0] {
                app.delete(&format!("/v1/users/{last}")).await.ok();
            }
            seen.extend(found);
            assert!(seen.len() <= 20, "{seen:?}");
        }
        assert_eq!(seen, users.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        // What is left of this round.
        for id in page(&app, "limit=500").await {
            app.delete(&format!("/v1/users/{id}")).await.ok();
        }
    }
    // Of another instance, or of nobody.
    let theirs = app
        .call("POST", "/v1/users")
        .key(PRODUCTION_KEY)
        .json(&json!({ "skip_user_requirement": true }))
        .send()
        .await;
    let theirs = theirs.ok()["id"].as_str().unwrap().to_owned();
    app.call("DELETE", &format!("/v1/users/{theirs}")).key(PRODUCTION_KEY).send().await.ok();
    for id in [theirs.as_str(), "user_2g7np7Hrk0SN6kj5EDMLDaKNL0S", "user_", "x"] {
        let answer = app.get(&format!("/v1/users?starting_after={id}")).await;
        assert_eq!((answer.status, answer.param()), (422, "starting_after"), "{id}: {}", answer.text);
    }
}

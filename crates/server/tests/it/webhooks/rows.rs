//! What is told is rendered from rows of changes whenever it is read: always the same, and always what was there then.

use super::receiver::{Receiver, Seen};
use super::{path_of, run, running, subscribe, until};
use crate::support::{START, TestApp, number};
use serde_json::{Value, json};

fn text(seen: &Seen) -> String {
    String::from_utf8(seen.body.to_vec()).unwrap()
}

/// Once nothing is under way any more, which a replay would leave out.
async fn replay_all(app: &TestApp, endpoint: &Value) {
    let deliveries = format!("{}/deliveries?limit=100", path_of(endpoint));
    let is_over = |list: &Value| list.as_array().unwrap().iter().all(|one| one["status"] == "delivered");
    until(app, &deliveries, is_over).await;
    let replay = format!("{}/replay", path_of(endpoint));
    app.post(&replay, json!({ "since": START, "all": true })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_of_last_week_shows_the_user_as_it_was() {
    const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;
    let app = running().await;
    let (phone, address) = (json!([number(1)]), json!(["ada@example.com"]));
    let body =
        json!({ "phone_number": phone, "email_address": address, "public_metadata": { "plan": "free" } });
    let user = format!("/v1/users/{}", app.user(body).await);
    app.tick();
    app.patch(&user, json!({ "first_name": "Ada" })).await.ok();
    let then = app.get(&user).await.ok().clone();
    app.advance_ms(WEEK_MS);
    app.patch(&user, json!({ "first_name": "Grace", "public_metadata": { "plan": "pro" } })).await.ok();
    let phone = then["phone_numbers"][0]["id"].as_str().unwrap();
    app.delete(&format!("/v1/phone_numbers/{phone}")).await.ok();
    app.delete(&user).await.ok();

    let receiver = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &["user.updated"]).await;
    replay_all(&app, &endpoint).await;
    let event = receiver.next().await.json;
    assert_eq!(event["data"]["first_name"], "Ada");
    assert_eq!(event["data"]["public_metadata"], json!({ "plan": "free" }));
    assert_eq!(event["data"]["phone_numbers"], then["phone_numbers"]);
    assert_eq!(event["data"]["updated_at"], then["updated_at"]);
    assert_eq!(event["changes"]["first_name"], json!({ "before": null, "after": "Ada" }));
    assert_eq!(event["timestamp"], then["updated_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_is_the_same_for_every_reader_after_a_replay_and_after_a_copy() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &[]).await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    let body = json!({ "email_address": ["ada@example.com"], "private_metadata": { "n": 1.0 } });
    let user = app.user(body).await;
    app.tick();
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    app.tick();
    app.delete(&format!("/v1/users/{user}")).await.ok();
    let mut told = Vec::new();
    while told.last().is_none_or(|(_, event): &(String, Value)| event["type"] != "email_address.deleted") {
        told.push(feed.next_event().await);
    }
    assert_eq!(told.len(), 6);
    let mut delivered = Vec::new();
    for (id, event) in &told {
        let seen = receiver.next().await;
        assert_eq!((&seen.json["id"], &seen.json), (&json!(id), event));
        delivered.push(text(&seen));
    }
    replay_all(&app, &endpoint).await;
    for first in &delivered {
        assert_eq!(text(&receiver.next().await), *first, "a second time");
    }
    let trail = app.get("/verger/v1/audit_log").await.ok().clone();
    let copy = run(app.copied().await);
    assert_eq!(copy.get("/verger/v1/audit_log").await.ok(), &trail);
    let mut feed = copy.stream("/verger/v1/events", Some(&told[0].0)).await;
    for event in &told[1..] {
        assert_eq!(feed.next_event().await, *event, "after a copy");
    }
    // The secret of the other endpoint is sealed with keys that the copy does not have.
    let endpoint = subscribe(&copy, &receiver.url, &[]).await;
    replay_all(&copy, &endpoint).await;
    for first in &delivered {
        assert_eq!(text(&receiver.next().await), *first, "from the copy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_endpoints_are_in_the_trail_alone_and_without_their_secrets() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    let all = subscribe(&app, &receiver.url, &[]).await;
    let url = "https://hooks.example.com/in/s3cret?token=s3cret";
    let made = app.post("/verger/v1/webhook_endpoints", json!({ "url": url, "events": ["user.*"] })).await;
    let path = path_of(made.ok());
    app.tick();
    app.patch(&path, json!({ "url": "https://hooks.example.com/in/0ther", "events": [] })).await.ok();
    app.tick();
    // Nothing differs.
    app.patch(&path, json!({ "events": [] })).await.ok();
    app.call("PATCH", &path).header("prefer", "dry-run").json(&json!({ "disabled": true })).send().await.ok();
    let rotated = app.post(&format!("{path}/rotate_secret"), json!({})).await.ok().clone();
    app.delete(&path).await.ok();
    app.tick();
    let user = app.bare_user().await;

    // Nobody else is told.
    assert_eq!(feed.next_event().await.1["data"]["id"], *user);
    assert_eq!(receiver.kinds(1).await, ["user.created"]);
    let trail = until(&app, "/verger/v1/audit_log", |log| log["data"][0]["type"] == "user.created").await;
    for secret in
        ["s3cret", "0ther", made.body["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap()]
    {
        assert!(!trail.to_string().contains(secret), "{secret}: {trail}");
    }
    let rows = trail["data"].as_array().unwrap();
    let kinds: Vec<_> = rows.iter().rev().map(|row| row["type"].as_str().unwrap()).collect();
    let expected = ["created", "created", "updated", "secret_rotated", "deleted"];
    assert_eq!(kinds[..5], expected.map(|verb| format!("webhook_endpoint.{verb}")));
    assert_eq!(kinds.len(), 6);
    let updated = &rows[3]["entry"];
    assert_eq!(updated["resource"]["id"], made.body["id"]);
    assert_eq!(updated["resource"]["host"], "hooks.example.com");
    assert_eq!(updated["changes"]["url"], json!({ "before": "…", "after": "…" }));
    assert_eq!(updated["changes"]["events"], json!({ "before": ["user.*"], "after": [] }));
    assert!(updated["actor"]["key_id"].as_str().unwrap().starts_with("key_"), "{updated}");
    assert_eq!(rows[2]["entry"]["changes"]["secret"], json!({ "before": "…", "after": "…" }));
    assert_eq!(rows[5]["entry"]["resource"]["id"], all["id"]);
    let some = app.get("/verger/v1/audit_log?type=webhook_endpoint.deleted").await;
    assert_eq!(some.ok()["data"].as_array().unwrap().len(), 1);
}

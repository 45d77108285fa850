//! When a delivery is tried again, replayed, held back or given up, and what leads to none.

use super::receiver::Receiver;
use super::{far, path_of, running, subscribe, until};
use crate::support::{START, number};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn failed_delivery_is_tried_again_as_documented_and_holds_back_its_user_only() {
    let app = running().await;
    let receiver = Receiver::start(|at| Some(if at < 8 { (503, "no") } else { (200, "yes") })).await;
    let endpoint = subscribe(&app, &receiver.url, &["user.*"]).await;
    let user = app.bare_user().await;
    let first = receiver.next().await.json["id"].clone();
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    let path = format!("{}/deliveries", path_of(&endpoint));
    for (at, wait_s) in [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000].into_iter().enumerate() {
        // Written before the clock moves, so that it waits from here.
        until(&app, &path, |list| {
            list.as_array().unwrap().iter().any(|one| one["attempts"].as_array().unwrap().len() == at + 1)
        })
        .await;
        assert!(receiver.is_quiet().await);
        app.advance_ms(wait_s * 1_100);
        assert_eq!(receiver.next().await.json["id"], first, "try {}", at + 2);
    }
    // That was the last try of the first; now its successor has its turn.
    assert_eq!(receiver.next().await.json["type"], "user.updated");
    let list = until(&app, &path, |list| list[0]["status"] == "delivered").await;
    assert_eq!(list[1]["status"], "failed");
    assert_eq!(list[1]["attempts"].as_array().unwrap().len(), 8);
    let attempt = &list[1]["attempts"][0];
    assert_eq!(
        (&attempt["status"], &attempt["reason"], &attempt["answer"]),
        (&json!(503), &json!("HTTP 503"), &json!("no"))
    );
    assert!(attempt["latency_ms"].is_i64());
    // Replayed with the same id.
    app.post(&format!("{}/replay", path_of(&endpoint)), json!({ "since": START })).await.ok();
    assert_eq!(receiver.next().await.json["id"], first);
    until(&app, &path, |list| list[1]["status"] == "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_an_endpoint_was_disabled_is_told_by_a_replay() {
    let app = running().await;
    let (receiver, witness) = (Receiver::good().await, Receiver::good().await);
    let endpoint = subscribe(&app, &receiver.url, &["user.*"]).await;
    subscribe(&app, &witness.url, &["user.*"]).await;
    let path = path_of(&endpoint);
    app.patch(&path, json!({ "disabled": true })).await.ok();
    let user = app.bare_user().await;
    app.tick();
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    // By now both have their places.
    assert_eq!(witness.kinds(2).await, ["user.created", "user.updated"]);
    app.tick();
    app.patch(&path, json!({ "disabled": false })).await.ok();
    assert!(receiver.is_quiet().await);
    let replay = async |after| {
        let body = json!({ "since": START, "after": after });
        let replayed = app.post(&format!("{path}/replay"), body).await;
        replayed.ok()["replay"].clone()
    };
    // One that goes on behind a place leaves out what is before it.
    assert_eq!(replay(Some(1_000)).await, json!({ "queued": 0, "left_out": 0, "after": null }));
    assert_eq!(replay(None).await, json!({ "queued": 2, "left_out": 0, "after": null }));
    assert_eq!(receiver.kinds(2).await, ["user.created", "user.updated"]);
    until(&app, &format!("{path}/deliveries"), |list| list[0]["status"] == "delivered").await;
    assert_eq!(replay(None).await, json!({ "queued": 0, "left_out": 0, "after": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_fails_for_days_is_disabled_and_another_is_told() {
    let app = running().await;
    let bad = Receiver::start(|_| Some((302, "go away"))).await;
    let good = Receiver::good().await;
    let endpoint = subscribe(&app, &bad.url, &["user.created"]).await;
    subscribe(&app, &good.url, &["webhook_endpoint.disabled"]).await;
    let path = format!("{}/deliveries", path_of(&endpoint));
    let fails = async || {
        let user = app.bare_user().await;
        until(&app, &path, |list| list[0]["user_id"] == *user && list[0]["attempts"][0].is_object()).await
    };
    let list = fails().await;
    assert_eq!(list[0]["attempts"][0]["reason"], "HTTP 302: redirects are not followed");
    // A week later it fails again: nobody knows how it was in between.
    app.advance_ms(7 * 24 * 60 * 60 * 1000);
    fails().await;
    assert_eq!(app.get(&path_of(&endpoint)).await.ok()["disabled_at"], Value::Null);
    for _ in 0..11 {
        app.advance_ms(10 * 60 * 60 * 1000);
        fails().await;
        assert_eq!(app.get(&path_of(&endpoint)).await.ok()["disabled_at"], Value::Null);
    }
    app.advance_ms(10 * 60 * 60 * 1000);
    app.bare_user().await;
    let told = good.next().await.json;
    assert_eq!(told["data"]["id"], endpoint["id"]);
    assert!(!told.to_string().contains("/hook"), "{told}");
    let shown = app.get(&path_of(&endpoint)).await;
    assert_eq!(shown.ok()["disabled_reason"], "failing");
    let newest = app.get(&path).await.ok()[0]["event_id"].clone();
    let user = app.bare_user().await;
    until(&app, "/verger/v1/audit_log?limit=1", |log| log["data"][0]["user_id"] == *user).await;
    assert_eq!(app.get(&path).await.ok()[0]["event_id"], newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_hangs_does_not_hold_up_others() {
    let app = running().await;
    let hanging = Receiver::start(|_| None).await;
    let good = Receiver::good().await;
    subscribe(&app, &hanging.url, &["user.created"]).await;
    subscribe(&app, &good.url, &["user.created"]).await;
    for _ in 0..30 {
        app.bare_user().await;
    }
    // All of them come long before the first try at the other has ended.
    let started = std::time::Instant::now();
    assert_eq!(good.kinds(30).await.len(), 30);
    assert!(started.elapsed() < Duration::from_secs(14), "{:?}", started.elapsed());
    hanging.next().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_dry_and_replayed_requests_leave_no_event() {
    let app = running().await;
    let receiver = Receiver::good().await;
    subscribe(&app, &receiver.url, &[]).await;
    let body = json!({ "skip_user_requirement": true });
    let user = app.call("POST", "/v1/users").header("idempotency-key", "k").json(&body).send().await;
    let user = format!("/v1/users/{}", user.ok()["id"].as_str().unwrap());
    app.tick();
    let named = json!({ "first_name": "Ada" });
    app.call("PATCH", &user).header("idempotency-key", "l").json(&named).send().await.ok();
    app.tick();
    // Only tried.
    app.call("POST", "/v1/users").header("prefer", "dry-run").json(&body).send().await.ok();
    app.call("PATCH", &user)
        .header("prefer", "dry-run")
        .json(&json!({ "first_name": "B" }))
        .send()
        .await
        .ok();
    app.call("DELETE", &user).header("prefer", "dry-run").send().await.ok();
    // Refused.
    let refused = [
        app.post("/v1/users", json!({ "phone_number": ["x"] })).await,
        app.patch(&user, json!({ "first_name": 5 })).await,
        app.post("/v1/phone_numbers", json!({ "user_id": "user_none", "phone_number": number(0) })).await,
        app.call("PATCH", &user)
            .header("if-match", "\"99\"")
            .json(&json!({ "first_name": "C" }))
            .send()
            .await,
        app.call("PATCH", &user).header("idempotency-key", "k").json(&named).send().await,
        app.delete("/v1/users/user_none").await,
    ];
    assert_eq!(refused.map(|answer| answer.status), [422, 422, 404, 412, 422, 404]);
    // Given before.
    for (method, path, key, body) in
        [("POST", "/v1/users", "k", &body), ("PATCH", user.as_str(), "l", &named)]
    {
        let again = app.call(method, path).header("idempotency-key", key).json(body).send().await;
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (200, Some("true")),
            "{}",
            again.text
        );
    }
    // Nothing is changed by it.
    app.patch(&user, named.clone()).await.ok();
    app.tick();
    app.bare_user().await;
    // Of two users either can come first.
    let mut kinds = receiver.kinds(3).await;
    kinds.sort();
    assert_eq!(kinds, ["user.created", "user.created", "user.updated"]);
    // One of them is of the endpoint.
    let log = app.get("/verger/v1/audit_log").await;
    assert_eq!(log.ok()["data"].as_array().unwrap().len(), 4, "{}", log.text);
    let backlogs = app.store.backlogs(far()).await.unwrap();
    assert!(backlogs.is_empty() && receiver.is_quiet().await);
}

//! What endpoints say beside yes and no: that they are gone for good, and how long they want to be left alone. And what
//! becomes of deliveries when the clock is set back.

use super::messages::prepare;
use super::receiver::Receiver;
use super::{path_of, run, running, subscribe, until};
use crate::support::{START, TICK, TestApp};
use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use verger_server::Messaging;
use verger_server::deliver::EventSender;

const HOUR_MS: i64 = 60 * 60 * 1000;
/// When a delivery is tried after the try before it, at least: the default.
const SCHEDULE_MS: [i64; 8] = [0, 5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];

fn answer(status: u16, headers: &[(&str, &str)]) -> Response<Body> {
    let response = headers
        .iter()
        .fold(Response::builder().status(status), |response, (name, value)| response.header(*name, *value));
    response.body(Body::empty()).unwrap()
}

async fn now(app: &TestApp) -> i64 {
    app.post("/verger/v1/clock", json!({ "advance_ms": 0 })).await.ok()["now"].as_i64().unwrap()
}

/// The newest delivery once it was tried so often and waits again or has ended.
async fn tried(app: &TestApp, endpoint: &Value, times: usize) -> Value {
    let path = format!("{}/deliveries", path_of(endpoint));
    let list = until(app, &path, |list| {
        let attempts = list[0]["attempts"].as_array().map_or(0, Vec::len);
        attempts == times && list[0]["status"] != "sending"
    });
    list.await[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_is_gone_is_disabled_at_once_and_an_event_says_why() {
    let app = running().await;
    let gone = Receiver::start(|at| Some(if at == 0 { (410, "gone") } else { (200, "back") })).await;
    let other = Receiver::good().await;
    let endpoint = subscribe(&app, &gone.url, &["user.*"]).await;
    subscribe(&app, &other.url, &["webhook_endpoint.disabled"]).await;
    let path = path_of(&endpoint);
    // More than one event is on its way: none of them is tried after the answer.
    let user = app.bare_user().await;
    for name in ["Ada", "Grace"] {
        app.tick();
        app.patch(&format!("/v1/users/{user}"), json!({ "first_name": name })).await.ok();
    }
    let told = other.next().await.json;
    assert_eq!(
        (&told["type"], &told["data"]["id"], &told["data"]["reason"], &told["data"]["object"]),
        (&json!("webhook_endpoint.disabled"), &endpoint["id"], &json!("gone"), &json!("webhook_endpoint"))
    );
    assert!(!told.to_string().contains("/hook"), "{told}");
    let shown = app.get(&path).await;
    assert_eq!(shown.ok()["disabled_reason"], "gone");
    assert!(shown.body["disabled_at"].is_i64());
    let deliveries = format!("{path}/deliveries");
    let list =
        until(&app, &deliveries, |list| list.as_array().unwrap().iter().all(|one| one["status"] == "failed"));
    let list = list.await;
    let first = list.as_array().unwrap().last().unwrap();
    assert_eq!(first["attempts"].as_array().unwrap().len(), 1, "{first}");
    assert_eq!(first["attempts"][0]["status"], 410);
    assert_eq!(gone.next().await.json["type"], "user.created");
    assert!(gone.is_quiet().await);
    let log = app.get("/verger/v1/audit_log?type=webhook_endpoint.disabled").await;
    assert_eq!(log.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(log.body["data"][0]["entry"]["resource"]["reason"], "gone");
    // All of them have their places: what gets one later is no affair of a replay.
    let updates = "/verger/v1/audit_log?type=user.updated";
    until(&app, updates, |log| log["data"].as_array().unwrap().len() == 2).await;
    // Somebody puts it right.
    let enabled = app.patch(&path, json!({ "disabled": false })).await;
    assert_eq!(
        (&enabled.ok()["disabled_at"], &enabled.body["disabled_reason"]),
        (&Value::Null, &Value::Null)
    );
    app.post(&format!("{path}/replay"), json!({ "since": START })).await.ok();
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        match tokio::time::timeout(Duration::from_secs(5), gone.next()).await {
            Ok(seen) => kinds.push(seen.json["type"].as_str().unwrap().to_owned()),
            // A try that the end of the endpoint interrupted holds its lease until it expires.
            Err(_) => app.advance_ms(60_000),
        }
        assert!(now(&app).await < START + 3_600_000, "{kinds:?}");
    }
    assert_eq!(kinds, ["user.created", "user.updated", "user.updated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn test_that_is_answered_with_410_disables_nothing() {
    let app = running().await;
    let gone = Receiver::start(|_| Some((410, "gone"))).await;
    let endpoint = subscribe(&app, &gone.url, &[]).await;
    let path = path_of(&endpoint);
    let tested = app.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(tested.ok()["status"], 410);
    assert_eq!(app.get(&path).await.ok()["disabled_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_moves_the_next_try_later_within_the_schedule() {
    let longest_ms = 36_000_000 + 3_600_000;
    // With a tenth of leeway in each wait of the schedule.
    let by_schedule = 5_000..=5_500;
    for (status, headers, expected) in [
        (429, vec![("retry-after", "120")], 120_000..=120_000),
        (502, vec![("retry-after", "120")], 120_000..=120_000),
        (503, vec![("retry-after", " 7200 ")], 7_200_000..=7_200_000),
        (504, vec![("retry-after", "120")], 120_000..=120_000),
        // START is 2027-01-15T08:00:00Z.
        (503, vec![("retry-after", "Fri, 15 Jan 2027 08:10:00 GMT")], 600_000..=600_000),
        (
            503,
            vec![("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:39:37 GMT")],
            600_000..=600_000,
        ),
        (503, vec![("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], by_schedule.clone()),
        // Sooner than the schedule, nonsense, and answers that will not pass.
        (503, vec![("retry-after", "1")], by_schedule.clone()),
        (503, vec![("retry-after", "-120")], by_schedule.clone()),
        (503, vec![("retry-after", "soon")], by_schedule.clone()),
        (503, vec![("retry-after", "120.5")], by_schedule.clone()),
        (500, vec![("retry-after", "120")], by_schedule.clone()),
        (404, vec![("retry-after", "120")], by_schedule.clone()),
        (302, vec![("retry-after", "120"), ("location", "/")], by_schedule),
        // No more than the longest wait of the schedule.
        (429, vec![("retry-after", "86400")], longest_ms..=longest_ms),
        (429, vec![("retry-after", "99999999999999999999999999")], longest_ms..=longest_ms),
        (429, vec![("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], longest_ms..=longest_ms),
    ] {
        let app = running().await;
        let shown = format!("{status} {headers:?}");
        let receiver = Receiver::answering(move |_| Some(answer(status, &headers))).await;
        let endpoint = subscribe(&app, &receiver.url, &["user.created"]).await;
        app.bare_user().await;
        let delivery = tried(&app, &endpoint, 1).await;
        let wait_ms = delivery["due_at"].as_i64().unwrap() - START;
        assert!(expected.contains(&wait_ms), "{shown}: {wait_ms}");
        assert_eq!(delivery["status"], "queued");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_whose_endpoint_asks_for_more_time_than_it_lasts_is_tried_by_the_schedule() {
    let mut messaging = Messaging::development().unwrap();
    messaging.delivery.sms = Arc::new(EventSender);
    let app = run(TestApp::with(messaging).await);
    let receiver = Receiver::answering(|_| Some(answer(503, &[("retry-after", "600")]))).await;
    let endpoint = subscribe(&app, &receiver.url, &["sms.created"]).await;
    prepare(&app).await;
    let delivery = tried(&app, &endpoint, 1).await;
    assert_eq!(delivery["status"], "queued");
    let wait_ms = delivery["due_at"].as_i64().unwrap() - START;
    assert!((5_000..=5_500).contains(&wait_ms), "{wait_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_always_asks_for_more_time_is_given_up_when_the_schedule_ends() {
    let app = running().await;
    let receiver = Receiver::answering(|_| Some(answer(503, &[("retry-after", "86400")]))).await;
    let endpoint = subscribe(&app, &receiver.url, &["user.created"]).await;
    app.bare_user().await;
    let end_ms: i64 = SCHEDULE_MS.iter().map(|wait| wait + wait / 10).sum();
    for (tries, wait_ms) in SCHEDULE_MS.iter().enumerate().skip(1) {
        let delivery = tried(&app, &endpoint, tries).await;
        assert_eq!(delivery["status"], "queued", "{tries}");
        let due_at = delivery["due_at"].as_i64().unwrap();
        let now = now(&app).await;
        assert!(due_at >= now + wait_ms, "try {tries}");
        // Beyond the end the schedule alone says when, as it would have.
        assert!(due_at <= (START + end_ms).max(now + wait_ms + wait_ms / 10), "try {tries}");
        app.advance_ms(due_at - now);
    }
    assert_eq!(tried(&app, &endpoint, SCHEDULE_MS.len()).await["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_endpoint_wants_to_be_left_alone_the_order_of_a_user_holds() {
    let app = running().await;
    let receiver = Receiver::answering(|at| {
        Some(if at == 0 { answer(429, &[("retry-after", "3600")]) } else { answer(200, &[]) })
    })
    .await;
    let endpoint = subscribe(&app, &receiver.url, &["user.*"]).await;
    let user = app.bare_user().await;
    tried(&app, &endpoint, 1).await;
    receiver.next().await;
    app.tick();
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    let path = format!("{}/deliveries", path_of(&endpoint));
    until(&app, &path, |list| list.as_array().unwrap().len() == 2).await;
    // What another user does is not held up by it.
    app.bare_user().await;
    assert_eq!(receiver.kinds(1).await, ["user.created"]);
    assert!(receiver.is_quiet().await);
    app.advance_ms(HOUR_MS - TICK);
    assert_eq!(receiver.kinds(2).await, ["user.created", "user.updated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_set_back_delays_no_delivery_by_what_it_was_ahead() {
    let app = running().await;
    let receiver = Receiver::start(|at| Some(if at == 0 { (500, "no") } else { (200, "thanks") })).await;
    let endpoint = subscribe(&app, &receiver.url, &["user.*"]).await;
    app.advance_ms(24 * HOUR_MS);
    let user = app.bare_user().await;
    tried(&app, &endpoint, 1).await;
    receiver.next().await;
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    app.advance_ms(-24 * HOUR_MS);
    // The one that waits for its next try, and the one behind it; what is new is told as ever.
    assert_eq!(receiver.kinds(2).await, ["user.created", "user.updated"]);
    app.bare_user().await;
    assert_eq!(receiver.kinds(1).await, ["user.created"]);
}

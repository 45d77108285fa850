//! Events reach whoever subscribed: signed, in order, again when it failed, and never twice by mistake.

mod answers;
mod delivery;
mod endpoints;
mod feed;
mod messages;
mod receiver;
mod rows;
mod shape;
mod trail;

use self::receiver::{PATIENCE, Seen};
use crate::support::TestApp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use verger_server::deliver::signature::{SigningSecret, verify};
use verger_server::{deliver_webhooks, fan_out_events};

async fn running() -> TestApp {
    run(TestApp::new().await)
}

fn run(app: TestApp) -> TestApp {
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    tokio::spawn(deliver_webhooks(Arc::clone(&app.app)));
    app
}

async fn subscribe(app: &TestApp, url: &str, events: &[&str]) -> Value {
    app.post("/verger/v1/webhook_endpoints", json!({ "url": url, "events": events })).await.ok().clone()
}

/// Asks until the answer is as it should be.
async fn until(app: &TestApp, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = app.get(path).await;
        if is_so(answer.ok()) {
            return answer.body;
        }
        assert!(tokio::time::Instant::now() < end, "{path}: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn path_of(endpoint: &Value) -> String {
    format!("/verger/v1/webhook_endpoints/{}", endpoint["id"].as_str().unwrap())
}

fn secret_of(endpoint: &Value) -> SigningSecret {
    SigningSecret::parse(endpoint["secret"].as_str().unwrap()).unwrap()
}

fn is_signed_by(seen: &Seen, endpoint: &Value) -> bool {
    let timestamp: i64 = seen.headers["svix-timestamp"].to_str().unwrap().parse().unwrap();
    verify(&seen.headers, &[secret_of(endpoint)], timestamp, &seen.body).is_ok()
}

fn far() -> std::time::Instant {
    std::time::Instant::now() + PATIENCE
}

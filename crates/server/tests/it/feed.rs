//! Feeds of events that outlive a reset, and that do not outlive their key.

use crate::support::TestApp;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_server::fan_out_events;
use verger_wire::UnixMillis;

async fn running() -> TestApp {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_goes_on_after_a_reset() {
    let app = running().await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    for _ in 0..3 {
        app.bare_user().await;
        feed.next_event().await;
    }
    app.post("/verger/v1/reset", serde_json::json!({})).await.ok();
    let user = app.bare_user().await;
    assert_eq!(feed.next_event().await.1["data"]["id"], *user);
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_ends_when_its_key_is_revoked() {
    let app = running().await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    app.bare_user().await;
    feed.next_event().await;
    let deadline = Instant::now() + Duration::from_secs(10);
    let keys = app.store.keys(None, deadline).await.unwrap();
    for key in keys.into_iter().filter(|key| key.revoked_at.is_none()) {
        app.store.revoke_key(&key.id, UnixMillis(1), deadline).await.unwrap();
    }
    // Five seconds is what is promised (docs/operating.md); the machine may be slow.
    let ended = tokio::time::timeout(Duration::from_secs(15), feed.ends());
    ended.await.expect("the feed went on with a revoked key");
}

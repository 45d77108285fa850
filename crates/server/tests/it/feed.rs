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

/// Reads of the store in about two seconds.
async fn reads_meanwhile(app: &TestApp) -> u64 {
    let before = app.store.reads();
    tokio::time::sleep(Duration::from_secs(2)).await;
    app.store.reads() - before
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_followers_cost_the_store_no_more_than_one_does() {
    // Each on a store of its own, so that all are measured at the same time.
    let (nobody_follows, one_follows, app) = (running().await, running().await, running().await);
    let _feed = one_follows.stream("/verger/v1/events", None).await;
    let mut feeds = Vec::new();
    while feeds.len() < 64 {
        feeds.push(app.stream("/verger/v1/events", None).await);
    }
    // Each looks once when it begins.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (nobody, one, many) =
        tokio::join!(reads_meanwhile(&nobody_follows), reads_meanwhile(&one_follows), reads_meanwhile(&app));
    let (one, many) = (one.saturating_sub(nobody), many.saturating_sub(nobody));
    assert!(one > 0, "nobody looks for what other servers do");
    // Two looks every half a second, and what a busy machine shifts from one time to the other.
    assert!(many <= 14, "{many} reads for 64 followers, {one} for one");
    // All of them are told.
    let user = app.bare_user().await;
    for feed in &mut feeds {
        assert_eq!(feed.next_event().await.1["data"]["id"], *user);
    }
}

/// Another server gives the events their places: its followers hear of them, and so do ours.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_another_server_wake_followers() {
    let app = TestApp::new().await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    let user = app.bare_user().await;
    // On the same store, and with nothing else in common.
    let other = verger_server::App::new(
        Arc::clone(&app.store),
        Arc::new(verger_server::ManualClock::at(UnixMillis(crate::support::START))),
        verger_server::Randomness::system().unwrap(),
        verger_server::Limits::default(),
        verger_server::Messaging::development().unwrap(),
    );
    let fanning_out = tokio::spawn(fan_out_events(Arc::new(other)));
    assert_eq!(feed.next_event().await.1["data"]["id"], *user);
    // Every time, not only the first.
    let user = app.bare_user().await;
    assert_eq!(feed.next_event().await.1["data"]["id"], *user);
    fanning_out.abort();
    // When the last one goes nobody looks any more, until another comes.
    drop(feed);
    let end = Instant::now() + Duration::from_secs(10);
    while reads_meanwhile(&app).await > 0 {
        assert!(Instant::now() < end, "somebody still looks");
    }
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    let user = app.bare_user().await;
    assert_eq!(feed.next_event().await.1["data"]["id"], *user);
}

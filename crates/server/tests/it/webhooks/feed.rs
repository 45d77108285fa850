//! The feed of events.

use super::{PATIENCE, far, running};
use crate::support::{DEVELOPMENT_KEY, PRODUCTION_KEY, START, TICK};
use serde_json::json;
use std::time::Duration;
use verger_store::Kept;
use verger_wire::UnixMillis;

#[tokio::test(flavor = "multi_thread")]
async fn feed_goes_on_where_the_client_was() {
    let app = running().await;
    let mut live = app.stream("/verger/v1/events", None).await;
    app.bare_user().await;
    let first = live.next_event().await;
    assert_eq!(first.1["type"], "user.created");
    assert_eq!(first.1["id"], *first.0);
    drop(live);
    let second = app.bare_user().await;
    let mut again = app.stream("/verger/v1/events", Some(&first.0)).await;
    assert_eq!(again.next_event().await.1["data"]["id"], *second);
    let third = app.bare_user().await;
    assert_eq!(again.next_event().await.1["data"]["id"], *third);
    let unknown = app.call("GET", "/verger/v1/events").header("last-event-id", "evt_none").send().await;
    unknown.refused(404, "resource_not_found", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_shows_one_instance_and_knows_no_event_of_another() {
    let app = running().await;
    let mut ours = app.stream("/verger/v1/events", None).await;
    let theirs = app.stream_of(PRODUCTION_KEY, "/verger/v1/events", None).await;
    let mut theirs = theirs.unwrap_or_else(|status| panic!("{status}"));
    let user = app.bare_user().await;
    let (id, event) = ours.next_event().await;
    assert_eq!(event["data"]["id"], *user);
    let body = json!({ "skip_user_requirement": true });
    let other = app.call("POST", "/v1/users").key(PRODUCTION_KEY).json(&body).send().await;
    assert_eq!(theirs.next_event().await.1["data"]["id"], other.ok()["id"]);
    let refused = app.stream_of(PRODUCTION_KEY, "/verger/v1/events", Some(&id)).await;
    assert_eq!(refused.err(), Some(404));
    app.bare_user().await;
    assert_ne!(ours.next_event().await.1["data"]["id"], other.body["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_of_the_feed_holds_nobody_up_and_misses_nothing() {
    let app = running().await;
    let mut slow = app.stream("/verger/v1/events", None).await;
    let mut quick = app.stream("/verger/v1/events", None).await;
    let mut users = Vec::new();
    // More than the server keeps for one that does not read.
    for _ in 0..60 {
        users.push(app.bare_user().await);
        assert_eq!(quick.next_event().await.1["data"]["id"], *users[users.len() - 1]);
    }
    for user in &users {
        assert_eq!(slow.next_event().await.1["data"]["id"], **user);
    }
    // Nobody is left behind by one that goes away in the middle.
    drop(slow);
    let user = app.bare_user().await;
    assert_eq!(quick.next_event().await.1["data"]["id"], *user);
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_of_events_that_were_removed_says_so_and_goes_on_from_what_is_kept() {
    let app = running().await;
    let mut live = app.stream("/verger/v1/events", None).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        app.bare_user().await;
        ids.push(live.next_event().await.0);
        app.tick();
    }
    let before = UnixMillis(START + 2 * TICK);
    let now = UnixMillis(START + 3 * TICK);
    let kept = Kept { now, answers: before, codes: before, sealed: before, events: before, audit: None };
    let mut sweep = app.store.begin_sweep(&kept, false, far()).await.unwrap();
    while !sweep.is_done() {
        app.store.continue_sweep(&mut sweep, &kept, far()).await.unwrap();
    }
    for id in &ids[..2] {
        let refused = app.call("GET", "/verger/v1/events").header("last-event-id", id).send().await;
        refused.refused(404, "resource_not_found", "");
    }
    let last = app.bare_user().await;
    let mut again = app.stream("/verger/v1/events", Some(&ids[2])).await;
    assert_eq!(again.next_event().await.1["data"]["id"], *last);
    // Whoever was there all the time noticed nothing.
    assert_eq!(live.next_event().await.1["data"]["id"], *last);
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_ends_when_the_server_closes_and_places_are_limited() {
    let app = running().await;
    let mut streams = Vec::new();
    let refused = loop {
        match app.stream_of(DEVELOPMENT_KEY, "/verger/v1/events", None).await {
            Ok(stream) => streams.push(stream),
            Err(status) => break status,
        }
        assert!(streams.len() < 1_000, "there is no limit");
    };
    assert_eq!((streams.len(), refused), (64, 503));
    // An instance takes no more than its share: there is room for others.
    assert!(app.stream_of(PRODUCTION_KEY, "/verger/v1/events", None).await.is_ok());
    // A place is free as soon as somebody goes.
    streams.truncate(2);
    let end = tokio::time::Instant::now() + PATIENCE;
    while app.stream_of(DEVELOPMENT_KEY, "/verger/v1/events", None).await.is_err() {
        assert!(tokio::time::Instant::now() < end, "the places were not given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let user = app.bare_user().await;
    assert_eq!(streams[0].next_event().await.1["data"]["id"], *user);
    app.app.begin_closing();
    assert_eq!(streams[0].next_or_end().await, None);
    // What was on its way may still come.
    while streams[1].next_or_end().await.is_some() {}
}

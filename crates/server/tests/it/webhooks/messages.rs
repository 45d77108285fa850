//! Messages with codes as events: who is told the code, and who is not.

use super::receiver::Receiver;
use super::shape::check_shape;
use super::{PATIENCE, far, path_of, run, running, subscribe, until};
use crate::support::{START, TestApp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use verger_server::Messaging;
use verger_server::deliver::EventSender;
use verger_store::{Environment, OutboxEvent, Write};
use verger_wire::UnixMillis;

pub(super) async fn prepare(app: &TestApp) -> String {
    let user = app.bare_user().await;
    let phone = app.add_number(&user, "+41446681800", json!({})).await;
    app.post(&format!("/v1/phone_numbers/{phone}/prepare_verification"), json!({})).await.ok();
    phone
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_verger_delivers_is_told_without_its_code() {
    let app = running().await;
    let receiver = Receiver::good().await;
    subscribe(&app, &receiver.url, &["sms.created"]).await;
    prepare(&app).await;
    let seen = receiver.next().await.json;
    check_shape(&seen);
    let code = app.get("/verger/v1/messages").await.ok()[0]["code"].as_str().unwrap().to_owned();
    assert!(code.len() == 6 && !seen.to_string().contains(&code), "{seen}");
    assert_eq!(seen["data"]["delivered_by_clerk"], true);
    assert_eq!(seen["data"]["to_phone_number"], "+41446681800");
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_the_application_delivers_is_told_with_its_code_and_kept_nowhere_else() {
    let mut messaging = Messaging::development().unwrap();
    messaging.delivery.sms = Arc::new(EventSender);
    let app = run(TestApp::with(messaging).await);
    let receiver = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &["sms.created"]).await;
    let mut feed = app.stream("/verger/v1/events", None).await;
    let phone = prepare(&app).await;
    let seen = receiver.next().await.json;
    check_shape(&seen);
    assert_eq!(seen["data"]["delivered_by_clerk"], false);
    let code = seen["data"]["data"]["otp_code"].as_str().unwrap().to_owned();
    assert!(seen["data"]["message"].as_str().unwrap().contains(&code));
    // Nothing else was queued, and whoever reads along does not see it.
    assert_eq!(app.get("/verger/v1/deliveries").await.ok(), &json!([]));
    let mut shown = String::new();
    while !shown.contains("sms.created") {
        shown = feed.next_event().await.1.to_string();
        assert!(!shown.contains(&code), "{shown}");
    }
    let log = until(&app, "/verger/v1/audit_log?type=sms.created", |log| log["data"][0].is_object()).await;
    assert!(!log.to_string().contains(&code) && !log.to_string().contains("41446681800"), "{log}");
    let list =
        until(&app, &format!("{}/deliveries", path_of(&endpoint)), |list| list[0]["status"] == "delivered")
            .await;
    assert_eq!(list[0]["attempts"][0]["answer"], "");
    // Once it was erased, it is told to nobody any more, and never with dots in the place of the code.
    let replay = format!("{}/replay", path_of(&endpoint));
    let replayed = app.post(&replay, json!({ "since": START, "all": true })).await;
    assert_eq!(replayed.ok()["replay"], json!({ "queued": 0, "left_out": 1, "after": null }));
    // It is the real one.
    let verification = app.post(&format!("/v1/phone_numbers/{phone}/prepare_verification"), json!({})).await;
    assert_eq!(verification.status, 429, "{}", verification.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_wait_for_a_missing_key_let_others_pass_and_fail_when_they_end() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &[]).await;
    let instances = app.store.instances(far()).await.unwrap();
    let development = instances.iter().find(|instance| instance.environment == Environment::Development);
    let scoped = app.store.instance(&development.unwrap().id);
    // More than a look at the queue of an endpoint finds.
    let stuck = (0..100).map(|n| OutboxEvent {
        id: format!("evt_stuck{n}").into(),
        kind: "sms.created".to_owned(),
        user_id: "user_stuck".into(),
        user_version: 1,
        created_at: UnixMillis(START),
        payload: "{}".to_owned(),
        sealed: Some("lostlost:AAAA".to_owned()),
    });
    scoped.save(&Write { events: stuck.collect(), ..Write::at(UnixMillis(START)) }, far()).await.unwrap();
    let place_of_last = async || scoped.event_place(&"evt_stuck99".into(), far()).await.unwrap();
    let end = tokio::time::Instant::now() + PATIENCE;
    while place_of_last().await.is_none() {
        assert!(tokio::time::Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.bare_user().await;
    assert_eq!(receiver.kinds(1).await, ["user.created"]);
    // The first number is of the endpoint itself, which is in the trail alone.
    let path = format!("{}/deliveries?limit=1&before=3", path_of(&endpoint));
    assert_eq!(app.get(&path).await.ok()[0]["status"], "queued");
    app.advance_ms(600_000);
    let list = until(&app, &path, |list| list[0]["status"] == "failed").await;
    assert_eq!(list[0]["attempts"][0]["reason"], "it could not be delivered before its code ended");
    // That was not the endpoint's doing.
    assert_eq!(app.get(&path_of(&endpoint)).await.ok()["failing_since"], Value::Null);
    assert!(receiver.is_quiet().await);
}

//! Endpoints: made, changed, tested and removed, and the secrets that sign for them.

use super::receiver::Receiver;
use super::{far, is_signed_by, path_of, running, secret_of, subscribe};
use crate::support::{Answer, START, TestApp};
use serde_json::{Value, json};
use verger_server::deliver::signature::{SigningSecret, verify};

#[tokio::test]
async fn endpoint_is_made_listed_changed_and_removed() {
    let app = TestApp::new().await;
    let url = "https://example.com/hook";
    let made = subscribe(&app, url, &["user.*", "phone_number.updated"]).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && made["id"].as_str().unwrap().starts_with("whe_"), "{made}");
    let path = path_of(&made);
    let shown = app.get(&path).await;
    assert_eq!(shown.ok()["events"], json!(["user.*", "phone_number.updated"]));
    assert!(!shown.text.contains("whsec_"));
    let listed = app.get("/verger/v1/webhook_endpoints").await;
    assert_eq!(listed.ok(), &json!([shown.body]));
    app.tick();
    let changed = app.patch(&path, json!({ "url": "https://example.org/", "disabled": true })).await;
    assert_eq!(changed.ok()["disabled_reason"], "requested");
    assert_eq!(app.patch(&path, json!({ "disabled": false })).await.ok()["disabled_at"], Value::Null);
    let rotated = app.post(&format!("{path}/rotate_secret"), json!({ "former_lives_seconds": 60 })).await;
    assert_ne!(rotated.ok()["secret"], *secret);
    let dry = app.call("DELETE", &path).header("prefer", "dry-run").send().await;
    assert_eq!(dry.ok()["deleted"], true);
    assert_eq!(app.delete(&path).await.ok()["deleted"], true);
    app.delete(&path).await.refused(404, "resource_not_found", "");
    app.get(&path).await.refused(404, "resource_not_found", "");
    for (body, param) in [
        (json!({}), "url"),
        (json!({ "url": "ftp://example.com" }), "url"),
        (json!({ "url": "https://a:b@example.com" }), "url"),
        (json!({ "url": url, "events": ["user.renamed"] }), "events"),
        (json!({ "url": url, "events": "user.created" }), "events"),
        (json!({ "url": url, "secret": "whsec_x" }), "secret"),
    ] {
        let answer: Answer = app.post("/verger/v1/webhook_endpoints", body.clone()).await;
        assert_eq!((answer.status, answer.param()), (422, param), "{body}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_byte_old_timestamp_and_wrong_secret_are_refused() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let former = subscribe(&app, &receiver.url, &[]).await;
    let rotate = format!("{}/rotate_secret", path_of(&former));
    let newer = app.post(&rotate, json!({ "former_lives_seconds": 120 })).await.ok().clone();
    app.bare_user().await;
    let seen = receiver.next().await;
    assert!(is_signed_by(&seen, &newer) && is_signed_by(&seen, &former));
    let now = START / 1000;
    let (secrets, wrong) =
        ([secret_of(&newer)], SigningSecret::parse(&format!("whsec_{}", "A".repeat(32))).unwrap());
    assert!(verify(&seen.headers, &secrets, now, &seen.body).is_ok());
    let mut changed = seen.body.to_vec();
    changed[10] ^= 1;
    assert!(verify(&seen.headers, &secrets, now, &changed).is_err());
    assert!(verify(&seen.headers, &secrets, now + 301, &seen.body).is_err());
    assert!(verify(&seen.headers, &[wrong], now, &seen.body).is_err());
    for _ in 0..2 {
        app.tick();
    }
    app.bare_user().await;
    let seen = receiver.next().await;
    assert!(is_signed_by(&seen, &newer) && !is_signed_by(&seen, &former));
}

#[tokio::test]
async fn repeated_request_of_an_endpoint_gets_its_answer_again_and_the_secret_is_kept_sealed() {
    let app = TestApp::new().await;
    let call = async |method: &str, path: &str, key: &str, body: Value| {
        app.call(method, path).header("idempotency-key", key).json(&body).send().await
    };
    let all = "/verger/v1/webhook_endpoints";
    let body = json!({ "url": "https://example.com/hook" });
    // A dry run keeps nothing.
    let dry = app.call("POST", all).header("idempotency-key", "a").header("prefer", "dry-run");
    dry.json(&body).send().await.ok();
    let made = call("POST", all, "a", body.clone()).await;
    let path = path_of(made.ok());
    let rotate = format!("{path}/rotate_secret");
    let rotated = call("POST", &rotate, "b", json!({})).await;
    assert_ne!(rotated.ok()["secret"], made.body["secret"]);
    let changed = call("PATCH", &path, "c", json!({ "disabled": true })).await;
    let replay = format!("{path}/replay");
    let replayed = call("POST", &replay, "d", json!({ "since": 0 })).await;
    for (method, path, key, body, before) in [
        ("POST", all, "a", body.clone(), &made),
        ("POST", rotate.as_str(), "b", json!({}), &rotated),
        ("PATCH", path.as_str(), "c", json!({ "disabled": true }), &changed),
        ("POST", replay.as_str(), "d", json!({ "since": 0 }), &replayed),
    ] {
        assert_eq!((before.status, before.header("idempotent-replayed")), (200, None), "{}", before.text);
        let again = call(method, path, key, body).await;
        assert_eq!(again.text, before.text);
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    }
    assert_eq!(app.get(all).await.ok().as_array().unwrap().len(), 1);
    let other = call("POST", all, "a", json!({ "url": "https://example.org/" })).await;
    other.refused(422, "idempotency_key_reused", "");
    // Many at once make one.
    let one = || call("POST", all, "e", body.clone());
    let (first, second, third, fourth) = tokio::join!(one(), one(), one(), one());
    for other in [second, third, fourth] {
        assert_eq!(other.ok(), first.ok());
    }
    assert_eq!(app.get(all).await.ok().as_array().unwrap().len(), 2);
    for deleted in [call("DELETE", &path, "f", json!({})).await, call("DELETE", &path, "f", json!({})).await]
    {
        assert_eq!(deleted.ok()["deleted"], true);
    }
    let instances = app.store.instances(far()).await.unwrap();
    let (mut kept, mut sealed) = (0, 0);
    for instance in &instances {
        for key in ["a", "b", "c", "d", "e", "f"] {
            let answer = app.store.instance(&instance.id).stored_answer(key, far()).await.unwrap();
            let Some(answer) = answer else { continue };
            kept += 1;
            sealed += usize::from(answer.response.contains("\"is_sealed\":true"));
            assert!(!answer.response.contains("whsec_"), "{key}");
        }
    }
    assert_eq!((kept, sealed), (6, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn test_of_an_endpoint_says_what_came_of_it() {
    let app = TestApp::new().await;
    let receiver = Receiver::start(|at| Some(if at == 0 { (200, "ok") } else { (410, "gone") })).await;
    let endpoint = subscribe(&app, &receiver.url, &["user.deleted"]).await;
    let path = format!("{}/test", path_of(&endpoint));
    let good = app.post(&path, json!({})).await;
    assert_eq!((&good.ok()["delivered"], &good.body["status"]), (&json!(true), &json!(200)));
    let seen = receiver.next().await;
    assert!(is_signed_by(&seen, &endpoint));
    assert_eq!(seen.json["type"], "webhook_endpoint.test");
    let bad = app.post(&path, json!({})).await;
    assert_eq!((&bad.ok()["delivered"], &bad.body["reason"]), (&json!(false), &json!("HTTP 410")));
    // Nobody listens there any more.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    app.patch(&path_of(&endpoint), json!({ "url": format!("http://{closed}/") })).await.ok();
    let gone = app.post(&path, json!({})).await;
    assert_eq!(gone.ok()["delivered"], false);
    assert!(gone.body["reason"].as_str().unwrap().starts_with("no connection"), "{}", gone.text);
}

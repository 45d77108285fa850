//! Everything under `/verger/v1` answers as our document says: real answers, and refusals with codes that it lists.

use crate::codes::Pending;
use crate::openapi_agreement::{our_document, violations};
use crate::support::{Answer, PRODUCTION_KEY, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use verger_server::router::ROUTES;

/// What the document says of an operation, and which operations were looked at.
struct Looked(BTreeSet<&'static str>);

fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => resolved(our_document().pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

impl Looked {
    /// Holds an answer to what the document says of this operation and status.
    #[track_caller]
    fn fits(&mut self, operation_id: &'static str, answer: &Answer) {
        let route = ROUTES.iter().find(|route| route.operation_id == operation_id).expect("a route");
        let operation = &our_document()["paths"][route.path][route.method.to_lowercase()];
        let response = resolved(&operation["responses"][answer.status.to_string()]);
        assert!(response.is_object(), "{operation_id}: {} is not documented: {}", answer.status, answer.text);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{operation_id}: {} has no schema", answer.status);
        let found = violations(our_document(), schema, &answer.body);
        assert_eq!(found, [""; 0], "{operation_id}: {}", answer.text);
        if answer.status == 200 {
            self.0.insert(operation_id);
            return;
        }
        let codes: Vec<_> = response["x-verger-errors"]
            .as_array()
            .expect("codes")
            .iter()
            .map(|error| error["code"].as_str().expect("a code"))
            .collect();
        for error in answer.body["errors"].as_array().expect("errors") {
            let code = error["code"].as_str().expect("a code");
            assert!(codes.contains(&code), "{operation_id}: {code} is not among {codes:?}");
        }
    }
}

#[tokio::test]
async fn real_answers_under_verger_v1_fit_the_document() {
    let app = TestApp::new().await;
    let mut looked = Looked(BTreeSet::new());
    let Pending { id, .. } = app.pending_phone(0).await;
    app.pending_email(0).await;
    app.add_host(crate::support::DEVELOPMENT_KEY, "clerk.example.com").await;
    app.tick();
    app.post("/v1/invitations", json!({ "email_address": "eve@example.com" })).await.ok();
    looked.fits("VergerGetPhoneNumber", &app.get(&format!("/verger/v1/phone_numbers/{id}")).await);
    let deliveries = app.get("/verger/v1/deliveries").await;
    // Of a code by text message, of one by email, and of an invitation.
    assert_eq!(deliveries.ok().as_array().unwrap().len(), 3);
    for (at, delivery) in deliveries.body.as_array().unwrap().iter().enumerate() {
        let delivery = delivery["id"].as_str().unwrap();
        let message = app.get(&format!("/verger/v1/messages/{delivery}")).await;
        looked.fits("VergerGetMessage", &message);
        assert_eq!(message.body, app.get("/verger/v1/messages").await.body[at]);
        looked.fits("VergerGetDelivery", &app.get(&format!("/verger/v1/deliveries/{delivery}")).await);
    }

    let endpoints = "/verger/v1/webhook_endpoints";
    // Nobody listens there.
    let body = json!({ "url": "http://127.0.0.1:1/hook", "events": ["user.*"] });
    let made = app.post(endpoints, body).await;
    looked.fits("VergerCreateWebhookEndpoint", &made);
    // What is read without an id needs nothing else. The feed is no JSON; `feed.rs` reads it.
    let own = || ROUTES.iter().filter(|route| route.path.starts_with("/verger/"));
    let reads = own().filter(|route| route.method == "GET" && !route.path.contains('{'));
    for route in reads.filter(|route| route.operation_id != "VergerFollowEvents") {
        looked.fits(route.operation_id, &app.get(route.path).await);
    }
    let path = format!("{endpoints}/{}", made.ok()["id"].as_str().unwrap());
    looked.fits("VergerGetWebhookEndpoint", &app.get(&path).await);
    looked.fits("VergerUpdateWebhookEndpoint", &app.patch(&path, json!({ "disabled": true })).await);
    looked.fits("VergerUpdateWebhookEndpoint", &app.patch(&path, json!({ "disabled": false })).await);
    looked.fits("VergerRotateWebhookSecret", &app.post(&format!("{path}/rotate_secret"), json!({})).await);
    looked.fits("VergerTestWebhookEndpoint", &app.post(&format!("{path}/test"), json!({})).await);
    app.user(json!({ "skip_user_requirement": true })).await;
    looked.fits(
        "VergerReplayWebhooks",
        &app.post(&format!("{path}/replay"), json!({ "since": 0, "all": true })).await,
    );
    let dry = app.call("POST", &format!("{path}/replay")).header("prefer", "dry-run");
    looked.fits("VergerReplayWebhooks", &dry.json(&json!({ "since": 0 })).send().await);
    looked.fits("VergerListWebhookDeliveries", &app.get(&format!("{path}/deliveries")).await);
    looked.fits("VergerDeleteWebhookEndpoint", &app.delete(&path).await);
    looked.fits("VergerUpdateSettings", &app.patch("/verger/v1/settings", json!({ "sessions": null })).await);
    let keys = "/verger/v1/signing_keys";
    let rotated = app.post(keys, json!({})).await;
    looked.fits("VergerRotateSigningKey", &rotated);
    looked.fits("VergerRotateSigningKey", &app.post(keys, json!({})).await);
    let path = format!("{keys}/{}/retire", rotated.ok()["id"].as_str().unwrap());
    looked.fits("VergerRetireSigningKey", &app.post(&path, json!({})).await);
    looked.fits("VergerRetireSigningKey", &app.post(&path, json!({})).await);
    looked.fits("VergerAdvanceClock", &app.post("/verger/v1/clock", json!({ "advance_ms": 5 })).await);
    looked.fits("VergerReset", &app.post("/verger/v1/reset", json!({})).await);
    let own: BTreeSet<_> = own().map(|route| route.operation_id).collect();
    looked.0.insert("VergerFollowEvents");
    assert_eq!(looked.0, own);
}

#[tokio::test]
async fn refusals_under_verger_v1_are_documented() {
    let app = TestApp::new().await;
    let mut looked = Looked(BTreeSet::new());
    let made = app.post("/verger/v1/webhook_endpoints", json!({ "url": "http://127.0.0.1:1/" })).await;
    let id = made.ok()["id"].as_str().unwrap().to_owned();
    let user = app.bare_user().await;
    let number = app.add_number(&user, "+41791234567", json!({})).await;
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/verger/")) {
        let good = route.path.replace("{webhook_endpoint_id}", &id).replace("{phone_number_id}", &number);
        let bad = route.path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
        let bad: Vec<_> = bad.collect();
        let call = |path: &str| app.call(route.method, path);
        looked.fits(route.operation_id, &call(&good).without_key().send().await);
        looked.fits(route.operation_id, &call(&good).key("sk_test_of_nobody_at_all").send().await);
        looked.fits(route.operation_id, &call(&good).header("clerk-api-version", "2001-01-01").send().await);
        if route.path.contains('{') {
            let body = json!({ "since": 0 });
            let call = call(&bad.join("/"));
            let call = if route.path.ends_with("/replay") { call.json(&body) } else { call };
            looked.fits(route.operation_id, &call.send().await);
        }
        if route.method == "GET" {
            if !route.path.contains('{') || route.path.ends_with("/deliveries") {
                looked.fits(route.operation_id, &call(&format!("{good}?what=1")).send().await);
            }
            continue;
        }
        if route.method != "DELETE" {
            looked.fits(route.operation_id, &call(&good).body("{").send().await);
            looked.fits(route.operation_id, &call(&good).content_type("text/plain").body("a=1").send().await);
            let unknown = call(&good).json(&json!({ "what": 1 })).send().await;
            if unknown.status != 200 {
                looked.fits(route.operation_id, &unknown);
            }
            looked.fits(route.operation_id, &call(&good).body(vec![b' '; 1_100_000]).send().await);
        }
        looked.fits(route.operation_id, &call(&good).header("if-match", "\"1\"").send().await);
    }
    for path in ["/verger/v1/clock", "/verger/v1/reset"] {
        let answer =
            app.call("POST", path).key(PRODUCTION_KEY).json(&json!({ "advance_ms": 1 })).send().await;
        assert_eq!(answer.status, 404);
        let id = if path.ends_with("clock") { "VergerAdvanceClock" } else { "VergerReset" };
        looked.fits(id, &answer);
    }
    let long: Vec<_> = (0..51).map(|_| "user.*").collect();
    let answer = app
        .post("/verger/v1/webhook_endpoints", json!({ "url": "http://127.0.0.1:1/", "events": long }))
        .await;
    assert_eq!(answer.status, 422);
    looked.fits("VergerCreateWebhookEndpoint", &answer);
}

//! Events reach whoever subscribed: signed, in order, again when it failed, and never twice by mistake.

mod answers;

use crate::codes::wrong;
use crate::support::{Answer, DEVELOPMENT_KEY, PRODUCTION_KEY, START, TICK, TestApp, number};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use verger_server::deliver::EventSender;
use verger_server::deliver::signature::{SigningSecret, verify};
use verger_server::{Messaging, deliver_webhooks, fan_out_events};
use verger_store::{Environment, Kept, OutboxEvent, Write};
use verger_wire::UnixMillis;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a receiver does with the n-th request.
type Reply = dyn Fn(usize) -> Option<Response<Body>> + Send + Sync;

/// One request that came.
#[derive(Debug)]
struct Seen {
    headers: HeaderMap,
    body: Bytes,
    json: Value,
}

/// An endpoint on loopback.
struct Receiver {
    url: String,
    seen: Mutex<mpsc::UnboundedReceiver<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn good() -> Self {
        Self::start(|_| Some((200, "thanks"))).await
    }

    /// Answers what `reply` says, or never.
    async fn start(reply: impl Fn(usize) -> Option<(u16, &'static str)> + Send + Sync + 'static) -> Self {
        Self::answering(move |at| {
            let (status, text) = reply(at)?;
            let response = Response::builder().status(status).header("location", "http://127.0.0.1:1/");
            Some(response.body(Body::from(text)).unwrap())
        })
        .await
    }

    /// The same with whole answers.
    async fn answering(reply: impl Fn(usize) -> Option<Response<Body>> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, seen) = mpsc::unbounded_channel();
        let reply: Arc<Reply> = Arc::new(reply);
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, reply, count) = (sender.clone(), Arc::clone(&reply), Arc::clone(&count));
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (sender, reply, count) = (sender.clone(), Arc::clone(&reply), Arc::clone(&count));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let json = serde_json::from_slice(&body).unwrap();
                        // The test may be over.
                        let _ = sender.send(Seen { headers: parts.headers, body, json });
                        let at = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        let Some(response) = reply(at) else { return std::future::pending().await };
                        Ok::<_, Infallible>(response)
                    }
                });
                let io = hyper_util::rt::TokioIo::new(stream);
                let mut server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.auto_date_header(false).serve_connection(io, service));
            }
        });
        Self { url, seen: Mutex::new(seen), task }
    }

    async fn next(&self) -> Seen {
        let mut seen = self.seen.lock().await;
        tokio::time::timeout(PATIENCE, seen.recv()).await.expect("a webhook in time").unwrap()
    }

    /// The types of the next events.
    async fn kinds(&self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(self.next().await.json["type"].as_str().unwrap().to_owned());
        }
        kinds
    }

    async fn is_quiet(&self) -> bool {
        self.seen.lock().await.try_recv().is_err()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

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
async fn numbers_of_metadata_reach_endpoints_digit_for_digit() {
    let receiver = Receiver::good().await;
    let app = running().await;
    subscribe(&app, &receiver.url, &["user.*"]).await;
    let body =
        r#"{"username":"ada_l","public_metadata":{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]}}"#;
    let made = app.call("POST", "/v1/users").body(body).send().await;
    let path = format!("/v1/users/{}/metadata", made.ok()["id"].as_str().unwrap());
    let body = r#"{"public_metadata":{"n":[18446744073709551617]}}"#;
    app.call("PATCH", &path).body(body).send().await.ok();
    let (created, updated) = (receiver.next().await, receiver.next().await);
    let text = |seen: &Seen| String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(
        text(&created).contains(r#"{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]}"#),
        "{created:?}"
    );
    let changed = r#"{"before":{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]},"after":{"n":[18446744073709551617]}}"#;
    assert!(text(&updated).contains(changed), "{updated:?}");
    let audit = until(&app, "/verger/v1/audit_log", |log| log["data"].as_array().unwrap().len() == 2).await;
    assert!(
        !audit.to_string().contains("1844674407370955") && !audit.to_string().contains("unreadable"),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leads_to_the_documented_events_and_codes_to_their_own_alone() {
    let app = running().await;
    let receiver = Receiver::good().await;
    subscribe(&app, &receiver.url, &[]).await;
    let pending = app.pending_phone(0).await;
    app.attempt(&pending.path, &pending.verification, &wrong(&pending.code)).await;
    app.tick();
    app.attempt(&pending.path, &pending.verification, &pending.code).await.ok();
    // It proves what is proved already.
    app.tick();
    let again = app.prepare(&pending.path).await.ok()["id"].as_str().unwrap().to_owned();
    let code = app.code_of(&again).await;
    assert_eq!(app.attempt(&pending.path, &again, &code).await.ok()["status"], "verified");
    app.tick();
    let other = app.add_number(&pending.user, &number(0), json!({ "verified": true })).await;
    app.tick();
    // A code for a test number is sent by nobody.
    app.prepare(&format!("/v1/phone_numbers/{other}")).await.ok();
    for _ in 0..2 {
        app.tick();
        app.patch(&format!("/v1/phone_numbers/{other}"), json!({ "primary": true })).await.ok();
    }
    app.tick();
    app.delete(&format!("/v1/users/{}", pending.user)).await.ok();
    let expected = [
        "user.created",
        "user.updated",
        "phone_number.created",
        "sms.created",
        "user.updated",
        "phone_number.updated",
        "phone_number.verified",
        "sms.created",
        "user.updated",
        "phone_number.created",
        "phone_number.verified",
        "user.updated",
        "user.deleted",
        "phone_number.deleted",
        "phone_number.deleted",
    ];
    assert_eq!(receiver.kinds(expected.len()).await, expected);
    let log = until(&app, "/verger/v1/audit_log?limit=100", |log| log["data"].is_array()).await;
    assert_eq!(log["data"].as_array().unwrap().len(), expected.len());
}

/// The properties of the published document of webhooks, each with its type; `?`: it may be null. It has no others.
const USER: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("external_id", "string?"),
    ("primary_email_address_id", "string?"),
    ("primary_phone_number_id", "string?"),
    ("primary_web3_wallet_id", "string?"),
    ("username", "string?"),
    ("first_name", "string?"),
    ("last_name", "string?"),
    ("locale", "string?"),
    ("profile_image_url", "string"),
    ("image_url", "string"),
    ("has_image", "boolean"),
    ("public_metadata", "object"),
    ("private_metadata", "object?"),
    ("unsafe_metadata", "object"),
    ("email_addresses", "array"),
    ("phone_numbers", "array"),
    ("web3_wallets", "array"),
    ("passkeys", "array"),
    ("password_enabled", "boolean"),
    ("two_factor_enabled", "boolean"),
    ("totp_enabled", "boolean"),
    ("backup_code_enabled", "boolean"),
    ("mfa_enabled_at", "integer?"),
    ("mfa_disabled_at", "integer?"),
    ("password_last_updated_at", "integer?"),
    ("external_accounts", "array"),
    ("saml_accounts", "array"),
    ("enterprise_accounts", "array"),
    ("organization_memberships", "array"),
    ("last_sign_in_at", "integer?"),
    ("banned", "boolean"),
    ("locked", "boolean"),
    ("deprovisioned", "boolean"),
    ("lockout_expires_in_seconds", "integer?"),
    ("verification_attempts_remaining", "integer?"),
    ("updated_at", "integer"),
    ("created_at", "integer"),
    ("delete_self_enabled", "boolean"),
    ("create_organization_enabled", "boolean"),
    ("create_organizations_limit", "integer?"),
    ("last_active_at", "integer?"),
    ("legal_accepted_at", "integer?"),
    ("bypass_client_trust", "boolean"),
    ("scim", "object?"),
];
const PHONE_NUMBER: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("phone_number", "string"),
    ("reserved_for_second_factor", "boolean"),
    ("default_second_factor", "boolean"),
    ("reserved", "boolean"),
    ("verification", "object?"),
    ("linked_to", "array"),
    ("backup_codes", "array?"),
    ("created_at", "integer"),
    ("updated_at", "integer"),
];
const EMAIL_ADDRESS: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("email_address", "string"),
    ("reserved", "boolean"),
    ("verification", "object?"),
    ("linked_to", "array"),
    ("matches_sso_connection", "boolean"),
    ("created_at", "integer"),
    ("updated_at", "integer"),
];
const SMS: &[(&str, &str)] = &[
    ("object", "string"),
    ("id", "string"),
    ("slug", "string?"),
    ("from_phone_number", "string"),
    ("to_phone_number", "string"),
    ("phone_number_id", "string?"),
    ("user_id", "string?"),
    ("message", "string"),
    ("status", "string"),
    ("data", "object"),
    ("delivered_by_clerk", "boolean"),
    ("created_at_ms", "integer"),
];
const EMAIL: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("slug", "string?"),
    ("from_email_name", "string"),
    ("reply_to_email_name", "string?"),
    ("to_email_address", "string"),
    ("email_address_id", "string?"),
    ("user_id", "string?"),
    ("subject", "string"),
    ("body", "string"),
    ("body_plain", "string?"),
    ("status", "string"),
    ("data", "object"),
    ("delivered_by_clerk", "boolean"),
];
const DELETED: &[(&str, &str)] = &[
    ("object", "string"),
    ("id", "string"),
    ("slug", "string"),
    ("deleted", "boolean"),
    ("external_id", "string"),
];

/// What the published document of webhooks demands of an event and of its data, by type.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "user.created" | "user.updated" => &[
            "id",
            "object",
            "username",
            "first_name",
            "last_name",
            "image_url",
            "has_image",
            "primary_email_address_id",
            "primary_phone_number_id",
            "primary_web3_wallet_id",
            "password_enabled",
            "two_factor_enabled",
            "totp_enabled",
            "backup_code_enabled",
            "email_addresses",
            "phone_numbers",
            "web3_wallets",
            "passkeys",
            "external_accounts",
            "saml_accounts",
            "public_metadata",
            "private_metadata",
            "unsafe_metadata",
            "external_id",
            "last_sign_in_at",
            "banned",
            "locked",
            "enterprise_accounts",
            "verification_attempts_remaining",
            "lockout_expires_in_seconds",
            "mfa_enabled_at",
            "mfa_disabled_at",
            "created_at",
            "updated_at",
            "delete_self_enabled",
            "create_organization_enabled",
            "last_active_at",
            "legal_accepted_at",
        ],
        "user.deleted" => &["object", "id", "deleted"],
        "sms.created" => &[
            "object",
            "id",
            "from_phone_number",
            "to_phone_number",
            "message",
            "status",
            "data",
            "delivered_by_clerk",
            "created_at_ms",
        ],
        "email.created" => &["id", "object", "slug", "from_email_name", "data", "delivered_by_clerk"],
        _ => &["id", "object"],
    }
}

fn check_shape(event: &Value) {
    let kind = event["type"].as_str().unwrap();
    assert_eq!(event["object"], "event");
    assert!(
        event["timestamp"].is_i64() && event["instance_id"].as_str().unwrap().starts_with("ins_"),
        "{event}"
    );
    for key in ["client_ip", "user_agent"] {
        assert!(event["event_attributes"]["http_request"][key].is_string(), "{event}");
    }
    let data = event["data"].as_object().unwrap();
    for key in required(kind) {
        assert!(data.contains_key(*key), "{kind}: {key}: {event}");
    }
    match kind {
        "user.created" | "user.updated" => {
            check_properties(&event["data"], USER);
            event["data"]["phone_numbers"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|one| check_properties(one, PHONE_NUMBER));
            event["data"]["email_addresses"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|one| check_properties(one, EMAIL_ADDRESS));
        }
        "user.deleted" => check_properties(&event["data"], DELETED),
        "sms.created" => check_properties(&event["data"], SMS),
        "email.created" => check_properties(&event["data"], EMAIL),
        _ => {}
    }
}

#[track_caller]
fn check_properties(resource: &Value, properties: &[(&str, &str)]) {
    for (key, value) in resource.as_object().unwrap() {
        let (_, kind) = properties
            .iter()
            .find(|(known, _)| known == key)
            .unwrap_or_else(|| panic!("{key} is not documented"));
        let is_it = match kind.trim_end_matches('?') {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        };
        assert!(is_it || (value.is_null() && kind.ends_with('?')), "{key} must be {kind}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_signed_in_the_documented_shape_and_in_order() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let only_users = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &[]).await;
    subscribe(&app, &only_users.url, &["user.*"]).await;
    let user = app.user(json!({ "email_address": ["ada@example.com"], "phone_number": [number(0)] })).await;
    let phone = app.get(&format!("/v1/users/{user}")).await.ok()["phone_numbers"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let patched = app.call("PATCH", &format!("/v1/phone_numbers/{phone}")).header("user-agent", "tests/1");
    let trace = patched.json(&json!({ "verified": false })).send().await;
    let trace_id = trace.header("x-clerk-trace-id").unwrap().to_owned();
    app.delete(&format!("/v1/users/{user}")).await.ok();
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.push(receiver.next().await);
        if seen.last().unwrap().json["type"] == "phone_number.deleted"
            || seen.last().unwrap().json["type"] == "email_address.deleted"
        {
            let deleted = seen
                .iter()
                .filter(|seen| seen.json["before"].is_object() && seen.json["data"]["deleted"] == true);
            if deleted.count() == 3 {
                break;
            }
        }
    }
    let kinds: Vec<_> = seen.iter().map(|seen| seen.json["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[0], "user.created");
    assert_eq!(kinds.iter().filter(|kind| **kind == "user.updated").count(), 1, "{kinds:?}");
    assert_eq!(only_users.kinds(3).await, ["user.created", "user.updated", "user.deleted"]);
    let mut ids: Vec<_> =
        seen.iter().map(|seen| seen.headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    for seen in &seen {
        check_shape(&seen.json);
        assert!(is_signed_by(seen, &endpoint));
        assert_eq!(seen.headers["svix-id"], seen.json["id"].as_str().unwrap());
        assert_eq!(seen.headers["svix-signature"], seen.headers["webhook-signature"]);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len());
    let updated = &seen.iter().find(|seen| seen.json["type"] == "phone_number.updated").expect("told").json;
    assert_eq!(updated["changes"]["verification"]["before"]["status"], "verified");
    assert_eq!(updated["actor"]["trace_id"], *trace_id);
    assert!(updated["actor"]["key_id"].as_str().unwrap().starts_with("key_"));
    assert_eq!(updated["event_attributes"]["http_request"]["user_agent"], "tests/1");
    assert!(updated["consequences"].is_array());
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
    let log = app.get("/verger/v1/audit_log").await;
    assert_eq!(log.ok()["data"].as_array().unwrap().len(), 3, "{}", log.text);
    let instances = app.store.instances_with_unread_events(far()).await.unwrap();
    assert!(instances.is_empty() && receiver.is_quiet().await);
}

fn far() -> std::time::Instant {
    std::time::Instant::now() + PATIENCE
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
async fn trail_tells_who_did_what_without_numbers_and_is_walked_by_cursor() {
    let app = running().await;
    let user = app.user(json!({ "email_address": ["ada@example.com"], "phone_number": [number(3)], "private_metadata": { "token": "hunter2" } })).await;
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    let kinds = [
        "user.created",
        "email_address.created",
        "email_address.verified",
        "phone_number.created",
        "phone_number.verified",
        "user.updated",
    ];
    let log =
        until(&app, "/verger/v1/audit_log", |log| log["data"].as_array().unwrap().len() == kinds.len()).await;
    let text = log.to_string();
    assert!(!text.contains(&number(3)[1..]) && !text.contains("ada@") && !text.contains("hunter2"), "{text}");
    assert!(text.contains(&format!("{}***{}", &number(3)[..2], &number(3)[10..])), "{text}");
    assert!(log["data"][0]["entry"]["actor"]["key_id"].as_str().unwrap().starts_with("key_"));
    assert_eq!(log["data"][0]["entry"]["changes"]["first_name"], json!({ "before": null, "after": "Ada" }));
    assert_eq!(log["data"][0]["previous_hash"], log["data"][1]["hash"]);
    let page = app.get("/verger/v1/audit_log?limit=4").await;
    let next = page.ok()["next_before"].as_i64().unwrap();
    let rest = app.get(&format!("/verger/v1/audit_log?limit=4&before={next}")).await;
    assert_eq!((rest.ok()["data"].as_array().unwrap().len(), &rest.body["next_before"]), (2, &Value::Null));
    let some = app.get("/verger/v1/audit_log?type=user.updated").await;
    assert_eq!(some.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/verger/v1/audit_log?user_id=user_none").await.ok()["data"], json!([]));
    // Empty text asks for nothing.
    let all = app.get("/verger/v1/audit_log").await;
    assert_eq!(app.get("/verger/v1/audit_log?user_id=&type=").await.ok()["data"], all.ok()["data"]);
    for kind in ["sms.refused", "email.refused"] {
        assert_eq!(app.get(&format!("/verger/v1/audit_log?type={kind}")).await.ok()["data"], json!([]));
    }
    let unknown = app.get("/verger/v1/audit_log?type=foo").await;
    unknown.refused(422, "form_param_value_invalid", "type");
    let words = unknown.body["errors"][0]["message"].as_str().unwrap();
    assert!(words.contains("user.created") && words.contains("sms.refused"), "{words}");
}

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

async fn prepare(app: &TestApp) -> String {
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
    let path = format!("{}/deliveries?limit=1&before=2", path_of(&endpoint));
    assert_eq!(app.get(&path).await.ok()[0]["status"], "queued");
    app.advance_ms(600_000);
    let list = until(&app, &path, |list| list[0]["status"] == "failed").await;
    assert_eq!(list[0]["attempts"][0]["reason"], "it could not be delivered before its code ended");
    // That was not the endpoint's doing.
    assert_eq!(app.get(&path_of(&endpoint)).await.ok()["failing_since"], Value::Null);
    assert!(receiver.is_quiet().await);
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

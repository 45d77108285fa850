//! The inbox, the clock and the reset, which only development has; deliveries and callbacks, which all have.

use super::*;
use crate::logged::Log;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use verger_server::Messaging;
use verger_server::router::service;

/// A page or a callback: what is no answer of the API.
async fn raw(app: &TestApp, request: Request<Body>) -> (u16, axum::http::HeaderMap, String) {
    let response = service(std::sync::Arc::clone(&app.app)).handle(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn page(app: &TestApp, path: &str, host: &str) -> (u16, axum::http::HeaderMap, String) {
    raw(app, Request::builder().uri(path).header("host", host).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn invitations_are_in_the_inbox_with_their_link() {
    let app = TestApp::new().await;
    app.add_host(crate::support::DEVELOPMENT_KEY, "clerk.example.com").await;
    let one = json!({ "email_address": "one@example.com" });
    // What is rehearsed, or not to be sent, is not there.
    app.call("POST", "/v1/invitations").header("prefer", "dry-run").json(&one).send().await.ok();
    app.post("/v1/invitations", json!({ "email_address": "no@example.com", "notify": false })).await.ok();
    assert_eq!(app.get("/verger/v1/messages").await.ok(), &json!([]));
    let keyed = async || {
        let call = app.call("POST", "/v1/invitations").header("idempotency-key", "one").json(&one);
        call.send().await.ok().clone()
    };
    let made = keyed().await;
    let all = app.get("/verger/v1/messages?email_address=one@example.com").await.ok().clone();
    let message = &all[0];
    assert!(message["text"].as_str().unwrap().contains(made["url"].as_str().unwrap()), "{message}");
    for (field, expected) in [
        ("object", json!("message")),
        ("channel", json!("email")),
        ("to", json!("one@example.com")),
        ("status", json!("queued")),
        ("invitation_id", made["id"].clone()),
        ("created_at", made["created_at"].clone()),
        ("code", Value::Null),
        ("user_id", Value::Null),
        ("verification_id", Value::Null),
        ("email_address_id", Value::Null),
        ("phone_number_id", Value::Null),
    ] {
        assert_eq!(message[field], expected, "{field}");
    }
    // The answer to the same request is given once more, the message is not.
    assert_eq!(keyed().await, made);
    let several = json!([{ "email_address": "two@example.com" }, { "email_address": "three@example.com" }]);
    app.post("/v1/invitations/bulk", several).await.ok();
    let allowed = json!({ "identifier": "four@example.com", "notify": true });
    app.post("/v1/allowlist_identifiers", allowed).await.ok();
    let all = app.get("/verger/v1/messages").await.ok().clone();
    let to: Vec<_> = all.as_array().unwrap().iter().map(|message| message["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["four@example.com", "three@example.com", "two@example.com", "one@example.com"]);
    let (status, _, list) = page(&app, "/inbox/list", "127.0.0.1:4100").await;
    assert_eq!(status, 200);
    assert_eq!(list.matches("valid for 30 d").count(), 4, "{list}");
    assert!(!list.contains("class=\"code\""), "an invitation has no code");
    app.post(&format!("/v1/invitations/{}/revoke", made["id"].as_str().unwrap()), json!({})).await.ok();
    let (_, _, list) = page(&app, "/inbox/list", "127.0.0.1:4100").await;
    assert_eq!((list.matches("valid for 30 d").count(), list.matches(">ended<").count()), (3, 1), "{list}");
    // The delivery says of what it is, and nothing of what an invitation has not.
    let path = format!("/verger/v1/deliveries?identification_id={}", made["id"].as_str().unwrap());
    let deliveries = app.get(&path).await.ok().clone();
    assert_eq!(deliveries.as_array().map(Vec::len), Some(1));
    for (field, expected) in [
        ("id", message["id"].clone()),
        ("invitation_id", made["id"].clone()),
        ("identification_id", Value::Null),
        ("user_id", Value::Null),
        ("verification_id", Value::Null),
    ] {
        assert_eq!(deliveries[0][field], expected, "{field}");
    }
}

#[tokio::test]
async fn the_inbox_lists_messages_newest_first_and_filters() {
    let app = TestApp::new().await;
    let phone = app.pending_phone(0).await;
    app.advance_ms(1);
    let email = app.pending_email(0).await;
    let all = app.get("/verger/v1/messages").await;
    let all = all.ok().as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["verification_id"], email.verification);
    let sms = &all[1];
    assert_eq!(sms["to"], real_number(0));
    assert_eq!(
        (&sms["object"], &sms["channel"], &sms["status"], &sms["phone_number_id"], &sms["code"]),
        (&json!("message"), &json!("sms"), &json!("queued"), &json!(phone.id), &json!(phone.code))
    );
    assert!(sms["text"].as_str().unwrap().contains(&phone.code));
    let number = real_number(0).replace('+', "%2B");
    for (query, expected) in [
        (format!("phone_number={number}"), 1),
        (format!("phone_number_id={}", phone.id), 1),
        ("email_address=JANE0@example.com".to_owned(), 1),
        ("phone_number=%2B14155559999".to_owned(), 0),
        ("limit=1".to_owned(), 1),
    ] {
        let found = app.get(&format!("/verger/v1/messages?{query}")).await;
        assert_eq!(found.ok().as_array().unwrap().len(), expected, "{query}");
    }
    let others = app.call("GET", "/verger/v1/messages").key(PRODUCTION_KEY).send().await;
    // Where real users are, there is nothing of this.
    others.refused(404, "resource_not_found", "");
    assert!(others.text.contains("Only `verger dev` has this path"), "{}", others.text);
}

#[tokio::test]
async fn the_inbox_page_escapes_and_answers_to_this_machine_alone() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let body = json!({ "user_id": user, "email_address": "a&b@example.com" });
    let id = app.post("/v1/email_addresses", body).await.ok()["id"].as_str().unwrap().to_owned();
    app.prepare(&format!("/v1/email_addresses/{id}")).await.ok();
    for path in ["/inbox", "/inbox/list", "/inbox.json"] {
        for host in ["localhost:7411", "localhost", "127.0.0.1:7411", "[::1]:7411", "192.168.1.7:7411"] {
            let (status, headers, text) = page(&app, path, host).await;
            assert_eq!(status, 200, "{path} {host}");
            assert_eq!(headers["cache-control"], "no-store");
            assert!(text.contains("b@example.com"), "{text}");
            if path.ends_with(".json") {
                assert_eq!(headers["x-content-type-options"], "nosniff");
                continue;
            }
            assert!(!text.contains("a&b@"), "{text}");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
            assert!(headers.get("access-control-allow-origin").is_none());
        }
        // Names that an attacker's DNS can point here.
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7411", "", "evil:80:80"]
        {
            let (status, _, text) = page(&app, path, host).await;
            assert_eq!(status, 404, "{path} {host}");
            assert!(
                !text.contains("b@example.com") && text.contains("only under localhost or an IP"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn production_has_neither_inbox_nor_clock_nor_reset() {
    let app = TestApp::with(Messaging { dev: false, ..Messaging::development().unwrap() }).await;
    let user = app.bare_user().await;
    let id = app.add_number(&user, &real_number(0), json!({})).await;
    app.prepare(&format!("/v1/phone_numbers/{id}")).await.ok();
    app.get("/verger/v1/messages").await.refused(404, "resource_not_found", "");
    app.post("/verger/v1/clock", json!({ "advance_ms": 1 })).await.refused(404, "resource_not_found", "");
    app.post("/verger/v1/reset", json!({})).await.refused(404, "resource_not_found", "");
    for path in ["/inbox", "/inbox/list", "/inbox.json"] {
        assert_eq!(page(&app, path, "localhost").await.0, 404);
    }
    assert_eq!(app.get(&format!("/v1/users/{user}")).await.status, 200, "nothing was reset");
}

/// `verger dev` refuses a store with real users, but another process can add an instance to it later.
#[tokio::test]
async fn the_inbox_of_development_shows_nothing_of_a_production_instance() {
    let app = TestApp::new().await;
    let ours = app.pending_phone(0).await;
    let of_production =
        |method: &str, path: &str, body: Value| app.call(method, path).key(PRODUCTION_KEY).json(&body).send();
    let user = of_production("POST", "/v1/users", json!({ "skip_user_requirement": true })).await;
    let body = json!({ "user_id": user.ok()["id"], "phone_number": real_number(1) });
    let number = of_production("POST", "/v1/phone_numbers", body).await;
    let path = format!("/v1/phone_numbers/{}/prepare_verification", number.ok()["id"].as_str().unwrap());
    of_production("POST", &path, Value::Null).await.ok();
    for path in ["/inbox", "/inbox/list", "/inbox.json"] {
        let (status, _, text) = page(&app, path, "localhost").await;
        assert_eq!(status, 200);
        assert!(text.contains(&ours.code) && !text.contains(&real_number(1)[1..]), "{text}");
    }
}

#[tokio::test]
async fn the_clock_moves_one_instance_and_its_codes() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    for bad in
        [json!({}), json!({ "advance_ms": -1 }), json!({ "advance_ms": "1" }), json!({ "advance_ms": 1e18 })]
    {
        assert_eq!(app.post("/verger/v1/clock", bad).await.status, 422);
    }
    let moved = app.post("/verger/v1/clock", json!({ "advance_ms": 599_999 })).await;
    assert_eq!((&moved.ok()["now"], &moved.body["advanced_ms"]), (&json!(START + 599_999), &json!(599_999)));
    assert_eq!(app.verification_of(&pending).await["status"], "unverified");
    let moved = app.post("/verger/v1/clock", json!({ "advance_ms": 1 })).await;
    assert_eq!(moved.ok()["advanced_ms"], 600_000);
    let answer = app.attempt(&pending.path, &pending.verification, &pending.code).await;
    assert_eq!(answer.ok()["status"], "expired");
    let other = app.call("POST", "/verger/v1/clock").key(PRODUCTION_KEY);
    other.json(&json!({ "advance_ms": 0 })).send().await.refused(404, "resource_not_found", "");
}

#[tokio::test]
async fn reset_empties_the_instance_and_no_other() {
    let app = TestApp::new().await;
    app.pending_phone(0).await;
    let call = app.call("POST", "/v1/users").key(PRODUCTION_KEY);
    call.json(&json!({ "skip_user_requirement": true })).send().await.ok();
    app.post("/verger/v1/clock", json!({ "advance_ms": 5 })).await.ok();
    app.post("/verger/v1/reset", json!({})).await.ok();
    for path in ["/v1/users", "/verger/v1/messages", "/verger/v1/deliveries"] {
        assert_eq!(app.get(path).await.ok(), &json!([]), "{path}");
    }
    let clock = app.post("/verger/v1/clock", json!({ "advance_ms": 0 })).await;
    assert_eq!(clock.ok()["advanced_ms"], 0);
    let others = app.call("GET", "/v1/users").key(PRODUCTION_KEY).send().await;
    assert_eq!(others.ok().as_array().unwrap().len(), 1);
    // The pause of the number is forgotten too.
    app.pending_phone(0).await;
}

const TOKEN: &str = "twilio-token";
const CALLBACK: &str = "https://id.example.com/verger/v1/callbacks/twilio";

fn callback(id: &str, status: &str, token: &str) -> Request<Body> {
    callback_to(CALLBACK, id, status, token)
}

/// A callback that was signed over this address.
fn callback_to(address: &str, id: &str, status: &str, token: &str) -> Request<Body> {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    let signed = format!("{address}?message={id}MessageSidSM1MessageStatus{status}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature =
        base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
    Request::builder()
        .method("POST")
        .uri(format!("/verger/v1/callbacks/twilio?message={id}"))
        .header("x-twilio-signature", signature)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("MessageSid=SM1&MessageStatus={status}")))
        .unwrap()
}

#[tokio::test]
async fn callback_counts_whether_it_was_signed_with_the_port_of_the_address_or_without() {
    const WITH_PORT: &str = "https://id.example.com:8443/verger/v1/callbacks/twilio";
    for (configured, signed, expected) in [
        (WITH_PORT, CALLBACK, 200),
        (WITH_PORT, WITH_PORT, 200),
        (WITH_PORT, "https://id.example.com:443/verger/v1/callbacks/twilio", 403),
        (CALLBACK, CALLBACK, 200),
        (CALLBACK, "https://id.example.com:443/verger/v1/callbacks/twilio", 200),
        (CALLBACK, WITH_PORT, 403),
        ("https://id.example.com:443/verger/v1/callbacks/twilio", CALLBACK, 200),
        (WITH_PORT, "https://evil.example:8443/verger/v1/callbacks/twilio", 403),
    ] {
        let twilio_callbacks = Some((TOKEN.into(), configured.to_owned()));
        let app = TestApp::with(Messaging { twilio_callbacks, ..Messaging::development().unwrap() }).await;
        app.pending_phone(0).await;
        let deliveries = app.get("/verger/v1/deliveries").await;
        let id = deliveries.ok()[0]["id"].as_str().unwrap().to_owned();
        let status = raw(&app, callback_to(signed, &id, "delivered", TOKEN)).await.0;
        assert_eq!(status, expected, "{configured} signed as {signed}");
    }
}

/// Row 28: whoever has the provider's credentials reads messages, but verifies nothing.
#[tokio::test]
async fn flaw_28_callbacks_change_the_delivery_and_nothing_else() {
    let twilio_callbacks = Some((TOKEN.into(), CALLBACK.to_owned()));
    let app = TestApp::with(Messaging { twilio_callbacks, ..Messaging::development().unwrap() }).await;
    let pending = app.pending_phone(0).await;
    let delivery = async || {
        let deliveries = app.get("/verger/v1/deliveries").await;
        let deliveries = deliveries.ok().as_array().unwrap().clone();
        assert_eq!(deliveries.len(), 1);
        deliveries[0].clone()
    };
    let first = delivery().await;
    assert_eq!((&first["status"], &first["recipient"]), (&json!("queued"), &json!("+1***00")));
    assert_eq!(
        app.get(&format!("/verger/v1/deliveries/{}", first["id"].as_str().unwrap())).await.ok(),
        &first
    );
    assert!(!first.to_string().contains(&pending.code));
    let id = first["id"].as_str().unwrap();
    let send = async |status: &str, token: &str| raw(&app, callback(id, status, token)).await.0;
    // What waits was never handed over, whoever says so.
    assert_eq!(send("delivered", TOKEN).await, 200);
    assert_eq!(delivery().await["status"], "queued");
    let delivering = tokio::spawn(verger_server::deliver_messages(std::sync::Arc::clone(&app.app)));
    while delivery().await["status"] == "queued" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    app.app.begin_closing();
    delivering.await.unwrap();
    // The log sender reports arrival at once; what was heard first stays.
    assert_eq!(delivery().await["status"], "delivered");
    for (status, token, answer) in [("failed", "forged", 403), ("failed", TOKEN, 200), ("sent", TOKEN, 200)] {
        assert_eq!(send(status, token).await, answer, "{status}");
        assert_eq!(delivery().await["status"], "delivered");
    }
    assert_eq!(raw(&app, callback("sms_nobody", "delivered", TOKEN)).await.0, 200);
    assert_eq!(app.verification_of(&pending).await["status"], "unverified");
    let none = TestApp::new().await;
    assert_eq!(raw(&none, callback(id, "delivered", TOKEN)).await.0, 404, "not configured");
}

/// A body that goes on for as long as somebody reads it, and how much of it was read.
struct Endless(Arc<AtomicUsize>);

impl hyper::body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        let data = bytes::Bytes::from_static(&[b'a'; 4096]);
        self.0.fetch_add(data.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(hyper::body::Frame::data(data))))
    }
}

#[tokio::test]
async fn callback_that_is_refused_is_hardly_read_and_leaves_a_trace() {
    let log = Log::default();
    let _listening = log.listen_json(tracing::Level::INFO);
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics_handle = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);

    let twilio_callbacks = Some((TOKEN.into(), CALLBACK.to_owned()));
    let app = TestApp::with(Messaging { twilio_callbacks, ..Messaging::development().unwrap() }).await;
    let not_configured = TestApp::new().await;
    let signature = ("x-twilio-signature", "c2lnbmF0dXJl");
    for (app, header, endless, status, result) in [
        (&not_configured, signature, true, 404, "not_configured"),
        (&app, ("x-other", "1"), true, 403, "not_signed"),
        (&app, signature, true, 413, "malformed"),
        (&app, signature, false, 403, "not_signed"),
    ] {
        let read = Arc::new(AtomicUsize::new(0));
        let body = if endless {
            Body::new(Endless(Arc::clone(&read)))
        } else {
            Body::from("MessageSid=SM1&MessageStatus=failed&To=%2B14155550123")
        };
        let request = Request::builder()
            .method("POST")
            .uri("/verger/v1/callbacks/twilio?message=sms_1")
            .header(header.0, header.1)
            .body(body)
            .unwrap();
        let (answered, headers, text) = raw(app, request).await;
        assert_eq!(answered, status, "{text}");
        if status == 413 {
            assert!(text.contains("request_body_too_large") && text.contains("at most 16 KiB"), "{text}");
        }
        let read = read.load(Ordering::Relaxed);
        assert!(read <= 200 * 1024, "{read} bytes were read: {text}");
        let trace_id = headers["x-clerk-trace-id"].to_str().unwrap();
        let log = log.text();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(trace_id)).collect();
        assert!(lines.iter().any(|line| line.contains(result) && line.contains("verger::audit")), "{log}");
        assert!(lines.iter().any(|line| line.contains("verger::request")), "{log}");
        assert!(!log.contains("4155550123"), "{log}");
    }
    let counted = metrics_handle.render();
    for (result, count) in [("not_configured", 1), ("not_signed", 2), ("malformed", 1)] {
        let line = format!("verger_callbacks_total{{result=\"{result}\"}} {count}");
        assert!(counted.contains(&line), "{counted}");
    }
}

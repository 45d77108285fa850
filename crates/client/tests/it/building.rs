//! What is refused before anything is sent, and what every request carries.

use crate::support::{Step, Stub, header};
use serde_json::json;
use std::time::Duration;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{Client, Method};

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = || Client::builder().secret_key("sk_test_x").base_url("http://127.0.0.1:1/prefix/");
    assert!(good().build().is_ok());
    for url in [
        "",
        "api.clerk.com",
        "ftp://host",
        "http://",
        "/v1",
        "http://user:pw@host",
        "http://host?a=b",
        "http://host/#f",
        "http://host/v1",
        "http://host/v1/",
        "http://ho st",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:65616/prefix",
        "https://host:0",
        "https://host:",
        "https://host:-1",
        "https://host:+443",
        "https://[::1]:70000",
    ] {
        let error = good().base_url(url).build().unwrap_err();
        assert!(error.is_refused() && !error.to_string().contains("pw"), "{url}: {error}");
    }
    for version in ["", "2025", "2025-11-1x", "2025/11/10", "2025-11-10\n"] {
        assert!(good().api_version(version).build().unwrap_err().is_refused(), "{version:?}");
    }
    assert!(good().user_agent("a\nb").build().unwrap_err().is_refused());
    assert!(good().connect_timeout(Duration::ZERO).build().unwrap_err().is_refused());
    assert!(good().attempt_timeout(Duration::ZERO).build().unwrap_err().is_refused());
    assert!(good().total_timeout(Duration::ZERO).build().unwrap_err().is_refused());
    assert!(good().total_timeout(Duration::MAX).build().is_ok());
}

#[tokio::test]
async fn request_that_makes_no_sense_is_never_sent() {
    let mock = MockTransport::new();
    let client = mock.client();
    let phones = client.phone_numbers();
    let mut requests = Vec::new();
    for id in ["", ".", ".."] {
        requests.push(phones.get_phone_number(id).decode::<serde_json::Value>());
        requests.push(client.users().delete_user(id).decode());
    }
    for path in [
        "",
        "v1/x",
        "/v1//x",
        "/v1/../x",
        "/v1/%2E%2e/x",
        "/v1/x?a=b",
        "/v1/x#f",
        "/v1/a b",
        "/v1/ä",
        "/a\\b",
    ] {
        requests.push(client.request(Method::Get, path));
    }
    let get = || client.request(Method::Get, "/v1/x");
    for name in ["authorization", "Content-Length", "host", "a b", ""] {
        requests.push(get().header(name, "x"));
    }
    requests.push(get().header("x-a", "a\nb"));
    requests.push(get().idempotency_key(""));
    requests.push(get().idempotency_key(&"x".repeat(256)));
    requests.push(get().idempotency_key("a b"));
    requests.push(get().if_match("\"\n\""));
    requests.push(get().timeout(Duration::ZERO));
    let count = requests.len();
    for request in requests {
        let error = request.await.unwrap_err();
        assert!(error.is_refused() && !error.is_retryable(), "{error}");
        assert_eq!((error.status(), error.attempts()), (None, 0));
    }
    assert_eq!((count, mock.requests().len()), (27, 0));
}

#[tokio::test]
async fn request_carries_what_was_asked_for() {
    let stub = Stub::start([Step::answer(200, "", "{}"), Step::answer(200, "", "")]).await;
    let builder = stub.builder().base_url(format!("{}/behind/", stub.url));
    let client = builder.api_version("2024-10-01").user_agent("shop/1.4").build().unwrap();
    let request =
        client.request(Method::Put, "/v1/x").json(&json!({"a": 1})).idempotency_key("k").if_match("\"1\"");
    assert_eq!((request.body(), request.chosen_idempotency_key()), (Some("{\"a\":1}"), Some("k")));
    let request = request.dry_run().header("X-Own", "1").header("x-own", "2").query("a b", "ä&=+");
    request.await.unwrap();
    // An answer without a body reads as nothing.
    client.request(Method::Delete, "/v1/x").decode::<()>().await.unwrap();
    let sent = stub.requests();
    assert!(sent[0].starts_with("PUT /behind/v1/x?a+b=%C3%A4%26%3D%2B HTTP/1.1\r\n"), "{}", sent[0]);
    for (name, value) in [
        ("idempotency-key", "k"),
        ("if-match", "\"1\""),
        ("prefer", "dry-run"),
        ("x-own", "2"),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("clerk-api-version", "2024-10-01"),
        ("user-agent", concat!("shop/1.4 verger-client/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(header(&sent[0], name), Some(value), "{name}");
    }
    assert!(sent[1].starts_with("DELETE /behind/v1/x HTTP/1.1\r\n") && sent[1].ends_with("\r\n\r\n"));
    assert_eq!(header(&sent[1], "content-type"), None);
}

#[tokio::test]
async fn verification_calls_have_the_documented_form() {
    let mock = MockTransport::new();
    let client = mock.client();
    let answer = json!({
        "object": "verification_otp", "id": "ver_1", "status": "unverified", "strategy": "phone_code", "attempts": 0,
        "expire_at": 5, "channel": "sms",
    });
    for _ in 0..4 {
        mock.push(Answer::json(200, answer.clone()));
    }
    let code =
        verger_client::AttemptVerificationParams { verification_id: "ver_1".into(), code: "123456".into() };
    let prepared = client.phone_numbers().prepare_phone_number_verification("idn_1").await.unwrap();
    client.phone_numbers().attempt_phone_number_verification("idn_1", code.clone()).await.unwrap();
    client.email_addresses().prepare_email_address_verification("idn_2").await.unwrap();
    client.email_addresses().attempt_email_address_verification("idn_2", code).await.unwrap();
    assert_eq!(serde_json::to_value(prepared).unwrap(), answer);
    let sent: Vec<_> = mock.requests().iter().map(|sent| (sent.path().to_owned(), sent.json())).collect();
    let body = json!({"verification_id": "ver_1", "code": "123456"});
    assert_eq!(
        sent,
        [
            ("/v1/phone_numbers/idn_1/prepare_verification".to_owned(), json!(null)),
            ("/v1/phone_numbers/idn_1/attempt_verification".to_owned(), body.clone()),
            ("/v1/email_addresses/idn_2/prepare_verification".to_owned(), json!(null)),
            ("/v1/email_addresses/idn_2/attempt_verification".to_owned(), body),
        ]
    );
}

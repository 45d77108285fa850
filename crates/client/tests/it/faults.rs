//! A server that misbehaves: what is sent again, when, and for how long.

use crate::support::{PHONE_NUMBER, Step, Stub, header};
use std::time::Duration;
use tokio::time::Instant;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{Client, Method, RetryPolicy, UpdatePhoneNumberParams};

fn ok() -> Step {
    Step::answer(200, "", PHONE_NUMBER)
}

fn params() -> UpdatePhoneNumberParams {
    UpdatePhoneNumberParams { verified: Some(false), ..Default::default() }
}

fn half() -> Step {
    Step::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":".to_vec())
}

#[tokio::test]
async fn write_with_its_key_is_repeated_with_the_same_key() {
    for bad in [
        Step::Hang,
        half(),
        Step::answer(429, "", "{}"),
        Step::answer(500, "", "<html>"),
        Step::answer(502, "", ""),
        Step::answer(503, "", "{"),
        Step::answer(504, "", "null"),
    ] {
        let stub = Stub::start([bad.clone(), bad, ok()]).await;
        let client = stub.builder().build().unwrap();
        let answer = client.phone_numbers().update_phone_number("idn_1", params()).response().await.unwrap();
        assert_eq!(answer.attempts(), 3);
        let requests = stub.requests();
        assert_eq!(requests.len(), 3);
        let keys: Vec<_> = requests.iter().map(|request| header(request, "idempotency-key")).collect();
        assert!(keys[0].is_some_and(|key| key.len() == 32), "{keys:?}");
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        for request in &requests {
            assert!(request.starts_with("PATCH /v1/phone_numbers/idn_1 HTTP/1.1\r\n"), "{request}");
            assert_eq!(header(request, "content-type"), Some("application/json"));
            assert!(request.ends_with("\r\n\r\n{\"verified\":false}"), "{request}");
        }
    }
}

#[tokio::test]
async fn write_without_key_is_sent_once() {
    for (bad, status) in [
        (Step::Hang, None),
        (half(), None),
        (Step::answer(429, "Retry-After: 0\r\n", "{}"), Some(429)),
        (Step::answer(500, "", "{}"), Some(500)),
        (Step::answer(503, "", "{}"), Some(503)),
    ] {
        let stub = Stub::start([bad.clone(), ok()]).await;
        let client = stub.builder().idempotency_keys(false).build().unwrap();
        let error = client.phone_numbers().update_phone_number("idn_1", params()).await.unwrap_err();
        assert_eq!((error.status(), error.attempts(), error.idempotency_key()), (status, 1, None));
        assert_eq!(error.is_interrupted(), status.is_none(), "{error}");
        assert_eq!(stub.requests().len(), 1);
        assert_eq!(header(&stub.requests()[0], "idempotency-key"), None);

        let stub = Stub::start([bad, ok()]).await;
        let client = stub.builder().build().unwrap();
        let request = client.phone_numbers().update_phone_number("idn_1", params());
        assert_eq!(request.without_idempotency_key().await.unwrap_err().attempts(), 1);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn read_is_repeated_without_key() {
    let stub = Stub::start([Step::Hang, Step::answer(503, "", ""), ok()]).await;
    let client = stub.builder().build().unwrap();
    client.phone_numbers().get_phone_number("idn_1").await.unwrap();
    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| header(request, "idempotency-key").is_none()));
    assert!(requests.iter().all(|request| header(request, "content-type").is_none()));
}

#[tokio::test]
async fn refusal_is_not_repeated() {
    for status in [301, 400, 401, 403, 404, 409, 412, 422, 501] {
        let stub = Stub::start([Step::answer(status, "Location: /other\r\n", "{}"), ok()]).await;
        let client = stub.builder().build().unwrap();
        let error = client.phone_numbers().get_phone_number("idn_1").await.unwrap_err();
        assert_eq!((error.status(), error.attempts(), stub.requests().len()), (Some(status), 1, 1));
    }
}

#[tokio::test]
async fn attempts_are_bounded() {
    let stub = Stub::start(vec![Step::answer(503, "", "{}"); 10]).await;
    let client = stub.builder().build().unwrap();
    let error = client.phone_numbers().get_phone_number("idn_1").await.unwrap_err();
    assert_eq!((error.attempts(), stub.requests().len()), (4, 4));
    assert!(error.is_server_error() && error.is_retryable());
    let client = stub.builder().retry(RetryPolicy::never()).build().unwrap();
    client.phone_numbers().get_phone_number("idn_1").await.unwrap_err();
    assert_eq!(stub.requests().len(), 5);
}

#[tokio::test]
async fn missing_connection_is_tried_again_even_without_key() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(2));
    let builder = Client::builder().secret_key("sk_test_x").base_url(url).retry(retry);
    let client = builder.idempotency_keys(false).build().unwrap();
    let error = client.phone_numbers().update_phone_number("idn_1", params()).await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable(), "{error}");
    assert_eq!((error.status(), error.attempts()), (None, 4));
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn tls_is_required_of_an_https_address() {
    let stub = Stub::start([ok()]).await;
    let url = stub.url.replace("http:", "https:");
    let Ok(client) = stub.builder().base_url(url).retry(RetryPolicy::never()).build() else {
        // A machine without root certificates refuses to build it, which keeps the promise too.
        return;
    };
    // The stub never understands the handshake, so that nothing of the request can have reached it.
    let request = client.phone_numbers().get_phone_number("idn_1").timeout(Duration::from_millis(300));
    let error = request.await.unwrap_err();
    assert!(error.is_connect() || error.is_timeout(), "{error}");
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn silence_ends_with_the_total_time() {
    let stub = Stub::start(vec![Step::Stall; 10]).await;
    let builder = stub.builder().attempt_timeout(Duration::from_millis(100));
    let client = builder.total_timeout(Duration::from_millis(250)).build().unwrap();
    let started = Instant::now();
    let error = client.phone_numbers().update_phone_number("idn_1", params()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.idempotency_key().is_some(), "so that the caller can go on with it");
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(5), "{took:?}");
    assert!((1..=3).contains(&stub.requests().len()));
}

// The next three stand on a clock that moves only when nothing else does.

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let mock = MockTransport::new();
    mock.push(Answer::error(429, "too_many_requests", None).header("retry-after", "7"));
    mock.push(Answer::json(200, serde_json::json!({"total_count": 1})));
    let client = mock.builder().build().unwrap();
    let started = Instant::now();
    client.users().get_count(Default::default()).await.unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(7) && took < Duration::from_millis(7_200), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_beyond_the_total_time_gives_the_error_at_once() {
    let mock = MockTransport::new();
    for (after, told) in [("31", Some(31)), ("18446744073709551615", Some(u64::MAX))] {
        mock.push(Answer::error(429, "too_many_requests", None).header("retry-after", after));
        let started = Instant::now();
        let error = mock.builder().build().unwrap().users().get_count(Default::default()).await.unwrap_err();
        assert!(error.is_rate_limited());
        assert_eq!(error.retry_after(), told.map(Duration::from_secs));
        assert_eq!((started.elapsed(), error.attempts()), (Duration::ZERO, 1));
    }
    // Not whole seconds: as if it were not there.
    for after in ["-1", "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        mock.push(Answer::error(429, "too_many_requests", None).header("retry-after", after));
        let error = mock.client().users().get_count(Default::default()).await.unwrap_err();
        assert_eq!(error.retry_after(), None, "{after}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_within_its_time() {
    let mock = MockTransport::new();
    let client = mock.builder().retry(RetryPolicy::default().max_attempts(u32::MAX)).build().unwrap();
    for limit in [Duration::from_millis(1), Duration::from_secs(3), Duration::from_secs(47)] {
        for _ in 0..20 {
            mock.push(Answer::silence());
        }
        let started = Instant::now();
        let request = client.request(Method::Post, "/v1/users").timeout(limit);
        let error = request.await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(started.elapsed() <= limit + Duration::from_millis(2), "{:?}", started.elapsed());
    }
}

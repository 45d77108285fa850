//! Twilio, Vonage and the webhook.

use super::Outcome::{Accepted, NotSent, Refused, Unknown};
use super::provider::{Authority, Provider, Reply, answer, json};
use super::*;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json as value};
use std::fmt::Write as _;
use tokio::net::TcpListener;
use verger_server::deliver::signature::{SigningSecret, verify};

type Make = fn(&str, &str) -> Arc<dyn Sender>;

const SENDERS: [(&str, Make); 3] = [("twilio", twilio), ("vonage", vonage), ("webhook", webhook)];
/// Quick to time out, for providers that hang.
const HASTY: &str = "attempt_timeout_ms = 1000";

/// A problem in the words of each provider, and all of them repeat what they should not.
fn problem(code: u64) -> String {
    value!({
        "code": code,
        "message": format!("cannot send '{CODE} is your' to {TO}"),
        "type": format!("https://developer.vonage.com/api-errors/messages#{code}"),
        "title": format!("cannot send to {TO}"),
    })
    .to_string()
}

/// Sends one message to a provider that replies so; checks that it saw exactly one request, unless told otherwise.
async fn send(make: Make, reply: Reply) -> Result<super::Accepted, SendError> {
    let provider = Provider::start([reply]).await;
    let started = Instant::now();
    let result = make(&provider.url, HASTY).send(&sms(), soon()).await;
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());
    assert_eq!(provider.requests().len(), 1, "requests that the provider saw");
    result
}

#[tokio::test]
async fn each_answer_has_its_meaning_for_each_sender() {
    let ok = r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued","message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab","provider_id":"p-1"}"#;
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(70_000));
    let half = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"sid\":".to_owned();
    let cases: [(&str, Reply, [Outcome; 3]); 26] = [
        // What the provider does; then twilio, vonage, webhook.
        ("201", json("201 Created", ok), [Accepted; 3]),
        ("202", json("202 Accepted", ok), [Accepted; 3]),
        (
            "201 failed at once",
            json("201 Created", r#"{"sid":"SM1","status":"failed","error_code":30006}"#),
            [Refused, Unknown, Accepted],
        ),
        ("201 without an id", json("201 Created", "{}"), [Unknown, Unknown, Accepted]),
        (
            "201 with a strange id",
            json("201 Created", &format!("{{\"sid\":\"{TO}\",\"message_uuid\":\"{TO}\"}}")),
            [Unknown, Unknown, Accepted],
        ),
        (
            "200 that is not JSON",
            answer("200 OK", "content-type: text/html\r\n", "<p>hello</p>"),
            [Unknown, Unknown, Accepted],
        ),
        ("200 huge", json("200 OK", &huge), [Unknown, Unknown, Accepted]),
        ("201 broken in the body", Reply::Broken(half.clone()), [Unknown, Unknown, Accepted]),
        ("201 stuck in the body", Reply::Stuck(half), [Unknown, Unknown, Accepted]),
        ("400", json("400 Bad Request", &problem(21211)), [Refused; 3]),
        ("400 huge", json("400 Bad Request", &huge), [Refused; 3]),
        ("401", json("401 Unauthorized", &problem(20003)), [Refused; 3]),
        ("402", json("402 Payment Required", &problem(1070)), [Refused; 3]),
        ("404", answer("404 Not Found", "", ""), [Refused; 3]),
        ("408", answer("408 Request Timeout", "", ""), [NotSent; 3]),
        ("429", json("429 Too Many Requests", &problem(20429)), [NotSent; 3]),
        ("500", json("500 Internal Server Error", &problem(20500)), [Unknown; 3]),
        ("502", answer("502 Bad Gateway", "", "<p>proxy</p>"), [Unknown; 3]),
        ("503", json("503 Service Unavailable", &problem(20503)), [Unknown, Unknown, NotSent]),
        ("504", answer("504 Gateway Timeout", "", ""), [Unknown; 3]),
        ("redirect", answer("307 Temporary Redirect", "location: /elsewhere\r\n", ""), [Refused; 3]),
        ("see other", answer("303 See Other", "location: /elsewhere\r\n", ""), [Unknown; 3]),
        ("hangs", Reply::Hang, [Unknown; 3]),
        ("stuck in the head", Reply::Stuck("HTTP/1.1 201 Cre".to_owned()), [Unknown; 3]),
        ("closes instead of an answer", Reply::Broken(String::new()), [Unknown; 3]),
        ("answers something else than HTTP", Reply::Broken("SSH-2.0-x\r\n\r\n".to_owned()), [Unknown; 3]),
    ];
    let mut wrong = String::new();
    for (what, reply, expected) in cases {
        for ((name, make), expected) in SENDERS.iter().zip(expected) {
            let result = send(*make, reply.clone()).await;
            if outcome(&result) != expected {
                writeln!(wrong, "{what}, {name}: {result:?} instead of {expected:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn reasons_hold_the_numbers_of_the_provider_and_what_to_do() {
    let refused = json("400 Bad Request", &problem(21211));
    assert_eq!(reason(send(twilio, refused.clone()).await), "HTTP 400, code 21211");
    assert_eq!(reason(send(vonage, refused.clone()).await), "HTTP 400, code 21211");
    assert_eq!(reason(send(webhook, refused).await), "HTTP 400");
    let unauthorized = json("401 Unauthorized", &problem(20003));
    assert_eq!(reason(send(twilio, unauthorized).await), "HTTP 401, code 20003: check the credentials");
    let failed = json("201 Created", r#"{"sid":"SM1","status":"failed","error_code":30006}"#);
    assert_eq!(reason(send(twilio, failed).await), "failed at once, code 30006");
    assert_eq!(reason(send(twilio, Reply::Hang).await), "no answer in time");
    let redirect = answer("302 Found", "location: https://example.com/\r\n", "");
    assert!(reason(send(vonage, redirect).await).contains("redirects are not followed"));
    let page = answer("200 OK", "", "<p>");
    assert_eq!(reason(send(vonage, page).await), "HTTP 200, but the answer is not JSON");
    let huge = json("200 OK", &"1".repeat(65_537));
    assert_eq!(reason(send(twilio, huge).await), "HTTP 200, but the answer is longer than 64 KiB");
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    for (_, make) in SENDERS {
        let result = send(make, answer("429 Too Many Requests", "retry-after: 7\r\n", "")).await;
        assert_eq!(retry_after(&result), Some(Duration::from_secs(7)));
        let result = send(make, answer("429 Too Many Requests", "retry-after: soon\r\n", "")).await;
        assert_eq!((outcome(&result), retry_after(&result)), (NotSent, None));
    }
    let result = send(webhook, answer("503 Service Unavailable", "retry-after: 120\r\n", "")).await;
    assert_eq!(retry_after(&result), Some(Duration::from_secs(120)));
}

#[tokio::test]
async fn nothing_listens_so_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (name, make) in SENDERS {
        let result = make(&url, HASTY).send(&sms(), soon()).await;
        assert_eq!(outcome(&result), NotSent, "{name}");
        assert_eq!(reason(result), "no connection: connection refused", "{name}");
    }
}

#[tokio::test]
async fn a_connection_that_takes_too_long_sent_nothing() {
    // Speaks TLS to a listener that never answers the handshake: connected, but the request cannot have left.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = Authority::new();
    let config = format!(
        "sender = \"webhook\"\n{HASTY}\n[webhook]\nurl = \"https://localhost:{}/\"\nsecret = \"{SIGNING_SECRET}\"\n{}",
        listener.local_addr().unwrap().port(),
        authority.ca_file_toml()
    );
    let result = sms_sender(&config).send(&sms(), soon()).await;
    assert_eq!(outcome(&result), NotSent);
    assert_eq!(reason(result), "no connection in time");
}

#[tokio::test]
async fn the_deadline_ends_an_attempt_before_its_own_time_does() {
    let provider = Provider::start([]).await;
    for (name, make) in SENDERS {
        let sender = make(&provider.url, "");
        let started = Instant::now();
        let result = sender.send(&sms(), started + Duration::from_millis(200)).await;
        assert_eq!(outcome(&result), Unknown, "{name}");
        assert!(started.elapsed() < Duration::from_secs(4), "{name} took {:?}", started.elapsed());
    }
    assert_eq!(provider.requests().len(), 3);
    for (name, make) in SENDERS {
        let result = make(&provider.url, "").send(&sms(), Instant::now()).await;
        assert_eq!(outcome(&result), NotSent, "{name}");
    }
    assert_eq!(provider.requests().len(), 3, "nothing is sent when there is no time left");
}

#[tokio::test]
async fn connections_are_used_again() {
    let replies = (0..3).map(|_| json("201 Created", r#"{"sid":"SM1"}"#));
    let provider = Provider::start(replies).await;
    let sender = twilio(&provider.url, "");
    for _ in 0..3 {
        assert_eq!(outcome(&sender.send(&sms(), soon()).await), Accepted);
    }
    assert_eq!((provider.requests().len(), provider.connections()), (3, 1));
}

#[tokio::test]
async fn flaw_31_only_the_webhook_may_be_asked_twice() {
    let flags: Vec<_> = SENDERS
        .iter()
        .map(|(_, make)| make("http://127.0.0.1:1", ""))
        .map(|sender| (sender.name(), sender.is_idempotent()))
        .collect();
    assert_eq!(flags, [("twilio", false), ("vonage", false), ("webhook", true)]);
}

#[tokio::test]
async fn senders_of_text_messages_refuse_email() {
    for (name, make) in &SENDERS[..2] {
        let result = make("http://127.0.0.1:1", "").send(&email(), soon()).await;
        assert_eq!(outcome(&result), Refused, "{name}");
    }
}

fn split(request: &str) -> (Vec<&str>, &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.split("\r\n").collect(), body)
}

#[tokio::test]
async fn twilio_gets_exactly_this() {
    let created = || json("201 Created", r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}"#);
    let provider = Provider::start((0..3).map(|_| created())).await;
    let host = provider.url.trim_start_matches("http://");
    let accepted = twilio(&provider.url, "").send(&sms(), soon()).await.unwrap();
    let sid = "SM0123456789abcdef0123456789abcdef".to_owned();
    assert_eq!(accepted, super::Accepted { provider_id: Some(sid), delivered: false });

    let config = format!(
        "sender = \"twilio\"\n[twilio]\naccount_sid = \"{ACCOUNT_SID}\"\nauth_token = \"hunter2\"\n\
         api_key_sid = \"SK1\"\napi_key_secret = \"hunter3\"\n\
         messaging_service_sid = \"MG0123456789abcdef0123456789abcdef\"\n\
         status_callback_url = \"https://id.example.com/cb?x=1\"\nbase_url = \"{}/\"",
        provider.url
    );
    sms_sender(&config).send(&sms(), soon()).await.unwrap();
    let own = Outgoing { from: Some("Acme".to_owned()), ..sms() };
    sms_sender(&config).send(&own, soon()).await.unwrap();

    let requests = provider.requests();
    let (head, body) = split(&requests[0]);
    let text = "918273%20is%20your%20Acme%20%26%20Sons%20code.%20%C3%A4%0A%40example.com%20%23918273";
    assert_eq!(body, format!("To=%2B15005550006&Body={text}&From=%2B15551234567"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        head,
        [
            &format!("POST /2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json HTTP/1.1"),
            "content-type: application/x-www-form-urlencoded",
            "accept: application/json",
            // echo -n AC0123456789abcdef0123456789abcdef:hunter2 | base64
            "authorization: Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpodW50ZXIy",
            &format!("user-agent: verger/{version}"),
            &format!("host: {host}"),
            &format!("content-length: {}", body.len()),
        ]
    );
    let (head, body) = split(&requests[1]);
    // echo -n SK1:hunter3 | base64
    assert!(head.contains(&"authorization: Basic U0sxOmh1bnRlcjM="), "{head:?}");
    let callback = "https%3A%2F%2Fid.example.com%2Fcb%3Fx%3D1%26message%3Dsms_2g7np7Hrk0SN6kj5EDMLDaKNL0S";
    assert_eq!(
        body,
        format!(
            "To=%2B15005550006&Body={text}&MessagingServiceSid=MG0123456789abcdef0123456789abcdef\
             &StatusCallback={callback}"
        )
    );
    let (_, body) = split(&requests[2]);
    assert_eq!(body, format!("To=%2B15005550006&Body={text}&From=Acme&StatusCallback={callback}"));
}

#[tokio::test]
async fn vonage_gets_exactly_this() {
    let id = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab";
    let provider = Provider::start([json("202 Accepted", &format!("{{\"message_uuid\":\"{id}\"}}"))]).await;
    let host = provider.url.trim_start_matches("http://");
    let accepted = vonage(&provider.url, "").send(&sms(), soon()).await.unwrap();
    assert_eq!(accepted, super::Accepted { provider_id: Some(id.to_owned()), delivered: false });
    let requests = provider.requests();
    let (head, body) = split(&requests[0]);
    assert_eq!(
        head,
        [
            "POST /v1/messages HTTP/1.1",
            "content-type: application/json",
            "accept: application/json",
            // echo -n abcd1234:hunter2 | base64
            "authorization: Basic YWJjZDEyMzQ6aHVudGVyMg==",
            &format!("user-agent: verger/{}", env!("CARGO_PKG_VERSION")),
            &format!("host: {host}"),
            &format!("content-length: {}", body.len()),
        ]
    );
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        value!({
            "message_type": "text",
            "channel": "sms",
            "to": "15005550006",
            "from": "15551234567",
            "text": sms().text,
            "client_ref": sms().id,
        })
    );
}

#[tokio::test]
async fn the_webhook_gets_exactly_this_with_a_signature_that_holds() {
    let provider = Provider::start((0..2).map(|_| json("200 OK", r#"{"provider_id":"p-1"}"#))).await;
    let host = provider.url.trim_start_matches("http://");
    let sender = webhook(&provider.url, "");
    let accepted = sender.send(&sms(), soon()).await.unwrap();
    assert_eq!(accepted, super::Accepted { provider_id: Some("p-1".to_owned()), delivered: false });
    sender.send(&sms(), soon()).await.unwrap();
    let requests = provider.requests();
    assert_eq!(requests[0], requests[1], "a repetition is the same request");

    let (head, body) = split(&requests[0]);
    let secret = SigningSecret::parse(SIGNING_SECRET).unwrap();
    let signature = secret.sign(&sms().id, NOW_MS / 1000, body.as_bytes());
    assert_eq!(
        head,
        [
            "POST /send?tenant=1 HTTP/1.1",
            "content-type: application/json",
            "accept: application/json",
            "webhook-id: sms_2g7np7Hrk0SN6kj5EDMLDaKNL0S",
            "webhook-timestamp: 1795478400",
            &format!("webhook-signature: {signature}"),
            &format!("user-agent: verger/{}", env!("CARGO_PKG_VERSION")),
            &format!("host: {host}"),
            &format!("content-length: {}", body.len()),
        ]
    );
    let mut headers = HeaderMap::new();
    for line in &head[1..] {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    assert_eq!(verify(&headers, &[secret], NOW_MS / 1000, body.as_bytes()), Ok(()));
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        value!({
            "object": "event",
            "type": "sms.created",
            "timestamp": NOW_MS,
            "instance_id": sms().instance_id,
            "data": {
                "object": "sms_message",
                "id": sms().id,
                "slug": "verification_code",
                "from_phone_number": "+15551234567",
                "to_phone_number": TO,
                "phone_number_id": null,
                "user_id": null,
                "message": sms().text,
                "status": "queued",
                "data": {},
                "delivered_by_clerk": false,
                "created_at_ms": NOW_MS,
            },
        })
    );
}

#[tokio::test]
async fn the_webhook_takes_email_and_both_sets_of_headers() {
    let provider = Provider::start([answer("204 No Content", "", "")]).await;
    let sender = email_sender(&format!(
        "sender = \"webhook\"\n[webhook]\nurl = \"{}\"\nsecret = \"{SIGNING_SECRET}\"\nheader_names = \"both\"",
        provider.url
    ));
    assert_eq!(outcome(&sender.send(&email(), soon()).await), Accepted);
    let requests = provider.requests();
    let (head, body) = split(&requests[0]);
    for name in ["webhook-id: ema_", "svix-id: ema_", "svix-timestamp: 1795478400", "svix-signature: v1,"] {
        assert!(head.iter().any(|line| line.starts_with(name)), "{name}: {head:?}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "email.created");
    assert_eq!(body["data"]["to_email_address"], email().to);
    assert_eq!(body["data"]["subject"], email().subject.unwrap());
    assert_eq!(body["data"]["body_plain"], email().text);
}

#[tokio::test]
async fn over_tls_the_certificate_decides() {
    let authority = Authority::new();
    let provider = Provider::encrypted([answer("200 OK", "", "")], &authority).await;
    let config = |more: &str| {
        format!(
            "sender = \"webhook\"\nattempt_timeout_ms = 5000\n[webhook]\nurl = \"{}/\"\nsecret = \"{SIGNING_SECRET}\"\n{more}",
            provider.url
        )
    };
    let stranger = Authority::new();
    let result = sms_sender(&config(&stranger.ca_file_toml())).send(&sms(), soon()).await;
    assert_eq!(outcome(&result), NotSent);
    assert!(provider.requests().is_empty(), "nothing may be said to a stranger");
    let result = sms_sender(&config(&authority.ca_file_toml())).send(&sms(), soon()).await;
    assert_eq!(outcome(&result), Accepted);
    assert_eq!(provider.requests().len(), 1);
}

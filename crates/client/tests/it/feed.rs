//! The feed of events: of a real server, and of one that misbehaves.

use crate::own::{client_of, in_events, user};
use crate::support::{KEY, Step, Stub};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{Client, EventKind, EventStream, PhoneNumber, User};
use verger_server::testing::TestServer;

const NUMBERS: [&str; 2] = ["+41791234567", "+41791234568"];

/// An answer that ends where this text does, which is the middle if it says so.
fn answer(text: &str) -> Step {
    Step::Say(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{text}"
        )
        .into_bytes(),
    )
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

fn message(id: &str) -> String {
    let event = json!({"id": id, "type": "user.created", "timestamp": 1, "data": {}});
    format!("id: {id}\nevent: user.created\ndata: {event}\n\n")
}

async fn follow(client: &Client) -> EventStream {
    client.events().follow_events(Some("evt_0")).await.unwrap()
}

#[tokio::test]
async fn events_come_as_they_happen_and_a_later_stream_goes_on_behind_the_last_one() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let mut events = client.events().follow_events(None).await.unwrap();
    assert_eq!((events.last_event_id(), events.trace_id().map(str::len)), (None, Some(32)));
    let ada = user(&client, NUMBERS[0]).await;
    let mut seen = Vec::new();
    // A phone number, its verification, and the user.
    for _ in 0..3 {
        let event = events.try_next().await.unwrap().unwrap();
        assert!(event.extra.is_empty() && event.event_attributes.extra.is_empty(), "{event:?}");
        assert_eq!(event.instance_id, server.instance_id());
        let actor = event.actor.clone().unwrap();
        assert!(actor.key_id.starts_with("key_") && actor.extra.is_empty());
        seen.push(event);
    }
    assert_eq!(events.last_event_id(), Some(&*seen[2].id));
    let of = |kind| seen.iter().find(|event| event.kind == kind).unwrap();
    assert_eq!(of(EventKind::UserCreated).decode_data::<User>().unwrap(), in_events(ada.clone()));
    let number = of(EventKind::PhoneNumberCreated).decode_data::<PhoneNumber>().unwrap();
    assert_eq!(number, ada.phone_numbers[0]);
    let error = of(EventKind::UserCreated).decode_data::<PhoneNumber>().unwrap_err();
    assert!(error.is_decode() && !error.to_string().contains(NUMBERS[0]), "{error}");

    let last = events.last_event_id().map(str::to_owned);
    drop(events);
    let bo = user(&client, NUMBERS[1]).await;
    let mut events = client.events().follow_events(last.as_deref()).await.unwrap();
    let mut users = Vec::new();
    while users.is_empty() {
        let event = events.next().await.unwrap().unwrap();
        assert!(seen.iter().all(|other| other.id != event.id), "it came before");
        if event.kind == EventKind::UserCreated {
            users.push(event.decode_data::<User>().unwrap());
        }
    }
    assert_eq!(users, [in_events(bo)]);

    let error = client.events().follow_events(Some("evt_of_nobody")).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    server.stop().await;
    while let Some(event) = events.try_next().await.unwrap() {
        assert_ne!(event.kind, EventKind::UserCreated);
    }
}

#[tokio::test]
async fn broken_connection_is_told_after_what_came_before_it() {
    let stub = Stub::start([answer(&format!("{}ff\r\nid: evt_2", chunk(&message("evt_1"))))]).await;
    let client = stub.builder().build().unwrap();
    let mut events = follow(&client).await;
    assert_eq!(events.last_event_id(), Some("evt_0"));
    assert_eq!(events.try_next().await.unwrap().unwrap().id, "evt_1");
    let error = events.try_next().await.unwrap_err();
    assert!(error.is_interrupted() && error.is_retryable(), "{error}");
    assert_eq!(events.last_event_id(), Some("evt_1"), "half an event is none");
    assert_eq!(events.try_next().await.unwrap(), None, "after an error it is over");
    let asked = &stub.requests()[0];
    assert!(asked.starts_with("GET /verger/v1/events HTTP/1.1\r\n"));
    assert_eq!(crate::support::header(asked, "last-event-id"), Some("evt_0"));
    assert_eq!(crate::support::header(asked, "accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn opening_is_repeated_as_any_read_is_and_refused_as_any_other() {
    let busy = Step::answer(503, "", r#"{"errors":[{"code":"service_unavailable"}]}"#);
    let good = answer(&format!("{}0\r\n\r\n", chunk(&message("evt_1"))));
    let page =
        Step::Say(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\n<".to_vec());
    let stub = Stub::start([busy, good, page]).await;
    let client = stub.builder().build().unwrap();
    let ids: Vec<_> = follow(&client).await.map(|event| event.unwrap().id).collect().await;
    assert_eq!((ids, stub.requests().len()), (vec!["evt_1".to_owned()], 2));
    let error = client.events().follow_events(None).await.unwrap_err();
    assert!(error.is_decode(), "{error}");
    let error = client.events().follow_events(Some("a\nb")).await.unwrap_err();
    assert!(error.is_refused(), "{error}");
}

#[tokio::test]
async fn event_that_cannot_be_read_is_told_without_what_it_says_and_can_be_passed_over() {
    let mock = MockTransport::new();
    let client = mock.builder().max_response_bytes(500).build().unwrap();
    let feed = |text: &str| mock.push(Answer::text(200, "text/event-stream; charset=utf-8", text));
    feed("id: evt_1\ndata: {\"id\":\"evt_1\",\"timestamp\":\"+12025550100\"}\n\n");
    let mut events = follow(&client).await;
    let error = events.try_next().await.unwrap_err();
    assert!(error.is_decode() && !error.to_string().contains("2025550100"), "{error}");
    assert_eq!(events.last_event_id(), Some("evt_1"));
    feed(&format!("id: evt_2\n{}", format!("data: {}\n", "a".repeat(90)).repeat(5)));
    assert!(follow(&client).await.try_next().await.unwrap().is_none(), "it ended before it was complete");
}

#[tokio::test]
async fn event_beyond_the_limit_is_refused() {
    let endless = chunk(&format!("data: {}", "a".repeat(2_000)));
    let stub = Stub::start([answer(&endless)]).await;
    let client = stub.builder().max_response_bytes(1_000).build().unwrap();
    let error = follow(&client).await.try_next().await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("1000 bytes"), "{error}");
}

#[tokio::test]
async fn silence_ends_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let read = stream.read(&mut [0; 4096]).await.unwrap();
        assert!(read > 0);
        let Step::Say(bytes) = answer(&chunk(&message("evt_1"))) else { unreachable!() };
        stream.write_all(&bytes).await.unwrap();
        stream
    });
    let client = Client::builder().secret_key(KEY).base_url(url).build().unwrap();
    let mut events = follow(&client).await;
    let _open = held.await.unwrap();
    assert_eq!(events.try_next().await.unwrap().unwrap().id, "evt_1");
    // From here on time goes to the next timer as soon as nothing else is to be done.
    tokio::time::pause();
    let error = events.try_next().await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
}

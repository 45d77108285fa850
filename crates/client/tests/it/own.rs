//! What Verger alone has, against a real server with its jobs.

use crate::corpus::without_nulls;
use crate::support::{Step, Stub};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use verger_client::{
    AttemptVerificationParams, Client, CreateUserParams, CreateWebhookEndpointParams, DeliveryStatus, Event,
    EventKind, ListAuditLogParams, ListMessagesParams, MessageChannel, Method, ReplayWebhooksParams, Request,
    RotateWebhookSecretParams, UnixMillis, UpdateWebhookEndpointParams, User, VerificationStatus,
    WebhookDelivery, WebhookDeliveryStatus,
};
use verger_server::testing::TestServer;

/// No test number: its codes are sent.
const NUMBER: &str = "+41791234567";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn client_of(server: &TestServer) -> Client {
    Client::builder().secret_key(server.secret_key()).base_url(server.url()).build().unwrap()
}

pub(crate) async fn user(client: &Client, phone_number: &str) -> User {
    let params = CreateUserParams { phone_number: vec![phone_number.to_owned()], ..Default::default() };
    client.users().create_user(params).await.unwrap()
}

/// As events show a user: they do not tell how many tries are left before a lock.
pub(crate) fn in_events(mut user: User) -> User {
    user.verification_attempts_remaining = None;
    user
}

/// Reads it; what was read is all that the answer has.
async fn in_full<T: DeserializeOwned + Serialize + Send + 'static>(request: Request<T>) -> T {
    assert_eq!(request.method(), Method::Get);
    let raw = request.decode::<Value>().await.unwrap();
    let read: T = serde_json::from_value(raw.clone()).unwrap();
    assert_eq!(without_nulls(&serde_json::to_value(&read).unwrap()), without_nulls(&raw));
    read
}

/// Asks again and again until the answer is as it should be: jobs do their work beside the requests.
async fn until<T: DeserializeOwned + Send + 'static>(request: Request<T>, is_so: impl Fn(&T) -> bool) -> T {
    let asking = async {
        loop {
            let answer = request.clone().await.unwrap();
            if is_so(&answer) {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came")
}

#[tokio::test]
async fn endpoint_is_made_told_rotated_replayed_and_removed() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let hook = Stub::start(vec![Step::answer(200, "", "\"taken\""); 20]).await;
    let endpoints = client.webhook_endpoints();
    let params =
        CreateWebhookEndpointParams { url: hook.url.clone(), events: vec!["user.created".to_owned()] };
    let made = endpoints.create_webhook_endpoint(params).await.unwrap();
    let secret = made.secret.clone().unwrap();
    assert!(secret.starts_with("whsec_") && !made.is_disabled() && made.extra.is_empty());
    let shown = format!("{made:?}");
    assert!(!shown.contains(&secret) && !shown.contains(&hook.url), "{shown}");

    let read = in_full(endpoints.get_webhook_endpoint(&made.id)).await;
    assert_eq!((read.secret.as_deref(), &read.url, &read.events), (None, &made.url, &made.events));
    assert_eq!(in_full(endpoints.list_webhook_endpoints()).await, std::slice::from_ref(&read));
    let test = endpoints.test_webhook_endpoint(&made.id).await.unwrap();
    assert!(test.delivered && test.extra.is_empty(), "{test:?}");
    assert_eq!((test.status, test.reason.as_deref(), test.answer.as_str()), (Some(200), None, "\"taken\""));

    let ada = user(&client, NUMBER).await;
    let is_there = |all: &Vec<WebhookDelivery>| {
        all.first().is_some_and(|delivery| delivery.status == WebhookDeliveryStatus::Delivered)
    };
    let list = endpoints.list_webhook_deliveries(&made.id, Default::default());
    until(list.clone(), is_there).await;
    let told = in_full(list.clone()).await;
    assert_eq!((told.len(), &told[0].kind, &told[0].user_id), (1, &EventKind::UserCreated, &ada.id));
    assert_eq!((told[0].attempts[0].number, told[0].attempts[0].status), (1, Some(200)));
    // What the endpoint got reads as an event.
    let body = hook.requests()[1].split_once("\r\n\r\n").unwrap().1.to_owned();
    let event: Event = serde_json::from_str(&body).unwrap();
    assert_eq!((&event.id, event.decode_data::<User>().unwrap().id), (&told[0].event_id, ada.id));

    let params = RotateWebhookSecretParams { former_lives_seconds: Some(60) };
    let rotated = endpoints.rotate_webhook_secret(&made.id, params).await.unwrap();
    assert!(rotated.secret.is_some_and(|new| new != secret) && rotated.former_secret_expires_at.is_some());
    let params = ReplayWebhooksParams { since: UnixMillis(0), all: true, after: None };
    assert_eq!(endpoints.replay_webhooks(&made.id, params).await.unwrap().id, made.id);
    until(list, |all| all[0].attempts.len() == 2).await;

    let params = UpdateWebhookEndpointParams { disabled: Some(true), ..Default::default() };
    let disabled = endpoints.update_webhook_endpoint(&made.id, params).await.unwrap();
    assert_eq!((disabled.is_disabled(), disabled.disabled_reason.as_deref()), (true, Some("requested")));
    assert!(endpoints.delete_webhook_endpoint(&made.id).await.unwrap().deleted);
    assert!(endpoints.get_webhook_endpoint(&made.id).await.unwrap_err().is_not_found());
    server.stop().await;
}

#[tokio::test]
async fn audit_log_is_read_page_by_page() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let ada = user(&client, NUMBER).await;
    let of_ada = ListAuditLogParams { user_id: Some(ada.id.clone()), ..Default::default() };
    let whole = client.audit_log().list_audit_log(of_ada.clone());
    until(whole.clone(), |page| page.data.iter().any(|row| row.kind == EventKind::UserCreated)).await;
    let whole = in_full(whole).await;
    assert_eq!(whole.next_before, None);
    assert!(whole.data.iter().all(|row| row.user_id == ada.id && row.entry["actor"]["key_id"].is_string()));

    let mut params = ListAuditLogParams { limit: Some(1), ..of_ada };
    let mut rows = Vec::new();
    loop {
        let page = client.audit_log().list_audit_log(params.clone()).await.unwrap();
        rows.extend(page.data);
        params.before = page.next_before;
        if params.before.is_none() {
            break;
        }
    }
    assert_eq!(rows, whole.data);
    let none = ListAuditLogParams {
        kind: Some("user.deleted".to_owned()),
        until: Some(UnixMillis(1)),
        ..Default::default()
    };
    assert!(client.audit_log().list_audit_log(none).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn message_is_read_its_code_ends_with_the_clock_and_a_reset_leaves_nothing() {
    let server = TestServer::start().await.unwrap();
    let client = client_of(&server);
    let ada = user(&client, NUMBER).await;
    let phone = &ada.phone_numbers[0].id;
    let prepared = client.phone_numbers().prepare_phone_number_verification(phone).await.unwrap();
    let params = ListMessagesParams { phone_number: Some(NUMBER.to_owned()), ..Default::default() };
    let messages = in_full(client.messages().list_messages(params)).await;
    let message = &messages[0];
    assert_eq!(
        (messages.len(), &message.channel, &message.to),
        (1, &MessageChannel::Sms, &NUMBER.to_owned())
    );
    assert_eq!((&message.verification_id, message.phone_number_id.as_ref()), (&prepared.id, Some(phone)));
    assert!(message.text.contains(&message.code) && !format!("{message:?}").contains(&message.code));

    let one = client.deliveries().get_delivery(&message.id);
    until(one.clone(), |delivery| delivery.status == DeliveryStatus::Delivered).await;
    let delivery = in_full(one).await;
    assert_eq!((&delivery.id, delivery.identification_id.as_ref()), (&message.id, Some(phone)));
    assert_eq!(in_full(client.deliveries().list_deliveries(Default::default())).await, [delivery]);

    let clock = client.clock().advance_clock(Duration::from_secs(11 * 60)).await.unwrap();
    assert!(clock.advanced_ms == 11 * 60 * 1000 && clock.extra.is_empty());
    let params =
        AttemptVerificationParams { verification_id: prepared.id.clone(), code: message.code.clone() };
    let late = client.phone_numbers().attempt_phone_number_verification(phone, params).await.unwrap();
    assert_eq!(late.status, VerificationStatus::Expired);
    let error = client.clock().advance_clock(Duration::MAX).await.unwrap_err();
    assert_eq!(error.status(), Some(422));

    let reset = client.instances().reset().await.unwrap();
    let answer =
        json!({"object": "instance", "id": server.instance_id(), "reset": true, "demo_user_id": null});
    assert_eq!(json!(reset), answer);
    assert_eq!(client.users().get_count(Default::default()).await.unwrap().total_count, 0);
    assert!(client.messages().list_messages(Default::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_service_makes_anew_each_time_carries_no_key_and_is_not_repeated() {
    use verger_client::testing::{Answer, MockTransport};
    let mock = MockTransport::new();
    let client = mock.builder().build().unwrap();
    for _ in 0..3 {
        mock.push(Answer::interruption());
    }
    client.clock().advance_clock(Duration::from_secs(1)).await.unwrap_err();
    client.instances().reset().await.unwrap_err();
    client.webhook_endpoints().test_webhook_endpoint("whe_1").await.unwrap_err();
    let sent = mock.requests();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|request| request.header("idempotency-key").is_none()));
}

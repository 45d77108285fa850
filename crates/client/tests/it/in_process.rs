//! `verger_server::testing`: the whole way of a code, and servers that know nothing of each other.

use crate::support::{Step, Stub, header};
use serde_json::{Value, json};
use std::time::Duration;
use verger_client::{
    AttemptVerificationParams, Client, CodeVerification, CreateEmailAddressParams, CreatePhoneNumberParams,
    CreateUserParams, Error, Method, PhoneNumber, VerificationChannel, VerificationStatus,
    VerificationStrategy,
};
use verger_server::deliver::signature::{SigningSecret, verify};
use verger_server::testing::TestServer;

/// Not of the reserved test range: messages to that are never sent.
const NUMBER: &str = "+14155552671";
const CODE_LIFETIME_MS: u64 = 10 * 60 * 1000;

fn client(server: &TestServer) -> Client {
    Client::builder().secret_key(server.secret_key()).base_url(server.url()).build().unwrap()
}

/// A user with an email address, and an unverified number of theirs.
async fn number(client: &Client) -> PhoneNumber {
    let params = CreateUserParams { email_address: vec!["ada@example.com".to_owned()], ..Default::default() };
    let user_id = client.users().create_user(params).await.unwrap().id;
    let params = CreatePhoneNumberParams { user_id, phone_number: NUMBER.to_owned(), ..Default::default() };
    client.phone_numbers().create_phone_number(params).await.unwrap()
}

async fn attempt(
    client: &Client,
    number: &PhoneNumber,
    prepared: &CodeVerification,
    code: &str,
) -> Result<CodeVerification, Error> {
    let params = AttemptVerificationParams { verification_id: prepared.id.clone(), code: code.to_owned() };
    client.phone_numbers().attempt_phone_number_verification(&number.id, params).await
}

#[tokio::test]
async fn code_of_the_inbox_verifies_the_number_once() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let number = number(&client).await;
    let prepared = client.phone_numbers().prepare_phone_number_verification(&number.id).await.unwrap();
    assert_eq!(prepared.status, VerificationStatus::Unverified);
    assert_eq!(prepared.strategy, VerificationStrategy::PhoneCode);
    assert_eq!((&prepared.channel, prepared.attempts), (&Some(VerificationChannel::Sms), Some(0)));
    assert_eq!(prepared.extra, Default::default(), "the client knows every field of the server");

    let inbox = server.inbox();
    let [message] = &*inbox else { panic!("{} messages", inbox.len()) };
    assert_eq!((&*message.to, &*message.verification_id), (NUMBER, &*prepared.id));
    assert_eq!(message.phone_number_id.as_ref(), Some(&number.id));
    let wrong = if message.code == "000000" { "000001" } else { "000000" };
    let tried = attempt(&client, &number, &prepared, wrong).await.unwrap();
    assert_eq!((tried.status, tried.attempts), (VerificationStatus::Unverified, Some(1)));
    let tried = attempt(&client, &number, &prepared, &message.code).await.unwrap();
    assert_eq!((tried.status, tried.attempts), (VerificationStatus::Verified, Some(2)));
    let read = client.phone_numbers().get_phone_number(&number.id).await.unwrap();
    assert!(read.is_verified());
    assert_eq!(read.verification.unwrap().strategy, VerificationStrategy::PhoneCode);

    let error = attempt(&client, &number, &prepared, &message.code).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(400), Some("verification_already_verified")));
    server.stop().await;
}

#[tokio::test]
async fn code_is_expired_once_its_time_has_passed() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let number = number(&client).await;
    let prepared = client.phone_numbers().prepare_phone_number_verification(&number.id).await.unwrap();
    let code = server.inbox()[0].code.clone();
    server.advance_clock(CODE_LIFETIME_MS + 1);
    let tried = attempt(&client, &number, &prepared, &code).await.unwrap();
    assert_eq!(tried.status, VerificationStatus::Expired);
    assert!(!client.phone_numbers().get_phone_number(&number.id).await.unwrap().is_verified());
}

#[tokio::test]
async fn email_address_is_verified_with_its_code() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let params = CreateUserParams { phone_number: vec!["+12025550100".to_owned()], ..Default::default() };
    let user_id = client.users().create_user(params).await.unwrap().id;
    let params = CreateEmailAddressParams {
        user_id,
        email_address: "ada@example.com".to_owned(),
        ..Default::default()
    };
    let emails = client.email_addresses();
    let address = emails.create_email_address(params).await.unwrap();
    let prepared = emails.prepare_email_address_verification(&address.id).await.unwrap();
    assert_eq!((&prepared.strategy, &prepared.channel), (&VerificationStrategy::EmailCode, &None));
    let message = server.inbox().remove(0);
    assert_eq!(message.email_address_id.as_ref(), Some(&address.id));
    let params = AttemptVerificationParams { verification_id: prepared.id, code: message.code };
    let tried = emails.attempt_email_address_verification(&address.id, params).await.unwrap();
    assert_eq!(tried.status, VerificationStatus::Verified);
    assert!(emails.get_email_address(&address.id).await.unwrap().is_verified());
}

#[tokio::test]
async fn servers_of_one_process_do_not_see_each_other() {
    let one = TestServer::start().await.unwrap();
    let other = TestServer::start().await.unwrap();
    assert_ne!(one.url(), other.url());
    let number = number(&client(&one)).await;
    client(&one).phone_numbers().prepare_phone_number_verification(&number.id).await.unwrap();
    assert!(other.inbox().is_empty());
    let error = client(&other).phone_numbers().get_phone_number(&number.id).await.unwrap_err();
    assert!(error.is_not_found());
    let crossed = Client::builder().secret_key(one.secret_key()).base_url(other.url()).build().unwrap();
    assert!(crossed.users().get_count(Default::default()).await.unwrap_err().is_unauthorized());
}

#[tokio::test]
async fn reset_takes_everything_away_but_the_key() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let number = number(&client).await;
    let made_at = number.created_at;
    client.phone_numbers().prepare_phone_number_verification(&number.id).await.unwrap();
    server.advance_clock(CODE_LIFETIME_MS);
    server.reset().await.unwrap();
    assert!(server.inbox().is_empty());
    assert_eq!(client.users().get_count(Default::default()).await.unwrap().total_count, 0);
    let anew = self::number(&client).await;
    assert!((anew.created_at.0 - made_at.0).unsigned_abs() < CODE_LIFETIME_MS, "the time is now again");
}

#[tokio::test]
async fn stop_frees_the_port_and_may_be_called_again() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    // Its connection stays open: nothing is in flight on it.
    client.users().get_count(Default::default()).await.unwrap();
    server.stop().await;
    server.stop().await;
    let address = server.url().strip_prefix("http://").unwrap();
    tokio::net::TcpListener::bind(address).await.unwrap();
    let request = client.users().get_count(Default::default()).timeout(Duration::from_millis(50));
    assert!(request.await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn application_under_test_receives_signed_webhooks_on_loopback() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let receiver = Stub::start([Step::answer(200, "", ""), Step::answer(200, "", "")]).await;
    let endpoint: Value = client
        .request(Method::Post, "/verger/v1/webhook_endpoints")
        .json(&json!({ "url": receiver.url, "events": ["user.created", "user.deleted"] }))
        .await
        .unwrap();
    let params = CreateUserParams { phone_number: vec![NUMBER.to_owned()], ..Default::default() };
    let user = client.users().create_user(params).await.unwrap();
    client.users().delete_user(&user.id).await.unwrap();

    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while receiver.requests().len() < 2 {
        assert!(std::time::Instant::now() < deadline, "{} webhooks", receiver.requests().len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let secret = SigningSecret::parse(endpoint["secret"].as_str().unwrap()).unwrap();
    for (request, kind) in receiver.requests().iter().zip(["user.created", "user.deleted"]) {
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, header(request, name).unwrap().parse().unwrap());
        }
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let seconds = header(request, "webhook-timestamp").unwrap().parse().unwrap();
        verify(&headers, std::slice::from_ref(&secret), seconds, body.as_bytes()).unwrap();
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&event["type"], &event["data"]["id"]), (&json!(kind), &json!(user.id)));
    }
    server.stop().await;
}

#[tokio::test]
async fn receiver_that_hangs_does_not_hold_up_stopping() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let receiver = Stub::start([Step::Stall]).await;
    let endpoint = json!({ "url": receiver.url });
    client.request(Method::Post, "/verger/v1/webhook_endpoints").json(&endpoint).await.unwrap();
    let params = CreateUserParams { phone_number: vec![NUMBER.to_owned()], ..Default::default() };
    client.users().create_user(params).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while receiver.requests().is_empty() {
        assert!(std::time::Instant::now() < deadline, "no webhook");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::timeout(Duration::from_secs(8), server.stop()).await.expect("the end, soon");
}

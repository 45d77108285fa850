//! The examples do what they say.

use verger_client::{
    Client, CreateWebhookEndpointParams, DeliveryStatus, ListMessagesParams, VerificationStatus,
};
use verger_server::testing::TestServer;

macro_rules! example {
    ($name:ident, $path:literal) => {
        #[path = $path]
        #[allow(dead_code, unreachable_pub, reason = "a program of its own")]
        mod $name;
    };
}

example!(blocking, "../../examples/blocking.rs");
example!(codes, "../../examples/codes.rs");
example!(errors, "../../examples/errors.rs");
example!(list_users, "../../examples/list_users.rs");
example!(webhooks_axum, "../../examples/webhooks_axum.rs");

fn client(server: &TestServer) -> Client {
    Client::builder().secret_key(server.secret_key()).base_url(server.url()).build().unwrap()
}

#[tokio::test]
async fn codes_verify_a_number_that_is_sent_to_and_a_test_number() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    for number in ["+41791234567", "+12025550100"] {
        assert_eq!(codes::verify(&client, number).await.unwrap(), VerificationStatus::Verified, "{number}");
    }
    let messages = client.messages().list_messages(ListMessagesParams::new()).await.unwrap();
    assert_eq!((messages.len(), &messages[0].status), (2, &DeliveryStatus::NotSent));
    server.stop().await;
}

#[tokio::test]
async fn list_users_finds_all_of_them_and_the_newest() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    for n in 0..7 {
        let number = crate::support::number(n);
        errors::register(&client, &number).await.unwrap();
    }
    assert_eq!(list_users::newest(&client).await.unwrap().len(), 5);
    assert_eq!(list_users::count(&client).await.unwrap(), 7);
    server.stop().await;
}

#[tokio::test]
async fn errors_are_told_to_the_person_and_the_rest_to_the_log() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    assert!(errors::register(&client, "+12025550100").await.unwrap().starts_with("welcome, user_"));
    assert_eq!(errors::register(&client, "+12025550100").await.unwrap(), "somebody has this number already");
    assert!(errors::register(&client, "0791234567").await.unwrap().contains("country code"));
    let stranger = Client::builder().secret_key("sk_test_wrong").base_url(server.url()).build().unwrap();
    assert!(errors::register(&stranger, "+12025550101").await.unwrap_err().is_unauthorized());
    server.stop().await;
    assert_eq!(errors::register(&client, "+12025550102").await.unwrap(), "we cannot reach our service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_lists_the_names() {
    let server = TestServer::start().await.unwrap();
    let builder = Client::builder().secret_key(server.secret_key()).base_url(server.url());
    let names = tokio::task::spawn_blocking(move || blocking::names(&builder.build_blocking().unwrap()));
    assert_eq!(names.await.unwrap().unwrap(), ["Ada"]);
    server.stop().await;
}

#[tokio::test]
async fn webhooks_are_taken_with_their_signature_and_refused_with_another() {
    let server = TestServer::start().await.unwrap();
    let client = client(&server);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
    let endpoints = client.webhook_endpoints();
    let mine = endpoints.create_webhook_endpoint(CreateWebhookEndpointParams::new(&*url)).await.unwrap();
    let other = endpoints.create_webhook_endpoint(CreateWebhookEndpointParams::new(&*url)).await.unwrap();
    let webhook = standardwebhooks::Webhook::new(mine.secret.as_deref().unwrap()).unwrap();
    let serving = tokio::spawn(async move { axum::serve(listener, webhooks_axum::app(webhook)).await });
    let test = endpoints.test_webhook_endpoint(&mine.id).await.unwrap();
    assert!(test.delivered, "{test:?}");
    let test = endpoints.test_webhook_endpoint(&other.id).await.unwrap();
    assert!(!test.delivered, "{test:?}");
    serving.abort();
    server.stop().await;
}

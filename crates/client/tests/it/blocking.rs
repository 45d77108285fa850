//! Calls without an async runtime.

use crate::own::in_events;
use crate::support::{KEY, RealServer, number};
use std::sync::mpsc;
use std::time::Duration;
use verger_client::testing::{Answer, MockTransport};
use verger_client::{
    Client, CreateUserParams, EventKind, GetUserListParams, Method, PageParams, UpdatePhoneNumberParams, User,
};

/// A real server on a thread of its own; the sender ends it.
fn server() -> (String, tokio::sync::oneshot::Sender<()>) {
    let (give, take) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = RealServer::start().await;
            give.send(server.url.clone()).unwrap();
            // An error: the other end is gone, which is the sign.
            let _ = stopped.await;
        });
    });
    (take.recv_timeout(Duration::from_secs(20)).unwrap(), stop)
}

#[test]
fn calls_work_without_a_runtime() {
    let (url, _stop) = server();
    let client = Client::builder().secret_key(KEY).base_url(url).build_blocking().unwrap();
    let mut ids = Vec::new();
    for n in 0..5 {
        let params = CreateUserParams { phone_number: vec![number(n)], ..Default::default() };
        ids.insert(0, client.users().create_user(params).send().unwrap().id);
    }
    let params = GetUserListParams { limit: Some(2), ..Default::default() };
    let found: Vec<String> = client.users().iterate_user_list(params).map(|user| user.unwrap().id).collect();
    assert_eq!(found, ids);
    let user = client.users().get_user(&ids[0]).send().unwrap();
    let phone = &user.phone_numbers[0].id;
    let read = client.phone_numbers().get_phone_number(phone).response().unwrap();
    let params = UpdatePhoneNumberParams { verified: Some(false), ..Default::default() };
    let update = client.phone_numbers().update_phone_number(phone, params);
    let number = update.clone().if_match(read.etag().unwrap()).send().unwrap();
    assert!(!number.is_verified());
    let error = update.if_match("\"0\"").send().unwrap_err();
    assert!(error.is_precondition_failed());
    assert_eq!(client.request(Method::Get, "/v1/users/count").send().unwrap()["total_count"], 5);
    assert!(client.email_addresses().get_email_address("idn_x").send().unwrap_err().is_not_found());
}

#[tokio::test]
async fn call_from_inside_a_runtime_blocks_and_does_not_panic() {
    let mock = MockTransport::new();
    mock.push(Answer::json(200, serde_json::json!({"total_count": 1})));
    let client = mock.builder().build_blocking().unwrap();
    assert_eq!(client.users().get_count(Default::default()).send().unwrap().total_count, 1);
}

#[test]
fn time_is_bounded_and_clones_share_the_thread() {
    let mock = MockTransport::new();
    mock.push(Answer::silence());
    mock.push(Answer::json(200, serde_json::json!({"total_count": 1})));
    let client = mock.builder().retry(verger_client::RetryPolicy::never()).build_blocking().unwrap();
    let request = client.users().get_count(Default::default());
    let again = request.clone();
    drop(client);
    // The request keeps the thread alive.
    assert!(request.timeout(Duration::from_millis(20)).send().unwrap_err().is_timeout());
    assert_eq!(again.send().unwrap().total_count, 1);
}

#[test]
fn events_are_iterated_without_a_runtime() {
    let (give, take) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let server = verger_server::testing::TestServer::start().await.unwrap();
            give.send((server.url().to_owned(), server.secret_key().to_owned())).unwrap();
            let _ = stopped.await;
            server.stop().await;
        });
    });
    let (url, key) = take.recv_timeout(Duration::from_secs(20)).unwrap();
    let client = Client::builder().secret_key(key).base_url(url).build_blocking().unwrap();
    let mut events = client.events().follow_events(None).send().unwrap();
    let params = CreateUserParams { phone_number: vec![number(0)], ..Default::default() };
    let user = client.users().create_user(params).send().unwrap();
    let created =
        events.find(|event| event.as_ref().unwrap().kind == EventKind::UserCreated).unwrap().unwrap();
    assert_eq!(created.decode_data::<User>().unwrap(), in_events(user));
    assert_eq!(events.last_event_id(), Some(&*created.id));
    assert!(client.instances().reset().send().unwrap().reset);
    drop(stop);
    assert_eq!(events.filter(Result::is_err).count(), 0, "it ends when the server does");
}

#[test]
fn lists_are_iterated_without_a_runtime_until_an_error() {
    let mock = MockTransport::new();
    let page = |ids: [&str; 2]| {
        let urls =
            ids.map(|id| serde_json::json!({"id": id, "url": "a:b", "created_at": 1, "updated_at": 1}));
        Answer::json(200, serde_json::json!({"data": urls, "total_count": 5}))
    };
    mock.push(page(["ru_1", "ru_2"]));
    mock.push(page(["ru_3", "ru_4"]));
    mock.push(Answer::error(500, "internal_clerk_error", None));
    let client = mock.builder().retry(verger_client::RetryPolicy::never()).build_blocking().unwrap();
    let urls = client.redirect_urls().iterate_redirect_urls(PageParams::new().limit(2));
    let seen: Vec<_> = urls.map(|url| url.map(|url| url.id).map_err(|error| error.status())).collect();
    let ids = ["ru_1", "ru_2", "ru_3", "ru_4"].map(|id| Ok(id.to_owned()));
    assert_eq!(seen[..4], ids);
    assert_eq!(seen[4..], [Err(Some(500))]);
}

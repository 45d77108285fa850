//! All users, page by page.

use crate::support::{RealServer, number};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use verger_client::testing::{Answer, MockTransport};
use verger_client::{Client, CreateUserParams, GetUserListParams};

pub(crate) async fn users(client: &Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let params = CreateUserParams {
            phone_number: vec![number(n)],
            first_name: Some(format!("{:03}", count - n)),
            ..Default::default()
        };
        ids.push(client.users().create_user(params).await.unwrap().id);
    }
    ids
}

#[tokio::test]
async fn stream_gives_every_user_once_whatever_the_order_and_the_page() {
    let server = RealServer::start().await;
    let client = server.client();
    let mut oldest_first = users(&client, 7).await;
    let newest_first: Vec<String> = oldest_first.iter().rev().cloned().collect();
    for limit in [None, Some(1), Some(2), Some(3), Some(7), Some(8)] {
        for (order, expected) in [
            (None, &newest_first),
            (Some("+created_at"), &oldest_first),
            (Some("-created_at"), &newest_first),
            // Not by cursor.
            (Some("first_name"), &newest_first),
            (Some("-first_name"), &oldest_first),
        ] {
            let params =
                GetUserListParams { limit, order_by: order.map(str::to_owned), ..Default::default() };
            let stream = client.users().stream_user_list(params);
            let ids: Vec<String> = stream.map(|user| user.unwrap().id).collect().await;
            assert_eq!(&ids, expected, "{limit:?} {order:?}");
        }
    }
    let params = GetUserListParams { limit: Some(2), offset: Some(3), ..Default::default() };
    let ids: Vec<String> =
        client.users().stream_user_list(params).map(|user| user.unwrap().id).collect().await;
    assert_eq!(ids, newest_first[3..]);
    let params = GetUserListParams {
        limit: Some(2),
        starting_after: Some(newest_first[0].clone()),
        ..Default::default()
    };
    let ids: Vec<String> =
        client.users().stream_user_list(params).map(|user| user.unwrap().id).collect().await;
    assert_eq!(ids, newest_first[1..]);
    // Users that go while the list is read hide nobody.
    let params =
        GetUserListParams { limit: Some(2), order_by: Some("+created_at".to_owned()), ..Default::default() };
    let mut stream = client.users().stream_user_list(params);
    assert_eq!(stream.try_next().await.unwrap().unwrap().id, oldest_first[0]);
    client.users().delete_user(&oldest_first.remove(0)).await.unwrap();
    for id in &oldest_first {
        assert_eq!(&stream.try_next().await.unwrap().unwrap().id, id);
    }
    assert_eq!(stream.try_next().await.unwrap(), None);
    assert_eq!(stream.try_next().await.unwrap(), None);
}

fn page(ids: &[&str]) -> Answer {
    let users: Vec<Value> =
        ids.iter().map(|id| json!({"id": id, "created_at": 1, "updated_at": 1})).collect();
    Answer::json(200, Value::Array(users))
}

fn two_a_page() -> GetUserListParams {
    GetUserListParams { limit: Some(2), banned: Some(false), ..Default::default() }
}

#[tokio::test]
async fn pages_are_read_as_they_are_needed_and_keep_their_filter() {
    let mock = MockTransport::new();
    mock.push(page(&["a", "b"]));
    mock.push(page(&["c"]));
    let mut stream = mock.client().users().stream_user_list(two_a_page());
    assert_eq!(mock.requests().len(), 0);
    for _ in 0..2 {
        stream.try_next().await.unwrap().unwrap();
    }
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(stream.try_next().await.unwrap().unwrap().id, "c");
    assert_eq!(stream.try_next().await.unwrap(), None);
    let queries: Vec<_> = mock.requests().iter().map(|request| request.query_string().to_owned()).collect();
    assert_eq!(queries, ["banned=false&limit=2", "banned=false&limit=2&starting_after=b"]);
}

#[tokio::test]
async fn error_and_repeated_page_end_the_stream() {
    let mock = MockTransport::new();
    mock.push(page(&["a", "b"]));
    mock.push(Answer::error(500, "internal_clerk_error", None));
    let mut stream = mock.client().users().stream_user_list(two_a_page());
    stream.try_next().await.unwrap();
    stream.try_next().await.unwrap();
    assert_eq!(stream.try_next().await.unwrap_err().status(), Some(500));
    assert_eq!(stream.try_next().await.unwrap(), None);
    // A service that ignores the cursor would be read for ever.
    for _ in 0..3 {
        mock.push(page(&["a", "b"]));
    }
    let stream = mock.client().users().stream_user_list(two_a_page());
    let items: Vec<_> = stream.collect().await;
    assert_eq!(items.len(), 3);
    assert!(items[2].as_ref().unwrap_err().is_decode());
}

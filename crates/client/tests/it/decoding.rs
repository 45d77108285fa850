//! What is not known yet survives, and what cannot be understood is an error and never a panic.

use crate::support::{KEY, Step, Stub};
use serde_json::{Value, json};
use verger_client::testing::{Answer, MockTransport};
use verger_client::{PhoneNumber, User, VerificationChannel, VerificationStatus, VerificationStrategy};

#[test]
fn unknown_values_and_fields_survive_a_round_trip() {
    let number = json!({
        "id": "idn_1", "object": "phone_number", "phone_number": "+12025550100",
        "reserved_for_second_factor": true, "default_second_factor": false, "reserved": false,
        "verification": {
            "object": "verification_of_tomorrow", "status": "postponed", "strategy": "telepathy", "channel": "pigeon",
            "attempts": 3, "expire_at": 9, "nonce": {"a": [1, null]},
        },
        "linked_to": [{"type": "oauth_x", "id": "idn_2", "since": 4}], "backup_codes": null,
        "created_at": 1, "updated_at": 2, "carrier": {"name": "x"}, "score": 18446744073709551615_u64,
    });
    let read: PhoneNumber = serde_json::from_value(number.clone()).unwrap();
    let verification = read.verification.as_ref().unwrap();
    assert_eq!(verification.status, VerificationStatus::Unknown("postponed".to_owned()));
    assert_eq!(verification.strategy, VerificationStrategy::Unknown("telepathy".to_owned()));
    assert_eq!(verification.channel, Some(VerificationChannel::Unknown("pigeon".to_owned())));
    assert!(!read.is_verified());
    assert_eq!(read.extra["carrier"]["name"], "x");
    assert_eq!(serde_json::to_value(&read).unwrap(), number);

    let mut user =
        json!(serde_json::from_value::<User>(json!({"id": "u", "created_at": 1, "updated_at": 1})).unwrap());
    user["phone_numbers"] = json!([number]);
    user["tomorrow"] = json!([{"deep": true}]);
    let read: User = serde_json::from_value(user.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), user);
}

#[tokio::test]
async fn one_odd_user_does_not_spoil_the_list() {
    let mock = MockTransport::new();
    let plain = json!({"id": "user_1", "created_at": 1, "updated_at": 1});
    let odd = json!({
        "id": "user_2", "created_at": 1, "updated_at": 1, "unsafe_metadata": null, "phone_numbers": null,
        "phone_numbers_of_tomorrow": 1, "image_url": null,
        "email_addresses": [{
            "id": "idn_1", "email_address": "a@b.c", "created_at": 1, "updated_at": 1, "linked_to": null,
            "verification": {"object": "verification_from_oauth", "status": "transferable", "strategy": "from_oauth_x"},
        }],
    });
    mock.push(Answer::json(200, json!([plain, odd])));
    let users = mock.client().users().get_user_list(Default::default()).await.unwrap();
    assert_eq!(users.len(), 2);
    let verification = users[1].email_addresses[0].verification.as_ref().unwrap();
    assert_eq!(verification.status.as_str(), "transferable");
}

#[tokio::test]
async fn success_that_is_no_success_is_a_decode_error() {
    let mock = MockTransport::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["", "null", "{}", "[]", "{\"id\":1}", "<html>hi</html>", "{\"id\":\"idn_1\"", "\u{0}", &deep]
    {
        mock.push(Answer::text(200, "application/json", body).header("x-clerk-trace-id", "trace-1"));
        let error = mock.client().phone_numbers().get_phone_number("idn_1").await.unwrap_err();
        assert!(error.is_decode() && !error.is_retryable(), "{body:.20}: {error}");
        assert_eq!((error.status(), error.trace_id()), (Some(200), Some("trace-1")));
    }
}

#[tokio::test]
async fn error_of_any_shape_keeps_its_status() {
    let mock = MockTransport::new();
    let huge = "x".repeat(5 * 1024 * 1024);
    for body in ["", "<html>", "{\"errors\":[", "{\"errors\":null}", "[1]", "\"no\"", &huge] {
        mock.push(Answer::text(422, "text/html", body).header("x-clerk-trace-id", "trace-1"));
        let error = mock.client().phone_numbers().get_phone_number("idn_1").await.unwrap_err();
        assert_eq!((error.status(), error.code(), error.errors().len()), (Some(422), None, 0));
        assert_eq!(error.trace_id(), Some("trace-1"));
        assert!(error.to_string().len() < 500);
    }
    let unknown =
        json!({"errors": [{"code": "of_tomorrow", "hint": 1, "meta": {"param_name": "p", "x": 1}}]});
    mock.push(Answer::json(418, unknown));
    let error = mock.client().phone_numbers().get_phone_number("idn_1").await.unwrap_err();
    assert_eq!((error.code(), error.param()), (Some("of_tomorrow"), Some("p")));
    assert_eq!(error.errors()[0].meta["x"], 1);
}

#[tokio::test]
async fn answer_beyond_the_limit_is_not_read() {
    let body = format!("\"{}\"", "x".repeat(10_000));
    let announced = Step::answer(200, "", &body);
    let unannounced = Step::Say(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}").into_bytes());
    for step in [announced, unannounced] {
        let stub = Stub::start([step.clone()]).await;
        let client = stub.builder().max_response_bytes(10_001).build().unwrap();
        let error = client.request(verger_client::Method::Get, "/v1/x").await.unwrap_err();
        assert!(error.is_decode() && error.status() == Some(200), "{error}");
        let stub = Stub::start([step]).await;
        let client = stub.builder().max_response_bytes(10_002).build().unwrap();
        let value: Value = client.request(verger_client::Method::Get, "/v1/x").await.unwrap();
        assert_eq!(value.as_str().map(str::len), Some(10_000));
    }
    // An error of 5 MiB is an error all the same.
    let stub = Stub::start([Step::answer(404, "", &"x".repeat(5 * 1024 * 1024))]).await;
    let error = stub.builder().build().unwrap().users().get_user("u").await.unwrap_err();
    assert!(error.is_not_found() && !error.to_string().contains(KEY));
}

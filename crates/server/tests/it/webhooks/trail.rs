//! The audit trail over HTTP.

use super::{running, until};
use crate::support::number;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn trail_tells_who_did_what_without_numbers_and_is_walked_by_cursor() {
    let app = running().await;
    let user = app.user(json!({ "email_address": ["ada@example.com"], "phone_number": [number(3)], "private_metadata": { "token": "hunter2" } })).await;
    app.patch(&format!("/v1/users/{user}"), json!({ "first_name": "Ada" })).await.ok();
    let kinds = [
        "user.created",
        "email_address.created",
        "email_address.verified",
        "phone_number.created",
        "phone_number.verified",
        "user.updated",
    ];
    let log =
        until(&app, "/verger/v1/audit_log", |log| log["data"].as_array().unwrap().len() == kinds.len()).await;
    let text = log.to_string();
    assert!(!text.contains(&number(3)[1..]) && !text.contains("ada@") && !text.contains("hunter2"), "{text}");
    assert!(text.contains(&format!("{}***{}", &number(3)[..2], &number(3)[10..])), "{text}");
    assert!(log["data"][0]["entry"]["actor"]["key_id"].as_str().unwrap().starts_with("key_"));
    assert_eq!(log["data"][0]["entry"]["changes"]["first_name"], json!({ "before": null, "after": "Ada" }));
    assert_eq!(log["data"][0]["previous_hash"], log["data"][1]["hash"]);
    let page = app.get("/verger/v1/audit_log?limit=4").await;
    let next = page.ok()["next_before"].as_i64().unwrap();
    let rest = app.get(&format!("/verger/v1/audit_log?limit=4&before={next}")).await;
    assert_eq!((rest.ok()["data"].as_array().unwrap().len(), &rest.body["next_before"]), (2, &Value::Null));
    let some = app.get("/verger/v1/audit_log?type=user.updated").await;
    assert_eq!(some.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(app.get("/verger/v1/audit_log?user_id=user_none").await.ok()["data"], json!([]));
    // Empty text asks for nothing.
    let all = app.get("/verger/v1/audit_log").await;
    assert_eq!(app.get("/verger/v1/audit_log?user_id=&type=").await.ok()["data"], all.ok()["data"]);
    for kind in ["sms.refused", "email.refused"] {
        assert_eq!(app.get(&format!("/verger/v1/audit_log?type={kind}")).await.ok()["data"], json!([]));
    }
    let unknown = app.get("/verger/v1/audit_log?type=foo").await;
    unknown.refused(422, "form_param_value_invalid", "type");
    let words = unknown.body["errors"][0]["message"].as_str().unwrap();
    assert!(words.contains("user.created") && words.contains("sms.refused"), "{words}");
}

//! Additions that are standard HTTP: entity tags, idempotency keys, dry runs; and what every answer carries.

use crate::support::{Answer, DEVELOPMENT_KEY, PRODUCTION_KEY, TestApp, number};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use verger_http::headers::Headers;
use verger_server::API_VERSIONS;
use verger_server::router::{ROUTES, service};

async fn world() -> (TestApp, String, String) {
    let app = TestApp::new().await;
    let user = app.post("/v1/users", json!({ "phone_number": [number(0), number(1)] })).await.ok().clone();
    let id = user["id"].as_str().unwrap();
    let number = user["phone_numbers"].as_array().unwrap().iter();
    let mut others = number.filter(|held| held["id"] != user["primary_phone_number_id"]);
    let phone = others.next().unwrap()["id"].as_str().unwrap();
    (app, format!("/v1/users/{id}"), format!("/v1/phone_numbers/{phone}"))
}

async fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut call = app.call(method, path);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    if !body.is_null() {
        call = call.json(body);
    }
    call.send().await
}

#[tokio::test]
async fn if_match_refuses_a_stale_version() {
    let (app, user, phone) = world().await;
    let tag = app.get(&phone).await.header("etag").unwrap().to_owned();
    let body = json!({ "verified": false });
    let weak = format!("W/{tag}");
    for stale in ["\"0\"", "\"other\"", weak.as_str()] {
        for (method, path) in [("PATCH", &phone), ("DELETE", &phone), ("DELETE", &user)] {
            let before = app.dump().await;
            let answer = send(&app, method, path, &[("if-match", stale)], &body).await;
            answer.refused(412, "precondition_failed", "");
            assert_eq!(app.dump().await, before);
        }
    }
    let answer = send(&app, "PATCH", &phone, &[("if-match", &tag)], &body).await;
    answer.ok();
    let next = answer.header("etag").unwrap().to_owned();
    assert_ne!(next, tag);
    assert_eq!(app.get(&phone).await.header("etag"), Some(&*next));
    // What was current is stale now; any of a list, or `*`, is enough.
    let body = json!({ "verified": true });
    send(&app, "PATCH", &phone, &[("if-match", &tag)], &body).await.refused(412, "precondition_failed", "");
    let list = format!("\"0\", {next}");
    send(&app, "PATCH", &phone, &[("if-match", &list)], &body).await.ok();
    send(&app, "PATCH", &phone, &[("if-match", "*")], &body).await.ok();
    // An id that does not exist is 404, whatever is expected of it.
    let answer = send(&app, "PATCH", "/v1/phone_numbers/idn_x", &[("if-match", "*")], &body).await;
    answer.refused(404, "resource_not_found", "");
}

#[tokio::test]
async fn if_none_match_refuses_a_write_to_a_version_that_it_names() {
    let (app, user, phone) = world().await;
    let tag = app.get(&phone).await.header("etag").unwrap().to_owned();
    let body = json!({ "verified": false });
    let weak = format!("W/{tag}");
    for named in ["*", tag.as_str(), weak.as_str(), &format!("\"0\", {tag}")] {
        for (method, path) in [("PATCH", &phone), ("DELETE", &phone), ("DELETE", &user)] {
            let before = app.dump().await;
            let answer = send(&app, method, path, &[("if-none-match", named)], &body).await;
            answer.refused(412, "precondition_failed", "");
            assert_eq!(app.dump().await, before);
        }
    }
    send(&app, "PATCH", &phone, &[("if-none-match", "\"0\"")], &body).await.ok();
    // What is made now was not there.
    let new = json!({ "email_address": ["new@example.com"] });
    send(&app, "POST", "/v1/users", &[("if-none-match", "*")], &new).await.ok();
}

#[tokio::test]
async fn header_with_two_meanings_is_refused_and_nothing_changes() {
    let (app, _, phone) = world().await;
    let body = json!({ "verified": false });
    let before = app.dump().await;
    let json = "application/json";
    for (headers, status, code) in [
        ([("idempotency-key", "a"), ("idempotency-key", "b")], 400, "malformed_request_parameters"),
        ([("clerk-api-version", "2021-02-05"), ("clerk-api-version", "foo")], 400, "api_version_invalid"),
        ([("content-type", json), ("content-type", "text/plain")], 415, "unsupported_content_type"),
        (
            [("content-type", "application/json; charset=utf-16"), ("x-other", "1")],
            415,
            "unsupported_content_type",
        ),
        (
            [("content-type", "application/json; Charset=\"ISO-8859-1\""), ("x-other", "1")],
            415,
            "unsupported_content_type",
        ),
        ([("content-range", "bytes 0-5/10"), ("x-other", "1")], 400, "malformed_request_parameters"),
    ] {
        let (answered, answer) = as_it_is(&app, &phone, &headers, &body).await;
        assert_eq!(answered, status, "{headers:?}");
        assert_eq!(answer["errors"][0]["code"], code, "{headers:?}");
        assert_eq!(app.dump().await, before, "{headers:?}");
    }
    let twice = app.get("/v1/users?__clerk_api_version=2021-02-05&__clerk_api_version=2026-05-12").await;
    twice.refused(400, "api_version_invalid", "");
    for charset in ["utf-8", "UTF-8", "\"utf-8\"", "us-ascii"] {
        let content_type = format!("application/json;charset={charset}");
        assert_eq!(as_it_is(&app, &phone, &[("content-type", &content_type)], &body).await.0, 200);
    }
}

/// A change with these headers and no others.
async fn as_it_is(app: &TestApp, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let mut request = Request::builder().method("PATCH").uri(path);
    request = request.header("authorization", format!("Bearer {DEVELOPMENT_KEY}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = service(Arc::clone(&app.app)).handle(request).await;
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn unknown_parameter_that_does_not_look_like_a_name_is_not_repeated() {
    let app = TestApp::new().await;
    for secret in ["+41791234567", "ada@example.com", "sk_live_0123456789abcdef0123"] {
        let answer = app.post("/v1/users", json!({ secret: 1 })).await;
        answer.refused(422, "form_param_unknown", "…");
        assert!(!answer.text.contains(secret), "{}", answer.text);
    }
}

#[tokio::test]
async fn if_match_on_a_bulk_request_asks_for_existence_alone() {
    let (app, user, _) = world().await;
    let tag = app.get(&user).await.header("etag").unwrap().to_owned();
    let body = json!({ "user_ids": [user.rsplit('/').next().unwrap()] });
    for path in ["/v1/users/ban", "/v1/users/unban"] {
        let before = app.dump().await;
        // Many users have no one version, not even if there is only one of them.
        for tags in [&*tag, "\"0\"", "\"0\", \"1\""] {
            let answer = send(&app, "POST", path, &[("if-match", tags)], &body).await;
            answer.refused(412, "precondition_failed", "");
        }
        assert_eq!(app.dump().await, before);
        let nobody = json!({ "user_ids": ["user_nobody"] });
        for tags in [&*tag, "*"] {
            let answer = send(&app, "POST", path, &[("if-match", tags)], &nobody).await;
            answer.refused(404, "resource_not_found", "");
        }
        send(&app, "POST", path, &[("if-match", "*")], &body).await.ok();
        assert_ne!(app.dump().await, before);
    }
}

#[tokio::test]
async fn what_a_code_may_still_change_is_never_not_modified() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let user = format!("/v1/users/{}", pending.user);
    let tags = [&pending.path, &user].map(|path| (path, app.get(path)));
    for (path, answer) in tags {
        let tag = answer.await.header("etag").unwrap().to_owned();
        let again = send(&app, "GET", path, &[("if-none-match", &tag)], &Value::Null).await;
        again.ok();
        assert_eq!(again.header("etag"), Some(&*tag));
    }
    // The version is the same when the code is over, and the answer is not.
    let tag = app.get(&pending.path).await.header("etag").unwrap().to_owned();
    app.advance_ms(600_000);
    let over = send(&app, "GET", &pending.path, &[("if-none-match", &tag)], &Value::Null).await;
    assert_eq!((&over.ok()["verification"]["status"], over.header("etag")), (&json!("expired"), Some(&*tag)));
}

#[tokio::test]
async fn if_none_match_spares_the_body() {
    let (app, user, phone) = world().await;
    for path in [&user, &phone] {
        let tag = app.get(path).await.header("etag").unwrap().to_owned();
        let answer = send(&app, "GET", path, &[("if-none-match", &tag)], &Value::Null).await;
        assert_eq!((answer.status, answer.header("etag")), (304, Some(&*tag)));
        let answer = send(&app, "GET", path, &[("if-none-match", "\"0\"")], &Value::Null).await;
        answer.ok();
        // For reading, the comparison is the weak one (RFC 9110, section 13.1.2).
        let weak = format!("W/{tag}");
        assert_eq!(send(&app, "GET", path, &[("if-none-match", &weak)], &Value::Null).await.status, 304);
    }
    let tag = app.get(&phone).await.header("etag").unwrap().to_owned();
    app.patch(&phone, json!({ "verified": false })).await.ok();
    send(&app, "GET", &phone, &[("if-none-match", &tag)], &Value::Null).await.ok();
}

#[tokio::test]
async fn idempotency_key_gives_the_first_answer_again() {
    let (app, user, phone) = world().await;
    let user_id = user.rsplit('/').next().unwrap();
    let body = json!({ "user_id": user_id, "phone_number": number(5), "verified": true });
    let key = [("idempotency-key", "one")];
    let first = send(&app, "POST", "/v1/phone_numbers", &key, &body).await;
    first.ok();
    assert_eq!(first.header("idempotent-replayed"), None);
    app.tick();
    // Even when the world has moved on.
    app.delete(&format!("/v1/phone_numbers/{}", first.body["id"].as_str().unwrap())).await.ok();
    let before = app.dump().await;
    let again = send(&app, "POST", "/v1/phone_numbers", &key, &body).await;
    assert_eq!(again.ok(), first.ok());
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("etag"), first.header("etag"));
    // Another body, path or method.
    let other = json!({ "user_id": user_id, "phone_number": number(6), "verified": true });
    for (method, path, body) in
        [("POST", "/v1/phone_numbers", &other), ("PATCH", &*phone, &body), ("DELETE", &phone, &Value::Null)]
    {
        let answer = send(&app, method, path, &key, body).await;
        answer.refused(422, "idempotency_key_reused", "");
    }
    assert_eq!(app.dump().await, before);
    // A key belongs to an instance.
    let call = app.call("POST", "/v1/users").key(PRODUCTION_KEY).header("idempotency-key", "one");
    call.json(&json!({ "skip_user_requirement": true })).send().await.ok();
}

#[tokio::test]
async fn idempotency_key_works_on_every_kind_of_write() {
    let (app, user, phone) = world().await;
    for (at, (method, path, body)) in [
        ("POST", "/v1/users".to_owned(), json!({ "skip_user_requirement": true })),
        ("PATCH", phone.clone(), json!({ "verified": false })),
        // Changes nothing, and is kept all the same.
        ("PATCH", phone.clone(), json!({ "verified": false })),
        ("POST", format!("{user}/ban"), Value::Null),
        ("PUT", format!("{user}/phone_number"), json!({ "phone_number": number(8) })),
        ("DELETE", user.clone(), Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{at}");
        let first = send(&app, method, &path, &[("idempotency-key", &key)], &body).await;
        first.ok();
        let before = app.dump().await;
        let again = send(&app, method, &path, &[("idempotency-key", &key)], &body).await;
        assert_eq!((again.ok(), again.header("idempotent-replayed")), (first.ok(), Some("true")), "{method}");
        assert_eq!(app.dump().await, before);
    }
}

#[tokio::test]
async fn refused_request_does_not_use_up_its_idempotency_key() {
    let (app, _, phone) = world().await;
    let key = [("idempotency-key", "one")];
    let wrong = send(&app, "PATCH", &phone, &key, &json!({ "verified": "no" })).await;
    wrong.refused(422, "form_param_value_invalid", "verified");
    send(&app, "PATCH", &phone, &key, &json!({ "verified": false })).await.ok();
}

#[tokio::test]
async fn dry_run_tells_the_consequences_and_stores_nothing() {
    let (app, user, phone) = world().await;
    app.patch(&phone, json!({ "reserved_for_second_factor": true })).await.ok();
    app.tick();
    let before = app.dump().await;
    let dry = [("prefer", "dry-run"), ("idempotency-key", "dry")];
    let body = json!({ "verified": false });
    let told = send(&app, "PATCH", &phone, &dry, &body).await;
    assert_eq!(told.ok()["verification"], Value::Null);
    assert_eq!(told.header("preference-applied"), Some("dry-run"));
    assert_eq!(told.header("verger-consequences"), Some("mfa_disabled"));
    for (method, path, body) in [
        ("DELETE", phone.as_str(), Value::Null),
        ("DELETE", &user, Value::Null),
        ("POST", "/v1/users", json!({ "phone_number": [number(9)] })),
        ("PUT", &format!("{user}/phone_number"), json!({ "phone_number": number(9) })),
        ("POST", "/v1/users/ban", json!({ "user_ids": [user.rsplit('/').next().unwrap()] })),
        ("PATCH", &phone, Value::Null),
    ] {
        let answer = send(&app, method, path, &[("prefer", "respond-async, Dry-Run")], &body).await;
        answer.ok();
        assert_eq!(answer.header("preference-applied"), Some("dry-run"), "{method} {path}");
        assert_eq!(app.dump().await, before, "{method} {path}");
    }
    let refused = send(&app, "PATCH", &phone, &dry, &json!({ "verified": false, "primary": true })).await;
    refused.refused(422, "form_verification_needed", "primary");
    assert_eq!(app.dump().await, before);
    // The real request does what was told, and the key is still free.
    let done = send(&app, "PATCH", &phone, &dry[1..], &body).await;
    assert_eq!((done.header("idempotent-replayed"), done.header("preference-applied")), (None, None));
    assert_eq!(done.ok(), told.ok());
    assert_eq!(done.header("verger-consequences"), told.header("verger-consequences"));
}

#[tokio::test]
async fn dry_run_that_is_not_understood_is_refused() {
    let (app, _, phone) = world().await;
    let before = app.dump().await;
    let body = json!({ "verified": false });
    for asked in
        ["dry-run=true", "dry-run=\"yes\"", "wait=5, dry-run=false", "respond-async; dry-run", "dry-run true"]
    {
        let answer = send(&app, "PATCH", &phone, &[("prefer", asked)], &body).await;
        answer.refused(400, "malformed_request_parameters", "Prefer");
        assert_eq!(app.dump().await, before, "{asked}");
    }
    for headers in [
        &[("prefer", "dry-run=\"\"")][..],
        &[("prefer", "return=minimal"), ("prefer", "wait=\"5\",dry-run; x")],
    ] {
        let answer = send(&app, "PATCH", &phone, headers, &body).await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (200, Some("dry-run")),
            "{headers:?}"
        );
        assert_eq!(app.dump().await, before, "{headers:?}");
    }
    let others = [("prefer", "return=minimal; x=\"dry-run\", wait=5"), ("prefer", "no-dry-run")];
    let answer = send(&app, "PATCH", &phone, &others, &body).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (200, None));
    assert_ne!(app.dump().await, before);
}

/// A condition that nobody looks at would be taken for kept.
#[tokio::test]
async fn every_write_of_our_own_keeps_a_condition_or_refuses_it() {
    let (app, ..) = world().await;
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook" });
    let made = app.post("/verger/v1/webhook_endpoints", endpoint.clone()).await.ok().clone();
    let id = made["id"].as_str().unwrap();
    let state = async || (app.get("/verger/v1/webhook_endpoints").await.text, app.dump().await);
    let before = state().await;
    let writes = ROUTES.iter().filter(|route| route.path.starts_with("/verger/") && route.method != "GET");
    let instance = app.get("/v1/instance").await.ok()["id"].clone();
    let mut tried = 0;
    for route in writes {
        let path = route.path.replace("{webhook_endpoint_id}", id);
        // The first key of an instance has its id.
        let path = path.replace("{signing_key_id}", instance.as_str().unwrap());
        assert!(!path.contains('{'), "{path}: say what to put into it");
        let body = match path.rsplit('/').next().unwrap() {
            "webhook_endpoints" => endpoint.clone(),
            "clock" => json!({ "advance_ms": 1_000 }),
            "replay" => json!({ "since": 0 }),
            "retire" => json!({ "now": true }),
            _ => json!({}),
        };
        if route.headers.has(Headers::IF_MATCH) {
            let answer = send(&app, route.method, &path, &[("if-match", "\"7\"")], &body).await;
            answer.refused(412, "precondition_failed", "");
        }
        for tags in ["\"0\"", "*"] {
            let answer = send(&app, route.method, &path, &[("if-match", tags)], &body).await;
            match route.headers.has(Headers::IF_MATCH) {
                true => drop(answer.ok()),
                false => answer.refused(400, "malformed_request_parameters", "If-Match"),
            }
        }
        let answer = send(&app, route.method, &path, &[("prefer", "dry-run")], &body).await;
        if answer.status == 200 {
            assert_eq!(answer.header("preference-applied"), Some("dry-run"), "{} {path}", route.method);
        } else {
            answer.refused(400, "malformed_request_parameters", "Prefer");
        }
        assert_eq!(state().await, before, "{} {path}", route.method);
        tried += 1;
    }
    assert!(tried >= 8, "{tried}");
}

#[tokio::test]
async fn effective_version_is_echoed() {
    let (app, user, _) = world().await;
    assert_eq!(app.get(&user).await.header("clerk-api-version"), Some("2021-02-05"));
    for version in API_VERSIONS {
        for path in [user.as_str(), "/v1/users/user_nobody", "/v1/nothing", "/v1/organizations"] {
            let by_header = send(&app, "GET", path, &[("clerk-api-version", version)], &Value::Null).await;
            assert_eq!(by_header.header("clerk-api-version"), Some(version), "{path}");
            let by_query = app.get(&format!("{path}?__clerk_api_version={version}")).await;
            assert_eq!(by_query.header("clerk-api-version"), Some(version), "{path}");
        }
    }
}

#[tokio::test]
async fn answers_are_not_cached_and_have_their_own_trace_ids() {
    let (app, user, _) = world().await;
    let (one, two) = (app.get(&user).await, app.get(&user).await);
    assert_eq!(one.header("cache-control"), Some("no-store"));
    assert_ne!(one.header("x-clerk-trace-id"), two.header("x-clerk-trace-id"));
}

//! What a refusal says: the code of its own where the imitated API has one, the reason, the limit and the length; and that
//! numbers come back as they were written.

use crate::support::{Answer, TestApp, number};
use serde_json::json;

const URL: &str = "/verger/v1/webhook_endpoints";
const METADATA: [&str; 3] = ["public_metadata", "private_metadata", "unsafe_metadata"];
/// Written as no 64-bit number would be.
const NUMBERS: [&str; 11] = [
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1234567890123456789",
    "-9223372036854775809",
    "-0",
    "-0.0",
    "1.0",
    "1.50",
    "1E5",
    "1e+05",
    "1e-400",
];

fn words(answer: &Answer) -> String {
    let error = &answer.body["errors"][0];
    format!("{} | {}", error["message"].as_str().unwrap(), error["long_message"].as_str().unwrap())
}

async fn raw(app: &TestApp, method: &str, path: &str, body: &str) -> Answer {
    app.call(method, path).body(body).send().await
}

#[tokio::test]
async fn usernames_are_refused_with_the_codes_of_the_catalogue_by_every_writer() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "username": "ada_l" })).await;
    let before = app.dump().await;
    let long = "x".repeat(65);
    for (username, code, reason) in [
        ("ab", "form_username_invalid_length", "must have 4 to 64 characters; it has 2"),
        ("123", "form_username_invalid_length", "it has 3"),
        (" ", "form_username_invalid_length", "it has 1"),
        (&long, "form_username_invalid_length", "it has 65"),
        ("alice smith", "form_username_invalid_character", "may contain only"),
        ("élodie", "form_username_invalid_character", "may contain only"),
        ("ada\u{0}ada", "form_username_invalid_character", "may contain only"),
        ("+41791234567", "form_username_invalid_character", "may contain only"),
        ("12345678", "form_username_needs_non_number_char", "at least one character that is not a digit"),
        ("0000", "form_username_needs_non_number_char", "at least one character that is not a digit"),
    ] {
        let body = json!({ "username": username });
        for answer in [
            app.post("/v1/users", body.clone()).await,
            app.patch(&format!("/v1/users/{user}"), body.clone()).await,
            app.call("POST", "/v1/users").header("prefer", "dry-run").json(&body).send().await,
        ] {
            answer.refused(422, code, "username");
            assert!(words(&answer).contains(reason), "{}", answer.text);
        }
        // Looked for, it is nobody's.
        let encoded: String = username.bytes().map(|byte| format!("%{byte:02X}")).collect();
        if !username.contains('\0') && !username.trim().is_empty() {
            assert_eq!(app.get(&format!("/v1/users?username={encoded}")).await.ok(), &json!([]));
            assert_eq!(app.get(&format!("/v1/users?username_query={encoded}")).await.ok(), &json!([]));
        }
    }
    assert_eq!(app.dump().await, before);
    for good in ["1234-5678", "123x", "____"] {
        app.post("/v1/users", json!({ "username": good })).await.ok();
    }
}

#[tokio::test]
async fn numbers_in_metadata_come_back_digit_for_digit() {
    let app = TestApp::new().await;
    let list = NUMBERS.join(",");
    let object = format!(r#"{{"list":[{list}],"deep":{{"n":18446744073709551616}}}}"#);
    let fields = METADATA.map(|name| format!(r#""{name}":{object}"#)).join(",");
    let holds = |answer: &Answer| {
        answer.ok();
        assert_eq!(answer.text.matches(&object).count(), METADATA.len(), "{}", answer.text);
    };
    let made = raw(&app, "POST", "/v1/users", &format!(r#"{{"username":"ada_l",{fields}}}"#)).await;
    holds(&made);
    let id = made.body["id"].as_str().unwrap();
    let (user, metadata) = (format!("/v1/users/{id}"), format!("/v1/users/{id}/metadata"));
    holds(&app.get(&user).await);
    holds(&app.get("/v1/users?query=ada_l").await);
    // What changes something else carries them along, and what changes nothing moves nothing.
    app.tick();
    holds(&app.patch(&user, json!({ "first_name": "Ada" })).await);
    let tag = app.get(&user).await.header("etag").unwrap().to_owned();
    for (method, path) in [("PATCH", &metadata), ("PUT", &metadata)] {
        app.tick();
        let same = raw(&app, method, path, &format!("{{{fields}}}")).await;
        holds(&same);
        assert_eq!(same.header("etag"), Some(tag.as_str()), "{method}");
    }
    let old =
        app.call("PATCH", &user).header("clerk-api-version", "2021-02-05").body(format!("{{{fields}}}"));
    holds(&old.send().await);
    // A merge keeps what it does not name, and takes a number that is written otherwise for another.
    let change = r#"{"public_metadata":{"deep":{"m":0.10000000000000000001},"one":1}}"#;
    let merged = raw(&app, "PATCH", &metadata, change).await;
    let deep = r#""deep":{"n":18446744073709551616,"m":0.10000000000000000001},"one":1}"#;
    assert!(merged.text.contains(deep) && merged.text.contains(&list), "{}", merged.text);
    let change = r#"{"public_metadata":{"one":1.0,"deep":{"m":0.10000000000000000002}}}"#;
    let dry = app.call("PATCH", &metadata).header("prefer", "dry-run").body(change).send().await;
    let kept = app.call("PATCH", &metadata).header("idempotency-key", "a").body(change).send().await;
    let again = app.call("PATCH", &metadata).header("idempotency-key", "a").body(change).send().await;
    let deep = r#""deep":{"n":18446744073709551616,"m":0.10000000000000000002},"one":1.0}"#;
    for answer in [&dry, &kept, &again] {
        assert!(answer.text.contains(deep), "{}", answer.text);
    }
    assert_eq!(kept.text, again.text);
    assert_ne!(kept.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn a_number_that_no_double_holds_is_refused_with_its_place() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "username": "ada_l", "public_metadata": { "seats": 1 } })).await;
    let before = app.dump().await;
    let digits = "7".repeat(309);
    let long = format!("0.{}", "7".repeat(399));
    for (value, place, reason) in [
        ("1e400", "plan.limits[1]", "number out of range"),
        ("-1e309", "plan.limits[1]", "number out of range"),
        (&digits, "plan.limits[1]", "number out of range"),
        (&long, "plan.limits[1]", "number of 401 characters"),
        (r#"{"$serde_json::private::RawValue":"x"}"#, "plan.limits[1].…", "a key that begins with"),
    ] {
        let object = format!(r#"{{"plan":{{"limits":[0,{value}]}}}}"#);
        for (method, path) in [
            ("PATCH", format!("/v1/users/{user}/metadata")),
            ("PUT", format!("/v1/users/{user}/metadata")),
            ("POST", "/v1/users".to_owned()),
        ] {
            let answer = raw(&app, method, &path, &format!(r#"{{"private_metadata":{object}}}"#)).await;
            answer.refused(422, "form_param_value_invalid", "private_metadata");
            let words = words(&answer);
            assert!(words.contains(place) && words.contains(reason) && !words.contains("777"), "{words}");
        }
    }
    // Elsewhere it is not well-formed only for what it should have been.
    let answer = raw(&app, "PATCH", &format!("/v1/users/{user}"), r#"{"first_name":1e400}"#).await;
    answer.refused(422, "form_param_value_invalid", "first_name");
    let answer = raw(
        &app,
        "PATCH",
        &format!("/v1/users/{user}"),
        r#"{"create_organizations_limit":9223372036854775808}"#,
    )
    .await;
    answer.refused(422, "form_param_value_too_large", "create_organizations_limit");
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_at_every_depth_and_by_every_operation() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": [number(0)] })).await;
    let before = app.dump().await;
    let metadata = format!("/v1/users/{user}/metadata");
    for (method, path, body, place) in [
        ("POST", "/v1/users", r#"{"username":"hunter2a","username":"hunter2b"}"#, "key username stands"),
        (
            "POST",
            "/v1/users",
            r#"{"skip_user_requirement":true,"public_metadata":{"a":"hunter2","a":"hunter3"}}"#,
            "key public_metadata.a stands",
        ),
        ("PATCH", &metadata, r#"{"public_metadata":{"a":1,"\u0061":1}}"#, "key public_metadata.a stands"),
        (
            "PUT",
            &metadata,
            r#"{"private_metadata":{"x":[{"y":{"a":"hunter2","b":0,"a":"hunter2"}}]}}"#,
            "key private_metadata.x[0].y.a stands",
        ),
        (
            "PUT",
            &metadata,
            r#"{"private_metadata":{"+41791234567":1,"+41791234567":2}}"#,
            "key private_metadata.… stands",
        ),
        ("PUT", &metadata, r#"{"private_metadata":{"":1,"":2}}"#, "key private_metadata.… stands"),
        // Also where nobody looks.
        ("POST", "/v1/phone_numbers", r#"{"unknown":{"a":1,"a":1}}"#, "key unknown.a stands"),
        ("POST", URL, r#"{"url":"https://example.com/","x":{"a":1,"a":1}}"#, "key x.a stands"),
    ] {
        let answer = raw(&app, method, path, body).await;
        answer.refused(400, "request_body_invalid", "");
        assert!(words(&answer).contains(place), "{}", answer.text);
        assert!(!answer.text.contains("hunter") && !answer.text.contains("4179"), "{}", answer.text);
    }
    let deep = format!(r#"{{"public_metadata":{}1{}}}"#, r#"{"a":"#.repeat(200), "}".repeat(200));
    let answer = raw(&app, "PUT", &metadata, &deep).await;
    answer.refused(400, "request_body_invalid", "");
    assert!(words(&answer).contains("deeper than 128 levels"), "{}", answer.text);
    let deep = format!(r#"{{"public_metadata":{}1{}}}"#, r#"{"a":"#.repeat(33), "}".repeat(33));
    let answer = raw(&app, "PUT", &metadata, &deep).await;
    answer.refused(422, "form_param_format_invalid", "public_metadata");
    assert!(words(&answer).contains("at most 32 levels"), "{}", answer.text);
    assert_eq!(app.dump().await, before);
}

/// A request a line, and what its refusal says: method, path, body | code | parameter | a part of the words. `<user>` is a user
/// of the instance, `<number>` a phone number that nobody has, `<x*9>` nine times what stands before the star.
const REFUSALS: &str = r#"
PUT   /v1/users/<user>/metadata {"private_metadata":{"a":"<x*8185>"}}    | form_param_exceeds_allowed_size | private_metadata | 8193 bytes, and at most 8192
PATCH /v1/users/<user>/metadata {"public_metadata":{"a":"<x*8185>"}}     | form_param_exceeds_allowed_size | public_metadata | 8193
PATCH /v1/users/<user> {"first_name":"<x*257>"}                          | form_param_max_length_exceeded | first_name | at most 256 characters; it has 257
PATCH /v1/users/<user> {"last_name":"<x*257>"}                           | form_param_max_length_exceeded | last_name | at most 256 characters; it has 257
PATCH /v1/users/<user> {"external_id":"<x*257>"}                         | form_param_max_length_exceeded | external_id | at most 256 characters; it has 257
PATCH /v1/users/<user> {"external_id":""}                                | form_param_min_length_exceeded | external_id | may not be empty
PATCH /v1/users/<user> {"locale":"<en-*12>x"}                            | form_param_max_length_exceeded | locale | at most 35 characters; it has 37
PATCH /v1/users/<user> {"locale":""}                                     | form_param_format_invalid | locale | language tag
PATCH /v1/users/<user> {"first_name":"a\u0000"}                          | form_param_format_invalid | first_name | U+0000
PATCH /v1/users/<user> {"created_at":""}                                 | form_param_invalid_time | created_at | RFC 3339
PATCH /v1/users/<user> {"legal_accepted_at":"2026-02-30T00:00:00Z"}      | form_param_invalid_time | legal_accepted_at | RFC 3339
POST  /v1/phone_numbers {"user_id":"<user>","phone_number":"+123456"}    | form_param_format_invalid | phone_number | 7 to 15 digits after the plus sign; it has 6
POST  /v1/phone_numbers {"user_id":"<user>","phone_number":""}           | form_param_format_invalid | phone_number | it has no digits
POST  /v1/phone_numbers {"user_id":"<user>","phone_number":"0791234567"} | form_param_format_invalid | phone_number | must begin with a plus sign
POST  /v1/phone_numbers {"user_id":"<user>","phone_number":"+99912345678"} | form_param_format_invalid | phone_number | country code that exists
POST  /v1/phone_numbers {"user_id":"<user>","phone_number":"+4179123456"}  | form_param_format_invalid | phone_number | too short
POST  /v1/phone_numbers {"user_id":null,"phone_number":"<number>"}       | form_param_nil | user_id | is null
POST  /v1/email_addresses {"user_id":"<user>","email_address":"a@<b.*130>com"} | form_param_max_length_exceeded | email_address | at most 254 characters; it has 265
POST  /v1/email_addresses {"user_id":"<user>","email_address":"<a*65>@example.com"} | form_param_max_length_exceeded | email_address | at most 64 characters before the @
POST  /v1/email_addresses {"user_id":"<user>","email_address":"a@<b*64>.com"} | form_param_max_length_exceeded | email_address | at most 63 characters between two dots of its domain
POST  /v1/email_addresses {"user_id":"<user>","email_address":""}        | form_param_format_invalid | email_address | there is no @
POST  /v1/users/ban {"user_ids":null}                                    | form_param_nil | user_ids | is null
POST  /v1/users {"phone_number":["<number>"],"phone_number_identification_status":["verified","reserved"]} | form_param_array_length_mismatch | phone_number_identification_status | has 2 items, and phone_number has 1
GET   /v1/users?limit=501                                                | form_param_value_too_large | limit | from 1 to 500; it is 501
GET   /v1/users?limit=0                                                  | form_param_value_invalid | limit | from 1 to 500; it is 0
GET   /v1/users?offset=-1                                                | form_param_value_invalid | offset | at least 0; it is -1
GET   /v1/users?offset=99999999999999999999                              | form_param_value_too_large | offset | to 9223372036854775807
GET   /v1/users?limit=ten                                                | form_param_value_invalid | limit | from 1 to 500
GET   /v1/users?offset=1&starting_after=user_x                           | form_conditional_param_disallowed | starting_after | cannot be combined with offset
GET   /v1/users/count?query=<x*257>                                      | form_param_max_length_exceeded | query | at most 256 characters; it has 257
POST  /verger/v1/webhook_endpoints {"url":"https://example.com/<a*2000>"} | form_param_max_length_exceeded | url | at most 2000 bytes; it has 2020
POST  /verger/v1/webhook_endpoints {"url":null}                          | form_param_nil | url | is null
"#;

/// With what the marks of [`REFUSALS`] stand for.
fn filled(row: &str, user: &str) -> String {
    let row = row.replace("<user>", user).replace("<number>", &number(5));
    let mut text = String::new();
    let mut rest = row.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        let (mark, behind) = after.split_once('>').expect("a mark ends");
        let (unit, times) = mark.split_once('*').expect("a mark has a star");
        text.push_str(before);
        text.push_str(&unit.repeat(times.parse().expect("a number")));
        rest = behind;
    }
    text + rest
}

#[tokio::test]
async fn refusals_say_the_reason_the_limit_and_the_length() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "phone_number": [number(0)] })).await;
    let before = app.dump().await;
    for row in REFUSALS.trim().lines() {
        let row = filled(row, &user);
        let [request, code, param, reason] =
            <[&str; 4]>::try_from(row.splitn(4, '|').collect::<Vec<_>>()).expect("four columns");
        let (method, request) = request.split_once(' ').expect("a method and a path");
        let (path, body) = request.trim().split_once(' ').unwrap_or((request.trim(), ""));
        let call = app.call(method, path);
        let answer = if body.is_empty() { call.send().await } else { call.body(body.trim()).send().await };
        answer.refused(422, code.trim(), param.trim());
        assert!(words(&answer).contains(reason.trim_start()), "{row}: {}", answer.text);
        assert!(!words(&answer).contains("well-formed"), "{row}: {}", answer.text);
    }
    let ids = vec!["user_x"; 51];
    let answer = app.post("/v1/users/ban", json!({ "user_ids": ids })).await;
    answer.refused(400, "bulk_size_exceeded", "user_ids");
    assert!(words(&answer).contains("51") && words(&answer).contains("50"), "{}", answer.text);
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn a_merge_that_makes_metadata_too_large_says_how_large() {
    let app = TestApp::new().await;
    let user = app.user(json!({ "username": "ada_l", "public_metadata": { "a": "x".repeat(5_000) } })).await;
    let before = app.dump().await;
    let body = json!({ "public_metadata": { "b": "x".repeat(5_000) } });
    let answer = app.patch(&format!("/v1/users/{user}/metadata"), body).await;
    answer.refused(422, "form_param_exceeds_allowed_size", "public_metadata");
    assert!(words(&answer).contains("10015 bytes"), "{}", answer.text);
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn urls_of_endpoints_are_judged_to_the_port_when_made_and_when_changed() {
    let app = TestApp::new().await;
    let made = app.post(URL, json!({ "url": "http://127.0.0.1:65535/x" })).await.ok().clone();
    let path = format!("{URL}/{}", made["id"].as_str().unwrap());
    for (url, reason) in [
        ("", "is empty"),
        (" ", "blanks"),
        ("http://127.0.0.1:99999/x", "port from 1 to 65535"),
        ("http://127.0.0.1:65616/x", "port from 1 to 65535"),
        ("http://127.0.0.1:-1/x", "port from 1 to 65535"),
        ("http://127.0.0.1:0/x", "port from 1 to 65535"),
        ("http://127.0.0.1:/x", "port from 1 to 65535"),
        ("http://[::1]:70000/x", "port from 1 to 65535"),
        ("https://example.com:70000", "port from 1 to 65535"),
        ("https://example.com:+443/", "port from 1 to 65535"),
        ("https://user@example.com/", "credentials"),
        ("https://example.com/#a", "fragment"),
        ("https://example.com/a b", "blanks"),
        ("https://example.com/\n", "blanks"),
        ("example.com", "begin with https://"),
        ("ftp://example.com/", "begin with https://"),
    ] {
        for answer in
            [app.post(URL, json!({ "url": url })).await, app.patch(&path, json!({ "url": url })).await]
        {
            answer.refused(422, "form_param_value_invalid", "url");
            assert!(words(&answer).contains(reason), "{url}: {}", answer.text);
        }
    }
    let listed = app.get(URL).await;
    assert_eq!(listed.ok().as_array().unwrap().len(), 1);
    assert_eq!(listed.body[0]["url"], "http://127.0.0.1:65535/x");
    assert_eq!(listed.body[0]["updated_at"], made["updated_at"]);
}

#[tokio::test]
async fn the_endpoint_over_the_quota_is_refused_as_that() {
    let app = TestApp::new().await;
    for _ in 0..200 {
        app.post(URL, json!({ "url": "https://example.com/" })).await.ok();
    }
    let answer = app.post(URL, json!({ "url": "https://example.com/" })).await;
    answer.refused(403, "quota_exceeded", "");
    assert!(words(&answer).contains("at most 200 webhook endpoints"), "{}", answer.text);
}

#[tokio::test]
async fn arrays_in_queries_are_read_as_php_sends_them() {
    let app = TestApp::new().await;
    let mut users = Vec::new();
    for at in 0..3 {
        users.push(app.user(json!({ "phone_number": [number(at)] })).await);
    }
    let plus = |at: usize| number(at).replace('+', "%2B");
    for (query, wanted) in [
        (format!("phone_number[0]={}&phone_number[1]={}", plus(0), plus(2)), 2),
        (format!("phone_number%5B0%5D={}&phone_number%5b1%5d={}", plus(0), plus(2)), 2),
        (format!("phone_number[5]={}&phone_number[2]={}", plus(1), plus(0)), 2),
        (format!("phone_number[0]={}&phone_number[]={}&phone_number={}", plus(0), plus(1), plus(2)), 3),
        (format!("user_id[0]={}&user_id[1]={}", users[0], users[1]), 2),
        (format!("user_id[0]=-{}", users[0]), 2),
        ("limit[0]=1".to_owned(), 1),
    ] {
        let found = app.get(&format!("/v1/users?{query}")).await;
        assert_eq!(found.ok().as_array().unwrap().len(), wanted, "{query}");
        if !query.starts_with("limit") {
            let count = app.get(&format!("/v1/users/count?{query}")).await;
            assert_eq!(count.ok()["total_count"], wanted, "{query}");
        }
    }
    let many = (0..101).map(|at| format!("user_id[{at}]=user_x")).collect::<Vec<_>>().join("&");
    app.get(&format!("/v1/users?{many}")).await.refused(422, "form_param_array_size_exceeded", "user_id");
    for name in ["phone_number[a]", "phone_number[0][1]", "phone_number[-1]", "nobody[0]"] {
        let answer = app.get(&format!("/v1/users?{name}=x")).await;
        assert_eq!((answer.status, answer.code()), (422, "form_param_unknown"), "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn every_search_repairs_a_bare_plus_and_cuts_blanks_in_list_and_count() {
    let app = TestApp::new().await;
    let body = json!({
        "phone_number": ["+41791234567"], "email_address": ["ada+tag@example.com"], "username": "ada_l",
        "first_name": "Ada", "last_name": "Lovelace",
    });
    let user = app.user(body).await;
    app.user(json!({ "phone_number": ["+447400123456"], "first_name": "Ian" })).await;
    for query in [
        "query=+4179",
        "query=%2B4179",
        "query=4179%20",
        "query=%204179",
        "query=+4179+",
        "query=+Ada+",
        "query=%20ada_l%20",
        "phone_number_query=+4179",
        "phone_number_query=4179%20",
        "phone_number_query=+41+79+",
        "phone_number_query=(+41)79",
        "email_address_query=%20ada%2Btag%20",
        "email_address_query=ada+tag",
        "email_address_query=+ada",
        "email_address=%20Ada%2Btag@example.com%20",
        "username_query=+ada+",
        "username=%20ADA_L+",
        "name_query=+Ada+Lovelace+",
        "name_query=%09lace",
        "phone_number=+41791234567",
        "phone_number=%2B41791234567%20",
    ] {
        let found = app.get(&format!("/v1/users?{query}")).await;
        let ids: Vec<_> = found.ok().as_array().unwrap().iter().map(|user| user["id"].clone()).collect();
        assert_eq!(ids, [json!(user)], "{query}");
        assert_eq!(app.get(&format!("/v1/users/count?{query}")).await.ok()["total_count"], 1, "{query}");
    }
    for by_id in [format!("user_id=+{user}"), format!("user_id={user}%20"), format!("query=%20{user}+")] {
        assert_eq!(app.get(&format!("/v1/users/count?{by_id}")).await.ok()["total_count"], 1, "{by_id}");
    }
    // Something was asked for, and nobody has it; only an empty value asks for nothing.
    for name in ["query", "phone_number_query", "email_address_query", "username_query", "name_query"] {
        for (value, wanted) in [("%20", 0), ("+", 0), ("%E3%80%80", 0), ("", 2)] {
            let count = app.get(&format!("/v1/users/count?{name}={value}")).await;
            assert_eq!(count.ok()["total_count"], wanted, "{name}={value}");
        }
    }
}

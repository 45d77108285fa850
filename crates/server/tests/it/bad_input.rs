//! Requests that are refused: with which status and code, and that nothing changes.

use crate::support::{DEVELOPMENT_KEY, PRODUCTION_KEY, TestApp, number};
use serde_json::{Value, json};

/// What the rows talk about. In a path or body, `{user}` and the like stand for these ids.
struct Ids(Vec<(&'static str, String)>);

impl Ids {
    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }
}

async fn world() -> (TestApp, Ids) {
    let app = TestApp::new().await;
    let body = json!({
        "phone_number": [number(0), number(1)],
        "email_address": ["ada@example.com"],
        "username": "ada_l",
        "external_id": "ada",
    });
    let user = app.post("/v1/users", body).await.ok().clone();
    let other = app.post("/v1/users", json!({ "phone_number": [number(2)] })).await.ok().clone();
    let body = json!({ "phone_number": ["+41446681800"], "email_address": ["p@example.com"] });
    let foreign = app.call("POST", "/v1/users").key(PRODUCTION_KEY).json(&body).send().await.ok().clone();
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let unverified = app.add_number(&id(&user), &number(3), json!({})).await;
    let ids = Ids(vec![
        ("user", id(&user)),
        ("phone", id(&user["phone_numbers"][0])),
        ("email", id(&user["email_addresses"][0])),
        ("unverified", unverified),
        ("other", id(&other)),
        ("other_phone", id(&other["phone_numbers"][0])),
        ("foreign", id(&foreign)),
        ("foreign_phone", id(&foreign["phone_numbers"][0])),
        ("foreign_email", id(&foreign["email_addresses"][0])),
    ]);
    (app, ids)
}

/// Method, path, body, status, code, field.
type Row = (&'static str, &'static str, &'static str, u16, &'static str, &'static str);

const NO: &str = "";
const VALUE: &str = "form_param_value_invalid";
const FORMAT: &str = "form_param_format_invalid";
const UNKNOWN: &str = "form_param_unknown";
const CONDITIONAL: &str = "form_conditional_param_disallowed";
const MISSING: &str = "form_param_missing";
const NOT_FOUND: &str = "resource_not_found";
const BODY: &str = "request_body_invalid";
const EXISTS: &str = "form_identifier_exists";
const PHONE: &str = "/v1/phone_numbers/{phone}";
const USER: &str = "/v1/users/{user}";
const REPLACE: &str = "/v1/users/{user}/phone_number";

const ROWS: &[Row] = &[
    // Not one JSON object.
    ("PATCH", PHONE, "{", 400, BODY, NO),
    ("PATCH", PHONE, "{\"verified\":true}}", 400, BODY, NO),
    ("PATCH", PHONE, "{\"verified\":tru}", 400, BODY, NO),
    ("PATCH", PHONE, "{'verified':true}", 400, BODY, NO),
    ("PATCH", PHONE, "[]", 400, BODY, NO),
    ("PATCH", PHONE, "[{\"verified\":false}]", 400, BODY, NO),
    ("PATCH", PHONE, "true", 400, BODY, NO),
    ("PATCH", PHONE, "1", 400, BODY, NO),
    ("PATCH", PHONE, "\"verified\"", 400, BODY, NO),
    ("PATCH", PHONE, "verified=false", 400, BODY, NO),
    ("PATCH", PHONE, "{\"verified\":true,\"verified\":false}", 400, BODY, NO),
    ("PATCH", PHONE, "{\"verified\":true,\"verif\\u0069ed\":false}", 400, BODY, NO),
    ("PATCH", PHONE, "{\"a\":\"\\ud800\"}", 400, BODY, NO),
    ("PATCH", PHONE, "\u{feff}{\"verified\":false}", 400, BODY, NO),
    ("POST", "/v1/users", "nul", 400, BODY, NO),
    // Types of flags.
    ("PATCH", PHONE, r#"{"verified":"yes"}"#, 422, VALUE, "verified"),
    ("PATCH", PHONE, r#"{"verified":"false"}"#, 422, VALUE, "verified"),
    ("PATCH", PHONE, r#"{"verified":0}"#, 422, VALUE, "verified"),
    ("PATCH", PHONE, r#"{"verified":[]}"#, 422, VALUE, "verified"),
    ("PATCH", PHONE, r#"{"verified":{}}"#, 422, VALUE, "verified"),
    ("PATCH", PHONE, r#"{"primary":1}"#, 422, VALUE, "primary"),
    ("PATCH", PHONE, r#"{"reserved_for_second_factor":"on"}"#, 422, VALUE, "reserved_for_second_factor"),
    ("PATCH", PHONE, r#"{"verified":false,"primary":"no"}"#, 422, VALUE, "primary"),
    // Ids in paths.
    ("GET", "/v1/phone_numbers/idn_nobody", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/%F0%9F%93%9E", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/%00", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/'%20OR%20'1'='1", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/%ff", NO, 400, "malformed_request_parameters", NO),
    ("GET", "/v1/phone_numbers/{email}", NO, 404, NOT_FOUND, NO),
    ("PATCH", "/v1/phone_numbers/{email}", r#"{"verified":false}"#, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/phone_numbers/{email}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/email_addresses/{phone}", NO, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/email_addresses/{phone}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/{user}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/users/{phone}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/{foreign_phone}", NO, 404, NOT_FOUND, NO),
    ("PATCH", "/v1/phone_numbers/{foreign_phone}", r#"{"verified":false}"#, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/phone_numbers/{foreign_phone}", NO, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/email_addresses/{foreign_email}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/users/{foreign}", NO, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/users/{foreign}", NO, 404, NOT_FOUND, NO),
    ("DELETE", "/v1/users/{foreign}/mfa", NO, 404, NOT_FOUND, NO),
    ("POST", "/v1/users/{foreign}/ban", NO, 404, NOT_FOUND, NO),
    ("PATCH", "/v1/users/user_nobody", r#"{"first_name":"A"}"#, 404, NOT_FOUND, NO),
    ("PUT", "/v1/users/{foreign}/phone_number", r#"{"phone_number":"+12065550190"}"#, 404, NOT_FOUND, NO),
    ("GET", "/verger/v1/phone_numbers/{foreign_phone}", NO, 404, NOT_FOUND, NO),
    ("GET", "/verger/v1/phone_numbers/{email}", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/nothing", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1", NO, 404, NOT_FOUND, NO),
    ("GET", "/v1/phone_numbers/{phone}/more", NO, 404, NOT_FOUND, NO),
    ("GET", "/verger/v1/nothing", NO, 404, NOT_FOUND, NO),
    // A new number.
    ("POST", "/v1/phone_numbers", NO, 422, MISSING, "user_id"),
    ("POST", "/v1/phone_numbers", r#"{"user_id":"{user}"}"#, 422, MISSING, "phone_number"),
    ("POST", "/v1/phone_numbers", r#"{"phone_number":"+12065550190"}"#, 422, MISSING, "user_id"),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":null,"phone_number":"+12065550190"}"#,
        422,
        "form_param_nil",
        "user_id",
    ),
    ("POST", "/v1/phone_numbers", r#"{"user_id":7,"phone_number":"+12065550190"}"#, 422, VALUE, "user_id"),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"{user}","phone_number":["+12065550190"]}"#,
        422,
        VALUE,
        "phone_number",
    ),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"user_nobody","phone_number":"+12065550190"}"#,
        404,
        NOT_FOUND,
        NO,
    ),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"{foreign}","phone_number":"+12065550190"}"#,
        404,
        NOT_FOUND,
        NO,
    ),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"{user}","phone_number":"+12005550100"}"#,
        422,
        EXISTS,
        "phone_number",
    ),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"{user}","phone_number":"+12005550102","verified":true}"#,
        422,
        EXISTS,
        "phone_number",
    ),
    (
        "POST",
        "/v1/phone_numbers",
        r#"{"user_id":"{user}","phone_number":"+12065550190","primary":true}"#,
        422,
        "form_verification_needed",
        "primary",
    ),
    // Texts that are no numbers.
    ("PUT", REPLACE, r#"{"phone_number":""}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"12065550190"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"++12065550190"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+1206555019O"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+12065550190 ext. 3"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+0206555019"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+123456"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+1234567890123456"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+99912345678"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+120655501\u200b90"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+１２０６５５５０１９０"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+12065550190\u0000"}"#, 422, FORMAT, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+12065550190\n"}"#, 422, FORMAT, "phone_number"),
    // A replacement.
    ("PUT", REPLACE, NO, 422, MISSING, "phone_number"),
    ("PUT", REPLACE, "null", 422, MISSING, "phone_number"),
    ("PUT", REPLACE, r#"{"phone_number":"+12065550190","verified":true}"#, 422, UNKNOWN, "verified"),
    (
        "PUT",
        REPLACE,
        r#"{"phone_number":"+12065550190","identification_status":"pending"}"#,
        422,
        VALUE,
        "identification_status",
    ),
    (
        "PUT",
        REPLACE,
        r#"{"phone_number":"+12065550190","identification_status":true}"#,
        422,
        VALUE,
        "identification_status",
    ),
    ("PUT", REPLACE, r#"{"phone_number":"+12005550102"}"#, 422, EXISTS, "phone_number"),
    // A new user.
    ("POST", "/v1/users", NO, 422, "form_data_missing", NO),
    ("POST", "/v1/users", r#"{"web3_wallet":["0x1"]}"#, 422, UNKNOWN, "web3_wallet"),
    ("POST", "/v1/users", r#"{"backup_codes":[]}"#, 422, "form_data_missing", NO),
    ("POST", "/v1/users", "{}", 422, "form_data_missing", NO),
    ("POST", "/v1/users", r#"{"nickname":"ada"}"#, 422, UNKNOWN, "nickname"),
    (
        "POST",
        "/v1/users",
        r#"{"phone_number":["+12065550190"],"password":"password1"}"#,
        422,
        "form_password_pwned",
        "password",
    ),
    ("POST", "/v1/users", r#"{"password":7}"#, 422, VALUE, "password"),
    ("POST", "/v1/users", r#"{"totp_secret":"?"}"#, 422, "invalid_totp_secret_code", "totp_secret"),
    ("POST", "/v1/users", r#"{"password_hasher":"bcrypt"}"#, 422, "form_param_missing", "password_digest"),
    ("POST", "/v1/users", r#"{"phone_number":"+12065550190"}"#, 422, VALUE, "phone_number"),
    ("POST", "/v1/users", r#"{"phone_number":[12065550190]}"#, 422, VALUE, "phone_number"),
    ("POST", "/v1/users", r#"{"phone_number":["+12065550190","x"]}"#, 422, FORMAT, "phone_number"),
    ("POST", "/v1/users", r#"{"phone_number":["+12005550100"]}"#, 422, EXISTS, "phone_number"),
    (
        "POST",
        "/v1/users",
        r#"{"phone_number":["+12065550190","+1 (206) 555-0190"]}"#,
        422,
        EXISTS,
        "phone_number",
    ),
    (
        "POST",
        "/v1/users",
        r#"{"phone_number":["+12065550190"],"phone_number_identification_status":["verified","reserved"]}"#,
        422,
        "form_param_array_length_mismatch",
        "phone_number_identification_status",
    ),
    (
        "POST",
        "/v1/users",
        r#"{"phone_number":["+12065550190"],"phone_number_identification_status":["verified","x"]}"#,
        422,
        "form_param_array_length_mismatch",
        "phone_number_identification_status",
    ),
    (
        "POST",
        "/v1/users",
        r#"{"phone_number":["+12065550190"],"phone_number_identification_status":["unverified"]}"#,
        422,
        VALUE,
        "phone_number_identification_status",
    ),
    ("POST", "/v1/users", r#"{"email_address":["ada"]}"#, 422, FORMAT, "email_address"),
    ("POST", "/v1/users", r#"{"email_address":["ADA@example.com"]}"#, 422, EXISTS, "email_address"),
    ("POST", "/v1/users", r#"{"username":"ADA_L"}"#, 422, EXISTS, "username"),
    ("POST", "/v1/users", r#"{"username":"b!"}"#, 422, "form_username_invalid_length", "username"),
    (
        "POST",
        "/v1/users",
        r#"{"external_id":"ada","skip_user_requirement":true}"#,
        422,
        EXISTS,
        "external_id",
    ),
    (
        "POST",
        "/v1/users",
        r#"{"skip_user_requirement":true,"created_at":"yesterday"}"#,
        422,
        "form_param_invalid_time",
        "created_at",
    ),
    (
        "POST",
        "/v1/users",
        r#"{"skip_user_requirement":true,"public_metadata":[]}"#,
        422,
        VALUE,
        "public_metadata",
    ),
    // An update of a user.
    (
        "PATCH",
        USER,
        r#"{"primary_phone_number_id":"{unverified}"}"#,
        422,
        "form_verification_needed",
        "primary_phone_number_id",
    ),
    (
        "PATCH",
        USER,
        r#"{"primary_phone_number_id":"{other_phone}"}"#,
        422,
        "form_resource_not_found",
        "primary_phone_number_id",
    ),
    (
        "PATCH",
        USER,
        r#"{"primary_phone_number_id":"{foreign_phone}"}"#,
        422,
        "form_resource_not_found",
        "primary_phone_number_id",
    ),
    (
        "PATCH",
        USER,
        r#"{"primary_phone_number_id":"{email}"}"#,
        422,
        "form_resource_not_found",
        "primary_phone_number_id",
    ),
    ("PATCH", USER, r#"{"phone_number":["+12065550190"]}"#, 422, UNKNOWN, "phone_number"),
    ("PATCH", USER, r#"{"backup_codes":["x"]}"#, 422, VALUE, "backup_codes[0]"),
    ("PATCH", USER, r#"{"profile_image_id":"x"}"#, 422, UNKNOWN, "profile_image_id"),
    ("PATCH", USER, r#"{"notify_primary_email_address_changed":true}"#, 422, UNKNOWN, NO),
    ("PATCH", USER, r#"{"first_name":7}"#, 422, VALUE, "first_name"),
    ("PATCH", USER, r#"{"first_name":"a\u0000b"}"#, 422, FORMAT, "first_name"),
    ("PATCH", USER, r#"{"create_organizations_limit":-1}"#, 422, VALUE, "create_organizations_limit"),
    ("PATCH", USER, r#"{"create_organizations_limit":1e40}"#, 422, VALUE, "create_organizations_limit"),
    ("PATCH", "/v1/users/{user}/metadata", r#"{"metadata":{}}"#, 422, UNKNOWN, "metadata"),
    ("PUT", "/v1/users/{user}/metadata", r#"{"public_metadata":"a"}"#, 422, VALUE, "public_metadata"),
    // Many users.
    ("POST", "/v1/users/ban", NO, 422, MISSING, "user_ids"),
    ("POST", "/v1/users/ban", r#"{"user_ids":[]}"#, 422, VALUE, "user_ids"),
    ("POST", "/v1/users/ban", r#"{"user_ids":"{user}"}"#, 422, VALUE, "user_ids"),
    ("POST", "/v1/users/ban", r#"{"user_ids":["{user}","{foreign}"]}"#, 404, NOT_FOUND, NO),
    ("POST", "/v1/users/unban", r#"{"user_ids":["{user}","user_nobody"]}"#, 404, NOT_FOUND, NO),
    // The last identification.
    ("DELETE", "/v1/phone_numbers/{other_phone}", NO, 400, "identification_deletion_failed", NO),
    // Pages and filters.
    ("GET", "/v1/users?limit=0", NO, 422, VALUE, "limit"),
    ("GET", "/v1/users?limit=501", NO, 422, "form_param_value_too_large", "limit"),
    ("GET", "/v1/users?limit=-1", NO, 422, VALUE, "limit"),
    ("GET", "/v1/users?limit=ten", NO, 422, VALUE, "limit"),
    ("GET", "/v1/users?limit=", NO, 422, VALUE, "limit"),
    ("GET", "/v1/users?limit=1.5", NO, 422, VALUE, "limit"),
    ("GET", "/v1/users?limit=99999999999999999999", NO, 422, "form_param_value_too_large", "limit"),
    ("GET", "/v1/users?offset=-1", NO, 422, VALUE, "offset"),
    ("GET", "/v1/users?offset=x", NO, 422, VALUE, "offset"),
    ("GET", "/v1/users?order_by=password", NO, 422, VALUE, "order_by"),
    ("GET", "/v1/users?order_by=--created_at", NO, 422, VALUE, "order_by"),
    ("GET", "/v1/users?order_by=created_at;DROP", NO, 422, VALUE, "order_by"),
    ("GET", "/v1/users?starting_after=user_nobody", NO, 422, "form_resource_not_found", "starting_after"),
    ("GET", "/v1/users?starting_after={foreign}", NO, 422, "form_resource_not_found", "starting_after"),
    ("GET", "/v1/users?starting_after={user}&offset=1", NO, 422, CONDITIONAL, "starting_after"),
    ("GET", "/v1/users?starting_after={user}&order_by=username", NO, 422, CONDITIONAL, "starting_after"),
    ("GET", "/v1/users?phone=x", NO, 422, UNKNOWN, "phone"),
    ("GET", "/v1/users?provider=google", NO, 422, UNKNOWN, "provider"),
    ("GET", "/v1/users?banned=maybe", NO, 422, VALUE, "banned"),
    ("GET", "/v1/users?created_at_after=x", NO, 422, VALUE, "created_at_after"),
    ("GET", "/v1/users?query=a%00b", NO, 422, VALUE, "query"),
    ("GET", "/v1/users?phone_number=%ff", NO, 400, "malformed_request_parameters", NO),
    ("GET", "/v1/users/count?nobody=1", NO, 422, UNKNOWN, "nobody"),
    ("GET", "/v1/users?__clerk_api_version=2026-05-13", NO, 400, "api_version_invalid", NO),
    ("GET", "/v1/users?__clerk_api_version=", NO, 400, "api_version_invalid", NO),
    // Methods that a path does not have, and operations that are not built.
    ("PUT", PHONE, NO, 405, "method_not_allowed", NO),
    ("POST", PHONE, NO, 405, "method_not_allowed", NO),
    ("DELETE", "/v1/users", NO, 405, "method_not_allowed", NO),
    ("PATCH", "/v1/phone_numbers", NO, 405, "method_not_allowed", NO),
    ("BREW", "/v1/users", NO, 405, "method_not_allowed", NO),
    ("DELETE", "/verger/v1/phone_numbers/{phone}", NO, 405, "method_not_allowed", NO),
    // A fixed path is no id, and what it does not have is not taken for an operation that is not built.
    ("GET", "/v1/users/ban", NO, 405, "method_not_allowed", NO),
    ("PATCH", "/v1/users/ban", r#"{"first_name":"x"}"#, 405, "method_not_allowed", NO),
    ("DELETE", "/v1/users/ban", NO, 405, "method_not_allowed", NO),
    ("PUT", "/v1/users/ban", "{}", 405, "method_not_allowed", NO),
    ("GET", "/v1/users/unban", NO, 405, "method_not_allowed", NO),
    ("PATCH", "/v1/users/unban", "{}", 405, "method_not_allowed", NO),
    ("DELETE", "/v1/users/unban", NO, 405, "method_not_allowed", NO),
    ("PATCH", "/v1/users/count", "{}", 405, "method_not_allowed", NO),
    ("DELETE", "/v1/users/count", NO, 405, "method_not_allowed", NO),
    ("POST", "/v1/users/count", "{}", 405, "method_not_allowed", NO),
    ("GET", "/v1/organizations", NO, 403, "feature_not_enabled", NO),
    ("POST", "/v1/organizations", r#"{"name":"x"}"#, 403, "feature_not_enabled", NO),
    ("GET", "/v1/organizations", NO, 403, "feature_not_enabled", NO),
];

#[tokio::test]
async fn every_bad_request_is_refused_and_changes_nothing() {
    let (app, ids) = world().await;
    let before = app.dump().await;
    app.tick();
    let mut wrong = Vec::new();
    for (method, path, body, status, code, param) in ROWS {
        let path = ids.fill(path);
        let mut call = app.call(method, &path);
        if !body.is_empty() {
            call = call.body(ids.fill(body));
        }
        let answer = call.send().await;
        let found = (answer.status, answer.code(), answer.param());
        let as_expected = found.0 == *status && found.1 == *code && (param.is_empty() || found.2 == *param);
        if !as_expected {
            wrong.push(format!("{method} {path} {body}: {found:?}, expected {status} {code} {param}"));
        }
        if app.dump().await != before {
            panic!("{method} {path} {body} changed something");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn bodies_of_wrong_types_sizes_and_encodings_are_refused() {
    let (app, ids) = world().await;
    let path = ids.fill(PHONE);
    let before = app.dump().await;
    let real = r#"{"verified":false}"#;
    for content_type in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "",
    ] {
        let answer = app.call("PATCH", &path).content_type(content_type).body(real).send().await;
        answer.refused(415, "unsupported_content_type", "");
    }
    let answer = app.call("PATCH", &path).body(b"{\"verified\":\xff}".to_vec()).send().await;
    answer.refused(400, BODY, "");
    let utf_16: Vec<u8> = real.encode_utf16().flat_map(u16::to_le_bytes).collect();
    app.call("PATCH", &path).body(utf_16).send().await.refused(400, BODY, "");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    app.call("PATCH", &path).body(deep).send().await.refused(400, BODY, "");
    for bytes in [1024 * 1024 + 1, 4 * 1024 * 1024] {
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
        app.call("PATCH", &path).body(huge.clone()).send().await.refused(413, "request_body_too_large", "");
        let length = huge.len().to_string();
        let call = app.call("PATCH", &path).header("content-length", &length).body(huge);
        call.send().await.refused(413, "request_body_too_large", "");
    }
    assert_eq!(app.dump().await, before);
    // The largest body that is allowed is read.
    let largest = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024 - 8));
    assert_eq!(largest.len(), 1024 * 1024);
    app.call("PATCH", &path).body(largest).send().await.ok();
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn a_body_with_a_coding_is_refused_by_its_name_before_it_is_read() {
    let (app, ids) = world().await;
    let before = app.dump().await;
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec();
    for (method, path) in [
        ("PATCH", PHONE),
        ("PATCH", "/v1/users/{user}"),
        ("POST", "/v1/users"),
        ("PUT", "/v1/users/{user}/metadata"),
        ("DELETE", "/v1/users/{user}"),
        ("POST", "/verger/v1/webhook_endpoints"),
    ] {
        for (coding, named) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("GZIP", "GZIP"),
            ("identity, zstd", "zstd"),
            ("gzip, identity", "gzip"),
        ] {
            // What it says of the body holds, even if the bytes look like JSON.
            for body in [gzip.clone(), b"{}".to_vec(), br#"{"first_name":"A"}"#.to_vec()] {
                let call = app.call(method, &ids.fill(path)).header("content-encoding", coding).body(body);
                let answer = call.send().await;
                answer.refused(415, "unsupported_content_type", "");
                let says = answer.body["errors"][0]["long_message"].as_str().unwrap();
                assert!(says.contains(&format!("`{named}`")), "{method} {path} {coding}: {says}");
                assert_eq!(answer.header("accept-encoding"), Some("identity"));
            }
        }
    }
    assert_eq!(app.dump().await, before);
    // No coding at all, and no body that could have one.
    for coding in ["identity", "Identity", "", "identity, identity"] {
        let call = app.call("PATCH", &ids.fill("/v1/users/{user}")).header("content-encoding", coding);
        call.json(&json!({})).send().await.ok();
    }
    app.call("GET", "/v1/users").header("content-encoding", "gzip").send().await.ok();
    let call = app.call("PATCH", &ids.fill("/v1/users/{user}")).header("content-encoding", "gzip");
    call.body("").send().await.ok();
}

#[tokio::test]
async fn too_many_values_are_refused() {
    let (app, _) = world().await;
    let before = app.dump().await;
    for name in ["phone_number", "email_address", "user_id", "username", "external_id"] {
        for bracketed in ["", "[]"] {
            let query = vec![format!("{name}{bracketed}=x"); 101].join("&");
            let answer = app.get(&format!("/v1/users?{query}")).await;
            answer.refused(422, "form_param_array_size_exceeded", name);
            app.get(&format!("/v1/users/count?{query}")).await.refused(
                422,
                "form_param_array_size_exceeded",
                name,
            );
        }
    }
    let numbers: Vec<String> = (100..300).map(number).collect();
    let answer = app.post("/v1/users", json!({ "phone_number": numbers })).await;
    answer.refused(422, "form_param_array_size_exceeded", "phone_number");
    let ids = vec!["user_x"; 51];
    let answer = app.post("/v1/users/ban", json!({ "user_ids": ids })).await;
    answer.refused(400, "bulk_size_exceeded", "user_ids");
    let long = "x".repeat(257);
    app.get(&format!("/v1/users?query={long}")).await.refused(422, "form_param_max_length_exceeded", "query");
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused() {
    let (app, ids) = world().await;
    let path = ids.fill(PHONE);
    let before = app.dump().await;
    let patch = || app.call("PATCH", &path).json(&json!({ "verified": false }));
    for version in ["2026-05-13", "v1", "", "2021-02-05 "] {
        let call = patch().header("clerk-api-version", version);
        call.send().await.refused(400, "api_version_invalid", "");
    }
    let both = format!("{path}?__clerk_api_version=2025-11-10");
    let call = app.call("PATCH", &both).header("clerk-api-version", "2025-11-10");
    call.send().await.refused(400, "api_version_invalid", "");
    for key in ["", &"k".repeat(256)] {
        let call = patch().header("idempotency-key", key);
        call.send().await.refused(400, "malformed_request_parameters", "Idempotency-Key");
    }
    // What cannot be read is not taken for absent: the write would go ahead without its condition.
    for (name, value) in [("prefer", "dry-r\u{fc}n"), ("if-match", "\"1\u{e9}\"")] {
        patch().header(name, value).send().await.refused(400, "malformed_request_parameters", "");
        let call = patch().header(name, "x").header(name, value);
        call.send().await.refused(400, "malformed_request_parameters", "");
    }
    for header in ["", "Bearer", "Bearer ", "Basic dTpw", DEVELOPMENT_KEY, "Bearer\tx"] {
        let call = patch().without_key().header("authorization", header);
        let answer = call.send().await;
        answer.refused(401, "authorization_header_format_invalid", "");
        // Literal: clients compare it.
        assert_eq!(
            answer.body["errors"][0]["long_message"],
            "Invalid Authorization header format. Must be 'Bearer <YOUR_API_KEY>'"
        );
    }
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn test_numbers_are_refused_in_a_production_instance() {
    let (app, ids) = world().await;
    let before = app.dump().await;
    let user = ids.fill("{foreign}");
    for (method, path, body) in [
        ("POST", "/v1/users".to_owned(), json!({ "phone_number": [number(9)] })),
        ("POST", "/v1/phone_numbers".to_owned(), json!({ "user_id": user, "phone_number": number(9) })),
        ("PUT", format!("/v1/users/{user}/phone_number"), json!({ "phone_number": number(9) })),
        // Behind a trunk prefix, which the numbering plan drops.
        ("POST", "/v1/users".to_owned(), json!({ "phone_number": ["+112025550100"] })),
        (
            "POST",
            "/v1/phone_numbers".to_owned(),
            json!({ "user_id": user, "phone_number": "+1 1 (202) 555-0100" }),
        ),
        ("PUT", format!("/v1/users/{user}/phone_number"), json!({ "phone_number": "+112025550100" })),
    ] {
        let answer = app.call(method, &path).key(PRODUCTION_KEY).json(&body).send().await;
        answer.refused(422, FORMAT, "phone_number");
    }
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn what_is_not_built_is_named() {
    let (app, _) = world().await;
    let answer = app.get("/v1/organizations").await;
    answer.refused(403, "feature_not_enabled", "");
    // As developers know it, and not by the internal name of the operation.
    assert!(
        answer.text.contains("`GET /v1/organizations`") && !answer.text.contains("ListOrganizations"),
        "{}",
        answer.text
    );
    let answer = app.get("/v1/users/user_1/organization_memberships").await;
    let named = answer.text.contains("`GET /v1/users/{user_id}/organization_memberships`");
    assert!(named && !answer.text.contains("UsersGetOrg"), "{}", answer.text);
    let answer = app.call("PUT", "/v1/users").send().await;
    assert_eq!(answer.header("allow"), Some("GET, POST"));
}

#[tokio::test]
async fn what_asks_for_nothing_is_accepted_though_it_is_not_built() {
    let (app, ids) = world().await;
    let body =
        json!({ "skip_user_requirement": true, "web3_wallet": [], "backup_codes": [], "password": null });
    app.post("/v1/users", body).await.ok();
    let before = app.dump().await;
    let body = json!({ "backup_codes": [], "notify_primary_email_address_changed": false, "password": null });
    app.patch(&ids.fill(USER), body).await.ok();
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn every_mistake_of_a_body_is_reported_at_once() {
    let (app, _) = world().await;
    let answer = app.post("/v1/phone_numbers", json!({ "phone_number": "x", "verified": 1 })).await;
    let mut params: Vec<_> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| &error["meta"]["param_name"]).collect();
    params.sort_by_key(|param| param.to_string());
    assert_eq!(params, ["phone_number", "user_id", "verified"]);
}

#[tokio::test]
async fn one_answer_tells_a_hundred_mistakes_at_most() {
    let (app, _) = world().await;
    let before = app.dump().await;
    for (count, told) in [(99, 99), (100, 100), (101, 100), (1_000, 100)] {
        let fields: serde_json::Map<_, _> = (0..count).map(|at| (format!("field_{at}"), json!(1))).collect();
        let answer = app.post("/v1/users", fields.into()).await;
        answer.refused(422, "form_param_unknown", "field_0");
        assert_eq!(answer.body["errors"].as_array().unwrap().len(), told);
        let query = (0..count).map(|at| format!("filter_{at}=1")).collect::<Vec<_>>().join("&");
        let answer = app.get(&format!("/v1/users?{query}")).await;
        answer.refused(422, "form_param_unknown", "filter_0");
        assert_eq!(answer.body["errors"].as_array().unwrap().len(), told);
    }
    assert_eq!(app.dump().await, before);
}

#[tokio::test]
async fn a_base_url_with_too_much_in_it_is_told() {
    let (app, _) = world().await;
    for (path, hint) in [
        ("/v1/v1/users", "/v1 twice"),
        ("/v1/v1", "/v1 twice"),
        ("/v1/verger/v1/messages", "before /verger/v1"),
        ("/verger/v1/verger/v1/messages", "before /verger/v1"),
        ("/verger/v1/v1/users", "/verger/v1/v1"),
    ] {
        let answer = app.get(path).await;
        answer.refused(404, "resource_not_found", "");
        let text = answer.body["errors"][0]["long_message"].as_str().unwrap();
        assert!(text.contains(hint) && text.contains("API URL"), "{path}: {text}");
    }
    for path in ["/v1/nothing", "/v1/v10", "/v1/v2/users"] {
        let answer = app.get(path).await;
        answer.refused(404, "resource_not_found", "");
        assert!(!answer.text.contains("API URL"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_plus_sign_in_a_filter_need_not_be_encoded() {
    let app = TestApp::new().await;
    let number = "+41791234567";
    let user = app.user(json!({ "phone_number": [number], "email_address": ["ada+test@example.com"] })).await;
    let held = app.get(&format!("/v1/users/{user}")).await.ok().clone();
    for (kind, at) in [("phone_numbers", "phone_numbers"), ("email_addresses", "email_addresses")] {
        let id = held[at][0]["id"].as_str().unwrap();
        app.post(&format!("/v1/{kind}/{id}/prepare_verification"), json!({})).await.ok();
    }
    for query in [
        "phone_number=+41791234567",
        "phone_number=%2B41791234567",
        "phone_number=+41%2079%20123%2045%2067",
        "email_address=ada+test@example.com",
        "email_address=Ada%2Btest@example.com",
    ] {
        let found = app.get(&format!("/verger/v1/messages?{query}")).await;
        assert_eq!(found.ok().as_array().unwrap().len(), 1, "{query}: {}", found.text);
        let found = app.get(&format!("/v1/users?{query}")).await;
        assert_eq!(found.ok().as_array().unwrap().len(), 1, "{query}: {}", found.text);
    }
    for query in ["phone_number=+41791234568", "email_address=ada@example.com"] {
        assert_eq!(*app.get(&format!("/verger/v1/messages?{query}")).await.ok(), json!([]), "{query}");
    }
}

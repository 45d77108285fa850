//! Who may call what: every route against every caller that is not its instance's.

use crate::support::{DEVELOPMENT_KEY, PRODUCTION_KEY, REVOKED_KEY, TestApp, number};
use serde_json::{Value, json};
use verger_server::router::ROUTES;

/// What a signed-in user of an application brings: no key of an instance, whatever it says about the user.
const USER_TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEiLCJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.";

/// What the key of another instance gets; a route without a row fails the test.
const FOREIGN: &[(&str, u16)] = &[
    ("CreatePhoneNumber", 404),
    ("GetPhoneNumber", 404),
    ("UpdatePhoneNumber", 404),
    ("DeletePhoneNumber", 404),
    ("ReplaceUserPhoneNumber", 404),
    ("CreateEmailAddress", 404),
    ("GetEmailAddress", 404),
    ("UpdateEmailAddress", 404),
    ("DeleteEmailAddress", 404),
    ("ReplaceUserEmailAddress", 404),
    // These see the caller's own instance, which is empty.
    ("GetUserList", 200),
    ("CreateUser", 200),
    ("GetUsersCount", 200),
    ("UsersBan", 404),
    ("UsersUnban", 404),
    ("GetUser", 404),
    ("UpdateUser", 404),
    ("DeleteUser", 404),
    ("UpdateUserMetadata", 404),
    ("ReplaceUserMetadata", 404),
    ("BanUser", 404),
    ("UnbanUser", 404),
    ("LockUser", 404),
    ("UnlockUser", 404),
    ("DisableMFA", 404),
    ("VergerGetPhoneNumber", 404),
    ("PreparePhoneNumberVerification", 404),
    ("AttemptPhoneNumberVerification", 404),
    ("PrepareEmailAddressVerification", 404),
    ("AttemptEmailAddressVerification", 404),
    // Lists of one's own, and what is about the caller's instance alone.
    ("VergerListDeliveries", 200),
    ("VergerGetDelivery", 404),
    ("VergerListMessages", 404),
    ("VergerAdvanceClock", 404),
    ("VergerReset", 404),
    ("VergerCreateWebhookEndpoint", 200),
    ("VergerListWebhookEndpoints", 200),
    ("VergerGetWebhookEndpoint", 404),
    ("VergerUpdateWebhookEndpoint", 404),
    ("VergerDeleteWebhookEndpoint", 404),
    ("VergerRotateWebhookSecret", 404),
    ("VergerTestWebhookEndpoint", 404),
    ("VergerReplayWebhooks", 404),
    ("VergerListWebhookDeliveries", 404),
    ("VergerListAuditLog", 200),
    ("VergerFollowEvents", 404),
];

/// A body that the route accepts.
fn body_for(operation_id: &str, user: &str) -> Value {
    match operation_id {
        "CreatePhoneNumber" => json!({ "user_id": user, "phone_number": "+41446681800" }),
        "ReplaceUserPhoneNumber" => json!({ "phone_number": "+41446681800" }),
        "CreateEmailAddress" => json!({ "user_id": user, "email_address": "new@example.com" }),
        "ReplaceUserEmailAddress" => json!({ "email_address": "new@example.com" }),
        "UpdatePhoneNumber" => json!({ "verified": true }),
        "UpdateEmailAddress" => json!({ "verified": false }),
        "CreateUser" => json!({ "skip_user_requirement": true }),
        "UsersBan" | "UsersUnban" => json!({ "user_ids": [user] }),
        "UpdateUser" => json!({ "first_name": "Eve" }),
        "UpdateUserMetadata" | "ReplaceUserMetadata" => json!({ "public_metadata": { "a": 1 } }),
        "AttemptPhoneNumberVerification" | "AttemptEmailAddressVerification" => {
            json!({ "verification_id": "ver_of_nobody", "code": "000000" })
        }
        "VergerCreateWebhookEndpoint" => json!({ "url": "https://example.com/" }),
        "VergerReplayWebhooks" => json!({ "since": 0 }),
        "VergerAdvanceClock" => json!({ "advance_ms": 1 }),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn flaw_01_flaw_02_every_route_refuses_every_stranger() {
    let app = TestApp::new().await;
    // Not verified, so that whoever got through would be seen: by what verifies, too.
    let body = json!({
        "phone_number": [number(0), number(1)], "email_address": ["ada@example.com"],
        "phone_number_identification_status": ["reserved", "reserved"],
    });
    let user = app.post("/v1/users", body).await.ok().clone();
    let id = user["id"].as_str().unwrap();
    let phone = user["phone_numbers"][0]["id"].as_str().unwrap();
    let email = user["email_addresses"][0]["id"].as_str().unwrap();
    let endpoint = app.post("/verger/v1/webhook_endpoints", json!({ "url": "https://example.com/" })).await;
    let endpoint = endpoint.ok()["id"].as_str().unwrap();
    let before = app.get("/v1/users").await.text;
    app.tick();
    for route in ROUTES {
        let name = format!("{} {}", route.method, route.path);
        let (_, foreign_status) = FOREIGN
            .iter()
            .find(|(operation, _)| *operation == route.operation_id)
            .unwrap_or_else(|| panic!("{name} has no row"));
        let path = route
            .path
            .replace("{user_id}", id)
            .replace("{phone_number_id}", phone)
            .replace("{email_address_id}", email)
            .replace("{delivery_id}", "sms_of_nobody")
            .replace("{webhook_endpoint_id}", endpoint)
            // The feed of one's own instance does not end; behind another's event it does not begin.
            .replace("/verger/v1/events", "/verger/v1/events?last_event_id=evt_of_nobody");
        assert!(!path.contains('{'), "{name}");
        let call = || {
            let call = app.call(route.method, &path);
            match body_for(route.operation_id, id) {
                Value::Null => call,
                body => call.json(&body),
            }
        };
        let nobody = call().without_key().send().await;
        nobody.refused(401, "authorization_header_format_invalid", "");
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"), "{name}");
        for secret in
            ["sk_test_unknown", USER_TOKEN, REVOKED_KEY, &DEVELOPMENT_KEY[..DEVELOPMENT_KEY.len() - 1]]
        {
            call().key(secret).send().await.refused(401, "clerk_key_invalid", "");
        }
        let foreign = call().key(PRODUCTION_KEY).send().await;
        assert_eq!(foreign.status, *foreign_status, "{name}: {}", foreign.text);
        if *foreign_status == 404 {
            foreign.refused(404, "resource_not_found", "");
        }
        assert!(!foreign.text.contains(id) && !foreign.text.contains(phone), "{name}: {}", foreign.text);
        assert_eq!(app.get("/v1/users").await.text, before, "{name}");
    }
    for (operation, _) in FOREIGN {
        assert!(ROUTES.iter().any(|route| route.operation_id == *operation), "{operation} is no route");
    }
}

#[tokio::test]
async fn authentication_comes_before_routing_and_before_the_body() {
    let app = TestApp::new().await;
    for (method, path, body) in [
        ("GET", "/v1/nothing", ""),
        ("PUT", "/v1/users", ""),
        ("GET", "/v1/jwks", ""),
        ("GET", "/v1/users?limit=x&__clerk_api_version=x", ""),
        ("POST", "/v1/users", "{"),
    ] {
        let answer = app.call(method, path).without_key().body(body).send().await;
        answer.refused(401, "authorization_header_format_invalid", "");
        app.call(method, path).key("sk_test_x").body(body).send().await.refused(401, "clerk_key_invalid", "");
    }
    let huge = vec![b'x'; 2 * 1024 * 1024];
    let answer = app.call("POST", "/v1/users").key("sk_test_x").body(huge).send().await;
    answer.refused(401, "clerk_key_invalid", "");
}

//! Who may call what: every route against every caller that is not its instance's.

use crate::support::{DEVELOPMENT_KEY, PRODUCTION_KEY, REVOKED_KEY, TestApp, number};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use verger_server::CallerKind;
use verger_server::operation::Operation;
use verger_server::router::{OPERATIONS, ROUTES};
use verger_wire::input::Place;
use verger_wire::schema::Schemas;

/// What a signed-in user of an application brings: no key of an instance, whatever it says about the user.
const USER_TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEiLCJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.";

/// What a browser brings; no session of this server.
const COOKIES: &str = "__client=client_secret_of_nobody; __session=eyJhbGciOiJub25lIn0.e30.";

/// What the key of another instance gets: where the declaration says that something can be missing, nothing is there for
/// it. The others see the caller's own instance, which is empty.
fn foreign_status(operation: &Operation) -> u16 {
    match operation.operation_id {
        // For development alone.
        "createSession" => return 400,
        // What the body has is of no client of this instance.
        "VerifyClient" => return 400,
        // SDKs fall back to the handshake.
        "RefreshSession" => return 401,
        _ => {}
    }
    let can_be_missing = operation.path.contains('{')
        || operation.refuses.iter().any(|reason| reason.status == 404)
        // Ids in a body.
        || matches!(operation.operation_id, "UsersBan" | "UsersUnban");
    match operation.operation_id {
        _ if can_be_missing => 404,
        "UpdateInstance" => 204,
        _ => 200,
    }
}

/// A body that the operation accepts, from the examples of its declaration, about this user.
pub(crate) fn body_for(operation: &Operation, user: &str) -> Value {
    let shapes = (operation.describe)(&mut Schemas::default());
    if !shapes.place.is_body() || operation.operation_id == "CreateUser" {
        return if operation.operation_id == "CreateUser" {
            json!({ "skip_user_requirement": true })
        } else {
            Value::Null
        };
    }
    let body: Map<String, Value> = shapes
        .input
        .iter()
        .filter(|field| field.is_required || field.example.is_some())
        .map(|field| {
            let example = match field.name {
                "user_id" => json!(user),
                "user_ids" => json!([user]),
                // Those of the examples are test numbers, which production refuses.
                "phone_number" => json!("+41446681800"),
                _ => field.example.clone().unwrap_or(json!("nothing")),
            };
            (field.name.to_owned(), example)
        })
        .collect();
    match shapes.place {
        Place::Items { .. } => {
            let mut item = body;
            // Another operation has made one for the address of the examples.
            item.insert("ignore_existing".to_owned(), json!(true));
            json!([item])
        }
        _ if body.is_empty() => Value::Null,
        _ => Value::Object(body),
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
    app.add_host(PRODUCTION_KEY, "clerk.example.com").await;
    app.tick();
    for route in ROUTES.iter() {
        let name = format!("{} {}", route.method, route.path);
        let foreign_status = foreign_status(route);
        let path = route
            .path
            .replace("{user_id}", id)
            .replace("{phone_number_id}", phone)
            .replace("{email_address_id}", email)
            .replace("{delivery_id}", "sms_of_nobody")
            .replace("{webhook_endpoint_id}", endpoint)
            // The feed of one's own instance does not end; behind another's event it does not begin.
            .replace("/verger/v1/events", "/verger/v1/events?last_event_id=evt_of_nobody");
        // Ids of other kinds are of nothing that exists.
        let parts = path.split('/').map(|part| if part.starts_with('{') { "of_nobody" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let call = || {
            let call = app.call(route.method, &path);
            match body_for(route, id) {
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
        assert_eq!(foreign.status, foreign_status, "{name}: {}", foreign.text);
        if foreign_status == 404 {
            foreign.refused(404, "resource_not_found", "");
        }
        assert!(!foreign.text.contains(id) && !foreign.text.contains(phone), "{name}: {}", foreign.text);
        assert_eq!(app.get("/v1/users").await.text, before, "{name}");
    }
}

/// Every operation meets every kind of caller: whoever is not the declared one is refused, and for what nobody needs to
/// be known, everybody is answered alike.
#[tokio::test]
async fn every_operation_meets_every_caller() {
    let app = TestApp::new().await;
    app.add_host(DEVELOPMENT_KEY, "clerk.example.com").await;
    for operation in OPERATIONS.iter() {
        let path = operation.path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part });
        let path = path.collect::<Vec<_>>().join("/");
        let bare = || app.call(operation.method, &path).without_key().header("host", "clerk.example.com");
        for (caller, call) in [
            (CallerKind::Nobody, bare()),
            (CallerKind::Client, bare().header("cookie", COOKIES)),
            (CallerKind::Session, bare().key(USER_TOKEN)),
            (CallerKind::Operator, bare().header("cookie", "__Host-verger_operator=nobody")),
        ] {
            let answer = call.send_unchecked().await;
            let place = format!("{} {path} by {caller:?}: {}", operation.method, answer.text);
            match operation.caller {
                CallerKind::Nobody => assert_eq!(answer.status, 200, "{place}"),
                _ => assert_eq!(answer.status, 401, "{place}"),
            }
        }
    }
    let kinds: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.caller).collect();
    assert_eq!(kinds, BTreeSet::from([CallerKind::Nobody, CallerKind::SecretKey]));
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

//! Every change is told, in the shape of the published document of webhooks.

use super::receiver::{Receiver, Seen};
use super::{is_signed_by, running, subscribe, until};
use crate::codes::wrong;
use crate::support::number;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_metadata_reach_endpoints_digit_for_digit() {
    let receiver = Receiver::good().await;
    let app = running().await;
    subscribe(&app, &receiver.url, &["user.*"]).await;
    let body =
        r#"{"username":"ada_l","public_metadata":{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]}}"#;
    let made = app.call("POST", "/v1/users").body(body).send().await;
    let path = format!("/v1/users/{}/metadata", made.ok()["id"].as_str().unwrap());
    let body = r#"{"public_metadata":{"n":[18446744073709551617]}}"#;
    app.call("PATCH", &path).body(body).send().await.ok();
    let (created, updated) = (receiver.next().await, receiver.next().await);
    let text = |seen: &Seen| String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(
        text(&created).contains(r#"{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]}"#),
        "{created:?}"
    );
    let changed = r#"{"before":{"n":[18446744073709551616,1.0,-0,0.1234567890123456789]},"after":{"n":[18446744073709551617]}}"#;
    assert!(text(&updated).contains(changed), "{updated:?}");
    let trail = format!("/verger/v1/audit_log?user_id={}", made.ok()["id"].as_str().unwrap());
    let audit = until(&app, &trail, |log| log["data"].as_array().unwrap().len() == 2).await;
    assert!(
        !audit.to_string().contains("1844674407370955") && !audit.to_string().contains("unreadable"),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leads_to_the_documented_events_and_codes_to_their_own_alone() {
    let app = running().await;
    let receiver = Receiver::good().await;
    subscribe(&app, &receiver.url, &[]).await;
    let pending = app.pending_phone(0).await;
    app.attempt(&pending.path, &pending.verification, &wrong(&pending.code)).await;
    app.tick();
    app.attempt(&pending.path, &pending.verification, &pending.code).await.ok();
    // It proves what is proved already.
    app.tick();
    let again = app.prepare(&pending.path).await.ok()["id"].as_str().unwrap().to_owned();
    let code = app.code_of(&again).await;
    assert_eq!(app.attempt(&pending.path, &again, &code).await.ok()["status"], "verified");
    app.tick();
    let other = app.add_number(&pending.user, &number(0), json!({ "verified": true })).await;
    app.tick();
    // A code for a test number is sent by nobody.
    app.prepare(&format!("/v1/phone_numbers/{other}")).await.ok();
    for _ in 0..2 {
        app.tick();
        app.patch(&format!("/v1/phone_numbers/{other}"), json!({ "primary": true })).await.ok();
    }
    app.tick();
    app.delete(&format!("/v1/users/{}", pending.user)).await.ok();
    let expected = [
        "user.created",
        "user.updated",
        "phone_number.created",
        "sms.created",
        "user.updated",
        "phone_number.updated",
        "phone_number.verified",
        "sms.created",
        "user.updated",
        "phone_number.created",
        "phone_number.verified",
        "user.updated",
        "user.deleted",
        "phone_number.deleted",
        "phone_number.deleted",
    ];
    assert_eq!(receiver.kinds(expected.len()).await, expected);
    let trail = format!("/verger/v1/audit_log?limit=100&user_id={}", pending.user);
    let log = until(&app, &trail, |log| log["data"].is_array()).await;
    assert_eq!(log["data"].as_array().unwrap().len(), expected.len());
}

/// The properties of the published document of webhooks, each with its type; `?`: it may be null. It has no others.
const USER: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("external_id", "string?"),
    ("primary_email_address_id", "string?"),
    ("primary_phone_number_id", "string?"),
    ("primary_web3_wallet_id", "string?"),
    ("username", "string?"),
    ("first_name", "string?"),
    ("last_name", "string?"),
    ("locale", "string?"),
    ("profile_image_url", "string"),
    ("image_url", "string"),
    ("has_image", "boolean"),
    ("public_metadata", "object"),
    ("private_metadata", "object?"),
    ("unsafe_metadata", "object"),
    ("email_addresses", "array"),
    ("phone_numbers", "array"),
    ("web3_wallets", "array"),
    ("passkeys", "array"),
    ("password_enabled", "boolean"),
    ("two_factor_enabled", "boolean"),
    ("totp_enabled", "boolean"),
    ("backup_code_enabled", "boolean"),
    ("mfa_enabled_at", "integer?"),
    ("mfa_disabled_at", "integer?"),
    ("password_last_updated_at", "integer?"),
    ("external_accounts", "array"),
    ("saml_accounts", "array"),
    ("enterprise_accounts", "array"),
    ("organization_memberships", "array"),
    ("last_sign_in_at", "integer?"),
    ("banned", "boolean"),
    ("locked", "boolean"),
    ("deprovisioned", "boolean"),
    ("lockout_expires_in_seconds", "integer?"),
    ("verification_attempts_remaining", "integer?"),
    ("updated_at", "integer"),
    ("created_at", "integer"),
    ("delete_self_enabled", "boolean"),
    ("create_organization_enabled", "boolean"),
    ("create_organizations_limit", "integer?"),
    ("last_active_at", "integer?"),
    ("legal_accepted_at", "integer?"),
    ("bypass_client_trust", "boolean"),
    ("scim", "object?"),
];
const PHONE_NUMBER: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("phone_number", "string"),
    ("reserved_for_second_factor", "boolean"),
    ("default_second_factor", "boolean"),
    ("reserved", "boolean"),
    ("verification", "object?"),
    ("linked_to", "array"),
    ("backup_codes", "array?"),
    ("created_at", "integer"),
    ("updated_at", "integer"),
];
const EMAIL_ADDRESS: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("email_address", "string"),
    ("reserved", "boolean"),
    ("verification", "object?"),
    ("linked_to", "array"),
    ("matches_sso_connection", "boolean"),
    ("created_at", "integer"),
    ("updated_at", "integer"),
];
const SMS: &[(&str, &str)] = &[
    ("object", "string"),
    ("id", "string"),
    ("slug", "string?"),
    ("from_phone_number", "string"),
    ("to_phone_number", "string"),
    ("phone_number_id", "string?"),
    ("user_id", "string?"),
    ("message", "string"),
    ("status", "string"),
    ("data", "object"),
    ("delivered_by_clerk", "boolean"),
    ("created_at_ms", "integer"),
];
const EMAIL: &[(&str, &str)] = &[
    ("id", "string"),
    ("object", "string"),
    ("slug", "string?"),
    ("from_email_name", "string"),
    ("reply_to_email_name", "string?"),
    ("to_email_address", "string"),
    ("email_address_id", "string?"),
    ("user_id", "string?"),
    ("subject", "string"),
    ("body", "string"),
    ("body_plain", "string?"),
    ("status", "string"),
    ("data", "object"),
    ("delivered_by_clerk", "boolean"),
];
const DELETED: &[(&str, &str)] = &[
    ("object", "string"),
    ("id", "string"),
    ("slug", "string"),
    ("deleted", "boolean"),
    ("external_id", "string"),
];

/// What the published document of webhooks demands of an event and of its data, by type.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "user.created" | "user.updated" => &[
            "id",
            "object",
            "username",
            "first_name",
            "last_name",
            "image_url",
            "has_image",
            "primary_email_address_id",
            "primary_phone_number_id",
            "primary_web3_wallet_id",
            "password_enabled",
            "two_factor_enabled",
            "totp_enabled",
            "backup_code_enabled",
            "email_addresses",
            "phone_numbers",
            "web3_wallets",
            "passkeys",
            "external_accounts",
            "saml_accounts",
            "public_metadata",
            "private_metadata",
            "unsafe_metadata",
            "external_id",
            "last_sign_in_at",
            "banned",
            "locked",
            "enterprise_accounts",
            "verification_attempts_remaining",
            "lockout_expires_in_seconds",
            "mfa_enabled_at",
            "mfa_disabled_at",
            "created_at",
            "updated_at",
            "delete_self_enabled",
            "create_organization_enabled",
            "last_active_at",
            "legal_accepted_at",
        ],
        "user.deleted" => &["object", "id", "deleted"],
        "sms.created" => &[
            "object",
            "id",
            "from_phone_number",
            "to_phone_number",
            "message",
            "status",
            "data",
            "delivered_by_clerk",
            "created_at_ms",
        ],
        "email.created" => &["id", "object", "slug", "from_email_name", "data", "delivered_by_clerk"],
        _ => &["id", "object"],
    }
}

pub(super) fn check_shape(event: &Value) {
    let kind = event["type"].as_str().unwrap();
    assert_eq!(event["object"], "event");
    assert!(
        event["timestamp"].is_i64() && event["instance_id"].as_str().unwrap().starts_with("ins_"),
        "{event}"
    );
    for key in ["client_ip", "user_agent"] {
        assert!(event["event_attributes"]["http_request"][key].is_string(), "{event}");
    }
    let data = event["data"].as_object().unwrap();
    for key in required(kind) {
        assert!(data.contains_key(*key), "{kind}: {key}: {event}");
    }
    match kind {
        "user.created" | "user.updated" => {
            check_properties(&event["data"], USER);
            event["data"]["phone_numbers"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|one| check_properties(one, PHONE_NUMBER));
            event["data"]["email_addresses"]
                .as_array()
                .unwrap()
                .iter()
                .for_each(|one| check_properties(one, EMAIL_ADDRESS));
        }
        "user.deleted" => check_properties(&event["data"], DELETED),
        "sms.created" => check_properties(&event["data"], SMS),
        "email.created" => check_properties(&event["data"], EMAIL),
        _ => {}
    }
}

#[track_caller]
fn check_properties(resource: &Value, properties: &[(&str, &str)]) {
    for (key, value) in resource.as_object().unwrap() {
        let (_, kind) = properties
            .iter()
            .find(|(known, _)| known == key)
            .unwrap_or_else(|| panic!("{key} is not documented"));
        let is_it = match kind.trim_end_matches('?') {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        };
        assert!(is_it || (value.is_null() && kind.ends_with('?')), "{key} must be {kind}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_signed_in_the_documented_shape_and_in_order() {
    let app = running().await;
    let receiver = Receiver::good().await;
    let only_users = Receiver::good().await;
    let endpoint = subscribe(&app, &receiver.url, &[]).await;
    subscribe(&app, &only_users.url, &["user.*"]).await;
    let user = app.user(json!({ "email_address": ["ada@example.com"], "phone_number": [number(0)] })).await;
    let phone = app.get(&format!("/v1/users/{user}")).await.ok()["phone_numbers"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let patched = app.call("PATCH", &format!("/v1/phone_numbers/{phone}")).header("user-agent", "tests/1");
    let trace = patched.json(&json!({ "verified": false })).send().await;
    let trace_id = trace.header("x-clerk-trace-id").unwrap().to_owned();
    app.delete(&format!("/v1/users/{user}")).await.ok();
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.push(receiver.next().await);
        if seen.last().unwrap().json["type"] == "phone_number.deleted"
            || seen.last().unwrap().json["type"] == "email_address.deleted"
        {
            let deleted = seen
                .iter()
                .filter(|seen| seen.json["before"].is_object() && seen.json["data"]["deleted"] == true);
            if deleted.count() == 3 {
                break;
            }
        }
    }
    let kinds: Vec<_> = seen.iter().map(|seen| seen.json["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[0], "user.created");
    assert_eq!(kinds.iter().filter(|kind| **kind == "user.updated").count(), 1, "{kinds:?}");
    assert_eq!(only_users.kinds(3).await, ["user.created", "user.updated", "user.deleted"]);
    let mut ids: Vec<_> =
        seen.iter().map(|seen| seen.headers["webhook-id"].to_str().unwrap().to_owned()).collect();
    for seen in &seen {
        check_shape(&seen.json);
        assert!(is_signed_by(seen, &endpoint));
        assert_eq!(seen.headers["svix-id"], seen.json["id"].as_str().unwrap());
        assert_eq!(seen.headers["svix-signature"], seen.headers["webhook-signature"]);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), seen.len());
    let updated = &seen.iter().find(|seen| seen.json["type"] == "phone_number.updated").expect("told").json;
    assert_eq!(updated["changes"]["verification"]["before"]["status"], "verified");
    assert_eq!(updated["actor"]["trace_id"], *trace_id);
    assert!(updated["actor"]["key_id"].as_str().unwrap().starts_with("key_"));
    assert_eq!(updated["event_attributes"]["http_request"]["user_agent"], "tests/1");
    assert!(updated["consequences"].is_array());
}

//! What the audit trail keeps of an event: who did what to which resource, and what changed. Numbers and addresses are
//! masked, and what an application keeps with a user is left out.

use crate::deliver::masked;
use serde_json::{Map, Value, json};

/// Of a resource in an event, this is enough to tell which it is.
const NAMING: &[&str] = &[
    "id",
    "object",
    "user_id",
    "phone_number",
    "email_address",
    "to_phone_number",
    "to_email_address",
    "slug",
    "status",
    "host",
    "reason",
];
const WITHHELD: &[&str] = &[
    "public_metadata",
    "private_metadata",
    "unsafe_metadata",
    "message",
    "body",
    "body_plain",
    "subject",
    "secret",
];
/// What stands for a value that is not kept.
const PLACEHOLDER: &str = "…";

/// The entry for an event; `event` is its JSON. An event that cannot be read keeps its place all the same.
pub(crate) fn entry_of(event: &str) -> Value {
    let Ok(Value::Object(event)) = serde_json::from_str::<Value>(event) else {
        return json!({ "object": "audit_entry", "unreadable": true });
    };
    let mut entry = Map::new();
    for key in ["type", "timestamp", "actor", "consequences", "clerk_trace_id"] {
        if let Some(value) = event.get(key) {
            // The address of a caller is what the trail is for.
            entry.insert(key.to_owned(), value.clone());
        }
    }
    for key in ["data", "before"] {
        if let Some(Value::Object(resource)) = event.get(key) {
            let named = resource.iter().filter(|(key, _)| NAMING.contains(&key.as_str()));
            let named = named.map(|(key, value)| (key.clone(), mask(key, value))).collect();
            entry.insert(if key == "data" { "resource" } else { "before" }.to_owned(), Value::Object(named));
        }
    }
    if let Some(changes) = event.get("changes") {
        entry.insert("changes".to_owned(), mask("changes", changes));
    }
    Value::Object(entry)
}

/// A value without anything by which somebody could be called, written to, or signed in as.
fn mask(key: &str, value: &Value) -> Value {
    if WITHHELD.contains(&key) {
        return match value {
            // That it changed is kept, not what it was.
            Value::Object(change) if change.contains_key("after") => {
                Value::Object(change.keys().map(|side| (side.clone(), PLACEHOLDER.into())).collect())
            }
            _ => PLACEHOLDER.into(),
        };
    }
    match value {
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), mask(key, value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| mask(key, item)).collect()),
        Value::String(text) if text.contains('@') => masked(text).into(),
        Value::String(text) if has_number(text) => masked(text).into(),
        other => other.clone(),
    }
}

/// Whether a text has a phone number in it: a plus and at least seven digits, whatever stands between them.
fn has_number(text: &str) -> bool {
    text.contains('+') && text.chars().filter(char::is_ascii_digit).count() >= 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_has_who_and_what_but_no_number_address_code_or_metadata() {
        let number = json!({ "id": "idn_1", "object": "phone_number", "phone_number": "+15005550123" });
        let event = json!({
            "id": "evt_1", "object": "event", "type": "user.updated", "timestamp": 5, "instance_id": "ins_1",
            "actor": { "key_id": "key_1", "remote_address": "192.0.2.1" },
            "consequences": ["primary_moved"],
            "clerk_trace_id": "t",
            "data": { "id": "user_1", "object": "user", "first_name": "Ada", "phone_numbers": [number],
                "private_metadata": { "token": "hunter2" } },
            "before": { "id": "idn_1", "phone_number": "+15005550123", "message": "918273" },
            "changes": {
                "phone_numbers": { "before": [], "after": [number] },
                "email_addresses": { "before": ["ada@example.com"], "after": [] },
                "private_metadata": { "before": { "token": "hunter2" }, "after": { "message": "hunter3" } },
                "first_name": { "before": null, "after": "Call +1 (500) 555-0123" },
            },
        });
        let entry = entry_of(&event.to_string());
        let text = entry.to_string();
        for secret in ["5550123", "555-0123", "ada@", "hunter", "918273"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert_eq!(entry["actor"]["key_id"], "key_1");
        assert_eq!(entry["resource"], json!({ "id": "user_1", "object": "user" }));
        assert_eq!(entry["before"]["phone_number"], "+1***23");
        assert_eq!(entry["changes"]["phone_numbers"]["after"][0]["phone_number"], "+1***23");
        assert_eq!(entry["changes"]["private_metadata"], json!({ "before": "…", "after": "…" }));
        assert_eq!(entry["consequences"], json!(["primary_moved"]));
    }

    #[test]
    fn event_that_cannot_be_read_has_an_entry() {
        assert_eq!(entry_of("{"), json!({ "object": "audit_entry", "unreadable": true }));
    }
}

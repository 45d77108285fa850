//! The part of an event that the audit trail keeps: who did what to which resource, and what changed. Numbers and
//! addresses are masked, and metadata is left out.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use verger_deliver::masked;
use verger_wire::Event;

/// The fields that identify a resource in an event.
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
    // For a deleted user: lists with `starting_after` continue from its position.
    "created_at",
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
/// Replaces a value that is not kept.
const PLACEHOLDER: &str = "…";

/// The parts of an event that are read. The resource can be large, so only the fields that identify it are read.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type", default, deserialize_with = "present")]
    kind: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    timestamp: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    actor: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    consequences: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    clerk_trace_id: Option<Value>,
    #[serde(default)]
    data: Option<Named>,
    #[serde(default)]
    before: Option<Named>,
    #[serde(default, deserialize_with = "present")]
    changes: Option<Value>,
}

/// Distinguishes null from absent.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// The identifying fields of a resource, masked.
struct Named(Map<String, Value>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(resource: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Named;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a resource")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut resource: A) -> Result<Named, A::Error> {
                let mut named = Map::new();
                while let Some(key) = resource.next_key::<Cow<'de, str>>()? {
                    if NAMING.contains(&key.as_ref()) {
                        let value = mask(&key, &resource.next_value()?);
                        named.insert(key.into_owned(), value);
                    } else {
                        resource.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Named(named))
            }
        }

        resource.deserialize_map(Names)
    }
}

/// The entry for an event that was rendered: the same as for its text.
pub(super) fn entry_of(event: &Event) -> Value {
    let named = |resource: &RawValue| serde_json::from_str(resource.get()).ok();
    let value = |value: &RawValue| serde_json::from_str(value.get()).unwrap_or(Value::Null);
    let changes = event.changes.iter().map(|(key, change)| {
        let before = change.before.as_deref().map_or(Value::Null, value);
        let change = json!({ "before": before, "after": value(&change.after) });
        (key.clone(), mask(key, &change))
    });
    entry(Told {
        kind: Some(event.kind.as_str().into()),
        timestamp: Some(json!(event.timestamp)),
        actor: Some(json!(event.actor)),
        consequences: Some(json!(event.consequences)),
        clerk_trace_id: Some(event.clerk_trace_id.as_str().into()),
        data: named(&event.data),
        before: event.before.as_deref().and_then(named),
        changes: Some(Value::Object(changes.collect())),
    })
}

/// The entry for an event; `event` is its JSON. An event that cannot be read keeps its sequence number nevertheless.
pub(crate) fn entry_of_text(event: &str) -> Value {
    let Ok(told) = serde_json::from_str::<Told>(event) else {
        return json!({ "object": "audit_entry", "unreadable": true });
    };
    let changes = told.changes.map(|changes| mask("changes", &changes));
    entry(Told { changes, ..told })
}

/// `changes` are masked already.
fn entry(told: Told) -> Value {
    let parts = [
        ("type", told.kind),
        ("timestamp", told.timestamp),
        // The address of the caller stays: it is what the trail is for.
        ("actor", told.actor),
        ("consequences", told.consequences),
        ("clerk_trace_id", told.clerk_trace_id),
        ("resource", told.data.map(|Named(names)| Value::Object(names))),
        ("before", told.before.map(|Named(names)| Value::Object(names))),
        ("changes", told.changes),
    ];
    let there = parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(there.collect())
}

/// A value without phone numbers, addresses and secrets.
fn mask(key: &str, value: &Value) -> Value {
    if WITHHELD.contains(&key) {
        return match value {
            // Only the fact of the change is kept.
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

/// The fewest digits that can be a phone number.
const NUMBER_DIGITS_MIN: usize = 7;

/// Whether a text contains something that may be a phone number: a plus and seven digits with anything between them, or
/// seven digits with only separators between them.
fn has_number(text: &str) -> bool {
    let is_many = |text: &str| text.chars().filter(|c| c.is_numeric()).count() >= NUMBER_DIGITS_MIN;
    if !is_many(text) || is_moment(text) || text.parse::<IpAddr>().is_ok() {
        return false;
    }
    if text.contains('+') {
        return true;
    }
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut typed = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| !is_of_word(c)) {
        let word = part.trim_end_matches(|c| !is_of_word(c));
        typed.push_str(if is_id(word) { "id" } else { part });
    }
    typed.split(|c: char| !(c.is_numeric() || is_separator(c))).any(is_many)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}')
}

/// Generated text: one of our ids, or hexadecimal digits of a common length.
fn is_id(word: &str) -> bool {
    let has_letter = |text: &str| text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if let Some((prefix, rest)) = word.split_once('_') {
        let is_prefix = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_ksuid = rest.len() == 27 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return is_prefix && is_ksuid && has_letter(rest);
    }
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    matches!(word.len(), 32 | 36 | 40 | 64) && is_hex && has_letter(word)
}

/// Whether a text is a date or a timestamp, such as `2026-05-12` or `2026-05-12T08:00:00.123Z`.
fn is_moment(text: &str) -> bool {
    let is_date = |date: &str| {
        let parts: Vec<_> = date.split('-').map(|part| (part.len(), part.parse::<u16>().ok())).collect();
        matches!(parts.as_slice(), [(4, Some(1900..=2199)), (2, Some(1..=12)), (2, Some(1..=31))])
    };
    let is_time = |time: &str| {
        time.is_empty()
            || time.len() <= "T08:00:00.123456789+02:00".len()
                && time.starts_with(['T', ' '])
                && time.find(':') == Some(3)
                && time.bytes().skip(1).all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(&byte))
    };
    text.split_at_checked(10).is_some_and(|(date, time)| is_date(date) && is_time(time))
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
        let entry = entry_of_text(&event.to_string());
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
    fn number_is_masked_however_a_person_types_it() {
        for text in [
            "+15005550123",
            "15005550123",
            "5550123",
            "00 49 1511 2345678",
            "(201) 555-0123",
            "201.555.0123",
            "06 12 34 56 78",
            "0151/2345678",
            "201\u{2011}555\u{2011}0123",
            "201\u{a0}555\u{a0}0123",
            "Ada, 201-555-0123, at work",
            "ada15005550123",
            "tel:15005550123",
            "https://example.com/?phone=15005550123&a=b",
            "\u{661}\u{665}\u{660}\u{660}\u{665}\u{665}\u{665}\u{660}",
            "idn_2g7np7Hrk0SN6kj5EDMLDaKNL0S of 2015550123",
            "2026-05-12 of 2015550123",
        ] {
            let shown = mask("after", &text.into());
            assert_ne!(shown, text);
            let digits = shown.as_str().unwrap().chars().filter(char::is_ascii_digit).count();
            assert!(digits <= 3, "{text}: {shown}");
        }
    }

    #[test]
    fn what_is_no_number_is_kept() {
        for text in [
            "idn_2g7np7Hrk0SN6kj5EDMLDaKNL0S",
            "user_1234567890123456789012345Ab",
            "the user user_1234567890123456789012345Ab, again",
            "0123456789abcdef0123456789abcdef",
            "550e8400-1234-4123-8123-446655440000",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "2026-05-12",
            "2026-05-12T08:00:00.123456Z",
            "2026-05-12 08:00:00+02:00",
            "203.0.113.195",
            "undelivered, code 30003",
            "HTTP 503 after 12 tries",
            "verified",
            "",
        ] {
            assert_eq!(mask("after", &text.into()), text);
        }
        assert_eq!(mask("created_at", &1_800_000_000_000_i64.into()), 1_800_000_000_000_i64);
    }

    #[test]
    fn what_an_event_does_not_have_its_entry_has_not_either() {
        let event =
            r#"{"type":"user.created","actor":null,"before":null,"data":{"id":"user_1","slug":null}}"#;
        let entry =
            json!({ "type": "user.created", "actor": null, "resource": { "id": "user_1", "slug": null } });
        assert_eq!(entry_of_text(event), entry);
    }

    #[test]
    fn event_that_cannot_be_read_has_an_entry() {
        assert_eq!(entry_of_text("{"), json!({ "object": "audit_entry", "unreadable": true }));
    }
}

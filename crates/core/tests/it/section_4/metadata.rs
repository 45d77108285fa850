//! Merging and replacing metadata.

use crate::support::{Given, NOW, env_at};
use serde_json::{Value, json};
use verger_core::metadata::Metadata;
use verger_core::user::MetadataChange;
use verger_core::{Malformed, Refusal};

fn object(value: &Value) -> Metadata {
    value.as_object().unwrap().clone().into()
}

#[test]
fn metadata_merge_is_deep_and_replacement_is_whole() {
    let mut user = Given::parse("a verified primary").user;
    user.public_metadata = object(&json!({"plan": {"name": "pro", "seats": 5}, "beta": true}));
    user.private_metadata = object(&json!({"note": "kept"}));
    let change = MetadataChange {
        public_metadata: Some(object(&json!({"plan": {"seats": 6, "name": null}, "team": "x"}))),
        ..MetadataChange::default()
    };
    let merged = user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user;
    assert_eq!(merged.public_metadata, object(&json!({"plan": {"seats": 6}, "beta": true, "team": "x"})));
    assert_eq!((merged.version, merged.updated_at), (user.version + 1, NOW));
    assert_eq!(merged.private_metadata, user.private_metadata);
    let replaced = user.replace_metadata(change, &mut env_at(NOW)).unwrap().user;
    assert_eq!(replaced.public_metadata, object(&json!({"plan": {"seats": 6, "name": null}, "team": "x"})));
    assert_eq!(replaced.private_metadata, user.private_metadata);
}

#[test]
fn metadata_that_is_already_so_changes_nothing() {
    let mut user = Given::parse("a verified primary").user;
    user.unsafe_metadata = object(&json!({"a": 1, "b": 2}));
    for same in [json!({}), json!({"a": 1}), json!({"b": 2, "a": 1}), json!({"c": null})] {
        let change = MetadataChange { unsafe_metadata: Some(object(&same)), ..MetadataChange::default() };
        assert_eq!(user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user, user, "{same}");
    }
    let change = MetadataChange {
        unsafe_metadata: Some(object(&json!({"b": 2, "a": 1}))),
        ..MetadataChange::default()
    };
    assert_eq!(user.replace_metadata(change, &mut env_at(NOW)).unwrap().user, user);
}

#[test]
fn a_number_that_is_written_otherwise_is_a_change() {
    let read = |text: &str| match verger_wire::json::parse(text) {
        Ok(verger_wire::json::Json::Object(object)) => object,
        other => panic!("{other:?}"),
    };
    let mut user = Given::parse("a verified primary").user;
    user.public_metadata = read(r#"{"n":1,"m":0.10000000000000000001}"#);
    for (text, changes) in [
        (r#"{"n":1}"#, false),
        (r#"{"m":0.10000000000000000001}"#, false),
        (r#"{"n":1.0}"#, true),
        (r#"{"n":1e0}"#, true),
        // The same 64-bit floating point number.
        (r#"{"m":0.10000000000000000002}"#, true),
    ] {
        let change = MetadataChange { public_metadata: Some(read(text)), ..MetadataChange::default() };
        let next = user.merge_metadata(&change, &mut env_at(NOW)).unwrap().user;
        assert_eq!(next != user, changes, "{text}");
    }
}

#[test]
fn metadata_over_its_limit_is_refused_by_name() {
    let user = Given::parse("a verified primary").user;
    let large = object(&json!({"a": "x".repeat(9_000)}));
    let too_large =
        |param| Refusal::Malformed { param, why: Malformed::TooLarge { bytes_max: 8_192, bytes: 9_008 } };
    for (param, change) in [
        (
            "public_metadata",
            MetadataChange { public_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
        (
            "private_metadata",
            MetadataChange { private_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
        (
            "unsafe_metadata",
            MetadataChange { unsafe_metadata: Some(large.clone()), ..MetadataChange::default() },
        ),
    ] {
        assert_eq!(user.merge_metadata(&change, &mut env_at(NOW)), Err(too_large(param)));
        assert_eq!(user.replace_metadata(change, &mut env_at(NOW)), Err(too_large(param)));
    }
}

//! The JSON objects that an application keeps on a user.

use crate::Malformed;
use serde_json::{Map, Value};

/// The most bytes of JSON that each of the three objects may have.
pub const BYTES_MAX: usize = 8 * 1024;
/// How deep each of the three objects may nest.
pub const DEPTH_MAX: usize = 32;

/// A metadata object.
pub type Metadata = Map<String, Value>;

/// Holds size and depth to their limits.
///
/// # Errors
/// A sentence that names the limit.
pub fn check(metadata: &Metadata) -> Result<(), Malformed> {
    if metadata.values().any(|value| is_deeper_than(value, DEPTH_MAX - 1)) {
        return Err(Malformed("may nest at most 32 levels deep"));
    }
    let bytes = serde_json::to_string(metadata).map_or(usize::MAX, |text| text.len());
    if bytes > BYTES_MAX {
        return Err(Malformed("may have at most 8192 bytes of JSON"));
    }
    Ok(())
}

/// Merges `change` into `target`, objects within objects too; `null` removes a key at any level.
pub fn merge(target: &mut Metadata, change: &Metadata) {
    for (key, value) in change {
        match (target.get_mut(key), value) {
            (_, Value::Null) => {
                target.shift_remove(key);
            }
            (Some(Value::Object(nested)), Value::Object(change)) => merge(nested, change),
            (_, Value::Object(change)) => {
                // Nulls in a new object remove nothing, and must not be stored either.
                let mut fresh = Map::new();
                merge(&mut fresh, change);
                target.insert(key.clone(), Value::Object(fresh));
            }
            (_, value) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper_than(item, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|item| is_deeper_than(item, levels - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Metadata {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn merge_goes_deep_and_null_removes_at_any_level() {
        for (target, change, merged) in [
            (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
            (json!({"a": 1}), json!({"a": null}), json!({})),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": null, "d": 3}}),
                json!({"a": {"c": 2, "d": 3}}),
            ),
            (json!({"a": {"b": 1}}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"a": 1}), json!({"a": {"b": null, "c": {"d": null}}}), json!({"a": {"c": {}}})),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (json!({"a": 1}), json!({}), json!({"a": 1})),
        ] {
            let mut target = object(target);
            merge(&mut target, &object(change));
            assert_eq!(target, object(merged));
        }
    }

    #[test]
    fn size_and_depth_are_limited() {
        let mut nested = json!(1);
        for _ in 0..DEPTH_MAX {
            nested = json!({ "a": nested });
        }
        assert_eq!(check(&object(nested.clone())), Ok(()));
        assert!(check(&object(json!({ "a": nested }))).is_err());
        let text = |bytes: usize| object(json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) }));
        assert_eq!(check(&text(BYTES_MAX)), Ok(()));
        assert!(check(&text(BYTES_MAX + 1)).is_err());
    }
}

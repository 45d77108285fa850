//! The JSON objects that an application keeps on a user.

use crate::Malformed;
use verger_wire::json::{Json, Object, Step, path_text};

/// The most bytes of JSON that each of the three objects may have.
pub const BYTES_MAX: usize = 8 * 1024;
/// How deep each of the three objects may nest.
pub const DEPTH_MAX: usize = 32;
/// The most characters of a number: more than any 64-bit floating point number needs, and few enough for every reader.
pub const NUMBER_CHARACTERS_MAX: usize = 400;
/// Keys that begin so mean something else than themselves to every reader that uses the library of this name.
const RESERVED_KEYS: &str = "$serde_json::private::";

/// One of the three metadata objects; numbers are kept digit for digit.
pub type Metadata = Object;

/// What is wrong with a value inside of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Where it is, as [`path_text`] writes it.
    pub path: String,
    /// What is wrong: words that complete a sentence about "a number" or "a key".
    pub why: UnfitReason,
}

/// Why a value cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfitReason {
    /// Many readers would take it for infinity, and others would read nothing at all.
    NumberOutOfRange,
    /// Over [`NUMBER_CHARACTERS_MAX`].
    NumberTooLong {
        /// How many characters it has.
        length: usize,
    },
    /// A key that begins with `$serde_json::private::`.
    KeyReserved,
}

/// Holds size and depth to their limits.
///
/// # Errors
/// The limit that it exceeds.
pub fn check(metadata: &Metadata) -> Result<(), Malformed> {
    if metadata.iter().any(|(_, value)| is_deeper_than(value, DEPTH_MAX - 1)) {
        return Err(Malformed::Form("may nest at most 32 levels deep"));
    }
    if metadata.is_empty() {
        return Ok(());
    }
    let bytes = metadata.to_text().len();
    if bytes > BYTES_MAX {
        return Err(Malformed::TooLarge { bytes_max: BYTES_MAX, bytes });
    }
    Ok(())
}

/// Judges what is in an object that comes from outside. Numbers are kept digit for digit, so that only those are refused
/// that readers with 64-bit floating point fail at.
///
/// # Errors
/// The first value that cannot be kept.
pub fn check_values(metadata: &Metadata) -> Result<(), Unfit> {
    check_object(metadata).map_err(|(path, why)| Unfit { path: path_text(&path), why })
}

fn check_object(object: &Object) -> Result<(), (Vec<Step>, UnfitReason)> {
    for (key, value) in object.iter() {
        let judged = if key.starts_with(RESERVED_KEYS) {
            Err((Vec::new(), UnfitReason::KeyReserved))
        } else {
            check_value(value)
        };
        judged.map_err(|inner| beneath(Step::Key(key.clone()), inner))?;
    }
    Ok(())
}

fn check_value(value: &Json) -> Result<(), (Vec<Step>, UnfitReason)> {
    let fail = |why| Err((Vec::new(), why));
    match value {
        Json::Number(number) if number.as_str().len() > NUMBER_CHARACTERS_MAX => {
            fail(UnfitReason::NumberTooLong { length: number.as_str().len() })
        }
        Json::Number(number) if !number.is_in_double_range() => fail(UnfitReason::NumberOutOfRange),
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                check_value(item).map_err(|inner| beneath(Step::Position(at), inner))?;
            }
            Ok(())
        }
        Json::Object(object) => check_object(object),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => Ok(()),
    }
}

fn beneath(step: Step, (mut path, why): (Vec<Step>, UnfitReason)) -> (Vec<Step>, UnfitReason) {
    path.insert(0, step);
    (path, why)
}

/// Merges `change` into `target`, objects within objects too; `null` removes a key at any level.
pub fn merge(target: &mut Metadata, change: &Metadata) {
    for (key, value) in change.iter() {
        match (target.get_mut(key), value) {
            (_, Json::Null) => {
                target.remove(key);
            }
            (Some(Json::Object(nested)), Json::Object(change)) => merge(nested, change),
            (_, Json::Object(change)) => {
                // Nulls in a new object remove nothing, and must not be stored either.
                let mut fresh = Object::new();
                merge(&mut fresh, change);
                target.insert(key.clone(), Json::Object(fresh));
            }
            (_, value) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn is_deeper_than(value: &Json, levels: usize) -> bool {
    match value {
        Json::Array(items) => levels == 0 || items.iter().any(|item| is_deeper_than(item, levels - 1)),
        Json::Object(object) => {
            levels == 0 || object.iter().any(|(_, item)| is_deeper_than(item, levels - 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use verger_wire::json::parse;

    fn object(value: Value) -> Metadata {
        value.as_object().expect("an object").clone().into()
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
        // Arrays are levels too, and the deepest item counts wherever it is.
        let mut nested = json!(1);
        for _ in 1..DEPTH_MAX {
            nested = json!([0, nested, 2]);
        }
        assert_eq!(check(&object(json!({ "a": nested.clone(), "b": 1 }))), Ok(()));
        assert!(check(&object(json!({ "a": [nested], "b": 1 }))).is_err());
        let text = |bytes: usize| object(json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) }));
        assert_eq!(check(&text(BYTES_MAX)), Ok(()));
        let too_large = Malformed::TooLarge { bytes_max: BYTES_MAX, bytes: BYTES_MAX + 1 };
        assert_eq!(check(&text(BYTES_MAX + 1)), Err(too_large));
    }

    fn read(text: &str) -> Metadata {
        match parse(text) {
            Ok(Json::Object(object)) => object,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn merge_keeps_every_number_digit_for_digit() {
        let mut target = read(r#"{"a":18446744073709551616,"b":{"c":0.1234567890123456789,"d":-0},"e":1.0}"#);
        merge(&mut target, &read(r#"{"b":{"d":1E5,"f":[123456789012345678901234567890]},"e":1}"#));
        assert_eq!(
            target.to_text(),
            r#"{"a":18446744073709551616,"b":{"c":0.1234567890123456789,"d":1E5,"f":[123456789012345678901234567890]},"e":1}"#
        );
    }

    #[test]
    fn numbers_that_readers_fail_at_and_reserved_keys_are_named_with_their_place() {
        use UnfitReason::{KeyReserved, NumberOutOfRange, NumberTooLong};
        let long = format!("0.{}", "1".repeat(NUMBER_CHARACTERS_MAX - 1));
        for (text, path, why) in [
            (r#"{"a":1e400}"#, "a", NumberOutOfRange),
            (r#"{"a":{"b":[0,-1e309]}}"#, "a.b[1]", NumberOutOfRange),
            (&format!(r#"{{"a":1{}}}"#, "0".repeat(309)), "a", NumberOutOfRange),
            (&format!(r#"{{"a":[{long}]}}"#), "a[0]", NumberTooLong { length: NUMBER_CHARACTERS_MAX + 1 }),
            (r#"{"a":{"$serde_json::private::RawValue":"x"}}"#, "a.…", KeyReserved),
        ] {
            assert_eq!(check_values(&read(text)), Err(Unfit { path: path.to_owned(), why }), "{text}");
        }
        let longest = &long[..NUMBER_CHARACTERS_MAX];
        for good in [longest, "1.7976931348623157e308", "1e-400", "0e999999999", "-0", "18446744073709551616"]
        {
            assert_eq!(check_values(&read(&format!(r#"{{"a":[{good}]}}"#))), Ok(()), "{good}");
        }
    }
}

//! A patch of settings as JSON: judged by the schema of the document, so that a limit stands in one place.

use super::{SettingError, SettingProblem};
use crate::phone_number::is_region;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use verger_wire::json::{Step, path_text};
use verger_wire::schema::{Schema, Schemas};
use verger_wire::settings::{SettingsDocument, TEXT_CHARACTERS_MAX};

/// What each field can be.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| SettingsDocument::object(&mut Schemas::default()));
/// The most problems that are reported.
const PROBLEMS_MAX: usize = 100;

/// Everything in the patch that no field can be.
pub(super) fn judge(patch: &Map<String, Value>) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    judge_object(patch, &SCHEMA, &mut Vec::new(), &mut problems);
    problems.truncate(PROBLEMS_MAX);
    problems
}

/// The document with the patch merged in.
pub(super) fn merged(
    document: &SettingsDocument,
    patch: &Map<String, Value>,
) -> Result<SettingsDocument, Vec<SettingProblem>> {
    let mut value = as_object(document);
    merge(&mut value, patch);
    serde_json::from_value(Value::Object(value)).map_err(|_| {
        // Whatever passes the schema can be read; a field whose schema says less than its type would come here.
        let error = SettingError::Form("must have the form of its field".to_owned());
        vec![SettingProblem { field: String::new(), error }]
    })
}

/// What differs in `after`, with its values there.
pub(super) fn difference(before: &SettingsDocument, after: &SettingsDocument) -> Map<String, Value> {
    let (before, mut after) = (as_object(before), as_object(after));
    after.retain(|group, fields| {
        if let Value::Object(fields) = fields {
            fields.retain(|name, value| before.get(group).and_then(|group| group.get(name)) != Some(value));
        }
        fields.as_object().is_some_and(|fields| !fields.is_empty())
    });
    after
}

fn as_object(document: &SettingsDocument) -> Map<String, Value> {
    match serde_json::to_value(document) {
        Ok(Value::Object(object)) => object,
        // A struct of texts, numbers and flags is an object.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// RFC 7396; what is removed has its default when it is read.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (target.get_mut(key), value) {
            (_, Value::Null) => {
                target.shift_remove(key);
            }
            (Some(Value::Object(nested)), Value::Object(patch)) => merge(nested, patch),
            (_, value) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn judge_object(
    patch: &Map<String, Value>,
    schema: &Value,
    path: &mut Vec<Step>,
    problems: &mut Vec<SettingProblem>,
) {
    for (key, value) in patch {
        path.push(Step::Key(key.clone()));
        match schema.get("properties").and_then(|properties| properties.get(key)) {
            None => note(path, SettingError::Unknown, problems),
            // Back to its default.
            Some(_) if value.is_null() => {}
            Some(schema) => judge_value(value, schema, path, problems),
        }
        path.pop();
    }
}

fn judge_value(value: &Value, schema: &Value, path: &mut Vec<Step>, problems: &mut Vec<SettingProblem>) {
    let judged = match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(patch)) => return judge_object(patch, schema, path, problems),
        (Some("object"), _) => Err("must be an object".to_owned()),
        (Some("boolean"), Value::Bool(_)) => Ok(()),
        (Some("boolean"), _) => Err("must be true or false".to_owned()),
        (Some("integer"), value) => judge_number(value, schema),
        (Some("string"), value) => judge_text(value, schema),
        (Some("array"), value) => judge_list(value, schema),
        _ => Err("cannot be set".to_owned()),
    };
    if let Err(why) = judged {
        note(path, SettingError::Form(why), problems);
    }
}

fn judge_number(value: &Value, schema: &Value) -> Result<(), String> {
    let (min, max) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
    let (min, max) = (min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX));
    match value.as_i64() {
        Some(number) if (min..=max).contains(&number) => Ok(()),
        Some(_) | None => Err(format!("must be a whole number from {min} to {max}")),
    }
}

fn judge_text(value: &Value, schema: &Value) -> Result<(), String> {
    if let Some(texts) = schema["enum"].as_array() {
        let names: Vec<_> = texts.iter().filter_map(Value::as_str).collect();
        return if texts.contains(value) {
            Ok(())
        } else {
            Err(format!("must be one of {}", names.join(", ")))
        };
    }
    let Some(text) = value.as_str() else { return Err("must be a string".to_owned()) };
    if text.chars().count() > TEXT_CHARACTERS_MAX {
        return Err(format!("may have at most {TEXT_CHARACTERS_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters in it".to_owned());
    }
    Ok(())
}

fn judge_list(value: &Value, schema: &Value) -> Result<(), String> {
    let Some(items) = value.as_array() else { return Err("must be a list of strings".to_owned()) };
    if !items.iter().all(Value::is_string) {
        return Err("must be a list of strings".to_owned());
    }
    match schema["maxItems"].as_u64() {
        Some(max) if items.len() as u64 > max => Err(format!("may have at most {max} items")),
        _ => Ok(()),
    }
}

fn note(path: &[Step], error: SettingError, problems: &mut Vec<SettingProblem>) {
    problems.push(SettingProblem { field: path_text(path), error });
}

/// Whether text messages can be sent to a country of this code.
pub(super) fn is_country(code: &str) -> bool {
    is_region(code)
}

//! `docs/settings.md`: every setting of an instance, from its declaration in `verger_wire::settings`.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use verger_wire::schema::{Schema as _, Schemas};
use verger_wire::settings::SettingsDocument;

const HEAD: &str = "# Settings of an instance\n\n\
    <!-- Written by `cargo xtask generate` from crates/wire/src/settings.rs; do not edit. -->\n\n\
    What an instance is set to: `GET` and `PATCH /verger/v1/settings`, or `verger settings get`, `set` and `diff`. A field that\n\
    nobody has set has its default. Running servers follow a change within a second. What the server itself is configured with\n\
    (addresses, store, keys, senders) stands in [Operating](operating.md).\n\n\
    ```sh\n\
    verger settings get sessions\n\
    verger settings set sessions.lifetime_seconds=86400 sign_up.mode=restricted\n\
    verger settings set 'frontend.allowed_origins=[\"https://app.example.com\"]'\n\
    verger settings set sessions=null                       # the whole group back to its defaults\n\
    verger settings diff > settings.json                    # what differs from the defaults\n\
    verger settings set - < settings.json\n\
    ```\n";

/// The whole page.
///
/// # Errors
/// A setting has no description, or no default.
pub(crate) fn page() -> Result<String> {
    let schema = SettingsDocument::object(&mut Schemas::default());
    let defaults = serde_json::to_value(SettingsDocument::default())?;
    let mut text = HEAD.to_owned();
    for (name, group) in properties(&schema) {
        let what = group["description"].as_str().with_context(|| format!("{name} has no description"))?;
        write!(
            text,
            "\n## {name}\n\n{what}\n\n| setting | values | default | meaning |\n|---|---|---|---|\n"
        )?;
        for (field, schema) in properties(group) {
            let setting = format!("{name}.{field}");
            let what = schema["description"].as_str();
            let what = what.with_context(|| format!("{setting} has no description"))?.replace('|', "\\|");
            let default = defaults.pointer(&format!("/{name}/{field}"));
            let default = default.with_context(|| format!("{setting} has no default"))?;
            writeln!(text, "| `{setting}` | {} | `{default}` | {what} |", values(schema))?;
        }
    }
    Ok(text)
}

/// What a field can be, in words.
fn values(schema: &Value) -> String {
    let number = |name: &str| schema[name].as_i64().map(|number| number.to_string());
    let texts = schema["enum"].as_array().map(|texts| {
        let texts: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
        texts.join(", ")
    });
    let words = match (schema["type"].as_str(), texts) {
        (_, Some(texts)) => texts,
        (Some("boolean"), None) => "`true`, `false`".to_owned(),
        (Some("integer"), None) => match (number("minimum"), number("maximum")) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            _ => "a whole number".to_owned(),
        },
        (Some("array"), None) => match schema["maxItems"].as_u64() {
            Some(max) => format!("a list of at most {max} strings"),
            None => "a list of strings".to_owned(),
        },
        _ => "a string".to_owned(),
    };
    if schema["nullable"] == true { format!("{words}, or `null`") } else { words }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_a_row_for_every_setting_with_its_values_and_default() {
        let page = page().unwrap();
        for row in [
            "| `sessions.lifetime_seconds` | 300 to 315360000 | `604800` |",
            "| `sessions.inactivity_timeout_seconds` | 300 to 315360000, or `null` | `null` |",
            "| `sign_up.mode` | `\"public\"`, `\"restricted\"`, `\"waitlist\"` | `\"public\"` |",
            "| `frontend.allowed_origins` | a list of at most 100 strings | `[]` |",
            "| `actions.delete_self` | `true`, `false` | `true` |",
        ] {
            assert!(page.contains(row), "{row}");
        }
        let defaults = serde_json::to_value(SettingsDocument::default()).unwrap();
        for (group, fields) in defaults.as_object().unwrap() {
            for field in fields.as_object().unwrap().keys() {
                assert_eq!(page.matches(&format!("| `{group}.{field}` |")).count(), 1, "{group}.{field}");
            }
        }
    }
}

//! `verger settings`.

use super::limits::{command_env, deadline};
use super::output::out;
use super::stores::{InstanceArg, StoreArgs, open};
use crate::changes::{Author, Stamp};
use crate::engine::{Engine, SettingsChange};
use crate::error::Failure;
use crate::reasons::PARAM_UNKNOWN;
use crate::turns::Queues;
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Map, Value};
use std::io::Write as _;
use verger_store::Store;
use verger_wire::reason::Api;
use verger_wire::{ApiError, InstanceId};

#[derive(Subcommand)]
pub(super) enum SettingsCommand {
    /// Print all settings, or one group or field, as JSON
    Get {
        /// A group such as sessions, or a field such as sessions.lifetime_seconds
        #[arg(value_name = "PATH")]
        path: Option<String>,
        #[command(flatten)]
        instance: InstanceArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Change settings; running servers follow within a second
    Set {
        /// Fields with their values as JSON, such as sessions.lifetime_seconds=3600 or sign_up.mode=restricted; null restores the
        /// default, and a string that looks like a number needs its quotes: 'display.application_name="123"'. A single - reads
        /// a JSON object from standard input, as `verger settings diff` prints it
        #[arg(value_name = "PATH=VALUE", required = true)]
        changes: Vec<String>,
        #[command(flatten)]
        instance: InstanceArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print the settings that are not at their default, as the JSON that would set them
    Diff {
        #[command(flatten)]
        instance: InstanceArg,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) async fn settings(command: SettingsCommand) -> anyhow::Result<()> {
    let mut out = out();
    match command {
        SettingsCommand::Get { path, instance, store } => {
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            let settings = store.instance(&id).settings(deadline()).await?;
            let document = serde_json::to_value(&settings.document)?;
            let found = match &path {
                None => Some(&document),
                Some(path) => document.pointer(&format!("/{}", path.replace('.', "/"))),
            };
            let found = found.with_context(|| {
                format!("there is no setting {}: `verger settings get` shows all", path.unwrap_or_default())
            })?;
            writeln!(out, "{}", serde_json::to_string_pretty(found)?)?;
        }
        SettingsCommand::Set { changes, instance, store } => {
            let patch = match changes.as_slice() {
                [only] if only == "-" => serde_json::from_reader(std::io::stdin().lock()).context(
                    "standard input must have a JSON object such as {\"sessions\":{\"single\":false}}",
                )?,
                changes => read_changes(changes)?,
            };
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            change_settings(&store, &id, patch, "settings set").await?;
            let settings = store.instance(&id).settings(deadline()).await?;
            writeln!(out, "{}", serde_json::to_string_pretty(&settings.differing())?)?;
        }
        SettingsCommand::Diff { instance, store } => {
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            let settings = store.instance(&id).settings(deadline()).await?;
            writeln!(out, "{}", serde_json::to_string_pretty(&settings.differing())?)?;
        }
    }
    Ok(())
}

/// Changes settings as a command does, which has no server around it.
pub(super) async fn change_settings(
    store: &Store,
    instance: &InstanceId,
    patch: Map<String, Value>,
    command: &str,
) -> anyhow::Result<()> {
    let stamp = Stamp::of(Author::command(command), &mut command_env()?);
    let queues = Queues::default();
    let engine = Engine::of_command(store, instance, &queues, deadline());
    engine
        .change_settings(SettingsChange { patch, stamp }, |_| Ok(true))
        .await
        .map_err(|failure| told(&failure))?;
    Ok(())
}

/// A refusal in words, each problem on its line.
pub(super) fn told(failure: &Failure) -> anyhow::Error {
    if let Some(cause) = failure.cause() {
        return anyhow::Error::msg(cause);
    }
    let errors = failure.answer(Api::Backend).errors;
    anyhow::Error::msg(errors.iter().map(in_words).collect::<Vec<_>>().join("\n"))
}

/// The text for a request, but for one that speaks of the operation, which a command has not.
fn in_words(error: &ApiError) -> String {
    match error.meta.get("param_name").and_then(Value::as_str) {
        Some(setting) if error.code == PARAM_UNKNOWN.code => {
            format!("there is no setting {setting}: `verger settings get` shows all")
        }
        _ => error.long_message.clone(),
    }
}

/// `group.field=value` as a merge patch. A value that is not JSON is a text.
fn read_changes(changes: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut patch = Map::new();
    for change in changes {
        let (path, text) = change
            .split_once('=')
            .with_context(|| format!("{change:?} has no value: write {change}=VALUE"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let Some((group, field)) = path.split_once('.') else {
            patch.insert(path.to_owned(), value);
            continue;
        };
        match patch.entry(group).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(fields) => {
                fields.insert(field.to_owned(), value);
            }
            _ => anyhow::bail!("{group} is set as a whole and in part: name it once"),
        }
    }
    Ok(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(changes: &[&str]) -> anyhow::Result<Value> {
        let changes: Vec<_> = changes.iter().map(|change| (*change).to_owned()).collect();
        read_changes(&changes).map(Value::Object)
    }

    #[test]
    fn changes_are_json_or_texts_by_path() {
        let patch = read(&[
            "sessions.lifetime_seconds=3600",
            "sessions.single=false",
            "sign_up.mode=restricted",
            "display=null",
            "frontend.allowed_origins=[\"https://a.example\"]",
            "communication.x=a=b",
        ]);
        assert_eq!(
            patch.unwrap(),
            json!({
                "sessions": { "lifetime_seconds": 3600, "single": false },
                "sign_up": { "mode": "restricted" },
                "display": null,
                "frontend": { "allowed_origins": ["https://a.example"] },
                "communication": { "x": "a=b" },
            })
        );
        assert!(read(&["sessions"]).is_err() && read(&["sessions=null", "sessions.single=true"]).is_err());
    }
}

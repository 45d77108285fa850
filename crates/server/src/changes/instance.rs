//! Changes of what belongs to the instance itself: its settings, and the keys that sign for it.

use super::kept::encode;
use super::written::Stamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use verger_core::event::{
    ChangeKind, SETTINGS_UPDATED, SIGNING_KEY_CREATED, SIGNING_KEY_RETIRED, SIGNING_KEY_UPDATED,
};
use verger_core::{Settings, SigningKey};
use verger_store::{NewChange, NewEvent};
use verger_wire::ValueChange;
use verger_wire::settings::SettingsDocument;

/// What a row keeps: each resource after the change, by its id, and what differs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct InstanceForm {
    #[serde(rename = "a")]
    after: BTreeMap<String, Value>,
    #[serde(rename = "c", default, skip_serializing_if = "Map::is_empty")]
    changes: Map<String, Value>,
}

/// One side of a field that differs.
#[derive(Deserialize)]
struct Sides {
    before: Value,
    after: Value,
}

/// What happened to a key.
#[derive(Clone, Debug)]
pub(crate) enum KeyEvent {
    /// It was made and is published.
    Created(SigningKey),
    /// It signs earlier than it was planned.
    Promoted(SigningKey),
    /// It is published no more.
    Retired(SigningKey),
}

impl InstanceForm {
    /// The resource with this id.
    pub(super) fn data(&self, subject: &str) -> Option<Box<RawValue>> {
        to_raw_value(self.after.get(subject)?).ok()
    }

    /// What differs, as events show it.
    pub(super) fn changes(&self) -> BTreeMap<String, ValueChange> {
        let side = |value: &Value| to_raw_value(value).ok();
        let change = |(field, sides): (&String, &Value)| {
            let Sides { before, after } = Sides::deserialize(sides).ok()?;
            Some((field.clone(), ValueChange { before: side(&before), after: side(&after)? }))
        };
        self.changes.iter().filter_map(change).collect()
    }
}

impl Stamp {
    /// The change of what an instance is set to; `None` if nothing differs.
    pub(crate) fn settings(
        self,
        before: &Settings,
        after: &Settings,
    ) -> Result<Option<NewChange>, serde_json::Error> {
        if before.version == after.version {
            return Ok(None);
        }
        let id = after.instance_id.to_string();
        let data = json!({ "id": id, "object": "settings", "version": after.version });
        let changes = differences(&before.document, &after.document);
        let event = NewEvent { kind: SETTINGS_UPDATED.to_owned(), subject: Some(id.clone()) };
        let form = InstanceForm { after: BTreeMap::from([(id, data)]), changes };
        self.of_instance(ChangeKind::Settings, vec![event], &form).map(Some)
    }

    /// The change of keys that sign.
    pub(crate) fn signing_keys(self, happened: &[KeyEvent]) -> Result<NewChange, serde_json::Error> {
        let mut form = InstanceForm::default();
        let mut events = Vec::new();
        for event in happened {
            let (kind, key) = match event {
                KeyEvent::Created(key) => (SIGNING_KEY_CREATED, key),
                KeyEvent::Promoted(key) => (SIGNING_KEY_UPDATED, key),
                KeyEvent::Retired(key) => (SIGNING_KEY_RETIRED, key),
            };
            let data = json!({
                "id": key.id,
                "object": "signing_key",
                "created_at": key.created_at,
                "signs_at": key.signs_at,
                "retired_at": key.retired_at,
            });
            form.after.insert(key.id.to_string(), data);
            events.push(NewEvent { kind: kind.to_owned(), subject: Some(key.id.to_string()) });
        }
        self.of_instance(ChangeKind::SigningKey, events, &form)
    }

    fn of_instance(
        self,
        kind: ChangeKind,
        events: Vec<NewEvent>,
        form: &InstanceForm,
    ) -> Result<NewChange, serde_json::Error> {
        Ok(NewChange {
            kind: kind.as_str(),
            created_at: self.at,
            user_id: "".into(),
            user_version: 0,
            events,
            who: self.author.who.encode()?,
            personal: encode(&self.author.origin, Some(form))?,
            salt: self.salt,
            sealed: None,
        })
    }
}

/// The fields that differ, by their paths.
fn differences(before: &SettingsDocument, after: &SettingsDocument) -> Map<String, Value> {
    let groups = |document: &SettingsDocument| match serde_json::to_value(document) {
        Ok(Value::Object(groups)) => groups,
        // A struct of texts, numbers and flags is an object.
        Ok(_) | Err(_) => Map::new(),
    };
    let (before, after) = (groups(before), groups(after));
    let mut differences = Map::new();
    for (group, fields) in &after {
        let Some(fields) = fields.as_object() else { continue };
        for (field, value) in fields {
            let earlier = &before[group][field];
            if earlier != value {
                differences.insert(format!("{group}.{field}"), json!({ "before": earlier, "after": value }));
            }
        }
    }
    differences
}

//! The settings of an instance: one versioned document, and the rules between its fields.
//!
//! The fields, their defaults and the limits of each are declared in `verger_wire::settings`. A patch is judged by these
//! limits, merged, and the whole is judged by the rules: what contradicts itself is refused with the reason.

mod form;
mod rules;

use crate::instance::Environment;
use serde_json::{Map, Value};
use std::ops::Deref;
use verger_wire::settings::{Automatic, SettingsDocument};
use verger_wire::{InstanceId, UnixMillis};

/// The settings of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The instance that they are of.
    pub instance_id: InstanceId,
    /// How often they were changed: 0 for those that nobody has changed, which no row stands for.
    pub version: i64,
    /// When they were last changed; moves with every change, by a millisecond at least.
    pub updated_at: Option<UnixMillis>,
    /// Every field.
    pub document: SettingsDocument,
}

/// What is wrong with a field of a patch, or with the field that the patch would leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The path of the field, such as `sessions.lifetime_seconds`.
    pub field: String,
    /// What is wrong.
    pub error: SettingError,
}

/// What can be wrong with a setting. Words complete a sentence that begins with the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// There is no such field.
    Unknown,
    /// The value does not have the form of its field.
    Form(String),
    /// It is not an origin that can be listed.
    Origin(&'static str),
    /// It asks for something that is not built.
    NotBuilt,
    /// It contradicts another setting.
    Contradicts(&'static str),
}

/// A rule that stored settings break. Seen only if stored data was damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenSettings(pub Vec<SettingProblem>);

impl Deref for Settings {
    type Target = SettingsDocument;

    fn deref(&self) -> &SettingsDocument {
        &self.document
    }
}

impl Settings {
    /// What an instance has before anybody changes anything.
    pub fn defaults(instance_id: InstanceId) -> Self {
        Self { instance_id, version: 0, updated_at: None, document: SettingsDocument::default() }
    }

    /// The settings after a merge patch (RFC 7396); null sets a field or a group back to its default. A patch that changes
    /// nothing leaves the version.
    ///
    /// # Errors
    /// Everything that is wrong; never empty. Then nothing is changed.
    pub fn patch(&self, patch: &Map<String, Value>, now: UnixMillis) -> Result<Self, Vec<SettingProblem>> {
        let problems = form::judge(patch);
        if !problems.is_empty() {
            return Err(problems);
        }
        let document = form::merged(&self.document, patch)?;
        let problems = rules::judge(&document);
        if !problems.is_empty() {
            return Err(problems);
        }
        if document == self.document {
            return Ok(self.clone());
        }
        let updated_at = self.updated_at.map_or(now, |before| now.max(before.plus_ms(1)));
        Ok(Self {
            instance_id: self.instance_id.clone(),
            version: self.version + 1,
            updated_at: Some(updated_at),
            document,
        })
    }

    /// The fields that are not at their default, as the patch that leads there.
    pub fn differing(&self) -> Map<String, Value> {
        form::difference(&SettingsDocument::default(), &self.document)
    }

    /// Looks at every rule. Runs after every load.
    ///
    /// # Errors
    /// The rules that are broken.
    pub fn check(&self) -> Result<(), BrokenSettings> {
        let problems = rules::judge(&self.document);
        if problems.is_empty() { Ok(()) } else { Err(BrokenSettings(problems)) }
    }

    /// Whether a right password on a new device needs a code as well. `can_send`: a sender is configured that a code could
    /// go out with.
    pub fn has_device_trust(&self, environment: Environment, can_send: bool) -> bool {
        match self.attack_protection.device_trust {
            Automatic::On => true,
            Automatic::Off => false,
            Automatic::Auto => {
                let has_code = self.first_factors.phone_code || self.first_factors.email_code;
                environment == Environment::Production && can_send && has_code
            }
        }
    }

    /// Whether requests are counted against rate limits.
    pub fn has_rate_limits(&self, environment: Environment) -> bool {
        environment == Environment::Production || self.attack_protection.rate_limits_in_development
    }
}

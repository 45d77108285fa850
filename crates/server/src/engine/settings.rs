//! Changing what an instance is set to.

use super::precondition::Versions;
use super::run::{Command, Engine, Outcome};
use crate::changes::Stamp;
use crate::error::Failure;
use crate::reasons::{PARAM_UNKNOWN, SETTING_NOT_BUILT};
use serde_json::{Map, Value};
use verger_core::Settings;
use verger_core::instance::check_cookie_domain_of;
use verger_core::settings::{SettingError, SettingProblem};
use verger_http::reasons::value_invalid;
use verger_store::{AggregateKey, Change, Write};
use verger_wire::{InstanceId, Refused};

/// A change of settings.
pub(crate) struct SettingsChange {
    /// The merge patch.
    pub(crate) patch: Map<String, Value>,
    /// Who changes them, and when.
    pub(crate) stamp: Stamp,
}

struct ChangeSettings<R> {
    change: SettingsChange,
    render: R,
}

impl Engine<'_> {
    /// Changes settings.
    pub(crate) async fn change_settings<T: Outcome>(
        &self,
        change: SettingsChange,
        render: impl Fn(&Settings) -> Result<T, Failure> + Send + Sync,
    ) -> Result<T, Failure> {
        self.carry_out(&ChangeSettings { change, render }).await
    }
}

impl<R, T> Command for ChangeSettings<R>
where
    R: Fn(&Settings) -> Result<T, Failure> + Send + Sync,
    T: Outcome,
{
    type Found = Settings;
    type Outcome = T;

    async fn load(&self, engine: &Engine<'_>) -> Result<Settings, Failure> {
        Ok(engine.scoped().settings(engine.deadline).await?)
    }

    fn keys(&self, found: &Settings) -> Vec<AggregateKey> {
        vec![AggregateKey::settings(&found.instance_id)]
    }

    fn versions(&self, found: &Settings) -> Versions {
        Versions::One(found.version)
    }

    async fn decide(&self, engine: &Engine<'_>, found: &Settings) -> Result<(Write, T), Failure> {
        let SettingsChange { patch, stamp } = &self.change;
        let after = found.patch(patch, stamp.at).map_err(refused)?;
        judge_cookie_domain(engine, found, &after).await?;
        let outcome = (self.render)(&after)?;
        let mut write = written(found, after, stamp)?;
        if engine.is_dry_run() {
            write.told.clear();
        }
        Ok((write, outcome))
    }
}

/// A cookie domain without effect is refused where it is set. Hosts can be added and removed afterwards.
async fn judge_cookie_domain(
    engine: &Engine<'_>,
    before: &Settings,
    after: &Settings,
) -> Result<(), Failure> {
    let (before, after) = (&before.document.frontend.cookie_domain, &after.document.frontend.cookie_domain);
    let Some(domain) = after.as_deref().filter(|_| before != after) else { return Ok(()) };
    let stored = engine.scoped().frontend_hosts(engine.deadline).await?;
    let hosts: Vec<_> = stored.into_iter().map(|stored| stored.host).collect();
    let why = check_cookie_domain_of(&hosts, domain);
    let field = "frontend.cookie_domain".to_owned();
    why.map_err(|why| refused(vec![SettingProblem { field, error: SettingError::Form(why) }]))
}

/// What an instance begins with that nobody has asked for anything yet, and what there is to write of it.
pub(crate) fn first_settings(
    instance: &InstanceId,
    SettingsChange { patch, stamp }: &SettingsChange,
) -> Result<(Settings, Write), Failure> {
    let defaults = Settings::defaults(instance.clone());
    let first = defaults.patch(patch, stamp.at).map_err(refused)?;
    let write = written(&defaults, first.clone(), stamp)?;
    Ok((first, write))
}

fn written(before: &Settings, after: Settings, stamp: &Stamp) -> Result<Write, Failure> {
    let mut write = Write::at(stamp.at);
    if after.version != before.version {
        let told = stamp.clone().settings(before, &after);
        write.told.extend(told.map_err(|error| Failure::Bug(error.to_string()))?);
        write.changes.push(Change::update(before.clone(), after).into());
    }
    Ok(write)
}

/// Everything that is wrong, each with its field.
pub(crate) fn refused(problems: Vec<SettingProblem>) -> Failure {
    let refused = problems.into_iter().map(|SettingProblem { field, error }| {
        let refused = match error {
            SettingError::Unknown => Refused::new(&PARAM_UNKNOWN),
            SettingError::NotBuilt => Refused::new(&SETTING_NOT_BUILT),
            SettingError::Form(why) => value_invalid(why),
            SettingError::Origin(why) | SettingError::Contradicts(why) => value_invalid(why),
        };
        refused.param(field)
    });
    Failure::Fields(refused.collect())
}

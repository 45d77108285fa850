//! The instance as an operator sees it: what it is, what it is set to, and the keys that sign for it.

use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::{KeyAction, KeyChange, SettingsChange, Writing};
use crate::error::Failure;
use crate::instances::facts::InstanceFacts;
use crate::operation::operations;
use crate::reasons::*;
use std::time::Instant;
use verger_core::jwt_template::TEMPLATES_MAX;
use verger_core::signing_key::KeyState;
use verger_core::{FrontendHost, JwtTemplate, Settings};
use verger_store::{Instance, KeySet, Scoped, StoreError, StoredSigningKey};
use verger_wire::input::NoParams;
use verger_wire::instance::{
    FrontendHost as ShownHost, RetireSigningKeyParams, RotateSigningKeyParams, SigningKey, VergerInstance,
};
use verger_wire::settings::{InstanceSettings, UpdateSettingsParams};
use verger_wire::{SigningKeyId, UnixMillis};

operations! {
    /// Read the instance with its hosts
    ///
    /// The instance of the secret key: its frontend hosts with their publishable keys, and who may use them.
    VergerGetInstance: GET "/verger/v1/instance" in "Instance" {
        caller: SecretKey,
        input: NoParams,
        output: VergerInstance, "The instance.",
        run: instance,
    }

    /// Read the settings
    ///
    /// Every setting of the instance, whether it was set or not.
    VergerGetSettings: GET "/verger/v1/settings" in "Instance" {
        caller: SecretKey,
        input: NoParams,
        output: InstanceSettings, "The settings.",
        headers: TAGGED | NOT_MODIFIED,
        run: settings,
    }

    /// Change settings
    ///
    /// A merge patch: only what it names changes, and null restores a default. A setting that contradicts another is refused
    /// with the reason.
    VergerUpdateSettings: PATCH "/verger/v1/settings" in "Instance" {
        caller: SecretKey,
        input: UpdateSettingsParams,
        output: InstanceSettings, "The settings afterwards.",
        headers: TAGGED | IF_MATCH | DRY_RUN | IDEMPOTENT,
        refuses: [SETTING_NOT_BUILT],
        run: update_settings,
    }

    /// List signing keys
    ///
    /// Every key that signs tokens of the instance or did so, without private halves; in the order in which they sign.
    VergerListSigningKeys: GET "/verger/v1/signing_keys" in "Instance" {
        caller: SecretKey,
        input: NoParams,
        output: Vec<SigningKey>, "The keys.",
        run: signing_keys,
    }

    /// Rotate the signing key
    ///
    /// Publishes a new key at once, which signs later: verifiers keep what they know of keys for minutes. The key before it
    /// stays published until its tokens have expired. Programs that verify with `CLERK_JWT_KEY` need the new `public_key_pem`
    /// at `signs_at`.
    VergerRotateSigningKey: POST "/verger/v1/signing_keys" in "Instance" {
        caller: SecretKey,
        input: RotateSigningKeyParams,
        output: SigningKey, "The new key.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [ROTATION_PENDING],
        run: rotate,
    }

    /// Retire a signing key
    ///
    /// Takes a key out of the published set. One that signs, or whose tokens may be valid, only with `now`; if nothing else
    /// can sign, a new key signs from then on.
    VergerRetireSigningKey: POST "/verger/v1/signing_keys/{signing_key_id}/retire" in "Instance" {
        caller: SecretKey,
        path: SigningKeyId,
        input: RetireSigningKeyParams,
        output: SigningKey, "The retired key.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [SIGNING_KEY_IN_USE, SIGNING_KEY_RETIRED],
        run: retire,
    }
}

async fn instance(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    let instance = &call.context.instance;
    let facts = call.app.read_facts(instance, call.context.deadline).await?;
    Answer::json(&shown_instance(instance, &facts))
}

async fn settings(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let settings = scoped.settings(call.context.deadline).await?;
    if call.has_version(settings.version) {
        let answer = Answer { is_not_modified: true, ..Answer::default() };
        return Ok(answer.tagged(settings.version));
    }
    shown_settings(&settings)
}

async fn update_settings(call: Call<SecretKey, (), UpdateSettingsParams>) -> Result<Answer, Failure> {
    let patch = call.read()?.finish()?.into_patch();
    change_settings(&call, patch, shown_settings).await
}

/// Changes settings, whichever operation asks for it.
pub(crate) async fn change_settings(
    call: &KeyRequest,
    patch: serde_json::Map<String, serde_json::Value>,
    render: impl Fn(&Settings) -> Result<Answer, Failure> + Send + Sync,
) -> Result<Answer, Failure> {
    let writing = Writing::of(call)?;
    // What an operator sets goes by real time, also where the clock of the instance was moved.
    let change = SettingsChange { patch, stamp: writing.stamp(call.app.clock.now()) };
    let answer = writing.engine.change_settings(change, render).await;
    call.app.instances.forget(&call.context.instance.id);
    answer
}

async fn signing_keys(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    let set = call.app.key_set(&call.context.instance.id, call.context.deadline).await?;
    Answer::json(&shown_keys(&set, call.app.clock.now()))
}

async fn rotate(call: Call<SecretKey, (), RotateSigningKeyParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let long_lived =
        long_lived_templates(call.app.store.instance(&call.context.instance.id), call.context.deadline);
    let long_lived = long_lived.await?;
    change_keys(&call, KeyAction::Rotate { signs_at: input.signs_at.map(UnixMillis) }, long_lived).await
}

async fn retire(call: Call<SecretKey, SigningKeyId, RetireSigningKeyParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let at_once = input.now.unwrap_or(false);
    change_keys(&call, KeyAction::Retire { id: call.path.clone(), at_once }, Vec::new()).await
}

/// The names of the JWT templates whose tokens can outlive the key that signed them (contract section 1).
pub(crate) async fn long_lived_templates(
    scoped: Scoped<'_>,
    deadline: Instant,
) -> Result<Vec<String>, StoreError> {
    let most = i64::try_from(TEMPLATES_MAX).unwrap_or(i64::MAX);
    let (templates, _) = scoped.jwt_templates(most, 0, deadline).await?;
    let long_lived = templates.into_iter().filter(JwtTemplate::can_outlive_its_key);
    Ok(long_lived.map(|template| template.name).collect())
}

async fn change_keys(
    call: &KeyRequest,
    action: KeyAction,
    long_lived_templates: Vec<String>,
) -> Result<Answer, Failure> {
    let writing = Writing::of(call)?;
    let (app, instance) = (&call.app, &call.context.instance.id);
    // There is a key to rotate from.
    app.key_set(instance, call.context.deadline).await?;
    let now = app.clock.now();
    let (new_id, stamp) = (app.env().signing_key_id(), writing.stamp(now));
    let change = KeyChange { action, new_id, keyring: &app.keyring, stamp };
    let render = |set: &KeySet, about: &SigningKeyId| {
        let shown = shown_keys(set, now).into_iter().find(|key| key.id == about.as_str());
        let shown = shown.ok_or_else(|| Failure::Bug("a changed signing key is gone".to_owned()))?;
        Answer::json(&SigningKey { long_lived_templates: long_lived_templates.clone(), ..shown })
    };
    let answer = writing.engine.change_signing_keys(change, render).await;
    app.instances.forget(instance);
    answer
}

pub(crate) fn shown_settings(settings: &Settings) -> Result<Answer, Failure> {
    let shown = InstanceSettings {
        object: "settings".to_owned(),
        instance_id: settings.instance_id.to_string(),
        version: settings.version,
        updated_at: settings.updated_at,
        document: settings.document.clone(),
    };
    Ok(Answer::json(&shown)?.tagged(settings.version))
}

pub(crate) fn shown_instance(instance: &Instance, facts: &InstanceFacts) -> VergerInstance {
    let key = |host: &FrontendHost| host.publishable_key(instance.environment);
    VergerInstance {
        object: "instance".to_owned(),
        id: instance.id.to_string(),
        name: instance.name.clone(),
        environment: instance.environment.as_str().to_owned(),
        frontend_hosts: facts
            .hosts
            .iter()
            .map(|host| ShownHost {
                host: host.to_string(),
                url: facts.url_of(host),
                publishable_key: key(host),
            })
            .collect(),
        publishable_key: facts.hosts.first().map(key),
        cookie_domain: facts.cookie_domain(),
        allowed_origins: facts.settings.frontend.allowed_origins.clone(),
        created_at: instance.created_at,
    }
}

/// The keys in the order in which they sign.
pub(crate) fn shown_keys(set: &KeySet, now: UnixMillis) -> Vec<SigningKey> {
    let core = set.to_core();
    let stored = |id: &SigningKeyId| set.keys.iter().find(|stored| stored.key.id == *id);
    core.all()
        .iter()
        .filter_map(|key| Some((key, stored(&key.id)?)))
        .map(|(key, StoredSigningKey { public_key, .. })| {
            let state = core.state_at(key, now);
            SigningKey {
                object: "signing_key".to_owned(),
                id: key.id.to_string(),
                state: state.as_str().to_owned(),
                public_key_pem: public_key.clone(),
                created_at: key.created_at,
                signs_at: key.signs_at,
                published_until: core.published_until(key).filter(|_| state != KeyState::Retired),
                retired_at: key.retired_at,
                long_lived_templates: Vec::new(),
            }
        })
        .collect()
}

//! The instance as the documented API shows and changes it: each change is one of its settings.

use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::error::Failure;
use crate::operation::operations;
use crate::own::settings::change_settings;
use crate::reasons::*;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use verger_core::phone_number::is_region;
use verger_core::{Environment, Settings};
use verger_http::input::Read;
use verger_http::reasons::value_invalid;
use verger_wire::input::{NoParams, Nothing};
use verger_wire::instance::{
    BetaInstanceSettings, Domain, Domains, Instance, InstanceCommunication, InstanceRestrictions,
    TestingToken, UpdateBetaInstanceSettingsParams, UpdateInstanceCommunicationParams, UpdateInstanceParams,
    UpdateInstanceRestrictionsParams,
};
use verger_wire::settings::SignUpMode;
use verger_wire::{DomainId, InstanceId, NoContent};

/// How long a testing token can be used, in seconds.
const TESTING_TOKEN_SECONDS: i64 = 60 * 60;

operations! {
    /// Read the instance
    ///
    /// The instance of the secret key.
    GetInstance: GET "/v1/instance" in "Instance Settings" {
        caller: SecretKey,
        output: Instance, "The instance.",
        adds: [400, 401],
        run: get,
    }

    /// Change the instance
    ///
    /// What is absent or null stays as it is. The answer has no body.
    UpdateInstance: PATCH "/v1/instance" in "Instance Settings" {
        caller: SecretKey,
        input: UpdateInstanceParams,
        output: NoContent, "The instance was changed.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401],
        run: update,
    }

    /// Change who may sign up
    ///
    /// What is absent or null stays as it is.
    UpdateInstanceRestrictions: PATCH "/v1/instance/restrictions" in "Instance Settings" {
        caller: SecretKey,
        input: UpdateInstanceRestrictionsParams,
        output: InstanceRestrictions, "The restrictions afterwards.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [SETTING_NOT_BUILT],
        adds: [400, 401, 403],
        run: update_restrictions,
    }

    /// Read where text messages go
    ///
    /// The countries to which no text message is sent.
    GetInstanceCommunication: GET "/v1/instance/communication" in "Instance Settings" {
        caller: SecretKey,
        output: InstanceCommunication, "The settings.",
        adds: [400, 401],
        run: communication,
    }

    /// Change where text messages go
    ///
    /// Replaces the list of countries to which no text message is sent. Without a list nothing changes.
    UpdateInstanceCommunication: PATCH "/v1/instance/communication" in "Instance Settings" {
        caller: SecretKey,
        input: UpdateInstanceCommunicationParams,
        output: InstanceCommunication, "The settings afterwards.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401],
        run: update_communication,
    }

    /// Change settings that are in beta
    ///
    /// What is absent or null stays as it is.
    UpdateInstanceAuthConfig: PATCH "/v1/beta_features/instance_settings" in "Beta Features" {
        caller: SecretKey,
        input: UpdateBetaInstanceSettingsParams,
        output: BetaInstanceSettings, "The settings afterwards.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [400, 401],
        run: update_beta,
    }

    /// List domains
    ///
    /// The frontend hosts of the instance. There are no satellites.
    ListDomains: GET "/v1/domains" in "Domains" {
        caller: SecretKey,
        input: NoParams,
        output: Domains, "The domains.",
        adds: [400, 401, 422],
        run: domains,
    }

    /// Create a testing token
    ///
    /// A token for `__clerk_testing_token`. Development instances accept it, and work without it as well; production
    /// instances ignore it.
    CreateTestingToken: POST "/v1/testing_tokens" in "Testing Tokens" {
        caller: SecretKey,
        input: Nothing,
        output: TestingToken, "The token.",
        adds: [400, 401],
        run: testing_token,
    }
}

async fn get(call: Call<SecretKey>) -> Result<Answer, Failure> {
    let instance = &call.context.instance;
    let settings = call.app.store.instance(&instance.id).settings(call.context.deadline).await?;
    Answer::json(&Instance {
        object: "instance".to_owned(),
        id: instance.id.to_string(),
        environment_type: instance.environment.as_str().to_owned(),
        allowed_origins: Some(settings.frontend.allowed_origins.clone()),
        workspace_id: None,
    })
}

/// Test identifiers are a matter of the environment: what is asked for must be what is.
fn judge_test_mode<T>(input: &mut Read<T>, call: &KeyRequest, asked: impl FnOnce(&T) -> Option<bool>) {
    let is_development = call.context.instance.environment == Environment::Development;
    if asked(input).is_some_and(|asked| asked != is_development) {
        let why = "is a matter of the instance's environment: development accepts test identifiers, production does not";
        input.problem("test_mode", value_invalid(why));
    }
}

async fn update(call: Call<SecretKey, (), UpdateInstanceParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge_test_mode(&mut input, &call, |input| input.test_mode);
    let input = input.finish()?;
    // An empty text is none.
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let mut display = Map::new();
    if let Some(email) = &input.support_email {
        display.insert("support_email".to_owned(), text(email));
    }
    if let Some(version) = &input.clerk_js_version {
        display.insert("clerk_js_version".to_owned(), text(version));
    }
    if let Some(strategy) = &input.preferred_sign_in_strategy_when_password_required {
        display.insert("preferred_sign_in_strategy".to_owned(), text(strategy));
    }
    let mut patch = Map::from_iter([("display".to_owned(), Value::Object(display))]);
    if let Some(origins) = input.allowed_origins {
        patch.insert("frontend".to_owned(), json!({ "allowed_origins": origins }));
    }
    let answer = change_settings(&call, patch, |_| {
        Ok(Answer { status: Some(StatusCode::NO_CONTENT), ..Answer::default() })
    });
    answer.await.map_err(|failure| renamed(failure, &NAMES_OF_INSTANCE))
}

/// What settings are called in the documented operations.
const NAMES_OF_INSTANCE: [(&str, &str); 4] = [
    ("display.support_email", "support_email"),
    ("display.clerk_js_version", "clerk_js_version"),
    ("display.preferred_sign_in_strategy", "preferred_sign_in_strategy_when_password_required"),
    ("frontend.allowed_origins", "allowed_origins"),
];

/// A refused setting under the name that the request has for it.
fn renamed(failure: Failure, names: &[(&str, &str)]) -> Failure {
    let Failure::Fields(mut fields) = failure else { return failure };
    for refused in &mut fields {
        let Some(param) = refused.param_name.as_deref() else { continue };
        let known =
            names.iter().find_map(|(setting, name)| Some(format!("{name}{}", param.strip_prefix(setting)?)));
        let name = known.unwrap_or_else(|| param.rsplit('.').next().unwrap_or_default().to_owned());
        refused.param_name = Some(name.into());
    }
    Failure::Fields(fields)
}

async fn update_restrictions(
    call: Call<SecretKey, (), UpdateInstanceRestrictionsParams>,
) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    // What is absent stays, and null does as well.
    let restrictions = serde_json::to_value(&input).map_err(|error| Failure::Bug(error.to_string()))?;
    let patch = Map::from_iter([("restrictions".to_owned(), restrictions)]);
    let answer = change_settings(&call, patch, |settings| {
        let of = &settings.restrictions;
        Answer::json(&InstanceRestrictions {
            object: "instance_restrictions".to_owned(),
            allowlist: of.allowlist,
            blocklist: of.blocklist,
            allowlist_blocklist_disabled_on_sign_in: of.allowlist_blocklist_disabled_on_sign_in,
            block_email_subaddresses: of.block_email_subaddresses,
            block_disposable_email_domains: of.block_disposable_email_domains,
        })
    });
    answer.await.map_err(|failure| renamed(failure, &[]))
}

fn shown_communication(settings: &Settings) -> Result<Answer, Failure> {
    Answer::json(&InstanceCommunication {
        object: "instance_communication".to_owned(),
        blocked_country_codes: settings.communication.blocked_country_codes.clone(),
    })
}

async fn communication(call: Call<SecretKey>) -> Result<Answer, Failure> {
    let scoped = call.app.store.instance(&call.context.instance.id);
    shown_communication(&scoped.settings(call.context.deadline).await?)
}

async fn update_communication(
    call: Call<SecretKey, (), UpdateInstanceCommunicationParams>,
) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let codes = input.blocked_country_codes.clone();
    if codes.as_ref().is_some_and(|codes| !codes.iter().all(is_code)) {
        input.problem(
            "blocked_country_codes",
            value_invalid("must be a list of codes of two upper-case letters"),
        );
    }
    let is_unique =
        |codes: &Vec<String>| codes.iter().enumerate().all(|(at, code)| !codes[..at].contains(code));
    if codes.as_ref().is_some_and(|codes| !is_unique(codes)) {
        input.problem("blocked_country_codes", value_invalid("must not have a code twice"));
    }
    let mut patch = Map::new();
    if let Some(mut codes) = input.finish()?.blocked_country_codes {
        codes.retain(|code| is_region(code));
        patch.insert("communication".to_owned(), json!({ "blocked_country_codes": codes }));
    }
    change_settings(&call, patch, shown_communication).await
}

async fn update_beta(call: Call<SecretKey, (), UpdateBetaInstanceSettingsParams>) -> Result<Answer, Failure> {
    let mut input = call.read()?;
    judge_test_mode(&mut input, &call, |input| input.test_mode);
    if input.progressive_sign_up == Some(false) {
        input.problem("progressive_sign_up", value_invalid("can only be true: sign-ups are made in steps"));
    }
    let input = input.finish()?;
    let mut patch = Map::new();
    if let Some(is_restricted) = input.restricted_to_allowlist {
        let mode = if is_restricted { SignUpMode::Restricted } else { SignUpMode::Public };
        patch.insert("sign_up".to_owned(), json!({ "mode": mode.as_str() }));
        patch.insert("restrictions".to_owned(), json!({ "allowlist": is_restricted }));
    }
    let id = call.context.instance.id.to_string();
    change_settings(&call, patch, |settings| {
        Answer::json(&BetaInstanceSettings {
            object: "instance_settings".to_owned(),
            id: id.clone(),
            restricted_to_allowlist: settings.restrictions.allowlist,
            from_email_address: String::new(),
            progressive_sign_up: true,
            enhanced_email_deliverability: false,
        })
    })
    .await
}

async fn domains(call: Call<SecretKey, (), NoParams>) -> Result<Answer, Failure> {
    call.read()?.finish()?;
    let (instance, deadline) = (&call.context.instance, call.context.deadline);
    let facts = call.app.read_facts(instance, deadline).await?;
    let stored = call.app.store.instance(&instance.id).frontend_hosts(deadline).await?;
    let data: Vec<_> = facts
        .hosts
        .iter()
        .map(|host| Domain {
            object: "domain".to_owned(),
            id: stored
                .iter()
                .find(|stored| stored.host == *host)
                .map_or_else(|| domain_of_development(&instance.id), |stored| stored.id.to_string()),
            name: host.to_string(),
            is_satellite: false,
            frontend_api_url: facts.url_of(host),
            accounts_portal_url: Some(facts.url_of(host)),
            proxy_url: None,
            development_origin: String::new(),
            cname_targets: Some(Vec::new()),
        })
        .collect();
    let total_count = i64::try_from(data.len()).unwrap_or(i64::MAX);
    Answer::json(&Domains { data, total_count })
}

/// The id of the host of `verger dev`, which is stored nowhere: it stays the same as long as the instance.
fn domain_of_development(instance: &InstanceId) -> String {
    let id = instance.as_str();
    format!("{}{}", DomainId::PREFIX, id.strip_prefix(InstanceId::PREFIX).unwrap_or(id))
}

async fn testing_token(call: Call<SecretKey, (), Nothing>) -> Result<Answer, Failure> {
    let now = call.app.clock.now().0.div_euclid(1000);
    Answer::json(&TestingToken {
        object: "testing_token".to_owned(),
        token: format!("{now}-c_{}", call.app.env().ksuid()),
        expires_at: now + TESTING_TOKEN_SECONDS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_development_has_the_id_of_a_domain() {
        let id = InstanceId::from("ins_3Dw7JOBTomM81IWXkXCZt7PRTFt");
        assert_eq!(domain_of_development(&id), "dmn_3Dw7JOBTomM81IWXkXCZt7PRTFt");
    }
}

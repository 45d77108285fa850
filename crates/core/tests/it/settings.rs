//! Settings: defaults, what a patch changes and what it may not, and that no sequence of patches leaves a contradiction.

use crate::random_sequences::config;
use crate::support::NOW;
use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::cell::Cell;
use verger_core::Environment;
use verger_core::settings::{SettingError, SettingProblem, Settings};
use verger_wire::UnixMillis;
use verger_wire::settings::{Automatic, SettingsDocument, SignUpMode};

fn defaults() -> Settings {
    Settings::defaults("ins_1".into())
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

fn patched(patch: &Value) -> Settings {
    defaults().patch(object(patch), NOW).unwrap_or_else(|problems| panic!("{patch}: {problems:?}"))
}

fn refused(patch: &Value) -> Vec<SettingProblem> {
    defaults().patch(object(patch), NOW).expect_err(&patch.to_string())
}

fn words(problems: &[SettingProblem]) -> String {
    let line = |problem: &SettingProblem| {
        let words = match &problem.error {
            SettingError::Unknown => "does not exist",
            SettingError::Form(why) => why,
            SettingError::Origin(why) | SettingError::Contradicts(why) => why,
            SettingError::NotBuilt => "is not built",
        };
        format!("{} {words}\n", problem.field)
    };
    problems.iter().map(line).collect()
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = defaults();
    assert_eq!(settings.check(), Ok(()));
    let has = &settings.attributes;
    assert!(has.phone_number && has.email_address && has.username);
    assert!(!has.phone_number_required && !has.email_address_required && !has.username_required);
    let first = &settings.first_factors;
    assert!(first.phone_code && first.email_code && first.password);
    assert!(!first.email_link && !first.passkey && !first.social);
    let second = &settings.second_factors;
    assert!(second.phone_code && second.totp && second.backup_code && !second.required);
    assert_eq!(settings.sign_up.mode, SignUpMode::Public);
    let sessions = &settings.sessions;
    assert!(sessions.single);
    assert_eq!((sessions.lifetime_seconds, sessions.inactivity_timeout_seconds), (7 * 24 * 60 * 60, None));
    assert_eq!((sessions.token_lifetime_seconds, sessions.token_version), (60, 2));
    assert_eq!(sessions.reverification_minutes, 10);
    let protection = &settings.attack_protection;
    assert!(protection.user_lockout);
    assert_eq!((protection.user_lockout_attempts, protection.user_lockout_minutes), (100, 60));
    assert_eq!(protection.device_trust, Automatic::Auto);
    assert!(!protection.enumeration_protection && !protection.bot_protection);
    assert!(!settings.organizations.enabled);
    assert!(settings.differing().is_empty());
}

#[test]
fn device_trust_is_on_in_production_with_a_sender_unless_it_is_set() {
    let of = |patch: Value, environment, can_send| patched(&patch).has_device_trust(environment, can_send);
    let (development, production) = (Environment::Development, Environment::Production);
    let auto = json!({});
    assert!(of(auto.clone(), production, true));
    assert!(!of(auto.clone(), production, false) && !of(auto.clone(), development, true));
    let without_codes = json!({ "first_factors": { "phone_code": false, "email_code": false } });
    assert!(!of(without_codes, production, true));
    let set = |to: &str| json!({ "attack_protection": { "device_trust": to } });
    assert!(of(set("on"), development, false) && !of(set("off"), production, true));
    assert!(defaults().has_rate_limits(production) && !defaults().has_rate_limits(development));
    let limited = patched(&json!({ "attack_protection": { "rate_limits_in_development": true } }));
    assert!(limited.has_rate_limits(development));
}

#[test]
fn patch_changes_what_it_names_and_null_restores_the_default() {
    let before = patched(&json!({
        "sessions": { "single": false, "lifetime_seconds": 3600, "inactivity_timeout_seconds": 600 },
        "frontend": { "allowed_origins": ["https://app.example.com", "https://*.example.org"] },
    }));
    assert_eq!((before.version, before.updated_at), (1, Some(NOW)));
    assert_eq!(before.sessions.lifetime_seconds, 3600);
    let patch = json!({ "sessions": { "lifetime_seconds": null }, "frontend": null });
    let after = before.patch(object(&patch), NOW.plus_ms(-5)).expect("a good patch");
    assert_eq!((after.version, after.updated_at), (2, Some(NOW.plus_ms(1))));
    assert_eq!(after.sessions.lifetime_seconds, 604_800);
    assert_eq!(after.sessions.inactivity_timeout_seconds, Some(600));
    assert!(!after.sessions.single && after.frontend.allowed_origins.is_empty());
    let differing = json!({ "sessions": { "single": false, "inactivity_timeout_seconds": 600 } });
    assert_eq!(Value::Object(after.differing()), differing);
    // What differs leads there again.
    assert_eq!(patched(&differing).document, after.document);
    // Nothing new is no new version.
    let same = after.patch(object(&differing), NOW.plus_ms(9)).expect("a good patch");
    assert_eq!(same, after);
}

#[test]
fn values_without_the_form_of_their_field_are_refused_all_at_once() {
    let problems = refused(&json!({
        "unknown": 1,
        "sessions": {
            "lifetime_seconds": 299, "token_lifetime_seconds": "60", "token_version": 3, "single": 1, "other": null,
            "inactivity_timeout_seconds": 1.5,
        },
        "sign_up": { "mode": "closed" },
        "frontend": { "allowed_origins": "https://app.example.com" },
        "communication": { "blocked_country_codes": [1] },
        "display": { "home_url": 5, "terms_url": "a\nb", "help_url": "x".repeat(2_001) },
        "password": [],
    }));
    expect![[r#"
        unknown does not exist
        sessions.lifetime_seconds must be a whole number from 300 to 315360000
        sessions.token_lifetime_seconds must be a whole number from 30 to 3600
        sessions.token_version must be a whole number from 1 to 2
        sessions.single must be true or false
        sessions.other does not exist
        sessions.inactivity_timeout_seconds must be a whole number from 300 to 315360000
        sign_up.mode must be one of public, restricted, waitlist
        frontend.allowed_origins must be a list of strings
        communication.blocked_country_codes must be a list of strings
        display.home_url must be a string
        display.terms_url must not have control characters in it
        display.help_url may have at most 2000 characters
        password must be an object
    "#]]
    .assert_eq(&words(&problems));
}

#[test]
fn contradictions_are_refused_with_the_reason() {
    let mut seen = String::new();
    for patch in [
        json!({ "attributes": { "phone_number": false } }),
        json!({ "attributes": { "email_address": false, "email_address_required": true } }),
        json!({ "attributes": { "username": false, "username_required": true } }),
        json!({ "attributes": { "first_name": false, "first_name_required": true, "last_name": false, "last_name_required": true } }),
        json!({ "attributes": { "password_required": true }, "first_factors": { "password": false } }),
        json!({
            "attributes": { "phone_number": false, "email_address": false, "username": false },
            "first_factors": { "phone_code": false, "email_code": false, "password": false },
            "second_factors": { "phone_code": false, "totp": false, "required": true },
            "attack_protection": { "device_trust": "on" },
        }),
        json!({ "sessions": { "lifetime_seconds": 600, "inactivity_timeout_seconds": 601, "token_lifetime_seconds": 601 } }),
        json!({ "password": { "min_length": 20, "max_length": 10 }, "username": { "min_length": 20, "max_length": 10 } }),
    ] {
        let problems = refused(&patch);
        assert!(problems.iter().all(|problem| matches!(problem.error, SettingError::Contradicts(_))));
        seen.push_str(&words(&problems));
        seen.push('\n');
    }
    expect![[r#"
        first_factors.phone_code cannot be on while attributes.phone_number is off
        second_factors.phone_code cannot be on while attributes.phone_number is off

        attributes.email_address_required cannot be on while attributes.email_address is off
        first_factors.email_code cannot be on while attributes.email_address is off

        attributes.username_required cannot be on while attributes.username is off

        attributes.first_name_required cannot be on while attributes.first_name is off
        attributes.last_name_required cannot be on while attributes.last_name is off

        attributes.password_required cannot be on while first_factors.password is off

        attributes must have phone_number, email_address or username on: users need an identifier
        first_factors must have phone_code, email_code or password on: nobody could sign in
        second_factors.backup_code cannot be on without second_factors.phone_code or second_factors.totp, beside which codes are used
        second_factors.required cannot be on without second_factors.phone_code or second_factors.totp: nobody could set one up
        attack_protection.device_trust cannot be on without first_factors.phone_code or first_factors.email_code, which prove a device

        sessions.inactivity_timeout_seconds cannot be greater than sessions.lifetime_seconds, which ends the session before
        sessions.token_lifetime_seconds cannot be greater than sessions.lifetime_seconds

        username.min_length cannot be greater than username.max_length
        password.min_length cannot be greater than password.max_length

    "#]]
    .assert_eq(&seen);
}

#[test]
fn what_is_not_built_cannot_be_switched_on() {
    for (group, field, on) in [
        ("first_factors", "email_link", json!(true)),
        ("first_factors", "passkey", json!(true)),
        ("first_factors", "social", json!(true)),
        ("sign_up", "mode", json!("waitlist")),
        ("restrictions", "block_disposable_email_domains", json!(true)),
        ("attack_protection", "enumeration_protection", json!(true)),
        ("attack_protection", "bot_protection", json!(true)),
        ("organizations", "enabled", json!(true)),
    ] {
        let problems = refused(&json!({ group: { field: on } }));
        let expected = SettingProblem { field: format!("{group}.{field}"), error: SettingError::NotBuilt };
        assert_eq!(problems, [expected]);
        // Off is what it is.
        let off = if field == "mode" { json!("public") } else { json!(false) };
        assert_eq!(patched(&json!({ group: { field: off } })).document, defaults().document);
    }
}

#[test]
fn items_of_lists_are_judged_one_by_one() {
    let problems = refused(&json!({
        "frontend": { "allowed_origins": ["https://a.example", "https://a.example/", "https://a.example", "*"] },
        "communication": { "blocked_country_codes": ["DE", "de", "XX", "DE"] },
        "display": { "support_email": "nobody", "home_url": "javascript:alert(1)", "application_name": " " },
    }));
    expect![[r#"
        frontend.allowed_origins[1] must be an origin such as https://app.example.com, without a path
        frontend.allowed_origins[2] stands in the list twice
        frontend.allowed_origins[3] must be an origin such as https://app.example.com, without a path
        communication.blocked_country_codes[1] must be a code of ISO 3166-1 alpha-2, in upper case
        communication.blocked_country_codes[2] must be a code of ISO 3166-1 alpha-2, in upper case
        communication.blocked_country_codes[3] stands in the list twice
        display.home_url must be a URL that begins with https:// or http://, or null
        display.support_email must be an email address, or null
        display.application_name must have 1 to 100 characters, or be null
    "#]]
    .assert_eq(&words(&problems));
    let many: Vec<_> = (0..101).map(|at| format!("https://a{at}.example")).collect();
    let problems = refused(&json!({ "frontend": { "allowed_origins": many } }));
    assert_eq!(words(&problems), "frontend.allowed_origins may have at most 100 items\n");
}

#[test]
fn stored_settings_that_contradict_themselves_are_damaged() {
    let mut settings = defaults();
    settings.document.attributes.phone_number = false;
    assert!(settings.check().is_err());
}

/// Any value that some field could take, and some that none can.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any::<bool>().prop_map(Value::from),
        3 => prop_oneof![Just(0), Just(1), Just(2), 8..100_i64, 300..700_000_i64].prop_map(Value::from),
        2 => Just(Value::Null),
        1 => prop_oneof![Just("auto"), Just("on"), Just("off"), Just("public"), Just("restricted"), Just("otp"),
            Just("https://a.example"), Just("")].prop_map(Value::from),
        1 => proptest::collection::vec(prop_oneof![Just("https://a.example"), Just("DE"), Just("x")], 0..3)
            .prop_map(Value::from),
    ]
}

fn patch() -> impl Strategy<Value = Value> {
    let document = serde_json::to_value(SettingsDocument::default()).expect("an object");
    let mut paths = Vec::new();
    for (group, fields) in object(&document) {
        paths.push((group.clone(), None));
        paths.extend(object(fields).keys().map(|field| (group.clone(), Some(field.clone()))));
    }
    let change = (proptest::sample::select(paths), value());
    proptest::collection::vec(change, 1..4).prop_map(|changes| {
        let mut patch = json!({});
        for ((group, field), value) in changes {
            match field {
                Some(field) if patch[&group].is_object() => patch[&group][&field] = value,
                Some(field) => patch[&group] = json!({ field: value }),
                None => patch[&group] = Value::Null,
            }
        }
        patch
    })
}

#[test]
fn any_sequence_of_patches_leaves_a_consistent_document() {
    let mut runner = TestRunner::new(ProptestConfig { cases: config().cases / 20, ..config() });
    let (accepted, refused) = (Cell::new(0_u32), Cell::new(0_u32));
    let sequences = proptest::collection::vec((patch(), 0..3_i64), 1..20);
    runner
        .run(&sequences, |sequence| {
            let (mut settings, mut now) = (defaults(), NOW);
            for (patch, later) in sequence {
                now = UnixMillis(now.0 + later);
                match settings.patch(object(&patch), now) {
                    Ok(after) => {
                        accepted.set(accepted.get() + 1);
                        prop_assert_eq!(after.check(), Ok(()));
                        let is_same = after.document == settings.document;
                        prop_assert_eq!(after.version, settings.version + i64::from(!is_same));
                        prop_assert!(is_same || after.updated_at > settings.updated_at);
                        // Whoever knows what differs from the defaults knows everything.
                        let again = defaults().patch(&after.differing(), now);
                        prop_assert_eq!(again.map(|again| again.document), Ok(after.document.clone()));
                        settings = after;
                    }
                    Err(problems) => {
                        refused.set(refused.get() + 1);
                        prop_assert!(!problems.is_empty());
                        prop_assert!(
                            problems.iter().all(|problem| !problem.field.is_empty()),
                            "{:?}",
                            problems
                        );
                    }
                }
            }
            Ok(())
        })
        .expect("every sequence");
    let (accepted, refused) = (accepted.get(), refused.get());
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

//! What settings may not be together, and which are not built.

use super::{SettingError, SettingProblem, form};
use crate::email::Email;
use crate::instance::check_cookie_domain;
use crate::origin::OriginPattern;
use std::collections::HashSet;
use verger_wire::settings::{Automatic, SettingsDocument, SignUpMode};

/// The most characters of the name of the application.
const NAME_CHARACTERS_MAX: usize = 100;
/// The most characters of the version of a script.
const VERSION_CHARACTERS_MAX: usize = 64;

/// Everything that is wrong with a document whose fields have the form that they should.
pub(super) fn judge(document: &SettingsDocument) -> Vec<SettingProblem> {
    let mut problems = Problems(Vec::new());
    problems.not_built(document);
    problems.attributes(document);
    problems.factors(document);
    problems.sessions(document);
    problems.lists(document);
    problems.shown(document);
    problems.0
}

struct Problems(Vec<SettingProblem>);

impl Problems {
    fn note(&mut self, field: impl Into<String>, error: SettingError) {
        self.0.push(SettingProblem { field: field.into(), error });
    }

    fn contradiction(&mut self, is_one: bool, field: &str, why: &'static str) {
        if is_one {
            self.note(field, SettingError::Contradicts(why));
        }
    }

    fn not_built(&mut self, document: &SettingsDocument) {
        let protection = &document.attack_protection;
        for (field, is_on) in [
            ("first_factors.email_link", document.first_factors.email_link),
            ("first_factors.passkey", document.first_factors.passkey),
            ("first_factors.social", document.first_factors.social),
            ("sign_up.mode", document.sign_up.mode == SignUpMode::Waitlist),
            (
                "restrictions.block_disposable_email_domains",
                document.restrictions.block_disposable_email_domains,
            ),
            ("attack_protection.enumeration_protection", protection.enumeration_protection),
            ("attack_protection.bot_protection", protection.bot_protection),
            ("organizations.enabled", document.organizations.enabled),
        ] {
            if is_on {
                self.note(field, SettingError::NotBuilt);
            }
        }
    }

    fn attributes(&mut self, document: &SettingsDocument) {
        let has = &document.attributes;
        let has_none = !has.phone_number && !has.email_address && !has.username;
        self.contradiction(
            has_none,
            "attributes",
            "must have phone_number, email_address or username on: users need an identifier",
        );
        for (field, is_required, is_on, why) in [
            (
                "attributes.phone_number_required",
                has.phone_number_required,
                has.phone_number,
                "cannot be on while attributes.phone_number is off",
            ),
            (
                "attributes.email_address_required",
                has.email_address_required,
                has.email_address,
                "cannot be on while attributes.email_address is off",
            ),
            (
                "attributes.username_required",
                has.username_required,
                has.username,
                "cannot be on while attributes.username is off",
            ),
            (
                "attributes.password_required",
                has.password_required,
                document.first_factors.password,
                "cannot be on while first_factors.password is off",
            ),
            (
                "attributes.first_name_required",
                has.first_name_required,
                has.first_name,
                "cannot be on while attributes.first_name is off",
            ),
            (
                "attributes.last_name_required",
                has.last_name_required,
                has.last_name,
                "cannot be on while attributes.last_name is off",
            ),
        ] {
            self.contradiction(is_required && !is_on, field, why);
        }
        self.contradiction(
            document.username.min_length > document.username.max_length,
            "username.min_length",
            "cannot be greater than username.max_length",
        );
        self.contradiction(
            document.password.min_length > document.password.max_length,
            "password.min_length",
            "cannot be greater than password.max_length",
        );
    }

    fn factors(&mut self, document: &SettingsDocument) {
        let (first, second) = (&document.first_factors, &document.second_factors);
        let (has_numbers, has_addresses) =
            (document.attributes.phone_number, document.attributes.email_address);
        let has_device_trust = document.attack_protection.device_trust == Automatic::On;
        for (is_one, field, why) in [
            (
                !first.phone_code && !first.email_code && !first.password,
                "first_factors",
                "must have phone_code, email_code or password on: nobody could sign in",
            ),
            (
                first.phone_code && !has_numbers,
                "first_factors.phone_code",
                "cannot be on while attributes.phone_number is off",
            ),
            (
                first.email_code && !has_addresses,
                "first_factors.email_code",
                "cannot be on while attributes.email_address is off",
            ),
            (
                second.phone_code && !has_numbers,
                "second_factors.phone_code",
                "cannot be on while attributes.phone_number is off",
            ),
            (
                second.backup_code && !second.phone_code && !second.totp,
                "second_factors.backup_code",
                "cannot be on without second_factors.phone_code or second_factors.totp, beside which codes are used",
            ),
            (
                second.required && !second.phone_code && !second.totp,
                "second_factors.required",
                "cannot be on without second_factors.phone_code or second_factors.totp: nobody could set one up",
            ),
            (
                has_device_trust && !first.phone_code && !first.email_code,
                "attack_protection.device_trust",
                "cannot be on without first_factors.phone_code or first_factors.email_code, which prove a device",
            ),
        ] {
            self.contradiction(is_one, field, why);
        }
    }

    fn sessions(&mut self, document: &SettingsDocument) {
        let sessions = &document.sessions;
        self.contradiction(
            sessions.inactivity_timeout_seconds.is_some_and(|seconds| seconds > sessions.lifetime_seconds),
            "sessions.inactivity_timeout_seconds",
            "cannot be greater than sessions.lifetime_seconds, which ends the session before",
        );
        self.contradiction(
            sessions.token_lifetime_seconds > sessions.lifetime_seconds,
            "sessions.token_lifetime_seconds",
            "cannot be greater than sessions.lifetime_seconds",
        );
    }

    fn lists(&mut self, document: &SettingsDocument) {
        let mut seen = HashSet::new();
        for (at, origin) in document.frontend.allowed_origins.iter().enumerate() {
            let field = format!("frontend.allowed_origins[{at}]");
            if let Err(why) = OriginPattern::parse(origin) {
                self.note(field, SettingError::Origin(why));
            } else if !seen.insert(origin) {
                self.note(field, SettingError::Form("stands in the list twice".to_owned()));
            }
        }
        if let Some(domain) = document.frontend.cookie_domain.as_deref().filter(|domain| !domain.is_empty())
            && let Err(why) = check_cookie_domain(domain)
        {
            self.note("frontend.cookie_domain", SettingError::Form(why.to_owned()));
        }
        let mut seen = HashSet::new();
        for (at, code) in document.communication.blocked_country_codes.iter().enumerate() {
            let why = match (form::is_country(code), seen.insert(code)) {
                (false, _) if code == "UK" => "is not a code of ISO 3166-1: the United Kingdom is GB",
                (false, _) => "must be a code of ISO 3166-1 alpha-2, in upper case",
                (true, false) => "stands in the list twice",
                (true, true) => continue,
            };
            let field = format!("communication.blocked_country_codes[{at}]");
            self.note(field, SettingError::Form(why.to_owned()));
        }
    }

    /// What is shown to people or followed by their browser.
    fn shown(&mut self, document: &SettingsDocument) {
        let display = &document.display;
        for (name, url) in [
            ("home_url", &display.home_url),
            ("sign_in_url", &display.sign_in_url),
            ("sign_up_url", &display.sign_up_url),
            ("user_profile_url", &display.user_profile_url),
            ("after_sign_in_url", &display.after_sign_in_url),
            ("after_sign_up_url", &display.after_sign_up_url),
            ("after_sign_out_url", &display.after_sign_out_url),
            ("logo_link_url", &display.logo_link_url),
            ("logo_image_url", &display.logo_image_url),
            ("favicon_image_url", &display.favicon_image_url),
            ("help_url", &display.help_url),
            ("privacy_policy_url", &display.privacy_policy_url),
            ("terms_url", &display.terms_url),
        ] {
            let is_web = |url: &str| crate::origin::Origin::of_url(url).is_ok();
            if url.as_deref().is_some_and(|url| !is_web(url)) {
                let why = "must be a URL that begins with https:// or http://, or null".to_owned();
                self.note(format!("display.{name}"), SettingError::Form(why));
            }
        }
        if display.support_email.as_deref().is_some_and(|text| Email::parse(text).is_err()) {
            let why = "must be an email address, or null".to_owned();
            self.note("display.support_email", SettingError::Form(why));
        }
        let is_line = |text: &str, max| !text.trim().is_empty() && text.chars().count() <= max;
        for (name, text, max) in [
            ("application_name", &display.application_name, NAME_CHARACTERS_MAX),
            ("clerk_js_version", &display.clerk_js_version, VERSION_CHARACTERS_MAX),
        ] {
            if text.as_deref().is_some_and(|text| !is_line(text, max)) {
                let why = format!("must have 1 to {max} characters, or be null");
                self.note(format!("display.{name}"), SettingError::Form(why));
            }
        }
    }
}

//! Passwords, TOTP and backup codes of a user (contract section 3).

use crate::support::{Given, NOW, env_at};
use verger_core::credentials::{judge_enabled, judge_password, judge_requirement};
use verger_core::user::{NewUser, ProfileChange};
use verger_core::{
    Change, Claims, Consequence, CredentialsChange, GuessedFactor, NewPassword, Refusal, User, event,
};
use verger_credentials::{BackupCode, Hasher, Password, StoredDigest, TotpSecret};
use verger_wire::UnixMillis;
use verger_wire::settings::SettingsDocument;

const LATER: UnixMillis = UnixMillis(NOW.0 + 60_000);

fn digest() -> StoredDigest {
    StoredDigest::imported(Hasher::Md5, "d13a384bfba83709c2b4fe3747f1456f").unwrap()
}

fn password(judged: Option<&str>) -> CredentialsChange {
    let judged = judged.map(|text| Password::typed(text).unwrap());
    CredentialsChange { password: Some(NewPassword { judged, digest: digest() }), ..Default::default() }
}

fn totp() -> CredentialsChange {
    CredentialsChange { totp_secret: Some(TotpSecret::new([7; 20])), ..Default::default() }
}

fn codes(count: usize) -> CredentialsChange {
    let codes = (0..count).map(|at| BackupCode::import(&format!("code-{at}-of-mine")).unwrap());
    CredentialsChange { backup_codes: Some(codes.collect()), ..Default::default() }
}

fn set(user: &User, credentials: CredentialsChange) -> Result<Change, Refusal> {
    let change = ProfileChange { credentials, ..ProfileChange::default() };
    user.update(change, &Claims::default(), &mut env_at(NOW))
}

fn given(text: &str) -> User {
    Given::parse(text).user
}

#[test]
fn password_is_set_with_its_secret_and_told_without() {
    let user = given("a verified primary");
    let change = set(&user, password(Some("something else"))).unwrap();
    assert!(change.user.password_enabled());
    assert_eq!(change.user.credentials.password.map(|password| password.updated_at), Some(NOW));
    assert_eq!(change.secrets.password, Some(digest()));
    assert_eq!(change.user.version, user.version + 1);
    assert!(!format!("{:?}", change).contains("d13a"), "the digest is in what is logged");
    let events: Vec<_> =
        event::between(Some(&user), Some(&change.user)).iter().map(|e| e.kind.name()).collect();
    assert_eq!(events, ["user.updated"]);
}

#[test]
fn password_that_is_an_identifier_after_the_change_is_refused() {
    let user = given("a verified primary\nada@ verified\nusername ada-king");
    for refused in ["ADA@example.com", "+12025550100", "Ada-King"] {
        assert_eq!(set(&user, password(Some(refused))), Err(Refusal::PasswordMatchesIdentifier), "{refused}");
    }
    // What is not to be judged is not.
    assert!(set(&user, password(None)).is_ok());
    let change = ProfileChange {
        username: verger_wire::Patch::Set(verger_core::Username::parse("new-name-of-ada").unwrap()),
        credentials: password(Some("new-name-of-ada")),
        ..ProfileChange::default()
    };
    let refused = user.update(change.clone(), &Claims::default(), &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::PasswordMatchesIdentifier));
    let new = NewUser { profile: change, ..NewUser::default() };
    let refused = User::create(new, &Claims::default(), &mut env_at(NOW));
    assert_eq!(refused, Err(Refusal::PasswordMatchesIdentifier));
}

#[test]
fn user_is_created_with_credentials() {
    let credentials = CredentialsChange {
        password: password(None).password,
        totp_secret: totp().totp_secret,
        backup_codes: codes(10).backup_codes,
    };
    let profile = ProfileChange { credentials, ..ProfileChange::default() };
    let new = NewUser { profile, skip_user_requirement: true, ..NewUser::default() };
    let Change { user, secrets, .. } = User::create(new, &Claims::default(), &mut env_at(NOW)).unwrap();
    assert!(user.password_enabled() && user.totp_enabled() && user.backup_code_enabled());
    assert!(user.two_factor_enabled());
    assert_eq!(user.mfa_enabled_at, Some(NOW));
    assert_eq!((user.version, user.credentials.backup_codes_left), (1, 10));
    assert!(secrets.password.is_some() && secrets.totp_secret.is_some() && secrets.backup_codes.is_some());
}

#[test]
fn unlocking_opens_every_factor_and_a_new_secret_opens_its_own() {
    let user = given("a verified primary");
    for (change, factor) in [
        (password(None), GuessedFactor::Password),
        (totp(), GuessedFactor::Totp),
        (codes(3), GuessedFactor::BackupCodes),
    ] {
        assert_eq!(set(&user, change).unwrap().reopened, [factor]);
    }
    let env = &mut env_at(NOW);
    assert_eq!(user.set_locked(false, env).reopened, GuessedFactor::ALL);
    assert_eq!(user.set_locked(true, env).reopened, []);
    assert_eq!(user.remove_password(env).reopened, []);
}

#[test]
fn totp_is_a_second_factor_and_backup_codes_alone_are_none() {
    let user = given("a verified primary");
    let with_codes = set(&user, codes(3)).unwrap().user;
    assert!(with_codes.backup_code_enabled() && !with_codes.two_factor_enabled());
    let with_totp = set(&with_codes, totp()).unwrap().user;
    assert!(with_totp.two_factor_enabled());
    assert_eq!(with_totp.mfa_enabled_at, Some(NOW));
    let removed = with_totp.remove_totp(&mut env_at(LATER));
    assert!(!removed.user.two_factor_enabled() && !removed.user.backup_code_enabled());
    assert_eq!(removed.user.mfa_disabled_at, Some(LATER));
    assert_eq!(removed.consequences, [Consequence::MfaDisabled, Consequence::BackupCodesRemoved]);
    assert_eq!(removed.user.remove_totp(&mut env_at(LATER)).user, removed.user);
}

#[test]
fn number_that_goes_switches_mfa_off_only_when_no_totp_is_left() {
    let user = given("a verified primary\nb verified default_second_factor");
    let user = set(&set(&user, totp()).unwrap().user, codes(2)).unwrap().user;
    let b = crate::support::id("b");
    let gone = user.remove_identification(&b, &mut env_at(LATER)).unwrap();
    assert!(gone.user.two_factor_enabled() && gone.user.backup_code_enabled());
    assert_eq!(gone.consequences, []);
    // And the other way round.
    let removed = user.remove_totp(&mut env_at(LATER));
    assert!(removed.user.two_factor_enabled() && removed.user.backup_code_enabled());
    let both = removed.user.remove_identification(&b, &mut env_at(LATER)).unwrap();
    assert_eq!(both.consequences, [Consequence::MfaDisabled, Consequence::BackupCodesRemoved]);
}

#[test]
fn mfa_is_disabled_with_totp_and_backup_codes() {
    let user = given("a verified primary\nb verified default_second_factor");
    let user = set(&set(&user, totp()).unwrap().user, codes(2)).unwrap().user;
    let off = user.disable_mfa(&mut env_at(LATER));
    assert!(!off.user.totp_enabled() && !off.user.backup_code_enabled() && !off.user.two_factor_enabled());
    assert_eq!(off.consequences, []);
}

#[test]
fn password_is_compromised_until_another_is_set() {
    let mut env = env_at(LATER);
    let none = given("a verified primary");
    assert_eq!(none.set_password_compromised(true, &mut env), Err(Refusal::NoPassword));
    let user = set(&none, password(None)).unwrap().user;
    let known = user.set_password_compromised(true, &mut env).unwrap().user;
    let state = known.credentials.password.unwrap();
    assert_eq!((state.updated_at, state.compromised_at), (NOW, Some(LATER)));
    assert_eq!(known.set_password_compromised(true, &mut env).unwrap().user, known);
    let again = known.set_password_compromised(false, &mut env).unwrap().user;
    assert_eq!(again.credentials, user.credentials);
    let other = set(&known, password(None)).unwrap().user;
    assert_eq!(other.credentials.password.unwrap().compromised_at, None);
}

#[test]
fn password_is_removed_once() {
    let user = set(&given("a verified primary"), password(None)).unwrap().user;
    let removed = user.remove_password(&mut env_at(LATER)).user;
    assert!(!removed.password_enabled());
    assert_eq!(removed.remove_password(&mut env_at(LATER)).user, removed);
}

#[test]
fn backup_code_that_is_used_changes_the_user_only_if_it_was_the_last() {
    let user = set(&set(&given("a verified primary"), totp()).unwrap().user, codes(2)).unwrap().user;
    let used = user.use_backup_code(&env_at(LATER));
    assert_eq!(used.user, user);
    let mut last = user.clone();
    last.credentials.backup_codes_left = 1;
    let used = last.use_backup_code(&env_at(LATER)).user;
    assert_eq!((used.credentials.backup_codes_left, used.version), (0, user.version + 1));
    assert!(used.two_factor_enabled(), "the authenticator stays");
}

#[test]
fn settings_say_what_a_password_must_be_like() {
    let codes = |text: &str, settings: &SettingsDocument| {
        let refused = judge_password(&Password::typed(text).unwrap(), settings);
        assert!(refused.iter().all(|refused| refused.param_name.as_deref() == Some("password")));
        refused.iter().map(|refused| refused.reason.code).collect::<Vec<_>>()
    };
    let mut settings = SettingsDocument::default();
    assert_eq!(codes("short", &settings), ["form_password_length_too_short"]);
    assert_eq!(codes("password", &settings), ["form_password_pwned"]);
    assert_eq!(codes(&"x".repeat(73), &settings), ["form_password_length_too_long"]);
    assert_eq!(codes("nobody has this one", &settings), [""; 0]);
    settings.password.refuse_common = false;
    settings.password.min_length = 10;
    settings.password.require_lowercase = true;
    settings.password.require_uppercase = true;
    settings.password.require_numbers = true;
    settings.password.require_special_char = true;
    assert_eq!(
        codes("password", &settings),
        [
            "form_password_length_too_short",
            "form_password_no_uppercase",
            "form_password_no_number",
            "form_password_no_special_char"
        ]
    );
    assert_eq!(codes("PASSWORD12!", &settings), ["form_password_no_lowercase"]);
}

#[test]
fn password_is_required_where_the_settings_say_so() {
    let judge = |required: bool, only_way: bool, has_password, skip| {
        let mut settings = SettingsDocument::default();
        settings.attributes.password_required = required;
        settings.first_factors.phone_code = !only_way;
        settings.first_factors.email_code = !only_way;
        judge_requirement(&settings, has_password, skip)
    };
    for (required, only_way) in [(false, false), (true, false), (true, true), (false, true)] {
        assert_eq!(judge(required, only_way, true, false), Ok(()));
        assert_eq!(judge(required, only_way, true, true), Ok(()));
        let missing = if required { Err(Refusal::PasswordMissing) } else { Ok(()) };
        assert_eq!(judge(required, only_way, false, false), missing);
        let skipped = if only_way { Err(Refusal::PasswordIsOnlyWay) } else { Ok(()) };
        assert_eq!(judge(required, only_way, false, true), skipped);
    }
}

#[test]
fn credentials_that_an_instance_does_not_have_are_refused() {
    let all = |off: fn(&mut SettingsDocument)| {
        let mut settings = SettingsDocument::default();
        off(&mut settings);
        [password(None), totp(), codes(1)].map(|change| judge_enabled(&settings, &change))
    };
    let off = |param| Err(Refusal::CredentialDisabled { param });
    assert_eq!(all(|_| ()), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(all(|s| s.first_factors.password = false), [Err(Refusal::PasswordDisabled), Ok(()), Ok(())]);
    assert_eq!(all(|s| s.second_factors.totp = false), [Ok(()), off("totp_secret"), Ok(())]);
    assert_eq!(all(|s| s.second_factors.backup_code = false), [Ok(()), Ok(()), off("backup_codes")]);
}

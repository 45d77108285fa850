//! Users as text: a state is written down, a command runs on it, and what came of it is read as text again.
//!
//! A line is one identification, oldest first: a single letter is a phone number, a name that ends in `@` an email
//! address. Words after it: `unverified`, `reserved` or `verified`; `second_factor` or `default_second_factor`;
//! `primary`. Further lines: `username NAME`, `mfa_enabled`, `mfa_disabled` (at some time before), and
//! `elsewhere NAME` for what another user has claimed.

use expect_test::Expect;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::fmt::Write;
use verger_core::user::{
    IdentificationStatus, IdentificationUpdate, NewIdentification, NewUser, ProfileChange,
};
use verger_core::{
    Change, Claims, E164, Email, Env, Identification, Identifier, IdentifierKind, Refusal, SecondFactor,
    TestNumbers, User, Username, Verification,
};
use verger_wire::{IdentificationId, UnixMillis};

/// When the given state came to be.
pub(crate) const BEFORE: UnixMillis = UnixMillis(1_800_000_000_000);
/// When the command runs.
pub(crate) const NOW: UnixMillis = UnixMillis(1_800_000_060_000);

pub(crate) type Outcome = Result<Change, Refusal>;

/// A user and what others have claimed.
pub(crate) struct Given {
    pub(crate) user: User,
    pub(crate) claims: Claims,
}

/// Runs a command on a state and compares what came of it.
pub(crate) fn check(given: &str, command: impl FnOnce(&Given, &mut Env) -> Outcome, expected: Expect) {
    let given = Given::parse(given);
    let outcome = command(&given, &mut env_at(NOW));
    expected.assert_eq(&render(&given.user, &outcome));
}

/// For states and commands that are many and all change nothing.
pub(crate) fn assert_unchanged(given: &str, command: impl FnOnce(&Given, &mut Env) -> Outcome) {
    let parsed = Given::parse(given);
    let outcome = command(&parsed, &mut env_at(NOW));
    assert_eq!(render(&parsed.user, &outcome), "nothing changed\n", "{given}");
}

/// For states and commands that are many and are all refused for one reason.
pub(crate) fn assert_refused(
    given: &str,
    command: impl FnOnce(&Given, &mut Env) -> Outcome,
    refusal: Refusal,
) {
    let parsed = Given::parse(given);
    assert_eq!(command(&parsed, &mut env_at(NOW)), Err(refusal), "{given}");
}

pub(crate) fn env_at(now: UnixMillis) -> Env {
    Env::new(now, Box::new(StdRng::seed_from_u64(1)))
}

/// A user with no identification at all.
pub(crate) fn bare_user(env: &mut Env) -> User {
    let new = NewUser { skip_user_requirement: true, ..NewUser::default() };
    User::create(new, &Claims::default(), env).unwrap().user
}

/// The number or address that a short name stands for.
pub(crate) fn identifier(name: &str) -> Identifier {
    match name.strip_suffix('@') {
        Some(local) => Identifier::Email(Email::parse(&format!("{local}@example.com")).unwrap()),
        None => {
            let letter = name.bytes().next().unwrap() - b'a';
            let number = format!("+1202555{:04}", 100 + u32::from(letter));
            Identifier::Phone(E164::parse(&number, TestNumbers::Accepted).unwrap())
        }
    }
}

fn name_of(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Email(address) => address.as_str().replace("example.com", ""),
        Identifier::Phone(number) => {
            let letter = number.as_str()[8..].parse::<u8>().unwrap() - 100 + b'a';
            char::from(letter).to_string()
        }
    }
}

pub(crate) fn id(name: &str) -> IdentificationId {
    IdentificationId::from(format!("idn_{name}"))
}

impl Given {
    pub(crate) fn parse(text: &str) -> Self {
        let mut user = bare_user(&mut env_at(BEFORE));
        let mut claims = Vec::new();
        for (age, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["username", name] => user.username = Some(Username::parse(name).unwrap()),
                ["mfa_enabled"] => user.mfa_enabled_at = Some(BEFORE),
                ["mfa_disabled"] => user.mfa_disabled_at = Some(BEFORE),
                ["elsewhere", name] => {
                    let held = identifier(name);
                    claims.push((held.kind(), held.as_str().to_owned()));
                }
                [name, ref words @ ..] => user.hold(name, words, i64::try_from(age).unwrap()),
                [] => unreachable!("empty lines are left out"),
            }
        }
        if user.two_factor_enabled() {
            user.mfa_enabled_at = Some(BEFORE);
        }
        // Newest first: who is oldest must come from the times and not from the order in memory.
        user.identifications.reverse();
        assert_eq!(user.check(), Ok(()), "the given state breaks a rule");
        Self { user, claims: Claims::new(claims) }
    }
}

trait Hold {
    fn hold(&mut self, name: &str, words: &[&str], age: i64);
}

impl Hold for User {
    fn hold(&mut self, name: &str, words: &[&str], age: i64) {
        let created_at = BEFORE.plus_ms(age);
        let mut held = Identification {
            id: id(name),
            identifier: identifier(name),
            verification: Verification::Unverified,
            pending_code: None,
            second_factor: SecondFactor::No,
            created_at,
            updated_at: created_at,
        };
        for word in words {
            match *word {
                "unverified" => held.verification = Verification::Unverified,
                "reserved" => held.verification = Verification::Reserved,
                "verified" => held.verification = Verification::VerifiedByAdmin { at: created_at },
                "second_factor" => held.second_factor = SecondFactor::Reserved,
                "default_second_factor" => held.second_factor = SecondFactor::Default,
                "primary" if name.ends_with('@') => self.primary_email_address_id = Some(id(name)),
                "primary" => self.primary_phone_number_id = Some(id(name)),
                unknown => panic!("no such word: {unknown}"),
            }
        }
        self.identifications.push(held);
    }
}

fn render(before: &User, outcome: &Outcome) -> String {
    let change = match outcome {
        Ok(change) => change,
        Err(refusal) => return format!("refused: {refusal:?}\n"),
    };
    let after = &change.user;
    let mut text = String::new();
    if after == before {
        text.push_str("nothing changed\n");
    } else {
        assert_eq!(after.version, before.version + 1);
        assert_eq!(after.check(), Ok(()));
        text.push_str(&render_user(before, after));
    }
    if !change.consequences.is_empty() {
        let codes: Vec<_> = change.consequences.iter().map(|consequence| consequence.as_str()).collect();
        writeln!(text, "consequences: {}", codes.join(", ")).unwrap();
    }
    text
}

fn render_user(before: &User, after: &User) -> String {
    let mut text = String::new();
    let mut held: Vec<_> = after.identifications.iter().collect();
    held.sort_by_key(|held| (held.created_at, held.id.clone()));
    for held in held {
        let verification = match held.verification {
            Verification::Unverified => "unverified",
            Verification::Reserved => "reserved",
            Verification::VerifiedByAdmin { .. } => "verified",
            Verification::VerifiedByCode { .. } => "verified_by_code",
        };
        write!(text, "{} {verification}", name_of(&held.identifier)).unwrap();
        match held.second_factor {
            SecondFactor::No => {}
            SecondFactor::Reserved => text.push_str(" second_factor"),
            SecondFactor::Default => text.push_str(" default_second_factor"),
        }
        if after.primary(held.identifier.kind()) == Some(&held.id) {
            text.push_str(" primary");
        }
        match before.identification(&held.id) {
            None => text.push_str(" (new)"),
            Some(before) if before.updated_at != held.updated_at => {
                assert_eq!(held.updated_at, NOW);
                text.push_str(" (updated)");
            }
            Some(_) => {}
        }
        text.push('\n');
    }
    let mut about = Vec::new();
    if let Some(username) = &after.username {
        about.push(format!("username {}", username.as_str()));
    }
    if after.two_factor_enabled() {
        about.push("two_factor_enabled".to_owned());
    }
    for (field, at) in [("mfa_enabled_at", after.mfa_enabled_at), ("mfa_disabled_at", after.mfa_disabled_at)]
    {
        if let Some(at) = at {
            about.push(format!("{field} {}", if at == NOW { "now" } else { "before" }));
        }
    }
    about.push(if after.updated_at == NOW { "updated" } else { "NOT UPDATED" }.to_owned());
    writeln!(text, "user: {}", about.join(", ")).unwrap();
    text
}

fn field(body: &Value, name: &str) -> Option<bool> {
    // Null means the same as absent.
    body.get(name).filter(|value| !value.is_null()).map(|value| value.as_bool().unwrap())
}

pub(crate) fn update_from(body: &str) -> IdentificationUpdate {
    let body: Value = serde_json::from_str(body).unwrap();
    IdentificationUpdate {
        verified: field(&body, "verified"),
        reserved_for_second_factor: field(&body, "reserved_for_second_factor"),
        primary: field(&body, "primary"),
    }
}

/// `PATCH /v1/phone_numbers/{id}`, and the same for an email address.
pub(crate) fn patch(name: &str, body: &str) -> impl FnOnce(&Given, &mut Env) -> Outcome {
    move |given, env| given.user.update_identification(&id(name), update_from(body), &given.claims, env)
}

/// `POST /v1/phone_numbers`, and the same for an email address.
pub(crate) fn post(name: &str, body: &str) -> impl FnOnce(&Given, &mut Env) -> Outcome {
    let update = update_from(body);
    let new = NewIdentification {
        identifier: identifier(name),
        verified: update.verified == Some(true),
        primary: update.primary == Some(true),
        reserved_for_second_factor: update.reserved_for_second_factor == Some(true),
    };
    move |given, env| given.user.add_identification(new, &given.claims, env)
}

/// `DELETE /v1/phone_numbers/{id}`, and the same for an email address.
pub(crate) fn delete(name: &str) -> impl FnOnce(&Given, &mut Env) -> Outcome {
    move |given, env| given.user.remove_identification(&id(name), env)
}

/// `PUT /v1/users/{id}/phone_number`, and the same for an email address.
pub(crate) fn put(name: &str, status: IdentificationStatus) -> impl FnOnce(&Given, &mut Env) -> Outcome {
    move |given, env| given.user.replace_identification(identifier(name), status, &given.claims, env)
}

/// `DELETE /v1/users/{id}/mfa`
pub(crate) fn delete_mfa(given: &Given, env: &mut Env) -> Outcome {
    Ok(given.user.disable_mfa(env))
}

/// `PATCH /v1/users/{id}`
pub(crate) fn patch_user(change: ProfileChange) -> impl FnOnce(&Given, &mut Env) -> Outcome {
    move |given, env| given.user.update(change, &given.claims, env)
}

/// The names of the texts of one kind that belong to this user alone, sorted.
pub(crate) fn claimed_names(user: &User, kind: IdentifierKind) -> Vec<String> {
    let mut names: Vec<_> = user
        .claimed()
        .into_iter()
        .filter(|(claimed, ..)| *claimed == kind)
        .map(|(_, text, holder)| match holder {
            Some(holder) => {
                let held = user.identification(holder).expect("claimed by one of its own");
                assert_eq!(held.identifier.as_str(), text);
                name_of(&held.identifier)
            }
            None => text,
        })
        .collect();
    names.sort();
    names
}

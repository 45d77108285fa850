//! Section 3 on random states, those too that no sequence of commands leads to: the naive reading of the contract
//! and the real thing agree on every request.

use crate::model::{Model, New};
use crate::random_sequences::{Verdict, agree, body, change_is_sound, config, primary_moved, subject_is};
use crate::support::{bare_user, env_at, identifier};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewIdentification};
use verger_core::{
    Change, Claims, Consequence, Identification, IdentifierKind, Refusal, SecondFactor, User, Username,
    Verification,
};
use verger_wire::{IdentificationId, UnixMillis};

const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "x@", "y@", "z@"];
const START: UnixMillis = UnixMillis(1_800_000_000_000);
const NOW: UnixMillis = UnixMillis(1_800_000_000_100);

/// Anything that keeps the rules of section 4.
#[derive(Clone, Debug)]
struct State {
    /// For each name, if the user has it: verification, whether it is a second factor, and its age.
    held: Vec<Option<(Verification, bool, i64)>>,
    default_second_factor: usize,
    primary_phone_number: Option<usize>,
    primary_email_address: Option<usize>,
    has_username: bool,
    mfa_disabled: bool,
    turn: usize,
}

fn state() -> impl Strategy<Value = State> {
    let verification = prop_oneof![
        1 => Just(Verification::Unverified),
        1 => Just(Verification::Reserved),
        2 => Just(Verification::VerifiedByAdmin { at: START }),
    ];
    // Few ages, so that some are the same and the id must decide who is older.
    let held = prop::option::of((verification, any::<bool>(), 0..4_i64));
    let held = prop::collection::vec(held, NAMES.len());
    let pick = || prop::option::weighted(0.8, 0..6_usize);
    let roles = (0..6_usize, pick(), pick());
    (held, roles, any::<bool>(), any::<bool>(), 0..9_usize).prop_map(
        |(held, (default_second_factor, phone, email), has_username, mfa_disabled, turn)| State {
            held,
            default_second_factor,
            primary_phone_number: phone,
            primary_email_address: email,
            has_username,
            mfa_disabled,
            turn,
        },
    )
}

fn id_of(at: usize) -> IdentificationId {
    // The order of ids is not the order of names.
    IdentificationId::from(format!("idn_{}", (at * 5 + 3) % NAMES.len()))
}

impl State {
    fn user(&self) -> User {
        let mut user = bare_user(&mut env_at(START));
        for (at, held) in self.held.iter().enumerate() {
            let Some((verification, second_factor, age)) = *held else { continue };
            let identifier = identifier(NAMES[at]);
            let can_be_second_factor =
                identifier.kind() == IdentifierKind::PhoneNumber && verification.is_verified();
            user.identifications.push(Identification {
                id: id_of(at),
                identifier,
                verification,
                pending_code: None,
                second_factor: match second_factor && can_be_second_factor {
                    true => SecondFactor::Reserved,
                    false => SecondFactor::No,
                },
                created_at: START.plus_ms(age),
                updated_at: START.plus_ms(age),
            });
        }
        let mut second_factors: Vec<_> =
            user.identifications.iter_mut().filter(|held| held.second_factor != SecondFactor::No).collect();
        if !second_factors.is_empty() {
            let default = self.default_second_factor % second_factors.len();
            second_factors[default].second_factor = SecondFactor::Default;
            user.mfa_enabled_at = Some(START);
        }
        user.mfa_disabled_at = self.mfa_disabled.then_some(START);
        let of_kind = |kind, pick: Option<usize>| {
            let found: Vec<_> =
                user.identifications.iter().filter(|held| held.identifier.kind() == kind).collect();
            pick.filter(|_| !found.is_empty()).map(|pick| found[pick % found.len()].id.clone())
        };
        user.primary_phone_number_id = of_kind(IdentifierKind::PhoneNumber, self.primary_phone_number);
        user.primary_email_address_id = of_kind(IdentifierKind::EmailAddress, self.primary_email_address);
        user.username = self.has_username.then(|| Username::parse("ada_l").unwrap());
        user.updated_at = START.plus_ms(4);
        let length = user.identifications.len().max(1);
        user.identifications.rotate_left(self.turn % length);
        assert_eq!(user.check(), Ok(()), "the given state breaks a rule");
        user
    }
}

/// An accepted change is sound; a refused one is nothing.
fn judge(user: &User, outcome: &Result<Change, Refusal>, named: &[Consequence]) -> Verdict {
    outcome.as_ref().map_or(Ok(()), |change| change_is_sound(user, change, named, NOW))
}

fn claims_on(name: &str, taken: bool) -> Claims {
    let identifier = identifier(name);
    Claims::new(taken.then(|| (identifier.kind(), identifier.as_str().to_owned())))
}

#[test]
fn patch_agrees_with_the_naive_reading_on_any_state() {
    let given = (state(), 0..NAMES.len(), body(), any::<bool>());
    let outcome = TestRunner::new(config()).run(&given, |(state, at, body, taken)| {
        let user = state.user();
        let is_phone = identifier(NAMES[at]).kind() == IdentifierKind::PhoneNumber;
        // An address has no such field.
        let reserved_for_second_factor = body.reserved_for_second_factor.filter(|_| is_phone);
        let body = IdentificationUpdate { reserved_for_second_factor, ..body };
        // What the user has claimed nobody else has.
        let taken = taken
            && state.held[at].is_some_and(|(verification, ..)| verification == Verification::Unverified);
        let id = id_of(at);
        let outcome = user.update_identification(&id, body, &claims_on(NAMES[at], taken), &mut env_at(NOW));
        agree(&outcome, Model::of(&user).patch(id.as_str(), body, taken, NOW.0))?;
        subject_is(&outcome, &id)?;
        let named = (body.primary == Some(true)).then(|| primary_moved(is_phone));
        judge(&user, &outcome, named.as_slice())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn every_other_command_agrees_with_the_naive_reading_on_any_state() {
    use IdentificationStatus::{Reserved, Unverified, Verified};
    let status = prop::sample::select(vec![Verified, Reserved, Unverified]);
    let given = (state(), 0..NAMES.len(), status, any::<[bool; 3]>());
    let outcome =
        TestRunner::new(config()).run(&given, |(state, at, status, [taken, primary, second_factor])| {
            let user = state.user();
            let model = Model::of(&user);
            let identifier = identifier(NAMES[at]);
            let is_phone = identifier.kind() == IdentifierKind::PhoneNumber;
            let text = identifier.as_str().to_owned();
            let second_factor = second_factor && is_phone;

            let id = id_of(at);
            let deleted = user.remove_identification(&id, &mut env_at(NOW));
            agree(&deleted, model.delete(id.as_str(), NOW.0))?;
            judge(&user, &deleted, &[])?;

            let taken = taken
                && state.held[at].is_none_or(|(verification, ..)| verification == Verification::Unverified);
            let claims = claims_on(NAMES[at], taken);
            let new_id = |outcome: &Result<Change, Refusal>| {
                outcome.as_ref().map_or(String::new(), |change| change.subject.clone().unwrap().into_string())
            };
            let posted = user.add_identification(
                NewIdentification {
                    identifier: identifier.clone(),
                    verified: status == Verified,
                    primary,
                    reserved_for_second_factor: second_factor,
                },
                &claims,
                &mut env_at(NOW),
            );
            let mut new = New {
                is_phone,
                text: &text,
                verified: status == Verified,
                reserved: false,
                reserved_for_second_factor: second_factor,
                primary,
            };
            agree(&posted, model.post(&new, &new_id(&posted), taken, NOW.0))?;
            judge(&user, &posted, &[primary_moved(is_phone)])?;

            let put = user.replace_identification(identifier, status, &claims, &mut env_at(NOW));
            new.reserved = status == Reserved;
            agree(&put, model.put(&new, &new_id(&put), taken, NOW.0))?;
            judge(&user, &put, &[primary_moved(is_phone)])?;

            let without_mfa = Ok(user.disable_mfa(&mut env_at(NOW)));
            agree(&without_mfa, Ok(model.delete_mfa(NOW.0)))?;
            judge(&user, &without_mfa, &[Consequence::MfaDisabled])
        });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

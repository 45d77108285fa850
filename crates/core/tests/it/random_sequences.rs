//! Random commands on a few users of one instance who share a few numbers, addresses and names: every rule of the
//! contract's section 4 holds after each, and a naive reading of the contract agrees with what came out.

mod codes;
mod command;
mod identifications;
mod profile;
mod soundness;
mod world;

pub(crate) use command::body;
pub(crate) use soundness::{agree, change_is_sound, primary_moved, subject_is};

use command::steps;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use verger_wire::UnixMillis;
use world::World;

const START: UnixMillis = UnixMillis(1_800_000_000_000);

pub(crate) type Verdict = Result<(), TestCaseError>;
type Coverage = RefCell<BTreeMap<String, u32>>;

/// How often each random test draws a case, unless `VERGER_RANDOM_CASES` says otherwise.
pub(crate) const CASES: u32 = 10_000;

pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("VERGER_RANDOM_CASES").map_or(CASES, |text| text.parse().expect("a number"));
    ProptestConfig {
        cases,
        failure_persistence: None,
        // A strategy seeds a generator for every choice that it leaves open, which cost the default one half of the time.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    }
}

/// What a run must have met: a rule that nothing puts to the test proves nothing.
const MUST_BE_MET: &[&str] = &[
    "create user: created",
    "create user: form_data_missing",
    "create user: form_identifier_exists",
    "post: changed",
    "post: form_identifier_exists",
    "post: form_verification_needed",
    "post: identification_create_second_factor_unverified",
    "post: identification_update_failed",
    "patch: changed",
    "patch: unchanged",
    "patch: form_identifier_exists",
    "patch: form_verification_needed",
    "patch: identification_update_failed",
    "patch: identification_update_second_factor_unverified",
    "patch: resource_not_found",
    "delete: changed",
    "delete: identification_deletion_failed",
    "delete: resource_not_found",
    "put: changed",
    "put: form_identifier_exists",
    "delete mfa: changed",
    "delete mfa: unchanged",
    "patch user: changed",
    "patch user: unchanged",
    "patch user: form_identifier_exists",
    "patch user: form_resource_not_found",
    "patch user: form_verification_needed",
    "merge metadata: changed",
    "merge metadata: unchanged",
    "replace metadata: changed",
    "replace metadata: unchanged",
    "ban: changed",
    "ban: unchanged",
    "lock: changed",
    "lock: unchanged",
    "prepare: changed",
    "prepare: form_identifier_exists",
    "prepare: resource_not_found",
    "prepare: user_banned",
    "prepare: user_locked",
    "prepare: verification_code_too_many_requests",
    "attempt: expired",
    "attempt: failed",
    "attempt: form_identifier_exists",
    "attempt: unverified",
    "attempt: user_banned",
    "attempt: user_locked",
    "attempt: verification_already_verified",
    "attempt: verified",
    "mfa_disabled",
    "default_second_factor_moved",
    "primary_phone_number_moved",
    "primary_phone_number_cleared",
    "primary_email_address_moved",
    "primary_email_address_cleared",
    "last_sign_in_identification_lost",
    "unverified copies on several users",
    "an unverified copy of what another has claimed",
];

#[test]
fn random_command_sequences_hold_every_rule() {
    let coverage = Coverage::default();
    let outcome = TestRunner::new(config()).run(&steps(), |steps| {
        let mut world = World::new(&coverage);
        for step in steps {
            world.run(step)?;
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    if config().cases < CASES {
        // Too few to meet what is rare.
        return;
    }
    let coverage = coverage.into_inner();
    let never_met: Vec<_> = MUST_BE_MET.iter().filter(|what| !coverage.contains_key(**what)).collect();
    assert!(never_met.is_empty(), "never met: {never_met:?} in {coverage:#?}");
}

//! Codes under a clock that is set back or jumps.

use super::{WRONG, World};
use crate::support::{id, update_from};
use verger_core::Refusal;
use verger_core::VerificationStatus::{Expired, Failed, Unverified, Verified};
use verger_core::user::ProfileChange;
use verger_core::verification::{
    CODE_LIFETIME_MS, FAILURE_WINDOW_MS, FAILURES_MAX, RESEND_PAUSE_MS, TRIES_MAX,
};
use verger_wire::Patch;

const HOUR_MS: i64 = 60 * 60 * 1000;

impl World {
    /// As the server does when it refuses: what lies in the future becomes now.
    fn settle(&mut self, name: &str) {
        let settled = self.window(name).settled(self.env.now);
        let held = self.user.identification(&id(name)).unwrap();
        if let Some(settled) = settled {
            assert_eq!(settled.version, self.window(name).version + 1);
            assert_eq!(settled.settled(self.env.now), None);
            self.windows.insert(held.identifier.as_str().to_owned(), settled);
        }
    }

    /// The pause that a refusal states.
    fn refused_for(&mut self, name: &str) -> Option<Refusal> {
        let refusal = self.try_to_prepare(name).err();
        if refusal.is_some() {
            self.settle(name);
        }
        refusal
    }
}

#[test]
fn clock_set_back_keeps_a_number_waiting_for_one_pause_and_no_longer() {
    for back_ms in [1, RESEND_PAUSE_MS, HOUR_MS, 2 * HOUR_MS, 3_650 * 24 * HOUR_MS] {
        let mut world = World::new("x@ unverified");
        world.prepare("x@");
        world.wait(-back_ms);
        let pause = u64::try_from(RESEND_PAUSE_MS).unwrap();
        assert_eq!(world.refused_for("x@"), Some(Refusal::CodeJustSent { retry_after_ms: pause }));
        world.wait(RESEND_PAUSE_MS - 1);
        assert_eq!(world.refused_for("x@"), Some(Refusal::CodeJustSent { retry_after_ms: 1 }));
        world.wait(1);
        world.prepare("x@");
    }
}

#[test]
fn clock_set_back_neither_opens_a_closed_number_nor_closes_it_for_longer_than_an_hour() {
    for back_ms in [1, HOUR_MS, 48 * HOUR_MS] {
        let mut world = World::new("x@ unverified");
        world.fail("x@", FAILURES_MAX);
        let (tried, _) = world.codes.iter().next_back().map(|(id, code)| (id.clone(), code.clone())).unwrap();
        world.wait(-back_ms);
        assert_eq!(world.attempt("x@", &tried, WRONG), Ok(Failed));
        let longest = u64::try_from(FAILURE_WINDOW_MS).unwrap();
        let Some(Refusal::VerificationClosed { retry_after_ms }) = world.refused_for("x@") else {
            panic!("{back_ms} ms back opened it");
        };
        assert!(retry_after_ms <= longest, "{retry_after_ms}");
        world.wait(i64::try_from(retry_after_ms).unwrap() - 1);
        assert!(matches!(world.refused_for("x@"), Some(Refusal::VerificationClosed { retry_after_ms: 1 })));
        world.wait(1);
        world.prepare("x@");
    }
}

#[test]
fn code_from_the_future_is_good_for_its_lifetime_after_it_was_tried_and_no_longer() {
    for (late_ms, expected) in [(-1, Verified), (0, Expired)] {
        let mut world = World::new("x@ unverified");
        let (tried, code) = world.prepare("x@");
        world.wait(-2 * HOUR_MS);
        assert_eq!(world.attempt("x@", &tried, WRONG), Ok(Unverified));
        assert_eq!(world.codes[&tried].expire_at, world.env.now.plus_ms(CODE_LIFETIME_MS));
        world.wait(CODE_LIFETIME_MS + late_ms);
        assert_eq!(world.attempt("x@", &tried, &code), Ok(expected));
        // A clock that goes back once more brings no used code back to life.
        if expected == Verified {
            world.wait(-HOUR_MS);
            assert_eq!(world.attempt("x@", &tried, &code), Err(Refusal::AlreadyVerified));
        }
    }
}

#[test]
fn times_of_a_user_never_move_back() {
    let mut world = World::new("a unverified\nx@ unverified");
    world.prepare("a");
    let user_at = world.user.updated_at;
    let number_at = world.user.identification(&id("a")).unwrap().updated_at;
    world.wait(-HOUR_MS);
    world.prepare("x@");
    let name = ProfileChange { first_name: Patch::Set("Grace".to_owned()), ..ProfileChange::default() };
    world.user = world.user.update(name, &world.claims, &mut world.env).unwrap().user;
    let verified = update_from(r#"{"verified": true}"#);
    world.user =
        world.user.update_identification(&id("a"), verified, &world.claims, &mut world.env).unwrap().user;
    assert_eq!(world.user.identification(&id("a")).unwrap().updated_at, number_at);
    assert_eq!(world.user.updated_at, user_at);
    world.env.now = world.env.now.plus_ms(2 * RESEND_PAUSE_MS - HOUR_MS);
    world.settle("a");
    world.wait(RESEND_PAUSE_MS);
    world.prepare("a");
    assert_eq!(world.user.identification(&id("a")).unwrap().updated_at, number_at);
    assert_eq!(world.user.updated_at, user_at);
}

/// A clock that jumps anywhere, at any time. Nobody is told to wait for longer than the constant, and whoever waits as long
/// gets in. While it jumps only back, every limit holds at least as in the time that really passed.
#[test]
fn random_jumps_of_the_clock_neither_lengthen_a_wait_nor_weaken_a_limit() {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng};
    for seed in 0..400 {
        let mut rng = StdRng::seed_from_u64(seed);
        let only_back = seed % 2 == 0;
        let mut world = World::new("x@ unverified");
        let mut really_ms = 0_i64;
        let mut sent: Vec<i64> = Vec::new();
        let mut failed: Vec<i64> = Vec::new();
        let mut newest = None;
        for _ in 0..120 {
            match rng.random_range(0..10) {
                0 => {
                    let most = 3 * HOUR_MS;
                    world.wait(rng.random_range(-most..if only_back { 0 } else { most }));
                }
                1..5 => {
                    let most = [1_000, 40_000, 900_000][rng.random_range(0..3)];
                    let wait_ms = rng.random_range(0..most);
                    really_ms += wait_ms;
                    world.wait(wait_ms);
                }
                5..7 => match world.try_to_prepare("x@") {
                    Ok(prepared) => {
                        if only_back && let Some(last) = sent.last() {
                            assert!(really_ms - last >= RESEND_PAUSE_MS, "seed {seed}");
                        }
                        sent.push(really_ms);
                        let held = prepared.change.user.identification(&id("x@")).unwrap();
                        newest = held.pending_code.as_ref().map(|code| code.id.clone());
                    }
                    Err(refusal) => {
                        world.settle("x@");
                        let (retry_after_ms, longest_ms) = match refusal {
                            Refusal::CodeJustSent { retry_after_ms } => (retry_after_ms, RESEND_PAUSE_MS),
                            Refusal::VerificationClosed { retry_after_ms } => {
                                (retry_after_ms, FAILURE_WINDOW_MS)
                            }
                            other => panic!("{other:?}"),
                        };
                        let wait_ms = i64::try_from(retry_after_ms).unwrap();
                        assert!((1..=longest_ms).contains(&wait_ms), "seed {seed}: {refusal:?}");
                        if rng.random_bool(0.5) {
                            really_ms += wait_ms;
                            world.wait(wait_ms);
                            let again = world.refused_for("x@");
                            let is_other = |again: &Refusal| {
                                std::mem::discriminant(again) != std::mem::discriminant(&refusal)
                            };
                            assert!(again.as_ref().is_none_or(is_other), "seed {seed}: {again:?}");
                            if again.is_none() {
                                sent.push(really_ms);
                                let held = world.user.identification(&id("x@")).unwrap();
                                newest = held.pending_code.as_ref().map(|code| code.id.clone());
                            }
                        }
                    }
                },
                _ => {
                    let Some(tried) = newest.clone() else { continue };
                    let before = world.codes[&tried].attempts;
                    world.attempt("x@", &tried, WRONG).unwrap();
                    let code = &world.codes[&tried];
                    assert!(code.attempts <= TRIES_MAX);
                    if code.attempts > before {
                        assert!(code.expire_at <= world.env.now.plus_ms(CODE_LIFETIME_MS));
                        failed.push(really_ms);
                    }
                    let recent = failed.iter().filter(|at| really_ms - **at < FAILURE_WINDOW_MS).count();
                    assert!(
                        !only_back || recent <= FAILURES_MAX,
                        "seed {seed}: {recent} failures in an hour"
                    );
                }
            }
        }
    }
}

//! Codes (contract section 8): what is live, for how long, how often it can be tried, and what ends it.

mod clock;

use crate::support::{Given, env_at, id, identifier};
use std::collections::BTreeMap;
use verger_core::user::{IdentificationStatus, IdentificationUpdate};
use verger_core::verification::{
    Attempt, CODE_LIFETIME_MS, FAILURE_WINDOW_MS, FAILURES_MAX, Prepared, RESEND_PAUSE_MS, TEST_CODE,
    TRIES_MAX,
};
use verger_core::{
    Claims, CodeDigest, E164, Env, Identifier, IdentifierKind, PendingCode, Refusal, TestNumbers, User,
    Verification, VerificationStatus, VerificationWindow,
};
use verger_wire::{UnixMillis, UserId, VerificationId};

const START: UnixMillis = UnixMillis(1_800_000_060_000);
/// No code: the generator gives digits.
const WRONG: &str = "wrong!";

use VerificationStatus::{Expired, Failed, Unverified, Verified};

/// A digest that hides nothing, so that a test sees what a code is bound to.
pub(crate) fn digest(binding: &str, code: &str) -> CodeDigest {
    CodeDigest { key_id: "key".to_owned(), digest: format!("{binding}\n{code}") }
}

/// One user after the other on one instance: what is remembered of a number stays when its user goes.
struct World {
    user: User,
    claims: Claims,
    windows: BTreeMap<String, VerificationWindow>,
    codes: BTreeMap<VerificationId, PendingCode>,
    env: Env,
}

impl World {
    fn new(given: &str) -> Self {
        let Given { user, claims } = Given::parse(given);
        Self { user, claims, windows: BTreeMap::new(), codes: BTreeMap::new(), env: env_at(START) }
    }

    fn wait(&mut self, duration_ms: i64) {
        self.env.now = self.env.now.plus_ms(duration_ms);
    }

    fn window(&self, name: &str) -> VerificationWindow {
        let text = self.user.identification(&id(name)).map(|held| held.identifier.as_str().to_owned());
        text.and_then(|text| self.windows.get(&text).cloned()).unwrap_or_default()
    }

    fn keep(&mut self, name: &str, user: User, window: VerificationWindow) {
        assert!(user.version > self.user.version, "nobody else may write the user meanwhile");
        assert_eq!(user.check(), Ok(()));
        let held = user.identification(&id(name)).unwrap();
        let verification = held.pending_code.clone().unwrap();
        self.codes.insert(verification.id.clone(), verification);
        assert_eq!(window.version, self.window(name).version + 1);
        assert!(window.failures.len() <= FAILURES_MAX);
        self.windows.insert(held.identifier.as_str().to_owned(), window);
        self.user = user;
    }

    fn try_to_prepare(&mut self, name: &str) -> Result<Prepared, Refusal> {
        let window = self.window(name);
        let prepared =
            self.user.prepare_verification(&id(name), &window, &self.claims, digest, &mut self.env)?;
        self.keep(name, prepared.change.user.clone(), prepared.window.clone());
        Ok(prepared)
    }

    /// A new code: its verification and the code.
    #[track_caller]
    fn prepare(&mut self, name: &str) -> (VerificationId, String) {
        let prepared = self.try_to_prepare(name).unwrap();
        let held = prepared.change.user.identification(&id(name)).unwrap();
        (held.pending_code.as_ref().unwrap().id.clone(), prepared.code)
    }

    /// As the server does it: count and keep, then compare.
    fn attempt(
        &mut self,
        name: &str,
        tried: &VerificationId,
        code: &str,
    ) -> Result<VerificationStatus, Refusal> {
        let verification = self.codes[tried].clone();
        match self.user.begin_attempt(
            &id(name),
            &verification,
            &self.window(name),
            &self.claims,
            &self.env,
        )? {
            Attempt::Ended(status) => return Ok(status),
            Attempt::Counted { change, window } => self.keep(name, change.user, window),
        }
        let (binding, stored) = self.user.code_binding(&id(name)).unwrap();
        if digest(&binding, code) == *stored {
            let window = self.window(name);
            let accepted = self.user.accept_code(&id(name), tried, &window, &self.claims, &self.env)?;
            self.keep(name, accepted.0.user, accepted.1);
            return Ok(Verified);
        }
        let is_closed = self.window(name).closed_until(self.env.now).is_some();
        Ok(if is_closed { Failed } else { self.codes[tried].status(self.env.now) })
    }

    #[track_caller]
    fn wrong(&mut self, name: &str, tried: &VerificationId, times: usize) {
        for _ in 0..times {
            let status = self.attempt(name, tried, WRONG).unwrap();
            assert!(matches!(status, Unverified | Failed), "{status:?}");
        }
    }

    /// Wrong codes on as many new verifications as it takes.
    fn fail(&mut self, name: &str, times: usize) {
        for at in 0..times {
            self.wait(RESEND_PAUSE_MS);
            let (tried, _) = self.prepare(name);
            let before = self.window(name).failures.len();
            self.wrong(name, &tried, 1);
            assert!(self.window(name).failures.len() <= before + 1, "{at}");
        }
    }

    /// Another user takes the stage, with the same numbers.
    fn other_user(&mut self, given: &str) {
        self.user = Given::parse(given).user;
        self.user.id = UserId::from("user_other");
    }
}

fn closed(retry_after_ms: u64) -> Refusal {
    Refusal::VerificationClosed { retry_after_ms }
}

#[test]
fn flaw_19_a_code_lives_ten_minutes_to_the_millisecond() {
    for name in ["a", "x@"] {
        for (late_ms, expected) in [(-1, Verified), (0, Expired), (1, Expired)] {
            let mut world = World::new(&format!("{name} unverified"));
            let (tried, code) = world.prepare(name);
            assert_eq!(CODE_LIFETIME_MS, 600_000);
            world.wait(CODE_LIFETIME_MS + late_ms);
            assert_eq!(world.attempt(name, &tried, &code), Ok(expected), "{late_ms} ms");
            let is_verified = world.user.identification(&id(name)).unwrap().verification.is_verified();
            assert_eq!(is_verified, expected == Verified);
        }
    }
}

#[test]
fn another_code_waits_for_the_resend_pause() {
    for (late_ms, refused) in [(-30_000, Some(30_000)), (-1, Some(1)), (0, None), (1, None)] {
        let mut world = World::new("x@ unverified");
        world.prepare("x@");
        world.wait(RESEND_PAUSE_MS + late_ms);
        let refusal = world.try_to_prepare("x@").err();
        let expected = refused.map(|retry_after_ms| Refusal::CodeJustSent { retry_after_ms });
        assert_eq!(refusal, expected, "{late_ms} ms");
    }
}

#[test]
fn the_resend_pause_is_of_the_number_whoever_has_it() {
    let mut world = World::new("a unverified");
    world.prepare("a");
    world.wait(RESEND_PAUSE_MS - 1);
    world.other_user("a unverified\nb unverified");
    assert_eq!(world.try_to_prepare("a").err(), Some(Refusal::CodeJustSent { retry_after_ms: 1 }));
    world.prepare("b");
    world.wait(1);
    world.prepare("a");
}

#[test]
fn flaw_03_five_wrong_codes_end_a_verification() {
    for name in ["a", "x@"] {
        let mut world = World::new(&format!("{name} unverified"));
        let (tried, code) = world.prepare(name);
        for at in 1..=TRIES_MAX {
            let status = world.attempt(name, &tried, WRONG).unwrap();
            assert_eq!(status, if at == 5 { Failed } else { Unverified }, "try {at}");
            assert_eq!(world.codes[&tried].attempts, at);
        }
        let before = (world.user.clone(), world.windows.clone());
        assert_eq!(world.attempt(name, &tried, &code), Ok(Failed));
        assert_eq!((world.user.clone(), world.windows.clone()), before, "what has ended is not counted");
        world.wait(CODE_LIFETIME_MS);
        assert_eq!(world.attempt(name, &tried, &code), Ok(Failed), "it stays failed");
    }
}

#[test]
fn the_fifth_try_can_be_the_right_one() {
    let mut world = World::new("x@ unverified");
    let (tried, code) = world.prepare("x@");
    world.wrong("x@", &tried, 4);
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Verified));
    assert_eq!(world.codes[&tried].attempts, 5);
    let expire_at = START.plus_ms(CODE_LIFETIME_MS);
    let verification = world.user.identification(&id("x@")).unwrap().verification;
    assert_eq!(verification, Verification::VerifiedByCode { at: START, attempts: 5, expire_at });
}

#[test]
fn flaw_23_a_new_code_never_resets_the_failures() {
    let mut world = World::new("x@ unverified");
    for round in 1..=FAILURES_MAX {
        world.wait(RESEND_PAUSE_MS);
        let before = world.window("x@").failures;
        let (tried, _) = world.prepare("x@");
        assert_eq!(world.window("x@").failures, before, "a new code");
        let expected = if round == 10 { Failed } else { Unverified };
        assert_eq!(world.attempt("x@", &tried, WRONG), Ok(expected), "failure {round}");
        assert_eq!(world.window("x@").failures.len(), round);
    }
    assert!(matches!(world.try_to_prepare("x@"), Err(Refusal::VerificationClosed { .. })));
}

#[test]
fn the_right_code_does_not_count_once_the_number_is_closed() {
    let mut world = World::new("x@ unverified");
    world.fail("x@", 9);
    world.wait(RESEND_PAUSE_MS);
    let (tried, code) = world.prepare("x@");
    world.wrong("x@", &tried, 1);
    let before = world.user.clone();
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Failed));
    assert_eq!(world.user, before);
    assert_eq!(world.codes[&tried].attempts, 1, "its own tries are not used up");
}

#[test]
fn closed_is_told_before_expired() {
    let mut world = World::new("x@ unverified");
    world.fail("x@", 9);
    world.wait(RESEND_PAUSE_MS);
    let (tried, code) = world.prepare("x@");
    world.wrong("x@", &tried, 1);
    world.wait(CODE_LIFETIME_MS);
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Failed), "its time is over as well");
    world.wait(FAILURE_WINDOW_MS);
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Expired), "open again");
}

#[test]
fn flaw_26_failures_are_of_the_number_across_users_and_removals() {
    let mut world = World::new("a unverified\nb unverified");
    world.fail("a", 4);
    let removed = world.user.remove_identification(&id("a"), &mut world.env).unwrap();
    assert!(removed.user.identification(&id("a")).is_none());
    world.other_user("a unverified");
    world.fail("a", 5);
    world.other_user("a unverified\nx@ unverified");
    world.wait(RESEND_PAUSE_MS);
    let (tried, code) = world.prepare("a");
    assert_eq!(world.attempt("a", &tried, WRONG), Ok(Failed), "the tenth");
    assert_eq!(world.attempt("a", &tried, &code), Ok(Failed));
    assert!(matches!(world.try_to_prepare("a"), Err(Refusal::VerificationClosed { .. })));
    // It closes nothing but the number.
    let (tried, code) = world.prepare("x@");
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Verified));
    assert_eq!((world.user.locked_at, world.user.banned_at), (None, None));
}

#[test]
fn the_hour_begins_with_the_oldest_of_the_ten_and_slides() {
    let mut world = World::new("x@ unverified");
    world.fail("x@", 10);
    let failures = world.window("x@").failures;
    assert_eq!(failures.len(), 10);
    let reopens = failures[0].plus_ms(FAILURE_WINDOW_MS);
    assert_eq!(FAILURE_WINDOW_MS, 3_600_000);
    for (at, refusal) in [(-1, Some(closed(1))), (0, None)] {
        world.env.now = reopens.plus_ms(at);
        let window = world.window("x@");
        let prepared =
            world.user.prepare_verification(&id("x@"), &window, &world.claims, digest, &mut world.env);
        assert_eq!(prepared.err(), refusal, "{at} ms");
    }
    // One failure is forgotten, so there is room for one.
    let (tried, _) = world.prepare("x@");
    assert_eq!(world.attempt("x@", &tried, WRONG), Ok(Failed), "the tenth of this hour");
    let wait = failures[1].0 + FAILURE_WINDOW_MS - world.env.now.0;
    assert_eq!(wait, RESEND_PAUSE_MS);
    assert_eq!(world.try_to_prepare("x@").err(), Some(closed(u64::try_from(wait).unwrap())));
    world.wait(wait);
    world.prepare("x@");
}

#[test]
fn nine_failures_leave_one_try() {
    let mut world = World::new("x@ unverified");
    world.fail("x@", 9);
    world.wait(RESEND_PAUSE_MS);
    let (tried, code) = world.prepare("x@");
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Verified));
    assert_eq!(world.window("x@").failures, vec![], "a success forgets the failures");
    world.wait(RESEND_PAUSE_MS);
    world.fail("x@", 9);
}

#[test]
fn flaw_24_only_the_newest_of_many_codes_is_live() {
    let mut world = World::new("x@ unverified");
    let sent: Vec<_> = (0..8)
        .map(|_| {
            world.wait(RESEND_PAUSE_MS);
            world.prepare("x@")
        })
        .collect();
    let before = (world.user.clone(), world.windows.clone());
    for (tried, code) in &sent[..7] {
        assert_eq!(world.attempt("x@", tried, code), Ok(Expired));
        // Nor does a former code open the newest verification.
        assert_eq!(before, (world.user.clone(), world.windows.clone()), "it is not compared, nor counted");
    }
    let (newest, right) = &sent[7];
    for (_, former) in &sent[..3] {
        assert_ne!(former, right);
        assert_eq!(world.attempt("x@", newest, former), Ok(Unverified));
    }
    assert_eq!(world.attempt("x@", newest, right), Ok(Verified));
}

#[test]
fn flaw_08_a_code_is_accepted_once() {
    for given in ["x@ unverified", "x@ verified", "x@ reserved"] {
        let mut world = World::new(given);
        let (tried, code) = world.prepare("x@");
        assert_eq!(world.attempt("x@", &tried, &code), Ok(Verified));
        let before = world.user.clone();
        for code in [&code, WRONG] {
            assert_eq!(world.attempt("x@", &tried, code), Err(Refusal::AlreadyVerified), "{given}");
        }
        // Not even if two have counted their try before one of them was compared.
        let window = world.window("x@");
        let again = world.user.accept_code(&id("x@"), &tried, &window, &world.claims, &world.env);
        assert_eq!(again.unwrap_err(), Refusal::AlreadyVerified);
        assert_eq!(world.user, before);
    }
}

#[test]
fn flaw_14_ban_removal_and_replacement_void_every_code_of_the_user() {
    type Command = fn(&User, &mut Env) -> User;
    let commands: [(&str, Command); 5] = [
        ("ban and unban", |user, env| user.set_banned(true, env).user.set_banned(false, env).user),
        ("removal of another", |user, env| user.remove_identification(&id("b"), env).unwrap().user),
        ("replacement of another", |user, env| {
            let new = identifier("c");
            let status = IdentificationStatus::Verified;
            user.replace_identification(new, status, &Claims::default(), env).unwrap().user
        }),
        ("admin's verification", |user, env| set_verified(user, true, env)),
        ("admin's verification and its end", |user, env| {
            set_verified(&set_verified(user, true, env), false, env)
        }),
    ];
    for (what, command) in commands {
        let mut world = World::new("x@ unverified\nb unverified");
        let (tried, code) = world.prepare("x@");
        world.user = command(&world.user, &mut world.env);
        let before = world.user.clone();
        assert_eq!(world.attempt("x@", &tried, &code), Ok(Expired), "{what}");
        assert_eq!(world.user, before, "{what}");
    }
}

fn set_verified(user: &User, verified: bool, env: &mut Env) -> User {
    let update = IdentificationUpdate { verified: Some(verified), ..IdentificationUpdate::default() };
    user.update_identification(&id("x@"), update, &Claims::default(), env).unwrap().user
}

#[test]
fn unverify_voids_a_code_that_is_on_its_way_to_a_verified_address() {
    let mut world = World::new("x@ verified");
    let (tried, code) = world.prepare("x@");
    world.user = set_verified(&world.user, false, &mut world.env);
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Expired));
    assert_eq!(world.user.identification(&id("x@")).unwrap().verification, Verification::Unverified);
}

#[test]
fn flaw_29_a_removed_number_takes_its_code_with_it() {
    let mut world = World::new("a unverified\nx@ verified");
    let (tried, _) = world.prepare("a");
    world.user = world.user.remove_identification(&id("a"), &mut world.env).unwrap().user;
    assert_eq!(world.attempt("a", &tried, TEST_CODE), Err(Refusal::NotFound));
    // The same number again is another identification.
    world.other_user("a unverified\nx@ verified");
    assert_eq!(world.attempt("a", &tried, TEST_CODE), Ok(Expired));
}

#[test]
fn what_another_user_has_claimed_gets_no_code_and_accepts_none() {
    let taken = Refusal::Taken(IdentifierKind::EmailAddress);
    let mut world = World::new("x@ unverified\nelsewhere x@");
    assert_eq!(world.try_to_prepare("x@").err(), Some(taken));
    let mut world = World::new("x@ unverified");
    let (tried, code) = world.prepare("x@");
    world.claims = Given::parse("b verified\nelsewhere x@").claims;
    assert_eq!(world.attempt("x@", &tried, &code), Err(taken));
    let held = world.user.identification(&id("x@")).unwrap();
    // The refusal counts nothing, and says nothing about the code.
    assert_eq!((held.verification, world.codes[&tried].attempts), (Verification::Unverified, 0));
    assert_eq!(world.attempt("x@", &tried, "wrong!"), Err(taken));
    // Between the counting of the try and its success.
    let mut world = World::new("x@ unverified");
    let (tried, _) = world.prepare("x@");
    let code = world.codes[&tried].clone();
    let window = world.window("x@");
    let begun = world.user.begin_attempt(&id("x@"), &code, &window, &world.claims, &world.env);
    let Ok(Attempt::Counted { change, window }) = begun else { panic!("{begun:?}") };
    let claims = Given::parse("b verified\nelsewhere x@").claims;
    let accepted = change.user.accept_code(&id("x@"), &tried, &window, &claims, &world.env);
    assert_eq!(accepted.unwrap_err(), taken);
}

#[test]
fn a_right_code_on_a_verified_number_changes_nothing_but_the_verification() {
    let mut world = World::new("a verified default_second_factor\nx@ verified");
    let before = world.user.clone();
    let (tried, code) = world.prepare("a");
    world.wait(1);
    assert_eq!(world.attempt("a", &tried, &code), Ok(Verified));
    let mut after = world.user.clone();
    after.version = before.version;
    after.updated_at = before.updated_at;
    for (after, before) in after.identifications.iter_mut().zip(&before.identifications) {
        assert_eq!(after.pending_code.is_some(), after.id == id("a"));
        after.pending_code = None;
        after.updated_at = before.updated_at;
    }
    assert_eq!(after, before);
}

#[test]
fn a_reserved_number_becomes_verified_by_its_code() {
    let mut world = World::new("x@ reserved");
    let (tried, code) = world.prepare("x@");
    assert_eq!(world.attempt("x@", &tried, &code), Ok(Verified));
    let verification = world.user.identification(&id("x@")).unwrap().verification;
    assert!(matches!(verification, Verification::VerifiedByCode { attempts: 1, .. }), "{verification:?}");
}

#[test]
fn flaw_18_a_user_who_is_barred_meanwhile_is_refused_at_every_step() {
    type Bar = fn(&User, &mut Env) -> User;
    let bars: [(Bar, Refusal); 2] = [
        (|user, env| user.set_banned(true, env).user, Refusal::Banned),
        (|user, env| user.set_locked(true, env).user, Refusal::Locked),
    ];
    for (bar, refusal) in bars {
        let mut world = World::new("x@ unverified");
        world.user = bar(&world.user, &mut world.env);
        assert_eq!(world.try_to_prepare("x@").err(), Some(refusal));
        // Between the code and the try.
        let mut world = World::new("x@ unverified");
        let (tried, code) = world.prepare("x@");
        world.user = bar(&world.user, &mut world.env);
        let before = world.user.clone();
        assert_eq!(world.attempt("x@", &tried, &code), Err(refusal));
        assert_eq!(world.user, before);
        // Between the counting of the try and its success.
        let mut world = World::new("x@ unverified");
        let (tried, _) = world.prepare("x@");
        let verification = world.codes[&tried].clone();
        let begun = world.user.begin_attempt(
            &id("x@"),
            &verification,
            &world.window("x@"),
            &world.claims,
            &world.env,
        );
        let Ok(Attempt::Counted { change, window }) = begun else { panic!("{begun:?}") };
        let barred = bar(&change.user, &mut world.env);
        let accepted = barred.accept_code(&id("x@"), &tried, &window, &world.claims, &world.env);
        assert_eq!(accepted.unwrap_err(), refusal);
    }
}

#[test]
fn flaw_32_test_numbers_take_the_fixed_code_and_others_never_do() {
    let mut world = World::new("a unverified");
    let prepared = world.try_to_prepare("a").unwrap();
    assert_eq!((prepared.code.as_str(), prepared.is_test), ("424242", true));
    let number = E164::parse("+14155552671", TestNumbers::Accepted).unwrap();
    for seed in 0..50 {
        let mut world = World::new("a unverified");
        for _ in 0..seed {
            world.env.rng().next_u32();
        }
        world.user.identifications[0].identifier = Identifier::Phone(number.clone());
        let prepared = world.try_to_prepare("a").unwrap();
        assert!(!prepared.is_test && prepared.code != TEST_CODE);
        assert!(prepared.code.len() == 6 && prepared.code.bytes().all(|byte| byte.is_ascii_digit()));
    }
}

/// One code in all hands: it opens nothing but the one verification that it was made for.
#[test]
fn flaw_13_flaw_25_a_code_is_bound_to_user_number_verification_and_purpose() {
    let bound = |world: &mut World, name: &str| {
        world.prepare(name);
        world.user.code_binding(&id(name)).unwrap().0
    };
    let mut world = World::new("a unverified\nb unverified");
    let first = bound(&mut world, "a");
    for part in ["verify", "+12025550100", world.user.id.as_str(), "idn_a", "ver_"] {
        assert!(first.contains(part), "{part} in {first}");
    }
    let other_number = bound(&mut world, "b");
    world.wait(RESEND_PAUSE_MS);
    let later = bound(&mut world, "a");
    world.wait(RESEND_PAUSE_MS);
    world.other_user("a unverified");
    let other_user = bound(&mut world, "a");
    let all = [first, other_number, later, other_user];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
}

/// Two users wait for a code to one number: the code of one can only ever change the one.
#[test]
fn flaw_13_two_users_pending_on_one_number_do_not_share_codes() {
    let mut first = World::new("x@ unverified");
    let (first_id, first_code) = first.prepare("x@");
    let mut second = World::new("x@ unverified");
    second.other_user("x@ unverified");
    second.env = env_at(START.plus_ms(RESEND_PAUSE_MS));
    second.env.rng().next_u64();
    second.windows = first.windows.clone();
    let (second_id, second_code) = second.prepare("x@");
    assert_ne!(first_code, second_code);
    assert_eq!(second.attempt("x@", &second_id, &first_code), Ok(Unverified));
    assert!(!second.user.identifications[0].verification.is_verified());
    second.codes.extend(first.codes.clone());
    assert_eq!(second.attempt("x@", &first_id, &first_code), Ok(Expired));
    assert!(!second.user.identifications[0].verification.is_verified());
}

#[test]
fn a_prepared_code_is_not_in_its_debug_text() {
    let mut world = World::new("x@ unverified");
    let window = VerificationWindow::default();
    let hide = |_: &str, _: &str| CodeDigest { key_id: "key".to_owned(), digest: "digest".to_owned() };
    let prepared =
        world.user.prepare_verification(&id("x@"), &window, &world.claims, hide, &mut world.env).unwrap();
    let text = format!("{prepared:?}");
    assert!(!text.contains(&prepared.code));
    assert!(
        text.contains("is_test: false") && text.contains(world.user.id.as_str()),
        "all but the code: {text}"
    );
}

#[test]
fn statuses_have_the_names_of_the_contract() {
    let names = [Unverified, Verified, Failed, Expired].map(VerificationStatus::as_str);
    assert_eq!(names, ["unverified", "verified", "failed", "expired"]);
}

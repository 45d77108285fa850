//! Guessing (contract section 6): what is counted, what closes, what locks.

use crate::support::{NOW, bare_user, env_at};
use proptest::prelude::*;
use verger_core::verification::{FAILURE_WINDOW_MS, FAILURES_MAX};
use verger_core::{Env, GuessWindow, Guesses, Lockout, Refusal, TypedCode, User, event};
use verger_credentials::TotpCode;
use verger_wire::settings::SettingsDocument;

/// One factor of one user.
struct World {
    user: User,
    window: GuessWindow,
    lockout: Option<Lockout>,
    env: Env,
}

impl World {
    fn new(failures_max: i64) -> Self {
        let mut env = env_at(NOW);
        let lockout = Some(Lockout { failures_max, lasts_ms: 60_000 });
        Self { user: bare_user(&mut env), window: GuessWindow::default(), lockout, env }
    }

    fn keep(&mut self, guesses: Guesses) {
        assert_eq!(guesses.window.version, self.window.version + 1);
        self.window = guesses.window;
        self.user.credentials.failed_attempts = guesses.failed_attempts;
        self.user.credentials.lockout_until = guesses.lockout_until;
        assert_eq!(self.user.check(), Ok(()));
    }

    fn guess(&mut self, is_right: bool) -> Result<(), Refusal> {
        let counted = self.user.begin_guess(&self.window, self.lockout, &self.env)?;
        self.keep(counted);
        if is_right {
            let accepted = self.user.accept_guess(&self.window)?;
            self.keep(accepted);
        }
        Ok(())
    }

    fn wait(&mut self, ms: i64) {
        self.env.now = self.env.now.plus_ms(ms);
    }

    fn failed(&self) -> (usize, i64) {
        (self.window.failures.len(), self.user.credentials.failed_attempts)
    }
}

#[test]
fn ten_failures_within_an_hour_close_the_factor_for_the_rest_of_it() {
    let mut world = World::new(100);
    for _ in 0..FAILURES_MAX {
        world.guess(false).unwrap();
        world.wait(1_000);
    }
    let left_ms = u64::try_from(FAILURE_WINDOW_MS).unwrap() - 10_000;
    assert_eq!(world.guess(true), Err(Refusal::FactorClosed { retry_after_ms: left_ms }));
    assert_eq!(world.failed(), (10, 10), "what is refused is not counted");
    world.wait(FAILURE_WINDOW_MS - 10_001);
    assert_eq!(world.guess(true), Err(Refusal::FactorClosed { retry_after_ms: 1 }));
    world.wait(1);
    world.guess(false).unwrap();
    assert_eq!(world.failed(), (10, 11), "nine of the hour and one more");
}

#[test]
fn clock_that_is_set_back_opens_nothing() {
    let mut world = World::new(100);
    for _ in 0..FAILURES_MAX {
        world.guess(false).unwrap();
    }
    world.wait(-FAILURE_WINDOW_MS * 10);
    let an_hour = u64::try_from(FAILURE_WINDOW_MS).unwrap();
    assert_eq!(world.guess(true), Err(Refusal::FactorClosed { retry_after_ms: an_hour }));
}

#[test]
fn what_a_clock_that_was_ahead_closed_or_locked_is_settled_once() {
    let mut world = World::new(i64::try_from(FAILURES_MAX).unwrap());
    let settled = |world: &World| world.user.settled_guesses(&world.window, world.lockout, world.env.now);
    world.wait(1_000_000 * FAILURE_WINDOW_MS);
    for _ in 0..FAILURES_MAX {
        assert_eq!(settled(&world), None, "nothing is ahead");
        world.guess(false).unwrap();
    }
    assert_eq!(settled(&world), None);
    world.wait(-1_000_000 * FAILURE_WINDOW_MS);
    let after = settled(&world).unwrap();
    world.keep(after);
    assert_eq!(settled(&world), None);
    assert_eq!(world.user.credentials.lockout_until, Some(world.env.now.plus_ms(60_000)));
    assert_eq!(world.window.failures, vec![world.env.now; FAILURES_MAX]);
    world.wait(60_000);
    assert_eq!(
        world.guess(true),
        Err(Refusal::FactorClosed { retry_after_ms: u64::try_from(FAILURE_WINDOW_MS).unwrap() - 60_000 })
    );
    world.wait(FAILURE_WINDOW_MS - 60_000);
    assert_eq!(world.guess(true), Ok(()));
}

#[test]
fn right_guess_clears_its_factor_and_takes_itself_back_from_the_row() {
    let mut world = World::new(100);
    for _ in 0..7 {
        world.guess(false).unwrap();
    }
    world.guess(true).unwrap();
    assert_eq!(world.failed(), (0, 7));
    assert_eq!(world.lockout.unwrap().attempts_remaining(&world.user, NOW), 93);
}

#[test]
fn row_of_failures_locks_the_user_for_a_while() {
    let mut world = World::new(5);
    for left in (0..5).rev() {
        assert_eq!(world.guess(false), Ok(()));
        assert_eq!(world.lockout.unwrap().attempts_remaining(&world.user, world.env.now), left);
    }
    assert_eq!(world.guess(true), Err(Refusal::LockedOut { expires_in_ms: 60_000 }));
    assert!(world.user.credentials.is_locked_out(world.env.now));
    let (before, change) = world.user.tell_lockout(&world.env).unwrap();
    let events = event::between(Some(&before), Some(&change.user));
    assert_eq!(events.iter().map(|event| event.kind.name()).collect::<Vec<_>>(), ["user.updated"]);
    assert_eq!(change.user.version, world.user.version + 1);
    world.wait(59_999);
    assert_eq!(world.guess(true), Err(Refusal::LockedOut { expires_in_ms: 1 }));
    world.wait(1);
    assert!(!world.user.credentials.is_locked_out(world.env.now));
    assert_eq!(world.lockout.unwrap().attempts_remaining(&world.user, world.env.now), 5);
    assert_eq!(world.guess(false), Ok(()));
    assert_eq!(world.user.credentials.failed_attempts, 1, "a new row begins");
}

#[test]
fn last_guess_before_the_lock_can_still_be_right() {
    let mut world = World::new(5);
    for _ in 0..4 {
        world.guess(false).unwrap();
    }
    world.guess(true).unwrap();
    assert!(!world.user.credentials.is_locked_out(world.env.now));
    assert_eq!(world.user.credentials.failed_attempts, 4);
    assert!(world.user.tell_lockout(&world.env).is_none());
}

#[test]
fn backend_ends_a_lock_and_the_row() {
    let mut world = World::new(3);
    for _ in 0..3 {
        world.guess(false).unwrap();
    }
    let unlocked = world.user.set_locked(false, &mut world.env).user;
    assert_eq!(unlocked.credentials, Default::default());
    assert_eq!(unlocked.version, world.user.version + 1);
    assert_eq!(event::between(Some(&world.user), Some(&unlocked)).len(), 1);
    world.user = unlocked;
    world.guess(true).unwrap();
    world.guess(false).unwrap();
    // Where only the row ends, there is nothing to tell.
    let unlocked = world.user.set_locked(false, &mut world.env).user;
    assert_eq!((unlocked.credentials.failed_attempts, unlocked.version), (0, world.user.version + 1));
    assert_eq!(event::between(Some(&world.user), Some(&unlocked)), []);
}

#[test]
fn neither_banned_nor_locked_users_are_guessed_at() {
    let mut world = World::new(100);
    world.user = world.user.set_banned(true, &mut world.env).user;
    assert_eq!(world.guess(true), Err(Refusal::Banned));
    world.user = world.user.set_banned(false, &mut world.env).user;
    world.user = world.user.set_locked(true, &mut world.env).user;
    assert_eq!(world.guess(true), Err(Refusal::Locked));
    assert_eq!(world.failed(), (0, 0));
}

#[test]
fn user_who_is_banned_after_the_count_is_not_let_through() {
    let mut world = World::new(100);
    let counted = world.user.begin_guess(&world.window, world.lockout, &world.env).unwrap();
    world.keep(counted);
    for bar in [User::set_banned, User::set_locked] {
        let barred = bar(&world.user, true, &mut world.env).user;
        assert!(barred.accept_guess(&world.window).is_err());
    }
}

#[test]
fn code_is_what_the_user_has() {
    let typed = |has_totp: bool, codes: i64, text: &str, off: fn(&mut SettingsDocument)| {
        let mut settings = SettingsDocument::default();
        off(&mut settings);
        let mut user = bare_user(&mut env_at(NOW));
        user.credentials.totp_since = has_totp.then_some(NOW);
        user.credentials.backup_codes_left = codes;
        user.typed_code(text, &settings)
    };
    let totp = |text| Ok(TypedCode::Totp(TotpCode::parse(text).unwrap()));
    let on = |_: &mut SettingsDocument| ();
    assert_eq!(typed(true, 2, "123 456", on), totp("123456"));
    assert_eq!(typed(true, 2, "1234567", on), Ok(TypedCode::BackupCode));
    assert_eq!(typed(false, 2, "123456", on), Ok(TypedCode::BackupCode));
    assert_eq!(typed(true, 0, "1234567", on), Err(Refusal::TotpLength));
    assert_eq!(typed(true, 0, "", on), Err(Refusal::TotpLength));
    assert_eq!(typed(false, 0, "123456", on), Err(Refusal::TotpDisabled));
    assert_eq!(typed(true, 2, "123456", |s| s.second_factors.totp = false), Ok(TypedCode::BackupCode));
    assert_eq!(typed(true, 0, "123456", |s| s.second_factors.totp = false), Err(Refusal::TotpDisabled));
    assert_eq!(typed(true, 2, "x", |s| s.second_factors.backup_code = false), Err(Refusal::TotpLength));
}

#[test]
fn settings_say_what_locks() {
    let mut settings = SettingsDocument::default();
    assert_eq!(Lockout::of(&settings), Some(Lockout { failures_max: 100, lasts_ms: 3_600_000 }));
    settings.attack_protection.user_lockout_attempts = 3;
    settings.attack_protection.user_lockout_minutes = 2;
    assert_eq!(Lockout::of(&settings), Some(Lockout { failures_max: 3, lasts_ms: 120_000 }));
    settings.attack_protection.user_lockout = false;
    assert_eq!(Lockout::of(&settings), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Rule 3 of section 8: the counter equals the wrong guesses since it was cleared, and nothing is compared uncounted.
    #[test]
    fn counter_equals_the_wrong_guesses_since_it_was_cleared(
        steps in prop::collection::vec((any::<bool>(), 0..20_i64 * 60_000), 1..60), failures_max in 3..40_i64,
    ) {
        let mut world = World::new(failures_max);
        let (mut wrong, mut in_row): (Vec<i64>, i64) = (Vec::new(), 0);
        for (is_right, wait_ms) in steps {
            world.wait(wait_ms);
            let now = world.env.now.0;
            wrong.retain(|at| now - at < FAILURE_WINDOW_MS);
            if world.user.credentials.lockout_until.is_some_and(|until| until <= world.env.now) {
                in_row = 0;
            }
            let may_guess = in_row < failures_max && wrong.len() < FAILURES_MAX;
            prop_assert_eq!(world.guess(is_right).is_ok(), may_guess);
            if may_guess {
                if is_right { wrong.clear() } else { wrong.push(now); in_row += 1; }
            }
            let kept: Vec<i64> = world.window.failures.iter().map(|at| at.0).filter(|at| now - at < FAILURE_WINDOW_MS).collect();
            prop_assert_eq!(kept, wrong.clone());
            if world.user.credentials.lockout_until.is_none_or(|until| until > world.env.now) {
                prop_assert_eq!(world.user.credentials.failed_attempts, in_row);
            }
        }
    }
}

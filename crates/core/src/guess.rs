//! Guessing (contract section 6): how often a factor of a user was tried in vain, and when that locks the user.
//!
//! A factor is tried in two steps, so that no crash and no crowd gets a guess for free: [`User::begin_guess`] counts the try
//! as a wrong one, which the caller commits; only then is anything compared, and [`User::accept_guess`] says what a right one
//! takes back.

use crate::time::{CLOCKS_DIFFER_MS, age_ms, remaining_ms};
use crate::user::{Change, Refusal};
use crate::verification::{FAILURE_WINDOW_MS, FAILURES_MAX};
use crate::{Env, User};
use verger_credentials::TotpCode;
use verger_wire::UnixMillis;
use verger_wire::settings::SettingsDocument;

/// A factor whose failures are counted apart from those of every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuessedFactor {
    /// The password.
    Password,
    /// The codes of an authenticator.
    Totp,
    /// All backup codes together.
    BackupCodes,
}

/// What is remembered of one factor of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuessWindow {
    /// Moves by one with every change; 0 while nothing is stored.
    pub version: i64,
    /// When tries failed within the last hour: at most [`FAILURES_MAX`], oldest first. A try counts as failed until it proves
    /// right.
    pub failures: Vec<UnixMillis>,
}

/// What locks a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// How many failures in a row, over all factors.
    pub failures_max: i64,
    /// For how long, in milliseconds.
    pub lasts_ms: i64,
}

/// What is remembered after a try was counted, or found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guesses {
    /// Of the factor.
    pub window: GuessWindow,
    /// Failures of any factor in a row.
    pub failed_attempts: i64,
    /// Until when the user is locked.
    pub lockout_until: Option<UnixMillis>,
}

/// What a code is that was typed without saying what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedCode {
    /// The code of an authenticator.
    Totp(TotpCode),
    /// A backup code.
    BackupCode,
}

impl GuessedFactor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Password, Self::Totp, Self::BackupCodes];

    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::BackupCodes => "backup_codes",
        }
    }
}

impl Lockout {
    /// What an instance is set to; `None` if guesses lock nobody.
    pub fn of(settings: &SettingsDocument) -> Option<Self> {
        let protection = &settings.attack_protection;
        protection.user_lockout.then_some(Self {
            failures_max: protection.user_lockout_attempts,
            lasts_ms: protection.user_lockout_minutes.saturating_mul(60_000),
        })
    }

    /// How many more failures lock the user at `now`.
    pub fn attempts_remaining(self, user: &User, now: UnixMillis) -> i64 {
        (self.failures_max - user.failures_in_row(now)).max(0)
    }
}

impl GuessWindow {
    /// For how long the factor is still closed, in milliseconds, if it is.
    fn closed_for_ms(&self, now: UnixMillis) -> Option<i64> {
        // A failure in the future counts as one now: a clock that was set back opens nothing.
        let recent = self.failures.iter().filter(|at| age_ms(now, **at) < FAILURE_WINDOW_MS);
        let oldest = (*recent.clone().min()?).min(now);
        let left_ms = remaining_ms(oldest.plus_ms(FAILURE_WINDOW_MS), now, FAILURE_WINDOW_MS);
        (recent.count() >= FAILURES_MAX).then_some(left_ms)
    }

    /// The window to store in the place of one that a clock wrote that was ahead: its failures age from now on.
    #[must_use]
    pub fn settled(&self, now: UnixMillis) -> Self {
        let mut failures: Vec<_> = self.failures.iter().map(|at| (*at).min(now)).collect();
        failures.sort_unstable();
        Self { version: self.version + 1, failures }
    }

    fn with_failure(&self, now: UnixMillis) -> Self {
        let mut next = self.settled(now);
        next.failures.retain(|at| age_ms(now, *at) < FAILURE_WINDOW_MS);
        next.failures.push(now);
        next
    }
}

impl User {
    /// Failures of any factor in a row, as they count at `now`: a lock that has passed ends the row.
    fn failures_in_row(&self, now: UnixMillis) -> i64 {
        match self.credentials.lockout_until {
            Some(until) if until <= now => 0,
            _ => self.credentials.failed_attempts,
        }
    }

    /// Counts a try of a factor as a wrong one. Commit it, then compare.
    ///
    /// # Errors
    /// The user is banned or locked, or the factor is closed. Then nothing is counted.
    pub fn begin_guess(
        &self,
        window: &GuessWindow,
        lockout: Option<Lockout>,
        env: &Env,
    ) -> Result<Guesses, Refusal> {
        self.refuse_barred(env.now)?;
        if let Some(left_ms) = window.closed_for_ms(env.now) {
            return Err(Refusal::FactorClosed { retry_after_ms: u64::try_from(left_ms).unwrap_or(0) });
        }
        let failed_attempts = self.failures_in_row(env.now).saturating_add(1);
        let locks = lockout.filter(|lockout| failed_attempts >= lockout.failures_max);
        Ok(Guesses {
            window: window.with_failure(env.now),
            failed_attempts,
            lockout_until: locks.map(|lockout| env.now.plus_ms(lockout.lasts_ms)),
        })
    }

    /// What to store where a clock that was ahead would close the factor, or lock the user, for longer than a steady one:
    /// moments in the future are now. `None` if there are none, as almost always.
    pub fn settled_guesses(
        &self,
        window: &GuessWindow,
        lockout: Option<Lockout>,
        now: UnixMillis,
    ) -> Option<Guesses> {
        let stored = self.credentials.lockout_until;
        let longest = lockout.map_or(UnixMillis(i64::MAX), |lockout| now.plus_ms(lockout.lasts_ms));
        let is_ahead = |until: UnixMillis| until > longest.plus_ms(CLOCKS_DIFFER_MS);
        let lockout_until = stored.map(|until| if is_ahead(until) { longest } else { until });
        if lockout_until == stored && window.failures.iter().all(|at| *at <= now) {
            return None;
        }
        let failed_attempts = self.credentials.failed_attempts;
        Some(Guesses { window: window.settled(now), failed_attempts, lockout_until })
    }

    /// The try was right: the failures of its factor are forgotten (NIST SP 800-63B-4 section 3.2.2). Those in a row stay,
    /// but for this one: a completed sign-in ends the row, or the Backend API.
    ///
    /// # Errors
    /// The user was banned or locked meanwhile. Then the try stays counted.
    pub fn accept_guess(&self, window: &GuessWindow) -> Result<Guesses, Refusal> {
        self.refuse_banned_or_locked()?;
        Ok(Guesses {
            window: GuessWindow { version: window.version + 1, failures: Vec::new() },
            failed_attempts: (self.credentials.failed_attempts - 1).max(0),
            lockout_until: None,
        })
    }

    /// What a code that was typed is to be compared with.
    ///
    /// # Errors
    /// The user has nothing of the kind, or the instance does not; or it is too long or too short for the only kind.
    pub fn typed_code(&self, typed: &str, settings: &SettingsDocument) -> Result<TypedCode, Refusal> {
        let has_totp = self.totp_enabled() && settings.second_factors.totp;
        let has_backup_codes = self.backup_code_enabled() && settings.second_factors.backup_code;
        match TotpCode::parse(typed) {
            Ok(code) if has_totp => Ok(TypedCode::Totp(code)),
            _ if has_backup_codes => Ok(TypedCode::BackupCode),
            _ if has_totp => Err(Refusal::TotpLength),
            _ => Err(Refusal::TotpDisabled),
        }
    }

    /// The try was wrong, and with its count the user was locked: the change that tells so. `None` if it locks nobody.
    ///
    /// `self` is the user after the count.
    pub fn tell_lockout(&self, env: &Env) -> Option<(User, Change)> {
        self.credentials.lockout_until.filter(|until| *until > env.now)?;
        let mut before = self.clone();
        before.credentials.lockout_until = None;
        let change = before.settle(self.clone(), None, &[], env);
        Some((before, change))
    }
}

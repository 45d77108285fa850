//! Verification by a one-time code (contract section 8): one code, and the failures of a number or address over time.
//!
//! A code is tried in two steps, so that no crash and no crowd gets a guess for free: [`User::begin_attempt`] counts
//! the try, which the caller commits; only then is the code compared, and [`User::accept_code`] says what a right one
//! changes.

use crate::time::{age_ms, remaining_ms};
use crate::user::{Change, Claims, Identifier, Refusal, Verification};
use crate::{Env, Identification, User};
use std::fmt;
use verger_wire::{IdentificationId, UnixMillis, VerificationId};

/// How long a code is accepted, in milliseconds (NIST SP 800-63B-4 section 3.1.3.2 allows ten minutes at most).
pub const CODE_LIFETIME_MS: i64 = 10 * 60 * 1000;
/// How long after one code another may be sent to the same number or address, in milliseconds.
pub const RESEND_PAUSE_MS: i64 = 30 * 1000;
/// How often one code may be tried.
pub const TRIES_MAX: i64 = 5;
/// The time over which failures of one number or address are counted, in milliseconds.
pub const FAILURE_WINDOW_MS: i64 = 60 * 60 * 1000;
/// Failures in that time that close the verification of a number or address.
pub const FAILURES_MAX: usize = 10;
/// The code of test numbers, which nothing is ever sent to.
pub const TEST_CODE: &str = "424242";
/// Characters of a key's name. A text that is sealed with a key begins with its name and a colon.
pub const KEY_ID_CHARACTERS: usize = 16;
/// What codes are for. It is part of what a code is bound to.
pub const PURPOSE: &str = "verify";

/// A code that was sent for an identification, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCode {
    /// `ver_…`: the id of the verification in the API.
    pub id: VerificationId,
    /// The code in the form in which it is stored.
    pub code: CodeDigest,
    /// Tries so far, the right one included. A try counts before its code is compared.
    pub attempts: i64,
    /// When it was tried and right; `None` while it is pending or has failed.
    pub verified_at: Option<UnixMillis>,
    /// When it was made, which is when its message was queued.
    pub created_at: UnixMillis,
    /// From then on it has expired.
    pub expire_at: UnixMillis,
}

/// A keyed digest of a code and everything that it is bound to. Without the key it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeDigest {
    /// The name of the key that made it: [`KEY_ID_CHARACTERS`] characters.
    pub key_id: String,
    /// Lower-case hexadecimal.
    pub digest: String,
}

/// The status of a verification in the API; expiry is computed when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationStatus {
    /// The code is pending: it can be tried.
    Unverified,
    /// The code was tried and right.
    Verified,
    /// All tries are used up, or verification of the number or address is closed.
    Failed,
    /// The code's lifetime is over, or a newer code took its place.
    Expired,
}

/// What is remembered of one number or address across its codes and its users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerificationWindow {
    /// Moves by one with every change; 0 while nothing is stored.
    pub version: i64,
    /// When codes failed: at most [`FAILURES_MAX`], oldest first. A try counts as failed until it proves right.
    pub failures: Vec<UnixMillis>,
    /// When the last code was sent.
    pub sent_at: Option<UnixMillis>,
}

/// A code on its way out. Its `Debug` does not say the code.
#[derive(Clone)]
pub struct Prepared {
    /// The user with the new pending code; its `subject` is the identification.
    pub change: Change,
    /// What is remembered from now on.
    pub window: VerificationWindow,
    /// The code, to be sent and never stored as it is.
    pub code: String,
    /// Nothing is to be sent: it is a test number.
    pub is_test: bool,
}

/// What a try comes to before its code is compared.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub enum Attempt {
    /// The code is not looked at.
    Ended(VerificationStatus),
    /// The try is counted: commit this, then compare.
    Counted {
        /// The user with one more attempt.
        change: Change,
        /// The window with one more failure.
        window: VerificationWindow,
    },
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("change", &self.change)
            .field("window", &self.window)
            .field("is_test", &self.is_test)
            .finish_non_exhaustive()
    }
}

impl VerificationStatus {
    /// The value of `status` in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl PendingCode {
    /// The status of its verification at `now`.
    pub fn status(&self, now: UnixMillis) -> VerificationStatus {
        if self.verified_at.is_some() {
            VerificationStatus::Verified
        } else if self.attempts >= TRIES_MAX {
            VerificationStatus::Failed
        } else if now >= self.expire_at {
            VerificationStatus::Expired
        } else {
            VerificationStatus::Unverified
        }
    }

    /// As it counts at `now`: a code that was made in the future was made now, so that it expires after its lifetime at the
    /// latest.
    #[must_use]
    pub fn settled(&self, now: UnixMillis) -> Self {
        Self { expire_at: self.expire_at.min(now.plus_ms(CODE_LIFETIME_MS)), ..self.clone() }
    }
}

impl VerificationWindow {
    /// Until when the verification is closed, if it is.
    pub fn closed_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        // A failure in the future counts as one now: a clock that was set back opens nothing.
        let is_recent = |at: &&UnixMillis| age_ms(now, **at) < FAILURE_WINDOW_MS;
        let recent = self.failures.iter().filter(is_recent);
        let oldest = (*recent.clone().min()?).min(now);
        (recent.count() >= FAILURES_MAX).then(|| oldest.plus_ms(FAILURE_WINDOW_MS))
    }

    /// The window to store in the place of one with moments in the future: with now in their place, so that they age from
    /// now on. `None` if there are none, as almost always.
    pub fn settled(&self, now: UnixMillis) -> Option<Self> {
        let is_ahead = |at: &UnixMillis| *at > now;
        let has_ahead = self.failures.iter().any(is_ahead) || self.sent_at.as_ref().is_some_and(is_ahead);
        has_ahead.then(|| Self { version: self.version + 1, ..self.counted_at(now) })
    }

    fn counted_at(&self, now: UnixMillis) -> Self {
        let mut failures: Vec<_> = self.failures.iter().map(|at| (*at).min(now)).collect();
        failures.sort_unstable();
        Self { version: self.version, failures, sent_at: self.sent_at.map(|at| at.min(now)) }
    }

    /// The next version, to be changed.
    fn next(&self, now: UnixMillis) -> Self {
        Self { version: self.version + 1, ..self.counted_at(now) }
    }

    fn with_failure(&self, now: UnixMillis) -> Self {
        let mut next = self.next(now);
        next.failures.retain(|at| age_ms(now, *at) < FAILURE_WINDOW_MS);
        next.failures.push(now);
        next
    }
}

/// What a code is bound to, so that it is right for this user, number, verification and purpose only.
fn binding(user: &User, held: &Identification, id: &VerificationId) -> String {
    format!("{PURPOSE}\n{id}\n{}\n{}\n{}", user.id, held.id, held.identifier.as_str())
}

impl User {
    /// Makes a new code for an identification; it takes the place of the former one, which has expired with that.
    ///
    /// `digest` turns what a code is bound to and the code into its stored form.
    ///
    /// # Errors
    /// Not the user's, claimed by another user, banned or locked, a code was sent a moment ago, or too many failed.
    pub fn prepare_verification(
        &self,
        id: &IdentificationId,
        window: &VerificationWindow,
        claims: &Claims,
        digest: impl Fn(&str, &str) -> CodeDigest,
        env: &mut Env,
    ) -> Result<Prepared, Refusal> {
        let held = self.identification(id).ok_or(Refusal::NotFound)?;
        self.refuse_barred(env.now)?;
        if !held.verification.is_claimed() {
            claims.refuse_taken(held.identifier.kind(), held.identifier.as_str())?;
        }
        let wait = |since: UnixMillis, pause_ms: i64| {
            let left_ms = remaining_ms(since.plus_ms(pause_ms), env.now, pause_ms);
            u64::try_from(left_ms).unwrap_or(0)
        };
        if let Some(until) = window.closed_until(env.now) {
            let retry_after_ms = wait(until.plus_ms(-FAILURE_WINDOW_MS), FAILURE_WINDOW_MS);
            return Err(Refusal::VerificationClosed { retry_after_ms });
        }
        let retry_after_ms = window.sent_at.map_or(0, |at| wait(at, RESEND_PAUSE_MS));
        if retry_after_ms > 0 {
            return Err(Refusal::CodeJustSent { retry_after_ms });
        }
        let is_test = matches!(&held.identifier, Identifier::Phone(number) if number.is_test());
        let verification_id = env.verification_id();
        let code = if is_test { TEST_CODE.to_owned() } else { env.code() };
        let pending_code = PendingCode {
            code: digest(&binding(self, held, &verification_id), &code),
            id: verification_id,
            attempts: 0,
            verified_at: None,
            created_at: env.now,
            expire_at: env.now.plus_ms(CODE_LIFETIME_MS),
        };
        let next = self.with_pending_code(id, pending_code);
        let mut window = window.next(env.now);
        window.sent_at = Some(env.now);
        let change = self.settle(next, Some(id.clone()), &[], env);
        Ok(Prepared { change, window, code, is_test })
    }

    /// Counts a try of a code. `tried` is the code of the verification that the request names; one that is not the newest of
    /// the identification is never compared.
    ///
    /// # Errors
    /// Not the user's, banned or locked, accepted before, or claimed by another user.
    pub fn begin_attempt(
        &self,
        id: &IdentificationId,
        tried: &PendingCode,
        window: &VerificationWindow,
        claims: &Claims,
        env: &Env,
    ) -> Result<Attempt, Refusal> {
        let held = self.identification(id).ok_or(Refusal::NotFound)?;
        self.refuse_barred(env.now)?;
        let newest = held.pending_code.as_ref().filter(|newest| newest.id == tried.id);
        let code = newest.unwrap_or(tried);
        if code.verified_at.is_some() {
            return Err(Refusal::AlreadyVerified);
        }
        // Before the try is counted: what is refused changes nothing, and says nothing about the code.
        if !held.verification.is_claimed() {
            claims.refuse_taken(held.identifier.kind(), held.identifier.as_str())?;
        }
        if window.closed_until(env.now).is_some() {
            return Ok(Attempt::Ended(VerificationStatus::Failed));
        }
        match code.status(env.now) {
            VerificationStatus::Verified => return Err(Refusal::AlreadyVerified),
            ended @ (VerificationStatus::Failed | VerificationStatus::Expired) => {
                return Ok(Attempt::Ended(ended));
            }
            VerificationStatus::Unverified if newest.is_none() => {
                return Ok(Attempt::Ended(VerificationStatus::Expired));
            }
            VerificationStatus::Unverified => {}
        }
        let counted = PendingCode { attempts: code.attempts + 1, ..code.settled(env.now) };
        let next = self.with_pending_code(id, counted);
        let change = self.settle(next, Some(id.clone()), &[], env);
        Ok(Attempt::Counted { change, window: window.with_failure(env.now) })
    }

    /// What the newest code of an identification is bound to, and its digest, for comparing.
    pub fn code_binding(&self, id: &IdentificationId) -> Option<(String, &CodeDigest)> {
        let held = self.identification(id)?;
        let newest = held.pending_code.as_ref()?;
        Some((binding(self, held, &newest.id), &newest.code))
    }

    /// The newest code was tried and right, after the try was counted: an unverified identification is now verified, and
    /// the failures of the number or address are forgotten (NIST SP 800-63B-4 section 3.2.2).
    ///
    /// # Errors
    /// Not the user's or no longer the newest, banned or locked meanwhile, accepted before, or claimed by another user.
    pub fn accept_code(
        &self,
        id: &IdentificationId,
        tried: &VerificationId,
        window: &VerificationWindow,
        claims: &Claims,
        env: &Env,
    ) -> Result<(Change, VerificationWindow), Refusal> {
        let held = self.identification(id).ok_or(Refusal::NotFound)?;
        self.refuse_barred(env.now)?;
        let newest =
            held.pending_code.as_ref().filter(|newest| newest.id == *tried).ok_or(Refusal::NotFound)?;
        if newest.verified_at.is_some() {
            return Err(Refusal::AlreadyVerified);
        }
        if !held.verification.is_claimed() {
            claims.refuse_taken(held.identifier.kind(), held.identifier.as_str())?;
        }
        let (attempts, expire_at) = (newest.attempts, newest.expire_at);
        let accepted = PendingCode { verified_at: Some(env.now), ..newest.clone() };
        let is_verified = held.verification.is_verified();
        let mut next = self.with_pending_code(id, accepted);
        if !is_verified && let Some(held) = next.identifications.iter_mut().find(|held| held.id == *id) {
            held.verification = Verification::VerifiedByCode { at: env.now, attempts, expire_at };
        }
        let mut window = window.next(env.now);
        window.failures.clear();
        Ok((self.settle(next, Some(id.clone()), &[], env), window))
    }

    /// Refuses what a banned or locked user may not try.
    pub(crate) fn refuse_barred(&self, now: UnixMillis) -> Result<(), Refusal> {
        self.refuse_banned_or_locked()?;
        if let Some(until) = self.credentials.lockout_until.filter(|until| *until > now) {
            let expires_in_ms = u64::try_from(remaining_ms(until, now, i64::MAX)).unwrap_or(0);
            return Err(Refusal::LockedOut { expires_in_ms });
        }
        Ok(())
    }

    /// The same, whatever guesses have led to.
    pub(crate) fn refuse_banned_or_locked(&self) -> Result<(), Refusal> {
        if self.banned_at.is_some() {
            return Err(Refusal::Banned);
        }
        if self.locked_at.is_some() {
            return Err(Refusal::Locked);
        }
        Ok(())
    }

    fn with_pending_code(&self, id: &IdentificationId, pending_code: PendingCode) -> Self {
        let mut next = self.clone();
        if let Some(held) = next.identifications.iter_mut().find(|held| held.id == *id) {
            held.pending_code = Some(pending_code);
        }
        next
    }
}

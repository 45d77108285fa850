//! Codes that are sent and tried.

use super::soundness::{agree, change_is_sound, only_identifications_differ, subject_is};
use super::world::{Answer, World};
use crate::model::{Code, Model, code};
use crate::section_8::digest;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use verger_core::verification::{Attempt, Prepared};
use verger_core::{IdentifierKind, PendingCode, User, VerificationStatus, VerificationWindow};
use verger_wire::IdentificationId;

#[derive(Clone)]
pub(super) struct Sent {
    pub(super) code: String,
    pub(super) identification: IdentificationId,
    pub(super) of: (IdentifierKind, String),
    pub(super) verification: PendingCode,
}

impl World<'_> {
    fn barred(user: &User) -> Option<Code> {
        match (user.banned_at, user.locked_at) {
            (Some(_), _) => Some("user_banned"),
            (None, Some(_)) => Some("user_locked"),
            (None, None) => None,
        }
    }

    /// Ten failures in the last hour, counted anew.
    fn is_closed(&self, of: &(IdentifierKind, String)) -> bool {
        let now = self.env.now.0;
        self.failures.get(of).is_some_and(|at| at.iter().filter(|at| now - **at < 3_600_000).count() >= 10)
    }

    pub(super) fn prepare(
        &mut self,
        user: &User,
        model: Model,
        pick: usize,
    ) -> Result<Answer, TestCaseError> {
        let id = self.pick(user, pick);
        let of = user.identification(&id).map(|held| (held.identifier.kind(), held.identifier.as_str()));
        let of = of.map(|(kind, text)| (kind, text.to_owned()));
        let window = of.as_ref().and_then(|of| self.windows.get(of)).cloned().unwrap_or_default();
        let claims = self.claims_of_others(&user.id);
        let outcome = user.prepare_verification(&id, &window, &claims, digest, &mut self.env);
        let now = self.env.now.0;
        let expected: Result<(), Code> = match (&of, Self::barred(user)) {
            (None, _) => Err("resource_not_found"),
            (_, Some(code)) => Err(code),
            (Some(of), None) => {
                let last = self.sent.iter().rev().find(|sent| sent.of == *of);
                if self.is_claimed(of.0, &of.1) {
                    Err("form_identifier_exists")
                } else if self.is_closed(of) {
                    Err("too_many_requests")
                } else if last.is_some_and(|last| now - last.verification.created_at.0 < 30_000) {
                    Err("verification_code_too_many_requests")
                } else {
                    Ok(())
                }
            }
        };
        prop_assert_eq!(outcome.as_ref().map(|_| ()).map_err(|refusal| code(*refusal)), expected);
        let outcome = match (outcome, of) {
            (Ok(Prepared { change, window, code, .. }), Some(of)) => {
                let verification = change.user.identification(&id).unwrap().pending_code.clone().unwrap();
                prop_assert_eq!(verification.expire_at.0, now + 600_000);
                prop_assert_eq!(verification.attempts, 0);
                self.windows.insert(of.clone(), window);
                self.sent.push(Sent { code, identification: id.clone(), of, verification });
                Ok(change)
            }
            (Err(refusal), _) => Err(refusal),
            (Ok(_), None) => return Err(TestCaseError::fail("a code for nobody")),
        };
        if outcome.is_ok() {
            agree(&outcome, Ok(model))?;
        }
        subject_is(&outcome, &id)?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "prepare", outcome, named: vec![] })
    }

    /// What must come of a try, by the naive count.
    fn expected_of(&self, user: &User, sent: &Sent, right: bool) -> Result<VerificationStatus, Code> {
        let (tried, now) = (&sent.verification, self.env.now);
        let mut held = user.identifications.iter().filter_map(|held| held.pending_code.as_ref());
        let is_live = held.any(|newest| newest.id == tried.id);
        let held = user.identification(&sent.identification);
        let is_open = held.is_some_and(|held| !held.verification.is_claimed());
        if let Some(code) = Self::barred(user) {
            Err(code)
        } else if tried.verified_at.is_some() {
            Err("verification_already_verified")
        } else if is_open && self.is_claimed(sent.of.0, &sent.of.1) {
            Err("form_identifier_exists")
        } else if self.is_closed(&sent.of) || tried.attempts >= 5 {
            Ok(VerificationStatus::Failed)
        } else if now.0 >= tried.created_at.0 + 600_000 || !is_live {
            Ok(VerificationStatus::Expired)
        } else if right {
            Ok(VerificationStatus::Verified)
        } else {
            Ok(VerificationStatus::Unverified)
        }
    }

    /// As the server does it: count, keep, compare, accept. Gives the user afterwards, who was written twice if the code
    /// was right.
    pub(super) fn attempt(&mut self, user: User, back: usize, right: bool) -> Result<User, TestCaseError> {
        let own = |sent: &&Sent| user.identification(&sent.identification).is_some();
        let Some(sent) = self.sent.iter().rev().filter(own).nth(back).cloned() else { return Ok(user) };
        let expected = self.expected_of(&user, &sent, right);
        let what = expected.map_or_else(|code| code, VerificationStatus::as_str);
        self.count(format!("attempt: {what}"));

        let window = self.windows.get(&sent.of).cloned().unwrap_or_default();
        let claims = self.claims_of_others(&user.id);
        let begun = user.begin_attempt(&sent.identification, &sent.verification, &window, &claims, &self.env);
        let (counted, window) = match begun {
            Ok(Attempt::Counted { change, window }) => (change, window),
            Ok(Attempt::Ended(status)) => {
                prop_assert!(!matches!(
                    status,
                    VerificationStatus::Unverified | VerificationStatus::Verified
                ));
                prop_assert_eq!(Ok(status), expected);
                return Ok(user);
            }
            Err(refusal) => {
                prop_assert_eq!(Err(code(refusal)), expected);
                return Ok(user);
            }
        };
        let (id, now) = (&sent.identification, self.env.now);
        change_is_sound(&user, &counted, &[], now)?;
        subject_is(&Ok(counted.clone()), id)?;
        agree(&Ok(counted.clone()), Ok(Model::of(&user)))?;
        self.failures.entry(sent.of.clone()).or_default().push(now.0);
        prop_assert!(window.failures.len() <= 10);
        self.windows.insert(sent.of.clone(), window.clone());
        self.keep(&counted.user, id);
        let code_tried = if right { &sent.code } else { "wrong!" };
        let (binding, stored) = counted.user.code_binding(id).unwrap();
        if digest(&binding, code_tried) != *stored {
            prop_assert_eq!(Ok(VerificationStatus::Unverified), expected);
            return Ok(counted.user);
        }
        self.accept(counted.user, &sent, &window, expected)
    }

    /// The right code came: `user` is the user whose try was counted.
    fn accept(
        &mut self,
        user: User,
        sent: &Sent,
        window: &VerificationWindow,
        expected: Result<VerificationStatus, Code>,
    ) -> Result<User, TestCaseError> {
        let id = &sent.identification;
        let claims = self.claims_of_others(&user.id);
        match user.accept_code(id, &sent.verification.id, window, &claims, &self.env) {
            Ok((change, window)) => {
                prop_assert_eq!(Ok(VerificationStatus::Verified), expected);
                prop_assert_eq!(&window.failures, &vec![]);
                self.failures.remove(&sent.of);
                self.windows.insert(sent.of.clone(), window);
                self.keep(&change.user, id);
                change_is_sound(&user, &change, &[], self.env.now)?;
                let mut after = Model::of(&user);
                let held = after.held.iter_mut().find(|held| held.id == id.as_str()).unwrap();
                (held.verified, held.reserved) = (true, false);
                let accepted = change.user.clone();
                let outcome = Ok(change);
                agree(&outcome, Ok(after))?;
                subject_is(&outcome, id)?;
                only_identifications_differ(&user, &outcome)?;
                self.claim(&accepted)?;
                Ok(accepted)
            }
            Err(refusal) => {
                prop_assert_eq!(Err(code(refusal)), expected);
                Ok(user)
            }
        }
    }

    fn keep(&mut self, user: &User, id: &IdentificationId) {
        let verification = user.identification(id).and_then(|held| held.pending_code.clone()).unwrap();
        let sent = self.sent.iter_mut().find(|sent| sent.verification.id == verification.id).unwrap();
        sent.verification = verification;
    }
}

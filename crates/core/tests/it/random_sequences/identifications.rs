//! Adding, replacing and updating numbers and addresses.

use super::soundness::{agree, only_identifications_differ, primary_moved, subject_is, subject_is_new};
use super::world::{Answer, World};
use crate::model::{Model, New};
use crate::support::identifier;
use proptest::test_runner::TestCaseError;
use verger_core::user::{IdentificationStatus, IdentificationUpdate, NewIdentification};
use verger_core::{IdentifierKind, User};

impl World<'_> {
    pub(super) fn post(
        &mut self,
        user: &User,
        name: &str,
        verified: bool,
        second_factor: bool,
        primary: bool,
    ) -> Result<Answer, TestCaseError> {
        let identifier = identifier(name);
        let (kind, text) = (identifier.kind(), identifier.as_str().to_owned());
        let is_phone = kind == IdentifierKind::PhoneNumber;
        let reserved_for_second_factor = second_factor && is_phone;
        let new =
            New { is_phone, text: &text, verified, reserved: false, reserved_for_second_factor, primary };
        let real = NewIdentification { identifier, verified, primary, reserved_for_second_factor };
        let outcome = user.add_identification(real, &self.claims_of_others(&user.id), &mut self.env);
        let id = subject_is_new(user, &outcome)?;
        let taken = self.is_claimed(kind, &text);
        agree(&outcome, Model::of(user).post(&new, &id, taken, self.env.now.0))?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "post", outcome, named: vec![primary_moved(is_phone)] })
    }

    pub(super) fn put(
        &mut self,
        user: &User,
        name: &str,
        status: IdentificationStatus,
    ) -> Result<Answer, TestCaseError> {
        let identifier = identifier(name);
        let (kind, text) = (identifier.kind(), identifier.as_str().to_owned());
        let is_phone = kind == IdentifierKind::PhoneNumber;
        let new = New {
            is_phone,
            text: &text,
            verified: status == IdentificationStatus::Verified,
            reserved: status == IdentificationStatus::Reserved,
            reserved_for_second_factor: false,
            primary: true,
        };
        let claims = self.claims_of_others(&user.id);
        let outcome = user.replace_identification(identifier, status, &claims, &mut self.env);
        let id = subject_is_new(user, &outcome)?;
        let taken = self.is_claimed(kind, &text);
        agree(&outcome, Model::of(user).put(&new, &id, taken, self.env.now.0))?;
        only_identifications_differ(user, &outcome)?;
        Ok(Answer { what: "put", outcome, named: vec![primary_moved(is_phone)] })
    }

    pub(super) fn patch(
        &mut self,
        user: &User,
        pick: usize,
        mut body: IdentificationUpdate,
    ) -> Result<Answer, TestCaseError> {
        let id = self.pick(user, pick);
        let held = user.identification(&id).map(|held| &held.identifier);
        let is_phone = held.is_some_and(|held| held.kind() == IdentifierKind::PhoneNumber);
        let taken = held.is_some_and(|held| self.is_claimed(held.kind(), held.as_str()));
        if !is_phone {
            // An address has no such field.
            body.reserved_for_second_factor = None;
        }
        let outcome = user.update_identification(&id, body, &self.claims_of_others(&user.id), &mut self.env);
        agree(&outcome, Model::of(user).patch(id.as_str(), body, taken, self.env.now.0))?;
        subject_is(&outcome, &id)?;
        only_identifications_differ(user, &outcome)?;
        let named = (body.primary == Some(true)).then(|| primary_moved(is_phone)).into_iter().collect();
        Ok(Answer { what: "patch", outcome, named })
    }
}

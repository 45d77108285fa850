//! Creating users, and changing their profiles.

use super::Verdict;
use super::command::UserPatch;
use super::soundness::{events_tell_the_difference, primary_moved};
use super::world::{Answer, World};
use crate::model::{Code, Model, code};
use crate::support::identifier;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::BTreeSet;
use verger_core::metadata::Metadata;
use verger_core::user::{IdentificationStatus, MetadataChange, NewUser, ProfileChange};
use verger_core::{Change, Claims, IdentifierKind, User, Username};
use verger_wire::Patch;

impl World<'_> {
    pub(super) fn create_user(
        &mut self,
        slot: usize,
        held: &[(&'static str, IdentificationStatus)],
        username: Option<&'static str>,
        skip: bool,
    ) -> Verdict {
        let new = NewUser {
            identifications: held.iter().map(|(name, status)| (identifier(name), *status)).collect(),
            skip_user_requirement: skip,
            profile: ProfileChange {
                username: username.map_or(Patch::Absent, |name| Patch::Set(Username::parse(name).unwrap())),
                ..ProfileChange::default()
            },
            ..NewUser::default()
        };
        let taken = held.iter().any(|(name, _)| {
            let identifier = identifier(name);
            self.is_claimed(identifier.kind(), identifier.as_str())
        }) || username
            .is_some_and(|name| self.is_claimed(IdentifierKind::Username, &name.to_lowercase()));
        let names: BTreeSet<_> = held.iter().map(|(name, _)| name).collect();
        let expected: Result<(), Code> = if taken || names.len() < held.len() {
            Err("form_identifier_exists")
        } else if held.is_empty() && username.is_none() && !skip {
            Err("form_data_missing")
        } else {
            Ok(())
        };
        let claims = Claims::new(self.claims.keys().cloned());
        let outcome = User::create(new, &claims, &mut self.env);
        prop_assert_eq!(outcome.as_ref().map(|_| ()).map_err(|refusal| code(*refusal)), expected);
        self.count(format!("create user: {}", expected.err().unwrap_or("created")));
        if let Ok(Change { user, consequences, subject, secrets, reopened }) = outcome {
            prop_assert!(secrets.is_empty() && reopened.is_empty());
            prop_assert_eq!((consequences, subject, user.version), (vec![], None, 1));
            prop_assert_eq!((user.created_at, user.updated_at), (self.env.now, self.env.now));
            let model = Model::of(&user);
            prop_assert_eq!(model.held.len(), held.len());
            for (held, (name, status)) in model.held.iter().zip(held) {
                prop_assert_eq!(held.text.clone(), identifier(name).as_str().to_owned());
                prop_assert_eq!(held.verified, *status == IdentificationStatus::Verified);
                prop_assert_eq!(held.reserved, *status == IdentificationStatus::Reserved);
                prop_assert!(!held.reserved_for_second_factor);
            }
            let first = |is_phone| {
                model.held.iter().find(|held| held.is_phone == is_phone).map(|held| held.id.clone())
            };
            prop_assert_eq!(&model.primary_phone_number_id, &first(true));
            prop_assert_eq!(&model.primary_email_address_id, &first(false));
            events_tell_the_difference(None, Some(&user))?;
            self.claim(&user)?;
            self.users[slot] = Some(user);
        }
        self.rules_hold()
    }

    pub(super) fn patch_user(
        &mut self,
        user: &User,
        model: &Model,
        patch: UserPatch,
    ) -> Result<Answer, TestCaseError> {
        let phone = patch.primary_phone_number.map(|pick| self.pick(user, pick));
        let email = patch.primary_email_address.map(|pick| self.pick(user, pick));
        let mut reasons: Vec<Code> = Vec::new();
        let is_taken = |kind, field: Patch<&str>| {
            field.set().is_some_and(|text| match kind {
                IdentifierKind::Username => self.is_claimed(kind, &text.to_lowercase()),
                _ => self.is_claimed(kind, text),
            })
        };
        if is_taken(IdentifierKind::Username, patch.username)
            || is_taken(IdentifierKind::ExternalId, patch.external_id)
        {
            reasons.push("form_identifier_exists");
        }
        for (id, is_phone) in [(&phone, true), (&email, false)] {
            let Some(id) = id else { continue };
            match model.held.iter().find(|held| held.id == id.as_str() && held.is_phone == is_phone) {
                None => reasons.push("form_resource_not_found"),
                Some(held) if !held.verified && !held.reserved => reasons.push("form_verification_needed"),
                Some(_) => {}
            }
        }
        if patch.username == Patch::Null && model.has_username && model.held.is_empty() {
            reasons.push("identification_deletion_failed");
        }
        let change = ProfileChange {
            username: map_patch(patch.username, |name| Username::parse(name).unwrap()),
            external_id: map_patch(patch.external_id, ToOwned::to_owned),
            first_name: map_patch(patch.first_name, ToOwned::to_owned),
            primary_phone_number_id: phone.clone(),
            primary_email_address_id: email.clone(),
            ..ProfileChange::default()
        };
        let outcome = user.update(change, &self.claims_of_others(&user.id), &mut self.env);
        match &outcome {
            Err(refusal) => prop_assert!(reasons.contains(&code(*refusal)), "{refusal:?} but {reasons:?}"),
            Ok(change) => {
                prop_assert_eq!(&reasons, &Vec::<Code>::new());
                prop_assert_eq!(&change.subject, &None);
                let mut expected = user.clone();
                patch_field(
                    &mut expected.username,
                    map_patch(patch.username, |name| Username::parse(name).unwrap()),
                );
                patch_field(&mut expected.external_id, map_patch(patch.external_id, ToOwned::to_owned));
                patch_field(&mut expected.first_name, map_patch(patch.first_name, ToOwned::to_owned));
                expected.primary_phone_number_id = phone.or(expected.primary_phone_number_id);
                expected.primary_email_address_id = email.or(expected.primary_email_address_id);
                expected.version = change.user.version;
                expected.updated_at = change.user.updated_at;
                prop_assert_eq!(&change.user, &expected);
            }
        }
        let mut named = Vec::new();
        if patch.primary_phone_number.is_some() {
            named.push(primary_moved(true));
        }
        if patch.primary_email_address.is_some() {
            named.push(primary_moved(false));
        }
        Ok(Answer { what: "patch user", outcome, named })
    }
}

fn map_patch<T>(field: Patch<&'static str>, map: impl Fn(&str) -> T) -> Patch<T> {
    match field {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Set(text) => Patch::Set(map(text)),
    }
}

fn patch_field<T>(field: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Absent => {}
        Patch::Null => *field = None,
        Patch::Set(value) => *field = Some(value),
    }
}

pub(super) fn metadata_change(object: &serde_json::Value) -> MetadataChange {
    MetadataChange { public_metadata: as_metadata(object), ..MetadataChange::default() }
}

pub(super) fn as_metadata(object: &serde_json::Value) -> Option<Metadata> {
    object.as_object().cloned().map(Into::into)
}

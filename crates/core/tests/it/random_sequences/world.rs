//! The instance that the commands run on.

use super::codes::Sent;
use super::command::{Command, Step};
use super::profile::{as_metadata, metadata_change};
use super::soundness::{
    agree, change_is_sound, claimed_by, events_tell_the_difference, only_identifications_differ, subject_is,
    user_is_sound,
};
use super::{Coverage, START, Verdict};
use crate::model::{Model, code};
use crate::support::{bare_user, env_at};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;
use std::collections::BTreeMap;
use verger_core::{
    Change, Claims, Consequence, Env, IdentifierKind, Refusal, User, Verification, VerificationWindow,
};
use verger_wire::{IdentificationId, UnixMillis, UserId};

/// What came of a command.
pub(super) struct Answer {
    pub(super) what: &'static str,
    pub(super) outcome: Result<Change, Refusal>,
    /// Side effects that the command itself asked for.
    pub(super) named: Vec<Consequence>,
}

pub(super) struct World<'a> {
    pub(super) users: [Option<User>; 4],
    /// Stands in for the store's unique key.
    pub(super) claims: BTreeMap<(IdentifierKind, String), UserId>,
    pub(super) windows: BTreeMap<(IdentifierKind, String), VerificationWindow>,
    /// Every code that was sent, oldest first, as the store keeps it.
    pub(super) sent: Vec<Sent>,
    /// The contract's own count, written down anew: when the tries of a number failed.
    pub(super) failures: BTreeMap<(IdentifierKind, String), Vec<i64>>,
    pub(super) env: Env,
    pub(super) coverage: &'a Coverage,
}

impl<'a> World<'a> {
    pub(super) fn new(coverage: &'a Coverage) -> Self {
        let mut env = env_at(START);
        let users = [Some(bare_user(&mut env)), Some(bare_user(&mut env)), Some(bare_user(&mut env)), None];
        Self {
            users,
            claims: BTreeMap::new(),
            windows: BTreeMap::new(),
            sent: Vec::new(),
            failures: BTreeMap::new(),
            env,
            coverage,
        }
    }

    pub(super) fn count(&self, what: String) {
        *self.coverage.borrow_mut().entry(what).or_default() += 1;
    }

    pub(super) fn run(&mut self, step: Step) -> Verdict {
        self.env.now = self.env.now.plus_ms(step.wait_ms);
        if let Command::CreateUser { held, username, skip } = step.command {
            return match self.users.iter().position(Option::is_none) {
                Some(slot) => self.create_user(slot, &held, username, skip),
                None => Ok(()),
            };
        }
        let Some(slot) = (step.who..step.who + 4).map(|at| at % 4).find(|at| self.users[*at].is_some())
        else {
            return Ok(());
        };
        let mut user = self.users[slot].take().unwrap();
        let length = user.identifications.len().max(1);
        user.identifications.rotate_left(step.turn % length);
        let next = self.run_on(user, step.command)?;
        self.users[slot] = next;
        self.rules_hold()
    }

    /// Runs a command on a user, who is outside the world meanwhile; gives the user afterwards.
    fn run_on(&mut self, user: User, command: Command) -> Result<Option<User>, TestCaseError> {
        if let Command::DeleteUser = command {
            events_tell_the_difference(Some(&user), None)?;
            self.claims.retain(|_, owner| *owner != user.id);
            return Ok(None);
        }
        if let Command::Attempt { back, right } = command {
            return self.attempt(user, back, right).map(Some);
        }
        let untouched = user.clone();
        let Answer { what, outcome, named } = self.answer(&user, command)?;
        prop_assert_eq!(&user, &untouched, "a command touched the user it was given");
        match outcome {
            Err(refusal) => {
                self.count(format!("{what}: {}", code(refusal)));
                Ok(Some(user))
            }
            Ok(change) => {
                self.count(format!("{what}: {}", if change.user == user { "unchanged" } else { "changed" }));
                for consequence in &change.consequences {
                    self.count(consequence.as_str().to_owned());
                }
                change_is_sound(&user, &change, &named, self.env.now)?;
                self.claim(&change.user)?;
                Ok(Some(change.user))
            }
        }
    }

    /// Gives the command to the user and to the model, who must agree.
    fn answer(&mut self, user: &User, command: Command) -> Result<Answer, TestCaseError> {
        let model = Model::of(user);
        match command {
            Command::CreateUser { .. } | Command::DeleteUser | Command::Attempt { .. } => {
                unreachable!("not one change of a user")
            }
            Command::Post { name, verified, second_factor, primary } => {
                self.post(user, name, verified, second_factor, primary)
            }
            Command::Put { name, status } => self.put(user, name, status),
            Command::Patch { pick, body } => self.patch(user, pick, body),
            Command::PatchUser(patch) => self.patch_user(user, &model, patch),
            Command::Prepare { pick } => self.prepare(user, model, pick),
            Command::Delete { pick } => {
                let id = self.pick(user, pick);
                let outcome = user.remove_identification(&id, &mut self.env);
                agree(&outcome, model.delete(id.as_str(), self.env.now.0))?;
                subject_is(&outcome, &id)?;
                only_identifications_differ(user, &outcome)?;
                Ok(Answer { what: "delete", outcome, named: vec![] })
            }
            Command::DeleteMfa => {
                let outcome = Ok(user.disable_mfa(&mut self.env));
                agree(&outcome, Ok(model.delete_mfa(self.env.now.0)))?;
                only_identifications_differ(user, &outcome)?;
                Ok(Answer { what: "delete mfa", outcome, named: vec![Consequence::MfaDisabled] })
            }
            Command::MergeMetadata { key, value } => {
                let change = metadata_change(&json!({ key: value }));
                let outcome = user.merge_metadata(&change, &mut self.env);
                agree(&outcome, Ok(model))?;
                let merged = &outcome.as_ref().unwrap().user.public_metadata;
                prop_assert_eq!(merged.get(key).cloned(), value.map(|value| json!(value).into()));
                Ok(Answer { what: "merge metadata", outcome, named: vec![] })
            }
            Command::ReplaceMetadata { value } => {
                let object = value.map_or(json!({}), |value| json!({ "k": value }));
                let outcome = user.replace_metadata(metadata_change(&object), &mut self.env);
                agree(&outcome, Ok(model))?;
                prop_assert_eq!(
                    Some(outcome.as_ref().unwrap().user.public_metadata.clone()),
                    as_metadata(&object)
                );
                Ok(Answer { what: "replace metadata", outcome, named: vec![] })
            }
            Command::Ban(banned) => {
                let change = user.set_banned(banned, &mut self.env);
                prop_assert_eq!(change.user.banned_at, since(user.banned_at, banned, self.env.now));
                let outcome = Ok(change);
                agree(&outcome, Ok(model))?;
                Ok(Answer { what: "ban", outcome, named: vec![] })
            }
            Command::Lock(locked) => {
                let change = user.set_locked(locked, &mut self.env);
                prop_assert_eq!(change.user.locked_at, since(user.locked_at, locked, self.env.now));
                let outcome = Ok(change);
                agree(&outcome, Ok(model))?;
                Ok(Answer { what: "lock", outcome, named: vec![] })
            }
        }
    }

    /// An id of the user's own, now and then of another user, or of nobody.
    pub(super) fn pick(&self, user: &User, pick: usize) -> IdentificationId {
        let own = &user.identifications;
        if pick < 30 && !own.is_empty() {
            return own[pick % own.len()].id.clone();
        }
        let others = self.users.iter().flatten().flat_map(|other| &other.identifications).next();
        others.map_or_else(|| IdentificationId::from("idn_of_nobody"), |held| held.id.clone())
    }

    /// What a load would bring: everything that others have claimed.
    pub(super) fn claims_of_others(&self, id: &UserId) -> Claims {
        Claims::new(self.claims.iter().filter(|(_, owner)| *owner != id).map(|(claim, _)| claim.clone()))
    }

    /// Some user in the world has claimed it, as read off the users themselves.
    pub(super) fn is_claimed(&self, kind: IdentifierKind, text: &str) -> bool {
        self.users.iter().flatten().any(|user| claimed_by(user).contains(&(kind, text.to_owned())))
    }

    /// Books the claims of a user as the store would, whose unique key must not be needed here.
    pub(super) fn claim(&mut self, user: &User) -> Verdict {
        self.claims.retain(|_, owner| *owner != user.id);
        for (kind, text, holder) in user.claimed() {
            if let Some(holder) = holder {
                let held = user.identification(holder).map(|held| held.identifier.as_str());
                prop_assert_eq!(held, Some(text.as_str()));
            }
            let earlier = self.claims.insert((kind, text), user.id.clone());
            prop_assert_eq!(earlier, None, "rule 3: claimed twice");
        }
        Ok(())
    }

    /// Section 4, read off all users.
    pub(super) fn rules_hold(&self) -> Verdict {
        let mut claimed = BTreeMap::new();
        let mut unverified_copies = BTreeMap::new();
        for user in self.users.iter().flatten() {
            user_is_sound(user)?;
            for claim in claimed_by(user) {
                let earlier = claimed.insert(claim, user.id.clone());
                prop_assert_eq!(earlier, None, "rule 3: one text, two users");
            }
            for held in
                user.identifications.iter().filter(|held| held.verification == Verification::Unverified)
            {
                *unverified_copies.entry(held.identifier.as_str()).or_insert(0) += 1;
            }
        }
        prop_assert_eq!(&claimed, &self.claims, "what users say they claim is what they hold");
        if unverified_copies.values().any(|copies| *copies > 1) {
            self.count("unverified copies on several users".to_owned());
        }
        if unverified_copies.keys().any(|text| claimed.keys().any(|(_, claimed)| claimed == text)) {
            self.count("an unverified copy of what another has claimed".to_owned());
        }
        Ok(())
    }
}

/// Since when it is so: a second time does not move it.
fn since(before: Option<UnixMillis>, set: bool, now: UnixMillis) -> Option<UnixMillis> {
    set.then(|| before.unwrap_or(now))
}

//! What must be true of a user, of a change and of its events.

use super::Verdict;
use crate::model::{Code, Model, code};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};
use verger_core::event::{self, Resource};
use verger_core::{
    Change, Consequence, Identification, Identifier, IdentifierKind, Refusal, SecondFactor, User,
    Verification,
};
use verger_wire::{IdentificationId, UnixMillis};

pub(super) fn claimed_by(user: &User) -> BTreeSet<(IdentifierKind, String)> {
    let held = user.identifications.iter().filter(|held| held.verification != Verification::Unverified);
    let username = user.username.iter().map(|name| (IdentifierKind::Username, name.as_str().to_lowercase()));
    let external_id = user.external_id.iter().map(|id| (IdentifierKind::ExternalId, id.clone()));
    let held = held.map(|held| (held.identifier.kind(), held.identifier.as_str().to_owned()));
    held.chain(username).chain(external_id).collect()
}

/// The rules of section 4 that one user can break.
pub(super) fn user_is_sound(user: &User) -> Verdict {
    prop_assert_eq!(user.check(), Ok(()));
    let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for held in &user.identifications {
        prop_assert!(ids.insert(&held.id), "two identifications with one id");
        prop_assert!(
            texts.insert((held.identifier.kind(), held.identifier.as_str())),
            "rule 4: twice the same"
        );
        prop_assert!(held.created_at <= held.updated_at && held.updated_at <= user.updated_at);
        if held.second_factor != SecondFactor::No {
            prop_assert!(
                matches!(held.identifier, Identifier::Phone(_)),
                "rule 2: a second factor is a number"
            );
            prop_assert!(is_verified(Some(held)), "rule 2: unverified");
        }
    }
    let roles: Vec<_> = user.identifications.iter().map(|held| held.second_factor).collect();
    let defaults = roles.iter().filter(|role| **role == SecondFactor::Default).count();
    let second_factors = roles.iter().filter(|role| **role != SecondFactor::No).count();
    prop_assert_eq!(defaults, second_factors.min(1), "rule 2: exactly one default");
    prop_assert_eq!(user.two_factor_enabled(), second_factors > 0, "rule 5");
    prop_assert!(!user.two_factor_enabled() || user.mfa_enabled_at.is_some());
    for kind in [IdentifierKind::PhoneNumber, IdentifierKind::EmailAddress] {
        if let Some(primary) = user.primary(kind) {
            let held = user.identification(primary);
            prop_assert_eq!(held.map(|held| held.identifier.kind()), Some(kind), "rule 1");
        }
        let shown = user.newest_first(kind);
        prop_assert!(shown.is_sorted_by(|a, b| (a.created_at, &a.id) > (b.created_at, &b.id)));
        let of_kind = user.identifications.iter().filter(|held| held.identifier.kind() == kind);
        prop_assert_eq!(shown.len(), of_kind.count());
    }
    Ok(())
}

/// Versions, times, consequences and events of an accepted command.
pub(crate) fn change_is_sound(
    before: &User,
    change: &Change,
    named: &[Consequence],
    now: UnixMillis,
) -> Verdict {
    let after = &change.user;
    user_is_sound(after)?;

    let mut same_but_for_its_version = after.clone();
    same_but_for_its_version.version = before.version;
    same_but_for_its_version.updated_at = before.updated_at;
    if same_but_for_its_version == *before {
        prop_assert_eq!(after, before, "nothing changed but the version or the time");
        prop_assert_eq!(&change.consequences, &vec![]);
    } else {
        prop_assert_eq!(after.version, before.version + 1);
        prop_assert_eq!(after.updated_at, now, "rule 10: the user's own time");
    }
    for held in &after.identifications {
        let Some(earlier) = before.identification(&held.id) else {
            prop_assert_eq!((held.created_at, held.updated_at), (now, now));
            continue;
        };
        let mut same_but_for_its_time = held.clone();
        same_but_for_its_time.updated_at = earlier.updated_at;
        let expected = if same_but_for_its_time == *earlier { earlier.updated_at } else { now };
        prop_assert_eq!(held.updated_at, expected, "rule 10: the number's own time");
        prop_assert_eq!(held.created_at, earlier.created_at);
        prop_assert_eq!(&held.identifier, &earlier.identifier);
        if let (Verification::VerifiedByAdmin { at } | Verification::VerifiedByCode { at, .. }, false) =
            (held.verification, earlier.verification == held.verification)
        {
            prop_assert_eq!(at, now);
        }
    }
    prop_assert_eq!(&after.id, &before.id);

    let mut told: Vec<_> = change.consequences.iter().map(|consequence| consequence.as_str()).collect();
    told.sort_unstable();
    prop_assert_eq!(told, consequences(&Model::of(before), &Model::of(after), named));
    events_tell_the_difference(Some(before), Some(after))
}

/// What the header must say, sorted: everything of its list that happened and was not named.
fn consequences(before: &Model, after: &Model, named: &[Consequence]) -> Vec<&'static str> {
    let default =
        |user: &Model| user.held.iter().find(|held| held.default_second_factor).map(|held| held.id.clone());
    let ways_to_sign_in = |user: &Model| {
        user.held.iter().filter(|held| held.verified || held.reserved).count()
            + usize::from(user.has_username)
    };
    let is_move = |before: &Option<String>, after: &Option<String>| {
        before.is_some() && after.is_some() && before != after
    };
    let is_clearing = |before: &Option<String>, after: &Option<String>| before.is_some() && after.is_none();
    let (phone_before, phone_after) = (&before.primary_phone_number_id, &after.primary_phone_number_id);
    let (email_before, email_after) = (&before.primary_email_address_id, &after.primary_email_address_id);
    let happened = [
        ("default_second_factor_moved", is_move(&default(before), &default(after))),
        ("last_sign_in_identification_lost", ways_to_sign_in(before) > 0 && ways_to_sign_in(after) == 0),
        ("mfa_disabled", before.two_factor_enabled() && !after.two_factor_enabled()),
        ("primary_email_address_cleared", is_clearing(email_before, email_after)),
        ("primary_email_address_moved", is_move(email_before, email_after)),
        ("primary_phone_number_cleared", is_clearing(phone_before, phone_after)),
        ("primary_phone_number_moved", is_move(phone_before, phone_after)),
    ];
    let is_named = |code| named.iter().any(|named| named.as_str() == code);
    happened
        .into_iter()
        .filter(|(code, happened)| *happened && !is_named(*code))
        .map(|(code, _)| code)
        .collect()
}

/// What events can tell of a change: codes that come, are tried and end are nobody else's business.
fn tellable(before: Option<&User>, after: Option<&User>) -> Option<User> {
    let mut told = after?.clone();
    let Some(before) = before else { return Some(told) };
    for held in &mut told.identifications {
        if let Some(earlier) = before.identification(&held.id) {
            let mut same_but_for_codes = held.clone();
            same_but_for_codes.pending_code.clone_from(&earlier.pending_code);
            same_but_for_codes.updated_at = earlier.updated_at;
            if same_but_for_codes == *earlier {
                *held = same_but_for_codes;
            }
        }
    }
    let mut same_but_for_its_version = told.clone();
    same_but_for_its_version.version = before.version;
    same_but_for_its_version.updated_at = before.updated_at;
    Some(if same_but_for_its_version == *before { same_but_for_its_version } else { told })
}

/// The events are the difference: none without one, and replayed on what was they give what is.
pub(super) fn events_tell_the_difference(before: Option<&User>, after: Option<&User>) -> Verdict {
    let events = event::between(before, after);
    let told = tellable(before, after);
    prop_assert_eq!(events.is_empty(), before == told.as_ref());
    if events.is_empty() {
        return Ok(());
    }
    let user_event = match (before, after) {
        (None, _) => "user.created",
        (_, None) => "user.deleted",
        _ => "user.updated",
    };
    for told in &events {
        let found = event::of_subject(told.kind, told.subject_id(), before, after);
        prop_assert_eq!(found, Some(*told), "what is stored of an event finds it again");
    }
    prop_assert_eq!(events[0].kind.name(), user_event);
    prop_assert_eq!(events[0].before, before.map(Resource::User));
    prop_assert_eq!(events[0].after, after.map(Resource::User));

    let held = |user: Option<&User>| -> BTreeMap<IdentificationId, Identification> {
        let all = user.map_or(&[][..], |user| &user.identifications);
        all.iter().map(|held| (held.id.clone(), held.clone())).collect()
    };
    let mut replayed = held(before);
    let mut just_told = None;
    for event in &events[1..] {
        let name = event.kind.name();
        let (noun, verb) = name.split_once('.').unwrap();
        let state = |resource| match resource {
            Some(Resource::Identification(held)) => Ok(Some(held)),
            None => Ok(None),
            Some(Resource::User(_)) => Err(TestCaseError::fail("a second event of the user")),
        };
        let (was, is) = (state(event.before)?, state(event.after)?);
        let told = was.or(is).unwrap();
        prop_assert_eq!(noun, told.identifier.kind().as_str());
        match verb {
            "created" => {
                prop_assert!(was.is_none() && replayed.insert(told.id.clone(), is.unwrap().clone()).is_none())
            }
            "deleted" => prop_assert!(is.is_none() && replayed.remove(&told.id).as_ref() == was),
            "updated" => {
                prop_assert!(was != is);
                let replaced = replayed.insert(told.id.clone(), is.unwrap().clone());
                prop_assert_eq!(replaced.as_ref(), was);
            }
            "verified" => {
                // The second half of the event before it.
                prop_assert_eq!(just_told, Some((was, is)));
                prop_assert!(is_verified(is) && !is_verified(was));
            }
            _ => prop_assert!(false, "{name}"),
        }
        just_told = Some((was, is));
    }
    prop_assert_eq!(&replayed, &held(told.as_ref()));
    let was_verified =
        |id: &IdentificationId| is_verified(before.and_then(|before| before.identification(id)));
    let newly_verified = replayed.values().filter(|is| is_verified(Some(is)) && !was_verified(&is.id));
    let told = events.iter().filter(|event| event.kind.name().ends_with(".verified")).count();
    prop_assert_eq!(newly_verified.count(), told);
    Ok(())
}

fn is_verified(held: Option<&Identification>) -> bool {
    held.is_some_and(|held| {
        matches!(
            held.verification,
            Verification::VerifiedByAdmin { .. } | Verification::VerifiedByCode { .. }
        )
    })
}

/// The naive reading and the real thing give the same answer.
pub(crate) fn agree(outcome: &Result<Change, Refusal>, expected: Result<Model, Code>) -> Verdict {
    let real = outcome.as_ref().map(|change| Model::of(&change.user)).map_err(|refusal| code(*refusal));
    prop_assert_eq!(real, expected);
    Ok(())
}

pub(crate) fn subject_is(outcome: &Result<Change, Refusal>, id: &IdentificationId) -> Verdict {
    if let Ok(change) = outcome {
        prop_assert_eq!(change.subject.as_ref(), Some(id));
    }
    Ok(())
}

/// What a command on an identification leads to leaves the profile alone.
pub(super) fn only_identifications_differ(before: &User, outcome: &Result<Change, Refusal>) -> Verdict {
    if let Ok(Change { user: after, .. }) = outcome {
        let mut rest = after.clone();
        rest.identifications.clone_from(&before.identifications);
        rest.primary_phone_number_id.clone_from(&before.primary_phone_number_id);
        rest.primary_email_address_id.clone_from(&before.primary_email_address_id);
        (rest.mfa_enabled_at, rest.mfa_disabled_at) = (before.mfa_enabled_at, before.mfa_disabled_at);
        (rest.version, rest.updated_at) = (before.version, before.updated_at);
        prop_assert_eq!(&rest, before);
    }
    Ok(())
}

pub(crate) fn primary_moved(is_phone: bool) -> Consequence {
    if is_phone { Consequence::PrimaryPhoneNumberMoved } else { Consequence::PrimaryEmailAddressMoved }
}

/// The id that a creation gave, or any text if it was refused.
pub(super) fn subject_is_new(
    before: &User,
    outcome: &Result<Change, Refusal>,
) -> Result<String, TestCaseError> {
    let Ok(change) = outcome else { return Ok(String::new()) };
    let id = change.subject.clone().unwrap();
    prop_assert!(before.identification(&id).is_none() && change.user.identification(&id).is_some());
    Ok(id.into_string())
}

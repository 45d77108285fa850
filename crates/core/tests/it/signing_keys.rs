//! Signing keys: which one signs when, and that none signs before it was published or is gone while its tokens live.

use crate::random_sequences::config;
use crate::support::NOW;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use verger_core::signing_key::{
    KeyState, PLANNED_MAX_MS, PUBLISHED_AFTER_MS, PUBLISHED_BEFORE_DEFAULT_MS, PUBLISHED_BEFORE_MIN_MS,
    SigningKeyRefusal,
};
use verger_core::{SigningKey, SigningKeys};
use verger_wire::{SigningKeyId, UnixMillis};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn first() -> SigningKey {
    SigningKey::first(&"ins_1".into(), NOW)
}

fn keys(of: &[&SigningKey]) -> SigningKeys {
    SigningKeys::new(of.iter().map(|key| (*key).clone()).collect())
}

fn rotated(of: &[&SigningKey], id: &str, signs_at: Option<UnixMillis>, now: UnixMillis) -> SigningKey {
    keys(of).rotate(id.into(), signs_at, now).expect("a rotation")
}

fn published(keys: &SigningKeys, at: UnixMillis) -> Vec<&str> {
    keys.published_at(at).map(|key| key.id.as_str()).collect()
}

fn signer(keys: &SigningKeys, at: UnixMillis) -> Option<&str> {
    keys.signer_at(at).map(|key| key.id.as_str())
}

#[test]
fn first_key_has_the_id_of_the_instance_and_signs_at_once() {
    let keys = keys(&[&first()]);
    assert_eq!((signer(&keys, NOW), published(&keys, NOW)), (Some("ins_1"), vec!["ins_1"]));
    assert_eq!((signer(&keys, NOW.plus_ms(-1)), keys.next_change_after(NOW)), (None, None));
}

#[test]
fn rotation_publishes_an_hour_before_it_signs_and_keeps_the_old_key_for_its_tokens() {
    let old = first();
    let now = NOW.plus_ms(10 * HOUR_MS);
    let new = rotated(&[&old], "ins_2", None, now);
    assert_eq!(new.signs_at, now.plus_ms(PUBLISHED_BEFORE_DEFAULT_MS));
    let keys = keys(&[&new, &old]);
    assert_eq!((signer(&keys, now), published(&keys, now)), (Some("ins_1"), vec!["ins_1", "ins_2"]));
    assert_eq!(keys.state_at(&new, now), KeyState::Pending);
    assert_eq!(keys.next_change_after(now), Some(new.signs_at));
    let just_before = new.signs_at.plus_ms(-1);
    assert_eq!(signer(&keys, just_before), Some("ins_1"));
    assert_eq!(signer(&keys, new.signs_at), Some("ins_2"));
    assert_eq!(keys.state_at(&old, new.signs_at), KeyState::Former);
    let gone_at = new.signs_at.plus_ms(PUBLISHED_AFTER_MS);
    assert_eq!(keys.next_change_after(new.signs_at), Some(gone_at));
    assert_eq!(published(&keys, gone_at.plus_ms(-1)), ["ins_1", "ins_2"]);
    assert_eq!(published(&keys, gone_at), ["ins_2"]);
    assert_eq!((keys.state_at(&old, gone_at), keys.next_change_after(gone_at)), (KeyState::Retired, None));
}

#[test]
fn rotation_is_planned_once_and_neither_too_soon_nor_too_late() {
    let old = first();
    let rotate = |ms| keys(&[&old]).rotate("ins_2".into(), Some(NOW.plus_ms(ms)), NOW);
    let earliest = NOW.plus_ms(PUBLISHED_BEFORE_MIN_MS);
    assert_eq!(rotate(PUBLISHED_BEFORE_MIN_MS - 1), Err(SigningKeyRefusal::TooSoon { earliest }));
    assert!(rotate(PUBLISHED_BEFORE_MIN_MS).is_ok() && rotate(PLANNED_MAX_MS).is_ok());
    let latest = NOW.plus_ms(PLANNED_MAX_MS);
    assert_eq!(rotate(PLANNED_MAX_MS + 1), Err(SigningKeyRefusal::TooLate { latest }));
    let new = rotated(&[&old], "ins_2", None, NOW);
    let again = keys(&[&old, &new]).rotate("ins_3".into(), None, NOW.plus_ms(1));
    assert_eq!(again, Err(SigningKeyRefusal::RotationPending { id: new.id.clone(), signs_at: new.signs_at }));
    assert!(keys(&[&old, &new]).rotate("ins_3".into(), None, new.signs_at).is_ok());
}

#[test]
fn key_that_is_needed_is_retired_only_at_once() {
    let (old, now) = (first(), NOW.plus_ms(HOUR_MS));
    let retire =
        |of: &[&SigningKey], id: &str, at_once, now| keys(of).retire(&SigningKeyId::from(id), at_once, now);
    assert_eq!(retire(&[&old], "ins_9", true, now), Err(SigningKeyRefusal::Unknown));
    assert_eq!(retire(&[&old], "ins_1", false, now), Err(SigningKeyRefusal::Signs));
    // Nothing else is published: something new has to sign.
    let alone = retire(&[&old], "ins_1", true, now).expect("retired");
    assert!(alone.needs_new && alone.promoted.is_none());
    assert_eq!(alone.retired.retired_at, Some(now));
    // A planned one takes its place.
    let new = rotated(&[&old], "ins_2", None, now);
    let promoted = retire(&[&old, &new], "ins_1", true, now).expect("retired");
    assert_eq!(promoted.promoted, Some(SigningKey { signs_at: now, ..new.clone() }));
    assert!(!promoted.needs_new);
    // A planned one is simply given up.
    let given_up = retire(&[&old, &new], "ins_2", false, now).expect("retired");
    assert!(!given_up.needs_new && given_up.promoted.is_none());
    let left = keys(&[&old, &given_up.retired]);
    assert_eq!((signer(&left, new.signs_at), published(&left, now)), (Some("ins_1"), vec!["ins_1"]));
    assert_eq!(left.next_change_after(now), None);
    assert_eq!(left.retire(&new.id, true, now), Err(SigningKeyRefusal::Retired));
    // The one before signs again if it is still published.
    let later = new.signs_at.plus_ms(HOUR_MS);
    let until = new.signs_at.plus_ms(PUBLISHED_AFTER_MS);
    assert_eq!(retire(&[&old, &new], "ins_1", false, later), Err(SigningKeyRefusal::InUse { until }));
    let back = retire(&[&old, &new], "ins_2", true, later).expect("retired");
    assert!(!back.needs_new && back.promoted.is_none());
    let left = keys(&[&old, &back.retired]);
    assert_eq!((signer(&left, later), published(&left, later)), (Some("ins_1"), vec!["ins_1"]));
    // What was signed before with the retired one counts for nobody; the old one lives on.
    assert_eq!(signer(&left, until.plus_ms(1)), Some("ins_1"));
    // After it is gone by itself it does not come back.
    let much_later = until.plus_ms(1);
    assert!(retire(&[&old, &new], "ins_2", true, much_later).expect("retired").needs_new);
}

#[test]
fn key_that_signed_again_stays_for_the_tokens_of_the_second_time() {
    let old = first();
    let new = rotated(&[&old], "ins_2", None, NOW);
    let later = new.signs_at.plus_ms(20 * HOUR_MS);
    let retired = keys(&[&old, &new]).retire(&new.id, true, later).expect("retired").retired;
    let third = rotated(&[&old, &retired], "ins_3", None, later);
    let keys = keys(&[&old, &retired, &third]);
    assert_eq!(signer(&keys, third.signs_at.plus_ms(-1)), Some("ins_1"));
    let until = third.signs_at.plus_ms(PUBLISHED_AFTER_MS);
    assert_eq!(published(&keys, until.plus_ms(-1)), ["ins_1", "ins_3"]);
    assert_eq!(published(&keys, until), ["ins_3"]);
}

/// One step of a life: wait, and then plan a rotation this far ahead, or retire one of the keys.
#[derive(Clone, Debug)]
enum Step {
    Rotate(i64),
    Retire(usize, bool),
}

/// Whatever is done, at every moment one key signs, it is published, every key that signs was published for ten minutes, and
/// every token lives no longer than its key is published. Retiring at once may break the last two, for the keys it names.
#[test]
fn no_token_is_signed_by_a_key_that_verifiers_cannot_know() {
    let step = prop_oneof![
        3 => (PUBLISHED_BEFORE_MIN_MS / MINUTE_MS..600_i64).prop_map(|minutes| Step::Rotate(minutes * MINUTE_MS)),
        1 => (0..6_usize, any::<bool>()).prop_map(|(at, at_once)| Step::Retire(at, at_once)),
    ];
    let steps = proptest::collection::vec((0..3_000_i64, step), 1..12);
    let mut runner = TestRunner::new(ProptestConfig { cases: config().cases / 100, ..config() });
    runner.run(&steps, |steps| judge_life(&steps)).expect("every life");
}

fn judge_life(steps: &[(i64, Step)]) -> Result<(), TestCaseError> {
    let (mut all, mut now) = (vec![first()], NOW);
    // Keys that had to sign at once, and keys that were retired while tokens of theirs lived.
    let (mut at_once, mut broken) = (vec!["ins_1".to_owned()], Vec::new());
    for (made, (minutes, step)) in steps.iter().enumerate() {
        let until = now.plus_ms(minutes * MINUTE_MS);
        while now < until {
            judge_moment(&SigningKeys::new(all.clone()), now, &at_once, &broken)?;
            now = now.plus_ms(30 * MINUTE_MS).min(until);
        }
        let keys = SigningKeys::new(all.clone());
        let id = SigningKeyId::from(format!("ins_{}", made + 2));
        match step {
            Step::Rotate(ahead) => all.extend(keys.rotate(id, Some(now.plus_ms(*ahead)), now)),
            Step::Retire(at, is_at_once) => {
                let Some(key) = all.get(*at).cloned() else { continue };
                let Ok(retirement) = keys.retire(&key.id, *is_at_once, now) else { continue };
                if keys.state_at(&key, now) != KeyState::Pending {
                    broken.push(key.id.to_string());
                }
                for after in std::iter::once(retirement.retired).chain(retirement.promoted) {
                    if after.retired_at.is_none() {
                        at_once.push(after.id.to_string());
                    }
                    let place = all.iter_mut().find(|key| key.id == after.id).expect("one of them");
                    *place = after;
                }
                if retirement.needs_new {
                    at_once.push(id.to_string());
                    all.push(SigningKey { id, created_at: now, signs_at: now, retired_at: None });
                }
            }
        }
        judge_moment(&SigningKeys::new(all.clone()), now, &at_once, &broken)?;
    }
    Ok(())
}

fn judge_moment(
    keys: &SigningKeys,
    now: UnixMillis,
    at_once: &[String],
    broken: &[String],
) -> Result<(), TestCaseError> {
    let signer = keys.signer_at(now);
    prop_assert!(signer.is_some(), "nothing signs at {now:?}: {keys:?}");
    let Some(signer) = signer else { return Ok(()) };
    prop_assert!(keys.published_at(now).any(|key| key.id == signer.id), "{keys:?}");
    let is_known = now.0 - signer.created_at.0 >= PUBLISHED_BEFORE_MIN_MS;
    prop_assert!(is_known || at_once.contains(&signer.id.to_string()), "{keys:?}");
    // A token of a day that was signed at any moment before, as far as it still lives.
    for hours in 0..24 {
        let signed_at = now.plus_ms(-hours * HOUR_MS);
        let Some(of_then) = keys.signer_at(signed_at) else { continue };
        let is_published = keys.published_at(now).any(|key| key.id == of_then.id);
        prop_assert!(is_published || broken.contains(&of_then.id.to_string()), "{hours} {keys:?}");
    }
    // Between two changes that are announced, nothing is different.
    let next = keys.next_change_after(now);
    let soon = next.map_or(now.plus_ms(HOUR_MS), |next| next.plus_ms(-1).min(now.plus_ms(HOUR_MS)));
    prop_assert_eq!(keys.signer_at(soon).map(|key| &key.id), Some(&signer.id));
    let ids = |at| keys.published_at(at).map(|key| key.id.to_string()).collect::<Vec<_>>();
    prop_assert_eq!(ids(now), ids(soon));
    Ok(())
}

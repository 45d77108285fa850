//! Sessions: what they are at a moment, and what never happens to them.

use crate::support::NOW;
use verger_core::Session;
use verger_core::session::{
    ABANDON_AFTER_MS, BrokenSession, Demands, Ending, Factor, NewSession, Origin, Proofs, SessionOver,
    SessionRules, SessionStatus, Task, Unproved, event_type,
};
use verger_wire::UnixMillis;
use verger_wire::json::Object;

const HOUR_MS: i64 = 60 * 60 * 1000;
const NOTHING: Demands = Demands { password_compromised: false, second_factor_missing: false };

pub(crate) fn new(origin: Origin) -> NewSession {
    NewSession {
        id: "sess_1".into(),
        user_id: "user_1".into(),
        client_id: "client_1".into(),
        origin,
        second_factor_demanded: false,
        proofs: Proofs { first: Some(NOW), second: None },
        activity: None,
        life_ms_max: None,
    }
}

fn begun(origin: Origin) -> Session {
    Session::begin(new(origin), &SessionRules::default(), NOW).unwrap()
}

fn actor() -> Origin {
    Origin::ActorToken { actor: Object::new() }
}

fn after_hours(hours: i64) -> UnixMillis {
    NOW.plus_ms(hours * HOUR_MS)
}

#[test]
fn session_begins_only_with_every_proof_that_is_demanded() {
    let rules = SessionRules::default();
    let begin = |new: NewSession| Session::begin(new, &rules, NOW);
    let no_proof = NewSession { proofs: Proofs::default(), ..new(Origin::SignIn) };
    assert_eq!(begin(no_proof.clone()), Err(Unproved(Factor::First)));
    let first_only = NewSession { second_factor_demanded: true, ..new(Origin::SignIn) };
    assert_eq!(begin(first_only.clone()), Err(Unproved(Factor::Second)));
    let both = NewSession { proofs: Proofs { first: Some(NOW), second: Some(NOW) }, ..first_only.clone() };
    let session = begin(both).unwrap();
    assert_eq!(session.check(), Ok(()));
    let damaged = Session { proofs: Proofs { first: Some(NOW), second: None }, ..session };
    assert_eq!(damaged.check(), Err(BrokenSession::Unproved));
    // Actors and tests prove nothing of the user's.
    for origin in [actor(), Origin::BackendApi] {
        assert!(begin(NewSession { origin, ..first_only.clone() }).is_ok());
    }
    let early = Session { updated_at: NOW.plus_ms(-1), ..begun(Origin::SignIn) };
    assert_eq!(early.check(), Err(BrokenSession::Moments));
}

#[test]
fn session_is_pending_while_its_user_has_something_to_do() {
    let rules = SessionRules::default();
    let both = Demands { password_compromised: true, second_factor_missing: true };
    let session = begun(Origin::SignIn);
    assert_eq!(session.status(&rules, NOTHING, NOW), SessionStatus::Active);
    assert_eq!(session.status(&rules, both, NOW), SessionStatus::Pending);
    assert_eq!(session.tasks(both), [Task::ResetPassword, Task::SetUpSecondFactor]);
    let keys = [Task::ResetPassword, Task::SetUpSecondFactor].map(Task::as_str);
    assert_eq!(keys, ["reset-password", "setup-mfa"]);
    for origin in [actor(), Origin::BackendApi] {
        assert_eq!(begun(origin).status(&rules, both, NOW), SessionStatus::Active);
    }
    assert_eq!(session.status(&rules, both, after_hours(24 * 7)), SessionStatus::Over(Ending::Expired));
}

#[test]
fn session_lives_as_long_as_the_settings_and_its_own_life_say() {
    let rules = SessionRules::default();
    let ends = |session: &Session, rules: &SessionRules, at| session.ending(rules, at);
    let session = begun(Origin::SignIn);
    assert_eq!(session.abandon_at, NOW.plus_ms(ABANDON_AFTER_MS));
    assert_eq!(session.expires_at(&rules), after_hours(7 * 24));
    assert_eq!(ends(&session, &rules, after_hours(7 * 24).plus_ms(-1)), None);
    assert_eq!(ends(&session, &rules, after_hours(7 * 24)), Some(Ending::Expired));
    // A shorter setting binds it, a longer one does not.
    let shorter = SessionRules { lifetime_ms: HOUR_MS, ..rules };
    assert_eq!(session.expires_at(&shorter), after_hours(1));
    assert_eq!(ends(&session, &shorter, after_hours(1)), Some(Ending::Expired));
    let longer = SessionRules { lifetime_ms: 1000 * HOUR_MS, ..rules };
    assert_eq!(ends(&session, &longer, after_hours(7 * 24)), Some(Ending::Expired));
    let idle = SessionRules { inactivity_ms: Some(HOUR_MS), ..rules };
    let used = Session { last_active_at: after_hours(3), ..session.clone() };
    assert_eq!(ends(&session, &idle, after_hours(1)), Some(Ending::Expired));
    assert_eq!(ends(&used, &idle, after_hours(4).plus_ms(-1)), None);
    assert_eq!(ends(&used, &idle, after_hours(4)), Some(Ending::Expired));
    let short = NewSession { life_ms_max: Some(1800 * 1000), ..new(actor()) };
    let short = Session::begin(short, &rules, NOW).unwrap();
    assert_eq!(ends(&short, &rules, NOW.plus_ms(1800 * 1000)), Some(Ending::Expired));
}

#[test]
fn rules_are_outlived_by_those_that_let_a_session_live_longer() {
    let rules = |hours: i64, idle: Option<i64>| SessionRules {
        lifetime_ms: hours * HOUR_MS,
        inactivity_ms: idle.map(|hours| hours * HOUR_MS),
    };
    for (of, others, expected) in [
        (rules(2, None), rules(2, None), false),
        (rules(2, None), rules(3, None), true),
        (rules(2, None), rules(1, None), false),
        (rules(2, None), rules(2, Some(1)), false),
        (rules(2, Some(1)), rules(2, None), true),
        (rules(2, Some(1)), rules(2, Some(2)), true),
        (rules(2, Some(2)), rules(2, Some(1)), false),
        (rules(2, Some(1)), rules(1, Some(2)), true),
    ] {
        assert_eq!(of.are_outlived_by(&others), expected, "{of:?} {others:?}");
    }
}

#[test]
fn change_has_the_event_that_its_session_came_to() {
    let rules = SessionRules::default();
    let session = begun(Origin::SignIn);
    let active = SessionStatus::Active;
    assert_eq!(event_type(None, Some(&session), active), Some("session.created"));
    assert_eq!(event_type(None, Some(&session), SessionStatus::Pending), Some("session.pending"));
    assert_eq!(event_type(Some(&session), None, active), None);
    let proved = session.prove(Factor::Second, &rules, NOW).unwrap();
    assert_eq!(event_type(Some(&session), Some(&proved), active), None);
    for (ending, expected) in [
        (Ending::Ended, "session.ended"),
        (Ending::Removed, "session.removed"),
        (Ending::Revoked, "session.revoked"),
    ] {
        let over = session.end(ending, &rules, NOW).unwrap();
        assert_eq!(event_type(Some(&session), Some(&over), SessionStatus::Over(ending)), Some(expected));
        assert_eq!(event_type(Some(&over), Some(&over), SessionStatus::Over(ending)), None);
    }
    let late = after_hours(7 * 24);
    let over = session.expire(&rules, late).unwrap();
    let status = SessionStatus::Over(Ending::Expired);
    assert_eq!(event_type(Some(&session), Some(&over), status), Some("session.ended"));
}

#[test]
fn nothing_leads_out_of_an_end() {
    let rules = SessionRules::default();
    let now = after_hours(1);
    for ending in Ending::ALL {
        let session = match ending {
            Ending::Expired => begun(Origin::SignIn).expire(&rules, after_hours(7 * 24)).unwrap(),
            other => begun(Origin::SignIn).end(other, &rules, now).unwrap(),
        };
        assert_eq!(session.status(&rules, NOTHING, now), SessionStatus::Over(ending));
        assert_eq!(Ending::parse(ending.as_str()), Some(ending));
        for other in Ending::ALL {
            assert_eq!(session.end(other, &rules, now), Err(SessionOver(ending)));
        }
        assert_eq!(session.prove(Factor::Second, &rules, now), Err(SessionOver(ending)));
        assert_eq!(session.activate_organization(None, &rules, now), Err(SessionOver(ending)));
        assert_eq!(session.expire(&rules, after_hours(10_000)), None);
    }
    assert_eq!(Ending::parse("active"), None);
    // One whose time is over and of which nothing was written down yet is no better.
    let unwritten = begun(Origin::SignIn);
    let late = after_hours(7 * 24);
    assert_eq!(unwritten.end(Ending::Revoked, &rules, late), Err(SessionOver(Ending::Expired)));
    assert_eq!(unwritten.prove(Factor::First, &rules, late), Err(SessionOver(Ending::Expired)));
    assert_eq!(unwritten.expire(&rules, late.plus_ms(-1)), None);
}

#[test]
fn change_moves_version_and_time_and_what_changes_nothing_does_not() {
    let rules = SessionRules::default();
    let session = begun(Origin::SignIn);
    let proved = session.prove(Factor::Second, &rules, NOW).unwrap();
    assert_eq!((proved.version, proved.updated_at), (2, NOW.plus_ms(1)));
    assert_eq!(proved.proofs.second, Some(NOW));
    assert_eq!(proved.with_proofs(proved.proofs, after_hours(1)), proved);
    assert_eq!(proved.with_proofs(session.proofs, after_hours(1)).proofs, session.proofs);
    let again = session.prove(Factor::First, &rules, after_hours(1)).unwrap();
    assert_eq!(again.proofs.first, Some(after_hours(1)));
    let organization = Some("org_1".to_owned());
    let active = session.activate_organization(organization.clone(), &rules, after_hours(1)).unwrap();
    assert_eq!(active.last_active_organization_id, organization);
    assert_eq!(active.activate_organization(organization, &rules, after_hours(2)).unwrap(), active);
}

#[test]
fn factor_ages_are_whole_minutes_and_minus_one_for_never() {
    let session = begun(Origin::SignIn);
    assert_eq!(session.factor_ages(NOW.plus_ms(59_999)), [0, -1]);
    assert_eq!(session.factor_ages(NOW.plus_ms(60_000)), [1, -1]);
    // The clock was set back.
    assert_eq!(session.factor_ages(NOW.plus_ms(-5 * 60_000)), [0, -1]);
    let proved = session.prove(Factor::Second, &SessionRules::default(), after_hours(1)).unwrap();
    assert_eq!(proved.factor_ages(after_hours(2)), [120, 60]);
}

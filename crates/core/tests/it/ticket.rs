//! Tickets: used once, in time, and never after they were taken back.

use crate::support::NOW;
use verger_core::ticket::{
    ACTOR_BYTES_MAX, ActorWithoutSubject, Purpose, TicketClosed, TicketStatus, judge_actor, subject_of,
};
use verger_core::{Malformed, Ticket};
use verger_wire::json::{Json, Object};

fn ticket(purpose: Purpose) -> Ticket {
    Ticket::create("sit_1".to_owned(), purpose, "user_1".into(), "digest".to_owned(), 60, NOW)
}

#[test]
fn ticket_is_used_once_and_in_time() {
    let pending = ticket(Purpose::SignIn);
    let used = pending.accept(NOW.plus_ms(59_999)).unwrap();
    assert_eq!((used.status, used.version), (TicketStatus::Accepted, 2));
    assert_eq!(used.accept(NOW), Err(TicketClosed::Accepted));
    assert_eq!(used.revoke(NOW), Err(TicketClosed::Accepted));
    assert_eq!(pending.accept(NOW.plus_ms(60_000)), Err(TicketClosed::Expired));
    // One that has expired can still be taken back.
    let revoked = pending.revoke(NOW.plus_ms(60_000)).unwrap();
    assert_eq!(revoked.accept(NOW), Err(TicketClosed::Revoked));
    assert_eq!(revoked.revoke(NOW), Err(TicketClosed::Revoked));
    assert_eq!((revoked.status, revoked.updated_at), (TicketStatus::Revoked, NOW.plus_ms(60_000)));
    for status in TicketStatus::ALL {
        assert_eq!(TicketStatus::parse(status.as_str()), Some(status));
    }
    assert_eq!(TicketStatus::parse("expired"), None);
}

#[test]
fn actor_is_small_enough_for_a_cookie() {
    let of = |bytes: usize| -> Object {
        let rest = bytes - r#"{"sub":""}"#.len();
        [("sub".to_owned(), Json::Text("x".repeat(rest)))].into_iter().collect()
    };
    assert_eq!(judge_actor(&of(ACTOR_BYTES_MAX)), Ok(()));
    let (bytes_max, bytes) = (ACTOR_BYTES_MAX, ACTOR_BYTES_MAX + 1);
    assert_eq!(judge_actor(&of(bytes)), Err(Malformed::TooLarge { bytes_max, bytes }));
}

#[test]
fn actor_says_who_acts() {
    let of = |sub: Option<Json>| -> Object { sub.map(|sub| ("sub".to_owned(), sub)).into_iter().collect() };
    let actor = |actor| Purpose::Actor { actor, session_seconds_max: 60 };
    let named = of(Some(Json::Text("user_2".to_owned())));
    assert_eq!(subject_of(&named), Some("user_2"));
    assert_eq!(ticket(actor(named)).check(), Ok(()));
    assert_eq!(ticket(Purpose::SignIn).check(), Ok(()));
    for sub in [None, Some(Json::Null), Some(Json::Text(String::new())), Some(Json::Bool(true))] {
        assert_eq!(ticket(actor(of(sub))).check(), Err(ActorWithoutSubject));
    }
}

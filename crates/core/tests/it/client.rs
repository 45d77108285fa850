//! Clients: which secret opens what, while it is replaced and after.

use crate::support::NOW;
use std::collections::{BTreeMap, BTreeSet};
use verger_core::Client;
use verger_core::client::{
    Access, Authenticated, BrokenClient, Clocks, REPLACED_SECRET_MS, REPLACED_SECRETS_MAX, SecretDigest,
};
use verger_core::session::Proofs;
use verger_wire::{SessionId, UnixMillis};

fn digest(text: &str) -> SecretDigest {
    SecretDigest(text.to_owned())
}

fn at(ms: i64) -> Clocks {
    Clocks { now: NOW.plus_ms(ms), real: UnixMillis(1_000_000).plus_ms(ms) }
}

fn sessions(ids: &[&str]) -> BTreeMap<SessionId, Proofs> {
    ids.iter().map(|id| (SessionId::from(*id), Proofs { first: Some(NOW), second: None })).collect()
}

fn authenticated(secret: &str, had: &[&str], session: &str) -> Authenticated {
    Authenticated {
        secret: digest(secret),
        sessions: sessions(had),
        session: session.into(),
        strategy: "phone_code".to_owned(),
    }
}

fn signed_in() -> Client {
    let client = Client::create("client_1".into(), digest("a"), at(0));
    let client = client.present(&digest("a"), at(0)).after.unwrap();
    client.authenticated(authenticated("b", &[], "sess_1"), at(1000))
}

#[test]
fn first_presentation_is_written_down_once() {
    let client = Client::create("client_1".into(), digest("a"), at(0));
    let presented = client.present(&digest("a"), at(5));
    assert_eq!(presented.access, Access::Full);
    let after = presented.after.unwrap();
    assert_eq!(after.secret.presented_at, Some(NOW.plus_ms(5)));
    assert_eq!(after.present(&digest("a"), at(9)).after, None);
    assert_eq!(client.present(&digest("x"), at(5)).access, Access::Unknown);
}

#[test]
fn replaced_secret_sees_what_it_had_until_a_minute_after_its_successor_came() {
    let client = signed_in();
    assert_eq!(client.last_active_session_id, Some("sess_1".into()));
    assert_eq!(client.last_authentication_strategy.as_deref(), Some("phone_code"));
    assert_eq!(client.signed_at, at(1000).real);
    assert!(client.awaits_successor());
    // The one from before the sign-in never sees the session.
    assert_eq!(client.present(&digest("a"), at(1001)).access, Access::Former(sessions(&[])));
    let client = client.present(&digest("b"), at(2000)).after.unwrap();
    assert!(!client.awaits_successor());
    let twice = client.authenticated(authenticated("c", &["sess_1"], "sess_2"), at(3000));
    assert_eq!(twice.present(&digest("b"), at(3001)).access, Access::Former(sessions(&["sess_1"])));
    assert_eq!(twice.present(&digest("a"), at(3001)).access, Access::Former(sessions(&[])));
    let presented = twice.present(&digest("c"), at(10_000)).after.unwrap();
    let ends = 10_000 + REPLACED_SECRET_MS;
    assert_eq!(presented.present(&digest("b"), at(ends - 1)).access, Access::Former(sessions(&["sess_1"])));
    for ms in [ends, ends + 1, ends + 10 * REPLACED_SECRET_MS] {
        let late = presented.present(&digest("b"), at(ms));
        assert_eq!((late.access, late.after, late.taken_back), (Access::Unknown, None, None));
    }
    // Those that have ended go with the next authentication.
    let thrice = presented.authenticated(authenticated("d", &[], "sess_3"), at(ends));
    assert_eq!(thrice.digests().map(|digest| digest.0.as_str()).collect::<Vec<_>>(), ["d", "c"]);
}

#[test]
fn secret_whose_successor_nobody_presents_is_taken_back_and_what_came_after_ends() {
    let client = signed_in().present(&digest("b"), at(2000)).after.unwrap();
    let lost = client.authenticated(authenticated("c", &["sess_1"], "sess_2"), at(3000));
    let early = lost.present(&digest("b"), at(3000 + REPLACED_SECRET_MS - 1));
    assert_eq!(early.access, Access::Former(sessions(&["sess_1"])));
    assert_eq!((early.after, early.taken_back), (None, None));
    let back = lost.present(&digest("b"), at(3000 + REPLACED_SECRET_MS));
    assert_eq!(back.access, Access::Full);
    assert_eq!(back.taken_back, Some(sessions(&["sess_1"])));
    let back = back.after.unwrap();
    assert_eq!(back.secret.digest, digest("b"));
    assert_eq!(back.last_active_session_id, None);
    assert_eq!(back.signed_at, at(3000 + REPLACED_SECRET_MS).real);
    // What came after is nothing any more.
    assert_eq!(back.present(&digest("c"), at(3000 + REPLACED_SECRET_MS)).access, Access::Unknown);
    // Until the former one is presented, the successor may still come.
    let late = lost.present(&digest("c"), at(3000 + 5 * REPLACED_SECRET_MS));
    assert_eq!(late.access, Access::Full);
    let late = late.after.unwrap();
    assert_eq!(
        late.present(&digest("b"), at(3000 + 5 * REPLACED_SECRET_MS)).access,
        Access::Former(sessions(&["sess_1"]))
    );
}

#[test]
fn sessions_that_are_gone_with_their_user_are_remembered_by_no_secret() {
    let client =
        signed_in().authenticated(authenticated("second", &["sess_1", "sess_2"], "sess_3"), at(2_000));
    let gone = |ids: &[&str]| ids.iter().map(|id| SessionId::from(*id)).collect::<BTreeSet<_>>();
    assert_eq!(client.forgetting(&gone(&["sess_9"]), NOW), client, "nothing changes");
    let after = client.forgetting(&gone(&["sess_1", "sess_3"]), NOW.plus_ms(3_000));
    assert_eq!(after.last_active_session_id, None);
    assert_eq!(after.replaced.last().unwrap().sessions, sessions(&["sess_2"]));
    assert_eq!((after.version, after.secret), (client.version + 1, client.secret));
}

#[test]
fn client_keeps_a_bounded_number_of_secrets() {
    let mut client = signed_in();
    for round in 0..30_i64 {
        let current = client.secret.digest.clone();
        client = client.present(&current, at(2000 + round)).after.unwrap();
        client = client.authenticated(authenticated(&format!("s{round}"), &[], "sess_1"), at(2000 + round));
        assert_eq!(client.check(), Ok(()));
    }
    assert_eq!(client.replaced.len(), REPLACED_SECRETS_MAX);
}

#[test]
fn damaged_client_is_noticed() {
    let client = signed_in();
    let mut twice = client.clone();
    twice.secret.digest = digest("a");
    assert_eq!(twice.check(), Err(BrokenClient::SecretTwice));
    let mut ended = client.clone();
    ended.replaced[0].ends_at = Some(NOW);
    assert_eq!(ended.check(), Err(BrokenClient::ReplacedWithoutEnd));
    let mut presented = client.clone();
    presented.secret.presented_at = Some(NOW);
    assert_eq!(presented.check(), Err(BrokenClient::ReplacedWithoutEnd));
    let mut many = client;
    many.replaced = vec![many.replaced[0].clone(); REPLACED_SECRETS_MAX + 1];
    assert_eq!(many.check(), Err(BrokenClient::TooManyReplaced));
}

#[test]
fn signing_out_moves_the_time_that_tokens_are_newer_than_and_choosing_a_session_does_not() {
    let client = signed_in();
    let chosen = client.activated("sess_9".into(), NOW.plus_ms(5000));
    assert_eq!((chosen.signed_at, chosen.version), (client.signed_at, client.version + 1));
    assert_eq!(chosen.activated("sess_9".into(), NOW.plus_ms(6000)), chosen);
    let out = chosen.signed_out(&["sess_9".into()], at(7000));
    assert_eq!((out.signed_at, out.last_active_session_id), (at(7000).real, None));
    // It does not move back with the clock, unless that was far ahead.
    assert_eq!(chosen.signed_out(&[], at(-10_000)).signed_at, client.signed_at);
    assert_eq!(chosen.signed_out(&[], at(-10_000_000)).signed_at, at(-10_000_000).real.plus_ms(60_000));
}

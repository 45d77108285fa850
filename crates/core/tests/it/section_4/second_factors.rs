//! Second factors all at once, and when they came and went.

use crate::support::{Given, check, delete_mfa, env_at, patch};
use expect_test::expect;
use verger_wire::UnixMillis;

#[test]
fn disabled_mfa_takes_every_second_factor() {
    check(
        "a verified primary default_second_factor\nb verified second_factor\nc verified",
        delete_mfa,
        expect![[r#"
            a verified primary (updated)
            b verified (updated)
            c verified
            user: mfa_enabled_at before, mfa_disabled_at now, updated
        "#]],
    );
}

#[test]
fn disabled_mfa_without_second_factors_changes_nothing() {
    check(
        "a verified primary\nmfa_enabled\nmfa_disabled",
        delete_mfa,
        expect![[r#"
            nothing changed
        "#]],
    );
}

#[test]
fn mfa_times_are_set_by_their_event_and_kept_by_the_other() {
    let mut given = Given::parse("a verified primary\nb verified");
    let mut times = Vec::new();
    for (at, body) in [(1, true), (2, true), (3, false), (4, true)] {
        let body = format!(r#"{{"reserved_for_second_factor": {body}}}"#);
        given.user = patch("b", &body)(&given, &mut env_at(UnixMillis(at))).unwrap().user;
        times.push((given.user.mfa_enabled_at, given.user.mfa_disabled_at));
    }
    let at = |at| Some(UnixMillis(at));
    assert_eq!(times, [(at(1), None), (at(1), None), (at(1), at(3)), (at(4), at(3))]);
}

//! Webhook endpoints: what their commands change, and what they leave alone.

use crate::support::NOW;
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::{
    BrokenEndpoint, DisabledReason, Disabling, ENDPOINTS_MAX, EndpointError, EndpointUpdate,
    FORMER_SECONDS_DEFAULT, FORMER_SECONDS_MAX, TooManyEndpoints, URL_BYTES_MAX, check_events,
    check_url_length, check_url_scheme, event_between,
};
use verger_wire::UnixMillis;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn endpoint() -> WebhookEndpoint {
    let events = vec!["user.*".to_owned()];
    WebhookEndpoint::create("whe_1".into(), "https://a.example/".into(), events, "one".into(), 0, NOW)
        .unwrap()
}

fn failing(since: UnixMillis, last: UnixMillis) -> WebhookEndpoint {
    WebhookEndpoint { failing_since: Some(since), last_failed_at: Some(last), ..endpoint() }
}

fn disabled(disabled: bool) -> EndpointUpdate {
    EndpointUpdate { disabled: Some(disabled), ..EndpointUpdate::default() }
}

#[test]
fn instance_with_the_most_endpoints_gets_no_more() {
    let create = |existing| {
        WebhookEndpoint::create("whe_1".into(), String::new(), Vec::new(), String::new(), existing, NOW)
    };
    assert!(create(ENDPOINTS_MAX - 1).is_ok());
    assert_eq!(create(ENDPOINTS_MAX), Err(TooManyEndpoints));
}

#[test]
fn update_changes_what_it_names_and_moves_the_version() {
    let before = endpoint();
    let url = EndpointUpdate { url: Some("https://b.example/".to_owned()), ..EndpointUpdate::default() };
    let after = before.update(url, NOW.plus_ms(5));
    let expected = WebhookEndpoint {
        url: "https://b.example/".to_owned(),
        updated_at: NOW.plus_ms(5),
        ..before.clone()
    };
    assert_eq!(after, expected);
    let events = EndpointUpdate { events: Some(Vec::new()), ..EndpointUpdate::default() };
    assert_eq!(before.update(events, NOW.plus_ms(1)).events, [""; 0]);
    // Nothing is asked for, the clock stands still or was set back: it is another version all the same.
    for now in [NOW, NOW.plus_ms(-DAY_MS)] {
        let after = before.update(EndpointUpdate::default(), now);
        assert_eq!(after, WebhookEndpoint { updated_at: NOW.plus_ms(1), ..before.clone() });
        assert_ne!(after.version(), before.version());
    }
}

#[test]
fn request_disables_once_and_enabling_forgets_failures() {
    let before = failing(NOW, NOW);
    let off = before.update(disabled(true), NOW.plus_ms(10));
    let requested = (Some(NOW.plus_ms(10)), Some(DisabledReason::Requested));
    assert_eq!((off.disabled_at, off.disabled_reason), requested);
    assert_eq!(off.failing_since, Some(NOW));
    let again = off.update(disabled(true), NOW.plus_ms(20));
    assert_eq!((again.disabled_at, again.disabled_reason), requested);
    let on = again.update(disabled(false), NOW.plus_ms(30));
    assert_eq!((on.disabled_at, on.disabled_reason), (None, None));
    assert_eq!((on.failing_since, on.last_failed_at), (None, None));
}

#[test]
fn former_secret_signs_until_it_expires() {
    let before = endpoint();
    assert_eq!(before.former_secret_at(NOW), None);
    let after = before.rotate_secret("two".to_owned(), 1_000, NOW.plus_ms(1));
    assert_eq!(after.secret, "two");
    assert_ne!(after.version(), before.version());
    assert_eq!(after.former_secret_at(NOW.plus_ms(1_000)), Some("one"));
    assert_eq!(after.former_secret_at(NOW.plus_ms(1_001)), None);
    // Only the one before the newest signs on.
    let third = after.rotate_secret("three".to_owned(), 1_000, NOW.plus_ms(2));
    assert_eq!(third.former_secret_at(NOW.plus_ms(3)), Some("two"));
}

#[test]
fn former_secret_signs_for_a_day_unless_stated_and_for_thirty_at_most() {
    assert_eq!(FORMER_SECONDS_DEFAULT * 1_000, DAY_MS);
    assert_eq!(FORMER_SECONDS_MAX * 1_000, 30 * DAY_MS);
    assert_eq!(DAY_MS, 86_400_000);
}

#[test]
fn endpoint_is_disabled_only_while_the_reason_holds() {
    let since = NOW.plus_ms(-DAY_MS);
    let before = failing(since, NOW);
    let failing = Disabling::Failing { since };
    let after = before.disable(failing, NOW).unwrap();
    assert_eq!((after.disabled_at, after.disabled_reason), (Some(NOW), Some(DisabledReason::Failing)));
    // It is nobody's change: what people see of when it was changed stays, and yet it is another version.
    assert_eq!(after.updated_at, before.updated_at);
    assert_ne!(after.version(), before.version());
    assert_eq!(after.disable(failing, NOW), None);
    assert_eq!(before.disable(Disabling::Failing { since: NOW }, NOW), None);
    assert_eq!(endpoint().disable(failing, NOW), None);
    let gone = before.disable(Disabling::Gone { url: "https://a.example/" }, NOW).unwrap();
    assert_eq!(gone.disabled_reason, Some(DisabledReason::Gone));
    assert_eq!(before.disable(Disabling::Gone { url: "https://b.example/" }, NOW), None);
}

#[test]
fn streak_that_is_long_enough_and_without_a_pause_disables() {
    let since = NOW.plus_ms(-5 * DAY_MS);
    let failed_for = |endpoint: &WebhookEndpoint, days: i64, anew_before: UnixMillis| {
        endpoint.failed_for(days * DAY_MS, anew_before, NOW)
    };
    let last = NOW.plus_ms(-1_000);
    let endpoint = failing(since, last);
    assert_eq!(failed_for(&endpoint, 5, last), Some(Disabling::Failing { since }));
    assert_eq!(endpoint.failed_for(5 * DAY_MS + 1, last, NOW), None);
    // Nothing was heard of it for too long.
    assert_eq!(failed_for(&endpoint, 5, last.plus_ms(1)), None);
    let unknown = WebhookEndpoint { last_failed_at: None, ..endpoint.clone() };
    assert_eq!(failed_for(&unknown, 5, last), None);
    assert_eq!(failed_for(&WebhookEndpoint { failing_since: None, ..endpoint }, 0, last), None);
}

#[test]
fn endpoint_counts_as_failing_after_a_minute() {
    let endpoint = failing(NOW, NOW);
    assert!(!endpoint.is_failing(NOW.plus_ms(59_999)));
    assert!(endpoint.is_failing(NOW.plus_ms(60_000)));
    assert!(!self::endpoint().is_failing(NOW.plus_ms(DAY_MS)));
}

#[test]
fn damaged_endpoint_breaks_a_rule() {
    assert_eq!(endpoint().check(), Ok(()));
    for disabled in [
        WebhookEndpoint { disabled_at: Some(NOW), ..endpoint() },
        WebhookEndpoint { disabled_reason: Some(DisabledReason::Gone), ..endpoint() },
    ] {
        assert_eq!(disabled.check(), Err(BrokenEndpoint::DisabledReason));
    }
    for former in [
        WebhookEndpoint { former_secret: Some("one".to_owned()), ..endpoint() },
        WebhookEndpoint { former_expires_at: Some(NOW), ..endpoint() },
    ] {
        assert_eq!(former.check(), Err(BrokenEndpoint::FormerSecret));
    }
}

#[test]
fn filter_of_events_names_what_there_is() {
    let check =
        |events: &[&str]| check_events(&events.iter().map(|event| (*event).to_owned()).collect::<Vec<_>>());
    assert!(check(&[]).is_ok());
    assert!(check(&["user.created", "phone_number.*", "webhook_endpoint.disabled"]).is_ok());
    for bad in ["", "*", "user", "user*", "user.cre*", "nothing.*", "user.createdx", ".*"] {
        assert!(check(&[bad]).is_err(), "{bad}");
        assert!(check(&["user.created", bad]).is_err(), "{bad}");
    }
}

#[test]
fn endpoint_wants_what_its_filter_names() {
    let wants = |events: &[&str], kind: &str| {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        WebhookEndpoint { events, ..endpoint() }.wants(kind)
    };
    assert!(wants(&[], "user.created"));
    assert!(wants(&["user.*"], "user.created"));
    assert!(wants(&["email.created", "user.created"], "user.created"));
    assert!(!wants(&["user.*"], "email.created"));
    assert!(!wants(&["user.created"], "user.updated"));
}

#[test]
fn url_is_short_enough_and_encrypted_unless_the_operator_allows_otherwise() {
    let of = |bytes: usize| check_url_length(&"a".repeat(bytes));
    assert_eq!(of(URL_BYTES_MAX), Ok(()));
    let error = of(URL_BYTES_MAX + 1).unwrap_err();
    assert_eq!(error, EndpointError::TooLong { bytes_max: 2_000, bytes: 2_001 });
    assert_eq!(error.to_string(), "may have at most 2000 bytes; it has 2001");
    assert_eq!(check_url_scheme(Some("https"), false), Ok(()));
    assert_eq!(check_url_scheme(Some("http"), true), Ok(()));
    assert!(matches!(check_url_scheme(Some("http"), false), Err(EndpointError::Insecure(_))));
    for scheme in [Some("ftp"), Some("HTTPSX"), None] {
        let refused = check_url_scheme(scheme, true);
        assert_eq!(refused, Err(EndpointError::Invalid("must begin with https://".to_owned())));
    }
}

#[test]
fn reasons_are_read_as_they_are_written() {
    for reason in [DisabledReason::Failing, DisabledReason::Gone, DisabledReason::Requested] {
        assert_eq!(DisabledReason::parse(reason.as_str()), Some(reason));
    }
    assert_eq!(DisabledReason::parse("bored"), None);
}

#[test]
fn every_change_but_one_of_the_moment_alone_has_an_event() {
    let old = endpoint();
    let now = NOW.plus_ms(DAY_MS);
    let event = |after: &WebhookEndpoint| event_between(Some(&old), Some(after));
    assert_eq!(event_between(None, None), None);
    assert_eq!(event_between(None, Some(&old)), Some("webhook_endpoint.created"));
    assert_eq!(event_between(Some(&old), None), Some("webhook_endpoint.deleted"));
    assert_eq!(event(&old.update(EndpointUpdate::default(), now)), None);
    let url = EndpointUpdate { url: Some("https://b.example/".to_owned()), ..EndpointUpdate::default() };
    assert_eq!(event(&old.update(url, now)), Some("webhook_endpoint.updated"));
    // The rotation counts, whatever else a request changes.
    let rotated = old.rotate_secret("two".to_owned(), DAY_MS, now);
    assert_eq!(event(&rotated), Some("webhook_endpoint.secret_rotated"));
    // Only what the server disables by itself is told of to applications.
    assert_eq!(event(&old.update(disabled(true), now)), Some("webhook_endpoint.updated"));
    let gone = old.disable(Disabling::Gone { url: &old.url }, now).unwrap();
    assert_eq!(event(&gone), Some("webhook_endpoint.disabled"));
    let failing = failing(NOW, NOW);
    let failed = failing.disable(Disabling::Failing { since: NOW }, now).unwrap();
    assert_eq!(event_between(Some(&failing), Some(&failed)), Some("webhook_endpoint.disabled"));
    let enabled = gone.update(disabled(false), now);
    assert_eq!(event_between(Some(&gone), Some(&enabled)), Some("webhook_endpoint.updated"));
    assert_eq!(event_between(Some(&gone), Some(&gone.update(disabled(true), now))), None);
}

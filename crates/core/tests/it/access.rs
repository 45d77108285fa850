//! Who may come: the lists, redirect URLs, invitations.

use crate::support::NOW;
use verger_core::access_list::{
    AccessKind, AccessList, Arrival, NotAllowed, entries_about, judge, read_identifier,
};
use verger_core::invitation::{InvitationClosed, InvitationOutcome, InvitationStatus, NewInvitation};
use verger_core::redirect_url::check_url;
use verger_core::{AccessEntry, Invitation, Settings, TestNumbers};
use verger_wire::json::Object;

fn read(text: &str) -> Option<(AccessKind, String)> {
    read_identifier(text, TestNumbers::Accepted).ok()
}

#[test]
fn identifiers_have_one_stored_form() {
    for (text, kind, stored) in [
        ("Ada@Example.com", AccessKind::EmailAddress, "ada@example.com"),
        ("*@Example.com", AccessKind::EmailAddress, "*@example.com"),
        ("@example.com", AccessKind::EmailAddress, "*@example.com"),
        (" example.com ", AccessKind::EmailAddress, "*@example.com"),
        ("+1 (500) 555-0123", AccessKind::PhoneNumber, "+15005550123"),
        (
            "0xABCDEF0123456789abcdef0123456789abcdef01",
            AccessKind::Web3Wallet,
            "0xabcdef0123456789abcdef0123456789abcdef01",
        ),
    ] {
        assert_eq!(read(text), Some((kind, stored.to_owned())), "{text}");
    }
    for text in ["", "ada", "a b@example.com", "*@", "@", "0x12", "*@localhost", "+1", "*", &"a".repeat(300)]
    {
        assert_eq!(read(text), None, "{text}");
    }
    let production = read_identifier("+15005550123", TestNumbers::Refused);
    assert!(production.is_err());
}

fn entry(list: AccessList, identifier: &str) -> AccessEntry {
    AccessEntry {
        id: "x_1".to_owned(),
        list,
        kind: AccessKind::EmailAddress,
        identifier: identifier.to_owned(),
        invitation_id: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn settings(patch: &str) -> Settings {
    let patch: serde_json::Map<_, _> = serde_json::from_str(patch).unwrap();
    Settings::defaults("ins_1".into()).patch(&patch, NOW).unwrap()
}

/// What the lists say of one address.
fn judged(
    settings: &Settings,
    arrival: Arrival,
    address: &str,
    lists: &[AccessEntry],
    is_invited: bool,
) -> Result<(), NotAllowed> {
    let about = entries_about(address);
    let found: Vec<_> = lists.iter().filter(|entry| about.contains(&entry.identifier)).cloned().collect();
    judge(settings, arrival, [address], &found, is_invited)
}

#[test]
fn lists_count_while_they_are_on() {
    let lists = [
        entry(AccessList::Allow, "*@example.com"),
        entry(AccessList::Block, "eve@example.com"),
        entry(AccessList::Block, "*@example.org"),
    ];
    let of = |settings: &Settings, arrival, address| judged(settings, arrival, address, &lists, false);
    let off = settings("{}");
    assert_eq!(of(&off, Arrival::SignUp, "eve@example.com"), Ok(()));
    let both = settings(r#"{"restrictions":{"allowlist":true,"blocklist":true}}"#);
    for arrival in [Arrival::SignUp, Arrival::SignIn] {
        assert_eq!(of(&both, arrival, "ada@example.com"), Ok(()));
        assert_eq!(of(&both, arrival, "eve@example.com"), Err(NotAllowed::OnBlocklist));
        assert_eq!(of(&both, arrival, "bob@example.org"), Err(NotAllowed::OnBlocklist));
        assert_eq!(of(&both, arrival, "bob@example.net"), Err(NotAllowed::NotOnAllowlist));
        // A look-alike is another domain.
        assert_eq!(of(&both, arrival, "bob@badexample.com"), Err(NotAllowed::NotOnAllowlist));
    }
    assert_eq!(judged(&both, Arrival::SignUp, "bob@example.net", &lists, true), Ok(()));
    assert_eq!(judged(&both, Arrival::SignUp, "eve@example.com", &lists, true), Err(NotAllowed::OnBlocklist));
    let up_only = settings(
        r#"{"restrictions":{"allowlist":true,"blocklist":true,"allowlist_blocklist_disabled_on_sign_in":true}}"#,
    );
    assert_eq!(of(&up_only, Arrival::SignIn, "eve@example.com"), Ok(()));
    assert_eq!(of(&up_only, Arrival::SignUp, "eve@example.com"), Err(NotAllowed::OnBlocklist));
}

#[test]
fn subaddresses_are_kept_out_at_sign_up_alone() {
    let on = settings(r#"{"restrictions":{"block_email_subaddresses":true}}"#);
    assert_eq!(judged(&on, Arrival::SignUp, "ada+x@example.com", &[], false), Err(NotAllowed::Subaddress));
    assert_eq!(judged(&on, Arrival::SignUp, "+15005550123", &[], false), Ok(()));
    assert_eq!(judged(&on, Arrival::SignUp, "ada@example.com", &[], false), Ok(()));
    assert_eq!(judged(&on, Arrival::SignIn, "ada+x@example.com", &[], false), Ok(()));
}

#[test]
fn s47_redirect_urls_open_an_application_or_a_page_over_https() {
    for good in [
        "https://app.example.com/done",
        "https://app.example.com:8443/",
        "http://localhost:3000/x",
        "http://127.0.0.1:3000/",
        "com.example.app://done",
        "my-app:/callback",
    ] {
        assert_eq!(check_url(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "example.com/x",
        "//example.com/x",
        "http://example.com/",
        "https://",
        "https:///x",
        "https:/\\example.com",
        "https://a@example.com/",
        "https://exa mple.com/",
        "https://bücher.example/",
        "javascript:alert(1)",
        "javascript://example.com/%0aalert(1)",
        "JavaScript://x",
        "data:text/html,x",
        "data://x",
        "file:///etc/passwd",
        "blob://x",
        "vbscript://x",
        "1app://x",
        "app:x",
        "https://example.com/\nx",
        &format!("https://example.com/{}", "x".repeat(2_000)),
    ] {
        assert!(check_url(bad).is_err(), "{bad}");
    }
}

#[test]
fn s51_invitation_is_accepted_once_and_not_after_its_time() {
    let new = NewInvitation {
        email_address: "ada@example.com".to_owned(),
        public_metadata: Object::new(),
        redirect_url: None,
        expires_in_days: 1,
    };
    let open = Invitation::create("inv_1".into(), new, "digest".to_owned(), NOW);
    let end = NOW.plus_ms(24 * 60 * 60 * 1000);
    assert_eq!((open.expires_at, open.check()), (end, Ok(())));
    assert_eq!(open.status_at(end.plus_ms(-1)), InvitationStatus::Pending);
    assert_eq!(open.status_at(end), InvitationStatus::Expired);
    assert_eq!(open.accept(end), Err(InvitationClosed::Expired));
    let accepted = open.accept(end.plus_ms(-1)).unwrap();
    assert_eq!((accepted.outcome, accepted.version), (InvitationOutcome::Accepted, 2));
    assert_eq!(accepted.accept(NOW), Err(InvitationClosed::Accepted));
    assert_eq!(accepted.revoke(NOW), Err(InvitationClosed::Accepted));
    let revoked = open.revoke(end.plus_ms(5)).unwrap();
    assert_eq!(revoked.status_at(NOW), InvitationStatus::Revoked);
    assert_eq!(
        (revoked.accept(NOW), revoked.revoke(NOW)),
        (Err(InvitationClosed::Revoked), Err(InvitationClosed::Revoked))
    );
    for status in InvitationStatus::ALL {
        assert_eq!(InvitationStatus::parse(status.as_str()), Some(status));
    }
}

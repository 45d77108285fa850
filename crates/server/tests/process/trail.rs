//! `verger audit`: what is found of what was done to a trail, and erasing a person.

use crate::support::{Installation, PATIENCE, Serving, run, until};

/// What somebody who can write to the file might do to the trail, and the row at which it is to be noticed. The places of the
/// first instance are the numbers of its rows.
const TAMPERINGS: &[(&str, i64)] = &[
    ("UPDATE changes SET who = '{}' WHERE place = 3", 3),
    ("UPDATE changes SET user_id = replace(user_id, 'user_', 'usar_') WHERE place = 1", 1),
    ("UPDATE changes SET personal = replace(personal, '1', '2') WHERE place = 4", 4),
    ("UPDATE changes SET personal = NULL, salt = NULL WHERE place = 4", 4),
    ("UPDATE changes SET hash = (SELECT hash FROM changes WHERE place = 2) WHERE place = 3", 3),
    ("UPDATE changes SET key_id = 'x' WHERE place = 3", 3),
    ("UPDATE changes SET created_at = 'never' WHERE place = 2", 2),
    ("DELETE FROM changes WHERE place = 1", 1),
    ("DELETE FROM changes WHERE place = 3", 3),
    ("DELETE FROM changes WHERE place = 5", 5),
    ("DELETE FROM changes", 1),
    // The last one, and the record of it with it.
    ("DELETE FROM changes WHERE place = 5; UPDATE audit_ends SET last_number = 4", 4),
    ("DELETE FROM changes WHERE place = 5; UPDATE audit_ends SET last_number = 4, last_seal = NULL", 4),
    // The first one likewise.
    ("DELETE FROM changes WHERE place = 1; UPDATE audit_ends SET first_number = 2", 2),
    // What two rows say changes places.
    (
        "UPDATE changes SET place = CASE place WHEN 2 THEN -4 ELSE -2 END WHERE place IN (2, 4);
         UPDATE changes SET place = -place WHERE place < 0",
        2,
    ),
    (
        "UPDATE changes SET place = CASE place WHEN 4 THEN -5 ELSE -4 END WHERE place IN (4, 5);
         UPDATE changes SET place = -place WHERE place < 0",
        4,
    ),
    // One more behind the last.
    (
        "INSERT INTO changes SELECT 6, event_count, kind, events, user_id, user_version, created_at, who, personal, salt,
            personal_digest, sealed, key_id, hash FROM changes WHERE place = 5",
        6,
    ),
    ("DELETE FROM audit_ends", 0),
];

/// Waits until the trail has so many rows.
fn wait_for_rows(server: &Serving, key: &str, rows: usize) {
    let is_told = until(PATIENCE, || {
        let log = server.call(key, "GET", "/verger/v1/audit_log?limit=100", "");
        (log.json()["data"].as_array()?.len() == rows).then_some(())
    });
    assert!(is_told.is_some(), "{}", server.call(key, "GET", "/verger/v1/audit_log?limit=100", "").text);
}

#[test]
fn audit_verify_names_the_first_row_that_was_tampered_with() {
    let installation = Installation::new();
    let mut server = installation.serve([]);
    for _ in 0..5 {
        let made = server.call(&installation.key, "POST", "/v1/users", r#"{"skip_user_requirement":true}"#);
        assert_eq!(made.status, 200, "{}", made.text);
    }
    wait_for_rows(&server, &installation.key, 5);
    assert_eq!(server.process.stop(), Some(0));
    let instance = installation.instance.as_str();
    let verify = || run(installation.verger(["audit", "verify", "--instance", instance]));
    assert!(verify().ok().starts_with("5 rows verified"));
    let file = installation.data().join("verger.db");
    for (tampering, at) in TAMPERINGS {
        let database = rusqlite::Connection::open(&file).unwrap();
        // Undone at the end: what was there is written down first.
        database
            .execute_batch(
                "CREATE TABLE kept_changes AS SELECT * FROM changes; CREATE TABLE kept_ends AS SELECT * FROM audit_ends",
            )
            .unwrap();
        database.execute_batch(tampering).unwrap();
        drop(database);
        let refused = verify().refused();
        assert!(refused.contains(&format!("broken at row {at}: ")), "{tampering}: {refused}");
        let database = rusqlite::Connection::open(&file).unwrap();
        database
            .execute_batch(
                "DELETE FROM changes; INSERT INTO changes SELECT * FROM kept_changes; DROP TABLE kept_changes;
                 DELETE FROM audit_ends; INSERT INTO audit_ends SELECT * FROM kept_ends; DROP TABLE kept_ends",
            )
            .unwrap();
    }
    assert!(verify().ok().starts_with("5 rows verified"));
    // Other keys prove nothing.
    let mut command = installation.verger(["audit", "verify", "--instance", instance]);
    command.env("VERGER_CODE_KEYS", "YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyE=");
    let refused = run(command).refused();
    assert!(refused.contains("is not in code_keys"), "{refused}");
}

#[test]
fn person_is_erased_and_the_trail_verifies() {
    let installation = Installation::of("development");
    let (key, instance) = (installation.key.as_str(), installation.instance.as_str());
    let mut server = installation.serve([]);
    let body = r#"{"email_address":["erased.person@example.com"],"first_name":"Unforgettable"}"#;
    let made = server.call(key, "POST", "/v1/users", body).ok().json();
    let user = made["id"].as_str().unwrap();
    // Every event of a session has its whole user.
    let session = format!(r#"{{"user_id":"{user}"}}"#);
    let ended = server.call(key, "POST", "/v1/sessions", &session).ok().json();
    server.call(key, "POST", &format!("/v1/sessions/{}/revoke", ended["id"].as_str().unwrap()), "").ok();
    server.call(key, "POST", "/v1/sessions", &session).ok();
    server.call(key, "POST", "/v1/users", r#"{"email_address":["other@example.com"]}"#).ok();
    let told = |words: &[&str]| {
        let words: Vec<_> = ["audit"].iter().chain(words).chain(&["--instance", instance]).copied().collect();
        run(installation.verger(words))
    };
    let refused = told(&["erase", user, "--yes"]).refused();
    assert!(refused.contains("delete the user first"), "{refused}");
    server.call(key, "DELETE", &format!("/v1/users/{user}"), "").ok();
    let export = || told(&["export"]).ok();
    assert!(until(PATIENCE, || export().contains("user.deleted").then_some(())).is_some());
    for event in ["session.created", "session.revoked", "session.removed"] {
        assert!(export().contains(event), "{}", export());
    }
    let (before, refused) = (export(), told(&["erase", user]).refused());
    assert!(refused.contains("would erase") && refused.contains("--yes"), "{refused}");
    assert_eq!(export(), before);

    let erased = told(&["erase", user, "--yes"]).ok();
    assert!(erased.contains(" changes of ") && erased.contains(user), "{erased}");
    let after = until(PATIENCE, || {
        let after = export();
        after.contains("user.erased").then_some(after)
    });
    let after = after.unwrap_or_else(|| panic!("{}", export()));
    assert!(after.contains(user) && after.contains("user.deleted"), "ids and types stay: {after}");
    let verified = told(&["verify"]).ok();
    assert!(verified.contains("without personal data"), "{verified}");
    assert_eq!(server.process.stop(), Some(0));
    // Nor is it anywhere in the rows.
    let database = rusqlite::Connection::open(installation.data().join("verger.db")).unwrap();
    let left: i64 = database
        .query_row(
            "SELECT COUNT(*) FROM changes WHERE personal LIKE '%Unforgettable%' OR who LIKE '%Unforgettable%'
                OR events LIKE '%Unforgettable%' OR personal LIKE '%erased.person%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    let others: i64 = database
        .query_row("SELECT COUNT(*) FROM changes WHERE personal LIKE '%other@example.com%'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(others > 0, "others stay");
}

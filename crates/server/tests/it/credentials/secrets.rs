//! That nothing secret leaves the server, and that its database says nothing without the key.

use super::*;
use crate::logged::Log;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::GuessedFactor;
use verger_server::fan_out_events;
use verger_wire::{InstanceId, UserId};

impl TestApp {
    async fn development(&self) -> InstanceId {
        let deadline = Instant::now() + Duration::from_secs(10);
        let digest = verger_store::KeyDigest::of(crate::support::DEVELOPMENT_KEY);
        self.store.find_key(&digest, deadline).await.unwrap().unwrap().1.id
    }

    /// What the database has of a password.
    pub(super) async fn sealed_password(&self, user: &str) -> String {
        self.sealed(user).await.0
    }

    /// The sealed password, TOTP secret and backup codes.
    async fn sealed(&self, user: &str) -> (String, String, String) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let (instance, user) = (self.development().await, UserId::from(user));
        let found =
            self.store.instance(&instance).load_for_guess(&user, GuessedFactor::Password, deadline).await;
        let secrets = found.unwrap().unwrap().secrets;
        let text = Option::unwrap_or_default;
        (text(secrets.password), text(secrets.totp_secret), text(secrets.backup_codes))
    }
}

#[tokio::test]
async fn s39_what_is_stored_is_sealed_and_says_nothing() {
    let app = TestApp::new().await;
    let md5 = "d13a384bfba83709c2b4fe3747f1456f";
    let fields = json!({
        "password_digest": md5, "password_hasher": "md5", "totp_secret": TOTP_SECRET,
        "backup_codes": ["0123-45678-9abc"],
    });
    let user = app.user_with(1, fields.clone()).await;
    let twin = app.user_with(2, fields).await;
    let (mine, other) = (app.sealed(&user).await, app.sealed(&twin).await);
    for (mine, other) in [(&mine.0, &other.0), (&mine.1, &other.1), (&mine.2, &other.2)] {
        let (key_id, sealed) = mine.split_once(':').unwrap();
        assert!(key_id.len() == 16 && sealed.len() > 40, "{mine}");
        assert_ne!(mine, other, "equal secrets do not look equal");
        for secret in [md5, TOTP_SECRET, "0123456789abc", "md5"] {
            assert!(!mine.contains(secret), "{mine}");
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_an_answer_the_trail_or_the_log() {
    let log = Log::default();
    let _guard = log.listen(tracing::Level::TRACE);
    let app = TestApp::new().await;
    let (password, other, md5) =
        ("a rare one of mine", "another rare one", "d13a384bfba83709c2b4fe3747f1456f");
    let fields = json!({
        "password": password, "totp_secret": TOTP_SECRET, "backup_codes": ["wxyz-12345-mnop"],
    });
    let user = app.user_with(1, fields).await;
    let mut seen = String::new();
    seen.push_str(&app.verify_password(&user, password).await.text);
    seen.push_str(&app.verify_password(&user, "some wrong guess").await.text);
    seen.push_str(&app.verify_totp(&user, "wxyz-12345-mnoq").await.text);
    let imported = json!({ "password_digest": md5, "password_hasher": "md5" });
    seen.push_str(&app.patch(&format!("/v1/users/{user}"), imported).await.text);
    seen.push_str(&app.patch(&format!("/v1/users/{user}"), json!({ "password": other })).await.text);
    let weak = json!({ "password": "qwertyuiop" });
    seen.push_str(&app.patch(&format!("/v1/users/{user}"), weak).await.text);
    seen.push_str(&app.delete(&format!("/v1/users/{user}/totp")).await.text);
    seen.push_str(&app.get("/v1/users").await.text);
    seen.push_str(&app.get("/verger/v1/audit_log").await.text);
    seen.push_str(&log.text());
    let sealed = app.sealed(&user).await;
    for secret in [
        password,
        other,
        md5,
        TOTP_SECRET,
        "wxyz",
        "some wrong guess",
        "qwertyuiop",
        "argon2",
        "$2",
        &sealed.0,
    ] {
        assert!(!seen.contains(secret), "{secret} is in {seen}");
    }
    assert!(seen.contains("password_enabled"));
}

#[tokio::test]
async fn s12_store_that_fails_grants_nothing_and_loses_no_count() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET })).await;
    app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    app.store.close();
    for refused in [
        app.verify_password(&user, PASSWORD).await,
        app.verify_password(&user, "wrong").await,
        app.verify_totp(&user, &code_at(crate::support::START)).await,
    ] {
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(refused.header("retry-after").is_some());
    }
}

/// Does something to the database whenever a statement of the server's does something else; not on PostgreSQL.
fn trigger(app: &TestApp, sql: &str) -> bool {
    let location = app.store.location();
    let Some(file) = location.strip_prefix("sqlite:") else { return false };
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
    true
}

#[tokio::test]
async fn s12_failure_behind_the_count_keeps_the_count_and_leaves_the_code_unused() {
    let app = TestApp::new().await;
    let md5 = "d13a384bfba83709c2b4fe3747f1456f";
    let fields = json!({
        "password_digest": md5, "password_hasher": "md5", "totp_secret": TOTP_SECRET,
        "backup_codes": ["0123-45678-9abc", "0123-45678-9abd"],
    });
    let user = app.user_with(1, fields).await;
    let remaining = async || app.read(&user).await["verification_attempts_remaining"].clone();
    let code = code_at(crate::support::START);
    let mut left = 100;
    for (column, factor, right) in [
        ("password", "password", json!({ "password": PASSWORD })),
        ("totp_last_step", "totp", json!({ "code": code })),
        ("backup_codes", "totp", json!({ "code": "0123-45678-9abc" })),
    ] {
        let attempt = async || app.post(&format!("/v1/users/{user}/verify_{factor}"), right.clone()).await;
        // As a full disk does it, before the try is counted.
        let fail = |of: &str| {
            format!(
                "CREATE TRIGGER f BEFORE UPDATE OF {of} ON credentials BEGIN SELECT RAISE(ROLLBACK, 'full'); END"
            )
        };
        if !trigger(&app, &fail("failed_attempts")) {
            return;
        }
        let refused = attempt().await;
        assert_eq!((refused.status, refused.code()), (503, "service_unavailable"), "{}", refused.text);
        assert_eq!(remaining().await, left, "{column}: nothing was counted");
        trigger(&app, "DROP TRIGGER f");
        // And behind it, where the right one is accepted.
        trigger(&app, &fail(column));
        let refused = attempt().await;
        assert_eq!((refused.status, refused.code()), (503, "service_unavailable"), "{}", refused.text);
        assert!(!refused.text.contains("Nothing was changed"), "{}", refused.text);
        left -= 1;
        assert_eq!(remaining().await, left, "{column}: the try counts");
        trigger(&app, "DROP TRIGGER f");
        attempt().await.ok();
        assert_eq!(remaining().await, left, "{column}: a right one is no failure");
    }
}

#[tokio::test]
async fn credentials_are_told_of_as_changes_of_the_user() {
    let app = TestApp::new().await;
    tokio::spawn(fan_out_events(Arc::clone(&app.app)));
    let mut feed = app.stream("/verger/v1/events", None).await;
    let user = app.user_with(1, json!({})).await;
    app.patch(&format!("/v1/users/{user}"), json!({ "password": PASSWORD })).await.ok();
    app.patch(&format!("/v1/users/{user}"), json!({ "totp_secret": TOTP_SECRET })).await.ok();
    app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    app.verify_password(&user, PASSWORD).await.ok();
    app.delete(&format!("/v1/users/{user}/totp")).await.ok();
    let mut told = Vec::new();
    while told.len() < 5 {
        let (_, event) = feed.next_event().await;
        for secret in [PASSWORD, TOTP_SECRET, "argon2", "sealed"] {
            assert!(!event.to_string().contains(secret), "{secret} is in {event}");
        }
        let changes: Vec<_> =
            event["changes"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
        told.push((event["type"].as_str().unwrap().to_owned(), changes));
    }
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(&names[..2], ["user.created", "email_address.created"]);
    let updates: Vec<_> =
        told.iter().filter(|(name, _)| name == "user.updated").map(|(_, changes)| changes).collect();
    assert!(
        updates[0].contains(&"password_enabled".to_owned())
            && updates[0].contains(&"password_last_updated_at".to_owned())
    );
    assert!(
        updates[1].contains(&"totp_enabled".to_owned())
            && updates[1].contains(&"two_factor_enabled".to_owned())
    );
}

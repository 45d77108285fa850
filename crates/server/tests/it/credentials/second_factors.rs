use super::*;
use std::time::{Duration, Instant};

const AT_ONCE: usize = 64;

/// Rounds of 64 equal codes; `VERGER_FACTOR_ROUNDS` asks for another number of them.
fn rounds() -> usize {
    let asked = std::env::var("VERGER_FACTOR_ROUNDS").ok();
    asked.map_or(3, |rounds| rounds.parse().expect("VERGER_FACTOR_ROUNDS is a number"))
}

fn codes(from: usize) -> Vec<String> {
    (from..from + 10).map(|at| format!("code-{at:04}-mine")).collect()
}

#[tokio::test]
async fn s6_code_of_a_step_is_good_once_in_any_spelling() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "totp_secret": TOTP_SECRET })).await;
    let shown = app.read(&user).await;
    assert_eq!((&shown["totp_enabled"], &shown["two_factor_enabled"]), (&json!(true), &json!(true)));
    let code = code_at(crate::support::START);
    let right = app.verify_totp(&user, &code).await;
    assert_eq!(right.ok(), &json!({ "verified": true, "code_type": "totp" }));
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    for spelling in [code.as_str(), &spaced, &format!(" {code} ")] {
        app.verify_totp(&user, spelling).await.refused(422, "totp_incorrect_code", "");
    }
    // Nor is the one before it, and the next one is.
    let now = app.tick();
    app.verify_totp(&user, &code_at(now)).await.ok();
    app.verify_totp(&user, &code_at(now - 30_000)).await.refused(422, "totp_incorrect_code", "");
    app.verify_totp(&user, &code_at(now + 30_000)).await.ok();
    app.verify_totp(&user, &code_at(now + 60_000)).await.refused(422, "totp_incorrect_code", "");
}

#[tokio::test]
async fn code_of_another_form_is_refused_without_a_count() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "totp_secret": TOTP_SECRET })).await;
    for wrong in ["", "12345", "1234567", "abcdef"] {
        app.verify_totp(&user, wrong).await.refused(422, "totp_invalid_length", "");
    }
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100);
    let none = app.bare_user().await;
    app.verify_totp(&none, "123456").await.refused(400, "totp_disabled", "");
    app.verify_totp("user_nobody", "123456").await.refused(404, "resource_not_found", "");
}

#[tokio::test]
async fn backup_codes_are_used_up_one_by_one() {
    let app = TestApp::new().await;
    let bcrypt = bcrypt::hash("issued-elsewhere", 4).unwrap();
    let fields = json!({ "totp_secret": TOTP_SECRET, "backup_codes": ["ABCD-1234-efgh", bcrypt] });
    let user = app.user_with(1, fields).await;
    assert_eq!(app.read(&user).await["backup_code_enabled"], true);
    let right = app.verify_totp(&user, "abcd1234EFGH").await;
    assert_eq!(right.ok(), &json!({ "verified": true, "code_type": "backup_code" }));
    let version = app.read(&user).await["updated_at"].clone();
    app.verify_totp(&user, "ABCD-1234-efgh").await.refused(422, "totp_incorrect_code", "");
    assert_eq!(app.read(&user).await["updated_at"], version, "while others are left, the user is the same");
    let now = app.tick();
    app.verify_totp(&user, "issued-elsewhere").await.ok();
    let shown = app.read(&user).await;
    assert_eq!((&shown["backup_code_enabled"], &shown["totp_enabled"]), (&json!(false), &json!(true)));
    assert_eq!(shown["updated_at"], now, "the last one is a change");
    app.verify_totp(&user, "issued-elsewhere").await.refused(422, "totp_invalid_length", "");
}

#[tokio::test]
async fn fields_of_second_factors_are_judged() {
    let app = TestApp::new().await;
    let user = app.bare_user().await;
    let many: Vec<_> = (0..11).map(|at| format!("code-{at:04}-mine")).collect();
    for (fields, code, param) in [
        (json!({ "totp_secret": "not base32!" }), "invalid_totp_secret_code", "totp_secret"),
        (json!({ "totp_secret": "GEZDGNBV" }), "invalid_totp_secret_code", "totp_secret"),
        (json!({ "backup_codes": many }), "form_param_array_size_exceeded", "backup_codes"),
        (json!({ "backup_codes": ["short"] }), "form_param_value_invalid", "backup_codes[0]"),
        (json!({ "backup_codes": ["long-enough", "123456"] }), "form_param_value_invalid", "backup_codes[1]"),
        (json!({ "backup_codes": ["same-code", "SAMECODE"] }), "form_param_value_invalid", "backup_codes[1]"),
        (
            json!({ "backup_codes": ["$2b$31$abcdefghijklmnopqrstuutFRmox32/oMUicrvfahfUOhMf2MJxPO"] }),
            "form_param_value_invalid",
            "backup_codes[0]",
        ),
    ] {
        let refused = app.patch(&format!("/v1/users/{user}"), fields).await;
        refused.refused(422, code, param);
        assert_eq!(refused.body["errors"].as_array().map(Vec::len), Some(1), "{}", refused.text);
    }
    // Each wrong one is named, and says what is wrong with it.
    let fields = json!({ "backup_codes": ["123456", "long-enough", "short"] });
    let refused = app.patch(&format!("/v1/users/{user}"), fields).await;
    let named = refused.body["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let named: Vec<_> =
        named.map(|error| (text(&error["meta"]["param_name"]), text(&error["message"]))).collect();
    let expected = [
        ("backup_codes[0]", "backup_codes[0] must not be six digits, because codes of authenticators are"),
        ("backup_codes[2]", "backup_codes[2] must have 6 to 64 characters, or be a bcrypt digest"),
    ];
    assert_eq!(named, expected.map(|(name, message)| (name.to_owned(), message.to_owned())));
    let shown = app.read(&user).await;
    assert_eq!((&shown["totp_enabled"], &shown["backup_code_enabled"]), (&json!(false), &json!(false)));
}

#[tokio::test]
async fn authenticator_and_backup_codes_are_deleted() {
    let app = TestApp::new().await;
    let all = json!({ "totp_secret": TOTP_SECRET, "backup_codes": codes(0) });
    let user = app.user_with(1, all.clone()).await;
    let deleted = app.delete(&format!("/v1/users/{user}/backup_code")).await;
    assert_eq!(deleted.ok(), &json!({ "user_id": user }));
    assert_eq!(app.read(&user).await["backup_code_enabled"], false);
    app.delete(&format!("/v1/users/{user}/backup_code")).await.ok();
    app.patch(&format!("/v1/users/{user}"), all.clone()).await.ok();
    let deleted = app.delete(&format!("/v1/users/{user}/totp")).await;
    assert_eq!(deleted.ok(), &json!({ "user_id": user }));
    assert_eq!(deleted.header("verger-consequences"), Some("mfa_disabled, backup_codes_removed"));
    let shown = app.read(&user).await;
    for flag in ["totp_enabled", "backup_code_enabled", "two_factor_enabled"] {
        assert_eq!(shown[flag], false, "{flag}");
    }
    app.patch(&format!("/v1/users/{user}"), all).await.ok();
    app.delete(&format!("/v1/users/{user}/mfa")).await.ok();
    let shown = app.read(&user).await;
    assert_eq!((&shown["totp_enabled"], &shown["backup_code_enabled"]), (&json!(false), &json!(false)));
    app.delete("/v1/users/user_nobody/totp").await.refused(404, "resource_not_found", "");
}

/// Sends the same code many times at once and counts who got in.
async fn wins(app: &TestApp, user: &str, code: &str) -> usize {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (app, user, code) = (app.clone(), user.to_owned(), code.to_owned());
        tasks.spawn(async move { app.verify_totp(&user, &code).await.status });
    }
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 422 | 429)), "{statuses:?}");
    statuses.into_iter().filter(|status| *status == 200).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_of_64_equal_codes_of_an_authenticator_one_is_right() {
    let app = TestApp::new().await;
    let end = Instant::now() + Duration::from_secs(500);
    for round in 0..rounds() {
        let user = app.user_with(round, json!({ "totp_secret": TOTP_SECRET })).await;
        assert_eq!(wins(&app, &user, &code_at(crate::support::START)).await, 1, "round {round}");
        assert!(Instant::now() < end, "too slow after {round} rounds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_64_equal_backup_codes_one_is_right_and_one_code_is_gone() {
    let app = TestApp::new().await;
    let end = Instant::now() + Duration::from_secs(500);
    for round in 0..rounds() {
        let fields = json!({ "totp_secret": TOTP_SECRET, "backup_codes": codes(round * 10) });
        let user = app.user_with(round, fields).await;
        let used = codes(round * 10)[3].clone();
        assert_eq!(wins(&app, &user, &used).await, 1, "round {round}");
        // All the others are there: one is right once the factor is open again.
        app.advance_ms(60 * 60 * 1000);
        for code in codes(round * 10).into_iter().filter(|code| *code != used) {
            app.verify_totp(&user, &code).await.ok();
        }
        assert_eq!(app.read(&user).await["backup_code_enabled"], false);
        assert!(Instant::now() < end, "too slow after {round} rounds");
    }
}

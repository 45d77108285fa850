use super::*;

const HOUR_MS: i64 = 60 * 60 * 1000;

fn retry_after(answer: &Answer) -> i64 {
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn s8_ten_wrong_passwords_within_an_hour_close_the_password_alone() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET })).await;
    for _ in 0..10 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    }
    let closed = app.verify_password(&user, PASSWORD).await;
    closed.refused(429, "too_many_requests", "");
    assert_eq!(retry_after(&closed), 3_600);
    // The other factor is open.
    let now = app.tick();
    app.verify_totp(&user, &code_at(now)).await.ok();
    app.advance_ms(HOUR_MS - 60_001);
    app.verify_password(&user, PASSWORD).await.refused(429, "too_many_requests", "");
    app.advance_ms(1);
    app.verify_password(&user, PASSWORD).await.ok();
    // A right one clears its own counter: ten more are needed.
    for _ in 0..9 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    }
    app.verify_password(&user, PASSWORD).await.ok();
}

/// A code of an authenticator that is right at no step near.
fn wrong_code(now_ms: i64) -> String {
    let right = [-30_000, 0, 30_000].map(|by_ms| code_at(now_ms + by_ms));
    let codes = (0..4).map(|at| format!("00000{at}"));
    codes.into_iter().find(|code| !right.contains(code)).unwrap()
}

#[tokio::test]
async fn s10_ten_wrong_codes_close_the_authenticator_and_the_backup_codes_each_apart() {
    let app = TestApp::new().await;
    let fields =
        json!({ "totp_secret": TOTP_SECRET, "backup_codes": ["wxyz-12345-mnop", "wxyz-12345-mnoq"] });
    let user = app.user_with(1, fields).await;
    let now = app.now().0;
    for _ in 0..10 {
        app.verify_totp(&user, &wrong_code(now)).await.refused(422, "totp_incorrect_code", "");
    }
    let closed = app.verify_totp(&user, &code_at(now)).await;
    closed.refused(429, "too_many_requests", "");
    assert_eq!(retry_after(&closed), 3_600);
    // The others are open, and a right one of them opens nothing else.
    app.verify_totp(&user, "wxyz-12345-mnop").await.ok();
    app.verify_totp(&user, &code_at(now)).await.refused(429, "too_many_requests", "");
    for _ in 0..10 {
        app.verify_totp(&user, "wxyz-12345-none").await.refused(422, "totp_incorrect_code", "");
    }
    let closed = app.verify_totp(&user, "wxyz-12345-mnoq").await;
    closed.refused(429, "too_many_requests", "");
    // What was refused is not used up.
    app.advance_ms(HOUR_MS);
    let now = app.now().0;
    app.verify_totp(&user, &code_at(now)).await.ok();
    app.verify_totp(&user, "wxyz-12345-mnoq").await.ok();
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 80);
}

#[tokio::test]
async fn s9_one_counter_whatever_the_user_is_called() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD, "username": "ada_king" })).await;
    for _ in 0..9 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    }
    // Another name does not begin the count anew.
    app.patch(&format!("/v1/users/{user}"), json!({ "username": "ada_lovelace" })).await.ok();
    app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    app.verify_password(&user, PASSWORD).await.refused(429, "too_many_requests", "");
}

/// A user all of whose factors are closed by wrong tries.
async fn closed_user(app: &TestApp, at: usize) -> String {
    let fields =
        json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET, "backup_codes": ["wxyz-12345-mnop"] });
    let user = app.user_with(at, fields).await;
    for _ in 0..10 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
        app.verify_totp(&user, "000000").await.refused(422, "totp_incorrect_code", "");
        app.verify_totp(&user, "wxyz-12345-nope").await.refused(422, "totp_incorrect_code", "");
    }
    user
}

#[tokio::test]
async fn unlocking_opens_every_factor_that_wrong_tries_closed() {
    let app = TestApp::new().await;
    let user = closed_user(&app, 1).await;
    let unlock = format!("/v1/users/{user}/unlock");
    app.verify_password(&user, PASSWORD).await.refused(429, "too_many_requests", "");
    // A dry run opens nothing.
    app.call("POST", &unlock).header("prefer", "dry-run").send().await.ok();
    app.verify_password(&user, PASSWORD).await.refused(429, "too_many_requests", "");
    app.call("POST", &unlock).send().await.ok();
    app.verify_password(&user, PASSWORD).await.ok();
    let now = app.tick();
    app.verify_totp(&user, &code_at(now)).await.ok();
    app.verify_totp(&user, "wxyz-12345-mnop").await.ok();
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100);
    // The count begins anew, and closes the factor after as many as before.
    for _ in 0..10 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    }
    app.verify_password(&user, PASSWORD).await.refused(429, "too_many_requests", "");
    // Nothing has changed of the user but the count: unlocking once more opens the password all the same.
    app.call("POST", &unlock).send().await.ok();
    app.verify_password(&user, PASSWORD).await.ok();
}

#[tokio::test]
async fn new_secret_opens_its_factor_and_no_other() {
    let app = TestApp::new().await;
    let user = closed_user(&app, 1).await;
    app.patch(&format!("/v1/users/{user}"), json!({ "password": "a rare one" })).await.ok();
    app.verify_password(&user, PASSWORD).await.refused(422, "incorrect_password", "");
    app.verify_password(&user, "a rare one").await.ok();
    let now = app.tick();
    app.verify_totp(&user, &code_at(now)).await.refused(429, "too_many_requests", "");
    app.patch(&format!("/v1/users/{user}"), json!({ "totp_secret": TOTP_SECRET })).await.ok();
    app.verify_totp(&user, &code_at(now)).await.ok();
    app.verify_totp(&user, "wxyz-12345-mnop").await.refused(429, "too_many_requests", "");
    app.patch(&format!("/v1/users/{user}"), json!({ "backup_codes": ["abcd-12345-mnop"] })).await.ok();
    app.verify_totp(&user, "abcd-12345-mnop").await.ok();
    // All factors together still count: 30 wrong tries, the one with the old password, and none that was right.
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 69);
}

#[tokio::test]
async fn hundred_wrong_tries_in_a_row_lock_the_user_for_an_hour() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET })).await;
    for round in 0..10 {
        for at in 0..10 {
            assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100 - round * 10 - at);
            app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
        }
        if round < 9 {
            app.advance_ms(HOUR_MS);
            // What is right of another factor neither counts nor clears.
            let now = app.tick();
            app.verify_totp(&user, &code_at(now)).await.ok();
        }
    }
    let locked = app.read(&user).await;
    assert_eq!((&locked["locked"], &locked["lockout_expires_in_seconds"]), (&json!(true), &json!(3_600)));
    assert_eq!(locked["verification_attempts_remaining"], 0);
    app.advance_ms(HOUR_MS - 1_500);
    for refused in [app.verify_password(&user, PASSWORD).await, app.verify_totp(&user, "123456").await] {
        refused.refused(403, "user_locked", "");
        assert_eq!(refused.body["errors"][0]["meta"]["lockout_expires_in_seconds"], 2);
    }
    app.advance_ms(1_500);
    let open = app.read(&user).await;
    assert_eq!((&open["locked"], &open["lockout_expires_in_seconds"]), (&json!(false), &Value::Null));
    assert_eq!(open["verification_attempts_remaining"], 100);
    app.verify_password(&user, PASSWORD).await.ok();
}

#[tokio::test]
async fn backend_unlocks_what_guesses_locked() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD })).await;
    for _ in 0..10 {
        for _ in 0..10 {
            app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
        }
        app.advance_ms(HOUR_MS - 1);
        app.advance_ms(1);
    }
    // An hour has passed since the last: locked no more. Ten more in a new row, and an operator ends it.
    for _ in 0..10 {
        app.verify_password(&user, "wrong").await.refused(422, "incorrect_password", "");
    }
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 90);
    let unlocked = app.call("POST", &format!("/v1/users/{user}/unlock")).send().await;
    assert_eq!(unlocked.ok()["verification_attempts_remaining"], 100);
    let locked = app.call("POST", &format!("/v1/users/{user}/lock")).send().await;
    assert_eq!(
        (&locked.ok()["locked"], &locked.body["lockout_expires_in_seconds"]),
        (&json!(true), &Value::Null)
    );
    app.verify_password(&user, PASSWORD).await.refused(403, "user_locked", "");
}

/// The status of a try that the server had the time for, which it has not always on a busy machine.
async fn tried(app: &TestApp, user: &str, password: &str) -> u16 {
    loop {
        let answer = app.verify_password(user, password).await;
        match answer.status {
            503 if answer.text.contains("was counted") => return 422,
            503 => {}
            429 if answer.text.contains("Too many passwords are being checked") => {}
            status => return status,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counter_equals_the_wrong_ones_however_many_come_at_once() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD })).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (app, user) = (app.clone(), user.clone());
        tasks.spawn(async move { tried(&app, &user, "wrong").await });
    }
    let statuses = tasks.join_all().await;
    let tried = statuses.iter().filter(|status| **status == 422).count();
    assert_eq!((tried, statuses.iter().filter(|status| **status == 429).count()), (10, 30));
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_at_once_are_all_right() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD })).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (app, user) = (app.clone(), user.clone());
        tasks.spawn(async move { tried(&app, &user, PASSWORD).await });
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100);
}

#[tokio::test]
async fn banned_user_has_no_tries() {
    let app = TestApp::new().await;
    let fields = json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET, "banned": true });
    let user = app.user_with(1, fields).await;
    app.verify_password(&user, PASSWORD).await.refused(403, "user_banned", "");
    app.verify_totp(&user, "123456").await.refused(403, "user_banned", "");
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 100);
}

#[tokio::test]
async fn try_has_no_dry_run_and_is_answered_once_for_its_key() {
    let app = TestApp::new().await;
    let user = app.user_with(1, json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET })).await;
    let path = format!("/v1/users/{user}/verify_totp");
    let body = json!({ "code": code_at(crate::support::START) });
    let keyed = || app.call("POST", &path).header("idempotency-key", "once").json(&body).send();
    keyed().await.ok();
    let again = keyed().await;
    assert_eq!(again.ok(), &json!({ "verified": true, "code_type": "totp" }));
    // Without the key it was used.
    app.post(&path, body.clone()).await.refused(422, "totp_incorrect_code", "");
    let dry = app.call("POST", &path).header("prefer", "dry-run").json(&body).send().await;
    assert!((400..500).contains(&dry.status), "{}", dry.text);
    assert_eq!(app.read(&user).await["verification_attempts_remaining"], 99);
}

/// A clock that was ahead by years closes and locks for an hour, as any other does.
#[tokio::test]
async fn factor_that_was_closed_in_the_future_opens_after_an_hour() {
    const AHEAD_MS: i64 = 10 * 365 * 24 * HOUR_MS;
    let app = TestApp::new().await;
    crate::sessions::set(&app, json!({ "attack_protection": { "user_lockout_attempts": 12 } })).await;
    let fields = json!({ "password": PASSWORD, "totp_secret": TOTP_SECRET });
    let (closed, locked) = (app.user_with(1, fields.clone()).await, app.user_with(2, fields).await);
    app.advance_ms(AHEAD_MS);
    for user in [&closed, &locked] {
        for _ in 0..10 {
            app.verify_password(user, "wrong").await.refused(422, "incorrect_password", "");
        }
    }
    for _ in 0..2 {
        app.verify_totp(&locked, "000000").await.refused(422, "totp_incorrect_code", "");
    }
    app.advance_ms(-AHEAD_MS);
    let refused = app.verify_password(&closed, PASSWORD).await;
    refused.refused(429, "too_many_requests", "");
    assert_eq!(refused.header("retry-after"), Some("3600"));
    let refused = app.verify_password(&locked, PASSWORD).await;
    refused.refused(403, "user_locked", "");
    assert_eq!(refused.body["errors"][0]["meta"]["lockout_expires_in_seconds"], 3600);
    app.advance_ms(HOUR_MS - 1_000);
    for (user, status) in [(&closed, 429), (&locked, 403)] {
        assert_eq!(app.verify_password(user, PASSWORD).await.status, status);
    }
    app.advance_ms(1_000);
    for user in [&closed, &locked] {
        app.verify_password(user, PASSWORD).await.ok();
    }
}

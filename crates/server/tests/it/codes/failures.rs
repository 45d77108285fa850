//! What is said when something fails or changes between the counting of a try and its answer.

use super::*;

/// Does something to the database whenever a statement of the server's does something else; not on PostgreSQL.
fn trigger(app: &TestApp, sql: &str) -> bool {
    let location = app.store.location();
    let Some(file) = location.strip_prefix("sqlite:") else { return false };
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
    true
}

async fn attempt_with_key(app: &TestApp, pending: &Pending, code: &str) -> Answer {
    let body = json!({ "verification_id": pending.verification, "code": code });
    let path = format!("{}/attempt_verification", pending.path);
    app.call("POST", &path).header("idempotency-key", "one").json(&body).send().await
}

#[tokio::test]
async fn code_that_ended_after_its_try_was_counted_keeps_its_answer() {
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    // Another server makes a newer code right after the try was counted.
    let newer = "CREATE TRIGGER newer AFTER UPDATE ON verification_windows BEGIN
            UPDATE identifications SET verification_id = NULL;
            UPDATE users SET version = version + 1;
        END";
    if !trigger(&app, newer) {
        return;
    }
    let first = attempt_with_key(&app, &pending, &pending.code).await;
    assert_eq!((first.ok()["status"].as_str(), first.header("idempotent-replayed")), (Some("expired"), None));
    let again = attempt_with_key(&app, &pending, &pending.code).await;
    assert_eq!((again.ok(), again.header("idempotent-replayed")), (first.ok(), Some("true")));
}

#[tokio::test]
async fn flaw_22_failure_after_a_counted_try_says_that_it_was_counted() {
    for (is_right, statement) in [
        (true, "UPDATE ON verifications WHEN NEW.verified_at IS NOT NULL"),
        (false, "INSERT ON idempotency_keys"),
    ] {
        let app = TestApp::new().await;
        let pending = app.pending_phone(0).await;
        // As a full disk does it.
        let fail = format!("CREATE TRIGGER f BEFORE {statement} BEGIN SELECT RAISE(ROLLBACK, 'full'); END");
        if !trigger(&app, &fail) {
            return;
        }
        let code = if is_right { pending.code.clone() } else { wrong(&pending.code) };
        let answer = attempt_with_key(&app, &pending, &code).await;
        assert_eq!((answer.status, answer.code()), (503, "service_unavailable"), "{}", answer.text);
        assert!(!answer.text.contains("Nothing was changed"), "{}", answer.text);
        assert!(answer.text.contains("try of the code was counted"), "{}", answer.text);
        let shown = app.verification_of(&pending).await;
        assert_eq!((&shown["attempts"], &shown["status"]), (&json!(1), &json!("unverified")));
        trigger(&app, "DROP TRIGGER f");
        let again = attempt_with_key(&app, &pending, &pending.code).await;
        assert_eq!((&again.ok()["attempts"], &again.ok()["status"]), (&json!(2), &json!("verified")));
    }
    // Before the try is counted, nothing is.
    let app = TestApp::new().await;
    let pending = app.pending_phone(0).await;
    let fail = "CREATE TRIGGER f BEFORE UPDATE ON verifications BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    trigger(&app, fail);
    let answer = attempt_with_key(&app, &pending, &pending.code).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("Nothing was changed"), "{}", answer.text);
    trigger(&app, "DROP TRIGGER f");
    assert_eq!(app.verification_of(&pending).await["attempts"], 0);
}

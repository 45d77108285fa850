//! What must hold of every session and user after each step.

use super::super::{mint, text, verified};
use super::{Expected, Model, TEMPLATE};
use crate::support::{Answer, PRODUCTION_KEY, TestApp};
use serde_json::{Value, json};

/// Reads, again while the machine is too busy.
async fn read(app: &TestApp, path: &str) -> Answer {
    loop {
        let answer = app.get(path).await;
        if answer.status != 503 {
            return answer;
        }
    }
}

async fn mint_of_template(app: &TestApp, id: &str) -> Answer {
    app.post(&format!("/v1/sessions/{id}/tokens/{TEMPLATE}"), json!({})).await
}

impl Model {
    pub(super) async fn check(&mut self) {
        let now = self.app.now().0;
        let ids: Vec<_> = self.sessions.keys().cloned().collect();
        for id in &ids {
            let expected = self.sessions[id].clone();
            self.check_session(id, &expected).await;
            if expected.ended.is_none() {
                self.sessions.get_mut(id).unwrap().used_at = Some(now);
            }
        }
        for id in &self.gone_sessions {
            assert_eq!(mint(&self.app, id).await.refusal(), (404, "resource_not_found"));
        }
        for user in self.accounts.keys() {
            self.check_user(user).await;
        }
        for user in &self.gone_users {
            assert_eq!(read(&self.app, &format!("/v1/users/{user}")).await.status, 404);
            let listed = read(&self.app, &format!("/v1/sessions?user_id={user}")).await;
            assert_eq!(*listed.ok(), json!([]), "{user}");
        }
        let clients = read(&self.app, "/v1/clients?limit=500").await.ok().clone();
        let shown: usize = clients.as_array().unwrap().iter().map(open_sessions).sum();
        let is_open = |session: &&Expected| session.ended.is_none();
        assert_eq!(shown, self.sessions.values().filter(is_open).count());
        self.check_other_instance().await;
    }

    async fn check_session(&self, id: &str, expected: &Expected) {
        let shown = read(&self.app, &format!("/v1/sessions/{id}")).await.ok().clone();
        let status = self.status(expected);
        // Rule 2: an end stays the one that it was. Rule 5: what is pending follows from the user.
        assert_eq!(shown["status"], status, "{id} {expected:?} {:?}", self.accounts[&expected.user]);
        let tasks = self.tasks(expected);
        let named: Vec<_> =
            shown["tasks"].as_array().into_iter().flatten().map(|task| &task["key"]).collect();
        let is_open = expected.ended.is_none();
        assert_eq!(named, if is_open { tasks } else { Vec::new() });
        let minted = mint(&self.app, id).await;
        let of_template = mint_of_template(&self.app, id).await;
        if !is_open {
            for refused in [minted, of_template] {
                assert_eq!(refused.refusal(), (401, "authentication_invalid"), "{id} {expected:?}");
            }
            return;
        }
        // Rule 1.
        assert!(!self.accounts[&expected.user].is_banned, "{id} of a banned user is {status}");
        let (_, claims) = verified(&self.app, &text(&minted.ok()["jwt"])).await;
        assert_eq!((&claims["sub"], &claims["sid"]), (&json!(expected.user), &json!(id)));
        assert_eq!(claims["sts"], status);
        let proved = |at: usize| claims["fva"][at].as_i64().unwrap() >= 0;
        assert_eq!((proved(0), proved(1)), (expected.is_sign_in, expected.has_second_factor));
        if status == "pending" {
            assert_eq!(of_template.refusal(), (403, "authorization_invalid"));
        } else {
            of_template.ok();
        }
    }

    async fn check_user(&self, user: &str) {
        let account = &self.accounts[user];
        let shown = read(&self.app, &format!("/v1/users/{user}")).await.ok().clone();
        // Rule 5.
        for (name, expected) in [
            ("banned", account.is_banned),
            ("password_enabled", account.password.is_some()),
            ("totp_enabled", account.has_totp),
            ("backup_code_enabled", !account.backup_codes.is_empty()),
            ("two_factor_enabled", account.has_totp),
        ] {
            assert_eq!(shown[name], expected, "{name} of {user} {account:?}");
        }
        // Rule 3: wrong tries are counted, and nothing else.
        assert_eq!(shown["verification_attempts_remaining"], 100 - account.failed_attempts, "{account:?}");
        let is_open = |session: &&Expected| session.user == *user && session.ended.is_none();
        let expected = self.sessions.values().filter(is_open).count();
        let path = format!("/v1/sessions?user_id={user}&status=active&paginated=true&limit=1");
        assert_eq!(read(&self.app, &path).await.ok()["total_count"], json!(expected), "{user}");
    }

    /// Rule 4: another instance knows nothing of all this, and changes nothing of it.
    async fn check_other_instance(&self) {
        let call = |method: &str, path: String| self.app.call(method, &path).key(PRODUCTION_KEY).send();
        for id in self.sessions.keys().take(3) {
            for (method, path) in [
                ("GET", format!("/v1/sessions/{id}")),
                ("POST", format!("/v1/sessions/{id}/revoke")),
                ("POST", format!("/v1/sessions/{id}/tokens")),
            ] {
                assert_eq!(call(method, path.clone()).await.status, 404, "{method} {path}");
            }
        }
        for user in self.accounts.keys().take(3) {
            for (method, path) in [
                ("POST", format!("/v1/users/{user}/ban")),
                ("POST", format!("/v1/users/{user}/remove_password")),
                ("POST", format!("/v1/users/{user}/password/set_compromised")),
                ("DELETE", format!("/v1/users/{user}")),
            ] {
                assert_eq!(call(method, path.clone()).await.status, 404, "{method} {path}");
            }
            let listed = call("GET", format!("/v1/sessions?user_id={user}")).await;
            assert_eq!(*listed.ok(), json!([]), "{user}");
        }
    }
}

/// How many sessions a client shows, none of which is over.
fn open_sessions(client: &Value) -> usize {
    let sessions = client["sessions"].as_array().unwrap();
    let is_open = |session: &Value| session["status"] == "active" || session["status"] == "pending";
    assert!(sessions.iter().all(is_open), "{client}");
    sessions.len()
}

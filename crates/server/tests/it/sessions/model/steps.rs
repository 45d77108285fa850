//! What happens to sessions, but for the credentials of their users.

use super::super::{far, set, text};
use super::{Account, Expected, HOUR_MS, MINUTE_MS, Model};
use rand::RngExt as _;
use serde_json::{Value, json};
use verger_core::Client;
use verger_core::client::{Clocks, SecretDigest};
use verger_core::session::{Ending, NewSession, Origin, Proofs, Session, SessionRules};
use verger_store::{Change, SignedIn, Write};
use verger_wire::UserId;

impl Model {
    pub(super) async fn create_user(&mut self) {
        let mut account = Account::default();
        let mut body = json!({ "skip_user_requirement": true });
        if self.rng.random_bool(0.6) {
            let password = format!("a rare one of mine {}", self.next());
            body["password"] = json!(password);
            account.password = Some(password);
        }
        let user = text(&self.act("POST", "/v1/users", &body).await.ok()["id"]);
        self.accounts.insert(user, account);
    }

    pub(super) async fn begin_session(&mut self, user: String) {
        let body = json!({ "user_id": user });
        let answer = self.act_or_rehearse("POST", "/v1/sessions", &body).await;
        if self.accounts[&user].is_banned {
            assert_eq!(answer.refusal(), (403, "user_banned"));
            return;
        }
        let created_at = answer.ok()["created_at"].as_i64().unwrap();
        self.expect(text(&answer.body["id"]), user, created_at, false);
    }

    fn expect(&mut self, id: String, user: String, created_at: i64, is_sign_in: bool) {
        let expected = Expected {
            created_at,
            expire_at: created_at + self.lifetime_ms,
            last_active_at: created_at,
            used_at: None,
            is_sign_in,
            has_second_factor: is_sign_in && self.accounts[&user].has_totp,
            ended: None,
            user,
        };
        self.sessions.insert(id, expected);
    }

    /// What a completed sign-in writes.
    pub(super) async fn sign_in(&mut self, user: String) {
        if self.accounts[&user].is_banned {
            return;
        }
        let secret = SecretDigest(format!("secret {}", self.next()));
        let instance = self.app.instance_id().await;
        let scoped = self.app.store.instance(&instance);
        let user_id = UserId::from(user.as_str());
        let loaded = scoped.load_user(&user_id, far()).await.unwrap().unwrap();
        assert_eq!(loaded.two_factor_enabled(), self.accounts[&user].has_totp);
        let (now, mut env) = (self.app.now(), self.app.app.env());
        let client = Client::create(env.client_id(), secret, Clocks { now, real: now });
        let mut new = NewSession {
            id: env.session_id(),
            user_id: user_id.clone(),
            client_id: client.id.clone(),
            origin: Origin::SignIn,
            second_factor_demanded: loaded.two_factor_enabled(),
            proofs: Proofs { first: Some(now), second: None },
            activity: None,
            life_ms_max: None,
        };
        let rules = SessionRules::of(&scoped.settings(far()).await.unwrap());
        if loaded.two_factor_enabled() {
            Session::begin(new.clone(), &rules, now).expect_err("the second factor was not proved");
            new.proofs.second = Some(now);
        }
        let session = Session::begin(new, &rules, now).unwrap();
        let id = session.id.to_string();
        let client = Change { before: None, after: Some(client) };
        let session = Change { before: None, after: Some(session) };
        let signed_in = Some(SignedIn { user_id, version: loaded.version, at: now });
        let write = Write { changes: vec![client.into(), session.into()], signed_in, ..Write::at(now) };
        scoped.save(&write, far()).await.unwrap();
        self.expect(id, user, now.0, true);
    }

    /// Alone, or with another.
    pub(super) async fn ban(&mut self, user: String) {
        let other = Self::pick(&mut self.rng, self.accounts.keys()).filter(|other| *other != user);
        let banned = match other.filter(|_| self.rng.random_bool(0.5)) {
            None => {
                self.act_or_rehearse("POST", &format!("/v1/users/{user}/ban"), &json!({})).await.ok();
                vec![user]
            }
            Some(other) => {
                let all = vec![user, other];
                self.act_or_rehearse("POST", "/v1/users/ban", &json!({ "user_ids": all })).await.ok();
                all
            }
        };
        for user in banned {
            self.end(&user, "revoked");
            self.account(&user).is_banned = true;
        }
    }

    pub(super) async fn unban(&mut self, user: String) {
        self.act("POST", &format!("/v1/users/{user}/unban"), &json!({})).await.ok();
        self.account(&user).is_banned = false;
    }

    pub(super) async fn delete(&mut self, user: String) {
        self.act("DELETE", &format!("/v1/users/{user}"), &Value::Null).await.ok();
        self.accounts.remove(&user);
        let of_user = self.sessions.iter().filter(|(_, session)| session.user == user);
        self.gone_sessions.extend(of_user.map(|(id, _)| id.clone()));
        self.sessions.retain(|_, session| session.user != user);
        self.gone_users.push(user);
    }

    pub(super) async fn revoke_session(&mut self) {
        let Some(session) = Self::pick(&mut self.rng, self.sessions.keys()) else { return };
        let path = format!("/v1/sessions/{session}/revoke");
        self.act_or_rehearse("POST", &path, &json!({})).await.ok();
        let expected = self.sessions.get_mut(&session).unwrap();
        expected.ended = expected.ended.or(Some("revoked"));
    }

    pub(super) fn advance(&mut self) {
        let duration_ms = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(1..30) * HOUR_MS,
            1 => self.rng.random_range(1..50) * MINUTE_MS,
            _ => self.rng.random_range(1..100_000),
        };
        self.app.advance_ms(duration_ms);
    }

    pub(super) async fn change_settings(&mut self) {
        match self.rng.random_range(0..3) {
            0 => {
                // Not shorter than the other limit.
                let shortest = self.inactivity_ms.map_or(1, |limit_ms| limit_ms / HOUR_MS);
                let hours = self.rng.random_range(shortest..100);
                set(&self.app, json!({ "sessions": { "lifetime_seconds": hours * 3600 } })).await;
                self.lifetime_ms = hours * HOUR_MS;
            }
            1 => {
                let longest = (self.lifetime_ms / HOUR_MS).min(60);
                let hours = self.rng.random_bool(0.7).then(|| self.rng.random_range(1..=longest));
                let seconds = hours.map(|hours| hours * 3600);
                set(&self.app, json!({ "sessions": { "inactivity_timeout_seconds": seconds } })).await;
                self.inactivity_ms = hours.map(|hours| hours * HOUR_MS);
            }
            _ => {
                self.is_second_factor_required = !self.is_second_factor_required;
                let required = self.is_second_factor_required;
                set(&self.app, json!({ "second_factors": { "required": required } })).await;
            }
        }
    }

    /// What the server does by itself: it writes down what is true already.
    pub(super) async fn sweep(&mut self) {
        let instance = self.app.instance_id().await;
        let scoped = self.app.store.instance(&instance);
        let rules = SessionRules::of(&scoped.settings(far()).await.unwrap());
        for session in scoped.sessions_to_expire(&rules, self.app.now(), 100, far()).await.unwrap() {
            let over = session.expire(&rules, self.app.now()).unwrap();
            assert_eq!(over.end.map(|end| end.how), Some(Ending::Expired));
            let changes = vec![Change::update(session, over).into()];
            let write = Write { changes, ..Write::at(self.app.now()) };
            scoped.save(&write, far()).await.unwrap();
        }
    }

    /// Likewise: when sessions were used. One that is over by then stays over.
    pub(super) async fn write_activities(&mut self) {
        self.app.app.write_activities().await;
        for session in self.sessions.values_mut() {
            let used_at = session.used_at.take();
            if session.ended.is_none() {
                session.last_active_at = session.last_active_at.max(used_at.unwrap_or(i64::MIN));
            }
        }
    }

    /// Creates a ticket, and sometimes revokes one: that is done once.
    pub(super) async fn settle_ticket(&mut self, user: String) {
        let body = json!({ "user_id": user, "expires_in_seconds": 31_536_000 });
        let answer = self.act("POST", "/v1/sign_in_tokens", &body).await;
        self.tickets.insert(text(&answer.ok()["id"]), true);
        let Some(ticket) = Self::pick(&mut self.rng, self.tickets.keys()) else { return };
        let answer = self.act("POST", &format!("/v1/sign_in_tokens/{ticket}/revoke"), &json!({})).await;
        if answer.status == 404 {
            // Its user is gone.
            assert!(!self.gone_users.is_empty());
            self.tickets.remove(&ticket);
        } else if self.tickets.insert(ticket, false) == Some(true) {
            assert_eq!(answer.ok()["status"], "revoked");
        } else {
            assert_eq!(answer.refusal(), (400, "sign_in_token_cannot_be_revoked_code"));
        }
    }
}

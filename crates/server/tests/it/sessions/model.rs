//! Random sequences of everything that touches sessions: rules 1, 2, 4 and 5 of contract section 8 hold after each step.
//! `VERGER_TEST_STORE=postgres` runs it on PostgreSQL.

use super::{far, mint, text, verified};
use crate::support::{PRODUCTION_KEY, TestApp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use verger_core::session::{Ending, SessionRules};
use verger_store::Change;

const SEQUENCES: u64 = 6;
const STEPS: usize = 60;
const HOUR_MS: i64 = 3_600_000;

/// What must hold of a session.
#[derive(Clone, Debug)]
struct Expected {
    user: String,
    created_at: i64,
    /// By the setting of when it began; a longer one does not bind it.
    expire_at: i64,
    /// `active` until it ends.
    status: &'static str,
}

struct Model {
    app: TestApp,
    rng: StdRng,
    /// Whether each user is banned.
    users: BTreeMap<String, bool>,
    sessions: BTreeMap<String, Expected>,
    gone: Vec<String>,
    lifetime_ms: i64,
}

impl Model {
    fn pick<'a>(rng: &mut StdRng, of: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
        let count = of.len();
        (count > 0).then(|| of.cloned().nth(rng.random_range(0..count)))?
    }

    fn end(&mut self, user: &str, status: &'static str) {
        for session in self.sessions.values_mut().filter(|session| session.user == user) {
            if session.status == "active" {
                session.status = status;
            }
        }
    }

    /// What time does.
    fn expire(&mut self) {
        let now = self.app.now().0;
        for session in self.sessions.values_mut().filter(|session| session.status == "active") {
            if session.expire_at.min(session.created_at + self.lifetime_ms) <= now {
                session.status = "expired";
            }
        }
    }

    async fn step(&mut self) {
        let user = Self::pick(&mut self.rng, self.users.keys());
        let session = Self::pick(&mut self.rng, self.sessions.keys());
        match (self.rng.random_range(0..12), user, session) {
            (0 | 1, _, _) | (_, None, _) => {
                let user = self.app.bare_user().await;
                self.users.insert(user, false);
            }
            (2..=4, Some(user), _) => {
                let answer = self.app.post("/v1/sessions", json!({ "user_id": user })).await;
                if self.users[&user] {
                    assert_eq!(answer.refusal(), (403, "user_banned"));
                } else {
                    let created_at = answer.ok()["created_at"].as_i64().unwrap();
                    let expire_at = created_at + self.lifetime_ms;
                    let expected = Expected { user, created_at, expire_at, status: "active" };
                    self.sessions.insert(text(&answer.body["id"]), expected);
                }
            }
            (5, Some(user), _) => {
                self.app.post(&format!("/v1/users/{user}/ban"), json!({})).await.ok();
                self.end(&user, "revoked");
                self.users.insert(user, true);
            }
            (6, Some(user), _) => {
                self.app.post(&format!("/v1/users/{user}/unban"), json!({})).await.ok();
                self.users.insert(user, false);
            }
            (7, Some(user), _) if self.rng.random_bool(0.3) => {
                self.app.delete(&format!("/v1/users/{user}")).await.ok();
                self.users.remove(&user);
                let of_user = self.sessions.iter().filter(|(_, session)| session.user == user);
                self.gone.extend(of_user.map(|(id, _)| id.clone()));
                self.sessions.retain(|_, session| session.user != user);
            }
            (8, _, Some(session)) => {
                self.app.post(&format!("/v1/sessions/{session}/revoke"), json!({})).await.ok();
                let expected = self.sessions.get_mut(&session).unwrap();
                if expected.status == "active" {
                    expected.status = "revoked";
                }
            }
            (9, _, _) => self.app.advance_ms(self.rng.random_range(1..30) * HOUR_MS),
            (10, _, _) => self.set_lifetime().await,
            _ => self.sweep().await,
        }
        self.expire();
    }

    async fn set_lifetime(&mut self) {
        let hours = self.rng.random_range(1..100);
        let instance = self.app.instance_id().await;
        let scoped = self.app.store.instance(&instance);
        let before = scoped.settings(far()).await.unwrap();
        let patch = json!({ "sessions": { "lifetime_seconds": hours * 3600 } });
        let after = before.patch(patch.as_object().unwrap(), self.app.now()).unwrap();
        let changes = vec![Change::update(before, after).into()];
        let write = verger_store::Write { changes, ..verger_store::Write::at(self.app.now()) };
        scoped.save(&write, far()).await.unwrap();
        self.lifetime_ms = hours * HOUR_MS;
        self.app.app.forget_instance(&instance);
    }

    /// What the server does by itself: it writes down what is true already.
    async fn sweep(&mut self) {
        let instance = self.app.instance_id().await;
        let scoped = self.app.store.instance(&instance);
        let rules = SessionRules::of(&scoped.settings(far()).await.unwrap());
        for session in scoped.sessions_to_expire(&rules, self.app.now(), 100, far()).await.unwrap() {
            let over = session.expire(&rules, self.app.now()).unwrap();
            assert_eq!(over.end.map(|end| end.how), Some(Ending::Expired));
            let changes = vec![Change::update(session, over).into()];
            let write = verger_store::Write { changes, ..verger_store::Write::at(self.app.now()) };
            scoped.save(&write, far()).await.unwrap();
        }
    }

    async fn check(&self) {
        for (id, expected) in &self.sessions {
            let mut answer = self.app.get(&format!("/v1/sessions/{id}")).await;
            // The machine may be busy; then the answer says to come again.
            while answer.status == 503 {
                answer = self.app.get(&format!("/v1/sessions/{id}")).await;
            }
            let shown = answer.ok().clone();
            // Rule 2: an end stays the one that it was.
            assert_eq!(shown["status"], expected.status, "{id} {expected:?}");
            let minted = mint(&self.app, id).await;
            if expected.status == "active" {
                // Rule 1.
                assert!(!self.users[&expected.user], "{id} of a banned user is active");
                let (_, claims) = verified(&self.app, &text(&minted.ok()["jwt"])).await;
                assert_eq!((&claims["sub"], &claims["sid"]), (&json!(expected.user), &json!(id)));
                assert_eq!(claims["sts"], "active");
            } else {
                assert_eq!(minted.refusal(), (401, "authentication_invalid"), "{id} {expected:?}");
            }
            // Rule 4.
            let foreign =
                self.app.call("GET", &format!("/v1/sessions/{id}")).key(PRODUCTION_KEY).send().await;
            assert_eq!(foreign.status, 404);
        }
        for id in &self.gone {
            assert_eq!(mint(&self.app, id).await.status, 404);
        }
        for user in self.users.keys() {
            let open = |session: &&Expected| session.user == *user && session.status == "active";
            let expected = self.sessions.values().filter(open).count();
            let listed = self
                .app
                .get(&format!("/v1/sessions?user_id={user}&status=active&paginated=true&limit=1"))
                .await;
            assert_eq!(listed.ok()["total_count"], json!(expected), "{user}");
        }
        let clients = self.app.get("/v1/clients?limit=500").await.ok().clone();
        let shown: usize = clients.as_array().unwrap().iter().map(open_sessions).sum();
        assert_eq!(shown, self.sessions.values().filter(|session| session.status == "active").count());
    }
}

/// How many sessions a client shows, all of which are open.
fn open_sessions(client: &Value) -> usize {
    let sessions = client["sessions"].as_array().unwrap();
    assert!(sessions.iter().all(|session| session["status"] == "active"), "{client}");
    sessions.len()
}

#[tokio::test]
async fn s18_s20_s24_random_sequences_hold_the_rules_of_sessions() {
    let seed: u64 =
        std::env::var("VERGER_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("VERGER_SEED={seed}");
    for sequence in 0..SEQUENCES {
        let mut model = Model {
            app: TestApp::new().await,
            rng: StdRng::seed_from_u64(seed ^ sequence),
            users: BTreeMap::new(),
            sessions: BTreeMap::new(),
            gone: Vec::new(),
            lifetime_ms: 7 * 24 * HOUR_MS,
        };
        for step in 0..STEPS {
            model.step().await;
            if step % 3 == 0 {
                model.check().await;
            }
        }
        model.check().await;
    }
}

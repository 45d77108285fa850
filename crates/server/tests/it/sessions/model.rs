//! Random sequences of everything that touches sessions and what they are decided from: rules 1 to 5 of contract section 8 hold
//! after each step. `VERGER_TEST_STORE=postgres` runs it on PostgreSQL.

mod checks;
mod credentials;
mod steps;

use crate::support::{Answer, TestApp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SEQUENCES: u64 = 4;
const STEPS: usize = 70;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The template of which tokens are asked for.
const TEMPLATE: &str = "one";

/// What must hold of a session.
#[derive(Clone, Debug)]
struct Expected {
    user: String,
    created_at: i64,
    /// By the setting of when it began; a longer one does not bind it.
    expire_at: i64,
    /// As it is written down.
    last_active_at: i64,
    /// The latest use that nobody has written down yet.
    used_at: Option<i64>,
    /// Somebody signed in; or else it is one of the Backend API, which has no tasks.
    is_sign_in: bool,
    /// A second factor was proved when it began.
    has_second_factor: bool,
    /// How it ended.
    ended: Option<&'static str>,
}

/// What must hold of a user.
#[derive(Clone, Debug, Default)]
struct Account {
    is_banned: bool,
    password: Option<String>,
    is_compromised: bool,
    has_totp: bool,
    /// The last step of which a code was accepted.
    used_step: Option<i64>,
    backup_codes: Vec<String>,
    /// By factor, when tries failed since one was last right.
    failures: BTreeMap<&'static str, Vec<i64>>,
    /// Over all factors.
    failed_attempts: i64,
}

struct Model {
    app: TestApp,
    rng: StdRng,
    accounts: BTreeMap<String, Account>,
    sessions: BTreeMap<String, Expected>,
    /// Sessions and users that are gone.
    gone_sessions: Vec<String>,
    gone_users: Vec<String>,
    /// Whether each ticket can still be used.
    tickets: BTreeMap<String, bool>,
    lifetime_ms: i64,
    inactivity_ms: Option<i64>,
    is_second_factor_required: bool,
    /// How many requests were made, and new texts of any kind given.
    count: u64,
}

impl Model {
    async fn new(rng: StdRng) -> Self {
        let app = TestApp::new().await;
        app.post("/v1/jwt_templates", json!({ "name": TEMPLATE, "claims": {} })).await.ok();
        Self {
            app,
            rng,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            gone_sessions: Vec::new(),
            gone_users: Vec::new(),
            tickets: BTreeMap::new(),
            lifetime_ms: 7 * 24 * HOUR_MS,
            inactivity_ms: None,
            is_second_factor_required: false,
            count: 0,
        }
    }

    fn pick<'a>(rng: &mut StdRng, mut of: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
        let count = of.len();
        (count > 0).then(|| of.nth(rng.random_range(0..count)).cloned())?
    }

    fn account(&mut self, user: &str) -> &mut Account {
        self.accounts.get_mut(user).unwrap()
    }

    /// A number that no other call gives.
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// A request that changes something, again while the machine is too busy: by its key it is done once.
    async fn act(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let key = format!("request {}", self.next());
        loop {
            let mut call = self.app.call(method, path).header("idempotency-key", &key);
            if !body.is_null() {
                call = call.json(body);
            }
            let answer = call.send().await;
            if answer.status != 503 {
                return answer;
            }
        }
    }

    /// The same, with a dry run before it now and then: one that did anything would be seen at the next look.
    async fn act_or_rehearse(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        if self.rng.random_bool(0.3) {
            let mut call = self.app.call(method, path).header("prefer", "dry-run");
            if !body.is_null() {
                call = call.json(body);
            }
            let rehearsed = call.send().await;
            assert_eq!(
                rehearsed.header("preference-applied"),
                (rehearsed.status == 200).then_some("dry-run")
            );
            self.check().await;
        }
        self.act(method, path, body).await
    }

    /// Ends the open sessions of a user.
    fn end(&mut self, user: &str, how: &'static str) {
        for session in self.sessions.values_mut().filter(|session| session.user == user) {
            session.ended = session.ended.or(Some(how));
        }
    }

    /// What time does.
    fn expire(&mut self) {
        let now = self.app.now().0;
        for session in self.sessions.values_mut().filter(|session| session.ended.is_none()) {
            let lives_until = session.expire_at.min(session.created_at + self.lifetime_ms);
            let idle_at = self.inactivity_ms.map(|limit_ms| session.last_active_at + limit_ms);
            if lives_until <= now || idle_at.is_some_and(|at| at <= now) {
                session.ended = Some("expired");
            }
        }
    }

    fn status(&self, session: &Expected) -> &'static str {
        match session.ended {
            Some(how) => how,
            None if self.tasks(session).is_empty() => "active",
            None => "pending",
        }
    }

    /// What a session asks of its user.
    fn tasks(&self, session: &Expected) -> Vec<&'static str> {
        let account = &self.accounts[&session.user];
        let mut tasks = Vec::new();
        if session.is_sign_in && account.is_compromised {
            tasks.push("reset-password");
        }
        if session.is_sign_in && self.is_second_factor_required && !account.has_totp {
            tasks.push("setup-mfa");
        }
        tasks
    }

    async fn step(&mut self) {
        let user = Self::pick(&mut self.rng, self.accounts.keys());
        match (self.rng.random_range(0..26), user) {
            (0 | 1, _) | (_, None) => self.create_user().await,
            (2..=4, Some(user)) => self.begin_session(user).await,
            (5 | 6, Some(user)) => self.sign_in(user).await,
            (7, Some(user)) => self.ban(user).await,
            (8, Some(user)) => self.unban(user).await,
            (9, Some(user)) if self.rng.random_bool(0.3) => self.delete(user).await,
            (10, _) => self.revoke_session().await,
            (11 | 12, _) => self.advance(),
            (13, _) => self.change_settings().await,
            (14, _) => self.sweep().await,
            (15, _) => self.write_activities().await,
            (16, Some(user)) => self.set_compromised(user).await,
            (17, Some(user)) => self.unset_compromised(user).await,
            (18 | 19, Some(user)) => self.set_password(user).await,
            (20, Some(user)) => self.remove_password(user).await,
            (21, Some(user)) => self.change_second_factors(user).await,
            (22, Some(user)) => self.guess_password(user).await,
            (23, Some(user)) => self.guess_code(user).await,
            (24, Some(user)) => self.unlock(user).await,
            (_, Some(user)) => self.settle_ticket(user).await,
        }
        self.expire();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_s20_s24_random_sequences_hold_the_rules_of_sessions() {
    let seed: u64 =
        std::env::var("VERGER_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    #[expect(clippy::print_stdout, reason = "of a failed run the seed is known")]
    {
        println!("VERGER_SEED={seed}");
    }
    for sequence in 0..SEQUENCES {
        let mut model = Model::new(StdRng::seed_from_u64(seed ^ sequence)).await;
        for step in 0..STEPS {
            model.step().await;
            if step % 3 == 0 {
                model.check().await;
            }
        }
        model.check().await;
    }
}

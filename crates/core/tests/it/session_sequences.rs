//! Random sequences on one client and its sessions: contract section 8, rules 1, 2 and 4, and what section 2 says of replaced
//! secrets, hold after each step.

use crate::random_sequences::config;
use crate::support::NOW;
use proptest::prelude::*;
use std::collections::BTreeMap;
use verger_core::client::{Access, Authenticated, Clocks, REPLACED_SECRET_MS, SecretDigest};
use verger_core::session::{
    Demands, Ending, Factor, NewSession, Origin, Proofs, SessionRules, SessionStatus,
};
use verger_core::{Client, Session};
use verger_wire::{SessionId, UnixMillis};

const NOTHING: Demands = Demands { password_compromised: false, second_factor_missing: false };
const MINUTE_MS: i64 = 60 * 1000;

#[derive(Clone, Debug)]
enum Step {
    /// The browser signs in; whether its answer arrives.
    SignIn {
        arrives: bool,
    },
    /// It proves the second factor again in its newest session.
    Reverify {
        arrives: bool,
    },
    /// It asks with what it has.
    Ask,
    /// Somebody asks with a secret from before.
    AskWith(usize),
    /// It signs out of one of its sessions.
    SignOut(usize),
    /// The backend takes a session away.
    Revoke(usize),
    /// A session is used.
    Use(usize),
    /// The sweep runs.
    Sweep,
    Wait(i64),
    Settings {
        lifetime_ms: i64,
        inactivity_ms: Option<i64>,
    },
}

struct World {
    now: UnixMillis,
    rules: SessionRules,
    client: Client,
    sessions: BTreeMap<SessionId, Session>,
    /// What the browser has.
    held: SecretDigest,
    /// Every secret that there ever was.
    secrets: Vec<SecretDigest>,
    /// When each was replaced, and the sessions that were over or not there yet.
    known_at: BTreeMap<SecretDigest, Vec<SessionId>>,
    /// Sessions that were seen to be over.
    over: BTreeMap<SessionId, SessionStatus>,
    /// Secrets that opened nothing once.
    dead: Vec<SecretDigest>,
}

impl World {
    fn new() -> Self {
        let first = SecretDigest("s0".to_owned());
        Self {
            now: NOW,
            rules: SessionRules::default(),
            client: Client::create("client_1".into(), first.clone(), clocks(NOW)),
            sessions: BTreeMap::new(),
            held: first.clone(),
            secrets: vec![first],
            known_at: BTreeMap::new(),
            over: BTreeMap::new(),
            dead: Vec::new(),
        }
    }

    fn living(&self) -> BTreeMap<SessionId, Proofs> {
        self.sessions
            .values()
            .filter(|session| session.ending(&self.rules, self.now).is_none())
            .map(|session| (session.id.clone(), session.proofs))
            .collect()
    }

    /// Presents a secret as the server does: everything that follows is written before anything is answered.
    fn ask(&mut self, secret: &SecretDigest) -> Access {
        let presented = self.client.present(secret, clocks(self.now));
        if let Some(back) = presented.taken_back {
            for session in self.sessions.values_mut() {
                *session = match back.get(&session.id) {
                    Some(proofs) => session.with_proofs(*proofs, self.now),
                    None => session.end(Ending::Ended, &self.rules, self.now).unwrap_or(session.clone()),
                };
            }
        }
        if let Some(after) = presented.after {
            assert_eq!(after.version, self.client.version + 1);
            self.client = after;
        }
        presented.access
    }

    fn authenticate(&mut self, session: SessionId, had: BTreeMap<SessionId, Proofs>, arrives: bool) {
        let secret = SecretDigest(format!("s{}", self.secrets.len()));
        let unseen = self.sessions.keys().filter(|id| !had.contains_key(*id)).cloned().collect();
        self.known_at.insert(self.client.secret.digest.clone(), unseen);
        let new =
            Authenticated { secret: secret.clone(), sessions: had, session, strategy: "password".to_owned() };
        self.client = self.client.authenticated(new, clocks(self.now));
        self.secrets.push(secret.clone());
        if arrives {
            self.held = secret;
        }
    }

    fn sign_in(&mut self, arrives: bool) {
        let held = self.held.clone();
        if self.ask(&held) != Access::Full {
            return;
        }
        let id = SessionId::from(format!("sess_{}", self.sessions.len()));
        let new = NewSession {
            id: id.clone(),
            user_id: "user_1".into(),
            client_id: self.client.id.clone(),
            origin: Origin::SignIn,
            second_factor_demanded: self.sessions.len().is_multiple_of(2),
            proofs: Proofs { first: Some(self.now), second: Some(self.now) },
            activity: None,
            life_ms_max: None,
        };
        let had = self.living();
        let session = Session::begin(new, &self.rules, self.now).unwrap();
        self.sessions.insert(id.clone(), session);
        self.authenticate(id, had, arrives);
    }

    fn reverify(&mut self, arrives: bool) {
        let held = self.held.clone();
        if self.ask(&held) != Access::Full {
            return;
        }
        let had = self.living();
        let Some(id) = had.keys().next_back().cloned() else { return };
        let session = self.sessions.get_mut(&id).unwrap();
        *session = session.prove(Factor::Second, &self.rules, self.now).unwrap();
        self.authenticate(id, had, arrives);
    }

    fn end(&mut self, at: usize, how: Ending) {
        let Some(id) = self.sessions.keys().nth(at).cloned() else { return };
        let session = self.sessions.get_mut(&id).unwrap();
        if let Ok(after) = session.end(how, &self.rules, self.now) {
            *session = after;
            self.client = self.client.signed_out(&[id], clocks(self.now));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::SignIn { arrives } => self.sign_in(*arrives),
            Step::Reverify { arrives } => self.reverify(*arrives),
            Step::Ask => {
                let held = self.held.clone();
                self.ask(&held);
            }
            Step::AskWith(at) => {
                let secret = self.secrets[at % self.secrets.len()].clone();
                self.ask(&secret);
            }
            Step::SignOut(at) => self.end(*at, Ending::Removed),
            Step::Revoke(at) => self.end(*at, Ending::Revoked),
            Step::Use(at) => {
                let (rules, now) = (self.rules, self.now);
                if let Some(session) = self.sessions.values_mut().nth(*at)
                    && session.ending(&rules, now).is_none()
                {
                    session.last_active_at = now;
                }
            }
            Step::Sweep => self.sweep(),
            Step::Wait(ms) => self.now = self.now.plus_ms(*ms),
            Step::Settings { lifetime_ms, inactivity_ms } => {
                let rules = SessionRules { lifetime_ms: *lifetime_ms, inactivity_ms: *inactivity_ms };
                if self.rules.are_outlived_by(&rules) {
                    self.sweep();
                }
                self.rules = rules;
            }
        }
    }

    fn sweep(&mut self) {
        for session in self.sessions.values_mut() {
            if let Some(after) = session.expire(&self.rules, self.now) {
                *session = after;
            }
        }
    }

    /// The rules, whatever was done.
    fn check(&mut self) {
        assert_eq!(self.client.check(), Ok(()));
        for session in self.sessions.values() {
            assert_eq!(session.check(), Ok(()));
            let status = session.status(&self.rules, NOTHING, self.now);
            if let Some(before) = self.over.get(&session.id) {
                assert_eq!(status, *before, "{} came back", session.id);
            }
            if matches!(status, SessionStatus::Over(_)) {
                self.over.insert(session.id.clone(), status);
            } else {
                let demanded = session.second_factor_demanded;
                assert!(session.proofs.first.is_some() && (!demanded || session.proofs.second.is_some()));
            }
        }
        let mut settled = 0;
        for secret in &self.secrets {
            let presented = self.client.present(secret, clocks(self.now));
            let is_dead = self.dead.contains(secret);
            match presented.access {
                Access::Full => {
                    assert!(!is_dead, "{secret:?} came back");
                    settled += usize::from(presented.taken_back.is_none());
                }
                Access::Former(sessions) => {
                    assert!(!is_dead, "{secret:?} came back");
                    for (id, proofs) in &sessions {
                        let unseen = &self.known_at[secret];
                        assert!(!unseen.contains(id), "{secret:?} sees {id}, which it never had");
                        let session = &self.sessions[id];
                        assert!(
                            proofs.first <= session.proofs.first && proofs.second <= session.proofs.second
                        );
                    }
                }
                Access::Unknown => self.dead.push(secret.clone()),
            }
        }
        assert_eq!(settled, 1, "one secret opens everything");
    }

    /// A browser is never signed out by an answer that it did not get.
    fn browser_is_let_in(&mut self) {
        let had = self.living();
        self.now = self.now.plus_ms(REPLACED_SECRET_MS);
        let held = self.held.clone();
        assert_eq!(self.ask(&held), Access::Full);
        let known = self.known_at.get(&held).cloned().unwrap_or_default();
        let had = had.into_keys().filter(|id| !known.contains(id));
        for id in had.filter(|id| self.sessions[id].created_at < self.client.secret.issued_at) {
            let ending = self.sessions[&id].ending(&self.rules, self.now);
            assert!(ending.is_none_or(|ending| ending == Ending::Expired), "{id}: {ending:?}");
        }
    }
}

fn clocks(now: UnixMillis) -> Clocks {
    Clocks { now, real: now }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::bool::weighted(0.7).prop_map(|arrives| Step::SignIn { arrives }),
        3 => prop::bool::weighted(0.7).prop_map(|arrives| Step::Reverify { arrives }),
        4 => Just(Step::Ask),
        3 => (0..8_usize).prop_map(Step::AskWith),
        2 => (0..4_usize).prop_map(Step::SignOut),
        1 => (0..4_usize).prop_map(Step::Revoke),
        2 => (0..4_usize).prop_map(Step::Use),
        1 => Just(Step::Sweep),
        4 => prop_oneof![0..2 * MINUTE_MS, Just(REPLACED_SECRET_MS), Just(3 * 60 * MINUTE_MS)].prop_map(Step::Wait),
        1 => (prop_oneof![Just(60 * MINUTE_MS), Just(SessionRules::LIFETIME_MS_DEFAULT)],
              prop_oneof![Just(None), Just(Some(30 * MINUTE_MS))])
            .prop_map(|(lifetime_ms, inactivity_ms)| Step::Settings { lifetime_ms, inactivity_ms }),
    ]
}

/// A stranger who presents old secrets can take one back whose successor did not arrive; a browser alone never loses.
fn is_stranger(step: &Step) -> bool {
    matches!(step, Step::AskWith(_))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sessions_and_secrets_hold_the_rules_whatever_is_called(steps in prop::collection::vec(step(), 1..25)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        if !steps.iter().any(is_stranger) {
            world.browser_is_let_in();
            world.check();
        }
    }
}

//! Keys over time: several servers of one database, a rotation under load, a code key that is retired.

use super::*;
use crate::changes::{Author, Stamp};
use crate::clock::ManualClock;
use crate::codes::Keyring;
use crate::engine::{Engine, KeyAction, KeyChange};
use crate::randomness::Randomness;
use crate::resealing::reseal;
use crate::{Limits, Messaging};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use verger_core::signing_key::PUBLISHED_BEFORE_MIN_MS;
use verger_core::{Environment, FrontendHost};
use verger_jwt::{Checks, Jwks, SessionClaims, UnverifiedToken};
use verger_store::Store;
use verger_wire::SigningKeyId;

const START: UnixMillis = UnixMillis(1_800_000_000_000);
const MINUTE_MS: i64 = 60_000;

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn app(store: &Arc<Store>, clock: &Arc<ManualClock>, keys: &str) -> Arc<App> {
    let messaging =
        Messaging { keyring: Keyring::parse(keys).unwrap(), dev: false, ..Messaging::development().unwrap() };
    let randomness = Randomness::system().unwrap();
    Arc::new(App::new(Arc::clone(store), Arc::clone(clock) as _, randomness, Limits::default(), messaging))
}

async fn instance(store: &Store, environment: Environment) -> Instance {
    store.migrate(START, far()).await.unwrap();
    let id = InstanceId::from("ins_2g7np7Hrk0SN6kj5EDMLDaKNL0S");
    let instance = Instance { id, name: "shop".to_owned(), environment, created_at: START };
    store.create_instance(&instance, far()).await.unwrap();
    instance
}

async fn change(app: &App, instance: &Instance, action: KeyAction) -> Result<SigningKeyId, Failure> {
    let mut env = app.env();
    let (new_id, stamp) = (env.signing_key_id(), Stamp::of(Author::server(), &mut env));
    let about = Mutex::new(None);
    let change = KeyChange { action, new_id, keyring: &app.keyring, stamp };
    let engine = Engine::of_job(app, &instance.id, far());
    let changed = engine.change_signing_keys(change, |_, id| {
        *lock(&about) = Some(id.clone());
        Ok(true)
    });
    changed.await?;
    app.instances.forget(&instance.id);
    Ok(lock(&about).take().unwrap())
}

async fn set_of(app: &App, instance: &Instance) -> Jwks {
    published(&app.key_set(&instance.id, far()).await.unwrap(), app.clock.now()).unwrap()
}

fn kids(set: &Jwks) -> Vec<&str> {
    set.keys.iter().map(|key| key.kid.as_str()).collect()
}

/// A client that keeps the set for five minutes, whatever it meets: one that asks again for an unknown key can only do better.
#[derive(Default)]
struct Verifier {
    set: Jwks,
    read_at: Option<UnixMillis>,
}

impl Verifier {
    async fn verify(&mut self, app: &App, instance: &Instance, token: &str, now: UnixMillis) {
        if self.read_at.is_none_or(|read_at| now.0 - read_at.0 >= 5 * MINUTE_MS) {
            (self.set, self.read_at) = (set_of(app, instance).await, Some(now));
        }
        let token = UnverifiedToken::parse(token).unwrap();
        let kid = token.header().kid.clone().unwrap();
        let key = self.set.find(&kid).unwrap_or_else(|| panic!("{kid} is unknown: {:?}", kids(&self.set)));
        token.verify_session(&key.verifying_key().unwrap(), &Checks::at(now.0)).unwrap();
    }
}

async fn token(app: &App, instance: &Instance) -> (SigningKeyId, String, UnixMillis) {
    let now = app.clock.now();
    let signer = app.signer(&instance.id, far()).await.unwrap();
    let claims = SessionClaims::new("https://clerk.example.com", "user_1", "sess_1", now.0 / 1000);
    (signer.kid.clone(), signer.key.sign_session(signer.kid.as_str(), &claims).unwrap(), now)
}

#[tokio::test(flavor = "multi_thread")]
async fn first_key_is_made_once_and_has_the_id_of_the_instance() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let keys = Keyring::generate().unwrap();
    let apps: Vec<_> = (0..4).map(|_| app(&store, &clock, &keys)).collect();
    let tokens = futures_util::future::join_all(apps.iter().map(|app| token(app, &instance))).await;
    let mut verifier = Verifier::default();
    for (kid, token, now) in &tokens {
        assert_eq!(kid.as_str(), instance.id.as_str());
        verifier.verify(&apps[0], &instance, token, *now).await;
    }
    assert_eq!(kids(&set_of(&apps[1], &instance).await), [instance.id.as_str()]);
}

/// Three servers mint while keys rotate, again and again; the clock runs a minute at a step.
async fn rotate_under_load(stores: [Arc<Store>; 3]) {
    let instance = instance(&stores[0], Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let keys = Keyring::generate().unwrap();
    let apps = stores.each_ref().map(|store| app(store, &clock, &keys));
    // When each key was first seen in the set.
    let mut seen: HashMap<String, UnixMillis> = HashMap::new();
    let mut verifiers = [Verifier::default(), Verifier::default(), Verifier::default()];
    let mut used: Vec<String> = Vec::new();
    let mut old: Vec<String> = Vec::new();
    for minute in 0..150 {
        if minute % 40 == 5 {
            // As soon as it is allowed.
            let at = clock_now(&apps[0]).plus_ms(PUBLISHED_BEFORE_MIN_MS);
            let action = KeyAction::Rotate { signs_at: Some(at) };
            change(&apps[minute % 3], &instance, action).await.unwrap();
        }
        for app in &apps {
            let (set, now) = (set_of(app, &instance).await, clock_now(app));
            for kid in kids(&set) {
                seen.entry(kid.to_owned()).or_insert(now);
            }
        }
        let minting = apps.iter().flat_map(|app| (0..4).map(|_| token(app, &instance)));
        let tokens = futures_util::future::join_all(minting).await;
        let signers: std::collections::BTreeSet<_> = tokens.iter().map(|(kid, ..)| kid.as_str()).collect();
        assert_eq!(signers.len(), 1, "all servers sign with one key: {signers:?}");
        for (at, (kid, token, now)) in tokens.iter().enumerate() {
            let is_first = kid.as_str() == instance.id.as_str();
            let published = seen[kid.as_str()];
            assert!(is_first || now.0 - published.0 >= PUBLISHED_BEFORE_MIN_MS, "{kid} is too new");
            verifiers[at % 3].verify(&apps[at % 3], &instance, token, *now).await;
            if used.last().map(String::as_str) != Some(kid.as_str()) {
                used.push(kid.to_string());
                old.push(token.clone());
            }
        }
        clock.advance_ms(MINUTE_MS);
    }
    assert!(used.len() >= 4, "{used:?}");
    // Every key is still there for what it signed.
    let set = set_of(&apps[1], &instance).await;
    for (kid, token) in used.iter().zip(&old) {
        let token = UnverifiedToken::parse(token).unwrap();
        let key = set.find(kid).unwrap().verifying_key().unwrap();
        token.verify_session(&key, &Checks::without_time()).unwrap();
    }
}

fn clock_now(app: &App) -> UnixMillis {
    app.clock.now()
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_on_three_servers_fails_no_verification() {
    let Some(cluster) = verger_testdb::Cluster::shared() else { return };
    let url = cluster.url(&cluster.database());
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(Arc::new(Store::open_url(&url, far()).await.unwrap()));
    }
    rotate_under_load(stores.try_into().ok().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_on_sqlite_fails_no_verification() {
    let store = Arc::new(Store::ephemeral().unwrap());
    rotate_under_load([Arc::clone(&store), Arc::clone(&store), store]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_is_retired_at_once_signs_nothing_more_and_is_gone_from_the_set() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let keys = Keyring::generate().unwrap();
    let [here, there] = [app(&store, &clock, &keys), app(&store, &clock, &keys)];
    let (first, ..) = token(&here, &instance).await;
    let (also, ..) = token(&there, &instance).await;
    assert_eq!(first, also);
    let retire = |at_once| KeyAction::Retire { id: first.clone(), at_once };
    assert!(change(&here, &instance, retire(false)).await.is_err());
    change(&here, &instance, retire(true)).await.unwrap();
    let set = set_of(&there, &instance).await;
    assert_eq!(set.keys.len(), 1);
    assert_ne!(set.keys[0].kid, first.as_str());
    // Here at once; there after what it knew is a second old.
    assert_eq!(token(&here, &instance).await.0.as_str(), set.keys[0].kid);
    clock.advance_ms(1_000);
    assert_eq!(token(&there, &instance).await.0.as_str(), set.keys[0].kid);
    // Nothing is left that could sign with it.
    let stored = store.instance(&instance.id).signing_keys(far()).await.unwrap();
    let retired = stored.keys.iter().find(|stored| stored.key.id == first).unwrap();
    assert!(retired.private_key.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn code_key_is_retired_while_signing_keys_are_in_use_and_nobody_notices() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let (old, new) = (Keyring::generate().unwrap(), Keyring::generate().unwrap());
    let before = app(&store, &clock, &old);
    let (kid, ..) = token(&before, &instance).await;
    change(&before, &instance, KeyAction::Rotate { signs_at: None }).await.unwrap();
    // Both keys, while servers are restarted one after the other.
    let both = app(&store, &clock, &format!("{new},{old}"));
    let stop = AtomicBool::new(false);
    let minted = AtomicUsize::new(0);
    let mint = async {
        let mut verifier = Verifier::default();
        while !stop.load(Ordering::Relaxed) {
            let (_, token, now) = token(&both, &instance).await;
            verifier.verify(&both, &instance, &token, now).await;
            both.instances.forget(&instance.id);
            minted.fetch_add(1, Ordering::Relaxed);
        }
    };
    let seal = async {
        reseal(&both).await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(mint, seal);
    assert!(minted.load(Ordering::Relaxed) > 0);
    let left = store.key_uses(START, far()).await.unwrap();
    let old_id = Keyring::parse(&old).unwrap().ids().next().unwrap().to_owned();
    assert!(left.iter().all(|used| used.key_id != old_id), "{left:?}");
    let after = app(&store, &clock, &new);
    let (same, token, now) = token(&after, &instance).await;
    assert_eq!(same, kid);
    Verifier::default().verify(&after, &instance, &token, now).await;
    // The planned one can be opened too, when its time comes.
    clock.advance_ms(60 * MINUTE_MS);
    assert_ne!(super::tests::token(&after, &instance).await.0, kid);
    // Whoever has the database and the old key alone signs nothing.
    assert!(before.signer(&instance.id, far()).await.is_err());
}

/// Rule 6: a copy of the database without `code_keys` mints no token.
#[tokio::test]
async fn copy_of_the_database_without_code_keys_signs_nothing() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    token(&app(&store, &clock, &Keyring::generate().unwrap()), &instance).await;
    let thief = app(&store, &clock, &Keyring::generate().unwrap());
    let refused = thief.signer(&instance.id, far()).await.unwrap_err();
    assert!(refused.cause().unwrap().contains("not in code_keys"), "{refused:?}");
    // The set is public.
    assert_eq!(set_of(&thief, &instance).await.keys.len(), 1);
}

#[tokio::test]
async fn settings_of_another_server_are_seen_within_a_second_and_ours_at_once() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let keys = Keyring::generate().unwrap();
    let app = app(&store, &clock, &keys);
    let single = async || app.instance_facts(&instance, far()).await.unwrap().settings.sessions.single;
    assert!(single().await);
    let patch = serde_json::from_str(r#"{"sessions":{"single":false}}"#).unwrap();
    let stamp = Stamp::of(Author::command("settings set"), &mut app.env());
    let queues = crate::turns::Queues::default();
    let elsewhere = Engine::of_command(&store, &instance.id, &queues, far());
    let change = crate::engine::SettingsChange { patch, stamp };
    assert!(elsewhere.change_settings(change, |_| Ok(true)).await.unwrap());
    assert!(single().await);
    clock.advance_ms(1_000);
    assert!(!single().await);
}

#[tokio::test]
async fn s35_issuer_and_links_name_configured_hosts_alone() {
    let store = Arc::new(Store::ephemeral().unwrap());
    let instance = instance(&store, Environment::Production).await;
    let clock = Arc::new(ManualClock::at(START));
    let app = app(&store, &clock, &Keyring::generate().unwrap());
    let facts = app.read_facts(&instance, far()).await.unwrap();
    assert!(facts.issuer(Some("evil.example")).is_err(), "it has no host");
    let scoped = store.instance(&instance.id);
    for (id, host) in [("dmn_1", "clerk.example.com"), ("dmn_2", "id.example.com")] {
        scoped
            .add_frontend_host(&id.into(), &FrontendHost::parse(host).unwrap(), START, far())
            .await
            .unwrap();
    }
    let facts = app.read_facts(&instance, far()).await.unwrap();
    for (asked, issuer) in [
        (None, "https://clerk.example.com"),
        (Some("id.example.com"), "https://id.example.com"),
        (Some("evil.example"), "https://clerk.example.com"),
        (Some("id.example.com.evil.example"), "https://clerk.example.com"),
    ] {
        assert_eq!(facts.issuer(asked).unwrap(), issuer);
    }
    assert_eq!(facts.cookie_domain().as_deref(), Some("example.com"));
    let origins = facts.allowed_origins();
    assert!(origins.allow("https://clerk.example.com") && !origins.allow("https://example.com"));
}

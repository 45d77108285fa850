//! Refreshing, which needs tokens that a page asked for: only the Frontend API mints them.

use super::refresh::{RefreshRequest, refresh};
use super::{Asked, Mint};
use crate::app::{App, Limits, Messaging};
use crate::clock::ManualClock;
use crate::error::Failure;
use crate::randomness::Randomness;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verger_core::client::{Clocks, SecretDigest};
use verger_core::session::{Ending, NewSession, Origin, Proofs, SessionRules};
use verger_core::user::NewUser;
use verger_core::{Claims, Client, FrontendHost, JwtTemplate, Session, User};
use verger_credentials::token::TokenKind;
use verger_jwt::UnverifiedToken;
use verger_store::{Change, Environment, Instance, RefreshToken, Store, Write};
use verger_wire::{InstanceId, SessionId, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const ORIGIN: &str = "https://shop.example.com";

struct World {
    app: Arc<App>,
    clock: Arc<ManualClock>,
    instance: Instance,
    session: Session,
    user: User,
    refresh_token: String,
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn instance(app: &App, id: &str) -> Instance {
    let instance = Instance {
        id: InstanceId::from(id),
        name: id.to_owned(),
        environment: Environment::Development,
        created_at: NOW,
    };
    app.store.create_instance(&instance, far()).await.unwrap();
    let host = FrontendHost::parse(&format!("{}.example.com", id.replace('_', "-"))).unwrap();
    let scoped = app.store.instance(&instance.id);
    scoped.add_frontend_host(&app.env().domain_id(), &host, NOW, far()).await.unwrap();
    instance
}

async fn save(app: &App, instance: &Instance, changes: Vec<verger_store::AnyChange>) {
    let write = Write { changes, ..Write::at(NOW) };
    app.store.instance(&instance.id).save(&write, far()).await.unwrap();
}

async fn world() -> World {
    let clock = Arc::new(ManualClock::at(NOW));
    let store = Arc::new(Store::ephemeral().unwrap());
    store.migrate(NOW, far()).await.unwrap();
    let (randomness, messaging) = (Randomness::system().unwrap(), Messaging::development().unwrap());
    let app = Arc::new(App::new(store, Arc::clone(&clock) as _, randomness, Limits::default(), messaging));
    let instance = instance(&app, "ins_1").await;
    let mut env = app.env();
    let new = NewUser { skip_user_requirement: true, ..NewUser::default() };
    let user = User::create(new, &Claims::default(), &mut env).unwrap().user;
    let clocks = Clocks { now: NOW, real: NOW };
    let client = Client::create(env.client_id(), SecretDigest("digest".to_owned()), clocks);
    let new = NewSession {
        id: env.session_id(),
        user_id: user.id.clone(),
        client_id: client.id.clone(),
        origin: Origin::SignIn,
        second_factor_demanded: false,
        proofs: Proofs { first: Some(NOW), second: None },
        activity: None,
        life_ms_max: None,
    };
    let session = Session::begin(new, &SessionRules::default(), NOW).unwrap();
    let added = |after: Session| Change { before: None, after: Some(after) };
    let user_added = Change { before: None, after: Some(user.clone()) };
    let client_added = Change { before: None, after: Some(client) };
    let changes = vec![user_added.into(), client_added.into(), added(session.clone()).into()];
    save(&app, &instance, changes).await;
    let refresh_token = TokenKind::Refresh.token(env.bytes()).to_string();
    let stored = RefreshToken {
        digest: TokenKind::Refresh.lookup(&refresh_token).unwrap(),
        session_id: session.id.clone(),
        origin: ORIGIN.to_owned(),
        created_at: NOW,
    };
    app.store.instance(&instance.id).add_refresh_token(&stored, far()).await.unwrap();
    World { app, clock, instance, session, user, refresh_token }
}

impl World {
    fn mint(&self) -> Mint<'_> {
        Mint { app: &self.app, instance: &self.instance, deadline: far() }
    }

    async fn token(&self, authorized_party: Option<&str>) -> String {
        let asked = Asked { authorized_party, ..Asked::default() };
        self.mint().session_token(&self.session.id, asked).await.unwrap()
    }

    async fn refresh(&self, expired_token: &str) -> Result<String, String> {
        self.refresh_with(&self.session.id, expired_token, &self.refresh_token, ORIGIN).await
    }

    async fn refresh_with(
        &self,
        session_id: &SessionId,
        expired_token: &str,
        refresh_token: &str,
        origin: &str,
    ) -> Result<String, String> {
        let request = RefreshRequest { session_id, expired_token, refresh_token, origin };
        refresh(&self.mint(), request).await.map_err(|failure| {
            let reason = failure.reason().unwrap_or_else(|| panic!("{failure:?}"));
            assert_eq!(reason.status, 401, "SDKs fall back to the handshake at nothing else");
            reason.code.to_owned()
        })
    }
}

fn refused(code: &str) -> Result<String, String> {
    Err(code.to_owned())
}

#[tokio::test]
async fn expired_token_is_refreshed_into_one_for_ten_seconds() {
    let world = world().await;
    let expired = world.token(Some(ORIGIN)).await;
    assert_eq!(world.refresh(&expired).await, refused("session_refresh_session_token_ineligible"));
    world.clock.advance_ms(60_000);
    let first = world.refresh(&expired).await.unwrap();
    let claims = UnverifiedToken::parse(&first).unwrap().unverified_claims().clone();
    assert_eq!((claims["azp"].as_str(), claims["iat"].as_i64()), (Some(ORIGIN), Some(1_800_000_060)));
    world.clock.advance_ms(10_000);
    assert_eq!(world.refresh(&expired).await, Ok(first.clone()));
    world.clock.advance_ms(1);
    assert_eq!(world.refresh(&expired).await, refused("session_refresh_expired_session_token_consumed"));
    // The new one is refreshed in its turn.
    world.clock.advance_ms(60_000);
    assert_ne!(world.refresh(&first).await.unwrap(), first);
}

/// Contract section 8, rule 3.
#[tokio::test(flavor = "multi_thread")]
async fn s23_expired_token_gives_one_token_whoever_asks_at_the_same_time() {
    let world = Arc::new(world().await);
    for _ in 0..20 {
        let expired = world.token(Some(ORIGIN)).await;
        world.clock.advance_ms(60_000);
        let asked = (0..16).map(|_| {
            let (world, expired) = (Arc::clone(&world), expired.clone());
            tokio::spawn(async move { world.refresh(&expired).await.unwrap() })
        });
        let mut tokens = Vec::new();
        for token in asked.collect::<Vec<_>>() {
            tokens.push(token.await.unwrap());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
    }
}

#[tokio::test]
async fn s24_every_other_token_origin_and_session_is_refused_by_its_own_code() {
    let world = world().await;
    let expired = world.token(Some(ORIGIN)).await;
    let without_party = world.token(None).await;
    let fields = verger_core::jwt_template::TemplateFields {
        name: "one".to_owned(),
        claims: verger_wire::json::Object::new(),
        lifetime_seconds: 60,
        clock_skew_seconds: 5,
        signing_key: None,
    };
    let template = JwtTemplate::create(world.app.env().jwt_template_id(), fields, NOW).unwrap();
    let template = Change { before: None, after: Some(template) };
    save(&world.app, &world.instance, vec![template.into()]).await;
    let asked = Asked { authorized_party: Some(ORIGIN), ..Asked::default() };
    let of_template = world.mint().template_token(&world.session.id, "one", asked).await.unwrap();
    world.clock.advance_ms(60_000);
    let (session, token) = (&world.session.id, world.refresh_token.as_str());
    let other = TokenKind::Refresh.token([9; 32]).to_string();
    let tampered = format!("{}A", &expired[..expired.len() - 1]);
    let other_tampered = format!("{}B", &expired[..expired.len() - 1]);
    let tampered = if tampered == expired { other_tampered } else { tampered };
    for (session, expired, token, origin, code) in [
        (session, expired.as_str(), token, "shop.example.com", "refresh_request_origin_invalid"),
        (session, "a.b.c", token, ORIGIN, "expired_session_token_invalid"),
        (session, tampered.as_str(), token, ORIGIN, "expired_session_token_invalid"),
        (session, of_template.as_str(), token, ORIGIN, "session_refresh_session_token_ineligible"),
        (session, without_party.as_str(), token, ORIGIN, "expired_session_token_missing_azp"),
        (session, expired.as_str(), token, "https://evil.example.com", "refresh_request_origin_azp_mismatch"),
        (&"sess_other".into(), expired.as_str(), token, ORIGIN, "refresh_sid_mismatch"),
        (session, expired.as_str(), other.as_str(), ORIGIN, "refresh_token_not_found"),
        (session, expired.as_str(), "", ORIGIN, "refresh_token_not_found"),
    ] {
        assert_eq!(world.refresh_with(session, expired, token, origin).await, refused(code), "{origin}");
    }
    // Another instance knows nothing of it.
    let elsewhere = instance(&world.app, "ins_2").await;
    let mint = Mint { app: &world.app, instance: &elsewhere, deadline: far() };
    let request =
        RefreshRequest { session_id: session, expired_token: &expired, refresh_token: token, origin: ORIGIN };
    let failure = refresh(&mint, request).await.unwrap_err();
    assert_eq!(failure.reason().map(|reason| reason.code), Some("expired_session_token_invalid"));
    // 24 hours after it expired.
    world.clock.advance_ms(24 * 3_600_000 - 1);
    assert!(world.refresh(&expired).await.is_ok());
    let late = world.token(Some(ORIGIN)).await;
    world.clock.advance_ms(60_000 + 24 * 3_600_000);
    assert_eq!(world.refresh(&late).await, refused("session_refresh_expired_session_token_too_old"));
}

#[tokio::test]
async fn session_that_ended_and_user_who_is_banned_or_gone_are_refused() {
    let world = world().await;
    let expired = world.token(Some(ORIGIN)).await;
    world.clock.advance_ms(60_000);
    let mut env = world.app.env();
    let banned = world.user.set_banned(true, &mut env).user;
    save(&world.app, &world.instance, vec![Change::update(world.user.clone(), banned.clone()).into()]).await;
    assert_eq!(world.refresh(&expired).await, refused("session_refresh_user_not_found"));
    let unbanned = banned.set_banned(false, &mut env).user;
    save(&world.app, &world.instance, vec![Change::update(banned, unbanned).into()]).await;
    let ended = world.session.end(Ending::Removed, &SessionRules::default(), NOW).unwrap();
    save(&world.app, &world.instance, vec![Change::update(world.session.clone(), ended).into()]).await;
    assert_eq!(world.refresh(&expired).await, refused("session_refresh_inactive_session"));
    let none: Result<_, Failure> = world.mint().session_token(&world.session.id, Asked::default()).await;
    assert_eq!(none.unwrap_err().reason().map(|reason| reason.code), Some("authentication_invalid"));
}

/// Contract section 2: SDKs that compare it with `__client_uat` refuse a token from before.
#[tokio::test]
async fn s32_token_is_no_older_than_the_last_sign_in_on_its_client() {
    let world = world().await;
    let claims = |jwt: &str| UnverifiedToken::parse(jwt).unwrap().unverified_claims().clone();
    // Another server, whose clock was a second ahead, signed somebody in.
    let scoped = world.app.store.instance(&world.instance.id);
    let before = scoped.client(&world.session.client_id, far()).await.unwrap().unwrap();
    let ahead = Clocks { now: NOW, real: NOW.plus_ms(1_500) };
    let after = before.signed_out(&[], ahead);
    save(&world.app, &world.instance, vec![Change::update(before, after).into()]).await;
    assert_eq!(claims(&world.token(None).await)["iat"].as_i64(), Some(1_800_000_001));
    world.clock.advance_ms(2_999);
    assert_eq!(claims(&world.token(None).await)["iat"].as_i64(), Some(1_800_000_002));
}

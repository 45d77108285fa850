//! Users with a session each, and passwords for some of them.

use super::client::{Connection, Load};
use crate::{SECRET, far, new_instance, number};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use verger_core::client::{Clocks, SecretDigest};
use verger_core::session::{NewSession, Origin, Proofs, SessionRules};
use verger_core::user::{IdentificationStatus, NewUser};
use verger_core::{Claims, Client, Env, FrontendHost, Session, Settings, User};
use verger_credentials::token::TokenKind;
use verger_credentials::{Digest, Password, Workspace};
use verger_store::{Change, Write};
use verger_wire::UnixMillis;

const BATCH: usize = 500;
/// The password of everybody who has one.
pub(super) const PASSWORD: &str = "correct horse battery";

/// Who is in the store.
pub(super) struct Seeded {
    pub(super) users: Vec<String>,
    pub(super) sessions: Vec<String>,
}

/// A store with an instance, its secret key, and so many users, each with a phone number and a session.
pub(super) async fn seed(path: &Path, users: usize) -> Result<Seeded> {
    let now = now()?;
    let (store, instance, mut env) = new_instance(path, now).await?;
    // The issuer of its tokens.
    let host = FrontendHost::parse("clerk.bench.example.com").map_err(anyhow::Error::msg)?;
    store.instance(&instance).add_frontend_host(&env.domain_id(), &host, now, far()).await?;
    let rules = SessionRules::of(&Settings::defaults(instance.clone()));
    let mut seeded = Seeded { users: Vec::new(), sessions: Vec::new() };
    for first in (0..users).step_by(BATCH) {
        let mut write = Write::at(now);
        for at in first..(first + BATCH).min(users) {
            add(at, &rules, &mut write, &mut seeded, &mut env)?;
        }
        store.instance(&instance).save(&write, far()).await?;
    }
    store.close();
    Ok(seeded)
}

/// Adds one more user.
fn add(at: usize, rules: &SessionRules, write: &mut Write, seeded: &mut Seeded, env: &mut Env) -> Result<()> {
    let clocks = Clocks { now: env.now, real: env.now };
    let new =
        NewUser { identifications: vec![(number(at), IdentificationStatus::Verified)], ..NewUser::default() };
    let user = User::create(new, &Claims::default(), env).map_err(|refusal| anyhow!("{refusal:?}"))?.user;
    let secret = TokenKind::ClientSecret.lookup(&TokenKind::ClientSecret.token(env.bytes()));
    let client = Client::create(env.client_id(), SecretDigest(secret.context("a secret")?), clocks);
    let new = NewSession {
        id: env.session_id(),
        user_id: user.id.clone(),
        client_id: client.id.clone(),
        origin: Origin::BackendApi,
        second_factor_demanded: false,
        proofs: Proofs::default(),
        activity: None,
        life_ms_max: None,
    };
    let session = Session::begin(new, rules, env.now).map_err(|why| anyhow!("{why:?}"))?;
    seeded.users.push(user.id.to_string());
    seeded.sessions.push(session.id.to_string());
    let client = client.activated(session.id.clone(), env.now);
    write.changes.push(Change { before: None, after: Some(user) }.into());
    write.changes.push(Change { before: None, after: Some(client) }.into());
    write.changes.push(Change { before: None, after: Some(session) }.into());
    Ok(())
}

/// Gives users the password by its digest, as an import does.
pub(super) async fn give_password(users: &[String]) -> Result<()> {
    let password = Password::typed(PASSWORD).context("a password")?;
    let digest = Digest::own(&password, [7; 16], &mut Workspace::default());
    let body = format!(r#"{{"password_digest":"{digest}","password_hasher":"argon2id"}}"#);
    let requests = users.iter().map(|user| request("PATCH", &format!("/v1/users/{user}"), &body));
    once_each(requests.collect()).await
}

/// Sends each request once, over a few connections. All must succeed.
pub(super) async fn once_each(requests: Vec<Vec<u8>>) -> Result<()> {
    let requests = Arc::new(requests);
    let mut running = tokio::task::JoinSet::new();
    const CONNECTIONS: usize = 32;
    for first in 0..CONNECTIONS {
        let requests = Arc::clone(&requests);
        running.spawn(async move {
            let mut connection = Connection::open().await?;
            for request in requests.iter().skip(first).step_by(CONNECTIONS) {
                let mut answer = connection.exchange(request).await?;
                while let Some(pause) = answer.retry_after {
                    tokio::time::sleep(pause).await;
                    answer = connection.exchange(request).await?;
                }
                let body = String::from_utf8_lossy(connection.body(answer));
                ensure!(answer.status == 200, "{}: {body}", answer.status);
            }
            Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// Mints a token of each session, one after another per connection.
pub(super) fn minting(sessions: &[String], connections: usize, pace: Option<Duration>) -> Load {
    let mint = |session: &String| request("POST", &format!("/v1/sessions/{session}/tokens"), "{}");
    let requests = Arc::new(sessions.iter().map(mint).collect());
    Load { requests, connections, pace, is_patient: false }
}

/// Checks of a password, right or wrong.
pub(super) fn verifying(users: &[String], password: &str) -> Arc<Vec<Vec<u8>>> {
    let body = serde_json::json!({ "password": password }).to_string();
    let verify = |user: &String| request("POST", &format!("/v1/users/{user}/verify_password"), &body);
    Arc::new(users.iter().map(verify).collect())
}

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sessions must not be over when they are measured.
#[expect(clippy::disallowed_methods, reason = "the server that is measured has the time of the machine")]
fn now() -> Result<UnixMillis> {
    Ok(UnixMillis(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?))
}

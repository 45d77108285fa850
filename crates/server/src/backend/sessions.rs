//! Sessions and their tokens.

use super::lists::page;
use crate::answer::Answer;
use crate::call::{Call, KeyRequest};
use crate::caller::SecretKey;
use crate::engine::Writing;
use crate::error::Failure;
use crate::operation::operations;
use crate::reasons::*;
use crate::render;
use crate::sessions::rules_of;
use crate::tokens::refresh::{RefreshRequest, refresh};
use crate::tokens::{Asked, Mint};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use verger_core::session::{Ending, Origin};
use verger_core::{FrontendHost, Session, Settings, User};
use verger_http::path::TemplateName;
use verger_store::{Environment, SessionFilter, SessionState};
use verger_wire::session::{
    Cookies, CreateSessionParams, CreateSessionTokenParams, RefreshSessionParams, Session as WireSession,
    SessionListParams, SessionRefresh, SessionToken, Token,
};
use verger_wire::{SessionId, UserId};

/// How long a browser keeps the cookie `__session`, in seconds: a year. The token in it lives a minute.
const COOKIE_SECONDS: i64 = 365 * 24 * 60 * 60;
/// Characters of the suffix of a cookie.
const SUFFIX_CHARACTERS: usize = 8;

operations! {
    /// List sessions
    ///
    /// The newest first. With `paginated=true` the answer is `{"data": […], "total_count": …}`.
    GetSessionList: GET "/v1/sessions" in "Sessions" {
        caller: SecretKey,
        input: SessionListParams,
        output: Vec<WireSession>, "The sessions, as a JSON array.",
        run: list,
    }

    /// Create a session
    ///
    /// Signs a user in without a sign-in, for tests: in development instances only. The session has a client of its own. A lock
    /// does not keep a user from it; a ban does.
    createSession: POST "/v1/sessions" in "Sessions" {
        caller: SecretKey,
        input: CreateSessionParams,
        output: WireSession, "The new session.",
        headers: DRY_RUN | IDEMPOTENT,
        refuses: [DEVELOPMENT_ONLY, SESSION_USER_BANNED, NOT_FOUND],
        adds: [403],
        run: create,
    }

    /// Read a session
    ///
    /// The session, also one that is over.
    GetSession: GET "/v1/sessions/{session_id}" in "Sessions" {
        caller: SecretKey,
        path: SessionId,
        output: WireSession, "The session.",
        run: get,
    }

    /// Refresh a session
    ///
    /// Exchanges the expired session token of a browser for a new one. The SDKs call it. Each expired token gives one new
    /// token, within 24 hours. With `suffixed_cookies=true` in the query, the cookies come under both of their names.
    RefreshSession: POST "/v1/sessions/{session_id}/refresh" in "Sessions" {
        caller: SecretKey,
        path: SessionId,
        input: RefreshSessionParams,
        output: SessionRefresh, "The token or the cookies.",
        refuses: [
            REFRESH_ORIGIN_INVALID, REFRESH_EXPIRED_TOKEN_INVALID, REFRESH_AZP_MISSING, REFRESH_AZP_MISMATCH,
            REFRESH_SESSION_NOT_FOUND, REFRESH_SESSION_INACTIVE, REFRESH_SID_MISSING, REFRESH_SID_MISMATCH,
            REFRESH_TOKEN_NOT_FOUND, REFRESH_USER_NOT_FOUND, REFRESH_TOKEN_TOO_OLD, REFRESH_IAT_MISSING,
            REFRESH_TOKEN_CONSUMED, REFRESH_TOKEN_INELIGIBLE, SESSION_TOKEN_TOO_LARGE,
        ],
        adds: [404, 422],
        run: refresh_session,
    }

    /// Revoke a session
    ///
    /// Ends the session: it has no tokens any more. Tokens that it had are valid until they expire, a minute at most. A
    /// session that is over already stays as it is.
    RevokeSession: POST "/v1/sessions/{session_id}/revoke" in "Sessions" {
        caller: SecretKey,
        path: SessionId,
        output: WireSession, "The session.",
        headers: DRY_RUN | IDEMPOTENT,
        adds: [422],
        run: revoke,
    }

    /// Create a session token
    ///
    /// A token of an active or pending session.
    CreateSessionToken: POST "/v1/sessions/{session_id}/tokens" in "Sessions" {
        caller: SecretKey,
        path: SessionId,
        input: CreateSessionTokenParams,
        output: SessionToken, "The token.",
        refuses: [SESSION_OVER, SESSION_TOKEN_TOO_LARGE],
        adds: [400, 422],
        run: create_token,
    }

    /// Create a token of a JWT template
    ///
    /// A token with the claims of the template, for an active session.
    CreateSessionTokenFromTemplate: POST "/v1/sessions/{session_id}/tokens/{template_name}" in "Sessions" {
        caller: SecretKey,
        path: (SessionId, TemplateName),
        input: CreateSessionTokenParams,
        output: SessionToken, "The token.",
        refuses: [SESSION_OVER, SESSION_PENDING, TEMPLATE_NAME_UNKNOWN, TEMPLATE_TOKEN_TOO_LARGE],
        adds: [400, 403, 422],
        run: create_template_token,
    }
}

async fn list(call: Call<SecretKey, (), SessionListParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let facts = call.facts().await?;
    let filter = SessionFilter {
        user_id: input.user_id.map(Into::into),
        client_id: input.client_id.map(Into::into),
        state: input.status.as_deref().map(state_of),
    };
    let scoped = call.app.store.instance(&call.context.instance.id);
    let (rules, deadline) = (rules_of(&facts.settings), call.context.deadline);
    let (found, total) = scoped.sessions(&filter, &rules, call.now(), input.page.part(), deadline).await?;
    page(rendered(&call, &facts.settings, &found).await?, total, input.page.paginated)
}

fn state_of(status: &str) -> SessionState {
    match (status, Ending::parse(status)) {
        ("active", _) => SessionState::Open,
        (_, Some(ending)) => SessionState::Over(ending),
        // Nothing is ever abandoned or replaced.
        (_, None) => SessionState::Never,
    }
}

/// Sessions as they are now. Whether one is pending hangs on its user.
pub(super) async fn rendered(
    call: &KeyRequest,
    settings: &Settings,
    sessions: &[Session],
) -> Result<Vec<WireSession>, Failure> {
    let mut ids: Vec<UserId> = Vec::new();
    for session in sessions.iter().filter(|session| session.origin == Origin::SignIn) {
        if !ids.contains(&session.user_id) {
            ids.push(session.user_id.clone());
        }
    }
    let scoped = call.app.store.instance(&call.context.instance.id);
    let users = scoped.load_users(&ids, call.context.deadline).await?;
    let now = call.now();
    let rendered = sessions.iter().map(|session| {
        let user = users.iter().find(|user| user.id == session.user_id);
        render::sessions::session(session, settings, user, now)
    });
    Ok(rendered.collect())
}

async fn create(call: Call<SecretKey, (), CreateSessionParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    if call.context.instance.environment != Environment::Development {
        return Err((&DEVELOPMENT_ONLY).into());
    }
    let render = |session: &Session, user: &User, settings: &Settings| {
        Answer::json(&render::sessions::session(session, settings, Some(user), call.now()))
    };
    Writing::of(&call)?.begin_session(input.user_id.into(), render).await
}

async fn get(call: Call<SecretKey, SessionId>) -> Result<Answer, Failure> {
    let facts = call.facts().await?;
    let scoped = call.app.store.instance(&call.context.instance.id);
    let found = scoped.session(&call.path, call.context.deadline).await?;
    let session = found.ok_or_else(|| Failure::not_found("session"))?;
    let rendered = rendered(&call, &facts.settings, &[session]).await?;
    Answer::json(&rendered.first())
}

async fn revoke(call: Call<SecretKey, SessionId>) -> Result<Answer, Failure> {
    let render = |session: &Session, user: Option<&User>, settings: &Settings| {
        Answer::json(&render::sessions::session(session, settings, user, call.now()))
    };
    Writing::of(&call)?.revoke_session(call.path.clone(), render).await
}

async fn create_token(call: Call<SecretKey, SessionId, CreateSessionTokenParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let asked = Asked { lifetime_seconds: input.expires_in_seconds, ..Asked::default() };
    answer_with(mint(&call).session_token(&call.path, asked).await?)
}

async fn create_template_token(
    call: Call<SecretKey, (SessionId, TemplateName), CreateSessionTokenParams>,
) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let asked = Asked { lifetime_seconds: input.expires_in_seconds, ..Asked::default() };
    let (session, TemplateName(template)) = &call.path;
    answer_with(mint(&call).template_token(session, template, asked).await?)
}

async fn refresh_session(call: Call<SecretKey, SessionId, RefreshSessionParams>) -> Result<Answer, Failure> {
    let input = call.read()?.finish()?;
    let request = RefreshRequest {
        session_id: &call.path,
        expired_token: &input.expired_token,
        refresh_token: &input.refresh_token,
        origin: &input.request_origin,
    };
    let jwt = refresh(&mint(&call), request).await?;
    if input.format.as_deref() != Some("cookie") {
        return Answer::json(&Token { object: "token".to_owned(), jwt });
    }
    let facts = call.facts().await?;
    let is_secure = input.request_origin.starts_with("https://");
    let mut cookies = vec![session_cookie("__session", &jwt, is_secure)];
    // The token of a backend names the first host.
    if let Some(host) = facts.hosts.first().filter(|_| asks_for_suffixed(call.parts.uri.query())) {
        let name = format!("__session_{}", cookie_suffix(host, call.context.instance.environment));
        cookies.push(session_cookie(&name, &jwt, is_secure));
    }
    Answer::json(&Cookies { object: "cookies".to_owned(), cookies })
}

fn asks_for_suffixed(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "suffixed_cookies=true"))
}

/// Clients write the cookie too, so that it is readable by script.
fn session_cookie(name: &str, jwt: &str, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={jwt}; Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax{secure}")
}

/// What tells the cookies of two servers on one domain apart: of the publishable key, as SDKs reckon it.
fn cookie_suffix(host: &FrontendHost, environment: Environment) -> String {
    let key = host.publishable_key(environment);
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let mut suffix = URL_SAFE_NO_PAD.encode(digest);
    suffix.truncate(SUFFIX_CHARACTERS);
    suffix
}

fn mint(call: &KeyRequest) -> Mint<'_> {
    Mint { app: &call.app, instance: &call.context.instance, deadline: call.context.deadline }
}

fn answer_with(jwt: String) -> Result<Answer, Failure> {
    Answer::json(&SessionToken { object: "token".to_owned(), jwt })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffix_is_that_of_the_sdks() {
        let host = |host| FrontendHost::parse(host).unwrap();
        assert_eq!(
            cookie_suffix(&host("clerk.inspired.puma-74.lcl.dev"), Environment::Production),
            "MqCvchyS"
        );
        assert_eq!(
            cookie_suffix(&host("clerk.inspired.puma-74.lcl.dev"), Environment::Development),
            "vWCgMp3A"
        );
        assert_eq!(cookie_suffix(&host("127.0.0.1:4100"), Environment::Development), "vXNNTRtr");
        assert_eq!(cookie_suffix(&host("clerk.example.com"), Environment::Production), "naoXFJnI");
    }
}

//! What only the service knows: the way to its Frontend API and back, and the exchange of an expired token.

use super::context::{Browser, Context};
use super::cookies::set_cookie;
use super::organization::{self, Target};
use super::state::AuthState;
use super::verifier::Verifier;
use super::verify_error::VerifyTokenError;
use crate::error::Error;
use crate::operation::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use verger_jwt::TokenError;

/// The version of the Frontend API that a handshake is asked of.
const FRONTEND_API_VERSION: &str = "2026-05-12";
/// In development a clock may be a day off.
const DEVELOPMENT_CLOCK_SKEW_MS: u32 = 24 * 60 * 60 * 1_000;

/// Why the way back from the Frontend API led to nothing.
pub(crate) enum Unresolved {
    /// The token of the handshake is not the instance's.
    Refused(Error),
    /// The session token in it is not good.
    SessionToken,
}

/// Where a browser is sent for a handshake.
pub(crate) fn location(context: &Context<'_>, browser: &Browser<'_>, reason: &str) -> String {
    let back = context.url.without(&["__clerk_db_jwt", "__dev_session"]);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("redirect_url", &back.to_string());
    query.append_pair("__clerk_api_version", FRONTEND_API_VERSION);
    query.append_pair("suffixed_cookies", if browser.uses_suffix { "true" } else { "false" });
    query.append_pair("__clerk_hs_reason", reason);
    query.append_pair("format", "nonce");
    if let Some(token) = browser.session_token.as_ref().or(context.token_in_header.as_ref()) {
        query.append_pair("__session", token);
    }
    if let Some(dev_browser) = browser.dev_browser.as_ref().filter(|_| !browser.key.is_production) {
        query.append_pair("__clerk_db_jwt", dev_browser);
    }
    let settings = context.settings;
    match organization::find(&settings.organizations, &settings.personal_accounts, &context.url.path) {
        Some(Target::OrganizationId(name) | Target::OrganizationSlug(name)) => {
            query.append_pair("organization_id", &name);
        }
        Some(Target::PersonalAccount) => {
            query.append_pair("organization_id", "");
        }
        None => {}
    }
    format!("{}/v1/client/handshake?{}", browser.frontend_url(), query.finish())
}

/// Takes the cookies that a handshake brought, and with them the session.
pub(crate) async fn resolve(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
) -> Result<AuthState, Unresolved> {
    let lines = lines(verifier, context, browser).await.map_err(Unresolved::Refused)?;
    let mut headers = vec![
        ("access-control-allow-origin".to_owned(), "null".to_owned()),
        ("access-control-allow-credentials".to_owned(), "true".to_owned()),
    ];
    let token = session_token(&lines);
    headers.extend(lines.into_iter().map(|line| ("set-cookie".to_owned(), line)));
    if !browser.key.is_production {
        let parameters = ["__clerk_handshake", "__clerk_help", "__clerk_db_jwt", "__clerk_handshake_nonce"];
        headers.push(("location".to_owned(), context.url.without(&parameters).to_string()));
        headers.push(("cache-control".to_owned(), "no-store".to_owned()));
    }
    let Some(token) = token else {
        return Ok(AuthState::signed_out("session-token-missing", "", headers));
    };
    let claims = match verifier.verify(&token, context.now_ms, context.settings.clock_skew_ms).await {
        Err(VerifyTokenError::Token(
            error @ (TokenError::Expired | TokenError::NotActiveYet | TokenError::IatInTheFuture),
        )) if !browser.key.is_production => {
            tracing::warn!(target: "verger_client", %error, "the clock of this machine differs from the service's");
            verifier.verify(&token, context.now_ms, DEVELOPMENT_CLOCK_SKEW_MS).await
        }
        outcome => outcome,
    };
    match claims {
        Ok(claims) => Ok(AuthState::of_session(claims, token, headers)),
        Err(error) => {
            tracing::warn!(target: "verger_client", %error, "the session token of a handshake is not good");
            Err(Unresolved::SessionToken)
        }
    }
}

/// `Set-Cookie` lines, by nonce or out of the token.
async fn lines(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
) -> Result<Vec<String>, Error> {
    if let Some(nonce) = &browser.handshake_nonce {
        return Ok(lines_of_nonce(verifier, nonce).await.unwrap_or_else(|error| {
            tracing::warn!(target: "verger_client", %error, "a handshake's cookies cannot be had by its nonce");
            Vec::new()
        }));
    }
    let Some(token) = &browser.handshake_token else {
        return Ok(Vec::new());
    };
    match verifier.verify_handshake(token, context.now_ms).await {
        Ok(claims) => Ok(claims.handshake),
        Err(error) => Err(Error::refused(format!("the token of the handshake is not good: {error}"))),
    }
}

async fn lines_of_nonce(verifier: &Verifier, nonce: &str) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Payload {
        directives: Vec<String>,
    }
    let Some(client) = &verifier.client else {
        return Err(Error::refused("an authenticator without a client cannot ask"));
    };
    let request = client.request(Method::Get, "/v1/clients/handshake_payload").query("nonce", nonce);
    Ok(request.decode::<Payload>().await?.directives)
}

/// Exchanges an expired token; else the end of the reason why not.
pub(crate) async fn refresh(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
    expired_token: &str,
    refresh_token: &str,
) -> Result<AuthState, String> {
    #[derive(Deserialize)]
    struct Refreshed {
        cookies: Vec<String>,
    }
    let Some(client) = &verifier.client else {
        return Err("missing-api-client".to_owned());
    };
    let sid = verger_jwt::UnverifiedToken::parse(expired_token)
        .ok()
        .and_then(|token| token.unverified_claims().get("sid").and_then(Value::as_str).map(str::to_owned))
        .ok_or("expired-session-token-missing-sid-claim")?;
    let mut headers = Map::new();
    for (name, value) in context.request.headers() {
        if let Some(values) = headers.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(value));
        }
    }
    let path = format!("/v1/sessions/{}/refresh", crate::call::escaped(&sid));
    let mut request = client.request(Method::Post, &path).json(&json!({
        "format": "cookie",
        "expired_token": expired_token,
        "refresh_token": refresh_token,
        "request_origin": context.url.origin(),
        "request_headers": headers,
    }));
    if browser.uses_suffix {
        request = request.query("suffixed_cookies", "true");
    }
    let lines = match request.decode::<Refreshed>().await {
        Ok(refreshed) => refreshed.cookies,
        Err(error) => return Err(error.code().unwrap_or("unexpected-bapi-error").to_owned()),
    };
    let token = session_token(&lines).ok_or("invalid-session-token")?;
    let claims = verifier
        .verify(&token, context.now_ms, context.settings.clock_skew_ms)
        .await
        .map_err(|_| "invalid-session-token".to_owned())?;
    let headers = lines.into_iter().map(|line| ("set-cookie".to_owned(), line)).collect();
    Ok(AuthState::of_session(claims, token, headers))
}

/// The last line counts: a cookie with a suffix has the same token.
fn session_token(lines: &[String]) -> Option<String> {
    let cookies = lines.iter().filter_map(|line| set_cookie(line));
    let token =
        cookies.filter(|(name, _)| name.starts_with("__session")).map(|(_, value)| value).next_back()?;
    (!token.is_empty()).then(|| token.to_owned())
}

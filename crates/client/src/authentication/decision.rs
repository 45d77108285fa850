//! Signed in, signed out, or to be found out: the decision table, from its first row to its last.

use super::context::{Browser, Context};
use super::handshake;
use super::location::Location;
use super::organization::{self, Target};
use super::state::AuthState;
use super::verifier::Verifier;
use super::verify_error::VerifyTokenError;
use crate::error::Error;
use verger_jwt::{CATEGORY_SESSION, SessionClaims, TokenError, UnverifiedToken};

/// What the name of a machine's token begins with.
const MACHINE_SUBJECT: &str = "mch_";
const MACHINE_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];
/// Whoever was sent away this often within seconds is not helped by being sent away once more.
const REDIRECTS_MAX: u32 = 3;

pub(crate) async fn authenticate(verifier: &Verifier, context: &Context<'_>) -> Result<AuthState, Error> {
    match &context.token_in_header {
        Some(token) => by_header(verifier, context, token).await,
        None => by_cookies(verifier, context, &context.browser()?).await,
    }
}

async fn by_header(verifier: &Verifier, context: &Context<'_>, token: &str) -> Result<AuthState, Error> {
    if is_of_another_kind(token) {
        return Ok(AuthState::signed_out(TokenError::TypeMismatch.reason(), "", Vec::new()));
    }
    match verifier.verify(token, context.now_ms, context.settings.clock_skew_ms).await {
        Ok(claims) => Ok(AuthState::of_session(claims, token.to_owned(), Vec::new())),
        Err(error) => {
            let tail = if context.request.is_get() { NO_COOKIE } else { NOT_A_GET };
            let Some(reason) = reason_to_ask(&error, tail) else {
                return Ok(AuthState::signed_out(error.reason(), error.to_string(), Vec::new()));
            };
            // A page that comes with a token in its header can be sent away like any other, if its cookies can be read.
            match context.browser() {
                Ok(browser) => Ok(ask(context, &browser, reason, error.to_string(), None)),
                Err(_) => Ok(AuthState::signed_out(reason, error.to_string(), Vec::new())),
            }
        }
    }
}

async fn by_cookies(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
) -> Result<AuthState, Error> {
    if browser.handshake_nonce.is_some() || browser.handshake_token.is_some() {
        match handshake::resolve(verifier, context, browser).await {
            Ok(state) => return Ok(state),
            Err(handshake::Unresolved::Refused(error)) if !browser.key.is_production => return Err(error),
            // The rest of the request says who it is.
            Err(_) => {}
        }
    }
    if let Some(state) = between_domains(context, browser) {
        return Ok(state);
    }
    let ask = |reason: &str| Ok(ask(context, browser, reason.to_owned(), String::new(), None));
    if !browser.key.is_production {
        if context.url.has_parameter("__clerk_db_jwt") {
            return ask("dev-browser-sync");
        }
        if browser.dev_browser.is_none() {
            return ask("dev-browser-missing");
        }
    }
    match (&browser.session_token, browser.client_uat) {
        (None, 0) => Ok(AuthState::signed_out("session-token-and-uat-missing", "", Vec::new())),
        (Some(_), 0) => ask("session-token-but-no-client-uat"),
        (None, _) => ask("client-uat-but-no-session-token"),
        (Some(token), _) => by_session_cookie(verifier, context, browser, token).await,
    }
}

/// The rows about applications on several domains.
fn between_domains(context: &Context<'_>, browser: &Browser<'_>) -> Option<AuthState> {
    let synced = context.url.parameter("__clerk_synced");
    let Some(satellite) = &context.settings.satellite else {
        if browser.key.is_production {
            return None;
        }
        // The primary application sends a satellite's visitor back, with what the satellite is to know the browser by.
        let back = Location::parse(&context.url.parameter("__clerk_redirect_url")?)?;
        let back = match &browser.dev_browser {
            Some(dev_browser) => back.with("__clerk_db_jwt", dev_browser),
            None => back,
        };
        let back = back.with_only("__clerk_synced", "true");
        let reason = "primary-responds-to-syncing".to_owned();
        return Some(ask(context, browser, reason, String::new(), Some(back.to_string())));
    };
    let is_page = context.request.is_get() && context.is_document();
    if !is_page || synced.as_deref() == Some("true") {
        return None;
    }
    let has_cookies = browser.session_token.is_some() || browser.client_uat != 0;
    let needs_sync = synced.as_deref() == Some("false");
    if !satellite.auto_sync && !has_cookies && !needs_sync {
        return Some(AuthState::signed_out("session-token-and-uat-missing", "", Vec::new()));
    }
    if has_cookies && !needs_sync {
        return None;
    }
    let location = match (&satellite.sign_in_url, browser.key.is_production) {
        (Some(url), false) => {
            let url = Location::parse(url)?;
            Some(url.with("__clerk_redirect_url", &context.url.to_string()).to_string())
        }
        _ => None,
    };
    Some(ask(context, browser, "satellite-needs-syncing".to_owned(), String::new(), location))
}

async fn by_session_cookie(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
    token: &str,
) -> Result<AuthState, Error> {
    let unverified = match UnverifiedToken::parse(token) {
        Ok(unverified) => unverified,
        Err(error) => return Ok(AuthState::signed_out(error.reason(), error.to_string(), Vec::new())),
    };
    if is_of_another_kind(token) {
        return Ok(AuthState::signed_out(TokenError::TypeMismatch.reason(), "", Vec::new()));
    }
    let iat = unverified.unverified_claims().get("iat").and_then(serde_json::Value::as_i64);
    if iat.is_some_and(|iat| iat < browser.client_uat) {
        let reason = "session-token-iat-before-client-uat".to_owned();
        return Ok(ask(context, browser, reason, String::new(), None));
    }
    match verifier.verify(token, context.now_ms, context.settings.clock_skew_ms).await {
        Ok(claims) => Ok(signed_in(context, browser, claims, token)),
        Err(error) => unverified_cookie(verifier, context, browser, token, error).await,
    }
}

/// A good token, unless something else is still to be found out.
fn signed_in(context: &Context<'_>, browser: &Browser<'_>, claims: SessionClaims, token: &str) -> AuthState {
    let is_primary = context.settings.satellite.is_none();
    if is_primary
        && context.request.is_get()
        && context.is_document()
        && browser.redirect_count == 0
        && context.comes_from_elsewhere(browser)
    {
        let message =
            "the page was reached from another domain, where the session may have changed".to_owned();
        return ask(context, browser, "primary-domain-cross-origin-sync".to_owned(), message, None);
    }
    if !claims.is_pending()
        && names_another_organization(context, &claims)
        && browser.redirect_count < REDIRECTS_MAX
    {
        let state = ask(context, browser, "active-organization-mismatch".to_owned(), String::new(), None);
        if matches!(state, AuthState::Handshake(_)) {
            return state;
        }
    }
    AuthState::of_session(claims, token.to_owned(), Vec::new())
}

fn names_another_organization(context: &Context<'_>, claims: &SessionClaims) -> bool {
    let settings = context.settings;
    let target = organization::find(&settings.organizations, &settings.personal_accounts, &context.url.path);
    let active = claims.organization.as_ref();
    match target {
        None => false,
        Some(Target::OrganizationId(id)) => active.is_none_or(|active| active.id != id),
        Some(Target::OrganizationSlug(slug)) => active.and_then(|active| active.slug.as_ref()) != Some(&slug),
        Some(Target::PersonalAccount) => active.is_some(),
    }
}

const NOT_A_GET: &str = "non-eligible-non-get";
const NO_COOKIE: &str = "non-eligible-no-refresh-cookie";

async fn unverified_cookie(
    verifier: &Verifier,
    context: &Context<'_>,
    browser: &Browser<'_>,
    token: &str,
    error: VerifyTokenError,
) -> Result<AuthState, Error> {
    let is_expired = matches!(error, VerifyTokenError::Token(TokenError::Expired));
    let tail = match &browser.refresh_token {
        _ if !context.request.is_get() => NOT_A_GET.to_owned(),
        None => NO_COOKIE.to_owned(),
        Some(refresh_token) if is_expired => {
            match handshake::refresh(verifier, context, browser, token, refresh_token).await {
                Ok(state) => return Ok(state),
                Err(tail) => tail,
            }
        }
        Some(_) => String::new(),
    };
    match reason_to_ask(&error, &tail) {
        Some(reason) => Ok(ask(context, browser, reason, error.to_string(), None)),
        None => Ok(AuthState::signed_out(error.reason(), error.to_string(), Vec::new())),
    }
}

/// Why the Frontend API may know more than this token: only its time is wrong.
fn reason_to_ask(error: &VerifyTokenError, tail: &str) -> Option<String> {
    match error {
        VerifyTokenError::Token(TokenError::Expired) => Some(format!("session-token-expired-refresh-{tail}")),
        VerifyTokenError::Token(TokenError::NotActiveYet) => Some("session-token-nbf".to_owned()),
        VerifyTokenError::Token(TokenError::IatInTheFuture) => {
            Some("session-token-iat-in-the-future".to_owned())
        }
        _ => None,
    }
}

/// Sends the browser to the Frontend API, or to `location`, if it can be sent; else nobody is signed in.
fn ask(
    context: &Context<'_>,
    browser: &Browser<'_>,
    reason: String,
    message: String,
    location: Option<String>,
) -> AuthState {
    if !context.can_be_sent_away() {
        return AuthState::signed_out(reason, message, Vec::new());
    }
    if browser.redirect_count == REDIRECTS_MAX {
        tracing::warn!(
            target: "verger_client",
            reason,
            "a browser is sent to the Frontend API and back without end: do the secret key and the publishable key belong to one instance?"
        );
        return AuthState::signed_out(reason, message, Vec::new());
    }
    let location = location.unwrap_or_else(|| handshake::location(context, browser, &reason));
    let count = browser.redirect_count + 1;
    let headers = [
        ("location", location),
        ("cache-control", "no-store".to_owned()),
        ("set-cookie", format!("__clerk_redirect_count={count}; SameSite=Lax; HttpOnly; Max-Age=2")),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    AuthState::handshake(reason, message, headers)
}

/// A token of a machine, or of a JWT template.
fn is_of_another_kind(token: &str) -> bool {
    let Ok(token) = UnverifiedToken::parse(token) else {
        return false;
    };
    let header = token.header();
    let subject = token.unverified_claims().get("sub").and_then(serde_json::Value::as_str);
    header.cat.as_deref().is_some_and(|category| category != CATEGORY_SESSION)
        || header.typ.as_deref().is_some_and(|kind| MACHINE_TYPES.contains(&kind))
        || subject.is_some_and(|subject| subject.starts_with(MACHINE_SUBJECT))
}

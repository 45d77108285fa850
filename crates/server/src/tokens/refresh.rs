//! A browser's expired session token, exchanged by the application's backend for a new one (contract section 2).

use super::{Asked, Mint};
use crate::error::Failure;
use crate::instances::published;
use crate::reasons::{
    REFRESH_AZP_MISMATCH, REFRESH_AZP_MISSING, REFRESH_EXPIRED_TOKEN_INVALID, REFRESH_IAT_MISSING,
    REFRESH_ORIGIN_INVALID, REFRESH_SESSION_INACTIVE, REFRESH_SESSION_NOT_FOUND, REFRESH_SID_MISMATCH,
    REFRESH_SID_MISSING, REFRESH_TOKEN_CONSUMED, REFRESH_TOKEN_INELIGIBLE, REFRESH_TOKEN_NOT_FOUND,
    REFRESH_TOKEN_TOO_OLD, REFRESH_USER_NOT_FOUND, SESSION_OVER,
};
use crate::sessions::status_of;
use sha2::{Digest as _, Sha256};
use verger_core::jwt_template::SESSION_TOKEN_TEMPLATE;
use verger_core::origin::Origin;
use verger_core::session::SessionStatus;
use verger_credentials::token::TokenKind;
use verger_jwt::{Checks, SessionClaims, TokenError, UnverifiedToken};
use verger_store::{LoadedForToken, Refreshed};
use verger_wire::{Reason, SessionId, UnixMillis};

/// For how long an expired token can be refreshed, in milliseconds.
const AGE_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// For how long whoever asks again gets the same token, in milliseconds: requests of one page that were under way together.
const REPEATED_MS: i64 = 10 * 1000;

/// What a backend sends.
pub(crate) struct RefreshRequest<'a> {
    /// The session, by the path.
    pub(crate) session_id: &'a SessionId,
    /// The expired token.
    pub(crate) expired_token: &'a str,
    /// The value of the cookie `__refresh`.
    pub(crate) refresh_token: &'a str,
    /// The origin that the browser asked for.
    pub(crate) origin: &'a str,
}

/// The associated data of a new token that is kept, so that it opens only in its own row.
fn seal_name(digest: &str) -> String {
    format!("refreshed token {digest}")
}

/// The new token.
///
/// # Errors
/// Every refusal is a 401, so that SDKs fall back to the handshake.
pub(crate) async fn refresh(mint: &Mint<'_>, request: RefreshRequest<'_>) -> Result<String, Failure> {
    let scoped = mint.app.store.instance(&mint.instance.id);
    let claims = verify(mint, &request).await?;
    let loaded = scoped.load_for_token(request.session_id, SESSION_TOKEN_TEMPLATE, mint.deadline).await?;
    let loaded = loaded.ok_or_else(|| Failure::from(&REFRESH_SESSION_NOT_FOUND))?;
    judge(mint, &loaded).await?;
    let digest = TokenKind::Refresh.lookup(request.refresh_token);
    let known = match &digest {
        Some(digest) => scoped.refresh_token(digest, mint.deadline).await?,
        None => None,
    };
    let is_of_this = known.is_some_and(|known| {
        known.session_id == *request.session_id && Some(known.origin.as_str()) == claims.azp.as_deref()
    });
    if !is_of_this {
        return Err((&REFRESH_TOKEN_NOT_FOUND).into());
    }
    let now = mint.app.clock.now();
    let expired_at = UnixMillis(claims.exp.saturating_mul(1000));
    if now < expired_at {
        return Err((&REFRESH_TOKEN_INELIGIBLE).into());
    }
    let forget_at = expired_at.plus_ms(AGE_MAX_MS);
    if now >= forget_at {
        return Err((&REFRESH_TOKEN_TOO_OLD).into());
    }
    let digest = crate::codes::hex(&Sha256::digest(request.expired_token.as_bytes()));
    if let Some(refreshed) = scoped.refreshed(&digest, mint.deadline).await? {
        return repeated(mint, &refreshed, now);
    }
    let asked = Asked { authorized_party: claims.azp.as_deref(), ..Asked::default() };
    let token = mint.session_token_of(&loaded, asked).await.map_err(inactive)?;
    let sealed = mint.app.keyring.seal(&seal_name(&digest), &token);
    let sealed = sealed.ok_or_else(|| Failure::Bug("a token could not be sealed".to_owned()))?;
    let session_id = request.session_id.clone();
    let new = Refreshed { digest, session_id, sealed, created_at: now, forget_at };
    if scoped.refresh_once(&new, mint.deadline).await? {
        return Ok(token);
    }
    // Somebody was faster, or the session has just ended.
    match scoped.refreshed(&new.digest, mint.deadline).await? {
        Some(refreshed) => repeated(mint, &refreshed, now),
        None => Err((&REFRESH_SESSION_INACTIVE).into()),
    }
}

/// The claims of the expired token, which this instance signed for this session and origin.
async fn verify(mint: &Mint<'_>, request: &RefreshRequest<'_>) -> Result<SessionClaims, Failure> {
    let refused = |reason: &'static Reason| Failure::from(reason);
    let origin = Origin::parse(request.origin).map_err(|_| refused(&REFRESH_ORIGIN_INVALID))?;
    let invalid = || refused(&REFRESH_EXPIRED_TOKEN_INVALID);
    let token = UnverifiedToken::parse(request.expired_token).map_err(|_| invalid())?;
    let kid = token.header().kid.as_deref().ok_or_else(invalid)?;
    let set = mint.app.key_set(&mint.instance.id, mint.deadline).await?;
    let jwks = published(&set, mint.app.clock.now())?;
    let key = jwks.find(kid).and_then(|jwk| jwk.verifying_key().ok()).ok_or_else(invalid)?;
    let claims = token.verify_session(&key, &Checks::without_time()).map_err(|error| match error {
        TokenError::TypeMismatch => refused(&REFRESH_TOKEN_INELIGIBLE),
        TokenError::VerificationFailed("sid") => refused(&REFRESH_SID_MISSING),
        TokenError::VerificationFailed("iat") => refused(&REFRESH_IAT_MISSING),
        _ => invalid(),
    })?;
    match claims.azp.as_deref() {
        None => return Err(refused(&REFRESH_AZP_MISSING)),
        Some(azp) if Origin::parse(azp).is_ok_and(|azp| azp == origin) => {}
        Some(_) => return Err(refused(&REFRESH_AZP_MISMATCH)),
    }
    if claims.sid != request.session_id.as_str() {
        return Err(refused(&REFRESH_SID_MISMATCH));
    }
    Ok(claims)
}

async fn judge(mint: &Mint<'_>, loaded: &LoadedForToken) -> Result<(), Failure> {
    let facts = mint.app.instance_facts(mint.instance, mint.deadline).await?;
    let Some(user) = &loaded.user else { return Err((&REFRESH_USER_NOT_FOUND).into()) };
    let now = mint.app.now(&mint.instance.id);
    if let SessionStatus::Over(_) = status_of(&loaded.session, &facts.settings, Some(user), now) {
        return Err((&REFRESH_SESSION_INACTIVE).into());
    }
    if user.banned_at.is_some() { Err((&REFRESH_USER_NOT_FOUND).into()) } else { Ok(()) }
}

/// The token that was given before.
fn repeated(mint: &Mint<'_>, refreshed: &Refreshed, now: UnixMillis) -> Result<String, Failure> {
    if verger_core::time::age_ms(now, refreshed.created_at) > REPEATED_MS {
        return Err((&REFRESH_TOKEN_CONSUMED).into());
    }
    let opened = mint.app.keyring.open(&seal_name(&refreshed.digest), &refreshed.sealed);
    opened.ok_or_else(|| Failure::from(&REFRESH_TOKEN_CONSUMED))
}

/// The session ended at this moment: a 401 of refreshes.
fn inactive(failure: Failure) -> Failure {
    match failure.reason() {
        Some(reason) if *reason == SESSION_OVER => (&REFRESH_SESSION_INACTIVE).into(),
        _ => failure,
    }
}

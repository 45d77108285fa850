//! Minting tokens: session tokens and those of JWT templates.
//!
//! A token is signed where its request is handled, not on a pool of its own: signing takes about as long as everything else
//! of the request, and with as many threads as cores a second queue would only make everybody wait twice.

pub(crate) mod refresh;

use crate::app::App;
use crate::error::Failure;
use crate::reasons::{
    SESSION_OVER, SESSION_PENDING, SESSION_TOKEN_TOO_LARGE, TEMPLATE_NAME_UNKNOWN, TEMPLATE_TOKEN_TOO_LARGE,
};
use crate::sessions::{status_of, token_version_of};
use std::time::Instant;
use verger_core::JwtTemplate;
use verger_core::client::Clocks;
use verger_core::jwt_template::SESSION_TOKEN_TEMPLATE;
use verger_core::token::{
    Minting, NotMinted, SESSION_TOKEN_BYTES_MAX, SESSION_TOKEN_CATEGORY, TEMPLATE_TOKEN_BYTES_MAX,
    TEMPLATE_TOKEN_CATEGORY, judge, largest_claim,
};
use verger_jwt::{Algorithm, SigningKey};
use verger_store::{Instance, LoadedForToken};
use verger_wire::json::Object;
use verger_wire::{JwtTemplateId, Reason, Refused, SessionId};

/// What a token is asked for with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    /// The claim `azp`: the origin of the page that asks, if one does.
    pub(crate) authorized_party: Option<&'a str>,
    /// The frontend host that the request came to, if it came to one.
    pub(crate) host: Option<&'a str>,
    /// How long it is to live, in seconds, if the request says so.
    pub(crate) lifetime_seconds: Option<i64>,
}

/// Whom tokens are minted for.
pub(crate) struct Mint<'a> {
    pub(crate) app: &'a App,
    pub(crate) instance: &'a Instance,
    pub(crate) deadline: Instant,
}

/// A kind of token.
struct Kind {
    category: &'static str,
    bytes_max: usize,
    too_large: &'static Reason,
}

const SESSION_TOKEN: Kind = Kind {
    category: SESSION_TOKEN_CATEGORY,
    bytes_max: SESSION_TOKEN_BYTES_MAX,
    too_large: &SESSION_TOKEN_TOO_LARGE,
};

const TEMPLATE_TOKEN: Kind = Kind {
    category: TEMPLATE_TOKEN_CATEGORY,
    bytes_max: TEMPLATE_TOKEN_BYTES_MAX,
    too_large: &TEMPLATE_TOKEN_TOO_LARGE,
};

/// The signed token, unless it is too long: shortcodes can make megabytes of a template, which nobody should have to sign.
fn sign((key, kid): (&SigningKey, Option<&str>), claims: &Object, kind: &Kind) -> Result<String, Failure> {
    let text = claims.to_text();
    let bytes = key.token_bytes(kid, kind.category, &text);
    if bytes > kind.bytes_max {
        return Err(Refused::new(kind.too_large)
            .with("bytes", bytes.to_string())
            .with("bytes_max", kind.bytes_max.to_string())
            .with("claim", largest_claim(claims).unwrap_or_default().to_owned())
            .into());
    }
    key.sign_claims(kid, kind.category, &text).map_err(|error| Failure::Bug(error.to_string()))
}

/// The associated data of the sealed key of a template, so that it opens only in its own row.
pub(crate) fn seal_name(id: &JwtTemplateId) -> String {
    format!("JWT template {id}")
}

impl Mint<'_> {
    /// A session token.
    pub(crate) async fn session_token(&self, id: &SessionId, asked: Asked<'_>) -> Result<String, Failure> {
        let loaded = self.load(id, SESSION_TOKEN_TEMPLATE).await?;
        self.session_token_of(&loaded, asked).await
    }

    /// A token of the template with this name.
    pub(crate) async fn template_token(
        &self,
        id: &SessionId,
        template: &str,
        asked: Asked<'_>,
    ) -> Result<String, Failure> {
        let loaded = self.load(id, template).await?;
        let named = loaded.template.as_ref().filter(|template| !template.is_session_tokens());
        let template = named.ok_or_else(|| Failure::from(&TEMPLATE_NAME_UNKNOWN))?;
        let claims =
            self.claims(&loaded, asked, true, |minting, _| minting.template_claims(template)).await?;
        let token = match &template.signing_key {
            None => {
                let signer = self.app.signer(&self.instance.id, self.deadline).await?;
                sign((&signer.key, Some(signer.kid.as_str())), &claims, &TEMPLATE_TOKEN)
            }
            Some(_) => sign((&self.own_key(template)?, None), &claims, &TEMPLATE_TOKEN),
        }?;
        self.note(&loaded);
        Ok(token)
    }

    async fn load(&self, id: &SessionId, template: &str) -> Result<LoadedForToken, Failure> {
        let scoped = self.app.store.instance(&self.instance.id);
        let loaded = scoped.load_for_token(id, template, self.deadline).await?;
        loaded.ok_or_else(|| Failure::not_found("session"))
    }

    async fn session_token_of(&self, loaded: &LoadedForToken, asked: Asked<'_>) -> Result<String, Failure> {
        let claims = self.claims(loaded, asked, false, |minting, facts| {
            let settings = &facts.settings;
            let lifetime = settings.sessions.token_lifetime_seconds;
            minting.session_claims(token_version_of(settings), lifetime, loaded.template.as_ref())
        });
        let claims = claims.await?;
        let signer = self.app.signer(&self.instance.id, self.deadline).await?;
        let token = sign((&signer.key, Some(signer.kid.as_str())), &claims, &SESSION_TOKEN)?;
        self.note(loaded);
        Ok(token)
    }

    /// The claims of a token, if the session may have one.
    async fn claims(
        &self,
        loaded: &LoadedForToken,
        asked: Asked<'_>,
        of_template: bool,
        claims: impl FnOnce(&Minting<'_>, &crate::instances::facts::InstanceFacts) -> Object,
    ) -> Result<Object, Failure> {
        let facts = self.app.instance_facts(self.instance, self.deadline).await?;
        let clocks = Clocks { now: self.app.now(&self.instance.id), real: self.app.clock.now() };
        let LoadedForToken { session, user, signed_at, .. } = loaded;
        let status = status_of(session, &facts.settings, user.as_ref(), clocks.now);
        let user = user.as_ref().ok_or_else(|| Failure::from(&SESSION_OVER))?;
        judge(user, status, of_template).map_err(|refusal| match refusal {
            NotMinted::NotSignedIn => Failure::from(&SESSION_OVER),
            NotMinted::Pending => Failure::from(&SESSION_PENDING),
        })?;
        let minting = Minting {
            issuer: &facts.issuer(asked.host)?,
            user,
            session,
            status,
            signed_at: *signed_at,
            authorized_party: asked.authorized_party,
            lifetime_seconds: asked.lifetime_seconds,
            token_id: self.app.env().bytes(),
            clocks,
        };
        Ok(claims(&minting, &facts))
    }

    fn own_key(&self, template: &JwtTemplate) -> Result<SigningKey, Failure> {
        let unusable = || Failure::Bug(format!("the key of JWT template {} cannot be used", template.id));
        let key = template.signing_key.as_ref().ok_or_else(unusable)?;
        let algorithm = Algorithm::parse(&key.algorithm).ok_or_else(unusable)?;
        let text = self.app.keyring.open(&seal_name(&template.id), &key.sealed).ok_or_else(unusable)?;
        SigningKey::from_text(algorithm, &text).map_err(|_| unusable())
    }

    fn note(&self, loaded: &LoadedForToken) {
        let now = self.app.now(&self.instance.id);
        self.app.activities.note(&self.instance.id, &loaded.session, now);
    }
}

#[cfg(test)]
mod tests;

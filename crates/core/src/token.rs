//! What stands in a token that is minted for a session. Signing is not decided here.

use crate::client::Clocks;
use crate::jwt_template::{JwtTemplate, Subject, render};
use crate::session::{Session, SessionStatus};
use crate::time::CLOCKS_DIFFER_MS;
use crate::user::User;
use verger_wire::UnixMillis;
use verger_wire::json::{Json, Object};

/// How far before its `iat` a session token is valid, in seconds.
const NOT_BEFORE_SECONDS: i64 = 10;
/// The most bytes that a session token may have: it is a cookie beside others.
pub const SESSION_TOKEN_BYTES_MAX: usize = 2800;
/// The most bytes that a token of a template may have: more is accepted in a header by few servers, and by no verifier of ours.
pub const TEMPLATE_TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The header `cat` of a session token.
pub const SESSION_TOKEN_CATEGORY: &str = "cl_B7d4PD111AAA";
/// The header `cat` of a token of a template, which keeps it from passing as a session token.
pub const TEMPLATE_TOKEN_CATEGORY: &str = "cl_B7d4PD222AAA";

/// The version of session tokens that an instance mints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenVersion {
    /// For old SDKs.
    One,
    /// What SDKs expect since April 2025.
    #[default]
    Two,
}

/// What a token is minted from.
#[derive(Clone, Copy, Debug)]
pub struct Minting<'a> {
    /// The claim `iss`: scheme and host of the instance's Frontend API.
    pub issuer: &'a str,
    /// Whose token it is.
    pub user: &'a User,
    /// The session.
    pub session: &'a Session,
    /// What it is now; judged, so never over.
    pub status: SessionStatus,
    /// When somebody last signed in or out on its client, in real time.
    pub signed_at: UnixMillis,
    /// The claim `azp`: where the request came from, if it came from a page.
    pub authorized_party: Option<&'a str>,
    /// How long it lives, in seconds, if the request says so.
    pub lifetime_seconds: Option<i64>,
    /// Random.
    pub token_id: [u8; 10],
    /// Both clocks: tokens are compared with real time, proofs are as old as the instance says.
    pub clocks: Clocks,
}

/// Why no token is minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMinted {
    /// The session is neither active nor pending, or its user may not sign in.
    NotSignedIn,
    /// A token of a template does not say that its session is pending, so there is none.
    Pending,
}

/// Judges whether a session can have a token (contract section 8, rule 1).
///
/// # Errors
/// Why it cannot.
pub fn judge(user: &User, status: SessionStatus, of_template: bool) -> Result<(), NotMinted> {
    match status {
        _ if user.banned_at.is_some() => Err(NotMinted::NotSignedIn),
        SessionStatus::Over(_) => Err(NotMinted::NotSignedIn),
        SessionStatus::Pending if of_template => Err(NotMinted::Pending),
        SessionStatus::Pending | SessionStatus::Active => Ok(()),
    }
}

impl Minting<'_> {
    /// The claims of a session token; `custom` are those of the session token's template.
    pub fn session_claims(
        &self,
        version: TokenVersion,
        lifetime_seconds: i64,
        custom: Option<&JwtTemplate>,
    ) -> Object {
        let issued_at = self.issued_at();
        let lifetime = self.lifetime_seconds.or(custom.map(|template| template.lifetime_seconds));
        let [first, second] = self.session.factor_ages(self.clocks.now);
        let mut claims = Object::new();
        let mut put = |name: &str, value: Json| claims.insert(name.to_owned(), value);
        if let Some(party) = self.authorized_party {
            put("azp", text(party));
        }
        put("exp", number(issued_at.saturating_add(lifetime.unwrap_or(lifetime_seconds))));
        put("fva", Json::Array(vec![number(first), number(second)]));
        put("iat", number(issued_at));
        put("iss", text(self.issuer));
        if version == TokenVersion::Two {
            put("jti", text(&self.token_id()));
        }
        put("nbf", number(issued_at - NOT_BEFORE_SECONDS));
        put("sid", text(self.session.id.as_str()));
        put("sts", text(self.status.as_str()));
        put("sub", text(self.user.id.as_str()));
        if version == TokenVersion::Two {
            put("v", number(2));
        }
        if let Some(actor) = self.session.actor() {
            put("act", Json::Object(actor.clone()));
        }
        if let Some(template) = custom {
            for (name, value) in render(&template.claims, self.subject()).iter() {
                put(name, value.clone());
            }
        }
        claims
    }

    /// The claims of a token of a template.
    pub fn template_claims(&self, template: &JwtTemplate) -> Object {
        let issued_at = self.issued_at();
        let lifetime = self.lifetime_seconds.unwrap_or(template.lifetime_seconds);
        let mut claims = render(&template.claims, self.subject());
        let mut put = |name: &str, value: Json| claims.insert(name.to_owned(), value);
        if let Some(party) = self.authorized_party {
            put("azp", text(party));
        }
        put("exp", number(issued_at.saturating_add(lifetime)));
        put("iat", number(issued_at));
        put("iss", text(self.issuer));
        put("jti", text(&self.token_id()));
        put("nbf", number(issued_at - template.clock_skew_seconds));
        put("sub", text(self.user.id.as_str()));
        claims
    }

    fn subject(&self) -> Subject<'_> {
        Subject { user: self.user, session: self.session }
    }

    /// Real time in whole seconds, rounded down: verifiers without leeway refuse what comes from the future. Not before the
    /// client's last sign-in or sign-out: those of SDKs that compare it with `__client_uat` would refuse it. A moment that lies
    /// too far ahead was written by a clock that was wrong.
    fn issued_at(&self) -> i64 {
        let latest = self.clocks.real.plus_ms(CLOCKS_DIFFER_MS);
        let signed_at = self.signed_at.min(latest);
        self.clocks.real.max(signed_at).0.div_euclid(1000)
    }

    fn token_id(&self) -> String {
        self.token_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The claim that takes most of a token that is too long, of those that an application can change.
pub fn largest_claim(claims: &Object) -> Option<&str> {
    let bytes = |value: &Json| serde_json::to_string(value).map_or(0, |text| text.len());
    claims.iter().max_by_key(|(_, value)| bytes(value)).map(|(name, _)| name.as_str())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_owned())
}

fn number(number: i64) -> Json {
    serde_json::Value::from(number).into()
}

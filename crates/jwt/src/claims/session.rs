//! The session token.

use super::organization::OrganizationClaims;
use super::put;
use super::reader::Reader;
use crate::checks::{Checks, Registered};
use crate::error::TokenError;
use serde_json::{Map, Value};

/// How long a session token is good, in seconds, unless a setting says otherwise.
pub const SESSION_TOKEN_LIFE_S: i64 = 60;
/// How long before `iat` a session token is good already, in seconds, for verifiers whose clock is behind.
const NOT_BEFORE_S: i64 = 10;

/// The form of a session token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionVersion {
    /// Without `v`; the organization in claims of its own.
    V1,
    /// `"v": 2`; the organization in `o`.
    #[default]
    V2,
}

/// Whether the session of a token is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// It is.
    Active,
    /// A task is open, such as setting up a second factor.
    Pending,
}

impl SessionStatus {
    /// As `sts` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
        }
    }
}

/// What a session token says. Fields have the names of the claims; times are Unix seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionClaims {
    /// The issuer: the URL of the Frontend API.
    pub iss: String,
    /// The user, `user_…`.
    pub sub: String,
    /// The session, `sess_…`.
    pub sid: String,
    /// When it was issued.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// Until when it is good.
    pub exp: i64,
    /// An id of the token alone.
    pub jti: Option<String>,
    /// The origin that it was issued to.
    pub azp: Option<String>,
    /// Minutes since the first and the second factor were proved; −1 for never.
    pub fva: Option<[i64; 2]>,
    /// Whether the session is complete.
    pub sts: Option<SessionStatus>,
    /// The form of the token.
    pub version: SessionVersion,
    /// The plan, `u:slug` or `o:slug`.
    pub pla: Option<String>,
    /// Features by comma, each `o:slug`, `u:slug` or `uo:slug`.
    pub fea: Option<String>,
    /// The active organization.
    pub organization: Option<OrganizationClaims>,
    /// Who acts as the user.
    pub act: Option<Map<String, Value>>,
    /// The claims of the application.
    pub custom: Map<String, Value>,
}

impl SessionClaims {
    /// The claims of a token that is issued now (Unix seconds): good from 10 s before for [`SESSION_TOKEN_LIFE_S`], version 2, nothing
    /// else said. Fields are set after.
    #[must_use]
    pub fn new(iss: impl Into<String>, sub: impl Into<String>, sid: impl Into<String>, iat: i64) -> Self {
        Self {
            iss: iss.into(),
            sub: sub.into(),
            sid: sid.into(),
            iat,
            nbf: iat.saturating_sub(NOT_BEFORE_S),
            exp: iat.saturating_add(SESSION_TOKEN_LIFE_S),
            jti: None,
            azp: None,
            fva: None,
            sts: None,
            version: SessionVersion::V2,
            pla: None,
            fea: None,
            organization: None,
            act: None,
            custom: Map::new(),
        }
    }

    /// Whether a task of the session is open: the user is not signed in yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.sts == Some(SessionStatus::Pending)
    }

    /// The claims as JSON, as they are signed. A custom claim never takes the place of another.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut claims = self.custom.clone();
        claims.retain(|name, _| !super::is_reserved(name));
        put(&mut claims, "azp", self.azp.as_deref());
        put(&mut claims, "exp", Some(self.exp));
        put(&mut claims, "fva", self.fva.map(Vec::from));
        put(&mut claims, "iat", Some(self.iat));
        put(&mut claims, "iss", Some(self.iss.as_str()));
        put(&mut claims, "jti", self.jti.as_deref());
        put(&mut claims, "nbf", Some(self.nbf));
        put(&mut claims, "sid", Some(self.sid.as_str()));
        put(&mut claims, "sts", self.sts.map(SessionStatus::as_str));
        put(&mut claims, "sub", Some(self.sub.as_str()));
        put(&mut claims, "v", (self.version == SessionVersion::V2).then_some(2));
        put(&mut claims, "pla", self.pla.as_deref());
        put(&mut claims, "fea", self.fea.as_deref());
        put(&mut claims, "act", self.act.clone());
        if let Some(organization) = &self.organization {
            organization.write(&mut claims, self.version);
        }
        claims
    }

    /// Types first, then what the checks say.
    pub(crate) fn read(mut reader: Reader, checks: &Checks<'_>) -> Result<Self, TokenError> {
        let aud = reader.audiences()?;
        let version = match reader.optional_number("v")? {
            None | Some(1) => SessionVersion::V1,
            Some(2) => SessionVersion::V2,
            Some(_) => return Err(TokenError::VerificationFailed("v")),
        };
        let sts = match reader.optional_text("sts")?.as_deref() {
            None => None,
            Some("active") => Some(SessionStatus::Active),
            Some("pending") => Some(SessionStatus::Pending),
            Some(_) => return Err(TokenError::VerificationFailed("sts")),
        };
        let claims = Self {
            sub: reader.text("sub")?,
            iss: reader.text("iss")?,
            sid: reader.text("sid")?,
            exp: reader.seconds("exp")?,
            nbf: reader.seconds("nbf")?,
            iat: reader.seconds("iat")?,
            jti: reader.optional_text("jti")?,
            azp: reader.optional_text("azp")?,
            fva: reader.optional_numbers("fva")?,
            sts,
            version,
            pla: reader.optional_text("pla")?,
            fea: reader.optional_text("fea")?,
            organization: OrganizationClaims::read(&mut reader, version)?,
            act: reader.optional_object("act")?,
            custom: reader.rest(),
        };
        checks.judge(&Registered {
            iss: &claims.iss,
            aud,
            azp: claims.azp.as_deref(),
            exp: claims.exp,
            nbf: claims.nbf,
            iat: claims.iat,
        })?;
        Ok(claims)
    }
}

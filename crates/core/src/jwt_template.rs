//! JWT templates: claims that an application adds to the session token, or mints tokens of its own with.

mod shortcode;

pub use shortcode::{Subject, fixed_bytes, render};
pub use verger_wire::jwt_template::RESERVED_CLAIMS;

use crate::metadata;
use crate::session::reasons::{
    JWT_TEMPLATE_RESERVED_CLAIM, JWT_TEMPLATE_TOO_LARGE, SESSION_TEMPLATE_FIXED, SESSION_TOKEN_KEY,
};
use crate::signing_key::TOKEN_SECONDS_WAITED_FOR;
use crate::{Malformed, Unit};
use verger_wire::json::Object;
use verger_wire::{JwtTemplateId, Refused, UnixMillis};

/// The template with this name is the session token's: its claims stand in every session token.
pub const SESSION_TOKEN_TEMPLATE: &str = "__session";
/// How long a token of a template lives unless the template says otherwise, in seconds.
pub const LIFETIME_SECONDS_DEFAULT: i64 = 60;
/// The shortest that a token may live, in seconds.
pub const LIFETIME_SECONDS_MIN: i64 = 30;
/// The longest that a token may live, in seconds.
pub const LIFETIME_SECONDS_MAX: i64 = 315_360_000;
/// How far before its `iat` a token is valid, in seconds, for verifiers whose clocks are behind.
pub const CLOCK_SKEW_SECONDS_DEFAULT: i64 = 5;
/// The most of it.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 300;
/// The most bytes of JSON that the claims may have without their shortcodes: the session token is a cookie.
pub const FIXED_BYTES_MAX: usize = 1200;
/// The most characters of a name.
pub const NAME_CHARACTERS_MAX: usize = 128;
/// The most templates of an instance.
pub const TEMPLATES_MAX: usize = 100;

/// A template, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct JwtTemplate {
    /// `jtmp_…`, given at creation.
    pub id: JwtTemplateId,
    /// Moves by one with every change.
    pub version: i64,
    /// What it is asked for by; unique in its instance.
    pub name: String,
    /// The claims, with shortcodes in their texts.
    pub claims: Object,
    /// How long its tokens live, in seconds.
    pub lifetime_seconds: i64,
    /// How far before its `iat` a token is valid, in seconds.
    pub clock_skew_seconds: i64,
    /// The application's own key; `None`: the instance's.
    pub signing_key: Option<SigningKey>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
}

/// A key of the application's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// For example `HS256`.
    pub algorithm: String,
    /// The private key or the secret, sealed.
    pub sealed: String,
}

/// What a request makes of a template.
#[derive(Clone, Debug)]
pub struct TemplateFields {
    /// Its name.
    pub name: String,
    /// Its claims.
    pub claims: Object,
    /// How long its tokens live, in seconds.
    pub lifetime_seconds: i64,
    /// How far before its `iat` a token is valid, in seconds.
    pub clock_skew_seconds: i64,
    /// The application's own key, sealed.
    pub signing_key: Option<SigningKey>,
}

/// Why a template is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateRefusal {
    /// It sets a claim that is reserved.
    ReservedClaim(&'static str),
    /// The claims are too large.
    FixedPart {
        /// How many bytes they have without their shortcodes.
        bytes: usize,
    },
    /// A field is not as it should be.
    Malformed {
        /// The field.
        param: &'static str,
        /// What is wrong with it.
        why: Malformed,
    },
    /// The session token's template cannot be deleted or renamed: 403.
    SessionToken,
    /// The session token is signed with the instance's key, whatever its template says.
    SessionTokenKey,
}

/// The template breaks a rule: it would be refused if it came now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTemplate(pub TemplateRefusal);

impl JwtTemplate {
    /// A new template.
    ///
    /// # Errors
    /// A field is refused.
    pub fn create(
        id: JwtTemplateId,
        fields: TemplateFields,
        now: UnixMillis,
    ) -> Result<Self, TemplateRefusal> {
        judge(&fields)?;
        let TemplateFields { name, claims, lifetime_seconds, clock_skew_seconds, signing_key } = fields;
        Ok(Self {
            id,
            version: 1,
            name,
            claims,
            lifetime_seconds,
            clock_skew_seconds,
            signing_key,
            created_at: now,
            updated_at: now,
        })
    }

    /// The template with other fields.
    ///
    /// # Errors
    /// A field is refused.
    pub fn update(&self, fields: TemplateFields, now: UnixMillis) -> Result<Self, TemplateRefusal> {
        if self.is_session_tokens() && fields.name != self.name {
            return Err(TemplateRefusal::SessionToken);
        }
        let new = Self::create(self.id.clone(), fields, now)?;
        let after =
            Self { version: self.version, created_at: self.created_at, updated_at: self.updated_at, ..new };
        if after == *self {
            return Ok(after);
        }
        Ok(Self { version: self.version + 1, updated_at: now.max(self.updated_at.plus_ms(1)), ..after })
    }

    /// Whether it may be deleted.
    ///
    /// # Errors
    /// It is the session token's.
    pub fn delete(&self) -> Result<(), TemplateRefusal> {
        if self.is_session_tokens() { Err(TemplateRefusal::SessionToken) } else { Ok(()) }
    }

    /// Whether its claims stand in every session token.
    pub fn is_session_tokens(&self) -> bool {
        self.name == SESSION_TOKEN_TEMPLATE
    }

    /// Whether its tokens can live on when the key that signed them is not published any more, because another signs.
    pub fn can_outlive_its_key(&self) -> bool {
        self.signing_key.is_none() && self.lifetime_seconds > TOKEN_SECONDS_WAITED_FOR
    }

    /// Looks at every rule that one template can break by itself. Runs after every load.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), BrokenTemplate> {
        let fields = TemplateFields {
            name: self.name.clone(),
            claims: self.claims.clone(),
            lifetime_seconds: self.lifetime_seconds,
            clock_skew_seconds: self.clock_skew_seconds,
            signing_key: self.signing_key.clone(),
        };
        judge(&fields).map_err(BrokenTemplate)
    }
}

fn judge(fields: &TemplateFields) -> Result<(), TemplateRefusal> {
    let malformed = |param, why| TemplateRefusal::Malformed { param, why };
    judge_name(&fields.name).map_err(|why| malformed("name", why))?;
    if let Some(claim) = RESERVED_CLAIMS.iter().find(|claim| fields.claims.get(claim).is_some()) {
        return Err(TemplateRefusal::ReservedClaim(claim));
    }
    metadata::check(&fields.claims).map_err(|why| malformed("claims", why))?;
    let bytes = fixed_bytes(&fields.claims);
    if bytes > FIXED_BYTES_MAX {
        return Err(TemplateRefusal::FixedPart { bytes });
    }
    if !(LIFETIME_SECONDS_MIN..=LIFETIME_SECONDS_MAX).contains(&fields.lifetime_seconds) {
        return Err(malformed("lifetime", Malformed::Form("must be from 30 to 315360000")));
    }
    if !(0..=CLOCK_SKEW_SECONDS_MAX).contains(&fields.clock_skew_seconds) {
        return Err(malformed("allowed_clock_skew", Malformed::Form("must be from 0 to 300")));
    }
    if fields.name == SESSION_TOKEN_TEMPLATE && fields.signing_key.is_some() {
        return Err(TemplateRefusal::SessionTokenKey);
    }
    Ok(())
}

fn judge_name(name: &str) -> Result<(), Malformed> {
    let length = name.chars().count();
    if length == 0 {
        return Err(Malformed::TooShort("must not be empty"));
    }
    if length > NAME_CHARACTERS_MAX {
        return Err(Malformed::TooLong { max: NAME_CHARACTERS_MAX, length, unit: Unit::Characters });
    }
    // It stands in the path of the URL that mints its tokens.
    let is_allowed = |character: char| character.is_alphanumeric() || " _-.:".contains(character);
    if !name.chars().all(is_allowed) || name.trim() != name || name == "." || name == ".." {
        return Err(Malformed::Form(
            "may have letters, digits, spaces between them, and the characters _ - . :",
        ));
    }
    Ok(())
}

impl From<TemplateRefusal> for Refused {
    fn from(refusal: TemplateRefusal) -> Self {
        match refusal {
            TemplateRefusal::ReservedClaim(claim) => {
                Self::new(&JWT_TEMPLATE_RESERVED_CLAIM).with("claim", claim).param("claims")
            }
            TemplateRefusal::FixedPart { bytes } => Self::new(&JWT_TEMPLATE_TOO_LARGE)
                .with("bytes", bytes.to_string())
                .with("bytes_max", FIXED_BYTES_MAX.to_string())
                .param("claims"),
            TemplateRefusal::Malformed { param, why } => Self::from(why).param(param),
            TemplateRefusal::SessionToken => Self::new(&SESSION_TEMPLATE_FIXED),
            TemplateRefusal::SessionTokenKey => Self::new(&SESSION_TOKEN_KEY).param("custom_signing_key"),
        }
    }
}

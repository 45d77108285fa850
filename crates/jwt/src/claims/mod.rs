//! What tokens say.

mod handshake;
mod organization;
mod reader;
mod session;
mod template;

pub use handshake::HandshakeClaims;
pub use organization::OrganizationClaims;
pub(crate) use reader::Reader;
pub use session::{SESSION_TOKEN_LIFE_S, SessionClaims, SessionStatus, SessionVersion};
pub use template::TemplateClaims;

use serde_json::{Map, Value};
pub use verger_wire::jwt_template::RESERVED_CLAIMS;

fn is_reserved(name: &str) -> bool {
    RESERVED_CLAIMS.contains(&name)
}

/// Puts a claim that has a value.
fn put(claims: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        claims.insert(name.to_owned(), value.into());
    }
}

//! Who is signed in: session tokens, and the requests that bring them.
//!
//! The decisions are those of the official backend SDK, in its order and with its reasons, so that an application behaves the same
//! whichever of the two verifies. Nothing here asks the service about a request, except for the keys (at most once in five
//! minutes), and for what only the service knows: an expired token that is exchanged, and a handshake by nonce.

mod authenticator;
mod builder;
mod context;
mod cookies;
mod decision;
mod handshake;
mod incoming;
mod keys;
mod location;
mod organization;
mod publishable_key;
mod settings;
mod state;
mod verifier;
mod verify_error;

#[cfg(feature = "axum")]
mod extract;

pub use authenticator::Authenticator;
pub use builder::AuthenticatorBuilder;
#[cfg(feature = "axum")]
pub use extract::{AuthRejection, RequireSession, authenticate};
pub use incoming::IncomingRequest;
pub use settings::{OrganizationSync, Satellite};
pub use state::{AuthState, Session, SignedOut};
pub use verify_error::VerifyTokenError;

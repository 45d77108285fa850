//! The native half of the npm package `@verger/backend`: the Rust SDK and the server in the process.
//!
//! Only text, numbers and promises cross the border. Calls go over it in batches, a list of them as JSON; so do what
//! became of them: `{"ok":…}` with the answer as it came, or `{"error":…}`. Nothing is thrown from here:
//! `packages/node` makes the objects, and throws.

pub mod answers;
pub mod authenticator;
mod call;
pub mod client;
mod runtime;
pub mod server;

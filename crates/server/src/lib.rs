//! The Verger server: HTTP over `store` and `core`. A library first, so that tests and other programs can run it in
//! their own process.

mod answer;
mod app;
mod backend;
mod call;
mod caller;
mod changes;
pub mod cli;
mod clock;
mod clocks;
mod codes;
mod config;
mod context;
mod demo;
mod descriptors;
mod engine;
mod error;
mod followers;
mod frontend;
mod inbox;
mod instance_reasons;
#[allow(dead_code, reason = "sessions sign with it")]
mod instances;
mod jobs;
mod limits;
mod log;
mod mount;
pub mod operation;
pub mod operations;
mod own;
mod pages;
mod provision;
mod randomness;
mod readiness;
pub mod reasons;
mod render;
mod resealing;
mod retention;
pub mod router;
mod sending_reasons;
pub mod serve;
mod session_jobs;
mod sessions;
mod shares;
mod store_reasons;
mod supervise;
pub mod testing;
mod tokens;
mod trail_keys;
mod turns;
pub mod webhooks;

pub use app::{App, Limits, Messaging};
pub use caller::CallerKind;
pub use clock::{Clock, ManualClock, SystemClock, wall_clock};
pub use codes::{Keyring, KeyringError};
pub use inbox::InboxMessage;
pub use jobs::deliver_messages;
pub use limits::{SendingConfig, UnverifiedMode};
pub use randomness::Randomness;
pub use trail_keys::hand_over as hand_over_trail_keys;
/// Senders of messages, and signatures of webhooks.
pub use verger_deliver as deliver;
pub use verger_http::version::API_VERSIONS;
pub use verger_http::{NetworkError, TrustedProxies, metrics};
pub use webhooks::fan_out::fan_out_events;
pub use webhooks::job::deliver_webhooks;

//! The Verger server: HTTP over `store` and `core`. A library first, so that tests and other programs can run it in
//! their own process.

mod answer;
mod app;
pub mod cli;
mod clocks;
mod codes;
mod compress;
mod config;
mod connections;
mod context;
pub mod deliver;
mod demo;
mod descriptors;
mod error;
mod extract;
mod followers;
mod inbox;
mod jobs;
mod limits;
mod listener;
mod log;
pub mod metrics;
pub mod operations;
mod ops;
mod provision;
mod proxies;
mod readiness;
mod render;
mod resealing;
mod retention;
pub mod router;
mod routes;
pub mod serve;
mod shares;
mod supervise;
pub mod testing;
mod urls;
pub mod webhooks;

pub use app::{App, Clock, Limits, ManualClock, Messaging, SystemClock, system_rng};
pub use codes::{Keyring, KeyringError};
pub use context::API_VERSIONS;
pub use inbox::InboxMessage;
pub use jobs::deliver_messages;
pub use limits::{SendingConfig, UnverifiedMode};
pub use proxies::{NetworkError, TrustedProxies};
pub use webhooks::job::{deliver_webhooks, fan_out_events};

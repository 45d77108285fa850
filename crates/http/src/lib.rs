//! What serving HTTP takes, whatever is served: who may connect and for how long, who a request comes from, and what of it
//! is counted. Nothing here knows a store, an operation or a user.

pub mod compress;
mod connections;
pub mod descriptors;
mod limits;
pub mod listener;
pub mod metrics;
pub mod proxies;

pub use limits::{ListenLimits, connections_share_of};
pub use listener::RemoteAddress;
pub use proxies::{NetworkError, TrustedProxies};

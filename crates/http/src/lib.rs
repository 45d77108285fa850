//! What serving HTTP takes, whatever is served: who may connect and for how long, who a request comes from, how what it
//! brings is read, and what of it is counted. Nothing here knows a store, an operation or a user.

pub mod body;
pub mod compress;
mod connections;
pub mod descriptors;
pub mod headers;
pub mod input;
mod limits;
pub mod listener;
pub mod metrics;
pub mod path;
pub mod proxies;
pub mod reasons;
pub mod version;

pub use limits::{ListenLimits, connections_share_of};
pub use listener::RemoteAddress;
pub use proxies::{NetworkError, TrustedProxies};

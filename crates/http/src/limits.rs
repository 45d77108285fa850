//! How a listener treats its clients.

use crate::proxies::TrustedProxies;

/// How a listener treats its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Concurrent connections. Beyond that an idle one is closed for the new one, or the new one waits.
    pub connections_max: usize,
    /// Concurrent connections per address, or per IPv6 /64 network; 0 is no limit. Beyond that an idle one of the same
    /// address is closed, or the new one.
    pub connections_per_address: usize,
    /// How long a client may take to send the head of a request, in milliseconds: the first one counts from the start of
    /// the connection, a later one from its first byte.
    pub header_timeout_ms: u64,
    /// How long a connection may be idle between two requests, in milliseconds.
    pub keep_alive_timeout_ms: u64,
    /// How long a client may stall while reading the response, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long the server keeps serving, while it reports that it is not ready, once it is told to stop, in
    /// milliseconds.
    pub shutdown_delay_ms: u64,
    /// How long requests in flight may take after that, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// The proxies whose headers about client addresses are trusted. They have no limit of connections per address.
    pub trusted_proxies: TrustedProxies,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            connections_per_address: connections_share_of(10_000),
            header_timeout_ms: 10_000,
            // Longer than the minute for which the usual load balancers and clients keep a connection: the one who ends
            // it must be the client, who knows whether a request is under way.
            keep_alive_timeout_ms: 75_000,
            write_timeout_ms: 20_000,
            shutdown_delay_ms: 0,
            shutdown_timeout_ms: 10_000,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

/// The default limit of connections per address, given the limit of all: a quarter, so that it takes four addresses to
/// use all of them up, but at least 16.
pub fn connections_share_of(connections_max: usize) -> usize {
    (connections_max / 4).max(16)
}

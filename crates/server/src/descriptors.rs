//! What this server needs descriptors of the operating system for.

use crate::webhooks;
use verger_http::descriptors::Wanted;

/// For the store (at most 27 connections with PostgreSQL), the log, listeners, name lookups and the like.
const FOR_THE_PROCESS: u64 = 96;
/// For senders: the number of messages that are sent concurrently.
const FOR_SENDERS: u64 = 128;
/// For the listener of the metrics.
const FOR_METRICS: u64 = 32;

/// With so many connections of clients.
pub(crate) fn wanted(connections_max: usize) -> Wanted {
    Wanted {
        fixed: FOR_THE_PROCESS + FOR_SENDERS + FOR_METRICS,
        connections_max,
        outgoing_max: webhooks::IN_FLIGHT_MAX,
    }
}

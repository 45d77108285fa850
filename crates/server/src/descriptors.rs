//! How many files and connections the operating system lets this process have open, and what they are for.

use crate::webhooks;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the store (at most 27 connections with PostgreSQL), the log, listeners, name lookups and the like.
const FOR_THE_PROCESS: u64 = 96;
/// For senders: the number of messages that are sent concurrently.
const FOR_SENDERS: u64 = 128;
/// For the listener of the metrics.
const FOR_METRICS: u64 = 32;
/// With fewer connections than this the server does not start.
const CONNECTIONS_MIN: u64 = 64;

/// How the file descriptors are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The limit of open files; `None` if there is none.
    pub(crate) limit: Option<u64>,
    /// Connections of clients.
    pub(crate) connections_max: usize,
    /// Webhooks in flight at a time.
    pub(crate) webhooks_max: usize,
}

/// Raises the soft limit of this process to the hard one, and returns it; `None` if there is none.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, limit = current, "the limit of open files cannot be raised");
            current
        }
    }
}

/// The limit that [`raise`] would return.
pub(crate) fn after_raising() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Divides a limit of open files between connections and webhooks.
///
/// # Errors
/// It is too low to serve with.
pub(crate) fn plan(limit: Option<u64>, connections_max: usize) -> anyhow::Result<Plan> {
    let webhooks_max = webhooks::job::IN_FLIGHT_MAX;
    let Some(most) = limit else { return Ok(Plan { limit, connections_max, webhooks_max }) };
    let wanted = u64::try_from(connections_max).unwrap_or(u64::MAX);
    let fixed = FOR_THE_PROCESS + FOR_SENDERS + FOR_METRICS;
    let rest = most.saturating_sub(fixed);
    let webhooks = (rest / 4).min(u64::try_from(webhooks_max).unwrap_or(u64::MAX));
    let connections = (rest - webhooks).min(wanted);
    anyhow::ensure!(
        connections >= CONNECTIONS_MIN.min(wanted),
        "the limit of {most} open files is too low: at least {} are needed (`ulimit -n`, LimitNOFILE= in systemd)",
        fixed + CONNECTIONS_MIN * 4 / 3 + 1
    );
    Ok(Plan {
        limit,
        connections_max: usize::try_from(connections).unwrap_or(connections_max),
        webhooks_max: usize::try_from(webhooks).unwrap_or(webhooks_max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_out_and_too_few_are_refused() {
        let planned = |limit, wanted| {
            plan(limit, wanted)
                .map(|plan| (plan.connections_max, plan.webhooks_max))
                .map_err(|why| why.to_string())
        };
        assert_eq!(planned(None, 10_000), Ok((10_000, 2_560)));
        assert_eq!(planned(Some(1_048_576), 10_000), Ok((10_000, 2_560)));
        assert_eq!(planned(Some(1_024), 10_000), Ok((576, 192)));
        assert_eq!(planned(Some(1_024), 100), Ok((100, 192)));
        assert_eq!(planned(Some(4_096), 10_000), Ok((2_880, 960)));
        let needed: u64 = 342;
        assert!(planned(Some(needed), 10_000).is_ok());
        for limit in [0, 100, 256, needed - 2] {
            let why = planned(Some(limit), 10_000).unwrap_err();
            assert!(why.contains(&format!("limit of {limit} ")) && why.contains("342"), "{why}");
        }
        for limit in [needed, 1_000, 5_000, 20_000] {
            let plan = plan(Some(limit), 10_000).unwrap();
            let all = FOR_THE_PROCESS
                + FOR_SENDERS
                + FOR_METRICS
                + (plan.connections_max + plan.webhooks_max) as u64;
            assert!(all <= limit, "{plan:?}");
        }
        // A server that wants few needs few.
        assert_eq!(planned(Some(300), 10).map(|(connections, _)| connections), Ok(10));
    }
}

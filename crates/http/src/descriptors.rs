//! How many files and connections the operating system lets this process have open, and how they are divided.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// With fewer connections than this the server does not start.
const CONNECTIONS_MIN: u64 = 64;

/// What descriptors are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those without which the process cannot work, whatever there is to do.
    pub fixed: u64,
    /// Connections of clients.
    pub connections_max: usize,
    /// Requests of our own to others that are under way at a time. They get a quarter of what `fixed` leaves at most.
    pub outgoing_max: usize,
}

/// How the file descriptors are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The limit of open files; `None` if there is none.
    pub limit: Option<u64>,
    /// Connections of clients.
    pub connections_max: usize,
    /// Requests of our own that are under way at a time.
    pub outgoing_max: usize,
}

/// The limit is too low to serve with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit of {limit} open files is too low: at least {needed} are needed (`ulimit -n`, LimitNOFILE= in systemd)"
)]
pub struct TooFew {
    limit: u64,
    needed: u64,
}

/// Raises the soft limit of this process to the hard one, and returns it; `None` if there is none.
pub fn raise() -> Option<u64> {
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
pub fn after_raising() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Divides a limit of open files between connections and our own requests.
///
/// # Errors
/// It is too low to serve with.
pub fn plan(limit: Option<u64>, wanted: Wanted) -> Result<Plan, TooFew> {
    let Wanted { fixed, connections_max, outgoing_max } = wanted;
    let Some(most) = limit else { return Ok(Plan { limit, connections_max, outgoing_max }) };
    let connections_wanted = u64::try_from(connections_max).unwrap_or(u64::MAX);
    let rest = most.saturating_sub(fixed);
    let outgoing = (rest / 4).min(u64::try_from(outgoing_max).unwrap_or(u64::MAX));
    let connections = (rest - outgoing).min(connections_wanted);
    if connections < CONNECTIONS_MIN.min(connections_wanted) {
        return Err(TooFew { limit: most, needed: fixed + CONNECTIONS_MIN * 4 / 3 + 1 });
    }
    Ok(Plan {
        limit,
        connections_max: usize::try_from(connections).unwrap_or(connections_max),
        outgoing_max: usize::try_from(outgoing).unwrap_or(outgoing_max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_shared_out_and_too_few_are_refused() {
        let fixed = 256;
        let wanted = |connections_max| Wanted { fixed, connections_max, outgoing_max: 2_560 };
        let planned = |limit, connections_max| {
            plan(limit, wanted(connections_max))
                .map(|plan| (plan.connections_max, plan.outgoing_max))
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
            let plan = plan(Some(limit), wanted(10_000)).unwrap();
            let all = fixed + (plan.connections_max + plan.outgoing_max) as u64;
            assert!(all <= limit, "{plan:?}");
        }
        // A server that wants few needs few.
        assert_eq!(planned(Some(300), 10).map(|(connections, _)| connections), Ok(10));
    }
}

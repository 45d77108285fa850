//! Time, randomness and the time limits of commands.

use crate::clock::{Clock, SystemClock};
use crate::randomness::Randomness;
use anyhow::Context as _;
use std::time::{Duration, Instant};
use verger_core::Env;

/// Time limit of a store operation in commands.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The end of a store operation that begins now.
pub(super) fn deadline() -> Instant {
    Instant::now() + COMMAND_TIMEOUT
}

/// The current time and randomness, for one command.
pub(super) fn command_env() -> anyhow::Result<Env> {
    let randomness = Randomness::system().context("no randomness from the operating system")?;
    Ok(Env::new(SystemClock.now(), randomness.rng()))
}

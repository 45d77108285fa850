//! The settings of a server as flags, for `verger serve` and for commands that look at what a server has.

use crate::config::ServeConfig;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct ServeArgs {
    /// A TOML file with the settings below, named like the flags with _ instead of -
    #[arg(long, env = "VERGER_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: ServeConfig,
    /// Refused, with a hint at `--listen`
    #[arg(long, hide = true, value_name = "PORT", num_args = 0..=1, default_missing_value = "", value_parser = no_port)]
    pub(super) port: Option<NoPort>,
}

/// The value of a flag that does not exist: parsing it always fails, with a hint at the right flag.
#[derive(Clone, Copy)]
pub(super) enum NoPort {}

pub(super) fn no_port(port: &str) -> Result<NoPort, String> {
    let port = if port.is_empty() { "4100" } else { port };
    Err(format!("there is no --port: use --listen, as in `--listen {port}`"))
}

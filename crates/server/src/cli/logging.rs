//! The log of a command that serves.

use crate::config::LogFormat;
use crate::log::{LogGuard, gathered};
use anyhow::Context as _;
use std::ffi::OsStr;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Writes the log to standard error from a dedicated thread, until the guard is dropped.
pub(super) fn start_log(format: LogFormat, filter: &str) -> anyhow::Result<LogGuard> {
    let filter = EnvFilter::try_new(filter).map_err(|error| log_filter_error(filter, &error))?;
    let (writer, guard) = gathered(std::io::stderr()).context("no thread for the log")?;
    init_log(format, filter, writer)?;
    Ok(guard)
}

/// The error contains its cause: as a chain it would be printed twice.
fn log_filter_error(filter: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("log filter {filter:?} cannot be read: {error}")
}

fn init_log(
    format: LogFormat,
    filter: EnvFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match format {
        LogFormat::Human => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(has_colours(is_terminal, std::env::var_os("NO_COLOR").as_deref())).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}

/// Colours are for terminals, unless `NO_COLOR` has any value (no-color.org).
fn has_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_has_colours_on_a_terminal_unless_no_color_says_no() {
        assert!(has_colours(true, None));
        assert!(has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(true, Some(OsStr::new("1"))));
        assert!(!has_colours(false, None));
    }
}

//! `verger migrate`.

use super::migration::bring_up;
use super::output::out;
use super::stores::{StoreArgs, create_store};
use clap::Args;
use std::io::Write as _;
use std::time::{Duration, Instant};
use verger_store::MigrationLimits;

#[derive(Args)]
pub(super) struct MigrateArgs {
    /// Stop after this time; work that is done by then stays done. Without it there is no time limit
    #[arg(long, value_name = "SECONDS", value_parser = timeout)]
    timeout: Option<u64>,
    /// Assume that no server is using the store; migrate without pauses
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    store: StoreArgs,
}

fn timeout(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=31_536_000).contains(seconds));
    seconds.ok_or_else(|| "must be a whole number of seconds from 1 to 31536000, such as 600".to_owned())
}

pub(super) async fn migrate(args: MigrateArgs) -> anyhow::Result<()> {
    let store = create_store(args.store.url(), args.store.data()).await?;
    let until = args.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let applied = bring_up(&store, MigrationLimits { until, is_alone: args.offline }).await?;
    let mut out = out();
    if applied.is_empty() {
        writeln!(out, "{} is at schema version {} already", store.location(), verger_store::SCHEMA_VERSION)?;
    } else {
        writeln!(out, "{} is now at schema version {}", store.location(), verger_store::SCHEMA_VERSION)?;
    }
    Ok(())
}

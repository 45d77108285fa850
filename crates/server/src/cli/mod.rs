//! The command line.

mod admin;
mod dev;
mod production;

use crate::config::LogFormat;
use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use verger_store::{MigrationState, SCHEMA_VERSION, Store};

/// How long a command of the operator waits for the store.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// An identity backend of your own: users and their phone numbers, with Clerk's Backend API on the wire.
#[derive(Parser)]
#[command(name = "verger", version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server for development and tests: makes an instance, a secret key and a demo user, and says how to use them
    Dev(dev::DevArgs),
    /// Run a server for production
    Serve(production::ServeArgs),
    /// Make, list and revoke secret keys
    #[command(subcommand)]
    Keys(admin::KeysCommand),
    /// Make and list instances: each has its own users and keys
    #[command(subcommand)]
    Instances(admin::InstancesCommand),
    /// Bring the schema of the store up to this build
    Migrate(admin::StoreArgs),
    /// Look at configuration, store, schema version, free disk and clock, and say what is wrong
    Check(production::ServeArgs),
}

/// The whole command line, for the generated documentation.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command of this process.
///
/// # Errors
/// One line that says what is wrong and what to do.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        match cli.command {
            Command::Dev(args) => dev::run(args).await,
            Command::Serve(args) => production::run(args).await,
            Command::Keys(command) => admin::keys(command).await,
            Command::Instances(command) => admin::instances(command).await,
            Command::Migrate(args) => admin::migrate(args).await,
            Command::Check(args) => production::check(args).await,
        }
    })
}

/// Writes the log to standard error from a thread of its own, until the guard is dropped.
fn start_log(format: LogFormat, filter: &str) -> anyhow::Result<tracing_appender::non_blocking::WorkerGuard> {
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?} cannot be read"))?;
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    init_log(format, filter, writer)?;
    Ok(guard)
}

fn init_log(
    format: LogFormat,
    filter: EnvFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    let started = match format {
        LogFormat::Human => {
            builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}

/// Opens the store in a folder, which is made if it is missing.
fn open_store(folder: &Path) -> anyhow::Result<Arc<Store>> {
    make_folder(folder).with_context(|| format!("data folder {}", folder.display()))?;
    let path: PathBuf = folder.join("verger.db");
    let store = Store::open(&path).with_context(|| format!("store {}", path.display()))?;
    Ok(Arc::new(store))
}

/// Only the owner can look into it: it holds personal data.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn deadline() -> Instant {
    Instant::now() + COMMAND_TIMEOUT
}

/// Refuses a store that this build cannot serve, and says which command helps.
async fn require_schema(store: &Store) -> anyhow::Result<()> {
    match store.migration_state(deadline()).await? {
        MigrationState::Current => Ok(()),
        MigrationState::Behind { version } => anyhow::bail!(
            "the store has schema version {version}, this build needs {SCHEMA_VERSION}: run `verger migrate` with the same --data"
        ),
        MigrationState::Ahead { version } => anyhow::bail!(
            "the store has schema version {version}, this build knows {SCHEMA_VERSION}: run a newer verger"
        ),
        MigrationState::Altered { version } => anyhow::bail!(
            "migration {version} of the store is not the one of this build: run the verger that made it"
        ),
    }
}

//! The command line.

mod admin;
mod code_keys;
mod dev;
mod modes;
mod moving;
mod production;
mod webhooks;

use crate::config::LogFormat;
use crate::log::{LogGuard, gathered};
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
    /// Add, list, remove and test endpoints that are told of events
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// Verify and export the audit trail
    #[command(subcommand)]
    Audit(webhooks::AuditCommand),
    /// Look at the keys that codes are digested and messages and secrets sealed with
    #[command(subcommand)]
    CodeKeys(code_keys::CodeKeysCommand),
    /// Bring the schema of the store up to this build
    Migrate(admin::StoreArgs),
    /// Copy everything from one store into another, empty one; goes on where it was stopped, and compares at the end
    Copy(moving::CopyArgs),
    /// Write the embedded store to a file, while it is in use
    Backup(moving::BackupArgs),
    /// Bring a backup back as the embedded store, which nobody may use meanwhile
    Restore(moving::RestoreArgs),
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
    modes::keep_to_owner();
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        match cli.command {
            Command::Dev(args) => dev::run(args).await,
            Command::Serve(args) => production::run(args).await,
            Command::Keys(command) => admin::keys(command).await,
            Command::Instances(command) => admin::instances(command).await,
            Command::Webhooks(command) => webhooks::webhooks(command).await,
            Command::Audit(command) => webhooks::audit(command).await,
            Command::CodeKeys(command) => code_keys::code_keys(command).await,
            Command::Migrate(args) => admin::migrate(args).await,
            Command::Copy(args) => moving::copy(args).await,
            Command::Backup(args) => moving::backup(args).await,
            Command::Restore(args) => moving::restore(args).await,
            Command::Check(args) => production::check(args).await,
        }
    })
}

/// Writes the log to standard error from a thread of its own, until the guard is dropped.
fn start_log(format: LogFormat, filter: &str) -> anyhow::Result<LogGuard> {
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?} cannot be read"))?;
    let (writer, guard) = gathered(std::io::stderr()).context("no thread for the log")?;
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

/// What `--store` names, else the embedded store in a folder. Folders are made if they are missing.
async fn open_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    let file = embedded_file(url, folder);
    if let Some(parent) = file.as_deref().and_then(Path::parent) {
        make_folder(parent).with_context(|| format!("data folder {}", parent.display()))?;
    }
    let store = match (file, url) {
        (Some(file), _) => Store::open(&file).with_context(|| format!("store {}", file.display()))?,
        (None, Some(url)) => Store::open_url(url, deadline()).await?,
        (None, None) => anyhow::bail!("there is no store"),
    };
    Ok(Arc::new(store))
}

/// The file of the embedded store, unless the store is another.
fn embedded_file(url: Option<&str>, folder: &Path) -> Option<PathBuf> {
    match url {
        None => Some(folder.join("verger.db")),
        Some(url) => url.strip_prefix("sqlite:").map(PathBuf::from),
    }
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
        MigrationState::Current if store.is_unfinished_copy(deadline()).await? => anyhow::bail!(
            "the store is the target of a copy that did not come to its end: run `verger copy` again, or empty it"
        ),
        MigrationState::Current => Ok(()),
        MigrationState::Expanded { version } => {
            tracing::info!(
                version,
                "the store was migrated by a newer verger, beside which this one can serve"
            );
            Ok(())
        }
        MigrationState::Behind { version } => anyhow::bail!(
            "the store has schema version {version}, this build needs {SCHEMA_VERSION}: run `verger migrate` with the same --data or --store"
        ),
        MigrationState::Ahead { version } => anyhow::bail!(
            "the store has schema version {version}, this build knows {SCHEMA_VERSION}: run a newer verger"
        ),
        MigrationState::Altered { version } => anyhow::bail!(
            "migration {version} of the store is not the one of this build: run the verger that made it"
        ),
    }
}

//! The command line.

mod admin;
mod check;
mod code_keys;
mod dev;
mod durability;
mod given;
mod migrate;
mod modes;
mod moving;
mod output;
mod production;
mod webhooks;

use crate::config::{LogFormat, require_store_url};
use crate::log::{LogGuard, gathered};
use anyhow::Context as _;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use given::Given;
pub use output::is_reader_gone;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use verger_store::{MigrationState, SCHEMA_VERSION, Store};

/// Time limit of a store operation in commands.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A self-hosted identity backend: users, phone numbers and email addresses, with Clerk's Backend API on the wire.
#[derive(Parser)]
#[command(name = "verger", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server for development and tests: creates an instance, a secret key and a demo user, and prints how to use them
    Dev(dev::DevArgs),
    /// Create the store, or bring its schema up to this build
    Migrate(migrate::MigrateArgs),
    /// Create and list instances: each has its own users and keys
    #[command(subcommand)]
    Instances(admin::InstancesCommand),
    /// Create, list and revoke secret keys
    #[command(subcommand)]
    Keys(admin::KeysCommand),
    /// Check configuration, store, schema version, free disk space and clock, and report problems
    Check(check::CheckArgs),
    /// Run a server for production
    Serve(production::ServeArgs),
    /// Add, list, remove and test endpoints that receive events
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// Verify and export the audit trail
    #[command(subcommand)]
    Audit(webhooks::AuditCommand),
    /// Show the keys that digest codes and seal messages and secrets, and what still needs them
    #[command(subcommand)]
    CodeKeys(code_keys::CodeKeysCommand),
    /// Write the embedded store to a file while it is in use
    Backup(moving::BackupArgs),
    /// Restore a backup as the embedded store, which must not be in use
    Restore(moving::RestoreArgs),
    /// Copy everything into another, empty store; resumes after an interruption, and compares both at the end
    Copy(moving::CopyArgs),
}

/// The commands by task, in the order in which they are needed.
const TASKS: &[(&str, &[&str])] = &[
    ("Develop and test", &["dev"]),
    ("Set up a production server", &["migrate", "instances", "keys", "check"]),
    ("Run it", &["serve"]),
    ("Connect it", &["webhooks", "audit"]),
    ("Maintain it", &["backup", "restore", "copy", "code-keys"]),
];

const DOCUMENTATION: &str = "Documentation: README.md and docs/ in the source tree. A running server has its API reference at /reference.";

/// The complete command line, for the program and for the generated documentation.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let mut listed = String::new();
    let line = |listed: &mut String, sub: &clap::Command| {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(listed, "  {:<10} {about}", sub.get_name());
    };
    for (task, names) in TASKS {
        let _ = writeln!(listed, "{task}:");
        for sub in names.iter().filter_map(|name| command.find_subcommand(name)) {
            line(&mut listed, sub);
        }
        listed.push('\n');
    }
    let is_listed = |name: &str| TASKS.iter().any(|(_, names)| names.contains(&name));
    let mut others = command.get_subcommands().filter(|sub| !is_listed(sub.get_name())).peekable();
    if others.peek().is_some() {
        listed.push_str("More:\n");
        others.for_each(|sub| line(&mut listed, sub));
        listed.push('\n');
    }
    Cli::command()
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listed}Options:\n{{options}}{{after-help}}"
        ))
        .after_help(format!("`verger COMMAND --help` says more about a command.\n{DOCUMENTATION}"))
}

/// Runs the command of this process.
///
/// # Errors
/// One line that says what is wrong and what to do. If [`is_reader_gone`], it should not be printed.
pub fn run() -> anyhow::Result<()> {
    modes::keep_to_owner();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let command = command();
    let parsed = command.clone().try_get_matches_from(&arguments).and_then(|matches| {
        let given = Given::of(&matches, &command);
        Ok((Cli::from_arg_matches(&matches)?, given))
    });
    let (cli, given) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => given::name_variables(error, &command, &arguments).exit(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Dev(args) => dev::run(args, &given).await,
            Command::Migrate(args) => migrate::migrate(args).await,
            Command::Instances(command) => admin::instances(command).await,
            Command::Keys(command) => admin::keys(command).await,
            Command::Check(args) => check::run(args).await,
            Command::Serve(args) => production::run(args, &given).await,
            Command::Webhooks(command) => webhooks::webhooks(command).await,
            Command::Audit(command) => webhooks::audit(command).await,
            Command::CodeKeys(command) => code_keys::code_keys(command).await,
            Command::Backup(args) => moving::backup(args).await,
            Command::Restore(args) => moving::restore(args).await,
            Command::Copy(args) => moving::copy(args).await,
        }
    });
    // A blocked thread, for example in a name lookup, must not delay the exit.
    runtime.shutdown_background();
    ended
}

/// Writes the log to standard error from a dedicated thread, until the guard is dropped.
fn start_log(format: LogFormat, filter: &str) -> anyhow::Result<LogGuard> {
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

/// The store that `--store` names, or the embedded one. A missing store or directory is created.
async fn create_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    check_store_flag(url)?;
    if let Some(parent) = embedded_file(url, folder).as_deref().and_then(Path::parent) {
        make_folder(parent).with_context(|| format!("data directory {}", parent.display()))?;
    }
    open_store(url, folder).await
}

/// As [`create_store`], but a missing store is an error.
async fn existing_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    check_store_flag(url)?;
    if let Some(file) = embedded_file(url, folder) {
        require_file(&file, NAME_STORE)?;
    }
    open_store(url, folder).await
}

/// Only the flag and the variable: the file's value was checked with the file.
fn check_store_flag(url: Option<&str>) -> anyhow::Result<()> {
    url.map_or(Ok(()), |url| require_store_url("--store (VERGER_STORE)", url))
}

async fn open_store(url: Option<&str>, folder: &Path) -> anyhow::Result<Arc<Store>> {
    let store = match (embedded_file(url, folder), url) {
        (Some(file), _) => Store::open(&file).with_context(|| format!("store {}", file.display()))?,
        (None, Some(url)) => Store::open_url(url, deadline()).await?,
        (None, None) => anyhow::bail!("there is no store"),
    };
    Ok(Arc::new(store))
}

/// Appended to errors of commands that have these flags.
const NAME_STORE: &str = ": name it with --data or --store, or create one with `verger migrate`";

/// Refuses a file that is missing or cannot be read, and tells the two apart.
fn require_file(file: &Path, what_to_do: &str) -> anyhow::Result<()> {
    match std::fs::File::open(file).and_then(|opened| opened.metadata()) {
        Ok(found) if found.is_dir() => anyhow::bail!("{} is a directory, not a store", file.display()),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!("there is no store at {}{what_to_do}", file.display())
        }
        Err(error) => Err(error).with_context(|| format!("the store {} cannot be read", file.display())),
    }
}

/// The file of the embedded store; `None` for PostgreSQL.
fn embedded_file(url: Option<&str>, folder: &Path) -> Option<PathBuf> {
    match url {
        None => Some(folder.join("verger.db")),
        Some(url) => url.strip_prefix("sqlite:").map(PathBuf::from),
    }
}

/// Mode 0700: it contains personal data.
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
            "the store is the target of an unfinished copy: run `verger copy` again, or empty it"
        ),
        MigrationState::Current => Ok(()),
        MigrationState::Expanded { version } => {
            tracing::info!(
                version,
                "the store was migrated by a newer version of verger; this one can still serve it"
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
            "migration {version} of the store differs from that of this build: run the version of verger that applied it"
        ),
    }
}

#[cfg(test)]
mod tests;

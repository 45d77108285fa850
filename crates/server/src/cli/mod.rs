//! The command line.

mod admin;
mod audit;
mod check;
mod code_keys;
mod dev;
mod durability;
mod given;
mod instances;
mod limits;
mod logging;
mod migrate;
mod migration;
mod modes;
mod moving;
mod output;
mod production;
mod report;
mod serving;
mod settings;
mod settings_command;
mod signing_keys;
mod stores;
mod webhooks;

use anyhow::Context as _;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use given::Given;
pub use output::is_reader_gone;
use std::ffi::OsString;
use std::fmt::Write as _;

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
    /// Create and list instances, each with its own users and keys, and say under which hosts browsers reach them
    #[command(subcommand)]
    Instances(admin::InstancesCommand),
    /// Create, list and revoke secret keys
    #[command(subcommand)]
    Keys(admin::KeysCommand),
    /// Show and change what an instance is set to; docs/settings.md lists every setting with its values and default
    #[command(subcommand)]
    Settings(settings_command::SettingsCommand),
    /// List, rotate and retire the keys that sign tokens
    #[command(subcommand)]
    SigningKeys(signing_keys::SigningKeysCommand),
    /// Check configuration, store, schema version, free disk space and clock, and report problems
    Check(check::CheckArgs),
    /// Run a server for production
    Serve(settings::ServeArgs),
    /// Add, list, remove and test endpoints that receive events
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// Verify and export the audit trail, and erase a person from it
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
    ("Set up a production server", &["migrate", "instances", "keys", "settings", "check"]),
    ("Run it", &["serve"]),
    ("Connect it", &["webhooks", "audit"]),
    ("Maintain it", &["backup", "restore", "copy", "code-keys", "signing-keys"]),
];

const DOCUMENTATION: &str = "Documentation: README.md and docs/ in the source tree. A running server has its API reference at /reference.";

/// The complete command line, for the program and for the generated documentation.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let mut listed = String::new();
    let line = |listed: &mut String, sub: &clap::Command| {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(listed, "  {:<12} {about}", sub.get_name());
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
            Command::Instances(command) => instances::instances(command).await,
            Command::Settings(command) => settings_command::settings(command).await,
            Command::SigningKeys(command) => signing_keys::signing_keys(command).await,
            Command::Keys(command) => admin::keys(command).await,
            Command::Check(args) => check::run(args).await,
            Command::Serve(args) => production::run(args, &given).await,
            Command::Webhooks(command) => webhooks::webhooks(command).await,
            Command::Audit(command) => webhooks::audit_command(command).await,
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

#[cfg(test)]
mod tests;

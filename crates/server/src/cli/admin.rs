//! `verger keys`, `verger instances` and `verger migrate`.

use super::{deadline, embedded_file, open_store, require_schema};
use crate::app::{Clock, SystemClock, system_rng};
use crate::provision::{keep_key, new_secret};
use crate::serve::for_people;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;
use verger_core::Env;
use verger_store::{Conflict, Environment, Instance, Store, StoreError};
use verger_wire::{InstanceId, KeyId};

#[derive(Args)]
pub(super) struct StoreArgs {
    /// Folder of the embedded store
    #[arg(long, env = "VERGER_DATA", value_name = "FOLDER", default_value = "./verger-data")]
    pub(super) data: PathBuf,
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. The variable keeps the password out of
    /// the list of processes
    #[arg(long, env = "VERGER_STORE", value_name = "URL", hide_env_values = true)]
    store: Option<String>,
}

impl StoreArgs {
    pub(super) fn url(&self) -> Option<&str> {
        self.store.as_deref()
    }

    pub(super) fn data(&self) -> &std::path::Path {
        &self.data
    }
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Make a secret key and print it. It cannot be shown again
    Create {
        /// The instance that it opens
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// For people
        #[arg(long, default_value = "")]
        name: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List keys, without the secrets
    List {
        /// Only those of one instance
        #[arg(long, value_name = "ins_…")]
        instance: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Refuse a key from now on; running servers follow within two seconds
    Revoke {
        /// The id of the key, as `keys list` shows it
        #[arg(value_name = "key_…")]
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Subcommand)]
pub(super) enum InstancesCommand {
    /// Make an instance and print its id
    Create {
        /// For people
        #[arg(long)]
        name: String,
        /// development accepts reserved test numbers, production refuses them
        #[arg(long, value_enum, default_value_t = EnvironmentArg::Production)]
        environment: EnvironmentArg,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List instances
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum EnvironmentArg {
    Development,
    Production,
}

impl From<EnvironmentArg> for Environment {
    fn from(environment: EnvironmentArg) -> Self {
        match environment {
            EnvironmentArg::Development => Self::Development,
            EnvironmentArg::Production => Self::Production,
        }
    }
}

/// An environment for one command.
pub(super) fn command_env() -> anyhow::Result<Env> {
    let rng = system_rng().context("no randomness from the operating system")?;
    Ok(Env::new(SystemClock.now(), rng))
}

/// An instance by its id.
pub(super) async fn instance_of(store: &Store, id: &str) -> anyhow::Result<Instance> {
    let found = store.instances(deadline()).await?.into_iter().find(|other| other.id.as_str() == id);
    found.with_context(|| format!("there is no instance {id}: `verger instances list` shows them"))
}

pub(super) async fn open(args: &StoreArgs) -> anyhow::Result<std::sync::Arc<Store>> {
    if let Some(file) = embedded_file(args.store.as_deref(), &args.data) {
        anyhow::ensure!(
            file.exists(),
            "there is no store at {}: name it with --data or --store, or make one with `verger migrate`",
            file.display()
        );
    }
    let store = open_store(args.store.as_deref(), &args.data).await?;
    require_schema(&store).await?;
    Ok(store)
}

pub(super) async fn keys(command: KeysCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match command {
        KeysCommand::Create { instance, name, store } => {
            let store = open(&store).await?;
            let found = instance_of(&store, &instance).await?;
            let mut env = command_env()?;
            let secret = new_secret(found.environment.key_prefix(), &mut env);
            keep_key(&store, &found.id, &name, &secret, &mut env, deadline()).await?;
            writeln!(out, "{secret}")?;
        }
        KeysCommand::List { instance, store } => {
            let store = open(&store).await?;
            let instance = instance.map(InstanceId::from);
            let keys = store.keys(instance.as_ref(), deadline()).await?;
            writeln!(
                out,
                "{:<31}  {:<31}  {:<8}  {:<20}  {:<20}  NAME",
                "ID", "INSTANCE", "ENDS IN", "CREATED", "REVOKED"
            )?;
            for key in keys {
                let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), for_people);
                writeln!(
                    out,
                    "{:<31}  {:<31}  …{:<7}  {:<20}  {:<20}  {}",
                    key.id.as_str(),
                    key.instance_id.as_str(),
                    key.hint,
                    for_people(key.created_at),
                    revoked,
                    key.name
                )?;
            }
        }
        KeysCommand::Revoke { id, store } => {
            let store = open(&store).await?;
            match store.revoke_key(&KeyId::from(id.as_str()), SystemClock.now(), deadline()).await {
                Ok(()) => writeln!(out, "revoked {id}")?,
                Err(StoreError::Conflict(Conflict::NotFound)) => {
                    anyhow::bail!(
                        "there is no key {id} that is not revoked yet: `verger keys list` shows them"
                    )
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

pub(super) async fn instances(command: InstancesCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match command {
        InstancesCommand::Create { name, environment, store } => {
            let store = open(&store).await?;
            let mut env = command_env()?;
            let id = env.instance_id();
            let instance = Instance { id, name, environment: environment.into(), created_at: env.now };
            store.create_instance(&instance, deadline()).await?;
            writeln!(out, "{}", instance.id)?;
        }
        InstancesCommand::List { store } => {
            let store = open(&store).await?;
            writeln!(out, "{:<31}  {:<11}  {:<20}  NAME", "ID", "ENVIRONMENT", "CREATED")?;
            for instance in store.instances(deadline()).await? {
                let created = for_people(instance.created_at);
                writeln!(
                    out,
                    "{:<31}  {:<11}  {created:<20}  {}",
                    instance.id.as_str(),
                    instance.environment.as_str(),
                    instance.name
                )?;
            }
        }
    }
    Ok(())
}

pub(super) async fn migrate(args: StoreArgs) -> anyhow::Result<()> {
    let store = open_store(args.store.as_deref(), &args.data).await?;
    let applied = store.migrate(SystemClock.now(), deadline()).await?;
    let mut out = std::io::stdout();
    if applied.is_empty() {
        writeln!(out, "{} is at schema version {} already", store.location(), verger_store::SCHEMA_VERSION)?;
    } else {
        writeln!(out, "{} is now at schema version {}", store.location(), verger_store::SCHEMA_VERSION)?;
    }
    Ok(())
}

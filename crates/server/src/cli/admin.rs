//! `verger keys` and `verger instances`.

use super::limits::{command_env, deadline};
use super::output::{Format, out};
use super::stores::{StoreArgs, instance_of, open};
use crate::clock::{Clock, SystemClock};
use crate::provision::{keep_key, new_secret};
use crate::serve::for_people;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::io::Write as _;
use verger_core::FrontendHost;
use verger_core::instance::check_cookie_domain;
use verger_core::origin::OriginPattern;
use verger_store::{Conflict, Environment, SecretKey, StoreError};
use verger_wire::KeyId;

/// Maximum length of a display name in characters.
const NAME_CHARACTERS_MAX: usize = 100;

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Create a secret key and print it. It cannot be shown again
    Create {
        /// Id of the instance that the key belongs to
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// Display name, to tell keys apart
        #[arg(long, value_parser = display_name)]
        name: Option<String>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List keys, without the secrets
    List {
        /// Only the keys of this instance
        #[arg(long, value_name = "ins_…")]
        instance: Option<String>,
        /// Output format: a table, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Revoke a key; running servers refuse it within two seconds
    Revoke {
        /// Id of the key, as `verger keys list` shows it
        #[arg(value_name = "key_…")]
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Subcommand)]
pub(super) enum InstancesCommand {
    /// Create an instance with everything given here, or nothing; print its id, and the publishable key of each host on a line
    Create {
        /// Display name; messages can show it as the name of the application
        #[arg(long, value_parser = display_name)]
        name: String,
        /// Kind of instance: development accepts reserved test numbers, production refuses them
        #[arg(long, value_enum, default_value_t = EnvironmentArg::Production)]
        environment: EnvironmentArg,
        /// Host under which browsers reach it, such as clerk.example.com; may be repeated. Tokens name the first one
        #[arg(long = "frontend-host", value_name = "HOST", value_parser = frontend_host)]
        hosts: Vec<FrontendHost>,
        /// Origin of pages that may use it beside the host's own, such as https://app.example.com; may be repeated
        #[arg(long = "origin", value_name = "ORIGIN", value_parser = origin)]
        origins: Vec<String>,
        /// Domain of the cookies that these pages and the host share. Default: the host without its first label, if all origins lie
        /// within it
        #[arg(long, value_name = "DOMAIN", value_parser = cookie_domain)]
        cookie_domain: Option<String>,
        /// Output format: text, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Add a host under which browsers reach an instance, and print its publishable key
    AddHost {
        /// Id of the instance
        #[arg(value_name = "ins_…")]
        instance: String,
        /// The host, such as clerk.example.com
        #[arg(value_name = "HOST", value_parser = frontend_host)]
        host: FrontendHost,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Remove a host: tokens that name it are not minted any more
    RemoveHost {
        /// Id of the instance
        #[arg(value_name = "ins_…")]
        instance: String,
        /// The host
        #[arg(value_name = "HOST", value_parser = frontend_host)]
        host: FrontendHost,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List instances
    List {
        /// Output format: a table, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
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

/// Parses a display name: one line, trimmed, not empty.
fn display_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    if name.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        return Err(format!("must be one line of at most {NAME_CHARACTERS_MAX} characters"));
    }
    Ok(name.to_owned())
}

fn frontend_host(text: &str) -> Result<FrontendHost, String> {
    FrontendHost::parse(text).map_err(str::to_owned)
}

fn origin(text: &str) -> Result<String, String> {
    OriginPattern::parse(text).map(|_| text.to_owned()).map_err(str::to_owned)
}

/// The empty text stands for none.
fn cookie_domain(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        check_cookie_domain(text)?;
    }
    Ok(text.to_owned())
}

pub(super) async fn keys(command: KeysCommand) -> anyhow::Result<()> {
    let mut out = out();
    match command {
        KeysCommand::Create { instance, name, store } => {
            let store = open(&store).await?;
            let found = instance_of(&store, &instance).await?;
            let mut env = command_env()?;
            let secret = new_secret(found.environment.key_prefix(), &mut env);
            keep_key(&store, &found.id, &name.unwrap_or_default(), &secret, &mut env, deadline()).await?;
            writeln!(out, "{secret}")?;
        }
        KeysCommand::List { instance, format, store } => {
            let store = open(&store).await?;
            let instance = match instance {
                Some(id) => Some(instance_of(&store, &id).await?.id),
                None => None,
            };
            let keys = store.keys(instance.as_ref(), deadline()).await?;
            if format == Format::Json {
                writeln!(out, "{}", keys.iter().map(key_json).collect::<Value>())?;
                return Ok(());
            }
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
                    anyhow::bail!("there is no active key {id}: `verger keys list` shows all keys")
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// A key as JSON, without its secret.
fn key_json(key: &SecretKey) -> Value {
    json!({
        "id": key.id,
        "object": "secret_key",
        "instance_id": key.instance_id,
        "name": key.name,
        "ends_in": key.hint,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    })
}

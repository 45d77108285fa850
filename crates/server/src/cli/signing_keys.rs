//! `verger signing-keys`.

use super::limits::{command_env, deadline};
use super::output::{Format, out};
use super::settings_command::told;
use super::stores::{InstanceArg, StoreArgs, open};
use super::webhooks::SecretsArgs;
use crate::changes::{Author, Stamp};
use crate::clock::for_people;
use crate::codes::Keyring;
use crate::engine::{Engine, KeyAction, KeyChange};
use crate::instances::keys::sealed;
use crate::own::settings::{long_lived_templates, shown_keys};
use crate::turns::Queues;
use anyhow::Context as _;
use clap::Subcommand;
use std::io::Write as _;
use verger_core::SigningKey;
use verger_core::profile::parse_date;
use verger_store::{KeySet, Store};
use verger_wire::instance::SigningKey as ShownKey;
use verger_wire::{InstanceId, UnixMillis};

/// The state of the key that signs.
const SIGNING: &str = "signing";

#[derive(Subcommand)]
pub(super) enum SigningKeysCommand {
    /// List the keys that sign tokens: which one signs, and when another does. A program that verifies with CLERK_JWT_KEY needs a
    /// new key when it begins to sign
    List {
        #[command(flatten)]
        instance: InstanceArg,
        /// Print only a public key, in PEM, as CLERK_JWT_KEY takes it: of the key that signs, or of the one with this id
        #[arg(long, value_name = "KEY_ID", num_args = 0..=1)]
        pem: Option<Option<String>>,
        /// Output format: a table, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Publish a new key, which signs from an hour later on, and print when to put it into CLERK_JWT_KEY
    Rotate {
        /// From when on it signs, such as 2026-12-01T00:00:00Z or in Unix milliseconds: at least 10 minutes and at most 90 days
        /// from now
        #[arg(long, value_name = "TIME", value_parser = moment)]
        at: Option<UnixMillis>,
        #[command(flatten)]
        instance: InstanceArg,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Take a key out of the published set
    Retire {
        /// Id of the key, as `verger signing-keys list` shows it
        #[arg(value_name = "KEY_ID")]
        id: String,
        /// Also a key that signs, or whose tokens may be valid: whoever holds such a token is signed out
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        instance: InstanceArg,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) async fn signing_keys(command: SigningKeysCommand) -> anyhow::Result<()> {
    match command {
        SigningKeysCommand::List { instance, pem, format, store } => {
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            let set = store.instance(&id).signing_keys(deadline()).await?;
            let keys = shown_keys(&set, command_env()?.now);
            match pem {
                Some(key) => print_pem(&keys, key.as_deref()),
                None => print(&keys, format),
            }
        }
        SigningKeysCommand::Rotate { at, instance, secrets, store } => {
            let (keyring, _) = secrets.load(&store)?;
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            let long_lived = long_lived_templates(store.instance(&id), deadline()).await?;
            if !long_lived.is_empty() {
                writeln!(
                    out(),
                    "tokens of these JWT templates live for more than 24 hours, and are refused once the key of today is not \
                     published any more: {}",
                    long_lived.join(", ")
                )?;
            }
            let action = KeyAction::Rotate { signs_at: at };
            let new = change(&store, &id, action, &keyring, "signing-keys rotate").await?;
            let mut out = out();
            writeln!(out, "{} is published, and signs from {} on", new.id, for_people(new.signs_at))?;
            writeln!(out, "put this into CLERK_JWT_KEY of programs that have one, at that time:")?;
            write!(out, "{}", new.public_key_pem)?;
            Ok(())
        }
        SigningKeysCommand::Retire { id: key, now, instance, secrets, store } => {
            let (keyring, _) = secrets.load(&store)?;
            let store = open(&store).await?;
            let id = instance.of(&store).await?.id;
            let action = KeyAction::Retire { id: key.as_str().into(), at_once: now };
            change(&store, &id, action, &keyring, "signing-keys retire").await?;
            let mut out = out();
            writeln!(out, "retired {key}: it is not published any more")?;
            let set = store.instance(&id).signing_keys(deadline()).await?;
            if let Some(signing) =
                shown_keys(&set, command_env()?.now).iter().find(|key| key.state == SIGNING)
            {
                writeln!(
                    out,
                    "{} signs: put this into CLERK_JWT_KEY of programs that have one:",
                    signing.id
                )?;
                write!(out, "{}", signing.public_key_pem)?;
            }
            if now {
                writeln!(
                    out,
                    "programs keep it in their caches: those with Clerk's JavaScript SDK for up to 5 minutes, with the Go and \
                     Ruby SDKs for up to an hour, and with CLERK_JWT_KEY until it is replaced there"
                )?;
            }
            Ok(())
        }
    }
}

/// Changes the keys, and gives the one that it is about.
async fn change(
    store: &Store,
    instance: &InstanceId,
    action: KeyAction,
    keyring: &Keyring,
    command: &str,
) -> anyhow::Result<ShownKey> {
    let mut env = command_env()?;
    let now = env.now;
    let queues = Queues::default();
    let engine = Engine::of_command(store, instance, &queues, deadline());
    if store.instance(instance).signing_keys(deadline()).await?.keys.is_empty() {
        // A server that was never asked for a key has made none.
        let first =
            sealed(keyring, SigningKey::first(instance, now)).await.map_err(|failure| told(&failure))?;
        engine.keep_first_key(first).await.map_err(|failure| told(&failure))?;
    }
    let (new_id, stamp) = (env.signing_key_id(), Stamp::of(Author::command(command), &mut env));
    let change = KeyChange { action, new_id, keyring, stamp };
    let about = std::sync::Mutex::new(None);
    let render = |set: &KeySet, id: &verger_wire::SigningKeyId| {
        let shown = shown_keys(set, now).into_iter().find(|key| key.id == id.as_str());
        *about.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = shown;
        Ok(true)
    };
    engine.change_signing_keys(change, render).await.map_err(|failure| told(&failure))?;
    about.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).context("the changed key is gone")
}

/// A moment as commands print it, or in Unix milliseconds.
fn moment(text: &str) -> Result<UnixMillis, String> {
    if let Ok(ms) = text.parse() {
        return Ok(UnixMillis(ms));
    }
    let bad = "must be a time such as 2026-12-01T00:00:00Z, or Unix milliseconds";
    text.contains('T').then(|| parse_date(text).ok()).flatten().ok_or_else(|| bad.to_owned())
}

/// One public key and nothing else.
fn print_pem(keys: &[ShownKey], id: Option<&str>) -> anyhow::Result<()> {
    let found = match id {
        Some(id) => keys
            .iter()
            .find(|key| key.id == id)
            .with_context(|| format!("there is no signing key {id}: `verger signing-keys list` shows all"))?,
        None => keys.iter().find(|key| key.state == SIGNING).context(
            "there is no signing key yet: a server makes the first one when it is asked for, as by GET /v1/jwks",
        )?,
    };
    write!(out(), "{}", found.public_key_pem)?;
    Ok(())
}

fn print(keys: &[ShownKey], format: Format) -> anyhow::Result<()> {
    let mut out = out();
    if format == Format::Json {
        writeln!(out, "{}", serde_json::to_string(keys)?)?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<31}  {:<8}  {:<20}  {:<20}  PUBLISHED UNTIL",
        "ID", "STATE", "PUBLISHED", "SIGNS FROM"
    )?;
    for key in keys {
        let until = key.retired_at.or(key.published_until).map_or_else(|| "-".to_owned(), for_people);
        let (created, signs) = (for_people(key.created_at), for_people(key.signs_at));
        writeln!(out, "{:<31}  {:<8}  {created:<20}  {signs:<20}  {until}", key.id, key.state)?;
    }
    if let Some(pending) = keys.iter().find(|key| key.state == "pending") {
        let at = for_people(pending.signs_at);
        writeln!(
            out,
            "\nput what `verger signing-keys list --pem {}` prints into CLERK_JWT_KEY at {at}",
            pending.id
        )?;
    }
    Ok(())
}

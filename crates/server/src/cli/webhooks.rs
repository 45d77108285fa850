//! `verger webhooks` and `verger audit`.

use super::audit;
use super::limits::{command_env, deadline};
use super::output::{Format, out};
use super::stores::{StoreArgs, instance_of, open};
use crate::changes::{Author, Stamp};
use crate::clock::{Clock, SystemClock};
use crate::codes::Keyring;
use crate::config::ServeConfig;
use crate::engine::{AddEndpoint, Engine};
use crate::error::Failure;
use crate::own::events::shown_entries;
use crate::own::webhook_endpoints::shown;
use crate::reasons::NOT_FOUND;
use crate::serve::for_people;
use crate::turns::Queues;
use crate::webhooks::{self, Webhooks, attempt};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use verger_core::WebhookEndpoint;
use verger_core::reasons::WEBHOOK_ENDPOINTS_QUOTA;
use verger_core::webhook_endpoint::{FORMER_SECONDS_MAX, check_events};
use verger_store::Store;
use verger_wire::reason::Api;
use verger_wire::{UnixMillis, WebhookEndpointId};

#[derive(Args)]
pub(super) struct SecretsArgs {
    /// The code_keys of the server: they seal the secrets of endpoints and the keys that sign tokens, and prove the audit trail
    #[arg(long, env = "VERGER_CODE_KEYS", value_name = "KEYS", hide_env_values = true)]
    code_keys: Option<String>,
    /// Config file of the server: its code_keys and its section [webhooks] are read
    #[arg(long, env = "VERGER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum WebhooksCommand {
    /// Add an endpoint and print its id and its signing secret. The secret cannot be shown again
    Add {
        /// URL that events are posted to
        #[arg(required_unless_present = "url_flag")]
        url: Option<String>,
        /// The URL, for those who pass it with a flag
        #[arg(long = "url", value_name = "URL", hide = true, conflicts_with = "url")]
        url_flag: Option<String>,
        /// Types of events to receive, such as phone_number.verified or user.*; may be repeated. Without it, all types
        #[arg(long = "event", value_name = "TYPE")]
        events: Vec<String>,
        /// Id of the instance whose events it receives
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List endpoints, without the secrets
    List {
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// Output format: a table, or one line of JSON for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Remove an endpoint and its queued deliveries
    Remove {
        /// Id of the endpoint, as `verger webhooks list` shows it
        #[arg(value_name = "whe_…")]
        id: String,
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give an endpoint a new signing secret and print it; the previous one stays valid for a while
    Rotate {
        /// Id of the endpoint, as `verger webhooks list` shows it
        #[arg(value_name = "whe_…")]
        id: String,
        /// How long the previous secret also signs: 0m, 30m, 2h or 3d, at most 30 days
        #[arg(long, value_name = "TIME", default_value = "1d", value_parser = parse_ms)]
        former_lives: i64,
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Send a test event to an endpoint, and print the outcome
    Test {
        /// Id of the endpoint, as `verger webhooks list` shows it
        #[arg(value_name = "whe_…")]
        id: String,
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Queue again the events that an endpoint missed; running servers send them
    Replay {
        /// Id of the endpoint, as `verger webhooks list` shows it
        #[arg(value_name = "whe_…")]
        id: String,
        /// Start: a time in Unix milliseconds, or how long ago, such as 30m, 2h or 3d
        #[arg(long, value_name = "WHEN", value_parser = parse_since)]
        since: Since,
        /// Also events that were delivered, not only those that failed
        #[arg(long)]
        all: bool,
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Verify every row of the audit trail, and name the first that was changed, removed, added or moved. Print under which
    /// key which rows were written
    Verify {
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Seal the end of the trail anew, after a server or a command with other code keys appended to it. Refused if any row was
    /// changed, removed, added or moved
    Seal {
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// Seal it. Without it the command says which rows have no seal
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Erase what the trail and the events say of a deleted user, for good. The trail can still be verified
    Erase {
        /// Id of the user, who must have been deleted
        #[arg(value_name = "user_…")]
        user_id: String,
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// Erase it. Without it the command says what it would erase
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        secrets: SecretsArgs,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print the audit trail, oldest row first, one JSON object per line
    Export {
        /// Instance id
        #[arg(long, value_name = "ins_…")]
        instance: String,
        /// Only rows after this sequence number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: i64,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// The start of a replay: a time, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    At(UnixMillis),
    AgoMs(i64),
}

/// `30m`, `2h` or `3d` in milliseconds.
fn duration_ms(text: &str) -> Option<i64> {
    let (number, ms) = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        .into_iter()
        .find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)))?;
    // Digits only: the integer parser would accept a sign too.
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some(i64::from(number.parse::<u32>().ok().filter(|_| is_number)?) * ms)
}

fn parse_since(text: &str) -> Result<Since, String> {
    let bad = || "must be Unix milliseconds, or a time such as 30m, 2h or 3d".to_owned();
    if let Some(ms) = duration_ms(text) {
        return Ok(Since::AgoMs(ms));
    }
    text.parse().ok().filter(|at| *at >= 0).map(|at| Since::At(UnixMillis(at))).ok_or_else(bad)
}

fn parse_ms(text: &str) -> Result<i64, String> {
    let most = FORMER_SECONDS_MAX * 1000;
    let bad = || "must be a time such as 30m, 2h or 3d, and at most 30d".to_owned();
    duration_ms(text).filter(|ms| *ms <= most).ok_or_else(bad)
}

impl SecretsArgs {
    /// The keys and settings of the server. `verger dev` keeps its keys in the data directory.
    pub(super) fn load(&self, store: &StoreArgs) -> anyhow::Result<(Keyring, Webhooks)> {
        let config = ServeConfig::default().over_file(self.config.as_deref())?;
        let of_dev = std::fs::read_to_string(store.data.join("code-keys")).ok();
        let is_dev = of_dev.is_some();
        let keys = self.code_keys.clone().or_else(|| config.code_keys().map(str::to_owned)).or(of_dev);
        let keyring = Keyring::parse(keys.as_deref().unwrap_or_default())?;
        Ok((keyring, Webhooks::new(config.webhooks, is_dev)?))
    }
}

pub(super) async fn webhooks(command: WebhooksCommand) -> anyhow::Result<()> {
    match command {
        WebhooksCommand::Add { url, url_flag, events, instance, secrets, store } => {
            // One of the two is present: the command line requires it.
            add(url.or(url_flag).unwrap_or_default(), events, &instance, &secrets, &store).await
        }
        WebhooksCommand::List { instance, format, store } => list(&instance, format, &store).await,
        WebhooksCommand::Remove { id, instance, store } => remove(&id, &instance, &store).await,
        WebhooksCommand::Rotate { id, former_lives, instance, secrets, store } => {
            rotate(&id, former_lives, &instance, &secrets, &store).await
        }
        WebhooksCommand::Test { id, instance, secrets, store } => {
            test(&id, &instance, &secrets, &store).await
        }
        WebhooksCommand::Replay { id, since, all, instance, store } => {
            replay(&id, since, all, &instance, &store).await
        }
    }
}

async fn add(
    url: String,
    events: Vec<String>,
    instance: &str,
    secrets: &SecretsArgs,
    args: &StoreArgs,
) -> anyhow::Result<()> {
    let (keyring, settings) = secrets.load(args)?;
    settings.check_url(&url).map_err(|error| anyhow::anyhow!("the url {error}"))?;
    check_events(&events).map_err(|error| anyhow::anyhow!("--event {error}"))?;
    let store = open(args).await?;
    let instance = instance_of(&store, instance).await?;
    let mut env = command_env()?;
    let id = env.webhook_endpoint_id();
    let plain = webhooks::new_secret()?;
    let secret = webhooks::seal_secret(&keyring, &id, &plain).context("the secret could not be sealed")?;
    let queues = Queues::default();
    let engine = Engine::of_command(&store, &instance.id, &queues, deadline());
    let stamp = Stamp::of(Author::command("webhooks add"), &mut env);
    let new = AddEndpoint { id: id.clone(), url, events, secret, stamp };
    engine.add_endpoint(new, |_| Ok(true)).await.map_err(|failure| told(failure, &id))?;
    writeln!(out(), "{id}\n{plain}")?;
    Ok(())
}

async fn list(instance: &str, format: Format, store: &StoreArgs) -> anyhow::Result<()> {
    let mut out = out();
    let store = open(store).await?;
    let instance = instance_of(&store, instance).await?;
    if format == Format::Json {
        let endpoints = store.instance(&instance.id).webhook_endpoints(deadline()).await?;
        writeln!(out, "{}", serde_json::to_string(&endpoints.iter().map(shown).collect::<Vec<_>>())?)?;
        return Ok(());
    }
    let endpoints = store.instance(&instance.id).webhook_endpoints(deadline()).await?;
    let width = endpoints.iter().map(|endpoint| endpoint.url.chars().count()).max().unwrap_or(3);
    writeln!(out, "{:<31}  {:<20}  {:<20}  {:<width$}  EVENTS", "ID", "CREATED", "DISABLED", "URL")?;
    for endpoint in endpoints {
        let events = if endpoint.events.is_empty() { "all".to_owned() } else { endpoint.events.join(",") };
        writeln!(
            out,
            "{:<31}  {:<20}  {:<20}  {:<width$}  {events}",
            endpoint.id.as_str(),
            for_people(endpoint.created_at),
            endpoint.disabled_at.map_or_else(|| "-".to_owned(), for_people),
            endpoint.url
        )?;
    }
    Ok(())
}

async fn remove(id: &str, instance: &str, store: &StoreArgs) -> anyhow::Result<()> {
    let store = open(store).await?;
    let instance = instance_of(&store, instance).await?;
    let (id, queues) = (WebhookEndpointId::from(id), Queues::default());
    let stamp = Stamp::of(Author::command("webhooks remove"), &mut command_env()?);
    let now = stamp.at;
    let engine = Engine::of_command(&store, &instance.id, &queues, deadline());
    engine.remove_endpoint(id.clone(), stamp).await.map_err(|failure| told(failure, &id))?;
    writeln!(out(), "removed {id}")?;
    // Running servers would do this too.
    while store.sweep_removed_endpoints(now, deadline()).await? {}
    Ok(())
}

async fn rotate(
    id: &str,
    former_lives_ms: i64,
    instance: &str,
    secrets: &SecretsArgs,
    args: &StoreArgs,
) -> anyhow::Result<()> {
    let (keyring, _) = secrets.load(args)?;
    let store = open(args).await?;
    let instance = instance_of(&store, instance).await?;
    let (id, queues) = (WebhookEndpointId::from(id), Queues::default());
    let plain = webhooks::new_secret()?;
    let sealed = webhooks::seal_secret(&keyring, &id, &plain).context("the secret could not be sealed")?;
    let stamp = Stamp::of(Author::command("webhooks rotate"), &mut command_env()?);
    let engine = Engine::of_command(&store, &instance.id, &queues, deadline());
    let rotated = engine.rotate_secret(id.clone(), &sealed, former_lives_ms, stamp).await;
    rotated.map_err(|failure| told(failure, &id))?;
    writeln!(out(), "{plain}")?;
    Ok(())
}

async fn test(id: &str, instance: &str, secrets: &SecretsArgs, args: &StoreArgs) -> anyhow::Result<()> {
    let mut out = out();
    let (keyring, settings) = secrets.load(args)?;
    let store = open(args).await?;
    let instance = instance_of(&store, instance).await?;
    let endpoint = endpoint_of(&store, &instance, id).await?;
    let mut env = command_env()?;
    let signing = webhooks::secrets_of(&keyring, &endpoint, env.now)
        .context("the secret was sealed with other keys: pass those of the server with --code-keys")?;
    let event_id = env.event_id();
    let body = attempt::test_event(event_id.as_str(), instance.id.as_str(), env.now);
    let timeout = settings.attempt_timeout();
    let tried = settings.attempt(&endpoint.url, &signing, event_id.as_str(), body, env.now, timeout).await;
    let status = tried.status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
    writeln!(out, "{status} after {} ms", tried.latency_ms)?;
    if let Some(reason) = tried.reason {
        anyhow::bail!("the endpoint did not accept it: {reason}");
    }
    Ok(())
}

async fn replay(id: &str, since: Since, all: bool, instance: &str, store: &StoreArgs) -> anyhow::Result<()> {
    let mut out = out();
    let store = open(store).await?;
    let instance = instance_of(&store, instance).await?;
    let endpoint = endpoint_of(&store, &instance, id).await?;
    let now = SystemClock.now();
    let since = match since {
        Since::At(at) => at,
        Since::AgoMs(ms) => now.plus_ms(-ms),
    };
    let scoped = store.instance(&instance.id);
    let mut replay = scoped.begin_replay(&endpoint.id, since, all, None, deadline()).await?;
    // Each step has the time limit of a command.
    while scoped.continue_replay(&mut replay, now, deadline()).await? {}
    writeln!(
        out,
        "queued {} {} that {id} missed since {}",
        replay.queued,
        if replay.queued == 1 { "delivery" } else { "deliveries" },
        for_people(since)
    )?;
    if replay.left_out > 0 {
        writeln!(out, "left out {} whose codes have expired or were erased", replay.left_out)?;
    }
    Ok(())
}

/// The error of a failed write, in the words of the command line.
fn told(failure: Failure, id: &WebhookEndpointId) -> anyhow::Error {
    match failure {
        Failure::Store(error) => error.into(),
        failure if failure.reason() == Some(&WEBHOOK_ENDPOINTS_QUOTA) => anyhow::anyhow!(
            "the instance has reached its limit of endpoints: remove one with `verger webhooks remove`"
        ),
        failure if failure.reason() == Some(&NOT_FOUND) => no_endpoint(id.as_str()),
        failure => {
            let error = failure.answer(Api::Backend).errors.into_iter().next();
            anyhow::anyhow!(error.map_or_else(String::new, |error| error.long_message))
        }
    }
}

fn no_endpoint(id: &str) -> anyhow::Error {
    anyhow::anyhow!("there is no endpoint {id}: `verger webhooks list` shows them")
}

async fn endpoint_of(
    store: &Store,
    instance: &verger_store::Instance,
    id: &str,
) -> anyhow::Result<WebhookEndpoint> {
    let found =
        store.instance(&instance.id).webhook_endpoint(&WebhookEndpointId::from(id), deadline()).await?;
    found.ok_or_else(|| no_endpoint(id))
}

pub(super) async fn audit_command(command: AuditCommand) -> anyhow::Result<()> {
    let mut out = out();
    match command {
        AuditCommand::Verify { instance, secrets, store } => {
            let (keyring, _) = secrets.load(&store)?;
            audit::verify(&keyring, &instance, &store).await?;
        }
        AuditCommand::Seal { instance, yes, secrets, store } => {
            let (keyring, _) = secrets.load(&store)?;
            audit::seal(&keyring, &instance, yes, &store).await?;
        }
        AuditCommand::Erase { user_id, instance, yes, secrets, store } => {
            let (keyring, _) = secrets.load(&store)?;
            audit::erase(&keyring, &user_id.as_str().into(), &instance, yes, &store).await?;
        }
        AuditCommand::Export { instance, mut after, store } => {
            let store = open(&store).await?;
            let instance = instance_of(&store, &instance).await?;
            let scoped = store.instance(&instance.id);
            loop {
                let entries = scoped.trail_after(after, deadline()).await?;
                let shown = shown_entries(&instance.id, &entries);
                let Some(last) = shown.last() else { break };
                after = last.sequence_number;
                for entry in &shown {
                    writeln!(out, "{}", serde_json::to_string(entry)?)?;
                }
            }
            out.flush()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_moment_or_a_time_ago() {
        assert_eq!(parse_since("1800000000000"), Ok(Since::At(UnixMillis(1_800_000_000_000))));
        assert_eq!(parse_since("30m"), Ok(Since::AgoMs(1_800_000)));
        assert_eq!(parse_since("2h"), Ok(Since::AgoMs(7_200_000)));
        assert_eq!(parse_since("3d"), Ok(Since::AgoMs(259_200_000)));
        for bad in ["", "m", "-1", "-1h", "+1h", "2w", "yesterday", "1.5h", "99999999999d"] {
            assert!(parse_since(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn former_secret_lives_for_a_time_of_at_most_a_month() {
        assert_eq!(parse_ms("0m"), Ok(0));
        assert_eq!(parse_ms("30d"), Ok(30 * 86_400_000));
        for bad in ["", "5", "31d", "721h", "-1m"] {
            assert!(parse_ms(bad).is_err(), "{bad}");
        }
    }
}

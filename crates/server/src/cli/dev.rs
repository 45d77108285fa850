//! `verger dev`: everything at once, for development and tests.

use super::given::Given;
use super::limits::{command_env, deadline};
use super::logging::start_log;
use super::migration::bring_up;
use super::modes;
use super::output::{Format, out};
use super::serving::{bind, serve_to_the_end};
use super::settings::{NoPort, no_port};
use super::stores::{create_store, instance_of, make_folder};
use crate::app::{App, VergerDev};
use crate::clock::SystemClock;
use crate::codes::Keyring;
use crate::config::{LogFormat, ServeConfig, listen_address};
use crate::demo;
use crate::provision::{development_instance, keep_key, new_secret};
use crate::randomness::Randomness;
use crate::serve;
use crate::trail_keys::hand_over;
use crate::{Limits, Messaging, metrics};
use anyhow::Context as _;
use clap::Args;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use verger_core::FrontendHost;
use verger_store::{Environment, MigrationLimits, MigrationState, Store};
use verger_wire::InstanceId;

#[derive(Args)]
pub(super) struct DevArgs {
    /// Directory of the embedded store and of the secret key
    #[arg(
        long,
        env = "VERGER_DATA",
        value_name = "DIRECTORY",
        default_value = "./verger-data",
        conflicts_with = "ephemeral"
    )]
    data: PathBuf,
    /// Keep nothing: the store is deleted when the server stops
    #[arg(long)]
    ephemeral: bool,
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. Set it in the environment to keep the
    /// password out of the process list
    #[arg(
        long,
        env = "VERGER_STORE",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "ephemeral"
    )]
    store: Option<String>,
    /// Address and port of the API; a port alone listens on 127.0.0.1, and port 0 picks a free one
    #[arg(long, env = "VERGER_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4100", value_parser = listen_address)]
    listen: SocketAddr,
    /// Address and port of the Prometheus metrics; without it they are off
    #[arg(long, env = "VERGER_METRICS_LISTEN", value_name = "ADDRESS:PORT", value_parser = listen_address)]
    metrics_listen: Option<SocketAddr>,
    /// What to print when the server is ready: readable text, or one line of JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Secret key to use instead of a generated one: sk_test_ and at least 8 more characters
    #[arg(long, env = "VERGER_SECRET_KEY", value_name = "sk_test_…", hide_env_values = true)]
    secret_key: Option<String>,
    /// Log level: error, warn, info, debug or trace; also per target
    #[arg(long, env = "VERGER_LOG", value_name = "FILTER", default_value = "warn,verger::request=info")]
    log: String,
    /// Format of the log on standard error
    #[arg(long, env = "VERGER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,
    /// Refused, with a hint at `--listen`
    #[arg(long, hide = true, value_name = "PORT", num_args = 0..=1, default_missing_value = "", value_parser = no_port)]
    port: Option<NoPort>,
}

/// What is printed when the server is ready.
struct Ready {
    url: String,
    secret_key: String,
    publishable_key: String,
    instance_id: String,
    user_id: Option<String>,
    phone_number_ids: Vec<String>,
    /// Nothing outlives the process.
    is_ephemeral: bool,
}

pub(super) async fn run(args: DevArgs, given: &Given) -> anyhow::Result<()> {
    if let Some(key) = &args.secret_key {
        check_secret(key, &given.name("secret_key"))?;
    }
    let _log = start_log(args.log_format, &args.log)?;
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    // Before anything is created: a start that fails leaves nothing behind.
    let listener = bind(args.listen, &given.name("listen")).await?;
    let metrics_listener = match args.metrics_listen {
        Some(address) => Some(bind(address, &given.name("metrics_listen")).await?),
        None => None,
    };
    let store = if args.ephemeral {
        Arc::new(Store::ephemeral()?)
    } else {
        modes::tighten_store(args.store.as_deref(), &args.data);
        let store = create_store(args.store.as_deref(), &args.data).await?;
        refuse_production(&store, deadline()).await?;
        // The secret key is stored there, wherever the store is.
        make_folder(&args.data).with_context(|| format!("data directory {}", args.data.display()))?;
        store
    };
    bring_up(&store, MigrationLimits { until: None, is_alone: true }).await?;
    let mut messaging = Messaging::development().context("no randomness from the operating system")?;
    if !args.ephemeral {
        messaging.keyring = code_keys(&args.data.join("code-keys"))?;
    }
    let instance_id = development_instance(&store, &mut command_env()?, deadline()).await?;
    hand_over(&store, &messaging.keyring, deadline()).await?;
    let instance = instance_of(&store, instance_id.as_str()).await?;
    let key_file = (!args.ephemeral).then(|| args.data.join("secret-key"));
    let is_preset = args.secret_key.is_some();
    let preset_name = given.name("secret_key");
    let secret_key =
        secret_key(&store, &instance_id, args.secret_key, &preset_name, key_file.as_deref()).await?;
    let user = demo::find_or_create(&store, &instance, deadline()).await?;
    let address = listener.local_addr()?;
    let host = FrontendHost::parse(&frontend_host(address)).map_err(anyhow::Error::msg)?;
    let ready = Ready {
        publishable_key: host.publishable_key(instance.environment),
        url: format!("http://{}", reachable(address)),
        secret_key,
        instance_id: instance_id.to_string(),
        user_id: user.as_ref().map(|user| user.id.to_string()),
        phone_number_ids: user.as_ref().map(demo::phone_number_ids).unwrap_or_default(),
        is_ephemeral: args.ephemeral,
    };
    verger_core::phone_number::warm_up();
    // Developers stop the server often, and there is no load balancer that must notice.
    let settings = ServeConfig { shutdown_delay_ms: Some(0), ..ServeConfig::default() };
    let listen_limits = settings.fitting_limits(&mut messaging.webhooks)?;
    let randomness = Randomness::system().context("no randomness from the operating system")?;
    let clock = Arc::new(SystemClock);
    let app = Arc::new(App::new(Arc::clone(&store), clock, randomness, Limits::default(), messaging));
    app.set_frontend(&instance, address);
    app.set_verger_dev(VergerDev {
        instance,
        key_for_shell: match &key_file {
            Some(file) if !is_preset => in_shell(file),
            _ => None,
        },
        key_hint: match key_file {
            _ if is_preset => format!("is what {preset_name} was set to when `verger dev` started"),
            Some(file) => format!("is in {}", file.display()),
            None => "was printed when `verger dev` started".to_owned(),
        },
        key_end: ready.secret_key.chars().skip(ready.secret_key.chars().count().saturating_sub(4)).collect(),
    });
    let stop = serve::stop_signal()?;
    if !address.ip().to_canonical().is_loopback() {
        warn_of_open_inbox(address);
    }
    announce(&ready, args.format)?;
    serve_to_the_end(app, listener, listen_limits, metrics_listener, metrics_handle, stop).await
}

/// A shell expression for the content of a file; only for a path without special characters of a shell, HTML or JSON.
fn in_shell(file: &Path) -> Option<String> {
    let path = file.to_str()?;
    let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    (is_plain && !path.starts_with('-')).then(|| format!("$(cat {path})"))
}

/// The address that programs and browsers on this machine can connect to: the unspecified address is not one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The host of publishable keys, which needs a dot: an address of version 4.
fn frontend_host(address: SocketAddr) -> String {
    match reachable(address).ip().to_canonical() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(_) => format!("{}:{}", Ipv4Addr::LOCALHOST, address.port()),
    }
}

/// Printed directly, so that no log filter hides it.
fn warn_of_open_inbox(address: SocketAddr) {
    let _ = writeln!(
        std::io::stderr(),
        "verger: warning: listening on {address}: anyone on the network can read the inbox and its codes without a key. \
         Use `--listen 127.0.0.1:{}` to accept connections from this machine only",
        address.port()
    );
}

/// `verger dev` shows codes, moves clocks and empties instances: never in a store with real users.
async fn refuse_production(store: &Store, deadline: Instant) -> anyhow::Result<()> {
    match store.migration_state(deadline).await.context("the schema of the store cannot be read")? {
        // A new store has no tables yet. A store of another build is refused when it is migrated.
        MigrationState::Behind { version: 0 }
        | MigrationState::Ahead { .. }
        | MigrationState::Altered { .. } => return Ok(()),
        MigrationState::Current | MigrationState::Behind { .. } | MigrationState::Expanded { .. } => {}
    }
    let instances =
        store.instances(deadline).await.context("cannot tell whether the store has a production instance")?;
    let production = instances.iter().find(|instance| instance.environment == Environment::Production);
    if let Some(instance) = production {
        anyhow::bail!(
            "this store has a production instance, {}: use `verger serve` for it, or give `verger dev` another --store or --data",
            instance.id
        );
    }
    Ok(())
}

/// `name` is the flag or variable that the key came from.
fn check_secret(key: &str, name: &str) -> anyhow::Result<()> {
    let rest = key.strip_prefix(Environment::Development.key_prefix()).unwrap_or("");
    anyhow::ensure!(
        (8..=200).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic()),
        "{name} must be sk_test_ and 8 to 200 more printable characters"
    );
    Ok(())
}

/// The preset key, or that of the last run, or a new one. The store has only hashes, so the key of the last run is kept
/// in a file next to it.
async fn secret_key(
    store: &Store,
    instance: &InstanceId,
    preset: Option<String>,
    preset_name: &str,
    file: Option<&Path>,
) -> anyhow::Result<String> {
    let mut env = command_env()?;
    if let Some(file) = file {
        modes::tighten_secret(file);
    }
    let kept = file.and_then(|file| std::fs::read_to_string(file).ok()).map(|text| text.trim().to_owned());
    let is_preset = preset.is_some();
    if let Some(key) = preset.or(kept) {
        keep_key(store, instance, "dev", &key, &mut env, deadline()).await?;
        let found = store.find_key(&verger_store::KeyDigest::of(&key), deadline()).await?;
        if found.is_some_and(|(_, found)| found.id == *instance) {
            return Ok(key);
        }
        anyhow::ensure!(
            !is_preset,
            "{preset_name} was revoked, or belongs to another instance of this store"
        );
    }
    let key = new_secret(Environment::Development.key_prefix(), &mut env);
    keep_key(store, instance, "dev", &key, &mut env, deadline()).await?;
    if let Some(file) = file {
        write_secret(file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(key)
}

/// The keys of the last run, so that its codes stay valid, or a new one.
fn code_keys(file: &Path) -> anyhow::Result<Keyring> {
    modes::tighten_secret(file);
    let kept = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = Keyring::generate()?;
            write_secret(file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
            key
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    };
    Keyring::parse(&kept).with_context(|| format!("{} does not contain valid keys", file.display()))
}

fn write_secret(file: &Path, secret: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    modes::keep_file_to_owner(&file)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

/// A closed pipe is no reason to stop serving.
fn announce(ready: &Ready, format: Format) -> anyhow::Result<()> {
    let text = match format {
        Format::Json => {
            let line = serde_json::json!({
                "url": ready.url,
                "secret_key": ready.secret_key,
                "publishable_key": ready.publishable_key,
                "instance_id": ready.instance_id,
                "user_id": ready.user_id,
                "phone_number_ids": ready.phone_number_ids,
            });
            format!("{line}\n")
        }
        Format::Text => greeting(ready)?,
    };
    let mut out = out();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn greeting(ready: &Ready) -> Result<String, std::fmt::Error> {
    let Ready { url, secret_key, publishable_key, .. } = ready;
    let mut out = String::new();
    writeln!(out, "\nVerger is ready.\n")?;
    writeln!(out, "  URL         {url}")?;
    writeln!(out, "  Secret key  {secret_key}")?;
    writeln!(out, "  Inbox       {url}/inbox")?;
    writeln!(out, "  Reference   {url}/reference\n")?;
    writeln!(out, "For the .env of an application that uses one of Clerk's SDKs:\n")?;
    writeln!(out, "CLERK_API_URL={url}")?;
    writeln!(out, "CLERK_PUBLISHABLE_KEY={publishable_key}")?;
    writeln!(out, "CLERK_SECRET_KEY={secret_key}\n")?;
    let Some(id) = ready.phone_number_ids.first() else {
        let what = if ready.user_id.is_some() { "has no phone number any more" } else { "was deleted" };
        writeln!(
            out,
            "The demo user {what}, so there are no examples with its ids. To empty the instance and create"
        )?;
        writeln!(out, "the demo user again:\n")?;
        writeln!(out, "curl -X POST {url}/verger/v1/reset -H 'Authorization: Bearer {secret_key}'\n")?;
        writeln!(out, "Stop with Ctrl+C.\n")?;
        return Ok(out);
    };
    writeln!(out, "Mark the demo user's phone number as unverified, with curl:\n")?;
    writeln!(out, "curl -X PATCH {url}/v1/phone_numbers/{id} \\")?;
    writeln!(out, "  -H 'Authorization: Bearer {secret_key}' \\")?;
    writeln!(out, "  -H 'Content-Type: application/json' \\")?;
    writeln!(out, "  -d '{{\"verified\": false}}'\n")?;
    writeln!(out, "The same in JavaScript, with the official SDK:\n")?;
    writeln!(out, "npm install @clerk/backend && node --input-type=module <<'JS'")?;
    writeln!(out, "import {{ createClerkClient }} from '@clerk/backend'")?;
    writeln!(out, "const clerkClient = createClerkClient({{")?;
    writeln!(out, "  secretKey: '{secret_key}',")?;
    writeln!(out, "  apiUrl: '{url}',")?;
    writeln!(out, "}})")?;
    writeln!(out, "const phoneNumberId = '{id}'")?;
    writeln!(out, "const params = {{ verified: false }}")?;
    writeln!(
        out,
        "const response = await clerkClient.phoneNumbers.updatePhoneNumber(phoneNumberId, params)"
    )?;
    writeln!(out, "console.log(response)")?;
    writeln!(out, "JS\n")?;
    let until = if ready.is_ephemeral { "a reset" } else { "a restart and after a reset" };
    writeln!(out, "These ids stay the same after {until}. The demo user's numbers are test numbers:")?;
    writeln!(out, "nothing is sent to them, and their code is always 424242.\n")?;
    writeln!(out, "Reference of all operations, for a browser:\n\n{url}/reference\n")?;
    writeln!(out, "Stop with Ctrl+C.\n")?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use verger_store::Instance;
    use verger_wire::UnixMillis;

    #[tokio::test]
    async fn store_is_taken_for_one_without_real_users_only_if_it_says_so() {
        let store = Store::ephemeral().unwrap();
        refuse_production(&store, deadline()).await.unwrap();
        store.migrate(UnixMillis(1), deadline()).await.unwrap();
        refuse_production(&store, deadline()).await.unwrap();
        let too_late = Instant::now();
        refuse_production(&store, too_late).await.unwrap_err();
        let instance = Instance {
            id: "ins_real".into(),
            name: "shop".to_owned(),
            environment: Environment::Production,
            created_at: UnixMillis(1),
        };
        store.create_instance(&instance, deadline()).await.unwrap();
        let why = refuse_production(&store, deadline()).await.unwrap_err().to_string();
        assert!(why.contains("ins_real"), "{why}");
    }
}

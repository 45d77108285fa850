//! `verger dev`: everything at once, for development and tests.

use super::admin::command_env;
use super::production::{bind, close, finish};
use super::{deadline, make_folder, modes, open_store, start_log};
use crate::app::{App, SystemClock, system_rng};
use crate::codes::Keyring;
use crate::config::LogFormat;
use crate::provision::{development_instance, keep_key, new_secret};
use crate::serve::{self, ListenLimits};
use crate::{Limits, Messaging, jobs, metrics, webhooks};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use verger_core::user::{IdentificationStatus, NewUser};
use verger_core::{Claims, E164, Identifier, IdentifierKind, TestNumbers, User};
use verger_store::{
    Direction, Environment, MigrationState, OrderBy, Store, UserFilter, UserPage, UserWrite, Write,
};
use verger_wire::{InstanceId, Patch};

#[derive(Args)]
pub(super) struct DevArgs {
    /// Folder of the embedded store and of the secret key
    #[arg(
        long,
        env = "VERGER_DATA",
        value_name = "FOLDER",
        default_value = "./verger-data",
        conflicts_with = "ephemeral"
    )]
    data: PathBuf,
    /// Keep nothing: the store is gone when the server stops
    #[arg(long)]
    ephemeral: bool,
    /// Another store: postgres://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:FILE. The variable keeps the password out of
    /// the list of processes
    #[arg(
        long,
        env = "VERGER_STORE",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "ephemeral"
    )]
    store: Option<String>,
    /// Address and port of the API; port 0 takes a free one
    #[arg(long, env = "VERGER_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4100")]
    listen: SocketAddr,
    /// Address and port of the Prometheus metrics; without it there are none
    #[arg(long, env = "VERGER_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// What is printed when the server is ready: text for people, or one line of JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The secret key to use, instead of one that is made: sk_test_ and at least 8 more characters
    #[arg(long, env = "VERGER_SECRET_KEY", value_name = "sk_test_…", hide_env_values = true)]
    secret_key: Option<String>,
    /// What is logged: error, warn, info, debug or trace; also per target
    #[arg(long, env = "VERGER_LOG", value_name = "FILTER", default_value = "warn,verger::request=info")]
    log: String,
    /// How the log is written, to standard error
    #[arg(long, env = "VERGER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What the server says when it is ready.
struct Ready {
    url: String,
    secret_key: String,
    instance_id: String,
    user_id: Option<String>,
    phone_number_ids: Vec<String>,
}

pub(super) async fn run(args: DevArgs) -> anyhow::Result<()> {
    if let Some(key) = &args.secret_key {
        check_secret(key)?;
    }
    let _log = start_log(args.log_format, &args.log)?;
    let metrics_handle = metrics::install().map_err(|error| anyhow::anyhow!("metrics: {error}"))?;
    let store = if args.ephemeral {
        Arc::new(Store::ephemeral()?)
    } else {
        // The secret key is kept there, whatever the store is.
        make_folder(&args.data).with_context(|| format!("data folder {}", args.data.display()))?;
        modes::tighten_store(args.store.as_deref(), &args.data);
        open_store(args.store.as_deref(), &args.data).await?
    };
    refuse_production(&store, deadline()).await?;
    store.migrate(crate::Clock::now(&SystemClock), deadline()).await?;
    let listener = bind(args.listen, "--listen").await?;
    if let Some(address) = args.metrics_listen {
        tokio::spawn(serve::serve_metrics(bind(address, "--metrics-listen").await?, metrics_handle.clone()));
    }
    let instance = development_instance(&store, &mut command_env()?, deadline()).await?;
    let key_file = (!args.ephemeral).then(|| args.data.join("secret-key"));
    let secret_key = secret_key(&store, &instance, args.secret_key, key_file.as_deref()).await?;
    let user = demo_user(&store, &instance).await?;
    let ready = Ready {
        url: format!("http://{}", listener.local_addr()?),
        secret_key,
        instance_id: instance.to_string(),
        user_id: user.as_ref().map(|user| user.id.to_string()),
        phone_number_ids: user
            .iter()
            .flat_map(|user| user.newest_first(IdentifierKind::PhoneNumber).into_iter().rev())
            .map(|held| held.id.to_string())
            .collect(),
    };
    verger_core::phone_number::warm_up();
    let mut messaging = Messaging::development().context("no randomness from the operating system")?;
    if !args.ephemeral {
        messaging.keyring = code_keys(&args.data.join("code-keys"))?;
    }
    let rng = system_rng().context("no randomness from the operating system")?;
    let app =
        Arc::new(App::new(Arc::clone(&store), Arc::new(SystemClock), rng, Limits::default(), messaging));
    let stop = serve::stop_signal()?;
    announce(&ready, args.format)?;
    tokio::spawn(serve::housekeeping(Arc::clone(&app), Some(metrics_handle)));
    let delivering = tokio::spawn(jobs::deliver_messages(Arc::clone(&app)));
    let telling = tokio::spawn(webhooks::job::deliver_webhooks(Arc::clone(&app)));
    tokio::spawn(webhooks::job::fan_out_events(Arc::clone(&app)));
    serve::serve(app, listener, ListenLimits::default(), stop).await;
    finish(delivering, telling).await;
    close(&store).await
}

/// `verger dev` shows codes, moves time and empties instances: never where real users are.
async fn refuse_production(store: &Store, deadline: Instant) -> anyhow::Result<()> {
    match store.migration_state(deadline).await.context("the store's schema cannot be looked at")? {
        // A new store has no tables yet. One of another build is refused when it is migrated.
        MigrationState::Behind { version: 0 }
        | MigrationState::Ahead { .. }
        | MigrationState::Altered { .. } => return Ok(()),
        MigrationState::Current | MigrationState::Behind { .. } | MigrationState::Expanded { .. } => {}
    }
    let instances = store
        .instances(deadline)
        .await
        .context("whether the store has a production instance cannot be looked up")?;
    let production = instances.iter().find(|instance| instance.environment == Environment::Production);
    if let Some(instance) = production {
        anyhow::bail!(
            "this store has a production instance, {}: use `verger serve` with it, or give `verger dev` another --store or \
             --data",
            instance.id
        );
    }
    Ok(())
}

fn check_secret(key: &str) -> anyhow::Result<()> {
    let rest = key.strip_prefix(Environment::Development.key_prefix()).unwrap_or("");
    anyhow::ensure!(
        (8..=200).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic()),
        "VERGER_SECRET_KEY must be sk_test_ and 8 to 200 more printable characters"
    );
    Ok(())
}

/// The preset key, else the one of the last run, else a new one. The store knows only hashes, so the key of the last
/// run is kept in a file beside it.
async fn secret_key(
    store: &Store,
    instance: &InstanceId,
    preset: Option<String>,
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
            "VERGER_SECRET_KEY was revoked, or belongs to another instance of this store"
        );
    }
    let key = new_secret(Environment::Development.key_prefix(), &mut env);
    keep_key(store, instance, "dev", &key, &mut env, deadline()).await?;
    if let Some(file) = file {
        write_secret(file, &key).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(key)
}

/// The keys of the last run, else a new one: codes of before stay good.
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
    Keyring::parse(&kept).with_context(|| format!("{} does not hold keys", file.display()))
}

fn write_secret(file: &Path, secret: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    modes::keep_file_to_owner(&file)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}

/// The oldest user; in an empty store one with two phone numbers is made.
async fn demo_user(store: &Store, instance: &InstanceId) -> anyhow::Result<Option<User>> {
    let scoped = store.instance(instance);
    let page = UserPage {
        limit: 1,
        offset: 0,
        starting_after: None,
        order_by: OrderBy::CreatedAt,
        direction: Direction::Ascending,
    };
    let oldest =
        scoped.list_users(&UserFilter::default(), &page, deadline()).await?.unwrap_or_default().pop();
    if oldest.is_some() {
        return Ok(oldest);
    }
    let number = |text| {
        E164::parse(text, TestNumbers::Accepted)
            .map(Identifier::Phone)
            .map_err(|why| anyhow::anyhow!("demo number: {}", why.0))
    };
    let mut new = NewUser {
        identifications: vec![
            (number("+12015550100")?, IdentificationStatus::Verified),
            (number("+12015550101")?, IdentificationStatus::Verified),
        ],
        ..NewUser::default()
    };
    new.profile.first_name = Patch::Set("Demo".to_owned());
    let mut env = command_env()?;
    let change = User::create(new, &Claims::default(), &mut env)
        .map_err(|refusal| anyhow::anyhow!("the demo user was refused: {refusal:?}"))?;
    let write = Write {
        users: vec![UserWrite { before: None, after: Some(change.user.clone()) }],
        ..Write::default()
    };
    scoped.save(&write, deadline()).await?;
    Ok(Some(change.user))
}

fn announce(ready: &Ready, format: Format) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if format == Format::Json {
        let line = serde_json::json!({
            "url": ready.url,
            "secret_key": ready.secret_key,
            "instance_id": ready.instance_id,
            "user_id": ready.user_id,
            "phone_number_ids": ready.phone_number_ids,
        });
        writeln!(out, "{line}")?;
        return Ok(out.flush()?);
    }
    let Ready { url, secret_key, .. } = ready;
    writeln!(out, "\nVerger is ready.\n")?;
    writeln!(out, "  URL         {url}")?;
    writeln!(out, "  Secret key  {secret_key}")?;
    writeln!(out, "  Inbox       {url}/inbox")?;
    writeln!(out, "  Reference   {url}/reference\n")?;
    if let Some(id) = ready.phone_number_ids.first() {
        writeln!(out, "Take the verification of the demo user's phone number back, with curl:\n")?;
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
    }
    writeln!(out, "All operations, to read in a browser:\n\n{url}/reference\n")?;
    writeln!(out, "Stop with Ctrl+C.\n")?;
    Ok(out.flush()?)
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

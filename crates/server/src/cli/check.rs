//! `verger check`.

use super::limits::deadline;
use super::output::Format;
use super::report::Report;
use super::settings::ServeArgs;
use super::stores::{embedded_file, existing_store, require_schema};
use super::{durability, modes};
use crate::clock::{Clock, SystemClock, wall_clock};
use crate::codes::Keyring;
use crate::config::ServeConfig;
use crate::{descriptors, serve, webhooks};
use clap::Args;
use std::collections::BTreeMap;
use std::sync::Arc;
use verger_core::Environment;
use verger_core::instance::check_cookie_domain_of;
use verger_core::origin::OriginPattern;
use verger_http::descriptors::{after_raising, plan};
use verger_store::Store;

/// 2026-01-01: a clock that shows an earlier time was never set.
const EARLIEST_CLOCK_MS: i64 = 1_767_225_600_000;
/// Free disk space below this is reported.
const FREE_DISK_MIN_MIB: u64 = 512;
#[derive(Args)]
pub(super) struct CheckArgs {
    /// Output format: one line per fact, or one line of JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    serve: ServeArgs,
}

pub(super) async fn run(args: CheckArgs) -> anyhow::Result<()> {
    let mut report = Report::new(args.format);
    let ServeArgs { config: config_file, settings, .. } = args.serve;
    let (config, is_whole) = match settings.clone().over_file(config_file.as_deref()) {
        Ok(config) => {
            let name = config_file.as_ref().map_or("no file".to_owned(), |path| path.display().to_string());
            report.ok("config", &name)?;
            (config, true)
        }
        // Flags and variables are still known. The content of the file is not, and is not guessed.
        Err(error) => {
            report.bad("config", &format!("{error:#}"))?;
            (settings, false)
        }
    };
    if is_whole {
        messages(&mut report, &config)?;
    }
    let keyring = config.keyring();
    if is_whole || config.code_keys().is_some() {
        let ids = keyring.as_ref().map(|keyring| keyring.ids().collect::<Vec<_>>().join(", "));
        report.line("code_keys", ids.map_err(ToString::to_string))?;
    }
    if is_whole {
        let told = webhooks::Webhooks::new(config.webhooks.clone(), false).map(|webhooks| webhooks.whom());
        report.line("webhooks", told.map_err(|error| error.to_string()))?;
        files(&mut report, &config)?;
        report.line("proxies", proxies(&config))?;
    }
    if is_whole || config.store().is_some() || config.data.is_some() {
        // Before the store is opened, which creates files.
        let store = embedded_file(config.store(), &config.data());
        let modes = modes::check(config_file.as_deref(), &config.data(), store.as_deref());
        report.line("modes", modes)?;
        storage(&mut report, &config, keyring.as_ref().ok()).await?;
    }
    let now = SystemClock.now();
    let time = serve::for_people(now);
    let is_set = now.0 >= EARLIEST_CLOCK_MS;
    report.line(
        "clock",
        if is_set { Ok(time) } else { Err(format!("{time} is in the past: set the clock")) },
    )?;
    report.finish(is_whole)
}

/// Checks senders, templates and limits on sending.
fn messages(report: &mut Report, config: &ServeConfig) -> anyhow::Result<()> {
    let clock = wall_clock(Arc::new(SystemClock));
    for (name, what, built) in [
        ("sms", "text message", config.sms.build(Arc::clone(&clock))),
        ("email", "email", config.email.build(clock)),
    ] {
        match built.map(|sender| sender.name()) {
            Ok("none") => report.warn(
                name,
                &format!("codes by {what} are refused until a sender is set: `sender` in section [{name}]"),
            )?,
            Ok("log") => report.warn(name, "log: messages are logged, not delivered")?,
            Ok(sender) => report.ok(name, sender)?,
            Err(error) => report.bad(name, &error.to_string())?,
        }
    }
    let texts = verger_deliver::build_templates(&config.sms, &config.email);
    report.line(
        "texts",
        texts.map(|_| "all templates can be filled in".to_owned()).map_err(|error| error.to_string()),
    )?;
    let countries = config.sending.allowed_countries.join(", ");
    let sending = format!("text messages to {}", if countries == "*" { "all countries" } else { &countries });
    report.line("sending", config.sending.check().map(|()| sending))
}

/// Whether the limit of open files allows the configured connections. A service may have a different limit than the shell
/// of this command.
fn files(report: &mut Report, config: &ServeConfig) -> anyhow::Result<()> {
    let wanted = config.listen_limits().connections_max;
    let plan = match plan(after_raising(), descriptors::wanted(wanted)) {
        Ok(plan) => plan,
        Err(error) => return report.bad("files", &error.to_string()),
    };
    let limit = plan.limit.map_or("any number of".to_owned(), |limit| limit.to_string());
    let text = format!("{limit} open files are allowed here: up to {} connections", plan.connections_max);
    if plan.connections_max == wanted {
        return report.ok("files", &text);
    }
    let text =
        format!("{text} instead of {wanted}; raise the hard limit (`ulimit -Hn`, LimitNOFILE= in systemd)");
    if config.sets_connections_max() { report.bad("files", &text) } else { report.warn("files", &text) }
}

/// Which proxies are trusted about the addresses of clients.
fn proxies(config: &ServeConfig) -> Result<String, String> {
    let proxies = config.listen_limits().trusted_proxies;
    match (proxies.all(), proxies.to_string()) {
        (Some(all), _) => Err(format!(
            "trusted_proxies has {all}: every client can claim any address; list only the networks of the proxies"
        )),
        (None, none) if none.is_empty() => {
            Ok("none are trusted; the address of a client is that of its connection".to_owned())
        }
        (None, some) => Ok(format!("trusted: {some}")),
    }
}

async fn storage(report: &mut Report, config: &ServeConfig, keyring: Option<&Keyring>) -> anyhow::Result<()> {
    let data = config.data();
    let file = embedded_file(config.store(), &data);
    match existing_store(config.store(), &data).await {
        Ok(store) => {
            let answers = store.ping(deadline()).await.map(|()| store.location());
            report.line("store", answers.map_err(|error| error.to_string()))?;
            durability::settings(report, &store).await?;
            durability::damage(report, &store).await?;
            let schema = require_schema(&store).await;
            let is_current = schema.is_ok();
            let version = format!("version {}", verger_store::SCHEMA_VERSION);
            report.line("schema", schema.map(|()| version).map_err(|error| format!("{error:#}")))?;
            if is_current {
                report.line("versions", versions(&store).await)?;
            }
            if is_current {
                origins(report, &store).await?;
            }
            if let (true, Some(keyring)) = (is_current, keyring) {
                report.line("sealed", lost_keys(&store, keyring).await)?;
            }
        }
        Err(error) => report.bad("store", &format!("{error:#}"))?,
    }
    // The disk of a database server cannot be checked from here.
    match &file {
        Some(file) => report.line("disk", free_disk(file.parent().unwrap_or(&data))),
        None => Ok(()),
    }
}

/// Which versions may serve the store.
async fn versions(store: &Store) -> Result<String, String> {
    let until = store.both_versions_until(deadline()).await.map_err(|error| error.to_string())?;
    Ok(match until {
        None => "only servers of this version serve the store".to_owned(),
        Some(until) => format!(
            "servers of the version before may serve the store until {}; stop them by then",
            serve::for_people(until)
        ),
    })
}

/// Under which hosts the instances are reached, and which of their allowed origins let in more than one page.
async fn origins(report: &mut Report, store: &Store) -> anyhow::Result<()> {
    let instances = match store.instances(deadline()).await {
        Ok(instances) => instances,
        Err(error) => return report.bad("instances", &error.to_string()),
    };
    for instance in instances.iter().filter(|instance| instance.environment == Environment::Production) {
        let (id, scoped) = (&instance.id, store.instance(&instance.id));
        let hosts = scoped.frontend_hosts(deadline()).await.map_err(anyhow::Error::from)?;
        if hosts.is_empty() {
            let text =
                format!("{id} has no frontend host, so that it mints no tokens: `verger instances add-host`");
            report.warn("hosts", &text)?;
        }
        let settings = scoped.settings(deadline()).await.map_err(anyhow::Error::from)?;
        // It was right when it was set, and the hosts have changed since.
        let hosts: Vec<_> = hosts.into_iter().map(|stored| stored.host).collect();
        if let Some(domain) = settings.frontend.cookie_domain.as_deref()
            && let Err(why) = check_cookie_domain_of(&hosts, domain)
        {
            report
                .warn("hosts", &format!("{id} has the cookie domain {domain}, without effect: it {why}"))?;
        }
        for origin in &settings.frontend.allowed_origins {
            let Ok(pattern) = OriginPattern::parse(origin) else { continue };
            if pattern.is_wildcard() {
                let text = format!(
                    "{id} allows {origin}: whoever controls any of these subdomains acts for its users"
                );
                report.warn("origins", &text)?;
            }
            if pattern.is_plain() {
                let text =
                    format!("{id} allows {origin}: whoever is on the way of these pages acts for its users");
                report.warn("origins", &text)?;
            }
        }
    }
    Ok(())
}

/// Whether everything that is sealed in the store can be opened with these keys.
async fn lost_keys(store: &Store, keyring: &Keyring) -> Result<String, String> {
    let uses = store.key_uses(SystemClock.now(), deadline()).await.map_err(|error| error.to_string())?;
    let mut lost: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for used in uses.iter().filter(|used| keyring.ids().all(|id| id != used.key_id)) {
        lost.entry(&used.key_id).or_default().push(count_of(used));
    }
    if lost.is_empty() {
        return Ok("code_keys open everything that is sealed in the store".to_owned());
    }
    let lost: Vec<_> = lost.iter().map(|(id, what)| format!("key {id}: {}", what.join(", "))).collect();
    Err(format!("code_keys lack what this needs: {}; add the key again after the newest", lost.join("; ")))
}

/// `1 webhook secret`, `2 webhook secrets`.
fn count_of(used: &verger_store::KeyUse) -> String {
    let what = if used.count == 1 { used.what.strip_suffix('s').unwrap_or(used.what) } else { used.what };
    format!("{} {what}", used.count)
}

/// What the file system of the folder, or of the nearest one above it that exists, has left for us.
fn free_disk(folder: &std::path::Path) -> Result<String, String> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(std::path::Path::new("."));
    let existing = if existing.as_os_str().is_empty() { std::path::Path::new(".") } else { existing };
    let disk = rustix::fs::statvfs(existing).map_err(|error| error.to_string())?;
    // Without the blocks that are reserved for root.
    let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
    if free_mib < FREE_DISK_MIN_MIB {
        Err(format!("{free_mib} MiB free; make room for at least {FREE_DISK_MIN_MIB} MiB"))
    } else {
        Ok(format!("{free_mib} MiB free"))
    }
}

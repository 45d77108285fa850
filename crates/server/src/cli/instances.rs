//! `verger instances`.

use super::admin::InstancesCommand;
use super::limits::{command_env, deadline};
use super::output::{Format, out};
use super::settings_command::told;
use super::stores::{instance_of, open};
use crate::changes::{Author, Stamp};
use crate::clock::for_people;
use crate::engine::{SettingsChange, first_settings};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use verger_core::instance::{FRONTEND_HOSTS_MAX, check_cookie_domain_of};
use verger_core::{Env, FrontendHost, Settings};
use verger_store::{Conflict, Instance, Store, StoreError};

pub(super) async fn instances(command: InstancesCommand) -> anyhow::Result<()> {
    let mut out = out();
    match command {
        InstancesCommand::Create { name, environment, hosts, origins, cookie_domain, format, store } => {
            let store = open(&store).await?;
            let mut env = command_env()?;
            let id = env.instance_id();
            let instance = Instance { id, name, environment: environment.into(), created_at: env.now };
            let created = create(&store, instance, &hosts, origins, cookie_domain, &mut env).await?;
            // In one piece: whoever reads only the first line gets it, and nothing is left to be written to nobody.
            write!(out, "{}", created.shown(format))?;
        }
        InstancesCommand::AddHost { instance, host, store } => {
            let store = open(&store).await?;
            let instance = instance_of(&store, &instance).await?;
            add_host(&store, &instance, &host, &mut command_env()?).await?;
            writeln!(out, "{}", host.publishable_key(instance.environment))?;
        }
        InstancesCommand::RemoveHost { instance, host, store } => {
            let store = open(&store).await?;
            let instance = instance_of(&store, &instance).await?;
            match store.instance(&instance.id).remove_frontend_host(&host, deadline()).await {
                Ok(()) => writeln!(out, "removed {host}")?,
                Err(StoreError::Conflict(Conflict::NotFound)) => {
                    anyhow::bail!(
                        "{} does not have the host {host}: `verger instances list` shows all",
                        instance.id
                    )
                }
                Err(error) => return Err(error.into()),
            }
        }
        InstancesCommand::List { format, store } => {
            let store = open(&store).await?;
            list(&store, format).await?;
        }
    }
    Ok(())
}

/// Creates an instance with its hosts and settings in one write, or refuses before anything is written.
async fn create(
    store: &Store,
    instance: Instance,
    hosts: &[FrontendHost],
    origins: Vec<String>,
    cookie_domain: Option<String>,
    env: &mut Env,
) -> anyhow::Result<Shown> {
    for (at, host) in hosts.iter().enumerate() {
        anyhow::ensure!(
            !hosts.iter().take(at).any(|other| other == host),
            "--frontend-host {host} is given twice"
        );
        require_free(store, &instance, host).await?;
    }
    for (at, origin) in origins.iter().enumerate() {
        anyhow::ensure!(
            !origins.iter().take(at).any(|other| other == origin),
            "--origin {origin} is given twice"
        );
    }
    if let Some(domain) = &cookie_domain {
        check_cookie_domain_of(hosts, domain)
            .map_err(|why| anyhow::anyhow!("--cookie-domain {domain} {why}"))?;
    }
    let mut frontend = Map::new();
    if !origins.is_empty() {
        frontend.insert("allowed_origins".to_owned(), json!(origins));
    }
    if let Some(domain) = cookie_domain {
        frontend.insert("cookie_domain".to_owned(), domain.into());
    }
    let patch = match frontend.is_empty() {
        true => Map::new(),
        false => Map::from_iter([("frontend".to_owned(), Value::Object(frontend))]),
    };
    let stamp = Stamp::of(Author::command("instances create"), env);
    let (settings, mut write) =
        first_settings(&instance.id, &SettingsChange { patch, stamp }).map_err(|failure| told(&failure))?;
    if store.both_versions_until(deadline()).await?.is_some() {
        // As for every command: the version before reads no changes of settings.
        write.told.clear();
    }
    let named: Vec<_> = hosts.iter().map(|host| (env.domain_id(), host.clone())).collect();
    match store.create_instance_with(&instance, &named, &write, deadline()).await {
        Ok(()) => {}
        Err(StoreError::Conflict(Conflict::HostExists)) => {
            anyhow::bail!("one of the hosts was added to another instance meanwhile: nothing was created")
        }
        Err(StoreError::Conflict(Conflict::LimitReached(_))) => {
            anyhow::bail!("an instance has at most {FRONTEND_HOSTS_MAX} hosts: nothing was created")
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Shown { instance, hosts: hosts.to_vec(), settings })
}

/// Refuses a host that an instance has.
async fn require_free(store: &Store, instance: &Instance, host: &FrontendHost) -> anyhow::Result<()> {
    match store.instance_of_host(host, deadline()).await? {
        None => Ok(()),
        Some(owner) if owner.id == instance.id => anyhow::bail!("{} has the host {host} already", owner.id),
        Some(owner) => anyhow::bail!(
            "the host {host} belongs to the instance {} already: `verger instances remove-host {} {host}` frees it",
            owner.id,
            owner.id
        ),
    }
}

async fn add_host(
    store: &Store,
    instance: &Instance,
    host: &FrontendHost,
    env: &mut Env,
) -> anyhow::Result<()> {
    require_free(store, instance, host).await?;
    let id = env.domain_id();
    match store.instance(&instance.id).add_frontend_host(&id, host, env.now, deadline()).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict(Conflict::HostExists)) => {
            anyhow::bail!("the host {host} was added to an instance meanwhile")
        }
        Err(StoreError::Conflict(Conflict::LimitReached(_))) => {
            anyhow::bail!("the instance {} has as many hosts as it can have", instance.id)
        }
        Err(error) => Err(error.into()),
    }
}

/// An instance with what belongs to it, as it is printed.
struct Shown {
    instance: Instance,
    hosts: Vec<FrontendHost>,
    settings: Settings,
}

impl Shown {
    /// What `instances create` prints.
    fn shown(&self, format: Format) -> String {
        if format == Format::Json {
            return format!("{}\n", self.json());
        }
        let keys = self.hosts.iter().map(|host| host.publishable_key(self.instance.environment));
        [self.instance.id.to_string()].into_iter().chain(keys).map(|line| line + "\n").collect()
    }

    fn json(&self) -> Value {
        let Self { instance, hosts, settings } = self;
        let host = |host: &FrontendHost| {
            json!({
                "host": host.as_str(),
                "publishable_key": host.publishable_key(instance.environment),
            })
        };
        json!({
            "id": instance.id,
            "object": "instance",
            "name": instance.name,
            "environment": instance.environment.as_str(),
            "frontend_hosts": hosts.iter().map(host).collect::<Value>(),
            "allowed_origins": settings.frontend.allowed_origins,
            "cookie_domain": settings.frontend.cookie_domain,
            "created_at": instance.created_at,
        })
    }
}

async fn list(store: &Store, format: Format) -> anyhow::Result<()> {
    let mut out = out();
    let mut all = Vec::new();
    for instance in store.instances(deadline()).await? {
        let scoped = store.instance(&instance.id);
        let hosts = scoped.frontend_hosts(deadline()).await?.into_iter().map(|stored| stored.host).collect();
        let settings = scoped.settings(deadline()).await?;
        all.push(Shown { instance, hosts, settings });
    }
    if format == Format::Json {
        writeln!(out, "{}", all.iter().map(Shown::json).collect::<Value>())?;
        return Ok(());
    }
    writeln!(out, "{:<31}  {:<11}  {:<20}  NAME", "ID", "ENVIRONMENT", "CREATED")?;
    for Shown { instance, hosts, settings } in &all {
        writeln!(
            out,
            "{:<31}  {:<11}  {:<20}  {}",
            instance.id.as_str(),
            instance.environment.as_str(),
            for_people(instance.created_at),
            instance.name
        )?;
        for host in hosts {
            writeln!(out, "    {host}  {}", host.publishable_key(instance.environment))?;
        }
        for origin in &settings.frontend.allowed_origins {
            writeln!(out, "    origin {origin}")?;
        }
        if let Some(domain) = settings.frontend.cookie_domain.as_deref().filter(|domain| !domain.is_empty()) {
            writeln!(out, "    cookie domain {domain}")?;
        }
    }
    Ok(())
}

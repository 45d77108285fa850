//! `verger instances`.

use super::admin::InstancesCommand;
use super::limits::{command_env, deadline};
use super::output::{Format, out};
use super::settings_command::change_settings;
use super::stores::{instance_of, open};
use crate::clock::for_people;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use verger_core::{Env, FrontendHost};
use verger_store::{Conflict, Instance, Store, StoreError, StoredHost};

pub(super) async fn instances(command: InstancesCommand) -> anyhow::Result<()> {
    let mut out = out();
    match command {
        InstancesCommand::Create { name, environment, hosts, origins, cookie_domain, store } => {
            let store = open(&store).await?;
            let mut env = command_env()?;
            let id = env.instance_id();
            let instance = Instance { id, name, environment: environment.into(), created_at: env.now };
            store.create_instance(&instance, deadline()).await?;
            writeln!(out, "{}", instance.id)?;
            for host in &hosts {
                add_host(&store, &instance, host, &mut env).await?;
                writeln!(out, "{}", host.publishable_key(instance.environment))?;
            }
            let mut frontend = Map::new();
            if !origins.is_empty() {
                frontend.insert("allowed_origins".to_owned(), json!(origins));
            }
            if let Some(domain) = cookie_domain {
                frontend.insert("cookie_domain".to_owned(), domain.into());
            }
            if !frontend.is_empty() {
                let patch = Map::from_iter([("frontend".to_owned(), Value::Object(frontend))]);
                change_settings(&store, &instance.id, patch, "instances create").await?;
            }
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

async fn add_host(
    store: &Store,
    instance: &Instance,
    host: &FrontendHost,
    env: &mut Env,
) -> anyhow::Result<()> {
    let id = env.domain_id();
    match store.instance(&instance.id).add_frontend_host(&id, host, env.now, deadline()).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict(Conflict::HostExists)) => {
            anyhow::bail!(
                "the host {host} belongs to an instance already: `verger instances list` shows which"
            )
        }
        Err(StoreError::Conflict(Conflict::LimitReached(_))) => {
            anyhow::bail!("the instance {} has as many hosts as it can have", instance.id)
        }
        Err(error) => Err(error.into()),
    }
}

async fn list(store: &Store, format: Format) -> anyhow::Result<()> {
    let mut out = out();
    let mut shown = Vec::new();
    for instance in store.instances(deadline()).await? {
        let hosts = store.instance(&instance.id).frontend_hosts(deadline()).await?;
        shown.push((instance, hosts));
    }
    if format == Format::Json {
        writeln!(
            out,
            "{}",
            shown.iter().map(|(instance, hosts)| instance_json(instance, hosts)).collect::<Value>()
        )?;
        return Ok(());
    }
    writeln!(out, "{:<31}  {:<11}  {:<20}  NAME", "ID", "ENVIRONMENT", "CREATED")?;
    for (instance, hosts) in &shown {
        writeln!(
            out,
            "{:<31}  {:<11}  {:<20}  {}",
            instance.id.as_str(),
            instance.environment.as_str(),
            for_people(instance.created_at),
            instance.name
        )?;
        for stored in hosts {
            writeln!(out, "    {}  {}", stored.host, stored.host.publishable_key(instance.environment))?;
        }
    }
    Ok(())
}

fn instance_json(instance: &Instance, hosts: &[StoredHost]) -> Value {
    let host = |stored: &StoredHost| {
        json!({
            "host": stored.host.as_str(),
            "publishable_key": stored.host.publishable_key(instance.environment),
        })
    };
    json!({
        "id": instance.id,
        "object": "instance",
        "name": instance.name,
        "environment": instance.environment.as_str(),
        "frontend_hosts": hosts.iter().map(host).collect::<Value>(),
        "created_at": instance.created_at,
    })
}

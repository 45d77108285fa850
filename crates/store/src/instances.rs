//! Instances: the tenants.

use crate::audit::{Ends, ends_from};
use crate::changes::NewChange;
use crate::changes::PLACES_OF_INSTANCE;
use crate::db::{Columns, Query, Reach, Row, Stmt, Value};
use crate::trail::TrailKeys;
use crate::{Conflict, Scoped, Store, StoreError, Write};
use std::time::Instant;
use verger_core::{Environment, FrontendHost};
use verger_wire::{DomainId, InstanceId, UnixMillis};

/// A tenant with its own users and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Id of the instance, `ins_…`.
    pub id: InstanceId,
    /// Display name.
    pub name: String,
    /// Development or production.
    pub environment: Environment,
    /// When it was created, in Unix milliseconds.
    pub created_at: UnixMillis,
}

impl Store {
    /// Adds an instance.
    ///
    /// # Errors
    /// The id exists ([`Conflict::InstanceExists`]), or the database does not answer.
    pub async fn create_instance(&self, instance: &Instance, deadline: Instant) -> Result<(), StoreError> {
        self.batch(vec![insert(instance)], deadline).await
    }

    /// Adds an instance with its hosts, in their order, and with what is written of it: all of it or nothing.
    ///
    /// # Errors
    /// The id exists ([`Conflict::InstanceExists`]), a host belongs to an instance already ([`Conflict::HostExists`]), there
    /// are more hosts than an instance can have ([`Conflict::LimitReached`]), or the database does not answer.
    pub async fn create_instance_with(
        &self,
        instance: &Instance,
        hosts: &[(DomainId, FrontendHost)],
        write: &Write,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        write.told.iter().try_for_each(NewChange::check)?;
        let scoped = self.instance(&instance.id);
        let mut statements = vec![insert(instance)];
        statements.extend(hosts.iter().map(|(id, host)| scoped.insert_host(id, host, instance.created_at)));
        statements.extend(scoped.statements(write));
        self.batch(statements, deadline).await
    }

    /// All instances, oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn instances(&self, deadline: Instant) -> Result<Vec<Instance>, StoreError> {
        let query = Query::new(
            "SELECT id, name, environment, created_at FROM instances ORDER BY created_at, id",
            vec![],
        );
        self.rows(Reach::Scan, query, deadline).await?.into_iter().map(instance_from).collect()
    }
}

fn insert(instance: &Instance) -> Stmt {
    Stmt::new(
        "INSERT INTO instances (id, name, environment, created_at) VALUES ($1, $2, $3, $4)",
        vec![
            instance.id.as_str().into(),
            instance.name.as_str().into(),
            instance.environment.as_str().into(),
            instance.created_at.into(),
        ],
    )
    .on_unique(Conflict::InstanceExists)
}

/// How often an instance is emptied anew because something was appended to its trail meanwhile.
const RESET_ATTEMPTS_MAX: u32 = 20;

/// Everything that belongs to an instance, but the instance and its keys.
pub(crate) const TENANT_TABLES: [&str; 33] = [
    "users",
    "identifications",
    "claims",
    // Before the events: one that is written meanwhile may be left without its event, but no event without its text.
    "outbox_payloads",
    "outbox",
    "idempotency_keys",
    "verifications",
    "verification_windows",
    "send_counters",
    "messages",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_attempts",
    "webhook_removals",
    "audit_log",
    "audit_ends",
    "changes_unread",
    "event_cursors",
    "instance_settings",
    "signing_keys",
    "frontend_hosts",
    "access_entries",
    "redirect_urls",
    "invitations",
    "clients",
    "client_secrets",
    "sessions",
    "refresh_tokens",
    "refreshed_tokens",
    "jwt_templates",
    "tickets",
    "credentials",
    "guess_windows",
];

/// Of these what a reset keeps: how far events are numbered, and what clients are configured with.
const KEPT_TABLES: [&str; 4] = ["audit_ends", "event_cursors", "signing_keys", "frontend_hosts"];

impl Scoped<'_> {
    /// Takes the lock of the instance: whoever counts its objects and adds one is alone.
    pub(crate) fn lock_instance(&self) -> Stmt {
        Stmt::new("UPDATE instances SET name = name WHERE id = $1", vec![self.instance.as_str().into()])
            .expect(1, Conflict::NotFound)
    }

    /// Removes everything of the instance but itself, its keys, its hosts, and how far its events are numbered.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn reset(&self, deadline: Instant) -> Result<(), StoreError> {
        let keys = self.store.keys_for_seals(deadline).await?;
        for _ in 0..RESET_ATTEMPTS_MAX {
            let ends = ends_from(self.store.rows(Reach::Point, self.ends_query(), deadline).await?)?;
            let mut statements = self.begin_trail_anew(ends.as_ref(), keys)?;
            statements.extend(self.removals());
            if self.store.batch_unless_stale(statements, deadline).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict(Conflict::Stale))
    }

    /// Removes the rows of every table, but for how far the events are numbered.
    fn removals(&self) -> impl Iterator<Item = Stmt> {
        let instance: Value = self.instance.as_str().into();
        let places = Stmt::new(
            format!(
                "DELETE FROM changes WHERE place > (SELECT base FROM audit_ends WHERE instance_id = $1)
                    AND place < (SELECT base FROM audit_ends WHERE instance_id = $1) + {PLACES_OF_INSTANCE}"
            ),
            vec![instance.clone()],
        );
        let cursor = Stmt::new(
            "UPDATE event_cursors SET first_number = e.last_number + 1, fanned_out = e.last_number
             FROM audit_ends e WHERE e.instance_id = $1 AND event_cursors.instance_id = $1",
            vec![instance.clone()],
        );
        let emptied = TENANT_TABLES.iter().filter(|table| !KEPT_TABLES.contains(table));
        let delete = move |table| {
            Stmt::new(format!("DELETE FROM {table} WHERE instance_id = $1"), vec![instance.clone()])
        };
        [places, cursor].into_iter().chain(emptied.map(delete))
    }

    /// The numbers of the trail go on, so that whoever follows the feed misses nothing; first, so that nothing is added to the
    /// trail meanwhile.
    fn begin_trail_anew(
        &self,
        ends: Option<&Ends>,
        keys: Option<&TrailKeys>,
    ) -> Result<Vec<Stmt>, StoreError> {
        let Some(ends) = ends else { return Ok(Vec::new()) };
        let unmoved = Stmt::new(
            "UPDATE audit_ends SET last_number = last_number WHERE instance_id = $1 AND last_number = $2",
            vec![self.instance.as_str().into(), ends.last_number.into()],
        );
        let beginning = self.move_beginning(ends, keys, ends.last_number + 1, ends.last_hash.clone())?;
        Ok(vec![unmoved.expect(1, Conflict::Stale), beginning])
    }
}

pub(crate) fn instance_from(row: Row) -> Result<Instance, StoreError> {
    let mut columns = Columns::new("instances", row);
    Ok(Instance {
        id: columns.id("id")?.into(),
        name: columns.text("name")?,
        environment: {
            let name = columns.text("environment")?;
            Environment::parse(&name).ok_or_else(|| columns.corrupt("environment"))?
        },
        created_at: UnixMillis(columns.int("created_at")?),
    })
}

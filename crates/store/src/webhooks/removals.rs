//! What is left of endpoints that were removed, and goes in bounded steps.

use crate::db::{Columns, Query, Reach, Stmt, Value, by_keys};
use crate::retention::STEP_ROWS_MAX;
use crate::{Scoped, Store, StoreError};
use std::time::Instant;
use verger_wire::{InstanceId, UnixMillis};

/// How long it is remembered at least that an endpoint was removed, in milliseconds.
const REMOVAL_KEPT_MS: i64 = 60_000;

/// An endpoint that was removed, and of which something may be left.
#[derive(Clone, Debug)]
pub(crate) struct Removal {
    pub(crate) instance: InstanceId,
    pub(crate) endpoint: String,
    pub(crate) removed_at: UnixMillis,
}

impl Store {
    /// Removes deliveries to endpoints that were removed, a few hundred at a time. Call it until nothing is left.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn sweep_removed_endpoints(
        &self,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        for removal in self.removals(deadline).await? {
            let scoped = self.instance(&removal.instance);
            if scoped.sweep_removal(&removal, now, deadline).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Some hundred endpoints that were removed, the longest ago first.
    pub(crate) async fn removals(&self, deadline: Instant) -> Result<Vec<Removal>, StoreError> {
        let removals = Query::new(
            "SELECT endpoint_id, instance_id, removed_at FROM webhook_removals ORDER BY removed_at LIMIT $1",
            vec![STEP_ROWS_MAX.into()],
        );
        let rows = self.rows(Reach::Job, removals, deadline).await?;
        rows.into_iter()
            .map(|row| {
                let mut columns = Columns::new("webhook_removals", row);
                let endpoint = columns.id("endpoint_id")?;
                let instance = InstanceId::from(columns.text("instance_id")?);
                Ok(Removal { instance, endpoint, removed_at: UnixMillis(columns.int("removed_at")?) })
            })
            .collect()
    }
}

impl Scoped<'_> {
    /// Removes the first few hundred deliveries to an endpoint that was removed, or the record of that. `false` if there is
    /// nothing to do now.
    pub(crate) async fn sweep_removal(
        &self,
        removal: &Removal,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<bool, StoreError> {
        let mut statements = self.delete_some_deliveries(&removal.endpoint, deadline).await?;
        // An event may be on its way to the endpoint that got its sequence number before the endpoint was removed. A moment that
        // has not come counts as long ago: a clock was moved.
        let age = now.0.saturating_sub(removal.removed_at.0);
        if statements.is_empty() && !(0..=REMOVAL_KEPT_MS).contains(&age) {
            statements.push(Stmt::new(
                "DELETE FROM webhook_removals WHERE instance_id = $1 AND endpoint_id = $2",
                vec![self.instance.as_str().into(), removal.endpoint.as_str().into()],
            ));
        }
        let found = !statements.is_empty();
        if found {
            self.store.batch(statements, deadline).await?;
        }
        Ok(found)
    }

    /// What removes the first few hundred deliveries to an endpoint.
    async fn delete_some_deliveries(&self, id: &str, deadline: Instant) -> Result<Vec<Stmt>, StoreError> {
        let first = Query::new(
            "SELECT event_id FROM webhook_deliveries WHERE instance_id || endpoint_id = $1
             ORDER BY sequence_number LIMIT $2",
            vec![self.with_instance(&[id]), STEP_ROWS_MAX.into()],
        );
        let mut events: Vec<Value> = Vec::new();
        for row in self.store.rows(Reach::Job, first, deadline).await? {
            events.push(Columns::new("webhook_deliveries", row).id("event_id")?.into());
        }
        let key: [Value; 2] = [self.instance.as_str().into(), id.into()];
        let mut statements = Vec::new();
        // In this order: no try can be written down any more once its delivery is gone.
        for head in [
            "DELETE FROM webhook_deliveries WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
            "DELETE FROM webhook_attempts WHERE instance_id = $1 AND endpoint_id = $2 AND event_id",
        ] {
            statements.extend(by_keys(head, &key, &events));
        }
        Ok(statements)
    }
}

//! Webhook endpoints as rows.

use crate::aggregate::{Aggregate, Statements};
use crate::db::{Columns, Query, Row, Stmt, Value};
use crate::long_reads::Bound;
use crate::{AggregateKey, AggregateKind, Change, Conflict, Scoped, StoreError};
use std::time::Instant;
use verger_core::WebhookEndpoint;
use verger_core::webhook_endpoint::{BrokenEndpoint, DisabledReason, ENDPOINTS_MAX};
use verger_wire::{InstanceId, UnixMillis, WebhookEndpointId};

/// The scope of the limit on endpoints of an instance.
pub(crate) const ENDPOINTS_SCOPE: &str = "webhook endpoints";
/// An instance has about this many at most.
const ENDPOINTS_ABOUT: i64 = 200;
const ENDPOINT_COLUMNS: &str =
    "id, url, events, secret, former_secret, former_expires_at, failing_since, last_failed_at, disabled_at,
     disabled_reason, created_at, updated_at";

/// A macro so that two statements can be put together before they run: those that are not take another way in PostgreSQL.
macro_rules! update_endpoint {
    () => {
        "UPDATE webhook_endpoints SET url = $3, events = $4, secret = $5, former_secret = $6, former_expires_at = $7,
            disabled_at = $8, disabled_reason = $9, updated_at = $10
         WHERE instance_id = $1 AND id = $2 AND updated_at = $11 AND secret = $12 AND COALESCE(disabled_at, 0) = $13"
    };
}

impl Aggregate for WebhookEndpoint {
    const KIND: AggregateKind = AggregateKind::WebhookEndpoint;
    const TABLE: &'static str = "webhook_endpoints";
    type Broken = BrokenEndpoint;

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn load(scoped: &Scoped<'_>, id: &str) -> Vec<Query> {
        vec![scoped.endpoint_query(&id.into())]
    }

    fn read(answers: Vec<Vec<Row>>) -> Result<Option<Self>, StoreError> {
        Ok(endpoints_from(answers.into_iter().flatten().collect())?.pop())
    }

    fn check(&self) -> Result<(), BrokenEndpoint> {
        self.check()
    }

    fn save(scoped: &Scoped<'_>, change: &Change<Self>, at: UnixMillis, statements: &mut Statements) {
        match (&change.before, &change.after) {
            (None, None) => {}
            (None, Some(after)) => {
                // Only one at a time counts and adds.
                statements.lock_once(AggregateKey::instance(scoped.instance), || scoped.lock_instance());
                statements.lock(after.key(), scoped.insert_endpoint(after));
                if after.disabled_at.is_none() {
                    statements.push(scoped.begin_fan_out(&after.id));
                }
            }
            (Some(before), None) => {
                statements.lock(before.key(), scoped.delete_endpoint(before));
                statements.push(scoped.insert_removal(&before.id, at));
            }
            (Some(before), Some(after)) => {
                statements.lock(after.key(), scoped.update_endpoint(before, after));
                let is_enabled = before.disabled_at.is_some() && after.disabled_at.is_none();
                if is_enabled {
                    statements.push(scoped.begin_fan_out(&after.id));
                }
                if is_enabled || (before.failing_since.is_some() && after.failing_since.is_none()) {
                    statements.push(scoped.end_streak(&after.id));
                }
                if after.disabled_at.is_some() && before.disabled_at.is_none() {
                    statements.push(scoped.fail_waiting(&after.id, at));
                }
            }
        }
    }
}

impl Scoped<'_> {
    /// All endpoints, oldest first.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn webhook_endpoints(&self, deadline: Instant) -> Result<Vec<WebhookEndpoint>, StoreError> {
        endpoints_from(self.read(Bound::Rows(ENDPOINTS_ABOUT), self.endpoints_query(), deadline).await?)
    }

    pub(crate) fn endpoints_query(&self) -> Query {
        Query::new(
            format!(
                "SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints WHERE instance_id = $1 ORDER BY created_at, id"
            ),
            vec![self.instance.as_str().into()],
        )
    }

    /// An endpoint by its id.
    ///
    /// # Errors
    /// The database does not answer, or the row is damaged.
    pub async fn webhook_endpoint(
        &self,
        id: &WebhookEndpointId,
        deadline: Instant,
    ) -> Result<Option<WebhookEndpoint>, StoreError> {
        self.load(id.as_str(), deadline).await
    }

    pub(crate) fn endpoint_query(&self, id: &WebhookEndpointId) -> Query {
        Query::new(
            format!("SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints WHERE instance_id = $1 AND id = $2"),
            vec![self.instance.as_str().into(), id.as_str().into()],
        )
    }

    fn insert_endpoint(&self, endpoint: &WebhookEndpoint) -> Stmt {
        let mut params = values_of(endpoint, self.instance);
        params.push(i64::try_from(ENDPOINTS_MAX).unwrap_or(i64::MAX).into());
        Stmt::new(
            "INSERT INTO webhook_endpoints (instance_id, id, url, events, secret, former_secret, former_expires_at,
                failing_since, last_failed_at, disabled_at, disabled_reason, created_at, updated_at)
             SELECT $1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT),
                CAST($10 AS BIGINT), $11, CAST($12 AS BIGINT), CAST($13 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE instance_id = $1) < $14",
            params,
        )
        .expect(1, Conflict::LimitReached(ENDPOINTS_SCOPE))
        .on_unique(Conflict::Stale)
    }

    /// Writes neither its age nor how long it has failed: of that tries tell, at any time. Who disables it for its failures
    /// has seen a streak that must still be the same one.
    fn update_endpoint(&self, before: &WebhookEndpoint, after: &WebhookEndpoint) -> Stmt {
        let version = before.version();
        let mut params = vec![
            self.instance.as_str().into(),
            after.id.as_str().into(),
            after.url.as_str().into(),
            serde_json::Value::from(after.events.clone()).to_string().into(),
            after.secret.as_str().into(),
            after.former_secret.as_deref().into(),
            after.former_expires_at.into(),
            after.disabled_at.into(),
            after.disabled_reason.map(DisabledReason::as_str).into(),
            after.updated_at.into(),
            version.updated_at.into(),
            version.secret.into(),
            version.disabled_at.map_or(0, |at| at.0).into(),
        ];
        let is_failing = after.disabled_reason == Some(DisabledReason::Failing);
        let streak = before.failing_since.filter(|_| is_failing && before.disabled_at.is_none());
        let Some(since) = streak else {
            return Stmt::new(update_endpoint!(), params).expect(1, Conflict::Stale);
        };
        params.push(since.into());
        Stmt::new(concat!(update_endpoint!(), " AND failing_since = $14"), params).expect(1, Conflict::Stale)
    }

    fn delete_endpoint(&self, endpoint: &WebhookEndpoint) -> Stmt {
        let version = endpoint.version();
        Stmt::new(
            "DELETE FROM webhook_endpoints
             WHERE instance_id = $1 AND id = $2 AND updated_at = $3 AND secret = $4 AND COALESCE(disabled_at, 0) = $5",
            vec![
                self.instance.as_str().into(),
                endpoint.id.as_str().into(),
                version.updated_at.into(),
                version.secret.into(),
                version.disabled_at.map_or(0, |at| at.0).into(),
            ],
        )
        .expect(1, Conflict::Stale)
    }

    /// Nothing is sent any more from then on; [`Store::sweep_removed_endpoints`](crate::Store::sweep_removed_endpoints)
    /// removes its deliveries.
    fn insert_removal(&self, id: &WebhookEndpointId, at: UnixMillis) -> Stmt {
        Stmt::new(
            "INSERT INTO webhook_removals (instance_id, endpoint_id, removed_at) VALUES ($1, $2, $3)",
            vec![self.instance.as_str().into(), id.as_str().into(), at.into()],
        )
        .on_unique(Conflict::Stale)
    }
}

fn values_of(endpoint: &WebhookEndpoint, instance: &InstanceId) -> Vec<Value> {
    vec![
        instance.as_str().into(),
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        serde_json::Value::from(endpoint.events.clone()).to_string().into(),
        endpoint.secret.as_str().into(),
        endpoint.former_secret.as_deref().into(),
        endpoint.former_expires_at.into(),
        endpoint.failing_since.into(),
        endpoint.last_failed_at.into(),
        endpoint.disabled_at.into(),
        endpoint.disabled_reason.map(DisabledReason::as_str).into(),
        endpoint.created_at.into(),
        endpoint.updated_at.into(),
    ]
}

pub(crate) fn endpoints_from(rows: Vec<Row>) -> Result<Vec<WebhookEndpoint>, StoreError> {
    rows.into_iter().map(endpoint_from).collect()
}

fn endpoint_from(row: Row) -> Result<WebhookEndpoint, StoreError> {
    let mut columns = Columns::new("webhook_endpoints", row);
    let endpoint = WebhookEndpoint {
        id: columns.id("id")?.into(),
        url: columns.text("url")?,
        events: {
            let events = columns.text("events")?;
            serde_json::from_str(&events).map_err(|_| columns.corrupt("events"))?
        },
        secret: columns.text("secret")?,
        former_secret: columns.optional_text("former_secret")?,
        former_expires_at: columns.optional_int("former_expires_at")?.map(UnixMillis),
        failing_since: columns.optional_int("failing_since")?.map(UnixMillis),
        last_failed_at: columns.optional_int("last_failed_at")?.map(UnixMillis),
        disabled_at: columns.optional_int("disabled_at")?.map(UnixMillis),
        disabled_reason: {
            let reason = columns.optional_text("disabled_reason")?;
            let known = |reason: String| {
                DisabledReason::parse(&reason).ok_or_else(|| columns.corrupt("disabled_reason"))
            };
            reason.map(known).transpose()?
        },
        created_at: UnixMillis(columns.int("created_at")?),
        updated_at: UnixMillis(columns.int("updated_at")?),
    };
    endpoint.checked()
}

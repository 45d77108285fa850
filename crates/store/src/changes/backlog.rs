//! What is to be done for instances behind the back of requests.

use crate::db::{Columns, Query, Reach, Row};
use crate::{Store, StoreError};
use std::time::Instant;
use verger_wire::InstanceId;

/// What waits of an instance. At least one of them does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Of which instance.
    pub instance: InstanceId,
    /// Events of servers of the version before have no number yet.
    pub has_events: bool,
    /// Changes have no number yet and may have one.
    pub has_changes: bool,
    /// An endpoint listens that is to be told of what has a number, or of what waits for one.
    pub has_deliveries: bool,
}

impl Store {
    /// The instances for which anything waits, in one look.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn backlogs(&self, deadline: Instant) -> Result<Vec<Backlog>, StoreError> {
        let may_number = self.both_versions_until(deadline).await?.is_none();
        let query = Query::new(
            "SELECT w.id, w.events, w.changes, w.listens FROM
                (SELECT i.id,
                    CASE WHEN (SELECT o.id FROM outbox o
                        WHERE o.instance_id || '' = i.id || '' AND o.sequence_number IS NULL LIMIT 1)
                        IS NULL THEN 0 ELSE 1 END AS events,
                    CASE WHEN (SELECT u.id FROM changes_unread u WHERE u.instance_id = i.id LIMIT 1)
                        IS NULL THEN 0 ELSE 1 END AS changes,
                    CASE WHEN (SELECT e.id FROM webhook_endpoints e
                        WHERE e.instance_id = i.id AND e.disabled_at IS NULL LIMIT 1)
                        IS NULL THEN 0 ELSE 1 END AS listens,
                    CASE WHEN a.base IS NOT NULL AND a.last_number > COALESCE(k.fanned_out, 0)
                        THEN 1 ELSE 0 END AS behind
                 FROM instances i
                 LEFT JOIN audit_ends a ON a.instance_id = i.id
                 LEFT JOIN event_cursors k ON k.instance_id = i.id) w
             WHERE w.events = 1 OR w.changes = 1 OR (w.listens = 1 AND w.behind = 1)",
            vec![],
        );
        let rows = self.rows(Reach::Job, query, deadline).await?;
        let found =
            rows.into_iter().map(|row| backlog_from(row, may_number)).collect::<Result<Vec<_>, _>>()?;
        let is_any = |found: &Backlog| found.has_events || found.has_changes || found.has_deliveries;
        Ok(found.into_iter().filter(is_any).collect())
    }
}

fn backlog_from(row: Row, may_number: bool) -> Result<Backlog, StoreError> {
    let mut columns = Columns::new("instances", row);
    Ok(Backlog {
        instance: columns.id("id")?.into(),
        has_events: columns.flag("events")?,
        has_changes: columns.flag("changes")? && may_number,
        has_deliveries: columns.flag("listens")?,
    })
}

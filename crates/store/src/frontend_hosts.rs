//! Under which hosts browsers reach instances.

use crate::db::{Columns, Query, Reach, Row, Stmt};
use crate::instances::instance_from;
use crate::long_reads::Bound;
use crate::{Conflict, Instance, Scoped, Store, StoreError};
use std::time::Instant;
use verger_core::FrontendHost;
use verger_core::instance::FRONTEND_HOSTS_MAX;
use verger_wire::{DomainId, UnixMillis};

/// A host of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHost {
    /// What the documented API calls a domain.
    pub id: DomainId,
    /// The host, with its port unless that is the scheme's own.
    pub host: FrontendHost,
    /// Their order: tokens that are minted for a backend name the first.
    pub place: i64,
    /// When it was added, in Unix milliseconds.
    pub created_at: UnixMillis,
}

impl Scoped<'_> {
    /// The hosts of the instance, in their order.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn frontend_hosts(&self, deadline: Instant) -> Result<Vec<StoredHost>, StoreError> {
        let query = Query::new(
            "SELECT id, host, place, created_at FROM frontend_hosts WHERE instance_id = $1 ORDER BY place",
            vec![self.instance.as_str().into()],
        );
        let most = i64::try_from(FRONTEND_HOSTS_MAX).unwrap_or(i64::MAX);
        self.read(Bound::Rows(most), query, deadline).await?.into_iter().map(host_from).collect()
    }

    /// Adds a host, behind those that there are.
    ///
    /// # Errors
    /// It belongs to an instance already ([`Conflict::HostExists`]), the instance has as many as it can
    /// ([`Conflict::LimitReached`]), or the database does not answer.
    pub async fn add_frontend_host(
        &self,
        id: &DomainId,
        host: &FrontendHost,
        now: UnixMillis,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        self.store.batch(vec![self.lock_instance(), self.insert_host(id, host, now)], deadline).await
    }

    /// Behind the hosts that there are; whoever counts them has the lock of the instance.
    pub(crate) fn insert_host(&self, id: &DomainId, host: &FrontendHost, now: UnixMillis) -> Stmt {
        let most = i64::try_from(FRONTEND_HOSTS_MAX).unwrap_or(i64::MAX);
        Stmt::new(
            "INSERT INTO frontend_hosts (host, instance_id, id, place, created_at)
             SELECT $1, $2, $3, COALESCE((SELECT MAX(place) FROM frontend_hosts WHERE instance_id = $2), 0) + 1,
                CAST($4 AS BIGINT)
             WHERE (SELECT COUNT(*) FROM frontend_hosts WHERE instance_id = $2) < $5",
            vec![
                host.as_str().into(),
                self.instance.as_str().into(),
                id.as_str().into(),
                now.into(),
                most.into(),
            ],
        )
        .expect(1, Conflict::LimitReached("frontend hosts"))
        .on_unique(Conflict::HostExists)
    }

    /// Removes a host.
    ///
    /// # Errors
    /// It is none of this instance's ([`Conflict::NotFound`]), or the database does not answer.
    pub async fn remove_frontend_host(
        &self,
        host: &FrontendHost,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let delete = Stmt::new(
            "DELETE FROM frontend_hosts WHERE instance_id = $1 AND host = $2",
            vec![self.instance.as_str().into(), host.as_str().into()],
        )
        .expect(1, Conflict::NotFound);
        self.store.batch(vec![delete], deadline).await
    }
}

impl Store {
    /// The instance that answers under a host.
    ///
    /// # Errors
    /// The database does not answer, or a row is damaged.
    pub async fn instance_of_host(
        &self,
        host: &FrontendHost,
        deadline: Instant,
    ) -> Result<Option<Instance>, StoreError> {
        let query = Query::new(
            "SELECT i.id, i.name, i.environment, i.created_at
             FROM frontend_hosts h JOIN instances i ON i.id = h.instance_id WHERE h.host = $1",
            vec![host.as_str().into()],
        );
        self.rows(Reach::Point, query, deadline).await?.pop().map(instance_from).transpose()
    }
}

fn host_from(row: Row) -> Result<StoredHost, StoreError> {
    let mut columns = Columns::new("frontend_hosts", row);
    Ok(StoredHost {
        id: columns.id("id")?.into(),
        host: {
            let text = columns.text("host")?;
            FrontendHost::parse(&text).map_err(|_| columns.corrupt("host"))?
        },
        place: columns.int("place")?,
        created_at: UnixMillis(columns.int("created_at")?),
    })
}

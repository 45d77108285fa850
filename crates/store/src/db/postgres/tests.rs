//! What only a server of one's own can show: failures, locks, limits and TLS.

mod commits;
mod connecting;
mod failover;
mod load;
mod locks;
mod outages;
mod reads;

use super::*;
use crate::db::{Applied, Value};
use crate::long_reads::Bound;
use crate::{Conflict, Store, Trouble};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::task::block_in_place;
use verger_testdb::{Cluster, Stop};
use verger_wire::InstanceId;

const LIMIT: Duration = Duration::from_secs(2);

/// How much later than its deadline an answer may come: the grace of a commit, and a busy machine.
const SLACK: Duration = Duration::from_millis(1_000);

fn far() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn after(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

fn open(url: &str) -> Postgres {
    Postgres::open(url).unwrap()
}

async fn ids(db: &Postgres) -> BTreeSet<String> {
    let query = Query::new("SELECT id FROM counter", vec![]);
    let rows = db.snapshot(Reach::Scan, vec![query], far()).await.unwrap().remove(0);
    rows.into_iter()
        .map(|mut row| match row.remove(0) {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// A database with one table.
async fn counter(cluster: &Cluster) -> (Postgres, String) {
    let database = cluster.database();
    let db = open(&cluster.url(&database));
    let create = Stmt::new("CREATE TABLE counter (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)", vec![]);
    db.batch(vec![create], far()).await.unwrap();
    (db, database)
}

/// A statement at which a lane panics.
pub(super) const PANIC: &str = "PANIC";

fn insert(id: &str) -> Stmt {
    Stmt::new("INSERT INTO counter (id, n) VALUES ($1, $2)", vec![id.into(), 1.into()])
        .on_unique(Conflict::KeyExists)
}

fn increment(id: &str) -> Stmt {
    Stmt::new("UPDATE counter SET n = n + 1 WHERE id = $1", vec![id.into()]).expect(1, Conflict::Stale)
}

fn assert_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
}

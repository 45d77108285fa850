//! Reads of lists and searches: what an index bounds never waits behind what reads everybody.

use crate::db::{Query, Reach, Row};
use crate::turns::{Turn, Turns};
use crate::{Scoped, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it is remembered that the searches of an instance are long ones.
const LONG_FOR: Duration = Duration::from_secs(60);
/// Instances that are remembered. One more empties the memory: it only saves a useless look.
const INSTANCES_MAX: usize = 10_000;

/// Whose turn it is at reading much, and who does.
pub(crate) struct LongReads {
    turns: Arc<Turns>,
    /// Whose turn it is at finding out whether a search is a long one: one at a time for each instance. Those that turn out
    /// long would else hold the connections of everybody meanwhile.
    tries: Arc<Turns>,
    /// Until when the searches of an instance are taken for long ones.
    long_until: Mutex<HashMap<String, Instant>>,
}

/// How much a read may have to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// An index leads to about this many rows.
    Rows(i64),
    /// Everything that the instance has.
    None,
}

impl LongReads {
    pub(crate) fn new(places_max: usize) -> Self {
        // With two places one instance leaves one to the others.
        let share_max = (places_max / 2).max(1);
        Self {
            turns: Turns::new(places_max, share_max),
            tries: Turns::new(usize::MAX, 1),
            long_until: Mutex::default(),
        }
    }

    pub(crate) async fn wait(&self, who: &str, deadline: Instant) -> Result<Turn, StoreError> {
        self.turns.wait(who, deadline).await
    }

    fn are_long(&self, who: &str) -> bool {
        let long_until = self.long_until.lock().unwrap_or_else(PoisonError::into_inner);
        long_until.get(who).is_some_and(|until| Instant::now() < *until)
    }

    fn remember(&self, who: &str) {
        let mut long_until = self.long_until.lock().unwrap_or_else(PoisonError::into_inner);
        if long_until.len() >= INSTANCES_MAX {
            long_until.clear();
        }
        long_until.insert(who.to_owned(), Instant::now() + LONG_FOR);
    }
}

impl Scoped<'_> {
    /// Runs a query that may be a long one. What turns out short, and of a small instance all does, waits for nobody; what is
    /// long waits for its turn among the instances.
    pub(crate) async fn read(
        &self,
        bound: Bound,
        query: Query,
        deadline: Instant,
    ) -> Result<Vec<Row>, StoreError> {
        let (who, long_reads) = (self.instance.as_str(), &self.store.long_reads);
        let rows = match bound {
            Bound::Rows(rows) => rows,
            Bound::None => 0,
        };
        let is_unknown = || bound == Bound::None && !long_reads.are_long(who);
        let trying = if is_unknown() { Some(long_reads.tries.wait(who, deadline).await?) } else { None };
        // Whoever was before may have found out.
        if bound != Bound::None || is_unknown() {
            if let Some(found) = self.store.db.quick(query.clone(), rows, deadline).await? {
                return Ok(found);
            }
            if bound == Bound::None {
                long_reads.remember(who);
            }
        }
        drop(trying);
        let _turn = long_reads.wait(who, deadline).await?;
        self.store.rows(Reach::Scan, query, deadline).await
    }
}

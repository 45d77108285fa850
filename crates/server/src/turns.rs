//! The queues of writers, one per aggregate. Without them, writers of one aggregate would overtake each other until their
//! deadlines.

use crate::error::Failure;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::OwnedMutexGuard;
use verger_http::reasons::unavailable;
use verger_store::{AggregateKey, AggregateKind};
use verger_wire::InstanceId;

/// Who writes which aggregate, and who waits for it.
#[derive(Default)]
pub(crate) struct Queues(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// A turn at writing one aggregate; passes to the next in the queue when dropped.
pub(crate) struct Turn<'a> {
    queues: &'a Queues,
    key: String,
    guard: Option<OwnedMutexGuard<()>>,
    /// Another writer had the turn before, so the aggregate may have changed.
    pub(crate) waited: bool,
}

/// Turns at everything that one write names.
pub(crate) struct Turns<'a>(Vec<Turn<'a>>);

impl Queues {
    /// Waits for a turn at writing an aggregate, in the order of arrival.
    pub(crate) async fn turn(
        &self,
        instance: &InstanceId,
        of: &AggregateKey,
        deadline: Instant,
    ) -> Result<Turn<'_>, Failure> {
        // The key includes the instance, so that no tenant ever waits for another, whatever ids it sends.
        let key = format!("{instance} {:?} {}", of.kind, of.id);
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(queues.entry(key.clone()).or_default())
        };
        let mut turn = Turn { queues: self, key, guard: None, waited: false };
        turn.guard = match Arc::clone(&queue).try_lock_owned() {
            Ok(guard) => Some(guard),
            Err(_) => {
                turn.waited = true;
                let waiting = tokio::time::timeout_at(deadline.into(), queue.lock_owned());
                Some(waiting.await.map_err(|_| unavailable(too_many_writers(of.kind)))?)
            }
        };
        Ok(turn)
    }

    /// Waits for a turn at each of several aggregates, one after the other and in the order of locks: two writes never
    /// wait for each other.
    pub(crate) async fn turns(
        &self,
        instance: &InstanceId,
        mut of: Vec<AggregateKey>,
        deadline: Instant,
    ) -> Result<Turns<'_>, Failure> {
        of.sort_unstable();
        // Whoever names one twice does not wait for itself.
        of.dedup();
        let mut turns = Vec::with_capacity(of.len());
        for key in &of {
            turns.push(self.turn(instance, key, deadline).await?);
        }
        Ok(Turns(turns))
    }

    /// How many aggregates are being written.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// How many writers have a turn or wait for one, of all aggregates together.
    #[cfg(test)]
    pub(crate) fn writers(&self) -> usize {
        // The map itself is an owner as well.
        self.0.lock().unwrap().values().map(|queue| Arc::strong_count(queue) - 1).sum()
    }
}

impl Turns<'_> {
    /// Another writer had one of the turns before, so what was loaded may have changed.
    pub(crate) fn waited(&self) -> bool {
        self.0.iter().any(|turn| turn.waited)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut queues = self.queues.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody holds or waits for the turn: the map is the only owner.
        if queues.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.key);
        }
    }
}

fn too_many_writers(kind: AggregateKind) -> &'static str {
    match kind {
        AggregateKind::User => "Too many requests change this user.",
        AggregateKind::WebhookEndpoint => "Too many requests change this endpoint.",
        _ => "Too many requests change this object.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(kind: AggregateKind, id: &str) -> AggregateKey {
        AggregateKey { kind, id: id.to_owned() }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    /// Each takes turns at the same aggregates, named in its own order and some twice, over and over.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn turns_at_several_aggregates_named_in_any_order_do_not_deadlock() {
        let (queues, instance) = (Arc::new(Queues::default()), InstanceId::from("ins_1"));
        let keys = [
            key(AggregateKind::WebhookEndpoint, "a"),
            key(AggregateKind::User, "b"),
            key(AggregateKind::Instance, "ins_1"),
            key(AggregateKind::User, "a"),
        ];
        let mut running = tokio::task::JoinSet::new();
        for task in 0..8 {
            let (queues, instance, mut keys) = (Arc::clone(&queues), instance.clone(), keys.to_vec());
            keys.rotate_left(task % 4);
            keys.push(keys[0].clone());
            if task % 2 == 0 {
                keys.reverse();
            }
            running.spawn(async move {
                let mut waited = 0;
                for _ in 0..50 {
                    let turns = queues.turns(&instance, keys.clone(), soon()).await.map_err(drop).unwrap();
                    waited += usize::from(turns.waited());
                    tokio::task::yield_now().await;
                }
                waited
            });
        }
        let waited: usize = running.join_all().await.into_iter().sum();
        assert!(waited > 0, "nobody was in anybody's way");
        assert_eq!(queues.len(), 0, "nothing is kept of turns that are over");
    }

    #[tokio::test]
    async fn same_id_of_another_kind_or_instance_is_another_aggregate() {
        let queues = Queues::default();
        let (ours, theirs) = (InstanceId::from("ins_1"), InstanceId::from("ins_2"));
        let user = key(AggregateKind::User, "a");
        let _held = queues.turn(&ours, &user, soon()).await.map_err(drop).unwrap();
        for (instance, key) in [(&theirs, &user), (&ours, &key(AggregateKind::WebhookEndpoint, "a"))] {
            assert!(!queues.turn(instance, key, soon()).await.map_err(drop).unwrap().waited);
        }
        let at_once = Instant::now() + Duration::from_millis(5);
        assert!(queues.turn(&ours, &user, at_once).await.is_err());
    }
}

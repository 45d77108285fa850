//! Places for long reads, and whose turn it is.
//!
//! An instance that asks for many waits behind itself: within an instance whoever came first is first, between instances
//! each has one turn after the other. Without it, twelve searches of one tenant stand in front of everybody's list.

use crate::StoreError;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// The places, and who has and waits for them.
pub(crate) struct Turns {
    places_max: usize,
    share_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    of: HashMap<String, Asking>,
    /// Who waits for a place, in the order of their turns, each once.
    next: VecDeque<String>,
}

/// What one instance has and waits for.
#[derive(Default)]
struct Asking {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// A place; it goes to the next one when it is dropped.
pub(crate) struct Turn {
    /// `None` once there is nobody to give it on to.
    turns: Option<Arc<Turns>>,
    who: String,
}

impl Turns {
    /// Nobody has more than `share_max` of `places_max` places.
    pub(crate) fn new(places_max: usize, share_max: usize) -> Arc<Self> {
        Arc::new(Self { places_max, share_max, state: Mutex::default() })
    }

    /// A place, as soon as it is one's turn.
    pub(crate) async fn wait(self: &Arc<Self>, who: &str, deadline: Instant) -> Result<Turn, StoreError> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            let asking = state.of.entry(who.to_owned()).or_default();
            // Those whose time was over.
            asking.waiting.retain(|waiting| !waiting.is_closed());
            let is_new = asking.waiting.is_empty();
            asking.waiting.push_back(sender);
            if is_new && !state.next.iter().any(|other| other == who) {
                state.next.push_back(who.to_owned());
            }
            self.give(&mut state);
        }
        match tokio::time::timeout_at(deadline.into(), receiver).await {
            Ok(Ok(turn)) => Ok(turn),
            // One that came in the last moment is dropped with the receiver, and goes to the next.
            _ => Err(StoreError::Unavailable("too many long queries are running".to_owned())),
        }
    }

    /// Gives free places to those who wait.
    fn give(self: &Arc<Self>, state: &mut State) {
        let mut passed_over = VecDeque::new();
        while state.taken < self.places_max
            && let Some(who) = state.next.pop_front()
        {
            let Some(asking) = state.of.get_mut(&who) else { continue };
            if asking.taken >= self.share_max {
                passed_over.push_back(who);
                continue;
            }
            let mut is_given = false;
            while !is_given && let Some(waiting) = asking.waiting.pop_front() {
                let turn = Turn { turns: Some(Arc::clone(self)), who: who.clone() };
                match waiting.send(turn) {
                    Ok(()) => is_given = true,
                    // It went away. The lock is held, so its turn must not give itself on.
                    Err(mut turn) => turn.turns = None,
                }
            }
            if is_given {
                asking.taken += 1;
                state.taken += 1;
            }
            if !asking.waiting.is_empty() {
                state.next.push_back(who);
            } else if asking.taken == 0 {
                state.of.remove(&who);
            }
        }
        // Whose share was used up keep their places in front.
        while let Some(who) = passed_over.pop_back() {
            state.next.push_front(who);
        }
    }

    fn give_back(self: &Arc<Self>, who: &str) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
        if let Some(asking) = state.of.get_mut(who) {
            asking.taken = asking.taken.saturating_sub(1);
            if asking.taken == 0 && asking.waiting.is_empty() {
                state.of.remove(who);
            }
        }
        self.give(&mut state);
    }

    /// Ignores poisoning: nothing that can panic runs under it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.give_back(&self.who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;
    use std::time::Duration;

    type Waiting = Pin<Box<dyn Future<Output = Result<Turn, StoreError>>>>;

    fn ask(turns: &Arc<Turns>, who: &'static str) -> Waiting {
        let turns = Arc::clone(turns);
        Box::pin(async move { turns.wait(who, Instant::now() + Duration::from_secs(30)).await })
    }

    async fn poll_once(waiting: &mut Waiting) -> Option<Turn> {
        poll_fn(|context| {
            Poll::Ready(match waiting.as_mut().poll(context) {
                Poll::Ready(turn) => Some(turn.expect("in time")),
                Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn instances_take_turns_and_within_one_the_first_is_first() {
        let turns = Turns::new(1, 1);
        let mut queue: Vec<(usize, &str, Waiting)> = Vec::new();
        let mut has = Vec::new();
        for (at, who) in ["a", "a", "a", "a", "b", "c", "b"].into_iter().enumerate() {
            let mut waiting = ask(&turns, who);
            match poll_once(&mut waiting).await {
                Some(turn) => has.push((at, who, turn)),
                None => queue.push((at, who, waiting)),
            }
        }
        let mut order = Vec::new();
        while let Some((at, who, turn)) = has.pop() {
            order.push((who, at));
            drop(turn);
            let mut next = None;
            for (place, (_, _, waiting)) in queue.iter_mut().enumerate() {
                if let Some(turn) = poll_once(waiting).await {
                    assert!(next.is_none(), "two have the only place");
                    next = Some((place, turn));
                }
            }
            if let Some((place, turn)) = next {
                let (at, who, _) = queue.remove(place);
                has.push((at, who, turn));
            }
        }
        assert_eq!(order, [("a", 0), ("a", 1), ("b", 4), ("c", 5), ("a", 2), ("b", 6), ("a", 3)]);
        assert!(turns.state().of.is_empty() && turns.state().next.is_empty());
    }

    #[tokio::test]
    async fn nobody_has_more_than_a_share_while_there_are_places() {
        let turns = Turns::new(2, 1);
        let first = poll_once(&mut ask(&turns, "a")).await.expect("a place");
        let mut second = ask(&turns, "a");
        assert!(poll_once(&mut second).await.is_none());
        let other = poll_once(&mut ask(&turns, "b")).await.expect("the share of a leaves a place");
        let mut third = ask(&turns, "c");
        assert!(poll_once(&mut third).await.is_none());
        // The place of b is of no use to a, which has its share.
        drop(other);
        let third = poll_once(&mut third).await.expect("a place");
        assert!(poll_once(&mut second).await.is_none());
        drop(first);
        drop(poll_once(&mut second).await.expect("a place"));
        drop(third);
        assert!(turns.state().of.is_empty());
    }

    #[tokio::test]
    async fn who_goes_away_or_is_late_keeps_no_place() {
        let turns = Turns::new(1, 1);
        let held = poll_once(&mut ask(&turns, "a")).await.expect("a place");
        let mut gone = ask(&turns, "b");
        assert!(poll_once(&mut gone).await.is_none());
        drop(gone);
        let late = turns.wait("b", Instant::now() + Duration::from_millis(5)).await;
        assert!(matches!(late, Err(StoreError::Unavailable(_))));
        // It got its turn, and nobody looked.
        let mut unlooked = ask(&turns, "c");
        assert!(poll_once(&mut unlooked).await.is_none());
        drop(held);
        drop(unlooked);
        drop(poll_once(&mut ask(&turns, "d")).await.expect("a place"));
        assert!(turns.state().of.is_empty() && turns.state().next.is_empty());
    }
}

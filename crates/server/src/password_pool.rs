//! Where passwords are hashed and compared: a few threads of their own, so that guessing slows down nothing else (contract
//! section 3).
//!
//! There are never more threads at work than slots, and each has the memory of one digest: a crowd that tries passwords costs
//! slots × 19 MiB, however large it is. The threads are niced, so that what answers requests goes first. Work that would have
//! to wait for more than a second is refused at once.

use crate::error::Failure;
use crate::password_reasons::PASSWORD_QUEUE_FULL;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use verger_credentials::{Cost, Workspace};
use verger_wire::Refused;

/// How much expected work may wait, in milliseconds of all slots together.
const QUEUE_MS_MAX: u64 = 1_000;
/// How long one digest of our own is expected to take before one was measured, in microseconds.
const OWN_MICROS_AT_FIRST: u64 = 20_000;
/// How much a new measurement counts against those before: one part in this many.
const MEASUREMENTS: u64 = 8;
/// After this long without work a thread gives its memory back and ends.
const IDLE: Duration = Duration::from_secs(10);
/// How nice the threads are: what answers requests has some nine times their share of a busy core.
const NICENESS: i32 = 10;

/// The threads and what waits for them.
pub(crate) struct PasswordPool(Arc<Shared>);

struct Shared {
    slots: usize,
    state: Mutex<State>,
    work: Condvar,
    /// Held by whoever compares with a digest that takes more memory than our own: one at a time.
    large: Mutex<()>,
}

struct State {
    waiting: VecDeque<Job>,
    /// The expected work of everything that waits or is being done.
    expected: u64,
    /// Threads that were started and have not ended.
    threads: usize,
    /// Those of them that wait for work.
    idle: usize,
    /// How long one digest of our own takes, in microseconds.
    own_micros: u64,
    is_closed: bool,
}

/// Tells what came of some work.
type Tell = Box<dyn FnOnce() + Send>;

struct Job {
    /// Given back when the work is done, or left out; before that is told, so that who asks again finds it free.
    room: Room,
    is_large: bool,
    run: Box<dyn FnOnce(&mut Workspace) -> Tell + Send>,
    /// Whether anybody still waits for it.
    is_wanted: Box<dyn Fn() -> bool + Send>,
}

/// Room for some work, until it is dropped.
pub(crate) struct Room {
    shared: Arc<Shared>,
    cost: Cost,
}

impl PasswordPool {
    /// A pool of so many slots; as many as there are cores without a number.
    pub(crate) fn new(slots: Option<NonZeroUsize>) -> Self {
        let slots = slots.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let state = State {
            waiting: VecDeque::new(),
            expected: 0,
            threads: 0,
            idle: 0,
            own_micros: OWN_MICROS_AT_FIRST,
            is_closed: false,
        };
        Self(Arc::new(Shared {
            slots,
            state: Mutex::new(state),
            work: Condvar::new(),
            large: Mutex::new(()),
        }))
    }

    /// Takes room for some work, unless it would have to wait for too long. Whoever counts a try does so first: what is refused
    /// for lack of room was not tried.
    pub(crate) fn room(&self, cost: Cost) -> Result<Room, Failure> {
        let mut state = self.0.lock();
        state.require_room(self.0.slots)?;
        state.expected = state.expected.saturating_add(cost.0);
        Ok(Room { shared: Arc::clone(&self.0), cost })
    }

    /// Refuses what there is no room for, before anything is loaded for it: most tries of a crowd end here. It takes no room.
    pub(crate) fn require_room(&self) -> Result<(), Failure> {
        self.0.lock().require_room(self.0.slots)
    }

    /// For what needs no room.
    pub(crate) fn no_room(&self) -> Room {
        Room { shared: Arc::clone(&self.0), cost: Cost(0) }
    }

    /// Does some work on one of the threads, unless it would have to wait for too long.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        cost: Cost,
        work: impl FnOnce(&mut Workspace) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.room(cost)?.run(false, work).await
    }
}

impl Room {
    /// The same room for work that turned out to be dearer.
    #[must_use]
    pub(crate) fn raised(mut self, cost: Cost) -> Self {
        let more = cost.0.saturating_sub(self.cost.0);
        let mut state = self.shared.lock();
        state.expected = state.expected.saturating_add(more);
        drop(state);
        self.cost = Cost(self.cost.0.saturating_add(more));
        self
    }

    /// Does the work that the room was taken for. If whoever waits for it goes away, it is left out.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        is_large: bool,
        work: impl FnOnce(&mut Workspace) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let asked = Arc::clone(&sender);
        let shared = Arc::clone(&self.shared);
        let job = Job {
            room: self,
            is_large,
            run: Box::new(move |workspace| {
                let done = work(workspace);
                Box::new(move || {
                    if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                        // Whoever waited may be gone.
                        let _ = sender.send(done);
                    }
                })
            }),
            is_wanted: Box::new(move || {
                let sender = asked.lock().unwrap_or_else(PoisonError::into_inner);
                sender.as_ref().is_some_and(|sender| !sender.is_closed())
            }),
        };
        Shared::submit(&shared, job)?;
        receiver.await.map_err(|_| Failure::Bug("work on a password was not finished".to_owned()))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.expected = state.expected.saturating_sub(self.cost.0);
    }
}

impl Drop for PasswordPool {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.work.notify_all();
    }
}

impl State {
    fn require_room(&self, slots: usize) -> Result<(), Failure> {
        let own_micros = u128::from(self.own_micros);
        let work_micros = u128::from(self.expected) * own_micros / u128::from(Cost::OWN.0);
        let wait_ms = u64::try_from(work_micros / 1_000 / slots as u128).unwrap_or(u64::MAX);
        metrics::gauge!("verger_password_queue_ms").set(u32::try_from(wait_ms).unwrap_or(u32::MAX));
        if wait_ms <= QUEUE_MS_MAX {
            return Ok(());
        }
        metrics::counter!("verger_password_queue_refused_total").increment(1);
        let seconds = u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
        Err(Refused::new(&PASSWORD_QUEUE_FULL).retry_after(seconds).into())
    }

    /// Notes how long some work took, so that the next is expected to take as long.
    fn measured(&mut self, cost: Cost, took: Duration) {
        // Of less the start and the end are a good part.
        if cost >= Cost::OWN {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            let own = (micros / cost.0.max(1)).saturating_mul(Cost::OWN.0);
            self.own_micros = (self.own_micros * (MEASUREMENTS - 1) + own) / MEASUREMENTS;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(shared: &Arc<Self>, job: Job) -> Result<(), Failure> {
        let mut state = shared.lock();
        if state.idle <= state.waiting.len() && state.threads < shared.slots {
            let of_thread = Arc::clone(shared);
            let started = thread::Builder::new().name("passwords".to_owned()).spawn(move || of_thread.work());
            match started {
                Ok(_) => state.threads += 1,
                // Those that there are do it.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(Failure::Bug(format!("no thread for passwords: {error}"))),
            }
        }
        state.waiting.push_back(job);
        drop(state);
        shared.work.notify_one();
        Ok(())
    }

    /// The life of a thread.
    fn work(&self) {
        // Without the right to, it works as it is.
        let _ = rustix::process::nice(NICENESS);
        let mut workspace = Workspace::default();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                let measured = self.carry_out(job, &mut workspace);
                state = self.lock();
                if let Some((cost, took)) = measured {
                    state.measured(cost, took);
                }
                continue;
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE);
            let (next, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            state.idle -= 1;
            if timeout.timed_out() && state.waiting.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    /// What the work cost and how long it took, unless it was left out.
    fn carry_out(&self, job: Job, workspace: &mut Workspace) -> Option<(Cost, Duration)> {
        if !(job.is_wanted)() {
            return None;
        }
        let alone = job.is_large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
        let start = Instant::now();
        // A panic must not take the thread: its slot and what was expected would be lost for good.
        let run = std::panic::AssertUnwindSafe(|| (job.run)(workspace));
        let done = std::panic::catch_unwind(run);
        let measured = (job.room.cost, start.elapsed());
        drop((alone, job.room));
        match done {
            Ok(tell) => tell(),
            Err(_) => {
                workspace.release();
                tracing::error!("work on a password panicked");
            }
        }
        Some(measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use verger_credentials::digest::spend_the_rest;

    fn pool(slots: usize) -> Arc<PasswordPool> {
        Arc::new(PasswordPool::new(NonZeroUsize::new(slots)))
    }

    /// What work waits for until it is opened.
    #[derive(Default)]
    struct Gate(Mutex<bool>, Condvar);

    impl Gate {
        fn open(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }

        fn wait(&self) {
            drop(self.1.wait_while(self.0.lock().unwrap(), |is_open| !*is_open).unwrap());
        }
    }

    /// Work that lasts until it is told to end.
    fn held(pool: &Arc<PasswordPool>, cost: Cost, gate: &Arc<Gate>) -> tokio::task::JoinHandle<bool> {
        let (pool, gate) = (Arc::clone(pool), Arc::clone(gate));
        tokio::spawn(async move {
            let wait = move |_: &mut Workspace| gate.wait();
            pool.run(cost, wait).await.is_ok()
        })
    }

    async fn until(is_so: impl Fn() -> bool) {
        for _ in 0..10_000 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("it did not happen");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn room_is_free_when_the_work_is_told_to_be_done() {
        let pool = pool(1);
        for _ in 0..2_000 {
            pool.run(Cost::OWN, |_| ()).await.unwrap();
            assert_eq!(pool.0.lock().expected, 0);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn s38_no_more_is_done_at_once_than_there_are_slots() {
        let pool = pool(2);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (pool, now, most) = (Arc::clone(&pool), Arc::clone(&now), Arc::clone(&most));
            running.spawn(async move {
                let work = move |workspace: &mut Workspace| {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    spend_the_rest(Cost(900), workspace);
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(Cost(1), work).await.map_err(drop).unwrap();
            });
        }
        running.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!(pool.0.lock().threads <= 2);
        // A thread gives its room back after the answer.
        until(|| pool.0.lock().expected == 0).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn what_would_wait_for_more_than_a_second_is_refused_at_once() {
        let pool = pool(1);
        let gate = Arc::new(Gate::default());
        // At first a digest is expected to take 20 ms: fifty fill a second, and one more is more than that.
        let waiting: Vec<_> = (0..51).map(|_| held(&pool, Cost::OWN, &gate)).collect();
        until(|| pool.0.lock().expected == 51 * Cost::OWN.0).await;
        let refused = pool.room(Cost(0)).map(drop).unwrap_err();
        assert_eq!(refused.reason(), Some(&PASSWORD_QUEUE_FULL));
        let answer = refused.answer(verger_wire::reason::Api::Backend);
        assert_eq!((answer.status.as_u16(), answer.retry_after_seconds), (429, Some(2)));
        assert!(pool.run(Cost(0), |_| ()).await.is_err());
        assert_eq!(pool.require_room().unwrap_err().reason(), Some(&PASSWORD_QUEUE_FULL));
        gate.open();
        for waiting in waiting {
            assert!(waiting.await.unwrap());
        }
        assert!(pool.room(Cost(0)).is_ok());
        assert!(pool.require_room().is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn work_that_nobody_waits_for_is_left_out() {
        let pool = pool(1);
        let gate = Arc::new(Gate::default());
        let first = held(&pool, Cost::OWN, &gate);
        until(|| pool.0.lock().threads == 1 && pool.0.lock().waiting.is_empty()).await;
        let done = Arc::new(AtomicUsize::new(0));
        let (of_job, of_pool) = (Arc::clone(&done), Arc::clone(&pool));
        let gone = tokio::spawn(async move {
            of_pool.run(Cost::OWN, move |_| of_job.fetch_add(1, Ordering::SeqCst)).await.is_ok()
        });
        until(|| pool.0.lock().waiting.len() == 1).await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        gate.open();
        assert!(first.await.unwrap());
        assert!(pool.run(Cost::OWN, |_| ()).await.is_ok());
        assert_eq!(done.load(Ordering::SeqCst), 0);
        until(|| pool.0.lock().expected == 0).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn large_digests_are_compared_one_at_a_time() {
        let pool = pool(4);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (pool, now, most) = (Arc::clone(&pool), Arc::clone(&now), Arc::clone(&most));
            running.spawn(async move {
                let work = move |workspace: &mut Workspace| {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    spend_the_rest(Cost(900), workspace);
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                pool.room(Cost(1)).map_err(drop).unwrap().run(true, work).await.map_err(drop).unwrap();
            });
        }
        running.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn panic_takes_neither_the_slot_nor_the_room() {
        let pool = pool(1);
        let failed = pool.run(Cost::OWN, |_| panic!("as a test")).await;
        assert!(matches!(failed, Err(Failure::Bug(_))));
        until(|| pool.0.lock().expected == 0).await;
        assert!(pool.run(Cost::OWN, |_| ()).await.is_ok());
    }

    #[test]
    fn expected_time_follows_what_is_measured() {
        let pool = PasswordPool::new(NonZeroUsize::new(1));
        let mut state = pool.0.lock();
        for _ in 0..100 {
            state.measured(Cost(2_000), Duration::from_millis(100));
        }
        assert!((49_000..=50_000).contains(&state.own_micros), "{}", state.own_micros);
        state.measured(Cost(1), Duration::from_secs(100));
        assert!(state.own_micros <= 50_000, "what is cheap says nothing");
    }
}

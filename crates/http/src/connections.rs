//! The connections of a listener: how many there are, from whom, and which of them are idle. An idle one is closed for a
//! new one, so that connections without requests keep nobody out.

use metrics::{Counter, Gauge, counter, gauge};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How long a connection that was asked to close may take before another one is asked too.
const ENDING_TIME_MAX: Duration = Duration::from_millis(50);

/// The connections of one listener.
pub(crate) struct Connections {
    connections_max: usize,
    /// Limit of connections per peer; 0 is no limit.
    per_peer_max: usize,
    open: Mutex<Open>,
    /// Notified when a connection ended or became idle while a new one was waiting.
    changed: Notify,
    /// Whether every answer is now the last one of its connection.
    is_draining: AtomicBool,
    gauge: Gauge,
    evicted: Counter,
}

#[derive(Default)]
struct Open {
    /// Numbers connections, and the times at which one became idle.
    counter: u64,
    known: HashMap<u64, Known>,
    /// Idle connections, the one that has been idle longest first.
    idle: BTreeMap<u64, u64>,
    peers: HashMap<IpAddr, Peer>,
    /// How many connections are [`Known::is_ending`].
    ending: usize,
    is_awaited: bool,
}

struct Known {
    /// The peer that it counts for.
    peer: Option<IpAddr>,
    idle_since: Option<u64>,
    /// `None` once it was asked to close.
    end: Option<oneshot::Sender<End>>,
    /// It was asked to close to make room, and may do so at any moment.
    is_ending: bool,
}

#[derive(Default)]
struct Peer {
    open: usize,
    idle: BTreeMap<u64, u64>,
}

/// Why a connection is asked to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is idle, and a new one needs its place.
    Evicted,
    /// The server is shutting down.
    Closing,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for a head: the first one, or one that has begun.
    Head,
    /// Answering a request.
    Serving,
    /// The answer is complete, but the client has not read all of it yet.
    Answered,
    /// Idle between two requests.
    Resting,
}

/// The slot of one connection; released when dropped.
pub(crate) struct Seat {
    connections: Arc<Connections>,
    id: u64,
    phase: AtomicU8,
}

enum Admission {
    Admitted(Arc<Seat>, oneshot::Receiver<End>),
    /// The peer has reached its limit, and none of its connections is idle.
    ShareUsed,
    Full,
}

impl Connections {
    pub(crate) fn new(listener: &'static str, connections_max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            per_peer_max,
            open: Mutex::default(),
            changed: Notify::new(),
            is_draining: AtomicBool::new(false),
            gauge: gauge!("verger_connections", "listener" => listener),
            evicted: counter!("verger_connections_evicted_total", "listener" => listener),
        })
    }

    /// Waits for a slot for a connection of this peer; `None` if the peer has reached its limit and none of its
    /// connections is idle. A peer of `None` has no limit.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
    ) -> Option<(Arc<Seat>, oneshot::Receiver<End>)> {
        let peer = peer.map(share_of);
        let mut is_late = false;
        loop {
            match self.try_admit(peer, is_late) {
                Admission::Admitted(seat, end) => return Some((seat, end)),
                Admission::ShareUsed => return None,
                Admission::Full => {}
            }
            is_late = tokio::time::timeout(ENDING_TIME_MAX, self.changed.notified()).await.is_err();
        }
    }

    fn try_admit(self: &Arc<Self>, peer: Option<IpAddr>, is_late: bool) -> Admission {
        let mut open = self.open();
        let count = peer.and_then(|peer| open.peers.get(&peer)).map_or(0, |peer| peer.open);
        if self.per_peer_max > 0 && count >= self.per_peer_max {
            let oldest = peer.and_then(|peer| open.peers.get(&peer)?.idle.values().next().copied());
            let Some(oldest) = oldest else { return Admission::ShareUsed };
            open.evict(oldest);
            self.evicted.increment(1);
        }
        if open.known.len() >= self.connections_max {
            open.is_awaited = true;
            if open.ending == 0 || is_late {
                self.evict_oldest(&mut open);
            }
            return Admission::Full;
        }
        open.is_awaited = false;
        let id = open.count();
        let (end, ended) = oneshot::channel();
        open.known.insert(id, Known { peer, idle_since: None, end: Some(end), is_ending: false });
        if let Some(peer) = peer {
            open.peers.entry(peer).or_default().open += 1;
        }
        open.set_idle(id);
        self.gauge.increment(1);
        let seat = Seat { connections: Arc::clone(self), id, phase: AtomicU8::new(Phase::Head as u8) };
        Admission::Admitted(Arc::new(seat), ended)
    }

    /// Asks the connection that has been idle longest to close; `false` if none is idle.
    pub(crate) fn make_room(&self) -> bool {
        self.evict_oldest(&mut self.open())
    }

    fn evict_oldest(&self, open: &mut Open) -> bool {
        let Some(oldest) = open.idle.values().next().copied() else { return false };
        open.evict(oldest);
        self.evicted.increment(1);
        true
    }

    /// From now on every answer is the last one of its connection.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Asks all connections to close, each after its current request.
    pub(crate) fn end_all(&self) {
        self.drain();
        for known in self.open().known.values_mut() {
            if let Some(end) = known.end.take() {
                // One that has just ended has no receiver any more.
                let _ = end.send(End::Closing);
            }
        }
    }

    /// Waits until all connections have ended.
    pub(crate) async fn all_ended(&self) {
        loop {
            {
                let mut open = self.open();
                if open.known.is_empty() {
                    return;
                }
                open.is_awaited = true;
            }
            self.changed.notified().await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, open: &Open) {
        if open.is_awaited {
            self.changed.notify_one();
        }
    }
}

impl Open {
    fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn set_idle(&mut self, id: u64) {
        let since = self.count();
        let Some(known) = self.known.get_mut(&id) else { return };
        // One that was asked to close makes room once, not twice.
        if known.end.is_none() || known.idle_since.is_some() {
            return;
        }
        known.idle_since = Some(since);
        self.idle.insert(since, id);
        if let Some(peer) = known.peer.and_then(|peer| self.peers.get_mut(&peer)) {
            peer.idle.insert(since, id);
        }
    }

    fn set_busy(&mut self, id: u64) {
        let Some(known) = self.known.get_mut(&id) else { return };
        let Some(since) = known.idle_since.take() else { return };
        self.idle.remove(&since);
        if let Some(peer) = known.peer.and_then(|peer| self.peers.get_mut(&peer)) {
            peer.idle.remove(&since);
        }
    }

    /// It no longer counts for its peer at once; its slot is free when it has ended.
    fn evict(&mut self, id: u64) {
        self.set_busy(id);
        self.leave_share(id);
        let Some(known) = self.known.get_mut(&id) else { return };
        if let Some(end) = known.end.take() {
            known.is_ending = true;
            self.ending += 1;
            let _ = end.send(End::Evicted);
        }
    }

    /// Stops waiting for it to end; `false` if nobody was waiting.
    fn stop_waiting(&mut self, id: u64) -> bool {
        let is_ending = self.known.get_mut(&id).map(|known| &mut known.is_ending);
        let was_ending = is_ending.is_some_and(std::mem::take);
        self.ending -= usize::from(was_ending);
        was_ending
    }

    fn leave_share(&mut self, id: u64) {
        let Some(peer) = self.known.get_mut(&id).and_then(|known| known.peer.take()) else { return };
        if let Some(share) = self.peers.get_mut(&peer) {
            share.open -= 1;
            if share.open == 0 {
                self.peers.remove(&peer);
            }
        }
    }

    fn remove(&mut self, id: u64) {
        self.set_busy(id);
        self.leave_share(id);
        self.stop_waiting(id);
        self.known.remove(&id);
    }
}

impl Seat {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            phase if phase == Phase::Serving as u8 => Phase::Serving,
            phase if phase == Phase::Answered as u8 => Phase::Answered,
            phase if phase == Phase::Resting as u8 => Phase::Resting,
            _ => Phase::Head,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.connections.is_draining()
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The head of a request is complete.
    pub(crate) fn begin(&self) {
        self.set_phase(Phase::Serving);
        let mut open = self.connections.open();
        open.set_busy(self.id);
        // It was asked too late and closes after the answer, however long that takes: another one has to make room.
        if open.stop_waiting(self.id) {
            self.connections.tell(&open);
        }
    }

    /// The answer is complete; the client may not have read all of it yet.
    pub(crate) fn answered(&self) {
        self.set_phase(Phase::Answered);
    }

    /// The answer has been written to the socket.
    pub(crate) fn rest(&self) {
        self.set_phase(Phase::Resting);
        let mut open = self.connections.open();
        open.set_idle(self.id);
        self.connections.tell(&open);
    }

    /// The first byte of the next head has arrived.
    pub(crate) fn wake(&self) {
        self.set_phase(Phase::Head);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.remove(self.id);
        self.connections.gauge.decrement(1);
        self.connections.tell(&open);
    }
}

/// The peer that a connection counts for: a host has one IPv4 address, but a whole /64 of IPv6 addresses, which it can
/// use as it likes.
fn share_of(address: IpAddr) -> IpAddr {
    const OF_NETWORK: u128 = !0 << 64;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & OF_NETWORK).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn peer(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, last).into())
    }

    async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(200), future).await.ok()
    }

    #[tokio::test]
    async fn the_connection_that_has_been_idle_for_longest_makes_room() {
        let connections = Connections::new("test", 3, 0);
        let (first, first_end) = connections.admit(peer(1)).await.unwrap();
        let (second, second_end) = connections.admit(peer(2)).await.unwrap();
        let (third, mut third_end) = connections.admit(peer(3)).await.unwrap();
        third.begin();
        // It served a request meanwhile, so it has been idle for a shorter time than the second.
        first.begin();
        first.answered();
        first.rest();
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.admit(peer(4)).await }
        });
        assert_eq!(second_end.await, Ok(End::Evicted));
        assert!(!waiting.is_finished(), "it waits until the place is free");
        drop(second);
        let (_fourth, _end) = waiting.await.unwrap().unwrap();
        // If one does not end, another one is asked too.
        let fifth = connections.admit(peer(5));
        let mut fifth = std::pin::pin!(fifth);
        assert!(at_once(&mut fifth).await.is_none());
        assert_eq!(first_end.await, Ok(End::Evicted));
        drop(first);
        fifth.await.unwrap();
        assert!(third_end.try_recv().is_err(), "what is at work goes on");
    }

    #[tokio::test]
    async fn a_peer_with_its_share_loses_an_idle_connection_of_its_own_or_is_refused() {
        let connections = Connections::new("test", 10, 2);
        let (_other, mut other_end) = connections.admit(peer(2)).await.unwrap();
        let (first, first_end) = connections.admit(peer(1)).await.unwrap();
        let (second, _second_end) = connections.admit(peer(1)).await.unwrap();
        second.begin();
        let (third, third_end) = connections.admit(peer(1)).await.unwrap();
        assert_eq!(first_end.await, Ok(End::Evicted));
        third.begin();
        assert!(connections.admit(peer(1)).await.is_none(), "all of it is at work");
        assert!(connections.admit(peer(2)).await.is_some());
        assert!(other_end.try_recv().is_err());
        // One that was asked to close and serves a request nevertheless is counted once.
        first.begin();
        first.rest();
        drop(first);
        third.rest();
        assert!(connections.admit(peer(1)).await.is_some());
        assert_eq!(third_end.await, Ok(End::Evicted));
        // Trusted proxies have no limit.
        for _ in 0..3 {
            let (seat, end) = connections.admit(None).await.unwrap();
            seat.begin();
            std::mem::forget((seat, end));
        }
    }

    #[tokio::test]
    async fn evicted_connection_that_serves_a_request_is_not_waited_for() {
        let connections = Connections::new("test", 3, 0);
        let (first, first_end) = connections.admit(peer(1)).await.unwrap();
        let (second, mut second_end) = connections.admit(peer(1)).await.unwrap();
        let (_third, mut third_end) = connections.admit(peer(1)).await.unwrap();
        assert!(connections.make_room());
        assert_eq!(first_end.await, Ok(End::Evicted));
        // Its head had arrived before it was asked.
        first.begin();
        assert!(matches!(connections.try_admit(peer(2), false), Admission::Full));
        assert_eq!(second_end.try_recv(), Ok(End::Evicted));
        assert!(matches!(connections.try_admit(peer(2), false), Admission::Full));
        assert!(third_end.try_recv().is_err(), "the second one makes room");
        drop(second);
        let _fourth = connections.admit(peer(2)).await.unwrap();
        // It was removed once, not twice.
        assert!(connections.make_room());
        drop(first);
        assert_eq!(connections.open().ending, 1);
    }

    #[tokio::test]
    async fn a_host_is_one_peer_however_many_ipv6_addresses_it_has() {
        let of = |text: &str| share_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::4"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[tokio::test]
    async fn nothing_is_left_of_connections_that_ended() {
        let connections = Connections::new("test", 4, 2);
        for round in 0..100 {
            let (seat, _end) = connections.admit(peer(round)).await.unwrap();
            seat.begin();
            if round % 2 == 0 {
                seat.rest();
            }
        }
        {
            let open = connections.open();
            assert!(
                open.known.is_empty() && open.idle.is_empty() && open.peers.is_empty() && open.ending == 0
            );
        }
        at_once(connections.all_ended()).await.unwrap();
    }
}

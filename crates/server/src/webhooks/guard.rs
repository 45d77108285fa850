//! Which addresses endpoints may have: none through which the network of the server could be reached.
//!
//! A name is resolved once per connection, all of its addresses are checked, and the connection goes to one of these and
//! nowhere else, so that DNS rebinding gains nothing.

use crate::shares::Shares;
use hyper::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use verger_core::webhook_endpoint::{EndpointError, check_url_length, check_url_scheme};
use verger_deliver::{ConfigError, urls};

/// Maximum number of concurrent lookups.
const LOOK_UPS_MAX: usize = 64;
/// Maximum number of concurrent lookups of one name.
const LOOK_UPS_PER_HOST_MAX: usize = 2;
/// Maximum number of concurrent lookups for one instance: many names with slow name servers delay no other instance.
const LOOK_UPS_PER_INSTANCE_MAX: usize = 8;

tokio::task_local! {
    /// The instance for which this task resolves names.
    static ASKED_BY: String;
}

/// Does `work` on behalf of an instance, whose limit of lookups applies.
pub(crate) async fn asked_by<T>(instance: &str, work: impl Future<Output = T>) -> T {
    ASKED_BY.scope(instance.to_owned(), work).await
}

/// The addresses that may be connected to.
#[derive(Debug)]
pub(crate) struct Policy {
    networks: Vec<(IpAddr, u8)>,
    allow_plain_http: bool,
    /// All addresses, as in development.
    is_open: bool,
}

/// A name resolves to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public")]
pub(crate) struct NotPublic;

/// A resolver that returns only addresses that may be connected to.
#[derive(Clone)]
pub(crate) struct Guard {
    policy: Arc<Policy>,
    /// Limits concurrent lookups. They share the blocking threads with the store, and foreign name servers can occupy
    /// each thread for as long as they like.
    places: Arc<Shares>,
    places_of_instances: Arc<Shares>,
    look_up: Arc<LookUp>,
}

/// Resolves a name with the system's resolver, which blocks.
type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl Policy {
    pub(crate) fn new(
        networks: &[String],
        allow_plain_http: bool,
        is_open: bool,
    ) -> Result<Self, ConfigError> {
        let networks = networks.iter().map(|text| {
            network(text).ok_or_else(|| {
                let why = format!("allow_networks: {text:?} is not a network such as 10.1.0.0/16");
                ConfigError::new("webhooks", why)
            })
        });
        Ok(Self { networks: networks.collect::<Result<_, _>>()?, allow_plain_http, is_open })
    }

    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.is_open
            || is_public(address)
            || self.networks.iter().any(|(network, bits)| contains(*network, *bits, address))
    }

    /// Parses the URL of an endpoint.
    pub(crate) fn parse(&self, url: &str) -> Result<Uri, EndpointError> {
        let bad = |why: &str| EndpointError::Invalid(why.to_owned());
        check_url_length(url)?;
        let uri = urls::parse(url).map_err(bad)?;
        check_url_scheme(uri.scheme_str(), self.allow_plain_http || self.is_open)?;
        let host = uri.host().ok_or_else(|| bad("must have a host"))?;
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if literal.is_ok_and(|address| !self.allows(address)) {
            return Err(bad(
                "must not be a private address: the operator can allow networks in [webhooks] allow_networks",
            ));
        }
        Ok(uri)
    }
}

impl Guard {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Self::with(policy, |name| Ok((name, 0).to_socket_addrs()?.collect()))
    }

    fn with(
        policy: Arc<Policy>,
        look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        let places = Arc::new(Shares::new(LOOK_UPS_MAX, LOOK_UPS_PER_HOST_MAX));
        let places_of_instances = Arc::new(Shares::new(LOOK_UPS_MAX, LOOK_UPS_PER_INSTANCE_MAX));
        Self { policy, places, places_of_instances, look_up: Arc::new(look_up) }
    }

    async fn resolve(self, name: String) -> io::Result<std::vec::IntoIter<SocketAddr>> {
        // Only `verger webhooks test` sets none.
        let instance = ASKED_BY.try_with(Clone::clone).unwrap_or_default();
        let of_instance = self.places_of_instances.wait(&instance).await;
        let of_instance = of_instance.map_err(io::Error::other)?;
        let place = self.places.wait(&name.to_ascii_lowercase()).await.map_err(io::Error::other)?;
        let look_up = Arc::clone(&self.look_up);
        let looking = tokio::task::spawn_blocking(move || {
            let found = look_up(&name);
            // Only now, even if the caller was cancelled: until here the thread was occupied.
            drop((place, of_instance));
            found
        });
        let found = looking.await.map_err(io::Error::other)??;
        // A forbidden address among allowed ones is an attack, not an alternative.
        if found.iter().any(|address| !self.policy.allows(address.ip())) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, NotPublic));
        }
        Ok(found.into_iter())
    }
}

impl tower_service::Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name.as_str().to_owned()))
    }
}

/// `10.1.0.0/16`, or one address.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (text.parse().ok()?, None),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((address, bits))
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let same = |network: u128, address: u128, width: u32| {
        let bits = u32::from(bits).min(width);
        bits == 0 || (network ^ address) >> (width - bits) == 0
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            same(u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => same(network.to_bits(), address.to_bits(), 128),
        _ => false,
    }
}

/// Whether an address is public, by the registries of special-purpose addresses (RFC 6890 and its updates).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: &[([u8; 4], u8)] = &[
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        // In no registry: Azure's platform services for its machines.
        ([168, 63, 129, 16], 32),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        // Multicast, reserved, broadcast.
        ([224, 0, 0, 0], 3),
    ];
    let is_in = |(network, bits): &([u8; 4], u8)| {
        contains(IpAddr::V4(Ipv4Addr::from(*network)), *bits, IpAddr::V4(address))
    };
    !SPECIAL.iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let v4_at = |at: usize| {
        let [a, b] = parts[at].to_be_bytes();
        let [c, d] = parts[at + 1].to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // NAT64: the embedded IPv4 address must be public.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => v4_at(6),
        // 6to4: the embedded IPv4 address must be public.
        [0x2002, ..] => v4_at(1),
        // Teredo, ORCHID, benchmarking and the rest of 2001::/23; documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        // Of everything else, only global unicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    fn closed() -> Policy {
        Policy::new(&[], false, false).unwrap()
    }

    const PRIVATE: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "169.254.255.255",
        "100.100.100.200",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "0:0:0:0:0:0:0:1",
        "0000::0001",
        "::127.0.0.1",
        "::10.0.0.1",
        "::a9fe:a9fe",
        "::8.8.8.8",
        "::FFFF:127.0.0.1",
        "0:0:0:0:0:ffff:192.168.0.1",
        "::ffff:0.0.0.0",
        "::ffff:100.64.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:255.255.255.255",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b:1::8.8.8.8",
        "100:0:0:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:20::1",
        "2001:2::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::",
        "2002:c0a8:1::",
        "2002:a9fe:a9fe::1",
        "2002:e000:1::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::1",
        "fe80::a9fe:a9fe",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "4000::1",
    ];
    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.15",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "2a00::1",
        "3fff:1000::1",
    ];

    #[test]
    fn addresses_of_the_own_network_are_told_from_public_ones() {
        let policy = closed();
        for text in PRIVATE {
            assert!(!policy.allows(text.parse().unwrap()), "{text}");
        }
        for text in PUBLIC {
            assert!(policy.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn private_literals_are_refused_when_they_are_written_down() {
        let policy = closed();
        for text in PRIVATE {
            let host = if text.contains(':') { format!("[{text}]") } else { (*text).to_owned() };
            for url in [format!("https://{host}/"), format!("https://{host}:8443/a?b")] {
                assert!(policy.parse(&url).is_err(), "{url}");
            }
        }
        for url in [
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "//example.com/",
            "example.com",
            "",
            "https://",
            "https://user:pass@example.com/",
            "https://a@127.0.0.1/",
            "https://[::1",
            "https:///x",
            "https://exa mple.com/",
            "gopher://127.0.0.1:25/",
            "https://127.0.0.1:/",
            "https://127.0.0.1?@example.com/",
            "https://127.0.0.1#@example.com/",
            "https://example.com@127.0.0.1/",
            "https://example.com:443@127.0.0.1/",
            "https://@127.0.0.1/",
            "https://example.com\\@127.0.0.1/",
            "https://127.0.0.1\\.example.com/",
            "https://exam\tple.com/",
            "https://example.com\r\nhost: 127.0.0.1/",
            "https:127.0.0.1",
            "https:\\\\127.0.0.1/",
            "HTTPS://127.0.0.1/",
            "https://[::1]:443/",
            "https://[::1]@example.com/",
            "https://[127.0.0.1]/",
            "https://[::ffff:7f00:0001]/",
            "https://\u{ff11}27.0.0.1/",
            "https://127\u{3002}0\u{3002}0\u{3002}1/",
            "https://loc\u{ad}alhost/",
        ] {
            assert!(policy.parse(url).is_err(), "{url}");
        }
        assert!(policy.parse("https://example.com/webhooks?a=b").is_ok());
        assert!(policy.parse(&format!("https://example.com/{}", "a".repeat(2_000))).is_err());
    }

    #[tokio::test]
    async fn other_notations_of_private_addresses_are_refused_when_they_are_looked_up() {
        // None of these is an address for the URL parser, but the system's resolver reads most of them as 127.0.0.1,
        // 169.254.169.254 or 10.0.0.1. Those that it does not know have no address at all.
        let guard = Guard::new(Arc::new(closed()));
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "0177.1",
            "017700000001",
            "127.0.0.1.",
            "0",
            "0x0",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "10.1",
            "0xa000001",
            "012.0.0.1",
            "00000177.0.0.1",
            "0x7f.0x0.0x0.0x1",
            "127.0x1",
            "4294967295",
            "3232235521",
            "0xc0a80001",
            "192.168.1",
            "0x64400001",
            "::ffff:127.0.0.1%lo",
            "fe80::1%lo",
            "fe80::1%1",
            "%31%32%37.0.0.1",
        ] {
            let found = guard.clone().resolve(host.to_owned()).await;
            assert!(found.is_err(), "{host}: {found:?}");
        }
    }

    /// What stands between a URL and a connection, as the connector goes about it: an address that it can read itself it
    /// does not look up.
    async fn is_connected_to(policy: Policy, url: &str) -> bool {
        let Ok(uri) = policy.parse(url) else { return false };
        let host = uri.host().unwrap().trim_matches(['[', ']']).to_owned();
        host.parse::<IpAddr>().is_ok() || Guard::new(Arc::new(policy)).resolve(host).await.is_ok()
    }

    #[tokio::test]
    async fn no_url_leads_to_the_own_network() {
        for url in [
            "https://[fe80::1%25lo]/",
            "https://[fe80::1%lo]/",
            "https://[::1%25lo]/",
            "https://%31%32%37.0.0.1/",
            "https://127.0.0.1%00.example.com/",
            "https://2130706433:443/",
            "https://0x7f000001/",
            "https://127.0.0.1./",
            "https://localhost.:8443/",
            "https://[::ffff:127.0.0.1]./",
        ] {
            assert!(!is_connected_to(closed(), url).await, "{url}");
        }
        for (url, allowed) in
            [("https://1.1.1.1/", true), ("https://127.0.0.1/", true), ("https://10.0.0.1/", false)]
        {
            let policy = Policy::new(&["127.0.0.0/8".to_owned()], false, false).unwrap();
            assert_eq!(is_connected_to(policy, url).await, allowed, "{url}");
        }
    }

    #[tokio::test]
    async fn name_with_one_private_address_is_refused_and_every_look_up_is_judged() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let answers: [&[&str]; 4] = [
            &["8.8.8.8:0"],
            // It changed its mind.
            &["127.0.0.1:0"],
            &["8.8.8.8:0", "10.0.0.1:0"],
            &["[::ffff:10.0.0.1]:0"],
        ];
        let guard = Guard::with(Arc::new(closed()), move |_| {
            let at = counted.fetch_add(1, Ordering::SeqCst);
            Ok(answers[at].iter().map(|text| text.parse().unwrap()).collect())
        });
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(guard.clone().resolve("rebinding.example.com".to_owned()).await.is_ok());
        }
        assert_eq!(seen, [true, false, false, false]);
        assert_eq!(calls.load(Ordering::SeqCst), 4);
    }

    /// Name servers that do not answer before they are told to, and the names that were queried.
    struct SlowNames {
        guard: Guard,
        asked: tokio::sync::mpsc::UnboundedReceiver<String>,
        go_on: Arc<(Mutex<bool>, Condvar)>,
    }

    impl SlowNames {
        fn new() -> Self {
            let (sender, asked) = tokio::sync::mpsc::unbounded_channel();
            let go_on = Arc::new((Mutex::new(false), Condvar::new()));
            let waiting = Arc::clone(&go_on);
            let guard = Guard::with(Arc::new(closed()), move |name| {
                sender.send(name.to_owned()).unwrap();
                let (go_on, told) = &*waiting;
                drop(told.wait_while(go_on.lock().unwrap(), |go_on| !*go_on).unwrap());
                Ok(vec!["8.8.8.8:0".parse().unwrap()])
            });
            Self { guard, asked, go_on }
        }

        /// A caller that waits until it is aborted.
        fn ask(&self, name: &str) -> tokio::task::JoinHandle<bool> {
            self.ask_for("ins_1", name)
        }

        fn ask_for(&self, instance: &str, name: &str) -> tokio::task::JoinHandle<bool> {
            let looking = self.guard.clone().resolve(name.to_owned());
            let instance = instance.to_owned();
            tokio::spawn(async move { asked_by(&instance, looking).await.is_ok() })
        }

        async fn next_asked(&mut self) -> String {
            let asked = tokio::time::timeout(Duration::from_secs(20), self.asked.recv()).await;
            asked.expect("the name servers are asked").unwrap()
        }

        /// Whether the name servers get no further queries, as far as that can be told.
        async fn is_quiet(&mut self) -> bool {
            tokio::time::timeout(Duration::from_millis(100), self.asked.recv()).await.is_err()
        }

        fn answer(&self) {
            *self.go_on.0.lock().unwrap() = true;
            self.go_on.1.notify_all();
        }
    }

    impl Drop for SlowNames {
        fn drop(&mut self) {
            // Otherwise the runtime would wait for its threads.
            self.answer();
        }
    }

    #[tokio::test]
    async fn slow_name_servers_of_one_host_hold_two_threads_even_after_nobody_waits() {
        let mut names = SlowNames::new();
        let first: Vec<_> = (0..10).map(|_| names.ask("slow.example.com")).collect();
        for _ in 0..LOOK_UPS_PER_HOST_MAX {
            assert_eq!(names.next_asked().await, "slow.example.com");
        }
        assert!(names.is_quiet().await);
        for asking in first {
            asking.abort();
            assert!(asking.await.is_err());
        }
        // The threads are still occupied.
        let later = names.ask("SLOW.example.com");
        assert!(names.is_quiet().await);
        let other = names.ask("other.example.com");
        assert_eq!(names.next_asked().await, "other.example.com");
        names.answer();
        assert!(later.await.unwrap() && other.await.unwrap());
    }

    #[tokio::test]
    async fn slow_name_servers_of_one_instance_hold_up_no_other() {
        let mut names = SlowNames::new();
        let mut asking: Vec<_> = (0..200).map(|at| names.ask(&format!("h{at}.example.com"))).collect();
        for _ in 0..LOOK_UPS_PER_INSTANCE_MAX {
            names.next_asked().await;
        }
        assert!(names.is_quiet().await);
        asking.push(names.ask_for("ins_2", "example.org"));
        assert_eq!(names.next_asked().await, "example.org");
        names.answer();
        for asking in asking {
            assert!(asking.await.unwrap());
        }
    }

    #[tokio::test]
    async fn slow_name_servers_of_many_hosts_hold_no_more_threads_than_there_may_be() {
        let mut names = SlowNames::new();
        let asking: Vec<_> = (0..LOOK_UPS_MAX + 10)
            .map(|at| {
                names.ask_for(
                    &format!("ins_{}", at / LOOK_UPS_PER_INSTANCE_MAX),
                    &format!("h{at}.example.com"),
                )
            })
            .collect();
        for _ in 0..LOOK_UPS_MAX {
            names.next_asked().await;
        }
        assert!(names.is_quiet().await);
        names.answer();
        for asking in asking {
            assert!(asking.await.unwrap());
        }
    }

    #[test]
    fn operator_can_allow_networks_and_nothing_beside_them() {
        let networks = ["10.1.0.0/16", "fd00::/8", "192.168.7.7"].map(str::to_owned);
        let policy = Policy::new(&networks, true, false).unwrap();
        for (text, allowed) in [
            ("10.1.255.255", true),
            ("::ffff:10.1.0.1", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fc00::1", false),
            ("192.168.7.7", true),
            ("192.168.7.8", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(policy.allows(text.parse().unwrap()), allowed, "{text}");
        }
        assert!(policy.parse("http://10.1.2.3:8080/hook").is_ok());
        assert!(policy.parse("http://127.0.0.1/hook").is_err());
        for bad in ["10.0.0.0/33", "fd00::/129", "a/8", "", "10.0.0.0/-1", "10.0.0.0/"] {
            assert!(Policy::new(&[bad.to_owned()], false, false).is_err(), "{bad}");
        }
    }
}

//! Finds the client of a request behind proxies, from the headers of trusted ones.

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Bits of an IPv6 address before the IPv4 address that is mapped into it.
const MAPPED_BITS: u8 = 96;
/// Maximum number of proxies that a request is traced back through.
const HOPS_MAX: usize = 64;

/// Networks of proxies whose headers about client addresses are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Why a text is not a list of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(String);

impl TrustedProxies {
    /// Reads addresses and networks such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// The first element that is not a network, and what it should be.
    pub fn new<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, NetworkError> {
        networks.into_iter().map(|text| network(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the address lies in one of the networks.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// A trusted network that contains every address, if there is one.
    pub fn all(&self) -> Option<IpNet> {
        self.0.iter().copied().find(|network| network.prefix_len() == 0)
    }

    /// The client of a request that came from `peer`: the last address that is not a trusted proxy. Anything to the left
    /// of it, or of an unreadable element, may have been forged.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        // Only one of the two headers: a proxy that writes one passes on what clients wrote into the other. Nearly all
        // write this one.
        let (name, is_forwarded) = if headers.contains_key(X_FORWARDED_FOR) {
            (X_FORWARDED_FOR, false)
        } else {
            (header::FORWARDED, true)
        };
        // Several lines are one list (RFC 9110 section 5.3), and the proxy nearest to here wrote the end of it.
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        let elements =
            lines.into_iter().rev().flat_map(|line| FromTheRight { rest: Some(line), is_forwarded });
        for element in elements.filter(|element| !element.is_empty()).take(HOPS_MAX) {
            let said = std::str::from_utf8(element).ok();
            let said = said.and_then(|text| if is_forwarded { forwarded_for(text) } else { node(text) });
            let Some(said) = said else { return client };
            client = said;
            if !self.trusts(client) {
                return client;
            }
        }
        client
    }
}

impl FromStr for TrustedProxies {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::new(text.split(',').map(str::trim).filter(|text| !text.is_empty()))
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let networks = Vec::<String>::deserialize(deserializer)?;
        Self::new(networks).map_err(D::Error::custom)
    }
}

impl std::fmt::Display for TrustedProxies {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, network) in self.0.iter().enumerate() {
            write!(out, "{}{network}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// `10.0.0.0/8`, `2001:db8::/32`, or one address.
fn network(text: &str) -> Result<IpNet, NetworkError> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| {
            NetworkError(format!(
                "{text:?} is not a network such as 10.0.0.0/8 or 2001:db8::/32, and no address"
            ))
        })?,
    };
    if network.addr() != network.network() {
        let meant = network.trunc();
        return Err(NetworkError(format!(
            "{text:?} has an address inside the network: write {meant}, or {} for this address alone",
            network.addr()
        )));
    }
    let mapped = |network: Ipv6Net| {
        let bits = network.prefix_len().checked_sub(MAPPED_BITS)?;
        Ipv4Net::new(network.addr().to_ipv4_mapped()?, bits).ok()
    };
    // Addresses are compared in their shorter form.
    Ok(match network {
        IpNet::V6(network) => mapped(network).map_or(network.into(), IpNet::V4),
        v4 @ IpNet::V4(_) => v4,
    })
}

/// The elements of a list, last one first, trimmed. Read from the end, the text of a client cannot affect elements that
/// proxies appended.
struct FromTheRight<'a> {
    rest: Option<&'a [u8]>,
    /// Elements may contain quoted strings.
    is_forwarded: bool,
}

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest.take()?;
        let mut at = line.len();
        while at > 0 {
            at -= 1;
            match line[at] {
                b',' => {
                    self.rest = Some(&line[..at]);
                    return Some(line[at + 1..].trim_ascii());
                }
                b'"' if self.is_forwarded => {
                    // Without an opening quote the rest is one unreadable element.
                    let Some(open) = opening_quote(line, at) else { break };
                    at = open;
                }
                _ => {}
            }
        }
        Some(line.trim_ascii())
    }
}

/// Start of the quoted string that ends at `close`. Escapes are counted only before quotes: before every byte, a line of
/// backslashes would take quadratic time.
fn opening_quote(line: &[u8], close: usize) -> Option<usize> {
    let escapes = |at: usize| line[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    (0..close).rev().find(|at| line[*at] == b'"' && escapes(*at).is_multiple_of(2))
}

/// The address in the parameter `for` of an element of `Forwarded` (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = element;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        if name.trim().eq_ignore_ascii_case("for") {
            // Each parameter may occur once.
            if found.is_some() {
                return None;
            }
            found = Some(node(&value)?);
        }
        rest = match after.trim_start() {
            "" => return found,
            more => more.strip_prefix(';')?,
        };
        if rest.trim().is_empty() {
            return found;
        }
    }
}

/// A token or a quoted string at the beginning of a text, and what follows it.
fn value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let token = text[..end].trim_end();
        return (!token.is_empty() && !token.contains(['"', ' ', '\t']))
            .then_some((token.into(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value.into(), &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// An address with or without a port. An obfuscated identifier is not an address.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    // Ports may be obfuscated like addresses.
    let with_port = || {
        let (address, port) = text.rsplit_once(':')?;
        let is_obfuscated = port.strip_prefix('_').is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        });
        is_obfuscated.then(|| format!("{address}:0").parse::<SocketAddr>().ok())?
    };
    text.parse::<IpAddr>()
        .ok()
        .or_else(bracketed)
        .or_else(|| text.parse::<SocketAddr>().ok().or_else(with_port).map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(peer: &str, lines: &[(&'static str, &[u8])]) -> String {
        let proxies: TrustedProxies = "10.0.0.0/8, 192.0.2.7, 2001:db8:aaaa::/48".parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn long_line_of_escapes_takes_no_longer_than_another() {
        let began = std::time::Instant::now();
        for end in [&b"\""[..], b"\"\"", b""] {
            let line = [&b"\\".repeat(64 * 1024)[..], end].concat();
            assert_eq!(client("10.1.2.3", &[("forwarded", &line)]), "10.1.2.3");
        }
        // Quadratic time would be minutes.
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn only_a_trusted_peer_is_asked_whom_it_speaks_for() {
        let said: &[(&str, &[u8])] =
            &[("x-forwarded-for", b"198.51.100.1"), ("forwarded", b"for=198.51.100.1")];
        assert_eq!(client("203.0.113.5", said), "203.0.113.5");
        assert_eq!(client("192.0.2.8", said), "192.0.2.8");
        assert_eq!(client("2001:db8:aaab::1", said), "2001:db8:aaab::1");
        for peer in ["10.1.2.3", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8:aaaa:1::1"] {
            assert_eq!(client(peer, said), "198.51.100.1", "{peer}");
        }
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
        // No proxy is trusted by default.
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.1"));
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(TrustedProxies::default().client(peer, &headers), peer);
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right_up_to_the_first_address_that_is_not_trusted() {
        for (lines, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (&["6.6.6.6, 198.51.100.1, 10.9.9.9, 192.0.2.7"], "198.51.100.1"),
            // Several lines are one list.
            (&["6.6.6.6", "198.51.100.1", "10.9.9.9"], "198.51.100.1"),
            (&["6.6.6.6, 198.51.100.1", "10.9.9.9,10.8.8.8"], "198.51.100.1"),
            // Only proxies: the first of them began it.
            (&["10.9.9.9, 10.8.8.8"], "10.9.9.9"),
            // Ports, brackets, and addresses of version 4 in version 6.
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1, ::ffff:10.9.9.9"], "198.51.100.1"),
            (&["198.51.100.1 ,\t10.9.9.9 , "], "198.51.100.1"),
            // An unreadable element ends the search at the last known address.
            (&["198.51.100.1, unknown"], "10.1.2.3"),
            (&["198.51.100.1, unknown, 10.9.9.9"], "10.9.9.9"),
            (&["198.51.100.1, 10.9.9"], "10.1.2.3"),
            (&["198.51.100.1, 010.9.9.9"], "10.1.2.3"),
            (&["fe80::1%eth0"], "10.1.2.3"),
            (&["198.51.100.1; 10.9.9.9"], "10.1.2.3"),
            (&["198.51.100.1:http"], "10.1.2.3"),
            (&["198.51.100.1:99999"], "10.1.2.3"),
            (&["[198.51.100.1]"], "10.1.2.3"),
            (&[""], "10.1.2.3"),
            (&[",,"], "10.1.2.3"),
            // Whatever the client wrote before does not matter.
            (&["\", 198.51.100.1"], "198.51.100.1"),
            (&["\\\", 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", line.as_bytes())).collect();
            assert_eq!(client("10.1.2.3", &lines), expected, "{lines:?}");
        }
        assert_eq!(client("10.1.2.3", &[("x-forwarded-for", b"\xff\xfe, 198.51.100.1")]), "198.51.100.1");
        let long = "10.9.9.9, ".repeat(5_000) + "10.9.9.8";
        assert_eq!(client("10.1.2.3", &[("x-forwarded-for", long.as_bytes())]), "10.9.9.9");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        for (lines, expected) in [
            (&["for=198.51.100.1"][..], "198.51.100.1"),
            (&["For=\"198.51.100.1:4711\";proto=https;by=10.1.2.3"], "198.51.100.1"),
            (&["proto=https; FOR = 198.51.100.1"], "10.1.2.3"),
            (&["proto=https; FOR=198.51.100.1;"], "198.51.100.1"),
            (&["for=198.51.100.1:4711"], "198.51.100.1"),
            (&["for=\"[2001:db8:cafe::17]\""], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8:cafe::17]:_port\""], "2001:db8:cafe::17"),
            (&["for=\"198.51.100.1:_p.x\""], "198.51.100.1"),
            (&["for=\"[::ffff:198.51.100.1]\""], "198.51.100.1"),
            (&["for=\"198\\.51.100.1\""], "198.51.100.1"),
            (&["for=6.6.6.6, for=198.51.100.1, for=10.9.9.9"], "198.51.100.1"),
            (&["for=6.6.6.6", "for=198.51.100.1;host=\"a, b\"", "for=10.9.9.9"], "198.51.100.1"),
            (&["for=198.51.100.1, for=10.9.9.9;x=\"\\\", for=6.6.6.6, \\\\\""], "198.51.100.1"),
            // Identifiers that are not addresses.
            (&["for=198.51.100.1, for=_hidden"], "10.1.2.3"),
            (&["for=198.51.100.1, for=unknown, for=10.9.9.9"], "10.9.9.9"),
            (&["for=198.51.100.1, for=\"_SEVKISEK\";by=x"], "10.1.2.3"),
            // Malformed elements.
            (&["for=198.51.100.1, proto=https"], "10.1.2.3"),
            (&["for=198.51.100.1, for=10.9.9.9;for=10.8.8.8"], "10.1.2.3"),
            (&["for=\"198.51.100.1"], "10.1.2.3"),
            (&["for=198.51.100.1 10.9.9.9"], "10.1.2.3"),
            (&["198.51.100.1"], "10.1.2.3"),
            (&["for="], "10.1.2.3"),
            (&["for=;proto=https"], "10.1.2.3"),
            (&["=198.51.100.1"], "10.1.2.3"),
            // A quote that a client left open hides nothing that a proxy added.
            (&["for=\", for=198.51.100.1"], "198.51.100.1"),
            (&["for=6.6.6.6;x=\", for=\"[2001:db8::1]:47\", for=10.9.9.9"], "2001:db8::1"),
            (&["for=6.6.6.6;x=\"\\", "for=198.51.100.1"], "198.51.100.1"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("forwarded", line.as_bytes())).collect();
            assert_eq!(client("10.1.2.3", &lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn of_the_two_headers_only_x_forwarded_for_is_read_when_both_are_there() {
        let both: &[(&str, &[u8])] = &[("forwarded", b"for=6.6.6.6"), ("x-forwarded-for", b"198.51.100.1")];
        assert_eq!(client("10.1.2.3", both), "198.51.100.1");
        let unreadable: &[(&str, &[u8])] = &[("forwarded", b"for=6.6.6.6"), ("x-forwarded-for", b"unknown")];
        assert_eq!(client("10.1.2.3", unreadable), "10.1.2.3");
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_it_should_be() {
        for (text, says) in [
            ("10.0.0.0/33", "10.0.0.0/33"),
            ("10.0.0", "is not a network"),
            ("example.com", "is not a network"),
            ("10.0.0.0/", "is not a network"),
            ("/8", "is not a network"),
            ("10.0.0.0/8/8", "is not a network"),
            ("10.0.0.0-10.0.0.9", "is not a network"),
            ("10.0.0.1/8", "write 10.0.0.0/8, or 10.0.0.1 "),
            ("2001:db8::1/32", "write 2001:db8::/32, or 2001:db8::1 "),
        ] {
            let why = text.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(why.contains(says) && why.contains(text), "{text}: {why}");
        }
        let good: TrustedProxies =
            "10.0.0.0/8,::1 , 192.0.2.1,fd00::/8,::ffff:172.16.0.0/108".parse().unwrap();
        assert_eq!(good.to_string(), "10.0.0.0/8, ::1/128, 192.0.2.1/32, fd00::/8, 172.16.0.0/12");
        assert!(good.trusts("172.31.1.1".parse().unwrap()) && !good.trusts("172.32.1.1".parse().unwrap()));
        assert_eq!(good.all(), None);
        let all: TrustedProxies = "10.0.0.0/8, ::/0".parse().unwrap();
        assert!(all.all().is_some());
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
    }
}

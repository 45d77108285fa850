//! Which pages may use the Frontend API: origins (RFC 6454), those that an instance lists, and how the two are compared.
//!
//! A browser writes an origin in one way only: in lower case, without a default port, with an international name in its
//! `xn--` form. What is written otherwise does not come from a browser and is nobody's origin here, so that comparing is
//! comparing texts.

use crate::instance::Environment;
use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 1035 section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
/// RFC 1035 section 2.3.4, without the length bytes of the wire and a final dot.
const NAME_BYTES_MAX: usize = 253;
/// The most bytes of the scheme and of the host of an origin that is neither http nor https.
const OTHER_BYTES_MAX: usize = 253;

/// An origin as a browser writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// An origin that an instance lists: one, or all subdomains of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern {
    /// Of a wildcard, the domain behind `*.`.
    origin: Origin,
    is_wildcard: bool,
}

/// The origins that may use an instance.
#[derive(Clone, Debug)]
pub struct AllowedOrigins {
    /// In development every origin on this machine is allowed.
    environment: Environment,
    /// The frontend hosts' own, and those that are listed.
    patterns: Vec<OriginPattern>,
}

impl Origin {
    /// Reads an origin.
    ///
    /// # Errors
    /// What is wrong, in words that complete a sentence about it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be an origin such as https://app.example.com, without a path";
        let (scheme, authority) = text.split_once("://").ok_or(FORM)?;
        if !is_scheme(scheme) {
            return Err("must have a scheme in lower case, such as https");
        }
        if authority.contains(['/', '?', '#']) {
            return Err(FORM);
        }
        let (host, port) =
            split_port(authority).ok_or("must have a port from 1 to 65535, or none and no colon")?;
        let default = match scheme {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        if port.is_some() && port == default {
            return Err("must not name the default port of its scheme: browsers leave it out");
        }
        let is_host = if default.is_some() { is_web_host(host) } else { is_other_host(host) };
        if !is_host {
            return Err(
                "must have a host in lower case, with an international name in its xn-- form, and nothing behind it",
            );
        }
        Ok(Self { scheme: scheme.to_owned(), host: host.to_owned(), port })
    }

    /// The origin of a URL of a page: http or https.
    ///
    /// # Errors
    /// What is wrong, in words that complete a sentence about it.
    pub fn of_url(url: &str) -> Result<Self, &'static str> {
        if url.bytes().any(|byte| byte <= b' ' || byte == b'\\' || byte == 0x7f) {
            return Err("must not have blanks, control characters or backslashes in it");
        }
        let (scheme, rest) = url.split_once("://").ok_or("must begin with https:// and a host")?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => ":443",
            "http" => ":80",
            _ => return Err("must begin with https:// or http://"),
        };
        // WHATWG URL section 4.4: these end the authority.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let authority = authority.strip_suffix(default).unwrap_or(&authority);
        Self::parse(&format!("{scheme}://{authority}"))
    }

    /// The scheme.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host, without a port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is a page on this machine: `localhost`, a name under it, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let is_web = self.scheme == "https" || self.scheme == "http";
        let is_here = matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
            || self.host.ends_with(".localhost");
        is_web && is_here
    }
}

impl OriginPattern {
    /// Reads an origin, or one with a leading `*.`.
    ///
    /// # Errors
    /// What is wrong, in words that complete a sentence about it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((scheme, domain)) = text.split_once("://*.") else {
            return Ok(Self { origin: Origin::parse(text)?, is_wildcard: false });
        };
        if scheme != "https" && scheme != "http" {
            return Err("can have *. only behind https:// or http://");
        }
        let origin = Origin::parse(&format!("{scheme}://{domain}"))?;
        if !origin.host.contains('.') || is_address(&origin.host) {
            return Err("must name a domain such as example.com behind *.");
        }
        Ok(Self { origin, is_wildcard: true })
    }

    /// Whether it is one origin for all subdomains.
    pub fn is_wildcard(&self) -> bool {
        self.is_wildcard
    }

    /// Whether pages of it can be changed on their way: http that does not stay on this machine.
    pub fn is_plain(&self) -> bool {
        self.origin.scheme == "http" && !self.origin.is_loopback()
    }

    fn matches(&self, origin: &Origin) -> bool {
        if !self.is_wildcard {
            return self.origin == *origin;
        }
        let is_under = origin
            .host
            .strip_suffix(&self.origin.host)
            .is_some_and(|before| before.len() > 1 && before.ends_with('.'));
        is_under && self.origin.scheme == origin.scheme && self.origin.port == origin.port
    }
}

impl AllowedOrigins {
    /// `own`: the origins of the frontend hosts; `listed`: those of the settings. What is not well-formed allows nothing.
    pub fn new<'a>(
        environment: Environment,
        own: impl IntoIterator<Item = &'a str>,
        listed: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let own = own.into_iter().filter_map(|text| OriginPattern::parse(text).ok());
        let listed = listed.into_iter().filter_map(|text| OriginPattern::parse(text).ok());
        Self { environment, patterns: own.chain(listed).collect() }
    }

    /// Whether pages of this origin may use the instance. `null` and whatever is not an origin may not.
    pub fn allow(&self, origin: &str) -> bool {
        Origin::parse(origin).is_ok_and(|origin| self.allow_parsed(&origin))
    }

    /// Whether a browser may be sent to this URL with something that signs it in. `cookie_domain`: in production the domain
    /// within which it must lie; without one it must be on a frontend host, which `own_hosts` are, without ports.
    pub fn allow_redirect(&self, url: &str, cookie_domain: Option<&str>, own_hosts: &[&str]) -> bool {
        let Ok(origin) = Origin::of_url(url) else { return false };
        if !self.allow_parsed(&origin) {
            return false;
        }
        match (self.environment, cookie_domain) {
            (Environment::Development, _) => true,
            (Environment::Production, Some(domain)) => crate::instance::is_within(&origin.host, domain),
            (Environment::Production, None) => own_hosts.contains(&origin.host.as_str()),
        }
    }

    fn allow_parsed(&self, origin: &Origin) -> bool {
        let is_here = self.environment == Environment::Development && origin.is_loopback();
        is_here || self.patterns.iter().any(|pattern| pattern.matches(origin))
    }
}

/// RFC 3986 section 3.1, in lower case.
fn is_scheme(scheme: &str) -> bool {
    scheme.len() <= OTHER_BYTES_MAX
        && scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

/// The host, and its port if it has one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end_of_host);
    let Some(digits) = port.strip_prefix(':') else {
        return port.is_empty().then_some((host, None));
    };
    let is_plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse::<u16>().ok().filter(|_| is_plain)?;
    Some((host, Some(port)))
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// A host as browsers write it: an address in its shortest form, or a name in lower case.
fn is_web_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return literal.parse::<Ipv6Addr>().is_ok_and(|address| address.to_string() == literal);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        // Resolvers read short forms of addresses, and browsers write none.
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= NAME_BYTES_MAX && host.split('.').all(is_label)
}

/// In browsers a label can have an underscore.
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

/// Of extensions and applications: the id of an extension, or a name.
fn is_other_host(host: &str) -> bool {
    (1..=OTHER_BYTES_MAX).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

#[cfg(test)]
mod tests;

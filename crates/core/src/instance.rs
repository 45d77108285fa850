//! An instance as browsers see it: what it is for, under which hosts it answers, and which of their keys are public.

use crate::origin::Origin;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;

/// The most bytes of a host with its port.
pub const HOST_BYTES_MAX: usize = 253 + 6;
/// The most frontend hosts of one instance.
pub const FRONTEND_HOSTS_MAX: usize = 20;

/// What an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Test mode: test numbers are accepted, keys begin with `sk_test_`.
    Development,
    /// Test numbers are refused, keys begin with `sk_live_`.
    Production,
}

/// A host under which browsers reach the Frontend API, with its port unless that is the scheme's own. In lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrontendHost(String);

impl Environment {
    /// The name in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }

    /// The environment with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Development, Self::Production].into_iter().find(|environment| environment.as_str() == name)
    }

    /// What the secret keys of such an instance begin with.
    pub fn key_prefix(self) -> &'static str {
        match self {
            Self::Development => "sk_test_",
            Self::Production => "sk_live_",
        }
    }

    /// What its publishable keys begin with.
    fn publishable_prefix(self) -> &'static str {
        match self {
            Self::Development => "pk_test_",
            Self::Production => "pk_live_",
        }
    }
}

impl FrontendHost {
    /// Reads a host such as `clerk.example.com` or `127.0.0.1:4100`.
    ///
    /// # Errors
    /// What is wrong, in words that complete a sentence about it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        if text.len() > HOST_BYTES_MAX {
            return Err("is too long");
        }
        // The host of an https origin: the default port of https is left out in both.
        let origin = Origin::parse(&format!("https://{text}")).map_err(|_| {
            "must be a host such as clerk.example.com or 127.0.0.1:4100, without scheme, path, and port 443"
        })?;
        if !origin.host().contains('.') {
            return Err(
                "must have a dot in its name, as in 127.0.0.1: SDKs refuse a publishable key of a host without one",
            );
        }
        Ok(Self(text))
    }

    /// The host as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its port.
    pub fn name(&self) -> &str {
        match self.0.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &self.0,
        }
    }

    /// What a client is configured with to find this host: the prefix of the environment, then base64 of the host and `$`.
    pub fn publishable_key(&self, environment: Environment) -> String {
        format!("{}{}", environment.publishable_prefix(), STANDARD_NO_PAD.encode(format!("{}$", self.0)))
    }

    /// The origin of its own pages over https, which production is.
    pub fn https_origin(&self) -> String {
        format!("https://{}", self.0)
    }
}

impl fmt::Display for FrontendHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The domain of the cookies that pages and the first frontend host share; `None`: they share none. An operator sets one
/// (empty: none), or it is the frontend host without its first label if every listed https origin is it or lies under it.
/// One that the host does not lie in has no effect: no browser takes a cookie for it.
pub fn cookie_domain(hosts: &[FrontendHost], set: Option<&str>, listed: &[String]) -> Option<String> {
    let host = hosts.first()?;
    match set {
        Some(domain) => (!domain.is_empty() && is_within(host.name(), domain)).then(|| domain.to_owned()),
        None => default_cookie_domain(host, listed),
    }
}

fn default_cookie_domain(host: &FrontendHost, listed: &[String]) -> Option<String> {
    let (_, domain) = host.name().split_once('.')?;
    check_cookie_domain(domain).ok()?;
    let lies_within = |origin: &String| match origin.strip_prefix("https://") {
        Some(rest) => {
            let name = rest.strip_prefix("*.").unwrap_or(rest);
            let name = name.split(':').next().unwrap_or_default();
            is_within(name, domain)
        }
        None => true,
    };
    listed.iter().all(lies_within).then(|| domain.to_owned())
}

/// Judges a cookie domain: no browser takes cookies for a whole top-level domain.
///
/// # Errors
/// What is wrong, in words that complete a sentence about it.
pub fn check_cookie_domain(domain: &str) -> Result<(), &'static str> {
    let is_domain = Origin::parse(&format!("https://{domain}")).is_ok_and(|origin| origin.host() == domain);
    if !is_domain || domain.starts_with('[') || domain.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("must be a domain such as example.com");
    }
    if !domain.contains('.') {
        return Err("must have a dot: browsers take no cookies for a whole top-level domain");
    }
    Ok(())
}

/// Judges a cookie domain beside the hosts of its instance, in the order in which they were added. One without hosts may have any.
///
/// # Errors
/// The first host does not lie in it.
pub fn check_cookie_domain_of(hosts: &[FrontendHost], domain: &str) -> Result<(), String> {
    match hosts.first() {
        Some(host) if !domain.is_empty() && !is_within(host.name(), domain) => Err(format!(
            "must be {} or a domain above it: browsers take no cookie of this host for another domain",
            host.name()
        )),
        _ => Ok(()),
    }
}

/// Whether a host is this domain or lies under it.
pub fn is_within(host: &str, domain: &str) -> bool {
    host == domain
        || host.strip_suffix(domain).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> FrontendHost {
        FrontendHost::parse(text).expect(text)
    }

    #[test]
    fn publishable_keys_are_those_of_the_official_clients() {
        for (text, environment, key) in [
            ("127.0.0.1:4100", Environment::Development, "pk_test_MTI3LjAuMC4xOjQxMDAk"),
            ("clerk.example.com", Environment::Production, "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"),
            (
                "clerk.inspired.puma-74.lcl.dev",
                Environment::Production,
                "pk_live_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA",
            ),
        ] {
            assert_eq!(host(text).publishable_key(environment), key);
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_with_a_dot() {
        assert_eq!(host("Clerk.Example.COM").as_str(), "clerk.example.com");
        assert_eq!((host("127.0.0.1:4100").name(), host("a.b").name()), ("127.0.0.1", "a.b"));
        for text in [
            "",
            "localhost",
            "localhost:4100",
            "https://clerk.example.com",
            "clerk.example.com/",
            "clerk.example.com:443",
            "clerk.example.com:",
            "clerk.example.com:0",
            "clerk.example.com:65536",
            "clerk.example.com$",
            "a@clerk.example.com",
            "clerk..example.com",
            ".example.com",
            "example.com.",
            "clerk example.com",
            "*.example.com",
            "bücher.example",
            "[::1]:4100",
        ] {
            assert!(FrontendHost::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn cookie_domain_is_shared_with_every_listed_page() {
        let of = |text: &str, listed: &[&str]| {
            let listed: Vec<_> = listed.iter().map(|origin| (*origin).to_owned()).collect();
            default_cookie_domain(&host(text), &listed)
        };
        for (text, listed, expected) in [
            ("clerk.example.com", &[][..], Some("example.com")),
            (
                "clerk.example.com",
                &["https://example.com", "https://app.example.com:8443"],
                Some("example.com"),
            ),
            ("clerk.example.com", &["https://*.example.com"], Some("example.com")),
            ("clerk.example.com", &["chrome-extension://abc", "capacitor://localhost"], Some("example.com")),
            ("clerk.example.com", &["https://example.org"], None),
            ("clerk.example.com", &["https://badexample.com"], None),
            ("clerk.example.com", &["https://*.com"], None),
            ("clerk.app.example.com", &["https://example.com"], None),
            ("clerk.com", &[], None),
            ("127.0.0.1:4100", &[], None),
        ] {
            assert_eq!(of(text, listed).as_deref(), expected, "{text} {listed:?}");
        }
    }

    #[test]
    fn cookie_domain_contains_the_frontend_host() {
        let clerk = [host("clerk.example.com:8443")];
        let of = |domain: &str| cookie_domain(&clerk, Some(domain), &[]);
        for good in ["example.com", "clerk.example.com"] {
            assert_eq!((check_cookie_domain(good), of(good).as_deref()), (Ok(()), Some(good)));
        }
        for bad in ["", "com", ".example.com", "Example.com", "0.0.1", "127.0.0.1", "example.com:80"] {
            assert!(check_cookie_domain(bad).is_err(), "{bad}");
        }
        for elsewhere in ["", "example.org", "lerk.example.com", "a.clerk.example.com"] {
            assert_eq!(of(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(
            (cookie_domain(&clerk, None, &[]).as_deref(), cookie_domain(&[], None, &[])),
            (Some("example.com"), None)
        );
    }
}

//! What counts as a URL of a service that is called: for endpoints of webhooks and for every URL of the configuration.
//!
//! The library keeps an authority as a text and gives no port for one that is none, so that a client would go to the
//! default port.

use hyper::Uri;

/// Reads an absolute URL. Which schemes and hosts are allowed is for the caller to say.
///
/// # Errors
/// What is wrong, in words that complete a sentence about it. They never repeat the URL: people put credentials into URLs.
pub(crate) fn parse(url: &str) -> Result<Uri, &'static str> {
    const NO_URL: &str = "must be a URL such as https://example.com/path";
    if url.is_empty() {
        return Err("is empty; it must be a URL such as https://example.com/path");
    }
    if url.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("must not have blanks or control characters in it");
    }
    let (_, behind_scheme) = url.split_once("://").ok_or("must begin with https:// and a host")?;
    let authority = behind_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not hold credentials");
    }
    let host_end = match authority.starts_with('[') {
        true => authority.find(']').map(|at| at + 1).ok_or(NO_URL)?,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    if host.is_empty() {
        return Err("must have a host");
    }
    let port = match port {
        "" => None,
        port => Some(
            read_port(port)
                .ok_or("must have a port from 1 to 65535 behind its host, or none and no colon")?,
        ),
    };
    let uri: Uri = url.parse().map_err(|_| NO_URL)?;
    let is_same = uri.host() == Some(host) && uri.port_u16() == port;
    if is_same { Ok(uri) } else { Err(NO_URL) }
}

/// `:443`
fn read_port(port: &str) -> Option<u16> {
    let digits = port.strip_prefix(':')?;
    // A parser of numbers takes a sign too.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number > 0)
}

/// Refuses a fragment, which is never sent.
///
/// # Errors
/// Words as for [`parse`].
pub(crate) fn check_fragment(url: &str) -> Result<(), &'static str> {
    if url.contains('#') { Err("must not have a fragment (#…), which is never sent") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_from_1_to_65535_or_absent() {
        for host in ["example.com", "127.0.0.1", "[::1]", "localhost"] {
            for good in ["", ":1", ":80", ":443", ":8443", ":65535", ":0443"] {
                assert!(parse(&format!("https://{host}{good}/x?y")).is_ok(), "{host}{good}");
            }
            for bad in [
                ":",
                ":0",
                ":00",
                ":65536",
                ":65616",
                ":70000",
                ":99999",
                ":4294967739",
                ":-1",
                ":+443",
                ":abc",
                ":80a",
                ":8 0",
                ":80:80",
                "::80",
                ":0x50",
                ":１",
                ":18446744073709551696",
            ] {
                for rest in ["", "/", "/x", "?x"] {
                    let url = format!("https://{host}{bad}{rest}");
                    let why = parse(&url).expect_err(&url);
                    assert!(why.contains("port") || why.contains("blanks"), "{url}: {why}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for (url, words) in [
            ("", "is empty"),
            (" ", "blanks"),
            (" https://example.com/", "blanks"),
            ("https://example.com/ ", "blanks"),
            ("https://example.com/a b", "blanks"),
            ("https://example.com/\u{a0}", "blanks"),
            ("https://example.com/\r\nhost: x", "blanks"),
            ("https://example.com/\0", "blanks"),
            ("example.com", "begin with https://"),
            ("//example.com/", "begin with https://"),
            ("https:example.com", "begin with https://"),
            ("https://", "must have a host"),
            ("https:///x", "must have a host"),
            ("https://:443/", "must have a host"),
            ("https://::1/", "must have a host"),
            ("https://user:hunter2@example.com/", "credentials"),
            ("https://@example.com/", "credentials"),
            ("https://[::1/", "must be a URL"),
            ("https://exa\\mple.com/", "must be a URL"),
            ("https://exämple.com/", "must be a URL"),
        ] {
            let why = parse(url).expect_err(url);
            assert!(why.contains(words), "{url:?}: {why}");
        }
        assert!(check_fragment("https://example.com/#a").is_err());
        assert!(check_fragment("https://example.com/a?b").is_ok());
    }
}

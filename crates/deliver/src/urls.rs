//! What counts as a URL of a service that is called: for endpoints of webhooks and for every URL of the configuration.
//!
//! The library keeps an authority as a text and gives no port for one that is none, so that a client would go to the
//! default port.

use hyper::Uri;
use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 1035 section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
/// RFC 1035 section 2.3.4, without the length bytes of the wire and a final dot.
const NAME_BYTES_MAX: usize = 253;

/// Reads an absolute URL. Which schemes and hosts are allowed is for the caller to say.
///
/// # Errors
/// What is wrong, in words that complete a sentence about it. They never repeat the URL: people put credentials into URLs.
pub fn parse(url: &str) -> Result<Uri, &'static str> {
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
        true => authority.find(']').map(|at| at + 1).ok_or("has a [ without ] in its host")?,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    check_host(host)?;
    let port = match port {
        "" => None,
        port => Some(
            read_port(port)
                .ok_or("must have a port from 1 to 65535 behind its host, or none and no colon")?,
        ),
    };
    check_behind_authority(&behind_scheme[authority.len()..])?;
    let uri: Uri = url.parse().map_err(|_| NO_URL)?;
    let is_same = uri.host() == Some(host) && uri.port_u16() == port;
    if is_same { Ok(uri) } else { Err(NO_URL) }
}

/// Judges a host. Resolvers read short forms of IPv4 (`127.1`, `0x7f000001`) and people do not: these are refused.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("must have a host");
    }
    if let Some(literal) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let is_address = literal.parse::<Ipv6Addr>().is_ok();
        return if is_address { Ok(()) } else { Err("has no IPv6 address between [ and ] as its host") };
    }
    if !host.is_ascii() {
        return Err("must have a host in ASCII; write an international name in its xn-- form");
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        let is_address = host.parse::<Ipv4Addr>().is_ok();
        return if is_address {
            Ok(())
        } else {
            Err("has a host that ends in a number but is no IPv4 address such as 192.0.2.1")
        };
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("may have a host of at most 253 characters");
    }
    if name.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err("may have at most 63 characters between two dots of its host");
    }
    if name.split('.').all(is_label) {
        Ok(())
    } else {
        Err("must have a host of letters, digits, hyphens and single dots, such as example.com")
    }
}

/// Decimal, or hexadecimal as resolvers read it.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// RFC 1123 section 2.1, and the underscore, which names inside a network have.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Judges a path, query and fragment by their characters (RFC 3986 section 2; brackets stand in many queries).
fn check_behind_authority(text: &str) -> Result<(), &'static str> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut is_hexadecimal = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
            if !(is_hexadecimal() && is_hexadecimal()) {
                return Err("must have two hexadecimal digits behind every % of its path and query");
            }
        } else if !byte.is_ascii_alphanumeric() && !b"-._~!$&'()*+,;=:@/?#[]".contains(&byte) {
            return Err("has a character in its path or query that must be percent-encoded");
        }
    }
    Ok(())
}

/// Parses a port from 1 to 65535, with its colon, such as `:443`.
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
pub fn check_fragment(url: &str) -> Result<(), &'static str> {
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
            ("https://::/", "must have a host"),
            ("https://user:hunter2@example.com/", "credentials"),
            ("https://@example.com/", "credentials"),
            ("https://[::1/", "[ without ]"),
            ("https://exa\\mple.com/", "a host of letters"),
            ("https://exämple.com/", "xn-- form"),
        ] {
            let why = parse(url).expect_err(url);
            assert!(why.contains(words), "{url:?}: {why}");
        }
        assert!(check_fragment("https://example.com/#a").is_err());
        assert!(check_fragment("https://example.com/a?b").is_ok());
    }

    #[test]
    fn a_host_that_is_no_name_or_address_is_refused_as_such() {
        let label = "a".repeat(63);
        let long = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        for good in [
            "example.com",
            "example.com.",
            "EXAMPLE.com",
            "localhost",
            "sub_domain.example",
            "xn--bcher-kva.example",
            "1.example",
            "a1",
            "192.0.2.1",
            "[::1]",
            "[2001:db8::1]",
            "[::ffff:192.0.2.1]",
            &label,
            &long,
        ] {
            for rest in ["", "/", ":443/x", "?a[]=%2F"] {
                let url = format!("http://{good}{rest}");
                assert_eq!(parse(&url).map(|uri| uri.host() == Some(good)), Ok(true), "{url}");
            }
        }
        let (long_label, long_name) = ("a".repeat(64), format!("{long}a"));
        for bad in [
            "[]",
            "[1::2::3]",
            "[v1.a]",
            "[::1%25eth0]",
            "[127.0.0.1]",
            "a..b",
            ".",
            "..",
            ".a",
            "a..",
            "-a.example",
            "a-.example",
            "999.999.999.999",
            "127.1",
            "0",
            "2130706433",
            "0x7f000001",
            "0x",
            "1.2.3.0x4",
            "127.0.0.1.",
            "127.0.0.01",
            "1.2.3.4.5",
            "*",
            "!",
            "$(id)",
            "127.0.0.1,foo",
            "a%20b",
            "a\\b",
            "\u{200b}example.com",
            &long_label,
            &long_name,
        ] {
            for rest in ["", "/", ":443/x"] {
                let url = format!("http://{bad}{rest}");
                let why = parse(&url).expect_err(&url);
                assert!(why.contains("host"), "{url}: {why}");
            }
        }
    }

    #[test]
    fn a_path_or_query_has_characters_of_urls_alone() {
        for good in ["/", "/a%20b/~c;d=1", "/a?b=c&d[]=%C3%A9", "?x", "/@:!$&'()*+,;="] {
            assert!(parse(&format!("https://example.com{good}")).is_ok(), "{good}");
        }
        for bad in
            ["/é", "/\u{200b}", "/%zz", "/%", "/%a", "/%é", "/a\\b", "?%4", "/<a>", "/{a}", "?\"", "/a^b|c"]
        {
            let why = parse(&format!("https://example.com{bad}")).expect_err(bad);
            assert!(why.contains("path"), "{bad}: {why}");
        }
    }
}

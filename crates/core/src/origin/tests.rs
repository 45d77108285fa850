use super::*;

fn production(listed: &[&str]) -> AllowedOrigins {
    AllowedOrigins::new(Environment::Production, ["https://clerk.example.com"], listed.iter().copied())
}

fn development(listed: &[&str]) -> AllowedOrigins {
    AllowedOrigins::new(Environment::Development, ["http://127.0.0.1:4100"], listed.iter().copied())
}

#[test]
fn own_origin_and_listed_ones_are_allowed() {
    let origins = production(&[
        "https://app.example.com",
        "https://shop.example.org:8443",
        "https://*.tenants.example.net",
        "chrome-extension://bpobhkpgjjchhmdpcbkfjkpdkhcdlaco",
        "capacitor://localhost",
        "http://localhost:3000",
    ]);
    for origin in [
        "https://clerk.example.com",
        "https://app.example.com",
        "https://shop.example.org:8443",
        "https://a.tenants.example.net",
        "https://a.b.tenants.example.net",
        "chrome-extension://bpobhkpgjjchhmdpcbkfjkpdkhcdlaco",
        "capacitor://localhost",
        "http://localhost:3000",
    ] {
        assert!(origins.allow(origin), "{origin}");
    }
}

/// Origins that look like `origin` and are not it: other schemes, hosts that begin or end with its, other ports, and
/// spellings that some parser takes for it.
fn look_alikes(scheme: &str, host: &str) -> Vec<String> {
    let mut found = Vec::new();
    let first = host.split('.').next().expect("a label");
    for other in [
        format!("{host}.attacker.example"),
        format!("attacker{host}"),
        format!("attacker-{host}"),
        format!("{host}attacker.example"),
        format!("{host}-attacker.example"),
        format!("{host}."),
        format!(".{host}"),
        format!("x.{host}"),
        format!("*.{host}"),
        format!("www.{host}"),
        format!("{first}.attacker.example"),
        format!("attacker.example/{host}"),
        format!("attacker.example?{host}"),
        format!("attacker.example#{host}"),
        format!("attacker.example\\{host}"),
        format!("attacker.example:443@{host}"),
        format!("{host}@attacker.example"),
        format!("user@{host}"),
        format!("user:password@{host}"),
        format!("{host}:1"),
        format!("{host}:80"),
        format!("{host}:443"),
        format!("{host}:8443"),
        format!("{host}:0443"),
        format!("{host}:"),
        format!("{host}:port"),
        format!("{host}:65536"),
        format!("{host}:-1"),
        format!("{host}/"),
        format!("{host}/path"),
        format!("{host}?"),
        format!("{host}#"),
        format!("{host}\\"),
        format!("{host} "),
        format!(" {host}"),
        format!("{host}\t"),
        format!("{host}\0"),
        format!("{host}%00"),
        format!("{host}%2eattacker.example"),
        format!("{host},https://attacker.example"),
        format!("{host} https://attacker.example"),
        format!("{host};a"),
        host.to_uppercase(),
        host.replace('.', "%2e"),
        host.replace('.', ".."),
        host.replace('.', "-"),
        host.replace('.', "x"),
        host.replace('.', "。"),
        host.replace('e', "е"),
        host.replace('a', "à"),
        host.replace(first, "xn--a"),
        host.replacen('.', "", 1),
        format!("[{host}]"),
        String::new(),
    ] {
        found.push(format!("{scheme}://{other}"));
    }
    for other in
        ["http", "https", "ws", "wss", "file", "ftp", "data", "HTTPS", "Https", "x-https", "https:https"]
    {
        if other != scheme {
            found.push(format!("{other}://{host}"));
        }
    }
    for other in [
        format!("{scheme}:{host}"),
        format!("{scheme}:/{host}"),
        format!("{scheme}:///{host}"),
        format!("{scheme}:\\\\{host}"),
        format!("//{host}"),
        host.to_owned(),
        format!(" {scheme}://{host}"),
        format!("{scheme}://{host}\n"),
        format!("\u{feff}{scheme}://{host}"),
        format!("view-source:{scheme}://{host}"),
        format!("blob:{scheme}://{host}"),
    ] {
        found.push(other);
    }
    // A host of one label has fewer of them.
    found.retain(|other| *other != format!("{scheme}://{host}"));
    found
}

#[test]
fn look_alikes_are_refused() {
    let origins =
        production(&["https://app.example.com", "capacitor://localhost", "https://*.tenants.example.net"]);
    let mut tried = 0;
    for (scheme, host) in
        [("https", "app.example.com"), ("https", "clerk.example.com"), ("capacitor", "localhost")]
    {
        for origin in look_alikes(scheme, host) {
            // The custom scheme compares texts too.
            assert!(!origins.allow(&origin), "{origin:?}");
            tried += 1;
        }
    }
    for origin in [
        "https://tenants.example.net",
        "https://.tenants.example.net",
        "https://..tenants.example.net",
        "https://*.tenants.example.net",
        "https://atenants.example.net",
        "https://a-tenants.example.net",
        "https://a.tenants.example.net.attacker.example",
        "https://a.tenants.example.net:8443",
        "http://a.tenants.example.net",
        "https://A.tenants.example.net",
        "https://a.tenants.example.net.",
        "https://a/.tenants.example.net",
        "https://attacker.example/a.tenants.example.net",
        "https://user@a.tenants.example.net",
        "null",
        "",
        "*",
        "https://*",
        "undefined",
        "about:blank",
        "file://",
        "http://localhost",
        "http://127.0.0.1",
        "http://[::1]:3000",
    ] {
        assert!(!origins.allow(origin), "{origin:?}");
        tried += 1;
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn development_allows_every_page_on_this_machine() {
    let origins = development(&["https://preview.example.com"]);
    for origin in [
        "http://localhost",
        "http://localhost:3000",
        "https://localhost:3000",
        "http://127.0.0.1:8080",
        "http://[::1]:5173",
        "http://app.localhost:3000",
        "http://a.b.localhost",
        "http://127.0.0.1:4100",
        "https://preview.example.com",
    ] {
        assert!(origins.allow(origin), "{origin}");
        assert!(!production(&[]).allow(origin), "{origin}");
    }
    for origin in [
        "http://localhost.attacker.example",
        "http://notlocalhost:3000",
        "http://attacker-localhost",
        "http://.localhost",
        "http://localhost.",
        "http://127.0.0.1.attacker.example",
        "http://127.0.0.2:3000",
        "http://127.1:3000",
        "http://0177.0.0.1",
        "http://2130706433",
        "http://0.0.0.0:3000",
        "http://[::]:3000",
        "http://[::ffff:127.0.0.1]:3000",
        "http://[0:0:0:0:0:0:0:1]:3000",
        "http://192.168.1.10:3000",
        "capacitor://localhost",
        "chrome-extension://abc",
        "null",
        "https://app.example.com",
    ] {
        assert!(!origins.allow(origin), "{origin}");
    }
}

#[test]
fn patterns_name_one_origin_or_the_subdomains_of_a_domain() {
    for good in [
        "https://example.com",
        "http://localhost:3000",
        "https://*.example.com",
        "https://*.example.com:8443",
        "chrome-extension://abc",
        "capacitor://localhost",
        "ionic://localhost",
        "my.app+v1://callback",
        "https://xn--bcher-kva.example",
        "https://a_b.example.com",
        "http://[::1]:3000",
    ] {
        assert!(OriginPattern::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "*",
        "https://*",
        "https://*.com",
        "https://*.localhost",
        "https://*.192.168.1.1",
        "https://*.*.example.com",
        "https://a.*.example.com",
        "https://a*.example.com",
        "*.example.com",
        "*://example.com",
        "capacitor://*.example.com",
        "chrome-extension://*",
        "https://example.com/",
        "https://example.com/path",
        "https://example.com:443",
        "http://example.com:80",
        "https://Example.com",
        "https://user@example.com",
        "https://bücher.example",
        "null",
        "1https://example.com",
    ] {
        assert!(OriginPattern::parse(bad).is_err(), "{bad}");
    }
    let of = |text| OriginPattern::parse(text).expect(text);
    assert!(of("http://example.com").is_plain() && of("http://*.example.com").is_plain());
    assert!(!of("http://localhost:3000").is_plain() && !of("https://example.com").is_plain());
    assert!(of("https://*.example.com").is_wildcard() && !of("https://example.com").is_wildcard());
}

#[test]
fn redirects_lead_to_allowed_pages_within_the_cookie_domain() {
    let origins = production(&["https://app.example.com", "https://example.org", "my-app://callback"]);
    let own = ["clerk.example.com"];
    let to = |url: &str, domain| origins.allow_redirect(url, domain, &own);
    for url in [
        "https://app.example.com",
        "https://app.example.com/a?b=https://attacker.example#c",
        "HTTPS://APP.example.com:443/a",
        "https://clerk.example.com/user",
    ] {
        assert!(to(url, Some("example.com")), "{url}");
    }
    assert!(to("https://clerk.example.com/user", None));
    for (url, domain) in [
        ("https://app.example.com/a", None),
        ("https://example.org/", Some("example.com")),
        ("my-app://callback", Some("example.com")),
        ("javascript://app.example.com/%0aalert(1)", Some("example.com")),
        ("//app.example.com", Some("example.com")),
        ("/a", Some("example.com")),
        ("", Some("example.com")),
        ("http://app.example.com/", Some("example.com")),
        ("https://app.example.com\\@attacker.example/", Some("example.com")),
        ("https://app.example.com@attacker.example/", Some("example.com")),
        ("https://attacker.example\\.app.example.com/", Some("example.com")),
        ("https://attacker.example?.app.example.com/", Some("example.com")),
        ("https://app.example.com:8443/", Some("example.com")),
        ("https://app.example.com/\r\nSet-Cookie: a=b", Some("example.com")),
        ("https://app.example.com /", Some("example.com")),
        ("https:\\\\app.example.com/", Some("example.com")),
        ("https:app.example.com/", Some("example.com")),
    ] {
        assert!(!to(url, domain), "{url:?}");
    }
    let origins = development(&[]);
    assert!(origins.allow_redirect("http://localhost:3000/a", None, &[]));
    assert!(!origins.allow_redirect("https://attacker.example/a", None, &[]));
}

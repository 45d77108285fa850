//! Addresses of pages: as much of a URL as deciding about a request needs.

use form_urlencoded::Serializer;
use http::Uri;
use std::fmt;

/// An `http` or `https` URL without its fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    scheme: String,
    /// In lower case, without the scheme's own port.
    authority: String,
    pub(crate) path: String,
    /// Without the question mark; empty if there is none.
    query: String,
}

impl Location {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let authority = uri.authority()?.as_str().to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => ":80",
            "https" => ":443",
            _ => return None,
        };
        if authority.contains('@') {
            return None;
        }
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority).to_owned();
        Some(Self {
            scheme,
            authority,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        })
    }

    /// The same page at another origin, if that makes a URL.
    pub(crate) fn at_origin(&self, scheme: &str, authority: &str) -> Option<Self> {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        Self::parse(&format!("{scheme}://{authority}{}{query}", self.path))
    }

    pub(crate) fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Without its port.
    pub(crate) fn host_name(&self) -> &str {
        host_name(&self.authority)
    }

    /// The first value of a parameter of the query, decoded; an empty one is none.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, value) = self.pairs().find(|(key, _)| key == name)?;
        Some(value).filter(|value| !value.is_empty())
    }

    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.pairs().any(|(key, _)| key == name)
    }

    /// The URL without these parameters. One that has none of them stays as it was written.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        if !names.iter().any(|name| self.has_parameter(name)) {
            return self.clone();
        }
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.pairs().filter(|(key, _)| !names.contains(&key.as_str())));
        Self { query: query.finish(), ..self.clone() }
    }

    /// The URL with one more parameter.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut query = Serializer::new(self.query.clone());
        query.append_pair(name, value);
        Self { query: query.finish(), ..self.clone() }
    }

    /// The URL with this value of a parameter, in the place of the first one that it has.
    pub(crate) fn with_only(&self, name: &str, value: &str) -> Self {
        let mut is_set = false;
        let mut query = Serializer::new(String::new());
        for (key, other) in self.pairs() {
            if key != name {
                query.append_pair(&key, &other);
            } else if !is_set {
                is_set = true;
                query.append_pair(name, value);
            }
        }
        if !is_set {
            query.append_pair(name, value);
        }
        Self { query: query.finish(), ..self.clone() }
    }

    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", self.query) }
    }
}

/// A host without its port.
pub(crate) fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(url: &str) -> Option<String> {
        Location::parse(url).map(|url| url.to_string())
    }

    #[test]
    fn a_url_is_written_as_browsers_write_it() {
        for (url, expected) in [
            ("https://Example.com", Some("https://example.com/")),
            ("https://example.com:443/a?b#c", Some("https://example.com/a?b")),
            ("http://example.com:443/", Some("http://example.com:443/")),
            ("http://127.0.0.1:80/x%20y?z=%26", Some("http://127.0.0.1/x%20y?z=%26")),
            ("/path", None),
            ("ftp://example.com/", None),
            ("https://user@example.com/", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(text(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn parameters_are_taken_away_and_added() {
        let url = Location::parse("https://example.com/a?x=1&__clerk_db_jwt=d%20e&x=2").unwrap();
        assert_eq!(url.parameter("__clerk_db_jwt").as_deref(), Some("d e"));
        assert_eq!(url.without(&["y"]), url);
        assert_eq!(url.without(&["__clerk_db_jwt"]).to_string(), "https://example.com/a?x=1&x=2");
        assert_eq!(url.without(&["__clerk_db_jwt", "x"]).to_string(), "https://example.com/a");
        assert_eq!(
            Location::parse("https://example.com").unwrap().with("a", "b&c").to_string(),
            "https://example.com/?a=b%26c"
        );
        assert_eq!(url.with_only("x", "3").to_string(), "https://example.com/a?x=3&__clerk_db_jwt=d+e");
        assert_eq!(
            url.with_only("y", "3").to_string(),
            format!("{}&y=3", url.with_only("y", "3").without(&["y"]))
        );
        assert_eq!(Location::parse("https://example.com/?a=").unwrap().parameter("a"), None);
        assert!(Location::parse("https://example.com/?a=").unwrap().has_parameter("a"));
    }

    #[test]
    fn a_host_has_no_port() {
        for (host, name) in [("a.b:1", "a.b"), ("a.b", "a.b"), ("[::1]:4100", "[::1]"), ("[::1]", "[::1]")] {
            assert_eq!(host_name(host), name);
        }
    }
}

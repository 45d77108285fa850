//! The header `Cookie`.

use percent_encoding::percent_decode_str;
use std::collections::HashMap;

pub(crate) struct Cookies(HashMap<String, String>);

impl Cookies {
    /// Of two cookies with one name the first counts: browsers send the one with the narrower path first.
    pub(crate) fn parse(header: &str) -> Self {
        let mut cookies = HashMap::new();
        for pair in header.split(';') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let value = value.trim();
            // What does not decode to text is taken as it is.
            let value = match percent_decode_str(value).decode_utf8() {
                Ok(decoded) => decoded.into_owned(),
                Err(_) => value.to_owned(),
            };
            cookies.entry(name.trim().to_owned()).or_insert(value);
        }
        Self(cookies)
    }

    /// An empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Name and value of a `Set-Cookie` line.
pub(crate) fn set_cookie(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split(';').next()?.split_once('=')?;
    Some((name.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_as_browsers_send_them() {
        let cookies = Cookies::parse("a=1; b=\"two\"; a=3;c=%7B%7D; d ; e=; =x; f=%ff");
        for (name, value) in [
            ("a", Some("1")),
            ("b", Some("\"two\"")),
            ("c", Some("{}")),
            ("d", None),
            ("e", None),
            ("f", Some("%ff")),
        ] {
            assert_eq!(cookies.get(name), value, "{name}");
        }
    }

    #[test]
    fn a_line_has_a_name_and_a_value() {
        assert_eq!(set_cookie("__session=abc; Path=/"), Some(("__session", "abc")));
        assert_eq!(set_cookie("Path"), None);
    }
}

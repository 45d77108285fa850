//! Paths that name the organization that a person works in.

use crate::error::Error;

/// A pattern such as `/orgs/:slug` or `/orgs/:id/(.*)`.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    parts: Vec<Part>,
    /// Whatever follows the parts.
    has_rest: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Fixed(String),
    Named(String),
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    OrganizationId(String),
    OrganizationSlug(String),
    PersonalAccount,
}

impl PathPattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::refused(
                "a pattern of paths is made of /word, /:id, /:slug, and (.*) at its end: /orgs/:slug/(.*)",
            )
        };
        let (path, has_rest) = match text.strip_suffix("(.*)") {
            Some(path) => (path.strip_suffix('/').ok_or_else(wrong)?, true),
            None => (text, false),
        };
        let mut parts = Vec::new();
        if !(path == "/" || path.is_empty() && has_rest) {
            for part in path.strip_prefix('/').ok_or_else(wrong)?.split('/') {
                let (name, is_named) = match part.strip_prefix(':') {
                    Some(name) => (name, true),
                    None => (part, false),
                };
                let is_word =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
                if name.is_empty() || !name.bytes().all(is_word) {
                    return Err(wrong());
                }
                parts.push(if is_named {
                    Part::Named(name.to_owned())
                } else {
                    Part::Fixed(name.to_owned())
                });
            }
        }
        Ok(Self { parts, has_rest })
    }

    /// The named parts of a path that fits; `None` if it does not. Upper and lower case are the same, as in the official SDK.
    pub(crate) fn matches(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let path = path.strip_prefix('/')?;
        let path = if self.has_rest { path } else { path.strip_suffix('/').unwrap_or(path) };
        let mut given = path.split('/').filter(|_| !path.is_empty());
        let mut named = Vec::new();
        for part in &self.parts {
            let value = given.next()?;
            match part {
                Part::Fixed(word) if word.eq_ignore_ascii_case(value) => {}
                Part::Fixed(_) => return None,
                Part::Named(_) if value.is_empty() => return None,
                Part::Named(name) => {
                    let decoded = percent_encoding::percent_decode_str(value).decode_utf8().ok()?;
                    named.push((name.as_str(), decoded.into_owned()));
                }
            }
        }
        // A pattern with a rest wants the slash before it.
        let rest = given.next();
        (rest.is_some() == self.has_rest || (self.has_rest && path.is_empty())).then_some(named)
    }
}

pub(crate) fn find(
    organizations: &[PathPattern],
    personal_accounts: &[PathPattern],
    path: &str,
) -> Option<Target> {
    let named = organizations.iter().find_map(|pattern| pattern.matches(path)).unwrap_or_default();
    let value = |wanted: &str| named.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    if let Some(id) = value("id") {
        return Some(Target::OrganizationId(id));
    }
    if let Some(slug) = value("slug") {
        return Some(Target::OrganizationSlug(slug));
    }
    let is_personal = personal_accounts.iter().any(|pattern| pattern.matches(path).is_some());
    is_personal.then_some(Target::PersonalAccount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Option<Target> {
        let patterns = |texts: &[&str]| -> Vec<PathPattern> {
            texts.iter().map(|text| PathPattern::parse(text).unwrap()).collect()
        };
        find(&patterns(&["/orgs/:slug", "/orgs/:slug/(.*)", "/o/:id"]), &patterns(&["/me", "/me/(.*)"]), path)
    }

    #[test]
    fn a_path_names_an_organization_or_the_person() {
        let slug = Some(Target::OrganizationSlug("acme".to_owned()));
        for (path, expected) in [
            ("/orgs/acme", slug.clone()),
            ("/orgs/acme/", slug.clone()),
            ("/Orgs/acme/settings/members", slug),
            ("/orgs/a%20b", Some(Target::OrganizationSlug("a b".to_owned()))),
            ("/orgs", None),
            ("/orgs/", None),
            ("/o/org_1", Some(Target::OrganizationId("org_1".to_owned()))),
            ("/o/org_1/x", None),
            ("/me", Some(Target::PersonalAccount)),
            ("/me/x", Some(Target::PersonalAccount)),
            ("/mex", None),
            ("/", None),
        ] {
            assert_eq!(target(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "orgs/:slug", "/orgs/:", "/orgs//x", "/orgs/{:slug}", "/orgs/:slug?", "/a(.*)", "/*"]
        {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        assert!(PathPattern::parse("/").unwrap().matches("/").is_some());
        assert!(PathPattern::parse("/(.*)").unwrap().matches("/").is_some());
        assert!(PathPattern::parse("/(.*)").unwrap().matches("/a/b").is_some());
    }
}

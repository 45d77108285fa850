//! Standard headers of requests: the ones that make writes safe, and which of them an operation takes.

use crate::reasons::malformed;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::ops::BitOr;
use verger_wire::Refused;

const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER_HEADER: HeaderName = HeaderName::from_static("prefer");
const DRY_RUN_HAS_NO_VALUE: &str = "dry-run takes no value and is no parameter: send `Prefer: dry-run`, with a comma \
    between it and other preferences. Nothing was changed.";
const DRY_RUN: &str = "dry-run";
/// The most characters of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARACTERS_MAX: usize = 255;

/// Standard headers of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers(u8);

impl Headers {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// The answer has an `ETag`.
    pub const TAGGED: Self = Self(1);
    /// A write takes `If-Match` (and `If-None-Match`).
    pub const IF_MATCH: Self = Self(2);
    /// A write takes `Prefer: dry-run`.
    pub const DRY_RUN: Self = Self(4);
    /// A write takes `Idempotency-Key`.
    pub const IDEMPOTENT: Self = Self(8);
    /// A read takes `If-None-Match`.
    pub const NOT_MODIFIED: Self = Self(16);
    /// The answer to a write has `Verger-Consequences`.
    pub const CONSEQUENCES: Self = Self(32);

    /// Whether all of these are among them.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both, where a constant is needed.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Headers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// The standard headers that writes understand.
#[derive(Clone, Debug, Default)]
pub struct WriteHeaders {
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `If-Match`.
    pub if_match: Option<IfMatch>,
    /// `If-None-Match`, of which a write must not happen if one matches (RFC 9110 section 13.1.2).
    pub if_none_match: Option<IfMatch>,
    /// `Prefer: dry-run`.
    pub dry_run: bool,
}

/// A precondition (RFC 9110 section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: any version, as long as there is one.
    Any,
    /// One of these entity tags, with their quotes.
    Tags(Vec<String>),
}

impl WriteHeaders {
    /// Reads them.
    ///
    /// # Errors
    /// One is malformed, or comes with different values.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        if sent_with_different_values(headers, &IDEMPOTENCY_KEY_HEADER) {
            let why = "Idempotency-Key may have one value. Nothing was changed.";
            return Err(malformed(why).param("Idempotency-Key"));
        }
        let idempotency_key = match headers.get(IDEMPOTENCY_KEY_HEADER) {
            None => None,
            Some(value) => {
                let key = value.to_str().ok().filter(|key| {
                    (1..=IDEMPOTENCY_KEY_CHARACTERS_MAX).contains(&key.len())
                        && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
                });
                let why = "Idempotency-Key must have 1 to 255 printable ASCII characters.";
                Some(key.map(str::to_owned).ok_or_else(|| malformed(why).param("Idempotency-Key"))?)
            }
        };
        // What cannot be read must not be taken for absent: the write would go ahead without its condition.
        for name in [PREFER_HEADER, header::IF_MATCH, header::IF_NONE_MATCH] {
            if headers.get_all(&name).iter().any(|value| value.to_str().is_err()) {
                let why = "The headers Prefer, If-Match and If-None-Match must be printable ASCII.";
                return Err(malformed(why));
            }
        }
        let dry_run = asks_for_dry_run(headers)?;
        let if_match = entity_tags(headers, &header::IF_MATCH);
        let if_none_match = entity_tags(headers, &header::IF_NONE_MATCH);
        Ok(Self { idempotency_key, if_match, if_none_match, dry_run })
    }

    /// Refuses the headers that an operation does not take: a condition that nobody looks at must not be taken for kept.
    pub fn refuse_others(&self, taken: Headers) -> Result<(), Refused> {
        let has_condition = self.if_match.is_some() || self.if_none_match.is_some();
        if has_condition && !taken.has(Headers::IF_MATCH) {
            return Err(malformed("What this operation changes has no versions: send it without If-Match and If-None-Match. Nothing was changed.").param(if self.if_match.is_some() { "If-Match" } else { "If-None-Match" }));
        }
        if self.dry_run && !taken.has(Headers::DRY_RUN) {
            return Err(malformed("There is no dry run of this operation: send it without `Prefer: dry-run`. Nothing was changed.").param("Prefer"));
        }
        Ok(())
    }
}

/// Whether a header that has one value comes with several: two readers could disagree about which of them counts.
pub fn sent_with_different_values(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|other| Some(other) != first)
}

/// Whether `Prefer` (RFC 7240) has the preference `dry-run`. Others are ignored, whatever they say; but a dry run that is
/// asked for in a way that is not understood is refused, since the write would go ahead.
fn asks_for_dry_run(headers: &HeaderMap) -> Result<bool, Refused> {
    let values = headers.get_all(PREFER_HEADER).iter().filter_map(|value| value.to_str().ok());
    let mut asks = false;
    for preference in values.flat_map(|value| split_unquoted(value, b',')) {
        asks |= is_dry_run(preference).ok_or_else(|| malformed(DRY_RUN_HAS_NO_VALUE).param("Prefer"))?;
    }
    Ok(asks)
}

/// `None` if it cannot be told.
fn is_dry_run(preference: &str) -> Option<bool> {
    let mut parts = split_unquoted(preference, b';').into_iter().map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim(), value.trim())
    });
    let (name, value) = parts.next()?;
    if name.eq_ignore_ascii_case(DRY_RUN) {
        return matches!(value, "" | "\"\"").then_some(true);
    }
    // As a parameter of another preference, or with something that is no token.
    let is_unclear = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == DRY_RUN || !is_token(&name) && name.contains(DRY_RUN)
    };
    let is_unclear = is_unclear(name) || parts.any(|(name, _)| is_unclear(name));
    (!is_unclear).then_some(false)
}

/// The parts between separators outside of quoted strings. A quote that does not end quotes nothing.
fn split_unquoted(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut from, mut at, mut has_quotes) = (Vec::new(), 0, 0, true);
    while let Some(byte) = bytes.get(at) {
        if *byte == b'"' && has_quotes {
            let end = closing_quote(bytes, at);
            has_quotes = end.is_some();
            at = end.unwrap_or(at);
        } else if *byte == separator {
            parts.push(&text[from..at]);
            from = at + 1;
        }
        at += 1;
    }
    parts.push(&text[from..]);
    parts
}

fn closing_quote(bytes: &[u8], open: usize) -> Option<usize> {
    let mut is_escaped = false;
    let rest = bytes.iter().enumerate().skip(open + 1);
    for (at, byte) in rest {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl IfMatch {
    /// Whether one of them names this version, in the comparison that also takes weak tags.
    pub fn matches_weakly(&self, tag: &str) -> bool {
        self.matches(tag) || self.matches(&format!("W/{tag}"))
    }

    /// Whether it holds for an object with this tag. Weak tags never match strongly.
    pub fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|other| other == tag),
        }
    }
}

/// The tags of `If-Match` or `If-None-Match`.
pub fn entity_tags(headers: &HeaderMap, name: &HeaderName) -> Option<IfMatch> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).peekable();
    values.peek()?;
    let tags: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect();
    Some(if tags.iter().any(|tag| tag == "*") { IfMatch::Any } else { IfMatch::Tags(tags) })
}

/// The secret of `Authorization: Bearer …`.
pub fn bearer(value: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, secret) = value?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// The entity tag of a version of a user.
pub fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dry_run_is_read_as_a_preference_or_refused() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(PREFER_HEADER, header::HeaderValue::from_static(value));
            }
            WriteHeaders::of(&headers).map(|headers| headers.dry_run)
        };
        for values in [
            &["dry-run"][..],
            &["Dry-Run"],
            &["dry-run="],
            &["dry-run=\"\""],
            &["dry-run = \"\" "],
            &["dry-run; foo=bar"],
            &["wait=10, dry-run"],
            &["note=\"a, b\", dry-run"],
            &["note=\"a\\\", b\",dry-run,"],
            &["return=minimal", "dry-run"],
            &["dry-run", "respond-async"],
            &["note=\"open, dry-run"],
        ] {
            assert!(matches!(read(values), Ok(true)), "{values:?}");
        }
        for values in [
            &[""][..],
            &[","],
            &["respond-async"],
            &["return=minimal; x=1, wait=10"],
            &["note=\"dry-run\""],
            &["note=\"a, dry-run, b\""],
            &["note=\"a; dry-run; b\""],
            &["note=dry-run"],
            &["dry-run-mode"],
            &["not-a-dry-run"],
        ] {
            assert!(matches!(read(values), Ok(false)), "{values:?}");
        }
        for values in [
            &["dry-run=true"][..],
            &["dry-run=false"],
            &["dry-run=\"true\""],
            &["dry-run=1; x=y"],
            &["respond-async, DRY-RUN=yes"],
            &["dry-run", "dry-run=true"],
            &["respond-async; dry-run"],
            &["return=minimal; x=1; dry-run=true"],
            &["dry-run true"],
            &["dry-run:true"],
            &["\"dry-run\""],
        ] {
            let Err(refused) = read(values) else { panic!("{values:?}") };
            assert_eq!(refused, malformed(DRY_RUN_HAS_NO_VALUE).param("Prefer"), "{values:?}");
        }
    }

    #[test]
    fn weak_and_foreign_tags_do_not_match() {
        let mut headers = HeaderMap::new();
        assert_eq!(entity_tags(&headers, &header::IF_MATCH), None);
        headers.insert(header::IF_MATCH, header::HeaderValue::from_static("\"1\", W/\"2\""));
        let tags = entity_tags(&headers, &header::IF_MATCH).expect("there");
        assert!(tags.matches("\"1\""));
        assert!(!tags.matches("\"2\""));
        headers.insert(header::IF_MATCH, header::HeaderValue::from_static("*"));
        assert!(entity_tags(&headers, &header::IF_MATCH).expect("there").matches("\"7\""));
    }
}

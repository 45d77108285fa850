//! What a request brings besides its body: who calls, which API version, and the standard headers that we add.

use crate::error::Failure;
use crate::http_reasons::{api_version_invalid, malformed};
use crate::operation::Headers;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use verger_core::TestNumbers;
use verger_store::{Environment, Instance};
use verger_wire::KeyId;

/// Versions of the Backend API that are known, oldest first.
pub const API_VERSIONS: [&str; 5] = ["2021-02-05", "2024-10-01", "2025-04-10", "2025-11-10", "2026-05-12"];
/// The header that names a version, and with which the effective one is echoed.
pub(crate) const API_VERSION_HEADER: HeaderName = HeaderName::from_static("clerk-api-version");
const API_VERSION_QUERY: &str = "__clerk_api_version";
const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER_HEADER: HeaderName = HeaderName::from_static("prefer");
const DRY_RUN: &str = "dry-run";
/// The most characters of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_CHARACTERS_MAX: usize = 255;

/// A version of the API. Later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(usize);

/// The caller and the conditions of a request.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Whose data it is about. There is no way to reach another's.
    pub(crate) instance: Arc<Instance>,
    /// Which key was used.
    pub(crate) key_id: KeyId,
    /// What holds of any request.
    pub(crate) occasion: Occasion,
}

/// What is known of any request, whoever sends it.
#[derive(Clone, Debug)]
pub(crate) struct Occasion {
    /// The effective version.
    pub(crate) version: ApiVersion,
    /// Names the request in its answer and in the log.
    pub(crate) trace_id: TraceId,
    /// When the caller will have given up.
    pub(crate) deadline: Instant,
    /// Who the request comes from: who is at the other end of the connection, or whom a trusted proxy there names.
    pub(crate) remote_address: Option<IpAddr>,
    /// What the caller says it is, cut to a reasonable length.
    pub(crate) user_agent: Option<String>,
}

/// Characters of a `User-Agent` that are kept.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// What the caller says it is.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_CHARACTERS_MAX).collect())
}

/// 32 hexadecimal digits that name one request in its answer and in the log.
#[derive(Clone, Debug)]
pub(crate) struct TraceId(pub(crate) Arc<str>);

/// The standard headers that writes understand.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteHeaders {
    /// `Idempotency-Key`.
    pub(crate) idempotency_key: Option<String>,
    /// `If-Match`.
    pub(crate) if_match: Option<IfMatch>,
    /// `If-None-Match`, of which a write must not happen if one matches (RFC 9110 section 13.1.2).
    pub(crate) if_none_match: Option<IfMatch>,
    /// `Prefer: dry-run`.
    pub(crate) dry_run: bool,
}

/// A precondition (RFC 9110 section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// `*`: any version, as long as there is one.
    Any,
    /// One of these entity tags, with their quotes.
    Tags(Vec<String>),
}

impl ApiVersion {
    /// What a request without a version gets.
    pub(crate) const DEFAULT: Self = Self(0);

    pub(crate) fn as_str(self) -> &'static str {
        API_VERSIONS.get(self.0).copied().unwrap_or(API_VERSIONS[0])
    }

    /// The version that a request asks for: by header or by query, not both.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Failure> {
        let by_header = headers.get(API_VERSION_HEADER);
        let mut in_query = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .filter_map(|pair| pair.strip_prefix(API_VERSION_QUERY)?.strip_prefix('='));
        let by_query = in_query.next();
        if sent_with_different_values(headers, &API_VERSION_HEADER)
            || in_query.any(|other| Some(other) != by_query)
        {
            return Err(api_version_invalid("Name one version.").into());
        }
        let wanted = match (by_header, by_query) {
            (None, None) => return Ok(Self::DEFAULT),
            (Some(_), Some(_)) => {
                return Err(api_version_invalid(
                    "Name the version in the header or in the query, not in both.",
                )
                .into());
            }
            (Some(header), None) => header.to_str().unwrap_or(""),
            (None, Some(query)) => query,
        };
        let known = "The known versions are 2021-02-05, 2024-10-01, 2025-04-10, 2025-11-10 and 2026-05-12.";
        let found = API_VERSIONS.iter().position(|known| *known == wanted);
        found.map(Self).ok_or_else(|| api_version_invalid(known).into())
    }
}

impl AsRef<Occasion> for Context {
    fn as_ref(&self) -> &Occasion {
        &self.occasion
    }
}

impl AsRef<Self> for Occasion {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl std::ops::Deref for Context {
    type Target = Occasion;

    fn deref(&self) -> &Occasion {
        &self.occasion
    }
}

impl Context {
    /// Whether reserved test numbers may be used.
    pub(crate) fn test_numbers(&self) -> TestNumbers {
        match self.instance.environment {
            Environment::Development => TestNumbers::Accepted,
            Environment::Production => TestNumbers::Refused,
        }
    }
}

impl WriteHeaders {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        if sent_with_different_values(headers, &IDEMPOTENCY_KEY_HEADER) {
            let why = "Idempotency-Key may have one value. Nothing was changed.";
            return Err(malformed(why).param("Idempotency-Key").into());
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
                return Err(malformed(why).into());
            }
        }
        let dry_run = asks_for_dry_run(headers)?;
        let if_match = entity_tags(headers, &header::IF_MATCH);
        let if_none_match = entity_tags(headers, &header::IF_NONE_MATCH);
        Ok(Self { idempotency_key, if_match, if_none_match, dry_run })
    }

    /// Refuses the headers that an operation does not take: a condition that nobody looks at must not be taken for kept.
    pub(crate) fn refuse_others(&self, taken: Headers) -> Result<(), Failure> {
        let has_condition = self.if_match.is_some() || self.if_none_match.is_some();
        if has_condition && !taken.has(Headers::IF_MATCH) {
            return Err(malformed("What this operation changes has no versions: send it without If-Match and If-None-Match. Nothing was changed.").param(if self.if_match.is_some() { "If-Match" } else { "If-None-Match" }).into());
        }
        if self.dry_run && !taken.has(Headers::DRY_RUN) {
            return Err(malformed("There is no dry run of this operation: send it without `Prefer: dry-run`. Nothing was changed.").param("Prefer").into());
        }
        Ok(())
    }
}

/// Whether a header that has one value comes with several: two readers could disagree about which of them counts.
pub(crate) fn sent_with_different_values(headers: &HeaderMap, name: &HeaderName) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|other| Some(other) != first)
}

const DRY_RUN_HAS_NO_VALUE: &str = "dry-run takes no value and is no parameter: send `Prefer: dry-run`, with a comma \
    between it and other preferences. Nothing was changed.";

/// Whether `Prefer` (RFC 7240) has the preference `dry-run`. Others are ignored, whatever they say; but a dry run that is
/// asked for in a way that is not understood is refused, since the write would go ahead.
fn asks_for_dry_run(headers: &HeaderMap) -> Result<bool, Failure> {
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
    pub(crate) fn matches_weakly(&self, tag: &str) -> bool {
        self.matches(tag) || self.matches(&format!("W/{tag}"))
    }

    /// Whether it holds for an object with this tag. Weak tags never match strongly.
    pub(crate) fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|other| other == tag),
        }
    }
}

/// The tags of `If-Match` or `If-None-Match`.
pub(crate) fn entity_tags(headers: &HeaderMap, name: &HeaderName) -> Option<IfMatch> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).peekable();
    values.peek()?;
    let tags: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect();
    Some(if tags.iter().any(|tag| tag == "*") { IfMatch::Any } else { IfMatch::Tags(tags) })
}

pub(crate) fn bearer(value: Option<&HeaderValue>) -> Option<&str> {
    let (scheme, secret) = value?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// The entity tag of a version of a user.
pub(crate) fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_from_header_or_query_but_not_both() {
        let mut headers = HeaderMap::new();
        assert_eq!(ApiVersion::of(&headers, None).expect("default"), ApiVersion::DEFAULT);
        let by_query = ApiVersion::of(&headers, Some("a=1&__clerk_api_version=2026-05-12"));
        assert_eq!(by_query.expect("known"), ApiVersion(4));
        assert!(ApiVersion::of(&headers, Some("__clerk_api_version=2026-05-13")).is_err());
        headers.insert(API_VERSION_HEADER, header::HeaderValue::from_static("2025-11-10"));
        assert_eq!(ApiVersion::of(&headers, Some("a=1")).expect("known").as_str(), "2025-11-10");
        assert!(ApiVersion::of(&headers, Some("__clerk_api_version=2025-11-10")).is_err());
    }

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
            let Err(Failure::Refused(refused)) = read(values) else { panic!("{values:?}") };
            assert_eq!(*refused, malformed(DRY_RUN_HAS_NO_VALUE).param("Prefer"), "{values:?}");
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

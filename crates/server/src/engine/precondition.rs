//! `If-Match` and `If-None-Match` (RFC 9110 section 13.1).

use crate::error::Failure;
use verger_http::headers::{IfMatch, WriteHeaders, entity_tag};
use verger_http::reasons::PRECONDITION_FAILED;

/// What a precondition is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    /// Nothing is there yet.
    Nothing,
    /// One object has this version.
    One(i64),
    /// Several objects have no single version; `*` only requires that they exist.
    Many,
    /// Nothing is compared: the object has no versions that clients see, or they were compared before.
    Uncompared,
}

/// Refuses a write whose precondition does not hold.
pub(super) fn check(headers: &WriteHeaders, versions: Versions) -> Result<(), Failure> {
    let (if_match, if_none_match) = (headers.if_match.as_ref(), headers.if_none_match.as_ref());
    let holds = match versions {
        Versions::Uncompared => true,
        Versions::Nothing => if_match.is_none(),
        Versions::One(version) => {
            let tag = entity_tag(version);
            if_none_match.is_none_or(|tags| !tags.matches_weakly(&tag))
                && if_match.is_none_or(|tags| tags.matches(&tag))
        }
        Versions::Many => {
            if_none_match != Some(&IfMatch::Any) && if_match.is_none_or(|tags| *tags == IfMatch::Any)
        }
    };
    if holds { Ok(()) } else { Err((&PRECONDITION_FAILED).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(if_match: Option<&str>, if_none_match: Option<&str>, versions: Versions) -> bool {
        let tags = |text: &str| match text {
            "*" => IfMatch::Any,
            tag => IfMatch::Tags(vec![tag.to_owned()]),
        };
        let headers = WriteHeaders {
            if_match: if_match.map(tags),
            if_none_match: if_none_match.map(tags),
            ..WriteHeaders::default()
        };
        check(&headers, versions).is_ok()
    }

    #[test]
    fn precondition_is_compared_with_what_is_there() {
        for versions in [Versions::Nothing, Versions::One(3), Versions::Many, Versions::Uncompared] {
            assert!(holds(None, None, versions), "{versions:?}");
        }
        for (if_match, nothing, one, many) in [
            ("*", false, true, true),
            ("\"3\"", false, true, false),
            ("W/\"3\"", false, false, false),
            ("\"2\"", false, false, false),
        ] {
            assert_eq!(holds(Some(if_match), None, Versions::Nothing), nothing, "{if_match}");
            assert_eq!(holds(Some(if_match), None, Versions::One(3)), one, "{if_match}");
            assert_eq!(holds(Some(if_match), None, Versions::Many), many, "{if_match}");
            assert!(holds(Some(if_match), None, Versions::Uncompared), "{if_match}");
        }
        for (if_none_match, one, many) in
            [("*", false, false), ("\"3\"", false, true), ("W/\"3\"", false, true), ("\"2\"", true, true)]
        {
            assert!(holds(None, Some(if_none_match), Versions::Nothing), "{if_none_match}");
            assert_eq!(holds(None, Some(if_none_match), Versions::One(3)), one, "{if_none_match}");
            assert_eq!(holds(None, Some(if_none_match), Versions::Many), many, "{if_none_match}");
        }
        assert!(!holds(Some("\"3\""), Some("\"3\""), Versions::One(3)));
    }
}

//! The versions of the Backend API.

use crate::headers::sent_with_different_values;
use crate::reasons::api_version_invalid;
use axum::http::{HeaderMap, HeaderName};
use verger_wire::Refused;

/// Versions of the Backend API that are known, oldest first.
pub const API_VERSIONS: [&str; 5] = ["2021-02-05", "2024-10-01", "2025-04-10", "2025-11-10", "2026-05-12"];

/// The header that names a version, and with which the effective one is echoed.
pub const API_VERSION_HEADER: HeaderName = HeaderName::from_static("clerk-api-version");

const API_VERSION_QUERY: &str = "__clerk_api_version";

/// A version of the API. Later ones compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(usize);

impl ApiVersion {
    /// What a request without a version gets.
    pub const DEFAULT: Self = Self(0);

    /// The date that names it.
    pub fn as_str(self) -> &'static str {
        API_VERSIONS.get(self.0).copied().unwrap_or(API_VERSIONS[0])
    }

    /// The version that a request asks for: by header or by query, not both.
    pub fn of(headers: &HeaderMap, query: Option<&str>) -> Result<Self, Refused> {
        let by_header = headers.get(API_VERSION_HEADER);
        let mut in_query = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .filter_map(|pair| pair.strip_prefix(API_VERSION_QUERY)?.strip_prefix('='));
        let by_query = in_query.next();
        if sent_with_different_values(headers, &API_VERSION_HEADER)
            || in_query.any(|other| Some(other) != by_query)
        {
            return Err(api_version_invalid("Name one version."));
        }
        let wanted = match (by_header, by_query) {
            (None, None) => return Ok(Self::DEFAULT),
            (Some(_), Some(_)) => {
                return Err(api_version_invalid(
                    "Name the version in the header or in the query, not in both.",
                ));
            }
            (Some(header), None) => header.to_str().unwrap_or(""),
            (None, Some(query)) => query,
        };
        let known = "The known versions are 2021-02-05, 2024-10-01, 2025-04-10, 2025-11-10 and 2026-05-12.";
        let found = API_VERSIONS.iter().position(|known| *known == wanted);
        found.map(Self).ok_or_else(|| api_version_invalid(known))
    }
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
        headers.insert(API_VERSION_HEADER, axum::http::HeaderValue::from_static("2025-11-10"));
        assert_eq!(ApiVersion::of(&headers, Some("a=1")).expect("known").as_str(), "2025-11-10");
        assert!(ApiVersion::of(&headers, Some("__clerk_api_version=2025-11-10")).is_err());
    }
}
